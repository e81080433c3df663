"""What several tests of estimators take: a network, a pipeline."""

from __future__ import annotations

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lamina
from lamina import layers
from lamina.sklearn import MLPClassifier


def net(n_features_in, n_outputs, units=16, rate=0.1):
    return lamina.Sequential(
        [
            lamina.Input((n_features_in,)),
            layers.Dense(units, "relu"),
            layers.Dropout(rate),
            layers.Dense(n_outputs),
        ]
    )


def pipeline(**options):
    return make_pipeline(StandardScaler(), MLPClassifier((16,), dropout=0.2, random_state=3, max_iter=10, **options))
