"""What is asked of matrices, the last two axes of a tensor: inverses, determinants, solutions of equations, norms.

NumPy's LAPACK with gradients in closed formulas.  Not captured, but for norms of rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.autograd import Array, Tensor, wrap
from .by_numpy import by_numpy, in_numpy, several_by_numpy
from .comparison import less, where
from .conversion import TensorLike, _axis, expand_dims, float_pair, float_tensor
from .creation import eye, tril, triu
from .dense import matmul
from .elementwise import absolute
from .expansion import broadcast_to
from .matrix_factors import matrices, solved, svd, transposed
from .reduction import max, min, sum, vector_norm
from .reshape import Axis, moveaxis, reshape, squeeze, swapaxes


def _of_shape(a: Array, shape: tuple[int, ...]) -> Array:
    """The sum over all axes along which an operand of this shape was broadcast."""
    a = a.sum(axis=tuple(range(a.ndim - len(shape))))
    return a.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1 != a.shape[i]), keepdims=True)


def inv(x: TensorLike) -> Tensor:
    """The inverse of square matrices.  Not captured.

    Args:
        x: (..., n, n).

    Raises:
        ValueError: the matrices are not square, or one is singular.

    Example:
        >>> ops.inv([[2.0, 0.0], [0.0, 4.0]])
        Tensor([[0.5 , 0.  ],
                [0.  , 0.25]], shape=(2, 2), dtype=float32)
    """
    x = matrices("inv", x, square=True)
    try:
        y = np.linalg.inv(x._array)
    except np.linalg.LinAlgError:
        raise ValueError("inv: a matrix is singular and has no inverse; pinv has one for all") from None
    back = transposed(y)
    return by_numpy("inv", (x,), y, (lambda dy: -back @ dy @ back,))


def det(x: TensorLike) -> Tensor:
    """The determinant of square matrices, (...); its gradient is right for singular ones, too.  Not captured.

    Args:
        x: (..., n, n).

    Raises:
        ValueError: the matrices are not square.

    Example:
        >>> ops.det([[2.0, 0.0], [0.0, 3.0]])
        Tensor(6., shape=(), dtype=float32)
    """
    x = matrices("det", x, square=True)

    def gradient(dy: Array) -> Array:
        u, s, vt = np.linalg.svd(x._array)
        one = np.ones_like(s[..., :1])
        before = np.cumprod(np.concatenate([one, s[..., :-1]], -1), -1)
        after = np.cumprod(np.concatenate([one, s[..., :0:-1]], -1), -1)[..., ::-1]
        sign = np.linalg.det(u) * np.linalg.det(vt)
        return (sign * dy)[..., None, None] * (u * (before * after)[..., None, :]) @ vt

    return by_numpy("det", (x,), np.linalg.det(x._array), (gradient if x.size else np.zeros_like,))


def _slogdet(op: str, x: TensorLike) -> tuple[Tensor, Tensor]:
    x = matrices(op, x, square=True)
    with np.errstate(all="ignore"):
        signs, logs = np.linalg.slogdet(x._array)

    def gradient(_: Array | None, dy: Array | None) -> Array:
        if dy is None:
            return np.zeros_like(x._array)
        u, s, vt = np.linalg.svd(x._array)
        with np.errstate(all="ignore"):
            return dy[..., None, None] * ((u / s[..., None, :]) @ vt)

    sign, log = several_by_numpy(op, (x,), (signs, logs), gradient)
    return sign, log


def slogdet(x: TensorLike) -> tuple[Tensor, Tensor]:
    """The sign of the determinant of square matrices and the logarithm of its absolute value.  Not captured.

    Args:
        x: (..., n, n).

    Returns: the tuple of signs (...), which have no gradient, and logarithms (...), -inf for singular matrices.

    Raises:
        ValueError: the matrices are not square.

    Example:
        >>> sign, log = ops.slogdet([[2.0, 0.0], [0.0, -3.0]])
        >>> float(sign)
        -1.0
    """
    return _slogdet("slogdet", x)


def logdet(x: TensorLike) -> Tensor:
    """The logarithm of the determinant of square matrices, (...); NaN where that is negative.  Not captured.

    Args:
        x: (..., n, n).

    Raises:
        ValueError: the matrices are not square.

    Example:
        >>> ops.logdet([[2.0, 0.0], [0.0, 3.0]])
        Tensor(1.7918, shape=(), dtype=float32)
    """
    sign, log = _slogdet("logdet", x)
    return where(less(sign, 0), np.nan, log)


def _equations(op: str, a: TensorLike, b: TensorLike) -> tuple[Tensor, Tensor, bool]:
    """Both sides in one type, and whether the right one is of vectors, which become matrices of one column."""
    a, b = float_pair(a, b)
    a = matrices(op, a, square=True, name="a")
    vectors = b.ndim == a.ndim - 1
    if not b.ndim or (b.shape[-1] if vectors else b.shape[-2:-1]) != (a.shape[-1] if vectors else a.shape[-1:]):
        raise ValueError(
            f"{op}: a is {a.shape}, b is {b.shape}; expected b of (..., n) or (..., n, k) for a of (..., n, n)"
        )
    b = expand_dims(b, -1) if vectors else b
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ValueError(f"{op}: a is {a.shape}, b is {b.shape}; their first axes don't broadcast") from None
    return a, b, vectors


def solve(a: TensorLike, b: TensorLike) -> Tensor:
    """The solution x of ``a x = b``.  Not captured.

    Args:
        a: (..., n, n).
        b: (..., n), with one axis less than a, or (..., n, k) for k right sides each.

    Returns: a tensor of b's shape; first axes broadcast.

    Raises:
        ValueError: the shapes do not fit; a matrix is singular.

    Example:
        >>> ops.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 8.0])
        Tensor([1., 2.], shape=(2,), dtype=float32)
    """
    a, b, vectors = _equations("solve", a, b)
    matrix, x = a._array, solved("solve", a._array, b._array)
    y = _solution("solve", a, b, x, lambda dx: solved("solve", transposed(matrix), dx), lambda g: g)
    return squeeze(y, -1) if vectors else y


def _solution(op: str, a: Tensor, b: Tensor, x: Array, back: Any, triangle: Any) -> Tensor:
    """x on the tape.  back: from its gradient to that of b; triangle: the part of a that counts."""

    def of_a(dx: Array) -> Array:
        return _of_shape(triangle(-back(dx) @ transposed(x)), a.shape)

    return by_numpy(op, (a, b), x, (of_a, lambda dx: _of_shape(back(dx), b.shape)))


def solve_triangular(a: TensorLike, b: TensorLike, lower: bool = False) -> Tensor:
    """The solution x of ``a x = b``, where only a triangle of a counts.  Not captured.

    Args:
        a: (..., n, n).
        b: (..., n), with one axis less than a, or (..., n, k) for k right sides each.
        lower: whether it is the lower triangle of a, else the upper one.

    Returns: a tensor of b's shape; first axes broadcast.

    Raises:
        ValueError: the shapes do not fit; an element of the diagonal is zero.

    Example:
        >>> ops.solve_triangular([[2.0, 0.0], [1.0, 1.0]], [[2.0], [3.0]], lower=True)
        Tensor([[1.],
                [2.]], shape=(2, 1), dtype=float32)
    """
    a, b, vectors = _equations("solve_triangular", a, b)
    triangle = np.tril if lower else np.triu
    matrix = triangle(a._array)
    x = solved("solve_triangular", matrix, b._array)
    y = _solution("solve_triangular", a, b, x, lambda dx: solved("solve_triangular", transposed(matrix), dx), triangle)
    return squeeze(y, -1) if vectors else y


def cholesky_inverse(x: TensorLike, upper: bool = False) -> Tensor:
    """The inverse of ``L L^T`` from its factor, as ``cholesky`` gives it.  Not captured.

    Args:
        x: (..., n, n), of which one triangle counts.
        upper: whether that is the upper one, L^T.

    Raises:
        ValueError: the matrices are not square; an element of the diagonal is zero.

    Example:
        >>> ops.cholesky_inverse([[2.0, 0.0], [0.0, 1.0]])
        Tensor([[0.25, 0.  ],
                [0.  , 1.  ]], shape=(2, 2), dtype=float32)
    """
    x = matrices("cholesky_inverse", x, square=True)
    factor = triu(x) if upper else tril(x)
    whole = broadcast_to(eye(x.shape[-1], dtype=x.dtype), x.shape)
    inverse = solve_triangular(factor, whole, not upper)
    return matmul(inverse, swapaxes(inverse, -1, -2)) if upper else matmul(swapaxes(inverse, -1, -2), inverse)


def _cutoff(a: Array, rcond: float | None) -> float:
    """Singular values below this part of the largest count as zero."""
    if rcond is None:
        return float(np.finfo(a.dtype).eps) * np.max(a.shape[-2:], initial=0)
    return float(rcond)


def _of_pseudo_inverse(a: Array, p: Array, dp: Array) -> Array:
    """The gradient of a matrix from that of its pseudo-inverse p, while the rank stays: Golub and Pereyra 1973."""
    back, turned = transposed(p), transposed(dp)
    dx = -back @ dp @ back
    dx = dx + (turned - a @ (p @ turned)) @ p @ back
    return dx + back @ p @ (turned - (turned @ p) @ a)


def pinv(x: TensorLike, rcond: float | None = None) -> Tensor:
    """The pseudo-inverse of matrices, (..., n, m).  Not captured.

    Args:
        x: (..., m, n).
        rcond: singular values up to this part of the largest count as zero; None means the type's precision times the
            larger of m and n.

    Raises:
        ValueError: x has less than two axes.

    Example:
        >>> ops.pinv([[2.0, 0.0], [0.0, 4.0]])
        Tensor([[0.5 , 0.  ],
                [0.  , 0.25]], shape=(2, 2), dtype=float32)
    """
    x = matrices("pinv", x)
    a = x._array
    y = np.linalg.pinv(a, rcond=_cutoff(a, rcond))
    return by_numpy("pinv", (x,), y, (lambda dy: _of_pseudo_inverse(a, y, dy),))


def lstsq(a: TensorLike, b: TensorLike, rcond: float | None = None) -> Tensor:
    """The x of least ``|a x - b|``; of several that of the least length.  Not captured.

    Args:
        a: (m, n).
        b: (m,), or (m, k) for k right sides.
        rcond: singular values of a up to this part of the largest count as zero; None means the type's precision times
            the larger of m and n.

    Returns: a tensor (n,) or (n, k).

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> ops.lstsq([[1.0, 0.0], [0.0, 2.0]], [[1.0], [4.0]])
        Tensor([[1.],
                [2.]], shape=(2, 1), dtype=float32)
    """
    a, b = float_pair(a, b)
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        raise ValueError(f"lstsq: a is {a.shape}, b is {b.shape}; expected a of (m, n), b of (m,) or (m, k)")
    matrix, right = a._array, b._array
    cutoff = _cutoff(matrix, rcond)
    x = np.linalg.lstsq(matrix, right, rcond=cutoff)[0]

    def of_a(dx: Array) -> Array:
        columns, sides = dx.reshape(len(dx), -1), right.reshape(len(right), -1)
        return _of_pseudo_inverse(matrix, np.linalg.pinv(matrix, rcond=cutoff), columns @ sides.T)

    return by_numpy("lstsq", (a, b), x, (of_a, lambda dx: np.linalg.pinv(matrix, rcond=cutoff).T @ dx))


def matrix_rank(x: TensorLike, tol: float | None = None) -> Tensor:
    """How many singular values of matrices count as more than zero, (...) int32.  Not captured.

    Args:
        x: (..., m, n).
        tol: singular values up to this count as zero; None means the largest one times the type's precision times the
            larger of m and n.

    Raises:
        ValueError: x has less than two axes.

    Example:
        >>> ops.matrix_rank([[1.0, 2.0], [2.0, 4.0]])
        Tensor(1, shape=(), dtype=int32)
    """
    x = matrices("matrix_rank", x)
    in_numpy("matrix_rank")
    return wrap(np.asarray(np.linalg.matrix_rank(x._array, tol=tol), np.int32))


def _of_matrices(x: Tensor, ord: Any) -> Tensor:
    """The norm of the last two axes."""
    if ord in ("nuc", 2, -2):
        s = svd(x, compute_uv=False)
        return sum(s, -1) if ord == "nuc" else max(s, -1) if ord == 2 else min(s, -1)
    sums = sum(absolute(x), -2 if abs(ord) == 1 else -1)
    return max(sums, -1) if ord > 0 else min(sums, -1)


def norm(x: TensorLike, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Length of vectors, or a norm of matrices.  The gradient of the Euclidean length is 0 at 0.

    Args:
        ord: None for the root of the sum of squares.  Of vectors a number p, for the p-th root of the sum of p-th
            powers; inf, -inf, 0 for the largest, the smallest, the count of those that are not zero.  Of matrices "fro"
            (as None), "nuc" (sum of singular values), 2 and -2 (the largest and the smallest of them; all three are not
            captured), 1 and -1 (the largest and the smallest sum of a column), inf and -inf (of a row).
        axis: an integer for vectors, a pair for matrices; None with ``ord`` takes x as one or the other, without it all
            elements.

    Raises:
        ValueError: ``ord`` is another one; an axis is out of range; there are more than two axes.

    Example:
        >>> ops.norm([3.0, 4.0])
        Tensor(5., shape=(), dtype=float32)
    """
    x = float_tensor(x)
    if ord is None:
        return vector_norm(x, 2, axis, keepdims)
    given = axis if isinstance(axis, (tuple, list)) else range(x.ndim) if axis is None else (axis,)
    axes = [_axis(a, x.ndim, "norm", x.shape) for a in given]
    if len(axes) not in (1, 2) or len(set(axes)) < len(axes):
        raise ValueError(
            f"norm: ord={ord!r} of x {x.shape} and axis={axis!r}; expected one axis, or two different ones"
        )
    number = isinstance(ord, (int, float)) and not isinstance(ord, bool) and ord == ord
    if len(axes) == 1:
        if not number:
            raise ValueError(f"norm: ord of vectors must be None or a number, got {ord!r}")
        return vector_norm(x, ord, axes[0], keepdims)
    if ord in ("fro", "euclidean"):
        return vector_norm(x, 2, tuple(axes), keepdims)
    if ord != "nuc" and not (number and abs(ord) in (1, 2, np.inf)):
        raise ValueError(f"norm: ord of matrices must be None, 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, got {ord!r}")
    y = _of_matrices(moveaxis(x, axes, (-2, -1)), ord)
    return reshape(y, [1 if a in axes else n for a, n in enumerate(x.shape)]) if keepdims else y


__all__ = [
    "cholesky_inverse", "det", "inv", "logdet", "lstsq", "matrix_rank", "norm", "pinv", "slogdet", "solve",
    "solve_triangular",
]  # fmt: skip
