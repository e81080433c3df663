"""docs/layers.md lists everything there is, with its counterparts in Keras and PyTorch and the kernels that it runs.

``python tests/catalogue/test_catalogue.py`` writes the page anew.  Kernels are not listed by hand: each thing runs once
on its example, forward and backward, and the native functions that it calls are noted.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina
from lamina import losses, ops, optimizers
from lamina.core.absent import ABSENT
from lamina.core.autograd import Tensor
from lamina.testing.layer_table import layer_checks

FOLDER = Path(__file__).parent
PAGE = FOLDER.parents[1] / "docs" / "layers.md"
HEAD = """# Everything there is

Written by `python tests/catalogue/test_catalogue.py`; a test fails where it is not true. *Kernels* are the native
families that a thing runs on its example, forward and backward; where none stands, NumPy computes on small data, or
nothing is computed. Names that PyTorch lacks have no entry there.
"""
PACKAGES = {
    "layers": "Layers",
    "ops": "Operations",
    "losses": "Losses",
    "metrics": "Metrics",
    "optimizers": "Optimizers",
    "activations": "Activations",
    "constraints": "Constraints",
    "initializers": "Initializers",
    "regularizers": "Regularizers",
}
NO_PART = {"get", "serialize", "deserialize"}
OF_KERAS_ALONE = {"src"}
STEPS = ("optimizer_step",)  # native functions without a gradient that count as kernels


def read(name: str) -> dict[str, str]:
    """Text by key of a file of ``key: text``, whose texts go on over indented lines."""
    text = "\n".join(line for line in (FOLDER / name).read_text().split("\n") if not line.startswith("#"))
    return dict(entry.split(": ", 1) for entry in re.sub(r"\n +", " ", text).strip().split("\n"))


def public(package: str) -> list[str]:
    """Names of a package but its helpers."""
    module = importlib.import_module(f"lamina.{package}")
    return sorted(n for n in module.__all__ if n not in NO_PART and not inspect.ismodule(getattr(module, n)))


# ---- which kernels a thing runs ----


def kernels(run: Callable[[], Any]) -> set[str]:
    """The families of native functions that run() calls."""
    seen: set[str] = set()

    def note(frame: Any, event: str, function: Any) -> None:
        if event == "c_call" and (match := re.fullmatch(r"(\w+)_(forward|backward)", function.__name__)):
            seen.add(match[1])
        if event == "c_call" and function.__name__ in STEPS:
            seen.add(function.__name__)

    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
    return seen


def backward(value: Any) -> None:
    """The gradient of everything that a call gave."""
    results = [v for v in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(v, Tensor)]
    for result in results:
        if result.requires_grad:
            result.backward(np.ones(result.shape, result.dtype), retain_graph=True)


def of_layers() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for check in layer_checks():
        layer, arrays = check.make(), check.arrays()
        layer(*arrays)  # builds it
        found.setdefault(check.name, set()).update(kernels(lambda: backward(layer(*arrays, training=True))))  # noqa: B023
    return found


def grad(*shape: int) -> Tensor:
    """A tensor of numbers that has a gradient."""
    return Tensor(np.random.default_rng(0).uniform(0.2, 0.8, shape).astype("f4"), requires_grad=True)


def given_to() -> list[tuple[Any, ...]]:
    """Arguments that an operation may take, the likeliest first."""
    x = Tensor(np.array([[0.5, 0.25, 0.75], [0.4, 0.3, 0.2]], "f4"), requires_grad=True)
    square = Tensor(np.array([[2, 0.5, 0.1], [0.5, 3, 0.2], [0.1, 0.2, 4]], "f4"), requires_grad=True)
    image = Tensor(np.ones((1, 4, 4, 2), "f4"), requires_grad=True)
    whole = np.array([[1, 2, 3], [4, 5, 6]])
    sizes: list[tuple[Any, ...]] = [(x,), (square,), (x, x), (square, square), (x, 0), (x, 2), (whole,), (whole, whole)]
    return [*sizes, (x, x, x), ([x, x],), (image, 2), (x, (3, 2)), (x, 0, 1), ((2, 3),), (3,), (1, 2, 3), (x, 1, 0)]


def of_operations() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    examples = read("examples.txt")
    for name in public("ops"):
        operation = getattr(ops, name)
        if name in examples:
            space = {"np": np, "ops": ops, "lamina": lamina, "grad": grad}
            found[name] = kernels(lambda: backward(eval(examples[name], space)))  # noqa: B023
            continue
        for arguments in given_to():
            try:
                found[name] = kernels(lambda: backward(operation(*arguments)))  # noqa: B023
            except (TypeError, ValueError, IndexError):
                continue
            break
        else:
            raise AssertionError(f"ops.{name} is to have a line in {FOLDER / 'examples.txt'}")
    return found


def of_losses() -> dict[str, set[str]]:
    classes = {n: getattr(losses, n) for n in public("losses") if isinstance(getattr(losses, n), type)}
    whole, each = np.array([0, 2, 0, 1]), np.array([[1, 0, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]], "f4")
    two = np.array([[1.0], [-1.0], [1.0], [-1.0]], "f4")
    found: dict[str, set[str]] = {}
    examples = read("examples.txt")
    for name, cls in classes.items():
        if name == "Loss":
            continue
        if f"losses.{name}" in examples:
            space = {"np": np, "losses": losses, "grad": grad}
            found[name] = kernels(lambda: backward(eval(examples[f"losses.{name}"], space)))  # noqa: B023
            continue
        for y_true, width in ((each, 3), (whole, 3), (two, 1)):
            y_pred = Tensor(np.full((4, width), 1 / 3, "f4"), requires_grad=True)
            try:
                found[name] = kernels(lambda: backward(cls()(y_true, y_pred)))  # noqa: B023
            except (TypeError, ValueError, IndexError):
                continue
            break
        else:
            raise AssertionError(f"losses.{name} is to have a line in {FOLDER / 'examples.txt'}")
    return found


def of_optimizers() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name in public("optimizers"):
        cls = getattr(optimizers, name)
        if not (isinstance(cls, type) and issubclass(cls, optimizers.Optimizer)) or cls is optimizers.Optimizer:
            continue
        around = {"MultiOptimizer": lambda v: optimizers.SGD(), "LossScaleOptimizer": optimizers.SGD()}
        optimizer = cls(around[name]) if name in around else cls()
        w = lamina.Variable(np.ones((4, 3), "f4"))
        found[name] = kernels(lambda: optimizer.apply([np.ones((4, 3), "f4")], [w]))  # noqa: B023
    return found


# ---- the page ----


def page() -> str:
    """What docs/layers.md is to hold."""
    theirs, torch = read("keras_names.txt"), read("counterparts.txt")
    runs = {"layers": of_layers(), "ops": of_operations(), "losses": of_losses(), "optimizers": of_optimizers()}
    parts = [HEAD]
    for package, title in PACKAGES.items():
        known = set(theirs[package].split())
        parts.append(f"\n## {title}\n\n| lamina.{package} | Keras 3 | PyTorch | kernels |\n| --- | --- | --- | --- |\n")
        for name in public(package):
            keras = f"`{name}`" if name in known else ""
            other = torch.get(f"{package}.{name}", "")
            value = getattr(getattr(lamina, package), name)
            found = runs.get(package, {})
            run = ", ".join(sorted(found.get(name) or found.get(getattr(value, "__name__", ""), ())))
            parts.append(f"| `{name}` | {keras} | {f'`{other}`' if other else ''} | {run} |\n")
    parts.append("\n## What Keras has and Lamina has not\n\n| name | reason |\n| --- | --- |\n")
    parts += [f"| `{name}` | {reason} |\n" for name, reason in sorted(ABSENT.items())]
    return "".join(parts)


def module(root: Any, package: str) -> Any:
    """A package by its dotted name, "keras" for the outermost; None if it is not there."""
    for part in package.split(".") if package != "keras" else ():
        root = getattr(root, part, None)
    return root


def absent() -> set[str]:
    """Keras's names that Lamina lacks, with their packages; of packages that it lacks their own."""
    found = set()
    for package, names in read("keras_names.txt").items():
        ours = module(lamina, package)
        missing = [name for name in names.split() if not hasattr(ours, name)]
        found |= {package} if ours is None else {f"{package}.{name}".removeprefix("keras.") for name in missing}
    return found


