"""LSTMs of images: dropout, states between batches, both directions, captured training, errors."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers, losses, ops, optimizers, random
from lamina.reference import recurrent as reference

X = np.random.default_rng(0).standard_normal((2, 3, 4, 5, 2))
NOISE = 7


def layer(**options):
    made = layers.ConvLSTM2D(3, (2, 3), padding="same", dtype="float64", **options)
    made(X if made.data_format == "channels_last" else np.moveaxis(X, -1, 2))
    return made


def by_steps(made, x, noise=None):
    """Outputs of all steps from the twin of the convolution, with a mask for the state that each gate sees."""
    kernel, recurrent, bias = (w.numpy() for w in made.weights)
    h = c = np.zeros((len(x), *made.cell._state))
    outputs = []
    for t in range(x.shape[1]):
        z = ops.conv(x[:, t], kernel, padding="same", bias=bias, groups=x.shape[-1] // 2).numpy()
        seen = h if noise is None else np.concatenate([h] * 4, -1) * noise
        z += ops.conv(seen, recurrent, padding="same", groups=seen.shape[-1] // 3).numpy()
        rows = reference.lstm_gates(z.reshape(-1, 12), c.reshape(-1, 3), "tanh", "sigmoid")
        h, c = rows[0].reshape(h.shape), rows[1].reshape(h.shape)
        outputs.append(h)
    return np.stack(outputs, 1)


def test_each_gate_has_dropout_of_its_own_the_same_at_all_steps():
    made = layer(dropout=0.4, return_sequences=True, seed=NOISE)
    noise = ops.dropout(np.ones((2, 1, 4, 5, 8)), 0.4, random.Generator(NOISE)).numpy()
    assert (noise[..., :2] != noise[..., 2:4]).any()
    np.testing.assert_allclose(made(X, training=True).numpy(), by_steps(made, np.concatenate([X] * 4, -1) * noise))
    np.testing.assert_allclose(made(X).numpy(), by_steps(made, X))


def test_each_gate_has_recurrent_dropout_of_its_own():
    made = layer(recurrent_dropout=0.4, return_sequences=True, seed=NOISE)
    noise = ops.dropout(np.ones((2, 4, 5, 12)), 0.4, random.Generator(NOISE)).numpy()
    np.testing.assert_allclose(made(X, training=True).numpy(), by_steps(made, X, noise))


def test_other_activations_go_step_by_step_to_the_same():
    native = layer(return_sequences=True, return_state=True)
    mine = layer(return_sequences=True, return_state=True, activation=ops.tanh)
    mine.set_weights(native.get_weights())
    for lengths in (None, np.array([2, 0])):
        for a, b in zip(native(X, lengths=lengths), mine(X, lengths=lengths), strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-12)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_stateful(data_format):
    x = X if data_format == "channels_last" else np.moveaxis(X, -1, 2)
    made, whole = (layer(data_format=data_format, stateful=s, return_sequences=True) for s in (True, False))
    whole.set_weights(made.get_weights())
    made.reset_state()
    parts = [made(x[:, :2]).numpy(), made(x[:, 2:]).numpy()]
    np.testing.assert_allclose(np.concatenate(parts, 1), whole(x).numpy())
    with pytest.raises(ValueError, match=r"the states of 2 sequences are kept, but x has 1.*reset_state"):
        made(x[:1])
    made.reset_state()
    assert made(x[:1]).shape[0] == 1
    assert [s.shape for s in made.get_initial_state(2)] == [whole(x).shape[:1] + whole(x).shape[2:]] * 2


def test_both_directions():
    made = layers.Bidirectional(layers.ConvLSTM2D(3, 2, padding="same", return_sequences=True, dtype="float64"))
    y = made(X).numpy()
    assert y.shape == made.compute_output_shape(X.shape) == (2, 3, 4, 5, 6)
    for half, turn in ((made.forward_layer, 1), (made.backward_layer, -1)):
        one = layers.ConvLSTM2D(3, 2, padding="same", return_sequences=True, dtype="float64")
        one(X)
        one.set_weights(half.get_weights())
        np.testing.assert_allclose(y[..., :3] if turn == 1 else y[..., 3:], one(X[:, ::turn]).numpy()[:, ::turn])


def test_fit_and_saved(tmp_path):
    model = lamina.Sequential([
        layers.ConvLSTM1D(4, 3, padding="same"), layers.GlobalAveragePooling1D(), layers.Dense(1),
    ])  # fmt: skip
    x = np.random.default_rng(1).standard_normal((16, 4, 6, 2)).astype("f4")
    y = x.mean((1, 2, 3))[:, None]
    model.compile(optimizers.Adam(0.02), losses.MeanSquaredError())
    history = model.fit(x, y, epochs=15, batch_size=8, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]
    model.save(tmp_path / "model.lamina")
    again = lamina.models.load_model(tmp_path / "model.lamina")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_errors():
    made = layer()
    for bad, message in (
        (X[0], r"x is \(3, 4, 5, 2\), expected sequences of images, \(N, T, H, W, C\)"),
        (X[..., :1], "the kernel wants 2 channels last"),
        (X[:, :, :3], r"x is \(2, 3, 3, 5, 2\), but the layer was built for images of \(4, 5\)"),
    ):
        with pytest.raises(ValueError, match=message):
            made(bad)
    with pytest.raises(ValueError, match=r"initial_state: state h is \(2, 3\), expected \(2, 4, 5, 3\)"):
        made(X, initial_state=[np.zeros((2, 3))] * 2)
    with pytest.raises(ValueError, match=r"ConvLSTM2D.*filters must be a positive integer, got 0"):
        layers.ConvLSTM2D(0, 3)
    with pytest.raises(ValueError, match=r"ConvLSTM2D.*kernel covers 9 but the input has only 4"):
        layers.ConvLSTM2D(2, 9)(X)
    with pytest.raises(ValueError, match="the states have the sizes of the images; build or call the layer first"):
        layers.ConvLSTM2D(2, 3).get_initial_state(2)
    with pytest.raises(ValueError, match=r"an image axis of the input.*must have a known size"):
        layers.ConvLSTM2D(2, 3)(lamina.Input((3, None, 5, 2)))
    with pytest.raises(ValueError, match="conv_lstm: kernel must be"):
        ops.conv_lstm(X, np.zeros((2, 2, 2, 3)), np.zeros((2, 2, 1, 4)))


def test_a_symbolic_step_gives_an_output_and_two_states():
    cell = layers.ConvLSTM2DCell(3, 2) if hasattr(layers, "ConvLSTM2DCell") else layers.ConvLSTM2D(3, 2).cell
    x = layers.Input((5, 6, 2))
    shape = cell.compute_output_shape(x.shape)[0]
    y, states = cell.compute_output_spec(x, [layers.Input(shape[1:]), layers.Input(shape[1:])])
    assert [t.shape for t in (y, *states)] == [shape] * 3


def test_first_states_stored_channels_first():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 5, 4, 2))
    states = [rng.standard_normal((2, 5, 4, 3)) for _ in range(2)]
    options = {"filters": 3, "kernel_size": 2, "padding": "same", "return_sequences": True, "dtype": "float64"}
    last, first = (layers.ConvLSTM2D(data_format=f, **options) for f in ("channels_last", "channels_first"))
    want = last(x, initial_state=states).numpy()
    first.build((2, 3, 2, 5, 4))
    first.set_weights(last.get_weights())
    got = first(np.moveaxis(x, -1, 2), initial_state=[np.moveaxis(s, -1, 1) for s in states]).numpy()
    np.testing.assert_allclose(np.moveaxis(got, 2, -1), want, rtol=1e-12)


def test_a_cell_with_its_channels_first():
    last = layers.ConvLSTM2D(3, (2, 3), padding="same", dtype="float64").cell
    first = layers.ConvLSTM2D(3, (2, 3), padding="same", dtype="float64", data_format="channels_first").cell
    x, h, c = (np.random.default_rng(i).standard_normal((2, 4, 5, n)) for i, n in enumerate((2, 3, 3)))
    y, (h1, c1) = last(x, [h, c])
    moved = [np.moveaxis(a, -1, 1) for a in (x, h, c)]
    first(moved[0], moved[1:])
    first.set_weights(last.get_weights())
    z, (h2, c2) = first(moved[0], moved[1:])
    for a, b in ((z, y), (h2, h1), (c2, c1)):
        np.testing.assert_allclose(a, np.moveaxis(b.numpy(), -1, 1), atol=1e-12)
    for cell in (first, last):
        with pytest.raises(ValueError, match="expected the images of one step, 2 axes between batch and channels"):
            cell(np.zeros((2, 4, 3)), [h, c])
