"""What goes into a captured step and comes out of it: any bytes, masks, names, and results that stay as they are."""

from __future__ import annotations

import collections
import dataclasses
import enum
import fractions
import functools
import pathlib
import warnings

import numpy as np
import pytest

import lamina
from lamina import layers, ops
from lamina.core.capture import CaptureWarning, capture
from lamina.layers.masking import MaskedTensor


def same(f, *calls, plans=1):
    """f eager and captured on each call's arguments gives the same bits; returns the captured step."""
    captured = capture(f, strict=True)
    for args in calls:
        want = f(*(lamina.Tensor(a) if isinstance(a, np.ndarray) else a for a in args))
        np.testing.assert_array_equal(np.asarray(captured(*args)), np.asarray(want))
    assert len(captured.plans) == plans
    return captured


@pytest.mark.parametrize("dtype", [">f4", ">f8", ">i4", ">i8"])
def test_byte_swapped_arguments(dtype):
    same(lambda x: ops.multiply(x, 2), *[(np.arange(i, i + 6).astype(dtype),) for i in range(4)])


def test_misaligned_and_strided_arguments():
    def misaligned(i):
        raw = np.zeros(4 * 6 + 1, np.uint8)[1:]
        a = raw.view(np.float32)
        a[:] = np.arange(i, i + 6)
        return a

    same(lambda x: x * 2.0, *[(misaligned(i),) for i in range(4)])
    same(lambda x: x * 2.0, *[(np.arange(i, i + 12, dtype=np.float32)[::2],) for i in range(4)])


@pytest.mark.parametrize("kinds", [(">f4", ">i4"), (">f8", ">i8")])
def test_fit_and_predict_of_byte_swapped_arrays(kinds):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 4)), rng.integers(0, 3, 40)

    def trained(x, y):
        lamina.random.seed(0)
        m = lamina.Sequential([lamina.Input((4,)), layers.Dense(3)])
        m.compile("adam", lamina.losses.SparseCategoricalCrossentropy(from_logits=True))
        m.fit(x, y, batch_size=8, epochs=2, verbose=0, shuffle=False)
        return m.predict(x, batch_size=8, verbose=0)

    native = kinds[0][1:], kinds[1][1:]
    want = trained(x.astype(native[0]), y.astype(native[1]))
    np.testing.assert_array_equal(trained(x.astype(kinds[0]), y.astype(kinds[1])), want)


def test_constants_that_are_no_plain_arrays():
    strided = np.arange(8, dtype=np.float32)[::2]
    captured = capture(lambda x: ops.relu(lamina.Tensor(strided)) + x, strict=True)
    x = np.ones(4, np.float32)
    for scale in (1, 2, 3):
        strided[:] = scale
        np.testing.assert_array_equal(captured(x).numpy(), 1 + strided)  # the copy is a step of the plan
    swapped = np.arange(4).astype(">f4")
    captured = capture(lambda x: ops.relu(lamina.core.autograd.wrap(swapped)) + x)
    with pytest.warns(CaptureWarning, match="byte-swapped"):
        captured(x)


VIEWS = {
    "itself": lambda x: x,
    "reshape": lambda x: x.reshape((-1,)),
    "part": lambda x: x[0],
    "flatten": lambda x: x.flatten(),
    "squeeze": ops.squeeze,
    "stop_gradient": ops.stop_gradient,
    "detach": lambda x: x.detach(),
}


@pytest.mark.parametrize("name", VIEWS)
def test_results_that_are_arguments_stay(name):
    captured = capture(VIEWS[name], strict=True)
    inputs = [np.full((2, 3), i, np.float32) for i in range(4)]
    results = [captured(x) for x in inputs]
    for i, r in enumerate(results):
        assert (r.numpy() == i).all()


def test_nests_of_arguments_stay():
    captured = capture(lambda x: {"parts": ops.unstack(x), "x": x}, strict=True)
    results = [captured(np.full((2, 3), i, np.float32)) for i in range(4)]
    for i, r in enumerate(results):
        assert (r["x"].numpy() == i).all()
        assert all((p.numpy() == i).all() for p in r["parts"])


