"""Factors of matrices, the last two axes of a tensor: NumPy's LAPACK with gradients in closed formulas.  Not captured.

Formulas: Giles 2008, Walter and Lehmann 2012 (QR), Townsend 2016 (SVD), Boeddeker et al. 2017 (eigenvectors).  Vectors
that belong to equal eigenvalues or singular values have no gradient: it is infinite or NaN there, those of the values
are right.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.autograd import Array, Tensor, wrap
from .by_numpy import by_numpy, several_by_numpy
from .conversion import TensorLike, float_tensor

_SILENT: Any = {"divide": "ignore", "invalid": "ignore", "over": "ignore"}


def matrices(op: str, x: TensorLike, square: bool = False, name: str = "x") -> Tensor:
    """x as floats with two axes or more, of which the last two are equal if ``square``."""
    x = float_tensor(x)
    if x.ndim < 2:
        raise ValueError(f"{op}: {name} is {x.shape}; expected a matrix, two axes or more")
    if square and x.shape[-1] != x.shape[-2]:
        raise ValueError(f"{op}: {name} is {x.shape}; expected square matrices, (..., n, n)")
    return x


def transposed(a: Array) -> Array:
    return np.swapaxes(a, -1, -2)


def solved(op: str, a: Array, b: Array) -> Array:
    """The solution of ``a x = b``; a ValueError for matrices that are singular."""
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        raise ValueError(f"{op}: a matrix is singular, so that there is no one solution") from None


def _diagonal(a: Array) -> Array:
    """(..., n, n) with the elements of (..., n) on the diagonal."""
    return a[..., None] * np.eye(a.shape[-1], dtype=a.dtype)


def _reciprocal_gaps(values: Array) -> Array:
    """1 / (v_j - v_i), 0 where i is j."""
    gaps = values[..., None, :] - values[..., :, None]
    n = values.shape[-1]
    gaps[..., np.arange(n), np.arange(n)] = np.inf
    with np.errstate(**_SILENT):
        return 1 / gaps


def cholesky(x: TensorLike, upper: bool = False) -> Tensor:
    """The triangular matrix L of ``x = L L^T``, x symmetric and positive definite.  Not captured.

    The lower triangle of x is read; the gradient is that of a symmetric matrix.

    Args:
        x: (..., n, n).
        upper: whether the result is the upper triangle, L^T.

    Raises:
        ValueError: the matrices are not square, or not positive definite.

    Example:
        >>> ops.cholesky([[4.0, 2.0], [2.0, 5.0]])
        Tensor([[2., 0.],
                [1., 2.]], shape=(2, 2), dtype=float32)
    """
    x = matrices("cholesky", x, square=True)
    try:
        lower = np.linalg.cholesky(x._array)
    except np.linalg.LinAlgError:
        raise ValueError(
            "cholesky: a matrix is not positive definite; if it is but for rounding, add a little to its diagonal"
        ) from None

    def gradient(dy: Array) -> Array:
        inner = np.tril(transposed(lower) @ (transposed(dy) if upper else dy))
        inner = inner - _diagonal(np.diagonal(inner, axis1=-2, axis2=-1)) / 2
        half = transposed(solved("cholesky", transposed(lower), inner))  # inner^T L^-1
        outer = solved("cholesky", transposed(lower), half)
        return (outer + transposed(outer)) / 2

    return by_numpy("cholesky", (x,), transposed(lower) if upper else lower, (gradient,))


def qr(x: TensorLike, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """Orthonormal columns Q and a triangular R with ``x = Q R``.  Not captured.

    Args:
        x: (..., m, n).
        mode: "reduced" gives Q (..., m, k) and R (..., k, n) with k = min(m, n); "complete" gives Q (..., m, m) and R
            (..., m, n), which for m > n have no gradient: asking for it is a ValueError.

    Returns: the tuple (Q, R).

    Raises:
        ValueError: x has less than two axes; ``mode`` is another one.

    Example:
        >>> q, r = ops.qr(np.eye(2, dtype="float32"))
        >>> q.shape, r.shape
        ((2, 2), (2, 2))
    """
    x = matrices("qr", x)
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: mode must be 'reduced' or 'complete', got {mode!r}")
    q, r = np.linalg.qr(x._array, mode)  # type: ignore[call-overload]
    m, n = x.shape[-2:]

    def gradient(dq: Array | None, dr: Array | None) -> Array:
        if mode == "complete" and m > n:
            raise ValueError(
                f"qr: mode='complete' of x {x.shape} has no gradient: its last columns are free; use 'reduced'"
            )
        dq, dr = np.zeros_like(q) if dq is None else dq, np.zeros_like(r) if dr is None else dr
        k = min(m, n)
        square, rest, of_rest = r[..., :k], x._array[..., k:], dr[..., k:]  # of a wide x all columns behind the first k
        dq = dq + rest @ transposed(of_rest)
        inner = square @ transposed(dr[..., :k]) - transposed(dq) @ q
        inner = np.tril(inner) + transposed(np.tril(inner, -1))
        first = transposed(solved("qr", square, transposed(dq + q @ inner)))
        return np.concatenate([first, q @ of_rest], axis=-1)

    first, second = several_by_numpy("qr", (x,), (q, r), gradient)
    return first, second


def svd(x: TensorLike, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """The singular values of x, in descending order, and their vectors: ``x = U diag(s) V^T``.  Not captured.

    Args:
        x: (..., m, n).
        full_matrices: whether U is (..., m, m) and V^T (..., n, n); else k = min(m, n) columns and rows of them.  Those
            beyond are free, so that a gradient of theirs is a ValueError.
        compute_uv: whether the vectors are returned, too.

    Returns: the tuple (U, s, V^T), or s (..., k) alone.

    Raises:
        ValueError: x has less than two axes; the decomposition does not converge.

    Example:
        >>> u, s, v = ops.svd([[3.0, 0.0], [0.0, 4.0]])
        >>> s
        Tensor([4., 3.], shape=(2,), dtype=float32)
    """
    x = matrices("svd", x)
    m, n = x.shape[-2:]
    k = min(m, n)
    try:
        u, s, vt = np.linalg.svd(x._array, full_matrices=bool(full_matrices))
    except np.linalg.LinAlgError:
        raise ValueError("svd: the decomposition does not converge; is x finite?") from None

    def gradient(du: Array | None, ds: Array | None, dvt: Array | None) -> Array:
        for d, name, axis, size in ((du, "U", -1, k), (dvt, "V^T", -2, k)):
            if d is not None and np.take(d, np.arange(size, d.shape[axis]), axis).any():
                raise ValueError(
                    f"svd: what lies beyond the first {k} vectors of {name} is free; use full_matrices=False"
                )
        left, right = u[..., :k], transposed(vt[..., :k, :])
        inner = _diagonal(ds) if ds is not None else np.zeros((*s.shape, k), s.dtype)
        outer = np.zeros_like(x._array)
        if du is not None or dvt is not None:
            gaps = _reciprocal_gaps(s * s)
            with np.errstate(**_SILENT):
                if du is not None:
                    du = du[..., :k]
                    turned = transposed(left) @ du
                    inner = inner + gaps * (turned - transposed(turned)) * s[..., None, :]
                    if m > k:
                        outer += ((du - left @ turned) / s[..., None, :]) @ transposed(right)
                if dvt is not None:
                    dv = transposed(dvt[..., :k, :])
                    turned = transposed(right) @ dv
                    inner = inner + s[..., :, None] * gaps * (turned - transposed(turned))
                    if n > k:
                        outer += left @ transposed((dv - right @ turned) / s[..., None, :])
        return left @ inner @ transposed(right) + outer

    if not compute_uv:
        return by_numpy("svd", (x,), s, (lambda ds: gradient(None, ds, None),))
    return tuple(several_by_numpy("svd", (x,), (u, s, vt), gradient))


def eigh(x: TensorLike) -> tuple[Tensor, Tensor]:
    """The eigenvalues of symmetric matrices, in ascending order, and their vectors.  Not captured.

    The lower triangle of x is read; the gradient is that of a symmetric matrix.

    Args:
        x: (..., n, n).

    Returns: the tuple of values (..., n) and vectors, the columns of (..., n, n).

    Raises:
        ValueError: the matrices are not square; the decomposition does not converge.

    Example:
        >>> values, vectors = ops.eigh([[2.0, 1.0], [1.0, 2.0]])
        >>> values
        Tensor([1., 3.], shape=(2,), dtype=float32)
    """
    x = matrices("eigh", x, square=True)
    try:
        values, vectors = np.linalg.eigh(x._array)
    except np.linalg.LinAlgError:
        raise ValueError("eigh: the decomposition does not converge; is x finite?") from None

    def gradient(dw: Array | None, dv: Array | None) -> Array:
        inner = np.zeros_like(vectors) if dw is None else _diagonal(dw)
        if dv is not None:
            with np.errstate(**_SILENT):
                inner = inner + _reciprocal_gaps(values) * (transposed(vectors) @ dv)
        dx = vectors @ inner @ transposed(vectors)
        return (dx + transposed(dx)) / 2

    first, second = several_by_numpy("eigh", (x,), (values, vectors), gradient)
    return first, second


def eig(x: TensorLike) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The eigenvalues of square matrices and their vectors, both complex: pairs (real, imaginary).  Not captured.

    Args:
        x: (..., n, n).

    Returns: the tuple of values, each part (..., n), and vectors of length 1, the columns of parts (..., n, n).

    Raises:
        ValueError: the matrices are not square; the decomposition does not converge.

    Example:
        >>> values, vectors = ops.eig([[2.0, 0.0], [0.0, 3.0]])
        >>> values[0]  # the real parts
        Tensor([2., 3.], shape=(2,), dtype=float32)
    """
    x = matrices("eig", x, square=True)
    try:
        values, vectors = np.linalg.eig(x._array)
    except np.linalg.LinAlgError:
        raise ValueError("eig: the decomposition does not converge; is x finite?") from None

    def gradient(*parts: Array | None) -> Array:
        dwr, dwi, dvr, dvi = (0.0 if p is None else p for p in parts)
        adjoint = np.conj(transposed(vectors))
        dv, dw = np.broadcast_to(dvr + 1j * dvi, vectors.shape), np.broadcast_to(dwr + 1j * dwi, values.shape)
        inner = adjoint @ dv
        lengths = np.real(np.diagonal(inner, axis1=-2, axis2=-1))  # which stay 1
        inner = (inner - adjoint @ vectors * lengths[..., None, :]) * np.conj(_reciprocal_gaps(values))
        inner = inner + _diagonal(dw)
        return np.real(solved("eig", adjoint, inner @ adjoint))

    parts = several_by_numpy("eig", (x,), (values.real, values.imag, vectors.real, vectors.imag), gradient)
    return (parts[0], parts[1]), (parts[2], parts[3])


