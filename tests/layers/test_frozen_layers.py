"""Layers that are not trained, and what is inside of them."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers

rng = np.random.default_rng(0)


def images(*shape):
    return rng.standard_normal(shape).astype(np.float32)


class Pair(layers.Layer):
    """A composite layer whose constructor says nothing of ``trainable`` to the layers inside."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = layers.Dense(units), layers.Dense(units)

    def call(self, inputs):
        return self.second(self.first(inputs))


@pytest.mark.parametrize(
    "frozen",
    [
        lambda: layers.TimeDistributed(layers.Dense(2), trainable=False),
        lambda: layers.RNN(layers.LSTMCell(3), return_sequences=True, trainable=False),
        lambda: Pair(3, trainable=False),
        lambda: lamina.Sequential([layers.Dense(2), layers.Dense(3)], trainable=False),
    ],
)
def test_a_layer_made_frozen_keeps_what_is_inside_from_training(frozen):
    model = lamina.Sequential([frozen(), layers.Dense(1)])
    model(images(2, 4, 5))
    inside = model.layers[0].weights
    assert [v.path for v in model.trainable_weights] == [v.path for v in model.layers[1].weights]
    assert [v.path for v in model.non_trainable_weights] == [v.path for v in inside]
    model.layers[0].trainable = True
    assert len(model.trainable_weights) == len(model.weights)


def test_a_frozen_layer_whose_constructor_takes_no_options():
    class Plain(layers.Layer):
        def __init__(self):
            super().__init__(trainable=False)
            self.inner = layers.Dense(2)

        def call(self, inputs):
            return self.inner(inputs)

    for trainable, count in ((False, 2), (True, 4)):
        model = lamina.Sequential([Plain.from_config({"name": "plain", "trainable": trainable}), layers.Dense(1)])
        model(images(2, 5))
        assert len(model.trainable_weights) == count


def test_a_part_of_a_frozen_layer_may_be_trained(tmp_path):  # as in Keras: the base is frozen, its last layer not
    base = lamina.Sequential([layers.Dense(2), layers.Dense(3)])
    model = lamina.Sequential([base, layers.Dense(1)])
    model(images(2, 5))
    base.trainable = False
    base.layers[1].trainable = True
    assert len(model.trainable_weights) == 4
    model.save(tmp_path / "m.lamina")
    assert len(lamina.load_model(tmp_path / "m.lamina").trainable_weights) == 4


def test_a_layer_made_frozen_is_saved_as_it_is(tmp_path):
    model = lamina.Sequential([layers.TimeDistributed(layers.Dense(2), trainable=False), layers.Dense(1)])
    model(images(2, 4, 5))
    model.save(tmp_path / "m.lamina")
    assert len(lamina.load_model(tmp_path / "m.lamina").trainable_weights) == 2
