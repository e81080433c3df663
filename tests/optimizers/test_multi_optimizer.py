"""Several optimizers in one."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import lamina
from lamina import layers, optimizers

rng = np.random.default_rng(0)
X = rng.standard_normal((24, 4)).astype(np.float32)
Y = rng.standard_normal((24, 2)).astype(np.float32)


def net():
    lamina.random.seed(0)
    return lamina.Sequential([layers.Input((4,)), layers.Dense(3, "tanh", name="body"), layers.Dense(2, name="head")])


def both():
    chosen = optimizers.OptimizerMap(optimizers.SGD(0.1, momentum=0.9))
    chosen[".*head/.*"] = optimizers.Adam(0.01)
    return chosen


def fitted(optimizer, epochs=2, eager=False):
    model = net()
    model.compile(optimizer, "mse", run_eagerly=eager)
    model.fit(X, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize("eager", [False, True])
def test_each_weight_has_its_own_optimizer(eager):
    got = fitted(optimizers.MultiOptimizer(both()), eager=eager)
    model = net()
    parts = [(optimizers.SGD(0.1, momentum=0.9), model.layers[0]), (optimizers.Adam(0.01), model.layers[1])]
    for optimizer, layer in parts:
        optimizer.build(layer.trainable_weights)
    for i in range(6):
        at = slice(8 * (i % 3), 8 * (i % 3) + 8)
        loss = lamina.losses.MeanSquaredError()(Y[at], model(X[at], training=True))
        model.zero_grad()
        loss.backward()
        for optimizer, _ in parts:
            optimizer.step()
    for a, b in zip(got.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(got.optimizer.iterations) == 6
    assert [type(o).__name__ for o in got.optimizer.optimizers] == ["Adam", "SGD"]


def test_state_is_saved(tmp_path):
    model = fitted(optimizers.MultiOptimizer(both()), 1)
    model.save(tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina")
    for m in (model, again):
        m.fit(X, Y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_function_may_choose():
    fast, slow = optimizers.SGD(0.1), optimizers.SGD(0.0)
    model = fitted(optimizers.MultiOptimizer(lambda v: fast if "head" in v.path else slow))
    first = net().get_weights()
    for a, b, moves in zip(model.get_weights(), first, (False, False, True, True), strict=True):
        assert np.array_equal(a, b) is not moves


def test_bad_use_is_named():
    optimizer = optimizers.MultiOptimizer(both())
    with pytest.raises(AttributeError, match="has no learning_rate; each of its optimizers has"):
        _ = optimizer.learning_rate
    with pytest.raises(AttributeError, match=r"set it on each of its \.optimizers"):
        optimizer.learning_rate = 0.1
    chosen = both()
    with pytest.raises(ValueError, match=r"'.*head/.*' has an optimizer already"):
        chosen[".*head/.*"] = optimizers.SGD()
    chosen[".*kernel"] = optimizers.SGD()
    with pytest.raises(ValueError, match=r"'a/head/kernel' fits '.*head/.*' and '.*kernel'"):
        chosen["a/head/kernel"]
    with pytest.raises(TypeError, match="expected an optimizer that is no MultiOptimizer, got 'adam'"):
        optimizers.OptimizerMap("adam")
    with pytest.raises(TypeError, match="must be an OptimizerMap or a function, got 3"):
        optimizers.MultiOptimizer(3)


def test_a_function_is_asked_once_for_each_weight():
    """As in Keras's example, which makes an optimizer at every question."""
    asked = []

    def choose(variable):
        asked.append(variable.path)
        return optimizers.Adam(0.01) if "head" in variable.path else optimizers.SGD(0.1, momentum=0.9)

    model = fitted(optimizers.MultiOptimizer(choose))
    assert len(asked) == len(set(asked)) == len(model.optimizer.optimizers) == 4
    want = fitted(optimizers.MultiOptimizer(both())).get_weights()
    for a, b in zip(model.get_weights(), want, strict=True):
        np.testing.assert_array_equal(a, b)
    twin = copy.deepcopy(model)
    for m in (model, twin):
        m.fit(X, Y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(asked) == 4
    with pytest.raises(TypeError, match="expected an optimizer that is no MultiOptimizer, got 'sgd'"):
        fitted(optimizers.MultiOptimizer(lambda v: "sgd"))
