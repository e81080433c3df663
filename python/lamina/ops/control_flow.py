"""Control flow: branches, loops and maps over parts of tensors.

The functions run in Python on tensors, so gradients flow through every step.  A captured step keeps what ran: loops
whose length follows shapes or Python numbers are unrolled in it.  What would follow the values of a tensor (a branch,
the end of a loop) cannot be repeated: the step stays eager and says so.
"""

from __future__ import annotations

import builtins
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.autograd import Tensor
from ..core.recording import forbid_reading
from ..core.tree import flatten, map_structure, pack_as
from .conversion import SymbolicArgument, TensorLike, _axis, as_tensor, concatenate, is_symbolic, stack
from .creation import zeros_like
from .expansion import broadcast_to
from .reshape import flip, getitem, reshape


def _functions(op: str, **functions: Any) -> None:
    for name, function in functions.items():
        if not callable(function):
            raise TypeError(f"{op}: {name} must be a function, got {function!r}")


def _decision(op: str, name: str, value: Any) -> Any:
    """The only number of a tensor or an array, which decides what runs; Python's own as they are."""
    if is_symbolic(value):
        raise SymbolicArgument
    if isinstance(value, (Tensor, np.ndarray)):
        if value.size != 1:
            raise ValueError(f"{op}: {name} must be one number, got a tensor of {value.shape}")
        if isinstance(value, Tensor):
            forbid_reading(value, f"{op} decides by the value of a tensor, {name}, what it runs")
            value = value._array
        return value.reshape(()).item()
    return value


def cond(pred: TensorLike, true_fn: Callable[..., Any], false_fn: Callable[..., Any]) -> Any:
    """The result of one of two functions.  Captured where the condition is Python's; one of a tensor is not.

    Args:
        pred: the condition, one boolean or number.
        true_fn: called without arguments if it holds.
        false_fn: called without arguments else.

    Returns: what the function returns.

    Raises:
        TypeError: one of both is no function.
        ValueError: the condition is more than one number.

    Example:
        >>> ops.cond(True, lambda: ops.ones(2), lambda: ops.zeros(2))
        Tensor([1., 1.], shape=(2,), dtype=float32)
    """
    _functions("cond", true_fn=true_fn, false_fn=false_fn)
    return true_fn() if _decision("cond", "pred", pred) else false_fn()


