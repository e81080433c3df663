"""NumPy twins of the attention kernels; these do store the scores."""

from __future__ import annotations

import numpy as np

from ._common import Array, give
from .dropout import used_state
from .random import philox


def _heads_first(x: Array, heads: int) -> Array:
    """(B, T, Hkv, D) -> (B, heads, T, D); each key head repeated for the query heads that share it."""
    x = x.transpose(0, 2, 1, 3)
    return x if x.shape[1] == heads else x.repeat(heads // x.shape[1], axis=1)


def _sum_groups(g: Array, heads: int) -> Array:
    """The gradient of _heads_first: (B, H, T, D) -> (B, T, heads, D)."""
    B, H, T, D = g.shape
    if heads != H:
        g = g.reshape(B, heads, H // heads, T, D).sum(axis=2)
    return g.transpose(0, 2, 1, 3)


def _tanh(query: Array, key: Array, scale: float, soft_cap: float) -> Array:
    H = query.shape[2]
    return np.asarray(np.tanh(scale * (_heads_first(query, H) @ _heads_first(key, H).swapaxes(-1, -2)) / soft_cap))


def _scores(
    query: Array,
    key: Array,
    mask: Array | None,
    bias: Array | None,
    lengths: Array | None,
    causal: str,
    scale: float,
    slopes: Array | None = None,
    soft_cap: float = 0.0,
) -> Array:
    B, Tq, H, _ = query.shape
    Tk = key.shape[1]
    shift = Tk - Tq if causal == "bottom_right" else 0
    s = scale * (_heads_first(query, H) @ _heads_first(key, H).swapaxes(-1, -2))
    if soft_cap:
        s = soft_cap * _tanh(query, key, scale, soft_cap)
    if slopes is not None:
        s = s - slopes[:, None, None] * np.abs(np.arange(Tq)[:, None] + shift - np.arange(Tk))
    excluded = np.zeros((B, H, Tq, Tk), bool)
    if bias is not None:
        s = s + bias
        excluded |= bias == -np.inf
    if mask is not None:
        excluded |= ~mask
    if lengths is not None:
        excluded |= np.arange(Tk) >= lengths[:, None, None, None]
    if causal != "none":
        excluded |= np.arange(Tk) > np.arange(Tq)[:, None] + shift
    return np.where(excluded, -np.inf, s)


def _times(p: Array, x: Array) -> Array:
    """p @ x, where a weight of exactly 0 takes nothing from a row that is not finite."""
    finite = np.isfinite(x).all(axis=-1)
    y = p @ _finite(x)
    for *head, row in np.argwhere(np.logical_not(finite)):
        at = tuple(head)
        w = p[at][..., row, None]
        with np.errstate(invalid="ignore"):
            y[at] += np.where(w == 0, 0, w * x[at][row])
    return np.asarray(y)


def _finite(x: Array) -> Array:
    """Zeros in the place of rows that are not finite: what saw them has a NaN in the logarithm of its sum."""
    return np.where(np.isfinite(x).all(-1, keepdims=True), x, 0)


def _log_sum(s: Array) -> Array:
    if s.shape[-1] == 0:
        return np.full(s.shape[:-1], -np.inf, s.dtype)
    top = s.max(axis=-1, keepdims=True)
    top = np.where(top == -np.inf, 0, top)
    with np.errstate(divide="ignore"):
        return np.asarray(top[..., 0] + np.log(np.exp(s - top).sum(axis=-1)))


def _weights(s: Array, lse: Array) -> Array:
    return np.exp(s - np.where(lse == -np.inf, np.inf, lse)[..., None])


def _dropout_factor(shape: tuple[int, ...], rate: float, used: Array | None) -> Array | float:
    if used is None:
        return 1.0
    B, H, Tq, Tk = shape
    groups = (Tk + 3) // 4  # four neighbouring keys share the words of one index
    begin = used[2] * np.uint64(H * Tq * groups)
    words = philox(int(used[0]), int(used[1]), np.arange(B * H * Tq * groups, dtype=np.uint64) + begin)
    keep = words.reshape(B, H, Tq, 4 * groups)[..., :Tk] >= np.uint32(int(rate * 2**32))
    return keep / (1 - rate)


def attention_forward(
    query: Array,
    key: Array,
    value: Array,
    mask: Array | None,
    bias: Array | None,
    lengths: Array | None,
    causal: str,
    scale: float,
    dropout: float = 0.0,
    slopes: Array | None = None,
    soft_cap: float = 0.0,
    state: Array | None = None,
    first: Array | None = None,
    per_sample: int = 0,
) -> tuple[Array, Array, Array | None]:
    used = None
    if dropout > 0 and state is not None:
        used = used_state(state, first, per_sample)
        state[1] += np.uint64(1)
    s = _scores(query, key, mask, bias, lengths, causal, scale, slopes, soft_cap)
    lse = _log_sum(s)
    p = _weights(s, lse) * _dropout_factor(s.shape, dropout, used)
    out = _times(p, _heads_first(value, query.shape[2]))
    return np.ascontiguousarray(out.transpose(0, 2, 1, 3)).astype(query.dtype), lse.astype(query.dtype), used


def attention_backward(
    query: Array,
    key: Array,
    value: Array,
    mask: Array | None,
    bias: Array | None,
    lengths: Array | None,
    out: Array,
    logsumexp: Array,
    used: Array | None,
    dout: Array,
    causal: str,
    scale: float,
    dropout: float,
    slopes: Array | None,
    soft_cap: float,
    dq: Array | None,
    dk: Array | None,
    dv: Array | None,
    dbias: Array | None,
    accumulate: int = 0,
) -> None:
    H, groups = query.shape[2], key.shape[2]
    if mask is not None or bias is not None or causal != "none":
        without = (logsumexp == -np.inf).transpose(0, 2, 1) | (dout == 0).all(-1)  # queries that give no gradient
        logsumexp = np.where(without.transpose(0, 2, 1), -np.inf, logsumexp)
        query, dout, out = (np.where(without[..., None], 0, x) for x in (query, dout, out))
        key, value = _finite(key), _finite(value)
    s = _scores(query, key, mask, bias, lengths, causal, scale, slopes, soft_cap)
    p = _weights(s, logsumexp)
    factor = _dropout_factor(s.shape, dropout, used)
    g = dout.transpose(0, 2, 1, 3)
    dp = (g @ _heads_first(value, H).swapaxes(-1, -2)) * factor
    ds = p * (dp - (g * out.transpose(0, 2, 1, 3)).sum(axis=-1, keepdims=True))
    inner = ds * (1 - _tanh(query, key, scale, soft_cap) ** 2) if soft_cap else ds
    if dq is not None:
        give(dq, (scale * inner @ _heads_first(key, H)).transpose(0, 2, 1, 3), accumulate, 0)
    if dk is not None:
        give(dk, _sum_groups(scale * inner.swapaxes(-1, -2) @ _heads_first(query, H), groups), accumulate, 1)
    if dv is not None:
        give(dv, _sum_groups((p * factor).swapaxes(-1, -2) @ g, groups), accumulate, 2)
    if dbias is not None:
        ds = ds.sum(axis=tuple(range(ds.ndim - dbias.ndim)))
        axes = tuple(i for i, n in enumerate(dbias.shape) if n == 1)
        give(dbias, ds.sum(axis=axes, keepdims=True), accumulate, 3)


def attention_weights_forward(
    query: Array,
    key: Array,
    mask: Array | None,
    bias: Array | None,
    lengths: Array | None,
    logsumexp: Array,
    causal: str,
    scale: float,
    slopes: Array | None = None,
    soft_cap: float = 0.0,
) -> Array:
    return _weights(_scores(query, key, mask, bias, lengths, causal, scale, slopes, soft_cap), logsumexp)


def attention_weights_backward(
    query: Array,
    key: Array,
    weights: Array,
    dweights: Array,
    scale: float,
    soft_cap: float,
    dq: Array | None,
    dk: Array | None,
    accumulate: int = 0,
) -> None:
    H, query, key = query.shape[2], _finite(query), _finite(key)
    ds = scale * weights * (dweights - (weights * dweights).sum(axis=-1, keepdims=True))
    if soft_cap:
        ds = ds * (1 - _tanh(query, key, scale, soft_cap) ** 2)
    if dq is not None:
        give(dq, (ds @ _heads_first(key, H)).transpose(0, 2, 1, 3), accumulate, 0)
    if dk is not None:
        give(dk, _sum_groups(ds.swapaxes(-1, -2) @ _heads_first(query, H), key.shape[2]), accumulate, 1)
