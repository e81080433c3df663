"""Forecasting: timeseries_dataset_from_array, and several recurrent models on what it gives."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(6)
t = np.arange(600)
temperature = 10 + 8 * np.sin(t / 24 * 2 * np.pi) + 3 * np.sin(t / 160) + rng.normal(0, 0.5, 600)
pressure = 1000 + 5 * np.cos(t / 60) + rng.normal(0, 0.5, 600)
raw_data = np.stack([temperature, pressure], axis=-1)

num_train_samples, num_val_samples = 300, 150
mean = raw_data[:num_train_samples].mean(axis=0)
raw_data -= mean
std = raw_data[:num_train_samples].std(axis=0)
raw_data /= std
raw_data = raw_data.astype("float32")

sampling_rate, sequence_length = 2, 12
delay = sampling_rate * (sequence_length + 6 - 1)
batch_size = 32


def dataset(start, end):
    return keras.utils.timeseries_dataset_from_array(
        raw_data[:-delay],
        targets=temperature[delay:].astype("float32"),
        sampling_rate=sampling_rate,
        sequence_length=sequence_length,
        shuffle=False,
        batch_size=batch_size,
        start_index=start,
        end_index=end,
    )


train_dataset = dataset(0, num_train_samples)
val_dataset = dataset(num_train_samples, num_train_samples + num_val_samples)
test_dataset = dataset(num_train_samples + num_val_samples, None)
for samples, targets in train_dataset:
    shapes = [*samples.shape, *targets.shape]
    break


def evaluate_naive_method(dataset):
    total_abs_err = 0.0
    samples_seen = 0
    for samples, targets in dataset:
        preds = np.asarray(samples)[:, -1, 0] * std[0] + mean[0]
        total_abs_err += np.sum(np.abs(preds - np.asarray(targets)))
        samples_seen += samples.shape[0]
    return total_abs_err / samples_seen


results = {"shapes": shapes, "naive": [evaluate_naive_method(val_dataset), evaluate_naive_method(test_dataset)]}


def train(name, outputs_of):
    inputs = keras.Input(shape=(sequence_length, raw_data.shape[-1]))
    model = keras.Model(inputs, outputs_of(inputs))
    model.compile(optimizer="rmsprop", loss="mse", metrics=["mae"])
    callbacks = [keras.callbacks.ModelCheckpoint(f"{name}.keras", save_best_only=True)]
    history = model.fit(train_dataset, epochs=2, validation_data=val_dataset, callbacks=callbacks, verbose=0)
    model = keras.models.load_model(f"{name}.keras")
    results[name] = {**history.history, "test": model.evaluate(test_dataset, verbose=0)[1]}


train("dense", lambda x: layers.Dense(1)(layers.Dense(16, activation="relu")(layers.Reshape((-1,))(x))))
train("convnet", lambda x: layers.Dense(1)(layers.GlobalAveragePooling1D()(layers.Conv1D(8, 4, activation="relu")(x))))
train("lstm", lambda x: layers.Dense(1)(layers.LSTM(16)(x)))
train("lstm_dropout", lambda x: layers.Dense(1)(layers.Dropout(0.5)(layers.LSTM(16, recurrent_dropout=0.25)(x))))
train("stacked_gru", lambda x: layers.Dense(1)(layers.GRU(8)(layers.GRU(8, return_sequences=True)(x))))
train("bidirectional", lambda x: layers.Dense(1)(layers.Bidirectional(layers.LSTM(8))(x)))
train("simple_rnn", lambda x: layers.Dense(1)(layers.SimpleRNN(8)(x)))
