"""plot_model and model_to_dot: what is drawn, in which file, and what is refused."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import numpy as np
import pytest

import lamina
from lamina import layers, ops, utils

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture) -> list[str]:
    return [t.text for t in ElementTree.fromstring(picture._repr_svg_()).iter(f"{SVG}text")]


def links(picture) -> list[str]:
    return [line.strip(" ;") for line in picture.to_string().splitlines() if "->" in line]


def two_towers():
    encoder = lamina.Sequential([lamina.Input((8,)), layers.Dense(4, "relu", name="first")], name="encoder")
    a, b = lamina.Input((8,), name="left"), lamina.Input((8,), name="right")
    difference = layers.Subtract(name="minus")([encoder(a), encoder(b)])
    return lamina.Model([a, b], [layers.Dense(1, name="x<&>y")(difference), ops.relu(difference)], name="pair")


class Net(lamina.Model):
    def __init__(self):
        super().__init__(name="net")
        self.first, self.second = layers.Dense(4, name="first"), layers.Dense(4, name="second")
        self.last = layers.Dense(2, name="last")

    def call(self, inputs):
        x = self.first(inputs)
        return self.last(ops.relu(x + self.second(x)))


def test_a_functional_model_is_drawn_with_its_names_shapes_and_links():
    picture = utils.model_to_dot(two_towers(), show_shapes=True)
    assert links(picture) == ["n0 -> n2", "n1 -> n2", "n2 -> n3", "n3 -> n4", "n3 -> n5"]
    shown = texts(picture)
    assert {"left", "right", "minus", "x<&>y", "encoder (called 2 times)", "ops.relu"} <= set(shown)
    assert "2 \N{MULTIPLICATION SIGN} (None, 4) → (None, 4)" in shown
    assert "first" not in shown  # inside


def test_nested_models_open_in_a_frame():
    picture = utils.model_to_dot(two_towers(), expand_nested=True, show_layer_activations=True, rankdir="LR")
    assert {"first", "activation: relu"} <= set(texts(picture))
    assert "n0 -> n2_0" in links(picture)
    assert "n2_1 -> n3" in links(picture)
    root = ElementTree.fromstring(picture._repr_svg_())
    assert any(r.get("stroke-dasharray") for r in root.iter(f"{SVG}rect"))


def test_names_are_hidden_unless_asked_for():
    model = two_towers()
    assert "minus" not in texts(utils.plot_model(model, None))
    assert "minus" in texts(utils.plot_model(model, None, show_layer_names=True))
    shown = texts(utils.plot_model(model, None, show_dtype=True, show_trainable=True))
    assert "float32" in shown
    assert "trained" in shown
    model.trainable = False
    assert "frozen" in texts(utils.plot_model(model, None, show_trainable=True))


def test_a_model_with_its_own_call_is_drawn_as_it_runs():
    model = Net()
    assert links(utils.model_to_dot(model)) == []  # nothing is known yet
    model(np.ones((5, 3), "float32"))
    before = model.get_weights()
    picture = utils.model_to_dot(model, show_shapes=True)
    assert links(picture) == ["n0 -> n1", "n1 -> n2", "n1 -> n3", "n2 -> n3"]
    assert "(None, 3) → (None, 4)" in texts(picture)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_call_that_follows_values_is_drawn_without_links():
    class Odd(lamina.Model):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(2)

        def call(self, inputs):
            if inputs.shape[0] != 5:
                raise RuntimeError("five rows, please")
            return self.inner(inputs)

    model = Odd()
    model(np.ones((5, 3), "float32"))
    assert links(utils.model_to_dot(model)) == []
    assert "Dense" in texts(utils.model_to_dot(model))


def test_a_sequential_without_input_is_a_chain():
    model = lamina.Sequential([layers.Dense(3), layers.Dense(2)])
    assert links(utils.model_to_dot(model, show_shapes=True)) == ["n0 -> n1"]
    model(np.ones((2, 5), "float32"))
    assert "(None, 5) → (None, 3)" in texts(utils.model_to_dot(model, show_shapes=True))
    assert texts(utils.model_to_dot(lamina.Sequential(name="empty"))) == ["Sequential", "empty"]


def test_every_arrow_has_a_point():
    for rankdir in ("TB", "LR"):
        root = ElementTree.fromstring(utils.model_to_dot(two_towers(), rankdir=rankdir, expand_nested=True).to_svg())
        arrows = [p.get("points").split() for p in root.iter(f"{SVG}polygon")]
        assert len(arrows) == 6
        assert all(len(set(corners)) == 3 for corners in arrows)


def test_control_characters_do_not_break_the_file():
    model = lamina.Sequential([lamina.Input((2,)), layers.Dense(1, name="a\x01\n<b>\"'&")])
    assert "a��<b>\"'&" in texts(utils.model_to_dot(model))
    assert r"\"'&" in utils.model_to_dot(model).to_string()


@pytest.mark.parametrize("rankdir", ["TB", "BT", "LR", "RL"])
def test_everything_lies_inside_of_the_picture(rankdir):
    root = ElementTree.fromstring(utils.model_to_dot(two_towers(), rankdir=rankdir, expand_nested=True).to_svg())
    width, height = float(root.get("width")), float(root.get("height"))
    assert (width > height) == (rankdir in ("LR", "RL"))
    boxes = [r for r in root.iter(f"{SVG}rect") if r.get("x")]
    for box in boxes:
        assert float(box.get("x")) >= 10
        assert float(box.get("y")) >= 10
        assert float(box.get("x")) + float(box.get("width")) <= width - 10
        assert float(box.get("y")) + float(box.get("height")) <= height - 10
    tops = {t.text: float(t.get("y" if rankdir in ("TB", "BT") else "x")) for t in root.iter(f"{SVG}text")}
    assert (tops["left"] < tops["minus"]) == (rankdir in ("TB", "LR"))


@pytest.mark.parametrize(
    ("name", "first"),
    [("m.png", b"\x89PNG"), ("m.PDF", b"%PDF"), ("m.jpg", b"\xff\xd8"), ("m.svg", b"<svg"), ("m.dot", b"digraph")],
)
def test_files_are_of_the_kind_that_their_name_says(tmp_path, name, first):
    picture = utils.plot_model(two_towers(), tmp_path / name, show_shapes=True, dpi=50)
    assert (tmp_path / name).read_bytes().startswith(first)
    assert repr(picture) == "<picture of model 'pair': 6 boxes>"
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_dots_follow_dpi_and_have_a_limit(tmp_path):
    image = pytest.importorskip("PIL.Image")
    sizes = {}
    for dpi in (50, 100, 1e6):
        utils.plot_model(two_towers(), tmp_path / "m.png", dpi=dpi)
        with image.open(io.BytesIO((tmp_path / "m.png").read_bytes())) as opened:
            sizes[dpi] = opened.size
    assert abs(sizes[100][0] - 2 * sizes[50][0]) <= 2
    assert sizes[1e6][0] * sizes[1e6][1] <= 8.1e7


def test_texts_fit_into_their_boxes():
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    from lamina.plot.drawing import width_of

    for text in ("GlobalAveragePooling2D", "(None, 224, 224, 64) → (None, 112, 112, 128)", "wide MWM @%", "illiterate"):
        for bold in (False, True):
            font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal", size=10)
            true = TextPath((0, 0), text, prop=font).get_extents().width
            assert true <= width_of(text, 10, bold) <= 1.35 * true


def test_no_figure_of_the_users_is_touched(tmp_path):
    import matplotlib
    from matplotlib import pyplot

    backend, figure = matplotlib.get_backend(), pyplot.figure()
    utils.plot_model(two_towers(), tmp_path / "m.png", dpi=30)
    assert matplotlib.get_backend() == backend
    assert pyplot.get_fignums() == [figure.number]
    pyplot.close(figure)


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"model": layers.Dense(1)}, TypeError, "expected a model"),
        ({"rankdir": "UP"}, ValueError, "known are"),
        ({"to_file": "m.gif"}, ValueError, "known are .dot"),
        ({"to_file": "m"}, ValueError, "to_file ends in"),
        ({"to_file": 3}, TypeError, "expected a path"),
        ({"dpi": 0}, ValueError, "dpi must be positive"),
        ({"show_shape": True}, TypeError, "show_shape"),
    ],
)
def test_refused(arguments, error, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"model": two_towers(), "to_file": "m.svg", **arguments}
    with pytest.raises(error, match=told):
        utils.plot_model(**given)
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'pip install "lamina\[plot\]"'):
        utils.plot_model(two_towers(), tmp_path / "m.png")
    utils.plot_model(two_towers(), tmp_path / "m.svg")
