"""Cases of the optimizer family: a step has no gradient and changes its arguments, so its tests stand by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ... import _native, optimizers, reference
from ...optimizers.base import classes
from . import Array, Case

MLP = [(20, 64), (64,), (64, 64), (64,), (64, 2), (2,)]


def _group(module: Any, optimizer: Any, weights: list[Array], gradients: list[Array], sets: Any = None) -> Any:
    """The arrays of a first step; slots hold zeros."""
    kept = optimizer._slot_names()
    slots = [[np.zeros_like(w) for w in weights] if name in kept else None for name, _ in optimizer._state]
    on = np.ones(len(weights), np.bool_)
    rate, steps = np.array([1e-3]), np.zeros(1, np.int64)
    return module.ParameterGroup(weights, gradients, slots, on, on.copy(), rate, steps, sets)


def _step(optimizer: Any, shapes: Sequence[tuple[int, ...]], name: str = "") -> Case:
    sizes = sum(int(np.prod(s)) for s in shapes)

    def arguments(module: Any, rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        weights, gradients = ([rng.standard_normal(s).astype(dtype) for s in shapes] for _ in range(2))
        return _group(module, optimizer, weights, gradients), *optimizer._step_arguments()

    arrays = 3 + 2 * len(optimizer._slot_names())  # read w and g, write w; read and write each slot
    inputs, twin_inputs = (partial(arguments, module) for module in (_native, reference))
    name = f"{name or optimizer.name} {sizes}"
    return Case("optimizer", name, "optimizer_step", inputs, bytes=4.0 * arrays * sizes, twin_inputs=twin_inputs)


def _table_step(optimizer: Any, rows: int, features: int, batch: int) -> Case:
    """A step on a table of which a batch has touched some rows."""

    def arguments(module: Any, rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        w, g = (np.zeros((rows, features), dtype) for _ in range(2))
        touched = module.TouchedRows(rows)
        dy = rng.standard_normal((batch, features)).astype(dtype)
        module.embedding_backward(rng.integers(0, rows, batch), dy, g, 0, touched)
        return _group(module, optimizer, [w], [g], [touched]), *optimizer._step_arguments()

    inputs, twin_inputs = (partial(arguments, module) for module in (_native, reference))
    work = 4.0 * (3 + 2 * len(optimizer._slot_names())) * batch * features
    name = f"{optimizer.name} {batch} rows of {rows}x{features}"
    return Case("optimizer", name, "optimizer_step", inputs, bytes=work, twin_inputs=twin_inputs)


def test_cases() -> list[Case]:
    return []


def bench_cases() -> list[Case]:
    big = [(8 << 20,)]
    alike = (optimizers.AdamW, optimizers.MultiOptimizer, optimizers.LossScaleOptimizer)  # rules of others
    cases = [_step(cls(), big) for cls in classes.values() if cls not in alike]
    cases += [_step(optimizers.SGD(momentum=0.9), big, "momentum"), _step(optimizers.Adam(), MLP)]
    return [*cases, _table_step(optimizers.Adam(), 200_000, 64, 4096)]
