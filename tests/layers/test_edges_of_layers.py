"""Layers at the edges of what they take, and what they promise of masks."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Tensor, initializers, layers, models
from lamina.core.masked_tensor import MaskedTensor, attach
from lamina.core.tree import flatten, map_structure
from lamina.testing.layer_table import layer_checks

X = np.arange(12.0, dtype=np.float32).reshape(2, 3, 2)
# The layers at which a mask of steps ends; those that prepare images and text have no steps.
WITHOUT_MASKS = [
    "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D",
    "Conv1D", "Conv1DTranspose", "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "Cropping1D",
    "Cropping2D", "Cropping3D", "DepthwiseConv1D", "DepthwiseConv2D", "EinsumDense", "Flatten", "GRUCell",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "InputLayer",
    "LSTMCell", "Layer", "LpPooling1D", "LpPooling2D", "LpPooling3D", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D",
    "MaxUnpooling1D", "MaxUnpooling2D", "MaxUnpooling3D", "OpLayer", "Permute", "RepeatVector",
    "Reshape", "SeparableConv1D", "SeparableConv2D", "SimpleRNNCell", "StackedRNNCells", "UpSampling1D",
    "UpSampling2D", "UpSampling3D", "Wrapper", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D",
]  # fmt: skip


def classes():
    found = {getattr(layers, n) for n in layers.__all__ if isinstance(getattr(layers, n), type)}
    return {c.__name__: c for c in found if issubclass(c, layers.Layer)}


def test_the_layers_at_which_a_mask_ends():
    ending = {n: c for n, c in classes().items() if not c.supports_masking}
    assert sorted(n for n, c in ending.items() if ".preprocessing." not in c.__module__) == sorted(WITHOUT_MASKS)


def test_merged_shapes_broadcast_in_both_orders():
    add = layers.Add()
    assert add.compute_output_shape([(None, 1, 4), (None, 3, 1)]) == (None, 3, 4)
    assert add.compute_output_shape([(2, 3), (2, 1), (2, 3)]) == (2, 3)
    assert add([X, X[:, :1]]).shape == X.shape
    with pytest.raises(ValueError, match="number of axes"):
        add.compute_output_shape([(2, 3), (2, 3, 1)])
    with pytest.raises(ValueError, match="do not broadcast"):
        add.compute_output_shape([(2, 3), (2, 4)])
    with pytest.raises(ValueError, match="two tensors, got 3"):
        layers.Subtract()([X, X, X])


def test_reshape():
    assert layers.Reshape((-1, 3)).compute_output_shape((None, 2, 3)) == (None, 2, 3)
    assert layers.Reshape((-1, 3)).compute_output_shape((2, None, 3)) == (2, None, 3)
    assert layers.Reshape(6)(X).shape == (2, 6)
    assert layers.Reshape((0, 6)).target_shape == (0, 6)
    for wrong in ((-1, -1), (-2, 3)):
        with pytest.raises(ValueError, match="at most one -1"):
            layers.Reshape(wrong)
    for wrong in ((4,), (-1, 4), (-1, 0)):
        with pytest.raises(ValueError, match="do not fill"):
            layers.Reshape(wrong)(X)


def test_positions():
    learned = layers.PositionEmbedding(3)
    assert learned(X).shape == X.shape
    assert learned.compute_output_shape((None, None, 2)) == (None, None, 2)
    assert learned(X[:, :2], start_index=1).numpy()[0].tolist() == learned.position_embeddings.numpy()[1:].tolist()
    for steps, start in ((4, 0), (3, 1), (1, -1)):
        with pytest.raises(ValueError, match=r"do not fit|exceed"):
            learned(np.ones((1, steps, 2), np.float32), start_index=start)
    fixed = layers.SinePositionEncoding(100.0)(np.zeros((1, 2, 4), np.float32)).numpy()[0]
    want = [[0, 1, 0, 1], [np.sin(1), np.cos(1), np.sin(0.1), np.cos(0.1)]]
    np.testing.assert_allclose(fixed, want, rtol=1e-6)
    masked = layers.SinePositionEncoding()(attach(Tensor(X), Tensor(np.ones((2, 3), bool))))
    assert isinstance(masked, MaskedTensor)


@pytest.mark.parametrize("kind", [layers.SimpleRNNCell, layers.GRUCell])
def test_a_state_by_itself_comes_back_by_itself(kind):
    cell = kind(4)
    x, h = np.ones((2, 3), np.float32), np.zeros((2, 4), np.float32)
    y, alone = cell(x, h)
    again, listed = cell(x, [h])
    assert isinstance(listed, list)
    assert len(listed) == 1
    assert np.array_equal(alone.numpy(), y.numpy())
    assert np.array_equal(alone.numpy(), listed[0].numpy())
    assert np.array_equal(again.numpy(), y.numpy())


def test_rates_at_their_ends():
    x = np.ones((4, 100), np.float32)
    for rate in (0.0, 1.0, 0.5):
        y = layers.Dropout(rate, seed=1)(x, training=True).numpy()
        assert set(np.unique(y)) <= {0.0, 1.0 / (1.0 - rate) if rate < 1 else 0.0}
    for wrong in (-0.01, 1.01, True):
        with pytest.raises(ValueError, match="between 0 and 1"):
            layers.Dropout(wrong)
    with pytest.raises(ValueError, match="below 1"):
        layers.GaussianDropout(1.0)
    y = layers.GaussianDropout(0.5, seed=1)(np.ones(10000, np.float32), training=True).numpy()
    assert abs(y.mean() - 1) < 0.05
    assert abs(y.std() - 1) < 0.05
    y = layers.GaussianNoise(0.25, seed=1)(np.zeros(10000, np.float32), training=True).numpy()
    assert abs(y.mean()) < 0.02
    assert abs(y.std() - 0.25) < 0.02


def test_noise_shape_drops_together():
    y = layers.Dropout(0.5, noise_shape=(None, 1, None), seed=3)(np.ones((8, 5, 6), np.float32), training=True).numpy()
    assert (y == y[:, :1]).all()
    assert {0.0, 2.0} == set(np.unique(y))
    with pytest.raises(ValueError, match="as many axes"):
        layers.Dropout(0.5, noise_shape=(None, 1))(np.ones((2, 3, 4), np.float32), training=True)


def test_attention_leaves_steps_out_entirely():
    layer = layers.MultiHeadAttention(2, 3)
    mask = Tensor(np.array([[True, True, False], [True, False, False]]))
    first = layer(X, X, value_mask=mask).numpy()
    other = X.copy()
    other[0, 2], other[1, 1:] = 99.0, -99.0
    np.testing.assert_allclose(layer(X, other, value_mask=mask).numpy(), first, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (3, 5), (2, 2, 6)])
def test_orthogonal(shape):
    q = initializers.Orthogonal(gain=2.0, seed=1)(shape, "float64").numpy().reshape(-1, shape[-1])
    small = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    np.testing.assert_allclose(small, 4.0 * np.eye(len(small)), atol=1e-10)


def test_prelu_and_relu_on_both_sides():
    x = np.array([[-2.0, -1.0, 0.0, 1.0, 3.0]], np.float32)
    assert layers.ReLU(2.0, 0.5, 1.0)(x).numpy().tolist() == [[-1.5, -1.0, -0.5, 1.0, 2.0]]
    assert layers.ReLU(negative_slope=0.0)(x).numpy().tolist() == [[0, 0, 0, 1, 3]]
    assert layers.LeakyReLU(0.0)(x).numpy().tolist() == [[0, 0, 0, 1, 3]]
    assert layers.LeakyReLU()(x).numpy() == pytest.approx(np.where(x < 0, 0.3 * x, x))
    assert layers.PReLU(initializers.Constant(0.5), shared_axes=-1)(x).numpy().tolist() == [[-1, -0.5, 0, 1, 3]]
    for wrong in ({"max_value": -1.0}, {"negative_slope": -0.1}, {"threshold": -1.0}):
        with pytest.raises(ValueError, match="must not be negative"):
            layers.ReLU(**wrong)
    with pytest.raises(ValueError, match="axes behind the batch"):
        layers.PReLU(shared_axes=[0])


def test_borders():
    x = np.ones((1, 3, 3, 1), np.float32)
    assert layers.ZeroPadding2D(((1, 0), (0, 2)))(x).shape == (1, 4, 5, 1)
    assert layers.Cropping2D(((1, 0), (0, 1)))(x).shape == (1, 2, 2, 1)
    assert layers.Cropping2D(1)(x).shape == (1, 1, 1, 1)
    with pytest.raises(ValueError, match="leaves nothing"):
        layers.Cropping2D(((2, 1), (0, 0)))(x)
    with pytest.raises(ValueError, match="non-negative"):
        layers.ZeroPadding1D(-1)


def test_an_error_inside_names_the_inner_layer_alone():
    class Outer(layers.Layer):
        def __init__(self):
            super().__init__(name="outer")
            self.inner = layers.Dense(2, name="inner")

        def call(self, inputs):
            return self.inner(inputs)

    outer = Outer()
    outer(np.ones((1, 3), np.float32))
    with pytest.raises(ValueError, match=r"^Dense 'inner': x is \(1, 4\)") as caught:
        outer(np.ones((1, 4), np.float32))
    assert "outer" not in str(caught.value)


def test_attention_over_time_alone():
    for axes in (None, 1, (1,), -2):
        assert layers.MultiHeadAttention(1, 2, attention_axes=axes)(X, X).shape == X.shape
    for axes in (2, 0, (1, 2)):
        with pytest.raises(ValueError, match=r"attention_axes=.* does not fit a query"):
            layers.MultiHeadAttention(1, 2, attention_axes=axes)(X, X)


def test_the_least_shapes_and_scales():
    assert layers.Masking()(np.ones((2, 3), np.float32)).shape == (2, 3)
    with pytest.raises(ValueError, match="expected"):
        layers.Masking()(np.ones(2, np.float32))
    for scale in (0.0, -1.0):
        with pytest.raises(ValueError, match="scale must be positive"):
            initializers.VarianceScaling(scale)


@pytest.mark.parametrize(("make", "fans"), [
    (lambda **o: layers.Dense(40, **o), (30, 40)),
    (lambda **o: layers.EinsumDense("bc,cd->bd", 40, **o), (30, 40)),
    (lambda **o: layers.EinsumDense("bc,dc->bd", 40, **o), (30, 40)),
    (lambda **o: layers.EinsumDense("bc,cde->bde", (5, 8), **o), (30, 40)),
    (lambda **o: layers.Conv1D(40, 3, **o), (90, 120)),
    (lambda **o: layers.Conv1DTranspose(30, 3, **o), (90, 90)),
])  # fmt: skip
@pytest.mark.parametrize("name", ["lecun_uniform", "he_uniform", "glorot_uniform"])
def test_initial_weights_know_inputs_from_outputs(make, fans, name):
    """The squares of limits: LeCun's 3 / inputs, He's 6 / inputs, Glorot's 6 / (inputs + outputs)."""
    layer = make(kernel_initializer=name)
    layer.build((None, 9, 30) if isinstance(layer, (layers.Conv1D, layers.Conv1DTranspose)) else (None, 30))
    limit = {"lecun": 3 / fans[0], "he": 6 / fans[0], "glorot": 6 / sum(fans)}[name.split("_")[0]] ** 0.5
    kernel = np.abs(layer.kernel.numpy())
    assert 0.98 * limit < kernel.max() <= limit * (1 + 1e-6)


