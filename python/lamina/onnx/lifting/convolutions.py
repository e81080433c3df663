"""Factors and summands of channels go into the convolution before or behind them; activations into its pass."""

from __future__ import annotations

import numpy as np

from ...core.autograd import Array
from ..graph import OWN, Node
from .view import View

_FUSED = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh"}
_CONVOLUTIONS = ("Conv", "ConvTranspose")
_SHIFTS = ("Add", "Sub", "BatchNormalization")  # asked by name: a model read from a file has no values yet


def _own(view: View, node: Node, place: int) -> Array | None:
    """The weight at a place of the inputs that only this node reads."""
    name = node.inputs[place] if place < len(node.inputs) else ""
    if name not in view.graph.weights or view.uses[name] != 1 or view.graph.weights[name].order is not None:
        return None
    return view.graph.weights[name].value


def _foldable(view: View, node: Node) -> bool:
    if node.op not in _CONVOLUTIONS or _own(view, node, 1) is None or "activation" in node.attributes:
        return False
    if node.op == "ConvTranspose" and node.attributes.get("group", 1) != 1:
        return False
    return len(node.inputs) < 3 or not node.inputs[2] or _own(view, node, 2) is not None


def _filters(node: Node, kernel: Array) -> int:
    return int(kernel.shape[0 if node.op == "Conv" else 1])


def _per_channel(view: View, node: Node, x: str, channels: int, ndim: int) -> tuple[str, Array] | None:
    """The other input of a node of two and its value, if it is one number for each channel, or for all."""
    if len(node.inputs) != 2 or node.inputs.count(x) != 1:
        return None
    name = node.inputs[1 - node.inputs.index(x)]
    value = view.value(name)
    if value is None or value.ndim > ndim or value.dtype.kind != "f" or node.version < 7:
        return None
    if name in view.graph.weights and (view.uses[name] != 1 or view.graph.weights[name].order is not None):
        return None
    shape = (1,) * (ndim - value.ndim) + value.shape
    if value.size not in (1, channels) or shape[1] != value.size:
        return None
    return name, np.broadcast_to(value.reshape(-1), (channels,))


def _affine(view: View, node: Node, x: str, channels: int, ndim: int) -> tuple[Array, Array, str] | None:
    """Factor, summand and the weight that it comes from, where a node computes ``x * factor + summand``."""
    if node.op == "BatchNormalization" and node.inputs[0] == x:
        if node.attributes.get("training_mode", 0) or (node.version < 7 and not node.attributes.get("is_test", 0)):
            return None
        if any(view.uses[n] for n in node.outputs[1:] if n):
            return None
        found = [view.value(n) for n in node.inputs[1:5]]
        if any(v is None or v.shape != (channels,) for v in found):
            return None
        scale, shift, mean, variance = (np.asarray(v, np.float64) for v in found)
        factor = scale / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
        return factor, shift - mean * factor, node.inputs[2]
    if node.op not in ("Mul", "Div", "Add", "Sub"):
        return None
    if node.op in ("Div", "Sub") and node.inputs[0] != x:
        return None
    other = _per_channel(view, node, x, channels, ndim)
    if other is None:
        return None
    name, value = other
    one, zero = np.ones(channels), np.zeros(channels)
    found_affine = {"Mul": (value, zero), "Div": (1 / value, zero), "Add": (one, value), "Sub": (one, -value)}
    return (*found_affine[node.op], name)


def behind(view: View, node: Node) -> bool:
    """What scales and shifts the channels of a convolution's result."""
    if not _foldable(view, node):
        return False
    reader = view.reader(node)
    if reader is None or reader.domain:
        return False
    kernel = view.graph.weights[node.inputs[1]]
    w = kernel.value
    affine = _affine(view, reader, node.outputs[0], _filters(node, w), w.ndim)
    if affine is None:
        return False
    factor, summand, name = affine
    shape = (-1, *(1,) * (w.ndim - 1)) if node.op == "Conv" else (1, -1, *(1,) * (w.ndim - 2))
    kernel.value = (w * factor.reshape(shape)).astype(w.dtype)
    if reader.op in _SHIFTS or len(node.inputs) > 2:
        _set_bias(view, node, factor, summand, name)
    node.outputs = [reader.outputs[0]]
    view.graph.nodes.remove(reader)
    return True


