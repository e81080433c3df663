"""Second before a step: the adapted arrays are counted and checked; and columns, of the dtypes that the model and its
losses want, read them in slices."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np

from ..config import floatx
from ..core.explain import is_number, show
from ..core.tree import flatten, map_structure
from ..data import count
from ..losses import SparseCategoricalCrossentropy
from .compile_state import Compiled, as_given, per_output
from .data_adapter import Array, Column, Given, to_arrays


def data_dtype(weights: list[Any]) -> np.dtype[Any]:
    """What floating data are converted to: the dtype of the model's first weight of floats, or floatx() before it has
    one."""
    return next((w.dtype for w in weights if w.dtype.kind == "f"), np.dtype(floatx()))


def check(what: str, given: Given) -> int:
    """The number of samples that x, y and weight share; ValueError if they don't, or if there are none."""
    if isinstance(given.x, list):
        _refuse_ragged(what, given)
    size = count(what, x=given.x, y=given.y, sample_weight=given.weight)
    if any(a is None for a in flatten(given.x)):
        raise ValueError(f"{what}: an input in x is None, expected an array for each")
    if not size:
        raise ValueError(f"{what}: x holds no samples")
    return size


def _refuse_ragged(what: str, given: Given) -> None:
    """ValueError for a list of samples of different lengths, which looks like one of inputs."""
    sizes = [a.shape[0] for a in given.x if getattr(a, "shape", ())]
    if len(set(sizes)) > 1 and (given.y is None or getattr(given.y, "shape", ())[:1] == (len(given.x),)):
        raise ValueError(
            f"{what}: x is a list of {len(given.x)} arrays of different lengths, {', '.join(map(str, sizes[:3]))} ..., "
            "and those of inputs have one; if they are samples, pad them to one length, as "
            "lamina.utils.pad_sequences(x) does"
        )


def columns(tree: Any, dtype: np.dtype[Any]) -> Any:
    """A nest of arrays as it was given, as columns; floats become ``dtype``."""
    return map_structure(lambda a: None if a is None else Column(a, dtype if a.dtype.kind == "f" else a.dtype), tree)


