"""Operations with several results on the tape, and copies of tensors."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from lamina import no_grad, ops
from lamina.core.autograd import Tensor, record_many, record_view
from lamina.core.capture import capture
from lamina.core.masked_tensor import MaskedTensor, attach


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


class Tagged(Tensor):
    pass


def test_copies_of_computed_tensors_keep_their_gradients():
    a = Tensor(np.full(1, 2.0), requires_grad=True)
    t = a * a
    ops.sum(t * 3.0 + copy.copy(t)).backward()
    assert a.grad.item() == 16
    a.zero_grad()
    masked = attach(a * 3.0, Tensor(np.ones(1, bool)))
    twin = copy.copy(masked)
    assert type(twin) is MaskedTensor
    assert twin.mask is masked.mask
    ops.sum(twin * 2.0 + masked).backward()
    assert a.grad.item() == 9
    step = capture(lambda x: _copied(a, x), strict=True)
    for i in range(3):
        assert step(np.full(1, float(i))).item() == 3 * i
        assert a.grad.item() == 3 * i


def _copied(a, x):
    a.zero_grad()
    t = a * x
    y = ops.sum(t + 2.0 * copy.copy(t))
    y.backward()
    return y / 2.0


def test_leaves_alone_are_copied_deeply():
    a = Tensor(np.full(2, 2.0), requires_grad=True)
    ops.sum(a * 3.0).backward()
    twin = copy.deepcopy([a, a])
    assert twin[0] is twin[1]
    assert twin[0].requires_grad
    assert twin[0].grad.tolist() == [3, 3]
    ops.sum(twin[0]).backward()
    assert a.grad.tolist() == [3, 3]
    with pytest.raises(RuntimeError, match="detach"):
        copy.deepcopy(a * 2.0)
    assert copy.deepcopy((a * 2.0).detach()).tolist() == [4, 4]
    with no_grad():
        assert copy.deepcopy(a * 2.0).tolist() == [4, 4]
        assert not copy.copy(a * 2.0).requires_grad
    tagged = Tagged(np.ones(2))
    tagged.tag = ["mine"]
    for twin in (copy.copy(tagged), copy.deepcopy(tagged)):
        assert type(twin) is Tagged
        assert twin.tag == ["mine"]
