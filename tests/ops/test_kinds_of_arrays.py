"""Masked arrays, matrices and mapped files: the numbers that they hold, whatever their own methods mean by them."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers, ops
from lamina.ops.conversion import as_tensor

VALUES = np.array([[3.0, 1.0], [2.0, 2.0]], np.float32)


def mapped(tmp_path):
    np.save(tmp_path / "x.npy", VALUES)
    return np.load(tmp_path / "x.npy", mmap_mode="r+")


KINDS = {
    "masked": lambda tmp_path: np.ma.array(VALUES, mask=[[1, 0], [0, 0]]),
    "matrix": lambda tmp_path: np.matrix(VALUES),
    "mapped": mapped,
}
OPERATIONS = {
    "argpartition": lambda x: ops.argpartition(x, 1),
    "argsort": ops.argsort,
    "sum": lambda x: ops.sum(x, axis=1),
    "max": ops.max,
    "multiply": lambda x: ops.multiply(x, x),
    "reshape": lambda x: ops.reshape(x, (4,)),
    "getitem": lambda x: as_tensor(x)[0],
    "unique": ops.unique,
    "bincount": lambda x: ops.bincount(ops.cast(x, "int32")),
    "median": ops.median,
    "dense": lambda x: ops.dense(x, np.eye(2, dtype=np.float32)),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(kind, name, tmp_path):
    given = KINDS[kind](tmp_path)
    got, want = OPERATIONS[name](given), OPERATIONS[name](VALUES)
    assert type(as_tensor(given)._array) is np.ndarray
    np.testing.assert_array_equal(got.numpy(), want.numpy())


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("kind", KINDS)
def test_models(kind, tmp_path):
    x = KINDS[kind](tmp_path)

    def trained(x):
        model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1, kernel_initializer="ones")])
        model.compile("sgd", "mse")
        model.fit(x, VALUES[:, :1], epochs=2, verbose=0, shuffle=False)
        return model.predict(x, verbose=0)

    np.testing.assert_array_equal(trained(x), trained(VALUES))
