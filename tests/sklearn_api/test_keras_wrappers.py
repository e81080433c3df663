"""lamina.wrappers: as Keras's documentation uses them."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import lamina

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.model_selection import cross_val_score

from lamina.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer


def dynamic_model(X, y, loss, layers=(10,), last=None):
    hidden = inputs = lamina.Input(shape=(X.shape[1],))
    for units in layers:
        hidden = lamina.layers.Dense(units, activation="relu")(hidden)
    model = lamina.Model(inputs, lamina.layers.Dense(y.shape[1] if len(y.shape) > 1 else 1, activation=last)(hidden))
    model.compile(loss=loss, optimizer="rmsprop")
    return model


def classifier(**options):
    kwargs = {"loss": "categorical_crossentropy", "layers": [20, 20], "last": "softmax"}
    return SKLearnClassifier(dynamic_model, model_kwargs=kwargs, **options)


def test_classifier():
    x, y = make_classification(300, 10, random_state=0)
    fitted = classifier().fit(x, y, epochs=20)
    assert fitted.score(x, y) > 0.85
    assert fitted.epoch_ == list(range(20))
    np.testing.assert_array_equal(fitted.classes_, [0, 1])
    scores = [cross_val_score(classifier(fit_kwargs={"epochs": 3}, random_state=0), x, y, n_jobs=n) for n in (1, 2)]
    np.testing.assert_array_equal(*scores)
    np.testing.assert_array_equal(classifier(fit_kwargs={"epochs": 3}).fit_kwargs, {"epochs": 3})
    weighted = classifier(random_state=0).fit(x, y, sample_weight=y, epochs=1)  # one class is left
    assert weighted.predict(x).all()


def test_fit_kwargs_stay_as_they_are():
    x, y = make_classification(50, 10, random_state=0)
    given = {"epochs": 2}
    fitted = classifier(fit_kwargs=given).fit(x, y, batch_size=10, epochs=1)
    assert given == {"epochs": 2}  # Keras's wrapper writes into it
    assert clone(fitted).fit_kwargs == {"epochs": 2}  # and its clones lose them
    assert len(fitted.history_.history["loss"]) == 1


def test_regressor_and_transformer():
    x, y = make_regression(200, 10, random_state=0)
    kwargs = {"loss": "mse", "layers": [20]}
    fitted = SKLearnRegressor(dynamic_model, model_kwargs=kwargs, random_state=0).fit(x, y, epochs=1)
    assert fitted.predict(x).shape == (200,)
    warm = SKLearnRegressor(dynamic_model, True, kwargs, {"epochs": 30}, random_state=0).fit(x, y)
    first = warm.history_.history["loss"][-1]
    assert warm.fit(x, y).history_.history["loss"][-1] < first
    model = lamina.Sequential([lamina.Input((10,)), lamina.layers.Dense(3)])
    with pytest.raises(RuntimeError, match="must be compiled"):
        SKLearnTransformer(model).fit(x, x[:, :3])
    model.compile("adam", "mse")
    assert SKLearnTransformer(model).fit(x, x[:, :3]).transform(x).shape == (200, 3)


def test_signatures_are_keras_s():
    keras = pytest.importorskip("keras")
    for ours in (SKLearnClassifier, SKLearnRegressor, SKLearnTransformer):
        theirs = getattr(keras.wrappers, ours.__name__)
        wanted = [(p.name, p.default) for p in inspect.signature(theirs).parameters.values()]
        given = [(p.name, p.default) for p in inspect.signature(ours).parameters.values()]
        assert given[: len(wanted)] == wanted
        assert inspect.signature(ours.fit).parameters.keys() == inspect.signature(theirs.fit).parameters.keys()
