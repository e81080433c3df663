"""Masking and padding: Embedding, Masking, masks passed by hand, layers that make, change and use masks."""

import keras
import numpy as np
from keras import layers, ops

raw_inputs = [[711, 632, 71], [73, 8, 3215, 55, 927], [83, 91, 1, 645, 253, 927]]
padded_inputs = keras.utils.pad_sequences(raw_inputs, padding="post")
results = {"padded": padded_inputs}

embedding = layers.Embedding(input_dim=5000, output_dim=16, mask_zero=True)
masked_output = embedding(padded_inputs)
mask = embedding.compute_mask(padded_inputs)
results["mask"] = np.asarray(mask).astype("float32")

masking_layer = layers.Masking()
unmasked_embedding = ops.cast(ops.tile(ops.expand_dims(padded_inputs, axis=-1), [1, 1, 10]), dtype="float32")
masked_embedding = masking_layer(unmasked_embedding)
results["masking"] = np.asarray(masking_layer.compute_mask(unmasked_embedding)).astype("float32")

model = keras.Sequential([layers.Embedding(input_dim=5000, output_dim=16, mask_zero=True), layers.LSTM(32)])
results["sequential"] = ops.convert_to_numpy(model(padded_inputs))

inputs = keras.Input(shape=(None,), dtype="int32")
x = layers.Embedding(input_dim=5000, output_dim=16, mask_zero=True)(inputs)
outputs = layers.LSTM(32)(x)
functional = keras.Model(inputs, outputs)
functional.set_weights(model.get_weights())
results["functional"] = ops.convert_to_numpy(functional(padded_inputs))


class MyLayer(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.embedding = layers.Embedding(input_dim=5000, output_dim=16, mask_zero=True)
        self.lstm = layers.LSTM(32)

    def call(self, inputs):
        x = self.embedding(inputs)
        mask = self.embedding.compute_mask(inputs)
        return self.lstm(x, mask=mask)


results["by_hand"] = ops.convert_to_numpy(MyLayer()(padded_inputs)).shape


class CustomEmbedding(keras.layers.Layer):
    def __init__(self, input_dim, output_dim, mask_zero=False, **kwargs):
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.mask_zero = mask_zero

    def build(self, input_shape):
        self.embeddings = self.add_weight(
            shape=(self.input_dim, self.output_dim),
            initializer="random_normal",
            dtype="float32",
        )

    def call(self, inputs):
        inputs = ops.cast(inputs, "int32")
        return ops.take(self.embeddings, inputs, axis=0)

    def compute_mask(self, inputs, mask=None):
        if not self.mask_zero:
            return None
        return ops.not_equal(inputs, 0)


class MyActivation(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        return ops.relu(inputs)


class TemporalSoftmax(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        assert mask is not None
        broadcast_float_mask = ops.expand_dims(ops.cast(mask, "float32"), -1)
        inputs_exp = ops.exp(inputs) * broadcast_float_mask
        inputs_sum = ops.sum(inputs_exp * broadcast_float_mask, axis=1, keepdims=True)
        return inputs_exp / inputs_sum


inputs = keras.Input(shape=(None,), dtype="int32")
x = CustomEmbedding(input_dim=40, output_dim=16, mask_zero=True)(inputs)
x = MyActivation()(x)
x = layers.Dense(1)(x)
outputs = TemporalSoftmax()(x)
model = keras.Model(inputs, outputs)
y = model(np.random.default_rng(0).integers(0, 40, size=(8, 12)))
results["softmax"] = ops.convert_to_numpy(y)

# Training with a mask: sequences of numbers whose first steps count
rng = np.random.default_rng(1)
x = rng.normal(size=(48, 7, 3)).astype("float32")
lengths = rng.integers(2, 8, 48)
for sequence, length in zip(x, lengths):
    sequence[length:] = -1.0
y = np.array([sequence[:length].sum() for sequence, length in zip(x, lengths)], "float32")
model = keras.Sequential(
    [
        keras.Input((None, 3)),
        layers.Masking(mask_value=-1.0),
        layers.GRU(12, return_sequences=True),
        layers.Bidirectional(layers.LSTM(6)),
        layers.Dense(1),
    ]
)
model.compile("adam", "mse")
results["trained"] = model.fit(x, y, epochs=3, batch_size=16, verbose=0).history["loss"]

# Time-distributed targets: the mask reaches the loss and the metrics
tokens = rng.integers(0, 5, (48, 6))
model = keras.Sequential([layers.Embedding(5, 8, mask_zero=True), layers.GRU(8, return_sequences=True)])
model.add(layers.Dense(5, activation="softmax"))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
results["tagged"] = model.fit(tokens, tokens[:, ::-1], epochs=2, batch_size=16, verbose=0).history
