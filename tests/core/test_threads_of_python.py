"""Python threads: gradient modes and recordings are each thread's own."""

from __future__ import annotations

import threading

import numpy as np

import lamina
from lamina import layers, ops
from lamina.core.capture import capture
from lamina.core.grad_mode import grad_mode


def run_together(*functions):
    """Run each in a thread of its own, all at once; raise what one of them raised."""
    errors = []
    barrier = threading.Barrier(len(functions))

    def guarded(f):
        try:
            barrier.wait(30)
            f()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(f,)) for f in functions]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]


def model():
    m = lamina.Sequential([lamina.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    m.compile("adam", "mse")
    return m


def test_modes_are_each_threads_own():
    inside, outside = threading.Event(), threading.Event()
    seen = []

    def other():
        inside.wait(30)
        seen.append(grad_mode.enabled)
        outside.set()

    thread = threading.Thread(target=other)
    thread.start()
    with lamina.no_grad():
        inside.set()
        outside.wait(30)
        assert not grad_mode.enabled
    thread.join()
    assert seen == [True]
    assert grad_mode.enabled


def test_one_thread_trains_while_another_predicts():
    x, y = np.ones((64, 4), np.float32), np.ones((64, 1), np.float32)
    one, two = model(), model()
    done = threading.Event()

    def train():
        try:
            for _ in range(20):
                one.fit(x, y, batch_size=8, verbose=0)
        finally:
            done.set()

    def predict():
        while not done.is_set():
            two.predict(x, batch_size=8, verbose=0)

    run_together(train, predict)


def test_two_threads_predict_and_leave_the_mode():
    x = np.ones((64, 4), np.float32)
    one, two = model(), model()
    run_together(
        *(lambda m=m: [m.predict(x, batch_size=8, verbose=0) for _ in range(50)] for m in (one, two)),
    )
    assert grad_mode.enabled


def test_a_recording_sees_its_own_thread_alone():
    w, other = (lamina.Tensor(np.ones(3, np.float32), requires_grad=True) for _ in range(2))
    recording, finished = threading.Event(), threading.Event()

    def elsewhere():
        recording.wait(30)
        loss = ops.sum(other * 2.0)
        loss.backward()
        float(loss)
        str(loss)
        finished.set()

    thread = threading.Thread(target=elsewhere)
    thread.start()

    def step(x):
        recording.set()
        finished.wait(30)
        loss = ops.sum(w * x)
        loss.backward()
        return loss

    captured = capture(step, strict=True)
    captured(np.ones(3, np.float32))
    thread.join()
    assert captured.reason is None
    assert len(captured.plans) == 1
    other.zero_grad()
    captured(np.ones(3, np.float32))  # w has a gradient now: recorded once more
    captured(np.ones(3, np.float32))
    assert len(captured.plans) == 2
    assert other.grad is None


def test_threads_record_at_once():
    """What each plan keeps alive is its own: else the arrays of one would be freed."""
    results = {}

    def work(seed):
        rng = np.random.default_rng(seed)
        for i in range(40):
            w = rng.standard_normal((64, 64)).astype(np.float32)
            f = capture(lambda x, w=w: ops.matmul(ops.tanh(ops.matmul(x, w)), w * 1.0), strict=True)
            x = rng.standard_normal((8, 64)).astype(np.float32)
            del w
            results[seed, i] = [f(x).numpy().tobytes() for _ in range(3)]

    run_together(*(lambda s=s: work(s) for s in range(3)))
    assert all(len(set(r)) == 1 for r in results.values())


def test_tapes_of_two_threads_do_not_mix():
    def work(n, out):
        for _ in range(200):
            w = lamina.Tensor(np.full(3, n, np.float32), requires_grad=True)
            y = w
            for _ in range(5):
                y = y * 2.0 + w
            ops.sum(y).backward()
            out.add(w.grad.numpy().tobytes())

    found = set(), set()
    run_together(*(lambda n=n, out=out: work(n, out) for n, out in enumerate(found)))
    assert found[0] == found[1]
    assert len(found[0]) == 1


def test_each_thread_trains_a_model_of_its_own():
    """Together to the bits of one after the other: weights, optimizer, dropout, metrics and plans are each model's."""

    def trained(seed):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((48, 9, 8)).astype(np.float32), rng.integers(0, 3, 48)
        started = [lamina.initializers.GlorotUniform(seed=10 * seed + i) for i in range(3)]
        m = lamina.Sequential(
            [
                lamina.Input((9, 8)),
                layers.Conv1D(16, 3, activation="relu", kernel_initializer=started[0]),
                layers.BatchNormalization(),
                layers.LSTM(8, kernel_initializer=started[1], recurrent_initializer=started[2]),
                layers.Dropout(0.3, seed=seed),
                layers.Dense(3, kernel_initializer=started[0]),
            ]
        )
        loss = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)
        m.compile("adam", loss, metrics=["accuracy"])
        history = m.fit(x, y, batch_size=16, epochs=4, shuffle=False, verbose=0)
        return history.history["loss"], m.predict(x, verbose=0).tobytes(), [w.numpy().tobytes() for w in m.weights]

    want = [trained(seed) for seed in range(4)]
    got = {}
    run_together(*(lambda s=s: got.__setitem__(s, trained(s)) for s in range(4)))
    assert [got[s] for s in range(4)] == want
