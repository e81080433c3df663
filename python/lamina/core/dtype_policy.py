"""DTypePolicy: the type in which layers keep weights and compute, as an object."""

from __future__ import annotations

from typing import Any

from .defaults import layer_floatx, working_dtype
from .explain import Explained


class DTypePolicy(Explained, strict=True):
    """The type of a layer's weights and results.

    A layer takes it as ``dtype=``, ``config.set_dtype_policy`` for all layers that are made from then on.

    Args:
        name: "float32" or "float64"; None takes the one of new layers, ``config.dtype_policy()``.

    Raises:
        ValueError: it is another type: "mixed_float16", "mixed_bfloat16" and narrow types are not supported.

    Source: Keras 3, DTypePolicy.

    Example:
        >>> policy = lamina.DTypePolicy("float64")
        >>> policy.compute_dtype
        'float64'
    """

    quantization_mode = None

    def __init__(self, name: str | None = None) -> None:
        self._dtype = working_dtype(name, "DTypePolicy: name", layer_floatx())

    @property
    def name(self) -> str:
        """The policy's name, that of its type."""
        return str(self._dtype.name)

    @property
    def compute_dtype(self) -> str:
        """The type of inputs and results."""
        return self.name

    @property
    def variable_dtype(self) -> str:
        """The type of weights."""
        return self.name

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """The policy of a configuration.

        Args:
            config: what ``get_config`` returned.
        """
        return cls(**config)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


FloatDTypePolicy = DTypePolicy  # Keras's other name


def policy_of(identifier: Any, what: str = "dtype_policies.get: identifier") -> DTypePolicy:
    """The policy of a name, a NumPy type, a description or a policy; None gives the one of new layers."""
    if isinstance(identifier, DTypePolicy):
        return identifier
    return DTypePolicy(working_dtype(identifier, what, layer_floatx()).name)
