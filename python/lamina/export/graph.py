"""The ONNX graph while it is made: constants, nodes, orders of axes, and sizes that are free.

Images stand channels last here and channels first there.  A value remembers in which orders of axes the graph holds it,
elementwise operations keep the order of what they get, and a Transpose is put only where one is needed that is not
there: so those between layers never come to be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from ..core.autograd import Array
from .values import Length, Order, Shape, Size, Value, broadcast, product

Operand = Any  # a Value, the name of one of the graph's values, an array, or a number
INT64 = np.dtype(np.int64)
BOOL = np.dtype(bool)


class Graph:
    """Nodes and constants of a graph.

    opset: the version of ONNX's operators.  dtype, results: the type of the running call's first result, and
        (type, shape) of all of them.
    """

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}
        self.inputs: list[Value] = []
        self.results: list[tuple[np.dtype[Any], Shape]] = []
        self.place = ""  # for messages
        self.scope = ""  # of the names of nodes
        self.recent: list[Value] = []  # where free sizes can be read
        self.traced: Callable[[Callable[..., Any], list[Value]], list[Value]]  # set by the Program
        self._names: Counter[str] = Counter()
        self._known: dict[Any, Any] = {}
        self._constant_names: dict[Any, str] = {}
        self.ends: set[str] = set()  # names of outputs

    # ---- names and constants ----

    def unique(self, name: str) -> str:
        """A name that nothing has yet."""
        self._names[name] += 1
        if self._names[name] == 1:
            return name
        return self.unique(f"{name}_{self._names[name] - 1}")

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.results[0][0]

    @property
    def shape(self) -> Shape:
        """The shape of the first result."""
        return self.results[0][1]

    def refuse(self, why: str) -> NoReturn:
        raise ValueError(f"{self.place}: export: {why}")

    def constant(self, array: Any, dtype: Any = None, hint: str | None = None) -> Value:
        """A constant; hint: its name, if that is still free."""
        a = np.asarray(array, dtype=dtype)
        return Value(a.dtype, a.shape, {}, a, hint)

    def value(self, x: Operand, dtype: Any = None) -> Value:
        """An argument as a Value, converted to ``dtype``; numbers and lists become constants, sizes tensors."""
        if isinstance(x, Value):
            return x if dtype is None else self.cast(x, dtype)
        if isinstance(x, Size):
            scalar = self.node("Squeeze", self.sizes([x]))
            return self.value(Value(INT64, (), {(): scalar}), dtype)
        if isinstance(x, (list, tuple)) and any(isinstance(v, (Value, Size)) for v in x):
            if dtype is None:
                dtype = next((v.dtype for v in x if isinstance(v, Value)), INT64)
            parts = [self.value(v, dtype) for v in x]
            name = self.node("Concat", *(self.node("Unsqueeze", v, self.ints([0])) for v in parts), axis=0)
            return Value(np.dtype(dtype), (len(parts), *parts[0].shape), {tuple(range(parts[0].ndim + 1)): name})
        array = np.asarray(x)
        if dtype is None and array.dtype == np.float64 and not isinstance(x, (np.ndarray, np.generic)):
            dtype = np.float32
        return self.constant(array if dtype is None else array.astype(dtype))

    def ints(self, values: Sequence[int]) -> Value:
        return self.constant(values, INT64)

    def name(self, x: Operand, order: Order | None = None) -> str:
        """The ONNX value of ``x``, with its axes in this order (None: as they are)."""
        if isinstance(x, str):
            return x
        v = self.value(x)
        order = v.plain if order is None else order
        if order not in v.forms:
            if v.array is not None:
                v.forms[order] = self._constant_name(v.array.transpose(order), v.hint)
            else:
                made = v.order
                axes = [made.index(a) for a in order]
                v.forms[order] = self.node("Transpose", v.forms[made], perm=axes)
        return v.forms[order]

    def _constant_name(self, array: Array, hint: str | None) -> str:
        array = np.ascontiguousarray(array).reshape(array.shape)
        key = (hint, array.dtype.str, array.shape, array.tobytes() if array.nbytes <= 1024 or not hint else None)
        if key in self._constant_names and np.array_equal(self.constants[self._constant_names[key]], array, True):
            return self._constant_names[key]
        name = self.unique(hint or self._scoped("constant"))
        self.constants[name] = array
        self._constant_names[key] = name
        return name

    def _scoped(self, name: str) -> str:
        return f"{self.scope}/{name}" if self.scope else name

    # ---- nodes ----

    def node(self, op: str, *inputs: Operand, outputs: int = 1, **attributes: Any) -> Any:
        """The name of what a node gives, a list of them for several outputs.  The same node is never made twice.

        inputs: plain orders of axes; None leaves one out.  attributes: those that are None are left out.
        """
        names = ["" if x is None else self.name(x) for x in inputs]
        while names and not names[-1]:
            names.pop()
        attributes = {k: v for k, v in attributes.items() if v is not None}
        for k, v in attributes.items():
            if isinstance(v, Size) or (isinstance(v, (list, tuple)) and any(isinstance(n, Size) for n in v)):
                self.refuse(f"{k} of {op} follows a free size, which ONNX cannot say; fix the sizes by input_signature")
        key = (op, tuple(names), outputs, repr(sorted(attributes.items())))
        if key not in self._known:
            made = [self.unique(self._scoped(op)) for _ in range(outputs)]
            self.nodes.append((op, names, made, attributes))
            self._known[key] = made[0] if outputs == 1 else made
        return self._known[key]

    def body(self, given: Sequence[tuple[Any, Shape]], make: Callable[[list[Value]], Sequence[Operand]]) -> Any:
        """A graph inside of a node, as Scan has one: ``make`` turns inputs of these types and shapes into results.

        Constants, and whatever was made outside before, may be used inside.
        """
        from onnx import helper

        outside = self.nodes, self._known, self.recent
        self.nodes, self._known, self.recent = [], dict(self._known), []
        try:
            inputs = []
            for dtype, shape in given:
                v = Value(np.dtype(dtype), shape)
                v.forms[v.plain] = self.unique(self._scoped("step"))
                inputs.append(v)
            values = [self.value(y) for y in make(inputs)]
            results = [self.unique(self._scoped("after")) for _ in values]  # each by itself, were two the same
            self.nodes += [("Identity", [self.name(v)], [name], {}) for v, name in zip(values, results, strict=True)]
            made = [helper.make_node(op, i, o, name=o[0], **a) for op, i, o, a in self.nodes]
        finally:
            self.nodes, self._known, self.recent = outside
        # Shapes follow from those outside.
        sources = [helper.make_tensor_value_info(v.forms[v.plain], onnx_type(v.dtype), None) for v in inputs]
        pairs = zip(results, values, strict=True)
        sinks = [helper.make_tensor_value_info(name, onnx_type(v.dtype), None) for name, v in pairs]
        return helper.make_graph(made, self.unique("body"), sources, sinks)

    def made(self, name: str, order: Order | None = None, shape: Shape | None = None, dtype: Any = None) -> Value:
        """The value behind a node's name; shape and dtype: those of the call's first result, unless given."""
        shape = self.shape if shape is None else tuple(shape)
        v = Value(np.dtype(self.dtype if dtype is None else dtype), shape)
        v.forms[v.plain if order is None else order] = name
        return v

    def cast(self, x: Operand, dtype: Any) -> Value:
        """x in another type."""
        v, dtype = self.value(x), np.dtype(dtype)
        if v.dtype == dtype:
            return v
        if v.array is not None:
            return Value(dtype, v.shape, {}, v.array.astype(dtype), v.hint)
        name = self.node("Cast", v.forms[v.order], to=onnx_type(dtype))
        return Value(dtype, v.shape, {v.order: name})

    def map(self, op: str, *operands: Operand, dtype: Any = None, **attributes: Any) -> Value:
        """An elementwise node, in the order of axes that its operands stand in.

        Numbers take the type of the first Value.  dtype: the type of the result, if it is another.
        """
        kind = next((x.dtype for x in operands if isinstance(x, Value) and x.dtype != BOOL), BOOL)
        values = [x if isinstance(x, Value) else self.value(x, kind) for x in operands]
        shape = broadcast(*(v.shape for v in values))
        for i, v in enumerate(values):
            if v.narrow is not None:
                rest = [w.shape for k, w in enumerate(values) if k != i]
                values[i] = v.narrow if broadcast(*rest, v.narrow.shape) == shape else v
        order = self._common_order(values, len(shape))
        names = [self._aligned(v, order) for v in values]
        return self.made(self.node(op, *names, **attributes), order, shape, dtype or values[-1].dtype)

    def _common_order(self, values: list[Value], ndim: int) -> Order:
        plain = tuple(range(ndim))
        computed = [v for v in values if v.array is None]
        if any(0 < v.ndim < ndim and v.size != 1 for v in computed):
            return plain
        return next((v.order for v in computed if v.ndim == ndim and v.order != plain), plain)

    def _aligned(self, v: Value, order: Order) -> str:
        """The name of an operand that broadcasts with others in this order."""
        if order == tuple(range(len(order))) or (v.ndim == 0):
            return self.name(v)
        if v.ndim < len(order):  # few numbers, or a constant
            v = self.reshape(v, (*(1,) * (len(order) - v.ndim), *v.shape))
        return self.name(v, order)

    # ---- shapes ----

    def sizes(self, sizes: Sequence[Length]) -> Any:
        """Integers, some of them free, as a tensor (n,) of int64: a constant, or the name of what computes it."""
        if not any(isinstance(n, Size) for n in sizes):
            return self.ints([int(n) for n in sizes])
        parts: list[Any] = []
        numbers: list[int] = []
        for n in [*sizes, None]:
            if isinstance(n, int):
                numbers.append(n)
                continue
            if numbers:
                parts.append(self.ints(numbers))
                numbers = []
            if n is not None:
                parts.append(self._free(n))
        return parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=0)

    def counted(self, n: Length) -> Value:
        """0, 1, ... n - 1 as int64."""
        if not isinstance(n, Size):
            return self.constant(np.arange(n))
        name = self.node("Range", self.constant(0, INT64), self.value(n), self.constant(1, INT64))
        return self.made(name, None, (n,), INT64)

    def filled(self, number: Operand, shape: Sequence[Length], dtype: Any) -> Value:
        """One number everywhere."""
        name = self.node("Expand", self.value(number, dtype), self.sizes(shape))
        return self.made(name, None, tuple(shape), dtype)

    def _free(self, wanted: Size) -> str:
        """A free size as a tensor (1,): read off where it is found, or computed from one."""
        for v in [*self.inputs, *reversed(self.recent)]:
            if wanted in v.shape and v.array is None:
                return self._read(v, v.shape.index(wanted))
        known = [(v, i, n) for v in self.inputs for i, n in enumerate(v.shape) if isinstance(n, Size)]
        known.sort(key=lambda found: abs((wanted.second - wanted.first) / (found[2].second - found[2].first)))
        for v, i, n in known:
            times, rest = divmod(wanted.second - wanted.first, n.second - n.first)
            if not rest and times:
                more = wanted.first - times * n.first
                y = self._read(v, i)
                y = y if times == 1 else self.node("Mul", y, self.ints([times]))
                return y if not more else self.node("Add", y, self.ints([more]))
        for v, i, n in known:
            for parts in range(2, max(n.first, 2) + 1):
                if n // parts == wanted:
                    return self.node("Div", self._read(v, i), self.ints([parts]))
                if (n + (parts - 1)) // parts == wanted:
                    more = self.node("Add", self._read(v, i), self.ints([parts - 1]))
                    return self.node("Div", more, self.ints([parts]))
        for v, i, n in known:
            for w, k, m in known:
                both = n * m
                if both == wanted or (wanted.first % both.first == 0 and (wanted.first // both.first) * both == wanted):
                    y = self.node("Mul", self._read(v, i), self._read(w, k))
                    times = wanted.first // both.first
                    return y if times == 1 else self.node("Mul", y, self.ints([times]))
        return self.refuse(
            f"a size that was {wanted.first} and {wanted.second} for inputs of "
            f"{[tuple(n.first if isinstance(n, Size) else n for n in v.shape) for v in self.inputs]} and "
            f"{[tuple(n.second if isinstance(n, Size) else n for n in v.shape) for v in self.inputs]} follows the free "
            "sizes in no way that is known here; fix the sizes by input_signature"
        )

    def _read(self, v: Value, axis: int) -> str:
        order = v.order
        place = order.index(axis)
        name: str = self.node("Shape", v.forms[order], start=place, end=place + 1)
        return name

    def reshape(self, x: Operand, shape: Sequence[Length]) -> Value:
        """x's elements in another shape: with 0 for sizes that stay and -1 for one that is free."""
        v, shape = self.value(x), tuple(shape)
        if shape == v.shape:
            return v
        if v.array is not None and not any(isinstance(n, Size) for n in shape):
            return Value(v.dtype, shape, {}, v.array.reshape([int(n) for n in shape]), v.hint)
        source = self._before_reshape(_in_memory(v))
        if source.shape == shape:
            return source
        name = self.node("Reshape", source, self._target(source.shape, shape))
        self._known["reshaped", name] = source
        return self.made(name, None, shape, v.dtype)

    def _before_reshape(self, v: Value) -> Value:
        """What a reshaped value was made of: a reshape of a reshape is one."""
        return self._known.get(("reshaped", v.forms.get(v.plain)), v)

    def _target(self, before: Shape, after: Shape) -> Any:
        target: list[Length] = []
        for i, n in enumerate(after):
            kept = isinstance(n, Size) and i < len(before) and before[i] == n
            target.append(0 if kept else n)
        free = [i for i, n in enumerate(target) if isinstance(n, Size)]
        if 0 not in after and 0 not in before and len(free) == 1:
            target[free[0]] = -1
        return self.sizes(target)

    def total(self, shape: Sequence[Length]) -> Length:
        return product(shape)


def _in_memory(v: Value) -> Value:
    """v, or, where its elements stand in the same sequence in another order of axes, what is there already."""
    for order, name in v.forms.items():
        if [a for a in order if v.shape[a] != 1] == [a for a in v.plain if v.shape[a] != 1]:
            shape = tuple(v.shape[a] for a in order)
            return Value(v.dtype, shape, {v.plain: name})
    return v


def onnx_type(dtype: np.dtype[Any]) -> int:
    """ONNX's number of a type."""
    from onnx.helper import np_dtype_to_tensor_dtype

    return int(np_dtype_to_tensor_dtype(np.dtype(dtype)))
