"""Trains a convolutional network on several processes, with the same bits for any number of them.

    pip install ".[mpi]" mpich
    mpiexec -n 4 python examples/distributed.py [--data PATH]
    python examples/distributed.py                               the same, alone

PATH is an .npz file with x_train, y_train, x_test, y_test (MNIST, for example); without it the digits of scikit-learn
are taken. Every process runs this program; each trains on its part of every batch, and rank 0 shows the progress. The
last line is a check sum of the weights: it does not depend on the number of processes, or of threads.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np

import lamina
from lamina import distribution, layers


def load(path: Path | None) -> tuple[np.ndarray, ...]:
    """x_train, y_train, x_test, y_test: images (N, H, W, 1) in [0, 1], labels as integers."""
    if path is None:
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        x = (x.reshape(-1, 8, 8, 1) / 16).astype(np.float32)
        return x[:1437], y[:1437], x[1437:], y[1437:]
    with np.load(path) as z:
        x, y, x_test, y_test = (z[k] for k in ("x_train", "y_train", "x_test", "y_test"))
    return tuple(
        (a[..., None] / 255).astype(np.float32) if a.ndim == 3 else a.astype(np.int64) for a in (x, y, x_test, y_test)
    )


def build(shape: tuple[int, ...]) -> lamina.Sequential:
    return lamina.Sequential(
        [
            lamina.Input(shape),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(64, 3),
            layers.BatchNormalization(synchronized=True),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10),
        ]
    )


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path)
    p.add_argument("--epochs", type=int, default=5)
    p.add_argument(
        "--shards", type=int, default=8, help="0: one a process, the fastest way; bits depend on their number"
    )
    options = p.parse_args()

    lamina.random.seed(0)
    way = distribution.DataParallel(shards=options.shards or None)
    distribution.set_distribution(way)
    first = way.data_shard_id == 0
    if first:
        print(f"{way.num_processes} processes, {lamina.get_num_threads()} threads each")

    x, y, x_test, y_test = load(options.data)
    model = build(x.shape[1:])
    model.compile("adam", lamina.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=options.epochs)
    accuracy = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]
    if first:
        print(f"test accuracy: {accuracy:.4f}")
        print("check sum:", hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()[:16])


if __name__ == "__main__":
    main()
