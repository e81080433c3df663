"""A smaller program with the same fault: greedily, by statements, then by expressions."""

from __future__ import annotations

import ast
from collections.abc import Callable

from . import source

SIMPLE = ("None", "0", "1", "()", "np.zeros((2, 2), 'f4')")


def shrink(program: str, is_same: Callable[[str], bool], tries: int = 300) -> str:
    """The smallest program found for which ``is_same`` still holds, in so many tries."""
    left = tries

    def attempt(candidate: str) -> bool:
        nonlocal left
        if left <= 0 or len(candidate) >= len(program):
            return False
        left -= 1
        return is_same(candidate)

    changed = True
    while changed and left > 0:
        changed = False
        for candidate in _smaller(program):
            if attempt(candidate):
                program, changed = candidate, True
                break
    return program


def _smaller(program: str) -> list[str]:
    """Candidates, the boldest first."""
    found = [source.without(program, i) for i in range(len(ast.parse(program).body))]
    for which, (parent, _, index, old) in enumerate(source.places(program)):
        text = ast.unparse(old)
        if index is not None or isinstance(parent, ast.keyword):
            found.append(_try(program, which, None))
        if isinstance(old, ast.Call):
            found += [_try(program, which, ast.unparse(a)) for a in old.args[:2]]
            if isinstance(old.func, ast.Attribute):
                found.append(_try(program, which, ast.unparse(old.func.value)))
        elif isinstance(old, ast.Subscript):
            found.append(_try(program, which, ast.unparse(old.value)))
        if not isinstance(old, (ast.Name, ast.Attribute)):
            found += [_try(program, which, s) for s in SIMPLE if len(s) < len(text)]
    return [f for f in found if f]


def _try(program: str, which: int, new: str | None) -> str:
    try:
        return source.replaced(program, which, new)
    except (SyntaxError, ValueError, IndexError, AttributeError, RecursionError):
        return ""
