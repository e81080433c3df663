"""Files become graphs: protobuf is parsed and checked, weights are told from constants."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..core.autograd import Array
from ..saving import formats
from ..saving.atomic import read_whole
from .element_types import numpy_type, working, working_type
from .graph import Graph, Node, Value, Weight, branches

MOST_OPSET = 28
_STUB = "lamina.weight"  # the doc_string of an initializer whose values stand elsewhere
# Inputs that say how, not what: their floats are constants, whatever their size.
_OPTIONS = {
    "Clip": (1, 2), "Dropout": (1, 2), "OneHot": (1, 2), "Pad": (2,), "Range": (0, 1, 2), "Resize": (1, 2),
    "Upsample": (1,), "DequantizeLinear": (1, 2), "QuantizeLinear": (1, 2),
}  # fmt: skip
# Inputs that are weights even where they are a single number.
_WEIGHTS = {"Conv": (1, 2), "ConvTranspose": (1, 2), "Gemm": (1, 2), "PRelu": (1,), "BatchNormalization": (1, 2)}


def import_onnx() -> Any:
    """The package ``onnx``; an ImportError that says how to install it."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError('lamina.onnx needs the package onnx: pip install "lamina[onnx]"') from error
    return onnx


def parse(data: bytes, what: str) -> Any:
    """A ModelProto from bytes; ValueError that names ``what`` unless it is one with a graph."""
    onnx = import_onnx()
    try:
        model = onnx.ModelProto.FromString(data)
    except Exception as error:  # protobuf's DecodeError, whose home differs between releases
        told = formats.of_bytes(data)
        if told not in (None, formats.ONNX):
            raise ValueError(f"{what}: no ONNX file, but {told}") from None
        raise ValueError(f"{what}: no ONNX file, or cut short ({error})") from None
    if not model.HasField("graph") or (not model.graph.node and not model.graph.output):
        raise ValueError(f"{what}: no ONNX file: it holds no graph")
    if not model.opset_import:
        raise ValueError(f"{what}: says of no operator set which version it uses; the file is damaged")
    return model


def read(source: Any) -> tuple[Any, Path | None, str]:
    """The ModelProto of a path, bytes or a ModelProto, the folder of its external data, and its name in errors."""
    onnx = import_onnx()
    if isinstance(source, onnx.ModelProto):
        return parse(source.SerializeToString(), "onnx.load: the model"), None, "onnx.load: the model"
    if isinstance(source, (bytes, bytearray, memoryview)):
        return parse(bytes(source), "onnx.load: the bytes"), None, "onnx.load: the bytes"
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"onnx.load: expected a path, bytes or an onnx.ModelProto, got {type(source).__name__}")
    path = Path(source)
    return parse(read_whole(path), str(path)), path.resolve().parent, str(path)


def inlined(model: Any, what: str) -> Any:
    """The model with its own functions written out."""
    if not model.functions:
        return model
    import onnx.inliner

    try:
        return onnx.inliner.inline_local_functions(model)
    except Exception as error:  # what the C++ behind it throws
        raise ValueError(f"{what}: its functions cannot be written out ({error})") from None


