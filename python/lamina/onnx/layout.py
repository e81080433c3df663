"""Values whose axes are stored in another order than the graph's.

ONNX is channels first, Lamina's kernels are channels last.  An image is turned once, in front of the first convolution;
what follows keeps that order as long as it can: elementwise operators, pooling, concatenation and reductions map axes,
Transpose only renames them.  An operator that knows nothing of orders gets plain tensors.

    Ordered(tensor, order)   axis i of the tensor is axis order[i] of the value in the graph
    (N, C, H, W) as NHWC     order (0, 2, 3, 1)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from .. import ops
from ..core.autograd import Tensor

Order: TypeAlias = tuple[int, ...]


class Ordered:
    """A tensor with its axes in another order."""

    __slots__ = ("_plain", "order", "tensor")

    def __init__(self, tensor: Tensor, order: Order) -> None:
        self.tensor, self.order = tensor, order
        self._plain: Tensor | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes in the graph's order."""
        sizes = self.tensor.shape
        return tuple(sizes[self.order.index(i)] for i in range(len(sizes)))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.order)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self.tensor.dtype

    def plain(self) -> Tensor:
        """The tensor in the graph's order, turned once."""
        if self._plain is None:
            self._plain = permuted(self.tensor, [self.order.index(i) for i in range(len(self.order))])
        return self._plain


def ordered(tensor: Tensor, order: Sequence[int]) -> Tensor | Ordered:
    """The value that is stored so."""
    order = tuple(order)
    return tensor if order == tuple(range(len(order))) else Ordered(tensor, order)


def plain(x: Any) -> Any:
    """A value in the graph's order: a tensor, an array, or None."""
    return x.plain() if type(x) is Ordered else x


def permuted(x: Any, axes: Sequence[int]) -> Any:
    """A tensor or an array with its axes in this order; where only axes of size 1 move, nothing does."""
    axes = tuple(axes)
    if axes == tuple(range(len(axes))):
        return x
    shape = x.shape
    moving = [a for a in axes if shape[a] != 1]
    if moving == sorted(moving):
        target = tuple(shape[a] for a in axes)
        return x.reshape(target) if isinstance(x, np.ndarray) else ops.reshape(x, target)
    return np.ascontiguousarray(x.transpose(axes)) if isinstance(x, np.ndarray) else ops.transpose(x, axes)


def stored(x: Any, order: Order) -> Any:
    """The tensor (or array) that holds ``x`` in this order of axes."""
    if type(x) is Ordered:
        return x.tensor if x.order == order else permuted(x.tensor, [x.order.index(a) for a in order])
    return permuted(x, order)


def order_of(x: Any) -> Order:
    """The order in which the axes of a value are stored."""
    return x.order if type(x) is Ordered else tuple(range(x.ndim))


def data_of(x: Any) -> Any:
    """The tensor or array behind a value, as it is stored."""
    return x.tensor if type(x) is Ordered else x


def channels_last(ndim: int) -> Order:
    """The order of Lamina's kernels: batch, space, channels."""
    return (0, *range(2, ndim), 1)


def elementwise(f: Callable[..., Tensor], *args: Any) -> Tensor | Ordered:
    """``f`` of values that broadcast, in the order of the largest one."""
    first = args[0]
    if len(args) == 1:
        return Ordered(f(first.tensor), first.order) if type(first) is Ordered else f(first)
    order = common_order(args)
    return f(*args) if order is None else Ordered(f(*(aligned(a, order) for a in args)), order)


def common_order(args: Sequence[Any]) -> Order | None:
    """The order in which values that broadcast are computed; None for the graph's."""
    candidates = [a for a in args if type(a) is Ordered]
    if not candidates:
        return None
    largest = max(candidates, key=lambda a: a.tensor.size)
    rank = max(a.ndim for a in args)
    if largest.ndim == rank:
        return largest.order
    return (*range(rank - largest.ndim), *(rank - largest.ndim + i for i in largest.order))


def aligned(x: Any, order: Order) -> Any:
    """A value that broadcasts to ``len(order)`` axes, stored in that order."""
    missing = len(order) - x.ndim
    if missing and x.ndim == 0:
        return x
    if missing:
        x = reshaped(x, (1,) * missing + tuple(x.shape))
    return stored(x, order)


def reshaped(x: Any, shape: Sequence[int]) -> Any:
    """A value in another shape; axes that stay together in memory are only renamed."""
    shape = tuple(shape)
    if type(x) is not Ordered:
        return x.reshape(shape) if isinstance(x, np.ndarray) else ops.reshape(x, shape)
    groups = _groups(x.shape, shape)
    if groups is None:
        return ops.reshape(x.plain(), shape)
    place = {axis: i for i, axis in enumerate(x.order)}
    sizes = x.tensor.shape
    for old, _ in groups:
        inside = [a for a in x.order[place[old[0]] : place[old[-1]] + 1] if sizes[place[a]] != 1]
        if inside != old:
            return ops.reshape(x.plain(), shape)
    groups.sort(key=lambda g: place[g[0][0]])
    order = [axis for _, new in groups for axis in new]
    for axis in (i for i in range(len(shape)) if shape[i] == 1):  # where it stands, costs nothing
        behind = [a for a in order if a > axis]
        order.insert(order.index(min(behind)) if behind else len(order), axis)
    return ordered(ops.reshape(x.tensor, tuple(shape[a] for a in order)), order)


def _groups(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]] | None:
    """Axes that become which axes, without those of size 1; None where the sizes do not fit or are zero."""
    a = [i for i, n in enumerate(old) if n != 1]
    b = [i for i, n in enumerate(new) if n != 1]
    if 0 in old or math.prod(old) != math.prod(new):
        return None
    groups = []
    while a:
        left, right = [a.pop(0)], [b.pop(0)]
        p, q = old[left[0]], new[right[0]]
        while p != q:
            if p < q:
                left.append(a.pop(0))
                p *= old[left[-1]]
            else:
                right.append(b.pop(0))
                q *= new[right[-1]]
        groups.append((left, right))
    return groups


def axis_of(x: Any, axis: int) -> int:
    """Where an axis of the graph stands in the tensor behind a value."""
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"axis {axis} is outside of a value of shape {x.shape}")
    axis %= x.ndim
    return x.order.index(axis) if type(x) is Ordered else axis


def renamed(x: Any, axes: Sequence[int]) -> Any:
    """The transposed value, without moving anything: axis i of it is axis ``axes[i]`` of ``x``."""
    axes = tuple(axes)
    return ordered(data_of(x), [axes.index(a) for a in order_of(x)])
