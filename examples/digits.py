"""Trains a small convolutional network on scikit-learn's 1,797 handwritten digits, saves it, and loads it again.

    pip install ".[examples]" && python examples/digits.py [--epochs N] [--out DIRECTORY]

Prints the accuracy on a fixed held-out fifth and writes digits.lamina and digits.png: the learning curves, and some
held-out digits with the labels that the network gives them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import lamina
from lamina import layers


def load() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images (N, 8, 8, 1) in [0, 1] and labels, split in training and test parts that never change."""
    digits = load_digits()
    images = (digits.images[..., None] / 16).astype(np.float32)
    x, x_test, y, y_test = train_test_split(
        images, digits.target, test_size=0.2, stratify=digits.target, random_state=0
    )
    return x, y, x_test, y_test


def build() -> lamina.Sequential:
    return lamina.Sequential(
        [
            lamina.Input((8, 8, 1)),
            layers.Conv2D(32, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.25),
            layers.Dense(10),
        ]
    )


def picture(path: Path, history: dict[str, list[float]], x: np.ndarray, y: np.ndarray, predicted: np.ndarray) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig = plt.figure(figsize=(10, 4))
    left, right = fig.subfigures(1, 2, width_ratios=[1, 1])
    axes: Any = left.subplots(2, 1, sharex=True)
    for ax, key in zip(axes, ("loss", "accuracy"), strict=True):
        ax.plot(history[key], label="training")
        ax.plot(history[f"val_{key}"], label="validation")
        ax.set_ylabel(key)
    axes[0].legend()
    axes[1].set_xlabel("epoch")
    wrong = np.flatnonzero(predicted != y)
    shown = np.concatenate([wrong, np.flatnonzero(predicted == y)])[:24]
    for ax, i in zip(right.subplots(4, 6).ravel(), shown, strict=True):
        ax.imshow(x[i, ..., 0], cmap="gray_r")
        ax.set_title(f"{predicted[i]}", color="black" if predicted[i] == y[i] else "red", fontsize=9)
        ax.axis("off")
    fig.savefig(path, dpi=120)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--epochs", type=int, default=30)
    p.add_argument("--out", type=Path, default=Path("out"), help="directory for the model and the picture")
    options = p.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    lamina.random.seed(0)
    x, y, x_test, y_test = load()
    model = build()
    model.summary()
    model.compile(
        optimizer=lamina.optimizers.Adam(2e-3),
        loss=lamina.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history = model.fit(x, y, batch_size=64, epochs=options.epochs, validation_split=0.1)

    logits = model.predict(x_test, verbose=0)
    predicted = logits.argmax(axis=-1)
    accuracy = (predicted == y_test).mean()
    print(f"test accuracy: {accuracy:.4f}")

    model.save(options.out / "digits.lamina")
    again = lamina.load_model(options.out / "digits.lamina")
    same = np.array_equal(again.predict(x_test, verbose=0), logits)
    print(f"loaded model predicts the same: {same}")
    assert same, "expected the same predictions"
    picture(options.out / "digits.png", history.history, x_test, y_test, predicted)
    print(f"wrote {options.out / 'digits.lamina'} and {options.out / 'digits.png'}")
    assert accuracy >= 0.9, "expected an accuracy of at least 0.90"


if __name__ == "__main__":
    main()
