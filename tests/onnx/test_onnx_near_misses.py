"""Graphs that are, or nearly are, what passes put together: the numbers are those of their nodes either way."""

from __future__ import annotations

import re

import numpy as np
import pytest
from test_onnx_lifting import NORM, array, model_of, operators

import lamina

NUMBERS = {
    "zero": 0.0, "half": 0.5, "one": 1.0, "two": 2.0, "three": 3.0, "five": 5.0, "six": 6.0, "sixth": 1 / 6,
    "root": 2**0.5, "other": 1.5, "s": 0.7978846, "k": 0.044715, "nearly": 0.05,
}  # fmt: skip
SIZES = {"N": 2, "C": 4, "H": 5, "W": 6, "T": 3, "K": 6, "D": 4}


def compared(given: str, result: str, body: str, version: int = 17, **weights: tuple[int, ...]) -> list[str]:
    """The operators of a graph after the passes; the numbers are compared to those without."""
    words = set(re.findall(r"\w+", body))
    made = " ".join(f"{n} = Constant <value = float {{{v!r}}}> ()" for n, v in NUMBERS.items() if n in words)
    file = model_of(f"g ({given}) => ({result}) {{ {made} {body} }}", version, **weights)
    lifted, plain = lamina.onnx.load(file), lamina.onnx.load(file, optimize=False)
    shapes = [[d.dim_value or SIZES[d.dim_param] for d in v.type.tensor_type.shape.dim] for v in file.graph.input]
    inputs = [array(*shape) for shape in shapes]
    found, expected = (x if isinstance(x, list) else [x] for x in (lifted(inputs), plain(inputs)))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-5)
    return operators(lifted)


