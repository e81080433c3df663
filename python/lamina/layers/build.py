"""When and with what a layer's ``build`` is called."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..core.autograd import Tensor
from ..core.tree import is_shape, leaves, map_shapes, map_structure
from .symbolic import SymbolicTensor, infer

if TYPE_CHECKING:
    from .base import Layer


def wrapped(build: Callable[..., None]) -> Callable[..., None]:
    """``build`` that marks the layer as built, remembers the shapes (saved models build again from them), and puts
    the layer's name before errors."""
    signature = inspect.signature(build)

    @functools.wraps(build)
    def run(self: Layer, *args: Any, **kwargs: Any) -> None:
        if self.built:
            return  # weights are made once
        args = tuple(_plain_shape(a) for a in args)
        try:
            build(self, *args, **kwargs)
        except Exception as error:
            no_shape = args and not _is_shapes(args[0]) and type(self).__module__.startswith(f"{__package__}.")
            wrong = TypeError(f"build: expected a shape such as (None, 8), got {args[0]!r}") if no_shape else error
            self._fail(wrong, args, kwargs, build)
        bound = signature.bind(self, *args, **kwargs).arguments
        self._build_arguments = dict(list(bound.items())[1:])
        self._built = True

    return run


def _is_shapes(value: Any) -> bool:
    """Whether a value is a shape, or a nest of them."""
    if isinstance(value, dict):
        return bool(value) and all(map(_is_shapes, value.values()))
    return isinstance(value, (list, tuple)) and (is_shape(value) or all(map(_is_shapes, value)))


def _plain_shape(shape: Any) -> Any:
    """A shape as a tuple of Python integers and None; nests of shapes stay nests."""
    return tuple(None if n is None else int(n) for n in shape) if is_shape(shape) else shape


def build_for_call(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Build a layer for the arguments of its first call.

    A ``build`` with one parameter gets the shape of the first argument (a nest of shapes for a nest of tensors);
    with more, parameter ``query_shape`` gets the shape of argument ``query``; one without gets nothing.
    """
    vars(layer)["_first_call"] = _specified(args)
    if layer._built_by_call:
        layer._built = True
        if layer._build_arguments is None:
            layer._build_arguments = {f"{k}_shape": _shapes(v) for k, v in _with_tensors(layer, args, kwargs).items()}
        return
    accepted = build_parameters(layer)
    wanted = [p.name for p in accepted if p.kind is p.POSITIONAL_OR_KEYWORD]
    named = _with_tensors(layer, args, kwargs)
    given = {k: _shapes(v) for k, v in named.items()}
    try:
        if not accepted:
            layer.build()
        elif len(wanted) <= 1:
            layer.build(next(iter(given.values()), None))
        else:
            layer.build(**{k: given[k.removesuffix("_shape")] for k in wanted if k.removesuffix("_shape") in given})
    except (ValueError, TypeError, IndexError) as error:
        for t in leaves(named):  # the caller knows the arrays' shapes, not those with a free batch size
            if isinstance(t, Tensor) and t.ndim and error.args:
                error.args = (str(error.args[0]).replace(str((None, *t.shape[1:])), str(t.shape)),)
        raise


def build_parameters(layer: Layer) -> list[inspect.Parameter]:
    """What ``build`` takes besides the layer and keyword arguments of any name."""
    after_self = list(inspect.signature(type(layer).build).parameters.values())[1:]
    return [p for p in after_self if p.kind is not p.VAR_KEYWORD]


def _specified(tree: Any) -> Any:
    """What stands for tensors that a layer was called with, of any batch size."""

    def specify(t: Any) -> Any:
        return SymbolicTensor((None, *t.shape[1:]) if t.ndim else (), t.dtype) if isinstance(t, Tensor) else t

    return map_structure(specify, tree)


def build_inner(layer: Layer, *shapes: Any) -> None:
    """Build a layer that another calls, for arguments of these shapes (or nests of them).

    One without a ``build`` of its own is tried, so that the layers that its ``call`` uses are built, too.
    """
    if layer.built:
        return
    if not layer._defines_build:
        args = map_shapes(lambda shape: SymbolicTensor(shape, layer.dtype), shapes)
        infer(layer, args, {"training": False})
    else:
        layer.build(*shapes[:1] if build_parameters(layer) else ())


def _with_tensors(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call that hold tensors, by name."""
    bound = inspect.signature(type(layer).call).bind(layer, *args, **kwargs).arguments
    return {k: v for k, v in list(bound.items())[1:] if _has_tensors(v)}


def _has_tensors(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_has_tensors(v) for v in value)
    if isinstance(value, dict):
        return any(_has_tensors(v) for v in value.values())
    return isinstance(value, (Tensor, SymbolicTensor))


def _shapes(tree: Any) -> Any:
    """Shapes in place of tensors.  The batch size of real tensors counts as free: weights never depend on it."""

    def shape(t: Any) -> Any:
        if isinstance(t, SymbolicTensor):
            return t.shape
        return (None, *t.shape[1:]) if isinstance(t, Tensor) and t.ndim else ()

    return map_structure(shape, tree)
