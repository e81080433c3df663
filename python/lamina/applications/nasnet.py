"""NASNet Mobile and Large: cells that a search found, each of the results of the two before it."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from .. import layers
from ..core.rooms import publish
from ..models import Functional
from .frame import GOOGLE, Files, Frame, document, model
from .imagenet_utils import decode_predictions, preprocessing
from .mobile import padded

_SOURCE = "B. Zoph et al. 2018, Learning Transferable Architectures for Scalable Image Recognition."


class _Variant(NamedTuple):
    size: int
    filters: int  # of the cells of the first stage
    cells: int  # in a stage
    stem: int
    skips: bool  # whether the cell behind a smaller one sees what was two before that
    files: Files


_VARIANTS = {
    "Mobile": _Variant(224, 44, 4, 32, False, Files(
        f"{GOOGLE}nasnet/", ("nasnet_mobile.h5", "020fb642bf7360b370c678b08e0adf61"),
        ("nasnet_mobile_no_top.h5", "1ed92395b5b598bdda52abe5c0dbfd63"),
        ("NASNet-mobile.h5", "NASNet-mobile-no-top.h5"),
    )),
    "Large": _Variant(331, 168, 6, 96, True, Files(
        f"{GOOGLE}nasnet/", ("nasnet_large.h5", "11577c9a518f0070763c2b964a382f17"),
        ("nasnet_large_no_top.h5", "d81d89dc07e6e56530c4e77faddd61b5"), ("NASNet-large.h5", "NASNet-large-no-top.h5"),
    )),
}  # fmt: skip


def _nasnet(size: str) -> Any:
    label, variant = f"NASNet{size}", _VARIANTS[size]

    def make(
        input_shape: Any = None, include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None,
        pooling: str | None = None, classes: int = 1000, classifier_activation: Any = "softmax",
        name: str = f"nasnet_{size.lower()}",
    ) -> Functional:  # fmt: skip
        if input_shape is None and input_tensor is None:  # cells compare sizes
            input_shape = (variant.size, variant.size, 3)
        frame = Frame(
            label, variant.size, include_top=include_top, weights=weights, input_tensor=input_tensor,
            input_shape=input_shape, pooling=pooling, classes=classes, classifier_activation=classifier_activation,
        )  # fmt: skip
        if None in frame.x.shape[1:]:
            raise ValueError(f"{label}: takes images of one size, got the shape {frame.x.shape[1:]}")
        return model(frame, name, partial(_draw, size), variant.files)

    text = f"NASNet-A {size}: cells that a search found, each of the results of the two before it."
    document(make, "nasnet", label, f"{text}|{_SOURCE}|{'large' if size == 'Large' else ''}")
    return make


def _draw(size: str, frame: Frame) -> Any:
    variant = _VARIANTS[size]
    filters, n = variant.filters, variant.cells
    x = layers.Conv2D(
        variant.stem, 3, strides=2, use_bias=False, kernel_initializer="he_normal", name="stem_conv1"
    )(frame.x)  # fmt: skip
    x, before = _norm(x, "stem_bn1"), None
    x, before = _smaller_cell(x, before, filters // 4, "stem_1")
    x, before = _smaller_cell(x, before, filters // 2, "stem_2")
    for stage in range(3):
        if stage > 0:
            x, last = _smaller_cell(x, before, filters, f"reduce_{stage * n}")
            before = before if variant.skips else last
        for i in range(n):
            x, before = _cell(x, before, filters, str(stage * (n + 1) + i - (stage == 2)))
        filters *= 2
    return frame.end(layers.Activation("relu")(x), None, (None, None))


def _norm(x: Any, name: str) -> Any:
    return layers.BatchNormalization(momentum=0.9997, epsilon=1e-3, name=name)(x)


def _relu(x: Any, name: str | None = None) -> Any:
    return layers.Activation("relu", name=name)(x)


def _narrow(x: Any, filters: int, name: str) -> Any:
    """A 1 x 1 convolution."""
    return layers.Conv2D(
        filters, 1, padding="same", use_bias=False, kernel_initializer="he_normal", name=name
    )(x)  # fmt: skip


def _separable(x: Any, filters: int, kernel: int, name: str, stride: int = 1) -> Any:
    """Twice relu, separable convolution, normalization."""
    x = _relu(x)
    if stride == 2:
        x = padded(x, kernel, f"separable_conv_1_pad_{name}")
    for j, step in enumerate((stride, 1), 1):
        x = x if j == 1 else _relu(x)
        x = layers.SeparableConv2D(
            filters, kernel, strides=step, padding="valid" if step == 2 else "same", use_bias=False,
            name=f"separable_conv_{j}_{name}",
        )(x)  # fmt: skip
        x = _norm(x, f"separable_conv_{j}_bn_{name}")
    return x


def _fitted(before: Any, x: Any, filters: int, name: str) -> Any:
    """The result before last in the size and with the channels of the last one."""
    if before is None:
        return x
    if before.shape[-2] != x.shape[-2]:
        before = _relu(before, f"adjust_relu_1_{name}")
        shifted = layers.Cropping2D(((1, 0), (1, 0)))(layers.ZeroPadding2D(((0, 1), (0, 1)))(before))
        halves = []
        for j, y in enumerate((before, shifted), 1):
            y = layers.AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_{j}_{name}")(y)
            halves.append(_narrow(y, filters // 2, f"adjust_conv_{j}_{name}"))
        return _norm(layers.Concatenate()(halves), f"adjust_bn_{name}")
    return _norm(_narrow(_relu(before), filters, f"adjust_conv_projection_{name}"), f"adjust_bn_{name}")


def _mean(x: Any, name: str) -> Any:
    return layers.AveragePooling2D(3, strides=1, padding="same", name=name)(x)


def _cell(x: Any, before: Any, filters: int, name: str) -> tuple[Any, Any]:
    """As large as its input."""
    p = _fitted(before, x, filters, name)
    h = _norm(_narrow(_relu(x), filters, f"normal_conv_1_{name}"), f"normal_bn_1_{name}")
    pairs = (
        (_separable(h, filters, 5, f"normal_left1_{name}"), _separable(p, filters, 3, f"normal_right1_{name}")),
        (_separable(p, filters, 5, f"normal_left2_{name}"), _separable(p, filters, 3, f"normal_right2_{name}")),
        (_mean(h, f"normal_left3_{name}"), p),
        (_mean(p, f"normal_left4_{name}"), _mean(p, f"normal_right4_{name}")),
        (_separable(h, filters, 3, f"normal_left5_{name}"), h),
    )
    sums = [layers.Add(name=f"normal_add_{i}_{name}")([a, b]) for i, (a, b) in enumerate(pairs, 1)]
    return layers.Concatenate(name=f"normal_concat_{name}")([p, *sums]), x


def _smaller_cell(x: Any, before: Any, filters: int, name: str) -> tuple[Any, Any]:
    """Half as large as its input."""
    p = _fitted(before, x, filters, name)
    h = _norm(_narrow(_relu(x), filters, f"reduction_conv_1_{name}"), f"reduction_bn_1_{name}")
    wide = padded(h, 3, f"reduction_pad_1_{name}")

    def halved(kind: Any, place: str) -> Any:
        return kind(3, strides=2, name=f"reduction_{place}_{name}")(wide)

    def separable(y: Any, kernel: int, place: str, stride: int = 2) -> Any:
        return _separable(y, filters, kernel, f"reduction_{place}_{name}", stride)

    def added(a: Any, b: Any, place: str | None) -> Any:
        return layers.Add(name=place and f"reduction_{place}_{name}")([a, b])

    one = added(separable(h, 5, "left1"), separable(p, 7, "right1"), "add_1")
    two = added(halved(layers.MaxPooling2D, "left2"), separable(p, 7, "right2"), "add_2")
    three = added(halved(layers.AveragePooling2D, "left3"), separable(p, 5, "right3"), "add3")
    four = added(two, _mean(one, f"reduction_left4_{name}"), None)
    five = added(separable(one, 3, "left4", 1), halved(layers.MaxPooling2D, "right5"), "add4")
    return layers.Concatenate(name=f"reduction_concat_{name}")([two, three, four, five]), x


NASNetMobile, NASNetLarge = map(_nasnet, ("Mobile", "Large"))
preprocess_input = preprocessing("nasnet", "tf")

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]

publish(__name__)
