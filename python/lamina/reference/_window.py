"""A window sliding over images of any rank: the geometry of the convolution and pooling twins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._common import Array


def sizes(value: Any, axes: int) -> tuple[int, ...]:
    """One number for all axes, or one for each."""
    return (value,) * axes if isinstance(value, int) else tuple(value)


def sides(padding: Any, axes: int) -> tuple[tuple[int, int], ...]:
    """Padding given by numbers, as (before, after) of each axis."""
    each = (padding,) * axes if isinstance(padding, int) else padding
    return tuple((p, p) if isinstance(p, int) else (p[0], p[1]) for p in each)


def _split(total: int, padding: str) -> tuple[int, int]:
    """Before and after of what "same" adds: an odd one stands at the end, of "same_lower" at the start."""
    return (total - total // 2, total // 2) if padding == "same_lower" else (total // 2, total - total // 2)


@dataclass(frozen=True)
class Window:
    """Taps, strides, dilation, (before, after) and outputs of each axis; what is negative after is cut off."""

    taps: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    out: tuple[int, ...]

    def tap_numbers(self) -> Iterator[tuple[int, ...]]:
        return np.ndindex(*self.taps)

    def at(self, tap: Sequence[int]) -> tuple[slice, ...]:
        """Index of the padded input's pixels under a tap, one for each output."""
        starts = [t * d for t, d in zip(tap, self.dilation, strict=True)]
        ends = [a + (n - 1) * s + 1 for a, n, s in zip(starts, self.out, self.strides, strict=True)]
        return (slice(None), *map(slice, starts, ends, self.strides))

    def pad(self, x: Array, value: float = 0.0) -> Array:
        """x with its border, and as much more behind as the last windows reach beyond."""
        widths = [(0, 0), *self.pads, (0, 0)]
        for i, (before, after) in enumerate(self.pads):
            extent = (self.taps[i] - 1) * self.dilation[i] + 1
            reach = (self.out[i] - 1) * self.strides[i] + extent - before - x.shape[i + 1]
            widths[i + 1] = (before, max(after, reach, 0))
        return np.pad(x, widths, constant_values=value)

    def crop(self, x: Array, size: Sequence[int]) -> Array:
        """The images of this size in what ``pad`` has made."""
        starts = [before for before, _ in self.pads]
        inside = tuple(slice(a, a + n) for a, n in zip(starts, size, strict=True))
        return x[(slice(None),) + inside]


def window(
    x: Array, taps: Sequence[int], strides: Any, padding: Any, dilation_rate: Any = 1, ceil_mode: bool = False
) -> Window:
    axes = len(taps)
    s, d, size = sizes(strides, axes), sizes(dilation_rate, axes), x.shape[1 : axes + 1]
    extents = [(k - 1) * d[i] + 1 for i, k in enumerate(taps)]
    if padding in ("same", "same_lower"):
        total = [max(0, (-(-n // s[i]) - 1) * s[i] + extents[i] - n) for i, n in enumerate(size)]
        pads = tuple(_split(t, padding) for t in total)
    elif padding == "causal":
        pads = ((extents[0] - 1, 0),)
    else:
        pads = sides(0 if padding == "valid" else padding, axes)
    out = []
    for i, n in enumerate(size):
        room = n + sum(pads[i]) - extents[i]
        more = ceil_mode and room % s[i] > 0 and (room // s[i] + 1) * s[i] < n + pads[i][0]
        out.append(room // s[i] + 1 + more)
    return Window(tuple(taps), s, d, pads, tuple(out))


def transposed_window(
    x: Array, taps: Sequence[int], strides: Any, padding: Any, output_padding: Any, dilation_rate: Any
) -> tuple[Window, tuple[int, ...]]:
    """The window of the convolution whose data gradient takes x to images of the size that is returned with it."""
    axes = len(taps)
    s, d, small = sizes(strides, axes), sizes(dilation_rate, axes), x.shape[1 : axes + 1]
    extra = None if output_padding is None else sizes(output_padding, axes)
    pads = []
    for i, k in enumerate(taps):
        extent = (k - 1) * d[i] + 1
        if padding == "same_lower":
            cut = extent - (s[i] if extra is None else extent % 2 + extra[i])
            before, after = _split(max(cut, 0), padding)
            pads.append((before, after + min(cut, 0)))
        elif padding == "same":
            # Keras: so many zeros around x with s[i] - 1 between its pixels, the larger half in front.
            zeros = s[i] + extent - 2 if extra is None else extent + extent % 2 - 2 + extra[i]
            left = min((zeros + 1) // 2, extent - 1)
            pads.append((extent - 1 - left, extent - 1 - (zeros - left)))
        elif padding == "valid":
            pads.append((0, -max(s[i] - extent, 0) if extra is None else -extra[i]))
        else:
            before, after = sides(padding, axes)[i]
            pads.append((before, after - (0 if extra is None else extra[i])))
    extents = [(k - 1) * d[i] + 1 for i, k in enumerate(taps)]
    large = tuple((n - 1) * s[i] + extents[i] - sum(pads[i]) if n else 0 for i, n in enumerate(small))
    return Window(tuple(taps), s, d, tuple(pads), tuple(small)), large
