"""model.memory_report says before training what a step takes, beside the pool's high-water mark of such a step."""

from __future__ import annotations

import gc
import json

import numpy as np
import pytest

import lamina
from lamina import _native, layers


def mlp():
    hidden = [layers.Dense(256, "relu", name="first"), layers.Dropout(0.2, name="drop"), layers.Dense(256, "relu")]
    return lamina.Sequential([lamina.Input((300,)), *hidden, layers.Dense(10)]), (300,)


def cnn():
    body = [layers.Conv2D(16, 3, activation="relu"), layers.Conv2D(32, 3), layers.BatchNormalization(), layers.ReLU()]
    end = [layers.MaxPooling2D(), layers.Flatten(), layers.Dense(10)]
    return lamina.Sequential([lamina.Input((20, 20, 3)), *body, *end]), (20, 20, 3)


def lstm():
    return lamina.Sequential([lamina.Input((28, 28)), layers.LSTM(64), layers.Dense(10)]), (28, 28)


def gpt():
    tokens = lamina.Input((32,), dtype="int64")
    x = layers.Embedding(50, 64)(tokens)
    for _ in range(2):
        h = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(4, 16)(h, h, use_causal_mask=True)])
        h = layers.Dense(256, "gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dropout(0.1)(layers.Dense(64)(h))])
    return lamina.Model(tokens, layers.Dense(10)(layers.GlobalAveragePooling1D()(x))), (32,)


def compiled(make, optimizer="adam"):
    model, shape = make()
    model.compile(optimizer, lamina.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model, shape


def high_water(step):
    gc.collect()
    before = _native.pool_stats()["in_use"]
    _native.pool_reset_peak()
    step()
    return _native.pool_stats()["peak"] - before


@pytest.mark.parametrize("make", [mlp, cnn, lstm, gpt])
@pytest.mark.parametrize("rows", [64, 150])
def test_the_report_is_the_peak_of_a_step(make, rows):
    model, shape = compiled(make)
    before = [w.copy() for w in model.get_weights()]
    report = model.memory_report(rows)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    x, y = np.zeros((rows, *shape), model.inputs[0].dtype), np.zeros(rows, "int64")
    taken = high_water(lambda: [model.train_on_batch(x, y) for _ in range(2)])
    held = sum(v.numpy().nbytes for v in model.weights)
    trained = sum(v.numpy().nbytes for v in model.trainable_weights)
    assert (report.weights, report.gradients) == (held, trained)
    assert report.optimizer == pytest.approx(2 * trained, rel=0.01)  # two moments
    assert report.training - report.batch == pytest.approx(held + trained + report.optimizer + taken, rel=0.1)
    again = high_water(lambda: [model.predict_on_batch(x) for _ in range(2)])
    assert report.inference - 2 * x.nbytes == pytest.approx(held + again, rel=0.1, abs=2**20)


def test_rows_are_layers_and_their_sums_the_whole():
    model, _ = compiled(mlp)
    report = model.memory_report(64)
    rows = {row.layer: row for row in report.rows}
    assert rows["first"].weights == 4 * (300 * 256 + 256)
    assert rows["first"].gradients == rows["first"].weights
    assert rows["first"].optimizer == 2 * rows["first"].weights
    assert rows["first"].activations == 4 * 64 * 256
    assert rows["drop"].activations >= 4 * 64 * 256
    assert sum(row.activations for row in report.rows) == report.activations
    assert report.activations <= report.results


def test_weights_of_parts_that_are_not_called_are_their_owner_s():
    inner = lamina.Sequential([lamina.Input((4, 3)), layers.Bidirectional(layers.LSTM(5), name="both")], name="inner")
    model = lamina.Sequential([lamina.Input((4, 3)), inner, layers.Dense(1, name="last")])
    report = model.memory_report(2)
    assert report.weights == sum(v.numpy().nbytes for v in model.weights)
    model.compile("sgd", "mse")
    report = model.memory_report(2)
    assert report.weights == sum(v.numpy().nbytes for v in model.weights)
    assert {row.layer.split("/")[0] for row in report.rows if row.weights} == {"inner", "last"}


def test_memory_grows_with_the_batch_and_the_length_is_asked_for():
    tokens = lamina.Input((None, 8))
    model = lamina.Model(tokens, layers.LSTM(4)(tokens))
    model.compile("sgd", "mse")
    small, large = (model.memory_report(n, length=20).training for n in (8, 800))
    assert large > 20 * small
    with pytest.raises(
        ValueError, match=r"memory_report: an input of .* has the shape \(None, None, 8\); give length="
    ):
        model.memory_report(8)


def test_a_report_is_a_table_for_all():
    model, _ = compiled(mlp, "sgd")
    report = model.memory_report(8)
    assert "first (Dense)" in repr(report)
    assert "training step:" in repr(report)
    assert report._repr_html_().count("<tr>") == len(report.rows) + 2
    plain = report.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["training"] == report.training


def test_a_model_that_is_not_compiled_has_inference_alone():
    model, _ = mlp()
    report = model.memory_report(8)
    assert report.training == report.gradients == report.optimizer == 0
    assert report.inference > report.weights > 0


def test_bad_arguments_are_told():
    model, _ = mlp()
    with pytest.raises(ValueError, match="memory_report: batch_size must be a positive integer, got 0"):
        model.memory_report(0)

    class Own(lamina.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(ValueError, match=r"memory_report: Own '.*' doesn't know the shape of its inputs"):
        Own().memory_report(8)
