"""The long way through ``Layer.__call__``: symbolic inputs, conversion, building, masks, training flag, losses.

Calls of a built layer on one plain tensor do not come here.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import math
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import ops
from ..core.arrays import about, to_numbers, why_no_numbers
from ..core.autograd import Tensor
from ..core.explain import show
from ..core.tree import flatten, leaves, map_structure, pack_as
from ..core.warn import warn
from ..ops.conversion import as_tensor, kernel_dtype
from . import build
from .input_spec import check_input
from .masking import MaskedTensor, attach, mask_of
from .symbolic import Node, SymbolicTensor, is_symbolic, specified

if TYPE_CHECKING:
    from .base import Layer
    from .key_value_cache import KeyValueCache

BAD_INPUT = (ValueError, TypeError, IndexError)


class Observer(NamedTuple):
    """Who is told of calls of layers: after each, and before it."""

    left: Callable[[Layer, tuple[Any, ...], dict[str, Any], Any], None]
    entered: Callable[[Layer], None] | None = None


class _CallContext(threading.local):
    """What calls pass down: the training flag, the cache of a decoding step, and how deep they are nested."""

    training: bool | None = None  # None outside of a model: each layer's own default
    cache: KeyValueCache | None = None
    depth = 0
    added = 0  # how often layers added losses
    observer: Observer | None = None  # is told of every call: observed_by


context = _CallContext()


class _LossAdders:
    """The layers that add losses in their calls: ``version`` changes when another one begins to.

    A layer looks once for each version whether any inside of it does; if so, its outermost call clears the losses of
    the call before, and all its calls go the long way.
    """

    def __init__(self) -> None:
        self._versions = itertools.count()  # no version comes twice, whatever threads do
        self.begin()

    def begin(self) -> None:
        self.version = next(self._versions)


loss_adders = _LossAdders()


@contextlib.contextmanager
def observed_by(
    left: Callable[[Layer, tuple[Any, ...], dict[str, Any], Any], None],
    entered: Callable[[Layer], None] | None = None,
) -> Iterator[None]:
    """Inside, ``left(layer, args, kwargs, outputs)`` follows every call of a layer of this thread, and
    ``entered(layer)`` comes before it."""
    outer, context.observer = context.observer, Observer(left, entered)
    loss_adders.begin()  # all calls go the long way
    try:
        yield
    finally:
        context.observer = outer


@cache
def parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a method's parameters after self."""
    return tuple(inspect.signature(function).parameters)[1:]


@cache
def trains_by_default(function: Callable[..., Any]) -> bool:
    """Whether a call trains where nobody says so: layers that change images have ``training=True``, as in Keras."""
    parameter = inspect.signature(function).parameters.get("training")
    return parameter is not None and parameter.default is True


@cache
def _takes_one(function: Callable[..., Any]) -> bool:
    """Whether a method of the library's own layers takes one tensor, not a nest of them."""
    first = list(inspect.signature(function).parameters.values())[1:]
    return bool(first) and first[0].annotation == "Tensor" and str(function.__module__).startswith(f"{__package__}.")


@cache
def _by_position(function: Callable[..., Any]) -> bool:
    """Whether a method's first parameter after self has a name and may be given without it."""
    return list(inspect.signature(function).parameters.values())[1].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD


def tensors(tree: Any) -> Iterator[Any]:
    """The tensors, with values or symbolic, of a nest."""
    return (t for t in leaves(tree) if isinstance(t, (Tensor, SymbolicTensor)))


def run(layer: Layer, method: Callable[..., Any], x: Any) -> Any:
    """Call a layer on ``x``, which is not symbolic, with ``method`` in the place of its ``call``."""
    if layer._ready == loss_adders.version and type(x) is Tensor and x._array.dtype is layer._dtype:
        try:
            return method(x, training=context.training or False) if layer._takes_training else method(x)
        except Exception as error:
            layer._fail(error, (x,), {})
    return full_call(layer, (x,), {}, method)


