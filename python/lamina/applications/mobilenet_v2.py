"""MobileNetV2: narrow blocks that widen inside."""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import layers
from ..core.rooms import publish
from ..models import Functional
from .frame import GOOGLE, Files, Frame, document, model
from .imagenet_utils import decode_predictions, preprocessing
from .mobile import norm, padded, rows_of, square, whole_eighths

_SIZES = (96, 128, 160, 192, 224)
_WIDTHS = (0.35, 0.50, 0.75, 1.0, 1.3, 1.4)
_BLOCKS = ((16, 1, 1, 1), (24, 2, 6, 2), (32, 3, 6, 2), (64, 4, 6, 2), (96, 3, 6, 1), (160, 3, 6, 2), (320, 1, 6, 1))


def MobileNetV2(
    input_shape: Any = None, alpha: float = 1.0, include_top: bool = True, weights: Any = "imagenet",
    input_tensor: Any = None, pooling: str | None = None, classes: int = 1000, classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Functional:  # fmt: skip
    size = square(input_shape if input_tensor is None or input_shape is not None else input_tensor.shape[1:], _SIZES)
    frame = Frame(
        "MobileNetV2", size, include_top=include_top, weights=weights, input_tensor=input_tensor,
        input_shape=input_shape, pooling=pooling, classes=classes, classifier_activation=classifier_activation,
    )  # fmt: skip
    rows, files = frame.input_shape[0], None
    if frame.is_imagenet:
        if alpha not in _WIDTHS:
            raise ValueError(f"MobileNetV2: there are weights for alpha={', '.join(map(str, _WIDTHS))}, got {alpha!r}")
        rows = rows_of("MobileNetV2", frame.input_shape, _SIZES)
        stem = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{rows}"
        files = Files(f"{GOOGLE}mobilenet_v2/", (f"{stem}.h5", None), (f"{stem}_no_top.h5", None))
    return model(frame, name or f"mobilenetv2_{alpha:0.2f}_{rows}", partial(_draw, alpha), files)


document(
    MobileNetV2, "mobilenet_v2", "MobileNetV2",
    "MobileNetV2: narrow blocks, each widened, filtered channel by channel, and narrowed again.|"
    "M. Sandler et al. 2018, MobileNetV2: Inverted Residuals and Linear Bottlenecks.|classes=10",
)  # fmt: skip


def _draw(alpha: float, frame: Frame) -> Any:
    x = layers.Conv2D(
        whole_eighths(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1"
    )(frame.x)  # fmt: skip
    x = layers.ReLU(6.0, name="Conv1_relu")(norm(x, "bn_Conv1"))
    block = 0
    for filters, n, expansion, stride in _BLOCKS:
        for j in range(n):
            x = _block(x, whole_eighths(int(filters * alpha)), expansion, stride if j == 0 else 1, block)
            block += 1
    last = whole_eighths(1280 * alpha) if alpha > 1.0 else 1280
    x = layers.Conv2D(last, 1, use_bias=False, name="Conv_1")(x)
    x = layers.ReLU(6.0, name="out_relu")(norm(x, "Conv_1_bn"))
    return frame.end(x, None, (None, None))


def _block(inputs: Any, filters: int, expansion: int, stride: int, number: int) -> Any:
    x, channels = inputs, inputs.shape[-1]
    prefix = f"block_{number}_" if number else "expanded_conv_"
    if number:
        x = layers.Conv2D(expansion * channels, 1, padding="same", use_bias=False, name=f"{prefix}expand")(x)
        x = layers.ReLU(6.0, name=f"{prefix}expand_relu")(norm(x, f"{prefix}expand_BN"))
    if stride == 2:
        x = padded(x, 3, f"{prefix}pad")
    x = layers.DepthwiseConv2D(
        3, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False, name=f"{prefix}depthwise"
    )(x)
    x = layers.ReLU(6.0, name=f"{prefix}depthwise_relu")(norm(x, f"{prefix}depthwise_BN"))
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{prefix}project")(x)
    x = norm(x, f"{prefix}project_BN")
    return layers.Add(name=f"{prefix}add")([inputs, x]) if channels == filters and stride == 1 else x


preprocess_input = preprocessing("mobilenet_v2", "tf")

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

publish(__name__)
