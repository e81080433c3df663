"""Colours, margins, patches, filters and samples of images: closed values, gradients, errors."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from lamina import Input, Tensor, ops
from lamina.core.generator import numpy_from
from lamina.ops import image
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
X = RNG.uniform(0, 1, (2, 5, 6, 3))
FIRST = X.transpose(0, 3, 1, 2).copy()


def same(got, want, atol=1e-12):
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-12, atol=atol)


def on_every_layout(f, want, *args):
    """A batch, its first image and both layouts agree; f takes data_format last."""
    same(f(X, *args), want)
    same(f(X[0], *args), want[0])
    first = f(FIRST, *args, data_format="channels_first")
    same(first, np.moveaxis(want, 3, 1))
    same(f(FIRST[0], *args, data_format="channels_first"), np.moveaxis(want, 3, 1)[0])


def test_grey():
    on_every_layout(image.rgb_to_grayscale, (X @ [0.2989, 0.587, 0.114])[..., None])
    same(image.rgb_to_grayscale(X[..., :1]), X[..., :1])
    got = image.rgb_to_grayscale(np.full((1, 1, 3), 200, np.uint8))
    assert (got.tolist(), got.dtype) == ([[[199]]], np.uint8)
    check_gradients(image.rgb_to_grayscale, X)


def test_hues():
    of_pixels = np.array([colorsys.rgb_to_hsv(*p) for p in X.reshape(-1, 3)]).reshape(X.shape)
    on_every_layout(image.rgb_to_hsv, of_pixels)
    back = np.array([colorsys.hsv_to_rgb(*p) for p in X.reshape(-1, 3)]).reshape(X.shape)
    on_every_layout(image.hsv_to_rgb, back)
    same(image.hsv_to_rgb(image.rgb_to_hsv(X)), X)
    greys = np.array([[[0.0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5], [1, 0, 0], [0, 0, 1]]])
    same(image.rgb_to_hsv(greys), np.array([[colorsys.rgb_to_hsv(*p) for p in greys[0]]]))
    for f in (image.rgb_to_hsv, image.hsv_to_rgb):
        check_gradients(f, X)
        x = Tensor(greys, requires_grad=True)
        f(x).sum().backward()
        assert np.isfinite(x.grad.numpy()).all()


def test_margins():
    on_every_layout(image.crop_images, X[:, 1:4, 2:], 1, 2, 1, 0)
    same(image.crop_images(X, top_cropping=1, left_cropping=2, target_height=2, target_width=3), X[:, 1:3, 2:5])
    same(image.crop_images(X, bottom_cropping=1, right_cropping=2, target_height=2, target_width=3), X[:, 2:4, 1:4])
    padded = np.pad(X, ((0, 0), (1, 3), (2, 0), (0, 0)))
    on_every_layout(image.pad_images, padded, 1, 2, 3, 0)
    same(image.pad_images(X, bottom_padding=3, right_padding=0, target_height=9, target_width=8), padded)
    same(image.pad_images(X, top_padding=1, left_padding=2, target_height=9, target_width=8), padded)
    check_gradients(lambda x: image.crop_images(x, 1, 2, 1, 0), X)


def patches_of(x, size, stride, dilation):
    spans = [d * (k - 1) + 1 for k, d in zip(size, dilation, strict=True)]
    out = [(n - span) // s + 1 for n, span, s in zip(x.shape[1:-1], spans, stride, strict=True)]
    y = np.zeros((len(x), *out, int(np.prod(size)) * x.shape[-1]))
    for place in np.ndindex(*out):
        key = tuple(slice(p * s, p * s + span, d) for p, s, span, d in zip(place, stride, spans, dilation, strict=True))
        y[(slice(None), *place)] = x[(slice(None), *key)].reshape(len(x), -1)
    return y


def test_patches():
    on_every_layout(image.extract_patches, patches_of(X, (2, 3), (2, 3), (1, 1)), (2, 3))
    same(image.extract_patches(X, 2, 1, 2), patches_of(X, (2, 2), (1, 1), (2, 2)))
    framed = np.pad(X, ((0, 0), (0, 1), (0, 0), (0, 0)))
    same(image.extract_patches(X, 2, padding="same"), patches_of(framed, (2, 2), (2, 2), (1, 1)))
    volumes = RNG.standard_normal((2, 4, 4, 5, 2))
    want = patches_of(volumes, (2, 1, 3), (1, 2, 1), (1, 1, 1))
    for f in (image.extract_patches, image.extract_patches_3d):
        same(f(volumes, (2, 1, 3), (1, 2, 1)), want)
        same(f(volumes[0], (2, 1, 3), (1, 2, 1)), want[0])
    assert image.extract_patches_3d(volumes, 2).shape == (2, 2, 2, 2, 16)
    check_gradients(lambda x: image.extract_patches(x, 3, 1, padding="same"), X)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("strides", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_patches_around_every_place(size, strides, dilation):
    """As many zeros before as behind, one more behind where it cannot be."""
    widths = [(0, 0)]
    for n in X.shape[1:3]:
        total = max((-(-n // strides) - 1) * strides + dilation * (size - 1) + 1 - n, 0)
        widths.append((total // 2, total - total // 2))
    framed = np.pad(X, [*widths, (0, 0)])
    want = patches_of(framed, (size, size), (strides, strides), (dilation, dilation))
    same(image.extract_patches(X, size, strides, dilation, padding="same"), want)


def test_blur():
    def weights(n, s):
        w = np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / s) ** 2)
        return w / w.sum()

    kernel = np.outer(weights(3, 0.7), weights(5, 2.0))
    framed = np.pad(X, ((0, 0), (1, 1), (2, 2), (0, 0)))
    want = np.zeros_like(X)
    for i, j in np.ndindex(3, 5):
        want += kernel[i, j] * framed[:, i : i + 5, j : j + 6]
    on_every_layout(image.gaussian_blur, want, (3, 5), (0.7, 2.0))
    check_gradients(lambda x: image.gaussian_blur(x, (3, 5), (0.7, 2.0)), X)
    assert image.gaussian_blur(X.astype(np.float32)).dtype == np.float32


def test_edges():
    ramp = np.broadcast_to(np.arange(5.0)[:, None, None] * 2 + np.arange(6.0)[:, None] * 3, (1, 5, 6, 2))
    y = image.sobel_edges(ramp).numpy()
    assert y.shape == (1, 5, 6, 2, 2)
    np.testing.assert_allclose(y[:, 1:-1, 1:-1], np.broadcast_to([16.0, 24.0], (1, 3, 4, 2, 2)))
    first = image.sobel_edges(FIRST, "channels_first").numpy()
    np.testing.assert_allclose(first, np.moveaxis(image.sobel_edges(X).numpy(), 3, 1), atol=1e-12)
    check_gradients(image.sobel_edges, X)


def test_ssim():
    a = RNG.uniform(0, 1, (2, 14, 13, 3))
    same(image.ssim(a, a), np.ones(2))
    assert image.ssim(a[0], a[0]).shape == ()
    b = RNG.uniform(0, 1, a.shape)
    both = image.ssim(a, b)
    assert (np.abs(both.numpy()) < 0.3).all()
    first = image.ssim(*(np.moveaxis(t, 3, 1) for t in (a, b)), data_format="channels_first")
    same(first, both.numpy())
    same(image.ssim(255 * a, 255 * b, 255.0), both.numpy())
    small = RNG.uniform(0, 1, (2, 1, 4, 4, 1))
    check_gradients(lambda a, b: image.ssim(a, b, filter_size=3), *small)


@pytest.mark.parametrize("mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
@pytest.mark.parametrize("order", [0, 1])
def test_map_coordinates(mode, order):
    x = RNG.standard_normal((4, 3))
    rows, columns = RNG.uniform(-6, 9, (2, 5, 7))
    names = {"constant": "constant", "nearest": "edge", "wrap": "wrap", "mirror": "reflect", "reflect": "symmetric"}
    wide = np.pad(x, 12, names[mode], **({"constant_values": 9.0} if mode == "constant" else {}))
    r, c = rows + 12, columns + 12
    if order == 0:
        want = wide[np.round(r).astype(int), np.round(c).astype(int)]
    else:
        i, j = np.floor(r).astype(int), np.floor(c).astype(int)
        want = sum(
            np.abs(1 - di - (r - i)) * np.abs(1 - dj - (c - j)) * wide[i + di, j + dj] for di in (0, 1) for dj in (0, 1)
        )
    same(image.map_coordinates(x, [rows, columns], order, mode, 9.0), want)
    same(image.map_coordinates(x, np.stack([rows, columns]), order, mode, 9.0), want)
    check_gradients(lambda x: image.map_coordinates(x, [rows, columns], order, mode, 9.0), x)
    if order:
        check_gradients(lambda r, c: image.map_coordinates(x, [r, c], order, mode, 9.0), rows, columns)


def test_map_coordinates_of_other_ranks_and_types():
    same(image.map_coordinates(np.arange(4.0), [[0.5, 2.25]], 1), [0.5, 2.25])
    got = image.map_coordinates(np.array([0, 10, 21], np.int32), [[0.5, 1.5, -3]], 1, "constant", 7)
    assert (got.tolist(), got.dtype) == ([5, 16, 7], np.int32)
    cube = RNG.standard_normal((2, 3, 4))
    same(image.map_coordinates(cube, np.indices((2, 3, 4)).astype(float), 1), cube)
    assert image.map_coordinates(np.arange(1.0), [[-5.0, 0.0, 3.0]], 1, "mirror").tolist() == [0, 0, 0]


def test_perspective():
    corners = np.array([[0.0, 0], [5, 0], [0, 4], [5, 4]])
    same(image.perspective_transform(X, corners, corners), X)
    moved = image.perspective_transform(X, corners, corners + [1, 2]).numpy()
    np.testing.assert_allclose(moved[:, 2:, 1:], X[:, :-2, :-1], atol=1e-12)
    assert not moved[:, :2].any()
    each = np.stack([corners, corners + [1, 2]])
    both = image.perspective_transform(X, np.stack([corners, corners]), each).numpy()
    np.testing.assert_allclose(both, np.stack([X[0], moved[1]]), atol=1e-12)
    tilted = corners + RNG.uniform(-0.5, 0.5, (4, 2))
    check_gradients(lambda x: image.perspective_transform(x, corners, tilted), X)
    first = image.perspective_transform(FIRST, corners, tilted, data_format="channels_first")
    same(first, np.moveaxis(image.perspective_transform(X, corners, tilted).numpy(), 3, 1))


def test_elastic():
    still = image.elastic_transform(X, alpha=0.0, seed=1)
    same(still, X)
    moved = image.elastic_transform(X, 3.0, 2.0, seed=1).numpy()
    assert not np.allclose(moved, X)
    np.testing.assert_array_equal(image.elastic_transform(X, 3.0, 2.0, seed=1).numpy(), moved)
    assert not np.array_equal(image.elastic_transform(X, 3.0, 2.0, seed=2).numpy(), moved)
    assert (moved <= X.max()).all()
    assert (moved >= X.min()).all()
    first = image.elastic_transform(FIRST, 3.0, 2.0, seed=1, data_format="channels_first")
    same(first, np.moveaxis(moved, 3, 1))
    flat = image.elastic_transform(np.ones((4, 4, 1)), 9.0, 1.0, "nearest", "constant", 5.0, seed=3).numpy()
    assert set(np.unique(flat)) == {1, 5}
    check_gradients(lambda x: image.elastic_transform(x, 3.0, 2.0, seed=1), X)


@pytest.mark.parametrize("method", ["linear", "cubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("antialias", [False, True])
def test_scale_and_translate(method, antialias):
    x = RNG.standard_normal((6, 3, 5))
    same(image.scale_and_translate(x, x.shape, [1.0, 1.0], [0.0, 0.0], (0, 2), method, antialias), x, 1e-9)
    got = image.scale_and_translate(x, (6, 3, 7), [1.0], [2.0], (2,), method, antialias).numpy()
    np.testing.assert_allclose(got[..., 2:], x, atol=1e-9)
    assert not got[..., :1].any()
    check_gradients(
        lambda x, s, t: image.scale_and_translate(x, (4, 3, 6), s, t, (0, 2), method, antialias),
        *(x, np.array([0.63, 1.37]), np.array([0.21, -0.33])),
    )


def kernel(method, d):
    if method == "linear":
        return max(1 - d, 0)
    if method == "cubic":  # Keys 1981
        near, far = 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
        return near if d < 1 else far if d < 2 else 0
    radius = int(method[-1])
    return np.sinc(d) * np.sinc(d / radius) if d <= radius else 0


@pytest.mark.parametrize("method", ["linear", "cubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(("scale", "shift"), [(0.63, 0.3), (1.37, -0.4), (2.0, 0.5), (0.5, 2.5), (1.0, -3.0)])
def test_scale_and_translate_sample_by_sample(method, antialias, scale, shift):
    x = RNG.standard_normal(9)
    want = np.zeros(12)
    for j in range(12):
        at = (j + 0.5 - shift) / scale - 0.5
        widened = max(1 / scale, 1) if antialias else 1
        weights = np.array([kernel(method, abs(at - i) / widened) for i in range(9)])
        if -0.5 <= at <= 8.5 and abs(weights.sum()) > 1e-4:
            want[j] = weights @ x / weights.sum()
    got = image.scale_and_translate(x, (12,), [scale], [shift], (0,), method, antialias)
    np.testing.assert_allclose(got, want, atol=1e-9)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
def test_elastic_shifts_are_blurred_noise(sigma):
    rows, columns = np.meshgrid(np.arange(24.0), np.arange(30.0), indexing="ij")
    x = np.stack([rows, columns], -1)[None]
    size = int(6 * sigma) | 1
    noise = sigma * numpy_from(5).standard_normal((1, 24, 30, 2))
    shift = 0.8 * image.gaussian_blur(noise, (size, size), (sigma, sigma)).numpy()
    y = image.elastic_transform(x, 0.8, sigma, fill_mode="nearest", seed=5)
    np.testing.assert_allclose(y, np.clip(x + shift, 0, [23, 29]), atol=1e-9)


def test_scale_and_translate_as_published():
    x = np.arange(9.0).reshape(3, 3)
    scale = np.array([2.0, 2.0])
    got = image.scale_and_translate(x, (5, 5), scale, -(scale / 2 - 0.5), (0, 1), "linear")
    same(got, np.arange(5)[:, None] * 1.5 + np.arange(5) * 0.5)
    whole = image.scale_and_translate(x.astype(np.uint8), (5, 5), scale, -(scale / 2 - 0.5), (0, 1), "cubic")
    assert whole.dtype == np.uint8
    assert whole.numpy().max() == 8


def test_in_functional_models():
    x = Input((8, 8, 3))
    assert image.rgb_to_hsv(x).shape == (None, 8, 8, 3)
    assert image.extract_patches(x, 4).shape == (None, 2, 2, 48)
    assert image.pad_images(x, 1, 1, 1, 1).shape == (None, 10, 10, 3)
    assert image.gaussian_blur(x).shape == (None, 8, 8, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: image.rgb_to_grayscale(X[..., :2]), "rgb_to_grayscale: images are .* of 2 channels; expected 3"),
        (lambda: image.rgb_to_hsv(np.zeros((2, 2, 3), np.uint8)), "rgb_to_hsv: images are uint8; expected floats"),
        (lambda: image.hsv_to_rgb(X[0, 0]), "hsv_to_rgb: images are"),
        (lambda: image.hsv_to_rgb(X, "last"), "hsv_to_rgb: data_format is 'last'"),
        (
            lambda: image.crop_images(X, 1, 2),
            "crop_images: expected two of top_cropping, bottom_cropping and",
        ),
        (
            lambda: image.crop_images(X, 3, 2, 3, 0),
            "crop_images: top_cropping=3 and bottom_cropping=3 do",
        ),
        (lambda: image.pad_images(X, 1, 2, target_height=5, target_width=9), "pad_images: .* do not fit images of 5"),
        (lambda: image.extract_patches(X, 7), "extract_patches: windows that span"),
        (lambda: image.extract_patches(X, 2, padding="full"), "extract_patches: padding must be"),
        (lambda: image.extract_patches(X, 0), "extract_patches: size must be a positive integer or 2"),
        (
            lambda: image.gaussian_blur(X, (3, 3), (0.0, 1.0)),
            "gaussian_blur: expected a positive kernel",
        ),
        (lambda: image.sobel_edges(X[0]), "sobel_edges: images are"),
        (lambda: image.ssim(X, X), r"ssim: images of \(5, 6\) are smaller than filter_size=11"),
        (lambda: image.ssim(X, X[0]), "ssim: image1 is"),
        (lambda: image.map_coordinates(X, [[0.0]], 1), "map_coordinates: inputs are .* expected 4 of one shape"),
        (lambda: image.map_coordinates([1.0], [[0.0]], 2), "map_coordinates: order must be 0 or 1"),
        (lambda: image.map_coordinates([1.0], [[0.0]], 1, "edge"), "map_coordinates: fill_mode must be one of"),
        (
            lambda: image.perspective_transform(X, np.zeros((3, 2)), np.zeros((3, 2))),
            "perspective_transform: start_points",
        ),
        (
            lambda: image.perspective_transform(X, np.zeros((4, 2)), np.zeros((4, 2))),
            "perspective_transform: .* singular",
        ),
        (lambda: image.elastic_transform(X, sigma=0.0), "elastic_transform: sigma must be positive"),
        (lambda: image.elastic_transform(X, interpolation="cubic"), "elastic_transform: interpolation must be"),
        (
            lambda: image.scale_and_translate(X, X.shape, [1.0], [0.0], (1,), "area"),
            "scale_and_translate: method",
        ),
        (lambda: image.scale_and_translate(X, (2, 5), [1.0], [0.0], (1,), "cubic"), "scale_and_translate: images are"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_namespace_holds_operations():
    for name in image.__all__:
        assert getattr(image, name) is getattr(ops, name)
