"""SimpleRNN, GRU and LSTM: whole sequences in one native call."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..autograd import Array, Tensor, wrap
from .base import Layer
from .masking import attach
from .options import refuse
from .recurrent_cell import Cell, GRUCell, LSTMCell, SimpleRNNCell
from .symbolic import Shape


class Recurrent(Layer):
    """What the recurrent layers share: ``cell``, which holds the weights, over sequences (N, T, in).

    Returns the last output (N, units); with ``return_sequences`` all of them (N, T, units); with ``return_state``
    also the states.  ``go_backwards`` begins at the end; the outputs stand in the order of the computation.

    Call arguments: ``initial_state``, the list of states; ``mask`` (N, T), True = step counts: other steps keep the
    state and repeat the last output (or give zeros with ``zero_output_for_mask``); ``lengths`` (N,), how many steps of
    each sequence count, at no cost over the padded batch: outputs beyond are zero; ``in_time_order``: backwards too,
    outputs stand where their inputs stand.

    Activations other than linear, relu, tanh, sigmoid and hard_sigmoid, and training with ``recurrent_dropout``, run
    step by step in Python, many times slower.
    ``unroll`` and ``use_cudnn`` change nothing; ``stateful`` is refused: pass ``initial_state``.
    """

    _float_input = True
    supports_masking = True
    cell: Cell

    def __init__(
        self,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        refuse(self, stateful=stateful)
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards = go_backwards
        self.zero_output_for_mask = zero_output_for_mask

    @property
    def units(self) -> int:
        return self.cell.units

    def build(self, sequences_shape: Shape) -> None:
        _check_sequence(sequences_shape)
        self.cell.build((sequences_shape[0], sequences_shape[2]))

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
        lengths: Any = None,
        in_time_order: bool = False,
    ) -> Any:
        cell, x = self.cell, sequences
        _check_sequence(x.shape)
        n, steps, features = x.shape
        states = None if initial_state is None else cell.check_states("initial_state", initial_state, n)
        if mask is not None and lengths is not None:
            raise ValueError("pass mask or lengths, not both")
        if training and cell.dropout:  # one mask for all steps, as in Keras
            noise = ops.dropout(ops.ones((n, 1, features), dtype=self.dtype), cell.dropout, cell.seed_generator)
            x = ops.multiply(x, noise)
        y: Tensor | None
        names = cell.native_names(training)
        if names is not None:
            y, states = cell._sequence(
                x, states, lengths, mask, self.go_backwards, *names, self.return_sequences, self.zero_output_for_mask,
                in_time_order,
            )  # fmt: skip
        else:
            kept = _kept(mask, lengths, n, steps)
            y, states = self._unrolled(x, states, kept, lengths is not None, in_time_order, training)
        out = states[0] if y is None or not self.return_sequences else y
        if mask is not None and self.return_sequences:
            out = attach(out, mask)
        return (out, *states) if self.return_state else out

    def _unrolled(
        self,
        x: Tensor,
        states: list[Tensor] | None,
        kept: Array | None,
        ragged: bool,
        in_time_order: bool,
        training: bool,
    ) -> tuple[Tensor, list[Tensor]]:
        """Step by step, for cells that the kernel does not compute.  ``ragged``: what is kept is given by lengths."""
        cell = self.cell
        n, steps, _ = x.shape
        states = cell.get_initial_state(n) if states is None else states
        noise = None
        if training and cell.recurrent_dropout:  # one mask for all steps
            ones = ops.ones((n, cell.units), dtype=self.dtype)
            noise = ops.dropout(ones, cell.recurrent_dropout, cell.seed_generator)
        zero = y = wrap(np.zeros((n, cell.units), self._dtype))
        outputs = []
        for t in reversed(range(steps)) if self.go_backwards else range(steps):
            h = states[0] if noise is None else ops.multiply(states[0], noise)
            after = cell._step(ops.getitem(x, (slice(None), t)), states, h)
            if kept is None:
                states, y = after, after[0]
            else:
                now = kept[:, t, None]
                states = [ops.where(now, a, b) for a, b in zip(after, states, strict=True)]
                y = ops.where(now, after[0], zero if ragged or self.zero_output_for_mask else y)
            outputs.append(y)
        if not outputs:
            return wrap(np.zeros((n, 0, cell.units), self._dtype)), states
        if self.go_backwards and (in_time_order or ragged):
            outputs.reverse()
        sequence = ops.stack(outputs, axis=1)
        if self.go_backwards and ragged and not in_time_order:
            sequence = _each_backwards(sequence, kept)
        return sequence, states

    def compute_output_shape(self, input_shape: Shape) -> Any:
        _check_sequence(input_shape)
        if self.built and (message := self._mismatch(input_shape)):
            raise ValueError(message)
        n, steps, _ = input_shape
        out = (n, steps, self.units) if self.return_sequences else (n, self.units)
        return (out, *((n, self.units) for _ in self.cell._states)) if self.return_state else out

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return None  # call attaches it

    def _mismatch(self, shape: Shape) -> str | None:
        if not self.built or len(shape) != 3 or shape[2] == self.cell.kernel.shape[0]:
            return None
        return f"x is {shape}, but the kernel {self.cell.kernel.shape} wants {self.cell.kernel.shape[0]} features last"

    def get_config(self) -> dict[str, Any]:
        cell = {k: v for k, v in self.cell.get_config().items() if k not in ("name", "trainable", "dtype")}
        return cell | self._config("return_sequences", "return_state", "go_backwards", "zero_output_for_mask")


class SimpleRNN(Recurrent):
    """h = activation(x kernel + h recurrent_kernel + bias) over sequences (N, T, in): Elman 1990.

    Arguments, defaults and weights (of ``cell``, see SimpleRNNCell) are Keras 3's; results, call arguments and what
    runs natively as in Recurrent; the state is h.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: Any = None,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            return_sequences, return_state, go_backwards, stateful, zero_output_for_mask,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.cell = SimpleRNNCell(
            units, activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
            kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
            bias_constraint, dropout, recurrent_dropout, seed, dtype=self.dtype, trainable=self.trainable,
        )  # fmt: skip


