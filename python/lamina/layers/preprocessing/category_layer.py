"""What layers of categories share: text as arrays, places in sorted rows, indices as ones in rows of zeros."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...config import standardize_dtype
from ...core.arrays import to_numbers
from ...core.autograd import Array, Tensor, wrap
from ...core.explain import is_index, show
from ...core.grad_mode import grad_mode
from ...core.recording import forbid_reading
from ...core.suggest import unknown
from .. import arguments
from ..base import Layer
from ..symbolic import SymbolicTensor

DROPPED = -1  # an index that counts nowhere
_MANY = 2**19  # as many numbers in rows of zeros and a one cost as much time as counting without them


class CategoryLayer(Layer):
    """Base of layers whose results are indices ("int"), or rows that count them."""

    output_mode: str
    _keeps_dtype = True
    _out: np.dtype[Any]
    _modes: tuple[str, ...] = ("int", "one_hot", "multi_hot", "count")

    def _set_mode(self, output_mode: Any, sparse: Any, dtype: Any = None, integers: str = "int64") -> None:
        """Keep the mode; ``dtype`` is the type of the results, None means ``integers`` or floats by the mode."""
        mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(output_mode, output_mode)
        if mode not in self._modes:
            raise unknown(f"output_mode of {self._label()}", mode, self._modes)
        arguments.refuse(self, sparse=sparse)
        self.output_mode, self.sparse = mode, bool(sparse)
        if mode == "int":
            self._out = np.dtype(integers if dtype is None else dtype)
            if self._out.name not in ("int32", "int64"):
                raise ValueError(f"{self._label()}: with output_mode='int' dtype must be int32 or int64, got {dtype!r}")
        else:
            self._out = standardize_dtype(dtype, f"{self._label()}: dtype")
        self._built = True

    @property
    def _depth(self) -> Any:
        """How many indices there are; None if that is not known yet."""
        raise NotImplementedError(f"{type(self).__name__} must define _depth")

    def _encoded(self, indices: Tensor, weights: Any = None) -> Tensor:
        """Indices as the mode wants them; those outside of 0..depth-1 count nowhere.

        Numbers of the input count ``weights`` in rows of counts, or each 1.
        """
        if self.output_mode == "int":
            return ops.cast(indices, self._out)
        x, depth = ops.expand_dims(indices, -1) if indices.ndim == 0 else indices, self._depth
        if self.output_mode == "one_hot":
            if x.ndim > 1 and x.shape[-1] == 1:
                x = ops.reshape(x, x.shape[:-1])
            return ops.one_hot(x, depth, dtype=self._out)
        axis = x.ndim - 1
        if depth * x.size > _MANY:  # > is free: either way counts the same
            rows = _counted(x, depth, self._out.type(1) if weights is None else ops.cast(weights, self._out))
            return ops.minimum(rows, 1) if self.output_mode == "multi_hot" else rows
        if self.output_mode == "multi_hot":
            if not x.shape[-1]:
                return ops.zeros((*x.shape[:-1], depth), self._out)
            return ops.max(ops.one_hot(x, depth, dtype=self._out), axis=axis)
        rows = ops.one_hot(x, depth, dtype=self._out)  # counts, with "tf_idf" too
        if weights is not None:
            rows = ops.multiply(rows, ops.expand_dims(ops.cast(weights, self._out), -1))
        return ops.sum(rows, axis=axis)

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape, depth = tuple(input_shape), self._depth
        if self.output_mode == "int":
            return shape
        if not shape:
            return (depth,)
        if self.output_mode == "one_hot" and not (len(shape) > 1 and shape[-1] == 1):
            return (*shape, depth)
        return (*shape[:-1], depth)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        inputs = args[0]
        shape = tuple(inputs.shape) if hasattr(inputs, "shape") else [tuple(t.shape) for t in inputs]
        return SymbolicTensor(self.compute_output_shape(shape), self._out)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"dtype": self._out.name}


def _counted(x: Tensor, depth: int, weights: Any) -> Tensor:
    """Rows of ``depth`` sums of weights by the index that stands beside them, without a row for each index before."""
    before = x.shape[:-1]
    starts = depth * np.arange(math.prod(before)).reshape(*before, 1)
    places = ops.where(ops.logical_and(ops.greater_equal(x, 0), ops.less(x, depth)), ops.add(x, starts), DROPPED)
    each = ops.reshape(ops.broadcast_to(weights, x.shape), (-1,))
    sums = ops.segment_sum(each, ops.reshape(places, (-1,)), math.prod(before) * depth)
    return ops.reshape(sums, (*before, depth))


def salt_of(layer: Layer, salt: Any) -> list[int] | None:
    """A salt as two integers."""
    pair = salt if isinstance(salt, (tuple, list)) else (salt, salt)
    if salt is None:
        return None
    if len(pair) != 2 or not all(map(is_index, pair)):
        raise ValueError(f"{layer._label()}: salt must be an integer or two, got {salt!r}")
    return [int(v) for v in pair]


def is_text(x: Any) -> bool:
    """Whether an input holds text."""
    if isinstance(x, (str, bytes)):
        return True
    if isinstance(x, np.ndarray):
        return x.dtype.kind in "USTO"
    return isinstance(x, (list, tuple)) and any(is_text(v) for v in x)


def text_array(label: str, x: Any, encoding: str = "utf-8") -> Array:
    """Text, or nested lists of it of equal lengths, as an array of str objects."""

    def decoded(value: Any) -> str:
        if isinstance(value, bytes):
            return value.decode(encoding)
        if not isinstance(value, str):
            raise TypeError(f"{label}: expected text, got {show(value)}")
        return value

    if isinstance(x, Tensor) or (isinstance(x, np.ndarray) and x.dtype.kind not in "USTO"):
        raise TypeError(f"{label}: expected text, got numbers of dtype {x.dtype}")
    try:
        array = np.asarray(x, dtype=object if not isinstance(x, np.ndarray) else None)
    except ValueError:
        raise ValueError(f"{label}: the lists of text have different lengths; pad them with '' first") from None
    if any(isinstance(v, (list, tuple)) for v in array.ravel().tolist()):
        raise ValueError(f"{label}: the lists of text have different lengths; pad them with '' first")
    result = np.empty(array.shape, object)
    result.ravel()[:] = [decoded(v) for v in array.ravel().tolist()]
    return result


def integers(label: str, x: Any) -> Tensor:
    """Numbers as int64."""
    t = x if isinstance(x, Tensor) else wrap(np.ascontiguousarray(to_numbers(label, x)))
    return ops.cast(t, np.int64)


def values(label: str, x: Tensor) -> Array:
    """A tensor's numbers for work in Python, which a captured step could not repeat."""
    forbid_reading(x, f"{label} looks at the values of its input in Python")
    return x._array


def places(row: Array, x: Tensor, right: bool = False) -> Tensor:
    """How many elements of a sorted row are less than each of x, with ``right`` less or equal; also in captured
    steps."""
    if grad_mode.recording is None:
        return wrap(np.asarray(np.searchsorted(row, x._array, "right" if right else "left"), np.int64))
    n = row.size
    most = 1 << n.bit_length()  # 1 is free: a longer row takes a step more
    largest = np.inf if row.dtype.kind == "f" else np.iinfo(row.dtype).max
    padded = np.full(most, largest, row.dtype)
    padded[:n] = row
    found = ops.zeros(x.shape, np.int64)
    step = most >> 1
    while step:
        probe = ops.take(padded, ops.add(found, step - 1))
        before = ops.logical_not(ops.greater(probe, x)) if right else ops.less(probe, x)
        found = ops.add(found, ops.multiply(ops.cast(before, np.int64), step))
        step >>= 1
    return ops.minimum(found, n)
