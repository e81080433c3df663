"""Data sets from folders and arrays, and small utilities."""

import os

import keras
import numpy as np
from keras.utils import (
    Sequence,
    image_dataset_from_directory,
    normalize,
    pad_sequences,
    split_dataset,
    text_dataset_from_directory,
    timeseries_dataset_from_array,
    to_categorical,
)

results = {}
int_sequence = np.arange(10)
dummy = timeseries_dataset_from_array(data=int_sequence[:-3], targets=int_sequence[3:], sequence_length=3, batch_size=2)
results["d"] = [[np.array(a).tolist(), np.array(b).tolist()] for a, b in dummy]
os.makedirs("t/a")
os.makedirs("t/b")
for i in range(10):
    open(f"t/a/{i}.txt", "w").write(f"good film {i}")
    open(f"t/b/{i}.txt", "w").write(f"bad film {i}")
ds = text_dataset_from_directory("t", batch_size=4, validation_split=0.2, subset="training", seed=3)
results["n"] = [int(sum(len(np.array(b)) for a, b in ds)), ds.class_names]
train, val = keras.utils.text_dataset_from_directory(
    "t", batch_size=4, validation_split=0.2, subset="both", seed=3, label_mode="binary", shuffle=True
)
results["n2"] = [int(sum(len(np.array(b)) for a, b in train)), int(sum(len(np.array(b)) for a, b in val))]
results["norm"] = normalize(np.array([[3.0, 4.0]]))
results["pad"] = pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2, padding="post", truncating="post", value=9)
l, r = split_dataset(np.arange(20).reshape(10, 2), left_size=0.8)
results["sp"] = [len(list(l)), len(list(r))]
text_only = ds.map(lambda x, y: x)
tv = keras.layers.TextVectorization(max_tokens=20)
tv.adapt(text_only)
results["voc"] = sorted(tv.get_vocabulary()[:5])
os.makedirs("i/a")
os.makedirs("i/b")
os.makedirs("i/c")
for k in "abc":
    for i in range(6):
        keras.utils.save_img(f"i/{k}/{i}.png", np.full((9, 7, 3), 10 * i + ord(k)), scale=False)
ds = image_dataset_from_directory(
    "i",
    labels="inferred",
    label_mode="categorical",
    color_mode="rgb",
    batch_size=4,
    image_size=(8, 8),
    shuffle=True,
    seed=5,
    validation_split=0.5,
    subset="training",
    interpolation="bilinear",
    crop_to_aspect_ratio=True,
)
for images, labels in ds.take(1):
    results["im"] = [list(images.shape), list(labels.shape)]
norm = keras.layers.Rescaling(1.0 / 255)
nds = ds.map(lambda x, y: (norm(x), y))
a, b = next(iter(nds))
results["rng"] = bool(np.array(a).max() <= 1)
nds = ds.cache().shuffle(100).prefetch(buffer_size=2)
m = keras.Sequential(
    [keras.Input((8, 8, 3)), norm, keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
)
m.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
m.fit(nds, epochs=2, validation_data=ds, verbose=0)
results["len"] = len(ds)
