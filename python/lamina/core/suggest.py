"""Error messages for unknown names: what was asked for, the nearest valid name, all valid names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn


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


def unknown(kind: str, name: object, valid: Iterable[str]) -> ValueError:
    """The ValueError for an unknown name; the caller raises it.  ``kind`` says what was looked for ("loss")."""
    valid = sorted(valid)
    names, near = {n.lower(): n for n in valid}.values(), nearest(name, valid)
    hint = "" if near is None else f"did you mean {near!r}? "
    return ValueError(f"unknown {kind} {name!r}: {hint}known are {', '.join(names)}")


def missing_attribute(module: str, contents: dict[str, Any]) -> Callable[[str], NoReturn]:
    """A ``__getattr__`` for a module with these ``globals()``: AttributeError with the nearest of its public names."""

    def __getattr__(name: str) -> NoReturn:
        near = None if name.startswith("_") else nearest(name, contents["__all__"])
        hint = "" if near is None else f"; did you mean {near!r}?"
        error = AttributeError(f"module {module!r} has no attribute {name!r}{hint}")
        error.name, error.obj = name, None  # or the interpreter would add a guess of its own
        raise error

    return __getattr__


def public_names(contents: dict[str, Any]) -> Callable[[], list[str]]:
    """A ``__dir__`` for a module with these ``globals()``: what its ``__all__`` lists."""
    return lambda: sorted(contents["__all__"])