ERF = "a = {} (x, root) b = Erf (a) c = Add (b, one)"
CUBIC = "c = Add (x, b) d = Mul (c, s) e = Tanh (d) f = Add (e, one) h = Mul (half, x) y = Mul (h, f)"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        # the factor of one half, wherever it stands
        (ERF.format("Div") + " d = Mul (x, c) y = Div (d, two)", "Gelu"),
        (ERF.format("Div") + " h = Div (x, two) y = Mul (h, c)", "Gelu"),
        (ERF.format("Div") + " h = Mul (c, half) y = Mul (h, x)", "Gelu"),
        (ERF.format("Div") + " h = Div (two, x) y = Mul (h, c)", "Div Erf Add Div Mul"),
        (ERF.format("Div") + " d = Mul (x, c) y = Div (d, zero)", "Div Erf Add Mul Div"),
        (ERF.format("Div") + " y = Mul (x, c)", "Div Erf Add Mul"),
        (ERF.format("Div") + " d = Mul (x, c) h = Mul (d, x) y = Mul (h, half)", "Div Erf Add Mul Mul Mul"),
        (ERF.format("Mul") + " d = Mul (x, c) y = Mul (d, half)", "Mul Erf Add Mul Mul"),
        ("b = Erf (x) c = Add (b, one) d = Mul (x, c) y = Mul (d, half)", "Erf Add Mul Mul"),
        ("a = Div (x, root) b = Erf (a) c = Add (b, two) d = Mul (x, c) y = Mul (d, half)", "Div Erf Add Mul Mul"),
        # the cubic of the approximation
        ("a = Mul (x, x) t = Mul (a, x) b = Mul (t, k) " + CUBIC, "Gelu"),
        ("a = Pow (x, three) b = Mul (k, a) " + CUBIC.replace("(x, b)", "(b, x)"), "Gelu"),
        ("a = Pow (x, two) b = Mul (a, k) " + CUBIC, "Pow Mul Add Mul Tanh Add Mul Mul"),
        ("a = Pow (x, three) b = Mul (a, nearly) " + CUBIC, "Pow Mul Add Mul Tanh Add Mul Mul"),
        ("a = Pow (x, three) b = Mul (a, k) " + CUBIC.replace("(c, s)", "(c, half)"),
         "Pow Mul Add Mul Tanh Add Mul Mul"),
        ("b = Pow (x, three) " + CUBIC, "Pow Add Mul Tanh Add Mul Mul"),
        ("b = Exp (x) a = Neg (x) " + CUBIC.replace("(x, b)", "(a, b)"), "Exp Neg Add Mul Tanh Add Mul Mul"),
        ("d = Mul (x, s) e = Tanh (d) f = Add (e, one) h = Mul (half, x) y = Mul (h, f)", "Mul Tanh Add Mul Mul"),
        ("e = Tanh (x) f = Add (e, one) h = Mul (half, x) y = Mul (h, f)", "Tanh Add Mul Mul"),
        # gates
        ("a = Sigmoid (x) b = Mul (a, two) y = Mul (x, b)", "Sigmoid Mul Mul"),
        ("b = Neg (x) a = Sigmoid (b) y = Mul (x, a)", "Neg Sigmoid Mul"),
        ("b = Neg (x) a = Softplus (b) c = Tanh (a) y = Mul (x, c)", "Neg Softplus Tanh Mul"),
        ("a = Softplus (x) c = Tanh (a) d = Mul (c, two) y = Mul (x, d)", "Softplus Tanh Mul Mul"),
        ("a = Sigmoid (x) c = Tanh (a) y = Mul (x, c)", "Sigmoid Tanh Mul"),
        ("a = HardSigmoid <alpha = 0.16666667> (x) y = Mul (x, a)", "HardSwish"),
        ("a = HardSigmoid (x) y = Mul (x, a)", "HardSigmoid Mul"),
        ("a = HardSigmoid <alpha = 0.16666667, beta = 0.4> (x) y = Mul (x, a)", "HardSigmoid Mul"),
        ("a = HardSigmoid <alpha = 0.16666667> (x) b = Mul (x, a) y = Mul (b, two)", "HardSwish Mul"),
        ("b = Neg (x) a = HardSigmoid <alpha = 0.16666667> (b) y = Mul (x, a)", "Neg HardSigmoid Mul"),
        ("a = Add (x, three) b = Clip (a, zero, six) c = Mul (b, sixth) y = Mul (x, c)", "HardSwish"),
        ("a = Add (three, x) b = Clip (a, zero, six) c = Div (b, six) y = Mul (c, x)", "HardSwish"),
        ("a = Add (x, three) b = Clip (a, zero, five) c = Mul (b, sixth) y = Mul (x, c)", "Add Clip Mul Mul"),
        ("a = Add (x, three) b = Clip (a, one, six) c = Mul (b, sixth) y = Mul (x, c)", "Add Clip Mul Mul"),
        ("a = Add (x, two) b = Clip (a, zero, six) c = Mul (b, sixth) y = Mul (x, c)", "Add Clip Mul Mul"),
        ("a = Add (x, three) b = Clip (a, zero, six) y = Mul (x, b)", "Add Clip Mul"),
        ("a = Sub (x, three) b = Clip (a, zero, six) c = Mul (b, sixth) y = Mul (x, c)", "Sub Clip Mul Mul"),
        ("a = Neg (x) d = Add (a, three) b = Clip (d, zero, six) c = Mul (b, sixth) y = Mul (x, c)",
         "Neg Add Clip Mul Mul"),
    ],
)  # fmt: skip
def test_activations(body, wanted):
    with np.errstate(divide="ignore", invalid="ignore"):
        assert compared("float[N, K] x", "float[N, K] y", body) == wanted.split()


def test_bounds_that_are_attributes():
    body = "a = Add (x, three) b = Clip <min = 0.0, max = {}> (a) c = Mul (b, sixth) y = Mul (x, c)"
    assert compared("float[N, K] x", "float[N, K] y", body.format("6.0"), 10) == ["HardSwish"]
    assert compared("float[N, K] x", "float[N, K] y", body.format("5.0"), 10) == ["Add", "Clip", "Mul", "Mul"]


