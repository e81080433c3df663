"""Recurrent cells: the weights of a recurrent layer, and single steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import ops
from ..core.autograd import Array, Tensor
from ..ops.recurrent import normalized
from .arguments import positive
from .cell import Cell
from .options import LayerOptions, Unpack
from .symbolic import Shape
from .torch_module import TorchModule, cell_links


class SimpleRNNCell(Cell):
    """One step of a SimpleRNN: ``h = activation(x @ kernel + h @ recurrent_kernel + bias)``.

    Args:
        units: features of the output and of the state, a positive integer.
        activation: function of the sum: a name, a function of a tensor, or None for none.

    Call args:
        states: the state h (N, units), alone or in a list.

    Input shape: (N, features).

    Output shape: (N, units), and the next state as it was given, alone or in a list.

    Weights: ``kernel`` (features, units), ``recurrent_kernel`` (units, units) and ``bias`` (units,).
        With ``use_layer_norm`` also ``kernel_gamma`` and ``recurrent_gamma``, of as many elements as the kernels have
        columns.

    Raises:
        ValueError: ``units`` is not positive; a rate is not between 0 and 1; the input is no step, or the state does
            not fit.

    Source: Keras 3, SimpleRNNCell; Elman 1990, "Finding Structure in Time";
        normalization from Ba et al. 2016, "Layer Normalization".

    Example:
        >>> cell = layers.SimpleRNNCell(8)
        >>> y, states = cell(np.ones((2, 3), "float32"), [np.zeros((2, 8), "float32")])
        >>> y.shape
        (2, 8)
    """

    _activations = ("activation",)
    _torch = TorchModule("RNNCell", links=cell_links(0))

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: Any = None,
        *,
        use_layer_norm: bool = False,
        layer_norm_epsilon: float = 1e-3,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._set_options(locals())

    def _sequence(self, x: Tensor, states: list[Tensor] | None, *options: Any) -> tuple[Tensor | None, list[Tensor]]:
        first = None if states is None else states[0]
        y, h = ops.simple_rnn(x, *self._weights(), first, *options, **self._precision())
        return y, [h]

    def _step(self, x: Tensor, states: list[Tensor], h: Tensor) -> list[Tensor]:
        return [self.activation(self._of_input(x, self.bias) + self._of_state(h))]


class GRUCell(Cell):
    """One step of a GRU.

    Args:
        units: features of the output and of the state, a positive integer.
        activation: function of the candidate state: a name, a function of a tensor, or None for none.

    Call args:
        states: the state h (N, units), alone or in a list.

    Input shape: (N, features).

    Output shape: (N, units), and the next state as it was given, alone or in a list.

    Weights: gates in the order update, reset, candidate: ``kernel`` (features, 3 units), ``recurrent_kernel`` (units, 3
        units), ``bias`` (2, 3 units), the input's and the recurrent one; (3 units,) without ``reset_after``.
        With ``use_layer_norm`` also ``kernel_gamma`` and ``recurrent_gamma``, of as many elements as the kernels have
        columns.

    Raises:
        ValueError: ``units`` is not positive; a rate is not between 0 and 1; the input is no step, or the state does
            not fit.

    Source: Keras 3, GRUCell; Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder";
        normalization from Ba et al. 2016, "Layer Normalization".

    Example:
        >>> cell = layers.GRUCell(8)
        >>> y, states = cell(np.ones((2, 3), "float32"), [np.zeros((2, 8), "float32")])
        >>> y.shape
        (2, 8)
    """

    _gates = 3
    _parts = (2, 1)
    _torch = TorchModule("GRUCell", links=cell_links(1, 0, 2))
    reset_after: bool

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: Any = None,
        *,
        use_layer_norm: bool = False,
        layer_norm_epsilon: float = 1e-3,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._set_options(locals())

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _sequence(self, x: Tensor, states: list[Tensor] | None, *options: Any) -> tuple[Tensor | None, list[Tensor]]:
        first = None if states is None else states[0]
        options += (self.reset_after,)
        y, h = ops.gru(x, *self._weights(), first, *options, **self._precision())
        return y, [h]

    def _step(self, x: Tensor, states: list[Tensor], h: Tensor) -> list[Tensor]:
        gate = self.recurrent_activation
        first, second = (self.bias, None) if self.bias is None or not self.reset_after else ops.unstack(self.bias)
        xz, xr, xh = ops.split(self._of_input(x, first), 3, axis=1)
        if self.reset_after:
            hz, hr, hh = ops.split(self._of_state(h, second), 3, axis=1)
            inner = gate(xr + hr) * hh
        else:
            cut = [2 * self.units]
            gammas = ops.split(self.recurrent_gamma, cut) if self.use_layer_norm else (None, None)

            def product(h: Tensor, part: int, gamma: Any) -> Tensor:
                if self._packed is not None:  # packed as a whole
                    z = ops.split(self._product(h, "recurrent_kernel"), cut, axis=1)[part]
                else:
                    kernel = ops.split(self.recurrent_kernel, cut, axis=1)[part]
                    z = ops.matmul(h, kernel, bfloat16=self._bfloat16)
                whole = (1,)  # 1 is free: one part
                return z if gamma is None else normalized(z, gamma, whole, self.layer_norm_epsilon)

            hz, hr = ops.split(product(h, 0, gammas[0]), 2, axis=1)
            inner = product(gate(xr + hr) * h, 1, gammas[1])
        z = gate(xz + hz)
        return [z * states[0] + (1.0 - z) * self.activation(xh + inner)]


class LSTMGates(Cell):
    """What cells with the gates of an LSTM share: input, forget, candidate and output, and the states h and c."""

    _gates = 4
    _states = ("h", "c")
    unit_forget_bias: bool

    def _initial_bias(self, shape: Any, dtype: Any = None) -> Array:
        values = np.array(super()._initial_bias(shape, dtype))
        if self.unit_forget_bias:
            values.reshape(4, -1)[1] = 1
        return values

    def _after(self, z: Tensor, c: Tensor) -> list[Tensor]:
        """The next states from the sums of the gates and c."""
        i, f, g, o = ops.split(z, 4, axis=-1)
        gate = self.recurrent_activation
        c = gate(f) * c + gate(i) * self.activation(g)
        return [gate(o) * self.activation(self._normal_state(c)), c]

    def _normal_state(self, c: Tensor) -> Tensor:
        """c as the output sees it."""
        return c


class LSTMCell(LSTMGates):
    """One step of an LSTM.

    Args:
        units: features of the output and of each state, a positive integer.
        activation: function of the candidate state and of the cell state: a name, a function of a tensor, or None for
            none.
        proj_size: features that the state h is projected to at each step, or 0 for none.

    Call args:
        states: the list of the states h (N, units), or (N, proj_size), and c (N, units).

    Input shape: (N, features).

    Output shape: (N, units), or (N, proj_size), and the list of the next h and c.

    Weights: gates in the order input, forget, candidate, output: ``kernel`` (features, 4 units), ``recurrent_kernel``
        (units, 4 units) and ``bias`` (4 units,); with ``proj_size`` ``recurrent_kernel`` (proj_size, 4 units) and
        ``projection_kernel`` (units, proj_size).
        With ``use_layer_norm`` also ``kernel_gamma`` and ``recurrent_gamma``, of as many elements as the kernels have
        columns; and ``state_gamma`` and ``state_beta`` (units,).

    Raises:
        ValueError: ``units`` is not positive; a rate is not between 0 and 1; the input is no step, or the states do not
            fit.

    Source: Keras 3, LSTMCell; Hochreiter and Schmidhuber 1997, "Long Short-Term Memory"; ``proj_size`` from PyTorch;
        normalization from Ba et al. 2016, "Layer Normalization".

    Example:
        >>> cell, zeros = layers.LSTMCell(8), np.zeros((2, 8), "float32")
        >>> y, states = cell(np.ones((2, 3), "float32"), [zeros, zeros])
        >>> y.shape
        (2, 8)
    """

    proj_size: int

    _torch = TorchModule("LSTMCell", links=cell_links(0, 1, 2, 3))

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
        *,
        use_layer_norm: bool = False,
        layer_norm_epsilon: float = 1e-3,
        proj_size: int = 0,
        projection_initializer: Any = "glorot_uniform",
        projection_regularizer: Any = None,
        projection_constraint: Any = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._set_options(locals())
        self.proj_size = positive(self, "proj_size", self.proj_size, 0)

    @property
    def output_size(self) -> int:
        """Features of an output."""
        return self.proj_size or self.units

    def _state_shapes(self) -> list[tuple[int, ...]]:
        return [(self.output_size,), (self.units,)]

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        shape = (self.units, self.proj_size)
        if self.use_layer_norm:
            self.state_gamma = self.add_weight((self.units,), "ones", name="state_gamma")
            self.state_beta = self.add_weight((self.units,), "zeros", name="state_beta")
        self.projection_kernel = self._weight("projection_kernel", shape, "projection") if self.proj_size else None

    def _int8_axes(self) -> Mapping[str, tuple[int, ...]]:
        axes = super()._int8_axes()
        return {**axes, "projection_kernel": (0,)} if self.proj_size else axes

    def _norms(self) -> dict[str, Any]:
        norms = super()._norms()
        return norms and {**norms, "state_gamma": self.state_gamma, "state_beta": self.state_beta}

    def _normal_state(self, c: Tensor) -> Tensor:
        if not self.use_layer_norm:
            return c
        return ops.layer_norm(c, self.state_gamma, self.state_beta, self.layer_norm_epsilon)

    def _sequence(self, x: Tensor, states: list[Tensor] | None, *options: Any) -> tuple[Tensor | None, list[Tensor]]:
        first = None if states is None else (states[0], states[1])
        options += (self._matrix("projection_kernel") if self.proj_size else None,)
        y, h, c = ops.lstm(x, *self._weights(), first, *options, **self._precision())
        return y, [h, c]

    def _step(self, x: Tensor, states: list[Tensor], h: Tensor) -> list[Tensor]:
        h, c = self._after(self._of_input(x, self.bias) + self._of_state(h), states[1])
        return [
            h if self.projection_kernel is None else self._product(h, "projection_kernel"),
            c,
        ]


__all__ = ["GRUCell", "LSTMCell", "SimpleRNNCell"]
