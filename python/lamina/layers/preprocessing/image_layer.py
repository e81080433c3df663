"""What layers that change images share: single images and batches, data formats, what comes along with the images, and
random numbers that captured steps draw anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Array, Tensor, wrap
from ...core.explain import is_number, show
from ...core.generator import Generator, numpy_from
from ...core.grad_mode import grad_mode
from ...core.tree import is_shape
from ...ops.conversion import as_tensor
from .. import arguments
from ..base import Layer
from ..symbolic import Shape

Drawn = dict[str, Any]  # what was decided for one call, by name: tensors of one row an image


class ImageLayer(Layer):
    """Base of layers on images; they compute in the layer's type, whatever type the pixels have.

    Besides images a call takes a dict with "images" and, as far as there are any, "labels" and "segmentation_masks",
    which are changed along with them; other entries go through.  Where nobody says ``training=``, as outside of a
    model, they are changed: ``fit`` says True, ``predict`` and ``evaluate`` say False.
    """

    _only_in_training = True

    def __init__(self, data_format: str | None = None, bounding_box_format: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        arguments.refuse(self, bounding_box_format=bounding_box_format)
        self.data_format = arguments.data_format(self, data_format)
        self._built = True

    # ---- what a layer defines ----

    def _draw(self, shape: tuple[int, ...], rng: Any) -> dict[str, Array]:
        """What is decided for a batch of this shape; arrays of the same shapes for the same shape."""
        return {}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        """A batch (N, H, W, C) or (N, C, H, W), changed."""
        raise NotImplementedError(f"{type(self).__name__} must define _transform(images, drawn)")

    def _transform_labels(self, labels: Tensor, drawn: Drawn) -> Tensor:
        return labels

    def _transform_masks(self, masks: Tensor, drawn: Drawn) -> Tensor:
        """Segmentation masks, changed; colours do not concern them."""
        return masks

    # ---- what it promises ----

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """What a call would decide for these images.

        Args:
            data: images, or a dict that holds them.
            training: whether something is decided at all.
            seed: integer or Generator to draw from; None takes the layer's.

        Returns: a dict of tensors with one row for each image, None without ``training``.
        """
        images = as_tensor(data["images"] if isinstance(data, dict) else data)
        shape = (1, *images.shape) if self._is_single(images.shape) else images.shape
        return self._decide(shape, seed) if training else None

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Images, changed as decided.

        Args:
            images: a batch.
            transformation: what ``get_random_transformation`` returned for as many images.
            training: whether they are changed at all.
        """
        x = ops.cast(images, self._dtype)
        return self._transform(x, transformation or {}) if training or not self._only_in_training else x

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """Labels of images that are changed as decided.

        Args:
            labels: one row an image.
            transformation: what ``get_random_transformation`` returned.
            training: whether they are changed at all.
        """
        return self._transform_labels(as_tensor(labels), transformation or {}) if training else as_tensor(labels)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Masks of images that are changed as decided; they take the nearest pixel, never a blend.

        Args:
            segmentation_masks: a batch of masks with a channel axis.
            transformation: what ``get_random_transformation`` returned.
            training: whether they are changed at all.
        """
        x = ops.cast(segmentation_masks, self._dtype)
        return self._transform_masks(x, transformation or {}) if training or not self._only_in_training else x

    def call(self, data: Any, training: bool = True) -> Any:
        images = data["images"] if isinstance(data, dict) and "images" in data else data
        if not isinstance(images, Tensor):
            raise ValueError(f"expected images or a dict with 'images', got {show(data)}")
        single = self._is_single(images.shape)
        if not training and self._only_in_training:
            cast = ops.cast(images, self._dtype)
            return {**data, "images": cast} if isinstance(data, dict) else cast
        if not isinstance(data, dict):
            if single:
                return self._of_batch(self.transform_images, images, self._decide((1, *images.shape)))
            return self.transform_images(images, self._decide(images.shape))
        if "bounding_boxes" in data:
            raise ValueError("'bounding_boxes' are not supported; give 'images', 'labels' and 'segmentation_masks'")
        drawn = self._decide((1, *images.shape) if single else images.shape)
        result = dict(data)
        for key, change in (
            ("images", self.transform_images),
            ("labels", self.transform_labels),
            ("segmentation_masks", self.transform_segmentation_masks),
        ):
            if key in data:
                result[key] = self._of_batch(change, data[key], drawn) if single else change(data[key], drawn)
        return result

    @staticmethod
    def _of_batch(change: Callable[..., Any], x: Any, drawn: Drawn) -> Any:
        """``change`` of a single image, as of a batch of one."""
        return ops.squeeze(change(ops.expand_dims(x, 0), drawn), 0)

    def _decide(self, shape: tuple[int, ...], seed: Any = None) -> Drawn:
        return {name: wrap(a) for name, a in self._draw(shape, None).items()}

    def compute_output_shape(self, input_shape: Any) -> Any:
        if isinstance(input_shape, dict):
            return {**input_shape, "images": self.compute_output_shape(input_shape["images"])}
        self._is_single(input_shape)
        return self._output_shape(tuple(input_shape)) if is_shape(input_shape) else input_shape

    def _output_shape(self, shape: Shape) -> Shape:
        return shape

    # ---- axes ----

    def _is_single(self, shape: Sequence[Any]) -> bool:
        if len(shape) not in (3, 4):
            letters = "H, W, C" if self.data_format == "channels_last" else "C, H, W"
            raise ValueError(f"the images are {tuple(shape)}, expected ({letters}) or a batch (N, {letters})")
        return len(shape) == 3

    @property
    def _image_axes(self) -> tuple[int, int]:
        """Height and width, from the end."""
        return (-3, -2) if self.data_format == "channels_last" else (-2, -1)

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else -3

    def _size(self, shape: Sequence[Any]) -> tuple[Any, Any]:
        height, width = self._image_axes
        return shape[height], shape[width]

    def _base_config(self) -> dict[str, Any]:
        return super()._base_config() | {"data_format": self.data_format}


class RandomImageLayer(ImageLayer):
    """Base of layers that change images by chance, in training alone, each image of a batch by itself."""

    def __init__(self, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = seed if isinstance(seed, Generator) else Generator(seed)

    def _decide(self, shape: tuple[int, ...], seed: Any = None) -> Drawn:
        if seed is not None and not isinstance(seed, Generator):
            return {name: wrap(a) for name, a in self._draw(shape, numpy_from(seed)).items()}
        generator = self.generator if seed is None else seed
        arrays = self._draw(shape, generator._next())

        def draw_again() -> None:
            for name, values in self._draw(shape, generator._next()).items():
                arrays[name][...] = values

        if grad_mode.recording is not None:  # the plan reads the arrays, each replay begins with new values in them
            grad_mode.recording.hooks.append(draw_again)
        return {name: wrap(a) for name, a in arrays.items()}

    def _uniform(self, rng: Any, shape: Sequence[int], bounds: Sequence[float]) -> Array:
        """Numbers of the layer's type between two bounds."""
        low, high = bounds
        return (rng.random(tuple(shape)) * (high - low) + low).astype(self._dtype)

    def _one_an_image(self, rng: Any, shape: Sequence[int], bounds: Sequence[float]) -> Array:
        return self._uniform(rng, (shape[0], 1, 1, 1), bounds)