@pytest.mark.parametrize(
    ("node", "stays"),
    [
        ("b = Mul (a, one)", False), ("b = Mul (one, a)", False), ("b = Div (a, one)", False),
        ("b = Add (a, zero)", False), ("b = Add (zero, a)", False), ("b = Sub (a, zero)", False),
        ("b = Div (one, a)", True), ("b = Sub (zero, a)", True), ("b = Mul (a, zero)", True),
        ("b = Add (a, one)", True), ("b = Sub (a, one)", True), ("b = Div (a, two)", True), ("b = Pow (a, one)", True),
        ("b = Mul (a, a)", True),
    ],
)  # fmt: skip
def test_numbers_that_change_nothing(node, stays):
    found = compared("float[N, K] x", "float[N, K] y", f"a = Exp (x) {node} y = Neg (b)")
    assert found == (["Exp", node.split()[2], "Neg"] if stays else ["Exp", "Neg"])


def test_a_number_that_changes_nothing_at_the_ends_of_a_graph_stays():
    assert compared("float[N, K] x", "float[N, K] y", "b = Mul (x, one) y = Neg (b)") == ["Mul", "Neg"]
    assert compared("float[N, K] x", "float[N, K] y", "b = Neg (x) y = Mul (b, one)") == ["Neg", "Mul"]


def test_a_number_that_changes_nothing_but_what_a_branch_reads_stays():
    body = """a = Exp (x) b = Mul (a, one) size = Size (x) number = Cast <to = 1> (size) c = Greater (number, five)
    z = If (c) <then_branch = t () => (float[N, K] u) { u = Neg (b) },
                else_branch = e () => (float[N, K] w) { w = Abs (b) }>
    y = Add (z, b)"""
    assert "Mul" in compared("float[N, K] x", "float[N, K] y", body)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("p = MatMul (q, kt) w = Softmax (p) y = MatMul (w, v)", "Attention"),
        ("a = Mul (q, half) p = MatMul (a, kt) w = Softmax (p) y = MatMul (w, v)", "Attention"),
        ("a = Div (q, two) p = MatMul (a, kt) w = Softmax (p) y = MatMul (w, v)", "Attention"),
        ("a = Mul (three, kt) p = MatMul (q, a) w = Softmax (p) y = MatMul (w, v)", "Attention"),
        ("a = Div (kt, three) p = MatMul (q, a) w = Softmax (p) y = MatMul (w, v)", "Attention"),
        ("a = Div (q, two) b = Mul (kt, three) p = MatMul (a, b) f = Mul (p, half) w = Softmax (f) y = MatMul (w, v)",
         "Attention"),
        ("a = Div (two, q) p = MatMul (a, kt) w = Softmax (p) y = MatMul (w, v)", "Div Attention"),
        ("a = Add (q, two) p = MatMul (a, kt) w = Softmax (p) y = MatMul (w, v)", "Add Attention"),
        ("p = MatMul (q, kt) f = Div (p, two) w = Softmax (f) y = MatMul (w, v)", "Attention"),
        ("p = MatMul (q, kt) f = Div (two, p) w = Softmax (f) y = MatMul (w, v)", "MatMul Div Softmax MatMul"),
        ("p = MatMul (q, kt) f = Mul (p, p) w = Softmax (f) y = MatMul (w, v)", "MatMul Mul Softmax MatMul"),
        ("p = MatMul (q, kt) m = Add (p, mask) w = Softmax (m) y = MatMul (w, v)", "Attention"),
        ("p = MatMul (q, kt) m = Add (mask, p) w = Softmax (m) y = MatMul (w, v)", "Attention"),
        ("p = MatMul (q, kt) f = Mul (p, half) m = Add (mask, f) w = Softmax (m) y = MatMul (w, v)", "Attention"),
        ("p = MatMul (q, kt) f = Exp (p) m = Add (f, mask) w = Softmax (m) y = MatMul (w, v)",
         "MatMul Exp Add Softmax MatMul"),
        ("p = MatMul (q, kt) f = Exp (p) w = Softmax (f) y = MatMul (w, v)", "MatMul Exp Softmax MatMul"),
        ("p = MatMul (q, kt) w = Softmax <axis = 2> (p) y = MatMul (w, v)", "MatMul Softmax MatMul"),
        ("p = MatMul (q, kt) w = Softmax <axis = 3> (p) y = MatMul (w, v)", "Attention"),
        ("p = MatMul (q, kt) w = Sigmoid (p) y = MatMul (w, v)", "MatMul Sigmoid MatMul"),
    ],
)  # fmt: skip
def test_attention(body, wanted):
    given = "float[N, 2, T, D] q, float[N, 2, D, K] kt, float[N, 2, K, D] v, float[T, K] mask"
    assert compared(given, "float[N, 2, T, D] y", body) == wanted.split()


