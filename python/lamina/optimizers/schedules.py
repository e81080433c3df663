"""Learning-rate schedules with Keras 3's names, arguments and formulas: ``schedule(step) -> learning rate``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..core import registry
from ..core.autograd import Tensor
from ..core.explain import Explained, show
from ..core.suggest import unknown

_POSITIVE = ("decay_steps", "first_decay_steps", "t_mul")  # arguments


class LearningRateSchedule(Explained, strict=True, also=("__call__",)):
    """Base of schedules: a subclass defines ``__call__(step)``, step counting optimizer steps from 0.

    Source: Keras 3, LearningRateSchedule.

    Example:
        >>> class Warmup(optimizers.schedules.LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.01 * ops.minimum((step + 1) / 100, 1.0)
        >>> optimizer = optimizers.SGD(Warmup())
        >>> round(float(optimizer.learning_rate), 6)
        0.0001
    """

    def __call__(self, step: int) -> float:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step)")

    def _keep(self, arguments: dict[str, Any]) -> None:
        """Keep the arguments of a constructor, given all its ``locals()``, as attributes."""
        for name, value in arguments.items():
            if name in _POSITIVE and not value > 0:  # NaN is refused, too
                raise ValueError(f"{type(self).__name__}: {name} must be positive, got {value}")
            if name != "self":
                setattr(self, name, value)

    if TYPE_CHECKING:  # what _keep sets

        def __getattr__(self, name: str) -> Any: ...

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LearningRateSchedule:
        """The schedule of a configuration.

        Args:
            config: what ``get_config`` returned.
        """
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


def _periods(schedule: LearningRateSchedule, step: int) -> float:
    """How many ``decay_steps`` are over; whole ones with ``staircase``."""
    periods = step / schedule.decay_steps
    return math.floor(periods) if schedule.staircase else periods


class ExponentialDecay(LearningRateSchedule):
    """Rate that falls exponentially: ``initial_learning_rate * decay_rate ^ (step / decay_steps)``.

    Args:
        decay_rate: factor of each ``decay_steps`` steps.
        staircase: whether the exponent is rounded down.

    Example:
        >>> schedule = optimizers.schedules.ExponentialDecay(0.1, decay_steps=100, decay_rate=0.5)
        >>> round(float(schedule(200)), 3)
        0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self._keep(locals())

    def __call__(self, step: int) -> float:
        return float(self.initial_learning_rate * float(self.decay_rate) ** _periods(self, step))


class InverseTimeDecay(LearningRateSchedule):
    """Rate that falls as the inverse of time: ``initial_learning_rate / (1 + decay_rate * step / decay_steps)``.

    Args:
        decay_rate: how fast the rate falls.
        staircase: whether the quotient of steps is rounded down.

    Example:
        >>> schedule = optimizers.schedules.InverseTimeDecay(0.1, decay_steps=100, decay_rate=1.0)
        >>> round(float(schedule(100)), 3)
        0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self._keep(locals())

    def __call__(self, step: int) -> float:
        return float(self.initial_learning_rate / (1.0 + self.decay_rate * _periods(self, step)))


class PiecewiseConstantDecay(LearningRateSchedule):
    """Rate that is ``values[i]`` while ``step <= boundaries[i]``, and ``values[-1]`` after the last.

    Args:
        boundaries: steps in rising order.
        values: rates, one more than boundaries.

    Raises:
        ValueError: there are not one more values than boundaries, or boundaries do not rise.

    Example:
        >>> schedule = optimizers.schedules.PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001])
        >>> round(float(schedule(150)), 3)
        0.01
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        if len(boundaries) + 1 != len(values):
            raise ValueError(
                f"PiecewiseConstantDecay: {len(boundaries)} boundaries need {len(boundaries) + 1} values, "
                f"got {len(values)}"
            )
        if list(boundaries) != sorted(boundaries):
            raise ValueError(f"PiecewiseConstantDecay: boundaries must rise, got {list(boundaries)}")
        self.boundaries = list(boundaries)
        self.values = list(values)
        self.name = name

    def __call__(self, step: int) -> float:
        for boundary, value in zip(self.boundaries, self.values, strict=False):
            if step <= boundary:
                return float(value)
        return float(self.values[-1])


class PolynomialDecay(LearningRateSchedule):
    """Rate that falls as a polynomial: ``(initial - end) * (1 - step / decay_steps) ^ power + end``; then constant.

    Args:
        end_learning_rate: the last rate.
        power: the polynomial's degree.
        cycle: whether the decay starts again from a longer period, the next multiple of ``decay_steps``.

    Example:
        >>> schedule = optimizers.schedules.PolynomialDecay(0.1, decay_steps=100, end_learning_rate=0.0)
        >>> round(float(schedule(50)), 3)
        0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self._keep(locals())

    def __call__(self, step: int) -> float:
        period = self.decay_steps
        if self.cycle:
            period *= max(1, math.ceil(step / self.decay_steps))
        left = 1.0 - min(step, period) / period
        return float((self.initial_learning_rate - self.end_learning_rate) * left**self.power + self.end_learning_rate)


class CosineDecay(LearningRateSchedule):
    """Rate that falls along half a cosine from the initial rate to ``alpha`` times it.

    Args:
        alpha: the last rate as a part of the highest.
        warmup_target: rate to which the first steps rise linearly from ``initial_learning_rate``; None leaves them out.
        warmup_steps: how many steps the rise takes; ``decay_steps`` follow.

    Source: Keras 3, CosineDecay; Loshchilov and Hutter 2017, "SGDR", equation 5.

    Example:
        >>> schedule = optimizers.schedules.CosineDecay(0.1, decay_steps=1000)
        >>> round(float(schedule(0)), 3), round(float(schedule(500)), 3), round(float(schedule(1000)), 3)
        (0.1, 0.05, 0.0)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self._keep(locals())

    def __call__(self, step: int) -> float:
        top = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return float(top + (self.warmup_target - top) * step / self.warmup_steps)
            step, top = step - self.warmup_steps, self.warmup_target
        cosine = 0.5 * (1.0 + math.cos(math.pi * min(step, self.decay_steps) / self.decay_steps))
        return float(top * ((1.0 - self.alpha) * cosine + self.alpha))


