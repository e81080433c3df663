"""Metrics with Keras 3's names and formulas, on NumPy arrays.

A metric gathers batches with ``update_state(y_true, y_pred, sample_weight=None)``; ``result()`` is the value over all
of them and ``reset_state()`` starts again.  ``fit`` also takes the name of a metric or any function
``(y_true, y_pred)`` of one value per sample, whose mean it reports.
"""

from ..core.registry import add_by_module
from ..core.rooms import public_names, publish
from .accuracy import *
from .base import *
from .base import classes as _classes
from .confusion import *
from .correlation import *
from .curves import *
from .fscore import *
from .function_metric import *
from .function_metric import MeanOfLoss as MeanOfLoss
from .hinge import *
from .iou import *
from .lookup import *
from .lookup import BY_SHAPE as BY_SHAPE
from .probabilistic import *
from .regression import *
from .verification import *

__all__ = list(public_names(__name__, globals()))

BUILT_IN = frozenset(_classes.values())

add_by_module(list(globals().values()))
publish(__name__)
