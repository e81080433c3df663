"""What Model.export writes, read again by lamina.onnx.load: the same numbers without onnxruntime."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from exported_layers import inputs_of, model_of

import lamina.onnx
from lamina.core.tree import flatten
from lamina.export import to_onnx
from lamina.testing.layer_table import layer_checks

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def loaded(proto, path):
    """The model of a file; skips what one side writes and the other does not read."""
    path.write_bytes(proto.SerializeToString())
    try:
        return lamina.onnx.load(path)
    except ValueError as error:
        if any(n.op_type in ("Scan", "ScatterElements") for n in proto.graph.node) or "parameters" in str(error):
            pytest.skip(f"lamina.onnx does not read it: {error}")
        raise


@pytest.mark.parametrize("check", layer_checks(), ids=lambda c: c.name)
def test_a_layer_comes_back(check, tmp_path):
    model = model_of(check, False)
    again = loaded(to_onnx(model, verify=False), tmp_path / "m.onnx")
    inputs = inputs_of(check, 3, None, 1)
    given = inputs if len(inputs) > 1 else inputs[0]
    want, got = flatten(model(given, training=False)), flatten(again(given, training=False))
    for a, b in zip(want, got, strict=True):
        np.testing.assert_allclose(b.numpy(), a.numpy(), atol=2e-5, rtol=2e-5)


@pytest.mark.parametrize("name", ["mlp", "cnn", "resnet-20", "lstm", "gru", "gpt", "u-net", "siamese"])
@pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="needs the source tree")
def test_a_network_comes_back(name, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    model = importlib.import_module("networks").MODELS[name](lamina)
    numbers = importlib.import_module("network_data")
    inputs = [x[:3] for x in numbers.inputs_of(numbers.data(name))]
    given = inputs if len(inputs) > 1 else inputs[0]
    again = loaded(to_onnx(model, verify=False), tmp_path / "m.onnx")
    want = model.predict(given, verbose=0)
    np.testing.assert_allclose(
        np.asarray(again.predict(given, verbose=0)), want, atol=1e-5 * max(1, np.abs(want).max())
    )
