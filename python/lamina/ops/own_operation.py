"""Operations of a user's own: functions with a gradient of their own; derivatives along a direction."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, enable_grad, no_grad, wants_grad, wrap
from ..core.autograd import unchecked_record_many as record_many
from ..core.explain import show
from ..core.recording import forbid_capture
from ..core.tree import flatten, map_structure, pack_as
from .conversion import SymbolicArgument, as_tensor, is_symbolic, op


def _name(f: Any) -> str:
    return getattr(f, "__name__", type(f).__name__)


def _by_upstream(grad: Any) -> bool:
    """Whether a gradient is asked for as ``grad(*args, upstream=dy)``, else as ``grad(dy)``."""
    try:
        names = inspect.signature(grad).parameters
    except (TypeError, ValueError):
        return False
    return "upstream" in names and (len(names) > 1 or names["upstream"].kind is inspect.Parameter.KEYWORD_ONLY)


def _called(grad: Any, args: tuple[Any, ...], upstream: Any) -> Any:
    if _by_upstream(grad):
        return grad(*args, upstream=upstream)
    return grad(*upstream) if isinstance(upstream, (tuple, list)) else grad(upstream)


def _gradient_of(label: str, g: Any, place: int, x: Tensor) -> Array:
    """What a gradient function returned for an input, checked."""
    if isinstance(g, Tensor):
        array = g._array
    elif isinstance(g, (np.ndarray, np.generic, int, float)) and not isinstance(g, bool):
        forbid_capture(f"the gradient of {label} is an array of NumPy's")
        array = np.asarray(g)
    else:
        raise TypeError(f"{label}: its gradient returned {show(g)} for argument {place}, expected a tensor or None")
    if array.shape != x.shape:
        raise ValueError(f"{label}: its gradient for argument {place} is {array.shape}, the argument {x.shape}")
    return _native.cast_forward(array, x.dtype) if array.dtype != x.dtype else array


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function with a gradient of its own: ``f`` returns its result and a function that gives the gradients.

    Both run as any other code on tensors; what ``f`` computes goes not on the tape.  They are captured as far as they
    call nothing that isn't.  Tensors that ``f`` uses without having them as arguments get no gradient; those that want
    one must be positional arguments.

    Args:
        f: called with the arguments; returns ``(result, grad)``.  The result is a tensor or a nest of them.  ``grad``
            is called with its gradient, zeros where nothing depends on it: as ``grad(dy)``, as ``grad(dy0, dy1)`` for a
            tuple of results, or as ``grad(*args, upstream=dy)`` if it has an argument of that name beside others.  It
            returns a tuple of the gradients of all arguments, flattened: a tensor of the argument's shape each, or None
            where there is none; of one argument the tensor alone will do.

    Returns: the function, which may be used as a decorator.

    Raises:
        TypeError: ``f`` is no function, or returns no such pair; a keyword argument wants a gradient; at backward:
            ``grad`` returns what is no gradient.
        ValueError: at backward: ``grad`` returns another number of gradients, or one of another shape.

    Example:
        >>> @lamina.custom_gradient
        ... def reversed_gradient(x):
        ...     return ops.copy(x), lambda dy: -dy
        >>> x = lamina.Tensor([1.0, 2.0], requires_grad=True)
        >>> reversed_gradient(x).sum().backward()
        >>> x.grad.tolist()
        [-1.0, -1.0]
    """
    if not callable(f):
        raise TypeError(f"custom_gradient: expected a function, got {f!r}")
    label = _name(f)

    @functools.wraps(f)
    def with_gradient(*args: Any, **kwargs: Any) -> Any:
        places = flatten(args)
        if any(is_symbolic(x) for x in (*places, *flatten(kwargs))):
            raise SymbolicArgument
        for name, value in kwargs.items():
            if wants_grad(*(x for x in flatten(value) if isinstance(x, Tensor))):
                raise TypeError(
                    f"{label}: {name} wants a gradient, which reaches positional arguments alone; pass it as one, or "
                    f"{name}={name}.detach()"
                )
        inputs = [x for x in places if isinstance(x, Tensor)]
        free = map_structure(lambda x: x.detach() if isinstance(x, Tensor) else x, args)
        with no_grad():
            given = f(*free, **kwargs)
        if not isinstance(given, tuple) or len(given) != 2 or not callable(given[1]):
            raise TypeError(f"{label}: expected (result, gradient function) of a custom_gradient, got {show(given)}")
        nest, grad = given
        results = [as_tensor(y) for y in flatten(nest)]

        def backward(dys: Any, grads: Gradients) -> None:
            upstream = [
                wrap(_native.full(y.shape, 0.0, y.dtype) if dy is None else dy)
                for y, dy in zip(results, dys, strict=True)
            ]
            with no_grad():
                found = _called(grad, free, pack_as(nest, upstream))
            found = list(found) if isinstance(found, (tuple, list)) else [found]
            if len(found) != len(places):
                raise ValueError(
                    f"{label}: its gradient returned {len(found)} gradients, expected {len(places)}: one for each "
                    "argument, None where it has none"
                )
            i = 0
            for place, (x, g) in enumerate(zip(places, found, strict=True)):
                if not isinstance(x, Tensor):
                    continue
                dx = grads[i]
                if dx is not None:
                    array = _native.full(x.shape, 0.0, x.dtype) if g is None else _gradient_of(label, g, place, x)
                    _native.copy_into(array, dx, bool(grads.accumulate >> i & 1))
                i += 1

        tracked = record_many([y._array for y in results], tuple(inputs), backward)
        for y, t in zip(results, tracked, strict=True):
            if y.dtype.kind != "f":
                t.requires_grad, t._node = False, None
        return pack_as(nest, tracked)

    return op(with_gradient, label, of_user=True)


