"""Operations of one's own: what their backward function must do, and what is said if it doesn't."""

import numpy as np
import pytest

import lamina
from lamina import Tensor, layers, losses, ops
from lamina.core.autograd import record, record_many, record_view


def leaf(*shape, dtype="f4"):
    return Tensor(np.arange(1, 1 + int(np.prod(shape)), dtype=dtype).reshape(shape), requires_grad=True)


def twice(x, backward):
    return record(x.numpy() * 2, (x,), backward)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_right_one_works_and_adds_up(dtype):
    def backward(dy, grads):
        grads[0][...] = 2 * dy

    x = leaf(2, 3, dtype=dtype)
    ops.sum(twice(x, backward) + twice(x, backward) + x).backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.full((2, 3), 5))
    ops.sum(twice(x, backward)).backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.full((2, 3), 7))


def returns(dy, grads):
    return (2 * dy,)


def returns_after_writing(dy, grads):
    grads[0][...] = 2 * dy
    return grads[0]


def assigns(dy, grads):
    grads[0] = 2 * dy


def leaves(dy, grads):
    pass


def leaves_some(dy, grads):
    grads[0][:1] = 2 * dy[:1]


@pytest.mark.parametrize(
    ("backward", "error", "message"),
    [
        (returns, TypeError, r"returns: its backward returned tuple, which goes nowhere; it must write"),
        (returns_after_writing, TypeError, r"its backward returned ndarray"),
        (assigns, TypeError, r"put another object into grads\[0\].*grads\[0\]\[...\] = gradient"),
        (leaves, ValueError, r"left 6 of 6 elements of grads\[0\], the gradient of input 0, unwritten"),
        (leaves_some, ValueError, r"left 3 of 6 elements of grads\[0\]"),
    ],
)
@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("added", [False, True])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_wrong_one_is_named(backward, error, message, many, added, dtype):
    x = leaf(2, 3, dtype=dtype)
    if many:

        def of_several(dys, grads):
            return backward(dys[0], grads)

        of_several.__qualname__, of_several.__name__ = backward.__qualname__, backward.__name__
        y = record_many([x.numpy() * 2, x.numpy()], (x,), of_several)[0]
    else:
        y = twice(x, backward)
    if added:
        y = y + x * 3.0
    with pytest.raises(error, match=message):
        ops.sum(y).backward()


def test_the_operation_is_named_by_its_function():
    def my_swish(x):
        def backward(dy, grads):
            return dy

        return record(x.numpy(), (x,), backward)

    with pytest.raises(TypeError, match=r"my_swish: its backward returned ndarray"):
        ops.sum(my_swish(leaf(3))).backward()


@pytest.mark.parametrize(
    ("gradients", "error", "message"),
    [
        (lambda dy: dy, TypeError, "returned ndarray, expected a tuple of 2"),
        (lambda dy: None, TypeError, "returned NoneType, expected a tuple of 2"),
        (lambda dy: (dy,), TypeError, "returned 1 gradients, expected a tuple of 2"),
        (lambda dy: (dy, 1.0), TypeError, "returned float for input 1, expected an array"),
        (lambda dy: (dy, dy[0]), ValueError, r"returned float32 of \(3,\) for input 1, expected float32 of \(2, 3\)"),
        (lambda dy: (dy, dy.astype("f8")), ValueError, r"returned float64 of \(2, 3\) for input 1"),
    ],
)
def test_views_return_one_gradient_an_input(gradients, error, message):
    x, z = leaf(2, 3), leaf(2, 3)
    y = record_view(x.numpy() + z.numpy(), (x, z), gradients)
    with pytest.raises(error, match=message):
        ops.sum(y).backward()
    y = record_view(x.numpy() + z.numpy(), (x, z), lambda dy: (dy, None))
    ops.sum(y).backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.ones((2, 3)))
    assert z.grad is None


def test_what_record_is_given():
    x = leaf(2)
    with pytest.raises(TypeError, match="backward must be a function"):
        record(x.numpy(), (x,), None)
    with pytest.raises(TypeError, match="must be a tuple of Tensors"):
        record(x.numpy(), x, returns)
    with pytest.raises(TypeError, match="must be a tuple of Tensors"):
        record(x.numpy(), (x.numpy(),), returns)


@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        (lambda t, p: None, TypeError, r"the loss '<lambda>' returned nothing \(a return is missing\?\)"),
        (lambda t, p: "0", TypeError, "the loss '<lambda>' returned str"),
        (lambda t, p: ops.mean(ops.square(p - t), axis=0), ValueError, r"returned \(2,\) for y_pred \(8, 2\)"),
        (lambda t, p: np.square(p.numpy() - t.numpy()).mean(-1), RuntimeError, "depends on none of the weights"),
    ],
)
def test_losses_of_ones_own_are_checked(loss, error, message):
    net = lamina.Sequential([layers.Dense(2)])
    net.compile("sgd", loss, run_eagerly=True)
    with pytest.raises(error, match=message):
        net.fit(np.ones((8, 3), "f"), np.ones((8, 2), "f"), verbose=0, batch_size=8)


def test_a_loss_of_one_number_is_fine():
    value = losses.FunctionLoss(lambda t, p: ops.mean(ops.square(p - t)))(np.zeros((4, 2)), np.ones((4, 2)))
    assert float(value) == 1.0


class Says(lamina.Metric):
    def __init__(self, value):
        super().__init__(name="says")
        self.value = value

    def update_state(self, y_true, y_pred, sample_weight=None): ...

    def reset_state(self): ...

    def result(self):
        return self.value


@pytest.mark.parametrize("value", [None, "high", object()])
def test_metrics_of_ones_own_are_checked(value):
    net = lamina.Sequential([layers.Dense(2)])
    net.compile("sgd", "mse", metrics=[Says(value)])
    with pytest.raises(TypeError, match=r"metric 'says': its result is .*, expected a number"):
        net.fit(np.ones((8, 3), "f"), np.ones((8, 2), "f"), verbose=0)
    net.compile("sgd", "mse", metrics=[lambda t, p: value])
    with pytest.raises(TypeError, match="metric 'lambda': its function returned"):
        net.fit(np.ones((8, 3), "f"), np.ones((8, 2), "f"), verbose=0)
