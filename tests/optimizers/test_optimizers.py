"""Optimizers and schedules: state, clipping, schedules, bad input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from optimizer_examples import leaves, set_gradients

import lamina
from lamina import ops, optimizers
from lamina.core.autograd import Tensor
from lamina.optimizers import SGD, Adam, AdamW, RMSprop, schedules


def test_adam_follows_keras_formula_with_epsilon_hat():
    v = Tensor(np.array([1.0]), requires_grad=True)
    optimizer = Adam(0.1, epsilon=0.5)
    optimizer.build([v])
    v.grad = np.array([2.0])
    optimizer.step()
    alpha = 0.1 * math.sqrt(1 - 0.999) / (1 - 0.9)
    assert v.item() == pytest.approx(1 - alpha * 0.2 / (math.sqrt(0.004) + 0.5), rel=1e-12)


def test_apply_is_step_with_those_gradients():
    first, second = leaves(), leaves()
    a, b = Adam(0.1), Adam(0.1)
    a.build(first)
    set_gradients(first)
    gradients = [v.grad.numpy().copy() for v in first]
    a.step()
    b.apply(gradients, second)
    for x, y in zip(first, second, strict=True):
        np.testing.assert_array_equal(x.numpy(), y.numpy())
        assert y.grad is None


def test_apply_refuses_and_warns():
    ours = leaves()
    optimizer = SGD(0.1)
    with pytest.raises(ValueError, match="1 gradients for 2 variables"):
        optimizer.apply([np.ones(3)], ours)
    with pytest.raises(ValueError, match=r"the gradient of variable 1 is \(2,\), not \(3,\)"):
        optimizer.apply([np.ones((4, 3)), np.ones(2)], ours)
    with pytest.raises(ValueError, match="no gradient given"):
        optimizer.apply([None, None], ours)
    before = ours[0].numpy().copy()
    with pytest.warns(UserWarning, match="no gradient for variable 0"):
        optimizer.apply_gradients([(None, ours[0]), (np.ones(3), ours[1])])
    np.testing.assert_array_equal(ours[0].numpy(), before)


def test_a_variable_without_gradient_stays():
    ours = leaves()
    before = [v.numpy().copy() for v in ours]
    optimizer = Adam(0.1, weight_decay=0.5)
    optimizer.build(ours)
    with pytest.raises(RuntimeError, match=r"no variable has a gradient; call loss.backward\(\)"):
        optimizer.step()
    ours[1].grad = np.ones(3)
    optimizer.step()
    np.testing.assert_array_equal(ours[0].numpy(), before[0])
    assert not np.array_equal(ours[1].numpy(), before[1])
    optimizer.zero_grad()
    assert ours[1].grad is None


def test_build_takes_leaves_only_and_keeps_known_state():
    ours = leaves()
    optimizer = SGD(0.1, momentum=0.9)
    with pytest.raises(RuntimeError, match="call build"):
        optimizer.step()
    with pytest.warns(UserWarning, match="no variables, so nothing is trained; a model has its weights once"):
        optimizer.build([])
    optimizer.step()  # as Keras does
    optimizer.apply([], [])
    with pytest.raises(TypeError, match="expected tensors, got ndarray"):
        optimizer.build([np.ones(3)])
    with pytest.raises(ValueError, match="no leaf with requires_grad"):
        optimizer.build([Tensor(np.ones(3))])
    optimizer.build(ours[:1])
    ours[0].grad = np.ones((4, 3))
    optimizer.step()
    optimizer.build(ours)
    state = optimizer.get_state()
    assert np.all(state["momentum/0"] != 0)
    assert np.all(state["momentum/1"] == 0)


def test_state_goes_over_to_another_optimizer():
    ours = leaves()
    first = Adam(0.1)
    first.build(ours)
    set_gradients(ours)
    first.step()
    copies = [Tensor(v.numpy().copy(), requires_grad=True) for v in ours]
    second = Adam(0.5)
    second.set_state(first.get_state())  # before build: kept until then
    assert int(second.iterations) == 1
    assert float(second.learning_rate) == 0.1
    second.build(copies)
    for variables, optimizer in ((ours, first), (copies, second)):
        set_gradients(variables, 7)
        optimizer.step()
    for a, b in zip(ours, copies, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    state = first.get_state()
    del state["velocity/1"]
    with pytest.raises(ValueError, match=r"missing \['velocity/1'\]"):
        first.set_state(state)
    state = first.get_state()
    state["momentum/0"] = np.ones(2)
    with pytest.raises(ValueError, match=r"momentum/0 is \(2,\), expected \(4, 3\)"):
        first.set_state(state)


def test_changed_attributes_take_effect():
    ours = leaves()
    optimizer = SGD(0.1)
    optimizer.build(ours)
    set_gradients(ours)
    optimizer.learning_rate = 0.0
    before = ours[0].numpy().copy()
    optimizer.step()
    np.testing.assert_array_equal(ours[0].numpy(), before)
    optimizer.learning_rate = 1.0
    optimizer.momentum = 0.9
    optimizer.step()
    assert "momentum/0" in optimizer.get_state()
    np.testing.assert_allclose(ours[0].numpy(), before - ours[0].grad.numpy(), rtol=1e-6)
    assert float(optimizer.iterations) == 2


def test_the_rate_can_be_assigned_as_in_keras():
    ours = leaves()
    optimizer = SGD(0.5)
    optimizer.build(ours)
    gradient = np.ones((4, 3), np.float32)

    @lamina.capture
    def step(g):
        loss = ops.sum(ops.multiply(ours[0], g))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    for rate in (0.5, 0.25, 0.125):
        optimizer.learning_rate.assign(rate)
        before = ours[0].numpy().copy()
        step(gradient)
        np.testing.assert_allclose(before - ours[0].numpy(), rate, rtol=1e-5)
        assert float(optimizer.learning_rate) == rate
    assert len(step.plans) == 1
    scheduled = SGD(schedules.CosineDecay(0.1, 10))
    for change in (lambda: scheduled.learning_rate.assign(0.1), lambda: setattr(scheduled, "learning_rate", 0.1)):
        with pytest.raises(TypeError, match=r"SGD: its learning_rate is a schedule, CosineDecay.*cannot be set to 0.1"):
            change()
    scheduled.learning_rate = schedules.CosineDecay(0.2, 10)
    assert float(scheduled.learning_rate) == pytest.approx(0.2)


def test_apply_leaves_no_gradient_where_there_was_none():
    ours = leaves()
    optimizer = SGD(0.5)
    optimizer.build(ours)
    ours[0].grad = np.zeros((4, 3))
    optimizer.apply([np.ones(v.shape) for v in ours])
    np.testing.assert_array_equal(ours[0].grad.numpy(), np.ones((4, 3)))
    assert all(v.grad is None for v in ours[1:])


def test_weight_decay_can_be_excluded():
    ours = leaves()
    optimizer = SGD(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[ours[1]])
    optimizer.build(ours)
    before = [v.numpy().copy() for v in ours]
    for v in ours:
        v.grad = np.zeros(v.shape)
    optimizer.step()
    np.testing.assert_allclose(ours[0].numpy(), before[0] * 0.95, rtol=1e-6)
    np.testing.assert_array_equal(ours[1].numpy(), before[1])


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="only one of clipnorm, clipvalue, global_clipnorm"):
        Adam(clipnorm=1.0, clipvalue=1.0)
    with pytest.raises(ValueError, match="clipnorm must be positive, got -1"):
        SGD(clipnorm=-1)
    with pytest.raises(ValueError, match="learning_rate must be a finite number >= 0, got nan"):
        Adam(float("nan"))
    with pytest.raises(ValueError, match=r"beta_1 must be in \[0, 1\), got 1"):
        Adam(beta_1=1)
    with pytest.raises(TypeError, match=r"learning_rate must be a number, a schedule or a function .*, got 'x'"):
        Adam(learning_rate="x")
    with pytest.raises(ValueError, match="unknown argument of Adam 'lr': did you mean 'learning_rate'"):
        Adam(lr=0.1)
    with pytest.raises(ValueError, match="unknown argument of SGD 'use_emo': did you mean 'use_ema'"):
        SGD(use_emo=True)
    for rule in (Adam, AdamW, RMSprop):
        with pytest.raises(ValueError, match=f"{rule.__name__}: epsilon must be >= 0, got -1"):
            rule(epsilon=-1)
    with pytest.raises(ValueError, match="did you mean 'adamw'"):
        optimizers.get("adamW2")
    with pytest.raises(TypeError, match="expected a name or an Optimizer, got 3"):
        optimizers.get(3)


def test_config_round_trip():
    for optimizer in (
        SGD(0.2, momentum=0.5, nesterov=True),
        Adam(schedules.CosineDecay(0.1, 10), clipnorm=2.0),
        AdamW(weight_decay=0.1),
        RMSprop(centered=True),
    ):
        again = optimizers.deserialize(optimizers.serialize(optimizer))
        assert type(again) is type(optimizer)
        assert again.get_config() == optimizer.get_config()


def test_a_schedule_sets_the_rate_of_each_step():
    v = Tensor(np.zeros(1), requires_grad=True)
    optimizer = SGD(schedules.PiecewiseConstantDecay([0, 1], [1.0, 0.1, 0.01]))
    optimizer.build([v])
    for expected in (-1.0, -1.1, -1.11):
        v.grad = np.ones(1)
        optimizer.step()
        assert v.item() == pytest.approx(expected)
    assert float(optimizer.learning_rate) == 0.01


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (schedules.ExponentialDecay(1.0, 10, 0.5), {0: 1.0, 5: 0.5**0.5, 20: 0.25}),
        (schedules.ExponentialDecay(1.0, 10, 0.5, staircase=True), {9: 1.0, 10: 0.5}),
        (schedules.InverseTimeDecay(1.0, 10, 0.5), {0: 1.0, 10: 1 / 1.5}),
        (schedules.PiecewiseConstantDecay([5, 8], [1, 2, 3]), {5: 1, 6: 2, 8: 2, 9: 3}),
        (schedules.PolynomialDecay(1.0, 10, 0.1, 2.0), {0: 1.0, 5: 0.9 / 4 + 0.1, 99: 0.1}),
        (schedules.PolynomialDecay(1.0, 10, 0.0, cycle=True), {5: 0.5, 10: 0.0, 15: 0.25}),
        (schedules.CosineDecay(1.0, 10, alpha=0.1), {0: 1.0, 5: 0.55, 10: 0.1, 50: 0.1}),
        (schedules.CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=4), {0: 0.0, 2: 0.5, 4: 1.0, 9: 0.5, 14: 0.0}),
        (schedules.CosineDecayRestarts(1.0, 10), {0: 1.0, 5: 0.5, 10: 1.0, 20: 0.5, 30: 1.0}),
        (schedules.CosineDecayRestarts(1.0, 10, t_mul=1.0, m_mul=0.5), {10: 0.5, 15: 0.25, 20: 0.25}),
    ],
    ids=lambda v: type(v).__name__ if not isinstance(v, dict) else "",
)
def test_schedules_follow_their_formulas(schedule, values):
    for step, value in values.items():
        assert schedule(step) == pytest.approx(value, abs=1e-12), step
    again = schedules.deserialize(schedules.serialize(schedule))
    assert [again(s) for s in values] == [schedule(s) for s in values]


def test_optimizers_and_schedules_of_one_s_own_come_back_from_descriptions():
    class Halving(schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.5**step

        def get_config(self):
            return {}

    class Plain(SGD):
        pass

    described = schedules.serialize(Halving())
    assert isinstance(schedules.deserialize(described, {"Halving": Halving}), Halving)
    with pytest.raises(ValueError, match="must be passed in custom_objects"):
        schedules.deserialize(described)
    described = optimizers.serialize(Plain(Halving(), momentum=0.5))
    again = optimizers.deserialize(described, {"Halving": Halving, "Plain": Plain})
    assert type(again) is Plain
    assert again.momentum == 0.5
    assert isinstance(again.get_config()["learning_rate"], dict)
    with pytest.raises(ValueError, match="Plain"):
        optimizers.deserialize(described, {"Halving": Halving})


def test_schedules_refuse_bad_arguments():
    with pytest.raises(ValueError, match="2 boundaries need 3 values, got 2"):
        schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2])
    with pytest.raises(ValueError, match="decay_steps must be positive, got 0"):
        schedules.CosineDecay(0.1, 0)


def test_state_by_key_builds_with_the_variables_that_it_names():
    ours = leaves()
    first = Adam(0.1)
    first.build(ours[::-1])
    set_gradients(ours)
    first.step()
    keys = [f"layer/{i}" for i in range(len(ours))]
    state = first.get_state(dict(zip(keys[:1], ours[:1], strict=True)))
    assert set(state) == {"iterations", "learning_rate", "momentum/layer/0", "velocity/layer/0"}
    copies = [Tensor(v.numpy().copy(), requires_grad=True) for v in ours]
    copies[0].requires_grad = False  # frozen since
    second = Adam(0.5)
    second.set_state(state, dict(zip(keys, copies, strict=True)))
    np.testing.assert_array_equal(second.get_state()["momentum/0"], state["momentum/layer/0"])
    with pytest.raises(ValueError, match="no variable 'layer/0'; known are other"):
        second.set_state(state, {"other": copies[0]})
