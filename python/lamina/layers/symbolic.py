"""Tensors without values, from which functional models are drawn.

``Input`` makes the first SymbolicTensor; a layer or an operation called with one adds a Node and returns the next.
"""

from __future__ import annotations

import contextlib
import copyreg
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, Union

import numpy as np

from .. import ops
from ..core import autograd
from ..core.autograd import Tensor, wrap
from ..core.explain import show
from ..core.masked_tensor import MaskedTensor, attach
from ..core.tree import flatten, leaves, map_structure, pack_as
from ..core.trial import trial as trial

Shape = tuple[int | None, ...]


class Node:
    """One call of a layer: its arguments and the symbolic tensors that it gave."""

    __slots__ = ("args", "kwargs", "layer", "outputs")

    def __init__(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> None:
        self.layer = layer
        self.args = args
        self.kwargs = kwargs
        self.outputs = outputs
        for i, t in enumerate(leaves(outputs)):
            t.node, t.index = self, i

    def __reduce__(self) -> Any:
        return copyreg.__newobj__, (Node,), (self.layer, self.args, self.kwargs, self.outputs)  # type: ignore[attr-defined]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """The layer, which is written without its calls, knows this one again."""
        self.layer, self.args, self.kwargs, self.outputs = state
        vars(self.layer).setdefault("_nodes", []).append(self)

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic tensors among the arguments."""
        return [t for t in leaves((self.args, self.kwargs)) if isinstance(t, SymbolicTensor)]


class SymbolicTensor:
    """A tensor without values in a functional model: its shape and type.

    It has Tensor's operators and methods (``x > 0.5``, ``x.mean(axis=1)``): each is a step of the model.  The truth of
    ``x == y`` is whether both are the same one.

    Args:
        shape: the sizes, None for a free one.
        dtype: type of the elements; None means "float32".
        name: name of the input that it stands for.

    Raises:
        TypeError: its values are asked for, as by ``float(x)`` or NumPy: it has none.

    Source: Keras 3, KerasTensor.

    Example:
        >>> x = lamina.Input((4,))
        >>> y = layers.Dense(2)(x)
        >>> type(y).__name__, y.shape
        ('SymbolicTensor', (None, 2))
    """

    __slots__ = ("dtype", "index", "mask", "name", "node", "numpy_dtype", "shape")
    __array_priority__ = 100.0  # array + SymbolicTensor is left to __radd__

    def __init__(self, shape: Any, dtype: Any = None, name: str | None = None) -> None:
        self.shape: Shape = tuple(shape)
        self.numpy_dtype = np.dtype(dtype or "float32")
        self.dtype = str(self.numpy_dtype)
        self.name = name
        self.node: Node | None = None
        self.index = 0
        self.mask: SymbolicTensor | None = None  # where the tensor will have one

    @property
    def _keras_mask(self) -> SymbolicTensor | None:
        """The mask by the name that Keras's guides read."""
        return self.mask

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        source = "" if self.node is None else f", from {self.node.layer.name!r}"
        return f"<SymbolicTensor shape={self.shape}, dtype={self.dtype}{source}>"

    def _no_value(self, *_: Any, **__: Any) -> Any:
        """Not possible: there are no values.

        Args:
            *_: anything.
            **__: anything.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            "a SymbolicTensor has a shape but no values: it can be passed to layers and lamina.ops while a model is "
            "drawn. Python or NumPy code on values belongs into a Lambda or a Layer's call()"
        )

    def __bool__(self) -> bool:
        node = self.node
        drawn = None if node is None else getattr(node.layer, "function", None)
        if drawn in (ops.equal, ops.not_equal) and node is not None and len(node.inputs) == 2:
            same = node.inputs[0] is node.inputs[1]  # what ``in`` and list.index ask
            return same if drawn is ops.equal else not same
        return bool(self._no_value())

    __array__ = __float__ = __int__ = __len__ = numpy = _no_value

    if TYPE_CHECKING:  # what tensor_methods() gives

        def __iter__(self) -> Iterator[SymbolicTensor]: ...  # of a layer that returns several
        def _binary(self, other: Any) -> SymbolicTensor: ...
        def _unary(self) -> SymbolicTensor: ...
        def _reduction(self, axis: Any = None, keepdims: bool = False) -> SymbolicTensor: ...
        def _any(self, *args: Any, **kwargs: Any) -> SymbolicTensor: ...

        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _binary
        __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = _binary
        __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __getitem__ = _binary
        __lt__ = __le__ = __gt__ = __ge__ = _binary
        __eq__ = __ne__ = _binary  # type: ignore[assignment]
        __neg__ = __pos__ = __abs__ = __invert__ = _unary
        sum = mean = max = min = prod = std = var = any = all = _reduction
        argmax = argmin = cumsum = astype = reshape = transpose = _any
        flatten = ravel = squeeze = swapaxes = repeat = clip = round = _any

        @property
        def T(self) -> SymbolicTensor: ...

    else:
        __iter__ = _no_value


AnyTensor = TypeVar("AnyTensor", Tensor, SymbolicTensor)
T = TypeVar("T")
Nest = Union[T, Sequence[T], Mapping[str, T]]  # noqa: UP007 (generic)


# Each draws a step; __hash__ stays that of the object, as Tensor's does.
for _name, _method in ops.tensor_methods().items():
    setattr(SymbolicTensor, _name, _method)


def is_symbolic(tree: Any) -> bool:
    """Whether there is a SymbolicTensor in a nest."""
    if type(tree) in (tuple, list, dict):
        return any(isinstance(t, SymbolicTensor) for t in leaves(tree))
    return isinstance(tree, SymbolicTensor)


# Free sizes are tried with two values each; sizes of the result that differ between the two are free as well.
# The second pair is for windows that the first is too small for, the others for tables of few positions.
_TRIALS = tuple(((2, n), (3, n + n // 2)) for n in (8, 64, 4, 2))  # 2, 3, 8 ... are free: any sizes that differ


@contextlib.contextmanager
def trying() -> Iterator[None]:
    """Inside, layers run without gradients to see what comes out: nothing of it may remain (``trial.running``)."""
    outer, trial.running = trial.running, True
    try:
        with autograd.no_grad():
            yield
    finally:
        trial.running = outer


def infer(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What ``fn`` would return, as SymbolicTensors: it is run on small arrays, without gradients."""
    error: Exception | None = None
    for sizes_tried in _TRIALS:
        try:
            first, second = (_run(fn, args, kwargs, sizes) for sizes in sizes_tried)
        except (ValueError, IndexError) as e:
            error = error or e
            continue
        merged = []
        for a, b in zip(flatten(first), flatten(second), strict=True):
            if not isinstance(a, Tensor):
                if isinstance(a, SymbolicTensor):
                    raise TypeError(
                        "a function of the call takes a symbolic tensor from outside of its arguments; pass it as one "
                        "(ops.switch takes operands), choose values with ops.where, or put the call into a Lambda"
                    )
                raise TypeError(f"in a functional model every result must be a tensor, got {show(a)}")
            merged.append(_merged(a, b))
        return pack_as(first, merged)
    assert error is not None
    raise error


def _merged(a: Tensor, b: Tensor) -> SymbolicTensor:
    """What stands for the results of two trials."""
    t = SymbolicTensor((m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)), a.dtype)
    if isinstance(a, MaskedTensor) and isinstance(b, MaskedTensor):
        t.mask = _merged(a.mask, b.mask)
    return t


