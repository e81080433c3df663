"""Arguments become tensors here: conversion, joining lists of tensors, and calls with symbolic tensors.

Every other file of operations stands on this one.
"""

from __future__ import annotations

import contextlib
import functools
import math
import operator
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FunctionType
from typing import Any, TypeAlias, TypeVar

import numpy as np

from .. import _native, config
from ..core.arrays import as_dtype, values_of
from ..core.autograd import Array, Gradients, Tensor, wrap
from ..core.autograd import unchecked_record as record
from ..core.autograd import unchecked_record_view as record_view
from ..core.explain import fail, of_operation, show
from ..core.recording import forbid_capture
from ..core.rooms import bring
from .direct import of as direct_of

TensorLike: TypeAlias = Any  # a Tensor, a NumPy array, a number, or nested lists of numbers
_LARGEST = 2**59  # elements: of 8 bytes each, their number of bytes still fits in 63 bits
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
_NATIVE = frozenset(np.dtype(c).str for c in "?bBhHiIlLqQfd")  # what the kernels take, in this machine's byte order
F = TypeVar("F", bound=Callable[..., Any])


class SymbolicArgument(TypeError):
    """An operation met a tensor without values; ``op`` hands the whole call to the model that is being drawn."""

    def __init__(self) -> None:
        super().__init__("Tensor: a symbolic tensor has no values; use lamina.ops or a layer on it")


class _Symbolic:
    """Set once by the layers' floor, which stands above this one."""

    type: tuple[type, ...] = ()
    call: Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]


def register_symbolic(cls: type, call: Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]) -> None:
    """Tensors of type ``cls`` have no values: an operation on one becomes ``call(operation, args, kwargs)``."""
    _Symbolic.type, _Symbolic.call = (cls,), call


def op(function: F, name: str, of_user: bool = False) -> F:
    """A public operation: called with a symbolic tensor it is drawn, else it runs; its errors name it.

    of_user: it is one of a user's own, which ``calls_through`` does not see: what it calls of the library is.
    """
    run: Callable[..., Any] = function
    direct = known = direct_of(function)

    @functools.wraps(function)
    def public(*args: Any, **kwargs: Any) -> Any:
        try:
            if direct is not None and not kwargs:
                result = direct(*args)
                if result is not None:
                    return result
            return run(*args, **kwargs)
        except SymbolicArgument:
            return _Symbolic.call(public, args, kwargs)
        except Exception as error:
            fail(of_operation(error, name, function), name, function, args, kwargs)

    def reroute(through: Callable[..., Any] | None) -> None:
        nonlocal run, direct
        run = function if through is None else functools.partial(through, name, function)
        direct = known if through is None else None

    if not of_user:
        _routes.append(reroute)
        _names.setdefault(function, name)
    public.__module__, public.__qualname__ = __package__, name  # where pickle finds it, not what it is made of
    return public  # type: ignore[return-value]


def routed(function: F, name: str) -> F:
    """A function below the public operations that layers call: it is seen by ``calls_through`` as these are."""
    run: Callable[..., Any] = function

    @functools.wraps(function)
    def internal(*args: Any) -> Any:
        return run(*args)

    def reroute(through: Callable[..., Any] | None) -> None:
        nonlocal run
        run = function if through is None else functools.partial(through, name, function)

    _routes.append(reroute)
    return internal  # type: ignore[return-value]


_routes: list[Callable[[Callable[..., Any] | None], None]] = []  # of all public operations
_one_at_a_time = threading.Lock()
_names: dict[Callable[..., Any], str] = {}  # of their functions, as the rooms call them


@contextlib.contextmanager
def calls_through(through: Callable[..., Any]) -> Iterator[None]:
    """Inside, each call of a public operation, of any thread, is ``through(name, function, *args, **kwargs)``, also
    where operations call each other.

    Elsewhere it costs nothing: the operations themselves are changed, and changed back.
    """
    with _one_at_a_time:
        bring("ops")  # what is imported inside would not be seen
        rooms = [vars(m) for name, m in list(sys.modules.items()) if name.startswith(f"{__package__}.")]
        found = [(room, name, f) for room in rooms for name, f in room.items() if isinstance(f, FunctionType)]
        called = [(room, name, f) for room, name, f in found if f in _names]
        try:
            for reroute in _routes:
                reroute(through)
            for room, name, f in called:
                room[name] = functools.partial(through, _names[f], f)
            yield
        finally:
            for reroute in _routes:
                reroute(None)
            for room, name, f in called:
                room[name] = f


def floatx() -> np.dtype[Any]:
    """The dtype of floats that nothing else decides: float32 unless ``config.set_floatx`` changed it."""
    return config.standardize_dtype(None)


