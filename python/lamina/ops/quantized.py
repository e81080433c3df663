"""Products with int8 weights, for layers that are quantized: inference alone."""

from __future__ import annotations

from .. import _native
from ..core.autograd import Array, Gradients, Tensor
from ..core.autograd import unchecked_record as record

NO_GRADIENT = (
    "int8 weights have no gradient, and let none through: a quantized layer is for inference; train the float32 model, "
    "then quantize it"
)


def quantized_dense(x: Tensor, w: _native.QuantizedMatrix, b: Tensor | None, activation: str = "linear") -> Tensor:
    """``activation(x @ w + b)``, each row of x quantized to int8; without a gradient."""
    y = _native.quantized_dense_forward(x._array, w, None if b is None else b._array, activation)

    def backward(dy: Array, grads: Gradients) -> None:
        raise ValueError(NO_GRADIENT)

    return record(y, (x,) if b is None else (x, b), backward)
