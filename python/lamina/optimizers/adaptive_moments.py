"""Adam and its kin."""

from __future__ import annotations

from typing import Any

from ..core.autograd import Tensor
from .base import Optimizer
from .options import SharedOptions, UndecayedOptions, Unpack
from .schedules import Rate


class Adam(Optimizer, rule="adam"):
    """Adam: steps along a mean gradient divided by the root of a mean squared one.

    ``m += (g - m)(1 - beta_1)``, ``v += (g^2 - v)(1 - beta_2)``, ``w -= alpha m / (sqrt(v) + epsilon)`` with ``alpha =
    rate sqrt(1 - beta_2^t) / (1 - beta_1^t)``: the "epsilon hat" form at the end of section 2, as Keras has it.

    Args:
        amsgrad: whether the largest v so far is used.

    Source: Keras 3, Adam; Kingma and Ba 2015, "Adam"; Reddi et al. 2018 for ``amsgrad``.

    Example:
        >>> model = lamina.Sequential([lamina.Input((4,)), layers.Dense(1)])
        >>> model.compile(optimizers.Adam(learning_rate=0.01), "mse")
        >>> history = model.fit(np.ones((8, 4)), np.ones((8, 1)), epochs=2, verbose=0)
        >>> history.history["loss"][1] < history.history["loss"][0]
        True
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **shared: Unpack[SharedOptions],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self._keep(locals())


class AdamW(Adam):
    """Adam with decoupled weight decay.

    Args:
        amsgrad: whether the largest mean of squares so far is used.

    Source: Keras 3, AdamW; Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization".

    Example:
        >>> optimizer = optimizers.AdamW(learning_rate=0.001, weight_decay=0.01)
        >>> optimizer.exclude_from_weight_decay(var_names=["bias"])
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **shared: Unpack[UndecayedOptions],
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **shared)


class Nadam(Optimizer, rule="nadam"):
    """Adam with Nesterov's momentum: the gradient of the step counts at once, momentum as the next step will see it.

    m and v as Adam's;  w -= rate (u' m / (1 - p u') + (1 - u) g / (1 - p)) / (sqrt(v / (1 - beta_2^t)) + epsilon)
    with u = beta_1 (1 - 0.96^t / 2), u' that of the next step, p the product of all u so far.

    Source: Keras 3, Nadam; Dozat 2016, "Incorporating Nesterov Momentum into Adam".

    Example:
        >>> v = layers.Variable(np.float32([1.0]))
        >>> optimizers.Nadam(learning_rate=0.1).apply([np.float32([2.0])], [v])
        >>> v.numpy().shape
        (1,)
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **shared: Unpack[SharedOptions],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self._keep(locals())


class Adamax(Optimizer, rule="adamax"):
    """Adam with the largest gradient so far, which fades, in place of a mean square.

    ``m += (g - m)(1 - beta_1)``, ``u = max(beta_2 u, |g|)``, ``w -= rate / (1 - beta_1^t) m / (u + epsilon)``.

    Args:
        beta_2: what is left of the largest gradient at each step, from 0 to below 1.

    Source: Keras 3, Adamax; Kingma and Ba 2015, "Adam", section 7.1.

    Example:
        >>> v = layers.Variable(np.float32([1.0]))
        >>> optimizers.Adamax(learning_rate=0.1).apply([np.float32([2.0])], [v])
        >>> v.numpy()
        array([0.9], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **shared: Unpack[SharedOptions],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self._keep(locals())


class RAdam(Optimizer, rule="radam"):
    """Adam that divides by its mean square only once that is known well, and then more and more.

    Source: PyTorch, torch.optim.RAdam; Liu et al. 2020, "On the Variance of the Adaptive Learning Rate and Beyond".

    Example:
        >>> v = layers.Variable(np.float32([1.0]))
        >>> optimizers.RAdam(learning_rate=0.1).apply([np.float32([2.0])], [v])
        >>> v.numpy().shape
        (1,)
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **shared: Unpack[SharedOptions],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self._keep(locals())


class ScheduleFreeAdamW(Optimizer, rule="schedule_free_adamw"):
    """AdamW without a schedule: weights are means of where its steps have been.

    ``z -= rate g / (sqrt(v / (1 - beta_2^t)) + epsilon)``, ``x += (z - x) / t``; gradients are taken at the weights ``w
    = beta_1 x + (1 - beta_1) z``.

    Args:
        beta_1: weight of the mean x in w, above 0 and below 1.
        warmup_steps: steps in which the rate grows to ``learning_rate``.

    Source: Keras 3, ScheduleFreeAdamW; Defazio et al. 2024, "The Road Less Scheduled".

    Example:
        >>> v = layers.Variable(np.float32([1.0]))
        >>> optimizers.ScheduleFreeAdamW(learning_rate=0.1).apply([np.float32([2.0])], [v])
        >>> v.numpy().shape
        (1,)
    """

    def __init__(
        self,
        learning_rate: Rate = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **shared: Unpack[SharedOptions],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self._keep(locals())

    def _first_value(self, slot: str, variable: Tensor) -> Any:
        return variable._array if slot == "momentum" else 0.0


__all__ = ["Adam", "AdamW", "Adamax", "Nadam", "RAdam", "ScheduleFreeAdamW"]