def jvp(fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """A function's result, and how it changes along a direction: the product of its Jacobian and the tangents.

    The tape goes backward, so that this takes one walk back for each element of the result.  Not captured.

    Args:
        fun: called with the primals; returns a tensor or a nest of them.
        primals: tuple of the arguments, floats.
        tangents: tuple of directions, one of each argument's shape.
        has_aux: whether ``fun`` returns (result, anything), of which the second part is handed on.

    Returns: (result, derivative), and the second part where ``has_aux``.

    Raises:
        TypeError: ``fun`` is no function; ``primals`` or ``tangents`` is no tuple or list.
        ValueError: primals and tangents differ in number or shape.

    Example:
        >>> y, slope = ops.jvp(lambda x: x * x, (ops.array(3.0),), (ops.array(1.0),))
        >>> float(y), float(slope)
        (9.0, 6.0)
    """
    if not callable(fun):
        raise TypeError(f"jvp: fun must be a function, got {fun!r}")
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise TypeError(f"jvp: primals and tangents must be tuples, got {show(primals)} and {show(tangents)}")
    if any(is_symbolic(x) for x in (*primals, *tangents)):
        raise TypeError("jvp: a symbolic tensor has no values to differentiate at")
    forbid_capture("jvp walks the tape in Python")
    points = [as_tensor(x) for x in primals]
    directions = [as_tensor(t, x.dtype) for x, t in zip(points, tangents, strict=False)]
    shapes = [x.shape for x in points], [as_tensor(t).shape for t in tangents]
    if shapes[0] != shapes[1] or any(x.dtype.kind != "f" for x in points):
        raise ValueError(f"jvp: primals are {shapes[0]}, tangents {shapes[1]}; expected as many floats of equal shapes")
    leaves = [Tensor(x._array, requires_grad=True) for x in points]
    with enable_grad():
        given = fun(*leaves)
    nest, aux = given if has_aux else (given, None)
    results = [as_tensor(y) for y in flatten(nest)]
    derivatives = [wrap(_derivative(y, leaves, directions)) for y in results]
    free = pack_as(nest, [y.detach() for y in results]), pack_as(nest, derivatives)
    return (*free, aux) if has_aux else free


def _derivative(y: Tensor, leaves: list[Tensor], directions: list[Tensor]) -> Array:
    """How y changes along the directions of the leaves."""
    change = np.zeros(y.size, y.dtype)
    for i in range(y.size if y.requires_grad else 0):
        for x in leaves:
            x.zero_grad()
        one = np.zeros(y.size, y.dtype)
        one[i] = 1
        y.backward(one.reshape(y.shape), retain_graph=True)
        change[i] = sum(
            float(np.vdot(x._grad, t._array)) for x, t in zip(leaves, directions, strict=True) if x.grad is not None
        )
    return change.reshape(y.shape)


__all__ = ["custom_gradient", "jvp"]
