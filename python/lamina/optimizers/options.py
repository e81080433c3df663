"""What options of update rules may be, by their names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

from ..core.options import NoOptions as NoOptions
from ..core.options import Unpack as Unpack


class UndecayedOptions(TypedDict, total=False):
    """Of optimizers that have ``weight_decay`` among their own arguments."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None
    gradient_transformers: Sequence[Callable[..., Any]] | None


class SharedOptions(UndecayedOptions, total=False):
    """What every optimizer takes by name."""

    weight_decay: float | None


_RATE: tuple[Callable[[Any], bool], str] = (lambda v: 0.0 <= v <= 1.0, "between 0 and 1")
_DECAY: tuple[Callable[[Any], bool], str] = (lambda v: 0.0 <= v < 1.0, "in [0, 1)")
_NOT_NEGATIVE: tuple[Callable[[Any], bool], str] = (lambda v: 0.0 <= v < math.inf, ">= 0")
_OPTIONAL: tuple[Callable[[Any], bool], str] = (lambda v: v is None or 0.0 <= v < math.inf, "None or >= 0")
_RANGES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "beta_1": _DECAY,
    "beta_2": _DECAY,
    "epsilon": _NOT_NEGATIVE,
    "momentum": _RATE,
    "rho": _RATE,
    "initial_accumulator_value": _NOT_NEGATIVE,
    "learning_rate_power": (lambda v: v <= 0.0, "<= 0"),
    "l1_regularization_strength": _NOT_NEGATIVE,
    "l2_regularization_strength": _NOT_NEGATIVE,
    "l2_shrinkage_regularization_strength": _NOT_NEGATIVE,
    "beta": _NOT_NEGATIVE,
    "warmup_steps": _NOT_NEGATIVE,
    "adam_beta_1": _DECAY,
    "adam_beta_2": _DECAY,
    "adam_lr_ratio": _NOT_NEGATIVE,
    "beta_2_decay": (lambda v: v <= 0.0, "<= 0"),
    "clip_threshold": (lambda v: v > 0.0, "> 0"),
    "epsilon_1": _NOT_NEGATIVE,
    "epsilon_2": _NOT_NEGATIVE,
    "ns_steps": _NOT_NEGATIVE,
    "weight_decay": _OPTIONAL,
    "adam_weight_decay": _OPTIONAL,
}


def check_option(label: str, name: str, value: float | None) -> None:
    """ValueError, begun by ``label``, where an option of this name is out of its range."""
    if name in _RANGES and not _RANGES[name][0](value):
        raise ValueError(f"{label}: {name} must be {_RANGES[name][1]}, got {value}")
