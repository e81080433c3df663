"""What a captured step reads besides its arguments: gradients, optimizers, configuration, random numbers."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import lamina
from lamina import layers, ops
from lamina.core.capture import CaptureWarning, capture
from lamina.core.recording import CaptureError
from lamina.layers.variable import Variable


def leaves(n=3):
    return [lamina.Tensor(np.full(3, i + 1.0, np.float32), requires_grad=True) for i in range(n)]


def arg(i):
    return np.arange(i, i + 3).astype(np.float32)


def state_of(ws, o=None):
    grads = [None if w.grad is None else w.grad.numpy().tobytes() for w in ws]
    slots = {} if o is None else {k: v.tobytes() for k, v in o.get_state().items()}
    return [w.numpy().tobytes() for w in ws], grads, slots


def compare(program):
    """program(wrap) gives the same with steps as they are and captured; returns the captured steps."""
    captured = []

    def wrapped(f):
        captured.append(capture(f, strict=True))
        return captured[-1]

    eager = program(lambda f: lambda *a: f(*(lamina.Tensor(x) for x in a)))
    assert program(wrapped) == eager
    return captured


# ---- gradients ----


def test_zero_grad_is_replayed_without_a_backward():
    def program(wrap):
        ws = leaves(2)
        o = lamina.optimizers.SGD(0.1)
        o.build(ws)

        def gradient(x):
            loss = ops.sum(ws[0] * x) + ops.sum(ops.square(ws[1]) * x)
            loss.backward()
            return loss

        def update():
            o.step()
            o.zero_grad()

        gradient, update = wrap(gradient), wrap(update)
        seen = []
        for i in range(8):
            gradient(arg(i))
            if i % 2:
                update()
            seen.append(state_of(ws, o))
        return seen

    gradient, update = compare(program)
    assert len(gradient.plans) == 2  # without and with a gradient to add to
    assert len(update.plans) == 1


def test_a_step_updates_what_has_a_gradient_now():
    def program(wrap):
        ws = leaves()
        o = lamina.optimizers.Adam(0.1)
        o.build(ws)
        update = wrap(o.step)
        seen = []
        for used in ((0, 1, 2), (0,), (1, 2), (0,), (0, 1, 2)):
            o.zero_grad()
            for i in used:
                ops.sum(ops.square(ws[i])).backward()
            update()
            seen.append(state_of(ws, o))
        o.zero_grad()
        with pytest.raises(RuntimeError, match="no variable has a gradient"):
            update()
        return seen

    compare(program)


def test_gradients_forgotten_first():
    """PyTorch's order: what the leaves hold when the step begins does not matter."""

    def program(wrap):
        ws = leaves(2)
        o = lamina.optimizers.Adam(0.1)
        o.build(ws)

        def step(x):
            o.zero_grad()
            loss = ops.sum(ops.square(ws[0] * x - ws[1]))
            loss.backward()
            o.step()
            return loss

        step = wrap(step)
        return [(step(arg(i)).numpy().tobytes(), state_of(ws, o)) for i in range(6)]

    (step,) = compare(program)
    assert len(step.plans) == 1


@pytest.mark.parametrize("forget", [lambda w: w.zero_grad(), lambda w: setattr(w, "grad", None)])
def test_a_leafs_own_gradient_is_forgotten(forget):
    def program(wrap):
        (w,) = leaves(1)

        def step(x):
            forget(w)
            ops.sum(w * x).backward()

        step = wrap(step)
        seen = []
        for i in range(4):
            step(arg(i))
            seen.append(state_of([w]))
        return seen

    (step,) = compare(program)
    assert len(step.plans) == 1


def test_asking_whether_there_is_a_gradient():
    def program(wrap):
        (w,) = leaves(1)
        step = wrap(lambda x: x * 2.0 if w.grad is None else x * w.grad)
        seen = []
        for i in range(6):
            if i in (2, 4):
                ops.sum(w * float(i)).backward()
            if i == 5:
                w.zero_grad()
            seen.append(step(arg(i)).numpy().tobytes())
        return seen

    compare(program)


def test_applied_gradients():
    def program(wrap):
        ws = leaves(2)
        o = lamina.optimizers.SGD(0.1)
        o.build(ws)
        step = wrap(lambda x: o.apply([x, x * 2.0]))
        seen = []
        for i in range(6):
            if i == 3:
                ops.sum(ws[0]).backward()
            step(arg(i))
            seen.append(state_of(ws, o))
        return seen

    compare(program)


