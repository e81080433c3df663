"""The NumPy twin of every native function, same name and signature: the tests' oracle, the benchmarks' baseline.

Twins allocate and give results as the kernels do, and deliver gradients into the same destinations.
"""

# ruff: noqa: F403
from .activation import *
from .attention import *
from .convolution import *
from .dense import *
from .optimizer import *
from .pooling import *
from .random import *
from .recurrent import *
from .activation import (
    activation_backward,
    activation_forward,
    log_softmax_backward,
    log_softmax_forward,
    softmax_backward,
    softmax_forward,
)
from .convolution import conv2d_backward, conv2d_forward, depthwise_conv2d_backward, depthwise_conv2d_forward
from .dense import dense_backward, dense_forward, matmul_backward, matmul_forward
from .normalization import batch_norm_backward, batch_norm_forward, layer_norm_backward, layer_norm_forward

__all__ = [
    "activation_backward",
    "activation_forward",
    "batch_norm_backward",
    "batch_norm_forward",
    "conv2d_backward",
    "conv2d_forward",
    "dense_backward",
    "dense_forward",
    "depthwise_conv2d_backward",
    "depthwise_conv2d_forward",
    "layer_norm_backward",
    "layer_norm_forward",
    "log_softmax_backward",
    "log_softmax_forward",
    "matmul_backward",
    "matmul_forward",
    "softmax_backward",
    "softmax_forward",
]