def test_softmax_of_old_files_flattens_behind_axis_one():
    body = "p = MatMul (q, kt) w = Softmax (p) y = MatMul (w, v)"
    given = "float[N, 2, T, D] q, float[N, 2, D, K] kt, float[N, 2, K, D] v"
    assert compared(given, "float[N, 2, T, D] y", body, 11) == ["MatMul", "Softmax", "MatMul"]


@pytest.mark.parametrize(
    ("node", "wanted"),
    [
        ("y = Gemm (x, w)", "Dense"),
        ("y = Gemm (x, w, b)", "Dense"),
        ("y = Gemm (x, w, row)", "Dense"),
        ("y = Gemm <transB = 1> (x, w2, b)", "Dense"),
        ("y = Gemm <alpha = 1.0, beta = 1.0> (x, w, b)", "Dense"),
        ("y = Gemm <alpha = 1.5> (x, w, b)", "Gemm"),
        ("y = Gemm <beta = 1.5> (x, w, b)", "Gemm"),
        ("y = Gemm <transA = 1> (x, w3, b)", "Gemm"),
        ("y = Gemm (x, w, single)", "Gemm"),
        ("y = Gemm (x, w, rows)", "Gemm"),
        ("c = Exp (b) y = Gemm (x, w, c)", "Exp Gemm"),
        ("c = Exp (square) y = Gemm (short, w, c)", "Exp Gemm"),
        ("c = Exp (square) y = Gemm <beta = 2.0> (short, w, c)", "Exp Gemm"),
        ("c = Exp (single) y = Gemm (x, w, c)", "Exp Gemm"),
        ("c = Exp (b) y = Gemm <alpha = 2.0> (x, w, c)", "Exp Gemm"),
        ("c = Exp (b) d = Neg (x) e = Gemm (d, w, c) y = Neg (e)", "Exp Neg Gemm Neg"),
        ("c = Exp (w) y = Gemm (x, c, b)", "Exp Gemm"),
        ("a = MatMul (x, w) y = Add (a, b)", "Dense"),
        ("a = MatMul (x, w) y = Add (row, a)", "Dense"),
        ("a = MatMul (x, w) y = Add (a, single)", "MatMul Add"),
        ("a = MatMul (x, w) y = Add (a, two)", "MatMul Add"),
        ("a = MatMul (x, w) y = Add (a, rows)", "MatMul Add"),
        ("a = MatMul (x, w) y = Sub (a, b)", "MatMul Sub"),
        ("a = MatMul (x, w) c = Exp (b) y = Add (a, c)", "MatMul Exp Add"),
        ("a = MatMul (x, w) c = Neg (a) d = Add (a, b) y = Add (c, d)", "MatMul Neg Add Add"),
    ],
)  # fmt: skip
def test_products(node, wanted):
    weights = {"w": (4, 3), "w2": (3, 4), "w3": (4, 3), "b": (3,), "row": (1, 3), "single": (1,), "rows": (4, 3)}
    weights |= {"square": (3, 3)}
    given = "float[3, 4] short" if "short" in node else "float[4, 4] x"
    assert compared(given, "float[M, 3] y", node, **weights) == wanted.split()


