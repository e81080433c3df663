"""What mpiexec starts for the tests of faults: trains until something happens.

fault_program.py WHAT FOLDER      what one rank does, and where the checkpoints are
"""

from __future__ import annotations

import os
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np

import lamina
from lamina import callbacks, distribution, layers

WHAT, FOLDER = sys.argv[1:3]


def model(units: int = 8) -> Any:
    made = lamina.Sequential([lamina.Input((4,)), layers.Dense(units, "relu"), layers.Dense(2)])
    made.compile("adam", "mse")
    return made


def data(n: int = 64) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, 4)).astype(np.float32), rng.standard_normal((n, 2)).astype(np.float32)


class Slow(callbacks.Callback):
    """Notes of each rank which process it is, then lets steps take their time, so that a kill comes during training."""

    def on_train_begin(self, logs: Any = None) -> None:
        (Path(FOLDER) / f"pid-{way.data_shard_id}").write_text(f"{os.getpid()}\n")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        time.sleep(0.01)


class Fails(callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if way.data_shard_id == 1 and batch == 2:
            raise OSError("the disk of rank 1 is full")


lamina.random.seed(5)
way = distribution.DataParallel(shards=4 if WHAT.startswith("resume") or WHAT == "train" else None)
distribution.set_distribution(way)
first = way.data_shard_id == 0
x, y = data()

if WHAT == "train":  # until somebody kills a rank
    backup = callbacks.BackupAndRestore(FOLDER, save_freq=1, delete_checkpoint=False)
    model().fit(x, y, batch_size=16, epochs=10**6, verbose=0, callbacks=[backup, Slow()])
elif WHAT.startswith("resume"):  # resume-3: so many epochs in all, kept for the next run
    epochs = int(WHAT.partition("-")[2])
    backup = callbacks.BackupAndRestore(FOLDER, delete_checkpoint=False)
    made = model()
    made.fit(x, y, batch_size=16, epochs=epochs, verbose=0, callbacks=[backup])
    if first:
        np.savez(f"{FOLDER}/weights.npz", *made.get_weights())
elif WHAT in ("fast", "compressed"):
    way = distribution.DataParallel(compress="bfloat16" if WHAT == "compressed" else None)
    distribution.set_distribution(way)
    made = model(2000)  # gradients large enough that they are what is sent
    made.compile("sgd", "mse")
    made.fit(x, y, batch_size=16, epochs=3, verbose=0)
    whole = b"".join(w.tobytes() for w in made.get_weights())
    print(f"check sum {zlib.crc32(whole):08x}", flush=True)
    print(f"sent {way.reduction('fit').courier.sent} bytes", flush=True)
    if first:
        np.savez(f"{FOLDER}/{WHAT}.npz", *made.get_weights())
elif WHAT == "raises":
    model().fit(x, y, batch_size=16, epochs=9, verbose=0, callbacks=[Fails()])
elif WHAT == "other model":
    model(8 if first else 9).fit(x, y, verbose=0)
elif WHAT == "other optimizer":
    made = model()
    made.compile("adam" if first else "sgd", "mse")
    made.fit(x, y, verbose=0)
elif WHAT == "other data":
    model().fit((data(10 if first else 11) for _ in range(3)), verbose=0)
elif WHAT == "leaves":
    made = model()
    made.fit(x, y, verbose=0)
    if not first:
        sys.exit(0)
    made.fit(x, y, verbose=0)
elif WHAT == "runs out":  # of data of its own: rank 1 first
    way = distribution.DataParallel(auto_shard_dataset=False)
    distribution.set_distribution(way)
    made = model()
    given = (data(4 + way.data_shard_id) for _ in range(6 - way.data_shard_id))
    history = made.fit(given, verbose=0)
    print(
        f"rank {way.data_shard_id} did {made.optimizer.iterations.numpy()} steps, loss {history.history['loss']}",
        flush=True,
    )
elif WHAT == "writes":  # what all would write is written once
    made = model()
    log = callbacks.CSVLogger(f"{FOLDER}/log.csv", append=True)
    keep = callbacks.ModelCheckpoint(f"{FOLDER}/kept.lamina")
    made.fit(x, y, epochs=2, verbose=2, callbacks=[log, keep])
elif WHAT == "threads":
    print(f"rank {way.data_shard_id} has {lamina.get_num_threads()} threads", flush=True)
elif WHAT == "loop":  # of one's own, captured
    made = model()
    made.build((None, 4))
    optimizer = lamina.optimizers.SGD(0.1)
    optimizer.build(made.trainable_weights)
    mine = slice(way.data_shard_id, None, way.num_processes)

    def step(x: Any, y: Any) -> Any:
        loss = lamina.ops.mean((made(x, training=True) - y) ** 2)
        loss.backward()
        distribution.all_reduce_gradients(optimizer)
        optimizer.step()
        optimizer.zero_grad()
        return loss

    captured = lamina.capture(step, strict=True)
    for _ in range(5):
        captured(x[mine], y[mine])
    if first:
        np.savez(f"{FOLDER}/weights.npz", *made.get_weights())
else:
    raise ValueError(WHAT)