def switch(index: TensorLike, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """The result of one of several functions.  Captured where the number is Python's; that of a tensor is not.

    Args:
        index: the number of the function; one below or beyond takes the first or the last.
        branches: the functions.
        *operands: what the function is called with.

    Returns: what the function returns.

    Raises:
        TypeError: a branch is no function.
        ValueError: there is no branch, or the number is more than one.

    Example:
        >>> ops.switch(1, [lambda x: x + 1, lambda x: x * 10], ops.array(2.0))
        Tensor(20., shape=(), dtype=float32)
    """
    if not branches:
        raise ValueError("switch: expected one branch or more")
    _functions("switch", **{f"branches[{i}]": f for i, f in enumerate(branches)})
    i = int(_decision("switch", "index", index))
    return branches[min(max(i, 0), len(branches) - 1)](*operands)


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """Values that a function changes as long as a condition holds.  Captured unless the condition is a tensor.

    Args:
        cond: called with the values; the loop ends where what it returns is false.
        body: called with the values; returns the next ones, as many.
        loop_vars: the first values: a tuple or a list, or a single one.
        maximum_iterations: how often the loop runs at most; None sets no bound.

    Returns: the last values, a tuple, or a single one.

    Raises:
        TypeError: ``cond`` or ``body`` is no function.
        ValueError: ``body`` returns another number of values.

    Example:
        >>> ops.while_loop(lambda i: i < 5, lambda i: i + 1, (0,))
        (Tensor(5, shape=(), dtype=int64),)
    """
    _functions("while_loop", cond=cond, body=body)
    several = isinstance(loop_vars, (tuple, list))
    values = tuple(map_structure(as_tensor, v) for v in (loop_vars if several else (loop_vars,)))
    count = 0
    while (maximum_iterations is None or count < maximum_iterations) and _decision(
        "while_loop", "what cond returns", cond(*values)
    ):
        given = body(*values)
        following = tuple(given) if isinstance(given, (tuple, list)) else (given,)
        if len(following) != len(values):
            raise ValueError(f"while_loop: body returned {len(following)} values, expected {len(values)}")
        values = following
        count += 1
    return values if several else values[0]


def fori_loop(lower: int, upper: int, body_fun: Callable[..., Any], init_val: Any) -> Any:
    """A value that a function changes once for each number from ``lower`` to below ``upper``.  Captured unrolled.

    Args:
        lower: the first number.
        upper: the end, which is not included.
        body_fun: called as ``body_fun(number, value)``; returns the next value.
        init_val: the first value, anything.

    Returns: the last value.

    Raises:
        TypeError: ``body_fun`` is no function.

    Example:
        >>> ops.fori_loop(0, 5, lambda i, total: total + i, 0)
        10
    """
    _functions("fori_loop", body_fun=body_fun)
    value = init_val
    for i in builtins.range(int(_decision("fori_loop", "lower", lower)), int(_decision("fori_loop", "upper", upper))):
        value = body_fun(i, value)
    return value


def _tensors(op: str, nest: Any) -> tuple[list[Tensor], int]:
    """The tensors of a nest, whose first axes have one size, and that size."""
    flat = [as_tensor(x) for x in flatten(nest)]
    sizes = {x.shape[:1] for x in flat}
    if len(sizes) != 1 or () in sizes:
        shapes = ", ".join(str(x.shape) for x in flat) or "no tensor"
        raise ValueError(f"{op}: expected tensors whose first axes have one size, got {shapes}")
    return flat, flat[0].shape[0]


def _stacked(op: str, results: list[Any]) -> Any:
    """Nests of tensors stacked leaf by leaf."""
    if not results:
        raise ValueError(f"{op}: there is no part to call the function on; expected one or more")
    columns = builtins.zip(*(flatten(r) for r in results), strict=True)
    return pack_as(results[0], [stack([as_tensor(x) for x in column]) for column in columns])


def scan(
    f: Callable[..., Any],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """A function called with each part of tensors and a value that goes from call to call.  Captured unrolled.

    Args:
        f: called as ``f(carry, x)``; returns the next carry and a result y, or None for none.
        init: the first carry, a tensor or a nest of them.
        xs: a tensor or a nest of them, whose parts along the first axis are the x; None calls with None.
        length: how many calls; None takes the size of the first axis.
        reverse: whether the last part comes first; results stand where their parts stand.
        unroll: an option of Keras without effect here.

    Returns: the last carry, and the results along a new first axis (zeros like the first carry where y is None).

    Raises:
        TypeError: ``f`` is no function.
        ValueError: neither ``xs`` nor ``length`` is given, or they do not fit; there is no part; ``unroll`` is no
            positive integer.

    Example:
        >>> total, sums = ops.scan(lambda t, x: (t + x, t + x), 0.0, np.float32([1, 2, 3]))
        >>> sums
        Tensor([1., 3., 6.], shape=(3,), dtype=float32)
    """
    _functions("scan", f=f)
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(f"scan: unroll must be a positive integer or a boolean, got {unroll!r}")
    flat: list[Tensor] = []
    if xs is not None:
        flat, n = _tensors("scan", xs)
        if length is not None and length != n:
            raise ValueError(f"scan: length={length}, but the first axes of xs have size {n}")
    elif length is None:
        raise ValueError("scan: expected xs or length")
    else:
        n = int(length)
    carry = map_structure(as_tensor, init)
    empty = map_structure(zeros_like, carry)
    results = []
    for i in builtins.range(n)[:: -1 if reverse else 1]:
        part = pack_as(xs, [getitem(x, i) for x in flat]) if flat else None
        carry, y = f(carry, part)
        results.append(empty if y is None else y)
    return carry, _stacked("scan", results[:: -1 if reverse else 1])


def map(f: Callable[..., Any], xs: Any) -> Any:
    """The results of a function of each part of tensors, along a new first axis.  Captured unrolled.

    Args:
        f: called with a part; returns a tensor or a nest of them.
        xs: a tensor or a nest of them, whose parts along the first axis are meant.

    Raises:
        TypeError: ``f`` is no function.
        ValueError: the first axes differ in size, or there is no part.

    Example:
        >>> ops.map(lambda row: row * row, np.float32([1, 2, 3]))
        Tensor([1., 4., 9.], shape=(3,), dtype=float32)
    """
    return _mapped("map", f, xs)


def vectorized_map(function: Callable[..., Any], elements: Any) -> Any:
    """The results of a function of each part of tensors, along a new first axis.  Captured unrolled.

    Args:
        function: called with a part; returns a tensor or a nest of them.
        elements: a tensor or a nest of them, whose parts along the first axis are meant.

    Raises:
        TypeError: ``function`` is none.
        ValueError: the first axes differ in size, or there is no part.

    Example:
        >>> ops.vectorized_map(lambda x: 2 * x, np.float32([1, 2]))
        Tensor([2., 4.], shape=(2,), dtype=float32)
    """
    return _mapped("vectorized_map", function, elements)


def _mapped(op: str, function: Any, elements: Any) -> Any:
    _functions(op, function=function)
    flat, n = _tensors(op, elements)
    return _stacked(op, [function(pack_as(elements, [getitem(x, i) for x in flat])) for i in builtins.range(n)])


def associative_scan(f: Callable[..., Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """All results of combining parts of tensors from the first one on, in some log2(n) calls.  Captured.

    Args:
        f: called as ``f(a, b)`` with many parts of both along the axis at once; ``f(f(a, b), c)`` must be
            ``f(a, f(b, c))``.
        elems: a tensor or a nest of them, equally long along the axis.
        reverse: whether parts are combined from the last one on.
        axis: the axis; negative ones count from the end.

    Returns: the nest of ``elems``, each part combined with all before it.

    Raises:
        TypeError: ``f`` is no function.
        ValueError: the axis is out of range, or the tensors differ in size along it.

    Example:
        >>> ops.associative_scan(lambda a, b: a + b, ops.array([1.0, 2.0, 3.0]))
        Tensor([1., 3., 6.], shape=(3,), dtype=float32)
    """
    _functions("associative_scan", f=f)
    flat = [as_tensor(x) for x in flatten(elems)]
    axes = [_axis(axis, x.ndim, "associative_scan", x.shape) for x in flat]
    sizes = [x.shape[a] for x, a in builtins.zip(flat, axes, strict=True)]
    if len(set(sizes)) != 1:
        raise ValueError(f"associative_scan: expected tensors of one size along axis {axis}, got {sizes}")

    def parts(xs: list[Tensor], key: slice) -> list[Tensor]:
        return [getitem(x, (*(slice(None),) * a, key)) for x, a in builtins.zip(xs, axes, strict=True)]

    def combined(a: list[Tensor], b: list[Tensor]) -> list[Tensor]:
        return [as_tensor(x) for x in flatten(f(pack_as(elems, a), pack_as(elems, b)))]

    def joined(first: list[Tensor], second: list[Tensor]) -> list[Tensor]:
        return [concatenate(pair, a) for *pair, a in builtins.zip(first, second, axes, strict=True)]

    def alternating(even: list[Tensor], odd: list[Tensor]) -> list[Tensor]:
        n = odd[0].shape[axes[0]]
        both = []
        for x, y, a in builtins.zip(parts(even, slice(0, n)), odd, axes, strict=True):
            both.append(reshape(stack([x, y], a + 1), (*x.shape[:a], 2 * n, *x.shape[a + 1 :])))
        more = even[0].shape[axes[0]] > n  # > is free: joining nothing would only take time
        return joined(both, parts(even, slice(n, None))) if more else both

    def scanned(xs: list[Tensor]) -> list[Tensor]:
        n = xs[0].shape[axes[0]]
        if n < 2:
            return xs
        odd = scanned(combined(parts(xs, slice(0, n - 1, 2)), parts(xs, slice(1, None, 2))))
        first = parts(xs, slice(0, 1))
        if n == 2:
            return alternating(first, odd)
        before = parts(odd, slice(0, (n - 1) // 2))
        return alternating(joined(first, combined(before, parts(xs, slice(2, None, 2)))), odd)

    if reverse:
        flat = [flip(x, a) for x, a in builtins.zip(flat, axes, strict=True)]
    results = scanned(flat)
    if reverse:
        results = [flip(x, a) for x, a in builtins.zip(results, axes, strict=True)]
    return pack_as(elems, results)


def _core_axes(signature: str | None, count: int) -> list[list[str]]:
    """The names of the axes that each argument keeps."""
    if signature is None:
        return [[] for _ in builtins.range(count)]
    shape = r"\(\s*(?:\w+\s*(?:,\s*\w+\s*)*)?\)"
    if not re.fullmatch(rf"\s*(?:{shape}\s*(?:,\s*{shape}\s*)*)?->\s*{shape}\s*(?:,\s*{shape}\s*)*", signature):
        raise ValueError(f"vectorize: signature must be such as '(m,n),(n)->(m)', got {signature!r}")
    names = [re.findall(r"\w+", s) for s in re.findall(shape, signature.partition("->")[0])]
    if len(names) != count:
        raise TypeError(f"vectorize: signature {signature!r} is of {len(names)} arguments, got {count}")
    return names


def vectorize(pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None) -> Callable[..., Any]:
    """A function that calls another one for all elements of its arguments, which broadcast.  Captured unrolled.

    Args:
        pyfunc: called with tensors of single numbers, or of the signature's axes; returns a tensor or a tuple of them.
        excluded: numbers (and names) of arguments that are passed on as they are; None excludes none.
        signature: the last axes that each argument and each result keeps, such as "(m,n),(n)->(m)"; None keeps none.

    Returns: the function.

    Raises:
        TypeError: ``pyfunc`` is no function; at a call: the arguments do not fit the signature.
        ValueError: the signature cannot be read; at a call: the arguments do not broadcast.

    Example:
        >>> double = ops.vectorize(lambda x: 2 * x)
        >>> double(np.float32([1, 2]))
        Tensor([2., 4.], shape=(2,), dtype=float32)
    """
    _functions("vectorize", pyfunc=pyfunc)
    left_out = set(excluded or ())

    def vectorized(*args: Any, **kwargs: Any) -> Any:
        if any(is_symbolic(x) for x in (*args, *kwargs.values())):
            raise TypeError(
                "vectorize: a symbolic tensor has no elements to call the function on; put it into a Lambda"
            )
        over = [i for i, x in enumerate(args) if i not in left_out and x is not None]
        names = _core_axes(signature, len(over))
        tensors = [as_tensor(args[i]) for i in over]
        fixed: dict[str, int] = {}
        for t, axes in builtins.zip(tensors, names, strict=True):
            if t.ndim < len(axes):
                raise ValueError(
                    f"vectorize: an argument is {t.shape}; signature {signature!r} expects {len(axes)} axes"
                )
            for name, size in builtins.zip(axes, t.shape[t.ndim - len(axes) :], strict=True):
                if fixed.setdefault(name, size) != size:
                    raise ValueError(f"vectorize: {name} is {fixed[name]} in one argument, {size} in another")
        cut = [t.ndim - len(axes) for t, axes in builtins.zip(tensors, names, strict=True)]
        try:
            lead = np.broadcast_shapes(*(t.shape[:k] for t, k in builtins.zip(tensors, cut, strict=True)))
        except ValueError:
            shapes = ", ".join(str(t.shape) for t in tensors)
            raise ValueError(f"vectorize: arguments of {shapes} don't broadcast") from None
        n = math.prod(lead)
        rows = [
            reshape(broadcast_to(t, (*lead, *t.shape[k:])), (n, *t.shape[k:]))
            for t, k in builtins.zip(tensors, cut, strict=True)
        ]
        results = []
        for i in builtins.range(n):
            given = list(args)
            for place, t in builtins.zip(over, rows, strict=True):
                given[place] = getitem(t, i)
            results.append(pyfunc(*given, **kwargs))
        return map_structure(lambda y: reshape(y, (*lead, *y.shape[1:])), _stacked("vectorize", results))

    return vectorized


__all__ = [
    "associative_scan", "cond", "fori_loop", "map", "scan", "switch", "vectorize", "vectorized_map", "while_loop",
]  # fmt: skip
