"""A pass over arrays that needs no Python between its steps gives what steps one by one give, bit by bit."""

import warnings

import numpy as np
import pytest

import lamina
from lamina import callbacks, layers, losses, metrics, optimizers
from lamina.models import array_pass

ROWS = 110  # the last of the batches of 32 is smaller


class Watching(callbacks.Callback):
    """Lets fit, evaluate and predict take batch after batch, since it looks at each."""

    def on_train_batch_end(self, batch, logs=None):
        self.seen = batch

    def on_test_batch_end(self, batch, logs=None):
        self.seen = batch

    def on_predict_batch_end(self, batch, logs=None):
        self.seen = batch


def data(classes=None, dtype="float32"):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((ROWS, 6)).astype(dtype)
    y = (rng.standard_normal((ROWS, 2)) if classes is None else rng.integers(0, classes, ROWS)).astype(
        dtype if classes is None else "int64"
    )
    return x, y


def dense(units=2, activation=None, dropout=0.0):
    return lamina.Sequential(
        [
            lamina.Input((6,)),
            layers.Dense(16, "relu"),
            layers.Dropout(dropout),
            layers.BatchNormalization(),
            layers.Dense(units, activation),
        ]
    )


def two_ways():
    a, b = lamina.Input((6,), name="a"), lamina.Input((6,), name="b")
    both = layers.Concatenate()([layers.Dense(8, "tanh")(a), layers.Dense(8, "tanh")(b)])
    return lamina.Model(
        {"a": a, "b": b}, [layers.Dense(2, name="one")(both), layers.Dense(3, "softmax", name="two")(both)]
    )


def regression(**options):
    model = dense(dropout=0.3)
    model.compile(options.pop("optimizer", "adam"), "mse", **options)
    return model, data(), {}


def classes(**options):
    model = dense(3, "softmax")
    model.compile("adam", "sparse_categorical_crossentropy", **options)
    return model, data(3), {}


def scheduled():
    return regression(optimizer=optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 9), momentum=0.9))


def accumulating():
    rate = optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)
    return regression(optimizer=optimizers.Adam(rate, gradient_accumulation_steps=2, clipnorm=1.0))


def averaged():
    return regression(optimizer=optimizers.Adam(0.01, use_ema=True))


def of_a_function():
    return regression(optimizer=optimizers.Adam(lambda: 0.01))


def scaled():
    return regression(
        optimizer=optimizers.LossScaleOptimizer(optimizers.Adam(optimizers.schedules.CosineDecay(0.01, 9)))
    )


def measured():
    return classes(metrics=["accuracy", metrics.SparseTopKCategoricalAccuracy(2), "sparse_categorical_crossentropy"])


def weighted():
    model, given, _ = classes(metrics=["accuracy"], weighted_metrics=["accuracy"])
    return model, given, {"sample_weight": np.linspace(0, 2, ROWS).astype("float32")}


def by_class():
    model, given, _ = classes(weighted_metrics=["accuracy"])
    return model, given, {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}}


def many_outputs():
    model = two_ways()
    model.compile("adam", ["mse", "sparse_categorical_crossentropy"], [1.0, 0.5], [["mae"], ["accuracy"]])
    x, y = data()
    return model, ({"a": x, "b": x[::-1]}, [y, data(3)[1]]), {}


def wide_numbers():
    model, _, _ = regression()
    return model, data(dtype="float64"), {}


def own_metric():
    return regression(metrics=[lambda y, p: p[:, 0]])


def watched_validation():
    model, given, _ = classes(metrics=["accuracy"])
    return model, given, {"validation_data": data(3), "validation_freq": 2, "shuffle": False}


def regularized():
    model = lamina.Sequential([lamina.Input((6,)), layers.Dense(8, kernel_regularizer="l2"), layers.Dense(2)])
    model.compile("rmsprop", losses.Huber(), metrics=["mae", "cosine_similarity"])
    return model, data(), {}


CASES = [
    regression, measured, scheduled, accumulating, averaged, of_a_function, scaled, weighted, by_class, many_outputs,
    wide_numbers, own_metric, watched_validation, regularized,
]  # fmt: skip


