"""What a memory report found, as text, in notebooks and as a dict."""

from __future__ import annotations

from html import escape
from typing import Any, NamedTuple

_HEADER = ("Layer", "Weights", "Gradients", "Optimizer", "Activations", "Scratch")
_CELL = "padding:2px 12px 2px 0;text-align:"


class LayerMemory(NamedTuple):
    """Bytes of one layer; activations are what its call leaves until the backward pass."""

    layer: str
    kind: str
    weights: int
    gradients: int
    optimizer: int
    activations: int
    scratch: int


class MemoryReport:
    """What ``model.memory_report`` found: bytes of a training step and of inference, layer by layer.

    Printed, it is a table; notebooks show it as one.  ``rows`` are its lines, named tuples: ``layer``, ``kind``,
    ``weights``, ``gradients``, ``optimizer``, ``activations`` (what its call leaves until the backward pass),
    ``scratch`` (for a while).  The attributes ``weights``, ``gradients``, ``optimizer`` and ``activations`` are sums;
    ``results`` is the memory of all results of a training step, of which the activations are a part, and which is
    used again within the step; ``scratch`` the most that one operation takes beside; ``batch`` the data of the batch.
    ``training`` and ``inference`` are the peaks: all that a captured step holds at once, weights included.  Without
    ``compile``, ``training`` is 0.

    Example:
        >>> model = lamina.Sequential([lamina.Input((4,)), lamina.layers.Dense(1, name="out")])
        >>> report = model.memory_report(32)
        >>> report.training, report.inference > report.weights
        (0, True)
    """

    def __init__(
        self,
        name: str,
        model_kind: str,
        batch_size: int,
        rows: list[LayerMemory],
        optimizer: int,
        activations: int,
        results: int,
        scratch: int,
        batch: int,
        inference: int,
    ) -> None:
        self.name, self.model_kind, self.batch_size, self.rows = name, model_kind, batch_size, rows
        self.weights, self.gradients = sum(r.weights for r in rows), sum(r.gradients for r in rows)
        self.optimizer, self.activations, self.results = optimizer, activations, results
        self.scratch, self.batch = scratch, batch
        held = self.weights + self.gradients + optimizer
        self.training = held + results + scratch + batch if results else 0
        self.inference = self.weights + inference

    def to_dict(self) -> dict[str, Any]:
        """Everything in plain numbers (bytes) and strings, for JSON."""
        names = (
            "weights", "gradients", "optimizer", "activations", "results", "scratch", "batch", "training", "inference",
        )  # fmt: skip
        sums = {name: getattr(self, name) for name in names}
        rows = [row._asdict() for row in self.rows]
        return {"model": self.name, "class": self.model_kind, "batch_size": self.batch_size, **sums, "rows": rows}

    def _lines(self) -> list[list[str]]:
        lines = [[f"{r.layer} ({r.kind})" if r.kind else r.layer, *map(_bytes, r[2:])] for r in self.rows]
        total = (self.weights, self.gradients, self.optimizer, self.activations, self.scratch)
        return [*lines, ["sum (scratch: most)", *map(_bytes, total)]]

    def _title(self) -> str:
        return f"memory of {self.model_kind} {self.name!r}, batches of {self.batch_size} rows"

    def _notes(self) -> list[str]:
        notes = [f"inference: {_bytes(self.inference)}"]
        if self.training:
            parts = {"weights": self.weights, "gradients": self.gradients, "optimizer": self.optimizer}
            parts |= {"results": self.results, "scratch": self.scratch, "batch": self.batch}
            what = " + ".join(f"{name} {_bytes(size)}" for name, size in parts.items())
            notes.insert(0, f"training step: {_bytes(self.training)} = {what}")
        return notes

    def __repr__(self) -> str:
        lines = [list(_HEADER), *self._lines()]
        widths = [max(len(line[i]) for line in lines) for i in range(len(_HEADER))]
        table = [
            "  ".join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))])
            for line in lines
        ]
        table.insert(1, "-" * len(table[0]))
        return "\n".join([self._title(), *table, *self._notes()])

    def _repr_html_(self) -> str:
        def row(tag: str, cells: Any) -> str:
            return f"<tr>{''.join(_cell(tag, i, text) for i, text in enumerate(cells))}</tr>"

        body = "".join(row("td", line) for line in self._lines())
        notes = "<br>".join(map(escape, self._notes()))
        head = row("th", _HEADER)
        return (
            f"<div><b>{escape(self._title())}</b><table><thead>{head}</thead><tbody>{body}</tbody></table>"
            f'<div style="opacity:.8;font-size:90%">{notes}</div></div>'
        )


def _cell(tag: str, column: int, text: str) -> str:
    return f'<{tag} style="{_CELL}{"right" if column else "left"}">{escape(text)}</{tag}>'


def _bytes(n: float) -> str:
    if n < 1024:
        return f"{n:.0f} B"
    for unit in ("KiB", "MiB"):
        n /= 1024
        if n < 1024:
            return f"{n:.1f} {unit}"
    return f"{n / 1024:.2f} GiB"
