"""Bases that layers of several files share."""

from __future__ import annotations

from typing import Any

from ..core import registry
from .base import Layer
from .options import LayerOptions, Unpack
from .symbolic import Shape


class SameShape(Layer):
    """A layer of floating-point numbers that keeps the shape, and the mask, of its input."""

    supports_masking = True
    _float_input = True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.built and (message := self._mismatch(input_shape)):
            raise ValueError(message)
        return input_shape


class Around(Layer):
    """A layer around another one, whose dtype it takes if it is given none."""

    def __init__(self, inner: Any, **kwargs: Unpack[LayerOptions]) -> None:
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = getattr(inner, "_policy", None)
        super().__init__(**kwargs)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """The layer that a configuration describes.

        Args:
            config: what ``get_config`` returned.
            custom_objects: {name: class} of layers inside that are not registered.

        Raises:
            ValueError: the configuration names a class or an argument that is unknown.
        """
        with registry.custom_object_scope(custom_objects):
            return super().from_config(config)
