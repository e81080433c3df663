"""Trains a small residual network on MNIST, Fashion-MNIST or any other set of small grey images in their format.

    python examples/mnist.py --data PATH [--epochs N]

PATH is an .npz file with x_train, y_train, x_test, y_test, or a directory with the four IDX files of the original
(train-images-idx3-ubyte and so on, packed with gzip or not).
"""

from __future__ import annotations

import argparse
import gzip
import struct
from pathlib import Path

import numpy as np

import lamina
from lamina import layers


def read_idx(path: Path) -> np.ndarray:
    """The IDX format: two zero bytes, a type (8 for unsigned bytes), the number of axes, their sizes, the data."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    zero, kind, axes = struct.unpack(">HBB", raw[:4])
    if zero != 0 or kind != 8:
        raise ValueError(f"{path} is not an IDX file of unsigned bytes")
    shape = struct.unpack(f">{axes}I", raw[4 : 4 + 4 * axes])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)


def find_idx(directory: Path, name: str) -> Path:
    """`name` with or without .gz, with a dash or a dot before idx, as it is spelled on different sites."""
    for candidate in (name, name.replace("-idx", ".idx")):
        for suffix in ("", ".gz"):
            if (path := directory / (candidate + suffix)).exists():
                return path
    raise FileNotFoundError(f"no {name}[.gz] in {directory}")


def load(path: Path) -> tuple[np.ndarray, ...]:
    """x_train, y_train, x_test, y_test: images (N, H, W, 1) in [0, 1], labels as integers."""
    if path.is_dir():
        names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
        arrays = [read_idx(find_idx(path, f"{n}-ubyte")) for n in names]
    else:
        with np.load(path) as z:
            arrays = [z[k] for k in ("x_train", "y_train", "x_test", "y_test")]
    x, y, x_test, y_test = arrays
    return (
        (x[..., None] / 255).astype(np.float32),
        y.astype(np.int64),
        (x_test[..., None] / 255).astype(np.float32),
        y_test.astype(np.int64),
    )


def block(filters: int, strides: int = 1) -> layers.Residual:
    """Two convolutions with a shortcut around them, a projection where they change the shape."""
    return layers.Residual(
        [
            layers.Conv2D(filters, 3, strides, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Conv2D(filters, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
        ],
        activation="relu",
    )


def build(shape: tuple[int, ...], classes: int) -> lamina.Sequential:
    return lamina.Sequential(
        [
            lamina.Input(shape),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            block(32),
            block(64, strides=2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(classes),
        ]
    )


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=5)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--save", type=Path, help="write the trained model there, as .lamina")
    options = p.parse_args()

    lamina.random.seed(0)
    x, y, x_test, y_test = load(options.data)
    print(f"{len(x):,} images to train, {len(x_test):,} to test, {x.shape[1]} x {x.shape[2]}")
    model = build(x.shape[1:], int(y.max()) + 1)
    model.summary()
    model.compile(
        optimizer=lamina.optimizers.Adam(1e-3),
        loss=lamina.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(x, y, batch_size=options.batch, epochs=options.epochs, validation_data=(x_test, y_test))
    results = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
    print(f"test accuracy: {results['accuracy']:.4f}")
    if options.save:
        model.save(options.save)


if __name__ == "__main__":
    main()
