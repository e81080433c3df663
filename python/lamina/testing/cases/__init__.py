"""The registry of cases: one list drives the kernel tests and the kernel benchmarks.

A case is one native forward (and its backward) on one shape.  Tests run every case of ``test_cases`` against the
float64 twin in ``lamina.reference``, on every instruction set, with skipped, written (poisoned) and accumulated
gradients, and bit by bit on 1 to 4 threads; ``benchmarks/kernels.py`` times every case of ``bench_cases`` against the
twin.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Case:
    """One native function pair on one shape.

    ``inputs(rng, dtype)`` makes the forward's positional arguments; ``gradients`` are the positions of those that have
    one (an argument that is None gets None as its destination).  ``saved(args, result, dy)`` gives the backward's
    arguments in front of the gradient destinations; for a forward with several results dy is the gradient of the
    first.  ``twin_inputs`` makes the twin's arguments where they differ.  ``flops`` and ``bytes`` are the forward's
    work in float32, ``backward_flops`` and ``backward_bytes`` the backward's, for the benchmark; 0 where it makes no
    sense.  ``torch(torch, *arguments)`` is the forward in PyTorch, for comparisons of values, gradients and times; of
    ``torch_layout(arguments)``, where there is one: tensors turned as PyTorch stores them, which times leave out.
    """

    family: str
    name: str
    forward: str
    inputs: Callable[[np.random.Generator, Any], tuple[Any, ...]]
    backward: str = ""
    gradients: tuple[int, ...] = ()
    saved: Callable[[tuple[Any, ...], Any, Array], tuple[Any, ...]] | None = None
    flops: float = 0.0
    bytes: float = 0.0
    backward_flops: float = 0.0
    backward_bytes: float = 0.0
    twin_inputs: Callable[[np.random.Generator, Any], tuple[Any, ...]] | None = None
    torch: Callable[..., Any] | None = None
    torch_layout: Callable[[Any], Any] | None = None
    reduction: int = 1  # length of the longest sum: the tolerance grows with its root

    @property
    def id(self) -> str:
        return f"{self.family}-{self.name}".replace(" ", "_")


def _families() -> Iterator[Any]:
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda i: i.name):
        yield importlib.import_module(f"{__name__}.{info.name}")


def test_cases() -> list[Case]:
    """Small shapes with awkward sizes: 0, 1, not a multiple of a vector or tile, larger than a block."""
    return [c for family in _families() for c in family.test_cases()]


def bench_cases() -> list[Case]:
    """Realistic shapes."""
    return [c for family in _families() for c in family.bench_cases()]


test_cases.__test__ = False  # type: ignore[attr-defined]  # not a test itself
