"""Penalties on weights or activities with Keras 3's names: L1, L2, L1L2, or any function of a tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import ops
from .core import registry
from .core.autograd import Tensor
from .core.explain import Explained
from .core.recording import Noting
from .core.suggest import unknown


def _factor(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value < float("inf"):
        raise ValueError(f"{name}: expected a finite non-negative number, got {value!r}")
    return float(value)


class Regularizer(Noting, Explained, strict=True):
    """Base of regularizers: called with a tensor, returns a scalar.

    Source: Keras 3, Regularizer.
    """

    def __call__(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(x)")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Regularizer:
        """The regularizer of a configuration.

        Args:
            config: what ``get_config`` returned.
        """
        return cls(**registry.deserialize(config))


class L1L2(Regularizer):
    """Penalty ``l1 * sum(|x|) + l2 * sum(x**2)``.

    Args:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares.

    Raises:
        ValueError: a factor is negative or not finite.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = _factor("l1", l1), _factor("l2", l2)

    def __call__(self, x: Tensor) -> Tensor:
        absolute = ops.multiply(ops.sum(ops.abs(x)), self.l1) if self.l1 else None
        if absolute is not None and not self.l2:
            return absolute
        squared = ops.multiply(ops.sum(ops.square(x)), self.l2)
        return squared if absolute is None else ops.add(absolute, squared)

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


class L1(L1L2):
    """Penalty ``l1 * sum(|x|)``.

    Args:
        l1: factor of the sum of absolute values.

    Raises:
        ValueError: the factor is negative or not finite.
    """

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(L1L2):
    """Penalty ``l2 * sum(x**2)``.

    Args:
        l2: factor of the sum of squares.

    Raises:
        ValueError: the factor is negative or not finite.
    """

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


l1, l2, l1_l2 = L1, L2, L1L2
_by_name: dict[str, type[Regularizer]] = {"l1": L1, "l2": L2, "l1_l2": L1L2, "L1": L1, "L2": L2, "L1L2": L1L2}
registry.add_known((L1, L2, L1L2), "regularizer", Regularizer)


def get(identifier: Any) -> Callable[[Tensor], Any] | None:
    """A regularizer from what names it.

    Args:
        identifier: a name such as "l2", a class, a description, or a function of a tensor; None stays None.

    Raises:
        ValueError: the name is unknown; the message gives the nearest.
    """
    if isinstance(identifier, str):
        if identifier not in _by_name:
            raise unknown("regularizer", identifier, _by_name)
        identifier = _by_name[identifier]
    if isinstance(identifier, dict):
        identifier = registry.deserialize(identifier, "regularizer")
    if isinstance(identifier, type):
        identifier = identifier()
    if identifier is not None and not callable(identifier):
        raise ValueError(f"expected a regularizer or its name, got {identifier!r}")
    return identifier


def serialize(regularizer: Any) -> Any:
    """The description that ``get`` takes.

    Args:
        regularizer: the regularizer.

    Raises:
        TypeError: it has no description.
    """
    return registry.serialize(regularizer)


__all__ = [
    "L1", "L1L2", "L2", "Regularizer", "get", "l1", "l1_l2", "l2", "serialize",
]  # fmt: skip