def test_a_mask_that_a_layer_makes_reaches_symbolic_tensors():
    class Marks(layers.Layer):
        def call(self, inputs):
            return inputs

        def compute_mask(self, inputs, previous=None):
            return inputs[..., 0] > 0

    given = layers.Input((3, 1))
    for layer in (Marks(), layers.Masking()):
        marked = layer(given)
        assert (marked.mask.shape, marked.mask.dtype) == ((None, 3), "bool")
        model = models.Model(given, layers.GlobalAveragePooling1D()(marked))
        assert model(np.array([[[1.0], [0.0], [3.0]]], np.float32)).numpy().item() == 2.0
    assert getattr(layers.Dense(2)(given), "mask", None) is None


@pytest.mark.parametrize("kind", [
    layers.Dropout, layers.GaussianDropout, layers.AlphaDropout, layers.SpatialDropout1D, layers.DropPath,
    layers.GaussianNoise,
])  # fmt: skip
def test_the_smallest_rates_do_something(kind):
    """0 does nothing, in training or not; one in a thousand does, in training alone."""
    x = np.random.default_rng(0).uniform(0.5, 1.5, (20000, 1, 2)).astype(np.float32)
    for rate, changed in ((0, False), (0.001, True)):
        layer = kind(rate, seed=1)
        np.testing.assert_array_equal(layer(x), x)
        assert (np.abs(layer(x, training=True).numpy() - x).max() > 1e-5) == changed


