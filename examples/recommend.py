"""Foretells how many stars a person gives a film: embeddings of people and films, and their dot product.

    python examples/recommend.py --data PATH [--epochs N]

PATH is MovieLens-100k: the wheel of the package recbole (`pip download recbole --no-deps`), which carries it, or its
file ml-100k.inter (Harper and Konstan, 2015). A fixed tenth of the 100,000 ratings is held out; the root mean squared
error is printed beside that of the means of people and films alone.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

import numpy as np

import lamina
from lamina import layers, regularizers

NAME = "ml-100k.inter"


def load(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of people and films from 0 on, and the stars."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as z:
            text = z.read(next(n for n in z.namelist() if n.endswith(NAME))).decode()
    else:
        text = path.read_text()
    rows = np.array([line.split("\t")[:3] for line in text.strip().split("\n")[1:]], np.float64)
    people, films = (np.unique(column, return_inverse=True)[1] for column in (rows[:, 0], rows[:, 1]))
    return people, films, rows[:, 2].astype(np.float32)


def build(people: int, films: int, mean: float, width: int = 24) -> lamina.Model:
    """The dot product of two embeddings, a number for each person and each film, and the mean of all."""

    def table(n: int, features: int, deviation: float):
        start = lamina.initializers.RandomNormal(stddev=deviation)
        return layers.Embedding(n, features, start, embeddings_regularizer=regularizers.L2(1e-6), sparse=False)

    person, film = lamina.Input((), dtype="int64"), lamina.Input((), dtype="int64")
    product = layers.Dot(axes=1)([table(people, width, 0.1)(person), table(films, width, 0.1)(film)])
    stars = layers.Add()([product, table(people, 1, 0.01)(person), table(films, 1, 0.01)(film)])
    return lamina.Model([person, film], stars + mean)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=12)
    options = p.parse_args()

    lamina.random.seed(0)
    people, films, stars = load(options.data)
    order = np.random.default_rng(0).permutation(len(stars))
    held_out, train = order[: len(stars) // 10], order[len(stars) // 10 :]
    model = build(people.max() + 1, films.max() + 1, float(stars[train].mean()))
    rate = lamina.optimizers.schedules.CosineDecay(2e-3, options.epochs * -(-len(train) // 256))
    model.compile(lamina.optimizers.AdamW(rate, weight_decay=0.3), "mse")
    model.fit([people[train], films[train]], stars[train, None], epochs=options.epochs, batch_size=256)

    found = np.clip(model.predict([people[held_out], films[held_out]], verbose=0)[:, 0], 1, 5)
    error = float(np.sqrt(np.mean((found - stars[held_out]) ** 2)))
    print(
        f"root mean squared error of {len(held_out):,} ratings held out: {error:.4f}"
        f" (means of people and films: {of_means(people, films, stars, train, held_out):.4f})"
    )
    assert error < 0.95, "expected an error below 0.95"


def of_means(
    people: np.ndarray, films: np.ndarray, stars: np.ndarray, train: np.ndarray, held_out: np.ndarray
) -> float:
    """The error of: the film's mean, plus how far the person's ratings are from those of their films."""
    mean = stars[train].mean()
    of_film, of_person = np.full(films.max() + 1, mean), np.zeros(people.max() + 1)
    counts = np.bincount(films[train], minlength=len(of_film))
    of_film[counts > 0] = (np.bincount(films[train], stars[train], len(of_film)) / np.maximum(counts, 1))[counts > 0]
    apart = np.bincount(people[train], stars[train] - of_film[films[train]], len(of_person))
    of_person = apart / np.maximum(np.bincount(people[train], minlength=len(of_person)), 1)
    found = of_film[films[held_out]] + of_person[people[held_out]]
    return float(np.sqrt(np.mean((found - stars[held_out]) ** 2)))


if __name__ == "__main__":
    main()
