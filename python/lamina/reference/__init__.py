"""The NumPy twin of every native function, same name and signature: the tests' oracle, the benchmarks' baseline.

Twins allocate and give results as the kernels do, and deliver gradients into the same destinations.
"""

from .convolution import conv2d_backward, conv2d_forward, depthwise_conv2d_backward, depthwise_conv2d_forward
from .dense import dense_backward, dense_forward, matmul_backward, matmul_forward

__all__ = [
    "conv2d_backward",
    "conv2d_forward",
    "dense_backward",
    "dense_forward",
    "depthwise_conv2d_backward",
    "depthwise_conv2d_forward",
    "matmul_backward",
    "matmul_forward",
]
