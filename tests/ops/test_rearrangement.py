"""Elements in other places against NumPy; their gradients; errors."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Input, ops
from lamina.core.autograd import Tensor
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((4, 5)), RNG.standard_normal((2, 3, 4))


def same(got, want):
    assert got.shape == want.shape
    np.testing.assert_array_equal(got.numpy(), want)


@pytest.mark.parametrize(
    ("shift", "axis"), [(0, 0), (1, None), (-2, 1), (7, 0), ((1, -2), (0, 1)), ((1, 2), 0)], ids=str
)
def test_roll(shift, axis):
    same(ops.roll(X, shift, axis), np.roll(X, shift, axis))
    check_gradients(lambda x: ops.roll(x, shift, axis), X)


@pytest.mark.parametrize("k", range(-1, 5))
@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (2, 0)])
def test_rot90(k, axes):
    same(ops.rot90(Y, k, axes), np.rot90(Y, k, axes))
    check_gradients(lambda x: ops.rot90(x, k, axes), Y)


def test_append_and_dstack():
    same(ops.append(X, Y), np.append(X, Y))
    same(ops.append(X, X, 1), np.append(X, X, 1))
    check_gradients(ops.append, X, Y)
    for x in (X, X[0], Y):
        same(ops.dstack([x, x]), np.dstack([x, x]))
    check_gradients(lambda x: ops.dstack([x, ops.square(x)]), X)


@pytest.mark.parametrize("parts", [1, 2, 3, 7, [1, 3]], ids=str)
def test_array_split(parts):
    for axis in (0, 1):
        for got, want in zip(ops.array_split(X, parts, axis), np.array_split(X, parts, axis), strict=True):
            same(got, want)
    check_gradients(lambda x: ops.array_split(x, parts)[0], X)


def test_diff():
    for n in (0, 1, 2):
        for axis in (0, -1):
            np.testing.assert_allclose(ops.diff(X, n, axis).numpy(), np.diff(X, n, axis))
            check_gradients(lambda x, n=n, axis=axis: ops.diff(x, n, axis), X)
    assert ops.diff([True, False, False]).tolist() == [True, False]
    same(ops.get_item(X, (slice(1, 3), 2)), X[1:3, 2])


def test_errors():
    with pytest.raises(ValueError, match="roll: 2 shifts do not fit 3 axes"):
        ops.roll(Y, (1, 2), (0, 1, 2))
    with pytest.raises(TypeError, match=r"roll: shift must be an integer or a sequence of integers, got 1\.5"):
        ops.roll(X, 1.5)
    with pytest.raises(ValueError, match=r"roll: axis 2 is outside x, which is \(4, 5\)"):
        ops.roll(X, 1, 2)
    with pytest.raises(ValueError, match="rot90: axes"):
        ops.rot90(X, 1, (0, -2))
    with pytest.raises(ValueError, match="array_split: expected one part or more, got 0"):
        ops.array_split(X, 0)


@pytest.mark.parametrize("parts", [2**63 - 1, 2**100, 10**9])
def test_more_parts_than_can_be_held(parts):
    for x in (np.zeros(5, np.float32), np.zeros((0, 3), np.float32)):
        with pytest.raises(ValueError, match="parts of an axis of"):
            ops.array_split(x, parts)
    with pytest.raises(ValueError, match="parts of an axis of 0"):
        ops.split(np.zeros((0, 3), np.float32), parts)


@pytest.mark.parametrize("n", [3, 4, 10**6, 2**63 - 1, 2**200])
def test_differences_until_nothing_is_left(n):
    x = Tensor(np.ones((2, 3), np.float32), requires_grad=True)
    y = ops.diff(x, n)
    assert y.shape == (2, 0)
    ops.sum(y).backward()
    assert not x.grad.numpy().any()


def test_parts_and_mirrors_by_the_names_of_axes():
    x = np.arange(24.0).reshape(2, 6, 2)
    for name in ("fliplr", "flipud"):
        np.testing.assert_array_equal(getattr(ops, name)(x).numpy(), getattr(np, name)(x))
        check_gradients(getattr(ops, name), x)
    for name, parts in (("vsplit", 2), ("hsplit", 3), ("hsplit", [1, 4]), ("dsplit", 2), ("vsplit", [1])):
        for got, want in zip(getattr(ops, name)(x, parts), getattr(np, name)(x, parts), strict=True):
            np.testing.assert_array_equal(got.numpy(), want)
        check_gradients(lambda t, name=name, parts=parts: getattr(ops, name)(t, parts)[0], x)
    assert [p.tolist() for p in ops.hsplit([1.0, 2.0], 2)] == [[1], [2]]
    for name, axes in (("fliplr", 2), ("flipud", 1), ("vsplit", 2), ("hsplit", 1), ("dsplit", 3)):
        args = (2,) if name.endswith("split") else ()
        with pytest.raises(ValueError, match=f"{name}: x is .*; expected {axes} axes or more"):
            getattr(ops, name)(np.zeros((2,) * (axes - 1)), *args)


IMAGES = np.arange(2 * 4 * 6 * 3.0).reshape(2, 4, 6, 3)
PATTERNS = [
    ("b h w c -> b c h w", {}, lambda x: x.transpose(0, 3, 1, 2)),
    ("b h w c -> (b h) w c", {}, lambda x: x.reshape(8, 6, 3)),
    ("b h w c -> h (b w) c", {}, lambda x: x.transpose(1, 0, 2, 3).reshape(4, 12, 3)),
    ("b h w c -> b (c h w)", {}, lambda x: x.transpose(0, 3, 1, 2).reshape(2, -1)),
    (
        "b (h1 h) (w1 w) c -> (b h1 w1) h w c",
        {"h1": 2, "w1": 2},
        lambda x: x.reshape(2, 2, 2, 2, 3, 3).transpose(0, 1, 3, 2, 4, 5).reshape(8, 2, 3, 3),
    ),
    ("b (h h1) (w w1) c->b h w (c h1 w1)", {"h1": 2, "w1": 2},
     lambda x: x.reshape(2, 2, 2, 3, 2, 3).transpose(0, 1, 3, 5, 2, 4).reshape(2, 2, 3, 12)),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "sizes", "want"), PATTERNS)
def test_patterns(pattern, sizes, want):
    np.testing.assert_array_equal(ops.rearrange(IMAGES, pattern, **sizes).numpy(), want(IMAGES))
    check_gradients(lambda x: ops.rearrange(x, pattern, **sizes), IMAGES / 100)


def test_all_sizes_may_be_given_and_models_know_the_shape():
    assert ops.rearrange(IMAGES, "a b c d -> (d c) b a", a=2, d=3).shape == (18, 4, 2)
    assert ops.rearrange(Input((4, 6)), "b t c -> b (t c)").shape == (None, 24)


@pytest.mark.parametrize(
    ("pattern", "sizes", "message"),
    [
        ("b h w c", {}, "expected a pattern such as"),
        ("b h w -> b (h w)", {}, r"names 3 axes, x is \(2, 4, 6, 3\)"),
        ("b h w c -> b h w", {}, "both sides of .* must name the same axes"),
        ("b h w b -> b h w", {}, "must name axes once each"),
        ("b (h w c -> b h w c", {}, "must name axes once each"),
        ("b (h1 h) w c -> b h1 h w c", {}, "of h1 h in .* all sizes but one are needed"),
        ("b (h1 h) w c -> b h1 h w c", {"h1": 3}, r"axis \(h1 h\) of x .* is 4"),
        ("b h w c -> b h w c", {"k": 3}, "has no axis 'k'"),
        ("b h w c -> b h w c", {"h": 3}, r"axis \(h\) of x"),
    ],
)
def test_errors_of_patterns(pattern, sizes, message):
    with pytest.raises(ValueError, match=f"rearrange: .*{message}"):
        ops.rearrange(IMAGES, pattern, **sizes)
