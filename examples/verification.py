"""Are these two drawings of one letter? Verification of letters of an alphabet that the network has never seen.

    python examples/verification.py --data omniglot_images_background_small1.zip [--epochs N]

The .zip holds 5 alphabets, 136 letters drawn by 20 people each (Lake et al., 2015). A network of separable convolutions
puts drawings of one letter near each other on a sphere and others farther away, by the hardest triplets of a batch
(Hermans et al., 2017). Printed are, for all pairs of drawings of the fifth alphabet, the equal error rate (at the
threshold where as many pairs of one letter are refused as pairs of two are accepted) beside that of the distance of
pixels, and how many pairs of one letter are accepted where 1 % of the others are. Both curves are drawn.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from omniglot_one_shot import HELD_OUT, SIZE, load

import lamina
from lamina import layers, metrics


def build() -> lamina.Sequential:
    """Drawings to points on a sphere."""
    model = lamina.Sequential(
        [
            lamina.Input((SIZE, SIZE, 1)),
            layers.RandomRotation(0.03, fill_mode="constant", seed=0),
            layers.RandomZoom(0.15, fill_mode="constant", seed=0),
            layers.RandomTranslation(0.08, 0.08, fill_mode="constant", seed=0),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
        ]
    )
    for filters in (64, 96, 128):
        model.add(layers.SeparableConv2D(filters, 3, padding="same", use_bias=False))
        model.add(layers.GroupNormalization(8))
        model.add(layers.Activation("relu"))
        model.add(layers.MaxPooling2D(2))
    for layer in (layers.Flatten(), layers.Dropout(0.2), layers.Dense(64), layers.UnitNormalization()):
        model.add(layer)
    return model


def batches(drawings: np.ndarray, rng: np.random.Generator, steps: int, letters: int = 24, each: int = 4):
    """``each`` drawings of each of ``letters`` letters; drawings: (letters, people, SIZE, SIZE, 1)."""
    for _ in range(steps):
        drawn = rng.choice(len(drawings), letters, replace=False)
        people = np.stack([rng.choice(drawings.shape[1], each, replace=False) for _ in drawn])
        yield drawings[drawn[:, None], people].reshape(-1, SIZE, SIZE, 1), np.repeat(np.arange(letters), each)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=30)
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    lamina.random.seed(0)
    rng, steps = np.random.default_rng(0), 50
    alphabets = load(options.data)
    asked = alphabets.pop(HELD_OUT)
    seen = np.concatenate(list(alphabets.values()))
    seen = np.concatenate([np.rot90(seen, k, (2, 3)) for k in range(4)])  # turned letters are letters too
    model = build()
    rate = lamina.optimizers.schedules.CosineDecay(2e-3, options.epochs * steps)
    model.compile(lamina.optimizers.Adam(rate), lamina.losses.Triplet(0.3, mining="semi_hard"))
    model.fit(batches(seen, rng, options.epochs * steps), epochs=options.epochs, steps_per_epoch=steps, verbose=2)

    n, people = asked.shape[:2]
    letter = np.repeat(np.arange(n), people)
    first, second = np.triu_indices(n * people, 1)
    same = (letter[first] == letter[second]).astype(np.float32)
    points = {
        "network": model.predict(asked.reshape(-1, SIZE, SIZE, 1), verbose=0),
        "pixels": asked.reshape(n * people, -1),
    }
    near = {name: -np.linalg.norm(p[first] - p[second], axis=1) for name, p in points.items()}
    error = {name: float(rated(metrics.EqualErrorRate(), same, s)) for name, s in near.items()}
    strict = {name: float(rated(metrics.TARAtFAR(0.01), same, s)) for name, s in near.items()}
    print(f"{len(same):,} pairs of drawings of {n} letters of {HELD_OUT}, {same.mean():.1%} of one letter")
    print(f"accepted at 1 % false ones: {strict['network']:.3f} (distance of pixels: {strict['pixels']:.3f})")
    print(f"equal error rate: {error['network']:.4f} (distance of pixels: {error['pixels']:.4f})")
    draw(same, near, options.out / "verification.png")
    assert error["network"] <= error["pixels"] / 2, "expected at most half of the error of pixels"


def rated(metric: metrics.Metric, same: np.ndarray, near: np.ndarray) -> float:
    metric.update_state(same, near)
    return metric.result()


def draw(same: np.ndarray, near: dict[str, np.ndarray], path: Path) -> None:
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, ax = plt.subplots(figsize=(4.6, 4.2), layout="constrained")
    for name, scores in near.items():
        one = same[np.argsort(-scores)]
        ax.plot(np.cumsum(1 - one) / (1 - one).sum(), np.cumsum(one) / one.sum(), label=name)
    ax.plot([0, 1], [1, 0], color="#bbbbbb", linewidth=1)
    ax.set(xlabel="pairs of two letters accepted", ylabel="pairs of one letter accepted")
    ax.legend(frameon=False)
    figure.savefig(path, dpi=80)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
