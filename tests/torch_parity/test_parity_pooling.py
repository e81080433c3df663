"""Pooling over one to three axes against PyTorch, with Keras's padding: it neither wins a maximum nor counts."""

from __future__ import annotations

from compare import compare, many, normal, torch
from hypothesis import assume, given
from hypothesis import strategies as st
from test_parity_convolution import LARGEST, first, padded, prod

from lamina.ops import adaptive_average_pool, adaptive_max_pool, average_pool, lp_pool, max_pool, max_unpool

F = torch.nn.functional
MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVERAGE = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
ADAPTIVE_MAX = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}
ADAPTIVE_AVERAGE = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}


@st.composite
def geometry(draw):
    axes = draw(st.integers(1, 3))

    def each(low, high):
        return draw(st.tuples(*[st.integers(low, high)] * axes))

    size, window, strides = each(1, LARGEST[axes]), each(1, 4), each(1, 3)
    padding = draw(st.sampled_from(["valid", "same", "same_lower"]))
    assume(padding != "valid" or all(n >= k for n, k in zip(size, window, strict=True)))
    return (draw(st.integers(1, 3)), *size, draw(st.integers(1, 40))), window, strides, padding


@st.composite
def padded_geometry(draw):
    """As PyTorch takes it: the same zeros at both ends, at most half a window."""
    shape, window, strides, _ = draw(geometry())
    pads = tuple(draw(st.integers(0, k // 2)) for k in window)
    assume(all(n + 2 * p >= k for n, k, p in zip(shape[1:-1], window, pads, strict=True)))
    return shape, window, strides, pads, draw(st.booleans())


@many
@given(geometry(), st.integers(0, 99))
def test_max_pool(shape, seed):
    size, window, strides, padding = shape

    def theirs(x):
        x = padded(first(x), padding, window, strides, (1,) * len(window), float("-inf"))
        return MAX[len(window)](x, window, strides).movedim(1, -1)

    compare(lambda x: max_pool(x, window, strides, padding), theirs, [normal(seed, *size)])


@many
@given(padded_geometry(), st.integers(1, 2), st.integers(0, 99))
def test_max_pool_with_numbers(shape, dilation, seed):
    size, window, strides, pads, ceil_mode = shape
    for n, k, p in zip(size[1:-1], window, pads, strict=True):
        extent = (k - 1) * dilation + 1
        assume(n + 2 * p >= extent and (dilation == 1 or n >= extent))
    axes = len(window)

    def theirs(x):
        return MAX[axes](first(x), window, strides, pads, dilation, ceil_mode).movedim(1, -1)

    def ours(x):
        return max_pool(x, window, strides, pads, dilation_rate=dilation, ceil_mode=ceil_mode)

    compare(ours, theirs, [normal(seed, *size)])


@many
@given(geometry(), st.integers(0, 99))
def test_average_pool(shape, seed):
    size, window, strides, padding = shape
    ones = (1,) * len(window)

    def theirs(x):
        pool, x = AVERAGE[len(window)], first(x)
        total = pool(padded(x, padding, window, strides, ones), window, strides)
        return (total / pool(padded(torch.ones_like(x), padding, window, strides, ones), window, strides)).movedim(
            1, -1
        )

    compare(lambda x: average_pool(x, window, strides, padding), theirs, [normal(seed, *size)])


@many
@given(padded_geometry(), st.booleans(), st.integers(0, 99))
def test_average_pool_with_numbers(shape, counts, seed):
    size, window, strides, pads, ceil_mode = shape
    # PyTorch's average pooling of three axes wants the window within the input, whatever the padding.
    assume(len(window) < 3 or all(n >= k for n, k in zip(size[1:-1], window, strict=True)))

    def theirs(x):
        return AVERAGE[len(window)](first(x), window, strides, pads, ceil_mode, counts).movedim(1, -1)

    def ours(x):
        return average_pool(x, window, strides, pads, ceil_mode=ceil_mode, divisor="padded" if counts else "valid")

    compare(ours, theirs, [normal(seed, *size)], reduction=prod(window))


@many
@given(geometry(), st.data(), st.integers(0, 99))
def test_adaptive_pools(shape, data, seed):
    size = shape[0]
    out = tuple(data.draw(st.integers(1, 9)) for _ in size[1:-1])
    arrays, axes = [normal(seed, *size)], len(out)

    def average(x):
        return ADAPTIVE_AVERAGE[axes](first(x), out).movedim(1, -1)

    def largest(x):
        return ADAPTIVE_MAX[axes](first(x), out).movedim(1, -1)

    compare(lambda x: adaptive_average_pool(x, out), average, arrays, reduction=prod(size[1:-1]))
    compare(lambda x: adaptive_max_pool(x, out), largest, arrays)
    global_mean = lambda x: x.mean(tuple(range(1, x.ndim - 1)))  # noqa: E731
    compare(lambda x: adaptive_average_pool(x, None), global_mean, arrays, reduction=prod(size[1:-1]))


@many
@given(padded_geometry(), st.integers(1, 2), st.booleans(), st.integers(0, 99))
def test_max_pool_with_indices(shape, dilation, channels_first, seed):
    size, window, strides, pads, ceil_mode = shape
    for n, k, p in zip(size[1:-1], window, pads, strict=True):
        extent = (k - 1) * dilation + 1
        assume(n + 2 * p >= extent and (dilation == 1 or n >= extent))
    x, axes = normal(seed, *size), len(window)
    given = x.astype("float32")
    want, places = MAX[axes](
        first(torch.tensor(given)), window, strides, pads, dilation, ceil_mode, return_indices=True
    )
    options = {"dilation_rate": dilation, "ceil_mode": ceil_mode, "return_indices": True}
    if channels_first:
        y, indices = max_pool(given.transpose(_order(axes)), window, strides, pads, "channels_first", **options)
        y, indices = y.numpy(), indices.numpy()
    else:
        y, indices = max_pool(given, window, strides, pads, **options)
        y, indices = first(torch.tensor(y.numpy())).numpy(), first(torch.tensor(indices.numpy())).numpy()
    assert indices.dtype == "int32"
    assert (y == want.numpy()).all()
    assert (indices == places.numpy()).all()


def _order(axes):
    return (0, axes + 1, *range(1, axes + 1))


@many
@given(geometry(), st.data(), st.integers(0, 99))
def test_adaptive_max_pool_with_indices(shape, data, seed):
    size = shape[0]
    out = tuple(data.draw(st.integers(1, 9)) for _ in size[1:-1])
    x = normal(seed, *size)
    _, places = ADAPTIVE_MAX[len(out)](first(torch.tensor(x)), out, return_indices=True)
    _, indices = adaptive_max_pool(x, out, return_indices=True)
    assert (first(torch.tensor(indices.numpy())) == places).all()


@many
@given(geometry(), st.booleans(), st.integers(0, 99))
def test_max_unpool(shape, named, seed):
    """Windows side by side or apart; of overlapping ones PyTorch sums gradients that belong to one value."""
    size, window, _, _ = shape
    assume(all(n >= k for n, k in zip(size[1:-1], window, strict=True)))
    axes, strides = len(window), window
    x = normal(seed, *size)
    values, places = MAX[axes](first(torch.tensor(x)), window, strides, return_indices=True)
    small = values.movedim(1, -1).numpy()
    whole = size[1:-1]
    least = tuple((n - 1) * s + k for n, s, k in zip(small.shape[1:-1], strides, window, strict=True))
    if not named:  # the indices of an image that windows fill
        _, places = MAX[axes](first(torch.tensor(x))[(..., *map(slice, least))], window, strides, return_indices=True)
        whole = None
    indices = places.movedim(1, -1).numpy()

    def theirs(t):
        f = getattr(F, f"max_unpool{axes}d")
        return f(first(t), places, window, strides, output_size=whole).movedim(1, -1)

    compare(lambda t: max_unpool(t, indices, window, strides, output_shape=whole), theirs, [small])


@many
@given(geometry(), st.sampled_from([1, 2, 3, 4, 2.5, 0.75]), st.booleans(), st.integers(0, 99))
def test_lp_pool(shape, p, channels_first, seed):
    size, window, strides, _ = shape
    assume(all(n >= k for n, k in zip(size[1:-1], window, strict=True)))
    axes = len(window)
    x = normal(seed, *size)
    x = x if p in (2, 4) else abs(x) + 0.1

    def theirs(t):
        sizes = (window, strides) if axes > 1 else (window[0], strides[0])
        return getattr(F, f"lp_pool{axes}d")(first(t), p, *sizes).movedim(1, -1)

    def ours(t):
        if not channels_first:
            return lp_pool(t, p, window, strides)
        back = (0, *range(2, axes + 2), 1)
        return lp_pool(t.transpose(_order(axes)), p, window, strides, data_format="channels_first").transpose(back)

    compare(ours, theirs, [x], reduction=prod(window), slack=4)


def test_lp_pool_sums_what_a_window_holds():
    """PyTorch's ceil_mode takes the mean of what the last window holds, 4 * 4, times a whole window's 3 places."""
    x = torch.tensor([[[1.0, 2.0, 2.0, 4.0]]])
    want = F.lp_pool1d(x, 2, 3, ceil_mode=True)
    assert torch.allclose(want, torch.tensor([[[3.0, 4.0 * 3**0.5]]]))
    got = lp_pool(x.numpy().transpose(0, 2, 1), 2, 3, ceil_mode=True)
    assert got.numpy().ravel().tolist() == [3.0, 4.0]
