"""Losses with Keras 3's names, arguments, defaults and reductions.

A loss is an object called as ``loss(y_true, y_pred, sample_weight=None)``, the name of one, or any function
``(y_true, y_pred)`` built from ``lamina.ops`` that returns one value per sample.
"""

from typing import TYPE_CHECKING, Any

from ..core.registry import add_by_module
from ..core.rooms import open_rooms
from .function_loss import DeclaredLoss as DeclaredLoss
from .function_loss import FunctionLoss as FunctionLoss
from .function_loss import classes as _classes
from .lookup import as_loss as as_loss
from .lookup import is_built_in as is_built_in

if TYPE_CHECKING:
    from .alignment import *
    from .base import *
    from .embeddings import *
    from .focal import *
    from .hinge import *
    from .lookup import *
    from .overlap import *
    from .pairs import *
    from .probabilistic import *
    from .regression import *

    __all__: list[str]

BUILT_IN = _classes.values()


def _known(name: str, found: Any) -> Any:
    add_by_module([found])
    return found


add_by_module([FunctionLoss])
open_rooms(__name__, made=_known)
