"""Losses with Keras 3's names, arguments, defaults and reductions.

A loss is an object called as ``loss(y_true, y_pred, sample_weight=None)``, the name of one, or any function
``(y_true, y_pred)`` built from ``lamina.ops`` that returns one value per sample.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from .. import ops
from ..core import registry
from ..core.arrays import as_dtype
from ..core.autograd import Tensor
from ..core.explain import Explained, named
from ..core.grad_mode import grad_mode
from ..core.masked_tensor import MaskedTensor, attach
from ..core.recording import note_change, note_made, notes_changes
from ..core.suggest import unknown
from ..ops.conversion import as_tensor
from .functional import REDUCTIONS, class_indices, kept_part, leaves_out, reduce_values
from .functional import binary_crossentropy as binary_crossentropy
from .functional import categorical_crossentropy as categorical_crossentropy
from .functional import categorical_hinge as categorical_hinge
from .functional import contrastive as contrastive
from .functional import cosine_similarity as cosine_similarity
from .functional import hinge as hinge
from .functional import huber as huber
from .functional import kl_divergence as kl_divergence
from .functional import log_cosh as log_cosh
from .functional import mean_absolute_error as mean_absolute_error
from .functional import mean_absolute_percentage_error as mean_absolute_percentage_error
from .functional import mean_squared_error as mean_squared_error
from .functional import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from .functional import poisson as poisson
from .functional import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from .functional import squared_hinge as squared_hinge

LossFunction = Callable[..., Any]


@notes_changes
class Loss(Explained, strict=True):
    """Base of the losses; a subclass defines ``call(y_true, y_pred)``, which returns one value per sample.

    reduction: "sum_over_batch_size" (default, the mean of all values), "mean_with_sample_weight", "sum", "none".
    dtype: the predictions are cast to it first; by default they keep theirs.
    Steps that the mask of y_pred leaves out have no loss and don't count in the mean; values with a sample_weight of 0
    have none either.  What y_true and y_pred hold there, a NaN as well, reaches neither the loss nor a gradient.
    """

    integer_targets: ClassVar[bool] = False  # class indices: fit leaves y an integer array

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        loss = super().__new__(cls)
        note_made(loss)
        return loss

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        if reduction is not None and reduction not in REDUCTIONS:
            raise unknown("reduction", reduction, REDUCTIONS)
        self.name = name or type(self).__name__
        self.reduction = reduction
        self.dtype = None if dtype is None else as_dtype(dtype, f"{type(self).__name__}: dtype").name

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        note_change(self, name)  # what was captured with the old value is captured again

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        y_pred = as_tensor(y_pred)
        mask = y_pred.mask if isinstance(y_pred, MaskedTensor) else None
        if self.dtype is not None and y_pred.dtype != np.dtype(self.dtype):
            y_pred = ops.cast(y_pred, self.dtype)
        if mask is None and sample_weight is None and self.reduction in ("sum_over_batch_size", "mean"):
            return self.mean(y_true, y_pred)
        counted = self.counted(y_true, y_pred)
        if mask is not None or sample_weight is not None:
            y_true, y_pred = self.kept(y_true, y_pred, sample_weight, mask)
        values = self._checked(self.call(y_true, y_pred), y_pred)
        return reduce_values(values, sample_weight, self.reduction, counted, mask)

    def kept(self, y_true: Any, y_pred: Tensor, sample_weight: Any, mask: Tensor | None) -> tuple[Any, Tensor]:
        """y_true and y_pred for ``call``, without what would make a NaN of a value that weights or mask leave out."""
        kept = kept_part(y_pred, sample_weight, mask, 1.0)
        return y_true, kept if mask is None else attach(kept, mask)

    def _checked(self, values: Any, y_pred: Tensor) -> Tensor:
        """What ``call`` gave as a tensor; an error where it is none, or not of y_pred's samples."""
        if not isinstance(values, (Tensor, np.ndarray, np.generic, int, float)):
            what = "nothing (a return is missing?)" if values is None else type(values).__name__
            raise TypeError(f"the loss {self.name!r} returned {what}, expected a tensor of one value per sample")
        values = as_tensor(values)
        if values.ndim and values.shape[:1] != y_pred.shape[:1]:
            raise ValueError(
                f"the loss {self.name!r} returned {values.shape} for y_pred {y_pred.shape}, expected one value per "
                "sample, the first axis being theirs; reduce the others, as ops.mean(..., axis=-1) does"
            )
        return values

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define call(y_true, y_pred)")

    def mean(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """The mean over all samples; overridden where one native op computes it."""
        values = self._checked(self.call(y_true, y_pred), y_pred)
        return values if values.ndim == 0 else ops.mean(values)

    def counted(self, y_true: Any, y_pred: Tensor) -> Tensor | None:
        """1 for each value of ``call`` that counts in a mean, 0 for the others; None if all do."""
        return None

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


def _noted(method: str) -> Any:
    """The method of dict, noted as setting an attribute is."""
    change = getattr(dict, method)

    def noted(self: _Options, *args: Any, **kwargs: Any) -> Any:
        result = change(self, *args, **kwargs)
        note_change(self, str(args[0]) if method == "__setitem__" else method)
        return result

    return noted


class _Options(dict[str, Any]):
    """The options of a loss's function; captured steps see their changes."""


for _method in ("__setitem__", "__delitem__", "__ior__", "clear", "pop", "popitem", "setdefault", "update"):
    setattr(_Options, _method, _noted(_method))


class FunctionLoss(Loss):
    """A function ``(y_true, y_pred, **options)`` of one value per sample, as a loss."""

    def __init__(
        self,
        fn: LossFunction,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **options: Any,
    ) -> None:
        if not callable(fn):
            raise TypeError(f"{type(self).__name__}: fn must be a function (y_true, y_pred), got {fn!r}")
        super().__init__(name or getattr(fn, "__name__", type(fn).__name__), reduction, dtype)
        self.fn = fn
        self.options: dict[str, Any] = _Options(options)

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        return self.fn(y_true, y_pred, **self.options)

    def kept(self, y_true: Any, y_pred: Tensor, sample_weight: Any, mask: Tensor | None) -> tuple[Any, Tensor]:
        return (y_true, y_pred) if leaves_out(self.fn) else super().kept(y_true, y_pred, sample_weight, mask)

    def get_config(self) -> dict[str, Any]:
        own = {"fn": self.fn} if type(self) is FunctionLoss else {}  # its subclasses know theirs
        return {**super().get_config(), **own, **self.options}


class _Named(Loss):
    """A loss that is one function without options, in Keras's order of arguments."""

    function: ClassVar[LossFunction]

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name or type(self).function.__name__, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        return type(self).function(y_true, y_pred)

    def kept(self, y_true: Any, y_pred: Tensor, sample_weight: Any, mask: Tensor | None) -> tuple[Any, Tensor]:
        known = leaves_out(type(self).function)
        return (y_true, y_pred) if known else super().kept(y_true, y_pred, sample_weight, mask)


class MeanSquaredError(_Named):
    """mean((y_pred - y_true)^2)."""

    function = staticmethod(mean_squared_error)


class MeanAbsoluteError(_Named):
    """mean(|y_pred - y_true|)."""

    function = staticmethod(mean_absolute_error)


class MeanAbsolutePercentageError(_Named):
    """100 mean(|y_true - y_pred| / |y_true|)."""

    function = staticmethod(mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(_Named):
    """mean((log(1 + y_true) - log(1 + y_pred))^2)."""

    function = staticmethod(mean_squared_logarithmic_error)


class LogCosh(_Named):
    """mean(log(cosh(y_pred - y_true)))."""

    function = staticmethod(log_cosh)


class KLDivergence(_Named):
    """sum(y_true log(y_true / y_pred)) over the classes of the last axis."""

    function = staticmethod(kl_divergence)


class Poisson(_Named):
    """mean(y_pred - y_true log(y_pred))."""

    function = staticmethod(poisson)


class Hinge(_Named):
    """mean(max(1 - y_true y_pred, 0)), labels -1 and 1 (or 0 and 1)."""

    function = staticmethod(hinge)


class SquaredHinge(_Named):
    """mean(max(1 - y_true y_pred, 0)^2), labels -1 and 1 (or 0 and 1)."""

    function = staticmethod(squared_hinge)


class CategoricalHinge(_Named):
    """max(1 + best wrong score - right score, 0), one-hot labels."""

    function = staticmethod(categorical_hinge)


class Huber(FunctionLoss):
    """Quadratic within ``delta``, linear beyond."""

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


class CosineSimilarity(FunctionLoss):
    """Minus the cosine of the angle between y_true and y_pred along ``axis``."""

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


class Contrastive(FunctionLoss):
    """For Siamese pairs: d^2 for a pair of one kind (y_true 1), max(margin - d, 0)^2 for others (y_true 0)."""

    def __init__(
        self,
        margin: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "contrastive",
        dtype: Any = None,
    ) -> None:
        super().__init__(contrastive, reduction, name, dtype, margin=margin)


class _Crossentropy(FunctionLoss):
    """What the three cross-entropies share: one warning when logits and probabilities seem to be mixed up."""

    def __init__(
        self, fn: LossFunction, reduction: str | None, name: str, dtype: Any, from_logits: bool, **options: Any
    ) -> None:
        super().__init__(fn, reduction, name, dtype, from_logits=from_logits, **options)
        self.from_logits = from_logits
        self._looked = False

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        y_pred = as_tensor(y_pred)
        if not self._looked and grad_mode.recording is None and y_pred.size:
            self.__dict__["_looked"] = True  # no configuration
            self._look(y_pred._array)
        return super().__call__(y_true, y_pred, sample_weight)

    def _look(self, p: np.ndarray[Any, Any]) -> None:
        """Warn of the first predictions seen where their range says that from_logits is wrong."""
        inside = bool(p.min() >= 0.0) and bool(p.max() <= 1.001)
        name = type(self).__name__
        if not self.from_logits and not inside and not np.isnan(p).any():
            warnings.warn(
                f"{name}: predictions reach from {p.min():.3g} to {p.max():.3g}, so they are logits; "
                "pass from_logits=True or end the model with softmax (sigmoid for two classes)",
                stacklevel=4,
            )
        elif self.from_logits and inside and p.shape[-1] > 1 and np.allclose(p.sum(-1), 1.0, atol=1e-3):
            warnings.warn(
                f"{name}(from_logits=True): every row of predictions sums to 1, so they are probabilities already; "
                "pass from_logits=False or drop the model's last softmax",
                stacklevel=4,
            )


class BinaryCrossentropy(_Crossentropy):
    """Cross-entropy of independent yes/no targets, y_true in [0, 1] of y_pred's shape."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            binary_crossentropy, reduction, name, dtype, from_logits, label_smoothing=label_smoothing, axis=axis
        )


class CategoricalCrossentropy(_Crossentropy):
    """Cross-entropy with one-hot or soft targets, y_true and y_pred (..., classes)."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            categorical_crossentropy, reduction, name, dtype, from_logits, label_smoothing=label_smoothing, axis=axis
        )


class SparseCategoricalCrossentropy(_Crossentropy):
    """Cross-entropy with class indices, y_true (...), y_pred (..., classes).

    ``ignore_class``: this label's samples have no loss and don't count in the mean, whatever their weights.
    """

    integer_targets = True

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
        self.ignore_class = ignore_class

    def mean(self, y_true: Any, y_pred: Tensor) -> Tensor:
        if self.options["axis"] not in (-1, y_pred.ndim - 1):
            return super().mean(y_true, y_pred)
        labels = class_indices(self.name, y_true, y_pred)
        mean = ops.softmax_cross_entropy_mean if self.from_logits else ops.categorical_cross_entropy_mean
        return mean(y_pred, labels, ignore_class=self.ignore_class)

    def kept(self, y_true: Any, y_pred: Tensor, sample_weight: Any, mask: Tensor | None) -> tuple[Any, Tensor]:
        return kept_part(as_tensor(y_true), sample_weight, mask, 0), y_pred  # a label that is left out may be anything

    def counted(self, y_true: Any, y_pred: Tensor) -> Tensor | None:
        if self.ignore_class is None:
            return None
        labels = as_tensor(y_true)
        if labels.ndim == y_pred.ndim and labels.shape[-1] == 1:
            labels = ops.reshape(labels, labels.shape[:-1])
        return ops.cast(ops.not_equal(labels, self.ignore_class), y_pred.dtype)


_PAIRS: tuple[tuple[LossFunction, type[Loss]], ...] = (
    (binary_crossentropy, BinaryCrossentropy),
    (categorical_crossentropy, CategoricalCrossentropy),
    (categorical_hinge, CategoricalHinge),
    (contrastive, Contrastive),
    (cosine_similarity, CosineSimilarity),
    (hinge, Hinge),
    (huber, Huber),
    (kl_divergence, KLDivergence),
    (log_cosh, LogCosh),
    (mean_absolute_error, MeanAbsoluteError),
    (mean_absolute_percentage_error, MeanAbsolutePercentageError),
    (mean_squared_error, MeanSquaredError),
    (mean_squared_logarithmic_error, MeanSquaredLogarithmicError),
    (poisson, Poisson),
    (sparse_categorical_crossentropy, SparseCategoricalCrossentropy),
    (squared_hinge, SquaredHinge),
)
_CLASSES = {cls.__name__: cls for _, cls in _PAIRS}
_FUNCTIONS = {fn.__name__: (fn, cls) for fn, cls in _PAIRS}
BUILT_IN = frozenset(_CLASSES.values())
_SHORT = {
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "logcosh": "log_cosh",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
}


@named("losses.get")
def get(identifier: Any) -> Any:
    """A loss from its name ("mse": the function, "MeanSquaredError": an object), config, class, object or function."""
    if identifier is None or isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, dict):
        return get(registry.class_name("loss", identifier)).from_config(identifier.get("config", {}))
    if isinstance(identifier, str):
        if identifier in _CLASSES:
            return _CLASSES[identifier]()
        name = _SHORT.get(identifier.lower(), identifier)
        if name not in _FUNCTIONS:
            raise unknown("loss", identifier, [*_FUNCTIONS, *_CLASSES, *_SHORT])
        return _FUNCTIONS[name][0]
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if callable(identifier):
        return identifier
    raise TypeError(f"loss: expected a name, a Loss or a function (y_true, y_pred), got {identifier!r}")


