"""Elements put into places, sums of segments, unpooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph import BOOL, INT64, Graph
from .handlers import HANDLERS, exports
from .indexing import sliced
from .values import Value
from .windows import as_given, images

_REDUCTIONS = {None: None, "add": "add", "max": "max", "min": "min", "mul": "mul"}


@exports("scatter")
def scatter(g: Graph, indices: Any, values: Any, shape: Any) -> Value:
    start = g.filled(0, g.shape, g.dtype)
    at = g.value(indices, INT64)
    return g.made(g.node("ScatterND", start, at, g.value(values, g.dtype), reduction="add"))


@exports("scatter_update")
def scatter_update(g: Graph, inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Value:
    if reduction not in _REDUCTIONS:
        g.refuse(f"reduction={reduction!r} has no counterpart in ScatterND")
    x, at = g.value(inputs, g.dtype), g.value(indices, INT64)
    return g.made(g.node("ScatterND", x, at, g.value(updates, g.dtype), reduction=_REDUCTIONS[reduction]))


def _segments(reduction: str, first: Any) -> Any:
    def put(g: Graph, data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Value:
        if num_segments is None:
            g.refuse("num_segments=None makes the size of the result depend on values; give the number")
        x, at = g.value(data, g.dtype), g.value(segment_ids, INT64)
        count, *rest = g.shape
        inside = g.map("And", g.map("GreaterOrEqual", at, 0, dtype=BOOL), g.map("Less", at, count, dtype=BOOL))
        at = g.map("Where", inside, at, g.value(count, INT64))  # behind the segments is what belongs to none
        start = g.filled(first(g.dtype), (count + 1, *rest), g.dtype)
        y = g.node("ScatterND", start, g.reshape(at, (*at.shape, 1)), x, reduction=reduction)
        return sliced(g, g.made(y, None, start.shape), {0: slice(0, count)})

    return put


def _lowest(dtype: Any) -> Any:
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _highest(dtype: Any) -> Any:
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


HANDLERS["segment_sum"] = _segments("add", lambda dtype: 0)
HANDLERS["segment_prod"] = _segments("mul", lambda dtype: 1)
HANDLERS["segment_max"] = _segments("max", _lowest)
HANDLERS["segment_min"] = _segments("min", _highest)


@exports("max_unpool")
def max_unpool(
    g: Graph, inputs: Any, indices: Any, pool_size: Any, strides: Any = None, padding: Any = "valid",
    output_shape: Any = None, data_format: str | None = None,
) -> Value:  # fmt: skip
    x = images(g, inputs, data_format)
    at = g.value(indices, INT64)
    at = at if data_format != "channels_first" else at.turned((0, *range(2, at.ndim), 1))
    after = g.shape if data_format != "channels_first" else (g.shape[0], *g.shape[2:], g.shape[1])
    n, *inner, channels = after
    pixels = g.total(x.shape[1:-1])
    flat, places = (g.reshape(v, (n, pixels, channels)) for v in (x, at))
    start = g.filled(0, (n, g.total(inner), channels), g.dtype)
    y = g.made(g.node("ScatterElements", start, places, flat, axis=1), None, start.shape, g.dtype)
    return as_given(g.reshape(y, after), data_format)


@exports("bincount")
def bincount(g: Graph, x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Value:
    return g.refuse("the size of its result depends on values")
