"""The .lamina file: safetensors whose header says which model the tensors belong to.

Header entries (text): ``format`` = "lamina", ``version`` = "1", ``lamina`` = the library's version, ``model`` =
JSON with the description of the model, the shapes its layers were built for and what compile() was given.  Tensors:
``weights/<key>`` with the keys of ``state_dict()``, ``optimizer/<slot>/<key>`` with the same keys for each slot of the
optimizer's state, ``optimizer/iterations`` and ``optimizer/learning_rate``; ``random/<layer's path>/<attribute>`` the
states of the layers' random generators.
A file of weights alone has no ``model`` entry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._version import __version__
from ..core import registry
from ..core.autograd import Array
from ..core.warn import warn
from ..layers import Layer
from ..layers.build import build_parameters
from ..layers.quantization import quantize_as_saved
from ..layers.variable import numbers_at_most, unfilled
from ..layers.weights import (
    load_arrays,
    load_random_states,
    named_layers,
    named_variables,
    random_states,
    shared_layers,
)
from . import compiling, formats, safetensors_file
from .atomic import as_path, read_whole, write_whole
from .description import check, parse
from .naming import naming

FORMAT, VERSION = "lamina", "1"


def save_model(
    model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, include_optimizer: bool = True
) -> None:
    """Write a whole model to one file: description, weights, how it was compiled, optimizer state.

    The file is written aside, synced and renamed, so that an error or a crash leaves an older one whole.

    Args:
        model: the model, or a layer by itself such as a FeatureSpace.
        filepath: name of the file: "m.lamina", or "m.keras" for one that Keras loads, too (needs h5py).
        overwrite: whether a file of that name, or the model in a folder, is replaced.
        zipped: whether a model for Keras is one file; False makes a folder of its parts.
        include_optimizer: whether the optimizer and the rest of ``compile`` is written, too.

    Raises:
        ValueError: the model has no weights yet, the name is of another format, or of a folder with other files.
        FileExistsError: the file exists, and ``overwrite`` is False.
        IsADirectoryError: there is a folder of that name.
        NotADirectoryError: a file is where the folder would be.
        TypeError: a part of the model cannot be described, such as a function that is not registered.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> saving.save_model(model, "m.lamina")
        >>> saving.load_model("m.lamina").count_params()
        3
    """
    path = _target(filepath, overwrite, folder=zipped is False)
    keras = path.suffix == ".keras" if zipped is None else True
    if zipped is not None and zipped is not (path.suffix == ".keras"):
        raise ValueError(f"{path}: zipped={zipped} wants a name that {'ends' if zipped else 'does not end'} in .keras")
    if not model.built and not model.weights:  # its own step may call its parts, and never the model
        raise ValueError(f"{path}: {model._label()} has no weights yet: call it on data, or build it, before saving")
    if keras:
        from . import keras_file  # imports what few programs need

        keras_file.save(model, path, include_optimizer, zipped is not False)
        return
    with registry.sharing(shared_layers(model)):
        described = registry.serialize(model)
    description: dict[str, Any] = {"model": described, "built": _built(model), "frozen": _frozen(model)}
    tensors = {f"weights/{key}": v.numpy() for key, v in named_variables(model).items()}
    tensors |= {f"random/{key}": state for key, state in random_states(model).items()}
    if include_optimizer and getattr(model, "compiled", False):  # a layer by itself never is
        description["compile"] = compiling.describe(model)
        if description["compile"] is not None and model.optimizer is not None:
            state = model.optimizer.get_state(named_variables(model))
            tensors |= {f"optimizer/{k}": v for k, v in state.items()}
            description["undecayed"] = compiling.undecayed(model)
    _write(path, tensors, {"model": json.dumps(registry.to_json(description))})


def save_weights(model: Layer, filepath: Any, overwrite: bool = True) -> None:
    """Write the weights of a model alone to one file, by key.

    Args:
        model: the model.

    Raises:
        ValueError: the model has no weights yet, or the name is of another format.
        FileExistsError: the file exists, and ``overwrite`` is False.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> saving.save_weights(model, "w.lamina")
        >>> saving.load_weights(model, "w.lamina")
    """
    path = _target(filepath, overwrite, weights_only=True)
    if not model.built and not model.weights:
        raise ValueError(f"{path}: {model._label()} has no weights yet: call it on data, or build it, before saving")
    if path.name.endswith(".weights.h5"):
        from . import keras_file

        keras_file.save_weights(model, path)
        return
    _write(path, {f"weights/{key}": v.numpy() for key, v in named_variables(model).items()}, {})


def load_model(
    filepath: Any, custom_objects: dict[str, Any] | None = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """The model of a file that ``model.save`` wrote, here or in Keras.

    Args:
        filepath: name of the file.
        custom_objects: {name: class or function} for what is not registered.
        compile: whether the model is compiled as it was, with the optimizer's state.
        safe_mode: an argument of Keras without effect: no code in a file is ever run.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is cut short, of another version, without a model, or its weights do not fit; a class is
            unknown.
        TypeError: ``custom_objects`` is no dict.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> model.save("m.lamina")
        >>> saving.load_model("m.lamina").count_params()
        3
    """
    path = as_path("load_model", filepath)
    if not isinstance(custom_objects, (dict, type(None))):
        raise TypeError(f"load_model: custom_objects must be a dict of classes by name, got {custom_objects!r}")
    kind = formats.of(path)
    if kind != formats.LAMINA:
        return _load_of_keras(kind, path, custom_objects, compile)
    header, tensors = _read(path)
    if "model" not in header:
        raise ValueError(f"{path}: holds weights only; make the model and call model.load_weights({str(path)!r})")
    try:
        description = parse(header["model"])
    except ValueError as error:
        raise ValueError(f"{path}: its description is damaged ({error})") from None
    arrays = _part(tensors, "weights/")
    with registry.custom_object_scope(custom_objects):
        with naming(path), numbers_at_most(sum(a.size for a in arrays.values())), unfilled():
            check(description)
            with registry.sharing(()):
                model = registry.deserialize(description["model"], "layer")
            _build(model, description["built"])
            _freeze(model, description["frozen"])
        quantize_as_saved(model, named_variables(model), arrays)
        load_arrays(str(path), named_variables(model), arrays)
        load_random_states(str(path), model, _part(tensors, "random/"))
        if compile and description.get("compile"):
            state, excluded = _part(tensors, "optimizer/"), description.get("undecayed")
            compiling.restore(str(path), model, description["compile"], excluded, state)
    return model


def _load_of_keras(kind: str, path: Path, custom_objects: dict[str, Any] | None, compile: bool) -> Any:
    from . import keras_file, legacy_hdf5  # they import what few programs need

    if kind == formats.HDF5:
        raise ValueError(f"{path}: holds weights only; make the model and call model.load_weights({str(path)!r})")
    return (legacy_hdf5 if kind == formats.LEGACY else keras_file).load(path, custom_objects, compile)


def load_weights(model: Layer, filepath: Any, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Set a built model's weights from a file, by key; nothing is changed unless all fit.

    Args:
        model: the model.
        filepath: name of the file, Lamina's or Keras's.
        skip_mismatch: whether weights that fit by key and shape are taken, and the others left as they are.
        by_name: whether layers take the weights of layers of their names; of a file of Keras 2 (``.h5``) alone.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the model has no weights yet, the file is damaged, or the weights do not fit.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> saving.save_weights(model, "w.lamina")
        >>> saving.load_weights(model, "w.lamina")
    """
    path = as_path("load_weights", filepath)
    variables = named_variables(model)
    if not variables and not model.built:
        raise ValueError(f"{path}: {model._label()} has no weights yet: call it on data, or build it, before loading")
    kind = formats.of(path)
    if by_name and kind != formats.LEGACY:
        raise ValueError(f"{path}: by_name=True reads files of Keras 2 (.h5) alone; this one names weights by place")
    if kind != formats.LAMINA:
        from . import keras_file, legacy_hdf5

        if kind == formats.LEGACY:
            legacy_hdf5.load_weights(model, path, skip_mismatch, by_name)
        else:
            keras_file.load_weights(model, path, skip_mismatch)
        return
    _, tensors = _read(path)
    load_arrays(str(path), variables, _part(tensors, "weights/"), skip_mismatch=skip_mismatch)


