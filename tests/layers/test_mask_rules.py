"""Which masks layers pass on: as Keras 3.15 does, eagerly and while a model is being drawn."""

import numpy as np
import pytest

import lamina
from lamina import Input, Model, Tensor, layers, ops
from lamina.core.masked_tensor import attach

TOKENS = np.array([[1, 2, 0, 0], [3, 0, 1, 0]])
MASK = TOKENS != 0
X = np.random.default_rng(0).standard_normal((2, 4, 3)).astype("f")


def masked(x, mask):
    return attach(Tensor(x), Tensor(np.asarray(mask)))


def mask_of(y):
    mask = getattr(y, "mask", None)
    return None if mask is None else mask.numpy()


MERGING = [layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum]


@pytest.mark.parametrize("merge", MERGING)
def test_merging_layers_keep_what_counts_anywhere(merge):
    other = np.roll(MASK, 1, 0)
    np.testing.assert_array_equal(mask_of(merge()([masked(X, MASK), masked(X, other)])), MASK | other)
    assert mask_of(merge()([masked(X, MASK), X])) is None


def test_concatenate():
    """Of features a step counts that does in any input; one without a mask counts everywhere."""
    other = np.roll(MASK, 1, 0)
    a, b = masked(X, MASK), masked(X, other)
    for axis, wanted in ((-1, MASK | other), (1, np.concatenate([MASK, other], 1)), (0, np.concatenate([MASK, other]))):
        np.testing.assert_array_equal(mask_of(layers.Concatenate(axis)([a, b])), wanted)
    ones = np.ones_like(MASK)
    for axis, wanted in ((2, ones), (1, np.concatenate([MASK, ones], 1)), (0, np.concatenate([MASK, ones]))):
        np.testing.assert_array_equal(mask_of(layers.Concatenate(axis)([a, X])), wanted)
    assert mask_of(layers.Concatenate()([X, X])) is None
    deep = X[..., None]
    y = layers.Concatenate(2)([masked(deep, MASK), masked(deep, other)])
    np.testing.assert_array_equal(mask_of(y), MASK | other)
    assert mask_of(layers.Dot(2)([a, b])) is None


class Needs(layers.Layer):
    """Refuses to go without a mask."""

    def call(self, inputs, mask=None):
        if mask is None:
            raise ValueError("no mask")
        return inputs * ops.expand_dims(ops.cast(mask, inputs.dtype), -1)


class FirstIsNotOne(layers.Layer):
    def compute_mask(self, inputs, mask=None):
        return ops.not_equal(inputs[..., 0], 1)

    def call(self, inputs):
        return inputs * 2.0


KEEPING = {
    "dense": lambda: layers.Dense(3),
    "lstm": lambda: layers.LSTM(3, return_sequences=True),
    "bidirectional": lambda: layers.Bidirectional(layers.GRU(3, return_sequences=True)),
    "time distributed": lambda: layers.TimeDistributed(layers.Dense(3)),
    "batch normalization": layers.BatchNormalization,
    "dropout": lambda: layers.Dropout(0.5),
    "add": lambda: lambda e: layers.Add()([e, e]),
    "concatenate": lambda: lambda e: layers.Concatenate()([e, e]),
    "attention": lambda: lambda e: layers.MultiHeadAttention(2, 3)(e, e),
    "itself": lambda: lambda e: e,
    "lambda": lambda: layers.Lambda(lambda x: x, mask=lambda x, m: m),
    "masking": layers.Masking,
    "sequential": lambda: lamina.Sequential([layers.Dense(3)]),
    "own": FirstIsNotOne,
}


@pytest.mark.parametrize("name", KEEPING)
def test_a_layer_gets_its_mask_while_a_model_is_drawn(name):
    tokens = Input((4,), dtype="int32")
    before = KEEPING[name]()(layers.Embedding(5, 4, mask_zero=True)(tokens))
    assert before.mask.shape == before.shape[:2]
    net = Model(tokens, [before, Needs()(before)])
    y, z = net(TOKENS)
    np.testing.assert_array_equal(z.numpy(), y.numpy() * mask_of(y)[..., None])
    if name == "lambda":  # functions have no config
        return
    other = Model.from_config(net.get_config(), custom_objects={"Needs": Needs, "FirstIsNotOne": FirstIsNotOne})
    other.set_weights(net.get_weights())
    np.testing.assert_array_equal(other(TOKENS)[1].numpy(), z.numpy())


