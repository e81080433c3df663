"""What stands behind every optimizer: its options, and its state as arrays."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import ops
from ..core import registry
from ..core.arena import Arena
from ..core.arrays import in_own_memory
from ..core.autograd import Array, Tensor
from ..core.explain import Explained
from ..core.grad_mode import grad_mode
from ..core.recording import COPIED, KnownAhead, Recording, forbid_capture, note_change
from ..core.suggest import unknown
from ..layers.variable import Variable
from . import schedules
from .averages import Averages, check_averages
from .before_update import Accumulate, Clip, GradientTransform, LossScale, check_accumulation
from .gradient_transformer import Transformers
from .options import NoOptions, Unpack, check_option
from .schedules import LearningRateSchedule, Rate


def label(variable: Tensor, index: int) -> str:
    """What to call a variable of this place in messages and names."""
    return getattr(variable, "path", "") or f"variable {index}"


class LearningRate(Tensor):
    """An optimizer's learning rate, float64 of shape (); ``assign`` sets it, also for steps that were captured."""

    __slots__ = ("_optimizer",)

    def __init__(self, optimizer: OptimizerState, rate: Array) -> None:
        super().__init__(rate.reshape(()))
        self._optimizer = optimizer

    def assign(self, value: Any) -> LearningRate:
        self._optimizer.learning_rate = value
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        forbid_capture(COPIED)
        return _rate_of, (self._optimizer,)


def _rate_of(optimizer: OptimizerState) -> LearningRate:
    return optimizer.learning_rate


