"""Pictures of models: plot_model and model_to_dot, without graphviz."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any

from ..core.suggest import unknown
from ..core.tree import flatten
from ..layers import Layer
from ..layers.op_layer import OpLayer
from ..plot.diagram import DIRECTIONS, Network, Part, picture
from ..plot.drawing import Drawing
from ..saving.atomic import as_path, write_whole

_FORMATS = {".svg": "svg", ".png": "png", ".pdf": "pdf", ".jpg": "jpg", ".jpeg": "jpg", ".dot": "dot"}
_KINDS = {  # what the rooms of layers hold
    "dense": "dense", "einsum_dense": "dense", "embedding": "dense", "convolution": "convolution",
    "depthwise_convolution": "convolution", "pooling": "pooling", "adaptive_pooling": "pooling",
    "unpooling": "pooling", "upsampling": "pooling", "normalization": "normalization",
    "batch_normalization": "normalization", "activation": "activation", "recurrent": "recurrent",
    "conv_lstm": "recurrent", "bidirectional": "recurrent", "attention": "attention",
    "sequence_attention": "attention", "transformer": "attention", "elementwise": "merge", "linear_algebra": "merge",
}  # fmt: skip


class ModelPicture:
    """The picture of a model, which notebooks show; made by ``plot_model`` and ``model_to_dot``."""

    def __init__(self, network: Network, rankdir: str, name: str) -> None:
        self._network, self._rankdir, self._name = network, rankdir, name

    def _drawing(self) -> Drawing:
        return picture(self._network, self._rankdir, f"model {self._name}")

    def to_svg(self) -> str:
        """The picture as the text of an SVG file."""
        return self._drawing().svg()

    def to_string(self) -> str:
        """The graph in the language of graphviz, for other programs that draw."""
        lines = [f"digraph {_quoted(self._name)} {{", f"  rankdir={self._rankdir};", "  node [shape=box];"]
        return "\n".join([*lines, *_dot_lines(self._network, "n", "  "), "}", ""])

    def save(self, to_file: str | os.PathLike[str], dpi: float = 200) -> None:
        """Write the picture.

        Args:
            to_file: name of the file: ".svg"; ".png", ".pdf" or ".jpg", which need matplotlib; ".dot" for graphviz.
            dpi: dots per inch of PNG and JPEG.

        Raises:
            ValueError: the name ends otherwise, or ``dpi`` is not positive.
            ImportError: matplotlib is missing.
        """
        path = as_path("plot_model: to_file", to_file)
        kind = _FORMATS.get(path.suffix.lower())
        if kind is None:
            raise unknown("format of plot_model: to_file ends in", path.suffix, _FORMATS)
        if not dpi > 0:
            raise ValueError(f"plot_model: dpi must be positive, got {dpi!r}")
        if kind in ("svg", "dot"):
            written = (self.to_svg() if kind == "svg" else self.to_string()).encode()
        else:
            buffer = io.BytesIO()
            self._drawing().save(buffer, kind, dpi)
            written = buffer.getvalue()
        write_whole(path, lambda file: file.write(written))

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def __repr__(self) -> str:
        return f"<picture of model {self._name!r}: {len(self._network.parts)} boxes>"


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> ModelPicture:
    """The picture of a model, as an object.

    Keras returns pydot's graph; this one has ``to_string()``, the same language, and ``to_svg()``, and is shown by
    notebooks.

    Args:
        model: the model, built or called; one that is neither is drawn without shapes.
        show_shapes: whether the shapes of inputs and outputs are shown.
        show_dtype: whether the type is shown.
        show_layer_names: whether the layers' names are shown.
        rankdir: where the network goes: "TB" from top to bottom, "BT", "LR" or "RL".
        expand_nested: whether the layers of models inside are shown, in a frame.
        dpi: an option of Keras without effect here: the picture has no dots before it is saved.
        subgraph: True is not supported.
        show_layer_activations: whether activation functions are shown.
        show_trainable: whether it is shown which layers are trained.

    Raises:
        TypeError: it is no model.
        ValueError: ``rankdir`` is another one.

    Source: Keras 3, model_to_dot.

    Example:
        >>> model = lamina.Sequential([lamina.Input((4,)), layers.Dense(2, name="last")], name="small")
        >>> print(utils.model_to_dot(model).to_string().splitlines()[-2])
          n0 -> n1;
    """
    if not isinstance(model, Layer) or not hasattr(model, "_graph"):
        raise TypeError(f"plot_model: expected a model, got {model!r}")
    if rankdir not in DIRECTIONS:
        raise unknown("rankdir of plot_model", rankdir, DIRECTIONS)
    if subgraph:
        raise ValueError("model_to_dot: subgraph=True is not supported")
    shown = _Shown(
        show_shapes, show_dtype, show_layer_names, expand_nested, show_layer_activations, show_trainable
    )  # fmt: skip
    return ModelPicture(shown.network(model), rankdir, model.name)


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> ModelPicture:
    """Draw a model to a file; graphviz is not needed.

    Args:
        model: the model, built or called; one that is neither is drawn without shapes.
        to_file: name of the file: ".svg"; ".png", ".pdf" or ".jpg", which need matplotlib; ".dot"; None writes none.
        show_shapes: whether the shapes of inputs and outputs are shown.
        show_dtype: whether the type is shown.
        show_layer_names: whether the layers' names are shown.
        rankdir: where the network goes: "TB" from top to bottom, "BT", "LR" or "RL".
        expand_nested: whether the layers of models inside are shown, in a frame.
        dpi: dots per inch of PNG and JPEG.
        show_layer_activations: whether activation functions are shown.
        show_trainable: whether it is shown which layers are trained.

    Returns: the picture, which notebooks show.

    Raises:
        TypeError: it is no model.
        ValueError: ``rankdir`` or the end of the name is another one.
        ImportError: matplotlib is missing, and the file is not SVG.

    Source: Keras 3, plot_model.

    Example:
        >>> model = lamina.Sequential([lamina.Input((4,)), layers.Dense(2)], name="small")
        >>> utils.plot_model(model, "small.svg", show_shapes=True)
        <picture of model 'small': 2 boxes>
    """
    options = (show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi, False)
    drawn = model_to_dot(model, *options, show_layer_activations, show_trainable)
    if to_file is not None:
        drawn.save(to_file, dpi)
    return drawn


class _Shown:
    """What of a model is shown."""

    def __init__(
        self, shapes: bool, dtype: bool, names: bool, nested: bool, activations: bool, trainable: bool
    ) -> None:
        self.shapes, self.dtype, self.names = shapes, dtype, names
        self.nested, self.activations, self.trainable = nested, activations, trainable

    def network(self, model: Any) -> Network:
        """A box for each layer of a model."""
        if model._graph is not None:
            return self._of_graph(model._graph)
        drawn = model._draw_late() if hasattr(model, "_draw_late") else None
        if drawn is not None and model.layers:
            return self._of_stack(model, drawn)
        calls, _ = model._observed_calls()
        if calls:
            return self._of_calls(calls)
        return Network([self.part(layer, [], [], 1) for layer in model.layers] or [self.part(model, [], [], 1)])

    def _of_graph(self, graph: Any) -> Network:
        first = zip(graph.input_layers, graph.sources, strict=True)
        parts = {id(t): self.part(layer, [], [t.shape], 1) for layer, t in first}
        place = {key: i for i, key in enumerate(parts)}
        network = Network(list(parts.values()))
        calls: dict[int, list[Any]] = {}
        for node in graph.nodes:
            calls.setdefault(id(node.layer), []).append(node)
        for node in graph.nodes:
            first = calls[id(node.layer)][0]
            if node is first:
                shapes = [t.shape for t in node.inputs], [t.shape for t in flatten(node.outputs)]
                network.parts.append(self.part(node.layer, *shapes, len(calls[id(node.layer)])))
                place[id(node.layer)] = len(network.parts) - 1
            own = place[id(node.layer)]
            network.links += [(place[id(t)], own) for t in node.inputs]
            place.update((id(t), own) for t in flatten(node.outputs))
        return network

    def _of_stack(self, model: Any, drawn: Sequence[Any]) -> Network:
        layers = ([model._input] if drawn else []) + model.layers
        shapes = [[t.shape for t in flatten(each)] for each in drawn] or [[] for _ in layers]
        parts = [self.part(layer, [] if i == 0 else shapes[i - 1], shapes[i], 1) for i, layer in enumerate(layers)]
        return Network(parts, [(i, i + 1) for i in range(len(parts) - 1)])

    def _of_calls(self, calls: Sequence[Any]) -> Network:
        network, place, own = Network([Part("Input", kind="input")]), [], dict[int, int]()
        for call in calls:
            times = sum(c.layer is call.layer for c in calls)
            if id(call.layer) not in own:
                own[id(call.layer)] = len(network.parts)
                network.parts.append(self.part(call.layer, call.inputs, call.outputs, times))
            place.append(own[id(call.layer)])
            network.links += [(0 if s < 0 else place[s], place[-1]) for s in call.sources]
        return network

    def part(self, layer: Layer, inputs: Sequence[Any], outputs: Sequence[Any], times: int) -> Part:
        """The box of a layer."""
        rows = []
        if self.activations and getattr(layer, "activation", None) is not None:
            rows.append(f"activation: {getattr(layer.activation, '__name__', type(layer.activation).__name__)}")  # type: ignore[attr-defined]
        if self.shapes and outputs:
            rows.append(" → ".join(_shapes(s) for s in (inputs, outputs) if s))
        if self.dtype:
            rows.append(layer.dtype)
        if self.trainable and layer.weights:
            rows.append("trained" if layer.trainable else "frozen")
        subtitle = layer.name if self.names else ""
        if times > 1:
            subtitle = f"{subtitle} (called {times} times)".lstrip()
        module = type(layer).__module__
        kind = _KINDS.get(module.rpartition(".")[2], "other") if module.startswith("lamina.") else "other"
        kind = "input" if type(layer).__name__ == "InputLayer" else kind
        nested = self.nested and hasattr(layer, "_graph")
        inner = self.network(layer) if nested else None
        title = f"ops.{layer.function.__name__}" if isinstance(layer, OpLayer) else type(layer).__name__
        return Part(title, subtitle, rows, kind, inner)


def _shapes(shapes: Sequence[Any]) -> str:
    """One shape, or several, equal ones as their number."""
    texts = [str(tuple(s)) for s in shapes]
    if len(texts) > 1 and len(set(texts)) == 1:
        return f"{len(texts)} \N{MULTIPLICATION SIGN} {texts[0]}"
    return ", ".join(texts) if len(texts) <= 3 else f"{texts[0]}, … {texts[-1]} ({len(texts)})"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _dot_lines(network: Network, prefix: str, indent: str) -> list[str]:
    lines = []
    for i, part in enumerate(network.parts):
        label = _quoted("\n".join(t for t in (part.title, part.subtitle, *part.rows) if t))
        if part.inner is None:
            lines.append(f"{indent}{prefix}{i} [label={label}];")
        else:
            inner = _dot_lines(part.inner, f"{prefix}{i}_", f"{indent}  ")
            lines += [f"{indent}subgraph cluster_{prefix}{i} {{", f"{indent}  label={label};", *inner, f"{indent}}}"]
    for a, b in network.links:
        lines.append(f"{indent}{_end(network, prefix, a, last=True)} -> {_end(network, prefix, b, last=False)};")
    return list(dict.fromkeys(lines))


def _end(network: Network, prefix: str, place: int, last: bool) -> str:
    """The name of a box, of a frame that of the last or first box inside."""
    inner, name = network.parts[place].inner, f"{prefix}{place}"
    if inner is None:
        return name
    return _end(inner, f"{name}_", len(inner.parts) - 1 if last else 0, last)


__all__ = ["model_to_dot", "plot_model"]
