"""Branches, loops and scans: values, gradients through every step, what a capture keeps, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import CaptureWarning, Input, Model, Tensor, capture, ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
X = RNG.standard_normal((5, 3))


def same(got, want):
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-12, atol=1e-14)


def test_branches():
    for pred in (True, 1, np.bool_(True), Tensor([True])):
        assert ops.cond(pred, lambda: "yes", lambda: "no") == "yes"
    assert ops.cond(Tensor(0.0), lambda: "yes", lambda: "no") == "no"
    branches = [lambda x: x, ops.square, lambda x: ops.multiply(x, 3.0)]
    for index, want in ((0, X), (1, X * X), (2, X * 3), (-4, X), (7, X * 3), (Tensor(np.array(1)), X * X)):
        same(ops.switch(index, branches, Tensor(X)), want)
    check_gradients(lambda x: ops.cond(ops.sum(x) > 0, lambda: ops.square(x), lambda: ops.exp(x)), X)


def test_loops():
    assert ops.while_loop(lambda i: i < 10, lambda i: ops.add(i, 3), 0).item() == 12
    i, y = ops.while_loop(lambda i, y: i < 3, lambda i, y: (ops.add(i, 1), ops.multiply(y, 2.0)), (0, X))
    assert i.item() == 3
    same(y, X * 8)
    assert ops.while_loop(lambda i: True, lambda i: ops.add(i, 1), 0, maximum_iterations=4).item() == 4
    check_gradients(
        lambda x: ops.while_loop(lambda y: ops.max(y) < 50, lambda y: ops.multiply(y, y), ops.exp(x)), np.abs(X)
    )
    same(ops.fori_loop(1, 4, lambda i, y: ops.add(y, float(i)), X), X + 6)
    check_gradients(lambda x: ops.fori_loop(0, 3, lambda i, y: ops.sin(y), x), X)


@pytest.mark.parametrize("reverse", [False, True])
def test_scan(reverse):
    def step(carry, x):
        carry = ops.add(ops.multiply(carry, 0.5), x)
        return carry, ops.square(carry)

    carry, ys = ops.scan(step, np.zeros(3), X, reverse=reverse)
    state, want = np.zeros(3), []
    for row in X[::-1] if reverse else X:
        state = state * 0.5 + row
        want.append(state**2)
    same(carry, state)
    same(ys, want[::-1] if reverse else want)
    check_gradients(lambda x, c: ops.scan(step, c, x, reverse=reverse)[1], X, np.ones(3))
    check_gradients(lambda x, c: ops.scan(step, c, x, reverse=reverse)[0], X, np.ones(3))


def test_scan_over_nests_and_without_inputs():
    def step(carry, x):
        return {"n": ops.add(carry["n"], 1), "s": ops.add(carry["s"], ops.multiply(x[0], x[1]))}, (x[0], carry["n"])

    carry, (first, counts) = ops.scan(step, {"n": 0, "s": np.zeros(3)}, (X, 2 * X))
    assert carry["n"].item() == 5
    same(carry["s"], (2 * X * X).sum(0))
    same(first, X)
    assert counts.tolist() == [0, 1, 2, 3, 4]
    carry, ys = ops.scan(lambda c, _: (ops.multiply(c, 2.0), None), 1.0, length=3)
    assert (carry.item(), ys.tolist()) == (8, [0, 0, 0])


@pytest.mark.parametrize("f", [ops.map, ops.vectorized_map])
def test_maps(f):
    same(f(lambda x: ops.sum(ops.square(x)), X), (X**2).sum(1))
    got = f(lambda p: {"sum": ops.add(p[0], p[1])}, [X, X])
    same(got["sum"], 2 * X)
    same(f(lambda x: ops.multiply(x, 2.0), X[:1]), 2 * X[:1])
    check_gradients(lambda x: f(ops.cumsum, x), X)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 11])
@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan(n, reverse):
    x = RNG.uniform(0.5, 1.5, (2, n))
    turn = (slice(None), slice(None, None, -1)) if reverse else ...
    same(ops.associative_scan(ops.add, x, reverse, 1), np.cumsum(x[turn], 1)[turn])
    same(ops.associative_scan(ops.multiply, x, reverse, -1), np.cumprod(x[turn], 1)[turn])
    check_gradients(lambda x: ops.associative_scan(ops.multiply, x, reverse, 1), x)

    def linear(a, b):  # y = p x + q after y = r x + s
        return ops.multiply(a[0], b[0]), ops.add(ops.multiply(b[0], a[1]), b[1])

    slopes, values = ops.associative_scan(linear, (x, x * 2), reverse, 1)
    want, y = [], np.zeros(2)
    for column in (x[turn]).T:
        y = column * y + 2 * column
        want.append(y)
    same(values, np.stack(want, 1)[turn])
    same(slopes, np.cumprod(x[turn], 1)[turn])


def test_vectorize():
    add = ops.vectorize(ops.add)
    assert add([1, 2, 3, 4], 2).tolist() == [3, 4, 5, 6]
    same(add(X, X[0]), X + X[0])
    product = ops.vectorize(ops.matmul, signature="(m,n),(n)->(m)")
    a, b = RNG.standard_normal((4, 2, 3)), RNG.standard_normal((5, 1, 3))
    same(product(a, b), np.einsum("amn,bcn->bam", a, b))
    check_gradients(product, a, b)
    scaled = ops.vectorize(lambda x, factor: ops.multiply(x, factor["of"]), excluded={1})
    same(scaled(X, {"of": 3.0}), 3 * X)
    twice = ops.vectorize(lambda x: (x, ops.square(x)))(X)
    same(twice[1], X * X)


def test_a_captured_step_keeps_what_ran():
    def step(x):
        y = ops.scan(lambda c, r: (ops.add(c, r), c), np.zeros(3, np.float32), x)[1]
        z = ops.fori_loop(0, 3, lambda i, v: ops.tanh(v), ops.associative_scan(ops.add, x))
        return ops.add(ops.add(y, z), ops.map(ops.square, x))

    captured = capture(step)
    for _ in range(3):
        x = RNG.standard_normal((5, 3)).astype(np.float32)
        np.testing.assert_array_equal(captured(Tensor(x)).numpy(), step(Tensor(x)).numpy())


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (
            lambda x: ops.cond(ops.sum(x) > 0, lambda: x, lambda: ops.negative(x)),
            "cond decides by the value of a tensor, pred",
        ),
        (lambda x: ops.switch(ops.argmax(x), [ops.exp, ops.sin], x), "switch decides by the value of a tensor, index"),
        (
            lambda x: ops.while_loop(lambda y: ops.sum(y) < 9, lambda y: ops.add(y, 1.0), x),
            "while_loop decides by the value",
        ),
    ],
)
def test_what_follows_values_stays_eager(step, why):
    captured = capture(step)
    x = Tensor(np.ones(3, np.float32))
    with pytest.warns(CaptureWarning, match=why):
        captured(x)
    for sign in (1, -1, 1):
        x = Tensor(np.full(3, sign, np.float32))
        np.testing.assert_array_equal(captured(x).numpy(), step(x).numpy())


def test_in_functional_models():
    x = Input((4,))
    y = ops.map(ops.cumsum, x)
    model = Model(x, ops.scan(lambda c, r: (ops.add(c, r), ops.multiply(r, 2.0)), np.zeros(4, np.float32), y)[1])
    values = RNG.standard_normal((3, 4)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(model(values)), 2 * np.cumsum(values, 1), rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: ops.cond(X, lambda: 1, lambda: 2),
            ValueError,
            r"cond: pred must be one number, got a tensor of \(5, 3\)",
        ),
        (lambda: ops.cond(True, 1, 2), TypeError, "cond: true_fn must be a function"),
        (lambda: ops.switch(0, []), ValueError, "switch: expected one branch"),
        (lambda: ops.switch(0, [1]), TypeError, r"switch: branches\[0\] must be a function"),
        (lambda: ops.while_loop(1, lambda: 1, 0), TypeError, "while_loop: cond must be a function"),
        (
            lambda: ops.while_loop(lambda a, b: True, lambda a, b: a, (0, 1)),
            ValueError,
            "body returned 1 values, expected 2",
        ),
        (lambda: ops.scan(1, 0, X), TypeError, "scan: f must be a function"),
        (lambda: ops.scan(lambda c, x: (c, x), 0.0), ValueError, "scan: expected xs or length"),
        (lambda: ops.scan(lambda c, x: (c, x), 0.0, X, length=4), ValueError, "scan: length=4, but .* size 5"),
        (
            lambda: ops.scan(lambda c, x: (c, x), 0.0, X, unroll=0),
            ValueError,
            "scan: unroll must be a positive integer",
        ),
        (lambda: ops.scan(lambda c, x: (c, x), 0.0, length=0), ValueError, "scan: there is no part"),
        (lambda: ops.map(ops.square, 1.0), ValueError, "map: expected tensors whose first axes have one size"),
        (lambda: ops.map(lambda p: p[0], (X, X[:2])), ValueError, "map: expected tensors"),
        (
            lambda: ops.associative_scan(lambda a, b: a, (X, X[:2])),
            ValueError,
            "associative_scan: expected tensors of one size",
        ),
        (lambda: ops.vectorize(3), TypeError, "vectorize: pyfunc must be a function"),
        (lambda: ops.vectorize(ops.square, signature="n->n")(X), ValueError, "vectorize: signature must be such as"),
        (lambda: ops.vectorize(ops.square, signature="(n),(n)->()")(X), TypeError, "is of 2 arguments, got 1"),
        (lambda: ops.vectorize(ops.add)(X, X[:2]), ValueError, "don't broadcast"),
        (lambda: ops.vectorize(ops.matmul, signature="(n),(n)->()")(X, X[:, :2]), ValueError, "vectorize: n is 3 .* 2"),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_branch_in_a_model_has_its_arguments_alone():
    """A branch that follows the values of an input cannot take another one from outside."""
    x = Input((3,))
    above = ops.greater(ops.sum(x), 0.0)
    with pytest.raises(TypeError, match=r"cond.*symbolic tensor from outside of its arguments; pass it as one"):
        ops.cond(above, lambda: ops.multiply(x, 2.0), lambda: x)
    y = ops.switch(ops.cast(above, "int32"), [lambda t: t, lambda t: ops.multiply(t, 2.0)], x)
    model = Model(x, y)
    np.testing.assert_array_equal(model(np.ones((2, 3), np.float32)).numpy(), 2)
    np.testing.assert_array_equal(model(-np.ones((2, 3), np.float32)).numpy(), -1)
