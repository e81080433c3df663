"""Preprocessing layers against Keras 3 itself: the same options and numbers; what is random is given to both."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from compare import many
from hypothesis import given
from hypothesis import strategies as st
from keras_live import keras

from lamina import layers, ops
from lamina.layers.preprocessing.geometry import homographies
from lamina.testing.layer_table import layer_checks


def numpy(x: Any) -> Any:
    return x.detach().numpy() if hasattr(x, "detach") else np.asarray(x)


def both(name: str, *args: Any, **options: Any) -> tuple[Any, Any]:
    """Lamina's layer and Keras's; the configuration of each makes the other."""
    ours, theirs = getattr(layers, name)(*args, **options), getattr(keras.layers, name)(*args, **options)
    config = theirs.get_config()
    config["dtype"] = "float32"
    again = type(ours).from_config(config)
    return again, theirs


def uniform(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).uniform(0, 255, shape).astype(np.float32)


@st.composite
def images(draw):
    batch = draw(st.sampled_from([(), (1,), (3,)]))
    size = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    channels = draw(st.sampled_from([1, 3, 4]))
    data_format = draw(st.sampled_from(["channels_last", "channels_first"]))
    shape = (*batch, *size, channels) if data_format == "channels_last" else (*batch, channels, *size)
    return uniform(draw(st.integers(0, 99)), *shape), data_format


@many
@given(images(), st.integers(1, 9), st.integers(1, 9))
def test_center_crop(given_images, height, width):
    x, data_format = given_images
    ours, theirs = both("CenterCrop", height, width, data_format=data_format)
    np.testing.assert_allclose(ours(x), numpy(theirs(x)), rtol=1e-4, atol=1e-3)


@many
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 7), st.booleans(), st.integers(0, 99))
def test_normalization(sizes, kept, invert, seed):
    axis = tuple(a for a in range(len(sizes)) if kept >> a & 1 and a)
    x = np.random.default_rng(seed).standard_normal(sizes).astype(np.float32)
    given_axis = axis or None
    ours = layers.Normalization(axis=given_axis, invert=invert)
    theirs = keras.layers.Normalization(axis=given_axis, invert=invert)
    ours.adapt(x)
    theirs.adapt(x)
    want = numpy(theirs(x))
    np.testing.assert_allclose(ours(x), want, rtol=1e-3, atol=1e-3 * max(1.0, float(np.abs(want).max())))
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        assert a.name == b.name
        np.testing.assert_allclose(a, numpy(b.value), rtol=1e-4, atol=1e-5)


@many
@given(images(), st.floats(-2, 2), st.floats(-9, 9))
def test_rescaling(given_images, scale, offset):
    ours, theirs = both("Rescaling", scale, offset)
    np.testing.assert_allclose(ours(given_images[0]), numpy(theirs(given_images[0])), rtol=1e-5, atol=1e-4)


def drawn_by_us(ours: Any, x: Any) -> tuple[Any, Any]:
    """What our layer draws for images, for it and for Keras."""
    drawn = ours.get_random_transformation(x)
    return drawn, {key: keras.ops.convert_to_tensor(value.numpy()) for key, value in drawn.items()}


COLOURS = [("RandomContrast", {"factor": (0.3, 0.6)}), ("RandomBrightness", {"factor": (-0.4, 0.6)})]


@pytest.mark.parametrize(("name", "options"), COLOURS)
@many
@given(images())
def test_colours(name, options, given_images):
    x, data_format = given_images
    x = x if x.ndim == 4 else x[None]
    ours, theirs = both(name, seed=3, data_format=data_format, **options)
    mine, other = drawn_by_us(ours, x)
    want = numpy(theirs.transform_images(keras.ops.convert_to_tensor(x), other))
    np.testing.assert_allclose(ours.transform_images(x, mine), want, rtol=1e-4, atol=1e-2)


@many
@given(images(), st.sampled_from(["horizontal", "vertical", "horizontal_and_vertical"]))
def test_flip(given_images, mode):
    x, data_format = given_images
    x = x if x.ndim == 4 else x[None]
    ours, theirs = both("RandomFlip", mode, seed=3, data_format=data_format)
    mine, other = drawn_by_us(ours, x)
    want = numpy(theirs.transform_images(keras.ops.convert_to_tensor(x), other))
    np.testing.assert_array_equal(ours.transform_images(x, mine), want)


GEOMETRY = st.sampled_from([
    ("RandomRotation", lambda a, b: (a,)),
    ("RandomZoom", lambda a, b: (a, b)),
    ("RandomTranslation", lambda a, b: (a, b)),
])  # fmt: skip


@many
@given(
    images(), GEOMETRY, st.floats(-0.6, 0.6), st.floats(-0.6, 0.6),
    st.sampled_from(["reflect", "wrap", "constant", "nearest"]), st.sampled_from(["bilinear", "nearest"]),
)  # fmt: skip
def test_geometry_of_known_amounts(given_images, kind, a, b, fill_mode, interpolation):
    x, data_format = given_images
    name, arguments = kind
    pairs = arguments((a, a), (b, b))
    ours, theirs = both(
        name, *pairs, fill_mode=fill_mode, interpolation=interpolation, data_format=data_format, fill_value=3.0
    )
    got, want = np.asarray(ours(x, training=True)), numpy(theirs(x, training=True))
    different = np.abs(got - want) > 0.02 + 1e-3 * np.abs(want)
    # Where a place lies on the edge between two pixels its last bit decides, in float32 there and in double here.
    assert different.mean() <= (0.0 if interpolation == "bilinear" and fill_mode != "constant" else 0.35)


@many
@given(images(), st.integers(0, 99), st.sampled_from(["reflect", "wrap", "constant", "nearest", "mirror"]))
def test_affine_transform(given_images, seed, fill_mode):
    x, data_format = given_images
    if fill_mode == "mirror" and 1 in x.shape[-3:]:
        return  # Keras divides by zero
    m = np.random.default_rng(seed).uniform(-1, 1, (x.shape[0] if x.ndim == 4 else 1, 8)).astype(np.float32)
    m[:, 6:] = 0
    theirs = keras.ops.image.affine_transform(x, m.copy(), fill_mode=fill_mode, data_format=data_format, fill_value=9.0)
    ours = ops.image.affine_transform(x, m, fill_mode=fill_mode, data_format=data_format, fill_value=9.0)
    np.testing.assert_allclose(ours.numpy(), numpy(theirs), rtol=1e-3, atol=0.05)


@many
@given(
    st.sampled_from(["log", "magnitude", "psd", "real", "imag", "stft"]), st.integers(1, 9), st.integers(1, 9),
    st.sampled_from([8, 16]), st.sampled_from(["hann", "hamming", "blackman", None]), st.booleans(),
    st.sampled_from(["density", "spectrum", None]), st.sampled_from(["valid", "same"]), st.booleans(),
    st.sampled_from(["channels_last", "channels_first"]), st.integers(0, 99),
)  # fmt: skip
def test_stft(mode, length, step, fft, window, periodic, scaling, padding, expand_dims, data_format, seed):
    length = min(length, fft)
    x = np.random.default_rng(seed).standard_normal((2, 20, 3) if data_format == "channels_last" else (2, 3, 20))
    x = x.astype(np.float32)
    ours, theirs = both(
        "STFTSpectrogram", mode, length, min(step, length), fft, window, periodic, scaling, padding, expand_dims,
        data_format,
    )  # fmt: skip
    want = numpy(theirs(x))
    if window is not None and length < 3:
        return  # windows of one or two values are zero, and their scale is too
    np.testing.assert_allclose(ours(x), want, rtol=1e-3, atol=2e-3)
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        assert a.name == b.name
        np.testing.assert_allclose(a, numpy(b.value), atol=1e-5)


@many
@given(
    st.sampled_from([8, 16]), st.integers(1, 9), st.sampled_from([None, 5, 8]),
    st.sampled_from(["hann", "hamming", None]), st.integers(2, 5), st.booleans(), st.sampled_from([1.0, 2.0]),
    st.booleans(), st.integers(0, 99),
)  # fmt: skip
def test_mel(fft, stride, length, window, bands, to_db, mag_exp, single, seed):
    x = np.random.default_rng(seed).standard_normal((40,) if single else (3, 40)).astype(np.float32)
    ours, theirs = both(
        "MelSpectrogram", fft, stride, length, window, 8000, bands, power_to_db=to_db, mag_exp=mag_exp, top_db=40.0
    )
    np.testing.assert_allclose(ours(x), numpy(theirs(x)), rtol=1e-3, atol=5e-3)


OF_COLOURS = [
    ("RandomHue", {"factor": (0.2, 0.9)}), ("RandomSaturation", {"factor": (0.1, 0.8), "value_range": (0, 1)}),
    ("RandomColorDegeneration", {"factor": (0.2, 0.9)}), ("RandomSharpness", {"factor": (0.0, 1.0)}),
    ("RandomInvert", {"factor": (0.4, 0.6)}), ("RandomPosterization", {"factor": (1, 8)}),
    ("Solarization", {"addition_factor": 0.3, "threshold_factor": 0.8}), ("MixUp", {"alpha": 0.4}), ("CutMix", {}),
    ("RandomErasing", {"factor": (0.8, 1.0), "fill_value": 7.0}), ("RandomGaussianBlur", {"factor": (0.5, 1.0)}),
    ("Equalization", {}), ("AutoContrast", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), OF_COLOURS)
@many
@given(st.integers(1, 4), st.integers(2, 7), st.integers(2, 7), st.integers(0, 99))
def test_colours_and_patches(name, options, n, height, width, seed):
    x = uniform(seed, n, height, width, 3)
    x = x / 255 if options.get("value_range") == (0, 1) else x
    ours, theirs = both(name, **options)
    tensor = keras.ops.convert_to_tensor
    if name in ("Equalization", "AutoContrast"):
        x = np.round(x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, about Keras's own code
            want = numpy(theirs(x, training=True))
        np.testing.assert_allclose(ours(x, training=True), want, rtol=1e-3, atol=0.02)
        return
    mine, other = drawn_by_us(ours, x)
    got = ours.transform_images(x, mine).numpy()
    want = numpy(theirs.transform_images(tensor(x), other))
    off = np.abs(got - want) > 1e-2 + 1e-3 * np.abs(want)
    assert off.mean() <= (0.05 if name == "RandomPosterization" else 0)  # there, an edge may lie on either side
    if name in ("MixUp", "CutMix"):
        labels = np.eye(n, 4, dtype=np.float32)
        want = numpy(theirs.transform_labels(tensor(labels), other))
        np.testing.assert_allclose(ours.transform_labels(labels, mine), want, rtol=1e-5)


@many
@given(images(), st.integers(0, 99))
def test_perspective(given_images, seed):
    x, data_format = given_images
    x = x if x.ndim == 4 else x[None]
    rows, columns = x.shape[1:3] if data_format == "channels_last" else x.shape[2:]
    if min(rows, columns) < 2:
        return  # Keras has no map for corners that coincide
    starts = np.array([[0, 0], [columns - 1, 0], [0, rows - 1], [columns - 1, rows - 1]], np.float64)
    ends = starts * (1 + 0.6 * (np.random.default_rng(seed).random((len(x), 4, 2)) - 0.5))
    theirs = keras.layers.RandomPerspective(data_format=data_format, fill_value=3.0)
    points = {
        "start_points": np.repeat(starts[None], len(x), 0).astype(np.float32),
        "end_points": ends.astype(np.float32),
    }
    other = {key: keras.ops.convert_to_tensor(value) for key, value in points.items()}
    other["apply_perspective"] = keras.ops.convert_to_tensor(np.ones(len(x), bool))
    ours = layers.RandomPerspective(data_format=data_format, fill_value=3.0)
    got = ours.transform_images(x, {"transform": homographies(starts, ends).astype(np.float32)}).numpy()
    want = numpy(theirs.transform_images(keras.ops.convert_to_tensor(x), other))
    off = np.abs(got - want) > 0.5
    assert off.mean() <= 0.2  # at the border the last bit decides whether a pixel lies within


def test_keras_takes_our_configurations():
    """Those of layers that need TensorFlow there and of Pipeline, which holds layers, aside."""
    for row in layer_checks():
        needs_more = row.name in ("IntegerLookup", "Pipeline")
        if row.kind.__module__.startswith("lamina.layers.preprocessing.") and not needs_more:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that lengths had better be powers of two
                theirs = getattr(keras.layers, row.name).from_config(row.make().get_config())
            assert type(row.make()).from_config({**theirs.get_config(), "dtype": "float32"})


def test_mel_matrix():
    theirs = numpy(keras.layers.MelSpectrogram().linear_to_mel_weight_matrix(10, 33, 8000, 50.0, 3000.0))
    ours = layers.MelSpectrogram().linear_to_mel_weight_matrix(10, 33, 8000, 50.0, 3000.0)
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-5)


@many
@given(images(), st.integers(1, 9), st.integers(1, 9), st.sampled_from([None, "crop", "pad"]))
def test_resizing(given_images, height, width, fit):
    x, data_format = given_images
    options = {} if fit is None else {f"{fit}_to_aspect_ratio": True}
    ours, theirs = both("Resizing", height, width, data_format=data_format, fill_value=9.0, **options)
    np.testing.assert_allclose(ours(x), numpy(theirs(x)), rtol=1e-4, atol=1e-2)
