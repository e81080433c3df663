"""The NumPy twin of every native function, same name and signature: the tests' oracle, the benchmarks' baseline.

Twins allocate and give results as the kernels do, and deliver gradients into the same destinations.
"""

from .activation import (
    activation_backward,
    activation_forward,
    log_softmax_backward,
    log_softmax_forward,
    softmax_backward,
    softmax_forward,
)
from .attention import (
    attention_backward,
    attention_forward,
    attention_weights_backward,
    attention_weights_forward,
)
from .convolution import conv2d_backward, conv2d_forward, depthwise_conv2d_backward, depthwise_conv2d_forward
from .dense import dense_backward, dense_forward, matmul_backward, matmul_forward

__all__ = [
    "activation_backward",
    "activation_forward",
    "attention_backward",
    "attention_forward",
    "attention_weights_backward",
    "attention_weights_forward",
    "conv2d_backward",
    "conv2d_forward",
    "dense_backward",
    "dense_forward",
    "depthwise_conv2d_backward",
    "depthwise_conv2d_forward",
    "log_softmax_backward",
    "log_softmax_forward",
    "matmul_backward",
    "matmul_forward",
    "softmax_backward",
    "softmax_forward",
]