def targets(what: str, compiled: Compiled, given: Given, class_weight: Any, dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Columns of y and of the weights as they were given, checked against the model's outputs and their losses."""
    names = compiled.names or []
    labels = _one_each(what, "y", compiled.loss_set.targets(given.y), names)
    weight = given.weight
    several = isinstance(weight, (list, dict))
    each: list[Array | None] = per_output("sample_weight", weight, names) if several else [weight] * len(names)
    _one_each(what, "sample_weight", each, names)
    if class_weight is not None:
        shape = compiled.shapes[0] if compiled.shapes else None
        each = [_class_weighted(what, class_weight, labels, each[0], compiled.loss_set.losses[0], shape)]
        weight, several = each[0], False
    for i, a in enumerate(labels):
        if a is not None:
            _check_labels(what, compiled, i, a, each[i])
    wanted = compiled.loss_set.target_dtype
    y = [None if a is None else Column(a, wanted(i, a, dtype)) for i, a in enumerate(labels)]
    weights = [None if a is None else Column(a, dtype) for a in each]
    return as_given(given.y, y, names), as_given(weight, weights, names) if several else next(iter(weights), None)


def _one_each(what: str, name: str, arrays: list[Any], outputs: list[str]) -> list[Any]:
    """``arrays``, one for each output; ValueError for several where one is wanted."""
    for output, array in zip(outputs, arrays, strict=False):
        if isinstance(array, (list, dict)):
            of = f" of output {output!r}" if len(outputs) > 1 else ""
            raise ValueError(f"{what}: {name}{of} must be one array, got a {type(array).__name__} of {len(array)}")
    return arrays


def _check_labels(what: str, compiled: Compiled, i: int, y: Array, weight: Array | None) -> None:
    """ValueError for labels that are no class of output i, where its loss takes class indices and their weight isn't 0.

    Said here, once for all of y, since a step only knows their places in a shuffled batch.
    """
    loss, shape = compiled.loss_set.losses[i], compiled.shapes[i]
    if not isinstance(loss, SparseCategoricalCrossentropy) or loss.options["axis"] not in (-1, len(shape) - 1):
        return
    if compiled.masked[i]:  # which labels count, only the steps know
        return
    if y.ndim == len(shape) and y.shape[-1] != 1:  # the loss explains shapes
        return
    classes = shape[-1]
    wrong = (y < 0) | (y >= classes)
    if y.dtype.kind == "f":
        wrong |= y != np.trunc(y)
    if loss.ignore_class is not None:
        wrong &= y != loss.ignore_class
    if weight is not None:
        wrong &= _aligned(weight, y.ndim) != 0
    if not wrong.any():
        return
    place = np.unravel_index(int(wrong.argmax()), y.shape)
    label, index = y[place].item(), int(place[0]) if y.ndim == 1 else tuple(int(n) for n in place)
    used = y if loss.ignore_class is None else y[y != loss.ignore_class]
    if label % 1 != 0:  # NaN and infinities, too
        mend = "labels must be whole numbers; regression takes a loss like mean_squared_error"
    elif label < classes:
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


def unsettled_targets(
    what: str, given: Given, class_weight: Any, dtype: np.dtype[Any], loss: Any = None
) -> tuple[Any, Any]:
    """Columns of y and of the weights as they were given, for steps that a model defines itself.

    loss: the one that compile was given, if any.
    """
    weight = given.weight
    if class_weight is not None:
        weight = _class_weighted(what, class_weight, flatten(given.y), weight, loss, None)
    return columns(given.y, dtype), columns(weight, dtype)


def _class_weighted(
    what: str,
    class_weight: Any,
    labels: list[Any],
    weight: Any,
    loss: Any,
    shape: tuple[int, ...] | None,
) -> Array:
    """sample_weight times the weights of the labels' classes; shape: that of the predictions, if it is known."""
    if len(labels) > 1:
        raise ValueError(f"{what}: class_weight goes with one output; give sample_weight for several")
    if labels[0] is None:
        raise ValueError(f"{what}: class_weight needs y")
    given = flatten(weight)
    if len(given) > 1:
        raise ValueError(f"{what}: class_weight goes with one sample_weight, got {len(given)}")
    found = class_weights(class_weight, class_indices(labels[0], loss, shape))
    if not given or given[0] is None:
        return found
    ndim = max(found.ndim, given[0].ndim)
    product: Array = _aligned(found, ndim) * _aligned(given[0], ndim)
    return product


def _aligned(weight: Array, ndim: int) -> Array:
    """Weights that broadcast from the left, samples first, as their losses do; an array of ndim axes."""
    if weight.ndim > ndim and weight.shape[-1] == 1:
        weight = weight[..., 0]
    return weight.reshape(weight.shape + (1,) * (ndim - weight.ndim))


def class_indices(y: Array, loss: Any, shape: tuple[int, ...] | None) -> Array:
    """The classes that y stands for: y itself, or the places of its largest entries where its last axis is one-hot.

    loss: where it takes class indices, y is never one-hot.  shape: of the predictions; an axis that y has not got means
    indices too.
    """
    if y.ndim > 1 and y.shape[-1] == 1 and (shape is None or y.ndim == len(shape)):
        return y[..., 0]
    if getattr(loss, "integer_targets", False) or y.ndim < 2 or (shape is not None and y.ndim < len(shape)):
        return y
    if not y.shape[-1]:
        raise ValueError(f"class_weight: y has shape {y.shape}, which names no classes")
    places: Array = y.argmax(-1)
    return places


def class_weights(class_weight: Any, labels: Array) -> Array:
    """One weight a label: class_weight[label], 1 for labels that it doesn't name.  Labels are rounded, as in Keras."""
    if not isinstance(class_weight, dict):
        raise TypeError(
            f"class_weight: expected a dict of class index to weight, got {class_weight!r}; "
            "dict(enumerate(weights)) makes one of a list"
        )
    for label, weight in class_weight.items():
        if not isinstance(label, Real) or not math.isfinite(label) or math.floor(label) != label:
            raise ValueError(f"class_weight: keys must be class indices, got {label!r}")
        if not is_number(weight):
            raise TypeError(f"class_weight: the weight of class {label} must be a number, got {show(weight)}")
    found, place = np.unique(np.rint(labels) if labels.dtype.kind == "f" else labels, return_inverse=True)
    table = np.array([class_weight.get(label, 1.0) for label in found.tolist()], np.float32)
    return table[place.reshape(labels.shape)]


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
