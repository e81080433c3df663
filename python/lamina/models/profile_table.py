"""What a profile found: rows by layer and direction, as text, in notebooks, as a dict and as a picture."""

from __future__ import annotations

from html import escape
from typing import Any, NamedTuple

from .peaks import Peaks
from .tracking import BACKWARD, FORWARD, RECOMPUTED, UPDATE, Owner

_ORDER = {FORWARD: 0, RECOMPUTED: 1, BACKWARD: 2, UPDATE: 3}
_NO_LAYER = ("loss", "optimizer")
_HEADER = ("Layer", "Direction", "ms", "of step", "GFLOP/s", "GB/s", "of peak")
_CELL = "padding:2px 12px 2px 0;text-align:"


class Operation(NamedTuple):
    """A native operation: seconds, multiplications and additions, bytes read and written, seconds that the
    machine's peak would need, bytes of scratch."""

    owner: Owner
    name: str
    seconds: float
    flops: float
    traffic: float
    ideal: float
    scratch: int


class Row(NamedTuple):
    """A layer in one direction; rates are None where there is nothing to count."""

    layer: str
    kind: str
    direction: str
    ms: float
    share_of_step: float
    gflops: float | None
    gbytes: float | None
    share_of_peak: float | None
    operations: tuple[str, ...]


