"""One task, many kinds of networks: each reads the same handwritten digits, as pixels, as rows or as volumes.

    pip install ".[examples]" && python examples/many_readers.py [--epochs N]

The 1,797 8 x 8 images of scikit-learn; a fixed fifth is held out. Printed are each network's weights and its accuracy,
which are drawn, too: what a kind of layer costs, and what it brings, on one small task.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import lamina
from lamina import layers


def chain(*parts: layers.Layer):
    """A network that goes through these one after the other."""

    def apply(x):
        for part in parts:
            x = part(x)
        return x

    return apply


def rows(x):
    return layers.Reshape((8, 8))(x)


def attended(x):
    """Rows look at each other, then one question at all of them."""
    x = layers.Dense(48)(rows(x))
    x = layers.Add()([x, layers.SinePositionEncoding()(x)])
    x = layers.Add()([x, layers.Attention(use_scale=True)([layers.Dense(48)(x), layers.Dense(48)(x)])])
    asked = layers.RepeatVector(1)(layers.GlobalMaxPooling1D()(x))
    return layers.Flatten()(layers.Attention()([asked, layers.Dense(48, activation="relu")(x)]))


def mixed(x):
    """Columns are mixed, then rows, by dense layers along one axis each."""
    x = rows(x)
    for _ in range(2):
        x = layers.Add()([x, layers.EinsumDense("abc,bd->adc", (8, 8), bias_axes="d", activation="gelu")(x)])
        x = layers.EinsumDense("abc,cd->abd", (None, 32), bias_axes="d", activation="gelu")(x)
        x = layers.EinsumDense("abc,cd->abd", (None, 8), bias_axes="d")(x)
    return layers.Flatten()(x)


def agreed(x):
    """The largest, the least and the mean of what three dense layers say."""
    flat = layers.Flatten()(x)
    said = [layers.Dense(64, activation="tanh")(flat) for _ in range(3)]
    return layers.Concatenate()([merge()(said) for merge in (layers.Maximum, layers.Minimum, layers.Average)])


KINDS = {
    "dense": chain(layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dropout(0.3)),
    "self-normalizing": chain(
        layers.Flatten(),
        layers.Dense(96, activation="selu", kernel_initializer="lecun_normal"),
        layers.AlphaDropout(0.05),
        layers.Dense(96, activation="selu", kernel_initializer="lecun_normal"),
    ),
    "maximum, minimum, mean": agreed,
    "mixer": mixed,
    "convolution": chain(
        layers.Conv2D(24, 3, activation="relu"),
        layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu"),
        layers.AdaptiveMaxPooling2D((2, 2)),
        layers.Flatten(),
    ),
    "3-D convolution": chain(
        layers.Reshape((8, 8, 1, 1)),
        layers.UpSampling3D((1, 1, 3)),
        layers.Conv3D(24, 3, padding="same", activation="relu"),
        layers.AveragePooling3D(2),
        layers.Conv3D(48, (3, 3, 1), activation="relu"),
        layers.GlobalMaxPooling3D(),
    ),
    "recurrence": chain(layers.Reshape((8, 8)), layers.Masking(0.0), layers.Bidirectional(layers.SimpleRNN(48))),
    "convolutional LSTM": chain(layers.Reshape((8, 8, 1)), layers.ConvLSTM1D(16, 3), layers.Flatten()),
    "convolution of rows": chain(
        layers.Reshape((8, 8)),
        layers.ZeroPadding1D(1),
        layers.Conv1D(64, 3, activation="relu"),
        layers.MaxPooling1D(2),
        layers.DropPath(0.05),
        layers.AdaptiveAveragePooling1D(2),
        layers.Flatten(),
    ),
    "attention": attended,
}


def main() -> None:
    compare(KINDS, 0.93, "many_readers.png", __doc__)


def compare(kinds: dict[str, Callable], least: float, figure: str, about: str | None) -> None:
    """Train a network of each kind, print and draw how good they are, and expect ``least`` of all."""
    p = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--epochs", type=int, default=30)
    p.add_argument("--out", type=Path, default=Path("out"))
    options = p.parse_args()

    digits = load_digits()
    x, y = (digits.images[..., None] / 16).astype(np.float32), digits.target
    order = np.random.default_rng(0).permutation(len(y))
    held_out, train = order[: len(y) // 5], order[len(y) // 5 :]
    reached = {}
    for name, kind in kinds.items():
        lamina.random.seed(0)
        inputs = lamina.Input((8, 8, 1))
        model = lamina.Model(inputs, layers.Dense(10)(kind(inputs)))
        rate = lamina.optimizers.schedules.CosineDecay(5e-3, options.epochs * -(-len(train) // 64))
        loss = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(lamina.optimizers.Adam(rate), loss)
        model.fit(x[train], y[train], epochs=options.epochs, batch_size=64, verbose=0)
        accuracy = float((model.predict(x[held_out], verbose=0).argmax(1) == y[held_out]).mean())
        reached[name] = model.count_params(), accuracy
        print(f"{name:>24}: {model.count_params():6,} weights, accuracy {accuracy:.4f}", flush=True)
    draw(reached, options.out / figure)
    worst = min(accuracy for _, accuracy in reached.values())
    print(f"all networks, at least: {worst:.4f} of {len(held_out)} images held out")
    assert worst >= least, f"expected an accuracy of at least {least} of each"


def draw(reached: dict[str, tuple[int, float]], path: Path) -> None:
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    for name, (weights, accuracy) in reached.items():
        ax.scatter(weights, accuracy, color="#3f7fbf")
        ax.annotate(name, (weights, accuracy), (4, 4), textcoords="offset points", fontsize=8)
    ax.set(xlabel="weights", ylabel="accuracy", xscale="log", xlim=(1500, 100_000))
    figure.savefig(path, dpi=80)
    print(f"drawn: {path}")


if __name__ == "__main__":
    main()
