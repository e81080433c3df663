"""Places where functions of single numbers go wrong: kinks, limits, and magnitudes far from one."""

from __future__ import annotations

from typing import Any

import numpy as np


def special_points(dtype: Any) -> Any:
    """Numbers of a float type: zeros of both signs, kinks, infinities, NaN, the largest, nearly the smallest.

    Args:
        dtype: the type, float32 or float64.

    Example:
        >>> bool(np.isnan(testing.special_points("float32")).any())
        True
    """
    limits = np.finfo(dtype)
    magnitudes = [0.0, 0.5, 1.0, 1.5, 2.5, 3.0, 6.0, 20.0, 30.0, 88.0, 700.0, 1e-4, 1e4, 1e-8, 1e10, 1e-30, 1e30]
    magnitudes += [np.inf, limits.max, 4 * limits.tiny, 1 - limits.epsneg, 1 + limits.eps, 2.0**24]
    return np.array([s * m for m in magnitudes for s in (1, -1)] + [np.nan], dtype)


def finite_points(dtype: Any) -> Any:
    """Those of ``special_points`` between 1e-30 and 1e30, and zero.

    Args:
        dtype: the type, float32 or float64.

    Example:
        >>> bool(np.isfinite(testing.finite_points("float32")).all())
        True
    """
    x = special_points(dtype)
    with np.errstate(invalid="ignore"):
        return x[(np.abs(x) <= 2e30) & ((np.abs(x) > 1e-31) | (x == 0))]
