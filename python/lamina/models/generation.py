"""Sequences that a model writes, one symbol after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.arrays import to_numbers
from ..core.autograd import Array, Tensor
from ..core.capture import capture
from ..core.explain import named
from ..core.generator import Seed, numpy_from
from ..core.grad_mode import no_grad
from ..layers import KeyValueCache, Layer, PositionEmbedding
from ..layers.weights import children


@named("generate")
def generate(
    model: Any,
    prompt: Any,
    max_new_tokens: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    stop_token_ids: int | Sequence[int] | None = None,
    context: int | None = None,
    use_cache: bool = True,
    seed: Seed = None,
) -> Array:
    """The prompt, and what a model of sequences writes behind it.

    The model takes indices (N, T) and gives for each step the logits of the next symbol, (N, T, symbols), from this
    step and those before alone.  With ``use_cache`` each step costs one symbol's work, and is replayed in one native
    call; what the model computes so is compared once with what it computes without.

    Args:
        model: a model, or a function of tensors such as ``lambda x: model(x)``.
        prompt: integers (T,) or (N, T), at least one; all sequences of a batch are of one length.
        max_new_tokens: how many symbols are written.
        temperature: what the logits are divided by: above 1 more surprising, below 1 less; 0 takes the most likely
            symbol each time (greedy).
        top_k: only so many most likely symbols are drawn; None draws from all.
        top_p: only the most likely symbols that together have this probability are drawn, from above 0 to 1; None draws
            from all.
        stop_token_ids: a sequence ends with one of these symbols; it is filled up with the one that ended it, and
            nothing is written once all have ended.
        context: how many symbols the model sees at most.  Once there are more, it goes on from the last half of them.
            None takes what the model's position tables allow, else all.
        use_cache: whether keys and values are kept (KeyValueCache); else everything is computed again for each symbol,
            and the model may also hold recurrent layers, or take sequences of one length only, filled up at the end.
        seed: where draws come from: None is the process's own (lamina.random.seed), an integer gives the same each
            time, or a lamina.random.Generator.

    Returns: an integer array (T + new,) or (N, T + new).

    Raises:
        TypeError: the prompt holds no integers.
        ValueError: an option is out of range; the model does not give (N, T, symbols), or NaN, or another result with
            the cache than without.

    Source: Lamina; Fan et al. 2018, "Hierarchical Neural Story Generation" (top-k); Holtzman et al. 2020, "The Curious
        Case of Neural Text Degeneration" (top-p).

    Example:
        >>> x = lamina.Input((None,), dtype="int64")
        >>> h = layers.Embedding(5, 8)(x)
        >>> h = layers.MultiHeadAttention(2, 4)(h, h, use_causal_mask=True)
        >>> model = lamina.Model(x, layers.Dense(5)(h))
        >>> lamina.models.generate(model, [1, 2], 6, temperature=0).shape
        (8,)
    """
    ids = _as_prompt(prompt)
    single = ids.ndim == 1
    ids = np.atleast_2d(ids)
    _check(max_new_tokens, temperature, top_k, top_p, context)
    random = None if temperature == 0 else numpy_from(seed)
    stops = None if stop_token_ids is None else np.atleast_1d(np.asarray(stop_token_ids))
    total = ids.shape[1] + max_new_tokens
    if context is None:
        context = min([total, *_position_tables(model)])
    logits_of = (_WithCache if use_cache else _Whole)(model, min(context, total))
    ended = np.zeros(len(ids), bool)
    written = np.concatenate([ids, np.zeros((len(ids), max_new_tokens), np.int64)], axis=1)
    for n in range(ids.shape[1], total):
        logits = logits_of(written, n)
        new = draw_tokens(logits, temperature, top_k, top_p, random)
        if stops is not None:
            new = np.where(ended, written[:, n - 1], new)
            ended |= np.isin(new, stops)
        written[:, n] = new
        if stops is not None and ended.all():
            written = written[:, : n + 1]
            break
    return written[0] if single else written


def draw_tokens(
    logits: Any,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: np.random.Generator | None = None,
) -> Array:
    """One symbol for each row of logits, as ``generate`` draws them.

    Args:
        logits: (N, symbols).
        temperature: what the logits are divided by; 0 takes the largest.
        top_k: only so many largest logits count; None takes all.
        top_p: only the largest that together have this probability count; None takes all.
        generator: NumPy's generator; None with temperature 0.

    Returns: int64 (N,).

    Raises:
        ValueError: a logit is NaN.
    """
    z = np.asarray(logits, np.float64)
    if np.isnan(z).any():
        raise ValueError(f"generate: the model gives NaN for sequence {int(np.argwhere(np.isnan(z))[0, 0])}")
    if temperature == 0 or generator is None:
        return z.argmax(axis=1)
    z = z / temperature
    if top_k is not None:
        kept = min(top_k, z.shape[1])
        least = np.partition(z, -kept, axis=1)[:, -kept, None]
        z = np.where(z < least, -np.inf, z)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    if top_p is not None and top_p < 1:
        order = np.argsort(-p, axis=1, kind="stable")
        falling = np.take_along_axis(p, order, 1)
        before = falling.cumsum(axis=1) - falling
        np.put_along_axis(p, order, np.where(before < top_p * falling.sum(axis=1, keepdims=True), falling, 0.0), 1)
    sums = p.cumsum(axis=1)
    place = generator.random((len(p), 1)) * sums[:, -1:]  # below the last sum, so some p is above 0 behind it
    return np.asarray((sums <= place).sum(axis=1))


class _Logits:
    """The logits behind written[:, :n]; the model sees the last ``context`` symbols at most."""

    def __init__(self, model: Callable[..., Any], context: int) -> None:
        self.model, self.context = model, context
        self.first = 0
        self.takes_training = isinstance(model, Layer)

    def window(self, n: int) -> bool:
        """Move the beginning of what is seen; whether it moved."""
        if n - self.first <= self.context:
            return False
        self.first = n - max(1, self.context // 2)
        return True

    def run(self, tokens: Any) -> Tensor:
        with no_grad():
            y = self.model(tokens, training=False) if self.takes_training else self.model(tokens)
        shape: Any = getattr(y, "shape", ())
        if not isinstance(y, Tensor) or len(shape) != 3 or shape[:2] != tokens.shape:
            raise ValueError(
                f"generate: the model gives {type(y).__name__} of shape {shape} for indices {tuple(tokens.shape)}, "
                "expected logits (N, T, symbols), one row for each step"
            )
        return y


class _Whole(_Logits):
    """Everything anew for each symbol."""

    def __init__(self, model: Callable[..., Any], context: int) -> None:
        super().__init__(model, context)
        self.fixed = _fixed_steps(model)
        if self.fixed is not None:
            self.context = min(self.context, self.fixed)
            self.captured = capture(self.run, name="generate")

    def __call__(self, written: Array, n: int) -> Array:
        self.window(n)
        seen = written[:, self.first : n]
        if self.fixed is None:
            return self.run(_tensor(seen)).numpy()[:, -1]
        padded = np.zeros((len(seen), self.fixed), np.int64)
        padded[:, : seen.shape[1]] = seen
        return np.asarray(self.captured(padded).numpy()[:, seen.shape[1] - 1])


class _WithCache(_Logits):
    """One symbol each time, behind what a cache keeps."""

    def __init__(self, model: Callable[..., Any], context: int) -> None:
        super().__init__(model, context)
        fixed = _fixed_steps(model)
        if fixed is not None:
            raise ValueError(
                f"generate: the model takes exactly {fixed} steps, but with a cache it is called with one; draw it "
                "with Input((None,)), or give use_cache=False"
            )
        self.cache = KeyValueCache(context)
        self.captured = capture(self.step, name="generate")
        self.begun = self.checked = False

    def step(self, tokens: Tensor) -> Tensor:
        with no_grad(), self.cache:
            return self.run(tokens)[:, -1]

    def __call__(self, written: Array, n: int) -> Array:
        if self.window(n) or not self.begun:
            self.cache.reset()
            self.begun = True
            return self.step(_tensor(written[:, self.first : n])).numpy()
        logits = np.asarray(self.captured(written[:, n - 1 : n]))
        if not self.checked:
            self.checked = True
            self.compare(logits, written[:, self.first : n])
        return logits

    def compare(self, logits: Array, seen: Array) -> None:
        whole = self.run(_tensor(seen)).numpy()[:, -1]
        if not np.abs(logits - whole).max(initial=0) <= 1e-3 * np.abs(whole).max(initial=0):
            if np.isnan(whole).any():
                return  # which draw_tokens names
            raise ValueError(
                "generate: with the cache the model gives other logits than without: a layer besides causal attention "
                "looks at several steps (a recurrent layer, a convolution, pooling, a normalization over time ...); "
                "give use_cache=False"
            )


def _tensor(tokens: Array) -> Tensor:
    return Tensor(np.ascontiguousarray(tokens))


def _fixed_steps(model: Any) -> int | None:
    """The number of steps that a functional model was drawn for."""
    sources = getattr(model, "inputs", None)
    if not isinstance(model, Layer) or not sources:
        return None
    shape = sources[0].shape
    return shape[1] if len(shape) > 1 else None


def _position_tables(model: Any) -> list[int]:
    """How many positions each of a model's tables has."""
    if isinstance(model, PositionEmbedding):
        return [model.sequence_length]
    return [n for _, layer in children(model) for n in _position_tables(layer)] if isinstance(model, Layer) else []


def _as_prompt(prompt: Any) -> Array:
    ids = to_numbers("generate: prompt", prompt)
    if ids.dtype.kind not in "iu":
        raise TypeError(f"generate: prompt holds {ids.dtype}, expected integers, the indices of symbols")
    if ids.ndim not in (1, 2) or 0 in ids.shape:
        raise ValueError(f"generate: prompt is {ids.shape}, expected (T,) or (N, T) with at least one symbol")
    return ids.astype(np.int64)


def _check(max_new_tokens: Any, temperature: Any, top_k: Any, top_p: Any, context: Any) -> None:
    """Errors for options out of range."""
    for name, value, least in (("max_new_tokens", max_new_tokens, 0), ("top_k", top_k, 1), ("context", context, 1)):
        if value is None and name != "max_new_tokens":
            continue
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise TypeError(f"generate: {name} must be an integer, got {value!r}")
        if value < least:
            raise ValueError(f"generate: {name} must be at least {least}, got {value}")
    if not 0 <= temperature < np.inf:
        raise ValueError(f"generate: temperature must be 0 (greedy) or positive and finite, got {temperature}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"generate: top_p must be above 0 and at most 1, got {top_p}")


__all__ = ["generate"]
