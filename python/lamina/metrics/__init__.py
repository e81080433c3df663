"""Metrics with Keras 3's names and formulas, on NumPy arrays.

A metric gathers batches with ``update_state(y_true, y_pred, sample_weight=None)``; ``result()`` is the value over all
of them and ``reset_state()`` starts again.  ``fit`` also takes the name of a metric or any function
``(y_true, y_pred)`` of one value per sample, whose mean it reports.
"""

from . import accuracy as _accuracy
from . import base as _base
from . import function_metric as _function_metric
from . import lookup as _lookup
from . import regression as _regression
from .accuracy import *
from .base import *
from .function_metric import *
from .lookup import *
from .lookup import BY_SHAPE as BY_SHAPE
from .lookup import classes as _classes
from .regression import *

BUILT_IN = frozenset(_classes().values())

__all__ = []
__all__ += _accuracy.__all__
__all__ += _base.__all__
__all__ += _function_metric.__all__
__all__ += _lookup.__all__
__all__ += _regression.__all__
