"""A metric that is the mean of a function of targets and predictions; the library's are declared from theirs."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .. import losses
from ..core.arrays import to_numbers, without_last_one
from ..core.autograd import no_grad
from ..core.constructor import constructor
from ..core.explain import fail
from ..core.masked_tensor import MaskedTensor
from ..layers.variable import snake_case
from .base import Array, Average, MetricFunction, enter

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


def masked(sample_weight: Any, mask: Array) -> Array:
    """sample_weight, (batch) or (batch, time), times the mask."""
    weight = np.asarray(sample_weight)
    shape = without_last_one(weight.shape, mask.ndim)
    if len(shape) > mask.ndim or any(m not in (1, n) for m, n in zip(shape, mask.shape, strict=False)):
        raise ValueError(f"sample_weight has shape {weight.shape}, the values it weights {mask.shape}")
    return weight.reshape(shape + (1,) * (mask.ndim - len(shape))) * mask


class MeanMetricWrapper(Average):
    """Mean of a function of one value per sample.  Steps that the mask of y_pred leaves out do not count.

    Args:
        fn: the function, called as ``fn(y_true, y_pred, **options)``.
        **options: the function's options.

    Raises:
        TypeError: ``fn`` is no function.
    """

    def __init__(self, fn: MetricFunction, name: str | None = None, dtype: Any = None, **options: Any) -> None:
        if not callable(fn):
            raise TypeError(f"{type(self).__name__}: fn must be a function (y_true, y_pred), got {fn!r}")
        super().__init__(name or str(getattr(fn, "__name__", type(fn).__name__)), dtype)
        self.fn = fn
        self.options = options
        if fn in by_function:
            self._direction = by_function[fn]._direction
        elif losses.is_built_in(fn) or losses.is_built_in(getattr(fn, "__wrapped__", None)):
            self._direction = "down"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        try:
            mask = None
            if isinstance(y_pred, MaskedTensor):
                y_pred, mask = y_pred._array, y_pred.mask._array
            values = np.asarray(self.fn(y_true, y_pred, **self.options))
            if values.dtype.kind not in "fiub":
                raise TypeError(
                    f"metric {self.name!r}: its function returned {values!r}, expected one value per sample"
                )
            if mask is not None and mask.shape == values.shape[: mask.ndim]:
                sample_weight = mask if sample_weight is None else masked(sample_weight, mask)
            self.add(values, sample_weight)
        except Exception as error:
            for what, given in (("y_true", y_true), ("y_pred", y_pred)):
                to_numbers(f"{self.name}: {what}", given)
            fail(error, type(self).__name__, type(self).update_state, (self, y_true, y_pred, sample_weight))

    def get_config(self) -> dict[str, Any]:
        own = {"fn": self.fn} if type(self) is MeanMetricWrapper else {}  # its subclasses know theirs
        return {**super().get_config(), **own, **self.options}


class DeclaredMetric(MeanMetricWrapper):
    """A metric of the library, declared from its function: ``class Accuracy(DeclaredMetric, function=accuracy)``.

    Its constructor takes name (``default_name``, else the function's), dtype and the function's options, or these in
    ``order``.  ``get`` finds it by the names of its class and its own, and by the short
    names ``also``.  ``direction``: "up" where more is better, "down" where less is.
    """

    def __init_subclass__(
        cls,
        function: MetricFunction | None = None,
        direction: str | None = None,
        default_name: str | None = None,
        also: tuple[str, ...] = (),
        order: tuple[str, ...] = (),
        **kwargs: Any,
    ) -> None:
        if function is not None:
            name = default_name or function.__name__
            cls.__init__ = constructor(MeanMetricWrapper.__init__, function, name, False, order)  # type: ignore[method-assign]
            cls._direction = direction
            by_function.setdefault(function, cls)
            enter(cls, (snake_case(cls.__name__), name, *also))
        super().__init_subclass__(**kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(f"{type(self).__name__}: a DeclaredMetric needs a function")


__all__ = ["MeanMetricWrapper"]