def _factored(a: Array) -> tuple[Array, Array]:
    """L and U in one matrix, and the row that each step changed places with."""
    lu = a.copy()
    m, n = lu.shape[-2:]
    pivots = np.zeros((*lu.shape[:-2], min(m, n)), np.int32)
    flat, steps = lu.reshape(-1, m, n), pivots.reshape(-1, min(m, n))
    rows = np.arange(len(flat))
    for k in range(min(m, n)):
        best = k + np.argmax(np.abs(flat[:, k:, k]), axis=1)
        steps[:, k] = best
        flat[rows, best], flat[:, k] = flat[:, k].copy(), flat[rows, best]
        pivot = flat[:, k, k]
        flat[:, k + 1 :, k] /= np.where(pivot == 0, 1, pivot)[:, None]
        flat[:, k + 1 :, k + 1 :] -= flat[:, k + 1 :, k, None] * flat[:, k, None, k + 1 :]
    return lu, pivots


def _order(pivots: Array, m: int) -> Array:
    """Which row of x stands in each row, after all steps."""
    flat = pivots.reshape(-1, pivots.shape[-1])
    order = np.tile(np.arange(m), (len(flat), 1))
    rows = np.arange(len(flat))
    for k in range(flat.shape[1]):
        best = flat[:, k]
        order[:, k], order[rows, best] = order[rows, best], order[:, k].copy()
    return order.reshape(*pivots.shape[:-1], m)


