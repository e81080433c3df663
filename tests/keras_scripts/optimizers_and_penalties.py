"""All optimizers, schedules, regularizers, constraints, initializers by name and class."""

import keras
import numpy as np
from keras import constraints, initializers, layers, regularizers
from keras.optimizers import (
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    Muon,
    Nadam,
    RMSprop,
)
from keras.optimizers.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)

rng = np.random.default_rng(0)
x = rng.normal(size=(64, 6)).astype("f")
y = (x[:, 0] * 2 - x[:, 1]).astype("f")
results = {}


def net(**kw):
    return keras.Sequential([keras.Input((6,)), layers.Dense(8, activation="tanh", **kw), layers.Dense(1)])


for opt in [
    SGD(0.1),
    SGD(0.1, momentum=0.9),
    SGD(0.05, momentum=0.9, nesterov=True),
    RMSprop(0.01, rho=0.9, momentum=0.5, centered=True),
    Adam(0.01, amsgrad=True),
    AdamW(0.01, weight_decay=0.01),
    Adadelta(1.0),
    Adagrad(0.1),
    Adamax(0.01),
    Nadam(0.01),
    Ftrl(0.1),
    Lion(0.01),
    Adafactor(0.01),
    Lamb(0.01),
    Adam(0.01, clipnorm=0.5),
    Adam(0.01, clipvalue=0.1),
    Adam(0.01, global_clipnorm=0.3),
    Adam(0.01, use_ema=True, ema_momentum=0.9),
    Adam(0.01, gradient_accumulation_steps=2),
    SGD(0.01, weight_decay=1e-2),
]:
    m = net()
    m.compile(optimizer=opt, loss="mse")
    k = opt.__class__.__name__ + str(len(results))
    results[k] = m.fit(x, y, epochs=3, batch_size=16, verbose=0).history["loss"]
for name in [
    "sgd",
    "rmsprop",
    "adam",
    "adamw",
    "adadelta",
    "adagrad",
    "adamax",
    "nadam",
    "ftrl",
    "lion",
    "adafactor",
    "Adam",
    "SGD",
]:
    m = net()
    m.compile(optimizer=name, loss="mean_squared_error")
    results[name] = m.fit(x, y, epochs=1, verbose=0).history["loss"]
for s in [
    ExponentialDecay(0.1, 4, 0.5),
    ExponentialDecay(0.1, 4, 0.5, staircase=True),
    PiecewiseConstantDecay([4, 8], [0.1, 0.05, 0.01]),
    PolynomialDecay(0.1, 10, 0.01, power=2.0),
    InverseTimeDecay(0.1, 4, 0.5),
    CosineDecay(0.1, 10, warmup_target=0.2, warmup_steps=3),
    CosineDecayRestarts(0.1, 4),
]:
    opt = SGD(learning_rate=s)
    m = net()
    m.compile(opt, "mse")
    results[s.__class__.__name__ + str(len(results))] = [
        *m.fit(x, y, epochs=3, batch_size=16, verbose=0).history["loss"],
        float(s(5)),
        float(opt.learning_rate),
    ]


class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, initial_learning_rate, warmup):
        self.initial_learning_rate = initial_learning_rate
        self.warmup = warmup

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        return self.initial_learning_rate * keras.ops.minimum((step + 1) / self.warmup, 1.0)

    def get_config(self):
        return {"initial_learning_rate": self.initial_learning_rate, "warmup": self.warmup}


m = net()
m.compile(Adam(WarmUp(0.05, 6)), "mse")
results["warm"] = m.fit(x, y, epochs=3, batch_size=16, verbose=0).history["loss"]


class L2Own(regularizers.Regularizer):
    def __init__(self, l2=0.0):
        self.l2 = l2

    def __call__(self, w):
        return self.l2 * keras.ops.sum(keras.ops.square(w))

    def get_config(self):
        return {"l2": float(self.l2)}


class NonNegOwn(constraints.Constraint):
    def __call__(self, w):
        return w * keras.ops.cast(w >= 0.0, w.dtype)


class OwnInit(initializers.Initializer):
    def __init__(self, value):
        self.value = value

    def __call__(self, shape, dtype=None, **kwargs):
        return keras.ops.full(shape, self.value, dtype=dtype)

    def get_config(self):
        return {"value": self.value}


def my_init(shape, dtype=None):
    return keras.ops.ones(shape, dtype=dtype) * 0.1


def my_l1(w):
    return 0.01 * keras.ops.sum(keras.ops.abs(w))


def my_pos(w):
    return keras.ops.where(w < 0.0, keras.ops.zeros_like(w), w)


