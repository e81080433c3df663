"""What notebooks show of models, histories and tensors, and the curves of History.plot."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import numpy as np
import pytest

import lamina
from lamina import callbacks, layers, ops


def parsed(html: str) -> ElementTree.Element:
    """The tree, which is whole only if every text was escaped."""
    return ElementTree.fromstring(f"<body>{html.replace('<br>', '<br/>')}</body>")


def text_of(html: str) -> str:
    return " ".join(" ".join(parsed(html).itertext()).split())


@pytest.fixture
def history():
    found = callbacks.History()
    for epoch in range(4):
        logs = {"loss": 2.0 - epoch / 4, "a<b": np.array([epoch, epoch + 1.0]), "learning_rate": 0.1**epoch}
        if epoch % 2:
            logs["val_loss"] = 3.0 - epoch
        found.on_epoch_end(epoch, logs)
    return found


def test_a_history_shows_curves_last_and_best_values(history):
    html = history._repr_html_()
    told = text_of(html)
    assert "4 epochs: training , validation" in told
    assert "a<b" in told
    assert "1.25" in told
    assert "3.5" in told
    assert len(list(parsed(html).iter("{http://www.w3.org/2000/svg}svg"))) == 3
    assert "training" in text_of(callbacks.History()._repr_html_())


def test_a_history_with_nan_and_texts_is_shown():
    found = callbacks.History()
    found.on_epoch_end(0, {"loss": math.nan, "note": "hello"})
    found.on_epoch_end(1, {"loss": math.inf, "note": "you"})
    assert "nan" in text_of(found._repr_html_())
    assert "NaN" not in found._repr_html_()


def test_plot_has_a_panel_for_each_metric(history):
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    axes = history.plot()
    assert [a.get_title() for a in axes] == ["loss", "a<b", "learning rate"]
    training, validation = axes[0].lines
    np.testing.assert_allclose(training.get_xdata(), [1, 2, 3, 4])
    np.testing.assert_allclose(validation.get_xdata(), [2, 4])
    np.testing.assert_allclose(validation.get_ydata(), [2, 0])
    np.testing.assert_allclose(axes[1].lines[0].get_ydata(), [0.5, 1.5, 2.5, 3.5])
    assert axes[2].get_yscale() == "log"
    assert axes[0].get_yscale() == "linear"
    assert [t.get_text() for t in axes[0].get_legend().get_texts()] == ["training", "validation"]
    pyplot.close(axes[0].figure)
    figure, own = pyplot.subplots(1, 2)
    assert history.plot(["loss", "learning_rate"], axes=own) == list(own)
    assert history.plot("learning_rate", axes=own[1], log_scale=True)[0] is own[1]
    pyplot.close(figure)
    assert pyplot.get_fignums() == before


def test_plot_refuses_what_was_not_logged(history):
    with pytest.raises(ValueError, match="did you mean 'loss'"):
        history.plot("los")
    with pytest.raises(ValueError, match="nothing was logged"):
        callbacks.History().plot()
    with pytest.raises(ValueError, match="as many axes, got 1"):
        history.plot(axes=object())


def test_a_set_history_is_plotted():
    from matplotlib import pyplot

    found = callbacks.History()
    found.history = {"loss": [3.0, 2.0]}
    (axes,) = found.plot()
    np.testing.assert_allclose(axes.lines[0].get_xdata(), [1, 2])
    pyplot.close(axes.figure)


def test_a_model_shows_its_layers_and_opens_models_inside():
    inner = lamina.Sequential([lamina.Input((4,)), layers.Dense(3, name="<deep>")], name="inner")
    model = lamina.Sequential([lamina.Input((4,)), inner, layers.Dense(2, name="last")], name="<outer>")
    tree = parsed(model._repr_html_())
    told = text_of(model._repr_html_())
    assert "Sequential <outer>" in told
    assert "last Dense (None, 2) 8" in told
    assert "Total params: 23" in told
    (details,) = tree.iter("details")
    assert "<deep> Dense (None, 3) 15" in " ".join(" ".join(details.itertext()).split())
    assert "(unbuilt)" in text_of(lamina.Sequential([layers.Dense(1)])._repr_html_())


class Net(lamina.Model):
    def __init__(self):
        super().__init__(name="net")
        self.conv, self.pool = layers.Conv1D(4, 3, name="conv"), layers.GlobalMaxPooling1D(name="pool")
        self.drop, self.last = layers.Dropout(0.5, name="drop"), layers.Dense(2, name="last")
        self.stack = lamina.Sequential([layers.Dense(5), layers.ReLU(name="relu")], name="stack")

    def call(self, inputs, training=False):
        return self.last(self.stack(self.drop(self.pool(ops.relu(self.conv(inputs))), training=training)))


@pytest.mark.parametrize("how", ["called", "built", "fitted"])
def test_a_model_with_its_own_call_has_shapes_in_its_summary(how):
    model, lines = Net(), []
    if how == "called":
        model(np.ones((3, 8, 2), "float32"))
    elif how == "built":
        model.build((None, None, 2))
    else:
        model.compile("sgd", "mse")
        model.fit(np.ones((4, 8, 2), "float32"), np.ones((4, 2), "float32"), verbose=0)
    model.summary(print_fn=lines.append, expand_nested=True)
    shapes = {line.split()[1]: line.split("│")[2].strip() for line in lines if line.startswith("│")}
    time = "None" if how == "built" else "6"
    assert shapes["conv"] == f"(None, {time}, 4)"
    assert shapes["pool"] == shapes["drop"] == "(None, 4)"
    assert shapes["stack"] == "(None, 5)"
    assert shapes["last"] == "(None, 2)"
    assert "?" not in shapes.values()


def test_looking_changes_nothing():
    x, y = np.ones((4, 8, 2), "float32"), np.ones((4, 2), "float32")

    def trained(look) -> list[np.ndarray]:
        lamina.utils.set_random_seed(3)
        model = Net()
        model.compile("adam", "mse")
        model.fit(x, y, verbose=0)
        if look:
            model.summary(print_fn=lambda line: None)
            model._repr_html_()
        model.fit(x, y, verbose=0)
        return model.get_weights()

    for plain, looked_at in zip(trained(False), trained(True), strict=True):
        np.testing.assert_array_equal(plain, looked_at)


def test_a_tensor_shows_shape_type_and_values():
    assert text_of(lamina.Tensor([[1.0, 2.0]], requires_grad=True)._repr_html_()) == (
        "Tensor 1 \N{MULTIPLICATION SIGN} 2, float32, requires_grad [[1. 2.]]"
    )
    assert text_of(lamina.Tensor(3)._repr_html_()).startswith("Tensor scalar, int64")
    large = lamina.Tensor(np.zeros((300, 400, 2)))._repr_html_()
    assert "..." in large
    assert len(large) < 2000
    assert "Tensor 0" in text_of(lamina.Tensor(np.zeros((0, 3)))._repr_html_())


def test_a_captured_step_that_shows_a_tensor_stays_eager():
    @lamina.capture
    def step(x):
        y = ops.relu(x)
        y._repr_html_()
        return y

    x = ops.ones((2, 2))
    with pytest.warns(lamina.CaptureWarning, match="printed or formatted"):
        step(x)
