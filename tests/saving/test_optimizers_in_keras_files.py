"""States of optimizers in Keras's files: which numbered arrays stand there, and that training goes on from them."""

from __future__ import annotations

import warnings
import zipfile

import h5py
import numpy as np
import pytest

import lamina
from lamina import layers, optimizers

X, Y = np.random.default_rng(0).standard_normal((2, 12, 4)).astype(np.float32)
Y = Y[:, :2].copy()
KERNEL, BIAS = (4, 2), (2,)


def trained(optimizer, epochs=1):
    """A dense layer after three steps an epoch."""
    lamina.random.seed(1)
    model = lamina.Sequential([lamina.Input((4,)), layers.Dense(2, bias_initializer="ones")])
    model.compile(optimizer, "mse")
    return on(model, epochs)


def on(model, epochs=1):
    if epochs:
        model.fit(X, Y, batch_size=4, epochs=epochs, shuffle=False, verbose=0)
    return model


def arrays(path, group="optimizer"):
    """The numbered arrays of a group of a file, in their order."""
    with zipfile.ZipFile(path) as archive, h5py.File(archive.open("model.weights.h5")) as file:
        found = file[f"{group}/vars"]
        return [found[str(i)][()] for i in range(len(found))]


PAIR = [KERNEL, BIAS]
TWO = [KERNEL, KERNEL, BIAS, BIAS]  # first and second moment of one weight after the other
SHAPES = [
    (lambda: optimizers.SGD(0.1), []),
    (lambda: optimizers.SGD(0.1, momentum=0.9), PAIR),
    (lambda: optimizers.Adam(0.1), TWO),
    (lambda: optimizers.Adam(0.1, amsgrad=True), [*TWO, *PAIR]),
    (lambda: optimizers.Adam(0.1, use_ema=True), [*PAIR, *TWO]),
    (lambda: optimizers.RMSprop(0.1), PAIR),
    (lambda: optimizers.RMSprop(0.1, momentum=0.5, centered=True), PAIR * 3),
    (lambda: optimizers.Adadelta(0.1), TWO),
    (lambda: optimizers.Adamax(0.1), TWO),
    (lambda: optimizers.Nadam(0.1), [*TWO, ()]),
    (lambda: optimizers.Adafactor(0.1), [(4,), (2,), KERNEL, (), (), BIAS]),
    (lambda: optimizers.Lion(0.1), PAIR),
]


@pytest.mark.parametrize(("make", "shapes"), SHAPES)
def test_arrays_stand_where_keras_has_them(make, shapes, tmp_path):
    """The count of steps, the rate, then the slots."""
    model = trained(make())
    model.save(tmp_path / "m.keras")
    steps, rate, *slots = arrays(tmp_path / "m.keras")
    assert (steps.dtype, steps.shape, int(steps)) == (np.int32, (), 3)
    assert (rate.dtype, rate.shape, float(rate)) == (np.float32, (), np.float32(0.1))
    assert [a.shape for a in slots] == shapes
    again = lamina.load_model(tmp_path / "m.keras")
    for a, b in zip(on(again).get_weights(), on(model).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_with_a_schedule_there_is_no_rate(tmp_path):
    model = trained(optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)))
    model.save(tmp_path / "m.keras")
    steps, *slots = arrays(tmp_path / "m.keras")
    assert (int(steps), [a.shape for a in slots]) == (3, TWO)
    again = lamina.load_model(tmp_path / "m.keras")
    for a, b in zip(on(again).get_weights(), on(model).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("epochs", "steps"), [(0, 0), (1, 3), (2, 6), (3, 9)])
def test_keras_counts_batches_where_gradients_are_accumulated(epochs, steps, tmp_path):
    """Its optimizer's variable counts every batch; ``iterations`` is a half of that, rounded down."""
    model = trained(optimizers.Adam(0.1, gradient_accumulation_steps=2), epochs)
    model.save(tmp_path / "m.keras")
    count, _, *slots = arrays(tmp_path / "m.keras")
    assert int(count) == steps
    assert [a.shape for a in slots] == [*PAIR, *TWO]
    again = lamina.load_model(tmp_path / "m.keras")
    assert int(again.optimizer.iterations) == steps // 2
    for a, b in zip(on(again).get_weights(), on(model).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("beta", [0.9, 0.5])
def test_nadams_momentums_are_multiplied(beta, tmp_path):
    """Keras: u = prod over the steps t of beta (1 - 0.96^t / 2)."""
    model = trained(optimizers.Nadam(0.1, beta_1=beta))
    model.save(tmp_path / "m.keras")
    want = 1.0
    for t in (1, 2, 3):
        want *= beta * (1 - 0.96**t / 2)
    np.testing.assert_allclose(arrays(tmp_path / "m.keras")[-1], want, rtol=1e-6)


def test_adafactors_factors_are_there_for_vectors_too(tmp_path):
    model = trained(optimizers.Adafactor(0.1))
    model.save(tmp_path / "m.keras")
    rows, columns, whole, *of_bias = arrays(tmp_path / "m.keras")[2:]
    assert rows.any()
    assert columns.any()
    assert not whole.any()  # a matrix has its factors
    assert [float(a) for a in of_bias[:2]] == [0.0, 0.0]
    assert of_bias[2].any()


def test_a_scaled_loss_has_its_own_arrays_before_the_inner_ones(tmp_path):
    """Keras: the outer count and rate, which it never changes, the steps since the last growth, and the scale."""
    scaled = optimizers.LossScaleOptimizer(
        optimizers.SGD(0.1, momentum=0.9), initial_scale=64.0, dynamic_growth_steps=2
    )
    model = trained(scaled)
    model.save(tmp_path / "m.keras")
    outer, inner = (arrays(tmp_path / "m.keras", g) for g in ("optimizer", "optimizer/inner_optimizer"))
    assert [float(a) for a in outer[:4]] == [0.0, 0.0, 1.0, 128.0]
    assert [a.dtype.name for a in outer[:4]] == ["int32", "float32", "int32", "float32"]
    assert [a.shape for a in inner] == [(), (), *PAIR]
    for a, b in zip(outer[4:], inner, strict=True):
        np.testing.assert_array_equal(a, b)
    again = lamina.load_model(tmp_path / "m.keras")
    assert again.optimizer.get_state()["loss_scale"].tolist() == [128.0, 1.0]
    for a, b in zip(on(again).get_weights(), on(model).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert again.optimizer.get_state()["loss_scale"].tolist() == [512.0, 0.0]


def test_before_the_first_step_there_is_what_it_begins_with(tmp_path):
    model = trained(optimizers.Adam(0.1), 0)
    model.save(tmp_path / "m.keras")
    found = arrays(tmp_path / "m.keras")
    assert [a.shape for a in found] == [(), (), *TWO]
    assert not any(a.any() for a in (found[0], *found[2:]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = lamina.load_model(tmp_path / "m.keras")
    for a, b in zip(on(again).get_weights(), on(model).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_several_optimizers_are_left_out(tmp_path):
    fast, slow = optimizers.SGD(0.1), optimizers.Adam(0.1)
    model = trained(optimizers.MultiOptimizer(lambda v: fast if v.ndim == 2 else slow))
    with pytest.warns(UserWarning, match="is saved without its MultiOptimizer's state, which Keras's files lack"):
        model.save_weights(tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5") as file:
        assert len(file["optimizer/vars"]) == 0
