"""Any array a user may hold simply works, or is refused with a message that says what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Tensor, _native
from lamina.ops.dense import dense, matmul

X = np.random.default_rng(0).standard_normal((12, 10)).astype(np.float32)
W = np.random.default_rng(1).standard_normal((10, 7)).astype(np.float32)
WANT = _native.dense_forward(X, W, None, "relu")


def misaligned(x):
    raw = np.zeros(x.nbytes + 1, np.uint8)[1:].view(x.dtype).reshape(x.shape)
    raw[...] = x
    assert not raw.flags.aligned
    return raw


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


ODD = {
    "Fortran order": np.asfortranarray,
    "every second row": lambda x: np.repeat(x, 2, axis=0)[::2],
    "transposed twice": lambda x: np.ascontiguousarray(x.T).T,
    "negative strides": lambda x: np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1],
    "misaligned": misaligned,
    "byte-swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "read-only": read_only,
    "subclass": lambda x: x.view(np.ma.MaskedArray).view(np.ndarray),
    "broadcast": lambda x: np.lib.stride_tricks.as_strided(x, x.shape, x.strides),
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD.keys())
def test_odd_arrays_work(make):
    np.testing.assert_array_equal(_native.dense_forward(make(X), W, None, "relu"), WANT)
    np.testing.assert_array_equal(_native.dense_forward(X, make(W), None, "relu"), WANT)
    np.testing.assert_array_equal(dense(make(X), make(W), None, "relu").numpy(), WANT)


@pytest.mark.parametrize("make", ODD.values(), ids=ODD.keys())
def test_gradients_of_odd_arrays(make):
    x, w = Tensor(make(X), requires_grad=True), Tensor(make(W), requires_grad=True)
    dense(x, w, None, "relu").backward(make(WANT))
    mask = WANT * (WANT > 0)
    np.testing.assert_allclose(w.grad.numpy(), X.T @ mask, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(x.grad.numpy(), mask @ W.T, rtol=1e-4, atol=1e-4)


def test_broadcast_stride_zero():
    row = np.broadcast_to(X[:1], (5, 10))
    np.testing.assert_array_equal(_native.dense_forward(row, W, None, "relu"), np.repeat(WANT[:1], 5, axis=0))


@pytest.mark.parametrize(
    "bad",
    [
        X.astype(object),
        X.astype(np.complex64),
        X.astype("U8"),
        X.astype(np.float16),
        X.astype(np.longdouble),
        np.zeros((12, 10), "datetime64[s]"),
        np.zeros((12, 10), [("a", "f4")]),
    ],
    ids=lambda a: str(a.dtype),
)
def test_dtypes_that_are_no_numbers_are_refused(bad):
    with pytest.raises(TypeError, match=r"dense: x has dtype .*; expected numbers"):
        _native.dense_forward(bad, W, None, "linear")
    if bad.dtype.kind not in "f":
        with pytest.raises(TypeError, match="expected numbers or booleans, got dtype"):
            Tensor(bad)


def test_mixed_dtypes_are_named():
    with pytest.raises(TypeError, match=r"dense: w is float64, expected float32; convert it with \.astype"):
        _native.dense_forward(X, W.astype(np.float64), None, "linear")
    with pytest.raises(TypeError, match="dense: expected float32 or float64, got int32"):
        _native.dense_forward(X.astype(np.int32), W.astype(np.int32), None, "linear")
    with pytest.raises(TypeError, match="dense: x must be an array, got"):
        _native.dense_forward([[1.0]], W, None, "linear")


def test_shapes_are_named():
    with pytest.raises(ValueError, match=r"dense: x is \(12, 9\) but w takes 10 features"):
        _native.dense_forward(X[:, :9], W, None, "linear")
    with pytest.raises(ValueError, match=r"dense: w must be \(in, out\), got shape \(10,\)"):
        _native.dense_forward(X, W[:, 0], None, "linear")
    with pytest.raises(ValueError, match=r"dense: b has shape \(6,\), expected \(7,\)"):
        _native.dense_forward(X, W, np.zeros(6, np.float32), "linear")
    with pytest.raises(ValueError, match=r"matmul: a is \(12, 10\), b is \(7, 10\); a's last axis"):
        matmul(X, np.ascontiguousarray(W.T))
    with pytest.raises(ValueError, match="activation 'softmax' cannot be fused"):
        _native.dense_forward(X, W, None, "softmax")


def test_destinations_must_be_writable_whole_arrays():
    dy = np.ones_like(WANT)
    with pytest.raises(ValueError, match="dx is written in place but read-only"):
        _native.dense_backward(X, W, WANT, dy, "relu", read_only(X), None, None)
    with pytest.raises(ValueError, match="dw is written in place and must be C-contiguous"):
        _native.dense_backward(X, W, WANT, dy, "relu", None, np.asfortranarray(W), None)
    with pytest.raises(ValueError, match=r"dx has shape \(3, 10\), expected \(12, 10\)"):
        _native.dense_backward(X, W, WANT, dy, "relu", X[:3].copy(), None, None)
    with pytest.raises(TypeError, match="dx is float64, expected float32"):
        _native.dense_backward(X, W, WANT, dy, "relu", X.astype(np.float64), None, None)


@pytest.mark.parametrize("shape", [(0, 10), (0, 3, 10), (3, 0, 10)])
def test_empty_batches(shape):
    x, w = Tensor(np.zeros(shape, np.float32), requires_grad=True), Tensor(W, requires_grad=True)
    y = dense(x, w)
    assert y.shape == (*shape[:-1], 7)
    y.backward(np.zeros(y.shape, np.float32))
    assert x.grad.shape == shape
    np.testing.assert_array_equal(w.grad.numpy(), 0)


def test_no_features_gives_the_bias():
    b = np.arange(7, dtype=np.float32)
    y = _native.dense_forward(np.zeros((3, 0), np.float32), np.zeros((0, 7), np.float32), b, "linear")
    np.testing.assert_array_equal(y, np.broadcast_to(b, (3, 7)))
