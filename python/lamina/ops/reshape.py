"""Shape, order, parts and copies of tensors.

Results that only name the same memory otherwise (reshape, a run of rows) share it; all others are native copies.
"""

from __future__ import annotations

import itertools
from builtins import slice as Slice
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _native
from ..core.arrays import as_dtype
from ..core.autograd import Array, Gradients, Tensor, wrap
from ..core.autograd import unchecked_record as record
from ..core.autograd import unchecked_record_view as record_view
from .conversion import (
    TensorLike,
    _axis,
    _contiguous,
    _view,
    as_tensor,
    check_parts,
    check_sizes,
    concatenate,
    expand_dims,
    floatx,
    forbid_in_capture,
    forbid_symbolic,
    index_array,
    tensors_of,
)

Axis = int | tuple[int, ...] | list[int] | None


def reshape(x: TensorLike, newshape: Sequence[int] | int) -> Tensor:
    """x in another shape of as many elements.

    Args:
        newshape: the sizes; one may be -1 and takes what is left.

    Raises:
        ValueError: the number of elements differs.

    Example:
        >>> ops.reshape(np.arange(6.0), (2, -1))
        Tensor([[0., 1., 2.],
                [3., 4., 5.]], shape=(2, 3), dtype=float64)
    """
    x = as_tensor(x)
    shape = (newshape,) if isinstance(newshape, (int, np.integer)) else tuple(int(n) for n in newshape)
    try:
        if min(shape, default=-1) < -1:  # which NumPy takes for -1
            raise ValueError
        return _view(x, shape)
    except ValueError:
        raise ValueError(f"reshape: x is {x.shape}, {x.size} elements, which cannot become {shape}") from None


def ravel(x: TensorLike) -> Tensor:
    """x as one axis.

    Example:
        >>> ops.ravel([[1.0, 2.0], [3.0, 4.0]])
        Tensor([1., 2., 3., 4.], shape=(4,), dtype=float32)
    """
    x = as_tensor(x)
    return _view(x, (x.size,))


def flatten(x: TensorLike) -> Tensor:
    """x as one axis.

    Source: NumPy, ndarray.flatten.

    Example:
        >>> ops.flatten(np.ones((2, 3, 4))).shape
        (24,)
    """
    return ravel(x)


def squeeze(x: TensorLike, axis: Axis = None) -> Tensor:
    """x without axes of size 1.

    Args:
        axis: the axis or the axes; None takes all of size 1.

    Raises:
        ValueError: an axis is out of range, or not of size 1.

    Example:
        >>> ops.squeeze(np.ones((1, 3, 1))).shape
        (3,)
    """
    x = as_tensor(x)
    shape = x._array.shape
    if axis is None:
        return _view(x, tuple(n for n in shape if n != 1))
    axes = {_axis(a, len(shape), "squeeze", shape) for a in (axis if isinstance(axis, (tuple, list)) else (axis,))}
    if any(shape[a] != 1 for a in axes):
        raise ValueError(f"squeeze: x is {shape}; axis {axis} is not of size 1")
    return _view(x, tuple(n for i, n in enumerate(shape) if i not in axes))


def transpose(x: TensorLike, axes: Sequence[int] | None = None) -> Tensor:
    """x with its axes in another order.

    Args:
        axes: the order; None reverses it.

    Raises:
        ValueError: the order is no permutation of the axes.

    Example:
        >>> ops.transpose(np.ones((2, 3, 4)), (2, 0, 1)).shape
        (4, 2, 3)
    """
    x = as_tensor(x)
    xa = x._array
    ndim = xa.ndim
    order = list(range(ndim))[::-1] if axes is None else [_axis(a, ndim, "transpose", xa.shape) for a in axes]
    if sorted(order) != list(range(ndim)):
        raise ValueError(f"transpose: axes {axes} are no permutation of the {ndim} axes of x, which is {xa.shape}")
    moved = [a for a in order if xa.shape[a] != 1]
    if all(a < b for a, b in itertools.pairwise(moved)):  # only axes of size 1 move
        return _view(x, tuple(xa.shape[a] for a in order))
    y = _native.transpose_forward(xa, order)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.transpose_backward(dy, order, grads[0], grads.accumulate)

    return record(y, (x,), backward)


