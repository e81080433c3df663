"""DenseNet121, 169 and 201: every layer of a block sees the results of all before it."""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import layers
from ..core.rooms import publish
from .frame import Architecture, Frame, architecture, usual_files
from .imagenet_utils import decode_predictions, preprocessing
from .resnet import norm_relu

_SOURCE = "G. Huang et al. 2017, Densely Connected Convolutional Networks."
_GROWTH = 32  # channels that a layer adds
_DEPTHS = {"121": (6, 12, 24, 16), "169": (6, 12, 32, 32), "201": (6, 12, 48, 32)}
_CHECKSUMS = {
    "121": ("9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"),
    "169": ("d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"),
    "201": ("1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"),
}


def _draw(depths: tuple[int, ...], frame: Frame) -> Any:
    x = layers.ZeroPadding2D(3)(frame.x)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = layers.ZeroPadding2D(1)(norm_relu(x, "conv1_bn", "conv1_relu"))
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
    for i, n in enumerate(depths, 2):
        for j in range(1, n + 1):
            x = _layer(x, f"conv{i}_block{j}")
        if i < 5:
            x = _smaller(x, f"pool{i}")
    return frame.end(norm_relu(x, "bn", "relu"))


def _layer(x: Any, name: str) -> Any:
    y = norm_relu(x, f"{name}_0_bn", f"{name}_0_relu")
    y = layers.Conv2D(4 * _GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(y)
    y = norm_relu(y, f"{name}_1_bn", f"{name}_1_relu")
    y = layers.Conv2D(_GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(y)
    return layers.Concatenate(name=f"{name}_concat")([x, y])


def _smaller(x: Any, name: str) -> Any:
    """Half the size and half the channels."""
    x = norm_relu(x, f"{name}_bn", f"{name}_relu")
    x = layers.Conv2D(x.shape[-1] // 2, 1, use_bias=False, name=f"{name}_conv")(x)
    return layers.AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def _densenet(layers_in_it: str) -> Architecture:
    name = f"densenet{layers_in_it}"
    about = f"DenseNet with {layers_in_it} layers, each of which sees the results of all before it in its block."
    return architecture(
        "densenet", f"DenseNet{layers_in_it}", name, f"{about}|{_SOURCE}|{'' if layers_in_it == '121' else 'large'}",
        partial(_draw, _DEPTHS[layers_in_it]), usual_files("densenet", name, *_CHECKSUMS[layers_in_it]),
    )  # fmt: skip


DenseNet121, DenseNet169, DenseNet201 = map(_densenet, _DEPTHS)
preprocess_input = preprocessing("densenet", "torch")

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

publish(__name__)
