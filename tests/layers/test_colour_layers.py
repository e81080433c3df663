"""Layers that change the colours, the sharpness or parts of images: what they do to pixels, labels, bad input."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

import lamina
from lamina import layers, models

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (4, 6, 5, 3)).astype(np.float32)
GREY = [0.2989, 0.587, 0.114]


def in_hsv(x, change):
    """Every pixel (0..255) changed in hue, saturation and value, by Python's own conversion."""
    flat = [colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*pixel))) for pixel in (x / 255).reshape(-1, 3)]
    return np.array(flat).reshape(x.shape) * 255


def test_hue_and_saturation():
    x = IMAGES[:1]
    hue = layers.RandomHue((0.6, 0.6), seed=0)
    turned = [in_hsv(x, lambda h, s, v, turn=turn: ((h + turn) % 1, s, v)) for turn in (0.3, -0.3)]
    seen = set()
    for _ in range(12):
        y = hue(x, training=True).numpy()
        close = [np.allclose(y, want, atol=0.02) for want in turned]
        assert any(close)
        seen.add(close.index(True))
    assert seen == {0, 1}
    for factor, scale in ((0.5, 1.0), (0.0, 0.0), (0.25, 1 / 3), (0.9, 9.0)):
        y = layers.RandomSaturation((factor, factor))(x, training=True)
        want = in_hsv(x, lambda h, s, v, scale=scale: (h, min(1.0, s * scale), v))
        np.testing.assert_allclose(y, want, atol=0.05)
    grey = np.full((1, 2, 2, 3), 77.0, np.float32)
    np.testing.assert_allclose(layers.RandomHue(1.0)(grey, training=True), grey, rtol=1e-5)
    np.testing.assert_allclose(layers.RandomSaturation(1.0)(grey, training=True), grey, rtol=1e-5)
    unit = layers.RandomHue((0.4, 0.4), value_range=(0, 1), seed=2)(x / 255, training=True).numpy()
    np.testing.assert_allclose(layers.RandomHue((0.4, 0.4), seed=2)(x, training=True), unit * 255, atol=0.02)
    bright = np.array([[[[300.0, 100.0, 50.0]]]], np.float32)
    for kind in (layers.RandomHue, layers.RandomSaturation):
        assert kind(0.5)(bright, training=True).numpy().max() == 255


def test_grey():
    want = (IMAGES * GREY).sum(-1, keepdims=True)
    full = layers.RandomColorDegeneration((1.0, 1.0))(IMAGES, training=True)
    np.testing.assert_allclose(full, np.repeat(want, 3, -1), rtol=1e-4)
    half = layers.RandomColorDegeneration((0.5, 0.5))(IMAGES, training=True)
    np.testing.assert_allclose(half, (IMAGES + want) / 2, rtol=1e-4)
    np.testing.assert_allclose(layers.RandomGrayscale(1.0)(IMAGES, training=True), np.repeat(want, 3, -1), rtol=1e-4)
    np.testing.assert_array_equal(layers.RandomGrayscale(0.0)(IMAGES, training=True), IMAGES)
    for kind in (layers.RandomHue, layers.RandomSaturation, layers.RandomColorDegeneration, layers.RandomGrayscale):
        with pytest.raises(ValueError, match=rf"{kind.__name__} '.*channels"):
            kind(0.5)(IMAGES[..., :2], training=True)
    with pytest.raises(ValueError, match="factor must be a number between 0 and 1"):
        layers.RandomGrayscale(2)


def test_jitter_is_its_parts_in_order():
    options = {"brightness_factor": 0.3, "contrast_factor": 0.5, "saturation_factor": 0.8, "hue_factor": 0.4}
    jitter = layers.RandomColorJitter(**options, seed=5)
    drawn = jitter.get_random_transformation(IMAGES)
    x = IMAGES
    for name, kind in (("brightness", layers.RandomBrightness), ("contrast", layers.RandomContrast),
                       ("saturation", layers.RandomSaturation), ("hue", layers.RandomHue)):  # fmt: skip
        x = kind(options[f"{name}_factor"]).transform_images(x, drawn[name])
    np.testing.assert_array_equal(jitter.transform_images(IMAGES, drawn), x)
    np.testing.assert_array_equal(layers.RandomColorJitter()(IMAGES, training=True), IMAGES)
    with pytest.raises(ValueError, match="factor must be a number or two"):
        layers.RandomColorJitter(hue_factor=3)


