"""Convolutions against PyTorch, with Keras's padding."""

from __future__ import annotations

from compare import compare, many, normal, torch
from hypothesis import assume, given
from hypothesis import strategies as st

from lamina.ops.convolution import conv2d, depthwise_conv2d

F = torch.nn.functional
ACT = {"linear": lambda z: z, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


def same(n: int, k: int, s: int, d: int) -> tuple[int, int]:
    """Keras: ceil(n / s) outputs, the odd row of padding at the end."""
    total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
    return total // 2, total - total // 2


def padded(x, padding, kernel, strides, dilation):
    """(N, C, H, W) with the padding written out."""
    if padding == "valid":
        return x
    if padding == "same":
        padding = [same(n, k, s, d) for n, k, s, d in zip(x.shape[2:], kernel, strides, dilation, strict=True)]
    (top, bottom), (left, right) = padding
    return F.pad(x, (left, right, top, bottom))


@st.composite
def geometry(draw):
    """Image, kernel, strides, dilation, padding that leave at least one pixel."""
    height, width = draw(st.integers(1, 14)), draw(st.integers(1, 14))
    kernel = (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    strides, dilation = draw(pairs), draw(pairs)
    edge = st.tuples(st.integers(0, 3), st.integers(0, 3))
    padding = draw(st.one_of(st.just("valid"), st.just("same"), st.tuples(edge, edge)))
    if padding != "same":
        extra = (0, 0) if padding == "valid" else tuple(a + b for a, b in padding)
        for n, k, d, e in zip((height, width), kernel, dilation, extra, strict=True):
            assume(n + e >= (k - 1) * d + 1)
    return height, width, kernel, strides, dilation, padding


@many
@given(
    geometry(),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 9),
    st.integers(1, 20),
    st.sampled_from(sorted(ACT)),
    st.booleans(),
    st.integers(0, 99),
)
def test_conv2d(shape, batch, groups, inner, outer, activation, bias, seed):
    height, width, kernel, strides, dilation, padding = shape
    channels, filters = inner * groups, outer * groups
    arrays = [
        normal(seed, batch, height, width, channels),
        normal(seed + 1, *kernel, inner, filters) / (inner * kernel[0] * kernel[1]) ** 0.5,
        normal(seed + 2, filters) if bias else None,
    ]

    def theirs(x, w, b):
        x = padded(x.permute(0, 3, 1, 2), padding, kernel, strides, dilation)
        y = F.conv2d(x, w.permute(3, 2, 0, 1), b, strides, 0, dilation, groups)
        return ACT[activation](y.permute(0, 2, 3, 1))

    compare(
        lambda x, w, b: conv2d(x, w, b, strides, padding, dilation, groups, activation),
        theirs,
        arrays,
        reduction=batch * height * width + filters * kernel[0] * kernel[1],
    )


@many
@given(geometry(), st.integers(1, 3), st.integers(1, 40), st.integers(1, 3), st.booleans(), st.integers(0, 99))
def test_depthwise_conv2d(shape, batch, channels, multiplier, bias, seed):
    height, width, kernel, strides, dilation, padding = shape
    arrays = [
        normal(seed, batch, height, width, channels),
        normal(seed + 1, *kernel, channels, multiplier),
        normal(seed + 2, channels * multiplier) if bias else None,
    ]

    def theirs(x, w, b):
        x = padded(x.permute(0, 3, 1, 2), padding, kernel, strides, dilation)
        w = w.permute(2, 3, 0, 1).reshape(channels * multiplier, 1, *kernel)
        return F.conv2d(x, w, b, strides, 0, dilation, channels).permute(0, 2, 3, 1)

    compare(
        lambda x, w, b: depthwise_conv2d(x, w, b, strides, padding, dilation),
        theirs,
        arrays,
        reduction=batch * height * width,
    )
