"""Metrics of verification, as Siamese networks do it: are two things the same?

y_true is 1 for pairs of the same thing and 0 for others, y_pred one score a pair.  All scores are kept, 24 bytes a
pair, until the state is reset, so that results are exact and the range of scores does not matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.suggest import unknown
from .base import Array, BuiltIn, weights_of
from .targets import divide, pair


class _Verification(BuiltIn, listed=False):
    """Scores of pairs, and how many of both kinds would be accepted at each of them."""

    def __init__(self, scores: str, name: str | None, dtype: Any) -> None:
        super().__init__(dtype, name)
        if scores not in ("similarity", "distance"):
            raise unknown("scores", scores, ("similarity", "distance"))
        self.scores = scores
        self.reset_state()

    def reset_state(self) -> None:
        self._kept: list[Array] = []  # (scores, weights of the same, weights of others), a batch each

    def gather(self, y_true: Array, y_pred: Array, sample_weight: Any) -> None:
        y_true, y_pred = pair(self.name, y_true, y_pred)
        weight = np.ones(()) if sample_weight is None else weights_of(self.name, sample_weight, y_pred.shape)
        weight = np.broadcast_to(weight, y_pred.shape).ravel()
        same = y_true.astype(bool).ravel()
        sign = 1.0 if self.scores == "similarity" else -1.0
        batch = np.stack([sign * y_pred.ravel(), weight * same, weight * ~same])
        self._kept.append(batch[:, ~np.isnan(batch[0])])

    def _accepted(self) -> tuple[Array, Array, Array]:
        """Scores from the best down, each once, and the weights of the same and of others accepted from there on.

        The first accepts nothing.
        """
        kept = self._kept = [np.concatenate(self._kept, axis=1)] if self._kept else [np.zeros((3, 0))]
        scores, same, other = kept[0][:, np.argsort(-kept[0][0], kind="stable")]
        ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], np.ones(min(len(scores), 1), bool)))
        start = np.zeros(1)
        return (
            np.append(np.inf, scores[ends]),
            np.append(start, same.cumsum()[ends]),
            np.append(start, other.cumsum()[ends]),
        )

    def result(self) -> float:
        if not self._kept:
            return 0.0
        _, same, other = self._accepted()
        return self._rate(same / same[-1], other / other[-1]) if same[-1] and other[-1] else float("nan")

    def _rate(self, same: Array, other: Array) -> float:
        """The result, from the parts of the same and of others that are accepted from each score on."""
        raise NotImplementedError

    def _as_given(self, score: float) -> float:
        return score if self.scores == "similarity" else -score


class BestThresholdAccuracy(_Verification, direction="up"):
    """How many pairs are judged rightly at the best threshold, which ``threshold`` gives.

    Args:
        scores: what y_pred is: "similarity", larger for the same, or "distance", smaller.

    Raises:
        ValueError: ``scores`` is unknown.

    Source: Huang, Ramesh, Berg and Learned-Miller 2007, "Labeled Faces in the Wild".

    Example:
        >>> m = metrics.BestThresholdAccuracy()
        >>> m.update_state([1, 1, 0, 0], [0.9, 0.6, 0.5, 0.1])
        >>> float(m.result())
        1.0
    """

    def __init__(self, scores: str = "similarity", name: str | None = None, dtype: Any = None) -> None:
        super().__init__(scores, name, dtype)

    def _best(self) -> tuple[float, float]:
        scores, same, other = self._accepted()
        right = same + other[-1] - other
        best = int(right.argmax())
        return self._as_given(float(scores[best])), float(divide(right[best], same[-1] + other[-1]))

    @property
    def threshold(self) -> float:
        """The best threshold: similarities from it on, distances up to it, are the same."""
        return self._best()[0]

    def result(self) -> float:
        return self._best()[1]


class EqualErrorRate(_Verification, direction="down"):
    """The rate at which others are accepted where it equals that at which the same are rejected.

    Between two scores both are taken as linear.  NaN while there are pairs of one kind alone, 0 before the first.

    Args:
        scores: what y_pred is: "similarity", larger for the same, or "distance", smaller.

    Raises:
        ValueError: ``scores`` is unknown.

    Source: Martin, Doddington, Kamm, Ordowski and Przybocki 1997, "The DET Curve in Assessment of Detection Task
        Performance".

    Example:
        >>> m = metrics.EqualErrorRate()
        >>> m.update_state([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1])
        >>> float(m.result())
        0.5
    """

    def __init__(self, scores: str = "similarity", name: str | None = None, dtype: Any = None) -> None:
        super().__init__(scores, name, dtype)

    def _rate(self, same: Array, other: Array) -> float:
        rejected = 1 - same
        i = int(np.argmax(other >= rejected))  # not the first, which rejects all
        before, behind = rejected[i - 1] - other[i - 1], other[i] - rejected[i]
        return float(other[i - 1] + before / (before + behind) * (other[i] - other[i - 1]))


class TARAtFAR(_Verification, direction="up"):
    """True accept rate at a false accept rate: how many of the same are accepted at the loosest threshold where at most
    a part ``far`` of the others is.

    NaN while there are pairs of one kind alone, 0 before the first.

    Args:
        far: the largest rate at which others may be accepted, in [0, 1].
        scores: what y_pred is: "similarity", larger for the same, or "distance", smaller.

    Raises:
        ValueError: ``scores`` is unknown, or ``far`` out of its range.

    Source: Klare et al. 2015, "Pushing the Frontiers of Unconstrained Face Detection and Recognition: IARPA Janus
        Benchmark A".

    Example:
        >>> m = metrics.TARAtFAR(far=0.5)
        >>> m.update_state([1, 1, 0, 0], [0.9, 0.6, 0.5, 0.1])
        >>> float(m.result())
        1.0
    """

    def __init__(
        self, far: float = 1e-3, scores: str = "similarity", name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(scores, name, dtype)
        if not 0 <= far <= 1:
            raise ValueError(f"TARAtFAR: far must be in [0, 1], got {far}")
        self.far = far

    def _rate(self, same: Array, other: Array) -> float:
        return float(same[other <= self.far].max())


__all__ = ["BestThresholdAccuracy", "EqualErrorRate", "TARAtFAR"]
