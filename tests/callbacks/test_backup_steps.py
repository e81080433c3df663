"""BackupAndRestore by steps and with the backup before; TerminateOnNaN as an error; LambdaCallback's arguments."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Input, Sequential, callbacks, layers

X = np.linspace(0, 1, 16, dtype=np.float32).reshape(8, 2)


def compiled():
    model = Sequential([Input((2,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    return model


def fit(model, *given):
    model.fit(X, X[:, :1], batch_size=1, shuffle=False, verbose=0, callbacks=[*given])


def stop_at(step):
    def stop(batch, logs):
        if batch == step:
            raise RuntimeError("killed")

    return callbacks.LambdaCallback(on_train_batch_begin=stop)


def test_backups_by_steps_and_the_one_before(tmp_path):
    kept = []
    model = compiled()
    watch = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: kept.append(model.get_weights()[0]))
    with pytest.raises(RuntimeError, match="killed"):
        fit(model, watch, callbacks.BackupAndRestore(tmp_path, save_freq=2, double_checkpoint=True), stop_at(5))
    assert {p.name for p in tmp_path.iterdir()} == {"latest.npz", "previous.npz"}
    seen, epochs = [], []

    def run(again):
        look = callbacks.LambdaCallback(
            on_train_begin=lambda logs: seen.append(again.get_weights()[0]),
            on_epoch_begin=lambda epoch, logs: epochs.append(epoch),
        )
        options = {"save_freq": 100, "double_checkpoint": True, "delete_checkpoint": len(seen) > 0}
        fit(again, callbacks.BackupAndRestore(tmp_path, **options), look)

    run(compiled())
    np.testing.assert_array_equal(seen[0], kept[3])
    (tmp_path / "latest.npz").write_bytes(b"damaged")
    run(compiled())
    np.testing.assert_array_equal(seen[1], kept[1])
    assert epochs == [0, 0]  # the epoch begins anew
    assert not list(tmp_path.iterdir())


def test_a_damaged_backup_without_one_before_is_an_error(tmp_path):
    (tmp_path / "latest.npz").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="is no whole backup"):
        fit(compiled(), callbacks.BackupAndRestore(tmp_path, double_checkpoint=True))
    for wrong in (0, True, "step", 1.5):
        with pytest.raises(ValueError, match="save_freq must be 'epoch' or a positive number of steps"):
            callbacks.BackupAndRestore(tmp_path, save_freq=wrong)


def test_a_loss_that_is_no_number_may_be_an_error(tmp_path):
    x = np.full((4, 2), np.inf, np.float32)
    strict = [callbacks.BackupAndRestore(tmp_path, save_freq=1), callbacks.TerminateOnNaN(raise_error=True)]
    with (
        pytest.warns(UserWarning, match="the loss is nan"),
        pytest.raises(RuntimeError, match="TerminateOnNaN: the loss of batch 0 is"),
    ):
        compiled().fit(x, x[:, :1], verbose=0, callbacks=strict)
    assert list(tmp_path.iterdir())
    with pytest.warns(UserWarning, match="the loss is nan"):
        compiled().fit(x, x[:, :1], verbose=0, callbacks=callbacks.TerminateOnNaN())


def test_a_lambda_callback_takes_functions_alone():
    with pytest.raises(TypeError, match="LambdaCallback: on_epoch_end must be a function, got 3"):
        callbacks.LambdaCallback(on_epoch_end=3)
    seen = []
    fit(compiled(), callbacks.LambdaCallback(lambda epoch, logs: seen.append("begin"), on_train_end=seen.append))
    assert seen[0] == "begin"
    assert len(seen) == 2
