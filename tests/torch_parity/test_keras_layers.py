"""Layers beside Keras's of the same name and arguments (torch backend): results, gradients and what training moves."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from compare import close, many, torch
from hypothesis import assume, given
from hypothesis import strategies as st
from keras_live import keras

from lamina import Tensor, layers

SEED = st.integers(0, 2**31)


def twins(name, options, shape, seed, inner=None):
    """The layer of both libraries with the same random weights, float64, built for ``shape``."""
    rng = np.random.default_rng(seed)
    first = () if inner is None else (inner(layers),)
    theirs_first = () if inner is None else (inner(keras.layers),)
    ours = getattr(layers, name)(*first, **options, dtype="float64")
    theirs = getattr(keras.layers, name)(*theirs_first, **options, dtype="float64")
    ours.build(shape)
    theirs.build(shape)
    by_name = {w.path.rpartition("/")[2]: w for w in theirs.weights}
    assert sorted(by_name) == sorted(w.path.rpartition("/")[2] for w in ours.weights)
    for w in ours.weights:
        value = rng.standard_normal(w.shape) * 0.5
        value = np.abs(value) + 0.5 if "variance" in w.path or "stddev" in w.path else value
        w.assign(value)
        by_name[w.path.rpartition("/")[2]].assign(value)
    return ours, theirs, by_name


def agree(ours, theirs, by_name, x, training=False, tolerance=2e-6, **call):
    """Results, gradients of the input and the weights, and the weights afterwards.

    Numbers of float64 pass through float32 in Keras's torch backend.
    """
    a, t = Tensor(x.copy(), requires_grad=True), torch.tensor(x, requires_grad=True)
    y, want = ours(a, training=training, **call), theirs(t, training=training, **call)
    close(y.numpy(), want.detach().numpy(), tolerance, "result")
    dy = np.random.default_rng(3).standard_normal(y.shape)
    for w in ours.trainable_weights:
        w.zero_grad()
    y.backward(dy)
    theirs.zero_grad()
    (want * torch.tensor(dy)).sum().backward()
    close(a.grad.numpy(), t.grad.numpy(), 10 * tolerance, "gradient of the input")
    for w in ours.weights:
        twin = by_name[w.path.rpartition("/")[2]]
        close(w.numpy(), twin.value.detach().numpy(), tolerance, w.path)
        if w.grad is not None and twin.value.grad is not None:
            close(w.grad.numpy(), twin.value.grad.numpy(), 10 * tolerance, f"gradient of {w.path}")


@many
@given(st.data(), SEED, st.lists(st.integers(1, 5), min_size=0, max_size=3), st.integers(1, 4), st.integers(1, 4))
def test_group_normalization(data, seed, inner, groups, per_group):
    channels = groups * per_group
    axis = data.draw(st.integers(1, len(inner) + 1))
    shape = [data.draw(st.integers(1, 3)), *inner]
    shape.insert(axis, channels)
    options = {
        "groups": data.draw(st.sampled_from([groups, -1])),
        "axis": axis - len(shape) if axis == len(shape) - 1 else axis,  # Keras counts wrong from other negative ones
        "epsilon": data.draw(st.sampled_from([1e-3, 1e-2])),
        "center": data.draw(st.booleans()),
        "scale": data.draw(st.booleans()),
    }
    each = int(np.prod(inner)) * (1 if options["groups"] == -1 else per_group)
    assume(each >= 6)  # of few values Keras loses the variance in float32
    x = np.random.default_rng(seed).standard_normal(shape) * 2 + 1
    agree(*twins("GroupNormalization", options, tuple(shape), seed), x, tolerance=2e-5)


@many
@given(st.data(), SEED, st.booleans(), st.booleans(), st.booleans())
def test_batch_renormalization(data, seed, training, center, scale):
    limits = st.fixed_dictionaries({}, optional={
        "rmin": st.floats(0.1, 1), "rmax": st.floats(1, 3), "dmax": st.floats(0, 2),
    })  # fmt: skip
    options = {
        "renorm": True, "renorm_clipping": data.draw(st.none() | limits), "center": center, "scale": scale,
        "renorm_momentum": data.draw(st.floats(0, 1)), "momentum": data.draw(st.floats(0, 1)),
        "axis": data.draw(st.sampled_from([-1, 1])),
    }  # fmt: skip
    x = np.random.default_rng(seed).standard_normal((5, 3, 3)) * 2 + 1
    both = twins("BatchNormalization", options, x.shape, seed)
    for _ in range(2):
        agree(*both, x, training)


@many
@given(SEED, st.booleans(), st.integers(1, 3))
@pytest.mark.parametrize("inner", ["Dense", "Conv2D"])
def test_spectral_normalization(inner, seed, training, iterations):
    shape = (3, 4) if inner == "Dense" else (2, 4, 5, 3)
    args = (5,) if inner == "Dense" else (4, 3)
    both = twins("SpectralNormalization", {"power_iterations": iterations}, shape, seed,
                 lambda module: getattr(module, inner)(*args, dtype="float64"))  # fmt: skip
    x = np.random.default_rng(seed).standard_normal(shape)
    agree(*both, x, training)
    agree(*both, x, training)


@many
@given(st.data(), SEED)
@pytest.mark.parametrize("name", ["ZeroPadding3D", "Cropping3D", "UpSampling3D", "Identity"])
def test_layers_of_one_input(name, data, seed):
    n = st.integers(0, 2)
    sides = st.one_of(st.integers(0, 2), st.tuples(n, n, n), st.tuples(*[st.tuples(n, n)] * 3))
    options = {}
    if name in ("ZeroPadding3D", "Cropping3D"):
        options["padding" if name == "ZeroPadding3D" else "cropping"] = data.draw(sides)
    elif name == "UpSampling3D":
        options["size"] = data.draw(st.tuples(*[st.integers(1, 3)] * 3))
    if name.endswith("3D"):
        options["data_format"] = data.draw(st.sampled_from(["channels_first", "channels_last"]))
    x = np.random.default_rng(seed).standard_normal((2, 5, 6, 5, 7))
    agree(*twins(name, options, x.shape, seed), x)


@pytest.mark.parametrize("name", [
    "AlphaDropout", "Cropping3D", "EinsumDense", "GroupNormalization", "Identity", "SpatialDropout3D",
    "SpectralNormalization", "UpSampling3D", "Wrapper", "ZeroPadding3D",
])  # fmt: skip
def test_arguments(name):
    def arguments(cls):
        return {
            p.name: p.default for p in inspect.signature(cls.__init__).parameters.values() if p.kind != p.VAR_KEYWORD
        }

    ours, theirs = arguments(getattr(layers, name)), arguments(getattr(keras.layers, name))
    assert list(ours.items())[: len(theirs)] == list(theirs.items())


def test_alpha_dropout_keeps_and_drops_to_keras_values():
    """Random numbers differ; the two values that ones become do not."""
    x = np.ones((40, 50))
    want = np.unique(keras.layers.AlphaDropout(0.3, dtype="float64")(x, training=True).numpy())
    got = np.unique(layers.AlphaDropout(0.3, dtype="float64")(x, training=True).numpy())
    np.testing.assert_allclose(got, want, rtol=1e-12)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "shape"),
    [
        ("ab,bc->ac", 4, "c", (2, 3)),
        ("abc,cde->abde", (None, 2, 4), "de", (2, 3, 5)),
        ("abc,cde->abde", (None, 2, 4), "d", (2, 3, 5)),
        ("...x,xy->...y", 4, "y", (2, 3, 5)),
        ("ab...,bc->ac...", 4, "c", (2, 3, 2, 2)),
    ],
)
def test_einsum_dense(equation, output_shape, bias_axes, shape, training):
    options = {"equation": equation, "output_shape": output_shape, "bias_axes": bias_axes, "activation": "tanh"}
    x = np.random.default_rng(0).standard_normal(shape)
    agree(*twins("EinsumDense", options, shape, 0), x, training)
