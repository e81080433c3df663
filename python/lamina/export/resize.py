"""Images of another size: the node Resize, or a matrix an axis for filters that it does not know."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _native
from ..ops.images import border, largest_part
from ..ops.resize import Rule, make_rule
from .graph import Graph
from .handlers import exports
from .indexing import sliced
from .rearrangement import framed
from .special import saturated
from .values import Order, Shape, Size, Value, channels_first
from .windows import as_given

_MODES = {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic"}


@exports("resize")
def resize(
    g: Graph, images: Any, size: Any, interpolation: str = "bilinear", antialias: bool = False,
    crop_to_aspect_ratio: bool = False, pad_to_aspect_ratio: bool = False, fill_mode: str = "constant",
    fill_value: float = 0.0, data_format: str | None = None, *, rule: str = "keras", coordinates: Any = None,
    rounding: Any = None, cubic_coefficient: Any = None, exclude_outside: Any = None, scales: Any = None,
) -> Value:  # fmt: skip
    chosen = make_rule(
        "resize", interpolation, antialias, rule, coordinates, rounding, cubic_coefficient, exclude_outside, scales
    )
    x = g.value(images, g.dtype)
    single = x.ndim == 3
    if single:
        x = g.reshape(x, (1, *x.shape))
    x = x.turned((0, 2, 3, 1)) if data_format == "channels_first" else x
    height, width = size
    if crop_to_aspect_ratio or pad_to_aspect_ratio:
        if any(isinstance(n, Size) for n in (*x.shape[1:3], height, width)):
            g.refuse("proportions of free sizes have no counterpart here; fix the sizes by input_signature")
        rows, columns = x.shape[1:3]
        if crop_to_aspect_ratio:
            top, left, h, w = largest_part(rows, columns, height, width)
            x = sliced(g, x, {1: slice(top, top + h), 2: slice(left, left + w)})
        else:
            down, across = border(rows, columns, height, width)
            x = framed(g, x, [(0, 0), (down, down), (across, across), (0, 0)], "constant", float(fill_value))
    y = as_given(resized(g, x, (height, width), chosen), data_format)
    return g.reshape(y, g.shape) if single else y


@exports("resize_axes")
def resize_axes(g: Graph, x: Any, size: Any, rule: Rule) -> Value:
    return resized(g, g.value(x, g.dtype), tuple(size), Rule(*rule))


def resized(g: Graph, x: Value, size: tuple[Any, ...], rule: Rule) -> Value:
    """x (N, sizes.., C) with other sizes; integers are rounded and stay within their type's limits."""
    if x.dtype.kind in "iu":
        floats = np.dtype(np.float32 if x.dtype.itemsize < 4 else np.float64)
        return saturated(g, g.map("Round", resized(g, g.cast(x, floats), size, rule)), x.dtype)
    inner = x.shape[1:-1]
    shape = (x.shape[0], *size, x.shape[-1])
    changed = [i for i, (n, m) in enumerate(zip(inner, size, strict=True)) if n != m or rule.scales is not None]
    if not changed:
        return x
    order = channels_first(x.ndim)
    free = any(isinstance(n, Size) for n in (*inner, *size))
    # onnxruntime moves a Transpose in front of Resize behind it, where its cubic filter then finds channels last.
    turned = rule.interpolation == "bicubic" and order not in x.forms and not free
    if turned or not _is_known(g, rule, len(inner)):
        return _by_matrices(g, x, size, rule, changed)
    name = g.name(x, order)
    options: dict[str, Any] = {
        "mode": _MODES[rule.interpolation], "coordinate_transformation_mode": rule.coordinates,
        "nearest_mode": rule.rounding if rule.interpolation == "nearest" else None,
    }  # fmt: skip
    if rule.interpolation == "bicubic":
        options |= {"cubic_coeff_a": rule.cubic_coefficient, "exclude_outside": int(rule.exclude_outside) or None}
    factors = np.array([1.0, 1.0, *_factors(g, inner, size, free, rule)], np.float32)
    if all(isinstance(n, Size) or int(float(f) * n) == m for n, m, f in zip(inner, size, factors[2:], strict=True)):
        made = g.node("Resize", name, None, g.constant(factors), **options)
    else:  # what would be a pixel less by rounding
        sizes = g.node("Concat", g.node("Shape", name, start=0, end=2), g.sizes(list(size)), axis=0)
        made = g.node("Resize", name, None, None, sizes, **options)
    return g.made(made, order, shape, x.dtype)


def _factors(g: Graph, inner: Shape, size: Any, free: bool, rule: Rule) -> list[float]:
    if rule.scales is not None:
        if free:
            return list(rule.scales)
        g.refuse("scales that differ from the sizes have no counterpart here")
    found = []
    for n, m in zip(inner, size, strict=True):
        if isinstance(n, Size) or isinstance(m, Size):
            first, second = (getattr(m, k, m) / getattr(n, k, n) for k in ("first", "second"))
            if first != second:
                g.refuse("a free size that becomes a fixed one is resized by no fixed factor")
            found.append(first)
        else:
            found.append(m / n)
    return found


def _is_known(g: Graph, rule: Rule, axes: int) -> bool:
    """Whether Resize has this filter; for cubic ones it takes images alone."""
    if rule.interpolation not in _MODES or (rule.antialias and rule.interpolation != "nearest"):
        return False
    return rule.interpolation != "bicubic" or axes == 2


def _by_matrices(g: Graph, x: Value, size: tuple[Any, ...], rule: Rule, changed: list[int]) -> Value:
    for i in changed:
        n, m = x.shape[i + 1], size[i]
        if isinstance(n, Size) or isinstance(m, Size):
            g.refuse(f"Resize has no such filter as {rule.interpolation!r} here, and the sizes are free; fix them")
        one = rule._replace(scales=None if rule.scales is None else (rule.scales[i],))
        weights = _native.resize_forward(np.eye(n, dtype=np.float64)[None], (m,), *one)[0]  # (m, n)
        order: Order = (*(a for a in range(x.ndim) if a != i + 1), i + 1)
        shape = (*x.shape[: i + 1], m, *x.shape[i + 2 :])
        name = g.node("MatMul", g.name(x, order), g.constant(weights.T, x.dtype))
        x = g.made(name, order, shape, x.dtype)
    return x
