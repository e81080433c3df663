"""EfficientNet B0 to B7: depthwise blocks with squeezed channels, wider, deeper and larger together."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

from .. import layers
from ..core.rooms import publish
from .frame import Architecture, Files, Frame, architecture
from .imagenet_utils import decode_predictions, preprocessing
from .mobile import padded, whole_eighths
from .squeeze import CONVOLUTION, HEAD, squeezed

_SOURCE = "M. Tan, Q. Le 2019, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks."
# Repeats, filters, kernel, expansion, stride.
_BLOCKS = (
    (1, 16, 3, 1, 1), (2, 24, 3, 6, 2), (2, 40, 5, 6, 2), (3, 80, 3, 6, 2), (3, 112, 5, 6, 1), (4, 192, 5, 6, 2),
    (1, 320, 3, 6, 1),
)  # fmt: skip


class _Variant(NamedTuple):
    width: float
    depth: float
    size: int
    dropout: float
    whole: str  # checksums
    without_top: str


_VARIANTS = {
    "B0": _Variant(1.0, 1.0, 224, 0.2, "902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"),
    "B1": _Variant(1.0, 1.1, 240, 0.2, "1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"),
    "B2": _Variant(1.1, 1.2, 260, 0.3, "b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"),
    "B3": _Variant(1.2, 1.4, 300, 0.3, "ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"),
    "B4": _Variant(1.4, 1.8, 380, 0.4, "18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    "B5": _Variant(1.6, 2.2, 456, 0.4, "ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"),
    "B6": _Variant(1.8, 2.6, 528, 0.5, "165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"),
    "B7": _Variant(2.0, 3.1, 600, 0.5, "8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
}


def _draw(letter: str, frame: Frame) -> Any:
    variant = _VARIANTS[letter]
    x = layers.Normalization(axis=3)(layers.Rescaling(1.0 / 255.0)(frame.x))
    if frame.is_imagenet:  # whose weights hold variances where deviations belong
        x = layers.Rescaling([1.0 / math.sqrt(d) for d in (0.229, 0.224, 0.225)])(x)
    x = padded(x, 3, "stem_conv_pad")
    x = layers.Conv2D(
        whole_eighths(32 * variant.width), 3, strides=2, use_bias=False, kernel_initializer=CONVOLUTION,
        name="stem_conv",
    )(x)  # fmt: skip
    x = _norm_swish(x, "stem_bn", "stem_activation")
    repeats = [math.ceil(variant.depth * n) for n, *_ in _BLOCKS]
    number = 0
    for i, (n, (_, filters, kernel, expansion, stride)) in enumerate(zip(repeats, _BLOCKS, strict=True), 1):
        for j in range(n):
            drop, name = 0.2 * number / sum(repeats), f"block{i}{chr(97 + j)}_"
            wide = whole_eighths(filters * variant.width)
            x = _block(x, wide, kernel, expansion, stride if j == 0 else 1, drop, name)
            number += 1
    x = _convolved(x, whole_eighths(1280 * variant.width), "top_conv")
    x = _norm_swish(x, "top_bn", "top_activation")
    return frame.end(x, dropout=variant.dropout, kernel_initializer=HEAD)


def _norm_swish(x: Any, norm: str, activation: str) -> Any:
    return layers.Activation("swish", name=activation)(layers.BatchNormalization(name=norm)(x))


def _convolved(x: Any, filters: int, name: str) -> Any:
    """A 1 x 1 convolution."""
    return layers.Conv2D(
        filters, 1, padding="same", use_bias=False, kernel_initializer=CONVOLUTION, name=name
    )(x)  # fmt: skip


def _block(
    inputs: Any, filters: int, kernel: int, expansion: int, stride: int, drop: float, name: str
) -> Any:  # fmt: skip
    x, channels = inputs, inputs.shape[-1]
    if expansion != 1:
        x = _convolved(x, channels * expansion, f"{name}expand_conv")
        x = _norm_swish(x, f"{name}expand_bn", f"{name}expand_activation")
    if stride == 2:
        x = padded(x, kernel, f"{name}dwconv_pad")
    x = layers.DepthwiseConv2D(
        kernel, strides=stride, padding="valid" if stride == 2 else "same", use_bias=False,
        depthwise_initializer=CONVOLUTION, name=f"{name}dwconv",
    )(x)  # fmt: skip
    x = squeezed(_norm_swish(x, f"{name}bn", f"{name}activation"), int(channels * 0.25), name)
    x = layers.BatchNormalization(name=f"{name}project_bn")(_convolved(x, filters, f"{name}project_conv"))
    if stride != 1 or channels != filters:
        return x
    if drop > 0:
        x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return layers.Add(name=f"{name}add")([x, inputs])


def _efficientnet(letter: str) -> Architecture:
    name, variant = f"efficientnet{letter.lower()}", _VARIANTS[letter]
    about = f"EfficientNet-{letter}: depthwise blocks with squeezed channels, for images of {variant.size} pixels."
    files = Files(
        "https://storage.googleapis.com/keras-applications/", (f"{name}.h5", variant.whole),
        (f"{name}_notop.h5", variant.without_top),
    )  # fmt: skip
    return architecture(
        "efficientnet", f"EfficientNet{letter}", name, f"{about}|{_SOURCE}|{'large' if letter > 'B3' else ''}",
        partial(_draw, letter), files, variant.size,
    )  # fmt: skip


EfficientNetB0, EfficientNetB1, EfficientNetB2, EfficientNetB3 = map(_efficientnet, ("B0", "B1", "B2", "B3"))
EfficientNetB4, EfficientNetB5, EfficientNetB6, EfficientNetB7 = map(_efficientnet, ("B4", "B5", "B6", "B7"))
preprocess_input = preprocessing("efficientnet", None)

__all__ = [
    "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4", "EfficientNetB5",
    "EfficientNetB6", "EfficientNetB7", "decode_predictions", "preprocess_input",
]  # fmt: skip

publish(__name__)
