"""
Lamina's kernels on NumPy arrays; lamina.ops is the documented way to them.
"""

from __future__ import annotations

import collections.abc
import typing

import numpy

__all__: list[str] = [
    "Exchange",
    "ParameterGroup",
    "Plan",
    "QuantizedMatrix",
    "TouchedRows",
    "accumulate_gradients",
    "activation_backward",
    "activation_forward",
    "activation_forward_and_slope",
    "activation_slope_backward",
    "activations",
    "activations_with_slope",
    "adaptive_average_pool_backward",
    "adaptive_average_pool_forward",
    "adaptive_max_pool_backward",
    "adaptive_max_pool_forward",
    "adaptive_max_pool_indices",
    "address",
    "advance_cache",
    "affine_backward",
    "affine_forward",
    "affinity_count",
    "are_classes",
    "arg_extreme_forward",
    "attention_backward",
    "attention_forward",
    "attention_weights_backward",
    "attention_weights_forward",
    "average_pool_backward",
    "average_pool_forward",
    "batch_norm_backward",
    "batch_norm_fold",
    "batch_norm_forward",
    "binary_backward",
    "binary_forward",
    "border_backward",
    "border_forward",
    "cached_attention_forward",
    "caches",
    "cast_backward",
    "cast_forward",
    "cgroup_quota",
    "classify_forward",
    "compare_forward",
    "compiler",
    "concatenate_backward",
    "concatenate_forward",
    "contiguous",
    "conv_backward",
    "conv_forward",
    "conv_lstm_backward",
    "conv_lstm_forward",
    "conv_padding",
    "conv_transpose_backward",
    "conv_transpose_forward",
    "copy",
    "copy_into",
    "cross_entropy_backward",
    "cross_entropy_forward",
    "ctc_loss_backward",
    "ctc_loss_forward",
    "cumsum_backward",
    "cumsum_forward",
    "default_threads",
    "dense_backward",
    "dense_forward",
    "depthwise_conv_backward",
    "depthwise_conv_forward",
    "depthwise_conv_padding",
    "direct",
    "dropout_backward",
    "dropout_forward",
    "embedding_backward",
    "embedding_forward",
    "empty",
    "exchange_post",
    "exchange_wait",
    "fast_bfloat16",
    "fill_into",
    "full",
    "get_num_threads",
    "group_norm_backward",
    "group_norm_forward",
    "gru_backward",
    "gru_forward",
    "gru_reset_before_backward",
    "gru_reset_before_forward",
    "has_bfloat16",
    "hold_same",
    "host_isas",
    "is_recording",
    "isa",
    "layer_norm_backward",
    "layer_norm_forward",
    "log_softmax_backward",
    "log_softmax_forward",
    "lp_pool_backward",
    "lp_pool_forward",
    "lstm_backward",
    "lstm_forward",
    "matmul_backward",
    "matmul_forward",
    "max_pool_backward",
    "max_pool_forward",
    "max_pool_indices",
    "max_unpool_backward",
    "max_unpool_forward",
    "measure_flops",
    "measure_region",
    "measure_stream",
    "meet",
    "next_positions",
    "one_hot_forward",
    "optimizer_step",
    "physical_cores",
    "point_loss_backward",
    "point_loss_forward",
    "pool_clear",
    "pool_reset_peak",
    "pool_set_limit",
    "pool_set_poison",
    "pool_stats",
    "quantized_conv_forward",
    "quantized_dense_forward",
    "reduction_backward",
    "reduction_forward",
    "relu_gradient",
    "resize_backward",
    "resize_forward",
    "rms_norm_backward",
    "rms_norm_forward",
    "set_num_threads",
    "simple_rnn_backward",
    "simple_rnn_forward",
    "softmax_backward",
    "softmax_forward",
    "strided_copy",
    "take_backward",
    "take_forward",
    "touch_all",
    "transpose_backward",
    "transpose_forward",
    "unary_backward",
    "unary_forward",
    "unbroadcast",
    "unscale_gradients",
    "update_rule",
    "use_isa",
    "where_backward",
    "where_forward",
    "work_alone",
]

class TouchedRows:
    """
    The rows of a table whose gradient may not be zero; none at first.
    """
    def __deepcopy__(self, memo: typing.Any) -> TouchedRows: ...
    def __init__(self, table_rows: int) -> None: ...
    def mark(self, rows: typing.Any) -> None:
        """
        Note that these rows (int64) may have a gradient, too.
        """
    @property
    def all(self) -> bool:
        """
        Whether every row may have a gradient.
        """
    @property
    def rows(self) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
        """
        The touched rows (int64) in the order of their first occurrence.
        """

class Exchange:
    """
    Where shards of a batch leave arrays for the thread that sends them.
    """
    def __init__(self) -> None: ...
    def fail(self, why: str) -> None:
        """
        Whoever waits, now or later, gets a RuntimeError.
        """
    def finish(self, tag: int, shard: int) -> None:
        """
        What this shard posted under the tag has its result.
        """
    def take(self, milliseconds: int) -> typing.Any:
        """
        (tag, shard, source, destination) of the next post, arrays or None; None if none comes in time.
        """

class ParameterGroup:
    """
    The arrays that an optimizer's step reads and writes, bound once; touched: a TouchedRows or None each.
    """
    def __init__(
        self,
        weights: typing.Any,
        gradients: typing.Any,
        slots: typing.Any,
        decays: typing.Any,
        active: typing.Any,
        learning_rate: typing.Any,
        iterations: typing.Any,
        touched: typing.Any = None,
        due: typing.Any = None,
    ) -> None: ...
    @property
    def active(self) -> typing.Any:
        """
        One bool a weight: it has a gradient.
        """
    @property
    def decays(self) -> typing.Any:
        """
        One bool a weight: weight decay applies.
        """
    @property
    def due(self) -> typing.Any:
        """
        Whether a step does anything, (1,), or None: it does.
        """
    @property
    def gradients(self) -> typing.Any:
        """
        Their gradients.
        """
    @property
    def iterations(self) -> typing.Any:
        """
        Steps done, (1,).
        """
    @property
    def learning_rate(self) -> typing.Any:
        """
        The rate, (1,).
        """
    @property
    def slots(self) -> typing.Any:
        """
        A list of arrays for each slot of the rule, None for one that is not kept.
        """
    @property
    def touched(self) -> typing.Any:
        """
        A TouchedRows or None for each weight, or None.
        """
    @property
    def weights(self) -> typing.Any:
        """
        The weights.
        """

