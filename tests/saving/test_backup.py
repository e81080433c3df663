"""Files that training writes: left-overs of killed processes, full disks, damaged backups, odd paths."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import zipfile

import numpy as np
import pytest

from lamina import Input, Sequential, callbacks, layers, load_model, random
from lamina.saving import atomic, backup

X = np.random.default_rng(0).standard_normal((16, 3)).astype(np.float32)


def compiled(units=3, optimizer="adam"):
    random.seed(1)
    model = Sequential([Input((3,)), layers.Dense(units), layers.Dropout(0.5), layers.Dense(3)])
    model.compile(optimizer, "mse")
    return model


def fit(model, *given, epochs=2):
    return model.fit(X, X, epochs=epochs, verbose=0, callbacks=list(given), shuffle=False)


@pytest.fixture
def dead_process():
    """The number of a process that has ended."""
    return int(subprocess.check_output([sys.executable, "-c", "import os; print(os.getpid())"]))


@pytest.fixture
def living_process():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate(b"\n")


def test_what_a_killed_save_left_is_removed(tmp_path, dead_process, living_process):
    gone = [f".m.lamina.{dead_process}.7f00aa.part", f".other-3.lamina.{dead_process}.1.part", ".m.lamina.1.2.part"]
    kept = [
        f".m.lamina.{living_process}.7f00aa.part", f".m.lamina.{os.getpid()}.7f00aa.part", "m.lamina.1.part",
        f".m.npz.{dead_process}.1.part", f".m.lamina.{dead_process}.part", f".m.lamina.x{dead_process}.1.part",
    ]  # fmt: skip
    for name in gone + kept:
        (tmp_path / name).write_bytes(b"half")
    os.mkdir(tmp_path / f".m.lamina.{dead_process}.2.part")
    os.rename(tmp_path / gone.pop(), tmp_path / f".m.lamina.{os.getpid()}.2.part")
    os.utime(tmp_path / f".m.lamina.{os.getpid()}.2.part", (1e9, 1e9))  # of a process that had this one's number
    compiled().save(tmp_path / "m.lamina")
    assert sorted(os.listdir(tmp_path)) == sorted([*kept, "m.lamina", f".m.lamina.{dead_process}.2.part"])


KILLED = """
import os, signal, sys
from pathlib import Path
from lamina.saving.atomic import write_whole

def write(file):
    file.write(b"half")
    file.flush()
    print(os.getpid(), flush=True)
    input()

write_whole(Path(sys.argv[1]), write)
"""


def test_a_save_that_is_killed_and_one_that_goes_on(tmp_path):
    path = tmp_path / "m.lamina"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in started:
        assert int(process.stdout.readline()) == process.pid
    assert len(os.listdir(tmp_path)) == 2
    started[0].kill()
    started[0].communicate()
    model = compiled()
    model.save(path)
    assert len(os.listdir(tmp_path)) == 2  # the file, and that of the living process
    assert load_model(path).count_params() == model.count_params()
    started[1].communicate("\n")
    assert started[1].returncode == 0
    assert path.read_bytes() == b"half"
    assert os.listdir(tmp_path) == ["m.lamina"]


def test_a_locked_file_belongs_to_somebody(tmp_path, dead_process):
    """Its process has a number on another machine, or in another container."""
    import fcntl

    path = tmp_path / f".m.lamina.{dead_process}.1.part"
    with open(path, "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        compiled().save(tmp_path / "m.lamina")
        assert path.exists()
    compiled().save(tmp_path / "m.lamina")
    assert not path.exists()


def test_threads_that_save_to_one_file(tmp_path):
    model = compiled()
    threads = [threading.Thread(target=lambda: model.save(tmp_path / "m.lamina")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.listdir(tmp_path) == ["m.lamina"]
    assert load_model(tmp_path / "m.lamina").built


def test_a_link_in_place_of_the_unfinished_file_is_not_followed(tmp_path):
    (tmp_path / "precious").write_bytes(b"precious")
    name = tmp_path / f".m.lamina.{os.getpid()}.{threading.get_ident():x}.part"
    name.symlink_to("precious")
    with pytest.raises(OSError, match=r"m\.lamina"):
        compiled().save(tmp_path / "m.lamina")
    assert (tmp_path / "precious").read_bytes() == b"precious"
    compiled().save(tmp_path / "m.lamina")  # the link is gone


FULL_DISK = """
import os, resource, sys
sys.path.insert(0, sys.argv[2])
import lamina
from test_backup import *

