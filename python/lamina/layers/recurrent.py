"""SimpleRNN, GRU and LSTM: whole sequences in one native call; RNN: any cell over sequences."""

from __future__ import annotations

import re
from typing import Any

from .. import _native
from ..core.autograd import Tensor, wrap
from ..core.recording import note_change
from ..core.tree import flatten, map_structure
from .arguments import fraction
from .base import Layer
from .bases import Around
from .call import BAD_INPUT
from .cell import Cell
from .declaration import constructor_options
from .masking import as_mask
from .options import LayerOptions, Unpack, UnregularizedOptions
from .recurrent_cell import GRUCell, LSTMCell, SimpleRNNCell
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
from .torch_module import TorchModule, sequence_links


class RNN(Around):
    """Any recurrent cell over sequences.

    A cell is a Layer with ``state_size`` (features of its state, or a list of them), called with one step (N, features)
    and the list of its states (N, size); it returns the output and the next states.  It may say ``output_size``
    (default: that of the first state) and ``get_initial_state(batch_size)`` (default: zeros).

    The library's cells run a whole sequence in one native call.  A cell of your own is called for every step; so are
    the library's with activations other than linear, relu, tanh, sigmoid and hard_sigmoid, or trained with
    ``recurrent_dropout``: many times slower.

    Args:
        cell: a cell, or a list of cells on top of each other, see StackedRNNCells.

    Input shape: (N, T, features).

    Output shape: (N, output_size); with ``return_sequences`` (N, T, output_size); with ``return_state`` a tuple of the
        output and each state.

    Raises:
        TypeError: ``cell`` is no cell.
        ValueError: the input is no batch of sequences, or has other features than the cell's weights; states, mask or
            lengths do not fit; mask and lengths are both given.

    Source: Keras 3, RNN.

    Example:
        >>> rnn = layers.RNN([layers.LSTMCell(8), layers.GRUCell(4)])  # one on top of the other
        >>> rnn(np.ones((2, 5, 3), "float32")).shape
        (2, 4)
    """

    _float_input = True
    _torch = TorchModule("RNN", links=sequence_links)
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
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        cell = StackedRNNCells(cell) if isinstance(cell, (list, tuple)) else cell
        super().__init__(cell, **kwargs)
        self._set_options(return_sequences, return_state, go_backwards, stateful, zero_output_for_mask)
        self.unroll = bool(unroll)  # changes nothing: a sequence is one native call
        self.cell = check_cell(self, cell)

    def _set_options(self, sequences: bool, state: bool, backwards: bool, stateful: bool, zero_output: bool) -> None:
        self.return_sequences, self.return_state = sequences, state
        self.go_backwards, self.stateful = backwards, stateful
        self.zero_output_for_mask = zero_output
        self._kept: list[Any] | None = None  # the states between batches, written in place: plans hold the addresses

    @property
    def state_size(self) -> Any:
        """Features of the cell's states, a number or a list."""
        return self.cell.state_size

    @property
    def output_size(self) -> int:
        """Features of an output."""
        return output_size(self.cell)

    def _check_sequence(self, shape: Shape) -> None:
        check_sequence(shape)

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
        self._check_sequence(sequences.shape)
        n, steps = sequences.shape[:2]
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
        return (out, *states) if self.return_state else out

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """States that sequences begin with: zeros for the library's cells.

        Args:
            batch_size: how many sequences there are.

        Returns: a list of tensors (batch_size, size).

        Raises:
            ValueError: ``batch_size`` is None.
        """
        return first_states(self.cell, batch_size)

    # ---- states between batches ----

    def _kept_states(self, batch: int) -> list[Any] | None:
        """Copies of the states that the batch before left, as constants; None to begin anew."""
        if not self.stateful or trial.running or self._kept is None:
            return None
        size = len(flatten(self._kept)[0])
        if size != batch:
            fresh = zip(flatten(first_states(self.cell, size)), flatten(self._kept), strict=True)
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
            self._kept = map_structure(lambda t: wrap(t._array.copy()), first_states(self.cell, batch))
            note_change()  # this run did not read them: a captured step records itself again
        for kept, state in zip(flatten(self._kept), flatten(states), strict=True):
            _native.copy_into(state._array, kept._array, False)

    @property
    def states(self) -> list[Any] | None:
        """What a stateful layer keeps for its next batch; None before the first, and of one that keeps nothing."""
        return self._kept

    def reset_state(self) -> None:
        """Let the next batch of a stateful layer begin anew."""
        if self._kept is not None:
            fresh = first_states(self.cell, len(flatten(self._kept)[0]))
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
        """The mask of the outputs, where all of them are returned; with ``return_state`` a list, None for each state.

        Args:
            inputs: the sequences.
            previous_mask: their mask (N, T), or None.
        """
        mask = previous_mask[0] if isinstance(previous_mask, (list, tuple)) else previous_mask
        mask = mask if self.return_sequences else None
        return [mask, *(None for _ in state_sizes(self.cell))] if self.return_state else mask

    def _mismatch(self, shape: Shape) -> str | None:
        cell = self.cell.cells[0] if isinstance(self.cell, StackedRNNCells) else self.cell
        if not isinstance(cell, Cell) or not cell.built or len(shape) != 3 or shape[2] == cell.kernel.shape[0]:
            return None
        return f"x is {shape}, but the kernel {cell.kernel.shape} wants {cell.kernel.shape[0]} features last"


