"""Zeroed memory that stays: state and gradients.  Not from the pool: of that a step under capture takes its own."""

from __future__ import annotations

import contextlib
import math
import mmap
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def zeros(shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """Zeros that start on a cache line."""
    size = math.prod(shape) * dtype.itemsize
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].view(dtype).reshape(shape)


def zero_pages(shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """Zeros that take no memory until they are written, page by page: for tables of which few rows are used."""
    count = math.prod(shape)
    size = max(1, count * dtype.itemsize)  # 1 is free: memory is mapped in pages
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without huge pages
            pages.madvise(mmap.MADV_NOHUGEPAGE)
    return np.frombuffer(pages, dtype, count).reshape(shape)
