"""Confusion matrices, grids and galleries of images, boxes and masks drawn on images."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Tensor, plot, visualization

pytest.importorskip("matplotlib", reason="pictures are drawn by matplotlib")


@pytest.fixture(autouse=True)
def figures():
    """A figure of the user's, which stays; those of the tests are closed."""
    from matplotlib import pyplot

    own = pyplot.figure()
    yield own
    assert pyplot.fignum_exists(own.number)
    pyplot.close("all")


def matrix(axes) -> list[list[float]]:
    return axes.images[0].get_array().tolist()


def test_confusion_matrix_counts():
    axes = plot.confusion_matrix([0, 1, 1, 2, 2, 2], [0, 1, 2, 2, 2, 0], labels=["a", "$b$", "c"])
    assert matrix(axes) == [[1, 0, 0], [0, 1, 1], [1, 0, 2]]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["a", r"\$b\$", "c"]
    assert sorted(t.get_text() for t in axes.texts) == ["0", "0", "0", "0", "1", "1", "1", "1", "2"]
    assert axes.get_xlabel() == "predicted"
    assert axes.get_ylabel() == "true"
    axes.figure.canvas.draw()


@pytest.mark.parametrize(
    ("normalize", "wanted"),
    [("true", [[0.5, 0.5], [0, 1]]), ("pred", [[1, 0.5], [0, 0.5]]), ("all", [[1 / 3, 1 / 3], [0, 1 / 3]])],
)
def test_confusion_matrix_parts(normalize, wanted):
    np.testing.assert_allclose(matrix(plot.confusion_matrix([0, 0, 1], [0, 1, 1], normalize=normalize)), wanted)


def test_confusion_matrix_of_a_class_that_never_occurs_has_zeros():
    assert matrix(plot.confusion_matrix([0, 0], [0, 0], labels=["a", "b"], normalize="true")) == [[1, 0], [0, 0]]


def test_confusion_matrix_takes_what_networks_give():
    probabilities = Tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    one_hot = np.eye(2)[[1, 0, 0]]
    assert matrix(plot.confusion_matrix(one_hot, probabilities)) == [[1, 1], [0, 1]]
    assert matrix(plot.confusion_matrix([1, 0, 0], np.array([[0.9], [0.2], [0.7]]))) == [[1, 1], [0, 1]]
    assert matrix(plot.confusion_matrix([True, False], [1.0, 1.0])) == [[0, 1], [0, 1]]
    texts = plot.confusion_matrix(["dog", "cat"], np.array(["cat", "cat"]), labels=["cat", "dog"])
    assert matrix(texts) == [[1, 0], [1, 0]]
    known = plot.confusion_matrix([3, 7], [7, 7])
    assert [t.get_text() for t in known.get_yticklabels()] == ["3", "7"]


def test_confusion_matrix_of_many_classes_has_no_numbers(figures):
    axes = figures.subplots()
    assert plot.confusion_matrix(range(30), range(30), axes=axes) is axes
    assert not axes.texts
    figures.canvas.draw()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (([0, 1], [0]), "2 true and 1 predicted"),
        (([], []), "0 true"),
        (([0, 1], [0, 5], ["a", "b"]), "y_pred holds class 5, but there are 2 labels"),
        ((["a"], ["b"], ["a"]), "class 'b' is not among the labels"),
        (([0.25, 3.5], [0, 1]), "no classes, such as 0.25"),
        ((np.zeros((2, 2, 2)), [0, 1]), "y_true is"),
        (([0], [0], None, "rows"), "known are all, pred, true"),
    ],
)
def test_confusion_matrix_refuses(given, told):
    with pytest.raises(ValueError, match=told):
        plot.confusion_matrix(*given)


def test_image_grid_has_a_place_for_each():
    images = np.arange(7 * 4 * 6).reshape(7, 4, 6) % 256
    axes = plot.image_grid(images, titles=["a$", *range(6)])
    assert len(axes) == 7
    assert axes[0].get_title() == r"a\$"
    np.testing.assert_allclose(axes[3].images[0].get_array() * 255, images[3], rtol=1e-5)
    assert len(plot.image_grid(images, rows=1, columns=3)) == 3
    axes[0].figure.canvas.draw()


