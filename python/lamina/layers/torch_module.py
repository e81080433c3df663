"""What PyTorch calls the weights of a layer and how it lays them out: each class declares it once, as ``_torch``.

A declaration is read both ways: ``lamina.torch`` loads state dicts by it and writes them.  A class without one has no
counterpart; its variables are then expected under their own names, laid out as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.autograd import Array
from .variable import Variable

Arrays = Sequence[Array]


class Layout:
    """One array in PyTorch's layout, and back; ``back`` gets the shape of the variable, too."""

    def __init__(self, there: Callable[[Array], Array], back: Callable[[Array, tuple[int, ...]], Array]) -> None:
        self.there, self.back = there, back


def _channels_first(kernel: Array) -> Array:
    """(*window, in, out) -> (out, in, *window); of transposed convolutions in and out trade their names on both
    sides."""
    n = kernel.ndim
    return kernel.transpose(n - 1, n - 2, *range(n - 2))


def _channels_last(weight: Array, _: tuple[int, ...]) -> Array:
    return weight.transpose(*range(2, weight.ndim), 1, 0)


def _depthwise(kernel: Array) -> Array:
    """(*window, C, multiplier) -> (C multiplier, 1, *window)."""
    n = kernel.ndim
    turned = kernel.transpose(n - 2, n - 1, *range(n - 2))
    return turned.reshape(-1, 1, *turned.shape[2:])


def _from_depthwise(weight: Array, shape: tuple[int, ...]) -> Array:
    turned = weight.reshape(*shape[-2:], *weight.shape[2:])
    return turned.transpose(*range(2, turned.ndim), 0, 1)


SAME = Layout(lambda a: a, lambda a, shape: a)
MATRIX = Layout(lambda a: a.T, lambda a, shape: a.T)
KERNEL = Layout(_channels_first, _channels_last)
DEPTHWISE = Layout(_depthwise, _from_depthwise)
FLAT = Layout(lambda a: a.reshape(-1), lambda a, shape: a.reshape(shape))


def matrix(inputs: int) -> Layout:
    """Of a kernel (*inputs, *outputs): the matrix (outputs, inputs).  inputs: how many axes those are."""

    def there(kernel: Array) -> Array:
        return kernel.reshape(int(np.prod(kernel.shape[:inputs])), -1).T

    return Layout(there, lambda a, shape: a.T.reshape(shape))


def gates(order: Sequence[int]) -> Layout:
    """Of a kernel (in, gates units): (gates units, in), PyTorch's i-th gate being our ``order[i]``-th; biases, too."""
    again = [order.index(i) for i in range(len(order))]

    def turned(a: Array, order: Sequence[int]) -> Array:
        return a.reshape(len(order), -1, *a.shape[1:])[list(order)].reshape(a.shape)

    return Layout(lambda a: turned(a.T, order), lambda a, shape: turned(a, again).T)


class Link(NamedTuple):
    """Tensors of a PyTorch module, by their names in it, and the variables that hold the same numbers."""

    names: tuple[str, ...]
    variables: tuple[Variable, ...]
    there: Callable[[Arrays], list[Array]]  # arrays of the variables -> those of the names
    back: Callable[[Arrays], list[Array]]
    moments: Callable[[Arrays], list[Array]]  # as back, of what an optimizer keeps

    def shapes(self) -> list[tuple[int, ...]]:
        """Those that PyTorch's tensors have."""
        return [a.shape for a in self.there([np.broadcast_to(np.float32(0), v.shape) for v in self.variables])]

    def within(self, part: str) -> Link:
        """The same in a module around, where this one is called ``part``."""
        return self._replace(names=tuple(f"{part}.{name}" for name in self.names))

    def renamed(self, rename: Callable[[str], str]) -> Link:
        return self._replace(names=tuple(map(rename, self.names)))


def linked(name: str, variable: Variable, layout: Layout = SAME) -> Link:
    """One tensor, one variable."""

    def back(arrays: Arrays) -> list[Array]:
        return [layout.back(arrays[0], variable.shape)]

    return Link((name,), (variable,), lambda arrays: [layout.there(arrays[0])], back, back)


def added(names: tuple[str, str], variable: Variable, layout: Layout = SAME) -> Link:
    """Two tensors that PyTorch adds, where one variable holds the sum: both have the same gradients and moments."""

    def there(arrays: Arrays) -> list[Array]:
        first = layout.there(arrays[0])
        return [first, np.zeros_like(first)]

    def back(arrays: Arrays) -> list[Array]:
        return [layout.back(arrays[0] + arrays[1], variable.shape)]

    def moments(arrays: Arrays) -> list[Array]:
        return [layout.back(arrays[0] if np.any(arrays[0]) else arrays[1], variable.shape)]  # one may be frozen

    return Link(names, (variable,), there, back, moments)


