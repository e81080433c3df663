"""Callbacks: when they are called, what they do to the model, the files they write."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from small_net import Net, blobs

from lamina import Input, Sequential, callbacks, layers, losses, optimizers, random, schedules
from lamina.callbacks import Callback

X, Y = blobs(96)


def compiled(rate=0.05):
    model = Net(4, 3)
    model.compile(optimizers.SGD(rate), losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def fit(model, *given, epochs=4, **options):
    return model.fit(X, Y, epochs=epochs, verbose=0, callbacks=list(given), **options)


class Script(Callback):
    """Puts given numbers into the logs, in front of the callbacks after it."""

    def __init__(self, name, values):
        super().__init__()
        self.name, self.values = name, values

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]


def test_the_order_of_calls():
    calls = []

    class Watch(Callback):
        def __getattribute__(self, name):
            if name.startswith("on_"):
                calls.append(name)
            return super().__getattribute__(name)

        def on_train_batch_begin(self, batch, logs=None): ...
        def on_train_batch_end(self, batch, logs=None):
            assert set(logs) == {"loss", "accuracy"}

        def on_test_batch_end(self, batch, logs=None): ...

    watch = Watch()
    fit(compiled(), watch, epochs=1, batch_size=48, validation_data=(X, Y), validation_batch_size=96)
    assert calls == [
        *("on_train_begin", "on_epoch_begin"),
        *("on_train_batch_begin", "on_train_batch_end") * 2,
        *("on_test_begin", "on_test_batch_end", "on_test_end", "on_epoch_end", "on_train_end"),
    ]
    assert watch.params["epochs"] == 1
    assert watch.params["steps"] == 2


def test_the_end_of_training_gets_the_last_logs_and_a_batch_of_predict_its_outputs():
    ends, outputs = [], []
    watch = callbacks.LambdaCallback(on_train_end=ends.append)
    watch.on_predict_batch_end = lambda batch, logs: outputs.append(logs["outputs"])
    model = compiled()
    history = fit(model, watch, epochs=2, validation_data=(X, Y))
    assert ends == [{name: values[-1] for name, values in history.history.items()}]
    predictions = model.predict(X, batch_size=40, verbose=0, callbacks=[watch])
    np.testing.assert_array_equal(np.concatenate(outputs), predictions)


def test_batch_logs_are_running_means():
    seen = []
    history = fit(
        compiled(), callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs)), epochs=1
    )
    assert len(seen) == 3
    assert seen[-1]["loss"] == history.history["loss"][0]
    with pytest.raises(ValueError, match="unknown hook of LambdaCallback 'on_epoch_ends': did you mean 'on_epoch_end'"):
        callbacks.LambdaCallback(on_epoch_ends=print)


def test_early_stopping_waits_and_restores():
    values = [5.0, 3.0, 4.0, 3.5, 1.0]
    weights = []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: weights.append(model.get_weights()))
    model = compiled()
    stop = callbacks.EarlyStopping("score", mode="min", patience=2, restore_best_weights=True)
    history = fit(model, Script("score", values), keep, stop, epochs=5)
    assert history.epoch == [0, 1, 2, 3]
    assert (stop.best_epoch, stop.stopped_epoch, stop.best) == (1, 3, 3.0)
    np.testing.assert_array_equal(model.get_weights()[0], weights[1][0])


def test_early_stopping_options():
    def epochs(values, **options):
        stop = callbacks.EarlyStopping("score", **{"mode": "min", **options})
        return len(fit(compiled(), Script("score", values), stop, epochs=len(values)).epoch)

    assert epochs([1.0, 0.95, 0.9, 0.85], min_delta=0.1) == 2
    assert epochs([1.0, 2.0, 3.0, 4.0], mode="max") == 4
    assert epochs([1.0, 2.0, 3.0, 4.0], mode="min", start_from_epoch=2) == 4
    assert epochs([5.0, 4.0, 3.0, 2.0], baseline=1.0, patience=9) == 4
    assert epochs([5.0, 4.0, 4.5, 2.0], baseline=1.0, patience=2) == 3
    with pytest.raises(ValueError, match="unknown mode 'best'"):
        callbacks.EarlyStopping(mode="best")


def test_a_monitor_that_is_not_logged_is_explained():
    with pytest.warns(UserWarning, match="'val_loss' is not among the logs accuracy, loss; fit needs validation data"):
        fit(compiled(), callbacks.EarlyStopping(), epochs=1)


def test_checkpoints(tmp_path):
    every = callbacks.ModelCheckpoint(tmp_path / "all" / "{epoch:02d}-{accuracy:.1f}.npz")
    best = callbacks.ModelCheckpoint(tmp_path / "best.npz", monitor="score", mode="min", save_best_only=True)
    steps = callbacks.ModelCheckpoint(tmp_path / "step.npz", save_freq=5, save_weights_only=True)
    model = compiled()
    kept = []
    watch = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()[0]))
    fit(model, Script("score", [3.0, 1.0, 2.0, 4.0]), every, best, steps, watch)
    assert [p.name[:2] for p in sorted((tmp_path / "all").iterdir())] == ["01", "02", "03", "04"]
    np.testing.assert_array_equal(np.load(tmp_path / "best.npz")["arr_0"], kept[1])
    assert (tmp_path / "step.npz").exists()
    with pytest.raises(KeyError, match="names 'val_los', but the logs are accuracy, loss"):
        fit(model, callbacks.ModelCheckpoint(tmp_path / "{val_los}.npz"))
    with pytest.raises(ValueError, match="save_freq must be 'epoch' or a positive number"):
        callbacks.ModelCheckpoint("x", save_freq="batch")


def test_learning_rate_scheduler():
    model = compiled(1.0)
    history = fit(model, callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2))
    assert history.history["learning_rate"] == [0.5, 0.25, 0.125, 0.0625]
    history = fit(model, callbacks.LearningRateScheduler(lambda epoch: 0.1 * (epoch + 1)), epochs=2)
    assert history.history["learning_rate"] == pytest.approx([0.1, 0.2])


def test_reduce_on_plateau():
    model = compiled(1.0)
    plateau = callbacks.ReduceLROnPlateau("score", mode="min", factor=0.5, patience=2, cooldown=1, min_lr=0.3)
    history = fit(model, Script("score", [3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]), plateau, epochs=8)
    assert history.history["learning_rate"] == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.3, 0.3]
    with pytest.raises(ValueError, match="factor must be below 1"):
        callbacks.ReduceLROnPlateau(factor=1.0)


@pytest.mark.parametrize("callback", [callbacks.LearningRateScheduler(lambda e: 0.1), callbacks.ReduceLROnPlateau()])
def test_a_schedule_is_not_thrown_away(callback):
    model = compiled(schedules.CosineDecay(0.1, 10))
    before = model.get_weights()
    with pytest.raises(
        TypeError, match=f"{type(callback).__name__}: the optimizer's learning_rate is a schedule, Cosine"
    ):
        fit(model, callback)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    model = compiled()
    fit(model, callbacks.CSVLogger(path), epochs=2)
    history = fit(model, callbacks.CSVLogger(path, append=True), epochs=3, initial_epoch=2)
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert float(rows[2]["loss"]) == history.history["loss"][0]


def test_csv_keeps_its_lines_when_training_fails(tmp_path):
    def fail(epoch, logs):
        if epoch == 1:
            raise RuntimeError

    path = tmp_path / "log.csv"
    with pytest.raises(RuntimeError):
        fit(compiled(), callbacks.CSVLogger(path), callbacks.LambdaCallback(on_epoch_begin=fail))
    assert len(path.read_text().splitlines()) == 2


def test_backup_goes_on_after_a_crash(tmp_path):
    def fail(epoch, logs):
        if epoch == 2:
            raise RuntimeError

    straight = compiled()
    fit(straight, epochs=4, shuffle=False)
    model = compiled()
    backup = callbacks.BackupAndRestore(tmp_path)
    with pytest.raises(RuntimeError):
        fit(model, backup, callbacks.LambdaCallback(on_epoch_begin=fail), epochs=4, shuffle=False)
    again = compiled()
    history = fit(again, callbacks.BackupAndRestore(tmp_path), epochs=4, shuffle=False)
    assert history.epoch == [2, 3]
    np.testing.assert_array_equal(again.get_weights()[0], straight.get_weights()[0])
    assert list(tmp_path.iterdir()) == []


def test_progress_off_a_terminal_is_one_line_an_epoch(capsys):
    compiled().fit(X, Y, epochs=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Epoch 1/2")
    for part in ("samples/s", "loss: ", "accuracy: "):
        assert part in lines[1]
    compiled().fit(X, Y, verbose=0)
    assert capsys.readouterr().out == ""


def test_progress_on_a_terminal_is_a_bar(capsys, monkeypatch):
    import sys

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    compiled().fit(X, Y, epochs=1)
    out = capsys.readouterr().out
    assert "3/3" in out
    assert "loss: " in out


def test_backup_keeps_state_with_its_weights_where_layers_thaw(tmp_path):
    def model():
        net = Sequential([Input((3,)), layers.Dense(3), layers.Dense(3)])
        net.set_weights([np.full(w.shape, 0.1, np.float32) for w in net.get_weights()])
        net.compile("adam", "mse")
        net.layers[0].trainable = False
        return net

    def thaw(net, fail_at=None):
        def begin(epoch, logs):
            if epoch == 1:
                net.layers[0].trainable = True
            if epoch == fail_at:
                raise RuntimeError

        return callbacks.LambdaCallback(on_epoch_begin=begin)

    x = np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)
    straight, broken, again = model(), model(), model()
    options = {"epochs": 4, "shuffle": False, "verbose": 0}
    straight.fit(x, x, callbacks=thaw(straight), **options)
    with pytest.raises(RuntimeError):
        broken.fit(x, x, callbacks=[callbacks.BackupAndRestore(tmp_path), thaw(broken, 3)], **options)
    again.layers[0].trainable = True
    again.fit(x, x, callbacks=callbacks.BackupAndRestore(tmp_path), **options)
    for a, b in zip(again.get_weights(), straight.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


class Batches:
    def __iter__(self):
        return iter([(X[:32], Y[:32]), (X[32:], Y[32:])])


@pytest.mark.parametrize("built", [False, True])
def test_backup_of_a_model_that_the_data_build(tmp_path, built):
    def model():
        random.seed(5)
        net = Sequential([layers.Dense(4, "relu"), layers.Dropout(0.5), layers.Dense(3)])
        net.compile(optimizers.Adam(0.05), losses.SparseCategoricalCrossentropy(from_logits=True))
        if built:
            net.build((None, 4))
        return net

    def run(net, *given, epochs=4):
        faster = callbacks.LearningRateScheduler(lambda epoch, rate: rate * 1.5)
        net.fit(Batches(), epochs=epochs, verbose=0, callbacks=[*given, faster])
        return net

    straight = run(model())
    run(model(), callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False), epochs=2)
    again = model()
    again.layers[1].seed_generator.state[:] = 7
    if built:
        again.set_weights([np.zeros(w.shape) for w in again.get_weights()])
    run(again, callbacks.BackupAndRestore(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert float(again.optimizer.learning_rate) == pytest.approx(float(straight.optimizer.learning_rate))
    for a, b in zip(again.get_weights(), straight.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_backup_that_cannot_be_restored_stays(tmp_path):
    def model():
        net = Sequential([layers.Dense(3)])
        net.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True))
        return net

    fit(model(), callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False), epochs=1)
    with pytest.warns(UserWarning, match="the model made no weights"):
        model().fit(Batches(), epochs=1, verbose=0, callbacks=callbacks.BackupAndRestore(tmp_path))
    assert (tmp_path / "latest.npz").exists()
    own = type("Own", (Sequential,), {"train_step": lambda self, data: {}})([layers.Dense(3)])
    own.compile("sgd")
    with pytest.raises(RuntimeError, match="call it on data, or build it, before fit"):
        own.fit(Batches(), epochs=2, verbose=0, callbacks=callbacks.BackupAndRestore(tmp_path))
