"""A network as a picture: a box for each layer, with name, kind and shapes, and lines for what flows between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .drawing import FAINT, INK, Drawing, Line, Rectangle, Text, width_of
from .layered import Layered

DIRECTIONS = ("TB", "BT", "LR", "RL")
_SIDE, _TOP, _MARGIN = 11.0, 8.0, 16.0
_TITLE, _SMALL = 11.5, 9.5

# Fill and border by what a layer does; the texts on them are dark.
COLORS = {
    "input": ("#eef1f5", "#a3adb8"),
    "dense": ("#e3ecfb", "#7d9fd6"),
    "convolution": ("#e0f1fa", "#6aaed1"),
    "pooling": ("#e3f5ea", "#76b990"),
    "normalization": ("#fdf3d8", "#d3b25c"),
    "activation": ("#fdeadf", "#dd9a72"),
    "recurrent": ("#f0e6fa", "#a885cf"),
    "attention": ("#fbe4ee", "#d486a8"),
    "merge": ("#e2f4f3", "#6fb5b0"),
    "other": ("#f7f8fa", "#aab3bd"),
}


@dataclass
class Part:
    """One box: a layer, or with ``inner`` a model whose layers are shown inside."""

    title: str
    subtitle: str = ""
    rows: Sequence[str] = ()
    kind: str = "other"
    inner: Network | None = None


@dataclass
class Network:
    parts: list[Part]
    links: list[tuple[int, int]] = field(default_factory=list)


def picture(network: Network, rankdir: str = "TB", title: str = "") -> Drawing:
    """The drawing of a network.

    rankdir: where it goes: top to bottom, or "BT", "LR", "RL".  title: what screen readers read.
    """
    width, height, parts = _placed(network, rankdir)
    for part in parts:
        _move(part, _MARGIN, _MARGIN)
    return Drawing(width + 2 * _MARGIN, height + 2 * _MARGIN, parts, title)


Shape = Rectangle | Text | Line


def _placed(network: Network, rankdir: str) -> tuple[float, float, list[Shape]]:
    """Width and height of a network, and what is drawn of it."""
    boxes = [_box(part, rankdir) for part in network.parts]
    across = rankdir in ("LR", "RL")
    sizes = [(h, w) if across else (w, h) for w, h, _ in boxes]
    layered = Layered(sizes, network.links, between_ranks=34.0 if across else 26.0)
    width, height = (layered.height, layered.width) if across else (layered.width, layered.height)

    def turned(x: float, y: float) -> tuple[float, float]:
        """A point of the arrangement, which goes from top to bottom, in the picture."""
        x, y = (y, x) if across else (x, y)
        return width - x if rankdir == "RL" else x, height - y if rankdir == "BT" else y

    shapes: list[Shape] = []
    for stretches in layered.routes.values():
        points = [(stretches[0][0], stretches[0][1])]
        for i, (x, begin, end) in enumerate(stretches):
            if i:
                x0, y0 = points[-1]
                points += [(x0, (y0 + begin) / 2), (x, (y0 + begin) / 2), (x, begin)]
            if end != begin:
                points += [(x, (begin * 2 + end) / 3), (x, (begin + end * 2) / 3), (x, end)]
        shapes.append(Line([turned(x, y) for x, y in points]))
    for (w, h, inside), center in zip(boxes, layered.centers, strict=True):
        x, y = turned(*center)
        for shape in inside:
            _move(shape, x - w / 2, y - h / 2)
        shapes += inside
    return width, height, shapes


def _box(part: Part, rankdir: str) -> tuple[float, float, list[Shape]]:
    fill, border = COLORS[part.kind]
    texts = [(part.title, _TITLE, True)] + [(t, _SMALL, False) for t in (part.subtitle, *part.rows) if t]
    width = max(width_of(t, size, bold) for t, size, bold in texts) + 2 * _SIDE
    if part.inner is not None:
        return _frame(part.inner, texts, width, rankdir)
    shapes: list[Shape] = []
    y = _TOP
    for t, size, bold in texts:
        y += size + (3.5 if shapes else 0.0)
        shapes.append(Text(width / 2, y - 1.5, t, size, bold, INK if bold else FAINT))
    return width, y + _TOP, [Rectangle(0, 0, width, y + _TOP, fill, border), *shapes]


def _frame(
    inner: Network, texts: list[tuple[str, float, bool]], least: float, rankdir: str
) -> tuple[float, float, list[Shape]]:
    """A model inside: its layers in a frame, with its name on top."""
    w, h, inside = _placed(inner, rankdir)
    width, head = max(w + 2 * _MARGIN, least), _TOP + sum(size + 4 for _, size, _ in texts) + 6
    for shape in inside:
        _move(shape, (width - w) / 2, head)
    y, shapes = _TOP, list[Shape]()
    for t, size, bold in texts:
        y += size
        shapes.append(Text(_SIDE, y - 1.5, t, size, bold, INK if bold else FAINT, middle=False))
        y += 4
    height = head + h + _MARGIN
    return width, height, [Rectangle(0, 0, width, height, "#fbfcfd", "#8a94a0", 8.0, dashed=True), *shapes, *inside]


def _move(shape: Shape, dx: float, dy: float) -> None:
    if isinstance(shape, Line):
        shape.points = [(x + dx, y + dy) for x, y in shape.points]
    else:
        shape.x += dx
        shape.y += dy
