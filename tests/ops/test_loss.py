"""Fused losses: gradients, extreme predictions, labels that are wrong, agreement with single operations."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import ops
from lamina.core.autograd import Tensor, no_grad
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
INF, NAN = float("inf"), float("nan")
LABELS = RNG.integers(0, 5, (3, 4))
SOFT = RNG.dirichlet(np.ones(5), (3, 4))
WEIGHTS = RNG.random((3, 4))
LOGITS = RNG.standard_normal((3, 4, 5))
PROBABILITIES = RNG.random((3, 4, 5)) + 0.1


@pytest.mark.parametrize("labels", [LABELS, LABELS.astype(np.int32), SOFT], ids=["int64", "int32", "soft"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
def test_gradients_of_cross_entropies(labels, smoothing, weights):
    for f in (ops.softmax_cross_entropy, ops.softmax_cross_entropy_mean):
        check_gradients(lambda x, f=f: f(x, labels, weights, label_smoothing=smoothing), LOGITS)
    for f in (ops.categorical_cross_entropy, ops.categorical_cross_entropy_mean):
        check_gradients(lambda x, f=f: f(x, labels, weights, label_smoothing=smoothing), PROBABILITIES)


def test_targets_and_weights_may_want_gradients():
    check_gradients(ops.softmax_cross_entropy, LOGITS, SOFT, WEIGHTS)
    check_gradients(ops.categorical_cross_entropy_mean, PROBABILITIES, SOFT)
    check_gradients(lambda x, w: ops.softmax_cross_entropy_mean(x, LABELS, w), LOGITS, WEIGHTS)
    plain = ops.softmax_cross_entropy(LOGITS, SOFT, WEIGHTS, label_smoothing=0.1).numpy()
    composed = ops.softmax_cross_entropy(LOGITS, Tensor(SOFT, requires_grad=True), WEIGHTS, label_smoothing=0.1)
    np.testing.assert_allclose(composed.numpy(), plain, rtol=1e-12)


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("mean", [True, False])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
def test_losses_put_together_are_the_fused_ones(from_logits, mean, smoothing, weights):
    name = ("softmax" if from_logits else "categorical") + "_cross_entropy" + "_mean" * mean
    x = (
        LOGITS * 5 if from_logits else np.maximum(LOGITS, 0) ** 4 * SOFT
    )  # zeros, which are clipped, and sums other than 1
    f = getattr(ops, name)
    together = f(x, Tensor(SOFT, requires_grad=True), weights, smoothing)
    np.testing.assert_allclose(together.numpy(), f(x, SOFT, weights, smoothing).numpy(), rtol=1e-9)


def test_shapes_of_targets():
    one, column = np.arange(3.0), np.arange(3.0)[:, None]
    for t, x in ((one, column), (column, one)):
        assert ops.mean_absolute_error(t, x).numpy().sum() == 0
        assert ops.point_loss_mean("squared", t, x + 1).item() == 1
        with pytest.raises(ValueError, match="expected equal shapes"):
            ops.binary_cross_entropy(x, t)
    with pytest.raises(ValueError, match="expected equal shapes"):
        ops.mean_absolute_error(one, np.zeros((3, 2)))
    with pytest.raises(ValueError, match="expected equal shapes"):
        ops.mean_absolute_error(np.zeros((3, 2)), one)
    assert np.isnan(ops.point_loss_mean("kl", np.zeros((0, 2)), np.zeros((0, 2))).item())


def test_mean_is_the_mean_of_all():
    each = ops.softmax_cross_entropy(LOGITS, LABELS).numpy()
    assert ops.softmax_cross_entropy_mean(LOGITS, LABELS).item() == pytest.approx(each.mean(), rel=1e-14)
    weighted = ops.softmax_cross_entropy_mean(LOGITS, LABELS, WEIGHTS).item()
    assert weighted == pytest.approx((each * WEIGHTS).mean(), rel=1e-14)
    with no_grad():
        assert ops.softmax_cross_entropy_mean(LOGITS, LABELS).item() == pytest.approx(each.mean(), rel=1e-14)


def test_ignored_class():
    labels = LABELS.copy()
    labels[0, 1] = labels[2, 3] = -1
    valid = labels >= 0
    each = ops.softmax_cross_entropy(LOGITS, labels, ignore_class=-1).numpy()
    np.testing.assert_allclose(each, valid * ops.softmax_cross_entropy(LOGITS, LABELS).numpy())
    mean = ops.softmax_cross_entropy_mean(LOGITS, labels, ignore_class=-1)
    assert mean.item() == pytest.approx(each.sum() / valid.sum())
    check_gradients(lambda x: ops.softmax_cross_entropy_mean(x, labels, ignore_class=-1), LOGITS)
    nothing = ops.softmax_cross_entropy_mean(LOGITS, np.full((3, 4), 7), ignore_class=7)
    assert nothing.item() == 0


@pytest.mark.parametrize("loss", [ops.softmax_cross_entropy, ops.softmax_cross_entropy_mean])
def test_ignored_class_where_weights_want_gradients(loss):
    labels = np.array([[0, 2, 1, 2], [1, 1, 2, 0], [2, 0, 0, 1]])
    weights = np.random.default_rng(3).uniform(0.5, 2, labels.shape)
    plain = loss(LOGITS, labels, weights, ignore_class=2).numpy()
    wanting = loss(LOGITS, labels, Tensor(weights, requires_grad=True), ignore_class=2).numpy()
    np.testing.assert_allclose(wanting, plain, rtol=1e-12)
    check_gradients(lambda x, w: loss(x, labels, w, ignore_class=2), LOGITS, weights)


def test_wrong_labels_are_named():
    labels = LABELS.copy()
    labels[1, 2] = 12
    for f in (ops.softmax_cross_entropy, ops.categorical_cross_entropy_mean):
        with pytest.raises(ValueError, match=r"label 12 at \[1, 2\] is outside 0..4"):
            f(LOGITS, labels)
        with pytest.raises(ValueError, match=r"label 12 at \[1, 2\] is outside 0..4"):
            f(LOGITS, labels, ignore_class=-1)
    with pytest.raises(ValueError, match=r"predictions are \(3, 4, 5\), labels \(3,\); expected class indices"):
        ops.softmax_cross_entropy(LOGITS, LABELS[:, 0])
    with pytest.raises(ValueError, match="ignore_class goes with integer labels"):
        ops.softmax_cross_entropy(LOGITS, SOFT, ignore_class=1)
    with pytest.raises(ValueError, match=r"label_smoothing must be within 0..1, got 2"):
        ops.softmax_cross_entropy(LOGITS, LABELS, label_smoothing=2)


def gradient(f, x):
    t = Tensor(x, requires_grad=True)
    y = f(t)
    y.backward(np.ones(y.shape, y.dtype))
    return y.numpy(), t.grad.numpy()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_logits(dtype):
    x = np.array([[1e4, -1e4, 0], [0, -INF, 0], [-INF, -INF, 3], [NAN, 0, 0]], dtype)
    loss, dx = gradient(lambda t: ops.softmax_cross_entropy(t, [1, 0, 2, 1]), x)
    np.testing.assert_allclose(loss[:3], [2e4, np.log(2), 0], rtol=1e-6)
    np.testing.assert_allclose(dx[:3], [[1, -1, 0], [-0.5, 0, 0.5], [0, 0, 0]], atol=1e-7)
    assert np.isnan(loss[3])
    assert np.isnan(dx[3]).all()
    soft = np.array([[0.5, 0, 0.5]], dtype)  # nothing is asked of the logit of -inf
    loss, dx = gradient(lambda t: ops.softmax_cross_entropy(t, soft), x[1:2])
    np.testing.assert_allclose(loss, [np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(dx, [[0, 0, 0]], atol=1e-7)
    assert ops.softmax_cross_entropy(x[1:2], [1]).item() == INF


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_binary_logits(dtype):
    x, t = np.array([1e4, -1e4, 1e4, 0, NAN], dtype), np.array([1, 0, 0, 1, 1], dtype)
    loss, dx = gradient(lambda v: ops.binary_cross_entropy(v, t, from_logits=True), x)
    np.testing.assert_allclose(loss[:4], [0, 0, 1e4, np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(dx[:4], [0, 0, 1, -0.5], atol=1e-7)
    assert np.isnan(loss[4])
    assert np.isnan(dx[4])


def test_probabilities_are_clipped_as_in_keras():
    x = np.array([[0.0, 1.0], [2.0, 2.0]])
    np.testing.assert_allclose(ops.categorical_cross_entropy(x, [0, 1]).numpy(), [-np.log(1e-7), np.log(2)])
    p = np.array([0.0, 1.0, 0.5])
    want = [-np.log(1e-7), -np.log(1e-7), np.log(2)]
    np.testing.assert_allclose(ops.binary_cross_entropy(p, np.array([1.0, 0, 1])).numpy(), want)
    _, dx = gradient(lambda v: ops.binary_cross_entropy(v, np.array([1.0, 0, 1])), p)
    np.testing.assert_allclose(dx, [0, 0, -2])


POINTS = ["mean_squared_error", "mean_absolute_error", "huber", "log_cosh", "kl_divergence", "poisson"]


@pytest.mark.parametrize("name", POINTS)
def test_gradients_of_losses_of_single_predictions(name):
    t, x = RNG.uniform(0.1, 0.9, (3, 4)), RNG.uniform(0.1, 0.9, (3, 4))
    check_gradients(getattr(ops, name), t, x)
    short = {"mean_squared_error": "squared", "mean_absolute_error": "absolute", "kl_divergence": "kl"}.get(name, name)
    check_gradients(lambda a, b: ops.point_loss_mean(short, a, b), t, x)
    assert ops.point_loss_mean(short, t, x).item() == pytest.approx(getattr(ops, name)(t, x).numpy().mean())


def test_gradients_of_binary_cross_entropy():
    t, p = RNG.uniform(0.1, 0.9, (3, 4)), RNG.uniform(0.1, 0.9, (3, 4))
    check_gradients(ops.binary_cross_entropy, p, t)
    check_gradients(lambda x, y: ops.binary_cross_entropy(x, y, from_logits=True), RNG.standard_normal((3, 4)), t)
    check_gradients(lambda x, y: ops.huber(y, x, delta=0.2), p, t)


def test_a_missing_last_axis_of_one():
    t, x = RNG.standard_normal(6), RNG.standard_normal((6, 1))
    np.testing.assert_allclose(ops.mean_squared_error(t, x).numpy(), (x[:, 0] - t) ** 2)
    with pytest.raises(ValueError, match=r"mean_squared_error: y_true is \(6,\), y_pred \(3, 2\)"):
        ops.mean_squared_error(t, x.reshape(3, 2))


def test_spelling_of_keras_ops():
    np.testing.assert_array_equal(
        ops.sparse_categorical_crossentropy(LABELS, LOGITS, from_logits=True).numpy(),
        ops.softmax_cross_entropy(LOGITS, LABELS).numpy(),
    )
    np.testing.assert_array_equal(
        ops.categorical_crossentropy(SOFT, PROBABILITIES).numpy(),
        ops.categorical_cross_entropy(PROBABILITIES, SOFT).numpy(),
    )
    first = np.moveaxis(LOGITS, -1, 0)
    np.testing.assert_array_equal(
        ops.sparse_categorical_crossentropy(LABELS, first, from_logits=True, axis=0).numpy(),
        ops.softmax_cross_entropy(LOGITS, LABELS).numpy(),
    )
    assert ops.binary_crossentropy([1.0], [0.5]).item() == pytest.approx(np.log(2))
    assert ops.sparse_categorical_crossentropy(LABELS[..., None], PROBABILITIES).shape == (3, 4)


def test_agrees_with_torch():
    torch = pytest.importorskip("torch")
    f = torch.nn.functional
    x = Tensor(LOGITS.reshape(12, 5), requires_grad=True)
    t = torch.tensor(LOGITS.reshape(12, 5), requires_grad=True)
    for labels, smoothing in ((LABELS.reshape(12), 0.0), (LABELS.reshape(12), 0.3), (SOFT.reshape(12, 5), 0.1)):
        x.zero_grad()
        t.grad = None
        ours = ops.softmax_cross_entropy_mean(x, labels, label_smoothing=smoothing)
        theirs = f.cross_entropy(t, torch.tensor(labels), label_smoothing=smoothing)
        ours.backward()
        theirs.backward()
        assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)
        np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-9, atol=1e-15)
