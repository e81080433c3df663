"""Models that define train_step, test_step, predict_step, compute_loss or metrics themselves, as in Keras."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Model, Sequential, callbacks, layers, losses, metrics, ops, optimizers, utils

rng = np.random.default_rng(0)
X = rng.standard_normal((48, 4)).astype(np.float32)
Y = rng.integers(0, 3, 48)
CROSS = losses.SparseCategoricalCrossentropy(from_logits=True)


def ready(cls, **options):
    """A small classifier of this class, always with the same weights."""
    x = Input((4,))
    model = cls(x, layers.Dense(3)(x))
    model.set_weights([np.linspace(-1, 1, w.size, dtype=np.float32).reshape(w.shape) for w in model.get_weights()])
    options = {"optimizer": optimizers.SGD(0.1, momentum=0.9), "loss": CROSS, "metrics": ["accuracy"]} | options
    model.compile(**options)
    return model


def fit(model, **options):
    options = {"epochs": 2, "batch_size": 16, "shuffle": False, "verbose": 0} | options
    return model.fit(X, Y, **options).history


class ByHand(Model):
    def train_step(self, data):
        x, y, sample_weight = utils.unpack_x_y_sample_weight(data)
        y_pred = self(x, training=True)
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)
        self.zero_grad()
        loss.backward()
        variables = self.trainable_variables
        self.optimizer.apply([v.grad for v in variables], variables)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=len(x))
            else:
                metric.update_state(y, y_pred)
        return self.get_metrics_result()

    def test_step(self, data):
        return super().test_step(data)


class ByKeras(Model):
    def train_step(self, data):
        return super().train_step(data)


@pytest.mark.parametrize("cls", [ByHand, ByKeras])
def test_a_train_step_of_ones_own_does_what_fit_does(cls):
    built_in, own = ready(Model), ready(cls)
    histories = fit(built_in, validation_data=(X, Y)), fit(own, validation_data=(X, Y))
    assert histories[0].keys() == histories[1].keys()
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, rtol=1e-6, err_msg=name)
    for a, b in zip(built_in.get_weights(), own.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    wanted = built_in.evaluate(X, Y, verbose=0, return_dict=True)
    assert own.evaluate(X, Y, verbose=0, return_dict=True) == pytest.approx(wanted)
    assert built_in.get_metrics_result() == pytest.approx(wanted)
    assert own.train_on_batch(X, Y, return_dict=True) == pytest.approx(built_in.train_on_batch(X, Y, return_dict=True))


def test_weights_reach_a_step_of_ones_own():
    seen = []

    class Watching(Model):
        def train_step(self, data):
            seen.append(data)
            return super().train_step(data)

    plain, own = ready(Model), ready(Watching)
    weight = rng.random(48)
    for model in (plain, own):
        fit(model, sample_weight=weight, class_weight={1: 2.0})
    assert [len(data) for data in seen] == [3] * 6
    for a, b in zip(plain.get_weights(), own.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


class GAN(Model):
    """Without call(), with two optimizers, metrics among its attributes and data of x alone: Keras's example."""

    def __init__(self, discriminator, generator):
        super().__init__()
        self.discriminator, self.generator = discriminator, generator
        self.d_tracker, self.g_tracker = metrics.Mean(name="d_loss"), metrics.Mean(name="g_loss")

    @property
    def metrics(self):
        return [self.d_tracker, self.g_tracker]

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    def train_step(self, real):
        noise = lamina.random.normal((len(real), 2))
        both = ops.concatenate([self.generator(noise).detach(), real], axis=0)
        labels = np.concatenate([np.ones((len(real), 1)), np.zeros((len(real), 1))])
        d_loss = self.loss_fn(labels, self.discriminator(both))
        self.zero_grad()
        d_loss.backward()
        variables = self.discriminator.trainable_weights
        self.d_optimizer.apply([v.grad for v in variables], variables)
        g_loss = self.loss_fn(np.zeros((len(real), 1)), self.discriminator(self.generator(noise)))
        self.zero_grad()
        g_loss.backward()
        variables = self.generator.trainable_weights
        self.g_optimizer.apply_gradients(zip([v.grad for v in variables], variables, strict=True))
        self.d_tracker.update_state(d_loss)
        self.g_tracker.update_state(g_loss)
        return {"d_loss": self.d_tracker.result(), "g_loss": self.g_tracker.result()}


