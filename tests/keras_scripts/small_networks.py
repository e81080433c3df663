"""machinelearningmastery-like small scripts with older spellings."""

import numpy as np
from keras.constraints import MaxNorm, UnitNorm, max_norm, min_max_norm, unit_norm
from keras.layers import (
    ELU,
    LSTM,
    Activation,
    AlphaDropout,
    AvgPool2D,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    GlobalAveragePooling1D,
    GlobalMaxPool1D,
    Input,
    Lambda,
    LeakyReLU,
    MaxPool1D,
    MaxPool2D,
    MaxPooling1D,
    MaxPooling2D,
    Permute,
    PReLU,
    Reshape,
    SeparableConv2D,
    SpatialDropout1D,
    TextVectorization,
    UpSampling2D,
    ZeroPadding2D,
    concatenate,
)
from keras.losses import SparseCategoricalCrossentropy
from keras.models import Model, Sequential
from keras.optimizers import SGD, Adam
from keras.preprocessing.sequence import pad_sequences as ps2
from keras.regularizers import L1L2, l1, l1_l2, l2
from keras.utils import pad_sequences, to_categorical
from numpy import argmax, array, asarray, hstack, loadtxt, zeros

rng = np.random.RandomState(1)
results = {}
docs = [
    "Well done!",
    "Good work",
    "Great effort",
    "nice work",
    "Excellent!",
    "Weak",
    "Poor effort!",
    "not good",
    "poor work",
    "Could have done better.",
]
labels = array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0])

tv = TextVectorization(max_tokens=50, output_sequence_length=4)
tv.adapt(docs)
padded = np.asarray(tv(docs))
m = Sequential()
m.add(Embedding(50, 8))
m.add(Flatten())
m.add(Dense(1, activation="sigmoid"))
m.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
results["emb"] = m.fit(padded, labels, epochs=5, verbose=0).history
X, y = rng.rand(80, 2), rng.randint(0, 3, 80)
yc = to_categorical(y)
m = Sequential()
m.add(
    Dense(
        10,
        input_dim=2,
        activation="relu",
        kernel_initializer="he_uniform",
        kernel_constraint=MaxNorm(3),
        activity_regularizer=l1(0.001),
    )
)
m.add(Dropout(0.4))
m.add(GaussianNoise(0.1))
m.add(BatchNormalization())
m.add(Dense(3, activation="softmax"))
m.compile(loss="categorical_crossentropy", optimizer=SGD(learning_rate=0.01, momentum=0.9), metrics=["accuracy"])
h = m.fit(X[:50], yc[:50], validation_data=(X[50:], yc[50:]), epochs=5, verbose=0)
results["blobs"] = h.history
_, acc = m.evaluate(X, yc, verbose=0)
results["acc"] = acc
for act in [LeakyReLU(negative_slope=0.1), ELU(), PReLU(), "selu", Activation("tanh")]:
    m = Sequential()
    m.add(Dense(5, input_shape=(2,)))
    m.add(act if not isinstance(act, str) else Activation(act))
    m.add(AlphaDropout(0.1))
    m.add(Dense(3))
    m.compile(
        loss=SparseCategoricalCrossentropy(from_logits=True), optimizer=Adam(learning_rate=0.01), metrics=["accuracy"]
    )
    results["act%d" % len(results)] = m.fit(X, y, epochs=2, verbose=0).history


def define_cnn(length, vocab):
    inputs = []
    flats = []
    for k in (2, 3):
        i = Input(shape=(length,))
        e = Embedding(vocab, 10)(i)
        c = Conv1D(filters=8, kernel_size=k, activation="relu")(e)
        d = Dropout(0.5)(c)
        p = MaxPooling1D(pool_size=2)(d)
        f = Flatten()(p)
        inputs.append(i)
        flats.append(f)
    merged = concatenate(flats)
    d1 = Dense(10, activation="relu")(merged)
    o = Dense(1, activation="sigmoid")(d1)
    m = Model(inputs=inputs, outputs=o)
    m.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    m.summary()
    return m


toks = rng.randint(0, 30, (40, 8))
lab = rng.randint(0, 2, 40)
m = define_cnn(8, 30)
results["multi"] = m.fit([toks, toks], array(lab), epochs=2, batch_size=16, verbose=0).history
Xi = rng.rand(30, 14, 14, 1).astype("float32")
yi = to_categorical(rng.randint(0, 10, 30), 10)
m = Sequential()
m.add(Conv2D(8, (3, 3), activation="relu", kernel_initializer="he_uniform", input_shape=(14, 14, 1)))
m.add(MaxPooling2D((2, 2)))
m.add(Conv2D(16, (3, 3), activation="relu", padding="same", kernel_regularizer=l2(0.001)))
m.add(MaxPool2D(2))
m.add(Dropout(0.2))
m.add(Flatten())
m.add(Dense(20, activation="relu"))
m.add(Dense(10, activation="softmax"))
m.compile(optimizer=SGD(learning_rate=0.01, momentum=0.9), loss="categorical_crossentropy", metrics=["accuracy"])
results["mnist"] = m.fit(Xi, yi, epochs=2, batch_size=8, validation_data=(Xi, yi), verbose=0).history
for layer in m.layers:
    if "conv" not in layer.name:
        continue
    filters, biases = layer.get_weights()
    print(layer.name, filters.shape)
fm = Model(inputs=m.inputs, outputs=m.layers[1].output)
results["fm"] = fm.predict(Xi[:1], verbose=0).mean()
results["pad"] = ps2([[1, 2, 3], [4]], maxlen=2)
mems = [m, m]
results["ens"] = argmax(np.sum([mm.predict(Xi[:5], verbose=0) for mm in mems], axis=0), axis=1)
W = np.average(np.array([mm.get_weights()[0] for mm in mems]), axis=0, weights=[0.3, 0.7])
results["avgw"] = W.sum()
seqX = np.array([[0.1 * (i + j) for j in range(5)] for i in range(20)]).reshape(20, 5, 1)
seqy = np.array([0.1 * (i + 5) for i in range(20)])
m = Sequential()
m.add(LSTM(8, input_shape=(5, 1), return_sequences=True, dropout=0.2, recurrent_dropout=0.2))
m.add(LSTM(8, activation="relu"))
m.add(Dense(1, activation="linear"))
m.compile(loss="mean_absolute_error", optimizer="adam")
h = m.fit(seqX, seqy, epochs=3, batch_size=4, verbose=0, shuffle=False)
results["lstm"] = h.history["loss"]
yhat = m.predict(seqX, verbose=0)
results["rmse"] = float(np.sqrt(np.mean((yhat[:, 0] - seqy) ** 2)))
