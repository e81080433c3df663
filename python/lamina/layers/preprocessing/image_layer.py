"""What layers that change images share: single images and batches, data formats, what comes along with the images, and
random numbers that captured steps draw anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import ops
from ...core.autograd import Array, Tensor, wrap
from ...core.explain import is_number, show
from ...core.generator import Generator, numpy_from
from ...core.grad_mode import grad_mode
from ...core.replica import drawn_by_sample, replica_of
from ...core.tree import is_shape
from ...ops.bounding_boxes import checked_format, clip_to_image_size, convert_format
from ...ops.conversion import as_tensor
from .. import arguments
from ..base import Layer
from ..options import BoxOptions, ImageOptions, LayerOptions, Unpack
from ..symbolic import Shape

Drawn = dict[str, Any]  # what was decided for one call, by name: tensors of one row an image


class ImageLayer(Layer):
    """Base of layers on images; they compute in the layer's type, whatever type the pixels have.

    Besides images a call takes a dict with "images" and, as far as there are any, "labels", "segmentation_masks" and
    "bounding_boxes", which are changed along with them; other entries go through. Bounding boxes are a dict of "boxes"
    (N, boxes, 4) and "labels" (N, boxes), or of lists, which become as long as the longest; -1 becomes the label of a
    box that the image does not show any more.

    Where nobody says ``training=``, as outside of a model, they are changed: ``fit`` says True, ``predict`` and
    ``evaluate`` say False.

    Args:
        bounding_box_format: format of the boxes, as for ``utils.bounding_boxes.convert_format``; None without boxes.
    """

    _only_in_training = True
    _takes_boxes = _needs_format = True

    def __init__(
        self, data_format: str | None = None, bounding_box_format: str | None = None, **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        if not self._takes_boxes:
            arguments.refuse(self, bounding_box_format=bounding_box_format)
        elif bounding_box_format is not None:
            bounding_box_format = checked_format(self._label(), "bounding_box_format", bounding_box_format)
        self.bounding_box_format = bounding_box_format
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

    def _transform_boxes(self, boxes: Tensor, drawn: Drawn) -> Tensor:
        """Boxes (N, boxes, 4), (left, top, right, bottom) in an image of ``drawn["image_size"]``, changed; colours do
        not concern them."""
        return boxes

    def _new_size(self, size: tuple[Any, Any]) -> tuple[Any, Any]:
        """The height and width that images of this one get."""
        return size

    # ---- what it promises ----

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """What a call would decide for these images.

        Args:
            data: images, or a dict that holds them.
            training: whether something is decided at all.
            seed: integer or Generator to draw from; None takes the layer's.

        Returns: a dict of tensors with one row for each image, and with ``bounding_box_format`` the "image_size"; None
            without ``training``.
        """
        images = as_tensor(data["images"] if isinstance(data, dict) else data)
        shape = (1, *images.shape) if self._is_single(images.shape) else images.shape
        return self._decided(shape, seed) if training else None

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Images, changed as decided.

        Args:
            images: a batch.
            transformation: what ``get_random_transformation`` returned for as many images.
            training: whether they are changed at all.
        """
        x = self._values(images)
        return self._transform(x, transformation or {}) if training or not self._only_in_training else x

    def _values(self, images: Any) -> Tensor:
        x = as_tensor(images)
        return x if self._keeps_dtype and x.dtype.kind != "f" else ops.cast(x, self._dtype)

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
        x = self._values(segmentation_masks)
        return self._transform_masks(x, transformation or {}) if training or not self._only_in_training else x

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """Bounding boxes of images that are changed as decided.

        Args:
            bounding_boxes: a dict of "boxes" (N, boxes, 4) in the layer's format and "labels" (N, boxes).
            transformation: what ``get_random_transformation`` returned.
            training: whether they are changed at all.

        Raises:
            ValueError: the layer has no ``bounding_box_format``; the boxes are no such dict or of other shapes.
        """
        self._check_boxes(bounding_boxes)
        given = dense_boxes(self, bounding_boxes)
        if not training and self._only_in_training:
            return given
        (height, width), source = transformation["image_size"], self.bounding_box_format
        assert source is not None
        boxes = convert_format(given["boxes"], source, "xyxy", height, width, self._dtype)
        moved = self._transform_boxes(boxes, transformation)
        if moved is boxes:
            return given
        height, width = self._new_size((height, width))
        shown = clip_to_image_size({**given, "boxes": moved}, height, width)
        return convert_format(shown, "xyxy", source, height, width, self._dtype)

    if not TYPE_CHECKING:  # Layer's types

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            if args and isinstance(args[0], dict):
                boxes = args[0].get("bounding_boxes")
                if isinstance(boxes, dict) and isinstance(boxes.get("boxes"), (list, tuple)) and "labels" in boxes:
                    args = ({**args[0], "bounding_boxes": padded_boxes(boxes)}, *args[1:])
            return super().__call__(*args, **kwargs)

    def call(self, data: Any, training: bool = True) -> Any:
        images = data["images"] if isinstance(data, dict) and "images" in data else data
        if not isinstance(images, Tensor):
            raise ValueError(f"expected images or a dict with 'images', got {show(data)}")
        single = self._is_single(images.shape)
        shape = (1, *images.shape) if single else images.shape
        if isinstance(data, dict) and "bounding_boxes" in data:
            self._check_boxes(data["bounding_boxes"])
        if not training and self._only_in_training:
            cast = ops.cast(images, self._dtype)
            return {**data, "images": cast} if isinstance(data, dict) else cast
        drawn = self._decided(shape)
        if not isinstance(data, dict):
            return (
                self._of_batch(self.transform_images, images, drawn) if single else self.transform_images(images, drawn)
            )
        result = dict(data)
        for key, change in (
            ("images", self.transform_images),
            ("labels", self.transform_labels),
            ("segmentation_masks", self.transform_segmentation_masks),
            ("bounding_boxes", self.transform_bounding_boxes),
        ):
            if key in data:
                result[key] = self._of_batch(change, data[key], drawn) if single else change(data[key], drawn)
        return result

    def _check_boxes(self, bounding_boxes: Any) -> None:
        """Whether bounding boxes can come along."""
        if not self._takes_boxes:
            raise ValueError("'bounding_boxes' are not supported; give 'images', 'labels' and 'segmentation_masks'")
        if self._needs_format and self.bounding_box_format is None:
            raise ValueError("'bounding_boxes' need a bounding_box_format, such as 'xyxy', in the layer's constructor")
        if not isinstance(bounding_boxes, dict) or not {"boxes", "labels"} <= set(bounding_boxes):
            raise ValueError(f"'bounding_boxes' must be a dict of 'boxes' and 'labels', got {show(bounding_boxes)}")

    @staticmethod
    def _of_batch(change: Callable[..., Any], x: Any, drawn: Drawn) -> Any:
        """``change`` of a single image, as of a batch of one."""
        if isinstance(x, dict):
            batch = {k: ops.expand_dims(v, 0) for k, v in x.items()}
            return {k: ops.squeeze(v, 0) for k, v in change(batch, drawn).items()}
        return ops.squeeze(change(ops.expand_dims(x, 0), drawn), 0)

    def _decided(self, shape: tuple[int, ...], seed: Any = None) -> Drawn:
        drawn = self._decide(shape, seed)
        return drawn if self.bounding_box_format is None else {**drawn, "image_size": self._size(shape)}

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
        boxes = {} if self.bounding_box_format is None else {"bounding_box_format": self.bounding_box_format}
        return super()._base_config() | {"data_format": self.data_format} | boxes


