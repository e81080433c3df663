"""The public steps, what they log, and what a model says of its metrics."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Model, layers, losses, metrics, optimizers

X = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
Y = np.random.default_rng(1).standard_normal((6, 2)).astype(np.float32)


def ready(cls=Model, dropout=0.0, rate=0.0, **options):
    a = Input((3,), name="a")
    b = layers.Dropout(dropout)(layers.Dense(2, kernel_initializer="ones", name="d")(a))
    model = cls(a, b)
    model.compile(optimizers.SGD(rate), **{"loss": "mse", **options})
    return model


ERROR = float(np.mean((X.sum(-1, keepdims=True) - Y) ** 2))


@pytest.mark.parametrize("kind", ["train_step", "test_step"])
def test_logs_of_a_step(kind):
    model = ready(metrics=["mae"])
    weight = np.array([0.0, 0, 2, 0, 0, 0])
    for data, loss in (((X, Y), ERROR), ((X, Y, weight), None)):
        model.reset_metrics()
        logs = getattr(model, kind)(tuple(lamina.Tensor(part) for part in data))
        assert set(logs) == {"loss", "mae"}
        if loss is None:
            loss = 2 * float(np.mean((X[2].sum() - Y[2]) ** 2)) / 6
        assert logs["loss"] == pytest.approx(loss, rel=1e-5)
        assert logs | {"more": 1} == {**logs, "more": 1}
        assert {"more": 1} | logs == {"more": 1, **logs}
        assert type(logs.copy()) is dict


def test_only_training_drops_and_updates():
    model = ready(dropout=0.5, rate=0.1)
    before = model.get_weights()
    model.test_step((lamina.Tensor(X), lamina.Tensor(Y)))
    np.testing.assert_array_equal(model.predict_step((lamina.Tensor(X),)).numpy(), model.predict(X, verbose=0))
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(ERROR, rel=1e-5)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    model.train_step((lamina.Tensor(X), lamina.Tensor(Y)))
    assert (model.get_weights()[0] != before[0]).any()


def test_losses_are_means_over_samples():
    """A last batch that is shorter, of a nest of inputs too."""
    model = ready()
    for x in (X, [X], {"a": X}):
        for size in (1, 4, 5, 6):
            assert model.evaluate(x, Y, size, verbose=0) == pytest.approx(ERROR, rel=1e-5)


def test_losses_that_layers_add():
    class Adding(layers.Layer):
        def call(self, x):
            self.add_loss(lamina.ops.mean(x) * 0 + 3.0)
            return x

    a = Input((3,))
    model = Model(a, Adding()(layers.Dense(2, kernel_initializer="ones")(a)))
    model.compile("sgd", "mse")
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(ERROR + 3, rel=1e-5)
    model.compile("sgd")
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(3)


@pytest.mark.parametrize("with_training", [False, True])
def test_compute_loss_of_ones_own(with_training):
    seen = []

    class Own(Model):
        if with_training:

            def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
                seen.append(training)
                return super().compute_loss(x, y, y_pred, sample_weight) * 2.0
        else:

            def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
                seen.append(None)
                return super().compute_loss(x, y, y_pred, sample_weight) * 2.0

    model = ready(Own)
    for _ in range(4):  # Python at every step
        assert model.train_on_batch(X, Y) == pytest.approx(2 * ERROR, rel=1e-5)
    assert model.test_on_batch(X, Y) == pytest.approx(2 * ERROR, rel=1e-5)
    assert seen == ([True] * 4 + [False] if with_training else [None] * 5)


def test_metrics_of_a_model():
    model = Model(a := Input((3,)), layers.Dense(2)(a))
    assert model.metrics == []
    model.compile("sgd", "mse")
    assert [m.name for m in model.metrics] == ["loss"]
    model.compile("sgd", "mse", metrics=["mae"])
    assert [m.name for m in model.metrics] == ["loss", "compile_metrics"]
    model.compile("sgd", "mse", weighted_metrics=["mae"])
    assert [m.name for m in model.metrics] == ["loss", "compile_metrics"]
    model.compile("sgd")
    assert model.metrics == []
    model.extra = metrics.Mean(name="extra")
    assert [m.name for m in model.metrics] == ["extra"]
    model.compile("sgd", "mse")
    assert model.evaluate(X, Y, verbose=0, return_dict=True).keys() == {"loss", "extra"}


def test_what_is_known_of_logs():
    class Undecided(lamina.Metric):
        def update_state(self, y_true, y_pred, sample_weight=None): ...
        def result(self):
            return 0.0

        def reset_state(self): ...

    model = ready(metrics=["mae", metrics.CosineSimilarity(name="cos"), Undecided(name="own")])
    assert model._direction("loss") == model._direction("val_loss") == (True, "down")
    assert model._direction("mae") == (False, None)  # before a batch
    model.evaluate(X, Y, verbose=0)
    for prefix in ("", "val_"):
        assert model._direction(f"{prefix}mae") == (True, "down")
        assert model._direction(f"{prefix}cos") == (True, "up")
        assert model._direction(f"{prefix}own") == (True, None)
        assert model._direction(f"{prefix}other") == (False, None)
    assert model._direction("val_val_loss") == (False, None)


def test_a_loss_that_depends_on_no_weight():
    with pytest.raises(RuntimeError, match="the loss depends on none of the weights that are trained"):
        ready(loss=losses.FunctionLoss(lambda y, p: lamina.ops.mean(lamina.Tensor(np.asarray(p)), axis=-1))).fit(
            X, Y, verbose=0
        )


def test_flags_of_a_new_model():
    model = ready()
    assert model.stop_training is False
    assert model.compiled
    assert not lamina.Sequential([layers.Dense(2)]).compiled
    assert model.get_compile_config()["run_eagerly"] is False
    for options, eagerly in (
        ({"run_eagerly": True}, True),
        ({"jit_compile": False}, True),
        ({"jit_compile": True}, False),
        ({"jit_compile": "auto"}, False),
        ({"steps_per_execution": "auto"}, False),
        ({"steps_per_execution": 1}, False),
    ):
        assert ready(**options).get_compile_config()["run_eagerly"] is eagerly
    for wrong in (0, -2, "2"):
        with pytest.raises(ValueError, match=r"steps_per_execution must be a positive integer or 'auto', got"):
            ready(steps_per_execution=wrong)


@pytest.mark.parametrize("kind", ["train_on_batch", "test_on_batch", "evaluate"])
def test_results_as_numbers_lists_and_dicts(kind):
    def result(model, **options):
        return getattr(model, kind)(X, Y, **options, **({"verbose": 0} if kind == "evaluate" else {}))

    one, two = ready(), ready(metrics=["mae"])
    assert result(one) == result(one, return_dict=False) == pytest.approx(ERROR, rel=1e-5)
    assert result(one, return_dict=True) == {"loss": pytest.approx(ERROR, rel=1e-5)}
    assert result(two) == [pytest.approx(ERROR, rel=1e-5), pytest.approx(np.mean(abs(X.sum(-1, keepdims=True) - Y)))]
    assert list(result(two, return_dict=True)) == ["loss", "mae"]


def test_validation_every_so_often():
    model = ready()
    for often, epochs in ((1, [1, 2, 3, 4, 5]), (2, [2, 4]), (np.int64(3), [3]), ([1, 5], [1, 5]), ({2}, [2]), (9, [])):
        seen = []
        watch = lamina.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs, seen=seen: seen.extend([epoch + 1] if "val_loss" in logs else [])
        )
        model.fit(X, Y, epochs=5, verbose=0, validation_data=(X, Y), validation_freq=often, callbacks=[watch])
        assert seen == epochs


def test_epochs_and_sizes_by_default():
    model = ready()
    assert model.fit(X, Y, verbose=0).epoch == [0]
    assert model.fit(X, Y, epochs=0, verbose=0).epoch == []
    assert model.fit(X, Y, epochs=4, initial_epoch=2, verbose=0).epoch == [2, 3]
    x, y = np.ones((70, 3)), np.ones((70, 2))
    sizes = []
    watch = lamina.callbacks.LambdaCallback(on_test_batch_begin=lambda batch, logs: sizes.append(batch))
    options = {"verbose": 0, "validation_data": (x, y), "callbacks": [watch]}
    for given, batches in (({}, 3), ({"batch_size": 35}, 2), ({"batch_size": 35, "validation_batch_size": 10}, 7)):
        sizes.clear()
        model.fit(x, y, **options, **given)
        assert sizes == list(range(batches))
    sizes.clear()
    model.fit(x, y, **options, validation_steps=1)
    assert sizes == [0]
