"""Dropout."""

from __future__ import annotations

from .. import _native
from ..core.autograd import Array, Gradients, Tensor
from ..core.autograd import unchecked_record as record
from ..core.generator import Generator
from ..core.replica import first_sample
from .conversion import TensorLike, float_tensor

__all__ = ["dropout"]


def dropout(x: TensorLike, rate: float, generator: Generator) -> Tensor:
    """x with a random fraction of its elements set to zero and the rest divided by ``1 - rate``.

    The mask is a function of ``generator.state`` (key and counter, which this call advances) and each element's place:
    it depends on no thread count and is drawn again in backward instead of being stored.  Of a shard of a larger batch
    places are those in the whole batch.

    Args:
        rate: the fraction, from 0 to below 1.
        generator: a lamina.random.Generator.

    Raises:
        ValueError: ``rate`` is out of range.

    Source: Lamina; Srivastava et al. 2014, "Dropout".

    Example:
        >>> y = ops.dropout(np.ones(1000, "float32"), 0.5, random.Generator(1))
        >>> sorted(set(y.numpy().tolist()))
        [0.0, 2.0]
    """
    x = float_tensor(x)
    y, used = _native.dropout_forward(x._array, rate, generator.state, *first_sample(x.size))

    def backward(dy: Array, grads: Gradients) -> None:
        _native.dropout_backward(used, dy, rate, grads[0], grads.accumulate)

    return record(y, (x,), backward)
