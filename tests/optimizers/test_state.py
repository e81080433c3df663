"""Options of optimizers at the ends of their ranges, and their state as arrays."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from optimizer_examples import NATIVE, leaves, set_gradients

import lamina
from lamina.core.autograd import Tensor
from lamina.optimizers import SGD, Adam, schedules


def test_ranges_of_what_all_share():
    for limit in ("clipnorm", "clipvalue", "global_clipnorm"):
        assert getattr(SGD(**{limit: 1e-6}), limit) == 1e-6
        with pytest.raises(ValueError, match=f"{limit} must be positive, got 0"):
            SGD(**{limit: 0})
    for rate in (0.0, 0.5, 1e-30):
        optimizer = SGD(rate)
        assert float(optimizer.learning_rate) == rate
        assert optimizer.learning_rate.shape == optimizer.iterations.shape == ()
        assert optimizer.get_config()["learning_rate"] == rate
    for rate in (-1e-30, -1.0, math.inf):
        with pytest.raises(ValueError, match="learning_rate must be a finite number >= 0"):
            SGD(rate)


# What slots hold before the first step where it is not zero, given a weight.
FIRST = {
    ("Adagrad", "accumulator"): lambda w: np.full(w.shape, 0.1, w.dtype),
    ("Ftrl", "accumulator"): lambda w: np.full(w.shape, 0.1, w.dtype),
    ("ScheduleFreeAdamW", "momentum"): lambda w: w,
}


@pytest.mark.parametrize("name", NATIVE)
def test_a_new_state(name):
    ours = leaves()
    optimizer = NATIVE[name]()
    optimizer.build(ours)
    state = optimizer.get_state()
    slots = {f"{slot}/{i}" for slot in optimizer._slot_names() for i in range(2)}
    assert set(state) == {"iterations", "learning_rate"} | slots
    assert state["iterations"].tolist() == [0]
    assert state["learning_rate"].shape == (1,)
    for slot in slots:
        kind, place = slot.split("/")
        weight = ours[int(place)].numpy()
        np.testing.assert_array_equal(state[slot], FIRST.get((name, kind), np.zeros_like)(weight))
    assert [v.shape for v in optimizer.variables] == [(), ()] + [(4, 3), (3,)] * len(optimizer._slot_names())
    optimizer.set_state(state)  # also as it is before the first step


def test_the_state_is_a_copy():
    ours = leaves()
    optimizer = Adam(0.1)
    optimizer.build(ours)
    state = optimizer.get_state()
    for array in state.values():
        array[...] = 7
    assert int(optimizer.iterations) == 0
    assert not any(a.any() for name, a in optimizer.get_state().items() if "/" in name)


DAMAGED = [
    ("iterations", np.array([-1]), "iterations -1 are damaged"),
    ("iterations", np.array([2**63], np.uint64), "are damaged"),
    ("iterations", np.array([1, 2]), r"iterations is \(2,\), expected \(1,\)"),
    ("iterations", np.array([1.0]), "iterations is of dtype float64"),
    ("learning_rate", np.array([np.nan]), "learning_rate nan, .* damaged"),
    ("learning_rate", np.array([np.inf]), "learning_rate inf, .* damaged"),
    ("learning_rate", np.array([-1e-9]), "learning_rate -1e-09, .* damaged"),
    ("learning_rate", np.array([1]), "learning_rate is of dtype int64"),
    ("learning_rate", np.array(1.0), r"learning_rate is \(\), expected \(1,\)"),
    ("accumulated", np.array([1, 1]), r"accumulated is \(2,\), expected \(1,\)"),
    ("accumulated", np.array([1.0]), "accumulated is of dtype float64"),
    ("momentum/1", np.array([1, 2, 3]), "momentum/1 is of dtype int64"),
]


@pytest.mark.parametrize(("name", "value", "message"), DAMAGED)
def test_a_damaged_state_changes_nothing(name, value, message):
    ours = leaves()
    optimizer = SGD(0.5, momentum=0.9, gradient_accumulation_steps=2)
    optimizer.build(ours)
    set_gradients(ours)
    optimizer.step()
    before = optimizer.get_state()
    with pytest.raises((ValueError, TypeError), match=message):
        optimizer.set_state({**before, "iterations": np.array([5]), name: value})
    for key, array in optimizer.get_state().items():
        np.testing.assert_array_equal(array, before[key])


def test_the_ends_of_what_a_state_may_hold():
    optimizer = SGD(0.5)
    optimizer.build(leaves())
    for steps, rate in ((0, 0.0), (2**63 - 1, 1e300)):
        optimizer.set_state({"iterations": np.array([steps]), "learning_rate": np.array([rate])})
        assert (int(optimizer.iterations), float(optimizer.learning_rate)) == (steps, rate)


def test_variables_that_a_state_does_not_name_start_from_zero():
    ours = leaves()
    optimizer = SGD(0.5, momentum=0.9)
    optimizer.build(ours)
    set_gradients(ours)
    optimizer.step()
    state = optimizer.get_state({"a": ours[0]})
    optimizer.set_state(state, dict(zip("ab", ours, strict=True)))
    after = optimizer.get_state()
    np.testing.assert_array_equal(after["momentum/0"], state["momentum/a"])
    assert after["momentum/0"].any()
    assert not after["momentum/1"].any()


def test_gradients_from_before_a_state_was_read_count():
    """Half of a cycle, then the state goes to another optimizer, whose half has gradients of other variables."""
    v, w = Tensor(np.zeros(2), requires_grad=True), Tensor(np.zeros(2), requires_grad=True)
    first, second = (SGD(1.0, gradient_accumulation_steps=2) for _ in range(2))
    first.build([v, w])
    v.grad = np.full(2, 4.0)
    first.step()
    second.build([v, w])
    second.set_state(first.get_state())
    assert second._seen() == 1
    second.zero_grad()
    w.grad = np.full(2, 6.0)
    second.step()
    assert v.numpy().tolist() == [-2.0] * 2
    assert w.numpy().tolist() == [-3.0] * 2


def test_weight_decay_leaves_out_names_and_variables():
    names = ("dense/kernel", "dense/bias", "norm/gamma")
    ours = [lamina.Variable(np.ones(2, np.float32), name=name) for name in names]
    optimizer = SGD(1.0, weight_decay=0.5)
    optimizer.build(ours)
    optimizer.exclude_from_weight_decay([ours[2]], ["bias"])
    optimizer.apply([np.zeros(2)] * 3)
    assert [float(v.numpy()[0]) for v in ours] == [0.5, 1.0, 1.0]
    copies = copy.deepcopy((optimizer, ours))
    copies[0].apply([np.zeros(2)] * 3)
    assert [float(v.numpy()[0]) for v in copies[1]] == [0.25, 1.0, 1.0]
    assert [float(v.numpy()[0]) for v in ours] == [0.5, 1.0, 1.0]


def test_without_weight_decay_nothing_decays():
    v = Tensor(np.ones(3), requires_grad=True)
    for decay in (None, 0.0):
        optimizer = SGD(1.0, weight_decay=decay)
        optimizer.build([v])
        optimizer.apply([np.zeros(3)])
        assert v.numpy().tolist() == [1.0] * 3


@pytest.mark.parametrize("accumulated", [None, 2])
def test_a_schedule_gives_the_rate_of_captured_steps(accumulated):
    """Two updates in one captured step: each has the rate of its own place."""
    schedule = schedules.PolynomialDecay(1.0, 8, 0.0)
    v = Tensor(np.zeros(1), requires_grad=True)
    optimizer = SGD(schedule, gradient_accumulation_steps=accumulated)
    optimizer.build([v])
    rates = []

    @lamina.capture
    def step(x):
        for _ in range(2):
            optimizer.zero_grad()
            lamina.ops.sum(v * x).backward()
            optimizer.step()
        return v * 1.0

    for i in range(3):
        before = float(v.numpy()[0])
        step(np.ones(1))
        rates.append(before - float(v.numpy()[0]))
        assert float(optimizer.learning_rate) == schedule(2 * (i + 1))
    assert len(step.plans) == 1
    places = [(1,), (3,), (5,)] if accumulated else [(0, 1), (2, 3), (4, 5)]
    assert rates == pytest.approx([sum(schedule(p) for p in each) for each in places])


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Lamb", "Ftrl"])
def test_state_dict(name):
    def trained(optimizer, w, steps):
        for _ in range(steps):
            optimizer.apply([np.array([1.0, -2.0, 0.5])], [w])
        return w.numpy().copy()

    w, other = (lamina.Variable("ones", (3,), "float64") for _ in range(2))
    optimizer, again = (getattr(lamina.optimizers, name)(0.1) for _ in range(2))
    other.assign(trained(optimizer, w, 2))
    again.load_state_dict(optimizer.state_dict())  # before build
    np.testing.assert_array_equal(trained(again, other, 2), trained(optimizer, w, 2))
