"""Sequences as arrays: padding, windows over a series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.arrays import to_numbers
from ..core.autograd import Tensor
from ..core.explain import is_index, named, show
from ..core.suggest import unknown
from .samples import Samples, check_batch_size, check_format

Array = np.ndarray[Any, np.dtype[Any]]


@named("pad_sequences")
def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> Array:
    """Lists of different lengths as one array.

    Args:
        sequences: lists or arrays; their elements have one shape.
        maxlen: length of every row; None takes the longest.
        dtype: type of the result; ``object`` for text.
        padding: "pre" puts ``value`` before short sequences, "post" behind them.
        truncating: "pre" cuts long sequences off at their beginning, "post" at their end.
        value: what is put in.

    Returns: an array (N, maxlen, ...).

    Raises:
        ValueError: an option is unknown, ``maxlen`` is negative, elements differ in shape, or ``value`` is text and
            ``dtype`` is not.
        TypeError: ``sequences`` is no list of lists.

    Example:
        >>> utils.pad_sequences([[1, 2, 3], [4]], padding="post")
        array([[1, 2, 3],
               [4, 0, 0]], dtype=int32)
    """
    for name, option in (("padding", padding), ("truncating", truncating)):
        if option not in ("pre", "post"):
            raise unknown(f"{name} of pad_sequences", option, ("pre", "post"))
    if isinstance(sequences, (str, bytes)) or not hasattr(sequences, "__len__"):
        raise TypeError(f"pad_sequences: expected a list of sequences, got {show(sequences)}")
    for i, s in enumerate(sequences):
        if isinstance(s, (str, bytes)) or not hasattr(s, "__len__"):
            raise TypeError(f"pad_sequences: sequence {i} is {show(s)}, expected a list or an array")
    if maxlen is not None and (not is_index(maxlen) or maxlen < 0):
        raise ValueError(f"pad_sequences: maxlen must be a non-negative integer or None, got {maxlen!r}")
    kind = np.dtype(dtype)
    if isinstance(value, str) and kind.kind not in "OUS":
        raise ValueError(f"pad_sequences: value {value!r} is text, but dtype is {kind}; use dtype=object")
    length = max(map(len, sequences), default=0) if maxlen is None else int(maxlen)
    inner = next((np.asarray(s).shape[1:] for s in sequences if len(s)), ())
    result = np.full((len(sequences), length, *inner), value, kind)
    for i, s in enumerate(sequences):
        part = np.asarray(s[max(0, len(s) - length) :] if truncating == "pre" else s[:length], kind)
        if not len(part):
            continue
        if part.shape[1:] != inner:
            raise ValueError(f"pad_sequences: sequence {i} has elements of shape {part.shape[1:]}, others {inner}")
        if padding == "pre":
            result[i, length - len(part) :] = part
        else:
            result[i, : len(part)] = part
    return result


class _Windows(Samples):
    """Windows over a series, and what stands at their beginnings among the targets."""

    def __init__(
        self, data: Array, targets: Array | None, starts: Array, steps: Array, batch_size: int | None, shuffle: bool,
        seed: int | None,
    ) -> None:  # fmt: skip
        super().__init__(len(starts), batch_size, shuffle, seed)
        self._data, self._targets, self._starts, self._steps = data, targets, starts, steps

    def read(self, indices: Array) -> Any:
        starts = self._starts[indices]
        x = self._data[starts[:, None] + self._steps]
        return x if self._targets is None else (x, self._targets[starts])


@named("timeseries_dataset_from_array")
def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Samples:
    """Batches of windows over a series.

    Window i begins at step ``i * sequence_stride`` and takes every ``sampling_rate``-th step.

    Args:
        data: the series, time first.
        targets: ``targets[i]`` belongs to the window that begins at step i; None for windows alone.
        sequence_length: steps of a window.
        sequence_stride: distance of the beginnings of windows.
        sampling_rate: distance of the steps of a window.
        batch_size: windows in a batch; None gives them one by one.
        shuffle: whether each epoch takes the windows in a new order.
        seed: integer that makes the orders repeatable.
        start_index: steps before it are left out; None for 0.
        end_index: steps from it on are left out; None for all.
        format: an option of Keras without effect here.

    Returns: a Dataset of x or (x, y), to iterate over or to give to ``fit``.

    Raises:
        ValueError: a number is out of range, or there is no window.

    Example:
        >>> windows = lamina.utils.timeseries_dataset_from_array(np.arange(6), None, sequence_length=3, batch_size=2)
        >>> windows[0]
        array([[0, 1, 2],
               [1, 2, 3]])
    """
    what = "timeseries_dataset_from_array"
    series = np.asarray(data) if isinstance(data, Tensor) else to_numbers(f"{what}: data", data)
    n = len(series)
    for name, number in (("sequence_length", sequence_length), ("sequence_stride", sequence_stride),
                         ("sampling_rate", sampling_rate)):  # fmt: skip
        if not is_index(number) or number < 1:
            raise ValueError(f"{what}: {name} must be a positive integer, got {number!r}")
        if number >= n and name != "sequence_length":
            raise ValueError(f"{what}: {name}={number} must be lower than the length of data, {n}")
    check_format(what, format)
    start, end = 0 if start_index is None else start_index, n if end_index is None else end_index
    if not is_index(start) or not is_index(end) or not 0 <= start < end <= n:
        raise ValueError(f"{what}: expected 0 <= start_index < end_index <= {n}, got {start_index!r} and {end_index!r}")
    series = series[start:end]
    count = end - start - (sequence_length - 1) * sampling_rate
    wanted = None
    if targets is not None:
        wanted = to_numbers(f"{what}: targets", targets)
        count = min(count, len(wanted))
        wanted = wanted[start:end]
        count = min(count, len(wanted))
    if count < 1:
        raise ValueError(
            f"{what}: a window of {sequence_length} steps, {sampling_rate} apart, is longer than the series of "
            f"{end - start}"
        )
    steps = np.arange(sequence_length) * sampling_rate
    starts = np.arange(0, count, sequence_stride)
    return _Windows(series, wanted, starts, steps, check_batch_size(what, batch_size), shuffle, seed)


__all__ = ["pad_sequences", "timeseries_dataset_from_array"]
