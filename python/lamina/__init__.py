"""Lamina: neural networks on the CPU.

Keras 3's layers, models and training, PyTorch-like loops of one's own, native kernels underneath.
"""

from . import (
    _native,
    activations,
    callbacks,
    config,
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
from .core.autograd import Tensor, enable_grad, no_grad
from .core.capture import CaptureWarning, capture
from .core.recording import CaptureError
from .initializers import Initializer
from .layers import Input, Layer, SymbolicTensor, Variable
from .losses import Loss
from .metrics import Metric
from .models import Functional, Model, Sequential
from .optimizers import Optimizer, schedules
from .regularizers import Regularizer
from .saving import load_model

KerasTensor = SymbolicTensor  # Keras's name


def set_num_threads(n: int) -> None:
    """Threads that one operation may use; at first OMP_NUM_THREADS, or what affinity, cgroup and cores allow."""
    _native.set_num_threads(n)


def get_num_threads() -> int:
    """Threads that one operation may use now."""
    return _native.get_num_threads()


def version() -> str:
    """The version, as ``__version__``."""
    return __version__


__all__ = [
    "CaptureError",
    "CaptureWarning",
    "Functional",
    "Initializer",
    "Input",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "SymbolicTensor",
    "Tensor",
    "Variable",
    "__version__",
    "activations",
    "callbacks",
    "capture",
    "config",
    "data",
    "enable_grad",
    "get_num_threads",
    "initializers",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "models",
    "no_grad",
    "ops",
    "optimizers",
    "random",
    "regularizers",
    "saving",
    "schedules",
    "set_num_threads",
    "show_config",
    "utils",
    "version",
]
