"""Gradient transformations of a user's own: functions of (gradient, variable) pairs, and their base if they keep state.

They stand before accumulation and clipping, since a captured step runs the same operations at every call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from .. import _native, ops
from ..core.arena import Arena
from ..core.arrays import is_list
from ..core.autograd import Array, Tensor, no_grad, wrap
from ..core.explain import show
from ..core.recording import forbid_capture
from ..layers.variable import Variable, snake_case, unique_keys
from ..ops.conversion import as_tensor
from .before_update import Gradients, GradientTransform

Pairs = list[tuple[Tensor, Tensor]]


class GradientTransformer:
    """Base of a gradient transformation that keeps state; one without state may be any function of the pairs.

    A subclass lists the names of its state in ``slots``: for each of them every variable has an array of its shape,
    zeros at first, which is saved with the optimizer.  ``__call__`` transforms the gradients, ``slot`` gives the state.
    One that a saved model is read with is registered (``lamina.saving.register_serializable``), and extends
    ``get_config`` by the arguments of its constructor.

    Args:
        name: begins the names of the state; None makes one from the class.

    Source: Lamina; optax.GradientTransformation, without its state as an argument.

    Example:
        >>> class MovingAverage(lamina.optimizers.GradientTransformer):
        ...     slots = ("average",)
        ...     def __call__(self, grads_and_vars):
        ...         pairs = []
        ...         for gradient, variable in grads_and_vars:
        ...             average = self.slot("average", variable)
        ...             average.assign(0.9 * average + 0.1 * gradient)
        ...             pairs.append((average, variable))
        ...         return pairs
        >>> optimizer = lamina.optimizers.SGD(gradient_transformers=[MovingAverage()])
    """

    slots: ClassVar[tuple[str, ...]] = ()
    name: str | None = None
    _known: Sequence[Tensor] = ()  # the optimizer's variables
    _arenas: dict[str, Arena]

    def __init__(self, name: str | None = None) -> None:
        self.name = name

    def __call__(self, grads_and_vars: Pairs) -> Any:
        """The transformed gradients; a subclass defines it.

        Args:
            grads_and_vars: list of (gradient, variable), tensors of one shape, of all variables that have a gradient.

        Returns: a list of such pairs; a variable that is not among them, or has None, is not updated.

        Raises:
            NotImplementedError: the class does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__(grads_and_vars)")

    def slot(self, name: str, variable: Tensor) -> Variable:
        """The state of this name of a variable, which ``assign`` overwrites.

        Args:
            name: one of ``slots``.
            variable: the variable, as it came with its gradient.

        Raises:
            ValueError: there is no such slot or variable.
        """
        place = next((i for i, v in enumerate(self._known) if v is variable), None)
        if name not in self.slots or place is None:
            raise ValueError(
                f"{type(self).__name__}.slot: "
                + (f"the variable is none of its optimizer's {len(self._known)}" if name in self.slots else "")
                + (f"there is no slot {name!r}; its slots are {self.slots}" if name not in self.slots else "")
            )
        return Variable.around(self._arenas[name][place], name)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name}

    def _extend(self, variables: Sequence[Tensor]) -> None:
        """Make the state of variables that are new; the others come first."""
        if len(variables) < len(self._known) or any(a is not b for a, b in zip(self._known, variables, strict=False)):
            raise ValueError(f"{type(self).__name__}: it keeps another optimizer's state; give each its own")
        self._known = list(variables)
        self._arenas = {name: vars(self).get("_arenas", {}).get(name) or Arena() for name in self.slots}
        for arena in self._arenas.values():
            arena.extend(variables[len(arena) :])

    def __getstate__(self) -> dict[str, Any]:
        """For deep copies and pickle: with the state; the variables are those of the optimizer that goes along."""
        return {k: v for k, v in vars(self).items() if k != "_known"}


class Transformers(GradientTransform):
    """``gradient_transformers`` in their order; what they give stands in memory of its own."""

    def __init__(self, optimizer: str, functions: Any) -> None:
        """optimizer: what to call it in messages."""
        functions = () if functions is None else functions
        if not is_list(functions) or not all(callable(f) and not isinstance(f, type) for f in functions):
            raise TypeError(
                f"{optimizer}: gradient_transformers must be a list of functions of (gradient, variable) pairs, got "
                f"{show(functions)}"
            )
        self.optimizer = optimizer
        self.functions: tuple[Callable[[Pairs], Any], ...] = tuple(functions)
        self.results = Arena()

    def _keeping(self) -> list[GradientTransformer]:
        return [f for f in self.functions if isinstance(f, GradientTransformer)]

    def extend(self, variables: Sequence[Tensor]) -> None:
        if self.functions:
            self.results.extend(variables[len(self.results) :])
        for f in self._keeping():
            f._extend(variables)

    def state(self) -> dict[str, Arena]:
        own = self._keeping()
        names = unique_keys([f.name or snake_case(type(f).__name__) for f in own])
        return {
            f"{name}.{slot}": vars(f).get("_arenas", {}).get(slot) or Arena()
            for name, f in zip(names, own, strict=True)
            for slot in f.slots
        }

    def bind(self, variables: Sequence[Tensor], gradients: Gradients) -> tuple[Gradients, Callable[[], None] | None]:
        if not self.functions:
            return gradients, None
        active = np.array(gradients.active)
        given = gradients._replace(arrays=self.results.views, active=active)
        return given, partial(self._run, list(variables), gradients, active)

    def _run(self, variables: list[Tensor], gradients: Gradients, active: Array) -> None:
        given = zip(gradients.arrays, variables, gradients.active.tolist(), strict=True)
        pairs: Any = [(wrap(g), v) for g, v, there in given if there]
        with no_grad():
            for f in self.functions:
                pairs = self._checked(f, pairs, f(pairs))
            active[:] = False
            places = {id(v): i for i, v in enumerate(variables)}
            for g, v in pairs:
                _native.copy_into(g._array, self.results[places[id(v)]], False)
                active[places[id(v)]] = True

    def _checked(self, f: Any, given: Pairs, pairs: Any) -> Pairs:
        """What a function returned, as tensors of the variables' types, without those that it left out."""
        label = f"{self.optimizer}: gradient transformer {getattr(f, '__name__', type(f).__name__)}"
        if not is_list(pairs) or not all(isinstance(p, (tuple, list)) and len(p) == 2 for p in pairs):
            raise TypeError(f"{label} must return a list of (gradient, variable) pairs, got {show(pairs)}")
        left = {id(v): v for _, v in given}
        found: Pairs = []
        for gradient, v in pairs:
            if left.pop(id(v), None) is None:
                raise ValueError(f"{label} returned a variable twice, or one that had no gradient: {show(v)}")
            if gradient is None:
                continue
            if not isinstance(gradient, Tensor):
                forbid_capture(f"{label} returned what is no tensor; use lamina.ops in it")
            try:
                g = as_tensor(gradient)
                g = g if g.dtype == v.dtype else ops.cast(g, v.dtype)
            except (TypeError, ValueError) as error:
                raise type(error)(f"{label} returned no gradient: {error}") from None
            if g.shape != v.shape:
                raise ValueError(f"{label} returned a gradient of shape {g.shape} for a variable of shape {v.shape}")
            found.append((g, v))
        return found


__all__ = ["GradientTransformer"]