class GRU(Recurrent):
    """Gated recurrent unit over sequences (N, T, in): Cho et al. 2014.

    Arguments, defaults and weights (of ``cell``, see GRUCell) are Keras 3's; results, call arguments and what runs
    natively as in Recurrent; the state is h.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: Any = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            return_sequences, return_state, go_backwards, stateful, zero_output_for_mask,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.cell = GRUCell(
            units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint,
            recurrent_constraint, bias_constraint, dropout, recurrent_dropout, reset_after, seed, dtype=self.dtype,
            trainable=self.trainable,
        )  # fmt: skip


class LSTM(Recurrent):
    """Long short-term memory over sequences (N, T, in): Hochreiter and Schmidhuber 1997.

    Arguments, defaults and weights (of ``cell``, see LSTMCell) are Keras 3's; results, call arguments and what runs
    natively as in Recurrent; the states are h and c.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: Any = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: Any = "auto",
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            return_sequences, return_state, go_backwards, stateful, zero_output_for_mask,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.cell = LSTMCell(
            units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed,
            dtype=self.dtype, trainable=self.trainable,
        )  # fmt: skip


def _check_sequence(shape: Shape) -> None:
    if len(shape) != 3:
        raise ValueError(f"x is {tuple(shape)}, expected sequences, (batch, time, features)")


def _each_backwards(sequence: Tensor, kept: Any) -> Tensor:
    """(N, T, units) with the steps that count, the first of each sequence, in the opposite order."""
    n, steps, units = sequence.shape
    place = np.arange(steps)
    rows = np.arange(n)[:, None] * steps + np.where(kept, kept.sum(1)[:, None] - 1 - place, place)
    return ops.take(ops.reshape(sequence, (n * steps, units)), rows, axis=0)


def _kept(mask: Any, lengths: Any, batch: int, steps: int) -> Array | None:
    """Which steps count, (batch, steps), or None for all."""
    if lengths is not None:
        values = np.asarray(lengths)
        if values.shape != (batch,) or values.dtype.kind not in "iu" or (values < 0).any() or (values > steps).any():
            raise ValueError(f"lengths must be {batch} integers between 0 and {steps}, got {values}")
        return np.arange(steps) < values[:, None]
    if mask is None:
        return None
    kept = np.asarray(mask)
    if kept.shape != (batch, steps):
        raise ValueError(f"mask is {kept.shape}, expected (batch, time) = ({batch}, {steps})")
    return kept.astype(bool)
