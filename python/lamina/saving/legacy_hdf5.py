"""The ``.h5`` files of Keras 2, which Keras 3 still writes: a model with its description, or weights alone.

Each layer has a group of its name, ``layer_names`` gives their order, and ``weight_names`` that of a layer's arrays,
the trained ones first.  Weights belong to layers in this order, or ``by_name``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core import registry
from ..core.autograd import Array
from ..layers import Layer
from ..layers.variable import Variable, numbers_at_most
from ..layers.weights import load_arrays
from . import compiling, hdf5, keras_optimizer
from .description import load_json
from .keras_paths import variables
from .naming import naming

_COMPILED = ("loss", "metrics", "weighted_metrics", "loss_weights")  # of compile's arguments
# What layers and optimizers of Keras 2 had, and those of Keras 3 have not.
_GONE = frozenset(("decay", "implementation", "is_legacy_optimizer", "jit_compile", "time_major"))


def is_legacy(file: hdf5.File) -> bool:
    """Whether an open HDF5 file is of this kind, not of Keras 3's own."""
    root = file.attributes()
    return "model_config" in root or "layer_names" in root or "layer_names0" in root


def load(path: Path, custom_objects: dict[str, Any] | None, compile: bool) -> Any:
    """The model of a whole-model file."""
    label = str(path)
    with hdf5.opened(label, label, path.stat().st_size) as file:
        root = file.attributes()
        if "model_config" not in root:
            raise ValueError(f"{label}: holds weights only; make the model and call model.load_weights({label!r})")
        arrays = file.arrays()
        saved = _saved(label, file, arrays)
        state = _optimizer(file, arrays)
    try:
        description = _modern(load_json(str(root["model_config"]), finite=False))
        training = load_json(str(root.get("training_config", "null")), finite=False)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{label}: its description is damaged ({error})") from None
    with registry.custom_object_scope(custom_objects):
        with naming(path), numbers_at_most(sum(a.size for a in arrays.values())):
            model: Any = registry.deserialize(description, "layer")
            if not hasattr(model, "compile"):
                raise ValueError("its description is not of a model")
        _set(label, model, _by_order(label, model, saved), skip_mismatch=False)
        if compile and isinstance(training, dict):
            given = {key: training[key] for key in _COMPILED if training.get(key) is not None}
            given["optimizer"] = _modern(training.get("optimizer_config"))
            compiling.restore(label, model, given)
            keras_optimizer.restore(label, model, state)
    return model


def load_weights(model: Layer, path: Path, skip_mismatch: bool, by_name: bool) -> None:
    """Set a model's weights, layer by layer in order or by the layers' names; nothing is changed unless all fit."""
    label = str(path)
    with hdf5.opened(label, label, path.stat().st_size) as file:
        saved = _saved(label, file, file.arrays())
    pairs = _by_name(model, saved) if by_name else _by_order(label, model, saved, skip_mismatch)
    if by_name and not pairs:
        known = ", ".join(layer.name for layer in _layers(model))
        raise ValueError(f"{label}: no layer has one of its names ({', '.join(saved)}); the model's are {known}")
    _set(label, model, pairs, skip_mismatch)


def _saved(label: str, file: hdf5.File, arrays: Mapping[str, Array]) -> dict[str, list[Array]]:
    """The arrays of each layer by its name, both in order, without layers that have none."""
    group = "model_weights" if "model_config" in file.attributes() else ""
    found: dict[str, list[Array]] = {}
    for name in _names(file.attributes(group), "layer_names"):
        place = f"{group}/{name}" if group else name
        keys = [f"{place}/{weight}" for weight in _names(file.attributes(place), "weight_names")]
        missing = [key for key in keys if key not in arrays]
        if missing:
            raise ValueError(f"{label}: there is no array {missing[0]!r}, which it lists")
        if keys:
            found[name] = [arrays[key] for key in keys]
    return found


