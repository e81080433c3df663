"""Borders, products, penalties, noise, PReLU: values, gradients; one model of many layers saved, loaded, captured."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import lamina
from lamina import layers, ops
from lamina.testing import check_gradients


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize(
    ("layer", "widths"),
    [
        (layers.ZeroPadding1D(2), ((0, 0), (2, 2), (0, 0))),
        (layers.ZeroPadding1D((1, 0), "channels_first"), ((0, 0), (0, 0), (1, 0))),
        (layers.ZeroPadding2D(1), ((0, 0), (1, 1), (1, 1), (0, 0))),
        (layers.ZeroPadding2D((1, 2)), ((0, 0), (1, 1), (2, 2), (0, 0))),
        (layers.ZeroPadding2D(((1, 0), (2, 3)), "channels_first"), ((0, 0), (0, 0), (1, 0), (2, 3))),
    ],
)
def test_zero_padding_and_its_cropping(layer, widths):
    x = normal(0, *(2, 3, 4, 5)[: len(widths)])
    np.testing.assert_array_equal(layer(x).numpy(), np.pad(x, widths).astype(np.float32))
    check_gradients(type(layer)(layer.padding, layer.data_format, dtype="float64"), x)
    if len(widths) == 4:
        crop = layers.Cropping2D(layer.padding, layer.data_format)
    elif layer.data_format == "channels_last":
        crop = layers.Cropping1D(layer.padding)
    else:
        return
    np.testing.assert_array_equal(crop(layer(x)).numpy(), x.astype(np.float32))
    crop = type(crop).from_config({**crop.get_config(), "dtype": "float64"})
    check_gradients(crop, np.pad(x, widths))


def test_borders_keep_integers():
    x = np.arange(6).reshape(1, 3, 2)
    padded = layers.ZeroPadding1D()(x)
    np.testing.assert_array_equal(padded.numpy(), np.pad(x, ((0, 0), (1, 1), (0, 0))))
    assert padded.dtype == x.dtype
    assert layers.Cropping1D()(x).numpy().tolist() == [[[2, 3]]]
    assert layers.ZeroPadding1D()(layers.Input((None, 2), dtype="int64")).shape == (None, None, 2)
    assert layers.ZeroPadding1D()(layers.Input((3, 2), dtype="int64")).dtype == "int64"


def test_repeat_vector():
    x = normal(0, 2, 3)
    layer = layers.RepeatVector(4, dtype="float64")
    np.testing.assert_array_equal(layer(x).numpy(), np.repeat(x[:, None], 4, 1))
    check_gradients(layer, x)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(
    ("axes", "first", "second", "subscripts"),
    [
        (1, (2, 3), (2, 3), "na,na->n"),
        (-1, (2, 4, 3), (2, 5, 3), "nab,ncb->nac"),
        ((2, 1), (2, 4, 3), (2, 3, 5), "nab,nbc->nac"),
        ([1, -1], (2, 3, 4), (2, 3), "nab,na->nb"),
        ((1, 2), (2, 3), (2, 4, 3, 5), "na,nbac->nbc"),
        ((3, 1), (2, 4, 5, 3), (2, 3, 6), "nabc,ncd->nabd"),
    ],
)
def test_dot(axes, first, second, subscripts, normalize):
    x, y = normal(0, *first), normal(1, *second)
    layer = layers.Dot(axes, normalize, dtype="float64")
    a, b = (axes, axes) if isinstance(axes, int) else axes
    left = x / np.linalg.norm(x, axis=a, keepdims=True) if normalize else x
    right = y / np.linalg.norm(y, axis=b, keepdims=True) if normalize else y
    want = np.einsum(subscripts, left, right)
    want = want[:, None] if want.ndim == 1 else want
    np.testing.assert_allclose(layer([x, y]).numpy(), want, rtol=1e-12)
    np.testing.assert_array_equal(layers.dot([x, y], axes, normalize=normalize, dtype="float64"), layer([x, y]))
    assert layer.compute_output_shape([first, second]) == want.shape
    drawn = layer([layers.Input(first[1:], dtype="float64"), layers.Input(second[1:], dtype="float64")])
    assert drawn.shape == (None, *want.shape[1:])
    check_gradients(lambda x, y: layer([x, y]), x, y)
    again = layers.Dot.from_config(layer.get_config())
    np.testing.assert_array_equal(again([x, y]).numpy(), layer([x, y]).numpy())


def test_activity_regularization():
    layer = layers.ActivityRegularization(l1=0.1, l2=0.01)
    x = normal(0, 4, 3)
    np.testing.assert_array_equal(layer(x).numpy(), x.astype(np.float32))
    want = (0.1 * np.abs(x).sum() + 0.01 * np.square(x).sum()) / 4
    np.testing.assert_allclose(float(layer.losses[0]), want, rtol=1e-6)
    assert layer.get_config().keys() == {"name", "trainable", "dtype", "l1", "l2"}
    again = layers.ActivityRegularization.from_config(layer.get_config())
    again(x)
    np.testing.assert_allclose(float(again.losses[0]), want, rtol=1e-6)


@pytest.mark.parametrize("shared", [None, 1, [1], (1, 2), [-1]])
def test_prelu(shared):
    layer = layers.PReLU("normal", shared_axes=shared, dtype="float64")
    x = normal(0, 2, 3, 4, 5)
    y = layer(x).numpy()
    alpha = layer.get_weights()[0]
    axes = [] if shared is None else [shared] if isinstance(shared, int) else shared
    assert alpha.shape == tuple(1 if i in axes or i - 4 in axes else n for i, n in enumerate(x.shape) if i)
    np.testing.assert_allclose(y, np.where(x > 0, x, alpha * x), rtol=1e-15)

    def function(x, alpha):
        layer.alpha = ops.convert_to_tensor(alpha)
        return layer(x)

    check_gradients(function, x, alpha)


def test_prelu_is_torchs_and_takes_images_of_any_size():
    torch = pytest.importorskip("torch")
    layer = layers.PReLU(alpha_initializer=lamina.initializers.Constant(0.25), shared_axes=(1, 2))
    for size in (4, 7):
        x = normal(0, 2, size, size, 3).astype(np.float32)
        want = torch.nn.PReLU(3)(torch.from_numpy(x.transpose(0, 3, 1, 2))).detach().numpy()
        np.testing.assert_array_equal(layer(x).numpy(), want.transpose(0, 2, 3, 1))


def test_infinities_do_not_reach_the_gradient_of_prelu():
    layer = layers.PReLU()
    layer(np.array([[np.inf], [0.0], [-2.0]], np.float32)).backward(np.ones((3, 1), np.float32))
    np.testing.assert_array_equal(layer.alpha.grad.numpy(), [-2])


@pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
def test_unit_normalization(axis):
    layer = layers.UnitNormalization(axis, dtype="float64")
    x = normal(0, 2, 3, 4)
    np.testing.assert_allclose(layer(x).numpy(), x / np.sqrt(np.square(x).sum(axis, keepdims=True)), rtol=1e-12)
    check_gradients(layer, x)
    np.testing.assert_array_equal(layer(np.zeros((1, 2, 3))).numpy(), 0)


def test_spatial_dropout_drops_whole_channels():
    x = np.ones((40, 6, 5, 30), np.float32)
    for layer, images, over in (
        (layers.SpatialDropout2D(0.25, seed=1), x, (1, 2)),
        (layers.SpatialDropout2D(0.25, "channels_first", seed=1), np.moveaxis(x, -1, 1), (2, 3)),
        (layers.SpatialDropout1D(0.25, seed=1), x[:, :, 0], (1,)),
    ):
        np.testing.assert_array_equal(layer(images).numpy(), images)
        y = layer(images, training=True).numpy()
        np.testing.assert_array_equal(y.min(over), y.max(over))
        assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)}
        assert (y == 0).mean() == pytest.approx(0.25, abs=0.05)


def test_noise():
    x = normal(0, 300, 100)
    noise, dropout = layers.GaussianNoise(0.5, seed=3), layers.GaussianDropout(0.2, seed=3)
    for layer, deviation in ((noise, 0.5), (dropout, 0.5)):
        np.testing.assert_array_equal(layer(x).numpy(), x.astype(np.float32))
        a, b = (layer(x, training=True).numpy() for _ in range(2))
        assert (a != b).any()
        z = a - x if layer is noise else a / x - 1
        assert abs(z.mean()) < 0.02
        assert z.std() == pytest.approx(deviation, rel=0.02)
        again = type(layer).from_config(layer.get_config())
        np.testing.assert_array_equal(again(x, training=True).numpy(), a)  # the same seed
    t = lamina.Tensor(x.astype(np.float32), requires_grad=True)
    y = layers.GaussianDropout(0.2)(t, training=True)
    y.backward(np.ones_like(y.numpy()))
    np.testing.assert_allclose(t.grad.numpy() * t.numpy(), y.numpy(), rtol=1e-6)


def test_masks_pass_where_time_stays():
    mask = np.array([[True, True, False]])
    x = layers.masking.attach(lamina.Tensor(np.ones((1, 3, 2), np.float32)), lamina.Tensor(mask))
    keep = [
        layers.PReLU(), layers.UnitNormalization(), layers.GaussianNoise(0.1), layers.GaussianDropout(0.1),
        layers.SpatialDropout1D(0.1), layers.ActivityRegularization(0.1),
    ]  # fmt: skip
    for layer in keep:
        for training in (False, True):
            np.testing.assert_array_equal(layer(x, training=training).mask.numpy(), mask)
    assert not hasattr(layers.Dot(2)([x, x]), "mask")
    with pytest.warns(UserWarning, match="does not support masks"):
        layers.ZeroPadding1D()(x)


def many_layers():
    image, series = lamina.Input((8, 8, 3), name="image"), lamina.Input((10, 4), name="series")
    y = layers.Cropping2D(((0, 1), (1, 0)))(layers.ZeroPadding2D(1)(image))
    y = layers.SpatialDropout2D(0.2)(layers.PReLU("normal", shared_axes=(1, 2))(layers.Conv2D(6, 3)(y)))
    y = layers.GlobalMaxPooling2D()(layers.GaussianNoise(0.1)(y))
    z = layers.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="relu")(layers.ZeroPadding1D((2, 0))(series))
    z = layers.AveragePooling1D(2)(layers.Conv1D(6, 2, groups=2)(layers.Cropping1D((1, 0))(z)))
    z = layers.SpatialDropout1D(0.2)(layers.MaxPooling1D(2, 1, "same")(z))
    attended = layers.Dot((2, 2), normalize=True)([layers.RepeatVector(3)(y), z])
    ends = [layers.GlobalAveragePooling1D()(z), layers.GlobalMaxPooling1D()(attended), layers.UnitNormalization()(y)]
    joined = layers.GaussianDropout(0.1)(layers.Concatenate()(ends))
    return lamina.Model([image, series], layers.Dense(3)(layers.ActivityRegularization(l1=0.01, l2=0.02)(joined)))


DATA = [normal(5, 6, 8, 8, 3).astype(np.float32), normal(6, 6, 10, 4).astype(np.float32)]


def test_a_model_of_many_layers_is_saved_and_loaded(tmp_path):
    model = many_layers()
    model.save(tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina")
    np.testing.assert_array_equal(again(DATA).numpy(), model(DATA).numpy())
    assert again.get_config() == model.get_config()
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


def test_captured_steps_of_many_layers_have_the_bits_of_eager_ones():
    results = []
    for captured in (False, True):
        lamina.random.seed(4)
        model = many_layers()
        optimizer = lamina.optimizers.Adam(0.01)
        optimizer.build(model.trainable_weights)

        def step(image, series, model=model, optimizer=optimizer):
            loss = ops.mean(ops.square(model([image, series], training=True))) + sum(model.losses)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            return loss

        run = lamina.capture(step, strict=True) if captured else step
        losses = [run(*map(lamina.Tensor, DATA)).numpy().tobytes() for _ in range(5)]
        assert len(set(losses)) == 5
        results.append((losses, [w.numpy().tobytes() for w in model.weights]))
        if captured:
            assert len(run.plans) == 1
    assert results[0] == results[1]


def test_fit_and_predict():
    model = many_layers()
    model.compile("adam", "mse")
    target = normal(7, 6, 3).astype(np.float32)
    history = model.fit(DATA, target, batch_size=3, epochs=30, verbose=0).history["loss"]
    assert history[-1] < history[0]
    np.testing.assert_allclose(model.predict(DATA, verbose=0), model(DATA).numpy(), rtol=1e-5, atol=1e-6)


# Names and defaults of Keras 3's constructors.
SIGNATURES = {
    "Conv1D": {
        "strides": 1, "padding": "valid", "data_format": None, "dilation_rate": 1, "groups": 1, "activation": None,
        "use_bias": True, "kernel_initializer": "glorot_uniform", "bias_initializer": "zeros",
    },
    "MaxPooling1D": {"pool_size": 2, "strides": None, "padding": "valid", "data_format": None, "name": None},
    "AveragePooling1D": {"strides": None, "padding": "valid", "data_format": None, "name": None},
    "GlobalAveragePooling1D": {"data_format": None, "keepdims": False},
    "GlobalMaxPooling1D": {"data_format": None, "keepdims": False},
    "GlobalMaxPooling2D": {"data_format": None, "keepdims": False},
    "ZeroPadding1D": {"padding": 1, "data_format": None},
    "ZeroPadding2D": {"padding": (1, 1), "data_format": None},
    "Cropping1D": {"cropping": (1, 1)},
    "Cropping2D": {"cropping": ((0, 0), (0, 0)), "data_format": None},
    "Dot": {"normalize": False},
    "ActivityRegularization": {"l1": 0.0, "l2": 0.0},
    "PReLU": {
        "alpha_initializer": "Zeros", "alpha_regularizer": None, "alpha_constraint": None, "shared_axes": None
    },
    "SpatialDropout1D": {"seed": None, "name": None, "dtype": None},
    "SpatialDropout2D": {"data_format": None, "seed": None, "name": None, "dtype": None},
    "GaussianNoise": {"seed": None},
    "GaussianDropout": {"seed": None},
    "UnitNormalization": {"axis": -1},
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNATURES)
def test_defaults(name):
    parameters = inspect.signature(getattr(layers, name)).parameters
    defaults = {k: p.default for k, p in parameters.items() if p.default is not p.empty}
    assert list(SIGNATURES[name].items()) == list(defaults.items())[: len(SIGNATURES[name])]
