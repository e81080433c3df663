"""Focal, generalized and smoothed cross-entropies, classes on any axis: closed values, limits, capture, bad input."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import losses
from lamina.core.autograd import Tensor
from lamina.testing import check_gradients

P = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
LABELS = np.array([0, 1])


def test_binary_focal_values():
    y, p = np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[0.6, 0.4], [0.4, 0.6]])
    t = np.where(y == 1, p, 1 - p)
    each = (1 - t) ** 2 * -np.log(t)
    np.testing.assert_allclose(losses.binary_focal_crossentropy(y, p), each.mean(-1))
    balanced = np.where(y == 1, 0.25, 0.75) * each
    np.testing.assert_allclose(losses.binary_focal_crossentropy(y, p, True), balanced.mean(-1))
    np.testing.assert_allclose(losses.binary_focal_crossentropy(y, p, gamma=0), -np.log(t).mean(-1))
    logits = np.log(p / (1 - p))
    np.testing.assert_allclose(losses.binary_focal_crossentropy(y, logits, from_logits=True), each.mean(-1))
    assert float(losses.binary_focal_crossentropy(np.ones(1), np.array([-40.0]), from_logits=True)) == pytest.approx(40)


def test_categorical_focal_values():
    right = P[[0, 1], LABELS]
    wanted = 0.25 * (1 - right) ** 2 * -np.log(right)
    one_hot = np.eye(3)[LABELS]
    np.testing.assert_allclose(losses.categorical_focal_crossentropy(one_hot, P), wanted)
    np.testing.assert_allclose(losses.categorical_focal_crossentropy(one_hot, np.log(P), from_logits=True), wanted)
    weights = [1.0, 2.0, 3.0]
    wanted *= np.array(weights)[LABELS] / 0.25
    np.testing.assert_allclose(losses.categorical_focal_crossentropy(one_hot, P, weights), wanted)
    loss = losses.CategoricalFocalCrossentropy(weights, axis=1)
    turned = np.stack([P.T] * 2)
    assert float(loss(np.stack([one_hot.T] * 2), turned)) == pytest.approx(wanted.mean())
    assert losses.deserialize(losses.serialize(loss)).get_config() == loss.get_config()


def test_generalized_values_and_its_limits():
    right = P[[0, 1], LABELS]
    np.testing.assert_allclose(losses.CategoricalGeneralizedCrossEntropy(0.7, None)(LABELS, P), (1 - right**0.7) / 0.7)
    np.testing.assert_allclose(losses.categorical_generalized_cross_entropy(LABELS, P, 1e-6), -np.log(right), rtol=1e-5)
    np.testing.assert_allclose(losses.categorical_generalized_cross_entropy(LABELS, P, 1 - 1e-9), 1 - right)
    y_pred = Tensor(np.array([[0.0, 1.0]]), requires_grad=True)
    loss = losses.CategoricalGeneralizedCrossEntropy()(np.array([0]), y_pred)
    loss.backward()
    assert float(loss) == 2.0
    assert not y_pred.grad.numpy().any()


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("p", [0.0, 1.0])
def test_focal_slopes_are_finite_where_predictions_are_certain(gamma, p):
    y_pred = Tensor(np.array([[p, 1.0 - p]]), requires_grad=True)
    for y in ([[0.0, 1.0]], [[1.0, 0.0]]):
        for kind in (losses.BinaryFocalCrossentropy, losses.CategoricalFocalCrossentropy):
            kind(gamma=gamma)(np.array(y), y_pred).backward()
    assert np.isfinite(y_pred.grad.numpy()).all()


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("mean", [True, False])
def test_smoothed_labels_with_an_ignored_class(from_logits, mean):
    """PyTorch's cross_entropy(label_smoothing=, ignore_index=)."""
    labels = np.array([0, -1, 1])
    p = np.array([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1]])
    targets = np.eye(3)[labels] * 0.7 + 0.1
    each = np.where(labels < 0, 0, -(targets * np.log(p)).sum(-1))
    loss = losses.SparseCategoricalCrossentropy(from_logits, -1, "mean" if mean else "none", label_smoothing=0.3)
    got = loss(labels, np.log(p) if from_logits else p)
    np.testing.assert_allclose(got, each.sum() / 2 if mean else each, rtol=1e-6)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "none", "mean_with_sample_weight"])
