"""Pooling against PyTorch, with Keras's padding: it neither wins a maximum nor counts in an average."""

from __future__ import annotations

from compare import compare, many, normal, torch
from hypothesis import assume, given
from hypothesis import strategies as st

from lamina.ops.pooling import average_pool2d, global_average_pool2d, max_pool2d

F = torch.nn.functional


@st.composite
def geometry(draw):
    height, width = draw(st.integers(1, 14)), draw(st.integers(1, 14))
    window = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    strides = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    padding = draw(st.sampled_from(["valid", "same"]))
    assume(padding == "same" or (height >= window[0] and width >= window[1]))
    return (draw(st.integers(1, 3)), height, width, draw(st.integers(1, 40))), window, strides, padding


def padded(x, window, strides, padding, value):
    if padding == "valid":
        return x
    edges = []
    for n, k, s in zip(x.shape[2:], window, strides, strict=True):
        total = max((-(-n // s) - 1) * s + k - n, 0)
        edges.append((total // 2, total - total // 2))
    return F.pad(x, (*edges[1], *edges[0]), value=value)


@many
@given(geometry(), st.integers(0, 99))
def test_max_pool2d(shape, seed):
    size, window, strides, padding = shape

    def theirs(x):
        x = padded(x.permute(0, 3, 1, 2), window, strides, padding, float("-inf"))
        return F.max_pool2d(x, window, strides).permute(0, 2, 3, 1)

    compare(lambda x: max_pool2d(x, window, strides, padding), theirs, [normal(seed, *size)])


@many
@given(geometry(), st.integers(0, 99))
def test_average_pool2d(shape, seed):
    size, window, strides, padding = shape

    def theirs(x):
        x = x.permute(0, 3, 1, 2)
        total = F.avg_pool2d(padded(x, window, strides, padding, 0.0), window, strides)
        share = F.avg_pool2d(padded(torch.ones_like(x), window, strides, padding, 0.0), window, strides)
        return (total / share).permute(0, 2, 3, 1)

    compare(lambda x: average_pool2d(x, window, strides, padding), theirs, [normal(seed, *size)])


@many
@given(st.integers(1, 4), st.integers(1, 14), st.integers(1, 14), st.integers(1, 70), st.integers(0, 99))
def test_global_average_pool2d(n, height, width, channels, seed):
    arrays = [normal(seed, n, height, width, channels)]
    compare(global_average_pool2d, lambda x: x.mean((1, 2)), arrays, reduction=height * width)
