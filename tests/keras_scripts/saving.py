"""Saving, serialization and export: whole models, weights, configurations, clones, transfer of weights."""

import json

import keras
import numpy as np
from keras import layers, ops

rng = np.random.default_rng(0)
test_input = rng.random((64, 8)).astype("float32")
test_target = rng.random((64, 1)).astype("float32")
results = {}


def get_model():
    inputs = keras.Input(shape=(8,))
    x = layers.Dense(6, activation="relu", name="features")(inputs)
    outputs = layers.Dense(1, name="head")(x)
    model = keras.Model(inputs, outputs)
    model.compile(optimizer=keras.optimizers.Adam(), loss="mean_squared_error", metrics=["mae"])
    return model


model = get_model()
results["first"] = model.fit(test_input, test_target, epochs=2, verbose=0).history
model.save("my_model.keras")
reconstructed_model = keras.models.load_model("my_model.keras")
np.testing.assert_allclose(
    model.predict(test_input, verbose=0), reconstructed_model.predict(test_input, verbose=0), rtol=1e-5
)
# Training goes on where it was, the optimizer's state included
results["resumed"] = reconstructed_model.fit(test_input, test_target, epochs=2, verbose=0).history
results["went_on"] = model.fit(test_input, test_target, epochs=2, verbose=0).history


@keras.saving.register_keras_serializable(package="MyLayers")
class CustomLayer(keras.layers.Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {"factor": self.factor}


@keras.saving.register_keras_serializable(package="my_package", name="custom_fn")
def custom_fn(x):
    return x**2


def get_custom():
    inputs = keras.Input(shape=(4,))
    mid = CustomLayer(0.5)(inputs)
    outputs = layers.Dense(1, activation=custom_fn)(mid)
    model = keras.Model(inputs, outputs)
    model.compile(optimizer="rmsprop", loss="mean_squared_error")
    return model


model = get_custom()
results["custom"] = model.fit(test_input[:, :4], test_target, epochs=2, verbose=0).history["loss"]
model.save("custom_model.keras")
again = keras.models.load_model("custom_model.keras")
results["custom_again"] = again.evaluate(test_input[:, :4], test_target, verbose=0)


class Scale(layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform", trainable=True)
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)

    def call(self, inputs):
        return ops.matmul(inputs, self.w) + self.b

    def get_config(self):
        config = super().get_config()
        config.update({"units": self.units})
        return config


def custom_activation(x):
    return ops.tanh(x) ** 2


inputs = keras.Input((8,))
x = Scale(5)(inputs)
outputs = layers.Activation(custom_activation)(x)
model = keras.Model(inputs, outputs)
config = model.get_config()
custom_objects = {"Scale": Scale, "custom_activation": custom_activation}
with keras.saving.custom_object_scope(custom_objects):
    new_model = keras.Model.from_config(config)
new_model.set_weights(model.get_weights())
results["from_config"] = ops.convert_to_numpy(new_model(test_input[:2]))
with keras.utils.custom_object_scope(custom_objects):
    cloned = keras.models.clone_model(model)
results["clone"] = [w.shape for w in cloned.get_weights()]

model = keras.Sequential([keras.Input((8,)), layers.Dense(3, name="dense_a"), layers.Dense(2, name="dense_b")])
text = model.to_json()
results["json"] = [entry["class_name"] for entry in json.loads(text)["config"]["layers"]]
from_json = keras.models.model_from_json(text)
model.save_weights("ckpt.weights.h5")
from_json.load_weights("ckpt.weights.h5")
results["from_json"] = ops.convert_to_numpy(from_json(test_input[:2]))
layer = keras.layers.deserialize(keras.layers.serialize(layers.Dense(3, activation="relu", kernel_regularizer="l2")))
results["layer"] = [layer.units, layer.activation.__name__, float(layer.kernel_regularizer.l2)]

# A part of a model in another one
pretrained = keras.Sequential([keras.Input((8,)), layers.Dense(3, name="dense_a"), layers.Dense(2, name="dense_b")])
pretrained.load_weights("ckpt.weights.h5")
extractor = keras.Sequential(pretrained.layers[:-1])
extractor.add(layers.Dense(5, name="new_top"))
results["extracted"] = ops.convert_to_numpy(
    keras.Model(pretrained.inputs, pretrained.get_layer("dense_a").output)(test_input[:2])
)
results["extractor"] = ops.convert_to_numpy(extractor(test_input[:2])).shape


class CustomModel(keras.Model):
    def __init__(self, hidden_units, **kwargs):
        super().__init__(**kwargs)
        self.hidden_units = hidden_units
        self.dense_layers = [layers.Dense(u) for u in hidden_units]

    def call(self, inputs):
        x = inputs
        for layer in self.dense_layers:
            x = layer(x)
        return x

    def get_config(self):
        return {**super().get_config(), "hidden_units": self.hidden_units}


model = CustomModel([6, 3, 1])
model(test_input)
model.save("subclassed.keras")
loaded = keras.models.load_model("subclassed.keras", custom_objects={"CustomModel": CustomModel})
results["subclassed"] = ops.convert_to_numpy(loaded(test_input[:2]))
results["same"] = bool(np.allclose(*map(ops.convert_to_numpy, (loaded(test_input), model(test_input)))))
