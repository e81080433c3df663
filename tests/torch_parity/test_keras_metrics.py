"""Metrics beside Keras's of the same name: batches, weights, thresholds at random."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from compare import many, torch
from hypothesis import assume, given
from hypothesis import strategies as st
from keras_live import keras

from lamina import Tensor, metrics
from lamina.core.masked_tensor import attach

SEED = st.integers(0, 2**31)
THRESHOLDS = st.sampled_from([None, 0.3, [0.25, 0.5, 0.75], [0.9, 0.1], [0.0, 0.5, 1.0]])
CLASSES = 4


def agree(name, batches, *args, rtol=2e-5, **options):
    """Results after each batch, with and without weights, and after the state was reset."""
    ours, theirs = getattr(metrics, name)(*args, **options), getattr(keras.metrics, name)(*args, **options)
    for with_weights in (False, True):
        for y, p, w in batches:
            given = (y, p, w) if with_weights else (y, p)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ours.update_state(*given)
                theirs.update_state(*given)
                want = np.asarray(theirs.result())
                got = ours.result()
            np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol, err_msg=name)
        ours.reset_state()
        theirs.reset_state()
    mine, others = ours.get_config(), theirs.get_config()
    assert set(others) - set(mine) <= {"dtype"}
    again = type(ours).from_config(mine)
    assert again.get_config() == mine or "label_weights" in mine


def batches(seed, shape, targets="binary", weights=None, predictions="probabilities"):
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(3):
        p = rng.random(shape).astype("f")
        if predictions == "coarse":
            p = (np.round(p * 8) / 8).astype("f")
        elif predictions == "distribution":
            p /= p.sum(-1, keepdims=True)
        elif predictions == "normal":
            p = rng.standard_normal(shape).astype("f")
        if targets == "binary":
            y = rng.integers(0, 2, shape).astype("f")
        elif targets == "one_hot":
            y = np.eye(shape[-1], dtype="f")[rng.integers(0, shape[-1], shape[:-1])]
        elif targets == "indices":
            y = rng.integers(0, shape[-1], shape[:-1])
        else:
            y = rng.standard_normal(shape).astype("f")
        w = rng.integers(0, 4, shape[:1] if weights is None else weights).astype("f") / 2
        w.flat[0] = 1.5
        found.append((y, p, w))
    return found


@many
@given(SEED, st.integers(1, 20), THRESHOLDS, st.booleans(), st.booleans())
@pytest.mark.parametrize("name", ["TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"])
def test_counts(name, seed, n, thresholds, flat, coarse):
    shape = (n,) if flat else (n, 3)
    kind = "coarse" if coarse and thresholds != [0.0, 0.5, 1.0] else "probabilities"  # Keras drops 0 at even ones
    agree(name, batches(seed, shape, predictions=kind), thresholds=thresholds)


@many
@given(SEED, st.integers(2, 20), THRESHOLDS, st.sampled_from([None, 1, 2]), st.sampled_from([None, 0, 3]))
@pytest.mark.parametrize("name", ["Precision", "Recall"])
def test_precision_and_recall(name, seed, n, thresholds, top_k, class_id):
    if top_k and thresholds == [0.0, 0.5, 1.0]:
        thresholds = [0.5]  # Keras clips what is not among the best to 0 and drops it
    agree(name, batches(seed, (n, CLASSES)), thresholds=thresholds, top_k=top_k, class_id=class_id)


@many
@given(SEED, st.integers(2, 30), st.floats(0, 1), st.sampled_from([1, 2, 7, 200]), st.sampled_from([None, 1]))
@pytest.mark.parametrize(
    "name", ["SensitivityAtSpecificity", "SpecificityAtSensitivity", "PrecisionAtRecall", "RecallAtPrecision"]
)
def test_rates_where_others_are_high_enough(name, seed, n, value, thresholds, class_id):
    agree(name, batches(seed, (n, 3)), round(value, 3), num_thresholds=thresholds, class_id=class_id)


@many
@given(
    SEED,
    st.integers(2, 40),
    st.sampled_from(["ROC", "PR", "PRGAIN"]),
    st.sampled_from(["interpolation", "minoring", "majoring"]),
    st.sampled_from([{}, {"num_thresholds": 2}, {"num_thresholds": 11}, {"thresholds": [0.1, 0.7, 0.3]}]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_auc(seed, n, curve, method, thresholds, multi_label, label_weights, from_logits):
    given = batches(seed, (n, 3), predictions="normal" if from_logits else "coarse")
    weights = [0.5, 2.0, 1.0] if label_weights else None
    options = {"curve": curve, "summation_method": method, "label_weights": weights, "from_logits": from_logits}
    if multi_label and "thresholds" in thresholds:
        thresholds = {}  # fails in Keras with weights
    agree("AUC", given, multi_label=multi_label, **options, **thresholds)


@many
@given(SEED, st.integers(2, 20), st.sampled_from([None, "micro", "macro", "weighted"]), st.sampled_from([None, 0.4]))
def test_f_scores(seed, n, average, threshold):
    given = batches(seed, (n, CLASSES), targets="binary" if threshold else "one_hot")
    agree("F1Score", given, average=average, threshold=threshold)
    agree("FBetaScore", given, average=average, threshold=threshold, beta=2.0)


@many
@given(SEED, st.integers(1, 5), st.sampled_from([None, 0, -1]), st.booleans())
def test_intersection_over_union(seed, n, ignore, dtype):
    options = {"ignore_class": ignore, "dtype": "float32"}
    one_hot = batches(seed, (n, 3, CLASSES), targets="one_hot", weights=(n, 3))
    indices = [(y.argmax(-1), p.argmax(-1), w) for y, p, w in one_hot]
    agree("MeanIoU", indices, CLASSES, **options)
    agree("IoU", indices, CLASSES, [0, 2], **options)
    agree("MeanIoU", [(y.argmax(-1), p, w) for y, p, w in one_hot], CLASSES, sparse_y_pred=False, **options)
    agree("OneHotMeanIoU", one_hot, CLASSES, **options)
    agree("OneHotIoU", one_hot, CLASSES, [1], **options)
    agree("OneHotIoU", [(y, p.argmax(-1), w) for y, p, w in one_hot], CLASSES, [1, 3], sparse_y_pred=True, **options)
    agree("BinaryIoU", batches(seed, (n, 3), weights=(n, 3)), (1,), threshold=0.4, dtype="float32")
    if dtype:
        agree("MeanIoU", [(y, p, np.ceil(w).astype(int)) for y, p, w in indices], CLASSES)


@many
@given(SEED, st.integers(2, 9), st.integers(2, 7))
@pytest.mark.parametrize(
    "name",
    [
        "MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "LogCoshError", "RootMeanSquaredError",
        "MeanSquaredLogarithmicError", "Hinge", "SquaredHinge", "CosineSimilarity", "Poisson", "PearsonCorrelation",
        "ConcordanceCorrelation", "Accuracy", "BinaryAccuracy",
    ],
)  # fmt: skip
def test_means(name, seed, n, width):
    numbers = ("MeanSquaredError", "MeanAbsoluteError", "LogCoshError", "PearsonCorrelation", "ConcordanceCorrelation")
    kind = "numbers" if name in numbers or "Mean" in name else "one_hot"
    given = batches(seed, (n, width), targets=kind, predictions="probabilities" if name == "Poisson" else "normal")
    tolerance = 2e-3 if "Correlation" in name or "Percentage" in name else 2e-5  # 1e-7 in Keras's denominator
    agree(name, given, rtol=tolerance)


@many
@given(SEED, st.integers(1, 9), st.booleans(), st.sampled_from([0.0, 0.2]))
def test_means_of_classes(seed, n, from_logits, smoothing):
    kind = "normal" if from_logits else "distribution"
    given = batches(seed, (n, CLASSES), targets="one_hot", predictions=kind)
    agree("BinaryCrossentropy", given, from_logits=from_logits, label_smoothing=smoothing)
    agree("CategoricalCrossentropy", given, from_logits=from_logits, label_smoothing=smoothing)
    for name in ("CategoricalAccuracy", "CategoricalHinge", "KLDivergence"):
        agree(name, given)
    agree("TopKCategoricalAccuracy", given, k=2)
    sparse = batches(seed, (n, 3, CLASSES), targets="indices", predictions=kind)
    agree("SparseCategoricalCrossentropy", sparse, from_logits=from_logits)
    agree("SparseCategoricalAccuracy", sparse)
    agree("SparseTopKCategoricalAccuracy", sparse, k=2)
    ids = [(y, np.argsort(-p, -1).astype("f"), w) for y, p, w in sparse]
    agree("SparseTopKCategoricalAccuracy", ids, k=2, from_sorted_ids=True)
    ignoring = metrics.SparseCategoricalCrossentropy(from_logits=from_logits, ignore_class=0)
    other = keras.metrics.SparseCategoricalCrossentropy(from_logits=from_logits, ignore_class=0)
    for y, p, w in sparse:
        weight = np.broadcast_to(w[:, None], y.shape)  # without weights Keras counts the ignored ones
        y[0, 0] = 1
        ignoring.update_state(y, p, weight)
        other.update_state(y, p, weight)
    assert ignoring.result() == pytest.approx(float(other.result()), rel=1e-5)


@many
@given(
    SEED,
    st.integers(2, 9),
    st.sampled_from([None, "uniform_average", "variance_weighted_average"]),
    st.integers(0, 2),
    st.integers(1, 3),
)
def test_r2(seed, n, aggregation, regressors, outputs):
    given = batches(seed, (n, outputs), targets="numbers", predictions="normal")
    given = [(y, p, w + 0.5) for y, p, w in given]  # one target alone gives NaN in Keras
    assume(min(np.var(y, 0).min() for y, _, _ in given) > 0.01)  # of targets alike Keras loses the variance in float32
    agree("R2Score", given, class_aggregation=aggregation, num_regressors=regressors, rtol=1e-3)


@many
@given(SEED, st.integers(1, 9))
def test_sums(seed, n):
    values = np.random.default_rng(seed).standard_normal((2, n, 3)).astype("f")
    for name in ("Sum", "Mean"):
        ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
        for v in values:
            for weight in (None, np.arange(n) + 0.5, np.arange(3 * n).reshape(n, 3) + 0.5):
                ours.update_state(v, weight)
                theirs.update_state(v, weight)
                assert ours.result() == pytest.approx(float(theirs.result()), rel=1e-5, abs=1e-5)


SHAPES = st.sampled_from([(6, 5, CLASSES), (6, CLASSES), (6, 5, 2, CLASSES), (6, 1), (6, 5, 1)])


@many
@given(SEED, SHAPES, st.booleans(), st.booleans())
@pytest.mark.parametrize(
    "name",
    [
        "Accuracy", "BinaryAccuracy", "BinaryCrossentropy", "CategoricalAccuracy", "CategoricalHinge", "Hinge",
        "KLDivergence", "MeanAbsoluteError", "MeanSquaredError", "RootMeanSquaredError", "CosineSimilarity",
        "SparseCategoricalAccuracy", "SparseCategoricalCrossentropy",
    ],
)  # fmt: skip
def test_masks_and_weights(name, seed, shape, with_mask, with_weights):
    """Of samples, or of steps where there are some; Keras 3.15 takes no mask for RootMeanSquaredError."""
    rng = np.random.default_rng(seed)
    (y, p, _), *_ = batches(seed, shape, targets="indices" if "Sparse" in name else "binary")
    sizes = shape[: max(1, min(2, len(shape) - 1))]
    mask = rng.random(sizes) < 0.7 if with_mask and name != "RootMeanSquaredError" else None
    weight = rng.uniform(0.5, 2, sizes).astype("f") if with_weights else None
    ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
    other = torch.tensor(p)
    if mask is not None:
        keras.src.backend.set_keras_mask(other, torch.tensor(mask))
    theirs.update_state(torch.tensor(y), other, None if weight is None else torch.tensor(weight))
    ours.update_state(y, p if mask is None else attach(Tensor(p), Tensor(mask)), weight)
    np.testing.assert_allclose(ours.result(), np.asarray(theirs.result()), rtol=2e-5, atol=1e-6)


FUNCTIONS = {
    "binary_focal_crossentropy", "categorical_focal_crossentropy",
    "binary_crossentropy", "categorical_crossentropy", "categorical_hinge", "concordance_correlation", "hinge",
    "huber", "kl_divergence", "log_cosh", "mean_absolute_error", "mean_absolute_percentage_error",
    "mean_squared_error", "mean_squared_logarithmic_error", "pearson_correlation", "poisson", "squared_hinge",
    "categorical_accuracy", "top_k_categorical_accuracy",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions(name):
    rng = np.random.default_rng(0)
    y, p = np.eye(5, dtype="f")[rng.integers(0, 5, 9)], rng.random((9, 5)).astype("f") + 0.01
    if "log" in name or "absolute" in name:
        y = y + 0.5
    got, want = getattr(metrics, name)(y, p), getattr(keras.metrics, name)(y, p)
    assert isinstance(got, np.ndarray)
    np.testing.assert_allclose(got, np.asarray(want), rtol=2e-5, atol=1e-6)


def test_every_name_and_direction():
    assert not {n for n in dir(keras.metrics) if n[0] != "_"} - set(metrics.__all__)
    for name in metrics.__all__:
        ours, theirs = getattr(metrics, name), getattr(keras.metrics, name, None)
        if not isinstance(ours, type) or theirs is None or name in ("Metric", "MeanMetricWrapper"):
            continue
        arguments = {"IoU": (3, [0]), "OneHotIoU": (3, [0]), "MeanIoU": (3,), "OneHotMeanIoU": (3,)}
        given = arguments.get(name, (0.5,) if "At" in name else ())
        mine, other = ours(*given), theirs(*given)
        assert getattr(other, "_direction", mine._direction) == mine._direction, name
        assert mine.name.rstrip("_0123456789") == other.name.rstrip("_0123456789"), name
