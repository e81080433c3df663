"""Optimizers of one's own: ``update_step`` for one variable, written with operations, as in Keras."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import _native, initializers, ops
from ..core.autograd import Array, Tensor, wrap
from ..core.grad_mode import no_grad
from ..core.memory import zeros
from ..core.recording import forbid_capture
from ..layers.variable import Variable
from .before_update import Gradients
from .state import OptimizerState, label

_COUNT = ("sgd", (0.0, False), 0.0, math.inf, math.inf, math.inf)  # of a group without weights: it counts the step


def once(build: Callable[..., None]) -> Callable[..., None]:
    """A ``build`` of one's own, which makes state: later calls with the same variables do nothing."""

    @functools.wraps(build)
    def run(self: Any, variables: Iterable[Tensor]) -> None:
        variables = list(variables)
        if not self._built:
            build(self, variables)
            return self._restore_saved()
        for i, v in enumerate(variables):
            if not any(v is known for known in self._variables):
                raise ValueError(
                    f"{type(self).__name__}.build: {label(v, i)} is new, and the state is made; compile the model "
                    "again, or make a new optimizer"
                )

    return run


class OwnGroup(NamedTuple):
    """What a step of ``update_step`` reads: the gradients, the rate, and what counts the steps."""

    gradients: Gradients
    rate: Array
    counter: Any


