"""The direct way of operations is the long one: same bits, types, gradients and errors; it is left where it must be."""

import numpy as np
import pytest

import lamina
from lamina import ops
from lamina.ops import direct

OPERATIONS = sorted(
    {getattr(ops, name) for name in ops.__all__ if direct.of(getattr(getattr(ops, name), "__wrapped__", None))},
    key=lambda f: f.__name__,
)
NUMBERS = {"clip": (0.4, 0.8)}
WITHOUT_GRADIENT = ("gelu", "mish", "silu")


def arguments(operation, dtype, shape=(3, 5)):
    two = operation.__name__ in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "mod", "floor_divide",
                                 "power", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal",
                                 "logical_and", "logical_or", "logical_xor")  # fmt: skip
    values = np.linspace(0.1, 1.7, int(np.prod(shape)), dtype=dtype).reshape(shape)
    return [values, values[::-1].copy()][: 1 + two]


def both_ways(operation, make):
    """Values and gradients of the direct way and of the other one."""
    found = []
    for function in (operation, operation.__wrapped__):
        given = make()
        y = function(*given, *NUMBERS.get(operation.__name__, ()))
        tensors = [t for t in given if isinstance(t, lamina.Tensor)]
        if y.requires_grad:
            y.backward(np.linspace(-1, 2, y.size, dtype=y.dtype).reshape(y.shape))
        grads = [None if t.grad is None else t.grad.numpy() for t in tensors]
        found.append((y.dtype, y.requires_grad, y.numpy(), grads))
    return found


def assert_same(found):
    (dtype, wants, y, grads), (dtype_, wants_, y_, grads_) = found
    assert (dtype, wants) == (dtype_, wants_)
    np.testing.assert_array_equal(y, y_, strict=True)
    for g, g_ in zip(grads, grads_, strict=True):
        assert (g is None) == (g_ is None)
        if g is not None:
            np.testing.assert_array_equal(g, g_, strict=True)


def test_there_are_operations():
    assert len(OPERATIONS) > 45


@pytest.mark.parametrize("wants", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda f: f.__name__)
def test_both_ways_are_the_same(operation, dtype, wants):
    def make():
        pairs = zip(arguments(operation, dtype), wants, strict=False)
        return [lamina.Tensor(a, requires_grad=w) for a, w in pairs]

    if not any(wants) or operation.__name__ not in WITHOUT_GRADIENT:
        assert direct.of(operation.__wrapped__)(*make(), *NUMBERS.get(operation.__name__, ())) is not None
    assert_same(both_ways(operation, make))


@pytest.mark.parametrize("number", [2, 0.5, -1, 0])
@pytest.mark.parametrize(
    "operation", [f for f in OPERATIONS if len(arguments(f, "float32")) == 2], ids=lambda f: f.__name__
)
def test_numbers_beside_tensors(operation, number):
    for at in (0, 1):

        def make(at=at):
            given = [lamina.Tensor(np.linspace(0.1, 1.7, 6, dtype="float32"), requires_grad=True)]
            given.insert(at, number)
            return given

        with np.errstate(all="ignore"):
            assert_same(both_ways(operation, make))


def test_broadcasting_and_its_gradients():
    for operation in (ops.add, ops.subtract, ops.multiply, ops.divide, ops.maximum):
        for wants in (False, True):
            x, y = np.ones((2, 3), "float32"), np.full(3, 2.0, "float32")
            assert_same(both_ways(operation, lambda x=x, y=y, w=wants: [lamina.Tensor(x, w), lamina.Tensor(y, w)]))


def test_same_tensor_twice():
    assert_same(both_ways(ops.multiply, lambda: [lamina.Tensor(np.arange(3.0, dtype="float32"), True)] * 2))


@pytest.mark.parametrize(
    "given",
    [
        ([1.0, 2.0],),
        (np.ones(2),),
        (lamina.Tensor(np.ones(2, "int32")),),
        (lamina.Tensor(np.ones(2, "float32")), lamina.Tensor(np.ones(2, "float64"))),
        (lamina.Tensor(np.ones(2, "float32")), np.ones(2, "float32")),
        (lamina.Tensor(np.ones(2, "float32")), True),
        (lamina.Tensor(np.ones(2, "float32")), np.float32(2)),
        (2.0, 3.0),
        (),
    ],
    ids=str,
)
def test_what_needs_a_conversion_goes_the_other_way(given):
    assert direct.of(ops.add.__wrapped__)(*given) is None
    assert direct.of(ops.exp.__wrapped__)(*given) is None or given[0].dtype == "float32"


def test_errors_name_the_operation():
    with pytest.raises(ValueError, match=r"^multiply: x is \(2,\), y is \(3,\)"):
        ops.multiply(lamina.Tensor(np.ones(2, "float32")), lamina.Tensor(np.ones(3, "float32")))


def test_no_grad_and_variables():
    w = lamina.layers.Variable(np.ones(3, "float32"))
    with lamina.no_grad():
        assert not (w * w).requires_grad
    y = w * w
    assert type(y) is lamina.Tensor
    y.sum().backward()
    assert w.grad.tolist() == [2.0, 2.0, 2.0]


def test_masks_end_at_operations():
    x = lamina.layers.Masking()(np.ones((1, 2, 3), "float32"))
    assert type(ops.exp(x)) is lamina.Tensor


def test_calls_are_seen():
    seen = []

    def through(name, function, *args, **kwargs):
        seen.append(name)
        return function(*args, **kwargs)

    x = lamina.Tensor(np.ones(2, "float32"))
    with ops.conversion.calls_through(through):
        ops.exp(x)
    ops.exp(x)
    assert seen == ["exp"]


def test_symbolic_arguments_are_drawn():
    x = lamina.Input((3,))
    model = lamina.Model(x, ops.add(ops.exp(x), 1.0))
    np.testing.assert_allclose(model.predict(np.zeros((2, 3), "float32"), verbose=0), 2.0)


def test_views_are_read_where_they_stand():
    a = np.arange(12.0, dtype="float32").reshape(3, 4).T
    np.testing.assert_array_equal(ops.add(lamina.Tensor(a), lamina.Tensor(a)).numpy(), a + a)