def swapaxes(x: TensorLike, axis1: int, axis2: int) -> Tensor:
    """x with two axes exchanged.

    Args:
        axis1: one axis.
        axis2: the other.

    Raises:
        ValueError: an axis is out of range.

    Example:
        >>> ops.swapaxes(np.ones((2, 3, 4)), 0, 2).shape
        (4, 3, 2)
    """
    x = as_tensor(x)
    order = list(range(x.ndim))
    a, b = (_axis(i, x.ndim, "swapaxes", x.shape) for i in (axis1, axis2))
    order[a], order[b] = b, a
    return transpose(x, order)


def moveaxis(x: TensorLike, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """x with axes moved to other places, the others in their order.

    Args:
        source: the axis or the axes.
        destination: the place or the places in the result.

    Raises:
        ValueError: an axis is out of range or named twice; both differ in number.

    Example:
        >>> ops.moveaxis(np.ones((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    x = as_tensor(x)
    try:
        np.moveaxis(x._array, source, destination)  # checks the axes
    except ValueError as error:
        raise ValueError(f"moveaxis: x is {x.shape}, source {source}, destination {destination}: {error}") from None
    sources = [source] if isinstance(source, int) else list(source)
    places = [destination] if isinstance(destination, int) else list(destination)
    moves = sorted(zip((p % x.ndim for p in places), (s % x.ndim for s in sources), strict=True))
    rest = [i for i in range(x.ndim) if i not in [s for _, s in moves]]
    for place, axis in moves:
        rest.insert(place, axis)
    return transpose(x, rest)


def vstack(xs: Sequence[TensorLike]) -> Tensor:
    """Tensors one below the other.

    Args:
        xs: list of tensors; vectors are rows.

    Raises:
        ValueError: the list is empty, or sizes differ.

    Example:
        >>> ops.vstack([[1.0, 2.0], [3.0, 4.0]])
        Tensor([[1., 2.],
                [3., 4.]], shape=(2, 2), dtype=float32)
    """
    tensors = tensors_of("vstack", xs)
    return concatenate([reshape(t, (1, t.size)) if t.ndim < 2 else t for t in tensors], 0)


def hstack(xs: Sequence[TensorLike]) -> Tensor:
    """Tensors side by side.

    Args:
        xs: list of tensors; vectors are joined to one.

    Raises:
        ValueError: the list is empty, or sizes differ.

    Example:
        >>> ops.hstack([[1.0], [2.0, 3.0]])
        Tensor([1., 2., 3.], shape=(3,), dtype=float32)
    """
    tensors = [ravel(t) if t.ndim == 0 else t for t in tensors_of("hstack", xs)]
    return concatenate(tensors, 0 if tensors and tensors[0].ndim == 1 else 1)


def dstack(xs: Sequence[TensorLike]) -> Tensor:
    """Tensors one behind the other, along the third axis.

    Args:
        xs: list of tensors.

    Raises:
        ValueError: the list is empty, or sizes differ.

    Example:
        >>> ops.dstack([[1.0, 2.0], [3.0, 4.0]])
        Tensor([[[1., 3.],
                 [2., 4.]]], shape=(1, 2, 2), dtype=float32)
    """
    tensors = tensors_of("dstack", xs)
    matrices = [reshape(t, (1, t.size)) if t.ndim < 2 else t for t in tensors]
    return concatenate([expand_dims(t, 2) if t.ndim == 2 else t for t in matrices], 2)


def getitem(x: TensorLike, key: Any) -> Tensor:
    """The part of x that an index names, by NumPy's rules: ``x[key]``.

    Args:
        key: integers, slices, ``...``, None, arrays of integers or booleans.

    Raises:
        IndexError: an index is out of range.

    Source: NumPy, indexing.

    Example:
        >>> ops.getitem([[1.0, 2.0], [3.0, 4.0]], (slice(None), 0))
        Tensor([1., 3.], shape=(2,), dtype=float32)
    """
    x = as_tensor(x)
    keys = key if isinstance(key, tuple) else (key,)
    if all(k is None or k is Ellipsis or isinstance(k, (Slice, int, np.integer)) for k in keys) and not any(
        isinstance(k, bool) for k in keys
    ):
        return _part(x, keys if Ellipsis in keys else (*keys, Ellipsis))
    return _selection(x, keys)


def _part(x: Tensor, key: tuple[Any, ...]) -> Tensor:
    """Basic indexing; the key holds an Ellipsis, so that NumPy gives a view even of one element."""
    xa = x._array
    part = xa[key]
    if part.shape == xa.shape and part.strides == xa.strides:
        return record_view(part, (x,), lambda dy: (dy,))
    y = _contiguous(part)
    if not x.requires_grad:
        return wrap(y)
    whole = part.size == xa.size

    def backward(dy: Array, grads: Gradients) -> None:
        dx = grads[0]
        assert dx is not None
        if not grads.accumulate and not whole:
            _native.fill_into(dx, 0.0)
        _native.strided_copy(dy, dx[key], bool(grads.accumulate))

    return record(y, (x,), backward)


def _selection(x: Tensor, keys: tuple[Any, ...]) -> Tensor:
    """Indexing with arrays: along one axis natively, else through the numbers of the elements."""
    forbid_symbolic(keys)
    plain = [k for k in keys if isinstance(k, Slice) and k == Slice(None)]
    if len(plain) == len(keys) - 1 and _is_integers(keys[-1]):
        return take(x, keys[-1], axis=len(plain))
    forbid_in_capture("indexing with several arrays or with booleans")
    arrays = tuple(k._array if isinstance(k, Tensor) else k for k in keys)
    numbers = np.arange(x.size).reshape(x.shape)[arrays]
    return take(ravel(x), numbers, axis=0)


def _is_integers(key: Any) -> bool:
    return np.asarray(key._array if isinstance(key, Tensor) else key).dtype.kind in "iu"


def slice(inputs: TensorLike, start_indices: Sequence[int], shape: Sequence[int]) -> Tensor:
    """A block of a tensor.

    Args:
        inputs: a tensor or an array.
        start_indices: where the block begins, one number an axis.
        shape: the block's sizes; -1 reaches to the end.

    Raises:
        ValueError: the block does not lie in ``inputs``.

    Example:
        >>> ops.slice(np.arange(9.0).reshape(3, 3), (1, 0), (2, 2))
        Tensor([[3., 4.],
                [6., 7.]], shape=(2, 2), dtype=float64)
    """
    x = as_tensor(inputs)
    return _part(x, block("slice", x, start_indices, shape))


def block(op: str, x: Tensor, start_indices: Sequence[int], shape: Sequence[int]) -> tuple[Any, ...]:
    """The key of the block of x that begins at start_indices; a size of -1 reaches to the end."""
    starts = tuple(int(s) for s in start_indices)
    sizes = tuple(int(n) for n in shape)
    if len(starts) != x.ndim or len(sizes) != x.ndim:
        raise ValueError(f"{op}: x is {x.shape}; expected a start and a size for each axis, got {starts} and {sizes}")
    sizes = tuple(d - s if n == -1 else n for s, n, d in zip(starts, sizes, x.shape, strict=True))
    if any(s < 0 or n < 0 or s + n > d for s, n, d in zip(starts, sizes, x.shape, strict=True)):
        raise ValueError(f"{op}: a block {sizes} from {starts} does not lie in x, which is {x.shape}")
    return (*(Slice(s, s + n) for s, n in zip(starts, sizes, strict=True)), Ellipsis)


def split(x: TensorLike, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Parts of x along an axis.

    Args:
        indices_or_sections: the number of equal parts, or the places where they begin.
        axis: the axis; negative ones count from the end.

    Raises:
        ValueError: the axis cannot be cut into so many equal parts, or is out of range.

    Example:
        >>> ops.split([1.0, 2.0, 3.0, 4.0], 2)
        [Tensor([1., 2.], shape=(2,), dtype=float32), Tensor([3., 4.], shape=(2,), dtype=float32)]
    """
    x = as_tensor(x)
    axis = _axis(axis, x.ndim, "split", x.shape)
    n = x.shape[axis]
    if isinstance(indices_or_sections, (int, np.integer)):
        parts = int(indices_or_sections)
        if parts < 1 or n % parts:
            raise ValueError(f"split: axis {axis} of x, which is {x.shape}, cannot be cut into {parts} equal parts")
        check_parts(parts, n, "split")
        cuts = [n // parts * i for i in range(parts + 1)]
    else:
        cuts = [0, *(int(i) for i in indices_or_sections), n]
    lead = (Slice(None),) * axis
    return [_part(x, (*lead, Slice(a, b), Ellipsis)) for a, b in itertools.pairwise(cuts)]


def unstack(x: TensorLike, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The parts of x along an axis, which disappears.

    Args:
        num: how many parts there must be; None takes what there is.
        axis: the axis; negative ones count from the end.

    Raises:
        ValueError: there are not so many parts; the axis is out of range.

    Example:
        >>> ops.unstack([[1.0, 2.0], [3.0, 4.0]])
        [Tensor([1., 2.], shape=(2,), dtype=float32), Tensor([3., 4.], shape=(2,), dtype=float32)]
    """
    x = as_tensor(x)
    axis = _axis(axis, x.ndim, "unstack", x.shape)
    if num is not None and num != x.shape[axis]:
        raise ValueError(f"unstack: axis {axis} of x, which is {x.shape}, has {x.shape[axis]} parts, not num={num}")
    check_parts(x.shape[axis], x.size, "unstack")
    lead = (Slice(None),) * axis
    return [_part(x, (*lead, i, Ellipsis)) for i in range(x.shape[axis])]


def flip(x: TensorLike, axis: Axis = None) -> Tensor:
    """x backwards along axes.

    Args:
        axis: the axis or the axes; None takes all.

    Example:
        >>> ops.flip([1.0, 2.0, 3.0])
        Tensor([3., 2., 1.], shape=(3,), dtype=float32)
    """
    x = as_tensor(x)
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    backwards = {_axis(a, x.ndim, "flip", x.shape) for a in axes}
    return _part(x, (*(Slice(None, None, -1 if i in backwards else 1) for i in range(x.ndim)), Ellipsis))


def take(x: TensorLike, indices: TensorLike, axis: int | None = None) -> Tensor:
    """The parts of x along an axis whose numbers are given.

    Args:
        indices: integers of any shape; negative ones count from the end.
        axis: the axis; None makes x one axis before.

    Raises:
        TypeError: ``indices`` are no integers.
        IndexError: an index is out of range.
        ValueError: the axis is out of range.

    Example:
        >>> ops.take([10.0, 20.0, 30.0], [2, 0])
        Tensor([30., 10.], shape=(2,), dtype=float32)
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    where = as_tensor(indices)
    if where._array.dtype.kind not in "iu":
        raise TypeError(f"take: indices must be integers, got {where.dtype}")
    places = index_array(where)
    axis = _axis(axis, x.ndim, "take", x.shape)
    y = _native.take_forward(x._array, places, axis)

    def backward(dy: Array, grads: Gradients) -> None:
        _native.take_backward(places, dy, axis, grads[0], grads.accumulate)

    return record(y, (x,), backward)


def one_hot(x: TensorLike, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Tensor:
    """1 at each index along a new axis, else 0; an index outside of the classes gives zeros only.

    Args:
        x: integers of any shape.
        num_classes: size of the new axis, a positive integer.
        axis: the place of the new axis.
        sparse: an option of Keras that is not supported: True is a ValueError.

    Raises:
        ValueError: ``num_classes`` is not positive; the axis is out of range; ``sparse`` is True.

    Example:
        >>> ops.one_hot([0, 2], num_classes=3)
        Tensor([[1., 0., 0.],
                [0., 0., 1.]], shape=(2, 3), dtype=float32)
    """
    if sparse:
        raise ValueError("one_hot: sparse=True is not supported")
    indices = index_array(as_tensor(x))
    if not isinstance(num_classes, (int, np.integer)) or num_classes < 1:
        raise ValueError(f"one_hot: num_classes must be a positive integer, got {num_classes!r}")
    check_sizes("one_hot", (*indices.shape, num_classes))
    axis = _axis(axis, indices.ndim + 1, "one_hot", indices.shape)
    kind = floatx() if dtype is None else as_dtype(dtype, "one_hot: dtype")
    y = wrap(_native.one_hot_forward(indices, num_classes, kind if kind.kind == "f" else np.float32))
    y = y if kind.kind == "f" else as_tensor(y, kind)
    return y if axis == y.ndim - 1 else moveaxis(y, -1, axis)


__all__ = [
    "dstack", "flatten", "flip", "getitem", "hstack", "moveaxis", "one_hot", "ravel", "reshape", "slice", "split",
    "squeeze", "swapaxes", "take", "transpose", "unstack", "vstack",
]  # fmt: skip
