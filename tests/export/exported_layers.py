"""Every layer of the layer table as a model of its own, exported and run by onnxruntime."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnxruntime

import lamina
from lamina.core.tree import flatten, map_shapes
from lamina.export import to_onnx
from lamina.testing.layer_checks import LayerCheck


def symbols(check: LayerCheck, time: bool, dtype: str = "float32") -> Any:
    """Inputs with a free batch axis, and, where the layer knows one, a free time axis."""

    def drawn(shape: Any, limit: int) -> Any:
        sizes = list(shape[1:])
        if time and check.time:
            sizes[check.time - 1] = None
        return lamina.Input(sizes, dtype="int64" if limit else dtype)

    both = zip(check.shapes, check.limits, strict=True)
    return tuple(map_shapes(lambda s, limit=limit: drawn(s, limit), shape) for shape, limit in both)


def model_of(check: LayerCheck, time: bool, dtype: str = "float32") -> Any:
    lamina.random.seed(0)  # unlucky weights of a layer's normalization make rounding errors large
    args = symbols(check, time, dtype)
    model = lamina.Model(flatten(args), check.make(dtype)(*args))
    draw = np.random.default_rng(0)
    for w in model.trainable_weights:  # zeros and ones hide mistakes
        w.assign(w.numpy() + 0.3 * draw.standard_normal(w.shape))
    return model


def inputs_of(check: LayerCheck, batch: int, steps: int | None, seed: int) -> list[np.ndarray]:
    """Arrays for a call with this batch size and, where the time axis is free, so many steps."""
    draw = np.random.default_rng(seed)

    def array(shape: Any, limit: int) -> np.ndarray:
        sizes = [batch, *shape[1:]]
        if steps is not None and check.time:
            sizes[check.time] = steps
        if limit:
            return draw.integers(0, limit, sizes)
        return draw.standard_normal(sizes).astype(np.float32)

    both = zip(check.shapes, check.limits, strict=True)
    return flatten(tuple(map_shapes(lambda s, limit=limit: array(s, limit), shape) for shape, limit in both))


def nodes_of(check: LayerCheck, opset: int = 21) -> tuple[Counter[str], float, bool]:
    """How many of which nodes a layer becomes, the largest difference of what onnxruntime gives in relation to the
    largest number, and whether its time axis is free, if it has one.

    Raises:
        ValueError: it is refused.
    """
    for time in (True, False) if check.time else (False,):
        try:
            model = model_of(check, time)
            proto = to_onnx(model, opset_version=opset, verify=False)
        except ValueError:
            if not time:
                raise
            continue
        far = max(difference(check, model, proto, batch, steps if time else None) for batch, steps in CALLS)
        return Counter(n.op_type for n in proto.graph.node), far, time
    raise AssertionError("not reached")


CALLS = ((1, 4), (5, 7), (3, 12))  # batch sizes and steps


def difference(check: LayerCheck, model: Any, proto: Any, batch: int, steps: int | None) -> float:
    inputs = inputs_of(check, batch, steps, batch)
    try:
        want = flatten(model(inputs if len(inputs) > 1 else inputs[0], training=False))
    except ValueError:  # a layer with a limited number of steps
        if not steps or steps < 4:
            raise
        return difference(check, model, proto, batch, steps // 4)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    got = session.run(None, dict(zip([i.name for i in session.get_inputs()], inputs, strict=True)))
    far = 0.0
    for a, b in zip(want, got, strict=True):
        assert a.shape == b.shape, f"{check.name}: {b.shape}, expected {a.shape}"
        assert a.dtype == b.dtype, f"{check.name}: {b.dtype}, expected {a.dtype}"
        if a.size:
            scale = max(1.0, float(np.abs(a.numpy()).max()))
            far = max(far, float(np.abs(a.numpy().astype(float) - b).max()) / scale)
    return far
