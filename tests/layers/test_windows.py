"""Layers and operations over windows of one to three axes: one table of layers, both layouts, options, bad input."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import lamina
from lamina import layers, ops
from lamina.testing import check_gradients

# Arguments, and an input's sizes between batch and channels.
CONVOLUTIONS = {
    "Conv1D": ({"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": 2, "padding": "causal"}, (9,)),
    "Conv2D": ({"filters": 4, "kernel_size": (3, 2), "strides": 2, "padding": 1, "groups": 2}, (5, 6)),
    "Conv2DTranspose": ({"filters": 6, "kernel_size": 3, "strides": (2, 3), "output_padding": 1, "groups": 2}, (4, 5)),
    "Conv3D": ({"filters": 4, "kernel_size": (2, 1, 3), "strides": (1, 2, 1), "padding": "same"}, (4, 3, 5)),
    "Conv1DTranspose": ({"filters": 6, "kernel_size": 3, "strides": 2, "padding": 1, "groups": 2}, (6,)),
    "Conv3DTranspose": ({"filters": 3, "kernel_size": 2, "strides": (1, 2, 3), "padding": "same"}, (3, 2, 3)),
    "DepthwiseConv1D": ({"kernel_size": 3, "dilation_rate": 2, "strides": 2, "padding": "causal"}, (9,)),
    "SeparableConv1D": ({"filters": 3, "kernel_size": 3, "padding": "causal", "depth_multiplier": 2}, (6,)),
    "SeparableConv2D": ({"filters": 3, "kernel_size": (3, 2), "strides": 2, "padding": ((1, 0), 2)}, (5, 4)),
    "DepthwiseConv2D": ({"kernel_size": 3, "depth_multiplier": 2, "padding": "same"}, (5, 4)),
}
POOLS = {
    "MaxPooling1D": ({"pool_size": 3, "strides": 2, "ceil_mode": True}, (8,)),
    "MaxPooling2D": ({"pool_size": (2, 3), "padding": ((1, 0), (1, 1))}, (5, 6)),
    "AveragePooling1D": ({"pool_size": 3, "padding": 1, "divisor": "padded"}, (8,)),
    "AveragePooling2D": ({"pool_size": 2, "padding": "same", "ceil_mode": True}, (5, 6)),
    "MaxPooling3D": ({"pool_size": 2, "strides": (1, 2, 1), "padding": (0, 1, (1, 0))}, (3, 4, 3)),
    "AveragePooling3D": ({"pool_size": (2, 3, 1), "strides": 2, "ceil_mode": True}, (4, 4, 3)),
    "GlobalMaxPooling3D": ({}, (2, 3, 4)),
    "GlobalAveragePooling3D": ({"keepdims": True}, (2, 3, 4)),
    "AdaptiveMaxPooling1D": ({"output_size": 3}, (8,)),
    "AdaptiveMaxPooling2D": ({"output_size": (2, 5)}, (5, 3)),
    "AdaptiveMaxPooling3D": ({"output_size": 2}, (2, 3, 4)),
    "AdaptiveAveragePooling1D": ({"output_size": 8}, (3,)),
    "AdaptiveAveragePooling2D": ({"output_size": 2}, (5, 6)),
    "AdaptiveAveragePooling3D": ({"output_size": (1, 2, 3)}, (3, 3, 4)),
    "GlobalAveragePooling1D": ({"keepdims": True}, (8,)),
    "GlobalAveragePooling2D": ({}, (3, 4)),
    "GlobalMaxPooling1D": ({}, (8,)),
    "GlobalMaxPooling2D": ({"keepdims": True}, (3, 4)),
}
ALL = CONVOLUTIONS | POOLS


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def make(name, **more):
    options, size = ALL[name]
    return getattr(layers, name)(**options, **more), normal(0, 2, *size, 4)


@pytest.mark.parametrize("name", ALL)
def test_shape_configuration_and_capture(name):
    layer, x = make(name)
    y = layer(x.astype(np.float32))
    assert layer.compute_output_shape(x.shape) == y.shape
    free = layer.compute_output_shape((None,) * (x.ndim - 1) + x.shape[-1:])
    assert len(free) == y.ndim
    assert free[-1] == y.shape[-1]
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    again(x.astype(np.float32))
    again.set_weights(layer.get_weights())
    run = lamina.capture(again.__call__)
    for _ in range(2):
        np.testing.assert_array_equal(run(x.astype(np.float32)).numpy(), y.numpy())
    assert layer(x[:0].astype(np.float32)).shape == (0, *y.shape[1:])


@pytest.mark.parametrize("name", ALL)
def test_both_layouts_agree(name):
    last, x = make(name)
    first, _ = make(name, data_format="channels_first")
    turned = np.moveaxis(x, -1, 1).astype(np.float32)
    y, z = last(x.astype(np.float32)).numpy(), first(turned)
    first.set_weights(last.get_weights())
    z = first(turned).numpy()
    assert first.compute_output_shape(turned.shape) == z.shape
    np.testing.assert_array_equal(np.moveaxis(z, 1, -1) if z.ndim > 2 else z, y)
    with pytest.raises(ValueError, match=r"expected a batch of (sequences|images|volumes), \(N, C, "):
        first(turned[0])


@pytest.mark.parametrize("name", ALL)
def test_gradients(name):
    layer, x = make(name, dtype="float64")
    layer(x)
    check_gradients(layer, x)


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_weights_gradients_and_fusion(name):
    layer, x = make(name, dtype="float64", activation="tanh", bias_initializer="normal")
    layer(x)
    names = [w.name for w in layer.weights]

    def function(x, *weights):
        for weight, value in zip(names, weights, strict=True):
            setattr(layer, weight, value)
        return layer(x)

    check_gradients(function, x, *layer.get_weights())
    layer, x = make(name)
    model = lamina.Sequential([lamina.Input(x.shape[1:]), layer, layers.BatchNormalization(), layers.ReLU()])
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(-1, 1, w.shape) + 1.1 * (w.ndim == 1) for w in model.weights])
    x = np.tile(x, (20,) + (1,) * (x.ndim - 1)).astype(np.float32)
    want = model(x).numpy()
    run = lamina.capture(model.__call__)
    with lamina.no_grad():
        np.testing.assert_allclose(run(x).numpy(), want, rtol=1e-4, atol=1e-5)
    steps = run.plans[-1].steps
    assert "batch_norm_fold" in steps
    assert "activation_forward" not in steps


def test_a_sequence_is_an_image_is_a_volume():
    x, w = normal(0, 2, 9, 3), normal(1, 3, 3, 5)
    y = ops.conv(x, w, 2, "same").numpy()
    np.testing.assert_array_equal(ops.conv(x[:, None], w[None], (1, 2), "same").numpy()[:, 0], y)
    np.testing.assert_array_equal(ops.conv(x[:, None, None], w[None, None], (1, 1, 2), "same").numpy()[:, 0, 0], y)


def test_a_transposed_convolution_is_the_gradient_of_the_convolution():
    x, w = ops.convert_to_tensor(normal(0, 2, 7, 8, 3)), normal(1, 3, 2, 3, 5)
    x.requires_grad = True
    y = ops.conv(x, w, (2, 3), ((1, 0), 1))
    dy = normal(2, *y.shape)
    y.backward(dy)
    rest = [7 + 1 - 3 - 2 * (y.shape[1] - 1), 8 + 2 - 2 - 3 * (y.shape[2] - 1)]
    back = ops.conv_transpose(dy, w, (2, 3), ((1, 0), 1), rest)
    np.testing.assert_array_equal(back.numpy(), x.grad.numpy())


def test_separable_conv():
    x, depthwise, pointwise, b = normal(0, 2, 7, 6, 3), normal(1, 3, 3, 3, 2), normal(2, 1, 1, 6, 4), normal(3, 4)
    y = ops.separable_conv(x, depthwise, pointwise, 2, "same", bias=b, activation="tanh").numpy()
    between = ops.depthwise_conv(x, depthwise, 2, "same").numpy()
    np.testing.assert_allclose(y, np.tanh(between @ pointwise[0, 0] + b))
    first = ops.separable_conv(np.moveaxis(x, -1, 1), depthwise, pointwise, 2, "same", "channels_first").numpy()
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), between @ pointwise[0, 0])


def test_divisors():
    x = np.ones((1, 4, 1))
    valid, padded, window = (
        ops.average_pool(x, 3, 2, 1, ceil_mode=True, divisor=d).numpy()[0, :, 0] for d in ("valid", "padded", "window")
    )
    np.testing.assert_allclose(valid, [1, 1, 1])
    np.testing.assert_allclose(padded, [2 / 3, 1, 1 / 2])
    np.testing.assert_allclose(window, [2 / 3, 1, 1 / 3])


@pytest.mark.parametrize("shape", [(4, 4, 4, 0), (0, 4, 4, 3), (0, 4, 3), (2, 3, 4, 5, 0)])
def test_no_channels_and_no_images(shape):
    x = ops.convert_to_tensor(np.zeros(shape, np.float32))
    x.requires_grad = True
    taps, c = (2,) * (len(shape) - 2), shape[-1]
    small = tuple(n - 1 for n in shape[1:-1])
    kernels = np.ones((*taps, c, 5), np.float32), np.ones((*taps, 5, c), np.float32)
    for y, want in (
        (ops.conv(x, kernels[0], bias=np.ones(5, np.float32)), (*small, 5)),
        (ops.conv_transpose(x, kernels[1], bias=np.ones(5, np.float32)), (*(n + 1 for n in shape[1:-1]), 5)),
        (ops.depthwise_conv(x, kernels[0]), (*small, 5 * c)),
        (ops.max_pool(x, 2, 1), (*small, c)),
        (ops.average_pool(x, 2, 1, "same"), (*shape[1:-1], c)),
        (ops.adaptive_max_pool(x, 2), (*taps, c)),
        (ops.adaptive_average_pool(x, None), (c,)),
    ):
        assert y.shape == (shape[0], *want)
        y.backward(np.ones(y.shape, np.float32))
    if shape[0] and not c:
        assert (ops.conv(x, kernels[0], bias=np.ones(5, np.float32)).numpy() == 1).all()
    assert x.grad.shape == shape
    if len(shape) == 4:
        assert layers.DepthwiseConv2D(2)(x.numpy()).shape == (shape[0], 3, 3, c)


X1, X2, X3 = (np.zeros((2, *size, 3), np.float32) for size in ((8,), (8, 9), (4, 5, 6)))
W1, W2, W3 = (np.zeros((*(2,) * n, 3, 3), np.float32) for n in (1, 2, 3))
BAD = [
    (lambda: ops.conv(X2[0, 0], W1), r"conv: x is \(9, 3\), expected \(N, T, C\), \(N, H, W, C\) or \(N, D, H, W, C\)"),
    (lambda: ops.conv(X3[None], W3), r"conv: x is \(1, 2, 4, 5, 6, 3\), expected"),
    (lambda: ops.conv(X1[0, 0], W1), r"conv: x is \(3,\), expected"),
    (lambda: ops.conv(X1, W2), r"w must be \(k, C / groups, K\) for x \(2, 8, 3\), got shape"),
    (lambda: ops.conv(X3, W2), r"w must be \(kd, kh, kw, C / groups, K\)"),
    (lambda: ops.conv(X1, W1, (1, 1)), "strides must be an integer or 1 of them"),
    (lambda: ops.conv(X3, W3, (1, 2)), "strides must be an integer or 3 of them"),
    (lambda: ops.conv(X3, W3, dilation_rate=(1, 2)), "dilation_rate must be an integer or 3 of them"),
    (lambda: ops.conv(X2, W2, True), "strides must be integers"),
    (lambda: ops.conv(X2, W2, -1), "strides must be at least 1, got -1"),
    (lambda: ops.conv(X2, W2, padding=(1, 2, 3)), "for each of 2 axes, an integer or \\(before, after\\)"),
    (lambda: ops.conv(X2, W2, padding=("same", 1)), "padding must be integers, got 'same'"),
    (lambda: ops.conv(X2, W2, padding=((1, "valid"), 0)), "padding must be integers, got 'valid'"),
    (lambda: ops.conv(X2, W2, padding=((1, 2, 3), 0)), "padding must be integers"),
    (lambda: ops.conv(X2, W2, padding=-1), "padding must be at least 0, got -1"),
    (lambda: ops.conv(X2, W2, padding="causal"), "padding is 'causal', expected 'valid', 'same' or numbers"),
    (lambda: ops.conv(X1, W1, padding="cusal"), "padding is 'cusal', expected 'valid', 'same', 'causal' or"),
    (lambda: ops.conv(X1, W1, dilation_rate=9), r"a kernel of length 2 \(10 dilated\) is larger than the padded"),
    (lambda: ops.conv(X3, W3, padding="valid", dilation_rate=(4, 1, 1)), "a kernel of depth 2"),
    (lambda: ops.conv(X2, W2, data_format="last"), "conv: data_format is 'last'"),
    (lambda: ops.conv_transpose(X2, W2, 2, output_padding=2), "output_padding is 2 along the height, expected less"),
    (lambda: ops.conv_transpose(X1, W1, 2, output_padding=(0, 1)), "output_padding must be an integer or 1 of them"),
    (lambda: ops.conv_transpose(X2, W2, 2, output_padding=-1), "output_padding must be at least 0"),
    (lambda: ops.conv_transpose(X3, W3, 1, 9), "padding 9 and 9 leaves no depth of 5"),
    (lambda: ops.conv_transpose(X2, W2, padding="causal"), "padding is 'causal'"),
    (lambda: ops.conv_transpose(X2, W2[..., :2]), "x is .* but w takes 2 channels on the last axis"),
    (lambda: ops.conv_transpose(X2, W2, groups=2), "groups=2 must divide the 3 channels of x"),
    (lambda: ops.conv_transpose(X2, W2, 2**30), "too large|overflows"),
    (lambda: ops.depthwise_conv(X3, W2), r"w must be \(kd, kh, kw, C, m\)"),
    (lambda: ops.max_pool(X3, (2, 2)), "pool_size must be an integer or 3 of them"),
    (lambda: ops.max_pool(X2, 2, padding=2), r"padding \(2, 2\) must be smaller than the window's 2"),
    (lambda: ops.max_pool(X1[:, :1], 2, padding=1, dilation_rate=2), "window 0 of size 2 and dilation 2 holds no"),
    (lambda: ops.average_pool(X2, 2, divisor="all"), "divisor is 'all', expected 'valid', 'padded' or 'window'"),
    (lambda: ops.adaptive_max_pool(X2, (1, 2, 3)), "output_size must be an integer or 2 of them"),
    (lambda: ops.adaptive_average_pool(X2, 0), "output_size must be at least 1"),
    (lambda: ops.adaptive_average_pool(X2[:, :0], 1), "has no pixels"),
    (lambda: ops.conv2d(X3, W3), r"conv2d: x is .*, expected four axes \(N, H, W, C\)"),
    (lambda: layers.Conv2D(4, 3, (1, 1, 1)), "strides must be an integer or a pair of them"),
    (lambda: layers.Conv2D(4, 3, padding=((1, 1), "same")), "padding must be 'valid', 'same', a non-negative integer"),
    (lambda: layers.Conv2DTranspose(4, 3, 2, output_padding=(0, 2)), "output_padding=2 must be less than strides=2"),
    (lambda: layers.Conv2DTranspose(4, 3, output_padding=-1), "output_padding must be a non-negative integer"),
    (lambda: layers.Conv2DTranspose(4, 3, padding=5)(X2), "padding=.* leaves nothing of 10 along an axis"),
    (lambda: layers.Conv2DTranspose(4, 3)(X3), r"expected a batch of images, \(N, H, W, C\)"),
    (lambda: layers.AveragePooling2D(2, divisor="pad"), "divisor of AveragePooling2D .*'padded'"),
]  # fmt: skip


# Operations with arguments that fit an input of n axes between batch and channels, and the options that are sizes.
SIZES = ("strides", "dilation_rate")
OPERATIONS = {
    "conv": (lambda n: {"kernel": np.zeros((*(2,) * n, 3, 3)), "strides": 2, "padding": 1}, SIZES),
    "conv_transpose": (
        lambda n: {"kernel": np.zeros((*(2,) * n, 3, 3)), "strides": 2, "output_padding": 1},
        (*SIZES, "output_padding"),
    ),
    "depthwise_conv": (lambda n: {"kernel": np.zeros((*(2,) * n, 3, 1))}, SIZES),
    "separable_conv": (
        lambda n: {"depthwise_kernel": np.zeros((*(2,) * n, 3, 1)), "pointwise_kernel": np.zeros((*(1,) * n, 3, 4))},
        SIZES,
    ),
    "max_pool": (lambda n: {"pool_size": 2, "strides": 1}, (*SIZES, "pool_size")),
    "average_pool": (lambda n: {"pool_size": 2, "strides": 1}, (*SIZES, "pool_size")),
    "adaptive_max_pool": (lambda n: {"output_size": 2}, ("output_size",)),
    "adaptive_average_pool": (lambda n: {"output_size": 2}, ("output_size",)),
}


def refused(op, n, **options):
    """The message with which an operation over n axes refuses one option."""
    x = np.ones((2, *(4,) * n, 3))
    arguments, _ = OPERATIONS[op]
    with pytest.raises((ValueError, TypeError)) as error:
        getattr(ops, op)(x, **{**arguments(min(n, 3)), **options})
    return str(error.value)


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_sizes_that_do_not_fit_the_rank(op, n):
    x = np.ones((2, *(4,) * n, 3))
    arguments, sizes = OPERATIONS[op]
    good = getattr(ops, op)(x, **arguments(n)).numpy()
    for name in sizes:
        alike = arguments(n).get(name, 1)
        same = getattr(ops, op)(x, **{**arguments(n), name: [np.int64(alike)] * n})
        np.testing.assert_array_equal(same.numpy(), good)
        wrong = [(), (1,) * (n + 1), 1.5, (1.0,) * n, True, "same", ("1",) * n, ((1,),) * n, -1, (-1,) * n, 2**31]
        for value in wrong + [(1,) * (n - 1)] * (n > 2) + [0] * (name != "output_padding"):
            message = refused(op, n, **{name: value})
            assert message.startswith(f"{op}: "), message
            assert name in message


@pytest.mark.parametrize("op", [o for o in OPERATIONS if not o.startswith("adaptive")])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_padding_that_does_not_fit_the_rank(op, n):
    names = [("same",) * n, ("valid", 1), (1, "valid", 1), (("same", 1),) * n, "full", "", b"same"]
    numbers = [(1,) * (n + 1), ((1, 1),) * (n + 1), ((1, 1, 1),) * n, ((1,),) * n, 0.5, (0.5,) * n, -1, ((0, -1),) * n]
    for value in [*names, *numbers, None, True, (True,) * n, 2**31]:
        assert "padding" in refused(op, n, padding=value)
    if n > 1:
        assert "'causal'" in refused(op, n, padding="causal")


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize("n", [-1, 0, 4])
def test_ranks_0_and_4(op, n):
    x = np.ones((2, *(4,) * n, 3)) if n >= 0 else np.ones(())
    arguments, _ = OPERATIONS[op]
    with pytest.raises(ValueError, match=r"x is \(.*\), expected \(N, T, C\), \(N, H, W, C\) or"):
        getattr(ops, op)(x, **arguments(2))


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize(("stride", "dilation", "most"), [(1, 1, 0), (2, 1, 1), (3, 2, 2), (1, 3, 2)])
def test_output_padding_must_be_smaller_than_the_stride(n, stride, dilation, most):
    x = np.ones((2, *(4,) * n, 3))
    layer = getattr(layers, f"Conv{n}DTranspose")
    for padding in ("valid", "same", 0):
        options = {"strides": stride, "dilation_rate": dilation, "padding": padding}
        y = layer(5, 2, output_padding=most, **options)(x)
        assert y.shape[1:-1] == tuple(m + most for m in layer(5, 2, output_padding=0, **options)(x).shape[1:-1])
        with pytest.raises(
            ValueError, match=rf"Conv{n}DTranspose.*output_padding={most + 1} must be less than strides"
        ):
            layer(5, 2, output_padding=(0,) * (n - 1) + (most + 1,), **options)
        message = refused("conv_transpose", n, output_padding=most + 1, **options)
        assert message.startswith(f"conv_transpose: output_padding is {most + 1} along the ")


@pytest.mark.parametrize("name", ALL)
def test_layers_refuse_what_does_not_fit_the_rank(name):
    options, size = ALL[name]
    kind, n = getattr(layers, name), len(size)
    for option in sorted({"kernel_size", "pool_size", "strides", "dilation_rate", "output_padding", "output_size"}):
        if option not in inspect.signature(kind.__init__).parameters:
            continue
        for value in [(), (1,) * (n + 1), 1.5, True, "same", -1, (-1,) * n, ("1",) * n]:
            with pytest.raises(ValueError, match=rf"{name} '.*': {option} must be a"):
                kind(**{**options, option: value})
    if "padding" in inspect.signature(kind.__init__).parameters:
        for value in [("same",) * n, ("valid", 1), (1,) * (n + 1), ((1, 1, 1),) * n, -1, 0.5, None, "full", b"same"]:
            with pytest.raises(ValueError, match=rf"padding.*{name}|{name} '.*': padding must be"):
                kind(**{**options, "padding": value})
    for axes in (0, n + 1, n + 3, n + 4):
        with pytest.raises(ValueError, match=rf"{name} '.*': x is .*, expected a batch of"):
            kind(**options)(np.ones((4,) * axes))


@pytest.mark.parametrize("case", range(len(BAD)))
def test_bad_input(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_transposed_convolution_may_leave_one_pixel(rank):
    x = np.ones((2, *(2,) * rank, 1), np.float32)
    layer = getattr(layers, f"Conv{rank}DTranspose")(1, 3, strides=2, padding=2)
    assert layer(x).shape == layer.compute_output_shape(x.shape) == (2, *(1,) * rank, 1)
    with pytest.raises(ValueError, match="leaves nothing of 3"):
        layer.compute_output_shape((2, *(1,) * rank, 1))
