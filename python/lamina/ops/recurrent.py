"""Recurrent layers: whole sequences in one native call, and single steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import Array, Gradients, Tensor, wants_grad, wrap
from ..core.autograd import unchecked_record_many as record_many
from .comparison import less, where
from .conversion import TensorLike, as_tensor, concatenate, expand_dims, float_tensor, optional
from .convolution import Padding, Size
from .dense import dense
from .normalization import layer_norm
from .quantized import quantized_dense, refuse_all
from .reshape import split

__all__ = ["conv_lstm", "gru", "lstm", "lstm_cell", "simple_rnn"]


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
    projection_kernel: TensorLike | None = None,
    kernel_gamma: TensorLike | None = None,
    recurrent_gamma: TensorLike | None = None,
    state_gamma: TensorLike | None = None,
    state_beta: TensorLike | None = None,
    epsilon: float = 1e-3,
    bfloat16: bool = False,
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Long short-term memory over sequences; gates in the order input, forget, candidate, output.

    Steps that do not count keep the state and cost nothing.

    Args:
        kernel: (in, 4 units).
        recurrent_kernel: (units, 4 units); (size, 4 units) with a projection to ``size`` features.
        bias: (4 units,), or None.
        initial_state: h (batch, units), or (batch, size), and c (batch, units); None begins with zeros.
        projection_kernel: (units, size), which the state h is multiplied with at each step; None for none.
        kernel_gamma: (4 units,), factors of the normalized product with the kernel; None for no normalization.
        recurrent_gamma: (4 units,), factors of the normalized product with the recurrent kernel, with kernel_gamma.
        state_gamma: (units,), factors of the normalized c in the output, with kernel_gamma.
        state_beta: (units,), summands of the normalized c in the output, with kernel_gamma.
        bfloat16: whether the products' operands are rounded to bfloat16 where the processor multiplies such; sums,
            gates and states are float32.

    Returns: the sequence of outputs (batch, time, units), None without ``return_sequences``; h and c (batch, units)
        after each sequence's last step.  With a projection outputs and h have ``size`` features.

    Raises:
        ValueError: shapes do not fit; an activation is another one; lengths and mask are both given.

    Source: Lamina; Hochreiter and Schmidhuber 1997, "Long Short-Term Memory"; projection from Sak et al. 2014, "Long
        Short-Term Memory Based Recurrent Neural Network Architectures", as in PyTorch.

    Example:
        >>> x = np.ones((2, 5, 3), "float32")  # batch, time, features
        >>> kernel, recurrent = np.ones((3, 16), "float32"), np.ones((4, 16), "float32")
        >>> y, h, c = ops.lstm(x, kernel, recurrent)
        >>> y.shape, h.shape, c.shape
        ((2, 5, 4), (2, 4), (2, 4))
    """
    states = (None, None) if initial_state is None else initial_state
    options = (go_backwards, in_time_order, zero_output_for_mask, epsilon)
    further = (*states, projection_kernel, recurrent_gamma, state_gamma, state_beta)
    x, kernel = _gates(x, kernel, kernel_gamma, (4,), epsilon, lengths, mask, bfloat16)
    y, h, c = _run(
        _LSTM, x, kernel, recurrent_kernel, bias, further, lengths, mask, activation,
        recurrent_activation, options, return_sequences, (bfloat16,),
    )  # fmt: skip
    return y, h, c


