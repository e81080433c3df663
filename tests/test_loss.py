"""What the case registry cannot show of the losses: gradients by differences, extreme inputs, wrong labels."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
LOGITS = RNG.standard_normal((3, 4, 5))
LABELS = RNG.integers(0, 5, (3, 4))
SOFT = RNG.dirichlet(np.ones(5), (3, 4))


@pytest.mark.parametrize("labels", [LABELS, LABELS.astype(np.int32), LABELS.astype(np.uint8), SOFT])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_gradients_of_cross_entropies(labels, smoothing):
    check_gradients(lambda x: ops.softmax_cross_entropy(x, labels, smoothing), LOGITS)
    check_gradients(lambda x: ops.softmax_cross_entropy_mean(x, labels, None, smoothing), LOGITS)
    p = np.exp(LOGITS)  # not scaled to one
    check_gradients(lambda x: ops.categorical_cross_entropy(x, labels, smoothing), p)


@pytest.mark.parametrize("kind", ["squared", "absolute", "huber", "binary_logit", "binary_probability"])
@pytest.mark.parametrize("reduction", ["none", "rows", "mean"])
def test_gradients_of_pair_losses(kind, reduction):
    x = RNG.uniform(0.1, 0.9, (4, 7))
    t = RNG.uniform(0, 1, (4, 7))
    parameter = {"huber": 0.2, "binary_probability": 1e-7}.get(kind, 0.0)
    check_gradients(lambda v: ops.pair_loss(v, t, kind, parameter, reduction), x)


def test_extreme_logits():
    x = np.array([[1000.0, 0.0, -1000.0], [-np.inf, 0.0, 1.0]], np.float32)
    loss = ops.softmax_cross_entropy(x, np.array([0, 2])).numpy()
    np.testing.assert_allclose(loss, [0.0, np.log1p(np.exp(-1.0))], rtol=1e-6)
    assert ops.softmax_cross_entropy(x, np.array([2, 0])).numpy().tolist() == [2000.0, np.inf]
    x[0, 1] = np.nan
    assert np.isnan(ops.softmax_cross_entropy(x, np.array([0, 2])).numpy()).tolist() == [True, False]
    big = np.array([200.0, -200.0], np.float32)
    np.testing.assert_allclose(ops.binary_cross_entropy(big, np.array([0.0, 1.0]), from_logits=True).numpy(), 200.0)


@pytest.mark.parametrize(
    ("bad", "message"), [(5, r"label 5 at \[2, 1\] is outside 0..4"), (-1, r"label -1 at \[2, 1\]")]
)
def test_a_wrong_label_is_named(bad, message):
    labels = LABELS.copy()
    labels[2, 1] = bad
    with pytest.raises(ValueError, match=message):
        ops.softmax_cross_entropy(LOGITS, labels)


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="without its last axis"):
        ops.softmax_cross_entropy(LOGITS, LABELS[:2])
    with pytest.raises(ValueError, match="target has shape"):
        ops.softmax_cross_entropy(LOGITS, SOFT[:2])


def test_empty_batch():
    assert ops.softmax_cross_entropy(np.zeros((0, 4), np.float32), np.zeros(0, np.int64)).shape == (0,)
