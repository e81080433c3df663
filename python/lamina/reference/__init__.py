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
from .convolution import conv2d_backward, conv2d_forward, depthwise_conv2d_backward, depthwise_conv2d_forward
from .dense import dense_backward, dense_forward, matmul_backward, matmul_forward
from .elementwise import (
    binary_backward,
    binary_forward,
    cast_backward,
    cast_forward,
    classify_forward,
    compare_forward,
    relu_gradient,
    unary_backward,
    unary_forward,
    unbroadcast,
    where_backward,
    where_forward,
)
from .reduction import (
    arg_extreme_forward,
    cumsum_backward,
    cumsum_forward,
    reduction_backward,
    reduction_forward,
)
from .reshape import (
    concatenate_backward,
    concatenate_forward,
    contiguous,
    fill_into,
    one_hot_forward,
    strided_copy,
    take_backward,
    take_forward,
    transpose_backward,
    transpose_forward,
)

__all__ = [
    "activation_backward",
    "activation_forward",
    "arg_extreme_forward",
    "binary_backward",
    "binary_forward",
    "cast_backward",
    "cast_forward",
    "classify_forward",
    "compare_forward",
    "concatenate_backward",
    "concatenate_forward",
    "contiguous",
    "conv2d_backward",
    "conv2d_forward",
    "cumsum_backward",
    "cumsum_forward",
    "dense_backward",
    "dense_forward",
    "depthwise_conv2d_backward",
    "depthwise_conv2d_forward",
    "fill_into",
    "log_softmax_backward",
    "log_softmax_forward",
    "matmul_backward",
    "matmul_forward",
    "one_hot_forward",
    "reduction_backward",
    "reduction_forward",
    "relu_gradient",
    "softmax_backward",
    "softmax_forward",
    "strided_copy",
    "take_backward",
    "take_forward",
    "transpose_backward",
    "transpose_forward",
    "unary_backward",
    "unary_forward",
    "unbroadcast",
    "where_backward",
    "where_forward",
]
