"""Programs as syntax trees: the places where an expression stands, and the source with another one there."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator

WHOLE = (ast.Slice, ast.Starred)  # no expressions of their own


@functools.lru_cache(4096)
def places(source: str) -> list[tuple[ast.AST, str, int | None, ast.expr]]:
    """(parent, field, index in a list of that field or None, expression) for each expression below a statement."""
    return list(_walk(ast.parse(source)))


def _walk(node: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.expr]]:
    for field, value in ast.iter_fields(node):
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.expr) and field not in ("targets", "keys") and not isinstance(child, WHOLE):
                yield node, field, index, child
            if isinstance(child, ast.AST):
                yield from _walk(child)


def replaced(source: str, which: int, new: str | None) -> str:
    """The program with expression ``which`` of ``places`` replaced; None removes an argument or an element."""
    tree = ast.parse(source)
    parent, field, index, _ = list(_walk(tree))[which]
    if new is not None:
        expression = ast.parse(new, mode="eval").body
        if index is None:
            setattr(parent, field, expression)
        else:
            getattr(parent, field)[index] = expression
    elif index is not None:
        del getattr(parent, field)[index]
    elif isinstance(parent, ast.keyword):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and parent in node.keywords:
                node.keywords.remove(parent)
    return ast.unparse(tree)


def without(source: str, statement: int) -> str:
    """The program without one of its statements."""
    tree = ast.parse(source)
    del tree.body[statement]
    return ast.unparse(tree)
