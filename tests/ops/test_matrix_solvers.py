"""Inverses, determinants, solutions and norms against NumPy's; gradients, also where a matrix is singular; errors."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Input, Tensor, ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
SQUARE = RNG.standard_normal((2, 4, 4)) + 2 * np.eye(4)
POSITIVE = SQUARE @ np.swapaxes(SQUARE, -1, -2) + np.eye(4)


def same(got, want, rtol=1e-11):
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got.numpy(), want, rtol=rtol, atol=1e-12)


def test_inv_and_det():
    same(ops.inv(SQUARE), np.linalg.inv(SQUARE))
    check_gradients(ops.inv, SQUARE)
    for x in (
        SQUARE,
        SQUARE[0],
        np.ones((1, 1)),
        np.zeros((2, 2)),
        np.outer([1.0, 2, 3], [2.0, 1, 1]),
        np.diag([1.0, 0, 3]),
    ):
        same(ops.det(x), np.linalg.det(x))
        check_gradients(ops.det, x)  # of rank n - 1 as well as of less


def test_logarithms_of_determinants():
    x = SQUARE.copy()
    x[1, 0] *= -1
    sign, log = ops.slogdet(x)
    want = np.linalg.slogdet(x)
    same(sign, want[0])
    same(log, want[1])
    check_gradients(lambda x: ops.slogdet(x)[1], x)
    check_gradients(lambda x: ops.multiply(*ops.slogdet(x)), x)
    same(ops.logdet(POSITIVE), np.linalg.slogdet(POSITIVE)[1])
    check_gradients(ops.logdet, POSITIVE)
    assert np.isnan(ops.logdet(np.diag([1.0, -1.0])).item())
    assert ops.logdet(np.zeros((2, 2))).item() == -np.inf
    same(ops.logdet(1e-3 * np.eye(200)), 200 * np.log(1e-3))  # whose determinant is no float


@pytest.mark.parametrize("shapes", [((4, 4), (4,)), ((4, 4), (4, 3)), ((2, 4, 4), (2, 4)), ((2, 4, 4), (2, 4, 3)),
                                    ((4, 4), (2, 4, 3)), ((1, 4, 4), (2, 4, 3)), ((2, 4, 4), (1, 4, 3))])  # fmt: skip
def test_solve(shapes):
    a = RNG.standard_normal(shapes[0]) + 2 * np.eye(4)
    b = RNG.standard_normal(shapes[1])
    vectors = b.ndim == a.ndim - 1
    column = b[..., None] if vectors else b
    for lower, f in (
        (None, ops.solve),
        (True, lambda a, b: ops.solve_triangular(a, b, True)),
        (False, ops.solve_triangular),
    ):
        x = f(a, b)
        matrix = a if lower is None else np.tril(a) if lower else np.triu(a)
        np.testing.assert_allclose(matrix @ (x.numpy()[..., None] if vectors else x.numpy()), np.broadcast_to(
            column, np.broadcast_shapes(column.shape, (*a.shape[:-2], 1, 1))), atol=1e-11)  # fmt: skip
        check_gradients(f, a, b)


@pytest.mark.parametrize("upper", [False, True])
def test_cholesky_inverse(upper):
    factor = ops.cholesky(POSITIVE, upper)
    same(ops.cholesky_inverse(factor, upper), np.linalg.inv(POSITIVE), 1e-9)
    check_gradients(lambda x: ops.cholesky_inverse(x, upper), factor.numpy())


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (2, 3, 4)])
def test_pinv(shape):
    x = RNG.standard_normal(shape)
    same(ops.pinv(x), np.linalg.pinv(x))
    check_gradients(ops.pinv, x)
    same(ops.pinv(x, 0.5), np.linalg.pinv(x, rcond=0.5))


def test_pseudo_inverse_of_a_lower_rank():
    a, b = RNG.standard_normal((5, 2)), RNG.standard_normal((2, 4))
    product = ops.pinv(ops.matmul(a, b), 1e-8)
    same(product, np.linalg.pinv(a @ b, rcond=1e-8))
    check_gradients(lambda a, b: ops.pinv(ops.matmul(a, b), 1e-8), a, b)  # of constant rank
    assert ops.matrix_rank(a @ b).item() == 2


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6)])
def test_lstsq(shape):
    a = RNG.standard_normal(shape)
    for b in (RNG.standard_normal(shape[0]), RNG.standard_normal((shape[0], 2))):
        same(ops.lstsq(a, b), np.linalg.lstsq(a, b)[0])
        check_gradients(ops.lstsq, a, b)
    left, right = RNG.standard_normal((5, 2)), RNG.standard_normal((2, 4))
    check_gradients(lambda p, q: ops.lstsq(ops.matmul(p, q), np.arange(5.0), 1e-8), left, right)


def test_matrix_rank():
    x = np.stack([np.eye(3), np.diag([1.0, 1e-3, 0])])
    got = ops.matrix_rank(x)
    assert (got.tolist(), got.dtype) == ([3, 2], np.int32)
    assert ops.matrix_rank(x, 0.01).tolist() == [3, 1]


@pytest.mark.parametrize("keepdims", [False, True])
def test_norms(keepdims):
    x = RNG.standard_normal((3, 4, 5))
    for ord in (None, 2, 1, 0, 3, -1, 0.5, np.inf, -np.inf):
        same(ops.norm(x, ord, 1, keepdims), np.linalg.norm(x, ord, 1, keepdims))
        check_gradients(lambda x, ord=ord: ops.norm(x, ord, 1, keepdims), x) if ord != 0 else None
    for ord in (None, "fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf):
        for axis in ((0, 2), (2, 1), (-3, 1)):
            same(ops.norm(x, ord, axis, keepdims), np.linalg.norm(x, ord, axis, keepdims))
            check_gradients(lambda x, ord=ord, axis=axis: ops.norm(x, ord, axis, keepdims), x)
    same(ops.norm(x, keepdims=keepdims), np.linalg.norm(x.ravel()).reshape((1, 1, 1) if keepdims else ()))
    same(ops.norm(x[0], 2, keepdims=keepdims), np.linalg.norm(x[0], 2, keepdims=keepdims))
    same(ops.norm(x[0, 0], 3), np.linalg.norm(x[0, 0], 3))
    zero = Tensor(np.zeros(3), requires_grad=True)
    ops.norm(zero, 3).backward()
    assert zero.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types(dtype):
    x, b = POSITIVE.astype(dtype), np.ones((2, 4), dtype)
    results = [ops.inv(x), ops.det(x), *ops.slogdet(x), ops.logdet(x), ops.solve(x, b), ops.solve_triangular(x, b),
               ops.cholesky_inverse(x), ops.pinv(x), ops.lstsq(x[0], b[0]), ops.norm(x, "nuc", (1, 2))]  # fmt: skip
    assert {t.dtype for t in results} == {np.dtype(dtype)}


def test_functional_models_know_the_shapes():
    x, b = Input((4, 4)), Input((4,))
    for f in (ops.inv, ops.pinv, ops.cholesky_inverse):
        assert f(x).shape == (None, 4, 4)
    assert ops.det(x).shape == ops.logdet(x).shape == ops.matrix_rank(x).shape == (None,)
    assert ops.solve(x, b).shape == ops.solve_triangular(x, b).shape == (None, 4)


@pytest.mark.parametrize(
    "name",
    ["cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv", "logdet", "slogdet", "solve", "solve_triangular"],
)
@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (4, 2, 3)], ids=str)
def test_square_matrices_alone(name, shape):
    further = [np.ones(2)] if name.startswith("solve") else []
    with pytest.raises(ValueError, match=name) as error:
        getattr(ops, name)(np.ones(shape), *further)
    argument = "a" if further else "x"
    assert str(error.value) == f"{name}: {argument} is {shape}; expected square matrices, (..., n, n)"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.inv(np.zeros((2, 2))), "inv: a matrix is singular"),
        (lambda: ops.inv(np.zeros((2, 3))), "inv: x is .* expected square"),
        (lambda: ops.solve(np.zeros((2, 2)), [1.0, 2.0]), "solve: a matrix is singular"),
        (lambda: ops.solve(SQUARE, np.ones(3)), r"solve: a is \(2, 4, 4\), b is \(3,\)"),
        (lambda: ops.solve(SQUARE, np.ones((3, 4, 1))), "solve: .* first axes don't broadcast"),
        (
            lambda: ops.solve_triangular(np.triu(np.ones((2, 2)), 1), [1.0, 2.0]),
            "solve_triangular: a matrix is singular",
        ),
        (lambda: ops.lstsq(np.ones((3, 2)), np.ones(2)), r"lstsq: a is \(3, 2\), b is \(2,\)"),
        (lambda: ops.pinv([1.0]), "pinv: x is .* expected a matrix"),
        (lambda: ops.norm(SQUARE, 2), "norm: ord=2 of x .* axis=None"),
        (lambda: ops.norm(SQUARE, "fro", 1), "norm: ord of vectors must be None or a number"),
        (lambda: ops.norm(SQUARE, 3, (0, 1)), "norm: ord of matrices must be"),
        (lambda: ops.norm(SQUARE, 1, 5), "norm: axis 5 is outside"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
