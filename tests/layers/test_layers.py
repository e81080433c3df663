"""Layers: Keras's semantics, weights and configurations; building, tracking, masks; bad input."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import lamina
from lamina import Tensor, layers, ops, random

rng = np.random.default_rng(0)


def images(*shape):
    return rng.standard_normal(shape).astype(np.float32)


STATISTICS = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (3,))
FIRST = {"data_format": "channels_first"}


def recurrent(*shapes):
    return dict(zip(("cell/kernel", "cell/recurrent_kernel", "cell/bias"), shapes, strict=True))


# layer, options, shape of an input, shapes of the weights by key
CASES = [
    (layers.Dense, {"units": 5, "activation": "relu"}, (3, 4), {"kernel": (4, 5), "bias": (5,)}),
    (layers.Dense, {"units": 5, "use_bias": False}, (2, 3, 4), {"kernel": (4, 5)}),
    (layers.Conv2D, {"filters": 6, "kernel_size": 3, "strides": 2, "padding": "same", "groups": 2},
     (2, 7, 9, 4), {"kernel": (3, 3, 2, 6), "bias": (6,)}),
    (layers.Conv2D, {"filters": 3, "kernel_size": (2, 3), "padding": ((1, 0), (2, 1))},
     (2, 4, 5, 2), {"kernel": (2, 3, 2, 3), "bias": (3,)}),
    (layers.Conv2D, {"filters": 3, "kernel_size": 2, "activation": "gelu", **FIRST},
     (2, 4, 5, 6), {"kernel": (2, 2, 4, 3), "bias": (3,)}),
    (layers.DepthwiseConv2D, {"kernel_size": 3, "depth_multiplier": 2},
     (2, 5, 6, 3), {"kernel": (3, 3, 3, 2), "bias": (6,)}),
    (layers.MaxPooling2D, {}, (2, 5, 6, 3), {}),
    (layers.MaxPooling2D, {"pool_size": 3, "strides": 2, "padding": "same", **FIRST}, (2, 3, 5, 6), {}),
    (layers.AveragePooling2D, {"pool_size": 2, "strides": 1, "padding": "same"}, (2, 5, 6, 3), {}),
    (layers.GlobalAveragePooling2D, {"keepdims": True}, (2, 5, 6, 3), {}),
    (layers.Conv1D, {"filters": 6, "kernel_size": 3, "strides": 2, "padding": "same", "groups": 2},
     (2, 7, 4), {"kernel": (3, 2, 6), "bias": (6,)}),
    (layers.Conv1D, {"filters": 3, "kernel_size": (2,), "padding": "causal", "dilation_rate": 2, "activation": "tanh"},
     (2, 5, 2), {"kernel": (2, 2, 3), "bias": (3,)}),
    (layers.Conv1D, {"filters": 3, "kernel_size": 2, "use_bias": False, "activation": "gelu", **FIRST},
     (2, 4, 6), {"kernel": (2, 4, 3)}),
    (layers.MaxPooling1D, {}, (2, 5, 3), {}),
    (layers.MaxPooling1D, {"pool_size": 3, "strides": 2, "padding": "same", **FIRST}, (2, 3, 6), {}),
    (layers.AveragePooling1D, {"pool_size": 2, "strides": 1, "padding": "same"}, (2, 5, 3), {}),
    (layers.GlobalAveragePooling1D, {}, (2, 5, 3), {}),
    (layers.GlobalAveragePooling1D, {"keepdims": True, **FIRST}, (2, 3, 5), {}),
    (layers.GlobalMaxPooling1D, {"keepdims": True}, (2, 5, 3), {}),
    (layers.GlobalMaxPooling1D, FIRST, (2, 3, 5), {}),
    (layers.GlobalMaxPooling2D, {}, (2, 5, 6, 3), {}),
    (layers.UpSampling1D, {"size": 3}, (2, 5, 3), {}),
    (layers.UpSampling2D, {"size": (2, 3)}, (2, 5, 6, 3), {}),
    (layers.UpSampling2D, {"interpolation": "bilinear", **FIRST}, (2, 3, 5, 6), {}),
    (layers.GlobalMaxPooling2D, {"keepdims": True, **FIRST}, (2, 3, 5, 6), {}),
    (layers.ZeroPadding1D, {}, (2, 5, 3), {}),
    (layers.ZeroPadding1D, {"padding": (0, 2), **FIRST}, (2, 3, 5), {}),
    (layers.ZeroPadding2D, {}, (2, 5, 6, 3), {}),
    (layers.ZeroPadding2D, {"padding": ((1, 0), (2, 3)), **FIRST}, (2, 3, 5, 6), {}),
    (layers.Cropping1D, {}, (2, 5, 3), {}),
    (layers.Cropping2D, {"cropping": (1, 2)}, (2, 5, 6, 3), {}),
    (layers.Cropping2D, {"cropping": ((1, 0), (0, 3)), **FIRST}, (2, 3, 5, 6), {}),
    (layers.RepeatVector, {"n": 4}, (2, 3), {}),
    (layers.BatchNormalization, {}, (4, 5, 6, 3), STATISTICS),
    (layers.BatchNormalization, {"axis": 1}, (4, 3, 5), STATISTICS),
    (layers.BatchNormalization, {"scale": False, "center": False}, (4, 3),
     {k: STATISTICS[k] for k in ("moving_mean", "moving_variance")}),
    (layers.LayerNormalization, {}, (4, 5, 6), {"gamma": (6,), "beta": (6,)}),
    (layers.LayerNormalization, {"axis": (1, 2), "center": False}, (4, 5, 6), {"gamma": (5, 6)}),
    (layers.LayerNormalization, {"axis": 1, "scale": False}, (4, 5, 6), {"beta": (5,)}),
    (layers.UnitNormalization, {}, (4, 5, 6), {}),
    (layers.UnitNormalization, {"axis": [1, 2]}, (4, 5, 6), {}),
    (layers.Activation, {"activation": "softplus"}, (4, 5), {}),
    (layers.ReLU, {"max_value": 6.0, "negative_slope": 0.1, "threshold": 0.5}, (4, 5), {}),
    (layers.LeakyReLU, {}, (4, 5), {}),
    (layers.PReLU, {"alpha_initializer": "ones"}, (4, 5, 2), {"alpha": (5, 2)}),
    (layers.PReLU, {"alpha_initializer": "ones", "shared_axes": [1]}, (4, 5, 2), {"alpha": (1, 2)}),
    (layers.ELU, {"alpha": 0.5}, (4, 5), {}),
    (layers.Softmax, {}, (4, 5), {}),
    (layers.Dropout, {"rate": 0.5}, (4, 5), {}),
    (layers.SpatialDropout1D, {"rate": 0.5, "seed": 1}, (4, 5, 2), {}),
    (layers.SpatialDropout2D, {"rate": 0.5, **FIRST}, (4, 5, 2, 3), {}),
    (layers.GaussianNoise, {"stddev": 0.5, "seed": 1}, (4, 5), {}),
    (layers.GaussianDropout, {"rate": 0.5}, (4, 5), {}),
    (layers.ActivityRegularization, {"l1": 0.1, "l2": 0.2}, (4, 5), {}),
    (layers.Flatten, {}, (4, 5, 2), {}),
    (layers.Flatten, FIRST, (4, 5, 2), {}),
    (layers.Reshape, {"target_shape": (2, -1)}, (4, 10), {}),
    (layers.Permute, {"dims": (2, 1)}, (4, 5, 2), {}),
    (layers.PositionEmbedding, {"sequence_length": 7}, (4, 5, 2), {"embeddings": (7, 2)}),
    (layers.SinePositionEncoding, {}, (4, 5, 6), {}),
    (layers.LSTM, {"units": 3, "return_sequences": True}, (4, 5, 2), recurrent((2, 12), (3, 12), (12,))),
    (layers.GRU, {"units": 3}, (4, 5, 2), recurrent((2, 9), (3, 9), (2, 9))),
    (layers.GRU, {"units": 3, "reset_after": False}, (4, 5, 2), recurrent((2, 9), (3, 9), (9,))),
    (layers.SimpleRNN, {"units": 3, "return_sequences": True}, (4, 5, 2), recurrent((2, 3), (3, 3), (3,))),
    (layers.Bidirectional, {"layer": layers.GRU(3, return_sequences=True)}, (4, 5, 2),
     {f"{way}_layer/{k}": s for way in ("forward", "backward") for k, s in recurrent((2, 9), (3, 9), (2, 9)).items()}),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(CASES)), ids=lambda i: f"{i}-{CASES[i][0].__name__}")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_layer(case, dtype):
    kind, options, shape, weights = CASES[case]
    layer = kind(**options, name="it", dtype=dtype)
    y = layer(images(*shape))
    assert y.dtype == dtype
    assert y.shape == layer.compute_output_shape(shape)
    assert {k: v.shape for k, v in layer.state_dict().items()} == weights
    drawn = layer(layers.Input(shape[1:], dtype=dtype))
    assert drawn.shape == (None, *y.shape[1:])
    assert drawn.dtype == dtype
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    x = images(*shape)
    again(x)
    again.load_state_dict(layer.state_dict())
    np.testing.assert_array_equal(again(x).numpy(), layer(x).numpy())
    assert layer(images(*shape)[:0]).shape == (0, *y.shape[1:])  # an empty batch


def test_dense_values_and_gradients():
    layer = layers.Dense(2, "tanh", dtype="float64")
    x = rng.standard_normal((3, 4))
    y = layer(x)
    np.testing.assert_allclose(y.numpy(), np.tanh(x @ layer.kernel.numpy() + layer.bias.numpy()), rtol=1e-12)
    ops.sum(y).backward()
    dz = 1 - y.numpy() ** 2
    np.testing.assert_allclose(layer.kernel.grad.numpy(), x.T @ dz, rtol=1e-12)
    np.testing.assert_allclose(layer.bias.grad.numpy(), dz.sum(0), rtol=1e-12)


def test_linear():
    built = layers.Linear(4, 3, bias=False)
    assert [w.shape for w in built.weights] == [(4, 3)]
    keras = layers.Linear(3, activation="relu")
    assert keras(images(2, 4)).numpy().min() >= 0
    assert layers.Linear.from_config(built.get_config())(images(2, 4)).shape == (2, 3)


def test_input_kinds():
    layer = layers.Dense(2)
    layer(images(1, 3))
    plain = np.arange(6.0).reshape(2, 3)
    wanted = layer(plain).numpy()
    for x in (plain.astype(int), plain.tolist(), plain.astype(">f4"), np.asfortranarray(plain), Tensor(plain)):
        np.testing.assert_array_equal(layer(x).numpy(), wanted)
    np.testing.assert_array_equal(layer(np.repeat(plain, 2, 1)[:, ::2]).numpy(), wanted)
    np.testing.assert_array_equal(layer(plain[:, ::-1].copy()[:, ::-1]).numpy(), wanted)
    raw = np.zeros(4 * plain.size + 1, np.uint8)
    misaligned = raw[1:].view(np.float32).reshape(plain.shape)
    misaligned[...] = plain
    np.testing.assert_array_equal(layer(misaligned).numpy(), wanted)
    frozen = plain.astype(np.float32)
    frozen.flags.writeable = False
    np.testing.assert_array_equal(layer(frozen).numpy(), wanted)


def built(layer, *shape):
    layer(images(*shape))
    return layer


BAD = [
    (lambda: built(layers.Conv2D(4, 3, name="stem"), 1, 8, 8, 3)(images(2, 3, 8, 8)),
     r"Conv2D 'stem': x is \(2, 3, 8, 8\) but the kernel wants 3 channels last, \(N, H, W, 3\); pass data_format"),
    (lambda: layers.Conv2D(4, 5, name="stem")(images(2, 3, 3, 1)), "'stem': the kernel covers 5 but the input has"),
    (lambda: layers.MaxPooling2D(5)(images(2, 3, 3, 1)), "MaxPooling2D .max_pooling2d.*pool covers 5"),
    (lambda: layers.Conv2D(4, 3)(images(8, 8, 3)), "expected a batch of images"),
    (lambda: layers.Conv2D(4, 3, groups=3), "filters=4 is not a multiple of groups=3"),
    (lambda: layers.Conv2D(4, 3, padding="sam"), "did you mean 'same'"),
    (lambda: layers.Conv2D(4, 3, data_format="channel_first"), "did you mean 'channels_first'"),
    (lambda: built(layers.Dense(4, name="d"), 1, 3)(images(2, 5)),
     r"Dense 'd': x is \(2, 5\), but the kernel \(3, 4\) wants 3"),
    (lambda: layers.Dense(4)(images(5)), "for one example use"),
    (lambda: layers.Dense(0), "units must be a positive integer"),
    (lambda: layers.Dense(4, activation="rellu"), "did you mean 'relu'"),
    (lambda: layers.Dense(4, kernel_initializer="zeroes"), "did you mean 'zero"),
    (lambda: layers.Dense(4, kernel_initialiser="zeros"), "did you mean 'kernel_initializer'"),
    (lambda: layers.Dense(4, kernel_constraint="max_nrm"), "unknown constraint 'max_nrm': did you mean 'max_norm'"),
    (lambda: layers.Dense(4, dtype="float16"), "not supported: the kernels compute in float32 or float64"),
    (lambda: layers.Dense(4, name="a/b"), "without '/'"),
    (lambda: layers.Dense(2**21)(np.zeros((1, 2**21), np.float32)), "more than can be held"),
    (lambda: layers.Dropout(1.5), "rate must be a number between 0 and 1"),
    (lambda: layers.Reshape((3, 5))(images(2, 16)), "16 elements an example do not fill"),
    (lambda: layers.Permute((1, 3)), "must be a permutation"),
    (lambda: layers.Concatenate()([images(2, 3), images(3, 3)]), "only axis 1 may differ"),
    (lambda: layers.Add()([images(2, 3)]), "at least two"),
    (lambda: built(layers.BatchNormalization(), 2, 3)(images(2, 4)), "expected 3 channels on axis -1"),
    (lambda: layers.LSTM(3)(images(2, 3)), "expected sequences"),
    (lambda: layers.LSTM(3)(images(2, 4, 3), initial_state=[images(3, 3), images(3, 3)]),
     r"state h is \(3, 3\), expected \(2, 3\)"),
    (lambda: layers.LSTM(3)(images(2, 4, 3), mask=np.ones((2, 5), bool)), r"mask has shape \(2, 5\)"),
    (lambda: layers.MultiHeadAttention(2, 0), "key_dim must be a positive"),
    (lambda: layers.MultiHeadAttention(2, 4)(images(2, 5, 3), images(3, 5, 3)), "the batch sizes differ"),
    (lambda: layers.PositionEmbedding(3)(images(1, 4, 2)), "do not fit sequence_length=3"),
    (layers.Input, "pass either shape="),
    (lambda: layers.Conv1D(4, 3)(images(8, 3)), r"Conv1D .*batch of sequences, \(N, T, C\); for one sequence use x"),
    (lambda: layers.Conv1D(4, 5)(images(2, 3, 1)), "the kernel covers 5 but the input has only 3 along the time axis"),
    (lambda: built(layers.Conv1D(4, 5), 2, 8, 1)(images(2, 3, 1)), r"Conv1D .* only 3 along the time axis; use"),
    (lambda: built(layers.Conv1D(4, 3, name="stem"), 1, 8, 3)(images(2, 3, 8)),
     r"Conv1D 'stem': x is \(2, 3, 8\) but the kernel wants 3 channels last, \(N, T, 3\); pass data_format"),
    (lambda: layers.Conv1D(4, (3, 3)), "kernel_size must be an integer or a tuple of one, got"),
    (lambda: layers.Conv1D(4, 3, padding=(1, 0)), r"padding must be .*'causal', .* \(length,\) or .*, got \(1, 0\)"),
    (lambda: layers.Conv1D(4, 3, padding="casual"), "did you mean 'causal'"),
    (lambda: layers.Conv2D(4, 3, padding="causal"), "padding of Conv2D .*'causal'"),
    (lambda: layers.MaxPooling1D(5)(images(2, 3, 1)), "MaxPooling1D .*the pool covers 5 .* along the time axis"),
    (lambda: layers.GlobalMaxPooling1D()(images(2, 3, 1, 1)), "expected a batch of sequences"),
    (lambda: layers.GlobalAveragePooling1D()(images(2, 3, 1), mask=np.ones((2, 4), bool)), r"mask has shape \(2, 4\)"),
    (lambda: layers.ZeroPadding1D(-1), "padding must be a non-negative integer or two of them, got -1"),
    (lambda: layers.ZeroPadding2D((1, 2, 3)), r"padding must be .*\(left, right\)\), got \(1, 2, 3\)"),
    (lambda: layers.Cropping1D(2)(images(2, 4, 1)), "cutting 4 from axis 1 leaves nothing; pass a smaller cropping"),
    (lambda: layers.Cropping2D(2)(images(2, 4, 1)), "expected a batch of images"),
    (lambda: layers.RepeatVector(0), "n must be a positive integer"),
    (lambda: layers.RepeatVector(2)(images(2, 3, 4)), r"expected a batch of vectors, \(N, features\)"),
    (lambda: layers.Dot(1.5), "axes must be an integer or a pair of them, got 1.5"),
    (lambda: layers.Dot(1)(images(2, 3)), "expected a list of two tensors"),
    (lambda: layers.Dot(2)([images(2, 3), images(2, 3)]), r"axes=2 does not fit x\[0\], \(2, 3\)"),
    (lambda: layers.Dot(0)([images(2, 3), images(2, 3)]), "behind the batch's"),
    (lambda: layers.Dot(1)([images(2, 3), images(2, 4)]), "the axes to sum over differ in size, 3 and 4"),
    (lambda: layers.Dot(1)([images(1, 3), images(2, 3)]), "the batches differ in size, 1 and 2"),
    (lambda: layers.PReLU(shared_axes=0), r"shared_axes must be axes behind the batch's"),
    (lambda: layers.PReLU(shared_axes=3)(images(2, 3)), r"shared_axes=\[3\] are out of range"),
    (lambda: built(layers.PReLU(), 2, 3)(images(2, 4)), r"x is \(2, 4\), but alpha \(3,\) fits inputs \(N, 3\)"),
    (lambda: layers.PReLU(alpha_constraint="nonneg"), "unknown constraint 'nonneg': did you mean 'NonNeg'"),
    (lambda: layers.GaussianNoise(2.0), "stddev must be a number between 0 and 1, got 2.0"),
    (lambda: layers.GaussianDropout(1.0), "rate must be below 1"),
    (lambda: layers.SpatialDropout1D(0.5)(images(2, 3)), "expected a batch of sequences"),
    (lambda: layers.UnitNormalization(axis=2)(images(2, 3)), r"axis=2 is out of range for x, \(2, 3\)"),
    (lambda: layers.ActivityRegularization(l1=-1.0), "l1: expected a finite non-negative number"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(BAD)))
def test_bad_input(case):
    make, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("dtype", [object, complex, "U1"])
def test_bad_dtype(dtype):
    layer = built(layers.Dense(4, name="d"), 1, 3)
    with pytest.raises(TypeError, match=r"Dense 'd': the input has dtype"):
        layer(np.ones((2, 3)).astype(dtype))


def test_embedding_index():
    layer = layers.Embedding(5, 3, name="words")
    with pytest.raises(IndexError, match=r"Embedding 'words'.*7"):
        layer(np.array([[1, 7]]))
    assert layer(np.array([[1.0, 4.0]])).shape == (1, 2, 3)  # as Keras: tokens stored as floats


class Block(layers.Layer):
    """Sublayers in a list and a dict, a weight of its own, training passed down."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.stack = [layers.Dense(units)]
        self.stack.append(layers.Dense(units))
        self.more = {"norm": layers.BatchNormalization(), "drop": layers.Dropout(0.5)}

    def build(self, input_shape):
        self.scale = self.add_weight((self.units,), "ones", name="scale")

    def call(self, x):
        for layer in self.stack:
            x = layer(x)
        return ops.multiply(self.more["drop"](self.more["norm"](x)), self.scale)


