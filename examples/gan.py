"""Two networks that teach each other to draw digits: one draws, the other tells drawn digits from real ones.

    python examples/gan.py --data mnist_6k_1k.npz [--epochs N]

The .npz has x_train, grey images of 28 x 28. Both networks train in one captured step, written out as in PyTorch
(Goodfellow et al., 2014; Miyato et al., 2018). New digits are drawn; printed is how far their mean image, and the
spread of their pixels, are from those of the real ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import lamina
from lamina import layers, ops

LATENT = 64


def generator() -> lamina.Sequential:
    return lamina.Sequential(
        [
            lamina.Input((LATENT,)),
            layers.Dense(7 * 7 * 64, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Reshape((7, 7, 64)),
            layers.Conv2DTranspose(32, 4, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh"),
        ]
    )


def discriminator() -> lamina.Sequential:
    return lamina.Sequential(
        [
            lamina.Input((28, 28, 1)),
            layers.Conv2D(32, 4, strides=2, padding="same"),
            layers.LeakyReLU(0.2),
            layers.SpectralNormalization(layers.Conv2D(64, 4, strides=2, padding="same")),
            layers.LeakyReLU(0.2),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(1),
        ]
    )


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=30)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    lamina.random.seed(0)
    rng = np.random.default_rng(0)
    with np.load(options.data) as z:
        x = (z["x_train"][..., None] / 127.5 - 1).astype(np.float32)
    draws, judges = generator(), discriminator()
    of_draws, of_judges = (lamina.optimizers.Adam(2e-4, beta_1=0.5) for _ in range(2))
    of_draws.build(draws.trainable_weights)
    of_judges.build(judges.trainable_weights)

    @lamina.capture
    def step(real, noise):
        """The discriminator's step on real and drawn images, then the generator's through the discriminator."""
        drawn = draws(noise, training=True)
        of_judges.zero_grad()
        on_real, on_drawn = judges(real, training=True), judges(ops.stop_gradient(drawn), training=True)
        loss = ops.mean(ops.softplus(-on_real) * 0.9 + ops.softplus(on_real) * 0.1) + ops.mean(ops.softplus(on_drawn))
        loss.backward()
        of_judges.step()
        of_draws.zero_grad()
        fooled = ops.mean(ops.softplus(-judges(drawn, training=True)))
        fooled.backward()
        of_draws.step()
        return loss, fooled

    for epoch in range(options.epochs):
        losses = []
        order = rng.permutation(len(x))
        for i in range(0, len(x) - options.batch + 1, options.batch):
            noise = rng.standard_normal((options.batch, LATENT)).astype(np.float32)
            losses.append([float(v) for v in step(x[order[i : i + options.batch]], noise)])
        judged, fooled = np.mean(losses, axis=0)
        print(f"epoch {epoch + 1}/{options.epochs}: discriminator {judged:.3f}, generator {fooled:.3f}")

    drawn = draws.predict(rng.standard_normal((1000, LATENT)).astype(np.float32), verbose=0)
    mean_apart = float(np.abs(drawn.mean(0) - x.mean(0)).mean())
    spread_apart = float(np.abs(drawn.std(0) - x.std(0)).mean())
    print(f"drawn digits: mean image {mean_apart:.3f} away, spread {spread_apart:.3f} away (of values from -1 to 1)")
    draw(drawn[:48], options.out / "gan.png")
    assert max(mean_apart, spread_apart) < 0.15, "expected images like the real ones"


def draw(images: np.ndarray, path: Path) -> None:
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    sheet = images[..., 0].reshape(4, 12, 28, 28).transpose(0, 2, 1, 3).reshape(4 * 28, 12 * 28)
    plt.imsave(path, sheet, cmap="gray_r", vmin=-1, vmax=1)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
