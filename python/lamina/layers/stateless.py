"""Calls that change nothing: variables hold other values meanwhile, and what they hold then is returned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..core.autograd import Array, wrap
from ..core.grad_mode import no_grad
from ..core.recording import forbid_capture
from .variable import Variable


@contextmanager
def holding(what: str, *given: tuple[str, Sequence[Variable], Any]) -> Iterator[None]:
    """Inside, variables hold these values, outside again their own; nothing is recorded for backward.

    given: (the argument's name, variables, values) for each list of values.
    """
    forbid_capture(f"{what} puts other values into variables")
    pairs: list[tuple[Variable, Array]] = []
    for name, variables, values in given:
        values = list(values)
        if len(values) != len(variables):
            raise ValueError(f"{what}: {name} has {len(values)} values for {len(variables)} variables")
        for i, (v, value) in enumerate(zip(variables, values, strict=True)):
            array = np.asarray(value)
            if v.fixed_shape and array.shape != v.shape:
                raise ValueError(f"{what}: {name}[{i}] has shape {array.shape}, {v.path} {v.shape}")
            pairs.append((v, array.copy()))
    own = [np.asarray(v).copy() for v, _ in pairs]
    with no_grad():
        try:
            for v, array in pairs:
                v.assign(array)
            yield
        finally:
            for (v, _), array in zip(pairs, own, strict=True):
                v.assign(array)


def values_of(variables: Sequence[Variable]) -> list[Any]:
    """What variables hold now, as tensors of their own memory."""
    return [wrap(np.asarray(v).copy()) for v in variables]