def trained(case, watched, batch_size=16, rounds=2):
    lamina.random.seed(5)
    model, (x, y), options = case()
    found = []
    for _ in range(rounds):  # the second finds what the first recorded
        watch = [Watching()] if watched else None
        history = model.fit(x, y, batch_size, 3, verbose=0, callbacks=watch, **options)
        found.append(history.history)
        found.append(model.evaluate(x, y, batch_size, verbose=0, return_dict=True, callbacks=watch))
    return found, [*model.get_weights(), *(np.array(v) for v in model.optimizer.variables)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_the_same_bits_as_step_by_step(case):
    (logs, weights), (wanted, others) = trained(case, False), trained(case, True)
    assert logs == wanted
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def calls(monkeypatch):
    """The number of batches of each native call."""
    found = []

    def counting(self, plan, i, rows, count, many, guard, *limit, before=array_pass.ArrayPass._native):
        found.append(before(self, plan, i, rows, count, many, guard, *limit))
        return found[-1]

    monkeypatch.setattr(array_pass.ArrayPass, "_native", counting)
    return found


@pytest.mark.parametrize("case", [regression, measured, scheduled, accumulating, weighted, many_outputs, wide_numbers])
def test_steps_run_many_at_once(case, calls):
    trained(case, False, rounds=1)
    assert sum(calls) >= 3 * 6 - 1 + 5  # of fit all but the first, which is recorded, and those of evaluate
    assert max(calls) >= 4


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("make", [dense, two_ways])
def test_predictions_of_many_batches_are_those_of_each(make, compiled, calls):
    lamina.random.seed(2)
    model, x = make(), data()[0]
    if compiled:
        model.compile("sgd", "mse")
    given = {"a": x, "b": x[::-1].copy()} if make is two_ways else x
    found = [model.predict(given, 16, verbose=0) for _ in range(2)]
    assert sum(calls) == 5 + 6  # the first batch is recorded; the last one is smaller
    found.append(model.predict(given, 16, verbose=0, callbacks=[Watching()]))
    assert sum(calls) == 5 + 6
    for others in zip(*(f if isinstance(f, list) else [f] for f in found), strict=True):
        for other in others:
            np.testing.assert_array_equal(other, others[-1])


@pytest.fixture
def patient(monkeypatch):
    """Epochs run ahead however long they take."""
    monkeypatch.setattr(array_pass, "_AHEAD", 1e9)


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(
    "case", [regression, measured, scheduled, accumulating, weighted, by_class, many_outputs, wide_numbers, regularized]
)
def test_epochs_that_nobody_watches_run_in_one_call(case, shuffle, calls):
    found = []
    for watch in ([], [Watching()], [callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)]):
        lamina.random.seed(5)
        model, (x, y), options = case()
        x = {k: v[:96] for k, v in x.items()} if isinstance(x, dict) else x[:96]
        y = [v[:96] for v in y] if isinstance(y, list) else y[:96]
        if "sample_weight" in options:
            options["sample_weight"] = options["sample_weight"][:96]
        history = model.fit(x, y, 16, 7, verbose=0, callbacks=watch, shuffle=shuffle, **options)
        found.append((history.history, history.epoch, [w.tolist() for w in model.get_weights()]))
        found[-1] += (lamina.random.uniform((3,), seed=None).numpy().tolist(), model.get_metrics_result())
        if not watch:
            assert max(calls) == 6 * 6
        elif len(found) == 3:
            assert max(calls) == 6
        calls.clear()
    assert found[0] == found[1] == found[2]


def test_predictions_need_an_axis_of_samples(calls):
    class Mean(lamina.Model):
        def call(self, inputs):
            return lamina.ops.mean(inputs, axis=0)

    with pytest.raises(ValueError, match=r"predict: the model made \(6,\) of 16 samples"):
        Mean().predict(data()[0], 16, verbose=0)


def test_a_predict_step_of_ones_own_sees_each_batch(calls):
    class Own(lamina.Sequential):
        steps = 0

        def predict_step(self, data):
            self.steps += 1
            return super().predict_step(data)

    model = Own([lamina.Input((6,)), layers.Dense(2)])
    model.predict(data()[0], 16, verbose=0)
    assert model.steps == 7
    assert not calls


