"""Layers on images: what they do to pixels, the same for the same seed, nothing without training, single images."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import capture, layers, models
from lamina.layers.preprocessing.geometry import homographies
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (4, 6, 5, 3)).astype(np.float32)
RANDOM = [
    ("RandomFlip", {}),
    ("RandomFlip", {"mode": "vertical"}),
    ("RandomContrast", {"factor": 0.6}),
    ("RandomBrightness", {"factor": (-0.5, 0.3)}),
    ("RandomRotation", {"factor": 0.2}),
    ("RandomZoom", {"height_factor": 0.4, "fill_mode": "wrap"}),
    ("RandomTranslation", {"height_factor": 0.4, "width_factor": (0.1, 0.3), "interpolation": "nearest"}),
    ("RandomShear", {"x_factor": 0.4, "y_factor": 0.1, "fill_mode": "constant", "fill_value": 9.0}),
    ("RandomPerspective", {"factor": (0.8, 1.0), "scale": 0.6}),
    ("RandomHue", {"factor": (0.2, 1.0)}),
    ("RandomSaturation", {"factor": 1.0}),
    ("RandomColorDegeneration", {"factor": 1.0}),
    ("RandomGrayscale", {}),
    (
        "RandomColorJitter",
        {"brightness_factor": 0.3, "contrast_factor": 0.5, "saturation_factor": 0.9, "hue_factor": 0.4},
    ),
    ("RandomInvert", {"factor": (0.5, 0.5)}),
    ("RandomPosterization", {"factor": (1, 8)}),
    ("RandomSharpness", {"factor": 1.0}),
    ("RandomGaussianBlur", {"kernel_size": 3, "sigma": (0.4, 1.0), "factor": (0.9, 1.0)}),
    ("RandomErasing", {"factor": (1.0, 1.0), "scale": (0.2, 0.6)}),
    ("Solarization", {"addition_factor": 0.3, "threshold_factor": 1.0}),
    ("MixUp", {"alpha": 1.0}),
    ("CutMix", {}),
    ("RandomCrop", {"height": 3, "width": 2}),
]
IN_PYTHON = [("RandAugment", {"num_ops": 3}), ("AugMix", {})]
SAME_SIZE = [row for row in RANDOM if row[0] != "RandomCrop"]


def make(name, options, **more):
    return getattr(layers, name)(**{**options, **more})


@pytest.mark.parametrize(("name", "options"), [*RANDOM, *IN_PYTHON])
def test_one_seed_gives_the_same_images_and_each_call_others(name, options):
    first, second = make(name, options, seed=7), make(name, options, seed=7)
    calls = [np.asarray(first(IMAGES, training=True)) for _ in range(5)]
    for want in calls:
        np.testing.assert_array_equal(second(IMAGES, training=True), want)
    assert any(not np.array_equal(calls[0], c) for c in calls[1:])
    third = make(name, options, seed=8)
    assert any(not np.array_equal(third(IMAGES, training=True), c) for c in calls)


@pytest.mark.parametrize(("name", "options"), [*SAME_SIZE, *IN_PYTHON, ("Equalization", {})])
def test_without_training_images_stay(name, options):
    np.testing.assert_array_equal(make(name, options)(IMAGES, training=False), IMAGES)
    np.testing.assert_array_equal(make(name, options)(IMAGES.astype(np.uint8), training=False), IMAGES.astype(np.uint8))


@pytest.mark.parametrize(("name", "options"), RANDOM)
def test_a_single_image_is_a_batch_of_one(name, options):
    one = make(name, options, seed=3)(IMAGES[0], training=True)
    batch = make(name, options, seed=3)(IMAGES[:1], training=True)
    np.testing.assert_array_equal(one, batch[0])


@pytest.mark.parametrize(("name", "options"), RANDOM)
def test_captured_steps_draw_anew_what_eager_ones_draw(name, options):
    eager, replayed = make(name, options, seed=5), make(name, options, seed=5)
    step = capture(lambda x: replayed(x, training=True))
    x = lamina.Tensor(IMAGES)
    for _ in range(5):
        np.testing.assert_array_equal(step(x).numpy(), eager(x, training=True).numpy())
    assert step.reason is None
    assert len(step.plans) == 1


@pytest.mark.parametrize(("name", "options"), [row for row in [*RANDOM, *IN_PYTHON] if row[0] != "RandomErasing"])
def test_channels_first_is_the_same_turned(name, options):
    last = make(name, options, seed=2)(IMAGES, training=True).numpy()
    first = make(name, options, seed=2, data_format="channels_first")(np.moveaxis(IMAGES, -1, 1), training=True)
    np.testing.assert_allclose(np.moveaxis(first.numpy(), 1, -1), last, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(("name", "options"), RANDOM)
def test_in_a_model_that_is_fitted_and_saved(name, options, tmp_path):
    model = models.Sequential([
        layers.Input((6, 5, 3)), layers.Rescaling(1 / 255), make(name, options, seed=4), layers.Flatten(),
        layers.Dense(1),
    ])  # fmt: skip
    model.compile("sgd", "mse")
    history = model.fit(IMAGES, np.zeros((4, 1)), epochs=3, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    want = model.predict(IMAGES, verbose=0)
    model.save(tmp_path / "m.lamina")
    np.testing.assert_array_equal(lamina.load_model(tmp_path / "m.lamina").predict(IMAGES, verbose=0), want)


@pytest.mark.parametrize(("name", "options"), [*RANDOM, ("CenterCrop", {"height": 2, "width": 2})])
def test_images_of_other_axes_are_refused_by_name(name, options):
    with pytest.raises(ValueError, match=rf"{name} '.*the images are \(3, 4\), expected \(H, W, C\) or a batch"):
        make(name, options)(np.zeros((3, 4), np.float32), training=True)
    with pytest.raises(ValueError, match=r"unknown bounding_box_format of|bounding_box_format='xywz' is not"):
        make(name, options, bounding_box_format="xywz")


@pytest.mark.parametrize(("name", "options"), [
    row for row in RANDOM if "factor" in str(row[1]) and "mode" not in row[1] and row[0] != "RandomPosterization"
])  # fmt: skip
def test_factors_are_a_number_or_two(name, options):
    factor = next(key for key in options if "factor" in key)
    for wrong in ([0.3], (0.3,), (), (0.1, 0.2, 0.3), [[0.1, 0.2]], "0.2", True, float("nan")):
        with pytest.raises(ValueError, match="factor must be a number or two numbers in"):
            make(name, options, **{factor: wrong})
    layer = make(name, options, **{factor: 1.0})
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


def test_flip_mirrors_whole_images():
    x = np.arange(12, dtype=np.float32).reshape(1, 3, 4, 1)
    horizontal, vertical = x[:, :, ::-1], x[:, ::-1]
    for mode, flipped in (("horizontal", horizontal), ("vertical", vertical), (None, horizontal[:, ::-1])):
        layer = layers.RandomFlip(mode, seed=0) if mode else layers.RandomFlip(seed=0)
        seen = [layer(x, training=True).numpy() for _ in range(40)]
        changed = [np.array_equal(y, flipped) for y in seen]
        assert all(c or np.array_equal(y, x) for c, y in zip(changed, seen, strict=True))
        assert 8 < sum(changed) < 32
    with pytest.raises(ValueError, match=r"mode of RandomFlip.*did you mean 'horizontal'"):
        layers.RandomFlip("horizontl")


def test_labels_and_masks_come_along():
    masks = RNG.integers(0, 3, (4, 6, 5, 1))
    labels = np.arange(4)
    out = layers.RandomFlip("horizontal", seed=1)(
        {"images": IMAGES, "labels": labels, "segmentation_masks": masks, "name": labels}, training=True
    )
    flipped = [not np.array_equal(a, b) for a, b in zip(out["images"].numpy(), IMAGES, strict=True)]
    assert any(flipped)
    assert not all(flipped)
    for i, f in enumerate(flipped):
        want = masks[i, :, ::-1] if f else masks[i]
        np.testing.assert_array_equal(out["segmentation_masks"].numpy()[i], want)
    np.testing.assert_array_equal(out["labels"], labels)
    np.testing.assert_array_equal(out["name"], labels)
    bright = layers.RandomBrightness(0.9, seed=1)({"images": IMAGES, "segmentation_masks": masks}, training=True)
    np.testing.assert_array_equal(bright["segmentation_masks"], masks)
    with pytest.raises(ValueError, match="'bounding_boxes' need a bounding_box_format, such as 'xyxy'"):
        layers.RandomFlip()({"images": IMAGES, "bounding_boxes": labels}, training=True)


def test_brightness_and_contrast():
    x = np.full((5, 4, 4, 1), 100, np.float32)
    added = layers.RandomBrightness((0.1, 0.2), seed=0)(x, training=True).numpy() - 100
    assert (added == added[:, :1, :1]).all()
    assert ((added >= 25.4) & (added <= 51.1)).all()
    assert len(np.unique(added)) == 5
    assert (layers.RandomBrightness(1.0, (0, 1), seed=0)(x / 100, training=True).numpy() <= 1).all()
    layer = layers.RandomContrast(0.5, seed=1)
    drawn = layer.get_random_transformation(IMAGES)
    factor = drawn["contrast_factor"].numpy()
    assert ((factor > 0.5) & (factor < 1.5)).all()
    assert factor.min() < 1 < factor.max()
    mean = IMAGES.mean(axis=(1, 2), keepdims=True)
    want = np.clip((IMAGES - mean) * factor + mean, 0, 255)
    np.testing.assert_allclose(layer.transform_images(IMAGES, drawn), want, rtol=1e-5)
    for wrong in (-0.1, 1.5, "much", (0.1, 0.2, 0.3), None):
        with pytest.raises(ValueError, match=r"RandomContrast '.*: factor must be a number or two numbers in"):
            layers.RandomContrast(wrong)
    for wrong in (1.0, (0, 0), (0, float("nan")), (0, 1, 2), "ab"):
        with pytest.raises(ValueError, match="value_range must be two numbers"):
            layers.RandomBrightness(0.1, value_range=wrong)


def test_crops():
    x = np.arange(2 * 6 * 5, dtype=np.float32).reshape(2, 6, 5, 1)
    np.testing.assert_array_equal(layers.CenterCrop(2, 3)(x), x[:, 2:4, 1:4])
    np.testing.assert_array_equal(layers.CenterCrop(2, 3)(x[0]), x[0, 2:4, 1:4])
    np.testing.assert_array_equal(layers.CenterCrop(6, 5)(x.astype(np.uint8)), x)
    larger = layers.CenterCrop(8, 4)(x).numpy()  # (6, 3) of the middle, resized
    np.testing.assert_array_equal(larger, lamina.ops.image.resize(x[:, :, 1:4], (8, 4)).numpy())
    layer = layers.RandomCrop(3, 2, seed=0)
    places = set()
    for _ in range(60):
        y = layer(x, training=True).numpy()
        top, left = divmod(int(y[0, 0, 0, 0]), 5)
        np.testing.assert_array_equal(y, x[:, top : top + 3, left : left + 2])
        places.add((top, left))
    assert len(places) > 11  # of 16
    assert {top for top, _ in places} == {left for _, left in places} == {0, 1, 2, 3}
    np.testing.assert_array_equal(layer(x, training=False), lamina.ops.image.resize(x[:, :, 0:4], (3, 2)).numpy())
    np.testing.assert_array_equal(layers.CenterCrop(6, 3)(x), x[:, :, 1:4])
    np.testing.assert_array_equal(layers.CenterCrop(2, 5)(x), x[:, 2:4])
    boxes = {"boxes": np.array([[[1, 2, 5, 6]], [[0, 0, 3, 3]]], np.float32), "labels": np.array([[1], [2]])}
    for size, offset in (((6, 3), (1, 0)), ((2, 5), (0, 2))):
        crop = layers.CenterCrop(*size, bounding_box_format="xyxy")
        found = crop({"images": x, "bounding_boxes": boxes})["bounding_boxes"]["boxes"].numpy()
        moved = boxes["boxes"] - np.array([*offset, *offset])
        np.testing.assert_array_equal(found, np.clip(moved, 0, [size[1], size[0]] * 2))
    calm = layers.RandomCrop(3, 2, bounding_box_format="xyxy")
    whole = calm({"images": x, "segmentation_masks": x, "bounding_boxes": boxes, "more": x[0]}, training=False)
    np.testing.assert_array_equal(whole["images"], calm(x, training=False))
    np.testing.assert_array_equal(whole["segmentation_masks"], calm(x, training=False))
    np.testing.assert_allclose(whole["bounding_boxes"]["boxes"], np.clip(boxes["boxes"] / 2, 0, [2, 3, 2, 3]))
    np.testing.assert_array_equal(whole["more"], x[0])
    assert set(calm({"images": x}, training=False)) == {"images"}
    as_high = layers.RandomCrop(6, 2, seed=0)  # nothing to choose from down: the largest part, resized
    np.testing.assert_array_equal(as_high(x, training=True), as_high(x, training=False))
    np.testing.assert_array_equal(layers.RandomCrop(6, 5)(x, training=True), x)
    assert layers.RandomCrop(3, 2).compute_output_shape((None, None, None, 3)) == (None, 3, 2, 3)
    with pytest.raises(ValueError, match=r"CenterCrop '.*: height must be a positive integer, got 0"):
        layers.CenterCrop(0, 3)


def test_rescaling():
    x = np.array([[0, 51, 255]], np.uint8)
    np.testing.assert_allclose(layers.Rescaling(1 / 255)(x), [[0, 0.2, 1]], rtol=1e-6)
    y = layers.Rescaling([1.0, 2.0, 3.0], offset=-1.0, dtype="float64")(x)
    np.testing.assert_array_equal(y, [[-1, 101, 764]])
    assert y.dtype == np.float64
    layer = layers.Rescaling(np.float32(2), np.array([1.0, 2.0, 3.0]))
    again = layers.Rescaling.from_config(layer.get_config())
    np.testing.assert_array_equal(again(x), [[1, 104, 513]])
    with pytest.raises(TypeError, match=r"scale .*text"):
        layers.Rescaling("much")


def test_normalization_takes_mean_and_variance_of_all_batches():
    x = RNG.standard_normal((50, 4, 3)) * [1, 10, 0.1] + [5, -3, 1000]
    want = (x - x.mean((0, 1))) / x.std((0, 1))
    layer = layers.Normalization(dtype="float64")
    layer.adapt(x)
    np.testing.assert_allclose(layer(x), want, rtol=1e-9, atol=1e-9)
    by_batches = layers.Normalization(dtype="float64")
    by_batches.adapt((x[i : i + 7], None) for i in range(0, 50, 7))
    np.testing.assert_allclose(by_batches(x), want, rtol=1e-9, atol=1e-9)
    back = layers.Normalization(invert=True, dtype="float64")
    back.adapt(x)
    np.testing.assert_allclose(back(layer(x)), x, rtol=1e-12)
    single = layers.Normalization(axis=None)
    single.adapt(np.array([[1.0, 2.0], [3.0, 4.0]]))
    np.testing.assert_allclose(single(np.array([[2.5, 3.5]], np.float32)), [[0, 1 / np.sqrt(1.25)]], rtol=1e-6)
    np.testing.assert_array_equal(single.get_weights()[0], 2.5)
    np.testing.assert_array_equal(layers.Normalization()(np.array([[3.0]], np.float32)), [[3.0]])  # as it begins
    np.testing.assert_allclose(layers.Normalization(mean=3.0, variance=2.0)(np.array([[1], [3]])), [[-(2**0.5)], [0]])
    far = layers.Normalization(axis=None)
    far.adapt(np.array([1e8, 1e8 + 1, 1e8 + 2]))  # in double, or the variance would be lost
    np.testing.assert_allclose(far.get_weights()[1], 2 / 3, rtol=1e-6)


@pytest.mark.parametrize("axis", [None, -1, 0, 1, (0, 2), (1, 2), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_normalization_over_any_axes(axis, size):
    x = RNG.standard_normal((5, 4, 3)) * [1, 10, 0.1] + [5, -3, 1000]
    kept = () if axis is None else tuple(a % 3 for a in np.atleast_1d(axis))
    reduced = tuple(a for a in range(3) if a not in kept)
    layer = layers.Normalization(axis=axis, dtype="float64")
    layer.adapt(x if 0 in kept else [x[:0], *(x[i : i + size] for i in range(0, 5, size))])
    deviation = np.maximum(x.std(reduced, keepdims=True), 1e-7)
    np.testing.assert_allclose(layer(x), (x - x.mean(reduced, keepdims=True)) / deviation, rtol=1e-8, atol=1e-8)


def test_normalization_of_given_numbers_has_no_weights():
    layer = layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 9.0])
    assert layer.built
    np.testing.assert_allclose(layer(np.array([[3.0, 5.0]])), [[1, 1]], rtol=1e-6)
    assert layer.weights == []
    for mean, variance in (([1.0], [1.0, 2.0]), ([[1.0]], [[1.0]])):
        with pytest.raises(ValueError, match="expected one shape of at most 1 axes"):
            layers.Normalization(mean=mean, variance=variance)


def test_contrast_stays_within_its_range():
    x = RNG.uniform(0, 255, (40, 5, 5, 3)).astype(np.float32)
    y = layers.AutoContrast()(x).numpy()
    assert y.min() == 0
    assert y.max() == 255


def test_normalization_is_saved_with_what_it_has_seen(tmp_path):
    norm = layers.Normalization()
    norm.adapt(np.array([[0.0, 10.0], [2.0, 30.0]]))
    model = models.Sequential([layers.Input((2,)), norm, layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.array([[1.0, 20.0], [2.0, 30.0]], np.float32)
    model.fit(x, np.zeros(2), verbose=0)
    want = model.predict(x, verbose=0)
    model.save(tmp_path / "m.lamina")
    loaded = lamina.load_model(tmp_path / "m.lamina")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), want)
    np.testing.assert_array_equal(loaded.layers[0](x), [[0, 0], [1, 1]])
    norm.adapt(np.array([[0.0, 0.0], [0.0, 0.0]]))  # constant columns are divided by epsilon, not by zero
    assert np.isfinite(model.predict(x, verbose=0)).all()


def test_normalization_names_what_is_wrong():
    with pytest.raises(ValueError, match="must be given together"):
        layers.Normalization(mean=1.0)
    with pytest.raises(ValueError, match=r"mean is \(2,\) and variance \(3,\)"):
        layers.Normalization(mean=[1, 2], variance=[1, 2, 3])
    with pytest.raises(ValueError, match="axis 3 is outside the input"):
        layers.Normalization(axis=3)(np.zeros((2, 3), np.float32))
    with pytest.raises(ValueError, match=r"mean and variance are \(2,\), but axis 1 of the input \(4, 3\) is not 2"):
        layers.Normalization(mean=[1, 2], variance=[1, 2])(np.zeros((4, 3), np.float32))
    with pytest.raises(ValueError, match="adapt got no batch"):
        layers.Normalization().adapt([])
    with pytest.raises(ValueError, match="adapt would change the mean"):
        layers.Normalization(mean=1, variance=1).adapt(np.ones((2, 1)))
    with pytest.raises(TypeError, match="expected an array or an iterable"):
        layers.Normalization().adapt(3)
    with pytest.raises(TypeError, match="a batch that is no array"):
        layers.Normalization().adapt([[1.0, 2.0]])
    layer = layers.Normalization()
    layer.adapt(np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"adapt got data of shape \(4, 3\), expected \(None, 2\)"):
        layer.adapt(np.ones((4, 3)))
    with pytest.raises(TypeError, match=r"axis must be an integer, several, or None, got 'last'"):
        layers.Normalization(axis="last")


def test_geometry_by_known_amounts():
    x = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    quarter = layers.RandomRotation((0.25, 0.25))(x, training=True).numpy()
    np.testing.assert_allclose(quarter, np.rot90(x, 1, (1, 2)), atol=1e-4)  # against the clock
    down = {"constant": [7, 7, 0, 4], "wrap": [8, 12, 0, 4], "nearest": [0, 0, 0, 4], "reflect": [4, 0, 0, 4]}
    for mode, column in down.items():
        moved = layers.RandomTranslation((0.5, 0.5), 0.0, mode, fill_value=7.0)(x, training=True).numpy()
        np.testing.assert_allclose(moved[0, :, 0, 0], column, atol=1e-4, err_msg=mode)
    right = layers.RandomTranslation(0.0, (0.25, 0.25), "constant", "nearest")(x, training=True).numpy()
    np.testing.assert_array_equal(right[0, 0, :, 0], [0, 0, 1, 2])
    wide = np.repeat(np.repeat([[0.0, 1], [2, 3]], 2, 0), 2, 1).reshape(1, 4, 4, 1)
    half = layers.RandomZoom((-0.5, -0.5), interpolation="nearest")(wide, training=True).numpy()
    np.testing.assert_array_equal(half, wide)  # the middle, twice as large, looks the same here
    np.testing.assert_allclose(layers.RandomZoom((0.0, 0.0))(x, training=True), x, atol=1e-5)
    np.testing.assert_allclose(layers.RandomShear(0.0, 0.0)(x, training=True), x, atol=1e-5)
    slanted = layers.RandomShear((1.0, 1.0), fill_mode="constant", interpolation="nearest", seed=0)
    rows = {tuple(slanted(x, training=True).numpy()[0, 1, :, 0]) for _ in range(30)}
    assert rows == {(5, 6, 7, 0), (0, 4, 5, 6)}


@pytest.mark.parametrize(("down", "across"), [(-0.5, -0.25), (-0.2, None), (0.0, -0.6)])
def test_zooming_keeps_the_middle(down, across):
    """An image of its own coordinates shows where each pixel came from."""
    rows, columns = np.meshgrid(np.arange(5.0), np.arange(8.0), indexing="ij")
    x = np.stack([rows, columns], -1)[None]
    layer = layers.RandomZoom((down, down), None if across is None else (across, across), dtype="float64")
    y = layer(x, training=True).numpy()[0]
    across = down if across is None else across
    np.testing.assert_allclose(y[..., 0], 2 + (rows - 2) * (1 + down), atol=1e-9)
    np.testing.assert_allclose(y[..., 1], 3.5 + (columns - 3.5) * (1 + across), atol=1e-9)


@pytest.mark.parametrize(("down", "across"), [(0.25, -0.5), (-0.2, 0.0), (0.0, 0.125)])
def test_translations_are_parts_of_the_size(down, across):
    rows, columns = np.meshgrid(np.arange(5.0), np.arange(8.0), indexing="ij")
    x = np.stack([rows, columns], -1)[None]
    layer = layers.RandomTranslation((down, down), (across, across), "nearest", dtype="float64")
    y = layer(x, training=True).numpy()[0]
    np.testing.assert_allclose(y[..., 0], np.clip(rows - down * 5, 0, 4), atol=1e-9)
    np.testing.assert_allclose(y[..., 1], np.clip(columns - across * 8, 0, 7), atol=1e-9)


def test_geometry_names_what_is_wrong():
    with pytest.raises(ValueError, match=r"fill_mode of RandomRotation.*did you mean 'reflect'"):
        layers.RandomRotation(0.1, fill_mode="reflct")
    with pytest.raises(ValueError, match=r"interpolation of RandomZoom.*'bicubic'"):
        layers.RandomZoom(0.1, interpolation="bicubic")
    with pytest.raises(ValueError, match=r"height_factor must be a number or two numbers in \(-1, 1\], got -1"):
        layers.RandomZoom(-1)
    with pytest.raises(ValueError, match=r"width_factor must be a number or two numbers in \[-1, 1\]"):
        layers.RandomTranslation(0.1, (0.1, 2))
    with pytest.raises(TypeError, match="fill_value must be a number"):
        layers.RandomShear(0.1, fill_value="black")


def test_gradients_go_through_to_the_pixels():
    layer = layers.RandomRotation(0.2, seed=3, dtype="float64")
    drawn = layer.get_random_transformation(IMAGES)
    check_gradients(lambda x: layer.transform_images(x, drawn), RNG.standard_normal((4, 3, 4, 2)))


def test_maps_of_four_points():
    starts = np.array([[0.0, 0], [7, 1], [1, 5], [6, 4]])
    ends = starts + RNG.uniform(-0.5, 0.5, (6, 4, 2))
    maps = homographies(starts, ends)
    points = np.concatenate([ends, np.ones((6, 4, 1))], -1)
    matrix = np.concatenate([maps, np.ones((6, 1))], 1).reshape(6, 3, 3)
    moved = points @ matrix.transpose(0, 2, 1)
    np.testing.assert_allclose(moved[..., :2] / moved[..., 2:], np.broadcast_to(starts, (6, 4, 2)), atol=1e-9)
    assert np.isfinite(homographies(starts, np.zeros((1, 4, 2)))).all()


def test_perspective_moves_the_corners():
    x = RNG.uniform(0, 255, (3, 7, 9, 1)).astype(np.float32)
    starts = np.array([[0, 0], [8, 0], [0, 6], [8, 6]], float)
    ends = starts * (1 + 0.4 * (RNG.random((3, 4, 2)) - 0.5))
    maps = homographies(starts, ends)
    for m, points in zip(maps, ends, strict=True):
        u, v = points.T
        k = m[6] * u + m[7] * v + 1
        seen = np.stack([(m[0] * u + m[1] * v + m[2]) / k, (m[3] * u + m[4] * v + m[5]) / k], axis=1)
        np.testing.assert_allclose(seen, starts, atol=1e-9)
    np.testing.assert_array_equal(layers.RandomPerspective(scale=0.0)(x, training=True), x)
    np.testing.assert_array_equal(layers.RandomPerspective(0.0)(x, training=True), x)
    thin = layers.RandomPerspective((1, 1), seed=1)(x[:, :1], training=True).numpy()
    assert np.isfinite(thin).all()
    with pytest.raises(ValueError, match="scale must be a number between 0 and 1"):
        layers.RandomPerspective(scale=2)


def test_resizing():
    x = RNG.uniform(0, 255, (2, 4, 8, 3)).astype(np.float32)
    resize = lamina.ops.image.resize
    np.testing.assert_array_equal(layers.Resizing(6, 5)(x), resize(x, (6, 5)))
    np.testing.assert_array_equal(layers.Resizing(6, 5, "nearest")(x[0]), resize(x[0], (6, 5), "nearest"))
    cropped = layers.Resizing(2, 2, crop_to_aspect_ratio=True)(x)
    np.testing.assert_array_equal(cropped, resize(x[:, :, 2:6], (2, 2)))
    padded = layers.Resizing(4, 4, "nearest", pad_to_aspect_ratio=True, fill_value=7.0)(x).numpy()
    assert (padded[:, [0, 3]] == 7).all()
    np.testing.assert_array_equal(padded[:, 1:3], resize(x, (2, 4), "nearest"))
    first = layers.Resizing(4, 4, pad_to_aspect_ratio=True, data_format="channels_first")(np.moveaxis(x, -1, 1))
    last = layers.Resizing(4, 4, pad_to_aspect_ratio=True)(x)
    np.testing.assert_array_equal(np.moveaxis(first.numpy(), 1, -1), last)
    out = layers.Resizing(2, 4)({"images": x, "segmentation_masks": np.arange(64).reshape(2, 4, 8, 1)})
    assert set(out["segmentation_masks"].numpy().ravel() % 1) == {0}
    assert layers.Resizing(3, 4).compute_output_shape((None, None, None, 1)) == (None, 3, 4, 1)
    for options, message in (
        ({"interpolation": "bicubik"}, "interpolation of Resizing"),
        ({"fill_mode": "reflect"}, "fill_mode of Resizing"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "exclude each other"),
    ):
        with pytest.raises(ValueError, match=message):
            layers.Resizing(3, 3, **options)
    with pytest.raises(TypeError, match="fill_value must be a number"):
        layers.Resizing(3, 3, fill_value="black")


class _Augmented(lamina.Model):
    """A user's model, in which a layer that changes images is called without ``training=``."""

    def __init__(self):
        super().__init__()
        self.flip = layers.RandomFlip("horizontal", seed=4)

    def call(self, x):
        return self.flip(x)


