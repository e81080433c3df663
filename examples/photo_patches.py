"""Finds a piece of a photo again that was turned, recoloured and blurred: features learned without any labels.

    pip install ".[examples]" pillow && python examples/photo_patches.py [--epochs N]

Two photos come with scikit-learn. From pieces of their left three quarters a network learns to tell two changed views
of one piece from those of others (Chen et al., 2020). Then two new views of each of 64 pieces of the right quarter are
made: how often the nearest of all second views is the right one is printed beside what the distance of pixels finds.
Pieces and views are drawn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_sample_images

import lamina
from lamina import layers

LARGE, SIZE, BATCH = 40, 32, 64


def changes() -> layers.Pipeline:
    """What a view is changed by, in turn; numbers of colours from 0 to 255."""
    return layers.Pipeline(
        [
            layers.RandomCrop(SIZE, SIZE, seed=1),
            layers.RandomFlip("horizontal", seed=2),
            layers.RandomRotation(0.08, seed=3),
            layers.RandomShear(0.15, 0.15, seed=4),
            layers.RandomPerspective(0.5, 0.2, seed=5),
            layers.RandomColorJitter(
                brightness_factor=0.1, contrast_factor=0.3, saturation_factor=(0.3, 0.7), hue_factor=0.1, seed=6
            ),
            layers.RandomColorDegeneration(0.3, seed=7),
            layers.RandomGrayscale(0.2, seed=8),
            layers.RandomPosterization(4, seed=9),
            layers.RandomSharpness(0.3, seed=10),
            layers.RandomGaussianBlur(0.5, 3, (0.1, 1.0), seed=11),
            layers.RandomErasing(0.3, (0.02, 0.1), seed=12),
        ]
    )


def build() -> lamina.Sequential:
    """Views to points on a sphere; several normalizations look at each view alone."""
    model = lamina.Sequential([lamina.Input((SIZE, SIZE, 3)), layers.Rescaling(1 / 127.5, -1)])
    for filters in (32, 64, 128):
        model.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        model.add(layers.GroupNormalization(8))
        model.add(layers.PReLU(shared_axes=(1, 2)))
        model.add(layers.AveragePooling2D(2))
    for layer in (layers.Flatten(), layers.Dropout(0.1), layers.Dense(64), layers.UnitNormalization()):
        model.add(layer)
    return model


def pieces(photos: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Squares of LARGE pixels from anywhere in the photos, (n, LARGE, LARGE, 3): of ten times as many the liveliest."""
    bounds = (len(photos), *(s - LARGE + 1 for s in photos.shape[1:3]))
    at = zip(*(rng.integers(0, high, 10 * n) for high in bounds), strict=True)
    found = np.stack([photos[p, i : i + LARGE, j : j + LARGE] for p, i, j in at])
    return found[np.argsort(-found.std((1, 2, 3)))[:n]]


def found_again(first: np.ndarray, second: np.ndarray) -> float:
    """How often the nearest of all second views is that of the same piece."""
    apart = np.linalg.norm(first.reshape(len(first), 1, -1) - second.reshape(1, len(second), -1), axis=-1)
    return float((apart.argmin(1) == np.arange(len(first))).mean())


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--epochs", type=int, default=12)
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    lamina.random.seed(0)
    rng, steps = np.random.default_rng(0), 40
    photos = np.stack(load_sample_images().images).astype(np.float32)
    known, new = photos[:, :, :480], photos[:, :, 480:]
    change, model = changes(), build()

    def batches():
        """Two views of each piece, both with its number."""
        while True:
            yield np.asarray(change(np.repeat(pieces(known, BATCH, rng), 2, axis=0), training=True)), numbers

    numbers = np.repeat(np.arange(BATCH), 2)
    rate = lamina.optimizers.schedules.CosineDecay(2e-3, options.epochs * steps)
    model.compile(lamina.optimizers.Adam(rate), lamina.losses.InfoNCE(0.1))
    model.fit(batches(), epochs=options.epochs, steps_per_epoch=steps, verbose=2)

    asked = pieces(new, BATCH, rng)
    trials = [[np.asarray(change(asked, training=True)) for _ in range(2)] for _ in range(10)]
    ours = np.mean([found_again(*(model.predict(v, verbose=0) for v in views)) for views in trials])
    by_pixels = np.mean([found_again(*views) for views in trials])
    print(f"found again, of {BATCH} pieces never seen: {ours:.3f} (distance of pixels: {by_pixels:.3f})")
    draw(asked, *trials[0], options.out / "photo_patches.png")
    assert ours >= 2 * by_pixels, "expected twice as many as by pixels"


def draw(asked: np.ndarray, first: np.ndarray, second: np.ndarray, path: Path) -> None:
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(3, 14, figsize=(14, 3.4), layout="constrained")
    for row, name, images in zip(axes, ("piece", "a view", "another"), (asked, first, second), strict=True):
        for ax, image in zip(row, images, strict=False):
            ax.imshow(np.clip(image / 255, 0, 1))
            ax.set_xticks([]), ax.set_yticks([])
        row[0].set_ylabel(name)
    figure.savefig(path, dpi=80)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