def test_a_given_gradient_is_read_anew():
    def program(wrap):
        (w,) = leaves(1)

        def step(x):
            w.zero_grad()
            (w * 2.0).backward(x)

        step = wrap(step)
        seen = []
        for i in range(4):
            step(arg(i))
            seen.append(state_of([w]))
        return seen

    compare(program)
    (w,) = leaves(1)
    with pytest.raises(CaptureError, match="converted its argument"):
        capture(lambda x: ops.sum(w, keepdims=True).backward(x), strict=True)(np.ones(1))


def saliency(x):
    t = lamina.Tensor(x, requires_grad=True)
    ops.sum(ops.square(t)).backward()
    return t.grad


def forgotten(x):
    t = lamina.Tensor(x, requires_grad=True)
    ops.sum(ops.square(t)).backward()
    gradient = t.grad
    t.zero_grad()
    return gradient


def of_the_argument(x):
    x.requires_grad = True
    ops.sum(ops.square(x)).backward()
    return ops.reshape(x.grad, (3,))


def of_a_detached_result(x):
    t = (x * 1.0).detach()
    t.requires_grad = True
    ops.sum(ops.square(t)).backward()
    return t.grad


def of_a_constant(x):
    t = lamina.Tensor(np.ones(3, np.float32), requires_grad=True)
    ops.sum(2.0 * t * x).backward()
    return t.grad


@pytest.mark.parametrize("step", [saliency, forgotten, of_the_argument, of_a_detached_result, of_a_constant])
def test_leaves_made_in_the_step(step):
    captured = capture(step, strict=True)
    results = [captured(arg(i)) for i in range(4)]
    for i, gradient in enumerate(results):  # those of earlier calls stay as they were
        np.testing.assert_array_equal(gradient.numpy(), 2 * arg(i))
    ((plan,),) = captured._plans.values()
    assert not plan.before  # replayed whatever gradients there are


def test_a_leaf_made_by_the_first_call_adds_up():
    def program(wrap):
        kept = []

        def step(x):
            if not kept:
                kept.append(lamina.Tensor(np.ones(3, np.float32), requires_grad=True))
            ops.sum(kept[0] * x).backward()

        step = wrap(step)
        seen = []
        for i in range(4):
            step(arg(i))
            seen.append(state_of(kept))
        return seen

    compare(program)


# ---- optimizers ----


def test_the_rate_of_a_schedule_is_read_anew():
    def program(wrap):
        ws = leaves(1)
        o = lamina.optimizers.SGD(lamina.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5))
        o.build(ws)

        def step(x):
            o.zero_grad()
            ops.sum(ws[0] * x).backward()
            before = ops.sum(x) * ops.cast(o.learning_rate, "float32")
            o.step()
            return before, x * ops.cast(o.learning_rate, "float32")

        step = wrap(step)
        seen = []
        for i in range(5):
            seen += [[r.numpy().tobytes() for r in step(arg(i))], state_of(ws, o)]
        return seen

    (step,) = compare(program)
    assert len(step.plans) == 1


@pytest.mark.parametrize(
    "rate", [0.1, lamina.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), "changed between steps"]
)
def test_two_steps_of_one_optimizer(rate):
    def program(wrap):
        ws = leaves(2)
        o = lamina.optimizers.Adam(0.1 if isinstance(rate, str) else rate)
        o.build(ws)

        def step(x):
            ops.sum(ops.square(ws[0] * x)).backward()
            o.step()
            o.zero_grad()
            ops.sum(ops.square(ws[1] * x)).backward()
            o.step()
            o.zero_grad()

        step = wrap(step)
        seen = []
        for i in range(5):
            if isinstance(rate, str):
                o.learning_rate = 0.1 / (i + 1)
            step(arg(i))
            seen.append(state_of(ws, o))
        o.learning_rate = lamina.optimizers.schedules.ExponentialDecay(0.2, 2, 0.5)
        for i in range(3):
            step(arg(i))
            seen.append(state_of(ws, o))
        o.learning_rate = lamina.optimizers.schedules.ExponentialDecay(0.05, 1, 0.9)
        for i in range(3):
            step(arg(i))
            seen.append(state_of(ws, o))
        return seen

    compare(program)


