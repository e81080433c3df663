"""ResNet50, 101 and 152: bottleneck blocks with shortcuts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .. import layers
from ..core.rooms import publish
from .frame import Architecture, Frame, architecture, usual_files
from .imagenet_utils import decode_predictions, preprocessing

_SOURCE = "K. He et al. 2015, Deep Residual Learning for Image Recognition."
_DEPTHS = {"50": (3, 4, 6, 3), "101": (3, 4, 23, 3), "152": (3, 8, 36, 3)}
_CHECKSUMS = {
    "50": ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
    "101": ("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
    "152": ("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
}


def norm(x: Any, name: str) -> Any:
    return layers.BatchNormalization(epsilon=1.001e-5, name=name)(x)


def norm_relu(x: Any, name: str, relu: str) -> Any:
    return layers.Activation("relu", name=relu)(norm(x, name))


def stem(x: Any, norm_first: bool) -> Any:
    """7 x 7 convolution and pooling, a quarter of the size.

    norm_first: whether blocks begin with normalization, so that none is needed here.
    """
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    if not norm_first:
        x = norm_relu(x, "conv1_bn", "conv1_relu")
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def stages(x: Any, depths: tuple[int, ...], block: Callable[..., Any]) -> Any:
    """Four stages of blocks, conv2 to conv5, each twice as wide."""
    for i, n in enumerate(depths):
        for j in range(1, n + 1):
            x = block(x, 64 * 2**i, f"conv{i + 2}_block{j}", i, j, n)
    return x


def _block(x: Any, filters: int, name: str, stage: int, j: int, n: int) -> Any:
    """1 x 1, 3 x 3, 1 x 1; the first of a stage halves the size, but in the first stage."""
    stride = 2 if j == 1 and stage > 0 else 1
    shortcut = x
    if j == 1:
        shortcut = norm(layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(x), f"{name}_0_bn")
    x = layers.Conv2D(filters, 1, strides=stride, name=f"{name}_1_conv")(x)
    x = norm_relu(x, f"{name}_1_bn", f"{name}_1_relu")
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_2_conv")(x)
    x = norm_relu(x, f"{name}_2_bn", f"{name}_2_relu")
    x = norm(layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x), f"{name}_3_bn")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _draw(depths: tuple[int, ...], frame: Frame) -> Any:
    return frame.end(stages(stem(frame.x, norm_first=False), depths, _block))


def _resnet(layers_in_it: str) -> Architecture:
    name = f"resnet{layers_in_it}"
    about = f"ResNet with {layers_in_it} layers: bottleneck blocks whose results are added to their inputs.|{_SOURCE}|"
    return architecture(
        "resnet", f"ResNet{layers_in_it}", name, about + ("" if layers_in_it == "50" else "large"),
        partial(_draw, _DEPTHS[layers_in_it]), usual_files("resnet", name, *_CHECKSUMS[layers_in_it]),
    )  # fmt: skip


ResNet50, ResNet101, ResNet152 = map(_resnet, _DEPTHS)
preprocess_input = preprocessing("resnet", "caffe")

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]

publish(__name__)
