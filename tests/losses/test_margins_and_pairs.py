"""Quantile, Gaussian and margin losses and those of pairs: closed values, PyTorch's formulas, gradients, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import losses
from lamina.core.autograd import Tensor
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)


def test_quantile():
    t, p = np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([[0.0, 4.0], [3.0, 1.0]])
    np.testing.assert_allclose(losses.quantile(t, p, 0.9), [(0.9 + 0.2) / 2, 0.05])
    assert float(losses.get("pinball")(t, p)[0]) == pytest.approx(0.75)
    several = losses.Quantile([0.1, 0.5, 0.9], None)(np.array([2.0]), np.array([[1.0, 2.0, 4.0]]))
    np.testing.assert_allclose(several, [(0.1 + 0.0 + 0.2) / 3])
    np.testing.assert_allclose(
        losses.quantile(np.array([[2.0]]), np.array([[1.0, 2.0, 4.0]]), [0.1, 0.5, 0.9]), several
    )
    check_gradients(lambda t, p: losses.quantile(t, p, 0.3), RNG.standard_normal((3, 2)), RNG.standard_normal((3, 2)))
    for wrong in (0, 1, 1.5, [0.5, 1.0], [], [[0.5]]):
        with pytest.raises(ValueError, match="quantile: expected a number between 0 and 1"):
            losses.Quantile(wrong)
    with pytest.raises(ValueError, match="one prediction for each quantile"):
        losses.Quantile([0.1, 0.9])(np.zeros(2), np.zeros((2, 3)))


def test_gaussian_nll_needs_means_and_variances():
    for shape in ((), (1,), (2, 1), (2, 3), (2, 0)):
        with pytest.raises(ValueError, match="expected means and variances on the last axis"):
            losses.gaussian_nll(np.zeros(shape), np.zeros(shape))


def test_gaussian_nll():
    t, m, v = np.array([[1.0, 2.0]]), np.array([[0.0, 4.0]]), np.array([[1.0, 2.0]])
    p = np.concatenate([m, v], -1)
    wanted = 0.5 * np.mean(np.log(v) + (t - m) ** 2 / v)
    np.testing.assert_allclose(losses.gaussian_nll(t, p), [wanted])
    assert float(losses.GaussianNLL(full=True)(t, p)) == pytest.approx(wanted + 0.9189385332046727)
    np.testing.assert_allclose(losses.gaussian_nll([1.0], [[1.0, 0.0]], eps=0.01), [0.5 * np.log(0.01)])
    check_gradients(losses.gaussian_nll, RNG.standard_normal((3, 2)), RNG.uniform(0.5, 2, (3, 4)))
    y_pred = Tensor(np.array([[1.0, 0.0]]), requires_grad=True)  # as PyTorch's: the gradient of the least variance
    losses.gaussian_nll([1.0], y_pred, eps=0.01).backward(np.ones(1))
    np.testing.assert_allclose(y_pred.grad.numpy(), [[0.0, 50.0]])
    with pytest.raises(ValueError, match=r"expected means and variances on the last axis, \(\.\.\., 2 d\)"):
        losses.gaussian_nll(np.zeros((2, 1)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="eps must be positive"):
        losses.gaussian_nll(t, p, eps=0)


def test_margin_ranking():
    scores, sign = np.array([[1.0, 0.5], [1.0, 0.5], [0.0, 2.0]]), np.array([1, -1, 0])
    np.testing.assert_allclose(losses.margin_ranking(sign, scores), [0, 0.5, 0])
    np.testing.assert_allclose(losses.MarginRanking(1.0, None)(sign[:, None], scores), [0.5, 1.5, 0])
    with pytest.raises(ValueError, match="expected two scores on the last axis"):
        losses.margin_ranking(sign, np.zeros((3, 3)))


def test_multi_margin():
    x, labels = np.array([[0.5, 1.0, -1.0], [2.0, 0.0, 0.0]]), np.array([0, 0])
    np.testing.assert_allclose(losses.multi_margin(labels, x), [1.5 / 3, 0])
    np.testing.assert_allclose(losses.multi_margin(labels, x, 2, 2.0), [(2.5**2 + 0.5**2) / 3, 0])
    check_gradients(lambda x: losses.multi_margin(labels, x, 2), x + 0.1)
    with pytest.raises(ValueError, match="p must be 1 or 2, got 3"):
        losses.MultiMargin(3)


def test_hinge_embedding():
    d, y = np.array([[0.5, 0.25], [3.0, 1.0]]), np.array([[1, -1], [0, 1]])
    np.testing.assert_allclose(losses.hinge_embedding(y, d), [(0.5 + 0.75) / 2, 0.5])
    assert float(losses.HingeEmbedding(4.0)(y, d)) == pytest.approx((0.5 + 3.75 + 1 + 1) / 4)


def test_cosine_embedding():
    pairs = np.array([[[1.0, 0.0], [1.0, 1.0]], [[1.0, 0.0], [2.0, 0.0]], [[1.0, 0.0], [0.0, 3.0]]])
    cosine = np.array([np.sqrt(0.5), 1.0, 0.0])
    np.testing.assert_allclose(losses.cosine_embedding([1, 1, 1], pairs), 1 - cosine, atol=1e-9)
    np.testing.assert_allclose(losses.cosine_embedding([-1, 0, -1], pairs), cosine, atol=1e-9)
    got = losses.CosineEmbedding(0.5, None)(np.array([[-1], [-1], [-1]]), pairs)
    np.testing.assert_allclose(got, cosine - [0.5, 0.5, 0], atol=1e-9)
    check_gradients(lambda x: losses.cosine_embedding([1, -1, 1], x), RNG.standard_normal((3, 2, 4)))
    with pytest.raises(ValueError, match=r"expected \(batch,\) and \(batch, 2, features\)"):
        losses.cosine_embedding([1, 1], np.zeros((2, 3, 4)))


def test_configurations():
    for loss in (
        losses.Quantile([0.1, 0.9]), losses.GaussianNLL(True), losses.MarginRanking(0.3), losses.MultiMargin(2),
        losses.HingeEmbedding(2.0), losses.CosineEmbedding(0.1), losses.Triplet(0.3, "hard", "cosine"),
        losses.InfoNCE(0.5), losses.Circle(10.0), losses.CTC(), losses.Dice(axis=(1, 2)), losses.Tversky(0.3, 0.7),
    ):  # fmt: skip
        again = losses.deserialize(losses.serialize(loss))
        assert type(again) is type(loss)
        assert again.get_config() == loss.get_config()
