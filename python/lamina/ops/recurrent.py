"""Recurrent layers: whole sequences in one native call, and single steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _native
from ..autograd import Array, Gradients, Tensor, record_many, wants_grad, wrap
from ._common import TensorLike, as_tensor

__all__ = ["lstm", "lstm_cell"]
_NONE = wrap(np.empty(0, np.float32))  # stands for an argument that is not given


def _optional(x: TensorLike | None, dtype: Any) -> tuple[Tensor, Array | None]:
    """x as a tensor and its array, or None with a tensor that wants no gradient."""
    if x is None:
        return _NONE, None
    t = as_tensor(x, dtype)
    return t, t._array


def _counts(x: TensorLike | None) -> Array | None:
    """Lengths or a mask as the array that they are: a captured plan reads it anew in every run."""
    if x is None:
        return None
    return x._array if isinstance(x, Tensor) else np.asarray(x)


def lstm(
    x: TensorLike,
    kernel: TensorLike,
    recurrent_kernel: TensorLike,
    bias: TensorLike | None = None,
    initial_state: tuple[TensorLike, TensorLike] | None = None,
    lengths: TensorLike | None = None,
    mask: TensorLike | None = None,
    go_backwards: bool = False,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    return_sequences: bool = True,
    zero_output_for_mask: bool = False,
    in_time_order: bool = False,
) -> tuple[Tensor | None, Tensor, Tensor]:
    """A long short-term memory over sequences (Hochreiter and Schmidhuber 1997): (sequence, h, c).

    x (batch, time, in), kernel (in, 4 units), recurrent_kernel (units, 4 units), bias (4 units); gates in Keras's order
    i f c o.  ``initial_state`` is (h, c), each (batch, units); zeros by default.  The sequence of outputs is (batch,
    time, units), or None without ``return_sequences``; h and c are those after each sequence's last step.

    Steps that do not count keep the state and cost nothing.  ``lengths`` (batch,), int32 or int64: the steps from there
    on do not count, and their outputs are zero.  ``mask`` (batch, time), True = step counts: the other outputs repeat
    the one before (zeros at first), or are zero with ``zero_output_for_mask``.

    ``go_backwards`` begins with the last step that counts.  The outputs then stand in the order of the computation, as
    in Keras, or with ``in_time_order`` where their inputs stand.  Activations: linear, relu, tanh, sigmoid,
    hard_sigmoid.
    """
    x = as_tensor(x)
    dtype = x._array.dtype
    if dtype.kind != "f":
        x = as_tensor(x, np.dtype(np.float32))
        dtype = x._array.dtype
    kernel, recurrent_kernel = as_tensor(kernel), as_tensor(recurrent_kernel)
    first_h, first_c = (None, None) if initial_state is None else initial_state
    b, b_array = _optional(bias, dtype)
    h0, h0_array = _optional(first_h, dtype)
    c0, c0_array = _optional(first_c, dtype)
    inputs = (x, kernel, recurrent_kernel, b, h0, c0)
    arguments = (
        x._array,
        kernel._array,
        recurrent_kernel._array,
        b_array,
        h0_array,
        c0_array,
        _counts(lengths),
        _counts(mask),
        activation,
        recurrent_activation,
        go_backwards,
        in_time_order,
        zero_output_for_mask,
    )
    save = wants_grad(*inputs)
    y, h, c, *saved = _native.lstm_forward(*arguments, return_sequences, save)
    if not save:
        return None if y is None else wrap(y), wrap(h), wrap(c)
    if y is None:

        def backward_state(dys: list[Array | None], grads: Gradients) -> None:
            _native.lstm_backward(*arguments, *saved, None, *dys, *grads, grads.accumulate)  # type: ignore[call-arg]

        h, c = record_many((h, c), inputs, backward_state)
        return None, h, c

    def backward(dys: list[Array | None], grads: Gradients) -> None:
        _native.lstm_backward(*arguments, *saved, *dys, *grads, grads.accumulate)  # type: ignore[call-arg]

    y, h, c = record_many((y, h, c), inputs, backward)
    return y, h, c


def lstm_cell(
    x: TensorLike,
    states: tuple[TensorLike, TensorLike],
    kernel: TensorLike,
    recurrent_kernel: TensorLike,
    bias: TensorLike | None = None,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
) -> tuple[Tensor, Tensor]:
    """One step of ``lstm`` for streaming: x (batch, in) and states (h, c) -> the next (h, c)."""
    x = as_tensor(x)
    if x.ndim != 2:
        raise ValueError(f"lstm_cell: x must be one step, (batch, features), got shape {x.shape}")
    step = _one_step(x)
    _, h, c = lstm(
        step, kernel, recurrent_kernel, bias, states, None, None, False, activation, recurrent_activation, False
    )
    return h, c


def _one_step(x: Tensor) -> Tensor:
    """(batch, in) as sequences of one step."""
    from ..autograd import record_view

    a, shape = x._array, x._array.shape
    return record_view(a.reshape(shape[0], 1, shape[1]), (x,), lambda dy: (dy.reshape(shape),))
