"""Cells over whole sequences: in one native call where the kernels know the cell, else step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import ops
from ..core.autograd import Tensor
from ..ops.conversion import as_tensor, routed
from .cell import Cell
from .masking import check_lengths, mask_of_lengths
from .stacked_cells import StackedRNNCells, called, first_states, output_size
from .symbolic import Shape

Result = tuple[Tensor | None, Tensor, Any]  # the sequence of outputs if it is wanted, the last output, the states


@dataclass(frozen=True)
class Pass:
    """How sequences are gone through: which steps count, in which order, and what is wanted of the outputs."""

    mask: Tensor | None  # (N, T), booleans
    lengths: Tensor | None  # (N,), int32 or int64
    backwards: bool
    sequences: bool
    zero_output: bool
    in_time_order: bool
    training: bool


def run(cell: Any, x: Tensor, states: Any, way: Pass) -> Result:
    """``cell`` over x (N, T, in) from ``states``, None for the cell's own first ones."""
    if isinstance(cell, StackedRNNCells):
        return _through_stack(cell, x, states, way)
    if not isinstance(cell, Cell):
        return _foreign(cell, x, states, way)
    if way.training and cell.dropout:  # one mask for all steps, as in Keras
        ones = ops.ones((x.shape[0], 1, *x.shape[2:]), dtype=cell.dtype)
        x = ops.multiply(cell._repeated(x), ops.dropout(cell._repeated(ones), cell.dropout, cell.seed_generator))
    names = cell.native_names(way.training)
    if names is None:
        return _own(cell, x, states, way)
    y, after = cell._sequence(
        x, states, way.lengths, way.mask, way.backwards, *names, way.sequences, way.zero_output, way.in_time_order
    )
    return y, after[0] if way.sequences else _last_output(after[0], states is not None, way), after


def _last_output(h: Tensor, had_state: bool, way: Pass) -> Tensor:
    """The output at the end, which is the state h, but zero where the step before it was none that counts."""
    if way.mask is not None and way.zero_output:
        if not way.mask.shape[1]:
            return ops.zeros_like(h)
        end = 0 if way.backwards else way.mask.shape[1] - 1
        counts = ops.getitem(way.mask, (slice(None), slice(end, end + 1)))
    elif not had_state or (way.mask is None and way.lengths is None):
        return h  # a sequence without a step that counts still has its first state, zero
    elif way.mask is not None:
        counts = ops.any(way.mask, axis=1, keepdims=True)
    else:
        counts = ops.greater(ops.reshape(way.lengths, (-1, 1)), 0)
    return ops.where(_beside(counts, h), h, ops.zeros_like(h))


def _beside(counts: Tensor, state: Tensor) -> Tensor:
    """(N, 1) with as many axes as a state has."""
    return counts if state.ndim == 2 else ops.reshape(counts, (-1, *(1,) * (state.ndim - 1)))


def _through_stack(stack: StackedRNNCells, x: Tensor, states: Any, way: Pass) -> Result:
    """One cell after the other over the whole sequence, which is the same as all cells at every step."""
    inner = replace(way, sequences=True, in_time_order=True)
    after = []
    sequence: Tensor | None = x
    for i, cell in enumerate(stack.cells):
        assert sequence is not None
        last_way = way if i == len(stack.cells) - 1 else inner
        sequence, last, end = run(cell, sequence, None if states is None else states[i], last_way)
        after.append(end)
    return sequence, last, after


