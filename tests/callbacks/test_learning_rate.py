"""What LearningRateScheduler and ReduceLROnPlateau make of the rate: a table, and Keras itself where it is."""

from __future__ import annotations

import random
import types

import numpy as np
import pytest

from lamina import callbacks, optimizers

CASES = [  # options, values; the rate after each epoch, 1 before the first
    ({}, [1.0] * 12, [1.0] * 10 + [0.1] * 2),
    ({"patience": 2}, [1.0, 0.9995, 1.0, 0.9995, 3.0], [1.0, 1.0, 1.0, 0.1, 0.1]),
    ({"patience": 1}, [1.0, 0.99992, 0.998], [1.0, 0.1, 0.1]),  # min_delta is 1e-4
    ({"patience": 2}, [np.inf] * 5, [1.0, 0.1, 0.1, 0.01, 0.01]),  # none of them improves
    ({"patience": 2, "mode": "max"}, [1.0, 2.5, 1.5, 2.0, 2.0], [1.0, 1.0, 1.0, 0.1, 0.1]),
    ({"patience": 1, "factor": 0.5, "min_lr": 0.3}, [1.0] * 4, [1.0, 0.5, 0.3, 0.3]),
    ({"patience": 0, "cooldown": 2, "mode": "max"}, [2.5, 2.5, 1.0, 3.0, 1.0], [1.0, 0.1, 0.1, 0.1, 0.01]),
    ({"patience": 3, "cooldown": 3}, [2.0, 0.9, 1.5, 1.5, 1.5, 1.5, 3.0, 2.0, 0.9, 3.0, 0.9],
     [1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01]),
]  # fmt: skip


def run(cls, options, values, optimizer):
    plateau = cls("score", **{"mode": "min", **options})
    plateau.set_model(types.SimpleNamespace(optimizer=optimizer))
    plateau.on_train_begin()
    rates = []
    for epoch, value in enumerate(values):
        plateau.on_epoch_end(epoch, {"score": value})
        rates.append(float(optimizer.learning_rate))
    return rates


@pytest.mark.parametrize(("options", "values", "expected"), CASES)
def test_rates(options, values, expected):
    assert run(callbacks.ReduceLROnPlateau, options, values, optimizers.SGD(1.0)) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_rates_are_kerass():
    keras = pytest.importorskip("keras", reason="the comparison with Keras needs keras")
    rng = random.Random(0)
    choices = {"patience": [0, 1, 2, 3], "min_delta": [0, 0.1], "factor": [0.5, 0.25], "cooldown": [1, 2, 3],
               "min_lr": [0.1, 0.3, 0.5], "mode": ["max"]}  # fmt: skip
    for _ in range(500):
        values = [rng.choice([1.0, 1.00005, 1.5, 2.0, 2.05, 3.0]) for _ in range(rng.randint(1, 12))]
        options = {name: rng.choice(given) for name, given in choices.items() if rng.random() < 0.6}
        wanted = run(keras.callbacks.ReduceLROnPlateau, options, values, keras.optimizers.SGD(1.0))
        got = run(callbacks.ReduceLROnPlateau, options, values, optimizers.SGD(1.0))
        assert got == pytest.approx(wanted, rel=1e-5), (options, values)


def test_words_only_if_wanted_and_only_where_the_rate_falls(capsys):
    run(callbacks.ReduceLROnPlateau, {"patience": 1}, [1.0] * 3, optimizers.SGD(1.0))
    assert capsys.readouterr().out == ""
    options = {"patience": 1, "factor": 0.5, "min_lr": 0.5, "verbose": 1}
    run(callbacks.ReduceLROnPlateau, options, [1.0] * 4, optimizers.SGD(1.0))
    assert capsys.readouterr().out.splitlines() == ["Epoch 2: ReduceLROnPlateau reducing learning rate to 0.5."]


@pytest.mark.parametrize("factor", [1.0, 1.2])
def test_a_factor_that_does_not_lower(factor):
    with pytest.raises(ValueError, match=f"factor must be below 1, got {factor}"):
        callbacks.ReduceLROnPlateau(factor=factor)


def test_the_rate_is_logged_where_there_are_logs():
    optimizer = optimizers.SGD(0.5)
    plateau, scheduler = callbacks.ReduceLROnPlateau("score", mode="min"), callbacks.LearningRateScheduler(float)
    for callback in (plateau, scheduler):
        callback.set_model(types.SimpleNamespace(optimizer=optimizer))
        logs = {"score": 1.0}
        callback.on_epoch_end(0, logs)
        assert logs == {"score": 1.0, "learning_rate": 0.5}
    scheduler.on_epoch_end(0)
    with pytest.warns(UserWarning, match="'score' is not among the logs"):
        plateau.on_epoch_end(0)


@pytest.mark.parametrize(
    ("schedule", "rate"),
    [
        (lambda epoch: 0.25 * epoch, 0.5),
        (lambda epoch, rate: rate * epoch, 2.0),
        (lambda epoch, rate=7.0: rate * epoch, 2.0),
        (lambda *given: len(given), 2.0),
        (lambda epoch, *, other=3.0: other, 3.0),
    ],
)
def test_functions_of_a_scheduler_are_given_the_rate_if_they_take_it(schedule, rate, capsys):
    scheduler = callbacks.LearningRateScheduler(schedule)
    scheduler.set_model(types.SimpleNamespace(optimizer=optimizers.SGD(1.0)))
    scheduler.on_epoch_begin(2)
    assert float(scheduler.model.optimizer.learning_rate) == rate
    assert capsys.readouterr().out == ""
    scheduler.verbose = 1
    scheduler.on_epoch_begin(2)
    assert capsys.readouterr().out.startswith("Epoch 3: LearningRateScheduler setting learning rate to")
