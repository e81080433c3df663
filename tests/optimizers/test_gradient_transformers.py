"""Gradient transformations of a user's own, between backward and update."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest

import lamina
from lamina import layers, ops, optimizers

rng = np.random.default_rng(0)
X = rng.standard_normal((48, 6)).astype(np.float32)
Y = rng.standard_normal((48, 3)).astype(np.float32)


def halved(grads_and_vars):
    return [(0.5 * g, v) for g, v in grads_and_vars]


def centered(grads_and_vars):
    return [(g - ops.mean(g, axis=0, keepdims=True) if g.ndim > 1 else g, v) for g, v in grads_and_vars]


def of_kernels(grads_and_vars):
    return [(g if v.ndim > 1 else None, v) for g, v in grads_and_vars]


@lamina.saving.register_serializable("tests")
class MovingAverage(optimizers.GradientTransformer):
    slots = ("average",)

    def __init__(self, rate=0.25, name=None):
        super().__init__(name)
        self.rate = rate

    def __call__(self, grads_and_vars):
        pairs = []
        for g, v in grads_and_vars:
            average = self.slot("average", v)
            average.assign((1 - self.rate) * average + self.rate * g)
            pairs.append((average, v))
        return pairs

    def get_config(self):
        return {"rate": self.rate, **super().get_config()}


def net():
    lamina.random.seed(0)
    return lamina.Sequential([layers.Input((6,)), layers.Dense(5, "tanh"), layers.Dense(3)])


def fitted(optimizer, eagerly=False, epochs=2, model=None):
    if model is None:
        model = net()
        model.compile(optimizer, "mse", run_eagerly=eagerly)
    model.fit(X, Y, batch_size=16, epochs=epochs, shuffle=False, verbose=0)
    return model


def assert_same(a, b):
    for x, y in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("eagerly", [False, True])
def test_functions_run_one_after_the_other_before_clipping(eagerly):
    model = fitted(optimizers.SGD(0.5, clipvalue=0.01, gradient_transformers=[halved, centered]), eagerly)
    other = net()
    optimizer = optimizers.SGD(0.5)
    for i in [*range(3)] * 2:
        part = slice(16 * i, 16 * i + 16)
        for v in other.weights:
            v.zero_grad()
        lamina.losses.MeanSquaredError()(Y[part], other(X[part], training=True)).backward()
        grads = []
        for v in other.trainable_weights:
            g = np.float32(0.5) * v.grad.numpy()
            g = g - ops.mean(g, axis=0, keepdims=True).numpy() if g.ndim > 1 else g
            grads.append(np.clip(g, np.float32(-0.01), np.float32(0.01)))
        optimizer.apply(grads, other.trainable_weights)
    assert_same(model, other)
    if not eagerly:
        assert model._steps["train"].reason is None
        assert len(model._steps["train"].plans) == 1


@pytest.mark.parametrize("more", [{}, {"gradient_accumulation_steps": 2}, {"global_clipnorm": 0.1}])
@pytest.mark.parametrize("own", [[halved], [MovingAverage(), centered], [of_kernels]])
def test_captured_steps_are_the_eager_ones(own, more):
    models = [fitted(optimizers.Adam(0.05, gradient_transformers=copy.deepcopy(own), **more), e) for e in (False, True)]
    assert_same(*models)
    assert models[0]._steps["train"].reason is None


def test_each_batch_is_transformed_before_it_is_accumulated():
    seen = []

    def watching(grads_and_vars):
        seen.append([g.numpy().copy() for g, _ in grads_and_vars])
        return halved(grads_and_vars)

    v = lamina.Variable(np.zeros(2, np.float32))
    optimizer = optimizers.SGD(1.0, gradient_transformers=[watching], gradient_accumulation_steps=2)
    optimizer.build([v])
    for value in (2.0, 4.0):
        v.grad = np.full(2, value, np.float32)
        optimizer.step()
        assert v.grad.numpy().tolist() == [value] * 2  # what was given, not what was made of it
    assert [g[0][0] for g in seen] == [2.0, 4.0]
    assert v.numpy().tolist() == [-1.5, -1.5]


def test_variables_left_out_stay_as_they_are():
    model = fitted(optimizers.Adam(0.1, weight_decay=0.1, gradient_transformers=[of_kernels]))
    for new, old in zip(model.get_weights(), net().get_weights(), strict=True):
        assert (np.abs(new - old).max() > 0.01) == (new.ndim > 1)
    a, b = (lamina.Variable(np.ones(2, np.float32)) for _ in range(2))
    optimizer = optimizers.SGD(1.0, gradient_transformers=[lambda pairs: pairs[1:]])
    optimizer.apply([np.ones(2), np.ones(2)], [a, b])
    assert a.numpy().tolist() == [1, 1]
    assert b.numpy().tolist() == [0, 0]


def test_state_is_saved_copied_and_goes_on(tmp_path):
    optimizer = optimizers.SGD(0.1, momentum=0.5, gradient_transformers=[MovingAverage(0.5), MovingAverage()])
    model = fitted(optimizer)
    names = {key.partition("/")[0] for key in optimizer.get_state()} - {"iterations", "learning_rate"}
    assert names == {"momentum", "moving_average.average", "moving_average_1.average"}
    model.save(tmp_path / "m.lamina")
    again, copied = lamina.load_model(tmp_path / "m.lamina"), copy.deepcopy(model)
    assert [f.rate for f in again.optimizer.gradient_transformers] == [0.5, 0.25]
    state = again.optimizer.get_state()
    for key, array in optimizer.get_state().items():
        np.testing.assert_array_equal(array, state[key])
    assert np.abs(state["moving_average.average/0"]).max() > 0
    for each in (again, copied, model):
        fitted(None, model=each)
    assert_same(model, again)
    assert_same(model, copied)
    assert sum("moving_average" in v.name for v in optimizer.variables) == 8
    wrong = {**state, "moving_average.average/0": np.zeros((2, 2), np.float32)}
    with pytest.raises(ValueError, match=r"moving_average\.average/0 is \(2, 2\), expected \(6, 5\)"):
        optimizer.set_state(wrong)


def test_functions_that_are_saved_are_registered(tmp_path):
    def tripled(pairs):
        return [(3 * g, v) for g, v in pairs]

    model = fitted(optimizers.SGD(gradient_transformers=[tripled]))
    assert "tripled" in repr(model.optimizer)
    with pytest.warns(UserWarning, match=r"saved without its compile\(\) arguments: .*tripled.*register_serializable"):
        model.save(tmp_path / "m.lamina")
    lamina.saving.register_serializable("tests")(tripled)
    model.save(tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina")
    assert again.optimizer.gradient_transformers == (tripled,)


def test_functions_may_be_set_later():
    model = fitted(optimizers.SGD(0.1))
    before = model.get_weights()
    model.optimizer.gradient_transformers = [lambda pairs: [(0.0 * g, v) for g, v in pairs]]
    fitted(None, model=model)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.optimizer.gradient_transformers = None
    fitted(None, model=model)
    assert np.abs(model.get_weights()[0] - before[0]).max() > 0


def test_a_function_that_looks_at_values_runs_eagerly():
    def limited(pairs):
        largest = max(float(ops.max(ops.abs(g))) for g, _ in pairs)
        return [(g / max(1.0, largest), v) for g, v in pairs]

    with pytest.warns(lamina.CaptureWarning, match="runs eagerly: a tensor's values were read"):
        model = fitted(optimizers.SGD(5.0, gradient_transformers=[limited]))
    assert_same(model, fitted(optimizers.SGD(5.0, gradient_transformers=[limited]), eagerly=True))


def test_numpy_results_are_not_captured():
    def noisy(pairs):
        return [(np.ones(v.shape, np.float64), v) for _, v in pairs]

    with pytest.warns(lamina.CaptureWarning, match="noisy returned what is no tensor"):
        model = fitted(optimizers.SGD(0.5, gradient_transformers=[noisy]))
    for a, b in zip(model.get_weights(), net().get_weights(), strict=True):
        np.testing.assert_allclose(a, b - 3.0, rtol=1e-5)


def test_sparse_tables_change_in_the_rows_of_the_batch_alone():
    results = []
    for sparse in (True, False):
        lamina.random.seed(1)
        table = layers.Embedding(20, 4, sparse=sparse)
        table(np.zeros((1, 1), np.int64))
        before = table.embeddings.numpy().copy()
        optimizer = optimizers.SGD(1.0, gradient_transformers=[halved])
        optimizer.build(table.trainable_weights)
        for rows in ([1, 2], [7]):
            optimizer.zero_grad()
            ops.sum(ops.square(table(np.array([rows])))).backward()
            optimizer.step()
        results.append(table.embeddings.numpy())
        assert np.flatnonzero((results[-1] != before).any(1)).tolist() == [1, 2, 7]
    np.testing.assert_array_equal(*results)


WRONG = {
    "nothing": (lambda pairs: None, TypeError, "must return a list of (gradient, variable) pairs, got None"),
    "gradients": (lambda pairs: [g for g, _ in pairs], TypeError, "must return a list of (gradient, variable) pairs"),
    "shape": (
        lambda pairs: [(ops.sum(g), v) for g, v in pairs],
        ValueError,
        "a gradient of shape () for a",
    ),
    "twice": (lambda pairs: [*pairs, pairs[0]], ValueError, "returned a variable twice, or one that had no gradient"),
    "text": (lambda pairs: [("a", v) for _, v in pairs], TypeError, "returned no gradient"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_results_are_named(case):
    function, kind, message = WRONG[case]
    v = lamina.Variable(np.ones((2, 3), np.float32))
    optimizer = optimizers.SGD(1.0, gradient_transformers=[function])
    with pytest.raises(kind, match="SGD: gradient transformer <lambda> .*" + re.escape(message)):
        optimizer.apply([np.ones((2, 3))], [v])
    assert (v.numpy() == 1).all()


@pytest.mark.parametrize("given", [3, halved, "halved", ["halved"], [MovingAverage], [None]])
def test_what_is_no_list_of_functions(given):
    with pytest.raises(TypeError, match="SGD: gradient_transformers must be a list of functions"):
        optimizers.SGD(gradient_transformers=given)


def test_state_belongs_to_one_optimizer():
    average = MovingAverage()
    a, b = (lamina.Variable(np.ones(2, np.float32)) for _ in range(2))
    optimizers.SGD(gradient_transformers=[average]).build([a])
    with pytest.raises(ValueError, match="MovingAverage: it keeps another optimizer's state"):
        optimizers.SGD(gradient_transformers=[average]).build([b])
    with pytest.raises(ValueError, match=r"there is no slot 'mean'; its slots are \('average',\)"):
        average.slot("mean", a)
    with pytest.raises(ValueError, match="the variable is none of its optimizer's 1"):
        average.slot("average", b)
    with pytest.raises(NotImplementedError, match="GradientTransformer must define"):
        optimizers.GradientTransformer()([])
