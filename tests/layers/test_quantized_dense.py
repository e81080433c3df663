"""Dense layers with int8 weights: numbers, files, copies, errors."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import lamina
from lamina import _native, layers, quantizers, reference

SHAPES = [(1, 1, 1), (1, 784, 100), (2, 20, 64), (3, 33, 17), (7, 100, 10), (13, 5, 200), (40, 70, 70), (5, 513, 129)]


def weights(K, N, rng):
    kernel = rng.integers(-127, 128, (K, N)).astype(np.int8)
    kernel[0, ::3] = -128  # which files may hold
    return kernel, rng.uniform(50, 200, N).astype(np.float32)


@pytest.mark.parametrize(("M", "K", "N"), SHAPES)
def test_products_are_those_of_the_twin_with_the_same_bits_on_every_instruction_set(M, K, N):
    rng = np.random.default_rng(M)
    x, bias = rng.standard_normal((M, K)).astype(np.float32), rng.standard_normal(N).astype(np.float32)
    kernel, scale = weights(K, N, rng)
    matrix = _native.QuantizedMatrix(kernel, scale)
    for b, activation in ((bias, "relu"), (None, "linear")):
        wanted = reference.quantized_dense_forward(x, reference.QuantizedMatrix(kernel, scale), b, activation)
        best, bits = _native.isa(), set()
        try:
            for isa in _native.host_isas():
                _native.use_isa(isa)
                y = _native.quantized_dense_forward(x, matrix, b, activation)
                np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())
                bits.add(y.tobytes())
        finally:
            _native.use_isa(best)
        assert len(bits) == 1


def test_bits_do_not_depend_on_threads():
    rng, threads, bits = np.random.default_rng(0), lamina.get_num_threads(), set()
    matrix = _native.QuantizedMatrix(*weights(600, 400, rng))
    for M in (1, 40):
        x, bits = rng.standard_normal((M, 600)).astype(np.float32), set()
        for n in (1, 2, 3, 8):
            lamina.set_num_threads(n)
            bits.add(_native.quantized_dense_forward(x, matrix, None, "linear").tobytes())
        assert len(bits) == 1
    lamina.set_num_threads(threads)


_PRODUCTS = """
import hashlib
import numpy as np
from lamina import _native
rng, bits = np.random.default_rng(0), hashlib.sha1()
for M in (1, 2, 3, 15, 16, 17, 31, 33, 48, 63, 65, 130):
    for K, N in ((5, 3), (64, 16), (100, 50), (257, 130)):
        matrix = _native.QuantizedMatrix(rng.integers(-127, 128, (K, N)).astype(np.int8), np.ones(N, np.float32))
        x, b = (rng.standard_normal(s).astype(np.float32) for s in ((M, K), N))
        bits.update(_native.quantized_dense_forward(x, matrix, b, "relu").tobytes())
