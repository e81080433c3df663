"""Every layer of the table beside Keras's of the same name: arguments, configuration, weights, results."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest
from compare import torch
from keras_live import keras

from lamina import layers
from lamina.core.tree import map_structure
from lamina.testing.layer_table import layer_checks

pytestmark = [  # of Keras itself
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword"),
    pytest.mark.filterwarnings("ignore:You are using a softmax over axis"),
    pytest.mark.filterwarnings("ignore:[\\s\\S]*Tensor.T is deprecated"),
]
ROWS = [row for row in layer_checks() if hasattr(keras.layers, row.name)]
NAMES = sorted({row.name for row in ROWS})
REFUSED = {  # layers whose configuration Keras does not take
    "Pipeline": "Keras's constructor takes no trainable and no dtype, which its get_config leaves out",
    "RandomGrayscale": "Keras's configuration forgets the seed",
    "RandomShear": "Keras's own configuration is none that it accepts",
    "IntegerLookup": "Keras needs TensorFlow for it",
    "SpatialDropout1D": "Keras's constructor takes no trainable, which its get_config leaves out",
    "SpatialDropout2D": "Keras's constructor takes no trainable, which its get_config leaves out",
    "SpatialDropout3D": "Keras's constructor takes no trainable, which its get_config leaves out",
}  # fmt: skip


def further(row: Any) -> bool:
    """Whether a row uses what Keras lacks: an option that only keywords give, or a name of another padding."""
    keywords = [p.name for p in inspect.signature(row.kind.__init__).parameters.values() if p.kind is p.KEYWORD_ONLY]
    causal = (row.name, row.options.get("padding")) == ("DepthwiseConv1D", "causal")
    return causal or row.options.get("padding") == "same_lower" or any(name in keywords for name in row.options)


COMPARED = [row for row in ROWS if row.name not in REFUSED and not further(row)]
ids = [f"{row.name}-{i}" for i, row in enumerate(COMPARED)]


def of_keras(layer: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that lengths of frames had better be powers of two
        return getattr(keras.layers, type(layer).__name__).from_config(layer.get_config())


@pytest.mark.parametrize("name", NAMES)
def test_arguments_and_their_order(name):
    mine, other = (list(inspect.signature(getattr(m, name).__init__).parameters) for m in (layers, keras.layers))
    other = [p for p in other if p not in ("kwargs", "args")]
    assert mine[: len(other)] == other


def plain(value: Any) -> Any:
    """What a description of either library says: class and options of an object, without where it lives."""
    if isinstance(value, dict) and "class_name" in value:
        if value["class_name"] == "DTypePolicy":
            return value["config"]["name"]
        return value["class_name"], {k: plain(v) for k, v in value["config"].items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("row", COMPARED, ids=ids)
def test_configurations_are_accepted_by_both(row):
    ours = row.make()
    theirs = of_keras(ours)
    again = type(ours).from_config(theirs.get_config())
    assert plain(again.get_config()) == plain(ours.get_config())
    wanted, found = plain(theirs.get_config()), plain(ours.get_config())
    unsaid = ("rms_scaling", "unroll", "zero_output_for_mask")  # False, or without effect
    differs = {k: (found.get(k), v) for k, v in wanted.items() if v is not None and found.get(k) != v}
    assert not {k: both for k, both in differs.items() if k not in unsaid}


def comparable(row: Any) -> bool:
    """Whether both give the same numbers: none are random, integers are indices, and Keras has them on PyTorch."""
    random = any(word in row.options for word in ("seed", "alpha", "factor")) and "preprocessing" in row.kind.__module__
    lanczos = str(row.options.get("interpolation")).startswith("lanczos")
    whole = row.name != "ContrastLimitedAdaptiveHistogramEqualization"  # equal over whole tiles: test_parity_resize
    return not random and not lanczos and whole and not (row.integers and "Embedding" not in row.name)


FIXED = [i for i, row in enumerate(COMPARED) if comparable(row)]


@pytest.mark.parametrize("i", FIXED, ids=[ids[i] for i in FIXED])
def test_weights_and_results(i):
    row = COMPARED[i]
    ours, args = row.make(), row.arrays()
    theirs = of_keras(ours)
    ours(*args)
    theirs(*map_structure(torch.tensor, args))
    names = [w.path.rpartition("/")[2] for w in ours.weights]
    shared = [w for w in theirs.weights if w.path.rpartition("/")[2] != "seed_generator_state"]
    assert names == [w.path.rpartition("/")[2] for w in shared]
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in shared]
    for w, v in zip(ours.weights, shared, strict=True):
        if w.numpy().std() == 0:  # zeros and ones
            np.testing.assert_array_equal(w.numpy(), flat(v.value)[0])
        v.assign(w.numpy())
    want = theirs(*map_structure(torch.tensor, args))
    for a, b in zip(flat(ours(*args)), flat(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5 * np.abs(b).max(initial=1))


def flat(nest: Any) -> list[Any]:
    if isinstance(nest, (list, tuple)):
        return [leaf for part in nest for leaf in flat(part)]
    return [nest.detach().numpy() if hasattr(nest, "detach") and isinstance(nest, torch.Tensor) else np.asarray(nest)]
