"""The threads of parallel regions: the same bits whoever works, and no harm to forks, signals and idle processes."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest

from lamina import _native

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def products(seed: int = 0) -> list[np.ndarray]:
    """Chunks of equal cost, tasks, tasks with scratch of each thread's own, and a divided sum."""
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal((300, 400)).astype(np.float32), rng.standard_normal((400, 500)).astype(np.float32)
    y = _native.dense_forward(x, w, None, "tanh")
    images = rng.standard_normal((8, 16, 16, 24)).astype(np.float32)
    kernel = rng.standard_normal((3, 3, 24, 24)).astype(np.float32)
    strides, ones = (2, 2), (1, 1)
    z = _native.conv_forward(images, kernel, None, strides, "same", ones, 1, "linear")
    winograd = _native.conv_forward(images, kernel, None, ones, "same", ones, 1, "relu")
    dw = np.empty_like(kernel)
    _native.conv_backward(images, kernel, z, z, strides, "same", ones, 1, "linear", None, dw, None, 0)
    return [y, z, winograd, dw]


def same(a, b) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("n", [2, 3, 8, 16])
def test_more_threads_than_processors_give_the_same_bits(threads, n):
    threads(1)
    want = products()
    threads(n)
    for _ in range(5):
        assert same(products(), want)


def test_python_threads_change_the_number_while_others_compute(threads):
    threads(2)
    want = products()
    wrong = []

    def work():
        for _ in range(15):
            if not same(products(), want):
                wrong.append(1)

    workers = [threading.Thread(target=work) for _ in range(12)]  # more than there are places for regions
    for w in workers:
        w.start()
    n = 0
    while any(w.is_alive() for w in workers):
        n += 1
        _native.set_num_threads(n % 5 + 1)
        time.sleep(0.002)
    for w in workers:
        w.join()
    assert not wrong


def test_a_region_costs_little(threads):
    """What it takes beside its work; a quiet machine needs a tenth of this."""
    threads(2)
    assert _native.measure_region(0.05) < 15e-6
    threads(1)
    assert _native.measure_region(0.01) < 15e-6
    for seconds in (0, -1, 61):
        with pytest.raises(ValueError, match="measure_region: expected up to 60 seconds"):
            _native.measure_region(seconds)


def test_idle_threads_burn_nothing(threads):
    threads(8)
    products()
    time.sleep(0.05)  # they spin for a moment
    start = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - start < 0.05


FORK = """
import os, signal, sys, threading
import numpy as np, lamina
from lamina import _native, layers
lamina.set_num_threads(2)
model = lamina.Sequential([lamina.Input((64,)), layers.Dense(256, activation="relu"), layers.Dense(1)])
model.compile("adam", "mse")
x, y = np.ones((256, 64), np.float32), np.ones((256, 1), np.float32)
a, w = np.ones((300, 400), np.float32), np.ones((400, 500), np.float32)
want = _native.dense_forward(a, w, None, "linear")
model.fit(x, y, batch_size=64, verbose=0)
model.predict(x, verbose=0)
done = threading.Event()
def train():
    while not done.is_set():
        model.fit(x, y, batch_size=64, verbose=0)
        model.predict(x[:33], verbose=0)
        lamina.capture(lambda x: lamina.ops.tanh(x) * 2.0)(x)
thread = threading.Thread(target=train)
thread.start()
children, bad = [], []
for _ in range(FORKS):
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a hang is an end by a signal
        try:
            model.predict(x, verbose=0)
            model.fit(x, y, batch_size=64, verbose=0)
            np.testing.assert_array_equal(_native.dense_forward(a, w, None, "linear"), want)
            assert lamina.get_num_threads() == 2
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    children.append(child)
    if len(children) == 4 or _ == FORKS - 1:
        bad += [s for s in (os.waitpid(c, 0)[1] for c in children) if s]
        children = []
done.set()
thread.join()
print(bad, (_native.dense_forward(a, w, None, "linear") == want).all())
"""


@needs_fork
def test_children_forked_while_another_thread_fits(python):
    assert python(FORK.replace("FORKS", "40"), timeout=300) == "[] True"


DRAW = """
import os, signal, threading
import numpy as np, lamina
lamina.random.seed(0)
rng = lamina.core.generator.numpy_generator()
batches = lamina.data.batches(np.zeros((1 << 20, 1), np.float32), batch_size=1 << 20, shuffle=True, seed=1)
done = threading.Event()
def draw(f):
    while not done.is_set():
        f()
threads = [threading.Thread(target=draw, args=(f,)) for f in (lambda: rng.permutation(1 << 20), lambda: list(batches))]
for t in threads:
    t.start()
bad = []
for _ in range(10):
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        rng.permutation(10)
        list(batches)
        os._exit(0)
    bad += [s for s in [os.waitpid(child, 0)[1]] if s]
done.set()
for t in threads:
    t.join()
print(bad)
"""


