"""Sequential: layers one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import ops
from ..core import registry
from ..core.autograd import Tensor
from ..core.options import overridable
from ..core.recording import note_change
from ..layers import InputLayer, Layer, SymbolicTensor, fusion
from ..layers.masking import attach
from ..layers.symbolic import is_symbolic, specified
from . import functional
from .config_parts import entries
from .model import Model, shape_given


class Sequential(Model):
    """A stack of layers.

    With an ``Input`` as its first entry the weights are made, and shapes checked, as layers are added; without one, at
    the first call or by ``build(input_shape)``.

    Args:
        layers: the layers, the first nearest to the input; an Input may stand before them.
        trainable: whether training changes the weights.
        name: name of the model; None makes one from the class.
        recompute: whether the backward pass computes anew what the layers inside make, which then need not be kept:
            less memory for one more forward pass, and the same bits.

    Call args:
        inputs: the input, a tensor or an array.
        mask: (N, T), True where a step of the input counts.

    Raises:
        TypeError: an entry is no layer.
        ValueError: two layers have one name; a layer does not fit the one before; an Input is not the first entry.

    Source: Keras 3, Sequential.

    Example:
        >>> model = lamina.Sequential([lamina.Input((4,)), lamina.layers.Dense(3, "relu"), lamina.layers.Dense(1)])
        >>> model.count_params()
        19
    """

    _built_by_call = True
    _chains: list[Layer | fusion.Chain] | None = None  # the layers as they are called

    def __init__(
        self,
        layers: Iterable[Any] | None = None,
        trainable: bool = True,
        name: str | None = None,
        *,
        recompute: bool = False,
    ) -> None:
        super().__init__(name=name, trainable=trainable, recompute=recompute)
        self.autocast = False  # the first layer converts
        self._layers: list[Layer] = []
        self._input: InputLayer | None = None
        self._drawn: list[Any] = []  # the symbolic input and each layer's symbolic output, once the input is known
        self._first_shape: tuple[Any, str] | None = None  # shape and dtype of the first real input
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Any) -> None:
        """Put a layer behind the last.

        Args:
            layer: a layer, or as the first an Input.

        Raises:
            TypeError: it is no layer.
            ValueError: another layer has its name; it does not fit the layer before.
        """
        if isinstance(layer, SymbolicTensor) and layer.node is not None:
            layer = layer.node.layer
        if isinstance(layer, InputLayer):
            self._begin(layer)
            return
        if not isinstance(layer, Layer):
            raise TypeError(f"{self._label()}: only layers can be added, got {layer!r}")
        functional.check_names([*self._layers, layer])
        if not self._layers:
            self._dtype = layer._dtype
            if self._input is None and layer._input_shape_arg is not None:
                self._begin(InputLayer(layer._input_shape_arg, dtype=layer.dtype))
            elif self._input is None and isinstance(layer, Model) and layer.inputs and len(layer.inputs) == 1:
                self._begin(InputLayer(batch_shape=layer.inputs[0].shape, dtype=layer.inputs[0].dtype))
        if self._drawn:
            self._draw_on([layer])
        self._layers.append(layer)
        self.__dict__["_chains"] = None
        layer._adopt(self)
        self._built = bool(self._drawn)
        self.__dict__["_ready"] = None
        note_change(self, "layers")

    def pop(self) -> Layer:
        """Take the last layer away.

        Returns: the layer.

        Raises:
            IndexError: there is none.
        """
        if not self._layers:
            raise IndexError(f"{self._label()}: there is no layer to take away")
        if self._drawn:
            self._drawn.pop()
        self.__dict__.update(_ready=None, _chains=None)
        note_change(self, "layers")
        return self._layers.pop()

    def _begin(self, layer: InputLayer) -> None:
        if self._input is not None or self._layers:
            raise ValueError(f"{self._label()}: an Input must be the first entry, and there can be only one")
        self._input = layer
        self._drawn = [layer.output]

    def _draw_on(self, layers: list[Layer]) -> None:
        """Call the layers, one after the other, on the last symbolic output."""
        drawn: list[Any] = []
        for layer in layers:
            drawn.append(layer((drawn or self._drawn)[-1]))
        self._drawn.extend(drawn)

    @overridable
    def build(self, input_shape: Any = None) -> None:
        """Make all weights.

        Args:
            input_shape: shape of the input, batch axis first.

        Raises:
            ValueError: there are no layers, or the shape is not given or does not fit them.
        """
        if not self._layers:
            raise ValueError("there are no layers to build")
        self._draw_from(shape_given(input_shape), self.dtype)  # what has an Input is built already

    def _draw_from(self, shape: Any, dtype: str) -> None:
        first = InputLayer(batch_shape=shape, dtype=dtype)
        self._drawn = [first.output]
        try:
            self._draw_on(self._layers)
        except Exception:
            self._drawn = []
            raise
        self._input = first

    @overridable
    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        if mask is not None:
            inputs = attach(inputs, mask)
        x = inputs
        if self._drawn:
            wanted = self._drawn[0].shape
            if isinstance(x, (list, tuple)) and len(x) == 1:
                x = x[0]  # a list of inputs, as models with several take them
            if isinstance(x, Tensor) and x.ndim == len(wanted) - 1 and wanted[-1] == 1:
                x = ops.expand_dims(x, -1)
        elif self._first_shape is None and isinstance(x, Tensor):
            self._first_shape = (None, *x.shape[1:]), x.dtype.name
        chains = self._chains
        if chains is None:
            chains = self.__dict__["_chains"] = fusion.chains(self._layers)
        for chain in chains:
            x = chain(x)
        return x

    def _draw_late(self) -> list[Any]:
        """The symbolic tensors, drawn now if the model was built by a call."""
        if not self._drawn and self._first_shape is not None and self._layers:
            self._draw_from(*self._first_shape)
        return self._drawn

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        x = args[0]
        if not self._drawn and isinstance(x, SymbolicTensor):
            self._draw_from(x.shape, x.dtype)  # makes the weights
        for layer in self._layers:
            x = specified(layer, (x,), {}) if is_symbolic(x) else layer(x)
        return x

    def get_build_config(self) -> dict[str, Any] | None:
        drawn = self._draw_late()
        return {"input_shape": drawn[0].shape} if drawn else super().get_build_config()

    def _layers_in_keras(self) -> tuple[list[Layer] | None, bool]:
        return self._layers, True

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the Input."""
        return list(self._layers)

    @property
    def inputs(self) -> Any:
        """The symbolic input in a list; None while its shape is not known."""
        drawn = self._draw_late()
        return drawn[:1] or None

    @property
    def outputs(self) -> Any:
        """The symbolic output in a list; None while the input's shape is not known."""
        drawn = self._draw_late()
        return drawn[-1:] or None

    @property
    def input(self) -> Any:
        """The symbolic input."""
        return self._known("input")[0]

    @property
    def output(self) -> Any:
        """The symbolic output."""
        return self._known("output")[-1]

    def _known(self, what: str) -> list[Any]:
        drawn = self._draw_late()
        if not drawn:
            raise AttributeError(f"{self._label()} has no {what} yet: begin with an Input, build() it or call it")
        return drawn

    @property
    def input_names(self) -> list[str]:
        """Name of the Input in a list."""
        return [] if self._input is None else [self._input.name]

    @property
    def output_names(self) -> list[str] | None:  # type: ignore[override]
        """Name of the last layer in a list; None without layers."""
        return [self._layers[-1].name] if self._layers else None

    def __len__(self) -> int:
        return len(self._layers)

    def get_config(self) -> dict[str, Any]:
        layers = [registry.serialize(layer) for layer in self._layers]
        first = [] if self._input is None else [registry.serialize(self._input)]
        again = {"recompute": True} if self.recompute else {}
        return {"name": self._name, "trainable": self._trainable, "layers": first + layers, **again}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """The model that ``get_config`` described, with new weights.

        Args:
            config: what ``get_config`` returned.
            custom_objects: {name: class or function} of parts that are not registered.

        Raises:
            ValueError: the configuration is damaged, or names a class or an argument that is unknown.
        """
        with registry.custom_object_scope(custom_objects):
            layers = [registry.deserialize(entry, "layer") for entry in entries(config, "layers")]
            options = {"recompute": True} if config.get("recompute") else {}
            return cls(layers, trainable=config.get("trainable", True), name=config.get("name"), **options)
