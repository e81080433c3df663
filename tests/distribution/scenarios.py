"""Trainings that must mean the same alone and on any number of processes; rank_program.py and the tests run them.

Each gives what it trained as {name: array or list}.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import lamina
from lamina import layers, ops

Found = dict[str, Any]
SCENARIOS: dict[str, Callable[[], Found]] = {}
Layers = list[Any]


def scenario(function: Callable[[], Found]) -> Callable[[], Found]:
    SCENARIOS[function.__name__] = function
    return function


def rows(n: int = 45, width: int = 6, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, width)).astype(np.float32), rng.integers(0, 3, n)


def images(n: int = 24, size: int = 8) -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    return rng.random((n, size, size, 2)).astype(np.float32), rng.integers(0, 3, n)


def trained(
    model: Any, *data: Any, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **options: Any
) -> Found:
    compiled = {k: options.pop(k) for k in ("run_eagerly", "weighted_metrics", "loss_weights") if k in options}
    model.compile(optimizer, loss or "sparse_categorical_crossentropy", metrics=metrics, **compiled)
    options = {"batch_size": 10, "epochs": 2, "verbose": 0} | options
    history = model.fit(*data, **options).history
    found = {f"history/{name}": values for name, values in history.items()}
    return found | {f"weight/{i}": w for i, w in enumerate(model.get_weights())}


def classifier(*hidden: Any, inputs: Any = (6,)) -> Any:
    return lamina.Sequential([lamina.Input(inputs), *hidden, layers.Dense(3, "softmax")])


@scenario
def plain() -> Found:
    model = classifier(layers.Dense(16, "relu"))
    found = trained(model, *rows(), metrics=["accuracy"], validation_split=0.2)
    x, y = rows(seed=4)
    return found | {"evaluate": model.evaluate(x, y, batch_size=10, verbose=0), "predict": model.predict(x, verbose=0)}


@scenario
def dropout_and_noise() -> Found:
    hidden = [layers.Dense(16, "relu"), layers.Dropout(0.3, seed=1), layers.GaussianNoise(0.1, seed=2),
              layers.AlphaDropout(0.1, seed=3), layers.GaussianDropout(0.1, seed=4)]  # fmt: skip
    return trained(classifier(*hidden), *rows(), optimizer="sgd")


@scenario
def dropped_together() -> Found:
    hidden = [layers.Conv2D(4, 3), layers.SpatialDropout2D(0.3, seed=1), layers.Dropout(0.3, (1, 3, 1, 1), seed=2),
              layers.Flatten(), layers.DropPath(0.2, seed=3)]  # fmt: skip
    return trained(classifier(*hidden, inputs=(5, 5, 2)), *images(size=5), optimizer="sgd")


@scenario
def random_images() -> Found:
    hidden = [layers.RandomFlip(seed=1), layers.RandomRotation(0.1, seed=2),
              layers.RandomBrightness(0.2, (0, 1), seed=3),
              layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D()]  # fmt: skip
    return trained(classifier(*hidden, inputs=(8, 8, 2)), *images(), optimizer="sgd")


@scenario
def synchronized_statistics() -> Found:
    hidden = [layers.Conv2D(4, 3), layers.BatchNormalization(synchronized=True, momentum=0.8), layers.ReLU(),
              layers.Flatten(), layers.Dense(5), layers.BatchNormalization(synchronized=True)]  # fmt: skip
    return trained(classifier(*hidden, inputs=(8, 8, 2)), *images(), optimizer="sgd")


@scenario
def weights_and_classes() -> Found:
    x, y = rows()
    weight = np.random.default_rng(2).random(len(x)).astype(np.float32)
    return trained(
        classifier(layers.Dense(8, kernel_regularizer="l2", activity_regularizer="l1")), x, y,
        sample_weight=weight, class_weight={0: 1.0, 1: 2.0, 2: 0.5}, weighted_metrics=["accuracy"],
    )  # fmt: skip


@scenario
def sums() -> Found:
    loss = lamina.losses.SparseCategoricalCrossentropy(reduction="sum")
    hidden = layers.Dense(8, "relu", kernel_regularizer="l2")
    return trained(classifier(hidden), *rows(), loss=loss, optimizer=lamina.optimizers.SGD(0.01))


@scenario
def means_by_weight() -> Found:
    loss = lamina.losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight", ignore_class=1)
    x, y = rows()
    weight = np.random.default_rng(2).random(len(x)).astype(np.float32)
    return trained(classifier(layers.Dense(8, "relu")), x, y, sample_weight=weight, loss=loss, optimizer="sgd")


@scenario
def masks() -> Found:
    rng = np.random.default_rng(3)
    x = rng.integers(1, 9, (30, 7))
    x[np.arange(7) >= rng.integers(2, 8, 30)[:, None]] = 0
    model = lamina.Sequential(
        [lamina.Input((7,), dtype="int64"), layers.Embedding(9, 5, mask_zero=True),
         layers.LSTM(6, return_sequences=True), layers.Dense(4, "softmax")]
    )  # fmt: skip
    return trained(model, x, rng.integers(0, 4, (30, 7)), metrics=["accuracy"])


@scenario
def attention_with_dropout() -> Found:
    inputs = lamina.Input((5, 8))
    x = layers.MultiHeadAttention(2, 4, dropout=0.2, seed=5)(inputs, inputs)
    model = lamina.Model(inputs, layers.Dense(3, "softmax")(layers.Flatten()(x)))
    x = np.random.default_rng(6).standard_normal((20, 5, 8)).astype(np.float32)
    return trained(model, x, np.arange(20) % 3, optimizer="sgd")


@scenario
def touched_rows() -> Found:
    model = lamina.Sequential(
        [
            lamina.Input((4,), dtype="int64"),
            layers.Embedding(50, 6, sparse=True),
            layers.Flatten(),
            layers.Dense(3, "softmax"),
        ]
    )
    x = np.random.default_rng(7).integers(0, 50, (40, 4))
    return trained(model, x, x[:, 0] % 3)


@scenario
def several_outputs() -> Found:
    a, b = lamina.Input((6,), name="a"), lamina.Input((2,), name="b")
    x = layers.Concatenate()([layers.Dense(4, "relu")(a), b])
    model = lamina.Model(
        {"a": a, "b": b}, {"kind": layers.Dense(3, "softmax", name="kind")(x), "size": layers.Dense(1, name="size")(x)}
    )
    x, y = rows()
    data = {"a": x, "b": x[:, :2] ** 2}, {"kind": y, "size": x[:, :1]}
    return trained(
        model, *data, loss={"kind": "sparse_categorical_crossentropy", "size": "mse"},
        loss_weights={"kind": 1.0, "size": 0.5}, metrics={"kind": ["accuracy"], "size": ["mae"]},
    )  # fmt: skip


@scenario
def accumulated_and_clipped() -> Found:
    optimizer = lamina.optimizers.AdamW(0.01, global_clipnorm=0.5, gradient_accumulation_steps=2, use_ema=True)
    return trained(classifier(layers.Dense(8, "relu")), *rows(40), optimizer=optimizer)


@scenario
def scaled_loss() -> Found:
    optimizer = lamina.optimizers.LossScaleOptimizer(lamina.optimizers.SGD(0.1), dynamic_growth_steps=3)
    return trained(classifier(layers.Dense(8, "relu")), *rows(40), optimizer=optimizer)


@scenario
def several_optimizers() -> Found:
    head = layers.Dense(8, "relu")
    fast, slow = lamina.optimizers.Adam(0.01), lamina.optimizers.SGD(0.01)
    both = lamina.optimizers.MultiOptimizer(lambda v: fast if any(v is w for w in head.variables) else slow)
    return trained(classifier(head), *rows(40), optimizer=both)


@scenario
def eager() -> Found:
    return trained(classifier(layers.Dense(8, "relu"), layers.Dropout(0.2, seed=1)), *rows(), run_eagerly=True)


@scenario
def stops_early() -> Found:
    stop = lamina.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)
    slower = lamina.callbacks.ReduceLROnPlateau("loss", patience=1)
    x, y = rows()
    return trained(
        classifier(layers.Dense(16, "relu")), x, y, validation_data=rows(seed=9), epochs=12, callbacks=[stop, slower],
        optimizer=lamina.optimizers.Adam(0.05),
    )  # fmt: skip


@scenario
def generators() -> Found:
    def batches() -> Any:
        for i in range(100):
            x, y = rows(10 + i % 3, seed=i)
            yield x, y

    return trained(classifier(layers.Dense(8, "relu")), batches(), steps_per_epoch=4, batch_size=None)


@scenario
def datasets() -> Found:
    data = lamina.data.Dataset.from_tensor_slices(rows()).shuffle(45, seed=3).batch(12)
    return trained(classifier(layers.Dense(8, "relu")), data, batch_size=None, metrics=["accuracy"])


class OwnStep(lamina.Model):
    """A step as users write them: a loss of its own, a metric of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.out = layers.Dense(8, "relu"), layers.Dense(3)
        self.tracker = lamina.metrics.Mean(name="own")

    def call(self, x: Any) -> Any:
        return self.out(self.hidden(x))

    @property
    def metrics(self) -> Any:
        return [self.tracker]

    def train_step(self, data: Any) -> Any:
        x, y = data
        self.zero_grad()
        loss = ops.mean(lamina.losses.sparse_categorical_crossentropy(y, self(x, training=True), from_logits=True))
        loss.backward()
        self.optimizer.step()
        self.tracker.update_state(loss)
        return {"own": self.tracker.result()}