def test_pixels():
    np.testing.assert_allclose(layers.RandomInvert((1, 1))(IMAGES, training=True), 255 - IMAGES, rtol=1e-5)
    signed = layers.RandomInvert((1, 1), value_range=(-1, 1))(np.array([[[[0.25]]]], np.float32), training=True)
    np.testing.assert_allclose(signed, [[[[-0.25]]]])
    for bits in (1, 3, 8):
        got = layers.RandomPosterization((bits, bits))(IMAGES, training=True)
        want = IMAGES.astype(np.uint8) >> (8 - bits) << (8 - bits)
        np.testing.assert_array_equal(got, want)
    for wrong in (0, 9, 2.5, (1, 2, 3)):
        with pytest.raises(ValueError, match="factor must be an integer from 1 to 8"):
            layers.RandomPosterization(wrong)
    np.testing.assert_allclose(layers.Solarization()(IMAGES, training=True), 255 - IMAGES, rtol=1e-5)
    layer = layers.Solarization(0.5, 0.9, seed=1)
    drawn = layer.get_random_transformation(IMAGES)
    lifted = np.clip(IMAGES + drawn["additions"].numpy(), 0, 255)
    want = np.where(lifted < drawn["thresholds"].numpy(), lifted, 255 - lifted)
    np.testing.assert_allclose(layer.transform_images(IMAGES, drawn), want, rtol=1e-5, atol=1e-4)
    spread = layers.AutoContrast()(IMAGES).numpy()
    low, high = IMAGES.min((1, 2), keepdims=True), IMAGES.max((1, 2), keepdims=True)
    np.testing.assert_allclose(spread, (IMAGES - low) / (high - low) * 255, rtol=1e-3, atol=1e-3)
    flat = np.full((1, 2, 2, 1), 9.0, np.float32)
    np.testing.assert_array_equal(layers.AutoContrast()(flat), flat)


def test_equalization_spreads_the_values():
    x = np.array([0, 0, 10, 20], np.float32).reshape(1, 2, 2, 1)
    got = layers.Equalization()(x, training=True).numpy().ravel()
    np.testing.assert_array_equal(got, [0, 0, 128, 255])  # of (2, 3, 4) pixels up to here, less 2, of 2
    flat = np.full((2, 2, 2, 1), 9.0, np.float32)
    np.testing.assert_array_equal(layers.Equalization()(flat, training=True), flat)
    wide = layers.Equalization()(IMAGES, training=True).numpy()
    assert wide.min() == 0
    assert wide.max() == 255
    unit = layers.Equalization((0, 1))(x / 255, training=True).numpy().ravel()
    np.testing.assert_allclose(unit, got / 255, rtol=1e-6)
    with pytest.raises(ValueError, match="bins must be at least 2"):
        layers.Equalization(bins=1)


def test_sharpness_and_blur():
    x = np.zeros((1, 5, 5, 1), np.float32)
    x[0, 2, 2] = 130.0
    soft = layers.RandomSharpness((0.0, 0.0))(x, training=True).numpy()[0, :, :, 0]
    np.testing.assert_allclose(soft[1:4, 1:4], [[10, 10, 10], [10, 50, 10], [10, 10, 10]], rtol=1e-5)
    np.testing.assert_allclose(layers.RandomSharpness((0.5, 0.5))(IMAGES, training=True), IMAGES, rtol=1e-4)
    sharp = layers.RandomSharpness((1.0, 1.0))(x, training=True).numpy()[0, :, :, 0]
    assert sharp[2, 2] == 210.0  # 130 + (130 - 50)
    assert sharp[1, 1] == 0
    blur = layers.RandomGaussianBlur((1, 1), 3, (0.8, 0.8))(x, training=True).numpy()[0, :, :, 0]
    bell = np.exp(-0.5 * (np.arange(-1, 2) / 0.8) ** 2)
    bell /= bell.sum()
    np.testing.assert_allclose(blur[1:4, 1:4], 130 * np.outer(bell, bell), rtol=1e-4)
    wide = layers.RandomGaussianBlur((1, 1), (1, 5), (0.9, 0.9))(x, training=True).numpy()[0, :, :, 0]
    assert (wide[[0, 1, 3, 4]] == 0).all()
    assert (wide[2] > 0).all()
    for wrong in (2, (3, 4), (3, 3, 3), 0):
        with pytest.raises(ValueError, match="kernel_size must be an odd integer"):
            layers.RandomGaussianBlur(kernel_size=wrong)


def test_erasing():
    layer = layers.RandomErasing((1, 1), (0.25, 0.25), fill_value=(1, 2, 3), seed=3)
    x = np.full((8, 16, 12, 3), 100.0, np.float32)
    y = layer(x, training=True).numpy()
    erased = (y != 100).all(-1)
    for mask, image in zip(erased, y, strict=True):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert (len(rows), len(columns)) in {(8, 6), (8, 5), (7, 6), (9, 6), (8, 7)}
        assert mask.sum() == len(rows) * len(columns)
        np.testing.assert_array_equal(image[mask][0], [1, 2, 3])
    noise = layers.RandomErasing((1, 1), (0.25, 0.25), seed=3)(x, training=True).numpy()
    assert len(np.unique(noise[(noise != 100).any(-1)])) > 50
    assert noise.min() >= 0
    assert noise.max() <= 255
    np.testing.assert_array_equal(layers.RandomErasing(0.0)(x, training=True), x)
    with pytest.raises(ValueError, match="fill_value must be a number, three, or None"):
        layers.RandomErasing(fill_value=(1, 2))


