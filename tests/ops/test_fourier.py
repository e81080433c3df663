"""Fourier transforms against NumPy's; gradients of both parts; windows there and back; errors."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Input, Tensor, ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
A, B = RNG.standard_normal((2, 3, 4, 5))


def joined(pair):
    return pair[0].numpy() + 1j * pair[1].numpy()


def flat(pair):
    return ops.concatenate([ops.ravel(p) for p in pair])


@pytest.mark.parametrize("name", ["fft", "fft2", "ifft2"])
def test_of_complex_numbers(name):
    f = getattr(ops, name)
    np.testing.assert_allclose(joined(f((A, B))), getattr(np.fft, name)(A + 1j * B), atol=1e-13)
    check_gradients(lambda a, b: flat(f((a, b))), A, B)
    check_gradients(lambda a, b: f((a, b))[1], A, B)
    assert {p.dtype for p in f((A.astype(np.float32), B.astype(np.float32)))} == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", ["fft", "fft2", "ifft2"])
@pytest.mark.parametrize("shape", [(1,), (1, 1), (3, 1), (1, 3), (0, 1, 2), (0, 2), (2, 0), (0,), ()], ids=str)
def test_axes_of_one_and_of_none(name, shape):
    axes = 1 if name == "fft" else 2
    x = RNG.standard_normal(shape)
    if len(shape) < axes or 0 in shape[-axes:]:
        with pytest.raises(ValueError, match=f"{name}: x is .* expected {axes} axes or more"):
            getattr(ops, name)((x, x))
    else:
        np.testing.assert_allclose(joined(getattr(ops, name)((x, x))), getattr(np.fft, name)(x + 1j * x), atol=1e-13)


@pytest.mark.parametrize("n", [None, 1, 2, 4, 5, 8, 9])
def test_of_real_numbers(n):
    np.testing.assert_allclose(joined(ops.rfft(A, n)), np.fft.rfft(A, n), atol=1e-13)
    check_gradients(lambda x: flat(ops.rfft(x, n)), A)
    np.testing.assert_allclose(ops.irfft((A, B), n).numpy(), np.fft.irfft(A + 1j * B, n), atol=1e-13)
    check_gradients(lambda a, b: ops.irfft((a, b), n), A, B)
    assert ops.rfft(A.astype(np.float32), n)[0].dtype == np.float32


def direct(x, length, stride, n, weights, center):
    """Window by window."""
    if center:
        x = np.pad(x, (n // 2, n // 2), mode="reflect")
    before = (n - length) // 2
    weights = np.pad(weights, (before, n - length - before)) if weights is not None else 1.0
    return np.stack([np.fft.rfft(x[i : i + n] * weights) for i in range(0, len(x) - n + 1, stride)])


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize(("length", "stride", "n"), [(8, 2, 8), (6, 3, 8), (7, 2, 9), (8, 8, 8)])
def test_short_transforms(length, stride, n, center):
    x = RNG.standard_normal(40)
    own = RNG.uniform(0.5, 1, length)
    named = {"hann": np.hanning(length + 1)[:-1], "hamming": np.hamming(length + 1)[:-1]}
    for window in ("hann", "hamming", None, own):
        weights = named[window] if isinstance(window, str) else window
        got = ops.stft(x, length, stride, n, window, center)
        want = direct(x, length, stride, n, weights, center)
        np.testing.assert_allclose(joined(got), want, atol=1e-12)
        pair = ops.stft(np.stack([x, -x]), length, stride, n, window, center)
        np.testing.assert_allclose(joined(pair)[1], -want, atol=1e-12)
    check_gradients(lambda x: flat(ops.stft(x, length, stride, n, "hann", center)), x)


@pytest.mark.parametrize(("length", "stride", "n", "center"), [(8, 2, 8, True), (8, 4, 8, True), (6, 2, 8, True),
                                                               (8, 2, 8, False), (9, 3, 9, True)])  # fmt: skip
def test_there_and_back(length, stride, n, center):
    x = RNG.standard_normal((2, 72))
    for window in ("hann", "hamming", RNG.uniform(0.5, 1, length)):
        y = ops.istft(ops.stft(x, length, stride, n, window, center), length, stride, n, None, window, center).numpy()
        inside = slice(None) if center and length == n else slice(n, -n)
        np.testing.assert_allclose(y[:, inside], x[:, : y.shape[1]][:, inside], atol=1e-12)
    a, b = RNG.standard_normal((2, 5, n // 2 + 1))
    check_gradients(lambda a, b: ops.istft((a, b), length, stride, n, None, "hamming", center), a, b)


@pytest.mark.parametrize(("length", "center"), [(8, True), (6, True), (8, False)])
def test_a_window_may_be_learnt(length, center):
    """Its gradient goes through the sum of squares, too, by which the inverse divides."""
    a, b = RNG.standard_normal((2, 5, 5))
    window = RNG.uniform(0.5, 1, length)
    check_gradients(lambda a, b, w: ops.istft((a, b), length, 4, 8, None, w, center), a, b, window)


def test_lengths_of_the_inverse():
    pair = ops.stft(RNG.standard_normal(64), 8, 4, 8)
    whole = ops.istft(pair, 8, 4, 8).numpy()
    assert whole.shape == (64,)
    np.testing.assert_array_equal(ops.istft(pair, 8, 4, 8, length=50).numpy(), whole[:50])
    assert ops.istft(pair, 8, 4, 8, length=80).shape == (80,)


@pytest.mark.parametrize("length", [60, 67, 68, 69, 70, 75])
def test_what_lies_beyond_the_windows_is_zero(length):
    pair = ops.stft(RNG.standard_normal((2, 64)), 8, 4, 8)
    whole = ops.istft(pair, 8, 4, 8, length=200).numpy()
    y = ops.istft(pair, 8, 4, 8, length=length).numpy()
    assert y.shape == (2, length)
    np.testing.assert_array_equal(y, whole[:, :length])
    assert not whole[:, 68:].any()
    assert whole[:, 67].any()


def test_short_transforms_of_few_samples():
    x = RNG.standard_normal(8)
    np.testing.assert_allclose(joined(ops.stft(x, 8, 8, 8, None, False)), [np.fft.rfft(x)], atol=1e-13)
    np.testing.assert_allclose(joined(ops.stft(x, 1, 1, 1, None, False)), x[:, None], atol=1e-13)
    assert ops.stft(x[:2], 2, 1, 2)[0].shape == (3, 2)
    for samples, n, center in ((7, 8, False), (1, 2, True), (0, 1, False)):
        with pytest.raises(ValueError, match="its last axis is too short"):
            ops.stft(x[:samples], n, 1, n, None, center)
    for sizes in ((0, 1, 8), (9, 1, 8), (8, 0, 8), (8, 1, 0)):
        with pytest.raises(ValueError, match="expected positive integers and a sequence_length of at most"):
            ops.stft(x, *sizes)
    for call in (lambda: ops.rfft(1.0), lambda: ops.rfft(1.0, 4), lambda: ops.irfft((1.0, 1.0)), lambda: ops.rfft([])):
        with pytest.raises(ValueError, match="expected one axis or more and a positive length"):
            call()


def test_functional_models_know_the_shapes():
    x = Input((40,))
    assert [t.shape for t in ops.stft(x, 8, 4, 8)] == [(None, 11, 5)] * 2
    assert [t.shape for t in ops.rfft(x, 16)] == [(None, 9)] * 2
    assert [t.shape for t in ops.fft((x, x))] == [(None, 40)] * 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.fft(A), "fft: expected a complex number, a tuple"),
        (lambda: ops.fft((A, B[0])), "fft: the real part is"),
        (lambda: ops.fft2((A[0, 0], B[0, 0])), r"fft2: x is \(5,\); expected 2 axes"),
        (lambda: ops.rfft(A, 0), "rfft: .* fft_length=0"),
        (lambda: ops.irfft((A[..., :1], B[..., :1])), "irfft: .* a positive length"),
        (lambda: ops.stft(A[0, 0], 8, 1, 4), "stft: sequence_length=8, sequence_stride=1, fft_length=4"),
        (lambda: ops.stft(A[0, 0], 8, 1, 8, center=False), "stft: .* too short"),
        (lambda: ops.stft(A[0, 0], 2, 1, 4, "flat"), "stft: window must be 'hann', 'hamming'"),
        (lambda: ops.stft(A[0, 0], 2, 1, 4, np.ones(3)), r"stft: window is \(3,\); expected sequence_length=2"),
        (lambda: ops.istft((A[0, 0], B[0, 0]), 2, 1, 4), "istft: x is .* expected .*windows"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_one_part_alone_goes_back():
    x = Tensor(A, requires_grad=True)
    ops.fft((x, Tensor(B)))[0].sum().backward()
    want = np.zeros_like(A)
    want[..., 0] = 5
    np.testing.assert_allclose(x.grad.numpy(), want, atol=1e-12)
