"""Ctrl-C in fit: whole steps, and no handler left behind, whenever the signal comes."""

from __future__ import annotations

import os
import signal
import sys
import threading

import numpy as np
import pytest
from small_net import Net, blobs

from lamina import callbacks, losses, optimizers
from lamina.models import signals, trainer

X, Y = blobs(96)


@pytest.fixture(autouse=True)
def _ctrl_c():
    """Python's own handler of SIGINT; a process started in the background ignores the signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def compiled(**options):
    model = Net(4, 3)
    model.compile(optimizers.SGD(0.1), losses.SparseCategoricalCrossentropy(from_logits=True), **options)
    return model


def interrupted_at(place, run, files):
    """Run with a SIGINT before the given instruction of these files; (whether there is one, whether it was raised)."""
    seen = 0

    def trace(frame, event, arg):
        nonlocal seen
        if frame.f_code.co_filename not in files:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            seen += 1
            if seen == place:
                os.kill(os.getpid(), signal.SIGINT)
        return trace

    before = sys.gettrace()  # coverage's
    sys.settrace(trace)
    try:
        run()
    except KeyboardInterrupt:
        return True, True
    finally:
        sys.settrace(before)
    return seen >= place, False


def handler_after(place, run, files):
    try:
        there, raised = interrupted_at(place, run, files)
    except KeyboardInterrupt:  # it came as late as in the function above
        there, raised = True, True
    found = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return there, raised, found


def steps():
    with signals.WholeSteps() as whole:
        for _ in range(2):
            with whole.step:
                pass


def nested():
    with signals.WholeSteps() as outer, outer.step:
        steps()


def failing():
    with pytest.raises(ZeroDivisionError), signals.WholeSteps() as whole, whole.step:
        raise ZeroDivisionError


@pytest.mark.parametrize("run", [steps, nested, failing])
def test_no_handler_stays_wherever_the_signal_comes(run):
    there, place = True, 0
    while there:
        place += 1
        there, raised, handler = handler_after(place, run, (signals.__file__, __file__))
        assert handler is signal.default_int_handler, f"SIGINT at instruction {place}"
        assert raised or not there, f"SIGINT at instruction {place} was lost"
    assert place > 100


def test_no_handler_stays_after_fit():
    model = compiled(run_eagerly=True)
    fit = lambda: model.fit(X, Y, verbose=0)  # noqa: E731
    fit()
    there, place = True, 0
    while there:
        place += 7
        there, _, handler = handler_after(place, fit, (trainer.__file__, signals.__file__))
        assert handler is signal.default_int_handler, f"SIGINT at instruction {place}"
    assert place > 500


class InStep(Net):
    """Sends so many SIGINTs in the first of its training steps."""

    signals = 1
    finished = 0

    def forward(self, x, training):
        if training and not self.finished:
            for _ in range(self.signals):
                os.kill(os.getpid(), signal.SIGINT)
        if training:
            self.finished += 1
        return super().forward(x, training)


def in_step(signals=1, **options):
    model = InStep(4, 3)
    model.signals = signals
    model.compile(optimizers.SGD(0.1), losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    return model


@pytest.mark.parametrize(("signals", "steps_done"), [(1, 1), (2, 0)])
def test_the_second_ctrl_c_ends_the_step_at_once(signals, steps_done):
    model = in_step(signals)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, verbose=0)
    assert int(model.optimizer.iterations) == steps_done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_in_a_fit_inside_of_a_step_ends_the_outer_step():
    inner = in_step()

    class Outer(Net):
        def train_step(self, data):
            if self.optimizer.iterations.item() == 0:
                inner.fit(X, Y, verbose=0, epochs=2)
            return super().train_step(data)

    outer = Outer(4, 3)
    outer.compile(optimizers.SGD(0.1), losses.SparseCategoricalCrossentropy(from_logits=True))
    with pytest.raises(KeyboardInterrupt):
        outer.fit(X, Y, verbose=0)
    assert int(outer.optimizer.iterations) == 1
    assert int(inner.optimizer.iterations) == 6  # Ctrl-C waited for the outer step
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_in_a_fit_inside_of_a_callback_keeps_the_inner_step_whole():
    inner = in_step()
    watch = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: inner.fit(X, Y, verbose=0))
    outer = compiled()
    with pytest.raises(KeyboardInterrupt):
        outer.fit(X, Y, verbose=0, callbacks=[watch])
    assert int(inner.optimizer.iterations) == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_callback_that_catches_ctrl_c_goes_on_with_whole_steps():
    model = in_step()

    class Catch(callbacks.Callback):
        caught = 0

        def on_train_batch_begin(self, batch, logs=None):
            if batch == 0:
                try:
                    os.kill(os.getpid(), signal.SIGINT)
                except KeyboardInterrupt:
                    self.caught += 1

    catch = Catch()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, verbose=0, callbacks=[catch])
    assert catch.caught == 1
    assert int(model.optimizer.iterations) == 1  # the second one, in a step, waited


def test_ctrl_c_in_a_step_that_fails_is_not_lost():
    class Fails(InStep):
        def forward(self, x, training):
            super().forward(x, training)
            raise ZeroDivisionError

    model = Fails(4, 3)
    model.compile(optimizers.SGD(0.1), losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    model.optimizer.build(model.trainable_weights)
    with pytest.raises(KeyboardInterrupt) as caught, signals.WholeSteps() as whole, whole.step:
        model(X, training=True)
    assert isinstance(caught.value.__context__, ZeroDivisionError)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_handlers_of_others_are_left_alone():
    def mine(number, frame): ...

    def set_mine(epoch, logs):
        signal.signal(signal.SIGINT, mine)

    compiled().fit(X, Y, verbose=0, callbacks=callbacks.LambdaCallback(on_epoch_begin=set_mine))
    assert signal.getsignal(signal.SIGINT) is mine
    compiled().fit(X, Y, verbose=0)
    assert signal.getsignal(signal.SIGINT) is mine


def test_a_handler_that_somebody_put_back_later_still_works():
    kept = []
    watch = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: kept.append(signal.getsignal(signal.SIGINT)))
    compiled().fit(X, Y, verbose=0, callbacks=watch)
    signal.signal(signal.SIGINT, kept[0])
    model = in_step()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, verbose=0)
    assert int(model.optimizer.iterations) == 1
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_fit_in_another_thread_leaves_the_handler_alone():
    found = []
    watch = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: found.append(signal.getsignal(signal.SIGINT)))
    model = compiled()
    thread = threading.Thread(target=lambda: model.fit(X, Y, verbose=0, callbacks=watch))
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
    assert np.isfinite(model.get_weights()[0]).all()


def test_ctrl_c_in_a_step_that_ends_so_itself_is_not_told_again():
    def ended(step):
        with step:
            os.kill(os.getpid(), signal.SIGINT)
            raise KeyboardInterrupt

    with signals.WholeSteps() as whole:
        with pytest.raises(KeyboardInterrupt):
            ended(whole.step)
        assert not whole.step.interrupted  # or the next step would raise it
