"""Library-wide defaults under keras.config's names: types, layout of images, limits, what is shown."""

from __future__ import annotations

import math
import platform
from typing import Any

import numpy as np

from . import _native
from ._version import __version__
from .core.defaults import Defaults, working_dtype
from .core.defaults import floatx as _floatx
from .core.dtype_policy import DTypePolicy, policy_of
from .core.explain import is_index, is_number
from .core.recording import note_change
from .core.rooms import publish
from .core.suggest import unknown

_FORMATS = ("channels_first", "channels_last")


def standardize_dtype(dtype: Any, what: str = "dtype") -> np.dtype[Any]:
    """float32 or float64 as a NumPy dtype; None gives ``floatx()``.  Anything else is a ValueError."""
    return working_dtype(dtype, what, _floatx())


def standardize_data_format(data_format: str | None, what: str) -> str:
    """A layout of images by name; None gives ``image_data_format()``.  Another name is a ValueError."""
    if data_format is None:
        return image_data_format()
    if data_format not in _FORMATS:
        raise unknown(f"{what}: data_format", data_format, _FORMATS)
    return data_format


def floatx() -> str:
    """The type of floats that were given none, and of layers: "float32" unless ``set_floatx`` changed it.

    Example:
        >>> lamina.config.floatx()
        'float32'
    """
    return _floatx()


def set_floatx(value: str) -> None:
    """Set the type of floats, and of the layers, created from now on.

    Args:
        value: "float32" or "float64".

    Raises:
        ValueError: it is another type.

    Example:
        >>> lamina.config.set_floatx("float64")
        >>> lamina.ops.zeros(2).dtype.name
        'float64'
        >>> lamina.config.set_floatx("float32")
    """
    Defaults.floatx = standardize_dtype(value, "floatx").name
    note_change(Defaults, "floatx")  # captured steps may have made tensors of it


def dtype_policy() -> DTypePolicy:
    """The type of layers that are given none: that of ``floatx()`` unless ``set_dtype_policy`` changed it.

    Example:
        >>> lamina.config.dtype_policy()
        <DTypePolicy "float32">
    """
    return DTypePolicy()


def set_dtype_policy(policy: Any) -> None:
    """Set the type of the layers created from now on; arrays of numbers stay ``floatx()``.

    Args:
        policy: "float32", "float64", "mixed_bfloat16", or a DTypePolicy.

    Raises:
        ValueError: it is another type: "mixed_float16" and narrow types are not supported.

    Example:
        >>> lamina.config.set_dtype_policy("float64")
        >>> lamina.layers.Dense(1).dtype
        'float64'
        >>> lamina.config.set_dtype_policy("float32")
    """
    found = policy_of(policy, "set_dtype_policy: policy")
    if found.quantization_mode is not None:
        raise ValueError(
            f"set_dtype_policy: {found.name!r} is of layers that quantize() makes; give float32 or float64, and "
            "quantize the built model"
        )
    Defaults.policy = found.name


def epsilon() -> float:
    """The small constant that keeps logarithms and quotients finite.

    Example:
        >>> lamina.config.epsilon()
        1e-07
    """
    return Defaults.epsilon


def set_epsilon(value: float) -> None:
    """Set the small constant of losses, metrics, normalization and constraints.

    Losses that use it are computed by single operations, and slower, while it is not 1e-7.

    Args:
        value: a positive number.

    Raises:
        TypeError: it is no number.
        ValueError: it is not positive, or not below 0.5.

    Example:
        >>> lamina.config.set_epsilon(1e-5)
        >>> lamina.config.epsilon()
        1e-05
        >>> lamina.config.set_epsilon(1e-7)
    """
    if not is_number(value):
        raise TypeError(f"set_epsilon: expected a number, got {value!r}")
    if not 0 < float(value) < 0.5 or not math.isfinite(value):
        raise ValueError(f"set_epsilon: expected a number between 0 and 0.5, got {value!r}")
    Defaults.epsilon = float(value)
    note_change(Defaults, "epsilon")


def image_data_format() -> str:
    """The layout of images where none is given: "channels_last" unless ``set_image_data_format`` changed it.

    Example:
        >>> lamina.config.image_data_format()
        'channels_last'
    """
    return _FORMATS[not Defaults.channels_first]


def set_image_data_format(data_format: str) -> None:
    """Set the layout of images for the layers created, and the operations called, from now on.

    Args:
        data_format: "channels_last" or "channels_first"; the kernels compute channels last, and turn others.

    Raises:
        ValueError: it is another name.

    Example:
        >>> lamina.config.set_image_data_format("channels_first")
        >>> lamina.layers.MaxPooling2D()(np.zeros((1, 3, 8, 8))).shape
        (1, 3, 4, 4)
        >>> lamina.config.set_image_data_format("channels_last")
    """
    name = str(data_format).lower()
    Defaults.channels_first = standardize_data_format(name, "set_image_data_format") == "channels_first"
    note_change(Defaults, "channels_first")


def backend() -> str:
    """What computes: "lamina", the library's own kernels.

    Example:
        >>> lamina.config.backend()
        'lamina'
    """
    return "lamina"


def set_backend(backend: str) -> None:
    """An argument of Keras that is known, and has one value here.

    Args:
        backend: "lamina"; other frameworks do not compute here.

    Raises:
        ValueError: it is another name.

    Example:
        >>> lamina.config.set_backend("lamina")
    """
    if backend != "lamina":
        raise ValueError(f"set_backend: backend={backend!r} is not available: Lamina computes by its own kernels alone")


