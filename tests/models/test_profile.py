"""model.profile: every operation of a captured step is some layer's, and the parts are the whole."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import lamina
from lamina import layers, ops
from lamina.models import peaks


def sequential():
    hidden = [layers.Dense(64, "relu", name="first"), layers.Dropout(0.2, name="drop"), layers.BatchNormalization()]
    return lamina.Sequential([lamina.Input((20,)), *hidden, layers.Dense(3, name="last")]), (20,)


def convolutional():
    x = lamina.Input((12, 12, 3))
    y = layers.MaxPooling2D(name="pool")(layers.Conv2D(8, 3, activation="relu", name="conv")(x))
    return lamina.Model(x, layers.Dense(3, name="last")(layers.Flatten()(y))), (12, 12, 3)


def recurrent():
    return lamina.Sequential([lamina.Input((10, 6)), layers.LSTM(8, name="lstm"), layers.Dense(3, name="last")]), (
        10,
        6,
    )


class Attentive(lamina.Model):
    def __init__(self):
        super().__init__()
        self.attention = layers.MultiHeadAttention(2, 4, name="attention")
        self.last = layers.Dense(3, name="last")

    def call(self, inputs):
        return self.last(ops.mean(self.attention(inputs, inputs), axis=1) * 2.0)


def attentive():
    return Attentive(), (6, 8)


@pytest.fixture(autouse=True)
def short_probes(monkeypatch):
    monkeypatch.setattr(peaks, "_SECONDS", 0.003)


KINDS = [sequential, convolutional, recurrent, attentive]


def compiled(make):
    lamina.random.seed(1)
    model, shape = make()
    model.compile("adam", lamina.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model, np.ones((16, *shape), "float32"), np.arange(16) % 3


@pytest.mark.parametrize("make", KINDS)
def test_every_operation_of_a_training_step_is_in_one_row(make):
    model, x, y = compiled(make)
    profile = model.profile(x, y, steps=5)
    found = {(row.layer, row.direction) for row in profile.rows}
    assert {("last", "forward"), ("last", "backward"), ("loss", "forward"), ("loss", "backward")} <= found
    assert ("optimizer: adam", "update") in found
    weighted = [layer.name for layer in model.layers if layer.trainable_weights]
    for name in weighted:
        for direction in ("forward", "backward"):
            assert any(path.split("/")[0] == name and d == direction for path, d in found), (name, direction)
    model.train_on_batch(x, y)
    plan = model._steps["train"].plans[-1]
    assert sum(len(row.operations) for row in profile.rows) == len(plan.steps)
    assert sorted(o for row in profile.rows for o in row.operations) == sorted(plan.steps)


@pytest.mark.parametrize("make", KINDS)
def test_inference_has_forward_rows_alone(make):
    model, x, _ = compiled(make)
    profile = model.profile(x, steps=5)
    assert {row.direction for row in profile.rows} == {"forward"}
    assert "loss" not in {row.layer for row in profile.rows}
    assert profile.kind == "predict"
    assert profile.batch_size == 16


def test_own_operations_of_a_subclass_are_the_model_s():
    model, x, y = compiled(attentive)
    rows = {(row.layer, row.direction): row for row in model.profile(x, y, steps=5).rows}
    assert "reduction_forward" in rows[model.name, "forward"].operations
    assert "attention_backward" in rows["attention", "backward"].operations
    assert rows["attention/query", "forward"].operations == ("dense_forward",)


@pytest.mark.parametrize("make", KINDS)
def test_the_model_stays_as_it_is(make):
    model, x, y = compiled(make)
    model.train_on_batch(x, y)
    same, _, _ = compiled(make)
    same.train_on_batch(x, y)
    model.profile(x, y, steps=5)
    model.profile(x, steps=5)
    for _ in range(2):
        assert model.train_on_batch(x, y) == same.train_on_batch(x, y)
    for a, b in zip(model.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_parts_are_the_whole_and_rates_follow_from_them(threads):
    threads(1)  # two wait for each other where the machine is busy
    model = lamina.Sequential([lamina.Input((256,)), layers.Dense(512, "relu", name="a"), layers.Dense(256, name="b")])
    model.compile("sgd", "mse")
    x = np.ones((64, 256), "float32")
    tries = [model.profile(x, x, steps=40) for _ in range(3)]
    assert min(abs(p.sum_ms / p.step_ms - 1) for p in tries) < 0.15  # a few per cent on a machine of its own
    rows = {(row.layer, row.direction): row for row in tries[0].rows}
    flops = 2 * 64 * 256 * 512
    for key, products in {("a", "forward"): 1, ("a", "backward"): 1, ("b", "forward"): 1, ("b", "backward"): 2}.items():
        assert rows[key].gflops == pytest.approx(products * flops / rows[key].ms / 1e6)
        assert 0 < rows[key].share_of_peak < 1.5
    forward = 4 * (64 * 256 + 256 * 512 + 512 + 64 * 512)  # x, w, b, y
    assert rows["a", "forward"].gbytes == pytest.approx(forward / rows["a", "forward"].ms / 1e6)
    update = rows["optimizer: sgd", "update"]
    assert update.gflops is None
    assert update.gbytes == pytest.approx(12 * model.count_params() / update.ms / 1e6, rel=0.01)


def test_layers_called_twice_have_one_row():
    x = lamina.Input((8,))
    shared = layers.Dense(8, name="shared")
    model = lamina.Model(x, shared(shared(x)))
    (row,) = model.profile(np.ones((4, 8), "float32"), steps=5).rows
    assert (row.layer, row.operations) == ("shared", ("dense_forward", "dense_forward"))


def test_models_inside_are_named_by_their_paths():
    inner = lamina.Sequential([lamina.Input((4,)), layers.Dense(4, name="deep")], name="inner")
    model = lamina.Sequential([lamina.Input((4,)), inner, layers.Dense(2, name="last")])
    assert [row.layer for row in model.profile(np.ones((2, 4), "float32"), steps=5).rows] == ["inner/deep", "last"]


def test_own_train_steps_are_profiled_where_they_can_be_captured():
    class Own(lamina.Sequential):
        def train_step(self, data):
            x, y = data
            self.zero_grad()
            loss = self.compute_loss(x, y, self(x, training=True))
            loss.backward()
            self.optimizer.step()
            return {"loss": loss}

    class Reads(Own):
        def train_step(self, data):
            return {"loss": float(super().train_step(data)["loss"])}

    def made(kind):
        model = kind([lamina.Input((4,)), layers.Dense(1, name="out")])
        model.compile("sgd", "mse")
        return model, np.ones((8, 4), "float32"), np.ones((8, 1), "float32")

    model, x, y = made(Own)
    found = [(row.layer, row.direction) for row in model.profile(x, y, steps=5).rows]
    assert found[:2] == [("out", "forward"), ("out", "backward")]
    assert found[-1] == ("optimizer: sgd", "update")
    model, x, y = made(Reads)
    with pytest.raises(ValueError, match=r"profile: the train step of Reads .* isn't captured.*values were read"):
        model.profile(x, y)


def test_a_profile_is_a_table_for_all():
    model, x, y = compiled(sequential)
    profile = model.profile(x, y, steps=5)
    text, html, plain = repr(profile), profile._repr_html_(), profile.to_dict()
    assert "first (Dense)" in text
    assert "GFLOP/s" in text
    assert text.count("\n") == len(profile.rows) + 4
    assert html.count("<tr>") == len(profile.rows) + 1
    assert json.loads(json.dumps(plain)) == plain
    assert plain["rows"][0]["layer"] == "first"
    assert plain["peaks"]["gflops"] > 0


def test_the_picture_has_a_bar_a_row_and_the_longest_of_many():
    pytest.importorskip("matplotlib").use("Agg")
    model, x, y = compiled(sequential)
    profile = model.profile(x, y, steps=5)
    axes = profile.plot()
    assert [t.get_text() for t in axes.get_yticklabels()] == [row.layer for row in profile.rows]
    assert axes.patches[0].get_width() == pytest.approx(profile.rows[0].ms)
    many = lamina.Sequential([lamina.Input((2,)), *(layers.Dense(2) for _ in range(70))])
    assert len(many.profile(np.ones((2, 2), "float32"), steps=5).plot().get_yticklabels()) == 60
    from matplotlib import pyplot

    pyplot.close("all")


def test_bad_arguments_are_told():
    model, x, y = compiled(sequential)
    with pytest.raises(ValueError, match="profile: steps must be a positive integer or None, got 0"):
        model.profile(x, y, steps=0)
    with pytest.raises(ValueError, match="profile"):
        model.profile(x, y[:3])
    with pytest.raises(RuntimeError, match="profile: call compile"):
        lamina.Sequential([lamina.Input((20,)), layers.Dense(1)]).profile(x, y)


def run(*arguments):
    command = [sys.executable, "-m", "lamina.profile", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_profiles_a_file(tmp_path):
    model, _, _ = compiled(sequential)
    model.save(tmp_path / "m.lamina")
    done = run(tmp_path / "m.lamina", "--batch-size", 8, "--steps", 5, "--json", tmp_path / "p.json")
    assert done.returncode == 0, done.stderr
    assert "training step of Sequential" in done.stdout
    (found,) = json.loads((tmp_path / "p.json").read_text())
    assert found["batch_size"] == 8
    assert found["rows"][0]["layer"] == "first"


def test_the_command_runs_a_script(tmp_path):
    (tmp_path / "train.py").write_text(
        "import sys, numpy as np, lamina\n"
        "assert sys.argv[1:] == ['--rows', '8'], sys.argv\n"
        "model = lamina.Sequential([lamina.Input((4,)), lamina.layers.Dense(1, name='out')])\n"
        "model.compile('sgd', 'mse')\n"
        "model.fit(np.ones((8, 4)), np.ones((8, 1)), batch_size=4, verbose=0)\n"
    )
    done = run("--steps", 5, tmp_path / "train.py", "--rows", 8)
    assert done.returncode == 0, done.stderr
    assert "4 rows" in done.stdout
    assert "out (Dense)" in done.stdout
