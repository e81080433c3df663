"""MobileNet: depthwise convolutions, each followed by one of 1 x 1."""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import layers
from ..core.rooms import publish
from ..models import Functional
from .frame import GOOGLE, Files, Frame, document, model
from .imagenet_utils import decode_predictions, preprocessing
from .mobile import rows_of, square

_SIZES = (128, 160, 192, 224)
_WIDTHS = {0.25: "2_5", 0.50: "5_0", 0.75: "7_5", 1.0: "1_0"}
_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))


def MobileNet(
    input_shape: Any = None, alpha: float = 1.0, depth_multiplier: int = 1, dropout: float = 0.001,
    include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, pooling: str | None = None,
    classes: int = 1000, classifier_activation: Any = "softmax", name: str | None = None,
) -> Functional:  # fmt: skip
    frame = Frame(
        "MobileNet", square(input_shape, _SIZES), include_top=include_top, weights=weights, input_tensor=input_tensor,
        input_shape=input_shape, pooling=pooling, classes=classes, classifier_activation=classifier_activation,
    )  # fmt: skip
    rows, files = frame.input_shape[0], None
    if frame.is_imagenet:
        if alpha not in _WIDTHS or depth_multiplier != 1:
            raise ValueError(
                f"MobileNet: there are weights for alpha={', '.join(map(str, _WIDTHS))} and depth_multiplier=1, got "
                f"{alpha!r} and {depth_multiplier!r}"
            )
        rows = rows_of("MobileNet", frame.input_shape, _SIZES)
        stem = f"mobilenet_{_WIDTHS[alpha]}_{rows}_tf"
        files = Files(f"{GOOGLE}mobilenet/", (f"{stem}.h5", None), (f"{stem}_no_top.h5", None))
    draw = partial(_draw, alpha, depth_multiplier, dropout)
    return model(frame, name or f"mobilenet_{alpha:0.2f}_{rows}", draw, files)


document(
    MobileNet, "mobilenet", "MobileNet",
    "MobileNet: depthwise convolutions, each followed by one of 1 x 1.|"
    "A. Howard et al. 2017, MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications.|"
    "classes=10",
)  # fmt: skip


def _draw(alpha: float, depth_multiplier: int, dropout: float, frame: Frame) -> Any:
    x = layers.Conv2D(int(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="conv1")(frame.x)
    x = _norm_relu(x, "conv1")
    for i, (filters, stride) in enumerate(_BLOCKS, 1):
        if stride == 2:
            x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{i}")(x)
        x = layers.DepthwiseConv2D(
            3, strides=stride, padding="same" if stride == 1 else "valid", depth_multiplier=depth_multiplier,
            use_bias=False, name=f"conv_dw_{i}",
        )(x)  # fmt: skip
        x = _norm_relu(x, f"conv_dw_{i}")
        x = layers.Conv2D(int(filters * alpha), 1, padding="same", use_bias=False, name=f"conv_pw_{i}")(x)
        x = _norm_relu(x, f"conv_pw_{i}")
    if not frame.include_top:
        return frame.pooled(x, None, None)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Conv2D(frame.classes, 1, padding="same", name="conv_preds")(x)
    x = layers.Reshape((frame.classes,), name="reshape_2")(x)
    return layers.Activation(frame.activation, name="predictions")(x)


def _norm_relu(x: Any, name: str) -> Any:
    return layers.ReLU(6.0, name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_bn")(x))


preprocess_input = preprocessing("mobilenet", "tf")

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

publish(__name__)