def _target(filepath: Any, overwrite: bool, weights_only: bool = False, folder: bool = False) -> Path:
    path = as_path("save", filepath)
    formats.check_name(path, weights_only)
    if path.is_dir():
        if not folder:
            raise IsADirectoryError(f"{path}: is a directory")
        if any(path.iterdir()) and formats.of(path) != formats.KERAS:
            raise ValueError(f"{path}: is a directory of other files; a model is written to a new one, or over a model")
    elif folder and path.exists():
        raise NotADirectoryError(f"{path}: is a file; zipped=False makes a folder")
    elif path.exists() and not path.is_file():  # /dev/null, a pipe: the new file would take its place
        raise ValueError(f"{path}: is no regular file, so it cannot be replaced by one")
    if not overwrite and path.exists():
        raise FileExistsError(f"{path}: exists, and overwrite=False")
    return path


def _write(path: Path, tensors: Mapping[str, Array], header: dict[str, str]) -> None:
    metadata = {"format": FORMAT, "version": VERSION, "lamina": __version__, **header}
    write_whole(path, lambda file: safetensors_file.write(file, tensors, metadata))


def _read(path: Path) -> tuple[dict[str, str], dict[str, Array]]:
    data = read_whole(path)
    try:
        if not safetensors_file.looks_like(data):
            raise ValueError(f"not a whole Lamina file; it was cut short or is another format{formats.hint(path)}")
        file = safetensors_file.SafetensorsFile(data)
        header = file.metadata
        if header.get("format") != FORMAT:
            raise ValueError(
                "a safetensors file, but not one of Lamina's; lamina.torch.load_state_dict reads PyTorch's"
            )
        if header.get("version") != VERSION:
            raise ValueError(
                f"format version {header.get('version')}, this Lamina ({__version__}) reads version {VERSION}; it was "
                f"written by Lamina {header.get('lamina')}"
            )
        if not file.whole:
            raise ValueError("not a whole Lamina file; it was cut short")
        return header, file.arrays()
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _part(tensors: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {k.removeprefix(prefix): a for k, a in tensors.items() if k.startswith(prefix)}


def _built(model: Layer) -> dict[str, Any]:
    """By path of keys, the arguments with which each layer was built ("" is the model itself)."""
    layers = {"": model, **named_layers(model)}
    return {path: layer._build_arguments for path, layer in layers.items() if layer.built}


def _frozen(model: Layer) -> dict[str, list[str]]:
    """What was made not trainable, as far as constructors' arguments cannot tell: layers and weights, by key."""
    layers = {"": model, **named_layers(model)}
    fixed = {id(v) for layer in layers.values() for v in layer._fixed}
    return {
        "layers": [path for path, layer in layers.items() if not layer.trainable],
        "whole": [path for path, layer in layers.items() if layer._frozen_whole],
        "weights": [k for k, v in named_variables(model).items() if not v.trainable and id(v) not in fixed],
    }


def _freeze(model: Layer, frozen: Mapping[str, list[str]]) -> None:
    layers, variables = {"": model, **named_layers(model)}, named_variables(model)
    for path in frozen["layers"]:
        if path in layers:
            layers[path]._trainable = False
            layers[path]._frozen_whole = path in frozen.get("whole", ())
    for key in frozen["weights"]:
        if key in variables:
            variables[key].trainable = False


def _build(model: Layer, built: Mapping[str, Any]) -> None:
    """Make the weights of every layer that had them, parents first, since some make their layers in build()."""
    pending = dict(built)
    while pending:
        layers = {"": model, **named_layers(model)}
        ready = [path for path in layers if path in pending]
        if not ready:
            missing = next(iter(pending))
            warn(f"{model._label()}: the saved layer {missing!r} is not there after loading")
            return
        for path in ready:
            arguments, layer = pending.pop(path), layers[path]
            if layer.built:
                continue
            if not layer._built_by_call and (arguments or not build_parameters(layer)):
                layer.build(**(arguments or {}))
            layer._built = True
