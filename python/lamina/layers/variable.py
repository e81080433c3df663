"""Variable: a named weight; and the automatic names of layers and weights."""

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
import math
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import _native, initializers, ops
from ..config import standardize_dtype
from ..core.arrays import as_dtype, is_list, to_numbers
from ..core.autograd import Array, Tensor
from ..core.grad_mode import grad_mode, no_grad
from ..core.recording import forbid_capture, note_change
from ..ops.conversion import as_tensor

_used: dict[str, itertools.count[int]] = {}


@functools.cache
def snake_case(name: str) -> str:
    """Keras's rule: Conv2D -> conv2d, MaxPooling2D -> max_pooling2d, LSTMCell -> lstm_cell."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix: str) -> str:
    """prefix, prefix_1, prefix_2 ... in the order of creation."""
    n = next_number(prefix)
    return f"{prefix}_{n}" if n else prefix


def next_number(prefix: str) -> int:
    """How often an automatic name of this prefix was made before; this is one."""
    return next(_used.setdefault(prefix, itertools.count()))  # each once, also where several threads ask


class _Scopes(threading.local):
    path = ""  # of the blocks of name_scope around, each with a slash behind it
    caller: Any = None
    remat: Any = None  # what the innermost RematScope says of new layers


scopes = _Scopes()


def forget_names() -> None:
    """Let automatic names begin anew."""
    _used.clear()


def unique_keys(names: Sequence[str]) -> list[str]:
    """The names, with _1, _2 ... behind those that came before; numbers that are names themselves are left out."""
    taken = set(names)
    seen: Counter[str] = Counter()
    keys = []
    for name in names:
        key = name
        while seen[name] and key in taken:
            key = f"{name}_{seen[name]}"
            seen[name] += 1
        seen[name] += not seen[name]
        taken.add(key)
        keys.append(key)
    return keys


_LINE = 64  # bytes of a cache line


def aligned(values: Any, dtype: np.dtype[Any]) -> Array:
    """A C-contiguous copy that starts on a cache line, and so on a vector."""
    values = np.asarray(values)
    array = _on_a_line(np.empty(values.size * dtype.itemsize + _LINE, dtype=np.uint8), values.shape, dtype)
    array[...] = values
    return array


def _on_a_line(raw: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """An array in the bytes of ``raw``, of which there are some more than it needs."""
    start = -raw.ctypes.data % _LINE
    return raw[start : start + math.prod(shape) * dtype.itemsize].view(dtype).reshape(shape)


def _zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """As ``aligned``; memory comes with the first write."""
    return _on_a_line(np.zeros(math.prod(shape) * dtype.itemsize + _LINE, dtype=np.uint8), shape, dtype)


def _first(what: str, initializer: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """The values that an initializer gives."""
    give = initializers.get(initializer)
    floats = isinstance(give, initializers.Initializer) and dtype.kind != "f"  # which they all give
    try:
        values = np.asarray(give(shape, dtype="float64" if floats else dtype.name))
    except TypeError as error:
        raise TypeError(f"{what}: the initializer, called with (shape, dtype=...), says: {error}") from error
    if values.shape != shape:
        raise ValueError(f"{what}: the initializer gave shape {values.shape}, expected {shape}")
    return aligned(values, dtype)


class Variable(Tensor):
    """A tensor that belongs to a layer: it has a name, and training may change it.

    Args:
        initializer: the value, or with ``shape`` what gives it: a name, an Initializer, or a function f(shape, dtype).
        shape: the sizes; None takes the value's.
        dtype: type of the elements; None means ``config.floatx()``, or the type of a given array.
        trainable: whether training changes it; integers never are trainable.
        name: name of the weight; None makes one.
        regularizer: penalty on the value, added to the loss.
        constraint: limit on the value: a function that optimizers apply after each update.

    Raises:
        ValueError: an initializer has no ``shape``, or gives another one; a size is negative.
        TypeError: ``name`` is no string; an initializer does not take (shape, dtype=...).

    Source: Keras 3, Variable.

    Example:
        >>> v = layers.Variable(np.zeros(2, "float32"))
        >>> v.assign([1.0, 2.0])
        <Variable path=variable, shape=(2,), dtype=float32, value=[1., 2.]>
        >>> v.numpy()
        array([1., 2.], dtype=float32)
    """

    __slots__ = (
        "_constraint",
        "_trainable",
        "initializer",
        "name",
        "named",
        "owner",
        "regularizer",
        "scope",
        "touched",
    )

    fixed_shape = True  # of what is assigned

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        name: str | None = None,
        regularizer: Callable[[Tensor], Any] | None = None,
        constraint: Callable[[Tensor], Any] | None = None,
    ) -> None:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"Variable: name must be a string or None, got {name!r}")
        what = name or "Variable"
        if shape is None:
            if isinstance(initializer, str) or callable(initializer):
                raise ValueError(f"{what}: an initializer needs shape=")
            values = to_numbers(f"{what}: the value", initializer)
            kept = values.dtype if isinstance(initializer, (np.ndarray, Tensor)) or values.dtype.kind != "f" else None
            working = as_dtype(dtype, f"{what}: dtype") if dtype is not None else kept or standardize_dtype(None)
            array = aligned(values, working)
        else:
            size = check_shape(what, shape)
            _take(what, size)
            working = as_dtype(dtype, f"{what}: dtype") if dtype is not None else standardize_dtype(None)
            array = _zeros(size, working) if _limit.unfilled else _first(what, initializer, size, working)
        super().__init__(array)
        self.initializer = initializer
        self.regularizer = regularizer
        self._constraint = constraint
        self.named = name is not None
        self.name = name or auto_name("variable")
        self.owner: Any = None  # weak reference to the layer
        self.scope = scopes.path
        self.touched: _native.TouchedRows | None = None
        self._trainable = self.requires_grad = working.kind == "f" and bool(trainable)
        note_change()

    @classmethod
    def around(cls, array: Array, name: str) -> Variable:
        """A variable that is not trained, in memory that is there already.

        Args:
            array: the memory.
            name: the variable's name.
        """
        v = cls.__new__(cls)
        Tensor.__init__(v, array)
        v.initializer = v.regularizer = v._constraint = v.owner = v.touched = None
        v.named, v.name, v.scope, v._trainable = True, name, "", False
        return v

    @property
    def trainable(self) -> bool:
        """Whether backward fills ``grad`` and optimizers change the value."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if value and self._array.dtype.kind != "f":
            raise TypeError(f"{self.path}: dtype {self.dtype} cannot be trained")
        if self._trainable is not bool(value) or self.requires_grad is not bool(value):
            self._trainable = self.requires_grad = bool(value)
            note_change(self, "trainable")

    @property
    def constraint(self) -> Callable[[Tensor], Any] | None:
        """Limit on the value, which optimizers apply after each update; None for none."""
        return self._constraint

    @constraint.setter
    def constraint(self, value: Callable[[Tensor], Any] | None) -> None:
        self._constraint = value
        note_change(self, "constraint")

    @property
    def path(self) -> str:
        """Names from the model down, as in ``model/dense/kernel``."""
        layer = None if self.owner is None else self.owner()
        return f"{self.scope}{self.name}" if layer is None else f"{layer.path}/{self.name}"

    @property
    def value(self) -> Tensor:
        """The variable itself, a tensor."""
        return self

    def assign(self, value: Any) -> Variable:
        """Overwrite the value in place.

        Args:
            value: a tensor, array or number that broadcasts to the shape.

        Returns: the variable.

        Raises:
            ValueError: the value does not broadcast to the shape.
            TypeError: its type cannot be converted.
        """
        if grad_mode.assigning is not None:
            grad_mode.assigning(self._array)
        if isinstance(value, Tensor) and value._array.shape == self._array.shape and value.dtype == self.dtype:
            array = value._array if value._array.flags.c_contiguous else _native.contiguous(value._array)
            _native.strided_copy(array, self._array)  # repeated by captured steps
            return self
        forbid_capture(f"{self.path} was assigned what is not a tensor of its shape and dtype")
        values = np.asarray(value)
        try:
            np.copyto(self._array, values, casting="same_kind" if values.dtype.kind == "f" else "unsafe")
        except ValueError:
            raise ValueError(f"{self.path}: cannot assign shape {values.shape} to shape {self.shape}") from None
        except TypeError:
            raise TypeError(f"{self.path}: cannot assign dtype {values.dtype} to dtype {self.dtype}") from None
        return self

    def assign_add(self, value: Any) -> Variable:
        """Add in place.

        Args:
            value: a tensor, array or number that broadcasts to the shape.

        Returns: the variable.
        """
        return self.assign(self._plus(value, ops.add, np.add))

    def assign_sub(self, value: Any) -> Variable:
        """Subtract in place.

        Args:
            value: a tensor, array or number that broadcasts to the shape.

        Returns: the variable.
        """
        return self.assign(self._plus(value, ops.subtract, np.subtract))

    def _plus(self, value: Any, native: Callable[..., Tensor], numpy: Callable[..., Array]) -> Any:
        """The sum or difference, where it can be natively, so that captured steps repeat it."""
        if self._array.dtype.kind != "f":
            return numpy(self._array, np.asarray(value))
        with no_grad():
            return native(self, as_tensor(value, self._array.dtype))

    def _pickled(self) -> dict[str, Any]:
        """Without its layer, which makes itself the owner when it is read with its variables.

        A function or an array that gave the first value is left out: it needs no name and no room in the file.
        """
        state = super()._pickled()
        if not isinstance(self.initializer, (str, initializers.Initializer)):
            state["initializer"] = None
        state["touched"] = None if self.touched is None else len(self)
        del state["owner"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.owner = getattr(self, "owner", None)  # set already where a layer stands inside of itself
        super().__setstate__(state)
        self._array = aligned(self._array, self._array.dtype)
        if self.touched is not None:
            self.touched = _native.TouchedRows(len(self))
            if self._grad_is_set:
                _native.touch_all(self.touched)

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:
        """With its gradient, both aligned as they were; a copied layer makes itself the owner."""
        new = type(self)(self._array, trainable=self._trainable, name=self.name)
        memo[id(self)] = new
        kept = (self.initializer, self.regularizer, self._constraint)
        new.initializer, new.regularizer, new._constraint = copy.deepcopy(kept, memo)
        new.named, new.owner, new.scope = self.named, self.owner, self.scope
        new._grad = None if self._grad is None else aligned(self._grad, self.dtype)
        new._grad_is_set = self._grad_is_set
        new.touched = copy.deepcopy(self.touched, memo)
        return new

    def __repr__(self) -> str:
        forbid_capture("a variable was printed or formatted")
        body = np.array2string(self._array, separator=", ", threshold=20)
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}, value={body}>"


