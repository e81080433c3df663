"""Third before a step: the model makes its weights, by a call on the first batch, and shows its outputs."""

from __future__ import annotations

from typing import Any

from ..core.autograd import wrap
from ..core.tree import map_structure
from ..layers.symbolic import trying


def outputs(model: Any, inputs: Any, size: int) -> Any:
    """What the model gives for the first ``size`` samples of these columns, in inference mode.

    They are a whole batch: models may be written for its size.
    """
    with trying():
        first = map_structure(lambda c: wrap(c.slice(0, size)), inputs)
        return model(first, training=False)
