"""Metrics of margins: the losses of these names as arrays, and their means."""

from __future__ import annotations

from ..losses.hinge import categorical_hinge as categorical_hinge_loss
from ..losses.hinge import hinge as hinge_loss
from ..losses.hinge import squared_hinge as squared_hinge_loss
from .function_metric import DeclaredMetric, without_tape

hinge = without_tape(hinge_loss, __name__)


class Hinge(DeclaredMetric, function=hinge, direction="down"):
    """Mean of ``max(1 - y_true y_pred, 0)``, labels -1 and 1 (or 0 and 1).

    Example:
        >>> m = metrics.Hinge()
        >>> m.update_state([[1.0, -1.0]], [[0.5, -2.0]])
        >>> float(m.result())
        0.25
    """


squared_hinge = without_tape(squared_hinge_loss, __name__)


class SquaredHinge(DeclaredMetric, function=squared_hinge, direction="down"):
    """Mean of ``max(1 - y_true y_pred, 0)^2``, labels -1 and 1 (or 0 and 1).

    Example:
        >>> m = metrics.SquaredHinge()
        >>> m.update_state([[1.0, -1.0]], [[0.5, -2.0]])
        >>> float(m.result())
        0.125
    """


categorical_hinge = without_tape(categorical_hinge_loss, __name__)


class CategoricalHinge(DeclaredMetric, function=categorical_hinge, direction="down"):
    """Mean of ``max(1 + best wrong score - right score, 0)``, one-hot labels.

    Example:
        >>> m = metrics.CategoricalHinge()
        >>> m.update_state([[0.0, 1.0]], [[0.4, 0.6]])
        >>> round(float(m.result()), 3)
        0.8
    """


__all__ = ["CategoricalHinge", "Hinge", "SquaredHinge", "categorical_hinge", "hinge", "squared_hinge"]
