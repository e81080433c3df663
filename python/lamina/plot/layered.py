"""Where the boxes of a directed graph stand: in layers, from the top down, with few crossings.

Sugiyama, Tagawa and Toda 1981: ranks by longest paths, order within a rank by medians, then places near the neighbours.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, float]
Edge = tuple[int, int]


class Layered:
    """The arrangement of boxes 0 ... n-1 of given sizes.

    Attributes: ``centers`` of the boxes; ``routes``, of each edge the stretches (x, y from, y to) on which it passes
    between other boxes, its ends among them; ``width``, ``height``.
    """

    def __init__(
        self, sizes: Sequence[Point], edges: Sequence[Edge], between_ranks: float = 26.0, between_boxes: float = 22.0
    ) -> None:
        self.sizes = list(sizes)
        edges = [e for e in dict.fromkeys(edges) if e[0] != e[1]]
        self._backward = _closing(len(sizes), edges)
        downward = [(b, a) if (a, b) in self._backward else (a, b) for a, b in edges]
        rank = _ranks(len(sizes), downward)
        self._chains: dict[Edge, list[int]] = {}
        links: list[Edge] = []
        for edge, (a, b) in zip(edges, downward, strict=True):
            chain = [a]
            for r in range(rank[a] + 1, rank[b]):  # one without a size in each rank that the edge passes
                chain.append(len(self.sizes))
                self.sizes.append((0.0, 0.0))
                rank.append(r)
            chain.append(b)
            self._chains[edge] = chain
            links += pairwise(chain)
        self._real = len(sizes)
        self.rows = _ordered(rank, links)
        x = self._across(links, between_boxes)
        self._place(x, between_ranks)

    def _across(self, links: list[Edge], gap: float) -> list[float]:
        """The places within the ranks: each box near its neighbours, as far as the others leave room."""
        above, below = _neighbours(links)
        x = [0.0] * len(self.sizes)
        for row in self.rows:
            left = 0.0
            for v in row:
                x[v] = left + self.sizes[v][0] / 2  # 2 is free: only the start of the sweeps
                left += self.sizes[v][0] + gap
        for sweep in range(12):
            known = below if sweep % 2 else above
            for row in self.rows[::-1] if sweep % 2 else self.rows:
                wanted = [self._wanted(x, v, known[v]) for v in row]
                weights = [1e-3 if v >= self._real else 1.0 for v in row]  # boxes in columns, edges around them
                apart = [(self.sizes[a][0] + self.sizes[b][0]) / 2 + gap for a, b in pairwise(row)]
                for v, place in zip(row, _spread(wanted, weights, apart), strict=True):
                    x[v] = place
        left = min((x[v] - size[0] / 2 for v, size in enumerate(self.sizes)), default=0.0)
        return [place - left for place in x]

    def _wanted(self, x: list[float], v: int, known: list[int]) -> float:
        """Where a box wants to be: under its neighbours, of which boxes count before edges that come from afar."""
        near = [x[n] for n in known if n < self._real]
        return _middle(near if near and v < self._real else [x[n] for n in known], x[v])

    def _place(self, x: list[float], gap: float) -> None:
        y, top, bands = [0.0] * len(self.sizes), 0.0, []
        rank_of = {v: r for r, row in enumerate(self.rows) for v in row}
        for row in self.rows:
            height = max(self.sizes[v][1] for v in row)
            bands.append((top, top + height))
            for v in row:
                y[v] = top + height / 2
            top += height + gap
        self.centers = list(zip(x, y, strict=True))[: self._real]
        self.width = max((x[v] + size[0] / 2 for v, size in enumerate(self.sizes)), default=0.0)
        self.height = max(top - gap, 0.0)
        self.routes: dict[Edge, list[tuple[float, float, float]]] = {}
        for edge, chain in self._chains.items():
            stretches = []
            for i, v in enumerate(chain):
                half = self.sizes[v][1] / 2
                begin, end = bands[rank_of[v]]  # straight out of it, past the higher boxes of its rank
                begin, end = (y[v] + half if i == 0 else begin), (y[v] - half if i == len(chain) - 1 else end)
                stretches.append((x[v], begin, end))
            if edge in self._backward:
                stretches = [(place, end, begin) for place, begin, end in reversed(stretches)]
            self.routes[edge] = stretches


def _closing(n: int, edges: Sequence[Edge]) -> set[Edge]:
    """The edges that close circles."""
    after = _neighbours(edges)[1]
    state, closing = [0] * n, set()
    for first in range(n):
        stack = [(first, iter(after[first]))] if not state[first] else []
        state[first] = state[first] or 1
        while stack:
            v, rest = stack[-1]
            w = next(rest, None)
            if w is None:
                state[v] = 2
                stack.pop()
            elif state[w] == 1:
                closing.add((v, w))
            elif not state[w]:
                state[w] = 1
                stack.append((w, iter(after[w])))
    return closing


def _ranks(n: int, edges: Sequence[Edge]) -> list[int]:
    """The longest path to each box; boxes without a predecessor stand right above their first successor."""
    above, below = _neighbours(edges)
    rank, left = [0] * n, [len(above[v]) for v in range(n)]
    ready = [v for v in range(n) if not left[v]]
    for v in ready:
        for w in below[v]:
            rank[w] = max(rank[w], rank[v] + 1)
            left[w] -= 1
            if not left[w]:
                ready.append(w)
    for v in range(n):
        if not above[v] and below[v]:
            rank[v] = min(rank[w] for w in below[v]) - 1
    return rank


def _ordered(rank: list[int], links: Sequence[Edge]) -> list[list[int]]:
    """The boxes of each rank from left to right."""
    above, below = _neighbours(links)
    rows: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    seen = [False] * len(rank)
    for first in sorted(range(len(rank)), key=lambda v: rank[v]):  # a walk in depth keeps branches together
        stack = [first]
        while stack:
            v = stack.pop()
            if not seen[v]:
                seen[v] = True
                rows[rank[v]].append(v)
                stack += reversed(below[v])
    best, fewest = [list(row) for row in rows], _crossings(rows, below)
    for sweep in range(10):
        if not fewest:
            break
        known = below if sweep % 2 else above
        for r in range(len(rows) - 2, -1, -1) if sweep % 2 else range(1, len(rows)):
            place = {v: i for i, v in enumerate(rows[r + 1 if sweep % 2 else r - 1])}
            own = {v: i for i, v in enumerate(rows[r])}
            rows[r].sort(key=lambda v: (_middle([place[n] for n in known[v]], own[v]), own[v]))
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _crossings(rows: Sequence[Sequence[int]], below: dict[int, list[int]]) -> int:
    total = 0
    for upper, lower in pairwise(rows):
        place, passed = {v: i for i, v in enumerate(lower)}, list[int]()
        for v in upper:
            ends = sorted(place[w] for w in below[v])
            total += sum(len(passed) - bisect.bisect_right(passed, e) for e in ends)
            for e in ends:
                bisect.insort(passed, e)
    return total


def _spread(wanted: Sequence[float], weights: Sequence[float], apart: Sequence[float]) -> list[float]:
    """The places nearest to those wanted, in the given order and at least so far apart (least squares)."""
    offsets = [0.0]
    for distance in apart:
        offsets.append(offsets[-1] + distance)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, how many: neighbours that touch move together
    for w, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, n = w - offset, 1
        while blocks and blocks[-1][0] > mean:
            other, more, count = blocks.pop()
            mean, weight, n = (mean * weight + other * more) / (weight + more), weight + more, n + count
        blocks.append((mean, weight, n))
    means = [mean for mean, _, n in blocks for _ in range(n)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _middle(values: list[float], otherwise: float) -> float:
    """The median, of an even number the mean of both in the middle."""
    if not values:
        return otherwise
    values = sorted(values)
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def _neighbours(edges: Sequence[Edge]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Of each box those above and those below it."""
    above: dict[int, list[int]] = defaultdict(list)
    below: dict[int, list[int]] = defaultdict(list)
    for a, b in edges:
        above[b].append(a)
        below[a].append(b)
    return above, below
