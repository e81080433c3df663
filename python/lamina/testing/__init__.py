"""Checks for users' own operations and layers, and the case registry behind Lamina's tests and benchmarks."""

from ..core.docstrings import complete
from .gradients import check_gradients, numeric_gradient
from .layer_checks import check_layer
from .points import finite_points, special_points

__all__ = ["check_gradients", "check_layer", "finite_points", "numeric_gradient", "special_points"]

complete(__name__, globals())
