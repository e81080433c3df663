"""Bounding boxes: formats, overlaps, and what image layers do to them, seen on images of white rectangles."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import capture, layers, utils
from lamina.ops.bounding_boxes import FORMATS
from lamina.testing import check_gradients

bb = utils.bounding_boxes
RNG = np.random.default_rng(0)
BOXES = np.array([[10, 20, 30, 40], [50, 60, 70, 90]], np.float32)


def test_examples_of_keras():
    np.testing.assert_allclose(bb.convert_format(BOXES, "xyxy", "xywh"), [[10, 20, 20, 20], [50, 60, 20, 30]])
    relative = bb.convert_format(BOXES, "xyxy", "rel_xyxy", height=200, width=300)
    np.testing.assert_allclose(relative[0], [10 / 300, 0.1, 0.1, 0.2], rtol=1e-6)
    clipped = bb.clip_to_image_size(
        {"boxes": np.array([[-10, -20, 150, 160], [50, 40, 70, 80], [130, 0, 140, 9]]), "labels": np.array([0, 1, 2])},
        height=100, width=120,
    )  # fmt: skip
    np.testing.assert_array_equal(clipped["boxes"], [[0, 0, 120, 100], [50, 40, 70, 80], [120, 0, 120, 9]])
    np.testing.assert_array_equal(clipped["labels"], [0, 1, -1])
    cropped = bb.crop(np.array([[10, 20, 50, 60], [70, 80, 100, 120]]), top=10, left=20, height=40, width=30)
    np.testing.assert_array_equal(cropped, [[0, 10, 30, 40], [30, 40, 30, 40]])
    np.testing.assert_array_equal(bb.pad(BOXES, top=1, left=2)[0], [12, 21, 32, 41])


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_every_format_goes_to_every_other_and_back(source, target):
    given = bb.convert_format(BOXES, "xyxy", source, 200, 300)
    there = bb.convert_format(given, source.upper(), target, 200, 300)
    np.testing.assert_allclose(bb.convert_format(there, target, "xyxy", 200, 300), BOXES, rtol=1e-5)
    in_dict = bb.convert_format({"boxes": given, "labels": 1}, source, target, 200, 300)
    np.testing.assert_array_equal(in_dict["boxes"], there)
    assert in_dict["labels"] == 1


def test_overlaps():
    a, b = np.array([[0, 0, 2, 2], [0, 0, 4, 2]], np.float32), np.array([[1, 1, 3, 3]], np.float32)
    np.testing.assert_allclose(bb.compute_iou(a, b, "xyxy"), [[1 / 7], [2 / 10]], rtol=1e-5)
    assert bb.compute_iou(np.stack([a, a]), b, "xyxy").shape == (2, 2, 1)
    nowhere = np.array([[-1, -1, -1, -1]], np.float32)
    masked = bb.compute_iou(a, np.concatenate([b, nowhere]), "xyxy", use_masking=True, mask_val=-3)
    np.testing.assert_allclose(masked, [[1 / 7, -3], [0.2, -3]], rtol=1e-5)
    np.testing.assert_allclose(bb.compute_ciou(a, a, "xyxy"), 1, rtol=1e-5)
    # overlap 1/7, middles (1, 1) and (2, 2) of a hull of 3 x 3, the same proportions
    np.testing.assert_allclose(bb.compute_ciou(a[:1], b, "xyxy"), [1 / 7 - 2 / 18], rtol=1e-4)
    check_gradients(lambda x: bb.compute_ciou(x, b.astype(np.float64), "xyxy"), a[:1].astype(np.float64) + 0.1)


def overlap(a, b):
    """IoU of two boxes (left, top, right, bottom)."""
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(across, 0) * max(down, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def complete(a, b):
    """CIoU of two boxes: Zheng et al. 2020."""
    middles = [((c[0] + c[2]) / 2, (c[1] + c[3]) / 2) for c in (a, b)]
    hull = max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])
    far = ((middles[0][0] - middles[1][0]) ** 2 + (middles[0][1] - middles[1][1]) ** 2) / (hull[0] ** 2 + hull[1] ** 2)
    angles = [np.arctan((c[2] - c[0]) / (c[3] - c[1])) for c in (a, b)]
    v = 4 / np.pi**2 * (angles[0] - angles[1]) ** 2
    iou = overlap(a, b)
    return iou - far - v * v / (1 - iou + v)


@pytest.mark.parametrize("source", [f for f in FORMATS if "rel" not in f])
def test_overlaps_of_many_boxes(source):
    """Boxes that overlap, lie beside each other, and within each other."""
    rng = np.random.default_rng(0)
    low = rng.integers(0, 12, (2, 30, 2))
    boxes = np.concatenate([low, low + rng.integers(1, 9, (2, 30, 2))], -1).astype(np.float64)
    given = [bb.convert_format(b, "xyxy", source) for b in boxes]
    want = [[overlap(a, b) for b in boxes[1]] for a in boxes[0]]
    assert 0.2 < np.mean(np.array(want) > 0) < 0.8
    np.testing.assert_allclose(bb.compute_iou(*given, source), want, rtol=1e-6)
    want = [complete(a, b) for a, b in zip(*boxes, strict=True)]
    np.testing.assert_allclose(bb.compute_ciou(*given, source), want, rtol=1e-6)


def test_boxes_of_nothing_are_masked():
    a = np.array([[-9, -9, -1, -1], [-9, -9, -1, 0.5], [-3, -3, 2, 2], [0, 0, 0.5, 0.5]])
    b = np.array([[[0, 0, 1, 1], [-2, -2, -1, -1]], [[-2, -2, -1, 0.25], [0, 0, 2, 2]]])
    nowhere = (a.max(-1) < 0)[None, :, None] | (b.max(-1) < 0)[:, None, :]
    want = np.where(nowhere, -7, bb.compute_iou(a, b, "xyxy").numpy())
    found = bb.compute_iou(a, b, "xyxy", use_masking=True, mask_val=-7)
    np.testing.assert_array_equal(found, want)
    assert nowhere.sum() == 7


def test_transformed_boxes_are_keras_s():
    boxes = np.array([[[1.0, 2, 5, 4], [0, 0, 3, 7]], [[4.0, 1, 9, 3], [2, 2, 3, 3]]])
    options = {
        "angle": np.array([30.0, -75.0]), "translate_x": np.array([0.1, -0.2]), "translate_y": np.array([0.05, 0.3]),
        "scale": np.array([0.5, 1.25]), "shear_x": np.array([10.0, -20.0]), "shear_y": np.array([5.0, 15.0]),
        "height": 8, "width": 11,
    }  # fmt: skip
    middle = [
        [[3.20902, 2.76477, 5.75109, 4.523], [2.07819, 2.27923, 5.80089, 6.09977]],
        [[0.68454, -0.38229, 7.07203, 6.08819], [-0.90453, -2.97048, 1.09741, -1.67638]],
    ]
    corner = [
        [[1.30719, 3.18843, 3.84926, 4.94666], [0.17636, 2.70289, 3.89906, 6.52343]],
        [[2.28384, 4.60295, 8.67134, 11.07343], [0.69477, 2.01476, 2.69671, 3.30886]],
    ]
    for more, want in (({}, middle), ({"center_x": 0.25, "center_y": 0.75}, corner)):
        for dtype in (np.float64, np.float32, np.int32):
            found = bb.affine_transform(boxes.astype(dtype), **options, **more)
            assert found.dtype == (dtype if dtype != np.int32 else np.float32)
            np.testing.assert_allclose(found, want, atol=1e-5)
    for wrong in (boxes[0], boxes[..., :3], boxes[None]):
        with pytest.raises(ValueError, match="affine_transform: boxes are"):
            bb.affine_transform(wrong, **options)


def test_variances_are_four_numbers():
    for wrong in ([0.1], [0.1, 0.2, 0.3], [1, 2, 3, 4, 5], 0.1, [[1, 2, 3, 4, 5]] * 4):
        with pytest.raises(ValueError, match="encode_box_to_deltas: variance must be four numbers"):
            bb.encode_box_to_deltas(BOXES, BOXES, "xyxy", "xyxy", variance=wrong)


def test_labels_of_boxes_outside_of_the_image():
    boxes = np.array([[[0, 0, 3, 3], [9, 1, 12, 5], [1, 8, 2, 8], [-2, -2, 1, 1]]], np.float32)
    for labels, want in (
        ([[5, 6, 7, 8]], [[5, -1, -1, 8]]),
        ([[[1, 0], [1, 0], [0, 1], [0, 1]]], [[[1, 0], [-1, -1], [-1, -1], [0, 1]]]),
    ):
        found = bb.clip_to_image_size({"boxes": boxes, "labels": np.array(labels)}, 7, 8, "xyxy")
        np.testing.assert_array_equal(found["labels"], want)
        np.testing.assert_array_equal(found["boxes"][0], [[0, 0, 3, 3], [8, 1, 8, 5], [1, 7, 2, 7], [0, 0, 1, 1]])
        relative = {"boxes": boxes / [8, 7, 8, 7], "labels": np.array(labels)}
        found = bb.clip_to_image_size(relative, bounding_box_format="rel_xyxy")
        np.testing.assert_array_equal(found["labels"], want)
        np.testing.assert_allclose(
            found["boxes"][0, :3], [[0, 0, 3 / 8, 3 / 7], [1, 1 / 7, 1, 5 / 7], [1 / 8, 1, 1 / 4, 1]]
        )


@pytest.mark.parametrize("order", ["center_xywh", "center_yxhw"])
def test_deltas_and_back(order):
    anchors = np.array([[0, 0, 10, 10], [20, 10, 40, 50]], np.float32)
    options = {"variance": [0.1, 0.1, 0.2, 0.2]}
    deltas = bb.encode_box_to_deltas(anchors, BOXES, "xyxy", "xyxy", encoding_format=order, **options)
    again = bb.decode_deltas_to_boxes(anchors, deltas, "xyxy", "xyxy", encoded_format=order, **options)
    np.testing.assert_allclose(again, BOXES, rtol=1e-5)
    levels = bb.decode_deltas_to_boxes({"a": anchors}, {"a": deltas}, "xyxy", "xyxy", order, **options)
    np.testing.assert_array_equal(levels["a"], again)
    first = bb.encode_box_to_deltas(anchors, BOXES, "xyxy", "xyxy", "center_xywh").numpy()[0]
    np.testing.assert_allclose(first, [1.5, 2.5, np.log(2), np.log(2)], rtol=1e-6)


def test_wrong_arguments():
    for call, message in (
        (lambda: bb.convert_format(BOXES, "xyxz", "xyxy"), "unknown source of convert_format 'xyxz': did you mean"),
        (lambda: bb.convert_format(BOXES, "xyxy", "rel_xywh"), "needs the image's height and width, got None and None"),
        (lambda: bb.convert_format(BOXES[:, :3], "xyxy", "xywh"), r"boxes are \(2, 3\), expected four numbers"),
        (lambda: bb.clip_to_image_size({"boxes": BOXES}), "'xyxy' needs height and width"),
        (lambda: bb.clip_to_image_size({"boxes": BOXES}, 1, 1, "xywh"), "must be 'xyxy' or 'rel_xyxy', got 'xywh'"),
        (lambda: bb.compute_iou(BOXES[0], BOXES, "xyxy"), r"boxes1 are \(4,\), expected \(boxes, 4\)"),
        (lambda: bb.encode_box_to_deltas(BOXES, BOXES, "xyxy", "xyxy", variance=[1, 2]), "variance must be four"),
        (
            lambda: bb.affine_transform(BOXES, 0, 0, 0, 1, 0, 0, 9, 9),
            r"boxes are \(2, 4\), expected \(batch, boxes, 4\)",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()


# ---- layers ----


def rectangles(n, height, width):
    """Images of a white rectangle each, and its box."""
    images, boxes = np.zeros((n, height, width, 1), np.float32), np.zeros((n, 1, 4), np.float32)
    for i in range(n):
        top, left = RNG.integers(0, height // 2), RNG.integers(0, width // 2)
        bottom, right = top + RNG.integers(6, height // 2 + 1), left + RNG.integers(6, width // 2 + 1)
        images[i, top:bottom, left:right] = 1
        boxes[i, 0] = left, top, right, bottom
    return images, boxes


def seen(image):
    """The box of what is white."""
    rows, columns = (np.flatnonzero(image[..., 0].max(axis) > 0.5) for axis in (1, 0))
    return None if not len(rows) else (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)


LAYERS = [
    ("RandomFlip", {"mode": "horizontal"}, 0), ("RandomFlip", {"mode": "vertical"}, 0), ("RandomFlip", {}, 0),
    ("RandomTranslation", {"height_factor": 0.3, "width_factor": 0.2, "fill_mode": "constant"}, 1.01),
    ("RandomZoom", {"height_factor": 0.3, "width_factor": (-0.3, 0.2), "fill_mode": "constant"}, 1.01),
    ("RandomRotation", {"factor": 0.25, "fill_mode": "constant"}, 1.6),
    ("RandomShear", {"x_factor": 0.3, "y_factor": 0.2, "fill_mode": "constant"}, 1.6),
    ("RandomPerspective", {"scale": 0.4}, 2.0),
    ("CenterCrop", {"height": 20, "width": 17}, 0), ("CenterCrop", {"height": 60, "width": 45}, 1.01),
    ("RandomCrop", {"height": 22, "width": 19}, 0), ("RandomCrop", {"height": 52, "width": 45}, 1.01),
    ("Resizing", {"height": 61, "width": 40}, 1.01),
    ("Resizing", {"height": 50, "width": 80, "crop_to_aspect_ratio": True}, 1.6),
    ("Resizing", {"height": 50, "width": 80, "pad_to_aspect_ratio": True}, 1.6),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "tolerance"), LAYERS)
@pytest.mark.parametrize("source", ["xyxy", "rel_center_xywh", "xywh"])
def test_boxes_follow_what_is_in_them(name, options, tolerance, source):
    if "fill_mode" in options or name == "RandomPerspective":
        options = {**options, "interpolation": "nearest"}
    if name not in ("CenterCrop", "Resizing"):
        options = {**options, "seed": 7}
    layer = getattr(layers, name)(**options, bounding_box_format=source)
    assert layer.get_config()["bounding_box_format"] == source
    images, boxes = rectangles(12, 40, 32)
    labels = np.arange(12).reshape(12, 1)
    given = bb.convert_format(boxes, "xyxy", source, 40, 32)
    out = layer({"images": images, "bounding_boxes": {"boxes": given, "labels": labels}}, training=True)
    height, width = out["images"].shape[1:3]
    found = bb.convert_format(out["bounding_boxes"]["boxes"], source, "xyxy", height, width).numpy()
    for i in range(12):
        shown = seen(out["images"].numpy()[i])
        if shown is None:
            area = np.prod(found[i, 0, 2:] - found[i, 0, :2])
            assert area <= 2 * (tolerance + 0.1) * max(height, width)
            continue
        slack = tolerance + 1e-3
        if name in ("RandomRotation", "RandomShear", "RandomPerspective"):  # a corner may be cut off by the edge
            assert (found[i, 0, :2] <= np.array(shown[:2]) + slack).all()
            assert (found[i, 0, 2:] >= np.array(shown[2:]) - slack).all()
            inside = found[i, 0].min() > 0 and found[i, 0, 2] < width and found[i, 0, 3] < height
            if not inside:
                continue
        np.testing.assert_allclose(found[i, 0], shown, atol=slack, err_msg=f"image {i}")
        assert out["bounding_boxes"]["labels"].numpy()[i, 0] == i
    single = layer({"images": images[0], "bounding_boxes": {"boxes": given[0], "labels": labels[0]}}, training=True)
    assert single["bounding_boxes"]["boxes"].shape == (1, 4)


def test_without_training_boxes_stay():
    images, boxes = rectangles(3, 20, 20)
    given = {"boxes": boxes, "labels": np.ones((3, 1), np.int64)}
    out = layers.RandomRotation(0.3, bounding_box_format="xyxy")(
        {"images": images, "bounding_boxes": given}, training=False
    )
    np.testing.assert_array_equal(out["bounding_boxes"]["boxes"], boxes)
    bright = layers.RandomBrightness(0.5, seed=1, bounding_box_format="xywh")
    out = bright({"images": images, "bounding_boxes": given}, training=True)
    np.testing.assert_array_equal(out["bounding_boxes"]["boxes"], boxes)
    np.testing.assert_array_equal(out["bounding_boxes"]["labels"], given["labels"])


def test_lists_of_different_lengths():
    images, _ = rectangles(2, 20, 20)
    given = {"boxes": [[[1, 2, 3, 4]], [[0, 0, 5, 5], [1, 1, 9, 9]]], "labels": [[7], [8, 9]]}
    flip = layers.RandomFlip(seed=0, bounding_box_format="xyxy")
    out = flip({"images": images, "bounding_boxes": given}, training=False)
    np.testing.assert_array_equal(out["bounding_boxes"]["labels"], [[7, -1], [8, 9]])
    np.testing.assert_array_equal(out["bounding_boxes"]["boxes"][0], [[1, 2, 3, 4], [0, 0, 0, 0]])
    exactly = layers.MaxNumBoundingBoxes(3, fill_value=-5)
    out = exactly({"images": images, "bounding_boxes": given})
    np.testing.assert_array_equal(out["bounding_boxes"]["labels"], [[7, -1, -5], [8, 9, -5]])
    assert (out["bounding_boxes"]["boxes"].numpy()[:, 2] == -5).all()
    out = layers.MaxNumBoundingBoxes(1)({"images": images, "bounding_boxes": given})
    np.testing.assert_array_equal(out["bounding_boxes"]["boxes"], [[[1, 2, 3, 4]], [[0, 0, 5, 5]]])
    shape = exactly.compute_output_shape(
        {"images": (5, 20, 20, 1), "bounding_boxes": {"boxes": (5, 2, 4), "labels": (5, 2)}}
    )
    assert shape["bounding_boxes"] == {"boxes": (5, 3, 4), "labels": (5, 3)}
    assert layers.MaxNumBoundingBoxes.from_config(exactly.get_config()).fill_value == -5


def test_mixed_images_have_the_boxes_of_both():
    images, boxes = rectangles(4, 20, 20)
    given = {"boxes": boxes, "labels": np.arange(4).reshape(4, 1)}
    layer = layers.MixUp(seed=1, bounding_box_format="xyxy")
    out = layer({"images": images, "bounding_boxes": given}, training=True)["bounding_boxes"]
    assert out["boxes"].shape == (4, 2, 4)
    other = out["labels"].numpy()[:, 1]
    np.testing.assert_array_equal(out["boxes"].numpy()[:, 1], boxes[other, 0])


def test_captured_steps_move_boxes_anew():
    images, boxes = rectangles(4, 20, 20)
    labels = np.ones((4, 1), np.int64)
    for kind in (lambda: layers.RandomRotation(0.2, seed=3, bounding_box_format="xyxy"),
                 lambda: layers.RandomCrop(12, 11, seed=3, bounding_box_format="xyxy")):  # fmt: skip
        eager, replayed = kind(), kind()

        def step(images, boxes, labels, layer=replayed):
            out = layer({"images": images, "bounding_boxes": {"boxes": boxes, "labels": labels}}, training=True)
            return out["images"], out["bounding_boxes"]["boxes"], out["bounding_boxes"]["labels"]

        captured = capture(step)
        given = [lamina.Tensor(a) for a in (images, boxes, labels)]
        for _ in range(3):
            for got, want in zip(captured(*given), step(*given, layer=eager), strict=True):
                np.testing.assert_array_equal(got, want)
        assert captured.reason is None


def test_rand_augment_moves_boxes():
    images, boxes = rectangles(4, 20, 20)
    images = np.repeat(images * 255, 3, axis=-1)
    layer = layers.RandAugment(seed=5, bounding_box_format="xyxy", num_ops=3)
    given = {"boxes": boxes, "labels": np.ones((4, 1), np.int64)}
    moved = [layer({"images": images, "bounding_boxes": given}, training=True)["bounding_boxes"] for _ in range(8)]
    assert any(not np.array_equal(m["boxes"], boxes) for m in moved)
    assert all(m["boxes"].shape == boxes.shape for m in moved)


def test_errors_name_what_is_wrong():
    images, boxes = rectangles(2, 20, 20)
    good = {"boxes": boxes, "labels": np.ones((2, 1))}
    flip = layers.RandomFlip(bounding_box_format="xyxy")
    for layer, given, message in (
        (layers.RandomFlip(), good, r"RandomFlip '.*'bounding_boxes' need a bounding_box_format"),
        (layers.CutMix(), good, "CutMix '.*'bounding_boxes' are not supported"),
        (layers.RandomElasticTransform(), good, "'bounding_boxes' are not supported"),
        (flip, boxes, "must be a dict of 'boxes' and 'labels'"),
        (flip, {"boxes": boxes}, "must be a dict of 'boxes' and 'labels'"),
        (
            flip,
            {"boxes": boxes[..., :3], "labels": np.ones((2, 1))},
            r"boxes are \(2, 1, 3\), labels \(2, 1\), expected",
        ),
        (flip, {"boxes": boxes, "labels": np.ones((2, 3))}, r"labels \(2, 3\), expected \(N, boxes, 4\)"),
        (flip, {"boxes": [[[1, 2, 3, 4]]], "labels": [[1, 2]]}, r"images have \[1\] boxes and \[2\] labels"),
        (flip, {"boxes": [[[1, 2, 3, 4]]], "labels": 3}, "lists need a label for each box"),
    ):
        with pytest.raises(ValueError, match=message):
            layer({"images": images, "bounding_boxes": given}, training=True)
    plain = layers.RandomFlip()
    with pytest.raises(ValueError, match="'bounding_boxes' need a bounding_box_format"):
        plain.transform_bounding_boxes(good, plain.get_random_transformation(images))
    for of in (np.asarray, np.ndarray.tolist):
        by_place = {"images": images, "bounding_boxes": {key: of(np.asarray(value)) for key, value in good.items()}}
        with pytest.raises(TypeError, match="tensors alone are given by their places; write training=True"):
            flip(by_place, True)
    with pytest.raises(ValueError, match="must be a dict of 'boxes' and 'labels'"):
        flip.transform_bounding_boxes(boxes, flip.get_random_transformation(images))
    with pytest.raises(ValueError, match="bounding_box_format='xyxy' is not supported"):
        layers.RandomElasticTransform(bounding_box_format="xyxy")
    with pytest.raises(ValueError, match="max_number must be a positive integer, got 0"):
        layers.MaxNumBoundingBoxes(0)


WITH_BOXES = [
    ("RandomFlip", {"seed": 1}), ("RandomRotation", {"factor": 0.1, "seed": 1}),
    ("CenterCrop", {"height": 9, "width": 7}), ("Resizing", {"height": 9, "width": 30}),
    ("RandomTranslation", {"height_factor": 0.2, "width_factor": 0.1, "seed": 1}),
    ("RandomCrop", {"height": 9, "width": 7, "seed": 1}), ("RandomZoom", {"height_factor": 0.2, "seed": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), WITH_BOXES)
@pytest.mark.parametrize("rows", [False, True])
def test_a_single_image_has_the_boxes_of_a_batch_of_one(name, options, rows):
    images, _ = rectangles(1, 20, 24)
    boxes = np.array([[[1.0, 2, 9, 8], [3, 3, 12, 15]]], np.float32)
    labels = np.array([[[1, 0, 0], [0, 1, 0]]]) if rows else np.array([[5, 6]])
    batch, single = (getattr(layers, name)(bounding_box_format="xyxy", **options) for _ in range(2))
    many = batch({"images": images, "bounding_boxes": {"boxes": boxes, "labels": labels}}, training=True)
    one = single({"images": images[0], "bounding_boxes": {"boxes": boxes[0], "labels": labels[0]}}, training=True)
    np.testing.assert_array_equal(one["images"], many["images"][0])
    for key in ("boxes", "labels"):
        np.testing.assert_array_equal(one["bounding_boxes"][key], many["bounding_boxes"][key][0])
    assert one["bounding_boxes"]["labels"].shape == labels[0].shape


def test_lists_of_boxes_in_both_modes():
    images, _ = rectangles(2, 20, 20)
    given = {"boxes": [[[1, 2, 3, 4]], [[0, 0, 5, 5], [1, 1, 9, 9]]], "labels": [[7], [8, 9]]}
    calm = layers.RandomRotation((0.25, 0.25), bounding_box_format="xyxy")
    same = calm({"images": images, "bounding_boxes": given}, training=False)["bounding_boxes"]["boxes"].numpy()
    np.testing.assert_array_equal(same[:, 0], [[1, 2, 3, 4], [0, 0, 5, 5]])
    turned = calm({"images": images, "bounding_boxes": given}, training=True)["bounding_boxes"]["boxes"].numpy()
    assert np.abs(turned[0, 0] - [1, 2, 3, 4]).max() > 5


@pytest.mark.parametrize(("rows", "columns"), [(10, 20), (20, 10), (12, 12), (11, 20)])
def test_boxes_of_resized_images_with_a_border(rows, columns):
    """The border that keeps the proportions is as wide on both sides."""
    layer = layers.Resizing(16, 24, pad_to_aspect_ratio=True, bounding_box_format="xyxy")
    boxes = np.array([[[1.0, 2, 9, 8]]], np.float32)
    images = np.zeros((1, rows, columns, 1), np.float32)
    found = layer({"images": images, "bounding_boxes": {"boxes": boxes, "labels": np.array([[1]])}})
    found = found["bounding_boxes"]["boxes"]
    height, width = max(rows, columns * 16 // 24), max(columns, rows * 24 // 16)
    down, across = (height - rows) // 2, (width - columns) // 2
    scale = np.array([24 / (columns + 2 * across), 16 / (rows + 2 * down)] * 2)
    np.testing.assert_allclose(found[0, 0], (boxes[0, 0] + [across, down, across, down]) * scale, rtol=1e-5)


def test_turned_and_enlarged_boxes_to_the_pixel():
    images = np.zeros((1, 10, 12, 1), np.float32)
    given = {"boxes": np.array([[[2.0, 3, 5, 7]]], np.float32), "labels": np.array([[1]])}
    turn = layers.RandomRotation((0.5, 0.5), bounding_box_format="xyxy")
    found = turn({"images": images, "bounding_boxes": given}, training=True)["bounding_boxes"]["boxes"]
    np.testing.assert_allclose(found[0, 0], [12 - 5, 10 - 7, 12 - 2, 10 - 3], atol=1e-4)
    square = {"images": images[:, :, :10], "bounding_boxes": given}
    quarter = layers.RandomRotation((0.25, 0.25), bounding_box_format="xyxy")
    found = quarter(square, training=True)["bounding_boxes"]["boxes"]
    np.testing.assert_allclose(found[0, 0], [3, 10 - 5, 7, 10 - 2], atol=1e-4)
    zoom = layers.RandomZoom((-0.5, -0.5), (-0.2, -0.2), bounding_box_format="xyxy")
    found = zoom({"images": images, "bounding_boxes": given}, training=True)["bounding_boxes"]["boxes"]
    want = [6 + (2 - 6) / 0.8, 5 + (3 - 5) / 0.5, 6 + (5 - 6) / 0.8, 5 + (7 - 5) / 0.5]
    np.testing.assert_allclose(found[0, 0], want, atol=1e-4)
