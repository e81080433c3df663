"""Elements of datasets: nests (tuples, dicts) of arrays and numbers of NumPy's, and text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from ..config import floatx
from ..core.autograd import Tensor
from ..core.explain import show
from ..core.tree import leaves, map_structure

Array = np.ndarray[Any, np.dtype[Any]]


class DatasetArray(np.ndarray[Any, np.dtype[Any]]):
    """An array that also answers ``numpy()``, as loops that were written for tf.data ask."""

    def numpy(self) -> Any:
        """The plain array, or the number."""
        return np.asarray(self)[()]

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return np.asarray(found).view(DatasetArray) if isinstance(found, (np.number, np.bool_)) else found

    def __repr__(self) -> str:
        return repr(np.asarray(self))


def shown(element: Any) -> Any:
    """An element as a user's loop gets it."""

    def one(leaf: Any) -> Any:
        is_number = isinstance(leaf, (np.number, np.bool_)) or (isinstance(leaf, np.ndarray) and leaf.dtype.kind != "O")
        return np.asarray(leaf).view(DatasetArray) if is_number else leaf

    return map_structure(one, element)


def leaf(value: Any) -> Any:
    """A leaf of an element from what a function or a generator gave; Python's numbers get Keras's types."""
    if type(value) is np.ndarray or value is None or isinstance(value, (np.generic, str, bytes)) or is_dataset(value):
        return value
    if isinstance(value, (DatasetArray, np.memmap)):
        return np.asarray(value)
    if isinstance(value, Tensor):
        return value.numpy()
    return of_python_numbers(value, np.asarray(value))[()]


def of_python_numbers(given: Any, array: Array) -> Array:
    """An array made of Python's numbers, in Keras's types: floatx() and int32 where they fit; others as they are."""
    if hasattr(given, "__array__") or hasattr(given, "__array_interface__"):
        return array
    inner = given
    while isinstance(inner, (list, tuple)) and inner:
        inner = inner[0]
    if isinstance(inner, (np.generic, np.ndarray, Tensor)):
        return array
    if array.dtype == np.float64:
        return array.astype(floatx())
    if array.dtype == np.int64 and (not array.size or np.array_equal(array.astype(np.int32), array)):
        return array.astype(np.int32)
    return array


def element(value: Any) -> Any:
    """An element of what a function gave: tuples, and a list of several things, have parts; other lists are arrays."""
    if isinstance(value, list):
        value = tuple(value)
    return _parts(value)


