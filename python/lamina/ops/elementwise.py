"""Arithmetic, element by element, with NumPy's broadcasting and Keras's promotion of types.

Two floats take the wider type, integers and booleans beside floats take theirs, Python numbers that of the tensor.
Integers take the type that holds both and wrap where a result is larger, as NumPy's; a number that the tensor's type
cannot hold is an error.  Booleans count as int32.

The gradient at a kink is PyTorch's: 0 at 0 for ``abs``, 1 at the bounds of ``clip``, half for each of two equal
operands of ``maximum`` and ``minimum``.  Numbers too small for a float's full precision (denormals) count as zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wrap
from ..core.autograd import unchecked_record as record
from ..core.autograd import unchecked_record_view as record_view
from .comparison import booleans, greater, less, logical_and, logical_or
from .conversion import TensorLike, as_tensor, cast, float_tensor
from .direct import register
from .fused_activation import in_backward
from .operands import Number, operands, raw


def _scaled(y: Array, x: Tensor, scale: float) -> Tensor:
    """A result whose gradient is a multiple of dy."""

    def backward(dy: Array, grads: Gradients) -> None:
        _native.unbroadcast(dy, grads[0], scale, bool(grads.accumulate))

    return record(y, (x,), backward)


def _binary(op: str, x: Any, y: Any) -> Tensor:
    """A binary operation on operands of one type; its gradients need both."""
    return _of_both(x, y, _native.binary_forward(raw(x), raw(y), op), op)


def _of_both(x: Any, y: Any, z: Array, op: str) -> Tensor:
    xa, ya = raw(x), raw(y)
    if not isinstance(y, Tensor):

        def backward_first(dy: Array, grads: Gradients) -> None:
            _native.binary_backward(xa, ya, dy, op, grads[0], None, grads.accumulate)

        return record(z, (x,), backward_first)
    if not isinstance(x, Tensor):

        def backward_second(dy: Array, grads: Gradients) -> None:
            _native.binary_backward(xa, ya, dy, op, None, grads[0], grads.accumulate << 1)

        return record(z, (y,), backward_second)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.binary_backward(xa, ya, dy, op, grads[0], grads[1], grads.accumulate)

    return record(z, (x, y), backward)


def add(x1: TensorLike, x2: TensorLike, activation: str = "linear") -> Tensor:
    """Sum: ``x1 + x2``.

    Args:
        activation: "linear", or "relu" for ``relu(x1 + x2)`` in the same pass, as in residual blocks.

    Raises:
        ValueError: the shapes do not broadcast; ``activation`` is another one.

    Source: Keras 3, keras.ops.add; ``activation`` is Lamina's.

    Example:
        >>> ops.add([1.0, 2.0], 10.0)
        Tensor([11., 12.], shape=(2,), dtype=float32)
    """
    if activation not in ("linear", "relu"):
        raise ValueError(f"add: activation {activation!r} cannot be fused; expected 'linear' or 'relu'")
    x, y = operands("add", x1, x2)
    z = _native.binary_forward(raw(x), raw(y), "add", activation == "relu")
    return _sum(x, y, z, relu=in_backward(activation) == "relu")


def _sum(x: Any, y: Any, z: Array, op: str = "add", relu: bool = False) -> Tensor:
    inputs = (x,) if not isinstance(y, Tensor) else (y,) if not isinstance(x, Tensor) else (x, y)
    shape = z.shape
    if inputs[0]._array.shape == shape == inputs[-1]._array.shape:
        if not relu:
            return record_view(z, inputs, _to_both if len(inputs) == 2 else _to_one)
        return record_view(z, inputs, lambda dy: (_native.relu_gradient(z, dy),) * len(inputs))

    def backward(dy: Array, grads: Gradients) -> None:
        dz = _native.relu_gradient(z, dy) if relu else dy
        for i, dx in enumerate(grads):
            if dx is not None:
                _native.unbroadcast(dz, dx, 1.0, bool(grads.accumulate >> i & 1))

    return record(z, inputs, backward)


def _to_one(dy: Array) -> tuple[Array]:
    return (dy,)


def _to_both(dy: Array) -> tuple[Array, Array]:
    return dy, dy


def subtract(x1: TensorLike, x2: TensorLike) -> Tensor:
    """``x1 - x2``.

    Example:
        >>> ops.subtract([1.0, 2.0], 3.0)
        Tensor([-2., -1.], shape=(2,), dtype=float32)
    """
    x, y = operands("subtract", x1, x2)
    return _difference(x, y, _native.binary_forward(raw(x), raw(y), "subtract"), "subtract")


def _difference(x: Any, y: Any, z: Array, op: str) -> Tensor:
    if not isinstance(y, Tensor):
        return record_view(z, (x,), _to_one)
    if not isinstance(x, Tensor):
        return _scaled(z, y, -1.0)
    if not y.requires_grad and x._array.shape == z.shape:
        return record_view(z, (x,), _to_one)

    def backward(dy: Array, grads: Gradients) -> None:
        if grads[0] is not None:
            _native.unbroadcast(dy, grads[0], 1.0, bool(grads.accumulate & 1))
        if grads[1] is not None:
            _native.unbroadcast(dy, grads[1], -1.0, bool(grads.accumulate & 2))

    return record(z, (x, y), backward)


def multiply(x1: TensorLike, x2: TensorLike) -> Tensor:
    """``x1 * x2``.

    Example:
        >>> ops.multiply([1.0, 2.0], 3.0)
        Tensor([3., 6.], shape=(2,), dtype=float32)
    """
    x, y = operands("multiply", x1, x2)
    if not isinstance(x, Tensor):
        x, y = y, x
    return _product(x, y, _native.binary_forward(x._array, raw(y), "multiply"), "multiply")


def _product(x: Any, y: Any, z: Array, op: str) -> Tensor:
    if not isinstance(x, Tensor):
        x, y = y, x
    return _of_both(x, y, z, op) if isinstance(y, Tensor) else _scaled(z, x, float(y))


def divide(x1: TensorLike, x2: TensorLike) -> Tensor:
    """``x1 / x2``; integers are divided as floats (``config.floatx()``).

    Example:
        >>> ops.divide([1.0, 2.0], 4.0)
        Tensor([0.25, 0.5 ], shape=(2,), dtype=float32)
    """
    x, y = operands("divide", x1, x2, integers=False)
    return _quotient(x, y, _native.binary_forward(raw(x), raw(y), "divide"), "divide")


def _quotient(x: Any, y: Any, z: Array, op: str) -> Tensor:
    return _scaled(z, x, 1.0 / y) if not isinstance(y, Tensor) and y != 0 else _of_both(x, y, z, op)


true_divide = divide


def power(x1: TensorLike, x2: TensorLike) -> Tensor:
    """``x1 ** x2``.

    Example:
        >>> ops.power([2.0, 3.0], 2.0)
        Tensor([4., 9.], shape=(2,), dtype=float32)
    """
    if isinstance(x2, Number):
        if x2 == 2:
            return square(x1)
        if x2 == 0.5:
            return sqrt(x1)
    return _binary("power", *operands("power", x1, x2))


def maximum(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The larger of both, NaN if one is; where they are equal each gets half of the gradient.

    Example:
        >>> ops.maximum([1.0, 5.0], [3.0, 2.0])
        Tensor([3., 5.], shape=(2,), dtype=float32)
    """
    if booleans(x1, x2):
        return logical_or(x1, x2)
    return _binary("maximum", *operands("maximum", x1, x2))


