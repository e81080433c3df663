"""Layers with Keras 3's names, arguments, defaults and weight layouts."""

from ..core import registry
from ..core.rooms import public_names
from .activation import *
from .adaptive_pooling import *
from .attention import *
from .base import *
from .base import Layer
from .bidirectional import *
from .conv_lstm import *
from .convolution import *
from .core import *
from .dense import *
from .depthwise_convolution import *
from .dropout import *
from .einsum_dense import *
from .elementwise import *
from .embedding import *
from .key_value_cache import *
from .linear_algebra import *
from .lookup import *
from .normalization import *
from .op_layer import *
from .padding import *
from .pooling import *
from .preprocessing.augment import *
from .preprocessing.categories import *
from .preprocessing.colours import *
from .preprocessing.crop import *
from .preprocessing.flip import *
from .preprocessing.geometry import *
from .preprocessing.hashing import *
from .preprocessing.light import *
from .preprocessing.lookup import *
from .preprocessing.patches import *
from .preprocessing.pixels import *
from .preprocessing.scale import *
from .preprocessing.sharpness import *
from .preprocessing.spectrogram import *
from .preprocessing.text import *
from .recurrent import *
from .recurrent_cell import *
from .reshape import *
from .residual import *
from .rotary_embedding import *
from .sequence_attention import *
from .siamese import *
from .stacked_cells import *
from .symbolic import *
from .transformer import *
from .upsampling import *
from .variable import *
from .wrappers import *

__all__ = list(public_names(__name__, globals()))
_classes = [value for name in __all__ if isinstance(value := globals()[name], type) and value is not Layer]
registry.add_known([cls for cls in _classes if issubclass(cls, Layer)], "layer", Layer)
