"""Hash values of text that TensorFlow gives, so that vocabularies and bins agree: FarmHash's Fingerprint64 and SipHash.

Source: Pike, Alakuijala 2014, "FarmHash"; Aumasson, Bernstein 2012, "SipHash: a fast short-input PRF".
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_MASK = 2**64 - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def _rotate(v: int, shift: int) -> int:
    return ((v >> shift) | (v << (64 - shift))) & _MASK


def _mix(v: int) -> int:
    return v ^ (v >> 47)


def _join(u: int, v: int, mul: int) -> int:
    a = _mix(((u ^ v) * mul) & _MASK)
    return (_mix(((v ^ a) * mul) & _MASK) * mul) & _MASK


def _word(s: bytes, at: int) -> int:
    return int(struct.unpack_from("<Q", s, at)[0])


def _short_word(s: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", s, at)[0])


def _to_16(s: bytes) -> int:
    n = len(s)
    if n >= 8:
        mul = _K2 + n * 2
        a, b = (_word(s, 0) + _K2) & _MASK, _word(s, n - 8)
        c = (_rotate(b, 37) * mul + a) & _MASK
        d = ((_rotate(a, 25) + b) * mul) & _MASK
        return _join(c, d, mul)
    if n >= 4:
        return _join((n + (_short_word(s, 0) << 3)) & _MASK, _short_word(s, n - 4), _K2 + n * 2)
    if n:
        y, z = s[0] + (s[n >> 1] << 8), n + (s[n - 1] << 2)
        return (_mix(((y * _K2) ^ (z * _K0)) & _MASK) * _K2) & _MASK
    return _K2


def _to_32(s: bytes) -> int:
    n = len(s)
    mul = _K2 + n * 2
    a, b = (_word(s, 0) * _K1) & _MASK, _word(s, 8)
    c, d = (_word(s, n - 8) * mul) & _MASK, (_word(s, n - 16) * _K2) & _MASK
    first = (_rotate((a + b) & _MASK, 43) + _rotate(c, 30) + d) & _MASK
    return _join(first, (a + _rotate((b + _K2) & _MASK, 18) + c) & _MASK, mul)


def _to_64(s: bytes) -> int:
    n = len(s)
    mul = _K2 + n * 2
    a, b = (_word(s, 0) * _K2) & _MASK, _word(s, 8)
    c, d = (_word(s, n - 8) * mul) & _MASK, (_word(s, n - 16) * _K2) & _MASK
    y = (_rotate((a + b) & _MASK, 43) + _rotate(c, 30) + d) & _MASK
    z = _join(y, (a + _rotate((b + _K2) & _MASK, 18) + c) & _MASK, mul)
    e, f = (_word(s, 16) * mul) & _MASK, _word(s, 24)
    g, h = ((y + _word(s, n - 32)) * mul) & _MASK, ((z + _word(s, n - 24)) * mul) & _MASK
    first = (_rotate((e + f) & _MASK, 43) + _rotate(g, 30) + h) & _MASK
    return _join(first, (e + _rotate((f + a) & _MASK, 18) + g) & _MASK, mul)


def _weak(s: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_word(s, at + 8 * i) for i in range(4))
    a = (a + w) & _MASK
    b = _rotate((b + a + z) & _MASK, 21)
    c = a
    a = (a + x + y) & _MASK
    b = (b + _rotate(a, 44)) & _MASK
    return (a + z) & _MASK, (b + c) & _MASK


def _longer(s: bytes) -> int:
    n = len(s)
    x = (81 * _K2) & _MASK
    y = (81 * _K1 + 113) & _MASK
    z = (_mix((y * _K2 + 113) & _MASK) * _K2) & _MASK
    v = w = (0, 0)
    x = (x + _word(s, 0)) & _MASK
    end = (n - 1) // 64 * 64
    for at in range(0, end, 64):
        x = (_rotate((x + y + v[0] + _word(s, at + 8)) & _MASK, 37) * _K1) & _MASK
        y = (_rotate((y + v[1] + _word(s, at + 48)) & _MASK, 42) * _K1) & _MASK
        x ^= w[1]
        y = (y + v[0] + _word(s, at + 40)) & _MASK
        z = (_rotate((z + w[0]) & _MASK, 33) * _K1) & _MASK
        v = _weak(s, at, (v[1] * _K1) & _MASK, (x + w[0]) & _MASK)
        w = _weak(s, at + 32, (z + w[1]) & _MASK, (y + _word(s, at + 16)) & _MASK)
        z, x = x, z
    mul = (_K1 + ((z & 0xFF) << 1)) & _MASK
    at = end + ((n - 1) & 63) - 63
    w = ((w[0] + ((n - 1) & 63)) & _MASK, w[1])
    v = ((v[0] + w[0]) & _MASK, v[1])
    w = ((w[0] + v[0]) & _MASK, w[1])
    x = (_rotate((x + y + v[0] + _word(s, at + 8)) & _MASK, 37) * mul) & _MASK
    y = (_rotate((y + v[1] + _word(s, at + 48)) & _MASK, 42) * mul) & _MASK
    x ^= (w[1] * 9) & _MASK
    y = (y + v[0] * 9 + _word(s, at + 40)) & _MASK
    z = (_rotate((z + w[0]) & _MASK, 33) * mul) & _MASK
    v = _weak(s, at, (v[1] * mul) & _MASK, (x + w[0]) & _MASK)
    w = _weak(s, at + 32, (z + w[1]) & _MASK, (y + _word(s, at + 16)) & _MASK)
    z, x = x, z
    first = (_join(v[0], w[0], mul) + _mix(y) * _K0 + z) & _MASK
    return _join(first, (_join(v[1], w[1], mul) + x) & _MASK, mul)


def fingerprint(s: bytes) -> int:
    """FarmHash's Fingerprint64."""
    n = len(s)
    return (_to_16 if n <= 16 else _to_32 if n <= 32 else _to_64 if n <= 64 else _longer)(s)


