"""Operators on what Python knows: sizes, places and options, which NumPy computes and no plan sees."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.autograd import Array
from ..element_types import numpy_type, working_type
from ..registry import Call, Run, integers, number, of_arrays, sized
from .shapes import new_shape, slices

_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "Abs": np.abs, "Add": np.add, "And": np.logical_and, "Ceil": np.ceil, "Equal": np.equal, "Floor": np.floor,
    "Greater": np.greater, "GreaterOrEqual": np.greater_equal, "Less": np.less, "LessOrEqual": np.less_equal,
    "Mul": np.multiply, "Neg": np.negative, "Not": np.logical_not, "Or": np.logical_or, "Round": np.rint,
    "Sign": np.sign, "Sqrt": np.sqrt, "Sub": np.subtract, "Where": np.where, "Xor": np.logical_xor, "Exp": np.exp,
    "Log": np.log, "Reciprocal": np.reciprocal, "Sin": np.sin, "Cos": np.cos, "Identity": lambda x: x,
}  # fmt: skip


def _elementwise(name: str, f: Callable[..., Any]) -> None:
    @of_arrays(name, 7 if name in ("Add", "Sub", "Mul", "And", "Or", "Xor", "Equal", "Less", "Greater") else 1)
    def make(call: Call) -> Run:
        def run(*xs: Array) -> Array:
            sized(np.broadcast_shapes(*(x.shape for x in xs)))
            with np.errstate(all="ignore"):
                return np.asarray(f(*xs))

        return run


for _name, _f in _ELEMENTWISE.items():
    _elementwise(_name, _f)


@of_arrays("Div", 7)
def div(call: Call) -> Run:
    def run(a: Array, b: Array) -> Array:
        sized(np.broadcast_shapes(a.shape, b.shape))
        with np.errstate(all="ignore"):
            if a.dtype.kind == "f":
                return np.asarray(np.divide(a, b), a.dtype)
            if not np.all(b):
                raise ValueError("divides integers by zero")
            return np.asarray((a - np.fmod(a, b)) // b, a.dtype)

    return run


@of_arrays("Mod")
def mod(call: Call) -> Run:
    f = np.fmod if call.get("fmod", 0) else np.mod

    def run(a: Array, b: Array) -> Array:
        if a.dtype.kind != "f" and not np.all(b):
            raise ValueError("divides integers by zero")
        with np.errstate(all="ignore"):
            return np.asarray(f(a, b))

    return run


@of_arrays("Pow", 7)
def pow_(call: Call) -> Run:
    def run(a: Array, b: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(np.power(a.astype(np.float64), b)).astype(a.dtype)

    return run


def _extreme(name: str, f: Any) -> None:
    @of_arrays(name, 8)
    def make(call: Call) -> Run:
        def run(*xs: Array) -> Array:
            result = xs[0]
            for x in xs[1:]:
                result = f(result, x)
            return np.asarray(result)

        return run


_extreme("Max", np.maximum)
_extreme("Min", np.minimum)
_extreme("Sum", np.add)


@of_arrays("Clip", 11)
def clip(call: Call) -> Run:
    def run(x: Array, low: Array | None = None, high: Array | None = None) -> Array:
        x = x if low is None else np.maximum(x, low)
        return np.asarray(x if high is None else np.minimum(x, high))

    return run


@of_arrays("Cast", 6)
def cast(call: Call) -> Run:
    dtype = working_type(numpy_type(call.required("to"), "its result"))

    def run(x: Array) -> Array:
        with np.errstate(all="ignore"):
            return x.astype(dtype)

    return run


@of_arrays("CastLike")
def cast_like(call: Call) -> Run:
    return lambda x, like: x.astype(like.dtype)


@of_arrays("Shape")
def shape(call: Call) -> Run:
    start, end = call.get("start", 0), call.get("end")
    return lambda x: np.array(x.shape[start:end], np.int64)


@of_arrays("Size")
def size(call: Call) -> Run:
    return lambda x: np.array(x.size, np.int64)


@of_arrays("Reshape", 5)
def reshape(call: Call) -> Run:
    allow_zero = bool(call.get("allowzero", 0))
    return lambda x, shape: x.reshape(new_shape(x.shape, integers(shape), allow_zero))


@of_arrays("Flatten")
def flatten(call: Call) -> Run:
    axis = call.get("axis", 1)
    return lambda x: x.reshape(math.prod(x.shape[: axis % x.ndim if axis < 0 else axis]), -1)


def _axes_of(call: Call) -> Callable[[Any], Any]:
    fixed = call.get("axes")
    return lambda axes: fixed if axes is None else integers(axes)


@of_arrays("Squeeze")
def squeeze(call: Call) -> Run:
    axes_of = _axes_of(call)

    def run(x: Array, axes: Array | None = None) -> Array:
        chosen = axes_of(axes)
        return x.squeeze(None if chosen is None else tuple(chosen))

    return run


@of_arrays("Unsqueeze")
def unsqueeze(call: Call) -> Run:
    axes_of = _axes_of(call)
    return lambda x, axes=None: np.expand_dims(x, tuple(axes_of(axes)))


@of_arrays("Transpose")
def transpose(call: Call) -> Run:
    perm = call.get("perm")
    return lambda x: np.ascontiguousarray(x.transpose(perm))


@of_arrays("Concat", 4)
def concat(call: Call) -> Run:
    axis = call.required("axis")
    return lambda *xs: np.concatenate(xs, axis)


@of_arrays("Split")
def split(call: Call) -> Run:
    axis, fixed = call.get("axis", 0), call.get("split")
    parts = call.get("num_outputs", 0) or len(call.node.outputs)

    def run(x: Array, sizes: Array | None = None) -> tuple[Array, ...]:
        lengths = fixed if sizes is None else integers(sizes)
        if lengths is None:
            each = -(-x.shape[axis] // parts)
            lengths = [max(0, min(each, x.shape[axis] - i * each)) for i in range(parts)]
        return tuple(np.split(x, np.cumsum(lengths[:-1]), axis))

    return run


@of_arrays("Slice", 10)
def slice_(call: Call) -> Run:
    def run(x: Array, starts: Array, ends: Array, axes: Any = None, steps: Any = None) -> Array:
        optional = (None if v is None else integers(v) for v in (axes, steps))
        return x[slices(x.shape, integers(starts), integers(ends), *optional)]

    return run


@of_arrays("Slice", 1)
def slice_1(call: Call) -> Run:
    fixed = (call.required("starts"), call.required("ends"), call.get("axes"))
    return lambda x: x[slices(x.shape, *fixed, None)]


@of_arrays("Gather")
def gather(call: Call) -> Run:
    axis = call.get("axis", 0)
    return lambda x, indices: np.take(x, indices, axis)


@of_arrays("GatherND")
def gather_nd(call: Call) -> Run:
    call.only("batch_dims", 0, "sizes have no batch axes")
    return lambda x, indices: x[tuple(np.moveaxis(indices, -1, 0))]


@of_arrays("ScatterND")
def scatter_nd(call: Call) -> Run:
    call.only("reduction", "none", "places are replaced only")

    def run(x: Array, indices: Array, updates: Array) -> Array:
        y = x.copy()
        y[tuple(np.moveaxis(indices, -1, 0))] = updates
        return y

    return run


@of_arrays("Expand")
def expand(call: Call) -> Run:
    def run(x: Array, shape: Array) -> Array:
        return np.broadcast_to(x, sized(np.broadcast_shapes(x.shape, tuple(integers(shape))))).copy()

    return run


@of_arrays("Tile", 6)
def tile(call: Call) -> Run:
    def run(x: Array, repeats: Array) -> Array:
        counts = integers(repeats)
        sized([n * r for n, r in zip(x.shape, counts, strict=True)])
        return np.tile(x, counts)

    return run


@of_arrays("ConstantOfShape")
def constant_of_shape(call: Call) -> Run:
    value = call.get("value")
    fill = np.zeros((), np.float32) if value is None else value.reshape(())
    return lambda shape: np.full(sized(integers(shape)) if shape.size else (), fill, fill.dtype)


@of_arrays("Range")
def range_(call: Call) -> Run:
    def run(start: Array, limit: Array, delta: Array) -> Array:
        first, last, step = (number(v) for v in (start, limit, delta))
        if step == 0:
            raise ValueError("has a step of 0")
        sized([max(0, math.ceil((last - first) / step))])  # 0 is free: any size that memory has room for
        bounds: list[Any] = [v.reshape(()).item() for v in (start, limit, delta)]
        return np.arange(*bounds).astype(start.dtype)

    return run


@of_arrays("NonZero")
def non_zero(call: Call) -> Run:
    return lambda x: np.array(np.nonzero(x), np.int64).reshape(max(x.ndim, 1), -1)


@of_arrays("CumSum")
def cum_sum(call: Call) -> Run:
    exclusive, reverse = call.get("exclusive", 0), call.get("reverse", 0)

    def run(x: Array, axis: Array) -> Array:
        a = int(number(axis))
        x = np.flip(x, a) if reverse else x
        y = np.cumsum(x, a, dtype=x.dtype) - (x if exclusive else 0)
        return np.flip(y, a) if reverse else y

    return run


def _reduction(name: str, f: Callable[..., Any]) -> None:
    @of_arrays(name)
    def make(call: Call) -> Run:
        keep, fixed = bool(call.get("keepdims", 1)), call.get("axes")
        nothing = bool(call.get("noop_with_empty_axes", 0))

        def run(x: Array, axes: Array | None = None) -> Array:
            chosen = fixed if axes is None else integers(axes)
            if not chosen and nothing:
                return x
            return np.asarray(f(x, axis=tuple(chosen) if chosen else None, keepdims=keep), x.dtype)

        return run


_reduction("ReduceMax", np.max)
_reduction("ReduceMean", np.mean)
_reduction("ReduceMin", np.min)
_reduction("ReduceProd", np.prod)
_reduction("ReduceSum", np.sum)


@of_arrays("Trilu")
def trilu(call: Call) -> Run:
    f = np.triu if call.get("upper", 1) else np.tril
    return lambda x, k=None: f(x, 0 if k is None else int(number(k)))
