"""Every layer of the table in a file of Keras: written by Lamina and read by Keras, and the other way round."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from keras_live import keras
from test_keras_files import parts

import lamina
from lamina.core import registry
from lamina.core.keras_names import LACKING
from lamina.core.tree import map_structure
from lamina.saving.keras_description import to_keras
from lamina.testing.layer_table import layer_checks

pytestmark = [  # of Keras itself
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword"),
    pytest.mark.filterwarnings("ignore:You are using a softmax over axis"),
    pytest.mark.filterwarnings("ignore:[\\s\\S]*Tensor.T is deprecated"),
    pytest.mark.filterwarnings("ignore:.*is recommended to be a power of two"),
]
ROWS = layer_checks()
BARRED = {  # rows that Keras on PyTorch cannot run, or runs otherwise
    "CategoryEncoding": "Keras on PyTorch converts no integers beyond its tokens",
    "ContrastLimitedAdaptiveHistogramEqualization": "equal over whole tiles alone: test_parity_resize",
    "Equalization": "Keras takes its own functional model for a cycle",
    "IntegerLookup": "Keras needs TensorFlow for it",
    "RandomCrop": "Keras on PyTorch leaves images whole in inference",
}
ids = [f"{row.name}-{i}" for i, row in enumerate(ROWS)]


def drawn(module: Any, layer: Any, row: Any) -> Any:
    """A functional model of one layer."""
    symbols: list[Any] = []

    def symbol(x: Any) -> Any:
        symbols.append(module.Input(x.shape[1:], dtype=x.dtype.name))
        return symbols[-1]

    args = map_structure(symbol, tuple(row.arrays()))
    return module.Model(symbols, layer(*args))


def flat(row: Any) -> list[Any]:
    found: list[Any] = []
    map_structure(found.append, tuple(row.arrays()))
    return found


def lacks(row: Any) -> bool:
    """Whether the row is of what Keras lacks."""
    keywords = [p.name for p in inspect.signature(row.kind.__init__).parameters.values() if p.kind is p.KEYWORD_ONLY]
    padding = row.options.get("padding")
    causal = (row.name, padding) == ("DepthwiseConv1D", "causal")
    padded = "Conv" in row.name and padding not in ("valid", "same", "causal", None)
    return row.kind.__name__ in LACKING or causal or padded or any(name in keywords for name in row.options)


def barred(row: Any) -> bool:
    return row.name in BARRED or str(row.options.get("interpolation")).startswith("lanczos")


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_what_lamina_wrote(row, tmp_path):
    ours = drawn(lamina, row.make(), row)
    x = flat(row)
    if lacks(row):
        with pytest.warns(UserWarning, match="Keras will not load this"):
            ours.save(tmp_path / "m.keras")
        with pytest.raises((TypeError, ValueError), match="Could not"):
            keras.saving.load_model(tmp_path / "m.keras")
    elif barred(row):
        ours.save(tmp_path / "m.keras")
    else:
        ours.save(tmp_path / "m.keras")
        theirs = keras.saving.load_model(tmp_path / "m.keras")
        compare(ours, theirs, x)
    again = lamina.load_model(tmp_path / "m.keras")
    for a, b in zip(parts(again.predict(x, verbose=0)), parts(ours.predict(x, verbose=0)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("row", ROWS, ids=ids)
def test_what_keras_wrote(row, tmp_path):
    if lacks(row) or barred(row):
        pytest.skip(BARRED.get(row.name, "Keras has no such thing, or not on PyTorch"))
    layer = keras.saving.deserialize_keras_object(to_keras(registry.serialize(row.make()), []))
    theirs = drawn(keras, layer, row)
    theirs.save(tmp_path / "m.keras")
    compare(lamina.load_model(tmp_path / "m.keras"), theirs, flat(row))


def compare(ours: Any, theirs: Any, x: Any) -> None:
    got, want = ours.predict(x, verbose=0), theirs.predict(x, verbose=0)
    for a, b in zip(parts(got), parts(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(b).max(initial=0))))
