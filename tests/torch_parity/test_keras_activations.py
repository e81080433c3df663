"""``lamina.activations`` beside ``keras.activations``: values and slopes at random points."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from compare import close, many, torch
from hypothesis import given
from hypothesis import strategies as st
from keras_live import keras

from lamina import Tensor, activations

NAMES = [n for n in activations.__all__ if n not in ("get", "serialize", "deserialize")]
OPTIONS = {
    "relu": {"negative_slope": st.floats(0, 1), "max_value": st.none() | st.floats(1, 3), "threshold": st.floats(0, 1)},
    "leaky_relu": {"negative_slope": st.floats(0, 1)},
    "elu": {"alpha": st.floats(0.1, 3)},
    "celu": {"alpha": st.floats(0.1, 3)},
    "gelu": {"approximate": st.booleans()},
    "hard_shrink": {"threshold": st.floats(0, 2)},
    "soft_shrink": {"threshold": st.floats(0, 2)},
    "threshold": {"threshold": st.floats(-2, 2), "default_value": st.floats(-3, 3)},
    "squareplus": {"b": st.floats(0.1, 8)},
    **{n: {"axis": st.sampled_from([0, 1, -1])} for n in ("softmax", "log_softmax", "sparsemax", "glu")},
}


def test_every_name_of_keras_is_there():
    assert {n for n in dir(keras.activations) if n[0] != "_"} <= set(activations.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_arguments(name):
    ours, theirs = (list(inspect.signature(getattr(a, name)).parameters) for a in (activations, keras.activations))
    assert ours == theirs


@many
@given(st.data(), st.integers(0, 2**31))
@pytest.mark.parametrize("name", [n for n in NAMES if n != "sparsemax"])  # wrong in Keras: sums over no simplex
def test_values_and_slopes(name, data, seed):
    options = {k: data.draw(s, k) for k, s in OPTIONS.get(name, {}).items()}
    x = np.random.default_rng(seed).standard_normal((4, 6)) * 3
    ours, theirs = Tensor(x.copy(), requires_grad=True), torch.tensor(x, requires_grad=True)
    y = getattr(activations, name)(ours, **options)
    t = getattr(keras.activations, name)(theirs, **options)
    # PyTorch's slopes of these, and Keras's root of b, hold float32 constants.
    rough = ("hard_sigmoid", "hard_silu", "hard_swish", "celu", "selu", "squareplus")
    tolerance = 1e-6 if name in rough else 1e-9
    close(y.numpy(), t.detach().numpy(), tolerance, name)
    dy = np.random.default_rng(seed + 1).standard_normal(y.shape)
    y.backward(dy)
    if t.requires_grad:
        (t * torch.tensor(dy)).sum().backward()
        close(ours.grad.numpy(), theirs.grad.numpy(), tolerance, f"{name}: slope")