def lu_factor(x: TensorLike) -> tuple[Tensor, Tensor]:
    """A lower and an upper triangular matrix whose product is x with rows in another order.  Not captured.

    Args:
        x: (..., m, n).

    Returns: the tuple of both factors in one matrix (..., m, n), where L has ones on its diagonal, and the pivots
        (..., min(m, n)), int32: step k changes row k with that row.

    Raises:
        ValueError: x has less than two axes; at backward: a matrix is singular.

    Example:
        >>> lu, pivots = ops.lu_factor([[4.0, 2.0], [2.0, 3.0]])
        >>> lu
        Tensor([[4. , 2. ],
                [0.5, 2. ]], shape=(2, 2), dtype=float32)
    """
    x = matrices("lu_factor", x)
    m, n = x.shape[-2:]
    k = min(m, n)
    lu, pivots = _factored(x._array)

    def gradient(dy: Array) -> Array:
        eye = np.eye(k, dtype=lu.dtype)
        lower, upper = np.tril(lu[..., :k, :k], -1) + eye, np.triu(lu[..., :k, :k])
        dl, du = np.tril(dy[..., :k, :k], -1), np.triu(dy[..., :k, :k])
        of_lower, of_upper = transposed(lower) @ dl, du @ transposed(upper)
        right, of_right = lu[..., :k, k:], dy[..., :k, k:]  # columns beyond of a wide x, rows beyond of a tall one
        below, of_below = lu[..., k:, :k], dy[..., k:, :k]
        of_lower = of_lower - of_right @ transposed(right)
        of_upper = of_upper - transposed(below) @ of_below
        inner = solved("lu_factor", transposed(lower), np.tril(of_lower, -1) + np.triu(of_upper))
        first = transposed(solved("lu_factor", upper, transposed(inner)))
        dx = np.zeros_like(lu)
        dx[..., :k, :k] = first
        dx[..., :k, k:] = solved("lu_factor", transposed(lower), of_right)
        dx[..., k:, :k] = transposed(solved("lu_factor", upper, transposed(of_below)))
        back = np.argsort(_order(pivots, m), axis=-1)
        return np.take_along_axis(dx, back[..., None], -2)

    return by_numpy("lu_factor", (x,), lu, (gradient,)), wrap(pivots)


__all__ = ["cholesky", "eig", "eigh", "lu_factor", "qr", "svd"]
