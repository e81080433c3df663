"""Convolutions with int8 weights: numbers, files, copies, what stays float32, what a trained one loses."""

from __future__ import annotations

import copy
import itertools
import pickle

import numpy as np
import pytest

import lamina
from lamina import _native, layers, ops, reference

# x; filters, kernel_size, strides, padding, dilation_rate, groups
SHAPES = [
    ((2, 9, 1), (3, (1,), 1, "valid", 1, 1)),
    ((3, 20, 5), (70, (3,), 1, "causal", 2, 1)),
    ((1, 300, 8), (16, (5,), 2, "same", 1, 1)),
    ((2, 7, 6, 3), (17, (3, 3), 1, "same", 1, 1)),
    ((5, 8, 8, 64), (64, (3, 3), 1, "valid", 1, 1)),
    ((2, 9, 11, 8), (33, (1, 1), 1, "valid", 1, 1)),
    ((2, 9, 11, 8), (33, (1, 1), 2, "same", 1, 1)),
    ((3, 12, 9, 6), (32, (2, 3), (2, 1), "same_lower", (1, 2), 2)),
    ((2, 8, 10, 48), (48, (3, 3), 1, "same", 1, 3)),
    ((1, 40, 40, 16), (16, (5, 5), 3, ((2, 0), (1, 4)), 1, 1)),
    ((2, 5, 6, 4, 3), (20, (2, 3, 1), (1, 2, 1), "same", (2, 1, 1), 1)),
    ((2, 3, 4, 1, 2), (5, (3, 3, 3), 1, ((1, 1), (2, 1), (1, 1)), 1, 1)),
]


