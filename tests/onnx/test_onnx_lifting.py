"""Nodes that are put together, and weights that are stored anew: the numbers stay, also through a file."""

from __future__ import annotations

import math

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

import lamina
from lamina.onnx import layout

RNG = np.random.default_rng(1)


def model_of(body: str, version: int = 17, **weights: tuple[int, ...]) -> onnx.ModelProto:
    """A graph as text; ``weights``: the shapes of initializers."""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {version}]> {body}')
    for name, shape in weights.items():
        value = RNG.standard_normal(shape).astype(np.float32)
        value = np.abs(value) + 0.5 if name.startswith("var") else value
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    return model


def operators(model: lamina.Model) -> list[str]:
    return [step.label.split()[0] for step in model._executor.steps]


def check(file: onnx.ModelProto, wanted: list[str], tmp_path, *inputs: np.ndarray, tolerance: float = 1e-5) -> None:
    """The operators after the passes, and the numbers before and after, in ``fit``'s mode and from a file."""
    lifted, plain = lamina.onnx.load(file), lamina.onnx.load(file, optimize=False)
    assert operators(lifted) == wanted
    expected = plain(list(inputs))
    expected = expected if isinstance(expected, list) else [expected]
    scale = max(1.0, *(float(np.abs(e.numpy()).max()) for e in expected))
    lifted.save(tmp_path / "m.lamina")
    for model in (lifted, lamina.load_model(tmp_path / "m.lamina")):
        found = model(list(inputs))
        for a, b in zip(found if isinstance(found, list) else [found], expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), atol=tolerance * scale)
    if not lifted.trainable_weights:
        return
    loss = lamina.ops.sum(lamina.ops.square(lifted(list(inputs)) if len(expected) == 1 else lifted(list(inputs))[0]))
    loss.backward()
    assert all(w.grad is not None for w in lifted.trainable_weights)


def array(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


NORM = {"scale": (4,), "shift": (4,), "mean": (4,), "var": (4,)}


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
def test_batch_normalization_and_an_activation_go_into_a_convolution(op, tmp_path):
    file = model_of(
        f"""g (float[N, 4, H, W] x) => (float[N, 4, A, B] y) {{
        c = {op} <pads = [1, 1, 1, 1]> (x, w)
        n = BatchNormalization (c, scale, shift, mean, var)
        y = Relu (n)
    }}""",
        w=(4, 4, 3, 3),
        **NORM,
    )
    check(file, [op], tmp_path, array(2, 4, 6, 7))
    assert {w.name for w in lamina.onnx.load(file).weights} == {"w", "shift"}


def test_factors_and_summands_go_into_the_convolutions_around_them(tmp_path):
    file = model_of(
        """g (float[N, 4, H, W] x) => (float[N, 6, H, W] y) {
        two = Constant <value = float {2.0}> ()
        a = Mul (x, factor)
        b = Conv <pads = [1, 1, 1, 1], group = 2> (a, w1)
        c = Mul (two, b)
        d = Add (c, b1)
        e = Mul (d, two)
        f = Add (e, two)
        y = Conv (f, w2, b2)
    }""",
        factor=(4, 1, 1), w1=(8, 2, 3, 3), b1=(1, 8, 1, 1), w2=(6, 8, 1, 1), b2=(6,),
    )  # fmt: skip
    check(file, ["Conv", "Conv"], tmp_path, array(2, 4, 5, 5))


def test_what_shifts_stays_in_front_of_a_border_of_zeros(tmp_path):
    file = model_of(
        """g (float[N, 4, H, W] x) => (float[N, 4, H, W] y) {
        a = Add (x, shift)
        y = Conv <pads = [1, 1, 1, 1]> (a, w)
    }""",
        shift=(4, 1, 1), w=(4, 4, 3, 3),
    )  # fmt: skip
    check(file, ["Add", "Conv"], tmp_path, array(1, 4, 5, 5))


def test_a_result_that_others_read_stays(tmp_path):
    file = model_of(
        """g (float[N, 4, H, W] x) => (float[N, 4, H, W] y, float[N, 4, H, W] c) {
        c = Conv (x, w)
        y = BatchNormalization (c, scale, shift, mean, var)
    }""",
        w=(4, 4, 1, 1), **NORM,
    )  # fmt: skip
    check(file, ["Conv", "BatchNormalization"], tmp_path, array(1, 4, 5, 5))


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("three = Constant <value = float {3.0}> () zero = Constant <value = float {0.0}> () "
         "six = Constant <value = float {6.0}> () a = Add (x, three) b = Clip (a, zero, six) c = Mul (x, b) "
         "y = Div (c, six)", "HardSwish"),
        ("a = HardSigmoid <alpha = 0.16666667, beta = 0.5> (x) y = Mul (a, x)", "HardSwish"),
        ("a = Sigmoid (x) y = Mul (x, a)", "Swish"),
        ("a = Softplus (x) b = Tanh (a) y = Mul (x, b)", "Mish"),
        ("root = Constant <value = float {1.4142135}> () one = Constant <value = float {1.0}> () "
         "half = Constant <value = float {0.5}> () a = Div (x, root) b = Erf (a) c = Add (b, one) d = Mul (x, c) "
         "y = Mul (d, half)", "Gelu"),
        ("s = Constant <value = float {0.7978846}> () k = Constant <value = float {0.044715}> () "
         "one = Constant <value = float {1.0}> () half = Constant <value = float {0.5}> () "
         "three = Constant <value = float {3.0}> () a = Pow (x, three) b = Mul (a, k) c = Add (x, b) d = Mul (c, s) "
         "e = Tanh (d) f = Add (e, one) h = Mul (half, x) y = Mul (h, f)", "Gelu"),
    ],
)  # fmt: skip
def test_activations_that_are_written_out(body, wanted, tmp_path):
    file = model_of(f"g (float[N, M] x) => (float[N, M] y) {{ {body} }}")
    model = lamina.onnx.load(file)
    assert operators(model) == [wanted]
    x = array(3, 7) * 3
    np.testing.assert_allclose(model(x).numpy(), lamina.onnx.load(file, optimize=False)(x).numpy(), atol=1e-5)


