"""The MLPs and the GPT of networks.py in plain JAX, compiled: same layers, sizes, losses, optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from network_data import CONTEXT, DEPTH, HEADS, SYMBOLS, WIDTH

NAMES = ("mlp", "small mlp", "gpt")


def _dense(key: Any, inputs: int, outputs: int) -> dict[str, Any]:
    limit = (6.0 / (inputs + outputs)) ** 0.5
    return {"w": jax.random.uniform(key, (inputs, outputs), minval=-limit, maxval=limit), "b": jnp.zeros(outputs)}


def _apply(p: dict[str, Any], x: Any) -> Any:
    return x @ p["w"] + p["b"]


def _dropout(key: Any, x: Any, rate: float) -> Any:
    """Without a key: inference."""
    if key is None or not rate:
        return x
    return jnp.where(jax.random.bernoulli(key, 1.0 - rate, x.shape), x / (1.0 - rate), 0.0)


def _key(key: Any, i: int) -> Any:
    return None if key is None else jax.random.fold_in(key, i)


def _mlp(sizes: tuple[int, ...], rate: float) -> tuple[Any, Callable[..., Any]]:
    keys = jax.random.split(jax.random.key(0), len(sizes) - 1)
    parameters = [_dense(k, a, b) for k, a, b in zip(keys, sizes, sizes[1:], strict=False)]

    def forward(p: Any, x: Any, key: Any) -> Any:
        for i, layer in enumerate(p[:-1]):
            x = _dropout(_key(key, i), jax.nn.relu(_apply(layer, x)), rate)
        return _apply(p[-1], x)

    return parameters, forward


def _normalize(p: dict[str, Any], x: Any) -> Any:
    x = x - x.mean(-1, keepdims=True)
    return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5) * p["w"] + p["b"]


def _gpt() -> tuple[Any, Callable[..., Any]]:
    keys = iter(jax.random.split(jax.random.key(0), 4 * DEPTH + 3))
    norm = {"w": jnp.ones(WIDTH), "b": jnp.zeros(WIDTH)}
    blocks = [
        {
            "norm1": norm,
            "norm2": norm,
            "qkv": _dense(next(keys), WIDTH, 3 * WIDTH),
            "out": _dense(next(keys), WIDTH, WIDTH),
            "wide": _dense(next(keys), WIDTH, 4 * WIDTH),
            "narrow": _dense(next(keys), 4 * WIDTH, WIDTH),
        }
        for _ in range(DEPTH)
    ]
    parameters = {
        "symbols": jax.random.normal(next(keys), (SYMBOLS, WIDTH)),
        "positions": jax.random.normal(next(keys), (CONTEXT, WIDTH)) * 0.02,
        "blocks": blocks,
        "norm": norm,
        "head": _dense(next(keys), WIDTH, SYMBOLS),
    }

    def forward(p: Any, x: Any, key: Any) -> Any:
        x = _dropout(_key(key, 2 * DEPTH), p["symbols"][x] + p["positions"], 0.1)
        for i, b in enumerate(p["blocks"]):
            one, two = _key(key, 2 * i), _key(key, 2 * i + 1)
            q, k, v = jnp.split(_apply(b["qkv"], _normalize(b["norm1"], x)), 3, axis=-1)
            q, k, v = (h.reshape(*h.shape[:2], HEADS, -1) for h in (q, k, v))
            h = jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(x.shape)
            x = x + _dropout(one, _apply(b["out"], h), 0.1)
            h = jax.nn.gelu(_apply(b["wide"], _normalize(b["norm2"], x)), approximate=False)
            x = x + _dropout(two, _apply(b["narrow"], h), 0.1)
        return _apply(p["head"], _normalize(p["norm"], x))

    return parameters, forward


class Network:
    """``train(x, y)`` does a step of Adam and returns the loss, computed."""

    def __init__(self, parameters: Any, forward: Callable[..., Any]) -> None:
        def loss_of(p: Any, x: Any, y: Any, key: Any) -> Any:
            chosen = jnp.take_along_axis(jax.nn.log_softmax(forward(p, x, key)), y[..., None], -1)
            return -chosen.mean()

        def step(state: Any, x: Any, y: Any) -> Any:
            p, m, v, n = state
            loss, g = jax.value_and_grad(loss_of)(p, x, y, jax.random.fold_in(jax.random.key(1), n))
            n = n + 1
            m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
            v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
            rate = 1e-3 * jnp.sqrt(1.0 - 0.999**n) / (1.0 - 0.9**n)
            p = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-7), p, m, v)
            return (p, m, v, n), loss

        own, m, v = (jax.tree.map(f, parameters) for f in (jnp.array, jnp.zeros_like, jnp.zeros_like))
        self._state = (own, m, v, 0)  # buffers that a step may use again
        self._step = jax.jit(step, donate_argnums=0)
        self._outputs = jax.jit(lambda p, x: forward(p, x, None))
        self.parameters = sum(p.size for p in jax.tree.leaves(parameters))

    def train(self, x: Any, y: Any) -> Any:
        self._state, loss = self._step(self._state, x, y)
        return loss.block_until_ready()

    def infer(self, x: Any) -> Any:
        return self._outputs(self._state[0], x).block_until_ready()

    def batch(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        return arrays


def build(name: str) -> Network:
    if name == "gpt":
        return Network(*_gpt())
    return Network(*(_mlp((784, 512, 512, 10), 0.2) if name == "mlp" else _mlp((20, 64, 64, 2), 0.0)))
