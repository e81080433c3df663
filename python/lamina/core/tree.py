"""Nested lists, tuples and dicts of anything: map over the leaves, list them, put new leaves in their places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def map_structure(fn: Callable[[Any], Any], tree: Any) -> Any:
    """The same nest with ``fn(leaf)`` for every leaf; dicts keep their order, namedtuples become tuples."""
    if isinstance(tree, dict):
        return {k: map_structure(fn, v) for k, v in tree.items()}
    if isinstance(tree, list):
        return [map_structure(fn, v) for v in tree]
    if isinstance(tree, tuple):
        return tuple(map_structure(fn, v) for v in tree)
    return fn(tree)


def leaves(tree: Any) -> Iterator[Any]:
    """The leaves from left to right."""
    if isinstance(tree, dict):
        tree = tree.values()
    elif not isinstance(tree, (list, tuple)):
        yield tree
        return
    for item in tree:
        yield from leaves(item)


def flatten(tree: Any) -> list[Any]:
    """The leaves as a list."""
    return list(leaves(tree)) if isinstance(tree, (dict, list, tuple)) else [tree]


def pack_as(tree: Any, flat: list[Any]) -> Any:
    """The nest of ``tree`` with the leaves of ``flat``, left to right."""
    rest = iter(flat)
    return map_structure(lambda _: next(rest), tree)


def map_shapes(fn: Callable[[tuple[int | None, ...]], Any], tree: Any) -> Any:
    """As map_structure, where a tuple or list of sizes (int or None) is one leaf."""
    if is_shape(tree):
        return fn(tuple(tree))
    if isinstance(tree, dict):
        return {k: map_shapes(fn, v) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(map_shapes(fn, v) for v in tree)
    raise TypeError(f"expected a shape or a nest of shapes, got {tree!r}")


def as_shapes(tree: Any) -> Any:
    """A nest of shapes in which each is a tuple, also where it came as a list out of a file."""
    return map_shapes(lambda shape: shape, tree)


def is_shape(value: Any) -> bool:
    """Whether ``value`` is one shape: a tuple or list of sizes, None for a free size."""
    return isinstance(value, (list, tuple)) and all(v is None or type(v) is int for v in value)