def test_products_become_dense_layers(tmp_path):
    file = model_of(
        """g (float[N, T, 5] x) => (float[R, 3] y) {
        shape = Constant <value = int64[2] {-1, 8}> ()
        a = MatMul (x, w1)
        b = Add (b1, a)
        c = Tanh (b)
        d = Reshape (c, shape)
        y = Gemm <transB = 1> (d, w2, b2)
    }""",
        w1=(5, 8), b1=(8,), w2=(3, 8), b2=(3,),
    )  # fmt: skip
    check(file, ["Dense", "Reshape", "Dense"], tmp_path, array(2, 3, 5))
    assert lamina.onnx.load(file).state_dict()["w2"].shape == (8, 3)


@pytest.mark.parametrize("optimize", [True, False])
def test_weights_keep_their_names_behind_what_turns_them(optimize):
    file = model_of("""g (float[N, 5] x) => (float[N, 4] y, float[3, 5] t) {
        same = Identity (w1)
        half = Cast <to = 1> (same)
        turned = Transpose (half)
        a = MatMul (x, turned)
        b = MatMul (a, w2)
        shape = Constant <value = int64[2] {3, 4}> ()
        c = Reshape (w3, shape)
        y = MatMul (b, c)
        t = Transpose (w4)
    }""", w1=(2, 5), w2=(2, 3), w3=(12,), w4=(5, 3))  # fmt: skip
    model = lamina.onnx.load(file, optimize=optimize)
    shapes = {"w1": (5, 2), "w2": (2, 3), "w3": (3, 4), "w4": (5, 3)}
    assert {w.name: w.shape for w in model.weights} == shapes
    assert operators(model) == ["MatMul", "MatMul", "MatMul", "Transpose"]
    x, (w1, w2, w3, w4) = array(4, 5), (numpy_helper.to_array(t) for t in file.graph.initializer)
    y, t = model(x)
    np.testing.assert_allclose(y.numpy(), x @ w1.T @ w2 @ w3.reshape(3, 4), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(t.numpy(), w4.T)


def test_a_constant_that_cannot_be_converted_is_listed():
    file = model_of("""g (float[N] x) => (float[N] y, string z) {
        one = Constant <value = float {1.0}> ()
        z = Cast <to = 8> (one)
        y = Identity (x)
    }""")
    file.graph.output[1].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    with pytest.raises(ValueError, match=r"Cast node 'z': .*STRING"):
        lamina.onnx.load(file)


def test_a_mean_of_no_axes_of_what_python_knows():
    file = model_of("""g (float[N, M] x) => (int64[K] y) {
        none = Constant <value = int64[0] {}> ()
        sizes = Shape (x)
        y = ReduceMean <noop_with_empty_axes = 1> (sizes, none)
    }""", 18)  # fmt: skip
    assert lamina.onnx.load(file)(array(2, 6)).numpy().tolist() == [2, 6]


@pytest.mark.parametrize(
    ("square", "lifted"),
    [
        ("s = Pow (d, two)", True),
        ("s = Mul (d, d)", True),
        ("again = Sub (x, m) s = Pow (again, two)", True),
        ("again = Sub (x, two) s = Pow (again, two)", False),
        ("again = Add (x, m) s = Pow (again, two)", False),
        ("s = Pow (x, two)", False),
        ("s = Pow (d, four)", False),
        ("t = Abs (x) s = Mul (d, t) s0 = Mul (s, d)", False),
    ],
)
def test_layer_normalization_that_is_written_out(square, lifted, tmp_path):
    file = model_of(
        f"""g (float[N, T, 5] x) => (float[N, T, 5] y) {{
        two = Constant <value = float {{2.0}}> ()
        four = Constant <value = float {{4.0}}> ()
        epsilon = Constant <value = float {{0.001}}> ()
        m = ReduceMean <axes = [-1]> (x)
        d = Sub (x, m)
        {square}
        v = ReduceMean <axes = [-1]> (s)
        e = Add (v, epsilon)
        r = Sqrt (e)
        n = Div (d, r)
        f = Mul (n, gamma)
        y = Add (f, beta)
    }}""",
        gamma=(5,), beta=(5,),
    )  # fmt: skip
    if not lifted:
        assert "LayerNormalization" not in operators(lamina.onnx.load(file))
        return
    check(file, ["LayerNormalization"], tmp_path, array(2, 3, 5))


@pytest.mark.parametrize("mask", ["", "mask"])
def test_attention_that_is_written_out(mask, tmp_path):
    added = "z = Add (s, mask)" if mask else "z = Identity (s)"
    given = ", float[1, 1, T, T] mask" if mask else ""
    file = model_of(
        f"""g (float[N, T, 2, 4] q, float[N, T, 2, 4] k, float[N, T, 2, 4] v{given}) => (float[N, T, 8] y) {{
        shape = Constant <value = int64[3] {{0, 0, 8}}> ()
        scale = Constant <value = float {{0.5}}> ()
        a = Transpose <perm = [0, 2, 1, 3]> (q)
        b = Transpose <perm = [0, 2, 3, 1]> (k)
        c = Transpose <perm = [0, 2, 1, 3]> (v)
        p = MatMul (a, b)
        s = Mul (p, scale)
        {added}
        w = Softmax <axis = -1> (z)
        o = MatMul (w, c)
        t = Transpose <perm = [0, 2, 1, 3]> (o)
        y = Reshape (t, shape)
    }}"""
    )
    inputs = [array(2, 6, 2, 4) for _ in range(3)]
    inputs += [np.where(np.tri(6, dtype=bool), 0, -np.inf).astype(np.float32)[None, None]] if mask else []
    check(file, ["Transpose"] * 3 + ["Attention", "Transpose", "Reshape"], tmp_path, *inputs)


@pytest.mark.parametrize("mask", [(2, 1, 5, 1), (6,), (), (1, 6), (2, 2, 2, 5, 6), (2, 3, 5, 6), (1, 2, 1, 6)])
def test_masks_of_any_shape_that_broadcasts(mask, tmp_path):
    sizes = ", ".join(f"m{i}" for i in range(len(mask)))
    file = model_of(
        f"""g (float[N, A, Q, 4] q, float[N, A, 4, K] k, float[N, A, K, 3] v, float[{sizes}] mask)
        => (float[N, A, Q, 3] y) {{
        p = MatMul (q, k)
        s = Add (p, mask)
        w = Softmax (s)
        y = MatMul (w, v)
    }}"""
    )
    heads = 1 if mask == (2, 3, 5, 6) else 2
    inputs = array(2, heads, 5, 4), array(2, heads, 4, 6), array(2, heads, 6, 3), array(*mask)
    check(file, ["Attention"], tmp_path, *inputs)


@pytest.mark.parametrize("version", [11, 13])
def test_attention_over_an_axis_that_is_not_the_last(version, tmp_path):
    file = model_of(
        """g (float[N, A, B, Q, 4] q, float[N, A, B, 4, K] k, float[N, A, B, K, 3] v) => (float[N, A, B, Q, 3] y) {
        p = MatMul (q, k)
        w = Softmax <axis = 3> (p)
        y = MatMul (w, v)
    }""",
        version,
    )
    check(file, ["Attention"], tmp_path, array(2, 2, 2, 5, 4), array(2, 2, 2, 4, 6), array(2, 2, 2, 6, 3))


@pytest.mark.parametrize("sizes", ["N, 1, H, W", "N, C, H, W"])
def test_a_factor_that_gives_an_image_its_channels_stays(sizes, tmp_path):
    file = model_of(
        f"g (float[{sizes}] x) => (float[N, 4, H, W] y) {{ a = Mul (x, factor) y = Conv (a, w) }}",
        factor=(1, 3, 1, 1), w=(4, 3, 1, 1),
    )  # fmt: skip
    check(file, ["Mul", "Conv"], tmp_path, array(2, 1, 5, 5))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("body", ["a = Div (x, divisor) y = Conv (a, w)", "a = Conv (x, w) y = Div (a, divisor)"])
def test_divisors_go_into_a_convolution(body, tmp_path):
    file = model_of(f"g (float[N, 3, H, W] x) => (float[N, 3, H, W] y) {{ {body} }}", divisor=(3, 1, 1), w=(3, 3, 1, 1))
    check(file, ["Conv"], tmp_path, array(2, 3, 5, 5))


def test_relu_behind_a_sum_of_integers():
    file = model_of("g (int64[N] a, int64[N] b) => (int64[N] y) { s = Add (a, b) y = Relu (s) }")
    model = lamina.onnx.load(file)
    assert operators(model) == ["Add"]
    assert model([np.array([-3, 2]), np.array([1, 1])]).numpy().tolist() == [0, 3]


def test_what_adds_axes_stays():
    sizes = model_of("""g (float[N] x, int64 i) => (float[K] y) {
        none = Constant <value = int64[1] {0}> ()
        one = Constant <value = int64[1] {1}> ()
        j = Neg (i)
        k = Add (j, none)
        l = Concat <axis = 0> (k, one)
        y = Cast <to = 1> (l)
    }""")
    assert lamina.onnx.load(sizes)([array(3), np.array(-2)]).numpy().tolist() == [2.0, 1.0]
    gelu = model_of("""g (float[N, M] x) => (float[A, N, M] y) {
        root = Constant <value = float {1.4142135}> ()
        one = Constant <value = float[1, 1, 1] {1.0}> ()
        half = Constant <value = float {0.5}> ()
        a = Div (x, root)
        b = Erf (a)
        c = Add (b, one)
        d = Mul (x, c)
        y = Mul (d, half)
    }""")
    assert lamina.onnx.load(gelu)(array(2, 3)).shape == (1, 2, 3)


@pytest.mark.parametrize(("op", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("bias", [True, False])
def test_recurrences_have_their_weights_in_order(op, gates, direction, bias, tmp_path):
    n = 2 if direction == "bidirectional" else 1
    options = ", linear_before_reset = 1" if op == "GRU" else ""
    file = model_of(
        f"""g (float[T, N, 3] x) => (float[T, {n}, N, 5] y, float[{n}, N, 5] h) {{
        y, h = {op} <hidden_size = 5, direction = "{direction}"{options}> (x, w, r{", b" if bias else ""})
    }}""",
        w=(n, gates * 5, 3), r=(n, gates * 5, 5), **({"b": (n, 2 * gates * 5)} if bias else {}),
    )  # fmt: skip
    check(file, [op], tmp_path, array(6, 2, 3))
    names = {w.name for w in lamina.onnx.load(file).weights}
    assert {"w.reverse", "r.reverse"} <= names or direction == "forward"


def test_images_are_turned_at_the_edges_only(monkeypatch):
    file = model_of(
        """g (float[N, 3, H, W] x) => (float[N, 8, A, B] y, float[N, 8] z) {
        sizes = Constant <value = float[4] {1.0, 1.0, 2.0, 2.0}> ()
        pads = Constant <value = int64[8] {0, 0, 1, 1, 0, 0, 1, 1}> ()
        a = Conv <pads = [1, 1, 1, 1]> (x, w1)
        b = HardSwish (a)
        c = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (b)
        d = Conv (c, w2)
        e = Concat <axis = 1> (c, d)
        f = Resize <mode = "nearest"> (e, , sizes)
        i = Pad (f, pads)
        m = ReduceMean <axes = [2, 3]> (i)
        s = Sigmoid (m)
        y = Mul (i, s)
        z = ReduceMean <axes = [2, 3], keepdims = 0> (y)
    }""",
        w1=(4, 3, 3, 3), w2=(4, 4, 1, 1),
    )  # fmt: skip
    moved = []
    transpose = lamina.ops.transpose
    monkeypatch.setattr(layout.ops, "transpose", lambda x, axes: moved.append(axes) or transpose(x, axes))
    lamina.onnx.load(file)(array(2, 3, 6, 8))
    assert moved == [(0, 2, 3, 1), (0, 3, 1, 2)]


def test_orders_of_axes_survive_reshaping():
    x = lamina.Tensor(array(2, 3, 4, 5))
    value = layout.renamed(x, (0, 3, 1, 2))
    expected = x.numpy().transpose(0, 3, 1, 2)
    for shape in [(2, 5, 12), (2, 5, 1, 3, 4), (10, 3, 4), (2, 60), (1, 2, 5, 3, 4), (2, 5, 3, 2, 2), (120,)]:
        result = layout.plain(layout.reshaped(value, shape))
        np.testing.assert_array_equal(result.numpy(), expected.reshape(shape))
    kept = layout.reshaped(value, (2, 5, 12))
    assert type(kept) is layout.Ordered
    assert math.prod(kept.shape) == 120
