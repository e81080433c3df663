"""Dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..autograd import Tensor
from ..random import Generator
from .base import Layer
from .options import fraction
from .symbolic import Shape


class Dropout(Layer):
    """In training, sets a fraction ``rate`` of the input to zero and scales the rest by 1 / (1 - rate).

    noise_shape: broadcast to the input's, axes of size 1 drop together (``(None, 1, features)`` drops whole features;
    None takes the input's size).  seed: an integer makes the stream of masks repeatable.
    """

    supports_masking = True
    _float_input = True

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rate = fraction(self, "rate", rate)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = seed
        self.seed_generator = seed if isinstance(seed, Generator) else Generator(seed)
        self._built = True

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        if not training or self.rate == 0.0:
            return inputs
        if self.noise_shape is None:
            return ops.dropout(inputs, self.rate, self.seed_generator)
        if len(self.noise_shape) != inputs.ndim:
            raise ValueError(f"noise_shape {self.noise_shape} must have as many axes as x, {inputs.shape}")
        shape = tuple(m if n is None else n for n, m in zip(self.noise_shape, inputs.shape, strict=True))
        noise = ops.dropout(ops.ones(shape, dtype=inputs.dtype), self.rate, self.seed_generator)
        return ops.multiply(inputs, noise)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return self._config("rate", "noise_shape", "seed")
