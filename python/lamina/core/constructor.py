"""Constructors of classes that are one function with its options, such as a loss: written once, in the function."""

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
    signature = inspect.Signature([itself, *parameters])

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            given = signature.bind(self, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}.__init__() {error}") from None
        given.apply_defaults()
        arguments = dict(given.arguments)
        base(arguments.pop(itself.name), function, **arguments)

    __init__.__signature__ = signature  # type: ignore[attr-defined]  # what help() and inspect show
    return __init__
