"""DTypePolicy: the type in which layers keep weights and compute, as an object."""

from __future__ import annotations

import functools
from typing import Any

from .. import _native
from .defaults import layer_floatx, working_dtype
from .explain import Explained
from .warn import warn

MIXED = "mixed_bfloat16"


class DTypePolicy(Explained, strict=True):
    """The type of a layer's weights and results.

    A layer takes it as ``dtype=``, ``config.set_dtype_policy`` for all layers that are made from then on.  Under
    "mixed_bfloat16" arrays are float32, and the operands of matrix products and convolutions are rounded to bfloat16
    where the processor multiplies such faster; a processor that does not computes in float32, after a warning.

    Args:
        name: "float32", "float64" or "mixed_bfloat16"; None takes the one of new layers, ``config.dtype_policy()``.

    Raises:
        ValueError: it is another type: "mixed_float16" and narrow types are not supported.

    Source: Keras 3, DTypePolicy.

    Example:
        >>> policy = lamina.DTypePolicy("mixed_bfloat16")
        >>> policy.compute_dtype, policy.variable_dtype
        ('bfloat16', 'float32')
    """

    quantization_mode = None

    def __init__(self, name: str | None = None) -> None:
        self._name = policy_name(name, "DTypePolicy: name")

    @property
    def name(self) -> str:
        """The policy's name, that of its type."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The type of inputs and results; under "mixed_bfloat16" that of the operands of products, "bfloat16"."""
        return "bfloat16" if self._name == MIXED else self._name

    @property
    def variable_dtype(self) -> str:
        """The type of weights."""
        return "float32" if self._name == MIXED else self._name

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


def policy_name(identifier: Any, what: str) -> str:
    """The name of a policy that is given as a name, a NumPy type, a description or a policy; None: of new layers."""
    if identifier is None:
        return layer_floatx()
    if isinstance(identifier, DTypePolicy):
        return identifier.name
    if isinstance(identifier, dict) and isinstance(identifier.get("config"), dict):
        identifier = identifier["config"].get("name")  # as files describe one
    if isinstance(identifier, str) and identifier == MIXED:
        return MIXED
    return str(working_dtype(identifier, what, "float32").name)


def policy_of(identifier: Any, what: str = "dtype_policies.get: identifier") -> DTypePolicy:
    """The policy of a name, a NumPy type, a description or a policy; None gives the one of new layers."""
    return identifier if isinstance(identifier, DTypePolicy) else DTypePolicy(policy_name(identifier, what))


def rounds_products() -> bool:
    """Whether layers under "mixed_bfloat16" round; if not, a warning says so once."""
    fast = _native.fast_bfloat16()
    if not fast:
        _warn_once()
    return fast


@functools.cache
def _warn_once() -> None:
    reason = "is no faster at it than at float32" if _native.has_bfloat16() else "cannot multiply bfloat16"
    warn(f"the policy {MIXED!r} computes in float32 here: this processor, or the instruction set in use, {reason}")
