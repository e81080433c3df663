"""Image classification from a folder of files, with augmentation layers in the model."""

import os

import keras
import numpy as np
from keras import layers

# Two kinds of pictures: bright above, or bright at the left.
rng = np.random.default_rng(0)
for kind in ("above", "left"):
    os.makedirs(os.path.join("pictures", kind))
    for i in range(24):
        image = rng.uniform(0, 120, (32, 32, 3))
        if kind == "above":
            image[:16] += 100
        else:
            image[:, :16] += 100
        keras.utils.save_img(os.path.join("pictures", kind, f"{i:03d}.png"), image, scale=False)

image_size = (24, 24)
batch_size = 8
train_ds = keras.utils.image_dataset_from_directory("pictures", image_size=image_size, batch_size=batch_size, seed=1)
images_seen = sum(len(labels) for images, labels in train_ds)
print("Classes:", train_ds.class_names, "images:", images_seen)

data_augmentation = keras.Sequential(
    [layers.RandomFlip("horizontal"), layers.RandomRotation(0.05), layers.RandomZoom(0.1)],
    name="augmentation",
)


def make_model(input_shape, num_classes):
    inputs = keras.Input(shape=input_shape)
    x = data_augmentation(inputs)
    x = layers.Rescaling(1.0 / 255)(x)
    x = layers.Conv2D(8, 3, strides=2, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    previous_block_activation = x
    for size in [16, 24]:
        x = layers.Activation("relu")(x)
        x = layers.SeparableConv2D(size, 3, padding="same")(x)
        x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        residual = layers.Conv2D(size, 1, strides=2, padding="same")(previous_block_activation)
        x = layers.add([x, residual])
        previous_block_activation = x
    x = layers.GlobalAveragePooling2D()(x)
    units = 1 if num_classes == 2 else num_classes
    x = layers.Dropout(0.25)(x)
    return keras.Model(inputs, layers.Dense(units, activation=None)(x))


model = make_model(input_shape=image_size + (3,), num_classes=2)
model.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    metrics=[keras.metrics.BinaryAccuracy(name="acc")],
)
history = model.fit(train_ds, epochs=2, verbose=2)

img = keras.utils.load_img("pictures/left/003.png", target_size=image_size)
img_array = np.expand_dims(keras.utils.img_to_array(img), 0)
predictions = model.predict(img_array)
score = float(keras.ops.sigmoid(predictions[0][0]))
results = {"loss": history.history["loss"], "score": score, "seen": images_seen}