def test_errors_of_the_first_call_give_the_real_shape():
    for layer in (layers.Conv2D(3, 3), lamina.Sequential([layers.Conv2D(3, 3)])):
        with pytest.raises(ValueError, match=r"Conv2D 'conv2d.*': x is \(28, 28\), expected"):
            layer(np.ones((28, 28)))


def test_none_is_no_input():
    with pytest.raises(ValueError, match=r"Dense 'dense.*': the input is None, expected a tensor or an array"):
        layers.Dense(3)(None)


def test_own_layer():
    layer = Block(4, name="block")
    x = images(6, 3)
    quiet, loud = layer(x).numpy(), layer(x, training=True).numpy()
    assert layer.built
    assert (quiet != 0).all()
    assert (loud == 0).any()  # training reached the dropout inside
    assert list(layer.state_dict()) == [
        "scale", "stack/0/kernel", "stack/0/bias", "stack/1/kernel", "stack/1/bias",
        "more/norm/gamma", "more/norm/beta", "more/norm/moving_mean", "more/norm/moving_variance",
    ]  # fmt: skip
    assert layer.weights[0].path == "block/scale"
    assert len(layer.trainable_weights) == 7
    assert layer.compute_output_shape((None, 3)) == (None, 4)  # by trying
    assert Block.from_config(layer.get_config()).units == 4  # without a get_config of its own
    layer.trainable = False
    assert layer.trainable_weights == []
    assert not any(v.requires_grad for v in layer.weights)
    layer.trainable = True
    assert len(layer.trainable_weights) == 7  # moving statistics stay as they are


