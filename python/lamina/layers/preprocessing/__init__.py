"""Layers that make arrays of images, text and sounds ready for a model, and layers that change them by chance."""

from .augment import *
from .categories import *
from .colours import *
from .crop import *
from .elastic import *
from .flip import *
from .geometry import *
from .hashing import *
from .light import *
from .local_contrast import *
from .lookup import *
from .max_boxes import *
from .patches import *
from .pixels import *
from .scale import *
from .sharpness import *
from .spectrogram import *
from .text import *