print(bits.hexdigest())
"""


def test_tile_registers_give_the_same_bits(python):
    """Where the host has them; LAMINA_AMX=0 leaves them alone."""
    assert python(_PRODUCTS, LAMINA_AMX="0") == python(_PRODUCTS, LAMINA_AMX="1")


def test_rows_that_are_not_finite_stay_alone_and_zeros_are_zeros():
    matrix = _native.QuantizedMatrix(np.ones((3, 20), np.int8), np.ones(20, np.float32))
    x = np.array([[0, 0, 0], [1, np.nan, 2], [1, np.inf, 2], [1, 2, 3]], np.float32)
    y = _native.quantized_dense_forward(x, matrix, None, "linear")
    assert (y[0] == 0).all()
    assert np.isnan(y[1]).all()
    assert not np.isfinite(y[2]).any()
    assert np.isfinite(y[3]).all()


def model():
    lamina.utils.set_random_seed(3)
    return lamina.Sequential([lamina.Input((20,)), layers.Dense(64, "relu"), layers.Dropout(0.5), layers.Dense(5)])


@pytest.fixture
def x():
    return np.random.default_rng(1).standard_normal((9, 20)).astype(np.float32)


def test_a_quantized_model_is_close_to_its_float_model_and_has_keras_weights(x):
    m = model()
    before = m.predict(x, verbose=0)
    m.quantize("int8")
    assert np.abs(m.predict(x, verbose=0) - before).max() < 0.02 * np.abs(before).max()
    first = m.layers[0]
    assert [(w.name, w.shape, w.dtype.name) for w in first.weights] == [
        ("bias", (64,), "float32"), ("kernel", (20, 64), "int8"), ("kernel_scale", (64,), "float32"),
    ]  # fmt: skip
    assert first.dtype_policy.name == "int8_from_float32"
    assert m.count_params() == 20 * 64 + 2 * 64 + 64 * 5 + 2 * 5


@pytest.mark.parametrize("name", ["m.lamina", "m.keras"])
def test_files_keep_it(tmp_path, x, name):
    if name.endswith("keras"):
        pytest.importorskip("h5py")
    m = model()
    m.quantize("int8")
    m.save(tmp_path / name)
    again = lamina.saving.load_model(tmp_path / name)
    assert again.layers[0].dtype_policy == m.layers[0].dtype_policy
    np.testing.assert_array_equal(again.predict(x, verbose=0), m.predict(x, verbose=0))


def test_files_are_a_quarter_of_the_size(tmp_path):
    m = lamina.Sequential([lamina.Input((300,)), layers.Dense(400)])
    m.save(tmp_path / "f.lamina")
    m.quantize("int8")
    m.save(tmp_path / "q.lamina")
    assert (tmp_path / "q.lamina").stat().st_size < 0.27 * (tmp_path / "f.lamina").stat().st_size


def test_copies_pickles_and_configurations_keep_it(x):
    m = model()
    m.quantize("int8")
    wanted = m.predict(x, verbose=0)
    for other in (copy.deepcopy(m), pickle.loads(pickle.dumps(m))):
        np.testing.assert_array_equal(other.predict(x, verbose=0), wanted)
        assert other.layers[0].kernel is not m.layers[0].kernel
    other = lamina.Sequential.from_config(m.get_config())
    other.build((None, 20))
    other.set_weights(m.get_weights())
    np.testing.assert_array_equal(other.predict(x, verbose=0), wanted)


def test_new_values_reach_a_captured_call(x):
    m, other = model(), model()
    other.layers[0].kernel.assign(np.asarray(other.layers[0].kernel) * -1)
    m.quantize("int8")
    other.quantize("int8")

    @lamina.capture
    def call(x):
        with lamina.no_grad():
            return m(x)

    first = call(x).numpy().copy()
    m.set_weights(other.get_weights())
    np.testing.assert_array_equal(call(x).numpy(), other.predict(x, verbose=0))
    assert (call(x).numpy() != first).any()
    with pytest.raises(ValueError, match="read-only"):
        m.layers[0].kernel.numpy()[0] = 1


def test_what_trains_refuses_it(x):
    m = model()
    m.compile("adam", "mse")
    m.quantize("int8")
    y = np.zeros((9, 5), np.float32)
    assert m.evaluate(x, y, verbose=0) > 0
    with pytest.raises(ValueError, match=r"fit: Dense '.*' has int8 weights, which are for inference"):
        m.fit(x, y, verbose=0)
    with pytest.raises(ValueError, match=r"train_on_batch: Dense '.*' has int8 weights"):
        m.train_on_batch(x, y)
    with pytest.raises(ValueError, match="int8 weights have no gradient"):
        lamina.ops.sum(m(x)).backward()


def test_data_keep_their_type_where_the_first_weight_is_int8(x):
    m = lamina.Sequential([lamina.Input((20,)), layers.Dense(3, use_bias=False)])
    m.compile(loss="mse")
    m.quantize("int8")
    wanted, y = m(x).numpy(), np.full((9, 3), 0.3, np.float32)
    for found in (m.predict(x, verbose=0), *(m.predict_on_batch(x) for _ in range(3))):
        np.testing.assert_array_equal(found, wanted)
    np.testing.assert_allclose(m.evaluate(x, y, verbose=0), np.mean((wanted - y) ** 2), rtol=1e-5)


def test_sums_that_may_not_fit_into_32_bits_stay_float32():
    m = lamina.Sequential([lamina.Input((132_105,)), layers.Dense(1), layers.Dense(2)])
    m.quantize("int8")
    assert [layer.dtype_policy.quantization_mode for layer in m.layers] == [None, "int8"]
    with pytest.raises(NotImplementedError, match=r"kernel is \(132105, 1\), whose sums of 132,105 products"):
        m.layers[0].quantize("int8")
    matrix = _native.QuantizedMatrix(np.full((132_104, 1), -128, np.int8), np.ones(1, np.float32))
    y = _native.quantized_dense_forward(np.ones((1, 132_104), np.float32), matrix, None, "linear")
    np.testing.assert_allclose(y, -128 * 132_104, rtol=1e-6)


def test_filters_choose_layers():
    m = lamina.Sequential([lamina.Input((4,)), layers.Dense(3, name="one"), layers.Dense(2, name="two")])
    m.quantize(config=quantizers.Int8QuantizationConfig(), filters="^two$")
    assert [layer.dtype_policy.quantization_mode for layer in m.layers] == [None, "int8"]
    with pytest.raises(TypeError, match="filters must be"):
        m.quantize("int8", filters=3)


def test_errors_say_what_is_wrong():
    m = model()
    for mode in ("int4", "float8", "gptq", "awq", "int"):
        with pytest.raises(ValueError, match="there is 'int8' alone"):
            m.quantize(mode)
    with pytest.raises(ValueError, match="give mode='int8', or a config"):
        m.quantize()
    with pytest.raises(ValueError, match="expected an Int8QuantizationConfig"):
        m.quantize(config=3)
    m.quantize("int8")
    with pytest.raises(ValueError, match=r"Layer 'dense.*' is already quantized with dtype_policy='int8_from_float32'"):
        m.quantize("int8")
    with pytest.raises(ValueError, match="isn't yet built"):
        layers.Dense(3).quantize("int8")
    with pytest.raises(ValueError, match="isn't yet built"):
        lamina.Sequential([layers.Dense(3)]).quantize("int8")
    with pytest.raises(NotImplementedError, match="have no int8 weights"):
        layers.Dropout(0.5).quantize("int8")
    with pytest.raises(ValueError, match="no layer to quantize"):
        lamina.Sequential([lamina.Input((8, 8, 3)), layers.Conv2D(3, 3)]).quantize("int8")
    with pytest.raises(ValueError, match=r"DepthwiseConv2D '.*': layers of this kind have no int8 weights"):
        layers.DepthwiseConv2D(3, dtype="int8_from_float32")
    wide = layers.Dense(3, dtype="float64")
    wide.build((None, 2))
    with pytest.raises(ValueError, match="made from float32, the layer is float64"):
        wide.quantize("int8")
    with pytest.raises(ValueError, match="activation_quantizer is None"):
        quantizers.Int8QuantizationConfig(activation_quantizer=None)
    for options in ({"epsilon": 0.1}, {"axis": 0}, {"value_range": (-8, 7)}):
        with pytest.raises(ValueError, match=f"weight_quantizer is .* with {next(iter(options))}="):
            quantizers.Int8QuantizationConfig(quantizers.AbsMaxQuantizer(**options))
    quantizers.Int8QuantizationConfig(activation_quantizer=quantizers.AbsMaxQuantizer(axis=-1))