def masked(i):
    """(tokens, their embedding with a mask, an LSTM behind it)"""
    rng = np.random.default_rng(i)
    tokens = rng.integers(1, 9, (3, 5))
    for row, n in enumerate(rng.integers(1, 5, 3)):
        tokens[row, n:] = 0
    return tokens


def test_masks_pass_the_border():
    lamina.random.seed(0)
    embedding, lstm = layers.Embedding(9, 4, mask_zero=True), layers.LSTM(3)
    with lamina.no_grad():
        lstm(embedding(masked(0)))
        f = capture(lstm, strict=True)
        g = capture(embedding, strict=True)
        plain = [lamina.Tensor(embedding(masked(i)).numpy().copy()) for i in range(4)]
        kept = []
        for i in range(4):
            want = embedding(masked(i))
            np.testing.assert_array_equal(f(want).numpy(), lstm(want).numpy())
            np.testing.assert_array_equal(f(plain[i]).numpy(), lstm(plain[i]).numpy())  # the same shape, no mask
            np.testing.assert_array_equal(f(want).numpy(), lstm(want).numpy())
            kept.append((g(masked(i)), want))
        for got, want in kept:
            assert type(got) is MaskedTensor
            np.testing.assert_array_equal(got.numpy(), want.numpy())
            np.testing.assert_array_equal(got.mask.numpy(), want.mask.numpy())
    assert len(f.plans) == 2
    assert len(g.plans) == 1


Pair = collections.namedtuple("Pair", "a b")


def test_named_tuples():
    captured = capture(lambda p: Pair(p.a + p.b, [p.a]), strict=True)
    for i in range(3):
        r = captured(Pair(np.full(2, i, np.float32), np.ones(2, np.float32)))
        assert type(r) is Pair
        assert (r.a.numpy() == i + 1).all()
    assert len(captured.plans) == 1


def test_an_argument_without_a_hash_makes_its_own_call_eager():
    captured = capture(lambda x, which: x * float(len(which)))
    x = np.ones(2, np.float32)
    with pytest.warns(CaptureWarning, match="not hashable"):
        assert (captured(x, {1}).numpy() == 1).all()
    assert (captured(x, {1, 2}).numpy() == 2).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            assert (captured(x, (1, 2, 3)).numpy() == 3).all()
    assert captured.reason is None
    assert len(captured.plans) == 1


class Batch:
    def __init__(self, x):
        self.x = x

    def double(self):
        return lamina.Tensor(self.x) * 2.0


@pytest.mark.parametrize(
    ("step", "of"), [(Batch.double, lambda b: b), (lambda f: f(), lambda b: b.double)], ids=["object", "method"]
)
def test_objects_that_change_unseen_make_their_calls_eager(step, of):
    captured = capture(step)
    batch = Batch(np.ones(3, np.float32))
    with pytest.warns(CaptureWarning, match=r"whose contents may change"):
        assert (captured(of(batch)).numpy() == 2).all()
    batch.x = np.full(3, 5, np.float32)
    assert (captured(of(batch)).numpy() == 10).all()
    assert not captured.plans


def test_objects_whose_changes_are_seen_are_arguments():
    @dataclasses.dataclass(frozen=True)
    class Options:
        scale: float

    class Kind(enum.Enum):
        ONE = 1

    def first(x, other):
        return x * 2.0

    captured = capture(first, strict=True)
    others = [
        layers.ReLU(),
        layers.ReLU().call,
        lamina.losses.Huber(),
        lamina.regularizers.L2(0.1),
        lamina.optimizers.SGD(0.1),
        lamina.random.Generator(1),
        ops.relu,
        np.add,
        functools.partial(ops.relu),
        captured,
        np,
        int,
        None,
        ...,
        object(),
        Kind.ONE,
        Options(0.5),
        pathlib.Path("a"),
        fractions.Fraction(1, 2),
    ]
    for other in others:
        for i in range(2):
            assert (captured(np.full(3, i, np.float32), other).numpy() == 2 * i).all()
        assert len(captured.plans) == 1
        captured.reset()

    huber = others[2]
    f = capture(lambda loss, x: loss(x, ops.zeros_like(x)), strict=True)
    x = np.full((1, 3), 3, np.float32)
    assert f(huber, x).item() == 2.5
    huber.reduction = "none"
    assert f(huber, x).shape == (1,)


