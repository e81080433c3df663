"""Batch normalization, with statistics over a mask and batch renormalization."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..config import epsilon as smallest
from ..core.autograd import Tensor, no_grad
from ..core.explain import require
from ..core.grad_mode import grad_mode
from ..core.suggest import unknown
from ..ops.conversion import as_tensor
from ..ops.over_replicas import over_replicas
from .arguments import fraction, known, not_negative
from .bases import SameShape
from .fused_kinds import NORMALIZATIONS, TAKEN
from .normalization import axis_of, swapped
from .options import LayerOptions, Unpack
from .symbolic import Shape
from .torch_module import TorchModule
from .variable import Variable


class BatchNormalization(SameShape):
    """Zero mean and unit variance of each channel over the batch, then scale and shift.

    In training the statistics are the batch's, and the moving ones follow: ``moving = momentum * moving + (1 -
    momentum) * batch``, the variance divided by N.  Else, and while ``trainable`` is False, the moving ones are used.

    With ``renorm`` training, too, normalizes by moving statistics: what the batch's are off by is a factor and a
    summand without gradient, cut by ``renorm_clipping``.

    Args:
        axis: the axis of channels, counted with the batch axis; negative ones from the end.
        momentum: weight of the past in the moving statistics, between 0 and 1.
        renorm: whether training corrects the batch's statistics by moving ones of its own.
        renorm_clipping: a dict of limits, each of which may be left out: "rmin" and "rmax" of the factor (the batch's
            standard deviation over the moving one) and "dmax" of the summand's size.
        renorm_momentum: weight of the past in the statistics that ``renorm`` goes by, between 0 and 1.
        synchronized: whether the statistics are those of the whole batch where ``lamina.distribution`` divides it; else
            each shard has its own.

    Call args:
        mask: (N, T), True where a step counts in the statistics; None counts all.

    Input shape: (N, ..., C), channels on ``axis``.

    Output shape: the input's.

    Weights: ``gamma`` (C,), ``beta`` (C,), and not trainable ``moving_mean`` (C,) and ``moving_variance`` (C,); with
        ``renorm`` also ``moving_stddev``, ``renorm_mean`` and ``renorm_stddev``.

    Raises:
        ValueError: ``momentum`` is not between 0 and 1; ``epsilon`` is negative; an option is not supported;
            ``renorm_clipping`` holds another name, ``rmax`` below ``rmin`` or a negative ``dmax``; ``axis`` is out of
            range, or holds another number of channels than the weights.

    Source: Keras 3, BatchNormalization; Ioffe and Szegedy 2015, "Batch Normalization"; Ioffe 2017, "Batch
        Renormalization".

    Example:
        >>> layer = layers.BatchNormalization()
        >>> y = layer(np.random.rand(64, 3).astype("float32"), training=True)
        >>> bool(np.abs(y.numpy().mean(axis=0)).max() < 1e-5)
        True
    """

    axis: int
    _torch = TorchModule(
        "BatchNorm", weight="gamma", bias="beta", running_mean="moving_mean", running_var="moving_variance",
        ignored={"num_batches_tracked": np.int64(0)},
    )  # fmt: skip

    epsilon: float
    center: bool
    scale: bool
    synchronized: bool
    moving_variance_initializer: Any

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self._keep(locals())
        require(type(self).__name__, BatchNormalization.__init__, synchronized=synchronized)
        self.epsilon = not_negative(self, "epsilon", epsilon)
        self.momentum = fraction(self, "momentum", momentum)
        self.renorm_momentum = fraction(self, "renorm_momentum", renorm_momentum)
        self.renorm, self.renorm_clipping = bool(renorm), renorm_clipping
        if renorm_clipping is not None:
            self._check_clipping(renorm_clipping)

    def _check_clipping(self, limits: Any) -> None:
        if not isinstance(limits, dict):
            raise TypeError(f"{self._label()}: renorm_clipping must be a dict of numbers, got {limits!r}")
        for name in limits:
            if name not in ("rmax", "rmin", "dmax"):
                raise unknown(f"key of renorm_clipping of {self._label()}", name, ("rmax", "rmin", "dmax"))
        rmin, rmax, dmax = (limits.get(name) for name in ("rmin", "rmax", "dmax"))
        if rmin is not None and rmax is not None and rmax < rmin:
            raise ValueError(f"{self._label()}: rmax is {rmax}, expected at least rmin, {rmin}, in renorm_clipping")
        if dmax is not None and dmax < 0:
            raise ValueError(f"{self._label()}: dmax is {dmax}, expected 0 or more in renorm_clipping")

    def build(self, input_shape: Shape) -> None:
        axis = axis_of(self.axis, input_shape)
        size = (known(self, f"axis {self.axis}", input_shape[axis], input_shape),)
        self.gamma: Variable | None = None
        self.beta: Variable | None = None
        if self.scale:
            self.gamma = self._weight("gamma", size)
        if self.center:
            self.beta = self._weight("beta", size)
        self.moving_mean = self._weight("moving_mean", size, trainable=False)
        self.moving_variance = self._weight("moving_variance", size, trainable=False)
        if self.renorm:

            def deviation(shape: Any, dtype: Any = None) -> Any:
                return ops.sqrt(self.moving_variance_initializer(shape, dtype))

            self.moving_stddev = self.add_weight(size, deviation, name="moving_stddev", trainable=False)
            self.renorm_mean = self._weight("renorm_mean", size, "moving_mean", trainable=False)
            self.renorm_stddev = self.add_weight(size, deviation, name="renorm_stddev", trainable=False)

    def call(self, inputs: Tensor, training: bool = False, mask: Any = None) -> Tensor:
        return self._call_fused("linear", inputs, training, mask)

    def _call_fused(self, activation: str, inputs: Tensor, training: bool, mask: Any = None) -> Tensor:
        training = training and self._trainable
        axis = axis_of(self.axis, inputs.shape)
        last = inputs.ndim - 1
        if training and (mask is not None or (self.synchronized and grad_mode.replica is not None)):
            y = self._over_shards(inputs, None if mask is None else as_tensor(mask), axis)
            return y if activation == "linear" else ops.relu(y)
        x = inputs if axis == last else ops.transpose(inputs, swapped(axis, inputs.ndim))
        gamma, beta = self.gamma, self.beta
        moving: tuple[Tensor, ...] = (self.moving_mean, self.moving_variance)
        if training and self.renorm:
            with no_grad():
                statistics = ops.moments(x, tuple(range(last)))
            gamma, beta = self._corrected(*statistics)
            moving = tuple(ops.copy(m) for m in statistics)  # which the kernel moves in vain
        mean, variance = moving
        y = ops.batch_norm(x, gamma, beta, mean, variance, training, self.momentum, self.epsilon, activation)
        return y if axis == last else ops.transpose(y, swapped(axis, inputs.ndim))

    def _over_shards(self, inputs: Tensor, mask: Tensor | None, axis: int) -> Tensor:
        """Training with statistics over the steps that count, of all shards where they are ``synchronized``; all steps
        are normalized by these, as in Keras."""
        ndim = inputs.ndim
        others = tuple(d for d in range(ndim) if d != axis)

        def total(x: Tensor) -> Tensor:
            x = ops.sum(x, axis=others, keepdims=True)
            return over_replicas(x) if self.synchronized else x

        if mask is None:
            kept, count = None, total(ops.ones(inputs.shape, dtype=inputs.dtype))
        else:
            if mask.shape != inputs.shape[: mask.ndim] or mask.ndim >= ndim:
                raise ValueError(f"mask is {mask.shape}, expected the first axes of x, {inputs.shape}")
            kept = ops.reshape(ops.cast(mask, "bool"), (*mask.shape, *(1 for _ in range(ndim - mask.ndim))))
            kept = ops.broadcast_to(kept, inputs.shape)
            count = ops.add(total(ops.cast(kept, inputs.dtype)), smallest())

        def counted(x: Tensor) -> Tensor:
            return x if kept is None else ops.where(kept, x, 0.0)

        mean = ops.divide(total(counted(inputs)), count)
        difference = ops.subtract(inputs, mean)
        variance = ops.divide(total(ops.square(counted(difference))), count)
        gamma, beta = self.gamma, self.beta
        with no_grad():
            statistics = [ops.reshape(t, self.moving_mean.shape) for t in (mean, variance)]
            if not self.renorm:
                _move(self.moving_mean, statistics[0], self.momentum)
                _move(self.moving_variance, statistics[1], self.momentum)
        if self.renorm:
            gamma, beta = self._corrected(*statistics)
        y = ops.divide(difference, ops.sqrt(ops.add(variance, self.epsilon)))
        if gamma is not None:
            y = ops.multiply(y, ops.reshape(gamma, mean.shape))
        return y if beta is None else ops.add(y, ops.reshape(beta, mean.shape))

    def _corrected(self, mean: Tensor, variance: Tensor) -> tuple[Any, Any]:
        """Batch renormalization: gamma and beta that correct the batch's statistics, and all moving ones moved."""
        limits = self.renorm_clipping or {}
        with no_grad():
            deviation = ops.sqrt(ops.add(variance, self.epsilon))
            least = ops.maximum(self.renorm_stddev, math.sqrt(self.epsilon))
            r = ops.divide(deviation, least)
            d = ops.divide(ops.subtract(mean, self.renorm_mean), least)
            if limits.get("rmin") is not None:
                r = ops.maximum(r, limits["rmin"])
            if limits.get("rmax") is not None:
                r = ops.minimum(r, limits["rmax"])
            if limits.get("dmax") is not None:
                d = ops.clip(d, -limits["dmax"], limits["dmax"])
            _move(self.renorm_mean, mean, self.renorm_momentum)
            _move(self.renorm_stddev, deviation, self.renorm_momentum)
            _move(self.moving_mean, mean, self.momentum)
            _move(self.moving_stddev, deviation, self.momentum)
            self.moving_variance.assign(ops.relu(ops.subtract(ops.square(self.moving_stddev), self.epsilon)))
        if self.gamma is not None:
            r, d = ops.multiply(self.gamma, r), ops.multiply(self.gamma, d)
        return r, d if self.beta is None else ops.add(d, self.beta)

    def folded_into(self, kernel: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
        """Weights of another layer that does in inference what it and the normalization behind it do.

        Args:
            kernel: its kernel, channels on the last axis.
            bias: its bias, or None.

        Returns: kernel and bias.
        """
        return ops.batch_norm_fold(
            kernel, bias, self.gamma, self.beta, self.moving_mean, self.moving_variance, self.epsilon
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        axis_of(self.axis, input_shape)
        return super().compute_output_shape(input_shape)

    def _mismatch(self, shape: Shape) -> str | None:
        if not self.built or not -len(shape) <= self.axis < len(shape):
            return None
        wanted = self.moving_mean.shape[0]
        found = shape[self.axis]
        return None if found == wanted else f"x is {shape}, expected {wanted} channels on axis {self.axis}"


def _move(moving: Variable, batch: Tensor, momentum: float) -> None:
    """``moving = moving * momentum + batch * (1 - momentum)``."""
    moving.assign(ops.add(ops.multiply(moving, momentum), ops.multiply(batch, 1.0 - momentum)))


TAKEN[BatchNormalization.call] = ("relu",)
NORMALIZATIONS.add(BatchNormalization)

__all__ = ["BatchNormalization"]
