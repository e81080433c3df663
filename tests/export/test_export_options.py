"""Operations whose options and forms of arguments take ways of their own through the export."""

from __future__ import annotations

import numpy as np
import pytest
from test_export_ops import IMAGE, N, P, Q, X, Y, check, numbers, whole

from lamina import ops

CASES = {
    "average_pool padded and ceiled": lambda: (
        lambda x: (
            ops.average_pool(x, 3, 2, 1, divisor="padded", ceil_mode=True),
            ops.average_pool(x, 2, 1, "valid", divisor="padded", ceil_mode=True),
            ops.average_pool(x, 2, (1, 2), ((1, 0), (0, 1)), divisor="padded", ceil_mode=True),
        ),
        IMAGE,
    ),
    "split along each axis": lambda: (lambda x: [*ops.vsplit(x, 2), *ops.hsplit(x, 3), *ops.dsplit(x, [1, 3])], IMAGE),
    "max_unpool first": lambda: (
        lambda x: ops.max_unpool(
            *ops.max_pool(x, 2, data_format="channels_first", return_indices=True),
            2,
            output_shape=(5, 4),
            data_format="channels_first",
        ),
        IMAGE,
    ),
    "repeat by lists of one and of two": lambda: (lambda x: (ops.repeat(x, [2], 0), ops.repeat(x[:2], [2, 3], 0)), X),
    "repeat a single row": lambda: (lambda x: (ops.repeat(x, 3, 0), ops.repeat(x, 2, 1)), X[:1]),
    "clip by arrays": lambda: (
        lambda x: (ops.clip(x, Q[0] - 1, P[0]), ops.clip(x, None, P[0]), ops.clip(x, Q[0] - 1, None)),
        X,
    ),
    "clip on one side": lambda: (lambda x: (ops.clip(x, None, 0.5), ops.clip(x, -0.5, None)), X),
    "complex transforms": lambda: (
        lambda x, y: (*ops.fft2((x, y)), *ops.fft((x, y)), ops.real((x, y)), ops.imag((x, y)), *ops.conj((x, y))),
        X,
        Y,
    ),
    "dot of many axes": lambda: (
        lambda x, y: (ops.dot(x, y), ops.dot(x, y[0]), ops.dot(x, y[0, :, 0])),
        numbers(2, 4, 3),
        numbers(5, 3, 2),
    ),
    "getitem negative": lambda: (lambda x: (x[-1], x[..., -1], x[:, -2], x[::-1], x[3:0:-2, 1:], x[None, 1:3]), X),
    "getitem of places": lambda: (
        lambda x: (
            x[:, np.array([2, 0])],
            x[np.array([0, -1])],
            x[:, np.array([1, 0]), np.array([0, 2])],
            x[:, :, np.array([[1, 2, 3], [0, 1, 2]]), np.array([0, 1, 1])],
        ),
        IMAGE,
    ),
    "numbers beside tensors": lambda: (
        lambda x: (ops.where(x > 0, 1.5, x), ops.stack([x, x * 2]), ops.maximum(x, 0.25), ops.maximum(x, [1, 0, 1])),
        X,
    ),
    "pad by one or two numbers": lambda: (lambda x: (ops.pad(x, 1), ops.pad(x, (1, 2)), ops.pad(x, ((2, 1),))), X),
    "saturate_cast of integers": lambda: (
        lambda x: [ops.saturate_cast(x * 100, dtype) for dtype in ("int8", "uint8", "int32")],
        N,
    ),
    "saturate_cast of floats": lambda: (
        lambda x: (ops.saturate_cast(x * 1e10, "int32"), ops.saturate_cast(x * 100, "uint8")),
        X,
    ),
    "take places": lambda: (lambda x: (ops.take(x, [3, 0]), ops.take(x, [[1, 2]], -1), ops.take(x, 1, 0)), X),
    "take_along_axis flat": lambda: (
        lambda x: (
            ops.take_along_axis(x, np.array([5, 0, 2]), None),
            ops.take_along_axis(x, np.array([[2, 0], [1, 1], [0, 2], [1, 0]]), 1),
        ),
        X,
    ),
    "arange as long as an axis": lambda: (
        lambda x: x * ops.reshape(ops.arange(x.shape[0], dtype="float32"), (-1, 1)),
        X,
    ),
    "sparse_categorical_crossentropy of a column": lambda: (
        ops.sparse_categorical_crossentropy,
        whole(4, 1, high=3),
        P,
    ),
    "parts of pairs": lambda: (lambda x, y: (ops.real((x, y)), ops.imag((x, y)), ops.imag(x)), X, Y),
    "half of a size, rounded up": lambda: (lambda x: ops.ones(((x.shape[0] + 1) // 2, 3)) * ops.sum(x), X),
    "sizes multiplied": lambda: (lambda x, y: ops.reshape(ops.outer(x[:, 0], y[:, 0]), (-1, 1)), X, Y),
    "repeats that are arrays": lambda: (lambda x: ops.repeat(x, ops.array([2, 1, 3]), 1), X),
    "borders that are arrays": lambda: (
        lambda x: (ops.pad(x, ops.array([[1, 2], [0, 1]])), ops.pad(x, np.array([[0, 0], [2, 1]]))),
        X,
    ),
    "slices at places that are arrays": lambda: (lambda x: ops.slice(x, ops.array([1, 0]), (2, 2)), X),
    "lists of values and numbers": lambda: (lambda x: ops.maximum(x, [x[0, 0] * 1.0, 0.5, x[1, 1]]), X),
}


@pytest.mark.parametrize("name", CASES)
def test_an_operation_with_further_options(name):
    check(*CASES[name]())
