"""What models.py prints of its rows: ratios to the best rival, geometric means, Markdown, a picture."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import harness
from network_data import BATCH, NAMES, TITLES
from workers import KINDS, LAMINA, PASSES, RIVALS

Row = dict[str, Any]


def key(row: Row) -> tuple[Any, ...]:
    return row["network"], row["pass"], row["kind"], row["busy"], row["threads"]


def merged(old: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    """New rows take the place of old ones of the same network, pass, kind, busy processes and threads."""
    rows = {key(r): r for r in (*old, *new)}
    order = {name: i for i, name in enumerate([*NAMES, *PASSES, *KINDS])}
    return sorted(rows.values(), key=lambda r: (r["busy"], r["threads"], *(order[p] for p in key(r)[:3])))


def read(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(path).read_text())
    return found


def us(row: Row) -> float:
    """The minimum; beside busy processes the median, since the minimum is of the moments without them."""
    return float(row["us_median" if row["busy"] else "us_min"])


class Results:
    """Rows of one number of busy processes and threads."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = {(r["network"], r["pass"], r["kind"]): r for r in rows if "us_min" in r}
        self.networks = [n for n in NAMES if any(n == k[0] for k in self._rows)]
        self.kinds = [k for k in KINDS if any(k == found[2] for found in self._rows)]

    def row(self, name: str, which: str, kind: str) -> Row | None:
        return self._rows.get((name, which, kind))

    def best(self, name: str, which: str) -> Row | None:
        """The fastest rival's."""
        rivals = [r for kind in RIVALS if (r := self.row(name, which, kind))]
        return min(rivals, key=us) if rivals else None

    def ratio(self, name: str, which: str, kind: str) -> float | None:
        row, best = self.row(name, which, kind), self.best(name, which)
        return us(best) / us(row) if row and best else None

    def ratios(self, which: str, kind: str) -> list[float]:
        return [r for name in self.networks if (r := self.ratio(name, which, kind))]


def groups(rows: Iterable[Row]) -> dict[tuple[int, int], Results]:
    """By busy processes and threads."""
    found: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        found.setdefault((row["busy"], row["threads"]), []).append(row)
    return {where: Results(some) for where, some in found.items()}


def tables(results: Results) -> str:
    """Microseconds a step; behind them the ratio to the best rival (Lamina's) and percent of the peak."""
    parts = []
    for which in PASSES:
        kinds = [k for k in results.kinds if any(results.row(n, which, k) for n in results.networks)]
        if not kinds:
            continue
        lines = []
        for name in results.networks:
            cells = [name, ""]
            for kind in kinds:
                row, ratio = results.row(name, which, kind), results.ratio(name, which, kind)
                if row is None:
                    cells.append("")
                    continue
                over = f" {ratio:5.2f} x" if ratio and kind in LAMINA else ""
                cells.append(f"{us(row):.0f}{over} {100 * share(row):4.0f} %")
            lines.append(cells)
        parts.append(f"{which}, us a step, times the best rival's speed, percent of the multiply-add peak\n")
        parts[-1] += harness.table(["network", "", *(KINDS[k].title for k in kinds)], lines)
        for kind in kinds:
            if kind in LAMINA and (ratios := results.ratios(which, kind)):
                mean, worst = harness.geometric_mean(ratios), min(ratios)
                parts[-1] += f"\n{KINDS[kind].title}: geometric mean {mean:.2f} over the best of all, least {worst:.2f}"
    return "\n\n".join(parts)


def share(row: Row) -> float:
    """Of the peak, counting the multiply-adds of direct sums (Winograd's tiles need fewer)."""
    return float(row["flops"]) / (1e-6 * us(row)) / (1e9 * row["peak_gflops"])


def heading(machine: dict[str, Any]) -> str:
    rivals = ", ".join(f"{name} {machine[name]}" for name in VERSIONS if name in machine)
    return (
        f"{machine['processor']}, {machine['threads']} threads, {machine['isa']}, {machine['date']}; "
        f"Lamina {machine['lamina']}, Python {machine['python']}, NumPy {machine['numpy']}; {rivals}"
    )


VERSIONS = ("torch", "keras", "jax", "tensorflow", "onnxruntime")


