"""mixed_bfloat16, Keras's policy and ours: what it says of layers and variables, results, and losses of some steps."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import lamina

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

MIXED = "mixed_bfloat16"
NETWORKS = {
    "dense": (lambda L: [L.Dense(64, "relu"), L.LayerNormalization(), L.Dense(48, "tanh"), L.Dense(5)], (40,)),
    "convolutions": (
        lambda L: [L.Conv2D(32, 3, activation="relu"), L.BatchNormalization(), L.Conv2D(32, 3, strides=2),
                   L.GlobalAveragePooling2D(), L.Dense(5)],
        (12, 12, 16),
    ),
    "lstm": (lambda L: [L.LSTM(32, return_sequences=True), L.LSTM(32), L.Dense(5)], (6, 20)),
    "gru": (lambda L: [L.GRU(32), L.Dense(5)], (6, 20)),
}  # fmt: skip


def under_policy(library, make, shape):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library.config.set_dtype_policy(MIXED)
        try:
            return library.Sequential([library.Input(shape), *make(library.layers)])
        finally:
            library.config.set_dtype_policy("float32")


def plain(y):
    return y.numpy() if isinstance(y, lamina.Tensor) else y.detach().float().numpy()


@pytest.fixture(params=NETWORKS)
def pair(request):
    """A network in both, of the same weights, and its input."""
    make, shape = NETWORKS[request.param]
    ours, theirs = under_policy(lamina, make, shape), under_policy(keras, make, shape)
    theirs.set_weights([w * 2 for w in theirs.get_weights()])
    ours.set_weights(theirs.get_weights())
    return ours, theirs, np.random.default_rng(0).standard_normal((64, *shape)).astype(np.float32)


def test_layers_and_variables_have_keras_s_types(pair):
    ours, theirs, _ = pair
    for layer, other in zip(ours.layers, theirs.layers, strict=True):
        assert layer.dtype_policy.name == other.dtype_policy.name == MIXED
        assert layer.dtype_policy.compute_dtype == other.dtype_policy.compute_dtype == "bfloat16"
        assert layer.dtype_policy.variable_dtype == other.dtype_policy.variable_dtype == "float32"
        assert layer.variable_dtype == other.variable_dtype == "float32"
        assert [str(w.dtype) for w in layer.weights] == [w.dtype for w in other.weights]
        assert layer.get_config()["dtype"] == other.get_config()["dtype"]["config"]["name"]


def test_results_are_within_bfloat16_of_each_other(pair):
    ours, theirs, x = pair
    y, other = ours(x, training=False), theirs(x, training=False)
    assert (y.dtype, str(other.dtype).removeprefix("torch.")) == ("float32", "bfloat16")  # docs/limits.md
    wanted = plain(other)
    # Keras rounds between layers too, to one part in 256 each time.
    assert np.abs(plain(y) - wanted).max() <= 0.03 * np.abs(wanted).max()


def test_training_takes_the_same_way(pair):
    ours, theirs, x = pair
    labels = np.random.default_rng(1).integers(0, 5, 64)
    found = []
    for library, model in ((lamina, ours), (keras, theirs)):
        loss = library.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=library.optimizers.SGD(0.05), loss=loss)
        found.append([float(model.train_on_batch(x, labels)) for _ in range(6)])
    np.testing.assert_allclose(*found, rtol=0.03)
    assert found[0][-1] < found[0][0]
    for got, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert got.dtype == wanted.dtype == np.float32
        assert np.abs(got - wanted).max() <= 0.03 * max(1.0, np.abs(wanted).max())