def test_image_grid_takes_channels_sizes_and_ranges():
    colored = plot.image_grid(np.full((1, 5, 5, 3), -1.0), value_range=(-1, 1))
    assert colored[0].images[0].get_array().max() == 0
    first = plot.image_grid(np.ones((2, 3, 5, 4)), data_format="channels_first")
    assert first[0].images[0].get_array().shape == (5, 4, 3)
    several = plot.image_grid([np.zeros((4, 4)), np.ones((6, 3, 3), np.float32), Tensor(np.zeros((2, 2, 1)))])
    assert [a.images[0].get_array().shape for a in several] == [(4, 4), (6, 3, 3), (2, 2)]
    holes = plot.image_grid(np.array([[[np.nan, 1.0], [2.0, np.inf]]]))
    np.testing.assert_allclose(holes[0].images[0].get_array(), [[0, 0], [1, 1]])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"images": np.zeros((2, 3))}, r"expected \(N, H, W\)"),
        ({"images": np.zeros((2, 3, 3, 2))}, "1, 3 or 4 channels"),
        ({"images": np.zeros((0, 3, 3))}, "no images"),
        ({"images": np.zeros((2, 3, 3)), "titles": ["a"]}, "need as many titles, got 1"),
        ({"images": np.zeros((2, 3, 3)), "rows": 0}, "rows must be"),
        ({"images": np.zeros((2, 3, 3)), "value_range": (1, 1)}, "value_range"),
    ],
)
def test_image_grid_refuses(given, told):
    with pytest.raises(ValueError, match=told):
        plot.image_grid(**given)


IMAGES = np.full((2, 30, 40, 3), 10, np.uint8)


