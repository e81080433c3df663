"""Operations of lamina.ops in onnxruntime: every one that has nodes, with its options, with fixed and free sizes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import lamina
from lamina import Tensor, activations, ops
from lamina.core.tree import flatten, map_structure
from lamina.export import to_onnx
from lamina.export.handlers import HANDLERS
from lamina.layers import InputSpec


class Function(lamina.Model):
    """A function of tensors as a model of one list."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.autocast = False

    def call(self, inputs):
        return self.function(*inputs)


def run(proto, arrays):
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    return session.run(None, {n: arrays[int(n.removeprefix("input_"))] for n in names})


def same(function, proto, arrays):
    want = flatten(function(*[Tensor(a) for a in arrays]))
    for a, b in zip(want, run(proto, arrays), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(b.astype(float), a.numpy().astype(float), rtol=2e-5, atol=4e-6)


def words(text):
    return text.split()


def check(function, *arrays):
    """The same numbers with these sizes, and, unless the graph is refused, with a free first axis."""
    specs = [InputSpec(shape=a.shape, dtype=a.dtype) for a in arrays]
    same(function, to_onnx(Function(function), [specs], verify=False), arrays)
    if len({a.shape[:1] for a in arrays}) != 1 or not arrays[0].ndim:
        return
    specs = [InputSpec(shape=(None, *a.shape[1:]), dtype=a.dtype) for a in arrays]
    try:
        proto = to_onnx(Function(function), [specs], verify=False)
    except (ValueError, IndexError, TypeError):  # the function itself wants these sizes, or it is refused
        return
    more = [np.concatenate([a, a, a])[: 2 * len(a) + 1] for a in arrays]
    for given in (arrays, more):
        same(function, proto, given)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-2, 2, shape).astype("f4")


def positive(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.1, 0.9, shape).astype("f4")


def whole(*shape, high=6, seed=0):
    return np.random.default_rng(seed).integers(0, high, shape)


X, Y, P, Q = numbers(4, 3), numbers(4, 3, seed=1), positive(4, 3), positive(4, 3, seed=1)
N, M = whole(4, 3) - 3, whole(4, 3, seed=1) + 1
B = X > 0
ODD = np.array([[np.nan, np.inf, -np.inf], [1.0, -2.0, 0.0], [0.5, 1.5, -0.5], [3.0, 4.0, 5.0]], "f4")
IMAGE = numbers(2, 6, 5, 4)

UNARY = words(
    "abs absolute fabs arctan arcsinh ceil cos cosh erf erfc exp exp2 expm1 floor negative sign sin sinh square "
    "tan tanh trunc isnan isinf isfinite isposinf isneginf isreal signbit nan_to_num cbrt sinc deg2rad rad2deg "
    "relu sigmoid softplus softsign mish elu celu selu relu6 leaky_relu hard_tanh hard_sigmoid hard_silu "
    "hard_swish silu swish gelu log_sigmoid tanh_shrink soft_shrink hard_shrink squareplus sparse_plus "
    "sparse_sigmoid softmax log_softmax glu sum mean max min amax amin prod any all var std logsumexp "
    "count_nonzero ptp argmax argmin norm normalize median sort argsort cumsum flatten ravel expand_dims squeeze "
    "transpose flip fliplr flipud rot90 unstack stop_gradient copy array convert_to_tensor zeros_like ones_like "
    "empty_like tril triu diagonal trace logical_not round average concatenate stack vstack hstack dstack "
    "layer_norm layer_normalization rms_norm rms_normalization real imag conj conjugate fft fft2 rfft view "
)
IN_DOMAIN = {
    "arccos": P, "arccosh": 1 + P, "arcsin": P, "arctanh": P, "log": P, "log10": P, "log1p": P, "log2": P,
    "reciprocal": P, "rsqrt": P, "sqrt": P, "det": numbers(2, 3, 3), "bitwise_invert": N, "bitwise_not": N,
    "view_as_complex": numbers(4, 3, 2), "cdist": None, "glu": numbers(4, 6), "expand_dims": None, "empty_like": None,
    "flipud": X, "copy": X, "view": X,
}  # fmt: skip
BINARY = words(
    "add subtract multiply divide true_divide maximum minimum fmax fmin mod remainder floor_divide fmod power "
    "divide_no_nan equal not_equal greater greater_equal less less_equal logical_and logical_or logical_xor "
    "arctan2 hypot logaddexp logaddexp2 heaviside isclose allclose outer inner vdot dot tensordot kron cross "
    "append mean_squared_error ldexp isin "
)


