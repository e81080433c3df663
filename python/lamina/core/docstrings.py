"""Completes public docstrings at import: shared arguments are explained once, defaults are the signature's.

A docstring explains in its section ``Args:`` (for ``call`` of a layer: ``Call args:``) the arguments that are its own.
``complete`` adds those that the tables of ``shared_arguments.py`` explain, in the order of the signature, and to each
its default.  So ``help()`` shows every argument, and no default stands in two places.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from .shared_arguments import ERRORS, SOURCES, TABLES

HEADINGS = (
    "Args", "Call args", "Input shape", "Output shape", "Weights", "State", "Attributes", "Returns", "Yields",
    "Raises", "Source", "Example",
)  # fmt: skip
_HEADING = re.compile(rf"({'|'.join(HEADINGS)}):")
_ENTRY = re.compile(r"    (\*{0,2}\w+): ")
_WEIGHT_OF = {"recurrent": "recurrent_kernel", "depthwise": "kernel"}  # options under another name than the weight's
_seen: set[int] = set()  # classes and functions stand under several names


def complete(module: str, contents: Mapping[str, Any]) -> None:
    """Complete the docstrings of a module's public classes, their methods and functions.  contents: its globals()."""
    package = module.removeprefix("lamina").lstrip(".")
    table = TABLES["*"] | TABLES.get(package, {})
    for name in contents["__all__"]:
        value = contents[name]
        known = isinstance(value, (type, FunctionType)) and value.__module__.startswith("lamina")
        if not known or id(value) in _seen:
            continue
        _seen.add(id(value))
        if isinstance(value, type):
            _complete_class(value, table)
            function = value.__init__  # type: ignore[misc]
        else:
            _write(value, "Args", value, table)
            function = value
        given = parameters(function) if isinstance(function, FunctionType) else {}
        errors = ERRORS.get(package, {})
        _add(value, "Raises", [f"    {errors[name]}" for name in errors if name in given])
        if package in SOURCES:
            _add(value, "Source", [SOURCES[package].format(value.__name__)])


def _complete_class(cls: type, table: Mapping[str, str]) -> None:
    constructor, call = cls.__init__, call_of(cls)  # type: ignore[misc]
    if isinstance(constructor, FunctionType) and "__doc__" in vars(cls):
        _write(cls, "Args", constructor, table, skip=1)
    if call is not None and len(parameters(call)) > 2:
        _write(cls, "Call args", call, table, skip=1)
    for base in cls.__mro__:  # bases that are not public themselves have public methods
        for name, value in vars(base).items() if base.__module__.startswith("lamina") else ():
            method = getattr(value, "__func__", value)
            own = isinstance(method, FunctionType) and method.__module__ == base.__module__  # no operation as a method
            if own and name[:1] != "_" and id(method) not in _seen:
                _seen.add(id(method))
                _write(method, "Args", method, table, skip=not isinstance(value, staticmethod))


def call_of(cls: type) -> FunctionType | None:
    """The method that says what objects of a class are called with: ``__call__``, or ``call`` where that takes all."""
    for name in ("__call__", "call"):
        method = getattr(cls, name, None)
        if isinstance(method, FunctionType) and "*args" not in parameters(method):
            return method
    return None


def _add(owner: Any, heading: str, lines: list[str]) -> None:
    """Add a section that the docstring does not have, behind all others but its source."""
    doc = owner.__doc__
    if lines and doc and f"\n{heading}:" not in doc:
        section = (
            f"\n\n{heading}: {lines[0]}"
            if len(lines) == 1 and lines[0][0] != " "
            else "\n".join(["", "", f"{heading}:", *lines])
        )
        before, source, after = doc.partition("\n\nSource:")
        owner.__doc__ = before + section + source + after


def _write(owner: Any, heading: str, function: Callable[..., Any], table: Mapping[str, str], skip: int = 0) -> None:
    if owner.__doc__:  # python -OO leaves none
        owner.__doc__ = with_arguments(owner.__doc__, heading, dict([*parameters(function).items()][skip:]), table)


def parameters(function: Any) -> dict[str, str]:
    """Parameter, with its stars if it has any -> its default as text, or "".

    It reads what ``inspect.signature`` reads, at a tenth of the time.
    """
    signature = getattr(function, "__signature__", None)
    if signature is not None:  # a constructor that was made of a function's options
        empty = inspect.Parameter.empty
        stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
        return {
            stars.get(p.kind, "") + p.name: "" if p.default is empty else _show(p.default)
            for p in signature.parameters.values()
        }
    function = inspect.unwrap(function)
    code, defaults, only = function.__code__, function.__defaults__ or (), function.__kwdefaults__ or {}
    n = code.co_argcount
    more = n + code.co_kwonlyargcount
    names = [*code.co_varnames]
    found = dict.fromkeys(names[:n], "")
    found.update(zip(names[n - len(defaults) : n], map(_show, defaults), strict=True))
    if code.co_flags & inspect.CO_VARARGS:
        found[f"*{names.pop(more)}"] = ""
    found.update({name: _show(only[name]) if name in only else "" for name in names[n:more]})
    if code.co_flags & inspect.CO_VARKEYWORDS:
        found[f"**{names[more]}"] = ""
    return found


def _show(default: Any) -> str:
    if isinstance(default, str):
        return f'"{default}"'
    return getattr(default, "__name__", None) or repr(default)


def with_arguments(doc: str, heading: str, arguments: Mapping[str, str], table: Mapping[str, str]) -> str:
    """A docstring whose section ``heading`` explains these arguments, as far as its own text or the table does."""
    lines = inspect.cleandoc(doc).split("\n")
    headings = [i for i, line in enumerate(lines) if _HEADING.match(line)]
    later = [i for i in headings if heading == "Args" or lines[i] != "Args:"]
    start = stop = later[0] if later else len(lines)
    if f"{heading}:" in lines:
        start = lines.index(f"{heading}:")
        stop = next((i for i in headings if i > start), len(lines))
    own = entries(lines[start + 1 : stop])
    section = []
    for name, default in arguments.items():
        if text := own.get(name) or shared(name, table):
            section.append(_wrapped(f"    {name}: {text}" + (f" Default: {default}." if default else "")))
    if not section:
        return "\n".join(lines)
    before = [*lines[:start], ""] if lines[start - 1] else lines[:start]
    return "\n".join([*before, f"{heading}:", *section, *([""] if stop < len(lines) else []), *lines[stop:]])


def _wrapped(text: str, width: int = 112) -> str:
    done = ""
    while len(text) > width:
        at = text.rindex(" ", 0, width)
        at = text.rindex(" ", 0, at) if text.endswith("Default:", 0, at) else at  # a word and its value
        done, text = f"{done}{text[:at]}\n", f"        {text[at + 1 :]}"
    return done + text


def entries(lines: list[str]) -> dict[str, str]:
    """Argument -> its text, of the lines of a section."""
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        if match := _ENTRY.match(line):
            name = match[1]
            found[name] = line[match.end() :]
        elif line and name:
            found[name] += f" {line.strip()}"
    return found


def shared(name: str, table: Mapping[str, str]) -> str:
    """What a table says of an argument, or nothing."""
    if name in table:
        return table[name]
    weight, _, kind = name.rpartition("_")
    return table.get(f"*_{kind}", "").format(_WEIGHT_OF.get(weight, weight)) if weight else ""
