"""Operations at the edges of what they take: the last value that is right, the first that is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Tensor, activations, data, ops, random, utils

X = np.arange(6.0, dtype=np.float32).reshape(2, 3)
NAN, INF = float("nan"), float("inf")
ONES = np.ones((2, 2), np.float32)
ONE_COLUMN, SHARES = np.array([[1.0, 1], [0, 0]]), np.array([[0.25, 0.25], [0.75, 0.75]])


def slope(function, x):
    """The gradient of function at x, in float32."""
    t = Tensor(np.float32(x), requires_grad=True)
    function(t).backward()
    return t.grad.numpy()


WIDE = np.geomspace(1e-9, 1e9, 99)
PAIRS, CUBE = np.arange(36.0).reshape(2, 3, 3, 2), np.arange(18.0).reshape(3, 2, 3)

RIGHT = {
    "array_split into one": (lambda: ops.array_split(X, 1)[0], X),
    "array_split, first parts longer": (lambda: ops.array_split(np.arange(5), 3)[0], [0, 1]),
    "array_split, last part": (lambda: ops.array_split(np.arange(5), 3)[2], [4]),
    "power by a half is the square root": (lambda: ops.power(WIDE, 0.5).numpy() - np.sqrt(WIDE), np.zeros(99)),
    "reshape to a number": (lambda: ops.reshape([[5.0]], ()), 5.0),
    "isnan of integers": (lambda: ops.isnan([0, 1]), [False, False]),
    "isinf of integers": (lambda: ops.isinf(np.int8([0, 127])), [False, False]),
    "isfinite of booleans": (lambda: ops.isfinite([True, False]), [True, True]),
    "power by three": (lambda: ops.power([-3.0, 2.0], 3), [-27, 8]),
    "sparse_plus of infinities": (lambda: ops.sparse_plus([-INF, INF]), [0, INF]),
    "split into one": (lambda: ops.split(X, 1)[0], X),
    "split at places": (lambda: ops.split(X, [1], axis=1)[1], X[:, 1:]),
    "split into parts of size one": (lambda: ops.split(X, 3, axis=1)[2], X[:, 2:]),
    "unstack num": (lambda: ops.unstack(X, num=2)[1], X[1]),
    "roll one shift for two axes": (lambda: ops.roll(X, 1, (0, 1)), np.roll(X, 1, (0, 1))),
    "roll several shifts": (lambda: ops.roll(X, (1, 2), (0, 1)), np.roll(X, (1, 2), (0, 1))),
    "roll several shifts of one axis": (lambda: ops.roll(X, (1, 1), 1), np.roll(X, 2, 1)),
    "roll all": (lambda: ops.roll(X, 2), np.roll(X, 2)),
    "diff of none": (lambda: ops.diff(X, 0), X),
    "diff to nothing": (lambda: ops.diff(X, 3), np.zeros((2, 0))),
    "diff twice": (lambda: ops.diff(X**2, 2), np.diff(X**2, 2)),
    "rot90 by four": (lambda: ops.rot90(X, 4), X),
    "rot90 backwards": (lambda: ops.rot90(X, -1), np.rot90(X, -1)),
    "rot90 thrice": (lambda: ops.rot90(X, 3), np.rot90(X, 3)),
    "glu": (lambda: ops.glu([2.0, 0.0]), [1.0]),
    "sparsemax first axis": (lambda: ops.sparsemax(X.T, 0), ops.sparsemax(X).numpy().T),
    "sparsemax": (lambda: ops.sparsemax([0.0, 0.2, 0.4]), [0.133333, 0.333333, 0.533333]),
    "sparsemax with a zero": (lambda: ops.sparsemax([0.0, 2.0, 2.5]), [0.0, 0.25, 0.75]),
    "sparsemax of one": (lambda: ops.sparsemax([3.0]), [1.0]),
    "sparse_plus": (lambda: ops.sparse_plus([-2.0, -1.0, 0.0, 1.0, 1.25, 3.0]), [0, 0, 0.25, 1, 1.25, 3]),
    "sparse_sigmoid": (lambda: ops.sparse_sigmoid([-2.0, -1.0, 0.0, 1.0, 2.0]), [0, 0, 0.5, 1, 1]),
    "squareplus": (lambda: ops.squareplus([0.0, 3.0]), [1.0, (3 + 13**0.5) / 2]),
    "relu6": (lambda: ops.relu6([-1.0, 0.0, 5.5, 6.0, 7.0]), [0, 0, 5.5, 6, 6]),
    "relu6 of activations": (lambda: activations.relu6([-1.0, 0.0, 5.5, 6.0, 7.0]), [0, 0, 5.5, 6, 6]),
    "hard_tanh of activations": (lambda: activations.hard_tanh([-2.0, -1.0, 0.5, 1.0, 2.0]), [-1, -1, 0.5, 1, 1]),
    "hard_tanh": (lambda: ops.hard_tanh([-2.0, -1.0, 0.5, 1.0, 2.0]), [-1, -1, 0.5, 1, 1]),
    "celu": (lambda: ops.celu([-1.0, 0.0, 2.0], 2.0), [2 * np.expm1(-0.5), 0, 2]),
    "celu of activations": (lambda: activations.celu([-1.0, 0.0, 2.0], 2.0), [2 * np.expm1(-0.5), 0, 2]),
    "threshold": (lambda: ops.threshold([0.5, 1.0, 2.0], 1.0, -7.0), [-7, -7, 2]),
    "hard_shrink": (lambda: ops.hard_shrink([-1.0, -0.5, 0.25, 0.5, 0.75]), [-1, 0, 0, 0, 0.75]),
    "soft_shrink": (lambda: ops.soft_shrink([-1.0, -0.5, 0.25, 0.5, 0.75]), [-0.5, 0, 0, 0, 0.25]),
    "tanh_shrink": (lambda: ops.tanh_shrink([0.0, 1.0]), [0, 1 - np.tanh(1)]),
    "average of rows": (lambda: ops.average(X, 0, weights=[1, 3]), np.average(X, 0, [1, 3])),
    "average of columns": (lambda: ops.average(X, 1, weights=[1, 3, 0]), np.average(X, 1, [1, 3, 0])),
    "average of the middle axis": (
        lambda: ops.average(np.arange(12.0).reshape(2, 3, 2), 1, weights=[1, 3, 0]),
        np.average(np.arange(12.0).reshape(2, 3, 2), 1, [1, 3, 0]),
    ),
    "average by weights of one shape": (lambda: ops.average(X, weights=X), np.average(X, weights=X)),
    "one_hot of one class": (lambda: ops.one_hot([0, 1], 1), [[1], [0]]),
    "one_hot as integers": (lambda: ops.one_hot([1], 2, dtype="int32"), [[0, 1]]),
    "one_hot on the first axis": (lambda: ops.one_hot([1, 0, 1], 2, axis=0), [[0, 1, 0], [1, 0, 1]]),
    "one_hot in float64": (lambda: ops.one_hot([1], 2, dtype="float64"), [[0, 1]]),
    "multi_hot": (lambda: ops.multi_hot([[0, 2], [5, 1]], 3), [[1, 0, 1], [0, 1, 0]]),
    "repeat never": (lambda: ops.repeat(X, 0, 1), np.zeros((2, 0))),
    "repeat each": (lambda: ops.repeat(X, [0, 1, 2], 1), np.repeat(X, [0, 1, 2], 1)),
    "repeat as often each": (lambda: ops.repeat(X, [2], 1), np.repeat(X, 2, 1)),
    "tile": (lambda: ops.tile(X, 2), np.tile(X, 2)),
    "tile fewer": (lambda: ops.tile(X, (2, 1, 2)), np.tile(X, (2, 1, 2))),
    "pad none": (lambda: ops.pad(X, 0), X),
    "pad one side": (
        lambda: ops.pad(X, ((0, 1), (2, 0)), constant_values=3),
        np.pad(X, ((0, 1), (2, 0)), constant_values=3),
    ),
    "pad by reflection": (lambda: ops.pad(X, ((0, 1), (2, 0)), "reflect"), np.pad(X, ((0, 1), (2, 0)), "reflect")),
    "take_along_axis, from the end": (lambda: ops.take_along_axis(X, [[-1], [0]], 1), [[2], [3]]),
    "segment_sum, ids outside": (lambda: ops.segment_sum([1.0, 2, 4], [0, 5, -1], 1), [1]),
    "segment_sum of nothing": (lambda: ops.segment_sum(np.zeros((0, 2)), np.zeros(0, int)), np.zeros((0, 2))),
    "segment_sum of nothing to two": (lambda: ops.segment_sum(np.zeros((0, 1)), np.zeros(0, int), 2), [[0], [0]]),
    "segment_sum, last id counts": (lambda: ops.segment_sum([1.0, 2], [0, 2]), [1, 0, 2]),
    "segment_max below zero": (lambda: ops.segment_max([-3, -5], [0, 0], 2), [-3, np.iinfo(np.int64).min]),
    "segment_max of booleans": (lambda: ops.segment_max([True, False], [0, 1], 3), [True, False, False]),
    "scatter at one place": (lambda: ops.scatter([1, 2], 5.0, (2, 3)), [[0, 0, 0], [0, 0, 5]]),
    "scatter of nothing": (lambda: ops.scatter(np.zeros((0, 1), int), np.zeros((0, 2)), (1, 2)), [[0, 0]]),
    "scatter_update of nothing": (lambda: ops.scatter_update(X, np.zeros((0, 2), int), np.zeros(0)), X),
    "scatter_update of a row": (lambda: ops.scatter_update(X, [[1]], [[7.0, 8, 9]]), [[0, 1, 2], [7, 8, 9]]),
    "multi_hot of a number": (lambda: ops.multi_hot(1, 3), [0, 1, 0]),
    "multi_hot of nothing": (lambda: ops.multi_hot(np.zeros((2, 0), int), 3), np.zeros((2, 3))),
    "multi_hot on the first axis": (lambda: ops.multi_hot([[0], [1], [1]], 2, axis=0), [[1, 0, 0], [0, 1, 1]]),
    "bincount of nothing": (lambda: ops.bincount(np.zeros(0, int)), []),
    "bincount of rows of nothing": (lambda: ops.bincount(np.zeros((2, 0), int), minlength=1), [[0], [0]]),
    "bincount of rows with weights": (
        lambda: ops.bincount([[0, 1], [1, 1]], [[1.0, 2], [4, 8]], 3),
        [[1, 2, 0], [0, 12, 0]],
    ),
    "segment_max, empty": (lambda: ops.segment_max([1.0, 2], [0, 0], 2), [2, -INF]),
    "bincount, minlength": (lambda: ops.bincount([0, 2, 2], minlength=2), [1, 0, 2]),
    "bincount, longer": (lambda: ops.bincount([0], minlength=3), [1, 0, 0]),
    "meshgrid xy": (lambda: ops.meshgrid([1, 2, 3], [4, 5])[0], np.meshgrid([1, 2, 3], [4, 5])[0]),
    "meshgrid xy, second": (lambda: ops.meshgrid([1, 2, 3], [4, 5])[1], np.meshgrid([1, 2, 3], [4, 5])[1]),
    "meshgrid ij": (lambda: ops.meshgrid([1, 2], [4], indexing="ij")[1], [[4], [4]]),
    "meshgrid of one": (lambda: ops.meshgrid([1, 2])[0], [1, 2]),
    "meshgrid of three": (
        lambda: ops.meshgrid([1, 2], [3, 4, 5], [6])[2],
        np.meshgrid([1, 2], [3, 4, 5], [6])[2],
    ),
    "arange to nothing": (lambda: ops.arange(3, 3), []),
    "arange backwards": (lambda: ops.arange(3, 0, -1), [3, 2, 1]),
    "arange of floats": (lambda: ops.arange(0, 1, 0.25), [0, 0.25, 0.5, 0.75]),
    "linspace of one": (lambda: ops.linspace(2.0, 3.0, 1), [2]),
    "linspace without its end": (lambda: ops.linspace(0.0, 1.0, 2, endpoint=False), [0, 0.5]),
    "linspace on the last axis": (lambda: ops.linspace([0.0, 1], [1.0, 2], 2, axis=-1), [[0, 1], [1, 2]]),
    "logspace": (lambda: ops.logspace(0.0, 2.0, 3), [1, 10, 100]),
    "logspace to base 2": (lambda: ops.logspace(0.0, 2.0, 3, base=2), [1, 2, 4]),
    "eye, wide": (lambda: ops.eye(2, 3, 1), np.eye(2, 3, 1)),
    "tri": (lambda: ops.tri(2, 3, 1), np.tri(2, 3, 1)),
    "tril": (lambda: ops.tril(X, -1), np.tril(X, -1)),
    "triu": (lambda: ops.triu(X, 1), np.triu(X, 1)),
    "diag of a vector": (lambda: ops.diag([1.0, 2], -1), np.diag([1.0, 2], -1)),
    "diag of a matrix": (lambda: ops.diag(X, 1), np.diag(X, 1)),
    "diag beyond": (lambda: ops.diag(X, 3), []),
    "diagonal below": (lambda: ops.diagonal(X, -1), np.diagonal(X, -1)),
    "trace": (lambda: ops.trace(X, 1), np.trace(X, 1)),
    "top_k of none": (lambda: ops.top_k(X, 0)[0], np.zeros((2, 0))),
    "top_k of all": (lambda: ops.top_k(X, 3)[0], X[:, ::-1]),
    "top_k of one, equal": (lambda: ops.top_k([1.0, 2, 2], 1)[1], [1]),
    "top_k of two, equal": (lambda: ops.top_k([2.0, 1, 2, 2], 2)[1], [0, 2]),
    "in_top_k, equal": (lambda: ops.in_top_k([0, 3], [[1.0, 1, 1], [1, 2, 3]], 1), [True, False]),
    "in_top_k of one row": (lambda: ops.in_top_k(2, [1.0, 2, 3], 1), True),
    "in_top_k, NaN": (lambda: ops.in_top_k([0], [[NAN, 1, 1]], 3), [False]),
    "quantile at its ends": (lambda: ops.quantile([3.0, 1, 2], [0, 1]), [1, 3]),
    "quantile, lower": (lambda: ops.quantile([1.0, 2], 0.5, method="lower"), 1.0),
    "quantile, higher": (lambda: ops.quantile([1.0, 2], 0.5, method="higher"), 2.0),
    "quantile, midpoint": (lambda: ops.quantile([1.0, 2, 4], 0.9, method="midpoint"), 3.0),
    "quantile, nearest": (lambda: ops.quantile([1.0, 2, 4], 0.9, method="nearest"), 4.0),
    "quantile, lower of infinities": (lambda: ops.quantile([-INF, INF], 0.5, method="lower"), -INF),
    "quantile, higher of infinities": (lambda: ops.quantile([-INF, INF], 0.5, method="higher"), INF),
    "quantile, nearest of infinities": (lambda: ops.quantile([-INF, 1.0, INF], 0.9, method="nearest"), INF),
    "quantile, keepdims": (lambda: ops.quantile(X, 0.5, 1, keepdims=True), [[1], [4]]),
    "median of an even number": (lambda: ops.median([1.0, 2, 4, 8]), 3.0),
    "searchsorted, right": (lambda: ops.searchsorted([1, 2, 2, 3], [2], "right"), [3]),
    "searchsorted, left": (lambda: ops.searchsorted([1, 2, 2, 3], [2]), [1]),
    "digitize": (lambda: ops.digitize([0.5, 1.0, 5.0], [1.0, 2.0]), [0, 1, 2]),
    "isin, inverted": (lambda: ops.isin([1, 2], [2, 3], invert=True), [True, False]),
    "argpartition": (lambda: ops.argpartition([3.0, 1, 2], 1), [1, 2, 0]),
    "nan_to_num": (lambda: ops.nan_to_num([NAN, INF, -INF], 1.0, 2.0, 3.0), [1, 2, 3]),
    "nan_to_num of integers": (lambda: ops.nan_to_num([1, 2]), [1, 2]),
    "heaviside": (lambda: ops.heaviside([-1.0, 0.0, 2.0], 0.5), [0, 0.5, 1]),
    "divide_no_nan": (lambda: ops.divide_no_nan([1.0, 2.0], [0.0, 4.0]), [0, 0.5]),
    "signbit": (lambda: ops.signbit([-1.0, -0.0, 0.0, 1.0]), [True, True, False, False]),
    "signbit of integers": (lambda: ops.signbit([-1, 0, 1]), [True, False, False]),
    "isclose": (lambda: ops.isclose([1.0, NAN], [1.0 + 1e-6, NAN]), [True, False]),
    "isclose, not": (lambda: ops.isclose([1.0, INF], [1.1, INF]), [False, True]),
    "isclose, equal_nan": (lambda: ops.isclose([NAN, 1], [NAN, NAN], equal_nan=True), [True, False]),
    "select": (lambda: ops.select([[True, False, False], [True, True, False]], [[1, 1, 1], [2, 2, 2]], 9), [1, 2, 9]),
    "select by default": (lambda: ops.select([[False]], [[1]]), [0]),
    "trunc": (lambda: ops.trunc([-1.5, -0.5, 0.5, 1.5]), [-1, 0, 0, 1]),
    "trunc of integers": (lambda: ops.trunc([-1, 2]), [-1, 2]),
    "cbrt": (lambda: ops.cbrt([-8.0, 0.0, 27.0]), [-2, 0, 3]),
    "exp2": (lambda: ops.exp2([0.0, 3.0]), [1, 8]),
    "log2": (lambda: ops.log2([1.0, 8.0]), [0, 3]),
    "log10": (lambda: ops.log10([1.0, 1000.0]), [0, 3]),
    "logaddexp2": (lambda: ops.logaddexp2([1.0], [1.0]), [2]),
    "hypot": (lambda: ops.hypot([3.0, 0.0], [4.0, 0.0]), [5, 0]),
    "cross in space": (lambda: ops.cross([1.0, 2, 3], [4.0, 5, 7]), np.cross([1.0, 2, 3], [4.0, 5, 7])),
    "cross in the plane": (lambda: ops.cross([1.0, 2], [4.0, 5]), -3.0),
    "cross of both": (lambda: ops.cross([1.0, 2, 3], [4.0, 5]), [-15, 12, -3]),
    "cross on an axis": (lambda: ops.cross(X.T, X[::-1].T, axis=0), np.cross(X, X[::-1]).T),
    "tensordot of none": (lambda: ops.tensordot([1.0, 2], [3.0], 0), [[3], [6]]),
    "tensordot of all": (lambda: ops.tensordot(X, X, 2), 55.0),
    "tensordot of pairs": (lambda: ops.tensordot(X, X, ((0,), (0,))), np.tensordot(X, X, ((0,), (0,)))),
    "dot of a volume": (lambda: ops.dot(X, np.ones((2, 3, 2))), np.dot(X, np.ones((2, 3, 2)))),
    "inner": (lambda: ops.inner(X, X), np.inner(X, X)),
    "outer": (lambda: ops.outer([1, 2], [3, 4]), [[3, 4], [6, 8]]),
    "vdot": (lambda: ops.vdot(X, X), 55.0),
    "einsum of a diagonal": (lambda: ops.einsum("ii->i", ONES + np.eye(2)), [2, 2]),
    "einsum without an arrow": (lambda: ops.einsum("ij,jk", X, X.T), X @ X.T),
    "einsum of one size and 1": (lambda: ops.einsum("...i,...i->...", X, X[:1]), (X * X[:1]).sum(-1)),
    "einsum without hidden axes": (lambda: ops.einsum("...ij->...ji", X), X.T),
    "einsum of 52 axes": (lambda: ops.einsum("...->...", np.ones((1,) * 52)).shape, (1,) * 52),
    "einsum of two axes each": (
        lambda: ops.einsum("abef,efcd->abcd", PAIRS, PAIRS.transpose(2, 3, 0, 1)),
        np.einsum("abef,efcd->abcd", PAIRS, PAIRS.transpose(2, 3, 0, 1)),
    ),
    "einsum of a diagonal and a row": (
        lambda: ops.einsum("iji,j->i", CUBE, [1.0, 2]),
        np.einsum("iji,j->i", CUBE, [1.0, 2]),
    ),
    "einsum of a diagonal of one row": (lambda: ops.einsum("ii->i", X[:1]), np.einsum("ii->i", np.repeat(X[:1], 3, 0))),
    "einsum of three": (lambda: ops.einsum("ij,jk,kl->il", X, X.T, ONES), X @ X.T @ ONES),
    "einsum of an outer product": (lambda: ops.einsum("i,j->ji", [1.0, 2], [3.0, 4, 5]), [[3, 6], [4, 8], [5, 10]]),
    "einsum of batches": (lambda: ops.einsum("bij,bjk->bik", [X, X], [X.T, X.T]), [X @ X.T] * 2),
    "normalize by the sum": (lambda: ops.normalize([[1.0, 3.0]], order=1), [[0.25, 0.75]]),
    "normalize by the cubes": (lambda: ops.normalize([[1.0, 2.0]], order=3), np.array([[1, 2]]) / 9 ** (1 / 3)),
    "normalize nothing": (lambda: ops.normalize([[0.0, 0.0]]), [[0, 0]]),
    "norm, largest": (lambda: ops.norm([-3.0, 2], np.inf), 3.0),
    "norm, least": (lambda: ops.norm([-3.0, 2], -np.inf), 2.0),
    "norm, sum": (lambda: ops.norm([-3.0, 2], 1), 5.0),
    "where of two numbers": (lambda: ops.where([True, False], 1, 2.5), [1, 2.5]),
    "std of equal elements has no slope": (lambda: slope(ops.std, [2.0, 2.0, 2.0]), [0, 0, 0]),
    "std too small for its square has no slope": (lambda: slope(ops.std, [0.0, 1e-30]) * 1e38, [0, 0]),
    "mean of large integers": (lambda: ops.mean(np.full(4, 2**62)) / 2**62, 1.0),
    "mean of large unsigned integers": (lambda: ops.mean(np.full(4, 2**63, np.uint64)) / 2**63, 1.0),
    "mean of integers by rows": (lambda: ops.mean([[1, 2], [3, 8]], 1), [1.5, 5.5]),
    "argmax of all, keepdims": (lambda: ops.argmax(X, keepdims=True), [[5]]),
    "max with an initial value": (lambda: ops.max([1.0, 2.0], initial=5.0), 5.0),
    "min with an initial value": (lambda: ops.min([1.0, 2.0], initial=1.5), 1.0),
    "an integer's largest value": (lambda: ops.equal(np.int8([127, -128]), 127.0), [True, False]),
    "an integer's least value": (lambda: ops.equal(np.int8([127, -128]), -128.0), [False, True]),
    "an integer below its least value": (lambda: ops.less(np.int8([127, -128]), -128.5), [False, False]),
    "where of integers at the edge": (lambda: ops.where([True, False], 2**31 - 1, -(2**31)).dtype == np.int32, True),
    "where of an integer above": (lambda: ops.where([True, False], 2**31, 0).dtype == np.int64, True),
    "where of an integer below": (lambda: ops.where([True, False], 0, -(2**31) - 1).dtype == np.int64, True),
    "round to one decimal": (lambda: ops.round([0.26, -1.44], 1), [0.3, -1.4]),
    "round of integers to tens": (lambda: ops.round([14, 25, 35], -1), [10, 20, 40]),
    "divide by one": (lambda: ops.divide([3.0], 1), [3]),
    "divide by zero": (lambda: ops.divide([3.0, -3.0], 0), [INF, -INF]),
    "losses of numbers": (lambda: ops.mean_squared_error(1.0, 3.0), 4.0),
    "losses of a column and a vector": (lambda: ops.mean_squared_error([[1.0], [2]], [3.0, 5]), 6.5),
    "losses of a vector and a column": (lambda: ops.mean_squared_error([1.0, 2], [[3.0], [5]]), [4, 9]),
    "categories on the middle axis": (
        lambda: ops.categorical_crossentropy(np.eye(3)[None], np.full((1, 3, 3), 1 / 3), axis=1),
        np.full((1, 3), np.log(3)),
    ),
    "categories on the last axis but one": (
        lambda: ops.categorical_crossentropy(ONE_COLUMN, SHARES, axis=-2),
        [-np.log(0.25)] * 2,
    ),
    "where of two integers": (lambda: ops.where([True, False], 1, 2), [1, 2]),
    "clip without an end": (lambda: ops.clip([-1.0, 5.0], None, 2.0), [-1, 2]),
    "clip of integers": (lambda: ops.clip([-1, 5], 0, None), [0, 5]),
    "round to tens": (lambda: ops.round([14.0, 15.1], -1), [10, 20]),
    "square of integers": (lambda: ops.square([-3, 2]), [9, 4]),
    "abs of integers": (lambda: ops.abs([-3, 2]), [3, 2]),
    "negative of integers": (lambda: ops.negative([3, -2]), [-3, 2]),
    "power by two": (lambda: ops.power([3.0], 2), [9]),
    "power by a half": (lambda: ops.power([9.0], 0.5), [3]),
    "slice to the end": (lambda: ops.slice(X, (0, 1), (-1, -1)), X[:, 1:]),
    "squeeze": (lambda: ops.squeeze(X[None], 0), X),
    "moveaxis": (lambda: ops.moveaxis(np.zeros((2, 3, 4)), 0, -1).sum(axis=2), np.zeros((3, 4))),
    "transpose of axes of size one": (lambda: ops.transpose(X[None], (1, 0, 2)), X[:, None]),
    "transpose": (lambda: ops.transpose(X), X.T),
    "flip": (lambda: ops.flip(X, 0), X[::-1]),
    "vstack": (lambda: ops.vstack([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    "hstack of vectors": (lambda: ops.hstack([[1], [2]]), [1, 2]),
    "hstack of matrices": (lambda: ops.hstack([X, X]), np.hstack([X, X])),
    "dstack": (lambda: ops.dstack([[1, 2], [3, 4]]), np.dstack([[1, 2], [3, 4]])),
    "expand_dims twice": (lambda: ops.expand_dims(X, (0, -1)), X[None, :, :, None]),
    "to_categorical of a column": (lambda: utils.to_categorical([[0], [1]]), np.eye(2)),
    "to_categorical of a matrix": (lambda: utils.to_categorical([[0, 1]], 2), [np.eye(2)]),
    "to_categorical of the last class": (lambda: utils.to_categorical([2], 3), [[0, 0, 1]]),
    "utils.normalize": (lambda: utils.normalize([[3.0, 4.0], [0, 0]]), [[0.6, 0.8], [0, 0]]),
    "x != None": (lambda: Tensor(X) != None, True),  # noqa: E711
    "x == None": (lambda: Tensor(X) == None, False),  # noqa: E711
    "integers and floats": (lambda: ops.concatenate([[1], [2.5]]), [1, 2.5]),
    "products of small integers": (lambda: ops.matmul(np.int16([[300]]), np.int16([[100]])), [[30000]]),
    "products of batches": (lambda: ops.matmul([X, X], [X.T, X.T]), [X @ X.T] * 2),
    "products of a batch and one": (lambda: ops.matmul([X, X], X.T), [X @ X.T] * 2),
    "products that broadcast": (lambda: ops.matmul([X, X], [X.T]), [X @ X.T] * 2),
    "largest of integers": (lambda: ops.max([[3, 9], [4, 1]], 1), [9, 4]),
    "sum of integers": (lambda: ops.sum([[3, 9], [4, 1]], 1), [12, 5]),
    "product of integers": (lambda: ops.prod([[3, 9], [4, 1]], 1), [27, 4]),
    "any of ones": (lambda: ops.any([[1.0, 1.0], [0.0, 0.0]], 1), [True, False]),
    "all of ones and twos": (lambda: ops.all([[1.0, 2.0], [0.0, 2.0]], 1), [True, False]),
    "count_nonzero": (lambda: ops.count_nonzero([0, 1, 2, 0]), 2),
    "labels as a column": (lambda: ops.softmax_cross_entropy([[0.0, 0.0]], [[1]]), [np.log(2)]),
    "labels of one class": (lambda: ops.softmax_cross_entropy([[3.0]], [[1.0]]), [0]),
    "shuffle keeps all": (lambda: ops.sort(random.shuffle(np.arange(9), seed=1)), np.arange(9)),
}  # fmt: skip

WRONG = {
    "array_split into none": (lambda: ops.array_split(X, 0), ValueError),
    "split into none": (lambda: ops.split(X, 0), ValueError),
    "split unevenly": (lambda: ops.split(X, 2, axis=1), ValueError),
    "unstack num": (lambda: ops.unstack(X, num=3), ValueError),
    "diff below none": (lambda: ops.diff(X, -1), ValueError),
    "rot90 with one axis": (lambda: ops.rot90(X, 1, (0,)), ValueError),
    "rot90 of one axis twice": (lambda: ops.rot90(X, 1, (1, -1)), ValueError),
    "roll with three shifts": (lambda: ops.roll(X, (1, 2, 3), (0, 1)), ValueError),
    "glu of an odd size": (lambda: ops.glu([1.0, 2, 3]), ValueError),
    "average": (lambda: ops.average(X, 0, weights=[1, 2, 3]), ValueError),
    "one_hot of no class": (lambda: ops.one_hot([0], 0), ValueError),
    "repeat below none": (lambda: ops.repeat(X, [1, -1, 1], 1), ValueError),
    "repeat too few": (lambda: ops.repeat(X, [1, 1], 1), ValueError),
    "pad below none": (lambda: ops.pad(X, -1), ValueError),
    "top_k of more": (lambda: ops.top_k(X, 4), ValueError),
    "top_k of a number": (lambda: ops.top_k(1.0, 0), ValueError),
    "quantile beyond": (lambda: ops.quantile(X, 1.01), ValueError),
    "quantile below": (lambda: ops.quantile(X, -0.01), ValueError),
    "quantile of nothing": (lambda: ops.quantile(np.zeros((0,)), 0.5), ValueError),
    "searchsorted in a matrix": (lambda: ops.searchsorted(X, [1.0]), ValueError),
    "digitize in a matrix": (lambda: ops.digitize([1.0], X), ValueError),
    "arange by nothing": (lambda: ops.arange(1, 2, 0), ValueError),
    "tril of a vector": (lambda: ops.tril([1.0]), ValueError),
    "diag of a volume": (lambda: ops.diag(X[None]), ValueError),
    "diagonal of one axis": (lambda: ops.diagonal(X, 0, 1, 1), ValueError),
    "cross of one": (lambda: ops.cross([1.0], [2.0]), ValueError),
    "cross of four": (lambda: ops.cross([1.0] * 4, [2.0] * 4), ValueError),
    "tensordot of three": (lambda: ops.tensordot(X, X, 3), ValueError),
    "tensordot of one axis twice": (lambda: ops.tensordot(ONES, ONES, ((0, 0), (0, 1))), ValueError),
    "tensordot of other sizes": (lambda: ops.tensordot(X, X, 1), ValueError),
    "einsum of other sizes": (lambda: ops.einsum("ij,ij->", X, ONES), ValueError),
    "einsum of 53 axes": (lambda: ops.einsum("...->...", np.ones((1,) * 53)), ValueError),
    "einsum with dots twice": (lambda: ops.einsum("......i->i", X), ValueError),
    "einsum with dots twice of no axes": (lambda: ops.einsum("......i->i", X[0]), ValueError),
    "einsum with dots twice in the result": (lambda: ops.einsum("...i->......", X), ValueError),
    "einsum of too few axes": (lambda: ops.einsum("...ijk->i", X), ValueError),
    "scatter by no axis": (lambda: ops.scatter(np.zeros((2, 0), int), np.zeros((2, 3)), (3,)), ValueError),
    "scatter_update behind the end": (lambda: ops.scatter_update(X, [[2]], [[0.0, 0, 0]]), IndexError),
    "bincount of a number": (lambda: ops.bincount(1), ValueError),
    "cross of a number": (lambda: ops.cross(1.0, [1.0, 2]), ValueError),
    "repeat of other numbers": (lambda: ops.repeat(X, [1, 1, 1], 0), ValueError),
    "conv of too few channels": (lambda: ops.conv(np.ones((1, 4, 2)), np.ones((3, 4, 2))), ValueError),
    "in_top_k of a number": (lambda: ops.in_top_k(0, 1.0, 1), ValueError),
    "conv of a number": (lambda: ops.conv(1.0, np.ones((3, 4, 2), np.float32)), ValueError),
    "conv with a kernel of one axis": (lambda: ops.conv(np.ones((1, 4, 2)), np.ones(3)), ValueError),
    "conv with a kernel of no channels": (lambda: ops.conv(np.ones((1, 4, 2)), np.ones((3, 0, 2))), ValueError),
    "reshape by less than -1": (lambda: ops.reshape(X, (-2, 3)), ValueError),
    "einsum of other axes": (lambda: ops.einsum("i->i", X), ValueError),
    "einsum with a result twice": (lambda: ops.einsum("ij->ii", ONES), ValueError),
    "select of none": (lambda: ops.select([], []), ValueError),
    "select of other lengths": (lambda: ops.select([[True]], [[1], [2]]), ValueError),
    "normalize of order 0": (lambda: ops.normalize(X, order=0.5), ValueError),
    "norm of order 3": (lambda: ops.norm(X, 3), ValueError),
    "where with one": (lambda: ops.where([True], 1), ValueError),
    "slice beyond": (lambda: ops.slice(X, (0, 1), (2, 3)), ValueError),
    "slice before": (lambda: ops.slice(X, (-1, 0), (1, 1)), ValueError),
    "squeeze of another size": (lambda: ops.squeeze(X, 0), ValueError),
    "expand_dims twice": (lambda: ops.expand_dims(X, (0, 0)), ValueError),
    "concatenate of none": (lambda: ops.concatenate([]), ValueError),
    "stack of other shapes": (lambda: ops.stack([X, ONES]), ValueError),
    "take of floats": (lambda: ops.take(X, [0.5]), TypeError),
    "take beyond": (lambda: ops.take(X, [2], 0), IndexError),
    "embedding beyond": (lambda: ops.embedding([2], X), IndexError),
    "embedding of floats": (lambda: ops.embedding([1.0], X), TypeError),
    "to_categorical beyond": (lambda: utils.to_categorical([3], 3), ValueError),
    "to_categorical of parts": (lambda: utils.to_categorical([0.5]), ValueError),
    "segment ids of another length": (lambda: ops.segment_sum([1.0, 2], [0]), ValueError),
    "bincount below none": (lambda: ops.bincount([-1]), ValueError),
    "meshgrid": (lambda: ops.meshgrid([1], indexing="yx"), ValueError),
    "categorical of a vector": (lambda: random.categorical([0.0], 1), ValueError),
    "batches of none": (lambda: data.batches(X, batch_size=0), ValueError),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_the_last_value_that_is_right(name):
    call, wanted = RIGHT[name]
    np.testing.assert_allclose(np.asarray(call()), np.asarray(wanted), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", WRONG)
def test_the_first_value_that_is_wrong(name):
    call, error = WRONG[name]
    with pytest.raises(error, match=r"\w+: "):
        call()


SLOPES = {
    "arcsinh": (
        ops.arcsinh,
        [-1e9, -30.0, -19.0, -0.5, 0.0, 1e-4, 0.5, 19.0, 21.0, 1e9],
        np.arcsinh,
        lambda x: (1 + x * x) ** -0.5,
    ),
    "arccosh": (ops.arccosh, [1.25, 2.0, 19.0, 30.0, 1e9], np.arccosh, lambda x: (x * x - 1) ** -0.5),
    "arctanh": (ops.arctanh, [-0.9, -0.1, 0.0, 1e-4, 0.5], np.arctanh, lambda x: 1 / (1 - x * x)),
    "arctan": (ops.arctan, [-9.0, -1.0, -0.3, 0.0, 0.4, 1.0, 2.5, 100.0], np.arctan, lambda x: 1 / (1 + x * x)),
    "arcsin": (ops.arcsin, [-0.9, -0.1, 0.0, 0.5], np.arcsin, lambda x: (1 - x * x) ** -0.5),
    "arccos": (ops.arccos, [-0.9, -0.1, 0.0, 0.5], np.arccos, lambda x: -((1 - x * x) ** -0.5)),
    "sinh": (ops.sinh, [-25.0, -1.0, -1e-4, 0.0, 0.3, 5.0, 19.0, 21.0, 80.0], np.sinh, np.cosh),
    "cosh": (ops.cosh, [-25.0, -1.0, 0.0, 0.3, 5.0, 19.0, 21.0, 80.0], np.cosh, np.sinh),
    "tan": (ops.tan, [-1.0, 0.0, 0.5, 2.0], np.tan, lambda x: 1 + np.tan(x) ** 2),
    "cbrt": (ops.cbrt, [-8.0, 0.5, 27.0], np.cbrt, lambda x: np.cbrt(x) ** -2 / 3),
    "log2": (ops.log2, [0.5, 3.0], np.log2, lambda x: 1 / (x * np.log(2))),
    "log10": (ops.log10, [0.5, 3.0], np.log10, lambda x: 1 / (x * np.log(10))),
    "exp2": (ops.exp2, [-1.0, 3.0], np.exp2, lambda x: np.exp2(x) * np.log(2)),
    "deg2rad": (ops.deg2rad, [-90.0, 180.0], np.deg2rad, lambda x: np.pi / 180 + 0 * x),
    "square": (ops.square, [-2.0, 3.0], np.square, lambda x: 2 * x),
}  # fmt: skip


@pytest.mark.parametrize("name", SLOPES)
def test_values_and_slopes_on_both_sides_of_every_branch(name):
    function, points, value, slope = SLOPES[name]
    x = Tensor(np.array(points), requires_grad=True)
    y = function(x)
    y.sum().backward()
    np.testing.assert_allclose(y.numpy(), value(np.array(points)), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(x.grad.numpy(), slope(np.array(points)), rtol=1e-12)


@pytest.mark.parametrize("function", [ops.hypot, ops.logaddexp, ops.arctan2], ids=lambda f: f.__name__)
def test_gradients_of_both_operands_add_up(function):
    x, y = (Tensor(np.array(v), requires_grad=True) for v in ([0.5, 2.0], [1.5, 0.25]))
    function(x, y).sum().backward()
    once = x.grad.numpy().copy(), y.grad.numpy().copy()
    function(x, y).sum().backward()
    for t, g in zip((x, y), once, strict=True):
        np.testing.assert_allclose(t.grad.numpy(), 2 * g, rtol=1e-12)


def test_one_step_of_lstm_is_the_first_of_a_sequence():
    rng = np.random.default_rng(0)
    x, kernel, recurrent = (rng.standard_normal(s) for s in ((3, 2), (2, 16), (4, 16)))
    states = np.zeros((3, 4)), np.ones((3, 4))
    t = Tensor(x, requires_grad=True)
    h, c = ops.lstm_cell(t, states, kernel, recurrent)
    _, h1, c1 = ops.lstm(x[:, None], kernel, recurrent, None, states)
    np.testing.assert_array_equal(h.numpy(), h1.numpy())
    np.testing.assert_array_equal(c.numpy(), c1.numpy())
    (h + c).sum().backward()
    assert t.grad.shape == (3, 2)
    with pytest.raises(ValueError, match="one step"):
        ops.lstm_cell(x[None], states, kernel, recurrent)
