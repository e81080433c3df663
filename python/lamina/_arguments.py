"""Constructors that were given an argument of a wrong type: which one it is, in place of Python's own message."""

from __future__ import annotations

import functools
import inspect
import numbers
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

# What may be given for each part of an annotation, and its name; an argument with any other part is left alone.
_TYPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "None": (lambda v: v is None, "None"),
    "bool": (lambda v: isinstance(v, (bool, int, np.bool_)), "True or False"),
    "int": (lambda v: isinstance(v, numbers.Integral) and not isinstance(v, bool), "an integer"),
    "float": (lambda v: isinstance(v, numbers.Real) or getattr(v, "shape", None) == (), "a number"),
    "str": (lambda v: isinstance(v, str), "a string"),
    "LearningRateSchedule": (lambda v: callable(v) or isinstance(v, dict), "a schedule"),
    "Layer": (lambda v: callable(getattr(v, "call", None)), "a layer"),
    "Callable": (callable, "a function"),
    "Sequence": (lambda v: isinstance(v, (list, tuple, range, np.ndarray)), "a list"),
    "Iterable": (lambda v: isinstance(v, Iterable) and not isinstance(v, (str, bytes)), "a list"),
    "tuple": (lambda v: isinstance(v, (list, tuple)), "a tuple"),
    "list": (lambda v: isinstance(v, (list, tuple)), "a list"),
    "dict": (lambda v: isinstance(v, Mapping), "a dict"),
}


def explain_types(cls: type) -> None:
    """Have the constructor of a class of the library name a wrong argument; those of users stay as they are."""
    if "__init__" in vars(cls) and cls.__module__.startswith(f"{__package__}."):
        setattr(cls, "__init__", _explained(vars(cls)["__init__"]))  # noqa: B010 (mypy: a method)


def _explained(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def run(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            init(self, *args, **kwargs)
        except (TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
            message = _wrong_argument(init, args, kwargs)
            if message is None or type(self).__name__ in str(error):
                raise
            raise TypeError(f"{type(self).__name__}: {message}") from error

    return run


def _wrong_argument(init: Callable[..., None], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """What is wrong with the first argument that does not fit its annotation."""
    signature = inspect.signature(init)
    try:
        given = signature.bind(None, *args, **kwargs).arguments
    except TypeError:
        return None  # Python's own message names what is missing, or too much
    for name, value in given.items():
        parameter = signature.parameters[name]
        named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        if named and isinstance(parameter.annotation, str):
            parts = [part.strip() for part in _outer(parameter.annotation).split("|")]
            known = [_TYPES[part] for part in parts if part in _TYPES]
            if len(known) == len(parts) and not any(fits(value) for fits, _ in known):
                return f"{name} must be {' or '.join(dict.fromkeys(words for _, words in known))}, got {value!r}"
    return None


def _outer(annotation: str) -> str:
    """An annotation without what stands in brackets."""
    inner = re.sub(r"\[[^][]*\]", "", annotation)
    return inner if inner == annotation else _outer(inner)
