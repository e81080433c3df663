"""Windows as columns and back, blocks of pixels and channels: against loops, against each other, their gradients."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Input, Tensor, capture, ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
OPTIONS = [
    {"kernel_size": 2},
    {"kernel_size": (2, 3), "stride": (2, 1)},
    {"kernel_size": 3, "padding": (1, 2), "dilation": (1, 2)},
    {"kernel_size": (3, 1), "padding": 1, "stride": 3},
]


def windows(x, kernel_size, dilation=1, padding=0, stride=1):
    """Pixel by pixel."""
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = (
        v if isinstance(v, tuple) else (v, v) for v in (kernel_size, dilation, padding, stride)
    )
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    columns = []
    for i in range(0, x.shape[2] - dh * (kh - 1), sh):
        for j in range(0, x.shape[3] - dw * (kw - 1), sw):
            part = x[:, :, i : i + dh * (kh - 1) + 1 : dh, j : j + dw * (kw - 1) + 1 : dw]
            columns.append(part.reshape(len(x), -1))
    return np.stack(columns, -1)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_unfold_and_fold(options, dtype):
    x = RNG.integers(-9, 9, (2, 3, 6, 7)).astype(dtype)
    y = ops.unfold(x, **options)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y.numpy(), windows(x, **options))
    if dtype == np.int32:
        return
    back = ops.fold(y, (6, 7), **options)
    counts = ops.fold(windows(np.ones_like(x), **options), (6, 7), **options).numpy()
    np.testing.assert_array_equal(back.numpy(), x * counts)  # each pixel as often as it stands in a window
    if dtype == np.float64:
        check_gradients(lambda t: ops.unfold(t, **options), x)
        check_gradients(lambda t: ops.fold(t, (6, 7), **options), RNG.standard_normal(y.shape))


def test_gradients_add_up_and_strided_inputs():
    x = RNG.standard_normal((1, 2, 4, 4))
    check_gradients(lambda t: ops.multiply(ops.unfold(t, 2), ops.unfold(ops.exp(t), 2)), x)
    turned = np.ascontiguousarray(x.transpose(3, 2, 1, 0)).transpose(3, 2, 1, 0)
    np.testing.assert_array_equal(ops.unfold(turned, 2).numpy(), ops.unfold(x, 2).numpy())


@pytest.mark.parametrize("block", [1, 2, 3])
def test_depth_and_space(block):
    x = RNG.standard_normal((2, 2, 3, 2 * block**2))
    y = ops.depth_to_space(x, block)
    want = x.reshape(2, 2, 3, block, block, 2).transpose(0, 1, 3, 2, 4, 5).reshape(2, 2 * block, 3 * block, 2)
    np.testing.assert_array_equal(y.numpy(), want)
    np.testing.assert_array_equal(ops.space_to_depth(y, block).numpy(), x)
    first = x.transpose(0, 3, 1, 2).copy()
    y = ops.depth_to_space(first, block, "channels_first")
    assert y.shape == (2, 2, 2 * block, 3 * block)
    np.testing.assert_array_equal(y.numpy()[:, :, ::block, ::block], first[:, :: block**2])
    np.testing.assert_array_equal(ops.space_to_depth(y, block, "channels_first").numpy(), first)
    check_gradients(lambda t: ops.depth_to_space(t, block), x)
    check_gradients(lambda t: ops.space_to_depth(t, block, "channels_first"), y.numpy())


def test_captured_and_in_functional_models():
    def step(x):
        y = ops.fold(ops.unfold(x, 3, padding=1), (4, 4), 3, padding=1)
        return ops.space_to_depth(y, 2, "channels_first")

    captured = capture(step)
    for _ in range(3):
        x = Tensor(RNG.standard_normal((2, 3, 4, 4)).astype(np.float32), requires_grad=True)
        np.testing.assert_array_equal(captured(x).numpy(), step(x).numpy())
    assert ops.unfold(Input((3, 6, 6)), 2).shape == (None, 12, 25)
    assert ops.depth_to_space(Input((3, 6, 8)), 2).shape == (None, 6, 12, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.unfold(np.zeros((3, 4, 4)), 2), r"unfold: x is \(3, 4, 4\), expected \(N, C, H, W\)"),
        (lambda: ops.unfold(np.zeros((1, 3, 4, 4)), 5), "unfold: windows that span .* do not fit"),
        (lambda: ops.unfold(np.zeros((1, 3, 4, 4)), 2, stride=0), "unfold: stride must be positive"),
        (lambda: ops.unfold(np.zeros((1, 3, 4, 4)), 2, padding=-1), "pad: widths must not be negative|negative"),
        (lambda: ops.fold(np.zeros((1, 7, 9)), 4, 2), "fold: .* is no multiple of the 4 pixels"),
        (lambda: ops.fold(np.zeros((1, 8, 7)), 4, 2), r"fold: x is \(1, 8, 7\), of 7 windows"),
        (
            lambda: ops.depth_to_space(np.zeros((1, 2, 2, 6)), 2),
            "depth_to_space: .* its 6 channels",
        ),
        (lambda: ops.space_to_depth(np.zeros((1, 3, 2, 6)), 2), "space_to_depth: .* 3 x 2 pixels are no blocks"),
        (lambda: ops.space_to_depth(np.zeros((3, 2, 6)), 2), "space_to_depth: x is .* expected"),
        (
            lambda: ops.depth_to_space(np.zeros((1, 2, 2, 4)), 0),
            "depth_to_space: block_size must be",
        ),
        (lambda: ops.depth_to_space(np.zeros((1, 2, 2, 4)), 2, "last"), "depth_to_space: data_format is 'last'"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
