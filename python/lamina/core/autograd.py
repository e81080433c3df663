"""A tape over coarse native operations: Tensor, record, no_grad.  backward.py walks back over it.

An operation computes its result with a native forward, then calls ``record(result, inputs, backward)``.  Its
``backward(dy, grads)`` returns nothing and writes each wanted gradient straight into a destination that the engine
chose:

    grads[i]          None (skip), or a C-contiguous array of input i's shape
    grads.accumulate  bit i set: add to grads[i]; clear: overwrite it (the destination may hold NaN)

so fan-out needs no addition pass.  Operations that only change the view of an array (reshape, identity) use
``record_view``: their backward returns an alias of ``dy`` and nothing is copied.  Operations with several results
(a recurrence's sequence and states) use ``record_many``: their backward gets one dy for each result.  Operations whose
gradient has few rows (embedding) use ``record_lookup``: their backward notes which in ``table.touched``.

``record``, ``record_view`` and ``record_many`` check at every backward that it does so (own_gradients.py).  The
library's operations, which tests check, use the ``unchecked`` ones.
"""

from __future__ import annotations

import copy
import copyreg
import operator
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _native
from . import own_gradients
from .arrays import in_own_memory, values_of
from .backward import backward
from .explain import only, require
from .grad_mode import enable_grad as enable_grad
from .grad_mode import grad_mode
from .grad_mode import no_grad as no_grad
from .nodes import Array as Array
from .nodes import Backward, BackwardMany, BackwardView, Lookup, Node, Result
from .nodes import Gradients as Gradients
from .recording import COPIED, NUMPY_ON_TENSOR, READ_IN_PYTHON, forbid_capture, forbid_reading


