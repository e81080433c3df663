"""What both generations of EfficientNet have in common: squeezed channels and initializers."""

from __future__ import annotations

from typing import Any

from .. import layers
from ..initializers import VarianceScaling

CONVOLUTION = VarianceScaling(2.0, "fan_out", "truncated_normal")
HEAD = VarianceScaling(1.0 / 3.0, "fan_out", "uniform")


def squeezed(x: Any, filters: int, name: str) -> Any:
    """Each channel times a number between 0 and 1 that two small layers make of the means of all channels."""
    channels = x.shape[-1]
    y = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    y = layers.Reshape((1, 1, channels), name=f"{name}se_reshape")(y)
    for n, activation, part in ((filters, "swish", "reduce"), (channels, "sigmoid", "expand")):
        y = layers.Conv2D(
            n, 1, padding="same", activation=activation, kernel_initializer=CONVOLUTION, name=f"{name}se_{part}"
        )(y)
    return layers.Multiply(name=f"{name}se_excite")([x, y])