class OfCell:
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
    _int8_in_keras = False
    units, activation, use_bias = OfCell(), OfCell(), OfCell()
    kernel_initializer, recurrent_initializer, bias_initializer = OfCell(), OfCell(), OfCell()
    kernel_regularizer, recurrent_regularizer, bias_regularizer = OfCell(), OfCell(), OfCell()
    kernel_constraint, recurrent_constraint, bias_constraint = OfCell(), OfCell(), OfCell()
    dropout, recurrent_dropout, seed = OfCell(), OfCell(), OfCell()

    def __init__(
        self,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        Layer.__init__(self, **kwargs)
        self._set_options(return_sequences, return_state, go_backwards, stateful, zero_output_for_mask)

    def _int8_part(self) -> Cell:
        return self.cell

    def _made(self, kind: type[Cell], arguments: dict[str, Any]) -> Cell:
        """The cell with those of a layer's arguments that are its own; errors name the layer, which was asked for."""
        options = {name: arguments[name] for name in constructor_options(kind)}
        dtype = self._policy if self._quantization is None else self.dtype_policy
        try:
            return kind(**options, dtype=dtype, trainable=self.trainable)
        except BAD_INPUT as error:
            error.args = (re.sub(rf"{kind.__name__} '[^']*'", lambda _: self._label(), str(error)),)
            raise


class SimpleRNN(Recurrent):
    """Fully connected recurrent layer: ``h = activation(x @ kernel + h @ recurrent_kernel + bias)`` at each step.

    A whole sequence runs in one native call, unless an activation is not linear, relu, tanh, sigmoid or hard_sigmoid,
    or ``recurrent_dropout`` is used in training: then step by step, many times slower.

    Args:
        units: features of the output and of the state, a positive integer.
        activation: function of each step's sum: a name, a function of a tensor, or None for none.

    Input shape: (N, T, features).

    Output shape: (N, units); with ``return_sequences`` (N, T, units); with ``return_state`` a tuple of the output and
        the state h (N, units).

    Weights: ``kernel`` (features, units), ``recurrent_kernel`` (units, units) and ``bias`` (units,), held by ``cell``.
        With ``use_layer_norm`` also ``kernel_gamma`` and ``recurrent_gamma``, of as many elements as the kernels have
        columns.

    Raises:
        ValueError: ``units`` is not positive; a rate is not between 0 and 1; the input is no batch of sequences, or has
            other features than the kernel; states, mask or lengths do not fit; mask and lengths are both given.

    Source: Keras 3, SimpleRNN; Elman 1990, "Finding Structure in Time";
        normalization from Ba et al. 2016, "Layer Normalization".

    Example:
        >>> layers.SimpleRNN(8)(np.ones((2, 5, 3), "float32")).shape
        (2, 8)
    """

    use_layer_norm, layer_norm_epsilon = OfCell(), OfCell()

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
        *,
        use_layer_norm: bool = False,
        layer_norm_epsilon: float = 1e-3,
        **kwargs: Unpack[UnregularizedOptions],
    ) -> None:
        super().__init__(
            return_sequences, return_state, go_backwards, stateful, zero_output_for_mask,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.unroll = bool(unroll)
        self.cell = self._made(SimpleRNNCell, locals())


class GRU(Recurrent):
    """Gated recurrent unit over sequences.

    A whole sequence runs in one native call, unless an activation is not linear, relu, tanh, sigmoid or hard_sigmoid,
    or ``recurrent_dropout`` is used in training: then step by step, many times slower.

    Args:
        units: features of the output and of the state, a positive integer.
        activation: function of the candidate state: a name, a function of a tensor, or None for none.

    Input shape: (N, T, features).

    Output shape: (N, units); with ``return_sequences`` (N, T, units); with ``return_state`` a tuple of the output and
        the state h (N, units).

    Weights: held by ``cell``, gates in the order update, reset, candidate: ``kernel`` (features, 3 units),
        ``recurrent_kernel`` (units, 3 units), ``bias`` (2, 3 units), the input's and the recurrent one; (3 units,)
        without ``reset_after``.
        With ``use_layer_norm`` also ``kernel_gamma`` and ``recurrent_gamma``, of as many elements as the kernels have
        columns.

    Raises:
        ValueError: ``units`` is not positive; a rate is not between 0 and 1; the input is no batch of sequences, or has
            other features than the kernel; states, mask or lengths do not fit; mask and lengths are both given.

    Source: Keras 3, GRU; Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder";
        normalization from Ba et al. 2016, "Layer Normalization".

    Example:
        >>> layers.GRU(8)(np.ones((2, 5, 3), "float32")).shape
        (2, 8)
        >>> layers.GRU(8, return_sequences=True)(np.ones((2, 5, 3), "float32")).shape
        (2, 5, 8)
    """

    recurrent_activation, reset_after = OfCell(), OfCell()
    use_layer_norm, layer_norm_epsilon = OfCell(), OfCell()

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
        *,
        use_layer_norm: bool = False,
        layer_norm_epsilon: float = 1e-3,
        **kwargs: Unpack[UnregularizedOptions],
    ) -> None:
        super().__init__(
            return_sequences, return_state, go_backwards, stateful, zero_output_for_mask,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.unroll = bool(unroll)
        self.cell = self._made(GRUCell, locals())


class LSTM(Recurrent):
    """Long short-term memory over sequences.

    A whole sequence runs in one native call, unless an activation is not linear, relu, tanh, sigmoid or hard_sigmoid,
    or ``recurrent_dropout`` is used in training: then step by step, many times slower.

    Args:
        units: features of the output and of each state, a positive integer.
        activation: function of the candidate state and of the cell state: a name, a function of a tensor, or None for
            none.
        proj_size: features that the state h is projected to at each step, or 0 for none.

    Input shape: (N, T, features).

    Output shape: (N, units); with ``return_sequences`` (N, T, units); with ``return_state`` a tuple of the output and
        the states h and c, each (N, units).  With ``proj_size`` output and h have as many features.

    Weights: held by ``cell``, gates in the order input, forget, candidate, output: ``kernel`` (features, 4 units),
        ``recurrent_kernel`` (units, 4 units) and ``bias`` (4 units,); with ``proj_size`` ``recurrent_kernel``
        (proj_size, 4 units) and ``projection_kernel`` (units, proj_size).
        With ``use_layer_norm`` also ``kernel_gamma`` and ``recurrent_gamma``, of as many elements as the kernels have
        columns; and ``state_gamma`` and ``state_beta`` (units,).

    Raises:
        ValueError: ``units`` is not positive; a rate is not between 0 and 1; the input is no batch of sequences, or has
            other features than the kernel; states, mask or lengths do not fit; mask and lengths are both given.

    Source: Keras 3, LSTM; Hochreiter and Schmidhuber 1997, "Long Short-Term Memory"; ``proj_size`` from PyTorch, Sak et
        al. 2014, "Long Short-Term Memory Based Recurrent Neural Network Architectures";
        normalization from Ba et al. 2016, "Layer Normalization".

    Example:
        >>> x = ops.ones((2, 10, 4))
        >>> layers.LSTM(3)(x).shape
        (2, 3)
        >>> y, h, c = layers.LSTM(3, return_sequences=True, return_state=True)(x)
        >>> y.shape, h.shape, c.shape
        ((2, 10, 3), (2, 3), (2, 3))
    """

    recurrent_activation, unit_forget_bias, proj_size = OfCell(), OfCell(), OfCell()
    use_layer_norm, layer_norm_epsilon = OfCell(), OfCell()
    projection_initializer, projection_regularizer, projection_constraint = OfCell(), OfCell(), OfCell()

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
        *,
        use_layer_norm: bool = False,
        layer_norm_epsilon: float = 1e-3,
        proj_size: int = 0,
        projection_initializer: Any = "glorot_uniform",
        projection_regularizer: Any = None,
        projection_constraint: Any = None,
        **kwargs: Unpack[UnregularizedOptions],
    ) -> None:
        super().__init__(
            return_sequences, return_state, go_backwards, stateful, zero_output_for_mask,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.unroll = bool(unroll)
        self.cell = self._made(LSTMCell, locals())


__all__ = ["GRU", "LSTM", "RNN", "SimpleRNN"]
