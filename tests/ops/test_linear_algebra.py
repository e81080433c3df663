"""Products over any axes, vectors and diagonals against NumPy; their gradients; errors."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import ops
from lamina.core.autograd import Tensor
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.standard_normal(shape)


def same(got, want):
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-11, atol=1e-12)


SUBSCRIPTS = [
    ("ij,jk->ik", (3, 4), (4, 5)),
    ("ij,jk", (3, 4), (4, 5)),
    ("ij , jk -> ki", (3, 4), (4, 5)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)),
    ("bhqk,bkhd->bqhd", (2, 2, 3, 5), (2, 5, 2, 4)),
    ("ij->ji", (3, 4)),
    ("ij->", (3, 4)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iij->ji", (3, 3, 2)),
    ("iii->i", (3, 3, 3)),
    ("ijij->ij", (3, 2, 3, 2)),
    ("i,i->", (3,), (3,)),
    ("i,j->ij", (3,), (4,)),
    ("ij,ij->ij", (3, 4), (3, 4)),
    ("ij,ij", (3, 4), (3, 4)),
    ("ij,kj->i", (3, 4), (5, 4)),
    ("ij,jk->ik", (3, 1), (4, 5)),
    ("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 6)),
    ("...ij,jk", (2, 3, 4), (4, 6)),
    ("b...i,b...j->...ij", (2, 3, 4), (2, 3, 5)),
    ("i...->...", (2, 3, 4)),
    ("...,...", (3, 1), (4,)),
    ("ij,jk,kl->il", (3, 4), (4, 5), (5, 2)),
    ("ij,jk,kl,lm->im", (3, 4), (4, 5), (5, 2), (2, 3)),
    ("a,a,a->a", (3,), (3,), (3,)),
    ("a,b,c->cab", (3,), (2,), (4,)),
    ("ab,b,ab,->a", (3, 4), (4,), (3, 4), ()),
]


@pytest.mark.parametrize("case", SUBSCRIPTS, ids=str)
def test_einsum(case):
    subscripts, *shapes = case
    operands = [normal(*shape) for shape in shapes]
    same(ops.einsum(subscripts, *operands), np.einsum(subscripts, *operands))
    check_gradients(lambda *t: ops.einsum(subscripts, *t), *operands)
    integers = [(x * 5).astype(np.int32) for x in operands]
    got = ops.einsum(subscripts, *integers, optimize=True)
    assert got.dtype == np.int32
    same(got, np.einsum(subscripts, *integers))


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk->ik", [(2, 0), (0, 3)]),
        ("ij,jk->ik", [(2, 1), (0, 3)]),
        ("i,i->", [(1,), (0,)]),
        ("ij,jk,kl->il", [(2, 0), (0, 3), (3, 2)]),
    ],
)
def test_einsum_of_nothing_is_zero(subscripts, shapes):
    operands = [np.ones(shape, np.float32) for shape in shapes]
    same(ops.einsum(subscripts, *operands), np.einsum(subscripts, *operands))


def test_axes_named_twice():
    x = normal(3, 3)
    with pytest.raises(ValueError, match=r"tensordot: axes \(\(0, -2\), \(0, 1\)\) name one twice"):
        ops.tensordot(x, x, ((0, -2), (0, 1)))
    with pytest.raises(ValueError, match=r"quantile: axis \(0, -2\) names an axis of x, which is \(3, 3\), twice"):
        ops.quantile(x, 0.5, axis=(0, -2))


@pytest.mark.parametrize("n", [3, 4, 5])
def test_einsum_of_many_numbers(n):
    """NumPy multiplies what has no letters at once."""
    factors = [2.0, 3.0, 5.0, 7.0, 11.0][:n]
    same(ops.einsum("," * (n - 1) + "->", *factors), np.prod(factors))
    vectors = [f * np.ones(i + 1) for i, f in enumerate(factors)]
    same(ops.einsum(",".join("abcde"[:n]) + "->", *vectors), np.prod([v.sum() for v in vectors]))


def test_einsum_errors():
    x, y = normal(3, 4), normal(5, 6)
    with pytest.raises(ValueError, match=r"einsum: 'ij,jk->ik' with \(3, 4\), \(5, 6\): an axis is 4 in one place, 5"):
        ops.einsum("ij,jk->ik", x, y)
    with pytest.raises(ValueError, match=r"einsum: 'ij->i' names 1 operands, got 2"):
        ops.einsum("ij->i", x, y)
    with pytest.raises(ValueError, match=r"einsum: 'ijk' in 'ijk->i' does not describe an operand of shape \(3, 4\)"):
        ops.einsum("ijk->i", x)
    with pytest.raises(ValueError, match="must name axes of the operands, each of them once"):
        ops.einsum("ij->k", x)
    with pytest.raises(TypeError, match="einsum: expected subscripts such as"):
        ops.einsum(x, [0, 1])
    with pytest.raises(TypeError, match="einsum: unknown argument 'out'"):
        ops.einsum("ij", x, out=y)


MATRICES = [((3,), (3,)), ((3, 4), (4,)), ((4,), (4, 3)), ((2, 3, 4), (4,)), ((4,), (2, 4, 3)), ((3, 4), (5, 4, 6))]
MATRICES += [((2, 1, 3, 4), (5, 4, 6)), ((5, 3, 4), (4, 6)), ((1, 3, 4), (5, 4, 6)), ((2, 3, 4), (2, 4, 3))]


@pytest.mark.parametrize(("x", "y"), MATRICES, ids=str)
def test_matmul_by_numpys_rules(x, y):
    a, b = normal(*x), normal(*y)
    same(ops.matmul(a, b), a @ b)
    same(Tensor(a) @ b, a @ b)
    check_gradients(ops.matmul, a, b)


def test_matmul_of_integers():
    x, y = RNG.integers(-9, 9, (3, 4)), RNG.integers(-9, 9, (4, 2))
    for a, b, kind in ((np.int32, np.int32, np.int32), (np.int32, np.int64, np.int64), (np.bool_, np.int32, np.int32)):
        got = ops.matmul(x.astype(a), y.astype(b))
        assert got.dtype == kind
        same(got, x.astype(a) @ y.astype(b))
    assert ops.matmul(x, y.astype(np.float32)).dtype == np.float32


def test_matmul_errors():
    with pytest.raises(
        ValueError, match=r"matmul: a is \(3, 4\), b is \(3,\); a's last axis \(4\) must equal b's only"
    ):
        ops.matmul(normal(3, 4), normal(3))
    with pytest.raises(ValueError, match=r"matmul: a is \(4,\), b is \(\); both need an axis, multiply"):
        ops.matmul(normal(4), 2.0)
    with pytest.raises(ValueError, match=r"matmul: a is \(2, 3, 4\), b is \(3, 4, 5\); all axes but the last two"):
        ops.matmul(normal(2, 3, 4), normal(3, 4, 5))


PAIRS = [((), (3,)), ((3,), (3,)), ((3, 4), (4,)), ((3, 4), (4, 5)), ((2, 3, 4), (4,)), ((2, 3, 4), (5, 4, 6))]


@pytest.mark.parametrize(("x", "y"), [*PAIRS, ((4,), (5, 4, 6))], ids=str)
def test_dot(x, y):
    a, b = normal(*x), normal(*y)
    same(ops.dot(a, b), np.dot(a, b))
    check_gradients(ops.dot, a, b)


@pytest.mark.parametrize(("x", "y"), [((), (3,)), ((3,), (3,)), ((3, 4), (4,)), ((3, 4), (2, 5, 4))], ids=str)
def test_inner(x, y):
    a, b = normal(*x), normal(*y)
    same(ops.inner(a, b), np.inner(a, b))
    check_gradients(ops.inner, a, b)


def test_outer_and_vdot():
    a, b = normal(2, 3), normal(4)
    same(ops.outer(a, b), np.outer(a, b))
    check_gradients(ops.outer, a, b)
    same(ops.vdot(a, a + 1), np.vdot(a, a + 1))
    check_gradients(ops.vdot, a, a + 1)


@pytest.mark.parametrize("axes", [0, ((1, 0), (0, 1)), ((0, 1), (1, 0)), (0, 1), (-2, 0)], ids=str)
def test_tensordot(axes):
    a, b = normal(3, 4, 2), normal(4, 3, 2)
    same(ops.tensordot(a, b, axes), np.tensordot(a, b, axes))
    check_gradients(lambda x, y: ops.tensordot(x, y, axes), a, b)


def test_tensordot_over_a_number_of_axes():
    a, b = normal(3, 4, 2), normal(4, 2, 5)
    for n in (2, 0):
        same(ops.tensordot(a, b, n), np.tensordot(a, b, n))
    same(ops.tensordot(a, b), np.tensordot(a, b))
    with pytest.raises(
        ValueError, match=r"tensordot: x1 is \(3, 4, 2\), x2 is \(4, 2, 5\); axes \[2\] and \[0\] differ"
    ):
        ops.tensordot(a, b, 1)
    with pytest.raises(ValueError, match="there are no 4 axes to sum over in both"):
        ops.tensordot(a, b, 4)
    with pytest.raises(ValueError, match="axes must be an integer or"):
        ops.tensordot(a, b, (1, 2, 3))


CROSS = [((3,), (3,), {}), ((5, 3), (3,), {}), ((2, 5, 3), (5, 3), {}), ((3, 5), (3, 5), {"axis": 0})]
CROSS += [((5, 3), (3, 5), {"axisb": 0}), ((5, 3), (5, 3), {"axisc": 0})]


@pytest.mark.parametrize(("x", "y", "axes"), CROSS, ids=str)
def test_cross(x, y, axes):
    a, b = normal(*x), normal(*y)
    same(ops.cross(a, b, **axes), np.cross(a, b, **axes))
    check_gradients(lambda s, t: ops.cross(s, t, **axes), a, b)


def test_cross_in_a_plane():
    a, b, c = normal(4, 2), normal(4, 2), normal(4, 3)
    same(ops.cross(a, b), a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    flat = np.concatenate([a, np.zeros((4, 1))], 1)
    same(ops.cross(a, c), np.cross(flat, c))
    same(ops.cross(c, a), np.cross(c, flat))
    check_gradients(ops.cross, a, c)
    with pytest.raises(ValueError, match=r"cross: expected vectors of 2 or 3, got \(4, 2\) and \(4,\)"):
        ops.cross(a, normal(4))


@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (4, 4), (1, 3)], ids=str)
@pytest.mark.parametrize("k", range(-4, 5))
def test_diagonals(shape, k):
    x = normal(*shape)
    same(ops.diagonal(x, k), np.diagonal(x, k))
    same(ops.trace(x, k), np.trace(x, k))
    same(ops.diag(x, k), np.diag(x, k))
    same(ops.diag(x[0], k), np.diag(x[0], k))
    same(ops.diagflat(x, k), np.diagflat(x, k))
    check_gradients(lambda t: ops.diagonal(t, k), x)
    check_gradients(lambda t: ops.diag(t, k), x[0])


def test_diagonals_of_other_axes():
    x = normal(2, 3, 4, 3)
    for axes in ((1, 3), (3, 1), (-1, 0)):
        same(ops.diagonal(x, 1, *axes), np.diagonal(x, 1, *axes))
        same(ops.trace(x, -1, *axes), np.trace(x, -1, *axes))
    assert ops.diag(np.array([1, np.inf])).tolist() == [[1, 0], [0, np.inf]]
    assert ops.diag(np.array([1, 2])).dtype == np.int64
    with pytest.raises(ValueError, match=r"diagonal: axis1 and axis2 are both 1"):
        ops.diagonal(x, 0, 1, -3)
    with pytest.raises(ValueError, match=r"diag: expected a vector or a matrix, x is \(2, 3, 4, 3\)"):
        ops.diag(x)
