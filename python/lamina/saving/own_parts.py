"""What layers of one's own keep in Keras's files beside their variables: ``save_own_variables``, ``save_assets``.

Their ``load_own_variables`` and ``load_assets`` get it back; files in a directory that is removed afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ..core.autograd import Array
from ..layers import Layer
from . import zip_file
from .keras_paths import join, layers_by_path

_ASSETS = "assets/"


def _with(model: Layer, method: str) -> Iterator[tuple[str, Layer]]:
    """The layers, by path, whose class defines a method that ``Layer`` has already."""
    for path, layer in layers_by_path(model).items():
        if getattr(type(layer), method) is not getattr(Layer, method):
            yield path, layer


def _own(path: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Of all arrays those of one layer itself, by their names there."""
    place = join(path, "vars/")
    return {key.removeprefix(place): a for key, a in arrays.items() if key.startswith(place)}


def _without(path: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    place = join(path, "vars/")
    return {key: a for key, a in arrays.items() if not key.startswith(place)}


def written(model: Layer, arrays: dict[str, Array]) -> dict[str, Array]:
    """The arrays of a model by path, in which layers that define save_own_variables stand as they say."""
    for path, layer in _with(model, "save_own_variables"):
        store: dict[str, Any] = {}
        layer.save_own_variables(store)
        arrays = _without(path, arrays) | {join(path, f"vars/{key}"): np.asarray(a) for key, a in store.items()}
    return arrays


class Stores:
    """What a file holds for layers that define load_own_variables, set apart from what is set by place."""

    def __init__(self, model: Layer, arrays: Mapping[str, Array]) -> None:
        self.layers = dict(_with(model, "load_own_variables"))
        self.stores = {path: _own(path, arrays) for path in self.layers}

    def rest(self, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Those of other layers."""
        found = dict(arrays)
        for path in self.layers:
            found = _without(path, found)
        return found

    def load(self) -> None:
        """Give each layer its own."""
        for path, layer in self.layers.items():
            layer.load_own_variables(self.stores[path])


def assets(model: Layer) -> dict[str, bytes]:
    """The files that layers' save_assets write, by their places in Keras's file."""
    found: dict[str, bytes] = {}
    for path, layer in _with(model, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            layer.save_assets(folder)
            for file in sorted(Path(folder).rglob("*")):
                if file.is_file():
                    place = PurePosixPath(_ASSETS, path, file.relative_to(folder).as_posix())
                    found[str(place)] = file.read_bytes()
    return found


def load_assets(model: Layer, source: Path) -> None:
    """Let layers' load_assets read what stands for them in a file, or in a folder."""
    for path, layer in _with(model, "load_assets"):
        place = join(_ASSETS + path, "") if path else _ASSETS
        with tempfile.TemporaryDirectory() as folder:
            for name, data in _below(source, place):
                file = Path(folder, *_inside(source, name))
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            layer.load_assets(folder)


def _inside(source: Path, name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    if ".." in parts or PurePosixPath(name).is_absolute() or "\\" in name or ":" in name:
        raise ValueError(f"{source}: the asset {name!r} would be written outside of its directory")
    return parts


def _below(source: Path, place: str) -> list[tuple[str, bytes]]:
    """Names below a place, and what stands there."""
    if source.is_dir():
        root = source / place
        files = [p for p in sorted(root.rglob("*")) if p.is_file() and source.resolve() in p.resolve().parents]
        return [(p.relative_to(root).as_posix(), p.read_bytes()) for p in files]
    with zip_file.opened(source, source.stat().st_size) as archive:
        names = [name for name in archive.sizes if name.startswith(place) and not name.endswith("/")]
        return [(name.removeprefix(place), archive.read(name)) for name in names]


__all__: list[str] = []
