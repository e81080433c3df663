"""PyDatasets with workers: order, errors, workers that die, what is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import lamina
from lamina import layers, utils

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Pythons from 3.12 on
KINDS = [{}, {"workers": 0}, {"workers": 3}, {"workers": 1, "use_multiprocessing": True},
         {"workers": 3, "use_multiprocessing": True, "max_queue_size": 4}]  # fmt: skip


class Batches(utils.PyDataset):
    """Twelve batches; ``happens`` is called in front of batch 5."""

    def __init__(self, happens=None, **options):
        super().__init__(**options)
        self.happens = happens
        self.calls = []

    def __len__(self):
        return 12

    def __getitem__(self, index):
        if index == 5 and self.happens is not None:
            self.happens()
        time.sleep(0.001 * (index % 3))
        return np.full((2, 3), index, np.float32), np.full(2, os.getpid())

    def on_epoch_begin(self):
        self.calls.append("begin")

    def on_epoch_end(self):
        self.calls.append("end")


def divide():
    return 1 // 0


@pytest.fixture(autouse=True)
def _nothing_is_left():
    before = set(multiprocessing.active_children())  # such as those that scikit-learn keeps
    yield
    assert not set(multiprocessing.active_children()) - before
    assert not [t for t in threading.enumerate() if t.name.startswith("lamina.data")]


@pytest.mark.parametrize("options", KINDS)
def test_order(options):
    made = list(Batches(**options))
    assert [int(x[0, 0]) for x, _ in made] == list(range(12))
    processes = {int(pid[0]) for _, pid in made}
    assert (os.getpid() in processes) == ("use_multiprocessing" not in options)
    assert len(processes) == (options["workers"] if "use_multiprocessing" in options else 1)


@pytest.mark.parametrize("options", KINDS)
def test_fit(options):
    seen = []

    class Watch(lamina.Model):
        def train_step(self, data):
            seen.append(int(np.asarray(data[0])[0, 0]))
            return {"loss": 0.0}

    model = Watch()
    model.compile()
    source = Batches(**options)
    model.fit(source, epochs=2, verbose=0, shuffle=False)
    assert seen == 2 * list(range(12))
    assert source.calls == ["begin", "end"] * 2
    seen.clear()
    model.fit(source, epochs=2, verbose=0)  # as Keras: in a new order each epoch
    assert sorted(seen[:12]) == sorted(seen[12:]) == list(range(12))
    assert len({tuple(seen[:12]), tuple(seen[12:]), tuple(range(12))}) == 3
    with pytest.raises(ZeroDivisionError, match="by zero"):
        model.fit(Batches(divide, **options), verbose=0)


@pytest.mark.parametrize("options", KINDS[2:])
def test_errors_end_the_epoch(options):
    with pytest.raises(ZeroDivisionError, match=r"Batches\[5\].*by zero") as caught:
        list(Batches(divide, **options))
    if "use_multiprocessing" in options:
        assert "in divide" in str(caught.value.__cause__)  # the worker's traceback
    else:
        assert "divide" in [frame.name for frame in caught.traceback]


class Odd(Exception):
    """Can't be pickled and read again."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class Unsendable(Batches):
    def __getitem__(self, index):
        return threading.Lock()


def odd():
    raise Odd(1, 2)


def test_errors_and_batches_that_cannot_be_sent():
    with pytest.raises(RuntimeError, match=r"Batches\[5\]: Odd: 1 and 2"):
        list(Batches(odd, workers=2, use_multiprocessing=True))

    with pytest.raises(TypeError, match=r"Unsendable\[0\]: the batch cannot be sent by a process: cannot pickle"):
        list(Unsendable(workers=2, use_multiprocessing=True))


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def leave():
    os._exit(3)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals of Unix")
@pytest.mark.parametrize(("happens", "how"), [(die, "was killed by signal 9"), (leave, "ended with exit code 3")])
def test_a_worker_that_dies_is_told_of(happens, how):
    model = lamina.Sequential([lamina.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(RuntimeError, match=rf"Batches: worker process \d+ {how} at batch 5"):
        model.fit(Batches(happens, workers=2, use_multiprocessing=True), verbose=0, shuffle=False)


def sleep():
    time.sleep(60)


@pytest.mark.parametrize("options", KINDS[2:])
def test_iterations_that_stop_early(options):
    for _ in Batches(**options):
        break
    iterator = iter(Batches(**options))
    next(iterator)
    iterator.close()
    iter(Batches(**options))  # not begun
    if "use_multiprocessing" in options:
        begin = time.monotonic()
        for x, _ in Batches(sleep, **options):
            if x[0, 0] == 4:
                break
        assert time.monotonic() - begin < 30  # the one that sleeps is not waited for


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals of Unix")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_leaves_no_process(tmp_path, how):
    program = textwrap.dedent("""
        import multiprocessing, os, signal, sys, time
        import numpy as np
        import lamina

        multiprocessing.set_start_method("fork")  # others must import this program
        signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have background jobs ignore it

        class Batches(lamina.utils.PyDataset):
            def __len__(self):
                return 10**6
            def __getitem__(self, index):
                with open(f"{sys.argv[1]}/{os.getpid()}", "w"):
                    time.sleep(0.05)
                return np.zeros((2, 3)), np.zeros(2)

        model = lamina.Sequential([lamina.Input((3,)), lamina.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(Batches(workers=2, use_multiprocessing=True), verbose=0)
    """)
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=environment,
    )  # fmt: skip
    until = time.monotonic() + 30
    while len(list(tmp_path.iterdir())) < 2 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    if how == signal.SIGINT:
        os.killpg(process.pid, how)  # as a terminal does
    else:
        process.kill()
    _, told = process.communicate(timeout=30)
    if how == signal.SIGINT:
        assert told.count("Traceback") == 1
        assert told.rstrip().endswith("KeyboardInterrupt")
    children = [int(path.name) for path in tmp_path.iterdir()]
    assert len(children) == 2
    until = time.monotonic() + 10
    while any(map(alive, children)) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(map(alive, children))


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_endless_ones():
    class Endless(utils.PyDataset):
        @property
        def num_batches(self):
            return None

        def __getitem__(self, index):
            return np.full((2, 3), index, np.float32), np.zeros(2)

    model = lamina.Sequential([lamina.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    for options in ({}, {"workers": 2}):
        assert len(model.fit(Endless(**options), epochs=2, steps_per_epoch=3, verbose=0).epoch) == 2


def test_options():
    class Plain(utils.PyDataset):
        def __init__(self):
            pass  # Keras warns; the defaults hold

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return np.full(1, index)

    assert [x.tolist() for x in Plain()] == [[0], [1]]
    for options, message in (
        ({"workers": -1}, "workers must be"),
        ({"max_queue_size": 0}, "max_queue_size one"),
    ):
        with pytest.raises(ValueError, match=message):
            Batches(**options)
    for options in ({"workers": "2"}, {"workers": 1.5}, {"max_queue_size": None}):
        with pytest.raises(TypeError, match="must be an integer"):
            Batches(**options)
    with pytest.raises(NotImplementedError, match="must define __len__"):
        list(utils.PyDataset())
