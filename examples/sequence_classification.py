"""Tells from radio signals whether a person walking through a corridor changes rooms: sequences of different lengths.

    python examples/sequence_classification.py --data PATH [--epochs N]

PATH is IndoorMovement.zip or its unpacked directory: 314 series of the signal strengths at four anchors, 19 to 129
steps long (Bacciu, Barsocchi, Chessa, Gallicchio, Micheli: An experimental characterization of reservoir computing in
ambient assisted living applications. Neural Computing and Applications, 2014). An LSTM reads each series up to its
own length; a fixed fifth of them is held out.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

import numpy as np

import lamina
from lamina import layers


def read_files(path: Path) -> dict[str, str]:
    """The text of every CSV file by its name."""
    if path.is_dir():
        return {f.name: f.read_text() for f in path.rglob("*.csv")}
    with zipfile.ZipFile(path) as z:
        return {Path(n).name: z.read(n).decode() for n in z.namelist() if n.endswith(".csv")}


def table(text: str) -> np.ndarray:
    return np.array([line.split(",") for line in text.splitlines() if line and not line.startswith("#")], np.float64)


def load(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Series (N, longest, 4) with zeros behind their ends, their lengths, and labels 0 or 1."""
    files = read_files(path)
    if "MovementAAL_target.csv" not in files:
        raise SystemExit(f"{path}: no MovementAAL_target.csv in it; --data takes IndoorMovement.zip or its folder")
    targets = table(files["MovementAAL_target.csv"]).astype(int)
    series = [table(files[f"MovementAAL_RSS_{i}.csv"]) for i in targets[:, 0]]
    lengths = np.array([len(s) for s in series], np.int64)
    x = np.zeros((len(series), lengths.max(), 4), np.float32)
    for i, s in enumerate(series):
        x[i, : len(s)] = s
    return x, lengths, (targets[:, 1] > 0).astype(np.int64)


class Classifier(lamina.Model):
    """An LSTM over each series' own length, then one logit a class."""

    def __init__(self, units: int = 64) -> None:
        super().__init__()
        self.lstm = layers.LSTM(units)
        self.dropout = layers.Dropout(0.3)
        self.head = layers.Dense(2)

    def call(self, inputs, training=False):
        x, lengths = inputs
        return self.head(self.dropout(self.lstm(x, lengths=lengths), training=training))


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=100)
    options = p.parse_args()

    lamina.random.seed(0)
    x, lengths, y = load(options.data)
    order = np.random.default_rng(0).permutation(len(y))
    held_out, train = order[: len(y) // 5], order[len(y) // 5 :]
    print(f"{len(train)} series to train, {len(held_out)} held out, {lengths.min()} to {lengths.max()} steps long")

    model = Classifier()
    model.compile(
        optimizer=lamina.optimizers.Adam(5e-3, global_clipnorm=1.0),
        loss=lamina.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit([x[train], lengths[train]], y[train], batch_size=32, epochs=options.epochs, verbose=2)
    results = model.evaluate([x[held_out], lengths[held_out]], y[held_out], verbose=0, return_dict=True)
    majority = np.bincount(y[train]).argmax()
    print(f"accuracy on held-out series: {results['accuracy']:.3f}")
    print(f"the majority class alone:    {(y[held_out] == majority).mean():.3f}")
    assert results["accuracy"] >= 0.93, "expected an accuracy of at least 0.93"


if __name__ == "__main__":
    main()
