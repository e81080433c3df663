"""Losses with Keras 3's names, arguments, defaults and reductions.

A loss is an object called as ``loss(y_true, y_pred, sample_weight=None)``, the name of one, or any function
``(y_true, y_pred)`` built from ``lamina.ops`` that returns one value per sample.
"""

from ..core.registry import add_by_module
from ..core.rooms import public_names, publish
from .alignment import *
from .base import *
from .embeddings import *
from .focal import *
from .function_loss import *
from .function_loss import FunctionLoss as FunctionLoss
from .function_loss import classes as _classes
from .hinge import *
from .lookup import *
from .lookup import as_loss as as_loss
from .lookup import is_built_in as is_built_in
from .overlap import *
from .pairs import *
from .probabilistic import *
from .regression import *

__all__ = list(public_names(__name__, globals()))

BUILT_IN = frozenset(_classes.values())

add_by_module(list(globals().values()))
publish(__name__)
