"""Which files ModelCheckpoint and BackupAndRestore write, and when."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Sequential, callbacks, layers, optimizers

X = np.random.default_rng(0).standard_normal((12, 3)).astype(np.float32)


def compiled(rate=0.1):
    model = Sequential([Input((3,)), layers.Dense(3, kernel_initializer="ones")])
    model.compile(optimizers.SGD(rate), "mse")
    return model


def fit(model, *given, **options):
    options = {"epochs": 3, "batch_size": 4, "shuffle": False, "verbose": 0, "callbacks": list(given)} | options
    return model.fit(X, 2 * X, **options)


class Numbers(callbacks.Callback):
    """Logs these numbers, one an epoch."""

    def __init__(self, *values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        logs["score"] = self.values[epoch]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(("freq", "epochs"), [(1, [1, 2, 3]), (2, [1, 2, 3]), (4, [2, 3]), (9, [3]), (10, [])])
def test_every_so_many_steps(tmp_path, freq, epochs):
    fit(compiled(), callbacks.ModelCheckpoint(tmp_path / "{epoch}.lamina", save_freq=freq))
    assert names(tmp_path) == [f"{epoch}.lamina" for epoch in epochs]


@pytest.mark.parametrize("freq", [0, -1, 1.5, None])
def test_frequencies_that_make_no_sense(freq):
    with pytest.raises((ValueError, TypeError), match="ModelCheckpoint: save_freq"):
        callbacks.ModelCheckpoint("x.lamina", save_freq=freq)


BEST = [  # options, values; the epochs that were saved
    ({}, [3.0, 1.0, 2.0], [1, 2, 3]),
    ({"save_best_only": True}, [3.0, 1.0, 2.0], [1, 2]),
    ({"save_best_only": True}, [3.0, 3.0, 2.999], [1, 3]),
    ({"save_best_only": True, "mode": "max"}, [3.0, 1.0, 4.0], [1, 3]),
    ({"save_best_only": True, "initial_value_threshold": 2.0}, [3.0, 2.0, 1.0], [3]),
]


@pytest.mark.parametrize(("options", "values", "epochs"), BEST)
def test_only_the_best(tmp_path, options, values, epochs, capsys):
    keep = callbacks.ModelCheckpoint(tmp_path / "deep" / "er" / "{epoch}.lamina", "score", **{"mode": "min", **options})
    fit(compiled(), Numbers(*values), keep)
    assert names(tmp_path / "deep" / "er") == [f"{epoch}.lamina" for epoch in epochs]
    assert capsys.readouterr().out == ""


def test_words(tmp_path, capsys):
    path = tmp_path / "{epoch}.lamina"
    fit(compiled(), Numbers(3.0, 1.0, 2.0), callbacks.ModelCheckpoint(path, "score", 1, True, mode="min"))
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "Epoch 1: score improved from inf to 3.00000", f"Epoch 1: saving model to {tmp_path / '1.lamina'}",
        "Epoch 2: score improved from 3.00000 to 1.00000", f"Epoch 2: saving model to {tmp_path / '2.lamina'}",
    ]  # fmt: skip


@pytest.mark.parametrize("weights_only", [False, True])
def test_whole_models_or_weights(tmp_path, weights_only):
    options = {"save_weights_only": True} if weights_only else {}
    model = compiled()
    fit(model, callbacks.ModelCheckpoint(tmp_path / "m.lamina", **options))
    if weights_only:
        with pytest.raises(ValueError, match="holds weights only"):
            lamina.load_model(tmp_path / "m.lamina")
        again = compiled()
        again.load_weights(tmp_path / "m.lamina")
    else:
        again = lamina.load_model(tmp_path / "m.lamina")
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


def test_a_backup_of_a_run_that_ended_restores_without_training(tmp_path):
    model, again = compiled(), compiled()
    folder = tmp_path / "deep" / "er"
    fit(model, callbacks.BackupAndRestore(folder, delete_checkpoint=False))
    assert fit(again, callbacks.BackupAndRestore(folder)).epoch == []
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    assert int(again.optimizer.iterations) == 9
    assert names(folder) == []


def test_a_run_without_epochs_has_no_backup(tmp_path):
    fit(compiled(), callbacks.BackupAndRestore(tmp_path / "new"), epochs=0)
    assert not (tmp_path / "new").exists()
