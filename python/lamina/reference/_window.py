"""A window sliding over images: the geometry of the convolution and pooling twins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._common import Array


def pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


@dataclass(frozen=True)
class Window:
    """Taps (kh, kw), strides, dilation, zeros ((top, bottom), (left, right)) and the size of the output."""

    taps: tuple[int, int]
    strides: tuple[int, int]
    dilation: tuple[int, int]
    pads: tuple[tuple[int, int], tuple[int, int]]
    out: tuple[int, int]

    def at(self, i: int, j: int) -> tuple[slice, slice, slice]:
        """Index of the padded input's pixels under tap (i, j), one for each output."""
        (dh, dw), (sh, sw), (oh, ow) = self.dilation, self.strides, self.out
        h, w = i * dh, j * dw
        return slice(None), slice(h, h + (oh - 1) * sh + 1, sh), slice(w, w + (ow - 1) * sw + 1, sw)

    def pad(self, x: Array, value: float = 0.0) -> Array:
        return np.pad(x, ((0, 0), *self.pads, (0, 0)), constant_values=value)

    def crop(self, x: Array) -> Array:
        (top, bottom), (left, right) = self.pads
        return x[:, top : x.shape[1] - bottom, left : x.shape[2] - right]


def window(x: Array, taps: tuple[int, int], strides: Any, padding: Any, dilation_rate: Any = 1) -> Window:
    s, d = pair(strides), pair(dilation_rate)
    extents = [(k - 1) * d[i] + 1 for i, k in enumerate(taps)]
    sizes = x.shape[1:3]
    if padding == "same":
        total = [max(0, (-(-n // s[i]) - 1) * s[i] + extents[i] - n) for i, n in enumerate(sizes)]
        (top, bottom), (left, right) = [(t // 2, t - t // 2) for t in total]
    elif padding == "valid":
        top = bottom = left = right = 0
    else:
        (top, bottom), (left, right) = padding
    oh = (sizes[0] + top + bottom - extents[0]) // s[0] + 1
    ow = (sizes[1] + left + right - extents[1]) // s[1] + 1
    return Window(taps, s, d, ((top, bottom), (left, right)), (oh, ow))
