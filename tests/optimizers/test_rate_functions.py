"""A function without arguments as learning rate: each step asks it, also replayed ones."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Variable, layers, ops, optimizers, saving

NAMES = ["SGD", "Adam", "RMSprop", "Lamb", "Ftrl"]


def rates():
    """1, 0.5, 0.25 ... and what was given so far."""
    given = []

    def rate():
        given.append(0.5 ** len(given))
        return given[-1]

    return rate, given


@pytest.mark.parametrize("captured", [False, True], ids=["eager", "captured"])
def test_each_step_asks_once(captured):
    rate, given = rates()
    w = Variable("zeros", (2,), "float64")
    optimizer = optimizers.SGD(rate)
    optimizer.build([w])

    def step(x):
        optimizer.zero_grad()
        ops.sum(ops.multiply(w, x)).backward()
        optimizer.step()
        return w + 0.0

    run = lamina.capture(step) if captured else step
    got = [run(lamina.Tensor(np.ones(2))).numpy()[0] for _ in range(4)]
    assert given == [1.0, 0.5, 0.25, 0.125]
    np.testing.assert_array_equal(got, -np.cumsum(given))


@pytest.mark.parametrize("name", NAMES)
def test_every_optimizer_takes_one_as_it_takes_numbers(name):
    def trained(rate):
        w = Variable("ones", (3,), "float64")
        optimizer = getattr(optimizers, name)(rate)
        for _ in range(3):
            optimizer.apply([np.array([1.0, -2.0, 0.5])], [w])
        return w.numpy()

    np.testing.assert_array_equal(trained(lambda: 0.03), trained(0.03))


def test_it_may_be_replaced_by_a_number_and_a_number_by_it():
    optimizer = optimizers.SGD(lambda: 0.5)
    assert float(optimizer.learning_rate) == 0.5
    optimizer.learning_rate = 0.25
    assert float(optimizer.learning_rate) == 0.25
    optimizer.learning_rate = lambda: np.float32(0.125)
    assert float(optimizer.learning_rate) == 0.125


def test_steps_that_were_captured_see_the_other_rate():
    w = Variable("zeros", (1,), "float64")
    optimizer = optimizers.SGD(lambda: 1.0)
    optimizer.build([w])

    @lamina.capture
    def step(x):
        optimizer.zero_grad()
        ops.sum(ops.multiply(w, x)).backward()
        optimizer.step()
        return w + 0.0

    x = lamina.Tensor(np.ones(1))
    assert [float(step(x)[0]), float(step(x)[0])] == [-1.0, -2.0]
    optimizer.learning_rate = 10.0
    assert [float(step(x)[0]), float(step(x)[0])] == [-12.0, -22.0]


def test_callbacks_may_change_it_only_as_a_number():
    model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
    model.compile(optimizers.SGD(lambda: 0.01), "mse")
    with pytest.raises(TypeError, match="LearningRateScheduler: the optimizer's learning_rate is a"):
        model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0,
                  callbacks=[lamina.callbacks.LearningRateScheduler(lambda epoch: 0.1)])  # fmt: skip


@saving.register_serializable("rates")
def a_sixteenth():
    return 0.0625


def test_a_registered_one_is_saved(tmp_path):
    model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
    model.compile(optimizers.Adam(a_sixteenth), "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    model.save(tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina")
    assert float(again.optimizer.learning_rate) == 0.0625
    config = again.optimizer.get_config()["learning_rate"]
    assert config == {"class_name": "__function__", "config": {"name": "rates>a_sixteenth"}}


def test_another_one_says_what_saving_needs():
    with pytest.raises(TypeError, match=r"cannot be saved.*register_serializable"):
        optimizers.Adam(lambda: 0.1).get_config()


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (lambda: "fast", "returned 'fast', expected a number"),
        (lambda: None, "returned None, expected a number"),
    ],
)
def test_what_is_no_rate(rate, message):
    w = Variable("zeros", (2,), "float64")
    with pytest.raises(TypeError, match=message):
        optimizers.SGD(rate).apply([np.ones(2)], [w])
    np.testing.assert_array_equal(w.numpy(), 0)