def test_the_page_is_true():
    assert PAGE.read_text() == page(), "run: python tests/catalogue/test_catalogue.py"


def test_what_is_not_there_has_its_reason():
    assert absent() == set(ABSENT) - OF_KERAS_ALONE


@pytest.mark.parametrize("name", ABSENT)
def test_an_absent_name_says_why(name):
    package, _, last = f"lamina.{name}".rpartition(".")
    if name.partition(".")[0] in ABSENT:  # a package that is absent as a whole
        package, last = "lamina", name.partition(".")[0]
    found = importlib.import_module(package)
    with pytest.raises(AttributeError, match=re.escape(ABSENT[name])):
        getattr(found, last)
    assert last not in dir(found)


@pytest.mark.parametrize("package", PACKAGES)
def test_counterparts_are_of_names_that_exist(package):
    listed = {key.partition(".")[2] for key in read("counterparts.txt") if key.startswith(f"{package}.")}
    assert listed <= set(public(package))


def test_names_are_those_of_keras():
    keras = pytest.importorskip("keras")
    for package, names in read("keras_names.txt").items():
        theirs = module(keras, package)
        found = {n for n in dir(theirs) if n[0] != "_" and not inspect.ismodule(getattr(theirs, n))}
        assert found == set(names.split()), package


def test_namespaces_are_those_of_keras():
    keras = pytest.importorskip("keras")
    named = read("keras_names.txt")
    listed = {*named, *(name.rpartition(".")[0] for name in named), *OF_KERAS_ALONE}

    def walk(found: Any, path: str) -> None:
        for name in dir(found):
            value = getattr(found, name)
            if inspect.ismodule(value) and value.__name__.startswith("keras") and name[0] != "_":
                inner = f"{path}{name}"
                assert inner in listed, inner
                if inner not in OF_KERAS_ALONE:
                    walk(value, f"{inner}.")

    walk(keras, "")


def test_counterparts_are_those_of_torch():
    torch = pytest.importorskip("torch")
    for name in read("counterparts.txt").values():
        value = torch
        for part in name.split(".")[1:]:
            value = getattr(value, part, None)
        assert value is not None, name


if __name__ == "__main__":
    PAGE.write_text(page())
