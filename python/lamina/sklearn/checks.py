"""Arguments and data are checked as scikit-learn does it, by the functions of its version."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import validation

Array = np.ndarray[Any, np.dtype[Any]]


def validated(estimator: Any, X: Any, y: Any = "no_validation", *, reset: bool, **options: Any) -> Any:
    """X, or (X, y), as arrays; notes or compares the number and the names of columns.

    ValueErrors of frames name the columns that are at fault.
    """
    try:
        if hasattr(validation, "validate_data"):  # scikit-learn 1.6 or later
            return validation.validate_data(estimator, X, y, reset=reset, **options)
        return estimator._validate_data(X, y, reset=reset, **options)
    except (TypeError, ValueError) as error:
        columns = _unfit_columns(X)
        if columns:
            raise type(error)(f"{error}\n{type(estimator).__name__}: the columns at fault: {columns}") from None
        raise


def _unfit_columns(X: Any) -> str:
    """The columns of a frame that hold text, objects, missing or infinite values, and which of these."""
    columns = getattr(X, "columns", None)
    if columns is None or not hasattr(X, "__getitem__"):
        return ""
    found = []
    for name in columns:
        values = np.asarray(X[name])
        if values.dtype.kind in "OUSMmT":
            try:
                values = values.astype(np.float64)
            except (TypeError, ValueError):
                found.append(f"{str(name)!r} (no numbers)")
                continue
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            found.append(f"{str(name)!r} ({'NaN' if np.isnan(values).any() else 'infinite'})")
    return ", ".join(found)


def sample_weights(sample_weight: Any, X: Any) -> Array | None:
    """Weights of the samples as an array, None where none are given; ValueError for negative ones, or zeros alone."""
    if sample_weight is None:
        return None
    weight: Array = validation._check_sample_weight(sample_weight, X, dtype=np.float64)
    if (weight < 0).any():
        raise ValueError(f"sample_weight: expected numbers >= 0, got {weight.min()}")
    if not weight.any():
        raise ValueError("sample_weight: all weights are zero; at least one must not be")
    return weight


def number(estimator: Any, name: str, least: float, below: float = np.inf, whole: bool = False) -> Any:
    """The estimator's parameter; ValueError unless it is a number in [least, below)."""
    value = getattr(estimator, name)
    kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, kinds) or not least <= value < below:
        upper = "" if below == np.inf else f" and < {below}"
        kind = "an integer" if whole else "a number"
        raise ValueError(f"{type(estimator).__name__}: {name} must be {kind} >= {least}{upper}, got {value!r}")
    return value


def keep(estimator: Any, arguments: dict[str, Any]) -> None:
    """Set the arguments of a constructor as attributes.  arguments: its ``locals()``."""
    for name, value in arguments.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)
