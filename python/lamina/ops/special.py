"""Functions of single elements without a kernel of their own: logarithms to other bases, roots, tests, replacements."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _native
from ..core.arrays import as_dtype
from ..core.autograd import Array, Gradients, Tensor, wrap
from ..core.autograd import unchecked_record as record
from .by_numpy import by_numpy, in_numpy
from .comparison import equal, isfinite, isnan, less, less_equal, logical_and, logical_or, not_equal, where
from .conversion import TensorLike, as_tensor, cast, float_pair, float_tensor, integer_tensor, is_symbolic
from .elementwise import (
    _binary,
    abs,
    add,
    ceil,
    clip,
    cos,
    divide,
    exp,
    floor,
    log,
    log1p,
    maximum,
    minimum,
    mod,
    multiply,
    negative,
    power,
    reciprocal,
    sin,
    square,
    subtract,
)
from .expansion import broadcast_to
from .operands import operands
from .reduction import all as every

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
    """The logarithm to base 2; -inf at 0, NaN below.

    Example:
        >>> ops.log2([1.0, 8.0])
        Tensor([0., 3.], shape=(2,), dtype=float32)
    """
    return divide(log(x), LN2)


def log10(x: TensorLike) -> Tensor:
    """The logarithm to base 10; -inf at 0, NaN below.

    Example:
        >>> ops.log10([1.0, 100.0])
        Tensor([0., 2.], shape=(2,), dtype=float32)
    """
    return divide(log(x), math.log(10))


def exp2(x: TensorLike) -> Tensor:
    """2 to the x.

    Example:
        >>> ops.exp2([0.0, 3.0])
        Tensor([1., 8.], shape=(2,), dtype=float32)
    """
    return power(2.0, float_tensor(x))


def logaddexp(x1: TensorLike, x2: TensorLike) -> Tensor:
    """log(exp(x1) + exp(x2)) without overflow.

    Example:
        >>> ops.logaddexp([0.0], [0.0])
        Tensor([0.6931], shape=(1,), dtype=float32)
    """

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
    """log2(2 ** x1 + 2 ** x2) without overflow.

    Example:
        >>> ops.logaddexp2([0.0], [0.0])
        Tensor([1.], shape=(1,), dtype=float32)
    """
    x, y = pair_of_one_shape("logaddexp2", x1, x2)
    return divide(logaddexp(multiply(x, LN2), multiply(y, LN2)), LN2)


def cbrt(x: TensorLike) -> Tensor:
    """The cube root, negative where x is.

    Example:
        >>> ops.cbrt([8.0, -27.0])
        Tensor([ 2., -3.], shape=(2,), dtype=float32)
    """

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
    """sqrt(x1^2 + x2^2) without overflow; the gradient is 0 where both are.

    Example:
        >>> ops.hypot([3.0], [4.0])
        Tensor([5.], shape=(1,), dtype=float32)
    """
    return _binary("hypot", *operands("hypot", x1, x2, integers=False))


def trunc(x: TensorLike) -> Tensor:
    """x without its decimals; the gradient is zero.

    Example:
        >>> ops.trunc([1.7, -1.7])
        Tensor([ 1., -1.], shape=(2,), dtype=float32)
    """
    x = as_tensor(x)
    return where(less(x, 0), ceil(x), floor(x)) if x._array.dtype.kind == "f" else x


def heaviside(x1: TensorLike, x2: TensorLike) -> Tensor:
    """0 below zero, x2 at zero, 1 above it; NaN where x1 is.

    Example:
        >>> ops.heaviside([-1.0, 0.0, 2.0], 0.5)
        Tensor([0. , 0.5, 1. ], shape=(3,), dtype=float32)
    """
    x, y = float_pair(x1, x2)
    sides = where(isnan(x), x, where(less(x, 0), 0.0, 1.0))
    return where(equal(x, 0), y, as_tensor(sides, x._array.dtype))


def divide_no_nan(x1: TensorLike, x2: TensorLike) -> Tensor:
    """``x1 / x2``, and 0 where x2 is; so is the gradient there.

    Example:
        >>> ops.divide_no_nan([1.0, 2.0], [0.0, 4.0])
        Tensor([0. , 0.5], shape=(2,), dtype=float32)
    """
    x, y = float_pair(x1, x2)
    zero = equal(y, 0)
    return where(zero, 0.0, divide(x, where(zero, 1.0, y)))


def nan_to_num(x: TensorLike, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """x with numbers in place of NaN and infinities; no gradient flows there.

    Args:
        nan: the number in place of NaN.
        posinf: the number in place of infinity; None takes the largest of the type.
        neginf: the number in place of minus infinity; None takes the least of the type.

    Example:
        >>> ops.nan_to_num([1.0, np.nan])
        Tensor([1., 0.], shape=(2,), dtype=float32)
    """
    x = as_tensor(x)
    if x._array.dtype.kind != "f":
        return x
    limits = np.finfo(x._array.dtype)
    y = where(isnan(x), float(nan), x)
    y = where(isposinf(x), float(limits.max if posinf is None else posinf), y)
    return where(isneginf(x), float(limits.min if neginf is None else neginf), y)


def isposinf(x: TensorLike) -> Tensor:
    """Whether x is plus infinity.

    Example:
        >>> ops.isposinf([np.inf, -np.inf])
        Tensor([ True, False], shape=(2,), dtype=bool)
    """
    return equal(x, np.inf)


def isneginf(x: TensorLike) -> Tensor:
    """Whether x is minus infinity.

    Example:
        >>> ops.isneginf([np.inf, -np.inf])
        Tensor([False,  True], shape=(2,), dtype=bool)
    """
    return equal(x, -np.inf)


def signbit(x: TensorLike) -> Tensor:
    """Whether x is below zero or minus zero; False for NaN.

    Example:
        >>> ops.signbit([-2.0, 3.0])
        Tensor([ True, False], shape=(2,), dtype=bool)
    """
    x = as_tensor(x)
    below = less(x, 0)
    return below if x._array.dtype.kind != "f" else logical_or(below, less(reciprocal(x), 0))


def isclose(x1: TensorLike, x2: TensorLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether ``|x1 - x2| <= atol + rtol |x2|``; infinities are close to themselves.

    Args:
        rtol: relative tolerance.
        atol: absolute tolerance.
        equal_nan: whether NaN is close to NaN.

    Example:
        >>> ops.isclose([1.0, 2.0], [1.0, 2.1])
        Tensor([ True, False], shape=(2,), dtype=bool)
    """
    x, y = float_pair(x1, x2)
    near = less_equal(abs(subtract(x, y)), add(multiply(abs(y), rtol), atol))
    close = logical_or(equal(x, y), logical_and(near, isfinite(y)))
    return logical_or(close, logical_and(isnan(x), isnan(y))) if equal_nan else close


