"""Checks for users' own operations and layers, and the case registry behind Lamina's tests and benchmarks."""

import sys

from ..core.docstrings import complete
from ..core.suggest import show_public_names
from .gradients import check_gradients, numeric_gradient
from .layer_checks import check_layer
from .points import finite_points, special_points

__all__ = ["check_gradients", "check_layer", "finite_points", "numeric_gradient", "special_points"]

complete(__name__, globals())
show_public_names(sys.modules[__name__])
