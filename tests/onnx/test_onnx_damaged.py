"""Damaged files: a ValueError that names the file, or a model; no other error, and no endless work."""

from __future__ import annotations

import random

import numpy as np
import pytest
from fuzz.onnx_file import onnx_network

import lamina

X = np.ones((2, 2, 4, 4), np.float32)


@pytest.mark.parametrize("how", ["cut", "changed"])
def test_damaged_files(how, tmp_path):
    data, path = onnx_network(), tmp_path / "m.onnx"
    refused = 0
    for seed in range(150):
        rng = random.Random(seed)
        damaged = bytearray(data)
        if how == "cut":
            damaged = damaged[: rng.randrange(len(data))]
        else:
            for _ in range(rng.choice((1, 1, 2, 8))):
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            model = lamina.onnx.load(path)
        except ValueError as error:
            assert str(error).startswith(str(path))  # noqa: PT017 (many files, few errors)
            refused += 1
            continue
        try:
            model(X)
        except (ValueError, TypeError, IndexError) as error:
            assert "node" in str(error) or "input" in str(error)  # noqa: PT017
    assert refused > 50


def test_a_good_file_is_good(tmp_path):
    (tmp_path / "m.onnx").write_bytes(onnx_network())
    assert lamina.onnx.load(tmp_path / "m.onnx")(X).shape == (3, 16, 2)


def test_a_saved_model_whose_graph_is_damaged(tmp_path):
    model = lamina.onnx.load(onnx_network())
    config = model.get_config()
    for graph in (config["graph"][:50], "no base64", "", 3):
        with pytest.raises((ValueError, TypeError), match="graph"):
            type(model).from_config({**config, "graph": graph})
