"""A model in notebooks: the table of ``summary()``, where models inside open by a click."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from . import summary

if TYPE_CHECKING:
    from .model import Model

_CELL = "text-align:left;padding:2px 12px 2px 0"
_TABLE = "border-collapse:collapse;margin:2px 0 2px 0"


def model_html(model: Model) -> str:
    """The table, then the numbers of parameters."""
    kind, name = type(model).__name__, escape(model.name)
    title = f'<div><b>{escape(kind)}</b> <span style="opacity:.7">{name}</span></div>'
    totals = "<br>".join(escape(line.strip()) for line in summary.totals(model))
    return f'<div>{title}{_table(model)}<div style="opacity:.8;font-size:90%">{totals}</div></div>'


def _table(model: Model) -> str:
    head = "".join(f'<th style="{_CELL}">{t}</th>' for t in ("Layer", "Type", "Output shape", "Params"))
    own = model._summary_rows(False)
    rows = [_row([*row[:1], "", *row[1:3]]) for row in own] if own else []
    for entry in [] if own else summary.entries(model):
        rows.append(_row([entry.layer.name, type(entry.layer).__name__, entry.shape, entry.count]))
        if entry.inner is not None:
            inside = (
                f'<details><summary style="cursor:pointer;opacity:.7">layers of {escape(entry.layer.name)}</summary>'
            )
            rows.append(
                f'<tr><td colspan="4" style="padding-left:18px">{inside}{_table(entry.inner)}</details></td></tr>'
            )
    return f'<table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _row(cells: list[str]) -> str:
    return "<tr>" + "".join(f'<td style="{_CELL}">{escape(c)}</td>' for c in cells) + "</tr>"