def test_frozen_batch_norm():
    layer = built(layers.BatchNormalization(), 8, 3)
    layer.trainable = False
    before = layer.get_weights()
    layer(images(8, 3), training=True)
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_batch_norm_statistics():
    layer = layers.BatchNormalization(momentum=0.9, dtype="float64")
    x = rng.standard_normal((16, 3))
    y = layer(x, training=True).numpy()
    np.testing.assert_allclose(y, (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3), rtol=1e-9)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.1 * x.mean(0), rtol=1e-9)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.9 + 0.1 * x.var(0), rtol=1e-9)


def test_forgotten_super():
    class Forgot(layers.Layer):
        def __init__(self):
            self.units = 3

        def call(self, x):
            return x

    with pytest.raises(RuntimeError, match=r"super\(\).__init__"):
        Forgot()(images(1, 2))


def test_weights_in_and_out():
    layer = built(layers.Dense(2, name="d"), 1, 3)
    kernel, bias = layer.get_weights()
    with pytest.raises(ValueError, match="got 1 arrays for 2 weights"):
        layer.set_weights([kernel])
    with pytest.raises(ValueError, match=r"'kernel' has shape \(3, 2\), got \(2, 3\)"):
        layer.set_weights([kernel.T, bias + 1])
    with pytest.raises(ValueError, match="no value for weight 'bias'"):
        layer.load_state_dict({"kernel": kernel})
    with pytest.raises(ValueError, match="there is no weight 'biass'"):
        layer.load_state_dict({"kernel": kernel, "bias": bias, "biass": bias})
    np.testing.assert_array_equal(layer.bias.numpy(), bias)  # nothing was changed by the failures
    layer.load_state_dict({"bias": bias + 1}, strict=False)
    np.testing.assert_array_equal(layer.bias.numpy(), bias + 1)