@pytest.mark.parametrize(("kind", "option"), [(layers.MixUp, 0.4), (layers.CutMix, (1.0, 1.0))])
def test_images_and_labels_are_mixed_alike(kind, option):
    n = 16
    x = np.arange(n, dtype=np.float32).reshape(n, 1, 1, 1) * np.ones((n, 8, 8, 3), np.float32)
    labels = np.eye(n)
    masks = x[..., :1]
    data = {"images": x, "labels": labels, "segmentation_masks": masks}
    out = kind(option, seed=4)(data, training=True)
    mixed = out["labels"].numpy()
    np.testing.assert_allclose(mixed.sum(1), 1, rtol=1e-5)
    mean = out["images"].numpy().mean((1, 2, 3))
    tolerance = 1e-4 if kind is layers.MixUp else 2.5  # rectangles have whole pixels
    np.testing.assert_allclose(mean, mixed @ np.arange(n), atol=tolerance)
    np.testing.assert_allclose(out["segmentation_masks"].numpy()[..., 0], out["images"].numpy()[..., 0], rtol=1e-5)
    assert (mixed.max(1) < 1).any()
    np.testing.assert_array_equal(kind()(data, training=False)["labels"], labels)
    with pytest.raises(ValueError, match=r"the labels are \(16,\), expected rows \(N, classes\)"):
        kind()({"images": x, "labels": np.arange(n)}, training=True)


def test_mixing_names_what_is_wrong():
    with pytest.raises(ValueError, match="alpha must be a positive number"):
        layers.MixUp(0)
    with pytest.raises(ValueError, match="factor must be a number or two"):
        layers.CutMix(2)