def test_a_generator_against_a_discriminator():
    gan = GAN(Sequential([Input((4,)), layers.Dense(1)]), Sequential([Input((2,)), layers.Dense(4)]))
    gan.compile(optimizers.Adam(0.01), optimizers.Adam(0.01), losses.BinaryCrossentropy(from_logits=True))
    before = gan.get_weights()
    per_batch = []
    watch = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: per_batch.append(logs))
    history = gan.fit(X, epochs=2, batch_size=16, verbose=0, callbacks=watch).history
    assert sorted(history) == ["d_loss", "g_loss"]
    assert [sorted(logs) for logs in per_batch] == [["d_loss", "g_loss"]] * 6
    assert history["d_loss"][1] == per_batch[-1]["d_loss"]
    assert int(gan.d_optimizer.iterations) == int(gan.g_optimizer.iterations) == 6
    assert all((a != b).any() for a, b in zip(before, gan.get_weights(), strict=True))


def test_an_unbuilt_model_makes_its_weights_in_its_first_step(tmp_path):
    class Lazy(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def train_step(self, data):
            x, y = data
            loss = ops.mean(ops.square(self.dense(x) - y))
            self.zero_grad()
            loss.backward()
            self.optimizer.step()
            return {"loss": loss}

    lamina.random.seed(0)
    model = Lazy()
    model.compile(optimizers.SGD(0.1, momentum=0.9))
    history = model.fit(X, X[:, :1], epochs=5, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    model.save(tmp_path / "m.lamina")  # though the model itself was never called
    again = lamina.load_model(tmp_path / "m.lamina", {"Lazy": Lazy})
    for each in (model, again):
        each.fit(X, X[:, :1], verbose=0, shuffle=False)
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


def test_compute_loss_of_ones_own():
    class Scaled(Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return ops.multiply(super().compute_loss(x, y, y_pred, sample_weight), 2.0)

    plain, own = ready(Model), ready(Scaled, optimizer=optimizers.SGD(0.05, momentum=0.9))
    histories = fit(plain), fit(own)
    np.testing.assert_allclose(histories[1]["loss"], np.multiply(histories[0]["loss"], 2), rtol=1e-5)
    np.testing.assert_allclose(own.get_weights()[0], plain.get_weights()[0], rtol=1e-4, atol=1e-6)
    assert own.evaluate(X, Y, verbose=0)[0] == pytest.approx(2 * plain.evaluate(X, Y, verbose=0)[0], rel=1e-4)


def test_metrics_of_ones_own_choice():
    class Quiet(Model):
        @property
        def metrics(self):
            return [m for m in super().metrics if m.name != "loss"]

    model = ready(Quiet)
    assert list(fit(model, validation_data=(X, Y))) == ["accuracy", "val_accuracy"]


def test_losses_that_layers_add_are_enough():
    class Penalty(layers.Layer):
        def call(self, x):
            self.add_loss(ops.mean(ops.square(x)))
            return x

    model = Sequential([Input((4,)), layers.Dense(2), Penalty()])
    model.compile(optimizers.SGD(0.1))
    history = model.fit(X, epochs=3, verbose=0).history
    assert history["loss"][2] < history["loss"][0]


def test_predict_step_of_ones_own():
    class Classes(Model):
        def predict_step(self, data):
            return self(data, training=False).numpy().argmax(-1)

    model = ready(Classes)
    wanted = np.asarray(model(X)).argmax(-1)
    np.testing.assert_array_equal(model.predict(X, batch_size=20, verbose=0), wanted)
    np.testing.assert_array_equal(model.predict_on_batch(X), wanted)


def test_metrics_of_layers_are_logged_and_start_again():
    class Counting(layers.Layer):
        def __init__(self):
            super().__init__()
            self.seen = metrics.Mean(name="seen")

        def call(self, x):
            self.seen.update_state(np.ones(len(x)))
            return x

    model = Sequential([Input((4,)), Counting(), layers.Dense(3)])
    model.compile("sgd", CROSS, run_eagerly=True)
    assert fit(model)["seen"] == [1.0, 1.0]
    assert model.layers[0].seen.count == 48


def test_what_is_not_honoured_is_refused():
    with pytest.raises(ValueError, match=r"make_train_function would never be called; define train_step\(self, data\)"):
        ready(type("Odd", (Model,), {"make_train_function": lambda self: None}))
    for returned, message in (
        (1.0, r"Own.train_step: expected a dict of logs .*, got float"),
        ({"loss": metrics.Mean()}, r"the log 'loss' to be a number, got Mean; return its result\(\)"),
    ):
        own = ready(type("Own", (Model,), {"train_step": lambda self, data, logs=returned: logs}))
        with pytest.raises(TypeError, match=message):
            fit(own)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_own_code_may_keep_what_it_is_given(shuffle, dtype):
    kept, seen = [], []

    class Keeping(Model):
        def train_step(self, data):
            kept.append(data)
            return super().train_step(data)

        def predict_step(self, data):
            kept.append((data,))
            return super().predict_step(data)

    class Seen(metrics.Metric):
        def update_state(self, y_true, y_pred, sample_weight=None):
            seen.append((y_true, y_pred, sample_weight))

        def result(self):
            return 0.0

        def reset_state(self):
            seen.clear()

    x, y, weight = X.astype(dtype), np.arange(48) % 3, np.arange(48).astype(dtype)
    order = np.argsort(X[:, 0])
    ready(Keeping).fit(x, y, 16, shuffle=shuffle, sample_weight=weight, verbose=0)
    parts = [np.concatenate([np.asarray(data[i]) for data in kept]) for i in range(3)]
    place = np.argsort(parts[0][:, 0])
    for got, given in zip(parts, (X, y, weight), strict=True):
        np.testing.assert_array_equal(got[place], given[order])
    kept.clear()
    ready(Keeping).predict(x, batch_size=16, verbose=0)
    np.testing.assert_array_equal(np.concatenate([np.asarray(data[0]) for data in kept]), X)
    for eagerly in (False, True):
        ready(Model, metrics=None, weighted_metrics=[Seen()], run_eagerly=eagerly).fit(
            x, y, 16, shuffle=shuffle, sample_weight=weight, verbose=0
        )
        assert sorted(np.concatenate([s[2] for s in seen])) == list(range(48))
        assert sorted(np.concatenate([s[0] for s in seen])) == sorted(y)


def test_names_of_what_an_own_test_step_returns():
    class Own(Model):
        def test_step(self, data):
            return {"first": 1.0, "loss": 2.0}

    model = ready(Own)
    assert model.evaluate(X, Y, verbose=0) == [2.0, 1.0]  # the loss first, then others by their names, as in Keras
    assert model.metrics_names == ["loss", "first"]


def test_metrics_start_again_where_layers_came_in_the_first_step():
    class Late(Model):
        def call(self, x):
            if not hasattr(self, "dense"):
                self.dense = layers.Dense(3)
            return self.dense(x)

        def test_step(self, data):
            return super().test_step(data)

    model = Late()
    model.compile("sgd", CROSS, metrics=[metrics.SparseCategoricalAccuracy()])
    first, again = (model.evaluate(X, (Y + given) % 3, verbose=0) for given in (1, 0))
    assert first[1] == metrics.SparseCategoricalAccuracy()((Y + 1) % 3, model(X))
    assert metrics.SparseCategoricalAccuracy()(Y, model(X)) == pytest.approx(again[1])


def test_the_library_step_is_captured_inside_of_a_models_own():
    class Around(Model):
        def train_step(self, data):
            logs = super().train_step(data)
            return {**logs, "calls": float(self.optimizer.iterations)}

        def test_step(self, data):
            return super().test_step(data) | {"tested": 1.0}

    plain, own = ready(Model), ready(Around)
    histories = fit(plain, validation_data=(X, Y)), fit(own, validation_data=(X, Y))
    assert histories[1].pop("calls") == [3.0, 6.0]
    assert histories[1].pop("val_tested") == [1.0, 1.0]
    assert histories[0] == histories[1]
    for kind in ("train", "test"):
        assert own._steps[kind].reason is None
        assert len(own._steps[kind].plans) == len(plain._steps[kind].plans) >= 1


def test_logs_of_a_step_are_those_after_it_whenever_they_are_read():
    results = []

    class Counting(metrics.Mean):
        def result(self):
            results.append(len(results))
            return super().result()

    model = ready(Model, metrics=[])
    model.counter = Counting(name="counter")
    model.train_on_batch(X, Y)
    model.reset_metrics()
    del results[:]
    logs = [model.train_step((X[i : i + 16], Y[i : i + 16])) for i in (0, 16, 32)]
    means = [one["loss"] for one in logs]
    assert len(set(means)) == 3
    assert len(results) == 3
    assert means == [one["loss"] for one in logs]
    del results[:]
    fit(model, epochs=1)
    assert len(results) == 1  # of three steps, only the last one's logs are looked at
    logs[0]["more"] = 2.0
    assert {**logs[0]}.keys() == {"loss", "counter", "more"}


def test_one_step_for_several_outputs_logs_the_loss_of_each():
    x = Input((4,))
    model = Model(x, [layers.Dense(3, name="a")(x), layers.Dense(2, name="b")(x)])
    model.compile(optimizers.SGD(0.01), ["mse", "mae"], metrics=[["mae"], None])
    y = X[:, :3], X[:, :2]
    history = model.fit(X, list(y), batch_size=16, verbose=0, epochs=2).history
    assert list(history) == ["a_loss", "a_mae", "b_loss", "loss"]
    assert history["loss"] == pytest.approx(np.add(history["a_loss"], history["b_loss"]), rel=1e-6)
    assert model.metrics_names == ["loss", "a_loss", "b_loss", "a_mae"]
    by_name = model.evaluate(X, dict(zip("ab", y, strict=True)), verbose=0)
    assert by_name == model.evaluate(X, list(y), verbose=0)
