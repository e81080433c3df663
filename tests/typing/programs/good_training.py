"""Training, with names, objects and functions; evaluate with and without metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import assert_type

import lamina as keras
from lamina import Tensor, callbacks, layers, losses, metrics, ops, optimizers

x = np.zeros((8, 4), "float32")
y = np.zeros((8,), "int64")
model = keras.Sequential([keras.Input((4,)), layers.Dense(3)], name="small")
keras.Sequential([layers.Dense(3, input_dim=4), layers.Dense(2, input_shape=(3,))])
model.compile(
    optimizer=optimizers.Adam(learning_rate=optimizers.schedules.ExponentialDecay(0.1, 10, 0.9), clipnorm=1.0),
    loss=losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy", metrics.SparseTopKCategoricalAccuracy(k=2, name="top2")],
)
history = model.fit(
    x,
    y,
    epochs=2,
    batch_size=4,
    validation_split=0.5,
    verbose=0,
    callbacks=[callbacks.EarlyStopping(patience=2), callbacks.ReduceLROnPlateau(factor=0.5)],
)
assert_type(history, callbacks.History)
print(history.history["loss"][-1], len(history.epoch))
loss, accuracy, top2 = model.evaluate(x, y, verbose=0)
print(loss + accuracy, top2)
assert_type(model.evaluate(x, y, return_dict=True), dict[str, float])
if model.evaluate(x, y, verbose=0) < 0.5 or model.train_on_batch(x, y)[0] < 0.5:
    print("done")
logits: NDArray[Any] = model.predict(x, verbose=0)
print(logits.argmax(axis=-1) == y)


def own_loss(y_true: Tensor, y_pred: Tensor) -> Tensor:
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


model.compile("sgd", own_loss, metrics=[metrics.MeanAbsoluteError(name="mae"), losses.Huber(0.5, "sum")])
optimizers.SGD(0.1, momentum=0.9, weight_decay=1e-4)
optimizers.AdamW(weight_decay=0.01, use_ema=True)
losses.Dice(axis=(1, 2), name="overlap")
metrics.PrecisionAtRecall(0.5, num_thresholds=100)
metrics.OneHotMeanIoU(num_classes=3, name="iou")
