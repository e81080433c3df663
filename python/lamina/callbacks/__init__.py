"""Callbacks with Keras 3's names, arguments and behaviour: what happens between the steps of fit."""

from typing import TYPE_CHECKING

from ..core.rooms import open_rooms

if TYPE_CHECKING:
    from . import progress as progress
    from .averaged_weights import *
    from .base import *
    from .base import as_list as as_list
    from .callback_list import *
    from .checkpoint import *
    from .csv_logger import *
    from .early_stopping import *
    from .functions import *
    from .history import *
    from .learning_rate import *
    from .progress import *
    from .pruning import *
    from .remote_monitor import *
    from .tensorboard import *

open_rooms(__name__, {"as_list": "base.as_list"})