class OptimizerState(Explained, strict=True):
    """Options, and state as arrays; a subclass makes the arrays in ``_bind`` and steps with them."""

    _rule: ClassVar[str | None] = None  # a native one; an optimizer without it defines update_step
    _own_apply: ClassVar[bool] = False  # whether the class overrides apply
    _options: ClassVar[tuple[str, ...]] = ()  # the rule's, attributes that the constructor has from _keep(locals())
    _settings: ClassVar[tuple[str, ...]] = ()  # options that the rule does not take
    _state: ClassVar[tuple[tuple[str, str | None], ...]] = ()  # its slots, and the options that ask for them
    _active: Array  # which variables have a gradient, once they are bound

    if TYPE_CHECKING:  # what Optimizer brings

        def _bind(self) -> None: ...
        def _own_shapes(self, variables: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]: ...

    def __init__(
        self,
        learning_rate: Rate,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        gradient_transformers: Sequence[Callable[..., Any]] | None = None,
        **others: Unpack[NoOptions],
    ) -> None:
        if others:
            valid = {*inspect.signature(type(self)).parameters, *inspect.signature(OptimizerState).parameters}
            raise unknown(
                f"argument of {type(self).__name__}", next(iter(others)), valid - {"shared", "others", "kwargs"}
            )
        self._variables: list[Tensor] = []
        self._built = False  # with which variables, if any
        self._slots: dict[str, Arena] = {}
        self._gradients = Arena()  # those of variables that had none before
        self.gradient_transformers = gradient_transformers
        self._accumulation: Accumulate | None = None
        self._loss_scale: LossScale | None = None  # of a LossScaleOptimizer around this one
        self._averages: Averages | None = None
        self._own: dict[str, dict[int, Variable]] = {}  # state of update_step by name, of each variable that has it
        self._apart: dict[str, Variable] = {}  # and what belongs to no variable
        self._places: dict[int, int] = {}  # of variables, by identity
        self._after: Any = None  # what a step does behind the update, and what it needs before: Averages.bind
        self._constrained: list[Any] = []  # variables with a constraint, as of this version of all configuration
        self._version = -1
        self._group: Any = None
        self._transform: tuple[Callable[[], None], ...] = ()  # what a step does to gradients before the update
        self._rate = np.zeros(1, np.float64)
        self._steps = np.zeros(1, np.int64)
        self._flags: list[bool] = []
        self._excluded: dict[int, Tensor] = {}  # by identity
        self._excluded_names: tuple[str, ...] = ()
        self._saved: dict[str, Array] = {}  # state given before build
        self._source: Callable[[], Iterable[Tensor]] | None = None  # gives the variables where build was not called
        self._arguments: tuple[Any, ...] = ()
        self._schedule: LearningRateSchedule | None = None
        limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = {k: v for k, v in limits.items() if v is not None}
        if len(given) > 1:
            raise ValueError(f"{type(self).__name__}: only one of {', '.join(limits)} may be given, got {given}")
        for what, value in given.items():
            if not value > 0:
                raise ValueError(f"{type(self).__name__}: {what} must be positive, got {value}")
        check_option(type(self).__name__, "weight_decay", weight_decay)
        check_accumulation(type(self).__name__, gradient_accumulation_steps)
        check_averages(type(self).__name__, ema_momentum, ema_overwrite_frequency)
        if loss_scale_factor is not None and not 0 < loss_scale_factor < math.inf:
            raise ValueError(
                f"{type(self).__name__}: loss_scale_factor must be positive and finite, got {loss_scale_factor}"
            )
        self.name = name or type(self).__name__.lower()
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if not name.startswith("_") and name != "learning_rate":
            object.__setattr__(self, "_group", None)  # slots may have to come or go
            note_change(self, name)

    @property
    def gradient_transformers(self) -> tuple[Callable[..., Any], ...]:
        """The functions of (gradient, variable) pairs between backward and update; set all of them at once."""
        return self._transformers.functions

    @gradient_transformers.setter
    def gradient_transformers(self, functions: Sequence[Callable[..., Any]] | None) -> None:
        self._transformers = Transformers(type(self).__name__, functions)

    @property
    def learning_rate(self) -> LearningRate:
        """The rate of the next step, a float64 tensor of shape ().

        Assign a number, a schedule, or a function without arguments, which each step asks.  A schedule is not replaced
        by a number (TypeError), only by another schedule; a function is.
        """
        rate = self._rate
        if self._schedule is not None:
            rate[0] = float(self._schedule(self._seen()))
            if grad_mode.recording is not None:
                rate = self._replayed_rate(grad_mode.recording)
        return LearningRate(self, rate)

    @learning_rate.setter
    def learning_rate(self, value: Rate | dict[str, Any]) -> None:
        forbid_capture(f"the learning rate of {type(self).__name__} was set in the step; set it between steps")
        given: Any = schedules.from_rate(value)
        if isinstance(given, LearningRateSchedule):
            self._schedule = given
            note_change(self, "learning_rate")  # recorded steps ask a schedule, but not a number, before each replay
            return
        name = type(self).__name__
        if self._schedule is not None and not isinstance(self._schedule, schedules.RateFunction):
            raise TypeError(
                f"{name}: its learning_rate is a schedule, {self._schedule!r}, so it cannot be set to {given!r}; make "
                "the optimizer with a number to change it later"
            )
        try:
            rate = float(given)
        except (TypeError, ValueError):
            raise TypeError(
                f"{name}: learning_rate must be a number, a schedule or a function without arguments, got {given!r}"
            ) from None
        if not (math.isfinite(rate) and rate >= 0):
            raise ValueError(f"{name}: learning_rate must be a finite number >= 0, got {rate}")
        if self._schedule is not None:
            self._schedule = None
            note_change(self, "learning_rate")
        self._rate[0] = rate

    @property
    def iterations(self) -> Variable:
        """Updates done so far, an int64 variable of shape ()."""
        return self._state_variable("iteration", self._steps.reshape(()))

    def _seen(self) -> int:
        """Steps done so far, which schedules count, as Keras does: with accumulation several make one update."""
        steps = int(self._steps[0])
        return steps if self._accumulation is None else self._accumulation.seen(steps)

    @property
    def variables(self) -> list[Variable]:
        """Steps done, learning rate, then every slot array: the whole state, as variables that share its memory."""
        slots = [
            self._state_variable(f"{label(v, i).replace('/', '_').replace(' ', '_')}_{name}", arrays[i])
            for name, arrays in self._arrays().items()
            for i, v in enumerate(self._variables)
            if i in arrays
        ]
        rate = self._state_variable("learning_rate", self._rate.reshape(()))
        return [self.iterations, rate, *self._apart.values(), *slots]

    def _state_variable(self, name: str, array: Array) -> Variable:
        return Variable.around(array, f"{self.name}/{name}")

    def _replayed_rate(self, recording: Recording) -> Array:
        """The schedule's rate at this place of the step under record, in memory of its own, set before each replay."""
        rate = self._rate.copy()
        earlier, steps = recording.optimizer_steps[id(self)], recording.optimizer_steps

        def value(replay: int) -> float:
            assert self._schedule is not None  # else the plan is of an older configuration
            return float(self._schedule(self._seen() + earlier + replay * steps[id(self)]))

        before_replay = KnownAhead(value, self._rate, rate)
        asked = self._loss_scale is not None or isinstance(self._schedule, schedules.RateFunction)  # at each step alone
        recording.hooks.append(before_replay.__call__ if asked else before_replay)
        return rate

    def scale_loss(self, loss: Any) -> Any:
        """The loss times ``loss_scale_factor``, whose gradients the step divides by it again; itself without one.

        Args:
            loss: a tensor.
        """
        return loss if self.loss_scale_factor is None else ops.multiply(loss, self.loss_scale_factor)

    def finalize_variable_values(self, var_list: Iterable[Tensor]) -> None:
        """Give variables their running means, with ``use_ema``: ``fit`` does so at its end.

        Args:
            var_list: the variables.
        """
        if self._averages is not None:
            forbid_capture("weights were set to their running means")
            self._averages.give(list(var_list), self._variables)

    def exclude_from_weight_decay(
        self, var_list: Iterable[Tensor] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Leave variables out of weight decay.

        Args:
            var_list: the variables.
            var_names: parts of names; variables with one of them in their path are left out.
        """
        self._excluded |= {id(v): v for v in var_list or ()}
        self._excluded_names += tuple(var_names or ())
        self._group = None
        note_change()

    def _decays(self, variable: Tensor, index: int) -> bool:
        path = label(variable, index)
        return id(variable) not in self._excluded and not any(n in path for n in self._excluded_names)

    def _enlist(self, variables: Iterable[Tensor]) -> None:
        """Put those that are not known yet behind the others."""
        known, before = {id(v) for v in self._variables}, len(self._variables)
        for v in variables:
            if id(v) not in known:
                known.add(id(v))
                self._variables.append(v)
                self._group = None
        if len(self._variables) > before and (self._built or grad_mode.recording is not None):
            note_change()  # before the first build no recorded step has any of its variables

    def _keep(self, arguments: dict[str, Any]) -> None:
        """Keep the rule's options, given all ``locals()`` of a constructor, as attributes."""
        for name in (*self._options, *self._settings):
            check_option(type(self).__name__, name, arguments[name])
            setattr(self, name, arguments[name])

    def _first_value(self, slot: str, variable: Tensor) -> Any:
        """What a slot holds of a variable before the first step."""
        return 0.0

    def _slot_names(self) -> tuple[str, ...]:
        """The state that the rule keeps with these options."""
        return tuple(name for name, option in self._state if option is None or getattr(self, option))

    def _transforms(self) -> list[GradientTransform]:
        """What happens to gradients between backward and update, in this order."""
        steps = self.gradient_accumulation_steps
        check_accumulation(type(self).__name__, steps)
        if steps != (None if self._accumulation is None else self._accumulation.steps):
            self._accumulation = None if steps is None else Accumulate(steps)
        first = [] if self._loss_scale is None else [self._loss_scale]
        before = [] if self._accumulation is None else [self._accumulation]
        clip = Clip(clipvalue=self.clipvalue, clipnorm=self.clipnorm, global_clipnorm=self.global_clipnorm)
        return [*first, self._transformers, *before, clip]

    def _scale_by(self, scaling: LossScale) -> None:
        """Take gradients of a loss with this scale, and none of one's own."""
        self.loss_scale_factor = None
        self._loss_scale, self._group = scaling, None
        note_change(self, "loss_scale_factor")

    def _arrays(self) -> dict[str, dict[int, Array]]:
        """The state of variables by name and place: the rule's slots, running means, what transformations keep."""
        kept = dict(self._slots)
        if self._averages is not None:
            kept["average"] = self._averages.means
        for transform in self._transforms():
            kept.update(transform.state())
        return {name: dict(enumerate(arena)) for name, arena in kept.items()} | {
            name: {place: v._array for place, v in own.items()} for name, own in self._own.items()
        }

    def _kept_averages(self) -> Averages | None:
        """The running means, as the options want them by now."""
        wanted = (self.ema_momentum, self.ema_overwrite_frequency)
        check_averages(type(self).__name__, *wanted)
        if not self.use_ema:
            self._averages = None
        elif self._averages is None:
            self._averages = Averages(*wanted)
        else:
            self._averages.momentum, self._averages.frequency = wanted
        return self._averages

    def get_state(self, variables: Mapping[str, Tensor] | None = None) -> dict[str, Array]:
        """A copy of the state: "iterations", "learning_rate", and "slot/key" for every slot of every variable.

        Args:
            variables: {key: variable} of those whose slots are wanted; None takes all, the key being the place in which
                ``build`` met them.
        """
        forbid_capture(f"the state of {type(self).__name__} was read in Python")
        if self._variables and self._group is None:
            self._bind()  # slots may have come or gone since the last step
        place = {id(v): i for i, v in enumerate(self._variables)}
        if variables is None:
            variables = {str(i): v for i, v in enumerate(self._variables)}
        state = {"iterations": self._steps.copy(), "learning_rate": self._rate.copy()}
        if self._accumulation is not None:
            state["accumulated"] = self._accumulation.count.copy()
        state |= {name: np.asarray(v).copy() for name, v in self._apart.items()}
        for name, arrays in self._arrays().items():
            found = {k: arrays.get(place.get(id(v), -1)) for k, v in variables.items()}
            state |= {f"{name}/{k}": array.copy() for k, array in found.items() if array is not None}
        return state

    def set_state(self, state: Mapping[str, Array], variables: Mapping[str, Tensor] | None = None) -> None:
        """Restore what ``get_state`` gave; nothing is changed unless all fits.

        The optimizer is built with the variables that the state names, also if they are frozen by now; the others start
        from zero.  Without ``variables``, before ``build``, the state is kept until then.

        Args:
            state: {name: array}.
            variables: {key: variable}, as for ``get_state``.

        Raises:
            TypeError: ``state`` is no dict, or an array is of a type that no state has.
            ValueError: an array is missing, unknown, of another shape, or damaged; the message names it.
        """
        forbid_capture(f"the state of {type(self).__name__} was set in Python")
        if not isinstance(state, Mapping):
            raise TypeError(f"{type(self).__name__}.set_state: expected a dict of arrays, got {type(state).__name__}")
        if variables is None:
            if not self._variables:
                self._saved = dict(state)
                self._steps[:] = state.get("iterations", self._steps)
                self._rate[:] = state.get("learning_rate", self._rate)
                return
            variables = {str(i): v for i, v in enumerate(self._variables)}
            named = set(variables)
        else:
            named = {key.partition("/")[2] for key in state} - {""}
            if named - set(variables):
                raise ValueError(
                    f"{type(self).__name__}.set_state: there is no variable {min(named - set(variables))!r}; known are "
                    f"{', '.join(variables)}"
                )
        shapes: dict[str, tuple[int, ...]] = {"iterations": (1,), "learning_rate": (1,)}
        kept = {name for transform in self._transforms() for name in transform.state()}  # as the options want by now
        if self._accumulation is not None:
            shapes["accumulated"] = (1,)
        means = () if self._kept_averages() is None else ("average",)
        for name in (*self._slot_names(), *means, *kept):
            shapes.update({f"{name}/{key}": v.shape for key, v in variables.items() if key in named})
        if self._rule is None:
            shapes |= self._own_shapes({key: v for key, v in variables.items() if key in named})
        if set(state) != set(shapes):
            missing, extra = sorted(set(shapes) - set(state)), sorted(set(state) - set(shapes))
            raise ValueError(
                f"{type(self).__name__}.set_state: missing {missing or 'nothing'}, unknown {extra or 'nothing'}"
            )
        for name, shape in shapes.items():
            if np.shape(state[name]) != shape:
                raise ValueError(
                    f"{type(self).__name__}.set_state: {name} is {np.shape(state[name])}, expected {shape}"
                )
            if np.asarray(state[name]).dtype.kind not in ("iu" if name in ("iterations", "accumulated") else "f"):
                kind = np.asarray(state[name]).dtype
                raise TypeError(f"{type(self).__name__}.set_state: {name} is of dtype {kind}, which no state has")
        rate, steps = float(np.asarray(state["learning_rate"])[0]), int(np.asarray(state["iterations"])[0])
        if not 0 <= rate < math.inf or not 0 <= steps < 2**63:
            raise ValueError(f"{type(self).__name__}.set_state: learning_rate {rate}, iterations {steps} are damaged")
        self._restore(state, {key: v for key, v in variables.items() if key in named})

    def _restore_saved(self) -> None:
        """Set the state that was given before ``build``, if any."""
        if self._saved:
            saved, self._saved = self._saved, {}
            self.set_state(saved)

    def _restore(self, state: Mapping[str, Array], variables: Mapping[str, Tensor]) -> None:
        """Copy a state that was checked."""
        self._enlist(variables.values())
        if self._variables and self._group is None:
            self._bind()
        np.copyto(self._steps, state["iterations"], casting="same_kind")
        np.copyto(self._rate, state["learning_rate"], casting="same_kind")
        keys = {id(v): key for key, v in variables.items()}
        if self._accumulation is not None:
            self._accumulation.restored(int(np.asarray(state["accumulated"])[0]))
        if self._averages is not None:
            self._averages.steps[0] = self._seen()
        for name, own in self._apart.items():
            np.copyto(own._array, state[name], casting="same_kind")
        for name, arrays in self._arrays().items():
            for place, array in arrays.items():
                v = self._variables[place]
                if id(v) in keys:
                    np.copyto(array, state[f"{name}/{keys[id(v)]}"], casting="same_kind")
                elif name not in self._own:
                    array[...] = v._array if name == "average" else self._first_value(name, v)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data.

        Raises:
            TypeError: one of ``gradient_transformers`` is not registered (``lamina.saving.register_serializable``).
        """
        own = self.gradient_transformers
        described = {"gradient_transformers": [registry.serialize(f) for f in own]} if own else {}
        return self._plain_options() | described

    def _plain_options(self) -> dict[str, Any]:
        rate: Any = float(self._rate[0]) if self._schedule is None else schedules.serialize(self._schedule)
        shared = (
            "weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum",
            "ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps", "name",
        )  # fmt: skip
        return {"learning_rate": rate, **{k: getattr(self, k) for k in (*self._options, *self._settings, *shared)}}

    def __getstate__(self) -> dict[str, Any]:
        """For deep copies and pickle: the options and the state, with the variables that it belongs to.

        Of a model that is copied or written along, these are the model's.
        """
        again = {"_group", "_gradients", "_source", "_transform", "_after", "_prepared", "_places", "_version"}
        state = {name: value for name, value in vars(self).items() if name not in again}
        return state | {"_excluded": list(self._excluded.values())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        excluded = {id(v): v for v in state["_excluded"]}
        vars(self).update(in_own_memory(state), _excluded=excluded, _gradients=Arena(), _places={}, _version=-1)
        vars(self).update(dict.fromkeys(("_group", "_source", "_transform", "_after", "_prepared")))

    def __repr__(self) -> str:
        own = self.gradient_transformers
        options = self._plain_options() | ({"gradient_transformers": list(own)} if own else {})
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in options.items())})"
