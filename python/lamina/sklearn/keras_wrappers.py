"""Keras's wrappers of compiled models, as scikit-learn's estimators."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from .. import models
from ..core.docstrings import complete
from ..core.generator import drawing_from
from ..models import clone_model
from .base import one, weighted
from .checks import Array, validated
from .own_model import gives_logits, width
from .targets import Classes, Head


class Wrapper(BaseEstimator):
    """What Keras's wrappers share."""

    _required_parameters: ClassVar[list[str]] = ["model"]  # scikit-learn before 1.6
    model_: Any
    _labels = False  # whether y holds labels

    def __init__(
        self,
        model: Any,
        warm_start: bool = False,
        model_kwargs: Any = None,
        fit_kwargs: Any = None,
        *,
        random_state: Any = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs
        self.random_state = random_state

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Train.

        Args:
            y: what the model learns: numbers (N,) or (N, outputs), or labels (N,).
            **kwargs: arguments of ``Model.fit``, before those of ``fit_kwargs``.

        Returns: self.

        Raises:
            RuntimeError: the model is not compiled.
            TypeError: ``model`` is no model, and makes none.
            ValueError: data hold NaN, or differ in their number of samples.
        """
        again = bool(self.warm_start) and hasattr(self, "model_")
        X, y = validated(self, X, y, reset=not again, multi_output=not self._labels, y_numeric=not self._labels)
        X, y, weight = weighted(X, y, kwargs.pop("sample_weight", None))
        targets = self._targets(y, again)
        if not again:
            seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
            self._generator = np.random.Generator(np.random.Philox(int(seed)))
        with drawing_from(self._generator):
            model = self.model_ if again else self._make(X, targets)
            options = {"verbose": 0, **(self.fit_kwargs or {}), **kwargs}
            if weight is not None:
                options["sample_weight"] = weight
            self.history_ = model.fit(X, targets, **options)
        self.model_ = model
        return self

    def _make(self, X: Array, y: Array) -> Any:
        name, given = type(self).__name__, self.model
        if isinstance(given, models.Model):
            model = copy.deepcopy(given) if self.warm_start else clone_model(given)
        elif callable(given):
            model = given(X=X, y=y, **(self.model_kwargs or {}))
        else:
            raise TypeError(f"{name}: model must be a model, or a function of X and y that makes one, got {given!r}")
        if not isinstance(model, models.Model):
            raise TypeError(f"{name}: the function that makes the model must return one, got {model!r}")
        if not model.compiled or model.loss is None:
            raise RuntimeError(f"{name}: the model must be compiled with an optimizer and a loss")
        return model

    def _targets(self, y: Array, again: bool) -> Array:
        """y as the model learns it: a matrix."""
        type_of_target(y, input_name="y")
        self._flat = y.ndim == 1
        self._dtype = y.dtype
        return y.reshape(len(y), -1)

    def _answers(self, X: Any) -> Array:
        check_is_fitted(self, "model_")
        return one(self.model_.predict(validated(self, X, reset=False), verbose=0))

    @property
    def epoch_(self) -> Any:
        """The epochs that were trained."""
        check_is_fitted(self, "model_")
        return self.history_.epoch


class SKLearnClassifier(ClassifierMixin, Wrapper):
    """A classifier that trains a compiled model, with Keras's arguments.

    ``lamina.sklearn.ModelClassifier`` offers more: class weights, early stopping, routed parameters.

    Args:
        model: a compiled model, of which a copy with new weights is trained; or a function of ``X``, ``y`` (labels as
            one-hot rows) and ``model_kwargs`` that makes one.

    Raises:
        RuntimeError: in ``fit``: the model is not compiled.
        TypeError: in ``fit``: ``model`` is no model, and makes none.

    Source: Keras 3, keras.wrappers.SKLearnClassifier.

    Example:
        >>> def net(X, y):
        ...     model = lamina.Sequential([lamina.Input(X.shape[1:]), lamina.layers.Dense(y.shape[1], "softmax")])
        ...     model.compile("adam", "categorical_crossentropy")
        ...     return model
        >>> classifier = lamina.wrappers.SKLearnClassifier(net, fit_kwargs={"epochs": 3})
        >>> classifier.fit(np.eye(6), list("aabbcc")).predict_proba(np.eye(6)).shape
        (6, 3)
    """

    _labels = True

    def _targets(self, y: Any, again: bool) -> Array:
        if not again:
            self._classes = Classes(y)
            if self._classes.several:
                raise ValueError("SKLearnClassifier: y must be one label a sample; ModelClassifier takes several")
            self.classes_ = self._classes.values
        return np.eye(len(self.classes_))[self._classes.indices(y)]

    def _make(self, X: Array, y: Array) -> Any:
        model = super()._make(X, y)
        name = type(self).__name__
        self._head = Head(name, self._classes, width(name, model, X), gives_logits(model))
        return model

    def decision_function(self, X: Any) -> Array:
        """Numbers that grow with the probability of a class.

        Returns: (N,) for two classes, positive for the second; else (N, classes).
        """
        outputs = self._answers(X)
        return self._head.decision(outputs)

    def predict(self, X: Any) -> Array:
        """The most probable label of each sample.

        Returns: labels (N,).
        """
        decision = self.decision_function(X)
        return self._classes.labels(decision)

    def predict_proba(self, X: Any) -> Array:
        """The probabilities of the classes, in the order of ``classes_``.

        Returns: (N, classes).
        """
        outputs = self._answers(X)
        return self._head.probabilities(outputs)

    def _more_tags(self) -> dict[str, Any]:  # scikit-learn before 1.6
        return {"poor_score": True}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(RegressorMixin, Wrapper):
    """A regressor that trains a compiled model, with Keras's arguments.

    Args:
        model: a compiled model, of which a copy with new weights is trained; or a function of ``X``, ``y`` and
            ``model_kwargs`` that makes one.

    Raises:
        RuntimeError: in ``fit``: the model is not compiled.
        TypeError: in ``fit``: ``model`` is no model, and makes none.

    Source: Keras 3, keras.wrappers.SKLearnRegressor.

    Example:
        >>> net = lamina.Sequential([lamina.Input((2,)), lamina.layers.Dense(1)])
        >>> net.compile("adam", "mse")
        >>> lamina.wrappers.SKLearnRegressor(net).fit(np.eye(2), [1.0, 2.0]).predict(np.eye(2)).shape
        (2,)
    """

    def predict(self, X: Any) -> Array:
        """The numbers that the model gives.

        Returns: (N,) or (N, outputs), as ``y`` was.
        """
        outputs = self._answers(X)
        if self._dtype.kind == "f":
            outputs = outputs.astype(self._dtype)
        return outputs.reshape(-1) if self._flat and outputs.shape[1:] == (1,) else outputs

    def _more_tags(self) -> dict[str, Any]:  # scikit-learn before 1.6
        return {"poor_score": True, "multioutput": True}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        tags.target_tags.multi_output = True
        return tags


class SKLearnTransformer(TransformerMixin, Wrapper):
    """A transformer that trains a compiled model, with Keras's arguments, and gives its outputs.

    Args:
        model: a compiled model, of which a copy with new weights is trained; or a function of ``X``, ``y`` and
            ``model_kwargs`` that makes one.

    Raises:
        RuntimeError: in ``fit``: the model is not compiled.
        TypeError: in ``fit``: ``model`` is no model, and makes none.

    Source: Keras 3, keras.wrappers.SKLearnTransformer.

    Example:
        >>> net = lamina.Sequential([lamina.Input((2,)), lamina.layers.Dense(1)])
        >>> net.compile("adam", "mse")
        >>> lamina.wrappers.SKLearnTransformer(net).fit(np.eye(2), [1.0, 2.0]).transform(np.eye(2)).shape
        (2, 1)
    """

    def transform(self, X: Any) -> Array:
        """The outputs of the model.

        Returns: (N, outputs).
        """
        return self._answers(X)

    def _more_tags(self) -> dict[str, Any]:  # scikit-learn before 1.6
        return {"preserves_dtype": []}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]

complete("lamina.wrappers", globals())
