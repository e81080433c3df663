"""Shapes, and moving elements: reshaping, transposing, joining, cutting, padding, repeating."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Tensor
from ...ops.conversion import as_tensor
from ..element_types import numpy_type, working_type
from ..layout import (
    aligned,
    axis_of,
    channels_last,
    common_order,
    data_of,
    order_of,
    ordered,
    plain,
    renamed,
    reshaped,
    stored,
)
from ..registry import Call, Run, Unsupported, integers, number, operator, sized


def new_shape(shape: Sequence[int], wanted: Sequence[int], allow_zero: bool = False) -> tuple[int, ...]:
    """The sizes that Reshape is asked for: 0 keeps an axis, -1 takes what is left."""
    sizes = [shape[i] if n == 0 and not allow_zero else n for i, n in enumerate(wanted)]
    if -1 in sizes:
        known = int(np.prod([n for n in sizes if n != -1], dtype=np.int64))
        total = int(np.prod(shape, dtype=np.int64))
        if known == 0 or total % known:
            raise ValueError(f"a value of shape {tuple(shape)} cannot have the shape {tuple(wanted)}")
        sizes[sizes.index(-1)] = total // known
    return tuple(sizes)


@operator("Shape", ordered=True)
def shape(call: Call) -> Run:
    start, end = call.get("start", 0), call.get("end")
    return lambda x: np.array(x.shape[start:end], np.int64)


@operator("Size", ordered=True)
def size(call: Call) -> Run:
    return lambda x: np.array(np.prod(x.shape, dtype=np.int64), np.int64)


@operator("Reshape", ordered=True)
def reshape(call: Call) -> Run:
    call.get("consumed_inputs")
    allow_zero = bool(call.get("allowzero", 0))
    fixed = call.get("shape") if call.version < 5 else None
    return lambda x, shape=None: reshaped(
        x, new_shape(x.shape, fixed if fixed is not None else integers(shape), allow_zero)
    )


@operator("Flatten", ordered=True)
def flatten(call: Call) -> Run:
    axis = call.get("axis", 1)

    def run(x: Any) -> Any:
        at = axis % x.ndim if axis < 0 else axis
        rows, columns = (int(np.prod(s, dtype=np.int64)) for s in (x.shape[:at], x.shape[at:]))
        return reshaped(x, (rows, columns))

    return run


def _axes(call: Call, since: int) -> Any:
    """Axes: an attribute, from version ``since`` on an input."""
    fixed = call.get("axes") if call.version < since else None
    return lambda given: fixed if given is None else integers(given)


@operator("Squeeze", ordered=True)
def squeeze(call: Call) -> Run:
    axes_of = _axes(call, 13)

    def run(x: Any, axes: Any = None) -> Any:
        chosen = axes_of(axes)
        if chosen is None:
            return reshaped(x, [n for n in x.shape if n != 1])
        chosen = {a % x.ndim for a in chosen}
        if any(x.shape[a] != 1 for a in chosen):
            raise ValueError(f"axes {sorted(chosen)} of a value of shape {x.shape} are not all 1")
        return reshaped(x, [n for i, n in enumerate(x.shape) if i not in chosen])

    return run


@operator("Unsqueeze", ordered=True)
def unsqueeze(call: Call) -> Run:
    axes_of = _axes(call, 13)

    def run(x: Any, axes: Any = None) -> Any:
        chosen = axes_of(axes)
        rank = x.ndim + len(chosen)
        places = {a % rank for a in chosen}
        sizes = iter(x.shape)
        return reshaped(x, [1 if i in places else next(sizes) for i in range(rank)])

    return run


@operator("Transpose", ordered=True)
def transpose(call: Call) -> Run:
    perm = call.get("perm")
    return lambda x: renamed(x, perm if perm is not None else range(x.ndim)[::-1])


@operator("Concat", ordered=True)
def concat(call: Call) -> Run:
    axis = call.get("axis", 1)

    def run(*xs: Any) -> Any:
        if len(xs) == 1:
            return xs[0]
        order = common_order(xs)
        if order is None:
            return ops.concatenate(list(xs), axis)
        return ordered(ops.concatenate([aligned(x, order) for x in xs], order.index(axis % len(order))), order)

    return run


@operator("Split", ordered=True)
def split(call: Call) -> Run:
    axis = call.get("axis", 0)
    fixed, parts = call.get("split"), call.get("num_outputs", 0) or len(call.node.outputs)

    def run(x: Any, sizes: Any = None) -> Any:
        at = axis_of(x, axis)
        lengths = fixed if sizes is None else integers(sizes)
        if lengths is None:
            n = x.shape[axis % x.ndim]
            each = -(-n // parts)
            lengths = [max(0, min(each, n - i * each)) for i in range(parts)]
        if len(lengths) == 1:
            return x
        pieces = ops.split(data_of(x), list(np.cumsum(lengths[:-1])), at)
        return tuple(ordered(p, order_of(x)) for p in pieces)

    return run


def slices(shape: Sequence[int], starts: Any, ends: Any, axes: Any, steps: Any) -> tuple[slice, ...]:
    """NumPy's slices of ONNX's starts and ends."""
    chosen = range(len(starts)) if axes is None else [a % len(shape) for a in axes]
    found = [slice(None)] * len(shape)
    for axis, start, end, step in zip(chosen, starts, ends, steps or [1] * len(starts), strict=True):
        n = shape[axis]
        start, end = (v + n if v < 0 else v for v in (start, end))
        if step > 0:
            found[axis] = slice(min(max(start, 0), n), min(max(end, 0), n), step)
        else:
            last = max(min(end, n - 1), -1)
            found[axis] = slice(max(min(start, n - 1), -1), None if last < 0 else last, step)
            if start < 0:
                found[axis] = slice(0, 0)
    return tuple(found)


@operator("Slice", ordered=True)
def slice_(call: Call) -> Run:
    old = call.version < 10
    fixed = (call.required("starts"), call.required("ends"), call.get("axes")) if old else None

    def run(x: Any, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None) -> Any:
        if fixed is not None:
            key = slices(x.shape, *fixed, None)
        else:
            optional = (None if v is None else integers(v) for v in (axes, steps))
            key = slices(x.shape, integers(starts), integers(ends), *optional)
        order = order_of(x)
        return ordered(ops.getitem(data_of(x), tuple(key[a] for a in order)), order)

    return run


@operator("Expand", ordered=True)
def expand(call: Call) -> Run:
    def run(x: Any, shape: Any) -> Any:
        target = np.broadcast_shapes(x.shape, tuple(integers(shape)))
        if target == x.shape:
            return x
        return ops.broadcast_to(plain(x), sized(target))

    return run


@operator("Tile")
def tile(call: Call) -> Run:
    def run(x: Any, repeats: Any, axis: Any = None) -> Tensor:
        counts = integers(repeats)
        if axis is not None:  # version 1
            counts = [int(number(repeats)) if i == int(number(axis)) else 1 for i in range(x.ndim)]
        sized([n * r for n, r in zip(x.shape, counts, strict=True)])
        return ops.tile(x, counts)

    return run


@operator("Pad", ordered=True)
def pad(call: Call) -> Run:
    mode = call.choice("mode", "constant", ("constant", "reflect", "edge", "wrap"))
    fixed = call.get("pads", call.get("paddings")) if call.version < 11 else None
    fill = call.get("value", 0.0) if call.version < 11 else 0.0

    def run(x: Any, pads: Any = None, value: Any = None, axes: Any = None) -> Any:
        widths = list(fixed) if fixed is not None else integers(pads)
        chosen = range(x.ndim) if axes is None else [a % x.ndim for a in integers(axes)]
        half = len(widths) // 2
        around = [(0, 0)] * x.ndim
        for axis, before, after in zip(chosen, widths[:half], widths[half:], strict=True):
            around[axis] = (before, after)
        order, t = order_of(x), as_tensor(data_of(x))
        if any(w < 0 for side in around for w in side):
            cut = [slice(max(-p, 0), n - max(-q, 0)) for (p, q), n in zip(around, x.shape, strict=True)]
            t = ops.getitem(t, tuple(cut[a] for a in order))
        sides = [(max(around[a][0], 0), max(around[a][1], 0)) for a in order]
        if not any(map(any, sides)):
            return ordered(t, order)
        sized([n + p + q for n, (p, q) in zip(t.shape, sides, strict=True)])
        if mode != "constant":
            return ordered(ops.pad(t, sides, mode), order)
        border = fill if value is None else number(value)
        return ordered(ops.pad(t, sides, "constant", border if t.dtype.kind == "f" else int(border)), order)

    return run


@operator("ConstantOfShape")
def constant_of_shape(call: Call) -> Run:
    value = call.get("value")
    fill = np.zeros((), np.float32) if value is None else value.reshape(())
    return lambda shape: ops.full(sized(integers(shape)), fill.item(), fill.dtype)


def _blocks(name: str, f: Callable[..., Tensor]) -> None:
    @operator(name, ordered=True)
    def make(call: Call) -> Run:
        block = call.required("blocksize")
        if call.choice("mode", "DCR", ("DCR", "CRD")) == "CRD":
            return lambda x: f(plain(x), block, "channels_first")
        order = channels_last(4)
        return lambda x: ordered(f(stored(x, order), block), order)


_blocks("DepthToSpace", ops.depth_to_space)
_blocks("SpaceToDepth", ops.space_to_depth)


@operator("Trilu")
def trilu(call: Call) -> Run:
    f = ops.triu if call.get("upper", 1) else ops.tril
    return lambda x, k=None: f(x, 0 if k is None else int(number(k)))


@operator("Range")
def range_(call: Call) -> Run:
    def run(start: Any, limit: Any, delta: Any) -> Tensor:
        first, last, step = number(start), number(limit), number(delta)
        if step == 0:
            raise ValueError("has a step of 0")
        sized([max(0, math.ceil((last - first) / step))])
        return ops.arange(first, last, step, dtype=start.dtype)

    return run


@operator("EyeLike")
def eye_like(call: Call) -> Run:
    k, kind = call.get("k", 0), call.get("dtype")
    dtype = None if kind is None else working_type(numpy_type(kind, "its result"))
    return lambda x: ops.eye(x.shape[0], x.shape[1], k, dtype or x.dtype)


@operator("ReverseSequence")
def reverse_sequence(call: Call) -> Run:
    batch, time = call.get("batch_axis", 1), call.get("time_axis", 0)
    if {batch, time} != {0, 1}:
        raise Unsupported(f"batch_axis={batch}, time_axis={time}: they must be 0 and 1")

    def run(x: Any, lengths: Any) -> Tensor:
        n = x.shape[time]
        steps = np.arange(n, dtype=np.int64)
        ends = ops.expand_dims(ops.cast(lengths, np.int64), 1)
        places = ops.where(ops.less(steps, ends), ops.subtract(ops.subtract(ends, 1), steps), steps)  # (batch, time)
        if time == 0:
            places = ops.transpose(places, (1, 0))
        places = ops.reshape(places, (*places.shape, *(1,) * (x.ndim - 2)))
        return ops.take_along_axis(x, ops.broadcast_to(places, x.shape), time)

    return run


__all__ = ["new_shape", "slices"]