def packed(name: str, variables: Sequence[Variable], layout: Layout) -> Link:
    """One tensor whose rows are those of several variables, one behind the other."""

    def there(arrays: Arrays) -> list[Array]:
        return [np.concatenate([layout.there(a) for a in arrays])]

    def back(arrays: Arrays) -> list[Array]:
        rows = np.cumsum([layout.there(np.broadcast_to(np.float32(0), v.shape)).shape[0] for v in variables])
        parts = np.split(arrays[0], rows[:-1])
        return [layout.back(a, v.shape) for a, v in zip(parts, variables, strict=True)]

    return Link((name,), tuple(variables), there, back, back)


class Place:
    """One module of several side by side: its links; what it is called where nobody says; and a regular expression of
    what the last part of its name must be ("" is any)."""

    def __init__(self, links: list[Link], name: str, hints: str = "") -> None:
        self.links, self.name, self.hints = links, name, hints


def cell_links(*order: int) -> Callable[[Any], list[Link]]:
    """Links of a recurrent cell: PyTorch's i-th gate is our ``order[i]``-th."""

    def links(cell: Any) -> list[Link]:
        if not getattr(cell, "reset_after", True):
            raise ValueError(f"{cell._label()}: reset_after=False has no counterpart, PyTorch's GRU resets after")
        layout = gates(order)
        found = [linked("weight_ih", cell.kernel, layout), linked("weight_hh", cell.recurrent_kernel, layout)]
        if getattr(cell, "proj_size", 0):
            found.append(linked("weight_hr", cell.projection_kernel, MATRIX))
        if cell.bias is not None:
            both = ("bias_ih", "bias_hh")
            found.append(added(both, cell.bias, layout) if cell.bias.ndim == 1 else _two(both, cell.bias, layout))
        return found

    return links


def _two(names: tuple[str, str], variable: Variable, layout: Layout) -> Link:
    """Two tensors that are the rows of one variable."""

    def back(arrays: Arrays) -> list[Array]:
        return [np.stack([layout.back(a, variable.shape[1:]) for a in arrays])]

    return Link(names, (variable,), lambda arrays: [layout.there(a) for a in arrays[0]], back, back)


def sequence_links(layer: Any) -> list[Link]:
    """Links of a recurrent layer, whose cells are the layers of one module; none if a cell has no counterpart."""
    cells = getattr(layer.cell, "cells", [layer.cell])
    if any(cell._torch is None for cell in cells):
        return []
    return [link.renamed(f"{{}}_l{i}".format) for i, cell in enumerate(cells) for link in cell._torch.links(cell)]


class TorchModule:
    """A class's declaration, its attribute ``_torch``.

    Args:
        name: what PyTorch calls the module.
        links: function of the layer that gives the links that are no single arrays.
        parts: {name in the module: attribute} of layers inside whose tensors are the module's, too; ``attribute.0``
            is the first of a tuple.
        others: function of the layer that gives other ways to write it, each a list of modules side by side.
        ignored: names of tensors without a counterpart, and the values that are written.
        **arrays: {name: attribute, or (attribute, Layout)} of weights that are one tensor each; absent ones are left
            out.
    """

    def __init__(
        self,
        name: str,
        links: Callable[[Any], list[Link]] | None = None,
        parts: dict[str, str] | None = None,
        others: Callable[[Any], list[list[Place]]] | None = None,
        ignored: dict[str, Any] | None = None,
        **arrays: Any,
    ) -> None:
        self.name, self.ignored = name, ignored or {}
        self._links, self._parts, self._others, self._arrays = links, parts or {}, others, arrays

    def links(self, layer: Any) -> list[Link]:
        """The links of a built layer; none if its parts alone have counterparts.

        Args:
            layer: the layer.

        Raises:
            ValueError: an option has no counterpart in PyTorch.
        """
        found = [] if self._links is None else self._links(layer)
        for name, declared in self._arrays.items():
            attribute, layout = declared if isinstance(declared, tuple) else (declared, SAME)
            variable = getattr(layer, attribute, None)
            if variable is not None:
                found.append(linked(name, variable, layout))
        for name, attribute in self._parts.items():
            part = _inside(layer, attribute)
            if part is not None:
                inside = part._torch.links(part)
                if not inside:
                    return []
                found += [link.within(name) for link in inside]
        return found

    def others(self, layer: Any) -> list[list[Place]]:
        """Other ways in which PyTorch's users write the layer.

        Args:
            layer: the layer.
        """
        return [] if self._others is None else self._others(layer)


def _inside(layer: Any, attribute: str) -> Any:
    """The layer of a dotted path of attributes and places; None if there is none."""
    for step in attribute.split("."):
        layer = layer[int(step)] if step.isdigit() else getattr(layer, step, None)
        if layer is None:
            return None
    return layer
