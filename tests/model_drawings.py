"""What a model is drawn with, in words that Keras's models share: one checksum for layers, options and shapes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

# What changes the numbers or the training of a layer; without names, which Keras counts on in a process.
OPTIONS = (
    "activation", "center", "cropping", "depth_multiplier", "depthwise_initializer", "dilation_rate", "epsilon",
    "filters", "groups", "init_values", "keepdims", "kernel_initializer", "kernel_size", "max_value", "mean",
    "momentum",
    "negative_slope", "noise_shape", "offset", "padding", "pool_size", "projection_dim", "rate", "scale", "strides",
    "target_shape", "threshold", "units", "use_bias", "variance",
)  # fmt: skip
DRAWN = ("scale", "mode", "distribution", "mean", "stddev")  # options of an initializer


def layers_of(model: Any) -> list[str]:
    """One line a layer: its class, the shapes it takes and gives, its options; sorted."""
    lines = []
    for layer in model.layers:
        if type(layer).__name__ == "Sequential":
            lines += layers_of(layer)
            continue
        config = layer.get_config()
        found = {key: _plain(config[key]) for key in OPTIONS if key in config}
        shapes = [_shapes(layer.input), _shapes(layer.output)] if type(layer).__name__ != "InputLayer" else []
        lines.append(f"{type(layer).__name__} {json.dumps(shapes)} {json.dumps(found, sort_keys=True)}")
    return sorted(lines)


def checksum(model: Any) -> str:
    return hashlib.sha256("\n".join(layers_of(model)).encode()).hexdigest()[:12]


def _shapes(given: Any) -> list[Any]:
    return [list(x.shape) for x in given] if isinstance(given, list) else list(given.shape)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):  # an initializer
        kept = {key: v for key, v in value["config"].items() if key in DRAWN}
        return [value["class_name"], kept]
    return list(value) if isinstance(value, tuple) else float(value) if type(value) is int else value
