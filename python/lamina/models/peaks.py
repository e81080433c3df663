"""What this machine can do, measured natively: multiply-adds a second, and bytes a second by the size of the arrays."""

from __future__ import annotations

from bisect import bisect_left
from functools import cache
from typing import NamedTuple

from .. import _native

_SIZES = (1 << 15, 1 << 18, 1 << 21, 1 << 24, 1 << 27)  # bytes of each of two arrays
_SECONDS = 0.04  # for each number


class Peaks(NamedTuple):
    """GFLOP/s of multiply-adds in registers, with all threads and with one; GB/s of y += x, by bytes of x and y."""

    gflops: float
    gflops_of_one: float
    bandwidth: tuple[tuple[int, float], ...]

    @property
    def memory(self) -> float:
        """GB/s over arrays that no cache holds."""
        return self.bandwidth[-1][1]

    def bandwidth_at(self, traffic: float) -> float:
        """GB/s where an operation reads and writes so many bytes."""
        sizes = [size for size, _ in self.bandwidth]
        place = bisect_left(sizes, traffic)
        if place in (0, len(sizes)):
            return self.bandwidth[min(place, len(sizes) - 1)][1]
        (low, slow), (high, fast) = self.bandwidth[place - 1 : place + 1]
        part = (traffic - low) / (high - low)
        return slow + part * (fast - slow)


@cache
def _measured(dtype: str, threads: int, isa: str) -> Peaks:
    gflops = max(_native.measure_flops(dtype, _SECONDS) for _ in range(3))  # threads take a while to spread
    bandwidth = tuple((2 * size, _native.measure_stream(size, _SECONDS, "add")) for size in _SIZES)
    _native.set_num_threads(1)
    try:
        alone = _native.measure_flops(dtype, _SECONDS)
    finally:
        _native.set_num_threads(threads)
    return Peaks(gflops, alone, bandwidth)


def machine_peaks(dtype: str = "float32") -> Peaks:
    """The peaks of the threads and the instruction set in use; measured once for each, in half a second."""
    return _measured(dtype, _native.get_num_threads(), _native.isa())
