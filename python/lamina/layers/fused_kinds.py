"""What layers may be fused (fusion.py): each room enters its own, so that nobody imports those that a model lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# The activations that _call_fused takes, by the call that it belongs to: a layer with a call of its own is not fused.
TAKEN: dict[Callable[..., Any], tuple[str, ...]] = {}
FOLDING: set[Callable[..., Any]] = set()  # calls of those whose weights take batch normalization along
NORMALIZATIONS: set[type[Any]] = set()
ACTIVATIONS: set[type[Any]] = set()
POOLINGS: set[type[Any]] = set()
