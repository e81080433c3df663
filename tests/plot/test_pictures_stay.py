"""Every number of a picture: what is drawn, described as text, has the checksum that it had when somebody looked at it.

``python tests/plot/test_pictures_stay.py`` prints the checksums anew, ``... NAME`` what a picture consists of.
"""

from __future__ import annotations

import hashlib
import random
from types import SimpleNamespace

import numpy as np
import pytest

import lamina
from lamina import layers, plot, utils, visualization
from lamina.core.tensor_html import tensor_html
from lamina.plot.curves import draw_curves, sparkline, table_of_curves
from lamina.plot.diagram import Network, Part, picture
from lamina.plot.layered import Layered
from lamina.visualization import boxes as boxes_room

CHECKSUMS = {
    "curves": "67ae3fe39091",
    "curves log": "db3ea0defc38",
    "rates": "fcd72e96e326",
    "table of curves": "08c547ab84a8",
    "sparkline": "e68ce4bd2904",
    "network TB": "5a2028e188fc",
    "network BT": "58fde20b8a9f",
    "network LR": "71d7311b4162",
    "network RL": "fc5f620eff0c",
    "saved network": "13ffa2496c48",
    "model": "61e78c2e7be8",
    "nested model": "d67af4a77266",
    "graphs": "42110cc7aaa4",
    "layer times": "d1bb1a03af7e",
    "many layer times": "84933aeeff58",
    "matrix 3": "a408bc913260",
    "matrix 10": "da144f50a19c",
    "matrix 11": "f80b4d58dd74",
    "matrix 25": "78216f2c5e91",
    "matrix 26": "4c2c7fdff9e4",
    "matrix 41": "90634f13d965",
    "images": "48faead1a938",
    "gray images": "118c93d4e74b",
    "high images": "0539c5d765ad",
    "wide images": "08c74dd6ebf3",
    "written": "31d860bec7cb",
    "boxes": "cdc4b81a9fb8",
    "masks": "0ba5f0da0b7d",
    "tensors": "90221430e493",
    "gallery": "eeef2d9abb14",
    "gallery of masks": "833da2078209",
    "gallery of boxes": "e63e74b402dd",
}
RNG = np.random.default_rng(0)


def plain(value, digits=4):
    """Numbers rounded, as lists and texts."""
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return value
    if isinstance(value, dict):
        return {k: plain(v, digits) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v, digits) for v in value]
    found = np.asarray(value)
    return (np.round(found.astype(float), digits) + 0.0).tolist() if found.dtype.kind in "fiu" else str(value)


def of_text(text):
    return plain(
        [text.get_text(), text.get_position(), text.get_fontsize(), text.get_color(), text.get_ha(), text.get_va()]
    )


def of_patch(patch):
    path = patch.get_patch_transform().transform(patch.get_path().vertices)
    look = patch.get_facecolor(), patch.get_edgecolor(), patch.get_linewidth(), patch.get_linestyle()
    return plain([path, *look])


def of_line(line):
    return plain([line.get_xydata(), line.get_color(), line.get_linewidth(), line.get_marker(), line.get_markersize()])


def of_axes(axes):
    """What the library sets; not where matplotlib puts it."""
    for axis in (axes.xaxis, axes.yaxis):
        labels = [(t.get_text(), t.get_rotation(), t.get_fontsize(), t.get_ha()) for t in axis.get_ticklabels()]
        yield plain([axis.get_ticklocs(), axis.get_ticklocs(minor=True), labels, axis.get_label().get_text()])
        for kind in ("gridlines", "tick1line"):
            ticks = [getattr(tick, {"gridlines": "gridline"}.get(kind, kind)) for tick in axis.get_major_ticks()[:1]]
            ticks += [getattr(tick, {"gridlines": "gridline"}.get(kind, kind)) for tick in axis.get_minor_ticks()[:1]]
            yield [
                plain([t.get_color(), t.get_linewidth(), t.get_alpha(), t.get_visible(), t.get_markersize()])
                for t in ticks
            ]
    yield plain([axes.get_xlim(), axes.get_ylim(), axes.get_xscale(), axes.get_yscale(), axes.axison])
    yield plain([axes.get_axisbelow() is True, {name: side.get_visible() for name, side in axes.spines.items()}])
    yield of_text(axes.title)
    yield from map(of_text, axes.texts)
    yield from map(of_line, axes.lines)
    yield from map(of_patch, axes.patches)
    for image in axes.images:
        yield plain([image.get_array(), image.get_clim(), image.get_cmap().name, image.get_interpolation()])
    if axes.get_legend() is not None:
        legend = axes.get_legend()
        yield [legend.get_frame_on(), *map(of_text, legend.get_texts())]


def of_figure(figure):
    yield plain(figure.get_size_inches())
    for axes in figure.axes:
        yield from of_axes(axes)
    for legend in figure.legends:
        yield [legend.get_frame_on(), *[t.get_text() for t in legend.get_texts()]]


