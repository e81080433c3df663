"""Hooks before and after batches, with steps_per_execution of compile."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Input, Sequential, callbacks, layers

X, Y = np.ones((20, 4), "f"), np.ones((20, 1), "f")


def compiled(**options):
    model = Sequential([Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse", **options)
    return model


def test_callbacks_see_every_third_batch():
    class Seen(callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.calls = []

        def on_train_batch_begin(self, batch, logs=None):
            self.calls.append(("begin", batch))

        def on_train_batch_end(self, batch, logs=None):
            self.calls.append(("end", batch, int(self.model.optimizer.iterations)))

        def on_test_batch_end(self, batch, logs=None):
            self.calls.append(("test", batch))

        def on_predict_batch_end(self, batch, logs=None):
            self.calls.append(("predict", batch))

    seen, model = Seen(), compiled(steps_per_execution=3)
    size = len(X) // 5
    model.fit(X[: 5 * size], Y[: 5 * size], batch_size=size, verbose=0, callbacks=[seen])
    assert seen.calls == [("begin", 0), ("end", 2, 3), ("begin", 3), ("end", 4, 5)]
    seen.calls.clear()
    model.evaluate(X[: 4 * size], Y[: 4 * size], batch_size=size, verbose=0, callbacks=[seen])
    model.predict(X[: 3 * size], batch_size=size, verbose=0, callbacks=[seen])
    assert seen.calls == [("test", 2), ("test", 3), ("predict", 2)]
    assert model.get_compile_config()["steps_per_execution"] == 3
    for wrong in (0, -1):
        with pytest.raises(ValueError, match=f"steps_per_execution must be a positive integer or 'auto', got {wrong}"):
            compiled(steps_per_execution=wrong)
