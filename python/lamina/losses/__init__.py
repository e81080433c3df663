"""Losses with Keras 3's names, arguments, defaults and reductions.

A loss is an object called as ``loss(y_true, y_pred, sample_weight=None)``, the name of one, or any function
``(y_true, y_pred)`` built from ``lamina.ops`` that returns one value per sample.
"""

from . import hinge as _hinge
from . import lookup as _lookup
from . import pairs as _pairs
from . import probabilistic as _probabilistic
from . import regression as _regression
from .base import Loss as Loss
from .function_loss import FunctionLoss as FunctionLoss
from .function_loss import classes as _classes
from .hinge import *
from .lookup import *
from .lookup import as_loss as as_loss
from .lookup import is_built_in as is_built_in
from .pairs import *
from .probabilistic import *
from .regression import *

BUILT_IN = frozenset(_classes.values())

__all__ = ["Loss"]
__all__ += _hinge.__all__
__all__ += _lookup.__all__
__all__ += _pairs.__all__
__all__ += _probabilistic.__all__
__all__ += _regression.__all__
