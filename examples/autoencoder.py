"""A variational autoencoder that packs digits into a few numbers, and draws new ones from random numbers.

    python examples/autoencoder.py --data mnist_6k_1k.npz [--epochs N]

The .npz has x_train and x_test, grey images of 28 x 28. Convolutions pack an image into the mean and the spread of 16
numbers, transposed convolutions unpack them (Kingma and Welling, 2014). The error of unpacked test images is printed
beside that of as many principal components; images, unpacked ones and new ones are drawn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import lamina
from lamina import layers, ops

LATENT = 16


class Autoencoder(lamina.Model):
    """Encoder and decoder; the loss that the layer adds keeps the 16 numbers near a normal distribution."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = lamina.Sequential(
            [
                layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
                layers.Conv2D(64, 3, strides=2, padding="same", activation="relu"),
                layers.Flatten(),
                layers.Dense(128, activation="relu"),
                layers.Dense(2 * LATENT),
            ]
        )
        self.decoder = lamina.Sequential(
            [
                layers.Dense(7 * 7 * 64, activation="relu"),
                layers.Reshape((7, 7, 64)),
                layers.Conv2DTranspose(32, 4, strides=2, padding="same", activation="relu"),
                layers.Conv2DTranspose(1, 4, strides=2, padding="same"),
            ]
        )
        self.generator = lamina.random.Generator(0)

    def call(self, images, training=False):
        packed = self.encoder(images)
        mean, log_variance = packed[:, :LATENT], packed[:, LATENT:]
        apart = ops.exp(log_variance) + ops.square(mean) - 1.0 - log_variance
        self.add_loss(0.5 * ops.mean(ops.sum(apart, axis=1)) / (28 * 28))
        if training:
            mean = mean + ops.exp(0.5 * log_variance) * lamina.random.normal(mean.shape, seed=self.generator)
        return self.decoder(mean)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=30)
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    lamina.random.seed(0)
    with np.load(options.data) as z:
        x, x_test = ((z[k][..., None] / 255).astype(np.float32) for k in ("x_train", "x_test"))
    model = Autoencoder()
    model.compile(lamina.optimizers.Adam(2e-3), lamina.losses.BinaryCrossentropy(from_logits=True))
    model.fit(x, x, epochs=options.epochs, batch_size=64)

    unpacked = np.asarray(ops.sigmoid(model.predict(x_test, verbose=0)))
    error = float(np.mean((unpacked - x_test) ** 2))
    flat, center = x_test.reshape(len(x_test), -1), x.reshape(len(x), -1).mean(0)
    directions = np.linalg.svd(x.reshape(len(x), -1) - center, full_matrices=False)[2][:LATENT]
    linear = float(np.mean(((flat - center) @ directions.T @ directions + center - flat) ** 2))
    print(f"mean squared error of unpacked test images: {error:.4f} ({LATENT} principal components: {linear:.4f})")
    numbers = np.random.default_rng(0).standard_normal((12, LATENT)).astype(np.float32)
    new = np.asarray(ops.sigmoid(model.decoder(numbers)))
    draw({"image": x_test[:12], "unpacked": unpacked[:12], "new": new}, options.out / "autoencoder.png")
    assert error < linear, "expected to be better than principal components"


def draw(rows: dict[str, np.ndarray], path: Path) -> None:
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(len(rows), 12, figsize=(12, 3.3), layout="constrained")
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for ax, image in zip(line, images, strict=True):
            ax.imshow(image[..., 0], cmap="gray_r", vmin=0, vmax=1)
            ax.set_xticks([]), ax.set_yticks([])
        line[0].set_ylabel(name)
    figure.savefig(path, dpi=80)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
