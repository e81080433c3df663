"""A tensor in notebooks: shape, type and its first values."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np


def tensor_html(array: np.ndarray[Any, Any], kind: str, requires_grad: bool) -> str:
    """One line of facts, then the values, of large arrays those at the edges."""
    shape = " \N{MULTIPLICATION SIGN} ".join(map(str, array.shape)) or "scalar"
    facts = [shape, array.dtype.name, *(["requires_grad"] if requires_grad else [])]
    head = f'<b>{escape(kind)}</b> <span style="opacity:.7">{escape(", ".join(facts))}</span>'
    edges = 3 if array.ndim < 3 else 2
    values = np.array2string(
        array, threshold=120, edgeitems=edges, precision=4, suppress_small=True, max_line_width=100
    )
    lines = values.split("\n")
    if len(lines) > 24:  # many axes
        lines = [*lines[:12], "...", *lines[-11:]]
    return f'<div>{head}<pre style="margin:2px 0">{escape(chr(10).join(lines))}</pre></div>'
