"""Tables of houses with their prices, divided as Keras divides them."""

from __future__ import annotations

from pathlib import Path

from .npz_file import read_npz
from .sources import Split, legacy_random, shuffled


def divided(what: str, file: Path, test_split: float, seed: int, first: int | None = None) -> Split:
    """The rows of a file's arrays ``x`` and ``y``, shuffled.  first: how many of them there are."""
    x, y = (a[:first] for a in read_npz(what, file, ("x", "y")))
    order = shuffled(len(x), legacy_random(seed))
    x, y, at = x[order], y[order], int(len(x) * (1 - test_split))
    return (x[:at], y[:at]), (x[at:], y[at:])
