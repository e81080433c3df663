"""Image segmentation with a U-Net with skips, from a PyDataset."""

import keras
import numpy as np
from keras import layers

img_size = (32, 32)
num_classes = 3
batch_size = 8


class Shapes(keras.utils.PyDataset):
    """Images of a disc in a frame, and which class each pixel has."""

    def __init__(self, batch_size, samples, **kwargs):
        super().__init__(**kwargs)
        self.batch_size = batch_size
        self.samples = samples

    def __len__(self):
        return self.samples // self.batch_size

    def __getitem__(self, idx):
        rng = np.random.default_rng(idx)
        x = np.zeros((self.batch_size, *img_size, 3), dtype="float32")
        y = np.zeros((self.batch_size, *img_size, 1), dtype="uint8")
        rows, columns = np.mgrid[:32, :32]
        for j in range(self.batch_size):
            r, c, radius = rng.integers(8, 24, 2).tolist() + [rng.integers(4, 8)]
            distance = np.hypot(rows - r, columns - c)
            y[j, ..., 0] = np.where(distance < radius - 1, 1, np.where(distance < radius + 1, 2, 0))
            x[j] = rng.uniform(0, 0.3, (*img_size, 3)) + y[j] * 0.3
        return x, keras.utils.to_categorical(y[..., 0], num_classes)


def get_model(img_size, num_classes):
    inputs = keras.Input(shape=img_size + (3,))
    x = inputs
    skips = []
    for filters in [8, 16]:
        x = layers.SeparableConv2D(filters, 3, padding="same")(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
        x = layers.SpatialDropout2D(0.1)(x)
    x = layers.Conv2D(24, 3, activation="relu", padding="same", kernel_initializer="he_normal")(x)
    for filters, skip in zip([16, 8], skips[::-1]):
        x = layers.Conv2DTranspose(filters, 2, strides=2, padding="same")(x)
        x = layers.concatenate([x, skip])
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
    outputs = layers.Conv2D(num_classes, 3, activation="softmax", padding="same")(x)
    return keras.Model(inputs, outputs)


keras.utils.clear_session()
model = get_model(img_size, num_classes)
model.summary()
model.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss="categorical_crossentropy",
    metrics=["accuracy", keras.metrics.MeanIoU(num_classes=3, sparse_y_true=False, sparse_y_pred=False, name="iou")],
)
callbacks = [keras.callbacks.ModelCheckpoint("segmentation.keras", save_best_only=True)]
history = model.fit(
    Shapes(batch_size, 32), epochs=2, validation_data=Shapes(batch_size, 16), callbacks=callbacks, verbose=2
)
val_preds = model.predict(Shapes(batch_size, 16))
results = {**history.history, "mean": val_preds.mean(axis=(0, 1, 2)), "params": model.count_params()}
