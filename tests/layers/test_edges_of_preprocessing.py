"""Layers on images at the edges of their factors: what they take, what they draw, and closed values of what they do."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import layers

N = 4000
IMAGES = np.zeros((N, 4, 6, 3), np.float32)

# (layer, other arguments, factor, least, most); a number f stands for (f reflected at 0, but not below the least, f)
FACTORS = [
    ("RandomRotation", {}, "factor", -1, 1),
    ("RandomTranslation", {"width_factor": 0.1}, "height_factor", -1, 1),
    ("RandomTranslation", {"height_factor": 0.1}, "width_factor", -1, 1),
    ("RandomPerspective", {}, "factor", 0, 1),
    ("RandomBrightness", {}, "factor", -1, 1),
    ("RandomHue", {}, "factor", 0, 1),
    ("RandomSaturation", {}, "factor", 0, 1),
    ("RandomColorDegeneration", {}, "factor", 0, 1),
    ("RandomSharpness", {}, "factor", 0, 1),
    ("RandomGaussianBlur", {}, "factor", 0, 1),
    ("RandomGaussianBlur", {}, "sigma", 0, 1),
    ("RandomErasing", {}, "factor", 0, 1),
    ("RandomErasing", {}, "scale", 0, 1),
    ("RandomInvert", {}, "factor", 0, 1),
    ("Solarization", {}, "addition_factor", 0, 1),
    ("Solarization", {}, "threshold_factor", 0, 1),
    ("CutMix", {}, "factor", 0, 1),
    ("RandAugment", {}, "factor", 0, 1),
    ("AugMix", {}, "factor", 0, 1),
    ("RandomElasticTransform", {}, "factor", 0, 1),
    ("RandomElasticTransform", {}, "scale", 0, 1),
]


@pytest.mark.parametrize(("name", "options", "factor", "least", "most"), FACTORS)
def test_factors_at_both_ends(name, options, factor, least, most):
    def made(value):
        return getattr(layers, name)(**options, **{factor: value})

    assert getattr(made((least, most)), factor) == (least, most)
    assert getattr(made((most, least)), factor) == (least, most)
    assert getattr(made(most), factor) == (least, most)
    assert getattr(made(0.25), factor) == (max(-0.25, least), 0.25)
    assert getattr(made(0), factor) == (0, 0)
    for wrong in ((least - 1e-6, 0.5), (0.5, most + 1e-6), least - 1e-6, most + 1e-6):
        with pytest.raises(ValueError, match=f"{name} '.*{factor} must be a number or two numbers"):
            made(wrong)


@pytest.mark.parametrize("factor", ["height_factor", "width_factor"])
def test_a_zoom_that_would_show_nothing(factor):
    for fits in ((-1 + 1e-6, 1), 1, -0.5):
        layers.RandomZoom(**{"height_factor": 0.1, factor: fits})
    for wrong in ((-1, 0.5), (0.5, 1 + 1e-6), -1, 1 + 1e-6):
        with pytest.raises(ValueError, match=f"{factor} must be a number or two numbers"):
            layers.RandomZoom(**{"height_factor": 0.1, factor: wrong})


@pytest.mark.parametrize(("name", "option", "right", "wrong"), [
    ("RandomGrayscale", "factor", [0, 0.5, 1], [-1e-6, 1 + 1e-6, True]),
    ("RandomPerspective", "scale", [0, 0.5, 1], [-1e-6, 1 + 1e-6]),
    ("RandomShear", "x_factor", [0, 1, (-1, 1)], [-1 - 1e-6, (0.5, 1 + 1e-6)]),
    ("RandomShear", "y_factor", [0, 1, (-1, 1)], [-1 - 1e-6, (0.5, 1 + 1e-6)]),
    ("RandomContrast", "factor", [0, 1, (0, 1)], [-1e-6, 1 + 1e-6, (0.5, 1.5)]),
    ("RandomPosterization", "factor", [1, 8, (1, 8), (3, 3)], [0, 9, (0, 8), (1, 9), (1, 2, 3), 1.5]),
    ("MixUp", "alpha", [1e-6, 5], [0, -1e-6, "1"]),
    ("RandomGaussianBlur", "kernel_size", [1, 3, (1, 5)], [0, 2, -1, (3, 4), (3,), (3, 3, 3), 3.0]),
    ("RandomErasing", "fill_value", [0, (1, 2, 3), None], [(1, 2), (1, 2, 3, 4), "0"]),
    ("Equalization", "bins", [2, 256], [1, 0, -1, 2.5]),
    ("RandAugment", "num_ops", [1, 2], [0, -1, 1.5]),
    ("AugMix", "num_chains", [1, 3], [0, -1]),
    ("AugMix", "chain_depth", [1, 3], [0, -1]),
    ("CenterCrop", "height", [1, 3], [0, -1]),
    ("RandomCrop", "width", [1, 3], [0, -1]),
    ("Resizing", "width", [1, 3], [0, -1]),
    ("Discretization", "num_bins", [1, 2], [0, -1]),
    ("Hashing", "num_bins", [1, 2], [0, -1]),
    ("HashedCrossing", "num_bins", [1, 2], [0, -1]),
    ("CategoryEncoding", "num_tokens", [1, 2], [0, -1]),
    ("Normalization", "axis", [-1, None, ()], [0]),
])  # fmt: skip
def test_other_options_at_both_ends(name, option, right, wrong):
    needed = {"CenterCrop": {"width": 2}, "RandomCrop": {"height": 2}, "Resizing": {"height": 2}}.get(name, {})
    for value in right:
        getattr(layers, name)(**needed, **{option: value})
    for value in wrong:
        with pytest.raises(ValueError, match=option):
            getattr(layers, name)(**needed, **{option: value}).build((None, 3))


def drawn(name, **options):
    found = getattr(layers, name)(**options, seed=1).get_random_transformation(IMAGES)
    return {key: value.numpy() for key, value in found.items()}


def evenly(values, low, high):
    """Whether values lie evenly between two bounds: range, mean and standard deviation, within five errors."""
    width = high - low
    assert (values >= low - 1e-4).all()
    assert (values <= high + 1e-4).all()
    assert abs(values.mean() - (low + high) / 2) < 5 * width / np.sqrt(12 * N)
    assert abs(values.std() - width / np.sqrt(12)) < 0.02 * width


def share(values, probability):
    """Whether so many are true, within five standard errors."""
    assert abs(values.mean() - probability) <= 5 * np.sqrt(max(probability * (1 - probability), 0.01) / N)


@pytest.mark.parametrize("factor", [(0.125, 0.5), (0.0, 1.0)])
def test_what_is_drawn_lies_evenly_between_the_factors(factor):
    low, high = factor
    options = {"factor": factor}
    evenly(drawn("RandomContrast", **options)["contrast_factor"], 1 - low, 1 + high)
    evenly(drawn("RandomBrightness", **options)["rgb_delta"] / 255, low, high)
    evenly(drawn("RandomBrightness", value_range=(10, 20), **options)["rgb_delta"] / 10, low, high)
    evenly(drawn("RandomColorDegeneration", **options)["factor"], low, high)
    evenly(drawn("RandomSharpness", **options)["factor"], low, high)
    hue = drawn("RandomHue", **options)["factor"]
    evenly(2 * np.abs(hue), low, high)
    share(hue > 0, 0.5)
    found = drawn("Solarization", addition_factor=factor, threshold_factor=(0.0, 0.25))
    evenly(found["additions"], low, 255 * high)
    evenly(found["thresholds"], 0, 255 / 4)
    map_ = drawn("RandomRotation", **options)["transform"]
    evenly(np.arctan2(map_[:, 3], map_[:, 0]) / (2 * np.pi) % 1, low, high)
    map_ = drawn("RandomTranslation", height_factor=factor, width_factor=(-0.5, 0))["transform"]
    evenly(-map_[:, 5] / 4, low, high)
    evenly(-map_[:, 2] / 6, -0.5, 0)
    map_ = drawn("RandomZoom", height_factor=factor, width_factor=(-0.5, 0))["transform"]
    evenly(map_[:, 4] - 1, low, high)
    evenly(map_[:, 0] - 1, -0.5, 0)
    map_ = drawn("RandomZoom", height_factor=factor)["transform"]
    np.testing.assert_array_equal(map_[:, 0], map_[:, 4])
    map_ = drawn("RandomShear", x_factor=factor, y_factor=0.5)["transform"]
    evenly(np.abs(map_[:, 1]), low, high)
    evenly(map_[:, 3], -0.5, 0.5)
    share(map_[:, 1] > 0, 0.5)


def test_half_of_the_saturations_fall():
    """Of u between 0 and 1 the factor is u / (1 - u): 1, no change, in the middle; both sides are equally likely."""
    factor = drawn("RandomSaturation", factor=1.0)["factor"]
    evenly(factor / (1 + factor), 0, 1)
    evenly((f := drawn("RandomSaturation", factor=(0.2, 0.4))["factor"]) / (1 + f), 0.2, 0.4)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_probabilities(p):
    """A factor (p, p) is a probability; (0, p) has p / 2 in the mean."""
    keys = {"Invert": "apply_inversion", "Erasing": "apply_erasing", "GaussianBlur": "should_apply_blur"}
    for name, key in keys.items():
        share(drawn(f"Random{name}", factor=(p, p))[key], p)
        share(drawn(f"Random{name}", factor=p)[key], p / 2)
    share(drawn("RandomGrayscale", factor=p)["should_apply"], p)
    still = (drawn("RandomPerspective", factor=(p, p))["transform"] == (1, 0, 0, 0, 1, 0, 0, 0)).all(1)
    share(~still, p)
    for mode in ("horizontal", "vertical", "horizontal_and_vertical"):
        share(drawn("RandomFlip", mode=mode)["flips"], 0.5)
    share(drawn("RandomGrayscale")["should_apply"], 0.5)


def test_bits_blurs_and_corners_that_are_drawn():
    """Of (low, high) bits high is not reached, as in Keras, unless both are one; the shift is what is missing to 8."""
    for factor, shifts in (((1, 8), range(1, 8)), ((3, 3), [5]), (8, range(1, 8)), ((8, 8), [0]), (1, [7])):
        assert sorted(set(drawn("RandomPosterization", factor=factor)["shift_factor"].tolist())) == list(shifts)
    blurs = [drawn("RandomGaussianBlur", sigma=(0.25, 0.5))["blur_factor"] for _ in range(2)]
    assert all(((b > 0.25) & (b < 0.5 + 1e-5)).all() and b.shape == (2,) for b in blurs)
    crops = layers.RandomCrop(2, 5, seed=0)
    found = [crops.get_random_transformation(IMAGES[:1]) for _ in range(60)]
    assert {tuple(f["rows"].numpy().tolist()) for f in found} == {(0, 1), (1, 2), (2, 3)}
    assert {tuple(f["columns"].numpy().tolist()) for f in found} == {(0, 1, 2, 3, 4), (1, 2, 3, 4, 5)}


def test_corners_that_are_drawn():
    """A corner (x, y) comes to lie at (x, y) times 1 - scale / 2 to 1 + scale / 2; the map leads back."""
    map_ = drawn("RandomPerspective", factor=(1, 1), scale=0.5)["transform"].astype(np.float64)
    matrix = np.linalg.inv(np.concatenate([map_, np.ones((N, 1))], 1).reshape(N, 3, 3))
    for x, y in ((0, 0), (5, 0), (0, 3), (5, 3)):
        ends = matrix @ np.array([x, y, 1.0])
        ends = ends[:, :2] / ends[:, 2:]
        for end, corner in ((ends[:, 0], x), (ends[:, 1], y)):
            if corner:
                evenly(end / corner, 0.75, 1.25)
            else:
                np.testing.assert_allclose(end, 0, atol=1e-4)


def test_what_is_decided_for_a_single_image():
    for shape in ((4, 6, 3), (1, 4, 6, 3)):
        found = layers.RandomContrast(0.5, seed=1).get_random_transformation(np.zeros(shape, np.float32))
        assert found["contrast_factor"].shape == (1, 1, 1, 1)
    found = layers.RandomContrast(0.5).get_random_transformation({"images": np.zeros((3, 4, 6, 3), np.float32)})
    assert found["contrast_factor"].shape == (3, 1, 1, 1)
    assert layers.RandomContrast(0.5).get_random_transformation(IMAGES[:1], training=False) is None


def test_rectangles_and_mixtures_that_are_drawn():
    """Sides of erased rectangles are roots of what lies between the scales; a mixture's weight follows Beta."""
    wide = np.zeros((2000, 100, 50, 1), np.float32)
    masks = layers.RandomErasing(scale=(0.04, 0.25), seed=3).get_random_transformation(wide)["batch_masks"].numpy()
    for axis, size in ((1, 100), (2, 50)):
        sides = masks.any(3 - axis).sum(1)[:, 0] / size
        assert sides.min() >= 0.2 - 1.01 / size
        assert sides.max() <= 0.5 + 1.01 / size
        roots = np.sqrt(np.linspace(0.04, 0.25, 1001))
        assert abs(sides.mean() - roots.mean()) < 0.02
    weight = drawn("MixUp", alpha=2.0)["mix_weight"]  # variance of Beta(a, a): 1 / (4 (2 a + 1))
    assert abs(weight.mean() - 0.5) < 0.02
    assert abs(weight.var() - 1 / 20) < 0.004
    assert abs(drawn("MixUp")["mix_weight"].var() - 1 / 5.6) < 0.01
    found = layers.CutMix(seed=3).get_random_transformation(wide)
    covered = found["batch_masks"].numpy().mean((1, 2, 3))
    np.testing.assert_allclose(found["mix_weight"].numpy(), 1 - covered, atol=0.035)  # up to a pixel of each side
    assert sorted(found["permutation_order"].numpy()) == list(range(2000))