def minimum(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The smaller of both, NaN if one is; where they are equal each gets half of the gradient.

    Example:
        >>> ops.minimum([1.0, 5.0], [3.0, 2.0])
        Tensor([1., 2.], shape=(2,), dtype=float32)
    """
    if booleans(x1, x2):
        return logical_and(x1, x2)
    return _binary("minimum", *operands("minimum", x1, x2))


def floor_divide(x1: TensorLike, x2: TensorLike) -> Tensor:
    """``x1 // x2``, rounded down; its gradient is zero.

    Example:
        >>> ops.floor_divide([7.0, -7.0], 2.0)
        Tensor([ 3., -4.], shape=(2,), dtype=float32)
    """
    return _binary("floor_divide", *operands("floor_divide", x1, x2))


def mod(x1: TensorLike, x2: TensorLike) -> Tensor:
    """``x1 % x2`` with the sign of x2.

    Example:
        >>> ops.mod([7.0, -7.0], 3.0)
        Tensor([1., 2.], shape=(2,), dtype=float32)
    """
    return _binary("mod", *operands("mod", x1, x2))


remainder = mod

_FROM_RESULT = frozenset(("reciprocal", "sqrt", "rsqrt", "exp"))


def _unary(op: str, x: TensorLike, a: float = 0.0, b: float = 0.0) -> Tensor:
    x = float_tensor(x)
    return _of_one(x, _native.unary_forward(x._array, op, a, b), op, a, b)


def _of_one(x: Tensor, y: Array, op: str, a: float = 0.0, b: float = 0.0) -> Tensor:
    if not x.requires_grad:
        return wrap(y)
    saved = y if op in _FROM_RESULT else x._array

    def backward(dy: Array, grads: Gradients) -> None:
        _native.unary_backward(saved, dy, op, a, b, grads[0], grads.accumulate)

    return record(y, (x,), backward)


def negative(x: TensorLike) -> Tensor:
    """``-x``.

    Example:
        >>> ops.negative([1.0, -2.0])
        Tensor([-1.,  2.], shape=(2,), dtype=float32)
    """
    x = as_tensor(x)
    if x._array.dtype.kind != "f":
        return subtract(0, x)
    return _opposite(x, _native.unary_forward(x._array, "negative"), "negative")


def _opposite(x: Tensor, y: Array, op: str) -> Tensor:
    return _scaled(y, x, -1.0)


def abs(x: TensorLike) -> Tensor:
    """``|x|``; the gradient at 0 is 0.

    Example:
        >>> ops.abs([-1.5, 2.0])
        Tensor([1.5, 2. ], shape=(2,), dtype=float32)
    """
    x = as_tensor(x)
    if x._array.dtype.kind in "ub":
        return x
    return maximum(x, subtract(0, x)) if x._array.dtype.kind == "i" else _unary("abs", x)


absolute = abs


def reciprocal(x: TensorLike) -> Tensor:
    """``1 / x``.

    Example:
        >>> ops.reciprocal([2.0, 4.0])
        Tensor([0.5 , 0.25], shape=(2,), dtype=float32)
    """
    return _unary("reciprocal", x)


def square(x: TensorLike) -> Tensor:
    """``x * x``.

    Example:
        >>> ops.square([2.0, -3.0])
        Tensor([4., 9.], shape=(2,), dtype=float32)
    """
    x = as_tensor(x)
    return multiply(x, x) if x._array.dtype.kind != "f" else _unary("square", x)


def sqrt(x: TensorLike) -> Tensor:
    """The square root; NaN below 0.

    Example:
        >>> ops.sqrt([4.0, 9.0])
        Tensor([2., 3.], shape=(2,), dtype=float32)
    """
    return _unary("sqrt", x)


def rsqrt(x: TensorLike) -> Tensor:
    """``1 / sqrt(x)``.

    Example:
        >>> ops.rsqrt([1.0, 4.0])
        Tensor([1. , 0.5], shape=(2,), dtype=float32)
    """
    return _unary("rsqrt", x)


def sign(x: TensorLike) -> Tensor:
    """-1, 0 or 1; its gradient is zero.

    Example:
        >>> ops.sign([-2.0, 0.0, 3.0])
        Tensor([-1.,  0.,  1.], shape=(3,), dtype=float32)
    """
    x = as_tensor(x)
    if x._array.dtype.kind in "iu":
        return subtract(cast(greater(x, 0), x._array.dtype), cast(less(x, 0), x._array.dtype))
    return _unary("sign", x)


def exp(x: TensorLike) -> Tensor:
    """e to the x.

    Example:
        >>> ops.exp([0.0, 1.0])
        Tensor([1.    , 2.7183], shape=(2,), dtype=float32)
    """
    return _unary("exp", x)


def expm1(x: TensorLike) -> Tensor:
    """``exp(x) - 1``, exact for small x.

    Example:
        >>> ops.expm1([0.0, 1.0])
        Tensor([0.    , 1.7183], shape=(2,), dtype=float32)
    """
    return _unary("expm1", x)


def log(x: TensorLike) -> Tensor:
    """The natural logarithm; -inf at 0, NaN below.

    Example:
        >>> ops.log([1.0, 10.0])
        Tensor([0.    , 2.3026], shape=(2,), dtype=float32)
    """
    return _unary("log", x)


def log1p(x: TensorLike) -> Tensor:
    """``log(1 + x)``, exact for small x.

    Example:
        >>> ops.log1p([0.0, 1.0])
        Tensor([0.    , 0.6931], shape=(2,), dtype=float32)
    """
    return _unary("log1p", x)


def erf(x: TensorLike) -> Tensor:
    """The error function, ``2 / sqrt(pi)`` times the integral of ``exp(-t^2)`` from 0 to x.

    Example:
        >>> ops.erf([0.0, 1.0])
        Tensor([0.    , 0.8427], shape=(2,), dtype=float32)
    """
    return _unary("erf", x)


def sin(x: TensorLike) -> Tensor:
    """The sine of x radians.

    Example:
        >>> ops.sin([0.0, np.pi / 2])
        Tensor([0., 1.], shape=(2,), dtype=float32)
    """
    return _unary("sin", x)


def cos(x: TensorLike) -> Tensor:
    """The cosine of x radians.

    Example:
        >>> ops.cos([0.0, np.pi])
        Tensor([ 1., -1.], shape=(2,), dtype=float32)
    """
    return _unary("cos", x)


def floor(x: TensorLike) -> Tensor:
    """The next integer below; its gradient is zero.

    Example:
        >>> ops.floor([1.7, -1.2])
        Tensor([ 1., -2.], shape=(2,), dtype=float32)
    """
    return _unary("floor", x)


def ceil(x: TensorLike) -> Tensor:
    """The next integer above; its gradient is zero.

    Example:
        >>> ops.ceil([1.2, -1.2])
        Tensor([ 2., -1.], shape=(2,), dtype=float32)
    """
    return _unary("ceil", x)


def round(x: TensorLike, decimals: int = 0) -> Tensor:
    """The nearest number of so many decimals, halves to the even one; its gradient is zero.

    Args:
        decimals: number of decimals; negative ones round to tens, hundreds ...

    Example:
        >>> ops.round([0.5, 1.5, 2.4])
        Tensor([0., 2., 2.], shape=(3,), dtype=float32)
    """
    x = as_tensor(x)
    if decimals >= 0 and x._array.dtype.kind in "iu":
        return x
    if decimals == 0:
        return _unary("round", x)
    return divide(_unary("round", multiply(x, 10.0**decimals)), 10.0**decimals)


def clip(x: TensorLike, x_min: float | None, x_max: float | None) -> Tensor:
    """The elements cut to an interval; the gradient is zero outside.

    Args:
        x_min: the lower end, a number or an array; None sets none.
        x_max: the upper end, a number or an array; None sets none.

    Example:
        >>> ops.clip([-1.0, 0.5, 2.0], 0.0, 1.0)
        Tensor([0. , 0.5, 1. ], shape=(3,), dtype=float32)
    """
    low = -np.inf if x_min is None else x_min
    high = np.inf if x_max is None else x_max
    x = as_tensor(x)
    if x._array.dtype.kind in "iu":  # bounds beyond the type are none
        limits = np.iinfo(x._array.dtype)
        low = max(low, limits.min) if isinstance(low, int) else low
        high = min(high, limits.max) if isinstance(high, int) else high
    if not isinstance(low, Number) or not isinstance(high, Number) or x._array.dtype.kind != "f":
        x = x if x_min is None else maximum(x, low)
        return x if x_max is None else minimum(x, high)
    return _unary("clip", x, float(low), float(high))


def saturate(x: TensorLike, low: float, high: float) -> Tensor:
    """As clip, of floats; the gradient is zero at the bounds, too, as that of PyTorch's hardtanh."""
    return _unary("saturate", x, float(low), float(high))


def stop_gradient(variable: TensorLike) -> Tensor:
    """The same values, cut off from the tape.

    Args:
        variable: a tensor or an array.

    Example:
        >>> ops.stop_gradient(ops.ones(2))
        Tensor([1., 1.], shape=(2,), dtype=float32)
    """
    return as_tensor(variable).detach()


_one: Callable[..., Tensor]
for _one in (abs, ceil, cos, erf, exp, expm1, floor, log, log1p, reciprocal, round, rsqrt, sign, sin, sqrt, square):
    register(_one, _native.unary_forward, _one.__name__, record=_of_one)
register(negative, _native.unary_forward, "negative", record=_opposite)
register(clip, _native.unary_forward, "clip", record=_of_one, numbers=2)
for _two, _record in {
    add: _sum, subtract: _difference, multiply: _product, divide: _quotient,
    maximum: _of_both, minimum: _of_both, mod: _of_both, floor_divide: _of_both,
}.items():  # fmt: skip
    register(_two, _native.binary_forward, _two.__name__, record=_record, tensors=2, takes_number=True)
register(power, _native.binary_forward, "power", record=_of_both, tensors=2)

__all__ = [
    "abs", "absolute", "add", "ceil", "clip", "cos", "divide", "erf", "exp", "expm1", "floor", "floor_divide",
    "log", "log1p", "maximum", "minimum", "mod", "multiply", "negative", "power", "reciprocal", "remainder",
    "round", "rsqrt", "sign", "sin", "sqrt", "square", "stop_gradient", "subtract", "true_divide",
]  # fmt: skip
