"""The Sequential model: adding, popping, building later, feature extraction, older spellings."""

import keras
import numpy as np
from keras import layers, ops

model = keras.Sequential(
    [
        layers.Dense(2, activation="relu", name="layer1"),
        layers.Dense(3, activation="relu", name="layer2"),
        layers.Dense(4, name="layer3"),
    ]
)
x = ops.ones((3, 3))
y = model(x)
results = {"y": ops.convert_to_numpy(y), "n": len(model.weights)}
model = keras.Sequential(name="my_sequential")
model.add(layers.Dense(2, activation="relu", name="layer1"))
model.add(layers.Dense(3, activation="relu", name="layer2"))
model.add(layers.Dense(4, name="layer3"))
model.pop()
results["len"] = len(model.layers)
layer = layers.Dense(3)
assert layer.weights == []
y = layer(ops.ones((1, 4)))
assert len(layer.weights) == 2
model = keras.Sequential()
model.add(keras.Input(shape=(4,)))
model.add(layers.Dense(2, activation="relu"))
model.summary()
print(model.layers)
model = keras.Sequential()
model.add(keras.Input(shape=(64, 64, 3)))
model.add(layers.Conv2D(32, 5, strides=2, activation="relu"))
model.add(layers.Conv2D(32, 3, activation="relu"))
model.add(layers.MaxPooling2D(3))
model.summary()
model.add(layers.Conv2D(32, 3, activation="relu"))
model.add(layers.Conv2D(32, 3, activation="relu"))
model.add(layers.MaxPooling2D(2))
model.summary()
model.add(layers.GlobalMaxPooling2D())
model.add(layers.Dense(10))
initial_model = keras.Sequential(
    [
        keras.Input(shape=(50, 50, 3)),
        layers.Conv2D(32, 5, strides=2, activation="relu"),
        layers.Conv2D(32, 3, activation="relu", name="my_intermediate_layer"),
        layers.Conv2D(32, 3, activation="relu"),
    ]
)
feature_extractor = keras.Model(inputs=initial_model.inputs, outputs=[layer.output for layer in initial_model.layers])
features = feature_extractor(ops.ones((1, 50, 50, 3)))
results["f"] = [list(f.shape) for f in features]
feature_extractor = keras.Model(
    inputs=initial_model.inputs, outputs=initial_model.get_layer(name="my_intermediate_layer").output
)
results["g"] = float(ops.mean(feature_extractor(ops.ones((1, 50, 50, 3)))))
for layer in initial_model.layers[:-1]:
    layer.trainable = False
results["t"] = len(initial_model.trainable_weights)
m = keras.Sequential([keras.layers.InputLayer(shape=(4,)), layers.Dense(3), layers.Dense(1)])
print([w.name for w in m.weights], [w.path for w in m.weights])
results["shapes"] = [list(w.shape) for w in m.get_weights()]
m.layers[0].set_weights([np.ones((4, 3)), np.zeros(3)])
results["out"] = m.predict(np.ones((2, 4)), verbose=0) if False else ops.convert_to_numpy(m.layers[0](np.ones((2, 4))))
results["os"] = list(m.output_shape)
results["is"] = list(m.input_shape)
m.build((None, 4))
results["built"] = m.built
# input_shape the old way
old = keras.Sequential([layers.Dense(5, activation="relu", input_shape=(3,)), layers.Dense(1)])
results["old"] = old.count_params()
old2 = keras.models.Sequential()
old2.add(layers.Dense(12, input_dim=8, activation="relu", kernel_initializer="uniform"))
old2.add(layers.Dense(1, activation="sigmoid"))
old2.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
X = np.random.RandomState(7).rand(60, 8)
Y = (X[:, 0] > 0.5).astype(int)
results["old2"] = old2.fit(X, Y, epochs=3, batch_size=10, verbose=0).history
loss, acc = old2.evaluate(X, Y, verbose=0)
results["ev"] = [loss, acc]
print("%s: %.2f%%" % (old2.metrics_names[1], acc * 100))
pred = (old2.predict(X) > 0.5).astype(int)
results["pred"] = int(pred.sum())
