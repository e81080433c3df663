"""Metrics and losses by name, class and function, with weights."""

import keras
import numpy as np
from keras import layers, losses, metrics, ops

rng = np.random.default_rng(0)
results = {}
x = rng.normal(size=(80, 5)).astype("f")
yb = (x[:, 0] > 0).astype("f")
yc = rng.integers(0, 3, 80)
yo = keras.utils.to_categorical(yc, 3)


def m1(units, act):
    return keras.Sequential([keras.Input((5,)), layers.Dense(units, activation=act)])


METRICS = [
    metrics.BinaryCrossentropy(name="cross entropy"),
    metrics.MeanSquaredError(name="Brier score"),
    metrics.TruePositives(name="tp"),
    metrics.FalsePositives(name="fp"),
    metrics.TrueNegatives(name="tn"),
    metrics.FalseNegatives(name="fn"),
    metrics.BinaryAccuracy(name="accuracy"),
    metrics.Precision(name="precision"),
    metrics.Recall(name="recall"),
    metrics.AUC(name="auc"),
    metrics.AUC(name="prc", curve="PR"),
    metrics.PrecisionAtRecall(0.5),
    metrics.RecallAtPrecision(0.5),
    metrics.SensitivityAtSpecificity(0.5),
    metrics.SpecificityAtSensitivity(0.5),
    metrics.F1Score(threshold=0.5),
    metrics.FBetaScore(threshold=0.5),
    metrics.Hinge(),
    metrics.SquaredHinge(),
    metrics.LogCoshError(),
    metrics.RootMeanSquaredError(),
    metrics.KLDivergence(),
    metrics.Poisson(),
    metrics.CosineSimilarity(),
    metrics.MeanAbsolutePercentageError(),
    metrics.MeanSquaredLogarithmicError(),
    metrics.R2Score(),
    metrics.BinaryIoU([0, 1], 0.5),
]
m = m1(1, "sigmoid")
m.compile("adam", losses.BinaryCrossentropy(), metrics=METRICS)
results["bin"] = m.fit(x, yb[:, None], epochs=2, batch_size=20, verbose=0, class_weight={0: 1.0, 1: 3.0}).history
m = m1(3, "softmax")
m.compile(
    "adam",
    "categorical_crossentropy",
    metrics=[
        "accuracy",
        "categorical_accuracy",
        metrics.TopKCategoricalAccuracy(2),
        metrics.CategoricalCrossentropy(),
        metrics.CategoricalHinge(),
        metrics.F1Score(average="macro"),
        metrics.OneHotMeanIoU(3),
        metrics.Precision(class_id=1),
        metrics.Recall(top_k=1),
        "AUC",
        "mse",
        "Precision",
    ],
)
results["cat"] = m.fit(x, yo, epochs=2, batch_size=20, verbose=0).history
m = m1(3, "softmax")
m.compile(
    "adam",
    losses.SparseCategoricalCrossentropy(),
    metrics=[
        "acc",
        metrics.SparseCategoricalAccuracy(),
        metrics.SparseTopKCategoricalAccuracy(k=2),
        metrics.SparseCategoricalCrossentropy(),
    ],
    weighted_metrics=["accuracy"],
)
results["sparse"] = m.fit(x, yc, epochs=2, batch_size=20, verbose=0, sample_weight=rng.random(80)).history
for l in [
    "mse",
    "mae",
    "mape",
    "msle",
    "huber",
    "log_cosh",
    "hinge",
    "squared_hinge",
    "poisson",
    "kl_divergence",
    "cosine_similarity",
    "binary_focal_crossentropy",
    losses.Tversky(),
    losses.Dice(),
    losses.MeanSquaredError(reduction="sum"),
    losses.BinaryFocalCrossentropy(gamma=2.0),
    "binary_crossentropy",
    losses.Huber(delta=0.5),
    keras.losses.mean_squared_error,
    keras.losses.MeanAbsoluteError(name="own"),
]:
    m = m1(1, "sigmoid")
    m.compile("sgd", l, metrics=["mae"])
    results[str(l if isinstance(l, str) else len(results))] = m.fit(x, np.abs(yb)[:, None], epochs=2, verbose=0).history
mt = metrics.Mean()
mt.update_state([1.0, 3.0])
mt(5.0)
results["mean"] = float(mt.result())
mt.reset_state()
a = metrics.SparseCategoricalAccuracy()
a.update_state([2, 1], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]])
results["a"] = float(a.result())
acc = metrics.Accuracy()
acc.update_state([[1], [2], [3], [4]], [[0], [2], [3], [4]], sample_weight=[1, 1, 0, 0])
results["acc"] = float(acc.result())
mi = metrics.MeanIoU(num_classes=2)
mi.update_state([0, 0, 1, 1], [0, 1, 0, 1])
results["mi"] = float(mi.result())


def mean_pred(y_true, y_pred):
    return ops.mean(y_pred)


m = m1(1, "sigmoid")
m.compile("rmsprop", "binary_crossentropy", metrics=["accuracy", mean_pred])
results["mp"] = m.fit(x, yb, epochs=1, verbose=0).history
print(m.metrics_names, [mm.name for mm in m.metrics])


class F(keras.metrics.Metric):
    def __init__(self, **kw):
        super().__init__(**kw)
        self.p = self.add_weight(name="p", initializer="zeros")
        self.n = self.add_weight(name="n", shape=(), initializer="zeros", dtype="float32")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.cast(y_true, "bool")
        y_pred = ops.cast(
            ops.squeeze(y_pred > 0.5, -1) if len(y_pred.shape) > len(y_true.shape) else y_pred > 0.5, "bool"
        )
        v = ops.logical_and(ops.equal(y_true, True), ops.equal(y_pred, True))
        v = ops.cast(v, self.dtype)
        if sample_weight is not None:
            v = v * ops.broadcast_to(ops.cast(sample_weight, self.dtype), v.shape)
        self.p.assign(self.p + ops.sum(v))
        self.n.assign_add(1.0)

    def result(self):
        return self.p


m = m1(1, "sigmoid")
m.compile("rmsprop", "binary_crossentropy", metrics=[F(name="tp")])
results["F"] = m.fit(x, yb, epochs=2, verbose=0, batch_size=16).history
