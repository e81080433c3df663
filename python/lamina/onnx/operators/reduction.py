"""Reductions, places of extremes, sorting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Tensor
from ..layout import axis_of, data_of, order_of, ordered
from ..registry import Call, Run, integers, number, operator


def _l2(x: Any, axes: Any, keepdims: bool) -> Tensor:
    return ops.sqrt(ops.sum(ops.square(x), axes, keepdims))


_REDUCTIONS: dict[str, tuple[Callable[..., Tensor], int]] = {  # and since which version axes are an input
    "ReduceL1": (lambda x, a, k: ops.sum(ops.abs(x), a, k), 18),
    "ReduceL2": (_l2, 18),
    "ReduceLogSum": (lambda x, a, k: ops.log(ops.sum(x, a, k)), 18),
    "ReduceLogSumExp": (lambda x, a, k: ops.log(ops.sum(x, a, k)) if x.size == 0 else ops.logsumexp(x, a, k), 18),
    "ReduceMax": (lambda x, a, k: _extreme(ops.max, x, a, k), 18),
    "ReduceMean": (ops.mean, 18),
    "ReduceMin": (lambda x, a, k: _extreme(ops.min, x, a, k), 18),
    "ReduceProd": (ops.prod, 18),
    "ReduceSum": (ops.sum, 13),
    "ReduceSumSquare": (lambda x, a, k: ops.sum(ops.square(x), a, k), 18),
}


def _extreme(f: Callable[..., Tensor], x: Any, axes: Any, keepdims: bool) -> Tensor:
    """The largest or smallest; of nothing at all the least or the most that the type has."""
    reduced = range(x.ndim) if axes is None else axes
    if x.size == 0 and any(x.shape[a] == 0 for a in reduced):
        least = f is ops.max
        bounds: dict[str, Any] = {"f": (-np.inf, np.inf), "b": (False, True)}
        if x.dtype.kind in "iu":
            bounds[x.dtype.kind] = np.iinfo(x.dtype).min, np.iinfo(x.dtype).max
        bound = bounds[x.dtype.kind][0 if least else 1]
        sizes = [1 if i in reduced else n for i, n in enumerate(x.shape)]
        y = ops.full(sizes, bound, x.dtype)
        return y if keepdims else ops.squeeze(y, tuple(reduced))
    if x.dtype.kind == "b":
        return ops.cast(f(ops.cast(x, np.uint8), axes, keepdims), bool)
    return f(x, axes, keepdims)


def _register(name: str, f: Callable[..., Tensor], since: int) -> None:
    @operator(name, ordered=True)
    def make(call: Call) -> Run:
        keep, fixed = bool(call.get("keepdims", 1)), call.get("axes") if call.version < since else None
        nothing = bool(call.get("noop_with_empty_axes", 0))

        def run(x: Any, axes: Any = None) -> Any:
            chosen = fixed if axes is None else integers(axes)
            if not chosen and nothing:
                return _of_each(name, x)
            return reduced(x, chosen or None, keep, lambda t, a: _typed(f, t, a, keep))

        return run


def _typed(f: Callable[..., Tensor], t: Any, axes: Any, keep: bool) -> Tensor:
    """f in the type of t."""
    y = f(t, axes, keep)
    return y if y.dtype == t.dtype else ops.cast(y, t.dtype)


def _of_each(name: str, x: Any) -> Any:
    """A reduction over no axis."""
    each: dict[str, Callable[[Any], Any]] = {
        "ReduceL1": ops.abs, "ReduceL2": ops.abs, "ReduceLogSum": ops.log, "ReduceSumSquare": ops.square,
    }  # fmt: skip
    return ordered(each[name](data_of(x)), order_of(x)) if name in each else x


def reduced(x: Any, axes: Any, keep: bool, f: Callable[[Any, Any], Any]) -> Any:
    """f over these axes of the graph, of a value in any order."""
    order, t = order_of(x), data_of(x)
    chosen = list(range(x.ndim)) if axes is None else [a % x.ndim for a in axes]
    y = f(t, tuple(sorted(axis_of(x, a) for a in chosen)) if chosen else None)
    if keep:
        return ordered(y, order)
    left = [a for a in order if a not in chosen]
    ranks = {a: i for i, a in enumerate(sorted(left))}
    return ordered(y, [ranks[a] for a in left])


for _name, (_f, _since) in _REDUCTIONS.items():
    _register(_name, _f, _since)


def _place(name: str, f: Callable[..., Tensor]) -> None:
    @operator(name, ordered=True)
    def make(call: Call) -> Run:
        axis, keep = call.get("axis", 0), bool(call.get("keepdims", 1))
        last = bool(call.get("select_last_index", 0))

        def of(t: Any, axes: Any) -> Tensor:
            (a,) = axes
            if not last:
                return ops.cast(f(t, a, keep), np.int64)
            y = f(ops.flip(t, a), a, keep)
            return ops.subtract(t.shape[a] - 1, ops.cast(y, np.int64))

        return lambda x: reduced(x, [axis], keep, of)


_place("ArgMax", ops.argmax)
_place("ArgMin", ops.argmin)


@operator("TopK")
def top_k(call: Call) -> Run:
    axis, largest = call.get("axis", -1), bool(call.get("largest", 1))
    call.get("sorted", 1)
    fixed = call.get("k") if call.version < 10 else None

    def run(x: Any, k: Any = None) -> tuple[Tensor, Tensor]:
        count = fixed if fixed is not None else int(number(k))
        at = axis % x.ndim
        turned = ops.moveaxis(x, at, -1)
        places = ops.argsort(turned if not largest else _descending(turned), -1)
        places = ops.getitem(places, (..., slice(0, count)))
        values = ops.take_along_axis(turned, places, -1)
        return ops.moveaxis(values, -1, at), ops.moveaxis(ops.cast(places, np.int64), -1, at)

    return run


def _descending(x: Tensor) -> Tensor:
    """What sorts ascending as x descends."""
    if x.dtype.kind == "u":
        return ops.subtract(np.array(np.iinfo(x.dtype).max, x.dtype), x)
    return ops.bitwise_not(x) if x.dtype.kind == "i" else ops.negative(x)