def allclose(x1: TensorLike, x2: TensorLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether all elements are close, ``|x1 - x2| <= atol + rtol |x2|``: one boolean.

    Args:
        rtol: relative tolerance.
        atol: absolute tolerance.
        equal_nan: whether NaN is close to NaN.

    Example:
        >>> ops.allclose([1.0, 2.0], [1.0, 2.000001])
        Tensor(True, shape=(), dtype=bool)
    """
    return every(isclose(x1, x2, rtol, atol, equal_nan))


def fabs(x: TensorLike) -> Tensor:
    """``|x|`` as floats; the gradient at 0 is 0.

    Example:
        >>> ops.fabs([-1.5, 2.0])
        Tensor([1.5, 2. ], shape=(2,), dtype=float32)
    """
    return abs(float_tensor(x))


def _not_nan(op: Callable[..., Tensor], x1: TensorLike, x2: TensorLike) -> Tensor:
    """op, or of two the one that is no NaN."""
    y = op(x1, x2)
    return y if y._array.dtype.kind != "f" else where(isnan(x1), x2, where(isnan(x2), x1, y))


def fmax(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The larger of both, or the one that is no NaN; where they are equal each gets half of the gradient.

    Example:
        >>> ops.fmax([1.0, np.nan], [0.0, 2.0])
        Tensor([1., 2.], shape=(2,), dtype=float32)
    """
    return _not_nan(maximum, x1, x2)


def fmin(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The smaller of both, or the one that is no NaN; where they are equal each gets half of the gradient.

    Example:
        >>> ops.fmin([1.0, np.nan], [0.0, 2.0])
        Tensor([0., 2.], shape=(2,), dtype=float32)
    """
    return _not_nan(minimum, x1, x2)


def fmod(x1: TensorLike, x2: TensorLike) -> Tensor:
    """What a division rounded towards zero leaves, with the sign of x1.

    Example:
        >>> ops.fmod([7.0, -7.0], 3.0)
        Tensor([ 1., -1.], shape=(2,), dtype=float32)
    """
    x, y = operands("fmod", x1, x2)
    whole = (x if isinstance(x, Tensor) else y)._array.dtype.kind != "f"
    if whole:
        rest = mod(x, y)
        return where(logical_and(not_equal(rest, 0), not_equal(less(x, 0), less(y, 0))), subtract(rest, y), rest)

    def value(x: Tensor, y: Tensor) -> Tensor:
        rest = mod(abs(x), abs(y))  # without rounding, where that of unlike signs has some
        return where(signbit(x), negative(rest), rest)

    slopes = [lambda x, y: reciprocal(exp(multiply(x, 0.0))), lambda x, y: negative(trunc(divide(x, y)))]
    return with_slopes(pair_of_one_shape("fmod", x, y), value, slopes)


def ldexp(x1: TensorLike, x2: TensorLike) -> Tensor:
    """``x1 * 2 ** x2`` without rounding.  Computed by NumPy: not captured.

    Args:
        x2: integers; the shapes broadcast.

    Raises:
        TypeError: x2 are no integers.
        ValueError: the shapes do not broadcast.

    Example:
        >>> ops.ldexp([1.0, 3.0], [2, 1])
        Tensor([4., 6.], shape=(2,), dtype=float32)
    """
    x, powers = float_tensor(x1), integer_tensor("ldexp", "x2", x2)
    try:
        shape = np.broadcast_shapes(x.shape, powers.shape)
    except ValueError:
        raise ValueError(f"ldexp: x1 is {x.shape}, x2 is {powers.shape}; the shapes don't broadcast") from None
    x = broadcast_to(x, shape)
    n = np.clip(powers._array, -(2**20), 2**20).astype(np.int32)  # beyond all floats
    with np.errstate(all="ignore"):
        return by_numpy("ldexp", (x,), np.ldexp(x._array, n), (lambda dy: np.ldexp(dy, n),))


def nextafter(x1: TensorLike, x2: TensorLike) -> Tensor:
    """The float next to x1 in the direction of x2; no gradient flows.  Computed by NumPy: not captured.

    Example:
        >>> bool(ops.nextafter(1.0, 2.0) > 1.0)
        True
    """
    x, y = pair_of_one_shape("nextafter", x1, x2)
    in_numpy("nextafter")
    with np.errstate(all="ignore"):
        return wrap(np.asarray(np.nextafter(x._array, y._array)))


def sinc(x: TensorLike) -> Tensor:
    """``sin(pi x) / (pi x)``, 1 at 0.

    Example:
        >>> ops.sinc([0.0, 0.5])
        Tensor([1.    , 0.6366], shape=(2,), dtype=float32)
    """

    def value(x: Tensor) -> Tensor:
        t = multiply(x, math.pi)
        zero = equal(t, 0)
        return where(zero, 1.0, divide(sin(t), where(zero, 1.0, t)))

    def slope(x: Tensor) -> Tensor:
        t = multiply(x, math.pi)
        near = multiply(t, series(square(t), [(-1) ** k * 2 * k / math.factorial(2 * k + 1) for k in range(1, 9)]))
        small = less(abs(t), 1.0)  # where the difference below would lose its digits
        safe = where(small, 1.0, t)
        return multiply(where(small, near, divide(subtract(cos(safe), divide(sin(safe), safe)), safe)), math.pi)

    return with_slopes([float_tensor(x)], value, [slope])


def i0(x: TensorLike) -> Tensor:
    """The modified Bessel function of the first kind and order 0.  Computed by NumPy: not captured.

    Example:
        >>> ops.i0([0.0, 1.0])
        Tensor([1.    , 1.2661], shape=(2,), dtype=float32)
    """
    x = float_tensor(x)
    wide = x._array.astype(np.float64)

    def of_order_1() -> Any:
        """The mean of cos(t) exp(x cos(t)) over a circle; the mean of n places is exact once n^2 is 72 |x|."""
        largest = float(np.max(np.abs(wide), initial=0.0, where=np.isfinite(wide)))
        n = 32 + int(math.sqrt(80 * min(largest, 1e4)))  # 32, 80 and 1e4 are free: more places are as exact
        total = np.zeros_like(wide)
        for c in np.cos(2 * math.pi * np.arange(n) / n):
            total += c * np.exp(wide * c)
        return total / n

    with np.errstate(all="ignore"):
        return by_numpy("i0", (x,), np.i0(wide).reshape(x.shape), (lambda dy: dy * of_order_1(),))


def saturate_cast(x: TensorLike, dtype: Any) -> Tensor:
    """x in another type; what lies beyond its range becomes the least or the largest number of it.

    Args:
        dtype: the type, a name or a NumPy type.

    Raises:
        TypeError: it is no type of numbers or booleans.

    Example:
        >>> ops.saturate_cast([-5.0, 300.0], "uint8")
        Tensor([  0, 255], shape=(2,), dtype=uint8)
    """
    x, kind = as_tensor(x), as_dtype(dtype, "saturate_cast: dtype")
    given = x._array.dtype
    if kind == given or given.kind == "b":
        return cast(x, kind)
    low, high = _limits(kind)
    if given.kind != "f":
        least, most = _limits(given)
        return cast(clip(x, max(low, least), min(high, most)), kind)
    limits, ends = np.finfo(given), []
    for v, bound in ((low, limits.min), (high, limits.max)):
        end = given.type(v)
        if kind.kind != "f" and int(end) != v:  # 2^63 - 1 is no float: the one before it
            end = np.nextafter(end, given.type(0))
        ends.append(float(max(end, bound) if v == low else min(end, bound)))
    return cast(clip(x, *ends), kind)


def _limits(kind: np.dtype[Any]) -> tuple[Any, Any]:
    """The least and the largest number of a type."""
    if kind.kind == "b":
        return 0, 1
    limits: Any = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    return (float(limits.min), float(limits.max)) if kind.kind == "f" else (int(limits.min), int(limits.max))


def dtype(x: TensorLike) -> str:
    """The name of the type of x's elements, such as "float32".

    Example:
        >>> ops.dtype(ops.ones(2))
        'float32'
    """
    return str(x.dtype) if is_symbolic(x) else str(as_tensor(x).dtype)


def select(condlist: Sequence[TensorLike], choicelist: Sequence[TensorLike], default: Any = 0) -> Tensor:
    """Of the first condition that holds its choice, else a default; all broadcast.

    Args:
        condlist: list of conditions.
        choicelist: list of as many choices.
        default: the value where no condition holds.

    Raises:
        ValueError: the lists are empty or differ in length; the shapes do not broadcast.

    Example:
        >>> x = np.arange(4.0)
        >>> ops.select([x < 1, x > 2], [x - 10, x + 10])
        Tensor([-10.,   0.,   0.,  13.], shape=(4,), dtype=float64)
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(f"select: expected as many choices as conditions, got {len(choicelist)} and {len(condlist)}")
    y = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        y = where(condition, choice, y)
    return as_tensor(y)


__all__ = [
    "allclose", "cbrt", "divide_no_nan", "dtype", "exp2", "fabs", "fmax", "fmin", "fmod", "heaviside", "hypot", "i0",
    "isclose", "isneginf", "isposinf", "ldexp", "log2", "log10", "logaddexp", "logaddexp2", "nan_to_num", "nextafter",
    "saturate_cast", "select", "signbit", "sinc", "trunc",
]  # fmt: skip
