"""Reductions without NaN against NumPy's; gradients of what is left; rows of NaN alone; errors."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from lamina import Tensor, ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 4, 5))
X[RNG.uniform(size=X.shape) < 0.3] = np.nan
AXES = [None, 0, 1, -1, (0, 2)]
REDUCTIONS = ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "nanmedian"]


def numpys(name, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(np, name)(*args, **kwargs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_values_are_numpys(name, axis, keepdims, dtype):
    x = X.astype(dtype)
    got, want = getattr(ops, name)(x, axis, keepdims), numpys(name, X, axis=axis, keepdims=keepdims)
    assert got.dtype == dtype
    assert got.shape == np.shape(want)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-5 if dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_gradients_reach_what_is_no_nan(name, axis):
    at = np.nonzero(~np.isnan(X))

    def of_numbers(values):  # x with these numbers where it has any
        return getattr(ops, name)(
            ops.add(ops.scatter(np.stack(at, -1), values, X.shape), np.where(np.isnan(X), X, 0)), axis
        )

    check_gradients(of_numbers, X[at])
    x = Tensor(X.copy(), requires_grad=True)
    getattr(ops, name)(x).backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy()[np.isnan(X)], 0)
    assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize("name", ["nancumsum", "nancumprod"])
@pytest.mark.parametrize("axis", [None, 0, 2])
def test_cumulated(name, axis):
    got = getattr(ops, name)(X, axis)
    np.testing.assert_allclose(got.numpy(), getattr(np, name)(X, axis), rtol=1e-13)
    x = Tensor(X, requires_grad=True)
    getattr(ops, name)(x, axis).sum().backward()
    assert not x.grad.numpy()[np.isnan(X)].any()


def test_rows_of_nan_alone():
    x = np.array([[np.nan, np.nan], [1.0, np.nan]])
    for name in ("nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "nanmedian"):
        got = getattr(ops, name)(x, 1).numpy()
        assert np.isnan(got[0]), name
        assert got[1] == (0 if name in ("nanvar", "nanstd") else 1), name
    assert ops.nansum(x, 1).tolist() == [0, 1]
    assert ops.nanprod(x, 1).tolist() == [1, 1]
    assert ops.nanargmax(x, 1).tolist() == ops.nanargmin(x, 1).tolist() == [-1, 0]


def test_places():
    x = np.array([[np.nan, 2.0, 3.0, 1.0], [4.0, np.nan, 0.0, 9.0]])
    assert ops.nanargmax(x, 1).tolist() == [2, 3]
    assert ops.nanargmin(x, 1).tolist() == [3, 2]
    assert ops.nanargmax(x).item() == 7
    assert ops.nanargmax([np.nan, -np.inf, np.nan]).item() == 1
    assert ops.nanargmin([[np.nan, np.inf, np.inf], [np.inf, np.nan, -1.0]], 1).tolist() == [1, 2]
    got = ops.nanargmin(x, 1, keepdims=True)
    assert (got.shape, got.dtype) == ((2, 1), np.int32)


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "midpoint", "nearest"])
@pytest.mark.parametrize("axis", AXES)
def test_quantiles(axis, method):
    for q in (0.3, [0.0, 0.25, 1.0]):
        want = numpys("nanquantile", X, q, axis=axis, method=method)
        np.testing.assert_allclose(ops.nanquantile(X, q, axis, method).numpy(), want, rtol=1e-12)
        got = ops.nanpercentile(X, np.multiply(q, 100), axis, method, keepdims=True)
        want = numpys("nanpercentile", X, np.multiply(q, 100), axis=axis, method=method, keepdims=True)
        assert got.shape == want.shape
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-12)
        filled = np.nan_to_num(X)
        got = ops.percentile(filled, np.multiply(q, 100), axis, method)
        np.testing.assert_allclose(got.numpy(), np.percentile(filled, np.multiply(q, 100), axis, method=method))


def test_percentiles_beside_nan_are_nan():
    assert np.isnan(ops.percentile([1.0, np.nan], 50).item())
    assert ops.nanpercentile([1.0, np.nan, 3.0], 50).item() == 2


def test_integers_are_reduced_as_they_are():
    x = np.array([[3, 1], [2, 4]], np.int8)
    for name in ("sum", "prod", "max", "min", "argmax", "argmin", "cumsum", "mean", "var", "std"):
        got, want = getattr(ops, f"nan{name}")(x), getattr(ops, name)(x)
        assert got.dtype == want.dtype, name
        np.testing.assert_array_equal(got.numpy(), want.numpy(), err_msg=name)


def test_errors():
    with pytest.raises(ValueError, match="nanquantile: q must be a number or a list of numbers from 0 to 1"):
        ops.nanquantile(X, 30)
    with pytest.raises(ValueError, match="percentile: q must be a number or a list of numbers from 0 to 100"):
        ops.percentile(X, 101)
    with pytest.raises(ValueError, match="nanmedian: axis 3 is outside x"):
        ops.nanmedian(X, 3)
    with pytest.raises(ValueError, match="nanpercentile: method must be one of linear"):
        ops.nanpercentile(X, 1, method="best")
