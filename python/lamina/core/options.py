"""``**options: Unpack[SomeOptions]``: which arguments a constructor takes by name, for mypy and pyright.

At runtime it is an annotation.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypedDict

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
