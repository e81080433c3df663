"""What cells of recurrent layers share: weights, states, dropout, the way into the kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import activations, ops
from ..core.autograd import Tensor, wrap
from ..core.generator import Generator
from ..core.tree import leaves
from ..ops.conversion import as_tensor
from ..ops.quantized import quantized_dense
from ..ops.recurrent import normalized
from .arguments import fraction, known, positive, positive_number
from .base import Layer
from .symbolic import Shape, SymbolicTensor
from .variable import Variable

_NATIVE = frozenset({"linear", "relu", "tanh", "sigmoid", "hard_sigmoid"})  # the activations that the kernels know


def fitting_states(
    argument: str, states: Any, names: Sequence[str], shapes: Sequence[Shape], dtype: Any
) -> list[Tensor]:
    """``states``, a list of arrays of these shapes or what makes them, as tensors; one state may stand by itself."""
    found = list(states) if isinstance(states, (list, tuple)) else [states]
    if len(names) == 1 and len(found) != 1 and not any(hasattr(s, "shape") for s in found):
        found = [states]  # one state as nested lists of numbers
    if len(found) != len(names):
        each = shapes[0] if len(set(shapes)) == 1 else f"({shapes[0][0]}, its size)"
        wanted = f"[{', '.join(names)}], each {each}"
        raise ValueError(f"{argument} must be {wanted}, got {len(found)} state{'s' * (len(found) != 1)}")
    tensors = []
    for name, shape, state in zip(names, shapes, found, strict=True):
        if state is None or any(v is None for v in leaves(state)):
            raise ValueError(f"{argument}: state {name} is None, expected {shape}; without {argument} all are zeros")
        if isinstance(state, (list, tuple)) and any(isinstance(v, Tensor) for v in leaves(state)):
            raise ValueError(f"{argument}: state {name} is a list of tensors, expected one of {shape}")
        try:
            tensor = as_tensor(state if isinstance(state, Tensor) else np.asarray(state), dtype)
        except (TypeError, ValueError):
            raise ValueError(f"{argument}: state {name} must be numbers {shape}, got {state!r}") from None
        if tensor.shape != shape:
            raise ValueError(f"{argument}: state {name} is {tensor.shape}, expected {shape}")
        tensors.append(tensor)
    return tensors


class Cell(Layer):
    """What the cells share: called with one step (N, in) and the states, gives the output and the next states.

    Each cell says how many gates lie side by side in its kernels, the names of its states, which of its attributes are
    activations, how a sequence runs natively (``_sequence``) and what one step is in operations (``_step``).  One whose
    states are images says how large they are (``_state_shape``), too.
    """

    _float_input = True
    _int8_in_keras = False
    _gates = 1
    _states: tuple[str, ...] = ("h",)
    _activations: tuple[str, ...] = ("activation", "recurrent_activation")

    _parts: tuple[int, ...] = (1,)  # of the columns of a product, in relation: normalized by themselves
    use_layer_norm = False

    units: int
    activation: Any
    recurrent_activation: Any
    layer_norm_epsilon: float
    use_bias: bool
    bias_initializer: Any
    bias_regularizer: Any
    bias_constraint: Any
    seed: Any
    dropout: float
    recurrent_dropout: float

    def _set_options(self, arguments: dict[str, Any]) -> None:
        """Keep and check what a cell was made with, the ``locals()`` of its constructor."""
        self._keep(arguments)
        if "units" in arguments:
            self.units = positive(self, "units", self.units)
        if self.use_layer_norm:
            self.layer_norm_epsilon = positive_number(self, "layer_norm_epsilon", self.layer_norm_epsilon)
        self.dropout = fraction(self, "dropout", self.dropout)
        self.recurrent_dropout = fraction(self, "recurrent_dropout", self.recurrent_dropout)
        self.seed_generator = self.seed if isinstance(self.seed, Generator) else Generator(self.seed)

    @property
    def state_size(self) -> int | list[int]:
        """Features of the states, a number or a list."""
        sizes = [shape[-1] for shape in self._state_shapes()]
        return sizes[0] if len(sizes) == 1 else sizes

    @property
    def output_size(self) -> int:
        """Features of an output."""
        return self.units

    def _state_shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the states of one sequence."""
        return [(self.units,) for _ in self._states]

    def _repeated(self, x: Tensor) -> Tensor:
        """Inputs or a state as dropout wants them: several times side by side where each gate has a mask of its own."""
        return x

    def native_names(self, training: bool) -> list[Any] | None:
        """The names of the activations, if the native kernel computes this cell; else None.

        Args:
            training: whether the cell is in training mode, where ``recurrent_dropout`` is no matter of the kernel.
        """
        if training and self.recurrent_dropout:
            return None
        names = [activations.name_of(getattr(self, name)) for name in self._activations]
        return names if _NATIVE.issuperset(names) else None

    def build(self, input_shape: Shape) -> None:
        features = known(self, "the last axis", input_shape[-1], input_shape)
        columns = self._gates * self.units
        self.kernel = self._weight("kernel", (features, columns))
        self.recurrent_kernel = self._weight("recurrent_kernel", (self.output_size, columns), "recurrent")
        self._make_bias()
        if self.use_layer_norm:
            self.kernel_gamma = self.add_weight((columns,), "ones", name="kernel_gamma")
            self.recurrent_gamma = self.add_weight((columns,), "ones", name="recurrent_gamma")

    def _norms(self) -> dict[str, Any]:
        """What the operation is told of layer normalization."""
        if not self.use_layer_norm:
            return {}
        gammas = {"kernel_gamma": self.kernel_gamma, "recurrent_gamma": self.recurrent_gamma}
        return {**gammas, "epsilon": self.layer_norm_epsilon}

    def _precision(self) -> dict[str, Any]:
        """What the operation is told besides its arguments."""
        return {**self._norms(), "bfloat16": self._bfloat16}

    def _int8_axes(self) -> Mapping[str, tuple[int, ...]]:
        return {"kernel": (0,), "recurrent_kernel": (0,)}

    def _weights(self) -> tuple[Any, Any, Any]:
        """What every operation takes."""
        return self._matrix("kernel"), self._matrix("recurrent_kernel"), self.bias

    def _matrix(self, name: str) -> Any:
        """A weight as the operation takes it: packed where it is int8."""
        return getattr(self, name) if self._packed is None else self._packed[name].matrix()

    def _product(self, x: Tensor, name: str, bias: Any = None) -> Tensor:
        """x times a weight."""
        if self._packed is not None:
            return quantized_dense(x, self._packed[name].matrix(), bias)
        return ops.dense(x, getattr(self, name), bias, "linear", self._bfloat16)

    def _of_input(self, x: Tensor, bias: Any) -> Tensor:
        """The input's part of the gates."""
        if not self.use_layer_norm:
            return self._product(x, "kernel", bias)
        z = self._product(x, "kernel")
        z = normalized(z, self.kernel_gamma, self._parts, self.layer_norm_epsilon)
        return z if bias is None else z + bias

    def _of_state(self, h: Tensor, bias: Any = None) -> Tensor:
        """The state's part of the gates."""
        if not self.use_layer_norm:
            return self._product(h, "recurrent_kernel", bias)
        z = self._product(h, "recurrent_kernel")
        z = normalized(z, self.recurrent_gamma, self._parts, self.layer_norm_epsilon)
        return z if bias is None else z + bias

    def _make_bias(self) -> None:
        self.bias: Variable | None = None
        if self.use_bias:
            self.bias = self.add_weight(
                self._bias_shape(), self._initial_bias, regularizer=self.bias_regularizer,
                constraint=self.bias_constraint, name="bias",
            )  # fmt: skip

    def _bias_shape(self) -> tuple[int, ...]:
        return (self._gates * self.units,)

    def _initial_bias(self, shape: Any, dtype: Any = None) -> Any:
        return self.bias_initializer(shape, dtype=dtype)

    def get_initial_state(self, batch_size: int | None = None) -> list[Tensor]:
        """States of zeros.

        Args:
            batch_size: how many sequences there are.

        Returns: a list of tensors (batch_size, size), one for each state.

        Raises:
            ValueError: ``batch_size`` is None.
        """
        if batch_size is None:
            raise ValueError(f"{self._label()}: get_initial_state needs batch_size, how many sequences there are")
        return [wrap(np.zeros((batch_size, *shape), self._dtype)) for shape in self._state_shapes()]

    def check_states(self, argument: str, states: Any, batch: int) -> list[Tensor]:
        """The states as a list of tensors; a cell with one state also takes it by itself.

        Args:
            argument: what the states are called in errors.
            states: the state or the list of states, each (batch, size).
            batch: how many sequences there are.

        Raises:
            ValueError: they do not fit.
        """
        shapes = [(batch, *shape) for shape in self._state_shapes()]
        return fitting_states(argument, states, self._states, shapes, self._dtype)

    def _check_step(self, shape: Shape) -> None:
        if len(shape) != 2:
            raise ValueError(f"x is {shape}, expected one step, (batch, features)")

    def call(self, inputs: Tensor, states: Any, training: bool = False) -> tuple[Tensor, Any]:
        self._check_step(inputs.shape)
        before = self.check_states("states", states, inputs.shape[0])
        if training and self.dropout:
            inputs = ops.dropout(self._repeated(inputs), self.dropout, self.seed_generator)
        names = self.native_names(training)
        if names is not None:
            step = ops.expand_dims(inputs, 1)
            _, after = self._sequence(step, before, None, None, False, *names, False, False, False)
        else:
            h = before[0]
            if training and self.recurrent_dropout:
                h = ops.dropout(self._repeated(h), self.recurrent_dropout, self.seed_generator)
            after = self._step(inputs, before, h)
        return after[0], after if isinstance(states, (list, tuple)) else after[0]

    def _sequence(self, x: Tensor, states: list[Tensor] | None, *options: Any) -> tuple[Tensor | None, list[Tensor]]:
        """The outputs and the last states; ``options``: the operation's arguments from lengths to in_time_order."""
        raise NotImplementedError(f"{type(self).__name__} must define _sequence")

    def _step(self, x: Tensor, states: list[Tensor], h: Tensor) -> list[Tensor]:
        """The next states; ``h`` is the state h as the recurrent product sees it, after dropout."""
        raise NotImplementedError(f"{type(self).__name__} must define _step")

    def compute_output_shape(self, input_shape: Shape, states_shape: Any = None) -> Any:
        """The shapes of the output and of the states, these in a list.

        Args:
            input_shape: (N, features).
            states_shape: the states' shapes, which follow from ``units``.

        Raises:
            ValueError: ``input_shape`` has not two axes.
        """
        self._check_step(input_shape)
        n = input_shape[0]
        return (n, self.output_size), [(n, *shape) for shape in self._state_shapes()]

    def compute_output_spec(self, inputs: Any, states: Any, **kwargs: Any) -> Any:
        n = inputs.shape[0]
        y = SymbolicTensor((n, self.output_size), self._dtype)
        after = [SymbolicTensor((n, *shape), self._dtype) for shape in self._state_shapes()]
        return y, after if isinstance(states, (list, tuple)) else after[0]
