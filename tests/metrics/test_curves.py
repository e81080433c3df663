"""Areas under curves, and rates at least so good, threshold by threshold."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lamina import metrics

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, (40, 3))
P = np.clip(0.25 + 0.4 * Y + 0.25 * RNG.standard_normal(Y.shape), 0, 1)
W = RNG.uniform(0, 2, 40)
UNEVEN = [0.05, 0.1, 0.11, 0.4, 0.45, 0.9]
TINY = 1e-7


def share(a, b):
    return a / b if b else 0.0


def counts(y, p, w, t):
    """True positives, false positives, true and false negatives, where what is above a threshold is positive."""
    above = p > t
    return [float((w * m).sum()) for m in (above & (y == 1), above & (y == 0), ~above & (y == 0), ~above & (y == 1))]


def point(curve, tp, fp, tn, fn):
    if curve == "ROC":
        return share(fp, fp + tn), share(tp, tp + fn)
    if curve == "PR":
        return share(tp, tp + fn), share(tp, tp + fp)
    if not tp:
        return 0.0, 1.0
    odds = share(tp + fn, tn + fp)
    return max(1 - odds * fn / tp, 0), 1 - odds * fp / tp


def area(y, p, w, thresholds, curve, method):
    steps = [counts(y, p, w, t) for t in [-TINY, *thresholds, 1 + TINY]]
    total = 0.0
    for (tp, fp, tn, fn), (tp1, fp1, tn1, fn1) in itertools.pairwise(steps):
        if curve == "PR" and method == "interpolation":  # Davis and Goadrich 2006
            positives, next_positives = tp + fp, tp1 + fp1
            slope = share(tp - tp1, positives - next_positives)
            ratio = positives / next_positives if positives > 0 and next_positives > 0 else 1.0
            total += share(slope * (tp - tp1 + (tp1 - slope * next_positives) * np.log(ratio)), tp1 + fn1)
            continue
        (x, y0), (x1, y1) = point(curve, tp, fp, tn, fn), point(curve, tp1, fp1, tn1, fn1)
        total += (x - x1) * {"interpolation": (y0 + y1) / 2, "minoring": min(y0, y1), "majoring": max(y0, y1)}[method]
    return total


@pytest.mark.parametrize("curve", ["ROC", "PR", "PRGAIN"])
@pytest.mark.parametrize("method", ["interpolation", "minoring", "majoring"])
@pytest.mark.parametrize("thresholds", [None, UNEVEN])
@pytest.mark.parametrize("weights", [None, W])
def test_areas(curve, method, thresholds, weights):
    given = thresholds or [i / 8 for i in range(1, 8)]
    options = {"curve": curve, "summation_method": method}
    options |= {"num_thresholds": 9} if thresholds is None else {"thresholds": thresholds[::-1]}
    w = np.ones(40) if weights is None else weights
    metric = metrics.AUC(**options)
    metric.update_state(Y[:, 0], P[:, 0], weights)
    assert metric.result() == pytest.approx(area(Y[:, 0], P[:, 0], w, given, curve, method), rel=1e-6)
    logits = np.log(np.clip(P, 1e-4, 1 - 1e-4)) - np.log1p(-np.clip(P, 1e-4, 1 - 1e-4))
    for kind in (np.float64, np.float32):
        metric = metrics.AUC(from_logits=True, **options)
        metric.update_state(Y[:, 0], logits[:, 0].astype(kind), weights)
        assert metric.result() == pytest.approx(area(Y[:, 0], P[:, 0], w, given, curve, method), rel=1e-6)
    each = [area(y, p, w, given, curve, method) for y, p in zip(Y.T, P.T, strict=True)]
    for label_weights in (None, [1.0, 0.5, 2.5]):
        for labels in (None, 3):
            metric = metrics.AUC(multi_label=True, num_labels=labels, label_weights=label_weights, **options)
            metric.update_state(Y, P, None if weights is None else weights[:, None])
            assert metric.result() == pytest.approx(np.average(each, weights=label_weights), rel=1e-6)
    metric = metrics.AUC(label_weights=[1.0, 0.5, 2.5], **options)  # all labels together
    metric.update_state(Y, P, None if weights is None else weights[:, None])
    together = (w[:, None] * [1.0, 0.5, 2.5]).ravel()
    assert metric.result() == pytest.approx(area(Y.ravel(), P.ravel(), together, given, curve, method), rel=1e-6)


def test_areas_of_nothing_of_integers_and_of_one_kind():
    assert metrics.AUC(multi_label=True).result() == 0.0
    assert metrics.AUC().result() == 0.0
    assert metrics.AUC(multi_label=True, num_labels=0).result() == 0.0
    metric = metrics.AUC(from_logits=True)
    metric.update_state([0, 1, 1], np.array([-1, 0, 1]))
    assert metric.result() == pytest.approx(1.0)
    for y in (np.zeros(40, int), np.ones(40, int)):
        for curve in ("ROC", "PR", "PRGAIN"):
            metric = metrics.AUC(curve=curve, thresholds=UNEVEN)
            metric.update_state(y, P[:, 0])
            assert metric.result() == pytest.approx(area(y, P[:, 0], np.ones(40), UNEVEN, curve, "interpolation"))


AT_LEAST = {
    "SensitivityAtSpecificity": (lambda tp, fp, tn, fn: share(tn, tn + fp), lambda tp, fp, tn, fn: share(tp, tp + fn)),
    "SpecificityAtSensitivity": (lambda tp, fp, tn, fn: share(tp, tp + fn), lambda tp, fp, tn, fn: share(tn, tn + fp)),
    "PrecisionAtRecall": (lambda tp, fp, tn, fn: share(tp, tp + fn), lambda tp, fp, tn, fn: share(tp, tp + fp)),
    "RecallAtPrecision": (lambda tp, fp, tn, fn: share(tp, tp + fp), lambda tp, fp, tn, fn: share(tp, tp + fn)),
}


@pytest.mark.parametrize("name", AT_LEAST)
@pytest.mark.parametrize("n", [1, 2, 3, 11, 200])
def test_the_best_where_another_is_good_enough(name, n):
    at, best = AT_LEAST[name]
    inner = [i / (n - 1) for i in range(1, n - 1)]
    thresholds = [0.5] if n == 1 else [0.0, *inner, 1.0]
    steps = [counts(Y[:, 1], P[:, 1], W, t) for t in thresholds]
    for value in (0.0, 0.3, 0.7, 0.95, 1.0):
        want = max(best(*s) if at(*s) >= value else 0.0 for s in steps)
        metric = getattr(metrics, name)(value, num_thresholds=n)
        metric.update_state(Y[:, 1], P[:, 1], W)
        assert metric.result() == pytest.approx(want, rel=1e-9)
