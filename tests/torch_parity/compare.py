"""One operation in Lamina and in PyTorch on the same random arrays: values and every gradient.

The number of configurations a test is LAMINA_PARITY_EXAMPLES (15 by default; .ci/run takes 200).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from lamina import Tensor

torch = pytest.importorskip("torch", reason="the comparisons with PyTorch need torch")

many = settings(
    max_examples=int(os.environ.get("LAMINA_PARITY_EXAMPLES", "15")),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def close(got: Any, want: Any, tolerance: float, what: str) -> None:
    """Largest difference within tolerance times the largest value; what cancels is measured against its terms, O(1)."""
    assert got.shape == want.shape, f"{what}: {got.shape} and {want.shape}"
    assert np.isfinite(got).all() == np.isfinite(want).all(), what
    if want.size:
        scale = max(float(np.abs(want).max()), 0.1)
        error = float(np.abs(got.astype(np.float64) - want).max())
        assert error <= tolerance * scale, f"{what}: off by {error:.3g} of {scale:.3g}"


def _as_tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, (tuple, list)) else (x,)


def compare(
    ours: Callable[..., Any], theirs: Callable[..., Any], arrays: Sequence[Any], reduction: int = 1, slack: float = 1.0
) -> None:
    """ours(*Tensors) and theirs(*torch tensors) give one result or several; an array that is None is passed on.

    float64 agrees to 1e-9 of the norm; float32 to its own rounding over sums of `reduction` terms.
    """
    for dtype in (np.float64, np.float32):
        given = [None if a is None else np.ascontiguousarray(a, dtype=dtype) for a in arrays]
        x = [None if a is None else Tensor(a.copy(), requires_grad=True) for a in given]
        t = [None if a is None else torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in given]
        got, want = _as_tuple(ours(*x)), _as_tuple(theirs(*t))
        assert len(got) == len(want)
        eps = float(np.finfo(np.float32).eps)
        tolerance = 1e-9 if dtype == np.float64 else slack * 16 * eps * (4 + reduction**0.5)
        rng = np.random.default_rng(7)
        total_theirs: Any = None
        for i, (g, w) in enumerate(zip(got, want, strict=True)):
            assert g.dtype == dtype
            close(g.numpy(), w.detach().numpy(), tolerance, f"result {i}, {np.dtype(dtype)}")
            dy = rng.standard_normal(g.shape)
            part = (w * torch.tensor(dy)).sum()
            total_theirs = part if total_theirs is None else total_theirs + part
            g.backward(dy.astype(dtype), retain_graph=i + 1 < len(got))
        total_theirs.backward()
        for i, (a, b) in enumerate(zip(x, t, strict=True)):
            if a is not None:
                want_grad = np.zeros(b.shape) if b.grad is None else b.grad.numpy()
                assert a.grad is not None, f"no gradient {i}"
                close(a.grad.numpy(), want_grad, 4 * tolerance, f"gradient {i}, {np.dtype(dtype)}")


def normal(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)
