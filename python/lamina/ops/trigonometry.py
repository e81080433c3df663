"""Trigonometric and hyperbolic functions and their inverses, from the kernels' sin, cos, exp and log; in radians."""

from __future__ import annotations

import math

from ..core.autograd import Tensor
from .comparison import equal, greater, isinf, less, logical_and, where
from .conversion import TensorLike, float_tensor
from .elementwise import (
    abs,
    add,
    cos,
    divide,
    exp,
    expm1,
    log,
    log1p,
    maximum,
    minimum,
    multiply,
    negative,
    reciprocal,
    rsqrt,
    sin,
    sqrt,
    square,
    subtract,
)
from .special import LN2, hypot, pair_of_one_shape, series, signbit, with_slopes


def tan(x: TensorLike) -> Tensor:
    """The tangent of x radians.

    Example:
        >>> ops.tan([0.0, 1.0])
        Tensor([0.    , 1.5574], shape=(2,), dtype=float32)
    """
    x = float_tensor(x)
    return where(equal(x, 0), x, divide(sin(x), cos(x)))  # minus zero keeps its sign


def _half_exp(a: Tensor) -> Tensor:
    """exp(a) / 2, finite as long as that is."""
    root = exp(multiply(a, 0.5))
    return multiply(multiply(root, 0.5), root)


def _sinh(x: Tensor) -> Tensor:
    a = abs(x)
    t = expm1(a)
    y = where(isinf(t), _half_exp(a), multiply(add(t, divide(t, add(t, 1.0))), 0.5))
    return where(signbit(x), negative(y), y)


def _cosh(x: Tensor) -> Tensor:
    a = abs(x)
    e = exp(a)
    return where(isinf(e), _half_exp(a), multiply(add(e, exp(negative(a))), 0.5))


def sinh(x: TensorLike) -> Tensor:
    """The hyperbolic sine.

    Example:
        >>> ops.sinh([0.0, 1.0])
        Tensor([0.    , 1.1752], shape=(2,), dtype=float32)
    """
    return with_slopes([float_tensor(x)], _sinh, [_cosh])


def cosh(x: TensorLike) -> Tensor:
    """The hyperbolic cosine.

    Example:
        >>> ops.cosh([0.0, 1.0])
        Tensor([1.    , 1.5431], shape=(2,), dtype=float32)
    """
    return with_slopes([float_tensor(x)], _cosh, [_sinh])


# arctan(t) = t * series(t^2), to the bits of float64 up to t = tan(pi / 16)
_ARCTAN = [(-1) ** n / (2 * n + 1) for n in range(12)]  # 12 is free: more terms are below the last bit
_STRAIGHT = 1e-10  # below it an angle is its tangent and its sine, to all digits


def _arctan_of_quotient(high: Tensor, low: Tensor) -> Tensor:
    """arctan(low / high), 0 <= low <= high: between 0 and pi / 4.  Halved twice, then Taylor's series."""
    both = logical_and(isinf(low), isinf(high))
    quotient = t = where(both, 1.0, divide(low, where(equal(high, 0), 1.0, high)))
    for _ in range(2):  # tan(a / 2) = t / (1 + sqrt(1 + t^2))
        t = divide(t, add(sqrt(add(square(t), 1.0)), 1.0))
    angle = multiply(multiply(t, series(square(t), _ARCTAN)), 4.0)
    return where(less(quotient, _STRAIGHT), quotient, angle)  # which halving may have made denormal


def _arctan2(y: Tensor, x: Tensor) -> Tensor:
    a, b = abs(x), abs(y)
    angle = _arctan_of_quotient(maximum(a, b), minimum(a, b))
    angle = where(greater(b, a), subtract(math.pi / 2, angle), angle)
    angle = where(signbit(x), subtract(math.pi, angle), angle)
    return where(signbit(y), negative(angle), angle)


def _arctan(x: Tensor) -> Tensor:
    a = abs(x)
    angle = _arctan_of_quotient(maximum(a, 1.0), minimum(a, 1.0))
    angle = where(greater(a, 1.0), subtract(math.pi / 2, angle), angle)
    return where(signbit(x), negative(angle), angle)


def arctan(x: TensorLike) -> Tensor:
    """The angle between -pi/2 and pi/2 whose tangent is x.

    Example:
        >>> ops.arctan([0.0, 1.0])
        Tensor([0.    , 0.7854], shape=(2,), dtype=float32)
    """
    return with_slopes([float_tensor(x)], _arctan, [lambda x: square(reciprocal(hypot(x, 1.0)))])


