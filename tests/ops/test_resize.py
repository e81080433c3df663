"""Resizing: gradients by central differences, known values, the layers; the registry compares values with twins."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers, ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("size", [(6, 8), (5, 2), (3, 4), (7, 1)])
def test_gradients(size, interpolation):
    check_gradients(lambda x: ops.image.resize(x, size, interpolation), RNG.standard_normal((2, 3, 4, 3)))


def test_nearest_repeats_pixels():
    x = RNG.standard_normal((2, 3, 4, 5)).astype(np.float32)
    y = layers.UpSampling2D((2, 3))(x).numpy()
    np.testing.assert_array_equal(y, x.repeat(2, axis=1).repeat(3, axis=2))
    first = layers.UpSampling2D((2, 3), data_format="channels_first")(x.transpose(0, 3, 1, 2)).numpy()
    np.testing.assert_array_equal(first.transpose(0, 2, 3, 1), y)
    steps = layers.UpSampling1D(3)(x[0]).numpy()
    np.testing.assert_array_equal(steps, x[0].repeat(3, axis=1))


def test_bilinear_blends_by_the_middles_of_pixels():
    y = ops.image.resize(np.array([0.0, 1.0, 3.0]).reshape(1, 3, 1), (1, 6)).numpy()
    np.testing.assert_allclose(y.ravel(), [0, 0.25, 0.75, 1.5, 2.5, 3], rtol=1e-6)
    x = RNG.standard_normal((1, 5, 7, 2))
    np.testing.assert_array_equal(ops.image.resize(x, (5, 7)).numpy(), x)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_as_pytorch(interpolation):
    torch = pytest.importorskip("torch")
    x = RNG.standard_normal((2, 5, 7, 3))
    options = {} if interpolation == "nearest" else {"align_corners": False}
    for size in ((10, 14), (15, 21), (8, 11)) if interpolation == "bilinear" else ((10, 14), (15, 7)):
        want = torch.nn.functional.interpolate(
            torch.from_numpy(x.transpose(0, 3, 1, 2)), size, mode=interpolation, **options
        )
        got = ops.image.resize(x, size, interpolation).numpy()
        np.testing.assert_allclose(got, want.numpy().transpose(0, 2, 3, 1), rtol=1e-12, atol=1e-12)


def test_in_models(tmp_path):
    inputs = lamina.Input((4, 4, 3))
    y = layers.Conv2D(4, 3, padding="same")(layers.UpSampling2D(interpolation="bilinear")(inputs))
    model = lamina.Model(inputs, ops.image.resize(y, (5, 6)))
    assert model.output_shape == (None, 5, 6, 4)
    assert layers.UpSampling2D()(lamina.Input((None, 4, 3))).shape == (None, None, 8, 3)
    x = RNG.standard_normal((3, 4, 4, 3)).astype(np.float32)
    model.save(tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    model.compile("adam", "mse")
    losses = model.fit(x, np.zeros((3, 5, 6, 4), np.float32), epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match="interpolation is 'cubic', expected 'nearest' or 'bilinear'"):
        layers.UpSampling2D(interpolation="cubic")
    with pytest.raises(ValueError, match="size"):
        layers.UpSampling2D(0)
    with pytest.raises(ValueError, match=r"UpSampling2D 'up': x is \(2, 3\)"):
        layers.UpSampling2D(name="up")(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"size must be two integers, \(height, width\), got 3"):
        ops.image.resize(np.zeros((1, 2, 2, 1)), 3)
    for size in ((2.5, 2), (True, 2), "23", (2, 2, 2)):
        with pytest.raises(ValueError, match=r"size must be two integers, \(height, width\), got"):
            ops.image.resize(np.zeros((1, 2, 2, 1)), size)
    with pytest.raises(ValueError, match="has no pixels"):
        ops.image.resize(np.zeros((1, 0, 2, 1)), (2, 2))
    with pytest.raises(ValueError, match=r"UpSampling1D .*: size must be a positive integer, got 0"):
        layers.UpSampling1D(0)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("shape", [(4, 8), (9, 4), (5, 5)])
def test_proportions_are_kept_by_cropping_or_a_border(shape, data_format):
    x = RNG.standard_normal((2, *shape, 3))
    given = np.moveaxis(x, -1, 1) if data_format == "channels_first" else x

    def resized(**options):
        y = ops.image.resize(given, (2, 3), **options, data_format=data_format).numpy()
        return np.moveaxis(y, 1, -1) if data_format == "channels_first" else y

    rows, columns = shape
    h, w = min(rows, columns * 2 // 3), min(columns, rows * 3 // 2)
    top, left = (rows - h) // 2, (columns - w) // 2
    part = ops.image.resize(x[:, top : top + h, left : left + w], (2, 3)).numpy()
    np.testing.assert_array_equal(resized(crop_to_aspect_ratio=True), part)
    down, across = (max(rows, columns * 2 // 3) - rows) // 2, (max(columns, rows * 3 // 2) - columns) // 2
    framed = np.pad(x, ((0, 0), (down, down), (across, across), (0, 0)), constant_values=7.0)
    want = ops.image.resize(framed, (2, 3)).numpy()
    np.testing.assert_array_equal(resized(pad_to_aspect_ratio=True, fill_value=7.0), want)
    for options in ({"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True, "fill_value": 2.0}):
        check_gradients(lambda x, o=options: ops.image.resize(x, (2, 3), data_format=data_format, **o), given)
        one = ops.image.resize(given[0], (2, 3), data_format=data_format, **options).numpy()
        np.testing.assert_array_equal(one, ops.image.resize(given, (2, 3), data_format=data_format, **options)[0])
        assert ops.image.resize(x, (0, 3), **options).shape == (2, 0, 3, 3)


def test_options_of_resize_that_are_refused():
    x = np.zeros((1, 2, 2, 1))
    for options, message in (
        ({"antialias": True}, "antialias=True is not supported"),
        ({"fill_mode": "reflect"}, "fill_mode of resize"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "exclude each other"),
    ):
        with pytest.raises(ValueError, match=message):
            ops.image.resize(x, (2, 2), **options)
    with pytest.raises(TypeError, match="fill_value must be a number, got 'a'"):
        ops.image.resize(x, (2, 4), pad_to_aspect_ratio=True, fill_value="a")
