"""Elements in other places: rolled, turned, appended, cut into parts of unequal size, axes split, moved and joined as a
pattern says; differences of neighbours."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.autograd import Tensor
from .comparison import not_equal
from .conversion import TensorLike, _axis, as_tensor, check_parts, concatenate
from .elementwise import subtract
from .reshape import Axis, flip, getitem, ravel, reshape, split, transpose


def roll(x: TensorLike, shift: int | Sequence[int], axis: Axis = None) -> Tensor:
    """x moved along axes; what leaves at the end comes in at the front.

    Args:
        shift: how many places, one number or one for each axis; negative ones move to the front.
        axis: the axis or the axes; None moves the elements in C order.

    Raises:
        TypeError: ``shift`` is no integer or sequence of integers.
        ValueError: an axis is out of range; shifts and axes differ in number.

    Example:
        >>> ops.roll([1.0, 2.0, 3.0], 1)
        Tensor([3., 1., 2.], shape=(3,), dtype=float32)
    """
    x = as_tensor(x)
    shifts: list[Any] = list(shift) if isinstance(shift, (tuple, list)) else [shift]
    if not all(isinstance(s, (int, np.integer)) for s in shifts):
        raise TypeError(f"roll: shift must be an integer or a sequence of integers, got {shift!r}")
    if axis is None:
        return reshape(roll(ravel(x), sum(shifts), 0), x.shape)
    axes = list(axis) if isinstance(axis, (tuple, list)) else [axis]
    if len(shifts) == 1:
        shifts = shifts * len(axes)
    if len(axes) == 1 < len(shifts):
        axes = axes * len(shifts)
    if len(axes) != len(shifts):
        raise ValueError(f"roll: {len(shifts)} shifts do not fit {len(axes)} axes")
    for a, s in zip(axes, shifts, strict=True):
        a = _axis(a, x.ndim, "roll", x.shape)
        if x.shape[a] and (s := int(s) % x.shape[a]):
            head, tail = split(x, [x.shape[a] - s], a)
            x = concatenate([tail, head], a)
    return x


def rot90(array: TensorLike, k: int = 1, axes: Sequence[int] = (0, 1)) -> Tensor:
    """x turned by right angles, from the first of two axes towards the second.

    Args:
        array: a tensor or an array of two axes or more.
        k: how many right angles.
        axes: the two axes.

    Raises:
        ValueError: the axes are not two, the same, or out of range.

    Example:
        >>> ops.rot90([[1.0, 2.0], [3.0, 4.0]])
        Tensor([[2., 4.],
                [1., 3.]], shape=(2, 2), dtype=float32)
    """
    x = as_tensor(array)
    if len(axes) != 2:
        raise ValueError(f"rot90: expected two axes, got {axes}")
    a, b = (_axis(i, x.ndim, "rot90", x.shape) for i in axes)
    if a == b:
        raise ValueError(f"rot90: axes {tuple(axes)} of x, which is {x.shape}, are the same")
    order = list(range(x.ndim))
    order[a], order[b] = b, a
    turned = {
        0: lambda: x,
        1: lambda: transpose(flip(x, b), order),
        2: lambda: flip(x, (a, b)),
        3: lambda: flip(transpose(x, order), b),
    }
    return turned[k % 4]()


def append(x1: TensorLike, x2: TensorLike, axis: int | None = None) -> Tensor:
    """``x2`` behind ``x1`` along an axis.

    Args:
        x2: what comes behind; all sizes but that of the axis are equal.
        axis: the axis; None makes both one axis before.

    Raises:
        ValueError: the sizes differ.

    Example:
        >>> ops.append([1.0, 2.0], [3.0])
        Tensor([1., 2., 3.], shape=(3,), dtype=float32)
    """
    if axis is None:
        x1, x2, axis = ravel(x1), ravel(x2), 0
    return concatenate([x1, x2], axis)


def array_split(x: TensorLike, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Parts of x along an axis; the first ones are one longer where the parts cannot be of one size.

    Args:
        indices_or_sections: the number of parts, or the places where they begin.
        axis: the axis; negative ones count from the end.

    Raises:
        ValueError: the number of parts is not positive; the axis is out of range.

    Example:
        >>> [part.shape for part in ops.array_split(np.ones(7), 3)]
        [(3,), (2,), (2,)]
    """
    x = as_tensor(x)
    if not isinstance(indices_or_sections, (int, np.integer)):
        return split(x, indices_or_sections, axis)
    parts = int(indices_or_sections)
    if parts < 1:
        raise ValueError(f"array_split: expected one part or more, got {parts}")
    axis = _axis(axis, x.ndim, "array_split", x.shape)
    check_parts(parts, x.shape[axis], "array_split")
    size, longer = divmod(x.shape[axis], parts)
    return split(x, [size * i + min(i, longer) for i in range(1, parts)], axis)


