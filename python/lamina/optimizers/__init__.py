"""Optimizers with Keras 3's names, arguments, defaults and update rules; one native call updates all parameters.

optimizer = Adam(1e-3)
optimizer.build(model.trainable_weights)
loss.backward(); optimizer.step(); optimizer.zero_grad()       # one's own loop
optimizer.apply(gradients, variables)                          # Keras's way
"""

from . import adaptive_moments as _adaptive_moments
from . import gradient_descent as _gradient_descent
from . import lookup as _lookup
from . import root_mean_square as _root_mean_square
from . import schedules
from .adaptive_moments import *
from .base import Optimizer
from .gradient_descent import *
from .lookup import *
from .root_mean_square import *
from .schedules import LearningRateSchedule

__all__ = ["LearningRateSchedule", "Optimizer", "schedules"]
__all__ += _adaptive_moments.__all__
__all__ += _lookup.__all__
__all__ += _root_mean_square.__all__
__all__ += _gradient_descent.__all__
