"""Every hook of a callback, and Keras's own callbacks together."""

import csv

import keras
import numpy as np
from keras import callbacks, layers

called = []


class CustomCallback(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        called.append("train begin")

    def on_train_end(self, logs=None):
        called.append("train end: " + ",".join(sorted(logs)))

    def on_epoch_begin(self, epoch, logs=None):
        called.append(f"epoch {epoch} begin")

    def on_epoch_end(self, epoch, logs=None):
        called.append(f"epoch {epoch} end: " + ",".join(sorted(logs)))

    def on_test_begin(self, logs=None):
        called.append("test begin")

    def on_test_end(self, logs=None):
        called.append("test end: " + ",".join(sorted(logs)))

    def on_predict_begin(self, logs=None):
        called.append("predict begin")

    def on_predict_end(self, logs=None):
        called.append("predict end")

    def on_train_batch_begin(self, batch, logs=None):
        called.append(f"batch {batch} begin")

    def on_train_batch_end(self, batch, logs=None):
        called.append(f"batch {batch} end: " + ",".join(sorted(logs)))

    def on_test_batch_begin(self, batch, logs=None):
        called.append(f"test batch {batch} begin")

    def on_test_batch_end(self, batch, logs=None):
        called.append(f"test batch {batch} end: " + ",".join(sorted(logs)))

    def on_predict_batch_begin(self, batch, logs=None):
        called.append(f"predict batch {batch} begin")

    def on_predict_batch_end(self, batch, logs=None):
        called.append(f"predict batch {batch} end: " + ",".join(sorted(logs)))


class LearningRateNotes(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.rates = []

    def on_epoch_begin(self, epoch, logs=None):
        self.rates.append(float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)))


class EarlyStoppingAtMinLoss(keras.callbacks.Callback):
    def __init__(self, patience=0):
        super().__init__()
        self.patience = patience
        self.best_weights = None

    def on_train_begin(self, logs=None):
        self.wait = 0
        self.stopped_epoch = 0
        self.best = np.inf

    def on_epoch_end(self, epoch, logs=None):
        current = logs.get("loss")
        if np.less(current, self.best):
            self.best = current
            self.wait = 0
            self.best_weights = self.model.get_weights()
        else:
            self.wait += 1
            if self.wait >= self.patience:
                self.stopped_epoch = epoch
                self.model.stop_training = True
                self.model.set_weights(self.best_weights)


def get_model():
    model = keras.Sequential([keras.Input((5,)), layers.Dense(8, activation="tanh"), layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.RMSprop(learning_rate=0.05), loss="mse", metrics=["mae"])
    return model


rng = np.random.default_rng(4)
x = rng.normal(size=(64, 5)).astype("float32")
y = (x[:, :1] * x[:, 1:2]).astype("float32")

results = {}
model = get_model()
model.fit(x[:32], y[:32], epochs=2, batch_size=16, verbose=0, validation_split=0.5, callbacks=[CustomCallback()])
model.evaluate(x, y, batch_size=32, verbose=0, callbacks=[CustomCallback()])
model.predict(x, batch_size=32, verbose=0, callbacks=[CustomCallback()])
results["called"] = called


def schedule(epoch, lr):
    return lr if epoch < 2 else lr * 0.5


seen = []
notes = LearningRateNotes()
model = get_model()
history = model.fit(
    x,
    y,
    epochs=8,
    batch_size=16,
    validation_data=(x[:16], y[:16]),
    verbose=0,
    callbacks=[
        callbacks.LearningRateScheduler(schedule),
        notes,
        callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs["val_loss"])),
        callbacks.CSVLogger("log.csv", separator=",", append=False),
        callbacks.ModelCheckpoint("best.keras", monitor="val_loss", save_best_only=True, verbose=1),
        callbacks.ModelCheckpoint("epoch-{epoch:02d}-{val_loss:.2f}.weights.h5", save_weights_only=True),
        callbacks.TerminateOnNaN(),
        callbacks.BackupAndRestore("backup"),
    ],
)
results["scheduled"] = history.history
results["rates"] = notes.rates
results["seen"] = seen
with open("log.csv") as file:
    rows = list(csv.DictReader(file))
results["columns"] = list(rows[0])
results["csv_loss"] = [float(row["loss"]) for row in rows]
best = keras.models.load_model("best.keras")
results["best"] = best.evaluate(x[:16], y[:16], verbose=0)

model = get_model()
history = model.fit(
    x,
    y,
    epochs=30,
    batch_size=16,
    validation_split=0.25,
    verbose=0,
    callbacks=[
        callbacks.EarlyStopping(monitor="val_loss", patience=3, min_delta=1e-3, restore_best_weights=True),
        callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=1, min_lr=1e-4),
    ],
)
results["plateau"] = history.history
results["restored"] = model.evaluate(x, y, verbose=0)

model = get_model()
history = model.fit(x, y, epochs=30, batch_size=64, verbose=0, callbacks=[EarlyStoppingAtMinLoss(patience=1)])
results["at_min_loss"] = history.history["loss"]