small, big = compiled(), compiled(1000)
folder = Path(sys.argv[1])
backup, csv, checkpoint = (
    callbacks.BackupAndRestore(folder), callbacks.CSVLogger(folder / "log.csv"),
    callbacks.ModelCheckpoint(folder / "m.lamina"))
backup.delete_checkpoint = False
fit(small, backup)
before = {name: (folder / name).read_bytes() for name in os.listdir(folder)}
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for callback, limit in ((backup, 20_000), (checkpoint, 20_000), (csv, 30)):
    if callback is backup:
        backup.on_train_begin = lambda logs=None: None
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))  # writes beyond fail as on a full disk
    try:
        fit(big, callback, epochs=3)
    except OSError as error:
        print("refused", error.errno, error.filename)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard,) * 2)
    (folder / "log.csv").unlink(missing_ok=True)
    assert before == {name: (folder / name).read_bytes() for name in os.listdir(folder)}, os.listdir(folder)
"""


def test_a_full_disk_leaves_what_was_there(tmp_path):
    source = "from pathlib import Path\n" + FULL_DISK
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source, str(tmp_path), os.path.dirname(__file__)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Exception ignored" not in done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[2].rpartition("/")[2] for line in lines] == ["latest.npz", "m.lamina", "log.csv"]


def archive(**members):
    """An .npz of these arrays (or bytes as they are)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        for name, value in members.items():
            if not isinstance(value, bytes):
                part = io.BytesIO()
                np.save(part, value)
                value = part.getvalue()
            out.writestr(name.replace("__", "/") + ".npy", value)
    return file.getvalue()


