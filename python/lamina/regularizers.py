"""Penalties on weights or activities with Keras 3's names: L1, L2, L1L2, or any function of a tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import ops
from .core import registry
from .core.autograd import Tensor
from .core.rooms import publish
from .core.suggest import unknown
from .core.weight_function import WeightFunction, find


def _factor(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value < float("inf"):
        raise ValueError(f"{name}: expected a finite non-negative number, got {value!r}")
    return float(value)


class Regularizer(WeightFunction):
    """Base of regularizers: called with a tensor, returns a scalar.

    Source: Keras 3, Regularizer.

    Example:
        >>> class Ends(regularizers.Regularizer):
        ...     def __call__(self, w):
        ...         return 0.01 * ops.sum(w[0] ** 2)
        >>> layer = layers.Dense(1, kernel_regularizer=Ends(), kernel_initializer="ones")
        >>> y = layer([[1.0, 1.0]])
        >>> layer.losses
        [Tensor(0.01, shape=(), dtype=float32, requires_grad=True)]
    """


class L1L2(Regularizer):
    """Penalty ``l1 * sum(|x|) + l2 * sum(x**2)``.

    Args:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares.

    Raises:
        ValueError: a factor is negative or not finite.

    Example:
        >>> regularizers.L1L2(l1=0.01, l2=0.1)(np.float32([1.0, -2.0]))
        Tensor(0.53, shape=(), dtype=float32)
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

    Example:
        >>> regularizers.L1(0.01)(np.float32([1.0, -2.0]))
        Tensor(0.03, shape=(), dtype=float32)
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

    Example:
        >>> regularizers.L2(0.01)(np.float32([1.0, -2.0]))
        Tensor(0.05, shape=(), dtype=float32)
        >>> layer = layers.Dense(4, kernel_regularizer="l2")
    """

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """Penalty on the cosines of the angles between the rows of a matrix, or its columns.

    ``factor * sum(|cosine|) / (n (n - 1))`` over all pairs of different ones, of which there are n.

    Args:
        factor: factor of the penalty.
        mode: "rows" or "columns".

    Raises:
        ValueError: ``factor`` is negative or not finite, ``mode`` is another one; at the call: the weight is no matrix.

    Source: Keras 3, OrthogonalRegularizer.

    Example:
        >>> regularizers.OrthogonalRegularizer(0.01)(np.eye(3, dtype="float32"))
        Tensor(0., shape=(), dtype=float32)
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _factor("factor", factor)
        if mode not in ("rows", "columns"):
            raise unknown("mode", mode, ("rows", "columns"))
        self.mode = mode

    def __call__(self, x: Tensor) -> Tensor:
        x = ops.convert_to_tensor(x)
        if len(x.shape) != 2:
            raise ValueError(f"OrthogonalRegularizer: only a matrix has rows and columns, got shape {x.shape}")
        unit = ops.normalize(x, axis=1 if self.mode == "rows" else 0)
        cosines = (
            ops.matmul(unit, ops.transpose(unit)) if self.mode == "rows" else ops.matmul(ops.transpose(unit), unit)
        )
        n = cosines.shape[0]
        different = ops.multiply(cosines, ops.subtract(1.0, ops.eye(n, dtype=x.dtype)))
        return ops.multiply(ops.sum(ops.abs(different)), self.factor * 0.5 / max(n * (n - 1) / 2, 1))

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
_classes = (L1, L2, L1L2, OrthogonalRegularizer)
_by_name: dict[str, type[Regularizer]] = {c.__name__: c for c in _classes}
_by_name |= {"l1": L1, "l2": L2, "l1_l2": L1L2, "orthogonal_regularizer": OrthogonalRegularizer}
registry.add_known(_classes, "regularizer", Regularizer)


def get(identifier: Any) -> Callable[[Tensor], Any] | None:
    """A regularizer from what names it.

    Args:
        identifier: a name such as "l2", a class, a description, or a function of a tensor; None stays None.

    Raises:
        ValueError: the name is unknown; the message gives the nearest.

    Example:
        >>> type(regularizers.get("l2")).__name__
        'L2'
    """
    return find("regularizer", identifier, _by_name)


def serialize(regularizer: Any) -> Any:
    """The description that ``get`` takes.

    Args:
        regularizer: the regularizer.

    Raises:
        TypeError: it has no description.

    Example:
        >>> regularizers.serialize(regularizers.L1(0.5))["class_name"]
        'L1'
    """
    return registry.described(regularizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The regularizer of a description or a name.

    Args:
        config: the description.

    Raises:
        ValueError: it names a class that is unknown.

    Example:
        >>> type(regularizers.deserialize(regularizers.serialize(regularizers.L2(0.1)))).__name__
        'L2'
    """
    with registry.custom_object_scope(custom_objects):
        return get(config)


__all__ = [
    "L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "deserialize", "get", "l1", "l1_l2", "l2",
    "orthogonal_regularizer", "serialize",
]  # fmt: skip

publish(__name__)
