"""Layers made of others: Pipeline, RandAugment, AugMix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Array, Tensor, wrap
from ...core.explain import show
from ...core.generator import Generator
from ...core.recording import forbid_capture
from .. import arguments
from ..base import Layer
from ..call import parameters
from ..options import BoxOptions, UnnamedOptions, Unpack
from .colours import RandomColorDegeneration
from .geometry import RandomRotation, RandomShear, RandomTranslation
from .image_layer import Drawn, ImageLayer, RandomImageLayer, bounds, checked_range
from .light import RandomBrightness, RandomContrast
from .pixels import AutoContrast, Equalization, RandomPosterization, Solarization
from .sharpness import RandomSharpness


class Pipeline(Layer):
    """Layers one after the other, for preprocessing; each gets ``training``, and whatever the one before gave.

    Args:
        layers: the layers in order.

    Call args:
        inputs: the input of the first layer.
        mask: the mask of the input, for layers that take one.

    Input shape: the first layer's.

    Output shape: the last layer's.

    Raises:
        TypeError: ``layers`` holds something else than layers.

    Source: Keras 3, Pipeline.

    Example:
        >>> prepare = layers.Pipeline([layers.Rescaling(1 / 255), layers.CenterCrop(4, 4)])
        >>> prepare(np.ones((1, 8, 8, 3), "float32")).shape
        (1, 4, 4, 3)
    """

    _built_by_call = True
    supports_masking = True
    _keeps_numbers = _takes_text = True

    def __init__(self, layers: Sequence[Layer], name: str | None = None, **kwargs: Unpack[UnnamedOptions]) -> None:
        super().__init__(name=name, **kwargs)
        if not isinstance(layers, (list, tuple)) or not all(isinstance(layer, Layer) for layer in layers):
            raise TypeError(f"{self._label()}: layers must be a list of layers, got {show(layers)}")
        self.layers = list(layers)
        self._built = all(layer.built for layer in layers)

    def call(self, inputs: Any, training: bool = True, mask: Any = None) -> Any:
        for layer in self.layers:
            options: dict[str, Any] = {"training": training}
            if mask is not None and "mask" in parameters(type(layer).call):
                options["mask"] = mask
            inputs = layer(inputs, **options)
            mask = getattr(inputs, "mask", None)
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape


class _Chosen(RandomImageLayer):
    """Layers that choose among others by chance."""

    _names: tuple[str, ...] = (
        "random_shear", "random_translation", "random_rotation", "random_posterization", "solarization",
        "auto_contrast", "equalization", "random_brightness", "random_color_degeneration", "random_contrast",
        "random_sharpness",
    )  # fmt: skip
    value_range: tuple[float, float]
    factor: tuple[float, float]

    def _make(self, names: Sequence[str], interpolation: str) -> None:
        """The layers to choose from, by name."""
        f = self.factor
        ranged = {"value_range": self.value_range}
        kinds: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
            "random_shear": (RandomShear, (f, f), {"interpolation": interpolation}),
            "random_translation": (RandomTranslation, (f, f), {"interpolation": interpolation}),
            "random_rotation": (RandomRotation, (f,), {"interpolation": interpolation}),
            "random_posterization": (RandomPosterization, (max(1, int(8 * f[1])),), ranged),
            "solarization": (Solarization, (f, f), ranged),
            "auto_contrast": (AutoContrast, (), ranged),
            "equalization": (Equalization, (), ranged),
            "random_brightness": (RandomBrightness, (f,), ranged),
            "random_color_degeneration": (RandomColorDegeneration, (f,), ranged),
            "random_contrast": (RandomContrast, (f,), ranged),
            "random_sharpness": (RandomSharpness, (f,), ranged),
        }
        shared = {
            "data_format": self.data_format, "dtype": self._dtype.name, "bounding_box_format": self.bounding_box_format,
        }  # fmt: skip
        self._operations: dict[str, ImageLayer] = {}
        for name in names:
            kind, given, options = kinds[name]
            if issubclass(kind, RandomImageLayer):
                options = {**options, "seed": self.generator}
            self._operations[name] = kind(*given, name=f"{self.name}_{name}", **options, **shared)

    def _begin(self, seed: Any) -> Generator:
        """The stream of this call; the choice is made in Python, which a captured step could not repeat."""
        forbid_capture(f"{self._label()} chooses its operations in Python")
        return self.generator if seed is None else seed if isinstance(seed, Generator) else Generator(seed)


class RandAugment(_Chosen):
    """In training, applies some operations, drawn for each batch: geometry, colours, sharpness, contrast.

    The choice is made in Python: steps that contain it are not captured.

    Args:
        num_ops: how many operations, one after the other.
        factor: (lower, upper) strength, both between 0 and 1; one number f stands for (0, f).
        interpolation: "nearest" pixel, or "bilinear", the blend of four, where images are turned, moved or slanted.

    Input shape: (N, H, W, 3) or (H, W, 3); (N, 3, H, W) or (3, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: an option is out of range; the images have other axes or channels.

    Source: Keras 3, RandAugment; Cubuk et al. 2019, "RandAugment: Practical automated data augmentation".

    Example:
        >>> images = np.random.rand(2, 32, 32, 3).astype("float32")
        >>> layers.RandAugment(value_range=(0, 1), seed=1)(images, training=True).shape
        (2, 32, 32, 3)
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.value_range = checked_range(self, value_range)
        self.num_ops = arguments.positive(self, "num_ops", num_ops)
        self.factor = bounds(self, "factor", factor, 0, 1)
        self.interpolation = interpolation
        self._make(self._names, interpolation)

    def _decide(self, shape: tuple[int, ...], seed: Any = None) -> Drawn:
        stream = self._begin(seed)
        chosen = stream._next().integers(len(self._names), size=self.num_ops)
        return {"steps": [(self._names[i], self._operations[self._names[i]]._decide(shape, stream)) for i in chosen]}

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        for name, transformation in drawn["steps"]:
            images = self._operations[name]._transform(images, transformation)
        return images

    def _transform_masks(self, masks: Tensor, drawn: Drawn) -> Tensor:
        for name, transformation in drawn["steps"]:
            masks = self._operations[name]._transform_masks(masks, transformation)
        return masks

    def _transform_boxes(self, boxes: Tensor, drawn: Drawn) -> Tensor:
        for name, transformation in drawn["steps"]:
            step = {**transformation, "image_size": drawn["image_size"]}
            boxes = self._operations[name]._transform_boxes(boxes, step)
        return boxes


class AugMix(_Chosen):
    """In training, blends images with several chains of operations on them, drawn for each batch.

    The choice is made in Python: steps that contain it are not captured.

    Args:
        num_chains: how many chains.
        chain_depth: operations of a chain at most; each may be none.
        factor: (lower, upper) strength, both between 0 and 1; one number f stands for (0, f).
        alpha: parameter of the distributions that the parts of chains and images are drawn from, a positive number.
        all_ops: whether brightness, colour, contrast and sharpness are among the operations.
        interpolation: "nearest" pixel, or "bilinear", the blend of four, where images are turned, moved or slanted.

    Input shape: (N, H, W, 3) or (H, W, 3); (N, 3, H, W) or (3, H, W) with ``data_format="channels_first"``.

    Output shape: the input's.

    Raises:
        ValueError: an option is out of range; the images have other axes or channels.

    Source: Keras 3, AugMix; Hendrycks et al. 2019, "AugMix: A Simple Data Processing Method".

    Example:
        >>> images = np.random.rand(2, 32, 32, 3).astype("float32")
        >>> layers.AugMix(value_range=(0, 1), seed=1)(images, training=True).shape
        (2, 32, 32, 3)
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: Any = None,
        data_format: str | None = None,
        **kwargs: Unpack[BoxOptions],
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.value_range = checked_range(self, value_range)
        self.num_chains = arguments.positive(self, "num_chains", num_chains)
        self.chain_depth = arguments.positive(self, "chain_depth", chain_depth)
        self.factor = bounds(self, "factor", factor, 0, 1)
        if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not alpha > 0:
            raise ValueError(f"{self._label()}: alpha must be a positive number, got {alpha!r}")
        self.alpha, self.all_ops, self.interpolation = alpha, bool(all_ops), interpolation
        self._make(self._names if all_ops else self._names[:7], interpolation)

    def _decide(self, shape: tuple[int, ...], seed: Any = None) -> Drawn:
        stream = self._begin(seed)
        rng = stream._next()
        weights = rng.dirichlet([self.alpha] * self.num_chains).astype(self._dtype)
        part = np.asarray(rng.beta(self.alpha, self.alpha), self._dtype)
        names = list(self._operations)
        chains: list[list[tuple[str, Drawn]]] = []
        for row in rng.integers(len(names) + 1, size=(self.num_chains, self.chain_depth)):
            chosen = [names[i] for i in row if i < len(names)]
            chains.append([(name, self._operations[name]._decide(shape, stream)) for name in chosen])
        return {"chain_mixing_weights": weights, "weight_sample": part, "chains": chains}

    def _mixed(self, x: Tensor, drawn: Drawn, masks: bool) -> Tensor:
        weights: Array = drawn["chain_mixing_weights"]
        total = wrap(np.zeros(x.shape, self._dtype))
        for weight, chain in zip(weights, drawn["chains"], strict=True):
            y = x
            for name, transformation in chain:
                layer = self._operations[name]
                y = (layer._transform_masks if masks else layer._transform)(y, transformation)
            total = ops.add(total, ops.multiply(y, weight))
        part = drawn["weight_sample"]
        return ops.add(ops.multiply(x, part), ops.multiply(total, self._dtype.type(1) - part))

    def _transform(self, images: Tensor, drawn: Drawn) -> Tensor:
        return ops.clip(self._mixed(images, drawn, masks=False), *self.value_range)

    def _transform_masks(self, masks: Tensor, drawn: Drawn) -> Tensor:
        return self._mixed(masks, drawn, masks=True)


__all__ = ["AugMix", "Pipeline", "RandAugment"]
