"""Siamese: distances, one pass of the encoder, heads, layers as distances, masks, training, saving, bad input."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers, models
from lamina.layers import Siamese

RNG = np.random.default_rng(0)
A, B, C = RNG.standard_normal((3, 5, 4)).astype(np.float32)


@pytest.mark.parametrize("distance", ["l1", "l2", "cosine"])
def test_distances_of_the_first_to_the_others(distance):
    encoder = layers.Dense(3)
    got = Siamese(encoder, distance)([A, B, C]).numpy()
    a, *others = (encoder(x).numpy() for x in (A, B, C))
    for i, b in enumerate(others):
        cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        wanted = {"l1": np.abs(a - b).sum(1), "l2": np.linalg.norm(a - b, axis=1), "cosine": 1 - cosine}[distance]
        np.testing.assert_allclose(got[:, i], wanted, rtol=1e-4, atol=1e-5)
    same = Siamese(encoder, distance)([A, A]).numpy()
    np.testing.assert_allclose(same, 0, atol=1e-6)


def test_batch_normalization_sees_all_inputs_at_once():
    both = np.concatenate([A, B])
    norm = layers.BatchNormalization(momentum=0.0)
    Siamese(norm)([A, B], training=True)
    np.testing.assert_allclose(norm.moving_mean, both.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(norm.moving_variance, both.var(0), rtol=1e-4)


def test_layers_as_distance_and_head():
    encoder = layers.Dense(3)
    head = layers.Dense(1, activation="sigmoid")
    got = Siamese(encoder, layers.Subtract(), head)([A, B])
    np.testing.assert_allclose(got, head(encoder(A) - encoder(B)), rtol=1e-5)
    assert len(Siamese(layers.Dense(3), "l2", layers.Dense(1)).weights) == 0
    images = RNG.standard_normal((2, 3, 6, 6, 1)).astype(np.float32)
    network = models.Sequential([layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(4)])
    assert Siamese(network, "cosine")(list(images)).shape == (3, 1)


@pytest.mark.parametrize("distance", ["l1", "layer"])
@pytest.mark.parametrize("head", [None, "float64"])
def test_shapes_and_types_are_those_of_the_last_layer(distance, head):
    make = lambda: Siamese(  # noqa: E731
        layers.Dense(3), layers.Subtract(dtype="float64") if distance == "layer" else distance,
        None if head is None else layers.Dense(1, dtype=head),
    )  # fmt: skip
    got, drawn = make()([A, B]), make()([lamina.Input((4,)), lamina.Input((4,))])
    assert got.dtype.name == str(drawn.dtype) == ("float64" if head or distance == "layer" else "float32")
    assert (None, *got.shape[1:]) == drawn.shape
    assert make().compute_output_shape([(5, 4), (5, 4)]) == got.shape


def test_masks_reach_the_encoder():
    ids = np.array([[1, 2, 0], [3, 0, 0]])
    others = np.array([[2, 0, 0], [3, 1, 2]])
    encoder = layers.LSTM(3)
    embed = layers.Embedding(5, 2, mask_zero=True)
    got = Siamese(encoder)([embed(ids), embed(others)]).numpy()
    wanted = np.abs(encoder(embed(ids)).numpy() - encoder(embed(others)).numpy()).sum(1)
    np.testing.assert_allclose(got[:, 0], wanted, rtol=1e-5)


def test_training_and_saving(tmp_path):
    lamina.utils.set_random_seed(0)
    left, right = lamina.Input((4,)), lamina.Input((4,))
    model = models.Model([left, right], Siamese(layers.Dense(2), "l2")([left, right]))
    model.compile("adam", loss="contrastive")
    kinds = RNG.standard_normal((64, 4)).astype(np.float32)
    same = (np.arange(64) % 2).astype(np.float32)
    partner = np.where(same[:, None] > 0, kinds + 0.05, -kinds).astype(np.float32)
    history = model.fit([kinds, partner], same, epochs=8, verbose=0).history["loss"]
    assert history[-1] < history[0]
    model.save(tmp_path / "m.lamina")
    again = lamina.saving.load_model(tmp_path / "m.lamina")
    np.testing.assert_array_equal(
        again.predict([kinds, partner], verbose=0), model.predict([kinds, partner], verbose=0)
    )


def test_bad_input():
    with pytest.raises(TypeError, match="encoder must be a layer, got 3"):
        Siamese(3)
    with pytest.raises(TypeError, match="head must be a layer"):
        Siamese(layers.Dense(2), head=5)
    with pytest.raises(ValueError, match="unknown distance 'l3'"):
        Siamese(layers.Dense(2), "l3")
    with pytest.raises(TypeError, match="distance must be one of"):
        Siamese(layers.Dense(2), 2)
    layer = Siamese(layers.Dense(2))
    for wrong in (A, [A]):
        with pytest.raises(ValueError, match="expected a list of at least two tensors"):
            layer(wrong)
    with pytest.raises(ValueError, match=r"x\[1\] is \(5, 3\), x\[0\] \(5, 4\): the shapes differ"):
        layer([A, A[:, :3]])