def is_computable(dtype: np.dtype[Any]) -> bool:
    """Whether the kernels know a type; float16 and longdouble are floats that they do not."""
    return dtype.kind != "f" or dtype.itemsize in (4, 8)


def kernel_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type in which the kernels take arrays of ``dtype``: the same, or ``config.floatx()`` for other floats."""
    return dtype if is_computable(dtype) else floatx()


def as_tensor(x: TensorLike, dtype: Any = None) -> Tensor:
    """x as a Tensor.

    Without dtype Python numbers and lists of floats become ``config.floatx()``, as do arrays of float16 and longdouble;
    other arrays keep their type and are not copied.  A list of tensors is stacked, and the gradient flows to them.
    """
    if isinstance(x, Tensor):
        if dtype is None or x._array.dtype == dtype:
            return x
        return cast(x, dtype)
    if isinstance(x, np.ndarray) and dtype is None:
        if type(x) is not np.ndarray:  # a masked array or a matrix has methods of another meaning
            x = np.asarray(x)
        return wrap(x) if x.dtype.str in _NATIVE else Tensor(x, dtype=None if is_computable(x.dtype) else floatx())
    if isinstance(x, _Symbolic.type):
        raise SymbolicArgument
    if isinstance(x, (list, tuple)):
        if any(isinstance(v, _Symbolic.type) for v in x):
            raise SymbolicArgument
        if any(isinstance(v, Tensor) for v in x):
            return as_tensor(stack(x), dtype)
    if dtype is None:
        array = values_of(x, None)
        by_default = array.dtype == np.float64 and not isinstance(x, np.generic)
        if by_default or not is_computable(array.dtype):
            return wrap(array.astype(floatx()))
    return Tensor(x, dtype=dtype)


def forbid_symbolic(args: Iterable[Any]) -> None:
    """For arguments that are looked at before they become tensors: an operation on symbolic ones is drawn."""
    if any(isinstance(x, _Symbolic.type) for x in args):
        raise SymbolicArgument


def is_symbolic(x: Any) -> bool:
    """Whether x is a tensor without values, of a model that is being drawn."""
    return isinstance(x, _Symbolic.type)


def needs_values(op: str, x: TensorLike) -> None:
    """For operations whose result's shape follows the values of x, which a symbolic tensor has not."""
    if is_symbolic(x):
        raise TypeError(f"{op}: x is a symbolic tensor, which has no values; the shape of the result depends on them")


def shape_of(x: TensorLike) -> tuple[Any, ...]:
    """The shape of x, of a symbolic tensor with None for free sizes."""
    symbolic: Any = x if isinstance(x, _Symbolic.type) else None
    return as_tensor(x).shape if symbolic is None else tuple(symbolic.shape)


def float_tensor(x: TensorLike) -> Tensor:
    """x as a Tensor of floats; integers and booleans become ``config.floatx()``."""
    x = as_tensor(x)
    return x if x._array.dtype.kind == "f" else as_tensor(x, floatx())


def float_pair(x: TensorLike, y: TensorLike) -> tuple[Tensor, Tensor]:
    """Two operands in one float dtype, as Keras promotes: integers, booleans and Python numbers take the other's."""
    if isinstance(x, Tensor) and isinstance(y, Tensor) and x._array.dtype == y._array.dtype in _FLOATS:
        return x, y
    given = [v.dtype for v in (x, y) if isinstance(v, (Tensor, np.ndarray, np.generic))]
    floats = [d for d in given if d.kind == "f" and is_computable(d)]
    dtype = max(floats, key=lambda d: d.itemsize) if floats else floatx()
    return as_tensor(x, dtype), as_tensor(y, dtype)


