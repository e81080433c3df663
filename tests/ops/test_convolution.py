"""Convolution: gradients by central differences, extreme inputs, errors; the registry compares values with twins."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import _native, reference
from lamina.core.autograd import Tensor, no_grad
from lamina.ops.convolution import conv, conv2d, conv_transpose, depthwise_conv, depthwise_conv2d


def normal(seed, *shape, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def numeric(f, arrays, dy, which, h=1e-6):
    g = np.zeros_like(arrays[which])
    for i in np.ndindex(g.shape):
        moved = []
        for step in (h, -h):
            a = [v.copy() for v in arrays]
            a[which][i] += step
            moved.append((f(*[Tensor(v) for v in a]).numpy() * dy).sum())
        g[i] = (moved[0] - moved[1]) / (2 * h)
    return g


def check_gradients(f, arrays):
    tensors = [Tensor(a, requires_grad=True) for a in arrays]
    y = f(*tensors)
    dy = normal(9, *y.shape)
    y.backward(dy)
    for i, t in enumerate(tensors):
        np.testing.assert_allclose(t.grad.numpy(), numeric(f, arrays, dy, i), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("activation", ["linear", "tanh", "sigmoid"])
@pytest.mark.parametrize(
    ("strides", "padding", "dilation", "groups"),
    [(1, "valid", 1, 1), (2, "same", 1, 2), ((1, 2), ((2, 0), (1, 2)), (2, 1), 1), (3, "same", 2, 1)],
)
def test_conv2d_gradient_by_central_differences(strides, padding, dilation, groups, activation):
    arrays = [normal(0, 2, 6, 5, 4), normal(1, 3, 2, 4 // groups, 6), normal(2, 6)]
    check_gradients(lambda x, w, b: conv2d(x, w, b, strides, padding, dilation, groups, activation), arrays)


@pytest.mark.parametrize(("strides", "padding", "m"), [(1, "same", 1), (2, "same", 2), ((2, 1), ((0, 2), (1, 0)), 3)])
def test_depthwise_conv2d_gradient_by_central_differences(strides, padding, m):
    arrays = [normal(0, 2, 5, 6, 3), normal(1, 3, 3, 3, m), normal(2, 3 * m)]
    check_gradients(lambda x, w, b: depthwise_conv2d(x, w, b, strides, padding, 1, "tanh"), arrays)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", ["same", "same_lower", 1, ((2, 0), (1, 2))])
def test_gradient_of_padding_modes_by_central_differences(mode, padding):
    arrays = [normal(0, 2, 4, 5, 4), normal(1, 3, 2, 2, 6), normal(2, 6)]
    options = {"groups": 2, "activation": "tanh", "padding_mode": mode}
    check_gradients(lambda x, w, b: conv(x, w, 1, padding, bias=b, **options), arrays)
    arrays = [normal(0, 2, 4, 5, 3), normal(1, 3, 2, 3, 2)]
    check_gradients(lambda x, w: depthwise_conv(x, w, (2, 1), padding, padding_mode=mode), arrays)


def test_padding_modes_continue_the_input():
    x, w = np.arange(1.0, 5).reshape(1, 4, 1), np.eye(5)[:, None, :]  # each window as the filters of its step
    for mode, row in {
        "zeros": [0, 0, 1, 2, 3, 4, 0, 0],
        "reflect": [3, 2, 1, 2, 3, 4, 3, 2],
        "replicate": [1, 1, 1, 2, 3, 4, 4, 4],
        "circular": [3, 4, 1, 2, 3, 4, 1, 2],
    }.items():
        got = conv(x, w, padding="same", padding_mode=mode).numpy()[0]
        np.testing.assert_array_equal(got, [row[i : i + 5] for i in range(4)], mode)
    whole = conv(x, w, padding=((3, 1),), padding_mode="circular").numpy()[0]
    np.testing.assert_array_equal(whole[0], [2, 3, 4, 1, 2])


@pytest.mark.parametrize(
    ("mode", "padding", "message"),
    [
        ("reflect", 4, "conv: padding_mode='reflect' makes a border of 4 and 4 out of an axis of 4, which takes 5"),
        ("circular", ((5, 0),), "a border of 5 and 0 out of an axis of 4, which takes 5 or more; pad less"),
        ("reflekt", 1, "unknown padding_mode 'reflekt': did you mean 'reflect'"),
        ("reflect", "sam", "padding is 'sam', expected 'valid', 'same'"),
    ],
)
def test_padding_modes_are_refused_where_the_input_is_too_small(mode, padding, message):
    with pytest.raises(ValueError, match=message):
        conv(normal(0, 2, 4, 3), normal(1, 2, 3, 5), padding=padding, padding_mode=mode)


def test_one_element_is_enough_to_replicate():
    y = conv(np.full((1, 1, 1), 3.0), np.ones((3, 1, 1)), padding=2, padding_mode="replicate")
    np.testing.assert_array_equal(y.numpy().ravel(), [9, 9, 9])


@pytest.mark.parametrize(("channels", "taken"), [(3, 4), (5, 4), (1, 2)])
def test_channels_that_a_kernel_does_not_take(channels, taken):
    with pytest.raises(ValueError, match=rf"x is \(2, 8, 8, {channels}\) but w takes {taken} channels"):
        conv(np.zeros((2, 8, 8, channels)), np.zeros((3, 3, taken, 4)))


def test_same_lower_puts_the_odd_zero_at_the_start():
    x, w = np.arange(1.0, 5).reshape(1, 4, 1), np.ones((2, 1, 1))
    np.testing.assert_array_equal(conv(x, w, padding="same_lower").numpy().ravel(), [1, 3, 5, 7])
    np.testing.assert_array_equal(conv(x, w, padding="same").numpy().ravel(), [3, 5, 7, 4])
    # Three taps two apart: so many results that one of them is cut off, in front.
    y = conv_transpose(x, np.arange(1.0, 4).reshape(3, 1, 1), 2, "same_lower").numpy().ravel()
    np.testing.assert_array_equal(y, [2, 5, 4, 9, 6, 13, 8, 12])


def test_same_padding_with_stride_two_puts_the_odd_zero_at_the_end():
    x, w = np.arange(16.0).reshape(1, 4, 4, 1), np.ones((3, 3, 1, 1))
    y = conv2d(x, w, None, 2, "same").numpy()[0, :, :, 0]
    full = np.pad(x[0, :, :, 0], ((0, 1), (0, 1)))
    np.testing.assert_array_equal(y, [[full[i : i + 3, j : j + 3].sum() for j in (0, 2)] for i in (0, 2)])


def test_depthwise_channel_order_is_channel_times_multiplier_plus_kernel():
    x, w = normal(0, 1, 3, 3, 2), normal(1, 1, 1, 2, 3)
    y = depthwise_conv2d(x, w).numpy()
    for c in range(2):
        for j in range(3):
            np.testing.assert_allclose(y[..., c * 3 + j], x[..., c] * w[0, 0, c, j])


def test_groups_of_all_channels_are_the_depthwise_convolution():
    x, w = normal(0, 2, 6, 6, 5), normal(1, 3, 3, 5, 2)
    grouped = conv2d(x, w.reshape(3, 3, 1, 10), None, 1, "same", 1, 5)
    np.testing.assert_array_equal(grouped.numpy(), depthwise_conv2d(x, w, None, 1, "same").numpy())


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("depthwise", [False, True])
def test_what_is_not_finite_reaches_the_windows_that_hold_it_and_no_others(value, depthwise):
    x = np.ones((1, 9, 9, 3), np.float32)
    x[0, 4, 4, 1] = value
    w = np.ones((3, 3, 3, 1 if depthwise else 20), np.float32)
    y = (depthwise_conv2d if depthwise else conv2d)(x, w, None, 1, "same").numpy()
    hit = np.zeros((9, 9), bool)
    hit[3:6, 3:6] = True
    channel = y[0, :, :, 1]
    np.testing.assert_array_equal(~np.isfinite(channel), hit)
    if depthwise:
        assert np.isfinite(y[..., [0, 2]]).all()


def test_nan_passes_relu():
    x = np.full((1, 3, 3, 1), np.nan, np.float32)
    assert np.isnan(conv2d(x, np.ones((3, 3, 1, 4), np.float32), None, activation="relu").numpy()).all()


@pytest.mark.parametrize("shape", [(0, 8, 8, 3), (2, 1, 1, 3), (1, 2, 1, 3)])
def test_small_and_empty_images(shape):
    x = Tensor(np.ones(shape, np.float32), requires_grad=True)
    w = Tensor(np.ones((3, 3, 3, 4), np.float32), requires_grad=True)
    b = Tensor(np.ones(4, np.float32), requires_grad=True)
    y = conv2d(x, w, b, 1, "same")
    assert y.shape == (*shape[:3], 4)
    y.backward(np.ones(y.shape, np.float32))
    want = [np.zeros(shape), np.zeros((3, 3, 3, 4)), np.zeros(4)]
    args = (1, "same", 1, 1, "linear")
    reference.conv_backward(x.numpy(), w.numpy(), y.numpy(), np.ones(y.shape, np.float32), *args, *want)
    for t, g in zip((x, w, b), want, strict=True):
        np.testing.assert_allclose(t.grad.numpy(), g)


def test_strided_input_and_weights_of_any_alignment():
    x, w = normal(0, 2, 12, 8, 6, dtype=np.float32), normal(1, 3, 3, 6, 8, dtype=np.float32)
    want = conv2d(np.ascontiguousarray(x[:, ::2, ::-1]), w).numpy()
    np.testing.assert_array_equal(conv2d(x[:, ::2, ::-1], w).numpy(), want)


def test_one_image_as_both_operands():
    x = Tensor(normal(0, 3, 3, 3, 3), requires_grad=True)
    conv2d(x, x, None, 1, "same").backward(np.ones((3, 3, 3, 3)))
    once = [np.zeros(x.shape), np.zeros(x.shape), None]
    args = (1, "same", 1, 1, "linear")
    y = np.zeros((3, 3, 3, 3))
    reference.conv_backward(x.numpy(), x.numpy(), y, np.ones((3, 3, 3, 3)), *args, *once)
    np.testing.assert_allclose(x.grad.numpy(), once[0] + once[1])


def test_channels_first_is_the_transposed_convolution_of_channels_last():
    x, w, d = normal(0, 2, 7, 6, 4), normal(1, 3, 3, 4, 5), normal(2, 3, 3, 4, 2)
    first = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    for f, kernel in ((conv, w), (depthwise_conv, d)):
        y = f(first, kernel, 2, "same", data_format="channels_first").numpy()
        np.testing.assert_allclose(y.transpose(0, 2, 3, 1), f(x, kernel, 2, "same").numpy())


def test_conv_finds_its_groups():
    x, w = normal(0, 1, 5, 5, 6), normal(1, 3, 3, 2, 9)
    np.testing.assert_array_equal(conv(x, w).numpy(), conv2d(x, w, None, groups=3).numpy())


def test_without_gradient_nothing_is_recorded():
    w = Tensor(normal(0, 3, 3, 2, 4), requires_grad=True)
    with no_grad():
        assert not conv2d(normal(1, 1, 5, 5, 2), w).requires_grad


@pytest.mark.parametrize(
    ("x", "w", "options", "message"),
    [
        ((2, 8, 8), (3, 3, 8, 4), {}, "expected four axes"),
        ((2, 8, 8, 3), (3, 3, 4, 4), {}, "x is \\(2, 8, 8, 3\\) but w takes 4 channels"),
        ((2, 3, 8, 8), (3, 3, 3, 4), {}, "channels_first"),
        ((2, 8, 8, 3), (3, 3, 3), {}, "w must be \\(kh, kw, C / groups, K\\)"),
        ((2, 8, 8, 4), (3, 3, 2, 3), {"groups": 2}, "groups=2 must divide"),
        ((2, 8, 8, 4), (3, 3, 4, 3), {"groups": 0}, "groups must be at least 1"),
        ((2, 8, 8, 3), (9, 3, 3, 4), {}, "a kernel of height 9 is larger than the padded input's 8"),
        (
            (2, 8, 8, 3),
            (3, 5, 3, 4),
            {"dilation_rate": 2},
            "width 5 \\(9 dilated\\) is larger than the padded input's 8",
        ),
        ((2, 8, 8, 3), (3, 3, 3, 4), {"strides": 0}, "strides must be at least 1"),
        ((2, 8, 8, 3), (3, 3, 3, 4), {"strides": (1, 2, 3)}, "strides must be an integer or"),
        ((2, 8, 8, 3), (3, 3, 3, 4), {"strides": 1.5}, "strides"),
        ((2, 8, 8, 3), (3, 3, 3, 4), {"strides": 10**30}, "strides"),
        ((2, 8, 8, 3), (3, 3, 3, 4), {"padding": "smae"}, "padding is 'smae', expected 'valid', 'same'"),
        ((2, 8, 8, 3), (3, 3, 3, 4), {"padding": ((1, -1), (0, 0))}, "padding must be at least 0"),
        ((2, 8, 8, 3), (3, 3, 3, 4), {"padding": (1, 2, 3)}, "padding must be 'valid', 'same', an integer or"),
        ((2, 8, 8, 3), (3, 3, 3, 4), {"padding": ((2**30, 2**30), (2**30, 2**30))}, "overflows"),
        ((2, 8, 8, 3), (3, 3, 3, 4), {"activation": "gelu"}, "cannot be fused"),
        ((2, 8, 8, 3), (0, 3, 3, 4), {}, "the kernel's height is 0, expected 1 or more"),
    ],
)
def test_errors_say_what_was_expected(x, w, options, message):
    with pytest.raises(ValueError, match=message):
        conv2d(np.zeros(x, np.float32), np.zeros(w, np.float32), **options)


def test_errors_of_dtype_and_destination():
    x, w = np.zeros((1, 5, 5, 3), np.float32), np.zeros((3, 3, 3, 4), np.float32)
    with pytest.raises(TypeError, match="w is float64, expected float32"):
        conv2d(x, w.astype(np.float64))
    with pytest.raises(ValueError, match="b has shape"):
        conv2d(x, w, np.zeros(3, np.float32))
    y = conv2d(x, w).numpy()
    with pytest.raises(ValueError, match="dx has shape"):
        _native.conv_backward(x, w, y, y, 1, "valid", 1, 1, "linear", np.zeros((1, 4, 4, 3), np.float32), None, None)
    with pytest.raises(ValueError, match="depthwise_conv: x is"):
        depthwise_conv2d(x, np.zeros((3, 3, 4, 1), np.float32))


def test_the_environment_switches_tiles_off(python):
    """Both ways within their error; not the same bits, so that the switch is known to switch."""
    source = """
import numpy as np
from lamina import _native, reference
rng = np.random.default_rng(0)
x, w = rng.standard_normal((2, 16, 16, 32)), rng.standard_normal((3, 3, 32, 32)) / 17
options = (1, "same", 1, 1, "linear")
want = reference.conv_forward(x, w, None, *options)
got = _native.conv_forward(x.astype("f4"), w.astype("f4"), None, *options)
print(np.abs(got - want).max(), got.sum(dtype=np.float64).hex())
"""
    tiles, direct = python(source, LAMINA_WINOGRAD="1").split(), python(source, LAMINA_WINOGRAD="0").split()
    assert float(tiles[0]) < 1e-5
    assert float(direct[0]) < 5e-6
    assert tiles[1] != direct[1]
