"""TensorBoard's files and RemoteMonitor's requests."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.parse

import numpy as np
import pytest

import lamina
from lamina import callbacks, layers, optimizers

X, Y = np.ones((32, 3), "f4"), np.zeros((32, 2), "f4")


def small(optimizer="sgd"):
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(2, name="d")])
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def written(folder):
    """(tag, step, summary value) of all files in a folder."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(folder.glob("*tfevents*")):
        data, at = path.read_bytes(), 0
        while at < len(data):  # length, its checksum, the event, its checksum
            size = int.from_bytes(data[at : at + 8], "little")
            event = Event.FromString(data[at + 12 : at + 12 + size])
            found += [(value.tag, event.step, value) for value in event.summary.value]
            at += size + 16
    return found


def test_epochs_become_scalars(tmp_path):
    model = small()
    history = model.fit(
        X, Y, epochs=3, validation_data=(X, Y), verbose=0, callbacks=[callbacks.TensorBoard(tmp_path)]
    ).history
    train = written(tmp_path / "train")
    assert [(t, s) for t, s, _ in train if t == "epoch_loss"] == [("epoch_loss", i) for i in range(3)]
    losses = [v.simple_value for t, _, v in train if t == "epoch_loss"]
    np.testing.assert_allclose(losses, history["loss"], rtol=1e-6)
    assert {t for t, *_ in train} == {"epoch_loss", "epoch_mae", "epoch_learning_rate", "keras"}
    held_out = written(tmp_path / "validation")
    assert [s for t, s, _ in held_out if t == "evaluation_mae_vs_iterations"] == [1, 2, 3]
    np.testing.assert_allclose([v.simple_value for t, _, v in held_out if t == "epoch_mae"], history["val_mae"], 1e-6)


def test_the_model_is_written_for_the_graph(tmp_path):
    model = small()
    model.fit(X, Y, verbose=0, callbacks=[callbacks.TensorBoard(tmp_path)])
    (value,) = [v for t, _, v in written(tmp_path / "train") if t == "keras"]
    assert value.metadata.plugin_data.plugin_name == "graph_keras_model"
    assert json.loads(value.tensor.string_val[0]) == json.loads(model.to_json())
    model.fit(X, Y, verbose=0, callbacks=[callbacks.TensorBoard(tmp_path / "none", write_graph=False)])
    assert "keras" not in {t for t, *_ in written(tmp_path / "none" / "train")}


@pytest.mark.parametrize(("freq", "steps"), [("batch", [1, 2, 3, 4]), (2, [2, 4]), ("epoch", [])])
def test_batches_become_scalars(tmp_path, freq, steps):
    board = callbacks.TensorBoard(tmp_path, update_freq=freq, write_steps_per_second=True)
    small().fit(X, Y, batch_size=16, epochs=2, verbose=0, callbacks=board)
    found = written(tmp_path / "train")
    assert [s for t, s, _ in found if t == "batch_loss"] == steps
    assert [s for t, s, _ in found if t == "batch_steps_per_second"] == steps
    assert all(v.simple_value > 0 for t, _, v in found if t.endswith("steps_per_second"))
    assert sum(t == "epoch_steps_per_second" for t, *_ in found) == 2


def test_weights_become_histograms_and_images(tmp_path):
    model = small()
    model.fit(X, Y, epochs=3, verbose=0, callbacks=callbacks.TensorBoard(tmp_path, 2, write_images=True))
    found = written(tmp_path / "train")
    kernel = [(s, v.histo) for t, s, v in found if t == f"{model.layers[0].kernel.path}/histogram"]
    assert [s for s, _ in kernel] == [0, 2]
    assert kernel[1][1].num == 6
    assert kernel[1][1].max == pytest.approx(float(model.layers[0].kernel.numpy().max()))
    assert sum(t == f"{model.layers[0].kernel.path}/image" for t, *_ in found) == 2


def test_optimizers_inside_of_others_have_their_rates(tmp_path):
    outer = optimizers.LossScaleOptimizer(optimizers.SGD(0.25))
    small(outer).fit(X, Y, verbose=0, callbacks=callbacks.TensorBoard(tmp_path))
    (rate,) = [v.simple_value for t, _, v in written(tmp_path / "train") if t == "epoch_learning_rate"]
    assert rate == 0.25


def test_evaluation_alone_is_written(tmp_path):
    small().evaluate(X, Y, verbose=0, callbacks=[callbacks.TensorBoard(tmp_path)])
    assert {t for t, *_ in written(tmp_path / "validation")} == {
        "evaluation_loss_vs_iterations", "evaluation_mae_vs_iterations"
    }  # fmt: skip


def test_an_interrupted_run_keeps_what_it_wrote(tmp_path):
    def stop(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    board = callbacks.TensorBoard(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        small().fit(X, Y, epochs=3, verbose=0, callbacks=[board, callbacks.LambdaCallback(on_epoch_end=stop)])
    assert [s for t, s, _ in written(tmp_path / "train") if t == "epoch_loss"] == [0, 1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"profile_batch": 2}, "profile_batch=2 is not supported"),
        ({"embeddings_freq": 1}, "embeddings are not supported"),
        ({"histogram_freq": -1}, "histogram_freq must be an integer from 0"),
        ({"update_freq": 0}, "update_freq must be an integer from 1"),
        ({"update_freq": "epochs"}, "update_freq must be"),
    ],
)
def test_what_is_not_supported_is_refused(options, words):
    with pytest.raises(ValueError, match=words):
        callbacks.TensorBoard(**options)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r'pip install "lamina\[tensorboard\]"'):
        callbacks.TensorBoard()


# ---- requests ----


@pytest.fixture
def server():
    got = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            got.append((self.path, dict(self.headers), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}", got
        found.shutdown()
        thread.join()


@pytest.mark.parametrize("as_json", [True, False])
def test_epochs_are_posted(server, as_json):
    root, got = server
    monitor = callbacks.RemoteMonitor(root, field="logs", headers={"X-Run": "7"}, send_as_json=as_json)
    history = small().fit(X, Y, epochs=2, verbose=0, callbacks=[monitor]).history
    assert [path for path, *_ in got] == ["/publish/epoch/end/"] * 2
    assert got[0][1]["X-Run"] == "7"
    body = got[1][2] if as_json else urllib.parse.parse_qs(got[1][2])["logs"][0]
    assert json.loads(body) == {"epoch": 1, "loss": history["loss"][1], "mae": history["mae"][1]}


def test_a_server_that_is_not_there_is_warned_of():
    with pytest.warns(UserWarning, match="could not reach http://127"):
        small().fit(X, Y, verbose=0, callbacks=[callbacks.RemoteMonitor("http://127.0.0.1:9")])
    with pytest.raises(ValueError, match="http:// or https://"):
        callbacks.RemoteMonitor("file:///etc")
