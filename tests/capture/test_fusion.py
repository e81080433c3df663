"""Activation layers that the layer before applies: the same bits, and only where nothing can tell the difference."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers, ops


class OwnReLU(layers.Layer):
    """No kernel can apply it."""

    def call(self, x):
        return ops.relu(x)


ACTIVATIONS = {"layer": layers.ReLU, "by name": lambda: layers.Activation("relu"), "own": OwnReLU}


def residual(activation):
    inputs = lamina.Input((8, 8, 3))
    x = activation()(layers.Conv2D(8, 3, padding="same")(inputs))
    y = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(x))
    z = activation()(layers.Add()([x, y]))
    z = activation()(layers.BatchNormalization()(z))
    return lamina.Model(inputs, activation()(layers.Dense(3)(layers.Flatten()(z))))


def stack(activation):
    return lamina.Sequential(
        [
            lamina.Input((8, 8, 3)),
            layers.Conv2D(5, 3),
            activation(),
            layers.BatchNormalization(),
            activation(),
            layers.Flatten(),
            layers.Dense(4),
            activation(),
        ]
    )


def steps(model, x):
    run = lamina.capture(model.__call__)
    run(x)
    return run.plans[-1].steps


@pytest.fixture
def x():
    return np.random.default_rng(1).standard_normal((4, 8, 8, 3)).astype(np.float32)


@pytest.mark.parametrize("draw", [residual, stack])
def test_same_bits_in_fewer_steps(draw, x):
    results = {}
    for name, activation in ACTIVATIONS.items():
        lamina.random.seed(0)
        model = draw(activation)
        y = model(x, training=True)
        ops.sum(ops.square(y)).backward()
        gradients = [np.array(v.grad) for v in model.trainable_weights]
        with lamina.no_grad():
            folded = model(x).numpy()
        np.testing.assert_allclose(folded, model(x).numpy(), rtol=1e-4, atol=1e-5)
        results[name] = [y.numpy(), model(x).numpy(), folded, model.predict(x, verbose=0), *gradients]
        assert ("activation_forward" in steps(model, x)) == (name == "own")
    for name in ("layer", "by name"):
        for a, b in zip(results[name], results["own"], strict=True):
            np.testing.assert_array_equal(a, b)


def test_what_goes_elsewhere_too_stays_itself(x):
    inputs = lamina.Input((8, 8, 3))
    y = layers.BatchNormalization()(inputs)
    z = layers.ReLU()(y)
    used_twice = lamina.Model(inputs, layers.Add()([y, z]))
    np.testing.assert_allclose(used_twice(x).numpy(), x + np.maximum(x, 0), rtol=2e-3)
    both = lamina.Model(inputs, [y, z])
    first, second = both(x)
    np.testing.assert_array_equal(np.maximum(first.numpy(), 0), second.numpy())
    assert first.numpy().min() < 0


def test_changes_after_drawing_take_effect(x):
    relu = layers.ReLU()
    dense = layers.Dense(3)
    model = lamina.Sequential([lamina.Input((8, 8, 3)), layers.BatchNormalization(), relu, layers.Flatten(), dense])
    model.add(layers.Activation("tanh"))
    assert steps(model, x).count("activation_forward") == 0
    before = np.arctanh(model(x).numpy())
    dense.activation = lamina.activations.get("gelu")
    np.testing.assert_allclose(model(x).numpy(), np.tanh(ops.gelu(before).numpy()), rtol=1e-2, atol=1e-3)
    dense.activation = lamina.activations.get(None)
    relu.max_value = 0.1
    inner = lamina.Sequential(model.layers[:2])
    assert inner(x).numpy().max() == np.float32(0.1)
    model.pop()
    assert len(model.layers) == 4
    assert np.abs(model(x).numpy()).max() > 0


def test_regularized_activity_is_that_of_the_layer(x):
    dense = layers.Dense(3, activity_regularizer="l2")
    model = lamina.Sequential([lamina.Input((8, 8, 3)), layers.Flatten(), dense, layers.ReLU()])
    model(x)
    expected = 0.01 * np.square(dense(x.reshape(4, -1)).numpy()).sum() / 4
    model(x)
    np.testing.assert_allclose(float(model.losses[0]), expected, rtol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("make", [lambda **k: layers.Conv2D(6, 3, **k), lambda **k: layers.DepthwiseConv2D(3, **k)])
def test_inference_folds_normalization_into_the_convolution(make, bias, x):
    rng = np.random.default_rng(2)
    x = np.concatenate([x, x[..., :1]], -1)
    model = lamina.Sequential(
        [lamina.Input((8, 8, 4)), make(use_bias=bias), layers.BatchNormalization(), layers.Activation("tanh")]
    )
    model.set_weights([rng.uniform(0.5, 2, w.shape).astype(np.float32) for w in model.weights])
    want = model(x).numpy()  # with gradients: three layers
    run = lamina.capture(model.__call__)
    with lamina.no_grad():
        got, captured = model(x).numpy(), run(x).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(got, captured)
    assert run.plans[-1].steps.count("batch_norm_fold") == 1
    assert "batch_norm_forward" not in run.plans[-1].steps
    model.layers[1].moving_mean.assign(model.layers[1].moving_mean.numpy() + 1)
    with lamina.no_grad():
        assert np.abs(run(x).numpy() - got).max() > 1e-3  # read anew
    before = model.layers[1].moving_mean.numpy().copy()
    with lamina.no_grad():
        model(x, training=True)
    assert np.abs(model.layers[1].moving_mean.numpy() - before).max() > 1e-3


def test_normalization_of_few_pixels_is_not_folded():
    model = lamina.Sequential([lamina.Input((2, 2, 64)), layers.Conv2D(64, 2), layers.BatchNormalization()])
    with lamina.no_grad():
        assert "batch_norm_fold" not in steps(model, np.ones((1, 2, 2, 64), np.float32))


POOLED = {
    "own": lambda relu: [layers.Conv2D(6, 3, activation=relu)],
    "layer": lambda relu: [layers.Conv2D(6, 3), layers.Activation(relu)],
    "depthwise": lambda relu: [layers.DepthwiseConv2D(3, depth_multiplier=2, activation=relu)],
    "separable": lambda relu: [layers.SeparableConv2D(6, 3, activation=relu)],
    "transposed": lambda relu: [layers.Conv2DTranspose(6, 3, strides=2, activation=relu)],
    "first": lambda relu: [layers.Conv2D(6, 3, activation=relu, data_format="channels_first")],
    "normalized": lambda relu: [layers.Conv2D(6, 3), layers.BatchNormalization(), layers.Activation(relu)],
    "normalization": lambda relu: [layers.BatchNormalization(), layers.Activation(relu)],
    "dense": lambda relu: [layers.Dense(6, activation=relu)],
}
WINDOWS = {
    "tiles": {"pool_size": 2},
    "overlapping": {"pool_size": 3, "strides": 1, "padding": "same"},
    "gaps": {"pool_size": 2, "strides": 3, "ceil_mode": True},
}


def special(x):
    """Ties, zeros of both signs, infinities and a NaN."""
    x = np.round(x)
    x[0, 0, :2, 0], x[1, 2, 3], x[2, 1, 1, 1], x[3, 4, 4, 0] = -0.0, np.inf, -np.inf, np.nan
    return x


@pytest.mark.parametrize("values", [lambda x: x, special])
@pytest.mark.parametrize("windows", WINDOWS)
@pytest.mark.parametrize("before", POOLED)
def test_gradient_goes_through_relu_behind_pooling(before, windows, values, x):
    x = values(np.ascontiguousarray(np.resize(x, (4, 9, 9, 8))))
    results, operations = {}, {}
    for name, relu in {"fused": "relu", "apart": OwnReLU()}.items():
        lamina.random.seed(0)
        pooling = layers.MaxPooling2D(**WINDOWS[windows], data_format="channels_first" if before == "first" else None)
        model = lamina.Sequential([lamina.Input(x.shape[1:]), *POOLED[before](relu), pooling])
        for v in model.trainable_weights:
            v.assign(np.round(4 * v.numpy()) + (values is not special) * 0.1)

        def step(inputs, model=model):
            y = model(inputs, training=True)
            ops.sum(ops.multiply(y, ops.sin(y))).backward()
            return y

        captured = lamina.capture(step)
        for run in (step, captured, captured):
            inputs = lamina.Tensor(x, requires_grad=True)
            for v in model.weights:
                v.zero_grad()
            y = run(inputs)
            got = [y.numpy(), model.predict(x, verbose=0), inputs.grad.numpy()]
            got += [v.grad.numpy().copy() for v in model.trainable_weights]
            results.setdefault(name, got)
        operations[name] = captured.plans[-1].steps
    for a, b in zip(results["fused"], results["apart"], strict=True):
        assert a.tobytes() == b.tobytes()
    assert operations["fused"].count("relu_gradient") == 1


@pytest.mark.parametrize("types", [("float32", "float64"), ("float64", "float32"), ("float64", "float64")])
@pytest.mark.parametrize("first", [layers.Dense, layers.Conv2D, layers.BatchNormalization, layers.Add])
def test_an_activation_of_another_type_converts(first, types, x):
    """Fused layers give the type that they give apart; so do sums of integers."""
    options = {layers.Dense: {"units": 3}, layers.Conv2D: {"filters": 3, "kernel_size": 2}}.get(first, {})
    layer, relu = first(**options, dtype=types[0]), layers.ReLU(dtype=types[1])
    number = 2 if first is layers.Add else 1
    for values in (x, np.round(3 * x).astype(np.int64)):
        drawn = [lamina.Input(x.shape[1:], dtype=values.dtype.name) for _ in range(number)]
        model = lamina.Model(drawn, relu(layer(drawn if number > 1 else drawn[0])))
        inputs = [values] * number if number > 1 else values
        got, wanted = model(inputs), relu(layer(inputs))
        assert got.dtype.name == wanted.dtype.name == types[1]
        assert got.numpy().tobytes() == wanted.numpy().tobytes()


def test_sum_of_two_pooled(x):
    results = []
    for relu in (layers.ReLU(), OwnReLU()):
        inputs = lamina.Tensor(x, requires_grad=True)
        drawn = lamina.Input(x.shape[1:])
        model = lamina.Model(drawn, layers.MaxPooling2D()(relu(layers.Add()([drawn, layers.Cropping2D(0)(drawn)]))))
        y = model(inputs)
        ops.sum(ops.square(y)).backward()
        results.append((y.numpy().tobytes(), inputs.grad.numpy().tobytes()))
    assert results[0] == results[1]


def test_a_result_that_others_see_keeps_its_gradient(x):
    inputs = lamina.Input(x.shape[1:])
    y = layers.Conv2D(4, 3, activation="relu")(inputs)
    z = layers.MaxPooling2D()(y)
    gradients = []
    for model in (lamina.Model(inputs, [y, z]), lamina.Model(inputs, z)):
        kernel = model.trainable_weights[0]
        kernel.zero_grad()
        outputs = model(x)
        ops.sum(outputs[-1] if isinstance(outputs, list) else outputs).backward()
        gradients.append(kernel.grad.numpy().copy())
    np.testing.assert_array_equal(*gradients)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_call_that_was_replaced_is_called(place, x):
    model = lamina.Sequential(
        [lamina.Input(x.shape[1:]), layers.Conv2D(4, 3), layers.ReLU(), layers.MaxPooling2D(), layers.Flatten()]
    )
    want = model(x).numpy()
    layer, seen = model.layers[place], []

    def watched(inputs, call=layer.call):
        y = call(inputs)
        seen.append(y.shape)
        return y

    layer.call = watched
    np.testing.assert_array_equal(model(x).numpy(), want)
    with lamina.no_grad():
        np.testing.assert_array_equal(model(x).numpy(), want)
    assert len(seen) == 2
    del layer.call
    np.testing.assert_array_equal(model(x).numpy(), want)
    assert len(seen) == 2


class Counting(layers.Dense):
    calls = 0

    def __call__(self, *args, **kwargs):
        Counting.calls += 1
        return super().__call__(*args, **kwargs)


class Doubled(layers.Dense):
    def call(self, inputs):
        return super().call(inputs) * 2


def test_own_layers_are_called_as_they_are():
    x = np.ones((2, 3), np.float32)
    counting, doubled = Counting(4), Doubled(4)
    model = lamina.Sequential([counting, layers.ReLU(), doubled, layers.ReLU()])
    y = model(x)
    assert Counting.calls == 1
    np.testing.assert_array_equal(y.numpy(), np.maximum(doubled(np.maximum(counting(x).numpy(), 0)).numpy(), 0))


def test_masks_and_other_types_go_the_same_way():
    x = np.random.default_rng(0).standard_normal((2, 6, 3)).astype(np.float32)
    x[0, 2:] = 0
    results = []
    for relu in (layers.ReLU(), OwnReLU()):
        relu.supports_masking = True
        lamina.random.seed(0)
        model = lamina.Sequential(
            [layers.Masking(), layers.BatchNormalization(), relu, layers.Dense(4), layers.LSTM(3)]
        )
        model(x, training=True)
        y = model(x, training=True)
        ops.sum(ops.square(y)).backward()
        kinds = [model(x.astype(kind)).numpy() for kind in (np.float64, np.int32)]
        results.append([y.numpy(), *kinds, *(v.grad.numpy() for v in model.trainable_weights)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_error_names_the_layer_and_leaves_nothing_behind():
    dense = layers.Dense(3, name="broken")
    model = lamina.Sequential([dense, layers.ReLU()])
    model(np.ones((2, 4), np.float32))
    with pytest.raises(ValueError, match=r"'broken'.*5"):
        model(np.ones((2, 5), np.float32))
    y = layers.Dense(3, kernel_initializer="ones")(-np.ones((1, 2), np.float32))
    assert y.numpy().tolist() == [[-2.0] * 3]


FOLDING = {
    "as it is": ({}, {}, True),
    "the last axis by its number": ({}, {"axis": 3}, True),
    "another axis": ({}, {"axis": 1}, False),
    "an axis before the last": ({}, {"axis": 2}, False),
    "an activation between": ({"activation": "relu"}, {}, False),
    "channels first": ({"data_format": "channels_first"}, {"axis": 1}, False),
    "another type": ({}, {"dtype": "float64"}, False),
    "few pixels": ({"kernel_size": 7}, {}, False),
}


@pytest.mark.parametrize("name", FOLDING)
def test_when_normalization_goes_into_the_convolution_before_it(name, x):
    """In inference without gradients, where both speak of the same channels and the images are worth it."""
    options, normal, folds = FOLDING[name]
    convolution = layers.Conv2D(8, **{"kernel_size": 3, **options})
    model = lamina.Sequential([convolution, layers.BatchNormalization(**normal), layers.ReLU()])
    x = np.moveaxis(x, -1, 1).copy() if "data_format" in options else x
    x = x[:1] if name == "few pixels" else x
    model(x)
    model.layers[1].moving_mean.assign(np.random.default_rng(0).standard_normal(model.layers[1].moving_mean.shape))
    wanted = np.maximum(model.layers[1](convolution(x)).numpy(), 0)

    def folded(**kwargs):
        run = lamina.capture(lambda x: model(x, **kwargs))
        for _ in range(2):
            y = run(x)
        return y.numpy(), "batch_norm_fold" in run.plans[-1].steps

    with lamina.no_grad():
        y, found = folded()
        assert found == folds
        np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-5)
        assert not folded(training=True)[1]
    assert not folded()[1]
    for wrong in (x[0], x[None], np.float32(1)):
        with lamina.no_grad(), pytest.raises(ValueError, match="expected a batch of images"):
            model(wrong)


@pytest.mark.parametrize("pixels", [1, 2, 3, 4])
def test_folding_is_worth_it_from_twice_the_kernel_on(pixels):
    """Scaling the kernel costs its size, scaling the result its own."""
    model = lamina.Sequential([layers.Conv2D(5, 1, use_bias=False), layers.BatchNormalization()])
    x = np.ones((1, 1, pixels, 1), np.float32)
    model(x)
    with lamina.no_grad():
        run = lamina.capture(model.__call__)
        run(x)
    assert ("batch_norm_fold" in run.plans[-1].steps) == (pixels * 5 > 2 * 5)
