"""``help()`` of everything public suffices to use it: arguments, defaults, shapes, errors, source."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from public_names import packages

import lamina
from lamina.core.docstrings import HEADINGS, call_of, dedented, entries

PACKAGES = sorted({*packages(), "lamina.ops.image"})
SOURCED = {"layers", "losses", "optimizers", "ops", "metrics"}


def sections(doc: str) -> dict[str, list[str]]:
    """Heading -> lines of a docstring, what stands behind the heading first."""
    found: dict[str, list[str]] = {"": []}
    heading = ""
    for line in inspect.cleandoc(doc).split("\n"):
        if match := re.match(rf"({'|'.join(HEADINGS)}):", line):
            heading = match[1]
            assert heading not in found, f"{heading}: stands there twice"
            found[heading] = [line[match.end() :].strip()]
        else:
            found[heading].append(line)
    return found


def arguments(function: Callable[..., Any], bound: bool) -> dict[str, inspect.Parameter]:
    """The arguments of a call, with their stars."""
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    every = list(inspect.signature(function).parameters.values())[bound:]
    return {stars.get(p.kind, "") + p.name: p for p in every}


def complaints(name: str, doc: str | None, heading: str, wanted: dict[str, inspect.Parameter]) -> Iterator[str]:
    """What a docstring lacks of these arguments."""
    if not doc or not doc.strip():
        yield f"{name}: no docstring"
        return
    told = entries(sections(doc).get(heading, [""])[1:])
    if list(told) != list(wanted):
        missing, extra = [n for n in wanted if n not in told], [n for n in told if n not in wanted]
        yield (
            f"{name}: {heading} lack {missing}, have {extra} in addition" if missing or extra else f"{name}: the order"
        )
    for argument, parameter in wanted.items():
        default = parameter.default
        if argument in told and default is not parameter.empty:
            shown = f'"{default}"' if isinstance(default, str) else getattr(default, "__name__", repr(default))
            if not told[argument].endswith(f" Default: {shown}."):
                yield f"{name}: the default of {argument} is not stated"


def own_doc(cls: type) -> str | None:
    """A class's own docstring; classes don't inherit their bases'."""
    return cls.__doc__ if "__doc__" in vars(cls) else None


def raises(function: Any) -> bool:
    """Whether a ``raise`` stands in a function itself."""
    try:
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    except (OSError, TypeError):
        return False
    stack: list[ast.AST] = [ast.parse(source).body[0]]
    inner = False
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Raise) and node.exc is not None:
            return True
        if isinstance(node, (ast.FunctionDef, ast.Lambda)) and inner:
            continue
        inner = True
        stack.extend(ast.iter_child_nodes(node))
    return False


def of_function(name: str, function: Any, bound: bool) -> Iterator[str]:
    yield from complaints(name, function.__doc__, "Args", arguments(function, bound))
    if raises(function) and "Raises" not in sections(function.__doc__ or ""):
        yield f"{name}: raises errors that its docstring does not name"


def of_class(name: str, cls: type) -> Iterator[str]:
    constructor = cls.__init__  # type: ignore[misc]
    if inspect.isfunction(constructor):
        yield from complaints(name, own_doc(cls), "Args", arguments(constructor, True))
    elif not own_doc(cls):
        yield f"{name}: no docstring"
    told = sections(own_doc(cls) or "")
    if "Raises" not in told and inspect.isfunction(constructor) and raises(constructor):
        yield f"{name}: raises errors that its docstring does not name"
    if cls not in (lamina.Layer, lamina.layers.OpLayer) and (call := call_of(cls)) is not None:
        called_with = arguments(call, True)
        if len(called_with) > 1:
            yield from complaints(name, own_doc(cls), "Call args", called_with)
    layer = issubclass(cls, lamina.Layer) and not issubclass(cls, lamina.Model)
    if layer and cls not in (lamina.Layer, lamina.layers.OpLayer):
        yield from (
            f"{name}: no {heading}"
            for heading in ("Input shape", "Output shape")
            if heading not in told and (heading, cls) != ("Input shape", lamina.layers.InputLayer)
        )
    for base in cls.__mro__:
        if not base.__module__.startswith("lamina") or base.__module__.startswith("lamina.core.explain"):
            continue
        for method, value in vars(base).items():
            if method.startswith("_") or getattr(value, "__module__", base.__module__) != base.__module__:
                continue  # operations as methods of tensors are checked as operations
            function = getattr(value, "__func__", value)
            if isinstance(value, property):
                if not (value.__doc__ or any(getattr(vars(b).get(method), "__doc__", None) for b in base.__mro__)):
                    yield f"{name}.{method}: no docstring"
            elif inspect.isfunction(function):
                above = [vars(b)[method] for b in base.__mro__[1:] if method in vars(b)]
                if function.__doc__ or not above:
                    yield from of_function(f"{base.__name__}.{method}", function, not isinstance(value, staticmethod))


def of_package(package: str) -> list[str]:
    module = importlib.import_module(package)
    found: list[str] = []
    for name in module.__all__:
        value = getattr(module, name)
        if not getattr(value, "__module__", "").startswith("lamina") or not callable(value):
            continue
        if isinstance(value, type):
            found += of_class(name, value)
        elif inspect.isfunction(value):
            found += of_function(name, value, False)
        if package.split(".")[-1] in SOURCED and name not in HELPERS and "Source" not in sections(value.__doc__ or ""):
            found.append(f"{name}: no Source")
    return list(dict.fromkeys(found))


HELPERS = {"get", "serialize", "deserialize", "symbolic_call", "OpLayer"}


@pytest.mark.parametrize("package", PACKAGES)
def test_help_suffices(package):
    found = of_package(package)
    assert not found, f"{len(found)} faults:\n" + "\n".join(found)


def test_the_list_of_packages_is_whole():
    namespaces = {f"lamina.{n}" for n in lamina.__all__ if inspect.ismodule(getattr(lamina, n))}
    assert namespaces - {"lamina.schedules"} <= set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_name_sections_and_errors_rightly(package):
    module = importlib.import_module(package)
    wrong = []
    for name in module.__all__:
        value = getattr(module, name)
        for line in sections(getattr(value, "__doc__", None) or "").get("Raises", [""])[1:]:
            if line.strip() and not re.match(r"    (\w+(Error|Warning|Interrupt)|Exception): |        \S", line):
                wrong.append(f"{name}: {line}")
    assert not wrong


def test_user_classes_keep_their_docstrings():
    class Mine(lamina.layers.Dense):
        """Mine."""

    assert Mine.__doc__ == "Mine."


def test_what_is_said_to_come_from_keras_is_there():
    keras = pytest.importorskip("keras")
    wrong = []
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            doc = getattr(getattr(module, name), "__doc__", None) or ""
            for path in re.findall(r"Source: Keras 3, keras\.([\w.]+?)[.;,]?(?:\s|$)", doc):
                value: Any = keras
                for part in path.split("."):
                    value = getattr(value, part, None)
                if value is None:
                    wrong.append(f"{package}.{name}: there is no keras.{path}")
    assert not wrong


def test_docstrings_lose_their_indentation():
    """As inspect.cleandoc takes it off, which takes too long for an import."""
    for path in Path(lamina.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and (doc := ast.get_docstring(node, clean=False)):
                assert dedented(doc) == inspect.cleandoc(doc), f"{path.name}: {node.name}"
