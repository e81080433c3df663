"""Losses of embeddings that are compared within their batch: closed values, gradients, capture, bad input."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import losses
from lamina.core.autograd import Tensor
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
    x = Tensor(unit(np.random.default_rng(1), (3, 4)).astype(np.float32), requires_grad=True)
    for labels in ([0, 1, 2], [0, 0, 0]):
        loss = losses.Circle()(np.array(labels), x)
        loss.backward()
        assert float(loss) == 0.0
        assert not x.grad.numpy().any()


def test_bad_input():
    x = np.eye(3)
    with pytest.raises(ValueError, match=r"y_pred is \(3,\), expected embeddings \(batch, features\)"):
        losses.circle([0, 1, 2], x[0])
    with pytest.raises(ValueError, match=r"y_true is \(2,\), expected one label for each of 3 embeddings"):
        losses.circle([0, 1], x)
    with pytest.raises(ValueError, match="ref_labels and ref_embeddings go together"):
        losses.circle([0, 1, 2], x, ref_labels=[0, 1, 2])


def distances(x, distance):
    if distance == "cosine":
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        return 1 - unit @ unit.T
    squares = ((x[:, None] - x[None]) ** 2).sum(-1)
    return squares if distance == "squared_l2" else np.sqrt(squares)


def triplet_by_loops(labels, x, margin, mining, distance):
    """The losses of anchors, None for those that do not count."""
    d = distances(x, distance)
    found: list[float | None] = []
    for a in range(len(x)):
        near = [d[a, p] for p in range(len(x)) if p != a and labels[p] == labels[a]]
        far = [d[a, n] for n in range(len(x)) if labels[n] != labels[a]]
        if not near or not far:
            found.append(None)
        elif mining == "hard":
            found.append(max(max(near) - min(far) + margin, 0))
        elif mining == "all":
            active = [v for p in near for n in far if (v := p - n + margin) > 0]
            found.append(float(np.mean(active)) if active else None)
        else:
            negatives = [min((n for n in far if n > p), default=max(far)) for p in near]
            found.append(float(np.mean([max(p - n + margin, 0) for p, n in zip(near, negatives, strict=True)])))
    return found


@pytest.mark.parametrize("mining", ["all", "semi_hard", "hard"])
@pytest.mark.parametrize("distance", ["l2", "squared_l2", "cosine"])
def test_triplets(mining, distance):
    rng = np.random.default_rng(3)
    x, labels = rng.standard_normal((7, 3)), np.array([0, 1, 0, 1, 1, 2, 0])
    wanted = triplet_by_loops(labels, x, 0.4, mining, distance)
    counted = [v for v in wanted if v is not None]
    got = losses.triplet(labels, x, 0.4, mining, distance)
    np.testing.assert_allclose(got, [v or 0 for v in wanted], atol=1e-12)
    loss = losses.Triplet(0.4, mining, distance)
    assert float(loss(labels, x)) == pytest.approx(np.mean(counted))
    assert float(loss(labels[:, None], x, np.ones(7))) == pytest.approx(np.mean(counted))
    check_gradients(lambda x: losses.triplet(labels, x, 0.4, mining, distance), x)
    for alone in (np.arange(7), np.zeros(7, int)):
        assert float(loss(alone, x)) == 0.0


def test_equal_embeddings_have_finite_gradients():
    x = Tensor(np.ones((4, 3)), requires_grad=True)
    for mining in ("all", "semi_hard", "hard"):
        losses.Triplet(mining=mining)(np.array([0, 0, 1, 1]), x).backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_info_nce():
    rng = np.random.default_rng(4)
    x, labels = rng.standard_normal((6, 3)), np.array([0, 1, 2, 0, 1, 3])
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    e = np.exp(unit @ unit.T / 0.5) * (1 - np.eye(6))
    partner = [3, 4, None, 0, 1, None]
    wanted = [0 if j is None else -np.log(e[i, j] / e[i].sum()) for i, j in enumerate(partner)]
    np.testing.assert_allclose(losses.info_nce(labels, x, 0.5), wanted)
    assert float(losses.InfoNCE(0.5)(labels, x)) == pytest.approx(sum(wanted) / 4)
    check_gradients(lambda x: losses.info_nce(labels, x, 0.5), x)
    assert losses.get("nt_xent") is losses.info_nce


def test_captured_steps_of_embeddings():
    rng = np.random.default_rng(5)
    x = Tensor(rng.standard_normal((6, 3)).astype(np.float32), requires_grad=True)
    for loss in (losses.Circle(), losses.Triplet(), losses.Triplet(mining="all"), losses.InfoNCE()):

        def step(labels, loss=loss):
            x.zero_grad()
            value = loss(labels, x)
            value.backward()
            return value

        captured = lamina.capture(step)
        for labels in ([0, 0, 1, 1, 2, 2], [0, 1, 2, 0, 1, 2], [0, 1, 1, 1, 0, 2]):
            eager, gradient = float(step(np.array(labels))), x.grad.numpy().copy()
            assert float(captured(np.array(labels))) == eager
            np.testing.assert_array_equal(x.grad.numpy(), gradient)


def test_unknown_options():
    with pytest.raises(ValueError, match="unknown mining 'semihard': did you mean 'semi_hard'"):
        losses.Triplet(mining="semihard")
    with pytest.raises(ValueError, match="unknown distance 'l3'"):
        losses.Triplet(distance="l3")
    with pytest.raises(ValueError, match="temperature must be positive"):
        losses.InfoNCE(0)
