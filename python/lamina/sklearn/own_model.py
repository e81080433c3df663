"""Estimators that train a model of the user's."""

from __future__ import annotations

import copy
import inspect
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from .. import losses, models, optimizers
from ..core.suggest import unknown
from .base import ROWS, Classifier, Network, Regressor, weighted
from .checks import Array, keep, number
from .progress import Progress
from .targets import Classes, Head

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def gives_logits(model: Any) -> bool:
    """Whether the outputs are to be read as logits: as the loss says, else unless softmax or sigmoid come last."""
    loss = model.loss if model.compiled else None
    options = getattr(losses.as_loss(loss), "options", {}) if loss is not None else {}
    if "from_logits" in options:
        return bool(options["from_logits"])
    last = model
    while getattr(last, "layers", None):
        last = last.layers[-1]
    name = getattr(getattr(last, "activation", None), "__name__", "")
    return not (name in ("softmax", "sigmoid") or type(last).__name__ in ("Softmax", "Sigmoid"))


def width(name: str, model: Any, X: Any) -> int:
    """How many numbers a model, whose outputs may be a list of one array, gives of a sample of X."""
    if not model.built:
        model.build((None, *X.shape[1:]))
    shape = model.compute_output_shape((None, *X.shape[1:]))
    if isinstance(shape, list) and len(shape) == 1:
        shape = shape[0]
    if not isinstance(shape, tuple) or not all(isinstance(n, (int, type(None))) for n in shape):
        raise ValueError(f"{name}: the model has several outputs; let it return one")
    return int(np.prod(shape[1:]))


def _items(given: Any) -> dict[str, Any]:
    """A dict of arguments; none where it is no dict, which ``fit`` refuses."""
    return given if isinstance(given, dict) else {}


class OwnModel(Network):
    """What the estimators share that train a model of the user's."""

    _required_parameters: ClassVar[list[str]] = ["model"]  # scikit-learn before 1.6
    _nd = True

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters, and as ``model__name`` the arguments of the function that makes the model.

        Args:
            deep: whether these are among them.
        """
        found = super().get_params(deep=False)
        if deep:
            found |= {f"model__{name}": value for name, value in self._arguments().items()}
            found |= {f"optimizer__{name}": value for name, value in _items(self.optimizer_kwargs).items()}
        return dict(sorted(found.items()))

    def set_params(self, **params: Any) -> Any:
        """Set parameters; ``model__name`` is an argument of the function that makes the model.

        Args:
            **params: the parameters; ``optimizer__name`` is an argument of the optimizer.

        Returns: self.

        Raises:
            ValueError: there is no such parameter.
        """
        own = {name: value for name, value in params.items() if "__" not in name}
        super().set_params(**own)
        for name in [name for name in params if "__" in name]:
            of, _, inner = name.partition("__")
            if (of == "model" and inner in self._arguments()) or of == "optimizer":
                changed = {**_items(getattr(self, f"{of}_kwargs")), inner: params[name]}
                setattr(self, f"{of}_kwargs", changed)
            else:
                raise unknown(f"parameter of {type(self).__name__}", name, self.get_params())
        return self

    def _arguments(self) -> dict[str, Any]:
        """The arguments of the function that makes the model, as they are set or by default."""
        found: dict[str, Any] = {}
        if callable(self.model) and not isinstance(self.model, models.Model):
            for p in inspect.signature(self.model).parameters.values():
                if p.default is not p.empty:
                    found[p.name] = p.default
        return found | _items(self.model_kwargs)

    def _passes(self) -> int:
        return int(number(self, "epochs", 1, whole=True))

    def _progress(self, score: Any, whole: bool, samples: int) -> Progress:
        tol, patience = number(self, "tol", 0.0), number(self, "n_iter_no_change", 1, whole=True)
        return Progress(self, tol, patience if whole and score else None, score, verbose=bool(self.verbose))

    def _model(self, X: Any, y: Array, outputs: int) -> Any:
        """The model, new: what the function makes, or a copy of the one given."""
        name, given = type(self).__name__, self.model
        for argument in ("model_kwargs", "optimizer_kwargs"):
            if not isinstance(getattr(self, argument), (dict, type(None))):
                raise TypeError(f"{name}: {argument} must be a dict or None, got {getattr(self, argument)!r}")
        if isinstance(given, models.Model):
            if self.model_kwargs:
                raise ValueError(f"{name}: model_kwargs are for a function that makes the model, got {given!r}")
            model = copy.deepcopy(given) if self.warm_start else models.clone_model(given)
        elif callable(given):
            asked = inspect.signature(given).parameters
            known = {"n_features_in": X.shape[1], "input_shape": X.shape[1:], "n_outputs": outputs, "X": X, "y": y}
            known = {key: value for key, value in known.items() if key in asked}
            offered = {**known, **(self.model_kwargs or {})}
            lacking = [
                p.name for p in asked.values() if p.default is p.empty and p.kind in _NAMED and p.name not in offered
            ]
            if lacking:
                raise ValueError(
                    f"{name}: the function that makes the model asks for {', '.join(lacking)}; pass it by "
                    "model_kwargs, or ask for n_features_in, input_shape, n_outputs, X or y"
                )
            model = given(**offered)
            if not isinstance(model, models.Model):
                raise TypeError(f"{name}: the function that makes the model must return one, got {model!r}")
        else:
            raise TypeError(f"{name}: model must be a function that makes a model, or a model, got {given!r}")
        return model

    def _compiled(self, model: Any, loss: Any) -> Any:
        """The model compiled, where the user did not or wants another loss or optimizer; loss: the usual one."""
        if self.optimizer is not None or self.loss is not None or self.optimizer_kwargs or not model.compiled:
            before = dict(model.get_compile_config()) if model.compiled else {"optimizer": "adam", "loss": loss}
            chosen = before.pop("optimizer") if self.optimizer is None else optimizers.get(self.optimizer)
            chosen = optimizers.get(chosen)
            config = chosen.get_config() | (self.optimizer_kwargs or {})
            if self.loss is not None:
                before["loss"] = self.loss
            before.pop("optimizer", None)
            model.compile(type(chosen).from_config(config), **before)
        return model

    def _classifying(self, X: Any, model: Any, classes: Classes) -> Head:
        """How the model's outputs are read."""
        loss = self.loss if self.loss is not None else model.loss if model.compiled else None
        logits = gives_logits(model)
        if self.loss is not None:
            logits = bool(getattr(losses.as_loss(self.loss), "options", {}).get("from_logits", logits))
        return Head(type(self).__name__, classes, width(type(self).__name__, model, X), logits, loss)


