"""Fourth before a step: losses and metrics are matched with the outputs that the built model showed."""

from __future__ import annotations

from typing import Any

from ..core.autograd import no_grad, wrap
from ..core.recording import configuration
from ..core.tree import map_structure
from ..layers.weights import layers_below
from .compile_state import Compiled
from .data_adapter import Columns


def look_at(compiled: Compiled, model: Any) -> None:
    """Before a pass over data: have losses and metrics matched again if the model got other layers."""
    if compiled.version == configuration.version:
        return
    before, compiled.layers = compiled.layers, layers_below(model)
    compiled.version = configuration.version
    if compiled.names is not None and [*map(id, before)] != [*map(id, compiled.layers)]:
        compiled.metric_set.reset()  # its metrics may be in the next set as well
        compiled.names = None


def settle(compiled: Compiled, model: Any, y_pred: Any) -> None:
    """Match losses and metrics with the model's outputs."""
    compiled.settle(y_pred, model.output_names)


def probe(compiled: Compiled, model: Any, columns: Columns, size: int, y_pred: Any) -> None:
    """Compute losses and metrics once, so that what doesn't fit is said before training; unsettled then."""
    try:
        with no_grad():
            y, weight = (
                map_structure(lambda c: None if c is None else wrap(c.slice(0, size)), part) for part in columns[1:]
            )
            y, weights = compiled.matched(y, y_pred, weight, model)
            compiled.loss_set.compute(y, y_pred, weights)
            compiled.metric_set.update(y, y_pred, weights)
            compiled.metric_set.reset()
    except Exception:
        compiled.names = None
        raise
