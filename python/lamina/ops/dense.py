"""Dense layers and matrix products."""

from __future__ import annotations

from .. import _native
from ..autograd import Array, Gradients, Tensor, record
from ._common import TensorLike, as_tensor, float_pair


def dense(x: TensorLike, w: TensorLike, b: TensorLike | None = None, activation: str = "linear") -> Tensor:
    """``activation(x @ w + b)`` in one pass.

    x (..., in), w (in, out), b (out,) or None; returns (..., out).  ``activation`` is one of linear, relu, tanh,
    sigmoid: those whose gradient follows from the output, which is all that is kept.
    """
    x, w = as_tensor(x), as_tensor(w)
    xa, wa = x._array, w._array
    if b is None:
        y = _native.dense_forward(xa, wa, None, activation)

        def backward(dy: Array, grads: Gradients) -> None:
            _native.dense_backward(xa, wa, y, dy, activation, grads[0], grads[1], None, grads.accumulate)

        return record(y, (x, w), backward)
    b = as_tensor(b)
    y = _native.dense_forward(xa, wa, b._array, activation)

    def backward_bias(dy: Array, grads: Gradients) -> None:
        _native.dense_backward(xa, wa, y, dy, activation, grads[0], grads[1], grads[2], grads.accumulate)

    return record(y, (x, w, b), backward_bias)


def matmul(a: TensorLike, b: TensorLike) -> Tensor:
    """Matrix product by NumPy's rules: the last two axes, the others broadcast; a vector stands for a row or column."""
    a, b = float_pair(a, b)
    aa, ba = a._array, b._array
    y = _native.matmul_forward(aa, ba)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.matmul_backward(aa, ba, dy, grads[0], grads[1], grads.accumulate)

    return record(y, (a, b), backward)


__all__ = [
    "dense",
    "matmul",
]
