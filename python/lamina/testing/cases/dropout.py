"""Cases of the dropout family."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Case


def _dropout(shape: tuple[int, ...], rate: float, torch: Any = None) -> Case:
    """torch: PyTorch's function, for times alone, since it draws other numbers."""

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        return rng.standard_normal(shape).astype(dtype), rate, np.array([2**63 + 12345, 7], np.uint64)

    n = float(np.prod(shape))
    return Case(
        "dropout", f"{shape} rate {rate}", "dropout_forward", inputs, "dropout_backward", (0,),
        lambda args, result, dy: (result[1], dy, rate),
        bytes=8 * n, backward_bytes=8 * n, torch=torch,
    )  # fmt: skip


def test_cases() -> list[Case]:
    shapes = [(0,), (1,), (63,), (64,), (65,), (3, 5, 7), (129, 1000)]
    return [_dropout(s, 0.3) for s in shapes] + [_dropout((77,), r) for r in (0.0, 0.999, 1.0)]


def bench_cases() -> list[Case]:
    def torch_dropout(torch: Any, x: Any, rate: float, *_: Any) -> Any:
        return torch.nn.functional.dropout(x, rate, True)

    return [_dropout((128, 512), 0.2, torch_dropout), _dropout((64, 24, 24, 64), 0.5, torch_dropout)]