def common_integer(op: str, *dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """The type of integers (and booleans) together; a TypeError for uint64 beside signed ones, which none holds."""
    dtype = np.result_type(*dtypes)
    if dtype.kind == "f":
        names = " and ".join(str(d) for d in dtypes)
        raise TypeError(f"{op}: no integer type holds {names}; convert one of them with .astype()")
    return dtype


def sum_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type of sums and products of integers, as Keras's: 32 bits or more, of the same sign."""
    return np.promote_types(dtype, np.uint32 if dtype.kind == "u" else np.int32)


def place_dtype(n: int) -> type[Any]:
    """The type of places among n elements: int32, as in Keras, unless it is too short."""
    return np.int32 if n <= 2**31 else np.int64


def index_array(x: Tensor) -> Array:
    """Integers as int32 or int64, for native functions that take indices; larger ones become the largest int64."""
    a = x._array
    if a.dtype in (np.int32, np.int64):
        return a
    if a.dtype == np.uint64:
        a = _native.binary_forward(a, np.iinfo(np.int64).max, "minimum")
    return _native.cast_forward(a, np.int64)


def integer_tensor(op: str, name: str, x: TensorLike) -> Tensor:
    """x as a Tensor; a TypeError that names ``op`` and the argument unless it holds integers."""
    x = as_tensor(x)
    if x._array.dtype.kind not in "iu":
        raise TypeError(f"{op}: {name} must be integers, got {x.dtype}; convert them with .astype()")
    return x


def check_sizes(op: str, shape: Any) -> tuple[int, ...]:
    """A shape as a tuple of integers; a ValueError that names ``op`` where it is none, or no array can be so large."""
    try:
        sizes = tuple(map(operator.index, (shape,) if isinstance(shape, (int, np.integer)) else shape))
    except TypeError:
        raise TypeError(f"{op}: a shape must be an integer or a sequence of integers, got {shape!r}") from None
    if any(n < 0 for n in sizes):
        raise ValueError(f"{op}: sizes must not be negative, got {sizes}")
    if math.prod(sizes) > _LARGEST or (0 in sizes and math.prod(filter(None, sizes)) > _LARGEST):
        raise ValueError(f"{op}: a result of shape {sizes} is larger than any array can be; check the sizes")
    return sizes


def pair(value: int | tuple[int, int] | list[int], name: str) -> tuple[int, int]:
    """One number for both axes, or (height, width)."""
    if isinstance(value, (int, np.integer)):
        return int(value), int(value)
    if len(value) != 2:
        raise ValueError(f"{name}: expected an integer or (height, width), got {value!r}")
    return int(value[0]), int(value[1])


def optional(x: TensorLike | None, dtype: Any = None) -> tuple[Tensor, Array | None]:
    """x as a tensor and its array; of None a tensor that wants no gradient, and None."""
    if x is None:
        return _NONE, None
    t = as_tensor(x, dtype)
    return t, t._array


_NONE = wrap(np.empty((), np.float32))


def forbid_in_capture(name: str) -> None:
    """For operations that look at values in Python: a captured step could not repeat them and stays eager."""
    forbid_capture(f"{name} looks at the values of a tensor")


def cast(x: TensorLike, dtype: Any) -> Tensor:
    """x in another type; differentiable between float types.  Floats become integers by cutting off decimals.

    Args:
        dtype: the type, a name or a NumPy type.

    Raises:
        TypeError: it is no type of numbers or booleans.

    Example:
        >>> ops.cast([1.7, -1.7], "int32")
        Tensor([ 1, -1], shape=(2,), dtype=int32)
    """
    t = as_tensor(x)
    dtype = as_dtype(dtype, "cast: dtype")
    if t._array.dtype == dtype:
        return t
    if not is_computable(t._array.dtype):
        forbid_in_capture(f"a conversion from {t._array.dtype}")
        t = wrap(t._array.astype(floatx()))
    y = _native.cast_forward(t._array, dtype)
    if not t.requires_grad or y.dtype.kind != "f":
        return wrap(y)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.cast_backward(dy, grads[0], grads.accumulate)

    return record(y, (t,), backward)


def _contiguous(a: Array) -> Array:
    return a if a.flags.c_contiguous else _native.contiguous(a)


def _axis(axis: int, ndim: int, op: str, shape: tuple[int, ...]) -> int:
    if not isinstance(axis, (int, np.integer)):
        raise TypeError(f"{op}: axis must be an integer, got {axis!r}")
    if not -ndim <= axis < ndim:
        raise ValueError(f"{op}: axis {axis} is outside x, which is {shape}")
    return int(axis) % ndim


def _view(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """x's elements under another shape."""
    before = x._array.shape
    return record_view(_contiguous(x._array).reshape(shape), (x,), lambda dy: (dy.reshape(before),))


def expand_dims(x: TensorLike, axis: int | tuple[int, ...] | list[int]) -> Tensor:
    """x with new axes of size 1.

    Args:
        axis: the place of the new axis in the result, or several.

    Raises:
        ValueError: a place is out of range or named twice.

    Example:
        >>> ops.expand_dims([1.0, 2.0], 0).shape
        (1, 2)
    """
    x = as_tensor(x)
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    ndim = x.ndim + len(axes)
    places = {_axis(a, ndim, "expand_dims", x.shape) for a in axes}
    if len(places) < len(axes):
        raise ValueError(f"expand_dims: axis {axis} names a place of the result twice; x is {x.shape}")
    sizes = iter(x.shape)
    return _view(x, tuple(1 if i in places else next(sizes) for i in range(ndim)))


def _one_type(tensors: list[Tensor]) -> list[Tensor]:
    dtypes = {t._array.dtype for t in tensors}
    if len(dtypes) <= 1:  # <= is free: those of one type would stay as they are
        return tensors
    floats = [d for d in dtypes if d.kind == "f"]
    dtype = max(floats, key=lambda d: d.itemsize) if floats else common_integer("concatenate", *dtypes)
    return [as_tensor(t, dtype) for t in tensors]


MOST_PARTS = 1 << 16  # of an axis that has fewer elements: the rest would be empty
_MOST_TENSORS = 1 << 24  # some gigabytes of them; a view may have more rows than one can count to


def check_parts(parts: int, size: int, op: str) -> None:
    """Raises where so many parts of an axis could not be held."""
    most = max(min(size, _MOST_TENSORS), MOST_PARTS)
    if parts > most:
        raise ValueError(f"{op}: {parts} parts of an axis of {size}; expected at most {most}")


def tensors_of(op: str, xs: Iterable[TensorLike]) -> list[Tensor]:
    """A list of tensors, or the parts of an array along its first axis."""
    if isinstance(xs, (Tensor, np.ndarray)) and xs.ndim:
        check_parts(xs.shape[0], xs.size, op)
    return [as_tensor(x) for x in xs]


def from_dlpack(x: Any, copy: bool | None = None) -> Tensor:
    """A tensor over the memory of another library's array, without a copy.

    Writing into one changes the other, where that library allows it; the memory lives as long as one of the two.

    Args:
        x: an array with ``__dlpack__`` in the memory of the processor, as those of PyTorch, JAX and NumPy.
        copy: True always copies, False never, None where it has to be.

    Raises:
        TypeError: ``x`` has no ``__dlpack__``, or its type is none of Lamina's.
        ValueError: its memory is not the processor's; it wants a gradient; ``copy`` is False, and it has to be copied.

    Source: Python array API standard, from_dlpack.

    Example:
        >>> ops.from_dlpack(np.arange(3.0))
        Tensor([0., 1., 2.], shape=(3,), dtype=float64)
    """
    if not hasattr(x, "__dlpack__"):
        raise TypeError(f"expected an array with __dlpack__, such as one of PyTorch, JAX or NumPy, got {show(x)}")
    try:
        array = np.from_dlpack(x)
    except (BufferError, RuntimeError) as error:
        told = f"{type(x).__module__.partition('.')[0]}.{type(x).__name__} of {getattr(x, 'dtype', 'another type')}"
        raise ValueError(
            f"{told} cannot be taken: {str(error).rstrip('.')}; detach it, move it to the processor's memory, or "
            "convert it to float32 there"
        ) from error
    if array.dtype.kind not in "fiub" or not is_computable(array.dtype):
        raise TypeError(f"elements of {array.dtype} are none of Lamina's; convert them to float32 before")
    alone = array.dtype.isnative and array.flags.aligned
    if copy is False and not alone:
        raise ValueError("copy=False, but it has to be copied")
    return wrap(array if copy is not True and alone else np.array(array))


def concatenate(xs: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Tensors one after the other along an axis.

    Args:
        xs: list of tensors; all sizes but that of the axis are equal.
        axis: the axis; negative ones count from the end; None makes each one axis before.

    Raises:
        ValueError: the list is empty, sizes differ, or the axis is out of range.

    Example:
        >>> ops.concatenate([[1.0, 2.0], [3.0]])
        Tensor([1., 2., 3.], shape=(3,), dtype=float32)
    """
    tensors = _one_type(tensors_of("concatenate", xs))
    if not tensors:
        raise ValueError("concatenate: expected one tensor or more")
    if axis is None:
        tensors, axis = [_view(t, (t.size,)) for t in tensors], 0
    y = _native.concatenate_forward(tuple(t._array for t in tensors), axis)
    sizes = [t._array.shape[axis] for t in tensors]

    def backward(dy: Array, grads: Gradients) -> None:
        _native.concatenate_backward(dy, axis, sizes, tuple(grads), grads.accumulate)

    return record(y, tuple(tensors), backward)


def stack(x: Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Tensors of one shape along a new axis.

    Args:
        x: list of tensors of one shape.
        axis: the place of the new axis in the result.

    Raises:
        ValueError: the list is empty, or the shapes differ.

    Example:
        >>> ops.stack([[1.0, 2.0], [3.0, 4.0]])
        Tensor([[1., 2.],
                [3., 4.]], shape=(2, 2), dtype=float32)
    """
    tensors = tensors_of("stack", x)
    shapes = {t.shape for t in tensors}
    if len(shapes) != 1:
        raise ValueError(f"stack: expected one tensor or more of one shape, got {sorted(shapes)}")
    return concatenate([expand_dims(t, axis) for t in tensors], axis)


__all__ = ["cast", "concatenate", "expand_dims", "from_dlpack", "stack"]
