"""Copies of models with new weights."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

from ..core import registry
from ..core.tree import flatten, map_structure
from ..layers import InputLayer, Layer, SymbolicTensor
from .functional import Graph
from .model import Model
from .sequential import Sequential

_Clone = Callable[[Any], Any]


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: _Clone | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Any:
    """An equal model with new weights, compiled as the first.

    Args:
        model: the model to copy.
        input_tensors: symbolic tensors to draw the copy on, in the structure of the inputs; None makes new ones.
        clone_function: called with each layer that is no ``Input``, it returns the layer for the copy: another one, or
            the same, whose weights are shared then; None copies.
        call_function: called as ``f(layer, *args, **kwargs)`` in place of each layer's call, of functional models.
        recursive: whether ``clone_function`` and ``call_function`` also get the layers of models inside, in place of
            these models.

    Raises:
        TypeError: it is no model, or cannot be described; ``clone_function`` returns no layer; an entry of
            ``input_tensors`` is no symbolic tensor.
        ValueError: ``input_tensors`` have another structure; the options are given with a subclassed model, or
            ``call_function`` with a ``Sequential``.

    Source: Keras 3, keras.models.clone_model.

    Example:
        >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
        >>> copy = models.clone_model(model)
        >>> copy.count_params(), copy is model
        (3, False)
    """
    if not isinstance(model, Model):
        raise TypeError(f"clone_model: expected a model, got {model!r}")
    made = _Copies(clone_function, call_function, recursive).of(model, input_tensors)
    if model.compiled:
        made.compile_from_config(_compile_config(model))
    return made


class _Copies:
    """Copies of layers, one of each, also where several places share it."""

    def __init__(self, clone: _Clone | None, call: Callable[..., Any] | None, recursive: bool) -> None:
        self._clone, self._call, self._recursive = clone, call, recursive
        self._made: dict[int, Layer] = {}

    def of(self, model: Any, inputs: Any = None) -> Any:
        if inputs is None and self._clone is None and self._call is None:
            return _copied(model)
        if isinstance(model, Sequential):
            return self._sequential(model, inputs)
        if model._graph is None:
            raise ValueError(
                "clone_model: input_tensors, clone_function and call_function need a Sequential or a functional "
                f"model, got the subclassed {model._label()}"
            )
        return self._functional(model, inputs)

    def _layer(self, layer: Layer) -> Any:
        found = self._made.get(id(layer))
        if found is None:
            if self._recursive and (isinstance(layer, Sequential) or getattr(layer, "_graph", None) is not None):
                found = self.of(layer)
            else:
                with registry.keeping_objects():  # so that layers inside need not be registered
                    found = _copied(layer) if self._clone is None else self._clone(layer)
            if not isinstance(found, Layer):
                raise TypeError(
                    f"clone_model: clone_function returned {found!r} for {layer._label()}, expected a layer"
                )
            self._made[id(layer)] = found
        return found

    def _sequential(self, model: Sequential, inputs: Any) -> Sequential:
        if self._call is not None and not self._recursive:
            raise ValueError("clone_model: call_function needs a functional model, since a Sequential lists its layers")
        first: list[Any] = [] if model._input is None else [_copied(model._input)]
        if inputs is not None:
            given = flatten(inputs)
            if len(given) != 1 or not isinstance(given[0], SymbolicTensor):
                raise TypeError(
                    f"clone_model: input_tensors of a Sequential must be one symbolic tensor, got {inputs!r}"
                )
            name = None if model._input is None else model._input.name
            first = [InputLayer(batch_shape=given[0].shape, dtype=given[0].dtype, name=name)]
        copies = [self._layer(layer) for layer in model.layers]
        return Sequential([*first, *copies], trainable=model.trainable, name=model.name)

    def _functional(self, model: Any, inputs: Any) -> Any:
        graph: Graph = model._graph
        if inputs is None:
            new = {id(t): _copied(layer).output for t, layer in zip(graph.sources, graph.input_layers, strict=True)}
            inputs = map_structure(lambda t: new[id(t)], graph.inputs)
        given = flatten(inputs)
        if not all(isinstance(t, SymbolicTensor) for t in given):
            raise TypeError(f"clone_model: input_tensors must be symbolic tensors, got {inputs!r}")
        if len(given) != len(graph.sources):
            raise ValueError(f"clone_model: the model has {len(graph.sources)} inputs, got {len(given)} input_tensors")
        values: dict[int, Any] = {id(t): new for t, new in zip(graph.sources, given, strict=True)}

        def value(x: Any) -> Any:
            return values[id(x)] if isinstance(x, SymbolicTensor) else x

        for node in graph.nodes:
            layer = self._layer(node.layer)
            args, kwargs = map_structure(value, (node.args, node.kwargs))
            results = layer(*args, **kwargs) if self._call is None else self._call(layer, *args, **kwargs)
            values |= {id(t): new for t, new in zip(flatten(node.outputs), flatten(results), strict=True)}
        outputs = map_structure(value, graph.outputs)
        drawn = {"inputs", "outputs"} <= set(inspect.signature(type(model).__init__).parameters)
        cls = type(model) if drawn else Model
        made = cls(inputs, outputs, name=model.name)
        made.trainable = model.trainable
        return made


def _copied(layer: Layer) -> Any:
    with registry.keeping_objects():
        return type(layer).from_config(layer.get_config())


def _compile_config(model: Any) -> dict[str, Any]:
    """What the model was compiled with; losses, metrics and optimizers are copies with a state of their own."""
    given = dict(model.get_compile_config())
    for name, value in given.items():
        own_state = hasattr(value, "from_config") and hasattr(value, "learning_rate")
        given[name] = type(value).from_config(value.get_config()) if own_state else copy.deepcopy(value)
    return given


__all__ = ["clone_model"]
