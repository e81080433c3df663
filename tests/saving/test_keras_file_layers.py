"""Every layer of the table comes back from a file of Keras; without Keras."""

from __future__ import annotations

import json

import numpy as np
import pytest

import lamina
from lamina.core.tree import map_structure
from lamina.testing.layer_table import layer_checks

ROWS = layer_checks()


@pytest.mark.filterwarnings("ignore:Keras will not load this")
@pytest.mark.parametrize("row", ROWS, ids=[f"{row.name}-{i}" for i, row in enumerate(ROWS)])
def test_a_layer_comes_back(row, tmp_path):
    symbols, arrays = [], []

    def symbol(x):
        symbols.append(lamina.Input(x.shape[1:], dtype=x.dtype.name))
        arrays.append(x)
        return symbols[-1]

    args = map_structure(symbol, tuple(row.arrays()))
    model = lamina.Model(symbols, row.make()(*args))
    model.save(tmp_path / "m.keras")
    again = lamina.load_model(tmp_path / "m.keras")
    assert json.dumps(again.get_config()) == json.dumps(model.get_config())
    got, want = again.predict(arrays, verbose=0), model.predict(arrays, verbose=0)
    found = []
    map_structure(found.append, (got, want))
    for a, b in zip(found[: len(found) // 2], found[len(found) // 2 :], strict=True):
        np.testing.assert_array_equal(a, b)
