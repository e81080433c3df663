"""Operations beside Keras's of the same name, on random arrays and options."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from compare import many
from hypothesis import given
from hypothesis import strategies as st
from keras_live import agree, keras, lamina_ops

SEED = st.integers(0, 2**31)
SHAPE = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)


def normal(seed, shape, nan=0.0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    x[rng.uniform(size=shape) < nan] = np.nan
    return x


def axis_of(data, shape, several=True):
    axes = st.none() | st.integers(-len(shape), len(shape) - 1)
    if several:
        axes = axes | st.sets(st.integers(0, len(shape) - 1), min_size=1).map(lambda s: tuple(sorted(s)))
    return data.draw(axes, "axis")


@many
@given(st.data(), SEED, SHAPE, st.booleans())
@pytest.mark.parametrize("name", ["nansum", "nanmean", "nanvar", "nanmax", "nanmin", "nanprod"])
def test_nan_reductions(name, data, seed, shape, keepdims):
    axis = axis_of(data, shape)
    if name in ("nanmax", "nanmin", "nanprod") and axis is None:
        axis = tuple(range(len(shape)))  # None fails or loses keepdims in Keras's torch backend
    agree(lambda ops, x: getattr(ops, name)(x, axis=axis, keepdims=keepdims), normal(seed, shape, 0.3), gradients=False)
    x = normal(seed, shape)
    agree(lambda ops, x: getattr(ops, name)(x, axis=axis, keepdims=keepdims), x, gradients=name != "nanprod")


@many
@given(st.data(), SEED, SHAPE)
@pytest.mark.parametrize("name", ["nanargmax", "nanargmin", "nancumsum", "nancumprod"])
def test_nan_places_and_cumulated(name, data, seed, shape):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    agree(lambda ops, x: getattr(ops, name)(x, axis=axis), normal(seed, shape, 0.3), types=False)


@many
@given(
    st.data(), SEED, SHAPE, st.integers(0, 64), st.sampled_from(["linear", "lower", "higher", "midpoint", "nearest"])
)
def test_nan_quantiles(data, seed, shape, q, method):
    axis = axis_of(data, shape)
    x, q = normal(seed, shape, 0.3), q / 64  # a number of float32, in which Keras computes
    agree(lambda ops, x: ops.nanquantile(x, q, axis, method), x, types=False, rtol=1e-6)


@many
@given(st.data(), SEED, SHAPE)
@pytest.mark.parametrize("name", ["bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm", "bitwise_left_shift"])
def test_bits(name, data, seed, shape):
    types = st.sampled_from(["int8", "int16", "int32", "int64", "uint8"])
    rng = np.random.default_rng(seed)
    dtype = data.draw(types)
    x, y = rng.integers(0, 7, (2, *shape)).astype(dtype)
    agree(lambda ops, x, y: getattr(ops, name)(x, y), x, y)


@many
@given(SEED, SHAPE)
@pytest.mark.parametrize("name", ["bitwise_invert", "bitwise_not"])
def test_inverted_bits(name, seed, shape):
    x = np.random.default_rng(seed).integers(-7, 7, shape)
    agree(lambda ops, x: getattr(ops, name)(x), x)
    agree(lambda ops, x: getattr(ops, name)(x), x > 0)


@many
@given(SEED, st.tuples(*[st.sampled_from([2, 4, 6])] * 3))
@pytest.mark.parametrize("name", ["vsplit", "hsplit", "dsplit", "fliplr", "flipud"])
def test_parts_and_mirrors(name, seed, shape):
    args = (2,) if name.endswith("split") else ()
    agree(lambda ops, x: getattr(ops, name)(x, *args), normal(seed, shape))


@many
@given(SEED, SHAPE)
@pytest.mark.parametrize(
    "name", ["erfc", "sinc", "fabs", "angle", "real", "conj", "conjugate", "isreal", "i0", "rad2deg"]
)
def test_of_single_numbers(name, seed, shape):
    x = normal(seed, shape)
    agree(lambda ops, x: getattr(ops, name)(x), x, rtol=1e-6 if name in ("i0", "rad2deg") else 1e-9)


@many
@given(SEED, SHAPE)
def test_erfinv(seed, shape):
    agree(lambda ops, x: ops.erfinv(x), np.random.default_rng(seed).uniform(-0.999, 0.999, shape), rtol=1e-8)


@many
@given(SEED, SHAPE)
@pytest.mark.parametrize("name", ["fmax", "fmin", "fmod", "nextafter", "allclose"])
def test_of_two_numbers(name, seed, shape):
    x, y = normal(seed, shape, 0.1), normal(seed + 1, shape, 0.1)
    agree(lambda ops, x, y: getattr(ops, name)(x, y), x, y, gradients=False)
    if name in ("fmax", "fmin", "fmod"):
        agree(lambda ops, x, y: getattr(ops, name)(x, y), normal(seed, shape), normal(seed + 1, shape))


@many
@given(SEED, SHAPE, st.integers(-5, 5))
def test_ldexp(seed, shape, power):
    powers = np.full(shape, power, np.int32)  # torch's gradient takes 2 to an integer, which is 0 for negative ones
    agree(lambda ops, x, n: ops.ldexp(x, n), normal(seed, shape), powers, types=False, gradients=False)


@many
@given(SEED, SHAPE, st.sampled_from(["uint8", "int8", "int16", "int32", "float32"]))
def test_saturate_cast(seed, shape, dtype):
    agree(lambda ops, x: ops.saturate_cast(x, dtype), normal(seed, shape) * 1e4, gradients=False)


@many
@given(st.integers(2, 40))
@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hanning", "kaiser"])
def test_windows(name, n):
    args = (8.0,) if name == "kaiser" else ()
    agree(lambda ops, x: ops.add(getattr(ops, name)(int(x.numpy()), *args), 1.0), np.array(n), rtol=2e-6)


@many
@given(SEED, st.integers(2, 6), st.integers(2, 6))
def test_of_rows(seed, m, n):
    agree(lambda ops, x: ops.corrcoef(x), normal(seed, (m, n)))
    agree(lambda ops, x, y: ops.cdist(x, y), normal(seed, (m, n)), normal(seed + 1, (3, n)))
    agree(lambda ops, x, y: ops.kron(x, y), normal(seed, (m, n)), normal(seed + 1, (n, 2)))
    agree(lambda ops, x: ops.vander(x, m), normal(seed, (n,)), types=False, gradients=False)
    agree(lambda ops, y, x: ops.trapezoid(y, x, axis=0), normal(seed, (m, n)), normal(seed + 1, (m, n)))
    agree(lambda ops, x, y: ops.psnr(x, y, 2.0), normal(seed, (m, n)), normal(seed + 1, (m, n)))
    agree(lambda ops, x: ops.extract_sequences(x, 2, min(m, 3)), normal(seed, (m, n)))
    agree(lambda ops, r, p: ops.polar(r, p), np.abs(normal(seed, (m, n))), normal(seed + 1, (m, n)))
    agree(lambda ops, x: ops.view_as_complex(x), normal(seed, (m, n, 2)), gradients=False, rtol=1e-6, types=False)


@many
@given(SEED, st.integers(2, 8), st.integers(1, 4))
def test_correlate(seed, m, n):
    x, y = normal(seed, (m,)), normal(seed + 1, (min(m, n),))
    for mode in ("valid", "full"):
        agree(lambda ops, x, y, mode=mode: ops.ravel(ops.correlate(x, y, mode)), x, y)


@many
@given(SEED, st.integers(1, 9), st.sampled_from([None, 2, 9]))
def test_unique_and_histogram(seed, n, size):
    x = np.random.default_rng(seed).integers(0, 5, n)
    agree(lambda ops, x: ops.unique(x, size=size), x)
    agree(lambda ops, x: ops.unique(x, return_counts=True, return_inverse=True), x, types=False)
    agree(lambda ops, x: ops.histogram(x, 4, (-1.0, 2.0)), normal(seed, (n,)), gradients=False, types=False)
    agree(lambda ops, x: ops.unravel_index(x, (2, 3)), x, types=False)


@many
@given(SEED, st.integers(1, 9))
def test_segments_and_updates(seed, n):
    ids = np.random.default_rng(seed).integers(-1, 4, n)
    for name in ("segment_min", "segment_max", "segment_prod"):
        agree(lambda ops, x, ids, name=name: getattr(ops, name)(x, ids, 4), normal(seed, (n, 2)), ids, rtol=1e-6)
    places = np.random.default_rng(seed).integers(0, 3, (n, 1))
    for how in (None, "add", "max", "min", "mul"):
        agree(
            lambda ops, x, i, v, how=how: ops.scatter_update(x, i, v, reduction=how),
            *(normal(seed, (3, 2)), places, normal(seed + 1, (n, 2))),
            gradients=how == "add",
        )


def symmetric(ops, x):
    return ops.add(x, ops.swapaxes(x, -1, -2))


SIZE = st.integers(1, 5)
MATRICES = st.tuples(SIZE, SIZE, SIZE) | st.tuples(SIZE, SIZE)


@many
@given(SEED, st.lists(SIZE, max_size=2), SIZE)
def test_square_matrices(seed, lead, n):
    x = normal(seed, (*lead, n, n)) + 2 * np.eye(n)
    for name in ("inv", "det", "pinv"):
        agree(lambda ops, x, name=name: getattr(ops, name)(x), x, rtol=1e-7)
    agree(lambda ops, x: ops.slogdet(x)[1], x, rtol=1e-7)
    agree(lambda ops, x: ops.lu_factor(x), x, rtol=1e-7, types=False)
    agree(lambda ops, x: ops.lu_factor(x)[0], x, rtol=1e-7)
    agree(lambda ops, x: ops.matrix_rank(x), x, gradients=False)
    agree(lambda ops, a, b: ops.solve(a, b), x, normal(seed + 1, (*lead, n, 2)), rtol=1e-7)
    positive = x @ np.swapaxes(x, -1, -2) + np.eye(n)
    for upper in (False, True):
        agree(
            lambda ops, a, b, u=upper: ops.solve_triangular(a, b, lower=u),
            positive,
            normal(seed, (*lead, n)),
            rtol=1e-7,
        )
        agree(lambda ops, x, u=upper: ops.cholesky(symmetric(ops, x), upper=u), positive, rtol=1e-7)
        if not lead:
            factor = np.linalg.cholesky(positive, upper=upper)
            cut = "triu" if upper else "tril"  # PyTorch's gradient has elements in the triangle that does not count
            agree(lambda ops, x, u=upper, c=cut: ops.cholesky_inverse(getattr(ops, c)(x), upper=u), factor, rtol=1e-7)
    agree(lambda ops, x: ops.logdet(x), positive, rtol=1e-7)
    agree(lambda ops, x: ops.eigh(symmetric(ops, x))[0], x, rtol=1e-7)
    agree(lambda ops, x: ops.square(ops.eigh(symmetric(ops, x))[1]), x, rtol=1e-6)
    agree(lambda ops, x: ops.eig(symmetric(ops, x))[0], x, rtol=1e-6, gradients=False)


@many
@given(SEED, MATRICES)
def test_matrices(seed, shape):
    x = normal(seed, shape)
    for full in (False, True):
        agree(lambda ops, x, full=full: ops.square(ops.svd(x, full_matrices=full)[1]), x, rtol=1e-7)
    agree(lambda ops, x: [ops.square(p) for p in ops.svd(x, full_matrices=False)], x, rtol=1e-6)
    agree(lambda ops, x: ops.svd(x, compute_uv=False), x, rtol=1e-7)
    agree(lambda ops, x: ops.qr(x), x, rtol=1e-7)
    agree(lambda ops, x: ops.qr(x, mode="complete"), x, rtol=1e-7, gradients=False)
    agree(lambda ops, x: ops.pinv(x), x, rtol=1e-6)
    for order in (None, "fro", "nuc", 1, -1, 2, np.inf, -np.inf):
        agree(lambda ops, x, order=order: ops.norm(x, order, axis=(-2, -1)), x, rtol=1e-6)
    for order in (None, 1, 2, 3, 0, np.inf, -np.inf):
        agree(lambda ops, x, order=order: ops.norm(x, order, axis=0, keepdims=True), x, rtol=1e-6)
    if len(shape) == 2:
        agree(
            lambda ops, a, b: ops.lstsq(a, b),
            x,
            normal(seed + 1, (shape[0], 2)),
            rtol=1e-5,
            gradients=shape[0] >= shape[1],
        )


@many
@given(SEED, SHAPE, st.none() | st.integers(1, 9))
def test_fourier(seed, shape, length):
    real, imaginary = normal(seed, (2, *shape))
    agree(lambda ops, a, b: ops.fft((a, b)), real, imaginary)
    agree(lambda ops, x: ops.rfft(x, length), real)
    if length or shape[-1] > 1:
        agree(lambda ops, a, b: ops.irfft((a, b), length), real, imaginary)
    if len(shape) > 1:
        agree(lambda ops, a, b: [*ops.fft2((a, b)), *ops.ifft2((a, b))], real, imaginary)


@many
@given(
    SEED,
    st.integers(2, 9),
    st.integers(1, 9),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from(["hann", "hamming", None]),
)
def test_short_fourier(seed, length, stride, more, center, window):
    n, stride = length + more, min(stride, length)
    x = normal(seed, (2, 40))
    if window is not None or not more:  # without a window Keras's backends differ in what is beside it
        agree(lambda ops, x: ops.stft(x, length, stride, n, window, center), x, rtol=1e-7)
    if window == "hamming" and stride * 2 <= length:
        pair = normal(seed, (2, 2, 13, n // 2 + 1))
        agree(lambda ops, a, b: ops.istft((a, b), length, stride, n, None, window, center), *pair, rtol=1e-5)


@many
@given(SEED, st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2), st.integers(1, 3))
def test_columns(seed, height, width, dilation, padding, stride):
    x = normal(seed, (2, 3, 7, 6))
    options = {"kernel_size": (height, width), "dilation": dilation, "padding": padding, "stride": stride}
    agree(lambda ops, x: ops.unfold(x, **options), x)
    agree(lambda ops, x: ops.fold(ops.square(ops.unfold(x, **options)), (7, 6), **options), x)


@many
@given(SEED, st.integers(2, 3), st.sampled_from(["channels_last", "channels_first"]))
def test_blocks_of_pixels(seed, block, layout):
    last = layout == "channels_last"
    x = normal(seed, (2, 2 * block, 2 * block, 2 * block**2) if last else (2, block**2, block, 3 * block))
    agree(lambda ops, x: ops.depth_to_space(x, block, layout), x)
    agree(lambda ops, x: ops.space_to_depth(x, block, layout), x)


LAYOUT = st.sampled_from(["channels_last", "channels_first"])


def images(seed, layout, batch=True):
    x = np.random.default_rng(seed).uniform(0, 1, (2, 7, 6, 3))
    x = x if layout == "channels_last" else np.moveaxis(x, 3, 1).copy()
    return x if batch else x[0]


@many
@given(SEED, LAYOUT, st.booleans())
def test_images(seed, layout, batch):
    x = images(seed, layout, batch)
    for name in ("rgb_to_grayscale", "rgb_to_hsv", "hsv_to_rgb"):
        agree(lambda ops, x, name=name: getattr(ops.image, name)(x, data_format=layout), x, rtol=1e-7)
    agree(lambda ops, x: ops.image.crop_images(x, 1, 2, target_height=3, target_width=2, data_format=layout), x)
    agree(lambda ops, x: ops.image.pad_images(x, 1, 2, target_height=9, target_width=9, data_format=layout), x)
    agree(lambda ops, x: ops.image.gaussian_blur(x, (3, 3), (0.8, 0.8), data_format=layout), x, rtol=1e-6)
    for options in ({"size": 2}, {"size": (3, 2), "strides": 1, "padding": "same"}):
        agree(lambda ops, x, o=options: ops.image.extract_patches(x, **o, data_format=layout), x)
    if batch:
        agree(lambda ops, x: ops.image.sobel_edges(x, data_format=layout), x)
    agree(
        lambda ops, x, y: 1.0 + ops.image.ssim(x, y, filter_size=3, data_format=layout),
        x,
        x[..., ::-1].copy(),
        rtol=1e-5,
    )
    corners = np.array([[0.0, 0], [5, 0], [0, 6], [5, 6]])
    moved = corners + np.random.default_rng(seed).uniform(-1, 1, (4, 2))
    options = {"start_points": corners, "end_points": moved, "data_format": layout}
    agree(lambda ops, x: ops.image.perspective_transform(x, **options), x, rtol=1e-4, gradients=False)


@many
@given(SEED, st.integers(0, 1), st.sampled_from(["constant", "nearest", "wrap", "mirror", "reflect"]))
def test_map_coordinates(seed, order, mode):
    x, at = normal(seed, (4, 5)), np.random.default_rng(seed).uniform(-8, 12, (2, 6))
    agree(lambda ops, x, at: ops.image.map_coordinates(x, at, order, mode, 2.0), x, at, rtol=1e-7)


@many
@given(SEED, st.integers(1, 9), st.booleans())
def test_scans(seed, n, reverse):
    x = normal(seed, (n, 3))
    agree(lambda ops, x: ops.associative_scan(lambda a, b: a + b, x, reverse=reverse), x, types=False, rtol=2e-5)
    agree(lambda ops, x: ops.scan(lambda c, r: (c * 0.5 + r, c * r), x[0], x, reverse=reverse), x)
    agree(lambda ops, x: ops.map(lambda r: r * r[0], x), x)
    agree(lambda ops, x: ops.vectorized_map(lambda r: r * r, x), x)
    agree(lambda ops, x: ops.fori_loop(0, n, lambda i, y: ops.sin(y), x), x)
    agree(lambda ops, x: ops.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, ops.sin(y)), (0, x))[1], x)
    agree(lambda ops, x: ops.switch(n, [ops.sin, ops.cos, ops.exp], x), x)
    agree(lambda ops, x: ops.cond(reverse, lambda: ops.sin(x), lambda: ops.cos(x)), x)


@pytest.mark.parametrize("name", ["", "image", "linalg", "nn", "numpy"])
def test_names_and_arguments(name):
    """Every operation of Keras is there, with its arguments in their order (further ones come behind)."""
    ours, theirs = (getattr(m, name) if name else m for m in (lamina_ops, keras.ops))
    public = [n for n in dir(theirs) if n[0] != "_" and callable(getattr(theirs, n))]
    assert set(public) <= set(ours.__all__)
    wrong = []
    for n in public:
        mine, other = (list(inspect.signature(getattr(m, n)).parameters) for m in (ours, theirs))
        other = [p for p in other if p != "kwargs"]
        if mine[: len(other)] != other:
            wrong.append(f"{n}: {mine}, Keras {other}")
    assert not wrong


@many
@given(SEED, st.sampled_from(["linear", "cubic", "lanczos3", "lanczos5"]), st.booleans())
def test_scale_and_translate(seed, method, antialias):
    rng = np.random.default_rng(seed)
    scale, shift = rng.uniform(0.4, 2.5, 2), rng.uniform(-2, 2, 2)
    agree(
        lambda ops, x, s, t: ops.image.scale_and_translate(x, (4, 3, 6), s, t, (0, 2), method, antialias),
        *(normal(seed, (5, 3, 5)), scale, shift),
        rtol=1e-6,
    )


@pytest.mark.parametrize("pattern", ["b h w c -> b (c h) w", "b (h k) w c -> (k b) c (h w)", "b h w c -> c w h b"])
def test_rearrange(pattern):
    sizes = {"k": 2} if "k" in pattern else {}
    agree(lambda ops, x: ops.rearrange(x, pattern, **sizes), normal(0, (2, 4, 3, 5)))
