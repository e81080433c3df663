"""The state of an optimizer as Keras's files take it: its variables by their places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.warn import warn

if TYPE_CHECKING:
    from ..layers.variable import Variable


class OwnVariables:
    """Reading and setting all of ``variables`` in their order."""

    if TYPE_CHECKING:

        @property
        def variables(self) -> list[Variable]: ...

        @property
        def built(self) -> bool: ...

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the values of ``variables`` into a dict, under "0", "1" ...

        Args:
            store: takes arrays by name.

        Source: Keras 3, Optimizer.save_own_variables.
        """
        for i, variable in enumerate(self.variables):
            store[str(i)] = np.array(variable.numpy())

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Set ``variables`` from what ``save_own_variables`` stored; a warning if their number is another.

        Args:
            store: arrays by name.

        Raises:
            ValueError: an array has another shape than its variable; nothing is changed then.

        Source: Keras 3, Optimizer.load_own_variables.
        """
        if len(store) != len(self.variables):
            mend = "" if self.built else ": call build(variables) first"
            warn(
                f"{type(self).__name__}.load_own_variables: nothing is loaded, since {len(store)} arrays are stored "
                f"and the optimizer has {len(self.variables)} variables{mend}"
            )
            return
        self._assign("load_own_variables", [store[str(i)] for i in range(len(store))])

    def set_weights(self, weights: Iterable[Any]) -> None:
        """Set ``variables`` from a list of arrays.

        Args:
            weights: an array for each variable, in their order.

        Raises:
            ValueError: the optimizer is not built; there is not one array for each variable, or one has another shape.
                Nothing is changed then.

        Source: Keras 3, Optimizer.set_weights.
        """
        if not self.built:
            raise ValueError(
                f"{type(self).__name__}.set_weights: call build(variables) first, which makes the variables"
            )
        self._assign("set_weights", list(weights))

    def _assign(self, what: str, arrays: list[Any]) -> None:
        variables = self.variables
        if len(arrays) != len(variables):
            raise ValueError(
                f"{type(self).__name__}.{what}: expected {len(variables)} arrays, one for each variable, got "
                f"{len(arrays)}"
            )
        for variable, array in zip(variables, arrays, strict=True):
            if np.shape(array) != tuple(variable.shape):
                raise ValueError(
                    f"{type(self).__name__}.{what}: {variable.path} is {np.shape(array)}, expected {variable.shape}"
                )
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
