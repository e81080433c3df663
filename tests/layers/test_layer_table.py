"""Every exported layer keeps what all layers promise: see lamina.testing.check_layer."""

from __future__ import annotations

import inspect
import json
from functools import partial
from operator import methodcaller

import numpy as np
import pytest

from lamina import Input, layers
from lamina.core.tree import leaves, map_structure
from lamina.testing import check_layer
from lamina.testing.layer_checks import LayerCheck
from lamina.testing.layer_table import WITHOUT_EXAMPLE, exported_layers, layer_checks

CHECKS = [name for name in dir(LayerCheck) if name.startswith("check_")]


@pytest.mark.parametrize("row", layer_checks(), ids=lambda row: row.name)
@pytest.mark.parametrize("check", CHECKS)
def test_layer(row, check):
    getattr(row, check)()


def test_every_exported_layer_stands_in_the_table():
    assert {row.kind.__name__ for row in layer_checks()} | set(WITHOUT_EXAMPLE) == set(exported_layers())


class Forgetful(layers.Layer):
    """Its gradient is wrong: half of the product is cut off from the tape."""

    def call(self, inputs):
        return inputs * inputs.detach()


def test_check_layer_finds_a_wrong_gradient():
    with pytest.raises(AssertionError, match="gradient"):
        check_layer(Forgetful)


# Layers that move, cut, choose or combine elements, or resize, and so keep integers; all others compute with real
# numbers.
OF_ANY_TYPE = {
    "Add", "Concatenate", "Cropping1D", "Cropping2D", "Cropping3D", "Dot", "Flatten", "Identity", "Maximum", "Minimum",
    "Multiply", "Permute", "RepeatVector", "Reshape", "Resizing", "Subtract", "ZeroPadding1D", "ZeroPadding2D",
    "ZeroPadding3D",
    *(f"{kind}{n}D" for kind in ("AdaptiveMaxPooling", "GlobalMaxPooling", "MaxPooling") for n in (1, 2, 3)),
    "UpSampling1D", "UpSampling2D", "UpSampling3D",
}  # fmt: skip


@pytest.mark.parametrize("row", [row for row in layer_checks() if not row.integers], ids=lambda row: row.name)
def test_the_type_of_results_of_integers(row):
    """Called and drawn alike: the input's where elements only move, else the layer's."""
    args = map_structure(lambda a: np.round(3 * a).astype(np.int64) if a.dtype.kind == "f" else a, row.arrays())
    keeps = row.name in OF_ANY_TYPE and not row.options.get("normalize")
    for dtype in ("float32", "float64"):
        layer, again = row.make(dtype), row.make(dtype)
        drawn = again(*map_structure(lambda a: Input(a.shape[1:], dtype="int64"), args))
        y = list(leaves(layer(*args)))
        assert {t.dtype.name for t in y} == {t.dtype for t in leaves(drawn)} == {"int64" if keeps else dtype}
        again.load_state_dict(layer.state_dict())
        as_floats = partial(map_structure, methodcaller("astype", dtype))
        floats = [a if limit else as_floats(a) for a, limit in zip(args, row.limits, strict=True)]
        for a, b in zip(y, leaves(again(*floats)), strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=0, atol=0.5 + 1e-5 if keeps else 0)  # rounded


@pytest.mark.parametrize("row", [row for row in layer_checks() if not row.integers], ids=lambda row: row.name)
@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32")])
def test_the_type_of_results_of_another_float(row, dtypes):
    """Called and drawn alike."""
    own, given = dtypes
    args = map_structure(lambda a: a.astype(given) if a.dtype.kind == "f" else a, row.arrays())
    drawn = row.make(own)(*map_structure(lambda a: Input(a.shape[1:], dtype=str(a.dtype)), args))
    assert {t.dtype.name for t in leaves(row.make(own)(*args))} == {t.dtype for t in leaves(drawn)} == {own}


@pytest.mark.parametrize("row", layer_checks(), ids=lambda row: row.name)
def test_a_layer_is_built_when_it_has_its_weights(row):
    """At once where there is nothing to wait for."""
    layer = row.make()
    at_once = layer.built
    layer(*row.arrays())
    assert layer.built
    assert at_once == (not layer.weights or row.name in ("Embedding", "ReversibleEmbedding"))


def as_numpy(value):
    """With NumPy's integers for Python's, also in lists."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(as_numpy, value))
    return np.int64(value) if type(value) is int else value


@pytest.mark.parametrize("row", layer_checks(), ids=lambda row: row.name)
def test_integers_of_numpy_are_integers(row):
    """An argument may be NumPy's integer wherever it may be Python's; configurations are plain data."""
    defaults = {n: p.default for n, p in inspect.signature(row.kind).parameters.items() if type(p.default) is int}
    for name, value in {**defaults, **row.options}.items():
        plain = {**row.options, "name": "it", name: value}
        configs = [row.kind(**options).get_config() for options in (plain, {**plain, name: as_numpy(value)})]
        assert json.dumps(configs[0]) == json.dumps(configs[1]), name


# The least and the largest number of axes of the input, for layers whose names do not say it.
AXES = {
    "Dense": (2, 9), "Linear": (2, 9), "PositionEmbedding": (2, 9), "SinePositionEncoding": (2, 9),
    "UnitNormalization": (3, 9), "Softmax": (3, 9), "Reshape": (2, 9), "Permute": (3, 3), "RepeatVector": (2, 2),
    "Masking": (2, 9), "TimeDistributed": (3, 9), "SimpleRNN": (3, 3), "GRU": (3, 3), "LSTM": (3, 3), "RNN": (3, 3),
    "Bidirectional": (3, 3), "Flatten": (1, 9), "Activation": (0, 9), "Dropout": (0, 9), "GaussianNoise": (0, 9),
    "GaussianDropout": (0, 9), "ReLU": (0, 9), "LeakyReLU": (0, 9), "ELU": (0, 9), "ActivityRegularization": (0, 9),
}  # fmt: skip
OF_AXES = [
    row for row in layer_checks() if (row.name[-2:] in ("1D", "2D", "3D") and len(row.shapes) == 1) or row.name in AXES
]


@pytest.mark.parametrize("row", OF_AXES, ids=lambda row: row.name)
def test_the_number_of_axes(row):
    """Called (for the first time or again), asked for shapes and drawn, a layer takes the same inputs."""
    (shape,) = row.shapes
    least, most = AXES.get(row.name) or (len(shape), len(shape))
    for n in range(6):
        x = np.ones(shape if n == len(shape) else (2, *(4,) * (n - 2), *shape[-1:])[:n], np.float32)
        built = row.make()
        built(np.ones(shape, np.float32))
        ways = [row.make(), built, lambda x: row.make().compute_output_shape(x.shape)]
        ways += [lambda x: row.make()(Input(x.shape[1:]))] * (n > 0)
        for way in ways:
            if least <= n <= most:
                way(x)
                continue
            with pytest.raises(ValueError, match=r"x is \(|x has no axes|an input of shape|out of range for x"):
                way(x)
