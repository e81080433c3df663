"""Estimators for scikit-learn: networks in pipelines, searches and cross-validation; needs the extra ``sklearn``.

``MLPClassifier``, ``MLPRegressor`` and ``MLPAutoencoder`` make their networks themselves, with the arguments of
scikit-learn's own.  ``ModelClassifier``, ``ModelRegressor`` and ``ModelTransformer`` train a model of the user's.
"""

from importlib import import_module as _import_module

try:
    _import_module("sklearn")
except ImportError as error:
    raise ImportError('lamina.sklearn needs scikit-learn: pip install "lamina[sklearn]"', name="sklearn") from error

from ..core.rooms import publish as _publish
from .mlp import MLPAutoencoder, MLPClassifier, MLPRegressor
from .own_model import ModelClassifier, ModelRegressor, ModelTransformer

__all__ = [
    "MLPAutoencoder",
    "MLPClassifier",
    "MLPRegressor",
    "ModelClassifier",
    "ModelRegressor",
    "ModelTransformer",
]

_publish(__name__)
