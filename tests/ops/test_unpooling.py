"""Indices of maxima, values put back there, and Lp pooling: literal values, gradients, errors, captured steps."""

from __future__ import annotations

import math

import numpy as np
import pytest

import lamina
from lamina import Tensor, layers, models, ops
from lamina.ops import adaptive_max_pool, lp_pool, max_pool, max_unpool
from lamina.testing import check_gradients


def normal(seed, *shape, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


# ---------------------------------------------------------------------------------------------- indices


def test_indices_count_the_pixels_of_an_image_row_by_row():
    x = np.zeros((2, 4, 5, 2))
    x[0, 1, 2, 0] = x[0, 3, 1, 1] = x[1, 2, 3, 0] = x[1, 0, 0, 1] = 1
    y, indices = max_pool(x, (4, 5), return_indices=True)
    np.testing.assert_array_equal(y.numpy(), np.ones((2, 1, 1, 2)))
    np.testing.assert_array_equal(indices.numpy()[:, 0, 0], [[1 * 5 + 2, 3 * 5 + 1], [2 * 5 + 3, 0]])
    assert indices.dtype == "int32"


def test_indices_of_sequences_and_volumes():
    x = np.array([3.0, 1, 2, 5, 4, 4]).reshape(1, 6, 1)
    np.testing.assert_array_equal(
        max_pool(x, 2, return_indices=True)[1].numpy().ravel(), [0, 3, 4]
    )  # of equals the first
    np.testing.assert_array_equal(max_pool(x, 3, 1, "same", return_indices=True)[1].numpy().ravel(), [0, 0, 3, 3, 3, 4])
    np.testing.assert_array_equal(max_pool(x, 2, 2, 1, return_indices=True)[1].numpy().ravel(), [0, 2, 3, 5])
    x = normal(0, 2, 3, 4, 5, 2)
    _, indices = max_pool(x, 2, 1, return_indices=True)
    flat = x.reshape(2, -1, 2)
    got = np.take_along_axis(flat, indices.numpy().reshape(2, -1, 2), 1).reshape(indices.shape)
    np.testing.assert_array_equal(got, max_pool(x, 2, 1).numpy())


@pytest.mark.parametrize("size", [(2, 3), (3, 4), None])
def test_indices_of_adaptive_windows(size, isa):
    x = normal(1, 2, 6, 9, 5, dtype=np.float32)
    y, indices = adaptive_max_pool(x, size, return_indices=True)
    flat = np.take_along_axis(x.reshape(2, -1, 5), indices.numpy().reshape(2, -1, 5), 1).reshape(y.shape)
    np.testing.assert_array_equal(flat, y.numpy())


def test_gradients_go_through_the_maxima_beside_their_indices():
    x = Tensor(normal(2, 2, 5, 6, 3), requires_grad=True)
    y, indices = max_pool(x, 2, 1, return_indices=True)
    assert not indices.requires_grad
    y.backward(np.ones(y.shape))
    t = Tensor(x.numpy(), requires_grad=True)
    max_pool(t, 2, 1).backward(np.ones(y.shape))
    np.testing.assert_array_equal(x.grad.numpy(), t.grad.numpy())


# ---------------------------------------------------------------------------------------------- unpooling


def test_values_go_back_to_their_places():
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    y, indices = max_pool(x, 2, return_indices=True)
    want = np.zeros((4, 4))
    want[1::2, 1::2] = [[5, 7], [13, 15]]
    np.testing.assert_array_equal(max_unpool(y, indices, 2).numpy()[0, ..., 0], want)
    first = max_unpool(y.transpose((0, 3, 1, 2)), indices.transpose((0, 3, 1, 2)), 2, data_format="channels_first")
    np.testing.assert_array_equal(first.numpy()[0, 0], want)


@pytest.mark.parametrize("sizes", [(7,), (7, 9), (5, 6, 7)])
@pytest.mark.parametrize(
    ("strides", "padding"), [(None, "valid"), (3, "same"), (2, "same_lower"), (2, 1), (5, "valid")]
)
def test_output_shape_is_that_of_the_pooled_images(sizes, strides, padding):
    x = normal(3, 2, *sizes, 4)
    y, indices = max_pool(x, 3, strides, padding, return_indices=True)
    whole = max_unpool(y, indices, 3, strides, padding, sizes).numpy()
    assert whole.shape == x.shape
    np.testing.assert_array_equal(whole[whole != 0], x[whole != 0])


def test_default_sizes():
    y, indices = normal(0, 1, 3, 2), np.zeros((1, 3, 2), np.int64)
    sizes = {(2, None, "valid"): 6, (3, 2, "valid"): 7, (2, 5, "valid"): 12, (3, 2, "same"): 6, (3, 2, 1): 5}
    for (size, strides, padding), want in sizes.items():
        assert max_unpool(y, indices, size, strides, padding).shape == (1, want, 2)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_of_several_values_with_one_place_the_last_stays_and_has_the_gradient(dtype, isa):
    x = Tensor(np.array([1.0, 2, 3, 4]).reshape(1, 4, 1), requires_grad=True)
    y = max_unpool(x, np.array([5, 2, 5, 2], dtype).reshape(1, 4, 1), 2)
    np.testing.assert_array_equal(y.numpy().ravel(), [0, 0, 4, 0, 0, 3, 0, 0])
    y.backward(np.arange(1.0, 9).reshape(1, 8, 1))
    np.testing.assert_array_equal(x.grad.numpy().ravel(), [0, 0, 6, 3])


def test_gradients_of_unpooling_by_central_differences():
    places = np.random.default_rng(5).integers(0, 24, (2, 3, 2, 40))
    check_gradients(lambda x: max_unpool(x, places, 2), normal(4, 2, 3, 2, 40))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x, i: max_unpool(x, i[:, :1], 2), ValueError, r"x is \(1, 2, 2, 1\) but indices are \(1, 1, 2, 1\)"),
        (lambda x, i: max_unpool(x, i + 13, 2), IndexError, r"max_unpool: index 16 at \[0, 1, 1, 0\] is outside 0..15"),
        (lambda x, i: max_unpool(x, i - 1, 2), IndexError, r"index -1 at \[0, 0, 0, 0\] is outside 0..15"),
        (lambda x, i: max_unpool(x, i * 1.0, 2), TypeError, "max_unpool: indices are float64, expected int32 or int64"),
        (
            lambda x, i: max_unpool(x, i, 2, None, "valid", (6, 4)),
            ValueError,
            "which pooling makes of 4 or of sizes that",
        ),
        (
            lambda x, i: max_unpool(x, i, 2, None, "valid", (4, 4, 4)),
            ValueError,
            "output_shape must be an integer or 2",
        ),
        (lambda x, i: max_unpool(x, i, 0), ValueError, "max_unpool: pool_size must be at least 1"),
        (lambda x, i: max_unpool(x, i, 2, padding="sum"), ValueError, "max_unpool: padding is 'sum', expected 'valid'"),
        (lambda x, i: max_unpool(x[0, 0], i[0, 0], 2), ValueError, r"max_unpool: x is \(2, 1\), expected \(N, T, C\)"),
    ],
)
def test_errors_of_unpooling(call, error, message):
    with pytest.raises(error, match=message):
        call(np.ones((1, 2, 2, 1)), np.arange(4).reshape(1, 2, 2, 1))


