"""keras.preprocessing.sequence."""

from ..core.rooms import publish
from ..utils import pad_sequences

__all__ = ["pad_sequences"]

publish(__name__)
