"""Hears where "seven" is said among other digits: convolutions over the mel spectrogram, which is the first layer.

    python examples/spoken_keyword.py --data fsdd_200.npz [--epochs N]

The .npz holds 200 recordings as examples/spoken_digits.py reads them (Free Spoken Digit Dataset). Two seconds of
three digits are put together anew for each epoch, in half of which one is a seven; those of the test are of recordings
never heard, 8 and 9 of each digit and speaker. The network is told whether the word is there, not where: its score is
the largest of all moments'. The area under the ROC curve is printed, and scores are drawn over time.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from spoken_digits import RATE, load

import lamina
from lamina import layers

KEYWORD, SAMPLES, STEP, BANDS = 7, 2 * RATE, 80, 40


def moments(
    recordings: list[np.ndarray], digits: np.ndarray, n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Sounds (n, SAMPLES), and where the keyword is, (n, 2) in samples, (0, 0) if it is not there.

    Each digit is said a bit faster or slower, louder or softer than it was.
    """
    sounds, places = 0.002 * rng.standard_normal((n, SAMPLES)).astype(np.float32), np.zeros((n, 2), int)
    keywords, others = np.flatnonzero(digits == KEYWORD), np.flatnonzero(digits != KEYWORD)
    for sound, place, there in zip(sounds, places, rng.permutation(n) % 2, strict=True):
        drawn = rng.choice(others, 3)
        if there:
            drawn[rng.integers(3)] = rng.choice(keywords)
        at = int(rng.integers(0, RATE // 8))
        for i in drawn:
            said = recordings[i] * rng.uniform(0.5, 1.5)
            said = np.interp(np.arange(0, len(said), rng.uniform(0.85, 1.15)), np.arange(len(said)), said)
            part = sound[at : at + len(said)]
            part += said[: len(part)]
            if digits[i] == KEYWORD:
                place[:] = at, at + len(part)
            at += len(part) + int(rng.integers(0, RATE // 10))
    return sounds, places


def build() -> tuple[lamina.Model, lamina.Model]:
    """A model of whole sounds, and one of the scores of their moments; logits."""
    inputs = lamina.Input((SAMPLES,))
    x = layers.MelSpectrogram(256, STEP, sampling_rate=RATE, num_mel_bins=BANDS)(inputs)
    x = layers.Permute((2, 1))(x)
    x = layers.GaussianNoise(0.3)(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.SpatialDropout1D(0.2)(x)  # of bands
    x = layers.Conv1D(64, 5, strides=2, padding="same", activation="relu")(x)
    for dilation in (1, 2, 4):
        y = layers.SeparableConv1D(64, 5, padding="same", dilation_rate=dilation, use_bias=False)(x)
        y = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(y))
        x = layers.Add()([x, layers.SpatialDropout1D(0.3)(y)])
    scores = layers.Conv1D(1, 11, padding="same")(x)
    return lamina.Model(inputs, layers.GlobalMaxPooling1D()(scores)), lamina.Model(inputs, scores)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=20)
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    lamina.random.seed(0)
    rng = np.random.default_rng(0)
    recordings, digits, number = load(options.data)
    heard, new = np.flatnonzero(number < 8), np.flatnonzero(number >= 8)
    model, scores = build()
    rate = lamina.optimizers.schedules.CosineDecay(3e-3, options.epochs * 20)
    loss = lamina.losses.BinaryCrossentropy(from_logits=True)
    model.compile(lamina.optimizers.Adam(rate, global_clipnorm=1.0), loss, metrics=["accuracy"])
    for epoch in range(options.epochs):
        sounds, places = moments([recordings[i] for i in heard], digits[heard], 640, rng)
        there = (places[:, 1:] > 0).astype(np.float32)
        model.fit(sounds, there, batch_size=32, initial_epoch=epoch, epochs=epoch + 1, verbose=2)

    sounds, places = moments([recordings[i] for i in new], digits[new], 400, rng)
    there = places[:, 1:] > 0
    found = model.predict(sounds, verbose=0)
    auc = lamina.metrics.AUC(num_thresholds=1000, from_logits=True)
    auc.update_state(there, found)
    over_time = scores.predict(sounds[there[:, 0]], verbose=0)[..., 0]
    loudest = over_time.argmax(1) * 2 * STEP
    begin, end = places[there[:, 0]].T
    inside = np.mean((begin <= loudest) & (loudest <= end))
    print(f"right about {len(sounds)} sounds of recordings never heard: {np.mean((found > 0) == there):.4f}")
    print(f"the largest score is inside of the word in {inside:.3f} of those that hold it")
    print(f"area under the ROC curve: {float(auc.result()):.4f}")
    draw(sounds, places, scores.predict(sounds[:6], verbose=0)[..., 0], options.out / "spoken_keyword.png")
    assert auc.result() >= 0.95, "expected an area of at least 0.95"


def draw(sounds: np.ndarray, places: np.ndarray, scores: np.ndarray, path: Path) -> None:
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(2, 3, figsize=(11, 4), layout="constrained", sharex=True, sharey=True)
    for ax, sound, (begin, end), score in zip(axes.flat, sounds, places, scores, strict=False):
        ax.plot(np.arange(SAMPLES) / RATE, 20 * sound, color="#bbbbbb", linewidth=0.5)
        ax.plot(np.arange(len(score)) * 2 * STEP / RATE, score, color="#c4452f")
        if end:
            ax.axvspan(begin / RATE, end / RATE, color="#3f7fbf", alpha=0.2)
    figure.supxlabel("seconds")
    figure.supylabel(f"score of “{KEYWORD}”")
    figure.savefig(path, dpi=80)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
