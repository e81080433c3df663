"""``**options: Unpack[SomeOptions]``: which arguments a constructor takes by name, for mypy and pyright.

At runtime it is an annotation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Unpack as Unpack
elif sys.version_info >= (3, 11):
    from typing import Unpack as Unpack
else:

    class Unpack:
        """What Python 3.10 lacks, for those who evaluate annotations."""

        def __class_getitem__(cls, options: Any) -> Any:
            return options


class NoOptions(TypedDict):
    """None: all arguments stand before."""


R = TypeVar("R")


def overridable(method: Callable[..., R]) -> Callable[..., R]:
    """A method that subclasses may define with other arguments, as type checkers see it; at runtime ``method``."""
    return method