def test_a_computed_argument_that_wants_a_gradient_is_not_captured():
    w = lamina.Tensor(np.ones(3, np.float32), requires_grad=True)
    captured = capture(lambda x: ops.sum(x * 2.0))
    with pytest.warns(CaptureWarning, match="detach"):
        captured(w * 3.0).backward()
    assert (w.grad.numpy() == 6).all()
    captured((w * 3.0).detach())
    with lamina.no_grad():
        for i in range(3):
            assert captured(w * float(i)).item() == 6 * i
    computed = [w * float(i) for i in range(3)]
    with lamina.no_grad():
        for i, x in enumerate(computed):
            assert captured(x).item() == 6 * i
    assert len(captured.plans) == 2


def test_a_variable_as_an_argument_is_itself():
    v = layers.Dense(1).add_weight((3,), "zeros", trainable=False)

    @capture
    def add(v, x):
        v.assign(v + x)
        return v * 1.0

    for i in range(1, 4):
        assert (add(v, np.ones(3, np.float32)).numpy() == i).all()
    assert len(add.plans) == 1
    plain = capture(lambda x: x * 2.0, strict=True)
    for _ in range(2):
        plain(np.ones(3, np.float32))
        v.assign(v + 1.0)
        np.testing.assert_array_equal(plain(v).numpy(), v.numpy() * 2)


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_labels_that_are_not_whole_are_errors_of_replays_too(dtype, reduction):
    loss = lamina.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1, reduction=reduction)
    captured = capture(loss, strict=True)
    p = np.arange(12, dtype=np.float32).reshape(4, 3)
    for labels in ([0, 1, 2, 0], [2, -1, -0.0, 1]):
        want = loss(np.array(labels, np.int64), p).numpy()
        np.testing.assert_array_equal(captured(np.array(labels, dtype), p).numpy(), want)
    for wrong in (1.5, -0.5, np.nan):
        with pytest.raises(ValueError, match=r"the label at \[1\] is no whole number"):
            captured(np.array([0, wrong, 1, 2], dtype), p)
    assert len(captured.plans) == 1


def test_lists_of_arrays_are_no_arrays():
    captured = capture(lambda x, k: (x[0] + x[1]) * k if isinstance(x, list) else x - k, strict=True)
    a, b = np.full(3, 5, np.float32), np.full(3, 2, np.float32)
    for _ in range(2):
        assert (captured([a, b], 2.0).numpy() == 14).all()
        assert (captured(a, b).numpy() == 3).all()
    assert len(captured.plans) == 2


def test_numbers_differ_by_their_sign():
    captured = capture(ops.divide, strict=True)
    x = np.ones(1, np.float32)
    for _ in range(2):
        assert captured(x, 0.0).item() == np.inf
        assert captured(x, -0.0).item() == -np.inf
        assert np.isnan(captured(x, float("nan")).item())
    assert len(captured.plans) == 3


def test_results_in_objects_are_not_captured():
    @dataclasses.dataclass
    class Answer:
        y: object

    captured = capture(lambda x: Answer(x * 2.0))
    with pytest.warns(CaptureWarning, match="Answer"):
        first = captured(np.ones(2, np.float32))
    second = captured(np.zeros(2, np.float32))
    assert (first.y.numpy() == 2).all()
    assert (second.y.numpy() == 0).all()


def test_results_carry_no_tape_and_the_error_says_so():
    lamina.random.seed(0)
    m = lamina.Sequential([lamina.Input((3,)), layers.Dense(2)])
    f = capture(m)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="captured"):
            ops.sum(f(np.ones((1, 3), np.float32))).backward()


def test_random_normal_of_a_generator_goes_on_in_replays():
    eager, replayed = (lamina.random.SeedGenerator(5) for _ in range(2))
    run = lamina.capture(lambda x: x + lamina.random.normal(x.shape, 2.0, 3.0, seed=replayed), strict=True)
    x = np.zeros(7, np.float32)
    for _ in range(4):
        np.testing.assert_array_equal(run(x).numpy(), lamina.random.normal((7,), 2.0, 3.0, seed=eager).numpy())
    assert replayed.state.tolist() == [5, 4]
