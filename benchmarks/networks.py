"""The networks of benchmarks/models.py in Lamina; networks_torch.py holds the same ones in PyTorch.

Attention and its projections have no dropout, since PyTorch's fast attention has none on the CPU; dropout elsewhere is
on. Convolutions and dense layers are followed by what the table of sizes below says, in the same order in both files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import lamina
from lamina import layers, ops
from network_data import CONTEXT, DEPTH, HEADS, SYMBOLS, WIDTH, data


def mlp() -> Any:
    return lamina.Sequential(
        [
            lamina.Input((784,)),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10),
        ]
    )


def small_mlp() -> Any:
    hidden = [layers.Dense(64, activation="relu") for _ in range(2)]
    return lamina.Sequential([lamina.Input((20,)), *hidden, layers.Dense(2)])


def cnn() -> Any:
    return lamina.Sequential(
        [
            lamina.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10),
        ]
    )


def _normalized(x: Any, filters: int, size: int, strides: int) -> Any:
    x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def resnet20() -> Any:
    """He et al., Deep residual learning, 2015, section 4.2; shortcuts that change the size are 1 x 1 convolutions."""
    inputs = lamina.Input((32, 32, 3))
    x = layers.ReLU()(_normalized(inputs, 16, 3, 1))
    for filters in (16, 32, 64):
        for block in range(3):
            strides = 2 if filters > 16 and block == 0 else 1
            y = layers.ReLU()(_normalized(x, filters, 3, strides))
            y = _normalized(y, filters, 3, 1)
            shortcut = _normalized(x, filters, 1, strides) if strides == 2 else x
            x = layers.ReLU()(layers.Add()([y, shortcut]))
    return lamina.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def lstm() -> Any:
    return lamina.Sequential([lamina.Input((28, 28)), layers.LSTM(128), layers.Dense(10)])


def gpt() -> Any:
    """A decoder with normalization in front of each part (Radford et al., GPT-2, 2019), learned positions."""
    inputs = lamina.Input((CONTEXT,), dtype="int64")
    x = layers.Embedding(SYMBOLS, WIDTH)(inputs)
    x = layers.Dropout(0.1)(layers.Add()([x, layers.PositionEmbedding(CONTEXT)(x)]))
    for _ in range(DEPTH):
        h = layers.LayerNormalization(epsilon=1e-5)(x)
        h = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(h, h, use_causal_mask=True)
        x = layers.Add()([x, layers.Dropout(0.1)(h)])
        h = layers.Dense(4 * WIDTH, activation="gelu")(layers.LayerNormalization(epsilon=1e-5)(x))
        x = layers.Add()([x, layers.Dropout(0.1)(layers.Dense(WIDTH)(h))])
    return lamina.Model(inputs, layers.Dense(SYMBOLS)(layers.LayerNormalization(epsilon=1e-5)(x)))


def siamese() -> Any:
    """One tower, applied to both images of a pair."""
    return lamina.Sequential(
        [
            lamina.Input((64, 64, 1)),
            layers.Conv2D(32, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128),
        ]
    )


MODELS: dict[str, Callable[[], Any]] = {
    "mlp": mlp,
    "small mlp": small_mlp,
    "cnn": cnn,
    "resnet-20": resnet20,
    "lstm": lstm,
    "gpt": gpt,
    "siamese": siamese,
}


def contrastive(same: Any, a: Any, b: Any) -> Any:
    """Hadsell, Chopra, LeCun, CVPR 2006: margin 1 on the Euclidean distance."""
    square = ops.sum(ops.square(a - b), axis=-1)
    far = ops.square(ops.relu(1.0 - ops.sqrt(square + 1e-6)))
    return ops.mean(same * square + (1.0 - same) * far)


@dataclass
class Network:
    """A model with its optimizer: ``train(*batch)`` is one step and gives the loss, ``infer(*inputs)`` the outputs."""

    name: str
    model: Any
    train: Callable[..., Any]
    infer: Callable[..., Any]

    @property
    def parameters(self) -> int:
        return sum(int(np.prod(w.shape)) for w in self.model.trainable_weights)


def build(name: str, captured: bool) -> Network:
    model = MODELS[name]()
    pair = name == "siamese"
    cross_entropy = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)

    def loss_of(*batch: Any) -> Any:
        if pair:
            return contrastive(batch[2], model(batch[0], training=True), model(batch[1], training=True))
        return cross_entropy(batch[1], model(batch[0], training=True))

    def infer(*inputs: Any) -> Any:
        with lamina.no_grad():
            if pair:
                return model(inputs[0], training=False) - model(inputs[1], training=False)
            return model(inputs[0], training=False)

    infer(*data(name))
    optimizer = lamina.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_weights)

    def train(*batch: Any) -> Any:
        loss = loss_of(*batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    if captured:
        return Network(name, model, lamina.capture(train), lamina.capture(infer))
    return Network(name, model, train, infer)
