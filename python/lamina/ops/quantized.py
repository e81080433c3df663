"""Products with int8 weights, for layers that are quantized: inference alone."""

from __future__ import annotations

from typing import Any

from .. import _native
from ..core.autograd import Array, Gradients, Tensor
from ..core.autograd import unchecked_record as record
from ..core.grad_mode import no_grad
from .conversion import cast
from .convolution import PADDING_MODES, Padding, Size, check_border
from .data_format import around_channels_last
from .elementwise import absolute, add, divide, multiply
from .elementwise import round as nearest
from .embedding import embedding
from .expansion import bordered
from .linear_algebra import einsum
from .reduction import max as extreme
from .reshape import reshape, take

LARGEST = 127
EPSILON = 1e-7  # added to the largest size, which keeps the scale of zeros finite; as csrc/ops/quantized.cpp has it

NO_GRADIENT = (
    "int8 weights have no gradient, and let none through: a quantized layer is for inference; train the float32 model, "
    "then quantize it"
)


def quantized_dense(x: Tensor, w: _native.QuantizedMatrix, b: Tensor | None, activation: str = "linear") -> Tensor:
    """``activation(x @ w + b)``, each row of x quantized to int8; without a gradient."""
    y = _native.quantized_dense_forward(x._array, w, None if b is None else b._array, activation)
    return record(y, (x,) if b is None else (x, b), _refuse)


def quantized_conv(
    x: Tensor,
    w: _native.QuantizedMatrix,
    gain: Tensor | None,
    b: Tensor | None,
    kernel_size: tuple[int, ...],
    strides: Size,
    padding: Padding,
    data_format: str,
    dilation_rate: Size,
    groups: int,
    activation: str,
    padding_mode: str,
) -> Tensor:
    """``activation(gain * conv(x, w) + b)``, each of the batch quantized to int8; without a gradient.

    padding: numbers, unless padding_mode is "zeros".
    """

    def run(x: Tensor) -> Tensor:
        sides: Any = padding
        if padding_mode != "zeros":
            check_border(padding_mode, x.shape[1:-1], *zip(*sides, strict=True))
            before, after = ((0, *ends, 0) for ends in zip(*sides, strict=True))
            x, sides = bordered(x, before, after, PADDING_MODES[padding_mode]), "valid"
        y = _native.quantized_conv_forward(
            x._array, w, None if gain is None else gain._array, None if b is None else b._array, kernel_size, strides,
            sides, dilation_rate, groups, activation,
        )  # fmt: skip
        return record(y, tuple(t for t in (x, gain, b) if t is not None), _refuse)

    return around_channels_last(x, data_format, "conv", run)


def quantized_embedding(indices: Tensor, table: Tensor, scale: Tensor) -> Tensor:
    """Rows of an int8 table (V, D), each divided by its scale (V,), a row an index; without a gradient."""
    with no_grad():
        of_rows = embedding(indices, reshape(scale, (len(scale), 1)))  # which checks the indices
        y = divide(cast(take(table, indices, axis=0), scale.dtype), of_rows)
    return record(y._array, (scale,), _refuse)


def quantized_einsum(equation: str, x: Tensor, axes: tuple[int, ...], w: Tensor) -> Tensor:
    """``einsum(equation, x, w)``, x quantized with one scale along ``axes``, then floats again; without a gradient."""
    with no_grad():
        largest = extreme(absolute(x), axis=axes, keepdims=True)
        scale = divide(float(LARGEST), add(largest, EPSILON))
        y = einsum(equation, divide(nearest(multiply(x, scale)), scale), w)
    return record(y._array, (x,), _refuse)


def _refuse(dy: Array, grads: Gradients) -> None:
    raise ValueError(NO_GRADIENT)


def refuse_all(dys: list[Array | None], grads: Gradients) -> None:
    """The gradient of an operation with several results, as ``_refuse``."""
    raise ValueError(NO_GRADIENT)
