"""Lamina: neural networks on the CPU.

Keras 3's layers, models and training, PyTorch-like loops of one's own, native kernels underneath.
"""

from importlib import import_module as _import_module
from numbers import Integral as _Integral
from typing import TYPE_CHECKING as _TYPE_CHECKING

from . import _native, config, ops
from ._version import __version__
from .config import show_config
from .core import registry as _registry
from .core.autograd import Tensor, enable_grad, no_grad
from .core.capture import CaptureWarning, capture
from .core.recording import CaptureError
from .core.rooms import ROOMS as _ROOMS
from .core.rooms import bring as _bring
from .core.rooms import publish as _publish
from .ops import custom_gradient

if _TYPE_CHECKING:
    from . import (
        activations,
        applications,
        backend,
        callbacks,
        constraints,
        data,
        datasets,
        distillation,
        distribution,
        dtype_policies,
        initializers,
        layers,
        legacy,
        losses,
        metrics,
        mixed_precision,
        models,
        onnx,
        optimizers,
        plot,
        preprocessing,
        quantizers,
        random,
        regularizers,
        saving,
        sklearn,  # noqa: F401 (not in __all__)
        torch,
        tree,
        utils,
        visualization,
        wrappers,
    )
    from .constraints import Constraint
    from .core.dtype_policy import DTypePolicy, FloatDTypePolicy
    from .initializers import Initializer
    from .layers import Input, InputSpec, Layer, SymbolicTensor, Variable
    from .layers import Layer as Operation
    from .layers import SymbolicTensor as KerasTensor
    from .layers.remat import RematScope, remat
    from .layers.scopes import device, name_scope
    from .losses import Loss
    from .metrics import Metric
    from .models import Ensemble, Functional, Model, Sequential, fit_many
    from .models import Functional as Function
    from .optimizers import Optimizer, schedules
    from .quantizers import Quantizer
    from .regularizers import Regularizer
    from .saving import load_model

# What is imported when somebody asks for it: a program loads the packages that it uses.
_packages = (
    "activations", "applications", "backend", "callbacks", "constraints", "data", "datasets", "distillation",
    "distribution", "dtype_policies", "initializers", "layers", "legacy", "losses", "metrics", "mixed_precision",
    "models", "onnx", "optimizers", "plot", "preprocessing", "quantizers", "random", "regularizers", "saving", "torch",
    "tree", "utils", "visualization", "wrappers",
)  # fmt: skip
_later = {
    **{name: name for name in _packages},
    **{name: f"layers.{name}" for name in ("Input", "InputSpec", "Layer", "SymbolicTensor", "Variable")},
    **{name: f"models.{name}" for name in ("Ensemble", "Functional", "Model", "Sequential", "fit_many")},
    **{name: f"layers.scopes.{name}" for name in ("device", "name_scope")},
    **{name: f"layers.remat.{name}" for name in ("RematScope", "remat")},
    **{name: f"core.dtype_policy.{name}" for name in ("DTypePolicy", "FloatDTypePolicy")},
    "Constraint": "constraints.Constraint",
    "Quantizer": "quantizers.Quantizer",
    "export": "export",  # which Model.export is for
    "Function": "models.Functional",  # Keras's names of what has more here
    "Operation": "layers.Layer",
    "Initializer": "initializers.Initializer",
    "KerasTensor": "layers.SymbolicTensor",  # Keras's name
    "Loss": "losses.Loss",
    "Metric": "metrics.Metric",
    "Optimizer": "optimizers.Optimizer",
    "Regularizer": "regularizers.Regularizer",
    "load_model": "saving.load_model",
    "sklearn": "sklearn",  # not in __all__: it needs scikit-learn, and would hide its name from ``import *``
    "schedules": "optimizers.schedules",
}


def set_num_threads(n: int) -> None:
    """Set how many threads one operation may use.

    At first it is OMP_NUM_THREADS, or what affinity, cgroup and cores allow.

    Args:
        n: the number of threads, from 1.

    Raises:
        TypeError: ``n`` is no integer.
        ValueError: ``n`` is not positive.

    Example:
        >>> lamina.set_num_threads(1)
        >>> lamina.get_num_threads()
        1
    """
    if isinstance(n, bool) or not isinstance(n, _Integral):
        raise TypeError(f"set_num_threads: expected an integer, got {n!r}")
    _native.set_num_threads(int(n))


def get_num_threads() -> int:
    """Threads that one operation may use now.

    Example:
        >>> lamina.get_num_threads() >= 1
        True
    """
    return _native.get_num_threads()


def version() -> str:
    """The version, as ``__version__``.

    Example:
        >>> lamina.version() == lamina.__version__
        True
    """
    return __version__


__all__ = [
    "CaptureError", "CaptureWarning", "Constraint", "DTypePolicy", "Ensemble", "FloatDTypePolicy", "Function",
    "Functional", "Initializer", "Input", "InputSpec", "KerasTensor", "Layer", "Loss", "Metric", "Model", "Operation",
    "Optimizer", "Quantizer", "Regularizer", "RematScope", "Sequential", "SymbolicTensor", "Tensor", "Variable",
    "__version__", "activations", "applications", "backend", "callbacks", "capture", "config", "constraints",
    "custom_gradient", "data", "datasets", "device", "distillation", "distribution", "dtype_policies", "enable_grad",
    "fit_many", "get_num_threads", "initializers", "layers", "legacy", "load_model", "losses", "metrics",
    "mixed_precision", "models", "name_scope", "no_grad", "onnx", "ops", "optimizers", "plot", "preprocessing",
    "quantizers", "random", "regularizers", "remat", "saving", "schedules", "set_num_threads", "show_config", "torch",
    "tree", "utils", "version", "visualization", "wrappers",
]  # fmt: skip

_publish(__name__, _later)


def _import_all() -> None:
    for name in _packages:
        _import_module(f"{__name__}.{name}")
        if name in _ROOMS:
            _bring(name)


_registry.when_unknown(_import_all)  # names in files
