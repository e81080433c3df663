"""Single native calls: destinations that are inputs, the names of wrong arguments, sequences of axes."""

from __future__ import annotations

import re
import types

import numpy as np
import pytest
from test_native_arguments import G, P, T, examples, plan, rand

from lamina import _native

# Their bindings check each array by itself (csrc/bind/array.h), so an overlap goes unseen.
UNSEEN = re.compile("conv|pool")
IN_PLACE = {"copy_into"}


def has_destinations(name: str) -> bool:
    return any(e.writes for e in examples()[name]) and not UNSEEN.search(name) and name not in IN_PLACE


@pytest.mark.parametrize("name", [n for n in sorted(examples()) if has_destinations(n)])
def test_a_destination_that_is_an_input_is_refused(name):
    for example in examples()[name]:
        arguments = example.arguments()
        for place in example.writes:
            to = arguments[place]
            if not isinstance(to, np.ndarray) or to.size == 0:
                continue
            for i in set(range(len(arguments))) - set(example.writes):
                if isinstance(arguments[i], np.ndarray) and arguments[i].dtype == to.dtype:
                    args = example.arguments()
                    if args[i].size < to.size:
                        continue
                    args[place] = args[i].reshape(-1)[-to.size :].reshape(to.shape)
                    with pytest.raises(ValueError, match="shares memory with"):
                        example.function(*args)


def test_a_copy_into_itself_and_beside_itself():
    x = rand(4, 2)
    want = x.copy()
    _native.copy_into(x, x, False)
    np.testing.assert_array_equal(x, want)
    _native.copy_into(x, x, True)
    np.testing.assert_array_equal(x, want + want)
    with pytest.raises(ValueError, match="y is written and shares memory with x"):
        _native.copy_into(x[1:], x[:3], False)
    _native.strided_copy(x[:, :1], x[:, 1:], False)  # between each other's elements
    np.testing.assert_array_equal(x[:, 0], x[:, 1])


def test_objects_without_their_constructor_are_refused():
    for name, found in examples().items():
        for place, value in enumerate(found[0].arguments()):
            if type(value) in (P, T, G):
                args = found[0].arguments()
                args[place] = type(value).__new__(type(value))
                with pytest.raises(TypeError, match=f"{name}.*made without its constructor"):
                    found[0].function(*args)


def test_an_argument_is_named():
    x = rand(2, 3)
    for call, error, text in [
        (lambda: _native.reduction_forward(x, "sum", np.array([1])), TypeError,
         r"sum: axis: expected an integer, got ndarray of shape \(1,\)"),
        (lambda: _native.reduction_forward(x, "sum", 2**63), ValueError, "sum: axis: the integer does not fit"),
        (lambda: _native.arg_extreme_forward(x, "x", True), TypeError, "argmax: axis: expected an integer, got str"),
        (lambda: _native.activation_forward(x, 3), TypeError, r"activation: name: expected a name \(str\), got int"),
        (lambda: _native.layer_norm_forward(x, None, None, "x"), TypeError, "layer_norm: epsilon: expected a number"),
        (lambda: _native.dense_backward(x.astype("f8"), rand(3, 4), rand(2, 4), rand(2, 4), "linear", None, None, None),
         TypeError, "dense: w is float32, expected float64"),
        (lambda: _native.transpose_backward(x, [0, 0], np.zeros((2, 2), "f4")), ValueError, "no permutation"),
        (lambda: _native.concatenate_backward(x, 1, [-1, 4], [None, None], 0), ValueError, "do not add up"),
        (lambda: _native.cross_entropy_backward(x, np.zeros(2), None), TypeError, "dy is float64, expected float32"),
        (lambda: _native.empty((0, 2**60, 2**60), np.float32), ValueError, "overflows"),
        (lambda: _native.TouchedRows(2**63 - 1), ValueError, "table_rows is 9223372036854775807"),
        (lambda: P.__new__(P).run(), TypeError, "made without its constructor"),
        (lambda: plan().retrace(), ValueError, "no run of this plan has failed"),
    ]:  # fmt: skip
        with pytest.raises(error, match=text):
            call()


def test_sequences_of_any_integers_are_axes():
    x = rand(2, 3, 4)
    want = _native.reduction_forward(x, "sum", (0, 1))
    for axes in ([0, 1], (np.int64(0), np.array(1)), [np.uint8(1), 0], (-3, -2)):
        np.testing.assert_array_equal(_native.reduction_forward(x, "sum", axes), want)
    np.testing.assert_array_equal(_native.transpose_forward(x, np.array([2, 0, 1])), x.transpose(2, 0, 1))


def test_more_gradients_than_bits():
    """Bit i of accumulate adds to the i-th gradient, however many there are."""
    dy, n = np.ones((70, 2), np.float32), 70
    to = [np.ones((1, 2), np.float32) for _ in range(n)]
    _native.concatenate_backward(dy, 0, [1] * n, to, (1 << 69) | 1)
    assert [int(a[0, 0]) for a in to] == [2, *[1] * 68, 2]


def own_functions():
    """Every function, method, constructor and property of the module, by the name in its errors."""
    for name, value in vars(_native).items():
        if isinstance(value, types.BuiltinFunctionType):
            yield name, value
        elif isinstance(value, type) and not name.startswith("pybind"):
            yield name, value
            for method, function in vars(value).items():
                if isinstance(function, property):
                    yield "property", function.fget
                elif not method.startswith("_"):
                    yield method, getattr(value, method)


@pytest.mark.parametrize(("name", "function"), list(own_functions()))
def test_a_wrong_number_of_arguments_is_told_with_their_names(name, function):
    label = rf"^{name}: takes (no arguments|the arguments \([a-z_0-9, ]+\), each of them once); got 40 arguments"
    with pytest.raises(TypeError, match=label + "$"):
        function(*range(40))
    with pytest.raises(TypeError, match=label + " and foo=$"):
        function(*range(40), foo=None)


@pytest.mark.parametrize("made", ["Plan", "ParameterGroup", "TouchedRows"])
def test_a_wrong_number_of_arguments_of_a_constructor(made):
    with pytest.raises(
        TypeError, match=rf"^{made}: takes (no arguments|the arguments \(.*\)).*; got 9 arguments and a=$"
    ):
        getattr(_native, made)(*range(9), a=1)
    with pytest.raises(TypeError, match=r"^run: takes the arguments \(self\), each of them once; got 2 arguments$"):
        _native.Plan().run(1)