def diff(a: TensorLike, n: int = 1, axis: int = -1) -> Tensor:
    """Differences of neighbours along an axis.

    Args:
        a: a tensor or an array.
        n: how many times differences are taken.
        axis: the axis; negative ones count from the end.

    Raises:
        ValueError: ``n`` is negative; the axis is out of range.

    Example:
        >>> ops.diff([1.0, 4.0, 9.0])
        Tensor([3., 5.], shape=(2,), dtype=float32)
    """
    x = as_tensor(a)
    axis = _axis(axis, x.ndim, "diff", x.shape)
    if n < 0:
        raise ValueError(f"diff: n must not be negative, got {n}")
    lead = (slice(None),) * axis
    minus = not_equal if x._array.dtype.kind == "b" else subtract
    for _ in range(min(n, x.shape[axis])):  # behind which nothing is left, however large n is
        x = minus(getitem(x, (*lead, slice(1, None))), getitem(x, (*lead, slice(None, -1))))
    return x


def fliplr(x: TensorLike) -> Tensor:
    """x backwards along its second axis.

    Raises:
        ValueError: x has less than two axes.

    Example:
        >>> ops.fliplr([[1.0, 2.0], [3.0, 4.0]])
        Tensor([[2., 1.],
                [4., 3.]], shape=(2, 2), dtype=float32)
    """
    return flip(_of_axes("fliplr", x, 2), 1)


def flipud(x: TensorLike) -> Tensor:
    """x backwards along its first axis.

    Raises:
        ValueError: x has no axis.

    Example:
        >>> ops.flipud([[1.0, 2.0], [3.0, 4.0]])
        Tensor([[3., 4.],
                [1., 2.]], shape=(2, 2), dtype=float32)
    """
    return flip(_of_axes("flipud", x, 1), 0)


