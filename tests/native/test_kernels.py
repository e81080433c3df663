"""Every native function against its float64 twin: the registry of lamina.testing.cases drives all of it."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import _native, reference
from lamina.testing.cases import Case, test_cases

CASES = test_cases()
ids = [c.id for c in CASES]
EPS = {np.float32: np.finfo(np.float32).eps, np.float64: np.finfo(np.float64).eps}


@pytest.fixture(autouse=True)
def _restore():
    threads = _native.get_num_threads()
    _native.pool_set_poison(True)
    yield
    _native.pool_set_poison(False)
    _native.set_num_threads(threads)


def wide(x):
    return x.astype(np.float64) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x


def first(result):
    return result[0] if isinstance(result, tuple) else result


def close(case: Case, got, want, dtype, what: str) -> None:
    """|got - want| within eps * sqrt(length of the sum) * the norm of the result."""
    assert got.shape == want.shape
    assert not np.isnan(got).any() or np.isnan(want).any(), f"{what}: NaN read from a poisoned buffer"
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, want, err_msg=what)
        return
    finite = want[np.isfinite(want)]
    scale = 1.0 + (np.abs(finite).max() if finite.size else 0.0)
    tolerance = 8 * EPS[dtype] * (4 + case.reduction**0.5) * scale
    np.testing.assert_allclose(got, want, rtol=0, atol=tolerance, err_msg=what)


def arguments(case: Case, dtype, seed=0):
    return case.inputs(np.random.default_rng(seed), dtype)


def run_forward(case, args):
    return getattr(_native, case.forward)(*args)


def tuple_of(result):
    return tuple(r for r in result if r is not None) if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=ids)
def test_forward_is_its_twin(case, dtype, isa):
    args = arguments(case, dtype)
    got = run_forward(case, args)
    want = getattr(reference, case.forward)(*[wide(a) for a in arguments(case, dtype)])
    for g, w in zip(tuple_of(got), tuple_of(want), strict=True):
        close(case, np.asarray(g), np.asarray(w), dtype, case.forward)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", [c for c in CASES if c.backward], ids=[c.id for c in CASES if c.backward])
def test_backward_is_its_twin(case, dtype, isa):
    """Each gradient skipped, overwritten (the destination holds NaN) and added to."""
    args = arguments(case, dtype)
    result = run_forward(case, args)
    dy = np.random.default_rng(1).standard_normal(first(result).shape).astype(dtype)
    saved = case.saved(args, result, dy)
    n = len(case.gradients)
    shapes = [args[i].shape if isinstance(args[i], np.ndarray) else None for i in case.gradients]
    want = [None if s is None else np.zeros(s) for s in shapes]
    getattr(reference, case.backward)(*[_wide_all(a) for a in saved], *want, 0)
    for mode in ("write", "accumulate", *range(n)):
        start = 0.5 if mode == "accumulate" else np.nan
        skipped = mode if isinstance(mode, int) else -1
        got = [None if s is None or i == skipped else np.full(s, start, dtype) for i, s in enumerate(shapes)]
        getattr(_native, case.backward)(*saved, *got, (1 << n) - 1 if mode == "accumulate" else 0)
        for i, (g, w) in enumerate(zip(got, want, strict=True)):
            if g is not None:
                close(case, g, w + 0.5 if mode == "accumulate" else w, dtype, f"{case.backward} gradient {i}, {mode}")


def _wide_all(a):
    return tuple(_wide_all(v) for v in a) if isinstance(a, tuple) else wide(a)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_same_bits_at_any_thread_count(case):
    seen = []
    for threads in (1, 2, 3, 4):
        _native.set_num_threads(threads)
        args = arguments(case, np.float32)
        result = run_forward(case, args)
        bits = [np.asarray(r).tobytes() for r in tuple_of(result)]
        if case.backward:
            dy = np.random.default_rng(1).standard_normal(first(result).shape).astype(np.float32)
            grads = [
                np.full(args[i].shape, np.nan, np.float32) if isinstance(args[i], np.ndarray) else None
                for i in case.gradients
            ]
            getattr(_native, case.backward)(*case.saved(args, result, dy), *grads, 0)
            bits += [g.tobytes() for g in grads if g is not None]
        seen.append(bits)
    assert all(s == seen[0] for s in seen)
