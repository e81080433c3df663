"""Optimizers whose step looks at whole weights, by their published formulas in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import optimizers
from lamina.layers.variable import Variable


def root_mean_square(x):
    return np.sqrt(np.mean(x * x))


@pytest.mark.parametrize("rate", [0.01, 0.6, 5.0])
@pytest.mark.parametrize("shape", [(3,), (2, 3)])
@pytest.mark.parametrize("size", [1.0, 1e-6])
def test_adafactor(rate, shape, size):
    """Shazeer and Stern 2018: the step is max(rms(x), eps_2) min(rate, 1 / sqrt(t)) of an update of at most rms 1."""
    rng = np.random.default_rng(0)
    x = size * rng.standard_normal(shape)
    weight = Variable(x.copy(), name="w")
    optimizer = optimizers.Adafactor(rate)
    optimizer.build([weight])
    v, rows, columns = np.zeros(shape), np.zeros(shape[:-1]), np.zeros(shape[1:])
    for t in range(1, 5):
        g = rng.standard_normal(shape) * t**2
        past, squares = 1 - t**-0.8, g * g + 1e-30
        if len(shape) == 2:
            rows = past * rows + (1 - past) * squares.mean(1)
            columns = past * columns + (1 - past) * squares.mean(0)
            v = np.outer(rows / rows.mean(), columns)
        else:
            v = past * v + (1 - past) * squares
        update = g / np.sqrt(v)
        step = max(root_mean_square(x), 1e-3) * min(rate, t**-0.5)
        x = x - step * update / max(1.0, root_mean_square(update))
        optimizer.apply([g], [weight])
        np.testing.assert_allclose(weight.numpy(), x, rtol=1e-9)
