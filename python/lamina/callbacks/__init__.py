"""Callbacks with Keras 3's names, arguments and behaviour: what happens between the steps of fit."""

from . import base as _base
from . import checkpoint as _checkpoint
from . import csv_logger as _csv_logger
from . import early_stopping as _early_stopping
from . import functions as _functions
from . import history as _history
from . import learning_rate as _learning_rate
from . import progress
from .base import *
from .base import CallbackList as CallbackList
from .base import as_list as as_list
from .checkpoint import *
from .csv_logger import *
from .early_stopping import *
from .functions import *
from .history import *
from .learning_rate import *
from .progress import *

__all__ = []
__all__ += _base.__all__
__all__ += _checkpoint.__all__
__all__ += _csv_logger.__all__
__all__ += _early_stopping.__all__
__all__ += _functions.__all__
__all__ += _history.__all__
__all__ += _learning_rate.__all__
__all__ += progress.__all__