@pytest.mark.parametrize(
    ("kind", "options"), [(layers.RandAugment, {"num_ops": 3}), (layers.AugMix, {"chain_depth": 2})]
)
def test_chosen_operations(kind, options, tmp_path):
    layer = kind(factor=0.4, seed=2, **options)
    y = layer({"images": IMAGES, "segmentation_masks": IMAGES[..., :1]}, training=True)
    assert y["images"].shape == IMAGES.shape
    assert y["segmentation_masks"].shape == IMAGES[..., :1].shape
    assert np.isfinite(y["images"].numpy()).all()
    for _ in range(25):  # every operation comes
        z = layer(IMAGES, training=True).numpy()
        assert np.isfinite(z).all()
        assert z.min() >= -1e-3
        assert z.max() <= 255.01
    again = kind.from_config(layer.get_config())
    np.testing.assert_array_equal(
        again(IMAGES, training=True), kind(factor=0.4, seed=2, **options)(IMAGES, training=True)
    )
    model = models.Sequential([layers.Input((6, 5, 3)), layer, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.warns(lamina.CaptureWarning, match="chooses its operations in Python"):
        model.fit(IMAGES / 255, np.zeros(4), verbose=0)
    want = model.predict(IMAGES, verbose=0)
    model.save(tmp_path / "m.lamina")
    np.testing.assert_array_equal(lamina.load_model(tmp_path / "m.lamina").predict(IMAGES, verbose=0), want)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_erasing_may_take_the_whole_image(data_format):
    layer = layers.RandomErasing(1.0, (1.0, 1.0), fill_value=7, data_format=data_format, seed=1)
    layer.factor = (1.0, 1.0)
    np.testing.assert_array_equal(layer(IMAGES[..., :3], training=True), np.full_like(IMAGES, 7))


def test_labels_of_integers_are_mixed_in_parts():
    labels = np.eye(4, dtype=np.int32)
    for kind in (layers.MixUp, layers.CutMix):
        mixed = kind(seed=3)({"images": IMAGES, "labels": labels}, training=True)["labels"].numpy()
        as_floats = kind(seed=3)({"images": IMAGES, "labels": labels.astype(np.float32)}, training=True)
        np.testing.assert_array_equal(mixed, as_floats["labels"])
        assert mixed.dtype == np.float32
        np.testing.assert_allclose(mixed.sum(-1), 1, rtol=1e-6)


def test_mixed_chains_are_weighted_and_the_image_has_its_part():
    layer = layers.AugMix()
    weights = np.array([0.25, 0.75], np.float32)
    drawn = {"chain_mixing_weights": weights, "weight_sample": np.float32(0.3), "chains": [[], []]}
    np.testing.assert_allclose(layer._transform(lamina.Tensor(IMAGES), drawn), IMAGES, rtol=1e-5)
    invert = next(n for n in layer._operations if "nvert" in n or "olariz" in n)
    operation = layer._operations[invert]
    once = operation.get_random_transformation(IMAGES)
    want = 0.3 * IMAGES + 0.7 * (0.25 * IMAGES + 0.75 * operation._transform(lamina.Tensor(IMAGES), once).numpy())
    got = layer._transform(lamina.Tensor(IMAGES), {**drawn, "chains": [[], [(invert, once)]]})
    np.testing.assert_allclose(got, np.clip(want, 0, 255), rtol=1e-4)


def test_masks_of_mixed_chains_keep_their_values():
    layer = layers.AugMix(factor=0.9, seed=1)
    bright = layer._operations["random_brightness"]
    drawn = {
        "chain_mixing_weights": np.ones(1, np.float32), "weight_sample": np.float32(0.25),
        "chains": [[("random_brightness", bright.get_random_transformation(IMAGES, seed=3))]],
    }  # fmt: skip
    images = lamina.Tensor(IMAGES)
    np.testing.assert_allclose(layer._transform_masks(images, drawn), IMAGES, rtol=1e-6)
    assert np.abs(layer._transform(images, drawn).numpy() - IMAGES).max() > 1


def test_a_link_of_a_chain_is_none_as_often_as_each_operation():
    for options, kinds in (({}, 11), ({"all_ops": False}, 7)):
        layer = layers.AugMix(num_chains=400, chain_depth=10, seed=4, **options)
        drawn = layer._decide((1, 2, 2, 3))
        assert abs(sum(map(len, drawn["chains"])) / 4000 - kinds / (kinds + 1)) < 0.02
        assert len(drawn["chains"]) == 400
        assert {name for chain in drawn["chains"] for name, _ in chain} == set(layer._operations)


@pytest.mark.parametrize(("factor", "bits"), [(0.01, 1), (0.25, 2), (0.5, 4), (1.0, 8)])
def test_how_many_bits_posterization_keeps(factor, bits):
    for kind in (layers.RandAugment, layers.AugMix):
        chosen = kind(factor=factor)._operations["random_posterization"]
        alone = layers.RandomPosterization(bits)
        assert chosen.get_config()["factor"] == alone.get_config()["factor"]


def test_a_pipeline_hands_masks_on():
    x, mask = np.ones((2, 3, 4), np.float32), np.array([[1, 1, 0], [1, 0, 0]], bool)
    dense, lstm = layers.Dense(4), layers.LSTM(2)
    want = lstm(dense(x), mask=mask)
    np.testing.assert_array_equal(layers.Pipeline([lstm])(dense(x), mask=mask), want)
    np.testing.assert_array_equal(layers.Pipeline([dense])(x, mask=mask), dense(x))
    np.testing.assert_array_equal(layers.Pipeline([layers.Masking(1.0), dense])(x), dense(0 * x))
    assert np.abs(want.numpy() - lstm(dense(x)).numpy()).max() > 1e-6


def test_chosen_operations_name_what_is_wrong():
    with pytest.raises(ValueError, match="num_ops must be a positive integer"):
        layers.RandAugment(num_ops=0)
    with pytest.raises(ValueError, match="alpha must be a positive number"):
        layers.AugMix(alpha=0)
    with pytest.raises(ValueError, match="interpolation of RandomShear"):
        layers.RandAugment(interpolation="cubic")
    assert len(layers.AugMix(all_ops=False)._operations) == 7


def test_pipeline(tmp_path):
    norm = layers.Normalization(axis=-1)
    norm.adapt(IMAGES)
    pipeline = layers.Pipeline([layers.RandomFlip("horizontal", seed=1), norm, layers.CenterCrop(4, 4)])
    np.testing.assert_array_equal(pipeline(IMAGES, training=False), layers.CenterCrop(4, 4)(norm(IMAGES)))
    assert pipeline.compute_output_shape((None, 6, 5, 3)) == (None, 4, 4, 3)
    assert len(pipeline.weights) == 3
    seen = [pipeline(IMAGES, training=True).numpy() for _ in range(4)]
    assert any(not np.array_equal(s, seen[0]) for s in seen)
    words = layers.Pipeline([layers.StringLookup(vocabulary=["a", "b"]), layers.CategoryEncoding(3, "one_hot")])
    np.testing.assert_array_equal(words(["b", "x"]), np.eye(3)[[2, 0]])
    model = models.Sequential([layers.Input((6, 5, 3)), pipeline, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(IMAGES, np.zeros(4), verbose=0)
    want = model.predict(IMAGES, verbose=0)
    model.save(tmp_path / "m.lamina")
    np.testing.assert_array_equal(lamina.load_model(tmp_path / "m.lamina").predict(IMAGES, verbose=0), want)
    with pytest.raises(TypeError, match="layers must be a list of layers"):
        layers.Pipeline([layers.Rescaling(2), 3])
