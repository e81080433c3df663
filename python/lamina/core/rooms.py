"""The public names of packages: those of their rooms, and what is imported when somebody asks for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from .docstrings import complete
from .suggest import show_public_names


def public_names(package: str, contents: dict[str, Any], *also: str) -> list[str]:
    """What the rooms of a package list in their ``__all__`` and its ``__init__`` took over (``import *``).

    contents: the ``globals()`` of ``__init__``;  also: names of its own.
    """
    rooms = [m for name, m in list(sys.modules.items()) if name.startswith(f"{package}.")]
    return sorted({*also} | {name for room in rooms for name in getattr(room, "__all__", ()) if name in contents})


def publish(name: str, later: Mapping[str, str] | None = None, more: Callable[[], None] | None = None) -> None:
    """The last line of a public module: its docstrings are completed, and it shows the names of ``__all__`` alone.

    later, more: as ``show_public_names`` takes them; with ``more`` the module has no ``__all__`` yet, and is published
        again when it has.
    """
    module = sys.modules[name]
    if "__all__" in vars(module):
        complete(name, vars(module))
    show_public_names(module, later, more)
