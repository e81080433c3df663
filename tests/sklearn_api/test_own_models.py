"""lamina.sklearn's estimators of models of one's own."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest

import lamina
from lamina import layers

pytest.importorskip("sklearn")

import joblib
from sklearn.base import clone
from sklearn_cases import net

from lamina.sklearn import (
    MLPClassifier,
    ModelClassifier,
    ModelRegressor,
    ModelTransformer,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def heads(last, loss, units):
    model = lamina.Sequential([lamina.Input((30,)), layers.Dense(units, last)])
    model.compile(lamina.optimizers.Adam(0.05), loss)
    return model


@pytest.mark.parametrize(
    ("last", "loss", "units"),
    [
        ("sigmoid", "binary_crossentropy", 1),
        (None, lamina.losses.BinaryCrossentropy(from_logits=True), 1),
        ("softmax", "sparse_categorical_crossentropy", 2),
        ("softmax", "categorical_crossentropy", 2),
        (None, lamina.losses.CategoricalCrossentropy(from_logits=True), 2),
    ],
)
def test_outputs_are_read_as_the_loss_says(cancer, last, loss, units):
    fitted = ModelClassifier(heads(last, loss, units), epochs=10, random_state=0).fit(*cancer)
    assert fitted.score(*cancer) > 0.95
    p = fitted.predict_proba(cancer[0])
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(fitted.predict(cancer[0]), p[:, 1] > p[:, 0])
    sure = p.min(1) < 1e-3  # where float32 has few digits left
    odds = np.log(p[~sure, 1] / p[~sure, 0])
    np.testing.assert_allclose(fitted.decision_function(cancer[0])[~sure], odds, rtol=1e-2, atol=1e-3)


def test_a_model_is_copied(cancer):
    given = heads("sigmoid", "binary_crossentropy", 1)
    before = copy.deepcopy(given.get_weights())
    fitted = ModelClassifier(given, epochs=3, random_state=0).fit(*cancer)
    for old, now in zip(before, given.get_weights(), strict=True):
        np.testing.assert_array_equal(old, now)
    assert fitted.model_.optimizer is not given.optimizer
    assert float(fitted.model_.optimizer.learning_rate) == pytest.approx(0.05)
    given.set_weights([w * 0 for w in before])
    still = ModelClassifier(given, epochs=1, warm_start=True, optimizer="sgd", random_state=0)
    still.set_params(optimizer__learning_rate=0.0).fit(*cancer)
    assert not still.model_.get_weights()[0].any()  # begun with its weights


def test_images_go_to_a_model_as_they_are():
    def convolutions(input_shape, n_outputs):
        return lamina.Sequential(
            [
                lamina.Input(input_shape),
                layers.Conv2D(4, 3, activation="relu"),
                layers.Flatten(),
                layers.Dense(n_outputs),
            ]
        )

    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 20)
    x = rng.random((60, 8, 8, 1)) + y[:, None, None, None]
    fitted = ModelClassifier(convolutions, epochs=60, optimizer_kwargs={"learning_rate": 0.01}, random_state=0).fit(
        x, y
    )
    assert fitted.score(x, y) > 0.9


def test_routed_parameters():
    estimator = ModelClassifier(net, model_kwargs={"units": 3})
    found = estimator.get_params()
    assert found["model__units"] == 3
    assert found["model__rate"] == 0.1
    assert clone(estimator.set_params(model__rate=0.5, epochs=7)).get_params()["model__rate"] == 0.5
    assert estimator.model_kwargs == {"units": 3, "rate": 0.5}
    for wrong, message in (({"model__unit": 3}, "did you mean 'model__units'"), ({"units": 3}, "Invalid parameter")):
        with pytest.raises(ValueError, match=message):
            estimator.set_params(**wrong)


def test_what_makes_no_model_is_said(cancer):
    for model, error, message in (
        (3, TypeError, "model must be a function"),
        (lambda: None, TypeError, "must return one, got None"),
        (lambda depth: None, ValueError, "asks for depth; pass it by model_kwargs"),
        (heads("softmax", "mse", 5), ValueError, "gives 5 outputs for 2 classes; give its last layer 1, or 2, units"),
    ):
        with pytest.raises(error, match=message):
            ModelClassifier(model).fit(*cancer)
    with pytest.raises(ValueError, match="gives 5 outputs, y has 1; give its last layer 1 units"):
        ModelRegressor(heads(None, "mse", 5)).fit(*cancer)
    with pytest.raises(TypeError, match="model_kwargs must be a dict"):
        ModelClassifier(net, model_kwargs=[1]).fit(*cancer)


def test_transformer_of_a_layer(cancer):
    def code(n_features_in, n_outputs):
        return lamina.Sequential(
            [lamina.Input((n_features_in,)), layers.Dense(4, "tanh", name="code"), layers.Dense(n_outputs)]
        )

    restoring = ModelTransformer(code, layer="code", epochs=20, early_stopping=True, random_state=0)
    assert restoring.fit(*cancer).transform(cancer[0]).shape == (569, 4)
    assert restoring.model_.output_shape == (None, 30)
    supervised = ModelTransformer(code, layer=0, supervised=True, epochs=30, random_state=0)
    features = supervised.fit(cancer[0], np.array(["no", "yes"])[cancer[1]]).transform(cancer[0])
    assert supervised.model_.output_shape == (None, 2)
    assert np.abs(np.corrcoef(features.T, cancer[1])[-1, :-1]).max() > 0.8
    numbers = ModelTransformer(code, supervised=True, epochs=2, random_state=0)
    assert numbers.fit(cancer[0], cancer[0][:, 0]).transform(cancer[0]).shape == (569, 1)


def test_callbacks_see_each_epoch(cancer):
    seen = []
    look = lamina.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(sorted(logs)))
    MLPClassifier((4,), max_iter=2, early_stopping=True, callbacks=[look]).fit(*cancer)
    assert seen == [["loss", "validation_score"]] * 2


def test_printing(cancer, capsys):
    MLPClassifier((4,), max_iter=1, verbose=True, early_stopping=True, random_state=0).fit(*cancer)
    assert capsys.readouterr().out.startswith("Iteration 1, loss = ")
    buffer = io.BytesIO()
    joblib.dump(MLPClassifier((4,), max_iter=1).fit(*cancer), buffer)
    assert len(buffer.getvalue()) < 20_000