class Plan:
    """
    Native steps recorded in one run, replayed in one call without the GIL.
    """
    def __init__(self) -> None: ...
    def call(
        self,
        args: collections.abc.Sequence[typing.Any],
        leaves: collections.abc.Sequence[typing.Any],
        result: typing.Any,
        bare: bool,
    ) -> typing.Any:
        """
        If leaves and arguments fit, run; a copy of result as a tensor, or bare, and True where that is None.
        """
    def load(self, args: collections.abc.Sequence[typing.Any]) -> bool:
        """
        Copy arrays or tensors into the slots; False, and nothing copied, unless all are contiguous and fit.
        """
    def owns(self, x: typing.Any) -> bool:
        """
        Whether the array is a result of this plan.
        """
    def retrace(self) -> None:
        """
        Until stop(), what this thread runs is not done; in place of the step at which run() failed, its error.
        """
    def run(self) -> None:
        """
        Replay every step.
        """
    def run_batches(
        self,
        columns: collections.abc.Sequence[typing.Any],
        tables: collections.abc.Sequence[typing.Any],
        results: collections.abc.Sequence[typing.Any],
        batches: int,
        milliseconds: int,
    ) -> int:
        """
        Replay batch after batch of the columns, with rows of (values, destination) tables, keeping (result, rows).
        """
    def run_measured(self) -> list[typing.Any]:
        """
        Replay every step; of each its seconds, bytes of scratch, work, bytes of its arrays.
        """
    def run_step(self, i: int) -> None:
        """
        Replay one step (profiling).
        """
    def set_slots(self, slots: collections.abc.Sequence[typing.Any], tensor: typing.Any) -> None:
        """
        The arrays that a run reads its arguments from; the class of tensors.
        """
    def start(self) -> None:
        """
        Record what this thread runs from now on.
        """
    def start_dry(self) -> None:
        """
        As start(), for the memory alone: it is taken as ever, but what threads would share is not computed.
        """
    def stop(self) -> None:
        """
        End the recording.
        """
    @property
    def batches_done(self) -> int:
        """
        How many the last run_batches did.
        """
    @property
    def bytes(self) -> int:
        """
        Memory of all results.
        """
    @property
    def in_use(self) -> int:
        """
        Memory of the results that are still held.
        """
    @property
    def refusal(self) -> str:
        """
        Why a replay would be wrong; empty if it would not.
        """
    @property
    def size(self) -> int:
        """
        How many steps there are.
        """
    @property
    def steps(self) -> list[typing.Any]:
        """
        The names of the steps.
        """

class QuantizedMatrix:
    """
    An int8 matrix (in, out) with a scale for each column, packed.
    """
    def __init__(self, kernel: typing.Any, scale: typing.Any) -> None: ...

def accumulate_gradients(source: ParameterGroup, target: ParameterGroup, steps: int) -> None:
    """
    Add the gradients of source to its weights, which are the gradients of target; each steps-th time they become means, and target is due.
    """

def activation_backward(
    x_or_y: typing.Any, dy: typing.Any, name: str, parameter: float, dx: typing.Any, accumulate: int = 0
) -> None:
    """
    Gradient of activation_forward into dx, from y or x as activations() says.
    """

