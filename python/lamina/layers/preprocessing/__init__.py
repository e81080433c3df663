"""Layers that make arrays of images, text and sounds ready for a model, and layers that change them by chance."""

from ...core.rooms import public_names
from .crop import *
from .flip import *
from .geometry import *
from .light import *
from .scale import *

__all__ = list(public_names(__name__, globals()))
