"""A layer as plain data: its constructor's arguments, and the shapes that its weights were made for."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from .. import activations, regularizers
from ..core import registry
from ..core.tree import as_shapes
from .declaration import constructor_options, unused


class LayerConfig:
    """What a layer says of how to make it again."""

    if TYPE_CHECKING:  # what Layer brings
        activity_regularizer: Any
        _arguments: tuple[tuple[Any, ...], dict[str, Any]]
        _build_arguments: dict[str, Any] | None
        _constructor: type | None

        @property
        def _policy(self) -> str: ...

        _frozen_whole: bool
        _name: str
        _quantization: str | None
        _trainable: bool
        recompute: bool

        def build(self, *args: Any, **kwargs: Any) -> None: ...

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data: ``cls.from_config(config)`` makes an equal, unbuilt layer.

        A class of one's own needs none if its arguments are numbers, strings or other layers; otherwise it extends
        ``super().get_config()``.
        """
        config = self._base_config()
        kind: type = self._constructor or type(self)
        constructor = kind.__init__  # type: ignore[misc]
        if str(constructor.__module__).startswith(f"{__package__}."):  # the library's keep arguments under their names
            config = self._config(*constructor_options(constructor)) | config
            left_out = unused(constructor, config)
            return {name: value for name, value in config.items() if name not in left_out}
        if type(self).get_config is not LayerConfig.get_config:
            return config
        return registry.serialize(self._given_arguments()) | config

    def _base_config(self) -> dict[str, Any]:
        config: dict[str, Any] = {"name": self._name, "trainable": self._trainable, "dtype": self._dtype_in_config()}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if self.recompute:
            config["recompute"] = True
        return config

    def _dtype_in_config(self) -> Any:
        return self._policy if self._quantization is None else self.dtype_policy.described()  # type: ignore[attr-defined]

    def _given_arguments(self) -> dict[str, Any]:
        """What the constructor was called with, by parameter name."""
        signature = inspect.signature(type(self).__init__)
        given: dict[str, Any] = {}
        for name, value in signature.bind(self, *self._arguments[0], **self._arguments[1]).arguments.items():
            if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                given |= value
            elif value is not self:
                given[name] = value
        return given

    def _config(self, *names: str) -> dict[str, Any]:
        """These attributes, those that there are, as plain data."""
        values = {n: getattr(self, n) for n in names if hasattr(self, n)}
        return {
            n: activations.serialize(v) if n.endswith("activation") else registry.described(v)
            for n, v in values.items()
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer that a configuration describes.

        Args:
            config: what ``get_config`` returned.

        Raises:
            ValueError: the configuration holds an argument that is unknown.
        """
        accepted = inspect.signature(cls.__init__).parameters
        arguments = registry.deserialize(config)
        later: dict[str, Any] = {}
        if all(p.kind is not p.VAR_KEYWORD for p in accepted.values()):  # __init__ has no name= and the like
            given = [k for k in ("name", "trainable", "dtype") if k in arguments and k not in accepted]
            later = {k: arguments.pop(k) for k in given}
        layer = cls(**arguments)
        layer._name = later.get("name", layer._name)
        if "trainable" in later:
            layer._trainable, layer._frozen_whole = later["trainable"], not later["trainable"]
        return layer

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes for which the weights were made; None before.

        Source: Keras 3, Layer.get_build_config.
        """
        shapes = self._build_arguments
        if not shapes:
            return None
        return {"input_shape": next(iter(shapes.values()))} if len(shapes) == 1 else {"shapes_dict": dict(shapes)}

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Make the weights for these shapes.

        Args:
            config: what ``get_build_config`` returned.

        Raises:
            ValueError: a shape does not fit.

        Source: Keras 3, Layer.build_from_config.
        """
        if config and config.get("input_shape") is not None:
            self.build(as_shapes(config["input_shape"]))
        elif config and isinstance(config.get("shapes_dict"), dict):
            self.build(**as_shapes(config["shapes_dict"]))
