"""Learning-rate schedules at their boundaries, for all parameters, against Keras's formulas (and Keras where it is)."""

from __future__ import annotations

import itertools
import math
import os

import numpy as np
import pytest

from lamina.optimizers import schedules

STEPS = [0, 1, 2, 5, 6, 7, 9, 10, 11, 14, 15, 16, 19, 20, 21, 30, 31, 50, 70, 71, 150, 310, 1000]
PARAMETERS = {
    "ExponentialDecay": {"decay_steps": [1, 10], "decay_rate": [0.96, 0.0, 1.1], "staircase": [False, True]},
    "InverseTimeDecay": {"decay_steps": [1, 10], "decay_rate": [0.5, 0.0, 2.0], "staircase": [False, True]},
    "PolynomialDecay": {
        "decay_steps": [1, 10],
        "end_learning_rate": [0.0, 0.01, 0.5],
        "power": [1.0, 0.5, 2.0, 0.0],
        "cycle": [False, True],
    },
    "CosineDecay": {
        "decay_steps": [1, 10],
        "alpha": [0.0, 0.1, 1.0],
        "warmup_target": [None, 0.5, 0.0, 0.05],
        "warmup_steps": [0, 1, 5],
    },
    "CosineDecayRestarts": {
        "first_decay_steps": [1, 10, 7],
        "t_mul": [1.0, 2.0, 1.5, 3.0],
        "m_mul": [1.0, 0.5, 0.0],
        "alpha": [0.0, 0.1],
    },
}
CASES = [
    (name, dict(zip(choices, values, strict=True)))
    for name, choices in PARAMETERS.items()
    for values in itertools.product(*choices.values())
]


def test_rates_are_kerass():
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras", reason="the comparison with Keras needs keras")
    for name, parameters in CASES:
        ours = getattr(schedules, name)(0.1, **parameters)
        theirs = getattr(keras.optimizers.schedules, name)(0.1, **parameters)
        want = [float(theirs(s)) for s in STEPS]
        with np.errstate(over="ignore"):
            got = np.array([ours(s) for s in STEPS]).astype(np.float32)  # Keras computes in float32
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6, err_msg=f"{name}({parameters})")


@pytest.mark.parametrize("t", [1.0, 2.0, 3.0, 1.5, 1.1, 10.0])
def test_restarts_begin_at_the_top(t):
    first = 1000
    schedule = schedules.CosineDecayRestarts(1.0, first, t_mul=t)
    start = 0.0
    for i in range(12):
        step = math.ceil(round(start, 6))
        assert schedule(step) > 0.99
        if i and step - 1 > 0:
            assert schedule(step - 1) < 0.01
        start += first * t**i


def test_restarts_of_periods_that_become_shorter_end():
    schedule = schedules.CosineDecayRestarts(1.0, 10, t_mul=0.5, alpha=0.1)
    assert [schedule(s) for s in (0, 10, 15)] == pytest.approx([1.0, 1.0, 1.0])
    assert [schedule(s) for s in (20, 21, 10_000)] == pytest.approx([0.1, 0.1, 0.1])


@pytest.mark.parametrize("t", [0.5, 0.9, 1.0, 1.7])
@pytest.mark.parametrize("m", [0.5, 1.0])
def test_restarts_are_periods_one_after_the_other(t, m):
    """Also in the last of infinitely many periods, each ``t`` times as long as the one before."""
    schedule = schedules.CosineDecayRestarts(1.0, 1000, t_mul=t, m_mul=m)
    for step in [0, 500, 999, 1000, 1001, 1500, 1990, 1998, 1999, 5000, 9990, 9999]:
        i, begin, length = 0, 0.0, 1000.0
        while begin + length <= step and i < 1000:
            i, begin, length = i + 1, begin + length, length * t
        wanted = 0.0 if i == 1000 else m**i * 0.5 * (1 + math.cos(math.pi * (step - begin) / length))
        assert schedule(step) == pytest.approx(wanted, rel=1e-6, abs=1e-9), step


def test_boundaries_of_the_others():
    assert [schedules.PiecewiseConstantDecay([1, 10], [3, 2, 1])(s) for s in (0, 1, 2, 10, 11)] == [3, 3, 2, 2, 1]
    assert schedules.PiecewiseConstantDecay([], [0.5])(7) == 0.5
    polynomial = schedules.PolynomialDecay(1.0, 10, 0.0, cycle=True)
    assert [polynomial(s) for s in (0, 10, 11, 20, 21)] == pytest.approx([1, 0, 0.45, 0, 0.3])
    cold = schedules.CosineDecay(0.1, 10, warmup_target=0.5, warmup_steps=0)
    assert [cold(s) for s in (0, 5, 10)] == pytest.approx([0.5, 0.25, 0.0])
    warm = schedules.CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=4)
    assert [warm(s) for s in (0, 2, 4, 9, 14, 15)] == pytest.approx([0, 0.5, 1, 0.5, 0, 0])
