"""What happens before a step, in this order.

Data are adapted (data_adapter.py) and checked (validate_data.py), the model is built (build.py), losses and metrics are
settled (settle.py); then train_step.py takes the data.
"""

from __future__ import annotations

from typing import Any

from ..layers.quantization import refuse_training
from . import build, settle, validate_data
from .data_adapter import Batch, Columns, Feed, Given, Prepare, one_batch


def prepared(model: Any, kind: str, what: str, feed: Feed, class_weight: Any = None) -> Feed:
    """A feed whose data are checked for steps of this kind ("train", "test", "predict") before they become batches.

    Arrays in memory are checked now, and build the model; batches of an iterable when they are drawn.
    """
    feed.source.prepare(_preparing(model, kind, what, class_weight))
    return feed


def prepared_batch(model: Any, kind: str, what: str, data: tuple[Any, Any, Any], class_weight: Any = None) -> Batch:
    """x, y and sample_weight of one batch, checked likewise."""
    return one_batch(what, data, _preparing(model, kind, what, class_weight))


def _preparing(model: Any, kind: str, what: str, class_weight: Any) -> Prepare:
    if kind == "train":
        refuse_training(model, what)
    if model._compiled is not None:
        settle.look_at(model._compiled, model)
    return _predicting(model, what) if kind == "predict" else _training(model, kind, what, class_weight)


def _predicting(model: Any, what: str) -> Prepare:
    def prepare(given: Given) -> tuple[Columns, int]:
        size = validate_data.check(what, given)
        return (validate_data.columns(given.x, validate_data.data_dtype(model.weights)), None, None), size

    return prepare


def _training(model: Any, kind: str, what: str, class_weight: Any) -> Prepare:
    def prepare(given: Given) -> tuple[Columns, int]:
        size = validate_data.check(what, given)
        compiled, y_pred = model._require(what), None
        dtype = validate_data.data_dtype(model.weights)
        if not model._leaves_step(kind):  # only its own step knows what the data are
            y, weight = validate_data.unsettled_targets(what, given, class_weight, dtype, compiled.given_loss)
            return (validate_data.columns(given.x, dtype), y, weight), size
        first = min(size, given.batch_size or size)
        if compiled.names is None:
            y_pred = build.outputs(model, validate_data.columns(given.x, dtype), first)
            settle.settle(compiled, model, y_pred)
            dtype = validate_data.data_dtype(model.weights)  # now that it has some
        y, weight = validate_data.targets(what, compiled, given, class_weight, dtype)
        columns = validate_data.columns(given.x, dtype), y, weight
        if y_pred is not None:  # a wrong y shows here, before anything is trained
            settle.probe(compiled, model, columns, first, y_pred)
        return columns, size

    return prepare
