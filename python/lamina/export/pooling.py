"""Pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph import INT64, Graph
from .handlers import exports
from .values import Size, Value, channels_first
from .windows import as_given, each_axis, first, images, of_first, sides, unless_one


def _options(
    g: Graph, x: Value, pool_size: Any, strides: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> dict[str, Any]:
    axes = x.ndim - 2
    sizes, dilations = each_axis(pool_size, axes), each_axis(dilation, axes)
    steps = sizes if strides is None else each_axis(strides, axes)
    extents = [(k - 1) * d + 1 for k, d in zip(sizes, dilations, strict=True)]
    inner = x.shape[1:-1]
    auto_pad, pads = sides(g, inner, extents, steps, padding)
    if ceil_mode and not any(isinstance(n, Size) for n in inner):  # the border that the last windows reach into
        pads = pads or [0] * (2 * axes)
        for i, (n, extent, step) in enumerate(zip(inner, extents, steps, strict=True)):
            free = n + pads[i] + pads[axes + i] - extent
            more = -free % step
            if free + more < n + pads[i]:  # the last window begins inside
                pads[axes + i] += more
        ceil_mode = False
    return {
        "kernel_shape": sizes, "strides": unless_one(steps), "auto_pad": auto_pad,
        "pads": pads if pads and any(pads) else None, "dilations": unless_one(dilations),
        "ceil_mode": int(bool(ceil_mode)) or None,
    }  # fmt: skip


@exports("max_pool")
def max_pool(
    g: Graph, inputs: Any, pool_size: Any, strides: Any = None, padding: Any = "valid", data_format: str | None = None,
    *, dilation_rate: Any = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    x = images(g, inputs, data_format)
    options = _options(g, x, pool_size, strides, padding, dilation_rate, ceil_mode)
    if not return_indices:
        return of_first(g, g.node("MaxPool", first(g, x), **options), data_format)
    largest, places = g.node("MaxPool", first(g, x), outputs=2, **options)
    # Counted over the whole batch, channels first, so that the rest of a division is the place in the image.
    pixels = g.value(g.total(x.shape[1:-1]), INT64)
    inside = g.node("Mod", places, pixels)
    values, found = of_first(g, largest, data_format), of_first(g, inside, data_format)
    found.dtype = INT64
    return values, g.cast(found, g.results[1][0])


@exports("max_pool2d")
def max_pool2d(g: Graph, x: Any, pool_size: Any, strides: Any = None, padding: Any = "valid") -> Any:
    return max_pool(g, x, pool_size, strides, padding)


@exports("average_pool")
def average_pool(
    g: Graph, inputs: Any, pool_size: Any, strides: Any = None, padding: Any = "valid", data_format: str | None = None,
    *, dilation_rate: Any = 1, ceil_mode: bool = False, divisor: str = "valid",
) -> Any:  # fmt: skip
    x = images(g, inputs, data_format)
    options = _options(g, x, pool_size, strides, padding, dilation_rate, ceil_mode)
    if options["dilations"] and g.opset < 19:
        g.refuse("dilated average pooling needs opset_version=19 or more")
    counted = {"valid": None, "padded": 1}
    if divisor not in counted:
        g.refuse(f"divisor={divisor!r} has no counterpart in AveragePool")
    if ceil_mode and divisor == "padded":
        return _padded_ceiled(g, x, options, each_axis(pool_size, x.ndim - 2), padding, data_format)
    name = g.node("AveragePool", first(g, x), **options, count_include_pad=counted[divisor])
    return of_first(g, name, data_format)


def _padded_ceiled(
    g: Graph, x: Value, options: dict[str, Any], sizes: list[int], padding: Any, data_format: str | None
) -> Value:
    """Means over windows whose divisors count the padding, but not what lies beyond it."""
    inner = x.shape[1:-1]
    if any(isinstance(n, Size) for n in inner):
        g.refuse("ceil_mode with divisor='padded' over a free size has no counterpart; fix it by input_signature")
    axes = len(inner)
    steps, pads = options["strides"] or [1] * axes, options["pads"] or [0] * (2 * axes)
    dilations = options["dilations"] or [1] * axes
    given = sides(g, inner, sizes, steps, padding)[1] or [0] * (2 * axes)
    factors = np.ones([1] * (axes + 2))
    for i, (n, k, s, d) in enumerate(zip(inner, sizes, steps, dilations, strict=True)):
        starts = np.arange(0, n + pads[i] + pads[axes + i] - (k - 1) * d, s) - pads[i]
        taps = starts[:, None] + d * np.arange(k)
        counts = (taps < n + given[axes + i]).sum(1)
        factors = factors * (k / counts).reshape([-1 if a == i + 2 else 1 for a in range(axes + 2)])
    name = g.node("AveragePool", first(g, x), **options, count_include_pad=1)
    return of_first(g, g.node("Mul", name, g.constant(factors, x.dtype)), data_format)


@exports("average_pool2d")
def average_pool2d(
    g: Graph, x: Any, pool_size: Any, strides: Any = None, padding: Any = "valid", count_pad: bool = False
) -> Any:
    return average_pool(g, x, pool_size, strides, padding, divisor="padded" if count_pad else "valid")


@exports("global_average_pool2d")
def global_average_pool2d(g: Graph, x: Any, keepdims: bool = False) -> Value:
    return _adaptive(g, "Average", x, 1 if keepdims else None, None)


@exports("global_max_pool2d")
def global_max_pool2d(g: Graph, x: Any, keepdims: bool = False) -> Value:
    return _adaptive(g, "Max", x, 1 if keepdims else None, None)


def _adaptive(g: Graph, op: str, inputs: Any, output_size: Any, data_format: str | None) -> Value:
    x = images(g, inputs, data_format)
    if output_size is None:
        ones = (1,) * (x.ndim - 2)
        return g.reshape(
            g.made(g.node(f"Global{op}Pool", first(g, x)), None, (x.shape[0], x.shape[-1], *ones)), g.shape
        )
    inner = list(x.shape[1:-1])
    wanted = [n if m is None else m for n, m in zip(inner, _sizes(output_size, len(inner)), strict=True)]
    if all(m == 1 for m in wanted):
        return of_first(g, g.node(f"Global{op}Pool", first(g, x)), data_format)
    if any(isinstance(n, Size) and n != m for n, m in zip(inner, wanted, strict=True)):
        g.refuse("windows that divide a free size into a fixed number; fix the sizes by input_signature")
    if all(n == m for n, m in zip(inner, wanted, strict=True)):
        return as_given(x, data_format)
    if not any(isinstance(n, Size) for n in inner) and all(n % m == 0 for n, m in zip(inner, wanted, strict=True)):
        steps = [n // m for n, m in zip(inner, wanted, strict=True)]
        return of_first(g, g.node(f"{op}Pool", first(g, x), kernel_shape=steps, strides=steps), data_format)
    name = first(g, x)
    for i, (n, m) in enumerate(zip(inner, wanted, strict=True)):
        if n != m:
            name = _uneven(g, op, name, i + 2, x.ndim, int(n), int(m))
    return of_first(g, name, data_format)


def _uneven(g: Graph, op: str, name: str, axis: int, ndim: int, n: int, m: int) -> str:
    """Windows of unequal widths over one axis: each is gathered, its last place repeated up to the widest."""
    ends = [(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]
    if op == "Average":
        weights = np.zeros((n, m), g.dtype)
        for i, (a, b) in enumerate(ends):
            weights[a:b, i] = 1 / (b - a)
        last = [*(k for k in range(ndim) if k != axis), axis]
        turned = name if axis == ndim - 1 else g.node("Transpose", name, perm=last)
        y = g.node("MatMul", turned, g.constant(weights))
        return y if axis == ndim - 1 else g.node("Transpose", y, perm=[last.index(k) for k in range(ndim)])
    widest = max(b - a for a, b in ends)
    places = np.array([[min(a + k, b - 1) for k in range(widest)] for a, b in ends])
    return g.node("ReduceMax", g.node("Gather", name, g.constant(places), axis=axis), g.ints([axis + 1]), keepdims=0)


def _sizes(value: Any, axes: int) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value] * axes


@exports("adaptive_average_pool")
def adaptive_average_pool(g: Graph, inputs: Any, output_size: Any, data_format: str | None = None) -> Value:
    return _adaptive(g, "Average", inputs, output_size, data_format)


@exports("adaptive_max_pool")
def adaptive_max_pool(
    g: Graph, inputs: Any, output_size: Any, data_format: str | None = None, *, return_indices: bool = False
) -> Value:
    if return_indices:
        g.refuse("return_indices has no counterpart in ONNX")
    return _adaptive(g, "Max", inputs, output_size, data_format)


@exports("lp_pool")
def lp_pool(
    g: Graph, inputs: Any, norm_type: Any, pool_size: Any, strides: Any = None, padding: Any = "valid",
    data_format: str | None = None, *, dilation_rate: Any = 1, ceil_mode: bool = False,
) -> Any:  # fmt: skip
    """LpPool where the power makes numbers positive, as it does; else the power of sums of powers."""
    x = images(g, inputs, data_format)
    options = _options(g, x, pool_size, strides, padding, dilation_rate, ceil_mode)
    p = float(norm_type)
    if p == int(p) and int(p) % 2 == 0:
        return of_first(g, g.node("LpPool", first(g, x), p=int(p), **options), data_format)
    if ceil_mode:
        g.refuse("ceil_mode with an odd norm_type has no counterpart here")
    order = channels_first(x.ndim)
    channels = int(x.shape[-1])
    powers = x if p == 1 else g.map("Pow", x, p)
    del options["ceil_mode"]
    ones = g.constant(np.ones((channels, 1, *options["kernel_shape"]), x.dtype))
    y = of_first(g, g.node("Conv", g.name(powers, order), ones, group=channels, **options), data_format)
    return y if p == 1 else g.map("Pow", y, 1 / p)
