"""Arrays cut into batches and split into parts; pipelines of elements; one's own batches by number."""

from ..core.rooms import public_names, publish
from .batches import *
from .batches import count as count
from .dataset import *
from .py_dataset import *
from .py_dataset import pack_x_y_sample_weight as pack_x_y_sample_weight
from .py_dataset import unpack_x_y_sample_weight as unpack_x_y_sample_weight

__all__ = list(public_names(__name__, globals()))

publish(__name__)
