"""InceptionResNetV2: Inception's branches whose results are added to their inputs."""

from __future__ import annotations

from typing import Any

from .. import layers
from ..core import registry
from ..core.autograd import Tensor
from ..core.rooms import publish
from ..layers import Layer
from .branches import MAX, MEAN, convolved, side_by_side, stem
from .frame import Frame, architecture, usual_files
from .imagenet_utils import decode_predictions, preprocessing

_FIRST = [[(96, 1, 1)], [(48, 1, 1), (64, 5, 5)], [(64, 1, 1), (96, 3, 3), (96, 3, 3)], [MEAN, (64, 1, 1)]]
_SMALLER = [[(384, 3, 3, 2)], [(256, 1, 1), (256, 3, 3), (384, 3, 3, 2)], [MAX]]
_SMALLEST = [
    [(256, 1, 1), (384, 3, 3, 2)], [(256, 1, 1), (288, 3, 3, 2)], [(256, 1, 1), (288, 3, 3), (320, 3, 3, 2)], [MAX],
]  # fmt: skip
# Stages of residual blocks: what stands before, its name; the blocks' name, number, share of the result, branches.
_STAGES: tuple[tuple[Any, str, str, int, float, Any], ...] = (
    (_FIRST, "mixed_5b", "block35", 10, 0.17,
     [[(32, 1, 1)], [(32, 1, 1), (32, 3, 3)], [(32, 1, 1), (48, 3, 3), (64, 3, 3)]]),
    (_SMALLER, "mixed_6a", "block17", 20, 0.1, [[(192, 1, 1)], [(128, 1, 1), (160, 1, 7), (192, 7, 1)]]),
    (_SMALLEST, "mixed_7a", "block8", 10, 0.2, [[(192, 1, 1)], [(192, 1, 1), (224, 1, 3), (256, 3, 1)]]),
)  # fmt: skip


class CustomScaleLayer(Layer):
    """The first of two tensors, and a share of the second.

    Args:
        scale: the share.
    """

    def __init__(self, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: list[Tensor]) -> Tensor:
        return inputs[0] + inputs[1] * self.scale

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}


registry.add_known([CustomScaleLayer], "layer", Layer)


def _draw(frame: Frame) -> Any:
    x = stem(frame.x)
    for before, name, block, n, share, branches in _STAGES:
        x = side_by_side(x, before, name)
        for i in range(1, n + 1):
            last = block == "block8" and i == n
            x = _block(x, branches, 1.0 if last else share, f"{block}_{i}", relu=not last)
    return frame.end(convolved(x, 1536, 1, 1, name="conv_7b"), names=(None, None))


def _block(x: Any, branches: Any, share: float, name: str, relu: bool) -> Any:
    y = side_by_side(x, branches, f"{name}_mixed")
    y = layers.Conv2D(x.shape[-1], 1, padding="same", name=f"{name}_conv")(y)
    y = CustomScaleLayer(share)([x, y])
    return layers.Activation("relu", name=f"{name}_ac")(y) if relu else y


InceptionResNetV2 = architecture(
    "inception_resnet_v2", "InceptionResNetV2", "inception_resnet_v2",
    "InceptionResNetV2: Inception's branches whose results are added to their inputs.|"
    "C. Szegedy et al. 2016, Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning.|large",
    _draw, usual_files(
        "inception_resnet_v2", "inception_resnet_v2", "e693bd0210a403b3192acc6073ad2e96",
        "d19885ff4a710c122648d3b5c3b684e4",
    ), size=299, smallest=75,
)  # fmt: skip
preprocess_input = preprocessing("inception_resnet_v2", "tf")

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]

publish(__name__)
