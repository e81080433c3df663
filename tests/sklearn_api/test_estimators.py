"""lamina.sklearn: what its estimators learn, and that nothing but ``random_state`` decides it."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import lamina
from lamina.core import generator

pytest.importorskip("sklearn")

import joblib
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_multilabel_classification, make_regression
from sklearn.ensemble import BaggingClassifier
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_validate
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn_cases import net, pipeline

from lamina.sklearn import (
    MLPAutoencoder,
    MLPClassifier,
    MLPRegressor,
    ModelClassifier,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# ---- the same results for the same random_state ----


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_jobs_change_no_bit(cancer, backend):
    for estimator in (pipeline(early_stopping=True), ModelClassifier(net, epochs=5, random_state=1)):
        alone = cross_validate(estimator, *cancer, cv=3, n_jobs=1, return_estimator=True)
        with joblib.parallel_config(backend):
            both = cross_validate(estimator, *cancer, cv=3, n_jobs=2, return_estimator=True)
        np.testing.assert_array_equal(alone["test_score"], both["test_score"])
        for a, b in zip(alone["estimator"], both["estimator"], strict=True):
            np.testing.assert_array_equal(a.predict_proba(cancer[0]), b.predict_proba(cancer[0]))


def test_threads_change_no_bit(cancer, threads):
    found = []
    for n in (1, 2):
        threads(n)
        found.append(MLPClassifier(max_iter=5, random_state=0, dropout=0.1).fit(*cancer).predict_proba(cancer[0]))
    np.testing.assert_array_equal(*found)


def test_random_state_is_scikit_learns(cancer):
    def outcome(state):
        return MLPClassifier((8,), max_iter=3, random_state=state).fit(*cancer).coefs_[0]

    np.testing.assert_array_equal(outcome(1), outcome(1))
    assert not np.array_equal(outcome(1), outcome(2))
    state = np.random.RandomState(1)
    np.testing.assert_array_equal(outcome(state), outcome(1))
    assert not np.array_equal(outcome(state), outcome(1))  # it went on
    np.random.seed(1)  # noqa: NPY002
    np.testing.assert_array_equal(outcome(None), outcome(1))


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier(max_iter=2, random_state=0, early_stopping=True, dropout=0.1),
        ModelClassifier(net, epochs=2, random_state=0),
        lamina.wrappers.SKLearnRegressor(
            lambda X, y: [m := net(X.shape[1], 1), m.compile("adam", "mse")][0], random_state=0
        ),
    ],
)
def test_nothing_touches_global_random_state(cancer, estimator):
    lamina.random.seed(5)
    before = pickle.dumps([generator._process["numpy"].bit_generator.state, np.random.get_state()])  # noqa: NPY002
    estimator.fit(*cancer).predict(cancer[0])
    after = pickle.dumps([generator._process["numpy"].bit_generator.state, np.random.get_state()])  # noqa: NPY002
    assert before == after
    assert lamina.config.floatx() == "float32"


def test_a_seed_set_while_the_model_is_made_stays_inside(cancer):
    def seeded(n_features_in, n_outputs):
        lamina.random.seed(3)
        return net(n_features_in, n_outputs)

    lamina.random.seed(5)
    wanted = lamina.random.uniform((3,)).numpy()
    a, b = (ModelClassifier(seeded, epochs=2, random_state=s).fit(*cancer).predict_proba(cancer[0]) for s in (0, 1))
    np.testing.assert_array_equal(a, b)  # the function's seed decides
    lamina.random.seed(5)
    np.testing.assert_array_equal(lamina.random.uniform((3,)).numpy(), wanted)
    ModelClassifier(seeded, epochs=1, random_state=0).fit(*cancer)
    lamina.random.seed(5)
    np.testing.assert_array_equal(lamina.random.uniform((3,)).numpy(), wanted)


# ---- with the rest of scikit-learn ----


def test_pipelines_round_trip_through_joblib(cancer, tmp_path):
    for estimator in (pipeline(), make_pipeline(StandardScaler(), ModelClassifier(net, epochs=3, random_state=0))):
        fitted = clone(estimator).fit(*cancer)
        joblib.dump(fitted, tmp_path / "p.joblib")
        again = joblib.load(tmp_path / "p.joblib")
        np.testing.assert_array_equal(again.predict_proba(cancer[0]), fitted.predict_proba(cancer[0]))
        np.testing.assert_array_equal(
            clone(estimator).fit(*cancer).predict_proba(cancer[0]), fitted.predict_proba(cancer[0])
        )


def test_searches(cancer):
    grid = {"model__units": [2, 16], "optimizer__learning_rate": [1e-4, 1e-2], "batch_size": [64]}
    found = GridSearchCV(ModelClassifier(net, epochs=8, random_state=0), grid, cv=3, n_jobs=2).fit(*cancer)
    assert found.best_params_ == {"model__units": 16, "optimizer__learning_rate": 1e-2, "batch_size": 64}
    assert found.best_estimator_.model_.layers[0].units == 16
    assert found.best_score_ > 0.95
    drawn = {"hidden_layer_sizes": [(8,), (16, 8)], "alpha": [1e-4, 1e-2], "dropout": [0, 0.2]}
    search = RandomizedSearchCV(
        MLPClassifier(learning_rate_init=0.01, max_iter=8, random_state=0), drawn, n_iter=2, cv=2, random_state=0
    )
    assert search.fit(*cancer).best_score_ > 0.8


def test_meta_estimators(cancer):
    x, y = cancer[0][:200], cancer[1][:200]
    assert CalibratedClassifierCV(pipeline(), cv=2).fit(x, y).predict_proba(x).shape == (200, 2)
    assert BaggingClassifier(pipeline(), 2, n_jobs=2, random_state=0).fit(x, y).score(x, y) > 0.8
    fitted = pipeline().fit(x, y)
    a, b = (permutation_importance(fitted, x, y, n_repeats=2, random_state=0, n_jobs=n) for n in (1, 2))
    np.testing.assert_array_equal(a.importances, b.importances)


def test_frames_name_their_columns():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"age": np.arange(20.0), "fare": np.arange(20.0) % 3, "town": ["a", "b"] * 10})
    y = np.repeat(["no", "yes"], 10)
    fitted = MLPClassifier(max_iter=5).fit(frame[["age", "fare"]], y)
    assert list(fitted.feature_names_in_) == ["age", "fare"]
    assert fitted.n_features_in_ == 2
    with pytest.raises(ValueError, match="- age"):
        fitted.predict(frame[["fare"]])
    with pytest.raises(ValueError, match=r"columns at fault: 'town' \(no numbers\)"):
        MLPClassifier().fit(frame, y)
    frame.loc[3, "fare"] = np.nan
    with pytest.raises(ValueError, match=r"columns at fault: 'fare' \(NaN\)"):
        MLPClassifier().fit(frame[["age", "fare"]], y)
    frame.loc[3, "fare"] = np.inf
    with pytest.raises(ValueError, match=r"columns at fault: 'fare' \(infinite\)"):
        fitted.predict(frame[["age", "fare"]])


# ---- the perceptrons ----


def test_they_learn_what_scikit_learns_own_do(cancer):
    theirs = TheirClassifier((16,), max_iter=40, random_state=0).fit(*cancer)
    ours = MLPClassifier((16,), max_iter=40, random_state=0).fit(*cancer)
    assert ours.score(*cancer) > 0.95
    assert abs(ours.loss_ - theirs.loss_) < 0.1  # loss and penalty are on one scale
    assert [c.shape for c in ours.coefs_] == [c.shape for c in theirs.coefs_]
    for name in ("n_layers_", "n_outputs_", "out_activation_", "n_iter_", "t_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert len(ours.loss_curve_) == 40
    shared = set(theirs.get_params()) - {"max_fun"}
    assert {n: theirs.get_params()[n] for n in shared} == {n: ours.get_params()[n] for n in shared}


def test_the_penalty_is_scikit_learns(cancer):
    """One step of SGD from the same weights, with a penalty that outweighs the loss."""
    x, y = cancer
    options = {"alpha": 50.0, "solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1, "max_iter": 1}
    theirs = TheirClassifier((4,), **options, batch_size=len(x), activation="identity", random_state=0).fit(x, y)
    ours = MLPClassifier((4,), **options, batch_size=len(x), activation="identity", random_state=0).fit(x, y)
    assert ours.loss_ < 0.7 + 50 / (2 * len(x)) * 4 * 34
    for old in (theirs, ours):
        old.set_params(warm_start=True, max_iter=200, tol=0).fit(x, y)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=0.02)


def test_labels_of_every_type(cancer):
    x, y = cancer[0][:100], cancer[1][:100]
    for names in (np.array(["benign", "bad"]), np.array(["x", "y"], object), np.array([False, True]), [7, 9]):
        labels = np.asarray(names)[y]
        fitted = MLPClassifier((8,), learning_rate_init=0.01, max_iter=50, random_state=0).fit(x, labels)
        assert fitted.score(x, labels) > 0.9
        assert fitted.predict(x).dtype == labels.dtype
        np.testing.assert_array_equal(fitted.classes_, np.unique(labels))
        p = fitted.predict_proba(x)
        np.testing.assert_allclose(p.sum(1), 1)
        np.testing.assert_allclose(fitted.predict_log_proba(x), np.log(p))
        np.testing.assert_array_equal(fitted.decision_function(x) > 0, p[:, 1] > 0.5)


def test_missing_labels_are_said():
    with pytest.raises(ValueError, match=r"1 labels are missing .* the first at 2"):
        MLPClassifier().fit(np.eye(4), ["a", "b", None, "b"])
    pd = pytest.importorskip("pandas")
    for labels in (
        pd.Series(["a", "b", pd.NA, "b"], dtype="string"),
        pd.Series(["a", "b", None, "b"]),
        [0, 1, np.nan, 1],
    ):
        with pytest.raises(ValueError, match=r"missing|NaN"):
            MLPClassifier().fit(np.eye(6), labels)
    with pytest.raises(ValueError, match="MultiOutputClassifier"):
        MLPClassifier().fit(np.eye(4), [[0, 1], [1, 2], [2, 0], [1, 1]])


def test_class_weights():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 3)), (np.arange(400) < 20).astype(int)
    x[:20] += 1
    options = {"hidden_layer_sizes": (8,), "max_iter": 60, "learning_rate_init": 0.01, "random_state": 0}
    plain, balanced, by_dict = (
        MLPClassifier(**options, class_weight=w).fit(x, y) for w in (None, "balanced", {0: 400 / 760, 1: 10})
    )
    assert plain.predict(x).sum() < balanced.predict(x).sum()
    np.testing.assert_allclose(balanced.predict_proba(x), by_dict.predict_proba(x))
    weighted = MLPClassifier(**options).fit(x, y, sample_weight=np.where(y, 10, 400 / 760))
    np.testing.assert_allclose(balanced.predict_proba(x), weighted.predict_proba(x))


def test_several_labels_and_several_numbers():
    x, y = make_multilabel_classification(120, 10, n_classes=3, random_state=0)
    fitted = MLPClassifier((32,), learning_rate_init=0.01, early_stopping=True, random_state=0).fit(x, y)
    assert fitted.predict(x).shape == fitted.predict_proba(x).shape == y.shape
    assert (fitted.predict(x) == y).mean() > 0.7
    x, y = make_regression(120, 5, n_targets=2, random_state=0)
    fitted = MLPRegressor((32,), learning_rate_init=0.05, max_iter=200, random_state=0).fit(x, y)
    assert fitted.predict(x).shape == (120, 2)
    assert fitted.score(x, y) > 0.95


def test_early_stopping_restores_the_best(cancer):
    options = {"learning_rate_init": 0.05, "n_iter_no_change": 3, "max_iter": 100, "random_state": 1}
    fitted = MLPClassifier((16,), **options, early_stopping=True).fit(*cancer)
    assert fitted.n_iter_ < 100
    assert fitted.best_validation_score_ == max(fitted.validation_scores_)
    assert len(fitted.validation_scores_) == len(fitted.loss_curve_) == fitted.n_iter_
    best = int(np.argmax(fitted.validation_scores_)) + 1
    shorter = MLPClassifier((16,), **options | {"max_iter": best}, early_stopping=True).fit(*cancer)
    np.testing.assert_array_equal(fitted.coefs_[0], shorter.coefs_[0])


def test_training_ends_where_it_gets_on_no_longer(cancer):
    fitted = MLPClassifier((8,), tol=0.1, n_iter_no_change=2, random_state=0).fit(*cancer)
    assert fitted.n_iter_ < 50
    with pytest.warns(match="max_iter=2 passes are done"):
        MLPClassifier((8,), max_iter=2).fit(*cancer)


@pytest.mark.parametrize(("schedule", "below"), [("constant", 0.05), ("invscaling", 0.01), ("adaptive", 0.02)])
def test_learning_rates(cancer, schedule, below):
    options = {"solver": "sgd", "learning_rate_init": 0.05, "tol": 0.05, "n_iter_no_change": 2, "random_state": 0}
    fitted = MLPClassifier((8,), learning_rate=schedule, **options).fit(*cancer)
    assert float(fitted.model_.optimizer.learning_rate) <= below
    if schedule == "invscaling":
        wanted = 0.05 / (fitted.n_iter_ * len(cancer[0]) + 1) ** fitted.power_t
        assert float(fitted.model_.optimizer.learning_rate) == pytest.approx(wanted, rel=1e-6)
    decay = lamina.optimizers.schedules.ExponentialDecay(0.05, 10, 0.5)
    assert MLPClassifier((8,), learning_rate=decay, max_iter=3).fit(*cancer).score(*cancer) > 0.5
    own = lamina.optimizers.Lion(0.01)
    fitted = MLPClassifier((8,), solver=own, max_iter=3).fit(*cancer)
    assert isinstance(fitted.model_.optimizer, lamina.optimizers.Lion)
    assert fitted.model_.optimizer is not own


def test_training_is_silent_unless_asked(cancer, capsys):
    x, y = cancer
    MLPClassifier((4,), max_iter=1).fit(x, y).predict(x)
    assert capsys.readouterr() == ("", "")
    MLPClassifier((4,), max_iter=1, verbose=True).fit(x, y)
    assert capsys.readouterr().out.startswith("Iteration 1, loss = ")


def test_partial_fit_and_warm_start(cancer):
    x, y = cancer
    part = MLPClassifier((16,), learning_rate_init=0.01, random_state=0)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        part.partial_fit(x, y)
    part.partial_fit(x[:20], np.zeros(20, int), classes=[0, 1])
    for _ in range(10):
        part.partial_fit(x, y)
    assert part.score(x, y) > 0.95
    assert part.n_iter_ == len(part.loss_curve_) == 11
    with pytest.raises(ValueError, match=r"\[2\] are not among the classes \[0 1\]"):
        part.partial_fit(x[:2], [1, 2])
    with pytest.raises(ValueError, match="needs all data"):
        MLPClassifier(class_weight="balanced").partial_fit(x, y, classes=[0, 1])
    with pytest.raises(ValueError, match="use fit"):
        MLPRegressor(early_stopping=True).partial_fit(x, y)
    warm = MLPClassifier((16,), max_iter=3, warm_start=True, random_state=0).fit(x, y)
    before = warm.loss_
    again = warm.fit(x, y)
    assert again.loss_ < before
    assert again.n_iter_ == 6
    cold = MLPClassifier((16,), max_iter=3, random_state=0).fit(x, y)
    np.testing.assert_array_equal(cold.fit(x, y).loss_, before)


def test_regression_losses():
    x, y = make_regression(100, 4, random_state=0)
    x, y = x.astype(np.float32), y / 100
    y[::10] += 30
    robust = MLPRegressor((16,), loss="mean_absolute_error", learning_rate_init=0.01, random_state=0).fit(x, y)
    usual = MLPRegressor((16,), learning_rate_init=0.01, random_state=0).fit(x, y)
    clean = np.delete(np.arange(100), np.s_[::10])
    error = [np.abs(e.predict(x) - y)[clean].mean() for e in (robust, usual)]
    assert error[0] < error[1] / 2
    assert robust.predict(x).dtype == np.float32
    assert MLPRegressor((4,), dtype="float32", max_iter=2).fit(x.astype(float), y).coefs_[0].dtype == np.float32


def test_sparse_matrices(cancer):
    sparse = pytest.importorskip("scipy.sparse")
    x = np.where(cancer[0] > 0, cancer[0], 0)
    dense = MLPClassifier((8,), max_iter=3, shuffle=False, random_state=0).fit(x, cancer[1])
    thin = MLPClassifier((8,), max_iter=3, shuffle=False, random_state=0).fit(sparse.csr_matrix(x), cancer[1])
    np.testing.assert_allclose(thin.predict_proba(sparse.csc_matrix(x)), dense.predict_proba(x))
    shuffled = [
        MLPClassifier((8,), max_iter=3, random_state=0).fit(f(x), cancer[1]) for f in (sparse.csr_matrix, np.array)
    ]
    np.testing.assert_array_equal(shuffled[0].coefs_[0], shuffled[1].coefs_[0])


def test_autoencoder(cancer):
    net = MLPAutoencoder(3, hidden_layer_sizes=(16,), learning_rate_init=0.01, max_iter=60, random_state=0)
    code = net.fit_transform(cancer[0])
    assert code.shape == (569, 3)
    assert net.inverse_transform(code).shape == cancer[0].shape
    assert net.score(cancer[0]) > 0.6
    assert list(net.get_feature_names_out()) == ["mlpautoencoder0", "mlpautoencoder1", "mlpautoencoder2"]
    pytest.importorskip("pandas")
    assert "mlpautoencoder0" in net.set_output(transform="pandas").transform(cancer[0]).columns
    copied = pickle.loads(pickle.dumps(net.set_output(transform="default")))
    np.testing.assert_array_equal(copied.transform(cancer[0]), code)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes must be integers > 0"),
        ({"activation": "rely"}, "did you mean 'relu'"),
        ({"solver": "lbfgs"}, 'the nearest for small data is "adam"'),
        ({"solver": "adm"}, "did you mean 'adam'"),
        ({"learning_rate": "adapt"}, "did you mean 'adaptive'"),
        ({"dropout": 1}, "dropout must be a number >= 0.0 and < 1.0, got 1"),
        ({"alpha": -1}, "alpha must be a number >= 0.0"),
        ({"batch_size": "all"}, "batch_size must be an integer >= 1"),
        ({"max_iter": 0}, "max_iter must be an integer >= 1"),
        ({"class_weight": "balance"}, "class_weight"),
        ({"dtype": "float16"}, "dtype must be None"),
        ({"early_stopping": True, "validation_fraction": 0.001}, "leaves one part empty"),
    ],
)
def test_parameters_are_checked(parameters, message):
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**parameters).fit(np.eye(6), [0, 0, 0, 1, 1, 1])


@pytest.mark.filterwarnings("ignore:fit. the loss is")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_training_that_diverges_is_an_error():
    wild = MLPRegressor(solver="sgd", learning_rate_init=1e9, random_state=0)
    with pytest.raises(ValueError, match=r"training diverged, the loss is .* in pass"):
        wild.fit(np.eye(6), np.arange(6.0) * 1e6)


def test_sample_weights_are_checked():
    for weights, message in (([1, -1], "expected numbers >= 0, got -1"), ([0, 0], "zero")):
        with pytest.raises(ValueError, match=message):
            MLPRegressor(max_iter=1).fit(np.eye(2), [0, 1], sample_weight=weights)