def activation_forward(
    x: typing.Any, name: str, parameter: float = 0.0
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    y = name(x), elementwise; parameter is the negative slope of leaky_relu, the alpha of elu.
    """

def activation_forward_and_slope(x: typing.Any, name: str, parameter: float = 0.0) -> tuple[typing.Any, ...]:
    """
    activation_forward, and the slope at x: (y, slope), of those named by activations_with_slope().
    """

def activation_slope_backward(slope: typing.Any, dy: typing.Any, dx: typing.Any, accumulate: int = 0) -> None:
    """
    Gradient of activation_forward into dx, from the slope.
    """

def activations() -> dict[str, typing.Any]:
    """
    The elementwise activations: name -> whether the gradient follows from the output (else from the input).
    """

def activations_with_slope() -> list[typing.Any]:
    """
    The activations that activation_forward_and_slope takes.
    """

def adaptive_average_pool_backward(
    dy: typing.Any, output_size: typing.Any, dx: typing.Any, accumulate: int = 0
) -> None:
    """
    Gradient of adaptive_average_pool_forward into dx (N, ..., C).
    """

def adaptive_average_pool_forward(
    x: typing.Any, output_size: typing.Any
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    Means over as many windows of x (N, ..., C); None: over the whole image, (N, C).
    """

def adaptive_max_pool_backward(
    index: typing.Any, dy: typing.Any, output_size: typing.Any, dx: typing.Any, accumulate: int = 0
) -> None:
    """
    Gradient of adaptive_max_pool_forward into dx (N, ..., C).
    """

def adaptive_max_pool_forward(x: typing.Any, output_size: typing.Any, save: bool) -> typing.Any:
    """
    Maxima over as many windows of x (N, ..., C); None: over the whole image, (N, C).
    """

def adaptive_max_pool_indices(
    x: typing.Any, index: typing.Any, output_size: typing.Any
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    The pixel of its image, counted row by row, where each maximum of adaptive_max_pool_forward stood.
    """

def address(x: typing.Any) -> int:
    """
    Where an array's data stands.
    """

def advance_cache(length: typing.Any, steps: int, capacity: int) -> None:
    """
    length[0] += steps, up to capacity.
    """

def affine_backward(
    dy: typing.Any, transform: typing.Any, interpolation: str, fill_mode: str, dx: typing.Any, accumulate: int = 0
) -> None:
    """
    Gradient of affine_forward into dx.
    """

def affine_forward(
    images: typing.Any, transform: typing.Any, interpolation: str, fill_mode: str, fill_value: float
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    Images (N, H, W, C) seen through maps (N, 8) or (1, 8) from output to input pixels.
    """

def affinity_count() -> int:
    """
    Processors in this process's affinity mask.
    """

def are_classes(labels: typing.Any, classes: int) -> bool:
    """
    Whether all labels, of int32, int64 or uint8, are among 0..classes-1; False for those of other types.
    """

def arg_extreme_forward(
    x: typing.Any, axis: typing.Any, largest: bool, keepdims: bool = False
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    Place of the largest or smallest element along an axis, int32; ties: the first.
    """

def attention_backward(
    query: typing.Any,
    key: typing.Any,
    value: typing.Any,
    mask: typing.Any,
    bias: typing.Any,
    lengths: typing.Any,
    out: typing.Any,
    logsumexp: typing.Any,
    used: typing.Any,
    dout: typing.Any,
    causal: str,
    scale: float,
    dropout: float,
    slopes: typing.Any,
    soft_cap: float,
    dq: typing.Any,
    dk: typing.Any,
    dv: typing.Any,
    dbias: typing.Any,
    accumulate: int = 0,
) -> None:
    """
    Gradients of attention_forward, its weights computed again.
    """

def attention_forward(
    query: typing.Any,
    key: typing.Any,
    value: typing.Any,
    mask: typing.Any,
    bias: typing.Any,
    lengths: typing.Any,
    causal: str,
    scale: float,
    dropout: float,
    slopes: typing.Any,
    soft_cap: float,
    state: typing.Any,
    first: typing.Any,
    per_sample: int,
) -> tuple[typing.Any, ...]:
    """
    softmax(scale query key^T + bias) value on (batch, time, heads, head size): (out, logsumexp, used random state). mask (True: counts) and bias broadcast to (batch, heads, queries, keys), lengths (batch,) counts keys; causal is none, top_left or bottom_right; slopes (heads,) of ALiBi; soft_cap (0: none) of the scores; with dropout query begins with sample first[0] of a larger batch, per_sample of its rows each.
    """

def attention_weights_backward(
    query: typing.Any,
    key: typing.Any,
    weights: typing.Any,
    dweights: typing.Any,
    scale: float,
    soft_cap: float,
    dq: typing.Any,
    dk: typing.Any,
    accumulate: int = 0,
) -> None:
    """
    Gradients of attention_weights_forward for query and key.
    """

def attention_weights_forward(
    query: typing.Any,
    key: typing.Any,
    mask: typing.Any,
    bias: typing.Any,
    lengths: typing.Any,
    logsumexp: typing.Any,
    causal: str,
    scale: float,
    slopes: typing.Any,
    soft_cap: float,
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    The weights of attention_forward before dropout, (batch, heads, queries, keys).
    """

def average_pool_backward(
    dy: typing.Any,
    pool_size: typing.Any,
    strides: typing.Any,
    padding: typing.Any,
    dilation_rate: typing.Any,
    ceil_mode: bool,
    divisor: str,
    dx: typing.Any,
    accumulate: int = 0,
) -> None:
    """
    Gradient of average_pool_forward into dx (N, ..., C).
    """

def average_pool_forward(
    x: typing.Any,
    pool_size: typing.Any,
    strides: typing.Any,
    padding: typing.Any,
    dilation_rate: typing.Any,
    ceil_mode: bool,
    divisor: str,
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    Sums over windows of x (N, ..., C) by the pixels that count: 'valid', 'padded' or 'window'.
    """

def batch_norm_backward(
    x: typing.Any,
    gamma: typing.Any,
    mean: typing.Any,
    rstd: typing.Any,
    y: typing.Any,
    dy: typing.Any,
    training: bool,
    activation: str,
    dx: typing.Any,
    dgamma: typing.Any,
    dbeta: typing.Any,
    accumulate: int = 0,
) -> None:
    """
    Gradients of batch_norm_forward.
    """

def batch_norm_fold(
    w: typing.Any,
    b: typing.Any,
    gamma: typing.Any,
    beta: typing.Any,
    moving_mean: typing.Any,
    moving_variance: typing.Any,
    epsilon: float,
) -> tuple[typing.Any, ...]:
    """
    Weights (..., C) and bias (C) of a layer that does in inference what the layer and batch normalization do.
    """

def batch_norm_forward(
    x: typing.Any,
    gamma: typing.Any,
    beta: typing.Any,
    moving_mean: typing.Any,
    moving_variance: typing.Any,
    training: bool,
    momentum: float,
    epsilon: float,
    activation: str,
) -> tuple[typing.Any, ...]:
    """
    (y, mean, rstd) of x (..., C), gamma and beta (C,) or None; training uses the batch's statistics and moves moving_mean and moving_variance in place, else these are used.
    """

def binary_backward(
    x: typing.Any, y: typing.Any, dy: typing.Any, op: str, dx: typing.Any, dy_: typing.Any, accumulate: int = 0
) -> None:
    """
    Gradients of binary_forward without relu, summed over broadcast axes.
    """

def binary_forward(
    x: typing.Any, y: typing.Any, op: str, relu: bool = False
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    op(x, y) with broadcasting; one operand may be a number. relu (of add): relu(x + y).
    """

def border_backward(
    dy: typing.Any,
    before: collections.abc.Sequence[int],
    after: collections.abc.Sequence[int],
    mode: str,
    dx: typing.Any,
    accumulate: int = 0,
) -> None:
    """
    Gradient of border_forward into dx.
    """

def border_forward(
    x: typing.Any, before: collections.abc.Sequence[int], after: collections.abc.Sequence[int], mode: str
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    x with so many elements of its own around each axis: 'reflect', 'symmetric', 'edge' or 'wrap'.
    """

def cached_attention_forward(
    query: typing.Any,
    key: typing.Any,
    value: typing.Any,
    keys: typing.Any,
    values: typing.Any,
    length: typing.Any,
    causal: bool,
    window: int,
    scale: float,
    slopes: typing.Any,
    soft_cap: float,
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    Writes key and value behind the length[0] steps that keys (batch, heads, blocks, head size, 64) and values (batch, heads, capacity, head size) hold; gives softmax(scale query keys^T) values over all; window (0: no limit) counts the steps that a query sees, its own the last; slopes and soft_cap as in attention_forward.
    """

def caches() -> tuple[typing.Any, ...]:
    """
    Bytes of L1d, L2, L3.
    """

def cast_backward(dy: typing.Any, dx: typing.Any, accumulate: int = 0) -> None:
    """
    The gradient of a conversion between float types.
    """

def cast_forward(
    x: typing.Any, dtype: typing.Any, narrowed: str = ""
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    x in another type. narrowed: the operation whose integers must all fit into it, else a ValueError.
    """

def cgroup_quota(root: str = "") -> int:
    """
    CPUs that the cgroup's quota allows; 0 without one.
    """

def classify_forward(x: typing.Any, op: str) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    isfinite, isnan or isinf.
    """

def compare_forward(x: typing.Any, y: typing.Any, op: str) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    A comparison or logical operation with broadcasting; the result is bool.
    """

def compiler() -> str:
    """
    The compiler that built this module.
    """

def concatenate_backward(
    dy: typing.Any,
    axis: typing.Any,
    sizes: collections.abc.Sequence[int],
    dxs: collections.abc.Sequence[typing.Any],
    accumulate: typing.Any = 0,
) -> None:
    """
    Gradients of concatenate_forward into dxs.
    """

def concatenate_forward(
    arrays: collections.abc.Sequence[typing.Any], axis: typing.Any
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    Arrays one after the other along an axis.
    """

def contiguous(x: typing.Any) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    A C-contiguous copy of an array with any strides.
    """

def conv_backward(
    x: typing.Any,
    w: typing.Any,
    y: typing.Any,
    dy: typing.Any,
    strides: typing.Any,
    padding: typing.Any,
    dilation_rate: typing.Any,
    groups: int,
    activation: str,
    dx: typing.Any,
    dw: typing.Any,
    db: typing.Any,
    accumulate: int = 0,
    bfloat16: bool = False,
) -> None:
    """
    Gradients of conv_forward into dx, dw, db; None skips one, bit i of accumulate adds to the i-th.
    """

def conv_forward(
    x: typing.Any,
    w: typing.Any,
    b: typing.Any,
    strides: typing.Any,
    padding: typing.Any,
    dilation_rate: typing.Any,
    groups: int,
    activation: str,
    bfloat16: bool = False,
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    y = act(x * w + b); x (N, ..., C) of one to three axes, w (taps..., C / groups, K), b (K,) or None.
    """

def conv_lstm_backward(
    x: typing.Any,
    kernel: typing.Any,
    recurrent_kernel: typing.Any,
    bias: typing.Any,
    h0: typing.Any,
    c0: typing.Any,
    lengths: typing.Any,
    mask: typing.Any,
    activation: str,
    recurrent_activation: str,
    strides: typing.Any,
    padding: typing.Any,
    dilation_rate: typing.Any,
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    gates: typing.Any,
    h_prev: typing.Any,
    c_all: typing.Any,
    dy: typing.Any,
    dh: typing.Any,
    dc: typing.Any,
    dx: typing.Any,
    dkernel: typing.Any,
    drecurrent_kernel: typing.Any,
    dbias: typing.Any,
    dh0: typing.Any,
    dc0: typing.Any,
    accumulate: int = 0,
) -> None:
    """
    Gradients of the forward from those of y, h and c (None: zero).
    """

def conv_lstm_forward(
    x: typing.Any,
    kernel: typing.Any,
    recurrent_kernel: typing.Any,
    bias: typing.Any,
    h0: typing.Any,
    c0: typing.Any,
    lengths: typing.Any,
    mask: typing.Any,
    activation: str,
    recurrent_activation: str,
    strides: typing.Any,
    padding: typing.Any,
    dilation_rate: typing.Any,
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    sequences: bool,
    save: bool,
) -> tuple[typing.Any, ...]:
    """
    (y or None, h, c, and for backward, if save: gates, h_prev, c_all) of whole sequences of images.
    """

def conv_padding(
    x: typing.Any, w: typing.Any, strides: typing.Any, padding: typing.Any, dilation_rate: typing.Any, groups: int
) -> tuple[list[int], list[int]]:
    """
    How many zeros conv_forward would put before each axis of x, and after it.
    """

def conv_transpose_backward(
    x: typing.Any,
    w: typing.Any,
    y: typing.Any,
    dy: typing.Any,
    strides: typing.Any,
    padding: typing.Any,
    output_padding: typing.Any,
    dilation_rate: typing.Any,
    groups: int,
    activation: str,
    dx: typing.Any,
    dw: typing.Any,
    db: typing.Any,
    accumulate: int = 0,
    bfloat16: bool = False,
) -> None:
    """
    Gradients of conv_transpose_forward.
    """

def conv_transpose_forward(
    x: typing.Any,
    w: typing.Any,
    b: typing.Any,
    strides: typing.Any,
    padding: typing.Any,
    output_padding: typing.Any,
    dilation_rate: typing.Any,
    groups: int,
    activation: str,
    bfloat16: bool = False,
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    The data gradient of a convolution, run forward: x (N, ..., C), w (taps..., K / groups, C), b (K,) or None.
    """

def copy(x: typing.Any) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    A copy in the pool.
    """

def copy_into(x: typing.Any, y: typing.Any, accumulate: bool = False) -> None:
    """
    y = x or y += x; equal sizes, shapes may differ.
    """

def cross_entropy_backward(gradient: typing.Any, dy: typing.Any, dx: typing.Any, accumulate: int = 0) -> None:
    """
    dx = gradient * dy, dy one a row or one for the mean.
    """

def cross_entropy_forward(
    x: typing.Any,
    labels: typing.Any,
    weights: typing.Any,
    from_logits: bool,
    label_smoothing: float,
    ignore_class: typing.Any,
    mean: bool,
    want_gradient: bool,
) -> tuple[typing.Any, ...]:
    """
    (losses, gradient or None) of logits or probabilities x (..., C) with integer labels (...) or targets (..., C).
    """

def ctc_loss_backward(gradient: typing.Any, dy: typing.Any, dx: typing.Any, accumulate: int = 0) -> None:
    """
    dx = gradient * dy, dy one a sequence.
    """

def ctc_loss_forward(
    output: typing.Any,
    target: typing.Any,
    target_length: typing.Any,
    output_length: typing.Any,
    mask_index: int,
    want_gradient: bool,
) -> tuple[typing.Any, ...]:
    """
    (losses, gradient or None) of logits (N, T, C) that spell labels (N, L), of which and of the steps as many count as their lengths say.
    """

def cumsum_backward(dy: typing.Any, axis: typing.Any, dx: typing.Any, accumulate: int = 0) -> None:
    """
    Gradient of cumsum_forward.
    """

def cumsum_forward(x: typing.Any, axis: typing.Any) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    Cumulative sum along an axis.
    """

def default_threads() -> int:
    """
    What the machine, its affinity mask and its cgroup allow.
    """

def dense_backward(
    x: typing.Any,
    w: typing.Any,
    y: typing.Any,
    dy: typing.Any,
    activation: str,
    dx: typing.Any,
    dw: typing.Any,
    db: typing.Any,
    accumulate: int = 0,
    bfloat16: bool = False,
) -> None:
    """
    Gradients of dense_forward into dx, dw, db; None skips one, bit i of accumulate adds to the i-th.
    """

def dense_forward(
    x: typing.Any, w: typing.Any, b: typing.Any, activation: str, bfloat16: bool = False
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    y = act(x w + b); x (..., in), w (in, out), b (out,) or None. bfloat16: the product's operands are rounded, where the processor multiplies such.
    """

def depthwise_conv_backward(
    x: typing.Any,
    w: typing.Any,
    y: typing.Any,
    dy: typing.Any,
    strides: typing.Any,
    padding: typing.Any,
    dilation_rate: typing.Any,
    activation: str,
    dx: typing.Any,
    dw: typing.Any,
    db: typing.Any,
    accumulate: int = 0,
) -> None:
    """
    Gradients of depthwise_conv_forward.
    """

def depthwise_conv_forward(
    x: typing.Any,
    w: typing.Any,
    b: typing.Any,
    strides: typing.Any,
    padding: typing.Any,
    dilation_rate: typing.Any,
    activation: str,
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    Each channel with its own kernels: w (taps..., C, m), y (N, ..., C m), channel c m + j from channel c.
    """

def depthwise_conv_padding(
    x: typing.Any, w: typing.Any, strides: typing.Any, padding: typing.Any, dilation_rate: typing.Any
) -> tuple[list[int], list[int]]:
    """
    How many zeros depthwise_conv_forward would put before each axis of x, and after it.
    """

def direct(
    forward: typing.Any,
    constants: collections.abc.Sequence[typing.Any],
    tensors: int,
    numbers: int,
    swapped: bool,
    takes_number: bool,
    record: typing.Any,
    tensor: typing.Any,
) -> typing.Any:
    """
    An operation on tensors by a native function of their arrays: called with what needs a conversion, it gives None.
    """

def dropout_backward(used: typing.Any, dy: typing.Any, rate: float, dx: typing.Any, accumulate: int = 0) -> None:
    """
    The gradient of dropout_forward, the mask drawn again from used.
    """

def dropout_forward(
    x: typing.Any, rate: float, state: typing.Any, first: typing.Any, per_sample: int
) -> tuple[typing.Any, ...]:
    """
    (y, used): x with a fraction rate of its elements zero, the rest scaled; state (2,) uint64 [key, counter]. x begins with sample first[0], of per_sample elements, of a larger batch; None: with the first.
    """

def embedding_backward(
    indices: typing.Any, dy: typing.Any, dtable: typing.Any, accumulate: int = 0, touched: typing.Any = None
) -> None:
    """
    The gradient of the table; with touched (TouchedRows), which says where dtable is not zero, only those rows are cleared, and the indices' rows become the touched ones.
    """

def embedding_forward(indices: typing.Any, table: typing.Any) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    table[indices]; an index out of range is an IndexError that names it.
    """

def empty(
    shape: collections.abc.Sequence[int], dtype: typing.Any
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    An uninitialised array from the pool.
    """

def exchange_post(exchange: typing.Any, tag: int, shard: int, source: typing.Any, destination: typing.Any) -> None:
    """
    Leave an array whose exchanged values go to another; or None and None, known by the tag.
    """

def exchange_wait(exchange: typing.Any, tag: int, shard: int) -> None:
    """
    Wait until all that the shard posted under the tag has its result.
    """

def fast_bfloat16() -> bool:
    """
    Whether that is faster than float32, measured once in a process.
    """

def fill_into(y: typing.Any, value: float) -> None:
    """
    y = value everywhere.
    """

def full(
    shape: collections.abc.Sequence[int], value: float, dtype: typing.Any
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    A constant array from the pool.
    """

def get_num_threads() -> int:
    """
    Threads that an operation may use now.
    """

def group_norm_backward(
    x: typing.Any,
    gamma: typing.Any,
    mean: typing.Any,
    rstd: typing.Any,
    dy: typing.Any,
    groups: int,
    dx: typing.Any,
    dgamma: typing.Any,
    dbeta: typing.Any,
    accumulate: int = 0,
) -> None:
    """
    Gradients of group_norm_forward.
    """

def group_norm_forward(
    x: typing.Any, gamma: typing.Any, beta: typing.Any, groups: int, epsilon: float
) -> tuple[typing.Any, ...]:
    """
    (y, mean, rstd) of x (N, ..., C), gamma and beta (C,) or None; mean and rstd are (N, groups).
    """

def gru_backward(
    x: typing.Any,
    kernel: typing.Any,
    recurrent_kernel: typing.Any,
    bias: typing.Any,
    h0: typing.Any,
    c0: typing.Any,
    projection_kernel: typing.Any,
    recurrent_gamma: typing.Any,
    state_gamma: typing.Any,
    state_beta: typing.Any,
    lengths: typing.Any,
    mask: typing.Any,
    activation: str,
    recurrent_activation: str,
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    epsilon: float,
    gates: typing.Any,
    h_prev: typing.Any,
    c_all: typing.Any,
    projected: typing.Any,
    raw: typing.Any,
    stats: typing.Any,
    dy: typing.Any,
    dh: typing.Any,
    dc: typing.Any,
    dx: typing.Any,
    dkernel: typing.Any,
    drecurrent_kernel: typing.Any,
    dbias: typing.Any,
    dh0: typing.Any,
    dc0: typing.Any,
    dprojection_kernel: typing.Any,
    drecurrent_gamma: typing.Any,
    dstate_gamma: typing.Any,
    dstate_beta: typing.Any,
    accumulate: int = 0,
    bfloat16: bool = False,
) -> None:
    """
    Gradients of the forward from those of y, h and c (None: zero).
    """

def gru_forward(
    x: typing.Any,
    kernel: typing.Any,
    recurrent_kernel: typing.Any,
    bias: typing.Any,
    h0: typing.Any,
    c0: typing.Any,
    projection_kernel: typing.Any,
    recurrent_gamma: typing.Any,
    state_gamma: typing.Any,
    state_beta: typing.Any,
    lengths: typing.Any,
    mask: typing.Any,
    activation: str,
    recurrent_activation: str,
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    epsilon: float,
    sequences: bool,
    save: bool,
    bfloat16: bool = False,
) -> tuple[typing.Any, ...]:
    """
    (y or None, h, None, and for backward, if save: gates, h_prev, None, None, and raw, stats or None) of whole sequences.
    """

def gru_reset_before_backward(
    x: typing.Any,
    kernel: typing.Any,
    recurrent_kernel: typing.Any,
    bias: typing.Any,
    h0: typing.Any,
    c0: typing.Any,
    projection_kernel: typing.Any,
    recurrent_gamma: typing.Any,
    state_gamma: typing.Any,
    state_beta: typing.Any,
    lengths: typing.Any,
    mask: typing.Any,
    activation: str,
    recurrent_activation: str,
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    epsilon: float,
    gates: typing.Any,
    h_prev: typing.Any,
    c_all: typing.Any,
    projected: typing.Any,
    raw: typing.Any,
    stats: typing.Any,
    dy: typing.Any,
    dh: typing.Any,
    dc: typing.Any,
    dx: typing.Any,
    dkernel: typing.Any,
    drecurrent_kernel: typing.Any,
    dbias: typing.Any,
    dh0: typing.Any,
    dc0: typing.Any,
    dprojection_kernel: typing.Any,
    drecurrent_gamma: typing.Any,
    dstate_gamma: typing.Any,
    dstate_beta: typing.Any,
    accumulate: int = 0,
    bfloat16: bool = False,
) -> None:
    """
    Gradients of the forward from those of y, h and c (None: zero).
    """

def gru_reset_before_forward(
    x: typing.Any,
    kernel: typing.Any,
    recurrent_kernel: typing.Any,
    bias: typing.Any,
    h0: typing.Any,
    c0: typing.Any,
    projection_kernel: typing.Any,
    recurrent_gamma: typing.Any,
    state_gamma: typing.Any,
    state_beta: typing.Any,
    lengths: typing.Any,
    mask: typing.Any,
    activation: str,
    recurrent_activation: str,
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    epsilon: float,
    sequences: bool,
    save: bool,
    bfloat16: bool = False,
) -> tuple[typing.Any, ...]:
    """
    (y or None, h, None, and for backward, if save: gates, h_prev, None, None, and raw, stats or None) of whole sequences.
    """

def has_bfloat16() -> bool:
    """
    Whether products can take operands rounded to bfloat16.
    """

def hold_same(containers: collections.abc.Sequence[typing.Any], items: collections.abc.Sequence[typing.Any]) -> bool:
    """
    Whether each list, or the values of a dict, are the very objects of its tuple, in their order.
    """

def host_isas() -> list[typing.Any]:
    """
    The instruction sets that this host can run.
    """

def is_recording() -> bool:
    """
    Whether this thread records a plan.
    """

def isa() -> str:
    """
    The instruction set in use.
    """

def layer_norm_backward(
    x: typing.Any,
    gamma: typing.Any,
    mean: typing.Any,
    rstd: typing.Any,
    dy: typing.Any,
    dx: typing.Any,
    dgamma: typing.Any,
    dbeta: typing.Any,
    accumulate: int = 0,
) -> None:
    """
    Gradients of layer_norm_forward.
    """

def layer_norm_forward(x: typing.Any, gamma: typing.Any, beta: typing.Any, epsilon: float) -> tuple[typing.Any, ...]:
    """
    (y, mean, rstd) of x (..., C), gamma and beta (C,) or None; mean and rstd are (...).
    """

def log_softmax_backward(y: typing.Any, dy: typing.Any, dx: typing.Any, accumulate: int = 0) -> None:
    """
    Gradient of log_softmax_forward into dx.
    """

def log_softmax_forward(x: typing.Any) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    x - log(sum(exp(x))) over the last axis; a row of -inf alone stays -inf.
    """

def lp_pool_backward(
    x: typing.Any,
    y: typing.Any,
    dy: typing.Any,
    p: float,
    pool_size: typing.Any,
    strides: typing.Any,
    padding: typing.Any,
    dilation_rate: typing.Any,
    ceil_mode: bool,
    dx: typing.Any,
    accumulate: int = 0,
) -> None:
    """
    Gradient of lp_pool_forward into dx (N, ..., C).
    """

def lp_pool_forward(
    x: typing.Any,
    p: float,
    pool_size: typing.Any,
    strides: typing.Any,
    padding: typing.Any,
    dilation_rate: typing.Any,
    ceil_mode: bool,
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    p-th roots of the sums of x^p over windows of x (N, ..., C).
    """

def lstm_backward(
    x: typing.Any,
    kernel: typing.Any,
    recurrent_kernel: typing.Any,
    bias: typing.Any,
    h0: typing.Any,
    c0: typing.Any,
    projection_kernel: typing.Any,
    recurrent_gamma: typing.Any,
    state_gamma: typing.Any,
    state_beta: typing.Any,
    lengths: typing.Any,
    mask: typing.Any,
    activation: str,
    recurrent_activation: str,
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    epsilon: float,
    gates: typing.Any,
    h_prev: typing.Any,
    c_all: typing.Any,
    projected: typing.Any,
    raw: typing.Any,
    stats: typing.Any,
    dy: typing.Any,
    dh: typing.Any,
    dc: typing.Any,
    dx: typing.Any,
    dkernel: typing.Any,
    drecurrent_kernel: typing.Any,
    dbias: typing.Any,
    dh0: typing.Any,
    dc0: typing.Any,
    dprojection_kernel: typing.Any,
    drecurrent_gamma: typing.Any,
    dstate_gamma: typing.Any,
    dstate_beta: typing.Any,
    accumulate: int = 0,
    bfloat16: bool = False,
) -> None:
    """
    Gradients of the forward from those of y, h and c (None: zero).
    """

def lstm_forward(
    x: typing.Any,
    kernel: typing.Any,
    recurrent_kernel: typing.Any,
    bias: typing.Any,
    h0: typing.Any,
    c0: typing.Any,
    projection_kernel: typing.Any,
    recurrent_gamma: typing.Any,
    state_gamma: typing.Any,
    state_beta: typing.Any,
    lengths: typing.Any,
    mask: typing.Any,
    activation: str,
    recurrent_activation: str,
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    epsilon: float,
    sequences: bool,
    save: bool,
    bfloat16: bool = False,
) -> tuple[typing.Any, ...]:
    """
    (y or None, h, c, and for backward, if save: gates, h_prev, c_all, and projected, raw, stats or None) of whole sequences.
    """

def matmul_backward(
    a: typing.Any,
    b: typing.Any,
    dy: typing.Any,
    da: typing.Any,
    db: typing.Any,
    accumulate: int = 0,
    bfloat16: bool = False,
) -> None:
    """
    Gradients of matmul_forward.
    """

def matmul_forward(
    a: typing.Any, b: typing.Any, bfloat16: bool = False
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    a b over the last two axes; leading axes equal, or one operand without them.
    """

def max_pool_backward(
    index: typing.Any,
    dy: typing.Any,
    pool_size: typing.Any,
    strides: typing.Any,
    padding: typing.Any,
    dilation_rate: typing.Any,
    ceil_mode: bool,
    dx: typing.Any,
    accumulate: int = 0,
) -> None:
    """
    Gradient of max_pool_forward into dx (N, ..., C).
    """

def max_pool_forward(
    x: typing.Any,
    pool_size: typing.Any,
    strides: typing.Any,
    padding: typing.Any,
    dilation_rate: typing.Any,
    ceil_mode: bool,
    save: bool,
) -> typing.Any:
    """
    Maxima over windows of x (N, ..., C); with save also the number of the tap that won, for the backward.
    """

def max_pool_indices(
    x: typing.Any,
    index: typing.Any,
    pool_size: typing.Any,
    strides: typing.Any,
    padding: typing.Any,
    dilation_rate: typing.Any,
    ceil_mode: bool,
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    The pixel of its image, counted row by row, where each maximum of max_pool_forward with save stood.
    """

def max_unpool_backward(indices: typing.Any, dy: typing.Any, dx: typing.Any, accumulate: int = 0) -> None:
    """
    Gradient of max_unpool_forward into dx (N, ..., C).
    """

def max_unpool_forward(
    x: typing.Any,
    indices: typing.Any,
    pool_size: typing.Any,
    strides: typing.Any,
    padding: typing.Any,
    output_shape: typing.Any,
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    Images of zeros with x (N, ..., C) at the pixels that the indices name; of several in one place the last.
    """

def measure_flops(dtype: str = "float32", seconds: float = 0.1) -> float:
    """
    GFLOP/s of multiply-adds in registers, all threads, in the instruction set in use.
    """

def measure_region(seconds: float = 0.1) -> float:
    """
    Seconds that a region of all threads takes of itself.
    """

def measure_stream(bytes: int, seconds: float = 0.2, kind: str = "add") -> float:
    """
    GB/s read and written over float32 arrays of `bytes`: add (y += x), copy (y = x) or triad (y = x + s z).
    """

def meet(counters: typing.Any, rank: int, number: int, milliseconds: int, busily: bool) -> bool:
    """
    Write the number at this rank's place in counters (ranks, 8), int64, which other processes see, and wait until none is lower; False if that takes longer.
    """

def next_positions(length: typing.Any, steps: int, capacity: int) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    length[0] + (0, 1 .. steps - 1), int64; the last one is below capacity.
    """

def one_hot_forward(
    indices: typing.Any, classes: int, dtype: typing.Any
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    Rows of zeros with a one at the index; zeros for an index outside.
    """

def optimizer_step(
    group: ParameterGroup,
    rule: str,
    options: collections.abc.Sequence[typing.Any],
    weight_decay: float,
    clipvalue: float,
    clipnorm: float,
    global_clipnorm: float,
    scale: float = 1.0,
) -> None:
    """
    One step by a rule of csrc/kernels/update_rules.h, with its options in their order and its slots in theirs; of the limits of clipping, infinity switches one off.
    """

def physical_cores(root: str = "") -> int:
    """
    Cores without hyper-threads; 0 where unknown.
    """

def point_loss_backward(
    x: typing.Any,
    t: typing.Any,
    dy: typing.Any,
    loss: str,
    reduction: str,
    scale: float,
    delta: float,
    dx: typing.Any,
    dt: typing.Any,
    accumulate: int = 0,
) -> None:
    """
    Gradients of point_loss_forward.
    """

def point_loss_forward(
    x: typing.Any, t: typing.Any, loss: str, reduction: str, scale: float, delta: float
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    Losses of predictions x against targets t of one shape: reduction none, rows (last axis summed) or all.
    """

def pool_clear() -> None:
    """
    Give cached blocks back to the system.
    """

def pool_reset_peak() -> None:
    """
    Let the most bytes in use be those in use now.
    """

def pool_set_limit(bytes: int) -> None:
    """
    Bytes kept for reuse.
    """

def pool_set_poison(on: bool) -> None:
    """
    Fill fresh blocks with NaN (tests).
    """

def pool_stats() -> dict[str, typing.Any]:
    """
    Bytes in use and cached, blocks allocated and reused, most bytes in use.
    """

def quantized_conv_forward(
    x: typing.Any,
    w: QuantizedMatrix,
    gain: typing.Any,
    b: typing.Any,
    kernel_size: typing.Any,
    strides: typing.Any,
    padding: typing.Any,
    dilation_rate: typing.Any,
    groups: int,
    activation: str,
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    y = act(gain (x * w) + b), each image quantized to int8; x (N, ..., C), w a QuantizedMatrix (taps C / groups, K), gain and b (K,) or None.
    """

def quantized_dense_forward(
    x: typing.Any, w: QuantizedMatrix, b: typing.Any, activation: str
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    y = act(x w + b), the rows of x quantized to int8; x (..., in), w a QuantizedMatrix, b (out,) or None.
    """

def reduction_backward(
    x: typing.Any, saved: typing.Any, dy: typing.Any, op: str, axes: typing.Any, dx: typing.Any, accumulate: int = 0
) -> None:
    """
    Gradient of reduction_forward; saved: its result, for var the mean. Ties of max and min share dy equally.
    """

def reduction_forward(x: typing.Any, op: str, axes: typing.Any = None, keepdims: bool = False) -> typing.Any:
    """
    sum, mean, prod, max, min, norm, logsumexp or var of x over axes (None: all); var gives (variance, mean).
    sum, prod, max and min of integers are int64, of unsigned ones uint64.
    """

def relu_gradient(y: typing.Any, dy: typing.Any) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    dy where y > 0, else 0.
    """

def resize_backward(
    dy: typing.Any,
    interpolation: str,
    coordinates: str,
    rounding: str,
    antialias: bool,
    cubic_coefficient: float,
    exclude_outside: bool,
    scales: typing.Any,
    dx: typing.Any,
    accumulate: int = 0,
) -> None:
    """
    Gradient of resize_forward into dx.
    """

def resize_forward(
    x: typing.Any,
    size: collections.abc.Sequence[int],
    interpolation: str,
    coordinates: str,
    rounding: str,
    antialias: bool,
    cubic_coefficient: float,
    exclude_outside: bool,
    scales: typing.Any,
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    Sequences, images or volumes x (N, .., C) as (N, *size, C).
    """

def rms_norm_backward(
    x: typing.Any,
    scale: typing.Any,
    rstd: typing.Any,
    dy: typing.Any,
    dx: typing.Any,
    dscale: typing.Any,
    accumulate: int = 0,
) -> None:
    """
    Gradients of rms_norm_forward.
    """

def rms_norm_forward(x: typing.Any, scale: typing.Any, epsilon: float) -> tuple[typing.Any, ...]:
    """
    (y, rstd) of x (..., C), scale (C,) or None; rstd is (...).
    """

def set_num_threads(n: int) -> None:
    """
    Threads that an operation may use.
    """

def simple_rnn_backward(
    x: typing.Any,
    kernel: typing.Any,
    recurrent_kernel: typing.Any,
    bias: typing.Any,
    h0: typing.Any,
    c0: typing.Any,
    projection_kernel: typing.Any,
    recurrent_gamma: typing.Any,
    state_gamma: typing.Any,
    state_beta: typing.Any,
    lengths: typing.Any,
    mask: typing.Any,
    activation: str,
    recurrent_activation: str,
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    epsilon: float,
    gates: typing.Any,
    h_prev: typing.Any,
    c_all: typing.Any,
    projected: typing.Any,
    raw: typing.Any,
    stats: typing.Any,
    dy: typing.Any,
    dh: typing.Any,
    dc: typing.Any,
    dx: typing.Any,
    dkernel: typing.Any,
    drecurrent_kernel: typing.Any,
    dbias: typing.Any,
    dh0: typing.Any,
    dc0: typing.Any,
    dprojection_kernel: typing.Any,
    drecurrent_gamma: typing.Any,
    dstate_gamma: typing.Any,
    dstate_beta: typing.Any,
    accumulate: int = 0,
    bfloat16: bool = False,
) -> None:
    """
    Gradients of the forward from those of y, h and c (None: zero).
    """

def simple_rnn_forward(
    x: typing.Any,
    kernel: typing.Any,
    recurrent_kernel: typing.Any,
    bias: typing.Any,
    h0: typing.Any,
    c0: typing.Any,
    projection_kernel: typing.Any,
    recurrent_gamma: typing.Any,
    state_gamma: typing.Any,
    state_beta: typing.Any,
    lengths: typing.Any,
    mask: typing.Any,
    activation: str,
    recurrent_activation: str,
    go_backwards: bool,
    in_time_order: bool,
    zero_output: bool,
    epsilon: float,
    sequences: bool,
    save: bool,
    bfloat16: bool = False,
) -> tuple[typing.Any, ...]:
    """
    (y or None, h, None, and for backward, if save: gates, h_prev, None, None, and raw, stats or None) of whole sequences.
    """

def softmax_backward(y: typing.Any, dy: typing.Any, dx: typing.Any, accumulate: int = 0) -> None:
    """
    Gradient of softmax_forward into dx.
    """

def softmax_forward(x: typing.Any) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    exp(x) / sum(exp(x)) over the last axis; a row of -inf alone gives zeros.
    """

def strided_copy(x: typing.Any, y: typing.Any, accumulate: bool = False) -> None:
    """
    y = x or y += x, both with any strides, of one shape and type.
    """

def take_backward(indices: typing.Any, dy: typing.Any, axis: typing.Any, dx: typing.Any, accumulate: int = 0) -> None:
    """
    Gradient of take_forward; int64 and uint64 too.
    """

def take_forward(
    x: typing.Any, indices: typing.Any, axis: typing.Any
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    x[..., indices, ...] along an axis.
    """

def touch_all(touched: TouchedRows) -> None:
    """
    Note that every row may have a gradient.
    """

def transpose_backward(
    dy: typing.Any, axes: collections.abc.Sequence[int], dx: typing.Any, accumulate: int = 0
) -> None:
    """
    Gradient of transpose_forward.
    """

def transpose_forward(
    x: typing.Any, axes: collections.abc.Sequence[int]
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    x with its axes in another order.
    """

def unary_backward(
    saved: typing.Any, dy: typing.Any, op: str, a: float, b: float, dx: typing.Any, accumulate: int = 0
) -> None:
    """
    Gradient of unary_forward; saved: the result for reciprocal, sqrt, rsqrt, exp, else x.
    """

def unary_forward(
    x: typing.Any, op: str, a: float = 0.0, b: float = 0.0
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    op(x) element by element; a, b: the bounds of clip and saturate.
    """

def unbroadcast(dy: typing.Any, dx: typing.Any, scale: float = 1.0, accumulate: bool = False) -> None:
    """
    dx (+)= scale * dy, summed over the axes along which dx broadcasts to dy.
    """

def unscale_gradients(group: ParameterGroup, state: typing.Any, growth_steps: int) -> None:
    """
    Divide the gradients of a group by state[0], the scale of the loss, into its weights; the group is due, and state[1] counts on, if all are finite, else the scale is halved; after growth_steps it is doubled.
    """

def update_rule(rule: str) -> tuple[typing.Any, ...]:
    """
    The names of a rule's options, and of its slots, each with that of the option that asks for it, or None.
    """

def use_isa(name: str) -> None:
    """
    Switch the kernels' instruction set (tests); not while other threads compute.
    """

def where_backward(
    condition: typing.Any,
    x: typing.Any,
    y: typing.Any,
    dy: typing.Any,
    dx: typing.Any,
    dy_: typing.Any,
    accumulate: int = 0,
) -> None:
    """
    Gradients of where_forward.
    """

def where_forward(
    condition: typing.Any, x: typing.Any, y: typing.Any
) -> numpy.ndarray[typing.Any, numpy.dtype[typing.Any]]:
    """
    condition ? x : y with broadcasting; x or y may be a number.
    """

def work_alone(on: bool) -> None:
    """
    Whether operations of the calling thread stay on it.
    """
