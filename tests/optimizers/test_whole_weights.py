"""Optimizers whose step looks at whole weights, by their published formulas in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import optimizers
from lamina.layers.variable import Variable


def root_mean_square(x):
    return np.sqrt(np.mean(x * x))


@pytest.mark.parametrize("rate", [0.01, 0.6, 5.0])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 2, 3)])
@pytest.mark.parametrize("size", [1.0, 1e-6])
def test_adafactor(rate, shape, size):
    """Shazeer and Stern 2018: the step is max(rms(x), eps_2) min(rate, 1 / sqrt(t)) of an update of at most rms 1."""
    rng = np.random.default_rng(0)
    x = size * rng.standard_normal(shape)
    weight = Variable(x.copy(), name="w")
    optimizer = optimizers.Adafactor(rate)
    optimizer.build([weight])
    v, rows, columns = np.zeros(shape), np.zeros(shape[:-1]), np.zeros((*shape[:-2], *shape[-1:]))
    for t in range(1, 5):
        g = rng.standard_normal(shape) * t**2
        past, squares = 1 - t**-0.8, g * g + 1e-30
        if len(shape) >= 2:
            rows = past * rows + (1 - past) * squares.mean(-1)
            columns = past * columns + (1 - past) * squares.mean(-2)
            v = np.einsum("...i,...j->...ij", rows / rows.mean(-1, keepdims=True), columns)
        else:
            v = past * v + (1 - past) * squares
        update = g / np.sqrt(v)
        step = max(root_mean_square(x), 1e-3) * min(rate, t**-0.5)
        x = x - step * update / max(1.0, root_mean_square(update))
        optimizer.apply([g], [weight])
        np.testing.assert_allclose(weight.numpy(), x, rtol=1e-9)


@pytest.mark.parametrize(("size", "gradient"), [(1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
def test_lamb(size, gradient):
    """You et al. 2020: Adam's step, as long as the weight is; not stretched where either is zero."""
    rng = np.random.default_rng(1)
    x, g = size * rng.standard_normal((2, 3)), gradient * rng.standard_normal((2, 3))
    weight = Variable(x.copy(), name="w")
    optimizer = optimizers.Lamb(0.1, beta_1=0.8, beta_2=0.95, epsilon=1e-3)
    optimizer.build([weight])
    m, v = np.zeros_like(x), np.zeros_like(x)
    for t in range(1, 4):
        m, v = 0.8 * m + 0.2 * g, 0.95 * v + 0.05 * g * g
        step = m / (1 - 0.8**t) / (np.sqrt(v / (1 - 0.95**t)) + 1e-3)
        lengths = np.linalg.norm(x), np.linalg.norm(step)
        x = x - 0.1 * step * (lengths[0] / lengths[1] if all(lengths) else 1)
        optimizer.apply([g], [weight])
        np.testing.assert_allclose(weight.numpy(), x, rtol=1e-9)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("rms_rate", [None, 0.2])
@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (5,), (2, 3, 2)])
def test_muon(nesterov, rms_rate, shape):
    """Matrices by Newton and Schulz's iteration of the momentum, everything else by AdamW."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal(shape)
    weight = Variable(x.copy(), name="w")
    optimizer = optimizers.Muon(
        0.1, nesterov=nesterov, rms_rate=rms_rate, adam_lr_ratio=0.5, weight_decay=0.01, adam_weight_decay=0.02
    )
    optimizer.build([weight])
    m, v = np.zeros_like(x), np.zeros_like(x)
    for t in range(1, 4):
        g = rng.standard_normal(shape)
        optimizer.apply([g], [weight])
        if len(shape) == 2:
            x = x * (1 - 0.1 * 0.01)
            m = 0.95 * m + g
            y = g + 0.95 * m if nesterov else m
            y = y / (np.linalg.norm(y) + 1e-7)
            for _ in range(5):
                square = y @ y.T
                y = 3.4445 * y + (-4.775 * square + 2.0315 * square @ square) @ y
            x = x - 0.1 * y * (1 if rms_rate is None else 0.2 * max(shape) ** 0.5)
        else:
            x = x * (1 - 0.1 * 0.02)
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            corrected = np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            x = x - 0.1 * 0.5 * corrected * m / (np.sqrt(v) + 1e-7)
        np.testing.assert_allclose(weight.numpy(), x, rtol=1e-9)