@needs_fork
def test_children_draw_random_numbers_while_another_thread_did(python):
    assert python(DRAW, timeout=120) == "[]"


GRANDCHILD = """
import os, time
import numpy as np
from lamina import _native
_native.set_num_threads(3)
a, w = np.ones((300, 400), np.float32), np.ones((400, 500), np.float32)
want = _native.dense_forward(a, w, None, "linear")
for generation in range(3):
    child = os.fork()
    if child:
        status = os.waitpid(child, 0)[1]
        if generation:
            os._exit(status != 0)
        break
    if not (_native.dense_forward(a, w, None, "linear") == want).all():
        os._exit(1)
else:
    tasks, end = 0, time.monotonic() + 10  # they may start later than the work is done
    while tasks != 4 and time.monotonic() < end:
        tasks = len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 4
    os._exit(0 if tasks == 4 else 2)  # itself, two that work, and the one that leads them
print(status)
"""


@needs_fork
def test_children_and_grandchildren_have_threads_of_their_own(python):
    assert python(GRANDCHILD, timeout=60) == "0"


EXIT = """
import threading
import numpy as np
from lamina import _native
_native.set_num_threads(4)
a, w = np.ones((300, 400), np.float32), np.ones((400, 500), np.float32)
def work():
    while True:
        _native.dense_forward(a, w, None, "linear")
_native.dense_forward(a, w, None, "linear")
if BUSY:
    threading.Thread(target=work, daemon=True).start()
print("end")
"""


@pytest.mark.parametrize("busy", [False, True])
def test_the_process_ends_while_threads_sleep_or_work(python, busy):
    assert python(EXIT.replace("BUSY", str(busy)), timeout=60) == "end"


SIGNAL = """
import os, signal, threading, time
import numpy as np
from lamina import _native
_native.set_num_threads(4)
a, w = np.ones((300, 400), np.float32), np.ones((400, 500), np.float32)
want = _native.dense_forward(a, w, None, "linear")
threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
start = time.monotonic()
try:
    if SLEEP:
        time.sleep(60)
    while True:
        _native.dense_forward(a, w, None, "linear")
except KeyboardInterrupt:
    print(time.monotonic() - start < 20, (_native.dense_forward(a, w, None, "linear") == want).all())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGINT") or os.name != "posix", reason="no signals here")
@pytest.mark.parametrize("sleeping", [False, True])
def test_an_interrupt_reaches_the_main_thread(python, sleeping):
    assert python(SIGNAL.replace("SLEEP", str(sleeping)), timeout=90) == "True True"


BLOCKED = """
import os, signal, time
import numpy as np
from lamina import _native
_native.set_num_threads(3)
a, w = np.ones((300, 400), np.float32), np.ones((400, 500), np.float32)
before = set(os.listdir("/proc/self/task"))
_native.dense_forward(a, w, None, "linear")
while len(new := set(os.listdir("/proc/self/task")) - before) < 3:
    time.sleep(0.01)
time.sleep(0.5)  # a thread that has just begun may not have blocked them yet
for task in new:
    for line in open(f"/proc/self/task/{task}/status"):
        if line.startswith("SigBlk:"):
            mask = int(line.split()[1], 16)
    assert mask >> (signal.SIGINT - 1) & 1
    assert not mask >> (signal.SIGSEGV - 1) & 1  # faulthandler
print(len(new))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="no list of threads here")
def test_workers_leave_signals_to_python(python):
    assert python(BLOCKED, timeout=60) == "3"


PINNED = """
import os, threading, time
import numpy as np
from lamina import _native
_native.set_num_threads(2)
a, w = np.ones((300, 400), np.float32), np.ones((400, 500), np.float32)
every = os.sched_getaffinity(0)
def first():
    os.sched_setaffinity(0, {min(every)})
    _native.dense_forward(a, w, None, "linear")
thread = threading.Thread(target=first)
thread.start(); thread.join()
def free():
    tasks = [int(t) for t in os.listdir("/proc/self/task")]
    return len(tasks) >= 3 and all(os.sched_getaffinity(t) == every for t in tasks)
end = time.monotonic() + 20
while not free() and time.monotonic() < end:
    time.sleep(0.01)
print(free())
"""


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity masks here")
def test_a_pinned_thread_that_comes_first_pins_nobody_else(python):
    assert python(PINNED, OMP_PROC_BIND="false", timeout=60) == "True"
