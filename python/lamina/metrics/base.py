"""The base of the metrics, and the mean of what a batch gives."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..config import floatx
from ..core.arrays import in_own_memory, leading_axes, to_numbers
from ..core.explain import Explained, fail
from ..layers.stateless import holding, values_of
from ..layers.variable import Variable, auto_name, snake_case
from ..layers.weights import parts
from .result import answering

if TYPE_CHECKING:
    from typing_extensions import Self

Array = np.ndarray[Any, np.dtype[Any]]
MetricFunction = Callable[..., Any]

by_name: dict[str, type[Metric]] = {}  # the library's own, by the names that ``get`` knows
classes: dict[str, type[Metric]] = {}  # and by their own


class Metric(Explained, strict=True):
    """Base of metrics: a subclass defines ``update_state(y_true, y_pred, sample_weight=None)`` and ``result()``.

    What it gathers is kept in variables from ``add_variable``, which ``reset_state`` sets to zero, or in metrics among
    its attributes, which start again; one that keeps it elsewhere defines ``reset_state`` as well.  ``update_state``
    gets arrays; NumPy and ``lamina.ops`` both take them.
    ``_direction``, as in Keras: "up" where more is better, "down" where less is; callbacks with ``mode="auto"`` ask it.

    Source: Keras 3, Metric.

    Example:
        >>> class Largest(metrics.Metric):
        ...     def __init__(self, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.value = self.add_weight(name="value", initializer="zeros")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.value.assign(ops.maximum(self.value, ops.max(ops.abs(y_true - y_pred))))
        ...     def result(self):
        ...         return self.value
        >>> m = Largest()
        >>> m.update_state(np.float32([0, 1]), np.float32([3, 1]))
        >>> float(m.result())
        3.0
    """

    _direction: str | None = None
    _sums: ClassVar[tuple[str, ...]] = ()  # attributes in which one of the library's gathers numbers

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "result" in vars(cls):
            cls.result = answering(cls.result)  # type: ignore[method-assign]

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or auto_name(snake_case(type(self).__name__))
        self._dtype = dtype
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> Any:
        """The type of the weights: the given one, else ``config.floatx()``."""
        return floatx() if self._dtype is None else self._dtype

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(in_own_memory(state))

    def _adds_exactly(self, y_true: Any, y_pred: Any) -> bool:
        """Whether it adds whole numbers, so that batches may be added as one: the same bits."""
        return False

    def add_variable(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """A variable for the metric's state; ``assign`` and ``assign_add`` change it.

        Args:
            shape: the sizes.
            initializer: first value: a name, an Initializer, or a function f(shape, dtype).
            dtype: type of the elements; None takes the metric's.
            aggregation: an option of Keras without effect here: there is one process.
            name: name of the variable; None makes one.

        Raises:
            RuntimeError: the metric's constructor did not begin with ``super().__init__()``.
        """
        if not hasattr(self, "_variables"):
            raise RuntimeError(f"{type(self).__name__}.__init__ must begin with super().__init__(name=...)")
        self._variables.append(Variable(initializer, shape, dtype or self.dtype, trainable=False, name=name))
        return self._variables[-1]

    def add_weight(
        self, shape: Sequence[int] = (), initializer: Any = "zeros", dtype: Any = None, name: str | None = None
    ) -> Variable:
        """A variable for the metric's state, in Keras's older spelling.

        Args:
            shape: the sizes.
            initializer: first value: a name, an Initializer, or a function f(shape, dtype).
            dtype: type of the elements; None takes the metric's.
            name: name of the variable; None makes one.
        """
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """What the metric has gathered: what add_variable made, in that order, or the sums of one of the library's, and
        the variables of metrics among the attributes."""
        sums = [StateVariable.of(self, name) for name in self._sums]
        return [*self._variables, *sums, *(v for metric in self._inner() for v in metric.variables)]

    def stateless_update_state(self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Gather one batch into other values of ``variables``; the metric itself stays as it is.

        Args:
            metric_variables: values for ``variables``, in their order.
            *args: what ``update_state`` takes.
            **kwargs: the same by name.

        Returns: the values afterwards.

        Raises:
            ValueError: there is not one value for each variable.
        """
        with self._holding("stateless_update_state", metric_variables):
            self.update_state(*args, **kwargs)
            return values_of(self.variables)

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """The result of other values of ``variables``.

        Args:
            metric_variables: values for ``variables``, in their order.

        Raises:
            ValueError: there is not one value for each variable.
        """
        with self._holding("stateless_result", metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list[Any]:
        """The values of ``variables`` at the start."""
        with self._holding("stateless_reset_state", self.variables):
            self.reset_state()
            return values_of(self.variables)

    def _holding(self, method: str, values: Sequence[Any]) -> Any:
        return holding(f"{type(self).__name__}.{method}", ("metric_variables", self.variables, values))

    def _inner(self) -> list[Metric]:
        return [metric for _, metric in parts(self, Metric)]

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Gather one batch; each metric defines it.

        Args:
            *args: targets and predictions.
            **kwargs: ``sample_weight``, factors of the samples.

        Raises:
            NotImplementedError: the class does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define update_state(y_true, y_pred, sample_weight)")

    def result(self) -> Any:
        """The value over all batches; each metric defines it.

        Raises:
            NotImplementedError: the class does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define result()")

    def reset_state(self) -> None:
        """Start again: all variables become zero, and metrics among the attributes start again.

        Raises:
            NotImplementedError: the metric has no variables and no metrics, and does not define it.
        """
        inner = self._inner()
        if not self._variables and not inner:
            raise NotImplementedError(
                f"{type(self).__name__} must define reset_state(), or keep its state in variables of add_variable()"
            )
        for v in self._variables:
            v.assign(np.zeros(v.shape, v.dtype))
        for metric in inner:
            metric.reset_state()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Update, then give the result so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name, "dtype": self._dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """The metric of a configuration.

        Args:
            config: what ``get_config`` returned.
        """
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"


class BuiltIn(Metric):
    """A metric of the library: ``class AUC(BuiltIn, direction="up")``.

    ``get`` finds it by the names of its class, ``AUC`` and ``auc``, and by the short names ``also``.  ``direction``:
    "up" where more is better, "down" where less is.  Its configuration is what its constructor was given.  A class
    defines ``gather``, which gets arrays of numbers.
    """

    _given: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        metric = super().__new__(cls)
        metric._given = args, kwargs
        return metric

    def __init_subclass__(
        cls, direction: str | None = None, listed: bool = True, also: tuple[str, ...] = (), **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        cls._direction = direction or cls._direction
        if listed and cls.__module__.partition(".")[0] == __name__.partition(".")[0]:
            enter(cls, (snake_case(cls.__name__), *also))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Gather one batch.

        Args:
            sample_weight: factors, which broadcast to the targets from the first axis on; None means 1.
        """
        try:
            targets, predictions = (
                to_numbers(f"{self.name}: y_true", y_true),
                to_numbers(f"{self.name}: y_pred", y_pred),
            )
            self.gather(targets, predictions, sample_weight)
        except Exception as error:
            fail(error, type(self).__name__, type(self).update_state, (self, y_true, y_pred, sample_weight))

    def gather(self, y_true: Array, y_pred: Array, sample_weight: Any) -> None:
        """Add one batch to the state; each class defines it.

        Args:
            sample_weight: factors as given, or None.

        Raises:
            NotImplementedError: the class does not define it.
        """
        raise NotImplementedError(f"{type(self).__name__} must define gather(y_true, y_pred, sample_weight)")

    def get_config(self) -> dict[str, Any]:
        signature = inspect.signature(type(self).__init__)
        given = signature.bind(self, *self._given[0], **self._given[1])
        given.apply_defaults()
        arguments = dict(list(given.arguments.items())[1:])
        for p in signature.parameters.values():  # in constructors of the user's own
            if p.kind is p.VAR_KEYWORD:
                arguments.update(arguments.pop(p.name))
        return {**arguments, "name": self.name, "dtype": self._dtype}


def enter(cls: type[Metric], names: Sequence[str]) -> None:
    """Let ``get`` know a metric of the library by the name of its class and by these."""
    classes[cls.__name__] = cls
    by_name.update(dict.fromkeys(names, cls))


def weights_of(name: str, sample_weight: Any, shape: Sequence[int]) -> Array:
    """Weights in float64 with as many axes as the values have; they broadcast from the first axis on."""
    weight = np.asarray(to_numbers(f"{name}: sample_weight", sample_weight), np.float64)
    sizes = leading_axes(weight.shape, shape)
    if sizes is None:
        raise ValueError(f"{name}: sample_weight has shape {weight.shape}, the values {tuple(shape)}")
    return weight.reshape(sizes)


def _weighted_sum(values: Array, weight: Array) -> float:
    """The sum of ``values * weight``; what has a weight of 0 is left out, a NaN as well."""
    if weight.shape == values.shape:
        total = float(np.vdot(weight, values))
    else:
        with np.errstate(invalid="ignore"):
            total = float((values * weight).sum())
    if total != total:
        with np.errstate(invalid="ignore"):
            total = float(np.where(weight == 0, 0, values * weight).sum())
    return total


class StateVariable(Variable):
    """A metric's sum as a variable: an attribute, a number or an array, that is read and set through it."""

    __slots__ = ("_attribute", "_metric")
    fixed_shape = False  # with the first batch some learn how many classes there are
    _metric: Metric
    _attribute: str

    @classmethod
    def of(cls, metric: Metric, attribute: str) -> StateVariable:
        v = cls.__new__(cls)
        v._metric, v._attribute = metric, attribute
        fields = {"initializer": "zeros", "name": attribute.lstrip("_"), "named": True, "scope": f"{metric.name}/"}
        for name in Variable.__slots__:
            setattr(v, name, fields.get(name))
        v._trainable = v.requires_grad = v._grad_is_set = False
        v._grad = v._node = None
        return v

    @property
    def _array(self) -> Array:  # type: ignore[override]
        return np.asarray(getattr(self._metric, self._attribute))

    def assign(self, value: Any) -> StateVariable:
        array = np.array(value, np.float64)
        setattr(self._metric, self._attribute, array if array.ndim else float(array))
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:
        return Variable.around(self._array.copy(), self.name)


_BOOL = np.dtype(np.bool_)


class Average(Metric):
    """The (weighted) mean of all values added so far; 0 before the first."""

    _sums = ("total", "count")

    def __init__(self, name: str, dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = 0.0
        self.count = 0.0

    def add(self, values: Any, sample_weight: Any) -> None:
        """Add the values of a batch.

        Args:
            values: numbers.
            sample_weight: factors that broadcast to them, or None.

        Raises:
            ValueError: the weights do not broadcast.
        """
        values = np.asarray(values) if isinstance(values, np.ndarray) else to_numbers(f"{self.name}: values", values)
        if sample_weight is None:
            of_booleans = values.dtype is _BOOL  # a tenth of the time of a sum
            self.total += float(np.count_nonzero(values) if of_booleans else values.sum(dtype=np.float64))
            self.count += values.size
            return
        weight = weights_of(self.name, sample_weight, values.shape)
        self.total += _weighted_sum(values, weight)
        self.count += float(weight.sum()) * (values.size / max(weight.size, 1))

    def result(self) -> float:
        return self.total / self.count if self.count else 0.0

    def reset_state(self) -> None:
        self.total = 0.0
        self.count = 0.0


class Mean(Average):
    """Mean of the values given to ``update_state(values, sample_weight=None)``, weighted if weights are; 0 before the
    first.

    Example:
        >>> m = metrics.Mean()
        >>> m.update_state([1.0, 3.0])
        >>> m.update_state(8.0)
        >>> float(m.result())
        4.0
    """

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        try:
            self.add(values, sample_weight)
        except Exception as error:
            fail(error, type(self).__name__, type(self).update_state, (self, values, sample_weight))


class Sum(Metric):
    """Sum of the values given to ``update_state(values, sample_weight=None)``, each times its weight.

    Example:
        >>> m = metrics.Sum()
        >>> m.update_state([1.0, 3.0])
        >>> float(m.result())
        4.0
    """

    _sums = ("total",)

    def __init__(self, name: str = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = 0.0

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add the values of a batch.

        Args:
            values: numbers.
            sample_weight: factors, which broadcast to the values from the first axis on; None means 1.
        """
        try:
            values = to_numbers(f"{self.name}: values", values)
            if sample_weight is None:
                self.total += float(values.sum(dtype=np.float64))
            else:
                self.total += _weighted_sum(values, weights_of(self.name, sample_weight, values.shape))
        except Exception as error:
            fail(error, type(self).__name__, type(self).update_state, (self, values, sample_weight))

    def result(self) -> float:
        return self.total

    def reset_state(self) -> None:
        self.total = 0.0


for _cls in (Mean, Sum):
    enter(_cls, (snake_case(_cls.__name__),))

__all__ = ["Mean", "Metric", "Sum"]
