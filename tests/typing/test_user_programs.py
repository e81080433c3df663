"""What mypy and pyright say of users' programs: nothing of the good ones, and of the others each marked line."""

from __future__ import annotations

import ast
import inspect
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lamina
from lamina import losses, metrics
from lamina.layers.options import (
    EmbeddingOptions,
    LayerOptions,
    UnnamedOptions,
    UnnamedUntypedOptions,
    UnregularizedOptions,
)
from lamina.optimizers.options import SharedOptions, UndecayedOptions
from lamina.optimizers.state import OptimizerState

PROGRAMS = Path(__file__).parent / "programs"
SOURCE = Path(lamina.__file__).parents[1]


def marked() -> set[tuple[str, int]]:
    return {
        (path.name, number)
        for path in PROGRAMS.glob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if line.endswith("# error")
    }


def run(command: list[str], **environment: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    assert done.returncode in (0, 1), done.stderr + done.stdout
    return done.stdout


def test_mypy(tmp_path):
    pytest.importorskip("mypy", reason="mypy is of the lint extra")
    path = {} if "site-packages" in SOURCE.parts else {"MYPYPATH": str(SOURCE)}
    arguments = ["--strict", "--config-file=", "--follow-imports=silent", "--output=json", f"--cache-dir={tmp_path}"]
    told = run([sys.executable, "-m", "mypy", *arguments, *map(str, sorted(PROGRAMS.glob("*.py")))], **path)
    errors = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    found = {(Path(e["file"]).name, e["line"]): e["message"] for e in errors if e["severity"] == "error"}
    assert set(found) == marked(), found


def test_pyright(tmp_path):
    pytest.importorskip("pyright", reason="pyright is of the lint extra")
    shutil.copytree(PROGRAMS, tmp_path / "programs")
    settings = {"include": ["programs"], "extraPaths": [str(SOURCE)], "typeCheckingMode": "strict"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    python = ["--pythonpath", sys.executable]
    told = run([sys.executable, "-m", "pyright", "--project", str(tmp_path), "--outputjson", *python])
    errors = [e for e in json.loads(told)["generalDiagnostics"] if e["severity"] == "error"]
    found = {(Path(e["file"]).name, e["range"]["start"]["line"] + 1): e["message"] for e in errors}
    assert set(found) == marked(), found


@pytest.mark.parametrize(
    ("options", "constructor", "own"),
    [
        (LayerOptions, lamina.Layer.__init__, set()),
        (UnnamedOptions, lamina.Layer.__init__, {"name"}),
        (UnnamedUntypedOptions, lamina.Layer.__init__, {"name", "dtype"}),
        (UnregularizedOptions, lamina.Layer.__init__, {"activity_regularizer"}),
        (EmbeddingOptions, lamina.Layer.__init__, {"input_dim"}),
        (SharedOptions, OptimizerState.__init__, {"learning_rate"}),
        (UndecayedOptions, OptimizerState.__init__, {"learning_rate", "weight_decay"}),
    ],
)
def test_options_are_those_of_the_base(options, constructor, own):
    parameters = inspect.signature(constructor).parameters.values()
    named = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
    assert options.__optional_keys__ == named - {"self"} - own
    assert not options.__required_keys__


def written_for_checkers() -> dict[str, ast.FunctionDef]:
    """The constructors of losses and metrics that stand under TYPE_CHECKING, by package and class."""
    found = {}
    for package in (losses, metrics):
        for path in Path(package.__file__).parent.glob("*.py"):
            for cls in ast.parse(path.read_text()).body:
                for part in cls.body if isinstance(cls, ast.ClassDef) else ():
                    if isinstance(part, ast.If) and ast.unparse(part.test) == "TYPE_CHECKING":
                        for function in part.body:
                            if isinstance(function, ast.FunctionDef) and function.name == "__init__":
                                found[f"{package.__name__}.{cls.name}"] = function
    return found


def public_constructors() -> list[type]:
    """The losses and metrics whose constructor is made of another's."""
    made = [getattr(package, name) for package in (losses, metrics) for name in package.__all__]
    return [cls for cls in made if isinstance(cls, type) and hasattr(cls.__init__, "__signature__")]


@pytest.mark.parametrize("cls", public_constructors(), ids=lambda cls: f"{cls.__module__.split('.')[1]}.{cls.__name__}")
def test_checkers_see_the_constructors_that_are_made_at_runtime(cls):
    true = {p.name: p.default for p in list(inspect.signature(cls.__init__).parameters.values())[1:]}
    package = ".".join(cls.__module__.split(".")[:2])
    function = written_for_checkers().get(f"{package}.{cls.__name__}")
    if function is None:  # that of the base, which has no options
        shared = ["reduction", "name", "dtype"] if package == "lamina.losses" else ["name", "dtype"]
        assert list(true) == shared
        return
    names = [a.arg for a in function.args.args[1:]]
    defaults = [inspect.Parameter.empty] * (len(names) - len(function.args.defaults))
    defaults += [ast.literal_eval(d) for d in function.args.defaults]
    assert dict(zip(names, defaults, strict=True)) == true
    assert names == list(true)
