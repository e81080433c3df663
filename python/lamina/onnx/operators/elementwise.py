"""Arithmetic, comparison and choice, element by element."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Tensor
from ...ops.conversion import as_tensor
from ..element_types import numpy_type, working_type
from ..graph import OWN
from ..layout import elementwise, reshaped
from ..registry import Call, Run, Unsupported, number, operator
from .activation import relu_of

_UNARY: dict[str, Callable[[Any], Tensor]] = {
    "Abs": ops.abs, "Acos": ops.arccos, "Acosh": ops.arccosh, "Asin": ops.arcsin, "Asinh": ops.arcsinh,
    "Atan": ops.arctan, "Atanh": ops.arctanh, "BitwiseNot": ops.bitwise_invert, "Ceil": ops.ceil, "Cos": ops.cos,
    "Cosh": ops.cosh, "Erf": ops.erf, "Exp": ops.exp, "Floor": ops.floor, "IsNaN": ops.isnan, "Log": ops.log,
    "Neg": ops.negative, "Not": ops.logical_not, "Reciprocal": ops.reciprocal, "Round": ops.round, "Sign": ops.sign,
    "Sin": ops.sin, "Sinh": ops.sinh, "Sqrt": ops.sqrt, "Tan": ops.tan, "Tanh": ops.tanh, "Sigmoid": ops.sigmoid,
    "Softsign": ops.softsign, "Mish": ops.mish, "HardSwish": ops.hard_silu,
}  # fmt: skip
_BINARY: dict[str, Callable[[Any, Any], Tensor]] = {
    "Add": ops.add, "And": ops.logical_and, "BitwiseAnd": ops.bitwise_and, "BitwiseOr": ops.bitwise_or,
    "BitwiseXor": ops.bitwise_xor, "Equal": ops.equal, "Greater": ops.greater, "GreaterOrEqual": ops.greater_equal,
    "Less": ops.less, "LessOrEqual": ops.less_equal, "Mul": ops.multiply, "Or": ops.logical_or, "Sub": ops.subtract,
    "Xor": ops.logical_xor,
}  # fmt: skip


def _unary(name: str, f: Callable[[Any], Tensor]) -> None:
    @operator(name, ordered=True)
    def make(call: Call) -> Run:
        call.get("consumed_inputs")  # of the first versions: which inputs may be overwritten
        return functools.partial(elementwise, f)


def _binary(name: str, f: Callable[[Any, Any], Tensor]) -> None:
    @operator(name, ordered=True)
    def make(call: Call) -> Run:
        return _broadcasting(call, f)


def _broadcasting(call: Call, f: Callable[[Any, Any], Tensor]) -> Run:
    """f of two values; before version 7 the second one's axes begin at ``axis`` of the first, if ``broadcast``."""
    call.get("consumed_inputs")
    if call.version >= 7:
        return functools.partial(elementwise, f)
    axis = call.get("axis")
    call.get("broadcast", 0)

    def old(a: Any, b: Any) -> Any:
        if axis is not None:
            b = reshaped(b, (*b.shape, *(1,) * (a.ndim - axis % a.ndim - b.ndim)))
        return elementwise(f, a, b)

    return old


for _name, _f in _UNARY.items():
    _unary(_name, _f)
for _name, _g in _BINARY.items():
    _binary(_name, _g)


@operator("Add", domain=OWN, ordered=True)
def add(call: Call) -> Run:
    """With relu in the same pass."""
    call.only("activation", "relu", "no other is put behind a sum")

    def run(a: Any, b: Any) -> Tensor:
        return ops.add(a, b, "relu") if a.dtype.kind == "f" else relu_of(ops.add(a, b))

    return functools.partial(elementwise, run)


def is_integer(*xs: Any) -> bool:
    """Whether all are integers."""
    return all(x.dtype.kind in "iu" for x in xs)


def divide(a: Any, b: Any) -> Tensor:
    """a / b; of integers without the remainder, towards zero."""
    if not is_integer(a, b):
        return ops.divide(a, b)
    return ops.floor_divide(ops.subtract(a, ops.fmod(a, b)), b)


@operator("Div", ordered=True)
def div(call: Call) -> Run:
    return _broadcasting(call, divide)


def power(a: Any, b: Any) -> Tensor:
    """a to the power b, in the type of a."""
    if isinstance(b, np.ndarray) and b.size == 1 and b.ndim <= a.ndim and a.dtype.kind == "f":
        exponent = float(b.reshape(()).item())
        known = {1.0: as_tensor, 2.0: ops.square, 0.5: ops.sqrt, -1.0: ops.reciprocal, -0.5: ops.rsqrt}
        if exponent in known:
            return known[exponent](a)
        if exponent == 3.0:
            return ops.multiply(ops.square(a), a)
    if a.dtype.kind == "f":
        return ops.power(a, as_tensor(b, a.dtype))
    return ops.cast(ops.power(as_tensor(a, np.float64), as_tensor(b, np.float64)), a.dtype)