def gru(
    x: TensorLike,
    kernel: TensorLike,
    recurrent_kernel: TensorLike,
    bias: TensorLike | None = None,
    initial_state: TensorLike | None = None,
    lengths: TensorLike | None = None,
    mask: TensorLike | None = None,
    go_backwards: bool = False,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    return_sequences: bool = True,
    zero_output_for_mask: bool = False,
    in_time_order: bool = False,
    reset_after: bool = True,
    kernel_gamma: TensorLike | None = None,
    recurrent_gamma: TensorLike | None = None,
    epsilon: float = 1e-3,
    bfloat16: bool = False,
) -> tuple[Tensor | None, Tensor]:
    """Gated recurrent unit over sequences; gates in the order update, reset, candidate.

    Steps that do not count keep the state and cost nothing.

    Args:
        kernel: (in, 3 units).
        recurrent_kernel: (units, 3 units).
        bias: (2, 3 units), the input's and the recurrent one; (3 units,) without ``reset_after``; or None.
        initial_state: h (batch, units); None begins with zeros.
        reset_after: whether the reset gate multiplies after the recurrent product, or the state before it.
        kernel_gamma: (3 units,), factors of the normalized product with the kernel; None for no normalization.
        recurrent_gamma: (3 units,), factors of the normalized product with the recurrent kernel, with kernel_gamma.
        bfloat16: whether the products' operands are rounded to bfloat16 where the processor multiplies such; sums,
            gates and states are float32.

    Returns: the sequence of outputs (batch, time, units), None without ``return_sequences``; h (batch, units) after
        each sequence's last step.

    Raises:
        ValueError: shapes do not fit; an activation is another one; lengths and mask are both given.

    Source: Lamina; Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder".

    Example:
        >>> x = np.ones((2, 5, 3), "float32")  # batch, time, features
        >>> kernel, recurrent = np.ones((3, 12), "float32"), np.ones((4, 12), "float32")
        >>> y, h = ops.gru(x, kernel, recurrent)
        >>> y.shape, h.shape
        ((2, 5, 4), (2, 4))
    """
    options = (go_backwards, in_time_order, zero_output_for_mask, epsilon)
    further = (initial_state, None, None, recurrent_gamma, None, None)
    x, kernel = _gates(x, kernel, kernel_gamma, (2, 1), epsilon, lengths, mask, bfloat16)
    y, h = _run(
        _GRU if reset_after else _GRU_RESET_BEFORE, x, kernel, recurrent_kernel, bias, further,
        lengths, mask, activation, recurrent_activation, options, return_sequences, (bfloat16,),
    )  # fmt: skip
    return y, h


def simple_rnn(
    x: TensorLike,
    kernel: TensorLike,
    recurrent_kernel: TensorLike,
    bias: TensorLike | None = None,
    initial_state: TensorLike | None = None,
    lengths: TensorLike | None = None,
    mask: TensorLike | None = None,
    go_backwards: bool = False,
    activation: str = "tanh",
    return_sequences: bool = True,
    zero_output_for_mask: bool = False,
    in_time_order: bool = False,
    kernel_gamma: TensorLike | None = None,
    recurrent_gamma: TensorLike | None = None,
    epsilon: float = 1e-3,
    bfloat16: bool = False,
) -> tuple[Tensor | None, Tensor]:
    """Fully connected recurrence: ``h = activation(x @ kernel + h @ recurrent_kernel + bias)`` at each step of
    sequences.

    Steps that do not count keep the state and cost nothing.

    Args:
        kernel: (in, units).
        recurrent_kernel: (units, units).
        bias: (units,), or None.
        initial_state: h (batch, units); None begins with zeros.
        kernel_gamma: (units,), factors of the normalized product with the kernel; None for no normalization.
        recurrent_gamma: (units,), factors of the normalized product with the recurrent kernel, with kernel_gamma.
        bfloat16: whether the products' operands are rounded to bfloat16 where the processor multiplies such; sums,
            gates and states are float32.

    Returns: the sequence of outputs (batch, time, units), None without ``return_sequences``; h (batch, units) after
        each sequence's last step.

    Raises:
        ValueError: shapes do not fit; the activation is another one; lengths and mask are both given.

    Source: Lamina; Elman 1990, "Finding Structure in Time".

    Example:
        >>> x = np.ones((2, 5, 3), "float32")  # batch, time, features
        >>> y, h = ops.simple_rnn(x, np.ones((3, 4), "float32"), np.ones((4, 4), "float32"))
        >>> y.shape, h.shape
        ((2, 5, 4), (2, 4))
    """
    options = (go_backwards, in_time_order, zero_output_for_mask, epsilon)
    further = (initial_state, None, None, recurrent_gamma, None, None)
    x, kernel = _gates(x, kernel, kernel_gamma, (1,), epsilon, lengths, mask, bfloat16)
    y, h = _run(
        _SIMPLE_RNN, x, kernel, recurrent_kernel, bias, further, lengths, mask, activation,
        "sigmoid", options, return_sequences, (bfloat16,),
    )  # fmt: skip
    return y, h


