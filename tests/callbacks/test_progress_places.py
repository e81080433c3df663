"""Where progress is shown: terminals of any width, notebooks, files and logs."""

from __future__ import annotations

import io
import logging
import os
import pty
import subprocess
import sys
import threading

import numpy as np
import pytest

import lamina
from lamina import callbacks, layers, utils
from lamina.core import output

PROGRAM = """
import fcntl, struct, sys, termios, time
fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, {columns}, 0, 0))
import numpy as np, lamina
from lamina import callbacks, layers
model = lamina.Sequential([lamina.Input((3,)), layers.Dense(3, name="only")])
model.compile("sgd", "mse", metrics=["mae", "mse", "cosine_similarity"])
slow = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: time.sleep(0.06))
stop = callbacks.EarlyStopping("loss", patience=0, min_delta=9.0, verbose=1)
model.fit(np.ones((40, 3)), np.ones((40, 3)), batch_size=4, epochs=3, verbose={verbose}, callbacks=[slow, stop])
bar = lamina.utils.Progbar(30)
for i in range(30):
    time.sleep(0.01)
    bar.update(i + 1, [("a_rather_long_name", 1.0), ("another_long_name", 2.0)])
"""


def on_terminal(columns: int, verbose: object = "'auto'", **environment: str) -> str:
    """What the program writes to a terminal of that width."""
    master, slave = pty.openpty()
    written: list[bytes] = []

    def read() -> None:
        while True:
            try:
                part = os.read(master, 4096)
            except OSError:
                return
            if not part:
                return
            written.append(part)

    reader = threading.Thread(target=read)
    reader.start()
    program = PROGRAM.format(columns=columns, verbose=verbose)
    surroundings = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "TERM")}
    surroundings |= {"TERM": "xterm", "PYTHONIOENCODING": "utf-8", **environment}
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=slave, stderr=subprocess.PIPE, env=surroundings, check=False
    )
    os.close(slave)
    reader.join(10)
    os.close(master)
    assert done.returncode == 0, done.stderr.decode()
    return b"".join(written).decode()


def screen(text: str) -> list[str]:
    """The lines that stay: what follows a carriage return is written over what was there."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return [line for line in lines if line]


@pytest.mark.parametrize("columns", [30, 60, 120])
def test_a_terminal_has_a_line_that_is_written_anew_and_fits(columns):
    written = on_terminal(columns)
    parts = [part for line in written.replace("\r\n", "\n").split("\n") for part in line.split("\r")[:-1]]
    assert len(parts) > 6
    assert max(map(len, parts)) < columns
    first, second, stopping, bar = screen(written)
    assert first.startswith("Epoch 1/3 10/10 ")
    assert second.startswith("Epoch 2/3 10/10 ")
    assert "samples/s - " in first
    assert "cosine_similarity: " in first
    assert stopping == "Epoch 2: early stopping"
    assert bar.startswith("30/30 ━")
    assert bar.endswith("another_long_name: 2.0000")
    bars = [part for part in parts if part.startswith("Epoch")]
    assert any("█" in part for part in bars) == (columns >= 50)
    assert any("samples/s" in part for part in bars) == (columns >= 80)


def test_a_terminal_that_knows_no_such_characters_gets_others():
    assert "30/30 ====" in on_terminal(100, PYTHONIOENCODING="ascii")


def test_verbose_2_and_dumb_terminals_have_whole_lines_alone():
    assert "\r" not in on_terminal(100, 2).replace("\r\n", "\n").partition("stopping")[0]
    assert "\r" not in on_terminal(100, TERM="dumb").replace("\r\n", "\n")


def model():
    made = lamina.Sequential([lamina.Input((3,)), layers.Dense(3)])
    made.compile("sgd", "mse")
    return made


X = np.ones((8, 3), "float32")


class Notebook(io.StringIO):
    """The stream of ipykernel, as far as progress asks for it."""


Notebook.__module__ = "ipykernel.iostream"


def in_notebook(monkeypatch, do) -> str:
    stream = Notebook()
    monkeypatch.setattr(sys, "stdout", stream)
    try:
        do()
    finally:
        monkeypatch.undo()
    return stream.getvalue()


def test_a_notebook_keeps_some_lines_of_many_epochs(monkeypatch):
    written = in_notebook(monkeypatch, lambda: model().fit(X, X, epochs=100))
    lines = screen(written)
    assert len(lines) == 20
    assert lines[0].startswith("Epoch   5/100")
    assert lines[-1].startswith("Epoch 100/100")
    assert len(screen(in_notebook(monkeypatch, lambda: model().fit(X, X, epochs=20)))) == 20
    assert len(screen(in_notebook(monkeypatch, lambda: model().fit(X, X, epochs=50, verbose=2)))) == 50


def test_the_last_line_of_a_notebook_stays_where_training_ends_early(monkeypatch):
    stop = callbacks.EarlyStopping("loss", min_delta=9.0, patience=6)
    lines = screen(in_notebook(monkeypatch, lambda: model().fit(X, X, epochs=100, callbacks=[stop])))
    assert [line.split("/")[0].split()[-1] for line in lines] == ["5", "7"]


def test_a_notebook_that_stops_with_an_error_leaves_no_half_line(monkeypatch):
    def fail():
        wrong = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            model().fit(X, X, epochs=2, callbacks=[wrong])
        output.say("after")

    assert screen(in_notebook(monkeypatch, fail)) == ["after"]


def test_what_callbacks_say_goes_to_the_log_where_that_is_wanted(tmp_path, capsys, caplog):
    watching = [
        callbacks.EarlyStopping("loss", min_delta=9.0, verbose=1, restore_best_weights=True),
        callbacks.ModelCheckpoint(tmp_path / "m.lamina", verbose=1),
        callbacks.ReduceLROnPlateau("loss", min_delta=9.0, patience=1, verbose=1),
        callbacks.LearningRateScheduler(lambda epoch: 0.1, verbose=1),
    ]
    lamina.config.disable_interactive_logging()
    try:
        with caplog.at_level(logging.INFO, "lamina"):
            model().fit(X, X, epochs=3, callbacks=watching, verbose=0)
    finally:
        lamina.config.enable_interactive_logging()
    assert capsys.readouterr().out == ""
    for said in ("early stopping", "Restoring model weights", "saving model to", "reducing learning rate", "setting"):
        assert any(said in message for message in caplog.messages), said
    model().fit(X, X, epochs=2, callbacks=watching, verbose=0)
    assert "Epoch 2: early stopping" in capsys.readouterr().out


def test_a_progress_bar_in_a_file_is_one_line(capsys):
    bar = utils.Progbar(100)
    for i in range(100):
        bar.add(1)
        if i == 50:
            output.say("between")
    assert capsys.readouterr().out.count("\n") == 2