def compressed(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def huge():
    """The header of an array of 2**50 numbers, without them."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (2**50,)})
    return header.getvalue()


RATE = {"optimizer__learning_rate": np.array([0.1]), "optimizer__iterations": np.array([3])}
DAMAGED = {
    "empty": b"",
    "text": b"hello",
    "npy": archive(x=np.zeros(3))[60:],
    "no epoch": archive(**RATE),
    "no rate": archive(epoch=np.int64(1)),
    "foreign": archive(a=np.zeros(3), epoch=np.int64(1), **RATE),
    "objects": archive(epoch=b"\x93NUMPY\x01\x00", **RATE),
    "not an array": archive(epoch=b"1", **RATE),
    "huge": archive(epoch=np.int64(1), weight__0=huge(), **RATE),
    "compressed": compressed(epoch=np.zeros(10**6)),
    "epoch of many": archive(epoch=np.zeros(3, np.int64), **RATE),
    "epoch of text": archive(epoch=np.array("1"), **RATE),
    "epoch below zero": archive(epoch=np.int64(-2), **RATE),
    "epoch too large": archive(epoch=np.int64(2**31), **RATE),
    "epoch not whole": archive(epoch=np.float64(1.5), **RATE),
    "rate of NaN": archive(epoch=np.int64(1), **{**RATE, "optimizer__learning_rate": np.array([np.nan])}),
    "rate below zero": archive(epoch=np.int64(1), **{**RATE, "optimizer__learning_rate": np.array([-1.0])}),
    "rate of infinity": archive(epoch=np.int64(1), **{**RATE, "optimizer__learning_rate": np.array([np.inf])}),
    "rate of integers": archive(epoch=np.int64(1), **{**RATE, "optimizer__learning_rate": np.array([1])}),
    "rate of many": archive(epoch=np.int64(1), **{**RATE, "optimizer__learning_rate": np.ones(4)}),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_backup_is_named_with_its_mend(tmp_path, kind):
    path = tmp_path / "latest.npz"
    path.write_bytes(DAMAGED[kind])
    model = compiled()
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"latest.npz' is (no whole backup|damaged) \(.*remove it to train from the"):
        fit(model, callbacks.BackupAndRestore(tmp_path))
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert path.read_bytes() == DAMAGED[kind]


def test_a_backup_cut_anywhere(tmp_path):
    path = tmp_path / "latest.npz"
    fit(compiled(), callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False))
    whole = path.read_bytes()
    for size in {*range(1, len(whole), 97), len(whole) - 1}:
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"latest.npz' is no whole backup"):
            fit(compiled(), callbacks.BackupAndRestore(tmp_path))


def test_a_backup_with_changed_bytes_is_restored_or_named(tmp_path):
    path = tmp_path / "latest.npz"
    fit(compiled(), callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False))
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    named = 0
    for _ in range(60):
        data = bytearray(whole)
        data[rng.integers(len(whole))] ^= int(rng.integers(1, 256))
        path.write_bytes(data)
        try:
            fit(compiled(), callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False), epochs=2)
        except ValueError as error:
            assert "latest.npz" in str(error)  # noqa: PT017 (not every change is an error)
            named += 1
    assert named > 30


@pytest.mark.parametrize("other", [{"units": 4}, {"optimizer": "sgd"}, {"optimizer": "rmsprop"}])
def test_a_backup_of_another_model_or_optimizer(tmp_path, other):
    fit(compiled(), callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False))
    model = compiled(**other)
    before, rate = model.get_weights(), float(model.optimizer.learning_rate)
    with pytest.raises(ValueError, match=r"latest.npz' is of another model or optimizer \(.*; remove it"):
        fit(model, callbacks.BackupAndRestore(tmp_path))
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert float(model.optimizer.learning_rate) == rate
    deeper = Sequential([Input((3,)), layers.Dense(3), layers.Dense(3), layers.Dense(3)])
    deeper.compile("adam", "mse")
    with pytest.raises(ValueError, match=r"latest.npz' is of another model or optimizer"):
        fit(deeper, callbacks.BackupAndRestore(tmp_path))


def test_a_folder_in_the_place_of_a_backup(tmp_path):
    (tmp_path / "latest.npz").mkdir()
    with pytest.raises(IsADirectoryError, match=r"latest\.npz"):
        fit(compiled(), callbacks.BackupAndRestore(tmp_path))


def test_a_csv_file_cut_in_the_middle_of_a_line_is_continued(tmp_path):
    path = tmp_path / "log.csv"
    fit(compiled(), callbacks.CSVLogger(path), epochs=2)
    path.write_text(path.read_text()[:-5])
    fit(compiled(), callbacks.CSVLogger(path, append=True), epochs=1)
    lines = path.read_text().splitlines()
    assert len(lines) == 4
    assert lines[3].startswith("0,")


def test_arguments_of_callbacks_that_write_files(tmp_path):
    for make in (callbacks.BackupAndRestore, callbacks.ModelCheckpoint, callbacks.CSVLogger):
        for path in (None, 3, b"x", ["x"]):
            with pytest.raises(TypeError, match=rf"{make.__name__}: .*: expected a path, got"):
                make(path)
    with pytest.raises(ValueError, match=r"weights alone .* name like best.lamina, or best.weights.h5 for Keras"):
        callbacks.ModelCheckpoint("best.keras", save_weights_only=True)
    with pytest.raises(ValueError, match=r"a whole model .* name like best.lamina, or best.keras for Keras"):
        callbacks.ModelCheckpoint("best.h5")
    for name in ("{", "{0}", "{loss:d}", "{loss.nothing}"):
        with pytest.raises(ValueError, match=r"ModelCheckpoint: filepath .* cannot be filled in"):
            fit(compiled(), callbacks.ModelCheckpoint(tmp_path / name))
    with pytest.raises(ValueError, match="separator must be one character"):
        callbacks.CSVLogger("log.csv", separator="")
    (tmp_path / "log.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"log.csv' is no CSV file to append to"):
        fit(compiled(), callbacks.CSVLogger(tmp_path / "log.csv", append=True))


def test_a_file_as_old_as_this_process_is_of_another_thread(tmp_path, monkeypatch):
    path = tmp_path / f".m.lamina.{os.getpid()}.1.part"
    for age, there in ((0, True), (-1, True), (1, False)):
        path.write_bytes(b"")
        monkeypatch.setattr(atomic, "_started", path.stat().st_mtime + age)
        atomic.write_whole(tmp_path / "m.lamina", lambda file: file.write(b"x"))
        assert path.exists() == there


@pytest.mark.parametrize("epoch", [0, 2**31 - 1])
def test_the_ends_of_epochs(tmp_path, epoch):
    model = compiled()
    backup.write(tmp_path / "latest.npz", model, epoch)
    assert backup.Backup(tmp_path / "latest.npz").epoch == epoch


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o751])
def test_a_file_keeps_its_mode(tmp_path, mode):
    path = tmp_path / "m.lamina"
    path.write_bytes(b"")
    path.chmod(mode)
    atomic.write_whole(path, lambda file: file.write(b"x"))
    assert path.stat().st_mode & 0o7777 == mode


def test_asking_whether_a_process_lives_leaves_it_alone(dead_process):
    assert not atomic._is_alive(dead_process)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert atomic._is_alive(child.pid)
        child.communicate(b"\n")
    assert child.returncode == 0


def test_links_are_left_alone(tmp_path, dead_process):
    link = tmp_path / f".m.lamina.{dead_process}.3.part"
    (tmp_path / "real").write_bytes(b"x")
    link.symlink_to("real")
    atomic.write_whole(tmp_path / "m.lamina", lambda file: file.write(b"x"))
    assert link.is_symlink()