def test_setting_the_rate_inside_of_a_step_is_refused():
    ws = leaves(1)
    o = lamina.optimizers.SGD(0.1)
    o.build(ws)

    def step(x, rate):
        o.learning_rate = rate
        ops.sum(ws[0] * x).backward()
        o.step()

    with pytest.raises(CaptureError, match="learning rate"):
        capture(step, strict=True)(arg(0), 0.5)
    o.zero_grad()
    for change in (o.get_state, lambda: o.set_state(o.get_state())):
        with pytest.raises(CaptureError, match="the state of SGD"):
            capture(change, strict=True)()


# ---- values read in Python ----


@pytest.mark.parametrize("read", [str, repr, lambda t: f"{t}", copy.copy, copy.deepcopy, pickle.dumps])
def test_printing_and_copying_are_refused(read):
    with pytest.raises(CaptureError):
        capture(lambda x: (read(x * 2.0), x)[1], strict=True)(arg(0))


@pytest.mark.parametrize("read", [str, repr, "{}".format])
def test_printing_a_variable_is_refused(read):
    v = layers.Dense(1).add_weight((3,))
    with pytest.raises(CaptureError, match="printed"):
        capture(lambda x: (read(v), x)[1], strict=True)(arg(0))


def test_converting_a_tensor_with_numpy_is_refused():
    with pytest.raises(CaptureError, match="cast"):
        capture(lambda x: lamina.Tensor(x, dtype="float64"), strict=True)(arg(0))


def test_the_advice_goes_with_the_reason():
    with pytest.warns(CaptureWarning, match="Return the tensor and read it"):
        capture(lambda x: float(x[0]))(arg(0))
    with pytest.warns(CaptureWarning) as warned:
        capture(lambda x: lamina.random.normal((3,)) + x)(arg(0))
    assert "Return the tensor" not in str(warned[0].message)


# ---- random numbers ----


def test_dropout_with_a_seed_of_its_own():
    x = np.ones(1000, np.float32)
    f = capture(lambda x: lamina.random.dropout(x, 0.5, seed=3), strict=True)
    want = lamina.random.dropout(x, 0.5, seed=3).numpy()
    for _ in range(4):
        np.testing.assert_array_equal(f(x).numpy(), want)


def test_dropout_from_the_process_generator():
    x = np.ones(1000, np.float32)

    def drawn(f):
        lamina.random.seed(1)
        return [f(x).numpy().tobytes() for _ in range(4)]

    def draw(x):
        return lamina.random.dropout(x, 0.5) + lamina.random.dropout(x, 0.5)

    eager = drawn(draw)
    assert drawn(capture(draw, strict=True)) == eager
    assert len(set(eager)) == 4


@pytest.mark.parametrize(
    "draw",
    [
        lambda x: ops.dropout(x, 0.5, lamina.random.SeedGenerator(1)),
        lambda x: (lamina.random.seed(1), x * 2.0)[1],
        lambda x: x * float(lamina.core.generator.numpy_generator().random()),
    ],
)
def test_generators_made_in_a_step_are_refused(draw):
    with pytest.raises(CaptureError, match=r"lamina\.random"):
        capture(draw, strict=True)(arg(0))


# ---- variables ----


def test_variables_count_in_captured_steps():
    def program(wrap):
        layer = layers.Dense(1)
        total = layer.add_weight((3,), "zeros", trainable=False)
        least = layer.add_weight((3,), "ones", trainable=True)

        def step(x):
            total.assign_add(x)
            total.assign_sub(0.5)
            least.assign_sub(ops.sum(x))
            total.assign(ops.reshape(least, (3,)) + total)
            return total * 1.0

        step = wrap(step)
        return [step(arg(i)).numpy().tobytes() for i in range(4)]

    compare(program)


def test_integer_variables_keep_their_type():
    v = Variable(np.zeros(2, np.int64))
    v.assign_add(np.array([2**53 + 1, 1]))
    v.assign_sub(1)
    assert v.numpy().tolist() == [2**53, 0]
    v.assign(lamina.Tensor(np.array([5, 6])))
    assert v.numpy().tolist() == [5, 6]
    with pytest.raises(ValueError, match="cannot assign shape"):
        Variable(np.zeros(2, np.float32)).assign_add(np.ones((3, 2)))
