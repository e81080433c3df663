"""Constraints: values, names, bad input; and the orthogonal regularizer."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import constraints, layers, regularizers

W = np.array([[3.0, 0.3], [-4.0, 0.4]], np.float32)  # columns of length 5 and 0.5


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (constraints.MaxNorm(2.0), [[1.2, 0.3], [-1.6, 0.4]]),
        (constraints.MaxNorm(1.0, axis=1), [[0.99503719, 0.09950372], [-0.99503719, 0.09950372]]),
        (constraints.UnitNorm(), [[0.6, 0.6], [-0.8, 0.8]]),
        (constraints.UnitNorm(axis=None), W / 5.0249379),
        (constraints.NonNeg(), [[3.0, 0.3], [0.0, 0.4]]),
        (constraints.MinMaxNorm(1.0, 2.0), [[1.2, 0.6], [-1.6, 0.8]]),
        (constraints.MinMaxNorm(1.0, 2.0, rate=0.5), [[2.1, 0.45], [-2.8, 0.6]]),
    ],
)
def test_values(constraint, expected):
    np.testing.assert_allclose(constraint(lamina.Tensor(W)), expected, rtol=1e-6)
    again = constraints.get(constraints.serialize(constraint))
    np.testing.assert_array_equal(again(lamina.Tensor(W)), constraint(lamina.Tensor(W)))
    assert again.get_config() == constraint.get_config()


def test_large_weights_have_a_norm():
    w = lamina.Tensor(np.array([[3e30], [4e30]], np.float32))
    np.testing.assert_allclose(constraints.UnitNorm()(w), [[0.6], [0.8]], rtol=1e-6)


def test_names():
    for name in ("max_norm", "MaxNorm", "min_max_norm", "non_neg", "NonNeg", "unit_norm"):
        assert isinstance(constraints.get(name), constraints.Constraint)
    assert constraints.get(None) is None
    with pytest.raises(ValueError, match=r"unknown constraint 'max_nrm'.*max_norm"):
        constraints.get("max_nrm")
    with pytest.raises(ValueError, match="unknown constraint 'l2'"):
        layers.Dense(2, kernel_constraint="l2")
    with pytest.raises(ValueError, match="expected a constraint or its name, got 3"):
        layers.Dense(2, bias_constraint=3)
    with pytest.raises(ValueError, match="MinMaxNorm: expected 0 <= min_value <= max_value, got 2 and 1"):
        constraints.MinMaxNorm(2, 1)
    with pytest.raises(ValueError, match="MinMaxNorm: rate must be between 0 and 1, got 2"):
        constraints.MinMaxNorm(rate=2)


def test_a_constraint_of_ones_own_is_saved(tmp_path):
    @lamina.saving.register_serializable("mine")
    class Half(constraints.Constraint):
        def __call__(self, w):
            return w * 0.5

    model = lamina.Sequential([layers.Input((2,)), layers.Dense(1, kernel_constraint=Half())])
    model.save(tmp_path / "m.lamina")
    assert isinstance(lamina.load_model(tmp_path / "m.lamina").layers[0].kernel_constraint, Half)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # its own
def test_constraints_are_keras():
    keras = pytest.importorskip("keras")
    w = np.random.default_rng(0).standard_normal((3, 3, 2, 4)).astype(np.float32)
    for name, options in [
        ("MaxNorm", {"max_value": 1.5, "axis": [0, 1, 2]}),
        ("UnitNorm", {"axis": 2}),
        ("NonNeg", {}),
        ("MinMaxNorm", {"min_value": 0.5, "max_value": 0.9, "rate": 0.3, "axis": (0, 1)}),
    ]:
        ours = getattr(constraints, name)(**options)
        theirs = getattr(keras.constraints, name)(**options)
        want = keras.ops.convert_to_numpy(theirs(keras.ops.convert_to_tensor(w)))
        np.testing.assert_allclose(ours(lamina.Tensor(w)), want, rtol=1e-5, atol=1e-6)
    matrix = w[0, 0]
    for mode in ("rows", "columns"):
        ours, theirs = (m.OrthogonalRegularizer(0.3, mode) for m in (regularizers, keras.regularizers))
        want = float(theirs(keras.ops.convert_to_tensor(matrix)))
        assert float(ours(lamina.Tensor(matrix))) == pytest.approx(want, rel=1e-5)


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_orthogonal_regularizer(mode):
    penalty = regularizers.OrthogonalRegularizer(0.5, mode)
    assert float(penalty(lamina.Tensor(np.eye(3, dtype=np.float32)))) == 0.0
    same = np.ones((3, 3), np.float32)
    assert float(penalty(lamina.Tensor(same))) == pytest.approx(0.5, rel=1e-6)  # all cosines are 1
    two = np.array([[1.0, 1.0], [1.0, 0.0]])  # 45 degrees between its rows, and between its columns
    assert float(penalty(lamina.Tensor(two))) == pytest.approx(0.5 * np.sqrt(0.5), rel=1e-6)
    assert float(penalty(lamina.Tensor(np.ones((1, 1))))) == 0
    with pytest.raises(ValueError, match=r"only a matrix has rows and columns, got shape \(2,\)"):
        penalty(lamina.Tensor(np.ones(2, np.float32)))
    with pytest.raises(ValueError, match=r"only a matrix has rows and columns, got shape \(\)"):
        penalty(0)
    with pytest.raises(ValueError, match="unknown mode 'row'"):
        regularizers.OrthogonalRegularizer(mode="row")
