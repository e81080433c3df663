"""Options of recurrent layers: constraints, projection."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import layers, ops


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM", "ConvLSTM1D"])
def test_constraints_reach_the_weights_and_the_configuration(kind):
    options = {"kernel_size": 2} if kind == "ConvLSTM1D" else {}
    names = ("kernel", "recurrent", "bias")
    layer = getattr(layers, kind)(3, **options, **{f"{name}_constraint": "non_neg" for name in names})
    for each in (layer, type(layer).from_config(layer.get_config())):
        each.build((2, 3, *((4,) if options else ()), 5))
        kinds = [type(w.constraint).__name__ for w in each.weights]
        assert kinds == ["NonNeg"] * 3


@pytest.mark.parametrize("activation", ["tanh", ops.tanh])
def test_projection(activation):
    """Native, and step by step with an activation that the kernels do not know by name."""
    x = np.random.default_rng(0).standard_normal((2, 4, 3))
    layer = layers.LSTM(5, activation, proj_size=2, return_sequences=True, return_state=True, dtype="float64")
    y, h, c = layer(x)
    assert (y.shape, h.shape, c.shape) == ((2, 4, 2), (2, 2), (2, 5)) == layer.compute_output_shape(x.shape)
    assert [w.path.rpartition("/")[2] for w in layer.weights] == [
        "kernel", "recurrent_kernel", "bias", "projection_kernel",
    ]  # fmt: skip
    assert layer.cell.state_size == [2, 5]
    states = layer.get_initial_state(2)
    for t in range(4):
        out, states = layer.cell(x[:, t], states)
        np.testing.assert_allclose(out.numpy(), y.numpy()[:, t], atol=1e-12)
    again = layers.LSTM.from_config(layer.get_config())
    assert again.proj_size == 2
    with pytest.raises(ValueError, match=r"state h is \(2, 5\), expected \(2, 2\)"):
        layer(x, initial_state=[np.zeros((2, 5)), np.zeros((2, 5))])
    with pytest.raises(ValueError, match="proj_size must be a non-negative integer, got -1"):
        layers.LSTM(5, proj_size=-1)
