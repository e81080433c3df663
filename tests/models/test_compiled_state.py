"""What compile() was given may be set and looked at: loss, optimizer and its variables; models without weights."""

import numpy as np
import pytest

import lamina
from lamina import Variable, layers, losses, ops, optimizers

X = np.random.default_rng(0).standard_normal((20, 3)).astype("f")


def net(**options):
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(3)])
    model.compile(optimizers.SGD(0.0), "mse", **options)
    return model


@pytest.mark.parametrize("eagerly", [False, True])
def test_the_loss_can_be_set(eagerly):
    model = net(metrics=["mae"], run_eagerly=eagerly)
    before = model.fit(X, X, verbose=0).history
    for loss in ("mae", losses.MeanAbsoluteError(), losses.mean_absolute_error):
        model.loss = loss
        assert model.loss is loss
        history = model.fit(X, X, verbose=0).history
        assert history["loss"] == pytest.approx(before["mae"])
        assert history["mae"] == pytest.approx(before["mae"])
        assert model.evaluate(X, X, verbose=0)[0] == pytest.approx(before["mae"][0])
        model.loss = "mse"
        assert model.fit(X, X, verbose=0).history["loss"] == pytest.approx(before["loss"])
    with pytest.raises(ValueError, match="unknown loss 'mee'"):
        model.loss = "mee"


@pytest.mark.parametrize("eagerly", [False, True])
def test_the_optimizer_can_be_set(eagerly):
    model = net(run_eagerly=eagerly)
    before = model.get_weights()[0]
    model.fit(X, X, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before)
    model.optimizer = optimizer = optimizers.SGD(0.1)
    model.fit(X, X, verbose=0)
    assert model.optimizer is optimizer
    assert not np.array_equal(model.get_weights()[0], before)


def test_models_may_keep_their_own_before_compile():
    class Own(lamina.Model):
        def __init__(self):
            super().__init__()
            self.loss = losses.MeanSquaredError()
            self.dense = layers.Dense(3)

        def compile(self, optimizer, loss):
            super().compile()
            self.optimizer, self.loss = optimizer, loss

        def call(self, x):
            return self.dense(x)

    model = Own()
    assert isinstance(model.loss, losses.MeanSquaredError)
    assert Own().optimizer is None
    model.compile("adam", "mae")
    assert isinstance(model.optimizer, optimizers.Adam)
    history = model.fit(X, X, verbose=0, epochs=2).history["loss"]
    assert history[0] != history[1]


@pytest.mark.parametrize(
    "optimizer", [optimizers.Adam(amsgrad=True), optimizers.SGD(momentum=0.9), optimizers.RMSprop()]
)
def test_the_variables_of_an_optimizer(optimizer):
    model = net()
    model.optimizer = optimizer
    model.fit(X, X, verbose=0, batch_size=10)
    found = optimizer.variables
    assert all(isinstance(v, Variable) and not v.trainable for v in found)
    assert [v.name for v in found[:2]] == [f"{optimizer.name}/iteration", f"{optimizer.name}/learning_rate"]
    assert len({v.path for v in found}) == len(found)
    assert int(found[0]) == int(optimizer.iterations) == 2
    assert {v.shape for v in found[2:]} == {(3, 3), (3,)}
    optimizer.iterations.assign(7)
    found[1].assign(0.5)
    for v in found[2:]:
        assert v.numpy().any()
        v.assign(np.zeros(v.shape))
    assert int(optimizer.iterations) == 7
    assert float(optimizer.learning_rate) == 0.5
    state = optimizer.get_state()
    assert not any(state[name].any() for name in state if "/" in name)


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
def test_models_without_anything_to_train(eagerly, frozen):
    """Keras warns and goes on."""
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(3) if frozen else layers.Flatten()])
    model.trainable = not frozen
    model.compile("adam", "mse", metrics=["mae"], run_eagerly=eagerly)
    before = model.get_weights()
    with pytest.warns(UserWarning, match=r"are frozen" if frozen else r"has no weights, so nothing is trained"):
        history = model.fit(X, X * 0, epochs=2, verbose=0).history
    assert history["loss"] == pytest.approx([history["loss"][0]] * 2)
    assert history["loss"][0] == pytest.approx(model.evaluate(X, X * 0, verbose=0)[0])
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    if frozen:
        model.trainable = True
        model.fit(X, X * 0, verbose=0)
        assert not np.array_equal(model.get_weights()[0], before[0])


def test_layers_that_the_first_step_makes_are_not_called_frozen():
    class Denoiser(lamina.Model):
        def __init__(self):
            super().__init__()
            self.net = lamina.Sequential([layers.Dense(3)])
            self.scale = layers.Normalization()

        def call(self, x):
            return self.scale(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ops.mean(ops.square(self.net(y_pred) - 1))

    x = np.random.default_rng(0).random((32, 3))
    model = Denoiser()
    model.scale.adapt(x)
    model.compile("sgd")
    found = model.fit(x, epochs=3, batch_size=8, verbose=0).history["loss"]  # a warning would be an error here
    assert found[0] > found[1] > found[2]


def test_run_eagerly_can_be_set():
    seen = []

    class Own(lamina.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            seen.append(len(x))
            return self.dense(x)

    def batches(model):
        seen.clear()
        model.fit(X, X[:, :1], batch_size=5, epochs=4, verbose=0)
        return len(seen)

    model = Own()
    model.compile("sgd", "mse")
    assert (model.run_eagerly, model.jit_compile) == (False, True)
    assert batches(model) < 16
    model.run_eagerly = True
    assert (model.run_eagerly, model.jit_compile) == (True, False)
    assert batches(model) == 16


def test_a_sequential_model_takes_its_input_in_a_list():
    model = net()
    np.testing.assert_array_equal(model([X]).numpy(), model(X).numpy())
    np.testing.assert_array_equal(model.predict([X], verbose=0), model.predict(X, verbose=0))
    found, want = (model.fit(x, x, shuffle=False, verbose=0).history for x in ([X], X))
    assert found == want  # the rate is 0, and sums have one order
    with pytest.raises(TypeError, match="got a list of 2"):
        model([X, X])
