"""The functional API, without a cast: symbolic tensors in, symbolic tensors out."""

from __future__ import annotations

import numpy as np
from typing_extensions import assert_type

import lamina as keras
from lamina import Model, SymbolicTensor, Tensor, layers, ops

inputs = keras.Input((28, 28, 1), name="images")
assert_type(inputs, SymbolicTensor)
x = layers.Rescaling(1 / 255)(inputs)
x = layers.RandomFlip("horizontal")(x)
x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first", dtype="float32")(x)
x = layers.BatchNormalization(trainable=False)(x)
x = layers.MaxPooling2D()(x)
shortcut = x
x = layers.Conv2D(8, 3, padding="same")(x)
x = layers.Add()([x, shortcut]) + 1.0
x = layers.concatenate([x, shortcut], name="both")
x = layers.Flatten(name="flat")(x)
x = layers.Dropout(0.5, seed=1)(x, training=True)
assert_type(x, SymbolicTensor)
outputs = layers.Dense(10, "softmax")(x)
model = Model(inputs, outputs, name="classifier")
assert_type(model, Model)
assert_type(model(np.zeros((2, 28, 28, 1), "float32")), Tensor)
assert_type(model(inputs), SymbolicTensor)

tokens = keras.Input((None,), dtype="int32")
embedded = layers.Embedding(100, 8, mask_zero=True)(tokens)
sequence, hidden, carry = layers.LSTM(8, return_sequences=True, return_state=True)(embedded)
attended = layers.MultiHeadAttention(2, 4)(sequence, sequence)
last = ops.concatenate([hidden, carry], axis=-1)
several = Model(tokens, {"attended": attended, "last": last})
found = several.predict(np.zeros((1, 5), "int32"))
print(found["attended"].shape, found["last"].shape)

siblings = [layers.Dense(3), layers.ReLU()]
y = keras.Input((3,))
for layer in siblings:
    y = layer(y)
for layer in keras.Sequential([layers.Dense(3)]).layers:
    print(layer.name, layer.built)
