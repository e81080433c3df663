"""Lamina: neural networks on the CPU.

Keras 3's layers, models and training, PyTorch-like loops of one's own, native kernels underneath.
"""

import importlib as _importlib
import sys as _sys
from numbers import Integral as _Integral
from typing import TYPE_CHECKING as _TYPE_CHECKING

from . import (
    _native,
    activations,
    callbacks,
    config,
    constraints,
    data,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    random,
    regularizers,
    saving,
    utils,
)
from ._version import __version__
from .config import show_config
from .constraints import Constraint
from .core import registry as _registry
from .core.autograd import Tensor, enable_grad, no_grad
from .core.capture import CaptureWarning, capture
from .core.docstrings import complete as _complete
from .core.recording import CaptureError
from .core.suggest import show_public_names as _show_public_names
from .initializers import Initializer
from .layers import Input, Layer, SymbolicTensor, Variable
from .losses import Loss
from .metrics import Metric
from .models import Functional, Model, Sequential
from .ops import custom_gradient
from .optimizers import Optimizer, schedules
from .regularizers import Regularizer
from .saving import load_model

if _TYPE_CHECKING:
    from . import onnx, torch

KerasTensor = SymbolicTensor  # Keras's name


def set_num_threads(n: int) -> None:
    """Set how many threads one operation may use.

    At first it is OMP_NUM_THREADS, or what affinity, cgroup and cores allow.

    Args:
        n: the number of threads, from 1.

    Raises:
        TypeError: ``n`` is no integer.
        ValueError: ``n`` is not positive.
    """
    if isinstance(n, bool) or not isinstance(n, _Integral):
        raise TypeError(f"set_num_threads: expected an integer, got {n!r}")
    _native.set_num_threads(int(n))


def get_num_threads() -> int:
    """Threads that one operation may use now."""
    return _native.get_num_threads()


def version() -> str:
    """The version, as ``__version__``."""
    return __version__


__all__ = [
    "CaptureError", "CaptureWarning", "Constraint", "Functional", "Initializer", "Input", "KerasTensor", "Layer",
    "Loss", "Metric", "Model", "Optimizer", "Regularizer", "Sequential", "SymbolicTensor", "Tensor", "Variable",
    "__version__", "activations", "callbacks", "capture", "config", "constraints", "custom_gradient", "data",
    "enable_grad", "get_num_threads", "initializers", "layers", "load_model", "losses", "metrics", "models", "no_grad",
    "onnx", "ops", "optimizers", "random", "regularizers", "saving", "schedules", "set_num_threads", "show_config",
    "torch", "utils", "version",
]  # fmt: skip

for _module in (
    activations, callbacks, config, constraints, data, initializers, layers, losses, metrics, models, ops, ops.image,
    optimizers, random, regularizers, saving, schedules, utils, _sys.modules[__name__],
):  # fmt: skip
    _complete(_module.__name__, vars(_module))
    _show_public_names(_module)

# Packages of extras, imported when somebody asks for them, and the classes that files name.
_show_public_names(_sys.modules[__name__], later=("onnx", "torch"))
_registry.add_later(("ONNXModel",), lambda: _importlib.import_module("lamina.onnx"))
