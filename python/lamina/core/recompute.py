"""Activations computed again instead of kept: a function on the tape as one operation that keeps its inputs alone.

Backward calls the function once more, on the same values and the same states of variables and random generators, and
goes back over what that call put on the tape.  Every operation is the same as without, in the same order: so are all
bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .. import _native
from .autograd import (
    Array,
    Gradients,
    Tensor,
    enable_grad,
    unchecked_record,
    unchecked_record_many,
    wrap,
)
from .backward import backward
from .grad_mode import grad_mode
from .masked_tensor import MaskedTensor, attach
from .nodes import Node
from .tree import leaves, map_structure

States = Sequence[Array]  # what the function reads and changes: variables and random generators, where they stand


def recomputed(function: Callable[..., Any], args: Any, kwargs: Any, states: States, again: Callable[..., Any]) -> Any:
    """``function(*args, **kwargs)`` as one operation of the tape.

    again: what backward calls in its place, for whatever has to be as it was.
    """
    given = {id(t): t for t in leaves((args, kwargs)) if isinstance(t, Tensor) and t.requires_grad}
    if not grad_mode.enabled:
        return function(*args, **kwargs)
    before = {id(state): (state, _copy(state)) for state in states}
    inside = _leaves_for(given)
    outer = grad_mode.assigning

    def assigning(array: Array) -> None:  # a weight that the function itself changes
        if id(array) not in before:
            before[id(array)] = array, _copy(array)
        if outer is not None:
            outer(array)

    grad_mode.assigning = assigning
    try:
        outputs = function(*_put(args, inside), **_put(kwargs, inside))
    finally:
        grad_mode.assigning = outer
    wanted = {id(t): t for t in leaves(outputs) if isinstance(t, Tensor) and t.requires_grad}
    if not wanted:
        return outputs
    order = list(wanted)
    inputs = list(given.values()) or [_anchor()]

    def run_again(dys: list[Array | None], grads: Gradients) -> None:
        now = [(state, _copy(state)) for state, _ in before.values()]
        _put_back(before.values())
        inside = _leaves_for(given)
        for i, leaf in enumerate(inside.values()):
            leaf._grad, leaf._grad_is_set = grads[i], bool(grads.accumulate >> i & 1)
        with enable_grad():
            results = again(*_put(args, inside), **_put(kwargs, inside))
        _put_back(now)
        found = list({id(t): t for t in leaves(results) if isinstance(t, Tensor) and t.requires_grad}.values())
        if len(found) != len(order):
            raise RuntimeError(
                f"recompute: the function gave {len(order)} results that want gradients, and {len(found)} when it was "
                "called again; it must do the same each time"
            )
        _go_back(found, dys)
        for leaf in inside.values():
            if not leaf._grad_is_set and leaf._grad is not None:  # nothing depends on it
                _native.copy_into(_native.full(leaf.shape, 0.0, leaf.dtype), leaf._grad)

    arrays = [t._array for t in wanted.values()]
    if len(arrays) == 1:
        taped = [unchecked_record(arrays[0], inputs, lambda dy, grads: run_again([dy], grads))]
    else:
        taped = unchecked_record_many(arrays, inputs, run_again)
    new = dict(zip(order, taped, strict=True))
    return map_structure(lambda t: _masked_as(t, new[id(t)]) if id(t) in new else t, outputs)


def _go_back(results: list[Tensor], dys: list[Array | None]) -> None:
    if len(results) == 1:
        backward(results[0], dys[0], False)
        return
    some = [(t, dy) for t, dy in zip(results, dys, strict=True) if dy is not None]
    # Copies: gradients of results that are inputs, too, are added to, and these may be somebody else's.
    copies = tuple(_native.copy(dy) for _, dy in some)
    root = wrap(np.zeros((), np.float32))
    root.requires_grad = True
    root._node = Node([t for t, _ in some], lambda _: copies, True)
    backward(root, None, False)


def _put_back(values: Iterable[tuple[Array, Array]]) -> None:
    for state, value in values:
        _native.strided_copy(value, state)


def _copy(state: Array) -> Array:
    to = _native.empty(state.shape, state.dtype)
    _native.strided_copy(state, to)
    return to


def _anchor() -> Tensor:
    """An input that wants a gradient, where the function's weights alone do."""
    leaf = wrap(np.empty(0, np.float32))
    leaf.requires_grad = True
    return leaf


def _leaves_for(given: dict[int, Tensor]) -> dict[int, Tensor]:
    """For each tensor a leaf of the same values, that the tape ends at."""
    inside = {}
    for key, t in given.items():
        leaf = wrap(t._array)
        leaf.requires_grad = True
        inside[key] = leaf
    return inside


def _put(tree: Any, inside: dict[int, Tensor]) -> Any:
    return map_structure(lambda t: _masked_as(t, inside[id(t)]) if id(t) in inside else t, tree)


def _masked_as(t: Any, new: Tensor) -> Tensor:
    return attach(new, t.mask) if isinstance(t, MaskedTensor) else new
