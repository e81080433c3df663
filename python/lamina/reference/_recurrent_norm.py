"""Layer normalization inside of the recurrence, for the twins of recurrent.py."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._common import Array


@dataclass
class Norm:
    """Layer normalization inside of the recurrence: of h . R, whose columns are several parts, and of an LSTM's c.

    Without weights nothing is changed.  ``raw`` and ``stats`` are the rows of the step at hand; gradients are summed.
    """

    gamma: Array | None
    state_gamma: Array | None
    state_beta: Array | None
    epsilon: float
    parts: list[slice]
    raw: Array
    stats: Array
    d_gamma: Array
    d_state_gamma: Array
    d_state_beta: Array

    def _moments(self, x: Array) -> tuple[Array, Array]:
        mean = x.mean(1, keepdims=True)
        return mean, 1 / np.sqrt(((x - mean) ** 2).mean(1, keepdims=True) + self.epsilon)

    def forward(self, z: Array, columns: slice) -> Array:
        if self.gamma is None:
            return z
        self.raw[:, columns] = z
        y = z.copy()
        for i, part in enumerate(self.parts):
            at = slice(part.start - columns.start, part.stop - columns.start)
            if at.start >= 0 and part.stop <= columns.stop:
                mean, rstd = self._moments(z[:, at])
                self.stats[:, 2 * i : 2 * i + 1], self.stats[:, 2 * i + 1 : 2 * i + 2] = mean, rstd
                y[:, at] = (z[:, at] - mean) * rstd * self.gamma[part]
        return y

    def backward(self, dy: Array, columns: slice) -> Array:
        if self.gamma is None:
            return dy
        dz = dy.copy()
        for part in self.parts:
            at = slice(part.start - columns.start, part.stop - columns.start)
            if at.start >= 0 and part.stop <= columns.stop:
                dz[:, at], d_gamma = self._gradient(self.raw[:, part], self.gamma[part], dy[:, at])
                self.d_gamma[part] += d_gamma
        return dz

    def _gradient(self, x: Array, gamma: Array, dy: Array) -> tuple[Array, Array]:
        mean, rstd = self._moments(x)
        h, u = (x - mean) * rstd, dy * gamma
        dx = rstd * (u - u.mean(1, keepdims=True) - h * (u * h).mean(1, keepdims=True))
        return dx, (dy * h).sum(0)

    def state(self, c: Array) -> Array:
        if self.state_gamma is None or self.state_beta is None:
            return c
        mean, rstd = self._moments(c)
        self.stats[:, 4:5], self.stats[:, 5:6] = mean, rstd
        return (c - mean) * rstd * self.state_gamma + self.state_beta

    def state_backward(self, c: Array, dy: Array) -> Array:
        if self.state_gamma is None:
            return dy
        dx, d_gamma = self._gradient(c, self.state_gamma, dy)
        self.d_state_gamma += d_gamma
        self.d_state_beta += dy.sum(0)
        return dx
