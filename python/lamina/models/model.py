"""Model: a layer that can be trained, saved and summarised; drawn with the functional API or subclassed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import saving
from ..core import registry
from ..core.options import overridable
from ..core.suggest import unknown
from ..core.tree import as_shapes, map_shapes, map_structure
from ..layers import Layer, SymbolicTensor
from ..layers.masking import attach
from ..layers.options import UnnamedOptions, Unpack
from ..layers.quantization import quantize_layers, refuse_export
from ..layers.symbolic import infer
from ..layers.variable import auto_name, unique_keys
from ..layers.weights import children
from . import functional
from .config_parts import is_graph
from .measures import Measures
from .state_tree import StateTree
from .trainer import Trainer

if TYPE_CHECKING:
    from . import observed


def shape_given(input_shape: Any) -> Any:
    """``input_shape``; ValueError without one, since no weights would be made."""
    if input_shape is None:
        raise ValueError("give the shape of the input, such as build((None, 8)), or call the model on data")
    return input_shape


class Model(Layer, Trainer, Measures, StateTree):
    """A network that can be trained, saved and summarised.

    ``Model(inputs, outputs)`` is what lies between symbolic tensors.  A subclass makes its layers in ``__init__`` and
    defines ``call(self, inputs, training=False)``.

    Args:
        inputs: symbolic tensors from ``Input``: one, or a list, tuple or dict of them; None in a subclass.
        outputs: symbolic tensors that layers made of them, in any such structure; None in a subclass.
        name: name of the model; None makes one from the class.
        **kwargs: options of every layer: ``trainable``, ``dtype``.

    Call args:
        inputs: tensors or arrays in the structure of ``inputs``.
        mask: (N, T), True where a step of the input counts.

    Raises:
        TypeError: only one of ``inputs`` and ``outputs`` is given, or they are no symbolic tensors.
        ValueError: the outputs depend on an Input that is not among the inputs; two layers have one name.
        NotImplementedError: a subclass is called that does not define ``call``.

    Source: Keras 3, Model.

    Example:
        >>> x = lamina.Input((4,))
        >>> model = lamina.Model(x, lamina.layers.Dense(1)(x))
        >>> model.compile("adam", "mean_squared_error")
        >>> history = model.fit(np.ones((8, 4)), np.ones((8, 1)), epochs=2, verbose=0)
        >>> len(history.history["loss"])
        2
    """

    _built_by_call = True
    supports_masking = True
    _graph: functional.Graph | None = None

    def __init__(
        self, inputs: Any = None, outputs: Any = None, name: str | None = None, **kwargs: Unpack[UnnamedOptions]
    ) -> None:
        if (inputs is None) != (outputs is None):
            raise TypeError("Model: pass both inputs and outputs, or neither in a subclass")
        super().__init__(name=name, **kwargs)
        if inputs is None:
            return
        self._graph = functional.Graph(inputs, outputs)
        self._layers = self._graph.layers
        self.autocast = False  # Graph.run converts each input to its Input's dtype
        floats = [np.dtype(t.dtype) for t in self._graph.sources if np.dtype(t.dtype).kind == "f"]
        if floats and "dtype" not in kwargs:
            self._dtype = floats[0]
        if type(self) is Model:
            self._class_in_keras = "functional"
        if name is None and type(self) is Model:
            self._name = auto_name("functional")
        self._built = True

    @overridable
    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """What the model computes; a subclass defines it.

        Args:
            inputs: tensors or arrays in the structure of the model's inputs.
            training: whether the model is in training mode.
            mask: (N, T), True where a step of the input counts.

        Raises:
            NotImplementedError: a subclass does not define it.
        """
        if self._graph is None:
            raise NotImplementedError(f"{type(self).__name__} must define call(inputs), or be given inputs and outputs")
        if mask is not None and not isinstance(inputs, (list, tuple, dict)):
            inputs = attach(inputs, mask)
        return self._graph.run(inputs, self._label())

    @overridable
    def build(self, input_shape: Any = None) -> None:
        """Make all weights.

        Args:
            input_shape: shape of the input, batch axis first; a nest of shapes for several.

        Raises:
            ValueError: the shape is not given, or does not fit a layer.
        """
        inputs = map_shapes(lambda shape: SymbolicTensor(shape, self._dtype), shape_given(input_shape))
        infer(self.call, (inputs,), {})  # a graph is built already

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        if self._graph is not None:
            return self._graph.specify(args[0], self._label())
        return infer(self.__call__, args, {**kwargs, "training": False})

    def compute_output_shape(self, input_shape: Any) -> Any:
        inputs = map_shapes(lambda shape: SymbolicTensor(shape, self._dtype), input_shape)
        return map_structure(lambda t: t.shape, self.compute_output_spec(inputs))

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return None  # the layers inside attach theirs

    def get_build_config(self) -> dict[str, Any] | None:
        return super().get_build_config() if self._graph is None else None

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        shapes = (config or {}).get("shapes_dict")
        if isinstance(shapes, dict) and not self.built:  # a call with several tensors
            inputs = {k.removesuffix("_shape"): SymbolicTensor(s, self._dtype) for k, s in as_shapes(shapes).items()}
            infer(self.call, (), inputs)
            self._built = True
        else:
            super().build_from_config(config)

    def _layers_in_keras(self) -> tuple[list[Layer] | None, bool]:
        if self._graph is not None:
            from . import keras_order

            return keras_order.layers(self._graph), True
        return [layer for _, layer in children(self)], False

    @property
    def layers(self) -> list[Layer]:
        """The layers of which the model directly consists; of a functional one in Keras's order, without operations."""
        return self._layers_in_keras()[0] or []

    @property
    def inputs(self) -> Any:
        """Symbolic inputs, as a list; None in a subclassed model."""
        return None if self._graph is None else list(self._graph.sources)

    @property
    def outputs(self) -> Any:
        """Symbolic outputs, as a list; None in a subclassed model."""
        return None if self._graph is None else list(self._graph.sinks)

    @property
    def input(self) -> Any:
        """Symbolic input in the structure that the model was made with."""
        return super().input if self._graph is None else self._graph.inputs

    @property
    def output(self) -> Any:
        """Symbolic output in the structure that the model was made with."""
        return super().output if self._graph is None else self._graph.outputs

    @property
    def input_shape(self) -> Any:
        """Shape of the input, in the structure that the model was made with."""
        return map_structure(lambda t: t.shape, self.input)

    @property
    def output_shape(self) -> Any:
        """Shape of the output, in the structure that the model was made with."""
        return map_structure(lambda t: t.shape, self.output)

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs' layers."""
        return [] if self._graph is None else self._graph.input_names

    @property
    def output_names(self) -> list[str] | None:  # type: ignore[override]
        """Names of the outputs: the keys of a dict, else the layers they come from, with _1 ... where one gives two."""
        if self._graph is None:
            return None
        if isinstance(self._graph.outputs, dict):
            return [str(k) for k in self._graph.outputs]
        return unique_keys([t.node.layer.name for t in self._graph.sinks if t.node is not None])

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A direct layer by name or by place.

        Args:
            name: the layer's name.
            index: its place among ``layers``; negative ones from the end.

        Raises:
            ValueError: both or none are given, or there is no such layer.
        """
        layers = self.layers
        if (name is None) == (index is None):
            raise ValueError("get_layer: pass either name= or index=")
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(f"get_layer: index {index} is out of range, the model has {len(layers)} layers")
            return layers[index]
        known = layers if self._graph is None else self._graph.layers  # operations have names, too
        for layer in known:
            if layer.name == name:
                return layer
        raise unknown(f"layer of {self._label()}", name, [layer.name for layer in known])

    def summary(
        self,
        line_length: int | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
    ) -> None:
        """Print layers, shapes and numbers of parameters.

        Args:
            line_length: characters in a line; None fits the table.
            print_fn: called with each line; None means ``print``.
            expand_nested: whether the layers of models inside are shown, too.
            show_trainable: whether a column says which layers are trained.
        """
        from .summary import print_summary  # few programs need it; so do those below

        print_summary(self, line_length, print_fn or print, expand_nested, show_trainable)

    def save(
        self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, include_optimizer: bool = True
    ) -> None:
        """Write the whole model to one file: description, weights, how it was compiled, optimizer state.

        The file is written aside, synced and renamed, so that an error or a crash leaves an older one whole.

        Args:
            filepath: name of the file: "m.lamina", or "m.keras" for one that Keras loads, too (needs h5py).
            overwrite: whether a file of that name is replaced.
            zipped: whether a model for Keras is one file; False makes a folder of its parts.
            include_optimizer: whether the optimizer and the rest of ``compile`` is written, too.

        Raises:
            ValueError: the model has no weights yet, or the name is of another format.
            FileExistsError: the file exists, and ``overwrite`` is False.
            TypeError: a part of the model cannot be described, such as a function that is not registered.
        """
        saving.save_model(self, filepath, overwrite, zipped, include_optimizer)

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Write the weights alone to one file, by key, as safely as ``save``.

        Args:
            filepath: name of the file: "w.lamina", or "w.weights.h5" for Keras (needs h5py).
            overwrite: whether a file of that name is replaced.

        Raises:
            ValueError: the model has no weights yet, or the name is of another format.
            FileExistsError: the file exists, and ``overwrite`` is False.
        """
        saving.save_weights(self, filepath, overwrite)

    def to_json(self, **kwargs: Any) -> str:
        """The model's configuration in Keras's form, with what ``compile`` was given, as text.

        Args:
            **kwargs: arguments of ``json.dumps``, such as ``indent``.

        Raises:
            TypeError: a part of the model cannot be described, such as a function that is not registered.

        Source: Keras 3, Model.to_json.
        """
        from ..saving import keras_file  # imports what few programs need

        return json.dumps(keras_file.describe(self), **kwargs)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, by_name: bool = False) -> None:
        """Read weights that ``save_weights`` or ``save`` wrote; unless all fit, nothing is changed.

        Args:
            filepath: name of the file, Lamina's or Keras's.
            skip_mismatch: whether weights that fit by key and shape are taken, and the others left as they are.
            by_name: whether layers take the weights of layers of their names; of a file of Keras 2 (``.h5``) alone.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the model has no weights yet, the file is damaged, or the weights do not fit.
        """
        saving.load_weights(self, filepath, skip_mismatch, by_name)

    def quantize(  # type: ignore[override]
        self, mode: str | None = None, config: Any = None, filters: Any = None, type_check: bool = True
    ) -> None:  # fmt: skip
        """Make the weights of layers int8, in place, for inference: a quarter of the memory, several times the speed.

        Dense, EinsumDense, Embedding, attention's projections, LSTM, GRU, SimpleRNN and convolutions (those that are no
        slower so: 32 taps times channels or more) are quantized, also inside of other layers; all others stay as they
        are. Each output has a scale of its own; inputs are quantized row by row, of convolutions image by image, in
        each call. What trains the model refuses it from then on.

        Args:
            mode: "int8".
            config: an ``Int8QuantizationConfig`` in place of the mode.
            filters: which layers: a regular expression found in their names, a list of such, or a function of a layer;
                None takes all.
            type_check: whether classes of one's own, derived from those layers, are left out.

        Raises:
            ValueError: there is no such mode; the model isn't built, or a layer quantized already; there is no layer to
                quantize.
            TypeError: ``filters`` is something else.

        Source: Keras 3, Model.quantize.

        Example:
            >>> model = lamina.Sequential([lamina.Input((4,)), layers.Dense(8), layers.Dense(2)])
            >>> model.quantize("int8")
            >>> [w.dtype.name for w in model.layers[0].weights]
            ['float32', 'int8', 'float32']
        """
        quantize_layers(self, mode, config, filters, type_check)

    def export(
        self,
        filepath: Any,
        format: str = "onnx",
        verbose: bool | None = None,
        input_signature: Any = None,
        *,
        opset_version: int = 21,
        verify: bool | None = None,
    ) -> None:
        """Write what the model computes in inference to a file that other programs run; needs the package ``onnx``.

        The model is called twice with small random inputs, and its operations become the nodes of a graph: so a model
        with a ``call`` of its own is exported, too.  Weights are stored under the keys of ``state_dict``, kernels of
        convolutions and recurrent layers in ONNX's order of axes.  The file is written aside, checked by
        ``onnx.checker`` and then renamed, so that an older one stays whole.

        Args:
            filepath: name of the file, like "m.onnx".
            format: "onnx", the only one.
            verbose: whether the nodes are printed; None does not.
            input_signature: shapes and types of the inputs, a nest of ``InputSpec``, ``Input`` or arrays, None for the
                sizes that stay free; by default those of the model's inputs, or of its first call.
            opset_version: version of ONNX's operators, 18 to 24.
            verify: whether the file is tried with onnxruntime, at two batch sizes and lengths, before it is written;
                None means if onnxruntime is installed.

        Raises:
            ImportError: ``onnx`` is not installed, or ``onnxruntime`` with ``verify=True``.
            ValueError: an operation has no counterpart in ONNX, or follows values or free sizes in Python; the message
                names layer and operation.
            RuntimeError: onnxruntime computes something else.

        Source: Keras 3, Model.export.

        Example:
            >>> model = lamina.Sequential([lamina.Input((4,)), lamina.layers.Dense(3, "relu")])
            >>> model.export("m.onnx")
        """
        if format != "onnx":
            raise ValueError(f"{self._label()}: export: format is {format!r}, expected 'onnx'")
        from ..export import export_onnx  # an extra: imported when it is used

        refuse_export(self)
        export_onnx(self, filepath, input_signature, opset_version, verify, verbose)

    def _repr_html_(self) -> str:
        from .summary_html import model_html  # of notebooks

        return model_html(self)

    def _observed_calls(self) -> tuple[list[observed.Call], list[int]]:
        """What the layers of a model with a ``call`` of its own take from each other, as far as it can be seen."""
        from .observed import observe

        return observe(self)

    def _summary_rows(self, show_trainable: bool) -> list[list[str]]:
        """The rows of ``summary()`` of a model that is no layers; else none."""
        return []

    def get_config(self) -> dict[str, Any]:
        if self._graph is None or type(self).__init__ is not Model.__init__:
            config = super().get_config()
            if type(self).get_config is Model.get_config:  # a subclass without its own: its arguments
                config |= registry.serialize(self._given_arguments())
            return config
        from . import graph_config

        again = {"recompute": True} if self.recompute else {}
        return {"name": self._name, "trainable": self._trainable, **graph_config.describe(self._graph), **again}

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
            if not is_graph(config) or cls.__init__ is not Model.__init__:
                return super().from_config(config)
            from . import graph_config

            inputs, outputs = graph_config.from_config(config)
            again: Any = {"recompute": True} if config.get("recompute") else {}
            trainable = config.get("trainable") is not False
            return cls(inputs, outputs, name=config.get("name"), trainable=trainable, **again)

    def __getstate__(self) -> dict[str, Any]:
        """The graph first, which has its calls in order."""
        state = super().__getstate__()
        return {"_graph": state["_graph"], **state} if "_graph" in state else state


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """The model that ``to_json`` described, here or in Keras, with new weights, compiled as it was.

    Args:
        json_string: the text.
        custom_objects: {name: class or function} for what is not registered.

    Raises:
        ValueError: the text is damaged, or names a class that is unknown.
        TypeError: it is no text.

    Source: Keras 3, keras.models.model_from_json.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> models.model_from_json(model.to_json()).count_params()
        3
    """
    from ..saving import keras_file

    return keras_file.from_json(json_string, custom_objects)
