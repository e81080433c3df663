"""Calls on one batch of plain arrays that are like the call before: what it found need not be looked for again.

A call that went the whole way (``prepare.py``) leaves a ``Repeated`` behind where it met nothing unusual.  The next one
compares what that depended on: the version of all configuration, the layers and weights, what ``compile`` was given,
the methods of the model's class, dtypes and the shape of y.  If anything differs it goes the whole way again.  Nothing
that was computed is kept, and labels are checked in every call.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import Tensor, wrap
from ..core.recording import configuration
from ..layers.layer_weights import LayerWeights
from ..losses import SparseCategoricalCrossentropy
from ..optimizers.base import Optimizer
from .data_adapter import Array, Batch, Column
from .train_step import Steps
from .validate_data import data_dtype


class Repeated:
    """What the last whole way of a kind of call ("train", "test", "predict") found."""

    __slots__ = ("classes", "compiled", "group", "held", "is_plain", "optimizer", "settled", "x", "y", "y_inner")

    def __init__(self, model: Any, kind: str, x: Array, y: Array | None, taken: Any) -> None:
        self.held = model._held()
        self.compiled = compiled = model._compiled
        self.x: Any = (x.dtype, x.dtype if x.dtype.kind != "f" else data_dtype(model.weights))  # as given, and as taken
        self.y: Any = None
        self.classes: int | None = None
        self.optimizer = self.group = None  # where it has its state and needs no look
        self.settled = False
        if kind == "predict":
            self.is_plain = not model._defines("predict_step")
            return
        self.settled = compiled.names is not None
        self.is_plain = _gives_loss_alone(model, compiled)  # a step gives nothing else
        if kind == "train" and not model._defines("train_step"):
            self.optimizer = compiled.optimizer
            self.group = self.optimizer._group
        if y is not None:
            self.y, self.y_inner = (y.dtype, taken._array.dtype), y.shape[1:]
            if model._leaves_step(kind) and isinstance(compiled.loss_set.losses[0], SparseCategoricalCrossentropy):
                self.classes = compiled.shapes[0][-1]

    def batch(self, model: Any, x: Any, y: Any) -> Batch | None:
        """x and y as the whole way would make them; None where they, or the model, are not as they were."""
        compiled = self.compiled
        if (
            type(x) is not np.ndarray
            or x.dtype is not self.x[0]
            or compiled is not model._compiled
            or self.held is not model._found_variables
            or not self.held.holds()
        ):
            return None
        size = x.shape[0] if x.ndim else 0
        if not size:
            return None
        optimizer = self.optimizer
        if (self.settled and compiled.names is None) or (
            optimizer is not None and (compiled.optimizer is not optimizer or optimizer._group is not self.group)
        ):
            return None
        if self.y is None:
            return None if y is not None else Batch(_tensor(x, self.x[1]), None, None, size)
        if (
            type(y) is not np.ndarray
            or y.dtype is not self.y[0]
            or y.shape[:1] != (size,)
            or y.shape[1:] != self.y_inner
        ):
            return None
        if self.classes is not None and not _native.are_classes(y, self.classes):
            return None  # the whole way says what is wrong with them
        return Batch(_tensor(x, self.x[1]), _tensor(y, self.y[1]), None, size)


def remember(model: Any, kind: str, version: int, x: Any, y: Any = None, taken: Any = None) -> None:
    """After the whole way, which began at this version of the configuration: let the next call be compared with it.

    taken: y as it made it.
    """
    known = None
    if version == configuration.version and _is_usual(model, kind, x, y, taken):
        known = Repeated(model, kind, x, y, taken)
    model.__dict__["_repeated"] = {**(model._repeated or {}), kind: known}


def _is_usual(model: Any, kind: str, x: Any, y: Any, taken: Any) -> bool:
    """Whether all that the whole way looked at is compared by ``Repeated.batch``."""
    cls, compiled = type(model), model._compiled
    if type(x) is not np.ndarray or x.dtype.kind not in "fiub" or not x.dtype.isnative:
        return False
    if getattr(cls, "weights", None) is not LayerWeights.weights or not model.weights:
        return False  # a trainer that is no layer, or data whose type follows config
    if kind == "predict":
        return True
    if y is not None and (type(y) is not np.ndarray or type(taken) is not Tensor):
        return False
    if kind == "train":
        optimizer = compiled.optimizer
        own_build = type(optimizer).build is not Optimizer.build
        if own_build or cls.trainable_weights is not LayerWeights.trainable_weights:
            return False
        if not model.trainable_weights or optimizer._group is None:
            return False
    if not model._leaves_step(kind):
        return True
    if len(compiled.loss_set.losses) != 1:
        return False
    loss = compiled.loss_set.losses[0]
    if not isinstance(loss, SparseCategoricalCrossentropy) or y is None:
        return True
    last = loss.options["axis"] in (-1, len(compiled.shapes[0]) - 1)
    return last and loss.ignore_class is None and not compiled.masked[0] and y.dtype.kind in "iu"


_LOSS_ALONE = (
    "train_step", "test_step", "compute_loss", "compute_metrics", "get_metrics_result", "metrics", "reset_metrics",
)  # fmt: skip


def _gives_loss_alone(model: Any, compiled: Any) -> bool:
    """Whether a step's logs are the loss of its batch and nothing else, and nothing else is done for them."""
    if model._defines(*_LOSS_ALONE) or compiled.measures or compiled.loss_set.trackers:
        return False
    return compiled.arguments["loss"] is not None and not model._attached_metrics()


def still_plain(model: Any) -> bool:
    """Whether the model's class has the library's own steps; what is set on the model itself is a new version."""
    cls = type(model)
    return (
        cls.train_step is Steps.train_step
        and cls.test_step is Steps.test_step
        and cls.compute_loss is Steps.compute_loss
        and cls.compute_metrics is Steps.compute_metrics
        and cls.get_metrics_result is Steps.get_metrics_result
        and cls.metrics is Steps.metrics
        and cls.reset_metrics is Steps.reset_metrics
    )


def _tensor(array: Array, dtype: np.dtype[Any]) -> Tensor:
    if array.dtype is dtype and array.flags.c_contiguous:
        return wrap(array)
    return wrap(Column(array, dtype).slice(0, len(array)))
