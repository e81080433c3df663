"""Optimizers with Keras 3's names, arguments, defaults and update rules; one native call updates all parameters.

optimizer = Adam(1e-3)
optimizer.build(model.trainable_weights)
loss.backward(); optimizer.step(); optimizer.zero_grad()       # one's own loop
optimizer.apply(gradients, variables)                          # Keras's way
"""

from typing import TYPE_CHECKING, Any

from ..core.registry import add_by_module
from ..core.rooms import open_rooms, publish
from . import schedules as schedules
from .schedules import LearningRateSchedule as LearningRateSchedule

if TYPE_CHECKING:
    from .adaptive_gradients import *
    from .adaptive_moments import *
    from .base import *
    from .gradient_descent import *
    from .gradient_transformer import *
    from .lookup import *
    from .loss_scale import *
    from .multi_optimizer import *
    from .root_mean_square import *
    from .sign_momentum import *
    from .whole_weights import *

__all__ = ["LearningRateSchedule", "schedules"]


def _known(name: str, found: Any) -> Any:
    add_by_module([found])
    return found


add_by_module([*vars(schedules).values()])
publish(schedules.__name__)
open_rooms(__name__, made=_known)
