"""Pictures by matplotlib of what a network does; ``utils.plot_model`` and ``History.plot`` draw the network and its
training."""

from ..core.rooms import public_names, publish
from .grids import *
from .layer_times import *
from .matrices import *

__all__ = list(public_names(__name__, globals()))

publish(__name__)
