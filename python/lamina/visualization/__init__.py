"""Galleries of images, with labels, boxes or masks, under the names of keras.visualization."""

from ..core.rooms import public_names, publish
from .boxes import *
from .gallery import *
from .masks import *

__all__ = list(public_names(__name__, globals()))

publish(__name__)