def my_softplus(z):
    return keras.ops.log(1.0 + keras.ops.exp(z))


for kw in [
    dict(kernel_regularizer=regularizers.l1(0.01)),
    dict(kernel_regularizer=regularizers.L2(0.01), bias_regularizer="l2"),
    dict(kernel_regularizer=regularizers.l1_l2(l1=0.01, l2=0.01)),
    dict(activity_regularizer=regularizers.l2(0.01)),
    dict(kernel_regularizer=L2Own(0.02)),
    dict(kernel_constraint=NonNegOwn()),
    dict(kernel_constraint=constraints.max_norm(0.5)),
    dict(kernel_constraint=constraints.UnitNorm(axis=0)),
    dict(kernel_constraint="non_neg"),
    dict(kernel_constraint=constraints.MinMaxNorm(0.1, 0.5)),
    dict(kernel_initializer=OwnInit(0.3)),
    dict(kernel_initializer=my_init, kernel_regularizer=my_l1, kernel_constraint=my_pos),
    dict(kernel_regularizer=regularizers.OrthogonalRegularizer(0.01)),
    dict(kernel_initializer="he_normal", bias_initializer="ones"),
    dict(kernel_initializer=initializers.Constant(0.2)),
    dict(kernel_initializer="zeros"),
]:
    m = net(**kw)
    m.compile("sgd", "mse")
    results[str(len(results))] = m.fit(x, y, epochs=2, batch_size=16, verbose=0).history["loss"]
    [float(l) for l in m.losses]
m = keras.Sequential(
    [
        keras.Input((6,)),
        layers.Dense(
            5, activation=my_softplus, kernel_initializer=my_init, kernel_regularizer=my_l1, kernel_constraint=my_pos
        ),
        layers.Dense(1),
    ]
)
m.compile("nadam", "huber", metrics=["mae"])
results["geron"] = m.fit(x, y, epochs=2, verbose=0).history
m.save("m.keras")
m = keras.models.load_model(
    "m.keras", custom_objects={"my_l1": my_l1, "my_pos": my_pos, "my_init": my_init, "my_softplus": my_softplus}
)
results["geron2"] = m.fit(x, y, epochs=2, verbose=0).history


def huber_fn(y_true, y_pred):
    error = y_true - y_pred
    is_small_error = keras.ops.abs(error) < 1
    return keras.ops.where(is_small_error, keras.ops.square(error) / 2, keras.ops.abs(error) - 0.5)


m.compile(loss=huber_fn, optimizer="nadam")
results["hub"] = m.fit(x, y, epochs=2, verbose=0).history["loss"]
m.save("h.keras")
m = keras.models.load_model(
    "h.keras",
    custom_objects={
        "huber_fn": huber_fn,
        "my_l1": my_l1,
        "my_pos": my_pos,
        "my_init": my_init,
        "my_softplus": my_softplus,
    },
)


def create_huber(threshold=1.0):
    def huber_fn(y_true, y_pred):
        error = y_true - y_pred
        return keras.ops.where(
            keras.ops.abs(error) < threshold,
            keras.ops.square(error) / 2,
            threshold * keras.ops.abs(error) - threshold**2 / 2,
        )

    return huber_fn


m.compile(loss=create_huber(2.0), optimizer="nadam", metrics=[create_huber(2.0)])
results["hub2"] = m.fit(x, y, epochs=2, verbose=0).history


class HuberMetric(keras.metrics.Mean):
    def __init__(self, threshold=1.0, name="HuberMetric", dtype=None):
        self.threshold = threshold
        self.huber_fn = create_huber(threshold)
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        metric = self.huber_fn(y_true, y_pred)
        super().update_state(metric, sample_weight)

    def get_config(self):
        base_config = super().get_config()
        return {**base_config, "threshold": self.threshold}


m.compile(
    loss=keras.losses.Huber(2.0),
    optimizer="nadam",
    weighted_metrics=[HuberMetric(2.0)],
    metrics=[HuberMetric(1.0, name="h1")],
)
results["hm"] = m.fit(x, y, epochs=2, verbose=0, sample_weight=np.ones(64)).history
m.optimizer.learning_rate = 0.001
m.optimizer.learning_rate.assign(0.002) if hasattr(m.optimizer.learning_rate, "assign") else None
results["lr"] = float(m.optimizer.learning_rate)
print(m.optimizer.get_config()["name"], m.optimizer.iterations)
results["it"] = int(m.optimizer.iterations)
cfg = keras.optimizers.serialize(Adam(0.3))
results["cfg"] = float(keras.optimizers.deserialize(cfg).learning_rate)
