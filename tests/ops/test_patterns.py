"""Axes split, moved and joined by patterns, against NumPy's steps; what cannot be read."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Input, ops
from lamina.testing import check_gradients

X = np.arange(2 * 4 * 6 * 3.0).reshape(2, 4, 6, 3)
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
    np.testing.assert_array_equal(ops.rearrange(X, pattern, **sizes).numpy(), want(X))
    check_gradients(lambda x: ops.rearrange(x, pattern, **sizes), X / 100)


def test_all_sizes_may_be_given_and_models_know_the_shape():
    assert ops.rearrange(X, "a b c d -> (d c) b a", a=2, d=3).shape == (18, 4, 2)
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
def test_errors(pattern, sizes, message):
    with pytest.raises(ValueError, match=f"rearrange: .*{message}"):
        ops.rearrange(X, pattern, **sizes)