class FactorLayer(RandomImageLayer):
    """Base of layers with a part between 0 and 1, drawn for each image, and pixels in a range."""

    def __init__(
        self,
        factor: Any,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.factor = bounds(self, "factor", factor, 0, 1)
        self.value_range = checked_range(self, value_range)


def bounds(
    layer: Layer, name: str, value: Any, least: float, most: float, open_below: bool = False
) -> tuple[float, float]:
    """(lower, upper) within [least, most]; one number f means (-f, f), cut off at ``least``."""
    several = isinstance(value, (tuple, list))
    pair = tuple(value) if several else (value,)
    good = len(pair) == 1 + several and all(is_number(v) and not isinstance(v, bool) for v in pair)
    if not good or any(not least <= v <= most or (open_below and v == least) for v in pair):
        interval = f"{'(' if open_below else '['}{least:g}, {most:g}]"
        raise ValueError(f"{layer._label()}: {name} must be a number or two numbers in {interval}, got {value!r}")
    if several:
        low, high = sorted(float(v) for v in pair)
        return low, high
    size = abs(float(pair[0]))
    if open_below and size == -least:
        least = np.nextafter(least, most)  # within the interval, as a configuration is read again
    return float(max(-size, least)), size


def checked_range(layer: Layer, value: Any) -> tuple[float, float]:
    """(lowest, highest) value of a pixel."""
    pair = tuple(value) if isinstance(value, (tuple, list, np.ndarray)) else ()
    if len(pair) != 2 or not all(map(is_number, pair)) or not np.isfinite(pair).all() or pair[0] == pair[1]:
        raise ValueError(f"{layer._label()}: value_range must be two numbers, (lowest, highest), got {value!r}")
    return min(pair), max(pair)


__all__: list[str] = []
