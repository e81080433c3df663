"""Optimizers with Keras 3's names, arguments, defaults and update rules; one native call updates all parameters.

optimizer = Adam(1e-3)
optimizer.build(model.trainable_weights)
loss.backward(); optimizer.step(); optimizer.zero_grad()       # one's own loop
optimizer.apply(gradients, variables)                          # Keras's way
"""

from . import adam as _adam
from . import lookup as _lookup
from . import rmsprop as _rmsprop
from . import schedules
from . import sgd as _sgd
from .adam import *
from .base import Optimizer
from .lookup import *
from .rmsprop import *
from .schedules import LearningRateSchedule
from .sgd import *

__all__ = ["LearningRateSchedule", "Optimizer", "schedules"]
__all__ += _adam.__all__
__all__ += _lookup.__all__
__all__ += _rmsprop.__all__
__all__ += _sgd.__all__
