"""Pooling over one to three axes against PyTorch, with Keras's padding: it neither wins a maximum nor counts."""

from __future__ import annotations

from compare import compare, many, normal, torch
from hypothesis import assume, given
from hypothesis import strategies as st
from test_parity_convolution import LARGEST, first, padded, prod

from lamina.ops import adaptive_average_pool, adaptive_max_pool, average_pool, max_pool

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
