"""SimpleRNN, GRU, LSTM and Bidirectional: Keras's semantics, states, masks, lengths; saved, captured, and bad input."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Model, Sequential, layers, ops
from lamina.reference import recurrent as reference

rng = np.random.default_rng(1)
X = rng.standard_normal((2, 5, 4))
MASK = np.array([[0, 1, 1, 0, 1], [1, 0, 0, 1, 0]], bool)
LENGTHS = np.array([3, 5])

# layer, its cell, options, gates, states, the twin's name
KINDS = {
    "simple_rnn": (layers.SimpleRNN, layers.SimpleRNNCell, {}, 1, "h", "simple_rnn"),
    "gru": (layers.GRU, layers.GRUCell, {}, 3, "h", "gru"),
    "gru_reset_before": (layers.GRU, layers.GRUCell, {"reset_after": False}, 3, "h", "gru_reset_before"),
    "lstm": (layers.LSTM, layers.LSTMCell, {}, 4, "hc", "lstm"),
}
every_kind = pytest.mark.parametrize("kind", KINDS)
# tanh runs natively, softsign step by step
both_paths = pytest.mark.parametrize("activation", ["tanh", "softsign"])


def make(kind, units=3, built=True, **options):
    """A layer with a bias that is not zero."""
    layer = KINDS[kind][0](units, **{"dtype": "float64", **KINDS[kind][2], **options})
    if built:
        layer(X)
        layer.set_weights([np.random.default_rng(7).standard_normal(w.shape) for w in layer.weights])
    return layer


def arrays(results):
    return [r.numpy() for r in results] if isinstance(results, tuple) else [results.numpy()]


def assert_close(got, wanted, atol=1e-12):
    got, wanted = arrays(got), [np.asarray(w) for w in wanted]
    assert len(got) == len(wanted)
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


def by_hand(layer, x, kept, zero=False):
    """Keras's rule step by step, with the layer's own cell: skipped steps keep the state and repeat the output."""
    states = [s.numpy() for s in layer.cell.get_initial_state(len(x))]
    y = np.zeros_like(states[0])
    outputs = []
    steps = range(x.shape[1])
    for t in reversed(steps) if layer.go_backwards else steps:
        out, after = layer.cell(x[:, t], states)
        now = kept[:, t, None]
        states = [np.where(now, a.numpy(), b) for a, b in zip(after, states, strict=True)]
        y = np.where(now, out.numpy(), 0 if zero else y)
        outputs.append(y)
    return [np.stack(outputs, 1), *states]


@every_kind
@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"go_backwards": True, "activation": "relu"}], ids=str)
def test_against_the_twin(kind, options):
    layer = make(kind, return_sequences=True, return_state=True, **options)
    states = [rng.standard_normal((2, 3)) for _ in KINDS[kind][4]]
    weights = [*layer.get_weights(), None][:3]
    h, c = (*states, None)[:2]
    twin = getattr(reference, f"{KINDS[kind][5]}_forward")
    activation = options.get("activation", "tanh")
    backwards = options.get("go_backwards", False)
    for counts in ({}, {"lengths": LENGTHS}, {"mask": MASK}):
        wanted = twin(
            X, *weights, h, c, None, None, None, None, counts.get("lengths"), counts.get("mask"), activation,
                "sigmoid", backwards, False, False, 1e-3, True, False,
        )  # fmt: skip
        assert_close(layer(X, initial_state=states, **counts), [r for r in wanted[:3] if r is not None])


@every_kind
@both_paths
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("mask", [MASK, np.array([[1, 1, 1, 0, 0], [1, 0, 0, 0, 0]], bool), np.zeros((2, 5), bool)])
def test_mask(kind, activation, mask, backwards, zero):
    options = {"go_backwards": backwards, "zero_output_for_mask": zero, "activation": activation}
    layer = make(kind, return_sequences=True, return_state=True, **options)
    assert_close(layer(X, mask=mask), by_hand(layer, X, mask, zero))


@every_kind
@both_paths
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("lengths", [LENGTHS, np.array([0, 1])])
def test_lengths(kind, activation, lengths, backwards):
    """Each sequence is as it would be alone, the rest of its outputs zero."""
    options = {"activation": activation, "return_sequences": True, "return_state": True, "go_backwards": backwards}
    layer = make(kind, **options)
    padded = np.where((np.arange(5) < lengths[:, None])[:, :, None], X, np.pi)
    for in_time_order in (False, True):
        y, *states = arrays(layer(padded, lengths=lengths, in_time_order=in_time_order))
        for b, n in enumerate(lengths):
            alone, *ends = arrays(layer(X[b : b + 1, :n]))
            flipped = backwards and in_time_order
            np.testing.assert_allclose(y[b, :n], alone[0, ::-1] if flipped else alone[0], atol=1e-12)
            assert not y[b, n:].any()
            for state, end in zip(states, ends, strict=True):
                np.testing.assert_allclose(state[b], end[0], atol=1e-12)


def own_tanh(x):
    """tanh, but none that the kernels know by name."""
    return ops.tanh(x)


@every_kind
@pytest.mark.parametrize("counts", [{"mask": MASK}, {"lengths": LENGTHS}], ids=lambda c: next(iter(c)))
@pytest.mark.parametrize("backwards", [False, True])
def test_native_and_stepwise_gradients_agree(kind, counts, backwards):
    native = make(kind, return_sequences=True, go_backwards=backwards)
    stepwise = make(kind, return_sequences=True, go_backwards=backwards, activation=own_tanh)
    assert native.cell.native_names(True) is not None
    assert stepwise.cell.native_names(True) is None
    for layer in (native, stepwise):
        ops.sum(ops.square(layer(X, **counts))).backward()
    for a, b in zip(native.weights, stepwise.weights, strict=True):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-9, atol=1e-12)


@every_kind
@both_paths
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("zero", [False, True])
def test_gradients_of_the_last_output(kind, activation, zero, backwards):
    """Those of the last one of all outputs; a sequence without steps that count has none."""
    options = {"activation": activation, "zero_output_for_mask": zero, "go_backwards": backwards}
    mask = np.array([[0, 1, 1, 0, 1], [0, 0, 0, 0, 0]], bool)
    gradients = []
    for sequences in (False, True):
        layer = make(kind, return_sequences=sequences, **options)
        states = [lamina.Tensor(np.ones((2, 3)), requires_grad=True) for _ in KINDS[kind][4]]
        y = layer(X, mask=mask, initial_state=states)
        ops.sum(ops.square(y[:, -1] if sequences else y)).backward()
        gradients.append([t.grad.numpy() for t in [*layer.weights, *states]])
        assert not states[0].grad.numpy()[1].any()
    for a, b in zip(*gradients, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


@every_kind
@both_paths
def test_state_passing(kind, activation):
    layer = make(kind, return_state=True, activation=activation)
    whole, *ends = layer(X)
    _, *middle = layer(X[:, :2])
    assert_close(layer(X[:, 2:], initial_state=middle), arrays((whole, *ends)))
    np.testing.assert_array_equal(whole.numpy(), ends[0].numpy())
    if len(ends) == 1:  # as in Keras, one state need not stand in a list
        assert_close(layer(X[:, 2:], initial_state=middle[0]), arrays((whole, *ends)))


@every_kind
@both_paths
def test_the_cell_makes_one_step(kind, activation):
    layer = make(kind, return_sequences=True, activation=activation)
    cell = KINDS[kind][1](3, activation, dtype="float64", **KINDS[kind][2])
    states = cell.get_initial_state(2)
    cell(X[:, 0], states)
    cell.set_weights(layer.get_weights())
    y = layer(X).numpy()
    for t in range(5):
        out, states = cell(X[:, t], states)
        np.testing.assert_allclose(out.numpy(), y[:, t], atol=1e-12)
    if len(states) == 1:
        out, state = cell(X[:, 0], states[0])
        assert out.shape == state.shape == (2, 3)
        assert cell.state_size == 3
    else:
        assert cell.state_size == [3, 3]
    assert cell.compute_output_shape((None, 4)) == ((None, 3), [(None, 3)] * len(KINDS[kind][4]))
    with pytest.raises(ValueError, match="get_initial_state needs batch_size"):
        cell.get_initial_state()
    assert [s.shape for s in layer.get_initial_state(batch_size=5)] == [(5, 3)] * len(KINDS[kind][4])
    again = type(cell).from_config(cell.get_config())
    assert again.get_config() == cell.get_config()


@every_kind
@pytest.mark.parametrize("rate", ["dropout", "recurrent_dropout"])
def test_dropout(kind, rate):
    layer = make(kind, return_sequences=True, seed=3, **{rate: 0.5})
    quiet = make(kind, return_sequences=True)
    np.testing.assert_allclose(layer(X).numpy(), quiet(X).numpy(), atol=1e-12)
    noisy = layer(X, training=True).numpy()
    assert np.abs(noisy - quiet(X).numpy()).max() > 1e-3
    again = make(kind, return_sequences=True, seed=3, **{rate: 0.5})
    np.testing.assert_array_equal(again(X, training=True).numpy(), noisy)
    out, _ = layer.cell(X[:, 0], layer.cell.get_initial_state(2), training=True)
    assert out.shape == (2, 3)


def test_a_gru_carries_its_state_past_recurrent_dropout():
    """Only the recurrent product sees the dropped state: with the update gate at one the state stays whole."""
    gru = make("gru", recurrent_dropout=0.5)
    gru.set_weights([np.zeros((4, 9)), np.zeros((3, 9)), np.repeat([[50.0, 0, 0], [0, 0, 0]], 3, axis=1)])
    state = rng.standard_normal((2, 3))
    np.testing.assert_allclose(gru(X, initial_state=state, training=True).numpy(), state, atol=1e-12)


def test_initial_biases():
    for kind, wanted in (("lstm", [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]), ("gru", np.zeros((2, 9)))):
        layer = make(kind, built=False)
        layer(X)
        np.testing.assert_array_equal(layer.cell.bias.numpy(), wanted)


def test_lstm_against_torch():
    torch = pytest.importorskip("torch")
    lstm = make("lstm", return_sequences=True)
    other = torch.nn.LSTM(4, 3, batch_first=True).double()
    kernel, recurrent, bias = lstm.get_weights()
    with torch.no_grad():  # i f c o here, i f g o there: the same order under other names
        other.weight_ih_l0.copy_(torch.tensor(kernel.T))
        other.weight_hh_l0.copy_(torch.tensor(recurrent.T))
        other.bias_ih_l0.copy_(torch.tensor(bias))
        other.bias_hh_l0.zero_()
        np.testing.assert_allclose(lstm(X).numpy(), other(torch.tensor(X))[0].numpy(), atol=1e-12)


MERGES = {
    "concat": lambda f, b: np.concatenate([f, b], -1), "sum": np.add, "mul": np.multiply,
    "ave": lambda f, b: (f + b) / 2,
}  # fmt: skip


@every_kind
@both_paths
@pytest.mark.parametrize("merge", [*MERGES, None])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("counts", ["", "lengths", "mask"])
def test_bidirectional(kind, activation, merge, sequences, counts):
    """Each sequence alone, cut to the steps that count: forwards, and its mirror image mirrored back."""
    inner = make(kind, built=False, activation=activation, return_sequences=sequences, return_state=True)
    both = layers.Bidirectional(inner, merge)
    assert both.dtype == "float64"
    given = {"lengths": LENGTHS, "mask": MASK}
    states = [rng.standard_normal((2, 3)) for _ in KINDS[kind][4] * 2]
    half = len(states) // 2
    got = arrays(both(X, initial_state=states, **({counts: given[counts]} if counts else {})))
    kept = {"": np.ones((2, 5), bool), "lengths": np.arange(5) < LENGTHS[:, None], "mask": MASK}[counts]
    for b in range(2):
        x = X[b : b + 1, kept[b]]
        forward, *ends = arrays(both.forward_layer(x, initial_state=[s[b : b + 1] for s in states[:half]]))
        backward, *more = arrays(both.backward_layer(x, initial_state=[s[b : b + 1] for s in states[half:]]))
        if sequences:
            backward = backward[:, ::-1]
        merged = [forward, backward] if merge is None else [MERGES[merge](forward, backward)]
        if sequences:
            whole = [np.zeros((1, 5, m.shape[-1])) for m in merged]
            for w, m in zip(whole, merged, strict=True):
                w[:, kept[b]] = m
            merged = whole
        for a, wanted in zip(got, [*merged, *ends, *more], strict=True):
            np.testing.assert_allclose(a[b : b + 1], wanted, atol=1e-12)
    shapes = both.compute_output_shape((2, 5, 4))
    assert [tuple(s) for s in shapes] == [a.shape for a in got]


def test_bidirectional_names_and_weights():
    both = layers.Bidirectional(layers.GRU(3, name="reader"), backward_layer=layers.LSTM(2, go_backwards=True))
    assert both(X).shape == (2, 5)
    assert both.forward_layer.name == "forward_reader"
    assert list(both.state_dict())[:2] == ["forward_reader/cell/kernel", "forward_reader/cell/recurrent_kernel"]
    first, second = (layers.Bidirectional(layers.GRU(3)) for _ in range(2))
    assert first.forward_layer.name.startswith("forward_gru")
    assert first.backward_layer.name.startswith("backward_gru")
    for layer in (first, second):
        layer(X)
    second.load_state_dict(first.state_dict())  # keys do not depend on how many layers were made before
    np.testing.assert_array_equal(first(X).numpy(), second(X).numpy())
    assert np.abs(first.forward_layer.cell.kernel.numpy() - first.backward_layer.cell.kernel.numpy()).max() > 0


def test_a_mask_passes_through_bidirectional():
    model = Sequential([
        layers.Embedding(10, 4, mask_zero=True), layers.Bidirectional(layers.GRU(3, return_sequences=True), "ave"),
        layers.Bidirectional(layers.SimpleRNN(3, return_sequences=True), None), layers.Add(), layers.LSTM(2),
    ])  # fmt: skip
    tokens = np.array([[1, 2, 3], [4, 0, 0]])
    padded = np.pad(tokens, ((0, 0), (0, 4)))
    np.testing.assert_allclose(model(tokens).numpy(), model(padded).numpy(), atol=1e-6)


def stacked(kind):
    lamina.random.seed(5)
    options = {**KINDS[kind][2], "return_sequences": True}
    x, n = Input((None, 4)), Input((), dtype="int64")
    y = layers.Bidirectional(KINDS[kind][0](3, **options), "sum")(x, lengths=n)
    y, *states = KINDS[kind][0](3, dropout=0.2, seed=1, return_state=True, **options)(y, lengths=n)
    y = KINDS[kind][0](3, go_backwards=True, **options)(y, lengths=n, initial_state=states)
    return Model([x, n], layers.Dense(2)(layers.GlobalAveragePooling2D()(layers.Reshape((5, 1, 3))(y))))


@every_kind
def test_saving(kind, tmp_path):
    model = stacked(kind)
    wanted = model([X, LENGTHS]).numpy()
    model.save(tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina")
    np.testing.assert_array_equal(again([X, LENGTHS]).numpy(), wanted)
    assert again.get_config() == model.get_config()
    assert again.layers[2].backward_layer.go_backwards


@every_kind
def test_captured_training_gives_the_bits_of_eager(kind):
    x = np.random.default_rng(2).standard_normal((8, 5, 4)).astype(np.float32)
    lengths, y = np.arange(8) % 6, np.ones((8, 2), np.float32)
    weights, losses = [], []
    for eagerly in (False, True):
        model = stacked(kind)
        model.compile("adam", "mse", run_eagerly=eagerly)
        history = model.fit([x, lengths], y, batch_size=4, epochs=3, shuffle=False, verbose=0)
        losses.append(history.history["loss"])
        weights.append(model.get_weights())
    assert losses[0] == losses[1]
    assert np.isfinite(losses[0]).all()
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


@every_kind
@both_paths
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("zero", [False, True])
def test_the_last_output_is_that_of_the_sequence(kind, activation, zero, backwards):
    """Where no step counts it is zero, whatever the state was; the state goes through."""
    options = {"activation": activation, "zero_output_for_mask": zero, "go_backwards": backwards, "return_state": True}
    one, all_ = make(kind, **options), make(kind, return_sequences=True, **options)
    states = [rng.standard_normal((2, 3)) for _ in KINDS[kind][4]]
    for mask in (MASK, np.array([[1, 1, 0, 0, 0], [0, 0, 0, 0, 0]], bool)):
        for initial in (None, states):
            y, *after = arrays(all_(X, mask=mask, initial_state=initial))
            assert_close(one(X, mask=mask, initial_state=initial), [y[:, -1], *after])
    y, *after = arrays(one(X, lengths=np.array([0, 5]), initial_state=states))
    assert not y[0].any()
    for state, first in zip(after, states, strict=True):
        np.testing.assert_array_equal(state[0], first[0])


@every_kind
@both_paths
def test_masks_and_lengths_of_any_type(kind, activation):
    layer = make(kind, activation=activation, return_sequences=True)
    wanted = layer(X, mask=MASK).numpy()
    for mask in (MASK.astype("int8"), MASK.astype("int64") * 3, MASK.astype("float32"), MASK.tolist()):
        np.testing.assert_array_equal(layer(X, mask=mask).numpy(), wanted)
    wanted = layer(X, lengths=LENGTHS).numpy()
    for dtype in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "uint64"):
        np.testing.assert_array_equal(layer(X, lengths=LENGTHS.astype(dtype)).numpy(), wanted)
    np.testing.assert_array_equal(layer(X, lengths=LENGTHS.tolist()).numpy(), wanted)
    for lengths in ([3.0, 5.0], [True, True], np.array([3, 2**63 + 3], "uint64")):
        with pytest.raises(ValueError, match=r"lengths must be 2 integers between 0 and 5, got"):
            layer(X, lengths=lengths)


@pytest.mark.parametrize("options", [{"recurrent_dropout": 0.3}, {"activation": "softsign"}], ids=str)
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", ["mask", "lengths"])
def test_masks_and_lengths_are_captured_step_by_step(name, backwards, options):
    values = {"mask": (MASK, ~MASK), "lengths": (LENGTHS, LENGTHS[::-1].astype("int16"), np.array([0, 1]))}[name]
    results = []
    for captured in (False, True):
        layer = make("gru", return_sequences=True, go_backwards=backwards, seed=1, **options)

        def step(x, counts, layer=layer):
            return layer(x, training=True, **{name: counts})

        step = lamina.capture(step, strict=True) if captured else step
        results.append([step(ops.convert_to_tensor(X), v).numpy() for v in values * 2])
    np.testing.assert_array_equal(*results)


@every_kind
def test_initial_states_as_lists(kind):
    layer = make(kind)
    states = [rng.standard_normal((2, 3)) for _ in KINDS[kind][4]]
    wanted = layer(X, initial_state=states).numpy()
    np.testing.assert_array_equal(layer(X, initial_state=[s.tolist() for s in states]).numpy(), wanted)
    if len(states) == 1:
        np.testing.assert_array_equal(layer(X, initial_state=states[0].tolist()).numpy(), wanted)
    for bad, message in [
        ([None] * len(states), r"state h is None, expected \(2, 3\); without initial_state all are zeros"),
        (["a"] * len(states), r"state h must be numbers \(2, 3\), got 'a'"),
        ([[ops.ones(3), ops.ones(3)]] * len(states), r"state h is a list of tensors, expected one of \(2, 3\)"),
    ]:
        with pytest.raises(ValueError, match=r"initial_state: " + message):
            layer(X, initial_state=bad)


@every_kind
def test_attributes_of_the_cell(kind):
    layer = make(kind, name="it", dropout=0.25)
    cell = layer.cell
    names = ["units", "activation", "use_bias", "kernel_initializer", "recurrent_regularizer", "dropout", "seed"]
    names += ["state_size", "output_size", *cell._activations]
    names += {"lstm": ["unit_forget_bias"], "simple_rnn": []}.get(kind, ["reset_after"])
    for name in names:
        assert getattr(layer, name) is getattr(cell, name) or getattr(layer, name) == getattr(cell, name)
    for name in {*names} - {"dropout", "state_size", "output_size"}:
        with pytest.raises(AttributeError, match=f"'it': {name} cannot be set; make a new layer"):
            setattr(layer, name, getattr(cell, name))
    np.testing.assert_array_equal(layer(X, training=False).numpy(), make(kind)(X).numpy())
    layer.dropout = 1.0
    assert cell.dropout == layer.get_config()["dropout"] == 1.0
    np.testing.assert_allclose(layer(X, training=True).numpy(), layer(0 * X).numpy(), atol=1e-12)
    with pytest.raises(ValueError, match="'it': recurrent_dropout must be a number between 0 and 1, got 2"):
        layer.recurrent_dropout = 2


def test_an_error_in_the_constructor_names_the_layer():
    for arguments, message in [
        ({"units": 0}, "units must be a positive integer, got 0"),
        ({"units": 3, "dropout": 2}, "dropout must be a number between 0 and 1, got 2"),
        ({"units": 3, "bias_constraint": "x"}, "bias_constraint: unknown constraint 'x'"),
    ]:
        with pytest.raises(ValueError, match=f"^LSTM 'it': {message}"):
            layers.LSTM(**arguments, name="it")


@every_kind
def test_bad_input(kind):
    layer = make(kind, name="it")
    name = f"{type(layer).__name__} 'it': "
    with pytest.raises(ValueError, match=name + r"x is \(2, 5\), expected sequences, \(batch, time, features\)"):
        layer(X[:, :, 0])
    with pytest.raises(ValueError, match=name + r"x is \(2, 5, 3\), but the kernel \(4, \d+\) wants 4 features last"):
        layer(X[:, :, :3])
    with pytest.raises(ValueError, match=name + r"initial_state: state h is \(3, 3\), expected \(2, 3\)"):
        layer(X, initial_state=[np.zeros((3, 3)) for _ in KINDS[kind][4]])
    with pytest.raises(ValueError, match=name + r"initial_state must be \[h.*\], each \(2, 3\), got 3 states"):
        layer(X, initial_state=[X[:, 0, :3]] * 3)
    with pytest.raises(ValueError, match=name + "pass mask or lengths, not both"):
        layer(X, mask=MASK, lengths=LENGTHS)
    with pytest.raises(ValueError, match=r"units must be a positive integer, got 0"):
        make(kind, 0)
    with pytest.raises(ValueError, match="did you mean 'go_backwards'"):
        make(kind, go_backward=True)
    with pytest.raises(ValueError, match=r"expected one step, \(batch, features\)"):
        layer.cell(X, layer.cell.get_initial_state(2))


@every_kind
@both_paths
def test_bad_lengths_and_masks(kind, activation):
    layer = make(kind, activation=activation)
    for lengths in ([3, 6], [3, -1], [3]):
        with pytest.raises(ValueError, match="lengths"):
            layer(X, lengths=np.array(lengths))
    with pytest.raises(ValueError, match=r"mask .* \(2, 4\), expected"):
        layer(X, mask=MASK[:, :4])


def test_bad_bidirectional():
    backwards = layers.LSTM(3, go_backwards=True)
    for arguments, message in [
        ((layers.Dense(3),), r"layer must be a recurrent layer \(LSTM, GRU, SimpleRNN or RNN\), got <Dense"),
        ((backwards,), "layer must be made with go_backwards=False, got True"),
        ((layers.LSTM(3), "concat", None, layers.LSTM(3)), "backward_layer must be made with go_backwards=True"),
        ((layers.LSTM(3, return_state=True), "concat", None, backwards), "must have return_state=True as layer, got"),
        ((layers.LSTM(4), "sum", None, backwards), "cannot merge 4 units and 3; use as many, or merge_mode='concat'"),
        ((layers.LSTM(3), "average"), "unknown merge_mode of Bidirectional 'both'.*known are ave, concat"),
        ((layers.LSTM(3), "sum", [X]), "weights= is not supported; build the layer, then call set_weights"),
    ]:
        with pytest.raises(ValueError, match=message):
            layers.Bidirectional(*arguments, name="both")
    with pytest.raises(TypeError, match=r"'both': layer cannot be copied: .*Register it"):
        layers.Bidirectional(layers.LSTM(3, activation=lambda x: x), name="both")
    both = layers.Bidirectional(layers.LSTM(3), name="both")
    with pytest.raises(ValueError, match=r"'both': initial_state must be the list of the forward .* got 2 states"):
        both(X, initial_state=[np.zeros((2, 3))] * 2)
