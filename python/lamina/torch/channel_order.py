"""Where a model flattens images: PyTorch's have their channels first, so that rows of weights behind stand elsewhere.

``Flatten`` of (N, H, W, C) gives features in the order H, W, C; in PyTorch, of (N, C, H, W), in the order C, H, W.  The
kernel of the dense layer behind is that of PyTorch with its rows in another order; where a model makes images from
features (``Reshape`` to (H, W, C)), the columns of the dense layer before are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..core.autograd import Array
from ..core.tree import leaves
from ..layers import (
    BatchNormalization,
    Dense,
    Flatten,
    Layer,
    LayerNormalization,
    Reshape,
    SymbolicTensor,
)
from ..layers.convolution import Convolution
from ..layers.torch_module import Arrays, Link
from ..layers.weights import named_layers
from ..models import Model, Sequential

Sizes = tuple[int, ...]


class Order(NamedTuple):
    """The (H, W, C) that the rows of a layer's kernel stand for; or its columns, and what else it has of features."""

    rows: Sizes | None = None
    columns: Sizes | None = None


def found_in(model: Layer) -> dict[int, Order]:
    """By identity of the layer, what the calls of functional models and Sequentials show."""
    orders: dict[int, Order] = {}
    for one in (model, *named_layers(model).values()):
        calls = list(_calls(one))
        made = {id(y): (layer, x) for layer, x, y in calls}
        last = not any(getattr(layer, "data_format", "") == "channels_first" for layer, *_ in calls)
        formats: dict[int, str] = {}  # where the channels of an image stand
        flat: dict[int, Sizes] = {}
        for layer, x, y in calls:
            if found := _format(layer, x, formats):
                formats[id(y)] = found
            known = x is not None and all(n is not None for n in x.shape[1:])
            if isinstance(layer, (Flatten, Reshape)) and known and len(y.shape) == 2 and id(x) in formats:
                sizes = _flattened(layer, tuple(x.shape[1:]), formats[id(x)])
                if sizes is not None:
                    flat[id(y)] = sizes
            elif x is not None and id(x) in flat and x.shape == y.shape and not isinstance(layer, Dense):
                flat[id(y)] = flat[id(x)]
                if layer.weights:
                    orders[id(layer)] = Order(columns=flat[id(x)])
            elif isinstance(layer, Dense) and x is not None and id(x) in flat:
                orders[id(layer)] = orders.get(id(layer), Order())._replace(rows=flat[id(x)])
            if last and isinstance(layer, Reshape) and len(y.shape) > 3 and x is not None and len(x.shape) == 2:
                _mark(x, tuple(y.shape[1:]), made, orders)
    return {key: order for key, order in orders.items() if _matters(order)}


def _mark(x: Any, shape: Any, made: Mapping[int, Any], orders: dict[int, Order]) -> None:
    """The columns of the dense layer that features come from, through layers that keep their places."""
    while id(x) in made and None not in shape:
        layer, before = made[id(x)]
        if isinstance(layer, (Dense, BatchNormalization, LayerNormalization)):
            orders[id(layer)] = orders.get(id(layer), Order())._replace(columns=shape)
        if isinstance(layer, Dense) or before is None or before.shape != x.shape:
            return
        x = before


def _format(layer: Layer, x: Any, formats: Mapping[int, str]) -> str | None:
    """Where the channels of a result stand, if it is an image, or a convolution's sequence, which PyTorch has with its
    channels first; None for others."""
    if x is None:
        return "channels_last" if len(layer.output.shape) > 3 else None
    if isinstance(layer, Convolution):
        return layer.data_format
    if isinstance(layer, (Dense, LayerNormalization)):
        return None
    known = formats.get(id(x))
    return (known and getattr(layer, "data_format", None)) or known  # pooling may be the first to say


def _flattened(layer: Layer, shape: Sizes, data_format: str) -> Sizes | None:
    """The (H, W, C) in whose order flattened features stand; None if they stand as in PyTorch."""
    if getattr(layer, "data_format", None) == "channels_first":  # which puts them last
        return (*shape[1:], shape[0])
    return shape if data_format == "channels_last" else None


def _calls(model: Any) -> Iterator[tuple[Layer, Any, SymbolicTensor]]:
    """(layer, first symbolic input or None, result), in order."""
    if isinstance(model, Sequential):
        drawn = model._draw_late()
        if drawn:
            yield drawn[0].node.layer, None, drawn[0]
        yield from zip(model.layers, drawn, drawn[1:], strict=False)
    elif isinstance(model, Model) and model._graph is not None:
        for t in model._graph.sources:
            if t.node is not None:
                yield t.node.layer, None, t
        for node in model._graph.nodes:
            for y in leaves(node.outputs):
                yield node.layer, node.inputs[0] if node.inputs else None, y


def _matters(order: Order) -> bool:
    """Without several channels and several places both orders are one."""
    return any(sizes and sizes[-1] > 1 and math.prod(sizes[:-1]) > 1 for sizes in order)


def reordered(link: Link, order: Order) -> Link:
    """The link of a layer whose features stand in that order."""

    def turned(a: Array, sizes: Sizes | None, axis: int, back: bool) -> Array:
        if sizes is None or math.prod(sizes) != a.shape[axis]:
            return a
        features = np.arange(a.shape[axis]).reshape(sizes)
        places = np.moveaxis(features, -1, 0).reshape(-1)  # of PyTorch's i-th feature, ours
        return np.take(a, np.argsort(places) if back else places, axis)

    def both(a: Array, back: bool) -> Array:
        rows = order.rows if a.ndim > 1 else None
        return turned(turned(a, rows, 0, back), order.columns, -1, back)

    def there(arrays: Arrays) -> list[Array]:
        return link.there([both(a, False) for a in arrays])

    def back(arrays: Arrays) -> list[Array]:
        return [both(a, True) for a in link.back(arrays)]

    def moments(arrays: Arrays) -> list[Array]:
        return [both(a, True) for a in link.moments(arrays)]

    return link._replace(there=there, back=back, moments=moments)
