"""What layers hold: keys of shared and equal parts, lists that grow, random states; layers around others; borders."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Tensor, layers
from lamina.core.masked_tensor import attach
from lamina.layers.weights import load_random_states, random_states

X = np.arange(6.0, dtype=np.float32).reshape(2, 3)
STEPS = np.arange(12.0, dtype=np.float32).reshape(2, 3, 2)


class Holder(layers.Layer):
    def __init__(self, *parts):
        super().__init__(name="holder")
        self.parts = list(parts)
        self.named = {}

    def call(self, inputs):
        return inputs


def built(name=None, units=2):
    layer = layers.Dense(units, name=name)
    layer(X)
    return layer


def test_a_part_that_stands_twice_counts_once():
    shared = built("shared")
    layer = Holder(shared, Holder(shared), built("other"), shared)
    assert list(layer.state_dict()) == ["shared/kernel", "shared/bias", "other/kernel", "other/bias"]
    assert layer.count_params() == 16


def test_lists_and_dicts_that_grow_are_seen():
    layer = Holder()
    assert layer.weights == []
    assert layer._held() is layer._held()  # looked for once while nothing changes
    layer.parts.append(built("a"))
    assert [w.path for w in layer.weights] == ["holder/a/kernel", "holder/a/bias"]
    layer.named["b"] = built("b")
    assert len(layer.weights) == 4
    layer.parts.append(Holder())
    layer.parts[-1].named["deep"] = [built("c")]
    assert len(layer.weights) == 6
    layer.parts[0].trainable = False
    assert len(layer.trainable_weights) == 4
    layer.parts.pop(0)
    layer.named["b"] = built("d")
    assert [w.path.split("/")[-2] for w in layer.weights] == ["c", "c", "d", "d"]


def test_weights_that_are_not_trained_come_last():
    norm = layers.BatchNormalization()
    norm(X)
    assert [w.name for w in norm.weights] == ["gamma", "beta", "moving_mean", "moving_variance"]

    class Mixed(layers.Layer):
        def build(self, shape):
            for name, trainable in (("a", False), ("b", True), ("c", False), ("d", True)):
                self.add_weight((1,), name=name, trainable=trainable)

        def call(self, x):
            return x

    layer = Mixed()
    layer(X)
    assert [w.name for w in layer.weights] == ["b", "d", "a", "c"]
    assert [w.name for w in layer.trainable_weights] == ["b", "d"]
    assert [w.name for w in layer.non_trainable_weights] == ["a", "c"]


def test_random_states_come_back():
    layer = Holder(layers.Dropout(0.5, seed=3, name="first"), layers.GaussianNoise(0.5, seed=4, name="second"))
    before = random_states(layer)
    assert list(before) == ["first/seed_generator", "second/seed_generator"]
    wanted = [part(X, training=True).numpy() for part in layer.parts]
    assert all((random_states(layer)[k] != before[k]).any() for k in before)
    load_random_states("model", layer, {**before, "elsewhere": np.zeros(2, np.uint64)})
    for part, value in zip(layer.parts, wanted, strict=True):
        np.testing.assert_array_equal(part(X, training=True).numpy(), value)
    assert [part.seed_generator.seed for part in layer.parts] == [3, 4]
    for wrong in (np.zeros(3, np.uint64), np.zeros((2, 1), np.uint64), np.zeros(2, np.int64)):
        with pytest.raises(ValueError, match=r"model: random state 'first/seed_generator' is .*, not two uint64"):
            load_random_states("model", layer, {"first/seed_generator": wrong})


def test_arrays_that_are_no_weights():
    layer = built()
    with pytest.raises(TypeError, match="cannot be set from dtype <U1"):
        layer.set_weights([np.full((3, 2), "a"), np.zeros(2)])
    layer.set_weights([np.ones((3, 2), np.int8), np.ones(2, bool)])
    assert all((w.numpy() == 1).all() for w in layer.weights)


@pytest.mark.parametrize("inside", [lambda: layers.Dense(4), layers.Flatten, lambda: layers.Reshape((1, 2)),
                                    lambda: layers.RepeatVector(3)])  # fmt: skip
def test_a_layer_at_every_step(inside):
    outer = layers.TimeDistributed(inside())
    y = outer(STEPS)
    wanted = np.stack([outer.layer(STEPS[:, t]).numpy() for t in range(3)], 1)
    np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-6)
    assert outer.compute_output_shape((None, None, 2)) == (None, None, *wanted.shape[2:])
    assert outer.compute_output_shape((2, 3, 2)) == wanted.shape
    assert outer(lamina.Input((None, 2))).shape == (None, None, *wanted.shape[2:])
    mask = np.array([[True, False, True], [True, True, False]])
    assert outer(attach(Tensor(STEPS), Tensor(mask))).mask.numpy().tolist() == mask.tolist()
    assert outer.compute_mask(STEPS, None) is None
    deep = Tensor(np.stack([mask, ~mask], -1))
    assert outer.compute_mask(STEPS, deep).numpy().all()


def test_the_layer_inside_converts():
    inner = layers.Dense(2, dtype="float64")
    x = STEPS.astype(np.float64) + 1e-12
    y = layers.TimeDistributed(inner, dtype="float32")(x)
    np.testing.assert_array_equal(y.numpy(), inner(x.reshape(6, 2)).numpy().reshape(2, 3, 2))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_masking_leaves_out_what_holds_the_value_alone(value):
    x = STEPS.copy()
    x[0, 1], x[1, 2], x[1, 0, 0] = value, value, value
    y = layers.Masking(value)(x)
    kept = np.array([[True, False, True], [True, True, False]])
    assert y.mask.numpy().tolist() == layers.Masking(value).compute_mask(x).numpy().tolist() == kept.tolist()
    np.testing.assert_array_equal(y.numpy(), np.where(kept[..., None], x, 0))


def test_cropping_to_nothing_and_empty_inputs():
    assert layers.Cropping1D(1).compute_output_shape((None, 3, 2)) == (None, 1, 2)
    assert layers.Cropping1D((0, 0))(np.ones((1, 0, 2), np.float32)).shape == (1, 0, 2)
    assert layers.Cropping2D(((1, 0), (0, 0)))(np.ones((0, 2, 0, 1), np.float32)).shape == (0, 1, 0, 1)
    assert layers.ZeroPadding2D().compute_output_shape((None, None, 0, 3)) == (None, None, 2, 3)
    for cropping, n in (((1, 1), 2), ((2, 0), 2), ((0, 3), 2)):
        with pytest.raises(ValueError, match=rf"cutting {sum(cropping)} from axis 1 leaves nothing"):
            layers.Cropping1D(cropping)(np.ones((1, n, 2), np.float32))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_upsampling_of_free_sizes(data_format, interpolation):
    layer = layers.UpSampling2D((2, 3), data_format, interpolation)
    shape = lambda h, w: (None, h, w, 5) if data_format == "channels_last" else (None, 5, h, w)  # noqa: E731
    assert layer.compute_output_shape(shape(4, None)) == shape(8, None)
    assert layer.compute_output_shape(shape(None, 4)) == shape(None, 12)
    x = np.ones((1, *shape(4, 6)[1:]), np.float32)
    assert layer(x).shape == (1, *shape(8, 18)[1:])
    assert layers.UpSampling1D(3).compute_output_shape((None, None, 2)) == (None, None, 2)
    np.testing.assert_array_equal(layers.UpSampling1D(2)(STEPS).numpy(), np.repeat(STEPS, 2, 1))
    with pytest.raises(ValueError, match="expected one of 'nearest', 'bilinear'"):
        layers.UpSampling2D(interpolation="cubic")


@pytest.mark.parametrize("merge_mode", ["concat", None])
@pytest.mark.parametrize("state", [True, False])
def test_two_ways_with_different_states(merge_mode, state):
    """Forward an LSTM with two states, backward a GRU with one of another size."""
    forward = layers.LSTM(2, return_sequences=True, return_state=state)
    backward = layers.GRU(3, return_sequences=True, return_state=state, go_backwards=True)
    both = layers.Bidirectional(forward, merge_mode, backward_layer=backward)
    states = [np.random.default_rng(i).standard_normal((2, n)).astype(np.float32) for i, n in enumerate((2, 2, 3))]
    y = both(STEPS, initial_state=states)
    first = both.forward_layer(STEPS, initial_state=states[:2])
    second = both.backward_layer(STEPS, initial_state=states[2:])
    first, second = (list(v) if state else [v] for v in (first, second))
    second[0] = second[0].numpy()[:, ::-1]
    outputs = [first[0].numpy(), second[0]]
    wanted = [*(outputs if merge_mode is None else [np.concatenate(outputs, -1)]), *first[1:], *second[1:]]
    got = list(y) if isinstance(y, tuple) else [y]
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a.numpy(), np.asarray(b), rtol=1e-6)
    shapes = both.compute_output_shape((None, None, 2))
    found = [shapes] if len(got) == 1 else list(shapes)
    assert [tuple(s) for s in found] == [
        (None, None, *b.shape[2:]) if b.ndim == 3 else (None, b.shape[1]) for b in wanted
    ]
    masks = both.compute_mask(STEPS, [np.ones((2, 3), bool), None])
    masks = list(masks) if isinstance(masks, (list, tuple)) else [masks]
    assert [m is None for m in masks] == [b.ndim == 2 for b in wanted]
    for wrong in (states[:2], [*states, states[0]], states[0]):
        with pytest.raises(ValueError, match=r"forward layer's states \(2\) and the backward layer's \(1\), got"):
            both(STEPS, initial_state=wrong)
