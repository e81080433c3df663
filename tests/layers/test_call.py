"""How layers are called: the short way, conversion, building, masks, the training flag, losses, inferred shapes."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Tensor, layers, ops
from lamina.core.masked_tensor import attach
from lamina.layers import base

X = np.arange(6.0, dtype=np.float32).reshape(2, 3)
MASK = np.array([[True, True, False], [True, False, False]])
STEPS = np.arange(12.0, dtype=np.float32).reshape(2, 3, 2)


class Seen(layers.Layer):
    """Notes the training flag of every call, and passes it to what is inside."""

    def __init__(self, *inside, **kwargs):
        super().__init__(**kwargs)
        self.inside = list(inside)
        self.flags = []

    def call(self, inputs, training=False):
        self.flags.append(training)
        for layer in self.inside:
            inputs = layer(inputs)
        return inputs


def test_a_built_layer_on_a_plain_tensor_takes_the_short_way(monkeypatch):
    layer = layers.Dense(2, name="short")
    other = layers.BatchNormalization()
    wanted = layer(X).numpy(), other(X).numpy()
    monkeypatch.setattr(base, "full_call", None)
    for x in (X, Tensor(X)):
        for options in ({}, {"training": False}, {"training": None}):
            np.testing.assert_array_equal(layer(x, **options).numpy(), wanted[0])
            np.testing.assert_array_equal(other(x, **options).numpy(), wanted[1])
    assert (other(X, training=True).numpy() != wanted[1]).any()
    with pytest.raises(ValueError, match=r"Dense 'short': x is \(2, 2\)"):
        layer(X[:, :2])
    for x in (X.astype(np.float64), Tensor(X.astype(np.int64)), X.tolist()):
        with pytest.raises(TypeError, match="not callable"):
            layer(x)


@pytest.mark.parametrize("given", [True, False, None])
def test_the_training_flag_goes_down_and_no_further(given):
    inner = Seen()
    outer = Seen(inner, Seen(inner))
    for _ in range(2):  # built by the first
        outer(X, training=given)
        inner(X)
        assert inner.flags == [bool(given)] * 2 + [False]
        inner.flags.clear()
    outer.inside.append(layers.Dense(2))
    outer(X)
    with pytest.raises(ValueError, match="Dense"):
        outer(X[:, :2], training=True)
    inner(X)
    assert inner.flags[-1] is False


def test_shapes_are_inferred_without_training():
    layer = Seen()
    assert layer.compute_output_shape((None, 3)) == (None, 3)
    assert layer(Input((3,))).shape == (None, 3)
    assert Seen(layer).compute_output_shape((4, 3)) == (4, 3)
    layers.TimeDistributed(layer).build((None, 2, 3))
    assert layer(Input((3,)), training=True).shape == (None, 3)
    assert layer.flags
    assert not any(layer.flags)


def test_losses_are_those_of_the_last_call():
    class Penalty(layers.Layer):
        def call(self, inputs):
            self.add_loss(ops.sum(inputs))
            return inputs

    inner = Penalty()
    outer = Seen(Seen(inner, inner), layers.Dense(2))
    for _ in range(3):
        outer(X)
        assert [float(loss) for loss in outer.losses] == [X.sum()] * 2
    inner(X)
    assert len(inner.losses) == 1
    quiet = Seen()
    quiet(X)
    quiet.inside.append(Penalty())  # begins to add losses
    for _ in range(3):
        quiet(X)
        assert len(quiet.losses) == 1


@pytest.mark.parametrize("shape", [(), (0, 2), (1, 2), (4, 2)])
def test_the_penalty_of_activities_is_of_one_example(shape):
    layer = layers.ActivityRegularization(0.5, 0.25)
    layer(np.full(shape, 2.0, np.float32))
    per_example = np.prod(shape[1:], dtype=int) * 2.0 if 0 not in shape else 0.0
    assert [float(loss) for loss in layer.losses] == [per_example]


class Masked(layers.Layer):
    supports_masking = True

    def call(self, inputs, mask=None):
        self.mask = mask
        return inputs


class Halved(layers.Layer):
    def call(self, inputs):
        return inputs * 2.0

    def compute_mask(self, inputs, previous_mask):
        return None if previous_mask is None else ops.logical_and(previous_mask, MASK)


class Kept(Halved):
    pass


class Ended(Halved):
    supports_masking = False

    def compute_mask(self, inputs, previous_mask):
        return None


def test_a_mask_that_a_class_computes():
    assert [kind.supports_masking for kind in (Halved, Kept, Ended, Seen)] == [True, True, False, False]
    for kind in (Halved, Kept):
        layer = kind()
        for _ in range(2):
            y = layer(attach(Tensor(STEPS), Tensor(np.ones((2, 3), bool))))
            assert y.mask.numpy().tolist() == MASK.tolist()
        e = layers.Embedding(5, 2, mask_zero=True)(Input((3,), batch_size=2, dtype="int32"))
        assert kind()(e).mask.shape == (2, 3)


@pytest.mark.parametrize("call", [lambda la, x: la(x), lambda la, x: la(inputs=x)])
def test_the_first_argument_by_name(call):
    layer = Masked()
    y = call(layer, attach(Tensor(STEPS), Tensor(MASK)))
    assert y.mask.numpy().tolist() == layer.mask.numpy().tolist() == MASK.tolist()
    assert call(layers.Dense(2), X.astype(np.int64)).dtype == np.float32
    assert call(layers.Dense(2), X.tolist()).shape == (2, 2)
    assert call(layers.Dense(2), Input((3,))).shape == (None, 2)


def test_masks_that_are_not_of_steps_end():
    layer = Masked()
    for mask in (MASK[:, :2], np.ones((2, 3, 2), bool), MASK[:1]):
        assert not hasattr(layer(STEPS, mask=mask), "mask")
    assert layer(X[:, 0], mask=MASK[:, 0]).mask.numpy().tolist() == [True, True]
    assert layer(STEPS, mask=MASK.astype(np.float32)).mask.dtype == np.bool_


INSIDE = {
    "RNN": lambda **options: layers.RNN(layers.GRUCell(2, dtype="float64"), **options),
    "RNN of a stack": lambda **options: layers.RNN([layers.GRUCell(2, dtype="float64")], **options),
    "StackedRNNCells": lambda **options: layers.StackedRNNCells([layers.GRUCell(2, dtype="float64")], **options),
    "Bidirectional": lambda **options: layers.Bidirectional(layers.GRU(2, dtype="float64"), **options),
    "TimeDistributed": lambda **options: layers.TimeDistributed(layers.Dense(2, dtype="float64"), **options),
}


@pytest.mark.parametrize("name", INSIDE)
def test_a_layer_around_another_has_its_type(name):
    assert INSIDE[name]().dtype == "float64"
    assert INSIDE[name](dtype=None).dtype == "float64"
    assert INSIDE[name](dtype="float32").dtype == "float32"


def test_what_is_no_input():
    with pytest.raises(TypeError, match="must be one tensor or array"):
        layers.Dense(2)([X, X])
    with pytest.raises(ValueError, match="the input is None"):
        layers.Add()(None)
    with pytest.raises(TypeError, match="expected tensors or arrays"):
        layers.Add()([X, None])
    assert Seen()(None) is None  # one of one's own may want it
    with pytest.raises(TypeError, match="the input has dtype"):
        Seen()(np.array(["a"]))


def test_keys_that_do_not_fit_are_counted():
    layer = layers.Dense(2)
    layer(X)
    kernel, bias = layer.get_weights()
    with pytest.raises(ValueError, match=r"no value for weight 'kernel' \(and 1 more\)$"):
        layer.load_state_dict({})
    with pytest.raises(ValueError, match=r"no value for weight 'bias'$"):
        layer.load_state_dict({"kernel": kernel})
    state = {"kernel": kernel, "bias": bias, "a": bias}
    with pytest.raises(ValueError, match="there is no weight 'a'; known are kernel, bias"):
        layer.load_state_dict(state)
    with pytest.raises(ValueError, match=r"there is no weight 'a' \(and 2 more\); known"):
        layer.load_state_dict({**state, "b": bias, "c": bias})
    layer.load_state_dict({"bias": bias + 1, "a": bias}, strict=False)
    np.testing.assert_array_equal(layer.bias.numpy(), bias + 1)
    lamina.Sequential([layer]).load_state_dict({"dense/kernel": kernel, "dense/bias": bias})
    np.testing.assert_array_equal(layer.bias.numpy(), bias)


@pytest.mark.parametrize("size", [0, -1, True, 1.5, None, [], [2, 0], "2"])
def test_sizes_of_states_are_positive_integers(size):
    class Cell(layers.Layer):
        state_size = size

        def call(self, inputs, states):
            return inputs, states

    for make in (layers.RNN, lambda cell: layers.StackedRNNCells([cell])):
        with pytest.raises(TypeError, match=r"state_size of Cell 'cell.*' must be integers"):
            make(Cell())
    Cell.state_size = 1
    assert layers.RNN(Cell()).state_size == 1


@pytest.mark.parametrize(
    ("layer", "args", "message"),
    [
        (layers.MaxPooling1D(2), (1, 2), r"call\(\) takes 2 positional arguments but 3 were given"),
        (layers.MaxUnpooling1D(2), (1,), r"call\(\) missing 1 required positional argument: 'indices'"),
        (layers.GaussianNoise(0.5), (1, 2, 3), r"call\(\) got multiple values for argument 'training'"),
    ],
    ids=lambda v: getattr(v, "name", None),
)
def test_wrong_numbers_of_arguments_name_no_private_class(layer, args, message):
    x = np.ones((2, 4, 3), np.float32)
    with pytest.raises(TypeError, match=rf"^{type(layer).__name__} '.*': {message}$"):
        layer(*[x for _ in args])


def test_wrong_numbers_of_arguments_of_a_constructor_name_the_class_that_is_made():
    with pytest.raises(TypeError, match=r"^LpPooling1D\.__init__\(\) got multiple values for argument 'norm_type'$"):
        layers.LpPooling1D(4, norm_type=2)
    with pytest.raises(TypeError, match=r"^Dense\.__init__\(\) missing 1 required positional argument: 'units'$"):
        layers.Dense()


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_given_by_its_name(training):
    """As in Keras, which refuses what is no tensor by position."""
    x = np.ones((2, 3), np.float32)
    for layer in (layers.Dropout(0.5), layers.GaussianNoise(0.5), layers.BatchNormalization()):
        with pytest.raises(
            TypeError, match=rf"'.*': tensors alone are given by their places; write training={training}$"
        ):
            layer(x, training)
