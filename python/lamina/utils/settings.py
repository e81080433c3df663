"""Settings of a program as an object, and the inputs of a symbolic tensor."""

from __future__ import annotations

import json
from collections.abc import ItemsView, KeysView, ValuesView
from typing import Any

from ..core.explain import show
from ..core.suggest import nearest
from ..layers import SymbolicTensor
from ..layers.symbolic import Node


class Config:
    """A dict of settings whose entries are attributes, too; frozen, it takes no more.

    Args:
        **kwargs: the first entries.

    Raises:
        ValueError: a frozen one is changed.
        AttributeError: an entry that is not there is read.

    Source: Keras 3, keras.utils.Config.

    Example:
        >>> config = utils.Config(units=64)
        >>> config.rate = 0.1
        >>> config["rate"], config.as_dict()
        (0.1, {'units': 64, 'rate': 0.1})
    """

    _config: dict[str, Any]
    _frozen: bool

    def __init__(self, **kwargs: Any) -> None:
        vars(self).update(_config=kwargs, _frozen=False)

    @property
    def frozen(self) -> bool:
        """Whether it takes no more changes."""
        return self._frozen

    def freeze(self) -> None:
        """Take no more changes."""
        vars(self)["_frozen"] = True

    def unfreeze(self) -> None:
        """Take changes again."""
        vars(self)["_frozen"] = False

    def _changed(self) -> dict[str, Any]:
        if self._frozen:
            raise ValueError("Config: it is frozen; call unfreeze() before a change")
        return self._config

    def as_dict(self) -> dict[str, Any]:
        """The entries as a new dict."""
        return dict(self._config)

    def to_json(self) -> str:
        """The entries as JSON text."""
        return json.dumps(self._config)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._config.keys()

    def values(self) -> ValuesView[Any]:
        """The values."""
        return self._config.values()

    def items(self) -> ItemsView[str, Any]:
        """Names and values."""
        return self._config.items()

    def get(self, keyname: str, value: Any = None) -> Any:
        """An entry.

        Args:
            keyname: its name.
            value: what is returned where there is none.
        """
        return self._config.get(keyname, value)

    def pop(self, *args: Any) -> Any:
        """Take an entry out.

        Args:
            *args: its name, and what is returned where there is none.
        """
        return self._changed().pop(*args)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several entries.

        Args:
            *args: a dict.
            **kwargs: entries by name.
        """
        self._changed().update(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_config" not in vars(self):  # copies ask before there is anything
            raise AttributeError(name)
        if name not in self._config:
            near = nearest(name, self._config)
            raise AttributeError(f"Config: there is no {name!r}" + (f"; did you mean {near!r}?" if near else ""))
        return self._config[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self._changed()[name] = value

    def __delattr__(self, name: str) -> None:
        del self._changed()[name]

    __getitem__, __setitem__, __delitem__ = __getattr__, __setattr__, __delattr__

    def __contains__(self, name: object) -> bool:
        return name in self._config

    def __len__(self) -> int:
        return len(self._config)

    def __iter__(self) -> Any:
        return iter(self._config)

    def __repr__(self) -> str:
        return f"<Config {self._config}>"


def get_source_inputs(tensor: Any) -> list[Any]:
    """The inputs of a functional model from which a symbolic tensor is computed.

    Args:
        tensor: the symbolic tensor.

    Returns: a list of symbolic tensors, in the order in which they are met.

    Raises:
        TypeError: ``tensor`` is none.

    Source: Keras 3, keras.utils.get_source_inputs.

    Example:
        >>> a, b = lamina.Input((2,)), lamina.Input((2,))
        >>> len(utils.get_source_inputs(a * b + 1))
        2
    """
    if not isinstance(tensor, SymbolicTensor):
        raise TypeError(f"get_source_inputs: expected a symbolic tensor, got {show(tensor)}")
    found: dict[int, Any] = {}
    seen: set[int] = set()
    waiting = [tensor]
    while waiting:  # no recursion: models may be deep
        t = waiting.pop()
        before = t.node.inputs if isinstance(t.node, Node) else []
        if not before:
            found.setdefault(id(t), t)
        elif id(t.node) not in seen:
            seen.add(id(t.node))
            waiting += reversed(before)
    return list(found.values())


__all__ = ["Config", "get_source_inputs"]
