"""Operations that NumPy computes as steps of the tape: type and order of results, gradients that are wanted, added."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Tensor, capture
from lamina.core.capture import CaptureWarning
from lamina.ops.by_numpy import by_numpy, several_by_numpy

X, Y = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones((2, 3)) * 3


def product(x, y, asked=None):
    def of(which, other):
        def gradient(dy):
            if asked is not None:
                asked.append(which)
            return np.asfortranarray(dy * other._array, dtype=np.float64)

        return gradient

    value = np.asfortranarray(x._array.astype(np.float64) * y._array)
    return by_numpy("product", (x, y), value, [of("x", y), of("y", x)])


def test_the_result_has_the_first_input_s_type():
    for x, y, dtype in ((X, Y, np.float32), (Y, X, np.float64)):
        z = product(Tensor(x), Tensor(y))
        assert z.dtype == dtype
        assert z.numpy().flags.c_contiguous
        np.testing.assert_array_equal(z.numpy(), X * Y)
        assert not z.requires_grad


@pytest.mark.parametrize("wanted", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("there", [(True, True), (True, False), (False, True), (False, False)])
def test_gradients_that_are_wanted(wanted, there):
    tensors = [Tensor(a, requires_grad=w) for a, w in zip((X, Y), wanted, strict=True)]
    for t, w, before in zip(tensors, wanted, there, strict=True):
        if w and before:
            t.grad = np.ones((2, 3))
    asked = []
    product(*tensors, asked).backward(np.full((2, 3), 2.0, np.float32))
    assert asked == [n for n, w in zip("xy", wanted, strict=True) if w]
    for t, other, w, before in zip(tensors, (Y, X), wanted, there, strict=True):
        if w:
            assert t.grad.dtype == t.dtype
            np.testing.assert_array_equal(t.grad.numpy(), before + 2 * other)
        else:
            assert t.grad is None


@pytest.mark.parametrize("used", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize("wanted", [(True, True), (True, False), (False, True)])
def test_several_results(used, wanted):
    x, y = (Tensor(a, requires_grad=w) for a, w in zip((X, Y), wanted, strict=True))
    values = [(X * Y).T, np.float64(X.sum())]  # one of them a number
    asked = []

    def gradient(dt, ds):
        asked.append((dt is not None, ds is not None))
        dt, ds = np.zeros((3, 2)) if dt is None else dt, 0 if ds is None else ds
        return np.asfortranarray(dt.T * Y + ds), dt.T * X

    for times in (1, 2):
        results = several_by_numpy("both", (x, y), values, gradient)
        assert [(r.shape, r.dtype) for r in results] == [((3, 2), np.float32), ((), np.float32)]
        total = sum((results[i].sum() for i in used), Tensor(np.float32(0)))
        total.backward()
        for t, dt, ds, w in ((x, Y, 1, wanted[0]), (y, X, 0, wanted[1])):
            if w:
                assert t.grad.dtype == t.dtype
                np.testing.assert_array_equal(t.grad.numpy(), times * ((0 in used) * dt + (1 in used) * ds))
            else:
                assert t.grad is None
    assert asked == [(0 in used, 1 in used)] * 2  # None for a result that nothing depends on
    of_one = several_by_numpy("both", (x,), values, lambda *_: X)  # one gradient may stand alone
    assert of_one[0].requires_grad == wanted[0]
    assert not several_by_numpy("both", (Tensor(X),), values, lambda *_: X)[0].requires_grad


def test_a_captured_step_stays_eager_and_says_why():
    step = capture(lambda x: product(x, x))
    with pytest.warns(CaptureWarning, match="product is computed by NumPy"):
        np.testing.assert_array_equal(step(X).numpy(), X * X)
