"""What options of update rules may be, by their names."""

from __future__ import annotations

from collections.abc import Callable

_RATE: tuple[Callable[[float], bool], str] = (lambda v: 0.0 <= v <= 1.0, "between 0 and 1")
_DECAY: tuple[Callable[[float], bool], str] = (lambda v: 0.0 <= v < 1.0, "in [0, 1)")
_RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "beta_1": _DECAY,
    "beta_2": _DECAY,
    "epsilon": (lambda v: v >= 0.0, ">= 0"),
    "momentum": _RATE,
    "rho": _RATE,
}


def check_option(label: str, name: str, value: float) -> None:
    """ValueError, begun by ``label``, where an option of this name is out of its range."""
    if name in _RANGES and not _RANGES[name][0](value):
        raise ValueError(f"{label}: {name} must be {_RANGES[name][1]}, got {value}")
