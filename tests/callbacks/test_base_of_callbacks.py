"""Which hooks are called: of batches only those that a callback has."""

from __future__ import annotations

import pytest

from lamina.callbacks import Callback, LambdaCallback
from lamina.callbacks.base import Hooks, as_list


def called(callbacks, kind):
    """Whether the logs of a batch of this kind were asked for, and the batches that hooks met."""
    hooks = Hooks(callbacks, None, {"epochs": 1})
    asked = []
    hooks.batch_begin(kind, 3)
    hooks.batch_end(kind, 3, 8, lambda: asked.append(True) or {"loss": 1.0})
    return bool(asked)


@pytest.mark.parametrize("kind", ["train", "test", "predict"])
@pytest.mark.parametrize("side", ["begin", "end"])
@pytest.mark.parametrize("how", ["class", "object"])
@pytest.mark.parametrize("older", [False, True])
def test_hooks_of_batches(kind, side, how, older):
    seen = []
    name = f"on_batch_{side}" if older else f"on_{kind}_batch_{side}"
    if how == "class":
        callback = type("Own", (Callback,), {name: lambda self, batch, logs=None: seen.append((batch, logs))})()
    else:
        callback = Callback()
        setattr(callback, name, lambda batch, logs=None: seen.append((batch, logs)))
    listens = not older or kind == "train"  # Keras's older names are those of training
    assert called([callback], kind) == (listens and side == "end")
    assert seen == ([(3, {"loss": 1.0} if side == "end" else {})] if listens else [])


def test_a_callback_without_hooks_costs_nothing():
    assert not any(called([Callback(), LambdaCallback(on_epoch_end=print)], kind) for kind in ("train", "test"))


def test_lists_of_callbacks():
    one = Callback()
    assert as_list(None) == []
    assert as_list(one) == as_list([one]) == as_list((one,)) == as_list(iter([one])) == [one]
    for wrong in (3, "text", [3], [Callback]):
        with pytest.raises(TypeError, match="callbacks: expected Callback objects"):
            as_list(wrong)


def test_lambda_callbacks_leave_out_none():
    callback = LambdaCallback(on_epoch_begin=None, on_epoch_end=len)
    assert callback.on_epoch_end is len
    assert callback.on_epoch_begin(0) is None
