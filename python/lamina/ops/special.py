"""Functions of single elements without a kernel of their own: logarithms to other bases, roots, tests, replacements."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wrap
from ..core.autograd import unchecked_record as record
from .conversion import TensorLike, as_tensor, float_pair, float_tensor
from .elementwise import (
    _binary,
    abs,
    add,
    ceil,
    divide,
    equal,
    exp,
    floor,
    isfinite,
    isnan,
    less,
    less_equal,
    log,
    log1p,
    logical_and,
    logical_or,
    maximum,
    multiply,
    negative,
    power,
    reciprocal,
    square,
    subtract,
    where,
)
from .expansion import broadcast_to
from .operands import operands

LN2 = math.log(2)


def with_slopes(
    inputs: Sequence[Tensor], value: Callable[..., Tensor], slopes: Sequence[Callable[..., Tensor]]
) -> Tensor:
    """``value(*inputs)`` on inputs of one shape, whose derivatives are the products of dy and ``slopes[i](*inputs)``.

    For functions with a long way to their value and a short one to their slope; nothing between goes on the tape.
    """
    free = [x.detach() for x in inputs]

    def backward(dy: Array, grads: Gradients) -> None:
        for i, dx in enumerate(grads):
            if dx is not None:
                _native.copy_into(multiply(wrap(dy), slopes[i](*free))._array, dx, bool(grads.accumulate >> i & 1))

    return record(value(*free)._array, tuple(inputs), backward)


def series(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    """``sum(coefficients[i] * x ** i)``."""
    y = multiply(x, coefficients[-1])
    for c in reversed(coefficients[1:-1]):
        y = multiply(add(y, c), x)
    return add(y, coefficients[0])


def pair_of_one_shape(op: str, x1: TensorLike, x2: TensorLike) -> tuple[Tensor, Tensor]:
    """Both operands as floats of one type, broadcast."""
    x, y = float_pair(x1, x2)
    if x.shape == y.shape:
        return x, y
    try:
        shape = np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        raise ValueError(f"{op}: x1 is {x.shape}, x2 is {y.shape}; the shapes don't broadcast") from None
    return broadcast_to(x, shape), broadcast_to(y, shape)


def log2(x: TensorLike) -> Tensor:
    """The logarithm to base 2; -inf at 0, NaN below."""
    return divide(log(x), LN2)


def log10(x: TensorLike) -> Tensor:
    """The logarithm to base 10; -inf at 0, NaN below."""
    return divide(log(x), math.log(10))


def exp2(x: TensorLike) -> Tensor:
    """2 to the x."""
    return power(2.0, float_tensor(x))


def logaddexp(x1: TensorLike, x2: TensorLike) -> Tensor:
    """log(exp(x1) + exp(x2)) without overflow."""

    def value(x: Tensor, y: Tensor) -> Tensor:
        return add(maximum(x, y), log1p(exp(negative(abs(_difference(x, y))))))

    def slope(x: Tensor, y: Tensor) -> Tensor:
        return reciprocal(add(exp(_difference(y, x)), 1.0))

    inputs = pair_of_one_shape("logaddexp", x1, x2)
    return with_slopes(inputs, value, [slope, lambda x, y: slope(y, x)])


def _difference(x: Tensor, y: Tensor) -> Tensor:
    """x - y, of equal infinities 0."""
    return where(equal(x, y), 0.0, subtract(x, y))


def logaddexp2(x1: TensorLike, x2: TensorLike) -> Tensor:
    """log2(2 ** x1 + 2 ** x2) without overflow."""
    x, y = pair_of_one_shape("logaddexp2", x1, x2)
    return divide(logaddexp(multiply(x, LN2), multiply(y, LN2)), LN2)


def cbrt(x: TensorLike) -> Tensor:
    """The cube root, negative where x is."""

    def root(x: Tensor) -> Tensor:
        a = abs(x)
        y = power(a, 1 / 3)
        step = divide(
            subtract(y, divide(divide(a, y), y)), 3.0
        )  # Newton's: 1/3 is no float, its error grows with log x
        y = where(logical_and(isfinite(y), less(0.0, y)), subtract(y, step), y)
        return where(signbit(x), negative(y), y)

    return with_slopes([float_tensor(x)], root, [lambda x: reciprocal(multiply(square(root(x)), 3.0))])


def hypot(x1: TensorLike, x2: TensorLike) -> Tensor:
    """sqrt(x1^2 + x2^2) without overflow; the gradient is 0 where both are."""
    return _binary("hypot", *operands("hypot", x1, x2, integers=False))


def trunc(x: TensorLike) -> Tensor:
    """x without its decimals; the gradient is zero."""
    x = as_tensor(x)
    return where(less(x, 0), ceil(x), floor(x)) if x._array.dtype.kind == "f" else x


def heaviside(x1: TensorLike, x2: TensorLike) -> Tensor:
    """0 below zero, x2 at zero, 1 above it; NaN where x1 is."""
    x, y = float_pair(x1, x2)
    sides = where(isnan(x), x, where(less(x, 0), 0.0, 1.0))
    return where(equal(x, 0), y, as_tensor(sides, x._array.dtype))


def divide_no_nan(x1: TensorLike, x2: TensorLike) -> Tensor:
    """``x1 / x2``, and 0 where x2 is; so is the gradient there."""
    x, y = float_pair(x1, x2)
    zero = equal(y, 0)
    return where(zero, 0.0, divide(x, where(zero, 1.0, y)))


def nan_to_num(x: TensorLike, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """x with numbers in place of NaN and infinities; no gradient flows there.

    Args:
        nan: the number in place of NaN.
        posinf: the number in place of infinity; None takes the largest of the type.
        neginf: the number in place of minus infinity; None takes the least of the type.
    """
    x = as_tensor(x)
    if x._array.dtype.kind != "f":
        return x
    limits = np.finfo(x._array.dtype)
    y = where(isnan(x), float(nan), x)
    y = where(isposinf(x), float(limits.max if posinf is None else posinf), y)
    return where(isneginf(x), float(limits.min if neginf is None else neginf), y)


def isposinf(x: TensorLike) -> Tensor:
    """Whether x is plus infinity."""
    return equal(x, np.inf)


def isneginf(x: TensorLike) -> Tensor:
    """Whether x is minus infinity."""
    return equal(x, -np.inf)


def signbit(x: TensorLike) -> Tensor:
    """Whether x is below zero or minus zero; False for NaN."""
    x = as_tensor(x)
    below = less(x, 0)
    return below if x._array.dtype.kind != "f" else logical_or(below, less(reciprocal(x), 0))


def isclose(x1: TensorLike, x2: TensorLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether ``|x1 - x2| <= atol + rtol |x2|``; infinities are close to themselves.

    Args:
        rtol: relative tolerance.
        atol: absolute tolerance.
        equal_nan: whether NaN is close to NaN.
    """
    x, y = float_pair(x1, x2)
    near = less_equal(abs(subtract(x, y)), add(multiply(abs(y), rtol), atol))
    close = logical_or(equal(x, y), logical_and(near, isfinite(y)))
    return logical_or(close, logical_and(isnan(x), isnan(y))) if equal_nan else close


def select(condlist: Sequence[TensorLike], choicelist: Sequence[TensorLike], default: Any = 0) -> Tensor:
    """Of the first condition that holds its choice, else a default; all broadcast.

    Args:
        condlist: list of conditions.
        choicelist: list of as many choices.
        default: the value where no condition holds.

    Raises:
        ValueError: the lists are empty or differ in length; the shapes do not broadcast.
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(f"select: expected as many choices as conditions, got {len(choicelist)} and {len(condlist)}")
    y = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        y = where(condition, choice, y)
    return as_tensor(y)


__all__ = [
    "cbrt", "divide_no_nan", "exp2", "heaviside", "hypot", "isclose", "isneginf", "isposinf", "log2", "log10",
    "logaddexp", "logaddexp2", "nan_to_num", "select", "signbit", "trunc",
]  # fmt: skip
