"""What needs scikit-learn."""

from ..sklearn.keras_wrappers import SKLearnClassifier as SKLearnClassifier
from ..sklearn.keras_wrappers import SKLearnRegressor as SKLearnRegressor
from ..sklearn.keras_wrappers import SKLearnTransformer as SKLearnTransformer
