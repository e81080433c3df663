"""Checkpoints, schedules, early stopping, and logs that a callback changes."""

import os

import keras
import numpy as np
from keras import callbacks, layers

rng = np.random.default_rng(0)
X = rng.random((60, 5)).astype("f")
Y = (X.sum(1) > 2.5).astype("f")
results = {}


def build():
    m = keras.Sequential([keras.Input((5,)), layers.Dense(6, activation="relu"), layers.Dense(1, activation="sigmoid")])
    m.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return m


fp = "weights-improvement-{epoch:02d}-{val_accuracy:.2f}.keras"
cp = callbacks.ModelCheckpoint(fp, monitor="val_accuracy", verbose=1, save_best_only=True, mode="max")
m = build()
h = m.fit(X, Y, validation_split=0.33, epochs=3, batch_size=10, callbacks=[cp], verbose=0)
results["cp"] = h.history
results["files"] = len([f for f in os.listdir(".") if f.startswith("weights-")]) > 0


def step_decay(epoch):
    return 0.1 * 0.5 ** np.floor((1 + epoch) / 2)


m = build()
m.compile(
    loss="binary_crossentropy", optimizer=keras.optimizers.SGD(learning_rate=0.0, momentum=0.9), metrics=["accuracy"]
)
h = m.fit(X, Y, epochs=4, callbacks=[callbacks.LearningRateScheduler(step_decay, verbose=1)], verbose=2)
results["lrs"] = h.history
m = build()
es = callbacks.EarlyStopping(monitor="val_loss", mode="min", verbose=1, patience=2, baseline=None, start_from_epoch=1)
h = m.fit(X, Y, validation_data=(X, Y), epochs=5, verbose=0, callbacks=[es])
results["es"] = [es.stopped_epoch, len(h.epoch)]
m = build()
h = m.fit(X, Y, validation_split=0.2, epochs=5, initial_epoch=2, verbose=0, validation_freq=1, batch_size=10)
results["ie"] = [h.epoch, h.history]


class Pred(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.p = []
        self.params_seen = None

    def on_train_begin(self, logs=None):
        self.params_seen = sorted(self.params)

    def on_epoch_end(self, epoch, logs={}):
        self.p.append(float(self.model.predict(X[:4], verbose=0).mean()))
        logs["extra"] = 1.0
        self.model.layers[0].get_weights()[0]
        keys = list(logs.keys())
        print("End epoch {} of training; got log keys: {}".format(epoch, keys))


pr = Pred()
m = build()
h = m.fit(X, Y, epochs=2, callbacks=[pr], verbose=0)
results["pr"] = pr.p
results["hk"] = sorted(h.history)
print_cb = callbacks.LambdaCallback(
    on_epoch_begin=lambda epoch, logs: print(epoch),
    on_train_end=lambda logs: print("end"),
    on_train_batch_end=lambda batch, logs: None,
)
m = build()
m.fit(X, Y, epochs=1, callbacks=[print_cb, callbacks.ProgbarLogger()], verbose=1)
m = build()
h = m.fit(X, Y, epochs=2, verbose=1, callbacks=[callbacks.TerminateOnNaN()])
m.optimizer.learning_rate.assign(0.5)
results["lr"] = float(m.optimizer.learning_rate.numpy())
m.stop_training = False
ck = callbacks.ModelCheckpoint("last.weights.h5", save_weights_only=True, save_freq=3)
m.fit(X, Y, epochs=1, batch_size=10, verbose=0, callbacks=[ck])
m2 = build()
m2.load_weights("last.weights.h5")
results["ck"] = os.path.exists("last.weights.h5")
ema = build()
ema.compile(keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5), "binary_crossentropy", metrics=["accuracy"])
results["ema"] = ema.fit(
    X,
    Y,
    epochs=2,
    batch_size=20,
    verbose=0,
    validation_data=(X, Y),
    callbacks=[callbacks.SwapEMAWeights(swap_on_epoch=True)],
).history
