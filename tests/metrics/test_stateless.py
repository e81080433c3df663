"""Metrics, layers and optimizers with values from outside: nothing of their own changes."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import lamina
from lamina import layers, metrics, ops, optimizers

rng = np.random.default_rng(0)
KINDS = {
    "Mean": (metrics.Mean, lambda: (rng.normal(size=4),)),
    "Sum": (metrics.Sum, lambda: (rng.normal(size=4),)),
    "accuracy": (metrics.SparseCategoricalAccuracy, lambda: (rng.integers(0, 3, 8), rng.uniform(size=(8, 3)))),
    "mse": (metrics.MeanSquaredError, lambda: (rng.normal(size=(4, 2)), rng.normal(size=(4, 2)))),
    "F1Score": (metrics.F1Score, lambda: (np.eye(3)[rng.integers(0, 3, 8)], rng.uniform(size=(8, 3)))),
    "AUC": (metrics.AUC, lambda: (rng.integers(0, 2, 16), rng.uniform(size=16))),
    "Precision": (metrics.Precision, lambda: (rng.integers(0, 2, 16), rng.uniform(size=16))),
    "MeanIoU": (lambda: metrics.MeanIoU(3), lambda: (rng.integers(0, 3, 16), rng.integers(0, 3, 16))),
    "R2Score": (metrics.R2Score, lambda: (rng.normal(size=(8, 2)), rng.normal(size=(8, 2)))),
}


class Own(metrics.Metric):
    def __init__(self):
        super().__init__()
        self.seen = self.add_variable((), "zeros", name="seen")
        self.mean = metrics.Mean()

    def update_state(self, values):
        self.seen.assign_add(float(len(values)))
        self.mean.update_state(values)

    def result(self):
        return float(self.seen) + self.mean.result()


KINDS["Own"] = (Own, lambda: (rng.normal(size=4),))


@pytest.mark.parametrize("name", KINDS)
def test_batches_gather_outside_as_inside(name):
    make, batch = KINDS[name]
    metric, other = make(), make()
    state = metric.stateless_reset_state()
    untouched = [np.array(v) for v in metric.variables]
    for _ in range(3):
        given = batch()
        state = metric.stateless_update_state(state, *given)
        other.update_state(*given)
    np.testing.assert_array_equal(metric.stateless_result(state), other.result())
    for v, before in zip(metric.variables, untouched, strict=True):
        np.testing.assert_array_equal(v, before)
    for v, value in zip(metric.variables, state, strict=True):
        v.assign(value)
    np.testing.assert_array_equal(metric.result(), other.result())


def test_sums_are_live_variables():
    metric = metrics.Mean()
    total, count = metric.variables
    metric.update_state([1.0, 2.0])
    assert (float(total), float(count), total.path) == (3.0, 2.0, f"{metric.name}/total")
    total.assign_add(3.0)
    assert metric.result() == 3.0
    assert float(copy.deepcopy(total)) == 6.0


def test_values_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="stateless_result: metric_variables has 1 values for 2 variables"):
        metrics.Mean().stateless_result([0.0])


def small():
    dense = layers.Dense(2, kernel_regularizer=lamina.regularizers.L2(1.0))
    return lamina.Sequential([layers.Input((3,)), layers.BatchNormalization(), dense])


def test_a_call_with_other_weights():
    model, other, x = small(), small(), rng.normal(size=(8, 3)).astype("f4")
    before = model.state_dict()
    trained = [np.array(v) + i for i, v in enumerate(other.trainable_variables)]
    fixed = [np.array(v) + 0.5 for v in other.non_trainable_variables]
    outputs, found, losses = model.stateless_call(trained, fixed, x, training=True, return_losses=True)
    for v, value in zip([*other.trainable_variables, *other.non_trainable_variables], [*trained, *fixed], strict=True):
        v.assign(value)
    np.testing.assert_array_equal(outputs, other(x, training=True))
    for value, v in zip(found, other.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(value, v)
    assert float(losses[0]) == float(other.losses[0])
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[key])


def test_a_call_that_fails_leaves_the_weights():
    model = small()
    before = model.state_dict()
    values = [np.ones(v.shape, "f4") for v in model.trainable_variables]
    with pytest.raises(ValueError, match="expected"):
        model.stateless_call(values, model.non_trainable_variables, np.ones((2, 5), "f4"))
    with pytest.raises(ValueError, match=r"trainable_variables\[0\] has shape \(1,\)"):
        model.stateless_call([np.ones(1), *values[1:]], model.non_trainable_variables, np.ones((2, 3), "f4"))
    with pytest.raises(ValueError, match="has no weights yet"):
        layers.Dense(2).stateless_call([], [], np.ones((2, 3)))
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[key])


@pytest.mark.parametrize("make", [lambda: optimizers.Adam(0.1), lambda: optimizers.SGD(0.1, momentum=0.9)])
def test_updates_outside_are_those_inside(make):
    variables = [lamina.Variable(np.ones((2, 3), "f4")), lamina.Variable(np.zeros(3, "f4"))]
    others = [lamina.Variable(np.array(v)) for v in variables]
    optimizer, other = make(), make()
    optimizer.build(variables)
    values, state = list(variables), list(optimizer.variables)
    for i in range(3):
        grads = [np.full(v.shape, i + 1.0, "f4") for v in variables]
        values, state = optimizer.stateless_apply(state, grads, values)
        other.apply(grads, others)
    assert int(optimizer.iterations) == 0
    np.testing.assert_array_equal(variables[0], np.ones((2, 3)))
    for value, v in zip([*values, *state], [*others, *other.variables], strict=True):
        np.testing.assert_array_equal(value, v)
    with pytest.raises(ValueError, match="optimizer_variables has 0 values"):
        optimizer.stateless_apply([], grads, values)
    with pytest.raises(ValueError, match="has no variables yet"):
        make().stateless_apply([], [], [])


def test_a_capture_refuses_them():
    metric = metrics.Mean()

    def step(x):
        return metric.stateless_update_state([0.0, 0.0], x)[0]

    with pytest.raises(lamina.CaptureError, match="puts other values"):
        lamina.capture(step, strict=True)(ops.ones(3))
