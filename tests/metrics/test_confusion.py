"""Counts by thresholds, rates, curves and F-scores against closed values and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import metrics

Y = np.array([1, 1, 0, 0, 1])
P = np.array([0.9, 0.5, 0.8, 0.1, 0.2], np.float32)
W = np.array([1.0, 2.0, 3.0, 4.0, 5.0])


def value(metric, *batch):
    metric.update_state(*batch)
    return metric.result()


@pytest.mark.parametrize(
    ("name", "one", "weighted"),
    [
        ("TruePositives", 1, 1.0),  # 0.5 is not above 0.5
        ("FalsePositives", 1, 3.0),
        ("TrueNegatives", 1, 4.0),
        ("FalseNegatives", 2, 7.0),
    ],
)
def test_counts(name, one, weighted):
    cls = getattr(metrics, name)
    assert value(cls(), Y, P) == one
    assert value(cls(), Y[:, None], P[:, None], W) == weighted
    several = cls(thresholds=[0.85, 0.15])  # in the order that was given
    for part in (slice(0, 2), slice(2, 5)):
        several.update_state(Y[part], P[part], W[part])
    yes, above = Y.astype(bool), np.array([[0.85], [0.15]]) < P
    chosen = (above if "Positives" in name else ~above) & (yes == (name in ("TruePositives", "FalseNegatives")))
    np.testing.assert_array_equal(several.result(), (chosen * W).sum(1))
    several.reset_state()
    np.testing.assert_array_equal(several.result(), [0, 0])
    nan = cls(thresholds=[0.2, 0.4])
    nan.update_state([1, 0], [np.nan, np.nan])
    np.testing.assert_array_equal(nan.result(), [0, 0] if "Positives" in name else [1, 1])


def test_precision_and_recall():
    assert value(metrics.Precision(), Y, P) == 0.5
    assert value(metrics.Recall(), Y, P) == pytest.approx(1 / 3)
    assert value(metrics.Precision(), Y, P, W) == 0.25
    np.testing.assert_allclose(value(metrics.Recall([0.1, 0.5]), Y, P), [1, 1 / 3])
    assert value(metrics.Precision(), Y, np.zeros(5)) == 0.0
    y, p = np.array([[0, 1, 1], [1, 0, 0]]), np.array([[0.3, 0.2, 0.1], [0.4, 0.1, 0.4]])
    assert value(metrics.Precision(top_k=1), y, p) == 0.5  # of equals the first is the best
    assert value(metrics.Recall(top_k=2), y, p) == pytest.approx(2 / 3)
    assert value(metrics.Recall(thresholds=0.35, top_k=2), y, p) == pytest.approx(1 / 3)
    assert value(metrics.Recall(thresholds=0.15, class_id=1), y, p) == 1.0
    for weight in ([1.0, 3.0], [[1.0], [3.0]], [[1.0, 9, 9], [3.0, 9, 9]]):
        assert value(metrics.Precision(0.2, class_id=0), y, p, weight) == 0.75


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16])
def test_predictions_of_any_type(dtype):
    y, p = np.array([[1, 0, 0], [0, 1, 0]]), np.array([[1, 0, 0], [1, 0, 0]], dtype)
    assert value(metrics.Precision(), y, p) == 0.5
    assert value(metrics.Precision(top_k=1), y, p) == 0.5
    assert value(metrics.Recall([0.2, 0.7]), y, p).tolist() == [0.5, 0.5]
    assert value(metrics.F1Score("micro"), y, p) == 0.5
    assert value(metrics.AUC(), y, p) == pytest.approx(0.625)
    assert value(metrics.Recall([0.2, 0.7]), 1.0, 0.5).tolist() == [1.0, 0.0]


def test_counts_of_long_streams_are_exact():
    metric = metrics.TruePositives()
    y = np.ones(2**20, np.float32)
    for _ in range(17):  # beyond 2^24, from where on float32 loses ones
        metric.update_state(y, y)
    metric.update_state(y[:1], y[:1])
    assert metric.result() == 17 * 2**20 + 1


def rate(name, y, p, t):
    tp, fp = ((p > t) & (y == 1)).sum(), ((p > t) & (y == 0)).sum()
    fn, tn = (y == 1).sum() - tp, (y == 0).sum() - fp
    a, b = {"precision": (tp, fp), "recall": (tp, fn), "sensitivity": (tp, fn), "specificity": (tn, fp)}[name]
    return a / (a + b) if a + b else 0.0


@pytest.mark.parametrize(
    ("name", "at", "best"),
    [
        ("SensitivityAtSpecificity", "specificity", "sensitivity"),
        ("SpecificityAtSensitivity", "sensitivity", "specificity"),
        ("PrecisionAtRecall", "recall", "precision"),
        ("RecallAtPrecision", "precision", "recall"),
    ],
)
@pytest.mark.parametrize("limit", [0.0, 0.4, 0.75, 1.0])
def test_a_rate_where_another_is_high_enough(name, at, best, limit):
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, 60), rng.random(60)
    thresholds = np.arange(11) / 10
    wanted = max(rate(best, y, p, t) if rate(at, y, p, t) >= limit else 0.0 for t in thresholds)
    cls = getattr(metrics, name)
    metric = cls(limit, num_thresholds=11)
    assert value(metric, y, p) == pytest.approx(wanted)
    assert getattr(metric, at) == limit
    assert metric.get_config() == {
        at: limit, "num_thresholds": 11, "class_id": None, "name": metric.name, "dtype": None,
    }  # fmt: skip
    assert value(cls(**{at: limit}, num_thresholds=1), y, p) == (
        rate(best, y, p, 0.5) if rate(at, y, p, 0.5) >= limit else 0.0
    )
    with pytest.raises(ValueError, match=rf"{name}: {at} must be in \[0, 1\], got 1.5"):
        cls(1.5)
    with pytest.raises(ValueError, match="num_thresholds must be from 1 to 1000000, got 0"):
        cls(0.5, num_thresholds=0)
    with pytest.raises(TypeError, match=rf"missing a required argument: '{at}'"):
        cls()


@pytest.mark.parametrize("n", [2, 3, 10, 200, 1001])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predictions_at_thresholds_are_counted_exactly(n, dtype):
    at = (np.arange(n) / (n - 1)).astype(dtype)
    p = np.concatenate([at, np.nextafter(at, dtype(-1)), np.nextafter(at, dtype(2)), [dtype(np.nan)]]).clip(0, 1)
    for metric in (metrics.PrecisionAtRecall(0.5, n), metrics.AUC(n)):
        metric.update_state(np.ones(len(p)), p)
        above = np.nan_to_num(p) > np.array(metric.thresholds, dtype)[:, None]
        np.testing.assert_array_equal(metric.true_positives, above.sum(1))
        np.testing.assert_array_equal(metric.false_negatives, len(p) - above.sum(1))


def test_auc_of_known_curves():
    y, p = np.array([0, 0, 1, 1]), np.array([0, 0.5, 0.3, 0.9])
    assert value(metrics.AUC(num_thresholds=3), y, p) == 0.75  # the example of Keras's documentation
    assert value(metrics.AUC(), y, p) == 0.75
    assert value(metrics.AUC(num_thresholds=3), y, p, [1, 0, 0, 1]) == 1.0
    # points (1, 1), (1/2, 1), (0, 1/2), (0, 0) of the ROC curve
    y, p = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9])
    options = {"thresholds": [0.3, 0.7]}
    assert value(metrics.AUC(**options), y, p) == pytest.approx(0.5 + 0.5 * 0.75)
    assert value(metrics.AUC(summation_method="minoring", **options), y, p) == pytest.approx(0.5 + 0.25)
    assert value(metrics.AUC(summation_method="majoring", **options), y, p) == pytest.approx(1.0)
    logits = np.log(p / (1 - p))
    assert value(metrics.AUC(from_logits=True, **options), y, logits) == pytest.approx(0.875)
    assert value(metrics.AUC(from_logits=True), [0, 1], np.array([-1e3, 1e3], "f")) == 1.0


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("curve", ["ROC", "PR"])
def test_auc_beside_scikit_learn(curve, weighted):
    sklearn = pytest.importorskip("sklearn.metrics", reason="the comparison needs scikit-learn")
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, (3000, 3))
    p = np.clip(0.3 * y + 0.7 * rng.random((3000, 3)), 0, 1)
    w = rng.random(3000) if weighted else None
    area = sklearn.roc_auc_score if curve == "ROC" else sklearn.average_precision_score
    each = [area(y[:, i], p[:, i], sample_weight=w) for i in range(3)]
    labels = np.array([1.0, 2.0, 3.0])
    options = {"curve": curve, "num_thresholds": 2000, "multi_label": True}
    mean, by_weight = metrics.AUC(**options), metrics.AUC(label_weights=labels, num_labels=3, **options)
    for part in np.array_split(np.arange(3000), 7):
        batch = (y[part], p[part]) if w is None else (y[part], p[part], w[part])
        mean.update_state(*batch)
        by_weight.update_state(*batch)
    assert mean.result() == pytest.approx(np.mean(each), abs=2e-3)
    assert by_weight.result() == pytest.approx(np.average(each, weights=labels), abs=2e-3)
    together = metrics.AUC(curve=curve, num_thresholds=2000)
    together.update_state(y, p, w)
    repeated = None if w is None else np.repeat(w, 3)
    assert together.result() == pytest.approx(area(y.ravel(), p.ravel(), sample_weight=repeated), abs=2e-3)
    state = mean._counts.copy()
    mean.reset_state()
    assert not mean._counts.any()
    mean.update_state(y, p, w)
    np.testing.assert_allclose(mean._counts, state)


def test_f_scores():
    y, p = np.eye(3)[[0, 1, 2, 0]], np.array([[0.9, 0, 0], [0.2, 0.5, 0.4], [0.6, 0.1, 0.3], [0, 0.7, 0.2]])
    # class 0: TP 1, FP 1, FN 1; class 1: TP 1, FP 1, FN 0; class 2: TP 0, FP 0, FN 1
    np.testing.assert_allclose(value(metrics.F1Score(), y, p), [0.5, 2 / 3, 0])
    assert value(metrics.F1Score("micro"), y, p) == pytest.approx(0.5)
    assert value(metrics.F1Score("macro"), y, p) == pytest.approx((0.5 + 2 / 3) / 3)
    assert value(metrics.F1Score("weighted"), y, p) == pytest.approx((2 * 0.5 + 2 / 3) / 4)
    np.testing.assert_allclose(value(metrics.FBetaScore(beta=2.0), y, p), [0.5, 5 / 6, 0])
    assert value(metrics.F1Score("micro", threshold=0.35), y, p) == pytest.approx(2 * 2 / (2 * 2 + 3 + 2))
    parts = metrics.F1Score()
    parts.update_state(y[:3], p[:3], [1.0, 1.0, 1.0])
    parts.update_state(y[3:], p[3:], np.zeros(1))
    np.testing.assert_allclose(parts.result(), [2 / 3, 1, 0])
    parts.reset_state()
    assert parts.result() == 0.0
    assert value(metrics.F1Score(threshold=0.5), np.array([1, 0]), np.array([[0.6], [0.7]])) == pytest.approx([2 / 3])


@pytest.mark.parametrize(("average", "beta"), [(None, 1.0), ("micro", 0.5), ("macro", 2.0), ("weighted", 3.0)])
def test_f_scores_beside_scikit_learn(average, beta):
    sklearn = pytest.importorskip("sklearn.metrics", reason="the comparison needs scikit-learn")
    rng = np.random.default_rng(0)
    y, p, w = rng.integers(0, 5, 200), rng.random((200, 5)), rng.random(200)
    got = value(metrics.FBetaScore(average, beta), np.eye(5)[y], p, w)
    want = sklearn.fbeta_score(y, p.argmax(1), beta=beta, average=average, sample_weight=w)
    np.testing.assert_allclose(got, want)


def test_bad_input():
    with pytest.raises(ValueError, match=r"Precision: thresholds must be in \[0, 1\], got \[1.5\]"):
        metrics.Precision([0.5, 1.5])
    with pytest.raises(ValueError, match="Recall: top_k must be at least 1"):
        metrics.Recall(top_k=0)
    with pytest.raises(ValueError, match=r"top_k=4, but y_pred is \(2, 3\)"):
        metrics.Recall(top_k=4).update_state(np.ones((2, 3)), np.ones((2, 3)))
    for class_id, shape in ((3, (2, 3)), (0, (2,))):
        with pytest.raises(ValueError, match=f"class_id={class_id} needs predictions of that class"):
            metrics.Recall(class_id=class_id).update_state(np.ones(shape), np.ones(shape))
    with pytest.raises(ValueError, match=r"y_true is \(2,\), y_pred \(3,\)"):
        metrics.Precision().update_state(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match=r"sample_weight has shape \(3,\), the values \(2,\)"):
        metrics.Precision().update_state(np.ones(2), np.ones(2), np.ones(3))
    with pytest.raises(TypeError, match="y_pred has dtype <U1"):
        metrics.Precision().update_state(np.ones(2), np.array(["a", "b"]))
    with pytest.raises(ValueError, match="num_thresholds must be from 2 to 1000000, got 9223372036854775807"):
        metrics.AUC(2**63 - 1)
    with pytest.raises(ValueError, match="unknown curve 'ROCC': did you mean 'ROC'"):
        metrics.AUC(curve="ROCC")
    with pytest.raises(ValueError, match="unknown summation_method 'minor'"):
        metrics.AUC(summation_method="minor")
    with pytest.raises(ValueError, match="num_thresholds must be from 2 to 1000000, got 1"):
        metrics.AUC(1)
    with pytest.raises(ValueError, match="goes with multi_label=True"):
        metrics.AUC(num_labels=2)
    with pytest.raises(ValueError, match=r"label_weights is \(2,\), y_pred \(4, 3\)"):
        metrics.AUC(label_weights=[1, 2]).update_state(np.ones((4, 3)), np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"with multi_label y_pred is \(batch, 2\), got \(4, 3\)"):
        metrics.AUC(multi_label=True, num_labels=2).update_state(np.ones((4, 3)), np.ones((4, 3)))
    with pytest.raises(ValueError, match="unknown average 'mikro': did you mean 'micro'"):
        metrics.F1Score("mikro")
    with pytest.raises(ValueError, match="beta must be above 0"):
        metrics.FBetaScore(beta=0.0)
    with pytest.raises(ValueError, match="threshold must be above 0 and at most 1"):
        metrics.F1Score(threshold=0.0)
    score = metrics.F1Score()
    score.update_state(np.eye(3), np.eye(3))
    with pytest.raises(ValueError, match="this batch has 2 classes, those before had 3"):
        score.update_state(np.eye(2), np.eye(2))


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
def test_shares_of_a_confusion_matrix(normalize):
    y, p = [0, 0, 0, 1, 1, 2, 2, 2, 2, 0], [0, 1, 1, 1, 2, 2, 2, 0, 2, 0]
    metric = metrics.ConfusionMatrix(3, sparse_y_pred=True, normalize=normalize)
    metric.update_state(y, p)
    counted = np.zeros((3, 3))
    for a, b in zip(y, p, strict=True):
        counted[a, b] += 1
    whole = {None: 1, "true": counted.sum(1, keepdims=True), "pred": counted.sum(0, keepdims=True), "all": 10}
    np.testing.assert_allclose(metric.result(), counted / whole[normalize], rtol=1e-6)


def test_the_matrix_of_two_classes():
    metric = metrics.BinaryIoU([0, 1])
    metric.update_state([0, 1, 1, 0], [0.1, 0.9, 0.4, 0.6])
    np.testing.assert_array_equal(metric.total_cm, [[1, 1], [1, 1]])


def test_labels_that_are_no_classes_do_not_count():
    metric = metrics.MeanIoU(3)
    metric.update_state([0, 1, 3, -1, 2, 2, 4], [0, 1, 1, 1, 3, -1, 4])
    np.testing.assert_array_equal(metric.total_cm, [[1, 0, 0], [0, 1, 0], [0, 0, 0]])


def test_predictions_that_are_next_to_nothing_choose_no_class():
    for least, chosen in ((1e-10, 0.0), (1e-8, 1.0)):
        metric = metrics.FBetaScore(average="micro")
        metric.update_state(np.array([[1.0, 0.0]]), np.array([[least, 0.0]]))
        assert metric.result() == chosen


def test_state_of_metrics_is_not_trained():
    metric = metrics.Mean()
    assert not metric.add_variable((), name="more").trainable
    assert not any(v.trainable for v in metric.variables)
