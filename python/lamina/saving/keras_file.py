"""Keras's files: ``.keras``, a zip of ``config.json``, ``metadata.json`` and the weights in HDF5; ``.weights.h5``.

Nothing in a file is executed, and nothing is unpacked to disk but the assets that layers of one's own ask for.  Sizes
are checked against the file before anything is allocated; whatever does not fit is an error that names it, and then
nothing was loaded.
"""

from __future__ import annotations

import datetime
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NoReturn

from ..core import registry
from ..core.autograd import Array
from ..core.warn import warn
from ..layers import Layer
from ..layers.quantization import quantize_as_saved, quantized_layers
from ..layers.variable import numbers_at_most
from ..layers.weights import load_arrays, shared_layers
from . import compiling, formats, hdf5, keras_optimizer, own_parts, zip_file
from .atomic import write_whole
from .description import load_json
from .keras_description import to_keras
from .keras_paths import join, layers_by_path, weights_by_order, weights_by_path
from .keras_vocabularies import Vocabularies, is_text
from .naming import naming

VERSION = "3.15.0"  # of Keras, whose form this is
CONFIG, METADATA, HDF5, NPZ = "config.json", "metadata.json", "model.weights.h5", "model.weights.npz"


def describe(model: Any, include_optimizer: bool = True) -> dict[str, Any]:
    """The model's configuration, and what compile() was given, in Keras's form; warns of what Keras lacks."""
    missing: list[str] = []
    with registry.sharing(shared_layers(model)):
        described: dict[str, Any] = to_keras(registry.serialize(model), missing)
    shape = model.get_build_config()
    if shape is not None:
        described["build_config"] = shape
    if include_optimizer and getattr(model, "compiled", False):
        arguments = compiling.describe(model)
        if arguments is not None:
            described["compile_config"] = to_keras(arguments, missing)
    missing += [f"int8 weights of {layer._label()}" for layer in quantized_layers(model) if not layer._int8_in_keras]
    if missing:
        more = f" and {len(set(missing)) - 1} more" if len(set(missing)) > 1 else ""
        warn(
            f"Keras will not load this {model._label()}, since it lacks {missing[0]}{more}; Lamina will",
        )
    return described


def save(model: Layer, path: Path, include_optimizer: bool, zipped: bool = True) -> None:
    """Write a whole model as Keras does, safely."""
    metadata = {"keras_version": VERSION, "date_saved": f"{datetime.datetime.now():%Y-%m-%d@%H:%M:%S}"}
    members = {
        METADATA: json.dumps(metadata).encode(),
        CONFIG: json.dumps(describe(model, include_optimizer)).encode(),
        HDF5: _weights(model, include_optimizer),
        **own_parts.assets(model),
    }
    if not zipped:
        path.mkdir(parents=True, exist_ok=True)
        for name, data in members.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            write_whole(path / name, lambda file, data=data: file.write(data))  # type: ignore[misc]
        return

    def write(file: IO[bytes]) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)

    write_whole(path, write)


def save_weights(model: Layer, path: Path) -> None:
    """Write a ``.weights.h5`` file, safely."""
    weights = _weights(model, include_optimizer=True)
    write_whole(path, lambda file: file.write(weights))


def _weights(model: Layer, include_optimizer: bool) -> bytes:
    """The weights, and the optimizer's state, as an HDF5 file."""
    arrays = own_parts.written(model, {key: v.numpy() for key, v in weights_by_path(model).items()})
    names = {join(key, "vars"): {"name": layer.name} for key, layer in layers_by_path(model).items()}
    optimizer = getattr(model, "optimizer", None)
    if include_optimizer and optimizer is not None:
        arrays |= keras_optimizer.arrays(model)
        names["optimizer/vars"] = {"name": optimizer.name}
    file = io.BytesIO()
    hdf5.write(file, arrays, names)
    return file.getvalue()


def load(path: Path, custom_objects: dict[str, Any] | None, compile: bool) -> Any:
    """The model of a ``.keras`` file, or of a folder with its parts."""
    label = str(path)
    text, arrays, vocabularies = _parts(path)
    description = _description(label, text)
    with registry.custom_object_scope(custom_objects):
        with naming(path), numbers_at_most(sum(a.size for a in arrays.values())):
            vocabularies.complete(description)
            model = _made(description)
        quantize_as_saved(model, weights_by_path(model), arrays)
        _set_weights(label, model, arrays)
        own_parts.load_assets(model, path)
        if compile and _compile(label, model, description):
            keras_optimizer.restore(label, model, arrays)
    return model


def from_json(text: Any, custom_objects: dict[str, Any] | None) -> Any:
    """The model of a configuration as text, with new weights, compiled as it was."""
    if not isinstance(text, (str, bytes)):
        raise TypeError(f"model_from_json: expected a text, got {type(text).__name__}")
    description = _description("model_from_json", text)
    with registry.custom_object_scope(custom_objects):
        with naming("model_from_json"):
            model = _made(description)
        _compile("model_from_json", model, description)
    return model


def _description(label: str, text: str | bytes) -> dict[str, Any]:
    description = _json(label, CONFIG, text)
    if not registry.is_description(description):
        raise ValueError(f"{label}: its {CONFIG} is no description of a model")
    return dict(description)


def _json(label: str, part: str, text: str | bytes) -> Any:
    try:
        return load_json(text, finite=False)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{label}: its {part} is damaged ({error})") from None