def arguments(shape, filters, taps, groups, rng):
    x = rng.standard_normal(shape).astype(np.float32)
    x *= 10.0 ** np.arange(len(x)).reshape(-1, *(1,) * (len(shape) - 1)).astype(np.float32)  # a scale for each
    kernel = rng.integers(-127, 128, (int(np.prod(taps)) * shape[-1] // groups, filters)).astype(np.int8)
    kernel[0, ::3] = -128  # which files may hold
    vectors = (rng.standard_normal(filters).astype(np.float32) for _ in range(2))
    return x, (kernel, rng.uniform(50, 200, filters).astype(np.float32)), *vectors


@pytest.mark.parametrize(("shape", "options"), SHAPES)
def test_numbers_are_those_of_the_twin_with_the_same_bits_on_every_instruction_set_and_any_number_of_threads(
    shape, options
):
    rng, (filters, taps, *geometry) = np.random.default_rng(shape[1]), options
    x, weights, gain, bias = arguments(shape, filters, taps, options[-1], rng)
    matrix = _native.QuantizedMatrix(*weights)
    best, threads = _native.isa(), lamina.get_num_threads()
    for g, b, activation in ((gain, bias, "relu"), (None, None, "linear"), (None, bias, "tanh")):
        rest = (g, b, taps, *geometry, activation)
        wanted, bits = reference.quantized_conv_forward(x, reference.QuantizedMatrix(*weights), *rest), set()
        within = 1e-5 * np.abs(wanted).max(axis=tuple(range(1, x.ndim)), keepdims=True) + 1e-6
        try:
            for isa, n in itertools.product(_native.host_isas(), (1, 2, 3, 8)):
                _native.use_isa(isa)
                lamina.set_num_threads(n)
                y = _native.quantized_conv_forward(x, matrix, *rest)
                assert y.shape == wanted.shape
                assert (np.abs(y - wanted) <= within).all()
                bits.add((y.tobytes(), isa * (activation == "tanh")))
        finally:
            _native.use_isa(best)
            lamina.set_num_threads(threads)
        assert len(bits) == (len(_native.host_isas()) if activation == "tanh" else 1)


_CONVOLUTIONS = """
import hashlib
import numpy as np
from lamina import _native
rng, bits = np.random.default_rng(0), hashlib.sha1()
for n, size, channels, filters in ((1, 5, 3, 5), (3, 17, 16, 16), (2, 8, 64, 70), (2, 33, 20, 130)):
    kernel = rng.integers(-127, 128, (9 * channels, filters)).astype(np.int8)
    matrix = _native.QuantizedMatrix(kernel, np.ones(filters, np.float32))
    x, b = (rng.standard_normal(s).astype(np.float32) for s in ((n, size, size, channels), filters))
    for stride in (1, 2):
        y = _native.quantized_conv_forward(x, matrix, None, b, 3, stride, "same", 1, 1, "relu")
        bits.update(y.tobytes())
print(bits.hexdigest())
"""


def test_tile_registers_give_the_same_bits(python):
    """Where the host has them; LAMINA_AMX=0 leaves them alone."""
    assert python(_CONVOLUTIONS, LAMINA_AMX="0") == python(_CONVOLUTIONS, LAMINA_AMX="1")


def test_images_that_are_not_finite_stay_alone_and_empty_batches_are_empty():
    rng = np.random.default_rng(0)
    x, weights, _, _ = arguments((4, 6, 6, 4), 8, (3, 3), 1, rng)
    matrix, rest = _native.QuantizedMatrix(*weights), (None, None, 3, 1, "same", 1, 1, "linear")
    wanted = _native.quantized_conv_forward(x, matrix, *rest)
    x[0], x[1, 2, 3, 1], x[2, 0, 0, 0] = 0, np.nan, np.inf
    y = _native.quantized_conv_forward(x, matrix, *rest)
    assert (y[0] == 0).all()
    assert np.isnan(y[1]).all()
    assert not np.isfinite(y[2]).any()
    np.testing.assert_array_equal(y[3], wanted[3])
    assert _native.quantized_conv_forward(x[:0], matrix, *rest).shape == (0, 6, 6, 8)


def test_native_errors_say_what_is_wrong():
    x, matrix = np.ones((2, 5, 5, 4), np.float32), _native.QuantizedMatrix(np.ones((36, 8), np.int8), np.ones(8, "f"))

    def call(x=x, gain=None, b=None, kernel_size=3, groups=1):
        return _native.quantized_conv_forward(x, matrix, gain, b, kernel_size, 1, "valid", 1, groups, "linear")

    assert call().shape == (2, 3, 3, 8)
    with pytest.raises(ValueError, match=r"9 taps and 1 groups take 27 rows of w, which has 36"):
        call(x[..., :3])
    with pytest.raises(ValueError, match="groups=3 must divide both the 4 channels of x and the 8 columns of w"):
        call(groups=3)
    with pytest.raises(ValueError, match="each of 2 groups has 4 columns, expected a multiple of 16"):
        call(groups=2)
    with pytest.raises(ValueError, match="kernel_size must be at least 1, got 0"):
        call(kernel_size=0)
    with pytest.raises(ValueError, match="larger than the padded input's 2"):
        call(x[:, :2])
    with pytest.raises(TypeError, match="float64"):
        call(x.astype(np.float64))


LAYERS = [
    (lambda: layers.Conv1D(20, 5, padding="causal", dilation_rate=2, activation="relu"), (9, 8)),
    (lambda: layers.Conv2D(12, 3, strides=2, padding="same"), (8, 9, 6)),
    (lambda: layers.Conv2D(12, 3, data_format="channels_first", activation="gelu"), (6, 8, 9)),
    (lambda: layers.Conv2D(12, 3, padding="same", padding_mode="reflect", use_bias=False), (8, 9, 6)),
    (lambda: layers.Conv2D(12, 3, padding=2, padding_mode="circular"), (8, 9, 6)),
    (lambda: layers.Conv2D(32, 3, groups=2, activation="sigmoid"), (8, 9, 12)),
    (lambda: layers.Conv3D(12, 2, padding="same"), (4, 5, 3, 6)),
]


def model(make, shape):
    lamina.utils.set_random_seed(3)
    m = lamina.Sequential([lamina.Input(shape), make(), layers.Flatten(), layers.Dense(3)])
    rng = np.random.default_rng(0)
    m.layers[0].set_weights([rng.normal(0, 0.2, w.shape) for w in m.layers[0].weights])
    return m


@pytest.mark.parametrize(("make", "shape"), LAYERS)
def test_a_quantized_layer_is_close_to_its_floats_and_stays_so_in_files_and_copies(tmp_path, make, shape):
    m, x = model(make, shape), np.random.default_rng(1).standard_normal((5, *shape)).astype(np.float32)
    before = m.predict(x, verbose=0)
    m.quantize("int8")
    wanted = m.predict(x, verbose=0)
    assert 0 < np.abs(wanted - before).max() < 0.03 * np.abs(before).max()
    conv = m.layers[0]
    assert (conv.kernel.dtype, conv.kernel_scale.shape) == (np.int8, (conv.filters,))
    m.save(tmp_path / "m.lamina")
    described = lamina.Sequential.from_config(m.get_config())
    described.build((None, *shape))
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
        ops.sum(conv(lamina.Variable(x))).backward()
    with pytest.raises(ValueError, match=r"Conv.D"):
        conv(x[..., :-1, :-1, :-1] if conv._axes > 1 else x[..., :-1])


def normalized():
    lamina.utils.set_random_seed(1)
    inputs = lamina.Input((12, 12, 4))
    x = layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs)
    x = layers.MaxPooling2D(2)(layers.ReLU()(layers.BatchNormalization()(x)))
    x = layers.Conv2D(16, 3, padding="same")(x)
    m = lamina.Model(inputs, layers.BatchNormalization()(x))
    rng = np.random.default_rng(0)
    for layer in m.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 2, w.shape) * (-1) ** (w.name == "beta") for w in layer.weights])
    return m