def test_a_weight_that_two_products_read_is_not_turned():
    body = "a = Gemm <transB = 1> (x, w) y = MatMul (a, w)"
    assert compared("float[N, 4] x", "float[N, 4] y", body, w=(3, 4)) == ["Gemm", "MatMul"]


IMAGE = "float[N, 4, H, W] x"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        # behind a convolution
        ("c = Conv (x, w) y = Mul (c, each)", "Conv"),
        ("c = Conv (x, w) y = Sub (c, each)", "Conv"),
        ("c = Conv (x, w, b) y = Mul (each, c)", "Conv"),
        ("c = Conv (x, w) y = Sub (each, c)", "Conv Sub"),
        ("c = Conv (x, w) y = Div (each, c)", "Conv Div"),
        ("c = Conv (x, w) y = Mul (c, c)", "Conv Mul"),
        ("c = Conv (x, w) y = Max (c, each)", "Conv Max"),
        ("c = Conv (x, w) y = Add (c, along)", "Conv Add"),
        ("c = Conv (x, w) y = Add (c, flat)", "Conv"),
        ("c = Conv (x, w) y = Add (c, deeper)", "Conv Add"),
        ("e = Exp (each) c = Conv (x, w) y = Mul (c, e)", "Exp Conv Mul"),
        ("e = Exp (each) c = Conv (x, w) d = Mul (c, each) y = Add (d, e)", "Exp Conv Mul Add"),
        ("e = Exp (w) c = Conv (x, e) y = Mul (c, each)", "Exp Conv Mul"),
        ("e = Exp (b) c = Conv (x, w, e) y = Mul (c, each)", "Exp Conv Mul"),
        ("c = Conv (x, w) d = Conv (c, w) y = Mul (d, each)", "Conv Conv Mul"),
        ("c = ConvTranspose (x, w) y = Mul (c, each)", "ConvTranspose"),
        ("c = ConvTranspose <group = 2> (x, pairs) y = Mul (c, each)", "ConvTranspose Mul"),
        ("c = Conv (x, w) y = Relu (c)", "Conv"),
        ("c = Conv (x, w) y = Sigmoid (c)", "Conv"),
        ("c = Conv (x, w) y = Tanh (c)", "Conv"),
        ("c = Conv (x, w) y = Elu (c)", "Conv Elu"),
        ("c = Conv (x, w) d = Relu (c) y = Mul (d, each)", "Conv Mul"),
        ("c = Conv (x, w) d = Relu (c) y = Relu (d)", "Conv Relu"),
        ("c = Conv (x, w) d = Relu (c) y = Add (d, c)", "Conv Relu Add"),
        # before one
        ("a = Mul (x, each) y = Conv (a, w)", "Conv"),
        ("a = Div (x, each) y = Conv (a, w, b)", "Conv"),
        ("a = Sub (x, each) y = Conv (a, w)", "Conv"),
        ("a = Sub (each, x) y = Conv (a, w)", "Sub Conv"),
        ("a = Div (each, x) y = Conv (a, w)", "Div Conv"),
        ("a = Mul (x, x) y = Conv (a, w)", "Mul Conv"),
        ("a = Mul (x, each) y = Conv <pads = [1, 1, 1, 1]> (a, w)", "Conv"),
        ("a = Sub (x, each) y = Conv <pads = [0, 0, 0, 0]> (a, w)", "Conv"),
        ("a = Sub (x, each) y = Conv <pads = [0, 0, 1, 0]> (a, w)", "Sub Conv"),
        ("a = Sub (x, each) y = Conv <auto_pad = \"SAME_UPPER\"> (a, w)", "Sub Conv"),
        ("a = Sub (x, each) y = Conv <auto_pad = \"NOTSET\"> (a, w)", "Conv"),
        ("a = Mul (x, each) y = ConvTranspose (a, w)", "Mul ConvTranspose"),
        ("a = BatchNormalization (x, scale, shift, mean, var) y = Conv (a, w)", "Conv"),
        ("a = BatchNormalization (x, scale, shift, mean, var) y = Conv <pads = [1, 1, 1, 1]> (a, w)",
         "BatchNormalization Conv"),
        ("a = BatchNormalization (x, scale, shift, mean, var) y = Conv <group = 2> (a, pairs)", "Conv"),
        ("m = Neg (mean) a = BatchNormalization (x, scale, shift, m, var) y = Conv (a, w)",
         "Neg BatchNormalization Conv"),
        # one factor a channel needs to know that there are so many
        ("n = Neg (x) a = Mul (n, each) y = Conv (a, w)", "Neg Mul Conv"),
        ("n = Neg (x) a = Mul (n, two) y = Conv (a, w)", "Neg Conv"),
        ("n = Conv (x, w) a = Mul (n, each) z = Conv (a, w4) n2 = Neg (n) y = Add (z, n2)", "Conv Conv Neg Add"),
        ("n = ConvTranspose (x, w) a = Mul (n, each) z = Conv (a, w4) n2 = Neg (n) y = Add (z, n2)",
         "ConvTranspose Conv Neg Add"),
        ("n = Add (x, plus) a = Mul (n, each) z = Conv (a, w4) n2 = Neg (n) y = Add (z, n2)", "Add Conv Neg Add"),
        ("n = Add (x, two) a = Mul (n, each) z = Conv (a, w4) n2 = Neg (n) y = Add (z, n2)", "Add Mul Conv Neg Add"),
        ("n = Exp (x) a = Mul (n, each) z = Conv (a, w4) n2 = Neg (n) y = Add (z, n2)", "Exp Mul Conv Neg Add"),
    ],
)  # fmt: skip
def test_convolutions(body, wanted):
    every = {
        "w": (4, 4, 3, 3), "w4": (4, 4, 1, 1), "pairs": (4, 2, 3, 3), "b": (4,), "each": (1, 4, 1, 1),
        "plus": (4, 1, 1), "along": (1, 1, 1, 1, 1), "flat": (1,), "deeper": (1, 1, 4, 1, 1), **NORM,
    }  # fmt: skip
    words = set(re.findall(r"\w+", body))
    weights = {name: shape for name, shape in every.items() if name in words}
    assert compared(IMAGE, "float[N, 4, A, B] y", body, **weights) == wanted.split()


