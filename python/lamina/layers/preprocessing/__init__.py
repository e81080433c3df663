"""Layers that make arrays of images, text and sounds ready for a model, and layers that change them by chance."""

from ...core.rooms import public_names
from .augment import *
from .categories import *
from .colours import *
from .crop import *
from .flip import *
from .geometry import *
from .hashing import *
from .light import *
from .lookup import *
from .patches import *
from .pixels import *
from .scale import *
from .sharpness import *
from .spectrogram import *
from .text import *

__all__ = list(public_names(__name__, globals()))
