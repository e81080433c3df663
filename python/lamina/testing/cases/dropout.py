"""Cases of the dropout family."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Case


def _dropout(shape: tuple[int, ...], rate: float, torch: Any = None, first: int | None = None) -> Case:
    """torch: PyTorch's function, for times alone, since it draws other numbers; first: sample of a larger batch."""

    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        x, state = rng.standard_normal(shape).astype(dtype), np.array([2**63 + 12345, 7], np.uint64)
        return x, rate, state, None if first is None else np.array([first], np.uint64), x.size // max(shape[0], 1)

    n = float(np.prod(shape))
    begin = "" if first is None else f" from {first}"
    return Case(
        "dropout", f"{shape} rate {rate}{begin}", "dropout_forward", inputs, "dropout_backward", (0,),
        lambda args, result, dy: (result[1], dy, rate),
        bytes=8 * n, backward_bytes=8 * n, torch=torch,
    )  # fmt: skip


def test_cases() -> list[Case]:
    shapes = [(0,), (1,), (63,), (64,), (65,), (3, 5, 7), (129, 1000)]
    parts = [_dropout((5, 13), 0.3, first=first) for first in (0, 3, 64)] + [_dropout((129, 1000), 0.3, first=7)]
    return [_dropout(s, 0.3) for s in shapes] + [_dropout((77,), r) for r in (0.0, 0.999, 1.0)] + parts


def bench_cases() -> list[Case]:
    def torch_dropout(torch: Any, x: Any, rate: float, *_: Any) -> Any:
        return torch.nn.functional.dropout(x, rate, True)

    return [_dropout((128, 512), 0.2, torch_dropout), _dropout((64, 24, 24, 64), 0.5, torch_dropout)]
