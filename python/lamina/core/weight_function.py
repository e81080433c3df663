"""What constraints, initializers and regularizers have in common: names; the first and last also a base."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import registry
from .autograd import Tensor
from .explain import Explained
from .recording import Noting
from .suggest import unknown


class WeightFunction(Noting, Explained, strict=True):
    """Called with a tensor, returns one."""

    def __call__(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(x)")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The object of a configuration.

        Args:
            config: what ``get_config`` returned.
        """
        return cls(**registry.deserialize(config))


def find(kind: str, identifier: Any, by_name: Mapping[str, Any]) -> Callable[..., Any] | None:
    """What a name, a class, a description or a function stands for; ValueError with the nearest name."""
    if isinstance(identifier, str):
        if identifier not in by_name and ">" not in identifier:
            raise unknown(kind, identifier, by_name)
        identifier = by_name.get(identifier) or registry.lookup(identifier, kind, kind)
    if isinstance(identifier, dict):
        identifier = registry.deserialize(identifier, kind)
    if isinstance(identifier, type):
        identifier = identifier()
    if identifier is not None and not callable(identifier):
        raise ValueError(f"expected a {kind} or its name, got {identifier!r}")
    return identifier
