"""Convolutions and transposed ones over one to three axes against PyTorch, with Keras's padding."""

from __future__ import annotations

from compare import compare, many, normal, torch
from hypothesis import assume, given
from hypothesis import strategies as st

from lamina.ops import conv, conv_transpose, depthwise_conv, pad, separable_conv

F = torch.nn.functional
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
ACT = {"linear": lambda z: z, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
LARGEST = {1: 40, 2: 14, 3: 8}


MODES = ("zeros", "reflect", "replicate", "circular")


def same(n: int, k: int, s: int, d: int) -> tuple[int, int]:
    """Keras: ceil(n / s) outputs, the odd row of padding at the end."""
    total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
    return total // 2, total - total // 2


def sides(padding, size, kernel, strides, dilation):
    """(before, after) of each axis; ONNX's SAME_LOWER puts the odd row at the start."""
    if padding == "valid":
        return [(0, 0)] * len(size)
    if padding == "causal":
        return [((kernel[0] - 1) * dilation[0], 0)]
    if padding in ("same", "same_lower"):
        each = [same(n, k, s, d) for n, k, s, d in zip(size, kernel, strides, dilation, strict=True)]
        return [side[::-1] for side in each] if padding == "same_lower" else each
    return list(padding)


def first(x):
    """(N, ..., C) as PyTorch has it, (N, C, ...)."""
    return x.movedim(-1, 1)


def padded(x, padding, kernel, strides, dilation, value=0.0, mode="zeros"):
    """(N, C, ...) with the padding written out."""
    each = sides(padding, x.shape[2:], kernel, strides, dilation)
    widths = [p for side in reversed(each) for p in side]
    return F.pad(x, widths, value=value) if mode == "zeros" else F.pad(x, widths, mode=mode)


@st.composite
def geometry(draw):
    """Image, kernel, strides, dilation, padding that leave at least one pixel."""
    axes = draw(st.integers(1, 3))

    def each(low, high):
        return draw(st.tuples(*[st.integers(low, high)] * axes))

    size, kernel, strides, dilation = each(1, LARGEST[axes]), each(1, 6 - axes), each(1, 3), each(1, 3)
    edges = st.tuples(*[st.tuples(st.integers(0, 3), st.integers(0, 3))] * axes)
    names = ["valid", "same", "same_lower"] + ["causal"] * (axes == 1)
    padding = draw(st.one_of(st.sampled_from(names), edges))
    if padding not in ("same", "same_lower", "causal"):
        extra = (0,) * axes if padding == "valid" else tuple(a + b for a, b in padding)
        for n, k, d, e in zip(size, kernel, dilation, extra, strict=True):
            assume(n + e >= (k - 1) * d + 1)
    return size, kernel, strides, dilation, padding


@st.composite
def bordered_geometry(draw):
    """As ``geometry``, and a padding mode whose border the image is large enough for."""
    shape, mode = draw(geometry()), draw(st.sampled_from(MODES))
    size, kernel, strides, dilation, padding = shape
    for n, side in zip(size, sides(padding, size, kernel, strides, dilation), strict=True):
        assume(mode in ("zeros", "replicate") or max(side) + (mode == "reflect") <= n)
    return (*shape, mode)


def prod(sizes):
    return int(torch.tensor(sizes).prod())


def turned(f, channels_first):
    """``f`` of images stored the other way."""
    return (
        (lambda x, *rest: f(x.transpose(_order(x.ndim, True)), *rest).transpose(_order(x.ndim, False)))
        if (channels_first)
        else f
    )


def _order(ndim, to_first):
    return (0, ndim - 1, *range(1, ndim - 1)) if to_first else (0, *range(2, ndim), 1)


@many
@given(
    bordered_geometry(),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 9),
    st.integers(1, 20),
    st.sampled_from(sorted(ACT)),
    st.booleans(),
    st.booleans(),
    st.integers(0, 99),
)
def test_conv(shape, batch, groups, inner, outer, activation, bias, channels_first, seed):
    size, kernel, strides, dilation, padding, mode = shape
    channels, filters = inner * groups, outer * groups
    arrays = [
        normal(seed, batch, *size, channels),
        normal(seed + 1, *kernel, inner, filters) / (inner * prod(kernel)) ** 0.5,
        normal(seed + 2, filters) if bias else None,
    ]
    data_format = "channels_first" if channels_first else None

    def ours(x, w, b):
        options = {"bias": b, "groups": groups, "activation": activation, "padding_mode": mode}
        return conv(x, w, strides, padding, data_format, dilation, **options)

    def theirs(x, w, b):
        x = padded(first(x), padding, kernel, strides, dilation, mode=mode)
        y = CONV[len(size)](x, first(w.movedim(-1, 0)), b, strides, 0, dilation, groups)
        return ACT[activation](y.movedim(1, -1))

    reduction = batch * prod(size) + filters * prod(kernel)
    compare(turned(ours, channels_first), theirs, arrays, reduction=reduction)