def test_an_autoencoder_of_pooling_and_unpooling_learns_captured_and_saved(tmp_path):
    x = normal(6, 16, 8, 8, 3, dtype=np.float32)
    inputs = layers.Input((8, 8, 3))
    h = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    h, indices = layers.MaxPooling2D(2, return_indices=True)(h)
    h = layers.Conv2D(8, 3, padding="same", activation="tanh")(h)
    h = layers.MaxUnpooling2D(2)(h, indices)
    model = models.Model(inputs, layers.Conv2D(3, 3, padding="same")(h))
    model.compile(lamina.optimizers.Adam(0.01), loss="mse")
    losses = model.fit(x, x, epochs=12, batch_size=8, verbose=0).history["loss"]
    assert losses[-1] < 0.85 * losses[0]
    model.save(tmp_path / "m.lamina")
    np.testing.assert_array_equal(
        lamina.load_model(tmp_path / "m.lamina").predict(x, verbose=0), model.predict(x, verbose=0)
    )


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_layer_of_maxima_with_indices(data_format):
    options = {"ceil_mode": True, "return_indices": True, "data_format": data_format}
    layer = layers.MaxPooling2D(2, **options)
    x = normal(7, 2, 5, 6, 3, dtype=np.float32)
    y, indices = layer(x)
    drawn = layer(layers.Input((5, 6, 3)))
    assert [t.shape for t in drawn] == [(None, *t.shape[1:]) for t in (y, indices)]
    assert [t.dtype for t in drawn] == [y.dtype, indices.dtype] == ["float32", "int32"]
    assert layers.MaxPooling2D.from_config(layer.get_config()).get_config()["return_indices"]
    assert layer.compute_output_shape(x.shape) == (y.shape, indices.shape)


