"""Limits on weights with Keras 3's names: the optimizer applies them after each update.

A constraint is called with a weight and returns what takes its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import ops
from .config import epsilon
from .core import registry
from .core.autograd import Tensor
from .core.rooms import publish
from .core.weight_function import WeightFunction, find
from .ops.reduction import Axis


class Constraint(WeightFunction):
    """Base of constraints: called with a weight, returns the weight that the constraint allows, of the same shape.

    A class of one's own defines ``__call__(w)``, and ``get_config`` if its constructor has arguments.

    Source: Keras 3, Constraint.

    Example:
        >>> class Between(constraints.Constraint):
        ...     def __call__(self, w):
        ...         return ops.clip(w, -1.0, 1.0)
        >>> layer = layers.Dense(4, kernel_constraint=Between())
    """

    def __call__(self, w: Tensor) -> Tensor:
        """The weight itself, where a subclass defines nothing else."""
        return w


class MinMaxNorm(Constraint):
    """Length of the weights of each unit between two bounds.

    Args:
        min_value: the least length.
        max_value: the greatest length.
        rate: part of the way to the bound that a step goes, from 0 to 1.
        axis: the axis or axes that a length goes over: 0 for a dense kernel, [0, 1, 2] for one of images.

    Raises:
        ValueError: a bound is negative, ``min_value`` is above ``max_value``, or ``rate`` is not between 0 and 1.

    Source: Keras 3, MinMaxNorm.

    Example:
        >>> constraints.MinMaxNorm(0.0, 1.0)(np.float32([[3.0], [4.0]]))
        Tensor([[0.6],
                [0.8]], shape=(2, 1), dtype=float32)
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0) -> None:
        if not 0 <= min_value <= max_value:
            bounds = f"{min_value} and {max_value}"
            raise ValueError(f"{type(self).__name__}: expected 0 <= min_value <= max_value, got {bounds}")
        if not 0 <= rate <= 1:
            raise ValueError(f"{type(self).__name__}: rate must be between 0 and 1, got {rate}")
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Tensor) -> Tensor:
        length = ops.norm(w, axis=self.axis, keepdims=True)
        wanted = ops.clip(length, self.min_value, self.max_value)
        if self.rate != 1:
            wanted = ops.add(ops.multiply(wanted, self.rate), ops.multiply(length, 1 - self.rate))
        return ops.multiply(w, ops.divide(wanted, ops.add(length, epsilon())))

    def get_config(self) -> dict[str, Any]:
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


class MaxNorm(MinMaxNorm):
    """Length of the weights of each unit at most a bound.

    Args:
        max_value: the bound.
        axis: the axis or axes that a length goes over: 0 for a dense kernel, [0, 1, 2] for one of images.

    Raises:
        ValueError: ``max_value`` is negative.

    Source: Keras 3, MaxNorm; Srivastava et al. 2014, "Dropout", section 5.1.

    Example:
        >>> constraints.MaxNorm(2.0)(np.float32([[3.0], [4.0]]))
        Tensor([[1.2],
                [1.6]], shape=(2, 1), dtype=float32)
    """

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        super().__init__(max_value=max_value, axis=axis)

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class UnitNorm(Constraint):
    """Length 1 of the weights of each unit.

    Args:
        axis: the axis or axes that a length goes over: 0 for a dense kernel, [0, 1, 2] for one of images.

    Source: Keras 3, UnitNorm.

    Example:
        >>> constraints.UnitNorm()(np.float32([[3.0], [4.0]]))
        Tensor([[0.6],
                [0.8]], shape=(2, 1), dtype=float32)
    """

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: Tensor) -> Tensor:
        return ops.divide(w, ops.add(ops.norm(w, axis=self.axis, keepdims=True), epsilon()))

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


class NonNeg(Constraint):
    """Weights of 0 and above: negative ones become 0.

    Source: Keras 3, NonNeg.

    Example:
        >>> constraints.NonNeg()(np.float32([-1.0, 2.0]))
        Tensor([0., 2.], shape=(2,), dtype=float32)
    """

    def __call__(self, w: Tensor) -> Tensor:
        return ops.maximum(w, 0)


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm
_classes = (MaxNorm, MinMaxNorm, NonNeg, UnitNorm)
_by_name: dict[str, type[Constraint]] = {c.__name__: c for c in _classes}
_by_name |= {"max_norm": MaxNorm, "min_max_norm": MinMaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm}
registry.add_known(_classes, "constraint", Constraint)


def get(identifier: Any) -> Callable[[Tensor], Any] | None:
    """A constraint from what names it.

    Args:
        identifier: a name such as "non_neg", a class, a description, or a function of a tensor; None stays None.

    Raises:
        ValueError: the name is unknown; the message gives the nearest.

    Example:
        >>> type(constraints.get("non_neg")).__name__
        'NonNeg'
    """
    return find("constraint", identifier, _by_name)


def serialize(constraint: Any) -> Any:
    """The description that ``get`` and ``deserialize`` take.

    Args:
        constraint: the constraint.

    Raises:
        TypeError: it has no description.

    Example:
        >>> constraints.serialize(constraints.NonNeg())["class_name"]
        'NonNeg'
    """
    return registry.described(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The constraint of a description or a name.

    Args:
        config: the description.

    Raises:
        ValueError: it names a class that is unknown.

    Example:
        >>> type(constraints.deserialize(constraints.serialize(constraints.MaxNorm(3)))).__name__
        'MaxNorm'
    """
    with registry.custom_object_scope(custom_objects):
        return get(config)


__all__ = [
    "Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "deserialize", "get", "max_norm", "min_max_norm",
    "non_neg", "serialize", "unit_norm",
]  # fmt: skip

publish(__name__)
