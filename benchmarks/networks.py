"""The networks of the benchmarks, once for Lamina and for Keras on any backend: each takes the library as `keras`.

networks_torch.py holds the same ones in PyTorch, networks_jax.py some in plain JAX. Attention and its projections have
no dropout, since PyTorch's fast attention has none on the CPU; dropout elsewhere is on. Convolutions and dense layers
are followed by the same things in the same order in all files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from network_data import (
    BATCH,
    CONTEXT,
    DEPTH,
    FILTERS,
    HEADS,
    SYMBOLS,
    WIDTH,
    WORDS,
    WORDS_LENGTH,
    WORDS_UNITS,
    WORDS_WIDTH,
    data,
    inputs_of,
)


def mlp(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((784,)),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10),
        ]
    )


def small_mlp(keras: Any) -> Any:
    hidden = [keras.layers.Dense(64, activation="relu") for _ in range(2)]
    return keras.Sequential([keras.Input((20,)), *hidden, keras.layers.Dense(2)])


def cnn(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10),
        ]
    )


def resnet20(keras: Any) -> Any:
    """He et al., Deep residual learning, 2015, section 4.2; shortcuts that change the size are 1 x 1 convolutions."""
    layers = keras.layers

    def normalized(x: Any, filters: int, size: int, strides: int) -> Any:
        x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)

    inputs = keras.Input((32, 32, 3))
    x = layers.ReLU()(normalized(inputs, 16, 3, 1))
    for filters in (16, 32, 64):
        for block in range(3):
            strides = 2 if filters > 16 and block == 0 else 1
            y = layers.ReLU()(normalized(x, filters, 3, strides))
            y = normalized(y, filters, 3, 1)
            shortcut = normalized(x, filters, 1, strides) if strides == 2 else x
            x = layers.ReLU()(layers.Add()([y, shortcut]))
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def lstm(keras: Any) -> Any:
    return keras.Sequential([keras.Input((28, 28)), keras.layers.LSTM(128), keras.layers.Dense(10)])


def gru(keras: Any) -> Any:
    words = keras.layers.Embedding(WORDS, WORDS_WIDTH)
    inputs = keras.Input((WORDS_LENGTH,), dtype="int64")
    return keras.Sequential([inputs, words, keras.layers.GRU(WORDS_UNITS), keras.layers.Dense(2)])


def positions(keras: Any) -> Any:
    """Adds learned positions, which Keras itself has no layer for."""

    class Positions(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def build(self, input_shape: Any) -> None:
            self.table = self.add_weight(shape=(CONTEXT, WIDTH), initializer="random_normal", name="table")

        def call(self, x: Any) -> Any:
            return x + self.table

    return Positions()


def gpt(keras: Any) -> Any:
    """A decoder with normalization in front of each part (Radford et al., GPT-2, 2019), learned positions."""
    layers = keras.layers
    inputs = keras.Input((CONTEXT,), dtype="int64")
    x = positions(keras)(layers.Embedding(SYMBOLS, WIDTH)(inputs))
    x = layers.Dropout(0.1)(x)
    for _ in range(DEPTH):
        h = layers.LayerNormalization(epsilon=1e-5)(x)
        h = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(h, h, use_causal_mask=True)
        x = layers.Add()([x, layers.Dropout(0.1)(h)])
        h = layers.Dense(4 * WIDTH, activation="gelu")(layers.LayerNormalization(epsilon=1e-5)(x))
        x = layers.Add()([x, layers.Dropout(0.1)(layers.Dense(WIDTH)(h))])
    return keras.Model(inputs, layers.Dense(SYMBOLS)(layers.LayerNormalization(epsilon=1e-5)(x)))


def unet(keras: Any) -> Any:
    """Ronneberger et al., U-Net, 2015, with same padding and batch normalization."""
    layers = keras.layers

    def double(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))
        return x

    inputs = keras.Input((64, 64, 3))
    x, beside = inputs, []
    for filters in FILTERS[:-1]:
        beside.append(double(x, filters))
        x = layers.MaxPooling2D(2)(beside[-1])
    x = double(x, FILTERS[-1])
    for filters, skip in zip(FILTERS[-2::-1], beside[::-1], strict=True):
        x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
        x = double(layers.Concatenate()([skip, x]), filters)
    return keras.Model(inputs, layers.Conv2D(1, 1)(x))


def siamese(keras: Any) -> Any:
    """One tower, applied to both images of a pair; the difference of what it finds."""
    layers = keras.layers
    tower = keras.Sequential(
        [
            keras.Input((64, 64, 1)),
            layers.Conv2D(32, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128),
        ]
    )
    pair = [keras.Input((64, 64, 1)), keras.Input((64, 64, 1))]
    return keras.Model(pair, layers.Subtract()([tower(pair[0]), tower(pair[1])]))


MODELS: dict[str, Callable[[Any], Any]] = {
    "mlp": mlp,
    "small mlp": small_mlp,
    "cnn": cnn,
    "resnet-20": resnet20,
    "lstm": lstm,
    "gru": gru,
    "gpt": gpt,
    "u-net": unet,
    "siamese": siamese,
}


def loss_of(keras: Any, name: str) -> Callable[[Any, Any], Any]:
    """The loss of a network: targets and outputs give the mean."""
    if name == "u-net":
        loss: Callable[[Any, Any], Any] = keras.losses.BinaryCrossentropy(from_logits=True)
    elif name == "siamese":

        def contrastive(same: Any, difference: Any) -> Any:
            """Hadsell, Chopra, LeCun, CVPR 2006: margin 1 on the Euclidean distance."""
            ops = keras.ops
            same, square = ops.reshape(same, (-1,)), ops.sum(ops.square(difference), axis=-1)
            far = ops.square(ops.relu(1.0 - ops.sqrt(square + 1e-6)))
            return ops.mean(same * square + (1.0 - same) * far)

        loss = contrastive
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return loss


@dataclass
class Network:
    """A model with its optimizer: ``train(*batch)`` is one step and gives the loss, ``infer(*inputs)`` the outputs
    (targets behind them are left alone), ``fit()`` is an epoch of ``fit_steps`` steps."""

    name: str
    model: Any
    train: Callable[..., Any]
    infer: Callable[..., Any]
    fit: Callable[[], Any] | None = None
    fit_steps: int = 1

    @property
    def parameters(self) -> int:
        return sum(int(np.prod(w.shape)) for w in self.model.trainable_weights)

    def batch(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        return arrays


def build(name: str, captured: bool) -> Network:
    """In Lamina, as a loop of one's own."""
    import lamina

    model, loss_fn = MODELS[name](lamina), loss_of(lamina, name)
    count = len(inputs_of(data(name)))

    def forward(inputs: tuple[Any, ...], training: bool) -> Any:
        return model(list(inputs[:count]) if count > 1 else inputs[0], training=training)

    def infer(*inputs: Any) -> Any:
        with lamina.no_grad():
            return forward(inputs, training=False)

    infer(*inputs_of(data(name)))
    optimizer = lamina.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_weights)

    def train(*batch: Any) -> Any:
        loss = loss_fn(batch[-1], forward(inputs_of(batch), training=True))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    if captured:
        return Network(name, model, lamina.capture(train), lamina.capture(infer))
    return Network(name, model, train, infer)


def compiled(keras: Any, name: str) -> Network:
    """In Keras, or in Lamina by Keras's names: compile, train_on_batch, predict_on_batch, fit."""
    model = MODELS[name](keras)
    model.compile(keras.optimizers.Adam(1e-3), loss_of(keras, name))
    steps = 50 if name == "small mlp" else 8
    *inputs, targets = data(name, times=steps)
    arrays = inputs if len(inputs) > 1 else inputs[0]

    def train(*batch: Any) -> Any:
        *some, wanted = batch
        return model.train_on_batch(some if len(some) > 1 else some[0], wanted)

    def infer(*some: Any) -> Any:
        return model.predict_on_batch(list(some) if len(some) > 1 else some[0])

    def fit() -> None:
        model.fit(arrays, targets, batch_size=BATCH[name], verbose=0)

    return Network(name, model, train, infer, fit, steps)
