"""``Model.export``: trace a model twice, make the graph, check it, try it, write it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.autograd import Tensor, wrap
from ..core.grad_mode import grad_mode
from ..core.tree import flatten
from ..core.warn import warn
from ..layers import Layer
from ..layers.call import context
from ..layers.symbolic import trying
from ..layers.weights import children
from ..saving.atomic import as_path
from . import onnx_file
from .graph import Graph
from .program import Program
from .signature import BATCH, SIZES, Signature, signature_of
from .trace import Trace

OLDEST, NEWEST = 18, 24


def export_onnx(
    model: Layer,
    filepath: Any,
    input_signature: Any = None,
    opset_version: int = 21,
    verify: bool | None = None,
    verbose: bool | None = None,
) -> None:
    """Write what a model computes in inference to an ONNX file; see ``Model.export``."""
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise ImportError(f'{model._label()}: export needs the package onnx: pip install "lamina[onnx]"') from None
    path = as_path("export: filepath", filepath)
    proto = to_onnx(model, input_signature, opset_version, verify)
    onnx_file.write(proto, path)
    if verbose:
        print(onnx_file.as_text(proto))


def to_onnx(model: Layer, input_signature: Any = None, opset_version: int = 21, verify: bool | None = None) -> Any:
    """The ModelProto of a model."""
    if isinstance(opset_version, bool) or not isinstance(opset_version, (int, np.integer)):
        raise TypeError(f"{model._label()}: export: opset_version must be an integer, got {opset_version!r}")
    if not OLDEST <= opset_version <= NEWEST:
        raise ValueError(
            f"{model._label()}: export: opset_version is {opset_version}, expected {OLDEST} to {NEWEST}; onnxruntime's "
            "table of versions says what it reads"
        )
    if grad_mode.recording is not None:
        raise ValueError(
            f"{model._label()}: export: it is called inside of a captured step or of another export; call it outside"
        )
    refuse_state(model)
    if context.cache is not None:
        raise ValueError(f"{model._label()}: export: a KeyValueCache keeps steps between calls; export outside of it")
    signature = signature_of(model, input_signature)
    if not model.built:
        model(*signature.filled(_sample(signature, 0, False, SIZES[0])), training=False)
    first, second, shared, table = _traces(model, signature)
    graph = Graph(int(opset_version))
    outputs = Program(graph, model, signature, first, second).run()
    names = _output_names(model, first.result)
    proto = onnx_file.as_model(graph, model, signature, outputs, names)
    if verify is None or verify:
        try_out(model, proto, signature, shared, table, must=bool(verify))
    return proto


def all_layers(layer: Layer) -> Iterator[Layer]:
    """A layer and all inside of it."""
    yield layer
    for _, inner in children(layer):
        yield from all_layers(inner)


def refuse_state(model: Layer) -> None:
    """ValueError for layers that keep states from one batch to the next."""
    for layer in all_layers(model):
        if getattr(layer, "stateful", False):
            raise ValueError(
                f"{layer._label()}: export: stateful=True keeps states between calls, which an ONNX graph does not; "
                "use return_state and initial_state, as outputs and inputs of the model"
            )


def _sizes(signature: Signature, trace: int, shared: bool, table: Any) -> dict[str, int]:
    axes = signature.axes(shared)
    sizes = {axis: table[i % len(table)][trace] + 20 * (i // len(table)) for i, axis in enumerate(axes)}
    return {**sizes, "batch": BATCH[trace]}


def _sample(signature: Signature, trace: int, shared: bool, table: Any) -> list[Tensor]:
    return signature.sample(_sizes(signature, trace, shared, table), trace)


def _traces(model: Layer, signature: Signature) -> tuple[Trace, Trace, bool, Any]:
    """Two traces with other free sizes; sizes that the model takes are looked for."""
    error: Exception | None = None
    for shared in (False, True):
        for table in SIZES:
            traces = Trace(), Trace()
            try:
                for i, trace in enumerate(traces):
                    args = signature.filled(_sample(signature, i, shared, table))
                    trace.run(model, args, {"training": False})
            except (ValueError, IndexError) as e:
                error = error or e
                if not signature.axes(False):
                    raise
                continue
            return *traces, shared, table
    assert error is not None
    raise error


def _output_names(model: Layer, result: Any) -> list[str]:
    n = len(flatten(result))
    names = getattr(model, "output_names", None)
    if isinstance(result, dict) and len(result) == n:
        return [str(k) for k in result]
    if names is not None and len(names) == n:
        return list(names)
    return ["output"] if n == 1 else [f"output_{i}" for i in range(n)]


def try_out(model: Layer, proto: Any, signature: Signature, shared: bool, table: Any, must: bool) -> None:
    """RuntimeError where onnxruntime computes something else than the model; must: whether it has to be there."""
    try:
        import onnxruntime
    except ImportError:
        if must:
            message = f'{model._label()}: export: verify=True needs onnxruntime: pip install "lamina[onnx]" onnxruntime'
            raise ImportError(message) from None
        return
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        _not_run(model, error, must)
        return
    for batch, tries in ((1, (2, 0)), (4, (1,))):
        for trial in tries:  # sizes that were not traced, or, if the model has to have some like these, one that was
            sizes = {**_sizes(signature, trial, shared, table), "batch": batch}
            inputs = signature.sample(sizes, 10 + trial)
            try:
                result = _predict(model, signature.filled([wrap(t._array.copy()) for t in inputs]))
            except (ValueError, IndexError):
                if trial == tries[-1]:
                    raise
                continue
            feed = {s.name: t._array for s, t in zip(signature.sources, inputs, strict=True)}
            try:
                got = session.run(None, {k: feed[k] for k in (i.name for i in session.get_inputs())})
            except Exception as error:
                _not_run(model, error, must)
                return
            for end, x, y in zip(session.get_outputs(), flatten(result), got, strict=True):
                _compare(model, end.name, x._array, y, sizes)
            break


def _not_run(model: Layer, error: Exception, must: bool) -> None:
    """A warning where onnxruntime has no kernel for a type, else a RuntimeError."""
    if must or not any(told in str(error) for told in ("NOT_IMPLEMENTED", "does not support double")):
        raise RuntimeError(f"{model._label()}: export: onnxruntime does not take the graph: {error}") from None
    warn(f"{model._label()}: export: not tried out, onnxruntime has no such kernel: {error}")


def _predict(model: Layer, args: tuple[Any, ...]) -> Any:
    with trying():
        return model(*args, training=False)


def _compare(model: Layer, name: str, x: Any, y: Any, sizes: dict[str, int]) -> None:
    told = f"{model._label()}: export: output {name!r} at sizes {sizes}: onnxruntime gives"
    if x.shape != y.shape or x.dtype != y.dtype:
        raise RuntimeError(f"{told} {y.dtype} {y.shape}, the model {x.dtype} {x.shape}")
    if x.dtype.kind != "f":
        if not np.array_equal(x, y):
            raise RuntimeError(f"{told} other values in {np.mean(x != y):.0%} of the places")
        return
    finite = np.isfinite(x)
    scale = max(1.0, float(np.abs(x[finite]).max(initial=0)))
    same = np.isclose(x, y, rtol=1e-3, atol=1e-4 * scale, equal_nan=True)
    if not same.all():
        far = float(np.abs(np.where(same, 0, x - y)).max())
        raise RuntimeError(f"{told} other values, up to {far:.3g} away, in {np.mean(~same):.0%} of the places")
