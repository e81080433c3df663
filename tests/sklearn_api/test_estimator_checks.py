"""scikit-learn's own checks of all estimators, without an expected failure."""

from __future__ import annotations

import re

import pytest

import lamina
from lamina import layers

pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import parametrize_with_checks

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning"),
]


def net(n_features_in, n_outputs, units=32):
    return lamina.Sequential(
        [lamina.Input((n_features_in,)), layers.Dense(units, "relu"), layers.Dense(n_outputs)],
    )


def compiled_net(n_features_in, n_outputs):
    model = net(n_features_in, n_outputs)
    model.compile(lamina.optimizers.Adam(0.01), "mse")
    return model


def code(n_features_in):
    return lamina.Sequential(
        [lamina.Input((n_features_in,)), layers.Dense(2, "tanh", name="code"), layers.Dense(n_features_in)]
    )


def of_data(X, y, loss, out_activation_function="softmax", layers=(10,)):
    """As Keras's tests of its wrappers make models, outputs in a list."""
    hidden = inputs = lamina.Input((X.shape[1],))
    for units in layers:
        hidden = lamina.layers.Dense(units, "relu")(hidden)
    outputs = y.shape[1] if len(y.shape) > 1 else 1
    model = lamina.Model(inputs, [lamina.layers.Dense(outputs, out_activation_function)(hidden)])
    model.compile("rmsprop", loss)
    return model


WRAPPERS = [
    lamina.wrappers.SKLearnClassifier(
        of_data,
        model_kwargs={"loss": "categorical_crossentropy", "layers": [20, 20, 20]},
        fit_kwargs={"epochs": 5},
    ),
    lamina.wrappers.SKLearnRegressor(of_data, model_kwargs={"loss": "mse"}),
    lamina.wrappers.SKLearnTransformer(of_data, model_kwargs={"loss": "mse"}),
]


CHECKS = parametrize_with_checks(
    [
        lamina.sklearn.MLPClassifier(max_iter=100),
        lamina.sklearn.MLPRegressor(max_iter=100),
        lamina.sklearn.MLPAutoencoder(max_iter=20),
        lamina.sklearn.ModelClassifier(net),
        lamina.sklearn.ModelRegressor(compiled_net),
        lamina.sklearn.ModelTransformer(code, layer="code", epochs=20),
        *WRAPPERS,
    ]
)


def named(value):
    """scikit-learn's name of a case without addresses of functions, which are others in every run."""
    return re.sub(r"at0x\w+", "", CHECKS.kwargs["ids"](value))


@pytest.mark.parametrize(*CHECKS.args, ids=named)
def test_check(estimator, check):
    check(estimator)
