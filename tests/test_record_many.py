"""Operations with several results on the tape."""

from __future__ import annotations

import numpy as np

from lamina.autograd import Tensor, record_many, record_view


def halves(x, log):
    """(2 x, 3 x), writing down which gradients arrive."""

    def backward(dys, grads):
        log.append([d is not None for d in dys])
        g = sum(k * d for k, d in zip((2, 3), dys, strict=True) if d is not None)
        grads[0][...] = grads[0] + g if grads.accumulate & 1 else g

    return record_many((2 * x._array, 3 * x._array), (x,), backward)


def add(a, b):
    return record_view(a._array + b._array, (a, b), lambda dy: (dy, dy))


def leaf():
    return Tensor(np.ones(3), requires_grad=True)


def test_every_result_used():
    x, log = leaf(), []
    a, b = halves(x, log)
    add(add(a, b), add(b, x)).backward(np.ones(3))
    assert log == [[True, True]]
    np.testing.assert_array_equal(x.grad, 2 + 3 + 3 + 1)


def test_one_result_unused():
    x, log = leaf(), []
    _, b = halves(x, log)
    b.backward(np.ones(3), retain_graph=True)
    b.backward(np.ones(3))
    assert log == [[False, True]] * 2
    np.testing.assert_array_equal(x.grad, 6)


def test_nested():
    x, log = leaf(), []
    a, b = halves(x, log)
    c, _ = halves(a, log)
    add(c, b).backward(np.ones(3))
    assert log == [[True, False], [True, True]]
    np.testing.assert_array_equal(x.grad, 4 + 3)


def test_a_shared_gradient_is_not_added_to_while_it_waits():
    x, log = leaf(), []
    z = add(x, x)
    w = add(z, z)
    a, _ = halves(z, log)
    add(a, w).backward(np.ones(3))  # one buffer is the gradient of a and of w
    np.testing.assert_array_equal(x.grad, 2 * (2 + 2))


def test_nothing_wanted():
    a, b = halves(Tensor(np.ones(3)), [])
    assert not a.requires_grad
    assert not b.requires_grad
