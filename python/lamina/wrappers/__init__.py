"""Keras's wrappers of compiled models for scikit-learn, under Keras's names; they need the extra ``sklearn``."""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from ..core.rooms import publish as _publish

if _TYPE_CHECKING:
    from .estimators import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]

_publish(__name__, {name: f"estimators.{name}" for name in __all__})  # which import scikit-learn