class Tensor:
    """An array with an optional gradient.

    Arithmetic, comparison and indexing follow NumPy; ``numpy()`` and ``np.asarray(t)`` give the array without a copy.

    Args:
        array: a tensor or an array, which are not copied, or a number or nested lists of numbers; Python's floats
            become float32.
        requires_grad: whether ``backward()`` fills ``grad``; the tensor is then a leaf of the tape.
        dtype: type of the elements; None keeps the array's.

    Raises:
        TypeError: the elements are no numbers or booleans; a gradient is wanted of integers.
        ValueError: nested lists differ in length.

    Source: PyTorch, torch.Tensor.

    Example:
        >>> x = lamina.Tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad.tolist()
        [2.0, 4.0]
    """

    __slots__ = ("__weakref__", "_array", "_grad", "_grad_is_set", "_node", "requires_grad")
    __array_priority__ = 100.0

    touched: _native.TouchedRows | None = None  # of some tables: the rows outside of which the gradient is zero

    def __init__(self, array: Any, requires_grad: bool = False, dtype: Any = None) -> None:
        if isinstance(array, Tensor):
            if dtype is not None and array._array.dtype != dtype:
                forbid_reading(array, "Tensor(x, dtype=) converted a tensor with NumPy; ops.cast does so natively")
            array = array._array
        a = values_of(array, dtype)
        if dtype is None and a.dtype == np.float64 and not isinstance(array, (np.ndarray, np.generic)):
            a = a.astype(np.float32)  # Python floats take the working type
        if type(requires_grad) is not bool:
            require("Tensor", Tensor.__init__, requires_grad=requires_grad)
        if requires_grad and a.dtype.kind != "f":
            raise TypeError(f"Tensor: requires_grad=True needs float32 or float64, got dtype {a.dtype}")
        if not a.dtype.isnative:
            a = a.astype(a.dtype.newbyteorder("="))
        self._array: Array = a
        self._node: Node | None = None
        self._grad: Array | None = None
        self._grad_is_set = False
        self.requires_grad = requires_grad

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self._array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self._array.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._array.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._array.size

    @property
    def data(self) -> Array:
        """The array itself; writing into it changes the tensor."""
        recording = grad_mode.recording
        if recording is not None:
            recording.reads_values(self, READ_IN_PYTHON)
        return self._array

    @data.setter
    def data(self, value: Any) -> None:
        value = np.asarray(value, dtype=self._array.dtype, order="C")
        if value.shape != self._array.shape:
            raise ValueError(f"Tensor.data: expected shape {self._array.shape}, got {value.shape}")
        forbid_capture("a tensor's data was assigned in Python")
        np.copyto(self._array, value)  # in place: captured plans and optimizers hold the address

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made, not computed on the tape."""
        return self._node is None

    @property
    def grad(self) -> Tensor | None:
        """The gradient that ``backward()`` left here, or None before it and after ``zero_grad()``."""
        if grad_mode.recording is not None:
            grad_mode.recording.reads_gradient(self)
        if not self._grad_is_set or self._grad is None:
            return None
        if self.touched is None:
            return Tensor(self._grad)
        array = self._grad.view()
        array.flags.writeable = False  # it would not be noticed which rows are written
        return Tensor(array)

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is None:
            self.zero_grad()
            return
        value = np.asarray(value, dtype=self._array.dtype, order="C")
        if value.shape != self._array.shape:
            raise ValueError(f"Tensor.grad: expected shape {self._array.shape}, got {value.shape}")
        forbid_capture("a gradient was assigned in Python")
        if self._grad is None:
            self._grad = np.empty_like(self._array, order="C")
        np.copyto(self._grad, value)
        if self.touched is not None:
            _native.touch_all(self.touched)
        self._grad_is_set = True

    def zero_grad(self) -> None:
        """Forget the gradient (its memory is kept; the next backward overwrites it)."""
        if grad_mode.recording is not None:
            grad_mode.recording.forgets_gradient(self)
        self._grad_is_set = False

    def detach(self) -> Tensor:
        """The same array, cut off from the tape."""
        return wrap(self._array)

    def numpy(self) -> Array:
        """The array, without a copy."""
        return self.data

    def item(self) -> float | int | bool:
        """The only element as a Python number.

        Raises:
            ValueError: the tensor holds another number of elements than one.
        """
        return only(self.data).item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self.data.tolist()

    def backward(self, gradient: Any = None, retain_graph: bool = False) -> None:
        """Add d(self)/d(leaf) to ``grad`` of every leaf with ``requires_grad``.

        Args:
            gradient: d(result)/d(self), of this tensor's shape; None means 1, for a tensor of one element.
            retain_graph: whether the tape is kept for another backward.

        Raises:
            ValueError: ``gradient`` has another shape, or is None for more than one element.
            RuntimeError: the tape was freed by an earlier backward, or holds nothing of this tensor.
        """
        backward(self, gradient._array if isinstance(gradient, Tensor) else gradient, retain_graph)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        forbid_reading(self, NUMPY_ON_TENSOR)
        if copy:
            return np.array(self._array, dtype=dtype)
        return np.asarray(self._array, dtype=dtype)

    def __dlpack__(self, **options: Any) -> Any:
        """The array for other libraries, without a copy; they call it: ``torch.from_dlpack(t)``."""
        return self.data.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._array.__dlpack_device__()

    def __buffer__(self, flags: int) -> memoryview:
        """The memory of the array, from Python 3.12 on: ``memoryview(t)``."""
        return memoryview(self.data)  # type: ignore[arg-type]  # an array is a buffer

    def __float__(self) -> float:
        return float(only(self.data).item())

    def __int__(self) -> int:
        return int(only(self.data).item())

    def __index__(self) -> int:
        array = self.data
        if array.ndim or array.dtype.kind not in "iu":
            raise TypeError(
                f"only a tensor of shape () with an integer is an index, got shape {array.shape}, dtype {array.dtype}"
            )
        return operator.index(array)

    def __bool__(self) -> bool:
        return bool(only(self.data))

    def __len__(self) -> int:
        if self._array.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        if self._array.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(len(self)))

    def __hash__(self) -> int:
        return id(self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self.size == 1 else repr(self)

    def __copy__(self) -> Any:
        """Another name of the same array; of a computed tensor one step further on the tape."""
        computed = self._node is not None and self.requires_grad
        t = type(self).__new__(type(self))
        if not computed:
            forbid_capture(COPIED)
        for name, value in _parts(self):
            setattr(t, name, value)
        if computed:
            t._grad, t._grad_is_set = None, False
            t.requires_grad = grad_mode.enabled
            t._node = Node((self,), lambda dy: (dy,), True) if grad_mode.enabled else None
        return t

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if self._node is not None and self.requires_grad:
            raise RuntimeError(
                "deepcopy: a computed tensor that wants a gradient has its place on the tape, which is not copied; use "
                "copy.copy(t), which keeps the gradient, or copy.deepcopy(t.detach())"
            )
        forbid_reading(self, COPIED)
        t = memo[id(self)] = type(self).__new__(type(self))
        for name, value in _parts(self):
            setattr(t, name, copy.deepcopy(value, memo))
        return t

    def __reduce_ex__(self, protocol: Any) -> Any:
        """For pickle: the class and the values, with the gradient if there is one."""
        forbid_capture(COPIED)
        if self._node is not None and self.requires_grad:
            raise TypeError(
                "pickle: a computed tensor that wants a gradient has its place on the tape, which is not written; "
                "pickle t.detach() or t.numpy()"
            )
        return copyreg.__newobj__, (type(self),), self._pickled()  # type: ignore[attr-defined]

    def _pickled(self) -> dict[str, Any]:
        """The attributes that make an equal tensor, by name."""
        state = dict(_parts(self))
        state.update(_node=None, _grad=self._grad if self._grad_is_set else None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in in_own_memory(state).items():
            setattr(self, name, value)

    def __repr__(self) -> str:
        forbid_capture("a tensor was printed or formatted")
        grad = ", requires_grad=True" if self.requires_grad else ""
        body = np.array2string(self._array, separator=", ", prefix="Tensor(")
        return f"Tensor({body}, shape={self.shape}, dtype={self.dtype}{grad})"

    def _repr_html_(self) -> str:
        forbid_capture("a tensor was printed or formatted")
        from .tensor_html import tensor_html  # of notebooks

        return tensor_html(self._array, type(self).__name__, self.requires_grad)

    # Arithmetic is bound by lamina.ops (see ops/__init__.py), which stands above this file.
    if TYPE_CHECKING:

        def _binary(self, other: Any) -> Tensor: ...
        def _unary(self) -> Tensor: ...
        def _reduction(self, axis: Any = None, keepdims: bool = False) -> Tensor: ...
        def _any(self, *args: Any, **kwargs: Any) -> Tensor: ...

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
        def T(self) -> Tensor: ...


def _parts(tensor: Tensor) -> Iterator[tuple[str, Any]]:
    """The attributes of a tensor, and those that a subclass adds, by their names."""
    reduced: Any = object.__reduce_ex__(tensor, 2)
    return ((name, value) for some in reduced[2] if some for name, value in some.items())


def wrap(array: Array) -> Tensor:
    """A leaf Tensor around an array that is known to be good: no check, no copy."""
    t = Tensor.__new__(Tensor)
    t._array = array
    t._node = None
    t._grad = None
    t._grad_is_set = False
    t.requires_grad = False
    return t


def unchecked_record(array: Array, inputs: Sequence[Tensor], backward: Backward) -> Tensor:
    """Wrap a native result; put it on the tape if any input wants a gradient."""
    t = wrap(array)
    for x in inputs:
        if x.requires_grad:
            if grad_mode.enabled:  # asked last: it is a thread's own, and so slower than the others
                t.requires_grad = True
                t._node = Node(inputs, backward, False)
            break
    return t


def record_lookup(array: Array, table: Tensor, backward: Backward) -> Tensor:
    """As unchecked_record, for an operation whose backward keeps ``table.touched``, where there is one."""
    t = unchecked_record(array, (table,), backward)
    if t._node is not None and table.touched is not None:
        t._node = Lookup((table,), backward, False)
    return t


def unchecked_record_view(array: Array, inputs: Sequence[Tensor], backward: BackwardView) -> Tensor:
    """As unchecked_record, for results whose input gradients are aliases of ``dy`` (reshape, identity, addition)."""
    t = wrap(array)
    for x in inputs:
        if x.requires_grad:
            if grad_mode.enabled:
                t.requires_grad = True
                t._node = Node(inputs, backward, True)
            break
    return t


_NO_ARRAY: Array = np.empty(0, np.float32)


def unchecked_record_many(arrays: Sequence[Array], inputs: Sequence[Tensor], backward: BackwardMany) -> list[Tensor]:
    """As unchecked_record, for an operation with several results.

    ``backward(dys, grads)`` runs once, after every consumer of every result: ``dys[i]`` is the gradient of result i, or
    None where nothing depends on it (at least one is given).
    """
    results = [wrap(a) for a in arrays]
    if wants_grad(*inputs):
        operation = wrap(_NO_ARRAY)  # stands for all results; no one else sees it
        operation.requires_grad = True
        operation._node = Node(inputs, backward, False)
        for i, t in enumerate(results):
            t.requires_grad = True
            t._node = Result(operation, i, len(results))
    return results


def record(array: Array, inputs: Sequence[Tensor], backward: Backward) -> Tensor:
    """The result of an operation of one's own, on the tape if any input wants a gradient.

    array: the result.  inputs: the tensors that it depends on.  backward: called as ``backward(dy, grads)`` with the
    gradient of the result; it writes that of input i into ``grads[i]``, an array of its shape and dtype, or skips it
    where that is None, adds where bit i of ``grads.accumulate`` is set, and returns nothing.  What else it does is a
    TypeError or a ValueError that names the operation.
    """
    own_gradients.check_inputs(backward, inputs, Tensor)
    return unchecked_record(array, inputs, own_gradients.written(backward))


def record_view(array: Array, inputs: Sequence[Tensor], backward: BackwardView) -> Tensor:
    """As record, for ``backward(dy)`` that returns a tuple of one gradient (or None) an input, which may alias dy."""
    own_gradients.check_inputs(backward, inputs, Tensor)
    return unchecked_record_view(array, inputs, own_gradients.returned(backward, inputs))


def record_many(arrays: Sequence[Array], inputs: Sequence[Tensor], backward: BackwardMany) -> list[Tensor]:
    """As record, for an operation with several results.

    ``backward(dys, grads)`` runs once, after every consumer of every result: ``dys[i]`` is the gradient of result i, or
    None where nothing depends on it (at least one is given).
    """
    own_gradients.check_inputs(backward, inputs, Tensor)
    return unchecked_record_many(arrays, inputs, own_gradients.written(backward))


def wants_grad(*inputs: Tensor) -> bool:
    """Whether an operation on these inputs goes on the tape (so that it must save what backward needs)."""
    return any(x.requires_grad for x in inputs) and grad_mode.enabled
