"""Imports point downward only, in C++ and in Python, and every floor keeps its rules."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

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
    ["_native", "_version", "_memory", "_suggest", "_tree"],
    ["nodes", "tape"],
    ["own_gradients"],
    ["_registry", "config", "reference"],
    ["autograd"],
    ["masked"],
    ["random"],
    ["ops"],
    ["activations", "capture", "initializers", "regularizers", "schedules"],
    ["data", "layers", "loss_functions"],
    ["optimizer"],
    ["losses", "optimizers", "utils", "constraints"],
    ["metrics"],
    ["callback", "progress"],
    ["callbacks", "saving"],
    ["models"],
    ["testing"],
    ["__init__"],
]

# Imports inside a function that point upward, each with the reason why it cannot be turned round.
UPWARD = {
    ("ops", "layers"): "symbolic tensors enter through ops",
    ("random", "ops"): "keras.random.dropout is spelled there",
    ("saving", "models"): "load_model returns one",
    ("autograd", "ops"): "indexing and arithmetic of Tensor",
}


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


def module_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imported(tree: ast.AST, depth: int) -> list[tuple[str, bool]]:
    """(top-level module of the package, whether inside a function) for every import of the package's own modules."""
    found: list[tuple[str, bool]] = []

    def visit(node: ast.AST, inside: bool) -> None:
        if is_type_checking(node):
            return
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.level <= depth, ast.dump(node)
            if node.level == depth:  # from the package itself
                names = [node.module.split(".")[0]] if node.module else [a.name for a in node.names]
                found.extend((n, inside) for n in names)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            assert not any(n.split(".")[0] == "lamina" for n in names), f"import it relatively: {names}"
        inside = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(tree, False)
    return found


def test_every_python_import_points_downward():
    rank = {name: i for i, names in enumerate(PYTHON_FLOORS) for name in names}
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        module = module_of(path)
        assert module in rank, f"{path.name}: add it to PYTHON_FLOORS"
        depth = len(path.relative_to(PACKAGE).parts)
        for target, inside in imported(ast.parse(path.read_text()), depth):
            if not (PACKAGE / f"{target}.py").exists() and not (PACKAGE / target).is_dir() and target != "_native":
                continue  # a name from __init__
            if rank[target] > rank[module] and not (inside and (module, target) in UPWARD):
                wrong.append(f"{path.relative_to(ROOT)} imports {target}")
    assert not wrong


def test_files_stay_short():
    paths = [*sources(), *PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
    long = {str(p.relative_to(ROOT)): n for p in paths if (n := len(p.read_text().splitlines())) > 500}
    assert not long
