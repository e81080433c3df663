"""What attention layers keep of the steps before, so that a model goes on one step at a time."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .. import _native
from ..core.autograd import Array, Tensor
from ..core.recording import forbid_capture
from ..ops.decoding import KEY_BLOCK, cached_attention, next_positions
from .call import context
from .variable import aligned


class KeyValueCache:
    """Keys and values of the steps that a model has seen, for decoding step by step.

    Inside of ``with cache:`` a call of a model (or of a single layer) takes the steps that follow those kept: causal
    self-attention of ``MultiHeadAttention`` attends to these, too, and keeps the new keys and values in place;
    ``PositionEmbedding`` and ``SinePositionEncoding`` count on.  The block is one call of the model; at its end the new
    steps belong to those kept.  If it fails, they do not.  There are no gradients, so ``lamina.no_grad()`` belongs
    around it; a captured step with such a block is replayed in one native call.

    Args:
        capacity: how many steps are kept at most.

    Raises:
        TypeError: ``capacity`` is no integer.
        ValueError: it is not positive.  In a block: the cache is full, or was used with another batch size; attention
            has no ``use_causal_mask`` or is given masks.

    Source: Lamina; Pope et al. 2022, "Efficiently Scaling Transformer Inference".

    Example:
        >>> attention = layers.MultiHeadAttention(2, 4)
        >>> x = np.random.default_rng(0).normal(size=(1, 3, 8)).astype("float32")
        >>> whole = attention(x, x, use_causal_mask=True)
        >>> cache = layers.KeyValueCache(10)
        >>> with lamina.no_grad():
        ...     for t in range(3):
        ...         with cache:
        ...             y = attention(x[:, t : t + 1], x[:, t : t + 1], use_causal_mask=True)
        >>> cache.length, np.allclose(y, whole[:, 2:], atol=1e-6)
        (3, True)
    """

    def __init__(self, capacity: int) -> None:
        try:
            self._capacity = operator.index(capacity)
        except TypeError:
            raise TypeError(f"KeyValueCache: capacity must be an integer, got {capacity!r}") from None
        if self._capacity < 1:
            raise ValueError(f"KeyValueCache: capacity must be positive, got {capacity}")
        self._length = np.zeros(1, np.int64)
        # By layer and how often it was called before in the block: layer (which keeps its id), keys, values.
        self._entries: dict[tuple[int, int], tuple[Any, Array, Array]] = {}
        self._calls: dict[int, int] = {}
        self._steps: int | None = None
        self._known = len(self._entries)  # how many entries there were when the block began
        self._outer: list[KeyValueCache | None] = []

    def __getstate__(self) -> dict[str, Any]:
        """For deep copies and pickle: what is kept stands under the layers themselves, not their identities."""
        entries = [(layer, call, keys, values) for (_, call), (layer, keys, values) in self._entries.items()]
        return {"_capacity": self._capacity, "_length": self._length, "_entries": entries}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_capacity"])  # type: ignore[misc]
        self._length[:] = state["_length"]
        for layer, call, *arrays in state["_entries"]:
            keys, values = (aligned(a, a.dtype) for a in arrays)
            self._entries[id(layer), call] = layer, keys, values

    @property
    def capacity(self) -> int:
        """How many steps are kept at most."""
        return self._capacity

    @property
    def length(self) -> int:
        """How many steps are kept."""
        forbid_capture("the length of a KeyValueCache was read in Python")
        return int(self._length[0])

    @property
    def nbytes(self) -> int:
        """Bytes of the keys and values of all layers that used the cache."""
        return sum(keys.nbytes + values.nbytes for _, keys, values in self._entries.values())

    def reset(self) -> None:
        """Forget all steps; the memory stays, and so do captured steps that use it."""
        forbid_capture("a KeyValueCache was reset in the step")
        self._length[0] = 0

    def __enter__(self) -> KeyValueCache:
        if self._outer:
            raise ValueError("KeyValueCache: its block is one call of the model, and cannot stand inside of itself")
        self._outer.append(context.cache)
        context.cache = self
        self._calls, self._steps, self._known = {}, None, len(self._entries)
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        context.cache = self._outer.pop()
        if kind is not None:
            for key in list(self._entries)[self._known :]:
                del self._entries[key]
        elif self._steps is not None:
            _native.advance_cache(self._length, self._steps, self._capacity)

    def positions(self, steps: int) -> Tensor:
        """The positions of the block's steps, (steps,) int64.

        Args:
            steps: how many the block has.

        Raises:
            ValueError: the cache cannot keep so many more; the block has another number of steps.
        """
        self._note_steps(steps)
        return next_positions(self._length, steps, self._capacity)

    def attend(
        self,
        layer: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        scale: float,
        window: int | None = None,
        slopes: Tensor | None = None,
        soft_cap: float | None = None,
    ) -> Tensor:
        """Causal attention of the block's steps to those kept and to each other.

        Args:
            layer: the layer whose keys and values these are.
            query: (N, T, heads, size).
            key: (N, T, key heads, size).
            value: (N, T, key heads, value size).
            scale: factor of the scores.
            window: how many steps up to its own each sees; None is no limit.
            slopes: (heads,) of ALiBi, or None.
            soft_cap: limit of the scores' size; None is none.

        Returns: (N, T, heads, value size).

        Raises:
            ValueError: the cache is full, or was used with another batch size; the block has another number of steps.
        """
        n, steps, heads, size = key.shape
        self._note_steps(steps)
        if self._batch not in (None, n):
            raise ValueError(
                f"the key-value cache holds sequences of batch size {self._batch}, got {n}; make another KeyValueCache "
                "for another batch"
            )
        number = self._calls.get(id(layer), 0)
        self._calls[id(layer)] = number + 1
        entry = self._entries.get((id(layer), number))
        if entry is None:
            blocks = -(-self._capacity // KEY_BLOCK)
            keys = np.zeros((n, heads, blocks, size, KEY_BLOCK), key.dtype)
            values = np.zeros((n, heads, self._capacity, value.shape[3]), key.dtype)
            entry = layer, aligned(keys, keys.dtype), aligned(values, values.dtype)
            self._entries[id(layer), number] = entry
        shaping = (None if slopes is None else slopes._array, soft_cap or 0.0)
        return cached_attention(query, key, value, entry[1], entry[2], self._length, True, scale, window or 0, *shaping)

    @property
    def _batch(self) -> int | None:
        return next((len(keys) for _, keys, _ in self._entries.values()), None)

    def _note_steps(self, steps: int) -> None:
        if self._steps is None:
            self._steps = steps
        if steps != self._steps:
            raise ValueError(
                f"the key-value cache is in a block of {self._steps} steps, got {steps}; use one block for each call "
                "of the model"
            )

    def __repr__(self) -> str:
        return f"<KeyValueCache capacity={self._capacity}, batch={self._batch}>"


__all__ = ["KeyValueCache"]
