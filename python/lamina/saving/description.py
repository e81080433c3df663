"""The JSON of a model file: read strictly, and checked before anything is made of it."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from ..core import registry


def parse(text: str) -> dict[str, Any]:
    """The description of a model; ValueError that says what is wrong with it."""
    try:
        found = registry.from_json(load_json(text))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError(f"it is a {type(found).__name__}, not a dict")
    return found


def load_json(text: str | bytes, finite: bool = True) -> Any:
    """As ``json.loads``; ValueError for an entry that stands twice, and, if ``finite``, for numbers that JSON does not
    have."""
    if not finite:
        return json.loads(text, object_pairs_hook=_unique)
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has {next(n for n in names if names.count(n) > 1)!r} twice")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def check(description: dict[str, Any]) -> None:
    """ValueError unless the entries of a description are of the types that ``save_model`` writes, KeyError if one is
    missing.
    """
    unknown = set(description) - {"model", "built", "frozen", "compile", "undecayed"}
    _require(not unknown, f"it has an unknown entry {min(unknown, default='')!r}")
    _require(isinstance(description["model"], dict), "its model is no description of a class")
    built, frozen, excluded = description["built"], description["frozen"], description.get("undecayed")
    _require(_is_dict_of(built, lambda v: v is None or isinstance(v, dict)), "its shapes are none")
    _require(_is_dict_of(frozen, _is_strings) and {"layers", "weights"} <= set(frozen), "frozen layers are no names")
    _require(description.get("compile") is None or isinstance(description["compile"], dict), "compile is no dict")
    _require(
        excluded is None or (_is_dict_of(excluded, _is_strings) and set(excluded) == {"variables", "names"}),
        "the variables without weight decay are no names",
    )
    _require(registry.is_description(description["model"]), "its model is no description of a class")


def _require(right: bool, otherwise: str) -> None:
    if not right:
        raise ValueError(f"its description is damaged ({otherwise})")


def _is_dict_of(value: Any, is_right: Any) -> bool:
    return isinstance(value, dict) and all(map(is_right, value.values()))


def _is_strings(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value)
