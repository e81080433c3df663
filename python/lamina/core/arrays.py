"""Arrays of numbers from what a user gives; errors say what it is, and how numbers are made of it."""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import frames
from .explain import show

Array = np.ndarray[Any, np.dtype[Any]]


def as_dtype(dtype: Any, what: str = "dtype") -> np.dtype[Any]:
    """A type of numbers or booleans in this machine's byte order; a TypeError that names ``what`` for all else."""
    try:
        found = np.dtype(dtype)
    except (TypeError, ValueError):
        found = None
    if found is None or dtype is None or found.kind not in "fiub":
        raise TypeError(f"{what} must be a type of numbers or booleans such as 'float32', got {show(dtype)}")
    return found if found.isnative else found.newbyteorder("=")  # NumPy's own object, which calls compare by identity


def values_of(given: Any, dtype: Any) -> Array:
    """What a tensor is made of: ``np.asarray(given, dtype)``, with the errors of ``to_numbers``."""
    wanted = None if dtype is None else as_dtype(dtype, "Tensor: dtype")
    try:
        array = np.asarray(given, wanted)
    except (ValueError, TypeError, RuntimeError, OverflowError, AttributeError) as error:
        if wanted is not None:  # the value itself may be at fault, which is told apart from the conversion
            array = values_of(given, None)
            raise type(error)(f"Tensor: the value of dtype {array.dtype} can't become {wanted}: {error}") from None
        raise ValueError(f"Tensor: the value {_why_no_array(given, error)}") from None
    if array.dtype.kind not in "fiub":
        why = why_no_numbers("the value", given, array)
        raise TypeError(f"Tensor: expected numbers or booleans, got dtype {array.dtype}: {why}")
    return array


