"""Data, labels and names at the edges of what fit and its kin take."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import data, layers, models, optimizers


def model_of(classes: int) -> lamina.Sequential:
    model = lamina.Sequential([lamina.Input((2,)), layers.Dense(classes, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


X = np.ones((4, 2), np.float32)


@pytest.mark.parametrize("kind", [np.int32, np.float32, np.uint8])
def test_the_last_class_is_right_and_the_next_is_wrong(kind):
    model = model_of(3)
    model.evaluate(X, np.array([0, 1, 2, 2], kind), verbose=0)
    with pytest.raises(ValueError, match="3"):
        model.evaluate(X, np.array([0, 1, 2, 3], kind), verbose=0)
    with pytest.raises(ValueError, match="3"):
        model.evaluate(X, np.array([[0], [1], [2], [3]], kind), verbose=0)
    if kind is not np.uint8:
        with pytest.raises(ValueError, match="-1"):
            model.evaluate(X, np.array([0, -1, 2, 2], kind), verbose=0)


@pytest.mark.parametrize(("samples", "drop_last", "sizes"), [
    (6, False, [3, 3]), (7, False, [3, 3, 1]), (7, True, [3, 3]), (2, False, [2]), (2, True, []), (3, True, [3]),
])  # fmt: skip
def test_batches(samples, drop_last, sizes):
    batches = data.batches(np.arange(samples), batch_size=3, drop_last=drop_last)
    assert len(batches) == len(sizes)
    assert [len(b) for b in batches] == sizes


def test_orders_of_batches_follow_their_seed():
    def orders(seed):
        batches = data.batches(np.arange(20), batch_size=20, shuffle=True, seed=seed)
        return [next(iter(batches)).tolist() for _ in range(2)]

    first = orders(3)
    lamina.random.seed(1)
    assert orders(3) == first
    assert first[0] != first[1]
    lamina.random.seed(5)
    drawn = orders(None)
    lamina.random.seed(5)
    assert orders(None) == drawn
    assert orders(None) != drawn


def test_split():
    first, second = data.split(np.arange(10), fraction=0.2, shuffle=False)
    assert first.tolist() == list(range(8))
    assert second.tolist() == [8, 9]
    assert [len(a) for a in data.split(np.arange(2), fraction=0.5)] == [1, 1]
    for fraction in (0.0, 1.0, 0.05):
        with pytest.raises(ValueError, match="empty"):
            data.split(np.arange(10), fraction=fraction)


def test_names_of_outputs():
    class Two(lamina.Model):
        def __init__(self, outputs):
            super().__init__()
            self.parts = [layers.Dense(1) for _ in range(outputs)]

        def call(self, x):
            ys = [part(x) for part in self.parts]
            return ys if len(ys) > 1 else ys[0]

    y = np.ones((4, 1), np.float32)
    one, two = Two(1), Two(2)
    one.compile("sgd", "mse", metrics=["mae"])
    two.compile("sgd", ["mse", "mse"], metrics=[["mae"], ["mae"]])
    assert set(one.evaluate(X, y, verbose=0, return_dict=True)) == {"loss", "mae"}
    names = set(two.evaluate(X, [y, y], verbose=0, return_dict=True))
    assert names == {"loss", "output_1_loss", "output_2_loss", "output_1_mae", "output_2_mae"}


def test_a_subclassed_model_can_be_drawn():
    class Own(lamina.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.dropout = layers.Dense(3), layers.Dropout(0.5)

        def call(self, x, training=False):
            return self.dropout(self.dense(x), training=training)

    own = Own()
    inner = lamina.Input((2,))
    model = lamina.Model(inner, own(inner))
    assert model.output_shape == (None, 3)
    assert own.compute_output_shape((None, 2)) == (None, 3)
    assert model.input_shape == (None, 2)


def test_a_functional_model_takes_a_list_of_one():
    x = lamina.Input((2,))
    model = lamina.Model([x], layers.Dense(3)(x))
    assert model([X]).shape == model(X).shape == (4, 3)
    assert model(lamina.Tensor(X)).shape == (4, 3)
    with pytest.raises(ValueError, match="expected 1 inputs"):
        model([X, X])


def test_a_sequential_leaves_the_type_of_its_input_to_its_first_layer():
    model = lamina.Sequential([layers.Lambda(lambda x: x, autocast=False)])
    assert model(np.ones((2, 2), np.float64)).dtype == np.float64


def test_boundaries_of_schedules():
    schedule = optimizers.schedules.PiecewiseConstantDecay([2, 4], [1.0, 0.5, 0.25])
    assert [schedule(s) for s in (0, 2, 3, 4, 5)] == [1.0, 1.0, 0.5, 0.5, 0.25]
    for values in ([1.0, 0.5], [1.0, 0.5, 0.25, 0.1]):
        with pytest.raises(ValueError, match="need 3 values"):
            optimizers.schedules.PiecewiseConstantDecay([2, 4], values)
    with pytest.raises(ValueError, match="must rise"):
        optimizers.schedules.PiecewiseConstantDecay([4, 2], [1.0, 0.5, 0.25])


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5])
def test_sizes_of_batches_and_steps(wrong):
    model = model_of(2)
    y = np.zeros(4, np.int32)
    with pytest.raises(ValueError, match="batch_size"):
        model.fit(X, y, batch_size=wrong, verbose=0)
    with pytest.raises(ValueError, match="number of steps"):
        model.evaluate(X, y, steps=wrong, verbose=0)


def test_frequencies_of_validation():
    model = model_of(2)
    y = np.zeros(4, np.int32)
    for often, epochs in ((2, [2, 4]), ([1, 3], [1, 3]), (1, [1, 2, 3, 4])):
        history = model.fit(X, y, epochs=4, validation_data=(X, y), validation_freq=often, verbose=0).history
        assert len(history["val_loss"]) == len(epochs)
    for wrong in (0, "often", True):
        with pytest.raises(ValueError, match="validation_freq"):
            model.fit(X, y, validation_data=(X, y), validation_freq=wrong, verbose=0)


def test_a_backup_is_never_unpickled(tmp_path):
    np.savez(tmp_path / "latest.npz", epoch=np.array([{"any": "object"}], object))
    with pytest.raises(ValueError, match="latest"):
        model_of(2).fit(X, np.zeros(4, np.int32), callbacks=[lamina.callbacks.BackupAndRestore(tmp_path)], verbose=0)


def test_one_step_is_enough():
    model = model_of(2)
    y = np.zeros(4, np.int32)
    assert np.isfinite(model.evaluate(X, y, steps=1, batch_size=1, verbose=0))
    assert len(model.predict(X, steps=1, batch_size=1, verbose=0)) == 1


def test_arrays_of_other_lengths_are_named():
    with pytest.raises(ValueError, match="x has 4, y has 3"):
        data.batches(X, X[:3])
    with pytest.raises(ValueError, match=r"x\[0\] has 4, x\[1\] has 3"):
        data.batches((X, X[:3]))


def test_a_model_of_layers_with_several_arguments_is_a_part_of_another():
    """Called with symbolic tensors it gives their shapes, whatever way its layers were called."""
    x, y = layers.Input((None, 4)), layers.Input((None, 4))
    inner = models.Model([x, y], layers.MultiHeadAttention(2, 3)(x, y, use_causal_mask=False))
    a, b = layers.Input((5, 4)), layers.Input((7, 4))
    attended = inner([a, b])
    assert attended.shape == (None, 5, 4)
    outer = models.Model([a, b], attended)
    given = [np.ones((2, 5, 4), np.float32), np.ones((2, 7, 4), np.float32)]
    np.testing.assert_array_equal(outer(given), inner(given))


@pytest.mark.parametrize("held_out", [False, True])
def test_callbacks_know_what_fit_was_called_with(held_out):
    class Looks(lamina.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.update(self.params)

    seen = {}
    x, y = np.ones((6, 2), np.float32), np.ones((6, 1), np.float32)
    model = models.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    given = {"validation_data": (x, y)} if held_out else {}
    model.fit(x, y, batch_size=4, epochs=3, verbose=0, callbacks=[Looks()], **given)
    assert seen == {"epochs": 3, "steps": 2, "verbose": 0, "validation": held_out}
