"""What there is to call: the public names and the native functions."""

from __future__ import annotations

import inspect
from typing import Any

import lamina
from lamina import _native, layers, losses, metrics, ops, optimizers, schedules
from lamina.losses import function_loss

# Native functions that change the process, measure for seconds, or are given addresses.
NATIVE_SKIPPED = (
    "after_fork_in_child", "measure_flops", "measure_region", "measure_stream", "use_isa", "set_num_threads",
    "pool_clear", "pool_reset_peak", "pool_set_limit", "pool_set_poison", "work_alone", "empty",
)  # fmt: skip


def _public(module: Any, base: type | None = None) -> list[str]:
    """Names of a module's own classes (of ``base``) or functions."""
    found = []
    for name in module.__all__:
        value = getattr(module, name)
        if base is None and inspect.isfunction(value) and name not in ("get", "serialize", "deserialize"):
            found.append(name)
        if base is not None and inspect.isclass(value) and issubclass(value, base) and value is not base:
            found.append(name)
    return sorted(found)


LAYERS = _public(layers, layers.Layer)
OPS = sorted(ops.__all__)
LOSSES = _public(losses, losses.Loss)
LOSS_FUNCTIONS = [fn.__name__ for fn in function_loss.by_function]
METRICS = _public(metrics, metrics.Metric)
METRIC_FUNCTIONS = _public(metrics)
OPTIMIZERS = _public(optimizers, optimizers.Optimizer)
SCHEDULES = _public(schedules, schedules.LearningRateSchedule)
NATIVE = sorted(n for n in vars(_native) if n[0] != "_" and n not in NATIVE_SKIPPED)
OTHERS = [
    *(f"lamina.initializers.{n}" for n in _public(lamina.initializers, lamina.Initializer)),
    *(f"lamina.regularizers.{n}" for n in _public(lamina.regularizers, lamina.Regularizer)),
    *(f"lamina.activations.{n}" for n in _public(lamina.activations) if n not in ("fused_name", "name_of")),
    *(f"lamina.random.{n}" for n in ("normal", "truncated_normal", "uniform", "randint", "categorical", "shuffle")),
    *(f"lamina.random.{n}" for n in ("dropout", "Generator")),
    *(f"lamina.utils.{n}" for n in ("normalize", "to_categorical", "unpack_x_y_sample_weight")),
    *(f"lamina.data.{n}" for n in ("batches", "split")),
    *(f"lamina.{m}.get" for m in ("activations", "initializers", "regularizers", "losses", "metrics", "optimizers")),
    *(f"lamina.{m}.deserialize" for m in ("activations", "initializers", "losses", "optimizers", "schedules")),
    "lamina.saving.deserialize", "lamina.saving.serialize", "lamina.Tensor", "lamina.Variable", "lamina.Input",
    "lamina.Sequential", "lamina.Model", "lamina.callbacks.EarlyStopping", "lamina.callbacks.ReduceLROnPlateau",
    "lamina.load_model", "lamina.capture",
]  # fmt: skip
