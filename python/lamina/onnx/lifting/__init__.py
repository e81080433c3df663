"""Passes that put nodes together and store weights as the kernels want them."""

from __future__ import annotations

from ..graph import Graph


def lift(graph: Graph) -> None:
    """All passes, in their order."""


__all__ = ["lift"]
