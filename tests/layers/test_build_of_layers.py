"""When and for which shapes layers are built, and what a class without options of its own keeps."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Input, Model, Tensor, layers, saving
from lamina.core.masked_tensor import attach

X = np.arange(6.0, dtype=np.float32).reshape(2, 3)
MASK = np.array([[True, True, False], [True, False, False]])
STEPS = np.arange(12.0, dtype=np.float32).reshape(2, 3, 2)


class Pair(layers.Layer):
    """Takes two tensors, each with its mask, and is built for both shapes."""

    def build(self, query_shape, value_shape):
        self.shapes = query_shape, value_shape

    def call(self, query, value, query_mask=None, value_mask=None):
        self.masks = query_mask, value_mask
        return query


def test_several_arguments_have_their_own_masks_and_shapes():
    layer = Pair()
    query, value = attach(Tensor(STEPS), Tensor(MASK)), Tensor(STEPS[:, :2, :1].copy())
    with pytest.warns(UserWarning, match="does not support masks"):
        layer(query, value)
    assert layer.shapes == ((None, 3, 2), (None, 2, 1))
    assert layer._build_arguments == {"query_shape": (None, 3, 2), "value_shape": (None, 2, 1)}
    assert layer.masks[0].numpy().tolist() == MASK.tolist()
    assert layer.masks[1] is None
    masked = attach(value, Tensor(MASK[:, :2]))
    with pytest.warns(UserWarning, match="does not support masks"):
        layer(query=query, value=masked, query_mask=np.ones((2, 3)))
    assert layer.masks[0].numpy().tolist() == np.ones((2, 3)).tolist()
    assert layer.masks[1].numpy().tolist() == MASK[:, :2].tolist()
    layer(value, masked)  # not the first one's: nothing is to go on
    assert layer.masks[0] is None


class Composite(layers.Layer):
    """No build of its own, and none of the options of every layer."""

    def __init__(self):
        super().__init__()
        self.inner = layers.Dense(4)

    def call(self, inputs):
        return self.inner(inputs)


def test_layers_inside_of_layers_are_built_with_them():
    outer = layers.TimeDistributed(Composite())
    outer.build((None, 3, 2))
    assert [w.shape for w in outer.weights] == [(2, 4), (4,)]


@pytest.mark.parametrize("trainable", [True, False])
def test_a_class_without_the_options_of_every_layer_comes_back_as_it_was(trainable):
    layer = Composite()
    layer._name = "mine"
    layer.trainable = trainable
    again = Composite.from_config({**layer.get_config(), "dtype": "float32"})
    assert (again.name, again.trainable) == ("mine", trainable)
    again(X)
    assert len(again.trainable_weights) == 2 * trainable


@saving.register_serializable(package="tests")
class BuiltByNothing(layers.Layer):
    """Its build wants no shape; it may as well be called with several tensors."""

    def build(self):
        self.scale = self.add_weight((), "ones")

    def call(self, x, y=None):
        return x * self.scale if y is None else x * self.scale + y


@pytest.mark.parametrize("given", [(X,), (X, X)])
def test_a_build_without_parameters_gets_no_shape(given):
    layer = BuiltByNothing()
    layer(*given)
    assert len(layer.weights) == 1
    wrapper = layers.TimeDistributed(BuiltByNothing())
    wrapper.build((None, 3, 2))
    assert len(wrapper.weights) == 1


@pytest.mark.parametrize("name", ["m.keras", "m.lamina"])
def test_a_build_without_parameters_is_called_when_a_file_is_read(name, tmp_path):
    x = Input((3,))
    model = Model(x, BuiltByNothing()(x))
    model.set_weights([np.float32(3)])
    model.save(tmp_path / name)
    np.testing.assert_array_equal(saving.load_model(tmp_path / name)(X), 3 * X)
