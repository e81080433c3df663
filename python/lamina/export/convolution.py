"""Convolutions, and transposed ones."""

from __future__ import annotations

from typing import Any

from .elementwise import activated
from .graph import Graph
from .handlers import exports
from .values import Size, Value
from .windows import each_axis, first, images, of_first, sides, unless_one

_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _kernel(w: Value) -> Value:
    """(taps..., in, out) as ONNX's (out, in, taps...)."""
    n = w.ndim
    return w.turned((n - 1, n - 2, *range(n - 2)))


@exports("conv")
def conv(
    g: Graph, inputs: Any, kernel: Any, strides: Any = 1, padding: Any = "valid", data_format: str | None = None,
    dilation_rate: Any = 1, *, bias: Any = None, groups: int | None = None, activation: str = "linear",
    padding_mode: str = "zeros", bfloat16: bool = False,
) -> Value:  # fmt: skip
    x, w = images(g, inputs, data_format), g.value(kernel, g.dtype)
    if groups is None:
        groups = int(x.shape[-1]) // int(w.shape[-2])
    name = _conv(g, x, _kernel(w), strides, padding, dilation_rate, bias, groups, padding_mode)
    return activated(g, of_first(g, name, data_format), activation)


def convolved(g: Graph, x: Value, w: Value, bias: Any, strides: Any, padding: Any, dilation: Any) -> str:
    """The name of a convolution of x (N, ..., C), with the channels first."""
    return _conv(g, x, _kernel(w), strides, padding, dilation, bias, 1, "zeros")


@exports("depthwise_conv")
def depthwise_conv(
    g: Graph, inputs: Any, kernel: Any, strides: Any = 1, padding: Any = "valid", data_format: str | None = None,
    dilation_rate: Any = 1, *, bias: Any = None, activation: str = "linear", padding_mode: str = "zeros",
) -> Value:  # fmt: skip
    x, w = images(g, inputs, data_format), g.value(kernel, g.dtype)
    name = _depthwise(g, x, w, strides, padding, dilation_rate, bias, padding_mode)
    return activated(g, of_first(g, name, data_format), activation)


@exports("separable_conv")
def separable_conv(
    g: Graph, inputs: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = 1, padding: Any = "valid",
    data_format: str | None = None, dilation_rate: Any = 1, *, bias: Any = None, activation: str = "linear",
    padding_mode: str = "zeros",
) -> Value:  # fmt: skip
    x, w = images(g, inputs, data_format), g.value(depthwise_kernel, g.dtype)
    each = _depthwise(g, x, w, strides, padding, dilation_rate, None, padding_mode)
    points = _kernel(g.value(pointwise_kernel, g.dtype))
    name = g.node("Conv", each, points, None if bias is None else g.value(bias, g.dtype))
    return activated(g, of_first(g, name, data_format), activation)


@exports("conv2d")
def conv2d(
    g: Graph, x: Any, w: Any, b: Any = None, strides: Any = 1, padding: Any = "valid", dilation_rate: Any = 1,
    groups: int = 1, activation: str = "linear",
) -> Value:  # fmt: skip
    return conv(g, x, w, strides, padding, None, dilation_rate, bias=b, groups=groups, activation=activation)


@exports("depthwise_conv2d")
def depthwise_conv2d(
    g: Graph, x: Any, w: Any, b: Any = None, strides: Any = 1, padding: Any = "valid", dilation_rate: Any = 1,
    activation: str = "linear",
) -> Value:  # fmt: skip
    return depthwise_conv(g, x, w, strides, padding, None, dilation_rate, bias=b, activation=activation)


def _depthwise(
    g: Graph, x: Value, w: Value, strides: Any, padding: Any, dilation: Any, bias: Any, padding_mode: str
) -> str:
    """Kernel (taps..., C, multiplier): output channel c * multiplier + m, as ONNX's groups have them."""
    *taps, channels, multiplier = w.shape
    flat = g.reshape(w, (*taps, 1, int(channels) * int(multiplier)))
    return _conv(g, x, _kernel(flat), strides, padding, dilation, bias, int(channels), padding_mode)


def _conv(
    g: Graph, x: Value, w: Value, strides: Any, padding: Any, dilation: Any, bias: Any, groups: int, padding_mode: str
) -> str:
    axes = x.ndim - 2
    steps, dilations = each_axis(strides, axes), each_axis(dilation, axes)
    taps = [int(n) for n in w.shape[2:]]
    extents = [(k - 1) * d + 1 for k, d in zip(taps, dilations, strict=True)]
    auto_pad, pads = sides(g, x.shape[1:-1], extents, steps, padding)
    source = first(g, x)
    if padding_mode != "zeros" and (auto_pad or pads):
        if pads is None:
            g.refuse("a border of other numbers than zeros, with strides over a free size, has no fixed width")
        if padding_mode == "circular" and g.opset < 19:
            g.refuse("circular padding needs opset_version=19 or more")
        border = g.ints([0, 0, *pads[:axes], 0, 0, *pads[axes:]])
        source, pads = g.node("Pad", source, border, mode=_MODES[padding_mode]), None
    name: str = g.node(
        "Conv", source, w, None if bias is None else g.value(bias, g.dtype), kernel_shape=taps,
        strides=unless_one(steps), dilations=unless_one(dilations), group=groups if groups != 1 else None,
        auto_pad=auto_pad, pads=pads,
    )  # fmt: skip
    return name


@exports("conv_transpose")
def conv_transpose(
    g: Graph, inputs: Any, kernel: Any, strides: Any = 1, padding: Any = "valid", output_padding: Any = None,
    data_format: str | None = None, dilation_rate: Any = 1, *, bias: Any = None, groups: int = 1,
    activation: str = "linear", bfloat16: bool = False,
) -> Value:  # fmt: skip
    x, w = images(g, inputs, data_format), g.value(kernel, g.dtype)
    axes = x.ndim - 2
    steps, dilations = each_axis(strides, axes), each_axis(dilation_rate, axes)
    taps = [int(n) for n in w.shape[:-2]]
    after = g.shape[2:] if data_format == "channels_first" else g.shape[1:-1]
    pads, more = [0] * (2 * axes), [0] * axes
    for i, (n, m, k, s, d) in enumerate(zip(x.shape[1:-1], after, taps, steps, dilations, strict=True)):
        whole = (n - 1) * s + (k - 1) * d + 1  # without padding
        cut = whole - m
        if isinstance(cut, Size):
            g.refuse("what is cut off from the output follows a free size")
        low, high = _cut(int(cut), padding, i)
        pads[i], pads[axes + i] = low, high
        if high < 0:
            pads[axes + i], more[i] = 0, -high
    # (taps..., out / groups, in) is ONNX's (in, out / groups, taps...)
    turned = w.turned((axes + 1, axes, *range(axes)))
    name = g.node(
        "ConvTranspose", first(g, x), turned, None if bias is None else g.value(bias, g.dtype), kernel_shape=taps,
        strides=unless_one(steps), dilations=unless_one(dilations), group=groups if groups != 1 else None,
        pads=pads if any(pads) else None, output_padding=more if any(more) else None,
    )  # fmt: skip
    return activated(g, of_first(g, name, data_format), activation)


def _cut(cut: int, padding: Any, axis: int) -> tuple[int, int]:
    """What is cut off in front and behind; negative for more behind."""
    if isinstance(padding, str):
        half = max(cut, 0) // 2
        low = {"valid": 0, "same": half, "same_lower": max(cut, 0) - half}[padding]
    else:
        one = padding if isinstance(padding, int) else padding[axis]
        low = int(one if isinstance(one, int) else one[0])
    return low, cut - low
