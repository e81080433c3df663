"""Knows letters of an alphabet that it has never seen, each from one drawing: a Siamese network.

    python examples/omniglot_one_shot.py --data omniglot_images_background_small1.zip [--epochs N]

The .zip holds 5 alphabets, 136 letters drawn by 20 people each (Lake et al., 2015). The network learns from four of
them whether two drawings are of one letter (Koch et al., 2015), and is asked about the fifth: which of its letters, of
each of which there is one drawing, is that? The part of wrong answers is printed beside that of the distance of pixels,
and answers are drawn.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from pathlib import Path

import numpy as np

import lamina
from lamina import layers, ops

HELD_OUT, SIZE = "Early_Aramaic", 28


def load(path: Path) -> dict[str, np.ndarray]:
    """Drawings (letters, 20, SIZE, SIZE, 1) of each alphabet, ink 1."""
    from PIL import Image

    found: dict[str, dict[str, list[np.ndarray]]] = {}
    with zipfile.ZipFile(path) as z:
        for name in sorted(n for n in z.namelist() if n.endswith(".png")):
            alphabet, letter = Path(name).parts[-3:-1]
            with Image.open(io.BytesIO(z.read(name))) as picture:
                ink = 1 - np.asarray(picture.convert("L").resize((SIZE, SIZE), Image.Resampling.BOX)) / 255
            found.setdefault(alphabet, {}).setdefault(letter, []).append(ink)
    return {
        a: np.stack([np.stack(d) for d in letters.values()])[..., None].astype("f4") for a, letters in found.items()
    }


def build() -> lamina.Model:
    """One encoder reads both drawings; how far their features are apart tells how likely they are one letter."""
    moved = layers.RandomTranslation(0.08, 0.08, fill_mode="constant", seed=0)
    encoder = lamina.Sequential([lamina.Input((SIZE, SIZE, 1)), moved])
    for filters in (32, 64, 64):
        encoder.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        encoder.add(layers.BatchNormalization())
        encoder.add(layers.Activation("relu"))
        encoder.add(layers.MaxPooling2D(2))
    encoder.add(layers.Flatten())
    encoder.add(layers.Dropout(0.3))
    encoder.add(layers.Dense(128))
    drawings = [lamina.Input((SIZE, SIZE, 1)), lamina.Input((SIZE, SIZE, 1))]
    head = lamina.Sequential([layers.Activation(ops.abs), layers.Dense(1)])
    return lamina.Model(drawings, layers.Siamese(encoder, layers.Subtract(), head)(drawings))


def trials(letters: np.ndarray, rng: np.random.Generator, n: int = 20) -> list[tuple[np.ndarray, np.ndarray]]:
    """(examples, questions): a drawing of each letter by one person, and by another."""
    people = [rng.choice(letters.shape[1], 2, replace=False) for _ in range(n)]
    return [(letters[:, a], letters[:, b]) for a, b in people]


def wrong(answers: list[np.ndarray]) -> float:
    """The part of questions that another letter's example was nearer to; answers: (questions, examples) of trials."""
    return float(np.mean([a.argmin(1) != np.arange(len(a)) for a in answers]))


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=40)
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    lamina.random.seed(0)
    alphabets = load(options.data)
    if HELD_OUT not in alphabets:
        raise SystemExit(f"{options.data}: no alphabet {HELD_OUT} among {', '.join(alphabets)}")
    seen = np.concatenate([letters for name, letters in alphabets.items() if name != HELD_OUT])
    seen = np.concatenate([np.rot90(seen, k, (2, 3)) for k in range(4)])  # turned letters are letters too
    drawings, labels = seen.reshape(-1, SIZE, SIZE, 1), np.repeat(np.arange(len(seen)), seen.shape[1])
    pairs = lamina.utils.PairSampler(drawings, labels, batch_size=64, batches=64, seed=0)
    model = build()
    rate = lamina.optimizers.schedules.CosineDecay(2e-3, options.epochs * len(pairs))
    loss = lamina.losses.BinaryCrossentropy(from_logits=True)
    model.compile(lamina.optimizers.Adam(rate), loss, metrics=["accuracy"])
    model.fit(pairs, epochs=options.epochs, verbose=2)

    asked = trials(alphabets[HELD_OUT], np.random.default_rng(0))
    by_pixels = wrong([((q[:, None] - e[None]) ** 2).sum((2, 3, 4)) for e, q in asked])
    answers = [compared(model, q, e) for e, q in asked]
    by_network = wrong(answers)
    n = len(alphabets[HELD_OUT])
    print(f"wrong answers among {n} letters of {HELD_OUT}: {by_network:.3f} (distance of pixels: {by_pixels:.3f})")
    draw(*asked[0], answers[0].argmin(1), options.out / "omniglot_one_shot.png")
    assert by_network <= by_pixels * 2 / 3, "expected an error at least a third below that of pixels"


def compared(model: lamina.Model, questions: np.ndarray, examples: np.ndarray) -> np.ndarray:
    """How unlike each question is to each example, (questions, examples)."""
    n = len(questions)
    every = [np.repeat(questions, n, axis=0), np.tile(examples, (n, 1, 1, 1))]
    return -model.predict(every, batch_size=256, verbose=0).reshape(n, n)


def draw(examples: np.ndarray, questions: np.ndarray, found: np.ndarray, path: Path) -> None:
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(2, len(questions), figsize=(len(questions) * 0.6, 1.5), layout="constrained")
    for i, (above, below) in enumerate(axes.T):
        above.imshow(questions[i, ..., 0], cmap="gray_r")
        below.imshow(examples[found[i], ..., 0], cmap="gray_r" if found[i] == i else "Reds")
        for ax in (above, below):
            ax.set_xticks([]), ax.set_yticks([])
    axes[0, 0].set_ylabel("drawn"), axes[1, 0].set_ylabel("found")
    figure.savefig(path, dpi=80)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