class RandomImageLayer(ImageLayer):
    """Base of layers that change images by chance, in training alone, each image of a batch by itself."""

    def __init__(self, seed: Any = None, **kwargs: Unpack[ImageOptions]) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = seed if isinstance(seed, Generator) else Generator(seed)

    def _decide(self, shape: tuple[int, ...], seed: Any = None) -> Drawn:
        if seed is not None and not isinstance(seed, Generator):
            return {name: wrap(a) for name, a in self._draw(shape, numpy_from(seed)).items()}
        generator = self.generator if seed is None else seed
        replica = grad_mode.replica

        def draw() -> Any:
            with replica_of(replica):
                return drawn_by_sample(shape, partial(self._draw, rng=generator._next()))

        arrays = draw()

        def draw_again() -> None:
            for name, values in draw().items():
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
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.factor = bounds(self, "factor", factor, 0, 1)
        self.value_range = checked_range(self, value_range)


def padded_boxes(bounding_boxes: dict[str, Any]) -> dict[str, Any]:
    """Bounding boxes given as lists as arrays; images with fewer of them get boxes of zeros with the label -1."""
    boxes, labels = bounding_boxes["boxes"], bounding_boxes["labels"]
    if not isinstance(labels, (list, tuple)) or len(boxes) != len(labels):
        raise ValueError(
            f"'bounding_boxes': lists need a label for each box, got boxes {show(boxes)}, labels {show(labels)}"
        )
    if any(isinstance(side, (list, tuple)) for b in boxes for side in b):  # one list an image
        counts, marks = list(map(len, boxes)), list(map(len, labels))
        if counts != marks:
            raise ValueError(f"'bounding_boxes': images have {counts} boxes and {marks} labels")
        most = max(counts)
        boxes = [[*b, *[[0.0] * 4] * (most - len(b))] for b in boxes]
        labels = [[*row, *[-1] * (most - len(row))] for row in labels]
    return {**bounding_boxes, "boxes": np.array(boxes, np.float32), "labels": np.array(labels)}


def dense_boxes(layer: Layer, bounding_boxes: dict[str, Any]) -> dict[str, Any]:
    """Bounding boxes as tensors, checked."""
    boxes, labels = bounding_boxes["boxes"], bounding_boxes["labels"]
    x, marks = ops.cast(boxes, layer._dtype), as_tensor(labels)
    if x.ndim != 3 or x.shape[-1] != 4 or marks.shape[:2] != x.shape[:2]:
        raise ValueError(
            f"'bounding_boxes': boxes are {x.shape}, labels {marks.shape}, expected (N, boxes, 4) and (N, boxes)"
        )
    return {**bounding_boxes, "boxes": x, "labels": marks}


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
