"""Text classification: TextVectorization, an embedding, a bag of words, and a model on strings."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(2)
good = ["wonderful", "great", "lovely", "brilliant", "moving"]
bad = ["dull", "awful", "boring", "terrible", "weak"]
other = ["the", "film", "was", "a", "plot", "with", "actors", "and", "music", "story"]
texts, labels = [], []
for _ in range(80):
    label = int(rng.integers(2))
    words = list(rng.choice(other, 6)) + list(rng.choice(good if label else bad, 2))
    rng.shuffle(words)
    texts.append(" ".join(words).capitalize() + "!")
    labels.append(label)
texts, labels = np.array(texts), np.array(labels)

vectorize_layer = layers.TextVectorization(max_tokens=60, output_mode="int", output_sequence_length=10)
vectorize_layer.adapt(texts)
print(vectorize_layer.get_vocabulary()[:6])
x_train = np.asarray(vectorize_layer(texts))

inputs = keras.Input(shape=(None,), dtype="int64")
x = layers.Embedding(60, 16)(inputs)
x = layers.Dropout(0.5)(x)
x = layers.Conv1D(16, 3, padding="valid", activation="relu", strides=1)(x)
x = layers.GlobalMaxPooling1D()(x)
x = layers.Dense(16, activation="relu")(x)
predictions = layers.Dense(1, activation="sigmoid", name="predictions")(x)
model = keras.Model(inputs, predictions)
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
history = model.fit(x_train, labels, epochs=4, batch_size=16, validation_split=0.2, verbose=0)

bag = layers.TextVectorization(max_tokens=40, output_mode="tf_idf", ngrams=2)
bag.adapt(texts)
x_bag = np.asarray(bag(texts))
model2 = keras.Sequential([keras.Input((x_bag.shape[1],)), layers.Dense(8, "relu"), layers.Dense(1, "sigmoid")])
model2.compile(optimizer="rmsprop", loss="binary_crossentropy")
history2 = model2.fit(x_bag, labels, epochs=3, batch_size=16, verbose=0)

results = {
    **history.history,
    "bag_loss": history2.history["loss"],
    "tokens": x_train.sum(axis=1),
    "vocabulary": sorted(vectorize_layer.get_vocabulary()),
}
