"""ImageNet: how its images become a model's input, and what the numbers of a prediction are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from ..config import floatx, standardize_data_format
from ..core.arrays import to_numbers
from ..core.autograd import Array, Tensor
from ..core.explain import is_index, named
from ..core.rooms import publish
from ..core.suggest import unknown
from ..layers import SymbolicTensor
from ..saving.description import load_json
from ..utils.download import get_file

_INDEX = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours, red first, from 0 to 1
_BLUE_FIRST_MEAN = (103.939, 116.779, 123.68)


@named("preprocess_input")
def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Pixels from 0 to 255 as a model was trained on.

    An array of floats is written in place, as Keras does; others, tensors and symbolic tensors stay as they are.

    Args:
        x: one image (H, W, 3) or a batch (N, H, W, 3), red first: an array, a tensor, or a symbolic tensor while a
            model is drawn.
        data_format: "channels_last", or "channels_first": (3, H, W) and (N, 3, H, W); None takes
            ``config.image_data_format()``.
        mode: "caffe", blue first, less the mean of ImageNet's pixels; "tf", from -1 to 1; "torch", from 0 to 1, less
            ImageNet's mean, over its standard deviation.

    Returns: pixels of the shape of ``x``, an array if it is one.

    Raises:
        ValueError: ``mode`` or ``data_format`` is unknown; ``x`` is no image of three colours.

    Source: Keras 3, keras.applications.imagenet_utils.preprocess_input.

    Example:
        >>> pixels = np.full((1, 2, 2, 3), 255)
        >>> applications.imagenet_utils.preprocess_input(pixels, mode="tf")[0, 0, 0]
        array([1., 1., 1.], dtype=float32)
    """
    if mode not in ("caffe", "tf", "torch"):
        raise unknown("mode of preprocess_input", mode, ("caffe", "tf", "torch"))
    data_format = standardize_data_format(data_format, "preprocess_input")
    if not isinstance(x, (Tensor, SymbolicTensor)):
        x = to_numbers("preprocess_input: x", x)
    if mode == "tf":
        return _scaled(x, 1 / 127.5, None, 1.0)
    axis = -3 if data_format == "channels_first" else -1
    if len(x.shape) not in (3, 4) or x.shape[axis] != 3:
        raise ValueError(f"preprocess_input: x must be images of three colours, got the shape {tuple(x.shape)}")
    if mode == "torch":
        return _scaled(x, 1 / 255.0, axis, _MEAN, _DEVIATION)
    return _scaled(_flipped(x, axis), None, axis, _BLUE_FIRST_MEAN)


def _flipped(x: Any, axis: int) -> Any:
    return np.flip(x, axis) if isinstance(x, np.ndarray) else ops.flip(x, axis)


def _scaled(x: Any, scale: float | None, axis: int | None, mean: Any, deviation: Any = None) -> Any:
    """``(x * scale - mean) / deviation`` with one mean and deviation for each colour along ``axis``."""

    def of_colours(values: Any) -> Any:
        return values if axis is None else np.reshape(values, (3, 1, 1) if axis == -3 else 3).astype(dtype)

    if isinstance(x, np.ndarray):
        dtype: Any = x.dtype if x.dtype.kind == "f" else np.dtype(floatx())
        if x.dtype != dtype or not x.flags.writeable:
            x = x.astype(dtype)
        if scale is not None:
            x *= dtype.type(scale)
        x -= of_colours(mean)
        if deviation is not None:
            x /= of_colours(deviation)
        return x
    dtype = x.dtype if "float" in str(x.dtype) else floatx()
    x = ops.cast(x, dtype) if str(x.dtype) != dtype else x
    x = x if scale is None else x * scale
    x = x - of_colours(mean)
    return x if deviation is None else x / of_colours(deviation)


def preprocessing(room: str, mode: str | None) -> Callable[..., Any]:
    """The ``preprocess_input`` of a room; of one whose models do it themselves if there is no mode."""

    def own(x: Any, data_format: str | None = None) -> Any:
        return x if mode is None else preprocess_input(x, data_format, mode)

    does = {
        None: "The pixels as they are, from 0 to 255: these models scale them themselves.",
        "tf": "Pixels from 0 to 255 as these models were trained on: from -1 to 1.",
        "torch": "Pixels from 0 to 255 as these models were trained on: from 0 to 1, less ImageNet's mean, over its "
        "standard\n    deviation.",
        "caffe": "Pixels from 0 to 255 as these models were trained on: blue first, less the mean of ImageNet's.",
    }[mode]
    first = {None: "255.0", "tf": "1.0", "torch": "2.25", "caffe": "151.06"}[mode]
    own.__name__ = own.__qualname__ = "preprocess_input"
    own.__module__ = f"{__package__}.{room}"
    own.__doc__ = f"""{does}

    Args:
        x: one image (H, W, 3) or a batch (N, H, W, 3), red first: an array, a tensor, or a symbolic tensor while a
            model is drawn.{"" if mode is None else "  An array of floats is written in place."}
        data_format: "channels_last", or "channels_first": (3, H, W) and (N, 3, H, W); None takes
            ``config.image_data_format()``.

    Returns: pixels of the shape of ``x``, an array if it is one.

    Source: Keras 3, keras.applications.{room}.preprocess_input.

    Example:
        >>> pixels = applications.{room}.preprocess_input(np.full((1, 32, 32, 3), 255.0))
        >>> round(float(pixels[0, 0, 0, 0]), 2)
        {first}
    """
    return own


@named("decode_predictions")
def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """The names of the likeliest of ImageNet's classes.

    They come from the file ``imagenet_class_index.json`` in Keras's cache, in its folder ``models``, which is
    downloaded if it is not there.

    Args:
        preds: predictions (N, 1000), an array or a tensor.
        top: how many classes of each image.

    Returns: for each image a list of (WordNet's identifier, name, prediction), the likeliest first.

    Raises:
        ValueError: the predictions have another shape; ``top`` is no positive integer.
        ConnectionError: the file is not there and cannot be downloaded; the message says where to put it by hand.

    Source: Keras 3, keras.applications.imagenet_utils.decode_predictions.

    Example:
        >>> applications.imagenet_utils.decode_predictions(np.zeros((1, 10)))
        Traceback (most recent call last):
        ...
        ValueError: decode_predictions: preds must be predictions (N, 1000) of ImageNet's classes, got the shape (1, 10)
    """
    values: Array = to_numbers("decode_predictions: preds", preds)
    if values.ndim != 2 or values.shape[1] != 1000:
        raise ValueError(
            f"decode_predictions: preds must be predictions (N, 1000) of ImageNet's classes, got the shape "
            f"{values.shape}"
        )
    if not is_index(top) or top < 1:
        raise ValueError(f"decode_predictions: top must be a positive integer, got {top!r}")
    names = _class_names()
    best = np.argsort(values, axis=1)[:, ::-1][:, :top]
    return [[(*names[i], row[i]) for i in order] for row, order in zip(values, best.tolist(), strict=True)]


def _class_names() -> list[tuple[str, str]]:
    path = get_file(
        "imagenet_class_index.json", _INDEX, cache_subdir="models", file_hash="c2c37ea517e94d9795004a39431a14cb"
    )
    with open(path, "rb") as file:
        found = load_json(file.read())
    return [(str(found[str(i)][0]), str(found[str(i)][1])) for i in range(1000)]


__all__ = ["decode_predictions", "preprocess_input"]

publish(__name__)