class Reader:
    """Reads one model; ``what`` begins its errors."""

    def __init__(self, model: Any, folder: Path | None, what: str) -> None:
        self.model, self.folder, self.what = model, folder, what
        self.versions: dict[str, int] = {}
        for opset in model.opset_import:
            domain = "" if opset.domain == "ai.onnx" else opset.domain
            self.versions[domain] = opset.version
            if domain == "" and not 1 <= opset.version <= MOST_OPSET:
                raise ValueError(
                    f"{what}: uses version {opset.version} of ONNX's operators, versions up to {MOST_OPSET} can be read"
                )

    def graph(self) -> Graph:
        """The model's graph; constants and weights of branches stand among its own."""
        self._taken: set[str] = set()
        self._constants: dict[str, Array] = {}
        self._initializers: set[str] = set()
        graph = self._graph(self.model.graph, {}, {t.name for t in self.model.graph.initializer})
        roles = _roles(graph.nodes)
        for name, array in self._constants.items():
            if _is_weight(array, roles.get(name, set()), name in self._initializers):
                statistics = {("BatchNormalization", 3), ("BatchNormalization", 4)}
                graph.weights[name] = Weight(array, not roles[name] & statistics)
            else:
                graph.constants[name] = array
        return graph

    def _graph(self, proto: Any, outer: dict[str, str], defaults: set[str]) -> Graph:
        """A graph inside of which names stand for the values that ``outer`` says; its own become unique."""
        scope = dict(outer)
        own: set[str] = set()

        def new(name: str, label: str) -> str:
            if not name:
                return ""
            if name in own:
                raise ValueError(f"{self.what}: {name!r} is given twice, {label} again")
            own.add(name)
            scope[name] = name
            while scope[name] in self._taken:
                scope[name] += "'"
            self._taken.add(scope[name])
            return scope[name]

        if proto.sparse_initializer:
            name = proto.sparse_initializer[0].values.name
            raise ValueError(f"{self.what}: sparse initializers, such as {name!r}, cannot be read")
        for t in proto.initializer:
            name = new(t.name, "by an initializer")
            self._constants[name] = self._array(t)
            self._initializers.add(name)
        inputs = [self._value(v, new(v.name, "as an input")) for v in proto.input if v.name not in defaults]
        nodes: list[Node] = []
        for p in proto.node:
            label = f"{p.op_type} node {p.name or next(filter(None, p.output), '')!r}"
            if p.op_type == "Constant" and p.domain in ("", "ai.onnx") and len(p.output) == 1:
                self._constants[new(p.output[0], f"by the {label}")] = self._constant(p)
                continue
            _check_counts(p, self.versions, f"{self.what}: the {label}")
            missing = [name for name in p.input if name and name not in scope]
            if missing:
                raise ValueError(
                    f"{self.what}: the {label} reads {missing[0]!r}, which neither an input, an initializer nor a node "
                    "before it gives"
                )
            names = [scope.get(name, "") for name in p.input]
            attributes = {a.name: self._attribute(a, scope) for a in p.attribute}
            domain = "" if p.domain == "ai.onnx" else p.domain
            version = self.versions.get(domain, 1)
            outputs = [new(name, f"by the {label}") for name in p.output]
            nodes.append(Node(p.op_type, names, outputs, attributes, p.name, domain, version))
        missing = [v.name for v in proto.output if v.name not in scope]
        if missing:
            raise ValueError(f"{self.what}: nothing gives its output {missing[0]!r}")
        return Graph(nodes, inputs, [self._value(v, scope[v.name]) for v in proto.output])

    def _value(self, proto: Any, name: str) -> Value:
        label = f"{self.what}: {proto.name!r}"
        kind = proto.type.WhichOneof("value")
        if kind not in ("tensor_type", None):
            raise ValueError(f"{label} is a {kind.removesuffix('_type')}, only tensors can be read")
        tensor = proto.type.tensor_type
        declared = numpy_type(tensor.elem_type, label) if kind and tensor.elem_type else np.dtype(np.float32)
        shape = None
        if kind and tensor.HasField("shape"):
            shape = tuple(d.dim_value if d.dim_value > 0 else None for d in tensor.shape.dim)
        return Value(name, working_type(declared), shape, declared)

    def _constant(self, proto: Any) -> Array:
        label = f"{self.what}: Constant node {proto.output[0]!r}"
        if len(proto.attribute) != 1:
            raise ValueError(f"{label} must have one value, has {len(proto.attribute)}")
        a = proto.attribute[0]
        if a.name == "value" and a.HasField("t"):
            return self._array(a.t, proto.output[0])
        kinds = {"value_int": np.int64, "value_ints": np.int64, "value_float": np.float32, "value_floats": np.float32}
        if a.name not in kinds:
            raise ValueError(f"{label} has a {a.name}, only tensors of numbers can be read")
        field = {"value_int": a.i, "value_ints": list(a.ints), "value_float": a.f, "value_floats": list(a.floats)}
        return np.array(field[a.name], kinds[a.name])

    def _attribute(self, a: Any, scope: dict[str, str]) -> Any:
        from onnx import AttributeProto as Kind

        if a.ref_attr_name:
            raise ValueError(f"{self.what}: attribute {a.name!r} refers to that of a function outside of any")
        if a.type == Kind.GRAPH:
            return self._graph(a.g, scope, set())
        if a.type == Kind.TENSOR:
            return self._array(a.t, a.name)
        if a.type == Kind.STRING:
            return a.s.decode("utf-8", "replace")
        if a.type == Kind.STRINGS:
            return [s.decode("utf-8", "replace") for s in a.strings]
        simple = {Kind.INT: a.i, Kind.FLOAT: a.f, Kind.INTS: list(a.ints), Kind.FLOATS: list(a.floats)}
        if a.type not in simple:
            raise ValueError(f"{self.what}: attribute {a.name!r} is of a kind that cannot be read ({a.type})")
        return simple[a.type]

    def _array(self, t: Any, name: str = "") -> Array:
        from onnx import TensorProto, numpy_helper

        label = f"{self.what}: tensor {t.name or name!r}"
        dims = tuple(t.dims)
        dtype = numpy_type(t.data_type, label)
        if any(d < 0 for d in dims) or math.prod(dims) > 2**40:
            raise ValueError(f"{label} has impossible sizes {dims}")
        if t.doc_string == _STUB:
            return np.broadcast_to(np.zeros((), working_type(dtype)), dims)
        if t.data_location == TensorProto.EXTERNAL:
            return self._external(t, label, dims, dtype)
        if t.raw_data and dtype.itemsize and len(t.raw_data) < math.prod(dims) * dtype.itemsize // 8:
            raise ValueError(f"{label} of shape {dims} has {len(t.raw_data)} bytes of values")
        if not t.raw_data and math.prod(dims) > 8 * t.ByteSize() + 8:  # > and 8 are free: a byte holds two at most
            raise ValueError(f"{label} of shape {dims} has no values")
        try:
            array = np.asarray(numpy_helper.to_array(t))
        except Exception as error:  # whatever the values raise on their way
            raise ValueError(f"{label} of shape {dims} is damaged ({error})") from None
        if array.shape != dims:
            raise ValueError(f"{label} has values of shape {array.shape}, expected {dims}")
        return working(array)

    def _external(self, t: Any, label: str, dims: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        entry = {e.key: e.value for e in t.external_data}
        location = entry.get("location", "")
        if self.folder is None:
            raise ValueError(f"{label} stands in the file {location!r}; give the path of the model in place of its "
                             "content, so that it can be found")  # fmt: skip
        path = Path(os.path.realpath(self.folder / location))
        if not location or not path.is_relative_to(os.path.realpath(self.folder)):
            raise ValueError(f"{label} stands in {location!r}, which is outside of the model's folder")
        if not path.is_file():
            raise ValueError(f"{label} stands in {location!r}, which is not there")
        size = math.prod(dims) * dtype.itemsize
        try:
            offset, length = int(entry.get("offset", 0)), int(entry.get("length", size) or size)
        except ValueError:
            raise ValueError(f"{label} has no numbers for its place in {location!r}: {entry}") from None
        if length != size or offset < 0 or offset + size > path.stat().st_size:
            raise ValueError(f"{label} of {size} bytes does not stand in {location!r} at {offset}, length {length}")
        array = np.fromfile(path, dtype.newbyteorder("<"), math.prod(dims), offset=offset).reshape(dims)
        return working(array)


def _check_counts(p: Any, versions: dict[str, int], label: str) -> None:
    """ValueError for numbers of inputs and outputs that the operator does not have."""
    import onnx.defs

    domain = "" if p.domain == "ai.onnx" else p.domain
    try:
        schema = onnx.defs.get_schema(p.op_type, versions.get(domain, 1), domain)
    except Exception:  # onnx's own class, where it knows no such operator; refused later, with all others
        return
    sides = (("inputs", p.input, schema.min_input, schema.max_input),
             ("outputs", p.output, schema.min_output, schema.max_output))  # fmt: skip
    for what, names, least, most in sides:
        if not least <= len(names) <= most:
            raise ValueError(f"{label} has {len(names)} {what}, expected {least} to {most}")
    if any(not name for name in list(p.input)[: schema.min_input]):
        raise ValueError(f"{label} lacks one of its first {schema.min_input} inputs")


def _roles(nodes: list[Node]) -> dict[str, set[tuple[str, int]]]:
    """By value, the operators that read it and at which place; also those behind an Identity or a Cast."""
    found: dict[str, set[tuple[str, int]]] = {}

    def note(nodes: list[Node]) -> None:
        for node in reversed(nodes):
            for inner in branches(node):
                note(inner.nodes)
            behind = found.get(node.outputs[0]) if node.op in ("Identity", "Cast") else None
            for i, name in enumerate(node.inputs):
                found.setdefault(name, set()).update(behind or {(node.op, i)})

    note(nodes)
    return found


def _is_weight(array: Array, roles: set[tuple[str, int]], initializer: bool) -> bool:
    """Whether a constant of the file is a variable: floats that are computed with, other than single numbers."""
    if array.dtype.kind != "f" or not roles or all(i in _OPTIONS.get(op, ()) for op, i in roles):
        return False
    if array.size > 1 or any(i in _WEIGHTS.get(op, ()) for op, i in roles):
        return True
    return initializer and array.ndim > 0 and array.size == 1


def without_values(model: Any, names: set[str]) -> bytes:
    """The model's bytes without the values of these tensors, which a file keeps as weights; branches keep theirs."""
    slim = type(model)()
    slim.CopyFrom(model)

    for t in slim.graph.initializer:
        if t.name in names:
            _empty(t)
    for node in slim.graph.node:
        if node.op_type == "Constant" and node.output[0] in names:
            for a in node.attribute:
                if a.name == "value":
                    _empty(a.t)
    return bytes(slim.SerializeToString())


def _empty(t: Any) -> None:
    for field in ("raw_data", "float_data", "double_data", "int32_data", "external_data", "data_location"):
        t.ClearField(field)
    t.doc_string = _STUB
