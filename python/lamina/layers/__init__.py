"""Layers with Keras 3's names, arguments, defaults and weight layouts."""

from typing import TYPE_CHECKING, Any

from ..core import registry
from ..core.rooms import open_rooms
from .base import Layer as _Layer
from .op_layer import OpLayer as _OpLayer  # noqa: F401 (it draws operations on symbolic tensors)

if TYPE_CHECKING:
    from .activation import *
    from .adaptive_pooling import *
    from .attention import *
    from .base import *
    from .batch_normalization import *
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
    from .input_spec import *
    from .key_value_cache import *
    from .linear_algebra import *
    from .lookup import *
    from .normalization import *
    from .op_layer import *
    from .padding import *
    from .pooling import *
    from .preprocessing import *
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
    from .unpooling import *
    from .upsampling import *
    from .variable import *
    from .wrappers import *

    __all__: list[str]


def _known(name: str, found: Any) -> Any:
    if isinstance(found, type) and issubclass(found, _Layer) and found is not _Layer:
        registry.add_known([found], "layer", _Layer)
    return found


open_rooms(__name__, made=_known)
