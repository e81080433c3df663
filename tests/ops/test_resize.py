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


OPTIONS = [
    {"interpolation": "bicubic"},
    {"interpolation": "bicubic", "rule": "torch"},
    {"interpolation": "bicubic", "antialias": True},
    {"interpolation": "bilinear", "antialias": True, "rule": "onnx"},
    {"interpolation": "lanczos3"},
    {"interpolation": "lanczos5", "antialias": True},
    {"interpolation": "area"},
    {"interpolation": "box", "antialias": True},
    {"interpolation": "hamming", "antialias": True},
    {"interpolation": "bilinear", "coordinates": "align_corners"},
    {"interpolation": "bicubic", "coordinates": "asymmetric", "exclude_outside": False, "scales": (1.7, 0.6)},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: " ".join(map(str, o.values())))
@pytest.mark.parametrize("size", [(6, 9), (5, 2), (1, 3)])
def test_gradients_of_all_filters(size, options):
    for channels in (1, 3, 20):
        check_gradients(lambda x: ops.image.resize(x, size, **options), RNG.standard_normal((2, 3, 4, channels)))


def by_places(x, height, width, place):
    rows, columns = ([min(place(i, n / size), n - 1) for i in range(size)]
                     for n, size in ((x.shape[1], height), (x.shape[2], width)))  # fmt: skip
    return x[:, rows][:, :, columns]


@pytest.mark.parametrize("size", [(6, 9), (5, 2), (1, 3), (4, 7)])
@pytest.mark.parametrize(("rule", "place"), [
    (None, lambda i, scale: int(np.floor((i + 0.5) * scale))),
    ("torch", lambda i, scale: int(np.floor(i * scale))),
    ("onnx", lambda i, scale: int(np.ceil((i + 0.5) * scale - 1))),  # the lower one of two that are as near
])  # fmt: skip
def test_the_nearest_pixel_of_every_library(rule, place, size):
    x = RNG.standard_normal((2, 3, 4, 2))
    rule = {} if rule is None else {"rule": rule}
    np.testing.assert_array_equal(ops.image.resize(x, size, "nearest", **rule), by_places(x, *size, place))


def onnx(x, size, **options):
    x = np.asarray(x, np.float64)
    return ops.image.resize(x[..., None], size, rule="onnx", **options).numpy()[..., 0]


def test_examples_of_onnx():
    """The examples of ONNX's Resize operator."""
    x = np.arange(1.0, 17).reshape(4, 4)
    small = [[1.0, 2], [3, 4]]
    upper = [0.47265625, 0.76953125, 1.24609375, 1.875, 2.28125, 2.91015625, 3.38671875, 3.68359375]
    left = [0.47265625, 1.66015625, 3.56640625, 6.08203125, 7.70703125, 10.22265625, 12.12890625, 13.31640625]
    larger = onnx(x, (8, 8), interpolation="bicubic")
    np.testing.assert_allclose(larger[0], upper, rtol=1e-7)
    np.testing.assert_allclose(larger[:, 0], left, rtol=1e-7)
    excluded = onnx(x, (8, 8), interpolation="bicubic", cubic_coefficient=-0.5, exclude_outside=True)
    want = [0.55882353, 0.81494204, 1.35698249, 1.89705882, 2.39705882, 2.93713516, 3.47917561, 3.73529412]
    np.testing.assert_allclose(excluded[0], want, rtol=1e-7)
    aligned = onnx(small, (4, 4), interpolation="bilinear", coordinates="align_corners")
    np.testing.assert_allclose(aligned[0], [1, 4 / 3, 5 / 3, 2])
    np.testing.assert_allclose(onnx(small, (4, 4))[0], [1, 1.25, 1.75, 2])
    smooth = onnx(x, (2, 2), interpolation="bicubic", antialias=True, scales=(0.6, 0.6))
    np.testing.assert_allclose(smooth, [[2.5180721, 4.2858863], [9.589329, 11.357142]], rtol=1e-6)
    smooth = onnx(x, (2, 2), antialias=True, scales=(0.6, 0.6))
    np.testing.assert_allclose(smooth, [[2.875, 4.5], [9.375, 11.0]], rtol=1e-6)
    symmetric = onnx([[1.0, 2, 3, 4]], (1, 2), coordinates="half_pixel_symmetric", scales=(1.0, 0.6))
    np.testing.assert_allclose(symmetric, [[1.6666667, 3.3333333]], rtol=1e-6)
    symmetric = onnx(small, (4, 5), coordinates="half_pixel_symmetric", scales=(2.3, 2.94))
    np.testing.assert_allclose(symmetric[0], [1, 1.15986395, 1.5, 1.84013605, 2], rtol=1e-6)
    np.testing.assert_allclose(symmetric[:, 0], [1, 1.56521738, 2.43478262, 3], rtol=1e-6)


