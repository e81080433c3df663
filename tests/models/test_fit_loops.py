"""The loops over batches: what is said of data and losses that are not finite, and how predictions are gathered."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import lamina
from lamina import data, layers, optimizers

X = np.arange(24.0).reshape(6, 4)


def model_of(*shape, units=2, cls=lamina.Sequential, **options):
    model = cls([layers.Input(shape or (4,)), layers.Dense(units, kernel_initializer="zeros")])
    model.compile(optimizers.SGD(0.0), "mse", **options)
    return model


def holed(shape, *place):
    array = np.ones(shape)
    array[place] = np.inf
    return array


class Frame:
    """As much of a data frame as is asked for."""

    def __init__(self, array, columns):
        self.array, self.columns, self.shape = array, columns, array.shape

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.array, dtype)

    def __len__(self):
        return len(self.array)


PLACES = [
    ((4,), {"x": holed((6, 4), 3, 2)}, r"x holds inf \(sample 1 of the batch, column 2\):"),
    ((3, 4), {"x": holed((6, 3, 4), 3, 2, 1)}, r"x holds inf \(sample 1 of the batch, index \(2, 1\)\):"),
    ((4,), {"y": holed((6, 2), 4, 1)}, r"y holds inf \(sample 0 of the batch, column 1\):"),
    ((4,), {"sample_weight": holed((6,), 5)}, r"sample_weight holds inf \(sample 1 of the batch\):"),
    ((4,), {"x": Frame(holed((6, 4), 3, 2), list("abcd"))}, r"x holds inf \(sample 1 .*, column 2 \('c'\)\):"),
    ((4,), {"x": Frame(np.ones((6, 4)), list("abcd")), "y": holed((6, 2), 3, 1)}, r"batch, column 1\):"),
    ((4,), {"x": np.full((6, 4), 1e30)}, r"step 1 of 3\. A smaller learning rate, clipnorm=1.0 or scaled inputs"),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "given", "message"), PLACES)
def test_the_place_of_what_is_not_finite(shape, given, message):
    model = model_of(*shape)
    model.set_weights([np.full(w.shape, 1e15) for w in model.get_weights()])
    arrays = {"x": np.ones((6, *shape)), "y": np.ones((6, *shape[:-1], 2))} | given
    with pytest.warns(UserWarning, match=message) as caught:
        model.fit(**arrays, batch_size=2, epochs=3, shuffle=False, verbose=0)
    assert len([w for w in caught if "the loss is" in str(w.message)]) == 1
    with pytest.warns(UserWarning, match="the loss is"):  # once in each fit
        model.fit(**arrays, batch_size=2, shuffle=False, verbose=0)


def test_the_place_among_several_inputs():
    a, b = layers.Input((4,), name="left"), layers.Input((4,), name="right")
    model = lamina.Model([a, b], layers.Dense(2)(layers.add([a, b])))
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match=r"x\[1\] \(input 'right'\) holds inf \(sample 3 of the batch, column 0\)"):
        model.fit([X, holed((6, 4), 3, 0)], np.ones((6, 2)), shuffle=False, verbose=0)
    with pytest.warns(UserWarning, match=r"x\['right'\] holds inf \(sample 3 of the batch, column 0\)"):
        model.fit({"left": X, "right": holed((6, 4), 3, 0)}, np.ones((6, 2)), shuffle=False, verbose=0)


def test_the_place_among_several_targets():
    a = layers.Input((4,))
    model = lamina.Model(a, [layers.Dense(2)(a), layers.Dense(2)(a)])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match=r"y\[1\] holds inf \(sample 3 of the batch, column 1\)"):
        model.fit(X, [np.ones((6, 2)), holed((6, 2), 3, 1)], shuffle=False, verbose=0)
    one = lamina.Model(a, layers.Dense(2)(a))
    one.compile("sgd", "mse")
    with pytest.warns(UserWarning, match=r"y holds inf \(sample 3 of the batch, column 1\)"):
        one.fit(X, [holed((6, 2), 3, 1)], shuffle=False, verbose=0)


LOGS = [({"loss": 1.0}, False), ({}, False), ({"loss": np.nan}, True), ({"loss": np.ones(3)}, False),
        ({"loss": np.array([1.0, np.nan])}, True), ({"other": np.nan}, False)]  # fmt: skip


@pytest.mark.parametrize(("logs", "warned"), LOGS)
def test_the_loss_of_a_step_of_ones_own(logs, warned):
    class Own(lamina.Sequential):
        def train_step(self, data):
            return logs

    model = model_of(cls=Own)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = model.fit(X, np.ones((6, 2)), verbose=0).history
    assert any("the loss is" in str(w.message) for w in caught) == warned
    assert set(history) == set(logs)


def test_predictions_are_gathered():
    model = model_of()
    model.set_weights([np.eye(4, 2), np.zeros(2)])
    for given in (X, data.batches(X, None, 4)):
        for size in (1, 4, 6, 7):
            np.testing.assert_array_equal(model.predict(given, size if given is X else None, verbose=0), X[:, :2])
    np.testing.assert_array_equal(model.predict(X, 2, steps=2, verbose=0), X[:4, :2])
    np.testing.assert_array_equal(model.predict(X, 4, steps=5, verbose=0), np.concatenate([X, X, X[:4]])[:, :2])
    with pytest.raises(ValueError, match="predict: x gave no batches"):
        model.predict(iter(()), verbose=0)
    with pytest.raises(ValueError, match="evaluate: x gave no batches"):
        model.evaluate(iter(()), verbose=0)


@pytest.mark.parametrize("shape", [(), (5, 2), (1, 2)])
def test_predictions_must_be_of_their_samples(shape):
    class Own(lamina.Sequential):
        def predict_step(self, data):
            return np.zeros(shape)

    with pytest.raises(ValueError, match=r"predict: the model made .* of 6 samples"):
        model_of(cls=Own).predict(X, verbose=0)


def test_a_fit_after_one_that_was_stopped_trains_all_epochs():
    model = lamina.Sequential([lamina.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 3), "f4"), np.ones((4, 1), "f4")
    stop = lamina.callbacks.EarlyStopping("loss", min_delta=1e9, patience=0)
    assert model.fit(x, y, epochs=5, verbose=0, callbacks=stop).epoch == [0, 1]
    assert model.stop_training is True
    assert model.fit(x, y, epochs=3, verbose=0).epoch == [0, 1, 2]
    assert model.stop_training is False
