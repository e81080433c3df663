"""Error messages for unknown names: what was asked for, the nearest valid name, all valid names."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from .absent import reason


def nearest(name: object, valid: Iterable[str]) -> str | None:
    """The valid name that ``name`` is probably meant to be."""
    import difflib  # only errors need it

    names: dict[str, list[str]] = {}  # by their lower case, since that is a common mistake
    for n in sorted(valid):
        names.setdefault(n.lower(), []).append(n)
    near = difflib.get_close_matches(str(name).lower(), names, n=1, cutoff=0.6)
    near = near or [n for n in names if "".join(word[:1] for word in n.split("_")) == name]  # lr: learning_rate
    if not near:
        return None
    return max(names[near[0]], key=lambda n: difflib.SequenceMatcher(None, n, str(name)).ratio())


_LISTED = 60  # names that a message lists


def unknown(kind: str, name: object, valid: Iterable[str]) -> ValueError:
    """The ValueError for an unknown name; the caller raises it.  ``kind`` says what was looked for ("loss")."""
    import difflib

    valid = sorted(valid)
    names, near = [*{n.lower(): n for n in valid}.values()], nearest(name, valid)
    hint = "" if near is None else f"did you mean {near!r}? "
    listed = f"known are {', '.join(names)}"
    if len(names) > _LISTED:  # a wall of names helps nobody
        some = sorted(difflib.get_close_matches(str(name), names, 8, 0.0))
        listed = f"{len(names)} are known, such as {', '.join(some)}"
    return ValueError(f"unknown {kind} {name!r}: {hint}{listed}")


def show_public_names(
    module: ModuleType, later: Mapping[str, str] | None = None, find: Callable[[str], Any] | None = None
) -> None:
    """Let a namespace show what its ``__all__`` lists alone, and an unknown name be an AttributeError with the nearest.

    Called rather than defined in the module, where type checkers would see that it has every name.

    later: {name: where it is} of what is imported when somebody asks for it: "layers" is the package, "layers.Dense"
        what has that name in it.
    find: gives what ``__all__`` lists and is not there yet.
    """
    contents = vars(module)

    def names() -> list[str]:
        return sorted(contents.get("__all__", ()))

    def is_room(name: str) -> bool:
        """Whether this is a file of the package, which ``from .package import room`` asks for before it imports it."""
        return "__path__" in contents and importlib.util.find_spec(f"{module.__name__}.{name}") is not None

    def missing(name: str) -> Any:
        if later is not None and name in later:
            package, _, inner = later[name].rpartition(".") if "." in later[name] else (later[name], "", "")
            found = importlib.import_module(f"{module.__name__}.{package}")
            contents[name] = getattr(found, inner) if inner else found
            return contents[name]
        if find is not None and name in contents["__all__"]:
            found = find(name)
            return contents.setdefault(name, found)  # another thread's may stand there already
        why = None if name.startswith("_") else reason(module.__name__, name)
        quiet = why or name.startswith("_") or is_room(name)  # which the import system asks for and then imports
        near = None if quiet else nearest(name, contents.get("__all__", ()))
        hint = f": {why}" if why else "" if near is None else f"; did you mean {near!r}?"
        error = AttributeError(f"module {module.__name__!r} has no attribute {name!r}{hint}")
        error.name, error.obj = name, None  # or the interpreter would add a guess of its own
        raise error

    module.__dir__ = names  # type: ignore[method-assign]
    module.__getattr__ = missing  # type: ignore[method-assign]
