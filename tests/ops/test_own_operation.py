"""Gradients of a user's own reach the arguments or are an error; derivatives along a direction."""

from __future__ import annotations

import ast
import gc
import weakref
from pathlib import Path

import numpy as np
import pytest

import lamina
from lamina import CaptureWarning, Input, Model, Tensor, capture, ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 4))


def ten_times(gradient=lambda dy: ops.multiply(dy, 10.0)):
    return lamina.custom_gradient(lambda x: (ops.copy(x), gradient))


def test_of_one_argument():
    x = Tensor(X, requires_grad=True)
    ten_times()(x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 10)
    y = ten_times()(X)
    assert not y.requires_grad
    np.testing.assert_array_equal(y.numpy(), X)


def test_kerass_example():
    @ops.custom_gradient
    def log1pexp(x):
        e = ops.exp(x)

        def grad(*args, upstream=None):
            if upstream is None:
                (upstream,) = args
            return ops.multiply(upstream, 1.0 - 1.0 / ops.add(1, e))

        return ops.log(1 + e), grad

    check_gradients(log1pexp, X)
    assert log1pexp.__name__ == "log1pexp"
    x = Tensor(np.array(100.0), requires_grad=True)
    log1pexp(x).backward()
    assert x.grad.item() == 1


def test_of_several_arguments_and_results():
    @lamina.custom_gradient
    def f(x, factor, pair, scale=1.0):
        y = {"product": ops.multiply(ops.multiply(x, pair[0]), factor * scale), "sum": ops.add(x, pair[1])}

        def grad(upstream):
            product, total = upstream["product"], upstream["sum"]
            dx = ops.add(ops.multiply(ops.multiply(product, pair[0]), factor * scale), total)
            return dx, None, ops.multiply(ops.multiply(product, x), factor * scale), total

        return y, grad

    a, b = RNG.standard_normal((2, 3, 4))
    check_gradients(lambda x, a, b: f(x, 3.0, (a, b), scale=2.0)["product"], X, a, b)
    check_gradients(lambda x, a, b: f(x, 3.0, [a, b])["sum"], X, a, b)
    check_gradients(lambda x, a, b: ops.add(*f(x, 3.0, [a, b]).values()), X, a, b)
    check_gradients(lambda x: ops.multiply(f(x, 2.0, (x, x))["product"], x), X)  # all gradients add up


def test_results_of_integers_and_arrays_as_gradients():
    f = lamina.custom_gradient(lambda x: ((ops.argmax(x), ops.square(x)), lambda _, dy: 2 * X * np.asarray(dy)))
    x = Tensor(X, requires_grad=True)
    place, y = f(x)
    assert not place.requires_grad
    y.backward(X)
    np.testing.assert_allclose(x.grad.numpy(), 2 * X * X)


def test_in_captured_steps_and_models():
    reverse = lamina.custom_gradient(lambda x: (ops.tanh(x), lambda dy: ops.multiply(dy, -1.0)))
    x = Tensor(X.astype(np.float32), requires_grad=True)

    @capture
    def step(scale):
        x.zero_grad()
        ops.sum(ops.multiply(reverse(x), scale)).backward()

    for scale in (1.0, 2.0, 3.0):
        step(Tensor(np.float32(scale)))
        np.testing.assert_array_equal(x.grad.numpy(), -np.float32(scale))
    inputs = Input((4,))
    model = Model(inputs, reverse(inputs))
    np.testing.assert_allclose(np.asarray(model(X)), np.tanh(X), rtol=1e-5)
    with pytest.warns(CaptureWarning, match="the gradient of <lambda> is an array of NumPy's"):
        capture(lambda t: ten_times(lambda dy: np.ones((3, 4)))(x).sum().backward())(Tensor(1.0))


