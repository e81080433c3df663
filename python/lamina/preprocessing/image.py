"""keras.preprocessing.image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import ops
from ..core.explain import named
from ..core.rooms import publish
from ..ops.data_format import is_channels_first
from ..utils import array_to_img, img_to_array, load_img, save_img


@named("smart_resize")
def smart_resize(
    x: Any, size: Sequence[int], interpolation: str = "bilinear", data_format: str = "channels_last"
) -> Any:
    """Images of another size, cut to its proportions before, so that nothing is distorted.

    Args:
        x: an image or a batch of images, of floats.
        size: (height, width) of the result.
        interpolation: how pixels are found, as in ``ops.image.resize``.
        data_format: "channels_last" or "channels_first": where the channels stand.

    Returns: an array for an array, a tensor for a tensor.

    Raises:
        ValueError: ``size`` is not two positive integers; ``x`` has other axes than images.

    Source: Keras 3, keras.preprocessing.image.smart_resize.

    Example:
        >>> preprocessing.image.smart_resize(np.zeros((6, 8, 3)), (3, 3)).shape
        (3, 3, 3)
    """
    size = tuple(size)
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"smart_resize: size must be (height, width), got {size}")
    image = ops.convert_to_tensor(x)
    if image.ndim not in (3, 4):
        raise ValueError(f"smart_resize: x is {image.shape}, expected an image or a batch of images")
    rows = image.ndim - (2 if is_channels_first("smart_resize", data_format) else 3)
    height, width = image.shape[rows : rows + 2]
    cut = [slice(None)] * image.ndim
    for axis, length, wanted in (
        (rows, height, int(width * size[0] / size[1])),
        (rows + 1, width, int(height * size[1] / size[0])),
    ):
        kept = max(min(length, wanted), 1)
        first = (length - kept) // 2
        cut[axis] = slice(first, first + kept)
    resized = ops.image.resize(image[tuple(cut)], size, interpolation, data_format=data_format)
    return np.asarray(resized) if isinstance(x, np.ndarray) else resized


__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]

publish(__name__)
