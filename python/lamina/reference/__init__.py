"""The NumPy twin of every native function, same name and signature: the tests' oracle, the benchmarks' baseline.

Twins allocate and give results as the kernels do, and deliver gradients into the same destinations.
"""

# ruff: noqa: F403
from .activation import *
from .affine import *
from .attention import *
from .conv_lstm import *
from .convolution import *
from .ctc import *
from .decoding import *
from .dense import *
from .dropout import *
from .elementwise import *
from .embedding import *
from .loss import *
from .normalization import *
from .optimizer import *
from .pooling import *
from .quantized import *
from .random import *
from .recurrent import *
from .reduction import *
from .reshape import *
from .resize import *
