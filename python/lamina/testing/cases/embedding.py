"""Cases of the embedding family."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Case


def _embedding(shape: tuple[int, ...], V: int, D: int, kind: Any = np.int64) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return rng.integers(0, V, shape).astype(kind), rng.standard_normal((V, D)).astype(dtype)

    n = float(np.prod(shape))
    return Case(
        "embedding", f"{shape} of {V}x{D} {np.dtype(kind).name}", "embedding_forward", inputs, "embedding_backward",
        (1,), lambda args, y, dy: (args[0], dy),
        bytes=8 * n * D, backward_bytes=4 * D * (3 * n + V), reduction=max(1, int(n)),
    )  # fmt: skip


def test_cases() -> list[Case]:
    return [
        _embedding((0,), 3, 4),
        _embedding((1,), 1, 1),
        _embedding((7, 5), 11, 33, np.int32),
        _embedding((3, 4, 5), 6, 64),
        _embedding((600,), 40, 130),
    ]


def bench_cases() -> list[Case]:
    return [_embedding((12, 64), 65, 128), _embedding((64, 256), 20000, 128)]
