"""Library-wide defaults under keras.config's names: the working type and the image layout."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

from . import _native
from ._version import __version__
from .core.arrays import as_dtype
from .core.recording import note_change
from .core.rooms import publish
from .core.suggest import unknown

_FLOATS: dict[str, np.dtype[Any]] = {"float32": np.dtype(np.float32), "float64": np.dtype(np.float64)}


class _Defaults:
    floatx = "float32"


def standardize_dtype(dtype: Any, what: str = "dtype") -> np.dtype[Any]:
    """float32 or float64 as a NumPy dtype; None gives ``floatx()``.  Anything else is a ValueError."""
    if dtype is None:
        return _FLOATS[_Defaults.floatx]
    name = dtype if isinstance(dtype, str) else as_dtype(dtype, what).name
    if name not in _FLOATS:
        if name.startswith(("mixed_", "bfloat", "float16", "float8")):
            raise ValueError(f"{what}={name!r} is not supported: the kernels compute in float32 or float64")
        raise unknown(what, name, _FLOATS)
    return _FLOATS[name]


def floatx() -> str:
    """The dtype of layers that were given none: "float32" unless ``set_floatx`` changed it."""
    return _Defaults.floatx


def set_floatx(value: str) -> None:
    """Set the dtype of the layers created from now on.

    Args:
        value: "float32" or "float64".

    Raises:
        ValueError: it is another type.
    """
    _Defaults.floatx = standardize_dtype(value, "floatx").name
    note_change(_Defaults, "floatx")  # captured steps may have made tensors of it


def epsilon() -> float:
    """The small constant that keeps logarithms and quotients finite."""
    return 1e-7


def image_data_format() -> str:
    """The image layout of layers that were given none: always "channels_last"."""
    return "channels_last"


def _size(n: int) -> str:
    return f"{n // 2**20} MiB" if n >= 2**20 else f"{n // 2**10} KiB"


def show_config() -> None:
    """Print version, instruction set, threads, caches and compiler: what a report of a problem should hold."""
    l1d, l2, l3 = _native.caches()
    quota = _native.cgroup_quota()
    limits = f"affinity {_native.affinity_count()}, cores {_native.physical_cores()}, quota {quota or 'none'}"
    facts = {
        "lamina": __version__,
        "instruction set": f"{_native.isa()} (this host has {', '.join(_native.host_isas())})",
        "threads": f"{_native.get_num_threads()} ({limits})",
        "caches": f"L1d {_size(l1d)}, L2 {_size(l2)} a core, L3 {_size(l3)}",
        "compiler": _native.compiler(),
        "python, numpy": f"{platform.python_version()}, {np.__version__}",
    }
    for name, value in facts.items():
        print(f"{name:16} {value}")


__all__ = [
    "epsilon", "floatx", "image_data_format", "set_floatx", "show_config",
]  # fmt: skip

publish(__name__)