class ModelClassifier(Classifier, OwnModel):
    """A classifier that trains a model of one's own.

    Args:
        class_weight: {label: weight}; or "balanced", which gives classes weights that are inverse to their frequency.

    Raises:
        ValueError: in ``fit``: a parameter is out of range; the model's outputs do not fit the classes.
        TypeError: in ``fit``: ``model`` is no model, and makes none.

    Example:
        >>> def net(n_features_in, n_outputs, units=8):
        ...     first = [lamina.Input((n_features_in,)), lamina.layers.Dense(units, "relu")]
        ...     return lamina.Sequential([*first, lamina.layers.Dense(n_outputs)])
        >>> classifier = lamina.sklearn.ModelClassifier(net, epochs=5, random_state=0).set_params(model__units=4)
        >>> classifier.fit(np.eye(6), list("aabbcc")).predict_proba(np.eye(6)).shape
        (6, 3)
    """

    def __init__(
        self,
        model: Any,
        *,
        model_kwargs: Any = None,
        loss: Any = None,
        optimizer: Any = None,
        optimizer_kwargs: Any = None,
        epochs: int = 100,
        batch_size: int | str = "auto",
        shuffle: bool = True,
        class_weight: Any = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        callbacks: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        dtype: str | None = None,
        verbose: bool = False,
    ) -> None:
        keep(self, locals())

    def _make(self, X: Any, y: Array, weight: Array | None) -> Head:
        model = self._model(X, y, len(self._classes.values))
        head = self._classifying(X, model, self._classes)
        self.model_ = self._compiled(model, head.loss)
        return head