def figure_of(axes):
    from matplotlib import pyplot

    figure = (axes[0] if isinstance(axes, (list, tuple, np.ndarray)) else axes).figure
    found = list(of_figure(figure))
    pyplot.close(figure)
    return found


def network():
    rng = random.Random(1)
    kinds = [
        "input",
        "dense",
        "convolution",
        "pooling",
        "normalization",
        "activation",
        "recurrent",
        "attention",
        "merge",
    ]
    inner = Network([Part("a", kind="dense"), Part("b", "wide", ("one row", "two"), "other")], [(0, 1)])
    parts = [
        Part(f"Layer {i}", f"kind {i}" * (i % 3), [f"row {j}%W" for j in range(i % 4)], k) for i, k in enumerate(kinds)
    ]
    links = [(i, j) for i in range(9) for j in range(i + 1, 9) if rng.random() < 0.3]
    return Network([*parts, Part("Inside", "model", inner=inner)], [*links, (8, 9)])


def graph(seed):
    rng = random.Random(seed)
    n = rng.randrange(2, 14)
    sizes = [(rng.uniform(20, 90), rng.uniform(10, 40)) for _ in range(n)]
    edges = [(i, j) for i in range(n) for j in range(n) if i != j and rng.random() < (0.3 if i < j else 0.03)]
    made = Layered(sizes, edges)
    return plain([made.centers, [list(map(plain, r)) for r in made.routes.values()], made.width, made.height], 2)


def saved(monkeypatch, drawing):
    """What matplotlib draws of a drawing."""
    from matplotlib.figure import Figure

    found = []
    monkeypatch.setattr(
        Figure, "savefig", lambda self, path, **options: found.extend([plain(options), *of_figure(self)])
    )
    drawing.save(None, "png", 9999.0)
    return found


LOGGED = {
    "loss": [3.0, 2.0, 1.5], "val_loss": [3.5, 2.5, np.nan], "accuracy": list(np.linspace(0.1, 0.9, 12)),
    "learning_rate": [0.1, 0.01, 0.001], "f1": [[0.2, 0.4], 0.5], "text": ["a"],
}  # fmt: skip
EPOCHS = {name: range(len(values)) for name, values in LOGGED.items()}
IMAGES = (np.arange(2 * 6 * 8 * 3) % 256).reshape(2, 6, 8, 3).astype(np.uint8)


def profile(n, kind="train"):
    directions = ["forward", "backward", "recomputed", "update", "other"]
    rows = [
        SimpleNamespace(layer=f"l${i}", direction=directions[i % 5], ms=0.1 + (i * 7) % 11,
                        share_of_peak=None if i % 3 == 0 else 0.1 * i)
        for i in range(n)
    ]  # fmt: skip
    return SimpleNamespace(rows=rows, name="net", kind=kind, batch_size=32, step_ms=12.3456)


def matrix(n, **options):
    true = np.arange(4 * n) % n
    return figure_of(plot.confusion_matrix(true, (true + (np.arange(4 * n) % 5 == 0)) % n, **options))


class Pen:
    """Notes what is written with it."""

    def __init__(self):
        self.asked = []

    def textbbox(self, place, text, font, stroke_width):
        self.asked.append(("textbbox", place, text, stroke_width))
        return 1, 2, 9 * len(text), 13

    def rectangle(self, place, fill):
        self.asked.append(("rectangle", place, fill))

    def text(self, place, text, fill, font, stroke_width, stroke_fill):
        self.asked.append(("text", place, text, fill, stroke_width, stroke_fill))


def written():
    for corner in ((5.0, 30.0), (-3.0, 15.0), (190.0, 14.9), (100.0, 16.0)):
        for ink in ((255, 0, 0), (0, 255, 0), (0, 0, 255), (140, 140, 140), (141, 141, 141)):
            for around, width in ((0, 200), (2, 15)):
                pen = Pen()
                boxes_room._write(pen, "name", corner, ink, None, around, width)
                yield plain([str(a) for a in pen.asked])


def lines_of_boxes():
    given = {
        "boxes": np.array([[[1, 1, 6, 4], [2, 2, 2, 2], [3, 3, 2, 4]]] * 2),
        "labels": np.array([[0, 1, 1], [-1, 0, 5]]),
    }
    for width in (1, 2, 0):
        yield visualization.draw_bounding_boxes(IMAGES, given, "xyxy", line_thickness=width).tolist()


def masks(**options):
    classes = np.arange(2 * 6 * 8).reshape(2, 6, 8) % 10
    return visualization.draw_segmentation_masks(IMAGES, classes, **options).tolist()


def model():
    x = lamina.Input((8, 8, 3), name="image")
    y = layers.Conv2D(4, 3, padding="same", name="conv")(x)
    y = layers.Add(name="sum")([y, layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(y))])
    inner = lamina.Sequential([lamina.Input((4,), name="code"), layers.Dense(3, "relu", name="dense")], name="inner")
    return lamina.Model(x, inner(layers.GlobalAveragePooling2D(name="mean")(y)), name="net")