class Profile:
    """What ``model.profile`` found: the time of each layer in each direction, beside what this machine can do.

    Printed, it is a table; notebooks show it as one.  ``rows`` are its lines, named tuples: ``layer`` (names from the
    model down), ``kind`` (the class), ``direction`` ("forward", "backward", "recomputed", "update"), ``ms``,
    ``share_of_step``, ``gflops`` and ``gbytes`` (a second, or None), ``share_of_peak`` and the native ``operations``.
    ``step_ms`` is the time of a whole step, ``kind`` "train" or "predict", ``peaks`` what the machine was measured to
    do.

    The share of the peak is the time that the machine's peak would need divided by the time taken: multiplications and
    additions at the measured peak of all threads, or bytes at the bandwidth measured on arrays of that size, whichever
    takes longer.  Convolutions count as direct sums: Winograd's, which multiply less, may pass 1.

    Source: Williams, Waterman, Patterson 2009, "Roofline" (the share).

    Example:
        >>> model = lamina.Sequential([lamina.Input((4,)), lamina.layers.Dense(8, name="hidden")])
        >>> profile = model.profile(np.ones((2, 4), "float32"))
        >>> [(row.layer, row.direction) for row in profile.rows]
        [('hidden', 'forward')]
    """

    def __init__(
        self,
        name: str,
        model_kind: str,
        kind: str,
        batch_size: int,
        operations: list[Operation],
        step_seconds: float,
        peaks: Peaks,
    ) -> None:
        self.name, self.model_kind, self.kind, self.batch_size = name, model_kind, kind, batch_size
        self.operations, self.peaks = operations, peaks
        self.step_ms = 1e3 * step_seconds
        self.rows = self._summed()

    def _summed(self) -> list[Row]:
        by_owner: dict[Owner, list[Operation]] = {}
        for operation in self.operations:
            by_owner.setdefault(operation.owner, []).append(operation)
        first = {path: i for i, path in reversed([*enumerate(owner.path for owner in by_owner)])}
        places = {owner: (_after_layers(owner), first[owner.path], _ORDER[owner.direction]) for owner in by_owner}
        return [self._row(owner, by_owner[owner]) for owner in sorted(by_owner, key=places.__getitem__)]

    def _row(self, owner: Owner, operations: list[Operation]) -> Row:
        seconds = sum(o.seconds for o in operations)
        flops, traffic = sum(o.flops for o in operations), sum(o.traffic for o in operations)
        return Row(
            owner.path,
            owner.kind,
            owner.direction,
            1e3 * seconds,
            1e3 * seconds / self.step_ms,
            flops / seconds / 1e9 if flops and seconds else None,
            traffic / seconds / 1e9 if traffic and seconds else None,
            sum(o.ideal for o in operations) / seconds if seconds else None,
            tuple(o.name for o in operations),
        )

    @property
    def sum_ms(self) -> float:
        """Milliseconds of all rows together."""
        return sum(row.ms for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Everything in plain numbers and strings, for JSON."""
        return {
            "model": self.name,
            "class": self.model_kind,
            "kind": self.kind,
            "batch_size": self.batch_size,
            "step_ms": self.step_ms,
            "sum_ms": self.sum_ms,
            "peaks": {
                "gflops": self.peaks.gflops,
                "gflops_of_one_thread": self.peaks.gflops_of_one,
                "gbytes": self.peaks.memory,
                "gbytes_by_bytes": [list(pair) for pair in self.peaks.bandwidth],
            },
            "rows": [{**row._asdict(), "operations": list(row.operations)} for row in self.rows],
        }

    def plot(self, axes: Any = None) -> Any:
        """Draw the rows as bars by matplotlib: how long each takes, and how much of that the peak would need.

        Args:
            axes: where it is drawn, matplotlib's axes; None makes a figure.

        Returns: matplotlib's axes.

        Raises:
            ImportError: matplotlib is missing.
        """
        from ..plot.layer_times import layer_times

        return layer_times(self, axes)

    def _title(self) -> str:
        what = "training step" if self.kind == "train" else "inference"
        return f"{what} of {self.model_kind} {self.name!r}, {self.batch_size} rows: {_number(self.step_ms)} ms"

    def _notes(self) -> list[str]:
        p = self.peaks
        peak = f"{p.gflops:,.0f} GFLOP/s (one thread: {p.gflops_of_one:,.0f}), {p.memory:,.0f} GB/s from memory"
        caches = ", ".join(f"{rate:,.0f} at {_size(size)}" for size, rate in p.bandwidth[:-1])
        return [f"sum of the rows {_number(self.sum_ms)} ms", f"measured peaks: {peak}; from caches {caches}"]

    def _cells(self, row: Row) -> list[str]:
        rates = [_rate(row.gflops), _rate(row.gbytes)]
        peak = "" if row.share_of_peak is None else f"{100 * row.share_of_peak:.0f} %"
        name = f"{row.layer} ({row.kind})" if row.kind else row.layer
        return [name, row.direction, _number(row.ms), f"{100 * row.share_of_step:.1f} %", *rates, peak]

    def __repr__(self) -> str:
        lines = [_HEADER, *map(self._cells, self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(_HEADER))]
        table = [_line(line, widths) for line in lines]
        table.insert(1, "-" * len(table[0]))
        return "\n".join([self._title(), *table, *self._notes()])

    def _repr_html_(self) -> str:
        head = "".join(_cell("th", i, text) for i, text in enumerate(_HEADER))
        body = "".join(
            f"<tr>{''.join(_cell('td', i, text) for i, text in enumerate(self._cells(row)))}</tr>" for row in self.rows
        )
        notes = "<br>".join(map(escape, self._notes()))
        return (
            f"<div><b>{escape(self._title())}</b><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f'<div style="opacity:.8;font-size:90%">{notes}</div></div>'
        )


def _after_layers(owner: Owner) -> int:
    name = owner.path.partition(":")[0]
    return 0 if owner.kind else 1 + (_NO_LAYER.index(name) if name in _NO_LAYER else 0)


def _cell(tag: str, column: int, text: str) -> str:
    return f'<{tag} style="{_CELL}{"left" if column < 2 else "right"}">{escape(text)}</{tag}>'


def _line(cells: Any, widths: list[int]) -> str:
    fitted = [c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))]
    return "  ".join(fitted).rstrip()


def _number(ms: float) -> str:
    return f"{ms:,.3f}" if ms < 100 else f"{ms:,.1f}"


def _rate(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _size(n: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if n < 1024:
            return f"{n:.0f} {unit}"
        n /= 1024
    return f"{n:.0f} GiB"
