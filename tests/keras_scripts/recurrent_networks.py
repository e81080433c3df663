"""Conv1D audio, ConvLSTM, TimeDistributed, Bidirectional, stateful RNN, RNN cells, CNN-LSTM."""

import keras
import numpy as np
from keras import layers, ops
from keras.callbacks import EarlyStopping
from keras.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Conv1D,
    ConvLSTM2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPooling1D,
    RepeatVector,
    SimpleRNN,
    TimeDistributed,
)
from keras.models import Model, Sequential
from keras.optimizers import Adam

rng = np.random.default_rng(0)
results = {}


def split_sequence(sequence, n_steps):
    X, y = list(), list()
    for i in range(len(sequence)):
        end_ix = i + n_steps
        if end_ix > len(sequence) - 1:
            break
        X.append(sequence[i:end_ix])
        y.append(sequence[end_ix])
    return np.array(X), np.array(y)


raw_seq = [10, 20, 30, 40, 50, 60, 70, 80, 90]
X, y = split_sequence(raw_seq, 3)
X = X.reshape((X.shape[0], X.shape[1], 1))
model = Sequential()
model.add(LSTM(20, activation="relu", input_shape=(3, 1)))
model.add(Dense(1))
model.compile(optimizer="adam", loss="mse")
results["vanilla"] = model.fit(X, y, epochs=10, verbose=0).history["loss"]
x_input = np.array([70, 80, 90]).reshape((1, 3, 1))
results["yhat"] = model.predict(x_input, verbose=0)
model = Sequential(
    [LSTM(10, activation="relu", return_sequences=True, input_shape=(3, 1)), LSTM(10, activation="relu"), Dense(1)]
)
model.compile(optimizer="adam", loss="mse")
results["stacked"] = model.fit(X, y, epochs=3, verbose=0).history["loss"]
model = Sequential([Bidirectional(LSTM(10, activation="relu"), input_shape=(3, 1)), Dense(1)])
model.compile(optimizer="adam", loss="mse")
results["bi"] = model.fit(X, y, epochs=3, verbose=0).history["loss"]
X4, y4 = split_sequence(raw_seq, 4)
Xc = X4.reshape((X4.shape[0], 2, 2, 1))
model = Sequential()
model.add(TimeDistributed(Conv1D(filters=8, kernel_size=1, activation="relu"), input_shape=(None, 2, 1)))
model.add(TimeDistributed(MaxPooling1D(pool_size=2)))
model.add(TimeDistributed(Flatten()))
model.add(LSTM(10, activation="relu"))
model.add(Dense(1))
model.compile(optimizer="adam", loss="mse")
results["cnnlstm"] = model.fit(Xc, y4, epochs=3, verbose=0).history["loss"]
Xl = X4.reshape((X4.shape[0], 2, 1, 2, 1))
model = Sequential()
model.add(ConvLSTM2D(filters=8, kernel_size=(1, 2), activation="relu", input_shape=(2, 1, 2, 1)))
model.add(Flatten())
model.add(Dense(1))
model.compile(optimizer="adam", loss="mse")
results["convlstm"] = model.fit(Xl, y4, epochs=3, verbose=0).history["loss"]
model = Sequential()
model.add(LSTM(10, activation="relu", input_shape=(3, 1)))
model.add(RepeatVector(2))
model.add(LSTM(10, activation="relu", return_sequences=True))
model.add(TimeDistributed(Dense(1)))
model.compile(optimizer="adam", loss="mse")
Y2 = np.stack([y[:-1], y[1:]], 1).reshape(-1, 2, 1)
results["encdec"] = model.fit(X[:-1], Y2, epochs=3, verbose=0).history["loss"]
# stateful
model = Sequential([keras.Input(batch_shape=(2, 3, 1)), LSTM(6, stateful=True), Dense(1)])
model.compile("adam", "mse")
hist = []
for i in range(3):
    hist.append(float(model.predict(X, batch_size=2, verbose=0).sum()))
    for layer in model.layers:
        if hasattr(layer, "reset_states"):
            layer.reset_states()
        elif hasattr(layer, "reset_state"):
            layer.reset_state()
results["stateful"] = hist
results["sp"] = model.predict(X, batch_size=2, verbose=0)