def vsplit(x: TensorLike, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """Parts of x along its first axis, one below the other.

    Args:
        indices_or_sections: the number of equal parts, or the places where they begin.

    Raises:
        ValueError: x has less than two axes, or the axis cannot be cut into so many equal parts.

    Example:
        >>> [part.shape for part in ops.vsplit(np.ones((4, 2)), 2)]
        [(2, 2), (2, 2)]
    """
    return split(_of_axes("vsplit", x, 2), indices_or_sections, 0)


def hsplit(x: TensorLike, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """Parts of x along its second axis, side by side; of a vector along its only one.

    Args:
        indices_or_sections: the number of equal parts, or the places where they begin.

    Raises:
        ValueError: x has no axis, or the axis cannot be cut into so many equal parts.

    Example:
        >>> [part.shape for part in ops.hsplit(np.ones((2, 4)), 2)]
        [(2, 2), (2, 2)]
    """
    x = _of_axes("hsplit", x, 1)
    return split(x, indices_or_sections, min(1, x.ndim - 1))


def dsplit(x: TensorLike, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """Parts of x along its third axis, one behind the other.

    Args:
        indices_or_sections: the number of equal parts, or the places where they begin.

    Raises:
        ValueError: x has less than three axes, or the axis cannot be cut into so many equal parts.

    Example:
        >>> [part.shape for part in ops.dsplit(np.ones((1, 2, 4)), 2)]
        [(1, 2, 2), (1, 2, 2)]
    """
    return split(_of_axes("dsplit", x, 3), indices_or_sections, 2)


def _of_axes(op: str, x: TensorLike, least: int) -> Tensor:
    """x as a Tensor that has so many axes."""
    x = as_tensor(x)
    if x.ndim < least:
        raise ValueError(f"{op}: x is {x.shape}; expected {least} axes or more")
    return x


def get_item(x: TensorLike, key: Any) -> Tensor:
    """The part of x that an index names: ``x[key]``.

    Args:
        key: what may stand between the brackets: integers, slices, ``...``, None, arrays of integers or booleans.

    Raises:
        IndexError: an index is out of range.

    Example:
        >>> ops.get_item([[1.0, 2.0], [3.0, 4.0]], (slice(None), 0))
        Tensor([1., 3.], shape=(2,), dtype=float32)
    """
    return getitem(x, key)


def _groups(pattern: str, side: str) -> list[list[str]]:
    """The names of each axis of one side of a pattern; several between brackets."""
    groups = [part.strip("()").split() for part in re.findall(r"\([^()]*\)|[^\s()]+", side)]
    names = [name for group in groups for name in group]
    unbalanced = re.search(r"[()]", re.sub(r"\([^()]*\)", "", side))
    if unbalanced or any(not name.isidentifier() for name in names) or len(set(names)) < len(names):
        raise ValueError(f"rearrange: {side.strip()!r} in {pattern!r} must name axes once each, groups in brackets")
    return groups


def rearrange(tensor: TensorLike, pattern: str, **axes_lengths: int) -> Tensor:
    """A tensor whose axes are split, moved and joined: ``rearrange(x, "b (h h1) w c -> b h w (h1 c)", h1=2)``.

    Args:
        tensor: a tensor or an array.
        pattern: the names of its axes, an arrow, the names of the result's axes; those between brackets are one axis.
        **axes_lengths: sizes of axes between brackets; of each axis at most one may be left out.

    Raises:
        ValueError: the pattern cannot be read, or does not fit the tensor; a size is missing or wrong.

    Example:
        >>> ops.rearrange(ops.ones((2, 6, 3)), "b (h h1) c -> b h (h1 c)", h1=2).shape
        (2, 3, 6)
    """
    x = as_tensor(tensor)
    sides = pattern.split("->") if isinstance(pattern, str) else []
    if len(sides) != 2:
        raise ValueError(f"rearrange: expected a pattern such as 'b h w c -> b (h w) c', got {pattern!r}")
    before, after = (_groups(pattern, side) for side in sides)
    if len(before) != x.ndim:
        raise ValueError(f"rearrange: {pattern!r} names {len(before)} axes, x is {x.shape}")
    names = [name for group in before for name in group]
    wanted = [name for group in after for name in group]
    if sorted(names) != sorted(wanted):
        raise ValueError(f"rearrange: both sides of {pattern!r} must name the same axes")
    if unknown := set(axes_lengths) - set(names):
        raise ValueError(f"rearrange: {pattern!r} has no axis {sorted(unknown)[0]!r}, whose size is given")
    sizes: dict[str, int] = {}
    for group, n in zip(before, x.shape, strict=True):
        free = [name for name in group if name not in axes_lengths]
        if len(free) > 1:
            raise ValueError(f"rearrange: of {' '.join(free)} in {pattern!r} all sizes but one are needed")
        known = math.prod(int(axes_lengths[name]) for name in group if name in axes_lengths)
        sizes |= {name: int(axes_lengths[name]) for name in group if name in axes_lengths}
        if free:
            sizes[free[0]] = n // known if known > 0 else 0
        if math.prod(sizes[name] for name in group) != n:
            raise ValueError(f"rearrange: axis ({' '.join(group)}) of x {x.shape} is {n}, which {sizes} do not make")
    split = reshape(x, [sizes[name] for name in names])
    moved = transpose(split, [names.index(name) for name in wanted])
    return reshape(moved, [math.prod(sizes[name] for name in group) for group in after])


__all__ = [
    "append", "array_split", "diff", "dsplit", "fliplr", "flipud", "get_item", "hsplit", "rearrange", "roll",
    "rot90", "vsplit",
]  # fmt: skip