def to_numbers(what: str, given: Any) -> Array:
    """``np.asarray(given)``; TypeError or ValueError that begins with ``what`` unless it has numbers or booleans."""
    try:
        array = frames.as_array(given) if type(given).__module__.startswith(_FRAMES) else np.asarray(given)
    except (ValueError, TypeError, RuntimeError, OverflowError, AttributeError) as error:
        raise ValueError(f"{what} {_why_no_array(given, error)}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(why_no_numbers(what, given, array))
    return array


_FRAMES = ("pandas", "polars")


def why_no_numbers(what: str, given: Any, array: Array) -> str:
    """The message for what became an array of something else; ``what`` names it ("fit: x")."""
    if frames.is_frame(given):
        return f"{what} {_about_frame(given)}"
    is_column = type(given).__module__.startswith(_FRAMES) and hasattr(given, "dtype")
    if is_column and (mend := frames.how_to_convert(getattr(given, "name", None), given, array)):
        return f"{what} has dtype {given.dtype}, expected numbers or booleans: {mend}"
    if not array.ndim and array.dtype.kind == "O":
        return f"{what} is {about(given)}; expected numbers or booleans, or arrays of them"
    detail = _KINDS[array.dtype.kind](array) if array.dtype.kind in _KINDS and array.size else _about_objects(array)
    return f"{what} has dtype {array.dtype}, expected numbers or booleans: {detail}"


_KINDS: dict[str, Callable[[Array], str]] = {
    "U": lambda a: f"it holds text like {str(a.flat[0])!r}; encode it, as in np.unique(x, return_inverse=True)[1]",
    "S": lambda a: f"it holds bytes like {bytes(a.flat[0])!r}; decode them, as in np.frombuffer(b, np.uint8)",
    "M": lambda a: "it holds dates; take differences, as in (x - x.min()) / np.timedelta64(1, 'D')",
    "m": lambda a: "it holds durations; divide them by a unit, as in x / np.timedelta64(1, 's')",
    "c": lambda a: "it is complex; take np.abs(x), or x.real and x.imag",
    "V": lambda a: f"it has fields ({', '.join(a.dtype.names or ())}); stack those that are numbers",
}


def about(given: Any) -> str:
    """What a thing that is no data is, and what may have been meant."""
    kind = type(given).__name__
    if isinstance(given, int):
        return f"an integer of {given.bit_length()} bits, and the widest type has 64"
    if isinstance(given, (set, frozenset)):
        return "a set, which has no order; give a list or an array"
    if isinstance(given, (str, bytes)):
        return f"{'text' if isinstance(given, str) else 'bytes'} ({given[:40]!r})"
    if isinstance(given, type):
        return f"the class {given.__name__}; make one: {given.__name__}(...)"
    if callable(given) and hasattr(given, "__name__"):
        return f"the function {given.__name__}; what it returns is meant: {given.__name__}()"
    if is_dataset(given):
        return (
            f"a {kind}, which gives single samples; give batches, as torch.utils.data.DataLoader(x, batch_size=32) "
            "makes them, or arrays"
        )
    return "None" if given is None else f"of type {kind}"


def is_list(given: Any) -> bool:
    """Whether a thing is a sequence of entries, for arguments such as shapes."""
    return isinstance(given, (list, tuple, range)) or (isinstance(given, np.ndarray) and given.ndim == 1)


def without_last_one(shape: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """``shape`` without a last axis of length one that is one too many for ``ndim`` axes."""
    return shape[:-1] if len(shape) == ndim + 1 and shape[-1] == 1 else shape


def leading_axes(shape: tuple[int, ...], of: Sequence[int]) -> tuple[int, ...] | None:
    """``shape`` with as many axes as ``of``, those that lack being 1: how weights and masks go with values.

    None unless each of its axes, from the first on, is that of ``of`` or 1; a last axis of length one that is one too
    many is dropped.
    """
    sizes = without_last_one(shape, len(of))
    if len(sizes) > len(of) or any(m not in (1, n) for m, n in zip(sizes, of, strict=False)):
        return None
    return sizes + (1,) * (len(of) - len(sizes))


def is_dataset(given: Any) -> bool:
    """Whether a thing gives samples by number, as PyTorch's datasets do, and is no array."""
    return (
        hasattr(type(given), "__getitem__")
        and hasattr(type(given), "__len__")
        and not hasattr(given, "__array__")
        and not isinstance(given, (list, tuple, dict, str, bytes, range, memoryview, bytearray))
    )


def _about_frame(frame: Any) -> str:
    """The first column of a data frame that is no numbers; polars has the same attributes as pandas."""
    columns = ((name, column, frames.as_array(column)) for name, column in frames.columns_of(frame))
    name, column, array = next(found for found in columns if found[2].dtype.kind not in "fiub")
    told = f"has a column {name!r} of dtype {column.dtype}: "
    if mend := frames.how_to_convert(name, column, array):
        return told + mend
    held = _KINDS[array.dtype.kind](array) if array.dtype.kind in "Mmc" else _about_objects(array)
    encode = f"encode it, as pandas.get_dummies(x, columns=[{name!r}]) does"
    return f"{told}{held.partition(';')[0]}; {encode}, convert it with .astype, or drop it"


def _about_objects(array: Array) -> str:
    """The first element of an array of objects that is no number."""
    for place, value in zip(np.ndindex(array.shape), array.flat, strict=True):
        if isinstance(value, (numbers.Real, np.bool_)):
            continue
        where = f"at {list(place)}"
        if isinstance(value, str):
            return f"{where} stands text, {str(value)!r}; encode it, as in np.unique(x, return_inverse=True)[1]"
        if value is None or type(value).__name__ in ("NAType", "NaTType"):
            return f"{where} a value is missing ({value}); fill it in or drop the sample"
        if hasattr(value, "__len__"):
            shapes = [str(np.shape(v)) for v in itertools.islice(array.flat, 3) if hasattr(v, "__len__")]
            return (
                f"it holds arrays of shapes {', '.join(shapes)} ...; samples must have equal shapes: pad or cut them, "
                "as lamina.utils.pad_sequences does"
            )
        return f"{where} stands a {type(value).__name__}"
    return "its numbers are objects; x.astype('float32') makes an array of them"


def _why_no_array(given: Any, error: Exception) -> str:
    """The message for an error of NumPy: mostly lists of unequal lengths."""
    place = _uneven(given)
    if place is not None:
        at, first, other = place
        return (
            f"makes no array: samples must have equal shapes, but {at}[0] has {first} and {other}; pad or cut them to "
            "one length, as lamina.utils.pad_sequences does"
        )
    if "sequence" in str(error):
        return "makes no array: its entries are nested to different depths or lengths; samples must have equal shapes"
    return f"makes no array ({error})"


def _uneven(given: Any, at: str = "") -> tuple[str, str, str] | None:
    """The first list in nested lists whose entries have different lengths: (its place, one entry's, another's)."""
    if not isinstance(given, (list, tuple)) or not given:
        return None
    sizes = [len(v) if hasattr(v, "__len__") and not isinstance(v, (str, bytes)) else None for v in given]
    other = next((i for i, n in enumerate(sizes) if n != sizes[0]), None)
    if other is not None:
        first, second = ("no length" if n is None else f"length {n}" for n in (sizes[0], sizes[other]))
        return at, first, f"{at}[{other}] has {second}"
    return next((found for i, v in enumerate(given) if (found := _uneven(v, f"{at}[{i}]")) is not None), None)


def in_own_memory(state: dict[str, Any]) -> dict[str, Any]:
    """A state that was unpickled, with copies of arrays that cannot be written: those of a file mapped into memory."""
    return {
        name: np.array(value) if isinstance(value, np.ndarray) and not _is_own(value) else value
        for name, value in state.items()
    }


def _is_own(array: Array) -> bool:
    return array.flags.writeable and type(array) is np.ndarray