def grey_levels(values):
    return np.float32(values).reshape(1, 2, -1, 1)


def test_contrast_of_few_levels():
    """Levels become 0 and 255 at their ends, also where they are one apart; one level stays."""
    for values, wanted in (([3, 4, 3, 4], [0, 255, 0, 255]), ([0, 1, 2, 2], [0, 127.5, 255, 255]), ([7] * 4, [7] * 4)):
        got = layers.AutoContrast()(grey_levels(values), training=True).numpy().ravel()
        np.testing.assert_allclose(got, wanted, rtol=1e-6)
    got = layers.AutoContrast((0, 1))(grey_levels([0.2, 0.6, 0.4, 0.2]), training=True).numpy().ravel()
    np.testing.assert_allclose(got, [0, 1, 0.5, 0], atol=0.01)  # in 256 levels


@pytest.mark.parametrize("bins", [2, 4, 256])
def test_equal_parts_by_their_definition(bins):
    """The value at a bin is 255 (c - c_least) / (n - c_least), c being how many pixels are in bins up to it."""
    x = np.random.default_rng(0).integers(0, 256, 60).astype(np.float32)
    x[:3] = 0, 128, 255
    place = np.floor(x * ((bins - 1) / 255.0)).astype(int)
    below = np.array([(place <= p).sum() for p in place])
    wanted = np.round(255.0 * (below - below.min()) / (60 - below.min()))
    got = layers.Equalization(bins=bins)(grey_levels(x), training=True).numpy().ravel()
    np.testing.assert_allclose(got, wanted, atol=0.01)
    for flat in (0.0, 9.0, 255.0):
        same = np.full((1, 2, 2, 1), flat, np.float32)
        np.testing.assert_array_equal(layers.Equalization(bins=bins)(same, training=True), same)


