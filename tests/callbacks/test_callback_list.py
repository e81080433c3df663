"""Callbacks as one, for training loops of one's own."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import callbacks, layers


def test_every_hook_reaches_every_callback_with_logs():
    hooks = [name for name in vars(callbacks.Callback) if name.startswith("on_") and "_batch" not in name[2:9]]
    seen = []

    def told(name):
        return lambda self, *args: seen.append((name, args[-1]))

    own = type("Own", (callbacks.Callback,), {name: told(name) for name in hooks})
    both = callbacks.CallbackList([own(), own()], epochs=1, steps=3)
    for name in hooks:
        getattr(both, name)(*([0] if "epoch" in name or "batch" in name else []))
    assert seen == [(name, {}) for name in hooks for _ in range(2)]


def test_batch_hooks_of_older_names_are_called_once():
    seen = []

    class Own(callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            seen.append((batch, logs))

    both = callbacks.CallbackList(Own())
    both.on_train_batch_end(3, {"loss": 1.0})
    both.on_batch_end(4)
    assert seen == [(3, {"loss": 1.0}), (4, {})]


def test_a_loop_of_ones_own(capsys):
    model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    stop = callbacks.EarlyStopping("loss", patience=0)
    hooks = callbacks.CallbackList(stop, add_history=True, add_progbar=True, model=model, epochs=4, steps=1)
    assert stop.model is model
    assert stop.params["epochs"] == 4
    hooks.append(callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print("epoch", epoch)))
    hooks.on_train_begin()
    for epoch in range(4):
        hooks.on_epoch_begin(epoch)
        hooks.on_train_batch_begin(0)
        hooks.on_train_batch_end(0, {"loss": 1.0})
        hooks.on_epoch_end(epoch, {"loss": 1.0})
        if model.stop_training:
            break
    hooks.on_train_end()
    assert model.history.history == {"loss": [1.0, 1.0]}
    said = capsys.readouterr().out
    assert "epoch 1" in said
    assert "loss: 1.0000" in said


def test_without_params_the_bar_counts_epochs(capsys):
    hooks = callbacks.CallbackList(add_progbar=True)
    hooks.on_epoch_begin(0)
    hooks.on_epoch_end(0, {"loss": np.float32(2)})
    assert "loss: 2.0000" in capsys.readouterr().out


def test_what_is_no_callback_is_refused():
    with pytest.raises(TypeError, match="expected Callback objects, got 'x'"):
        callbacks.CallbackList().append("x")


@pytest.mark.parametrize("kind", ["EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint", "LearningRateScheduler"])
def test_verbose_may_be_true(kind):
    first = {"ModelCheckpoint": ["m.keras"], "LearningRateScheduler": [lambda epoch: 0.1]}.get(kind, [])
    assert getattr(callbacks, kind)(*first, verbose=True).verbose
