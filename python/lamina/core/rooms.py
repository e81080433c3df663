"""The public names of packages: those of their rooms, and what is imported when somebody asks for it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from .docstrings import complete
from .public_rooms import WRITTEN
from .suggest import show_public_names


def _read() -> dict[str, dict[str, str]]:
    rooms: dict[str, dict[str, str]] = {}
    package, room = "", ""
    for word in WRITTEN.split():
        if word[-1] == ":":
            package, _, room = word[:-1].partition(".")
        else:
            rooms.setdefault(package, {})[word] = room
    return rooms


ROOMS = _read()  # {package: {name: room}}


def public_names(package: str, contents: dict[str, Any], *also: str) -> list[str]:
    """What the rooms of a package list in their ``__all__`` and its ``__init__`` took over (``import *``).

    contents: the ``globals()`` of ``__init__``;  also: names of its own.
    """
    rooms = [m for name, m in list(sys.modules.items()) if name.startswith(f"{package}.")]
    return sorted({*also} | {name for room in rooms for name in getattr(room, "__all__", ()) if name in contents})


def publish(name: str, later: Mapping[str, str] | None = None) -> None:
    """The last line of a public module: its docstrings are completed, and it shows the names of ``__all__`` alone.

    later: as ``show_public_names`` takes it.
    """
    module = sys.modules[name]
    complete(name, vars(module))
    show_public_names(module, later)


def rooms_of(package: str) -> dict[str, str]:
    """The room of each public name of a package whose rooms are imported by name ("layers"): name -> "dense"."""
    return ROOMS.get(package, {})


def bring(package: str, name: str | None = None) -> None:
    """Import what makes a name of such a package known, in upper or lower case: its room, or all where none has it."""
    module, rooms = importlib.import_module(f"{_LIBRARY}.{package}"), ROOMS[package]
    found = [n for n in rooms if n == name or (name is not None and n.lower() == name.lower())]
    for each in found or rooms:
        getattr(module, each)


class Package(ModuleType):
    """The import system sets rooms in their package; one that has the name of something public stays out."""

    def __setattr__(self, attribute: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and attribute in rooms_of(self.__name__.partition(".")[2])):
            super().__setattr__(attribute, value)

    def __reduce__(self) -> Any:  # cloudpickle knows the class of modules alone
        return importlib.import_module, (self.__name__,)


def open_rooms(
    name: str, later: Mapping[str, str] | None = None, made: Callable[[str, Any], Any] | None = None
) -> None:
    """The last line of a package of rooms: a public name's room is imported when somebody asks for the name.

    later: as ``show_public_names`` takes it, of names that are in no room's ``__all__``.
    made: what stands in the package for what the room has under a name.
    """
    module = sys.modules[name]
    package = name.partition(".")[2]
    rooms = ROOMS[package]
    public = sorted({*rooms, *vars(module).get("__all__", ())})

    def find(asked: str) -> Any:
        value = getattr(importlib.import_module(f"{name}.{rooms[asked]}"), asked)
        value = value if made is None else made(asked, value)
        complete(name, {"__all__": [asked], asked: value})
        return value

    for each in [n for n in rooms if isinstance(vars(module).get(n), ModuleType)]:
        delattr(module, each)
    vars(module)["__all__"] = public
    complete(name, vars(module))
    module.__class__ = Package
    show_public_names(module, later, find)


_LIBRARY = __name__.partition(".")[0]
