"""SimpleRNN, GRU and LSTM: whole sequences in one native call; RNN: any cell over sequences."""

from __future__ import annotations

import re
from typing import Any

from .. import _native
from ..core import registry
from ..core.autograd import Tensor, wrap
from ..core.recording import note_change
from ..core.tree import flatten, map_structure
from .arguments import fraction
from .base import Layer
from .call import BAD_INPUT
from .declaration import constructor_options
from .masking import as_mask, attach
from .recurrent_cell import Cell, GRUCell, LSTMCell, SimpleRNNCell
from .run_cell import Pass, as_lengths, check_sequence, run
from .stacked_cells import (
    StackedRNNCells,
    build_cell,
    check_cell,
    checked_states,
    first_states,
    output_size,
    state_shapes,
    state_sizes,
)
from .symbolic import Shape, trial


class RNN(Layer):
    """``cell`` over sequences (N, T, in): one of the library's cells, one of your own, or a list, see StackedRNNCells.

    Returns the last output (N, units); with ``return_sequences`` all of them (N, T, units); with ``return_state``
    also the states.  ``go_backwards`` begins at the end; the outputs stand in the order of the computation.

    Call arguments: ``initial_state``, the list of states; ``mask`` (N, T), True = step counts: other steps keep the
    state and repeat the last output, zero before the first (or give zeros with ``zero_output_for_mask``); ``lengths``
    (N,), how many steps of each sequence count, at no cost over the padded batch: outputs beyond are zero;
    ``in_time_order``: backwards too, outputs stand where their inputs stand.  The last output is that of the last step
    that counts, zero where none does (with a mask and ``zero_output_for_mask``: where the last step does not).

    A cell of your own is called for every step; what it must have stands in stacked_cells.py.  So are the library's
    with activations other than linear, relu, tanh, sigmoid and hard_sigmoid, or trained with ``recurrent_dropout``:
    many times slower than natively.

    ``stateful``: sequence i of a batch goes on where sequence i of the batch before ended, in training, prediction and
    captured steps alike, until ``reset_state()``; all batches have one size.  Gradients end where the batch begins.
    The states are no weights: they are not saved.

    ``unroll`` and ``use_cudnn`` change nothing.
    """

    _float_input = True
    supports_masking = True
    cell: Any

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        cell = StackedRNNCells(cell) if isinstance(cell, (list, tuple)) else cell
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = getattr(cell, "dtype", None)
        super().__init__(**kwargs)
        self._set_options(return_sequences, return_state, go_backwards, stateful, zero_output_for_mask)
        self.cell = check_cell(self, cell)

    def _set_options(self, sequences: bool, state: bool, backwards: bool, stateful: bool, zero_output: bool) -> None:
        self.return_sequences, self.return_state = sequences, state
        self.go_backwards, self.stateful = backwards, stateful
        self.zero_output_for_mask = zero_output
        self._kept: list[Any] | None = None  # the states between batches, written in place: plans hold the addresses

    @property
    def state_size(self) -> Any:
        return self.cell.state_size

    @property
    def output_size(self) -> int:
        return output_size(self.cell)

    def build(self, sequences_shape: Shape) -> None:
        check_sequence(sequences_shape)
        build_cell(self.cell, sequences_shape[0], sequences_shape[2])

    def call(
        self,
        sequences: Tensor,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
        lengths: Any = None,
        in_time_order: bool = False,
    ) -> Any:
        check_sequence(sequences.shape)
        n, steps, _ = sequences.shape
        if mask is not None and lengths is not None:
            raise ValueError("pass mask or lengths, not both")
        mask, lengths = as_mask(mask, (n, steps)), as_lengths(lengths, n, steps)
        states: Any = self._kept_states(n)
        if initial_state is not None:
            states = checked_states("initial_state", self.cell, initial_state, n)
        way = Pass(
            mask, lengths, self.go_backwards, self.return_sequences, self.zero_output_for_mask, in_time_order, training
        )
        y, last, states = run(self.cell, sequences, states, way)
        if self.stateful and not trial.running:
            self._keep_states(states, n)
        out: Any = y if self.return_sequences else last
        if mask is not None and self.return_sequences:
            out = attach(out, mask)
        return (out, *states) if self.return_state else out

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """The states that sequences begin with, zeros for the library's cells."""
        return first_states(self.cell, batch_size)

    # ---- states between batches ----

    def _kept_states(self, batch: int) -> list[Any] | None:
        """Copies of the states that the batch before left, as constants; None to begin anew."""
        if not self.stateful or trial.running or self._kept is None:
            return None
        size = len(flatten(self._kept)[0])
        if size != batch:
            fresh = zip(flatten(self.get_initial_state(size)), flatten(self._kept), strict=True)
            if any((a._array != b._array).any() for a, b in fresh):
                raise ValueError(
                    f"stateful: the states of {size} sequences are kept, but x has {batch}; use batches of one size, "
                    "or forget the states with reset_state()"
                )
            self._kept = None
            return None
        return map_structure(lambda t: wrap(_native.copy(t._array)), self._kept)

    def _keep_states(self, states: list[Any], batch: int) -> None:
        if self._kept is None:
            self._kept = map_structure(lambda t: wrap(t._array.copy()), self.get_initial_state(batch))
            note_change()  # this run did not read them: a captured step records itself again
        for kept, state in zip(flatten(self._kept), flatten(states), strict=True):
            _native.copy_into(state._array, kept._array, False)

    def reset_state(self) -> None:
        """Let the next batch of a stateful layer begin anew."""
        if self._kept is not None:
            fresh = self.get_initial_state(len(flatten(self._kept)[0]))
            for kept, state in zip(flatten(self._kept), flatten(fresh), strict=True):
                _native.copy_into(state._array, kept._array, False)

    reset_states = reset_state

    # ---- description ----

    def compute_output_shape(self, input_shape: Shape) -> Any:
        check_sequence(input_shape)
        if self.built and (message := self._mismatch(input_shape)):
            raise ValueError(message)
        n, steps, _ = input_shape
        out = (n, steps, self.output_size) if self.return_sequences else (n, self.output_size)
        return (out, *state_shapes(self.cell, n)) if self.return_state else out

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask of the outputs, where all of them are returned; with ``return_state`` a list, None for states."""
        mask = previous_mask[0] if isinstance(previous_mask, (list, tuple)) else previous_mask
        mask = mask if self.return_sequences else None
        return [mask, *(None for _ in state_sizes(self.cell))] if self.return_state else mask

    def _mismatch(self, shape: Shape) -> str | None:
        cell = self.cell.cells[0] if isinstance(self.cell, StackedRNNCells) else self.cell
        if not isinstance(cell, Cell) or not cell.built or len(shape) != 3 or shape[2] == cell.kernel.shape[0]:
            return None
        return f"x is {shape}, but the kernel {cell.kernel.shape} wants {cell.kernel.shape[0]} features last"

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """The layer that ``config`` describes; custom_objects: {name: class} of layers inside, not registered."""
        with registry.custom_object_scope(custom_objects):
            return super().from_config(config)


class _OfCell:
    """An attribute of the cell under the layer's name.  It is fixed, as in Keras, but for the rates of dropout."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type) -> Any:
        return self if layer is None else getattr(layer.cell, self.name)

    def __set__(self, layer: Any, value: Any) -> None:
        if not self.name.endswith("dropout"):
            raise AttributeError(f"{layer._label()}: {self.name} cannot be set; make a new layer with it")
        setattr(layer.cell, self.name, fraction(layer, self.name, value))


