"""Initializers, activations, regularizers, random numbers: Keras's distributions, names, seeds, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lamina import activations, initializers, ops, random, regularizers
from lamina.core.autograd import Tensor
from lamina.core.generator import numpy_from
from lamina.initializers.variance_scaling import compute_fans

SHAPE = (200, 300)


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("glorot_uniform", 2 / 500),
        ("glorot_normal", 2 / 500),
        ("he_uniform", 2 / 200),
        ("he_normal", 2 / 200),
        ("lecun_uniform", 1 / 200),
        ("lecun_normal", 1 / 200),
        ("random_normal", 0.05**2),
        ("random_uniform", 0.1**2 / 12),
    ],
)
def test_variance(name, variance):
    random.seed(1)
    values = np.asarray(initializers.get(name)(SHAPE))
    assert values.dtype == np.float32
    assert abs(values.mean()) < 5 * math.sqrt(variance / values.size)
    assert values.var() == pytest.approx(variance, rel=0.03)


def test_bounds():
    limit = math.sqrt(6 / 500)
    assert np.abs(np.asarray(initializers.GlorotUniform()(SHAPE))).max() <= limit
    assert np.abs(np.asarray(initializers.TruncatedNormal(stddev=0.5)(SHAPE))).max() <= 1.0
    deviation = math.sqrt(2 / 200) / 0.87962566103423978
    assert np.abs(np.asarray(initializers.HeNormal()(SHAPE))).max() <= 2 * deviation


def test_fans():
    assert compute_fans((7,)) == (7, 7)
    assert compute_fans((7, 5)) == (7, 5)
    assert compute_fans((3, 3, 16, 32)) == (144, 288)
    assert compute_fans((64, 4, 8), (0,), (1, 2)) == (64, 32)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (2, 3, 4)])
def test_orthogonal(shape):
    q = np.asarray(initializers.Orthogonal(gain=2.0)(shape, dtype="float64")).reshape(-1, shape[-1])
    gram = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)


def test_fixed_values():
    assert not np.asarray(initializers.get("zeros")((2, 3))).any()
    np.testing.assert_array_equal(np.asarray(initializers.Constant([1.0, 2.0])((3, 2))), [[1, 2]] * 3)
    np.testing.assert_array_equal(np.asarray(initializers.Identity(3.0)((2, 3))), [[3, 0, 0], [0, 3, 0]])
    with pytest.raises(ValueError, match="only a matrix"):
        initializers.Identity()((3,))


def test_seeds():
    random.seed(5)
    first, second = (np.asarray(initializers.get("normal")((4,))) for _ in range(2))
    random.seed(5)
    np.testing.assert_array_equal(first, np.asarray(initializers.get("normal")((4,))))
    assert (first != second).all()
    fixed = initializers.RandomNormal(seed=3)
    np.testing.assert_array_equal(np.asarray(fixed((4,))), np.asarray(fixed((4,))))  # as in Keras
    stream = initializers.RandomNormal(seed=random.Generator(3))
    assert (np.asarray(stream((4,))) != np.asarray(stream((4,)))).all()
    with pytest.raises(ValueError, match="non-negative"):
        random.seed(-1)


def test_round_trip():
    for made in (
        initializers.VarianceScaling(2.0, "fan_out", "uniform", 7),
        initializers.Orthogonal(0.5, 3),
        initializers.HeNormal(seed=1),
    ):
        again = initializers.deserialize(initializers.serialize(made))
        assert type(again) is type(made)
        assert again.get_config() == made.get_config()
        np.testing.assert_array_equal(np.asarray(again((3, 4))), np.asarray(made((3, 4))))


def test_get():
    assert isinstance(initializers.get("GlorotUniform"), initializers.GlorotUniform)
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    own = initializers.get(lambda shape, dtype=None: np.full(shape, 2, dtype))
    assert own((2,), dtype="float32")[0] == 2
    np.testing.assert_array_equal(np.asarray(initializers.get(np.arange(3.0))((3,))), [0, 1, 2])
    with pytest.raises(ValueError, match="did you mean 'glorot_normal'"):
        initializers.get("glorot_norml")
    with pytest.raises(ValueError, match="did you mean 'fan_in'"):
        initializers.VarianceScaling(mode="fanin")


def test_activations():
    x = Tensor(np.linspace(-4, 8, 25))
    a = x.numpy()
    np.testing.assert_allclose(activations.get("relu6")(x).numpy(), np.clip(a, 0, 6), rtol=1e-6)
    np.testing.assert_allclose(activations.get("hard_sigmoid")(x).numpy(), np.clip(a + 3, 0, 6) / 6, rtol=1e-6)
    np.testing.assert_allclose(
        activations.relu(x, 0.1, 5.0, 1.0).numpy(), np.minimum(np.where(a >= 1, a, 0.1 * (a - 1)), 5)
    )
    exact = [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in a]
    np.testing.assert_allclose(activations.get("gelu")(x).numpy(), exact, atol=1e-6)  # the exact form, as in Keras
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu
    assert activations.serialize(activations.relu) == "relu"
    with pytest.raises(ValueError, match="did you mean 'sigmoid'"):
        activations.get("sigmiod")


def test_regularizers():
    x = Tensor(np.array([1.0, -2.0, 3.0]))
    assert regularizers.L1(0.5)(x).item() == pytest.approx(3.0)
    assert regularizers.get("l2")(x).item() == pytest.approx(0.14)
    both = regularizers.get(regularizers.serialize(regularizers.L1L2(0.1, 0.2)))
    assert both(x).item() == pytest.approx(0.6 + 2.8)
    with pytest.raises(ValueError, match="did you mean 'l2'"):
        regularizers.get("l22")
    with pytest.raises(ValueError, match="non-negative"):
        regularizers.L2(-1)


def test_random():
    random.seed(0)
    assert random.uniform((1000,), 2, 3).numpy().min() >= 2
    assert set(random.randint((1000,), 0, 3).numpy()) == {0, 1, 2}
    picks = random.categorical(np.log([[0.1, 0.9]]), 2000).numpy()
    assert picks.mean() == pytest.approx(0.9, abs=0.05)
    assert sorted(random.shuffle(np.arange(10)).numpy()) == list(range(10))
    generator = random.Generator(4)
    assert generator.state.dtype == np.uint64
    assert (random.normal((3,), seed=generator).numpy() != random.normal((3,), seed=generator).numpy()).all()
    assert generator.state[1] == 2


def erf(x):
    return np.vectorize(math.erf)(x)


FORMULAS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x < 0, 0.2 * x, x),
    "relu6": lambda x: np.clip(x, 0, 6),
    "elu": lambda x: np.where(x < 0, np.expm1(x), x),
    "selu": lambda x: 1.0507009873554805 * np.where(x < 0, 1.6732632423543772 * np.expm1(x), x),
    "celu": lambda x: np.where(x < 0, np.expm1(x), x),
    "gelu": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "hard_silu": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "log_sigmoid": lambda x: -np.log1p(np.exp(-x)),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "exponential": np.exp,
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "log_softmax": lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "hard_swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "tanh_shrink": lambda x: x - np.tanh(x),
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
}
# Those with arguments of their own, or of several values at once, have tests of their own.
ELSEWHERE = {"glu", "sparsemax", "threshold"}


def test_every_activation_has_a_formula():
    assert set(FORMULAS) | ELSEWHERE == set(activations.__all__) - {"get", "serialize", "deserialize"}


@pytest.mark.parametrize("name", FORMULAS)
def test_values_of_activations(name):
    x = np.linspace(-9, 9, 30).reshape(2, 3, 5)
    for found in (activations.get(name), activations.get(name.title().replace("_", "")), getattr(activations, name)):
        np.testing.assert_allclose(np.asarray(found(Tensor(x))), FORMULAS[name](x), rtol=1e-9, atol=1e-12)
    assert activations.get(activations.serialize(getattr(activations, name))) is getattr(activations, name)


@pytest.mark.parametrize("slope", [0.0, 0.1])
@pytest.mark.parametrize("limit", [None, 5.0])
@pytest.mark.parametrize("threshold", [0.0, 0.001, 1.0])
def test_the_options_of_relu(slope, limit, threshold):
    x = np.array([-2.0, -0.5, 0.0, 0.0005, 0.5, 1.0, 2.0, 7.0])
    wanted = np.where(x >= threshold, x, slope * (x - threshold))
    got = activations.relu(Tensor(x), slope, limit, threshold).numpy()
    np.testing.assert_allclose(got, wanted if limit is None else np.minimum(wanted, limit), rtol=1e-12)
    np.testing.assert_allclose(activations.celu(Tensor(x), 2.0).numpy(), np.where(x < 0, 2 * np.expm1(x / 2), x))


def test_names_of_operations_as_activations():
    assert activations.get("ops.gelu") is ops.gelu
    assert activations.serialize(ops.gelu) == "ops.gelu"
    for wrong in ("ops.nothing", "ops.ops.relu", "log1p"):
        with pytest.raises(ValueError, match="unknown activation"):
            activations.get(wrong)
    with pytest.raises(ValueError, match="expected an activation or its name"):
        activations.get(3)


@pytest.mark.parametrize("factor", [0.0, 0.5, 1e-4])
def test_the_factors_of_regularizers(factor):
    x = Tensor(np.array([[1.0, -2.0], [3.0, 0.0]]))
    assert float(regularizers.L1(factor)(x)) == pytest.approx(6 * factor)
    assert float(regularizers.L2(factor)(x)) == pytest.approx(14 * factor)
    assert float(regularizers.L1L2(factor, 0.25)(x)) == pytest.approx(6 * factor + 3.5)
    for wrong in (-factor - 1e-9, float("inf"), float("nan"), True, "0"):
        with pytest.raises(ValueError, match="expected a finite non-negative number"):
            regularizers.L1(wrong)
    assert regularizers.get(None) is None
    with pytest.raises(ValueError, match="expected a regularizer or its name, got 3"):
        regularizers.get(3)


@pytest.mark.parametrize("distribution", ["uniform", "truncated_normal", "untruncated_normal", "normal"])
@pytest.mark.parametrize(("mode", "fan"), [("fan_in", 30), ("fan_out", 500), ("fan_avg", 265)])
@pytest.mark.parametrize("scale", [2.0, 1e-4])
def test_variance_scaling(distribution, mode, fan, scale):
    values = initializers.VarianceScaling(scale, mode, distribution, seed=1)((30, 500), "float64").numpy()
    assert values.var() == pytest.approx(scale / fan, rel=0.04)
    assert abs(values.mean()) < 5 * math.sqrt(scale / fan / values.size)
    limit = {"uniform": math.sqrt(3 * scale / fan), "untruncated_normal": math.inf}
    assert np.abs(values).max() <= limit.get(distribution, 2 * math.sqrt(scale / fan) / 0.87962566103423978)
    assert np.isfinite(initializers.VarianceScaling(scale, mode, distribution)((0, 0), "float64").numpy()).all()


def test_an_orthogonal_matrix_is_drawn_uniformly():
    """Each entry of the factor is symmetric about zero, also those on the diagonal of R that QR makes negative."""
    q = np.stack([initializers.Orthogonal(seed=i)((3, 3), "float64").numpy() for i in range(400)])
    assert np.abs(q.mean(0)).max() < 0.15
    assert np.abs((q**2).mean(0) - 1 / 3).max() < 0.08
    with pytest.raises(ValueError, match="Orthogonal"):
        initializers.Orthogonal()((3,))


def test_stft_is_a_windowed_fourier_transform():
    n, frequencies = 8, 9
    x = np.random.default_rng(0).standard_normal(n)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    real = initializers.STFT("real", "hann", None, True)((n, 1, frequencies), "float64")
    imag = initializers.STFT("imag", hann, None)((n, 1, frequencies), "float64")
    got = np.einsum("t,tcf->f", x, np.asarray(real)) + 1j * np.einsum("t,tcf->f", x, np.asarray(imag))
    np.testing.assert_allclose(got, np.fft.rfft(x * hann, 2 * (frequencies - 1)), atol=1e-12)
    density = np.asarray(initializers.STFT(window="boxcar")((n, 1, 3), "float64"))
    np.testing.assert_allclose(density[:, 0, 0], n**-0.5)
    spectrum = np.asarray(initializers.STFT(window=None, scaling="spectrum")((n, 1, 3), "float64"))
    np.testing.assert_allclose(spectrum[:, 0, 0], 1)
    assert isinstance(initializers.get("stft"), initializers.STFT)
    assert initializers.OrthogonalInitializer is initializers.Orthogonal
    for wrong, message in (({"side": "left"}, "side of STFT"), ({"scaling": "power"}, "scaling of STFT")):
        with pytest.raises(ValueError, match=message):
            initializers.STFT(**wrong)
    with pytest.raises(ValueError, match=r"the window is \(3,\), expected \(8,\)"):
        initializers.STFT(window=[1, 2, 3])((8, 1, 5))


@pytest.mark.parametrize("name", ["hann", "hamming", "blackman", "bartlett", "boxcar", "nuttall"])
@pytest.mark.parametrize("periodic", [False, True])
def test_windows_are_scipys(name, periodic):
    signal = pytest.importorskip("scipy.signal")
    for n in (1, 2, 7, 8):
        got = initializers.fixed.window_values(name, n, periodic)
        np.testing.assert_allclose(got, signal.get_window(name, n, periodic), atol=1e-12)
    with pytest.raises(ValueError, match="unknown window 'round'"):
        initializers.fixed.window_values("round", 4, False)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 4), (2, 2, 3)])
def test_orthogonal_is_the_unique_factor_of_normal_numbers(shape):
    rows, columns = int(np.prod(shape[:-1])), shape[-1]
    normal = numpy_from(3).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(normal)
    q = q * np.sign(np.diag(r))
    want = 2 * (q.T if rows < columns else q).reshape(shape)
    np.testing.assert_allclose(initializers.Orthogonal(2.0, seed=3)(shape, "float64"), want, rtol=1e-12)
