"""Images of integers: what other libraries give back as integers is integers here, too."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers, ops

TYPES = ["uint8", "int8", "uint16", "int16", "int32", "uint32", "int64"]


def whole(dtype, *shape, seed=0):
    info = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(info.min // 2**11, info.max // 2**11 + 20, shape).astype(dtype)


@pytest.mark.parametrize("dtype", TYPES)
def test_largest_values_are_exact(dtype):
    x = whole(dtype, 2, 6, 4, 3)
    wanted = x.reshape(2, 3, 2, 2, 2, 3).max((2, 4))
    for found in (ops.max_pool(x, 2), layers.MaxPooling2D()(x), ops.adaptive_max_pool(x, (3, 2))):
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, wanted)
    y, places = ops.max_pool(x, 2, return_indices=True)
    assert y.dtype == dtype
    assert places.dtype == np.int32
    np.testing.assert_array_equal(layers.GlobalMaxPooling2D()(x), x.max((1, 2)))
    large = x.astype(np.int64) + 2**45
    np.testing.assert_array_equal(ops.max_pool(large, 2), wanted.astype(np.int64) + 2**45)


def test_booleans():
    x = np.zeros((1, 4, 4, 1), bool)
    x[0, 1, 2] = True
    found = ops.max_pool(x, 2)
    assert found.dtype == bool
    np.testing.assert_array_equal(found[0, :, :, 0], [[False, True], [False, False]])
    assert ops.image.resize(x, (2, 2), "nearest").dtype == bool


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos3"])
def test_resized(dtype, interpolation):
    """The float64 result, rounded half to even within the limits of the type."""
    x = whole(dtype, 2, 6, 5, 3)
    found = ops.image.resize(x, (4, 7), interpolation)
    floats = np.asarray(ops.image.resize(x.astype(np.float64), (4, 7), interpolation))
    info = np.iinfo(dtype)
    assert found.dtype == dtype
    off = np.abs(found.numpy().astype(np.float64) - np.clip(np.round(floats), info.min, info.max))
    assert off.max() <= (0 if info.bits > 16 else 1)  # float32 may stand on the other side of a half
    assert (off > 0).mean() < 0.02


def test_what_leaves_the_limits_is_kept_within():
    edge = np.array([[250, 0], [0, 255]], np.uint8)[None, :, :, None]
    found = ops.image.resize(edge, (8, 8), "bicubic").numpy()[0, :, :, 0]
    assert found[0, 0] == 255
    assert found[0, -1] == 0
    for dtype in ("int64", "uint64", "int32"):
        info = np.iinfo(dtype)
        most = np.full((1, 2, 2, 1), info.max, dtype)
        most[0, 0, 0] = info.min
        found = ops.image.resize(most, (4, 4), "bicubic").numpy()
        assert found.max() >= info.max - 2047  # float64's next number below
        assert found.min() == info.min


def test_published_values():
    """Keras 3.15 on PyTorch and on JAX: keras.ops.image.resize of these integers."""
    x = (np.arange(16, dtype=np.uint8) * 3).reshape(1, 4, 4, 1)
    for interpolation, wanted in (("nearest", [12, 18, 21, 36, 42, 45]), ("bilinear", [6, 10, 14, 30, 34, 38])):
        np.testing.assert_array_equal(ops.image.resize(x, (2, 3), interpolation).numpy().ravel(), wanted)


def test_maps():
    x = np.arange(2 * 6 * 6 * 3, dtype=np.uint8).reshape(2, 6, 6, 3)
    still = np.array([1, 0, 0, 0, 1, 0, 0, 0], np.float32)
    for found in (
        ops.image.affine_transform(x, still),
        ops.image.map_coordinates(x, np.indices(x.shape).astype(np.float32), 1),
        layers.Resizing(6, 6)(x),
    ):
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, x)
    assert ops.image.gaussian_blur(x).dtype == np.uint8


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize(
    ("layer", "shape"), [("UpSampling1D", (2, 3, 2)), ("UpSampling2D", (2, 3, 4, 2)), ("UpSampling3D", (2, 3, 2, 3, 2))]
)
def test_upsampling(interpolation, layer, shape):
    x = whole("uint8", *shape)
    made = getattr(layers, layer)(interpolation=interpolation)
    assert made(x).dtype == np.uint8
    exact = np.asarray(getattr(layers, layer)(interpolation=interpolation, dtype="float64")(x.astype(np.float64)))
    np.testing.assert_allclose(
        made(x).numpy(), np.clip(np.round(exact), 0, 255), atol=1 if interpolation != "nearest" else 0
    )


def test_functional_models_know_the_type():
    inputs = lamina.Input((6, 6, 3), dtype="uint8")
    found = layers.MaxPooling2D()(layers.Resizing(4, 4)(layers.UpSampling2D()(inputs)))
    assert found.dtype == "uint8"
    model = lamina.Model(inputs, found)
    x = whole("uint8", 2, 6, 6, 3)
    assert model(x).dtype == np.uint8
    assert layers.MaxPooling2D(return_indices=True)(inputs)[1].dtype == "int32"


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_lengths_of_global_pooling(keepdims, data_format):
    x = np.random.default_rng(1).normal(size=(3, 4, 2)).astype(np.float32)
    x[0, 2:] = np.nan  # what lengths leave out is not looked at
    given = x if data_format == "channels_last" else x.transpose(0, 2, 1)
    for layer, wanted in (
        (layers.GlobalMaxPooling1D, [x[0, :2].max(0), np.zeros(2), x[2].max(0)]),
        (layers.GlobalAveragePooling1D, [x[0, :2].mean(0), np.zeros(2), x[2].mean(0)]),
    ):
        made = layer(data_format, keepdims=keepdims)
        t = lamina.Tensor(given, requires_grad=True)
        found = made(t, lengths=[2, 0, 4])
        shape = (3, 2) if not keepdims else (3, 1, 2) if data_format == "channels_last" else (3, 2, 1)
        assert found.shape == shape
        np.testing.assert_allclose(found.numpy().reshape(3, 2), wanted, rtol=1e-6)
        found.sum().backward()
        sums = t.grad.numpy().sum((1, 2))
        np.testing.assert_allclose(sums, [2, 0, 2], atol=1e-6)
        with pytest.raises(ValueError, match=r"lengths must be 3 integers between 0 and 4, got \[5 1 1\]"):
            made(given, lengths=[5, 1, 1])
    with pytest.raises(ValueError, match="mask and lengths are both given"):
        layers.GlobalAveragePooling1D()(x, mask=np.ones((3, 4), bool), lengths=[1, 1, 1])
    first = layers.GlobalMaxPooling1D()(np.arange(-12, 12, dtype=np.int8).reshape(3, 4, 2), lengths=[1, 0, 4])
    np.testing.assert_array_equal(first, [[-12, -11], [0, 0], [10, 11]])
    assert first.dtype == np.int8


def test_lengths_of_captured_pooling():
    x = np.random.default_rng(2).normal(size=(2, 5, 3)).astype(np.float32)
    for layer in (layers.GlobalMaxPooling1D(), layers.GlobalAveragePooling1D()):
        step = lamina.capture(lambda a, n, layer=layer: layer(a, lengths=n))
        for lengths in ([1, 2], [5, 0], [3, 3]):
            np.testing.assert_array_equal(step(x, np.array(lengths)), layer(x, lengths=lengths))
        with pytest.raises((ValueError, IndexError), match="lengths must be 2 integers between 0 and 5"):
            step(x, np.array([6, 1]))
