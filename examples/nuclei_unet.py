"""Finds cell nuclei in microscope images: segmentation by a U-Net with transposed convolutions.

    python examples/nuclei_unet.py --data nuclei_24.npz [--epochs N]

The .npz has image and mask (N, 256, 256), grey values 0 to 255 and 0 or 1 (BBBC038, the 2018 Data Science Bowl). The
last six images are held out; Dice of their masks is printed beside that of Otsu's threshold, and a figure is drawn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import lamina
from lamina import layers, ops

HELD_OUT, CROP = 6, 128


def double_conv(x, filters: int):
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
    return x


def build(filters: tuple[int, ...] = (16, 32, 64)) -> lamina.Model:
    """Down by pooling, up by transposed convolutions, beside each level what came down; for sizes that 4 divides."""
    inputs = lamina.Input((None, None, 1))
    x, beside = inputs, []
    for n in filters[:-1]:
        beside.append(double_conv(x, n))
        x = layers.MaxPooling2D(2)(beside[-1])
    x = double_conv(x, filters[-1])
    for n, skip in zip(filters[-2::-1], beside[::-1], strict=True):
        x = layers.Conv2DTranspose(n, 2, strides=2)(x)
        x = double_conv(layers.Concatenate()([skip, x]), n)
    return lamina.Model(inputs, layers.Conv2D(1, 1)(x))


def loss(y, logits):
    """Cross-entropy plus one minus the soft Dice, one number an image."""
    p = ops.sigmoid(logits)
    shared, both = ops.sum(p * y, axis=(1, 2, 3)), ops.sum(p + y, axis=(1, 2, 3))
    return ops.mean(ops.softplus(logits) - logits * y, axis=(1, 2, 3)) + 1 - (2 * shared + 1) / (both + 1)


def dice(mask: np.ndarray, found: np.ndarray) -> float:
    return 2 * float((mask & found).sum()) / float(mask.sum() + found.sum())


def otsu(image: np.ndarray) -> np.ndarray:
    """The pixels of the rarer side of the threshold that divides grey values best (Otsu 1979)."""
    counts = np.bincount(image.ravel(), minlength=256)
    below, mass = np.cumsum(counts), np.cumsum(counts * np.arange(256))
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (mass[-1] * below / below[-1] - mass) ** 2 / (below * (below[-1] - below))
    bright = image > np.nanargmax(between)
    return bright if bright.mean() < 0.5 else ~bright


def crops(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Four places of each image, turned and mirrored at random."""
    pairs = []
    for image, mask in zip(np.repeat(x, 4, axis=0), np.repeat(y, 4, axis=0), strict=True):
        i, j = rng.integers(0, image.shape[0] - CROP + 1, 2)
        both = np.concatenate([image, mask], axis=-1)[i : i + CROP, j : j + CROP]
        both = np.rot90(both, rng.integers(4))
        pairs.append(both[:, ::-1] if rng.integers(2) else both)
    both = np.stack(pairs).astype(np.float32)
    return both[..., :1], both[..., 1:]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=40)
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    lamina.random.seed(0)
    rng = np.random.default_rng(0)
    with np.load(options.data) as z:
        images, masks = z["image"], z["mask"].astype(bool)
    grey = images.astype(np.float32)
    grey = (grey - grey.mean((1, 2), keepdims=True)) / (grey.std((1, 2), keepdims=True) + 1)
    x, y = grey[..., None], masks[..., None].astype(np.float32)

    model = build()
    rate = lamina.optimizers.schedules.CosineDecay(3e-3, options.epochs * -(-4 * len(x[:-HELD_OUT]) // 8))
    model.compile(lamina.optimizers.Adam(rate), loss)
    for epoch in range(options.epochs):  # new crops in each
        part = crops(x[:-HELD_OUT], y[:-HELD_OUT], rng)
        model.fit(*part, batch_size=8, initial_epoch=epoch, epochs=epoch + 1, verbose=2)

    found = model.predict(x[-HELD_OUT:], batch_size=1, verbose=0)[..., 0] > 0
    truth = masks[-HELD_OUT:]
    ours = np.mean([dice(t, f) for t, f in zip(truth, found, strict=True)])
    theirs = np.mean([dice(t, otsu(i)) for t, i in zip(truth, images[-HELD_OUT:], strict=True)])
    print(f"Dice of {HELD_OUT} images held out: {ours:.3f} (Otsu's threshold: {theirs:.3f})")
    draw(images[-HELD_OUT:], truth, found, options.out / "nuclei_unet.png")
    assert ours >= 0.9, "expected a Dice of at least 0.90"


def draw(images: np.ndarray, truth: np.ndarray, found: np.ndarray, path: Path) -> None:
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(3, len(images), figsize=(2 * len(images), 6.4), layout="constrained")
    for row, name, pictures in zip(axes, ("image", "drawn by hand", "found"), (images, truth, found), strict=True):
        for ax, picture in zip(row, pictures, strict=True):
            ax.imshow(picture, cmap="gray")
            ax.set_xticks([]), ax.set_yticks([])
        row[0].set_ylabel(name)
    figure.savefig(path, dpi=80)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
