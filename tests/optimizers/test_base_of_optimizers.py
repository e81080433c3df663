"""Steps of optimizers: which gradients count, where they come from, what stays."""

from __future__ import annotations

import numpy as np
import pytest
from optimizer_examples import CLASSES

import lamina
from lamina import Input, Sequential, layers, optimizers
from lamina.core.autograd import Tensor
from lamina.optimizers import SGD


def variable(*shape, dtype=np.float64):
    return Tensor(np.zeros(shape, dtype), requires_grad=True)


def test_gradients_may_be_views_of_those_that_are_there():
    square = np.arange(4.0).reshape(2, 2)
    for view in (lambda g: g, lambda g: g.T, lambda g: g[::-1], lambda g: g.copy()):
        v = variable(2, 2)
        optimizer = SGD(1.0)
        optimizer.build([v])
        v.grad = square
        optimizer.apply([view(v.grad.numpy())])
        np.testing.assert_array_equal(v.numpy(), -view(square))


@pytest.mark.parametrize(
    "given", [np.ones(3), np.ones(3, np.float32), np.ones(3, np.int8), [1, 1, 1], Tensor(np.ones(3)), np.ones(3, bool)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_of_any_number_type(given, dtype):
    v = variable(3, dtype=dtype)
    optimizer = SGD(0.5)
    for i in range(2):
        optimizer.apply([given], [v])
        assert v.numpy().tolist() == [-0.5 * (i + 1)] * 3
        assert v.grad is None


def test_gradients_that_are_none():
    with pytest.raises(TypeError, match=r"SGD.apply: the gradient of variable 0|SGD.apply"):
        SGD().apply([["a", "b", "c"]], [variable(3)])
    with pytest.raises(TypeError, match=r"SGD.apply: expected a list of gradients, got int"):
        SGD().apply(3)
    for pairs in (3, [], [(1, 2, 3)], [1], [(np.ones(3),)], [(np.ones(3), variable(3)), 5]):
        with pytest.raises(TypeError, match=r"SGD.apply_gradients: expected \(gradient, variable\) pairs"):
            SGD().apply_gradients(pairs)
    v = variable(3)
    SGD(1.0).apply_gradients(iter([[np.ones(3), v]]))
    assert v.numpy().tolist() == [-1.0] * 3


@pytest.mark.parametrize("name", [n for n in CLASSES if n != "MultiOptimizer"])  # which holds others
def test_the_first_step_needs_a_gradient(name):
    v, w = variable(3), variable(3)
    optimizer = CLASSES[name]()
    optimizer.build([v, w])
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no variable has a gradient"):
            optimizer.step()
    assert int(optimizer.iterations) == 0
    for given, still in ((v, w), (w, v)):
        before = still.numpy().copy()
        optimizer.zero_grad()
        given.grad = np.ones(3)
        optimizer.step()
        assert given.numpy().any()
        np.testing.assert_array_equal(still.numpy(), before)
    assert int(optimizer.iterations) == 2


def test_a_variable_counts_once():
    v = variable(3)
    optimizer = SGD(1.0)
    optimizer.build([v, v])
    optimizer.build([v])
    assert len(optimizer._variables) == 1
    assert optimizer.apply([np.ones(3)]) is None
    assert v.numpy().tolist() == [-1.0] * 3


@pytest.mark.parametrize("captured", [False, True])
def test_gradients_are_forgotten_and_given_in_captured_steps(captured):
    v = variable(3)
    optimizer = SGD(1.0)
    optimizer.build([v])

    def step(x):
        optimizer.zero_grad()
        lamina.ops.sum(v * x).backward()
        optimizer.step()
        optimizer.apply([x])
        optimizer.zero_grad()
        return v + 0.0

    run = lamina.capture(step) if captured else step
    for i in range(3):
        assert run(Tensor(np.full(3, 2.0))).numpy().tolist() == [-4.0 * (i + 1)] * 3
        assert v.grad is None
    if captured:
        assert len(run.plans) == 1


class OnlyKernels(optimizers.RMSprop):
    """Gives its own gradients to ``apply``, as Keras's users do."""

    def apply(self, grads, trainable_variables=None):
        super().apply([g * float(g.ndim == 2) for g in grads], trainable_variables)


def test_a_loss_scale_refuses_an_apply_of_ones_own():
    with pytest.raises(TypeError, match="LossScaleOptimizer: OnlyKernels has an apply of its own"):
        optimizers.LossScaleOptimizer(OnlyKernels(0.1))


def test_fit_trains_by_an_apply_of_ones_own():
    model = Sequential([Input((3,)), layers.Dense(2, bias_initializer="ones"), layers.Dense(1)])
    model.compile(OnlyKernels(0.1), "mse")
    before = [w.copy() for w in model.get_weights()]
    model.fit(np.ones((8, 3)), np.ones((8, 1)), batch_size=2, epochs=3, verbose=0)
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert changed == [True, False, True, False]


def test_an_update_step_that_would_not_be_called_is_refused():
    with pytest.raises(TypeError, match=r"Mine: update_step is not called, since SGD updates natively; override apply"):

        class Mine(optimizers.SGD):
            def update_step(self, gradient, variable, learning_rate):
                pass
