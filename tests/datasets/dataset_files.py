"""Small files in the formats of Keras's data sets, and Keras's way to write them."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import numpy as np


def words(n, random, longest=12):
    lists = [random.integers(1, 40, random.integers(1, longest)).tolist() for _ in range(n)]
    array = np.empty(n, object)
    array[:] = lists
    return array


def write_all(folder: Path) -> None:
    """All eight, in the places of Keras's cache; ``folder`` is its ``datasets``."""
    random = np.random.default_rng(7)
    folder.mkdir(parents=True)
    images = {"x_train": random.integers(0, 256, (30, 28, 28)), "x_test": random.integers(0, 256, (9, 28, 28))}
    labels = {"y_train": random.integers(0, 10, 30), "y_test": random.integers(0, 10, 9)}
    np.savez(folder / "mnist.npz", **{k: v.astype(np.uint8) for k, v in (images | labels).items()})
    (folder / "fashion-mnist").mkdir()
    for name, part in (("train", "train"), ("t10k", "test")):
        x, y = images[f"x_{part}"].astype(np.uint8), labels[f"y_{part}"].astype(np.uint8)
        for kind, array in (("images-idx3", x), ("labels-idx1", y)):
            head = (0x800 + array.ndim).to_bytes(4, "big") + b"".join(n.to_bytes(4, "big") for n in array.shape)
            with gzip.open(folder / "fashion-mnist" / f"{name}-{kind}-ubyte.gz", "wb") as file:
                file.write(head + array.tobytes())
    np.savez(folder / "boston_housing.npz", x=random.normal(size=(50, 13)), y=random.normal(size=50))
    np.savez(folder / "california_housing.npz", x=random.normal(size=(700, 8)).astype("f4"),
             y=random.normal(size=700).astype("f4"))  # fmt: skip
    np.savez(folder / "imdb.npz", x_train=words(20, random), y_train=random.integers(0, 2, 20),
             x_test=words(15, random), y_test=random.integers(0, 2, 15))  # fmt: skip
    np.savez(folder / "reuters.npz", x=words(31, random), y=random.integers(0, 46, 31))
    (folder / "imdb_word_index.json").write_text('{"the": 1, "fawn": 34701}')
    (folder / "reuters_word_index.json").write_text('{"mdbl": 10996, "the": 1}')
    for inner, names, kinds in (
        ("cifar-10-batches-py", [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"], {b"labels": 10}),
        ("cifar-100-python", ["train", "test"], {b"fine_labels": 100, b"coarse_labels": 20}),
    ):
        place = folder / f"{inner}-target" / inner
        place.mkdir(parents=True)
        for i, name in enumerate(names):
            n = 4 + i
            content = {b"data": random.integers(0, 256, (n, 3072)).astype(np.uint8), b"batch_label": b"batch"}
            content |= {key: random.integers(0, top, n).tolist() for key, top in kinds.items()}
            (place / name).write_bytes(pickle.dumps(content, protocol=4))
