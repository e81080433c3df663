"""Xception: separable convolutions with shortcuts."""

from __future__ import annotations

from typing import Any

from .. import layers
from ..core.rooms import publish
from .frame import Frame, architecture, usual_files
from .imagenet_utils import decode_predictions, preprocessing

# Blocks that halve the size: the filters of both convolutions.
_SMALLER = {2: (128, 128), 3: (256, 256), 4: (728, 728), 13: (728, 1024)}


def _draw(frame: Frame) -> Any:
    x = frame.x
    for j, (filters, stride) in enumerate(((32, 2), (64, 1)), 1):
        x = layers.Conv2D(filters, 3, strides=stride, use_bias=False, name=f"block1_conv{j}")(x)
        x = _relu(layers.BatchNormalization(name=f"block1_conv{j}_bn")(x), f"block1_conv{j}_act")
    for i in range(2, 14):
        x = _smaller(x, i) if i in _SMALLER else _middle(x, f"block{i}_sepconv")
    for j, filters in enumerate((1536, 2048), 1):
        x = _relu(_separable(x, filters, f"block14_sepconv{j}"), f"block14_sepconv{j}_act")
    return frame.end(x, names=(None, None))


def _relu(x: Any, name: str) -> Any:
    return layers.Activation("relu", name=name)(x)


def _separable(x: Any, filters: int, name: str) -> Any:
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)


def _smaller(x: Any, number: int) -> Any:
    """Two separable convolutions and pooling beside a convolution of stride 2."""
    first, second = _SMALLER[number]
    shortcut = layers.Conv2D(second, 1, strides=2, padding="same", use_bias=False)(x)
    shortcut = layers.BatchNormalization()(shortcut)
    name = f"block{number}"
    if number > 2:  # before that relu was the last
        x = _relu(x, f"{name}_sepconv1_act")
    x = _separable(x, first, f"{name}_sepconv1")
    x = _separable(_relu(x, f"{name}_sepconv2_act"), second, f"{name}_sepconv2")
    x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool")(x)
    return layers.Add()([x, shortcut])


def _middle(x: Any, name: str) -> Any:
    """Three separable convolutions beside their input."""
    y = x
    for j in range(1, 4):
        y = _separable(_relu(y, f"{name}{j}_act"), 728, f"{name}{j}")
    return layers.Add()([y, x])


Xception = architecture(
    "xception", "Xception", "xception",
    "Xception: separable convolutions with shortcuts.|"
    "F. Chollet 2017, Xception: Deep Learning with Depthwise Separable Convolutions.|", _draw,
    usual_files("xception", "xception", "0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97"),
    size=299, smallest=71,
)  # fmt: skip
preprocess_input = preprocessing("xception", "tf")

__all__ = ["Xception", "decode_predictions", "preprocess_input"]

publish(__name__)