def test_a_gallery_has_labels_and_a_file(tmp_path):
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    axes = visualization.plot_image_gallery(
        IMAGES, [0, 1], [1, 1], {0: "cat", 1: "dog"}, path=tmp_path / "g.png", cols=1
    )
    assert [a.get_title() for a in axes] == ["cat\npredicted dog", "dog\npredicted dog"]
    assert (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")
    assert pyplot.get_fignums() == before
    with pytest.raises(ValueError, match="not both"):
        visualization.plot_image_gallery(IMAGES, path="a.png", show=True)
    with pytest.raises(ValueError, match="need label_map"):
        visualization.plot_image_gallery(IMAGES, [0, 1])
    with pytest.raises(ValueError, match="no name of class 1"):
        visualization.plot_image_gallery(IMAGES, [0, 1], label_map={0: "cat"})


def test_boxes_are_drawn_where_they_are():
    boxes = {"boxes": np.array([[[5, 6, 20, 25]], [[0, 0, 39, 29]]]), "labels": np.array([[1], [-1]])}
    drawn = visualization.draw_bounding_boxes(IMAGES, boxes, "xyxy", color=(255, 0, 0), line_thickness=1)
    assert drawn.shape == IMAGES.shape
    assert drawn.dtype == np.uint8
    red = (drawn == [255, 0, 0]).all(-1)
    assert red[0].sum() == 2 * 16 + 2 * 20 - 4
    assert red[0, 6, 5:21].all()
    assert red[0, 6:26, 20].all()
    assert not red[1].any()
    relative = {**boxes, "boxes": boxes["boxes"] / [40, 30, 40, 30]}
    np.testing.assert_array_equal(
        visualization.draw_bounding_boxes(IMAGES, relative, "rel_xyxy", color=(255, 0, 0), line_thickness=1), drawn
    )
    first = visualization.draw_bounding_boxes(
        IMAGES.transpose(0, 3, 1, 2), boxes, "xyxy", None, (255, 0, 0), 1, data_format="channels_first"
    )
    np.testing.assert_array_equal(first.transpose(0, 2, 3, 1), drawn)
    named = visualization.draw_bounding_boxes(
        IMAGES, {**boxes, "confidences": [[0.5], [0.5]]}, "xyxy", {1: "dog"}, (255, 0, 0), 1
    )
    assert ((named[0] == [255, 0, 0]).all(-1)).sum() > red[0].sum() + 50


@pytest.mark.parametrize(
    ("boxes", "error", "told"),
    [
        ([1], TypeError, "must be a dict, got list"),
        ({"boxes": np.zeros((2, 1, 4))}, ValueError, "lack 'labels'"),
        ({"boxes": np.zeros((1, 1, 4)), "labels": np.zeros((1, 1))}, ValueError, r"expected \(2, boxes, 4\)"),
        ({"boxes": np.zeros((2, 1, 4)), "labels": np.zeros((2, 3))}, ValueError, r"labels \(2, 3\)"),
        ({"boxes": np.zeros((2, 1, 3)), "labels": np.zeros((2, 1))}, ValueError, "four numbers"),
    ],
)
def test_boxes_refuse(boxes, error, told):
    with pytest.raises(error, match=told):
        visualization.draw_bounding_boxes(IMAGES, boxes, "xyxy")


def test_masks_color_all_classes_but_the_background():
    masks = np.zeros((2, 30, 40, 1), int)
    masks[0, :5], masks[0, 5:9], masks[1, 0, 0] = 1, 2, 3
    drawn = visualization.draw_segmentation_masks(IMAGES, masks, 3, {1: (200, 0, 0), 2: (0, 200, 0), 3: (0, 0, 0)}, 0.5)
    assert drawn[0, 0, 0].tolist() == [105, 5, 5]
    assert drawn[0, 8, 0].tolist() == [5, 105, 5]
    assert drawn[0, 20, 0].tolist() == [10, 10, 10]
    whole = visualization.draw_segmentation_masks(IMAGES, masks[..., 0], blend=False, ignore_index=3)
    assert whole[1, 0, 0].tolist() == [10, 10, 10]
    assert whole[0, 0, 0].tolist() == [230, 159, 0]
    gray = visualization.draw_segmentation_masks(IMAGES[..., :1], masks, alpha=0.0)
    np.testing.assert_array_equal(gray, IMAGES)


@pytest.mark.parametrize(
    ("masks", "options", "error", "told"),
    [
        (np.zeros((2, 30, 40)), {}, TypeError, "must be integers, got float64"),
        (np.zeros((2, 3, 4), int), {}, ValueError, r"expected \(2, 30, 40\)"),
        (np.full((2, 30, 40), 5), {"num_classes": 3}, ValueError, "class 5 is not among the 3 classes"),
        (np.ones((2, 30, 40), int), {"color_mapping": {2: (0, 0, 0)}}, ValueError, "no colour of class 1"),
        (np.ones((2, 30, 40), int), {"alpha": 1.5}, ValueError, "alpha"),
    ],
)
def test_masks_refuse(masks, options, error, told):
    with pytest.raises(error, match=told):
        visualization.draw_segmentation_masks(IMAGES, masks, **options)


def test_galleries_of_boxes_and_masks():
    boxes = {"boxes": np.full((2, 1, 4), 9.0), "labels": np.zeros((2, 1))}
    axes = visualization.plot_bounding_box_gallery(
        IMAGES / 255, "xywh", boxes, boxes, (0, 1), class_mapping={0: "cat"}, legend=True, cols=2
    )
    assert [t.get_text() for t in axes[0].figure.legends[0].get_texts()] == ["true", "predicted"]
    masks = np.ones((2, 30, 40), int)
    axes = visualization.plot_segmentation_mask_gallery(IMAGES, 1, y_true=masks, y_pred=masks, alpha=1.0)
    assert len(axes) == 6
    np.testing.assert_allclose(axes[1].images[0].get_array()[0, 0] * 255, [230, 159, 0], rtol=1e-5)
    np.testing.assert_allclose(axes[0].images[0].get_array()[0, 0] * 255, [10, 10, 10], rtol=1e-5)
