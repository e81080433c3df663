"""What fit logged, as curves: by matplotlib, or as small pictures in a page's text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from ..core.suggest import unknown
from .figures import new_axes

TRAINING, VALIDATION = "#2563a8", "#d9730d"
_RATES = ("learning_rate", "lr")
_CELL = "text-align:left;padding:2px 12px 2px 0"


def number_of(value: Any) -> float:
    """A logged value as a number: of several the mean; NaN for what is none."""
    try:
        return float(np.mean(np.asarray(value, np.float64)))
    except (TypeError, ValueError):
        return math.nan


def grouped(names: Iterable[str]) -> dict[str, list[str]]:
    """The logged names by metric: of each that of training, and with ``val_`` before that of validation."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.removeprefix("val_"), []).append(name)
    first = sorted(groups, key=lambda n: (n in _RATES, n != "loss"))  # stable: the others as they were logged
    return {n: sorted(groups[n], key=lambda m: m.startswith("val_")) for n in first}


def draw_curves(
    logged: Mapping[str, Sequence[Any]],
    epochs: Mapping[str, Sequence[int]],
    metrics: Any = None,
    axes: Any = None,
    log_scale: bool = False,
) -> list[Any]:
    """A panel for each metric, with the curves of training and validation; returns matplotlib's axes.

    epochs: of each name the epochs of its values.  metrics: those wanted; None takes all.  axes: where they are drawn;
    None makes a figure.  log_scale: whether the values' axis is logarithmic.
    """
    groups = grouped(logged)
    wanted = list(groups) if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
    for name in wanted:
        if name not in groups:
            raise unknown("metric of History.plot", name, groups)
    if not wanted:
        raise ValueError("History.plot: nothing was logged yet")
    if axes is None:
        columns = min(len(wanted), 3)
        rows = -(-len(wanted) // columns)
        panels = new_axes("History.plot()", rows, columns, (4.4 * columns, 3.2 * rows))
        for spare in panels[len(wanted) :]:
            spare.remove()
        panels = panels[: len(wanted)]
    else:
        panels = list(np.ravel(np.asarray(axes, object)))
        if len(panels) != len(wanted):
            raise ValueError(f"History.plot: {len(wanted)} metrics need as many axes, got {len(panels)}")
    for panel, name in zip(panels, wanted, strict=True):
        _draw_panel(panel, name, {n: (epochs[n], [number_of(v) for v in logged[n]]) for n in groups[name]}, log_scale)
    return panels


def _draw_panel(axes: Any, name: str, curves: dict[str, tuple[Sequence[int], list[float]]], log_scale: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    for label, (epochs, values) in curves.items():
        held_out = label.startswith("val_")
        few = "o" if len(values) < 12 else None
        look: dict[str, Any] = {"color": VALIDATION if held_out else TRAINING, "marker": few, "markersize": 3.5}
        axes.plot([e + 1 for e in epochs], values, label="validation" if held_out else "training", lw=1.7, **look)
    positive = [v for _, values in curves.values() for v in values if math.isfinite(v)]
    spread = bool(positive) and max(positive) > 20 * min(positive)
    if (log_scale or (name in _RATES and spread)) and all(v > 0 for v in positive):
        axes.set_yscale("log")
    axes.set_title(name.replace("_", " "), fontsize=11)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.grid(True, color="#8a94a0", alpha=0.25, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if len(curves) > 1:
        axes.legend(frameon=False, fontsize=9)


def sparkline(curves: Mapping[str, Sequence[float]], width: int = 120, height: int = 26) -> str:
    """Curves without axes as SVG in the line of a text; of one value each a dot."""
    finite = [v for values in curves.values() for v in values if math.isfinite(v)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    parts = []
    for name, values in curves.items():
        color = VALIDATION if name.startswith("val_") else TRAINING
        points = [
            (
                3 + (width - 6) * i / max(len(values) - 1, 1),
                height - 3 - (height - 6) * (v - low) / ((high - low) or 1.0),
            )
            for i, v in enumerate(values)
            if math.isfinite(v)
        ]
        if len(points) > 1:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{color}"/>' for x, y in points[-1:]]
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{"".join(parts)}</svg>'


def table_of_curves(logged: Mapping[str, Sequence[Any]], epochs: int) -> str:
    """What was logged as a table for notebooks: of each metric its curve, its last value and its least and greatest."""
    head = "".join(f'<th style="{_CELL}">{t}</th>' for t in ("metric", "curve", "last", "least", "greatest"))
    rows = []
    for name, members in grouped(logged).items():
        curves = {n: [number_of(v) for v in logged[n]] for n in members}
        cells = [_colored(n, [values[-1]], [len(values)]) for n, values in curves.items() if values]
        least = [_colored(n, *_extreme(values, min)) for n, values in curves.items() if values]
        greatest = [_colored(n, *_extreme(values, max)) for n, values in curves.items() if values]
        columns = (escape(name), sparkline(curves), "<br>".join(cells), "<br>".join(least), "<br>".join(greatest))
        rows.append("<tr>" + "".join(f'<td style="{_CELL}">{c}</td>' for c in columns) + "</tr>")
    caption = f"{epochs} epoch{'' if epochs == 1 else 's'}"
    legend = f'<span style="color:{TRAINING}">training</span>'
    if any(n.startswith("val_") for n in logged):
        legend += f', <span style="color:{VALIDATION}">validation</span>'
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f"<div>{caption}: {legend}</div><table>{body}</table>"


def _extreme(values: list[float], which: Any) -> tuple[list[float], list[int]]:
    finite = [(v, i + 1) for i, v in enumerate(values) if math.isfinite(v)]
    best = which(finite, key=lambda pair: pair[0], default=(math.nan, 0))
    return [best[0]], [best[1]]


def _colored(name: str, values: list[float], places: list[int]) -> str:
    color = VALIDATION if name.startswith("val_") else TRAINING
    return f'<span style="color:{color}" title="{escape(name)}, value {places[0]}">{values[0]:.4g}</span>'
