"""What all initializers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..config import standardize_dtype
from ..core import registry
from ..core.autograd import Tensor, wrap
from ..core.explain import Explained

Array = np.ndarray[Any, np.dtype[Any]]
Shape = Sequence[int]


class Initializer(Explained, strict=True, also=("__call__",)):
    """Base of initializers: called with a shape, returns values.

    A class of one's own defines ``sample(shape, dtype)``, and ``get_config`` if its constructor has arguments.

    Source: Keras 3, Initializer.

    Example:
        >>> class Halves(initializers.Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return np.full(shape, 0.5, dtype or "float32")
        >>> layers.Dense(1, kernel_initializer=Halves())([[1.0, 3.0]])
        Tensor([[2.]], shape=(1, 1), dtype=float32, requires_grad=True)
    """

    def __call__(self, shape: Shape, dtype: Any = None) -> Tensor:
        """Values of this shape; dtype defaults to ``config.floatx()``."""
        return wrap(self.sample(tuple(shape), standardize_dtype(dtype)))

    def sample(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """The values; each initializer defines it.

        Args:
            shape: the sizes, a tuple of integers.
            dtype: NumPy type, float32 or float64.

        Returns: an array.

        Raises:
            NotImplementedError: the class does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define sample(shape, dtype)")

    def clone(self) -> Initializer:
        """Another of the same configuration."""
        return type(self).from_config(self.get_config())

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """The initializer of a configuration.

        Args:
            config: what ``get_config`` returned.
        """
        return cls(**registry.deserialize(config))
