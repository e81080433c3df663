"""Random numbers: distributions within what chance allows, bounds, streams that repeat and streams that go on."""

from __future__ import annotations

import random as python_random

import numpy as np
import pytest

from lamina import Tensor, capture, random, utils

N = 40_000  # a mean of so many is off by more than 5 / 200 deviations once in millions of seeds
DRAWS = {
    "normal": lambda seed: random.normal((3, 4), seed=seed),
    "truncated_normal": lambda seed: random.truncated_normal((3, 4), seed=seed),
    "uniform": lambda seed: random.uniform((3, 4), seed=seed),
    "randint": lambda seed: random.randint((3, 4), 0, 10**9, seed=seed),
    "categorical": lambda seed: random.categorical(np.zeros((3, 10**5)), 4, seed=seed),
    "shuffle": lambda seed: random.shuffle(np.arange(50), seed=seed),
    "dropout": lambda seed: random.dropout(np.ones((9, 9), np.float32), 0.5, seed=seed),
    "gamma": lambda seed: random.gamma((5,), 2.0, seed=seed).numpy(),
    "beta": lambda seed: random.beta((5,), 2.0, 3.0, seed=seed).numpy(),
    "binomial": lambda seed: random.binomial((9,), 1000, 0.5, seed=seed).numpy(),
}


@pytest.mark.parametrize("dtype", [None, "float64"])
@pytest.mark.parametrize("options", [{}, {"mean": 3.0, "stddev": 0.5}], ids=str)
@pytest.mark.parametrize("seed", [1, random.Generator(1)], ids=["integer", "stream"])
def test_normal(options, seed, dtype):
    x = random.normal((N,), dtype=dtype, seed=seed, **options)
    mean, stddev = options.get("mean", 0.0), options.get("stddev", 1.0)
    assert x.dtype == (dtype or np.float32)
    assert abs(x.numpy().mean() - mean) < 0.025 * stddev
    assert abs(x.numpy().std() / stddev - 1) < 0.02
    assert (np.abs(x.numpy() - mean) > 2 * stddev).any()


@pytest.mark.parametrize("options", [{}, {"mean": 3.0, "stddev": 0.5}], ids=str)
def test_truncated_normal(options):
    x = random.truncated_normal((N,), seed=1, **options).numpy()
    mean, stddev = options.get("mean", 0.0), options.get("stddev", 1.0)
    distance = np.abs(x - mean) / stddev
    assert 1.99 < distance.max() <= 2 + 1e-6
    assert abs(x.mean() - mean) < 0.025 * stddev
    assert abs(x.std() / stddev - 0.8796) < 0.02  # of the normal distribution cut at 2: 0.87962566
    assert random.truncated_normal((2, 0, 3)).shape == (2, 0, 3)


@pytest.mark.parametrize("options", [{}, {"minval": 2.0, "maxval": 4.0}], ids=str)
def test_uniform(options):
    x = random.uniform((N,), seed=1, **options).numpy()
    low, high = options.get("minval", 0.0), options.get("maxval", 1.0)
    assert low <= x.min() < low + 0.001 * (high - low)
    assert high - 0.001 * (high - low) < x.max() < high
    assert abs(x.mean() - (low + high) / 2) < 0.01 * (high - low)


def test_integers():
    x = random.randint((N,), -2, 3, seed=1)
    assert x.dtype == np.int32
    assert sorted(set(x.tolist())) == [-2, -1, 0, 1, 2]
    assert abs(x.numpy().mean()) < 0.05
    assert random.randint((2,), 0, 9, "uint8").dtype == np.uint8
    with pytest.raises(ValueError, match=r"random\.randint: "):
        random.randint((2,), 3, 3)


def test_categorical():
    p = np.array([[0.1, 0.9, 0.0], [0.5, 0.25, 0.25]])
    with np.errstate(divide="ignore"):
        x = random.categorical(np.log(p) + 7, N, seed=1)
    assert x.shape == (2, N)
    assert x.dtype == np.int32
    for row, wanted in zip(x.numpy(), p, strict=True):
        np.testing.assert_allclose(np.bincount(row, minlength=3) / N, wanted, atol=0.02)
    assert abs(np.corrcoef(x.numpy())[0, 1]) < 0.03  # rows are drawn apart
    for logits in (np.zeros(3), np.zeros((2, 3, 1))):
        with pytest.raises(ValueError, match=r"random.categorical: logits are .* expected \(batch, classes\)"):
            random.categorical(logits, 1)


def test_shuffle():
    x = np.arange(12).reshape(3, 4)
    rows, columns = random.shuffle(x, seed=3), random.shuffle(Tensor(x), axis=1, seed=3)
    assert sorted(rows.tolist()) == x.tolist()
    assert sorted(columns.numpy().T.tolist()) == x.T.tolist()
    assert any(random.shuffle(x, seed=i).tolist() != x.tolist() for i in range(9))


def test_dropout():
    x = random.dropout(np.ones(N, np.float32), 0.2, seed=1).numpy()
    np.testing.assert_array_equal(np.unique(x), [0, np.float32(1.25)])
    assert abs((x == 0).mean() - 0.2) < 0.02
    with pytest.raises(ValueError, match="noise_shape is not supported"):
        random.dropout(x, 0.2, noise_shape=(N,))


