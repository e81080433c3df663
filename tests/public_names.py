"""What users may import: tests and the documentation's reference go over it."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import lamina


def packages() -> list[str]:
    """All public packages, those inside of others and those that are asked for by name included."""

    def below(module: ModuleType) -> Iterator[str]:
        yield module.__name__
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.ismodule(value) and value.__name__ == f"{module.__name__}.{name}" and hasattr(value, "__all__"):
                yield from below(value)

    asked_for = [importlib.import_module(f"lamina.{name}") for name in ("sklearn", "testing")]
    return sorted({name for module in (lamina, *asked_for) for name in below(module)})


def public() -> dict[str, Any]:
    """Name with its package (``layers.Dense``, ``lamina.capture``) -> class or function.

    Of several names it is that of the package that holds the thing, as the thing calls itself.
    """
    found: dict[int, tuple[str, Any]] = {}
    names: list[tuple[bool, bool, bool, str, str, Any]] = []
    for package in packages():
        module = importlib.import_module(package)
        for name in module.__all__:
            value = getattr(module, name)
            if isinstance(value, (type, FunctionType)) and value.__module__.startswith("lamina"):
                elsewhere = not f"{value.__module__}.".startswith(f"{package}.")
                names.append((package == "lamina", elsewhere, name != value.__name__, package, name, value))
    for *_, package, name, value in sorted(names, key=lambda n: n[:-1]):
        found.setdefault(id(value), (f"{package.removeprefix('lamina.')}.{name}", value))
    return dict(sorted(found.values(), key=lambda n: (n[0].rpartition(".")[0], n[0])))


def room(path: str, value: Any) -> ModuleType:
    """The file of a package that lists the name of ``path`` (as ``public`` gives it) in its ``__all__``."""
    package, _, name = path.rpartition(".")
    inside = [m for n, m in sorted(sys.modules.items()) if n.startswith(f"lamina.{package}.")]
    files = [m for m in inside if hasattr(m, "__file__") and name in getattr(m, "__all__", ())]
    same = inspect.unwrap(value)  # operations are wrapped where they become public
    return next((m for m in files if inspect.unwrap(vars(m)[name]) is same), sys.modules[value.__module__])
