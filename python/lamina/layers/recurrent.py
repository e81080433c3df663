"""LSTM: whole sequences in one native call, and single steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import activations, initializers, ops, regularizers
from ..autograd import Array, Tensor, wrap
from ..random import Generator
from .base import Layer
from .masking import attach
from .options import fraction, known, positive, refuse
from .symbolic import Shape, SymbolicTensor
from .variable import Variable

State = Sequence[Tensor]

_NATIVE = frozenset({"linear", "relu", "tanh", "sigmoid", "hard_sigmoid"})  # the activations that the kernel knows


class LSTMCell(Layer):
    """One step of an LSTM: (N, in) and states [h, c] of (N, units) -> h, [h, c].

    Weights in Keras's layout, gates in the order i f c o: ``kernel`` (in, 4 units), ``recurrent_kernel`` (units,
    4 units), ``bias`` (4 units), the forget gate's part of which begins at one (``unit_forget_bias``).
    """

    _float_input = True

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        refuse(self, kernel_constraint=kernel_constraint, recurrent_constraint=recurrent_constraint)
        refuse(self, bias_constraint=bias_constraint)
        self.units = positive(self, "units", units)
        self.activation = activations.get(activation)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.unit_forget_bias = unit_forget_bias
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.dropout = fraction(self, "dropout", dropout)
        self.recurrent_dropout = fraction(self, "recurrent_dropout", recurrent_dropout)
        self.seed = seed
        self.seed_generator = seed if isinstance(seed, Generator) else Generator(seed)

    @property
    def state_size(self) -> list[int]:
        return [self.units, self.units]

    @property
    def output_size(self) -> int:
        return self.units

    @property
    def native_names(self) -> tuple[str, str] | None:
        """The names of the activations, if the native sequence kernel computes this cell; else None."""
        inner, gate = activations.name_of(self.activation), activations.name_of(self.recurrent_activation)
        if inner is None or gate is None or self.recurrent_dropout or not _NATIVE.issuperset((inner, gate)):
            return None
        return inner, gate

    def build(self, input_shape: Shape) -> None:
        features = known(self, "the last axis", input_shape[-1], input_shape)
        self.kernel = self.add_weight(
            (features, 4 * self.units), self.kernel_initializer, regularizer=self.kernel_regularizer, name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            (self.units, 4 * self.units), self.recurrent_initializer, regularizer=self.recurrent_regularizer,
            name="recurrent_kernel",
        )  # fmt: skip
        self.bias: Variable | None = None
        if self.use_bias:
            self.bias = self.add_weight(
                (4 * self.units,), self._initial_bias, regularizer=self.bias_regularizer, name="bias"
            )

    def _initial_bias(self, shape: Any, dtype: Any = None) -> Array:
        values = np.array(self.bias_initializer(shape, dtype=dtype))
        if self.unit_forget_bias:
            values[self.units : 2 * self.units] = 1
        return values

    def get_initial_state(self, batch_size: int) -> list[Tensor]:
        """Two states of zeros, (batch_size, units)."""
        return [wrap(np.zeros((batch_size, self.units), self._dtype)) for _ in range(2)]

    def call(self, inputs: Tensor, states: State, training: bool = False) -> tuple[Tensor, list[Tensor]]:
        if inputs.ndim != 2:
            raise ValueError(f"x is {inputs.shape}, expected one step, (batch, features)")
        check_states(states, inputs.shape[0], self.units)
        if training and self.dropout:
            inputs = ops.dropout(inputs, self.dropout, self.seed_generator)
        if self.native_names is not None:
            state = (states[0], states[1])
            h, c = ops.lstm_cell(inputs, state, self.kernel, self.recurrent_kernel, self.bias, *self.native_names)
            return h, [h, c]
        previous = states[0]
        if training and self.recurrent_dropout:
            previous = ops.dropout(previous, self.recurrent_dropout, self.seed_generator)
        return self._step(inputs, previous, states[1])

    def _step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, list[Tensor]]:
        z = ops.add(ops.dense(x, self.kernel, self.bias), ops.matmul(h, self.recurrent_kernel))
        u = self.units
        i, f, g, o = (ops.getitem(z, (slice(None), slice(k * u, (k + 1) * u))) for k in range(4))
        gate = self.recurrent_activation
        c = ops.add(ops.multiply(gate(f), c), ops.multiply(gate(i), self.activation(g)))
        h = ops.multiply(gate(o), self.activation(c))
        return h, [h, c]

    def compute_output_spec(self, inputs: Any, states: Any, **kwargs: Any) -> Any:
        h, h2, c = (SymbolicTensor((inputs.shape[0], self.units), self._dtype) for _ in range(3))
        return h, [h2, c]

    def get_config(self) -> dict[str, Any]:
        return self._config(
            "units", "activation", "recurrent_activation", "use_bias", "kernel_initializer", "recurrent_initializer",
            "bias_initializer", "unit_forget_bias", "kernel_regularizer", "recurrent_regularizer", "bias_regularizer",
            "dropout", "recurrent_dropout", "seed",
        )  # fmt: skip


def check_states(states: Any, batch: int, units: int) -> None:
    """ValueError unless these are two states of this batch size."""
    if not isinstance(states, (list, tuple)) or len(states) != 2:
        raise ValueError("expected the two states [h, c]")
    for name, state in zip("hc", states, strict=True):
        if tuple(state.shape) != (batch, units):
            raise ValueError(f"state {name} is {tuple(state.shape)}, expected ({batch}, {units})")


class LSTM(Layer):
    """Long short-term memory over sequences (N, T, in): Hochreiter and Schmidhuber 1997.

    Returns the last output (N, units); with ``return_sequences`` all of them (N, T, units); with ``return_state``
    also the states h and c.  Arguments, defaults and weights (of ``cell``, see LSTMCell) are Keras 3's.  Call
    arguments: ``initial_state=[h, c]``; ``mask`` (N, T), True = step counts: other steps keep the state and repeat
    the last output (or give zeros with ``zero_output_for_mask``); ``lengths`` (N,), how many steps of each sequence
    count, at no cost over the padded batch: outputs beyond are zero.

    Activations other than linear, relu, tanh, sigmoid and hard_sigmoid, and ``recurrent_dropout``, run step by step in
    Python, many times slower.
    ``unroll`` and ``use_cudnn`` change nothing; ``stateful`` is refused: pass ``initial_state``.
    """

    _float_input = True
    supports_masking = True

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
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        refuse(self, stateful=stateful)
        self.cell = LSTMCell(
            units, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout, seed,
            dtype=self.dtype, trainable=self.trainable,
        )  # fmt: skip
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
        initial_state: State | None = None,
        mask: Any = None,
        training: bool = False,
        lengths: Any = None,
    ) -> Any:
        cell = self.cell
        _check_sequence(sequences.shape)
        n, steps, features = sequences.shape
        state = None
        if initial_state is not None:
            check_states(initial_state, n, cell.units)
            state = (initial_state[0], initial_state[1])
        if mask is not None and lengths is not None:
            raise ValueError("pass mask or lengths, not both")
        x = sequences
        if training and cell.dropout:  # one mask for all steps, as in Keras
            x = ops.multiply(x, ops.dropout(ops.ones((n, 1, features), dtype=self.dtype), cell.dropout, _stream(cell)))
        y: Tensor | None
        if cell.native_names is None:
            kept = _kept(mask, lengths, n, steps)
            y, h, c = self._unrolled(x, initial_state, kept, lengths is not None, training)
        else:
            activation, recurrent_activation = cell.native_names
            y, h, c = ops.lstm(
                x, cell.kernel, cell.recurrent_kernel, cell.bias, state, lengths, mask, self.go_backwards,
                activation, recurrent_activation, self.return_sequences, self.zero_output_for_mask,
            )  # fmt: skip
        out = h if y is None or not self.return_sequences else y
        if mask is not None and self.return_sequences:
            out = attach(out, mask)
        return (out, h, c) if self.return_state else out

    def _unrolled(
        self, x: Tensor, initial_state: State | None, kept: Array | None, zero_beyond: bool, training: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Step by step, for cells that the kernel does not compute."""
        cell = self.cell
        n, steps, _ = x.shape
        states = list(initial_state) if initial_state is not None else cell.get_initial_state(n)
        noise = None
        if training and cell.recurrent_dropout:
            noise = ops.dropout(ops.ones((n, cell.units), dtype=self.dtype), cell.recurrent_dropout, _stream(cell))
        zero = y = wrap(np.zeros((n, cell.units), self._dtype))
        outputs = []
        for t in reversed(range(steps)) if self.go_backwards else range(steps):
            h, c = states
            step = ops.getitem(x, (slice(None), t))
            _, new = cell._step(step, h if noise is None else ops.multiply(h, noise), c)
            if kept is None:
                states, y = new, new[0]
            else:
                now = kept[:, t, None]
                states = [ops.where(now, a, b) for a, b in zip(new, states, strict=True)]
                y = ops.where(now, new[0], zero if zero_beyond or self.zero_output_for_mask else y)
            outputs.append(y)
        sequence = ops.stack(outputs, axis=1) if outputs else wrap(np.zeros((n, 0, cell.units), self._dtype))
        return sequence, states[0], states[1]

    def compute_output_shape(self, input_shape: Shape) -> Any:
        _check_sequence(input_shape)
        if self.built and (message := self._mismatch(input_shape)):
            raise ValueError(message)
        n, steps, _ = input_shape
        out = (n, steps, self.units) if self.return_sequences else (n, self.units)
        return (out, (n, self.units), (n, self.units)) if self.return_state else out

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        return None  # call attaches it

    def _mismatch(self, shape: Shape) -> str | None:
        if not self.built or len(shape) != 3 or shape[2] == self.cell.kernel.shape[0]:
            return None
        return f"x is {shape}, but the kernel {self.cell.kernel.shape} wants {self.cell.kernel.shape[0]} features last"

    def get_config(self) -> dict[str, Any]:
        cell = {k: v for k, v in self.cell.get_config().items() if k not in ("name", "trainable", "dtype")}
        return cell | self._config("return_sequences", "return_state", "go_backwards", "zero_output_for_mask")


def _check_sequence(shape: Shape) -> None:
    if len(shape) != 3:
        raise ValueError(f"x is {tuple(shape)}, expected sequences, (batch, time, features)")


def _stream(cell: LSTMCell) -> Generator:
    return cell.seed_generator


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
