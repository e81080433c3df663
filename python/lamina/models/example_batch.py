"""Arrays of the shapes that a model takes, where no data are at hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.autograd import no_grad
from ..core.tree import is_shape, leaves, map_structure
from ..layers import SymbolicTensor
from ..layers.symbolic import trying


def inputs_of(model: Any, what: str, batch_size: int, length: int | None = None) -> Any:
    """Zeros in the structure and of the shapes of the model's inputs; ``length`` takes the place of free sizes."""
    return map_structure(lambda t: _zeros(model, what, t, batch_size, length), _symbols(model, what))


def targets_of(model: Any, inputs: Any) -> Any:
    """Zeros that fit the model's losses, found by trying them on its outputs: of the outputs' shapes, or one class
    index a row."""
    with trying(), no_grad():
        outputs = model(inputs, training=False)
    losses = list(leaves(model._compiled.arguments["loss"]))
    count = len(list(leaves(outputs)))
    kinds = iter(losses if len(losses) == count else [losses[0] if losses else None] * count)
    return map_structure(lambda y: _target(next(kinds), y), outputs)


def _symbols(model: Any, what: str) -> Any:
    try:
        return model.input
    except AttributeError:
        pass
    given = vars(model).get("_first_call")
    if not given and model._build_arguments:
        shapes = [s for s in model._build_arguments.values() if s is not None]
        given = tuple(SymbolicTensor(s, model.dtype) for s in shapes[:1] if is_shape(s))
    if not given or not all(isinstance(t, SymbolicTensor) for t in leaves(given[0])):
        raise ValueError(
            f"{what}: {model._label()} doesn't know the shape of its inputs; call it on a batch of data first, or "
            "begin it with an Input"
        )
    return given[0]


def _zeros(model: Any, what: str, t: Any, batch_size: int, length: int | None) -> Any:
    sizes = (batch_size, *t.shape[1:])
    if length is None and None in sizes:
        raise ValueError(f"{what}: an input of {model._label()} has the shape {tuple(t.shape)}; give length= for None")
    return np.zeros([length if n is None else n for n in sizes], t.dtype)


def _target(loss: Any, y: Any) -> Any:
    name = loss if isinstance(loss, str) else getattr(loss, "name", None) or getattr(loss, "__name__", "")
    if "sparse" in str(name):
        return np.zeros(y.shape[:-1], np.int64)
    return np.zeros(y.shape, y.dtype)
