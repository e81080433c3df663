"""Helpers under keras.utils' names: data from files and arrays, seeds, descriptions of objects."""

from ..core.rooms import public_names, publish
from . import bounding_boxes as bounding_boxes
from . import legacy as legacy
from .arrays import *
from .download import *
from .feature_space import *
from .folders import *
from .images import *
from .model_plot import *
from .objects import *
from .pairs import *
from .progbar import *
from .sequences import *
from .settings import *
from .splits import *

__all__ = list(public_names(__name__, globals(), "bounding_boxes", "legacy"))

publish(__name__)
