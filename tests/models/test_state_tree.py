"""The state of a model as a nest by paths, and an optimizer's by places."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Sequential, layers, optimizers, tree

X, Y = np.ones((4, 3), "f"), np.ones((4, 2), "f")


def fitted():
    model = Sequential([Input((3,)), layers.Dense(2, name="dense"), layers.BatchNormalization(name="norm")], name="net")
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, Y, verbose=0)
    return model


def test_the_state_of_a_model_goes_out_and_in():
    model = fitted()
    state = model.get_state_tree("numpy_array")
    assert list(state) == ["trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables"]
    assert list(state["trainable_variables"]["net"]) == ["dense", "norm"]
    assert list(state["non_trainable_variables"]["net"]["norm"]) == ["moving_mean", "moving_variance"]
    assert {"iteration", "learning_rate", "net_dense_kernel_momentum"} <= set(state["optimizer_variables"]["adam"])
    assert state["metrics_variables"]["mae"]["count"] == 4
    assert [v.path for v in model.metrics_variables] == ["loss/total", "loss/count", "mae/total", "mae/count"]
    before = model.evaluate(X, Y, verbose=0)
    model.fit(X, Y, epochs=3, verbose=0)
    assert model.evaluate(X, Y, verbose=0) != before
    model.set_state_tree(state)
    tree.map_structure(np.testing.assert_array_equal, state, model.get_state_tree("numpy_array"))
    assert model.evaluate(X, Y, verbose=0) == before
    held = model.get_state_tree()["trainable_variables"]["net"]["dense"]["kernel"]
    np.testing.assert_array_equal(held.numpy(), state["trainable_variables"]["net"]["dense"]["kernel"])


def test_a_wrong_state_changes_nothing():
    model = fitted()
    state = model.get_state_tree("numpy_array")
    kernel = state["trainable_variables"]["net"]["dense"]["kernel"]
    for wrong, message in (
        ({"weights": {}}, "unknown kind of variables in set_state_tree 'weights'"),
        (
            {"trainable_variables": {"net": {"dense": {"kernel": kernel * 0, "bais": 0}}}},
            "did you mean 'net/dense/bias'",
        ),
        (
            {"trainable_variables": {"net": {"dense": {"kernel": kernel[:1] * 0}}}},
            r"kernel is \(1, 2\), expected \(3, 2\)",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            model.set_state_tree(wrong)
        np.testing.assert_array_equal(model.get_weights()[0], kernel)
    with pytest.raises(ValueError, match="unknown value_format of get_state_tree 'numpy'"):
        model.get_state_tree("numpy")


def test_paths_must_be_unique():
    class Net(lamina.Model):
        def __init__(self):
            super().__init__(name="net")
            self.first, self.second = layers.Dense(2, name="dense"), layers.Dense(2, name="dense")

        def call(self, x):
            return self.second(self.first(x))

    net = Net()
    net(X)
    with pytest.raises(
        ValueError, match="two of trainable_variables have the path 'net/dense/kernel'; give layers names"
    ):
        net.get_state_tree()


def test_an_optimizer_s_variables_go_out_and_in_by_places():
    model, store = fitted(), {}
    optimizer = model.optimizer
    optimizer.save_own_variables(store)
    assert list(store) == [str(i) for i in range(len(optimizer.variables))]
    weights = [v.numpy().copy() for v in optimizer.variables]
    model.fit(X, Y, epochs=2, verbose=0)
    optimizer.load_own_variables(store)
    assert int(optimizer.iterations) == 1
    model.fit(X, Y, verbose=0)
    optimizer.set_weights(weights)
    assert all(np.array_equal(v.numpy(), w) for v, w in zip(optimizer.variables, weights, strict=True))
    with pytest.raises(ValueError, match=r"Adam\.set_weights: call build\(variables\) first"):
        optimizers.Adam().set_weights(weights)
    with pytest.raises(ValueError, match=rf"expected {len(weights)} arrays, one for each variable, got 1"):
        optimizer.set_weights(weights[:1])
    with pytest.raises(ValueError, match=r"learning_rate is \(2,\), expected \(\)"):
        optimizer.set_weights([weights[0], np.ones(2), *weights[2:]])
    with pytest.warns(UserWarning, match="nothing is loaded, since 1 arrays are stored"):
        optimizer.load_own_variables({"0": weights[0]})
    assert lamina.optimizers.OptimizerMap(optimizers.SGD(), {"a": optimizers.Adam()}).get("a").name == "adam"
