"""Blocks of code that say something about what is made in them: the names of variables, where they are kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..core.rooms import publish
from .variable import scopes


@contextmanager
def name_scope(
    name: str, caller: Any = None, deduplicate: bool = True, override_parent: str | None = None
) -> Iterator[None]:
    """Inside, the paths of new layers, and of variables outside of layers, begin with a name; a context manager.

    Args:
        name: the name.
        caller: the object that opens the block; while it has it open, it does not open it again.
        deduplicate: whether ``caller`` is regarded.
        override_parent: a path that takes the place of those of the blocks around; None goes on from them.

    Raises:
        ValueError: the name is no text, or holds a slash.

    Source: Keras 3, keras.name_scope.

    Example:
        >>> with lamina.name_scope("encoder"):
        ...     v = lamina.Variable(0.0, name="scale")
        >>> v.path
        'encoder/scale'
    """
    if not isinstance(name, str) or "/" in name:
        raise ValueError(f"name_scope: name must be a string without '/', got {name!r}")
    outer = scopes.path, scopes.caller
    if not (deduplicate and caller is not None and scopes.caller == (caller, name)):
        above = scopes.path if override_parent is None else "".join(f"{p}/" for p in override_parent.split("/") if p)
        scopes.path, scopes.caller = f"{above}{name}/", (caller, name)
    try:
        yield
    finally:
        scopes.path, scopes.caller = outer


@contextmanager
def device(device_name: str) -> Iterator[None]:
    """Inside, what is made is kept on a device, which is the processor; a context manager.

    Args:
        device_name: "cpu" or "cpu:0".

    Raises:
        ValueError: it is another device: there is no kernel for GPUs.

    Source: Keras 3, keras.device.

    Example:
        >>> with lamina.device("cpu"):
        ...     x = lamina.ops.ones(2)
    """
    if not isinstance(device_name, str) or not re.fullmatch(r"(/?device:|/)?cpu(:0)?", device_name.lower()):
        raise ValueError(f"device: {device_name!r} is not there: Lamina computes on the processor, 'cpu'")
    yield


__all__ = ["device", "name_scope"]

publish(__name__)
