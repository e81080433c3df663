"""What a configuration of a model holds, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def is_graph(config: Mapping[str, Any]) -> bool:
    """Whether this describes a functional model; those of a subclass are the arguments of its constructor."""
    return "input_layers" in config or "nodes" in config


def entries(config: Mapping[str, Any], name: str) -> list[Any]:
    """The list of that name in a configuration; TypeError if it is none."""
    found = part(config, name)
    if not isinstance(found, (list, tuple)):
        raise TypeError(f"its {name} are {found!r}, expected a list")
    return list(found)


def part(config: Mapping[str, Any], name: str) -> Any:
    """What stands under that name in a configuration; ValueError if nothing does."""
    if not isinstance(config, dict) or name not in config:
        raise ValueError(
            f"from_config: expected a configuration with {name!r}, as get_config() gives it, got {config!r}"
        )
    return config[name]