def _parts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _parts(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(_parts(part) for part in value)
    return leaf(value)


def is_dataset(value: Any) -> bool:
    """Whether a thing is a Dataset, which stands in a room above this one."""
    return hasattr(value, "_node") and hasattr(value, "as_numpy_iterator")


def call(function: Callable[..., Any], item: Any) -> Any:
    """``function`` of an element: of the parts of a tuple, as tf.data calls it."""
    return function(*item) if type(item) is tuple else function(item)


def fail(error: Exception, where: str) -> NoReturn:
    """Raise ``error`` with ``where`` in front of its message."""
    new = _placed(error, where)
    if new is error:
        raise error
    raise new from error


def _placed(error: Exception, where: str) -> Exception:
    told = error.args[0] if len(error.args) == 1 and isinstance(error.args[0], str) else None
    if told is not None and str(error) == told:
        error.args = (f"{where}: {told}",)
        return error
    if isinstance(error, OSError) and error.errno is not None:
        return type(error)(error.errno, f"{where}: {error.strerror}", error.filename)
    return RuntimeError(f"{where}: {type(error).__name__}: {error}")


def rows(tree: Any, what: str) -> tuple[Any, int]:
    """A nest of arrays of one length, which elements are rows of, and the length."""

    def array(given: Any) -> Array:
        if isinstance(given, np.ndarray):
            made = np.asarray(given)
        elif isinstance(given, Tensor):
            made = given.numpy()
        elif hasattr(given, "columns") and hasattr(given, "dtypes"):
            raise TypeError(f"{what}: a data frame has named columns: give dict(frame), or frame.to_numpy()")
        else:
            try:
                made = of_python_numbers(given, np.asarray(given))
            except ValueError as error:
                raise ValueError(f"{what}: lists of different lengths make no array; use from_generator") from error
        if not made.ndim:
            raise ValueError(f"{what}: expected arrays whose rows are elements, got {show(given)}")
        made = made.view()
        made.flags.writeable = False  # an element may not change the data
        return made

    if isinstance(tree, dict) or type(tree) is tuple:
        values = tree.values() if isinstance(tree, dict) else tree
        found = [rows(part, what) for part in values]
        sizes = [n for _, n in found]
        if len(set(sizes)) > 1:
            raise ValueError(f"{what}: the arrays have different lengths: {', '.join(map(str, sizes))}")
        if not found:
            raise ValueError(f"{what}: there are no arrays")
        parts = [part for part, _ in found]
        return (dict(zip(tree, parts, strict=True)) if isinstance(tree, dict) else tuple(parts)), sizes[0]
    made = array(tree)
    return made, len(made)


def row(tree: Any, i: Any) -> Any:
    """Row i of each array of a nest."""
    if isinstance(tree, np.ndarray):
        return tree[i]
    if isinstance(tree, dict):
        return {key: row(part, i) for key, part in tree.items()}
    return tuple(row(part, i) for part in tree)


def stacked(items: Sequence[Any], what: str) -> Any:
    """Elements as one, with an axis in front."""
    first = items[0]
    if isinstance(first, dict):
        _same_keys(items, what)
        return {key: stacked([item[key] for item in items], f"{what}[{key!r}]") for key in first}
    if isinstance(first, tuple):
        if any(len(item) != len(first) for item in items):
            raise ValueError(f"{what}: elements have {sorted({len(i) for i in items})} parts")
        return tuple(stacked(parts, f"{what}, part {i}") for i, parts in enumerate(zip(*items, strict=True)))
    if first is None:
        return None
    try:
        if isinstance(first, np.ndarray) and first.ndim:
            out = np.empty((len(items), *first.shape), np.result_type(*{item.dtype for item in items}))
            return np.stack(items, out=out) if out.dtype != object else np.stack(items)
        array = np.asarray(items)
        return array if array.dtype.kind != "U" else np.asarray(items, object)
    except (ValueError, AttributeError, TypeError) as error:
        shapes = sorted({str(np.shape(item)) for item in items})
        if len(shapes) > 1:
            raise ValueError(
                f"{what}: elements have different shapes, {', '.join(shapes[:3])}; use padded_batch, or make them equal"
            ) from None
        raise ValueError(f"{what}: {error}") from error


def _same_keys(items: Sequence[Any], what: str) -> None:
    for item in items:
        if not isinstance(item, dict) or item.keys() != items[0].keys():
            keys = list(item) if isinstance(item, dict) else type(item).__name__
            raise ValueError(f"{what}: elements have different keys, {list(items[0])} and {keys}")


def padded(items: Sequence[Any], shapes: Any, values: Any, what: str) -> Any:
    """Elements as one, each padded behind to a shape, or to the largest of them.

    shapes: a nest of shapes with None for the largest; None for all.  values: a nest, or one for all; None is 0, or "".
    """
    first = items[0]
    if isinstance(first, dict):
        _same_keys(items, what)
        return {
            key: padded([i[key] for i in items], _part(shapes, key), _part(values, key), f"{what}[{key!r}]")
            for key in first
        }
    if isinstance(first, tuple):
        return tuple(
            padded(part, _part(shapes, i, False), _part(values, i), f"{what}, part {i}")
            for i, part in enumerate(zip(*items, strict=True))
        )
    arrays = [np.asarray(item) for item in items]
    if any(a.ndim != arrays[0].ndim for a in arrays):
        raise ValueError(f"{what}: elements have different numbers of axes, {sorted({a.ndim for a in arrays})}")
    largest = [max(sizes) for sizes in zip(*(a.shape for a in arrays), strict=True)]
    wanted = [None] * len(largest) if shapes is None else list(shapes)
    if len(wanted) != len(largest):
        raise ValueError(f"{what}: the padded shape {tuple(wanted)} has other axes than an element, {arrays[0].shape}")
    size = [n if w in (None, -1) else int(w) for n, w in zip(largest, wanted, strict=True)]
    if any(n > s for n, s in zip(largest, size, strict=True)):
        raise ValueError(f"{what}: an element is larger, {tuple(largest)}, than the padded shape {tuple(size)}")
    is_text = arrays[0].dtype.kind in "UO"
    dtype = object if is_text else np.result_type(*{a.dtype for a in arrays})
    out = np.full((len(arrays), *size), ("" if is_text else 0) if values is None else values, dtype)
    for target, a in zip(out, arrays, strict=True) if size else ():
        target[tuple(slice(n) for n in a.shape)] = a
    return out if size else np.asarray(arrays, dtype)


def _part(tree: Any, key: Any, values: bool = True) -> Any:
    """A part of a nest of paddings, or what stands for all parts."""
    if isinstance(tree, dict) or (isinstance(tree, (tuple, list)) and not isinstance(key, str)):
        return tree[key]
    if tree is None or values:
        return tree
    raise ValueError(f"padded_batch: padded_shapes must have the structure of an element, got {tree!r}")


def unstacked(batch: Any, what: str) -> list[Any]:
    """The elements of a batch."""
    arrays = [a for a in leaves(batch) if a is not None]
    if any(not np.ndim(a) for a in arrays):
        raise ValueError(f"{what}: an element holds a single number, expected batches")
    sizes = {len(a) for a in arrays}
    if len(sizes) != 1:
        raise ValueError(f"{what}: the parts of a batch have different lengths, {sorted(sizes)}")

    def at(i: int) -> Any:
        return map_structure(lambda a: None if a is None else a[i], batch)

    return [at(i) for i in range(sizes.pop())]
