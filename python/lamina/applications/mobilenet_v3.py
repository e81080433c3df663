"""MobileNetV3 Small and Large: MobileNetV2's blocks with squeezed channels and hard swish."""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import layers
from ..core.rooms import publish
from ..core.warn import warn
from ..models import Functional
from .frame import GOOGLE, Files, Frame, document, model
from .imagenet_utils import decode_predictions, preprocessing
from .mobile import norm, padded, whole_eighths

_SOURCE = "A. Howard et al. 2019, Searching for MobileNetV3."
# Expansion, filters, kernel, stride, whether channels are squeezed, whether hard swish is the activation.
_SMALL = (
    (1, 16, 3, 2, True, False), (72 / 16, 24, 3, 2, False, False), (88 / 24, 24, 3, 1, False, False),
    (4, 40, 5, 2, True, True), *((6, 40, 5, 1, True, True),) * 2, *((3, 48, 5, 1, True, True),) * 2,
    (6, 96, 5, 2, True, True), *((6, 96, 5, 1, True, True),) * 2,
)  # fmt: skip
_LARGE = (
    (1, 16, 3, 1, False, False), (4, 24, 3, 2, False, False), (3, 24, 3, 1, False, False), (3, 40, 5, 2, True, False),
    *((3, 40, 5, 1, True, False),) * 2, (6, 80, 3, 2, False, True), (2.5, 80, 3, 1, False, True),
    *((2.3, 80, 3, 1, False, True),) * 2, *((6, 112, 3, 1, True, True),) * 2, (6, 160, 5, 2, True, True),
    *((6, 160, 5, 1, True, True),) * 2,
)  # fmt: skip
_CHECKSUMS = {
    "large_224_0.75_float": ("765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
    "large_224_1.0_float": ("59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
    "large_minimalistic_224_1.0_float": ("675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"),
    "small_224_0.75_float": ("cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
    "small_224_1.0_float": ("8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "small_minimalistic_224_1.0_float": ("99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"),
}


def _mobilenet(size: str) -> Any:
    label = f"MobileNetV3{size}"

    def make(
        input_shape: Any = None, alpha: float = 1.0, minimalistic: bool = False, include_top: bool = True,
        weights: Any = "imagenet", input_tensor: Any = None, classes: int = 1000, pooling: str | None = None,
        dropout_rate: float = 0.2, classifier_activation: Any = "softmax", include_preprocessing: bool = True,
        name: str = label,
    ) -> Functional:  # fmt: skip
        frame = Frame(
            label, 224, include_top=include_top, weights=weights, input_tensor=input_tensor, input_shape=input_shape,
            pooling=pooling, classes=classes, classifier_activation=classifier_activation, always_sized=False,
        )  # fmt: skip
        draw = partial(_draw, size, alpha, minimalistic, dropout_rate, include_preprocessing)
        return model(frame, name, draw, _files(label, size, alpha, minimalistic, frame) if frame.is_imagenet else None)

    text = f"MobileNetV3-{size}: narrow blocks that widen inside, with squeezed channels and hard swish."
    document(make, "mobilenet_v3", label, f"{text}|{_SOURCE}|classes=10")
    return make


def _files(label: str, size: str, alpha: float, minimalistic: bool, frame: Frame) -> Files:
    kind = f"{size.lower()}{'_minimalistic' if minimalistic else ''}_224_{float(alpha)}_float"
    if kind not in _CHECKSUMS:
        raise ValueError(f"{label}: there are weights for alpha=0.75 and 1.0, minimalistic ones for 1.0, got {alpha!r}")
    if None not in frame.input_shape and frame.input_shape[:2] != (224, 224):
        warn(f"{label}: there are weights for images of 224 x 224, which are taken")
    stem = f"weights_mobilenet_v3_{kind}"
    whole, without_top = _CHECKSUMS[kind]
    return Files(f"{GOOGLE}mobilenet_v3/", (f"{stem}.h5", whole), (f"{stem}_no_top_v2.h5", without_top))


def _draw(
    size: str, alpha: float, minimalistic: bool, dropout: float, include_preprocessing: bool, frame: Frame
) -> Any:  # fmt: skip
    swish, x = not minimalistic, frame.x
    if include_preprocessing:
        x = layers.Rescaling(1.0 / 127.5, offset=-1.0)(x)
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="conv")(x)
    x = _activated(norm(x, "conv_bn"), swish)
    for i, (expansion, filters, kernel, stride, squeeze, own_swish) in enumerate(_SMALL if size == "Small" else _LARGE):
        kernel, squeeze = (3, False) if minimalistic else (kernel, squeeze)
        x = _block(x, expansion, whole_eighths(filters * alpha), kernel, stride, squeeze, own_swish and swish, i)
    x = layers.Conv2D(whole_eighths(x.shape[-1] * 6), 1, padding="same", use_bias=False, name="conv_1")(x)
    x = _activated(norm(x, "conv_1_bn"), swish)
    if not frame.include_top:
        return frame.pooled(x)
    last = 1024 if size == "Small" else 1280
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(whole_eighths(last * alpha) if alpha > 1.0 else last, 1, padding="same", name="conv_2")(x)
    x = _activated(x, swish)
    if dropout > 0:
        x = layers.Dropout(dropout)(x)
    x = layers.Flatten()(layers.Conv2D(frame.classes, 1, padding="same", name="logits")(x))
    return layers.Activation(frame.activation, name="predictions")(x)


def _activated(x: Any, swish: bool) -> Any:
    return layers.Activation("hard_swish")(x) if swish else layers.ReLU()(x)


def _block(
    inputs: Any, expansion: float, filters: int, kernel: int, stride: int, squeeze: bool, swish: bool, number: int
) -> Any:
    x, channels = inputs, inputs.shape[-1]
    prefix, wide = f"expanded_conv_{number}_" if number else "expanded_conv_", whole_eighths(channels * expansion)
    if number:
        x = layers.Conv2D(wide, 1, padding="same", use_bias=False, name=f"{prefix}expand")(x)
        x = _activated(norm(x, f"{prefix}expand_bn"), swish)
    if stride == 2:
        x = padded(x, kernel, f"{prefix}depthwise_pad")
    x = layers.DepthwiseConv2D(
        kernel, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False, name=f"{prefix}depthwise"
    )(x)
    x = _activated(norm(x, f"{prefix}depthwise_bn"), swish)
    if squeeze:
        x = _squeezed(x, wide, f"{prefix}squeeze_excite")
    x = norm(
        layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{prefix}project")(x), f"{prefix}project_bn"
    )
    return layers.Add(name=f"{prefix}add")([inputs, x]) if stride == 1 and channels == filters else x


def _squeezed(x: Any, channels: int, name: str) -> Any:
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_avg_pool")(x)
    y = layers.Conv2D(whole_eighths(channels * 0.25), 1, padding="same", name=f"{name}_conv")(y)
    y = layers.ReLU(name=f"{name}_relu")(y)
    y = layers.Conv2D(channels, 1, padding="same", name=f"{name}_conv_1")(y)
    return layers.Multiply(name=f"{name}_mul")([x, layers.ReLU(6.0)(y + 3.0) * (1.0 / 6.0)])


MobileNetV3Small, MobileNetV3Large = map(_mobilenet, ("Small", "Large"))
preprocess_input = preprocessing("mobilenet_v3", None)

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]

publish(__name__)