class UpdateSteps(OptimizerState):
    """Mixin: state and steps of an optimizer that has no native rule but defines ``update_step``."""

    if TYPE_CHECKING:  # what Optimizer brings

        def build(self, variables: Iterable[Tensor]) -> None: ...

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Update one variable; an optimizer of one's own defines it, and makes its state in ``build``.

        What it computes with operations, captured steps repeat.

        Args:
            gradient: the gradient, clipped where that was asked for; weight decay is done.
            variable: the variable; give it its new value with ``self.assign``, ``assign_add`` or ``assign_sub``.
            learning_rate: the rate of this step, float64 of shape (); cast it to the variable's type.

        Raises:
            NotImplementedError: the class does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define update_step(gradient, variable, learning_rate)")

    @property
    def built(self) -> bool:
        """Whether ``build`` was called."""
        return self._built

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: Any = None,
        name: str | None = None,
    ) -> Variable:
        """State that belongs to no variable, saved under its name.

        Args:
            shape: the sizes.
            initializer: first value: a name, an Initializer, or a function f(shape, dtype).
            dtype: type of the elements; None means ``config.floatx()``.
            name: name of the state, unlike others.

        Returns: the Variable.

        Raises:
            ValueError: there is state of this name.
        """
        v = Variable(initializer, shape, dtype, trainable=False, name=name)
        if v.name in self._apart:
            raise ValueError(f"{type(self).__name__}.add_variable: there is state named {v.name!r}; give another name")
        self._apart[v.name] = v
        return v

    def add_variable_from_reference(
        self, reference_variable: Tensor, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """State of a variable's shape and type, saved under ``name`` and the variable.

        Args:
            reference_variable: one of those given to ``build``.
            name: what the state is.
            initializer: first value: a name, an Initializer, or a function f(shape, dtype).

        Returns: the Variable.

        Raises:
            ValueError: ``reference_variable`` was not given to ``build``.
        """
        return self._add(reference_variable, name or "state", reference_variable.shape, initializer)

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Tensor], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """``add_variable_from_reference`` for each of a list of variables.

        Args:
            trainable_variables: those given to ``build``.
            name: what the state is, or a list of several.
            initializer: first value, or one for each name.

        Returns: a list of Variables; for several names a tuple of such lists.
        """
        if isinstance(name, str):
            return [self.add_variable_from_reference(v, name, initializer) for v in trainable_variables]
        first = initializer if isinstance(initializer, (list, tuple)) else [initializer] * len(name)
        return tuple(self.add_optimizer_variables(trainable_variables, n, i) for n, i in zip(name, first, strict=True))

    def _make_state(self, variable: Tensor) -> None:
        """Make what an optimizer of the library keeps of a variable; one of a user's own does so in ``build``."""

    def _state_of(self, variable: Tensor) -> dict[str, Variable]:
        """What is kept of a variable, by name."""
        place = self._get_variable_index(variable)
        return {name: kept[place] for name, kept in self._own.items() if place in kept}

    def _add(self, variable: Tensor, name: str, shape: Sequence[int], initializer: Any) -> Variable:
        place = self._get_variable_index(variable)
        array = zeros(shape, variable.dtype)
        array[...] = np.asarray(initializers.get(initializer)(tuple(shape), dtype=variable.dtype.name))
        v = Variable.around(array, f"{label(variable, place).replace('/', '_')}_{name}")
        self._own.setdefault(name, {})[place] = v  # this object, so that copies of the optimizer hold one as well
        return v

    def _get_variable_index(self, variable: Tensor) -> int:
        if len(self._places) != len(self._variables):
            self._places = {id(v): i for i, v in enumerate(self._variables)}
        if id(variable) in self._places:
            return self._places[id(variable)]
        raise ValueError(
            f"{type(self).__name__}: {label(variable, 0)} was not given to build(); call super().build(var_list) first"
        )

    def assign(self, variable: Variable, value: Any) -> None:
        """Overwrite a variable.

        Args:
            variable: a weight, or state of the optimizer.
            value: a tensor of its shape.
        """
        _assign(variable, ops.convert_to_tensor(value))

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Add to a variable.

        Args:
            variable: a weight, or state of the optimizer.
            value: a tensor that broadcasts to its shape.
        """
        _assign(variable, ops.add(variable, value))

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtract from a variable.

        Args:
            variable: a weight, or state of the optimizer.
            value: a tensor that broadcasts to its shape.
        """
        _assign(variable, ops.subtract(variable, value))

    def _decay(self, variable: Any, rate: Tensor) -> None:
        """Weight decay of one variable."""
        if self.weight_decay:
            self.assign_sub(variable, ops.multiply(variable, ops.multiply(rate, self.weight_decay)))

    def _own_group(self, gradients: Gradients, rate: Array) -> OwnGroup:
        none = np.zeros(0, np.bool_)
        return OwnGroup(gradients, rate, _native.ParameterGroup([], [], [], none, none.copy(), rate, self._steps))

    def _own_shapes(self, variables: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
        """The shapes of a saved state's arrays; makes what there is to keep of these variables."""
        if not self._built and variables:
            self.build(list(variables.values()))
        keys = {id(v): key for key, v in variables.items()}
        kept = {
            f"{name}/{keys[id(self._variables[place])]}": array.shape
            for name, arrays in self._own.items()
            for place, array in arrays.items()
            if id(self._variables[place]) in keys
        }
        return kept | {name: v.shape for name, v in self._apart.items()}

    def _update_all(self, group: OwnGroup) -> None:
        """Clip, decay and update_step of every variable that has a gradient."""
        gradients = group.gradients
        if gradients.due is not None:
            what = "accumulates gradients" if self._loss_scale is None else "leaves out steps"
            forbid_capture(f"{type(self).__name__} has no native rule, and {what}")
            if not gradients.due[0]:
                return
        chosen = np.flatnonzero(gradients.active).tolist()
        with no_grad():
            rate = wrap(group.rate.reshape(()))
            for i, g in zip(chosen, self._clipped([wrap(gradients.arrays[i]) for i in chosen]), strict=True):
                v: Any = self._variables[i]
                if self._decays(v, i):
                    self._decay(v, ops.cast(rate, v.dtype))
                self.update_step(g, v, rate)
        _native.optimizer_step(group.counter, *_COUNT)

    def _clipped(self, gradients: list[Tensor]) -> list[Tensor]:
        if self.loss_scale_factor is not None:
            gradients = [ops.divide(g, self.loss_scale_factor) for g in gradients]
        if self.clipvalue is not None:
            return [ops.clip(g, -self.clipvalue, self.clipvalue) for g in gradients]
        if self.clipnorm is not None:
            return [ops.multiply(g, _scale(ops.norm(g), self.clipnorm)) for g in gradients]
        if self.global_clipnorm is not None and gradients:
            norms = ops.stack([ops.cast(ops.norm(g), "float64") for g in gradients])
            scale = _scale(ops.norm(norms), self.global_clipnorm)
            return [ops.multiply(g, ops.cast(scale, g.dtype)) for g in gradients]
        return gradients


def _scale(norm: Tensor, limit: float) -> Tensor:
    return ops.divide(limit, ops.maximum(norm, limit))


def _assign(variable: Any, value: Tensor) -> None:
    """A native copy, so that captured steps repeat it."""
    if value.dtype != variable.dtype:
        value = ops.cast(value, variable.dtype)
    if value.shape != variable.shape:
        value = ops.broadcast_to(value, variable.shape)
    array = value._array if value._array.flags.c_contiguous else _native.contiguous(value._array)
    _native.strided_copy(array, variable._array)
