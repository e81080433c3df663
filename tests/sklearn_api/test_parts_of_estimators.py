"""The parts that estimators are put together from, at their limits."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import lamina

pytest.importorskip("sklearn")

from sklearn.utils.class_weight import compute_class_weight

from lamina.sklearn import (
    MLPAutoencoder,
    MLPClassifier,
    MLPRegressor,
    ModelClassifier,
    ModelRegressor,
    ModelTransformer,
)
from lamina.sklearn.base import SparseBatches, weighted
from lamina.sklearn.checks import keep, number, sample_weights
from lamina.sklearn.mlp import MLP
from lamina.sklearn.progress import Progress
from lamina.sklearn.targets import Classes, Head

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2


# ---- numbers ----


@pytest.mark.parametrize(
    ("name", "least", "below", "whole"),
    [
        ("max_iter", 1, None, True), ("batch_size", 1, None, True), ("alpha", 0, None, False), ("tol", 0, None, False),
        ("learning_rate_init", 0, None, False), ("dropout", 0, 1, False), ("n_iter_no_change", 1, None, True),
    ],
)  # fmt: skip
def test_limits_of_parameters(name, least, below, whole):
    for kind in (MLPClassifier, MLPRegressor):
        options = {"hidden_layer_sizes": (2,), "max_iter": 1}
        kind(**options | {name: least}).fit(X, Y)
        kind(**options | {name: type(X[0, 0])(least) if not whole else np.int32(least)}).fit(X, Y)
        wrong = [least - 1, True, "many", *([] if below is None else [below]), *([least + 0.5] if whole else [])]
        if not whole:
            wrong.append(least - 1e-3)
        for value in wrong:
            with pytest.raises(ValueError, match=f"{kind.__name__}: {name} must be an? (integer|number) >= {least}"):
                kind(**options | {name: value}).fit(X, Y)


def test_limits_of_own_models():
    def net(n_features_in, n_outputs):
        return lamina.Sequential([lamina.Input((n_features_in,)), lamina.layers.Dense(n_outputs)])

    for kind in (ModelClassifier, ModelRegressor):
        for name, least in (("epochs", 1), ("batch_size", 1), ("tol", 0), ("n_iter_no_change", 1)):
            kind(net, **{"epochs": 1, name: least}).fit(X, Y)
            with pytest.raises(ValueError, match=rf"{name} must be an? \w+ >= {least}(.0)?, got {least - 1}"):
                kind(net, **{"epochs": 1, name: least - 1}).fit(X, Y)
    with pytest.raises(ValueError, match="n_components must be an integer >= 1, got 0"):
        MLPAutoencoder(0).fit(X)
    assert MLPAutoencoder(1, max_iter=1).fit_transform(X).shape == (30, 1)


def test_number():
    estimator = SimpleNamespace(a=2.0, b=3)
    assert number(estimator, "a", 2.0, 2.5) == 2.0
    assert number(estimator, "b", 3, whole=True) == 3
    for name, least, below, whole in (("a", 2.1, np.inf, False), ("a", 1.0, 2.0, False), ("a", 1, np.inf, True)):
        with pytest.raises(ValueError, match=f"{name} must be"):
            number(estimator, name, least, below, whole)
    keep(estimator, {"self": 1, "__class__": 2, "c": 3})
    assert vars(estimator) == {"a": 2.0, "b": 3, "c": 3}


@pytest.mark.parametrize("samples", [1, 150, 200, 201])
def test_batches(samples):
    for given, wanted in (("auto", min(200, samples)), (7, min(7, samples)), (1000, samples)):
        assert MLPClassifier(batch_size=given)._batch_size(samples) == wanted


def test_penalties():
    """Half of alpha times the squares, by sample, in each batch."""
    x = np.zeros((450, 2))
    for options, weight, wanted in (
        ({"alpha": 3.0}, None, 0.5 * 3 * 3 / 450), ({"alpha": 3.0, "batch_size": 450}, None, 0.5 * 3 / 450),
        ({"alpha": 2.0, "batch_size": 225}, np.full(450, 2.0), 2 / 900),
    ):  # fmt: skip
        assert float(MLPClassifier(**options)._penalty(x, weight).l2) == pytest.approx(wanted)
    assert MLPClassifier(alpha=0.0)._penalty(x, None) is None


# ---- optimizers ----


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"solver": "sgd"}, {"momentum": 0.9, "nesterov": True}),
        ({"solver": "sgd", "momentum": 0.0}, {"momentum": 0.0, "nesterov": False}),
        ({"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.3}, {"momentum": 0.3, "nesterov": False}),
        ({"solver": "adam"}, {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}),
        ({"solver": "nadam", "beta_1": 0.7}, {"beta_1": 0.7, "beta_2": 0.999, "epsilon": 1e-8}),
        ({"solver": "adamax", "beta_2": 0.8, "epsilon": 1e-3}, {"beta_1": 0.9, "beta_2": 0.8, "epsilon": 1e-3}),
        ({"solver": "rmsprop"}, {"rho": 0.9}),
    ],
)
def test_optimizers(options, wanted):
    config = MLPClassifier(learning_rate_init=0.25, **options)._optimizer().get_config()
    assert {"learning_rate": 0.25, **wanted}.items() <= config.items()


@pytest.mark.parametrize(("before", "after"), [(1.0, 0.2), (1.5e-6, 3e-7), (1e-6, None), (9e-7, None)])
def test_smaller_rates(before, after):
    estimator = MLPClassifier()
    estimator.model_ = SimpleNamespace(optimizer=SimpleNamespace(learning_rate=before))
    assert estimator._smaller_rate() is (after is not None)
    assert estimator.model_.optimizer.learning_rate == pytest.approx(before if after is None else after)


def test_the_rate_of_invscaling():
    estimator = MLPClassifier(learning_rate="invscaling", learning_rate_init=0.5, power_t=0.25)
    estimator.n_iter_ = 3
    progress = estimator._progress(None, True, 40)
    assert progress.rate() == pytest.approx(0.5 / 121**0.25)
    assert (progress.patience, progress.tol, progress.smaller) == (10, 1e-4, None)
    assert estimator._progress(None, False, 40).patience is None
    adaptive = MLPClassifier(learning_rate="adaptive", tol=0.5, n_iter_no_change=3)._progress(None, True, 40)
    assert (adaptive.patience, adaptive.tol, adaptive.rate) == (3, 0.5, None)
    assert adaptive.smaller is not None


# ---- when training ends ----


def followed(losses, scores=None, **options):
    """After how many epochs training ends, the model with its weights, and the estimator."""
    estimator = SimpleNamespace(
        n_iter_=0, loss_curve_=[], best_loss_=np.inf, validation_scores_=[], best_validation_score_=-np.inf
    )
    model = SimpleNamespace(stop_training=False, optimizer=SimpleNamespace(learning_rate=1.0))
    model.get_weights = lambda: estimator.n_iter_
    model.set_weights = lambda weights: setattr(model, "weights", weights)
    left = iter(scores or ())
    options = {"tol": 0.25, "patience": 2, "score": None if scores is None else lambda: next(left), **options}
    progress = Progress(estimator, **options)
    progress.set_model(model)
    for epoch, loss in enumerate(losses):
        progress.on_epoch_end(epoch, {"loss": loss})
        if model.stop_training:
            break
    progress.on_train_end()
    assert progress.converged is model.stop_training
    assert estimator.loss_curve_ == losses[: estimator.n_iter_]
    return estimator.n_iter_, getattr(model, "weights", None), estimator


def test_losses_that_get_on_no_longer():
    assert followed([4.0, 3.75, 3.5, 3.25, 3.0])[0] == 5  # by tol each time, which is enough
    assert followed([4.0, 3.8, 3.6, 3.4, 3.2])[0] == 3
    assert followed([4.0, 3.8, 3.4, 3.2, 3.0])[0] == 5  # waiting begins anew
    assert followed([4.0, 4.0, 4.0, 4.0], patience=None)[0] == 4
    assert followed([4.0, 5.0, 3.0])[2].best_loss_ == 3.0
    seen = []
    assert followed([4.0] * 7, smaller=lambda: not seen.append(1) and len(seen) < 3)[0] == 7
    assert len(seen) == 3


def test_scores_that_get_on_no_longer():
    assert followed([1.0] * 5, [0.0, 0.25, 0.5, 0.75, 1.0])[:2] == (5, 5)
    assert followed([1.0] * 5, [0.0, 0.2, 0.1, 0.3, 1.0])[:2] == (3, 2)
    count, weights, estimator = followed([1.0] * 5, [0.5, 0.5, 0.9, 0.9, 0.9])
    assert (count, weights, estimator.best_validation_score_) == (5, 3, 0.9)
    assert followed([1.0] * 3, [0.0, 0.5, 0.75])[1] == 3
    with pytest.raises(ValueError, match="the loss is nan in pass 2"):
        followed([1.0, np.nan])


# ---- labels, and outputs that stand for them ----


def softmax(x):
    return np.exp(x) / np.exp(x).sum(1, keepdims=True)


@pytest.mark.parametrize("logits", [True, False])
@pytest.mark.parametrize(("count", "width"), [(1, 1), (1, 2), (2, 1), (2, 2), (3, 3), (4, 4)])
def test_heads(count, width, logits):
    classes = Classes(np.arange(count) * 10)
    if width != count and (width, count) != (1, 2):
        with pytest.raises(ValueError, match=f"gives {width} outputs for {count} classes; give its last layer 1, or 2"):
            Head("N", classes, width, logits)
        return
    head = Head("N", classes, width, logits)
    raw = np.random.default_rng(width).normal(size=(5, width))
    chances = 1 / (1 + np.exp(-raw)) if width == 1 else softmax(raw)
    outputs = raw if logits else chances
    both = np.concatenate([1 - chances, chances], 1) if width == 1 else chances
    wanted = np.ones((5, 1)) if count == 1 else both
    np.testing.assert_allclose(head.probabilities(outputs), wanted)
    decision = head.decision(outputs)
    if count > 2:
        assert decision.shape == (5, width)
        np.testing.assert_allclose(softmax(decision), chances)
    else:
        assert decision.shape == (5,)
        odds = raw[:, 0] if width == 1 else raw[:, 1] - raw[:, 0]
        np.testing.assert_allclose(decision, odds)
    places = np.zeros(5) if count == 1 else wanted.argmax(1)
    np.testing.assert_array_equal(classes.places(decision), places)
    np.testing.assert_array_equal(classes.labels(decision), places * 10)
    assert classes.outputs == (count if count > 2 else 1)
    indices = np.arange(count)
    target = head.targets(indices, np.float32)
    assert target.shape == ((count, 1) if width == 1 else (count,))
    np.testing.assert_array_equal(target.reshape(-1), indices)
    one_hot = Head("N", classes, width, logits, "categorical_crossentropy").targets(indices, np.float32)
    np.testing.assert_array_equal(one_hot, indices[:, None] if width == 1 else np.eye(width, dtype=np.float32))


def test_heads_of_several_labels():
    classes = Classes(np.array([[0, 1, 1], [1, 0, 0]]))
    head = Head("N", classes, 3, True)
    raw = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(head.probabilities(raw), 1 / (1 + np.exp(-raw)))
    np.testing.assert_array_equal(head.decision(raw), raw)
    np.testing.assert_array_equal(classes.labels(raw), raw > 0)
    np.testing.assert_array_equal(classes.labels(np.zeros((1, 3))), [[0, 0, 0]])
    with pytest.raises(ValueError, match="gives 1 outputs for 3 classes; give its last layer 3 units"):
        Head("N", classes, 1, True)
    with pytest.raises(ValueError, match="expected 3 labels a sample"):
        classes.indices(np.eye(2))


def test_certain_outputs_have_finite_decisions():
    head = Head("N", Classes([0, 1]), 1, False)
    decision = head.decision(np.array([[0.0], [1.0]], np.float32))
    assert np.isfinite(decision).all()
    np.testing.assert_allclose(decision, [-87.33654, 87.33654], rtol=1e-5)
    np.testing.assert_array_equal(Classes([0, 1]).places(np.zeros(1)), [0])


def test_weights_of_classes():
    classes, labels = Classes([0, 1, 2]), np.array([0, 0, 0, 1, 1, 2])
    each = classes.weights("balanced", labels, None)
    np.testing.assert_allclose(each, compute_class_weight("balanced", classes=classes.values, y=labels)[labels])
    given = np.array([1.0, 1, 1, 2, 2, 5])
    np.testing.assert_allclose(
        classes.weights("balanced", labels, given), given * 12 / (3 * np.array([3.0] * 3 + [4, 4, 5]))
    )
    by_dict = classes.weights({0: 2.0, 1: 3.0, 2: 4.0}, labels, given)
    np.testing.assert_allclose(by_dict, given * np.array([2.0, 2, 2, 3, 3, 4]))
    few = classes.weights("balanced", labels, given * 0.1)
    np.testing.assert_allclose(few, given * 0.1 * 1.2 / (3 * np.array([0.3] * 3 + [0.4, 0.4, 0.5])))
    assert classes.weights(None, labels, given) is given


# ---- data ----


def test_weights_of_samples():
    x = np.arange(6.0).reshape(3, 2)
    assert sample_weights(None, x) is None
    np.testing.assert_array_equal(sample_weights([0, 1, 0.5], x), [0, 1, 0.5])
    rows, y, weight = weighted(x, np.arange(3), [0, 1, 0.5])
    np.testing.assert_array_equal(rows, x[1:])
    assert (y.tolist(), weight.tolist()) == ([1, 2], [1, 0.5])


@pytest.mark.parametrize("size", [1, 2, 5])
def test_sparse_batches(size):
    sparse = pytest.importorskip("scipy.sparse")
    rows, y, weight = np.random.default_rng(0).normal(size=(5, 3)), np.arange(5), np.arange(5) + 10
    of = SparseBatches(sparse.csr_matrix(rows), y, weight, size, np.random.default_rng(1))
    assert len(of) == -(-5 // size)
    found = [np.concatenate(part) for part in zip(*(of[i] for i in range(len(of))), strict=True)]
    np.testing.assert_array_equal(found[1], np.random.default_rng(1).permutation(5))
    np.testing.assert_array_equal(found[0], rows[found[1]])
    np.testing.assert_array_equal(found[2], weight[found[1]])
    np.testing.assert_array_equal(SparseBatches(sparse.csr_matrix(rows), None, None, size)[0], rows[:size])


@pytest.mark.parametrize(("fraction", "held"), [(0.1, 3), (0.25, 8), (0.02, 1)])
def test_data_held_out(fraction, held):
    estimator = MLPRegressor(validation_fraction=fraction)
    estimator._generator = np.random.default_rng(0)
    (_, y, weight), (x2, y2, weight2) = estimator._held_out(X, np.arange(30), None, None)
    assert (len(y2), len(y), weight, weight2) == (held, 30 - held, None, None)
    assert sorted([*y, *y2]) == list(range(30))
    np.testing.assert_array_equal(X[y2], x2)
    estimator._generator = np.random.default_rng(0)
    parts = estimator._held_out(X, np.arange(30), np.arange(30) + 1.0, None)
    np.testing.assert_array_equal(parts[0][2], parts[0][1] + 1)
    np.testing.assert_array_equal(parts[1][2], parts[1][1] + 1)


@pytest.mark.parametrize("fraction", [0.0, 0.016, 0.99, 1.0, -0.1])
def test_fractions_that_leave_a_part_empty(fraction):
    estimator = MLPRegressor(validation_fraction=fraction)
    estimator._generator = np.random.default_rng(0)
    with pytest.raises(ValueError, match="validation_fraction"):
        estimator._held_out(X, np.arange(30), None, None)


@pytest.mark.parametrize("counts", [(15, 15), (20, 6, 4), (29, 1), (8, 8, 7, 7), (28, 2)])
def test_parts_hold_all_classes_where_they_can(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    can = min(counts) > 1 and len(counts) <= 3  # three are held out
    for seed in range(6):
        estimator = MLPClassifier()
        estimator._generator = np.random.default_rng(seed)
        (_, y, _), (_, held, _) = estimator._held_out(X, labels, None, labels)
        assert len(held) == 3
        if can and len(counts) == 2 and counts[0] == 15:
            assert {1, 2} == set(np.bincount(held))
        if can and len(counts) == 3:
            assert np.bincount(held)[0] == 2
        assert len(y) == 27


def test_layers_of_perceptrons():
    fitted = MLPClassifier((5, 4), dropout=0.5, activation="logistic", max_iter=1).fit(X, Y)
    kinds = [type(layer).__name__ for layer in fitted.model_.layers]
    assert kinds == ["Dense", "Dropout", "Dense", "Dropout", "Dense"]
    assert [layer.rate for layer in fitted.model_.layers if isinstance(layer, lamina.layers.Dropout)] == [0.5, 0.5]
    assert (fitted.n_layers_, fitted.out_activation_) == (4, "logistic")
    assert [c.shape for c in fitted.coefs_] == [(3, 5), (5, 4), (4, 1)]
    assert [b.shape for b in fitted.intercepts_] == [(5,), (4,), (1,)]
    assert isinstance(fitted, MLP)
    assert MLPClassifier(6, max_iter=1).fit(X, np.arange(30) % 3).out_activation_ == "softmax"
    net = MLPAutoencoder(2, hidden_layer_sizes=(5, 4), max_iter=1).fit(X)
    assert [layer.units for layer in net._dense()] == [5, 4, 2, 4, 5, 3]
    assert net.n_layers_ == 7
    for kind, loss_weight in (("squared_error", 0.5), ("mse", None)):
        fitted = MLPRegressor((2,), loss=kind, max_iter=1, shuffle=False, random_state=0).fit(X, Y)
        assert fitted.model_.get_compile_config()["loss_weights"] == loss_weight
        assert (
            MLPAutoencoder(1, loss=kind, max_iter=1).fit(X).model_.get_compile_config()["loss_weights"] == loss_weight
        )


@pytest.mark.parametrize("labels", [2, 3])
def test_parts_of_several_labels_need_no_classes(labels):
    y = (X[:, :labels] > 0).astype(int)
    fitted = MLPClassifier((2,)).partial_fit(X, y).partial_fit(X, y)
    assert fitted.predict(X).shape == y.shape
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        MLPClassifier((2,)).partial_fit(X, y[:, :1])


def test_samples_of_no_weight_are_left_out():
    """As if they were not there, in everything that is learnt."""
    weight = np.where(np.arange(30) < 25, 0.5, 0.0)
    for kind, y in ((MLPClassifier, Y), (MLPRegressor, X[:, 0]), (MLPAutoencoder, None)):
        options = {"hidden_layer_sizes": (3,), "max_iter": 3, "random_state": 0, "tol": 0.0}
        a = kind(**options).fit(X, y, sample_weight=weight)
        b = kind(**options).fit(X[:25], None if y is None else y[:25], sample_weight=weight[:25])
        for one, other in zip(a.coefs_, b.coefs_, strict=True):
            np.testing.assert_array_equal(one, other)


def test_several_labels_are_right_together():
    """The score of several labels a sample is the share of samples whose labels are all right, as scikit-learn's."""
    y = np.ones((40, 2), int)
    y[::2, 1] = 0  # which nothing tells: one of two samples is right, whatever is answered, and three of four labels
    model = MLPClassifier((4,), max_iter=3, early_stopping=True, validation_fraction=0.5, random_state=0)
    model.fit(np.zeros((40, 3)), y)
    assert 0.2 < max(model.validation_scores_) < 0.7
    np.testing.assert_allclose(model.score(np.zeros((40, 3)), y), 0.5)


def test_a_transformer_learns_several_numbers():
    X = np.random.default_rng(0).random((30, 4)).astype("f4")
    parts = [lamina.Input((4,)), lamina.layers.Dense(3, name="code"), lamina.layers.Dense(2)]
    options = {"optimizer": "adam", "optimizer_kwargs": {"learning_rate": 0.05}, "epochs": 150, "random_state": 0}
    model = ModelTransformer(lamina.Sequential(parts), layer="code", supervised=True, **options)
    assert model.fit_transform(X, X[:, :2] * 3).shape == (30, 3)
    np.testing.assert_allclose(model.model_(X), X[:, :2] * 3, atol=0.3)
