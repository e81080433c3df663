"""What is checked of arrays, labels and weights before a step, and how they become columns."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, layers, losses, optimizers
from lamina.models.validate_data import class_indices, class_weights, split

SPARSE = losses.SparseCategoricalCrossentropy(from_logits=True)


def steps(classes=3, **options):
    """A model of (N, 2, 4) to even logits of (N, 2, classes)."""
    model = lamina.Sequential([Input((2, 4)), layers.Dense(classes, kernel_initializer="zeros")])
    options = {"optimizer": optimizers.SGD(0.0), "loss": SPARSE} | options
    model.compile(**options)
    return model


X = np.ones((3, 2, 4), np.float32)


@pytest.mark.parametrize("weight_axes", [1, 2, 3])
@pytest.mark.parametrize("label_axes", [2, 3])
def test_labels_without_weight_may_be_anything(label_axes, weight_axes):
    y, weight = np.zeros((3, 2), int), np.ones((3, 2))
    y[1], weight[1] = 7, 0
    y = y[..., None] if label_axes == 3 else y
    weight = (weight[:, 0], weight, weight[..., None])[weight_axes - 1]
    loss = steps().evaluate(X, y, sample_weight=weight, verbose=0)
    assert loss == pytest.approx(np.log(3) * 2 / 3, rel=1e-6)
    with pytest.raises(ValueError, match=r"label 7 at index \(1, 0(, 0)?\) of y is no class .* 3 classes, 0..2; give"):
        steps().evaluate(X, y, sample_weight=weight + 1e-3, verbose=0)


@pytest.mark.parametrize("axis", [-1, 2])
def test_classes_stand_on_the_last_axis(axis):
    model = steps(loss=losses.SparseCategoricalCrossentropy(from_logits=True, axis=axis))
    model.evaluate(X, np.full((3, 2), 2), verbose=0)
    with pytest.raises(ValueError, match="evaluate: label 3 at index"):
        model.evaluate(X, np.full((3, 2), 3), verbose=0)


def test_classes_on_another_axis_are_left_to_the_loss():
    model = steps(loss=losses.SparseCategoricalCrossentropy(from_logits=True, axis=1))
    with pytest.raises(ValueError, match=r"y_true is \(3, 2\), y_pred \(3, 3, 2\): class indices must be \(3, 3\)"):
        model.evaluate(X, np.full((3, 2), 7), verbose=0)


def test_labels_of_no_samples_and_of_truth_values():
    model = steps(2)
    assert model.evaluate(X, np.ones((3, 2), bool), verbose=0) == pytest.approx(np.log(2), rel=1e-6)
    with pytest.raises(ValueError, match="x holds no samples"):
        model.evaluate(X[:0], np.ones((0, 2), int), verbose=0)


@pytest.mark.parametrize("labels", [[1, 2, 3], [2, 2, 3], [1, 2, 2], [1, 2, 4]])
def test_labels_from_one_are_told_apart(labels):
    model = lamina.Sequential([Input((4,)), layers.Dense(3)])
    model.compile("sgd", SPARSE)
    x, y = np.ones((3, 4)), np.array(labels)
    if y.max() < 3:
        model.evaluate(x, y, verbose=0)
        return
    mend = "begin at 1: subtract 1" if labels == [1, 2, 3] else f"last layer {y.max() + 1} units"
    with pytest.raises(ValueError, match=mend):
        model.evaluate(x, y, verbose=0)


WRONG = [
    ({3: 4, 150: 3}, {}, r"label 4 at index 3 of y is no class for the loss 'sparse_categorical_crossentropy', which "
                         r"got predictions of 3 classes, 0..2; give the model's last layer 5 units"),
    ({150: -1}, {}, "label -1 at index 150 of y .*; pass ignore_class=-1 to the loss to leave such samples out"),
    ({3: -1, 150: 9}, {"ignore_class": -1}, "label 9 at index 150 of y .* last layer 10 units"),
    ({3: 255, 150: 3}, {"ignore_class": 255}, "label 3 at index 150 of y .* last layer 4 units"),
    ({7: np.nan}, {}, "label nan at index 7 of y .*; labels must be whole numbers"),
    ({7: 0.5}, {}, "label 0.5 at index 7 of y .*; labels must be whole numbers"),
    ({7: np.inf}, {}, "label inf at index 7 of y .*; labels must be whole numbers"),
    ({7: 2.5}, {}, "label 2.5 at index 7 of y .*; labels must be whole numbers"),
    ({7: -2, 9: -1}, {}, "label -2 at index 7 of y .*; pass ignore_class=-2 to the loss"),
    ({3: 3.0}, {}, "label 3.0 at index 3 of y .*; give the model's last layer 4 units"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "options", "message"), WRONG)
def test_labels_that_are_no_classes_are_explained(changes, options, message):
    x, y = np.ones((200, 4), np.float32), np.arange(200) % 3
    model = lamina.Sequential([Input((4,)), layers.Dense(3)])
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=True, **options))
    model.fit(x, y, verbose=0)
    valid, y = (x, y), y.astype(np.result_type(y, *map(type, changes.values())))
    y[list(changes)] = list(changes.values())
    for call in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=message):
            call(x, y, verbose=0)
    with pytest.raises(ValueError, match="validation_data: label"):
        model.fit(*valid, validation_data=(x, y), verbose=0)


def test_class_weights_say_what_they_go_with():
    model = steps()
    y = np.zeros((3, 2), int)
    with pytest.raises(ValueError, match="class_weight needs y"):
        model.fit(X, class_weight={0: 1.0}, verbose=0)
    a = Input((4,))
    two = lamina.Model(a, [layers.Dense(2)(a), layers.Dense(2)(a)])
    two.compile("sgd", SPARSE)
    with pytest.raises(ValueError, match="class_weight goes with one output"):
        two.fit(np.ones((3, 4)), [y[:, 0], y[:, 0]], class_weight={0: 1.0}, verbose=0)
    own = type("Own", (lamina.Sequential,), {"train_step": lambda self, data: {}})([layers.Dense(2)])
    own.compile("sgd", SPARSE)
    own.fit(X, y, sample_weight=[np.ones(3)], class_weight={0: 1.0}, verbose=0)
    with pytest.raises(ValueError, match="class_weight goes with one sample_weight, got 2"):
        own.fit(X, y, sample_weight=[np.ones(3), np.ones(3)], class_weight={0: 1.0}, verbose=0)
    for wrong in ({0.5: 1.0}, {"a": 1.0}, {np.nan: 1.0}):
        with pytest.raises(ValueError, match="class_weight: keys must be class indices"):
            model.fit(X, y, class_weight=wrong, verbose=0)
    with pytest.raises(TypeError, match="the weight of class 0 must be a number"):
        model.fit(X, y, class_weight={0: "much"}, verbose=0)


LABELS = np.array([[0, 0, 1], [1, 0, 0]])
INDICES = [  # labels, loss, shape of the predictions; the classes that they stand for
    (np.array([2, 0]), None, None, [2, 0]),
    (np.array([2, 0]), None, (2, 3), [2, 0]),
    (np.array([[2], [0]]), None, None, [2, 0]),
    (np.array([[2], [0]]), None, (2, 3), [2, 0]),
    (np.array([[2], [0]]), None, (2, 1, 3), [[2], [0]]),  # of a sequence of one step
    (LABELS, None, (2, 3), [2, 0]),
    (LABELS, None, (2, 3, 4), LABELS.tolist()),
    (LABELS, SPARSE, (2, 3), LABELS.tolist()),
    (LABELS[..., None], None, (2, 3, 1), LABELS.tolist()),
    (np.eye(4, dtype=int)[LABELS], None, (2, 3, 4), LABELS.tolist()),
    (np.eye(4)[LABELS], losses.CategoricalCrossentropy(), None, LABELS.tolist()),
]


@pytest.mark.parametrize(("labels", "loss", "shape", "classes"), INDICES)
def test_classes_of_labels(labels, loss, shape, classes):
    assert class_indices(labels, loss, shape).tolist() == classes


def test_one_hot_labels_of_no_classes():
    with pytest.raises(ValueError, match=r"y has shape \(2, 0\), which names no classes"):
        class_indices(np.zeros((2, 0)), None, None)


@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_weights_of_classes(dtype):
    found = class_weights({0: 0.5, 3: 7.0}, np.array([[0, 1], [3, 0]], dtype))
    assert found.tolist() == [[0.5, 1.0], [7.0, 0.5]]
    assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("size", "fraction", "kept"), [(10, 0.25, 7), (10, 0.1, 9), (2, 0.5, 1), (3, 0.999, 0), (9, 1 / 3, 6)]
)
def test_the_last_samples_are_held_out(size, fraction, kept):
    """As Keras: floor(samples * (1 - fraction)) are trained on."""
    data = (np.arange(size), {"a": np.arange(size)}, None)
    if not kept:
        with pytest.raises(ValueError, match="leaves one part empty"):
            split(data, fraction)
        return
    first, second = split(data, fraction)
    assert first[0].tolist() == first[1]["a"].tolist() == list(range(kept))
    assert second[0].tolist() == second[1]["a"].tolist() == list(range(kept, size))
    assert first[2] is second[2] is None


@pytest.mark.parametrize("fraction", [-0.5, 1.0, 1.2, True, "much"])
def test_fractions_that_make_no_sense(fraction):
    with pytest.raises((ValueError, TypeError), match="fit: validation_split must be "):
        steps().fit(X, np.zeros((3, 2), int), validation_split=fraction, verbose=0)


def test_small_fractions_hold_something_out():
    first, second = split((np.zeros(2000), None, None), 0.0005)
    assert (len(first[0]), len(second[0])) == (1999, 1)


def test_floats_take_the_type_of_the_model_and_integers_stay():
    seen = []

    class Watch(layers.Layer):
        def call(self, x):
            seen.append(x.dtype.name)
            return x

    for dtype in ("float32", "float64"):
        for given in ("float32", "float64"):
            model = lamina.Sequential([Watch(dtype=dtype, autocast=False), layers.Dense(1, dtype=dtype)])
            model.build((None, 2))
            seen.clear()
            model.predict(np.ones((2, 2), given), verbose=0)
            assert seen == [dtype]
    model = lamina.Sequential([Watch(autocast=False), layers.Dense(1, dtype="float64"), layers.Dense(1)])
    model.build((None, 2))
    seen.clear()
    model.predict(np.ones((2, 2), np.float32), verbose=0)
    assert seen == ["float64"]  # that of the first weight
    seen.clear()
    lamina.Sequential([Watch(autocast=False)]).predict(np.ones((2, 2), np.int16), verbose=0)
    lamina.Sequential([Watch(autocast=False)]).predict(np.ones((2, 2), np.float64), verbose=0)
    assert seen == ["int16", "float32"]


def test_parts_that_are_missing_are_named():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    model = lamina.Model([a, b], layers.Dense(1)(layers.add([a, b])))
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="fit: an input in x is None, expected an array for each"):
        model.fit([np.ones((2, 4)), None], np.ones((2, 1)), verbose=0)
    y = np.ones((2, 1))
    two = lamina.Model(a, [layers.Dense(1, name="p")(a), layers.Dense(1, name="q")(a)])
    two.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"fit: y of output 'p' must be one array, got a list of 2"):
        two.fit(np.ones((2, 4)), [[y, y], y], verbose=0)
