"""Windows and Fourier transforms; a complex number is a last axis of two."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...core.autograd import Tensor
from ...ops.conversion import as_tensor
from ..element_types import numpy_type, working_type
from ..layout import plain
from ..registry import Call, Run, number, operator, sized

_WINDOWS = {"BlackmanWindow": (0.42, -0.5, 0.08), "HammingWindow": (25 / 46, -21 / 46), "HannWindow": (0.5, -0.5)}


def _window(name: str, terms: tuple[float, ...]) -> None:
    @operator(name, 17)
    def make(call: Call) -> Run:
        periodic = bool(call.get("periodic", 1))
        dtype = working_type(numpy_type(call.get("output_datatype", 1), "its result"))

        def run(size: Any) -> Any:
            (n,) = sized([int(number(size))])
            angles = 2 * np.pi * np.arange(n) / max(n if periodic else n - 1, 1)
            return sum(a * np.cos(k * angles) for k, a in enumerate(terms)).astype(dtype)  # type: ignore[union-attr]

        return run


for _name, _terms in _WINDOWS.items():
    _window(_name, _terms)


def _pair(x: Any) -> tuple[Any, Any]:
    """Real and imaginary parts of (..., 1) or (..., 2)."""
    real = ops.getitem(x, (..., 0))
    return real, ops.getitem(x, (..., 1)) if x.shape[-1] == 2 else ops.zeros_like(real)


def _fitting(x: Any, n: int) -> Any:
    """The last axis cut, or with zeros behind, to n."""
    if x.shape[-1] > n:
        return ops.getitem(x, (..., slice(0, n)))
    return ops.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, n - x.shape[-1])]) if x.shape[-1] < n else x


def transformed(x: Any, n: int, inverse: bool, onesided: bool) -> Tensor:
    """The transform of a value (..., time, 1 or 2) with n terms along its axis of time."""
    real, imag = (_fitting(part, n) for part in _pair(x))
    if inverse:  # with the sign of the imaginary parts turned twice
        a, b = ops.fft((real, ops.negative(imag)))
        real, imag = ops.divide(a, n), ops.divide(ops.negative(b), n)
    else:
        real, imag = ops.fft((real, imag))
    if onesided:
        real, imag = (ops.getitem(part, (..., slice(0, n // 2 + 1))) for part in (real, imag))
    return ops.stack([real, imag], -1)


@operator("DFT", 17)
def dft(call: Call) -> Run:
    inverse, onesided = bool(call.get("inverse", 0)), bool(call.get("onesided", 0))
    fixed = call.get("axis", 1) if call.version < 20 else -2

    def run(x: Any, length: Any = None, axis: Any = None) -> Tensor:
        at = (fixed if axis is None else int(number(axis))) % x.ndim
        bins = x.shape[at]
        n = int(number(length)) if length is not None else 2 * (bins - 1) if inverse and onesided else bins
        if inverse and onesided:  # of a real signal
            real, imag = (ops.moveaxis(part, at, -1) for part in _pair(x))
            return ops.expand_dims(ops.moveaxis(ops.irfft((real, imag), n), -1, at), -1)
        y = transformed(ops.moveaxis(as_tensor(x), at, -2), n, inverse, onesided)
        return ops.moveaxis(y, -2, at)

    return run


@operator("STFT", 17)
def stft(call: Call) -> Run:
    onesided = bool(call.get("onesided", 1))

    def run(x: Any, step: Any, window: Any = None, length: Any = None) -> Tensor:
        x, stride = as_tensor(plain(x)), int(number(step))
        n = int(number(length)) if length is not None else window.shape[0]
        frames = (x.shape[1] - n) // stride + 1
        places = np.arange(frames)[:, None] * stride + np.arange(n)
        cut = ops.take(x, places, 1)  # (B, frames, n, 1 or 2)
        cut = cut if window is None else ops.multiply(cut, ops.reshape(window, (-1, 1)))
        return transformed(cut, n, False, onesided)

    return run


@operator("CumProd")
def cum_prod(call: Call) -> Run:
    exclusive, reverse = bool(call.get("exclusive", 0)), bool(call.get("reverse", 0))

    def run(x: Any, axis: Any) -> Tensor:
        at = int(number(axis)) % x.ndim
        x = ops.flip(x, at) if reverse else as_tensor(x)
        if exclusive:
            ones = ops.ones([1 if i == at else n for i, n in enumerate(x.shape)], x.dtype)
            kept = tuple(slice(0, -1) if i == at else slice(None) for i in range(x.ndim))
            x = ops.concatenate([ones, ops.getitem(x, kept)], at)
        y = ops.cumprod(x, at)
        y = ops.flip(y, at) if reverse else y
        return ops.cast(y, x.dtype)

    return run


@operator("Det", 11)
def det(call: Call) -> Run:
    return ops.det
