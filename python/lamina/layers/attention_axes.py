"""Attention over some of the axes of an array: how it becomes sequences, and back."""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..core.autograd import Tensor
from ..ops.conversion import as_tensor
from .masking import as_mask
from .symbolic import Shape


class AttentionAxes:
    """The attention axes of a query and a value: ``axes``, and the ``others`` between batch and features, each of whose
    places is a sequence of its own."""

    def __init__(self, query: Shape, value: Shape, axes: tuple[int, ...] | None) -> None:
        ndim = len(query)
        self.query, self.value = query, value
        self.axes = tuple(range(1, ndim - 1)) if axes is None else tuple(a + ndim if a < 0 else a for a in axes)
        if not self.axes or len(set(self.axes)) < len(self.axes) or not all(0 < a < ndim - 1 for a in self.axes):
            raise ValueError(
                f"attention_axes={axes} does not fit a query of shape {query}: expected different axes between the "
                "first (batch) and the last (features)"
            )
        self.others = tuple(i for i in range(1, ndim - 1) if i not in self.axes)
        self._order = (0, *self.others, *self.axes)

    @property
    def one(self) -> bool:
        return len(self.axes) == 1

    def fold(self, x: Tensor) -> Tensor:
        """(batch, ..., heads, size) as (sequences, time, heads, size)."""
        if len(self._order) == 2:
            return x
        n = len(self._order)
        x = ops.transpose(x, (*self._order, n, n + 1))
        shape, first = x.shape, 1 + len(self.others)
        return ops.reshape(x, (math.prod(shape[:first]), math.prod(shape[first:n]), *shape[n:]))

    def unfold(self, y: Tensor) -> Tensor:
        """What fold(query) became, in the query's order."""
        if len(self._order) == 2:
            return y
        n = len(self._order)
        sizes: Any = [self.query[i] for i in self._order]
        y = ops.reshape(y, (*sizes, *y.shape[2:]))
        return ops.transpose(y, (*(self._order.index(i) for i in range(n)), n, n + 1))

    def scores(self, heads: int) -> Shape:
        """The shape of the scores: batch, others, heads, the query's axes, the value's."""
        return (
            self.query[0], *(self.query[i] for i in self.others), heads,
            *(self.query[i] for i in self.axes), *(self.value[i] for i in self.axes),
        )  # fmt: skip

    def unfold_scores(self, weights: Tensor) -> Tensor:
        """(sequences, heads, T, S) with the axes that they come from."""
        shape: Any = self.scores(weights.shape[1])
        return weights if len(shape) == 4 else ops.reshape(weights, shape)

    def step_mask(self, mask: Any, name: str, shape: Shape) -> Tensor | None:
        """A mask of the steps of an input (batch, time, features) as booleans."""
        if mask is None:
            return None
        if len(shape) != 3:
            raise ValueError(f"{name}_mask is for inputs (batch, time, features), got {shape}; give attention_mask")
        time = "query time" if name == "query" else "value time"
        return as_mask(mask, (shape[0], shape[1]), f"{name}_mask is", f"(batch, {time})")  # type: ignore[arg-type]

    def of_scores(self, mask: Any, name: str, dtype: str, heads: int) -> Tensor | None:
        """attention_mask as booleans, or attention_bias, that broadcast to (sequences, heads, T, S).

        Axes in front of the query's that are missing, heads first, are of size one.
        """
        if mask is None:
            return None
        mask = as_tensor(mask)
        full: Any = self.scores(heads)
        ends = 2 * len(self.axes)
        front = mask.ndim - ends
        lacking = len(full) - mask.ndim
        shape = (*mask.shape[: max(front, 0)], *(1,) * lacking, *mask.shape[max(front, 0) :])
        if front < 0 or lacking < 0 or any(m not in (1, k) for m, k in zip(shape, full, strict=True)):
            t, s = full[-ends : len(full) - len(self.axes)], full[len(full) - len(self.axes) :]
            raise ValueError(
                f"{name} is {mask.shape}, expected (T, S) = {(*t, *s)}, "
                f"(N, T, S) = {(*full[: -ends - 1], *t, *s)} or (N, heads, T, S) = {full}, or what broadcasts to one "
                "of them"
            )
        mask = ops.reshape(ops.cast(mask, dtype), shape)
        if len(full) == 4:
            return mask
        mask = ops.broadcast_to(mask, full)
        n = len(self.others) + 1
        return ops.reshape(
            mask,
            (math.prod(full[:n]), heads, math.prod(full[n + 1 : -len(self.axes)]), math.prod(full[-len(self.axes) :])),
        )