def _made(description: dict[str, Any]) -> Any:
    with registry.sharing(()):
        model = registry.deserialize(description, "layer")
    if not isinstance(model, Layer):
        raise ValueError("its description is not of a model")
    shapes = description.get("build_config")
    if isinstance(shapes, dict) and not model.built:
        model.build_from_config(shapes)
    return model


def _compile(label: str, model: Any, description: dict[str, Any]) -> bool:
    """Compile a model as it was; whether it was."""
    arguments = description.get("compile_config")
    if not isinstance(arguments, dict) or not arguments:
        return False
    compiling.restore(label, model, arguments)
    return True


def load_weights(model: Layer, path: Path, skip_mismatch: bool) -> None:
    """Set the weights of a model from a ``.weights.h5`` or a ``.keras`` file, and its optimizer's state with them."""
    label = str(path)
    arrays = _weights_of(path)
    _set_weights(label, model, arrays, skip_mismatch)
    keras_optimizer.restore(label, model, arrays)


def _weights_of(path: Path) -> dict[str, Array]:
    """Every array of a file of weights, or of a whole model, by Keras's path."""
    if formats.of(path) == formats.KERAS:
        return _parts(path)[1]
    with hdf5.opened(str(path), str(path), path.stat().st_size) as file:
        return file.arrays()


def _set_weights(label: str, model: Layer, arrays: Mapping[str, Array], skip_mismatch: bool = False) -> None:
    """Set a model's weights by Keras's paths; nothing is changed unless all fit.

    Random states, which follow other rules, and the optimizer's are left.
    """
    others = {key for key in arrays if key.startswith(keras_optimizer.PLACE) or "seed_generator" in key}
    weights = {key: a for key, a in arrays.items() if key not in others}
    stores = own_parts.Stores(model, weights)
    weights, places = stores.rest(weights), stores.rest(weights_by_path(model))
    if not places.keys() <= weights.keys():
        in_order = weights_by_order(model)
        if len(in_order) == len(places) and in_order.keys() == weights.keys():
            places = in_order
    load_arrays(label, places, weights, skip_mismatch=skip_mismatch)
    stores.load()


def _parts(path: Path) -> tuple[bytes, dict[str, Array], Vocabularies]:
    """config.json, weights and vocabularies of a file, or of a folder."""
    return _folder(path) if path.is_dir() else _archive(path)


def _archive(path: Path) -> tuple[bytes, dict[str, Array], Vocabularies]:
    """config.json, weights and vocabularies of a zip; ValueError unless they are there, and no larger than the file."""
    label = str(path)
    try:
        with zip_file.opened(path, path.stat().st_size) as archive:
            names = list(archive.sizes)
            parts = {name: archive.read(name) for name in (CONFIG, METADATA, HDF5) if name in archive.sizes}
            texts = {name: archive.read(name) for name in names if is_text(name)}
    except ValueError as error:
        raise ValueError(f"{label}: {error}") from error
    if CONFIG not in parts:
        told = formats.of_zip(names) or f"a zip without {CONFIG}"
        raise ValueError(f"{label}: {told}, no file of Keras")
    if METADATA in parts:
        _check_version(label, parts[METADATA])
    if HDF5 in parts:
        with hdf5.opened(label, io.BytesIO(parts[HDF5]), len(parts[HDF5])) as file:
            return parts[CONFIG], *_read(file, texts)
    if NPZ in names:
        _no_npz(label)
    raise ValueError(f"{label}: it holds neither {HDF5} nor {NPZ}")


def _no_npz(label: str) -> NoReturn:
    raise ValueError(
        f"{label}: the weights in {NPZ} are pickled Python objects, which may run code and are not read; save the "
        f"model with Keras's default, {HDF5}"
    )


def _check_version(label: str, metadata: bytes) -> None:
    """Warn of a file of a Keras that is newer than this room."""
    found = _json(f"{label}: not a whole file of Keras", METADATA, metadata)
    version = found.get("keras_version") if isinstance(found, dict) else None
    major = version.partition(".")[0] if isinstance(version, str) else ""
    if major.isdecimal() and int(major[:9]) > int(VERSION.partition(".")[0]):
        warn(
            f"{label}: was written by Keras {version}; this Lamina knows the files of Keras {VERSION} and older",
        )


def _read(file: hdf5.File, texts: Mapping[str, bytes]) -> tuple[dict[str, Array], Vocabularies]:
    arrays, vocabularies = file.arrays(), Vocabularies()
    vocabularies.read(texts, file, arrays)
    return arrays, vocabularies


def _folder(path: Path) -> tuple[bytes, dict[str, Array], Vocabularies]:
    """config.json, weights and vocabularies of a folder, as ``zipped=False`` writes it."""
    for name in (CONFIG, HDF5, NPZ):
        part = path / name
        if part.exists() and (part.is_symlink() or not part.is_file()):
            raise ValueError(f"{part}: is no regular file")
    if not (path / CONFIG).is_file():
        raise ValueError(f"{path}: a folder without {CONFIG}, so no model of Keras")
    text = (path / CONFIG).read_bytes()
    if (path / HDF5).is_file():
        found = [
            p for p in path.glob("assets/**/vocabulary.txt") if p.is_file() and path.resolve() in p.resolve().parents
        ]
        texts = {p.relative_to(path).as_posix(): p.read_bytes() for p in found}
        with hdf5.opened(str(path / HDF5), str(path / HDF5), (path / HDF5).stat().st_size) as file:
            return text, *_read(file, texts)
    if (path / NPZ).is_file():
        _no_npz(str(path))
    raise ValueError(f"{path}: it holds neither {HDF5} nor {NPZ}")
