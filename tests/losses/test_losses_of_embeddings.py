"""Losses of embeddings that are compared within their batch: closed values, gradients, capture, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import losses
from lamina.testing import check_gradients


def unit(rng, shape):
    x = rng.standard_normal(shape)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def circle_by_pairs(labels, x, gamma, margin):
    values = []
    for i in range(len(x)):
        near, far = [], []
        for j in range(len(x)):
            d = max(1 - x[i] @ x[j], 0)
            if labels[i] != labels[j]:
                far.append(np.exp(gamma * max(1 + margin - d, 0) * (1 - margin - d)))
            elif i != j:
                near.append(np.exp(gamma * (margin + d) * (d - margin)))
        values.append(np.log1p(sum(near) * sum(far)))
    return np.array(values)


def test_circle():
    rng = np.random.default_rng(0)
    x, labels = unit(rng, (6, 4)), np.array([0, 1, 0, 1, 1, 2])
    wanted = circle_by_pairs(labels, x, 4.0, 0.3)
    assert wanted[5] == 0.0  # no other of its label
    np.testing.assert_allclose(losses.circle(labels, x, gamma=4.0, margin=0.3), wanted)
    assert float(losses.Circle(4.0, 0.3)(labels, x)) == pytest.approx(wanted[:5].mean())
    assert float(losses.Circle(4.0, 0.3, reduction="sum")(labels[:, None], x)) == pytest.approx(wanted.sum())
    weight = rng.uniform(0.5, 2, 6)
    assert float(losses.Circle(4.0, 0.3)(labels, x, weight)) == pytest.approx((wanted * weight).sum() / 5)
    check_gradients(lambda x: losses.circle(labels, x, gamma=4.0, margin=0.3), x)


def test_circle_without_pairs_is_zero_with_gradients_of_zero():
    x = unit(np.random.default_rng(1), (3, 4)).astype(np.float32)
    for labels in ([0, 1, 2], [0, 0, 0]):
        assert float(losses.Circle()(np.array(labels), x)) == 0.0


def test_bad_input():
    x = np.eye(3)
    with pytest.raises(ValueError, match=r"y_pred is \(3,\), expected embeddings \(batch, features\)"):
        losses.circle([0, 1, 2], x[0])
    with pytest.raises(ValueError, match=r"y_true is \(2,\), expected one label for each of 3 embeddings"):
        losses.circle([0, 1], x)
    with pytest.raises(ValueError, match="ref_labels and ref_embeddings go together"):
        losses.circle([0, 1, 2], x, ref_labels=[0, 1, 2])
