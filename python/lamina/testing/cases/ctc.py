"""Cases of connectionist temporal classification."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import Array, Case


def _torch(torch: Any, x: Any, labels: Any, label_lengths: Any, input_lengths: Any, blank: int, _: bool) -> Any:
    log_p = torch.log_softmax(x, -1).transpose(0, 1)
    whole = (a.long() for a in (labels, input_lengths, label_lengths))
    return torch.nn.functional.ctc_loss(log_p, *whole, blank, reduction="none")


def _ctc(N: int, T: int, C: int, L: int, blank: int = 0, full: bool = False, repeated: bool = False) -> Case:
    def inputs(rng: np.random.Generator, dtype: Any) -> tuple[Any, ...]:
        x = (2 * rng.standard_normal((N, T, C))).astype(dtype)
        labels: Array = rng.integers(0, C - 1, (N, L))
        labels += labels >= blank
        if repeated:
            labels[:, 1::2] = labels[:, : L - L % 2 : 2]
        counts = np.full(N, L) if full else rng.integers(0, L + 1, N)
        steps = np.full(N, T)
        if not full:
            needed = [c + int((labels[n, 1:c] == labels[n, : max(c - 1, 0)]).sum()) for n, c in enumerate(counts)]
            steps = np.array([rng.integers(m, T + 1) for m in needed], np.int64)
        return x, labels, counts, steps, blank, True

    return Case(
        "ctc", f"{N} x {T} steps, {C} classes, {L} labels{' repeated' * repeated}{' full' * full}, blank {blank}",
        "ctc_loss_forward", inputs, "ctc_loss_backward", (0,), lambda args, result, dy: (result[1], dy),
        bytes=8.0 * N * T * C, backward_bytes=8.0 * N * T * C, torch=_torch if N else None, reduction=8 * T + 64,
    )  # fmt: skip


def test_cases() -> list[Case]:
    cases = [
        _ctc(5, 12, 6, 4),
        _ctc(3, 30, 5, 13, 4, repeated=True),
        _ctc(4, 40, 33, 17, 2),
        _ctc(1, 1, 2, 1, full=True),
    ]
    cases += [_ctc(0, 3, 4, 2), _ctc(2, 70, 3, 31, 1), _ctc(6, 5, 4, 0, full=True), _ctc(2, 400, 29, 33)]
    return cases


def bench_cases() -> list[Case]:
    return [_ctc(32, 150, 29, 30, full=True), _ctc(16, 500, 80, 100, full=True), _ctc(64, 32, 64, 10, full=True)]
