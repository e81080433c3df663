"""The base of the losses."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from .. import ops
from ..config import floatx
from ..core.arrays import as_dtype
from ..core.autograd import Tensor
from ..core.explain import Explained, fail
from ..core.masked_tensor import MaskedTensor, attach
from ..core.recording import Noting
from ..core.suggest import unknown
from ..ops.conversion import as_tensor
from .reduction import REDUCTIONS, kept_part, reduce_values


class Loss(Noting, Explained, strict=True):
    """Base of losses; a subclass defines ``call(y_true, y_pred)``, which returns one value per sample.

    A loss is called as ``loss(y_true, y_pred, sample_weight=None)``.  Steps that the mask of y_pred leaves out have no
    loss and do not count in the mean; values with a sample_weight of 0 have none either.  What y_true and y_pred hold
    there, a NaN as well, reaches neither the loss nor a gradient.

    Args:
        name: name of the loss in logs; None takes the class's.

    Raises:
        ValueError: ``reduction`` is unknown.

    Source: Keras 3, Loss.

    Example:
        >>> class Cubed(losses.Loss):
        ...     def call(self, y_true, y_pred):
        ...         return ops.mean(ops.abs(y_true - y_pred) ** 3, axis=-1)
        >>> Cubed()([[0.0, 0.0]], [[1.0, 2.0]])
        Tensor(4.5, shape=(), dtype=float32)
    """

    integer_targets: ClassVar[bool] = False  # class indices: fit leaves y an integer array
    index_of_each: ClassVar[bool] = False  # and y_true is one index for each of y_pred's rows
    _own = False  # the class is no one of the library

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        if reduction is not None and reduction not in REDUCTIONS:
            raise unknown("reduction", reduction, REDUCTIONS)
        self.name = name or type(self).__name__
        self.reduction = reduction
        self._dtype = None if dtype is None else as_dtype(dtype, f"{type(self).__name__}: dtype").name

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._own = not cls.__module__.startswith("lamina.")
        if "call" in cls.__dict__ and "mean" not in cls.__dict__:
            cls.mean = Loss.mean  # type: ignore[method-assign]  # one that skips call would skip the new one

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        try:
            y_pred = as_tensor(y_pred)
            mask = y_pred.mask if isinstance(y_pred, MaskedTensor) else None
            if self._dtype is not None and y_pred.dtype != np.dtype(self._dtype):
                y_pred = ops.cast(y_pred, self._dtype)
            if mask is None and sample_weight is None and self.reduction in ("sum_over_batch_size", "mean"):
                return self.mean(y_true, y_pred)
            values, counted = self.unreduced(y_true, y_pred, sample_weight, mask)
            return reduce_values(values, sample_weight, self.reduction, counted, mask)
        except Exception as error:
            fail(error, f"loss {self.name!r}", Loss.__call__, (self, y_true, y_pred, sample_weight))

    @property
    def dtype(self) -> str:
        """The type in which the loss computes: the given one, else ``config.floatx()``; float64 is kept."""
        return self._dtype or floatx()

    def unreduced(
        self, y_true: Any, y_pred: Tensor, sample_weight: Any, mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """One value per sample, neither weighted nor reduced; and 1 for each that counts in a mean, None if all do.

        Args:
            sample_weight: factors of the losses, or None.
            mask: True where a step counts, or None.
        """
        counted = self.counted(y_true, y_pred)
        if mask is not None or sample_weight is not None:
            y_true, y_pred = self.kept(y_true, y_pred, sample_weight, mask)
        values = self._values(y_true, y_pred)
        return values, self._that_count(values, counted)

    def kept(self, y_true: Any, y_pred: Tensor, sample_weight: Any, mask: Tensor | None) -> tuple[Any, Tensor]:
        """Targets and predictions for ``call``, without what would make a NaN of a value that weights or mask leave
        out.

        Args:
            sample_weight: factors of the losses, or None.
            mask: True where a step counts, or None.
        """
        kept = kept_part(y_pred, sample_weight, mask, 1.0)  # 1.0 is free: any number of which a loss is finite
        if self.index_of_each:
            y_true = kept_part(as_tensor(y_true), sample_weight, mask, 0)  # a label that is left out may be anything
        return y_true, kept if mask is None else attach(kept, mask)

    def _values(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """What ``call`` gives; one's own gets targets of y_pred's type, or int32 and int64 as given."""
        if self._own and not self.integer_targets and isinstance(y_true, (Tensor, np.ndarray)):
            y_true = as_tensor(y_true)
            kept = y_true.dtype == y_pred.dtype or y_true.dtype.name in ("int32", "int64")  # which may be classes
            if not kept and y_pred.dtype.kind == "f":
                y_true = ops.cast(y_true, y_pred.dtype)
        return self._checked(self.call(y_true, y_pred), y_pred)

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
        """One value per sample; each loss defines it.

        Returns: a tensor whose first axis is that of the samples.

        Raises:
            NotImplementedError: the class does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define call(y_true, y_pred)")

    def mean(self, y_true: Any, y_pred: Tensor) -> Tensor:
        """The mean over all samples; overridden where one native operation computes it."""
        values = self._values(y_true, y_pred)
        if isinstance(values, MaskedTensor):
            return reduce_values(values, None, self.reduction, self._that_count(values, None))
        return values if values.ndim == 0 else ops.mean(values)

    @staticmethod
    def _that_count(values: Tensor, counted: Tensor | None) -> Tensor | None:
        """As ``counted``, without what the mask of values leaves out, which a loss may attach, as in Keras."""
        if not isinstance(values, MaskedTensor) or values.mask is None or values.mask.shape != values.shape:
            return counted
        kept = ops.cast(values.mask, values.dtype)
        return kept if counted is None else ops.multiply(counted, kept)

    def counted(self, y_true: Any, y_pred: Tensor) -> Tensor | None:
        """1 for each value of ``call`` that counts in a mean, 0 for the others; None if all do."""
        return None

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        """The loss of a configuration.

        Args:
            config: what ``get_config`` returned.
        """
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


__all__ = ["Loss"]
