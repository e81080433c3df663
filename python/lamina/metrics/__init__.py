"""Metrics with Keras 3's names and formulas, on NumPy arrays.

A metric gathers batches with ``update_state(y_true, y_pred, sample_weight=None)``; ``result()`` is the value over all
of them and ``reset_state()`` starts again.  ``fit`` also takes the name of a metric or any function
``(y_true, y_pred)`` of one value per sample, whose mean it reports.
"""

from typing import TYPE_CHECKING, Any

from ..core.registry import add_by_module
from ..core.rooms import open_rooms
from .base import classes as _classes
from .function_metric import MeanOfLoss as MeanOfLoss
from .lookup import BY_SHAPE as BY_SHAPE

if TYPE_CHECKING:
    from .accuracy import *
    from .base import *
    from .confusion import *
    from .correlation import *
    from .curves import *
    from .fscore import *
    from .function_metric import *
    from .hinge import *
    from .iou import *
    from .lookup import *
    from .probabilistic import *
    from .regression import *
    from .verification import *

    __all__: list[str]

BUILT_IN = _classes.values()


def _known(name: str, found: Any) -> Any:
    add_by_module([found])
    return found


add_by_module([MeanOfLoss])
open_rooms(__name__, made=_known)