@pytest.mark.parametrize(("bias_axes", "wanted"), [
    ("d", (4,)), ("bd", (3, 1, 4)), ("bcd", (3, 5, 4)), ("c", (5, 1)), ("cd", (5, 4)), ("b", (3, 1, 1)), (None, None),
])  # fmt: skip
def test_shapes_of_biases(bias_axes, wanted):
    """From the first axis with a bias on: its sizes where it has one, 1 where it has none."""
    layer = layers.EinsumDense("abcx,xd->abcd", (3, 5, 4), bias_axes=bias_axes)
    layer.build((2, 3, 5, 7))
    assert (None if layer.bias is None else layer.bias.shape) == wanted
    turned = layers.EinsumDense("ax...,xd->ad...", 4, bias_axes="d")  # axes behind count as ones
    turned.build((2, 7, 3, 5))
    assert turned.bias.shape == (4, 1, 1)


@pytest.mark.parametrize("kind", [layers.Attention, layers.AdditiveAttention])
def test_attention_says_what_a_cache_does_not_take(kind):
    layer = kind()
    x = Tensor(np.ones((1, 2, 3), np.float32))
    cache = layers.KeyValueCache(4)
    for options, message in (
        ({"mask": [None, np.ones((1, 2), bool)]}, "has no masks"), ({}, f"has no {kind.__name__} layer"),
    ):  # fmt: skip
        with cache, pytest.raises(ValueError, match=message):
            layer([x, x], use_causal_mask=True, **options)
    with cache, pytest.raises(ValueError, match="without use_causal_mask sees later steps"):
        layer([x, x])


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", ["same", "same_lower"])
@pytest.mark.parametrize(("taps", "stride"), [(1, 1), (1, 2), (1, 3), (2, 3), (3, 1), (3, 2), (4, 3)])
@pytest.mark.parametrize("n", [6, 7])
def test_borders_that_are_not_zero(mode, padding, taps, stride, n):
    """What ONNX's SAME_UPPER and SAME_LOWER add, as NumPy pads; nothing where windows leave steps out."""
    x = np.random.default_rng(0).standard_normal((1, n, 2))
    total = max((-(-n // stride) - 1) * stride + taps - n, 0)
    more = (total // 2, total - total // 2)
    sides = more if padding == "same" else more[::-1]
    around = np.pad(x, ((0, 0), sides, (0, 0)), {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode])
    layer = layers.Conv1D(3, taps, stride, padding, padding_mode=mode, dtype="float64")
    inner = layers.Conv1D(3, taps, stride, dtype="float64")
    inner.build(around.shape)
    layer.build(x.shape)
    layer.set_weights(inner.get_weights())
    np.testing.assert_allclose(layer(x), inner(around), rtol=1e-12, atol=1e-14)


def test_a_layer_without_weights_is_built_by_its_build():
    class Twice(layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    layer = Twice()
    layer.build((None, 3))
    assert layer.built


def takes_numbers(check):
    """Not indices, text, or images of which a random part changes."""
    return not check.integers and not check.name.startswith("MaxUnpooling") and ".preprocessing." not in module(check)


def module(check):
    return getattr(check.kind, "__module__", "")


OF_NUMBERS = [c for c in layer_checks() if takes_numbers(c)]


@pytest.mark.parametrize("check", OF_NUMBERS, ids=lambda c: c.name)
def test_integers_are_numbers_too(check):
    """Whole numbers give what they give as floats, whichever of both kinds a layer is called with; rounded if whole."""
    layer = check.make()
    given = check.arrays()
    whole = map_structure(lambda a: np.round(2 * a).astype(np.int32), given)
    wanted = layer(*map_structure(lambda a: a.astype(np.float32), whole))
    got = layer(*whole)
    for a, b in zip(flatten(got), flatten(wanted), strict=True):
        rounded = np.asarray(a).dtype.kind in "iu" and np.asarray(b).dtype.kind == "f"
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-6, atol=0.5 + 1e-5 if rounded else 1e-6)


@pytest.mark.parametrize("kind", [layers.Attention, layers.AdditiveAttention])
def test_the_mask_of_attention_is_the_query_s(kind):
    query, value = Tensor(np.array([[True, False]])), Tensor(np.array([[True, True, False]]))
    layer = kind()
    assert layer.compute_mask([X, X], [query, value]) is query
    assert layer.compute_mask([X, X], [None, value]) is None
    assert layer.compute_mask([X, X]) is None
    result = layer([attach(Tensor(X[:1, :2]), query), attach(Tensor(X[:1]), value)])
    np.testing.assert_array_equal(result.mask, query)


def test_borders_of_same_padding_are_as_wide_on_both_sides():
    """A mirrored border of 2 takes 3 elements, as does the shape that is computed before."""
    for kernel, n in ((5, 3), (4, 3), (3, 2)):
        layer = layers.Conv1D(1, kernel, padding="same", padding_mode="reflect")
        assert layer.compute_output_shape((2, n, 1)) == layer(np.ones((2, n, 1), np.float32)).shape == (2, n, 1)
        with pytest.raises(ValueError, match=f"which takes {n} or more"):
            layer.compute_output_shape((2, n - 1, 1))


def test_the_input_of_a_layer_is_one_or_a_list():
    a, b = layers.Input((3,)), layers.Input((3,))
    dense, add = layers.Dense(2), layers.Add()
    y = add([dense(a), b[:, :2]])
    assert dense.input is a
    assert [x.shape for x in add.input] == [(None, 2), (None, 2)]
    assert add.output is y
