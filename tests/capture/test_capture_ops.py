"""Composed operations in captured steps: replays have the bits of eager runs; what NumPy computes is refused."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Tensor, capture, ops
from lamina.core.recording import CaptureError

W = Tensor(np.random.default_rng(9).standard_normal((3, 4)).astype(np.float32), requires_grad=True)


def products(x, ids):
    w = W
    parts = [ops.einsum("ij,kj->ik", x, w), ops.tensordot(x, w, ((1,), (1,))), ops.matmul(x, w[0]), ops.outer(x, w)]
    return [
        *parts,
        ops.dot(x, w[1]),
        ops.cross(x[:, :3], w[:1, :3]),
        ops.diag(x[0]),
        ops.trace(x),
        x @ ops.transpose(x),
    ]


def elements(x, ids):
    y = ops.clip(x, -0.9, 0.9)
    of_one = [ops.arctan, ops.arcsinh, ops.sinh, ops.tan, ops.cbrt, ops.exp2, ops.nan_to_num, ops.trunc]
    of_two = [ops.arctan2, ops.hypot, ops.logaddexp, ops.divide_no_nan, ops.heaviside]
    results = [f(x) for f in of_one] + [f(x, W[:1]) for f in of_two] + [ops.arcsin(y), ops.arccos(y)]
    return [*results, ops.where(ops.isclose(x, W), 1.0, x), ops.signbit(x)]


def places(x, ids):
    of_ids = [ops.segment_sum(x, ids[:, 0], 4), ops.scatter(ids[:, :1], x, (4, 4)), ops.take_along_axis(x, ids, 1)]
    updated = ops.slice_update(x, (0, 0), W[:1, :2])
    rest = [ops.top_k(x, 1)[0], ops.in_top_k(ids[:, 0], x, 2), ops.multi_hot(ids, 4), ops.roll(x, 1, 0), ops.rot90(x)]
    return [*of_ids, updated, *rest, ops.matmul(ids, ops.transpose(ids)), ops.cumprod(x, 1), ops.diff(x), ops.copy(x)]


def normalizations(x, ids):
    results = [ops.softmax(x, axis=(0, 1)), ops.layer_normalization(x, axis=0), ops.normalize(x), ops.ptp(x, 0)]
    results += [ops.rms_normalization(x, W[0]), ops.batch_normalization(x, W[0], W[1] * W[1], 1)]
    return [*results, ops.celu(x, 2.0), ops.glu(x), ops.hard_shrink(x), ops.squareplus(x), ops.full((2,), x[0, 0])]


@pytest.mark.parametrize("family", [products, elements, places, normalizations])
def test_replays_have_the_bits_of_eager_runs(family):
    def step(x, ids):
        results = family(x * W.sum(), ids)
        loss = sum(r.sum() for r in results if r.dtype == np.float32)
        loss.backward()
        gradient = ops.copy(W.grad)
        W.zero_grad()
        return [loss, gradient, *results]

    fast = capture(step, strict=True)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x, ids = rng.standard_normal((3, 4)).astype(np.float32), rng.integers(0, 4, (3, 2))
        for got, want in zip(fast(x, ids), step(Tensor(x), Tensor(ids)), strict=True):
            assert got.numpy().tobytes() == want.numpy().tobytes()
    assert len(fast.plans) == 1


def test_a_replay_notices_indices_outside():
    fast = capture(lambda x, ids: ops.take_along_axis(x, ids, 1), strict=True)
    x = np.ones((3, 4), np.float32)
    fast(x, np.zeros((3, 1), np.int64))
    with pytest.raises(IndexError, match="outside"):
        fast(x, np.full((3, 1), 4))


REFUSED = {
    "sort": ops.sort,
    "argsort": ops.argsort,
    "argpartition": lambda x: ops.argpartition(x, 1),
    "top_k": lambda x: ops.top_k(x, 2),
    "median": ops.median,
    "quantile": lambda x: ops.quantile(x, 0.1),
    "digitize": lambda x: ops.digitize(x, [0.5]),
    "bins": lambda x: ops.digitize([0.5], x[0]),
    "searchsorted": lambda x: ops.searchsorted([0.5], x),
    "searched row": lambda x: ops.searchsorted(x[0], [0.5]),
    "nonzero": ops.nonzero,
    "where": ops.where,
    "isin": lambda x: ops.isin([1.0], x),
    "segment_max": lambda x: ops.segment_max(x, [0, 1, 1], 2),
    "segment_sum": lambda x: ops.segment_sum(x, ops.cast(x[:, 0], "int32")),
    "scatter_update": lambda x: ops.scatter_update(x, [[0]], x[:1]),
    "bincount": lambda x: ops.bincount(ops.cast(x, "int32")),
    "sparsemax": ops.sparsemax,
    "repeat": lambda x: ops.repeat(x, ops.cast(x[:, 0], "int32"), 0),
    "arange": lambda x: ops.arange(x[0, 0]),
    "linspace": lambda x: ops.linspace(x[0], x[1], 3),
}


@pytest.mark.parametrize("step", REFUSED.values(), ids=REFUSED)
def test_what_numpy_computes_is_not_captured(step):
    x = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
    with pytest.raises(CaptureError, match="values"):
        capture(step, strict=True)(x)


def test_float16_is_converted_outside_of_a_plan():
    with pytest.raises(CaptureError, match="a conversion from float16"):
        capture(lambda x: ops.cast(x, "float32"), strict=True)(np.ones(3, np.float16))
