"""Error messages for unknown names: what was asked for, the nearest valid name, all valid names."""

from __future__ import annotations

from collections.abc import Iterable


def unknown(kind: str, name: object, valid: Iterable[str]) -> ValueError:
    """The ValueError for an unknown name; the caller raises it.  ``kind`` says what was looked for ("loss")."""
    import difflib  # only errors need it

    names = {n.lower(): n for n in sorted(valid)}
    near = difflib.get_close_matches(str(name).lower(), names, n=1, cutoff=0.5)
    near = near or [n for n in names if "".join(word[:1] for word in n.split("_")) == name]  # lr: learning_rate
    hint = f"did you mean {names[near[0]]!r}? " if near else ""
    return ValueError(f"unknown {kind} {name!r}: {hint}known are {', '.join(names.values())}")
