"""Guesses the language of a surname: recurrent cells on top of each other, and attention to the letters.

    python examples/surnames.py --data surnames_18_languages.zip [--epochs N]

The .zip holds a text file of names for each of 18 languages (Robertson, 2017). A fixed tenth of the 17,000 different
names is held out. A GRU's and an LSTM's cell read a name letter by letter; what they end with asks which letters
matter (Bahdanau et al., 2015). The accuracy is printed beside that of the most frequent language, and how much names'
letters are looked at is drawn.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

import numpy as np

import lamina
from lamina import layers

LONGEST = 20


def load(path: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Names, each once with one of its languages, the numbers of these, and what they are called."""
    with zipfile.ZipFile(path) as z:
        files = {Path(n).stem: z.read(n).decode().split("\n") for n in sorted(z.namelist()) if n.endswith(".txt")}
    found = {name.strip(): i for i, names in enumerate(files.values()) for name in names if name.strip()}
    return np.array(list(found)), np.array(list(found.values())), list(files)


class Guesser(lamina.Model):
    def __init__(self, letters: int, languages: int, units: int = 96) -> None:
        super().__init__()
        self.letters = layers.Embedding(letters, 48, mask_zero=True)
        self.noise = layers.SpatialDropout1D(0.2)
        cells = layers.StackedRNNCells([layers.GRUCell(units), layers.LSTMCell(units)])
        self.reader = layers.RNN(cells, return_sequences=True, return_state=True)
        self.attention = layers.AdditiveAttention()
        self.both = layers.Concatenate()
        self.dropout = layers.Dropout(0.4)
        self.head = layers.Dense(languages)

    def call(self, names, training=False, looked_at=False):
        letters = self.noise(self.letters(names), training=training)
        read, _, (last, _) = self.reader(letters)
        seen, weights = self.attention([last[:, None], read], return_attention_scores=True)
        logits = self.head(self.dropout(self.both([last, seen[:, 0]]), training=training))
        return (logits, weights[:, 0]) if looked_at else logits


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=12)
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    lamina.random.seed(0)
    names, y, languages = load(options.data)
    order = np.random.default_rng(0).permutation(len(y))
    held_out, train = order[: len(y) // 10], order[len(y) // 10 :]
    spelled = layers.TextVectorization(standardize=None, split="character", output_sequence_length=LONGEST)
    spelled.adapt(names[train])
    x = np.asarray(spelled(names))
    model = Guesser(spelled.vocabulary_size(), len(languages))
    rate = lamina.optimizers.schedules.CosineDecay(4e-3, options.epochs * -(-len(train) // 64))
    loss = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(lamina.optimizers.Adam(rate, global_clipnorm=1.0), loss, metrics=["accuracy"])
    model.fit(x[train], y[train], epochs=options.epochs, batch_size=64)

    found = model.predict(x[held_out], verbose=0).argmax(1)
    accuracy = float((found == y[held_out]).mean())
    most = float((y[held_out] == np.bincount(y[train]).argmax()).mean())
    shown = held_out[:8]
    for i, language in zip(shown, found, strict=False):
        right = "" if language == y[i] else f"   (is {languages[y[i]]})"
        print(f"{names[i]:>14}: {languages[language]}{right}")
    print(f"accuracy of {len(held_out):,} names held out: {accuracy:.4f} (the most frequent language: {most:.4f})")
    weights = np.asarray(model(x[shown], looked_at=True)[1])
    draw(names[shown], weights, [languages[i] for i in found[:8]], options.out / "surnames.png")
    assert accuracy >= 0.8, "expected an accuracy of at least 0.80"


def draw(names: np.ndarray, weights: np.ndarray, languages: list[str], path: Path) -> None:
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(2, 4, figsize=(10, 3.2), layout="constrained")
    for ax, name, looked_at, language in zip(axes.flat, names, weights, languages, strict=False):
        ax.bar(range(len(name)), looked_at[: len(name)], color="#3f7fbf")
        ax.set_xticks(range(len(name)), list(name))
        ax.set_yticks([])
        ax.set_title(language, fontsize=9)
    figure.savefig(path, dpi=80)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
