"""Arguments of a call, from the signature: what a name, an annotation and a default say about plausible values."""

from __future__ import annotations

import ast
import functools
import inspect
import random
from collections.abc import Callable
from typing import Any

from .values import OPTIONS, Values

TENSORS = ("x", "x1", "x2", "a", "b", "xs", "inputs", "array", "y_true", "y_pred", "target", "output", "values")


class Arguments(Values):
    """Draws arguments; tensors of one program have shapes around ``base``."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.base: tuple[int, ...] = (2, 3)

    def operand(self) -> str:
        """A tensor whose shape goes with the others of the program, most of the time."""
        kind = self.rng.randrange(10)
        shape = self.base if kind < 6 else self.near(self.base) if kind < 8 else self.shape()
        return self.tensor(shape)

    def option(self, name: str, annotation: str, default: Any) -> str:
        """A value for an argument by its name, its annotation and its default."""
        if self.chance(0.12):
            return self.junk()
        if name in OPTIONS and self.chance(0.9):
            value = self.pick(OPTIONS[name])
            return value if value != "int" else self.integer()
        if "bool" in annotation or isinstance(default, bool):
            return self.pick(("True", "False"))
        if "TensorLike" in annotation or name in TENSORS:
            return self.operand()
        if "Sequence[int]" in annotation or "tuple[int" in annotation or annotation in ("Axis", "Size"):
            return self.integers() if self.chance(0.7) else self.integer()
        if "int" in annotation:
            return self.integer()
        if "float" in annotation:
            return self.pick(("0.0", "0.1", "0.5", "1.0", "2.0", "-1.0", "1e-7", "1e30", "np.nan", "np.inf", "3"))
        if "str" in annotation:
            return self.pick(("'valid'", "'linear'", "'a'", "''"))
        return self.pick((repr(default), self.integer(), self.operand())) if _literal(default) else self.operand()

    def arguments(self, function: Callable[..., Any], first: bool = True) -> str:
        """Arguments of a call; ``first`` False leaves positional ones without a default to the caller."""
        given = []
        for p in _parameters(function):
            needed = p.default is p.empty
            if p.kind is p.VAR_KEYWORD or (needed and not first):
                continue
            if p.kind is p.VAR_POSITIONAL:
                given += [self.operand() for _ in range(self.rng.randrange(4))]
                continue
            if not needed and self.chance(0.6):
                continue
            default = None if needed else p.default
            value = self.option(p.name, str(p.annotation), default)
            if "Sequence[TensorLike]" in str(p.annotation) and self.chance(0.9):
                value = f"[{', '.join(self.operand() for _ in range(self.rng.randrange(4)))}]"
            given.append(value if needed and p.kind is not p.KEYWORD_ONLY else f"{p.name}={value}")
        if self.chance(0.02):
            given.append(f"{self.pick(('axis', 'foo', 'dtype', 'name', 'out'))}={self.junk()}")
        if self.chance(0.02) and given:
            given.pop(self.rng.randrange(len(given)))
        return ", ".join(sorted(given, key=is_keyword))


def _literal(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str, tuple))


@functools.cache
def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:  # a class without a signature of its own
        return []
    return [p for p in parameters if p.name != "self"]


def is_keyword(argument: str) -> bool:
    name, equals, rest = argument.partition("=")
    return bool(equals) and name.isidentifier() and not rest.startswith("=")


def split(args: str) -> list[str]:
    """The arguments of a call, one by one."""
    call = ast.parse(f"f({args})", mode="eval").body
    assert isinstance(call, ast.Call)
    return [ast.unparse(a) for a in call.args] + [f"{k.arg}={ast.unparse(k.value)}" for k in call.keywords]
