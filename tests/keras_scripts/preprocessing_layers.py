"""Preprocessing layers, structured data, FeatureSpace."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(0)
results = {}
data = np.array([[0.1, 0.2, 0.3], [0.8, 0.9, 1.0], [1.5, 1.6, 1.7]])
layer = layers.Normalization()
layer.adapt(data)
nd = layer(data)
results["norm"] = np.array(nd)
print("Features mean: %.2f" % (np.array(nd).mean()))
print("Features std: %.2f" % (np.array(nd).std()))
lay = layers.Normalization(axis=-1)
lay.adapt(rng.normal(3, 2, (50, 4)).astype("f"))
results["nm"] = [np.array(lay.mean), np.array(lay.variance)]
d = ["a", "b", "c", "b", "c", "a"]
lookup = layers.StringLookup(output_mode="one_hot")
lookup.adapt(d)
results["sl"] = np.array(lookup(["a", "b", "c", "d", "e", ""]))
lookup = layers.IntegerLookup(output_mode="one_hot")
lookup.adapt(np.array([10, 20, 20, 10, 30, 0]))
results["il"] = np.array(lookup([10, 10, 20, 50, 60, 0]))
results["hash"] = np.array(layers.Hashing(num_bins=64, salt=1337)(np.array([[1], [5], [7]]))).shape
vocab = ["a", "b", "c", "d"]
idx = layers.StringLookup(vocabulary=vocab)
inv = layers.StringLookup(vocabulary=vocab, invert=True)
t = idx(np.array([["a", "c", "d"], ["d", "z", "b"]]))
results["idx"] = np.array(t)
results["vs"] = [idx.vocabulary_size(), idx.get_vocabulary()]
results["ce"] = [
    np.array(layers.CategoryEncoding(num_tokens=4, output_mode="multi_hot")([[0, 1], [0, 0], [1, 2], [3, 1]])),
    np.array(layers.CategoryEncoding(num_tokens=4, output_mode="one_hot")([3, 2, 0, 1])),
    np.array(
        layers.CategoryEncoding(num_tokens=4, output_mode="count")(
            np.array([[0, 1], [0, 0], [1, 2], [3, 1]]),
            count_weights=np.array([[0.1, 0.2], [0.1, 0.1], [0.2, 0.3], [0.4, 0.2]]),
        )
    ),
]
disc = layers.Discretization(bin_boundaries=[0.0, 1.0, 2.0])
results["disc"] = np.array(disc(np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0]])))
disc = layers.Discretization(num_bins=4, epsilon=0.01)
disc.adapt(np.arange(40, dtype="f").reshape(-1, 1))
results["disc2"] = np.array(disc(np.array([[3.0], [13.0], [33.0]])))
results["resc"] = np.array(layers.Rescaling(1 / 255.0, offset=-0.5)(np.arange(6).reshape(1, 6)))
img = rng.integers(0, 255, (2, 20, 16, 3)).astype("f")
results["crop"] = np.array(layers.CenterCrop(8, 8)(img)).mean(axis=(1, 2))
results["resize"] = np.array(layers.Resizing(10, 10)(img)).mean(axis=(1, 2))
# text
texts = ["The quick brown fox", "jumps over the lazy dog", "the dog, the fox!"]
tv = layers.TextVectorization(output_mode="int")
tv.adapt(texts)
results["tv"] = np.array(tv(texts))
results["voc"] = tv.get_vocabulary()[:4]
tv = layers.TextVectorization(output_mode="multi_hot", ngrams=2, max_tokens=10)
tv.adapt(texts)
results["tvm"] = np.array(tv(texts)).sum()
tv = layers.TextVectorization(output_mode="count", standardize="lower", split="whitespace")
tv.adapt(texts)
results["tvc"] = np.array(tv(["the the dog"]))
tv = layers.TextVectorization(output_mode="int", output_sequence_length=5, vocabulary=["dog", "fox"])
results["tvv"] = np.array(tv(["Dog fox cat"]))
tv = layers.TextVectorization(split="character", output_mode="int")
tv.adapt(["abc", "aab"])
results["tvch"] = np.array(tv(["abz"]))
# structured data with lookups outside of the model
n = 120
age = rng.integers(18, 80, n).astype("f")
sex = rng.choice(["m", "f"], n)
thal = rng.choice(["fixed", "normal", "reversible"], n)
y = ((age > 50) ^ (sex == "m")).astype("f")
inputs, enc, feats = {}, [], {}
nl = layers.Normalization()
nl.adapt(age.reshape(-1, 1))
inputs["age"] = keras.Input((1,), name="age")
enc.append(nl(inputs["age"]))
feats["age"] = age.reshape(-1, 1)
for name, col in (("sex", sex), ("thal", thal)):
    lk = layers.StringLookup(output_mode="int")
    lk.adapt(col)
    feats[name] = np.array(lk(col)).reshape(-1, 1)
    inputs[name] = keras.Input((1,), name=name, dtype="int64")
    e = layers.Embedding(lk.vocabulary_size(), 3)(inputs[name])
    enc.append(layers.Flatten()(e))
    enc.append(layers.CategoryEncoding(num_tokens=lk.vocabulary_size(), output_mode="one_hot")(inputs[name]))
allf = layers.concatenate(enc)
h = layers.Dense(16, activation="relu")(allf)
h = layers.Dropout(0.5)(h)
out = layers.Dense(1, activation="sigmoid")(h)
model = keras.Model(inputs, out)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
results["struct"] = model.fit(feats, y, epochs=3, batch_size=32, verbose=0, validation_split=0.2).history
results["one"] = float(model.predict({k: v[:1] for k, v in feats.items()}, verbose=0)[0, 0])
