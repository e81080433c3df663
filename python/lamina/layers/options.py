"""The options that every layer takes by name, as type checkers see them behind a constructor's ``**kwargs``.

``**kwargs: Unpack[LayerOptions]`` lets mypy and pyright find misspelt arguments.  At runtime it is an annotation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from ..core.options import NoOptions as NoOptions
from ..core.options import Unpack as Unpack


class _Common(TypedDict, total=False):
    trainable: bool
    autocast: bool
    recompute: bool
    input_shape: Sequence[int | None] | None


class EmbeddingOptions(_Common, total=False):
    """Of embeddings, whose ``input_dim`` is another thing."""

    activity_regularizer: Any
    dtype: Any
    name: str | None


class _Options(_Common, total=False):
    input_dim: int | None


class UnnamedUntypedOptions(_Options, total=False):
    """Of layers that have ``name`` and ``dtype`` among their own arguments."""

    activity_regularizer: Any


class UnnamedOptions(UnnamedUntypedOptions, total=False):
    """Of layers that have ``name`` among their own arguments."""

    dtype: Any


class LayerOptions(UnnamedOptions, total=False):
    """Of most layers."""

    name: str | None


class UnregularizedOptions(_Options, total=False):
    """Of layers that have ``activity_regularizer`` among their own arguments."""

    dtype: Any
    name: str | None


class BoxOptions(LayerOptions, total=False):
    """Of layers on images that have ``data_format`` among their own arguments."""

    bounding_box_format: str | None


class ImageOptions(BoxOptions, total=False):
    """Of other layers on images."""

    data_format: str | None


class UnnamedBoxOptions(UnnamedOptions, total=False):
    """Of layers on images that have ``name`` and ``data_format`` among their own arguments."""

    bounding_box_format: str | None
