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
from .attention import attention_backward, attention_forward, attention_weights_backward, attention_weights_forward
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
from .optimizer import adam_step, rmsprop_step, sgd_step
from .pooling import (
    average_pool2d_backward,
    average_pool2d_forward,
    global_average_pool2d_backward,
    global_average_pool2d_forward,
    global_max_pool2d_backward,
    global_max_pool2d_forward,
    max_pool2d_backward,
    max_pool2d_forward,
)
from .random import philox
from .recurrent import lstm_backward, lstm_forward
from .reduction import arg_extreme_forward, cumsum_backward, cumsum_forward, reduction_backward, reduction_forward
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
    "adam_step",
    "arg_extreme_forward",
    "attention_backward",
    "attention_forward",
    "attention_weights_backward",
    "attention_weights_forward",
    "average_pool2d_backward",
    "average_pool2d_forward",
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
    "global_average_pool2d_backward",
    "global_average_pool2d_forward",
    "global_max_pool2d_backward",
    "global_max_pool2d_forward",
    "log_softmax_backward",
    "log_softmax_forward",
    "lstm_backward",
    "lstm_forward",
    "matmul_backward",
    "matmul_forward",
    "max_pool2d_backward",
    "max_pool2d_forward",
    "one_hot_forward",
    "philox",
    "reduction_backward",
    "reduction_forward",
    "relu_gradient",
    "rmsprop_step",
    "sgd_step",
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
