"""Which things count as integers, numbers, arrays and shapes, and what messages call them."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Tensor
from lamina.core import arrays, explain, tree

X = np.ones((2, 3), np.float32)
YES = {
    "bool": [True, np.False_, 0, np.int8(1)],
    "int": [3, -1, np.int64(3), np.array(3)],
    "float": [3, 2.5, np.float32(2.5), True, np.array(2.5)],
    "str": ["", "a"],
    "Sequence[int]": [[], (1, 2), range(3), np.array([1, 2]), [np.int8(1)]],
    "TensorLike": [3, 2.5, True, X, Tensor(X), [[1, 2], [3, 4]], np.array([True]), []],
    "Sequence[TensorLike]": [[], [X, 1], (Tensor(X),)],
    "Tensor": [Tensor(X)],
    "Sequence[Tensor]": [[], [Tensor(X)]],
    "None": [None],
    "int | None": [3, None],
    "Axis": [3, None, (1, 2), [1]],
    "list[int]": [[1]],
    "tuple[int, ...]": [(1,)],
    "Callable[[int], str] | None": [len, None],
    "Callable[..., Any] | str": [len, "a"],
}
NO = {
    "bool": [None, "a", 0.5, [True]],
    "int": [True, np.True_, 2.5, "3", None, Tensor(3), np.array([1, 2])],
    "float": ["2.5", b"2", 1j, None, [1.0, 2.0], 10**400],
    "str": [3, None, b"a"],
    "Sequence[int]": [3, None, "ab", [1.5], [True], np.array([[1]]), np.array([1.5]), np.array(1)],
    "TensorLike": [None, "a", [[1], [1, 2]], [1, None], 1j, object()],
    "Sequence[TensorLike]": [X, 3, [X, None], "ab"],
    "Tensor": [X, 3, None],
    "Sequence[Tensor]": [Tensor(X), [X], [Tensor(X), X]],
    "None": [3, False],
    "int | None": ["a", 2.5],
    "Axis": [2.5, "a", [1.5]],
    "list[int]": [[1.5], 3],
    "tuple[int, ...]": [(1.5,), 3],
    "Callable[[int], str] | None": [3],
    "Callable[..., Any] | str": [3, None],
}


@pytest.mark.parametrize("annotation", YES)
def test_values_and_annotations(annotation):
    for value in YES[annotation]:
        assert explain._wrong("f", annotation, "x", value) == "", repr(value)
    for value in NO[annotation]:
        assert explain._wrong("f", annotation, "x", value).startswith("f: x must be "), repr(value)


def test_what_was_expected():
    assert explain._wrong("f", "int", "x", "a") == "f: x must be an integer, got 'a'"
    assert explain._wrong("f", "int | None", "x", 0.5) == "f: x must be an integer or None, got 0.5"
    wrong = explain._wrong("f", "None | str | int", "x", 0.5)
    assert wrong == "f: x must be a string, an integer or None, got 0.5"
    assert explain._wrong("f", "Any", "x", 0.5) == explain._wrong("f", "int | Unknown", "x", 0.5) == ""


def test_what_was_given():
    assert explain.show(X) == "an array of shape (2, 3) and dtype float32"
    assert explain.show(Tensor(X)) == "a tensor of shape (2, 3) and dtype float32"
    assert explain.show([X, X]) == "a list of 2: an array of shape (2, 3) and dtype float32"
    assert explain.show({"a": X}) == "a dict of 1: an array of shape (2, 3) and dtype float32"
    assert explain.show([1, 2]) == "[1, 2]"
    assert explain.show(()) == "()"
    assert explain.show("a" * 78) == repr("a" * 78)
    assert explain.show("a" * 79) == f"'{'a' * 59}... (str)"
    for one in (Tensor(X[:1, :1]), Tensor(3.0)):
        assert explain.only(one) is one
    with pytest.raises(ValueError, match=r"Tensor: one of shape \(2, 3\) holds 6 numbers where one is expected"):
        explain.only(Tensor(X))


def test_lists_and_shapes():
    for given in ([1], (), range(2), np.array([1, 2])):
        assert arrays.is_list(given)
    for given in (1, "ab", {1}, np.array(1), X, None):
        assert not arrays.is_list(given)
    for given in ((), (1, None), [2, 3], [None]):
        assert tree.is_shape(given)
    for given in (1, None, (1.0,), (True,), ((1,),), "ab", (1, (2,))):
        assert not tree.is_shape(given)
    nest = {"a": (1, None), "b": [(2,), [3, 4]]}
    assert tree.map_shapes(len, nest) == {"a": 2, "b": [1, 2]}
    assert tree.map_shapes(sum, [(1, 2), (3,)]) == [3, 3]
    with pytest.raises(TypeError, match="expected a shape or a nest of shapes, got 'a'"):
        tree.map_shapes(len, {"a": "a"})
    assert tree.flatten({"a": (1, [2]), "b": 3}) == [1, 2, 3]
    assert tree.pack_as({"a": (1, [2]), "b": 3}, [4, 5, 6]) == {"a": (4, [5]), "b": 6}


def test_a_last_axis_of_one_that_is_one_too_many():
    for shape, ndim, left in (
        ((3, 1), 1, (3,)), ((3, 2), 1, (3, 2)), ((3, 1), 2, (3, 1)), ((1,), 0, ()), ((1, 2), 1, (1, 2)),
        ((2, 3, 1), 1, (2, 3, 1)), ((), 0, ()),
    ):  # fmt: skip
        assert arrays.without_last_one(shape, ndim) == left


def test_types():
    for dtype in ("float32", np.int8, np.dtype(bool), ">f4", float):
        assert arrays.as_dtype(dtype) == np.dtype(dtype).newbyteorder("=")
        assert arrays.as_dtype(dtype).isnative
    for dtype in (None, "abc", "U3", object, complex, "M8[s]", 3):
        with pytest.raises(TypeError, match="f: dtype must be a type of numbers or booleans"):
            arrays.as_dtype(dtype, "f: dtype")


NOT_NUMBERS = {
    "text": (["ab", "c"], TypeError, r"x has dtype <U2, .*: it holds text like 'ab'"),
    "bytes": (np.array([b"ab"]), TypeError, r"it holds bytes like b'ab'"),
    "dates": (np.array(["2020-01-01"], "M8[D]"), TypeError, "it holds dates"),
    "durations": (np.array([1], "m8[s]"), TypeError, "it holds durations"),
    "complex": (np.array([1j]), TypeError, "it is complex"),
    "fields": (np.zeros(1, [("a", "f4"), ("b", "f4")]), TypeError, r"it has fields \(a, b\)"),
    "no text": (np.zeros(0, "U1"), TypeError, "its numbers are objects"),
    "text among numbers": (np.array([1, "ab"], object), TypeError, r"at \[1\] stands text, 'ab'"),
    "a missing value": (np.array([[1, None]], object), TypeError, r"at \[0, 1\] a value is missing \(None\)"),
    "numbers as objects": (np.array([1, 2.5, np.bool_(True)], object), TypeError, "its numbers are objects"),
    "an object": (np.array([1, object()], object), TypeError, r"at \[1\] stands a object"),
    "lists of objects": (
        np.array([[1], [2, 3], [4], [5]], object),
        TypeError,
        r"arrays of shapes \(1,\), \(2,\), \(1,\) \.\.\.;",
    ),
    "uneven lists": ([[1], [2, 3]], ValueError, r"\[0\] has length 1 and \[1\] has length 2; pad or cut"),
    "uneven lists below": ([[[1], [2]], [[1], [2, 3]]], ValueError, r"\[1\]\[0\] has length 1 and \[1\]\[1\] has leng"),
    "numbers among lists": ([1, [2]], ValueError, r"\[0\] has no length and \[1\] has length 1"),
    "None": (None, TypeError, "x is None; expected numbers or booleans, or arrays of them"),
    "a set": ({1}, TypeError, "x is a set, which has no order"),
    "a class": (dict, TypeError, r"x is the class dict; make one: dict\(\.\.\.\)"),
    "a function": (len, TypeError, r"x is the function len; what it returns is meant: len\(\)"),
    "something": (object(), TypeError, "x is of type object"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_NUMBERS)
def test_what_holds_no_numbers(name):
    given, error, message = NOT_NUMBERS[name]
    with pytest.raises(error, match=message):
        arrays.to_numbers("x", given)


def test_numbers_stay_as_they_are():
    for x in (X, X > 0, X.astype(np.int8)):
        assert arrays.to_numbers("x", x) is x
    assert arrays.to_numbers("x", [[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]
