"""Recurrent layers beside Keras's of the same name and arguments (torch backend): outputs, states and gradients."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from compare import close, many, torch
from hypothesis import given
from hypothesis import strategies as st
from keras_live import keras

from lamina import Tensor, layers

SEED = st.integers(0, 2**31)
ACTIVATIONS = st.sampled_from(["tanh", "relu", "sigmoid", "hard_sigmoid", "linear", "softsign"])
OPTIONS = {
    "activation": ACTIVATIONS, "recurrent_activation": ACTIVATIONS, "use_bias": st.booleans(),
    "return_sequences": st.booleans(), "return_state": st.booleans(), "go_backwards": st.booleans(),
    "zero_output_for_mask": st.booleans(),
}  # fmt: skip


def agree(ours, theirs, x, states, mask, seed):
    """Outputs, states, and the gradients of the input, the first states and the weights."""
    rng = np.random.default_rng(seed)
    ours.build(x.shape)
    theirs.build(x.shape)
    assert [w.path.rpartition("/")[2] for w in ours.weights] == [w.name for w in theirs.weights]
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    values = [0.5 * rng.standard_normal(w.shape) for w in ours.weights]
    ours.set_weights(values)
    theirs.set_weights(values)
    leaves = [Tensor(a, requires_grad=True) for a in (x, *states)]
    twins = [torch.tensor(a, requires_grad=True) for a in (x, *states)]
    given = {"mask": mask} if mask is not None else {}
    got = ours(leaves[0], initial_state=leaves[1:] or None, **given)
    their_mask = {} if mask is None else {"mask": torch.tensor(mask)}
    want = theirs(twins[0], initial_state=list(twins[1:]) or None, **their_mask)
    got, want = (list(r) if isinstance(r, (tuple, list)) else [r] for r in (got, want))
    assert len(got) == len(want)
    total, theirs_total = 0.0, 0.0
    for i, (a, b) in enumerate(zip(got, want, strict=True)):
        close(a.numpy(), b.detach().numpy(), 2e-6, f"result {i}")
        dy = rng.standard_normal(a.shape)
        total = total + (a * dy).sum()
        theirs_total = theirs_total + (b * torch.tensor(dy)).sum()
    total.backward()
    theirs_total.backward()
    for what, a, b in zip(("x", "h", "c"), leaves, twins, strict=False):
        close(a.grad.numpy(), b.grad.numpy(), 2e-5, f"gradient of {what}")
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        close(a.grad.numpy(), b.value.grad.numpy(), 2e-5, f"gradient of {a.path}")


@many
@given(st.data(), SEED, st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.booleans(), st.booleans())
def test_conv_lstm(data, seed, rank, batch, steps, masked, state):
    rng = np.random.default_rng(seed)
    size = [data.draw(st.integers(3, 6)) for _ in range(rank)]
    channels = data.draw(st.integers(1, 3))
    each = st.integers(1, 2)
    stretch = data.draw(st.sampled_from(["strides", "dilation_rate", None]))
    options = data.draw(st.fixed_dictionaries(OPTIONS)) | {
        "filters": data.draw(st.integers(1, 9)), "kernel_size": data.draw(st.tuples(*[st.integers(1, 3)] * rank)),
        "padding": data.draw(st.sampled_from(["same", "valid"])), "unit_forget_bias": data.draw(st.booleans()),
        "data_format": data.draw(st.sampled_from(["channels_first", "channels_last"])), "dtype": "float64",
    }  # fmt: skip
    if stretch:
        options[stretch] = data.draw(st.tuples(*[each] * rank))
    if stretch == "dilation_rate":
        options["kernel_size"] = tuple(min(k, 2) for k in options["kernel_size"])
    x = rng.standard_normal((batch, steps, *size, channels))
    if options["data_format"] == "channels_first":
        x = np.moveaxis(x, -1, 2)
    name = f"ConvLSTM{rank}D"
    ours, theirs = getattr(layers, name)(**options), getattr(keras.layers, name)(**options)
    assert ours.compute_output_shape(x.shape) == theirs.compute_output_shape(x.shape)
    shape = ours.cell.output_shape((batch, *x.shape[2:]))
    states = [rng.standard_normal(shape) for _ in range(2 * state)]
    agree(ours, theirs, x, states, rng.random((batch, steps)) < 0.6 if masked else None, seed)


@pytest.mark.parametrize("name", ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"])
def test_arguments(name):
    def arguments(cls):
        parameters = inspect.signature(cls.__init__).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}

    assert arguments(getattr(layers, name)) == arguments(getattr(keras.layers, name))
    assert list(arguments(getattr(layers, name))) == list(arguments(getattr(keras.layers, name)))
