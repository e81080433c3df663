"""Imports point downward only, in C++ and in Python, and every floor keeps its rules."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

import lamina

ROOT = Path(__file__).parents[1]
CSRC = ROOT / "csrc"
PACKAGE = ROOT / "python" / "lamina"
pytestmark = pytest.mark.skipif(not CSRC.is_dir(), reason="needs the source tree")

# What each floor may include besides itself.
CPP_FLOORS = {
    "core": set(),
    "simd": {"core"},
    "kernels": {"core", "simd"},
    "ops": {"core", "kernels"},
    "plan": {"core"},
    "bind": {"core", "kernels", "ops", "plan"},
}

# Python's floors from the ground up; a module imports from its own line and the lines above.
PYTHON_FLOORS = [
    ["_native", "_version"],
    ["core"],
    ["config", "reference", "tree"],
    ["ops"],
    ["random"],
    ["activations", "constraints", "initializers", "regularizers"],
    ["dtype_policies", "quantizers"],
    ["data", "layers", "optimizers"],
    ["losses", "mixed_precision"],
    ["metrics"],
    ["plot"],
    ["visualization"],
    ["callbacks", "saving"],
    ["utils"],
    ["datasets"],
    ["backend", "distribution", "legacy", "preprocessing"],
    ["export"],
    ["models"],
    ["applications", "onnx", "profile", "sklearn", "torch"],
    ["wrappers"],
    ["distillation"],
    ["testing"],
    ["__init__"],
]


def includes(path: Path) -> list[str]:
    return re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE)


def sources() -> list[Path]:
    return sorted([*CSRC.rglob("*.h"), *CSRC.rglob("*.cpp")])


def test_every_include_points_downward():
    wrong = []
    for path in sources():
        floor = path.relative_to(CSRC).parts[0]
        for name in includes(path):
            target = name.split("/")[0]
            assert (CSRC / name).is_file(), f"{path}: {name} is not a path from csrc"
            if target != floor and target not in CPP_FLOORS[floor]:
                wrong.append(f"{path.relative_to(ROOT)} includes {name}")
    assert not wrong


def test_kernels_use_no_standard_library():
    """An inline function of the STL compiled for AVX-512 could be the copy that the linker keeps for everybody."""
    wrong = []
    for path in [*CSRC.glob("kernels/*"), *CSRC.glob("simd/*")]:
        if path.name == "table.cpp":  # baseline code
            continue
        text = re.sub(r"//.*", "", path.read_text())
        allowed = {"cstdint", "cstring", "cstddef", "immintrin.h", "arm_neon.h"}
        included = set(re.findall(r"^#include <([^>]+)>", text, re.MULTILINE))
        wrong += [f"{path.name}: <{h}>" for h in included - allowed]
        wrong += [f"{path.name}: {w}" for w in re.findall(r"\bstd::(?!u?int\d+_t|uintptr_t)\w+", text)]
    assert not wrong


def test_only_parallel_names_openmp():
    wrong = [p.name for p in sources() if re.search(r"#pragma omp|<omp\.h>|\bomp_\w+\(", p.read_text())]
    assert set(wrong) <= {"parallel.h", "parallel.cpp"}


def test_a_family_has_the_same_name_on_every_floor():
    families = {p.stem for p in CSRC.glob("kernels/*.cpp")} - {"table"}
    listed = set(re.search(r"set\(LAMINA_KERNELS([^)]+)\)", (ROOT / "CMakeLists.txt").read_text())[1].split())
    assert families == listed
    own = {"gemm": "dense", "probe": ""}  # the dense family's kernels; for benchmarks alone
    public = {p.stem for p in (PACKAGE / "ops").glob("*.py") if not p.stem.startswith("_")}
    bound = {p.stem.removeprefix("bind_") for p in CSRC.glob("bind/bind_*.cpp")}
    for family in public & {own.get(f, f) for f in families}:
        assert family in bound, f"no csrc/bind/bind_{family}.cpp"
        assert (PACKAGE / "reference" / f"{family}.py").exists(), f"no python/lamina/reference/{family}.py"


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name below lamina; "" is the package itself."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imported(path: Path, known: dict[str, Path]) -> set[str]:
    """The package's own modules that a file imports when it runs, at its top or inside of functions."""
    package = path.relative_to(PACKAGE).parts[:-1]
    found = set()

    def visit(node: ast.AST) -> None:
        if is_type_checking(node):
            return
        if isinstance(node, ast.ImportFrom) and node.level:
            above = package[: len(package) - node.level + 1]
            module = ".".join([*above, *(node.module or "").split(".")]).strip(".")
            for alias in node.names:
                inner = f"{module}.{alias.name}".strip(".")
                found.add(inner if inner in known or inner == "_native" else module)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            assert not any(n.split(".")[0] == "lamina" for n in names), f"{path}: import it relatively: {names}"
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text()))
    return found


