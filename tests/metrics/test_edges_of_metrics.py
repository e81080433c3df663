"""Metrics at the edges of their options: the last value that is right, the first that is wrong, the thresholds."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from lamina import metrics

NEEDED = {
    "ConfusionMatrix": (3,), "IoU": (3, [0]), "MeanIoU": (3,), "OneHotIoU": (3, [0]), "OneHotMeanIoU": (3,),
    "SensitivityAtSpecificity": (0.5,), "SpecificityAtSensitivity": (0.5,), "PrecisionAtRecall": (0.5,),
    "RecallAtPrecision": (0.5,),
}  # fmt: skip
WITHOUT = {"Metric", "MeanMetricWrapper"}  # which take a function or none
CLASSES = {n: c for n in metrics.__all__ if isinstance(c := getattr(metrics, n), type) and n not in WITHOUT}
OPTIONS = {n: inspect.signature(c).parameters for n, c in CLASSES.items()}

# Of each option the values that are still right, and those that are wrong, in every class that has it.
RANGES = {
    "thresholds": ([0, 1, [0.0, 1.0], [0, 0.5, 1]], [-1e-9, 1 + 1e-9, [0.5, -1e-9], [1 + 1e-9, 0.5]]),
    "threshold": ([1e-9, 1], [0, -1e-9, 1 + 1e-9]),
    "top_k": ([1, 2], [0, -1]),
    "num_thresholds": ([2, 3, 10**6], [0, -1, 10**6 + 1]),
    "num_classes": ([1, 2], [0, -1, 2**15 + 1]),
    "beta": ([1e-9, 2], [0, -1.0]),
    "specificity": ([0, 1], [-1e-9, 1 + 1e-9]),
    "sensitivity": ([0, 1], [-1e-9, 1 + 1e-9]),
    "recall": ([0, 1], [-1e-9, 1 + 1e-9]),
    "precision": ([0, 1], [-1e-9, 1 + 1e-9]),
    "far": ([0, 1], [-1e-9, 1 + 1e-9]),
    "target_class_ids": ([[0], [1]], [[], [-1], [3]]),
}
ANY_THRESHOLD = {"BinaryAccuracy", "BinaryIoU"}  # for logits, too


def made(name, **options):
    """A metric with the arguments that it needs besides."""
    names = list(OPTIONS[name])
    given = {k: v for k, v in zip(names, NEEDED.get(name, ()), strict=False) if k not in options}
    if name == "IoU" and "num_classes" in options:
        given["target_class_ids"] = [0]
    return CLASSES[name](**given, **options)


@pytest.mark.parametrize(("name", "option"), [(n, o) for n in CLASSES for o in OPTIONS[n] if o in RANGES])
def test_an_option_at_both_ends_of_its_range(name, option):
    right, wrong = RANGES[option]
    if option == "threshold" and name in ANY_THRESHOLD:
        right, wrong = [-1.0, 0.0, 2.0], []
    if (name, option) == ("AUC", "num_thresholds"):
        wrong = [*wrong, 1]
    if (name, option) == ("AUC", "thresholds"):  # which are always several
        right, wrong = ([v for v in values if isinstance(v, list)] for values in (right, wrong))
    for value in right:
        metric = made(name, **{option: value})
        if hasattr(metric, option) and option not in ("thresholds", "num_thresholds"):
            assert getattr(metric, option) == value
    for value in wrong:
        with pytest.raises(ValueError, match=f"^{name}: "):
            made(name, **{option: value})


@pytest.mark.parametrize("name", CLASSES)
def test_before_the_first_batch_and_after_a_reset(name):
    """Sums are zero, and so is what is divided by them; without an error there is nothing to be perplexed about."""
    fresh = np.asarray(made(name).result(), np.float64)
    np.testing.assert_array_equal(fresh, np.full_like(fresh, 1.0 if name == "Perplexity" else 0.0))


ABOVE = {  # whether a prediction counts as yes at the threshold, and just above and below it; and what is counted
    "TruePositives": ([0, 1, 0], lambda yes: yes), "FalseNegatives": ([0, 1, 0], lambda yes: 1 - yes),
    "Recall": ([0, 1, 0], lambda yes: yes), "BinaryAccuracy": ([0, 1, 0], lambda yes: yes),
    "BinaryIoU": ([1, 1, 0], lambda yes: yes), "F1Score": ([0, 1, 0], lambda yes: yes),
    "FBetaScore": ([0, 1, 0], lambda yes: yes),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threshold", [None, 0.1, 0.7])
@pytest.mark.parametrize("name", ABOVE)
def test_predictions_at_a_threshold_in_their_own_precision(name, threshold, dtype):
    option = "thresholds" if "thresholds" in OPTIONS[name] else "threshold"
    if threshold is None and OPTIONS[name][option].default is None and option == "threshold":
        return  # F-scores without a threshold take the best class
    at = dtype(0.5 if threshold is None else threshold)  # Keras's default
    for p, yes in zip((at, np.nextafter(at, dtype(1)), np.nextafter(at, dtype(0))), ABOVE[name][0], strict=True):
        options = {} if threshold is None else {option: threshold}
        if name == "BinaryIoU":
            options["target_class_ids"] = [1]
        metric = made(name, **options)
        metric.update_state(np.ones((1, 1)), np.full((1, 1), p, dtype))
        assert float(np.squeeze(metric.result())) == ABOVE[name][1](yes)


@pytest.mark.parametrize("name", ["FalsePositives", "TrueNegatives"])
def test_answers_of_no_at_the_default_threshold(name):
    for p, above in ((0.5, 0), (np.nextafter(np.float32(0.5), np.float32(1)), 1)):
        metric = made(name)
        metric.update_state([0.0], np.float32([p]))
        assert metric.result() == (above if name == "FalsePositives" else 1 - above)


@pytest.mark.parametrize("class_id", [0, 1, 2, -1])
@pytest.mark.parametrize("name", [n for n in CLASSES if "class_id" in OPTIONS[n]])
def test_weights_of_samples_for_each_class(name, class_id):
    """A weight for each sample, in one column or none, is the same as one for each class of it."""
    rng = np.random.default_rng(0)
    y, p, w = rng.integers(0, 2, (30, 3)), rng.random((30, 3)), rng.random(30)
    found = []
    for weight in (w, w[:, None], np.repeat(w[:, None], 3, 1)):
        metric = made(name, class_id=class_id)
        metric.update_state(y, p, weight)
        found.append(metric.result())
    alone = made(name)
    alone.update_state(y[:, class_id], p[:, class_id], w)
    assert found == [alone.result()] * 3
    for beyond in (3, -4):
        with pytest.raises(ValueError, match="needs predictions of that class"):
            made(name, class_id=beyond).update_state(y, p)


def test_area_under_gains_of_precision_and_recall():
    """Flach and Kull 2015: gains are 1 - (1 - pi) / pi * FN / TP and FP / TP, the area is taken by trapezoids."""
    y, p = np.array([1, 0, 1, 0, 1, 1]), np.array([0.9, 0.8, 0.7, 0.6, 0.4, 0.2])
    thresholds = [0.1, 0.3, 0.5, 0.65, 0.75, 0.85]
    points = []
    for t in [-1.0, *thresholds, 2.0]:
        tp, fp, fn = ((p > t) & (y == 1)).sum(), ((p > t) & (y == 0)).sum(), ((p <= t) & (y == 1)).sum()
        odds = y.sum() / (1 - y).sum()
        points.append((max(0.0, 1 - odds * fn / tp), 1 - odds * fp / tp) if tp else (0.0, 1.0))
    x, gains = np.array(points).T
    for method, height in (
        ("interpolation", (gains[1:] + gains[:-1]) / 2),
        ("minoring", np.minimum(gains[1:], gains[:-1])),
        ("majoring", np.maximum(gains[1:], gains[:-1])),
    ):
        metric = metrics.AUC(curve="PRGAIN", thresholds=thresholds, summation_method=method)
        metric.update_state(y, p)
        assert metric.result() == pytest.approx(float((-np.diff(x) * height).sum()))


def test_top_k_at_its_edges():
    """A class whose score k - 1 others exceed is among the k best, one that k exceed is not; by default k is 5."""
    scores = -np.arange(7.0)[None]
    for c in range(7):
        for k, options in ((5, {}), (1, {"k": 1}), (3, {"k": 3})):
            wanted = float(c < k)
            assert metrics.sparse_top_k_categorical_accuracy([c], scores, **options) == wanted
            assert metrics.top_k_categorical_accuracy(np.eye(7)[[c]], scores, **options) == wanted
            order = np.arange(7)[None]
            assert metrics.sparse_top_k_categorical_accuracy([c], order, from_sorted_ids=True, **options) == wanted


def test_errors_of_equal_rates_between_two_scores():
    """Rates are linear between scores: (rejected, accepted) goes from (1/2, 0) to (0, 1) here, equal at 1/3."""
    metric = metrics.EqualErrorRate()
    metric.update_state([1, 1, 0], [3.0, 1.0, 1.0])
    assert metric.result() == pytest.approx(1 / 3)
    for far, accepted in ((0.0, 0.5), (0.499, 0.5), (0.5, 1.0), (1.0, 1.0)):
        metric = metrics.TARAtFAR(far)
        metric.update_state([1, 0, 1, 0], [4.0, 3.0, 2.0, 1.0])
        assert metric.result() == accepted
    metric = metrics.TARAtFAR()  # a thousandth, unless it is given
    metric.update_state([1, 1] + [0] * 1000, [2.0, 0.5, 1.0] + [0.0] * 999)
    assert metric.result() == 1.0
    metric.update_state([0], [1.0])
    assert metric.result() == 0.5
