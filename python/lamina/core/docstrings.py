"""Completes public docstrings at import: shared arguments are explained once, defaults are the signature's.

A docstring explains in its section ``Args:`` (for ``call`` of a layer: ``Call args:``) the arguments that are its own.
``complete`` adds those that the tables of ``shared_arguments.py`` explain, in the order of the signature, and to each
its default.  So ``help()`` shows every argument, and no default stands in two places.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from .shared_arguments import ERRORS, SOURCES, TABLES

HEADINGS = (
    "Args", "Call args", "Input shape", "Output shape", "Weights", "State", "Attributes", "Returns", "Yields",
    "Raises", "Source", "Example",
)  # fmt: skip
_HEADING = re.compile(rf"({'|'.join(HEADINGS)}):")
_DEDENTED = re.compile(rf"\n(?:{'|'.join(HEADINGS)}):")
_ENTRY = re.compile(r"    (\*{0,2}\w+): ")
_INDENT = re.compile(r"\n( +)\S")
_WEIGHT_OF = {"recurrent": "recurrent_kernel", "depthwise": "kernel"}  # options under another name than the weight's
_seen: set[int] = set()  # classes and functions stand under several names
_seen_bases: set[int] = set()


def complete(module: str, contents: Mapping[str, Any]) -> None:
    """Complete the docstrings of a module's public classes, their methods and functions.  contents: its globals()."""
    package = module.removeprefix("lamina").lstrip(".")
    table = TABLES["*"] | (TABLES.get(package) or TABLES.get(package.partition(".")[0], {}))
    for name in contents["__all__"]:
        value: Any = contents.get(name)  # a package may be imported later
        known = isinstance(value, (type, FunctionType)) and value.__module__.startswith("lamina")
        if not known or id(value) in _seen or not value.__doc__:  # python -OO leaves no docstring
            continue
        _seen.add(id(value))
        if isinstance(value, type):
            if type(vars(value).get("__doc__")) is str:
                value.__doc__ = _ClassDoc(value.__doc__, package, table)  # type: ignore[assignment]
            _complete_methods(value, table)
        else:
            given = parameters(value)
            doc = with_arguments(dedented(value.__doc__), "Args", given, table)
            value.__doc__ = _with_errors_and_source(doc, package, value.__name__, given)


class _ClassDoc:
    """A class's docstring, completed when somebody asks for it, so that imports stay quick."""

    def __init__(self, doc: str, package: str, table: Mapping[str, str]) -> None:
        self.doc, self.package, self.table = doc, package, table
        self.completed: str | None = None

    def __get__(self, instance: Any, cls: type) -> str:
        if self.completed is None:
            constructor, call, doc = cls.__init__, call_of(cls), dedented(self.doc)  # type: ignore[misc]
            given = parameters(constructor) if isinstance(constructor, FunctionType) else {"self": ""}
            doc = with_arguments(doc, "Args", _without_self(given), self.table)
            if call is not None and len(parameters(call)) > 2:
                doc = with_arguments(doc, "Call args", _without_self(parameters(call)), self.table)
            self.completed = _with_errors_and_source(doc, self.package, cls.__name__, given)
        return self.completed


def _complete_methods(cls: type, table: Mapping[str, str]) -> None:
    for base in cls.__mro__:  # bases that are not public themselves have public methods
        if id(base) in _seen_bases or not base.__module__.startswith("lamina"):
            continue
        _seen_bases.add(id(base))
        for name, value in vars(base).items():
            method = getattr(value, "__func__", value)
            own = isinstance(method, FunctionType) and method.__module__ == base.__module__  # no operation as a method
            if own and name[0] != "_" and method.__doc__:
                given = parameters(method)
                if len(given) > 1 or isinstance(value, staticmethod):
                    arguments = given if isinstance(value, staticmethod) else _without_self(given)
                    method.__doc__ = with_arguments(dedented(method.__doc__), "Args", arguments, table)


def _without_self(given: Mapping[str, str]) -> dict[str, str]:
    return dict([*given.items()][1:])


def _with_errors_and_source(doc: str, package: str, name: str, given: Mapping[str, str]) -> str:
    """A docstring with the sections Raises and Source, where it has none and the tables know them."""
    doc, example, last = doc.partition("\n\nExample:")
    before, source, after = doc.partition("\n\nSource:")
    errors = ERRORS.get(package) or ERRORS.get(package.partition(".")[0])
    if errors is not None and "\nRaises:" not in before:
        lines = [f"\n    {text}" for argument, text in errors.items() if argument in given]
        before += "\n\nRaises:" + "".join(lines) if lines else ""
    if not source and package in SOURCES:
        source, after = "\n\nSource:", f" {SOURCES[package].format(name)}"
    return before + source + after + example + last


def call_of(cls: type) -> FunctionType | None:
    """The method that says what objects of a class are called with: ``__call__``, or ``call`` where that takes all."""
    for name in ("__call__", "call"):
        method = getattr(cls, name, None)
        if isinstance(method, FunctionType) and "*args" not in parameters(method):
            return method
    return None


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
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
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
    """A dedented docstring whose section ``heading`` explains these arguments, as its own text or the table does."""
    lines = doc.split("\n")
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


def dedented(doc: str) -> str:
    """What ``inspect.cleandoc`` makes of a docstring whose second paragraph is not indented further, in less time.

    One that is dedented, by Python 3.13 or because it is another's, stays.
    """
    if _DEDENTED.search(doc):
        return doc.strip()
    indent = _INDENT.search(doc)
    return (doc if indent is None else doc.replace(f"\n{indent[1]}", "\n")).strip()


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