def test_every_python_import_points_downward():
    rank = {name: i for i, names in enumerate(PYTHON_FLOORS) for name in names}
    known = modules()
    wrong = []
    for module, path in sorted(known.items()):
        floor = module.split(".")[0] or "__init__"
        assert floor in rank, f"{path.name}: add {floor} to PYTHON_FLOORS"
        targets = {t.split(".")[0] or "__init__" for t in imported(path, known)} - {floor}
        wrong += [f"{path.relative_to(ROOT)} imports {t}" for t in targets if rank[t] > rank[floor]]
    assert not wrong


def test_no_python_module_imports_itself_through_others():
    """File by file, imports inside of functions included."""
    known = modules()
    graph = {m: imported(p, known) - {m} for m, p in known.items()}
    for module in graph:  # a package's __init__ gathers its rooms; the rooms import each other, not the package
        graph[module] -= {m for m in graph if m and module.startswith(f"{m}.")} - {""}
    done: set[str] = set()

    def walk(module: str, path: list[str]) -> None:
        assert module not in path, f"a circle of imports: {' -> '.join([*path[path.index(module) :], module])}"
        if module not in done:
            for target in sorted(graph.get(module, ())):
                walk(target, [*path, module])
            done.add(module)

    for module in sorted(graph):
        walk(module, [])


PUBLIC = [
    "", "activations", "applications",
    *(f"applications.{name}" for name in lamina.applications.__all__ if name.islower()), "backend", "callbacks",
    "config", "constraints", "data", "datasets", *(f"datasets.{name}" for name in lamina.datasets.__all__),
    "distillation", "distribution", "dtype_policies", "initializers", "layers", "legacy", "legacy.saving", "losses",
    "metrics", "mixed_precision", "models", "onnx", "ops", "ops.image", "ops.linalg", "ops.nn", "ops.numpy",
    "optimizers", "optimizers.schedules", "plot", "preprocessing", "preprocessing.image", "preprocessing.sequence",
    "preprocessing.text", "random", "regularizers", "saving", "testing", "torch", "tree", "utils",
    "utils.bounding_boxes", "utils.legacy", "visualization", "wrappers",
]  # fmt: skip


@pytest.mark.parametrize("name", PUBLIC)
def test_a_namespace_shows_its_public_names_alone(name):
    module = importlib.import_module(f"lamina.{name}".rstrip("."))
    shown = {n for n in dir(module) if not n.startswith("__")}
    assert shown == {n for n in module.__all__ if not n.startswith("__")}


def lines_to_read(path: Path) -> int:
    """Lines of a file without its docstrings, which one looks up rather than reads from top to bottom."""
    text = path.read_text()
    total = len(text.splitlines())
    if path.suffix != ".py":
        return total
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node, clean=False):
            total -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
    return total


def test_files_stay_short():
    paths = [*sources(), *PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
    long = {str(p.relative_to(ROOT)): n for p in paths if (n := lines_to_read(p)) > 500}
    assert not long


def test_warnings_stand_at_the_users_line():
    """``core.warn`` finds it; a number of calls to go up is wrong for somebody."""
    assert [p.name for p in PACKAGE.rglob("*.py") if "warnings.warn(" in p.read_text()] == ["warn.py"]


def test_names_of_test_files_are_unique():
    """pytest imports them by their bare names."""
    names = sorted(p.name for p in (ROOT / "tests").rglob("test_*.py"))
    assert names == sorted(set(names))


def test_comparisons_with_other_libraries_say_so_in_their_names():
    """By which .ci/run selects those outside of tests/torch_parity, where the libraries are installed."""
    wrong = []
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if path.parent.name == "torch_parity" or not isinstance(node, ast.FunctionDef):
                continue
            needed = re.findall(r"importorskip\('(torch|keras)'", ast.unparse(node))
            if node.name.startswith("test_") and not all(n in node.name for n in needed):
                wrong.append(f"{path.name}: {node.name}")
    assert not wrong
