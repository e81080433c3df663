"""Changes of layers, models and losses reach captured steps; errors in replays name the layer."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import lamina
from lamina import layers, ops
from lamina.core.capture import MAX_NAMELESS, CaptureWarning, capture
from lamina.core.recording import CaptureError, configuration
from lamina.layers.variable import Variable

X = np.ones((4, 3), np.float32)


def mlp(*stack):
    lamina.random.seed(0)
    return lamina.Sequential([lamina.Input((3,)), *(stack or (layers.Dense(5, activation="tanh"), layers.Dense(2)))])


def test_layers_added_and_taken_away():
    m = mlp()
    assert m.predict(X, verbose=0).shape == (4, 2)
    last = m.pop()
    assert m.predict(X, verbose=0).shape == (4, 5)
    m.add(last)
    assert m.predict(X, verbose=0).shape == (4, 2)
    extra = layers.Activation("softmax")
    extra(X)
    m.add(extra)
    np.testing.assert_allclose(m.predict(X, verbose=0).sum(1), 1, rtol=1e-6)


class Scaled(layers.Layer):
    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self._alpha = scale
        self.cfg = {"shift": 0.0}

    def call(self, x):
        return x * self._alpha + self.cfg["shift"]


def test_private_attributes_take_effect():
    layer = Scaled(2.0)
    m = mlp(layer)
    assert (m.predict(X, verbose=0) == 2).all()
    layer._alpha = 5.0
    assert (m.predict(X, verbose=0) == 5).all()
    layer.cfg["shift"] = 1.0
    layer.cfg = layer.cfg  # what the docstring of capture says
    assert (m.predict(X, verbose=0) == 6).all()


def test_reset_takes_plain_values_anew():
    values = {"scale": 2.0}
    f = capture(lambda x: x * values["scale"], strict=True)
    f(X)
    values["scale"] = 3.0
    f.reset()
    assert (f(X).numpy() == 3).all()
    read = {"on": True}
    f = capture(lambda x: (float(x[0, 0]), x)[1] if read["on"] else x * 2.0)
    with pytest.warns(CaptureWarning):
        f(X)
    read["on"] = False
    f.reset()
    f(X)
    assert f.reason is None
    assert len(f.plans) == 1


def test_regularizers_and_losses_take_effect():
    def losses(change):
        penalty = lamina.regularizers.L2(0.1)
        loss = lamina.losses.Huber(delta=0.1)
        m = mlp(layers.Dense(2, kernel_regularizer=penalty))
        m.compile(lamina.optimizers.SGD(0.0), loss, run_eagerly=change == "eager")
        y = np.zeros((4, 2), np.float32)
        seen = [m.train_on_batch(X, y), m.train_on_batch(X, y)]
        penalty.l2 = 10.0
        seen += [m.train_on_batch(X, y)]
        loss.options["delta"] = 5.0
        seen += [m.train_on_batch(X, y)]
        loss.reduction = "sum"
        return seen + [m.train_on_batch(X, y)]

    eager = losses("eager")
    assert len(set(eager)) == 4
    assert losses("captured") == eager


@pytest.mark.parametrize(
    "change",
    [
        lambda options: options.update(delta=3.0),
        lambda options: options.pop("delta"),
        lambda options: options.__delitem__("delta"),
        lambda options: options.clear(),
        lambda options: options.__ior__({"delta": 3.0}),
    ],
)
def test_options_of_losses_take_effect(change):
    def loss_of(y_true, y_pred, delta=2.0):
        return ops.mean(ops.abs(y_true - y_pred) * delta, axis=-1)

    loss = lamina.losses.FunctionLoss(loss_of, delta=1.0)
    f = capture(lambda x: loss(ops.zeros_like(x), x), strict=True)
    for _ in range(2):
        f(X)
    change(loss.options)
    assert f(X).item() == loss(np.zeros_like(X), X).item()


def test_requires_grad_takes_effect():
    lamina.random.seed(0)
    dense = layers.Dense(3)
    dense(X)

    f = capture(lambda x: ops.sum(ops.square(dense(x))).backward(), strict=True)
    for wants in (True, False, True, False, True):
        dense.kernel.requires_grad = wants
        for i in range(1, 3):
            dense.kernel.zero_grad()
            dense.bias.zero_grad()
            f(X * i)
            assert (dense.kernel.grad is not None) is wants
            assert dense.bias.grad is not None
    assert len(f.plans) == 2


def test_what_stays_as_it_is_configures_nothing():
    m = mlp(layers.Dense(2))
    m.predict(X, verbose=0)
    before = configuration.version
    m.trainable = True
    m.layers[0].trainable = True
    m.weights[0].trainable = True
    m.stop_training = True
    assert configuration.version == before
    m.weights[0].trainable = False
    assert configuration.version != before
    m.trainable = True  # as it was, but its weight was not
    assert m.weights[0].trainable
    m.trainable = False
    assert not m.trainable_weights
    assert not any(layer.trainable for layer in m.layers)


def test_training_and_predicting_configure_nothing():
    """Else steps would be recorded again and again."""
    m = mlp()
    m.compile("adam", "mse", metrics=["mae"])
    y = np.zeros((4, 2), np.float32)
    m.fit(X, y, verbose=0, epochs=2, validation_data=(X, y))
    m.predict(X, verbose=0)
    before = configuration.version
    m.fit(X, y, verbose=0, epochs=2, validation_data=(X, y))
    m.predict(X, verbose=0)
    m.evaluate(X, y, verbose=0)
    m.train_on_batch(X, y)
    assert configuration.version == before


class Noted(layers.Layer):
    def __init__(self, attribute, **kwargs):
        super().__init__(**kwargs)
        self.attribute = attribute

    def call(self, x):
        setattr(self, self.attribute, ops.sum(x))
        return x * 2.0


@pytest.mark.parametrize("attribute", ["scores", "_scores"])
def test_attributes_set_at_every_call_are_refused_by_name(attribute):
    layer = Noted(attribute, name="noted")
    f = capture(layer)
    f(X)
    with pytest.warns(CaptureWarning, match=f"'{attribute}' of Noted 'noted'"):
        f(X)
    f(3 * X)
    assert getattr(layer, attribute).item() == 36
    strict = capture(layer, strict=True)
    strict(X)
    with pytest.raises(CaptureError, match=attribute):
        strict(X)


def test_toggling_trainable_in_a_step_is_refused():
    m = mlp()

    def step(x):
        m.trainable = False
        y = m(x)
        m.trainable = True
        return y

    f = capture(step)
    f(X)
    with pytest.warns(CaptureWarning, match="'trainable' of"):
        f(X)


@pytest.mark.parametrize("method", ["predict", "call"])
def test_layers_made_at_the_first_call_are_captured_from_the_next(method):
    lamina.random.seed(0)
    m = lamina.Sequential([layers.Dense(5), layers.Dropout(0.5), layers.Dense(3)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if method == "predict":
            for _ in range(3):
                m.predict(X, verbose=0)
            step = m._steps["predict"]
        else:
            step = capture(m, strict=True)
            for _ in range(3):
                step(X)
    assert step.reason is None
    assert len(step.plans) == 1


def test_variables_made_at_every_call_are_refused():
    f = capture(lambda x: x * Variable(np.ones(3, np.float32)))
    for _ in range(MAX_NAMELESS - 1):
        f(X)
    with pytest.warns(CaptureWarning, match="makes or configures variables"):
        f(X)


def test_layers_made_at_different_calls_may_have_equal_names():
    made = []

    @capture
    def f(x, n):
        while len(made) < n:
            made.append(layers.Dense(3))
        for layer in made:
            x = layer(x)
        return x

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in (1, 2, 2, 3, 3):
            f(X, n)
    assert len(f.plans) == 2


def test_layers_may_be_built_one_in_each_call():
    parts = {name: layers.Dense(3, name="part") for name in "abcdef"}
    f = capture(lambda name, x: parts[name](x), strict=True)
    for _ in range(3):
        for name, layer in parts.items():
            np.testing.assert_array_equal(f(name, X).numpy(), layer(X).numpy())
    assert len(f.plans) == len(parts)


def test_attributes_set_in_turn_are_refused_by_name():
    noted = {name: Noted("scores", name=name) for name in "abc"}
    f = capture(lambda name, x: noted[name](x))
    for name in "abc":
        f(name, X)
    with pytest.warns(CaptureWarning, match="'scores' of Noted 'a'"):
        f("a", X)


def test_losses_and_layers_without_weights_may_be_made_in_a_step():
    w = lamina.Tensor(np.ones((3, 3), np.float32), requires_grad=True)

    def step(x):
        h = layers.LeakyReLU(0.3)(ops.matmul(x, w) - 4.0)
        loss = lamina.losses.Huber()(x, h) + lamina.losses.MeanSquaredError()(x, h)
        loss = loss + lamina.regularizers.L2(0.1)(w)
        w.zero_grad()
        loss.backward()
        return loss

    f = capture(step, strict=True)
    for i in range(4):
        want = step(lamina.Tensor(i * X)), w.grad.numpy().copy()
        assert f(i * X).item() == want[0].item()
        np.testing.assert_array_equal(w.grad.numpy(), want[1])
    assert len(f.plans) == 1


def test_a_loss_that_sets_an_attribute_is_refused():
    class Remembers(lamina.losses.Loss):
        def call(self, y_true, y_pred):
            self.last = ops.mean(y_pred, axis=-1)
            return self.last

    loss = Remembers()
    f = capture(lambda x: loss(x, x))
    f(X)
    with pytest.warns(CaptureWarning, match="'last' of Remembers"):
        f(X)


class Lazy(lamina.Model):
    """Makes its layers and its generator when it is called first."""

    def __init__(self):
        super().__init__()
        self.inner = None

    def call(self, x):
        if self.inner is None:
            self.inner = [layers.Dense(4), layers.Dropout(0.3), layers.Dense(2)]
        for layer in self.inner:
            x = layer(x)
        return x


def test_a_model_that_makes_its_layers_when_called():
    m = Lazy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(4):
            m.predict(X, verbose=0)
    assert len(m._steps["predict"].plans) == 1


def test_the_notice_names_the_models_step():
    m = mlp(layers.Dense(2))
    m.compile("sgd", lambda y, p: ops.mean(ops.square(y - p)) * float(p[0, 0]))
    with pytest.warns(CaptureWarning, match="the train step of Sequential 'sequential"):
        m.fit(X, np.zeros((4, 2), np.float32), verbose=0)


def test_a_step_inside_of_a_layer_follows_the_training_flag():
    class Inside(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dropout = layers.Dropout(0.5)
            self.step = capture(lambda x: self.dropout(x) * 2.0, strict=True)

        def call(self, x, training=False):
            return self.step(x)

    lamina.random.seed(0)
    layer = Inside()
    x = np.ones((50, 20), np.float32)
    for _ in range(3):
        assert (layer(x, training=True).numpy() == 0).any()
        assert (layer(x, training=False).numpy() == 2).all()
    assert len(layer.step.plans) == 2


def test_the_default_dtype_takes_effect():
    f = capture(lambda: lamina.random.normal((2,), seed=1), strict=True)
    try:
        for name in ("float32", "float64", "float32"):
            lamina.config.set_floatx(name)
            assert f().dtype.name == name
    finally:
        lamina.config.set_floatx("float32")


# ---- errors ----


def test_an_error_in_a_replay_names_the_layer():
    lamina.random.seed(0)
    m = lamina.Sequential([lamina.Input((2,), dtype="int64"), layers.Embedding(5, 4, name="words"), layers.LSTM(3)])
    good, bad = np.array([[1, 2]]), np.array([[1, 9]])
    with pytest.raises(IndexError) as eager:
        m(bad)
    f = capture(m, strict=True)
    want = f(good).numpy()
    for _ in range(2):
        with pytest.raises(IndexError) as replayed:
            f(bad)
        assert str(replayed.value) == str(eager.value)
    assert "words" in str(eager.value)
    np.testing.assert_array_equal(f(good).numpy(), want)
    assert len(f.plans) == 1


def test_an_error_in_a_replayed_training_step_changes_no_more_than_eager():
    def program(run_eagerly):
        lamina.random.seed(0)
        m = lamina.Sequential(
            [
                lamina.Input((4,)),
                layers.BatchNormalization(),
                layers.Dropout(0.5),
                layers.Dense(3),
            ]
        )
        m.compile("adam", lamina.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=run_eagerly)
        x, y = np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32), np.arange(8) % 3
        messages, seen = [], []
        for labels in (y, y, y + 3, y, y):
            try:
                m.train_on_batch(x, labels)
            except ValueError as error:
                messages.append(str(error))
            seen += [w.numpy().tobytes() for w in m.weights]
        return messages, seen

    captured, eager = program(False), program(True)
    assert len(captured[0]) == 1
    assert captured == eager


def test_an_error_in_a_replay_leaves_gradients_as_eager():
    def program(wrap):
        w = lamina.Tensor(np.ones((2, 3), np.float32), requires_grad=True)

        def step(x, labels):
            w.zero_grad()
            ops.sum(ops.matmul(x, w)).backward()
            return ops.softmax_cross_entropy(x, labels)

        step = wrap(step)
        seen = []
        for label in (0, 1, 5, 1):
            w.zero_grad()
            try:
                step(X[:, :2], np.full(4, label))
            except ValueError as error:
                seen.append(str(error))
            seen.append(None if w.grad is None else w.grad.numpy().tobytes())
        return seen

    eager = program(lambda f: lambda *a: f(*map(lamina.Tensor, a)))
    assert None not in eager
    assert program(lambda f: capture(f, strict=True)) == eager