@operator("Pow", ordered=True)
def pow_(call: Call) -> Run:
    return _broadcasting(call, power)


@operator("Mod", ordered=True)
def mod(call: Call) -> Run:
    return functools.partial(elementwise, ops.fmod if call.get("fmod", 0) else ops.mod)


@operator("BitShift", ordered=True)
def bit_shift(call: Call) -> Run:
    left = call.choice("direction", "", ("LEFT", "RIGHT")) == "LEFT"
    return functools.partial(elementwise, ops.left_shift if left else ops.right_shift)


def _folded(name: str, f: Callable[[Any, Any], Tensor]) -> None:
    @operator(name, ordered=True)
    def make(call: Call) -> Run:
        call.get("consumed_inputs")
        return lambda *xs: functools.reduce(functools.partial(elementwise, f), xs)


_folded("Max", ops.maximum)
_folded("Min", ops.minimum)
_folded("Sum", ops.add)


@operator("Mean", ordered=True)
def mean(call: Call) -> Run:
    def run(*xs: Any) -> Any:
        total = functools.reduce(functools.partial(elementwise, ops.add), xs)
        return elementwise(lambda t: ops.divide(t, np.asarray(len(xs), t.dtype)), total)

    return run


@operator("IsInf", ordered=True)
def is_inf(call: Call) -> Run:
    negative, positive = call.get("detect_negative", 1), call.get("detect_positive", 1)
    f = ops.isinf if negative and positive else ops.isneginf if negative else ops.isposinf
    if not negative and not positive:
        raise Unsupported("it looks for no infinity at all")
    return functools.partial(elementwise, f)


@operator("Where", ordered=True)
def where(call: Call) -> Run:
    return functools.partial(elementwise, ops.where)


@operator("Identity", ordered=True)
def identity(call: Call) -> Run:
    return lambda x: x


@operator("Cast", ordered=True)
def cast(call: Call) -> Run:
    call.get("saturate", 1)
    call.get("round_mode", "up")
    to = call.required("to")
    if isinstance(to, str):  # version 1
        from onnx import TensorProto

        to = TensorProto.DataType.Value(to)
    dtype = working_type(numpy_type(to, "its result"))
    return functools.partial(elementwise, lambda x: converted(x, dtype))


def converted(x: Any, dtype: Any) -> Tensor:
    """x in another type; what is not zero becomes True."""
    if np.dtype(dtype).kind == "b" and x.dtype.kind != "b":
        return ops.not_equal(x, np.zeros((), x.dtype))
    return ops.cast(x, dtype)


@operator("CastLike", ordered=True)
def cast_like(call: Call) -> Run:
    call.get("saturate", 1)
    call.get("round_mode", "up")
    return lambda x, like: elementwise(lambda t: converted(t, like.dtype), x)


@operator("Clip", ordered=True)
def clip(call: Call) -> Run:
    call.get("consumed_inputs")
    least, most = (call.get("min"), call.get("max")) if call.version < 11 else (None, None)

    def run(x: Any, low: Any = None, high: Any = None) -> Any:
        return elementwise(lambda t: clipped(t, least if low is None else low, most if high is None else high), x)

    return run


def clipped(x: Any, low: Any, high: Any) -> Tensor:
    """x between two numbers, of which the second wins."""
    if x.dtype.kind == "f" and all(b is None or isinstance(b, (np.ndarray, float, int)) for b in (low, high)):
        low, high = (None if b is None else number(np.asarray(b)) for b in (low, high))
        if low is None and high is None:
            return as_tensor(x)
        if low == 0 and high is None:
            return ops.relu(x)
        return ops.clip(x, low, high)
    for bound, f in ((low, ops.maximum), (high, ops.minimum)):
        if bound is not None:
            x = f(x, as_tensor(bound, x.dtype))
    return as_tensor(x)


@operator("CumSum")
def cum_sum(call: Call) -> Run:
    exclusive, reverse = bool(call.get("exclusive", 0)), bool(call.get("reverse", 0))

    def run(x: Any, axis: Any) -> Tensor:
        a = int(number(axis)) % x.ndim
        x = ops.flip(x, a) if reverse else x
        y = ops.cumsum(x, a)
        if exclusive:
            y = ops.subtract(y, x)
        return ops.flip(y, a) if reverse else y

    return run


__all__ = ["clipped", "converted", "divide", "is_integer", "power"]
