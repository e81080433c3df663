"""Passes that put nodes together and store weights as the kernels want them."""

from __future__ import annotations

import numpy as np

from ..graph import Graph
from . import activations, attentions, convolutions, normalizations, products, recurrences
from .view import View, rewrite


def lift(graph: Graph) -> None:
    """All passes, in their order."""
    view = View(graph)
    rewrite(view, [activations.nothing])
    rewrite(view, [activations.gate, normalizations.layer_norm])
    with np.errstate(divide="ignore", invalid="ignore"):  # divisors of a model read from a file have no values yet
        rewrite(view, [convolutions.behind])
        rewrite(view, [convolutions.before])
    rewrite(view, [attentions.attention])
    rewrite(view, [products.gemm, products.matmul, recurrences.recurrence])
    rewrite(view, [convolutions.activation, convolutions.sum_activation])
    products.activation(view)
    convolutions.store(view)
    graph.drop_unused()


__all__ = ["lift"]