class Recurrent(RNN):
    """What SimpleRNN, GRU and LSTM share: ``cell``, which holds the weights, is made here, not given."""

    cell: Cell
    units, activation, use_bias = _OfCell(), _OfCell(), _OfCell()
    kernel_initializer, recurrent_initializer, bias_initializer = _OfCell(), _OfCell(), _OfCell()
    kernel_regularizer, recurrent_regularizer, bias_regularizer = _OfCell(), _OfCell(), _OfCell()
    dropout, recurrent_dropout, seed = _OfCell(), _OfCell(), _OfCell()

    def __init__(
        self,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        Layer.__init__(self, **kwargs)
        self._set_options(return_sequences, return_state, go_backwards, stateful, zero_output_for_mask)

    def _made(self, kind: type[Cell], arguments: dict[str, Any]) -> Cell:
        """The cell with those of a layer's arguments that are its own; errors name the layer, which was asked for."""
        options = {name: arguments[name] for name in constructor_options(kind)}
        try:
            return kind(**options, dtype=self.dtype, trainable=self.trainable)
        except BAD_INPUT as error:
            error.args = (re.sub(rf"{kind.__name__} '[^']*'", lambda _: self._label(), str(error)),)
            raise


class SimpleRNN(Recurrent):
    """h = activation(x kernel + h recurrent_kernel + bias) over sequences (N, T, in): Elman 1990.

    Arguments, defaults and weights (of ``cell``, see SimpleRNNCell) are Keras 3's; results, call arguments and what
    runs natively as in RNN; the state is h.
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
        self.cell = self._made(SimpleRNNCell, locals())


class GRU(Recurrent):
    """Gated recurrent unit over sequences (N, T, in): Cho et al. 2014.

    Arguments, defaults and weights (of ``cell``, see GRUCell) are Keras 3's; results, call arguments and what runs
    natively as in RNN; the state is h.
    """

    recurrent_activation, reset_after = _OfCell(), _OfCell()

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
        self.cell = self._made(GRUCell, locals())


class LSTM(Recurrent):
    """Long short-term memory over sequences (N, T, in): Hochreiter and Schmidhuber 1997.

    Arguments, defaults and weights (of ``cell``, see LSTMCell) are Keras 3's; results, call arguments and what runs
    natively as in RNN; the states are h and c.
    """

    recurrent_activation, unit_forget_bias = _OfCell(), _OfCell()

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
        self.cell = self._made(LSTMCell, locals())
