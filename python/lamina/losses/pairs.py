"""Losses of pairs: how far things of one kind are from each other, and from those of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import ops
from ..core.autograd import Tensor
from ..core.explain import named
from ..ops.conversion import as_tensor
from .function_loss import DeclaredLoss
from .targets import match


@named("contrastive")
def contrastive(y_true: Any, y_pred: Any, margin: float = 1.0) -> Tensor:
    """``mean(t d^2 + (1 - t) max(margin - d, 0)^2)`` over the last axis.

    Args:
        y_true: t, 1 for pairs of the same kind and 0 for others, (batch, 1).
        y_pred: d, the distances of the pairs, not negative, (batch, 1).

    Source: Hadsell, Chopra and LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping", section 2.1.

    Example:
        >>> losses.contrastive([1.0, 0.0], [0.2, 0.4])
        Tensor(0.2, shape=(), dtype=float32)
    """
    y_true, y_pred = match("contrastive", y_true, y_pred)
    apart = ops.square(ops.maximum(ops.subtract(margin, y_pred), 0.0))
    same = ops.multiply(y_true, ops.subtract(ops.square(y_pred), apart))
    return ops.mean(ops.add(same, apart), axis=-1)


class Contrastive(DeclaredLoss, function=contrastive):
    """Loss of Siamese pairs: ``d^2`` for a pair of one kind (y_true 1), ``max(margin - d, 0)^2`` for others (y_true 0).

    Source: Hadsell, Chopra and LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping", section 2.1.

    Example:
        >>> losses.Contrastive(margin=1.0)([1.0, 0.0], [0.2, 0.4])  # alike, different
        Tensor(0.2, shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            margin: float = 1.0,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "contrastive",
            dtype: Any = None,
        ) -> None: ...


@named("cosine_embedding")
def cosine_embedding(y_true: Any, y_pred: Any, margin: float = 0.0) -> Tensor:
    """``1 - cos(a, b)`` of pairs of one kind, ``max(cos(a, b) - margin, 0)`` of others.

    Args:
        y_true: 1 for pairs of the same kind and -1 (or 0) for others, (batch,) or (batch, 1).
        y_pred: the two embeddings a and b of each pair, (batch, 2, features).
        margin: the cosine below which pairs of different kinds have no loss.

    Returns: losses (batch,).

    Source: PyTorch, torch.nn.functional.cosine_embedding_loss.

    Example:
        >>> a, b = np.float32([[1, 0], [0, 1]]), np.float32([[1, 0], [1, 0]])
        >>> losses.cosine_embedding([1.0, -1.0], [a, b])
        Tensor([1., 1.], shape=(2,), dtype=float32)
    """
    y_pred, signs = as_tensor(y_pred), as_tensor(y_true)
    n = len(y_pred) if y_pred.ndim else 0
    if y_pred.ndim != 3 or y_pred.shape[1] != 2 or signs.shape not in ((n,), (n, 1)):
        raise ValueError(
            f"cosine_embedding: y_true is {signs.shape}, y_pred {y_pred.shape}, expected (batch,) and (batch, "
            "2, features)"
        )
    a, b = y_pred[:, 0], y_pred[:, 1]
    squares = (ops.add(ops.sum(ops.square(v), axis=-1), 1e-12) for v in (a, b))
    cosine = ops.divide(ops.sum(ops.multiply(a, b), axis=-1), ops.sqrt(ops.multiply(*squares)))
    apart = ops.maximum(ops.subtract(cosine, margin), 0.0)
    return ops.where(ops.greater(ops.reshape(signs, (n,)), 0), ops.subtract(1.0, cosine), apart)


class CosineEmbedding(DeclaredLoss, function=cosine_embedding):
    """Loss of pairs of embeddings, (batch, 2, features): ``1 - cos`` for pairs of one kind (y_true 1), what the cosine
    is above ``margin`` for others (y_true -1 or 0).

    Args:
        margin: the cosine below which pairs of different kinds have no loss.

    Source: PyTorch, torch.nn.CosineEmbeddingLoss.

    Example:
        >>> a, b = np.float32([[1, 0], [0, 1]]), np.float32([[1, 0], [1, 0]])
        >>> losses.CosineEmbedding()([1.0, -1.0], [a, b])
        Tensor(1., shape=(), dtype=float32)
    """

    if TYPE_CHECKING:

        def __init__(
            self,
            margin: float = 0.0,
            reduction: str | None = "sum_over_batch_size",
            name: str | None = "cosine_embedding",
            dtype: Any = None,
        ) -> None: ...


__all__ = ["Contrastive", "CosineEmbedding", "contrastive", "cosine_embedding"]
