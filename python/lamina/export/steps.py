"""Which steps of sequences count, for recurrent nodes: lengths, masks, and the way back in time.

ONNX knows lengths alone.  With a mask the steps that count are put together at the front of each sequence, which then
has a length, and the outputs are put back::

    mask     0 1 1 0 1         steps that count   1 2 4, length 3
    outputs  a b c             put back           0 a b b c
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .elementwise import truth
from .graph import BOOL, INT64, Graph
from .values import Value

# (sequences, lengths as int32 or None, whether it goes backwards) -> (outputs in the order of time, states)
Run = Callable[[Value, "Value | None", bool], "tuple[Value | None, list[Value]]"]


@dataclass
class Way:
    """How sequences are gone through, and what is wanted of them: the options of recurrent operations."""

    lengths: Any
    mask: Any
    backwards: bool
    sequences: bool
    zero_output: bool
    in_time_order: bool


def through(g: Graph, x: Value, way: Way, run: Run) -> tuple[Value | None, list[Value]]:
    """The outputs (N, T, ...), if they are wanted, and the last states."""
    if way.mask is not None:
        return _masked(g, x, way, run)
    lengths = None if way.lengths is None else g.cast(g.value(way.lengths), np.int32)
    y, states = run(x, lengths, way.backwards)
    if y is None or not way.sequences:
        return None, states
    if way.backwards and not way.in_time_order:
        y = flipped(g, y) if lengths is None else _each_flipped(g, y, lengths)
    return y, states


def flipped(g: Graph, x: Value) -> Value:
    """(N, T, ...) backwards in time."""
    order = x.order
    end = g.ints([-(2**62)])
    name = g.node("Slice", g.name(x, order), g.ints([-1]), end, g.ints([order.index(1)]), g.ints([-1]))
    return g.made(name, order, x.shape, x.dtype)


def _each_flipped(g: Graph, x: Value, lengths: Value) -> Value:
    """Each sequence backwards as far as it is long."""
    order = (1, 0, *range(2, x.ndim))
    name = g.node("ReverseSequence", g.name(x, order), g.cast(lengths, INT64), batch_axis=1, time_axis=0)
    return g.made(name, order, x.shape, x.dtype)


def _masked(g: Graph, x: Value, way: Way, run: Run) -> tuple[Value | None, list[Value]]:
    mask = truth(g, way.mask)
    if way.backwards:
        x, mask = flipped(g, x), flipped(g, mask)
    counts = g.cast(mask, np.int32)
    lengths = g.made(g.node("ReduceSum", counts, g.ints([1]), keepdims=0), None, x.shape[:1], np.int32)
    steps = g.sizes([x.shape[1]])
    # Steps that count first, each kind in the order of time: by the largest of (T or 0) - t.
    time = g.counted(x.shape[1])
    rank = g.map("Sub", g.map("Mul", g.cast(counts, INT64), g.value(x.shape[1])), time)
    _, places = g.node("TopK", rank, steps, axis=1, outputs=2)
    front = _picked(g, x, g.made(places, None, mask.shape, INT64))
    y, states = run(front, lengths, False)
    if y is None or not way.sequences:
        return None, states
    last = g.node("Sub", g.node("CumSum", g.cast(counts, INT64), g.constant(1, INT64)), g.constant(1, INT64))
    back = g.made(last, None, mask.shape, INT64)
    found = _picked(g, y, g.map("Max", back, 0))
    valid = mask if way.zero_output else g.map("GreaterOrEqual", back, 0, dtype=BOOL)
    beside = g.reshape(valid, (*valid.shape, *(1,) * (y.ndim - 2)))
    y = g.map("Where", beside, found, g.constant(0, y.dtype))
    return (flipped(g, y) if way.backwards and way.in_time_order else y), states


def _picked(g: Graph, x: Value, places: Value) -> Value:
    """Of each sequence the steps at these places (N, T)."""
    name = g.node("GatherND", x, g.reshape(places, (*places.shape, 1)), batch_dims=1)
    return g.made(name, None, x.shape, x.dtype)
