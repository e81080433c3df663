"""Two traces of one model, with different free sizes, become one graph."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.autograd import Array, Tensor, wrap
from ..core.tree import flatten, leaves
from ..layers import Layer
from ..layers.weights import named_variables
from .graph import Graph
from .handlers import HANDLERS
from .signature import Signature
from .trace import Call, Trace
from .values import Size, Value, size


class Program:
    """Puts the calls of two traces into a graph.

    Tensors are known by the identities of their arrays in each of the traces: a weight is one array in both.
    """

    def __init__(self, graph: Graph, model: Layer, signature: Signature, first: Trace, second: Trace) -> None:
        self.graph, self.model, self.signature = graph, model, signature
        self._traces = first, second
        self._values: dict[int, Value] = {}  # by arrays of the first trace
        self._twins: dict[int, Value] = {}  # by those of the second
        self._weights = {id(v._array): key for key, v in named_variables(model).items()}
        self._of_weights: dict[int, str] = {}  # what was computed of a weight alone keeps its key
        self._constants: dict[int, Value] = {}
        self._arrays: list[Any] = []  # kept, so that identities stay

    def run(self) -> list[Value]:
        """Make the nodes; returns the outputs."""
        first, second = self._traces
        for source, x, y in zip(self.signature.sources, first.inputs, second.inputs, strict=True):
            v = Value(source.dtype, _shape(x, y))
            v.forms[v.plain] = self.graph.unique(source.name)
            self.graph.inputs.append(v)
        self.graph.traced = self._traced
        return self._with(self.graph.inputs)

    def _traced(self, function: Callable[..., Any], given: list[Value]) -> list[Value]:
        """The results of a Python function of tensors, which is traced by itself, for these Values."""
        traces = Trace(), Trace()
        for i, trace in enumerate(traces):
            draw = np.random.default_rng(0)
            shapes = [[n.both[i] if isinstance(n, Size) else n for n in v.shape] for v in given]
            arrays = [draw.standard_normal(shape).astype(v.dtype) for v, shape in zip(given, shapes, strict=True)]
            trace.run(function, tuple(map(wrap, arrays)), {})
        inner = Program(self.graph, self.model, self.signature, *traces)
        place, scope, results = self.graph.place, self.graph.scope, self.graph.results
        try:
            return inner._with(given)
        finally:
            self.graph.place, self.graph.scope, self.graph.results = place, scope, results

    def _with(self, inputs: list[Value]) -> list[Value]:
        """The outputs, where these stand for the inputs of the traces."""
        first, second = self._traces
        for v, x, y in zip(inputs, first.inputs, second.inputs, strict=True):
            self._bind(v, x, y)
        calls, others = first.needed(), second.needed()
        self._refuse_unknown(first, calls)
        for a, b in zip(calls, others, strict=False):
            if a.name != b.name:
                self._differ(a, b)
            self._put(a, b)
        if len(calls) != len(others):
            longer = max(calls, others, key=len)
            self._differ(longer[min(len(calls), len(others))], None)
        self.graph.place, self.graph.scope = self.model._label(), ""
        outputs = [self._resolve(x, y) for x, y in zip(flatten(first.result), flatten(second.result), strict=True)]
        for v in outputs:
            if not isinstance(v, Value):
                raise TypeError(f"{self.model._label()}: export: every output must be a tensor, got {v!r}")
        return outputs

    def _differ(self, a: Call, b: Call | None) -> None:
        other = "it ends" if b is None else f"{b.place} stands there"
        raise ValueError(
            f"{a.place}: export: how many operations the model does, or which, follows a free size or values: for "
            f"other sizes {other}. Fix the sizes by input_signature=[lamina.layers.InputSpec(shape=...)]"
        )

    def _refuse_unknown(self, trace: Trace, calls: list[Call]) -> None:
        computed = {id(t._array) for t in trace.inputs}
        missing: dict[str, str] = {}
        for call in calls:
            given, result = list(leaves((call.args, call.kwargs))), list(leaves(call.result))
            if any(isinstance(t, Tensor) and id(t._array) in computed for t in given):
                if call.name not in HANDLERS:
                    missing.setdefault(call.name, call.place)
                computed.update(id(t._array) for t in result if isinstance(t, Tensor))
        if missing:
            raise ValueError(
                f"{self.model._label()}: export: no ONNX nodes are known for {', '.join(sorted(missing))} "
                f"({'; '.join(missing.values())})"
            )

    def _put(self, a: Call, b: Call) -> None:
        results = [(x, y) for x, y in zip(leaves(a.result), leaves(b.result), strict=True) if isinstance(x, Tensor)]
        if not results or all(id(x._array) in self._values for x, _ in results):
            return  # what gives no tensor, or its argument
        g = self.graph
        g.place = a.place
        g.scope = "/".join(layer.name for layer in a.layers[1:]) or a.name
        args, kwargs = self._arguments(a, b)
        tensors = [v for v in _all((args, kwargs)) if isinstance(v, Value)]
        free = any(isinstance(v, Size) for v in _all((args, kwargs)))
        if not free and all(v.array is not None for v in tensors) and all(map(_equal, *zip(*results, strict=True))):
            hints = {v.hint for v in tensors if v.hint}
            if len(hints) == 1:
                self._of_weights.update((id(x._array), min(hints)) for x, _ in results)
            return
        handler = HANDLERS.get(a.name)
        if handler is None:
            g.refuse("no ONNX nodes are known for it")
        g.results = [(x.dtype, _shape(x, y)) for x, y in results]
        made = [y for y in flatten(handler(g, *args, **kwargs)) if y is not None]
        for value, (x, y) in zip(made, results, strict=True):
            v = Value(x.dtype, _shape(x, y), {}, None)
            if isinstance(value, Value):
                if value.dtype != x.dtype:
                    raise AssertionError(f"{g.place}: {value.dtype} was made, not {x.dtype}")
                v.forms, v.array, v.hint, v.narrow = value.forms, value.array, value.hint, value.narrow
            else:
                v.forms[v.plain] = value
            self._bind(v, x, y)

    def _arguments(self, a: Call, b: Call) -> tuple[tuple[Any, ...], dict[str, Any]]:
        signature = inspect.signature(a.function)
        bound, other = signature.bind(*a.args, **a.kwargs), signature.bind(*b.args, **b.kwargs)
        bound.apply_defaults()
        other.apply_defaults()
        args = tuple(self._resolve(x, y) for x, y in zip(bound.args, other.args, strict=True))
        return args, {k: self._resolve(x, other.kwargs[k]) for k, x in bound.kwargs.items()}

    def _bind(self, v: Value, a: Tensor, b: Tensor) -> None:
        self._values[id(a._array)] = v
        self._twins[id(b._array)] = v
        self._arrays += [a._array, b._array]
        self.graph.recent.append(v)

    def _resolve(self, a: Any, b: Any) -> Any:
        """What stands for an argument that was ``a`` in the one trace and ``b`` in the other."""
        if isinstance(a, (Tensor, np.ndarray)) and isinstance(b, type(a)):
            return self._tensor(a, b)
        if isinstance(a, (bool, str, type(None), np.dtype)):
            if a != b:
                self._follows(a, b)
            return a
        if isinstance(a, (int, np.integer)) and isinstance(b, (int, np.integer)):
            return size(int(a), int(b))
        if isinstance(a, (float, complex, np.generic)):
            if a != b and not (a != a and b != b):
                self._follows(a, b)
            return a
        if isinstance(a, slice):
            return slice(*(self._resolve(getattr(a, k), getattr(b, k)) for k in ("start", "stop", "step")))
        if isinstance(a, (list, tuple)):
            if len(a) != len(b):
                self._follows(a, b)
            return type(a)([self._resolve(x, y) for x, y in zip(a, b, strict=True)]) if type(a) in (list, tuple) else a
        if isinstance(a, dict):
            return {k: self._resolve(x, b[k]) for k, x in a.items()}
        return a

    def _follows(self, a: Any, b: Any) -> None:
        self.graph.refuse(
            f"an argument was {a!r} and {b!r} in two calls, so it follows values or free sizes, which are computed in "
            "Python; use lamina.ops on tensors, or fix the sizes by input_signature"
        )

    def _tensor(self, a: Any, b: Any) -> Value:
        x: Array = a._array if isinstance(a, Tensor) else a
        y: Array = b._array if isinstance(b, Tensor) else b
        known, twin = self._values.get(id(x)), self._twins.get(id(y))
        if known is not None or twin is not None:
            if known is not twin:
                self.graph.refuse("two calls with other free sizes take different tensors here")
            return known  # type: ignore[return-value]
        if id(x) in self._constants:
            return self._constants[id(x)]
        key = self._weights.get(id(x)) or self._of_weights.get(id(x))
        if x is not y and not _same(x, y):
            return self._following(x, y)
        value = self._constants[id(x)] = Value(x.dtype, x.shape, {}, x, key)
        self._arrays += [x, y]
        return value

    def _following(self, x: Array, y: Array) -> Value:
        """A constant array that Python made for the free sizes: one number everywhere, or evenly growing integers."""
        g = self.graph
        if x.dtype == y.dtype and x.ndim == y.ndim:
            shape = tuple(map(size, x.shape, y.shape))
            if x.size and y.size and (x == x.flat[0]).all() and (y == x.flat[0]).all():
                return g.filled(x.flat[0], shape, x.dtype)
            counted = _counted(x, y)
            if counted is not None:
                axis, begin, step = counted
                places = g.reshape(g.counted(shape[axis]), (shape[axis], *(1,) * (x.ndim - 1 - axis)))
                places = places if (step == 1).all() else g.map("Mul", places, g.constant(step))
                return g.cast(places if not begin.any() else g.map("Add", places, g.constant(begin)), x.dtype)
        return g.refuse(
            f"an array ({x.dtype} {x.shape}) differs between two calls, so it follows the input or its free sizes, and "
            "is no result of an operation of lamina.ops; compute it by them, or fix the sizes by input_signature"
        )


def _counted(x: Array, y: Array) -> tuple[int, Array, Array] | None:
    """(axis, begin, step) of integers that grow evenly along the one axis whose size differs, else None."""
    axes = [a for a, (m, n) in enumerate(zip(x.shape, y.shape, strict=True)) if m != n]
    if len(axes) != 1 or x.dtype.kind not in "iu" or min(x.shape[axes[0]], y.shape[axes[0]]) < 2:
        return None
    axis = axes[0]
    begin = x.take([0], axis).astype(np.int64)
    step = x.take([1], axis).astype(np.int64) - begin
    for array in (x, y):
        places = np.arange(array.shape[axis]).reshape(-1, *(1,) * (x.ndim - 1 - axis))
        if not (array == begin + step * places).all():
            return None
    return axis, begin, step


def _all(tree: Any) -> list[Any]:
    found: list[Any] = []
    for x in leaves(tree):
        found += [x.start, x.stop, x.step] if isinstance(x, slice) else [x]
    return found


def _shape(a: Tensor, b: Tensor) -> Any:
    if a.ndim != b.ndim:
        raise ValueError(f"export: a tensor has {a.ndim} axes in one call and {b.ndim} in another")
    return tuple(map(size, a.shape, b.shape))


def _same(x: Array, y: Array) -> bool:
    return x.dtype == y.dtype and x.shape == y.shape and np.array_equal(x, y, equal_nan=x.dtype.kind == "f")


def _equal(x: Tensor, y: Tensor) -> bool:
    return x is y or _same(x._array, y._array)