def test_nearest_pixels_by_every_rounding():
    x = np.arange(4.0).reshape(1, 4)
    for rounding, want in (  # outputs stand at 0, 0.5, 1 ...
        ("round_prefer_floor", [0, 0, 1, 1, 2, 2, 3, 3]),
        ("round_prefer_ceil", [0, 1, 1, 2, 2, 3, 3, 3]),
        ("floor", [0, 0, 1, 1, 2, 2, 3, 3]),
        ("ceil", [0, 1, 1, 2, 2, 3, 3, 3]),
    ):
        got = onnx(x, (1, 8), interpolation="nearest", rounding=rounding, coordinates="asymmetric")
        np.testing.assert_array_equal(got[0], want, rounding)
    got = onnx(x, (1, 2), interpolation="nearest", rounding="floor")  # at 0.5 and 2.5
    np.testing.assert_array_equal(got[0], [0, 2])
    np.testing.assert_array_equal(onnx(x, (1, 2), interpolation="nearest", rounding="ceil")[0], [1, 3])


@pytest.mark.parametrize("name", ["NEAREST", "BOX", "BILINEAR", "HAMMING", "BICUBIC", "LANCZOS"])
def test_as_pillow(name):
    image = pytest.importorskip("PIL.Image", reason="the comparison needs Pillow")
    ours = {"LANCZOS": "lanczos3"}.get(name, name.lower())
    for rows, columns, *size in RNG.integers(1, 24, (200, 4)).tolist():
        x = RNG.uniform(0, 255, (rows, columns)).astype(np.float32)
        ends = [(2 * o + 1) * n % (2 * m) for n, m in zip((rows, columns), size, strict=True) for o in range(m)]
        if name == "NEAREST" and 0 in ends:
            continue  # half-way between two pixels Pillow's sums of steps decide
        if name == "BOX" and any(n % m for n, m in zip((rows, columns), size, strict=True)):
            continue  # pixels on the edge of a box fall to either side by rounding
        want = np.asarray(image.fromarray(x).resize(size[::-1], image.Resampling[name]))
        got = ops.image.resize(x[..., None], size, ours, rule="pillow").numpy()[..., 0]
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=2e-3, err_msg=f"{rows, columns} to {size}")


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_layers_of_every_rank(rank, interpolation):
    layer = getattr(layers, f"UpSampling{rank}D")(2, interpolation=interpolation)
    x = RNG.standard_normal((2, 3, 4, 2)[: rank + 1] + (3,))
    y = x
    for axis in range(1, rank + 1):  # along one axis after the other
        line = np.moveaxis(y, axis, -1)
        larger = ops.image.resize(line.reshape(1, -1, line.shape[-1], 1), (line[..., 0].size, 2 * line.shape[-1]),
                                  interpolation).numpy()  # fmt: skip
        y = np.moveaxis(larger.reshape(*line.shape[:-1], -1), -1, axis)
    layer = type(layer)(2, interpolation=interpolation, dtype="float64")
    np.testing.assert_allclose(layer(x).numpy(), y, rtol=1e-12, atol=1e-12)
    again = type(layer).from_config(layer.get_config())
    assert again.interpolation == interpolation
    np.testing.assert_array_equal(again(x), layer(x))
    assert layer.compute_output_shape((None, *x.shape[1:])) == (None, *y.shape[1:])


def test_smoothing_keeps_the_mean_where_it_shrinks():
    x = np.zeros((1, 64, 64, 1), np.float32)
    x[:, ::2, ::2] = 4  # a grid that plain interpolation misses or hits
    smooth = ops.image.resize(x, (8, 8), antialias=True).numpy()
    assert np.ptp(smooth[:, 1:-1, 1:-1]) < 0.05
    assert abs(smooth.mean() - 1) < 0.05
    layer = layers.Resizing(8, 8, antialias=True)
    np.testing.assert_array_equal(layer(x), smooth)
    assert layers.Resizing.from_config(layer.get_config()).antialias
    for interpolation in ("bicubic", "lanczos3", "lanczos5"):
        want = ops.image.resize(x, (5, 7), interpolation).numpy()
        np.testing.assert_array_equal(layers.Resizing(5, 7, interpolation)(x), want)


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
    with pytest.raises(ValueError, match="interpolation is 'cubic', expected one of 'nearest', 'bilinear', 'bicubic'"):
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
        ({"interpolation": "bicubik"}, "unknown interpolation of resize 'bicubik': did you mean 'bicubic'"),
        ({"rule": "pytorch"}, "unknown rule of resize 'pytorch': did you mean 'torch'"),
        ({"coordinates": "half"}, "unknown coordinates of resize 'half'"),
        ({"rounding": "up", "interpolation": "nearest"}, "unknown rounding of resize 'up'"),
        ({"rounding": "ceil"}, "interpolation 'bilinear' has no rounding, got 'ceil'"),
        ({"cubic_coefficient": -0.5}, "interpolation 'bilinear' has no cubic_coefficient"),
        ({"interpolation": "area", "scales": (2, 2)}, "interpolation 'area' has no scales"),
        ({"scales": (2, 0)}, "scales must be positive numbers"),
        ({"scales": (2,)}, "scales has 1 numbers, expected 2"),
        ({"fill_mode": "reflect"}, "fill_mode of resize"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "exclude each other"),
    ):
        with pytest.raises(ValueError, match=message):
            ops.image.resize(x, (2, 2), **options)
    with pytest.raises(TypeError, match="fill_value must be a number, got 'a'"):
        ops.image.resize(x, (2, 4), pad_to_aspect_ratio=True, fill_value="a")
