"""keras.preprocessing: images, sequences and texts from files and lists."""

from ..core.rooms import publish
from ..utils import image_dataset_from_directory, text_dataset_from_directory, timeseries_dataset_from_array
from . import image as image
from . import sequence as sequence
from . import text as text

__all__ = [
    "image", "image_dataset_from_directory", "sequence", "text", "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]  # fmt: skip

publish(__name__)
