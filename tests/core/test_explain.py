"""Wrong arguments are named in the words of the call, not in Python's or NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers, losses, metrics, ops, schedules
from lamina.core.explain import _KINDS, Explained

X = np.ones((2, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: ops.moveaxis(X, None, 1), TypeError, "moveaxis: source must be an integer or a sequence of integers"),
        (lambda: ops.rot90(X, axes=3), TypeError, "rot90: axes must be a sequence of integers, got 3"),
        (lambda: ops.linspace(None, 1), TypeError, "linspace: start must be a tensor, an array, a number"),
        (lambda: ops.add([[1], [1, 2]], X), TypeError, "add: x1 must be a tensor, an array, a number or nested lists"),
        (lambda: ops.stack(3), TypeError, "stack: x must be a list of tensors or arrays, got 3"),
        (lambda: ops.zeros((2,), "abc"), TypeError, "dtype must be a type of numbers or booleans .* got 'abc'"),
        (lambda: ops.sum(np.array([None, 1])), TypeError, "Tensor: expected numbers or booleans, got dtype object"),
        (lambda: lamina.Tensor([[1], [1, 2]]), ValueError, "Tensor: the value makes no array: samples must"),
        (lambda: lamina.Tensor(None, dtype="int32"), TypeError, "Tensor: expected numbers .*: the value is None"),
        (lambda: lamina.Tensor(["a"], dtype="int32"), TypeError, "Tensor: expected numbers .*text like 'a'"),
        (
            lambda: lamina.Tensor([300], dtype="int8"),
            OverflowError,
            "Tensor: the value of dtype int64 can't become int8",
        ),
        (lambda: lamina.Tensor(2**70), TypeError, "Tensor: expected .*: the value is an integer of 71 bits"),
        (lambda: lamina.Tensor(1, dtype="q7"), TypeError, "Tensor: dtype must be"),
        (lambda: layers.Permute(3), TypeError, "Permute: dims must be a sequence of integers, got 3"),
        (lambda: layers.MaxPooling2D(2)({}), TypeError, "MaxPooling2D '.*': the input must be one tensor or array"),
        (lambda: layers.Dense(2)([X, X]), TypeError, "Dense '.*': the input must be one tensor or array, got a list"),
        (lambda: layers.Softmax(axis=(-1,))(3.0), ValueError, "Softmax '.*': .*shape \\(\\)"),
        (lambda: losses.Huber("a"), TypeError, "Huber: delta must be a number, got 'a'"),
        (lambda: losses.Huber(dtype="abc"), TypeError, "Huber: dtype must be a type of numbers"),
        (lambda: metrics.MeanMetricWrapper(3), TypeError, "MeanMetricWrapper: fn must be a function .*, got 3"),
        (lambda: metrics.Mean().update_state("a"), TypeError, "mean: values has dtype <U1.*text like 'a'"),
        (lambda: schedules.CosineDecay("a", 1), TypeError, "CosineDecay: initial_learning_rate must be a number"),
        (lambda: lamina.initializers.Orthogonal("a"), TypeError, "Orthogonal: gain must be a number, got 'a'"),
    ],
)
def test_the_wrong_argument_is_named(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


RIGHT = {
    "None": [None], "bool": [True, np.bool_(False)], "int": [3, np.int8(3)], "float": [3, 2.5, np.float32(1)],
    "str": ["a"], "Sequence[int]": [[1, 2], (3,), ()], "Sequence[int | None]": [[1, None], (None,)],
    "TensorLike": [1, [1.0, 2], X, lamina.Tensor(X)], "Sequence[TensorLike]": [[X, 1], (lamina.Tensor(X),)],
    "Tensor": [lamina.Tensor(X)], "Sequence[Tensor]": [[lamina.Tensor(X)]], "Callable": [len, layers.Dense(1)],
    "LearningRateSchedule": [schedules.ExponentialDecay(0.1, 10, 0.9), {"class_name": "x"}],
    "Layer": [layers.Dense(1)], "Generator": [lamina.random.Generator(1)],
}  # fmt: skip
WRONG = {
    "None": [0, False], "bool": [2.5, "a", None], "int": [2.5, "a", None], "float": ["a", None, [1]], "str": [1, None],
    "Sequence[int]": [[1.5], 3, "ab", None], "Sequence[int | None]": [3, None], "TensorLike": [None, "a", {}],
    "Sequence[TensorLike]": [3, ["a"]], "Tensor": [X, 1], "Sequence[Tensor]": [[X], lamina.Tensor(X)],
    "Callable": [1, "a"], "LearningRateSchedule": [0.1, None], "Layer": [len, 1], "Generator": [1, None, "a"],
}  # fmt: skip


@pytest.mark.parametrize("name", _KINDS)
def test_what_fits_a_kind_of_argument(name):
    fits, words = _KINDS[name]
    assert all(fits(v) for v in RIGHT[name])
    assert not any(fits(v) for v in WRONG[name])
    assert words


def test_words_of_others_stay():
    """Errors of a user's own function, and those that the library raises itself, keep type and message."""

    def mine(x):
        raise KeyError("mine")

    for call in (lambda: layers.Lambda(mine)(X), lambda: losses.FunctionLoss(lambda t, p: mine(p))(X, X)):
        with pytest.raises(KeyError, match="mine"):
            call()
    with pytest.raises(ValueError, match=r"^reshape: x is \(2, 3\), 6 elements, which cannot become \(4,\)$"):
        ops.reshape(X, (4,))
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x2'"):
        ops.add(X)


def test_foreign_byte_order_and_other_types():
    swapped = X.astype(">f4")
    assert ops.zeros_like(swapped).dtype == np.float32
    assert ops.unstack(swapped)[0].dtype.isnative
    with pytest.raises(TypeError, match="expected numbers or booleans, got dtype complex64"):
        ops.unstack(X.astype("c8"))


def test_which_constructors_look_at_what_they_only_store():
    class Loose(Explained):
        __module__ = "lamina.of_this_test"  # the classes of others are left alone

        def __init__(self, n: int, *rest: int, f: float = 0.5, **more: int) -> None:
            self.n = n

    class Strict(Loose, strict=True):
        __module__ = "lamina.of_this_test"

        def __init__(self, n: int, *rest: int, f: float = 0.5, **more: int) -> None:
            self.n = n

    class Below(Strict):
        __module__ = "lamina.of_this_test"

        def __init__(self, n: int, f: float = 0.5) -> None:
            self.n = n

    class Foreign(Strict):
        def __init__(self, n: int) -> None:
            self.n = n

    assert Loose("a", f="a").n == Foreign("a").n == "a"
    assert Strict(3, "rest", more="a").n == Below(3, 1).n == 3
    for make in (Strict, Below):
        with pytest.raises(TypeError, match=f"{make.__name__}: n must be an integer, got 'a'"):
            make("a")
        with pytest.raises(TypeError, match=f"{make.__name__}: f must be a number, got 'a'"):
            make(3, f="a")
