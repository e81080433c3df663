"""Metrics with Keras 3's names and formulas, on NumPy arrays.

A metric gathers batches with ``update_state(y_true, y_pred, sample_weight=None)``; ``result()`` is the value over all
of them and ``reset_state()`` starts again.  ``fit`` also takes the name of a metric or any function
``(y_true, y_pred)`` of one value per sample, whose mean it reports.
"""

from ..core.rooms import public_names
from .accuracy import *
from .base import *
from .function_metric import *
from .lookup import *
from .lookup import BY_SHAPE as BY_SHAPE
from .lookup import classes as _classes
from .regression import *

__all__ = list(public_names(__name__, globals()))

BUILT_IN = frozenset(_classes().values())
