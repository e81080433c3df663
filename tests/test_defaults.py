"""Names, order and defaults of all public arguments: as defaults.txt lists them, and as Keras has them.

``python tests/test_defaults.py`` writes the list anew; a change of it is a change for users.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lamina

LIST = Path(__file__).with_name("defaults.txt")
PACKAGES = sorted(n for n in lamina.__all__ if inspect.ismodule(getattr(lamina, n)) and n != "schedules")
PACKAGES += ["ops.image", "optimizers.schedules", "sklearn", "testing"]
# Where Lamina's default is not Keras's.
DIFFERENT = {
    "ops.arange: step=1, Keras has None",  # which means 1
    "ops.multi_hot: num_classes=_empty, Keras has None",  # which its own code refuses
}


def show(value: Any) -> str:
    name = getattr(value, "__name__", None)
    return name if callable(value) and name else repr(value)


def signature(function: Any, bound: bool) -> str:
    """The arguments of a call without their annotations."""
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    parts = []
    named_only = False
    for p in list(inspect.signature(function).parameters.values())[bound:]:
        if p.kind is p.KEYWORD_ONLY and not named_only:
            parts.append("*")
        named_only = named_only or p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
        parts.append(stars.get(p.kind, "") + p.name + ("" if p.default is p.empty else f"={show(p.default)}"))
    return f"({', '.join(parts)})"


def of_class(name: str, cls: type) -> Iterator[tuple[str, str]]:
    if inspect.isfunction(cls.__init__):  # type: ignore[misc]
        yield name, signature(cls.__init__, True)  # type: ignore[misc]
    for method, value in vars(cls).items():
        function = getattr(value, "__func__", value)
        own = inspect.isfunction(function) and function.__module__ == cls.__module__
        if own and (method[0] != "_" or method == "__call__"):
            yield f"{name}.{method}", signature(function, not isinstance(value, staticmethod))


def public_defaults() -> dict[str, str]:
    """The name and the arguments of every public function, class and method that has defaults."""
    found: dict[str, str] = {}
    for package in ["", *PACKAGES]:
        module = importlib.import_module(f"lamina.{package}".rstrip("."))
        for name in module.__all__:
            value, key = getattr(module, name), f"{package}.{name}".lstrip(".")
            if inspect.isfunction(value):
                found[key] = signature(value, False)
            elif isinstance(value, type) and value.__module__.startswith("lamina.") and name == value.__name__:
                found.update(of_class(key, value))
                for base in value.__mro__[1:]:  # bases that are not public themselves
                    if base.__module__.startswith("lamina.") and not hasattr(module, base.__name__):
                        found.update(of_class(f"{package}.{base.__name__}".lstrip("."), base))
    return {name: text for name, text in found.items() if "=" in text}


def same(a: Any, b: Any) -> bool:
    """Whether two defaults mean the same; (1, 1) does for a size of two axes."""
    if isinstance(b, tuple) and b and not isinstance(a, tuple):
        return all(same(a, part) for part in b)
    return show(a) == show(b) or (a is not inspect.Parameter.empty and b is not inspect.Parameter.empty and a == b)


def test_defaults_are_those_of_the_list():
    listed = dict(line.split("(", 1) for line in LIST.read_text().splitlines())
    found = {name: text[1:] for name, text in public_defaults().items()}
    changed = [f"{n}({found.get(n, 'nothing')}  was  ({listed.get(n, 'nothing')}" for n in sorted({*found, *listed})
               if found.get(n) != listed.get(n)]  # fmt: skip
    assert not changed, "\n".join([*changed, "if that is meant: python tests/test_defaults.py"])


def test_defaults_are_those_of_keras():
    keras = pytest.importorskip("keras")
    wrong = []
    for package in PACKAGES:
        ours = importlib.import_module(f"lamina.{package}")
        theirs: Any = keras
        for part in package.split("."):
            theirs = getattr(theirs, part, None)
        for name in ours.__all__:
            mine, other = getattr(ours, name), getattr(theirs, name, None)
            if not callable(other) or not callable(mine):
                continue
            try:
                theirs_are = inspect.signature(other).parameters
            except ValueError:
                continue
            for argument, p in inspect.signature(mine).parameters.items():
                q = theirs_are.get(argument)
                if q is None or q.kind in (q.VAR_KEYWORD, q.VAR_POSITIONAL):
                    continue
                if not same(p.default, q.default):
                    wrong.append(f"{package}.{name}: {argument}={show(p.default)}, Keras has {show(q.default)}")
    assert set(wrong) == DIFFERENT


if __name__ == "__main__":
    LIST.write_text("".join(f"{name}{text}\n" for name, text in sorted(public_defaults().items())))