@pytest.mark.parametrize("axis", [1, -2, 2, -1])
def test_classes_on_any_axis(axis, reduction):
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((2, 4, 3)), rng.integers(0, 3, (2, 4))
    labels[0, 0] = -1
    weight = rng.uniform(0.5, 2, (2, 4))
    turned = np.moveaxis(logits, -1, axis)
    for weights in (None, weight):
        last = losses.SparseCategoricalCrossentropy(True, -1, reduction)(labels, logits, weights)
        loss = losses.SparseCategoricalCrossentropy(True, -1, reduction, axis)
        np.testing.assert_array_equal(loss(labels, turned, weights), last)
        np.testing.assert_array_equal(loss(np.expand_dims(labels, axis), turned, weights), last)
        one_hot = np.eye(3)[labels]
        last = losses.CategoricalCrossentropy(True, 0.1, reduction=reduction)(one_hot, logits, weights)
        loss = losses.CategoricalCrossentropy(True, 0.1, axis, reduction)
        np.testing.assert_array_equal(loss(np.moveaxis(one_hot, -1, axis), turned, weights), last)


def test_gradients():
    rng = np.random.default_rng(1)
    x, t = rng.uniform(0.1, 0.9, (3, 4)), rng.uniform(0.1, 0.9, (3, 4))
    for gamma in (0.5, 2.0):
        check_gradients(lambda p, t, g=gamma: losses.binary_focal_crossentropy(t, p, True, gamma=g), x, t)
        check_gradients(lambda p, g=gamma: losses.categorical_focal_crossentropy(t, p, gamma=g), x)
        check_gradients(lambda p, g=gamma: losses.categorical_focal_crossentropy(t, p, [1, 2, 3, 4], g, True), x)
    check_gradients(lambda p: losses.categorical_generalized_cross_entropy(np.array([0, 3, 1]), p, 0.3), x)


def test_captured_steps_give_the_same_bits():
    rng = np.random.default_rng(2)
    y_pred = rng.uniform(0.1, 0.9, (2, 4, 3)).astype(np.float32)
    labels = np.array([[0, 1, 2, 0], [1, 1, 2, 2]])
    one_hot = np.eye(3, dtype=np.float32)[labels]
    for loss, y in (
        (losses.BinaryFocalCrossentropy(True), one_hot),
        (losses.CategoricalFocalCrossentropy([0.1, 0.2, 0.3]), one_hot),
        (losses.CategoricalGeneralizedCrossEntropy(), labels), (losses.Dice(axis=(1, 2)), one_hot),
        (losses.SparseCategoricalCrossentropy(axis=2, label_smoothing=0.1, ignore_class=2), labels),
    ):  # fmt: skip
        weight = Tensor(y_pred, requires_grad=True)

        def step(y, weight=weight, loss=loss):
            weight.zero_grad()
            value = loss(y, weight)
            value.backward()
            return value

        eager, gradient = float(step(y)), weight.grad.numpy().copy()
        captured = lamina.capture(step)
        for _ in range(3):
            assert float(captured(y)) == eager
            np.testing.assert_array_equal(weight.grad.numpy(), gradient)


def test_bad_input():
    one_hot = np.eye(3)[LABELS]
    for q in (0, 1, -0.5, 1.5):
        with pytest.raises(ValueError, match="q must lie between 0 and 1"):
            losses.CategoricalGeneralizedCrossEntropy(q)
    with pytest.raises(ValueError, match=r"alpha has shape \(2,\), expected one number or 3, one for each class"):
        losses.CategoricalFocalCrossentropy([0.5, 0.5])(one_hot, P)
    for kind in (losses.CategoricalFocalCrossentropy, losses.BinaryFocalCrossentropy):
        with pytest.raises(ValueError, match="gamma must not be negative, got -1"):
            kind(gamma=-1)(one_hot, P)
    for kind in (losses.CategoricalCrossentropy, losses.CategoricalFocalCrossentropy):
        with pytest.raises(ValueError, match="axis 2 is out of range"):
            kind(axis=2)(one_hot, P)
        with pytest.raises(TypeError, match="axis must be an integer"):
            kind(axis=True)(one_hot, P)
    with pytest.raises(ValueError, match="axis -3 is out of range"):
        losses.SparseCategoricalCrossentropy(axis=-3)(LABELS, P)
    with pytest.raises((ValueError, IndexError), match="3"):
        losses.CategoricalGeneralizedCrossEntropy()(np.array([0, 3]), P)
