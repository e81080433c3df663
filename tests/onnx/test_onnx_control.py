"""Graphs inside of nodes: branches and loops whose course follows from sizes are run, others are refused."""

from __future__ import annotations

import numpy as np
import onnx.parser
import pytest

import lamina


def load(body: str, version: int = 17) -> lamina.Model:
    return lamina.onnx.load(onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {version}]> {body}'))


def test_a_branch_that_follows_from_a_size():
    model = load("""g (float[N] x) => (float[M] y) {
        two = Constant <value = int64[1] {2}> ()
        n = Shape (x)
        c = Equal (n, two)
        y = If (c) <
            then_branch = a () => (float[P] p) { p = Concat <axis = 0> (x, x) },
            else_branch = b () => (float[Q] q) { q = Neg (x) }
        >
    }""")
    step = lamina.capture(model)
    for _ in range(3):
        assert step(np.ones(2, np.float32)).tolist() == [1, 1, 1, 1]
        assert step(np.ones(3, np.float32)).tolist() == [-1, -1, -1]


def test_a_branch_that_follows_from_values_is_refused():
    with pytest.raises(ValueError, match="If node 'y': its condition depends on values, not on sizes alone"):
        load("""g (float[1] x, bool c) => (float[1] y) {
            y = If (c) <
                then_branch = a () => (float[1] p) { p = Abs (x) },
                else_branch = b () => (float[1] q) { q = Neg (x) }
            >
        }""")


COUNTED = """g (float[N] x, int64 n) => (float[N] y, float[K, N] all) {
    %s
    go = Constant <value = bool {1}> ()
    y, all = Loop (count, go, x) <
        body = a (int64 i, bool c, float[N] h) => (bool d, float[N] next, float[N] out) {
            d = Identity (c)
            next = Add (h, x)
            out = Mul (next, next)
        }
    >
}"""


def test_a_loop_that_follows_from_a_size():
    model = load(COUNTED % "count = Size (x)")
    y, every = model([np.ones(3, np.float32), np.array(0)])
    assert y.tolist() == [4, 4, 4]
    assert every.tolist() == [[4] * 3, [9] * 3, [16] * 3]
    step = lamina.capture(model)
    for _ in range(3):
        assert step([np.ones(2, np.float32), np.array(0)])[0].tolist() == [3, 3]


def test_a_loop_that_follows_from_values_is_refused():
    with pytest.raises(ValueError, match="Loop node 'y': how often it runs depends on values"):
        load(COUNTED % "count = Identity (n)")


def test_a_loop_until_values_are_large_is_refused():
    with pytest.raises(ValueError, match="Loop node 'y': how often it runs depends on values"):
        load(
            (COUNTED % "count = Size (x)").replace(
                "d = Identity (c)", "s = ReduceSum <keepdims = 0> (h) d = Cast <to = 9> (s)"
            )
        )


def test_a_scan_goes_over_an_axis():
    model = load("""g (float[N, 2] x) => (float[2] last, float[N, 2] y) {
        zero = Constant <value = float[2] {0.0, 0.0}> ()
        last, y = Scan (zero, x) <
            num_scan_inputs = 1,
            body = a (float[2] h, float[2] row) => (float[2] sum, float[2] out) {
                sum = Add (h, row)
                out = Identity (sum)
            }
        >
    }""")
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    last, y = model(x)
    np.testing.assert_array_equal(y.numpy(), np.cumsum(x, 0))
    np.testing.assert_array_equal(last.numpy(), x.sum(0))


def test_names_of_branches_may_be_those_of_others():
    """Both branches call their value p, and so does the graph around them."""
    model = load("""g (float[N] x) => (float[M] y) {
        two = Constant <value = int64[1] {2}> ()
        n = Shape (x)
        c = Equal (n, two)
        p = Abs (x)
        z = If (c) <
            then_branch = a () => (float[P] r) { r = Add (p, x) },
            else_branch = b () => (float[Q] r) { r = Neg (p) }
        >
        y = Add (z, p)
    }""")
    assert model(np.ones(2, np.float32)).tolist() == [3, 3]
    assert model(np.ones(3, np.float32)).tolist() == [0, 0, 0]
