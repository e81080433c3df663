"""The variables of a model, its optimizer and its metrics as a nest of their paths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import numpy as np

from ..core.suggest import unknown

_FORMATS = ("backend_tensor", "numpy_array")


class StateTree:
    """What ``Model`` has of its own beside ``Layer`` and ``Trainer``: its whole state at once."""

    def get_state_tree(
        self, value_format: Literal["backend_tensor", "numpy_array"] = "backend_tensor"
    ) -> dict[str, dict[str, Any]]:
        """All variables, as dicts in dicts by the parts of their paths.

        Args:
            value_format: what stands for a variable: its tensor, or "numpy_array", a copy.

        Returns: ``{"trainable_variables": ..., "non_trainable_variables": ..., "optimizer_variables": ...,
            "metrics_variables": ...}``.

        Raises:
            ValueError: two variables have one path; ``value_format`` is unknown.

        Source: Keras 3, Model.get_state_tree.

        Example:
            >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1, name="last")], name="net")
            >>> list(model.get_state_tree()["trainable_variables"]["net"]["last"])
            ['kernel', 'bias']
        """
        if value_format not in _FORMATS:
            raise unknown("value_format of get_state_tree", value_format, _FORMATS)
        tensors = value_format == "backend_tensor"
        found = {}
        for kind, variables in self._all_variables().items():
            found[kind] = _nest(
                kind, {v.path: v.value if tensors else np.array(v.numpy()) for v in variables}, variables
            )
        return found

    def set_state_tree(self, state_tree: Mapping[str, Mapping[str, Any]]) -> None:
        """Set variables from what ``get_state_tree`` gave; those that are not in it stay as they are.

        Args:
            state_tree: arrays or tensors in dicts by the parts of their paths.

        Raises:
            ValueError: a kind of variables or a path is unknown, or a shape does not fit; nothing is changed then.

        Source: Keras 3, Model.set_state_tree.

        Example:
            >>> model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1)])
            >>> state = model.get_state_tree("numpy_array")
            >>> model.set_weights([np.ones((2, 1)), np.zeros(1)])
            >>> model.set_state_tree(state)
            >>> bool((model.get_weights()[0] == 1).all())
            False
        """
        known = self._all_variables()
        changes: list[tuple[Any, Any]] = []
        for kind, tree in state_tree.items():
            if kind not in known:
                raise unknown("kind of variables in set_state_tree", kind, known)
            by_path = {v.path: v for v in known[kind]}
            for path, value in _paths(tree):
                if path not in by_path:
                    raise unknown(f"variable of {kind} in set_state_tree", path, by_path)
                if tuple(np.shape(value)) != tuple(by_path[path].shape):
                    shapes = f"{np.shape(value)}, expected {tuple(by_path[path].shape)}"
                    raise ValueError(f"set_state_tree: {path} is {shapes}")
                changes.append((by_path[path], value))
        for variable, value in changes:
            variable.assign(value)

    def _all_variables(self: Any) -> dict[str, list[Any]]:
        optimizer = self.optimizer
        return {
            "trainable_variables": self.trainable_variables,
            "non_trainable_variables": self.non_trainable_variables,
            "optimizer_variables": [] if optimizer is None else optimizer.variables,
            "metrics_variables": self.metrics_variables,
        }


def _nest(kind: str, values: dict[str, Any], variables: Iterable[Any]) -> dict[str, Any]:
    paths = [v.path for v in variables]
    if len(values) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise ValueError(f"get_state_tree: two of {kind} have the path {twice!r}; give layers names of their own")
    nest: dict[str, Any] = {}
    for path, value in values.items():
        *parents, last = path.split("/")
        inner = nest
        for part in parents:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return nest


def _paths(tree: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _paths(value, f"{before}{key}/")
        else:
            yield f"{before}{key}", value