def max_epochs() -> int | None:
    """The most epochs of a ``fit``; None for no limit.

    Example:
        >>> lamina.config.max_epochs() is None
        True
    """
    return Defaults.max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of every ``fit``, to try a program quickly.

    Args:
        max_epochs: the most epochs, from 1; None for no limit.

    Raises:
        ValueError: it is no such number.

    Example:
        >>> lamina.config.set_max_epochs(2)
        >>> lamina.config.max_epochs()
        2
        >>> lamina.config.set_max_epochs(None)
    """
    Defaults.max_epochs = _limit("set_max_epochs: max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """The most batches of an epoch, an ``evaluate`` or a ``predict``; None for no limit.

    Example:
        >>> lamina.config.max_steps_per_epoch() is None
        True
    """
    return Defaults.max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the batches of every epoch, ``evaluate`` and ``predict``, to try a program quickly.

    Args:
        max_steps_per_epoch: the most batches, from 1; None for no limit.

    Raises:
        ValueError: it is no such number.

    Example:
        >>> lamina.config.set_max_steps_per_epoch(3)
        >>> lamina.config.max_steps_per_epoch()
        3
        >>> lamina.config.set_max_steps_per_epoch(None)
    """
    Defaults.max_steps_per_epoch = _limit("set_max_steps_per_epoch: max_steps_per_epoch", max_steps_per_epoch)


def _limit(what: str, value: Any) -> int | None:
    if value is not None and (not is_index(value) or value < 1):
        raise ValueError(f"{what} must be an integer from 1 or None, got {value!r}")
    return None if value is None else int(value)


def enable_interactive_logging() -> None:
    """Show progress on the standard output, as from the start.

    Example:
        >>> lamina.config.enable_interactive_logging()
    """
    Defaults.interactive_logging = True


def disable_interactive_logging() -> None:
    """Send progress to the logger "lamina" (level INFO) in place of the standard output, a line an epoch.

    Example:
        >>> lamina.config.disable_interactive_logging()
        >>> lamina.config.enable_interactive_logging()
    """
    Defaults.interactive_logging = False


def is_interactive_logging_enabled() -> bool:
    """Whether progress goes to the standard output.

    Example:
        >>> lamina.config.is_interactive_logging_enabled()
        True
    """
    return Defaults.interactive_logging


def enable_traceback_filtering() -> None:
    """Leave the library's own frames out of the tracebacks of layers' calls, fit, evaluate and predict, as from the
    start.

    Example:
        >>> lamina.config.enable_traceback_filtering()
    """
    Defaults.traceback_filtering = True


def disable_traceback_filtering() -> None:
    """Show all frames in tracebacks.

    Example:
        >>> lamina.config.disable_traceback_filtering()
        >>> lamina.config.enable_traceback_filtering()
    """
    Defaults.traceback_filtering = False


def is_traceback_filtering_enabled() -> bool:
    """Whether tracebacks leave the library's own frames out.

    Example:
        >>> lamina.config.is_traceback_filtering_enabled()
        True
    """
    return Defaults.traceback_filtering


def enable_flash_attention() -> None:
    """Nothing to do: attention always goes over blocks of scores, and never keeps the whole matrix.

    Example:
        >>> lamina.config.enable_flash_attention()
    """


def disable_flash_attention() -> None:
    """Refused: attention has no other way than the one over blocks of scores.

    Raises:
        ValueError: always.

    Example:
        >>> lamina.config.disable_flash_attention()
        Traceback (most recent call last):
        ValueError: disable_flash_attention: attention has one way here, over blocks of scores
    """
    raise ValueError("disable_flash_attention: attention has one way here, over blocks of scores")


def is_flash_attention_enabled() -> bool:
    """Whether attention goes over blocks of scores, without the whole matrix: always.

    Example:
        >>> lamina.config.is_flash_attention_enabled()
        True
    """
    return True


def is_nnx_enabled() -> bool:
    """Whether layers are Flax's NNX modules: never here.

    Example:
        >>> lamina.config.is_nnx_enabled()
        False
    """
    return False


def enable_unsafe_deserialization() -> None:
    """Refused: no code in a file is ever run here.

    Raises:
        ValueError: always.

    Example:
        >>> lamina.config.enable_unsafe_deserialization()  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: enable_unsafe_deserialization: ...
    """
    raise ValueError(
        "enable_unsafe_deserialization: Lamina runs no code from files; pass the functions of Lambda layers in "
        "load_model(custom_objects={name of the layer: function})"
    )


def _size(n: int) -> str:
    return f"{n // 2**20} MiB" if n >= 2**20 else f"{n // 2**10} KiB"


def show_config() -> None:
    """Print version, instruction set, threads, caches and compiler: what a report of a problem should hold.

    Example:
        >>> lamina.config.show_config()  # doctest: +ELLIPSIS
        lamina ...
    """
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
    "backend", "disable_flash_attention", "disable_interactive_logging", "disable_traceback_filtering", "dtype_policy",
    "enable_flash_attention", "enable_interactive_logging", "enable_traceback_filtering",
    "enable_unsafe_deserialization", "epsilon", "floatx", "image_data_format", "is_flash_attention_enabled",
    "is_interactive_logging_enabled", "is_nnx_enabled", "is_traceback_filtering_enabled", "max_epochs",
    "max_steps_per_epoch", "set_backend", "set_dtype_policy", "set_epsilon", "set_floatx", "set_image_data_format",
    "set_max_epochs", "set_max_steps_per_epoch", "show_config",
]  # fmt: skip

publish(__name__)
