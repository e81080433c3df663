"""Products of tensors over one axis of each."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

from .. import ops
from ..core.autograd import Tensor
from ..core.explain import is_index
from .base import Layer
from .options import LayerOptions, Unpack
from .symbolic import AnyTensor, Shape


class Dot(Layer):
    """Sum of products over one axis of each of two tensors, for every example of the batch.

    The result has the other axes of the first, then those of the second.

    Args:
        axes: the axis of both, or one for each, counted with the batch axis; negative ones from the end.
        normalize: whether both are divided by their length along it before, so that vectors give the cosine of their
            angle.

    Input shape: list of two shapes; with ``axes=(2, 1)`` (N, M, K) and (N, K, L).

    Output shape: (N, M, L); for vectors (N, 1).

    Raises:
        ValueError: ``axes`` is no integer or pair of integers, or out of range; the input is no list of two tensors;
            their batches or these axes differ in size.

    Source: Keras 3, Dot.

    Example:
        >>> layers.Dot(axes=1)([np.float32([[1, 2]]), np.float32([[3, 4]])])
        Tensor([[11.]], shape=(1, 1), dtype=float32)
    """

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        both: Any = axes if isinstance(axes, (list, tuple)) else (axes, axes)
        if len(both) != 2 or not all(map(is_index, both)):
            raise ValueError(f"{self._label()}: axes must be an integer or a pair of them, got {axes!r}")
        self.axes = int(both[0]) if is_index(axes) else tuple(map(int, both))
        self.normalize = normalize
        self._float_input, self._keeps_dtype = normalize, not normalize
        self._built = True

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        shapes = [x.shape for x in inputs] if isinstance(inputs, (list, tuple)) else []
        first, second = self._summed(shapes)
        x, y = inputs
        if self.normalize:
            x, y = ops.normalize(x, first), ops.normalize(y, second)
        letters = iter(string.ascii_lowercase)
        left = [next(letters) for _ in shapes[0]]
        right = [left[0], *(next(letters) for _ in shapes[1][1:])]
        right[second] = left[first]
        kept = [c for c in left if c != left[first]] + [c for c in right[1:] if c != left[first]]
        z = ops.einsum(f"{''.join(left)},{''.join(right)}->{''.join(kept)}", x, y)
        return ops.expand_dims(z, -1) if len(kept) == 1 else z

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        first, second = self._summed(input_shape)
        left, right = (list(shape) for shape in input_shape)
        del left[first], right[second]
        shape = (*left, *right[1:])
        return (*shape, 1) if len(shape) == 1 else shape

    def _summed(self, shapes: Sequence[Shape]) -> tuple[int, int]:
        """The axis of each input that is summed over."""
        if len(shapes) != 2 or not all(isinstance(s, (list, tuple)) for s in shapes):
            raise ValueError(f"expected a list of two tensors, got {len(shapes) or 'one tensor'}")
        axes = []
        for i, (shape, axis) in enumerate(zip(shapes, self._pair(), strict=True)):
            if len(shape) < 2 or not -len(shape) < axis < len(shape) or axis == 0:
                raise ValueError(
                    f"axes={self.axes} does not fit x[{i}], {tuple(shape)}: expected one of its axes behind the batch's"
                )
            axes.append(axis % len(shape))
        first, second = axes
        for name, m, n in (
            ("axes to sum over", shapes[0][first], shapes[1][second]),
            ("batches", shapes[0][0], shapes[1][0]),
        ):
            if m is not None and n is not None and m != n:
                x, y = (tuple(shape) for shape in shapes)
                raise ValueError(f"x[0] is {x}, x[1] {y}: the {name} differ in size, {m} and {n}")
        return first, second

    def _pair(self) -> Sequence[int]:
        return (self.axes, self.axes) if isinstance(self.axes, int) else self.axes

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        """There is none: the result has other axes.

        Args:
            inputs: the list of tensors.
            previous_mask: the list of their masks, which end here.
        """


def dot(inputs: Sequence[AnyTensor], axes: int | Sequence[int] = -1, **kwargs: Unpack[LayerOptions]) -> AnyTensor:
    """Sum of products over one axis of each of two symbolic tensors: ``Dot(axes, **kwargs)(inputs)``.

    Args:
        inputs: list of two tensors.
        axes: the axis of both, or one for each, counted with the batch axis; negative ones from the end.

    Raises:
        ValueError: ``axes`` do not fit the tensors.

    Source: Keras 3, dot.

    Example:
        >>> layers.dot([np.float32([[1, 2]]), np.float32([[3, 4]])], axes=1)
        Tensor([[11.]], shape=(1, 1), dtype=float32)
    """
    return Dot(axes, **kwargs)(inputs)


__all__ = ["Dot", "dot"]
