"""model.summary(): a table of the layers, the numbers of parameters, and how many layers a network has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.tree import flatten, is_shape
from ..layers import Layer
from .trainer import Trainer

if TYPE_CHECKING:
    from .model import Model


def print_summary(
    model: Model, line_length: int | None, print_fn: Callable[[str], Any], expand_nested: bool, show_trainable: bool
) -> None:
    """Print the table line by line."""
    linear = _is_linear(model)
    header = ["Layer (type)", "Output Shape", "Param #"]
    header += ([] if linear else ["Connected to"]) + (["Trainable"] if show_trainable else [])
    rows = model._summary_rows(show_trainable) or list(_rows(model, linear, expand_nested, show_trainable, ""))
    widths = _widths(header, rows, line_length)
    print_fn(f'Model: "{model.name}"')
    for line in _table(header, rows, widths):
        print_fn(line)
    for line in totals(model):
        print_fn(line)


def totals(model: Model) -> Iterator[str]:
    """The lines below the table: numbers of parameters and of layers."""
    trainable, fixed = model.trainable_weights, model.non_trainable_weights
    for what, weights in (("Total", [*trainable, *fixed]), ("Trainable", trainable), ("Non-trainable", fixed)):
        count, size = sum(v.size for v in weights), sum(v.numpy().nbytes for v in weights)
        yield f" {what} params: {count:,} ({_bytes(size)})"
    if model.optimizer is not None and (state := model.optimizer.get_state()):
        count, size = sum(a.size for a in state.values()), sum(a.nbytes for a in state.values())
        yield f" Optimizer params: {count:,} ({_bytes(size)})"
    hidden, output = layer_counts(model)
    if _inner(model):
        yield f" Layers: {hidden + output} = {hidden} hidden + {output} output (those with weights; inputs not counted)"


def layer_counts(model: Model) -> tuple[int, int]:
    """(hidden, output): how many layers with weights lie before and at the outputs; inputs are not counted.

    Models inside are counted by their layers, other layers as one each, shared ones once.
    """
    total = len({id(layer) for layer in _weighted(model)})
    outputs = min(total, len(model.outputs or [None]))
    return total - outputs, outputs


def _inner(layer: Any) -> list[Layer]:
    """The layers of a model; none of a plain layer."""
    layers: list[Layer] = getattr(layer, "layers", []) if isinstance(layer, Trainer) else []
    return layers


def _weighted(model: Layer) -> list[Layer]:
    found: list[Layer] = []
    for layer in _inner(model):
        if isinstance(layer, Trainer):
            found += _weighted(layer)
        elif layer.weights:
            found.append(layer)
    return found


@dataclass
class Entry:
    """A layer in the table; ``inner`` is a model whose layers can be shown, too."""

    layer: Layer
    shape: str
    count: str
    inner: Any


def entries(model: Any) -> Iterator[Entry]:
    """The layers of a model, with the shapes of what they give and their numbers of parameters."""
    stack = hasattr(model, "_draw_late")
    if stack:
        model._draw_late()  # with which its layers know their shapes
    has_call = model._graph is None and not stack
    calls = model._observed_calls()[0] if has_call and model.built else []
    seen = {id(call.layer): call.outputs for call in reversed(calls)}  # the first call of each
    for layer in _inner(model):
        count = f"{sum(v.size for v in layer.weights):,}" if layer.built else "0 (unbuilt)"
        shapes = seen.get(id(layer))
        shape = _output_shape(layer) if not shapes else ", ".join(map(_shape, shapes))
        yield Entry(layer, shape, count, layer if isinstance(layer, Trainer) else None)


def _rows(model: Any, linear: bool, expand: bool, trainable: bool, indent: str) -> list[list[str]]:
    rows = []
    for entry in entries(model):
        layer = entry.layer
        row = [f"{indent}{layer.name} ({type(layer).__name__})", entry.shape, entry.count]
        if not linear:
            row.append(_sources(model, layer))
        if trainable:
            row.append(("Y" if layer.trainable else "N") if layer.weights else "-")
        rows.append(row)
        if expand and entry.inner is not None:
            rows += _rows(layer, linear, expand, trainable, f"{indent}  └ ")
    return rows


def _output_shape(layer: Layer) -> str:
    if layer._nodes:
        shapes = [t.shape for t in flatten(layer._nodes[0].outputs)]
        return _shape(shapes[0]) if len(shapes) == 1 else ", ".join(map(_shape, shapes))
    given = list((layer._build_arguments or {}).values())
    if len(given) == 1 and is_shape(given[0]):
        try:
            shape = layer.compute_output_shape(given[0])
            return _shape(shape) if is_shape(shape) else ", ".join(map(_shape, shape))
        except (ValueError, TypeError, NotImplementedError):
            pass  # a layer whose shape cannot be told without its real input
    return "?"


def _shape(shape: Any) -> str:
    return str(tuple(shape)).replace(",)", ")") if len(shape) == 1 else str(tuple(shape))


def _sources(model: Model, layer: Layer) -> str:
    graph = model._graph
    nodes = [] if graph is None else [n for n in graph.nodes if n.layer is layer]
    names = [t.node.layer.name for n in nodes for t in n.inputs if t.node is not None]
    return ", ".join(names) or "-"


def _is_linear(model: Model) -> bool:
    graph = model._graph
    if graph is None:
        return True
    calls = [n.layer for n in graph.nodes]
    shared = len({id(layer) for layer in calls}) < len(calls)
    used = [id(t) for n in graph.nodes for t in n.inputs]
    return not shared and all(len(n.inputs) == 1 for n in graph.nodes) and len(set(used)) == len(used)


def _widths(header: list[str], rows: list[list[str]], line_length: int | None) -> list[int]:
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    spare = (line_length or 0) - sum(widths) - 3 * len(widths) - 1
    if spare > 0:
        widths[0] += spare
    if line_length is not None and spare < 0:
        widths[0] = max(8, widths[0] + spare)
    return widths


def _table(header: list[str], rows: list[list[str]], widths: list[int]) -> list[str]:
    def rule(left: str, middle: str, right: str, dash: str) -> str:
        return left + middle.join(dash * (w + 2) for w in widths) + right

    def line(cells: list[str], bar: str) -> str:
        fitted = [c if len(c) <= w else c[: w - 1] + "…" for c, w in zip(cells, widths, strict=True)]
        padded = [c.rjust(w) if i == 2 else c.ljust(w) for i, (c, w) in enumerate(zip(fitted, widths, strict=True))]
        return f"{bar} " + f" {bar} ".join(padded) + f" {bar}"

    body = [line(row, "│") for row in rows]
    return [rule("┏", "┳", "┓", "━"), line(header, "┃"), rule("┡", "╇", "┩", "━"), *body, rule("└", "┴", "┘", "─")]


def _bytes(n: float) -> str:
    for unit in ("B", "KB", "MB"):
        if n < 1024:
            return f"{n:.2f} {unit}"
        n /= 1024
    return f"{n:.2f} GB"