@pytest.mark.parametrize(
    ("f", "error", "message"),
    [
        (lambda x: x, TypeError, r"expected \(result, gradient function\) of a custom_gradient"),
        (lambda x: (x, 3), TypeError, r"expected \(result, gradient function\)"),
        (lambda x: (x, lambda dy: (dy, dy)), ValueError, "its gradient returned 2 gradients, expected 1"),
        (
            lambda x: (x, ops.sum),
            ValueError,
            r"its gradient for argument 0 is \(\), the argument \(3, 4\)",
        ),
        (lambda x: (x, lambda dy: "steep"), TypeError, "its gradient returned 'steep' for argument 0"),
        (lambda x: (x, lambda dy: [dy, None]), ValueError, "its gradient returned 2 gradients"),
    ],
)
def test_errors(f, error, message):
    with pytest.raises(error, match=message):
        lamina.custom_gradient(f)(Tensor(X, requires_grad=True)).sum().backward()


def test_a_keyword_argument_that_wants_a_gradient_is_refused():
    f = lamina.custom_gradient(lambda x, factor=1.0: (ops.multiply(x, factor), lambda dy: ops.multiply(dy, factor)))
    w = Tensor(X, requires_grad=True)
    with pytest.raises(TypeError, match="factor wants a gradient, which reaches positional arguments alone"):
        f(X, factor=w)
    with lamina.no_grad():
        f(X, factor=w)
    x = Tensor(X, requires_grad=True)
    f(x, factor=w.detach()).backward(np.ones_like(X))
    np.testing.assert_array_equal(x.grad.numpy(), X)


def test_the_librarys_own_operations_do_not_pay_for_the_checks():
    """Of record, record_view and record_many, which check what backward functions do, only users are callers."""
    checked = {"record", "record_view", "record_many"}
    for path in Path(lamina.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("autograd"):
                assert not checked & {a.name for a in node.names}, path


def test_none_is_no_gradient_and_errors_of_users_are_theirs():
    x = Tensor(X, requires_grad=True)
    lamina.custom_gradient(lambda x: (ops.copy(x), lambda dy: None))(x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 0)
    with pytest.raises(TypeError, match="custom_gradient: expected a function, got 3"):
        lamina.custom_gradient(3)

    def fails(dy):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        lamina.custom_gradient(lambda x: (x, fails))(x).sum().backward()


def test_jvp():
    t = RNG.standard_normal((3, 4))
    y, dy = ops.jvp(ops.sin, (X,), (t,))
    np.testing.assert_allclose(y.numpy(), np.sin(X))
    np.testing.assert_allclose(dy.numpy(), np.cos(X) * t, rtol=1e-12)
    a, b = RNG.standard_normal((2, 2, 2))
    _, (dy, dz), aux = ops.jvp(lambda a, b: ((ops.matmul(a, b), ops.sum(a)), "more"), (a, b), (b, a), has_aux=True)
    np.testing.assert_allclose(dy.numpy(), b @ b + a @ a, rtol=1e-12)
    np.testing.assert_allclose(dz.numpy(), b.sum())
    assert aux == "more"
    assert ops.jvp(ops.argmax, (X,), (t,))[1].item() == 0
    with pytest.raises(ValueError, match=r"jvp: primals are \[\(3, 4\)\], tangents \[\(3,\)\]"):
        ops.jvp(ops.sin, (X,), (t[:, 0],))
    with pytest.raises(TypeError, match="jvp: primals and tangents must be tuples"):
        ops.jvp(ops.sin, X, t)


def test_a_function_with_a_gradient_is_forgotten_with_its_last_name():
    def square(x):
        return ops.square(x), lambda dy: dy

    seen = weakref.ref(square)
    made = lamina.custom_gradient(square)
    assert made(X).shape == X.shape
    del square, made
    gc.collect()
    assert seen() is None


def test_a_gradient_without_a_signature_is_asked_for_with_the_upstream_one_alone():
    """NumPy's functions of C have none; so has no builtin type."""
    x = Tensor(X, requires_grad=True)
    ten_times(np.negative)(x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), -1)