def _own(cell: Cell, x: Tensor, states: Any, way: Pass) -> Result:
    """A cell of the library that the kernels do not compute."""
    first = cell.get_initial_state(x.shape[0]) if states is None else states
    noise: Tensor | None = None
    if way.training and cell.recurrent_dropout:  # one mask for all steps
        ones = ops.ones(first[0].shape, dtype=cell.dtype)
        noise = ops.dropout(cell._repeated(ones), cell.recurrent_dropout, cell.seed_generator)

    def step(x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        h = states[0] if noise is None else ops.multiply(cell._repeated(states[0]), noise)
        after = cell._step(x, states, h)
        return after[0], after

    return _stepwise(step, x, first, way.mask, way.lengths, way, first[0].shape[1:])


def _foreign(cell: Any, x: Tensor, states: Any, way: Pass) -> Result:
    """A cell of the user's own: called for every step with the states as a list."""

    def step(x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        y, after = called(cell, x, states)
        if len(after) != len(states):
            raise ValueError(f"{cell._label()} returned {len(after)} states, but its state_size says {len(states)}")
        return y, after

    states = first_states(cell, x.shape[0]) if states is None else states
    return _stepwise(step, x, states, way.mask, way.lengths, way, (output_size(cell),))


def _stepwise(
    step: Callable[[Tensor, list[Tensor]], tuple[Tensor, list[Tensor]]],
    x: Tensor,
    states: list[Tensor],
    mask: Tensor | None,
    lengths: Tensor | None,
    way: Pass,
    shape: tuple[int, ...],
) -> Result:
    """Step by step in Python; ``shape``: that of an output of one sequence; mask, lengths: those of ``way``."""
    n, steps = x.shape[:2]
    kept = _kept(way, n, steps)
    ragged = way.lengths is not None
    zero = last = y = ops.zeros((n, *shape), dtype=x.dtype)
    outputs = []
    for t in reversed(range(steps)) if way.backwards else range(steps):
        out, after = step(ops.getitem(x, (slice(None), t)), states)
        if kept is None:
            states, y = after, out
        else:
            now = ops.getitem(kept, (slice(None), slice(t, t + 1)))
            states = [ops.where(_beside(now, a), a, b) for a, b in zip(after, states, strict=True)]
            now = _beside(now, out)
            last = ops.where(now, out, last)
            y = ops.where(now, out, zero) if ragged or way.zero_output else last
        if way.sequences:
            outputs.append(y)
    last = y if kept is None or not ragged else last
    if not way.sequences:
        return None, last, states
    if not outputs:
        return ops.zeros((n, 0, *shape), dtype=x.dtype), last, states
    if way.backwards and (way.in_time_order or ragged):
        outputs.reverse()
    sequence = ops.stack(outputs, axis=1)
    if way.backwards and ragged and not way.in_time_order:
        sequence = _each_backwards(sequence, kept, way.lengths)
    return sequence, last, states


_stepwise = routed(_stepwise, "recurrence")  # an export makes one node of it


def _each_backwards(sequence: Tensor, kept: Any, lengths: Any) -> Tensor:
    """(N, T, ...) with the steps that count, the first of each sequence, in the opposite order."""
    n, steps, *shape = sequence.shape
    place = np.broadcast_to(np.arange(steps), (n, steps)).copy()
    mirrored = ops.subtract(ops.reshape(ops.cast(lengths, "int64"), (n, 1)), place + 1)
    rows = ops.add(ops.where(kept, mirrored, place), np.arange(n)[:, None] * steps)
    return ops.take(ops.reshape(sequence, (n * steps, *shape)), rows, axis=0)


def _kept(way: Pass, batch: int, steps: int) -> Tensor | None:
    """Which steps count, (N, T), or None for all."""
    if way.lengths is None:
        return way.mask
    return mask_of_lengths(way.lengths, batch, steps)


# ---- arguments ----


def as_lengths(lengths: Any, batch: int, steps: int) -> Tensor | None:
    """Lengths as int32 or int64 (N,); those types are checked where they are used, in every run of a plan."""
    if lengths is None:
        return None
    lengths = as_tensor(lengths if isinstance(lengths, Tensor) else np.asarray(lengths))
    if lengths.dtype in (np.int32, np.int64) and lengths.shape == (batch,):
        return lengths
    check_lengths(lengths, batch, steps)
    return ops.cast(lengths, "int64")


def check_sequence(shape: Shape) -> None:
    """ValueError unless an input has the three axes of a batch of sequences."""
    if len(shape) != 3:
        raise ValueError(f"x is {tuple(shape)}, expected sequences, (batch, time, features)")