@many
@given(
    geometry(),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(sorted(ACT)),
    st.booleans(),
    st.data(),
    st.integers(0, 99),
)
def test_conv_transpose(shape, batch, groups, inner, outer, activation, bias, data, seed):
    size, kernel, strides, dilation, _ = shape
    channels, filters = inner * groups, outer * groups
    pads = tuple(data.draw(st.integers(0, 2)) for _ in size)
    more = tuple(data.draw(st.integers(0, max(s, d) - 1)) for s, d in zip(strides, dilation, strict=True))
    for n, k, s, d, p, m in zip(size, kernel, strides, dilation, pads, more, strict=True):
        assume((n - 1) * s + (k - 1) * d + 1 - 2 * p + m >= 1)
    arrays = [
        normal(seed, batch, *size, channels),
        normal(seed + 1, *kernel, outer, channels) / (channels * prod(kernel)) ** 0.5,
        normal(seed + 2, filters) if bias else None,
    ]

    def ours(x, w, b):
        options = {"bias": b, "groups": groups, "activation": activation}
        return conv_transpose(x, w, strides, pads, more, None, dilation, **options)

    def theirs(x, w, b):
        w = w.movedim((-1, -2), (0, 1)).contiguous()
        y = TRANSPOSE[len(size)](first(x), w, b, strides, pads, more, groups, dilation)
        return ACT[activation](y.movedim(1, -1))

    reduction = batch * prod(size) * prod(strides) + channels * prod(kernel)
    compare(ours, theirs, arrays, reduction=reduction)


@many
@given(bordered_geometry(), st.integers(1, 3), st.integers(1, 40), st.integers(1, 3), st.booleans(), st.integers(0, 99))
def test_depthwise_conv(shape, batch, channels, multiplier, bias, seed):
    size, kernel, strides, dilation, padding, mode = shape
    arrays = [
        normal(seed, batch, *size, channels),
        normal(seed + 1, *kernel, channels, multiplier),
        normal(seed + 2, channels * multiplier) if bias else None,
    ]

    def theirs(x, w, b):
        x = padded(first(x), padding, kernel, strides, dilation, mode=mode)
        w = w.movedim((-2, -1), (0, 1)).reshape(channels * multiplier, 1, *kernel)
        return CONV[len(size)](x, w, b, strides, 0, dilation, channels).movedim(1, -1)

    compare(
        lambda x, w, b: depthwise_conv(x, w, strides, padding, None, dilation, bias=b, padding_mode=mode),
        theirs,
        arrays,
        reduction=batch * prod(size),
    )


@many
@given(bordered_geometry(), st.integers(1, 2), st.integers(1, 9), st.integers(1, 9), st.booleans(), st.integers(0, 99))
def test_separable_conv(shape, batch, channels, filters, channels_first, seed):
    size, kernel, strides, dilation, padding, mode = shape
    arrays = [
        normal(seed, batch, *size, channels),
        normal(seed + 1, *kernel, channels, 1),
        normal(seed + 2, *(1,) * len(size), channels, filters),
    ]
    data_format = "channels_first" if channels_first else "channels_last"

    def ours(x, depthwise, pointwise):
        return separable_conv(x, depthwise, pointwise, strides, padding, data_format, dilation, padding_mode=mode)

    def theirs(x, depthwise, pointwise):
        x = padded(first(x), padding, kernel, strides, dilation, mode=mode)
        y = CONV[len(size)](x, depthwise.movedim((-2, -1), (0, 1)), None, strides, 0, dilation, channels)
        return CONV[len(size)](y, pointwise.movedim((-1, -2), (0, 1))).movedim(1, -1)

    compare(turned(ours, channels_first), theirs, arrays, reduction=batch * prod(size) * channels)


@many
@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=3),
    st.sampled_from(MODES[1:]),
    st.integers(1, 20),
    st.integers(0, 99),
)
def test_pad(axes, mode, channels, seed):
    """NumPy's name of each mode; borders within PyTorch's bounds."""
    widths = [(min(a, n - (mode == "reflect")), min(b, n - (mode == "reflect"))) for n, a, b in axes]
    name = {"replicate": "edge", "circular": "wrap"}.get(mode, mode)

    def theirs(x):
        return F.pad(first(x), [p for side in reversed(widths) for p in side], mode=mode).movedim(1, -1)

    x = normal(seed, 2, *(n for n, _, _ in axes), channels)
    compare(lambda x: pad(x, [(0, 0), *widths, (0, 0)], name), theirs, [x], reduction=9)
