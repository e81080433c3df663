"""Model.export refuses what Python does with values, and says where and why."""

from __future__ import annotations

import copy

import pytest

import lamina
from lamina import Tensor, layers, ops
from lamina.export import to_onnx


class Reads(lamina.Model):
    def call(self, x):
        return x * float(ops.max(x))


class Branches(lamina.Model):
    def call(self, x):
        return ops.exp(x) if ops.max(x) > 0 else x


class Shuffles(lamina.Model):
    def call(self, x):
        return x + Tensor(x._array[::-1].copy())


@pytest.mark.parametrize("kind", [Reads, Branches, Shuffles])
def test_values_that_python_reads_are_refused(kind):
    with pytest.raises(ValueError, match="export"):
        to_onnx(kind(), [layers.InputSpec(shape=(None, 3))])


class Calls(lamina.Model):
    """A model of one function."""

    def __init__(self, function):
        super().__init__(name="mine")
        self.function = function

    def call(self, x):
        return self.function(x)


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda x: ops.cond(ops.max(x) > 100, lambda: ops.exp(x), lambda: x), "cond decides by the value of a tensor"),
        (lambda x: ops.switch(ops.cast(ops.max(x) > 100, int), [ops.exp, ops.sin], x), "switch decides by the value"),
        (lambda x: ops.while_loop(lambda y: ops.max(y) > 100, lambda y: y / 2, x), "while_loop decides by the value"),
        (lambda x: x * Tensor(ops.argmax(x) * 0, dtype="float32"), r"Tensor\(x, dtype=\) converted"),
        (lambda x: x + copy.deepcopy(x * 0), "copied or pickled"),
        (lambda x: layers.Hashing(1)(ops.cast(x, "int32")), "looks at the values of its input"),
    ],
)
def test_values_that_decide_in_python_are_refused_though_all_samples_decide_alike(function, told):
    with pytest.raises(ValueError, match=told):
        to_onnx(Calls(function), [layers.InputSpec(shape=(None, 3))], verify=False)


def test_a_gradient_of_ones_own_is_what_it_computes_whatever_its_name():
    @lamina.custom_gradient
    def relu(x):
        return x * 3.0, lambda dy: dy

    proto = to_onnx(Calls(relu), [layers.InputSpec(shape=(None, 3))], verify=True)
    assert [n.op_type for n in proto.graph.node] == ["Mul"]


def test_an_export_inside_of_an_export_is_refused(tmp_path):
    inner = lamina.Sequential([lamina.Input((6,)), layers.Dense(3)])

    def function(x):
        inner.export(tmp_path / "m.onnx")
        return x

    with pytest.raises(ValueError, match="inside of a captured step or of another export"):
        to_onnx(Calls(function), [layers.InputSpec(shape=(None, 3))])


def test_a_type_that_a_node_does_not_take_is_an_error_of_the_export():
    model = Calls(lambda x: ops.max_pool(x, 2))
    with pytest.raises(ValueError, match=r"'mine': export: ONNX does not allow the node.*int32"):
        to_onnx(model, [layers.InputSpec(shape=(None, 4, 4, 1), dtype="int32")])


@pytest.mark.parametrize("n", [0, 2])
def test_a_signature_of_another_number_of_inputs_is_refused(n):
    with pytest.raises(ValueError, match=f"input_signature has {n} inputs, the model 1"):
        to_onnx(lamina.Sequential([lamina.Input((6,)), layers.Dense(3)]), [layers.InputSpec(shape=(None, 6))] * n)


@pytest.mark.parametrize(
    ("kind", "told"), [(Reads, "read in Python"), (Branches, "read in Python"), (Shuffles, "array")]
)
def test_refusals_name_the_layer_once(kind, told):
    with pytest.raises(ValueError, match=told) as caught:
        to_onnx(kind(name="mine"), [layers.InputSpec(shape=(None, 3))])
    assert str(caught.value).count("'mine'") == 1
