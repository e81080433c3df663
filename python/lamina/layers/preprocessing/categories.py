"""Numbers as categories: CategoryEncoding, Discretization."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ... import ops
from ...core.arrays import to_numbers
from ...core.autograd import Array, Tensor
from ...core.recording import forbid_capture, note_change
from ...ops.conversion import as_tensor
from .. import arguments
from ..options import LayerOptions, UnnamedUntypedOptions, Unpack
from .category_layer import CategoryLayer, places


class CategoryEncoding(CategoryLayer):
    """Integers from 0 to ``num_tokens - 1`` as rows of ``num_tokens`` numbers; others count nowhere.

    Args:
        num_tokens: how many categories there are, a positive integer.
        output_mode: "multi_hot", 1 for each category that a row of the input holds; "count", how often it does;
            "one_hot", a row for each number of the input, and for the only one of a last axis of size 1.

    Call args:
        count_weights: with "count", what each number of the input counts; None means 1.

    Input shape: integers (..., n), or a single one.

    Output shape: (..., num_tokens); with "one_hot" (..., n, num_tokens), but for n = 1.

    Raises:
        ValueError: ``num_tokens`` is not positive; the mode is unknown; ``count_weights`` come without "count".

    Source: Keras 3, CategoryEncoding.

    Example:
        >>> layers.CategoryEncoding(num_tokens=4)([[0, 1], [3, 3]])
        Tensor([[1., 1., 0., 0.],
                [0., 0., 0., 1.]], shape=(2, 4), dtype=float32)
    """

    _modes = ("one_hot", "multi_hot", "count")

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if num_tokens is None:
            raise ValueError(f"{self._label()}: num_tokens is missing; IntegerLookup takes categories as they come")
        self.num_tokens = arguments.positive(self, "num_tokens", num_tokens)
        self._set_mode(output_mode, sparse, self._dtype)

    def call(self, inputs: Tensor, count_weights: Any = None) -> Tensor:
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(f"count_weights are for output_mode='count', not {self.output_mode!r}")
        return self._encoded(ops.cast(inputs, np.int64), count_weights)

    @property
    def _depth(self) -> int:
        return self.num_tokens


class Discretization(CategoryLayer):
    """Numbers as the index of the interval that they lie in.

    Args:
        bin_boundaries: where the intervals end, in order: index i means from boundary i - 1 to below boundary i.
        num_bins: how many intervals ``adapt`` makes, with about as many numbers in each; in place of
            ``bin_boundaries``.
        epsilon: how exact ``adapt`` is, as part of all numbers.
        output_mode: "int", the index; "one_hot", "multi_hot" or "count" as in CategoryEncoding.

    Input shape: any.

    Output shape: the input's, int32; in other modes that of CategoryEncoding.

    Raises:
        ValueError: not one of ``bin_boundaries`` and ``num_bins`` is given; the boundaries are not in order; an option
            is unknown; it is called before ``adapt``.

    Source: Keras 3, Discretization.

    Example:
        >>> layers.Discretization(bin_boundaries=[0.0, 1.0, 2.0])([-0.5, 0.5, 5.0])
        Tensor([0, 1, 3], shape=(3,), dtype=int32)
    """

    _float_input = True

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
        **kwargs: Unpack[UnnamedUntypedOptions],
    ) -> None:
        working = None if output_mode == "int" and dtype is not None and np.dtype(dtype).kind in "iu" else dtype
        super().__init__(dtype=working, name=name, **kwargs)
        if (bin_boundaries is None) == (num_bins is None):
            raise ValueError(
                f"{self._label()}: give either bin_boundaries or num_bins, got {bin_boundaries!r} and {num_bins!r}"
            )
        self.num_bins = None if num_bins is None else arguments.positive(self, "num_bins", num_bins)
        if isinstance(epsilon, bool) or not isinstance(epsilon, (int, float)) or not 0 < epsilon <= 1:
            raise ValueError(f"{self._label()}: epsilon must be a number above 0 and at most 1, got {epsilon!r}")
        self.epsilon = epsilon
        self._set_boundaries(bin_boundaries)
        self._set_mode(output_mode, sparse, None if output_mode == "int" else self._dtype, "int32")
        self._summary = np.zeros((2, 0))

    def _set_boundaries(self, boundaries: Any) -> None:
        if boundaries is not None:
            row = to_numbers(f"{self._label()}: bin_boundaries", boundaries)
            if row.ndim != 1 or np.any(np.diff(row) < 0) or np.isnan(row).any():
                raise ValueError(f"{self._label()}: bin_boundaries must be numbers in order, got {boundaries!r}")
            boundaries = row.astype(np.float64).tolist()
        self.bin_boundaries = boundaries

    @property
    def _adapts(self) -> bool:
        """Whether it takes its boundaries from data."""
        return self.num_bins is not None

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Take boundaries between about equally many numbers of data.

        Args:
            data: an array or a tensor; or an iterable of batches.
            steps: how many batches are taken; None takes all.

        Raises:
            ValueError: the layer was given ``bin_boundaries``, or there are no numbers.
            TypeError: ``data`` holds no numbers.
        """
        forbid_capture("Discretization.adapt() was called in the step")
        if not self._adapts:
            raise ValueError(f"{self._label()}: adapt needs num_bins; the boundaries were given as bin_boundaries")
        self.reset_state()
        single = isinstance(data, (np.ndarray, Tensor)) or not isinstance(data, Iterable)
        for batch in [data] if single else islice(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Add a batch to what ``finalize_state`` makes boundaries of.

        Args:
            data: numbers.
        """
        numbers = np.sort(to_numbers(f"{self._label()}: adapt", data).astype(np.float64).ravel())
        step = max(numbers.size * self.epsilon, 1)
        chosen = numbers[int(step - 1) :: int(step)]
        merged = np.concatenate([np.stack([chosen, np.full(chosen.shape, step)]), self._summary], axis=1)
        self._summary = _compressed(merged[:, np.argsort(merged[0], kind="stable")], self.epsilon)

    def finalize_state(self) -> None:
        """Make boundaries of what ``update_state`` has seen.

        Raises:
            ValueError: it has seen nothing.
        """
        if self.num_bins is None:
            return
        if not self._summary.size:
            raise ValueError(f"{self._label()}: adapt got no numbers")
        self.bin_boundaries = _compressed(self._summary, 1.0 / self.num_bins)[0, :-1].astype(np.float32).tolist()
        note_change(self, "bin_boundaries")

    def reset_state(self) -> None:
        """Forget what ``update_state`` has seen."""
        self._summary = np.zeros((2, 0))

    def call(self, inputs: Tensor) -> Tensor:
        if self.bin_boundaries is None:
            raise ValueError("there are no boundaries yet: call adapt(data), or give bin_boundaries")
        row = np.asarray(self.bin_boundaries, self._dtype)
        return self._encoded(places(row, as_tensor(inputs, self._dtype), right=True))

    @property
    def _depth(self) -> int | None:
        return self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self._trainable:
            del config["trainable"]  # which Keras's layer does not take
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer that a configuration describes; boundaries that were adapted are its, too.

        Args:
            config: what ``get_config`` returned.

        Raises:
            ValueError: the configuration holds an argument that is unknown.
        """
        both = config.get("bin_boundaries") is not None and config.get("num_bins") is not None
        layer = super().from_config({**config, "bin_boundaries": None} if both else config)
        if both:
            layer._set_boundaries(config["bin_boundaries"])
        return layer


def _compressed(summary: Array, epsilon: float) -> Array:
    """A summary (values in order; how many numbers each stands for) with about 1 / epsilon values."""
    if summary.shape[1] * epsilon < 1:
        return summary
    parts = epsilon + np.arange(0.0, 1.0, epsilon)
    counts = summary[1].cumsum()
    share = counts / counts[-1]
    values, counts = np.interp(parts, share, summary[0]), np.interp(parts, share, counts)
    return np.stack([values, np.diff(counts, prepend=0.0)])


__all__ = ["CategoryEncoding", "Discretization"]
