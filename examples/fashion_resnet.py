"""Tells clothes apart with a small residual network, whose blocks training leaves out at random.

    python examples/fashion_resnet.py --data PATH [--epochs N]

PATH is a directory with the four IDX files of Fashion-MNIST (the Debian package dataset-fashion-mnist puts them into
/usr/share/datasets/fashion-mnist), or an .npz file as examples/mnist.py reads it (Xiao, Rasul, Vollgraf, 2017). Images
are mirrored and moved at random in training (He et al., 2015; Huang et al., 2016). Clothes that the network takes for
others are drawn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from mnist import load

import lamina
from lamina import layers

NAMES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")


def block(filters: int, strides: int, drop_path: float) -> layers.Residual:
    """Two convolutions, around which the input goes, by a projection where it changes its shape."""
    parts = [
        layers.Conv2D(filters, 3, strides, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
        layers.Conv2D(filters, 3, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.9),
    ]
    return layers.Residual(parts, activation="relu", drop_path=drop_path)


def build(shape: tuple[int, ...], classes: int, filters: int) -> lamina.Sequential:
    blocks = [block(filters * 2**stage, 1 + (stage > 0), 0.05 * stage) for stage in range(3)]
    return lamina.Sequential(
        [
            lamina.Input(shape),
            layers.RandomFlip("horizontal", seed=0),
            layers.RandomTranslation(0.07, 0.07, fill_mode="constant", seed=0),
            layers.Conv2D(filters, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            *blocks,
            layers.SpatialDropout2D(0.1),
            layers.GlobalAveragePooling2D(),
            layers.Dense(classes),
        ]
    )


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=6)
    p.add_argument("--filters", type=int, default=32, help="of the first blocks")
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    lamina.random.seed(0)
    x, y, x_test, y_test = load(options.data)
    model = build(x.shape[1:], int(y.max()) + 1, options.filters)
    rate = lamina.optimizers.schedules.CosineDecay(3e-3, options.epochs * -(-len(x) // 128))
    loss = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(lamina.optimizers.AdamW(rate, weight_decay=0.02), loss, metrics=["accuracy"])
    model.fit(x, y, batch_size=128, epochs=options.epochs, validation_data=(x_test, y_test))
    found = model.predict(x_test, verbose=0).argmax(1)
    accuracy = float((found == y_test).mean())
    print(f"accuracy of {len(y_test):,} images held out: {accuracy:.4f}")
    draw(x_test, y_test, found, options.out / "fashion_resnet.png")
    assert accuracy >= 0.9, "expected an accuracy of at least 0.90"


def draw(x: np.ndarray, y: np.ndarray, found: np.ndarray, path: Path) -> None:
    """The first images whose class is taken for another one."""
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(2, 8, figsize=(11, 3.6), layout="constrained")
    for ax in axes.flat:
        ax.axis("off")
    for ax, i in zip(axes.flat, np.flatnonzero(found != y), strict=False):
        ax.imshow(x[i, ..., 0], cmap="gray_r")
        ax.set_title(f"{NAMES[y[i]]}, not\n{NAMES[found[i]]}", fontsize=9)
    figure.savefig(path, dpi=80)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
