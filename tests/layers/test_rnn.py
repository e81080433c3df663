"""RNN over any cell, stacked cells, states between batches; Masking and TimeDistributed."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Model, Sequential, layers, ops

rng = np.random.default_rng(1)
X = rng.standard_normal((8, 6, 4)).astype(np.float32)
Y = rng.standard_normal((8, 2)).astype(np.float32)
MASK = rng.random((8, 6)) < 0.6
LENGTHS = np.arange(8) % 7


@lamina.saving.register_serializable()
class Plain(layers.Layer):
    """A SimpleRNN's cell as a user writes it, with layers inside and no build()."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units
        self.new = layers.Dense(units)
        self.old = layers.Dense(units, use_bias=False)

    def call(self, inputs, states):
        h = ops.tanh(self.new(inputs) + self.old(states[0]))
        return h, [h]


class Moving(layers.Layer):
    """A cell whose output is none of its states: the sum of all inputs so far, and how many they were."""

    state_size = (4, 1)
    output_size = 2

    def call(self, inputs, states):
        total, count = states[0] + inputs, states[1] + 1.0
        return ops.concatenate([ops.sum(total, -1, keepdims=True), count], -1), (total, count)


def close(a, b, atol=1e-6):
    for p, q in zip(ops_flat(a), ops_flat(b), strict=True):
        np.testing.assert_allclose(p, q, atol=atol)


def ops_flat(tree):
    return [v for t in tree for v in ops_flat(t)] if isinstance(tree, (list, tuple)) else [np.asarray(tree)]


every_way = pytest.mark.parametrize("counts", [{}, {"mask": MASK}, {"lengths": LENGTHS}], ids=lambda c: str(list(c)))


@every_way
@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, {"go_backwards": True, "return_sequences": True}])
def test_a_cell_of_ones_own(options, counts):
    own = layers.RNN(Plain(3), return_state=True, **options)
    native = layers.SimpleRNN(3, return_state=True, **options)
    native(X)
    own(X)
    own.cell.new.set_weights([native.cell.kernel, native.cell.bias])
    own.cell.old.set_weights([native.cell.recurrent_kernel])
    first = rng.standard_normal((8, 3))
    for initial in (None, first, [first]):
        close(own(X, initial_state=initial, **counts), native(X, initial_state=initial, **counts))
    assert own.compute_output_shape(X.shape) == native.compute_output_shape(X.shape)
    assert own.count_params() == native.count_params()


def test_the_output_need_not_be_a_state():
    y, total, count = layers.RNN(Moving(), return_state=True)(X, mask=MASK)
    np.testing.assert_allclose(total.numpy(), (X * MASK[..., None]).sum(1), atol=1e-5)
    np.testing.assert_array_equal(count.numpy()[:, 0], MASK.sum(1))
    np.testing.assert_array_equal(y.numpy()[:, 1], MASK.sum(1))
    y = layers.RNN(Moving(), return_sequences=True)(X, lengths=LENGTHS)
    np.testing.assert_array_equal(y.numpy()[:, :, 1], np.tril(np.ones((7, 6)), -1)[LENGTHS] * np.arange(1, 7))
    assert layers.RNN(Moving()).compute_output_shape((None, None, 4)) == (None, 2)


@every_way
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_a_cell_of_the_library_runs_natively(kind, backwards, counts):
    layer = getattr(layers, kind)(3, return_sequences=True, go_backwards=backwards)
    over = layers.RNN(getattr(layers, kind + "Cell")(3), return_sequences=True, go_backwards=backwards)
    layer(X)
    over(X)
    over.set_weights(layer.get_weights())
    np.testing.assert_array_equal(over(X, **counts).numpy(), layer(X, **counts).numpy())


@every_way
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
def test_stacked_cells(sequences, backwards, counts):
    """All cells at every step, by hand."""
    cells = [layers.LSTMCell(3), Plain(5), layers.GRUCell(2, activation="softsign")]
    layer = layers.RNN(cells, return_sequences=sequences, return_state=True, go_backwards=backwards, dtype="float32")
    y, *states = layer(X, **counts)
    kept = {"mask": MASK, "lengths": np.arange(6) < LENGTHS[:, None]}.get(next(iter(counts), ""), np.ones((8, 6), bool))
    now, last, outputs = layer.get_initial_state(8), np.zeros((8, 2), np.float32), []
    for t in reversed(range(6)) if backwards else range(6):
        out, after = layer.cell(X[:, t], now)
        step = kept[:, t, None]
        now = [[ops.where(step, a, b) for a, b in zip(*pair, strict=True)] for pair in zip(after, now, strict=True)]
        last = np.where(step, out.numpy(), last)
        outputs.append(np.where(step, last, 0) if "lengths" in counts else last)
    close(states, now)
    if not sequences:
        close(y, last)
    elif not (backwards and counts):
        close(y, np.stack(outputs, 1))
    shapes = layer.compute_output_shape(X.shape)
    assert shapes[1:] == ([(8, 3), (8, 3)], [(8, 5)], [(8, 2)])
    assert layer.state_size == [[3, 3], 5, 2]


