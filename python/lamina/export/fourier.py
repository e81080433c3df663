"""Fourier transforms: the node DFT, whose numbers are pairs in a last axis."""

from __future__ import annotations

from typing import Any

from .graph import INT64, Graph
from .handlers import exports
from .values import Size, Value


def _dft(g: Graph, x: Value, axis: int, length: Any = None, onesided: bool = False, inverse: bool = False) -> Value:
    """x (..., 1 or 2) along an axis."""
    n = None if length is None else g.constant(length, INT64)
    options: dict[str, Any] = {"onesided": int(onesided) or None, "inverse": int(inverse) or None}
    if g.opset >= 20:
        name = g.node("DFT", x, n, g.constant(axis, INT64), **options)
    else:
        name = g.node("DFT", x, n, axis=axis, **options)
    size = x.shape[axis] if length is None else length
    shape = list(x.shape)
    shape[axis], shape[-1] = (size // 2 + 1 if onesided else size), 2
    return g.made(name, None, tuple(shape), x.dtype)


def _parts(g: Graph, pair: Value) -> tuple[Value, Value]:
    """The real and the imaginary parts of (..., 2)."""
    shape = pair.shape[:-1]
    made = (g.node("Gather", pair, g.constant(i, INT64), axis=pair.ndim - 1) for i in (0, 1))
    real, imaginary = (g.made(n, None, shape, pair.dtype) for n in made)
    return real, imaginary


def _pair(g: Graph, x: Any) -> Value:
    """(real, imaginary), or real numbers, as (..., 2) or (..., 1)."""
    if not isinstance(x, (tuple, list)):
        v = g.value(x, g.dtype)
        return g.reshape(v, (*v.shape, 1))
    real, imaginary = (g.value(v, g.dtype) for v in x)
    wide = [g.reshape(v, (*v.shape, 1)) for v in (real, imaginary)]
    return g.made(g.node("Concat", *wide, axis=real.ndim), None, (*real.shape, 2), real.dtype)


@exports("fft")
def fft(g: Graph, x: Any) -> tuple[Value, Value]:
    v = _pair(g, x)
    return _parts(g, _dft(g, v, v.ndim - 2))


@exports("fft2")
def fft2(g: Graph, x: Any) -> tuple[Value, Value]:
    v = _pair(g, x)
    return _parts(g, _dft(g, _dft(g, v, v.ndim - 2), v.ndim - 3))


@exports("ifft2")
def ifft2(g: Graph, x: Any) -> tuple[Value, Value]:
    v = _pair(g, x)
    return _parts(g, _dft(g, _dft(g, v, v.ndim - 2, inverse=True), v.ndim - 3, inverse=True))


@exports("rfft")
def rfft(g: Graph, x: Any, fft_length: Any = None) -> tuple[Value, Value]:
    v = _pair(g, x)
    return _parts(g, _dft(g, v, v.ndim - 2, fft_length, onesided=True))


@exports("irfft")
def irfft(g: Graph, x: Any, fft_length: Any = None) -> Value:
    """Of the half that is there the other one is the mirror image, conjugated."""
    v = _pair(g, x)
    n = g.shape[-1]
    if isinstance(n, Size) or isinstance(v.shape[-2], Size):
        g.refuse("the length is free, and so is what is mirrored; fix the sizes by input_signature")
    half, places = n // 2 + 1, v.ndim - 2
    if v.shape[-2] != half:  # cut off, or zeros behind
        cut = g.made(g.node("Slice", v, g.ints([0]), g.ints([half]), g.ints([places])), None, v.shape, v.dtype)
        have = min(v.shape[-2], half)
        v = g.made(g.name(cut), None, (*v.shape[:-2], have, 2), v.dtype)
        pads = [0] * (2 * v.ndim)
        pads[v.ndim + places] = half - have
        v = g.made(g.node("Pad", v, g.ints(pads)), None, (*v.shape[:-2], half, 2), v.dtype) if have < half else v
    rest = g.ints(list(range((n - 1) // 2, 0, -1)))
    mirrored = g.node("Mul", g.node("Gather", v, rest, axis=places), g.constant([1, -1], v.dtype))
    whole = g.made(g.node("Concat", v, mirrored, axis=places), None, (*v.shape[:-2], n, 2), v.dtype)
    return _parts(g, _dft(g, whole, places, inverse=True))[0]


@exports("real")
def real(g: Graph, x: Any) -> Value:
    return g.value(x[0] if isinstance(x, (tuple, list)) else x, g.dtype)


@exports("imag")
def imag(g: Graph, x: Any) -> Value:
    if isinstance(x, (tuple, list)):
        return g.value(x[1], g.dtype)
    return g.filled(0, g.shape, g.dtype)


@exports("conj", "conjugate")
def conj(g: Graph, x: Any) -> Any:
    if isinstance(x, (tuple, list)):
        return g.value(x[0]), g.map("Neg", g.value(x[1]))
    return g.value(x, g.dtype)


@exports("view_as_complex")
def view_as_complex(g: Graph, x: Any) -> tuple[Value, Value]:
    return _parts(g, g.value(x, g.dtype))


@exports("view_as_real")
def view_as_real(g: Graph, x: Any) -> Value:
    v = _pair(g, x)
    return v if v.shape[-1] == 2 else g.made(g.node("Pad", v, g.ints([0] * (2 * v.ndim - 1) + [1])))


@exports("polar")
def polar(g: Graph, abs_: Any, angle: Any) -> tuple[Value, Value]:
    r, a = g.value(abs_, g.dtype), g.value(angle, g.dtype)
    return g.map("Mul", r, g.map("Cos", a)), g.map("Mul", r, g.map("Sin", a))
