"""QuantizedDTypePolicy: the type of layers whose weights are integers, as an object."""

from __future__ import annotations

from typing import Any

from .dtype_policy import DTypePolicy, policy_of

MODES = ("int8",)
_SEPARATOR = "_from_"


def check_mode(mode: Any, what: str) -> str:
    """``mode``, if it is one that exists."""
    if mode not in MODES:
        raise ValueError(f"{what}: mode is {mode!r}; there is 'int8' alone (no int4, float8, gptq or awq)")
    return str(mode)


class QuantizedDTypePolicy(DTypePolicy):
    """The type of a layer with int8 weights, which takes and gives floats.

    ``quantize`` gives it to a layer; files name it "int8_from_float32".

    Args:
        mode: "int8".
        source_name: the type before, which inputs and results keep; None takes ``config.dtype_policy()``.

    Raises:
        ValueError: it is another mode, or another type than float32.

    Source: Keras 3, QuantizedDTypePolicy.

    Example:
        >>> dtype_policies.QuantizedDTypePolicy("int8", "float32").name
        'int8_from_float32'
    """

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        super().__init__(source_name)
        self._mode = check_mode(mode, "QuantizedDTypePolicy")
        if self.compute_dtype != "float32":
            raise ValueError(f"QuantizedDTypePolicy: source_name is {self.compute_dtype!r}; int8 is made from float32")

    @property
    def quantization_mode(self) -> str:  # type: ignore[override]
        """The mode, "int8"."""
        return self._mode

    @property
    def name(self) -> str:
        """The policy's name, "int8_from_float32"."""
        return f"{self._mode}{_SEPARATOR}{self._name}"

    @property
    def compute_dtype(self) -> str:
        """The type of inputs and results."""
        return self._name

    @property
    def variable_dtype(self) -> str:
        """The type of weights that are not quantized."""
        return self._name

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"mode": self._mode, "source_name": self._name}

    def described(self) -> dict[str, Any]:
        """The description, as Keras's files have it."""
        found = {"module": "keras.dtype_policies", "class_name": type(self).__name__}
        return {**found, "config": self.get_config(), "registered_name": None}

    def __repr__(self) -> str:
        return f'<QuantizedDTypePolicy "{self.name}">'


def quantized_policy(identifier: Any) -> QuantizedDTypePolicy | None:
    """The quantized policy that a name, a description or a policy stands for; None for all others."""
    if isinstance(identifier, QuantizedDTypePolicy):
        return identifier
    if isinstance(identifier, dict) and identifier.get("class_name") == QuantizedDTypePolicy.__name__:
        return QuantizedDTypePolicy.from_config(identifier.get("config", {}))  # type: ignore[return-value]
    if isinstance(identifier, str) and _SEPARATOR in identifier:
        mode, _, source = identifier.partition(_SEPARATOR)
        return QuantizedDTypePolicy(mode, source)
    return None


def any_policy(identifier: Any, what: str) -> DTypePolicy:
    """As ``policy_of``, and quantized ones."""
    return quantized_policy(identifier) or policy_of(identifier, what)
