"""VGG16 under the name of Keras's module."""

from ..core.rooms import publish
from .vgg import VGG16, decode_predictions, preprocess_input

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]

publish(__name__)
