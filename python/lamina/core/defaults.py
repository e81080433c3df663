"""What holds where nobody says otherwise: types, layout, the small constant, limits of training, what is shown."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

from .arrays import as_dtype
from .suggest import unknown

FLOATS: dict[str, np.dtype[Any]] = {"float32": np.dtype(np.float32), "float64": np.dtype(np.float64)}
_NARROW = ("mixed_", "bfloat", "float16", "float8", "int8_", "int4_")


class Defaults:
    """The values that ``config`` reads and sets."""

    floatx = "float32"
    policy: str | None = None  # the dtype of layers; None follows floatx
    epsilon = 1e-7
    channels_first = False
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None
    interactive_logging = True
    traceback_filtering = True


_floatx_here: ContextVar[str | None] = ContextVar("lamina_floatx", default=None)


@contextlib.contextmanager
def using_floatx(name: str) -> Iterator[None]:
    """Within the block floats, and layers, are "float32" or "float64", for this thread alone."""
    token = _floatx_here.set(name)
    try:
        yield
    finally:
        _floatx_here.reset(token)


def floatx() -> str:
    """The type of floats that were given none."""
    return _floatx_here.get() or Defaults.floatx


def layer_floatx() -> str:
    """The policy of layers that were given none."""
    return _floatx_here.get() or Defaults.policy or Defaults.floatx


def working_dtype(dtype: Any, what: str, default: str) -> np.dtype[Any]:
    """float32 or float64 as a NumPy dtype; None gives ``default``.  Anything else is a ValueError."""
    if dtype is None:
        return FLOATS[default]
    dtype = getattr(dtype, "variable_dtype", dtype)  # of a DTypePolicy
    if isinstance(dtype, dict) and isinstance(dtype.get("config"), dict):
        dtype = dtype["config"].get("name")  # as files describe one
    name = dtype if isinstance(dtype, str) else as_dtype(dtype, what).name
    if name not in FLOATS:
        if name.startswith(_NARROW):
            raise ValueError(
                f"{what}={name!r} is not supported: the kernels compute in float32 or float64; use one of the two, "
                'or for layers the policy "mixed_bfloat16"'
            )
        raise unknown(what, name, FLOATS)
    return FLOATS[name]
