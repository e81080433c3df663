"""An optimizer's state as Keras's files have it: numbered variables, in the order in which Keras makes them.

First the count of steps and, without a schedule, the learning rate; then group by group of slots, in each weight by
weight, the slots of the group.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..core.autograd import Array
from ..layers.weights import named_variables

# Slots that Keras makes for one weight after the other; all others are made together.
_GROUPS: dict[str, list[tuple[str, ...]]] = {
    "Adam": [("momentum", "velocity"), ("velocity_hat",)],
    "AdamW": [("momentum", "velocity"), ("velocity_hat",)],
    "RMSprop": [("velocity",), ("momentum",), ("average_gradient",)],
    "Adafactor": [("rows", "columns", "velocity")],
}
_FIRST: list[tuple[str, ...]] = [("average",), ("gradient_accumulator",)]
_APART = ("iterations", "learning_rate", "accumulated")


def variables(model: Any) -> list[Array]:
    """The state of a model's optimizer as Keras numbers it."""
    optimizer = model.optimizer
    state = optimizer.get_state(named_variables(model))
    found = [np.asarray(state["iterations"][0], np.int32)]
    if optimizer._schedule is None:
        found.append(np.asarray(state["learning_rate"][0], np.float32))
    for slot, key, shape in _slots(model, state):
        found.append(state.get(f"{slot}/{key}", np.zeros(shape, np.float32)))
    if type(optimizer).__name__ == "Nadam":
        found.append(np.asarray(_product(optimizer.beta_1, int(state["iterations"][0])), np.float32))
    return found


def restore(label: str, model: Any, arrays: Mapping[str, Array]) -> None:
    """Let a model's optimizer go on from Keras's numbered variables; it warns where they are another optimizer's."""
    if not arrays or model.optimizer is None:
        return
    optimizer = model.optimizer
    prefix = "optimizer/vars/"
    given = [arrays.get(f"{prefix}{i}") for i in range(len(arrays))]
    optimizer.build(model.trainable_weights)
    empty = optimizer.get_state(named_variables(model))
    names = ["iterations"] + ["learning_rate"] * (optimizer._schedule is None)
    slots = list(_slots(model, empty))
    wanted: list[tuple[str | None, tuple[int, ...]]] = [(name, ()) for name in names]
    wanted += [(f"{slot}/{key}" if f"{slot}/{key}" in empty else None, shape) for slot, key, shape in slots]
    wanted += [(None, ())] * (type(optimizer).__name__ == "Nadam")
    found = [None if array is None else array.shape for array in given]
    if found != [shape for _, shape in wanted]:
        warnings.warn(
            f"{label}: its optimizer state is not that of this model's {type(optimizer).__name__} and weights, so "
            "training begins with a new one",
            stacklevel=4,
        )
        return
    state = {
        name: array for (name, _), array in zip(wanted, given, strict=True) if name is not None and array is not None
    }
    state = {name: np.reshape(a, (1,)) if name in _APART else a for name, a in state.items()}
    state["iterations"] = state["iterations"].astype(np.int64)
    if np.float32(empty["learning_rate"][0]) == state.get("learning_rate"):
        del state["learning_rate"]  # the configuration has more digits
    optimizer.set_state(empty | state, named_variables(model))


def _slots(model: Any, state: Mapping[str, Array]) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """(slot, key of the weight, shape) of every slot that Keras has."""
    kind = type(model.optimizer).__name__
    names = {key.partition("/")[0]: None for key in state if key not in _APART}
    own = tuple(name for name in names if (name,) not in _FIRST)
    keys = {id(v): key for key, v in named_variables(model).items()}
    groups = [*_FIRST, *_GROUPS.get(kind, [own])]
    for group in groups:
        for v in model.trainable_weights:
            for slot in group:
                key = keys[id(v)]
                if f"{slot}/{key}" in state:
                    yield slot, key, state[f"{slot}/{key}"].shape
                elif kind == "Adafactor":  # Keras makes them all, and uses some
                    yield slot, key, v.shape if slot == "velocity" else ()


def _product(beta: float, steps: int) -> float:
    """What Nadam's momentums up to this step are multiplied to."""
    return float(np.prod([beta * (1 - 0.5 * 0.96**i) for i in range(1, steps + 1)]))
