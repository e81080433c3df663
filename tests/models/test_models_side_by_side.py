"""What one model does (add_loss, frozen layers) neither slows another one nor shows in it."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Model, Sequential, layers, ops
from lamina.layers import base

X = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)


class Penalty(layers.Layer):
    """Adds a loss where it is told to."""

    def __init__(self, on=True):
        super().__init__()
        self.on = on

    def call(self, x):
        if self.on:
            self.add_loss(ops.mean(x))
        return x


class Holder(Model):
    """Calls each of its layers twice."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = list(parts)

    def call(self, x):
        for part in self.parts:
            x = part(part(x))
        return x


def dense_calls(model, monkeypatch):
    """How many of a model's calls of Dense layers go the long way."""
    seen, full = [], base.full_call
    with monkeypatch.context() as patch:
        patch.setattr(base, "full_call", lambda layer, *args: (seen.append(layer), full(layer, *args))[1])
        model(X)
    return sum(type(layer) is layers.Dense for layer in seen)


@pytest.mark.parametrize("begins", ["before", "after"])
def test_losses_of_one_model_do_not_slow_another(begins, monkeypatch):
    plain = Sequential([layers.Dense(3), layers.Dense(3)])
    adding = Sequential([layers.Dense(3), Penalty(), layers.Dense(3, activity_regularizer="l2")])
    for model in (adding, plain) if begins == "before" else (plain, adding):
        model(X)
    for model in (plain, adding):
        model(X)
    assert dense_calls(plain, monkeypatch) == 0
    assert dense_calls(adding, monkeypatch) == 1  # the one that adds a loss
    assert plain.losses == []
    assert len(adding.losses) == 2


def test_a_layer_that_begins_to_add_losses_late_is_noticed_by_all_that_hold_it():
    shared = Penalty(on=False)
    holders = Holder(shared), Sequential([layers.Dense(3), shared]), Sequential([Holder(shared)])
    for _ in range(3):
        for model in holders:
            model(X)
            assert model.losses == []
    shared.__dict__["on"] = True  # as a condition in call() would be, unnoticed
    holders[1](X)
    for _ in range(3):
        for model, count in zip(holders, (2, 1, 2), strict=True):
            model(X)
            assert len(model.losses) == count
    shared.__dict__["on"] = False
    for model in holders:
        model(X)
        assert model.losses == []


def test_regularizers_set_later_count():
    first, second = layers.Dense(3), layers.Dense(2)
    model = Sequential([first, second])
    model(X)
    assert model.losses == []
    first.activity_regularizer = lambda y: ops.sum(ops.square(y))
    y = model.layers[0](X)
    for _ in range(2):
        model(X)
        np.testing.assert_allclose(float(model.losses[0]), np.square(y.numpy()).sum() / len(X), rtol=1e-5)
    second.kernel.regularizer = ops.sum
    assert len(model.losses) == 2
    second.trainable = False
    assert len(model.losses) == 1


def test_frozen_layers_are_found_wherever_they_come_in():
    frozen = layers.Dense(3, trainable=False)
    holder = Holder(layers.Dense(3))
    holder(X)
    assert len(holder.trainable_weights) == 2
    holder.parts.append(frozen)
    holder(X)
    assert len(holder.weights) == 4
    assert len(holder.trainable_weights) == 2
    assert [id(v) for v in holder.non_trainable_weights] == [id(v) for v in frozen.weights]
    frozen.trainable = True
    assert len(holder.trainable_weights) == 4
