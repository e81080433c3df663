"""ResNet50V2, 101V2 and 152V2: blocks that begin with normalization and relu."""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import layers
from ..core.rooms import publish
from .frame import Architecture, Frame, architecture, usual_files
from .imagenet_utils import decode_predictions, preprocessing
from .resnet import norm_relu, stages, stem

_SOURCE = "K. He et al. 2016, Identity Mappings in Deep Residual Networks."
_DEPTHS = {"50": (3, 4, 6, 3), "101": (3, 4, 23, 3), "152": (3, 8, 36, 3)}
_CHECKSUMS = {
    "50": ("3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"),
    "101": ("6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"),
    "152": ("a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"),
}


def _block(x: Any, filters: int, name: str, stage: int, j: int, n: int) -> Any:
    """1 x 1, 3 x 3, 1 x 1; the last of a stage halves the size, but in the last stage."""
    stride = 2 if j == n and stage < 3 else 1
    first = norm_relu(x, f"{name}_preact_bn", f"{name}_preact_relu")
    shortcut = x if stride == 1 else layers.MaxPooling2D(1, strides=stride)(x)
    if j == 1:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(first)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(first)
    x = norm_relu(x, f"{name}_1_bn", f"{name}_1_relu")
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = layers.Conv2D(filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv")(x)
    x = norm_relu(x, f"{name}_2_bn", f"{name}_2_relu")
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    return layers.Add(name=f"{name}_out")([shortcut, x])


def _draw(depths: tuple[int, ...], frame: Frame) -> Any:
    x = stages(stem(frame.x, norm_first=True), depths, _block)
    return frame.end(norm_relu(x, "post_bn", "post_relu"))


def _resnet(layers_in_it: str) -> Architecture:
    name = f"resnet{layers_in_it}v2"
    about = f"ResNet with {layers_in_it} layers whose blocks begin with normalization and relu.|{_SOURCE}|"
    return architecture(
        "resnet_v2", f"ResNet{layers_in_it}V2", name, about + ("" if layers_in_it == "50" else "large"),
        partial(_draw, _DEPTHS[layers_in_it]), usual_files("resnet", name, *_CHECKSUMS[layers_in_it]),
    )  # fmt: skip


ResNet50V2, ResNet101V2, ResNet152V2 = map(_resnet, _DEPTHS)
preprocess_input = preprocessing("resnet_v2", "tf")

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]

publish(__name__)
