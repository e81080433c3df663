"""Sizes of one, beside limits that keep a divisor or a size from being zero: each is exactly what it is."""

from __future__ import annotations

import wave

import numpy as np
import pytest

import lamina
from lamina import layers, metrics, ops
from lamina.initializers.variance_scaling import compute_fans
from lamina.preprocessing import text
from lamina.utils.sounds import read_wav

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("features", [1, 2, 4])
def test_attention_is_divided_by_the_root_of_the_features(features):
    q, k, v = (RNG.standard_normal((2, 3, 1, features)) for _ in range(3))
    scores = np.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(features)
    p = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    want = np.einsum("bhqk,bkhd->bqhd", p, v)
    np.testing.assert_allclose(ops.dot_product_attention(q, k, v), want, rtol=1e-6)


@pytest.mark.parametrize("kind", ["int32", "int8", "bool", "int64"])
def test_the_mean_of_integers(kind):
    x = RNG.integers(0, 2, (3, 4)).astype(kind)
    np.testing.assert_allclose(ops.mean(x), x.astype(float).mean(), rtol=1e-6)
    np.testing.assert_allclose(ops.mean(x[:1, :1]), float(x[0, 0]), rtol=1e-6)
    np.testing.assert_allclose(ops.mean(x, 1), x.astype(float).mean(1), rtol=1e-6)
    assert ops.mean(x[:, :0], 1).shape == (3,)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 2), (2, 1), (3, 1), (1, 3), (4, 4)])
def test_the_largest_part_of_an_image(height, width):
    """crop_to_aspect_ratio: the middle with the proportions of the result, at least a row and a column."""
    x = RNG.random((1, 6, 4, 2)).astype("f4")
    rows, columns = max(1, min(6, 4 * height // width)), max(1, min(4, 6 * width // height))
    top, left = (6 - rows) // 2, (4 - columns) // 2
    part = x[:, top : top + rows, left : left + columns]
    got = ops.image.resize(x, (height, width), crop_to_aspect_ratio=True)
    np.testing.assert_allclose(got, ops.image.resize(part, (height, width)), rtol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 2), (2, 1), (3, 1), (1, 3), (4, 4)])
def test_the_border_of_an_image(height, width):
    """pad_to_aspect_ratio: as many rows or columns around that the proportions are those of the result."""
    x = RNG.random((1, 6, 4, 2)).astype("f4")
    down, across = (max(6, 4 * height // width) - 6) // 2, (max(4, 6 * width // height) - 4) // 2
    bordered = np.pad(x, ((0, 0), (down, down), (across, across), (0, 0)), constant_values=0.5)
    got = ops.image.resize(x, (height, width), pad_to_aspect_ratio=True, fill_value=0.5)
    np.testing.assert_allclose(got, ops.image.resize(bordered, (height, width)), rtol=1e-6)


@pytest.mark.parametrize("weight", [2.0, [2.0], [[1.0], [3.0]]])
def test_one_weight_for_all_values(weight):
    values = np.array([[1.0, 2.0, 4.0], [5.0, 6.0, 12.0]])
    metric = metrics.Mean()
    metric.update_state(values, sample_weight=weight)
    np.testing.assert_allclose(metric.result(), np.average(values, weights=np.broadcast_to(weight, values.shape)))
    loss = lamina.losses.MeanAbsoluteError(reduction="mean_with_sample_weight")
    rows = np.broadcast_to(np.squeeze(weight), 2)
    got = loss(np.zeros_like(values), values, sample_weight=np.squeeze(weight))
    np.testing.assert_allclose(got, np.average(values.mean(1), weights=rows), rtol=1e-6)


@pytest.mark.parametrize(("length", "step"), [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2)])
def test_frames_advance_by_half_of_their_length(length, step):
    x = RNG.standard_normal((1, 12, 1)).astype("f4")
    got = layers.STFTSpectrogram(frame_length=length, window=None)(x)
    want = layers.STFTSpectrogram(frame_length=length, frame_step=step, window=None)(x)
    assert got.shape[1] == (12 - length) // step + 1
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("features", [1, 2, 3, 5])
def test_sines_of_positions(features):
    """Keras: angle = position * 10000 ** (-2 (i // 2) / features), sines at even i and cosines at odd ones."""
    got = layers.SinePositionEncoding()(np.zeros((1, 4, features), "f4")).numpy()[0]
    i = np.arange(features)
    angles = np.arange(4)[:, None] * 10000.0 ** (-2.0 * (i // 2) / features)
    np.testing.assert_allclose(got, np.where(i % 2, np.cos(angles), np.sin(angles)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 3, 1, 1), (3, 1, 2), (1, 1), (5, 2, 2, 1)])
def test_fans_of_one_channel(shape):
    window, (inputs, outputs) = int(np.prod(shape[:-2])), shape[-2:]
    axes = (len(shape) - 2,), (len(shape) - 1,)
    assert compute_fans(shape) == (window * inputs, window * outputs)
    assert compute_fans(shape, *axes) == (window * inputs, window * outputs)


def test_a_sound_of_one_sample(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.array([8192], "<i2").tobytes())
    for rate in (None, 8000, 2000):
        np.testing.assert_array_equal(read_wav(str(tmp_path / "a.wav"), rate), [[0.25]])


def test_numbers_at_the_limit_of_a_tokenizer_have_no_column():
    tokenizer = text.Tokenizer(num_words=3)
    np.testing.assert_array_equal(tokenizer.sequences_to_matrix([[1, 3, 2, 5], [3], [2, 2]]),
                                  [[0, 1, 1], [0, 0, 0], [0, 0, 1]])  # fmt: skip
