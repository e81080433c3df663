"""keras.mixed_precision: the type of new layers under older names; float32 and float64 compute."""

from __future__ import annotations

from .config import dtype_policy, set_dtype_policy
from .core.dtype_policy import DTypePolicy
from .core.rooms import publish
from .optimizers import LossScaleOptimizer

Policy = DTypePolicy
global_policy, set_global_policy = dtype_policy, set_dtype_policy

__all__ = [
    "DTypePolicy", "LossScaleOptimizer", "Policy", "dtype_policy", "global_policy", "set_dtype_policy",
    "set_global_policy",
]  # fmt: skip

publish(__name__)
