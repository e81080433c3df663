"""Sums, means, extremes and the like over any axes; ``axis=None`` reduces them all.

Integers are reduced exactly.  Sums and products have Keras's types (of 8 and 16 bits int32 or uint32, else their own);
one that its type cannot hold is a ValueError.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wrap
from ..core.autograd import unchecked_record as record
from ..core.grad_mode import grad_mode
from .comparison import equal, not_equal, where
from .conversion import (
    TensorLike,
    _axis,
    as_tensor,
    concatenate,
    float_tensor,
    floatx,
    place_dtype,
    shape_of,
    sum_dtype,
)
from .elementwise import abs, divide, maximum, minimum, multiply, power, subtract
from .over_replicas import over_replicas
from .reshape import reshape

Axis = int | tuple[int, ...] | list[int] | None


def _reduce(op: str, x: TensorLike, axis: Axis, keepdims: bool) -> Tensor:
    x = float_tensor(x)
    xa = x._array
    y = _native.reduction_forward(xa, op, axis, keepdims)
    if not x.requires_grad:
        return wrap(y)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.reduction_backward(xa, y, dy, op, axis, grads[0], grads.accumulate)

    return record(y, (x,), backward)


def _reduce_integers(op: str, x: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    """In 64 bits, then in the type of the result."""
    kind = x._array.dtype
    y = _native.reduction_forward(x._array, op, axis, keepdims)
    return wrap(_native.cast_forward(y, kind) if op in ("max", "min") else _native.cast_forward(y, sum_dtype(kind), op))


def _of_integers(reduction: Callable[..., Tensor], x: Tensor, axis: Axis, keepdims: bool) -> Tensor:
    """Integers reduced as float64, to ``config.floatx()``."""
    return as_tensor(reduction(as_tensor(x, np.float64), axis, keepdims), floatx())


def sum(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The sum; long float32 sums are as exact as pairwise summation.

    Example:
        >>> ops.sum([[1.0, 2.0], [3.0, 4.0]], axis=1)
        Tensor([3., 7.], shape=(2,), dtype=float32)
    """
    x = as_tensor(x)
    if x._array.dtype.kind != "f":
        return _reduce_integers("sum", x, axis, keepdims)
    return _reduce("sum", x, axis, keepdims)


