"""Inputs and outputs in dicts and nests, weights of samples and outputs, models inside of models."""

import keras
import numpy as np
from keras import layers, ops

rng = np.random.default_rng(0)
results = {}
inputs = {"a": keras.Input((3,), name="a"), "c": keras.Input((2,), name="c")}
x = layers.Concatenate()(list(inputs.values()))
out = {"p": layers.Dense(1, name="p")(x), "q": layers.Dense(2, activation="softmax", name="q")(x)}
m = keras.Model(inputs, out)
m.compile(
    "adam",
    {"p": "mse", "q": "categorical_crossentropy"},
    metrics={"p": ["mae"], "q": ["accuracy", keras.metrics.AUC()]},
    weighted_metrics={"p": "mse"},
    loss_weights={"p": 0.5, "q": 2.0},
)
d = {"a": rng.random((40, 3)), "c": rng.random((40, 2))}
t = {"p": rng.random((40, 1)), "q": keras.utils.to_categorical(rng.integers(0, 2, 40), 2)}
sw = {"p": rng.random(40), "q": rng.random(40)}
results["dict"] = m.fit(d, t, sample_weight=sw, epochs=2, verbose=0, batch_size=16, validation_data=(d, t, sw)).history
results["pred"] = m.predict(d, verbose=0)["q"].mean(axis=0)
results["ev"] = m.evaluate(d, t, return_dict=True, verbose=0)
results["evl"] = m.evaluate(d, t, verbose=0)


class Sub(keras.Model):
    def __init__(self, **kw):
        super().__init__(**kw)
        self.d1 = layers.Dense(4, activation="relu")
        self.d2 = layers.Dense(1)

    def call(self, inputs, training=None, mask=None):
        return self.d2(self.d1(ops.concatenate([inputs["u"], inputs["v"]], axis=-1)))


s = Sub()
s.compile("sgd", "mse")
dd = {"u": rng.random((20, 2)).astype("f"), "v": rng.random((20, 3)).astype("f")}
results["sub"] = s.fit(dd, rng.random(20), epochs=2, verbose=0).history["loss"]
s.save("s.keras")
s2 = keras.models.load_model("s.keras", custom_objects={"Sub": Sub})
results["s2"] = s2.predict(dd, verbose=0)[:2]


def gen():
    for i in range(4):
        yield {"u": dd["u"][:5], "v": dd["v"][:5]}, rng.random(5) * 0 + i


results["gen"] = s.fit(gen(), epochs=1, verbose=0).history["loss"]


class Clf(keras.Model):
    def __init__(self, num_classes=10):
        super().__init__(name="my_model")
        self.num_classes = num_classes
        self.dense_1 = layers.Dense(8, activation="relu")
        self.dense_2 = layers.Dense(num_classes, activation="sigmoid")

    def call(self, inputs):
        return self.dense_2(self.dense_1(inputs))

    def get_config(self):
        return {"num_classes": self.num_classes}


c = Clf(5)
c.compile(optimizer=keras.optimizers.RMSprop(0.001), loss="categorical_crossentropy", metrics=["accuracy"])
results["clf"] = c.fit(
    rng.random((32, 6)), keras.utils.to_categorical(rng.integers(0, 5, 32), 5), batch_size=8, epochs=2, verbose=0
).history
c.save_weights("c.weights.h5")
c2 = Clf(5)
c2.build((None, 6))
c2(np.zeros((1, 6)))
c2.load_weights("c.weights.h5")
results["same"] = float(np.abs(c2.predict(np.ones((1, 6)), verbose=0) - c.predict(np.ones((1, 6)), verbose=0)).max())
# Model with functional inside of subclass and layer reuse
base = keras.Sequential([keras.Input((6,)), layers.Dense(4, activation="relu")], name="base")


class Wrap(keras.Model):
    def __init__(self, base):
        super().__init__()
        self.base = base
        self.head = layers.Dense(3)

    def call(self, x, training=False):
        return self.head(self.base(x, training=training))


w = Wrap(base)
base.trainable = False
w.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["sparse_categorical_accuracy"])
results["wrap"] = [
    *w.fit(rng.random((30, 6)), rng.integers(0, 3, 30), class_weight={0: 1, 1: 2, 2: 0.5}, epochs=2, verbose=0).history[
        "loss"
    ],
    len(w.trainable_variables),
]
# autoencoders
ae_in = keras.Input(shape=(28 * 2,))
enc = layers.Dense(8, activation="relu", activity_regularizer=keras.regularizers.l1(1e-5))(ae_in)
dec = layers.Dense(56, activation="sigmoid")(enc)
ae = keras.Model(ae_in, dec)
encoder = keras.Model(ae_in, enc)
e_in = keras.Input((8,))
decoder = keras.Model(e_in, ae.layers[-1](e_in))
ae.compile(optimizer="adam", loss="binary_crossentropy")
X = rng.random((64, 56))
results["ae"] = ae.fit(X, X, epochs=2, batch_size=16, shuffle=True, validation_data=(X, X), verbose=0).history
results["dec"] = decoder.predict(encoder.predict(X[:2], verbose=0), verbose=0).mean()
# Lambda layers
i = keras.Input((4, 3))
l = layers.Lambda(lambda z: z**2)(i)
l = layers.Lambda(lambda z: ops.sum(z, axis=1), output_shape=(3,))(l)
l = layers.Lambda(lambda z, k: z * k, arguments={"k": 2.0})(l)
lm = keras.Model(i, l)
results["lam"] = lm.predict(np.ones((2, 4, 3)), verbose=0)


# multi-label with tf-idf like multi-hot
def vectorize_sequences(sequences, dimension=30):
    r = np.zeros((len(sequences), dimension))
    for k, s_ in enumerate(sequences):
        for j in s_:
            r[k, j] = 1.0
    return r


seqs = [rng.integers(0, 30, rng.integers(3, 9)).tolist() for _ in range(60)]
xt = vectorize_sequences(seqs)
yt = np.asarray(rng.integers(0, 2, 60)).astype("float32")
mm = keras.Sequential(
    [layers.Dense(16, activation="relu"), layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")]
)
mm.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
h = mm.fit(xt[20:], yt[20:], epochs=4, batch_size=16, validation_data=(xt[:20], yt[:20]), verbose=0)
results["imdb"] = h.history
results["k"] = sorted(h.history.keys())
print(h.epoch, h.params)
k = 4
sc = []
for f in range(k):
    mk = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(1)])
    mk.compile(optimizer="rmsprop", loss="mse", metrics=["mae"])
    mk.fit(xt[: 40 + f], yt[: 40 + f], epochs=1, batch_size=16, verbose=0)
    val_mse, val_mae = mk.evaluate(xt[40:], yt[40:], verbose=0)
    sc.append(val_mae)
results["kfold"] = sc
