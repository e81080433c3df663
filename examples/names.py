"""Invents first names: a small Transformer of today's parts, letter by letter.

    python examples/names.py --data makemore_names.txt [--epochs N]

PATH holds a name a line, lower case (32,033 of them, Karpathy, 2022); a tenth is held out. Queries are turned by their
places, several heads share a key, normalization is without mean, and the table of letters is the head, too (Su et al.,
2021; Ainslie et al., 2023; Zhang and Sennrich, 2019). The loss of names held out is printed beside that of pairs of
letters alone, then names that are in no line of the file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import lamina
from lamina import layers

LONGEST, LETTERS = 16, 27  # 0 stands in front of a name and behind it


class Inventor(lamina.Model):
    """Logits of the next letter (N, T, LETTERS), from those before."""

    def __init__(self, width: int = 64, depth: int = 3) -> None:
        super().__init__()
        self.letters = layers.ReversibleEmbedding(LETTERS, width)
        self.norms = [layers.RMSNormalization() for _ in range(2 * depth + 1)]
        self.attention = [
            layers.GroupQueryAttention(width // 4, 4, 2, dropout=0.1, rotary_embedding=layers.RotaryEmbedding())
            for _ in range(depth)
        ]
        self.gates = [layers.Dense(2 * width, activation="silu", use_bias=False) for _ in range(depth)]
        self.wide = [layers.Dense(2 * width, use_bias=False) for _ in range(depth)]
        self.narrow = [layers.Dense(width, use_bias=False) for _ in range(depth)]

    def call(self, names, training=False):
        x = self.letters(names)
        for i, attention in enumerate(self.attention):
            h = self.norms[2 * i](x)
            x = x + attention(h, h, use_causal_mask=True, training=training)
            h = self.norms[2 * i + 1](x)
            x = x + self.narrow[i](self.gates[i](h) * self.wide[i](h))
        return self.letters(self.norms[-1](x), reverse=True)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=6)
    options = p.parse_args()

    lamina.random.seed(0)
    names = sorted({name[: LONGEST - 1] for name in options.data.read_text().split()})
    codes = np.array([[0, *(ord(c) - 96 for c in name), *[0] * (LONGEST - len(name))] for name in names])
    codes = codes[np.random.default_rng(0).permutation(len(codes))]
    x, y = codes[:, :-1], codes[:, 1:]
    counts = ((np.cumsum(y == 0, axis=1) - (y == 0)) == 0).astype(np.float32)  # up to the first end
    held_out, train = slice(len(x) // 10), slice(len(x) // 10, None)

    model = Inventor()
    rate = lamina.optimizers.schedules.CosineDecay(3e-3, options.epochs * -(-len(x[train]) // 128))
    loss = lamina.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    model.compile(lamina.optimizers.AdamW(rate, weight_decay=0.01, global_clipnorm=1.0), loss)
    model.fit(x[train], y[train], sample_weight=counts[train], epochs=options.epochs, batch_size=128)

    logits = model.predict(x[held_out], verbose=0)
    ours = float(loss(y[held_out], logits, sample_weight=counts[held_out]))
    pairs = np.ones((LETTERS, LETTERS))
    np.add.at(pairs, (x[train][counts[train] > 0], y[train][counts[train] > 0]), 1)
    pairs = np.log(pairs / pairs.sum(1, keepdims=True))
    by_pairs = -float(pairs[x[held_out], y[held_out]][counts[held_out] > 0].mean())
    written = lamina.models.generate(model, np.zeros((60, 1), int), LONGEST - 1, top_p=0.95, stop_token_ids=0, seed=0)
    invented = ["".join(chr(c + 96) for c in row if c) for row in written]
    print(", ".join(sorted({name for name in invented if name not in names})))
    print(f"loss of names held out: {ours:.3f} nats a letter (pairs of letters: {by_pairs:.3f})")
    assert ours <= by_pairs - 0.3, "expected 0.3 nats less than pairs of letters"


if __name__ == "__main__":
    main()