@pytest.mark.parametrize(
    "losing",
    [lambda: layers.Conv1D(3, 1), lambda: layers.Permute((2, 1)), lambda: lambda e: e * 2.0, Needs],
)
def test_and_none_where_the_mask_ends(losing):
    e = losing()(layers.Embedding(5, 4, mask_zero=True)(Input((4,), dtype="int32")))
    assert e.mask is None
    with pytest.raises(ValueError, match=r"Needs '.*': no mask"):
        Needs()(e)


def test_models_inside_of_models():
    tokens, x = Input((4,), dtype="int32"), Input((4, 4))
    inner = Model(x, layers.Dense(2)(x))
    e = layers.Embedding(5, 4, mask_zero=True)(tokens)
    y = Needs()(inner(e))
    whole = Model(tokens, y)
    assert not whole(TOKENS).numpy()[~MASK].any()
    again = whole(Input((4,), dtype="int32"))
    assert again.shape == (None, 4, 2)


def test_a_layer_of_ones_own_makes_a_mask():
    x = np.arange(12.0).reshape(2, 3, 2).astype("f")
    x[0, 1, 0] = 1
    layer = FirstIsNotOne()
    for _ in range(2):
        np.testing.assert_array_equal(mask_of(layer(x)), x[..., 0] != 1)
    assert layer.supports_masking


class Passes(layers.Layer):
    """Of several inputs, as many results."""

    def __init__(self, results=1, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.results = results

    def call(self, inputs, mask=None):
        assert len(mask) == 2
        both = [inputs[0] * 1.0, inputs[1] * 1.0]
        return both[0] if self.results == 1 else both


def test_masks_of_several_inputs_go_to_as_many_results():
    other = np.roll(MASK, 1, 0)
    np.testing.assert_array_equal(mask_of(Passes()([masked(X, MASK), masked(X, other)])), MASK)
    for mask, wanted in ((MASK, MASK), (None, None)):
        first = X if mask is None else masked(X, mask)
        y, z = Passes(2)([first, masked(X, other)])
        np.testing.assert_array_equal(mask_of(z), other)
        assert mask_of(y) is None if wanted is None else (mask_of(y) == wanted).all()
    tokens = Input((4,), dtype="int32"), Input((4,), dtype="int32")
    embed = layers.Embedding(5, 4, mask_zero=True)
    y, z = Passes(2)([embed(t) for t in tokens])
    net = Model(tokens, [Needs()(y), Needs()(z), y])
    first, second, _ = net([TOKENS, TOKENS[::-1]])
    assert (first.numpy()[~MASK] == 0).all()
    assert (second.numpy()[~MASK[::-1]] == 0).all()


def test_a_mask_that_is_given_goes_on():
    for layer in (layers.BatchNormalization(), layers.LSTM(2, return_sequences=True)):
        np.testing.assert_array_equal(mask_of(layer(X, mask=MASK)), MASK)
    assert mask_of(layers.Softmax()(X, mask=np.ones((2, 4, 3), bool))) is None  # of elements, not of steps


def batch_norm(x, mask, gamma, beta, epsilon=1e-3):
    """By NumPy, over the steps that count; and what the moving statistics become."""
    kept = np.broadcast_to(mask.reshape(mask.shape + (1,) * (x.ndim - mask.ndim)), x.shape)
    axes = tuple(range(x.ndim - 1))
    n = kept.sum(axes) + 1e-7
    mean = np.where(kept, x, 0).sum(axes) / n
    variance = np.where(kept, x - mean, 0).__pow__(2).sum(axes) / n
    return (x - mean) / np.sqrt(variance + epsilon) * gamma + beta, mean * 0.01, 0.99 + variance * 0.01


@pytest.mark.parametrize("captured", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(2, 4, 3), (2, 4, 5, 3)])
def test_batch_normalization_over_the_steps_that_count(shape, dtype, captured):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(dtype) * 3 + 1
    layer = layers.BatchNormalization(dtype=dtype)
    layer.build(shape)
    layer.gamma.assign(rng.standard_normal(3))
    layer.beta.assign(rng.standard_normal(3))
    dy = rng.standard_normal(shape).astype(dtype)

    def step(x):
        y = layer(attach(x, Tensor(MASK)), training=True)
        ops.sum(y * dy).backward()
        return y

    run = lamina.capture(step, strict=True) if captured else step
    wanted, mean, variance = batch_norm(x, MASK, layer.gamma.numpy(), layer.beta.numpy())
    leaf = Tensor(x, requires_grad=True)
    tolerance = {"rtol": 1e-5, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-12}
    for _ in range(2):
        leaf.zero_grad()
        layer.moving_mean.assign(np.zeros(3))
        layer.moving_variance.assign(np.ones(3))
        np.testing.assert_allclose(run(leaf).numpy(), wanted, **tolerance)
        np.testing.assert_allclose(layer.moving_mean.numpy(), mean, **tolerance)
        np.testing.assert_allclose(layer.moving_variance.numpy(), variance, **tolerance)
    if dtype == "float64":
        direction, h = rng.standard_normal(shape), 1e-6

        def along(t):
            return (batch_norm(x + t * direction, MASK, layer.gamma.numpy(), layer.beta.numpy())[0] * dy).sum()

        slope = (along(h) - along(-h)) / (2 * h)
        assert (leaf.grad.numpy() * direction).sum() == pytest.approx(slope, rel=1e-6)


