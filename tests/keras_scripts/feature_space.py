"""Structured data with FeatureSpace."""

import keras
import numpy as np
from keras.utils import FeatureSpace

rng = np.random.default_rng(0)
n = 96
data = {
    "sex": rng.integers(0, 2, n),
    "cp": rng.integers(0, 5, n),
    "thal": rng.choice(["fixed", "normal", "reversible"], n),
    "age": rng.integers(29, 77, n).astype("f"),
    "chol": rng.normal(240, 50, n).astype("f"),
    "slope": rng.random(n).astype("f"),
}
y = (data["age"] > 50).astype("f")
feature_space = FeatureSpace(
    features={
        "sex": "integer_categorical",
        "cp": "integer_categorical",
        "thal": "string_categorical",
        "age": FeatureSpace.float_discretized(num_bins=10),
        "chol": FeatureSpace.float_normalized(),
        "slope": FeatureSpace.float(),
    },
    output_mode="concat",
)
feature_space.adapt(data)
x = np.array(feature_space(data))
results = {"shape": list(x.shape), "sum": float(x.sum())}
m = keras.Sequential(
    [keras.Input((x.shape[1],)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1, activation="sigmoid")]
)
m.compile("adam", "binary_crossentropy")
results["loss"] = m.fit(x, y, epochs=3, verbose=0).history["loss"]
