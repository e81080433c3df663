"""The grammar of values, as Python source: arrays of every type, rank and layout, and all that is no array."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path

SIZES = (0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6, 8, 9, 17, 33)
FLOATS = ("f4", "f4", "f4", "f4", "f8")
INTEGERS = ("i4", "i8", "u1", "i1", "u2", "i2", "u4", "u8", "?")
SPECIAL = ("1.0, np.nan", "np.inf, -1.0", "1e30, -1e30, 1e-40", "0.0, -0.0, 2.5")
STRANGE = ("f2", "g", "c8", "O", "S3", "U2", "M8[s]", "m8[s]", ">f4", ">f8", ">i4", "V4")


def _hints() -> dict[str, tuple[str, ...]]:
    """name -> values, from hints.txt."""
    found = {}
    text = (Path(__file__).parent / "hints.txt").read_text()
    for line in re.sub(r"\n {4}", " ", text).splitlines():
        names, colon, values = line.partition(": ")
        if colon and line[0] != "#":
            found.update(dict.fromkeys(names.split(), tuple(values.split(" | "))))
    return found


OPTIONS = _hints()
NUMBERS, THINGS = OPTIONS.pop("numbers"), OPTIONS.pop("things")


class Values:
    """Draws values with a generator of its own; every method returns source."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.huge = True  # views of more elements than any machine could walk over

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def pick(self, options: Sequence[str]) -> str:
        return self.rng.choice(options)

    def shape(self, rank: int | None = None, largest: int = 4096) -> tuple[int, ...]:
        if rank is None:
            rank = self.rng.choices(range(7), (2, 4, 6, 4, 4, 1, 1))[0]
        sizes: list[int] = []
        count = 1
        for _ in range(rank):
            n = self.rng.choice(SIZES)
            n = n if max(count, 1) * n <= largest else 1
            count = max(count, 1) * n
            sizes.append(n)
        return tuple(sizes)

    def near(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A shape that broadcasts with this one, or one that nearly does."""
        sizes = list(shape)
        kind = self.rng.randrange(8)
        if kind == 0 and sizes:
            sizes[self.rng.randrange(len(sizes))] = 1
        elif kind == 1:
            sizes = sizes[1:]
        elif kind == 2:
            sizes = sizes[:-1]
        elif kind == 3:
            sizes = sizes[-1:]
        elif kind == 4 and sizes:
            sizes[self.rng.randrange(len(sizes))] = self.rng.choice(SIZES)
        elif kind == 5:
            sizes.insert(self.rng.randrange(len(sizes) + 1), 1)
        elif kind == 6:
            sizes = sizes[::-1]
        else:
            sizes = []
        return tuple(sizes)

    def dtype(self) -> str:
        pool = self.rng.choices((FLOATS, INTEGERS, STRANGE), (70, 24, 6))[0]
        return self.rng.choice(pool)

    def array(self, shape: tuple[int, ...] | None = None, dtype: str | None = None) -> str:
        shape = self.shape() if shape is None else shape
        dtype = dtype or self.dtype()
        return self._laid_out(self._content(shape, dtype), shape)

    def _content(self, shape: tuple[int, ...], dtype: str) -> str:
        if dtype in STRANGE and not dtype.startswith((">", "f", "g")):
            return f"np.zeros({shape}, {dtype!r})"
        if dtype in INTEGERS:
            choices = (
                f"np.random.default_rng({self.rng.randrange(99)}).integers(0, {self.rng.choice((2, 3, 9))}, {shape})",
                f"np.arange({_count(shape)}).reshape({shape})",
                f"np.full({shape}, {self.rng.choice(('0', '1', '-1', '127', '255', '2**31-1', '2**62'))})",
            )
            return f"{self.rng.choices(choices, (6, 3, 2))[0]}.astype({dtype!r})"
        choices = (
            f"np.random.default_rng({self.rng.randrange(99)}).standard_normal({shape})",
            f"np.random.default_rng({self.rng.randrange(99)}).random({shape})",
            f"np.zeros({shape})",
            f"np.ones({shape})",
            f"np.resize([{self.rng.choice(SPECIAL)}], {shape})",
        )  # fmt: skip
        return f"{self.rng.choices(choices, (8, 3, 1, 2, 2))[0]}.astype({dtype!r})"

    def _laid_out(self, source: str, shape: tuple[int, ...]) -> str:
        kind = self.rng.randrange(24)
        rank = len(shape)
        if kind == 0:
            return f"np.asfortranarray({source})"
        if kind == 1 and rank:
            return f"{source}[::-1]"
        if kind == 2 and rank:
            return f"np.repeat({source}, 2, -1)[..., ::2]"
        if kind == 3:
            return f"np.broadcast_to({source}, {shape})"  # read-only
        if kind == 4 and rank > 1:
            return f"{source}.T"
        if kind == 5 and rank and self.huge and self.chance(0.2):
            return f"np.broadcast_to({source}, ({self.pick(('2**20', '2**40', '2**50'))}, *{shape}))"
        if kind == 6:
            return f"check.unaligned({source})"
        return source

    def tensor(self, shape: tuple[int, ...] | None = None, dtype: str | None = None) -> str:
        """An array as one may hand it over: bare, as a Tensor with or without gradient or mask, as a list."""
        source = self.array(shape, dtype)
        kind = self.rng.randrange(20)
        if kind < 4:
            return f"Tensor({source}, requires_grad=True)"
        if kind < 7:
            return f"Tensor({source})"
        if kind == 7:
            return f"check.masked({source})"
        if kind == 8 and self.chance(0.5):
            return f"{source}.tolist()"
        if kind == 9 and self.chance(0.3):
            return f"layers.Input({self.shape(self.rng.randrange(4))})"
        return source

    def junk(self) -> str:
        kind = self.rng.randrange(10)
        if kind < 4:
            return self.pick(NUMBERS)
        if kind < 9:
            return self.pick(THINGS)
        return self.array()

    def integer(self) -> str:
        return str(self.rng.choices((0, 1, 2, 3, 4, -1, -2, 5, 8), (3, 6, 6, 4, 2, 3, 1, 1, 1))[0])

    def integers(self, count: int | None = None) -> str:
        count = self.rng.choice((0, 1, 2, 2, 3, 4)) if count is None else count
        inner = ", ".join(self.integer() for _ in range(count))
        return f"[{inner}]" if self.chance(0.3) else f"({inner}{',' if count == 1 else ''})"


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for n in shape:
        count *= n
    return count
