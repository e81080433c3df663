"""Products of tensors over any axes, all through the one native matrix product."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.autograd import Tensor
from .conversion import TensorLike, _axis, as_tensor, check_sizes, concatenate, expand_dims, stack
from .creation import ones
from .dense import matmul
from .diagonal import diagonal
from .elementwise import multiply, subtract
from .expansion import broadcast_to
from .reduction import cumprod, sum
from .reshape import flip, moveaxis, ravel, reshape, transpose

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def dot(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Sum of products over x1's last axis and x2's second last (only) one; a number multiplies.

    Args:
        x2: the second operand, of fitting size.

    Raises:
        ValueError: the sizes of the axes differ.

    Example:
        >>> ops.dot([1.0, 2.0], [3.0, 4.0])
        Tensor(11., shape=(), dtype=float32)
    """
    x, y = as_tensor(x1), as_tensor(x2)
    if x.ndim == 0 or y.ndim == 0:
        return multiply(x1, x2)
    return matmul(x1, x2) if y.ndim <= 2 else tensordot(x1, x2, ((-1,), (-2,)))


def inner(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Sum of products over the last axis of both; a number multiplies.

    Args:
        x2: the second operand, of fitting size.

    Raises:
        ValueError: the sizes of the axes differ.

    Example:
        >>> ops.inner([1.0, 2.0], [3.0, 4.0])
        Tensor(11., shape=(), dtype=float32)
    """
    x, y = as_tensor(x1), as_tensor(x2)
    return multiply(x1, x2) if x.ndim == 0 or y.ndim == 0 else tensordot(x1, x2, ((-1,), (-1,)))


def vdot(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Sum of products of all elements, taken in C order.

    Args:
        x2: the second operand, of as many elements.

    Raises:
        ValueError: the numbers of elements differ.

    Example:
        >>> ops.vdot([1.0, 2.0], [3.0, 4.0])
        Tensor(11., shape=(), dtype=float32)
    """
    return matmul(ravel(x1), ravel(x2))


def outer(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Every element of x1 times every element of x2: (x1.size, x2.size).

    Args:
        x2: the second operand, of any shape.

    Raises:
        TypeError: an operand holds what is no number.

    Example:
        >>> ops.outer([1.0, 2.0], [3.0, 4.0])
        Tensor([[3., 4.],
                [6., 8.]], shape=(2, 2), dtype=float32)
    """
    return multiply(reshape(as_tensor(x1), (-1, 1)), reshape(as_tensor(x2), (1, -1)))


def _summed_axes(axes: Any, x: Tensor, y: Tensor) -> tuple[list[int], list[int]]:
    if isinstance(axes, (int, np.integer)):
        n = int(axes)
        if not 0 <= n <= min(x.ndim, y.ndim):
            raise ValueError(f"tensordot: x1 is {x.shape}, x2 is {y.shape}; there are no {n} axes to sum over in both")
        return list(range(x.ndim - n, x.ndim)), list(range(n))
    if not isinstance(axes, (tuple, list)) or len(axes) != 2:
        raise ValueError(f"tensordot: axes must be an integer or (axes of x1, axes of x2), got {axes!r}")
    first, second = ([int(a)] if isinstance(a, (int, np.integer)) else [int(i) for i in a] for a in axes)
    return (
        [_axis(a, x.ndim, "tensordot", x.shape) for a in first],
        [_axis(a, y.ndim, "tensordot", y.shape) for a in second],
    )


def tensordot(x1: TensorLike, x2: TensorLike, axes: Any = 2) -> Tensor:
    """Sum of products over axes of both; what is left of x1, then what is left of x2.

    Args:
        x2: the second operand.
        axes: how many (the last of x1, the first of x2), or (axes of x1, axes of x2), pairs of equal size.

    Raises:
        ValueError: the axes are out of range, named twice, or differ in size.

    Example:
        >>> ops.tensordot(np.ones((2, 3)), np.ones((3, 4)), axes=1).shape
        (2, 4)
    """
    x, y = as_tensor(x1), as_tensor(x2)
    first, second = _summed_axes(axes, x, y)
    if len(set(first)) < len(first) or len(set(second)) < len(second):
        raise ValueError(f"tensordot: axes {axes} name one twice; x1 is {x.shape}, x2 is {y.shape}")
    sizes = [x.shape[a] for a in first]
    if sizes != [y.shape[a] for a in second]:
        raise ValueError(f"tensordot: x1 is {x.shape}, x2 is {y.shape}; axes {first} and {second} differ in size")
    rows = [a for a in range(x.ndim) if a not in first]
    columns = [a for a in range(y.ndim) if a not in second]
    left = tuple(x.shape[a] for a in rows), math.prod(sizes)
    right = tuple(y.shape[a] for a in columns)
    z = matmul(
        reshape(transpose(x, rows + first), (math.prod(left[0]), left[1])),
        reshape(transpose(y, second + columns), (left[1], math.prod(right))),
    )
    return reshape(z, left[0] + right)


@functools.lru_cache(256)
def _parse(subscripts: str, *given: tuple[int, ...]) -> tuple[list[str], str, dict[str, int]]:
    """One letter an axis of each operand and of the result, and the size of each; given: the operands' shapes.

    The axes of ``...`` get capital letters of their own.
    """
    shapes = ", ".join(map(str, given))
    text = subscripts.replace(" ", "")
    terms, arrow, result = text.partition("->")
    inputs = terms.split(",")
    if len(inputs) != len(given):
        raise ValueError(f"einsum: {subscripts!r} names {len(inputs)} operands, got {len(given)}: {shapes}")
    free = [c for c in reversed(_LETTERS) if c not in text]
    hidden = max(
        (len(shape) - len(t.replace("...", "")) for t, shape in zip(inputs, given, strict=True) if "..." in t),
        default=0,
    )
    if hidden > len(free):
        raise ValueError(f"einsum: {subscripts!r} with operands {shapes} needs more than {len(_LETTERS)} axes")
    dots = "".join(free[:hidden])
    labels = []
    for term, shape in zip(inputs, given, strict=True):
        n = len(shape) - len(term.replace("...", ""))
        label = term.replace("...", dots[len(dots) - n :], 1)
        if len(label) != len(shape) or not label.isascii() or not (label.isalpha() or not label):
            raise ValueError(f"einsum: {term!r} in {subscripts!r} does not describe an operand of shape {shape}")
        labels.append(label)
    if not arrow:
        everything = "".join(labels)
        result = dots + "".join(sorted(c for c in set(everything) if everything.count(c) == 1 and c not in dots))
    result = result.replace("...", dots, 1)
    if len(set(result)) < len(result) or any(c not in "".join(labels) for c in result):
        raise ValueError(f"einsum: the result of {subscripts!r} must name axes of the operands, each of them once")
    sizes: dict[str, int] = {}
    for letters, shape in zip(labels, given, strict=True):
        for c, n in zip(letters, shape, strict=True):
            if sizes.setdefault(c, n) not in (n, 1) and n != 1:
                raise ValueError(
                    f"einsum: {subscripts!r} with {shapes}: an axis is {sizes[c]} in one place, {n} in another"
                )
            sizes[c] = n if sizes[c] == 1 else sizes[c]
    return labels, result, sizes


class _Labelled:
    """A tensor with a letter for each axis."""

    def __init__(self, x: Tensor, letters: str) -> None:
        self.x, self.letters = x, letters

    def without(self, letters: set[str]) -> _Labelled:
        """The sum over the axes of some letters."""
        axes = tuple(i for i, c in enumerate(self.letters) if c in letters)
        return _Labelled(sum(self.x, axes), "".join(c for c in self.letters if c not in letters)) if axes else self

    def size(self, letters: Sequence[str]) -> tuple[int, ...]:
        return tuple(self.x.shape[self.letters.index(c)] for c in letters)

    def ordered(self, letters: Sequence[str]) -> Tensor:
        if self.letters == "".join(letters):
            return self.x
        return transpose(self.x, [self.letters.index(c) for c in letters])


def _plain(x: Tensor, letters: str, sizes: dict[str, int]) -> _Labelled:
    """Each letter once (diagonals of those that come twice), and no axis of size 1 where others have another."""
    i = 0
    while i < len(letters):
        c = letters[i]
        if x.shape[i] == 1 != sizes[c]:
            x = reshape(x, x.shape[:i] + x.shape[i + 1 :])
            letters = letters[:i] + letters[i + 1 :]
            continue
        j = letters.rindex(c)
        if j > i and x.shape[j] == x.shape[i]:
            x = moveaxis(diagonal(x, 0, i, j), -1, i)
            letters = letters[:j] + letters[j + 1 :]
            continue
        i += 1
    return _Labelled(x, letters)


def _contract(a: _Labelled, b: _Labelled, keep: set[str], bfloat16: bool) -> _Labelled:
    """The product of two, summed over all letters that are not kept."""
    shared = set(a.letters) & set(b.letters)
    a, b = (t.without(set(t.letters) - shared - keep) for t in (a, b))
    batch = [c for c in a.letters if c in shared and c in keep]
    summed = [c for c in a.letters if c in shared and c not in keep]
    rows = [c for c in a.letters if c not in shared]
    columns = [c for c in b.letters if c not in shared]
    letters = "".join(batch + rows + columns)
    if (
        len(rows) == len(columns) == len(summed) == 1
        and a.letters == "".join(batch + rows + summed)
        and b.letters == "".join(batch + summed + columns)
    ):
        return _Labelled(matmul(a.x, b.x, bfloat16=bfloat16), letters)  # they stand as the product wants them
    if not summed:  # nothing to add up: a product of elements
        left = reshape(a.ordered(batch + rows), a.size(batch + rows) + (1,) * len(columns))
        right = reshape(b.ordered(batch + columns), b.size(batch) + (1,) * len(rows) + b.size(columns))
        return _Labelled(multiply(left, right), letters)
    M, N, K = (math.prod(t.size(some)) for t, some in ((a, rows), (b, columns), (a, summed)))
    left = reshape(a.ordered(batch + rows + summed), (*a.size(batch), M, K))
    right = reshape(b.ordered(batch + summed + columns), (*a.size(batch), K, N))
    y = matmul(left, right, bfloat16=bfloat16)
    return _Labelled(reshape(y, a.size(batch) + a.size(rows) + b.size(columns)), letters)


def einsum(subscripts: str, *operands: TensorLike, **kwargs: Any) -> Tensor:
    """Products summed by Einstein's convention: ``einsum("bij,bjk->bik", x, y)``.

    One letter an axis; equal letters run together; those missing behind ``->`` are summed; ``...`` stands for axes that
    broadcast.  Three operands or more are multiplied two at a time, in NumPy's greedy order of least work.

    Args:
        subscripts: the letters.
        *operands: tensors or arrays.
        **kwargs: ``optimize``, an option of Keras without effect here; ``bfloat16``, whether the operands of products
            are rounded, as in ``matmul``.

    Raises:
        ValueError: the letters do not describe the operands, or their sizes differ.
        TypeError: ``subscripts`` is no string; an argument is unknown.

    Example:
        >>> ops.einsum("ij,jk->ik", [[1.0, 2.0]], [[3.0], [4.0]])
        Tensor([[11.]], shape=(1, 1), dtype=float32)
    """
    unknown = set(kwargs) - {"optimize", "bfloat16"}
    if unknown or not operands:
        raise TypeError(f"einsum: unknown argument {unknown.pop()!r}" if unknown else "einsum: expected operands")
    tensors = [as_tensor(x) for x in operands]
    if not isinstance(subscripts, str):
        raise TypeError(f"einsum: expected subscripts such as 'ij,jk->ik', got {type(subscripts).__name__}")
    labels, result, sizes = _parse(subscripts, *(x.shape for x in tensors))
    bfloat16 = kwargs.get("bfloat16", False)
    terms = [_plain(x, letters, sizes) for x, letters in zip(tensors, labels, strict=True)]
    for places in _order(terms, result):
        second, first = (terms.pop(i) for i in sorted(places, reverse=True))
        terms.append(_contract(first, second, set(result).union(*(t.letters for t in terms)), bfloat16))
    last = terms[0].without(set(terms[0].letters) - set(result))
    return last.ordered(result)


def _order(terms: list[_Labelled], result: str) -> list[tuple[int, int]]:
    """Which two to multiply next, as places in the list, until one is left; the product goes to the end."""
    if len(terms) <= 2:
        return [(0, 1)] * (len(terms) - 1)
    shapes = [np.broadcast_to(np.empty(()), t.x.shape) for t in terms]  # no memory
    path = np.einsum_path(f"{','.join(t.letters for t in terms)}->{result}", *shapes, optimize="greedy")[0][1:]
    steps: list[tuple[int, int]] = []
    n = len(terms)
    for places in path:  # NumPy may take several at once
        chosen = sorted(places, reverse=True)
        steps.append((chosen[1], chosen[0]))
        n -= 1
        for i in chosen[2:]:
            steps.append((i, n - 1))
            n -= 1
    return steps


def cross(
    x1: TensorLike, x2: TensorLike, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Tensor:
    """Cross product of vectors of three (or two, in a plane) on an axis; two of two give its one number.

    Args:
        x2: the second operand; all axes but that of the vectors broadcast.
        axisa: the vectors' axis in x1.
        axisb: the vectors' axis in x2.
        axisc: the vectors' axis in the result.
        axis: stands for all three; None leaves them.

    Raises:
        ValueError: the vectors are not of 2 or 3; an axis is out of range.

    Example:
        >>> ops.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
        Tensor([0., 0., 1.], shape=(3,), dtype=float32)
    """
    x, y = as_tensor(x1), as_tensor(x2)
    if axis is not None:
        axisa = axisb = axisc = axis
    x = moveaxis(x, _axis(axisa, x.ndim, "cross", x.shape), -1)
    y = moveaxis(y, _axis(axisb, y.ndim, "cross", y.shape), -1)
    if not {x.shape[-1], y.shape[-1]} <= {2, 3}:
        raise ValueError(f"cross: expected vectors of 2 or 3, got {as_tensor(x1).shape} and {as_tensor(x2).shape}")
    a, b = ([t[..., i] for i in range(t.shape[-1])] for t in (x, y))

    def minor(i: int, j: int) -> Tensor | None:
        terms = [multiply(a[p], b[q]) if p < len(a) and q < len(b) else None for p, q in ((i, j), (j, i))]
        if terms[1] is None:
            return terms[0]
        return multiply(terms[1], -1) if terms[0] is None else subtract(terms[0], terms[1])

    third = minor(0, 1)
    assert third is not None
    if len(a) == len(b) == 2:
        return third
    parts = [minor(1, 2), minor(2, 0), third]
    return moveaxis(stack([p for p in parts if p is not None], -1), -1, axisc)


def kron(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Kronecker's product: each element of x1 times all of x2, as a block in its place.

    Args:
        x2: the second operand, of any shape.

    Raises:
        TypeError: an operand holds what is no number.

    Example:
        >>> ops.kron([1.0, 2.0], [1.0, 1.0])
        Tensor([1., 1., 2., 2.], shape=(4,), dtype=float32)
    """
    a, b = as_tensor(x1), as_tensor(x2)
    ndim = max(a.ndim, b.ndim)
    sizes = [(1,) * (ndim - t.ndim) + t.shape for t in (a, b)]
    left = reshape(a, [n for size in sizes[0] for n in (size, 1)])
    right = reshape(b, [n for size in sizes[1] for n in (1, size)])
    return reshape(multiply(left, right), [m * n for m, n in zip(*sizes, strict=True)])


def vander(x: TensorLike, N: int | None = None, increasing: bool = False) -> Tensor:
    """Vandermonde's matrix, (n, N): the powers of each element.

    Args:
        x: (n,).
        N: number of columns; None takes n.
        increasing: whether the powers grow from the left to the right.

    Raises:
        ValueError: x has not one axis; ``N`` is negative; a power of an integer does not fit into its type.

    Example:
        >>> ops.vander([1.0, 2.0, 3.0])
        Tensor([[1., 1., 1.],
                [4., 2., 1.],
                [9., 3., 1.]], shape=(3, 3), dtype=float32)
    """
    x = as_tensor(x)
    if x.ndim != 1:
        raise ValueError(f"vander: x is {x.shape}; expected one axis")
    (columns,) = check_sizes("vander", x.size if N is None else N)
    check_sizes("vander", (x.size, columns))
    first = ones((x.size, min(columns, 1)), x.dtype)
    rest = broadcast_to(expand_dims(x, 1), (x.size, max(columns - 1, 0)))
    powers = as_tensor(cumprod(concatenate([first, rest], 1), 1), x.dtype)
    return powers if increasing else flip(powers, 1)


__all__ = ["cross", "dot", "einsum", "inner", "kron", "outer", "tensordot", "vander", "vdot"]
