"""Callbacks with Keras 3's names, arguments and behaviour: what happens between the steps of fit."""

from ..core.rooms import public_names, publish
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

__all__ = list(public_names(__name__, globals()))

publish(__name__)
