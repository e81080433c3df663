"""Layer: the base of all layers and models, and of users' own.

A layer defines ``__init__`` (its options), ``build(input_shape)`` (its weights, made at the first call) and ``call``.
Sublayers and variables found in its attributes, also in lists, tuples and dicts, are its own.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Protocol, TypeVar, overload

import numpy as np

from .. import regularizers
from ..core.autograd import Array, Tensor, wrap
from ..core.defaults import FLOATS
from ..core.dtype_policy import MIXED, DTypePolicy, policy_name, rounds_products
from ..core.explain import Explained, explained
from ..core.quantized_policy import QuantizedDTypePolicy, quantized_policy
from ..core.recorded_plan import inside_of
from ..core.recording import note_change, note_made, notes_changes
from ..core.suggest import unknown
from ..core.tracebacks import shorten
from ..core.tree import leaves, map_shapes, map_structure
from . import build, remat
from .call import BAD_INPUT, context, full_call, loss_adders, tensors
from .declaration import own_arguments
from .layer_config import LayerConfig
from .layer_weights import LayerWeights
from .options import NoOptions, Unpack
from .symbolic import Nest, Node, Shape, SymbolicTensor, infer
from .torch_module import TorchModule
from .variable import Variable, auto_name, scopes, snake_case
from .weights import parts

if TYPE_CHECKING:
    from typing_extensions import Self

R_co = TypeVar("R_co", covariant=True)


class _Returns(Protocol[R_co]):
    """A layer whose ``call`` returns R: what a call of the layer on values returns, too."""

    @property
    def call(self) -> Callable[..., R_co]: ...


inside_of(context)

# Set at first calls and by fit; what no captured step depends on.
_BOOKKEEPING = frozenset((
    "_build_arguments", "_built", "_first_shape", "_found_metrics", "_found_variables", "_history", "_repeated",
    "_replicas", "_steps", "stop_training",
))  # fmt: skip


# What copies and unpickled layers find or record again: it knows places, versions and memory of one process.
_MADE_AGAIN = frozenset((
    "_adds_losses", "_chains", "_found_metrics", "_found_variables", "_latest_logs", "_looked_for_losses", "_nodes",
    "_own_losses", "_parent", "_ready", "_repeated", "_replicas", "_steps",
))  # fmt: skip


@notes_changes
class Layer(LayerWeights, LayerConfig, Explained, strict=True, also=("compute_output_shape",)):
    """Base class of layers; also usable on its own.

    A layer defines ``__init__`` (its options, after ``super().__init__(**kwargs)``), ``build(input_shape)`` (its
    weights, made at the first call) and ``call(inputs)``.  Layers and variables among its attributes, also in lists,
    tuples and dicts, are its own.

    A layer is called with tensors or arrays; ``training=`` reaches all layers inside.  Errors about a layer's input
    begin with its class and name.

    Args:
        activity_regularizer: penalty on the output, divided by the batch size and added to ``losses``.
        trainable: whether training changes the layer's weights.
        autocast: whether inputs are converted to ``dtype``.
        input_shape: sizes of the input without the batch axis, for the first layer of a Sequential.
        input_dim: an older name of ``input_shape`` with one size.
        recompute: whether the backward pass computes anew what the layer makes inside, which then need not be kept:
            less memory for one more forward pass, and the same bits.
        **kwargs: none: an argument of another name is a ValueError with the nearest that exists.

    Call args:
        *args: what ``call`` takes: tensors, arrays, or nests of them.
        **kwargs: the arguments of ``call`` by name, and ``training``.

    Raises:
        ValueError: ``name`` is empty or holds a slash; ``dtype`` or an argument is unknown.

    Source: Keras 3, Layer.

    Example:
        >>> class Scale(lamina.Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")
        ...     def call(self, inputs):
        ...         return inputs * self.factor
    """

    supports_masking = False
    input_spec: Any = None  # an InputSpec, or a nest of them, that the first argument of calls is checked against
    _float_input = False  # integers and booleans in the first argument are converted to the layer's dtype
    _keeps_numbers = False  # numbers and lists in the first argument reach ``call`` as they are
    _takes_text = False  # arrays of text reach ``call``, too
    _is_mixed = False  # the policy is mixed_bfloat16
    _bfloat16 = False  # and this host is fast at it: operands of products are rounded
    _keeps_dtype = False  # of integers the result has the input's dtype, not the layer's
    _defines_build = False  # the class has a build() of its own, or inherits one that is not Layer's
    _defines_mask = False  # compute_mask is the class's own
    _makes_masks = False  # and the class no one of the library: it is asked at every call
    _torch: TorchModule | None = None  # what the layer is in PyTorch, see torch_module.py
    _built_by_call = False  # nothing to build before the first call: it builds the layers inside
    _keras_names: ClassVar[Mapping[str, str]] = {}  # attributes that hold layers, where Keras's have other names
    _scope = ""  # the path of the blocks of name_scope around its making
    _class_in_keras: str | None = None  # in the paths of its files, where that isn't this class's
    _constructor: type | None = None  # the class whose arguments describe the layer, if not its own
    # Calls on a plain tensor go straight to ``call`` while no other layer begins to add losses: the layer is built and
    # makes neither masks nor losses.  None: not known.
    _ready: int | None
    _adds_losses = False  # itself or a layer inside
    _looked_for_losses: int | None = None  # at this version of loss_adders
    _takes_training: bool
    recompute = False  # of copies from before it was there, too
    _remat_mode: Any = None  # what the RematScope around its making says
    _arguments: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        layer = super().__new__(cls)
        layer.__dict__["_arguments"] = (args, kwargs)  # for get_config()
        layer.__dict__.update(_ready=None, _takes_training=False)
        note_made(layer)
        return layer

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls._defines_build = True
            setattr(cls, "build", build.wrapped(cls.__dict__["build"]))  # noqa: B010 (mypy: a method)
            cls._built_by_call = cls.__dict__.get("_built_by_call", False)
        if "compute_mask" in cls.__dict__:  # as in Keras
            cls.supports_masking = cls.__dict__.get("supports_masking", True)
            cls._defines_mask = True
            cls._makes_masks = not cls.__module__.startswith("lamina.")

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        input_shape: Sequence[int | None] | None = None,
        input_dim: int | None = None,
        recompute: bool = False,
        **kwargs: Unpack[NoOptions],
    ) -> None:
        if kwargs:
            valid = [*inspect.signature(type(self).__init__).parameters, "name", "dtype", "trainable"]
            raise unknown(f"argument of {type(self).__name__}", next(iter(kwargs)), set(valid) - {"self", "kwargs"})
        if name is not None and (not isinstance(name, str) or not name or "/" in name):
            raise ValueError(f"{type(self).__name__}: name must be a non-empty string without '/', got {name!r}")
        self._name = name or auto_name(snake_case(type(self).__name__))
        if scopes.path:
            self._scope = scopes.path
        if hasattr(dtype, "default_policy"):  # a DTypePolicyMap
            dtype = dtype[self._name]
        quantized = quantized_policy(dtype)
        if quantized is not None:
            self._check_int8()
            dtype, self._quantization = quantized.compute_dtype, quantized.quantization_mode
        policy = policy_name(dtype, f"{type(self).__name__}: dtype")
        self._dtype = FLOATS["float32" if policy == MIXED else policy]
        if policy == MIXED:
            self._is_mixed, self._bfloat16 = True, rounds_products()
        self._trainable = bool(trainable)
        self._frozen_whole = not trainable  # as made; who sets ``trainable`` later, tells each sublayer
        self._built = False
        self._build_arguments: dict[str, Any] | None = None
        self._parent: weakref.ref[Layer] | None = None
        self._variables: list[Variable] = []
        self._fixed: list[Variable] = []  # those made with trainable=False
        self._nodes: list[Node] = []
        self._own_losses: list[Tensor] = []
        if input_dim is not None:  # an older name, for inputs of one axis
            input_shape = (input_dim,)
        self._input_shape_arg = None if input_shape is None else tuple(input_shape)
        self.autocast = autocast
        if recompute:
            self.recompute = True
        if scopes.remat is not None:
            self._remat_mode = scopes.remat
        self.activity_regularizer = regularizers.get(activity_regularizer)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            self.__dict__["_ready"] = None
        if name not in _BOOKKEEPING and name != "trainable":  # which notes itself
            note_change(self, name)  # what was captured with the old value is captured again
        if isinstance(value, Layer):
            value._adopt(self)
        elif isinstance(value, Variable) and value.owner is None:
            value.owner = weakref.ref(self)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        note_change(self, name)

    def _keep(self, arguments: dict[str, Any]) -> None:
        """Keep a constructor's arguments, its ``locals()``, as attributes of the same names."""
        for name, value in own_arguments(self._label(), arguments):
            setattr(self, name, value)

    def _adopt(self, parent: Layer) -> None:
        known = self.__dict__.get("_parent")  # none where a layer inside of itself is just being read
        if known is None or known() is None:
            self.__dict__["_parent"] = weakref.ref(parent)

    # ---- to be defined by layers ----

    def build(self, *args: Any, **kwargs: Any) -> None:
        """Make the weights; a layer defines it as ``build(self, input_shape)``.  It runs once, at the first call.

        A layer called with several tensors names the shapes after its call arguments (``query_shape``).

        Args:
            *args: the shapes of the call's arguments, batch size first, None for a free size.
            **kwargs: the same by name.

        Raises:
            ValueError: the weights depend on a size that is free, or the shape does not fit.
        """
        self._built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """What the layer computes; a layer defines it as ``call(self, inputs)``, with ``training`` and ``mask`` if it
        needs them.

        Args:
            *args: tensors, or nests of them.
            **kwargs: more arguments, by name.

        Raises:
            NotImplementedError: the class does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define call(inputs)")

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shape of the result for an input shape; where a class does not define it, ``call`` is tried.

        Args:
            *args: the input shape, batch size first, None for a free size.
            **kwargs: more shapes, by name.

        Raises:
            ValueError: the shape does not fit the layer.
        """
        inputs = map_shapes(lambda shape: SymbolicTensor(shape, self._dtype), args[0])
        return map_structure(lambda t: t.shape, infer(self.__call__, (inputs,), {"training": False}))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """What a call with symbolic tensors among its arguments returns.

        Args:
            *args: the arguments of the call.
            **kwargs: the arguments of the call, by name.

        Returns: a nest of SymbolicTensor.

        Raises:
            TypeError: the input holds numbers, and another argument is symbolic.
        """
        if type(self).compute_output_shape is Layer.compute_output_shape:
            return infer(self.__call__, args, {**kwargs, "training": False})
        first = args[0] if args else next(iter(kwargs.values()))
        if any(not hasattr(t, "shape") for t in leaves(first)):
            raise TypeError("an argument is symbolic, but the input holds numbers; give it symbolic tensors, too")
        shapes = self.compute_output_shape(map_structure(lambda t: t.shape, first))
        dtype = self._dtype
        if self._keeps_dtype:
            given = [self._dtype_in_call(t.dtype) for t in tensors(first)]
            dtype = next((kind for kind in given if kind.kind == "f"), given[0] if given else dtype)
        return map_shapes(lambda shape: SymbolicTensor(shape, dtype), shapes)

    def _dtype_in_call(self, dtype: Any) -> np.dtype[Any]:
        """The type in which an argument of this type, if it isn't converted to real numbers, comes to ``call``."""
        given = np.dtype(dtype)
        return self._dtype if self.autocast and given.kind == "f" else given

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the result.

        Args:
            inputs: the input of the call.
            previous_mask: its mask, or None.
        """
        return previous_mask if self.supports_masking else None

    def _mismatch(self, shape: Shape) -> str | None:
        """Why an input of this shape cannot be right, in the words of the layer; asked when a call has failed."""
        return None

    # ---- calling ----

    @overload
    def __call__(
        self: _Returns[Tensor], inputs: Nest[SymbolicTensor], /, *args: Any, **kwargs: Any
    ) -> SymbolicTensor: ...
    @overload
    def __call__(
        self: _Returns[Tensor], inputs: Nest[Tensor] | Nest[Array], /, *args: Any, **kwargs: Any
    ) -> Tensor: ...
    @overload
    def __call__(self: _Returns[R_co], *args: Any, **kwargs: Any) -> R_co: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if (
            self._ready == loss_adders.version and len(args) == 1
        ):  # built, one plain input of the right type: no detours
            x = args[0]
            if type(x) is np.ndarray and x.dtype is self._dtype:
                x = wrap(x)
            if type(x) is Tensor and x._array.dtype is self._dtype:
                try:
                    if not kwargs:
                        return (
                            self.call(x, training=context.training or False) if self._takes_training else self.call(x)
                        )
                    if len(kwargs) == 1 and "training" in kwargs:
                        return self._call_in_mode(x, kwargs["training"])
                except Exception as error:
                    self._fail(error, args, kwargs)
        return full_call(self, args, kwargs)

    def _call_in_mode(self, x: Tensor, training: bool | None) -> Any:
        outer = context.training
        context.training = outer if training is None else bool(training)
        try:
            return self.call(x, training=context.training or False) if self._takes_training else self.call(x)
        finally:
            context.training = outer

    def _fail(
        self, error: Exception, args: tuple[Any, ...], kwargs: dict[str, Any], method: Callable[..., Any] | None = None
    ) -> NoReturn:
        """Raise ``error`` again with the layer's name before its message, unless an inner layer's stands there.

        What Python says of a wrong argument inside of the library's own layers is told by the signature of ``call``
        (or ``method``).
        """
        if getattr(error, "_lamina_layer", False):
            shorten(error)
            raise error
        own = type(self).__module__.partition(".")[0] == __package__.partition(".")[0]
        new = explained(error, self._label(), method or type(self).call, (self, *args), kwargs) if own else error
        if type(new) in BAD_INPUT:
            x = args[0] if args and not isinstance(error, TypeError) else None  # shapes are no matter of types
            message = self._mismatch(x.shape) if isinstance(x, (Tensor, SymbolicTensor, np.ndarray)) else None
            if new is error or message:
                told, own_name = str(new), f"{type(self).call.__qualname__}() "  # which may be that of a private base
                told = f"call() {told.removeprefix(own_name)}" if told.startswith(own_name) else told
                new.args = (f"{self._label()}: {message or told}",)
            new._lamina_layer = True  # type: ignore[attr-defined]
            shorten(error)  # of those that go through outer layers as they are
        if new is error:
            raise error
        raise new from error

    def _label(self) -> str:
        return f"{type(self).__name__} '{self._name}'"

    def _recomputing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """``call``, or what takes its place, with activations computed again as ``recompute`` or a RematScope says."""
        return remat.of_call(self, call)

    # ---- losses ----

    def add_loss(self, loss: Any) -> None:
        """Add to the training loss; ``call`` does so at every step.

        Args:
            loss: a scalar tensor, or a list of them.
        """
        if not self._adds_losses:
            self.__dict__["_adds_losses"] = True
            loss_adders.begin()
        context.added += 1
        self._own_losses.extend(loss if isinstance(loss, (list, tuple)) else [loss])

    @property
    def losses(self) -> list[Any]:
        """What ``add_loss`` collected in the last call, and the regularization of the trainable weights."""
        held = self._held()
        found = list(self._own_losses)
        for layer in held.layers:
            if layer._own_losses:
                found += layer._own_losses
        for v in held.variables:
            if v.regularizer is not None:
                return found + [v.regularizer(v) for v in self.trainable_weights if v.regularizer is not None]
        return found

    def _clear_losses(self) -> None:
        """Forget the losses of the call before; note whether there are any."""
        version, layers = loss_adders.version, self._held().layers
        adds = self._adds_losses or any(layer._adds_losses for layer in layers)
        vars(self).update(_adds_losses=adds, _looked_for_losses=version)
        for layer in (self, *layers):
            layer._own_losses.clear()

    def _layers_in_keras(self) -> tuple[list[Layer] | None, bool]:
        """What Keras's layer of this kind has as ``layers``; whether its files begin with these."""
        return None, False

    @property
    def name(self) -> str:
        """The layer's name."""
        return self._name

    @property
    def path(self) -> str:
        """Names from the model down."""
        parent = None if self._parent is None else self._parent()
        return f"{self._scope}{self._name}" if parent is None else f"{parent.path}/{self._name}"

    @property
    def dtype(self) -> str:
        """Type of the weights and results, as a string."""
        return str(self._dtype)

    compute_dtype = variable_dtype = dtype  # arrays are float32 under mixed_bfloat16, too: casts of one's own hold

    @property
    def dtype_policy(self) -> DTypePolicy:
        """Type of the weights and results, as an object."""
        return DTypePolicy(self._policy) if self._quantization is None else self._quantized_policy()

    def _quantized_policy(self) -> QuantizedDTypePolicy:
        return QuantizedDTypePolicy(self._quantization or "", self.dtype)

    @property
    def _policy(self) -> str:
        """The policy's name, as ``dtype`` of a layer inside or in a configuration."""
        return MIXED if self._is_mixed else self._dtype.name

    @property
    def built(self) -> bool:
        """Whether the weights have been made."""
        return self._built

    @built.setter
    def built(self, value: bool) -> None:
        self._built = bool(value)

    @property
    def input(self) -> Any:
        """The symbolic input of the layer's first place in a functional model."""
        inputs = self._first_node("input").inputs
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def output(self) -> Any:
        """The symbolic output of the layer's first place in a functional model."""
        return self._first_node("output").outputs

    def _first_node(self, what: str) -> Node:
        if not self._nodes:
            raise AttributeError(f"{self._label()} has no {what}: it was never called with the output of an Input")
        return self._nodes[0]

    def __getstate__(self) -> dict[str, Any]:
        """For deep copies and pickle: the attributes, without what is found and recorded again.

        Layers inside are written whole, the one around is not; a model's graph brings the calls of its layers.
        """
        return {name: value for name, value in vars(self).items() if name not in _MADE_AGAIN}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(_ready=None, _own_losses=[], **state)
        vars(self).setdefault("_parent", None)  # set already where a layer stands inside of itself
        vars(self).setdefault("_nodes", [])
        for variable in self._variables:
            variable.owner = weakref.ref(self)
        for _, variable in parts(self, Variable):
            if getattr(variable, "owner", None) is None:
                variable.owner = weakref.ref(self)
        for _, child in parts(self, Layer):
            child._adopt(self)

    def __copy__(self) -> Any:
        """Another layer with the same parts: sublayers and variables are shared."""
        new = type(self).__new__(type(self))
        new.__dict__.update(vars(self))
        return new

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self._name}, built={self._built}>"


__all__ = ["Layer"]
