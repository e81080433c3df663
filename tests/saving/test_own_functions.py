"""Functions of one's own in the configuration of layers: saved by their names, read with custom_objects."""

import numpy as np
import pytest

import lamina
from lamina import Input, Sequential, layers, metrics, ops, saving


def own_activation(x):
    return ops.tanh(x) * 2.0


def own_initializer(shape, dtype=None):
    return np.full(shape, 0.25, dtype)


def own_penalty(x):
    return 0.1 * ops.sum(ops.abs(x))


def own_limit(x):
    return ops.maximum(x, 0.0)


@pytest.mark.parametrize("kind", ["lamina", "keras"])
def test_functions_that_are_not_registered_come_by_their_names(tmp_path, kind):
    if kind == "keras":
        pytest.importorskip("h5py")
    options = {"kernel_initializer": own_initializer, "kernel_regularizer": own_penalty, "kernel_constraint": own_limit}
    model = Sequential([Input((3,)), layers.Dense(2, own_activation, **options), layers.Lambda(own_activation)])
    x, path = np.ones((2, 3), "f"), tmp_path / f"m.{kind}"
    model.save(path)
    with pytest.raises(ValueError, match=r"'own_\w+'.*custom_objects"):
        lamina.load_model(path)
    own = {f.__name__: f for f in (own_activation, own_initializer, own_penalty, own_limit)}
    again = lamina.load_model(path, custom_objects=own)
    np.testing.assert_array_equal(again(x).numpy(), model(x).numpy())
    assert again.layers[0].kernel_constraint is own_limit
    with lamina.saving.custom_object_scope(own):
        assert lamina.models.clone_model(model).layers[0].activation is own_activation


def test_a_clone_keeps_functions():
    scale = 3.0
    x = Input((3,))
    y = layers.Lambda(lambda t: t * scale)(
        layers.Dense(2, own_activation, kernel_initializer=lambda s, dtype: np.ones(s))(x)
    )
    model, ones = lamina.Model(x, y), np.ones((2, 3), "f")
    twin = lamina.models.clone_model(model)
    twin.set_weights(model.get_weights())
    np.testing.assert_array_equal(twin(ones).numpy(), model(ones).numpy())
    assert twin.layers[1].activation is own_activation
    with pytest.raises(TypeError, match="cannot be saved"):
        model.get_config()


@saving.register_serializable(package="counting")
class Rows(metrics.Metric):
    """A metric of one's own in a package."""

    def __init__(self, name="rows", **kwargs):
        super().__init__(name=name, **kwargs)
        self.seen = self.add_weight((), "zeros", name="seen")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen.assign(self.seen + float(y_pred.shape[0]))

    def result(self):
        return self.seen


def test_a_registered_metric_in_a_package_is_found_in_keras_files(tmp_path):
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[Rows()])
    x = np.ones((4, 3), np.float32)
    model.fit(x, x[:, :1], verbose=0)
    model.save(tmp_path / "m.keras")
    again = saving.load_model(tmp_path / "m.keras")
    assert again.evaluate(x, x[:, :1], verbose=0, return_dict=True)["rows"] == 4
