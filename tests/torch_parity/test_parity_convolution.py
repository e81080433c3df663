"""Convolutions and transposed ones over one to three axes against PyTorch, with Keras's padding."""

from __future__ import annotations

from compare import compare, many, normal, torch
from hypothesis import assume, given
from hypothesis import strategies as st

from lamina.ops import conv, conv_transpose, depthwise_conv

F = torch.nn.functional
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
ACT = {"linear": lambda z: z, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
LARGEST = {1: 40, 2: 14, 3: 8}


def same(n: int, k: int, s: int, d: int) -> tuple[int, int]:
    """Keras: ceil(n / s) outputs, the odd row of padding at the end."""
    total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
    return total // 2, total - total // 2


def first(x):
    """(N, ..., C) as PyTorch has it, (N, C, ...)."""
    return x.movedim(-1, 1)


def padded(x, padding, kernel, strides, dilation, value=0.0):
    """(N, C, ...) with the padding written out."""
    if padding == "valid":
        return x
    if padding == "same":
        padding = [same(n, k, s, d) for n, k, s, d in zip(x.shape[2:], kernel, strides, dilation, strict=True)]
    if padding == "causal":
        padding = [((kernel[0] - 1) * dilation[0], 0)]
    return F.pad(x, [p for sides in reversed(padding) for p in sides], value=value)


@st.composite
def geometry(draw):
    """Image, kernel, strides, dilation, padding that leave at least one pixel."""
    axes = draw(st.integers(1, 3))

    def each(low, high):
        return draw(st.tuples(*[st.integers(low, high)] * axes))

    size, kernel, strides, dilation = each(1, LARGEST[axes]), each(1, 6 - axes), each(1, 3), each(1, 3)
    edges = st.tuples(*[st.tuples(st.integers(0, 3), st.integers(0, 3))] * axes)
    names = ["valid", "same"] + ["causal"] * (axes == 1)
    padding = draw(st.one_of(st.sampled_from(names), edges))
    if padding not in ("same", "causal"):
        extra = (0,) * axes if padding == "valid" else tuple(a + b for a, b in padding)
        for n, k, d, e in zip(size, kernel, dilation, extra, strict=True):
            assume(n + e >= (k - 1) * d + 1)
    return size, kernel, strides, dilation, padding


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
    geometry(),
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
    size, kernel, strides, dilation, padding = shape
    channels, filters = inner * groups, outer * groups
    arrays = [
        normal(seed, batch, *size, channels),
        normal(seed + 1, *kernel, inner, filters) / (inner * prod(kernel)) ** 0.5,
        normal(seed + 2, filters) if bias else None,
    ]
    data_format = "channels_first" if channels_first else None

    def ours(x, w, b):
        return conv(x, w, strides, padding, data_format, dilation, bias=b, groups=groups, activation=activation)

    def theirs(x, w, b):
        x = padded(first(x), padding, kernel, strides, dilation)
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
@given(geometry(), st.integers(1, 3), st.integers(1, 40), st.integers(1, 3), st.booleans(), st.integers(0, 99))
def test_depthwise_conv(shape, batch, channels, multiplier, bias, seed):
    size, kernel, strides, dilation, padding = shape
    arrays = [
        normal(seed, batch, *size, channels),
        normal(seed + 1, *kernel, channels, multiplier),
        normal(seed + 2, channels * multiplier) if bias else None,
    ]

    def theirs(x, w, b):
        x = padded(first(x), padding, kernel, strides, dilation)
        w = w.movedim((-2, -1), (0, 1)).reshape(channels * multiplier, 1, *kernel)
        return CONV[len(size)](x, w, b, strides, 0, dilation, channels).movedim(1, -1)

    compare(
        lambda x, w, b: depthwise_conv(x, w, strides, padding, None, dilation, bias=b),
        theirs,
        arrays,
        reduction=batch * prod(size),
    )
