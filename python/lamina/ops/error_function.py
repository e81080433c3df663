"""The error function's complement and its inverse, exact to the last digits of either float type."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..core.autograd import Tensor
from .comparison import equal, less, where
from .conversion import TensorLike, float_tensor
from .elementwise import (
    abs,
    add,
    divide,
    erf,
    exp,
    log,
    maximum,
    minimum,
    multiply,
    negative,
    reciprocal,
    sqrt,
    square,
    subtract,
)
from .special import series, trunc, with_slopes

# Rational functions of Cody 1969 for erfc: exp(-x^2) P(x) / Q(x) to 4, and beyond of 1 / x^2; constants first.
_NEAR = (
    (1230.33935479799725, 2051.07837782607147, 1712.04761263407058, 881.952221241769090, 298.635138197400131,
     66.1191906371416295, 8.88314979438837594, 0.564188496988670089, 2.15311535474403846e-8),
    (1230.33935480374942, 3439.36767414372164, 4362.61909014324716, 3290.79923573345963, 1621.38957456669019,
     537.181101862009858, 117.693950891312499, 15.7449261107098347, 1.0),
)  # fmt: skip
_FAR = (
    (6.58749161529837803e-4, 1.60837851487422766e-2, 1.25781726111229246e-1, 3.60344899949804439e-1,
     3.05326634961232344e-1, 1.63153871373020978e-2),
    (2.33520497626869185e-3, 6.05183413124413191e-2, 5.27905102951428412e-1, 1.87295284992346725, 2.56852019228982242,
     1.0),
)  # fmt: skip
_ROOT = math.sqrt(1 / math.pi)
# A first guess for erfinv of Giles 2012, as a polynomial of w = -log(1 - x^2); the highest power last.
_GUESS_MIDDLE = (1.50140941, 0.246640727, -0.00417768164, -0.00125372503, 0.00021858087, -4.39150654e-6, -3.5233877e-6,
                 3.43273939e-7, 2.81022636e-8)  # fmt: skip
_GUESS_ENDS = (2.83297682, 1.00167406, 0.00943887047, -0.0076224613, 0.00573950773, -0.00367342844, 0.00134934322,
               0.000100950558, -0.000200214257)  # fmt: skip


def _ratio(x: Tensor, numerator: Sequence[float], denominator: Sequence[float]) -> Tensor:
    return divide(series(x, numerator), series(x, denominator))


def _exp_of_negative_square(x: Tensor) -> Tensor:
    """exp(-x^2) without the rounding of x^2, which its exponential would enlarge."""
    head = divide(trunc(multiply(x, 16.0)), 16.0)
    rest = multiply(subtract(x, head), add(x, head))
    return multiply(exp(negative(square(head))), exp(negative(rest)))


def _erfc(x: Tensor) -> Tensor:
    a = minimum(abs(x), 30.0)  # 30.0 is free: beyond 28 it is zero in either type
    near = minimum(a, 4.0)  # 4.0 is free: it is taken below 4 alone
    far = maximum(a, 4.0)
    inverse = reciprocal(square(far))
    tail = divide(subtract(_ROOT, multiply(inverse, _ratio(inverse, *_FAR))), far)
    tail = multiply(where(less(a, 4.0), _ratio(near, *_NEAR), tail), _exp_of_negative_square(a))
    small = less(a, 0.5)  # 0.5 is free: around it both have all digits
    return where(small, subtract(1.0, erf(x)), where(less(x, 0), subtract(2.0, tail), tail))


def erfc(x: TensorLike) -> Tensor:
    """``1 - erf(x)``, exact for large x, where erf(x) is 1.

    Example:
        >>> ops.erfc([0.0, 1.0])
        Tensor([1.    , 0.1573], shape=(2,), dtype=float32)
    """

    def slope(x: Tensor) -> Tensor:
        a = minimum(abs(x), 30.0)  # 30.0 is free: beyond 28 it is zero in either type
        return multiply(_exp_of_negative_square(a), -2 / math.sqrt(math.pi))

    return with_slopes([float_tensor(x)], _erfc, [slope])


def _erfinv(x: Tensor) -> Tensor:
    given = abs(x)
    a = where(less(given, 1.0), given, 0.0)  # 1.0 and 0.0 are free: from 1 on the last step gives the value
    left = subtract(1.0, a)
    w = negative(log(multiply(left, add(a, 1.0))))
    ends = series(subtract(sqrt(minimum(maximum(w, 5.0), 17.0)), 3.0), _GUESS_ENDS)  # 17.0 is free: taken below 17
    # erfc(y) is exp(-y^2) / (y sqrt(pi)) beyond.
    beyond = maximum(subtract(w, math.log(math.sqrt(math.pi) / 2)), 1.0)  # 2 and 1.0 are free: of a guess
    beyond = sqrt(subtract(beyond, multiply(log(beyond), 0.5)))  # 0.5 is free: of a guess
    middle = less(w, 5.0)  # 5.0 is free: around it both guesses are good
    y = multiply(a, where(middle, series(subtract(w, 2.5), _GUESS_MIDDLE), where(less(w, 17.0), ends, beyond)))
    # Newton's steps: of the values in the middle, beyond of their logarithms, which are almost a parabola.
    # The guess has 23 bits but for the last few float64.
    for _ in range(1 if x.dtype == np.float32 else 3):  # 1 and 3 are free: more steps change nothing
        slope = multiply(_exp_of_negative_square(y), 2 / math.sqrt(math.pi))
        rest = _erfc(y)
        small = less(a, 0.5)  # 0.5 is free: around it both have all digits
        off = where(small, subtract(a, erf(y)), multiply(rest, log(divide(rest, left))))
        y = add(y, divide(off, slope))
    y = where(less(given, 1.0), y, where(equal(given, 1.0), np.inf, np.nan))
    return where(less(x, 0), negative(y), y)


def _erfinv_slope(x: Tensor) -> Tensor:
    return multiply(exp(square(_erfinv(x))), math.sqrt(math.pi) / 2)


def erfinv(x: TensorLike) -> Tensor:
    """The number whose error function is x: infinite at -1 and 1, NaN beyond.

    Example:
        >>> ops.erfinv([0.0, 0.5])
        Tensor([0.    , 0.4769], shape=(2,), dtype=float32)
    """
    return with_slopes([float_tensor(x)], _erfinv, [_erfinv_slope])


__all__ = ["erfc", "erfinv"]
