"""Takes noise out of speech: a U-Net of convolutions over the samples.

    python examples/denoise.py --data fsdd_200.npz [--epochs N]

The .npz holds 200 recordings as examples/spoken_digits.py reads them (Free Spoken Digit Dataset). White noise as
strong as the speech is added to pieces of an eighth of a second; the network tells noise from speech (Stoller et al.,
2018). How many decibels the noise is below the speech is printed, of recordings never heard, before and after, beside
that of a running mean, the best of several lengths. A piece is drawn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from spoken_digits import RATE, load

import lamina
from lamina import layers

LENGTH = 1024


def pieces(recordings: list[np.ndarray], n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Noisy and clean ones, (n, LENGTH, 1), as loud as each other."""
    clean = np.zeros((n, LENGTH), np.float32)
    for piece in clean:
        spoken = recordings[rng.integers(len(recordings))]
        start = int(rng.integers(0, max(1, len(spoken) - LENGTH)))
        part = spoken[start : start + LENGTH]
        piece[: len(part)] = part / (part.std() + 1e-3)
    return (clean + rng.standard_normal(clean.shape).astype(np.float32))[..., None], clean[..., None]


def build() -> lamina.Model:
    inputs = lamina.Input((LENGTH, 1))
    x, beside = inputs, []
    for filters in (16, 32, 48):
        x = layers.ELU()(layers.Conv1D(filters, 9, padding="same")(x))
        beside.append(x)
        x = layers.AveragePooling1D(4)(x)
    x = layers.ELU()(layers.DepthwiseConv1D(9, padding="same")(x))
    x = layers.Add()([x, layers.Bidirectional(layers.SimpleRNN(24, return_sequences=True))(x)])
    for skip in beside[::-1]:
        x = layers.Conv1DTranspose(skip.shape[-1], 4, strides=4)(x)
        x = layers.Multiply()([layers.Conv1D(skip.shape[-1], 1, activation="sigmoid")(x), skip])  # what to let through
        x = layers.ELU()(layers.Conv1D(skip.shape[-1], 9, padding="same")(x))
    noise = layers.Conv1D(1, 9, padding="same")(x)
    return lamina.Model(inputs, layers.Subtract()([inputs, noise]))


def decibels(clean: np.ndarray, found: np.ndarray) -> float:
    return float(10 * np.log10((clean**2).sum() / ((found - clean) ** 2).sum()))


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=10)
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    lamina.random.seed(0)
    rng = np.random.default_rng(0)
    recordings, _, number = load(options.data)
    heard, new = ([r for r, n in zip(recordings, number, strict=True) if (n >= 8) == later] for later in (False, True))
    model = build()
    rate = lamina.optimizers.schedules.CosineDecay(3e-3, options.epochs * 40)
    model.compile(lamina.optimizers.Adam(rate, global_clipnorm=1.0), "mse")
    for epoch in range(options.epochs):
        model.fit(*pieces(heard, 1280, rng), batch_size=32, initial_epoch=epoch, epochs=epoch + 1, verbose=2)

    noisy, clean = pieces(new, 400, rng)
    found = model.predict(noisy, verbose=0)
    means = [layers.AveragePooling1D(n, 1, "same")(noisy) for n in range(2, 10)]
    mean = max(decibels(clean, np.asarray(m)) for m in means)
    before, after = decibels(clean, noisy), decibels(clean, found)
    print(f"speech above noise: {after:.2f} decibels (before: {before:.2f}, running mean: {mean:.2f})")
    draw({"noisy": noisy[0], "found": found[0], "clean": clean[0]}, options.out / "denoise.png")
    assert after >= mean + 1.5, "expected 1.5 decibels more than by a running mean"


def draw(lines: dict[str, np.ndarray], path: Path) -> None:
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(len(lines), 1, figsize=(8, 5), layout="constrained", sharex=True, sharey=True)
    for ax, (name, line) in zip(axes, lines.items(), strict=True):
        ax.plot(np.arange(LENGTH) / RATE, line[:, 0], linewidth=0.8)
        ax.set_ylabel(name)
    axes[-1].set_xlabel("seconds")
    figure.savefig(path, dpi=80)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