def test_images_change_unless_somebody_says_that_nothing_is_trained():
    """As in Keras, whose layers on images have training=True in their signatures."""
    wide = np.arange(2 * 2 * 8 * 1, dtype=np.float32).reshape(2, 2, 8, 1)
    alone = layers.RandomFlip("horizontal", seed=4)
    both = lamina.Sequential([layers.Rescaling(1.0), layers.RandomFlip("horizontal", seed=4)])
    pipeline = layers.Pipeline([layers.RandomFlip("horizontal", seed=4)])
    own = _Augmented()

    def changes(call, **options):
        return any((np.asarray(call(wide, **options)) != wide).any() for _ in range(12))

    for layer in (alone, both, pipeline, own):
        assert changes(layer)
        assert changes(layer, training=True)
        assert not changes(layer, training=False)
    for model in (both, own):
        assert not changes(model.predict, verbose=0)
        step = capture(model)
        assert any((step(lamina.Tensor(wide)).numpy() != wide).any() for _ in range(12))
    assert not (layers.Dropout(0.5)(wide).numpy() != wide).any()  # whose signature has training=False
    assert (layers.Equalization((0, 31))(wide).numpy() != wide).any()


def test_the_default_of_a_layer_of_ones_own_counts():
    class Marks(layers.Layer):
        def call(self, x, training=True):
            return x + (1.0 if training else 0.0)

    x = np.zeros((2, 3), np.float32)
    layer, model = Marks(), lamina.Sequential([Marks()])
    for _ in range(2):
        assert layer(x).numpy().max() == model(x).numpy().max() == 1
        assert layer(x, training=False).numpy().max() == model(x, training=False).numpy().max() == 0
    assert model.predict(x, verbose=0).max() == 0
