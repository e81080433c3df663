"""Recurrent layers with int8 weights: numbers, files, copies, what a trained one loses."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import lamina
from lamina import _native, layers, ops, quantizers, reference

CELLS = {"lstm": 4, "gru": 3, "gru_reset_before": 3, "simple_rnn": 1}
SHAPES = [(1, 6, 5, 9), (1, 5, 130, 260), (5, 7, 3, 20), (33, 4, 17, 33)]  # sequences, steps, features, units


def int8(w):
    values, scale = quantizers.quantized_values(w, 0, (-127, 127), 1e-7)
    return values, scale.reshape(-1)


def arguments(cell, shape, rng, counts, first, norm, projected, backwards):
    """Inputs; the weights as integers and scales."""
    (B, S, inputs, U), G = shape, CELLS[cell]
    H = max(1, U // 2) if projected else U

    def normal(*sizes):
        return (rng.standard_normal(sizes) / np.sqrt(sizes[-2] if len(sizes) > 1 else 4)).astype(np.float32)

    x = normal(B, S, inputs) * 3
    weights = [int8(normal(inputs, G * U)), int8(normal(H, G * U)), int8(normal(U, H)) if projected else None]
    bias = normal(2, G * U) if cell == "gru" else normal(G * U)
    lstm = cell == "lstm"
    states = (normal(B, H), normal(B, U) if lstm else None) if first else (None, None)
    norms = (normal(G * U) + 1, *((normal(U) + 1, normal(U)) if lstm else (None, None))) if norm else (None,) * 3
    lengths = rng.integers(0, S + 1, B) if counts == "lengths" else None
    mask = rng.random((B, S)) < 0.7 if counts == "mask" else None
    options = (lengths, mask, "tanh", "sigmoid", backwards, False, False, 1e-3, True, False)
    return x, weights, bias, states, norms, options


CHOICES = [
    (None, False, False, False, False),
    ("lengths", True, False, False, True),
    ("mask", True, False, True, False),
    (None, True, True, False, False),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", CELLS)
def test_sequences_are_those_of_the_twin_on_every_instruction_set_and_any_number_of_threads(cell, shape):
    rng = np.random.default_rng(len(cell) + shape[3])
    for choice in CHOICES:
        counts, first, norm, projected, backwards = choice
        x, weights, bias, states, norms, options = arguments(
            cell, shape, rng, counts, first, norm, projected and cell == "lstm", backwards
        )

        def call(module, *rounding):
            kernel, recurrent, projection = (None if w is None else module.QuantizedMatrix(*w) for w in weights)  # noqa: B023
            function = getattr(module, f"{cell}_forward")
            return function(x, kernel, recurrent, bias, *states, projection, *norms, *options, *rounding)[:3]  # noqa: B023

        wanted = call(reference)
        best, threads = _native.isa(), lamina.get_num_threads()
        try:
            for isa in _native.host_isas():
                _native.use_isa(isa)
                bits = set()
                for n in (1, 2, 3):
                    lamina.set_num_threads(n)
                    found = call(_native, False)
                    bits.add(b"".join(a.tobytes() for a in found if a is not None))
                assert len(bits) == 1
                for a, b in zip(found, wanted, strict=True):
                    assert (a is None) == (b is None)
                    if a is not None:  # where a rounding falls the other way, a state moves by half a step
                        assert np.abs(a - b).max(initial=0) < 0.01
                        assert np.mean(np.abs(a - b)) < 1e-3
        finally:
            _native.use_isa(best)
            lamina.set_num_threads(threads)


@pytest.mark.parametrize("cell", CELLS)
def test_a_step_from_ones_and_zeros_with_whole_weights_is_that_of_floats(cell):
    rng, inputs, U, G = np.random.default_rng(1), 6, 18, CELLS[cell]
    values = [rng.integers(-127, 128, (n, G * U)).astype(np.int8) for n in (inputs, U)]
    x = rng.integers(-1, 2, (7, 1, inputs)).astype(np.float32)
    ones = np.ones(G * U, np.float32)
    options = (None,) * 9 + ("relu", "hard_sigmoid", False, False, False, 1e-3, True, False, False)
    function = getattr(_native, f"{cell}_forward")
    found = function(x, *(_native.QuantizedMatrix(v, ones) for v in values), *options)[0]
    wanted = function(x, *(v.astype(np.float32) for v in values), *options)[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


def test_native_errors_say_what_is_wrong():
    values, ones = np.ones((3, 8), np.int8), np.ones(8, np.float32)
    kernel, recurrent = _native.QuantizedMatrix(values, ones), _native.QuantizedMatrix(values[:2], ones)
    rest = (None,) * 9 + ("tanh", "sigmoid", False, False, False, 1e-3, True)
    x = np.ones((2, 4, 3), np.float32)
    with pytest.raises(ValueError, match="int8 weights have no gradient"):
        _native.lstm_forward(x, kernel, recurrent, *rest, True, False)
    with pytest.raises(ValueError, match="bfloat16 and int8 weights exclude each other"):
        _native.lstm_forward(x, kernel, recurrent, *rest, False, True)
    with pytest.raises(TypeError, match="recurrent_kernel is int8, which goes with float32, x is float64"):
        _native.lstm_forward(x.astype(np.float64), kernel, recurrent, *rest, False, False)
    with pytest.raises(ValueError, match=r"kernel takes 3 features"):
        _native.lstm_forward(x[..., :2], kernel, recurrent, *rest, False, False)
    wide = _native.QuantizedMatrix(np.ones((4, 16), np.int8), np.ones(16, np.float32))
    with pytest.raises(ValueError, match=r"kernel is \(3, 8\), expected \(3, 16\)"):
        _native.lstm_forward(x, kernel, wide, *rest, False, False)


LAYERS = [
    lambda: layers.LSTM(24, return_sequences=True),
    lambda: layers.LSTM(24, proj_size=10),
    lambda: layers.LSTM(24, use_layer_norm=True),
    lambda: layers.LSTM(24, activation="softsign"),  # step by step
    lambda: layers.GRU(24, go_backwards=True),
    lambda: layers.GRU(20, reset_after=False),
    lambda: layers.GRU(20, reset_after=False, activation="softsign"),
    lambda: layers.SimpleRNN(24),
    lambda: layers.Bidirectional(layers.GRU(12, return_sequences=True)),
    lambda: layers.RNN([layers.LSTMCell(12), layers.GRUCell(10)]),
]


def model(make):
    lamina.utils.set_random_seed(3)
    return lamina.Sequential([lamina.Input((7, 6)), layers.Masking(0.0), make(), layers.Dense(3)])


@pytest.fixture
def x():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((5, 7, 6)).astype(np.float32)
    x[1, 4:] = 0
    return x


@pytest.mark.parametrize("make", LAYERS)
def test_a_quantized_layer_is_close_to_its_floats_and_stays_so_in_files_and_copies(tmp_path, x, make):
    m = model(make)
    before = m.predict(x, verbose=0)
    m.quantize("int8")
    wanted = m.predict(x, verbose=0)
    assert 0 < np.abs(wanted - before).max() < 0.05 * np.abs(before).max()
    kernels = [w for w in m.layers[-2].weights if w.name.endswith("kernel")]
    assert kernels
    assert all(w.dtype == np.int8 for w in kernels)
    m.save(tmp_path / "m.lamina")
    described = lamina.Sequential.from_config(m.get_config())
    described.build((None, 7, 6))
    described.set_weights(m.get_weights())
    others = [lamina.saving.load_model(tmp_path / "m.lamina"), copy.deepcopy(m), pickle.loads(pickle.dumps(m))]
    for other in (*others, described):
        assert [layer.dtype_policy for layer in other.layers] == [layer.dtype_policy for layer in m.layers]
        np.testing.assert_array_equal(other.predict(x, verbose=0), wanted)
    call = lamina.capture(lambda x: m(x, training=False))
    with lamina.no_grad():
        for _ in range(3):
            np.testing.assert_array_equal(call(x).numpy(), wanted)
    with pytest.raises(ValueError, match="int8 weights have no gradient"):
        ops.sum(m.layers[-2](lamina.Variable(x))).backward()


def test_a_single_step_is_that_of_a_sequence():
    lamina.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    for cell, name in ((layers.LSTMCell(9), "lstm"), (layers.GRUCell(9), "gru"), (layers.SimpleRNNCell(9), "rnn")):
        rnn, x = layers.RNN(cell, return_sequences=True), rng.standard_normal((3, 4, 5)).astype(np.float32)
        rnn(x)
        cell.quantize("int8")
        states = cell.get_initial_state(3)
        wanted = rnn(x).numpy()
        for t in range(4):
            y, states = cell(x[:, t], states)
            np.testing.assert_allclose(y.numpy(), wanted[:, t], atol=1e-2, err_msg=name)


def test_the_layer_is_quantized_not_its_cell(x):
    m = model(lambda: layers.LSTM(8, name="memory"))
    m.quantize("int8", filters="memory")
    memory = m.get_layer("memory")
    assert [layer.dtype_policy.quantization_mode for layer in m.layers] == [None, "int8", None]
    assert [(w.name, w.dtype.name) for w in memory.weights] == [
        ("bias", "float32"), ("kernel", "int8"), ("kernel_scale", "float32"), ("recurrent_kernel", "int8"),
        ("recurrent_kernel_scale", "float32"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="already quantized"):
        memory.quantize("int8")
    other = model(lambda: layers.LSTM(8, name="memory"))
    other.quantize("int8", filters="dense")
    assert other.get_layer("memory").cell.kernel.dtype == np.float32
    with pytest.raises(NotImplementedError, match="have no int8 weights"):
        layers.ConvLSTM1D(2, 3).quantize("int8")


def test_keras_is_not_promised_what_it_cannot_read(tmp_path, x):
    pytest.importorskip("h5py")
    m = model(lambda: layers.GRU(8))
    m.quantize("int8")
    with pytest.warns(UserWarning, match="Keras will not load this .*, since it lacks int8 weights of GRU '"):
        m.save(tmp_path / "m.keras")
    again = lamina.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), m.predict(x, verbose=0))


def test_a_trained_network_loses_little():
    """The sign of the sum of numbers whose place is marked: hundreds of steps of what the states hold."""
    rng = np.random.default_rng(0)

    def data(n):
        x = rng.standard_normal((n, 40, 2)).astype(np.float32)
        x[..., 1] = rng.random((n, 40)) < 0.2
        return x, (np.sum(x[..., 0] * x[..., 1], axis=1) > 0).astype(np.int32)

    lamina.utils.set_random_seed(1)
    m = lamina.Sequential([lamina.Input((40, 2)), layers.LSTM(24), layers.Dense(2)])
    m.compile(lamina.optimizers.Adam(0.02), lamina.losses.SparseCategoricalCrossentropy(True), metrics=["accuracy"])
    m.fit(*data(2000), batch_size=50, epochs=6, verbose=0)
    x, y = data(2000)
    before = m.evaluate(x, y, verbose=0)[1]
    m.quantize("int8")
    after = m.evaluate(x, y, verbose=0)[1]
    assert before > 0.9
    assert abs(after - before) <= 0.005