def test_variable():
    v = lamina.layers.Variable(np.ones((2, 3), np.float32), name="v")
    assert v.assign(2.0) is v
    v.assign_add(np.ones(3))
    np.testing.assert_array_equal(v.numpy(), np.full((2, 3), 3))
    assert v.numpy().ctypes.data % 64 == 0
    with pytest.raises(ValueError, match="cannot assign shape"):
        v.assign(np.ones(4))


def test_integer_weights():
    layer = layers.Layer()
    for initializer, value in (
        (None, 0),
        ("zeros", 0),
        ("ones", 1),
        (lamina.initializers.Constant(2**40 + 1), 2**40 + 1),
    ):
        v = layer.add_weight((2,), initializer, dtype="int64", trainable=False)
        assert v.dtype == np.int64
        assert v.numpy().tolist() == [value, value]
    assert layer.add_weight((), dtype="int32", trainable=False).numpy() == 0
    assert layer.add_weight((2,), "ones", dtype="bool", trainable=False).numpy().all()
    v = layer.add_weight((3,), lambda shape, dtype: np.arange(*shape, dtype=dtype), dtype="int64", trainable=False)
    assert v.numpy().tolist() == [0, 1, 2]


def test_copies_have_losses_of_their_own():
    layer = layers.Dense(2, activity_regularizer="l2")
    layer(images(1, 3))
    twin = copy.deepcopy(layer)
    assert len(layer.losses) == 1
    assert twin.losses == []


