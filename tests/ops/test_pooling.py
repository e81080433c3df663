"""Pooling: gradients by central differences, ties, NaN, padding, errors; the registry compares values with twins."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import _native
from lamina.core.autograd import Tensor
from lamina.ops.pooling import (
    average_pool,
    average_pool2d,
    global_average_pool2d,
    global_max_pool2d,
    max_pool,
    max_pool2d,
)


def normal(seed, *shape, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def numeric(f, x, dy, h=1e-6):
    g = np.zeros_like(x)
    for i in np.ndindex(g.shape):
        moved = []
        for step in (h, -h):
            a = x.copy()
            a[i] += step
            moved.append((f(Tensor(a)).numpy() * dy).sum())
        g[i] = (moved[0] - moved[1]) / (2 * h)
    return g


OPS = {
    "max": lambda x: max_pool2d(x, 2),
    "max overlapping": lambda x: max_pool2d(x, 3, 1, "same"),
    "max padded": lambda x: max_pool2d(x, (2, 3), (2, 1), ((1, 0), (0, 2))),
    "average": lambda x: average_pool2d(x, 2),
    "average same": lambda x: average_pool2d(x, 3, 2, "same"),
    "average counting": lambda x: average_pool2d(x, 3, 2, "same", count_pad=True),
    "global average": global_average_pool2d,
    "global average, axes kept": lambda x: global_average_pool2d(x, keepdims=True),
    "global max": global_max_pool2d,
    "global max, axes kept": lambda x: global_max_pool2d(x, keepdims=True),
}


@pytest.mark.parametrize("name", OPS)
def test_gradient_by_central_differences(name):
    f, x = OPS[name], Tensor(normal(0, 2, 5, 6, 3), requires_grad=True)
    y = f(x)
    dy = normal(1, *y.shape)
    y.backward(dy)
    np.testing.assert_allclose(x.grad.numpy(), numeric(f, x.numpy(), dy), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("channels", [1, 3, 16, 40, 64])
def test_the_first_of_equal_maxima_takes_the_gradient(channels, isa):
    x = Tensor(np.zeros((1, 4, 4, channels), np.float32), requires_grad=True)
    max_pool2d(x, 2).backward(np.ones((1, 2, 2, channels), np.float32))
    want = np.zeros(x.shape)
    want[:, ::2, ::2] = 1
    np.testing.assert_array_equal(x.grad.numpy(), want)


@pytest.mark.parametrize("channels", [1, 5, 70])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_wins_and_takes_the_gradient(channels, dtype, isa):
    x = np.zeros((1, 4, 4, channels), dtype)
    x[0, 1, 0] = np.nan
    x[0, 1, 1] = 5
    x[0, 0, 1] = np.inf
    t = Tensor(x, requires_grad=True)
    y = max_pool2d(t, 2)
    assert np.isnan(y.numpy()[0, 0, 0]).all()
    assert np.isnan(max_pool2d(x, 2).numpy()[0, 0, 0]).all()
    assert not np.isnan(y.numpy()[0, 1]).any()
    y.backward(np.ones(y.shape, dtype))
    assert (t.grad.numpy()[0, 1, 0] == 1).all()
    assert (t.grad.numpy()[0, 1, 1] == 0).all()


@pytest.mark.parametrize("save", [False, True])
def test_padding_never_wins(save):
    x = np.full((1, 3, 3, 2), -np.inf, np.float32)
    x[0, 0, 0] = -7
    result = _native.max_pool_forward(x, 3, 2, "same", 1, False, save)
    y = result[0] if save else result
    assert (y[0, 0, 0] == -7).all()
    assert np.isneginf(y[0, 1, 1]).all()


def test_windows_of_many_taps_keep_wide_indices():
    x = normal(0, 2, 30, 30, 5, dtype=np.float32)
    y, index = _native.max_pool_forward(x, 20, 10, "valid", 1, False, True)
    assert index.dtype == np.int32
    assert index.max() > 255
    row, column = index[0, 1, 0, 3] // 20, index[0, 1, 0, 3] % 20
    assert x[0, 10 + row, column, 3] == y[0, 1, 0, 3]


def test_average_leaves_the_padding_out_unless_told():
    x = np.ones((1, 3, 3, 1), np.float32)
    np.testing.assert_allclose(average_pool2d(x, 2, 2, "same").numpy(), 1)
    counted = average_pool2d(x, 2, 2, "same", count_pad=True).numpy()[0, :, :, 0]
    np.testing.assert_allclose(counted, [[1, 0.5], [0.5, 0.25]])


def test_pixels_that_no_window_holds_get_zero():
    x = Tensor(normal(0, 1, 5, 5, 20, dtype=np.float32), requires_grad=True)
    max_pool2d(x, 1, 3).backward(np.ones((1, 2, 2, 20), np.float32))
    want = np.zeros(x.shape)
    want[:, ::3, ::3] = 1
    np.testing.assert_array_equal(x.grad.numpy(), want)


def test_channels_first():
    x = normal(0, 2, 6, 8, 3)
    first = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    for f in (max_pool, average_pool):
        y = f(first, 2, None, "same", "channels_first").numpy()
        np.testing.assert_array_equal(y.transpose(0, 2, 3, 1), f(x, 2, None, "same").numpy())


@pytest.mark.parametrize("f", [max_pool2d, average_pool2d])
@pytest.mark.parametrize(
    ("shape", "args", "message"),
    [
        ((4, 4, 3), (2,), "expected four axes"),
        ((1, 4, 4, 3), (5,), "is larger than the padded input's 4"),
        ((1, 4, 4, 3), (0,), "pool_size must be at least 1"),
        ((1, 4, 4, 3), (2, (1, 1, 1)), "strides must be an integer"),
        ((1, 4, 4, 3), (2, 2, "full"), "padding is 'full'"),
        ((1, 4, 4, 3), (2, 2, ((2, 0), (0, 0))), "must be smaller than the window"),
    ],
)
def test_errors_say_what_was_expected(f, shape, args, message):
    with pytest.raises(ValueError, match=message):
        f(np.zeros(shape, np.float32), *args)


def test_errors_of_dtype_and_empty_images():
    with pytest.raises(TypeError, match="expected float32 or float64"):
        average_pool2d(np.zeros((1, 4, 4, 3), np.int32), 2)
    with pytest.raises(ValueError, match="has no pixels"):
        global_average_pool2d(np.zeros((2, 0, 4, 3), np.float32))
    assert global_max_pool2d(np.zeros((0, 2, 2, 3), np.float32)).shape == (0, 3)


# Results larger than the caches are written past them. Each is many copies of a small one, so a small result tells.
def test_results_past_the_caches(isa):
    l3 = _native.caches()[2]
    if l3 > 64 << 20:
        pytest.skip("takes too much memory")
    x = normal(3, 1, 96, 96, 64, dtype=np.float32)
    many = np.empty((4 * l3 // (2 * x.nbytes) + 2, *x.shape[1:]), np.float32)
    many[:] = x

    def same(big, small):
        assert (big == small).all()

    for forward, backward, size, last in (
        (_native.max_pool_forward, _native.max_pool_backward, 2, True),
        (_native.average_pool_forward, _native.average_pool_backward, 2, "valid"),
        (_native.average_pool_forward, _native.average_pool_backward, (5, 7), "valid"),
    ):
        options = (size, None, "valid", 1, False)
        y, big = forward(x, *options, last), forward(many, *options, last)
        index, big_index = ((y[1],), (big[1],)) if last is True else ((), ())
        y, big = (y[0], big[0]) if last is True else (y, big)
        same(big, y)
        rest = options if last is True else (*options, last)
        dx, big_dx = _native.empty(x.shape, x.dtype), _native.empty(many.shape, x.dtype)
        backward(*index, y, *rest, dx, 0)
        backward(*big_index, big, *rest, big_dx, 0)
        same(big_dx, dx)
    for kind in ("max", "average"):
        forward, backward = (getattr(_native, f"adaptive_{kind}_pool_{p}") for p in ("forward", "backward"))
        save = (True,) if kind == "max" else ()
        y, big = forward(x, None, *save), forward(many, None, *save)
        y, big = (y[::-1], big[::-1]) if save else ((y,), (big,))
        same(big[-1], y[-1])
        backward(*y, None, dx, 0)
        backward(*big, None, big_dx, 0)
        same(big_dx, dx)


@pytest.mark.parametrize(("size", "pads"), [((9, 8), (1, 1)), ((5, 7, 8), (1, 2, 0)), ((30,), (2,))])
@pytest.mark.parametrize("channels", [1, 3, 16, 33])
def test_maxima_go_back_to_their_places_whatever_the_index_says(size, pads, channels, isa):
    """Few channels go back output by output, many input by input; indices that no window has reach no memory."""
    x = normal(0, 4, *size, channels)
    options = (3, 2, pads, 1, False)
    y, index = _native.max_pool_forward(x, *options, True)
    dy, dx = normal(1, *y.shape), np.full(x.shape, np.nan)
    _native.max_pool_backward(index, dy, *options, dx, 0)
    t = Tensor(x, requires_grad=True)
    max_pool(t, *options[:3]).backward(dy)
    np.testing.assert_allclose(dx, t.grad.numpy())
    assert dx.sum() == pytest.approx(dy.sum())
    each = np.concatenate([dx[n : n + 1] * 0 for n in range(4)])
    for n in range(4):  # one image is gathered where four are scattered
        _native.max_pool_backward(index[n : n + 1], dy[n : n + 1], *options, each[n : n + 1], 1)
    np.testing.assert_allclose(each, dx, rtol=1e-12, atol=1e-12)
    for wrong in (255, 200):
        _native.max_pool_backward(np.full_like(index, wrong), dy, *options, dx, 0)
        assert np.isfinite(dx).all()
    y, index = _native.adaptive_max_pool_forward(x, 4, True)
    for wrong in (np.iinfo(index.dtype).max, np.iinfo(index.dtype).min):
        _native.adaptive_max_pool_backward(np.full_like(index, wrong), y, 4, dx, 0)
        assert np.isfinite(dx).all()
