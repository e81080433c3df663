"""keras.legacy: descriptions of objects as Keras 2 wrote them."""

from ..core.rooms import publish
from . import saving as saving

__all__ = ["saving"]

publish(__name__)
