"""What Inception's networks are written in: branches of convolutions, side by side.

A branch is a list of steps: (filters, height, width) of a convolution, with a fourth number for stride 2 without
padding; ``MEAN`` and ``MAX`` for pooling; a list of branches for those that it divides into.
"""

from __future__ import annotations

from typing import Any

from .. import layers

MEAN, MAX = "mean", "max"  # of 3 x 3: as large as before, and half as large


def convolved(x: Any, filters: int, height: int, width: int, stride: int = 0, name: str | None = None) -> Any:
    """Convolution, normalization, relu."""
    x = layers.Conv2D(
        filters, (height, width), strides=stride or 1, padding="valid" if stride else "same", use_bias=False, name=name
    )(x)
    x = layers.BatchNormalization(scale=False, name=name and f"{name}_bn")(x)
    return layers.Activation("relu", name=name and f"{name}_ac")(x)


def stem(x: Any) -> Any:
    """An eighth of the size, 192 channels."""
    for step in ((32, 3, 3, 2), (32, 3, 3, 1), (64, 3, 3), MAX, (80, 1, 1, 1), (192, 3, 3, 1), MAX):
        x = _step(x, step, None)
    return x


def side_by_side(x: Any, branches: Any, name: str | None, inner: str | None = None) -> Any:
    """The results of all branches behind each other.  inner: name of the first that a branch divides into."""
    found = []
    for branch in branches:
        y = x
        for step in branch:
            y = _step(y, step, inner)
            inner = None if isinstance(step, list) else inner
        found.append(y)
    return layers.Concatenate(name=name)(found)


def _step(x: Any, step: Any, name: str | None) -> Any:
    if step == MEAN:
        return layers.AveragePooling2D(3, strides=1, padding="same")(x)
    if step == MAX:
        return layers.MaxPooling2D(3, strides=2)(x)
    return side_by_side(x, step, name) if isinstance(step, list) else convolved(x, *step)
