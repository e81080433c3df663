"""Draws the frames between the frames of a film: a U-Net of 3-D convolutions.

    python examples/slow_motion.py --data mnist_6k_1k.npz [--epochs N]

The .npz has x_train and x_test, grey images of digits. Films of two digits that move through each other are made anew
for each epoch (Srivastava et al., 2015); those of the test are of digits never seen. Of nine frames the network is
given every second one. The squared error of the four others is printed beside that of blending their neighbours, and
frames are drawn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import lamina
from lamina import layers

FRAMES, SIZE = 9, 44


def films(digits: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, FRAMES, SIZE, SIZE, 1), values from 0 to 1; digits move by up to two pixels a frame each way."""
    made = np.zeros((n, FRAMES, SIZE, SIZE), np.float32)
    room = SIZE - digits.shape[1]
    for film in made:
        for digit in digits[rng.integers(0, len(digits), 2)]:
            speed = rng.integers(-2, 3, 2)
            way = (FRAMES - 1) * speed
            first = rng.integers(np.maximum(0, -way), room + 1 - np.maximum(0, way))
            for t, frame in enumerate(film):
                i, j = first + speed * t
                part = frame[i : i + digits.shape[1], j : j + digits.shape[2]]
                np.maximum(part, digit, out=part)
    return made[..., None]


def convolved(x, filters: int, kernel: tuple[int, int, int]):
    """A convolution over as many rows and columns, but only where its frames are."""
    x = layers.ZeroPadding3D((0, kernel[1] // 2, kernel[2] // 2))(x)
    x = layers.Conv3D(filters, kernel, use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


def build() -> lamina.Model:
    """Logits of the frames between those given: down by pooling, up by transposed convolutions."""
    inputs = lamina.Input((FRAMES // 2 + 1, SIZE, SIZE, 1))
    beside = convolved(inputs, 16, (2, 3, 3))  # each pair of neighbours
    x = layers.MaxPooling3D((1, 2, 2))(beside)
    between = convolved(x, 32, (1, 3, 3))
    x = layers.MaxPooling3D((1, 2, 2))(between)
    x = layers.SpatialDropout3D(0.1)(convolved(layers.ZeroPadding3D((1, 0, 0))(x), 64, (3, 3, 3)))
    x = convolved(x, 64, (1, 5, 5))
    x = layers.Conv3DTranspose(32, (1, 2, 2), strides=(1, 2, 2))(x)
    x = convolved(layers.Concatenate()([x, between]), 32, (1, 3, 3))
    x = layers.Conv3DTranspose(16, (1, 2, 2), strides=(1, 2, 2))(x)
    x = convolved(layers.Concatenate()([x, beside]), 16, (1, 3, 3))
    return lamina.Model(inputs, layers.Conv3D(1, 1)(x))


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=12)
    p.add_argument("--films", type=int, default=1000, help="made for each epoch")
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    lamina.random.seed(0)
    rng = np.random.default_rng(0)
    with np.load(options.data) as z:
        digits, new = (z[k].astype(np.float32) / 255 for k in ("x_train", "x_test"))
    model = build()
    rate = lamina.optimizers.schedules.CosineDecay(4e-3, options.epochs * -(-options.films // 16))
    model.compile(lamina.optimizers.Adam(rate), lamina.losses.BinaryCrossentropy(from_logits=True))
    for epoch in range(options.epochs):
        made = films(digits, options.films, rng)
        model.fit(made[:, ::2], made[:, 1::2], batch_size=16, initial_epoch=epoch, epochs=epoch + 1, verbose=2)

    made = films(new, 200, rng)
    given, truth = made[:, ::2], made[:, 1::2]
    found = np.asarray(lamina.ops.sigmoid(model.predict(given, batch_size=16, verbose=0)))
    blended = (given[:, :-1] + given[:, 1:]) / 2
    ours, theirs = (float(np.mean((f - truth) ** 2)) for f in (found, blended))
    print(f"mean squared error of frames between others: {ours:.5f} (neighbours blended: {theirs:.5f})")
    draw({"given": given[0, :-1], "film": truth[0], "network": found[0], "blended": blended[0]}, options.out)
    assert ours <= theirs / 2, "expected at most half of the error of blending"


def draw(rows: dict[str, np.ndarray], directory: Path) -> None:
    import matplotlib.pyplot as plt

    directory.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(len(rows), FRAMES // 2, figsize=(6, 6), layout="constrained")
    for line, (name, frames) in zip(axes, rows.items(), strict=True):
        for ax, frame in zip(line, frames, strict=True):
            ax.imshow(frame[..., 0], cmap="gray_r", vmin=0, vmax=1)
            ax.set_xticks([]), ax.set_yticks([])
        line[0].set_ylabel(name)
    figure.savefig(directory / "slow_motion.png", dpi=80)
    print(f"drawn: {directory / 'slow_motion.png'}")


if __name__ == "__main__":
    main()