def full_call(
    layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any], method: Callable[..., Any] | None = None
) -> Any:
    """Call a layer in any state with any arguments.

    method: what takes the place of its ``call``, with the same arguments.
    """
    if "_name" not in vars(layer):
        raise RuntimeError(f"{type(layer).__name__}.__init__ must begin with super().__init__()")
    names, observer = parameters(type(layer).call), context.observer
    if observer is not None and observer.entered is not None:
        observer.entered(layer)
    if not args and names and names[0] in kwargs and _by_position(type(layer).call):
        args = (kwargs.pop(names[0]),)  # conversion, masks and errors regard the first argument, however it came
    takes_training, by_default = "training" in names, trains_by_default(type(layer).call)
    training, outer = kwargs.get("training"), context.training
    if not takes_training:
        kwargs.pop("training", None)
    elif len(args) > 1 and isinstance(args[-1], bool) and names[len(args) - 1 :][:1] == ("training",):
        mend = f"write training={args[-1]}"
        raise TypeError(f"{layer._label()}: tensors alone are given by their places; {mend}")
    try:
        if is_symbolic(args) or is_symbolic(kwargs):
            return _draw(layer, args, kwargs)
        args = _converted(layer, args)
        for key in kwargs:
            kwargs[key] = map_structure(lambda x: _convert(layer, x, False), kwargs[key])
        if layer.input_spec is not None and args:
            check_input(layer.input_spec, args[0])
        if not layer.built:
            build.build_for_call(layer, args, kwargs)
            if layer.input_spec is not None and args:  # build may have set it
                check_input(layer.input_spec, args[0])
        if training is not None:
            context.training = bool(training)
        if takes_training:
            kwargs["training"] = by_default if context.training is None else context.training
        mask = _pass_masks(names, args, kwargs)
        if context.depth == 0 and (loss_adders.version != layer._looked_for_losses or layer._adds_losses):
            layer._clear_losses()
        known, added = loss_adders.version, context.added
        recomputes = layer.recompute or layer._remat_mode is not None
        context.depth += 1
        try:
            run_it = method or layer.call
            if recomputes:
                run_it = layer._recomputing(run_it)
            outputs = run_it(*args, **kwargs)
        finally:
            context.depth -= 1
    except Exception as error:
        layer._fail(error, args, kwargs)
    finally:
        context.training = outer
    if layer.activity_regularizer is not None:
        for y in tensors(outputs):
            layer.add_loss(ops.divide(layer.activity_regularizer(y), float(math.prod(y.shape[:1]) or 1)))
    makes_masks = layer._makes_masks
    goes_long = (
        layer._adds_losses or added != context.added or makes_masks or layer.input_spec is not None or recomputes
    )
    if added != context.added:
        vars(layer)["_adds_losses"] = True
    watched = observer is not None
    vars(layer).update(_takes_training=takes_training, _ready=None if goes_long or by_default or watched else known)
    if mask is not None or makes_masks:
        outputs = _with_mask(layer, outputs, args[0] if args else None, mask)
    if observer is not None:
        observer.left(layer, args, kwargs, outputs)
    return outputs


