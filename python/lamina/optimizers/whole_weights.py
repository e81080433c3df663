"""Optimizers whose step of an element depends on the whole weight: its norm, its rows and columns, its directions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .. import ops
from ..core.autograd import Tensor
from .base import Optimizer
from .options import SharedOptions, UndecayedOptions, Unpack
from .schedules import Rate


def _root_mean_square(x: Tensor) -> Tensor:
    return ops.sqrt(ops.mean(ops.square(x)))


class Lamb(Optimizer):
    """Adam whose step of each weight is as large as the weight: for very large batches.

    ``w -= rate |w| / |u| u`` with ``u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon)``, m and v as Adam's.

    Source: Keras 3, Lamb; You et al. 2020, "Large Batch Optimization for Deep Learning".

    Example:
        >>> v = layers.Variable(np.float32([1.0]))
        >>> optimizers.Lamb(learning_rate=0.1).apply([np.float32([2.0])], [v])
        >>> v.numpy()
        array([0.9], dtype=float32)
    """

    _settings = ("beta_1", "beta_2", "epsilon")
    beta_1: float
    beta_2: float
    epsilon: float

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

    def _make_state(self, variable: Tensor) -> None:
        self.add_variable_from_reference(variable, "momentum")
        self.add_variable_from_reference(variable, "velocity")

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        kept, rate = self._state_of(variable), ops.cast(learning_rate, variable.dtype)
        t, m, v = ops.cast(self.iterations + 1, variable.dtype), kept["momentum"], kept["velocity"]
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (ops.square(gradient) - v) * (1 - self.beta_2))
        root = ops.sqrt(v / (1 - ops.power(self.beta_2, t))) + self.epsilon
        update = m / (1 - ops.power(self.beta_1, t)) / root
        length, step = ops.norm(variable), ops.norm(update)
        ratio = ops.where(ops.logical_and(length > 0, step > 0), length / step, 1.0)
        self.assign_sub(variable, ratio * rate * update)


class Adafactor(Optimizer):
    """Mean squares of gradients kept by rows and columns, not by elements; steps as large as weights are.

    Args:
        beta_2_decay: exponent of the step number in what the past weighs: ``1 - t^beta_2_decay``.
        epsilon_1: number added to squared gradients.
        epsilon_2: least size of a weight, of which a step is a part.
        clip_threshold: the root mean square of a step, before the rate, is at most this.
        relative_step: whether the rate is at most ``1 / sqrt(t)``; a schedule's never is changed.

    Source: Keras 3, Adafactor; Shazeer and Stern 2018, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost".

    Example:
        >>> model = lamina.Sequential([lamina.Input((4,)), layers.Dense(1)])
        >>> model.compile(optimizers.Adafactor(learning_rate=0.1), "mse")
        >>> history = model.fit(np.ones((8, 4)), np.ones((8, 1)), epochs=2, verbose=0)
        >>> history.history["loss"][1] < history.history["loss"][0]
        True
    """

    _settings = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step")
    beta_2_decay: float
    epsilon_1: float
    epsilon_2: float
    clip_threshold: float
    relative_step: bool

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **shared: Unpack[SharedOptions],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self._keep(locals())

    def _make_state(self, variable: Tensor) -> None:
        shape = variable.shape
        shapes = {"velocity": shape} if len(shape) < 2 else {"rows": shape[:-1], "columns": (*shape[:-2], shape[-1])}
        for name, size in shapes.items():
            self._add(variable, name, size, "zeros")

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        means = self._state_of(variable)
        rate, t = ops.cast(learning_rate, variable.dtype), ops.cast(self.iterations + 1, variable.dtype)
        least = ops.minimum(rate, 1 / ops.sqrt(t))
        if self._schedule is None and self.relative_step:
            rate = least
        size = ops.maximum(_root_mean_square(variable), self.epsilon_2) * ops.minimum(rate, least)
        past = 1 - ops.power(t, self.beta_2_decay)
        squares = ops.square(gradient) + self.epsilon_1

        def follow(mean: Any, value: Tensor) -> None:
            self.assign(mean, past * mean + (1 - past) * value)

        if "velocity" in means:
            v: Tensor = means["velocity"]
            follow(v, squares)
        else:
            rows, columns = means["rows"], means["columns"]
            follow(rows, ops.mean(squares, axis=-1))
            follow(columns, ops.mean(squares, axis=-2))
            share = rows / ops.mean(rows, axis=-1, keepdims=True)
            v = ops.multiply(ops.expand_dims(share, -1), ops.expand_dims(columns, -2))
        update = gradient / ops.sqrt(v)
        cut = ops.maximum(_root_mean_square(update) / self.clip_threshold, 1.0)
        self.assign_sub(variable, size * update / cut)


class Muon(Optimizer):
    """Momentum made orthogonal, for the matrices of hidden layers; AdamW for all other weights.

    ``m = momentum m + g``; the step is near ``U V^T`` of the singular value decomposition of m (of ``g + momentum m``
    with ``nesterov``), which Newton and Schulz's iteration finds by products of matrices.  AdamW takes vectors, weights
    of more than two axes, embeddings, and the layers of ``exclude_layers``.

    Args:
        adam_beta_1: AdamW's weight of the past in the mean of gradients, from 0 to below 1.
        adam_beta_2: AdamW's weight of the past in the mean of squares, from 0 to below 1.
        adam_weight_decay: AdamW's weight decay.
        weight_decay: that of matrices.
        exclude_layers: list of regular expressions of paths of weights that AdamW takes.
        exclude_embeddings: whether AdamW takes weights with "embedding" in their path.
        muon_a: first coefficient of the iteration ``x -> a x + b (x x^T) x + c (x x^T)^2 x``.
        muon_b: its second coefficient.
        muon_c: its third coefficient.
        adam_lr_ratio: AdamW's rate, divided by ``learning_rate``.
        momentum: weight of the past in m, from 0 to 1.
        ns_steps: how often the iteration is done.
        nesterov: whether the step looks ahead.
        rms_rate: size of a step's elements, so that rates are those of AdamW; None leaves them as they are.

    Source: Keras 3, Muon; Jordan et al. 2024, "Muon: An Optimizer for Hidden Layers"; Liu et al. 2025, "Muon is
        Scalable for LLM Training".

    Example:
        >>> v = layers.Variable(np.float32(np.eye(2)))
        >>> optimizers.Muon(learning_rate=0.1).apply([np.float32(np.eye(2))], [v])
        >>> v.shape
        (2, 2)
    """

    _settings = (
        "adam_beta_1", "adam_beta_2", "adam_weight_decay", "epsilon", "exclude_layers", "exclude_embeddings", "muon_a",
        "muon_b", "muon_c", "adam_lr_ratio", "momentum", "ns_steps", "nesterov", "rms_rate",
    )  # fmt: skip
    adam_beta_1: float
    adam_beta_2: float
    adam_weight_decay: float | None
    epsilon: float
    exclude_embeddings: bool
    muon_a: float
    muon_b: float
    muon_c: float
    adam_lr_ratio: float
    momentum: float
    ns_steps: int
    nesterov: bool
    rms_rate: float | None

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **shared: Unpack[UndecayedOptions],
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **shared)
        self._keep(locals())
        self.exclude_layers = list(exclude_layers or [])
        for part in self.exclude_layers:
            try:
                re.compile(part)
            except (re.error, TypeError) as error:
                raise ValueError(
                    f"Muon: exclude_layers holds {part!r}, which is no regular expression: {error}"
                ) from None

    def _by_adam(self, variable: Any) -> bool:
        path = getattr(variable, "path", "")
        apart = any(re.search(part, path) for part in self.exclude_layers)
        return len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in path.lower()) or apart

    def _make_state(self, variable: Tensor) -> None:
        self.add_variable_from_reference(variable, "momentum")
        if self._by_adam(variable):
            self.add_variable_from_reference(variable, "velocity")

    def _decay(self, variable: Any, rate: Tensor) -> None:
        decay = self.adam_weight_decay if self._by_adam(variable) else self.weight_decay
        if decay:
            self.assign_sub(variable, variable * (rate * decay))

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        kept, rate = self._state_of(variable), ops.cast(learning_rate, variable.dtype)
        m, v = kept["momentum"], kept.get("velocity")
        if v is not None:
            t = ops.cast(self.iterations + 1, variable.dtype)
            self.assign_add(m, (gradient - m) * (1 - self.adam_beta_1))
            self.assign_add(v, (ops.square(gradient) - v) * (1 - self.adam_beta_2))
            corrected = ops.sqrt(1 - ops.power(self.adam_beta_2, t)) / (1 - ops.power(self.adam_beta_1, t))
            self.assign_sub(variable, m * (rate * self.adam_lr_ratio * corrected) / (ops.sqrt(v) + self.epsilon))
            return
        self.assign(m, m * self.momentum + gradient)
        step = self._orthogonal(gradient + m * self.momentum if self.nesterov else m)
        scale = 1.0 if self.rms_rate is None else max(variable.shape) ** 0.5 * self.rms_rate
        self.assign_sub(variable, step * (rate * scale))

    def _orthogonal(self, x: Tensor) -> Tensor:
        """U V^T of x = U S V^T, nearly: singular values of about 0.7 to 1.2."""
        tall = x.shape[0] > x.shape[1]  # 0 and > are free: the smaller square only takes less time
        x = ops.transpose(x) if tall else x
        x = x / (ops.norm(x) + 1e-7)
        for _ in range(self.ns_steps):
            square = ops.matmul(x, ops.transpose(x))
            x = x * self.muon_a + ops.matmul(square * self.muon_b + ops.matmul(square, square) * self.muon_c, x)
        return ops.transpose(x) if tall else x


__all__ = ["Adafactor", "Lamb", "Muon"]