def specified(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a call of ``layer`` will return, as SymbolicTensors with the masks that they will have."""
    outputs = layer.compute_output_spec(*args, **kwargs)
    results = flatten(outputs)
    if args and all(isinstance(t, SymbolicTensor) and t.mask is None for t in results):
        given = kwargs.get("mask")
        previous = map_structure(lambda t: getattr(t, "mask", None), args[0]) if given is None else given
        for t, mask in zip(results, _masks_of_results(layer, args[0], previous), strict=False):
            t.mask = mask
    return outputs


def _masks_of_results(layer: Any, inputs: Any, previous: Any) -> list[SymbolicTensor | None]:
    """The masks of the results, from left to right, as far as there are any."""
    if not any(isinstance(m, SymbolicTensor) for m in leaves(previous)):
        previous = None
    if not layer._defines_mask and not (layer.supports_masking and previous is not None):
        return []
    try:
        first, second = (_run(layer.compute_mask, (inputs, previous), {}, sizes) for sizes in _TRIALS[0])
    except (ValueError, IndexError, TypeError):
        return []  # the call itself will say why
    pairs = zip(flatten(first), flatten(second), strict=True)
    return [_merged(a, b) if isinstance(a, Tensor) and isinstance(b, Tensor) else None for a, b in pairs]


def _run(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], sizes: tuple[int, int]) -> Any:
    def stand_in(x: Any) -> Any:
        if not isinstance(x, SymbolicTensor):
            return x
        shape = [sizes[min(i, 1)] if n is None else n for i, n in enumerate(x.shape)]
        dtype = np.dtype(x.dtype)  # integers may be indices, so zero; reals may be divisors, so one; masks keep all
        t = wrap(np.zeros(shape, dtype) if dtype.kind in "iu" else np.ones(shape, dtype))
        if dtype.kind == "f" and len(shape) > 1 and shape[-1] == shape[-2]:
            t._array[...] += np.eye(shape[-1], dtype=dtype)  # a matrix may be inverted, too
        return t if x.mask is None else attach(t, stand_in(x.mask))

    with trying():
        return fn(*map_structure(stand_in, args), **map_structure(stand_in, kwargs))


__all__ = ["SymbolicTensor"]
