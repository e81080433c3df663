"""keras.utils.legacy: descriptions of objects as Keras 2 wrote them."""

from ..core.legacy import deserialize_keras_object, serialize_keras_object
from ..core.rooms import publish

__all__ = ["deserialize_keras_object", "serialize_keras_object"]

publish(__name__)
