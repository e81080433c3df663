"""ConvLSTM1D, ConvLSTM2D and ConvLSTM3D: LSTMs over sequences of images, with convolutions for products."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..core.autograd import Tensor
from . import arguments
from .arguments import known, positive, sizes
from .base import Layer
from .build import build_inner
from .cell import fitting_states
from .masking import attach, mask_of
from .options import LayerOptions, Unpack, UnregularizedOptions
from .recurrent import OfCell, Recurrent
from .recurrent_cell import LSTMGates
from .symbolic import Shape, SymbolicTensor

_INNER = {1: "L", 2: "H, W", 3: "D, H, W"}


class ConvLSTMCell(LSTMGates):
    """One step of a ConvLSTM.  ``call`` takes images as they are stored, all other methods channels last."""

    filters: int
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Any
    data_format: str
    dilation_rate: tuple[int, ...]

    _int8_axes = Layer._int8_axes  # products that are convolutions stay float32

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.rank = rank
        self._set_options(locals())
        self.filters = positive(self, "filters", self.filters)
        self.kernel_size = sizes(self, "kernel_size", self.kernel_size, rank)
        self.strides = sizes(self, "strides", self.strides, rank)
        self.padding = arguments.padding(self, self.padding, rank)
        self.data_format = arguments.data_format(self, self.data_format)
        self.dilation_rate = sizes(self, "dilation_rate", self.dilation_rate, rank)

    @property
    def output_size(self) -> int:
        """Channels of an output."""
        return self.filters

    @property
    def state_size(self) -> list[int]:
        """Channels of the states."""
        return [self.filters, self.filters]

    def _state_shapes(self) -> list[tuple[int, ...]]:
        if not self.built:
            raise ValueError(f"{self._label()}: the states have the sizes of the images; build or call the layer first")
        return [self._state, self._state]

    def _image(self, step_shape: Shape) -> tuple[int, tuple[int, ...]]:
        """Channels and sizes of a step's images, all of them known."""
        found, inner = arguments.stored(step_shape, self.data_format, self.rank)
        channels = known(self, "the channel axis", found, step_shape)
        return channels, tuple(known(self, "an image axis", n, step_shape) for n in inner)

    def output_shape(self, step_shape: Shape) -> Shape:
        """The shape of an output and of each state, as they are stored.

        Args:
            step_shape: that of the images of one step.
        """
        _, inner = arguments.stored(step_shape, self.data_format, self.rank)
        return arguments.as_stored(step_shape[0], self._places(inner), self.filters, self.data_format)

    def _places(self, inner: Any) -> Any:
        return arguments.windows_output(
            inner, self.kernel_size, self.strides, self.padding, self.dilation_rate, "kernel"
        )

    def build(self, input_shape: Shape) -> None:
        channels, self._sizes = self._image(input_shape)
        self._state = (*self._places(self._sizes), self.filters)
        self.kernel = self._weight("kernel", (*self.kernel_size, channels, 4 * self.filters))
        self.recurrent_kernel = self._weight(
            "recurrent_kernel", (*self.kernel_size, self.filters, 4 * self.filters), "recurrent"
        )
        self._make_bias()

    def _bias_shape(self) -> tuple[int, ...]:
        return (4 * self.filters,)

    def _repeated(self, x: Tensor) -> Tensor:
        return ops.concatenate([x] * 4, axis=-1)  # each gate has a mask of its own, as in Keras

    def _sequence(self, x: Tensor, states: list[Tensor] | None, *options: Any) -> tuple[Tensor | None, list[Tensor]]:
        first = None if states is None else (states[0], states[1])
        options += (self.strides, self.padding, self.dilation_rate)
        y, h, c = ops.conv_lstm(x, self.kernel, self.recurrent_kernel, self.bias, first, *options)
        return y, [h, c]

    def _step(self, x: Tensor, states: list[Tensor], h: Tensor) -> list[Tensor]:
        of_input = ops.conv(
            x, self.kernel, self.strides, self.padding, "channels_last", self.dilation_rate, bias=self.bias
        )
        return self._after(
            of_input + ops.conv(h, self.recurrent_kernel, padding="same", data_format="channels_last"), states[1]
        )

    def call(self, inputs: Tensor, states: Any, training: bool = False) -> tuple[Tensor, Any]:
        if self.data_format == "channels_last":
            return super().call(inputs, states, training)
        self._check_step(inputs.shape)
        states = self.computed_states("states", states, inputs.shape)
        y, after = super().call(channels_last(inputs, 1), states, training)
        return channels_first(y, 1), [channels_first(t, 1) for t in after]

    def computed_states(self, argument: str, states: Any, step_shape: Shape) -> list[Tensor]:
        """States stored channels first as they are computed.

        Args:
            argument: what the states are called in errors.
            states: the list of h and c.
            step_shape: the shape of the images of one step.

        Raises:
            ValueError: they do not fit.
        """
        shapes = [self.output_shape(step_shape)] * 2
        return [channels_last(t, 1) for t in fitting_states(argument, states, self._states, shapes, self._dtype)]

    def _check_step(self, shape: Shape) -> None:
        if len(shape) != self.rank + 2:
            raise ValueError(
                f"x is {shape}, expected the images of one step, {self.rank} axes between batch and channels"
            )

    def compute_output_shape(self, input_shape: Shape, states_shape: Any = None) -> Any:
        """The shapes of the output and of the states, these in a list.

        Args:
            input_shape: that of the images of one step.
            states_shape: the states' shapes, which follow from ``filters``.

        Raises:
            ValueError: ``input_shape`` has other axes, or is smaller than the kernel.
        """
        shape = self.output_shape(input_shape)
        return shape, [shape, shape]

    def compute_output_spec(self, inputs: Any, states: Any, **kwargs: Any) -> Any:
        y, h, c = (SymbolicTensor(self.output_shape(inputs.shape), self._dtype) for _ in range(3))
        return y, [h, c]