def _over_square(x: Tensor, r: Tensor) -> Tensor:
    """x / r^2, whose square may overflow; 0 where r is."""
    r = where(equal(r, 0), 1.0, r)
    return divide(divide(x, r), r)


def arctan2(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The angle between -pi and pi of the point with height x1 and width x2: arctan(x1 / x2) in its quadrant.

    Example:
        >>> ops.arctan2([1.0, -1.0], [1.0, -1.0])
        Tensor([ 0.7854, -2.3562], shape=(2,), dtype=float32)
    """
    inputs = pair_of_one_shape("arctan2", x1, x2)
    return with_slopes(
        inputs,
        _arctan2,
        [lambda y, x: _over_square(x, hypot(x, y)), lambda y, x: _over_square(negative(y), hypot(x, y))],
    )


def _rest(x: Tensor) -> Tensor:
    """1 - x^2 without loss near 1."""
    return multiply(subtract(1.0, x), add(x, 1.0))


def arcsin(x: TensorLike) -> Tensor:
    """The angle between -pi/2 and pi/2 whose sine is x; NaN beyond -1 and 1.

    Example:
        >>> ops.arcsin([0.0, 1.0])
        Tensor([0.    , 1.5708], shape=(2,), dtype=float32)
    """

    def value(x: Tensor) -> Tensor:
        y = multiply(_arctan(divide(x, add(sqrt(_rest(x)), 1.0))), 2.0)
        return where(less(abs(x), _STRAIGHT), x, y)

    return with_slopes([float_tensor(x)], value, [lambda x: rsqrt(_rest(x))])


def arccos(x: TensorLike) -> Tensor:
    """The angle between 0 and pi whose cosine is x; NaN beyond -1 and 1.

    Example:
        >>> ops.arccos([1.0, 0.0])
        Tensor([0.    , 1.5708], shape=(2,), dtype=float32)
    """

    def value(x: Tensor) -> Tensor:
        return multiply(_arctan(sqrt(divide(subtract(1.0, x), add(x, 1.0)))), 2.0)

    return with_slopes([float_tensor(x)], value, [lambda x: negative(rsqrt(_rest(x)))])


def arcsinh(x: TensorLike) -> Tensor:
    """The inverse of sinh.

    Example:
        >>> ops.arcsinh([0.0, 1.0])
        Tensor([0.    , 0.8814], shape=(2,), dtype=float32)
    """

    def value(x: Tensor) -> Tensor:
        a = abs(x)
        # log(a + sqrt(a^2 + 1)), exact for small a; for large ones, whose squares overflow, log(2 a)
        a2 = square(a)
        y = log1p(add(a, divide(a2, add(sqrt(add(a2, 1.0)), 1.0))))
        y = where(isinf(a2), add(log(a), LN2), y)
        return where(signbit(x), negative(y), y)

    return with_slopes([float_tensor(x)], value, [lambda x: reciprocal(hypot(x, 1.0))])


def arccosh(x: TensorLike) -> Tensor:
    """The inverse of cosh from 1 on; NaN below.

    Example:
        >>> ops.arccosh([1.0, 2.0])
        Tensor([0.   , 1.317], shape=(2,), dtype=float32)
    """

    def value(x: Tensor) -> Tensor:
        t = subtract(x, 1.0)
        y = add(t, multiply(sqrt(t), sqrt(add(t, 2.0))))
        return where(isinf(y), add(log(x), LN2), log1p(y))  # as in arcsinh

    def slope(x: Tensor) -> Tensor:
        return multiply(rsqrt(subtract(x, 1.0)), rsqrt(add(x, 1.0)))

    return with_slopes([float_tensor(x)], value, [slope])


def arctanh(x: TensorLike) -> Tensor:
    """The inverse of tanh between -1 and 1; NaN beyond.

    Example:
        >>> ops.arctanh([0.0, 0.5])
        Tensor([0.    , 0.5493], shape=(2,), dtype=float32)
    """
    x = float_tensor(x)
    return multiply(subtract(log1p(x), log1p(negative(x))), 0.5)


def deg2rad(x: TensorLike) -> Tensor:
    """Degrees as radians.

    Example:
        >>> ops.deg2rad([0.0, 180.0])
        Tensor([0.    , 3.1416], shape=(2,), dtype=float32)
    """
    return multiply(x, math.pi / 180)


def rad2deg(x: TensorLike) -> Tensor:
    """Radians as degrees.

    Example:
        >>> ops.rad2deg([0.0, np.pi])
        Tensor([  0., 180.], shape=(2,), dtype=float32)
    """
    return multiply(float_tensor(x), 180 / math.pi)


__all__ = [
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cosh", "deg2rad", "rad2deg", "sinh",
    "tan",
]  # fmt: skip
