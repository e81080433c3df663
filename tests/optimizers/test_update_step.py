"""Optimizers without a native rule: those of the library, and those that a user writes as in Keras."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from optimizer_examples import leaves, set_gradients
from test_update_rules import KERAS_WARNS, same_after_steps

import lamina
from lamina import layers, ops, optimizers

rng = np.random.default_rng(0)
X = rng.standard_normal((24, 4)).astype(np.float32)
Y = rng.standard_normal((24, 2)).astype(np.float32)
WHOLE = [
    ("Lamb", {}),
    ("Lamb", {"beta_1": 0.7, "epsilon": 1e-3}),
    ("Adafactor", {}),
    ("Adafactor", {"relative_step": False, "clip_threshold": 0.5, "beta_2_decay": -0.5}),
    ("Muon", {}),
    ("Muon", {"nesterov": False, "rms_rate": None, "ns_steps": 3, "adam_lr_ratio": 0.5}),
]


class Momentum(optimizers.Optimizer):
    """SGD with momentum, written as a user of Keras would."""

    def __init__(self, learning_rate=0.01, momentum=0.9, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.momentum = momentum

    def build(self, var_list):
        if self.built:
            return
        super().build(var_list)
        self._m = self.add_optimizer_variables(var_list, "momentum")
        self.total = self.add_variable((), name="total", dtype="float64")

    def update_step(self, gradient, variable, learning_rate):
        rate = ops.cast(learning_rate, variable.dtype)
        m = self._m[self._get_variable_index(variable)]
        self.assign(m, m * self.momentum - gradient * rate)
        self.assign_add(variable, m)
        self.assign_add(self.total, 1.0)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


def net():
    lamina.random.seed(0)
    return lamina.Sequential([layers.Input((4,)), layers.Dense(3, "tanh"), layers.Dense(2)])


def trained(optimizer, eager=False, epochs=2):
    model = net()
    model.compile(optimizer, "mse", run_eagerly=eager)
    model.fit(X, Y, epochs=epochs, batch_size=8, shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize(
    "shared",
    [{}, {"weight_decay": 0.1}, {"clipnorm": 0.05}, {"clipvalue": 0.01}, {"global_clipnorm": 0.05},
     {"gradient_accumulation_steps": 2}, {"use_ema": True}],
    ids=str,
)  # fmt: skip
def test_a_users_momentum_is_the_librarys(shared):
    schedule = optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    want = trained(optimizers.SGD(schedule, momentum=0.9, **shared)).get_weights()
    for eager in (False, True):
        if "gradient_accumulation_steps" in shared and not eager:
            with pytest.warns(lamina.CaptureWarning, match="has no native rule, and accumulates gradients"):
                model = trained(Momentum(schedule, **shared))
        else:
            model = trained(Momentum(schedule, **shared), eager)
        for a, b in zip(model.get_weights(), want, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7)
        steps = 3 if "gradient_accumulation_steps" in shared else 6
        assert int(model.optimizer.iterations) == steps
        assert float(model.optimizer.total) == 4 * steps


@pytest.mark.parametrize("make", [Momentum, optimizers.Lamb, optimizers.Adafactor, optimizers.Muon])
def test_state_is_saved_and_training_goes_on(make, tmp_path):
    registered = lamina.saving.register_serializable("mine")(make) if make is Momentum else make
    model = net()
    model.compile(registered(0.01), "mse")
    model.fit(X, Y, epochs=1, batch_size=8, shuffle=False, verbose=0)
    state = model.optimizer.get_state()
    other = net()
    other.compile(registered(0.01), "mse")
    other.fit(X, Y, epochs=1, batch_size=24, verbose=0)
    other.set_weights(model.get_weights())
    other.optimizer.set_state(state)
    if make is not Momentum:
        model.save(tmp_path / "m.lamina")
        loaded = [other, lamina.load_model(tmp_path / "m.lamina")]
    else:
        loaded = [other]
    for m in (model, *loaded):
        m.fit(X, Y, epochs=1, batch_size=8, shuffle=False, verbose=0)
        for a, b in zip(m.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="set_state: missing"):
        other.optimizer.set_state({k: v for k, v in state.items() if "/" not in k})


@pytest.mark.parametrize(("name", "options"), WHOLE, ids=str)
def test_captured_steps_are_eager_ones(name, options):
    make = getattr(optimizers, name)
    for a, b in zip(trained(make(**options)).get_weights(), trained(make(**options), True).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@KERAS_WARNS
@pytest.mark.parametrize(
    "shared", [{}, {"weight_decay": 0.1}, {"clipnorm": 0.5}, {"clipvalue": 0.2}, {"global_clipnorm": 0.5}], ids=str
)
@pytest.mark.parametrize(("name", "options"), WHOLE, ids=str)
def test_they_are_keras(name, options, shared):
    keras = pytest.importorskip("keras")
    optimizer = getattr(optimizers, name)(0.01, **options, **shared)
    ours = leaves()
    optimizer.build(ours)
    variables = [keras.Variable(v.numpy().copy()) for v in ours]
    config = {k: v for k, v in optimizer.get_config().items() if k != "learning_rate"}
    other = getattr(keras.optimizers, name)(0.01, **config)
    other.build(variables)

    def step(gradients):
        other.apply([keras.ops.convert_to_tensor(g) for g in gradients], variables)

    same_after_steps(ours, optimizer.step, lambda: [keras.ops.convert_to_numpy(v) for v in variables], step, 1e-4)


def test_state_of_ones_own_is_not_trainable():
    w = lamina.Variable(np.ones(3))
    optimizer = Momentum(0.1)
    optimizer.build([w])
    assert not optimizer.total.trainable
    assert not any(v.trainable for v in optimizer.variables)


def test_lamb_steps_are_a_part_of_the_weights_length():
    w = lamina.Variable(np.array([3.0, 4.0]))
    optimizer = optimizers.Lamb(0.1)
    optimizer.apply([np.array([1e-5, 2.0])], [w])
    assert math.hypot(*(w.numpy() - [3, 4])) == pytest.approx(0.1 * 5, rel=1e-6)


def test_adafactor_keeps_rows_and_columns():
    w = lamina.Variable(np.ones((5, 7), np.float32))
    optimizer = optimizers.Adafactor()
    optimizer.apply([np.ones((5, 7), np.float32)], [w])
    assert sorted(v.shape for v in optimizer.variables) == [(), (), (5,), (7,)]


def test_muon_makes_steps_orthogonal():
    w = lamina.Variable(np.zeros((6, 3)))
    optimizer = optimizers.Muon(1.0, rms_rate=None, weight_decay=None)
    optimizer.apply([np.random.default_rng(0).standard_normal((6, 3))], [w])
    values = np.linalg.svd(w.numpy(), compute_uv=False)
    assert ((values > 0.6) & (values < 1.3)).all()


@pytest.mark.parametrize(
    ("path", "options", "by_adam"),
    [
        ("kernel", {}, False),
        ("embeddings", {}, True),
        ("embeddings", {"exclude_embeddings": False}, False),
        ("head", {"exclude_layers": ["he.d"]}, True),
    ],
)
def test_muon_leaves_some_matrices_to_adam(path, options, by_adam):
    w = lamina.Variable(np.ones((4, 3)), name=path)
    optimizer = optimizers.Muon(0.1, **options)
    optimizer.apply([np.full((4, 3), 5.0)], [w])
    moved = 1 - 0.1 * 0.004 - w.numpy()
    np.testing.assert_allclose(moved, 0.1, rtol=1e-4) if by_adam else np.testing.assert_array_less(moved, 0.09)


def test_bad_use_is_named():
    class Nothing(optimizers.Optimizer):
        pass

    ours = leaves()
    set_gradients(ours)
    nothing = Nothing(0.1)
    nothing.build(ours)
    with pytest.raises(NotImplementedError, match="Nothing must define update_step"):
        nothing.step()
    own = Momentum()
    own.build(ours[:1])
    with pytest.raises(ValueError, match=r"Momentum\.build: variable 0 is new, and the state is made"):
        own.build(ours[1:])
    with pytest.raises(ValueError, match="was not given to build"):
        own.add_variable_from_reference(ours[1], "other")
    with pytest.raises(ValueError, match="there is state named 'total'"):
        own.add_variable((), name="total")


@pytest.mark.parametrize("make", [Momentum, optimizers.Lamb, optimizers.Adafactor, optimizers.Muon])
def test_a_copy_goes_on_by_itself(make):
    model = trained(make(0.01), epochs=1)
    twin = copy.deepcopy(model)
    state = model.optimizer.get_state()
    for _ in range(2):
        twin.fit(X, Y, epochs=1, batch_size=8, shuffle=False, verbose=0)
    for name, array in model.optimizer.get_state().items():
        np.testing.assert_array_equal(array, state[name])
    for _ in range(2):
        model.fit(X, Y, epochs=1, batch_size=8, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    again = twin.optimizer.get_state()
    for name, array in model.optimizer.get_state().items():
        np.testing.assert_array_equal(array, again[name])


@pytest.mark.parametrize("make", [optimizers.Adam, optimizers.Lamb, optimizers.Adafactor, optimizers.Muon])
def test_weights_that_are_trained_later_get_their_state(make):
    model = net()
    model.layers[0].trainable = False
    model.compile(make(0.01), "mse")
    model.fit(X, Y, batch_size=8, verbose=0)
    before = model.layers[0].kernel.numpy().copy()
    model.layers[0].trainable = True
    model.fit(X, Y, batch_size=8, verbose=0)
    assert (model.layers[0].kernel.numpy() != before).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optimizers.Muon(ns_steps=-1), "Muon: ns_steps must be >= 0, got -1"),
        (
            lambda: optimizers.Muon(exclude_layers=["("]),
            r"Muon: exclude_layers holds '\(', which is no regular",
        ),
        (lambda: optimizers.Muon(adam_beta_2=1.0), r"Muon: adam_beta_2 must be in \[0, 1\), got 1.0"),
        (lambda: optimizers.Adafactor(clip_threshold=0), "Adafactor: clip_threshold must be > 0, got 0"),
        (lambda: optimizers.Adafactor(epsilon_1=-1.0), "Adafactor: epsilon_1 must be >= 0, got -1.0"),
        (lambda: optimizers.Adafactor(beta_2_decay=0.8), "Adafactor: beta_2_decay must be <= 0, got 0.8"),
    ],
)
def test_options_out_of_range_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("make", [Momentum, optimizers.Lamb, optimizers.Adafactor, optimizers.Muon, optimizers.Adam])
def test_a_state_may_be_given_before_build(make):
    ours, theirs = leaves(), leaves()
    first, second = make(0.1), make(0.1)
    first.build(ours)
    for k in range(2):
        set_gradients(ours, k)
        first.step()
    for a, b in zip(theirs, ours, strict=True):
        a._array[...] = b._array
    second.set_state(first.get_state())
    second.build(theirs)
    for variables, optimizer in ((ours, first), (theirs, second)):
        set_gradients(variables, 5)
        optimizer.step()
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
