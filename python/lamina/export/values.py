"""What operations take and give while a graph is made: values in several orders of axes, and sizes that are free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from ..core.autograd import Array

Order: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Size:
    """An integer that follows the free axes: its values in the two traces, which differ."""

    first: int
    second: int

    @property
    def both(self) -> tuple[int, int]:
        return self.first, self.second

    def _with(self, other: Any, f: Callable[[int, int], int], swapped: bool = False) -> Any:
        if not isinstance(other, (int, np.integer, Size)):
            return NotImplemented
        m, n = (other.first, other.second) if isinstance(other, Size) else (int(other), int(other))
        if swapped:
            return size(f(m, self.first), f(n, self.second))
        return size(f(self.first, m), f(self.second, n))

    def __add__(self, other: Any) -> Any:
        return self._with(other, int.__add__)

    def __radd__(self, other: Any) -> Any:
        return self._with(other, int.__add__, True)

    def __sub__(self, other: Any) -> Any:
        return self._with(other, int.__sub__)

    def __rsub__(self, other: Any) -> Any:
        return self._with(other, int.__sub__, True)

    def __mul__(self, other: Any) -> Any:
        return self._with(other, int.__mul__)

    def __rmul__(self, other: Any) -> Any:
        return self._with(other, int.__mul__, True)

    def __floordiv__(self, other: Any) -> Any:
        return self._with(other, int.__floordiv__)

    def __mod__(self, other: Any) -> Any:
        return self._with(other, int.__mod__)

    def __neg__(self) -> Any:
        return size(-self.first, -self.second)


Length: TypeAlias = Any  # an integer or a Size
Shape: TypeAlias = "tuple[Length, ...]"


def size(first: int, second: int) -> Length:
    """An integer by its values in the two traces."""
    return int(first) if first == second else Size(int(first), int(second))


def product(sizes: Sequence[Length]) -> Length:
    total: Length = 1
    for n in sizes:
        total = n * total
    return total


@dataclass
class Value:
    """A tensor of the graph.

    forms: {order: name of the ONNX value}: axis i of the ONNX value is axis ``order[i]`` of this one; the first is the
        one that a node made.  array: what a constant holds; its forms are made when they are needed.
    """

    dtype: np.dtype[Any]
    shape: Shape
    forms: dict[Order, str] = field(default_factory=dict)
    array: Array | None = None
    hint: str | None = None  # of a constant: the key of the weight
    narrow: Value | None = None  # what it was broadcast from, for operands that broadcast by themselves

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def plain(self) -> Order:
        """The order of axes as they are."""
        return tuple(range(len(self.shape)))

    @property
    def order(self) -> Order:
        """The order in which it was made."""
        return next(iter(self.forms), self.plain)

    @property
    def size(self) -> Length:
        return product(self.shape)

    def turned(self, axes: Sequence[int]) -> Value:
        """Its axes in another order; no node is needed for it."""
        shape = tuple(self.shape[a] for a in axes)
        if self.array is not None:
            return Value(self.dtype, shape, {}, self.array.transpose(axes), self.hint)
        back = {a: i for i, a in enumerate(axes)}
        return Value(self.dtype, shape, {tuple(back[a] for a in order): name for order, name in self.forms.items()})


def channels_first(ndim: int) -> Order:
    """The order that ONNX's operators on images want, of a batch stored channels last."""
    return (0, ndim - 1, *range(1, ndim - 1))


def broadcast(*shapes: Shape) -> Shape:
    """The shape of an elementwise result."""
    ndim = max(map(len, shapes), default=0)
    result: list[Length] = [1] * ndim
    for shape in shapes:
        for i, n in enumerate(shape, ndim - len(shape)):
            if n != 1:
                result[i] = n
    return tuple(result)
