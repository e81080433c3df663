"""Dense layers and matrix products."""

from __future__ import annotations

import math

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wrap
from ..core.autograd import unchecked_record as record
from ..core.grad_mode import grad_mode
from .conversion import TensorLike, as_tensor, common_integer, float_pair, sum_dtype
from .expansion import broadcast_to
from .fused_activation import in_backward
from .reshape import reshape


def dense(
    x: TensorLike,
    w: TensorLike,
    b: TensorLike | None = None,
    activation: str = "linear",
    bfloat16: bool = False,
) -> Tensor:
    """``activation(x @ w + b)`` in one pass.

    Args:
        x: (..., in).
        w: (in, out).
        b: (out,), or None.
        bfloat16: whether x and w, and in the gradients dy, are rounded to bfloat16 where the processor multiplies such;
            sums are float32.

    Returns: a tensor (..., out).

    Raises:
        ValueError: shapes do not fit; the activation is another one.
        TypeError: x, w and b differ in type.

    Source: Lamina; the layer Dense as a function.

    Example:
        >>> x, w = np.ones((2, 3), "float32"), np.ones((3, 4), "float32")
        >>> ops.dense(x, w, np.zeros(4, "float32"), activation="relu")
        Tensor([[3., 3., 3., 3.],
                [3., 3., 3., 3.]], shape=(2, 4), dtype=float32)
    """
    x, w = as_tensor(x), as_tensor(w)
    xa, wa = x._array, w._array
    if b is None:
        y = _native.dense_forward(xa, wa, None, activation, bfloat16)

        def backward(dy: Array, grads: Gradients) -> None:
            kind = in_backward(activation)
            _native.dense_backward(xa, wa, y, dy, kind, grads[0], grads[1], None, grads.accumulate, bfloat16)

        return record(y, (x, w), backward)
    b = as_tensor(b)
    y = _native.dense_forward(xa, wa, b._array, activation, bfloat16)

    def backward_bias(dy: Array, grads: Gradients) -> None:
        kind = in_backward(activation)
        _native.dense_backward(xa, wa, y, dy, kind, grads[0], grads[1], grads[2], grads.accumulate, bfloat16)

    return record(y, (x, w, b), backward_bias)


def matmul(x1: TensorLike, x2: TensorLike, *, bfloat16: bool = False) -> Tensor:
    """Matrix product by NumPy's rules: the last two axes, the others broadcast; a vector stands for a row or column.

    Integers are multiplied as float64, exact up to 2^53, and give integers.

    Args:
        x1: (..., n, k), or a vector.
        x2: (..., k, m), or a vector.
        bfloat16: whether float32 operands, and in the gradients dy, are rounded to bfloat16 where the processor
            multiplies such; sums are float32.

    Raises:
        ValueError: shapes do not fit, or one is a number.

    Example:
        >>> ops.matmul([[1.0, 2.0]], [[3.0], [4.0]])
        Tensor([[11.]], shape=(1, 1), dtype=float32)
    """
    if _is_integer(x1) and _is_integer(x2):
        return _of_integers(as_tensor(x1), as_tensor(x2))
    return _product(*float_pair(x1, x2), bfloat16)


def _product(a: Tensor, b: Tensor, bfloat16: bool = False) -> Tensor:
    """The product of two tensors of one type: float32, float64, or (without gradients) int64 or uint64, which wrap."""
    aa, ba = a._array, b._array
    if aa.ndim < 2 or ba.ndim < 2:
        return _with_vectors(a, b, bfloat16)
    several = aa.ndim > 2 and ba.ndim > 2  # > is free: one matrix for all would be repeated first
    if several and aa.shape[:-2] != ba.shape[:-2]:
        return _broadcast_matrices(a, b, bfloat16)
    y = _native.matmul_forward(aa, ba, bfloat16)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.matmul_backward(aa, ba, dy, grads[0], grads[1], grads.accumulate, bfloat16)

    return record(y, (a, b), backward)


def _of_integers(x1: Tensor, x2: Tensor) -> Tensor:
    a, b = x1._array, x2._array
    kind = sum_dtype(common_integer("matmul", a.dtype, b.dtype))
    wide = np.uint64 if kind.kind == "u" else np.int64
    exact = max(a.dtype.itemsize, b.dtype.itemsize) < 4  # at most 16 bits: 2^20 products are below 2^53
    if not exact and grad_mode.recording is None:  # no replay could know
        lengths = (_native.reduction_forward(_native.cast_forward(v, np.float64), "norm") for v in (a, b))
        # No partial sum is larger: Cauchy and Schwarz.
        exact = math.prod(map(float, lengths)) < 2.0**52  # < and 52 are free: up to 2^53 all integers are exact
    through = np.float64 if exact else wide
    y = as_tensor(_product(as_tensor(x1, through), as_tensor(x2, through)), wide)
    return y if kind == wide else wrap(_native.cast_forward(y._array, kind, "matmul"))


def _is_integer(x: TensorLike) -> bool:
    return isinstance(x, (Tensor, np.ndarray)) and x.dtype.kind in "iub"


def _with_vectors(a: Tensor, b: Tensor, bfloat16: bool) -> Tensor:
    """The product where a is one row or b one column."""
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError(f"matmul: a is {a.shape}, b is {b.shape}; both need an axis, multiply() takes numbers")
    left = reshape(a, (1, a.size)) if a.ndim == 1 else a
    right = reshape(b, (b.size, 1)) if b.ndim == 1 else b
    if left.shape[-1] != right.shape[-2]:
        raise ValueError(
            f"matmul: a is {a.shape}, b is {b.shape}; a's last axis ({a.shape[-1]}) must equal b's "
            f"{'second last' if b.ndim > 1 else 'only one'} ({right.shape[-2]})"
        )
    y = _product(left, right, bfloat16)
    return reshape(y, (*y.shape[:-2], *a.shape[-2:-1], *(b.shape[-1:] if b.ndim > 1 else ())))


def _broadcast_matrices(a: Tensor, b: Tensor, bfloat16: bool) -> Tensor:
    try:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ValueError(
            f"matmul: a is {a.shape}, b is {b.shape}; all axes but the last two must be equal or 1"
        ) from None
    shapes = (*batch, *a.shape[-2:]), (*batch, *b.shape[-2:])
    return _product(broadcast_to(a, shapes[0]), broadcast_to(b, shapes[1]), bfloat16)


__all__ = ["dense", "matmul"]