def test_saving_a_layer_of_cells(tmp_path):
    x = Input((None, 4))
    y, state = layers.RNN([layers.LSTMCell(3), Plain(2)], return_sequences=True, return_state=True)(x)[:2]
    y = layers.Bidirectional(layers.RNN(Plain(3)))(y)
    model = Model(x, [y, state[0]])
    assert y.shape == (None, 6)
    wanted = model(X)
    model.save(tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina")
    close(again(X), wanted, 0)
    assert again.get_config() == model.get_config()


def test_bidirectional_over_a_cell_that_nobody_registered():
    both = layers.Bidirectional(layers.RNN(Moving()), merge_mode="sum")
    np.testing.assert_allclose(both(X).numpy()[:, 1], 12)


def test_a_layer_of_cells_trains_captured():
    results = []
    for eagerly in (False, True):
        lamina.random.seed(4)
        cells = [layers.GRUCell(3, recurrent_dropout=0.2, seed=1), Plain(3)]
        model = Sequential([Input((6, 4)), layers.Masking(), layers.RNN(cells), layers.Dense(2)])
        model.compile("adam", "mse", run_eagerly=eagerly)
        x = X * MASK[..., None]
        results.append(model.fit(x, Y, batch_size=4, epochs=3, verbose=0, shuffle=False).history["loss"])
    assert results[0] == results[1]


def test_bad_cells():
    with pytest.raises(TypeError, match=r"RNN 'it': expected a cell, a Layer with state_size and call.*got <Dense"):
        layers.RNN(layers.Dense(3), name="it")
    wrong = Plain(3)
    wrong.state_size = "three"
    with pytest.raises(TypeError, match=r"RNN 'it': state_size of Plain '.*' must be integers, got 'three'"):
        layers.RNN(wrong, name="it")
    with pytest.raises(ValueError, match=r"StackedRNNCells '.*': cells must be a list of cells, got \[\]"):
        layers.RNN([])
    moving = Moving(name="cell")
    moving.call = lambda inputs, states: (inputs, states[:1])
    with pytest.raises(ValueError, match=r"Moving 'cell' returned 1 states, but its state_size says 2"):
        layers.RNN(moving)(X)
    layer = layers.RNN([Plain(2), layers.LSTMCell(3)], name="it")
    with pytest.raises(ValueError, match=r"RNN 'it': initial_state must be a list of the states of 2 cells, got 1"):
        layer(X, initial_state=[1])
    with pytest.raises(ValueError, match=r"RNN 'it': initial_state\[1\]: state h is \(8, 2\), expected \(8, 3\)"):
        layer(X, initial_state=[[np.zeros((8, 2))], [np.zeros((8, 2))] * 2])


def test_compute_mask():
    for sequences, mask in ((True, MASK), (False, None)):
        layer = layers.LSTM(3, return_sequences=sequences)
        assert layer.compute_mask(X, MASK) is mask
        layer.return_state = True
        assert layer.compute_mask(X, MASK) == [mask, None, None]
        assert layer.compute_mask(X) == [None] * 3
        assert layers.Bidirectional(layer).compute_mask(X, MASK) == [mask, *[None] * 4]
        layer.return_state = False
        assert layers.Bidirectional(layer, None).compute_mask(X, MASK) == (mask, mask)
        assert layers.Bidirectional(layer).compute_mask(X, MASK) is mask
    assert layers.MultiHeadAttention(2, 2).compute_mask(X, MASK) is MASK


STATEFUL = {
    "native": lambda **o: layers.LSTM(3, **o),
    "stepwise": lambda **o: layers.GRU(3, activation="softsign", **o),
    "own": lambda **o: layers.RNN([Plain(3), layers.GRUCell(2)], **o),
}


@pytest.mark.parametrize("kind", STATEFUL)
def test_states_between_batches(kind):
    """Pieces of sequences, one after the other, give what the whole gives: eagerly, captured, and after a reset."""
    layer, whole = (STATEFUL[kind](stateful=s, return_sequences=True) for s in (True, False))
    model = Sequential([Input((None, 4)), layer])
    whole(X)
    whole.set_weights(layer.get_weights())
    wanted = whole(X).numpy()
    for run in (layer, lambda x: model.predict(x, batch_size=8, verbose=0)):
        for _ in range(2):
            layer.reset_state()
            pieces = [np.asarray(run(X[:, t : t + 2])) for t in (0, 2, 4)]
            np.testing.assert_allclose(np.concatenate(pieces, 1), wanted, atol=1e-6)
    assert len(model.weights) == len(whole.weights)
    assert type(layer).from_config(layer.get_config()).stateful
    with pytest.raises(ValueError, match=r"the states of 8 sequences are kept, but x has 5; use batches of one size"):
        layer(X[:5])
    layer.reset_states()
    np.testing.assert_allclose(np.asarray(layer(X[:5])), wanted[:5], atol=1e-6)


def test_stateful_training_is_captured_as_it_is():
    results = []
    for eagerly in (False, True):
        lamina.random.seed(3)
        first, second = STATEFUL["native"](stateful=True, return_sequences=True), layers.Bidirectional(
            layers.GRU(3, stateful=True, recurrent_dropout=0.2, seed=1)
        )  # fmt: skip
        model = Sequential([Input((None, 4)), first, second, layers.Dense(2)])
        model.compile("adam", "mse", run_eagerly=eagerly)
        fitted = model.fit(X, Y, batch_size=4, epochs=4, verbose=0, shuffle=False)
        results.append((fitted.history, model.predict(X, batch_size=4, verbose=0).tolist()))
        before = model.predict(X, batch_size=4, verbose=0)
        first.reset_state()
        second.reset_state()
        assert np.abs(model.predict(X, batch_size=4, verbose=0) - before).max() > 1e-6
    assert results[0] == results[1]


def test_masking():
    x = X * MASK[..., None]
    x[0, 0] = 0
    kept = x.any(-1)
    layer, lstm = layers.Masking(), layers.LSTM(3)
    y = layer(x)
    np.testing.assert_array_equal(y.mask.numpy(), kept)
    np.testing.assert_array_equal(y.numpy(), x)
    np.testing.assert_array_equal(lstm(y).numpy(), lstm(x, mask=kept).numpy())
    np.testing.assert_array_equal(layer.compute_mask(x).numpy(), kept)
    x[~kept] = -1
    i = Input((6, 4))
    model = Model(i, lstm(layers.Dense(4, kernel_initializer="identity")(layers.Masking(-1.0)(i))))
    np.testing.assert_allclose(model(x).numpy(), lstm(y).numpy(), atol=1e-6)
    assert not layers.Masking(-1.0)(x).numpy()[~kept].any()
    again = layers.Masking.from_config(layers.Masking(2.0).get_config())
    assert again.mask_value == 2.0
    with pytest.raises(ValueError, match=r"Masking 'it': x is \(8,\), expected \(batch, time, ...\)"):
        layers.Masking(name="it")(np.zeros(8))


def test_time_distributed(tmp_path):
    x = rng.standard_normal((2, 3, 8, 8, 1)).astype(np.float32)
    inner = Sequential([layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(4)])
    i = Input((None, 8, 8, 1))
    y = layers.TimeDistributed(inner)(i)
    assert y.shape == (None, None, 4)
    model = Model(i, layers.LSTM(2)(y))
    each = np.stack([inner(x[:, t]).numpy() for t in range(3)], 1)
    np.testing.assert_allclose(layers.TimeDistributed(inner)(x).numpy(), each, atol=1e-6)
    model.save(tmp_path / "m.lamina")
    np.testing.assert_array_equal(lamina.load_model(tmp_path / "m.lamina")(x).numpy(), model(x).numpy())
    tokens = np.array([[[1, 2], [3, 0]]])
    assert layers.TimeDistributed(layers.Embedding(5, 3))(tokens).shape == (1, 2, 2, 3)
    masked = layers.Embedding(10, 4, mask_zero=True)(np.array([[1, 2, 0]]))
    np.testing.assert_array_equal(layers.TimeDistributed(layers.Dense(3))(masked).mask.numpy(), [[True, True, False]])
    with pytest.raises(ValueError, match=r"TimeDistributed 'it': x is \(2, 3\), expected \(batch, time, ...\)"):
        layers.TimeDistributed(layers.Dense(3), name="it")(np.zeros((2, 3)))
    with pytest.raises(TypeError, match=r"TimeDistributed 'it': expected a layer, got 3"):
        layers.TimeDistributed(3, name="it")


def test_time_distributed_and_masks_of_more_axes():
    tokens = np.array([[[1, 2, 0], [0, 0, 0]], [[3, 1, 1], [2, 0, 0]]])
    words = layers.TimeDistributed(layers.Embedding(5, 4, mask_zero=True))(tokens)
    np.testing.assert_array_equal(words.mask.numpy(), tokens != 0)
    np.testing.assert_array_equal(layers.TimeDistributed(layers.Dense(2))(words).mask.numpy(), tokens != 0)
    inner = layers.LSTM(3)
    sentences = layers.TimeDistributed(inner)(words)
    np.testing.assert_array_equal(sentences.mask.numpy(), (tokens != 0).any(-1))
    for n, t in np.ndindex(2, 2):
        wanted = inner(words.numpy()[n, t : t + 1], mask=tokens[n, t : t + 1] != 0).numpy()
        np.testing.assert_allclose(sentences.numpy()[n, t], wanted[0], atol=1e-6)
    steps = layers.TimeDistributed(layers.LSTM(3, return_sequences=True))(words)
    np.testing.assert_array_equal(steps.mask.numpy(), tokens != 0)


@pytest.mark.parametrize("backwards", [False, True])
def test_replays_check_lengths_step_by_step(backwards):
    layer = layers.RNN(Plain(4), return_sequences=True, go_backwards=backwards)
    layer(X)
    step = lamina.capture(lambda x, lengths: layer(x, lengths=lengths), strict=True)
    for lengths in (LENGTHS, LENGTHS[::-1].copy()):
        np.testing.assert_array_equal(step(X, lengths).numpy(), layer(X, lengths=lengths).numpy())
    for wrong in (7, -1):
        with pytest.raises(IndexError, match="lengths must be 8 integers between 0 and 6"):
            step(X, np.where(LENGTHS == 3, wrong, LENGTHS))


def test_a_cell_that_forgets_its_states():
    class Forgetful(layers.Layer):
        state_size = 4

        def call(self, inputs, states):
            return inputs

    for cell in (Forgetful(name="lost"), [Forgetful(name="lost"), layers.LSTMCell(3)]):
        with pytest.raises(ValueError, match=r"'lost' must return \(output, states\), got Tensor"):
            layers.RNN(cell)(X[:2])
    with pytest.raises(ValueError, match=r"'lost' must return \(output, states\), got Tensor"):
        layers.StackedRNNCells([Forgetful(name="lost")])(X[:2, 0], [np.zeros((2, 4), np.float32)])


def test_from_config_with_custom_objects():
    class Half(layers.Layer):
        def call(self, inputs):
            return inputs * 0.5

    for layer, kind in (
        (layers.RNN(Moving()), Moving),
        (layers.Bidirectional(layers.RNN(Moving())), Moving),
        (layers.TimeDistributed(Half()), Half),
    ):
        config = layer.get_config()
        with pytest.raises(ValueError, match=kind.__name__):
            type(layer).from_config(config)
        again = type(layer).from_config(config, custom_objects={kind.__name__: kind})
        close(again(X), layer(X), 0)


def test_no_steps_at_all():
    layer = layers.LSTM(3, zero_output_for_mask=True)
    y = layer(X[:, :0], mask=MASK[:, :0])
    np.testing.assert_array_equal(y.numpy(), np.zeros((8, 3)))


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
@pytest.mark.parametrize("options", [{}, {"reset_after": False}], ids=str)
def test_cells_without_bias_run_step_by_step_too(kind, options):
    if options and kind != "GRU":
        options = {}
    x = np.random.default_rng(0).standard_normal((2, 4, 3))
    native, own = (
        getattr(layers, kind)(5, activation=a, use_bias=False, return_sequences=True, dtype="float64", **options)
        for a in ("tanh", lambda x: ops.multiply(ops.tanh(x), 1.0))
    )
    want = native(x)
    own.build(x.shape)
    own.set_weights(native.get_weights())
    np.testing.assert_allclose(own(x).numpy(), want.numpy(), rtol=1e-12)


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_kept_states_start_another_layer(kind):
    x = np.random.default_rng(0).standard_normal((2, 4, 3)).astype("f")
    kept = getattr(layers, kind)(5, stateful=True, return_state=True)
    assert kept.states is None
    _, *states = kept(x)
    for one, other in zip(kept.states, states, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    other = getattr(layers, kind)(5)
    other(x)
    other.set_weights(kept.get_weights())
    np.testing.assert_array_equal(other(x, initial_state=kept.states).numpy(), kept(x)[0].numpy())