def join_fingerprints(first: int, second: int) -> int:
    """One fingerprint of two, in this order, as TensorFlow's crossed columns have it."""
    mul = 0xC6A4A7935BD1E995
    result = first ^ mul
    result ^= (_mix((second * mul) & _MASK) * mul) & _MASK
    result = (result * mul) & _MASK
    result = (_mix(result) * mul) & _MASK
    return _mix(result)


def siphash(s: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 under a key of two 64-bit numbers."""
    k0, k1 = (k & _MASK for k in key)
    v0, v1, v2, v3 = 0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573
    v0, v1, v2, v3 = v0 ^ k0, v1 ^ k1, v2 ^ k0, v3 ^ k1

    def turn(rounds: int) -> None:
        nonlocal v0, v1, v2, v3
        for _ in range(rounds):
            v0 = (v0 + v1) & _MASK
            v1 = _rotate(v1, 51) ^ v0
            v0 = _rotate(v0, 32)
            v2 = (v2 + v3) & _MASK
            v3 = _rotate(v3, 48) ^ v2
            v0 = (v0 + v3) & _MASK
            v3 = _rotate(v3, 43) ^ v0
            v2 = (v2 + v1) & _MASK
            v1 = _rotate(v1, 47) ^ v2
            v2 = _rotate(v2, 32)

    whole = len(s) // 8 * 8
    words = [_word(s, at) for at in range(0, whole, 8)]
    words.append(int.from_bytes(s[whole:].ljust(7, b"\0") + bytes([len(s) & 0xFF]), "little"))
    for m in words:
        v3 ^= m
        turn(2)
        v0 ^= m
    v2 ^= 0xFF
    turn(4)
    return v0 ^ v1 ^ v2 ^ v3


def of_each(values: Array, function: Callable[[Any], int]) -> Array:
    """``function`` of every value as uint64, computed once for equal ones."""
    known: dict[Any, int] = {}
    result = np.empty(values.shape, np.uint64)
    flat = result.ravel()
    for i, value in enumerate(values.ravel().tolist()):
        if value not in known:
            known[value] = function(value)
        flat[i] = known[value]
    return result


def bins(values: Array, n: int, salt: Any = None) -> Array:
    """The bin of 0..n-1 of every text or integer: by FarmHash, or SipHash under a key of two numbers."""

    def of_one(value: Any) -> int:
        s = value.encode() if isinstance(value, str) else str(value).encode()
        return (fingerprint(s) if salt is None else siphash(s, (salt[0], salt[1]))) % n

    return of_each(values, of_one).astype(np.int64)