def _set_bias(view: View, node: Node, factor: Array, summand: Array, name: str) -> None:
    """``bias * factor + summand``; a new bias has the name of what it comes from."""
    if len(node.inputs) > 2 and node.inputs[2]:
        bias = view.graph.weights[node.inputs[2]]
        bias.value = (bias.value * factor + summand).astype(bias.value.dtype)
        return
    dtype = view.graph.weights[node.inputs[1]].value.dtype
    if name in view.graph.weights and view.uses[name] == 1:
        del view.graph.weights[name]
        view.uses[name] = 0
    node.inputs = [*node.inputs[:2], view.new_weight(name, summand.astype(dtype))]


def before(view: View, node: Node) -> bool:
    """What scales the channels of a convolution's input; what shifts them, where it adds no zeros around it."""
    if node.op != "Conv" or not _foldable(view, node) or node.attributes.get("auto_pad", "NOTSET") != "NOTSET":
        return False
    w, groups = view.graph.weights[node.inputs[1]].value, node.attributes.get("group", 1)
    maker = view.maker(node.inputs[0], "Mul", "Div", "Add", "Sub", "BatchNormalization")
    if maker is None:
        return False
    channels = w.shape[1] * groups
    x = next((n for n in maker.inputs if view.value(n) is None), None)
    affine = None if x is None else _affine(view, maker, x, channels, w.ndim)
    if x is None or affine is None:
        return False
    factor, summand, name = affine
    if maker.op in ("Mul", "Div", "Add", "Sub") and not (_size(view, name) == 1 or _has_channels(view, x, channels)):
        return False
    if maker.op in _SHIFTS and any(node.attributes.get("pads", ())):
        return False
    of_filter = np.repeat(np.arange(groups), w.shape[0] // groups)  # the group of each filter
    factors, summands = (v.reshape(groups, -1)[of_filter] for v in (factor, summand))  # (filters, channels / group)
    more = (w * summands.reshape(*summands.shape, *(1,) * (w.ndim - 2))).reshape(len(w), -1).sum(1)
    view.graph.weights[node.inputs[1]].value = (w * factors.reshape(*factors.shape, *(1,) * (w.ndim - 2))).astype(
        w.dtype
    )
    if maker.op in _SHIFTS:
        _set_bias(view, node, np.ones(len(w)), more, name)
    node.inputs[0] = x
    return True


def _size(view: View, name: str) -> int:
    value = view.value(name)
    return 0 if value is None else value.size


def _has_channels(view: View, x: str, channels: int) -> bool:
    """Whether a value surely has so many channels: one that has a single channel becomes wider by a factor of each."""
    for v in view.graph.inputs:
        if v.name == x:
            return v.shape is not None and v.shape[1:2] == (channels,)
    maker = view.makers.get(x)
    if maker is None or maker.op not in (*_CONVOLUTIONS, *_SHIFTS, "Mul", "Div"):
        return False
    if maker.op in _CONVOLUTIONS:
        kernel = view.value(maker.inputs[1])
        return kernel is not None and _filters(maker, kernel) == channels
    return any(_size(view, name) == channels for name in maker.inputs)


def activation(view: View, node: Node) -> bool:
    """An activation behind a convolution goes into its pass."""
    if node.op not in _CONVOLUTIONS:
        return False
    return fuse_activation(view, node)


def fuse_activation(view: View, node: Node) -> bool:
    """Let a node apply the activation behind it."""
    if "activation" in node.attributes:
        return False
    reader = view.reader(node)
    if reader is None or reader.domain or reader.op not in _FUSED:
        return False
    node.attributes = {**node.attributes, "activation": _FUSED[reader.op]}
    node.domain = OWN
    node.outputs = [reader.outputs[0]]
    view.graph.nodes.remove(reader)
    return True


def sum_activation(view: View, node: Node) -> bool:
    """relu behind an addition."""
    reader = view.reader(node) if node.op == "Add" and node.version >= 7 else None
    return reader is not None and reader.op == "Relu" and fuse_activation(view, node)


def store(view: View) -> None:
    """Kernels in Lamina's order: taps, in, out."""
    for node in view.graph.nodes:
        if node.op in _CONVOLUTIONS and node.inputs[1] in view.graph.weights:
            weight = view.graph.weights[node.inputs[1]]
            if weight.value.ndim < 3:
                continue  # refused in the first call
            weight.order = (*range(2, weight.value.ndim), 1, 0)
