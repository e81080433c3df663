"""Symbolic tensors have Tensor's operators and methods; each becomes a step of the functional model."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Model, Tensor, ops
from lamina.layers.symbolic import SymbolicTensor, trial

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((2, 3, 8)).astype(np.float32)
Y[0] = X[0]

STEPS = {
    "greater": lambda x, y: x > 0.5,
    "less equal": lambda x, y: x <= y,
    "number first": lambda x, y: 1 >= x,  # noqa: SIM300
    "equal": lambda x, y: x == y,
    "not equal": lambda x, y: x != y,
    "and": lambda x, y: (x > 0) & (y > 0),
    "or, not": lambda x, y: ~(x > 0) | (y < 0),
    "xor": lambda x, y: (x > 0) ^ (y > 0),
    "floordiv": lambda x, y: x // 2,
    "rfloordiv": lambda x, y: 2 // (x + 5.0),
    "mod": lambda x, y: x % y,
    "rpow": lambda x, y: 2**x,
    "abs, neg, pos": lambda x, y: abs(-x) + (+y),
    "array first": lambda x, y: np.arange(8, dtype=np.float32) - x,
    "scalar first": lambda x, y: np.float32(2) * x,
    "matmul": lambda x, y: np.ones((2, 3), np.float32).T @ np.ones((2, 3), np.float32) @ x,
    "mean": lambda x, y: x.mean(axis=1),
    "sum": lambda x, y: x.sum(1, keepdims=True),
    "argmax": lambda x, y: x.argmax(-1),
    "reshape": lambda x, y: x.reshape(-1, 4, 2).transpose(0, 2, 1),
    "T": lambda x, y: x.T,
    "astype": lambda x, y: x.astype("float64"),
    "clip": lambda x, y: x.clip(-1, 1),
    "getitem": lambda x, y: x[:, 1:3],
    "where": lambda x, y: ops.where(x > 0.5, x, y),
    "arctan": lambda x, y: ops.arctan(x),
    "top_k": lambda x, y: ops.top_k(x, 3)[0],
    "isclose": ops.isclose,
    "tensordot": lambda x, y: ops.tensordot(x, y, ((1,), (1,))),
    "layer_normalization": lambda x, y: ops.layer_normalization(x, axis=-1),
    "softmax": lambda x, y: ops.softmax(x, axis=(0, 1)),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_operators_draw_steps(step):
    x, y = lamina.Input((8,), batch_size=3), lamina.Input((8,), batch_size=3)
    drawn = step(x, y)
    assert isinstance(drawn, SymbolicTensor)
    model = lamina.Model([x, y], drawn)
    got, want = model([X, Y]), step(Tensor(X), Tensor(Y))
    assert got.dtype == want.dtype == drawn.numpy_dtype
    assert drawn.shape == want.shape
    np.testing.assert_array_equal(got.numpy(), want.numpy())
    again = lamina.Model.from_config(model.get_config())
    np.testing.assert_array_equal(again([X, Y]).numpy(), want.numpy())


def test_the_table_is_tensors():
    for name in ops.tensor_methods():
        assert hasattr(SymbolicTensor, name), name
        assert hasattr(Tensor, name), name


def test_identity_and_values():
    x = lamina.Input((8,))
    assert (x == None) is False  # noqa: E711
    assert (x != None) is True  # noqa: E711
    assert len({x, x, lamina.Input((8,))}) == 2
    for use in (lambda: bool(x > 0), lambda: list(x), lambda: len(x), lambda: np.asarray(x)):
        with pytest.raises(TypeError, match="has a shape but no values"):
            use()


@pytest.mark.parametrize(
    "step",
    [
        lambda x: 1.0 - x,
        lambda x: 0.5 * x,
        lambda x: 2 * x,
        lambda x: 1.0 / x,
        lambda x: ops.maximum(0.0, x),
        lambda x: ops.add([1.0, 2.0, 3.0], x),
    ],
)
def test_a_number_first_takes_the_type_of_the_tensor(step):
    x = Input((3,))
    value = np.arange(1, 7, dtype=np.float32).reshape(2, 3)
    y = step(x)
    assert y.dtype == "float32"
    given = Model(x, y)(value)
    assert given.dtype == np.float32
    np.testing.assert_array_equal(given.numpy(), step(Tensor(value)).numpy())


def test_a_table_indexed_by_a_symbolic_tensor():
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    i = Input((2,), dtype="int32")
    places = np.array([[1, 3], [0, 2]], np.int32)
    for step in (lambda i: ops.take(table, i, 0), lambda i: Tensor(table)[i], lambda i: Tensor(table.T)[:, i]):
        np.testing.assert_array_equal(Model(i, step(i))(places).numpy(), step(places).numpy())


def test_shapes_of_symbolic_tensors():
    x = Input((3, 2))
    assert ops.shape(x) == (None, 3, 2)
    assert ops.ndim(x) == 3
    assert ops.size(x) is None
    assert ops.size(Input((3,), batch_size=2)) == 6


def test_symbolic_tensors_are_found_in_lists():
    a, b, c = (Input((3,)) for _ in range(3))
    assert b in [a, b]
    assert c not in [a, b]
    assert [a, b].index(b) == 1
    assert bool(a != b) is True
    with pytest.raises(TypeError, match="has a shape but no values"):
        bool(a == 1.0)


def test_an_operation_keeps_its_training_argument():
    x = Input((3,))
    mean, variance = Tensor(np.zeros(3, np.float32)), Tensor(np.ones(3, np.float32))
    value = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32) + 2
    model = Model(x, ops.batch_norm(x, None, None, mean, variance, training=True, momentum=0.0))
    assert not mean.numpy().any()  # drawing changes nothing
    np.testing.assert_allclose(model(value).numpy().mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(mean.numpy(), value.mean(0), rtol=1e-5)


@pytest.mark.parametrize("window", [5, 12, 40])
def test_windows_on_free_sizes(window):
    """Sizes are tried until the window fits; free sizes stay free, known ones are known."""
    assert ops.max_pool(Input((None, 3)), window, 1).shape == (None, None, 3)
    assert ops.max_pool(Input((None, 3), batch_size=2), window, 1).shape == (2, None, 3)
    assert ops.max_pool(Input((60, 3)), window, 1).shape == (None, 61 - window, 3)
    assert ops.concatenate([Input((None, 3)), Input((None, 3))], axis=1).shape == (None, None, 3)
    assert ops.reshape(Input((4, 3)), (-1, 12)).shape == (None, 12)
    with pytest.raises(ValueError, match=r"length 99 is larger than the padded input.s 60"):
        ops.max_pool(Input((60, 3)), 99, 1)


def test_a_layer_knows_that_it_is_only_tried():
    """What runs to see shapes must leave nothing behind."""
    flags = []

    class Own(lamina.layers.Layer):
        def call(self, inputs):
            flags.append(trial.running)
            return inputs

    layer = Own()
    layer(X)
    assert flags == [False]
    layer(Input((8,)))
    assert layer.compute_output_shape((None, 8)) == (None, 8)
    assert all(flags[1:])
    layer(X)
    assert flags[-1] is False
