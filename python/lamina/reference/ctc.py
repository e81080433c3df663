"""NumPy twin of connectionist temporal classification."""

from __future__ import annotations

import numpy as np

from ._common import Array, give


def _one(x: Array, labels: Array, blank: int) -> tuple[float, Array]:
    """Loss and gradient of one sequence, x (T, C) logits; states are blank, label, blank, label, ..., blank."""
    log_p = x - x.max(-1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(-1, keepdims=True))
    states = np.full(2 * len(labels) + 1, blank)
    states[1::2] = labels
    skips = np.zeros(len(states), bool)  # states that may follow the one before the last
    skips[3::2] = labels[1:] != labels[:-1]
    steps = len(x)
    forward, backward = (np.full((steps, len(states)), -np.inf) for _ in range(2))
    forward[0, :2] = log_p[0, states[:2]]
    backward[-1, -2:] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        for t in range(1, steps):
            before = forward[t - 1]
            total = np.logaddexp(before, np.append(-np.inf, before[:-1]))
            skipped = np.append([-np.inf, -np.inf], before)[: len(states)]
            forward[t] = np.logaddexp(total, np.where(skips, skipped, -np.inf)) + log_p[t, states]
        for t in range(steps - 2, -1, -1):
            behind = backward[t + 1] + log_p[t + 1, states]
            total = np.logaddexp(behind, np.append(behind[1:], -np.inf))
            skipped = np.append(np.where(skips, behind, -np.inf), [-np.inf, -np.inf])[2 : len(states) + 2]
            backward[t] = np.logaddexp(total, skipped)
        log_likelihood = np.logaddexp.reduce(forward[-1, -2:])
        posterior = np.exp(forward + backward - log_likelihood)
        posterior /= posterior.sum(-1, keepdims=True)
    gradient = np.exp(log_p)
    for s, c in enumerate(states):
        gradient[:, c] -= posterior[:, s]
    return -log_likelihood, gradient


def ctc_loss_forward(
    output: Array,
    target: Array,
    target_length: Array,
    output_length: Array,
    mask_index: int,
    want_gradient: bool = True,
) -> tuple[Array, Array | None]:
    losses, gradient = np.zeros(len(output), output.dtype), np.zeros_like(output)
    for n, (count, steps) in enumerate(zip(target_length, output_length, strict=True)):
        if steps:
            losses[n], gradient[n, :steps] = _one(output[n, :steps], target[n, :count], mask_index)
    return losses, gradient if want_gradient else None


def ctc_loss_backward(gradient: Array, dy: Array, dx: Array | None, accumulate: int = 0) -> None:
    give(dx, gradient * dy[:, None, None], accumulate, 0)
