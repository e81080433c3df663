"""Captured steps: the same bits as eager, at any thread count; what cannot be captured runs eagerly and says so."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import lamina
from lamina import Tensor, _native, layers, no_grad, ops
from lamina.core.capture import CaptureWarning, capture
from lamina.core.recording import CaptureError


def mlp(seed=0, rate=0.3):
    lamina.random.seed(seed)
    model = lamina.Sequential(
        [lamina.Input((6,)), layers.Dense(16, activation="relu"), layers.Dropout(rate), layers.Dense(3)]
    )
    optimizer = lamina.optimizers.Adam(0.01)
    optimizer.build(model.trainable_weights)
    loss_fn = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)

    def step(x, y):
        loss = loss_fn(y, model(x, training=True))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    return model, optimizer, step


def batches(n=10, size=8, seed=1):
    rng = np.random.default_rng(seed)
    return [
        (rng.standard_normal((size, 6)).astype(np.float32), rng.integers(0, 3, size).astype(np.int64)) for _ in range(n)
    ]


def run(step, data):
    return [step(x, y).numpy().tobytes() for x, y in data]


def test_ten_steps_give_the_bits_of_eager():
    model, _, step = mlp()
    eager = run(lambda x, y: step(lamina.Tensor(x), lamina.Tensor(y)), batches())
    weights = [w.numpy().tobytes() for w in model.weights]
    model, _, step = mlp()
    captured = capture(step, strict=True)
    assert run(captured, batches()) == eager
    assert [w.numpy().tobytes() for w in model.weights] == weights
    assert len(captured.plans) == 1
    assert captured.reason is None


def test_same_bits_at_any_thread_count():
    before = _native.get_num_threads()
    seen = []
    try:
        for threads in (1, 2, 3, 4):
            _native.set_num_threads(threads)
            _, _, step = mlp()
            seen.append(run(capture(step, strict=True), batches(5, 300)))
    finally:
        _native.set_num_threads(before)
    assert all(s == seen[0] for s in seen)


def test_new_shapes_are_captured_in_a_bounded_cache():
    _, _, step = mlp()
    captured = capture(step, max_plans=3)
    for size in (4, 5, 6, 7, 4, 5):
        captured(*batches(1, size)[0])
    assert len(captured.plans) == 3


def test_memory_is_flat_over_changing_shapes():
    _, _, step = mlp()
    captured = capture(step, max_plans=4)
    data = [batches(1, size)[0] for size in range(1, 9)]

    def cycle():
        for x, y in data:
            captured(x, y)

    cycle()
    cycle()
    _native.pool_clear()
    before = _native.pool_stats()["in_use"]
    for _ in range(20):
        cycle()
    assert _native.pool_stats()["in_use"] <= before * 1.05 + 65536


def test_results_are_not_overwritten_by_the_next_replay():
    _, _, step = mlp()
    captured = capture(step)
    losses = [captured(x, y) for x, y in batches(4)]
    assert len({loss.numpy().tobytes() for loss in losses}) == 4


@pytest.mark.parametrize("read", [float, bool, lambda t: t.numpy(), np.asarray, lambda t: t.item()])
def test_reading_a_value_falls_back_to_eager_with_its_reason(read):
    _, _, step = mlp()
    values = []

    def reads(x, y):
        loss = step(x, y)
        values.append(read(loss))
        return loss

    captured = capture(reads)
    data = batches(3)
    with pytest.warns(CaptureWarning, match="runs eagerly"):
        captured(*data[0])
    for x, y in data[1:]:
        captured(x, y)
    assert len(values) == 3  # it really ran each time
    _, _, again = mlp()
    with pytest.raises(CaptureError, match="cannot be captured"):
        capture(lambda x, y: float(again(x, y)), strict=True)(*data[0])


def test_learning_rate_takes_effect():
    model, optimizer, step = mlp(rate=0.0)
    captured = capture(step, strict=True)
    x, y = batches(1)[0]
    captured(x, y)
    captured(x, y)
    optimizer.learning_rate = 0.0
    before = [w.numpy().copy() for w in model.trainable_weights]
    captured(x, y)
    for b, w in zip(before, model.trainable_weights, strict=True):
        np.testing.assert_array_equal(b, w.numpy())


def test_dropout_rate_and_trainable_take_effect():
    model, _, step = mlp(rate=0.5)
    captured = capture(step)
    x, y = batches(1)[0]
    first = [captured(x, y).item() for _ in range(3)]
    assert len(set(first)) == 3
    model.layers[-2].rate = 0.0
    model.layers[-1].trainable = False
    kernel = model.layers[-1].kernel.numpy().copy()
    captured(x, y)
    captured(x, y)
    np.testing.assert_array_equal(model.layers[-1].kernel.numpy(), kernel)


def test_state_that_a_captured_step_makes_is_kept():
    def train(wrap):
        model, optimizer, step = mlp()
        step = wrap(step)
        for i, (x, y) in enumerate(batches(8)):
            if i == 3:
                optimizer.amsgrad = True  # one slot more, made while the step is recorded
            step(lamina.Tensor(x), lamina.Tensor(y))
        return [w.numpy().tobytes() for w in model.trainable_weights]

    assert train(lambda f: f) == train(capture)


def test_gradients_accumulate_as_in_eager():
    def gradient(wrap):
        lamina.random.seed(0)
        model = lamina.Sequential([lamina.Input((6,)), layers.Dense(3)])

        def step(x):
            loss = ops.sum(ops.square(model(x)))
            loss.backward()
            return loss

        step = wrap(step)
        for x, _ in batches(3):
            step(lamina.Tensor(x))
        return model.layers[-1].kernel.grad.numpy().tobytes()

    assert gradient(lambda f: f) == gradient(capture)


def test_an_error_in_a_replay_leaves_the_last_whole_step():
    model, _, step = mlp()
    captured = capture(step, strict=True)
    data = batches(3)
    for x, y in data:
        captured(x, y)
    before = [w.numpy().tobytes() for w in model.weights]
    bad = data[0][1].copy()
    bad[3] = 7
    with pytest.raises((IndexError, ValueError), match="7"):
        captured(data[0][0], bad)
    assert [w.numpy().tobytes() for w in model.weights] == before
    captured(*data[0])


def test_structures_and_constants():
    @capture
    def f(inputs, scale, flag=None):
        a, b = inputs["a"], inputs["b"]
        y = (a + b) * scale
        return {"y": y, "z": [a - b, "text", flag]}

    for i in range(3):
        a, b = np.full(4, i, np.float32), np.ones(4, np.float32)
        for scale in (2.0, 3.0):
            out = f({"a": a, "b": b}, scale, flag=True)
            np.testing.assert_array_equal(out["y"].numpy(), (a + b) * scale)
            np.testing.assert_array_equal(out["z"][0].numpy(), a - b)
            assert out["z"][1:] == ["text", True]


def test_no_grad_inside_and_outside():
    lamina.random.seed(0)
    model = lamina.Sequential([lamina.Input((6,)), layers.Dense(4, activation="tanh")])
    predict = capture(lambda x: model(x, training=False))
    x, _ = batches(1)[0]
    with lamina.no_grad():
        a = predict(x).numpy()
        b = predict(x).numpy()
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(predict(x).numpy(), a)


def test_losses_read_their_labels_anew():
    """Labels go through slots too: whatever converts them must be part of the plan."""
    rng = np.random.default_rng(0)
    cases = {
        "sparse_categorical_crossentropy": lambda: rng.integers(0, 4, 8),
        "categorical_crossentropy": lambda: np.eye(4, dtype=np.float32)[rng.integers(0, 4, 8)],
        "binary_crossentropy": lambda: rng.integers(0, 2, (8, 4)),
        "mse": lambda: rng.standard_normal((8, 4)),
        "mae": lambda: rng.standard_normal((8, 4)).astype(np.float32),
        "huber": lambda: rng.standard_normal((8, 4)).astype(np.float32),
    }
    for name, labels in cases.items():
        fn = lamina.losses.get(name)
        step = capture(lambda y, p, fn=fn: fn(y, ops.softmax(p)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CaptureWarning)
            for _ in range(3):
                y, p = labels(), rng.standard_normal((8, 4)).astype(np.float32)
                want = np.asarray(fn(lamina.Tensor(y), ops.softmax(lamina.Tensor(p))))
                np.testing.assert_array_equal(np.asarray(step(y, p)), want, err_msg=name)
        assert step.reason is None, name


def test_a_plan_is_of_one_mode_of_gradients():
    w = Tensor(np.ones(3, np.float32), requires_grad=True)
    run = capture(lambda x: x * w * (2.0 if (x * w).requires_grad else 3.0), strict=True)
    x = np.ones(3, np.float32)
    for _ in range(2):
        for _ in range(3):
            assert run(x).tolist() == [2, 2, 2]
        with no_grad():
            for _ in range(3):
                assert run(x).tolist() == [3, 3, 3]
    assert len(run.plans) == 2


@pytest.mark.parametrize("most", [1, 2])
def test_the_plan_used_longest_ago_is_dropped(most):
    sizes = []
    run = capture(lambda x: (sizes.append(x.shape[0]), ops.multiply(x, 2.0))[1], max_plans=most)
    for n in (1, 2, 1, 3, 1, 2):
        assert run(np.ones(n, np.float32)).tolist() == [2.0] * n
    assert sizes == ([1, 2, 1, 3, 1, 2] if most == 1 else [1, 2, 3, 2])
    assert len(run.plans) == most
    run.reset()
    assert run.plans == []
    with pytest.raises(ValueError, match="max_plans must be at least 1, got 0"):
        capture(lambda: None, max_plans=0)


def test_a_captured_step_is_captured_anew_with_other_options():
    def double(x):
        return ops.multiply(x, 2.0)

    captured = capture(double, max_plans=2)
    assert capture(captured, max_plans=2) is captured
    assert capture(captured, max_plans=2, name="double") is captured
    more = capture(captured, max_plans=3, name="other")
    assert more.__name__ == "other"
    for n in range(1, 5):
        assert captured(np.ones(n)).tolist() == more(np.ones(n)).tolist() == [2.0] * n
    assert (len(captured.plans), len(more.plans)) == (2, 3)
    reads = capture(lambda x: ops.multiply(x, x.sum().item()), name="reads")
    with pytest.raises(CaptureError, match="reads cannot be captured"):
        capture(reads, strict=True)(np.ones(2))


def test_a_result_that_is_a_weight_is_the_weight_itself():
    w = Tensor(np.ones(3), requires_grad=True)
    step = capture(lambda x: w)
    other = capture(lambda x: ops.add(x, w))
    for _ in range(3):
        assert step(Tensor(np.zeros(3))) is w
        other(Tensor(np.zeros(3)))
    assert other._latest.result_is_tensor
    assert not step._latest.result_is_tensor


def test_a_call_like_the_last_one_does_not_look_at_its_arguments_one_by_one(monkeypatch):
    step = capture(ops.add)
    x = np.arange(6.0).reshape(2, 3)
    for _ in range(2):
        step(Tensor(x), x)

    def flatten(*_):
        raise AssertionError

    monkeypatch.setattr("lamina.core.capture._flatten", flatten)
    np.testing.assert_array_equal(step(Tensor(x), x), 2 * x)