def _names(attributes: Mapping[str, Any], name: str) -> list[str]:
    """A list of names at a group, in parts where it is long."""
    parts = [name] if name in attributes else []
    while f"{name}{len(parts)}" in attributes and name not in attributes:
        parts.append(f"{name}{len(parts)}")
    return [str(n) for part in parts for n in attributes[part]]


def _optimizer(file: hdf5.File, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The optimizer's variables as Keras 3 numbers them; none if there are none."""
    group = "optimizer_weights"
    if not any(key.startswith(f"{group}/") for key in arrays):
        return {}
    names = _names(file.attributes(group), "weight_names")
    found = [arrays.get(f"{group}/{name}") for name in names]
    return {f"optimizer/vars/{i}": array for i, array in enumerate(found) if array is not None}


def _layers(model: Layer) -> list[Layer]:
    layers, _ = model._layers_in_keras()
    return [model] if layers is None else layers


def _weights(layer: Layer) -> list[Variable]:
    """A layer's variables in Keras's order: the trained ones first."""
    found = variables(layer)
    first = {id(v) for v in layer.trainable_weights}
    return [v for v in found if id(v) in first] + [v for v in found if id(v) not in first]


def _by_order(
    label: str, model: Layer, saved: Mapping[str, list[Array]], skip_mismatch: bool = False
) -> list[tuple[Layer, list[Array]]]:
    layers = [layer for layer in _layers(model) if _weights(layer)]
    if len(layers) != len(saved) and not skip_mismatch:
        raise ValueError(
            f"{label}: has weights of {len(saved)} layers ({', '.join(saved)}), but {len(layers)} layers of the model "
            f"have weights ({', '.join(layer.name for layer in layers)})"
        )
    return list(zip(layers, saved.values(), strict=False))


def _by_name(model: Layer, saved: Mapping[str, list[Array]]) -> list[tuple[Layer, list[Array]]]:
    return [(layer, saved[layer.name]) for layer in _layers(model) if layer.name in saved]


def _set(label: str, model: Layer, pairs: list[tuple[Layer, list[Array]]], skip_mismatch: bool) -> None:
    targets: dict[str, Variable] = {}
    arrays: dict[str, Array] = {}
    for layer, values in pairs:
        own = _weights(layer)
        if len(own) != len(values):
            if skip_mismatch:
                continue
            raise ValueError(f"{label}: layer {layer.name!r} has {len(own)} weights, but {len(values)} are saved")
        for variable, value in zip(own, values, strict=True):
            if not skip_mismatch or variable.shape == value.shape:
                targets[f"{layer.name}/{variable.name}/{len(targets)}"] = variable
                arrays[f"{layer.name}/{variable.name}/{len(arrays)}"] = value
    load_arrays(label, targets, arrays)


def _modern(value: Any) -> Any:
    """A description of Keras 2 in the form of today."""
    if isinstance(value, list):
        return [_modern(v) for v in value]
    if not isinstance(value, dict):
        return value
    if not registry.is_description(value):
        return {k: _modern(v) for k, v in value.items()}
    name, config = value["class_name"], {k: v for k, v in value["config"].items() if k not in _GONE}
    if name == "Policy":
        return config.get("name")
    batch_shape = config.pop("batch_input_shape", None)
    if batch_shape is not None:
        key, shape = ("batch_shape", batch_shape) if name == "InputLayer" else ("input_shape", batch_shape[1:])
        config[key] = shape
    axis = config.get("axis")
    if isinstance(axis, list) and len(axis) == 1 and "Normalization" in str(name):
        config["axis"] = axis[0]
    if name == "Lambda" and isinstance(config.get("function"), list):
        config["function"] = {"class_name": "__lambda__", "config": {}}
        config = {k: v for k, v in config.items() if k not in ("module", "function_type", "output_shape_type",
                                                               "output_shape_module")}  # fmt: skip
    return {**value, "config": _modern(config)}
