"""The base of the estimators: data are checked, random numbers are their own, a network is trained and asked."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ..callbacks.base import as_list
from ..core.defaults import using_floatx
from ..core.generator import drawing_from
from ..data import PyDataset
from .checks import Array, number, sample_weights, validated
from .progress import Progress
from .targets import Classes, none_missing

ROWS = 4096  # of a batch of predictions


class SparseBatches(PyDataset):
    """Batches of a sparse matrix, each made dense when it is its turn."""

    def __init__(self, X: Any, y: Any, weight: Any, size: int, order: Any = None) -> None:
        super().__init__()
        self.X, self.y, self.weight, self.size, self.generator = X, y, weight, size, order
        self.order = np.arange(X.shape[0])
        self.on_epoch_end()

    def __len__(self) -> int:
        return math.ceil(self.X.shape[0] / self.size)

    def __getitem__(self, index: int) -> Any:
        rows = self.order[index * self.size : (index + 1) * self.size]
        x = self.X[rows].toarray()
        if self.y is None:
            return x
        return (x, self.y[rows]) if self.weight is None else (x, self.y[rows], self.weight[rows])

    def on_epoch_end(self) -> None:
        if self.generator is not None:
            self.order = self.generator.permutation(self.X.shape[0])


class Network(BaseEstimator):
    """What all estimators share.  A subclass makes the network (``_make``) and names its arguments (``_passes``)."""

    model_: Any
    n_outputs_: int
    _nd = False  # whether samples may be more than rows of numbers

    # ---- data ----

    def _check(self, X: Any, y: Any = "no_validation", *, reset: bool, **options: Any) -> Any:
        dtype = getattr(self, "dtype", None)
        if dtype not in (None, "float32", "float64"):
            raise ValueError(f'{type(self).__name__}: dtype must be None, "float32" or "float64", got {dtype!r}')
        floats = (np.float64, np.float32) if dtype is None else getattr(np, dtype)
        return validated(self, X, y, reset=reset, accept_sparse="csr", dtype=floats, allow_nd=self._nd, **options)

    # ---- random numbers ----

    def _start(self) -> None:
        """A stream of random numbers of the estimator's own, as ``random_state`` says."""
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        self._generator = np.random.Generator(np.random.Philox(int(seed)))

    @contextlib.contextmanager
    def _scope(self) -> Iterator[None]:
        """Within the block random numbers come from the estimator's stream, and floats are of its type."""
        with drawing_from(self._generator), using_floatx(self._floatx):
            yield

    # ---- training ----

    def _begin(self, X: Any) -> None:
        """Before a network is made."""
        self._start()
        self._floatx = str(X.dtype)
        self.n_iter_, self.t_ = 0, 0
        self.loss_curve_: list[float] = []
        self.best_loss_ = np.inf
        self.validation_scores_: list[float] | None = [] if self.early_stopping else None
        self.best_validation_score_ = -np.inf if self.early_stopping else None

    def _batch_size(self, samples: int) -> int:
        if isinstance(self.batch_size, str) and self.batch_size == "auto":
            return min(200, samples)
        return min(number(self, "batch_size", 1, whole=True), samples)

    def _train(self, X: Any, target: Array, weight: Array | None, epochs: int, progress: Progress) -> None:
        """Passes over data whose weights are 1 on average, in an order of the estimator's stream."""
        size = self._batch_size(X.shape[0])
        if weight is not None:
            weight = (weight * (len(weight) / weight.sum())).astype(self._floatx)
        options: dict[str, Any] = {"epochs": epochs, "verbose": 0, "callbacks": [progress, *as_list(self.callbacks)]}
        if hasattr(X, "toarray"):
            feed = SparseBatches(X, target, weight, size, self._generator if self.shuffle else None)
            self.model_.fit(feed, shuffle=False, **options)  # they have an order
        else:
            self.model_.fit(X, target, batch_size=size, sample_weight=weight, shuffle=bool(self.shuffle), **options)
        self.t_ += X.shape[0] * len(self.model_.history.epoch)
        self.loss_ = self.loss_curve_[-1]

    def _held_out(self, X: Any, y: Array, weight: Array | None, classes: Array | None) -> tuple[list[Any], list[Any]]:
        """(training, validation), each X, y, weight; both have a share of each class where there are enough."""
        fraction = number(self, "validation_fraction", 0.0, 1.0)
        if not 0 < round(fraction * X.shape[0]) < X.shape[0]:
            raise ValueError(
                f"{type(self).__name__}: validation_fraction={fraction} of {X.shape[0]} samples leaves one part empty"
            )
        ones = np.ones(X.shape[0]) if weight is None else weight
        stratify = None
        if classes is not None and len(classes):
            counts = np.bincount(classes)
            counts = counts[counts > 0]
            held = int(np.ceil(fraction * len(classes)))
            if counts.min() > 1 and held >= len(counts) and len(classes) - held >= len(counts):
                stratify = classes
        seed = int(self._generator.integers(2**31 - 1))
        parts = train_test_split(X, y, ones, test_size=fraction, stratify=stratify, random_state=seed)
        if weight is None:
            parts[4:] = [None, None]
        return parts[::2], parts[1::2]

    def _run(
        self,
        X: Any,
        y: Array,
        weight: Array | None,
        make: Callable[..., Any] | None,
        targets: Callable[[Array], Array],
        score: Callable[..., float],
        epochs: int | None,
        classes: Array | None,
    ) -> Any:
        """Training from data to a fitted estimator.

        make: makes the network for X, y and weight; None goes on with the one there is.  targets: what the loss takes
        of y.  score: of X, y and weight.  epochs: of partial_fit.  classes: which both parts of the data are to have.
        """
        with self._scope():
            held_out = None
            if self.early_stopping:
                (X, y, weight), held = self._held_out(X, y, weight, classes)
                held_out = functools.partial(score, *held)
            if make is not None:
                make(X, y, weight)
            progress = self._progress(held_out, epochs is None, X.shape[0])
            self._train(X, targets(y), weight, self._passes() if epochs is None else epochs, progress)
        if epochs is None:
            self._ended(progress)
        return self

    def _check_partial(self) -> None:
        if self.early_stopping:
            raise ValueError(f"{type(self).__name__}.partial_fit: early_stopping=True holds data out of all; use fit")

    def _ended(self, progress: Progress) -> None:
        """After all passes of a fit."""

    # ---- answers ----

    def _outputs(self, X: Any, model: Any = None) -> Array:
        """What the network, or a part of it, gives for data that are checked."""
        model = self.model_ if model is None else model
        with using_floatx(self._floatx):
            if hasattr(X, "toarray"):
                return one(model.predict(SparseBatches(X, None, None, ROWS), verbose=0))
            return one(model.predict(X, batch_size=ROWS, verbose=0))

    def _answers(self, X: Any) -> Array:
        check_is_fitted(self, "model_")
        return self._outputs(self._check(X, reset=False))

    # ---- what scikit-learn asks ----

    def _more_tags(self) -> dict[str, Any]:  # scikit-learn before 1.6
        return {}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = self._nd
        return tags