def channels_last(x: Tensor, leading: int) -> Tensor:
    """Images stored channels first, behind so many axes, as they are computed."""
    return ops.transpose(x, (*range(leading), *range(leading + 1, x.ndim), leading))


def channels_first(x: Tensor, leading: int) -> Tensor:
    """Images as they are computed, behind so many axes, stored channels first."""
    return ops.transpose(x, (*range(leading), x.ndim - 1, *range(leading, x.ndim - 1)))


class _ConvLSTM(Recurrent):
    """What the three ranks share."""

    _axes: int
    cell: Any
    filters, kernel_size, strides, padding, data_format = OfCell(), OfCell(), OfCell(), OfCell(), OfCell()
    dilation_rate, recurrent_activation, unit_forget_bias = OfCell(), OfCell(), OfCell()

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        *,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Unpack[UnregularizedOptions],
    ) -> None:
        super().__init__(
            return_sequences, return_state, go_backwards, stateful, zero_output_for_mask,
            activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.unroll = bool(unroll)
        self.cell = self._made(ConvLSTMCell, {**locals(), "rank": self._axes})

    def _check_sequence(self, shape: Shape) -> None:
        if len(shape) != self._axes + 3:
            inner = f"C, {_INNER[self._axes]}" if self.data_format == "channels_first" else f"{_INNER[self._axes]}, C"
            raise ValueError(f"x is {tuple(shape)}, expected sequences of images, (N, T, {inner})")

    def build(self, sequences_shape: Shape) -> None:
        self._check_sequence(sequences_shape)
        step = (sequences_shape[0], *sequences_shape[2:])
        self.cell._image(step)
        self.cell.output_shape(step)  # errors name the layer, not its cell
        build_inner(self.cell, step)

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
        if message := self._mismatch(sequences.shape):
            raise ValueError(message)
        if self.data_format == "channels_last":
            return super().call(sequences, initial_state, mask, training, lengths, in_time_order)
        states = initial_state
        if states is not None:
            step = (sequences.shape[0], *sequences.shape[2:])
            states = self.cell.computed_states("initial_state", states, step)
        result = super().call(channels_last(sequences, 2), states, mask, training, lengths, in_time_order)
        found = mask_of(result[0] if self.return_state else result)
        y, *after = result if self.return_state else (result,)
        y = channels_first(y, 1 + self.return_sequences)
        y = y if found is None else attach(y, found)
        return (y, *(channels_first(t, 1) for t in after)) if self.return_state else y

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """States of zeros, as they are stored.

        Args:
            batch_size: how many sequences there are.

        Returns: a list of two tensors of the output's shape.

        Raises:
            ValueError: ``batch_size`` is None, or the layer is not built, so that the images' sizes are not known.
        """
        states = super().get_initial_state(batch_size)
        return states if self.data_format == "channels_last" else [channels_first(t, 1) for t in states]

    def compute_output_shape(self, input_shape: Shape) -> Any:
        self._check_sequence(input_shape)
        if self.built and (message := self._mismatch(input_shape)):
            raise ValueError(message)
        n, steps, *step = input_shape
        each = self.cell.output_shape((n, *step))
        out = (n, steps, *each[1:]) if self.return_sequences else each
        return (out, each, each) if self.return_state else out

    def _mismatch(self, shape: Shape) -> str | None:
        cell = self.cell
        if not cell.built or len(shape) != self._axes + 3:
            return None
        step = (shape[0], *shape[2:])
        if message := arguments.wrong_channels(step, self.data_format, self._axes, cell.kernel.shape[-2]):
            return message.replace(str(step), str(tuple(shape)))
        inner = arguments.stored(step, self.data_format, self._axes)[1]
        if all(n in (None, size) for n, size in zip(inner, cell._sizes, strict=True)):
            return None
        return f"x is {tuple(shape)}, but the layer was built for images of {cell._sizes}; make a new one for others"


class ConvLSTM1D(_ConvLSTM):
    """LSTM over sequences of rows of features, with convolutions in place of the products.

    A whole sequence runs in one native call: the input's convolution over all steps at once, then for each step that of
    the state, without strides and with as many zeros around it as keep its size.  With an activation that is not
    linear, relu, tanh, sigmoid or hard_sigmoid, and with ``recurrent_dropout`` in training, it runs step by step.

    Args:
        strides: places from one place of the kernel to the next, an integer.
        padding: "valid" for no zeros around the input, "same" for states of its size / strides; or numbers of zeros,
            as in Conv1D.
        activation: function of the candidate state and of the cell state: a name, a function of a tensor, or None for
            none.

    Call args:
        sequences: the input (N, T, L, C), a tensor or an array.
        initial_state: the list of h and c, each of the shape of an output; None begins with zeros.

    Input shape: (N, T, L, C); (N, T, C, L) with ``data_format="channels_first"``.

    Output shape: (N, L', filters), or (N, filters, L'); with ``return_sequences`` T behind N; with
        ``return_state`` a tuple of the output and the states h and c.

    Weights: held by ``cell``, gates in the order input, forget, candidate, output: ``kernel``
        (kernel_size, C, 4 filters), ``recurrent_kernel`` (kernel_size, filters, 4 filters)
        and ``bias`` (4 filters,).

    Raises:
        ValueError: a size is not positive; a rate is not between 0 and 1; ``padding`` is unknown; the input has other
            axes, channels or sizes than the layer was built for, or is smaller than the kernel; states, mask or lengths
            do not fit; mask and lengths are both given.

    Source: Keras 3, ConvLSTM1D; Shi et al. 2015, "Convolutional LSTM Network: A Machine Learning Approach for
        Precipitation Nowcasting", without its peepholes.

    Example:
        >>> layers.ConvLSTM1D(8, 3, padding="same")(np.ones((2, 5, 16, 3), "float32")).shape
        (2, 16, 8)
    """

    _axes = 1


class ConvLSTM2D(_ConvLSTM):
    """LSTM over sequences of images, with convolutions in place of the products.

    A whole sequence runs in one native call: the input's convolution over all steps at once, then for each step that of
    the state, without strides and with as many zeros around it as keep its size.  With an activation that is not
    linear, relu, tanh, sigmoid or hard_sigmoid, and with ``recurrent_dropout`` in training, it runs step by step.

    Args:
        strides: pixels from one place of the kernel to the next, an integer or one for each axis.
        padding: "valid" for no zeros around the input, "same" for states of its size / strides; or numbers of zeros,
            as in Conv2D.
        activation: function of the candidate state and of the cell state: a name, a function of a tensor, or None for
            none.

    Call args:
        sequences: the input (N, T, H, W, C), a tensor or an array.
        initial_state: the list of h and c, each of the shape of an output; None begins with zeros.

    Input shape: (N, T, H, W, C); (N, T, C, H, W) with ``data_format="channels_first"``.

    Output shape: (N, H', W', filters), or (N, filters, H', W'); with ``return_sequences`` T behind N; with
        ``return_state`` a tuple of the output and the states h and c.

    Weights: held by ``cell``, gates in the order input, forget, candidate, output: ``kernel``
        (height, width, C, 4 filters), ``recurrent_kernel`` (height, width, filters, 4 filters)
        and ``bias`` (4 filters,).

    Raises:
        ValueError: a size is not positive; a rate is not between 0 and 1; ``padding`` is unknown; the input has other
            axes, channels or sizes than the layer was built for, or is smaller than the kernel; states, mask or lengths
            do not fit; mask and lengths are both given.

    Source: Keras 3, ConvLSTM2D; Shi et al. 2015, "Convolutional LSTM Network: A Machine Learning Approach for
        Precipitation Nowcasting", without its peepholes.

    Example:
        >>> frames = np.ones((2, 5, 8, 8, 3), "float32")
        >>> layers.ConvLSTM2D(4, 3, padding="same", return_sequences=True)(frames).shape
        (2, 5, 8, 8, 4)
    """

    _axes = 2


class ConvLSTM3D(_ConvLSTM):
    """LSTM over sequences of volumes, with convolutions in place of the products.

    A whole sequence runs in one native call: the input's convolution over all steps at once, then for each step that of
    the state, without strides and with as many zeros around it as keep its size.  With an activation that is not
    linear, relu, tanh, sigmoid or hard_sigmoid, and with ``recurrent_dropout`` in training, it runs step by step.

    Args:
        strides: voxels from one place of the kernel to the next, an integer or one for each axis.
        padding: "valid" for no zeros around the input, "same" for states of its size / strides; or numbers of zeros,
            as in Conv3D.
        activation: function of the candidate state and of the cell state: a name, a function of a tensor, or None for
            none.

    Call args:
        sequences: the input (N, T, D, H, W, C), a tensor or an array.
        initial_state: the list of h and c, each of the shape of an output; None begins with zeros.

    Input shape: (N, T, D, H, W, C); (N, T, C, D, H, W) with ``data_format="channels_first"``.

    Output shape: (N, D', H', W', filters), or (N, filters, D', H', W'); with ``return_sequences`` T behind N; with
        ``return_state`` a tuple of the output and the states h and c.

    Weights: held by ``cell``, gates in the order input, forget, candidate, output: ``kernel``
        (depth, height, width, C, 4 filters), ``recurrent_kernel`` (depth, height, width, filters, 4 filters)
        and ``bias`` (4 filters,).

    Raises:
        ValueError: a size is not positive; a rate is not between 0 and 1; ``padding`` is unknown; the input has other
            axes, channels or sizes than the layer was built for, or is smaller than the kernel; states, mask or lengths
            do not fit; mask and lengths are both given.

    Source: Keras 3, ConvLSTM3D; Shi et al. 2015, "Convolutional LSTM Network: A Machine Learning Approach for
        Precipitation Nowcasting", without its peepholes.

    Example:
        >>> layers.ConvLSTM3D(4, 3, padding="same")(np.ones((1, 3, 4, 4, 4, 2), "float32")).shape
        (1, 4, 4, 4, 4)
    """

    _axes = 3


__all__ = ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"]
