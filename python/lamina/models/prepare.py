"""From what the user gave to columns: checked, counted, of the dtypes that the model and its losses want."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._tree import flatten, map_structure
from ..config import floatx
from ..data import count
from .compiled import Compiled, per_output
from .feed import Array, Column, class_weights, to_arrays


def data_dtype(weights: list[Any]) -> np.dtype[Any]:
    """What floating data are converted to: the dtype of the model's first weight, or floatx() before it has one."""
    return np.dtype(floatx()) if not weights else weights[0].dtype


def inputs(what: str, x: Any, y: Any, weight: Any, dtype: np.dtype[Any]) -> tuple[Any, int]:
    """Columns of x, and the number of samples that x, y and weight share."""
    if x is None:
        raise ValueError(f"{what}: x is missing")
    arrays = {name: to_arrays(what, name, tree) for name, tree in (("x", x), ("y", y), ("sample_weight", weight))}
    size = count(what, **arrays)
    return map_structure(lambda a: Column(a, dtype if a.dtype.kind == "f" else a.dtype), arrays["x"]), size


def targets(
    what: str, compiled: Compiled, y: Any, weight: Any, class_weight: Any, dtype: np.dtype[Any]
) -> tuple[list[Column | None], list[Column | None]]:
    """Columns of y and of the weights, one for each output of the model (None where nothing is given)."""
    names = compiled.names or []
    labels = per_output("y", to_arrays(what, "y", y), names)
    weight = to_arrays(what, "sample_weight", weight)
    each: list[Array | None]
    each = per_output("sample_weight", weight, names) if isinstance(weight, (list, dict)) else [weight] * len(names)
    if class_weight is not None:
        each = [_class_weighted(what, class_weight, labels, each[0])]
    wanted = compiled.loss_set.target_dtype
    return (
        [None if a is None else Column(a, wanted(i, a, dtype)) for i, a in enumerate(labels)],
        [None if a is None else Column(a, dtype) for a in each],
    )


def as_given(what: str, y: Any, weight: Any, class_weight: Any, dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Columns of y and of the weights in the structure that the user gave, for models with steps of their own."""
    labels, weight = to_arrays(what, "y", y), to_arrays(what, "sample_weight", weight)
    if class_weight is not None:
        weight = _class_weighted(what, class_weight, flatten(labels), weight)

    def column(a: Array | None) -> Column | None:
        return None if a is None else Column(a, dtype if a.dtype.kind == "f" else a.dtype)

    return map_structure(column, labels), map_structure(column, weight)


def _class_weighted(what: str, class_weight: Any, labels: list[Any], weight: Array | None) -> Array:
    if len(labels) > 1:
        raise ValueError(f"{what}: class_weight goes with one output; give sample_weight for several")
    if labels[0] is None:
        raise ValueError(f"{what}: class_weight needs y")
    found = class_weights(class_weight, labels[0])
    return found if weight is None else found * weight


def split(data: tuple[Any, Any, Any], fraction: float) -> tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]:
    """(training part, validation part): the last ``fraction`` of the samples is held back, as in Keras."""
    if not 0.0 < fraction < 1.0:
        raise ValueError(f"fit: validation_split must be between 0 and 1, got {fraction}")
    named = zip(("x", "y", "sample_weight"), data, strict=True)
    arrays = {name: to_arrays("fit", name, tree) for name, tree in named}
    size = count("fit", **arrays)
    at = math.floor(size * (1.0 - fraction))
    if not 0 < at < size:
        raise ValueError(f"fit: validation_split={fraction} of {size} samples leaves one part empty")

    def part(cut: slice) -> tuple[Any, Any, Any]:
        x, y, weight = (map_structure(lambda a: None if a is None else a[cut], tree) for tree in arrays.values())
        return x, y, weight

    return part(slice(0, at)), part(slice(at, None))
