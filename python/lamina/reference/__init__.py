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
from .attention import attention_backward, attention_forward, attention_weights_backward, attention_weights_forward
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

__all__ = [
    "activation_backward",
    "activation_forward",
    "batch_norm_backward",
    "batch_norm_forward",
    "conv2d_backward",
    "conv2d_forward",
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
    "cumsum_backward",
    "cumsum_forward",
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
    "fill_into",
    "global_average_pool2d_backward",
    "global_average_pool2d_forward",
    "global_max_pool2d_backward",
    "global_max_pool2d_forward",
    "lstm_backward",
    "lstm_forward",
    "max_pool2d_backward",
    "max_pool2d_forward",
    "one_hot_forward",
    "philox",
    "reduction_backward",
    "reduction_forward",
    "relu_gradient",
    "rmsprop_step",
    "sgd_step",
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
