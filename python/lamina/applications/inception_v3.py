"""InceptionV3: convolutions of several sizes side by side."""

from __future__ import annotations

from typing import Any

from ..core.rooms import publish
from .branches import MAX, MEAN, side_by_side, stem
from .frame import Frame, architecture, usual_files
from .imagenet_utils import decode_predictions, preprocessing


def _wide(pooled: int) -> list[Any]:
    """Up to 5 x 5."""
    return [
        [(64, 1, 1)], [(48, 1, 1), (64, 5, 5)], [(64, 1, 1), (96, 3, 3), (96, 3, 3)], [MEAN, (pooled, 1, 1)],
    ]  # fmt: skip


def _long(n: int) -> list[Any]:
    """Up to 7 x 7, by rows and columns."""
    return [
        [(192, 1, 1)], [(n, 1, 1), (n, 1, 7), (192, 7, 1)],
        [(n, 1, 1), (n, 7, 1), (n, 1, 7), (n, 7, 1), (192, 1, 7)], [MEAN, (192, 1, 1)],
    ]  # fmt: skip


_SMALLER = [[(384, 3, 3, 2)], [(64, 1, 1), (96, 3, 3), (96, 3, 3, 2)], [MAX]]
_SMALLEST = [
    [(192, 1, 1), (320, 3, 3, 2)], [(192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3, 2)], [MAX],
]  # fmt: skip
_CROSSED = [[(384, 1, 3)], [(384, 3, 1)]]
_LAST = [[(320, 1, 1)], [(384, 1, 1), _CROSSED], [(448, 1, 1), (384, 3, 3), _CROSSED], [MEAN, (192, 1, 1)]]
_BLOCKS = [
    _wide(32), _wide(64), _wide(64), _SMALLER, _long(128), _long(160), _long(160), _long(192), _SMALLEST, _LAST, _LAST,
]  # fmt: skip


def _draw(frame: Frame) -> Any:
    x = stem(frame.x)
    for i, branches in enumerate(_BLOCKS):
        x = side_by_side(x, branches, f"mixed{i}", f"mixed9_{i - 9}" if i >= 9 else None)
    return frame.end(x, names=(None, None))


InceptionV3 = architecture(
    "inception_v3", "InceptionV3", "inception_v3",
    "InceptionV3: convolutions of several sizes side by side.|"
    "C. Szegedy et al. 2016, Rethinking the Inception Architecture for Computer Vision.|", _draw,
    usual_files("inception_v3", "inception_v3", "9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63"),
    size=299, smallest=75,
)  # fmt: skip
preprocess_input = preprocessing("inception_v3", "tf")

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]

publish(__name__)