class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decay that starts again: periods of ``first_decay_steps * t_mul^i``, peaks ``m_mul^i``.

    With ``t_mul < 1`` the periods end after ``first_decay_steps / (1 - t_mul)`` steps; from then on the rate is the
    lowest one.

    Args:
        first_decay_steps: steps of the first period, positive.
        t_mul: factor of each period's length, positive.
        m_mul: factor of each period's highest rate.
        alpha: the lowest rate as a part of the highest.

    Raises:
        ValueError: ``first_decay_steps`` or ``t_mul`` is not positive.

    Source: Keras 3, CosineDecayRestarts; Loshchilov and Hutter 2017, "SGDR", section 3.

    Example:
        >>> schedule = optimizers.schedules.CosineDecayRestarts(0.1, first_decay_steps=100)
        >>> round(float(schedule(50)), 3), round(float(schedule(100)), 3)
        (0.05, 0.1)
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self._keep(locals())

    def __call__(self, step: int) -> float:
        height = self._height(step / self.first_decay_steps)
        return float(self.initial_learning_rate * ((1.0 - self.alpha) * height + self.alpha))

    def _height(self, done: float) -> float:
        """The place between the lowest rate, 0, and the first one, 1, after ``done`` first periods."""
        t = float(self.t_mul)

        def start(i: int) -> float:
            return (t**i - 1.0) / (t - 1.0)

        if t == 1.0:
            i, place = divmod(done, 1.0)
        else:
            rest = 1.0 - done * (1.0 - t)
            if rest <= 0.0:
                return 0.0  # periods that become shorter end
            i = math.floor(math.log(rest) / math.log(t))
            i += start(i + 1) <= done  # a logarithm may fall short of a whole number
            place = (done - start(i)) / t**i
        return 0.5 * float(self.m_mul) ** i * (1.0 + math.cos(math.pi * place))


class RateFunction(LearningRateSchedule):
    """A function without arguments as a schedule, asked before every step."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function

    def __call__(self, step: int) -> float:
        rate = self.function()
        try:
            return float(rate)
        except (TypeError, ValueError):
            raise TypeError(f"learning_rate: {self.function!r} returned {show(rate)}, expected a number") from None


Rate = float | LearningRateSchedule | Callable[[], float]  # what optimizers take for one

_CLASSES: dict[str, type[LearningRateSchedule]] = {
    cls.__name__: cls
    for cls in (
        CosineDecay,
        CosineDecayRestarts,
        ExponentialDecay,
        InverseTimeDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
    )
}


def from_rate(rate: Any) -> Any:
    """A function or a description as the schedule that it is of; a schedule or a number as it is."""
    if isinstance(rate, dict):
        if rate.get("class_name") != "__function__":
            return deserialize(rate)
        rate = registry.deserialize(rate)
    return RateFunction(rate) if callable(rate) and not isinstance(rate, (LearningRateSchedule, Tensor)) else rate


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """The description from which ``deserialize`` makes the same schedule again.

    Args:
        learning_rate_schedule: the schedule.

    Example:
        >>> optimizers.schedules.serialize(optimizers.schedules.CosineDecay(0.1, 1000))["class_name"]
        'CosineDecay'
    """
    if isinstance(learning_rate_schedule, RateFunction):
        described: dict[str, Any] = registry.serialize(learning_rate_schedule.function)
        return described
    return registry.describe(learning_rate_schedule, learning_rate_schedule.get_config())


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> LearningRateSchedule:
    """The schedule of a description: one of the library's, a registered one, or one of custom_objects.

    Args:
        config: the description.
        custom_objects: {name: class} of schedules that are not registered.

    Raises:
        ValueError: it is no description, or names a class that is unknown.

    Source: Keras 3, keras.optimizers.schedules.deserialize.

    Example:
        >>> schedules = optimizers.schedules
        >>> schedule = schedules.deserialize(schedules.serialize(schedules.CosineDecay(0.1, 1000)))
        >>> schedule.decay_steps
        1000
    """
    name = config.get("class_name") if isinstance(config, dict) else None
    if not isinstance(name, str) or not isinstance(config.get("config"), dict):
        raise ValueError(f"expected the description of a learning-rate schedule, got {config!r}")
    with registry.custom_object_scope(custom_objects):
        cls = _CLASSES.get(name) or registry.find(name)
    if cls is None:
        error = unknown("learning-rate schedule", name, _CLASSES)
        mend = f"one of your own must be passed in custom_objects={{{name!r}: ...}} or registered"
        raise registry.named(ValueError(f"{error}; {mend}"))
    return cls.from_config(config["config"])


__all__ = [
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay", "LearningRateSchedule",
    "PiecewiseConstantDecay", "PolynomialDecay", "deserialize", "serialize",
]  # fmt: skip
