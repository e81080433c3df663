"""Arrays from the frames and columns of pandas and polars, without importing either."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def is_frame(given: Any) -> bool:
    """Whether a thing is a frame: columns that have names and types."""
    return hasattr(given, "columns") and hasattr(given, "dtypes")


def columns_of(frame: Any) -> Iterator[tuple[Any, Any]]:
    """(name, column) of each."""
    if hasattr(frame, "items"):  # pandas, where two columns may have one name
        yield from frame.items()
    else:
        yield from ((name, frame[name]) for name in frame.columns)


def as_array(given: Any) -> Array:
    """A frame or a column as an array: of numbers where all of it is, else of objects, which errors explain.

    Columns of numbers that could miss values, and miss none, are numbers, and booleans beside numbers; dates are none.
    """
    if not is_frame(given):
        return _column(given)
    array = np.asarray(given)
    columns = [_column(column) for _, column in columns_of(given)]
    kinds = {column.dtype.kind for column in columns}
    if kinds <= set("fiub"):
        return array if array.dtype.kind in "fiub" else np.stack(columns, axis=1)
    return array if array.dtype.kind not in "fiub" else array.astype(object)


def _column(column: Any) -> Array:
    plain = getattr(getattr(column, "dtype", None), "numpy_dtype", None)  # of pandas' types that have a mask
    if plain is None or isinstance(column.dtype, np.dtype) or np.dtype(plain).kind not in "fiub":
        return np.asarray(column)
    is_missing = np.asarray(column.isna())
    if is_missing.any():
        array = np.zeros(len(column), object)
        array[is_missing] = None
        return array
    return np.asarray(column.to_numpy(dtype=plain))


def how_to_convert(name: Any, column: Any, array: Array) -> str:
    """The mend for a column that is no numbers."""
    kind = str(column.dtype).lower()
    mine = f"x[{name!r}]" if name is not None else "y"
    if kind.startswith(("category", "categorical", "enum")):
        codes = "to_physical()" if hasattr(column, "to_physical") else "cat.codes"
        return f"its categories are no numbers; take {mine}.{codes}, or one column each, as pandas.get_dummies makes"
    objects = array.flat if array.dtype.kind == "O" else ()
    row = next((i for i, value in enumerate(objects) if _is_missing(value)), None)
    if row is None:
        return ""
    fill = "fill_null" if hasattr(column, "fill_null") else "fillna"
    return f"at [{row}] a value is missing; fill it in, as {mine}.{fill}(0) does, or drop the sample"


def _is_missing(value: Any) -> bool:
    return value is None or type(value).__name__ in ("NAType", "NaTType")