# own cell
class MinimalRNNCell(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, self.units), initializer="uniform", name="recurrent_kernel"
        )

    def call(self, inputs, states):
        prev_output = states[0]
        h = ops.matmul(inputs, self.kernel)
        output = h + ops.matmul(prev_output, self.recurrent_kernel)
        return output, [output]


cells = [MinimalRNNCell(8), MinimalRNNCell(16)]
x = keras.Input((None, 5))
layer = layers.RNN(cells)
yy = layer(x)
m = keras.Model(x, Dense(1)(yy))
m.compile("rmsprop", "mse")
results["own_cell"] = m.fit(rng.random((20, 4, 5)), rng.random((20, 1)), epochs=2, verbose=0).history["loss"]
m = Sequential(
    [
        Input((None, 5)),
        layers.RNN([layers.LSTMCell(6), layers.GRUCell(4)], return_sequences=True),
        GRU(3, reset_after=False, go_backwards=True),
        Dense(1),
    ]
)
m.compile("rmsprop", "mse")
results["cells"] = m.fit(rng.random((20, 4, 5)), rng.random((20, 1)), epochs=2, verbose=0).history["loss"]


# audio
def residual_block(x, filters, conv_num=3, activation="relu"):
    s = layers.Conv1D(filters, 1, padding="same")(x)
    for i in range(conv_num - 1):
        x = layers.Conv1D(filters, 3, padding="same")(x)
        x = layers.Activation(activation)(x)
    x = layers.Conv1D(filters, 3, padding="same")(x)
    x = layers.Add()([x, s])
    x = layers.Activation(activation)(x)
    return layers.MaxPool1D(pool_size=2, strides=2)(x)


inputs = layers.Input(shape=(64, 1), name="input")
x = residual_block(inputs, 4, 2)
x = residual_block(x, 8, 2)
x = layers.AveragePooling1D(pool_size=3, strides=3)(x)
x = layers.Flatten()(x)
x = layers.Dense(32, activation="relu")(x)
outputs = layers.Dense(3, activation="softmax", name="output")(x)
m = Model(inputs=inputs, outputs=outputs)
m.compile(optimizer="Adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
t = np.arange(64)
lab = rng.integers(0, 3, 60)
sounds = np.sin(t[None] * (lab[:, None] + 1) * 0.3)[..., None]
h = m.fit(
    sounds,
    lab,
    epochs=3,
    validation_split=0.1,
    callbacks=[EarlyStopping(patience=10, restore_best_weights=True)],
    verbose=0,
)
results["audio"] = h.history
# wavenet
m = Sequential()
m.add(Input((None, 1)))
for rate in (1, 2, 4) * 2:
    m.add(Conv1D(filters=6, kernel_size=2, padding="causal", activation="relu", dilation_rate=rate))
m.add(Conv1D(filters=1, kernel_size=1))
m.compile(loss="mse", optimizer=Adam(learning_rate=0.01), metrics=["mae"])
results["wave"] = m.fit(sounds[:, :-1], sounds[:, 1:], epochs=2, verbose=0).history
# next-frame convlstm
inp = layers.Input(shape=(None, 8, 8, 1))
x = layers.ConvLSTM2D(filters=4, kernel_size=(3, 3), padding="same", return_sequences=True, activation="relu")(inp)
x = layers.BatchNormalization()(x)
x = layers.ConvLSTM2D(filters=4, kernel_size=(1, 1), padding="same", return_sequences=True, activation="relu")(x)
x = layers.Conv3D(filters=1, kernel_size=(3, 3, 3), activation="sigmoid", padding="same")(x)
m = keras.models.Model(inp, x)
m.compile(loss=keras.losses.binary_crossentropy, optimizer=keras.optimizers.Adam())
mov = (rng.random((6, 5, 8, 8, 1)) > 0.5).astype("f")
es = keras.callbacks.EarlyStopping(monitor="val_loss", patience=10)
rl = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", patience=5)
results["frames"] = m.fit(
    mov[:, :-1],
    mov[:, 1:],
    batch_size=3,
    epochs=2,
    validation_data=(mov[:2, :-1], mov[:2, 1:]),
    callbacks=[es, rl],
    verbose=0,
).history
