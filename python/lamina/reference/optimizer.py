"""NumPy twins of the update rules (``csrc/kernels/update_rules.h``): same names, options, slots and updates."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .embedding import TouchedRows

Array = np.ndarray[Any, np.dtype[Any]]
Slots = Sequence[Any]  # an array or None each


class ParameterGroup:
    """All arrays that one step reads and writes.

    weights, gradients   one array a parameter, float32 or float64, of one shape and dtype each
    slots                for each slot of the rule (momentum, velocity ...) one array a parameter, or None if not kept
    decays, active       bool arrays, one element a parameter: whether weight decay applies; whether it has a gradient
    learning_rate        float64 array (1,);  iterations  int64 array (1,), steps done so far, advanced by each step
    touched              None, or a TouchedRows or None a parameter: of these a step changes the touched rows alone
    due                  None, or a bool array (1,): whether a step does anything

    The arrays are read at every step, so that writing into them takes effect.
    """

    def __init__(
        self,
        weights: Sequence[Array],
        gradients: Sequence[Array],
        slots: Sequence[Sequence[Array] | None],
        decays: Array,
        active: Array,
        learning_rate: Array,
        iterations: Array,
        touched: Sequence[TouchedRows | None] | None = None,
        due: Array | None = None,
    ) -> None:
        self.weights = weights
        self.gradients = gradients
        self.slots = slots
        self.decays = decays
        self.active = active
        self.learning_rate = learning_rate
        self.iterations = iterations
        self.touched = touched
        self.due = due


def _norm(x: Array) -> float:
    return math.sqrt(float(np.square(x, dtype=np.float64).sum()))


def _scale(norm: float, limit: float) -> float:
    """The factor that brings a norm down to the limit; NaN where the norm isn't finite, so that it isn't hidden."""
    if limit == math.inf:
        return 1.0
    return limit / max(norm, limit) if math.isfinite(norm) else math.nan


def _parameters(
    group: ParameterGroup,
    weight_decay: float,
    clipvalue: float,
    clipnorm: float,
    global_clipnorm: float,
    factor: float,
) -> Iterator[tuple[Array, Array, Slots]]:
    """(weight, clipped gradient, slots) of every active parameter; weight decay is applied first."""
    rate = float(group.learning_rate[0])
    chosen = [i for i in range(len(group.weights)) if group.active[i]]
    total = 1.0
    if global_clipnorm != math.inf:
        total = _scale(factor * math.sqrt(sum(_norm(group.gradients[i]) ** 2 for i in chosen)), global_clipnorm)
    for i in chosen:
        arrays: list[Any] = [group.weights[i], *(None if slot is None else slot[i] for slot in group.slots)]
        g = group.gradients[i]
        touched = None if group.touched is None else group.touched[i]
        rows = None if touched is None or touched.all else touched.rows
        chosen_rows = [a if a is None or rows is None else a[rows] for a in arrays]
        w: Any = chosen_rows[0]
        slots = chosen_rows[1:]
        scale = total
        if clipnorm != math.inf:
            scale = _scale(factor * _norm(g), clipnorm)
        g = np.clip((g if rows is None else g[rows]) * w.dtype.type(scale * factor), -clipvalue, clipvalue)
        if weight_decay and group.decays[i]:
            w -= w * w.dtype.type(rate * weight_decay)
        yield w, g, slots
        if rows is not None:
            for a, changed in zip(arrays, chosen_rows, strict=True):
                if a is not None:
                    a[rows] = changed


class Rule(NamedTuple):
    """A rule's update of one parameter, and the class of ``torch.optim`` that has the same where epsilon is small.

    ``torch`` is "" where PyTorch has none.
    """

    update: Callable[..., None]
    torch: str
    torch_options: dict[str, Any]


RULES: dict[str, Rule] = {}


def _rule(torch: str = "", **torch_options: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def declare(update: Callable[..., None]) -> Callable[..., None]:
        RULES[update.__name__] = Rule(update, torch, torch_options)
        return update

    return declare


@_rule("SGD")
def sgd(w: Array, g: Array, slots: Slots, rate: float, t: int, momentum: float, nesterov: bool) -> None:
    """m = momentum m - rate g;  w += m, or w += momentum m - rate g (nesterov); without momentum w -= rate g."""
    real, (m,) = w.dtype.type, slots
    change = g * real(-rate)
    if m is not None:
        m[...] = m * real(momentum) + change
        change = m * real(momentum) + change if nesterov else m
    w += change


@_rule("Adam")
def adam(
    w: Array, g: Array, slots: Slots, rate: float, t: int, beta_1: float, beta_2: float, epsilon: float, amsgrad: bool
) -> None:
    """m += (g - m)(1 - beta_1);  v += (g^2 - v)(1 - beta_2);  w -= alpha m / (sqrt(v) + epsilon).

    alpha = rate sqrt(1 - beta_2^t) / (1 - beta_1^t): the "epsilon hat" form at the end of section 2 of Kingma and
    Ba 2015.  amsgrad divides by the largest v so far (Reddi, Kale and Kumar 2018).
    """
    real, (m, v, top) = w.dtype.type, slots
    alpha = rate * math.sqrt(1.0 - beta_2**t) / (1.0 - beta_1**t)
    m += (g - m) * real(1.0 - beta_1)
    v += (g * g - v) * real(1.0 - beta_2)
    if top is not None:
        v = np.maximum(top, v, out=top)
    w -= m * real(alpha) / (np.sqrt(v) + real(epsilon))


@_rule("NAdam", momentum_decay=1.0)
def nadam(w: Array, g: Array, slots: Slots, rate: float, t: int, beta_1: float, beta_2: float, epsilon: float) -> None:
    """m and v as Adam's;  w -= rate (u' m / (1 - p u') + (1 - u) g / (1 - p)) / (sqrt(v / (1 - beta_2^t)) + epsilon).

    u_t = beta_1 (1 - 0.96^t / 2), u' = u_(t+1), p = u_1 u_2 ... u_t (Dozat 2016, algorithm 8, with its schedule).
    """
    real, (m, v) = w.dtype.type, slots
    u = [beta_1 * (1.0 - 0.5 * 0.96**i) for i in range(1, t + 2)]
    p = math.prod(u[:-1])
    m += (g - m) * real(1.0 - beta_1)
    v += (g * g - v) * real(1.0 - beta_2)
    step = m * real(rate * u[-1] / (1.0 - p * u[-1])) + g * real(rate * (1.0 - u[-2]) / (1.0 - p))
    w -= step / (np.sqrt(v / real(1.0 - beta_2**t)) + real(epsilon))


@_rule("RMSprop")
def rmsprop(
    w: Array, g: Array, slots: Slots, rate: float, t: int, rho: float, momentum: float, epsilon: float, centered: bool
) -> None:
    """v = rho v + (1 - rho) g^2;  change = rate g / sqrt(v + epsilon);  w -= change, or w -= m of that momentum.

    centered subtracts the square of the mean gradient from v (Hinton's lecture 6e; Graves 2013, equation 40).
    """
    real, (v, m, mean) = w.dtype.type, slots
    v[...] = v * real(rho) + g * g * real(1.0 - rho)
    denominator = v + real(epsilon)
    if mean is not None:
        mean[...] = mean * real(rho) + g * real(1.0 - rho)
        denominator = denominator - mean * mean
    change = g * real(rate) / np.sqrt(denominator)
    if m is not None:
        m[...] = m * real(momentum) + change
        change = m
    w -= change


@_rule("Adagrad", initial_accumulator_value=0.1)
def adagrad(w: Array, g: Array, slots: Slots, rate: float, t: int, epsilon: float) -> None:
    """s += g^2;  w -= rate g / sqrt(s + epsilon) (Duchi, Hazan and Singer 2011)."""
    real, (s,) = w.dtype.type, slots
    s += g * g
    w -= g * real(rate) / np.sqrt(s + real(epsilon))


@_rule("Adadelta")
def adadelta(w: Array, g: Array, slots: Slots, rate: float, t: int, rho: float, epsilon: float) -> None:
    """v = rho v + (1 - rho) g^2;  d = g sqrt(u + epsilon) / sqrt(v + epsilon);  w -= rate d.

    u = rho u + (1 - rho) d^2 for the next step:  Zeiler 2012, algorithm 1.
    """
    real, (v, u) = w.dtype.type, slots
    v[...] = v * real(rho) + g * g * real(1.0 - rho)
    change = g * np.sqrt(u + real(epsilon)) / np.sqrt(v + real(epsilon))
    u[...] = u * real(rho) + change * change * real(1.0 - rho)
    w -= change * real(rate)


@_rule("Adamax")
def adamax(w: Array, g: Array, slots: Slots, rate: float, t: int, beta_1: float, beta_2: float, epsilon: float) -> None:
    """m += (g - m)(1 - beta_1);  u = max(beta_2 u, |g|);  w -= rate / (1 - beta_1^t) m / (u + epsilon).

    Kingma and Ba 2015, algorithm 2.
    """
    real, (m, u) = w.dtype.type, slots
    m += (g - m) * real(1.0 - beta_1)
    u[...] = np.maximum(u * real(beta_2), np.abs(g))
    w -= m * real(rate / (1.0 - beta_1**t)) / (u + real(epsilon))


@_rule()
def lion(w: Array, g: Array, slots: Slots, rate: float, t: int, beta_1: float, beta_2: float) -> None:
    """w -= rate sign(beta_1 m + (1 - beta_1) g);  m = beta_2 m + (1 - beta_2) g (Chen et al. 2023, program 1)."""
    real, (m,) = w.dtype.type, slots
    w -= np.sign(m * real(beta_1) + g * real(1.0 - beta_1)) * real(rate)
    m[...] = m * real(beta_2) + g * real(1.0 - beta_2)


@_rule("RAdam")
def radam(w: Array, g: Array, slots: Slots, rate: float, t: int, beta_1: float, beta_2: float, epsilon: float) -> None:
    """Adam's m and v; w -= rate / (1 - beta_1^t) m while l <= 5, then r sqrt(1 - beta_2^t) / (sqrt(v) + epsilon) of it.

    Liu et al. 2020, algorithm 2: l is rho_t, which estimates how well v is known; PyTorch begins at 5, not at 4.
    """
    real, (m, v) = w.dtype.type, slots
    longest, power = 2.0 / (1.0 - beta_2) - 1.0, beta_2**t
    length = longest - 2.0 * t * power / (1.0 - power)
    m += (g - m) * real(1.0 - beta_1)
    v += (g * g - v) * real(1.0 - beta_2)
    step = rate / (1.0 - beta_1**t)
    if length > 5.0:
        r = (length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length)
        w -= m * real(step * math.sqrt(r * (1.0 - power))) / (np.sqrt(v) + real(epsilon))
    else:
        w -= m * real(step)


@_rule()
def schedule_free_adamw(
    w: Array, g: Array, slots: Slots, rate: float, t: int, beta_1: float, beta_2: float, epsilon: float, warmup: float
) -> None:
    """z -= rate g / (sqrt(v / (1 - beta_2^t)) + epsilon);  x += (z - x) / t;  w = beta_1 x + (1 - beta_1) z.

    Defazio et al. 2024, algorithm 1, with weights 1 / t; x is found again from w.
    """
    real, (z, v) = w.dtype.type, slots
    x = (w - z * real(1.0 - beta_1)) / real(beta_1)
    v += (g * g - v) * real(1.0 - beta_2)
    z -= (
        g
        * real(rate * min(t / warmup, 1.0) if warmup else rate)
        / (np.sqrt(v * real(1.0 / (1.0 - beta_2**t))) + real(epsilon))
    )
    x = x * real(1.0 - 1.0 / t) + z * real(1.0 / t)
    w[...] = z * real(1.0 - beta_1) + x * real(beta_1)


@_rule()
def ftrl(
    w: Array,
    g: Array,
    slots: Slots,
    rate: float,
    t: int,
    power: float,
    l1: float,
    l2: float,
    shrinkage: float,
    beta: float,
) -> None:
    """w = (clamp(z, -l1, l1) - z) / ((n^p + beta) / rate + 2 l2) with n += g^2, p = -power.

    z += g + 2 shrinkage w - (n^p - old n^p) / rate w: McMahan et al. 2013, algorithm 1.  Nothing moves while the rate
    is 0.  The difference of roots is taken as g^2 / (their sum), which keeps its digits.
    """
    if rate == 0:
        return
    real, (n, z) = w.dtype.type, slots
    before = n ** real(-power)
    n += g * g
    after = n ** real(-power)
    more = g * g / np.maximum(after + before, np.finfo(w.dtype).tiny) if power == -0.5 else after - before
    z += g + w * real(2 * shrinkage) - more / real(rate) * w
    w[...] = (np.clip(z, real(-l1), real(l1)) - z) / (after / real(rate) + real(2 * l2 + beta / rate))


@_rule()
def average(w: Array, g: Array, slots: Slots, rate: float, t: int, momentum: float) -> None:
    """w = momentum w + (1 - momentum) g; g itself in the first step."""
    w += (g - w) * w.dtype.type(1.0 if t == 1 else 1.0 - momentum)


def optimizer_step(
    group: ParameterGroup,
    rule: str,
    options: Sequence[float],
    weight_decay: float,
    clipvalue: float,
    clipnorm: float,
    global_clipnorm: float,
    scale: float = 1.0,
) -> None:
    """One step by a rule above, of gradients times ``scale``; infinity switches a limit of clipping off."""
    if group.due is not None and not group.due[0]:
        return
    rate, t = float(group.learning_rate[0]), int(group.iterations[0]) + 1
    for w, g, slots in _parameters(group, weight_decay, clipvalue, clipnorm, global_clipnorm, scale):
        RULES[rule].update(w, g, slots, rate, t, *options)
    group.iterations[0] += 1


def accumulate_gradients(source: ParameterGroup, target: ParameterGroup, steps: int) -> None:
    """Add the gradients of source to its weights, which are the gradients of target; the last of each ``steps`` makes
    them means, and target due.  The first one begins anew."""
    assert target.due is not None
    if source.due is not None and not source.due[0]:
        target.due[0] = False
        return
    place = int(source.iterations[0]) % steps
    for i, total in enumerate(source.weights):
        rows = None if target.touched is None else target.touched[i]
        if place == 0:
            total[...] = 0
            target.active[i] = False
            if rows is not None:
                rows.all, rows.rows = False, rows.rows[:0]
        if source.active[i]:
            target.active[i] = True
            total += source.gradients[i]
            if rows is not None:
                of = None if source.touched is None else source.touched[i]
                rows.all = rows.all or of is None or of.all
                if of is not None:
                    together = np.concatenate([rows.rows, of.rows])
                    rows.rows = together[np.sort(np.unique(together, return_index=True)[1])]
        if place == steps - 1 and target.active[i]:
            total /= total.dtype.type(steps)
    target.due[0] = place == steps - 1
    source.iterations[0] += 1


def unscale_gradients(group: ParameterGroup, state: Array, growth_steps: int) -> None:
    """Divide the gradients of a group by state[0], the scale of the loss, into its weights; due if all are finite."""
    assert group.due is not None
    chosen = [i for i, on in enumerate(group.active) if on]
    for i in chosen:
        group.weights[i][...] = group.gradients[i] * group.gradients[i].dtype.type(1 / state[0])
    finite = all(np.isfinite(group.gradients[i]).all() for i in chosen)
    group.due[0] = finite
    state[:] = (state[0], state[1] + 1) if finite else (state[0] / 2, 0)
    if state[1] >= growth_steps:
        state[:] = 2 * state[0], 0


__all__ = ["ParameterGroup", "accumulate_gradients", "optimizer_step", "unscale_gradients"]