def test_batch_normalization_goes_into_the_scales():
    m, x = normalized(), np.random.default_rng(2).standard_normal((6, 12, 12, 4)).astype(np.float32)
    m.quantize("int8")
    with lamina.no_grad():
        found = m(x, training=False).numpy()
        y = x
        for layer in m.layers[1:]:
            y = layer(y, training=False)
    apart, recorded = y.numpy(), m(x, training=False).numpy()  # with a tape, layers run one by one
    np.testing.assert_allclose(found, apart, atol=0.02 * np.abs(apart).max())  # a rounding may fall the other way
    np.testing.assert_allclose(recorded, apart, atol=0.02 * np.abs(apart).max())
    assert np.mean(np.abs(found - apart)) < 1e-3 * np.abs(apart).max()


def test_what_is_slower_and_what_cannot_be_stays_float32_in_a_model():
    inputs = lamina.Input((16, 16, 3))
    x = layers.Conv2D(32, 3, name="few")(inputs)  # 27 terms
    x = layers.Conv2D(32, 3, name="many")(x)
    x = layers.Conv2D(32, 1, strides=2, name="strided")(x)  # reads all pixels to meet a quarter
    x = layers.Conv2D(32, 3, groups=4, name="groups")(x)
    x = layers.Conv2DTranspose(4, 2, name="transposed")(x)
    m = lamina.Model(inputs, layers.DepthwiseConv2D(2, name="depthwise")(x))
    m.quantize("int8")
    assert [layer.name for layer in m.layers if layer.dtype_policy.quantization_mode] == ["many"]
    m.get_layer("few").quantize("int8")  # who asks for it gets it
    assert m.get_layer("few").kernel.dtype == np.int8
    with pytest.raises(NotImplementedError, match=r"Conv2D 'groups'.*: groups=4 have 8 filters each.*multiples of 16"):
        m.get_layer("groups").quantize("int8")
    with pytest.raises(ValueError, match="groups=4 have 8 filters each"):
        layers.Conv2D(32, 3, groups=4, dtype="int8_from_float32")
    for name in ("transposed", "depthwise"):
        with pytest.raises(NotImplementedError, match="have no int8 weights"):
            m.get_layer(name).quantize("int8")
    with pytest.raises(ValueError, match="isn't yet built"):
        layers.Conv1D(8, 3).quantize("int8")
    only = lamina.Sequential([lamina.Input((8, 8, 3)), layers.Conv2D(3, 3)])
    with pytest.raises(ValueError, match=r"no layer to quantize.*convolutions of enough channels"):
        only.quantize("int8")


def test_files_are_a_quarter_of_the_size_and_keras_is_not_promised_what_it_cannot_read(tmp_path):
    pytest.importorskip("h5py")
    m = lamina.Sequential([lamina.Input((8, 8, 32)), layers.Conv2D(96, 3), layers.Conv2D(96, 3)])
    m.save(tmp_path / "f.lamina")
    m.quantize("int8")
    m.save(tmp_path / "q.lamina")
    assert (tmp_path / "q.lamina").stat().st_size < 0.27 * (tmp_path / "f.lamina").stat().st_size
    with pytest.warns(UserWarning, match="Keras will not load this .*, since it lacks int8 weights of Conv2D '"):
        m.save(tmp_path / "m.keras")
    x = np.random.default_rng(0).standard_normal((2, 8, 8, 32)).astype(np.float32)
    again = lamina.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), m.predict(x, verbose=0))


def test_a_trained_network_loses_little():
    """Which of four corners of an image is brightest, under noise."""
    rng = np.random.default_rng(0)

    def data(n):
        x, y = rng.standard_normal((n, 12, 12, 4)).astype(np.float32), rng.integers(0, 4, n)
        for i, corner in enumerate(y):
            h, w = 6 * (corner // 2), 6 * (corner % 2)
            x[i, h : h + 6, w : w + 6, :2] += 0.4
        return x, y.astype(np.int32)

    lamina.utils.set_random_seed(1)
    m = lamina.Sequential(
        [
            lamina.Input((12, 12, 4)),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(4),
        ]
    )
    m.compile(lamina.optimizers.Adam(3e-3), lamina.losses.SparseCategoricalCrossentropy(True), metrics=["accuracy"])
    m.fit(*data(1000), batch_size=50, epochs=4, verbose=0)
    x, y = data(2000)
    before = m.evaluate(x, y, verbose=0)[1]
    m.quantize("int8")
    after = m.evaluate(x, y, verbose=0)[1]
    assert before > 0.85
    assert abs(after - before) <= 0.005
