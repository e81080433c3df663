"""class_weight and sample_weight: which classes labels stand for, and which axes weights go with."""

import numpy as np
import pytest

import lamina
from lamina import layers, losses, ops, optimizers
from lamina.models.validate_data import class_indices, class_weights

SPARSE = losses.SparseCategoricalCrossentropy(from_logits=True)
CLASSES = {0: 1.0, 1: 5.0}


def even(*shape):
    """A model with even logits of two classes for every step."""
    net = lamina.Sequential([layers.Input(shape), layers.Dense(2, kernel_initializer="zeros")])
    return net


def test_sparse_labels_of_two_axes():
    net = even(3, 4)
    net.compile(optimizers.SGD(0.0), SPARSE)
    y = np.array([[0, 0, 1], [0, 0, 1], [1, 0, 0]])
    x = np.ones((3, 3, 4), "f")
    wanted = np.log(2) * (6 * 1 + 3 * 5) / 9
    for labels in (y, y[..., None], y.astype("f"), y.tolist()):
        assert net.train_on_batch(x, labels, class_weight=CLASSES) == pytest.approx(wanted, rel=1e-6)
        history = net.fit(x, labels, class_weight=CLASSES, verbose=0)
        assert history.history["loss"][0] == pytest.approx(wanted, rel=1e-6)
    assert net.fit(iter([(x, y)]), class_weight=CLASSES, verbose=0).history["loss"][0] == pytest.approx(
        wanted, rel=1e-6
    )


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize(
    ("weight", "factor"),
    [
        (np.array([1.0, 2.0, 3.0]), np.array([[1.0], [2.0], [3.0]])),
        (np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [3.0]])),
        (np.arange(9.0).reshape(3, 3), np.arange(9.0).reshape(3, 3)),
        (np.arange(9.0).reshape(3, 3, 1), np.arange(9.0).reshape(3, 3)),
    ],
)
def test_with_sample_weights(weight, factor, eagerly):
    """Samples come first: weights broadcast over the axes behind theirs, also where T is N."""
    x = np.ones((3, 3, 4), "f")
    y = np.array([[0, 0, 1], [0, 0, 1], [1, 0, 0]])
    both = np.where(y == 1, 5.0, 1.0) * factor
    for labels in (y, y[..., None]):
        net = even(3, 4)
        net.compile(optimizers.SGD(0.0), SPARSE, run_eagerly=eagerly)
        for given in (weight, [weight], {net.output_names[0]: weight}):
            history = net.fit(x, labels, sample_weight=given, class_weight=CLASSES, verbose=0)
            assert history.history["loss"][0] == pytest.approx(np.log(2) * both.mean(), rel=1e-6)
        history = net.fit(iter([(x, labels, weight)]), class_weight=CLASSES, verbose=0)
        assert history.history["loss"][0] == pytest.approx(np.log(2) * both.mean(), rel=1e-6)
        result = net.evaluate(x, labels, sample_weight=weight, verbose=0)
        assert result == pytest.approx(np.log(2) * (factor * np.ones((3, 3))).mean(), rel=1e-6)
        history = net.fit(x, labels, validation_data=(x, labels, weight), verbose=0)
        assert history.history["val_loss"][0] == pytest.approx(result, rel=1e-6)


def test_binary_labels_of_steps():
    net = lamina.Sequential([layers.Input((3, 4)), layers.Dense(1, "sigmoid", kernel_initializer="zeros")])
    net.compile(optimizers.SGD(0.0), "binary_crossentropy", weighted_metrics=["accuracy"])
    x, y = np.ones((2, 3, 4), "f"), np.array([[0, 0, 1], [1, 1, 1]])
    each = np.where(y == 1, 5.0, 1.0)
    for labels in (y, y[..., None]):
        for weight, factor in ((None, 1.0), (np.array([2.0, 3.0]), np.array([[2.0], [3.0]]))):
            history = net.fit(x, labels, class_weight=CLASSES, sample_weight=weight, verbose=0).history
            assert history["loss"][0] == pytest.approx(np.log(2) * (each * factor).mean(), rel=1e-6)
            right = (each * factor)[y == 0].sum() / (each * factor).sum()
            assert history["accuracy"][0] == pytest.approx(right, rel=1e-6)


