"""ONNX's backend interface, for ``onnx.backend.test`` and whoever runs models by it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.autograd import Array, no_grad
from ..core.rooms import publish as _publish
from .element_types import working
from .model import ONNXModel, load
from .reading import import_onnx


class BackendRep:
    """A model ready to run.

    Args:
        model: the model.

    Example:
        >>> import onnx
        >>> node = onnx.helper.make_node("Relu", ["x"], ["y"])
        >>> x, y = (onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [2]) for n in "xy")
        >>> proto = onnx.helper.make_model(onnx.helper.make_graph([node], "relu", [x], [y]))
        >>> isinstance(lamina.onnx.backend.prepare(proto), lamina.onnx.backend.BackendRep)
        True
    """

    def __init__(self, model: ONNXModel) -> None:
        self.model = model

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Array, ...]:
        """The outputs.

        Args:
            inputs: arrays in the order of the graph's inputs, or a dict by name.
            **kwargs: nothing.

        Returns: arrays of the types that the file declares.

        Raises:
            ValueError: the inputs do not fit.
        """
        if kwargs:
            raise TypeError(f"run: unknown arguments {sorted(kwargs)}")
        declared = [v.declared for v in self.model._outputs]
        return tuple(y.astype(d, copy=False) for y, d in zip(self._results(inputs), declared, strict=True))

    def _results(self, inputs: Any) -> list[Array]:
        """The outputs in the types in which they are computed."""
        if isinstance(inputs, dict):
            inputs = {name: working(np.asarray(x)) for name, x in inputs.items()}
        else:
            inputs = [working(np.asarray(x)) for x in (inputs if isinstance(inputs, (list, tuple)) else [inputs])]
        with no_grad():
            found = self.model(inputs)
        return [y.numpy() for y in (found if isinstance(found, list) else [found])]


def prepare(model: Any, device: str = "CPU", **kwargs: Any) -> BackendRep:
    """A model ready to run.

    Args:
        model: an ``onnx.ModelProto``.
        device: "CPU".
        **kwargs: options of ``lamina.onnx.load``.

    Raises:
        ValueError: the model cannot be computed, or the device is another one.

    Example:
        >>> import onnx
        >>> node = onnx.helper.make_node("Relu", ["x"], ["y"])
        >>> x, y = (onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [2]) for n in "xy")
        >>> proto = onnx.helper.make_model(onnx.helper.make_graph([node], "relu", [x], [y]))
        >>> lamina.onnx.backend.prepare(proto).run([np.array([-1.0, 2.0], "float32")])[0]
        array([0., 2.], dtype=float32)
    """
    if not supports_device(device):
        raise ValueError(f"prepare: device is {device!r}, only 'CPU' is supported")
    return BackendRep(load(model, **kwargs))


def run_model(model: Any, inputs: Any, device: str = "CPU", **kwargs: Any) -> tuple[Array, ...]:
    """The outputs of a model.

    Args:
        model: an ``onnx.ModelProto``.
        inputs: arrays in the order of the graph's inputs, or a dict by name.
        device: "CPU".
        **kwargs: options of ``lamina.onnx.load``.

    Raises:
        ValueError: the model cannot be computed, or the inputs do not fit.

    Example:
        >>> import onnx
        >>> node = onnx.helper.make_node("Relu", ["x"], ["y"])
        >>> x, y = (onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [2]) for n in "xy")
        >>> proto = onnx.helper.make_model(onnx.helper.make_graph([node], "relu", [x], [y]))
        >>> lamina.onnx.backend.run_model(proto, [np.array([-1.0, 2.0], "float32")])[0]
        array([0., 2.], dtype=float32)
    """
    return prepare(model, device, **kwargs).run(inputs)


def run_node(node: Any, inputs: Any, device: str = "CPU", outputs_info: Any = None, **kwargs: Any) -> tuple[Array, ...]:
    """The outputs of a single node.

    Args:
        node: an ``onnx.NodeProto``.
        inputs: arrays in the order of the node's inputs that are not left out.
        device: "CPU".
        outputs_info: (type, shape) of each output; None takes the types that the node gives.
        **kwargs: ``opset_version``, the version of the operators; other options are those of ``lamina.onnx.load``.

    Raises:
        ValueError: the node cannot be computed, or the inputs do not fit.

    Example:
        >>> import onnx
        >>> node = onnx.helper.make_node("Relu", ["x"], ["y"])
        >>> lamina.onnx.backend.run_node(node, [np.array([-1.0, 2.0], "float32")])[0]
        array([0., 2.], dtype=float32)
    """
    onnx = import_onnx()
    version = kwargs.pop("opset_version", 21)
    names = [n for n in node.input if n]
    inputs = [np.asarray(x) for x in inputs]
    if len(inputs) != len(names):
        raise ValueError(f"run_node: expected {len(names)} inputs, {names}, got {len(inputs)}")
    given = [
        onnx.helper.make_tensor_value_info(n, onnx.helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for n, x in zip(names, inputs, strict=True)
    ]
    results = [n for n in node.output if n]
    types = [d for d, _ in outputs_info] if outputs_info else [np.dtype(np.float32)] * len(results)
    made = [
        onnx.helper.make_tensor_value_info(n, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(d)), None)
        for n, d in zip(results, types, strict=True)
    ]
    graph = onnx.helper.make_graph([node], "node", given, made)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid(node.domain, version)])
    arrays = prepare(model, device, **kwargs)._results(inputs)
    return tuple(a.astype(d, copy=False) if outputs_info else a for a, d in zip(arrays, types, strict=True))


def supports_device(device: str) -> bool:
    """Whether models can run there.

    Args:
        device: "CPU", or "CUDA" and the like.

    Example:
        >>> lamina.onnx.backend.supports_device("CPU"), lamina.onnx.backend.supports_device("CUDA")
        (True, False)
    """
    return str(device).upper().split(":")[0] == "CPU"


def is_compatible(model: Any, device: str = "CPU", **kwargs: Any) -> bool:
    """Whether a model can be computed.

    Args:
        model: an ``onnx.ModelProto``.
        device: "CPU".
        **kwargs: options of ``lamina.onnx.load``.

    Example:
        >>> import onnx
        >>> node = onnx.helper.make_node("Relu", ["x"], ["y"])
        >>> x, y = (onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [2]) for n in "xy")
        >>> proto = onnx.helper.make_model(onnx.helper.make_graph([node], "relu", [x], [y]))
        >>> lamina.onnx.backend.is_compatible(proto)
        True
    """
    try:
        prepare(model, device, **kwargs)
    except (ValueError, TypeError):
        return False
    return True


__all__ = ["BackendRep", "is_compatible", "prepare", "run_model", "run_node", "supports_device"]

_publish(__name__)