@pytest.mark.parametrize("name", DRAWS)
def test_what_a_seed_means(name):
    draw = lambda seed: DRAWS[name](seed).tolist()  # noqa: E731
    assert draw(5) == draw(5) == draw(np.int64(5)) != draw(6)
    stream, again = random.Generator(5), random.Generator(5)
    first = draw(stream)
    assert stream.state.tolist() == [5, 1]
    assert draw(stream) != first == draw(again)
    random.seed(7)
    first, second = draw(None), draw(None)
    random.seed(7)
    assert draw(None) == first != second
    utils.set_random_seed(7)
    assert draw(None) == first


def test_a_replayed_step_draws_what_the_eager_one_does():
    x = np.ones((9, 9), np.float32)
    run = capture(lambda x: random.dropout(x, 0.5, seed=3) + random.dropout(x, 0.5, seed=4), strict=True)
    want = random.dropout(x, 0.5, seed=3).numpy() + random.dropout(x, 0.5, seed=4).numpy()
    for _ in range(4):
        np.testing.assert_array_equal(run(x).numpy(), want)


def test_streams():
    g = random.Generator(2**64 - 1)
    assert (g.seed, g.get_config(), g.state.tolist()) == (2**64 - 1, {"seed": 2**64 - 1}, [2**64 - 1, 0])
    assert random.Generator(0).state.tolist() == [0, 0]
    random.seed(0)
    keys = [random.Generator().seed for _ in range(64)]
    assert len(set(keys)) == 64
    assert 2**62 < max(keys) < 2**63  # 63 random bits
    for wrong in (-1, 2**64):
        with pytest.raises(ValueError, match=r"seed must be between 0 and 2\*\*64 - 1"):
            random.Generator(wrong)
    for wrong in (0.5, "1", [1, 2]):
        with pytest.raises(TypeError, match="a seed must be an integer or a SeedGenerator"):
            random.uniform((1,), seed=wrong)


def test_seeds_of_the_process():
    random.seed(0)
    for wrong in (-1, True, 1.0, "1"):
        with pytest.raises(ValueError, match=r"random.seed: expected a non-negative integer"):
            random.seed(wrong)
    utils.set_random_seed(2**32 + 3)
    drawn = python_random.random(), np.random.random(3)  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    np.testing.assert_array_equal(np.random.random(3), drawn[1])  # noqa: NPY002
    assert python_random.Random(2**32 + 3).random() == drawn[0]
    utils.set_random_seed(2**32 - 1)
    np.random.seed(2**32 - 1)  # noqa: NPY002
    for wrong in (True, 1.5, "1"):
        with pytest.raises(TypeError, match="set_random_seed: expected an integer"):
            utils.set_random_seed(wrong)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 4.5])
def test_gamma(alpha):
    values = random.gamma((200_000,), alpha, seed=3).numpy()
    assert values.min() >= 0
    np.testing.assert_allclose((values.mean(), values.var()), (alpha, alpha), rtol=0.03)
    np.testing.assert_allclose(((values - alpha) ** 3).mean(), 2 * alpha, rtol=0.15)


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (2.0, 5.0), (1.0, 1.0)])
def test_beta(a, b):
    values = random.beta((200_000,), a, b, "float64", seed=3).numpy()
    assert values.dtype == np.float64
    assert 0 <= values.min() <= values.max() <= 1
    variance = a * b / ((a + b) ** 2 * (a + b + 1))
    np.testing.assert_allclose((values.mean(), values.var()), (a / (a + b), variance), rtol=0.02)


@pytest.mark.parametrize(("n", "p"), [(1, 0.3), (10, 0.9), (1000, 0.01)])
def test_binomial(n, p):
    values = random.binomial((100_000,), n, p, seed=3).numpy()
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, values.round())
    np.testing.assert_allclose((values.mean(), values.var()), (n * p, n * p * (1 - p)), rtol=0.03)


def test_parameters_of_distributions_broadcast():
    counts = random.binomial((2, 3), [[1.0], [4.0]], [0.0, 1.0, 1.0]).numpy()
    np.testing.assert_array_equal(counts, [[0, 1, 1], [0, 4, 4]])
    means = random.gamma((20_000, 2), Tensor(np.float32([1, 9])), seed=0).numpy().mean(0)
    np.testing.assert_allclose(means, [1, 9], rtol=0.05)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: random.gamma((2,), 0.0), "gamma: alpha must be positive, got 0"),
        (lambda: random.beta((2,), 1.0, [1.0, -2.0]), "beta: beta must be positive, got -2"),
        (lambda: random.binomial((2,), 1.5, 0.5), "counts must be whole numbers from 0"),
        (lambda: random.binomial((2,), 1, 1.5), "probabilities must be from 0 to 1, got 1.5"),
        (lambda: random.gamma((2,), float("nan")), "must be positive, got nan"),
        (lambda: random.gamma((2,), [1.0, 2.0, 3.0]), "does not broadcast"),
        (lambda: random.gamma((2,), 1.0, "int32"), "float32, float64"),
    ],
)
def test_parameters_out_of_range_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
