"""Convolutions and transposed ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import ops
from ...core.autograd import Tensor
from ...ops.conversion import as_tensor
from ..graph import OWN
from ..layout import channels_last, ordered, plain, stored
from ..registry import Call, Run, Unsupported, operator

AUTO = {"NOTSET": "", "VALID": "valid", "SAME_UPPER": "same", "SAME_LOWER": "same_lower"}


class Window:
    """The attributes that convolutions and poolings share."""

    def __init__(self, call: Call) -> None:
        self.auto = AUTO[call.choice("auto_pad", "NOTSET", tuple(AUTO))]
        self.kernel = list(call.get("kernel_shape", ()))
        self.strides = list(call.get("strides", ()))
        self.dilations = list(call.get("dilations", ()))
        self.pads = list(call.get("pads", ()))
        if any(p < 0 for p in self.pads):
            raise Unsupported(f"pads={self.pads} are negative")

    def spread(self, axes: int) -> tuple[list[int], list[int], Any]:
        """Strides, dilations and padding of so many axes."""
        return self.strides or [1] * axes, self.dilations or [1] * axes, self.padding(axes)

    def padding(self, axes: int) -> Any:
        """What operations call padding: a name, or numbers before and after for each axis."""
        if self.auto:
            return self.auto
        pads = self.pads or [0] * (2 * axes)
        if len(pads) != 2 * axes:
            raise ValueError(f"pads={pads} do not fit {axes} axes")
        return list(zip(pads[:axes], pads[axes:], strict=True))


@operator("Conv", ordered=True)
@operator("Conv", domain=OWN, ordered=True)
def conv(call: Call) -> Run:
    window, groups = Window(call), call.get("group", 1)
    activation = call.get("activation", "linear")

    def run(x: Any, w: Any, b: Any = None) -> Any:
        kernel = stored(w, (*range(2, w.ndim), 1, 0))
        b = None if b is None else plain(b)
        inputs = as_tensor(stored(x, channels_last(x.ndim)))
        options = window.spread(w.ndim - 2)
        flat = _without_units(inputs, kernel, options)
        inputs, kernel, (strides, dilations, padding) = flat or (inputs, kernel, options)
        y = ops.conv(
            inputs, kernel, strides, padding, "channels_last", dilations, bias=b, groups=groups, activation=activation
        )
        if flat:
            y = _with_units(y, x)
        return ordered(y, channels_last(x.ndim))

    return run


def _without_units(x: Tensor, kernel: Any, options: tuple[Any, ...]) -> Any:
    """A convolution without the last axes of size 1, along which kernels find nothing to share; None where all count.

    Sequences come as images of width 1 from libraries that know no other convolution.
    """
    strides, dilations, padding = options
    axes = x.ndim - 2
    left = axes
    while left > 1 and x.shape[left] == 1 and kernel.shape[left - 1] == 1:
        if not isinstance(padding, str) and padding[left - 1] != (0, 0):
            break
        left -= 1
    if left == axes:
        return None
    sides = padding if isinstance(padding, str) else padding[:left]
    x = ops.reshape(x, (*x.shape[: left + 1], x.shape[-1]))
    kernel = ops.reshape(kernel, (*kernel.shape[:left], *kernel.shape[-2:]))
    return x, kernel, (strides[:left], dilations[:left], sides)


def _with_units(y: Tensor, x: Any) -> Tensor:
    """The result with as many axes as the input."""
    return ops.reshape(y, (*y.shape[:-1], *(1,) * (x.ndim - y.ndim), y.shape[-1]))


@operator("ConvTranspose", ordered=True)
@operator("ConvTranspose", domain=OWN, ordered=True)
def conv_transpose(call: Call) -> Run:
    window, groups = Window(call), call.get("group", 1)
    activation = call.get("activation", "linear")
    more, shape = list(call.get("output_padding", ())), list(call.get("output_shape", ()))

    def run(x: Any, w: Any, b: Any = None) -> Any:
        axes = w.ndim - 2
        kernel = as_tensor(stored(w, (*range(2, w.ndim), 1, 0)))
        strides, dilations, _ = window.spread(axes)
        inputs = as_tensor(stored(x, channels_last(x.ndim)))
        further = more or [0] * axes
        padding = _cut(window, inputs.shape[1:-1], kernel.shape[:axes], strides, dilations, further, shape[-axes:])
        y = _transposed(inputs, kernel, strides, padding, further, dilations, groups, b, activation)
        return ordered(y, channels_last(x.ndim))

    return run


def _cut(
    window: Window,
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    more: Sequence[int],
    shape: Sequence[int],
) -> list[tuple[int, int]]:
    """What is cut off before and after each axis, by ONNX's formula."""
    if not shape and window.auto in ("", "valid"):
        return list(window.padding(len(sizes))) if not window.auto else [(0, 0)] * len(sizes)
    if not shape:
        shape = [n * s for n, s in zip(sizes, strides, strict=True)]
    found = []
    for n, k, s, d, m, wanted in zip(sizes, kernel, strides, dilations, more, shape, strict=True):
        total = s * (n - 1) + m + (k - 1) * d + 1 - wanted
        half = total // 2
        if total < 0:
            found.append((0, total))
        else:
            found.append((half, total - half) if window.auto == "same" else (total - half, half))
    return found


def _transposed(
    x: Tensor,
    kernel: Tensor,
    strides: Sequence[int],
    cut: Sequence[tuple[int, int]],
    more: Sequence[int],
    dilations: Sequence[int],
    groups: int,
    bias: Any,
    activation: str,
) -> Tensor:
    """The transposed convolution; a negative cut is a border of the bias."""
    b = None if bias is None else plain(bias)
    inside = [(max(p, 0), max(q, 0)) for p, q in cut]
    wide = [m >= max(s, d) for m, s, d in zip(more, strides, dilations, strict=True)]
    if inside != list(cut) or any(wide):
        extra = [(max(-p, 0), max(-q, 0) + m) for (p, q), m in zip(cut, more, strict=True)]
        y = ops.conv_transpose(x, kernel, strides, inside, None, "channels_last", dilations, groups=groups)
        y = ops.pad(y, [(0, 0), *extra, (0, 0)])
        y = y if b is None else ops.add(y, b)
        return y if activation == "linear" else getattr(ops, activation)(y)
    added = list(more) if any(more) else None
    return ops.conv_transpose(
        x, kernel, strides, inside, added, "channels_last", dilations, bias=b, groups=groups, activation=activation
    )


__all__ = ["Window"]
