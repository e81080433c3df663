"""Preprocessing layers against Keras 3 itself: the same options and numbers; what is random is given to both."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from compare import many
from hypothesis import given
from hypothesis import strategies as st

from lamina import layers

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras", reason="the comparisons with Keras need keras")


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
