"""Operations that NumPy computes, as steps of the tape.

For what is neither hot nor worth a kernel.  A captured step cannot repeat such an operation: it stays eager, and the
warning names the operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, unchecked_record_many
from ..core.autograd import unchecked_record as record
from ..core.recording import forbid_capture

Gradient = Callable[[Array], Array]  # dy -> dx


def in_numpy(op: str) -> None:
    """Note that an operation is computed by NumPy, which a captured step cannot repeat."""
    forbid_capture(f"{op} is computed by NumPy")


def _write(dx: Array, gradient: Array, accumulate: bool) -> None:
    _native.copy_into(np.ascontiguousarray(gradient, dtype=dx.dtype), dx, accumulate)


def by_numpy(op: str, inputs: Sequence[Tensor], value: Array, gradients: Sequence[Gradient]) -> Tensor:
    """A result of NumPy's in the first input's type.  gradients: of each input, asked for where it is wanted."""
    in_numpy(op)

    def backward(dy: Array, grads: Gradients) -> None:
        for i, dx in enumerate(grads):
            if dx is not None:
                _write(dx, gradients[i](dy), bool(grads.accumulate >> i & 1))

    y = np.ascontiguousarray(value, inputs[0].dtype).reshape(np.shape(value))  # NumPy gives a number one axis
    return record(y, tuple(inputs), backward)


def several_by_numpy(
    op: str, inputs: Sequence[Tensor], values: Sequence[Array], gradient: Callable[..., Any]
) -> list[Tensor]:
    """Several results of NumPy's in the first input's type.

    gradient: ``gradient(*dys)``, where None stands for a result that nothing depends on; a gradient an input.
    """
    in_numpy(op)
    results = [np.ascontiguousarray(v, inputs[0].dtype).reshape(np.shape(v)) for v in values]

    def backward(dys: Sequence[Array | None], grads: Gradients) -> None:
        given = gradient(*dys)
        for i, (dx, g) in enumerate(zip(grads, (given,) if isinstance(given, np.ndarray) else given, strict=True)):
            if dx is not None:
                _write(dx, g, bool(grads.accumulate >> i & 1))

    return unchecked_record_many(results, tuple(inputs), backward)
