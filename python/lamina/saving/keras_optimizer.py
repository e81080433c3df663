"""An optimizer's state as Keras's files have it: numbered variables, in the order in which Keras makes them.

First the count of steps and, without a schedule, the learning rate; then group by group of slots, in each weight by
weight, the slots of the group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..core.autograd import Array
from ..core.warn import warn
from ..layers.weights import named_variables
from .keras_paths import trained

# Slots that Keras makes for one weight after the other; all others are made together.
_GROUPS: dict[str, list[tuple[str, ...]]] = {
    "Adam": [("momentum", "velocity"), ("velocity_hat",)],
    "AdamW": [("momentum", "velocity"), ("velocity_hat",)],
    "RMSprop": [("velocity",), ("momentum",), ("average_gradient",)],
    "Adafactor": [("rows", "columns", "velocity")],
}
PLACE = "optimizer/"  # where the state stands in a file
_FIRST: list[tuple[str, ...]] = [("average",), ("gradient_accumulator",)]
_APART = ("iterations", "learning_rate", "accumulated")


def arrays(model: Any) -> dict[str, Array]:
    """The state of a model's optimizer by Keras's paths."""
    optimizer = model.optimizer
    inner = getattr(optimizer, "inner_optimizer", None)
    if hasattr(inner or optimizer, "optimizers"):
        kind = type(inner or optimizer).__name__
        warn(f"{model._label()} is saved without its {kind}'s state, which Keras's files lack")
        return {}
    if inner is None:
        return _numbered("optimizer", _variables(model, optimizer))
    scale, steps = optimizer.get_state(named_variables(model))["loss_scale"]
    outer = [np.int32(0), np.float32(0), np.int32(steps), np.float32(scale)]
    found = _variables(model, inner)
    return _numbered("optimizer", [*map(np.asarray, outer), *found]) | _numbered("optimizer/inner_optimizer", found)


def _numbered(group: str, found: list[Array]) -> dict[str, Array]:
    return {f"{group}/vars/{i}": array for i, array in enumerate(found)}


def _variables(model: Any, optimizer: Any) -> list[Array]:
    if not optimizer._variables:  # it has not trained yet: Keras wants the state with which it begins
        optimizer = type(optimizer).from_config(optimizer.get_config())
        optimizer.build(trained(model))
    state = optimizer.get_state(named_variables(model))
    steps = int(state["iterations"][0])
    if of := optimizer.gradient_accumulation_steps:  # Keras counts batches
        steps = steps * of + int(state["accumulated"][0]) % of
    found = [np.asarray(steps, np.int32)]
    if optimizer._schedule is None:
        found.append(np.asarray(state["learning_rate"][0], np.float32))
    for slot, key, shape in _slots(model, optimizer, state):
        found.append(state.get(f"{slot}/{key}", np.zeros(shape, np.float32)))
    if type(optimizer).__name__ == "Nadam":
        found.append(np.asarray(_product(optimizer.beta_1, steps), np.float32))
    return found


def restore(label: str, model: Any, saved: Mapping[str, Array]) -> None:
    """Let a model's optimizer go on from Keras's numbered variables among the arrays of a file; it warns where they are
    another optimizer's.
    """
    optimizer = getattr(model, "optimizer", None)  # a layer by itself has none
    if optimizer is None or not any(key.startswith(PLACE) for key in saved):
        return
    inner = getattr(optimizer, "inner_optimizer", None)
    if hasattr(inner or optimizer, "optimizers"):
        kind = type(inner or optimizer).__name__
        warn(f"{label}: the state of its {kind} is not read; training begins with a new one")
        return
    given = _group(saved, "optimizer" if inner is None else "optimizer/inner_optimizer")
    if inner is None and len(given) == 2 and not given[0].any():
        return  # of an optimizer that had not trained
    optimizer.build(trained(model))
    state = _state(model, inner or optimizer, given)
    if state is None:
        warn(
            f"{label}: its optimizer state is not that of this model's {type(optimizer).__name__} and weights, so "
            "training begins with a new one",
        )
        return
    outer = _group(saved, "optimizer")
    if inner is not None and len(outer) > 3 and outer[2].shape == outer[3].shape == ():
        state["loss_scale"] = np.array([outer[3], outer[2]], np.float64)
    optimizer.set_state(optimizer.get_state(named_variables(model)) | state, named_variables(model))


def _group(saved: Mapping[str, Array], group: str) -> list[Array]:
    """The numbered arrays of a group in their order, as far as they go without a gap."""
    found: list[Array] = []
    while f"{group}/vars/{len(found)}" in saved:
        found.append(saved[f"{group}/vars/{len(found)}"])
    return found


def _state(model: Any, optimizer: Any, given: list[Array]) -> dict[str, Array] | None:
    """The state that ``set_state`` takes; None where the arrays are not this optimizer's."""
    empty = optimizer.get_state(named_variables(model))
    wanted: list[tuple[str | None, tuple[int, ...]]] = [("iterations", ())]
    wanted += [("learning_rate", ())] * (optimizer._schedule is None)
    for slot, key, shape in _slots(model, optimizer, empty):
        wanted.append((f"{slot}/{key}" if f"{slot}/{key}" in empty else None, shape))
    wanted += [(None, ())] * (type(optimizer).__name__ == "Nadam")
    if [array.shape for array in given] != [shape for _, shape in wanted]:
        return None
    state: dict[str, Array] = {}
    for (name, _), array in zip(wanted, given, strict=True):
        if name is not None:
            state[name] = array.reshape(1) if name in _APART else array
    steps, of = state["iterations"].astype(np.int64), optimizer.gradient_accumulation_steps
    state["iterations"] = steps // of if of else steps
    if of:
        state["accumulated"] = steps % of
    if np.float32(empty["learning_rate"][0]) == state.get("learning_rate"):
        del state["learning_rate"]  # the configuration has more digits
    return empty | state


def _slots(model: Any, optimizer: Any, state: Mapping[str, Array]) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """(slot, key of the weight, shape) of every slot that Keras has."""
    kind = type(optimizer).__name__
    names = {key.partition("/")[0]: None for key in state if key not in _APART}
    own = tuple(name for name in names if (name,) not in _FIRST)
    keys = {id(v): key for key, v in named_variables(model).items()}
    weights = trained(model)
    for group in [*_FIRST, *_GROUPS.get(kind, [own])]:
        for v in weights:
            for slot in group:
                key = keys[id(v)]
                if f"{slot}/{key}" in state:
                    yield slot, key, state[f"{slot}/{key}"].shape
                elif kind == "Adafactor" and group not in _FIRST:  # Keras makes them all, and uses some
                    yield slot, key, v.shape if slot == "velocity" else ()


def _product(beta: float, steps: int) -> float:
    """What Nadam's momentums up to this step are multiplied to."""
    return float(np.prod([beta * (1 - 0.5 * 0.96**i) for i in range(1, steps + 1)]))