@pytest.mark.parametrize("name", [n for n in UNARY if n not in IN_DOMAIN and n in HANDLERS])
@pytest.mark.parametrize("x", [X, ODD, N], ids=["floats", "odd", "integers"])
def test_an_operation_of_one_tensor(name, x):
    if x is ODD and name in ("sort", "argsort", "argmax", "argmin", "median", "fft", "fft2", "rfft", "softmax", "mish"):
        pytest.skip("where NaN stands among numbers is not said by ONNX")
    function = getattr(ops, name)
    try:
        function(x)
    except (TypeError, ValueError):
        pytest.skip("the operation does not take these")
    if x is ODD and name in activations.__all__:  # onnxruntime's limits at infinity are its own
        x = np.where(np.isfinite(x), x, 9).astype("f4")
    if x is ODD and not np.isfinite(np.concatenate([np.ravel(t.numpy()) for t in flatten(function(x))])).all():
        x = np.where(np.isnan(x), 0, x)
    try:
        check(function, x)
    except Exception as error:
        if "NOT_IMPLEMENTED" not in str(error) or x is not N:  # onnxruntime has no such kernel for integers
            raise


@pytest.mark.parametrize("name", [n for n, x in IN_DOMAIN.items() if x is not None and n in HANDLERS])
def test_an_operation_of_one_tensor_in_its_domain(name):
    check(getattr(ops, name), IN_DOMAIN[name])


@pytest.mark.parametrize("name", [n for n in BINARY if n in HANDLERS])
@pytest.mark.parametrize(("x", "y"), [(X, Y), (N, M), (X, Y[:1])], ids=["floats", "integers", "broadcast"])
def test_an_operation_of_two_tensors(name, x, y):
    function = getattr(ops, name)
    if name in ("power", "ldexp"):
        x, y = (np.abs(x) + 1).astype(x.dtype), (np.abs(y) % 3).astype(y.dtype)
    try:
        function(x, y)
    except (TypeError, ValueError):
        pytest.skip("the operation does not take these")
    check(function, x, y)


@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "greater", "divide", "power", "floor_divide", "mod"])
@pytest.mark.parametrize("number", [2, 1.5, -3])
def test_numbers_take_the_type_of_the_other(name, number):
    function = getattr(ops, name)
    for x in (np.abs(X) + 1, np.abs(N) + 1):
        if not (name == "power" and number == -3):
            check(lambda x: function(x, number), x)
            check(lambda x: function(number, x), x)


NAN = words("sum mean max min prod var std argmax argmin cumsum cumprod")