def one(outputs: Any) -> Array:
    """The array of a model's outputs, which may be a list of one."""
    return outputs[0] if isinstance(outputs, list) else outputs


def weighted(X: Any, y: Array, sample_weight: Any) -> tuple[Any, Array, Array | None]:
    """Data and their checked weights, without those of weight 0."""
    weight = sample_weights(sample_weight, X)
    if weight is None or weight.all():
        return X, y, weight
    kept = np.flatnonzero(weight)
    return X[kept], y[kept], weight[kept]


class Classifier(ClassifierMixin, Network):
    """Labels of any type as targets; of several labels a sample a matrix of 0 and 1."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train.

        Args:
            y: labels (N,) of any type; or for several labels a sample 0 and 1, (N, labels).

        Returns: self.

        Raises:
            ValueError: a parameter is out of range; data hold NaN, or differ in their number of samples.
        """
        again = bool(self.warm_start) and hasattr(self, "model_")
        return self._learn(X, y, sample_weight, again, None)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        """Train for one pass over some of the data.

        Args:
            y: labels (N,); or for several labels a sample 0 and 1, (N, labels).
            classes: all labels that there will be; needed by the first call alone.

        Returns: self.

        Raises:
            ValueError: the first call lacks ``classes``; ``y`` holds others; early stopping or balanced class weights
                are asked for, which need all data.
        """
        again, name = hasattr(self, "model_"), type(self).__name__
        several = np.ndim(y) > 1 and np.shape(y)[1] > 1
        if classes is None and not again and not several:
            raise ValueError(f"{name}.partial_fit: classes must be passed on the first call to partial_fit.")
        if isinstance(self.class_weight, str):
            raise ValueError(f"{name}.partial_fit: class_weight={self.class_weight!r} needs all data; pass a dict")
        if again and classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"{name}.partial_fit: classes={classes} are not those of the first call, {self.classes_}")
        self._check_partial()
        return self._learn(X, y, sample_weight, again, 1, classes)

    def _learn(self, X: Any, y: Any, sample_weight: Any, again: bool, epochs: int | None, classes: Any = None) -> Any:
        none_missing(y)
        X, y = self._check(X, y, reset=not again, multi_output=True)
        X, y, weight = weighted(X, y, sample_weight)
        if not again:
            self._begin(X)
            self._classes = Classes(y, classes)
            self.classes_ = self._classes.values
        indices = self._classes.indices(y)
        weight = self._classes.weights(self.class_weight, indices, weight)

        def score(X: Any, y: Array, weight: Array | None) -> float:
            right = self._classes.places(self._head.decision(self._outputs(X))) == y
            return float(np.average(right.all(1) if right.ndim > 1 else right, weights=weight))

        def targets(indices: Array) -> Array:
            return self._head.targets(indices, self._floatx)

        def make(X: Any, y: Array, weight: Array | None) -> None:
            self._head = self._make(X, y, weight)
            self.n_outputs_ = self._head.width

        single = None if self._classes.several else indices
        return self._run(X, indices, weight, None if again else make, targets, score, epochs, single)

    def decision_function(self, X: Any) -> Array:
        """Numbers that grow with the probability of a class.

        Returns: (N,) for two classes, positive for the second; else (N, classes).
        """
        outputs = self._answers(X)
        return self._head.decision(outputs)

    def predict(self, X: Any) -> Array:
        """The most probable label of each sample.

        Returns: labels (N,); of several labels a sample 0 and 1, (N, labels).
        """
        decision = self.decision_function(X)
        return self._classes.labels(decision)

    def predict_proba(self, X: Any) -> Array:
        """The probabilities of the classes, in the order of ``classes_``.

        Returns: (N, classes); of several labels a sample the probability of each, (N, labels).
        """
        outputs = self._answers(X)
        return self._head.probabilities(outputs)

    def predict_log_proba(self, X: Any) -> Array:
        """Logarithms of ``predict_proba``.

        Returns: (N, classes).
        """
        probabilities = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(probabilities)

    def _more_tags(self) -> dict[str, Any]:
        return {"multilabel": True}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class Regressor(RegressorMixin, Network):
    """Numbers as targets, one or several a sample."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train.

        Args:
            y: numbers, (N,) or (N, outputs).

        Returns: self.

        Raises:
            ValueError: a parameter is out of range; data hold NaN, or differ in their number of samples.
        """
        again = bool(self.warm_start) and hasattr(self, "model_")
        return self._learn(X, y, sample_weight, again, None)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train for one pass over some of the data.

        Args:
            y: numbers, (N,) or (N, outputs).

        Returns: self.

        Raises:
            ValueError: early stopping is asked for, which needs all data.
        """
        self._check_partial()
        return self._learn(X, y, sample_weight, hasattr(self, "model_"), 1)

    def _learn(self, X: Any, y: Any, sample_weight: Any, again: bool, epochs: int | None) -> Any:
        X, y = self._check(X, y, reset=not again, multi_output=True, y_numeric=True)
        X, y, weight = weighted(X, y, sample_weight)
        if not again:
            self._begin(X)
            self._flat = y.ndim == 1
        y = y.reshape(len(y), -1)
        if again and y.shape[1] != self.n_outputs_:
            raise ValueError(f"{type(self).__name__}: y has {y.shape[1]} outputs, expected {self.n_outputs_} as before")
        self.n_outputs_ = y.shape[1]

        def score(X: Any, y: Array, weight: Array | None) -> float:
            return float(r2_score(y, self._outputs(X).reshape(y.shape), sample_weight=weight))

        def targets(y: Array) -> Array:
            return y.astype(self._floatx)

        return self._run(X, y, weight, None if again else self._make, targets, score, epochs, None)

    def predict(self, X: Any) -> Array:
        """The numbers that the network gives.

        Returns: (N,) or (N, outputs), as ``y`` was.
        """
        outputs = self._answers(X)
        return outputs.reshape(-1) if self._flat else outputs.reshape(len(outputs), -1)

    def _more_tags(self) -> dict[str, Any]:
        return {"multioutput": True}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
