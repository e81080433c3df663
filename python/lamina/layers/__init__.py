"""Layers with Keras 3's names, arguments, defaults and weight layouts."""

from typing import TYPE_CHECKING

from ..core import registry
from ..core.docstrings import complete
from ..core.rooms import public_names, publish
from .activation import *
from .adaptive_pooling import *
from .attention import *
from .base import *
from .base import Layer
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

if TYPE_CHECKING:
    from .preprocessing import *

    __all__: list[str]


def _add_known(names: list[str]) -> None:
    found = [globals()[name] for name in names]
    registry.add_known(
        [c for c in found if isinstance(c, type) and issubclass(c, Layer) and c is not Layer], "layer", Layer
    )


def _add_preprocessing() -> None:
    """A quarter of all layers, which most programs never use: they come when one, or all names, are asked for."""
    from . import preprocessing

    added = public_names(preprocessing.__name__, vars(preprocessing))
    globals().update({name: getattr(preprocessing, name) for name in added})
    globals()["__all__"] = public_names(__name__, globals())
    _add_known(added)
    publish(__name__)


_names = public_names(__name__, globals())
_add_known(_names)
complete(__name__, globals() | {"__all__": _names})
publish(__name__, more=_add_preprocessing)
