"""Keras's remat and RematScope: activations that are computed again in the backward pass instead of being kept."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import activations
from ..core.explain import show
from ..core.generator import Generator
from ..core.grad_mode import grad_mode
from ..core.recompute import recomputed
from ..core.rooms import publish
from ..core.suggest import unknown
from ..core.tree import leaves, map_shapes, map_structure
from .call import context
from .variable import Variable, scopes
from .weights import named_generators

if TYPE_CHECKING:
    from .base import Layer

_MODES = ("full", "activations", "larger_than", "list_of_layers")


class Mode(NamedTuple):
    """What the RematScope around a layer's making says of it."""

    kind: str
    output_size_threshold: int
    layer_names: tuple[str, ...]


class RematScope:
    """Layers that are made inside compute their activations again in the backward pass instead of keeping them.

    A context manager.  Results and gradients have the same bits as without.

    Args:
        mode: "full" for every layer; "activations" for their activation functions alone, as far as kernels do not apply
            them in passing, when nothing is kept for them; "larger_than" for layers whose result has more elements than
            ``output_size_threshold``, batch included; "list_of_layers" for those of ``layer_names``; None for none.
        output_size_threshold: elements of the result, for "larger_than".
        layer_names: names of layers, for "list_of_layers".

    Raises:
        ValueError: ``mode`` is another word.

    Source: Keras 3, keras.RematScope; Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".

    Example:
        >>> with lamina.RematScope(mode="full"):
        ...     block = lamina.Sequential([lamina.layers.Dense(8, "relu"), lamina.layers.Dense(4)])
        >>> block(np.ones((2, 3), "float32")).shape
        (2, 4)
    """

    def __init__(
        self, mode: str | None = "full", output_size_threshold: int = 1024, layer_names: Iterable[str] | None = None
    ) -> None:
        if mode is not None and mode not in _MODES:
            raise unknown("mode of RematScope", mode, _MODES)
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or ())
        self._outer: list[Any] = []

    def __enter__(self) -> RematScope:
        kind = self.mode
        self._outer.append(scopes.remat)
        names = tuple(self.layer_names)
        scopes.remat = None if kind is None else Mode(kind, self.output_size_threshold, names)
        return self

    def __exit__(self, *_: object) -> None:
        scopes.remat = self._outer.pop()


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function that keeps its inputs alone for the backward pass, which calls it again.

    Results and gradients have the same bits as without: the states of random generators and variables are put back for
    the second call.  Those are found in ``f`` itself, if it is a layer or a method of one, in its arguments, and in the
    closure, defaults and globals that it names.

    Args:
        f: a layer, or a function of tensors that does the same at each call; it returns a tensor or a nest of them.

    Returns: the function.

    Raises:
        TypeError: ``f`` cannot be called.
        ValueError: at a call: a layer inside adds losses, which would be added again.

    Source: Keras 3, keras.remat; Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".

    Example:
        >>> hidden = lamina.layers.Dense(8, "gelu")
        >>> block = lamina.remat(lambda x: hidden(x) * 2.0)
        >>> block(np.ones((2, 3), "float32")).shape
        (2, 8)
    """
    if not callable(f):
        raise TypeError(f"remat: expected a function or a layer, got {show(f)}")

    @functools.wraps(f, updated=())
    def rematerialized(*args: Any, **kwargs: Any) -> Any:
        held = list(_held_by(f))
        layers = [one for one in (*held, *leaves((args, kwargs))) if hasattr(one, "_held")]
        for layer in layers:
            if not layer.built:
                return f(*args, **kwargs)  # which makes its weights
        return _again(f"remat of {getattr(f, '__name__', type(f).__name__)}", f, args, kwargs, _states(held))

    return rematerialized


def of_call(layer: Layer, call: Callable[..., Any]) -> Callable[..., Any]:
    """``call``, the layer's own or what takes its place, with activations computed again as the layer says."""
    if not grad_mode.enabled:
        return call
    mode: Mode | None = None if layer.recompute else layer._remat_mode
    if mode is not None and mode.kind == "activations":
        _remat_activation(layer)
        return call
    if mode is not None and mode.kind == "list_of_layers" and layer.name not in mode.layer_names:
        return call

    def recomputing(*args: Any, **kwargs: Any) -> Any:
        if mode is not None and mode.kind == "larger_than" and not _is_larger(layer, args, mode.output_size_threshold):
            return call(*args, **kwargs)
        return _again(layer._label(), call, args, kwargs, _states([layer]))

    return recomputing


def _again(label: str, function: Callable[..., Any], args: Any, kwargs: Any, states: list[Any]) -> Any:
    training, added = context.training, context.added

    def again(*args: Any, **kwargs: Any) -> Any:
        outer, context.training = context.training, training
        context.depth += 1  # no outermost call, which would begin the losses anew
        try:
            return function(*args, **kwargs)
        finally:
            context.training = outer
            context.depth -= 1

    outputs = recomputed(function, args, kwargs, states, again)
    if context.added != added:
        raise ValueError(
            f"{label}: a layer inside adds losses, which recomputing would add again; leave recompute out there, or "
            "the losses (activity_regularizer, add_loss)"
        )
    return outputs


def _is_larger(layer: Layer, args: Any, threshold: int) -> bool:
    sizes: list[int] = []
    given = map_structure(lambda t: t.shape, args[0])
    map_shapes(lambda shape: sizes.append(math.prod(n or 0 for n in shape)), layer.compute_output_shape(given))
    return sum(sizes) > threshold


def _remat_activation(layer: Layer) -> None:
    """Let the layer's activation be computed again, unless kernels apply it in passing."""
    activation = getattr(layer, "activation", None)
    if callable(activation) and activations.fused_name(activation) is None and not hasattr(activation, "__wrapped__"):
        vars(layer)["activation"] = remat(activation)  # no change of the configuration


def _states(held: Iterable[Any]) -> list[Any]:
    """What calls change: variables that are not trained by nature, and random generators."""
    found: dict[int, Any] = {}
    for one in held:
        if isinstance(one, Generator):
            found[id(one.state)] = one.state
        elif isinstance(one, Variable):
            if not one.trainable:
                found[id(one._array)] = one._array
        else:
            inside = one._held()
            layers = (one, *inside.layers)
            trained = {id(v) for layer in layers for v in layer._variables}
            own = [v for v in inside.variables if id(v) not in trained and not v.trainable]  # set as attributes
            fixed = [v for layer in layers for v in layer._fixed]
            found.update((id(v._array), v._array) for v in (*fixed, *own))
            found.update((id(g.state), g.state) for g in named_generators(one).values())
    return list(found.values())


def _held_by(f: Any) -> Iterator[Any]:
    """The layers, variables and generators that a function can be seen to use."""
    places: list[Any] = [f, getattr(f, "__self__", None)]
    inner = inspect.unwrap(f) if inspect.isroutine(f) else f
    if isinstance(f, functools.partial):
        yield from _held_by(f.func)
        places += [*f.args, *f.keywords.values()]
    code = getattr(inner, "__code__", None)
    if code is not None:
        for cell in inner.__closure__ or ():
            try:
                places.append(cell.cell_contents)
            except ValueError:  # it has none yet
                continue
        places += [*(inner.__defaults__ or ()), *(inner.__kwdefaults__ or {}).values()]
        places += [inner.__globals__[name] for name in code.co_names if name in inner.__globals__]
    for one in leaves(places):
        if isinstance(one, (Generator, Variable)) or hasattr(one, "_held"):
            yield one


__all__ = ["RematScope", "remat"]

publish(__name__)