@scenario
def step_of_ones_own() -> Found:
    model = OwnStep()
    model.build((None, 6))
    found = trained(model, *rows(40), optimizer="sgd")
    return {k: v for k, v in found.items() if k.startswith("weight")}


@scenario
def step_around_the_librarys() -> Found:
    class Counting(lamina.Sequential):
        steps = 0

        def train_step(self, data: Any) -> Any:
            self.steps += 1
            return super().train_step(data)

    model = Counting([lamina.Input((6,)), layers.Dense(8, "relu"), layers.Dense(3, "softmax")])
    found = trained(model, *rows(40), optimizer="sgd")
    return {k: v for k, v in found.items() if k.startswith("weight")}


@scenario
def single_batches() -> Found:
    model = classifier(layers.Dense(8, "relu"))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = rows()
    logs = [model.train_on_batch(x[i : i + 9], y[i : i + 9]) for i in range(0, 45, 9)]
    return {"logs": logs, "test": model.test_on_batch(x, y), "predict": model.predict_on_batch(x)} | {
        f"weight/{i}": w for i, w in enumerate(model.get_weights())
    }


# ---- what only has bits to compare ----


def digest(model: Any) -> str:
    return hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()


def network(name: str, steps: int = 10) -> Found:
    """A network of the benchmarks after some steps of training."""
    sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
    import network_data
    import networks

    lamina.random.seed(11)
    model = networks.MODELS[name](lamina)
    model.compile("adam", networks.loss_of(lamina, name))
    batch = network_data.data(name)
    x, y = network_data.inputs_of(batch), batch[-1]
    losses = [model.train_on_batch(list(x) if len(x) > 1 else x[0], y) for _ in range(steps)]
    return {"losses": losses, "digest": digest(model)}