def test_batch_normalization_is_keras_s():
    """Statistics that Keras 3.15 gave for these numbers; on another axis the mask goes with the first ones too."""
    x = np.random.RandomState(0).randn(2, 4, 3).astype("f4")
    layer = layers.BatchNormalization()
    y = layer(x, training=True, mask=np.array([[1, 1, 0, 0], [1, 0, 0, 0]]))
    np.testing.assert_allclose(y.numpy()[0, 0], [0.2840, -0.5170, 1.0052], atol=1e-4)
    np.testing.assert_allclose(layer.moving_mean.numpy(), [0.01588661, 0.00796463, 0.00148441], rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), [0.9938038, 0.99586546, 0.99681306], rtol=1e-6)
    first = layers.BatchNormalization(axis=1)
    first(x, training=True, mask=MASK)
    kept = np.broadcast_to(MASK[..., None], x.shape)
    mean = np.where(kept, x, 0).sum((0, 2)) / (kept.sum((0, 2)) + 1e-7)
    np.testing.assert_allclose(first.moving_mean.numpy(), 0.01 * mean, rtol=1e-5)
    with pytest.raises(ValueError, match=r"mask is \(2, 3\), expected the first axes of x, \(2, 4, 3\)"):
        layer(x, training=True, mask=np.ones((2, 3)))


@pytest.mark.parametrize("eagerly", [False, True])
def test_batch_normalization_in_a_model(eagerly):
    net = lamina.Sequential(
        [
            layers.Embedding(5, 4, mask_zero=True),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Dense(1),
        ]
    )
    net(TOKENS)
    net.compile("sgd", "mse", run_eagerly=eagerly)
    e = net.layers[0](TOKENS).numpy()[MASK]
    net.train_on_batch(TOKENS, np.zeros((2, 4, 1)))
    np.testing.assert_allclose(net.layers[1].moving_mean.numpy(), 0.01 * e.mean(0), rtol=1e-4, atol=1e-7)


def test_batch_normalization_at_every_step():
    inner = layers.BatchNormalization()
    layers.TimeDistributed(inner)(masked(X, MASK), training=True)
    np.testing.assert_allclose(inner.moving_mean.numpy(), 0.01 * X[MASK].mean(0), rtol=1e-5)


def test_masks_of_symbolic_tensors_go_on():
    x = layers.Masking()(layers.Input((3, 4)))
    assert layers.Dense(2)(x).mask.shape == (None, 3)
    assert layers.Dense(2)(layers.Input((3, 4))).mask is None
    given = layers.Input((3,), dtype="bool")
    assert layers.LSTM(2, return_sequences=True)(layers.Input((3, 4)), mask=given).mask.shape == (None, 3)


def test_masks_answer_to_the_name_that_guides_read():
    embedding = layers.Embedding(4, 2, mask_zero=True)
    np.testing.assert_array_equal(embedding(TOKENS)._keras_mask.numpy(), MASK)
    drawn = embedding(Input((4,), dtype="int32"))
    assert drawn._keras_mask is drawn.mask
    assert drawn._keras_mask.shape == (None, 4)
