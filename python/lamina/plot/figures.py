"""matplotlib, imported when something is drawn; no backend is chosen and no figure of the user's is closed."""

from __future__ import annotations

from typing import Any


def matplotlib_or_explain(what: str) -> None:
    """ImportError that says how to install matplotlib, if it is missing.

    what: what needs it.
    """
    try:
        import matplotlib as _  # noqa: F401
    except ImportError as error:
        raise ImportError(f'matplotlib is needed for {what}: pip install "lamina[plot]"') from error


def new_axes(what: str, rows: int, columns: int, size: tuple[float, float]) -> list[Any]:
    """The axes of a new figure of pyplot, row by row; in a notebook it is shown as every figure is."""
    matplotlib_or_explain(what)
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=size, layout="constrained")
    return [axes for row in figure.subplots(rows, columns, squeeze=False) for axes in row]
