"""Optimizers with Keras 3's names, arguments, defaults and update rules; one native call updates all parameters.

optimizer = Adam(1e-3)
optimizer.build(model.trainable_weights)
loss.backward(); optimizer.step(); optimizer.zero_grad()       # one's own loop
optimizer.apply(gradients, variables)                          # Keras's way
"""

from ..core.registry import add_by_module
from ..core.rooms import public_names, publish
from . import schedules as schedules
from .adaptive_gradients import *
from .adaptive_moments import *
from .base import *
from .gradient_descent import *
from .gradient_transformer import *
from .lookup import *
from .loss_scale import *
from .multi_optimizer import *
from .root_mean_square import *
from .schedules import LearningRateSchedule as LearningRateSchedule
from .sign_momentum import *
from .whole_weights import *

__all__ = list(public_names(__name__, globals(), "schedules"))

add_by_module([*globals().values(), *vars(schedules).values()])
publish(__name__)
publish(schedules.__name__)
