"""EfficientNetV2 B0 to B3, S, M and L: blocks that begin with full convolutions and go on with depthwise ones."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

from .. import layers
from ..core.rooms import publish
from ..models import Functional
from .frame import GOOGLE, Files, Frame, document, model
from .imagenet_utils import decode_predictions, preprocessing
from .squeeze import CONVOLUTION, HEAD, squeezed

_SOURCE = "M. Tan, Q. Le 2021, EfficientNetV2: Smaller Models and Faster Training."
# Repeats, filters, expansion, stride, share of squeezing; without squeezing both convolutions of a block are one.
_SMALL = (
    (1, 16, 1, 1, 0.0), (2, 32, 4, 2, 0.0), (2, 48, 4, 2, 0.0), (3, 96, 4, 2, 0.25), (5, 112, 6, 1, 0.25),
    (8, 192, 6, 2, 0.25),
)  # fmt: skip
_S = (
    (2, 24, 1, 1, 0.0), (4, 48, 4, 2, 0.0), (4, 64, 4, 2, 0.0), (6, 128, 4, 2, 0.25), (9, 160, 6, 1, 0.25),
    (15, 256, 6, 2, 0.25),
)  # fmt: skip
_M = (
    (3, 24, 1, 1, 0.0), (5, 48, 4, 2, 0.0), (5, 80, 4, 2, 0.0), (7, 160, 4, 2, 0.25), (14, 176, 6, 1, 0.25),
    (18, 304, 6, 2, 0.25), (5, 512, 6, 1, 0.25),
)  # fmt: skip
_L = (
    (4, 32, 1, 1, 0.0), (7, 64, 4, 2, 0.0), (7, 96, 4, 2, 0.0), (10, 192, 4, 2, 0.25), (19, 224, 6, 1, 0.25),
    (25, 384, 6, 2, 0.25), (7, 640, 6, 1, 0.25),
)  # fmt: skip


class _Variant(NamedTuple):
    width: float
    depth: float
    size: int
    first: int  # filters of the first convolution
    blocks: tuple[tuple[int, int, int, int, float], ...]
    whole: str  # checksums
    without_top: str


_VARIANTS = {
    "B0": _Variant(1.0, 1.0, 224, 32, _SMALL, "21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff"),
    "B1": _Variant(1.0, 1.1, 240, 32, _SMALL, "069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"),
    "B2": _Variant(1.1, 1.2, 260, 32, _SMALL, "424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"),
    "B3": _Variant(1.2, 1.4, 300, 32, _SMALL, "1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"),
    "S": _Variant(1.0, 1.0, 384, 24, _S, "e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070"),
    "M": _Variant(1.0, 1.0, 480, 24, _M, "a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342"),
    "L": _Variant(1.0, 1.0, 480, 32, _L, "27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615"),
}


def _efficientnet(letter: str) -> Any:
    label, variant = f"EfficientNetV2{letter}", _VARIANTS[letter]
    own_name = f"efficientnetv2-{letter.lower()}"
    files = Files(
        f"{GOOGLE}efficientnet_v2/", (f"{own_name}.h5", variant.whole), (f"{own_name}_notop.h5", variant.without_top)
    )

    def make(
        include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None,
        pooling: str | None = None, classes: int = 1000, classifier_activation: Any = "softmax",
        include_preprocessing: bool = True, name: str = own_name,
    ) -> Functional:  # fmt: skip
        frame = Frame(
            label, variant.size, include_top=include_top, weights=weights, input_tensor=input_tensor,
            input_shape=input_shape, pooling=pooling, classes=classes, classifier_activation=classifier_activation,
        )  # fmt: skip
        return model(frame, name, partial(_draw, letter, include_preprocessing), files)

    example = "large" if letter in "SML" else "include_top=False"
    text = f"EfficientNetV2-{letter}: blocks of full convolutions, then of depthwise ones with squeezed channels."
    document(make, "efficientnet_v2", label, f"{text}|{_SOURCE}|{example}")
    return make


def _draw(letter: str, include_preprocessing: bool, frame: Frame) -> Any:
    variant, x = _VARIANTS[letter], frame.x

    def filters(n: int) -> int:
        return int(max(8, int(n * variant.width + 4) // 8 * 8))

    if include_preprocessing:
        x = _pixels(x, letter.startswith("B") and frame.input_shape[-1] == 3)
    x = layers.Conv2D(
        filters(variant.first), 3, strides=2, padding="same", use_bias=False, kernel_initializer=CONVOLUTION,
        name="stem_conv",
    )(x)  # fmt: skip
    x = _norm_swish(x, "stem")
    number, all_blocks = 0, sum(n for n, *_ in variant.blocks)
    for i, (repeats, wide, expansion, stride, share) in enumerate(variant.blocks):
        for j in range(math.ceil(variant.depth * repeats)):
            name, drop = f"block{i + 1}{chr(97 + j)}_", 0.2 * number / all_blocks
            x = _block(x, filters(wide), expansion, stride if j == 0 else 1, share, drop, name)
            number += 1
    x = layers.Conv2D(
        filters(1280), 1, padding="same", use_bias=False, kernel_initializer=CONVOLUTION, name="top_conv"
    )(x)  # fmt: skip
    return frame.end(_norm_swish(x, "top"), dropout=0.2, kernel_initializer=HEAD)


def _pixels(x: Any, by_colour: bool) -> Any:
    """Pixels from 0 to 255 as the weights were trained on."""
    if not by_colour:
        return layers.Rescaling(1 / 128.0, offset=-1)(x)
    x = layers.Rescaling(1.0 / 255)(x)
    return layers.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.229**2, 0.224**2, 0.225**2])(x)


def _norm(x: Any, name: str) -> Any:
    return layers.BatchNormalization(momentum=0.9, name=name)(x)


def _norm_swish(x: Any, prefix: str, norm: str = "_bn", activation: str = "_activation") -> Any:
    return layers.Activation("swish", name=f"{prefix}{activation}")(_norm(x, f"{prefix}{norm}"))


def _block(
    inputs: Any, filters: int, expansion: int, stride: int, share: float, drop: float, name: str
) -> Any:  # fmt: skip
    """Widened, filtered, squeezed, narrowed; without squeezing widening and filtering are one convolution."""
    x, channels, full = inputs, inputs.shape[-1], not share

    def convolved(x: Any, filters: int, size: int, stride: int, name: str) -> Any:
        return layers.Conv2D(
            filters, size, strides=stride, padding="same", use_bias=False, kernel_initializer=CONVOLUTION, name=name
        )(x)

    if expansion != 1:
        x = convolved(x, channels * expansion, 3 if full else 1, stride if full else 1, f"{name}expand_conv")
        x = _norm_swish(x, f"{name}expand")
    if not full:
        x = layers.DepthwiseConv2D(
            3, strides=stride, padding="same", use_bias=False, depthwise_initializer=CONVOLUTION, name=f"{name}dwconv2"
        )(x)
        x = squeezed(_norm_swish(x, name, "bn", "activation"), int(channels * share), name)
    last = full and expansion == 1
    x = convolved(x, filters, 3 if last else 1, stride if last else 1, f"{name}project_conv")
    x = _norm_swish(x, f"{name}project") if last else _norm(x, f"{name}project_bn")
    if stride != 1 or channels != filters:
        return x
    if drop:
        x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return layers.Add(name=f"{name}add")([x, inputs])


EfficientNetV2B0, EfficientNetV2B1, EfficientNetV2B2, EfficientNetV2B3 = map(_efficientnet, ("B0", "B1", "B2", "B3"))
EfficientNetV2S, EfficientNetV2M, EfficientNetV2L = map(_efficientnet, ("S", "M", "L"))
preprocess_input = preprocessing("efficientnet_v2", None)

__all__ = [
    "EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3", "EfficientNetV2L",
    "EfficientNetV2M", "EfficientNetV2S", "decode_predictions", "preprocess_input",
]  # fmt: skip

publish(__name__)
