"""Rows of numbers that depend on the position in a sequence alone."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.autograd import Array

_LEAST = 128  # rows that are computed at once


class PositionRows:
    """The rows of the positions asked for last, out of tables that are made longer than asked for.

    Tables are never changed, so that what was captured keeps its rows.
    """

    __slots__ = ("_made",)

    def __init__(self) -> None:
        # First position, width, tables.
        self._made: tuple[int, int, tuple[Array, ...]] = 0, 0, (np.empty((0, 0)),)  # 0 is free: there is no row

    def __call__(self, start: Any, steps: int, width: int, make: Callable[..., tuple[Array, ...]]) -> tuple[Array, ...]:
        """The rows from position ``start`` on of each table, views (steps, ...).

        make: gives the tables for positions (rows, 1) in float64 and ``width``.
        """
        start = operator.index(start)
        first, made_for, tables = self._made
        if width != made_for or not first <= start <= first + len(tables[0]) - steps:
            positions = np.arange(start, start + max(_LEAST, 2 * steps), dtype=np.float64)[:, None]
            first, tables = start, make(positions, width)
            self._made = first, width, tables
        return tuple(table[start - first : start - first + steps] for table in tables)
