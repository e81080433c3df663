"""Reads handwritten digits with a vision Transformer: patches as words of a sentence.

    python examples/vit_digits.py [--epochs N]

The 1,797 8 x 8 images of scikit-learn; a fixed fifth is held out. Each 2 x 2 patch becomes one of sixteen vectors,
which attend to each other in pre-norm blocks (Dosovitskiy et al., 2021). A confusion matrix is drawn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import lamina
from lamina import layers


def build(width: int = 48, heads: int = 4, depth: int = 3, rate: float = 0.1) -> lamina.Model:
    inputs = lamina.Input((8, 8, 1))
    x = layers.Conv2D(width, 2, strides=2)(inputs)  # one vector for each patch
    x = layers.Reshape((16, width))(x)
    x = layers.Add()([x, layers.PositionEmbedding(16)(x)])
    for _ in range(depth):
        x = layers.TransformerEncoder(2 * width, heads, rate, activation="gelu", normalize_first=True)(x)
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return lamina.Model(inputs, layers.Dense(10)(x))


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--epochs", type=int, default=40)
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    lamina.random.seed(0)
    digits = load_digits()
    x, y = (digits.images[..., None] / 16).astype(np.float32), digits.target
    order = np.random.default_rng(0).permutation(len(y))
    held_out, train = order[: len(y) // 5], order[len(y) // 5 :]

    model = build()
    rate = lamina.optimizers.schedules.CosineDecay(2e-3, options.epochs * -(-len(train) // 64))
    loss = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(lamina.optimizers.AdamW(rate, weight_decay=0.05), loss, metrics=["accuracy"])
    model.fit(x[train], y[train], epochs=options.epochs, batch_size=64, validation_data=(x[held_out], y[held_out]))
    found = model.predict(x[held_out], verbose=0).argmax(1)
    accuracy = float((found == y[held_out]).mean())
    print(f"accuracy of {len(held_out)} images held out: {accuracy:.4f}")
    draw(y[held_out], found, options.out / "vit_digits.png")
    assert accuracy >= 0.95, "expected an accuracy of at least 0.95"


def draw(truth: np.ndarray, found: np.ndarray, path: Path) -> None:
    import matplotlib.pyplot as plt

    table = np.zeros((10, 10), int)
    np.add.at(table, (truth, found), 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure, ax = plt.subplots(figsize=(4.6, 4.4), layout="constrained")
    ax.imshow(np.sqrt(table), cmap="Blues")
    for (i, j), n in np.ndenumerate(table):
        if n:
            ax.text(j, i, str(n), ha="center", va="center", fontsize=8, color="white" if i == j else "black")
    ax.set(xlabel="found", ylabel="digit", xticks=range(10), yticks=range(10))
    figure.savefig(path, dpi=80)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
