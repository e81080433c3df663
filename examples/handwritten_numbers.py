"""Reads numbers written by hand without being told where one digit ends: convolutions, an LSTM and CTC.

    python examples/handwritten_numbers.py --data mnist_6k_1k.npz [--epochs N]

The .npz has x_train, y_train, x_test, y_test, images of single digits. Lines of three to six of them, pushed together
and moved up and down, are made anew for each epoch; those of the test are of digits never seen. The network reads a
line column by column (Graves et al., 2006). The label error rate (edits a digit) is printed of the greedy reading and
of a beam search, and lines are drawn with what is read.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import lamina
from lamina import layers, ops

HEIGHT, WIDTH, LONGEST = 32, 144, 6


def lines(x: np.ndarray, y: np.ndarray, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, HEIGHT, WIDTH, 1) and their digits plus one, (n, LONGEST), with 0 behind the last."""
    images, labels = np.zeros((n, HEIGHT, WIDTH), np.float32), np.zeros((n, LONGEST), np.int64)
    for image, label in zip(images, labels, strict=True):
        place = int(rng.integers(0, 5))
        for i, digit in enumerate(rng.integers(0, len(x), rng.integers(3, LONGEST + 1))):
            ink = x[digit][:, x[digit].any(0)]  # without the empty columns beside it
            top = int(rng.integers(0, HEIGHT - len(ink) + 1))
            part = image[top : top + len(ink), place : place + ink.shape[1]]
            np.maximum(part, ink, out=part)
            label[i] = y[digit] + 1
            place += ink.shape[1] + int(rng.integers(-2, 4))
    return images[..., None], labels


def build() -> lamina.Model:
    """Logits (N, steps, 11) for strips of four columns; 0 is the blank between digits."""
    inputs = lamina.Input((HEIGHT, WIDTH, 1))
    x = inputs
    for filters, pool in ((24, 2), (48, 2), (64, (2, 1))):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(pool)(layers.ReLU()(x))
    x = layers.Permute((2, 1, 3))(x)  # columns first: they are the steps
    x = layers.TimeDistributed(layers.Flatten())(x)
    x = layers.Dropout(0.2)(layers.Dense(96, activation="relu")(x))
    x = layers.Bidirectional(layers.LSTM(64, return_sequences=True))(x)
    return lamina.Model(inputs, layers.Dense(11)(x))


def edits(a: list[int], b: list[int]) -> int:
    """Fewest digits to write, remove or change to make b of a (Levenshtein)."""
    row = np.arange(len(b) + 1)
    for i, digit in enumerate(a, 1):
        before, row = row, np.full(len(b) + 1, i)
        for j, other in enumerate(b, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (digit != other))
    return int(row[-1])


def read(logits: np.ndarray, **how) -> list[list[int]]:
    """The digits of each line."""
    found, _ = ops.ctc_decode(logits, np.full(len(logits), logits.shape[1]), **how)
    return [[int(d) - 1 for d in line if d > 0] for line in np.asarray(found[0])]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=16)
    p.add_argument("--lines", type=int, default=3000, help="made for each epoch")
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    lamina.random.seed(0)
    rng = np.random.default_rng(0)
    with np.load(options.data) as z:
        x, y, x_test, y_test = (z[k] for k in ("x_train", "y_train", "x_test", "y_test"))
    x, x_test = x.astype(np.float32) / 255, x_test.astype(np.float32) / 255
    model = build()
    rate = lamina.optimizers.schedules.CosineDecay(3e-3, options.epochs * -(-options.lines // 32))
    model.compile(lamina.optimizers.Adam(rate, global_clipnorm=1.0), lamina.losses.CTC())
    for epoch in range(options.epochs):
        images, labels = lines(x, y, options.lines, rng)
        model.fit(images, labels, batch_size=32, initial_epoch=epoch, epochs=epoch + 1)

    images, labels = lines(x_test, y_test, 500, rng)
    truth = [[int(d) - 1 for d in row if d] for row in labels]
    logits = model.predict(images, verbose=0)
    greedy, beam = read(logits), read(logits, strategy="beam_search", beam_width=10)
    rates = [sum(map(edits, found, truth)) / sum(map(len, truth)) for found in (greedy, beam)]
    whole = np.mean([a == b for a, b in zip(beam, truth, strict=True)])
    print(f"lines read without a fault, of {len(truth)}: {whole:.3f}")
    print(f"label error rate by beam search: {rates[1]:.4f} (greedy: {rates[0]:.4f})")
    draw(images, beam, truth, options.out / "handwritten_numbers.png")
    assert max(rates) <= 0.05, "expected at most one wrong digit of twenty"


def draw(images: np.ndarray, found: list[list[int]], truth: list[list[int]], path: Path) -> None:
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(5, 2, figsize=(7, 5), layout="constrained")
    for ax, image, digits, right in zip(axes.flat, images, found, truth, strict=False):
        ax.imshow(image[..., 0], cmap="gray_r")
        ax.set_title(" ".join(map(str, digits)), color="black" if digits == right else "red")
        ax.axis("off")
    figure.savefig(path, dpi=80)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