def conv_lstm(
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
    strides: Size = 1,
    padding: Padding = "valid",
    dilation_rate: Size = 1,
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Long short-term memory over sequences of images, where both products are convolutions; gates in the order input,
    forget, candidate, output.

    The states are convolved without strides and dilation, with as many zeros around them as keep their size.

    Args:
        x: (batch, time, ..., C), with one, two or three axes between time and channels; or (batch, time, ..., 4 C),
            where each gate has channels of its own.
        kernel: (taps..., C, 4 filters).
        recurrent_kernel: (taps..., filters, 4 filters).
        bias: (4 filters,), or None.
        initial_state: (h, c), each (batch, ..., filters); None begins with zeros.
        strides: distance of the places that the kernel takes over x, a positive integer or one for each axis.
        padding: "valid" for no zeros around x; "same" for states of size / strides, the odd zero at the end; or numbers
            of zeros: one for all sides, or for each axis one or (before, after).
        dilation_rate: distance of neighbouring taps of the kernel, a positive integer or one for each axis.

    Returns: the sequence of outputs (batch, time, ..., filters), None without ``return_sequences``; h and c (batch,
        ..., filters) after each sequence's last step.

    Raises:
        ValueError: shapes or options do not fit; an activation is another one; lengths and mask are both given.

    Source: Lamina; Shi et al. 2015, "Convolutional LSTM Network: A Machine Learning Approach for Precipitation
        Nowcasting", without its peepholes, as in Keras.

    Example:
        >>> x = np.ones((2, 5, 8, 8, 3), "float32")  # 5 frames
        >>> kernel, recurrent = np.ones((3, 3, 3, 16), "float32"), np.ones((3, 3, 4, 16), "float32")
        >>> y, h, c = ops.conv_lstm(x, kernel, recurrent)
        >>> y.shape
        (2, 5, 6, 6, 4)
    """
    states = (None, None) if initial_state is None else initial_state
    options = (strides, padding, dilation_rate, go_backwards, in_time_order, zero_output_for_mask)
    y, h, c = _run(
        _CONV_LSTM, x, kernel, recurrent_kernel, bias, states, lengths, mask, activation, recurrent_activation, options,
        return_sequences,
    )  # fmt: skip
    return y, h, c


# Forward, backward, and whether there is a state c beside h.
_LSTM = (_native.lstm_forward, _native.lstm_backward, True)
_CONV_LSTM = (_native.conv_lstm_forward, _native.conv_lstm_backward, True)
_GRU = (_native.gru_forward, _native.gru_backward, False)
_GRU_RESET_BEFORE = (_native.gru_reset_before_forward, _native.gru_reset_before_backward, False)
_SIMPLE_RNN = (_native.simple_rnn_forward, _native.simple_rnn_backward, False)


def _gates(
    x: TensorLike,
    kernel: TensorLike,
    gamma: TensorLike | None,
    parts: tuple[int, ...],
    epsilon: float,
    lengths: TensorLike | None,
    mask: TensorLike | None,
    bfloat16: bool,
) -> tuple[TensorLike, TensorLike | None]:
    """x and the kernel; with gamma the normalized product, in these parts, and None."""
    if gamma is None:
        return x, kernel
    x = float_tensor(x)
    if lengths is not None or mask is not None:  # what does not count may be NaN
        counts = as_tensor(mask) if mask is not None else less(np.arange(x.shape[1]), expand_dims(lengths, 1))
        x = where(expand_dims(counts, 2), x, 0.0)  # 0.0 is free: any finite number, whose product is not used
    if isinstance(kernel, _native.QuantizedMatrix):
        return normalized(quantized_dense(x, kernel, None), gamma, parts, epsilon), None
    return normalized(dense(x, kernel, bfloat16=bfloat16), gamma, parts, epsilon), None


def normalized(z: Tensor, gamma: TensorLike, parts: tuple[int, ...], epsilon: float) -> Tensor:
    """Rows with layer normalization of each part by itself; ``parts``: their sizes in relation to each other."""
    if len(parts) == 1:
        return layer_norm(z, gamma, None, epsilon)
    units = z.shape[-1] // sum(parts)
    at = [units * sum(parts[: i + 1]) for i in range(len(parts) - 1)]
    pieces = zip(split(z, at, axis=-1), split(gamma, at, axis=0), strict=True)
    return concatenate([layer_norm(a, g, None, epsilon) for a, g in pieces], axis=-1)


def _run(
    cell: tuple[Any, Any, bool],
    x: TensorLike,
    kernel: TensorLike | None,
    recurrent_kernel: TensorLike,
    bias: TensorLike | None,
    further: tuple[TensorLike | None, ...],
    lengths: TensorLike | None,
    mask: TensorLike | None,
    activation: str,
    recurrent_activation: str,
    options: tuple[Any, ...],
    return_sequences: bool,
    rounding: tuple[bool, ...] = (),
) -> list[Any]:
    """The sequence of outputs, or None, and the states.

    kernel, recurrent_kernel, a projection's in further: arrays, or packed int8, which have no gradient.
    further: the first states, and weights that some cells have.
    rounding: of cells that may round, whether they do.
    """
    native_forward, native_backward, has_c = cell
    x = float_tensor(x)
    dtype = x._array.dtype
    weights = [_weight(kernel), _weight(recurrent_kernel)]
    others = [_weight(t, dtype) for t in (bias, *further)]
    inputs = (x, *(t for t, _ in (*weights, *others)))
    arrays = [x._array, *(a for _, a in (*weights, *others))]
    int8 = any(isinstance(a, _native.QuantizedMatrix) for a in arrays)
    arguments = (*arrays, _counts(lengths), _counts(mask), activation, recurrent_activation, *options)
    wanted = wants_grad(*inputs)
    save = wanted and not int8
    y, h, c, *saved = native_forward(*arguments, return_sequences, save, *rounding)
    results = [r for r in (y, h, c) if r is not None]
    if not wanted:
        tensors = [wrap(r) for r in results]
    elif int8:
        tensors = record_many(results, inputs, refuse_all)
    else:
        before, after = () if return_sequences else (None,), () if has_c else (None,)

        def backward(dys: list[Array | None], grads: Gradients) -> None:
            native_backward(*arguments, *saved, *before, *dys, *after, *grads, grads.accumulate, *rounding)

        tensors = record_many(results, inputs, backward)
    return tensors if return_sequences else [None, *tensors]


def _weight(t: Any, dtype: Any = None) -> tuple[Tensor, Any]:
    """As ``optional``; packed int8 wants no gradient either."""
    return (optional(None)[0], t) if isinstance(t, _native.QuantizedMatrix) else optional(t, dtype)


def lstm_cell(
    x: TensorLike,
    states: tuple[TensorLike, TensorLike],
    kernel: TensorLike,
    recurrent_kernel: TensorLike,
    bias: TensorLike | None = None,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
) -> tuple[Tensor, Tensor]:
    """One step of ``lstm``, for streaming.

    Args:
        x: (batch, in).
        states: (h, c), each (batch, units).
        kernel: (in, 4 units).
        recurrent_kernel: (units, 4 units).
        bias: (4 units,), or None.

    Returns: the next h and c.

    Raises:
        ValueError: shapes do not fit; an activation is another one.

    Source: Lamina; Hochreiter and Schmidhuber 1997, "Long Short-Term Memory".

    Example:
        >>> state = np.zeros((2, 4), "float32")
        >>> kernel, recurrent = np.ones((3, 16), "float32"), np.ones((4, 16), "float32")
        >>> h, c = ops.lstm_cell(np.ones((2, 3), "float32"), (state, state), kernel, recurrent)
        >>> h.shape
        (2, 4)
    """
    x = as_tensor(x)
    if x.ndim != 2:
        raise ValueError(f"lstm_cell: x must be one step, (batch, features), got shape {x.shape}")
    _, h, c = lstm(
        expand_dims(x, 1), kernel, recurrent_kernel, bias, states, activation=activation,
        recurrent_activation=recurrent_activation, return_sequences=False,
    )  # fmt: skip
    return h, c
