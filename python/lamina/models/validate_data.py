"""From what the user gave to columns: checked, counted, of the dtypes that the model and its losses want."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from ..config import floatx
from ..core.tree import flatten, map_structure
from ..data import count
from ..losses import SparseCategoricalCrossentropy
from .compile_state import Compiled, per_output
from .data_adapter import Array, Column, class_weights, to_arrays


def data_dtype(weights: list[Any]) -> np.dtype[Any]:
    """What floating data are converted to: the dtype of the model's first weight, or floatx() before it has one."""
    return np.dtype(floatx()) if not weights else weights[0].dtype


def inputs(what: str, x: Any, y: Any, weight: Any, dtype: np.dtype[Any], kept: bool = False) -> tuple[Any, int]:
    """Columns of x, and the number of samples that x, y and weight share."""
    if x is None:
        raise ValueError(f"{what}: x is missing")
    arrays = {name: to_arrays(what, name, tree) for name, tree in (("x", x), ("y", y), ("sample_weight", weight))}
    size = count(what, **arrays)
    return map_structure(lambda a: Column(a, dtype if a.dtype.kind == "f" else a.dtype, kept), arrays["x"]), size


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
    for i, a in enumerate(labels):
        if a is not None:
            _check_labels(what, compiled, i, a)
    wanted = compiled.loss_set.target_dtype
    return (
        [None if a is None else Column(a, wanted(i, a, dtype)) for i, a in enumerate(labels)],
        [None if a is None else Column(a, dtype) for a in each],
    )


def _check_labels(what: str, compiled: Compiled, i: int, y: Array) -> None:
    """ValueError for labels that are no class of output i, where its loss takes class indices.

    Said here, once for all of y, since a step only knows their places in a shuffled batch.
    """
    loss, shape = compiled.loss_set.losses[i], compiled.shapes[i]
    if not isinstance(loss, SparseCategoricalCrossentropy) or loss.options["axis"] not in (-1, len(shape) - 1):
        return
    if not y.size or y.dtype.kind == "b" or (y.ndim == len(shape) and y.shape[-1] != 1):  # the loss explains shapes
        return
    classes = shape[-1]
    lowest, highest = y.min(), y.max()
    whole = y.dtype.kind != "f" or bool((y == np.trunc(y)).all())
    if whole and lowest >= 0 and highest < classes:
        return
    wrong = (y != np.trunc(y)) | (y < 0) | (y >= classes) if y.dtype.kind == "f" else (y < 0) | (y >= classes)
    if loss.ignore_class is not None:
        wrong &= y != loss.ignore_class
    if not wrong.any():
        return
    place = np.unravel_index(int(wrong.argmax()), y.shape)
    label, index = y[place].item(), int(place[0]) if y.ndim == 1 else tuple(int(n) for n in place)
    used = y if loss.ignore_class is None else y[y != loss.ignore_class]
    if label != label or label != math.trunc(label):
        mend = "labels must be whole numbers; regression takes a loss like mean_squared_error"
    elif label < 0:
        mend = f"pass ignore_class={int(label)} to the loss to leave such samples out"
    elif used.min() == 1 and used.max() == classes:
        mend = "the labels begin at 1: subtract 1"
    else:
        mend = f"give the model's last layer {int(used.max()) + 1} units"
    output = f" of output {(compiled.names or [])[i]!r}" if len(compiled.shapes) > 1 else ""
    raise ValueError(
        f"{what}: label {label} at index {index} of y{output} is no class for the loss {loss.name!r}, which got "
        f"predictions of {classes} classes, 0..{classes - 1}; {mend}"
    )


def as_given(what: str, y: Any, weight: Any, class_weight: Any, dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Columns of y and of the weights in the structure that the user gave, for models with steps of their own."""
    labels, weight = to_arrays(what, "y", y), to_arrays(what, "sample_weight", weight)
    if class_weight is not None:
        weight = _class_weighted(what, class_weight, flatten(labels), weight)

    def column(a: Array | None) -> Column | None:
        return None if a is None else Column(a, dtype if a.dtype.kind == "f" else a.dtype, kept=True)

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
    if isinstance(fraction, bool) or not isinstance(fraction, Real) or not 0.0 < fraction < 1.0:
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
