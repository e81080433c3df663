"""Arrays cut into batches and split into parts; pipelines of elements; one's own batches by number."""

from typing import TYPE_CHECKING

from ..core.rooms import open_rooms
from .batches import count as count
from .py_dataset import pack_x_y_sample_weight as pack_x_y_sample_weight
from .py_dataset import unpack_x_y_sample_weight as unpack_x_y_sample_weight

if TYPE_CHECKING:
    from .batches import *
    from .dataset import *
    from .py_dataset import *

open_rooms(__name__)
