"""Initializers, activations, regularizers, random numbers: Keras's distributions, names, seeds, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lamina import activations, initializers, random, regularizers
from lamina.core.autograd import Tensor
from lamina.initializers import compute_fans

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
