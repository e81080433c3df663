"""Train_on_batch loops: GAN by train_on_batch, Q-learning with target network, LR finder."""

from collections import deque

import keras
import numpy as np
from keras import layers, models, ops, optimizers

rng = np.random.default_rng(0)
results = {}
g = models.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(2, activation="linear")])
d = models.Sequential(
    [
        keras.Input((2,)),
        layers.Dense(8, activation="relu", kernel_initializer="he_uniform"),
        layers.Dense(1, activation="sigmoid"),
    ]
)
d.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
d.trainable = False
gan = models.Sequential()
gan.add(g)
gan.add(d)
gan.compile(loss="binary_crossentropy", optimizer="adam")
hist = []
for i in range(5):
    xr = rng.random((16, 2))
    noise = rng.normal(size=(16, 4))
    xf = g.predict(noise, verbose=0)
    d.trainable = True
    a = d.train_on_batch(xr, np.ones((16, 1)))
    b = d.train_on_batch(xf, np.zeros((16, 1)))
    d.trainable = False
    c = gan.train_on_batch(noise, np.ones((16, 1)))
    hist.append([float(np.ravel(a)[0]), float(np.ravel(b)[0]), float(np.ravel(c)[0])])
results["gan"] = hist


def build():
    m = models.Sequential(
        [keras.Input((4,)), layers.Dense(16, activation="relu"), layers.Dense(2, activation="linear")]
    )
    m.compile(loss="mse", optimizer=optimizers.Adam(learning_rate=0.001))
    return m


q, target = build(), build()
target.set_weights(q.get_weights())
memory = deque(maxlen=100)
losses = []
state = rng.normal(size=4)
for step in range(30):
    act = int(np.argmax(q.predict(state[np.newaxis], verbose=0)[0])) if step % 3 else int(rng.integers(2))
    nxt = rng.normal(size=4)
    memory.append((state, act, float(nxt.sum()), nxt, step % 7 == 0))
    state = nxt
    if len(memory) >= 8 and step % 5 == 0:
        batch = [memory[i] for i in range(8)]
        s = np.array([b[0] for b in batch])
        ns = np.array([b[3] for b in batch])
        t = q.predict(s, verbose=0)
        nq = target.predict(ns, verbose=0)
        for j, (_, a, r, _, done) in enumerate(batch):
            t[j, a] = r if done else r + 0.9 * np.max(nq[j])
        h = q.fit(s, t, epochs=1, verbose=0)
        losses.append(h.history["loss"][0])
        target.set_weights([0.9 * w1 + 0.1 * w2 for w1, w2 in zip(target.get_weights(), q.get_weights())])
results["q"] = losses
q_table = q(np.ones((1, 4)))
results["qv"] = ops.convert_to_numpy(q_table)


class ExponentialLearningRate(keras.callbacks.Callback):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor
        self.rates = []
        self.losses = []
        self.prev = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.sum_of = 0

    def on_batch_end(self, batch, logs=None):
        mean = logs["loss"]
        new_sum = mean * (batch + 1)
        bl = new_sum - self.sum_of
        self.sum_of = new_sum
        lr = float(ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self.rates.append(lr)
        self.losses.append(bl)
        self.model.optimizer.learning_rate = lr * self.factor


m = build()
cb = ExponentialLearningRate(1.1)
X = rng.normal(size=(64, 4))
Y = rng.normal(size=(64, 2))
m.fit(X, Y, epochs=1, batch_size=8, callbacks=[cb], verbose=0)
results["rates"] = cb.rates
results["bl"] = cb.losses


class OneCycle(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        self.model.optimizer.learning_rate.assign(0.001 * (batch + 1))


m = build()
results["onecycle"] = m.fit(X, Y, epochs=2, batch_size=16, callbacks=[OneCycle()], verbose=0).history["loss"]
m = build()
results["dict"] = m.train_on_batch(X[:8], Y[:8], return_dict=True)
m.reset_metrics()
results["sw"] = m.train_on_batch(X[:8], Y[:8], sample_weight=np.linspace(0, 1, 8))
