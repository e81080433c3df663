"""Options that a call leaves out mean in an exported graph what they mean in the operation."""

from __future__ import annotations

import inspect

import pytest

from lamina import ops
from lamina.export.handlers import HANDLERS

INNER = {"recurrence", "resize_axes"}  # what layers call
BOUND = {"op", "delta", "axis", "M", "k"}  # arguments of a handler that makes several operations


def options(function):
    """The arguments with a default, by name."""
    parameters = inspect.signature(inspect.unwrap(function)).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


def told(function):
    """A handler, behind what tells it the layout."""
    names = function.__code__.co_freevars
    return function.__closure__[names.index("function")].cell_contents if "function" in names else function


@pytest.mark.parametrize("name", sorted(HANDLERS.keys() - INNER))
def test_defaults_are_those_of_the_operation(name):
    operation = getattr(ops, name, None) or getattr(ops.image, name, None)
    own, wanted = options(told(HANDLERS[name])), options(operation)
    assert own.keys() - wanted.keys() <= BOUND
    assert {k: v for k, v in own.items() if k in wanted} == {k: v for k, v in wanted.items() if k in own}
