"""Multilayer perceptrons with the arguments of scikit-learn's own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_array, check_is_fitted

from .. import activations, layers, losses, models, optimizers, regularizers
from ..core.suggest import unknown
from ..core.warn import warn
from .base import Classifier, Network, Regressor, weighted
from .checks import Array, keep, number
from .progress import Progress
from .targets import Head

_NAMES = {"identity": "linear", "logistic": "sigmoid"}  # scikit-learn's name: ours
_SCHEDULES = ("constant", "invscaling", "adaptive")


class MLP(Network):
    """What the perceptrons share: layers, optimizer, learning rate, and when training ends."""

    def _sizes(self) -> list[int]:
        given = self.hidden_layer_sizes
        sizes = list(given) if np.iterable(given) else [given]
        for n in sizes:
            if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
                raise ValueError(f"{type(self).__name__}: hidden_layer_sizes must be integers > 0, got {given!r}")
        return [int(n) for n in sizes]

    def _passes(self) -> int:
        return int(number(self, "max_iter", 1, whole=True))

    def _stack(self, sizes: list[int], X: Any, weight: Array | None) -> list[Any]:
        """Hidden layers, and the penalty of their kernels' squares for batches of this size."""
        activation, rate = _NAMES.get(self.activation, self.activation), number(self, "dropout", 0.0, 1.0)
        activations.get(activation)  # an unknown name shows before anything is made
        found: list[Any] = []
        for n in sizes:
            found.append(layers.Dense(n, activation, kernel_regularizer=self._penalty(X, weight)))
            if rate:
                found.append(layers.Dropout(rate))
        return found

    def _penalty(self, X: Any, weight: Array | None) -> Any:
        alpha, n = number(self, "alpha", 0.0), X.shape[0]
        batches = math.ceil(n / self._batch_size(n))
        total = n if weight is None else weight.sum()
        return regularizers.L2(0.5 * alpha * batches / total) if alpha else None

    def _network(self, X: Any, sizes: list[int], outputs: int, weight: Array | None, loss: Any, **options: Any) -> None:
        head = layers.Dense(outputs, kernel_regularizer=self._penalty(X, weight))
        self.model_ = models.Sequential([layers.Input((X.shape[1],)), *self._stack(sizes, X, weight), head])
        self.model_.compile(self._optimizer(), loss, **options)

    def _optimizer(self) -> Any:
        name = type(self).__name__
        if isinstance(self.solver, optimizers.Optimizer):
            return type(self.solver).from_config(self.solver.get_config())
        if self.solver == "lbfgs":
            raise ValueError(f'{name}: solver="lbfgs" is not supported; the nearest for small data is "adam"')
        scheduled = isinstance(self.learning_rate, optimizers.schedules.LearningRateSchedule)
        if not scheduled and self.learning_rate not in _SCHEDULES:
            raise unknown(f"learning_rate of {name}", self.learning_rate, _SCHEDULES)
        rate = self.learning_rate if scheduled else number(self, "learning_rate_init", 0.0)
        found = optimizers.get(self.solver)
        options = {"learning_rate": rate}
        if isinstance(found, optimizers.SGD):
            options |= {"momentum": self.momentum, "nesterov": bool(self.nesterovs_momentum and self.momentum)}
        elif isinstance(found, (optimizers.Adam, optimizers.Nadam, optimizers.Adamax)):
            options |= {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return type(found)(**options)

    def _progress(self, score: Any, whole: bool, samples: int) -> Progress:
        tol, patience = number(self, "tol", 0.0), number(self, "n_iter_no_change", 1, whole=True)
        smaller = rate = None
        if isinstance(self.learning_rate, str) and self.learning_rate == "adaptive":
            smaller = self._smaller_rate
        elif isinstance(self.learning_rate, str) and self.learning_rate == "invscaling":

            def rate() -> float:
                return float(self.learning_rate_init / (self.n_iter_ * samples + 1) ** self.power_t)

        return Progress(self, tol, patience if whole else None, score, smaller, rate, bool(self.verbose))

    def _smaller_rate(self) -> bool:
        """Divide the learning rate by 5, unless it is too small for that to help."""
        optimizer = self.model_.optimizer
        if float(optimizer.learning_rate) <= 1e-6:
            return False
        optimizer.learning_rate = float(optimizer.learning_rate) / 5
        return True

    def _ended(self, progress: Progress) -> None:
        if not progress.converged and not self.model_.stop_training:
            warn(
                f"{type(self).__name__}: max_iter={self.max_iter} passes are done, and training still got on; a larger "
                "max_iter, learning_rate_init or tol ends otherwise",
                ConvergenceWarning,
            )

    def _dense(self) -> list[Any]:
        check_is_fitted(self, "model_")
        return [layer for layer in self.model_.layers if isinstance(layer, layers.Dense)]

    @property
    def coefs_(self) -> list[Array]:
        """The kernels of the layers, (inputs, units) each."""
        return [layer.kernel.numpy() for layer in self._dense()]

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of the layers, (units,) each."""
        return [layer.bias.numpy() for layer in self._dense()]

    @property
    def n_layers_(self) -> int:
        """The number of layers, that of the inputs included."""
        return len(self._dense()) + 1


class MLPClassifier(Classifier, MLP):
    """A multilayer perceptron that tells classes apart, with the arguments of scikit-learn's MLPClassifier.

    Besides these it takes ``class_weight``, ``dropout``, any activation and optimizer of Lamina, and sparse matrices.
    It computes in the type of ``X``, float32 or float64.  Samples may have one label of two or more classes, or several
    labels, as a matrix of 0 and 1.  The same ``random_state`` gives the same network, whatever the number of jobs or
    threads.

    Args:
        class_weight: {label: weight}; or "balanced", which gives classes weights that are inverse to their frequency.

    Raises:
        ValueError: in ``fit``: a parameter is out of range, or unknown.

    Example:
        >>> X, y = np.eye(4).repeat(5, 0), np.repeat(["a", "b", "c", "d"], 5)
        >>> net = lamina.sklearn.MLPClassifier((16,), learning_rate_init=0.05, max_iter=100, random_state=0)
        >>> print(*net.fit(X, y).predict(np.eye(4)))
        a b c d
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        dropout: float = 0.0,
        class_weight: Any = None,
        dtype: str | None = None,
        callbacks: Any = None,
    ) -> None:
        keep(self, locals())

    def _make(self, X: Any, y: Array, weight: Array | None) -> Head:
        head = Head(type(self).__name__, self._classes, self._classes.outputs, logits=True)
        self._network(X, self._sizes(), head.width, weight, head.loss)
        self.out_activation_ = "logistic" if head.alone else "softmax"
        return head