def test_solarization_at_its_threshold():
    x = grey_levels([0, 127, 128, 255])
    for threshold, wanted in ((0.0, [255, 128, 127, 0]), (1.0, None)):
        layer = layers.Solarization(threshold_factor=(threshold, threshold))
        if wanted:
            np.testing.assert_allclose(layer(x, training=True).numpy().ravel(), wanted)
    layer = layers.Solarization(0.0, (0.5, 0.5), seed=1)
    at = layer.get_random_transformation(x)["thresholds"].numpy().item()
    near = grey_levels([at, np.nextafter(np.float32(at), np.float32(0)), 0, 255])
    got = layer.transform_images(near, {"additions": np.zeros((1, 1, 1, 1), "f"), "thresholds": np.float32(at)})
    np.testing.assert_allclose(got.numpy().ravel(), [255 - at, at, 0, 0], rtol=1e-5)


def test_sharpness_is_a_way_from_soft_images():
    """Soft ones are means with the middle five times; factor 0 is soft, 1/2 the image, 1 as far on the other side."""
    x = np.random.default_rng(0).uniform(100, 150, (3, 5, 6, 2)).astype(np.float32)
    kernel = np.ones((3, 3))
    kernel[1, 1] = 5
    around = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    soft = sum(kernel[i, j] / 13 * around[:, i : i + 5, j : j + 6] for i in range(3) for j in range(3))
    layer = layers.RandomSharpness(1.0)
    got = layer.transform_images(x, {"factor": np.float32([0, 0.5, 1])}).numpy()
    for i, wanted in enumerate((soft[0], x[1], np.clip(2 * x[2] - soft[2], 0, 255))):
        np.testing.assert_allclose(got[i], wanted, rtol=1e-5)


