"""The public names of a package that is several rooms."""

from __future__ import annotations

import sys
from typing import Any


def public_names(package: str, contents: dict[str, Any], *also: str) -> list[str]:
    """What the rooms of a package list in their ``__all__`` and its ``__init__`` took over (``import *``).

    contents: the ``globals()`` of ``__init__``;  also: names of its own.
    """
    rooms = [m for name, m in sys.modules.items() if name.startswith(f"{package}.")]
    return sorted({*also} | {name for room in rooms for name in getattr(room, "__all__", ()) if name in contents})
