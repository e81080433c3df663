"""The base of the optimizers: the group of arrays that one native step reads, and its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from .. import _native
from ..core import registry
from ..core.arena import Arena
from ..core.arrays import to_numbers
from ..core.autograd import Array, Tensor
from ..core.explain import show
from ..core.grad_mode import grad_mode, no_grad
from ..core.recording import Recording, configuration, forbid_capture, notes_changes
from ..core.replica import replica_of
from ..core.warn import warn
from ..layers.stateless import holding, values_of
from .before_update import Gradients
from .own_variables import OwnVariables
from .state import label
from .update_step import UpdateSteps, once


def _same_memory(a: Array, b: Array) -> bool:
    return _native.address(a) == _native.address(b) and (a.strides, a.dtype) == (b.strides, b.dtype)


classes: dict[str, Callable[..., Optimizer]] = {}  # the library's own, by their names in lower case


@notes_changes
class Optimizer(UpdateSteps, OwnVariables):
    """Base of optimizers: state, weight decay, and a list of transformations of gradients, between backward and update.

    One of one's own defines ``update_step``, with operations, and makes its state in ``build``, as in Keras; the
    library's name a native rule.

    Of the table of ``Embedding(..., sparse=True)`` a step reads and writes only the rows that have a gradient: the
    others keep their weights and their state as they are, without decay (as PyTorch's SparseAdam).

    Args:
        **others: none: an argument of another name is a ValueError with the nearest that exists.

    Raises:
        ValueError: ``learning_rate`` is negative or not finite; a limit is not positive; several limits are given;
            ``gradient_accumulation_steps`` is less than 2; an argument is unknown.
        TypeError: ``learning_rate`` is no number, schedule or function; ``gradient_transformers`` is no list of
            functions.

    Source: Keras 3, Optimizer.

    Example:
        >>> optimizer = optimizers.Adam(learning_rate=0.01, clipnorm=1.0)
        >>> isinstance(optimizer, optimizers.Optimizer), round(float(optimizer.learning_rate), 4)
        (True, 0.01)
    """

    def __init_subclass__(cls, rule: str | None = None, **kwargs: Any) -> None:
        """rule: that of the subclass in csrc/kernels/update_rules.h."""
        super().__init_subclass__(**kwargs)
        cls._own_apply = cls.apply is not Optimizer.apply
        if "update_step" in vars(cls) and cls._rule is not None:
            raise TypeError(
                f"{cls.__name__}: update_step is not called, since {cls.__bases__[0].__name__} updates natively; "
                "override apply(grads, trainable_variables), or derive from optimizers.Optimizer"
            )
        if rule is not None:
            cls._rule = rule
            cls._options, cls._state = _native.update_rule(rule)
        if "build" in vars(cls):
            cls.build = once(cls.build)  # type: ignore[method-assign]
        if cls.__module__.startswith(f"{__package__}."):
            classes[cls.__name__.lower()] = cls

    def build(self, variables: Iterable[Tensor]) -> None:
        """Make the state of every variable that has none yet; those known keep theirs.

        Args:
            variables: tensors with ``requires_grad``, as ``model.trainable_weights`` of a model that has its weights.

        Raises:
            TypeError: one is no tensor.
            ValueError: one is no leaf with ``requires_grad``.
        """
        variables = list(variables) if isinstance(variables, Iterable) else [variables]
        for i, v in enumerate(variables):
            if not isinstance(v, Tensor):
                raise TypeError(f"{type(self).__name__}.build: expected tensors, got {type(v).__name__}")
            if not v.requires_grad or not v.is_leaf:
                what = label(v, i)
                raise ValueError(f"{type(self).__name__}.build: {what} {v.shape} is no leaf with requires_grad=True")
        first = len(self._variables)
        self._enlist(variables)
        self._built = True
        if not self._variables:
            warn(
                f"{type(self).__name__}.build: there are no variables, so nothing is trained; a model has its weights "
                "once it was called on a batch or model.build(input_shape) was",
            )
        for v in self._variables[first:]:
            self._make_state(v)
        if self._variables and self._group is None:
            self._bind()
        if self._rule is None and type(self).build is Optimizer.build:  # else there is no state yet
            self._restore_saved()

    def _step_arguments(self) -> tuple[Any, ...]:
        """What the native step takes besides the group."""
        limits: dict[str, float] = {}
        for transform in self._transforms():
            limits.update(transform.limits)
        options = tuple(getattr(self, name) for name in self._options)
        rest = (limits[name] for name in ("clipvalue", "clipnorm", "global_clipnorm"))
        return self._rule, options, self.weight_decay or 0.0, *rest, 1.0 / (self.loss_scale_factor or 1.0)

    def _bind(self) -> None:
        """Collect the addresses of all weights, gradients and slots in one native group."""
        self._place_gradients()
        self._active = np.ones(len(self._variables), np.bool_)
        self._flags = [True] * len(self._variables)
        self._slots = {name: self._slots.get(name) or Arena() for name in self._slot_names()}
        for name, arena in self._slots.items():
            first = len(arena)
            new = self._variables[first:]
            arena.extend(new)
            for v, array in zip(new, arena.views[first:], strict=True):
                if np.any(value := self._first_value(name, v)):
                    array[...] = value
        for transform in self._transforms():
            transform.extend(self._variables)
        averages = self._kept_averages()
        if averages is not None:
            averages.extend(self._variables)
        if self._rule is not None:
            self._restore_saved()
        self._transform, self._group = self._grouped(self._active, self._rate)
        self._arguments = self._step_arguments() if self._rule is not None else ()
        self._after = None if averages is None else averages.bind(self._variables, self._due())
        self._version = -1  # there may be new variables

    def _due(self) -> Array | None:
        """Whether a step does anything, where that is known by the gradients alone."""
        return None if self._loss_scale is None else self._loss_scale.due

    def _place_gradients(self) -> None:
        """Let gradients stand side by side in the arena: those that there aren't yet, and those that backward made."""
        fresh = [v for v in self._variables if v._grad is None]
        if grad_mode.recording is None:
            fresh += [v for v in self._variables if v._grad is not None and v._grad.base is None]
        begin = len(self._gradients)
        self._gradients.extend(fresh)
        for v, array in zip(fresh, self._gradients.views[begin:], strict=True):
            if v._grad is not None and v._grad_is_set:
                array[...] = v._grad
            v._grad = array

    def _grouped(self, active: Array, rate: Array) -> tuple[tuple[Callable[[], None], ...], Any]:
        """What a step does to gradients, and all that the update reads and writes; active: which there are."""
        gradients = Gradients(
            [v._grad for v in self._variables if v._grad is not None], active, [v.touched for v in self._variables]
        )
        calls = []
        for transform in self._transforms():
            gradients, call = transform.bind(self._variables, gradients)
            calls += [] if call is None else [call]
        if self._rule is None:
            return tuple(calls), self._own_group(gradients, rate)
        group = _native.ParameterGroup(
            [v._array for v in self._variables],
            gradients.arrays,
            [self._slots[name].views if name in self._slots else None for name, _ in self._state],
            np.array([self._decays(v, i) for i, v in enumerate(self._variables)], np.bool_),
            gradients.active,
            rate,
            self._steps,
            gradients.touched,
            gradients.due,
        )
        return tuple(calls), group

    def step(self) -> None:
        """Update every variable that has a gradient; with ``gradient_accumulation_steps``, each so many calls.

        Raises:
            RuntimeError: ``build`` was not called, or no variable has a gradient.
        """
        replica = grad_mode.replica
        if replica is not None and not replica.leads:
            if not self._variables and self._source is not None:
                self._enlist(self._source())
            replica.reduce(self._variables)
            replica.updated()
            return
        if self._group is None:
            if not self._variables and self._source is not None:
                self.build(self._source())
            if not self._variables:
                if self._built:
                    return  # there is nothing to train
                raise RuntimeError(f"{type(self).__name__}.step: call build(model.trainable_weights) first")
            self._bind()
        flags = [v._grad_is_set for v in self._variables]
        if not any(flags):
            raise RuntimeError(f"{type(self).__name__}.step: no variable has a gradient; call loss.backward() first")
        if replica is not None:
            replica.reduce(self._variables)
        if self._schedule is not None:
            self._rate[0] = float(self._schedule(self._seen()))
        recording = grad_mode.recording
        if recording is not None:
            after = self._recorded_after(recording)
            transform, group = self._recorded(recording, flags)
        else:
            after = self._after
            transform, group = self._transform, self._group
            if self._flags != flags:
                self._flags = flags
                self._active[:] = flags
            if after is not None:
                after[1](self._seen())
        for call in transform:
            call()
        if self._rule is None:
            self._update_all(group)
        else:
            _native.optimizer_step(group, *self._arguments)
        if after is not None:
            after[0]()
        if self._version != configuration.version:
            self._version = configuration.version
            self._constrained = [v for v in self._variables if getattr(v, "constraint", None) is not None]
        if self._constrained:
            self._constrain()
        if replica is not None:
            replica.updated()

    def _follower(self, twins: Mapping[int, Tensor]) -> Optimizer:
        """Another one for a replica that does not lead: it exchanges gradients alike, and never has a state.

        twins: the replica's weights by the ids of those here, complete before its first step.
        """
        made = type(self).from_config(self.get_config())
        made._source = partial(self._twins, twins)
        return made

    def _twins(self, twins: Mapping[int, Tensor]) -> list[Tensor]:
        """A replica's weights in the place of those that this one updates, or will."""
        known = self._variables or (self._source() if self._source is not None else ())
        return [twins.get(id(v), v) for v in known]

    def _step_of_fit(self) -> None:
        """``step``, or what a class that overrides ``apply`` does with the gradients."""
        if not self._own_apply:
            self.step()
            return
        if not self._variables and self._source is not None:
            self.build(self._source())
        replica = grad_mode.replica
        if replica is None:
            self.apply([v.grad for v in self._variables], self._variables)
            return
        replica.reduce(self._variables)
        if replica.leads:
            with replica_of(None):  # the gradients are those of all
                self.apply([v.grad for v in self._variables], self._variables)
        replica.updated()

    def _recorded(self, recording: Recording, flags: list[bool]) -> tuple[tuple[Callable[[], None], ...], Any]:
        """The group of a step under record, with its own flags and rate: a captured step may hold several of them."""
        for v in self._variables:
            recording.reads_gradient(v)
        rate = self._rate if self._schedule is None else self._replayed_rate(recording)
        recording.optimizer_steps[id(self)] += 1
        return self._grouped(np.array(flags, np.bool_), rate)

    def _recorded_after(self, recording: Recording) -> Any:
        """The running means of a step under record, with a flag of its own."""
        if self._averages is None:
            return None
        step, prepare = self._averages.bind(self._variables, self._due())
        earlier = recording.optimizer_steps[id(self)]
        prepare(self._seen() + earlier)
        recording.hooks.append(lambda: prepare(self._seen() + earlier))
        return step, prepare

    def _constrain(self) -> None:
        """Bring the variables that have a constraint, and had a gradient, to what it allows."""
        with no_grad():
            for v in self._constrained:
                if v._grad_is_set:
                    allowed = v.constraint(v)
                    if getattr(allowed, "shape", None) != v.shape:
                        raise ValueError(
                            f"{type(self).__name__}.step: the constraint of {v.path} gave {show(allowed)}, "
                            f"expected a tensor of shape {v.shape}"
                        )
                    v.assign(allowed)

    def state_dict(self) -> dict[str, Array]:
        """A copy of the state, as ``get_state()``: {name: array}, variables by their place.

        Source: PyTorch, torch.optim.Optimizer.state_dict.
        """
        return self.get_state()

    def load_state_dict(self, state_dict: Mapping[str, Array]) -> None:
        """Restore what ``state_dict`` gave, as ``set_state``; before ``build`` it is kept until then.

        Args:
            state_dict: {name: array}.

        Raises:
            TypeError: it is no dict, or an array is of a type that no state has.
            ValueError: an array is missing, unknown, of another shape, or damaged; the message names it.
        """
        self.set_state(state_dict)

    def zero_grad(self) -> None:
        """Forget all gradients, so that the next backward overwrites them."""
        recording = grad_mode.recording
        if recording is not None:
            for v in self._variables:
                recording.forgets_gradient(v)
        for v in self._variables:
            v._grad_is_set = False

    def apply(self, grads: Iterable[Any], trainable_variables: Sequence[Tensor] | None = None) -> None:
        """Update variables by these gradients.

        A ``v.grad`` that was None stays None; where there was one it then holds the gradient given here.

        Args:
            grads: list of arrays or tensors; None leaves its variable alone.
            trainable_variables: as many variables; None takes those of ``build``; new ones are built.

        Raises:
            TypeError: ``grads`` is no list.
            ValueError: there are not as many gradients as variables, all are None, or a shape differs.
        """
        if not isinstance(grads, Iterable):
            raise TypeError(f"{type(self).__name__}.apply: expected a list of gradients, got {type(grads).__name__}")
        grads = list(grads)
        variables = self._variables if trainable_variables is None else list(trainable_variables)
        if len(grads) != len(variables):
            raise ValueError(f"{type(self).__name__}.apply: {len(grads)} gradients for {len(variables)} variables")
        if not grads:
            return  # as Keras does
        self.build(variables)
        if grad_mode.recording is not None:
            for v in self._variables:
                grad_mode.recording.reads_gradient(v)
        before = [v._grad_is_set for v in self._variables]
        self.zero_grad()
        missing = [label(v, i) for i, (g, v) in enumerate(zip(grads, variables, strict=True)) if g is None]
        if len(missing) == len(grads):
            raise ValueError(f"{type(self).__name__}.apply: no gradient given for any variable")
        if missing:
            warn(f"{type(self).__name__}.apply: no gradient for {', '.join(missing)}")
        for i, (g, v) in enumerate(zip(grads, variables, strict=True)):
            if g is not None:
                self._put_gradient(g, v, i)
        self.step()
        for v, was_set in zip(self._variables, before, strict=True):
            v._grad_is_set = was_set

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Iterable[Any], trainable_variables: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """One update with other values in the variables, which are as before afterwards.

        Args:
            optimizer_variables: values for ``optimizer.variables``, in their order.
            grads: the gradients.
            trainable_variables: values for the variables that ``build`` was called with, in their order.

        Returns: (the updated values of the trained variables, those of the optimizer's).

        Raises:
            ValueError: the optimizer is not built; there is not one value for each variable, or one has another shape.
        """
        what = f"{type(self).__name__}.stateless_apply"
        if not self._variables:
            raise ValueError(f"{what}: the optimizer has no variables yet; call build(trainable_variables) first")
        if self._group is None:
            self._bind()
        trained: list[Any] = list(self._variables)
        own = self.variables
        with holding(
            what,
            ("optimizer_variables", own, optimizer_variables),
            ("trainable_variables", trained, trainable_variables),
        ):
            self.apply(grads, trained)
            return values_of(trained), values_of(own)

    def _put_gradient(self, gradient: Any, variable: Tensor, index: int) -> None:
        array = getattr(gradient, "_array", gradient)
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
            array = to_numbers(f"{type(self).__name__}.apply: the gradient of {label(variable, index)}", gradient)
        if array.shape != variable.shape:
            what = label(variable, index)
            raise ValueError(
                f"{type(self).__name__}.apply: the gradient of {what} is {array.shape}, not {variable.shape}"
            )
        variable._grad_is_set = True
        destination = variable._grad
        if destination is None or _same_memory(array, destination):
            return
        converted = np.ascontiguousarray(array, destination.dtype)
        if converted is not array:
            forbid_capture(
                f"{type(self).__name__}.apply converted a gradient with NumPy; give it in its variable's dtype"
            )
        _native.copy_into(converted, destination, False)
        if variable.touched is not None:
            _native.touch_all(variable.touched)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Tensor]]) -> None:
        """Update variables by pairs.

        Args:
            grads_and_vars: list of (gradient, variable).

        Raises:
            TypeError: it holds no pairs.
            ValueError: as ``apply``.
        """
        pairs = list(grads_and_vars) if isinstance(grads_and_vars, Iterable) else [grads_and_vars]
        if not pairs or not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):
            raise TypeError(
                f"{type(self).__name__}.apply_gradients: expected (gradient, variable) pairs, got {pairs!r}"
            )
        grads, variables = zip(*pairs, strict=True)
        self.apply(grads, variables)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Optimizer:
        """The optimizer of a configuration, without state.

        Args:
            config: what ``get_config`` returned.
        """
        if "gradient_transformers" in config:
            described = config["gradient_transformers"]
            config = {**config, "gradient_transformers": registry.deserialize(described)}
        return cls(**config)


__all__ = ["Optimizer"]
