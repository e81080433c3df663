"""Axes split, moved and joined as a pattern says."""

from __future__ import annotations

import math
import re

from ..core.autograd import Tensor
from .conversion import TensorLike, as_tensor
from .reshape import reshape, transpose


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
        >>> from lamina import ops
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


__all__ = ["rearrange"]
