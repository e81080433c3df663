"""Checks for users' own operations and layers, and the case registry behind Lamina's tests and benchmarks."""

from .gradients import check_gradients, numeric_gradient
from .points import finite_points, special_points

__all__ = ["check_gradients", "finite_points", "numeric_gradient", "special_points"]
