"""Names and order of logs: history, lists and dicts of evaluate and of single batches, as Keras gives them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import lamina

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras", reason="the comparisons with Keras need keras")

rng = np.random.default_rng(0)
X = rng.normal(size=(12, 4)).astype("f4")
Y = rng.normal(size=(12, 1)).astype("f4")
C = rng.integers(0, 3, 12)
HOT = np.eye(3, dtype="f4")[C]


def one(k: Any, units: int = 1, activation: Any = None) -> Any:
    dense = k.layers.Dense(units, activation=activation, name="d")
    return k.Sequential([k.layers.Input((4,)), dense])


def two(k: Any, as_dict: bool = False) -> Any:
    inputs = k.Input((4,))
    b, a = k.layers.Dense(1, name="b")(inputs), k.layers.Dense(3, activation="softmax", name="a")(inputs)
    return k.Model(inputs, {"p": b, "q": a} if as_dict else [b, a])


def SquaredAndSummed(y_true: Any, y_pred: Any) -> Any:
    return (y_pred - y_pred) ** 2


def trackers(k: Any) -> Any:
    class Own(k.Model):
        def __init__(self) -> None:
            super().__init__()
            self.d = k.layers.Dense(1)
            self.z, self.a = k.metrics.Mean(name="zz"), k.metrics.Mean(name="aa")

        def call(self, x: Any) -> Any:
            return self.d(x)

        def test_step(self, data: Any) -> Any:
            self.z.update_state(3.0)
            self.a.update_state(4.0)
            return {"q": 1.0, **super().test_step(data), "c": 2.0}

    return Own()


CASES: dict[str, Any] = {
    "a loss": (one, lambda k: {"loss": "mse"}, Y),
    "names": (one, lambda k: {"loss": "mse", "metrics": ["mae", "mse"]}, Y),
    "objects": (
        one,
        lambda k: {
            "loss": k.losses.MeanSquaredError(),
            "metrics": [k.metrics.MeanAbsoluteError(name="m"), k.metrics.RootMeanSquaredError()],
        },
        Y,
    ),
    "classes": (
        lambda k: one(k, 3, "softmax"), lambda k: {"loss": "sparse_categorical_crossentropy", "metrics": ["acc"]}, C
    ),
    "one-hot": (
        lambda k: one(k, 3, "softmax"),
        lambda k: {"loss": "categorical_crossentropy", "metrics": ["accuracy", k.metrics.AUC()]},
        HOT,
    ),
    "a function": (one, lambda k: {"loss": "mse", "metrics": [SquaredAndSummed]}, Y),
    "two": (
        two,
        lambda k: {"loss": ["mse", "categorical_crossentropy"], "metrics": [["mse", "mae"], ["accuracy"]]},
        [Y, HOT],
    ),
    "two by name": (
        two, lambda k: {"loss": {"b": "mse", "a": "mse"}, "metrics": {"a": ["accuracy"]}}, {"b": Y, "a": HOT}
    ),
    "two, one loss": (two, lambda k: {"loss": ["mse", None], "metrics": [["mse", "mae"], ["accuracy"]]}, [Y, HOT]),
    "two as dict": (
        lambda k: two(k, True),
        lambda k: {"loss": {"p": "mse", "q": "mse"}, "metrics": {"p": ["mae"], "q": ["mse", "mae"]}},
        {"p": Y, "q": HOT},
    ),
    "own trackers": (trackers, lambda k: {"loss": "mse", "metrics": ["mae"]}, Y),
}  # fmt: skip


def names_and_orders(k: Any, case: str) -> list[Any]:
    make, options, y = CASES[case]
    k.utils.set_random_seed(1)
    model = make(k)
    model.compile("sgd", **options(k))
    model(X)
    weights = [np.full(v.shape, 0.1 * (i + 1)) + np.linspace(0, 0.3, v.shape[-1]) for i, v in enumerate(model.weights)]
    model.set_weights(weights)
    found: list[Any] = []
    logs = model.evaluate(X, y, verbose=0, return_dict=True)
    values = model.evaluate(X, y, verbose=0)
    found += [list(logs), np.ravel(values).tolist()]
    found.append(list(model.fit(X, y, epochs=2, verbose=0, validation_data=(X, y)).history))
    for run in (model.train_on_batch, model.test_on_batch):
        returned = run(X, y)
        found += [len(returned) if isinstance(returned, list) else 1, list(run(X, y, return_dict=True))]
    found.append([m.name for m in model.metrics])
    return [*found, sorted(model.get_metrics_result())]


@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")  # of the output without a loss
@pytest.mark.parametrize("case", CASES)
def test_logs_have_the_names_and_the_order_of_keras(case):
    ours, theirs = names_and_orders(lamina, case), names_and_orders(keras, case)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=2e-5)
    assert [ours[0], *ours[2:]] == [theirs[0], *theirs[2:]]
