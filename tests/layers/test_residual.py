"""Residual: shortcuts, projections of every rank, activation, drop path, both places of normalization, bad input."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Tensor, layers, ops
from lamina.layers import Residual

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def parts(**options):
    return [layers.Conv2D(4, 3, padding="same", **options), layers.BatchNormalization(), layers.ReLU()]


def test_equal_shapes_need_no_projection():
    x = normal(3, 5)
    dense = layers.Dense(5)
    layer = Residual(dense)
    np.testing.assert_array_equal(layer(x).numpy(), (x + dense(x)).numpy())
    assert layer.projection is None
    assert len(layer.weights) == 2


@pytest.mark.parametrize("activation", ["relu", "tanh", None])
def test_a_list_is_a_block(activation):
    x = normal(2, 6, 5, 4)
    block = parts()
    model = lamina.Sequential(block)
    want = lamina.activations.get(activation)(ops.add(x, model(x)))
    np.testing.assert_array_equal(Residual(block, activation=activation)(x).numpy(), want.numpy())
    np.testing.assert_array_equal(Residual(model, activation=activation)(x).numpy(), want.numpy())


@pytest.mark.parametrize(
    ("shape", "block", "kind", "strides"),
    [
        ((2, 5), layers.Dense(3), layers.Dense, None),
        ((2, 7, 5), layers.Dense(3), layers.Conv1D, (1,)),
        ((2, 7, 5), layers.Conv1D(3, 3, strides=2, padding="same"), layers.Conv1D, (2,)),
        ((2, 7, 7, 5), layers.Conv2D(5, 3, strides=(3, 2), padding="same"), layers.Conv2D, (3, 2)),
        ((2, 8, 6, 5), layers.MaxPooling2D((4, 1)), layers.Conv2D, (4, 1)),
        ((2, 4, 5, 6, 2), layers.Conv3D(3, 3, strides=(1, 2, 2), padding="same"), layers.Conv3D, (1, 2, 2)),
        ((2, 3, 3, 3, 3, 5), layers.Dense(2), layers.Dense, None),
    ],
)
def test_projections(shape, block, kind, strides):
    layer, x = Residual(block), normal(*shape)
    y = layer(x)
    assert type(layer.projection) is kind
    assert getattr(layer.projection, "strides", None) == strides
    assert layer.projection.bias is None
    np.testing.assert_allclose(y.numpy(), (layer.projection(x) + block(x)).numpy(), rtol=1e-6, atol=1e-6)
    assert layer.compute_output_shape(shape) == y.shape


def test_the_projection_has_the_channels_where_the_block_has_them():
    block = parts(strides=2, data_format="channels_first")[:1]
    layer = Residual(block)
    assert layer(normal(2, 3, 8, 8)).shape == (2, 4, 4, 4)
    assert layer.projection.data_format == "channels_first"
    assert Residual(lamina.Sequential(block))(normal(2, 3, 8, 8)).shape == (2, 4, 4, 4)


def test_free_sizes():
    inputs = lamina.Input((None, None, 3))
    layer = Residual(parts(strides=2))
    model = lamina.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, None, 4)
    assert layer.projection.strides == (2, 2)
    for n in (8, 9):
        assert model(normal(2, n, 7, 3)).shape == (2, (n + 1) // 2, 4, 4)


@pytest.mark.parametrize("stride", [2, 3])
def test_strides_that_one_size_leaves_open(stride):
    layer = Residual(layers.Conv1D(2, 3, stride, padding=1))
    assert layer(normal(2, 4, 2)).shape == (2, 2, 2)
    assert layer.projection.strides == (stride,)
    fixed = lamina.Sequential([lamina.Input((4, 2)), layers.Flatten(), layers.Dense(4), layers.Reshape((2, 2))])
    assert Residual(fixed)(normal(2, 4, 2)).shape == (2, 2, 2)


def test_own_shortcut():
    x, dense, other = normal(2, 5), layers.Dense(3), layers.Dense(3, activation="tanh")
    layer = Residual(dense, shortcut=other)
    np.testing.assert_array_equal(layer(x).numpy(), (other(x) + dense(x)).numpy())
    assert len(layer.weights) == 4


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("kind", [layers.LayerNormalization, layers.RMSNormalization, layers.BatchNormalization])
def test_normalization(first, kind):
    x, dense, norm = normal(4, 5), layers.Dense(5), kind()
    y = Residual(dense, normalization=norm, normalize_first=first, activation="relu")(x)
    want = x + dense(norm(x)) if first else norm(ops.add(x, dense(x)))
    np.testing.assert_allclose(y.numpy(), ops.relu(want).numpy(), rtol=1e-6, atol=1e-6)


def test_drop_path():
    x = np.ones((1000, 3), np.float32)
    layer = Residual(layers.Dense(3, kernel_initializer="zeros", bias_initializer="ones"), drop_path=0.25, seed=1)
    np.testing.assert_array_equal(layer(x).numpy(), 2)
    y = layer(x, training=True).numpy()
    np.testing.assert_allclose(np.unique(y), [1, 1 + 1 / 0.75])
    assert (y == y[:, :1]).all()
    assert abs((y == 1).mean() - 0.25) < 0.05


def test_the_mask_is_the_block_s():
    embedded = layers.Embedding(5, 4, mask_zero=True)(np.array([[1, 2, 0], [3, 0, 0]]))
    y = Residual(layers.Dropout(0.1))(embedded)
    np.testing.assert_array_equal(y.mask.numpy(), embedded.mask.numpy())
    ids = lamina.Input((None,), dtype="int64")
    block = Residual([layers.Dense(4), layers.Dropout(0.1)])
    model = lamina.Model(ids, layers.GlobalAveragePooling1D()(block(layers.Embedding(5, 4, mask_zero=True)(ids))))
    model.compile()
    short, long = (model.predict(np.array([ids]), verbose=0) for ids in ([1, 2], [1, 2, 0]))
    np.testing.assert_allclose(short, long, rtol=1e-6)


def test_captured_trained_and_saved(tmp_path):
    x = normal(64, 8, 8, 1)
    labels = (x[:, ::2, ::2].mean((1, 2, 3)) > 0).astype(int)
    block = [layers.Conv2D(4, 3, strides=2, padding="same"), layers.BatchNormalization()]
    model = lamina.Sequential(
        [Residual(block, activation="relu", drop_path=0.1, seed=3), layers.GlobalAveragePooling2D(), layers.Dense(3)]
    )
    model.compile(lamina.optimizers.Adam(0.02), lamina.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(x, labels, epochs=10, verbose=0).history["loss"]
    assert history[-1] < history[0]
    model.save(tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    a, b = (m.fit(x, labels, epochs=2, verbose=0, shuffle=False).history["loss"] for m in (model, again))
    assert a == b


def test_attention_in_a_model_is_a_block():
    inputs = lamina.Input((None, 6))
    attention = layers.MultiHeadAttention(2, 3)
    block = lamina.Model(inputs, attention(inputs, inputs, use_causal_mask=True))
    norm = layers.LayerNormalization()
    x = normal(2, 4, 6)
    y = Residual(block, normalization=norm, normalize_first=True)(x)
    h = norm(x)
    np.testing.assert_allclose(y.numpy(), x + attention(h, h, use_causal_mask=True).numpy(), rtol=1e-6, atol=1e-6)


def test_another_block():
    x = normal(3, 4)
    layer = Residual(layers.Dense(4))
    layer(x)
    layer.block = other = layers.Dense(4)
    np.testing.assert_array_equal(layer(x).numpy(), (x + other(x)).numpy())


def test_frozen():
    block = [layers.Dense(3), layers.BatchNormalization()]
    assert Residual(block, trainable=False)(normal(4, 3)).shape == (4, 3)
    assert not any(layer.trainable for layer in block)


def test_gradients_reach_both_ways():
    x = Tensor(normal(3, 4), requires_grad=True)
    layer = Residual(layers.Dense(4, kernel_initializer="zeros"))
    layer(x).backward(np.ones((3, 4), np.float32))
    np.testing.assert_array_equal(x.grad.numpy(), 1)


@pytest.mark.parametrize(
    ("make", "shape", "kind", "message"),
    [
        (lambda: Residual(3), None, TypeError, "block must be a layer or a list of layers, got 3"),
        (lambda: Residual([layers.Dense(3), "relu"]), None, TypeError, "block must be .* got 'relu'"),
        (lambda: Residual([]), None, ValueError, "block is an empty list"),
        (lambda: Residual(layers.Dense(3), "atuo"), None, TypeError, "shortcut must be 'auto', a layer or None"),
        (lambda: Residual(layers.Dense(3), normalization="layer"), None, TypeError, "normalization must be a layer"),
        (lambda: Residual(layers.Dense(3), drop_path=2), None, ValueError, "drop_path"),
        (lambda: Residual(layers.Dense(3), None), (2, 4), ValueError, "cannot be added; shortcut='auto' gives it"),
        (lambda: Residual(layers.Dense(3), layers.Dense(2)), (2, 4), ValueError, "the shortcut's result is"),
        (lambda: Residual(layers.Conv2D(3, 3)), (2, 8, 8, 3), ValueError, "padding='same' in the block"),
        (lambda: Residual(layers.UpSampling2D()), (2, 4, 4, 3), ValueError, "no convolution of kernel size 1"),
        (lambda: Residual(layers.Flatten()), (2, 4, 4, 3), ValueError, "no shortcut changes the number of axes"),
        (
            lambda: Residual(layers.MultiHeadAttention(2, 2)),
            (2, 4, 3),
            ValueError,
            "takes several inputs; give a model",
        ),
        (lambda: Residual(layers.LSTM(3, return_state=True)), (2, 4, 3), ValueError, "returns several tensors"),
    ],
)
def test_errors(make, shape, kind, message):
    with pytest.raises(kind, match=message) as error:
        make()(normal(*shape))
    assert "Residual '" in str(error.value)
