"""Operations that NumPy computes, as steps of the tape.

For what is neither hot nor worth a kernel.  A captured step cannot repeat such an operation: it stays eager, and the
warning names the operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

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

    return record(np.ascontiguousarray(value, inputs[0].dtype), tuple(inputs), backward)


def several_by_numpy(op: str, x: Tensor, values: Sequence[Array], gradient: Callable[..., Array]) -> list[Tensor]:
    """Several results of one input.  gradient: ``gradient(*dys)``, zeros for results that nothing depends on."""
    in_numpy(op)
    results = [np.ascontiguousarray(v, x.dtype).reshape(np.shape(v)) for v in values]

    def backward(dys: Sequence[Array | None], grads: Gradients) -> None:
        dx = grads[0]
        if dx is not None:
            given = [np.zeros_like(r) if dy is None else dy for r, dy in zip(results, dys, strict=True)]
            _write(dx, gradient(*given), bool(grads.accumulate))

    return unchecked_record_many(results, (x,), backward)
