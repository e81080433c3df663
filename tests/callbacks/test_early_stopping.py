"""When EarlyStopping stops and what it restores: a table, and Keras itself where it is."""

from __future__ import annotations

import random
import types

import numpy as np
import pytest

from lamina import callbacks

CASES = [  # options, values; epochs run, stopped_epoch, best_epoch, best, the epoch whose weights came back
    ({}, [2.0, 1.0, 1.0, 0.5], (3, 2, 1, 1.0, None)),
    ({}, [2.0, 1.9995, 1.999], (3, 0, 2, 1.999, None)),
    ({"mode": "max"}, [3.0, 3.0, 4.0], (2, 1, 0, 3.0, None)),
    ({"mode": "max"}, [1.0, 3.0, 2.0], (3, 2, 1, 3.0, None)),
    ({"patience": 2}, [2.0, 3.0, 1.0, 1.5, 1.5, 0.0], (5, 4, 2, 1.0, None)),
    ({"patience": 2, "start_from_epoch": 1}, [2.0, 1.5, 3.0], (3, 0, 1, 1.5, None)),
    ({"start_from_epoch": 2}, [2.5, 2.6], (2, 0, 0, None, None)),
    ({"min_delta": 0.5}, [2.0, 1.75, 1.0], (2, 1, 0, 2.0, None)),
    ({"min_delta": -0.5}, [2.0, 2.5], (2, 1, 0, 2.0, None)),
    ({"patience": 3, "baseline": 1.5, "restore_best_weights": True}, [1.5, 2.5, 2.05, 2.05], (3, 2, 0, 1.5, 0)),
    ({"restore_best_weights": True}, [np.nan, np.nan, np.nan], (2, 1, 0, None, 0)),  # nothing improves
]


def run(cls, options, values):
    stop = cls("score", **{"mode": "min", **options})
    model = types.SimpleNamespace(stop_training=False, restored=None)
    model.get_weights = lambda: [epoch]
    model.set_weights = lambda weights: setattr(model, "restored", weights[0])
    for _ in range(2):  # a second fit starts again
        model.stop_training = False
        stop.set_model(model)
        stop.on_train_begin()
        for epoch, value in enumerate(values):
            stop.on_epoch_end(epoch, {"score": value})
            if model.stop_training:
                break
        stop.on_train_end()
    return epoch + 1, stop.stopped_epoch, stop.best_epoch, stop.best, model.restored


@pytest.mark.parametrize(("options", "values", "expected"), CASES)
def test_epochs(options, values, expected):
    assert run(callbacks.EarlyStopping, options, values) == expected


def test_epochs_are_kerass():
    keras = pytest.importorskip("keras", reason="the comparison with Keras needs keras")
    rng = random.Random(0)
    choices = {"patience": [1, 2, 3], "min_delta": [0.1, -0.5], "baseline": [1.5, 2.0], "start_from_epoch": [1, 2],
               "mode": ["max"], "restore_best_weights": [True]}  # fmt: skip
    for _ in range(500):
        values = [rng.choice([1.0, 1.5, 2.0, 2.05, 2.5]) for _ in range(rng.randint(1, 9))]
        options = {name: rng.choice(given) for name, given in choices.items() if rng.random() < 0.5}
        wanted = run(keras.callbacks.EarlyStopping, options, values)
        assert run(callbacks.EarlyStopping, options, values) == wanted, (options, values)


def test_words_only_if_wanted(capsys):
    run(callbacks.EarlyStopping, {"restore_best_weights": True}, [1.0, 2.0])
    assert capsys.readouterr().out == ""
    run(callbacks.EarlyStopping, {"verbose": 1}, [2.0, 1.0])
    assert capsys.readouterr().out == ""
    run(callbacks.EarlyStopping, {"verbose": 1, "restore_best_weights": True}, [1.0, 2.0])
    assert capsys.readouterr().out.splitlines()[:2] == [
        "Epoch 2: early stopping", "Restoring model weights from the end of the best epoch: 1.",
    ]  # fmt: skip


@pytest.mark.parametrize("loss", [1.0, np.nan, np.inf, np.array([1.0, np.nan])])
def test_terminate_on_nan(loss):
    end = callbacks.TerminateOnNaN()
    end.set_model(types.SimpleNamespace(stop_training=False))
    for logs in (None, {}, {"accuracy": np.nan}):
        end.on_train_batch_end(0, logs)
        assert not end.model.stop_training
    end.on_train_batch_end(1, {"loss": loss})
    assert end.model.stop_training is not bool(np.isfinite(loss).all())