def centered(mean: str = "<axes = [-1]>", variance: str = "<axes = [-1]>", epsilon: str = "a", last: str = "n") -> str:
    return f"""m = ReduceMean {mean} (x) d = Sub (x, m) p = Pow (d, two) v = ReduceMean {variance} (p)
    a = Add (v, nearly) r = Sqrt ({epsilon}) n = Div (d, r) {last}"""


@pytest.mark.parametrize(
    ("body", "lifted"),
    [
        (centered(last="f = Mul (n, gamma) y = Add (beta, f)"), True),
        (centered(last="f = Mul (gamma, n) y = Add (f, beta)"), True),
        (centered(last="y = Mul (n, gamma)"), True),
        (centered(last="y = Add (n, beta)"), False),
        (centered(last="y = Neg (n)"), False),
        (centered(last="y = Mul (n, n)"), False),
        (centered(last="y = Mul (n, two)"), False),
        (centered(last="y = Mul (n, single)"), False),
        (centered(last="y = Mul (n, row)"), False),
        (centered(last="e = Exp (gamma) y = Mul (n, e)"), False),
        (centered(last="f = Mul (n, gamma) e = Neg (f) y = Add (e, f)"), True),
        (centered(mean="<axes = [1]>", last="y = Mul (n, gamma)"), False),
        (centered(variance="<axes = [1]>", last="y = Mul (n, gamma)"), False),
        (centered(variance="<axes = [-1, 0]>", last="y = Mul (n, gamma)"), False),
        (centered(variance="<axes = [-1], keepdims = 0>", last="y = Mul (n, gamma)"), False),
        (centered(epsilon="v", last="y = Mul (n, gamma)"), False),
        (centered(last="y = Mul (n, gamma)").replace("Sqrt", "Exp"), False),
        (centered(last="y = Mul (n, gamma)").replace("(d, r)", "(x, r)"), False),
    ],
)  # fmt: skip
def test_layer_normalization(body, lifted):
    every = {"gamma": (3,), "beta": (3,), "single": (1,), "row": (1, 3)}
    words = set(re.findall(r"\w+", body))
    weights = {name: shape for name, shape in every.items() if name in words}
    found = compared("float[3, 3, 3] x", "float[3, 3, 3] y", body, **weights)
    assert ("LayerNormalization" in found) == lifted