def test_one_hot_labels():
    net = even(4)
    net.compile(optimizers.SGD(0.0), losses.CategoricalCrossentropy(from_logits=True))
    x, y = np.ones((3, 4), "f"), np.array([0, 1, 1])
    one_hot = np.eye(2)[y]
    history = net.fit(x, one_hot, class_weight=CLASSES, sample_weight=np.array([1.0, 2.0, 4.0]), verbose=0)
    assert history.history["loss"][0] == pytest.approx(np.log(2) * (1 + 10 + 20) / 3, rel=1e-6)
    net = even(3, 4)
    net.compile(optimizers.SGD(0.0), losses.CategoricalCrossentropy(from_logits=True))
    steps = np.array([[0, 0, 1], [1, 1, 1]])
    history = net.fit(np.ones((2, 3, 4), "f"), np.eye(2)[steps], class_weight=CLASSES, verbose=0)
    assert history.history["loss"][0] == pytest.approx(np.log(2) * np.where(steps == 1, 5, 1).mean(), rel=1e-6)


def test_which_classes_labels_stand_for():
    y = np.array([[0, 0, 1], [1, 0, 0]])
    assert class_indices(y, SPARSE, (2, 3, 2)).shape == (2, 3)
    assert class_indices(y[..., None], SPARSE, (2, 3, 2)).shape == (2, 3)
    assert class_indices(y, SPARSE, None).shape == (2, 3)
    assert class_indices(y, losses.BinaryCrossentropy(), (2, 3, 1)).shape == (2, 3)
    assert class_indices(y, losses.FunctionLoss(print), (2, 3, 2)).shape == (2, 3)
    assert class_indices(y[:, :1], losses.MeanSquaredError(), (2, 1)).tolist() == [0, 1]
    assert class_indices(y, losses.CategoricalCrossentropy(), (2, 3)).tolist() == [2, 0]
    assert class_indices(y, losses.CategoricalCrossentropy(), None).tolist() == [2, 0]
    assert class_indices(y, None, None).tolist() == [2, 0]
    assert class_weights(CLASSES, np.array([0.9999, 0.0, np.nan, -3.0, 7.0])).tolist() == [5, 1, 1, 1, 1]
    assert class_weights({1.0: 2.0, np.int64(3): 4.0}, np.array([1, 3, 2**40])).tolist() == [2, 4, 1]


def test_models_with_steps_of_their_own():
    seen = []

    class Net(lamina.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2, kernel_initializer="zeros")

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y, weight = data
            seen.append(np.asarray(weight))
            return {"loss": self.compute_loss(x, y, self(x), weight)}

    net = Net()
    net.compile("sgd", SPARSE)
    y = np.array([[0, 0, 1], [1, 0, 0]])
    net.fit(
        np.ones((2, 3, 4), "f"), y, class_weight=CLASSES, sample_weight=np.array([1.0, 2.0]), shuffle=False, verbose=0
    )
    np.testing.assert_array_equal(seen[-1], np.where(y == 1, 5, 1) * [[1], [2]])


def test_several_outputs():
    a = layers.Input((4,))
    net = lamina.Model(a, [layers.Dense(1, name="p")(a), layers.Dense(1, name="q")(a)])
    net.compile("sgd", "mse", weighted_metrics=[["mae"], ["mae"]])
    x = np.ones((2, 4), "f")
    y = [np.zeros((2, 1), "f"), np.ones((2, 1), "f")]
    p, q = (np.asarray(t) - target for t, target in zip(net(x), y, strict=True))
    weights = np.array([1.0, 3.0]), np.array([0.0, 2.0])
    wanted = [(w[:, None] * e**2).mean() for w, e in zip(weights, (p, q), strict=True)]
    for given in (list(weights), dict(zip("pq", weights, strict=True))):
        result = net.evaluate(x, y, sample_weight=given, verbose=0, return_dict=True)
        assert [result["p_loss"], result["q_loss"]] == pytest.approx(wanted, rel=1e-5)
    with pytest.raises(ValueError, match="class_weight goes with one output"):
        net.fit(x, y, class_weight=CLASSES, verbose=0)


def test_losses_take_weights_of_the_same_rank():
    values = np.arange(6.0).reshape(2, 3, 1)
    loss = losses.MeanSquaredError()
    squares = values[..., 0] ** 2
    for weight in (np.array([1.0, 2.0]), np.array([[1.0], [2.0]]), np.array([[1.0, 0.0, 2.0]])):
        left = weight.reshape(weight.shape + (1,) * (2 - weight.ndim))
        assert float(loss(values * 0, values, weight)) == pytest.approx((squares * left).mean())
    with pytest.raises(ValueError, match=r"sample_weight has shape \(3,\), the losses it weights \(2, 3\)"):
        loss(values * 0, values, np.ones(3))
    with pytest.raises(ValueError, match=r"sample_weight has shape \(2, 2\)"):
        loss(values * 0, values, np.ones((2, 2)))
    assert float(ops.sum(loss(values * 0, values, np.zeros(2)))) == 0
