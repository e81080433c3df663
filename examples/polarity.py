"""Tells praise from blame in sentences of film reviews: embeddings and convolutions over words.

    python examples/polarity.py --data sentence_polarity.zip [--epochs N]

The .zip holds rt-polarity.pos and rt-polarity.neg, 5,331 sentences each (Pang and Lee, 2005). A fixed tenth is held
out. Words become numbers by how often they occur in the others; three widths of convolution read them (Kim, 2014).
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

import numpy as np

import lamina
from lamina import layers

LENGTH, VOCABULARY = 40, 8000


def load(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Sentences, and 1 for praise, 0 for blame."""
    sentences: list[str] = []
    labels: list[int] = []
    with zipfile.ZipFile(path) as z:
        for name in sorted(z.namelist()):
            if name.endswith((".pos", ".neg")):
                lines = z.read(name).decode("latin-1").strip().split("\n")
                sentences += lines
                labels += [int(name.endswith(".pos"))] * len(lines)
    return np.array(sentences), np.array(labels, np.float32)


def build() -> lamina.Model:
    inputs = lamina.Input((LENGTH,), dtype="int64")
    x = layers.Embedding(VOCABULARY, 100, embeddings_initializer="random_normal")(inputs)
    x = layers.SpatialDropout1D(0.4)(x)
    pooled = [layers.GlobalMaxPooling1D()(layers.Conv1D(64, width, activation="relu")(x)) for width in (3, 4, 5)]
    x = layers.Dropout(0.6)(layers.Concatenate()(pooled))
    return lamina.Model(inputs, layers.Dense(1, kernel_regularizer=lamina.regularizers.L2(1e-3))(x))


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, required=True)
    p.add_argument("--epochs", type=int, default=8)
    options = p.parse_args()

    lamina.random.seed(0)
    sentences, y = load(options.data)
    order = np.random.default_rng(0).permutation(len(y))
    held_out, train = order[: len(y) // 10], order[len(y) // 10 :]
    words = layers.TextVectorization(VOCABULARY, standardize=None, output_sequence_length=LENGTH)
    words.adapt(sentences[train])
    x = np.asarray(words(sentences))

    model = build()
    rate = lamina.optimizers.schedules.CosineDecay(1e-3, options.epochs * -(-len(train) // 64))
    model.compile(lamina.optimizers.Adam(rate), lamina.losses.BinaryCrossentropy(from_logits=True))
    model.fit(x[train], y[train, None], epochs=options.epochs, batch_size=64)
    right = (model.predict(x[held_out], verbose=0)[:, 0] > 0) == (y[held_out] > 0.5)
    print(f"accuracy of {len(held_out)} sentences held out: {right.mean():.4f}")
    for i in held_out[:3]:
        score = float(model(x[i : i + 1])[0, 0])
        print(
            f"{'praise' if score > 0 else 'blame '} ({'right' if (score > 0) == (y[i] > 0.5) else 'wrong'}):"
            f" {sentences[i]}"
        )
    assert right.mean() >= 0.75, "expected an accuracy of at least 0.75"


if __name__ == "__main__":
    main()
