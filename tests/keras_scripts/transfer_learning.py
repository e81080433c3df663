"""Transfer learning: freeze a trained base, train a new top, unfreeze, recompile with a low rate."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(5)
prototypes = rng.random((5, 16, 16, 3)).astype("float32") * 255


def images(classes, n):
    y = rng.integers(0, len(classes), n)
    return np.clip(prototypes[classes][y] + rng.normal(0, 40, (n, 16, 16, 3)), 0, 255).astype("float32"), y


base_model = keras.Sequential(
    [
        keras.Input((16, 16, 3)),
        layers.Conv2D(8, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        layers.Conv2D(16, 3, activation="relu"),
        layers.BatchNormalization(),
    ],
    name="base",
)
pretrained = keras.Sequential([layers.Rescaling(1 / 127.5, offset=-1), base_model, layers.GlobalMaxPooling2D()])
pretrained.add(layers.Dense(3, activation="softmax"))
pretrained.compile("adam", "sparse_categorical_crossentropy")
x, y = images([0, 1, 2], 64)
pretrained.fit(x, y, epochs=2, batch_size=16, verbose=0)

# Freeze the base
base_model.trainable = False
assert len(base_model.trainable_weights) == 0
inputs = keras.Input(shape=(16, 16, 3))
scale_layer = layers.Rescaling(scale=1 / 127.5, offset=-1)
x = scale_layer(inputs)
x = base_model(x, training=False)
x = layers.GlobalAveragePooling2D()(x)
x = layers.Dropout(0.2)(x)
outputs = layers.Dense(1)(x)
model = keras.Model(inputs, outputs)
model.summary(show_trainable=True)
model.compile(
    optimizer=keras.optimizers.Adam(1e-2),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy()],
)
x, y = images([3, 4], 64)
before = base_model.get_weights()
history = model.fit(x, y, epochs=3, batch_size=16, validation_split=0.25)
unchanged = all(np.array_equal(a, b) for a, b in zip(before, base_model.get_weights()))

# Unfreeze the base, but not its first layer and not its batch normalization
base_model.trainable = True
for layer in base_model.layers:
    if isinstance(layer, layers.BatchNormalization) or layer is base_model.layers[0]:
        layer.trainable = False
model.summary(show_trainable=True)
model.compile(
    optimizer=keras.optimizers.Adam(1e-4),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy()],
)
fine = model.fit(x, y, epochs=2, batch_size=16, validation_split=0.25)
results = {
    "top": history.history,
    "fine": fine.history,
    "unchanged": unchanged,
    "counts": [len(model.weights), len(model.trainable_weights), len(model.non_trainable_weights)],
}
