"""A finished graph as an ONNX model: what the outputs need, under the names that users know; checked and written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from .._version import __version__
from ..layers import Layer
from ..saving.atomic import write_whole
from .graph import Graph, onnx_type
from .signature import Signature
from .values import Size, Value

_OPTIONAL_RESULTS = ("LSTM", "GRU", "RNN")
LARGEST = 2**31 - 1  # bytes that a protocol buffer can have


def as_model(graph: Graph, model: Layer, signature: Signature, outputs: list[Value], names: list[str]) -> Any:
    """The ModelProto, checked."""
    import onnx
    from onnx import helper, numpy_helper

    g = graph
    g.scope = ""
    ends = [_own_name(g, v) for v in outputs]
    needed, kept = set(ends), []
    for op, inputs, made, attributes in reversed(g.nodes):
        if not needed.isdisjoint(made):
            needed.update(inputs)
            for body in attributes.values():
                if isinstance(body, onnx.GraphProto):
                    needed.update(_read_by(body))
            kept.append((op, inputs, made, attributes))
    renamed = dict(zip(ends, _unused(names, {v.forms[v.plain] for v in g.inputs} | set(g.constants)), strict=True))
    nodes = []
    for op, inputs, made, attributes in reversed(kept):
        optional = op in _OPTIONAL_RESULTS  # those that nothing needs have no name
        results = [renamed.get(n, n) if n in needed or not optional else "" for n in made]
        while not results[-1]:
            results.pop()
        label = renamed.get(made[0], made[0])
        nodes.append(helper.make_node(op, [renamed.get(n, n) for n in inputs], results, name=label, **attributes))
    sources = [
        helper.make_tensor_value_info(v.forms[v.plain], onnx_type(s.dtype), list(s.shape))
        for v, s in zip(g.inputs, signature.sources, strict=True)
    ]
    known = {size: axis for v, s in zip(g.inputs, signature.sources, strict=True)
             for size, axis in zip(v.shape, s.shape, strict=True)}  # fmt: skip
    sinks = [
        helper.make_tensor_value_info(
            renamed[end], onnx_type(v.dtype), [known.get(n) if isinstance(n, Size) else n for n in v.shape]
        )
        for end, v in zip(ends, outputs, strict=True)
    ]
    constants = [numpy_helper.from_array(a, n) for n, a in g.constants.items() if n in needed]
    made = helper.make_graph(nodes, model.name, sources, sinks, constants)
    opsets = [helper.make_opsetid("", g.opset)]
    proto = helper.make_model(
        made, opset_imports=opsets, producer_name="lamina", producer_version=__version__,
        ir_version=max(8, helper.find_min_ir_version_for(opsets)),
    )  # fmt: skip
    if proto.ByteSize() > LARGEST:
        raise ValueError(f"{model._label()}: export: the model has 2 GB or more, which one ONNX file cannot hold")
    try:
        onnx.checker.check_model(proto, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:  # such as a type of numbers
        raise ValueError(f"{model._label()}: export: ONNX does not allow the node: {error}") from None
    return proto


def _own_name(g: Graph, v: Value) -> str:
    """The name of an output, which no input, constant or other output has."""
    name = g.name(v)
    taken = g.constants.keys() | {w.forms[w.plain] for w in g.inputs} | g.ends
    if name in taken:
        name = g.unique("Identity")
        g.nodes.append(("Identity", [g.name(v)], [name], {}))
    g.ends.add(name)
    return name


def _read_by(body: Any) -> Iterator[str]:
    """What the nodes of a graph inside of a node read, also those further inside."""
    for node in body.node:
        yield from node.input
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _read_by(attribute.g)


def _unused(names: list[str], taken: set[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        candidate, i = name, 0
        while candidate in taken or candidate in found:
            i += 1
            candidate = f"{name}_output" if i == 1 else f"{name}_output_{i - 1}"
        found.append(candidate)
    return found


def write(model: Any, path: Path) -> None:
    """Write a model aside and rename it."""

    def put(file: IO[bytes]) -> None:
        file.write(model.SerializeToString())

    write_whole(path, put)


def as_text(model: Any) -> str:
    """The nodes of a model without its constants, in ONNX's own notation."""
    import onnx

    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    del shown.graph.initializer[:]
    text: str = onnx.printer.to_text(shown)
    return text
