"""Constructors that are made of another's: of a function with its options, such as a loss, or of a class of one kin."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def constructor(
    base: Callable[..., None],
    function: Callable[..., Any],
    default_name: str,
    options_first: bool,
    order: Sequence[str] = (),
    defaults: Mapping[str, Any] | None = None,
) -> Callable[..., None]:
    """An ``__init__`` that takes the options of ``function(y_true, y_pred, **options)`` and what ``base`` shares.

    base: ``__init__(self, fn, shared..., **options)``, which is called.  default_name: the default of its ``name``.
    options_first: whether the options stand before what is shared.  order: the first arguments, where neither fits; of
    the options it then takes these alone.  defaults: of options, where they aren't the function's.
    """
    options = [*inspect.signature(function).parameters.values()][2:]
    itself, _, *shared, _ = inspect.signature(base).parameters.values()
    shared = [p.replace(default=default_name) if p.name == "name" else p for p in shared]
    options = [p.replace(default=defaults[p.name]) if defaults and p.name in defaults else p for p in options]
    parameters = [*options, *shared] if options_first else [*shared, *options]
    if order:
        named = {p.name: p for p in parameters}
        parameters = [*(named[n] for n in order), *(p for p in shared if p.name not in order)]
    return _taking([itself, *parameters], lambda self, given: base(self, function, **given))


def variant(
    base: Callable[..., None],
    names: Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
    fixed: Mapping[str, Any] | None = None,
) -> Callable[..., None]:
    """An ``__init__`` that takes what ``base`` takes, with other names and defaults, and without what is fixed.

    names: base's name of an argument -> the own.  defaults: by base's names.  fixed: what base gets.
    """
    names, defaults, fixed = names or {}, defaults or {}, fixed or {}
    own = {names.get(n, n): n for n in inspect.signature(base).parameters}
    parameters = [
        p.replace(name=names.get(n, n), default=defaults.get(n, p.default))
        for n, p in inspect.signature(base).parameters.items()
        if n not in fixed
    ]
    return _taking(parameters, lambda self, given: base(self, **{own[n]: v for n, v in given.items()}, **fixed))


def _taking(
    parameters: Sequence[inspect.Parameter], initialize: Callable[[Any, dict[str, Any]], None]
) -> Callable[..., None]:
    """An ``__init__`` with these parameters, the first of which is the object; ``initialize`` gets the others."""
    signature = inspect.Signature(parameters)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            given = signature.bind(self, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}.__init__() {error}") from None
        given.apply_defaults()
        _, *arguments = given.arguments.items()
        initialize(self, dict(arguments))

    __init__.__signature__ = signature  # type: ignore[attr-defined]  # what help() and inspect show
    return __init__
