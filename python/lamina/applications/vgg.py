"""VGG16 and VGG19: stacks of 3 x 3 convolutions."""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import layers
from .frame import Frame, architecture, usual_files
from .imagenet_utils import decode_predictions as decode_predictions
from .imagenet_utils import preprocessing

_ABOUT = "VGG with {} layers that have weights: 3 x 3 convolutions, in five blocks of growing width.|{}|"
_SOURCE = "K. Simonyan, A. Zisserman 2014, Very Deep Convolutional Networks for Large-Scale Image Recognition."
_FILTERS = (64, 128, 256, 512, 512)


def _draw(convolutions: tuple[int, ...], frame: Frame) -> Any:
    x = frame.x
    for i, (filters, n) in enumerate(zip(_FILTERS, convolutions, strict=True), 1):
        for j in range(1, n + 1):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"block{i}_conv{j}")(x)
        x = layers.MaxPooling2D(2, 2, name=f"block{i}_pool")(x)
    if not frame.include_top:
        return frame.pooled(x, None, None)
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc1", "fc2"):
        x = layers.Dense(4096, activation="relu", name=name)(x)
    return frame.classifier(x)


VGG16 = architecture(
    "vgg16", "VGG16", "vgg16", _ABOUT.format(16, _SOURCE), partial(_draw, (2, 2, 3, 3, 3)),
    usual_files("vgg16", "vgg16", "64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"),
)  # fmt: skip
VGG19 = architecture(
    "vgg19", "VGG19", "vgg19", _ABOUT.format(19, _SOURCE), partial(_draw, (2, 2, 4, 4, 4)),
    usual_files("vgg19", "vgg19", "cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"),
)  # fmt: skip
preprocess_input = preprocessing("vgg16", "caffe")
