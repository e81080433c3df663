"""Foretells ratings of films that nobody has rated yet, from what is known about them and the people.

    python examples/new_films.py --data PATH [--epochs N]

PATH is the wheel of the package recbole (`pip download recbole --no-deps`), which carries MovieLens-100k (Harper and
Konstan, 2015), or a directory with its files ml-100k.inter, ml-100k.user and ml-100k.item. Layers make numbers of
genres, year, age, gender, occupation and place. All ratings of a fifth of the films are held out; the root mean
squared error is printed beside that of the people's means.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

import numpy as np

import lamina
from lamina import layers


def table(path: Path, kind: str) -> dict[str, np.ndarray]:
    """Columns of text of ml-100k.kind, by name."""
    name = f"ml-100k.{kind}"
    if path.is_dir():
        text = (path / name).read_text()
    else:
        with zipfile.ZipFile(path) as z:
            text = z.read(next(n for n in z.namelist() if n.endswith(name))).decode()
    head, *rows = [line.split("\t") for line in text.strip("\n").split("\n")]
    return dict(zip([h.split(":")[0] for h in head], np.array(rows).T, strict=True))


def of_people(people: dict[str, np.ndarray]) -> np.ndarray:
    """A row of zeros and ones for each person."""
    age = layers.Discretization([18, 25, 35, 45, 50, 56], output_mode="one_hot")(people["age"].astype(float))
    gender = layers.StringLookup(vocabulary=["F", "M"], num_oov_indices=0, output_mode="one_hot")(people["gender"])
    occupation = layers.StringLookup(output_mode="one_hot")
    occupation.adapt(people["occupation"])
    both = layers.HashedCrossing(64, output_mode="one_hot")((people["gender"], people["occupation"]))
    region = layers.Hashing(20, output_mode="one_hot")(np.array([z[:1] for z in people["zip_code"]]))
    parts = [age, gender, occupation(people["occupation"]), both, region]
    return np.concatenate([np.asarray(p, np.float32) for p in parts], axis=1)


def of_films(films: dict[str, np.ndarray]) -> np.ndarray:
    """Each film's genres as zeros and ones, and its year, shifted and scaled."""
    genres = layers.TextVectorization(standardize="lower", output_mode="multi_hot")
    genres.adapt(films["class"])
    year = np.array([float(y) if y.isdigit() else 1995 for y in films["release_year"]], np.float32)[:, None]
    decade = layers.Discretization(list(range(1930, 2000, 10)), output_mode="one_hot")
    scaled = layers.Normalization()
    scaled.adapt(year)
    parts = [genres(films["class"]), decade(year), scaled(year)]
    return np.concatenate([np.asarray(p, np.float32) for p in parts], axis=1)


def build(people: int, films: int, n: int, width: int = 8) -> lamina.Model:
    """The person's mean, and how much more or less one of that taste likes films of that kind."""
    inputs = [lamina.Input(()), lamina.Input((people,)), lamina.Input((films,)), lamina.Input((), dtype="int64")]
    mean, person, film, number = inputs
    l2 = lamina.regularizers.L2
    taste, kind = (layers.Dense(width, kernel_regularizer=l2(1e-3))(x) for x in (person, film))
    own = layers.Embedding(n, width, "zeros", embeddings_regularizer=l2(1e-5))(number)
    liked = layers.Dot(axes=1)(
        [layers.Add()([layers.GaussianDropout(0.2)(taste), own]), layers.GaussianDropout(0.2)(kind)]
    )
    better = layers.Dense(1, kernel_regularizer=l2(1e-3))(film)
    return lamina.Model(inputs, layers.Add()([layers.Reshape((1,))(mean), better, liked]))


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=10)
    options = p.parse_args()

    lamina.random.seed(0)
    ratings, people, films = (table(options.data, kind) for kind in ("inter", "user", "item"))
    stars = ratings["rating"].astype(np.float32)
    who, which = place(people["user_id"], ratings["user_id"]), place(films["item_id"], ratings["item_id"])
    new = np.random.default_rng(0).random(len(films["item_id"])) < 0.2
    held_out, train = np.flatnonzero(new[which]), np.flatnonzero(~new[which])
    means = of_means(who, stars, train)
    persons, kinds = of_people(people), of_films(films)
    print(f"{kinds.shape[1]} features of {len(kinds):,} films, {new.sum()} of them new, {persons.shape[1]} of people")

    def inputs(i: np.ndarray) -> list[np.ndarray]:
        return [means[i], persons[who[i]], kinds[which[i]], who[i]]

    model = build(persons.shape[1], kinds.shape[1], len(persons))
    rate = lamina.optimizers.schedules.CosineDecay(2e-3, options.epochs * -(-len(train) // 256))
    model.compile(lamina.optimizers.Adam(rate), "mse")
    model.fit(inputs(train), stars[train, None], epochs=options.epochs, batch_size=256)
    found = np.clip(model.predict(inputs(held_out), verbose=0)[:, 0], 1, 5)
    error, simple = (float(np.sqrt(np.mean((f - stars[held_out]) ** 2))) for f in (found, means[held_out]))
    print(
        f"root mean squared error of {len(held_out):,} ratings of new films: {error:.4f} (people's means: {simple:.4f})"
    )
    assert error < simple, "expected to be better than the people's means"


def place(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Where each number stands among the known ones."""
    return np.asarray(layers.IntegerLookup(vocabulary=known.astype(int), num_oov_indices=0)(asked.astype(int)))


def of_means(people: np.ndarray, stars: np.ndarray, train: np.ndarray, inertia: float = 5.0) -> np.ndarray:
    """For each rating the mean of the others of its person, drawn to that of all by so many ratings."""
    sums, counts = np.zeros(people.max() + 1), np.zeros(people.max() + 1)
    np.add.at(sums, people[train], stars[train])
    np.add.at(counts, people[train], 1)
    own = np.isin(np.arange(len(stars)), train)
    others = sums[people] - own * stars + inertia * stars[train].mean()
    return (others / (counts[people] - own + inertia)).astype(np.float32)


if __name__ == "__main__":
    main()