def test_a_pooling_with_indices_is_not_fused_with_relu():
    model = models.Sequential([layers.Conv1D(4, 3, activation="relu"), layers.MaxPooling1D(2, return_indices=True)])
    y, indices = model(normal(7, 2, 9, 3, dtype=np.float32))
    assert y.shape == indices.shape == (2, 3, 4)
    assert indices.dtype == "int32"


def test_errors_of_layers_name_them():
    with pytest.raises(ValueError, match=r"MaxUnpooling1D 'up': pool_size must be a positive integer, got 0"):
        layers.MaxUnpooling1D(0, name="up")
    with pytest.raises(ValueError, match=r"MaxUnpooling2D 'up': .*indices are \(1, 2, 3, 1\)"):
        layers.MaxUnpooling2D(name="up")(np.ones((1, 2, 2, 1)), np.zeros((1, 2, 3, 1), int))
    for shape in ((2, 1), (2, 2, 1), (1, 2, 2, 2, 1)):
        for x in (np.ones(shape), layers.Input(shape[1:])):
            with pytest.raises(ValueError, match=r"MaxUnpooling2D 'up': x is .*expected a batch of images"):
                layers.MaxUnpooling2D(name="up")(x, np.zeros(shape, int))
    with pytest.raises(ValueError, match=r"LpPooling2D 'root': norm_type must be a positive number, got -1"):
        layers.LpPooling2D(-1, name="root")


# ---------------------------------------------------------------------------------------------- Lp


def test_lp_pool_is_the_root_of_the_sum_of_powers():
    x = np.array([3.0, 4, -5, 12]).reshape(1, 4, 1)
    np.testing.assert_allclose(lp_pool(x, 2, 2).numpy().ravel(), [5, 13])
    np.testing.assert_allclose(lp_pool(x, 1, 2).numpy().ravel(), [7, 7])
    np.testing.assert_allclose(lp_pool(x, 3, 2).numpy().ravel(), [91 ** (1 / 3), (12**3 - 125) ** (1 / 3)])
    np.testing.assert_array_equal(lp_pool(x, math.inf, 2).numpy().ravel(), [4, 12])
    np.testing.assert_array_equal(lp_pool(-x, 3, 2).numpy().ravel(), [np.nan, np.nan])  # not |x|: a sum below zero


@pytest.mark.parametrize("p", [1, 2, 3, 4, 2.5, 0.5])
@pytest.mark.parametrize(
    ("size", "strides", "padding"), [(2, None, "valid"), (3, 1, "same"), ((2, 3), (3, 2), ((1, 0), (0, 2)))]
)
def test_gradients_of_lp_pool_by_central_differences(p, size, strides, padding):
    x = normal(8, 2, 5, 6, 3)
    x = np.abs(x) + 0.5 if p % 2 else x
    check_gradients(lambda x: lp_pool(x, p, size, strides, padding), x)


def test_where_a_sum_is_zero_its_gradient_is(isa):
    for dtype in (np.float32, np.float64):
        for p, want in ((1, 1), (2, 0), (3, 0), (2.5, 0)):
            x = Tensor(np.zeros((1, 4, 5), dtype), requires_grad=True)
            lp_pool(x, p, 2).backward(np.ones((1, 2, 5), dtype))
            np.testing.assert_array_equal(x.grad.numpy(), np.full((1, 4, 5), want))


def test_errors_of_lp_pool():
    x = np.ones((1, 4, 2))
    for p in (0, -2, math.nan):
        with pytest.raises(ValueError, match="lp_pool: p must be positive and finite, got"):
            lp_pool(x, p, 2)
    with pytest.raises(TypeError, match="lp_pool: p must be a number, got 'two'"):
        lp_pool(x, "two", 2)
    with pytest.raises(ValueError, match="lp_pool: a kernel of length 5 is larger"):
        lp_pool(x, 2, 5)


def test_lp_pool_in_a_captured_step():
    w = Tensor(normal(9, 2, 6, 6, 3, dtype=np.float32), requires_grad=True)

    def step(x):
        w.zero_grad()
        y = lp_pool(w * x, 2, 2)
        ops.sum(y).backward()
        return y, w.grad

    captured = lamina.capture(step)
    for seed in range(3):
        x = normal(seed, 2, 6, 6, 3, dtype=np.float32)
        want = [t.numpy().copy() for t in step(x)]
        for got, wanted in zip(captured(x), want, strict=True):
            np.testing.assert_array_equal(got.numpy(), wanted)
