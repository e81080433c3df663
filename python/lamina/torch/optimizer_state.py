"""State dicts of PyTorch's optimizers into ours: the moments of each weight in its layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.autograd import Array
from ..core.warn import warn
from ..optimizers import Optimizer
from . import formats
from .matching import Match
from .report import Report
from .tensors import as_array


class _Rule(NamedTuple):
    """What PyTorch calls the state and the options of a rule here."""

    slots: dict[str, tuple[str, int]]  # ours: PyTorch's; and 1 or -1 where ours holds it times the rate, else 0
    options: dict[str, str]  # PyTorch's: ours


_RULES = {
    "adam": _Rule(
        {"momentum": ("exp_avg", 0), "velocity": ("exp_avg_sq", 0), "velocity_hat": ("max_exp_avg_sq", 0)},
        {"eps": "epsilon", "amsgrad": "amsgrad"},
    ),
    "sgd": _Rule({"momentum": ("momentum_buffer", -1)}, {"momentum": "momentum", "nesterov": "nesterov"}),
    "rmsprop": _Rule(
        {"velocity": ("square_avg", 0), "momentum": ("momentum_buffer", 1), "average_gradient": ("grad_avg", 0)},
        {"alpha": "rho", "momentum": "momentum", "centered": "centered"},
    ),
}


def load_optimizer_state_dict(
    optimizer: Optimizer, source: Any, report: Report, parameters: Sequence[str] | None = None
) -> None:
    """Let an optimizer go on where one of PyTorch's was: its rate, options, steps, and the moments of all weights.

    PyTorch numbers its parameters; their names are those of the state dict that ``load_state_dict`` read, in its order
    and without buffers.  Read are Adam, AdamW, SGD and RMSprop.  Their formulas differ from Keras's, which are ours, in
    where epsilon stands: Adam's is divided by ``sqrt(1 - beta_2^t)`` there, in the first steps.

    Args:
        optimizer: an Adam, AdamW, SGD or RMSprop; it is built with the weights.
        source: ``optimizer.state_dict()`` of PyTorch, a file of it, or a checkpoint that holds it.
        report: what ``load_state_dict`` gave for the weights.
        parameters: the names of PyTorch's parameters in the order in which its optimizer got them; None takes the
            state dict's, where there is one group of all.

    Raises:
        ValueError: ``source`` is no state of such an optimizer; there are several groups, or another number of
            parameters, and ``parameters`` does not say which they are; a moment has another shape than its weight.
        TypeError: ``optimizer`` is none, or of a kind that is not read.

    Source: PyTorch, torch.optim.Optimizer.load_state_dict.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> state = {"fc.weight": np.ones((1, 2), "float32"), "fc.bias": np.zeros(1, "float32")}
        >>> report = lamina.torch.load_state_dict(model, state)
        >>> theirs = {"state": {}, "param_groups": [{"lr": 0.5, "params": [0, 1]}]}  # optimizer.state_dict() of PyTorch
        >>> lamina.torch.load_optimizer_state_dict(model.optimizer, theirs, report)
        >>> float(model.optimizer.learning_rate)
        0.5
    """
    rule = _RULES.get(getattr(optimizer, "_rule", None) or "")
    if rule is None:
        raise TypeError(f"load_optimizer_state_dict: expected an Adam, AdamW, SGD or RMSprop, got {optimizer!r}")
    given = _found(source)
    groups, state = given["param_groups"], given["state"]
    names = _names(groups, report, parameters)
    group = groups[0]
    kept = {key for one in state.values() for key in one}
    unknown = sorted(kept - {theirs for theirs, _ in rule.slots.values()} - {"step"})
    if unknown:
        kind = type(optimizer).__name__
        raise ValueError(f"load_optimizer_state_dict: the state has {unknown[0]!r}, which no {kind} of PyTorch has")
    rate = float(group["lr"])
    places = {name: i for i, name in enumerate(names)}
    variables: dict[str, Any] = {}
    moments: dict[str, Array] = {}
    slots = {ours: one for ours, one in rule.slots.items() if _wanted(ours, rule, group, optimizer)}
    for match in report._matches:
        if not all(v.requires_grad for v in match.link.variables) or not any(n in places for n in match.names):
            continue
        own = [state.get(places.get(name, -1), {}) for name in match.names]
        keys = [f"{name}#{i}" for i, name in enumerate(match.names[:1] * len(match.link.variables))]
        variables |= zip(keys, match.link.variables, strict=True)
        for ours, (theirs, sign) in slots.items():
            arrays = _moments(match, own, theirs)
            factor = sign * rate if sign else 1.0
            moments |= {f"{ours}/{key}": a * factor for key, a in zip(keys, arrays, strict=True)}
    counts = [as_array(one.get("step", 0), "load_optimizer_state_dict: 'step'") for one in state.values()]
    steps = max((int(count.item()) for count in counts), default=0)
    _set_options(optimizer, rule, group)
    full = {"iterations": np.array([steps]), "learning_rate": np.array([rate]), **moments}
    optimizer.set_state(full, variables)


def _wanted(slot: str, rule: _Rule, group: Mapping[str, Any], optimizer: Any) -> bool:
    """Whether the optimizer keeps a slot with PyTorch's options."""
    asked = dict(optimizer._state)[slot]
    theirs = next((t for t, ours in rule.options.items() if ours == asked), None)
    return asked is None or bool(group.get(theirs, getattr(optimizer, asked)) if theirs else getattr(optimizer, asked))