class _Limit(threading.local):
    numbers: tuple[int, int] | None = None  # that new variables may still have, and at first, if there is a limit
    unfilled = False


_limit = _Limit()


@contextlib.contextmanager
def numbers_at_most(total: int) -> Iterator[None]:
    """Inside, variables that are made with a shape have at most so many numbers together; ValueError before memory."""
    outer, _limit.numbers = _limit.numbers, (total + _SPARE, total)
    try:
        yield
    finally:
        _limit.numbers = outer


@contextlib.contextmanager
def unfilled() -> Iterator[None]:
    """Inside, variables that are made with a shape are zeros and draw no numbers: a file gives their values."""
    outer, _limit.unfilled = _limit.unfilled, True
    try:
        yield
    finally:
        _limit.unfilled = outer


def check_numbers(what: str, numbers: int) -> None:
    """ValueError where so many new numbers are more than ``numbers_at_most`` leaves."""
    if _limit.numbers is not None and numbers > _limit.numbers[0]:
        raise ValueError(f"{what} has weights of {numbers} numbers, the saved ones are {_limit.numbers[1]} in all")


_SPARE = 2**16  # for variables that are no weights


def _take(what: str, shape: tuple[int, ...]) -> None:
    if _limit.numbers is not None:
        left, total = _limit.numbers
        left -= math.prod(shape)
        _limit.numbers = left, total
        if left < 0:
            raise ValueError(
                f"{what} of shape {shape} is larger than the saved weights, which are {total} numbers in all"
            )


def check_shape(what: str, shape: Sequence[int]) -> tuple[int, ...]:
    """A weight's shape as a tuple of positive integers whose product can be addressed."""
    if not isinstance(shape, (int, np.integer)) and not is_list(shape):
        raise TypeError(f"{what}: a shape must be a list of integers, got {shape!r}")
    shape = (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(shape)
    for n in shape:
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
            raise ValueError(f"{what}: shape {shape} must hold non-negative integers; a free (None) size has no weight")
    size = 1
    for n in shape:
        size *= int(n)
    if size > 2**40:
        raise ValueError(f"{what}: shape {shape} asks for {size} elements, more than can be held in memory")
    return tuple(int(n) for n in shape)


__all__ = ["Variable"]
