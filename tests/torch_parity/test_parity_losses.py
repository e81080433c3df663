"""Losses beside PyTorch's of the same name, and CTC beside Keras's, on random arrays and options."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compare import compare, many, torch
from hypothesis import given
from hypothesis import strategies as st
from keras_live import keras

from lamina import losses, ops

SEED = st.integers(0, 2**31)
F = torch.nn.functional


@many
@given(SEED, st.floats(-0.5, 1))
@pytest.mark.parametrize(
    "name", ["hinge_embedding", "margin_ranking", "cosine_embedding", "multi_margin", "gaussian_nll"]
)
def test_of_torch(name, seed, margin):
    rng = np.random.default_rng(seed)
    sign, labels = rng.choice([-1, 1], 4), rng.integers(0, 5, 4)
    x = rng.standard_normal({"hinge_embedding": (4, 1), "margin_ranking": (4, 2), "cosine_embedding": (4, 2, 3),
                             "multi_margin": (4, 5), "gaussian_nll": (4, 6)}[name])  # fmt: skip
    p, target, signs = int(seed % 2) + 1, rng.standard_normal((4, 3)), torch.tensor(sign)
    if name == "gaussian_nll":
        x[:, 3:] = np.abs(x[:, 3:])
    ours: dict[str, Any] = {
        "hinge_embedding": lambda x: losses.hinge_embedding(sign[:, None], x, margin),
        "margin_ranking": lambda x: losses.margin_ranking(sign, x, margin),
        "cosine_embedding": lambda x: losses.cosine_embedding(sign, x, margin),
        "multi_margin": lambda x: losses.multi_margin(labels, x, p, margin),
        "gaussian_nll": lambda x: losses.gaussian_nll(target, x, full=True),
    }
    theirs: dict[str, Any] = {
        "hinge_embedding": lambda x: F.hinge_embedding_loss(x[:, 0], signs, margin, reduction="none"),
        "margin_ranking": lambda x: F.margin_ranking_loss(x[:, 0], x[:, 1], signs, margin, reduction="none"),
        "cosine_embedding": lambda x: F.cosine_embedding_loss(x[:, 0], x[:, 1], signs, margin, reduction="none"),
        "multi_margin": lambda x: F.multi_margin_loss(x, torch.tensor(labels), p, margin, reduction="none"),
        "gaussian_nll": lambda x: F.gaussian_nll_loss(
            x[:, :3], torch.tensor(target), x[:, 3:], full=True, reduction="none"
        ).mean(-1),
    }
    compare(ours[name], theirs[name], [x])


@many
@given(SEED, st.integers(1, 9), st.integers(2, 6), st.booleans())
def test_greedy_decoding_of_keras(seed, steps, classes, merge):
    rng = np.random.default_rng(seed)
    x, lengths, blank = rng.standard_normal((3, steps, classes)), rng.integers(0, steps + 1, 3), int(seed % classes)
    got = ops.ctc_decode(x, lengths, merge_repeated=merge, mask_index=blank)
    want = keras.ops.ctc_decode(torch.tensor(x), torch.tensor(lengths), merge_repeated=merge, mask_index=blank)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g.numpy(), w.numpy(), rtol=2e-5, atol=1e-6)  # Keras computes in float32


@many
@given(SEED, st.integers(1, 6), st.integers(2, 5), st.integers(4, 30))
def test_beam_search_of_keras(seed, steps, classes, width):
    rng = np.random.default_rng(seed)
    x, lengths, blank = rng.standard_normal((2, steps, classes)), rng.integers(1, steps + 1, 2), int(seed % classes)
    got = ops.ctc_decode(x, lengths, "beam_search", width, 2, mask_index=blank)
    want = keras.ops.ctc_decode(torch.tensor(x), torch.tensor(lengths), "beam_search", width, 2, mask_index=blank)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g.numpy(), w.numpy(), rtol=2e-5, atol=1e-6)  # Keras computes in float32


@many
@given(SEED, st.integers(1, 12), st.integers(2, 6))
def test_ctc_of_keras(seed, steps, classes):
    rng = np.random.default_rng(seed)
    labels = np.arange(1, steps // 2 + 2) % (classes - 1) + 1
    x, target = rng.standard_normal((2, 2 * steps + 1, classes)), np.stack([labels, labels[::-1]])
    want = keras.losses.ctc(torch.tensor(target), torch.tensor(x))
    np.testing.assert_allclose(losses.ctc(target, x), want.numpy(), rtol=2e-5)