def _moments(match: Match, states: Sequence[Mapping[str, Any]], name: str) -> list[Array]:
    """A moment in the layout of each variable, zeros where PyTorch has none yet."""
    shapes = match.link.shapes()
    arrays = []
    for own, one, shape in zip(states, match.names, shapes, strict=True):
        value = own.get(name)
        what = f"load_optimizer_state_dict: {name!r} of {one!r}"
        array = np.zeros(shape, np.float32) if value is None else as_array(value, what)
        if array.shape != shape:
            raise ValueError(f"{what} is {array.shape}, expected {shape}")
        arrays.append(array.astype(np.float32) if array.dtype == np.float16 else array)
    return match.link.moments(arrays)


def _found(source: Any) -> Mapping[str, Any]:
    given = source if isinstance(source, Mapping) else formats.read(source)[0]
    if isinstance(given, Mapping) and "param_groups" not in given:
        inside = [v for v in given.values() if isinstance(v, Mapping) and {"param_groups", "state"} <= set(v)]
        given = inside[0] if len(inside) == 1 else given
    wrong = "expected optimizer.state_dict(), a dict of 'state' and 'param_groups'"
    if not isinstance(given, Mapping) or not {"param_groups", "state"} <= set(given):
        raise ValueError(f"load_optimizer_state_dict: {wrong}, got {type(given).__name__}")
    groups, state = given["param_groups"], given["state"]
    right = isinstance(groups, list) and groups and all(isinstance(g, Mapping) and "lr" in g for g in groups)
    if not right or not isinstance(state, Mapping) or not all(isinstance(v, Mapping) for v in state.values()):
        raise ValueError(f"load_optimizer_state_dict: {wrong}; one of the two is damaged")
    return given


def _names(groups: list[Any], report: Report, parameters: Sequence[str] | None) -> list[str]:
    """The names of the parameters by their numbers."""
    count = sum(len(group.get("params", ())) for group in groups)
    named = [name for group in groups for name in group.get("param_names", ())]
    if parameters is not None or len(named) == count:
        names = list(parameters if parameters is not None else named)
    elif len(groups) > 1:
        raise ValueError(
            f"load_optimizer_state_dict: there are {len(groups)} groups of parameters; give parameters=, the names in "
            "the order in which PyTorch's optimizer got them"
        )
    else:
        names = report._parameters
    if len(names) != count:
        raise ValueError(
            f"load_optimizer_state_dict: the optimizer has {count} parameters, the state dict {len(names)}; give "
            "parameters=, the names in the order in which PyTorch's optimizer got them"
        )
    return names


def _set_options(optimizer: Any, rule: _Rule, group: Mapping[str, Any]) -> None:
    options = {ours: group[theirs] for theirs, ours in rule.options.items() if theirs in group}
    if "betas" in group:
        options["beta_1"], options["beta_2"] = group["betas"]
    decay = group.get("weight_decay", 0)
    decoupled = bool(optimizer.weight_decay) or type(optimizer).__name__ == "AdamW"
    if decoupled:
        options["weight_decay"] = decay
    elif decay:
        warn(
            f"PyTorch's weight_decay={decay} is part of the gradient; here it is a penalty, "
            f"kernel_regularizer=L2({decay / 2}), which the model has to be made with",
        )
    if group.get("dampening"):
        warn(f"dampening={group['dampening']} has no counterpart here")
    for name, value in options.items():
        if getattr(optimizer, name) != value:
            setattr(optimizer, name, value)


__all__ = ["load_optimizer_state_dict"]