def test_regularization():
    layer = layers.Dense(2, kernel_regularizer="l2", activity_regularizer=ops.sum)
    x = images(4, 3)
    y = layer(x)
    activity, weights = (float(v) for v in layer.losses)
    assert activity == pytest.approx(y.numpy().sum() / 4, rel=1e-5, abs=1e-6)  # the sum may be near zero
    assert weights == pytest.approx(0.01 * (layer.kernel.numpy() ** 2).sum(), rel=1e-5)
    layer(x)
    assert len(layer.losses) == 2  # those of the last call alone


def test_dropout():
    random.seed(3)
    layer = layers.Dropout(0.25)
    x = np.ones((200, 50), np.float32)
    np.testing.assert_array_equal(layer(x).numpy(), x)
    a, b = layer(x, training=True).numpy(), layer(x, training=True).numpy()
    assert set(np.unique(a)) == {0.0, np.float32(1 / 0.75)}
    assert (a == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert (a != b).any()
    whole = layers.Dropout(0.5, noise_shape=(None, 1))(x, training=True).numpy()
    assert all(len(set(row)) == 1 for row in whole)


def test_symbolic_tensors_have_no_values():
    x = layers.Input((3,))
    with pytest.raises(TypeError, match="no values"):
        np.asarray(x)
    with pytest.raises(TypeError, match="no values"):
        bool(x)
    y = (2.0 * x + 1.0)[:, :2] @ np.ones((2, 4), np.float32)
    assert y.shape == (None, 4)
    assert layers.symbolic_call(ops.mean, (x,), {"axis": 1}).shape == (None,)


def test_added_losses_do_not_pile_up():
    class Penalty(layers.Layer):
        def call(self, x, training=False):
            if training:
                self.add_loss(ops.mean(x))
            return x

    model = lamina.Sequential([layers.Dense(2), Penalty()])
    model(images(3, 4))
    for _ in range(3):
        model(images(3, 4), training=True)
        assert len(model.losses) == 1
    model(images(3, 4))
    assert model.losses == []


def test_weights_of_equal_names_keep_keys_of_their_own():
    class Twins(layers.Layer):
        def build(self, input_shape):
            for name in ("w", "w", "w_1", "one/kernel"):
                self.add_weight((2,), name=name)
            self.heads = [layers.Dense(2, use_bias=False, name=name) for name in ("fc", "fc", "fc_1")]
            self.one = layers.Dense(2, use_bias=False)

        def call(self, x):
            return self.one(ops.concatenate([head(x) for head in self.heads]))

    layer = Twins()
    layer(np.ones((1, 3)))
    keys = ["w", "w_2", "w_1", "one/kernel", "fc/kernel", "fc_2/kernel", "fc_1/kernel", "one/kernel_1"]
    assert list(layer.state_dict()) == keys
    assert len(layer.weights) == 8


def test_softmax_over_axes_that_are_not_there():
    x = np.zeros((2, 3, 4), np.float32)
    for axis, message in (((5, 6), "axis 5 is out of range"), ((1, -2), "twice"), ((-1, -4), "axis -4"), (3, "axis 3")):
        with pytest.raises(ValueError, match=f"Softmax 'softmax.*{message}"):
            layers.Softmax(axis)(x)
    with pytest.raises(ValueError, match="axis -1 is out of range"):
        layers.Softmax((-1,))(np.float32(1))
