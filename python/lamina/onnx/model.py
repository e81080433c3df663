"""The model that ``load`` returns."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import ops
from ..core import registry
from ..core.arrays import about
from ..core.autograd import Array, Tensor
from ..layers import SymbolicTensor, Variable
from ..layers.variable import check_numbers
from ..models import Model
from ..ops.conversion import as_tensor
from . import operators as _operators  # noqa: F401 (registers them)
from .execution import Executor, as_result
from .folding import fold
from .graph import Graph
from .layout import Ordered
from .lifting import lift
from .reading import Reader, import_onnx, inlined, parse, read, without_values


class ONNXModel(Model):
    """A graph of an ONNX file as a model: ``lamina.onnx.load`` makes it.

    Weights have the names of the file and the layout of Lamina's kernels: of a convolution (taps..., in, out).

    Args:
        graph: the file's graph without its weights, compressed and as text: what ``get_config`` gives.
        constants: {name of an input: its value} for inputs that never change.
        optimize: whether nodes are put together and weights are stored as kernels want them.
        name: name of the model; None takes the graph's.
        **kwargs: options of every layer: ``trainable``, ``dtype``.

    Call args:
        inputs: a tensor; of several inputs a list in the order of ``input_names``, or a dict by name.
        training: whether Dropout nodes drop.
        mask: not looked at.

    Raises:
        ValueError: the graph is damaged, or holds what cannot be computed.
    """

    def __init__(
        self,
        graph: str,
        constants: Mapping[str, Any] | None = None,
        optimize: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(graph, str):
            raise TypeError(f"ONNXModel: graph must be text, got {about(graph)}; lamina.onnx.load reads files")
        proto = parse(_decoded(graph), "ONNXModel: the graph")
        self._from(proto, Reader(proto, None, "ONNXModel: the graph"), constants, optimize, name, kwargs)
        self._text = graph

    @classmethod
    def _of(cls, source: Any, constants: Any, optimize: bool, name: str | None) -> ONNXModel:
        """The model of a file, with its weights."""
        proto, folder, what = read(source)
        proto = inlined(proto, what)
        model = cls.__new__(cls)
        names = model._from(proto, Reader(proto, folder, what), constants, optimize, name, {})
        model._text = base64.b64encode(zlib.compress(without_values(proto, names), 9)).decode()
        return model

    def _from(self, proto: Any, reader: Reader, constants: Any, optimize: bool, name: Any, kwargs: Any) -> set[str]:
        """Make the model; the names of tensors of the file that became weights."""
        graph = reader.graph()
        found = set(graph.weights)
        check_numbers(reader.what, sum(w.value.size for w in graph.weights.values()))
        given = _prepared(reader.what, graph, constants, optimize)
        floats = [v.dtype for v in graph.inputs if v.dtype.kind == "f"]
        floats += [w.value.dtype for w in graph.weights.values()]
        kwargs.setdefault("dtype", floats[0] if floats else None)
        self._arguments = ((), {})
        super().__init__(name=name or _name(proto.graph.name), **kwargs)
        self._what, self._given, self._optimize = reader.what, given, optimize
        self._executor = Executor(graph, reader.what)
        self._inputs, self._outputs = graph.inputs, graph.outputs
        self._shown = [(n.name or next(filter(None, n.outputs), ""), n.op, tuple(n.inputs)) for n in graph.nodes]
        self._orders = {}
        self._named: dict[str, Variable] = {}
        for key, weight in graph.weights.items():
            value = weight.value if weight.order is None else weight.value.transpose(weight.order)
            variable = self.add_weight(value.shape, "zeros", value.dtype, weight.trainable, name=key)
            variable.assign(value)
            self._named[key], self._orders[key] = variable, weight.order
        self._built = True
        if all(v.shape is not None for v in graph.inputs):  # what an export asks for
            symbols = [SymbolicTensor(v.shape, v.dtype) for v in graph.inputs]
            vars(self)["_first_call"] = (symbols if len(symbols) > 1 else symbols[0],) if symbols else ()
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Without what runs the graph, which is made of it again."""
        return {name: value for name, value in super().__getstate__().items() if name != "_executor"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        proto = parse(_decoded(self._text), self._what)
        graph = Reader(proto, None, self._what).graph()
        _prepared(self._what, graph, self._given, self._optimize)
        vars(self)["_executor"] = Executor(graph, self._what)

    def _summary_rows(self, show_trainable: bool) -> list[list[str]]:
        """A row a node; a weight counts where it is read first."""
        rows, left = [], dict(self._named)
        for name, op, inputs in self._shown:
            weights = [left.pop(key) for key in inputs if key in left]
            row = [f"{name} ({op})", "?", f"{sum(v.size for v in weights):,}"]
            trained = any(v.trainable for v in weights)
            rows.append([*row, *([("Y" if trained else "N") if weights else "-"] if show_trainable else [])])
        return rows

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs, in the order of a list of them."""
        return [v.name for v in self._inputs]

    @property
    def output_names(self) -> list[str] | None:  # type: ignore[override]
        """Names of the outputs."""
        return [v.name for v in self._outputs]

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """The outputs of the graph.

        Args:
            inputs: a tensor; of several inputs a list in the order of ``input_names``, or a dict by name.
            training: whether Dropout nodes drop.
            mask: not looked at.

        Returns: a tensor, or a list of them.

        Raises:
            ValueError: inputs are missing or do not fit.
        """
        given: dict[str, Any] = dict(self._matched(inputs))
        for key, variable in self._named.items():
            order = self._orders[key]
            given[key] = variable if order is None else Ordered(variable, order)
        results = [as_result(y) for y in self._executor.run(given)]
        return results[0] if len(results) == 1 else results

    def _matched(self, inputs: Any) -> dict[str, Tensor]:
        """Each input's tensor, checked against what the file says of it."""
        names = self.input_names
        if isinstance(inputs, Mapping):
            unknown = [k for k in inputs if k not in names]
            missing = [k for k in names if k not in inputs]
            if unknown or missing:
                raise ValueError(f"expected inputs {names}, got {list(inputs)}")
            inputs = [inputs[k] for k in names]
        elif not isinstance(inputs, (list, tuple)):
            inputs = [inputs]
        if not names and len(inputs) == 1 and np.size(inputs[0]) == 0:  # an empty list, as layers get it
            inputs = []
        if len(inputs) != len(names):
            raise ValueError(f"expected {len(names)} inputs, {names}, got {len(inputs)}")
        found = {}
        for v, x in zip(self._inputs, inputs, strict=True):
            t = as_tensor(x)
            if t.dtype != v.dtype:
                if t.dtype.kind == "f" and v.dtype.kind in "iub":
                    raise TypeError(f"input {v.name!r} must be of type {v.dtype}, got {t.dtype}")
                t = ops.cast(t, v.dtype)
            if not v.accepts(t.shape):
                raise ValueError(f"input {v.name!r} is {t.shape}, expected {v.shape} (None = any size)")
            found[v.name] = t
        return found

    def build(self, input_shape: Any = None) -> None:
        """Nothing to do: the weights are there.

        Args:
            input_shape: not looked at.
        """

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return None

    def get_config(self) -> dict[str, Any]:
        constants = {k: {"dtype": str(v.dtype), "value": v.tolist()} for k, v in self._given.items()}
        return {
            "graph": self._text, "constants": constants, "optimize": self._optimize, "name": self.name,
            "trainable": self._trainable, "dtype": str(self._dtype),
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """The model that ``get_config`` described, with zeros as weights.

        Args:
            config: what ``get_config`` returned.
            custom_objects: not needed.

        Raises:
            ValueError: the configuration is damaged.
        """
        import_onnx()
        config = dict(config)
        given = config.pop("constants", None) or {}
        constants = {k: np.array(v["value"], v["dtype"]) for k, v in given.items()}
        return cls(constants=constants, **config)


def _decoded(text: str) -> bytes:
    """The bytes of a graph out of the text that a configuration keeps."""
    try:
        return zlib.decompress(base64.b64decode(text))
    except (ValueError, zlib.error) as error:
        raise ValueError(f"ONNXModel: the graph is damaged ({error})") from None


def _prepared(what: str, graph: Graph, constants: Any, optimize: bool) -> dict[str, Array]:
    """Put in constants, fold and lift; the constants."""
    given = _constants(what, graph, constants)
    fold(graph)
    if optimize:
        lift(graph)
    return given


def _name(name: str) -> str | None:
    """A graph's name as a layer's."""
    return name.replace("/", "_")[:100] or None


def _constants(what: str, graph: Graph, constants: Any) -> dict[str, Array]:
    """Inputs that never change become constants of the graph."""
    if constants is None:
        return {}
    if not isinstance(constants, Mapping):
        raise TypeError(f"{what}: constants must be a dict of values by the names of inputs, got {about(constants)}")
    by_name = {v.name: v for v in graph.inputs}
    given = {}
    for key, value in constants.items():
        if key not in by_name:
            raise ValueError(f"{what}: constants has {key!r}, which is no input; inputs are {', '.join(by_name)}")
        v = by_name[key]
        array = np.asarray(value).astype(v.dtype)
        if v.shape is not None and len(v.shape) != array.ndim and array.size == 1:
            array = array.reshape((1,) * len(v.shape))
        if not v.accepts(array.shape):
            raise ValueError(f"{what}: constants[{key!r}] is {array.shape}, expected {v.shape} (None = any size)")
        graph.constants[key] = given[key] = array
    graph.inputs = [v for v in graph.inputs if v.name not in given]
    return given


def load(
    source: Any,
    *,
    constants: Mapping[str, Any] | None = None,
    optimize: bool = True,
    name: str | None = None,
) -> ONNXModel:
    """The model of an ONNX file: it predicts, trains, is captured, saved, and part of larger models.

    Floating-point initializers become trainable weights with their names in the file; the statistics of batch
    normalization stay as they are, as the file says.  Half precision is computed as float32.

    Args:
        source: a path, the bytes of a file, or an ``onnx.ModelProto``.
        constants: {name of an input: its value} for inputs that never change, such as a sampling rate: branches that
            depend on them are decided here.
        optimize: whether nodes are put together (batch normalization into convolutions, products with their biases and
            activations) and weights are stored as kernels want them.  The numbers differ by rounding only.
        name: name of the model; None takes the graph's.

    Returns: the model; several inputs are a list or a dict, several outputs a list.

    Raises:
        ImportError: the package onnx is not installed.
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or holds what cannot be computed: all such nodes are listed.
        TypeError: ``source`` is nothing of the kind.

    Source: ONNX, Open Neural Network Exchange, operator sets 7 to 28.

    Example:
        >>> import numpy as np, lamina, onnx, onnx.parser
        >>> graph = onnx.parser.parse_model('''<ir_version: 8, opset_import: ["" : 17]>
        ...     double (float[N, 2] x) => (float[N, 2] y) { y = Add(x, x) }''')
        >>> model = lamina.onnx.load(graph)
        >>> model.predict(np.ones((1, 2), np.float32), verbose=0).tolist()
        [[2.0, 2.0]]
    """
    return ONNXModel._of(source, constants, optimize, name)


registry.add_known([ONNXModel], "layer", Model.__mro__[1])

__all__ = ["ONNXModel", "load"]
