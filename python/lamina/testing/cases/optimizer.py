"""Cases of the optimizer family: a step has no gradient and changes its arguments, so its tests stand by themselves."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ... import _native, reference
from . import Case

MLP = [(20, 64), (64,), (64, 64), (64,), (64, 2), (2,)]


def step_options(rule: str, *given: Any, **named: Any) -> tuple[Any, ...]:
    """All options of a step in their order: the given ones, else the twin's defaults (the native steps have none)."""
    bound = inspect.signature(getattr(reference, rule)).bind(None, *given, **named)
    bound.apply_defaults()
    return bound.args[1:]


def _step(name: str, rule: str, shapes: Sequence[tuple[int, ...]], slots: int, *options: Any) -> Case:
    sizes = sum(int(np.prod(s)) for s in shapes)

    def arguments(group: Any, rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        weights, gradients = ([rng.standard_normal(s).astype(dtype) for s in shapes] for _ in range(2))
        state = [[np.abs(rng.standard_normal(s)).astype(dtype) for s in shapes] for _ in range(slots)]
        on = np.ones(len(shapes), np.bool_)
        rate, steps = np.array([1e-3]), np.zeros(1, np.int64)
        return group(weights, gradients, state, on, on.copy(), rate, steps), *step_options(rule, *options)

    arrays = 3 + 2 * slots  # read w and g, write w; read and write each slot
    inputs, twin_inputs = (partial(arguments, module.ParameterGroup) for module in (_native, reference))
    return Case("optimizer", f"{name} {sizes}", rule, inputs, bytes=4.0 * arrays * sizes, twin_inputs=twin_inputs)


def _table_step(name: str, rule: str, rows: int, features: int, batch: int, slots: int) -> Case:
    """A step on a table of which a batch has touched some rows."""

    def arguments(module: Any, rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        w, g, *state = (np.zeros((rows, features), dtype) for _ in range(2 + slots))
        touched = module.TouchedRows(rows)
        dy = rng.standard_normal((batch, features)).astype(dtype)
        module.embedding_backward(rng.integers(0, rows, batch), dy, g, 0, touched)
        on, rate, steps = np.ones(1, np.bool_), np.array([1e-3]), np.zeros(1, np.int64)
        group = module.ParameterGroup([w], [g], [[s] for s in state], on, on.copy(), rate, steps, [touched])
        return group, *step_options(rule)

    inputs, twin_inputs = (partial(arguments, module) for module in (_native, reference))
    work = 4.0 * (3 + 2 * slots) * batch * features
    name = f"{name} {batch} rows of {rows}x{features}"
    return Case("optimizer", name, rule, inputs, bytes=work, twin_inputs=twin_inputs)


def test_cases() -> list[Case]:
    return []


def bench_cases() -> list[Case]:
    big = [(8 << 20,)]
    cases = [_step("sgd", "sgd_step", big, 0), _step("momentum", "sgd_step", big, 1, 0.9)]
    return [
        *cases,
        _step("adam", "adam_step", big, 2),
        _step("adam", "adam_step", MLP, 2),
        _table_step("adam", "adam_step", 200_000, 64, 4096, 2),
    ]
