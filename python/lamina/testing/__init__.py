"""Checks for users' own operations and layers, and the case registry behind Lamina's tests and benchmarks."""

from .gradients import check_gradients, numeric_gradient

__all__ = ["check_gradients", "numeric_gradient"]