def test_blurs_are_normal_distributions():
    """Weights exp(-d^2 / (2 s^2)) of distances d, scaled to sum 1; the first of two widths is that across."""
    x = np.zeros((1, 7, 9, 1), np.float32)
    x[0, 3, 4] = 200
    layer = layers.RandomGaussianBlur(kernel_size=(5, 3))
    drawn = {"should_apply_blur": np.array([True]), "blur_factor": np.float32([0.5, 0.8])}
    bells = []
    for size, sigma in ((5, 0.8), (3, 0.5)):
        bell = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * sigma**2))
        bells.append(bell / bell.sum())
    got = layer.transform_images(x, drawn).numpy()[0, :, :, 0]
    np.testing.assert_allclose(got[1:6, 3:6], 200 * np.outer(*bells), rtol=1e-4)
    assert np.count_nonzero(got) == 15


SHAPES = {
    "HashedCrossing": ({"num_bins": 5}, [["a", "b"], ["c", "d"]]),
    "Hashing": ({"num_bins": 5}, [["a", "b"]]),
    "CategoryEncoding": ({"num_tokens": 5}, [[1, 2], [3, 4]]),
    "Discretization": ({"bin_boundaries": [0.5]}, [[0.1, 0.7]]),
    "StringLookup": ({"vocabulary": ["a", "b"]}, [["a", "c"]]),
    "IntegerLookup": ({"vocabulary": [3, 4]}, [[3, 5]]),
    "TextVectorization": ({"vocabulary": ["a", "b"]}, [["a b a c"], ["a"]]),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
def test_shapes_of_categories_are_foretold(name, mode):
    options, x = SHAPES[name]
    if (name == "CategoryEncoding" and mode == "int") or (name == "TextVectorization" and mode == "one_hot"):
        return  # which have no such mode
    if (name == "HashedCrossing" and mode in ("multi_hot", "count")) or (name == "Hashing" and mode == "count"):
        return
    if name == "TextVectorization" and mode == "int":
        options = {**options, "output_sequence_length": 3}
    layer = getattr(layers, name)(output_mode=mode, **options)
    if name == "HashedCrossing":
        given = tuple(np.array(v, object) for v in x)
        shape = [v.shape for v in given]
        with pytest.raises(ValueError, match="expected two or more, all the same"):
            layer.compute_output_shape(shape[:1])
        with pytest.raises(ValueError, match="expected two or more, all the same"):
            layer.compute_output_shape([shape[0], (3,)])
    else:
        given = np.array(x, object if isinstance(x[0][0], str) else None)
        shape = given.shape
    assert layer.compute_output_shape(shape) == tuple(layer(given).shape)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(("name", "options"), [
    ("CenterCrop", {"height": 2, "width": 3}), ("RandomCrop", {"height": 2, "width": 3}),
    ("Resizing", {"height": 2, "width": 3}), ("RandomFlip", {}),
])  # fmt: skip
def test_shapes_of_images_are_foretold(name, options, data_format):
    layer = getattr(layers, name)(**options, data_format=data_format)
    for shape in ((4, 6, 3), (2, 4, 6, 3)):
        if data_format == "channels_first":
            shape = (*shape[:-3], 3, 4, 6)
        assert layer.compute_output_shape(shape) == tuple(layer(np.zeros(shape, np.float32)).shape)
        assert layer.compute_output_shape({"images": shape, "other": 1})["images"] == layer.compute_output_shape(shape)
    for wrong in ((4, 6), (1, 2, 4, 6, 3)):
        with pytest.raises(ValueError, match="the images are"):
            layer.compute_output_shape(wrong)


@pytest.mark.parametrize("mask", [None, 0, 7])
@pytest.mark.parametrize("unknown", [0, 1, 2, 3])
def test_integers_by_their_places(mask, unknown):
    """The mask, then the places of unknown ones (floormod of them), then the vocabulary; and back, -1 for unknown."""
    words = [5, -3, 2**62]
    first = (mask is not None) + unknown
    places = {w: first + i for i, w in enumerate(words)} | ({} if mask is None else {mask: 0})
    others = [1, 4, 6, -7, 2**63 - 1, -(2**63)] if unknown else []
    for w in others:
        places[w] = (mask is not None) + (0 if unknown == 1 else w % unknown)
    layer = layers.IntegerLookup(vocabulary=words, num_oov_indices=unknown, mask_token=mask)
    given = np.array(list(places), np.int64)
    np.testing.assert_array_equal(layer(given), list(places.values()))
    assert layer.vocabulary_size() == first + 3
    if not unknown:
        with pytest.raises(ValueError, match="1 is not in the vocabulary"):
            layer(np.array([5, 1]))
    back = layers.IntegerLookup(vocabulary=words, num_oov_indices=unknown, mask_token=mask, invert=True)
    known = [w for w in places if w not in others]
    np.testing.assert_array_equal(back(np.array([places[w] for w in known])), known)
    np.testing.assert_array_equal(back(np.array([-1, first + 3, 10**6])), [-1, -1, -1])


def test_integers_of_64_bits():
    for fits in (2**63 - 1, -(2**63)):
        layer = layers.IntegerLookup(vocabulary=[fits])
        assert layer(np.array([fits])).numpy() == 1
    for wrong in (2**63, -(2**63) - 1):
        with pytest.raises(ValueError, match="has more than 64 bits"):
            layers.IntegerLookup(vocabulary=[wrong])


@pytest.mark.parametrize("kind", ["IntegerLookup", "StringLookup"])
@pytest.mark.parametrize(("option", "right", "wrong"), [
    ("max_tokens", [None, 3, 9], [0, 1, -1]), ("num_oov_indices", [0, 1, 2], [-1, 1.5]),
])  # fmt: skip
def test_numbers_of_lookups(kind, option, right, wrong):
    for value in right:
        getattr(layers, kind)(**{option: value})
    for value in wrong:
        with pytest.raises(ValueError, match=option):
            getattr(layers, kind)(**{option: value})


@pytest.mark.parametrize("boundaries", [[0.0], [0.0, 1.0, 2.5], [-2.0, 7.0]])
def test_bins_begin_at_their_boundaries(boundaries):
    layer = layers.Discretization(bin_boundaries=boundaries)
    for i, b in enumerate(boundaries):
        b = np.float32(b)
        below, above = b - np.float32(1e-6), b + np.float32(1e-6)
        assert layer(np.array([below, b, above])).numpy().tolist() == [i, i + 1, i + 1]


def test_categories_at_their_ends():
    encode = layers.CategoryEncoding(3)
    assert encode(np.array([[0, 2], [2, 2]])).numpy().tolist() == [[1, 0, 1], [0, 0, 1]]
    count = layers.CategoryEncoding(3, "count")
    assert count(np.array([[0, 2], [2, 2]])).numpy().tolist() == [[1, 0, 1], [0, 0, 2]]
    assert count(np.array([[0, 2]]), count_weights=np.array([[0.5, 2.0]])).numpy().tolist() == [[0.5, 0, 2]]
    for beyond in (-1, 3):  # which does not count, as in Keras
        assert encode(np.array([[0, beyond]])).numpy().tolist() == [[1, 0, 0]]


@pytest.mark.parametrize("mask", [None, "", "pad"])
@pytest.mark.parametrize("unknown", [0, 1])
def test_words_by_their_places(mask, unknown):
    """The mask, then the place of unknown words, then the vocabulary; and back, [UNK] for unknown ones."""
    words, first = ["b", "a", "c"], (mask is not None) + unknown
    places = {w: first + i for i, w in enumerate(words)} | ({} if mask is None else {mask: 0})
    layer = layers.StringLookup(vocabulary=words, num_oov_indices=unknown, mask_token=mask)
    np.testing.assert_array_equal(layer(list(places)), list(places.values()))
    assert layer.vocabulary_size() == first + 3
    if unknown:
        np.testing.assert_array_equal(layer(["x", "[UNK]"]), [first - 1] * 2)
    else:
        with pytest.raises(ValueError, match="is not in the vocabulary"):
            layer(["a", "x"])
    back = layers.StringLookup(vocabulary=words, num_oov_indices=unknown, mask_token=mask, invert=True)
    assert list(back(np.array(list(places.values())))) == list(places)
    assert list(back(np.array([first + 3, -1]))) == ["[UNK]"] * 2


def test_normalization_shows_its_numbers():
    layer = layers.Normalization()
    assert layer.mean is layer.variance is None
    layer.adapt(np.array([[1.0, 4.0], [3.0, 4.0]]))
    np.testing.assert_array_equal(layer.mean.numpy(), [[2.0, 4.0]])
    np.testing.assert_array_equal(layer.variance.numpy(), [[1.0, 0.0]])
    given = layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 9.0])
    np.testing.assert_array_equal(given.mean.numpy(), [1.0, 2.0])
    np.testing.assert_array_equal(given.variance.numpy(), [4.0, 9.0])
