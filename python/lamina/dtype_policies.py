"""keras.dtype_policies: the type in which layers keep weights and compute, as objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .core import registry
from .core.dtype_policy import DTypePolicy, FloatDTypePolicy
from .core.explain import Explained, show
from .core.quantized_policy import QuantizedDTypePolicy, any_policy
from .core.rooms import publish


class DTypePolicyMap(Explained, strict=True):
    """Policies by name or pattern, such as layers' paths, to look them up; a mapping.

    Args:
        default_policy: the policy where no name and no pattern fits; None takes ``config.dtype_policy()``.
        policy_map: {name or regular expression: policy}, or None for none.

    Raises:
        TypeError: ``policy_map`` is no dict.
        ValueError: a policy is unknown.

    Source: Keras 3, keras.dtype_policies.DTypePolicyMap.

    Example:
        >>> policies = dtype_policies.DTypePolicyMap(policy_map={"encoder/.*": "float64"})
        >>> policies["encoder/dense"], policies["decoder"]
        (<DTypePolicy "float64">, <DTypePolicy "float32">)
    """

    def __init__(self, default_policy: Any = None, policy_map: dict[str, Any] | None = None) -> None:
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(f"DTypePolicyMap: policy_map must be a dict or None, got {show(policy_map)}")
        self._given = None if default_policy is None else any_policy(default_policy, "DTypePolicyMap: default_policy")
        self._policies: dict[str, DTypePolicy] = {}
        for key, policy in (policy_map or {}).items():
            self[key] = policy

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of names that fit nothing."""
        return DTypePolicy() if self._given is None else self._given

    @property
    def name(self) -> str:
        """``map_`` and the name of the default policy."""
        return f"map_{self.default_policy.name}"

    @property
    def variable_dtype(self) -> str:
        """The default policy's type of weights."""
        return self.default_policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The default policy's type of results."""
        return self.default_policy.compute_dtype

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._policies:
            return self._policies[key]
        found = [pattern for pattern in self._policies if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(f"DTypePolicyMap: {key!r} fits several patterns: {found}")
        return self._policies[found[0]] if found else self.default_policy

    def __setitem__(self, key: str, policy: Any) -> None:
        if key in self._policies:
            raise ValueError(f"DTypePolicyMap: {key!r} has a policy already, {self._policies[key]!r}; delete it first")
        self._policies[key] = any_policy(policy, f"DTypePolicyMap: the policy of {key!r}")

    def __delitem__(self, key: str) -> None:
        del self._policies[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policies

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __len__(self) -> int:
        return len(self._policies)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        names = {key: policy.name for key, policy in self._policies.items()}
        return {"default_policy": None if self._given is None else self._given.name, "policy_map": names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicyMap:
        """The map of a configuration.

        Args:
            config: what ``get_config`` returned.
        """
        return cls(**config)

    def __repr__(self) -> str:
        return (
            f"<DTypePolicyMap default_policy={self.default_policy.name!r}, mapping={self.get_config()['policy_map']}>"
        )


def get(identifier: Any) -> Any:
    """The policy of a name, a NumPy type, a description or a policy.

    Args:
        identifier: any of these; None takes ``config.dtype_policy()``.

    Raises:
        ValueError: it is neither float32, float64 nor int8 from float32.

    Source: Keras 3, keras.dtype_policies.get.

    Example:
        >>> dtype_policies.get("float64")
        <DTypePolicy "float64">
    """
    return (
        identifier
        if isinstance(identifier, DTypePolicyMap)
        else any_policy(identifier, "dtype_policies.get: identifier")
    )


def serialize(dtype_policy: Any) -> dict[str, Any]:
    """The description of a policy.

    Args:
        dtype_policy: the policy.

    Source: Keras 3, keras.dtype_policies.serialize.

    Example:
        >>> dtype_policies.serialize(dtype_policies.get("float64"))["config"]
        {'name': 'float64'}
    """
    if isinstance(dtype_policy, QuantizedDTypePolicy):
        return dtype_policy.described()
    found = {"module": "keras.dtype_policies", "class_name": type(dtype_policy).__name__}
    if isinstance(dtype_policy, DTypePolicy):
        found["module"] = "keras"
    return {**found, "config": dtype_policy.get_config(), "registered_name": None}


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The policy of a description.

    Args:
        config: what ``serialize`` returned.
        custom_objects: {name: class or function} for what is not registered.

    Raises:
        ValueError: it is neither float32, float64 nor int8 from float32.

    Source: Keras 3, keras.dtype_policies.deserialize.

    Example:
        >>> dtype_policies.deserialize({"class_name": "DTypePolicy", "config": {"name": "float64"}})
        <DTypePolicy "float64">
    """
    if isinstance(config, dict) and config.get("class_name") == "DTypePolicyMap":
        return DTypePolicyMap.from_config(config["config"])
    with registry.custom_object_scope(custom_objects):
        return any_policy(config, "dtype_policies.deserialize: config")


__all__ = [
    "DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "QuantizedDTypePolicy", "deserialize", "get", "serialize",
]  # fmt: skip

publish(__name__)