# Calls with options: what the name of the operation does not say.
CASES = {
    "affine": lambda: (lambda x: ops.add(x, np.float32(2), activation="relu"), X),
    "argmax axis": lambda: (lambda x: ops.argmax(x, 1, keepdims=True), X),
    "argsort axis": lambda: (lambda x: ops.argsort(x, 0), X),
    "array_split": lambda: (lambda x: ops.array_split(x, 2, 1), X),
    "average weights": lambda: (lambda x, w: ops.average(x, 1, w), X, P),
    "average weights of an axis": lambda: (lambda x: ops.average(x, 1, np.array([1.0, 2, 3], "f4")), X),
    "average_pool same": lambda: (lambda x: ops.average_pool(x, 2, 1, "same"), IMAGE),
    "average_pool padded": lambda: (lambda x: ops.average_pool(x, 3, 2, 1, divisor="padded"), IMAGE),
    "average_pool dilated": lambda: (lambda x: ops.average_pool(x, 2, 1, dilation_rate=2), IMAGE),
    "average_pool ceiled": lambda: (lambda x: ops.average_pool(x, 2, 2, ceil_mode=True), IMAGE),
    "average_pool2d": lambda: (lambda x: ops.average_pool2d(x, 2, count_pad=True), IMAGE),
    "batch_norm": lambda: (
        lambda x: ops.batch_norm(x, np.ones(3, "f4"), None, Tensor(P[0]), Tensor(P[1]), False, activation="relu"), X
    ),
    "batch_normalization": lambda: (lambda x: ops.batch_normalization(x, P[0], P[1], -1, Q[0], Q[1]), X),
    "bitwise": lambda: (lambda x, y: (ops.bitwise_and(x, y), ops.bitwise_or(x, y), ops.bitwise_xor(x, y)), N, M),
    "booleans bit by bit": lambda: (lambda x, y: (ops.bitwise_and(x, y), ops.bitwise_invert(x)), B, ~B),
    "shifts": lambda: (lambda x, y: (ops.bitwise_left_shift(x, y), ops.bitwise_right_shift(x, y)), N, M),
    "other shifts": lambda: (lambda x, y: (ops.left_shift(x, y), ops.right_shift(x, y)), N, M.astype("i4")),
    "broadcast_to": lambda: (lambda x: ops.broadcast_to(x[:, None], (x.shape[0], 2, 3)), X),
    "cast": lambda: (lambda x: (ops.cast(x, "int32"), ops.cast(x, "bool"), ops.cast(x, "float64")), X),
    "saturate_cast": lambda: (lambda x: ops.saturate_cast(x * 300, "uint8"), X),
    "cdist": lambda: (ops.cdist, X, Y),
    "clip": lambda: (lambda x: ops.clip(x, -1, 0.5), X),
    "clip from below": lambda: (lambda x: ops.clip(x, 0, None), N),
    "concatenate": lambda: (lambda x, y: ops.concatenate([x, y, x], -1), X, N),
    "concatenate flat": lambda: (lambda x, y: ops.concatenate([x, y], None), X, Y),
    "conv": lambda: (lambda x: ops.conv(x, numbers(3, 2, 4, 5), 2, "same", bias=np.ones(5, "f4")), IMAGE),
    "conv causal": lambda: (lambda x: ops.conv(x, numbers(3, 4, 2), 1, "causal", dilation_rate=2), numbers(2, 8, 4)),
    "conv first": lambda: (lambda x: ops.conv(x, numbers(3, 2, 6, 5), data_format="channels_first"), IMAGE),
    "conv groups": lambda: (lambda x: ops.conv(x, numbers(2, 2, 2, 6), groups=2, activation="tanh"), IMAGE),
    "conv circular": lambda: (lambda x: ops.conv(x, numbers(3, 3, 4, 2), 1, 1, padding_mode="circular"), IMAGE),
    "conv reflect": lambda: (lambda x: ops.conv(x, numbers(3, 3, 4, 2), 2, "same", padding_mode="reflect"), IMAGE),
    "conv2d": lambda: (lambda x: ops.conv2d(x, numbers(3, 3, 4, 2), P[0, :2]), IMAGE),
    "conv_transpose": lambda: (lambda x: ops.conv_transpose(x, numbers(3, 2, 5, 4), 2, "same"), IMAGE),
    "conv_transpose padded": lambda: (lambda x: ops.conv_transpose(x, numbers(3, 3, 5, 4), 2, 1, 1), IMAGE),
    "conv_transpose dilated": lambda: (lambda x: ops.conv_transpose(x, numbers(2, 3, 5, 4), 1, dilation_rate=2), IMAGE),
    "conv_transpose wide": lambda: (lambda x: ops.conv_transpose(x, numbers(2, 2, 5, 4), 3, "same"), IMAGE),
    "crop_images": lambda: (lambda x: ops.image.crop_images(x, 1, 1, target_height=3, target_width=2), IMAGE),
    "cumsum": lambda: (lambda x: ops.cumsum(x, 1), X),
    "cumsum of integers": lambda: (lambda x: ops.cumsum(x, 0), N),
    "dense": lambda: (lambda x: ops.dense(x, numbers(4, 3), P[0], "relu"), IMAGE),
    "depth_to_space": lambda: (lambda x: ops.depth_to_space(x, 2), IMAGE),
    "space_to_depth": lambda: (lambda x: ops.space_to_depth(x, 2), numbers(2, 4, 6, 3)),
    "depthwise_conv": lambda: (lambda x: ops.depthwise_conv(x, numbers(3, 3, 4, 2), 2, "same_lower"), IMAGE),
    "depthwise_conv2d": lambda: (lambda x: ops.depthwise_conv2d(x, numbers(3, 3, 4, 2)), IMAGE),
    "diagonal": lambda: (lambda x: ops.diagonal(x, 1, 1, 2), numbers(2, 3, 4)),
    "digitize": lambda: (lambda x: ops.digitize(x, [-1.0, 0.0, 0.5]), X),
    "einsum": lambda: (lambda x, y: ops.einsum("nij,nkj->nik", x, y), numbers(2, 3, 4), numbers(2, 5, 4)),
    "einsum of a matrix": lambda: (lambda x: ops.einsum("...i,ij->...j", x, numbers(4, 2)), IMAGE),
    "einsum of one": lambda: (lambda x: ops.einsum("nij->nji", x), numbers(2, 3, 4)),
    "embedding": lambda: (lambda i: ops.embedding(i, numbers(6, 3)), whole(4, 3)),
    "eye": lambda: (lambda x: x + ops.eye(4, 3, 1), X),
    "identity": lambda: (lambda x: ops.matmul(x, ops.identity(3)), X),
    "fft of pairs": lambda: (lambda x, y: ops.fft((x, y)), X, Y),
    "ifft2": lambda: (lambda x, y: ops.ifft2((x, y)), X, Y),
    "rfft padded": lambda: (lambda x: ops.rfft(x, 8), X),
    "flip axis": lambda: (lambda x: ops.flip(x, 1), X),
    "full": lambda: (lambda x: x * ops.full((x.shape[0], 1), 2.5), X),
    "full_like": lambda: (lambda x: ops.full_like(x, 3), X),
    "empty": lambda: (lambda x: x + 0 * ops.zeros_like(ops.empty((x.shape[0], 3))), X),
    "zeros": lambda: (lambda x: x + ops.zeros((x.shape[0], 3)), X),
    "ones": lambda: (lambda x: x + ops.ones((x.shape[0], 3)), X),
    "arange": lambda: (lambda x: x + ops.expand_dims(ops.cast(ops.arange(x.shape[0]), "float32"), 1), X),
    "tri": lambda: (lambda x: ops.matmul(ops.tri(x.shape[0], k=-1), x), X),
    "linspace": lambda: (lambda x: ops.linspace(x[0], x[1], 5), X),
    "meshgrid": lambda: (ops.meshgrid, X[:, 0], Y[:, 0]),
    "getitem": lambda: (lambda x: (x[1:, ::-1], x[..., -1], x[:, None, 1:3], x[0], x[-2:, 0]), X),
    "getitem of a free end": lambda: (lambda x: (x[: x.shape[0] - 1], x[: x.shape[0] // 2]), X),
    "getitem by integers": lambda: (lambda x: x[:, np.array([2, 0, 0])], X),
    "getitem by two": lambda: (lambda x: x[:, np.array([1, 0]), np.array([2, 3])], numbers(2, 3, 4)),
    "get_item": lambda: (lambda x: ops.get_item(x, (slice(None), 1)), X),
    "gelu exact": lambda: (lambda x: ops.gelu(x, approximate=False), X),
    "global pools": lambda: (lambda x: (ops.global_average_pool2d(x), ops.global_max_pool2d(x, True)), IMAGE),
    "adaptive": lambda: (lambda x: (ops.adaptive_average_pool(x, (3, 5)), ops.adaptive_max_pool(x, 2)), IMAGE),
    "group_norm": lambda: (lambda x: ops.group_norm(x, np.ones(4, "f4"), np.ones(4, "f4"), 2), IMAGE),
    "hsplit": lambda: (lambda x: ops.hsplit(x, [1]), X),
    "vsplit": lambda: (lambda x: ops.vsplit(x, 2), X),
    "dsplit": lambda: (lambda x: ops.dsplit(x, 2), numbers(2, 3, 4)),
    "in_top_k": lambda: (lambda t, p: ops.in_top_k(t, p, 2), whole(4, high=3), X),
    "isclose nan": lambda: (lambda x: ops.isclose(x, x + 1e-7, equal_nan=True), ODD),
    "layer_norm": lambda: (lambda x: ops.layer_norm(x, P[0], Q[0]), X),
    "layer_normalization axes": lambda: (lambda x: ops.layer_normalization(x, axis=(1, 2)), IMAGE),
    "lp_pool": lambda: (lambda x: (ops.lp_pool(x, 2, 2, padding="same"), ops.lp_pool(abs(x), 3, 2)), IMAGE),
    "matmul": lambda: (ops.matmul, numbers(2, 3, 4), numbers(2, 4, 5)),
    "matmul of a vector": lambda: (lambda x: ops.matmul(x, P[0]), X),
    "max initial": lambda: (lambda x: ops.max(x, 1, initial=0.5), X),
    "max_pool": lambda: (lambda x: ops.max_pool(x, (3, 2), 1, "same", dilation_rate=(1, 2)), IMAGE),
    "max_pool ceiled": lambda: (lambda x: ops.max_pool(x, 2, 2, 1, ceil_mode=True), IMAGE),
    "max_pool indices": lambda: (lambda x: ops.max_pool(x, 2, return_indices=True), IMAGE),
    "max_pool first": lambda: (
        lambda x: ops.max_pool(x, 2, return_indices=True, padding="same", data_format="channels_first"), IMAGE
    ),
    "max_pool2d": lambda: (lambda x: ops.max_pool2d(x, 2), IMAGE),
    "median axis": lambda: (lambda x: ops.median(x, 1, keepdims=True), numbers(3, 4)),
    "moments": lambda: (lambda x: ops.moments(x, [0, 1]), X),
    "moveaxis": lambda: (lambda x: ops.moveaxis(x, (1, 3), (2, 1)), IMAGE),
    "multi_hot": lambda: (lambda i: ops.multi_hot(i, 6), whole(4, 3)),
    "norms": lambda: (lambda x: [ops.norm(x, o, 1) for o in (None, 1, 2, 3, np.inf, -np.inf, 0)], X),
    "normalize order": lambda: (lambda x: ops.normalize(x, 1, 1), X),
    "one_hot": lambda: (lambda i: ops.one_hot(i, 6, 1), whole(4, 3)),
    "one_hot beyond": lambda: (lambda i: ops.one_hot(i, 4), N),
    "pad": lambda: (lambda x: ops.pad(x, ((1, 2), (0, 1)), constant_values=1.5), X),
    "pad reflect": lambda: (lambda x: ops.pad(x, ((0, 0), (2, 1)), "reflect"), X),
    "pad edge": lambda: (lambda x: ops.pad(x, 2, "edge"), X),
    "pad wrap": lambda: (lambda x: ops.pad(x, ((0, 0), (1, 2)), "wrap"), X),
    "pad symmetric": lambda: (lambda x: ops.pad(x, ((0, 0), (3, 2)), "symmetric"), X),
    "pad booleans": lambda: (lambda x: ops.pad(x, 1), B),
    "pad_images": lambda: (lambda x: ops.image.pad_images(x, 1, 2, 3, 0), IMAGE),
    "polar": lambda: (ops.polar, X, Y),
    "rearrange": lambda: (lambda x: ops.rearrange(x, "n (a b) w c -> n (w a) (b c)", a=2), IMAGE),
    "repeat": lambda: (lambda x: ops.repeat(x, 3, 1), X),
    "repeat all": lambda: (lambda x: ops.repeat(x, 2), X),
    "repeat each": lambda: (lambda x: ops.repeat(x, [1, 0, 2], 1), X),
    "reshape": lambda: (lambda x: (ops.reshape(x, (-1, 2, 2)), ops.reshape(x, (x.shape[0], 30, 4))), IMAGE),
    "resize": lambda: (lambda x: ops.image.resize(x, (9, 4)), IMAGE),
    "resize nearest": lambda: (lambda x: ops.image.resize(x, (4, 10), "nearest"), IMAGE),
    "resize bicubic": lambda: (lambda x: ops.image.resize(x, (9, 4), "bicubic"), IMAGE),
    "resize area": lambda: (lambda x: ops.image.resize(x, (4, 3), "area"), IMAGE),
    "resize onnx": lambda: (
        lambda x: ops.image.resize(x, (9, 4), "bicubic", rule="onnx", coordinates="align_corners"), IMAGE
    ),
    "resize torch": lambda: (lambda x: ops.image.resize(x, (9, 4), "nearest", rule="torch"), IMAGE),
    "resize cropped": lambda: (lambda x: ops.image.resize(x, (3, 9), crop_to_aspect_ratio=True), IMAGE),
    "resize one": lambda: (lambda x: ops.image.resize(x, (4, 3), data_format="channels_first"), numbers(4, 6, 5)),
    "resize integers": lambda: (lambda x: ops.image.resize(x, (9, 4)), whole(2, 6, 5, 3, high=256).astype("u1")),
    "rms_norm": lambda: (lambda x: ops.rms_norm(x, P[0]), X),
    "roll": lambda: (lambda x: (ops.roll(x, 1), ops.roll(x, (1, -1), (0, 1)), ops.roll(x, 2, 1)), X),
    "rotary_embedding": lambda: (lambda x: ops.rotary_embedding(x, P[:, :2], Q[:, :2]), numbers(2, 4, 4)),
    "rotations": lambda: (lambda x: [ops.rot90(x, k, (1, 2)) for k in range(4)], numbers(2, 3, 4)),
    "round decimals": lambda: (lambda x: ops.round(x, 1), X),
    "round halves": lambda: (ops.round, np.array([0.5, 1.5, 2.5, -0.5, -1.5], "f4")),
    "scatter": lambda: (lambda v: ops.scatter(np.array([[1], [3], [1], [0]]), v, (5, 3)), X),
    "scatter_update": lambda: (lambda x: ops.scatter_update(x, np.array([[1, 0], [2, 2]]), P[0, :2]), X),
    "scatter_update add": lambda: (lambda x: ops.scatter_update(x, np.array([[1, 0], [1, 0]]), P[0, :2], "add"), X),
    "searchsorted": lambda: (lambda x: ops.searchsorted(np.array([-1.0, 0, 1], "f4"), x, "right"), X),
    "segment_sum": lambda: (lambda x: ops.segment_sum(x, np.array([0, 2, 0, 1]), 3), X),
    "segment_max": lambda: (lambda x: ops.segment_max(x, np.array([0, 2, 0, 1]), 3), X),
    "segment_min": lambda: (lambda x: ops.segment_min(x, np.array([0, 2, 0, 1]), 3), X),
    "segment_prod": lambda: (lambda x: ops.segment_prod(x, np.array([0, 2, 0, 1]), 3), X),
    "select": lambda: (lambda x, y: ops.select([x > 1, y > 0], [x, y], -1.0), X, Y),
    "separable_conv": lambda: (lambda x: ops.separable_conv(x, numbers(3, 3, 4, 2), numbers(1, 1, 8, 3)), IMAGE),
    "slice": lambda: (lambda x: ops.slice(x, (1, 0), (2, 2)), X),
    "slice_update": lambda: (lambda x: ops.slice_update(x, (1, 1), P[:2, :2]), X),
    "softmax axes": lambda: (lambda x: ops.softmax(x, (1, 2)), IMAGE),
    "sort axis": lambda: (lambda x: ops.sort(x, 0), X),
    "split": lambda: (lambda x: ops.split(x, [1, 3], -1), IMAGE),
    "split of a free axis": lambda: (lambda x: ops.split(x, [1, 2]), X),
    "stack": lambda: (lambda x, y: ops.stack([x, y], 1), X, Y),
    "sums": lambda: (lambda x: (ops.sum(x, (1, 2)), ops.mean(x, -1, keepdims=True), ops.max(x, 1)), IMAGE),
    "swapaxes": lambda: (lambda x: ops.swapaxes(x, 1, -1), IMAGE),
    "take": lambda: (lambda x: ops.take(x, np.array([[2, 0], [1, 1]]), 1), X),
    "take flat": lambda: (lambda i: ops.take(X, i), whole(4, high=12)),
    "take_along_axis": lambda: (lambda x, i: ops.take_along_axis(x, i, 1), X, whole(4, 2, high=3)),
    "tensordot": lambda: (lambda x: ops.tensordot(x, numbers(4, 5, 3), [[3, 2], [0, 1]]), IMAGE),
    "threshold": lambda: (lambda x: ops.threshold(x, 0.5, -1.0), X),
    "tile": lambda: (lambda x: (ops.tile(x, (2, 1, 3)), ops.tile(x, 2)), X),
    "top_k": lambda: (lambda x: ops.top_k(x, 2), X),
    "transpose": lambda: (lambda x: ops.transpose(x, (0, 3, 1, 2)), IMAGE),
    "triangles": lambda: (lambda x: (ops.tril(x, -1), ops.triu(x, 1)), numbers(2, 3, 4)),
    "view_as_real": lambda: (lambda x, y: ops.view_as_real((x, y)), X, Y),
    "where": lambda: (lambda x, y: ops.where(x > y, x, 0.0), X, Y),
    "max_unpool": lambda: (
        lambda x: ops.max_unpool(*ops.max_pool(x, 2, return_indices=True), 2, output_shape=(6, 5)), IMAGE
    ),
    "alibi": lambda: (
        lambda q: ops.dot_product_attention(q, q, q, is_causal=True, alibi_slopes=ops.alibi_slopes(2)),
        numbers(2, 5, 2, 4),
    ),
    "attention": lambda: (lambda q, k: ops.dot_product_attention(q, k, k), numbers(2, 5, 2, 4), numbers(2, 3, 2, 4)),
    "attention masked": lambda: (
        lambda q, m: ops.dot_product_attention(q, q, q, mask=m[:, None, None]), numbers(2, 5, 2, 4),
        np.array([[1, 1, 0, 1, 0], [0, 0, 0, 0, 0]], bool),
    ),
    "attention grouped": lambda: (
        lambda q, k: ops.dot_product_attention(q, k, k, is_causal=True, causal_alignment="bottom_right"),
        numbers(2, 3, 4, 4), numbers(2, 5, 2, 4),
    ),
    "attention capped": lambda: (
        lambda q, n: ops.dot_product_attention(q, q, q, lengths=n, attn_logits_soft_cap=0.5, scale=0.3),
        numbers(2, 5, 2, 4), np.array([5, 2]),
    ),
    "attention_with_scores": lambda: (
        lambda q, b: ops.attention_with_scores(q, q, q, bias=b), numbers(2, 5, 2, 4), numbers(2, 2, 5, 5)
    ),
    "binary_cross_entropy": lambda: (ops.binary_cross_entropy, P, Q),
    "binary_crossentropy": lambda: (lambda t, x: ops.binary_crossentropy(t, x, from_logits=True), P, X),
    "categorical_cross_entropy": lambda: (
        lambda x, t: ops.categorical_cross_entropy(x, t, label_smoothing=0.1, ignore_class=1), P, whole(4, high=3)
    ),
    "categorical_cross_entropy_mean": lambda: (
        lambda x, t: ops.categorical_cross_entropy_mean(x, t, ignore_class=1), P, whole(4, high=3)
    ),
    "categorical_crossentropy": lambda: (lambda t, x: ops.categorical_crossentropy(t, x, True, 1), P, X),
    "sparse_categorical_crossentropy": lambda: (ops.sparse_categorical_crossentropy, whole(4, high=3), P),
    "softmax_cross_entropy": lambda: (lambda x, t: ops.softmax_cross_entropy(x, t, P[:, 0]), X, whole(4, high=3)),
    "softmax_cross_entropy_mean": lambda: (ops.softmax_cross_entropy_mean, X, whole(4, high=3)),
    "huber": lambda: (lambda t, x: ops.huber(t, x, 0.7), X, Y),
    "log_cosh": lambda: (ops.log_cosh, X, Y * 20),
    "kl_divergence": lambda: (ops.kl_divergence, P, Q),
    "poisson": lambda: (ops.poisson, P, Q),
    "mean_absolute_error": lambda: (ops.mean_absolute_error, X, Y),
    "point_loss_mean": lambda: (lambda t, x: ops.point_loss_mean("huber", t, x, 0.5), X, Y),
    "extract_patches": lambda: (lambda x: ops.image.extract_patches(x, (2, 3), 1, 2, padding="same"), IMAGE),
    "extract_patches first": lambda: (lambda x: ops.image.extract_patches(x, 2, data_format="channels_first"), IMAGE),
    "extract_patches one": lambda: (lambda x: ops.image.extract_patches(x[0], 2), IMAGE),
    "extract_patches_3d": lambda: (lambda x: ops.image.extract_patches_3d(x, 2, 1), numbers(2, 3, 4, 3, 2)),
    "extract_sequences": lambda: (lambda x: ops.extract_sequences(x, 4, 3), numbers(3, 12)),
    "irfft": lambda: (lambda x, y: (ops.irfft((x, y)), ops.irfft((x, y), 7), ops.irfft((x, y), 3)), X, Y),
    "stft": lambda: (lambda x: ops.stft(x, 6, 3, 8), numbers(2, 20)),
    "istft": lambda: (lambda x: ops.istft(ops.stft(x, 6, 3, 8), 6, 3, 8), numbers(2, 21)),
    # Composed of others.
    "angle": lambda: (lambda x, y: ops.angle((x, y)), X, Y),
    "argpartition": lambda: (lambda x: ops.take_along_axis(x, ops.argpartition(x, 1), 1)[:, 1], X),
    "cumprod": lambda: (lambda x: ops.cumprod(x, 1), X),
    "diag": lambda: (lambda x: (ops.diag(x), ops.diag(x[0], 1), ops.diagflat(x)), numbers(3, 3)),
    "diff": lambda: (lambda x: ops.diff(x, 2), X),
    "erfinv": lambda: (ops.erfinv, X / 2.1),
    "gaussian_blur": lambda: (lambda x: ops.image.gaussian_blur(x, (3, 3), (1.0, 0.5)), IMAGE),
    "colours": lambda: (
        lambda x: (ops.image.rgb_to_grayscale(x), ops.image.rgb_to_hsv(x), ops.image.hsv_to_rgb(x)),
        positive(2, 3, 4, 3),
    ),
    "map_coordinates": lambda: (lambda x: ops.image.map_coordinates(x, positive(2, 5) * 3, 1), numbers(4, 4)),
    "associative_scan": lambda: (lambda x: ops.associative_scan(ops.add, x, axis=1), X),
    "map": lambda: (lambda x: ops.map(lambda row: row * 2 + 1, x), X),
    "scan": lambda: (lambda x: ops.scan(lambda c, v: (c + v, c * v), x[0], x), X),
    "vectorized_map": lambda: (lambda x: ops.vectorized_map(ops.exp, x), X),
    "fori_loop": lambda: (lambda x: ops.fori_loop(0, 3, lambda i, v: v * 0.5 + i, x), X),
    "nan reductions": lambda: (
        lambda x: [getattr(ops, f"nan{kind}")(x, 1) for kind in NAN], np.where(X > 1, np.nan, X).astype("f4")
    ),
    "quantiles": lambda: (lambda x: (ops.quantile(x, [0.2, 0.6], 1), ops.percentile(x, 30, 1)), X),
    "psnr": lambda: (lambda x, y: ops.psnr(x, y, 4.0), X, Y),
    "ssim": lambda: (
        lambda x, y: ops.image.ssim(x, y, filter_size=3), positive(1, 8, 8, 2), positive(1, 8, 8, 2, seed=1)
    ),
    "scale_and_translate": lambda: (
        lambda x: ops.image.scale_and_translate(
            x, (2, 8, 4, 4), np.array([1.5, 0.8], "f4"), np.array([0.5, 0.1], "f4"), (1, 2), "linear"
        ), IMAGE,
    ),
    "sobel_edges": lambda: (ops.image.sobel_edges, IMAGE),
    "sparsemax": lambda: (ops.sparsemax, X),
    "trapezoid": lambda: (lambda y: ops.trapezoid(y, axis=1), X),
    "windows": lambda: (lambda x: x * ops.hamming(3) + ops.hanning(3) - ops.bartlett(3) + ops.kaiser(3, 2.0), X),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_operation_with_options(name):
    check(*CASES[name]())


# Operations that have nodes, but in a call with everything computed none; tested with layers.
ELSEWHERE = {"lstm", "gru", "simple_rnn", "lstm_cell", "conv_lstm", "recurrence", "resize_axes"}
REFUSED = {"bincount", "nanmedian", "nanquantile", "nanpercentile", "nonzero", "unique"}


def test_every_operation_with_nodes_is_tried():
    text = Path(__file__).read_text()
    tried = {*UNARY, *BINARY, *IN_DOMAIN, *ELSEWHERE, *REFUSED, "getitem"}
    assert not [n for n in HANDLERS if n not in tried and not re.search(rf"\.{n}\b", text)]


# Operations that have no nodes, and are not composed of some that have.
NO_COUNTERPART = words(
    "affine_transform batch_norm_fold cholesky cholesky_inverse corrcoef correlate ctc_decode ctc_loss eig eigh "
    "elastic_transform fold gcd i0 inv lcm logdet lstsq lu_factor matrix_rank nextafter perspective_transform "
    "pinv qr slogdet solve solve_triangular svd unfold dropout geomspace logspace histogram"
)
NO_TENSORS = words(
    "convert_to_numpy cond custom_gradient dtype is_tensor jvp ndim shape size switch vectorize while_loop"
)  # or functions of Python that choose by values


def test_operations_without_a_counterpart_have_no_nodes():
    assert {*NO_COUNTERPART, *NO_TENSORS} <= set(ops.__all__) - set(HANDLERS)
    assert len(set(ops.__all__) - {*NO_COUNTERPART, *NO_TENSORS}) > 340


@pytest.mark.parametrize("name", ["svd", "eigh", "inv", "qr", "slogdet", "unfold", "nonzero", "fold"])
def test_an_operation_without_a_counterpart_is_refused_by_its_name(name):
    def function(x):
        y = ops.fold(x, 4, 2, stride=2) if name == "fold" else getattr(ops, name)(x, *([2] * (name == "unfold")))
        return flatten(y)[0]

    x = {"unfold": numbers(1, 2, 4, 4), "fold": numbers(1, 8, 4)}.get(name, numbers(3, 3))
    with pytest.raises(ValueError, match="export"):
        check(function, x @ x.T if name == "eigh" else x)


@pytest.mark.parametrize("name", sorted({*activations.__all__} - {"get", "deserialize", "serialize", "threshold"}))
def test_activation_functions(name):
    function = getattr(activations, name)
    if name == "glu":
        check(function, numbers(4, 6))
        return
    check(function, X)


@pytest.mark.parametrize("opset", [18, 19, 20, 21, 22, 23, 24])
@pytest.mark.parametrize(
    "name",
    [
        "attention",
        "attention grouped",
        "average_pool ceiled",
        "gelu exact",
        "group_norm",
        "layer_norm",
        "resize",
        "rfft padded",
        "rms_norm",
        "sums",
    ],
)
def test_every_version_gives_the_same_numbers(name, opset):
    function, *arrays = CASES[name]()
    specs = [InputSpec(shape=a.shape, dtype=a.dtype) for a in arrays]
    same(function, to_onnx(Function(function), [specs], opset_version=opset, verify=False), arrays)


def test_float64_and_integers_keep_their_types():
    check(lambda x: ops.tanh(x) + 1, X.astype("f8"))
    check(lambda x: (x + 1, x * 2, -x), N.astype("i4"))
    check(lambda x: map_structure(lambda t: t, [x, x]), N)