def mean(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The arithmetic mean; of integers ``config.floatx()``.

    Example:
        >>> ops.mean([[1.0, 5.0], [3.0, 2.0]], axis=0)
        Tensor([2. , 3.5], shape=(2,), dtype=float32)
    """
    x = as_tensor(x)
    kind = x._array.dtype
    if kind.kind == "f":
        return _reduce("mean", x, axis, keepdims)
    if kind.itemsize == 8:
        return _of_integers(mean, x, axis, keepdims)
    total = wrap(_native.reduction_forward(x._array, "sum", axis, keepdims))  # whose 64 bits hold it
    return as_tensor(divide(as_tensor(total, np.float64), x.size / builtins.max(total.size, 1)), floatx())


def max(x: TensorLike, axis: Axis = None, keepdims: bool = False, initial: float | None = None) -> Tensor:
    """The largest element, NaN if there is one; equal largest ones share the gradient equally.

    Args:
        initial: the least value of the result; None needs one element or more.

    Example:
        >>> ops.amax([[1.0, 5.0], [3.0, 2.0]], axis=0)
        Tensor([3., 5.], shape=(2,), dtype=float32)
    """
    return _extreme("max", x, axis, keepdims, initial)


def min(x: TensorLike, axis: Axis = None, keepdims: bool = False, initial: float | None = None) -> Tensor:
    """The smallest element, NaN if there is one; equal smallest ones share the gradient equally.

    Args:
        initial: the largest value of the result; None needs one element or more.

    Example:
        >>> ops.amin([[1.0, 5.0], [3.0, 2.0]], axis=0)
        Tensor([1., 2.], shape=(2,), dtype=float32)
    """
    return _extreme("min", x, axis, keepdims, initial)


amax, amin = max, min


def _extreme(op: str, x: TensorLike, axis: Axis, keepdims: bool, initial: float | None) -> Tensor:
    x = as_tensor(x)
    dtype = x._array.dtype
    integers = dtype.kind != "f"
    y = _reduce_integers(op, x, axis, keepdims) if integers else _reduce(op, x, axis, keepdims)
    if initial is None:
        return y
    return maximum(y, initial) if op == "max" else minimum(y, initial)


def prod(x: TensorLike, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    """The product; its gradient is right where elements are zero, too.

    Args:
        dtype: type that x is converted to before; None keeps it.

    Example:
        >>> ops.prod([2.0, 3.0])
        Tensor(6., shape=(), dtype=float32)
    """
    x = as_tensor(x, dtype)
    if x._array.dtype.kind != "f":
        return _reduce_integers("prod", x, axis, keepdims)
    return _reduce("prod", x, axis, keepdims)


def var(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The variance, mean of (x - mean)^2; of integers ``config.floatx()``.

    Example:
        >>> ops.var([1.0, 3.0])
        Tensor(1., shape=(), dtype=float32)
    """
    x = as_tensor(x)
    if x._array.dtype.kind != "f":
        return _of_integers(var, x, axis, keepdims)
    xa = x._array
    y, average = _native.reduction_forward(xa, "var", axis, keepdims)
    if not x.requires_grad:
        return wrap(y)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.reduction_backward(xa, average, dy, "var", axis, grads[0], grads.accumulate)

    return record(y, (x,), backward)


def std(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The standard deviation, sqrt(var(x)); its gradient is 0 where all elements are equal, as in PyTorch.

    Example:
        >>> ops.std([1.0, 3.0])
        Tensor(1., shape=(), dtype=float32)
    """
    x = as_tensor(x)
    if x._array.dtype.kind != "f":
        return _of_integers(std, x, axis, keepdims)
    xa = x._array
    variance, average = _native.reduction_forward(xa, "var", axis, keepdims)
    y = _native.unary_forward(variance, "sqrt")
    if not x.requires_grad:
        return wrap(y)

    def backward(dy: Array, grads: Gradients) -> None:
        scale = where(_native.compare_forward(y, 0.0, "equal"), 0.0, divide(wrap(dy), multiply(wrap(y), 2.0)))
        _native.reduction_backward(xa, average, scale._array, "var", axis, grads[0], grads.accumulate)

    return record(y, (x,), backward)


def ptp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The largest element minus the smallest.

    Example:
        >>> ops.ptp([1.0, 5.0, 3.0])
        Tensor(4., shape=(), dtype=float32)
    """
    x = as_tensor(x)
    return subtract(max(x, axis, keepdims), min(x, axis, keepdims))


def moments(x: TensorLike, axes: Axis, keepdims: bool = False, synchronized: bool = False) -> tuple[Tensor, Tensor]:
    """Mean and variance.

    Args:
        axes: the axis or the axes; None takes all elements.
        synchronized: whether they are those of the whole batch where ``lamina.distribution`` divides it.

    Raises:
        ValueError: an axis is out of range.

    Example:
        >>> mean, variance = ops.moments([1.0, 3.0], axes=0)
        >>> float(mean), float(variance)
        (2.0, 1.0)
    """
    if not synchronized or grad_mode.replica is None:
        return mean(x, axes, keepdims), var(x, axes, keepdims)
    x = float_tensor(x)
    count = over_replicas(sum(as_tensor(np.ones(x.shape, x.dtype)), axes, True))
    center = divide(over_replicas(sum(x, axes, True)), count)
    variance = divide(over_replicas(sum(power(subtract(x, center), 2), axes, True)), count)
    if keepdims:
        return center, variance
    shape = mean(x, axes).shape
    return reshape(center, shape), reshape(variance, shape)


def logsumexp(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) without overflow; -inf where all are.

    Example:
        >>> ops.logsumexp([0.0, 0.0])
        Tensor(0.6931, shape=(), dtype=float32)
    """
    return _reduce("logsumexp", x, axis, keepdims)


def vector_norm(x: TensorLike, ord: float = 2, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The norm of vectors of any order: a root of a sum of powers, an extreme, a count; the gradient is 0 at 0."""
    if ord == 2:
        return _reduce("norm", x, axis, keepdims)
    x = float_tensor(x)
    if ord == np.inf:
        return max(abs(x), axis, keepdims)
    if ord == -np.inf:
        return min(abs(x), axis, keepdims)
    if ord == 0:
        return sum(as_tensor(not_equal(x, 0), x.dtype), axis, keepdims)
    if ord == 1:
        return sum(abs(x), axis, keepdims)
    total = sum(power(abs(x), float(ord)), axis, keepdims)
    zero = equal(total, 0)  # whose root has no slope
    return where(zero, 0.0, power(where(zero, 1.0, total), 1.0 / ord))


def _arg(largest: bool, x: TensorLike, axis: int | None, keepdims: bool) -> Tensor:
    x = as_tensor(x)
    xa = x._array
    if axis is None:
        flat = wrap(_native.arg_extreme_forward(xa.ravel(), 0, largest))
        return reshape(flat, (1,) * xa.ndim) if keepdims else flat
    return wrap(_native.arg_extreme_forward(xa, axis, largest, keepdims))


def argmax(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Place of the largest element, int32 (int64 of more than 2^31 elements); the first of equals, or of NaN.

    Args:
        axis: the axis; None counts all elements in C order.

    Example:
        >>> ops.argmax([[1.0, 5.0], [3.0, 2.0]], axis=1)
        Tensor([1, 0], shape=(2,), dtype=int32)
    """
    return _arg(True, x, axis, keepdims)


def argmin(x: TensorLike, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Place of the smallest element, int32 (int64 of more than 2^31 elements); the first of equals, or of NaN.

    Args:
        axis: the axis; None counts all elements in C order.

    Example:
        >>> ops.argmin([[1.0, 5.0], [3.0, 2.0]], axis=1)
        Tensor([0, 1], shape=(2,), dtype=int32)
    """
    return _arg(False, x, axis, keepdims)


def _truth(op: str, of_none: str, x: TensorLike, axis: Axis, keepdims: bool) -> Tensor:
    x = as_tensor(x)
    true = x if x._array.dtype.kind == "b" else not_equal(x, 0)
    op = op if true.size else of_none  # which has a value where there is no element
    return not_equal(wrap(_native.reduction_forward(true._array, op, axis, keepdims)), 0)


def any(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether any element is true (not zero).

    Example:
        >>> ops.any([[False, False], [True, False]], axis=1)
        Tensor([False,  True], shape=(2,), dtype=bool)
    """
    return _truth("max", "sum", x, axis, keepdims)


def all(x: TensorLike, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether all elements are true (not zero).

    Example:
        >>> ops.all([[True, False], [True, True]], axis=1)
        Tensor([False,  True], shape=(2,), dtype=bool)
    """
    return _truth("min", "prod", x, axis, keepdims)


def count_nonzero(x: TensorLike, axis: Axis = None) -> Tensor:
    """How many elements are not zero, int32 (int64 of more than 2^31 elements).

    Example:
        >>> ops.count_nonzero([0, 1, 2])
        Tensor(2, shape=(), dtype=int32)
    """
    true = not_equal(as_tensor(x), 0)._array
    return wrap(_native.cast_forward(_native.reduction_forward(true, "sum", axis), place_dtype(true.size)))


def _cumulated(op: str, x: TensorLike, axis: int | None, dtype: Any) -> tuple[Tensor, int]:
    """x in a type that is added up, and which axis."""
    x = as_tensor(x, dtype)
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    if x._array.dtype.kind == "b":
        x = as_tensor(x, np.int32)
    return x, _axis(axis, x.ndim, op, x.shape)


def cumsum(x: TensorLike, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Cumulative sum along an axis.  Floats are added up in float64.

    Args:
        axis: the axis; None takes all elements in C order.
        dtype: type that x is converted to before; None keeps it.

    Raises:
        ValueError: the axis is out of range; an integer sum does not fit into the type.

    Example:
        >>> ops.cumsum([1.0, 2.0, 3.0])
        Tensor([1., 3., 6.], shape=(3,), dtype=float32)
    """
    x, along = _cumulated("cumsum", x, axis, dtype)
    y = _native.cumsum_forward(x._array, along)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.cumsum_backward(dy, along, grads[0], grads.accumulate)

    return record(y, (x,), backward)


def cumprod(x: TensorLike, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Cumulative product along an axis; its gradient is right where elements are zero, too.

    Args:
        axis: the axis; None takes all elements in C order.
        dtype: type that x is converted to before; None keeps it.

    Example:
        >>> ops.cumprod([1.0, 2.0, 3.0])
        Tensor([1., 2., 6.], shape=(3,), dtype=float32)
    """
    x, along = _cumulated("cumprod", x, axis, dtype)
    kind = x._array.dtype
    if kind.kind != "f":
        x = as_tensor(x, np.uint64 if kind.kind == "u" else np.int64)
    lead = (slice(None),) * along
    n = 1
    while n < x._array.shape[along]:  # products of n elements become products of 2 n: Hillis and Steele 1986
        first, later, earlier = (x[lead + (part,)] for part in (slice(n), slice(n, None), slice(-n)))
        x = concatenate([first, multiply(later, earlier)], along)
        n *= 2
    return x if x._array.dtype == kind else wrap(_native.cast_forward(x._array, kind, "cumprod"))


def average(x: TensorLike, axis: Axis = None, weights: TensorLike | None = None) -> Tensor:
    """The mean, weighted where weights are given.

    Args:
        weights: weights of x's shape, or one for each part of x along the axis.

    Raises:
        ValueError: the weights have another shape; an axis is out of range.

    Example:
        >>> ops.average([1.0, 2.0, 3.0], weights=[3, 0, 1])
        Tensor(1.5, shape=(), dtype=float32)
    """
    if weights is None:
        return mean(x, axis)
    x, w = as_tensor(x), as_tensor(weights)
    if w.shape != x.shape:
        if w.ndim != 1 or not isinstance(axis, (int, np.integer)) or w.shape[0] != x.shape[axis]:
            raise ValueError(
                f"average: weights are {w.shape}, x is {x.shape}; expected as many as x, or as axis={axis}"
            )
        place = _axis(axis, x.ndim, "average", x.shape)
        return divide(sum(multiply(x, reshape(w, (-1,) + (1,) * (x.ndim - 1 - place))), axis), sum(w))
    return divide(sum(multiply(x, w), axis), sum(w, axis))


def size(x: TensorLike) -> int | None:
    """How many elements x has; None for a symbolic tensor with free sizes.

    Example:
        >>> ops.size(np.ones((2, 3)))
        6
    """
    sizes = shape_of(x)
    return None if None in sizes else math.prod(sizes)


__all__ = [
    "all", "amax", "amin", "any", "argmax", "argmin", "average", "count_nonzero", "cumprod", "cumsum", "logsumexp",
    "max", "mean", "min", "moments", "prod", "ptp", "size", "std", "sum", "var",
]  # fmt: skip