def markdown_short(results: Results) -> str:
    """One table: Lamina through train_on_batch and captured beside the best rival, for README."""
    lines = ["| network | batch | best rival, training | Lamina | captured | ratio | captured |"]
    lines[0] += " best rival, inference | Lamina | captured | ratio | captured |"
    lines.append("|---|--:|---|--:|--:|--:|--:|---|--:|--:|--:|--:|")
    for name in results.networks:
        cells = [TITLES[name], f"{BATCH[name]}"]
        for which in ("training", "inference"):
            best = results.best(name, which)
            cells.append(f"{us(best):,.0f} ({KINDS[best['kind']].title})" if best else "")
            both = [(results.row(name, which, k), results.ratio(name, which, k)) for k in ("on-batch", "captured")]
            cells += [f"{us(row):,.0f}" if row else "" for row, _ in both]
            cells += [f"{ratio:.2f}" if ratio else "" for _, ratio in both]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def means(results: Results) -> str:
    """A sentence a pass and way of use."""
    said = []
    for which in PASSES:
        for kind in results.kinds:
            ratios = results.ratios(which, kind)
            if kind in LAMINA and ratios:
                mean, worst = harness.geometric_mean(ratios), min(ratios)
                said.append(f"| {KINDS[kind].title} | {which} | {len(ratios)} | {mean:.2f} | {worst:.2f} |")
    header = ["| | pass | networks | geometric mean | least |", "|---|---|--:|--:|--:|"]
    return "\n".join(header + said)


def markdown(results: Results) -> str:
    """Each pass in full: microseconds, and for Lamina's the ratio to the best rival and percent of the peak."""
    parts = ["Times the speed of the best rival:\n\n" + means(results)]
    for which in PASSES:
        kinds = [k for k in results.kinds if any(results.row(n, which, k) for n in results.networks)]
        if not kinds:
            continue
        lines = ["| network | " + " | ".join(KINDS[k].title for k in kinds) + " |", "|---" + "|--:" * len(kinds) + "|"]
        for name in results.networks:
            cells = [TITLES[name]]
            for kind in kinds:
                row, ratio = results.row(name, which, kind), results.ratio(name, which, kind)
                over = f"{ratio:.2f} x, " if ratio and kind in LAMINA else ""
                cells.append(f"{us(row):,.0f} ({over}{100 * share(row):.0f} %)" if row else "")
            lines.append("| " + " | ".join(cells) + " |")
        parts.append(f"{which.capitalize()}:\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def plot(path: str, results: Results, machine: dict[str, Any]) -> None:
    """Bars: times as fast as the best rival, or, where none was measured, percent of the multiply-add peak."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(10, 4.5), sharey=True)
    names = results.networks[::-1]
    colors = {"on-batch": "#4477aa", "captured": "#66ccee", "bf16": "#228833", "int8": "#ccbb44"}
    kinds = [k for k in colors if k in results.kinds]
    beside = any(k in RIVALS for k in results.kinds)

    def value(name: str, which: str, kind: str) -> float:
        row = results.row(name, which, kind)
        return (results.ratio(name, which, kind) or 0.0) if beside else 100 * share(row) if row else 0.0

    for ax, which in zip(axes, ("training", "inference"), strict=True):
        height = 0.8 / max(len(kinds), 1)
        for i, kind in enumerate(kinds):
            places = [p + 0.4 - (i + 0.5) * height for p in range(len(names))]
            values = [value(name, which, kind) for name in names]
            ax.barh(places, values, height, label=KINDS[kind].title, color=colors[kind])
        if beside:
            ax.axvline(1, color="black", linewidth=0.8)
        ax.set_yticks(range(len(names)), names)
        ax.set_title(which)
        rivals = ", ".join(v for v in VERSIONS if v in machine)
        ax.set_xlabel(f"times as fast as the best of {rivals}" if beside else "percent of the peak", fontsize=8)
    axes[1].legend(fontsize=8)
    fig.suptitle(
        f"{machine['processor']}, {machine['threads']} threads, {machine['isa']}, {machine['date']}", fontsize=9
    )
    fig.tight_layout()
    fig.savefig(path, dpi=120)