def as_loss(identifier: Any) -> Loss:
    """As get, but always a Loss object, so that the built-in functions find their fused forms."""
    found = get(identifier)
    if isinstance(found, Loss):
        return found
    for fn, cls in _FUNCTIONS.values():
        if fn is found:
            return cls()
    return FunctionLoss(found)


def is_built_in(function: Any) -> bool:
    """Whether this is one of the functions of this module."""
    return any(function is fn for fn, _ in _PAIRS)


def serialize(loss: Loss) -> dict[str, Any]:
    """The config from which get() makes the same loss again."""
    return {"class_name": type(loss).__name__, "config": loss.get_config()}


def deserialize(config: dict[str, Any]) -> Any:
    return get(config)


__all__ = [
    "BinaryCrossentropy", "CategoricalCrossentropy", "CategoricalHinge", "Contrastive", "CosineSimilarity", "Hinge",
    "Huber", "KLDivergence", "LogCosh", "Loss", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson", "SparseCategoricalCrossentropy", "SquaredHinge",
    "binary_crossentropy", "categorical_crossentropy", "categorical_hinge", "contrastive", "cosine_similarity",
    "deserialize", "get", "hinge", "huber", "kl_divergence", "log_cosh", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error", "poisson",
    "serialize", "sparse_categorical_crossentropy", "squared_hinge",
]  # fmt: skip
