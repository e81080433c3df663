"""Vocabularies in Keras's files: of layers that were adapted, each a text of its own with a token a line.

A layer's text stands under its path, and its name beside its weights; the configuration, which lacks the vocabulary,
gets it before the layer is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.autograd import Array
from . import hdf5
from .keras_paths import join

_PREFIX, _TEXT, _WEIGHTS = "assets/", "vocabulary.txt", "vars/idf_weights"
_LAYERS = ("IntegerLookup", "StringLookup", "TextVectorization")


class Vocabularies:
    """Tokens and weights of a file, by the names of layers."""

    def __init__(self) -> None:
        self._tokens: dict[str, list[str]] = {}
        self._weights: dict[str, Array] = {}

    def read(self, texts: Mapping[str, bytes], file: hdf5.File, arrays: dict[str, Array]) -> None:
        """Take the texts by their places in the archive, and of the arrays those that belong to them."""
        for place, text in texts.items():
            path = place.removeprefix(_PREFIX).removesuffix(_TEXT).strip("/")
            found = arrays.pop(join(path, _WEIGHTS), None)
            name = file.attributes(join(path, "vars")).get("name") if file.has(join(path, "vars")) else None
            if isinstance(name, str):
                self._tokens[name] = text.decode().split("\n")
                if found is not None:
                    self._weights[name] = found
        for key in [key for key in arrays if key.endswith(_WEIGHTS)]:
            del arrays[key]

    def complete(self, description: Any) -> None:
        """Put the tokens where a description of such a layer has none."""
        pending = [description]
        while pending:
            part = pending.pop()
            if isinstance(part, dict):
                config = part.get("config")
                if part.get("class_name") in _LAYERS and isinstance(config, dict):
                    self._complete(str(part["class_name"]), config)
                pending.extend(part.values())
            elif isinstance(part, list):
                pending.extend(part)

    def _complete(self, kind: str, config: dict[str, Any]) -> None:
        tokens = self._tokens.get(str(config.get("name")))
        if tokens is None or config.get("vocabulary") is not None:
            return
        config["vocabulary"] = [int(token) for token in tokens] if kind == "IntegerLookup" else tokens
        weights = self._weights.get(str(config["name"]))
        if weights is not None:
            config["idf_weights"] = weights.tolist()


def is_text(name: str) -> bool:
    """Whether a member of an archive is a vocabulary."""
    return name.startswith(_PREFIX) and name.endswith(f"/{_TEXT}")