class MLPRegressor(Regressor, MLP):
    """A multilayer perceptron that foretells numbers, with the arguments of scikit-learn's MLPRegressor.

    Besides these it takes ``dropout``, any loss, activation and optimizer of Lamina, and sparse matrices.  It computes
    in the type of ``X``, float32 or float64.  The same ``random_state`` gives the same network, whatever the number of
    jobs or threads.

    Args:
        loss: "squared_error" (half of the mean), or any loss of Lamina, such as "huber" or a function.

    Raises:
        ValueError: in ``fit``: a parameter is out of range, or unknown.

    Example:
        >>> X = np.linspace(-1, 1, 50)[:, None]
        >>> net = lamina.sklearn.MLPRegressor((16,), learning_rate_init=0.05, max_iter=300, random_state=0)
        >>> net.fit(X, 3 * X[:, 0]).score(X, 3 * X[:, 0]) > 0.9
        True
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        loss: Any = "squared_error",
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        dropout: float = 0.0,
        dtype: str | None = None,
        callbacks: Any = None,
    ) -> None:
        keep(self, locals())

    def _make(self, X: Any, y: Array, weight: Array | None) -> None:
        half = isinstance(self.loss, str) and self.loss == "squared_error"  # by one output it is scikit-learn's
        loss = losses.MeanSquaredError() if half else losses.as_loss(self.loss)
        self._network(X, self._sizes(), y.shape[1], weight, loss, loss_weights=0.5 if half else None)
        self.out_activation_ = "identity"


class MLPAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, MLP):
    """A multilayer perceptron that learns a few numbers from which it can restore each sample: a transformer.

    The hidden layers stand before these numbers, and in reverse order behind them.  ``transform`` gives the numbers,
    ``inverse_transform`` makes samples of them.

    Args:
        n_components: how many numbers there are of a sample.
        loss: "squared_error" (half of the mean), or any loss of Lamina.

    Raises:
        ValueError: in ``fit``: a parameter is out of range, or unknown.

    Example:
        >>> X = np.random.default_rng(0).normal(size=(60, 1)) * np.array([1.0, -2.0, 3.0])
        >>> net = lamina.sklearn.MLPAutoencoder(1, hidden_layer_sizes=(), learning_rate_init=0.05, random_state=0)
        >>> net.fit_transform(X).shape
        (60, 1)
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        loss: Any = "squared_error",
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        dropout: float = 0.0,
        dtype: str | None = None,
        callbacks: Any = None,
    ) -> None:
        keep(self, locals())

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Train.

        Args:
            y: has no effect; pipelines give it.

        Returns: self.

        Raises:
            ValueError: a parameter is out of range; data hold NaN.
        """
        again = bool(self.warm_start) and hasattr(self, "model_")
        return self._learn(X, sample_weight, again, None)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Any:
        """Train for one pass over some of the data.

        Args:
            y: has no effect.

        Returns: self.

        Raises:
            ValueError: early stopping is asked for, which needs all data.
        """
        self._check_partial()
        return self._learn(X, sample_weight, hasattr(self, "model_"), 1)

    def _learn(self, X: Any, sample_weight: Any, again: bool, epochs: int | None) -> Any:
        X = self._check(X, reset=not again)
        X, _, weight = weighted(X, np.empty(X.shape[0]), sample_weight)
        if not again:
            self._begin(X)
        y = _dense(X)

        def targets(y: Array) -> Array:
            return y

        return self._run(X, y, weight, None if again else self._make, targets, self._restored, epochs, None)

    def _make(self, X: Any, y: Array, weight: Array | None) -> None:
        n, sizes = number(self, "n_components", 1, whole=True), self._sizes()
        half = isinstance(self.loss, str) and self.loss == "squared_error"
        loss = losses.MeanSquaredError() if half else losses.as_loss(self.loss)

        def end(units: int) -> Any:
            return layers.Dense(units, kernel_regularizer=self._penalty(X, weight))

        self.encoder_ = models.Sequential([layers.Input((X.shape[1],)), *self._stack(sizes, X, weight), end(n)])
        self.decoder_ = models.Sequential([layers.Input((n,)), *self._stack(sizes[::-1], X, weight), end(X.shape[1])])
        self.model_ = models.Sequential([layers.Input((X.shape[1],)), self.encoder_, self.decoder_])
        self.model_.compile(self._optimizer(), loss, loss_weights=0.5 if half else None)
        self._n_features_out = n

    def transform(self, X: Any) -> Array:
        """The numbers that the network keeps of each sample.

        Returns: (N, n_components).
        """
        check_is_fitted(self, "model_")
        return self._outputs(self._check(X, reset=False), self.encoder_)

    def inverse_transform(self, X: Any) -> Array:
        """The samples that the network makes of these numbers.

        Args:
            X: what ``transform`` gave, (N, n_components).

        Returns: (N, features).
        """
        check_is_fitted(self, "model_")
        return self._outputs(check_array(X, dtype=self._floatx), self.decoder_)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """How well samples are restored: the coefficient of determination, 1 at best.

        Args:
            y: has no effect.
        """
        check_is_fitted(self, "model_")
        X = self._check(X, reset=False)
        return self._restored(X, _dense(X), sample_weight)

    def _restored(self, X: Any, y: Array, weight: Any) -> float:
        return float(r2_score(y, self._outputs(X), sample_weight=weight, multioutput="variance_weighted"))

    def _dense(self) -> list[Any]:
        check_is_fitted(self, "model_")
        both = [*self.encoder_.layers, *self.decoder_.layers]
        return [layer for layer in both if isinstance(layer, layers.Dense)]

    def _more_tags(self) -> dict[str, Any]:
        return {"preserves_dtype": [np.float64, np.float32]}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _dense(X: Any) -> Array:
    return X.toarray() if hasattr(X, "toarray") else X
