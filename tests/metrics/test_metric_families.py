"""Intersection over union, correlations, R^2, cross-entropies, verification; all metrics in fit, saved and by name."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from lamina import Input, Sequential, callbacks, layers, losses, metrics, saving
from lamina.layers.variable import forget_names, snake_case


def value(metric, *batch):
    metric.update_state(*batch)
    return metric.result()


T, P = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 2])


def test_the_matrix_of_classes():
    matrix = metrics.ConfusionMatrix(3, sparse_y_pred=True)
    matrix.update_state(T[:2], P[:2])
    matrix.update_state(T[2:], P[2:], [1.0, 0.5, 2.0])
    np.testing.assert_array_equal(matrix.result(), [[1, 1, 0], [1, 0.5, 0], [0, 0, 2]])
    scores = metrics.ConfusionMatrix(3, normalize="true")
    scores.update_state(T[:, None], np.eye(3)[P])
    np.testing.assert_allclose(scores.result(), [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]])
    assert value(metrics.ConfusionMatrix(3, normalize="all"), T, np.eye(3)[P]).sum() == pytest.approx(1)
    np.testing.assert_allclose(
        value(metrics.ConfusionMatrix(4, normalize="pred"), T, np.eye(4)[P]).sum(0), [1, 1, 1, 0]
    )
    scores.reset_state()
    assert not scores.result().any()
    with pytest.raises(ValueError, match="unknown normalize 'rows'"):
        metrics.ConfusionMatrix(3, normalize="rows")
    with pytest.raises(ValueError, match="num_classes must be from 1 to 32768, got 0"):
        metrics.ConfusionMatrix(0)


def test_intersection_over_union():
    assert value(metrics.IoU(3, [0]), T, P) == pytest.approx(1 / 3)
    assert value(metrics.IoU(3, [0, 2]), T, P) == pytest.approx((1 / 3 + 1) / 2)
    assert value(metrics.MeanIoU(3), T, P) == pytest.approx((1 / 3 + 1 / 3 + 1) / 3)
    assert value(metrics.MeanIoU(5), T, P) == pytest.approx((1 / 3 + 1 / 3 + 1) / 3)  # what never occurs is left out
    assert value(metrics.MeanIoU(2), T, P) == pytest.approx(1 / 3)  # 2 is no class then
    assert value(metrics.MeanIoU(3, ignore_class=2), T, P) == pytest.approx(1 / 3)
    assert value(metrics.MeanIoU(3), T, P, [1, 0, 0, 1, 0.5]) == 1.0
    assert value(metrics.OneHotIoU(3, [0]), np.eye(3)[T], np.eye(3)[P]) == pytest.approx(1 / 3)
    first = np.eye(3)[T].T, np.eye(3)[P].T
    assert value(metrics.OneHotMeanIoU(3, axis=0), *first) == pytest.approx((1 / 3 + 1 / 3 + 1) / 3)
    assert value(metrics.OneHotMeanIoU(3, sparse_y_pred=True), np.eye(3)[T], P) == pytest.approx(5 / 9)
    y, p = np.array([[0, 1], [0, 1]]), np.array([[0.1, 0.2], [0.4, 0.7]])
    assert value(metrics.BinaryIoU([0, 1], 0.3), y, p) == pytest.approx(1 / 3)
    assert value(metrics.BinaryIoU([1], 0.7), y, p.astype("f")) == pytest.approx(0.5)  # from the threshold on
    assert value(metrics.MeanIoU(2), np.zeros((2, 3, 3, 1)), np.zeros((2, 3, 3), int), np.ones((2, 3, 3))) == 1.0
    assert metrics.MeanIoU(3).result() == 0.0
    for wrong in ([3], [-1], []):
        with pytest.raises(ValueError, match="target_class_ids must be classes from 0 to 2"):
            metrics.IoU(3, wrong)


def test_correlations():
    rng = np.random.default_rng(0)
    y, p = rng.standard_normal((4, 9)), 1e-5 * rng.standard_normal((4, 9))  # small, where Keras's 1e-7 tells
    wanted = [np.corrcoef(a, b)[0, 1] for a, b in zip(y, p, strict=True)]
    np.testing.assert_allclose(metrics.pearson_correlation(y, p), wanted)
    assert value(metrics.PearsonCorrelation(), y, p) == pytest.approx(np.mean(wanted))
    np.testing.assert_allclose(metrics.pearson_correlation(y.T, p.T, axis=0), wanted)
    near = [
        2 * np.cov(a, b, bias=True)[0, 1] / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)
        for a, b in zip(p, 2 * p, strict=True)
    ]
    assert value(metrics.ConcordanceCorrelation(), p, 2 * p) == pytest.approx(np.mean(near))
    np.testing.assert_allclose(metrics.concordance_correlation(y, y), 1.0)
    assert metrics.concordance_correlation([1.0, 1.0], [2.0, 2.0]) == 0.0
    assert np.isnan(metrics.pearson_correlation([1.0, 1.0], [2.0, 3.0]))


def test_r2():
    sklearn = pytest.importorskip("sklearn.metrics", reason="the comparison needs scikit-learn")
    rng = np.random.default_rng(0)
    y = 1e7 + rng.standard_normal((60, 3)) * [1.0, 2.0, 3.0]  # far from 0, where sums of squares would cancel
    p, w = y + 0.5 * rng.standard_normal((60, 3)), rng.random(60)
    for ours, theirs in (
        ("uniform_average", "uniform_average"),
        ("variance_weighted_average", "variance_weighted"),
        (None, "raw_values"),
    ):
        for weight in (None, w):
            metric = metrics.R2Score(ours)
            for part in np.array_split(np.arange(60), 7):
                metric.update_state(y[part], p[part], None if weight is None else weight[part])
            want = sklearn.r2_score(y, p, multioutput=theirs, sample_weight=weight)
            np.testing.assert_allclose(metric.result(), want, rtol=1e-7)
    one = metrics.R2Score(num_regressors=2)
    one.update_state(y[:, 0], p[:, 0])
    plain = sklearn.r2_score(y[:, 0], p[:, 0])
    assert one.result() == pytest.approx(1 - (1 - plain) * 59 / 57)
    few = metrics.R2Score(num_regressors=3)
    few.update_state(y[:3, 0], p[:3, 0])
    with pytest.warns(UserWarning, match="3 values are too few for 3 regressors"):
        assert few.result() == pytest.approx(sklearn.r2_score(y[:3, 0], p[:3, 0]))
    constant = np.ones((4, 2))
    np.testing.assert_array_equal(value(metrics.R2Score(None), constant, constant + [0, 1]), [1, 0])
    few.reset_state()
    assert few.result() == 0.0
    nan = np.where(np.arange(3)[:, None] == 2, np.nan, np.array([[1.0], [2], [0]]))
    assert value(metrics.R2Score(), nan, np.array([[1.0], [2], [5]]), [1, 1, 0]) == 1.0
    with pytest.raises(ValueError, match=r"must be \(batch, outputs\), got \(2, 2, 2\)"):
        metrics.R2Score().update_state(np.ones((2, 2, 2)), np.ones((2, 2, 2)))
    with pytest.raises(ValueError, match="unknown class_aggregation 'mean'"):
        metrics.R2Score("mean")
    with pytest.raises(ValueError, match="num_regressors must not be negative"):
        metrics.R2Score(num_regressors=-1)


def test_perplexity_and_ignored_classes():
    y = np.array([[1, 0, 2], [0, 0, 1]])
    p = np.random.default_rng(0).dirichlet(np.ones(3), (2, 3))
    each = -np.log(np.take_along_axis(p, y[..., None], -1))[..., 0]
    assert value(metrics.Perplexity(), y, p) == pytest.approx(np.exp(each.mean()))
    assert value(metrics.Perplexity(from_logits=True), y, np.log(p) + 5) == pytest.approx(np.exp(each.mean()))
    kept = each[y != 0]
    assert value(metrics.Perplexity(ignore_class=0), y, p) == pytest.approx(np.exp(kept.mean()))
    first = metrics.Perplexity(ignore_class=0, axis=1)
    assert value(first, y, np.moveaxis(p, -1, 1)) == pytest.approx(np.exp(kept.mean()))
    w = np.array([1.0, 3.0])
    wanted = np.average(kept, weights=np.repeat(w[:, None], 3, 1)[y != 0])
    ignoring = metrics.SparseCategoricalCrossentropy(ignore_class=0)
    assert value(ignoring, y, p, w) == pytest.approx(wanted)
    loss = losses.SparseCategoricalCrossentropy(ignore_class=0)
    assert value(metrics.SparseCategoricalCrossentropy(ignore_class=0), y, p) == pytest.approx(float(loss(y, p)))


def test_sums():
    total = metrics.Sum()
    total.update_state([[1.0, 3.0], [5.0, np.nan]], [[1.0, 1.0], [0.5, 0.0]])
    total.update_state(7.0)
    assert total.result() == 13.5
    total.reset_state()
    assert total.result() == 0.0
    with pytest.raises(TypeError, match="values has dtype"):
        total.update_state(["a"])


def test_top_k_of_sorted_classes():
    ids = np.array([[2, 1, 0], [0, 1, 2]])
    np.testing.assert_array_equal(
        metrics.sparse_top_k_categorical_accuracy([1, 2], ids, k=2, from_sorted_ids=True), [1, 0]
    )
    assert metrics.SparseTopKCategoricalAccuracy(2, "top", None, True)([1, 2], ids) == 0.5


@pytest.mark.parametrize("scores", ["similarity", "distance"])
def test_verification_of_few_pairs(scores):
    y = np.array([1, 1, 0, 1, 0, 0])
    s = np.array([0.9, 0.8, 0.7, 0.6, 0.2, 0.1])  # accepted one after the other: same, same, other, same, other, other
    p = s if scores == "similarity" else 1 - s
    best = metrics.BestThresholdAccuracy(scores)
    assert value(best, y[:, None], p) == pytest.approx(5 / 6)
    assert best.threshold == pytest.approx(p[1])
    assert value(metrics.EqualErrorRate(scores), y, p[:, None]) == pytest.approx(1 / 3)
    for far, wanted in ((0.0, 2 / 3), (0.3, 2 / 3), (1 / 3, 1.0), (1.0, 1.0)):
        assert value(metrics.TARAtFAR(far, scores), y, p) == pytest.approx(wanted)
    assert value(metrics.TARAtFAR(0.5, scores), y, p, [1, 1, 1, 2, 1, 0]) == 1.0
    equal = np.full(6, 0.5)  # all or none are accepted
    assert value(metrics.EqualErrorRate(scores), y, equal) == 0.5
    assert value(metrics.TARAtFAR(0.5, scores), y, equal) == 0.0
    far_out = np.where(y == 1, np.inf, -np.inf) * (1 if scores == "similarity" else -1)
    far_out[1] = far_out[2]  # equal infinities are accepted together
    assert value(metrics.EqualErrorRate(scores), y, far_out) == pytest.approx(1 / 4)
    perfect = metrics.EqualErrorRate(scores)
    assert perfect.result() == 0.0
    perfect.update_state([1], [p[0]])
    assert np.isnan(perfect.result())
    perfect.update_state([0], [p[5]])
    assert perfect.result() == 0.0


def test_verification_beside_scikit_learn():
    sklearn = pytest.importorskip("sklearn.metrics", reason="the comparison needs scikit-learn")
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 500)
    p = np.round(y + 1.5 * rng.standard_normal(500), 1)  # beyond [0, 1], and with equal ones
    w = rng.random(500)
    rates = [metrics.EqualErrorRate(), metrics.TARAtFAR(0.1), metrics.BestThresholdAccuracy()]
    for metric in rates:
        for part in np.array_split(np.arange(500), 6):
            batch = y[part], p[part].copy(), w[part]
            metric.update_state(*batch)
            batch[1][:] = 0.0  # the caller's arrays are used again
    fpr, tpr, _ = sklearn.roc_curve(y, p, sample_weight=w, drop_intermediate=False)
    grid = np.linspace(0, 1, 200_001)
    eer = grid[np.argmin(np.abs(1 - grid - np.interp(grid, fpr, tpr)))]
    assert rates[0].result() == pytest.approx(eer, abs=1e-5)
    assert rates[1].result() == pytest.approx(tpr[fpr <= 0.1].max())
    yes = w[y == 1].sum()
    accuracies = (tpr * yes + (1 - fpr) * (w.sum() - yes)) / w.sum()
    assert rates[2].result() == pytest.approx(accuracies.max())
    threshold = rates[2].threshold
    assert np.average((p >= threshold) == y, weights=w) == pytest.approx(accuracies.max())


@pytest.mark.parametrize("kind", ["BestThresholdAccuracy", "EqualErrorRate", "TARAtFAR"])
def test_verification_leaves_scores_out_that_are_no_numbers(kind):
    scores, same = np.array([0.9, 0.8, 0.7, 0.4, 0.3, 0.2]), np.array([1, 1, 0, 1, 0, 0])
    weights = np.array([1.0, 2.0, 3.0, 1.0, 2.0, 1.0])
    holed, more = np.append(scores, [np.nan, np.nan]), np.append(same, [1, 0])
    options = {"far": 0.4} if kind == "TARAtFAR" else {}
    want, got = getattr(metrics, kind)(**options), getattr(metrics, kind)(**options)
    want.update_state(same, scores, weights)
    got.update_state(more, holed, np.append(weights, [5.0, 7.0]))
    assert got.result() == want.result()


def test_bad_verification():
    with pytest.raises(ValueError, match="unknown scores 'distanz': did you mean 'distance'"):
        metrics.EqualErrorRate("distanz")
    with pytest.raises(ValueError, match=r"far must be in \[0, 1\]"):
        metrics.TARAtFAR(2.0)


ARGUMENTS = {
    "ConfusionMatrix": (3,), "IoU": (3, [0]), "MeanIoU": (3,), "OneHotIoU": (3, [0]), "OneHotMeanIoU": (3,),
    "SensitivityAtSpecificity": (0.47,), "SpecificityAtSensitivity": (0.47,), "PrecisionAtRecall": (0.47,),
    "RecallAtPrecision": (0.47,),
}  # fmt: skip
CLASSES = sorted(
    n
    for n in metrics.__all__
    if isinstance(getattr(metrics, n), type) and n not in ("Metric", "MeanMetricWrapper", "Mean", "Sum")
)
DOWN = {
    "BinaryCrossentropy", "CategoricalCrossentropy", "CategoricalHinge", "EqualErrorRate", "FalseNegatives",
    "FalsePositives", "Hinge", "KLDivergence", "LogCoshError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanSquaredError", "MeanSquaredLogarithmicError", "Perplexity", "Poisson", "RootMeanSquaredError",
    "SparseCategoricalCrossentropy", "SquaredHinge",
}  # fmt: skip


def model_for(name):
    """A model, and targets that the metric takes."""
    rng = np.random.default_rng(0)
    x = rng.random((12, 4)).astype("f")
    labels = rng.integers(0, 3, 12)
    sparse = name.startswith("Sparse") or name in ("Perplexity", "ConfusionMatrix")
    binary = name in ("BestThresholdAccuracy", "EqualErrorRate", "TARAtFAR", "BinaryIoU")
    y = labels if sparse else (labels > 0).astype("f") if binary else np.eye(3, dtype="f")[labels]
    if name in ("IoU", "MeanIoU"):
        y = np.eye(3, dtype=int)[labels]
    units = 1 if binary else 3
    model = Sequential([Input((4,)), layers.Dense(units, "softmax" if units == 3 else "sigmoid")])
    return model, x, y, "mse" if not sparse else "sparse_categorical_crossentropy"


@pytest.mark.parametrize("name", CLASSES)
def test_each_metric_in_fit_saved_and_by_name(name, tmp_path):
    cls, arguments = getattr(metrics, name), ARGUMENTS.get(name, ())
    model, x, y, loss = model_for(name)
    metric = cls(*arguments, name="m")
    model.compile("sgd", loss, metrics=[metric], weighted_metrics=[cls(*arguments, name="w")])
    w = np.arange(1, 13) / 4
    history = model.fit(x, y, batch_size=5, epochs=3, sample_weight=w, validation_data=(x, y), verbose=0).history
    alone = cls(*arguments)
    p = model.predict(x, verbose=0)
    alone.update_state(y, p)
    np.testing.assert_allclose(history["val_m"][-1], alone.result(), rtol=1e-5, atol=1e-6)
    logs = model.evaluate(x, y, sample_weight=w, batch_size=5, verbose=0, return_dict=True)
    weighted = cls(*arguments)
    weighted.update_state(y, p, w)
    np.testing.assert_allclose(logs["w"], weighted.result(), rtol=1e-5, atol=1e-6)
    direction = None if name == "ConfusionMatrix" else "down" if name in DOWN else "up"
    assert metric._direction == direction
    assert model._direction("val_m") == (True, direction)
    if direction:
        stop = callbacks.EarlyStopping("val_m")
        stop.set_model(model)
        assert stop.sense == ("min" if direction == "down" else "max")
    model.save(tmp_path / "model.lamina")
    loaded = saving.load_model(tmp_path / "model.lamina")
    again = loaded.evaluate(x, y, sample_weight=w, batch_size=5, verbose=0, return_dict=True)
    for key in logs:
        np.testing.assert_allclose(again[key], logs[key], rtol=1e-6)
    assert metrics.deserialize(metrics.serialize(metric)).get_config() == metric.get_config()
    if not arguments:
        assert type(metrics.get(name)) is cls
        assert type(metrics.get(cls)) is cls
        if name != "Accuracy":  # which stands for that by shape
            assert type(metrics.get(snake_case(name))) is cls


@pytest.mark.parametrize("name", CLASSES)
def test_each_metric_may_be_derived_from_and_copied(name):
    base, arguments = getattr(metrics, name), ARGUMENTS.get(name, ())

    class Mine(base):
        """Mine."""

        def __init__(self, *, bonus=1, **options):
            super().__init__(*arguments, **options)
            self.bonus = bonus

    known = metrics.get(name) if not arguments else None
    mine = Mine(bonus=2, name="mine")
    if issubclass(base, metrics.MeanMetricWrapper):
        assert mine.get_config()["name"] == "mine"
    else:
        assert mine.get_config() == {"bonus": 2, "name": "mine", "dtype": None}
        assert Mine.from_config(mine.get_config()).bonus == 2
    assert mine._direction == base._direction
    assert known is None or type(metrics.get(name)) is type(known)
    model, x, y, _ = model_for(name)
    p = model.predict(x, verbose=0)
    mine.update_state(y, p)
    for twin in (copy.deepcopy(mine), pickle.loads(pickle.dumps(base(*arguments)))):
        twin.reset_state()
        twin.update_state(y, p)
        np.testing.assert_array_equal(twin.result(), mine.result())
        assert twin.name == mine.name or type(twin) is base


def test_names_are_keras_s():
    forget_names()
    assert [metrics.AUC().name, metrics.AUC().name, metrics.IoU(2, [0]).name] == ["auc", "auc_1", "io_u"]
    assert metrics.get("auc").name == "auc"
    assert [metrics.get(n).name for n in ("f1_score", "logcosh", "mape", "bce")] == [
        "f1_score",
        "logcosh",
        "mape",
        "bce",
    ]
    assert metrics.get(None) is None


def test_functions_are_described_by_their_names():
    assert metrics.serialize(metrics.hinge) == "hinge"
    assert metrics.deserialize("hinge")([[1.0]], [[0.25]]) == 0.75
    assert metrics.get(metrics.huber)._direction == "down"
    assert isinstance(metrics.huber([0.0], [3.0]), np.ndarray)

    class Own(metrics.Metric):
        def update_state(self, y_true, y_pred, sample_weight=None): ...

    with pytest.raises(ValueError, match="unknown metric 'Own'"):
        metrics.deserialize(metrics.serialize(Own(name="own")))
    assert metrics.deserialize(metrics.serialize(Own(name="own")), {"Own": Own}).name == "own"
    with pytest.raises(TypeError, match="expected a Metric or a function with a name"):
        metrics.serialize(3)
