"""A picture of boxes, texts and lines, as SVG text or drawn by matplotlib; made without either."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any

from .figures import matplotlib_or_explain

SANS = "'DejaVu Sans', Verdana, 'Segoe UI', Helvetica, Arial, sans-serif"
INK, FAINT, LINE = "#1f2933", "#5b6672", "#8a94a0"
_NARROW, _WIDE = frozenset("iljftI.,:;'|!()[]/ "), frozenset("mwMW@%→…")


def width_of(text: str, size: float, bold: bool = False) -> float:
    """About the width of a text, rather more than less, in the widest of the fonts."""
    ems = sum(0.39 if c in _NARROW else 0.99 if c in _WIDE else 0.71 if c.isupper() else 0.64 for c in text)
    return ems * size * (1.1 if bold else 1.0)


@dataclass
class Rectangle:
    x: float
    y: float
    width: float
    height: float
    fill: str
    stroke: str
    radius: float = 5.0
    dashed: bool = False


@dataclass
class Text:
    x: float
    y: float  # of the base line
    text: str
    size: float = 11.0
    bold: bool = False
    color: str = INK
    middle: bool = True  # x is the middle, else the left end


@dataclass
class Line:
    """A line through cubic curves: a point, then for each piece two control points and its end; with an arrow there."""

    points: list[tuple[float, float]]


@dataclass
class Drawing:
    width: float
    height: float
    parts: list[Rectangle | Text | Line] = field(default_factory=list)
    title: str = ""

    def svg(self) -> str:
        """The picture as text."""
        size = f'width="{self.width:.0f}" height="{self.height:.0f}" viewBox="0 0 {self.width:.0f} {self.height:.0f}"'
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{SANS}" role="img">'
            f"<title>{_text(self.title)}</title>"
            f'<rect width="100%" height="100%" fill="#ffffff"/>'
        )
        return "\n".join([head, *map(_svg_of, self.parts), "</svg>", ""])

    def save(self, path: Any, format: str, dpi: float) -> None:
        """Write the picture by matplotlib.

        Args:
            path: name of the file, or a file open for bytes.
            format: "png", "pdf", "jpg", or another of matplotlib's.
            dpi: dots per inch of the two with dots; 72 units of the picture are an inch.
        """
        matplotlib_or_explain("a picture of this format; SVG needs nothing")
        from matplotlib.figure import Figure

        most = min(30000 / max(self.width, self.height), (8e7 / (self.width * self.height)) ** 0.5)  # viewers take that
        dpi = min(dpi, 72 * most)
        figure = Figure(figsize=(self.width / 72, self.height / 72), facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, self.width)
        axes.set_ylim(self.height, 0)
        axes.set_axis_off()
        for part in self.parts:
            _draw(axes, part)
        figure.savefig(path, format=format, dpi=dpi)


def _text(text: str) -> str:
    """A text as XML takes it, which knows no control characters."""
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))


def _svg_of(part: Rectangle | Text | Line) -> str:
    if isinstance(part, Rectangle):
        dashes = ' stroke-dasharray="5 3"' if part.dashed else ""
        place = f'x="{part.x:.1f}" y="{part.y:.1f}" width="{part.width:.1f}" height="{part.height:.1f}"'
        return f'<rect {place} rx="{part.radius:g}" fill="{part.fill}" stroke="{part.stroke}"{dashes}/>'
    if isinstance(part, Text):
        weight = ' font-weight="bold"' if part.bold else ""
        look = f'font-size="{part.size:g}" fill="{part.color}"{weight}'
        anchor = ' text-anchor="middle"' if part.middle else ""
        return f'<text x="{part.x:.1f}" y="{part.y:.1f}" {look}{anchor}>{_text(part.text)}</text>'
    first, *rest = [f"{x:.1f},{y:.1f}" for x, y in part.points]
    curves = " ".join(f"C{a} {b} {c}" for a, b, c in zip(rest[::3], rest[1::3], rest[2::3], strict=True))
    head = " ".join(f"{x:.1f},{y:.1f}" for x, y in arrow(part))
    path = f'<path d="M{first} {curves}" fill="none" stroke="{LINE}" stroke-width="1.2"/>'
    return f'{path}<polygon points="{head}" fill="{LINE}"/>'


def arrow(line: Line) -> list[tuple[float, float]]:
    """The corners of a line's arrow, which points along an axis."""
    (cx, cy), (x, y) = line.points[-2:]
    dx, dy = x - cx, y - cy
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    dx, dy = dx / length * 6, dy / length * 6
    return [(x, y), (x - dx - dy * 0.55, y - dy + dx * 0.55), (x - dx + dy * 0.55, y - dy - dx * 0.55)]


def _draw(axes: Any, part: Rectangle | Text | Line) -> None:
    from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
    from matplotlib.path import Path

    if isinstance(part, Rectangle):
        style = f"round,pad=0,rounding_size={part.radius}"
        box = FancyBboxPatch((part.x, part.y), part.width, part.height, boxstyle=style, mutation_aspect=1)
        box.set(facecolor=part.fill, edgecolor=part.stroke, linewidth=0.9, linestyle="--" if part.dashed else "-")
        axes.add_artist(box)
    elif isinstance(part, Text):
        across = "center" if part.middle else "left"
        text = part.text.replace("$", r"\$")  # no formula
        weight = "bold" if part.bold else "normal"
        look: dict[str, Any] = {"size": part.size, "color": part.color, "weight": weight, "family": "DejaVu Sans"}
        axes.text(part.x, part.y, text, ha=across, va="baseline", **look)
    else:
        codes = [Path.MOVETO] + [Path.CURVE4] * (len(part.points) - 1)
        axes.add_artist(PathPatch(Path(part.points, codes), facecolor="none", edgecolor=LINE, linewidth=1.1))
        axes.add_artist(Polygon(arrow(part), closed=True, facecolor=LINE, linewidth=0))
