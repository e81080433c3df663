"""Tells spoken digits apart: mel spectrograms of recordings, read by a bidirectional GRU up to each one's own length.

    python examples/spoken_digits.py --data fsdd_200.npz [--epochs N]

The .npz holds 200 recordings at 8 kHz of ten digits by two speakers, ten each (Free Spoken Digit Dataset), as
differences of samples. Recordings 8 and 9 of each digit and speaker are held out. The spectrograms of a few are drawn.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np

import lamina
from lamina import layers

RATE, STEP, BANDS = 8000, 80, 40  # samples a second, samples between two spectra, mel bands


def load(path: Path) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Recordings as values from -1 to 1, their digits, and which of each speaker's they are."""
    with np.load(path) as z:
        raw = np.cumsum(z["delta_int16"].astype(np.int64)).astype(np.int16).astype(np.float32) / 32768
        bounds = z["offset"]
        return [raw[a:b] for a, b in itertools.pairwise(bounds)], z["digit"].astype(int), z["rec"]


def spectrograms(recordings: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mel spectrograms (N, frames, bands) with zeros behind the ends, and how many frames each has."""
    lengths = np.array([len(r) // STEP + 1 for r in recordings])
    padded = lamina.utils.pad_sequences(recordings, dtype="float32", padding="post")
    mel = layers.MelSpectrogram(256, STEP, sampling_rate=RATE, num_mel_bins=BANDS)
    x = np.asarray(mel(padded)).transpose(0, 2, 1)[:, : lengths.max()]
    there = np.arange(x.shape[1]) < lengths[:, None]
    center, spread = x[there].mean(0), x[there].std(0)
    return np.where(there[..., None], (x - center) / spread, 0).astype(np.float32), lengths


class Listener(lamina.Model):
    """A GRU in both directions, each over its own end of the recording, then one logit a digit."""

    def __init__(self, units: int = 64) -> None:
        super().__init__()
        self.noise = layers.GaussianNoise(0.3)
        self.read = layers.Bidirectional(layers.GRU(units))
        self.dropout = layers.Dropout(0.4)
        self.head = layers.Dense(10)

    def call(self, inputs, training=False):
        x, lengths = inputs
        read = self.read(self.noise(x, training=training), lengths=lengths)
        return self.head(self.dropout(read, training=training))


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=60)
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    lamina.random.seed(0)
    recordings, y, number = load(options.data)
    x, lengths = spectrograms(recordings)
    held_out, train = np.flatnonzero(number >= 8), np.flatnonzero(number < 8)
    print(f"{len(train)} recordings to train, {len(held_out)} held out, {lengths.min()} to {lengths.max()} frames long")

    model = Listener()
    rate = lamina.optimizers.schedules.CosineDecay(4e-3, options.epochs * -(-len(train) // 16))
    model.compile(
        lamina.optimizers.Adam(rate, global_clipnorm=1.0),
        lamina.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit([x[train], lengths[train]], y[train], epochs=options.epochs, batch_size=16, verbose=2)
    found = model.predict([x[held_out], lengths[held_out]], verbose=0).argmax(1)
    accuracy = float((found == y[held_out]).mean())
    print(f"accuracy of {len(held_out)} recordings held out: {accuracy:.4f}")
    draw(x[held_out], lengths[held_out], y[held_out], options.out / "spoken_digits.png")
    assert accuracy >= 0.9, "expected an accuracy of at least 0.90"


def draw(x: np.ndarray, lengths: np.ndarray, digits: np.ndarray, path: Path) -> None:
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(2, 5, figsize=(11, 4), layout="constrained")
    for digit, ax in enumerate(axes.flat):
        i = int(np.flatnonzero(digits == digit)[0])
        ax.imshow(x[i, : lengths[i]].T, origin="lower", aspect="auto", extent=(0, lengths[i] * STEP / RATE, 0, BANDS))
        ax.set_title(f"“{digit}”")
    figure.supxlabel("seconds")
    figure.supylabel("mel band")
    figure.savefig(path, dpi=80)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
