"""Checks of what the backward function of an operation of one's own does; see record in autograd.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _native
from .grad_mode import grad_mode

# Bits of a NaN that no computation gives: what stands in a destination until it is written.
_UNWRITTEN = {4: (np.uint32, 0x7FC5A3D1), 8: (np.uint64, 0x7FF8C5A3D15A3C17)}


def _name(backward: Any) -> str:
    """The operation that defines ``backward`` inside of itself, or its own name."""
    name = getattr(backward, "__qualname__", type(backward).__name__)
    return name.removesuffix(f".<locals>.{getattr(backward, '__name__', '')}")


def check_inputs(backward: Any, inputs: Any, tensor: type) -> None:
    """TypeError unless backward can be called and all inputs are tensors."""
    if not callable(backward):
        raise TypeError(f"record: backward must be a function (dy, grads), got {backward!r}")
    if isinstance(inputs, tensor) or not all(isinstance(x, tensor) for x in inputs):
        raise TypeError(f"record: the inputs of {_name(backward)} must be a tuple of Tensors, got {inputs!r}")


def written(backward: Callable[..., Any]) -> Callable[[Any, Any], None]:
    """backward, which must write into all of ``grads`` that are there; what it gets is added up behind it."""

    def checked(dy: Any, grads: Any) -> None:
        recording = grad_mode.recording
        computes = recording is None or recording.computes
        own = type(grads)(len(grads))
        for i, g in enumerate(grads):
            if g is not None:
                own[i] = _native.empty(g.shape, g.dtype)
                bits, unwritten = _UNWRITTEN[g.dtype.itemsize]
                if computes:
                    own[i].view(bits).fill(unwritten)
        given = list(own)
        result = backward(dy, own)
        name = _name(backward)
        if result is not None:
            raise TypeError(
                f"{name}: its backward returned {type(result).__name__}, which goes nowhere; it must write each "
                "gradient into its destination, grads[i][...] = gradient, and return nothing (record_view takes what "
                "is returned)"
            )
        for i, (g, mine) in enumerate(zip(given, own, strict=True)):
            if mine is not g:
                raise TypeError(
                    f"{name}: its backward put another object into grads[{i}], which goes nowhere; write into the "
                    f"array that is there: grads[{i}][...] = gradient"
                )
            if g is None:
                continue
            bits, unwritten = _UNWRITTEN[g.dtype.itemsize]
            missing = int(np.count_nonzero(g.view(bits) == unwritten)) if computes else 0
            if missing:
                raise ValueError(
                    f"{name}: its backward left {missing} of {g.size} elements of grads[{i}], the gradient of input "
                    f"{i}, unwritten; write all of them (grads[{i}][...] = 0 where there is no gradient)"
                )
            _native.copy_into(g, grads[i], bool(grads.accumulate >> i & 1))

    return checked


def returned(backward: Callable[..., Any], inputs: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """backward, which must return a gradient or None for each input."""

    def checked(dy: Any) -> tuple[Any, ...]:
        gradients = backward(dy)
        name = _name(backward)
        if not isinstance(gradients, (tuple, list)) or len(gradients) != len(inputs):
            what = f"{len(gradients)} gradients" if isinstance(gradients, (tuple, list)) else type(gradients).__name__
            raise TypeError(
                f"{name}: its backward returned {what}, expected a tuple of {len(inputs)}: a gradient or None for each "
                "input"
            )
        for i, (g, x) in enumerate(zip(gradients, inputs, strict=True)):
            if g is None:
                continue
            if not isinstance(g, np.ndarray):
                raise TypeError(f"{name}: its backward returned {type(g).__name__} for input {i}, expected an array")
            if g.shape != x.shape or g.dtype != x.dtype:
                raise ValueError(
                    f"{name}: its backward returned {g.dtype} of {g.shape} for input {i}, expected {x.dtype} of "
                    f"{x.shape}"
                )
        return tuple(gradients)

    return checked