def _draw(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A call with symbolic tensors: one more node of a functional model."""
    if layer.input_spec is not None and args:
        check_input(layer.input_spec, args[0])
    if not layer.built:
        build.build_for_call(layer, args, kwargs)
        if layer.input_spec is not None and args:
            check_input(layer.input_spec, args[0])
    outputs = specified(layer, args, {k: v for k, v in kwargs.items() if k != "training"})
    kept_args, kept_kwargs = map_structure(_constant, (args, kwargs))
    layer._nodes.append(Node(layer, kept_args, kept_kwargs, outputs))
    return outputs


def _constant(x: Any) -> Any:
    """A tensor that was computed is a constant of the model: its tape ends with the first backward."""
    return x.detach() if isinstance(x, Tensor) and not x.is_leaf else x


def _converted(layer: Layer, args: tuple[Any, ...]) -> tuple[Any, ...]:
    if not args:
        return args
    if args[0] is None and _is_strict(layer):
        raise ValueError("the input is None, expected a tensor or an array; did a function forget its return?")
    first = args[0] if layer._keeps_numbers or isinstance(args[0], Tensor) else _as_array(args[0])
    first = map_structure(lambda x: _convert_first(layer, x), first)
    if not isinstance(first, Tensor) and not layer._keeps_numbers and _takes_one(type(layer).call):
        raise TypeError(f"the input must be one tensor or array, got {show(args[0])}")
    return (first, *(map_structure(lambda x: _convert(layer, x, False), a) for a in args[1:]))


def _is_strict(layer: Layer) -> bool:
    """Whether a layer takes tensors alone; one of the user's own may want None, or text."""
    return type(layer).__module__.startswith(f"{__package__}.") and not layer._keeps_numbers


def _convert_first(layer: Layer, x: Any) -> Any:
    if not isinstance(x, (Tensor, np.ndarray, np.generic)) and _is_strict(layer):
        raise TypeError(f"the input is, or holds, {about(x)}; expected tensors or arrays")
    return _convert(layer, x, layer._float_input)


def _as_array(x: Any) -> Any:
    """Nested lists of numbers, data frames and the like as arrays; nests of arrays and tensors stay nests."""
    if isinstance(x, dict) or x is None:
        return x
    if isinstance(x, (list, tuple)) and not all(isinstance(v, (bool, int, float)) for v in leaves(x)):
        return type(x)(_as_array(v) for v in x)
    return x if isinstance(x, (np.ndarray, Tensor, str)) else to_numbers("the input", x)


def _convert(layer: Layer, x: Any, integers: bool) -> Any:
    """Arrays to tensors, reals of another type (and integers) to the layer's: the one conversion of an input."""
    if not isinstance(x, (Tensor, np.ndarray, np.generic)):
        return x
    dtype = x.dtype
    if dtype.kind not in "fiub":
        if layer._takes_text:
            return x
        raise TypeError(why_no_numbers("the input", x, np.asarray(x)))
    wanted = layer._dtype if layer.autocast and (dtype.kind == "f" or integers) else kernel_dtype(dtype)
    if not isinstance(x, Tensor):
        return as_tensor(x, wanted)
    if dtype == wanted:
        return x
    converted = ops.cast(x, wanted)
    return attach(converted, x.mask) if isinstance(x, MaskedTensor) else converted


def _pass_masks(names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Give ``call`` the masks that its arguments carry, each as ``<argument>_mask``; returns that of the first.

    A mask that was given by keyword is that of the first.
    """
    first = None
    for name, value in [*zip(names, args, strict=False), *kwargs.items()]:
        mask = mask_of(value)
        if mask is None:
            continue
        is_first = bool(args) and name == names[0]
        key = "mask" if is_first and "mask" in names else f"{name}_mask"
        if key in names and kwargs.get(key) is None and names.index(key) >= len(args):
            kwargs[key] = mask
        first = mask if is_first else first
    given = kwargs.get("mask") if "mask" in names else None
    return first if given is None else map_structure(lambda m: m if m is None else as_tensor(m), given)


def _with_mask(layer: Layer, outputs: Any, inputs: Any, mask: Any) -> Any:
    if not layer.supports_masking and "mask" not in parameters(type(layer).call):
        warn(f"{layer._label()} does not support masks: the mask of its input ends here")
        return outputs
    masks = flatten(layer.compute_mask(inputs, mask))
    if isinstance(outputs, Tensor):
        return _masked(outputs, masks[0])  # of several inputs the first one's, as in Keras
    results = flatten(outputs)
    return pack_as(outputs, [*map(_masked, results, masks), *results[len(masks) :]])


def _masked(y: Any, mask: Any) -> Any:
    """A result with its mask, unless it has one already or the mask is not one of its steps."""
    if not isinstance(mask, Tensor) or not isinstance(y, Tensor) or isinstance(y, MaskedTensor):
        return y
    if mask.ndim >= y.ndim > 1 or mask.shape != y.shape[: mask.ndim]:
        return y
    return attach(y, ops.cast(mask, "bool"))