class ModelRegressor(Regressor, OwnModel):
    """A regressor that trains a model of one's own.

    Raises:
        ValueError: in ``fit``: a parameter is out of range; the model's outputs do not fit ``y``.
        TypeError: in ``fit``: ``model`` is no model, and makes none.

    Example:
        >>> net = lamina.Sequential([lamina.Input((1,)), lamina.layers.Dense(8, "tanh"), lamina.layers.Dense(1)])
        >>> X = np.linspace(-1, 1, 50)[:, None]
        >>> regressor = lamina.sklearn.ModelRegressor(net, optimizer="adam", epochs=200, random_state=0)
        >>> regressor.set_params(optimizer__learning_rate=0.05).fit(X, X[:, 0] ** 2).score(X, X[:, 0] ** 2) > 0.9
        True
    """

    def __init__(
        self,
        model: Any,
        *,
        model_kwargs: Any = None,
        loss: Any = None,
        optimizer: Any = None,
        optimizer_kwargs: Any = None,
        epochs: int = 100,
        batch_size: int | str = "auto",
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        callbacks: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        dtype: str | None = None,
        verbose: bool = False,
    ) -> None:
        keep(self, locals())

    def _make(self, X: Any, y: Array, weight: Array | None) -> None:
        model = self._model(X, y, y.shape[1])
        given = width(type(self).__name__, model, X)
        if given != y.shape[1]:
            raise ValueError(
                f"{type(self).__name__}: the model gives {given} outputs, y has {y.shape[1]}; give its last "
                f"layer {y.shape[1]} units"
            )
        self.model_ = self._compiled(model, "mean_squared_error")


class ModelTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, OwnModel):
    """A transformer that trains a model of one's own, and gives its outputs, or those of one of its layers.

    Args:
        layer: the name or the index of the layer whose outputs are wanted; None means the model's.
        supervised: whether the model learns ``y``, labels or numbers; if not, it learns to restore ``X``.

    Raises:
        ValueError: in ``fit``: a parameter is out of range; the model's outputs do not fit what it is to learn.
        TypeError: in ``fit``: ``model`` is no model, and makes none.

    Example:
        >>> parts = [lamina.Input((6,)), lamina.layers.Dense(2, name="code"), lamina.layers.Dense(6)]
        >>> transformer = lamina.sklearn.ModelTransformer(lamina.Sequential(parts), layer="code", epochs=5)
        >>> transformer.fit_transform(np.eye(6)).shape
        (6, 2)
    """

    def __init__(
        self,
        model: Any,
        *,
        layer: Any = None,
        supervised: bool = False,
        model_kwargs: Any = None,
        loss: Any = None,
        optimizer: Any = None,
        optimizer_kwargs: Any = None,
        epochs: int = 100,
        batch_size: int | str = "auto",
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        callbacks: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        dtype: str | None = None,
        verbose: bool = False,
    ) -> None:
        keep(self, locals())

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Train.

        Args:
            y: with ``supervised`` what the model learns, labels or numbers; else without effect.

        Returns: self.

        Raises:
            ValueError: a parameter is out of range; data hold NaN, or differ in their number of samples.
        """
        again = bool(self.warm_start) and hasattr(self, "model_")
        if self.supervised:
            X, y = self._check(X, y, reset=not again, multi_output=True)
        else:
            X = self._check(X, reset=not again)
            y = X.toarray() if hasattr(X, "toarray") else X
        X, y, weight = weighted(X, y, sample_weight)
        if not again:
            self._begin(X)
        classes = None
        if self.supervised and not type_of_target(y, input_name="y").startswith("continuous"):
            if not again:
                self._classes = Classes(y)
            y = classes = self._classes.indices(y)

        def make(X: Any, y: Array, weight: Array | None) -> None:
            usual: Any = "mean_squared_error"
            if classes is None:
                model = self._model(X, y, 1 if y.ndim == 1 else y.shape[-1])
            else:
                model = self._model(X, y, len(self._classes.values))
                self._head = self._classifying(X, model, self._classes)
                usual = self._head.loss
            self.model_ = self._compiled(model, usual)
            inner = model
            if self.layer is not None:
                by = "index" if isinstance(self.layer, (int, np.integer)) else "name"
                inner = models.Model(model.inputs, model.get_layer(**{by: self.layer}).output)
            self._part = inner
            self._n_features_out = width(type(self).__name__, inner, X)

        def targets(y: Array) -> Array:
            if classes is not None:
                return self._head.targets(y, self._floatx)
            return (y[:, None] if y.ndim == 1 else y).astype(self._floatx)

        def score(X: Any, y: Array, weight: Array | None) -> float:
            found = self.model_.evaluate(X, targets(y), sample_weight=weight, verbose=0, batch_size=ROWS)
            return -float(found[0] if isinstance(found, list) else found)

        return self._run(X, y, weight, None if again else make, targets, score, None, classes)

    def transform(self, X: Any) -> Array:
        """The outputs of the model, or of its layer, for each sample.

        Returns: (N, outputs).
        """
        check_is_fitted(self, "model_")
        found = self._outputs(self._check(X, reset=False), self._part)
        return found.reshape(len(found), -1)
