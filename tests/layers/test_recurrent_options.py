"""Options of recurrent layers: constraints, projection, layer normalization."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import layers, ops, testing


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


def by_hand(kind, weights, x, state):
    """Outputs of all steps in NumPy, after equations 20 to 22 of Ba et al. 2016 and those of its GRU."""
    kernel, recurrent, bias, gx, gh, *rest = weights
    n, units = len(x), len(recurrent)
    h, c = state, np.zeros((n, units))
    outputs = []

    def norm(z, gamma):
        mean, var = z.mean(-1, keepdims=True), z.var(-1, keepdims=True)
        return (z - mean) / np.sqrt(var + 1e-3) * gamma

    def gates(z, gamma):
        return np.hstack([norm(z[:, : 2 * units], gamma[: 2 * units]), norm(z[:, 2 * units :], gamma[2 * units :])])

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    for t in range(x.shape[1]):
        a, b = x[:, t] @ kernel, h @ recurrent
        if kind == "SimpleRNN":
            h = np.tanh(norm(a, gx) + norm(b, gh) + bias)
        elif kind == "LSTM":
            i, f, g, o = np.split(norm(a, gx) + norm(b, gh) + bias, 4, 1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(norm(c, rest[0]) + rest[1])
        else:
            pairs = ((a, gx, bias[0]), (b, gh, bias[1]))
            (xz, xr, xh), (hz, hr, hh) = (np.split(gates(z, g) + d, 3, 1) for z, g, d in pairs)
            z = sigmoid(xz + hz)
            h = z * h + (1 - z) * np.tanh(xh + sigmoid(xr + hr) * hh)
        outputs.append(h)
    return np.stack(outputs, 1)


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_layer_normalization_inside(kind):
    rng = np.random.default_rng(0)
    x, h = rng.standard_normal((3, 4, 5)), rng.standard_normal((3, 6))
    layer = getattr(layers, kind)(6, use_layer_norm=True, return_sequences=True, dtype="float64")
    layer.build(x.shape)
    layer.set_weights([rng.standard_normal(w.shape) for w in layer.weights])
    states = [h, np.zeros((3, 6))] if kind == "LSTM" else [h]
    want = by_hand(kind, layer.get_weights(), x, h)
    np.testing.assert_allclose(layer(x, initial_state=states).numpy(), want, atol=1e-10)
    own = type(layer).from_config({**layer.get_config(), "activation": ops.tanh})  # step by step
    own.build(x.shape)
    own.set_weights(layer.get_weights())
    np.testing.assert_allclose(own(x, initial_state=states).numpy(), want, atol=1e-10)
    assert own.use_layer_norm
    assert own.layer_norm_epsilon == 1e-3


@pytest.mark.parametrize(
    ("kind", "options"),
    [("SimpleRNN", {}), ("GRU", {}), ("GRU", {"reset_after": False}), ("LSTM", {}), ("LSTM", {"proj_size": 2})],
)
def test_gradients_of_layer_normalization(kind, options):
    """Central differences among what every layer promises."""
    testing.check_layer(getattr(layers, kind), {"units": 3, "use_layer_norm": True, **options}, (2, 3, 4), time=1)


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_what_does_not_count_is_not_normalized(kind):
    x = np.random.default_rng(0).standard_normal((2, 4, 3))
    layer = getattr(layers, kind)(3, use_layer_norm=True, return_sequences=True, dtype="float64")
    short = layer(x[:, :2]).numpy()
    x[1, 2:] = np.nan
    for w in layer.weights:
        w.zero_grad()
    for counts in ({"lengths": np.array([4, 2])}, {"mask": np.arange(4) < np.array([[4], [2]])}):
        y = layer(x, **counts)
        np.testing.assert_allclose(y.numpy()[1, :2], short[1], atol=1e-12)
        y.sum().backward()
        assert all(np.isfinite(w.grad.numpy()).all() for w in layer.weights)


def test_epsilon_of_layer_normalization_is_checked():
    with pytest.raises(ValueError, match=r"LSTM.*layer_norm_epsilon must be positive and finite, got 0"):
        layers.LSTM(3, use_layer_norm=True, layer_norm_epsilon=0)
