"""Axes and elements in other places: joined, cut, repeated, mirrored, framed."""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph import BOOL, Graph
from .handlers import HANDLERS, exports
from .indexing import sliced
from .reshape import concatenate, unstack
from .values import Size, Value


@exports("swapaxes")
def swapaxes(g: Graph, x: Any, axis1: int, axis2: int) -> Value:
    x = g.value(x, g.dtype)
    axes = list(range(x.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return x.turned(axes)


@exports("moveaxis")
def moveaxis(g: Graph, x: Any, source: Any, destination: Any) -> Value:
    x = g.value(x, g.dtype)
    old, new = ([a % x.ndim for a in (v if isinstance(v, (list, tuple)) else (v,))] for v in (source, destination))
    order = [a for a in range(x.ndim) if a not in old]
    for place, axis in sorted(zip(new, old, strict=True)):
        order.insert(place, axis)
    return x.turned(order)


@exports("stack")
def stack(g: Graph, x: Any, axis: int = 0) -> Value:
    if isinstance(x, Value):
        x = unstack(g, x)
    values = [g.value(v, g.dtype) for v in x]
    axis = axis % (values[0].ndim + 1)
    shape = values[0].shape
    wider = [g.reshape(v, (*shape[:axis], 1, *shape[axis:])) for v in values]
    return g.made(g.node("Concat", *wider, axis=axis))


@exports("split", "array_split")
def split(g: Graph, x: Any, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    x = g.value(x)
    axis = axis % x.ndim
    order = x.order
    widths = [shape[axis] for _, shape in g.results]
    if not any(isinstance(n, Size) for n in widths):
        names = g.node("Split", g.name(x, order), g.ints(widths), axis=order.index(axis), outputs=len(widths))
        names = names if len(widths) > 1 else [names]
        return [g.made(n, order, shape, x.dtype) for n, (_, shape) in zip(names, g.results, strict=True)]
    found, start = [], 0
    for width in widths:
        found.append(sliced(g, x, {axis: slice(start, start + width, None)}))
        start = start + width
    return found


for _name, _axis in {"vsplit": 0, "dsplit": 2}.items():
    HANDLERS[_name] = lambda g, x, indices_or_sections, axis=_axis: split(g, x, indices_or_sections, axis)


@exports("hsplit")
def hsplit(g: Graph, x: Any, indices_or_sections: Any) -> list[Value]:
    return split(g, x, indices_or_sections, min(g.value(x).ndim - 1, 1))


def _at_least(g: Graph, x: Any, ndim: int) -> Value:
    """x with axes of size 1, as NumPy's atleast_2d and atleast_3d put them."""
    v = g.value(x, g.dtype)
    if v.ndim >= ndim:
        return v
    if ndim == 3:
        return g.reshape(v, (1, *v.shape, 1) if v.ndim == 1 else (*v.shape, 1) if v.ndim == 2 else (1, 1, 1))
    return g.reshape(v, (*(1,) * (ndim - v.ndim), *v.shape))


@exports("vstack")
def vstack(g: Graph, xs: Any) -> Value:
    return concatenate(g, [_at_least(g, x, 2) for x in _listed(g, xs)], 0)


@exports("hstack")
def hstack(g: Graph, xs: Any) -> Value:
    values = [_at_least(g, x, 1) for x in _listed(g, xs)]
    return concatenate(g, values, 0 if values[0].ndim == 1 else 1)


@exports("dstack")
def dstack(g: Graph, xs: Any) -> Value:
    return concatenate(g, [_at_least(g, x, 3) for x in _listed(g, xs)], 2)


def _listed(g: Graph, xs: Any) -> list[Any]:
    return unstack(g, xs) if isinstance(xs, Value) else list(xs)


@exports("append")
def append(g: Graph, x1: Any, x2: Any, axis: Any = None) -> Value:
    return concatenate(g, [x1, x2], axis)


@exports("flip")
def flip(g: Graph, x: Any, axis: Any = None) -> Value:
    x = g.value(x, g.dtype)
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, (list, tuple)) else (axis,)
    return sliced(g, x, {a % x.ndim: slice(None, None, -1) for a in axes})


@exports("fliplr")
def fliplr(g: Graph, x: Any) -> Value:
    return flip(g, x, 1)


@exports("flipud")
def flipud(g: Graph, x: Any) -> Value:
    return flip(g, x, 0)


@exports("rot90")
def rot90(g: Graph, array: Any, k: int = 1, axes: Any = (0, 1)) -> Value:
    x = g.value(array, g.dtype)
    a, b = (n % x.ndim for n in axes)
    k %= 4
    if k == 2:
        return flip(g, x, (a, b))
    if k == 1:
        return swapaxes(g, flip(g, x, b), a, b)
    return flip(g, swapaxes(g, x, a, b), b) if k == 3 else x


@exports("roll")
def roll(g: Graph, x: Any, shift: Any, axis: Any = None) -> Value:
    x = g.value(x, g.dtype)
    if axis is None:
        flat = g.reshape(x, (x.size,))
        return g.reshape(_rolled(g, flat, int(shift), 0), x.shape)
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    shifts = shift if isinstance(shift, (list, tuple)) else [shift] * len(axes)
    for a, n in zip(axes, shifts, strict=True):
        x = _rolled(g, x, int(n), a % x.ndim)
    return x


def _rolled(g: Graph, x: Value, shift: int, axis: int) -> Value:
    n = x.shape[axis]
    if not isinstance(n, Size):
        shift = shift % n if n else 0
    if not shift:
        return x
    parts = [sliced(g, x, {axis: s}) for s in (slice(-shift, None), slice(None, -shift))]
    name = g.node("Concat", *parts, axis=axis)
    return g.made(name, None, x.shape, x.dtype)


@exports("repeat")
def repeat(g: Graph, x: Any, repeats: Any, axis: Any = None) -> Value:
    x = g.value(x, g.dtype)
    if axis is None:
        x, axis = g.reshape(x, (x.size,)), 0
    axis = axis % x.ndim
    if isinstance(repeats, Value):
        repeats = None if repeats.array is None else repeats.array.reshape(-1).tolist()
    if repeats is None:
        g.refuse("how often elements are repeated is computed")
    if isinstance(repeats, (list, tuple)):
        if len(repeats) == 1:
            repeats = repeats[0]
        else:
            places = np.repeat(np.arange(len(repeats)), repeats)
            return g.made(g.node("Gather", x, g.constant(places), axis=axis))
    if x.shape[axis] == 1:
        name = g.node("Expand", x, g.sizes([repeats if a == axis else 1 for a in range(x.ndim)]))
        return g.made(name, None, g.shape, x.dtype)
    wider = g.reshape(x, (*x.shape[: axis + 1], 1, *x.shape[axis + 1 :]))
    sizes = [repeats if a == axis + 1 else 1 for a in range(wider.ndim)]
    shape = tuple(repeats if a == axis + 1 else n for a, n in enumerate(wider.shape))
    return g.reshape(g.made(g.node("Expand", wider, g.sizes(sizes)), None, shape, x.dtype), g.shape)


@exports("tile")
def tile(g: Graph, x: Any, repeats: Any) -> Value:
    x = g.value(x, g.dtype)
    times = list(repeats) if isinstance(repeats, (list, tuple)) else [repeats]
    times = [1] * (x.ndim - len(times)) + times
    x = g.reshape(x, (*(1,) * (len(times) - x.ndim), *x.shape))
    return g.made(g.node("Tile", x, g.sizes(times)))


@exports("pad")
def pad(g: Graph, x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Value:
    x = g.value(x, g.dtype)
    pairs = _pairs(g, pad_width, x.ndim)
    if mode == "symmetric" or (mode == "wrap" and g.opset < 19):
        return _continued(g, x, pairs, mode)
    return framed(g, x, pairs, mode, 0 if constant_values is None else constant_values)


def _continued(g: Graph, x: Value, pairs: list[tuple[Any, Any]], mode: Any) -> Value:
    """A border that Pad does not know, gathered axis by axis."""
    for axis, pair in enumerate(pairs):
        if pair == (0, 0):
            continue
        n = x.shape[axis]
        if any(isinstance(m, Size) for m in (n, *pair)):
            g.refuse(f"mode={mode!r} has no counterpart in Pad, and the size is free; fix it by input_signature")
        places = np.pad(np.arange(n), pair, mode=mode)
        shape = tuple(len(places) if a == axis else m for a, m in enumerate(x.shape))
        x = g.made(g.node("Gather", x, g.constant(places), axis=axis), None, shape, x.dtype)
    return x


def framed(g: Graph, x: Value, pairs: list[tuple[Any, Any]], mode: str = "constant", number: Any = 0) -> Value:
    """x with so many elements more before and after each axis."""
    order = x.order
    source = g.cast(x, np.int32) if x.dtype == BOOL else x
    widths = g.sizes([pairs[a][0] for a in order] + [pairs[a][1] for a in order])
    value = g.value(number, source.dtype) if mode == "constant" and not _is_zero(number) else None
    name = g.node("Pad", g.name(source, order), widths, value, mode=mode if mode != "constant" else None)
    shape = tuple(n + sum(p) for n, p in zip(x.shape, pairs, strict=True))
    return g.cast(g.made(name, order, shape, source.dtype), x.dtype)


def _is_zero(number: Any) -> bool:
    return isinstance(number, (int, float)) and number == 0


def _pairs(g: Graph, widths: Any, ndim: int) -> list[tuple[Any, Any]]:
    if isinstance(widths, Value):
        if widths.array is None:
            g.refuse("the width of the border is computed")
        widths = widths.array.tolist()
    if not isinstance(widths, (list, tuple)):
        return [(widths, widths)] * ndim
    if not isinstance(widths[0], (list, tuple)):
        widths = [widths] if len(widths) == 2 else [(widths[0], widths[0])]
    pairs = [tuple(w) if len(w) == 2 else (w[0], w[0]) for w in widths]
    return pairs * ndim if len(pairs) == 1 else pairs


@exports("slice")
def slice_(g: Graph, inputs: Any, start_indices: Any, shape: Any) -> Value:
    x = g.value(inputs, g.dtype)
    starts = _numbers(g, start_indices)
    cuts = {
        a: slice(s, s + n, None)
        for a, (s, n, whole) in enumerate(zip(starts, g.shape, x.shape, strict=True)) if n != whole
    }  # fmt: skip
    return sliced(g, x, cuts)


def _numbers(g: Graph, values: Any) -> list[Any]:
    if isinstance(values, Value):
        if values.array is None:
            g.refuse("places that are computed have no counterpart here")
        return [int(n) for n in values.array.reshape(-1)]
    return [int(v.array) if isinstance(v, Value) and v.array is not None else v for v in values]


@exports("slice_update")
def slice_update(g: Graph, inputs: Any, start_indices: Any, updates: Any) -> Value:
    x, new = g.value(inputs, g.dtype), g.value(updates, g.dtype)
    starts = _numbers(g, start_indices)
    after = [n - s - m for n, s, m in zip(x.shape, starts, new.shape, strict=True)]
    pairs = list(zip(starts, after, strict=True))
    inside = framed(g, g.filled(1, new.shape, np.int32), pairs)
    return g.map("Where", g.cast(inside, BOOL), framed(g, new, pairs), x)


@exports("depth_to_space")
def depth_to_space(g: Graph, x: Any, block_size: int, data_format: str | None = "channels_last") -> Value:
    return _blocks(g, "DepthToSpace", x, block_size, data_format, mode="DCR")


@exports("space_to_depth")
def space_to_depth(g: Graph, x: Any, block_size: int, data_format: str | None = "channels_last") -> Value:
    return _blocks(g, "SpaceToDepth", x, block_size, data_format)


def _blocks(g: Graph, op: str, x: Any, block: int, data_format: str | None, **more: Any) -> Value:
    v = g.value(x, g.dtype)
    order = v.plain if data_format == "channels_first" else (0, 3, 1, 2)
    return g.made(g.node(op, g.name(v, order), blocksize=block, **more), order)


@exports("crop_images")
def crop_images(
    g: Graph, images: Any, top_cropping: Any = None, left_cropping: Any = None, bottom_cropping: Any = None,
    right_cropping: Any = None, target_height: Any = None, target_width: Any = None, data_format: str | None = None,
) -> Value:  # fmt: skip
    return _around(g, images, top_cropping, left_cropping, bottom_cropping, right_cropping, data_format, False)


@exports("pad_images")
def pad_images(
    g: Graph, images: Any, top_padding: Any = None, left_padding: Any = None, bottom_padding: Any = None,
    right_padding: Any = None, target_height: Any = None, target_width: Any = None, data_format: str | None = None,
) -> Value:  # fmt: skip
    return _around(g, images, top_padding, left_padding, bottom_padding, right_padding, data_format, True)


def _around(g: Graph, images: Any, top: Any, left: Any, bottom: Any, right: Any, data_format: Any, out: bool) -> Value:
    x = g.value(images, g.dtype)
    first = x.ndim - (2 if data_format == "channels_first" else 3)
    pairs: list[tuple[Any, Any]] = [(0, 0)] * x.ndim
    for axis, low, high in ((first, top, bottom), (first + 1, left, right)):
        total = g.shape[axis] - x.shape[axis] if out else x.shape[axis] - g.shape[axis]
        low = total - high if low is None else low
        pairs[axis] = (low, total - low)
    if out:
        return framed(g, x, pairs)
    return sliced(g, x, {a: slice(p[0], p[0] + g.shape[a], None) for a, p in enumerate(pairs) if p != (0, 0)})


@exports("rearrange")
def rearrange(g: Graph, tensor: Any, pattern: str, **axes_lengths: Any) -> Value:
    x = g.value(tensor, g.dtype)
    left, right = ([_group(p) for p in _tokens(side)] for side in pattern.split("->"))
    sizes: dict[str, Any] = dict(axes_lengths)
    for names, n in zip(left, x.shape, strict=True):
        free = [name for name in names if name not in sizes]
        if free:
            known = 1
            for name in names:
                known = known * sizes.get(name, 1) if name in sizes else known
            sizes[free[0]] = n if known == 1 else n // known
    flat = [name for names in left for name in names]
    y = g.reshape(x, [sizes[n] for n in flat])
    return g.reshape(y.turned([flat.index(n) for names in right for n in names]), g.shape)


def _tokens(side: str) -> list[str]:
    found, inside = [], ""
    for word in side.replace("(", " ( ").replace(")", " ) ").split():
        if word == "(":
            inside = "("
        elif word == ")":
            found.append(inside + ")")
            inside = ""
        elif inside:
            inside += word + " "
        else:
            found.append(word)
    return found


def _group(token: str) -> list[str]:
    return token.strip("() ").split() if token.startswith("(") else [] if token == "1" else [token]
