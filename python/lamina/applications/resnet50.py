"""ResNet50 under the name of Keras's module."""

from ..core.rooms import publish
from .resnet import ResNet50, decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]

publish(__name__)
