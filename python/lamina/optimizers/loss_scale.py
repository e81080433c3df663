"""Losses scaled up before backward, and gradients down again behind it, by a factor that the gradients decide."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .. import ops
from ..core import registry
from ..core.autograd import Array, Tensor, wrap
from ..core.explain import is_index, is_number
from ..core.recording import forbid_capture
from ..layers.variable import Variable
from .base import Optimizer
from .before_update import LossScale
from .lookup import get
from .options import NoOptions, Unpack

_STATE = "loss_scale"


class LossScaleOptimizer(Optimizer):
    """An optimizer around another one that scales losses up, so that small gradients keep their digits.

    A step divides the gradients by the scale again. Where one of them is not finite, it updates nothing and halves the
    scale; after so many finite steps in a row it doubles it. Captured steps do the same, but around an optimizer
    without a native rule (Lamb, Adafactor, Muon, one of one's own) steps run eagerly.

    Lamina computes in float32 and float64, where scaling saves the digits of the smallest gradients alone; what remains
    is that steps with gradients that are not finite are left out.

    Args:
        inner_optimizer: the optimizer that updates; its ``loss_scale_factor`` becomes None.
        initial_scale: factor of the loss at first, a positive number.
        dynamic_growth_steps: steps with finite gradients after which the scale is doubled.
        **others: none: other options are the inner optimizer's.

    Raises:
        TypeError: ``inner_optimizer`` is no optimizer, or is one of these, or has an ``apply`` of its own.
        ValueError: ``initial_scale`` is not positive and finite; ``dynamic_growth_steps`` is less than 1.

    Source: Keras 3, LossScaleOptimizer; Micikevicius et al. 2018, "Mixed Precision Training".

    Example:
        >>> optimizer = optimizers.LossScaleOptimizer(optimizers.SGD(0.1))
        >>> float(optimizer.scale_loss(ops.array(2.0)))
        65536.0
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **others: Unpack[NoOptions],
    ) -> None:
        kind = type(self).__name__
        if others:
            raise ValueError(f"{kind}: {next(iter(others))} is no option of it; give it to the inner optimizer")
        if not isinstance(inner_optimizer, Optimizer) or isinstance(inner_optimizer, LossScaleOptimizer):
            raise TypeError(f"{kind}: inner_optimizer must be an optimizer of another kind, got {inner_optimizer!r}")
        if inner_optimizer._own_apply:
            raise TypeError(
                f"{kind}: {type(inner_optimizer).__name__} has an apply of its own, which would get scaled gradients; "
                "take it without a loss scale"
            )
        if not is_number(initial_scale) or not 0 < initial_scale < math.inf:
            raise ValueError(f"{kind}: initial_scale must be positive and finite, got {initial_scale!r}")
        if not is_index(dynamic_growth_steps) or dynamic_growth_steps < 1:
            raise ValueError(f"{kind}: dynamic_growth_steps must be an integer from 1, got {dynamic_growth_steps!r}")
        super().__init__(0.0, name=name)
        self.initial_scale, self.dynamic_growth_steps = float(initial_scale), int(dynamic_growth_steps)
        self._scaling = LossScale(self.initial_scale, self.dynamic_growth_steps)
        self.inner_optimizer = inner_optimizer
        inner_optimizer._scale_by(self._scaling)

    @property
    def dynamic_scale(self) -> Variable:
        """The factor of the next loss, a float64 variable of shape ()."""
        return self._state_variable("dynamic_scale", self._scaling.state_array[:1].reshape(()))

    @property
    def step_counter(self) -> Variable:
        """Steps with finite gradients since the scale changed, a float64 variable of shape ()."""
        return self._state_variable("step_counter", self._scaling.state_array[1:].reshape(()))

    @property
    def learning_rate(self) -> Any:
        """The inner optimizer's."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if "inner_optimizer" in vars(self):
            self.inner_optimizer.learning_rate = value

    @property
    def iterations(self) -> Variable:
        """Updates done so far, an int64 variable of shape (); steps that were left out don't count."""
        return self.inner_optimizer.iterations

    @property
    def variables(self) -> list[Variable]:
        return [self.step_counter, self.dynamic_scale, *self.inner_optimizer.variables]

    def build(self, variables: Iterable[Tensor]) -> None:
        variables = list(variables)
        self.inner_optimizer.build(variables)
        self._enlist(variables)
        self._built = True

    def _bind(self) -> None:
        """The optimizer inside does."""

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the scale, whose gradients the step divides by it again.

        Args:
            loss: a tensor.
        """
        return ops.multiply(loss, ops.cast(wrap(self._scaling.state_array[:1].reshape(())), loss.dtype))

    def _follower(self, twins: Mapping[int, Tensor]) -> Optimizer:
        inner = self.inner_optimizer._follower(twins)
        made = LossScaleOptimizer(inner, self.initial_scale, self.dynamic_growth_steps)
        made._source = inner._source
        made._scaling.state_array = self._scaling.state_array  # the scale of the loss is that of all
        return made

    def step(self) -> None:
        if not self._variables and self._source is not None:
            self.build(self._source())
        self.inner_optimizer.step()

    def exclude_from_weight_decay(
        self, var_list: Iterable[Tensor] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def finalize_variable_values(self, var_list: Iterable[Tensor]) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_state(self, variables: Mapping[str, Tensor] | None = None) -> dict[str, Array]:
        return {**self.inner_optimizer.get_state(variables), _STATE: self._scaling.state_array.copy()}

    def set_state(self, state: Mapping[str, Array], variables: Mapping[str, Tensor] | None = None) -> None:
        forbid_capture(f"the state of {type(self).__name__} was set in Python")
        kind = type(self).__name__
        if not isinstance(state, Mapping) or _STATE not in state or np.shape(state[_STATE]) != (2,):
            raise ValueError(f"{kind}.set_state: missing {_STATE!r}, two numbers: the scale and its finite steps")
        scale, steps = (float(v) for v in state[_STATE])
        if not 0 < scale < math.inf or not 0 <= steps < 2**53:
            raise ValueError(f"{kind}.set_state: the scale {scale} and its {steps} steps are damaged")
        self.inner_optimizer.set_state({k: v for k, v in state.items() if k != _STATE}, variables)
        self._enlist(self.inner_optimizer._variables)
        self._built = self.inner_optimizer._built
        self._scaling.state_array[:] = scale, steps

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name, "inner_optimizer": registry.serialize(self.inner_optimizer),
            "initial_scale": self.initial_scale, "dynamic_growth_steps": self.dynamic_growth_steps,
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LossScaleOptimizer:
        return cls(**{**config, "inner_optimizer": get(config["inner_optimizer"])})

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.inner_optimizer!r}, initial_scale={self.initial_scale}, "
            f"dynamic_growth_steps={self.dynamic_growth_steps}, name={self.name!r})"
        )


__all__ = ["LossScaleOptimizer"]
