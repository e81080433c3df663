"""What options of rules may be."""

from __future__ import annotations

from .base import Optimizer


def check_epsilon(optimizer: Optimizer, epsilon: float) -> None:
    if not epsilon >= 0.0:
        raise ValueError(f"{type(optimizer).__name__}: epsilon must be >= 0, got {epsilon}")
