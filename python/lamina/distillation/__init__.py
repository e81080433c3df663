"""keras.distillation: a small model learns from a large one."""

from ..core import registry
from ..core.rooms import publish
from ..models import Model
from .distiller import Distiller
from .losses import DistillationLoss, FeatureDistillation, LogitsDistillation

registry.add_known((Distiller,), "layer", Model)
for _cls in (FeatureDistillation, LogitsDistillation):
    registry.add_name(_cls.__name__, _cls)

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]

publish(__name__)
