"""The examples in public docstrings run, and what they show is what comes out.

An example is a section ``Example:``, the docstring's last. It is given ``lamina``, ``np`` and all packages of
``lamina`` (``layers``, ``ops`` ...), a seed, NumPy's print options and an empty directory. What it shows must be true
on any processor and for any release of NumPy: round numbers, or show shapes; ``...`` stands for anything.
"""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import numpy as np
import pytest
from public_names import packages, public
from test_docstrings import sections

import lamina

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
GIVEN = {p.rpartition(".")[2]: importlib.import_module(p) for p in packages() if p.count(".") < 2} | {"np": np}


def own_docstrings(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Of a class or function, then of a class's own methods."""
    yield name, vars(value).get("__doc__") and value.__doc__ if isinstance(value, type) else value.__doc__
    for method, function in vars(value).items() if isinstance(value, type) else ():
        function = getattr(function, "__func__", function)
        if method[0] != "_" and isinstance(function, (FunctionType, property)) and ">>> " in (function.__doc__ or ""):
            yield f"{name}.{method}", function.__doc__


PUBLIC = public()
EXAMPLES = {
    name: doc for n, v in PUBLIC.items() for name, doc in own_docstrings(n, v) if isinstance(doc, str) and ">>> " in doc
}


@pytest.fixture
def as_at_first(threads, tmp_path, monkeypatch):
    """What an example finds, and what others find behind it."""
    monkeypatch.chdir(tmp_path)
    setters = [n for n in lamina.config.__all__ if n.startswith("set_")]
    before = [getattr(lamina.config, n.removeprefix("set_"))() for n in setters]
    lamina.utils.set_random_seed(0)
    with np.printoptions(precision=4, suppress=True):
        yield
    for setter, value in zip(setters, before, strict=True):
        getattr(lamina.config, setter)(value)


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.usefixtures("as_at_first")
def test_example(name):
    test = doctest.DocTestParser().get_doctest(inspect.cleandoc(EXAMPLES[name]), GIVEN.copy(), name, None, 0)
    scalars = [e.want for e in test.examples if re.search(r"\bnp\.\w+\(", e.want)]
    assert not scalars, f"NumPy 1 shows numbers in another way: {scalars}"
    said: list[str] = []
    failed = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=said.append).failed
    assert not failed, "".join(said)


def test_examples_come_last():
    wrong = []
    for name, doc in EXAMPLES.items():
        found = sections(doc)
        if [*found][-1] != "Example" or any(">>> " in "\n".join(found[h]) for h in found if h != "Example"):
            wrong.append(name)
    assert not wrong, f"the section Example is not the last, or an example stands outside of it: {wrong}"


def test_every_public_name_has_an_example():
    missing = sorted(set(PUBLIC) - set(EXAMPLES))
    assert not missing, f"without an example in its docstring: {missing}"
