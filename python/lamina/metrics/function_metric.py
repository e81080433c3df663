"""A metric that is the mean of a function of targets and predictions; the library's are declared from theirs."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .. import losses
from ..core.arrays import leading_axes, to_numbers
from ..core.autograd import Tensor, no_grad
from ..core.constructor import constructor
from ..core.explain import fail
from ..core.masked_tensor import MaskedTensor
from ..layers.variable import snake_case
from ..ops.conversion import as_tensor
from .base import Array, Average, MetricFunction, enter, weights_of

by_function: dict[MetricFunction, type[DeclaredMetric]] = {}  # the library's own


def without_tape(fn: MetricFunction, module: str = "") -> MetricFunction:
    """fn, which may be built from lamina.ops, giving arrays and recording nothing.

    module: where it will stand under the name of fn, for pickle.
    """

    @functools.wraps(fn)
    def values(*args: Any, **options: Any) -> Array:
        with no_grad():
            return np.asarray(fn(*args, **options))

    values.__module__ = module or values.__module__
    return values


class MeanMetricWrapper(Average):
    """Mean of a function of one value per sample.  Steps that the mask of y_pred leaves out do not count.

    Args:
        fn: the function, called as ``fn(y_true, y_pred, **options)``.
        **options: the function's options.

    Raises:
        TypeError: ``fn`` is no function.

    Example:
        >>> m = metrics.MeanMetricWrapper(losses.mean_squared_error, name="mse")
        >>> m.update_state([[0.0]], [[2.0]])
        >>> float(m.result())
        4.0
    """

    _elementwise: MetricFunction | None = None  # of the values whose means over the last axis fn gives

    def __init__(self, fn: MetricFunction, name: str | None = None, dtype: Any = None, **options: Any) -> None:
        if not callable(fn):
            raise TypeError(f"{type(self).__name__}: fn must be a function (y_true, y_pred), got {fn!r}")
        super().__init__(name or snake_case(str(getattr(fn, "__name__", type(fn).__name__))), dtype)
        self.fn = fn
        self.options = options
        if fn in by_function:
            self._direction = by_function[fn]._direction
        elif losses.is_built_in(fn) or losses.is_built_in(getattr(fn, "__wrapped__", None)):
            self._direction = "down"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        try:
            if isinstance(y_true, (list, tuple)):
                y_true = to_numbers(f"{self.name}: y_true", y_true)
            if isinstance(y_pred, (list, tuple)):
                y_pred = to_numbers(f"{self.name}: y_pred", y_pred)
            mask = y_pred.mask if isinstance(y_pred, MaskedTensor) else None
            with no_grad():
                values, counted = self.unreduced(y_true, y_pred, sample_weight, mask)
            if values.dtype.kind not in "fiub":
                raise TypeError(
                    f"metric {self.name!r}: its function returned {values!r}, expected one value per sample"
                )
            weight = None if sample_weight is None else weights_of(self.name, sample_weight, values.shape)
            for kept in () if mask is counted is None else (mask, counted):
                shape = None if kept is None else leading_axes(kept.shape, values.shape)
                if kept is not None and shape is not None:
                    factor = np.asarray(kept).reshape(shape)
                    weight = factor if weight is None else weight * factor
            self.add(values, weight)
        except Exception as error:
            for what, given in (("y_true", y_true), ("y_pred", y_pred)):
                to_numbers(f"{self.name}: {what}", given)
            fail(error, type(self).__name__, type(self).update_state, (self, y_true, y_pred, sample_weight))

    def unreduced(
        self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Tensor | None
    ) -> tuple[Array, Tensor | None]:
        """One value per sample, neither weighted nor masked; and 1 for each that counts in the mean, None if all do.

        Args:
            sample_weight: factors of the values, or None.
            mask: True where a step counts, or None.
        """
        if mask is not None:
            y_pred = y_pred._array
        return np.asarray((self._elementwise or self.fn)(y_true, y_pred, **self.options)), None

    def get_config(self) -> dict[str, Any]:
        own = {"fn": self.fn} if type(self) is MeanMetricWrapper else {}  # its subclasses know theirs
        return {**super().get_config(), **own, **self.options}


class MeanOfLoss(MeanMetricWrapper):
    """The mean of a loss over all that counts in the loss's own.

    Args:
        loss: the loss, its function, its name or its description.
    """

    _direction = "down"

    def __init__(self, loss: Any, name: str | None = None, dtype: Any = None) -> None:
        self.loss = losses.as_loss(loss)
        super().__init__(self.loss.call, name or self.loss.name, dtype)

    def unreduced(
        self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Tensor | None
    ) -> tuple[Array, Tensor | None]:
        values, counted = self.loss.unreduced(y_true, as_tensor(y_pred), sample_weight, mask)
        return np.asarray(values), counted

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "loss": losses.serialize(self.loss)}


class DeclaredMetric(MeanMetricWrapper):
    """A metric of the library, declared from its function: ``class Accuracy(DeclaredMetric, function=accuracy)``.

    Its constructor takes name (``default_name``, else the function's), dtype and the function's options, or these in
    ``order``.  ``get`` finds it by the names of its class and its own, and by the short
    names ``also``.  ``direction``: "up" where more is better, "down" where less is.  ``elementwise``: what the function
    is the mean of over the last axis, where each element may have a weight, as in Keras.  ``counts``: whether its
    values are True and False.
    """

    _counts = False

    def __init_subclass__(
        cls,
        function: MetricFunction | None = None,
        direction: str | None = None,
        default_name: str | None = None,
        also: tuple[str, ...] = (),
        order: tuple[str, ...] = (),
        elementwise: MetricFunction | None = None,
        counts: bool = False,
        **kwargs: Any,
    ) -> None:
        cls._counts = counts or cls._counts
        if elementwise is not None:
            cls._elementwise = staticmethod(elementwise)
        if function is not None:
            name = default_name or function.__name__
            cls.__init__ = constructor(MeanMetricWrapper.__init__, function, name, False, order)  # type: ignore[method-assign]
            cls._direction = direction
            by_function.setdefault(function, cls)
            enter(cls, (snake_case(cls.__name__), name, *also))
        super().__init_subclass__(**kwargs)

    def _adds_exactly(self, y_true: Any, y_pred: Any) -> bool:
        return self._counts

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        raise TypeError(f"{type(self).__name__}: a DeclaredMetric needs a function")


__all__ = ["MeanMetricWrapper"]
