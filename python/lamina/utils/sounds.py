"""Sounds from wave files."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def read_wav(path: str, rate: int | None = None, length: int | None = None) -> Array:
    """The samples (n, channels) of an uncompressed wave file as float32 between -1 and 1."""
    import wave

    try:
        with wave.open(path, "rb") as file:
            channels, width, own = file.getnchannels(), file.getsampwidth(), file.getframerate()
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path!r} is no uncompressed wave file: {error}") from None
    sound = _samples(raw, width).reshape(-1, channels)
    if rate is not None and rate != own:
        sound = resampled(sound, max(1, round(len(sound) * rate / own)))
    if length is not None:
        sound = np.pad(sound[:length], ((0, max(0, length - len(sound))), (0, 0)))
    return sound


def _samples(raw: bytes, width: int) -> Array:
    if width == 1:
        return (np.frombuffer(raw, np.uint8).astype(np.float32) - 128) / 128
    if width == 3:
        octets = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        wide = np.zeros((len(octets), 4), np.uint8)
        wide[:, 1:] = octets
        return (wide.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
    scale = 2.0 ** (8 * width - 1)
    return (np.frombuffer(raw, f"<i{width}") / scale).astype(np.float32)


def resampled(sound: Array, n: int) -> Array:
    """(m, channels) at n times of the same span, without frequencies that n times cannot hold."""
    m = len(sound)
    if m in (0, n):
        return sound
    spectrum = np.fft.rfft(sound, axis=0)
    kept = min(m, n) // 2 + 1
    changed = np.zeros((n // 2 + 1, sound.shape[1]), spectrum.dtype)
    changed[:kept] = spectrum[:kept]
    if min(m, n) % 2 == 0:  # the last one stands for two, of either sign
        changed[kept - 1] *= 2.0 if n < m else 0.5
    return (np.fft.irfft(changed, n, axis=0) * (n / m)).astype(np.float32)