def drawn_model(**options):
    return utils.model_to_dot(model(), show_shapes=True, show_layer_names=True, **options)._repr_svg_().split("\n")


PICTURES = {
    "curves": lambda _: figure_of(draw_curves(LOGGED, EPOCHS)),
    "curves log": lambda _: figure_of(draw_curves(LOGGED, EPOCHS, "loss", log_scale=True)),
    "rates": lambda _: [
        figure_of(draw_curves({"lr": v}, {"lr": range(2)}))
        for v in ([20.0, 1.0], [20.1, 1.0], [0.0, 1.0], [1.0, np.inf])
    ],
    "table of curves": lambda _: [table_of_curves(LOGGED, n) for n in (1, 2)],
    "sparkline": lambda _: [
        sparkline({"a": v, "val_a": [1.0]}, 90, 20) for v in ([], [2.0], [1, 3, 2], [1.0, np.nan, 5])
    ],
    **{
        f"network {d}": lambda _, d=d: picture(network(), d, "A title").svg().split("\n")
        for d in ("TB", "BT", "LR", "RL")
    },
    "saved network": lambda monkeypatch: saved(monkeypatch, picture(network())),
    "model": lambda _: drawn_model(),
    "nested model": lambda _: drawn_model(expand_nested=True, show_dtype=True, show_trainable=True, rankdir="LR"),
    "graphs": lambda _: [graph(seed) for seed in range(40)],
    "layer times": lambda _: figure_of(plot.layer_times(profile(7))),
    "many layer times": lambda _: figure_of(plot.layer_times(profile(70, "predict"))),
    "matrix 3": lambda _: matrix(3),
    "matrix 10": lambda _: matrix(10, normalize="pred"),
    "matrix 11": lambda _: matrix(11, labels=[f"class {i}$" for i in range(11)]),
    "matrix 25": lambda _: matrix(25, normalize="all", cmap="Reds"),
    "matrix 26": lambda _: matrix(26, normalize="true"),
    "matrix 41": lambda _: matrix(41),
    "images": lambda _: figure_of(plot.image_grid(IMAGES, ["a", "b\nc$"], size=2.0)),
    "gray images": lambda _: figure_of(plot.image_grid(RNG_IMAGES[:7], value_range=(0.1, 0.8))),
    "high images": lambda _: figure_of(plot.image_grid(RNG_IMAGES.reshape(20, 2, 14)[:3], rows=2)),
    "wide images": lambda _: figure_of(plot.image_grid(RNG_IMAGES.reshape(20, 14, 2), columns=3, titles=range(20))),
    "written": lambda _: list(written()),
    "boxes": lambda _: list(lines_of_boxes()),
    "masks": lambda _: [masks(), masks(alpha=0.3, ignore_index=3), masks(blend=False, ignore_index=0)],
    "tensors": lambda _: [
        *(tensor_html(np.arange(np.prod(n)).reshape(n) / 7, "Tensor", len(n) > 1) for n in SHAPES),
        *(tensor_html(np.full(99, 10**n), "Tensor", False) for n in range(10)),  # numbers of every width in a line
    ],
    "gallery": lambda _: figure_of(visualization.plot_image_gallery(IMAGES, [0, 1], [1, 0], {0: "a", 1: "b"})),
    "gallery of masks": lambda _: figure_of(
        visualization.plot_segmentation_mask_gallery(IMAGES / 255, 3, (0, 1), np.ones((2, 6, 8), int))
    ),
    "gallery of boxes": lambda _: figure_of(
        visualization.plot_bounding_box_gallery(
            IMAGES, "xyxy", {"boxes": [[[1, 1, 6, 4]]] * 2, "labels": [[0]] * 2},
            {"boxes": [[[2, 1, 5, 5]]] * 2, "labels": [[0]] * 2}, legend=True,
        )
    ),
}  # fmt: skip
SHAPES = [(), (1,), (30,), (120,), (121,), (2, 60), (11, 11), (3, 3, 13), (7, 7, 7), (2, 2, 2, 2, 2), (4, 2, 3, 1, 3)]
RNG_IMAGES = RNG.random((20, 4, 7)).round(3)


def checksum(found):
    return hashlib.sha256(repr(found).encode()).hexdigest()[:12]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_what_it_was(name, monkeypatch):
    pytest.importorskip("matplotlib")
    pytest.importorskip("PIL")
    assert checksum(PICTURES[name](monkeypatch)) == CHECKSUMS[name]


if __name__ == "__main__":
    import sys

    for name in PICTURES if len(sys.argv) < 2 else sys.argv[1:]:
        with pytest.MonkeyPatch.context() as patch:
            found = PICTURES[name](patch)
        print(f'    "{name}": "{checksum(found)}",' if len(sys.argv) < 2 else "\n".join(map(str, found)))