@pytest.mark.parametrize("case", [averaged, of_a_function, scaled, own_metric])
def test_python_sees_batches_where_it_has_to(case, calls):
    model, (x, y), _ = case()
    model.fit(x, y, 16, 2, verbose=0)
    assert not calls


def test_a_step_of_ones_own_sees_each_batch(calls):
    class Own(lamina.Sequential):
        steps = 0

        def train_step(self, data):
            self.steps += 1
            return super().train_step(data)

    model = Own([lamina.Input((6,)), layers.Dense(2)])
    model.compile("sgd", "mse")
    model.fit(*data(), 16, 2, verbose=0)
    assert model.steps == 14
    assert not calls


def tokens():
    model = lamina.Sequential(
        [lamina.Input((4,), dtype="int32"), layers.Embedding(10, 3, name="words"), layers.Flatten(), layers.Dense(1)]
    )
    model.compile("adam", "mse")
    x = np.arange(64 * 4, dtype="int32").reshape(64, 4) % 10
    return model, x, np.ones((64, 1), "float32")


def test_an_error_names_its_layer_and_keeps_the_steps_before():
    found = []
    for watch in (None, [Watching()]):
        lamina.random.seed(1)
        model, x, y = tokens()
        model.fit(x, y, 8, verbose=0, shuffle=False, callbacks=watch)
        x[5 * 8 + 1, 2] = 99
        with pytest.raises(IndexError, match=r"'words'.*99") as error:
            model.fit(x, y, 8, verbose=0, shuffle=False, callbacks=watch)
        found.append((str(error.value), int(model.optimizer.iterations), model.get_metrics_result()))
        x[5 * 8 + 1, 2] = 9
        model.fit(x, y, 8, verbose=0, shuffle=False, callbacks=watch)
        found[-1] += (model.history.history,)
    assert found[0] == found[1]
    assert found[0][1] == 8 + 5


def test_the_first_loss_that_is_not_finite_is_named():
    texts = []
    for watch in (None, [Watching()]):
        lamina.random.seed(1)
        model, (x, y), _ = regression()
        x[50, 3] = np.nan
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(x, y, 16, 2, shuffle=False, verbose=0, callbacks=watch)
        texts.append([str(w.message) for w in caught])
    assert texts[0] == texts[1]
    assert len(texts[0]) == 1
    assert "epoch 1, step 4 of 7. x holds nan (sample 2 of the batch, column 3)" in texts[0][0]


def test_the_bar_counts_every_batch(monkeypatch, calls):
    counted = []
    monkeypatch.setattr(
        callbacks.ProgbarLogger, "advance", lambda self, size, logs, batches=1: counted.append((size, batches))
    )
    model, (x, y), _ = regression()
    model.fit(x, y, 16, verbose=1)
    assert sum(size for size, _ in counted) == ROWS
    assert sum(batches for _, batches in counted) == 7
    assert len(counted) < 7


def test_large_data_go_in_several_calls(monkeypatch, calls):
    monkeypatch.setattr(array_pass, "_GATHERED", 3 * 16 * 8 * 4)
    wanted = trained(measured, False)
    assert max(calls) == 3
    monkeypatch.setattr(array_pass, "_KEPT", 2 * (16 * 3 + 1) * 4)
    again = trained(measured, False)
    assert max(calls[len(calls) // 2 + 4 :]) == 2
    assert again[0] == wanted[0]


def test_a_changed_setting_is_recorded_anew():
    found = []
    for watch in (None, [Watching()]):

        class Freeze(callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                self.model.layers[0].trainable = epoch % 2 == 1

        lamina.random.seed(2)
        model, (x, y), _ = regression()
        model.fit(x, y, 16, 4, verbose=0, callbacks=[Freeze(), *(watch or [])])
        found.append((model.history.history, [w.tolist() for w in model.get_weights()]))
    assert found[0] == found[1]


def test_the_first_fit_of_a_model_leaves_what_others_recorded(calls):
    (model, (x, y), _), (other, _, _) = regression(), measured()
    model.fit(x, y, 16, verbose=0)
    plans = model._steps["train"].plans
    other.fit(*data(3), 16, verbose=0)
    model.fit(x, y, 16, verbose=0)
    assert model._steps["train"].plans == plans
