"""The arrangement of boxes in layers: nothing overlaps, edges go down, straight things stay straight."""

from __future__ import annotations

import time
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.plot.layered import Layered


@st.composite
def graphs(draw):
    n = draw(st.integers(1, 12))
    sizes = [(draw(st.integers(10, 200)), draw(st.integers(10, 60))) for _ in range(n)]
    pairs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))
    return sizes, draw(st.lists(pairs, max_size=25))


@settings(deadline=None, max_examples=150)
@given(graphs())
def test_boxes_never_overlap_and_lie_inside(graph):
    sizes, edges = graph
    found = Layered(sizes, edges)
    rectangles = [(x - w / 2, y - h / 2, w, h) for (x, y), (w, h) in zip(found.centers, sizes, strict=True)]
    for x, y, w, h in rectangles:
        assert x >= -1e-6
        assert y >= -1e-6
        assert x + w <= found.width + 1e-6
        assert y + h <= found.height + 1e-6
    for (x, y, w, h), (u, v, o, p) in combinations(rectangles, 2):
        assert x + w <= u + 1e-6 or u + o <= x + 1e-6 or y + h <= v + 1e-6 or v + p <= y + 1e-6
    assert set(found.routes) == {(a, b) for a, b in edges if a != b}


@settings(deadline=None, max_examples=100)
@given(graphs())
def test_edges_of_graphs_without_circles_go_down_and_pass_beside_the_boxes(graph):
    sizes, edges = graph
    found = Layered(sizes, [(a, b) for a, b in edges if a < b])
    for (a, b), stretches in found.routes.items():
        heights = [y for _, begin, end in stretches for y in (begin, end)]
        assert heights == sorted(heights)
        assert heights[0] == found.centers[a][1] + sizes[a][1] / 2
        assert abs(heights[-1] - (found.centers[b][1] - sizes[b][1] / 2)) < 1e-9
        for x, begin, end in stretches[1:-1]:
            for c, ((cx, cy), (w, h)) in enumerate(zip(found.centers, sizes, strict=True)):
                if c not in (a, b) and begin < cy < end and h:
                    assert abs(x - cx) >= w / 2 - 1e-6


def test_a_chain_with_shortcuts_is_a_straight_column():
    edges = [(i, i + 1) for i in range(9)] + [(1, 4), (4, 7)]
    found = Layered([(100, 30)] * 10, edges)
    assert len({round(x) for x, _ in found.centers}) == 1


def test_circles_are_drawn_and_large_graphs_take_no_time():
    found = Layered([(10, 10)] * 3, [(0, 1), (1, 2), (2, 0)])
    assert [y for _, y in found.centers] == sorted(y for _, y in found.centers)
    assert found.routes[2, 0][0][1] > found.routes[2, 0][-1][2]
    began = time.perf_counter()
    Layered([(100, 30)] * 1500, [(i, i + 1) for i in range(1499)] + [(i, i + 7) for i in range(0, 1490, 7)])
    assert time.perf_counter() - began < 10


def test_two_branches_do_not_cross():
    #   0     1   and their ends the other way round
    found = Layered([(50, 20)] * 4, [(0, 3), (1, 2)])
    (a, b, c, d) = (x for x, _ in found.centers)
    assert (a < b) == (d < c)
