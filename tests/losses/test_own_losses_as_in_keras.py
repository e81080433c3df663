"""What a loss of one's own is given: targets of the predictions' type, or integers; a function also of their rank."""

import numpy as np
import pytest

import lamina
from lamina import layers, losses, ops


def squared(y_true, y_pred):
    seen.append((y_true.shape, y_pred.shape, str(y_true.dtype)))
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


class Squared(losses.Loss):
    def call(self, y_true, y_pred):
        return squared(y_true, y_pred)


seen: list = []


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "float32", "float64"])
@pytest.mark.parametrize(("true", "pred", "wanted"), [
    ((8,), (8, 1), ((8, 1), (8, 1))), ((8, 1), (8,), ((8, 1), (8, 1))), ((8, 3), (8, 3, 1), ((8, 3), (8, 3))),
    ((8, 3, 1), (8, 3), ((8, 3), (8, 3))), ((8, 3), (8, 3), ((8, 3), (8, 3))), ((8,), (8, 3), ((8,), (8, 3))),
])  # fmt: skip
def test_functions_get_targets_of_one_rank(true, pred, wanted, dtype):
    seen.clear()
    y = np.ones(true).astype(dtype)

    def noted(y_true, y_pred):
        seen.append((y_true.shape, y_pred.shape, str(y_true.dtype)))
        return ops.mean(y_pred)

    losses.FunctionLoss(noted)(y, np.ones(pred, "float32"))
    assert seen == [(*wanted, "int64" if dtype == "int64" else "float32")]


def test_in_training_they_are_what_keras_gives():
    x = np.random.default_rng(0).standard_normal((8, 3)).astype("float32")
    y = np.array([0, 1] * 4, "uint8")
    weights = [np.full((3, 1), 0.5, "float32"), np.zeros(1, "float32")]
    found = {}
    for loss, targets in ((squared, y), (Squared(), y[:, None]), ("mse", y)):
        seen.clear()
        model = lamina.Sequential([lamina.Input((3,)), layers.Dense(1)])
        model.set_weights(weights)
        model.compile("sgd", loss)
        found[str(loss)] = model.fit(x, targets, epochs=3, verbose=0).history["loss"]
        assert all(shapes == ((8, 1), (8, 1), "float32") for shapes in seen)
    first, *others = found.values()
    for other in others:
        np.testing.assert_allclose(other, first, rtol=1e-6)


def test_a_call_of_ones_own_is_used_where_the_class_has_a_shorter_way():
    """Targets of class indices come as they were given."""
    given = []

    class Doubled(losses.SparseCategoricalCrossentropy):
        def call(self, y_true, y_pred):
            given.append(str(y_true.dtype))
            return 2 * super().call(y_true, y_pred)

    labels, p = np.array([0, 1]), np.full((2, 2), 0.5, "float32")
    assert float(Doubled()(labels, p)) == pytest.approx(2 * np.log(2))
    assert float(Doubled()(labels, p, np.array([1.0, 1.0]))) == pytest.approx(2 * np.log(2))
    assert given == ["int64", "int64"]


def test_targets_of_weight_0_reach_a_loss_of_ones_own():
    """It may compare samples with each other."""

    class Mean(losses.Loss):
        def call(self, y_true, y_pred):
            return ops.mean(y_true) + 0 * ops.mean(y_pred, axis=-1)

    loss = Mean()([[2.0], [4.0]], [[0.0], [0.0]], sample_weight=[1.0, 0.0])
    assert float(loss) == 1.5
