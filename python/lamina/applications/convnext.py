"""ConvNeXt Tiny to XLarge: 7 x 7 depthwise convolutions and dense layers, in the manner of transformers."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from .. import layers
from ..core import registry
from ..core.autograd import Tensor
from ..core.rooms import publish
from ..initializers import Constant
from ..layers import Layer
from ..models import Functional, Sequential
from .frame import GOOGLE, Files, Frame, document, model
from .imagenet_utils import decode_predictions, preprocessing

_SOURCE = "Z. Liu et al. 2022, A ConvNet for the 2020s."


class _Variant(NamedTuple):
    depths: tuple[int, int, int, int]
    width: int  # of the first stage; each next one is twice as wide
    whole: str  # checksums
    without_top: str


_VARIANTS = {
    "Tiny": _Variant(
        (3, 3, 9, 3), 96, "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    ),
    "Small": _Variant(
        (3, 3, 27, 3), 96, "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
        "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
    ),
    "Base": _Variant(
        (3, 3, 27, 3), 128, "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
        "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
    ),
    "Large": _Variant(
        (3, 3, 27, 3), 192, "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
        "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
    ),
    "XLarge": _Variant(
        (3, 3, 27, 3), 256, "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
        "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
    ),
}  # fmt: skip


class LayerScale(Layer):
    """A factor for each channel, which begins small, so that a block begins as its shortcut.

    Args:
        init_values: first value of the factors.
        projection_dim: channels.
    """

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_values, self.projection_dim = init_values, projection_dim

    def build(self, input_shape: Any) -> None:
        self.gamma = self.add_weight((self.projection_dim,), Constant(self.init_values), name="gamma")

    def call(self, inputs: Tensor) -> Tensor:
        return inputs * self.gamma

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "init_values": self.init_values, "projection_dim": self.projection_dim}


registry.add_known([LayerScale], "layer", Layer)


def _convnext(size: str) -> Any:
    label, own_name, variant = f"ConvNeXt{size}", f"convnext_{size.lower()}", _VARIANTS[size]
    files = Files(
        f"{GOOGLE}convnext/", (f"{own_name}.h5", variant.whole), (f"{own_name}_notop.h5", variant.without_top)
    )

    def make(
        include_top: bool = True, include_preprocessing: bool = True, weights: Any = "imagenet",
        input_tensor: Any = None, input_shape: Any = None, pooling: str | None = None, classes: int = 1000,
        classifier_activation: Any = "softmax", name: str = own_name,
    ) -> Functional:  # fmt: skip
        frame = Frame(
            label, 224, include_top=include_top, weights=weights, input_tensor=input_tensor,
            input_shape=input_shape, pooling=pooling, classes=classes, classifier_activation=classifier_activation,
        )  # fmt: skip
        return model(frame, name, partial(_draw, size, include_preprocessing, name), files)

    text = f"ConvNeXt-{size}: blocks of a 7 x 7 depthwise convolution, layer normalization and two dense layers."
    document(make, "convnext", label, f"{text}|{_SOURCE}|{'' if size == 'Tiny' else 'large'}")
    return make


def _draw(size: str, include_preprocessing: bool, name: str, frame: Frame) -> Any:
    variant, x = _VARIANTS[size], frame.x
    if include_preprocessing and frame.input_shape[-1] == 3:
        mean, deviation = [0.485 * 255, 0.456 * 255, 0.406 * 255], [0.229 * 255, 0.224 * 255, 0.225 * 255]
        x = layers.Normalization(
            mean=mean, variance=[d**2 for d in deviation], name=f"{name}_prestem_normalization"
        )(x)  # fmt: skip
    for stage, depth in enumerate(variant.depths):
        width = variant.width * 2**stage
        x = _smaller(stage, width, name)(x)
        for j in range(depth):
            x = _block(x, width, f"{name}_stage_{stage}_block_{j}")
    if frame.include_top:
        x = layers.GlobalAveragePooling2D(name=f"{name}_head_gap")(x)
        return frame.classifier(_norm(f"{name}_head_layernorm")(x), f"{name}_head_dense")
    return _norm(None)(frame.pooled(x, None, None))


def _norm(name: str | None) -> Layer:
    return layers.LayerNormalization(epsilon=1e-6, name=name)


def _smaller(stage: int, width: int, name: str) -> Sequential:
    """What stands before a stage: images of a quarter of the size, then of half."""
    if stage == 0:
        parts = [layers.Conv2D(width, 4, strides=4, name=f"{name}_stem_conv"), _norm(f"{name}_stem_layernorm")]
        return Sequential(parts, name=f"{name}_stem")
    i = stage - 1
    convolution = layers.Conv2D(width, 2, strides=2, name=f"{name}_downsampling_conv_{i}")
    return Sequential([_norm(f"{name}_downsampling_layernorm_{i}"), convolution], name=f"{name}_downsampling_block_{i}")


def _block(inputs: Any, width: int, name: str) -> Any:
    x = layers.Conv2D(width, 7, padding="same", groups=width, name=f"{name}_depthwise_conv")(inputs)
    x = _norm(f"{name}_layernorm")(x)
    x = layers.Dense(4 * width, name=f"{name}_pointwise_conv_1")(x)
    x = layers.Activation("gelu", name=f"{name}_gelu")(x)
    x = layers.Dense(width, name=f"{name}_pointwise_conv_2")(x)
    x = LayerScale(1e-6, width, name=f"{name}_layer_scale")(x)
    return inputs + layers.Activation("linear", name=f"{name}_identity")(x)


ConvNeXtTiny, ConvNeXtSmall, ConvNeXtBase, ConvNeXtLarge, ConvNeXtXLarge = map(_convnext, _VARIANTS)
preprocess_input = preprocessing("convnext", None)

__all__ = [
    "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge", "decode_predictions",
    "preprocess_input",
]  # fmt: skip

publish(__name__)