SHARED = "z, h = {} <hidden_size = 5> (x, w, r, b)"


@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize(
    ("body", "turned"),
    [
        ("y, h = {} <hidden_size = 5> (x, w, r, b)", True),
        (
            SHARED + " e = Exp (w) t = ReduceSum <keepdims = 0> (e) y = Add (z, t)",
            False,
        ),
        (
            SHARED + " e = Exp (r) t = ReduceSum <keepdims = 0> (e) y = Add (z, t)",
            False,
        ),
        (
            SHARED + " e = Exp (b) t = ReduceSum <keepdims = 0> (e) y = Add (z, t)",
            False,
        ),
        ("e = Neg (w) y, h = {} <hidden_size = 5> (x, e, r, b)", False),
        ("e = Neg (r) y, h = {} <hidden_size = 5> (x, w, e, b)", False),
        ("e = Neg (b) y, h = {} <hidden_size = 5> (x, w, r, e)", False),
    ],
)
def test_recurrences_have_their_weights_in_order_where_nothing_else_reads_them(op, body, turned):
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    weights = {"w": (1, gates * 5, 3), "r": (1, gates * 5, 5), "b": (1, 2 * gates * 5)}
    signature = "float[T, N, 3] x", "float[T, 1, N, 5] y, float[1, N, 5] h"
    compared(*signature, body.format(op), **weights)
    file = model_of(f"g ({signature[0]}) => ({signature[1]}) {{ {body.format(op)} }}", **weights)
    assert (lamina.onnx.load(file).state_dict()["w"].shape != weights["w"]) == turned


@pytest.mark.parametrize(
    "move",
    ["m = Transpose (w)", "m = Reshape (w, shape)", "m = Cast <to = 1> (w)", "m = Flatten (w)", "m = Squeeze (w)",
     "m = Unsqueeze (w, axes) m0 = Squeeze (m, axes)", "m = Identity (w)"],
)  # fmt: skip
@pytest.mark.parametrize("others", [0, 1, 2])
def test_weights_that_other_nodes_read_stay_as_they_are(move, others):
    constants = "shape = Constant <value = int64[2] {3, 3}> () axes = Constant <value = int64[1] {0}> ()"
    last = "m0" if "m0" in move else "m"
    reads = "".join(f" a{i + 1} = MatMul (a{i}, w)" for i in range(others))
    body = f"{constants} {move} a0 = MatMul (x, {last}){reads} y = Neg (a{others})"
    found = compared("float[N, 3] x", "float[N, 3] y", body, w=(3, 3))
    moved = move.split()[2] in found
    assert moved is (others > 0 and "Identity" not in move)


def test_a_weight_that_is_turned_twice():
    body = "t = Transpose (w) u = Transpose (t) a = MatMul (x, u) y = Neg (a)"
    assert compared("float[N, 3] x", "float[N, 4] y", body, w=(3, 4)) == ["MatMul", "Neg"]
    body = "t = Transpose (w) u = Exp (t) a = MatMul (x, u) b = MatMul (a, t) y = Neg (b)"
    assert compared("float[N, 3] x", "float[N, 3] y", body, w=(3, 3)) == ["Exp", "MatMul", "MatMul", "Neg"]
