"""Kinds of models, optimizers and what ``compile`` was given, in files of Keras: both ways, then a further step."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from compare import many
from hypothesis import given
from hypothesis import strategies as st
from keras_live import keras
from test_keras_files import numbers, parts, same, there_and_back, trained_on

import lamina

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
X, Y = numbers(8, 4), numbers(8, 2, seed=1)


def deferred(k: Any) -> Any:
    """A Sequential without an Input, built by a call."""
    model = k.Sequential([k.layers.Dense(3, "relu"), k.layers.Dense(2)])
    model(X)
    return model


def nested(k: Any) -> Any:
    la = k.layers
    inner = k.Sequential([la.Dense(3, "tanh"), k.Sequential([la.Dense(4, "tanh")])])
    return k.Sequential([k.Input((4,)), inner, la.BatchNormalization(), la.Dense(2)])


def several(k: Any) -> Any:
    """Two inputs, shared layers, a functional model inside that is called twice, operations, two outputs."""
    la = k.layers
    i = k.Input((3,))
    inner = k.Model(i, la.Dense(3, "tanh")(i), name="inner")
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    shared = la.Dense(3, name="shared")
    u, v = shared(a), shared(b)
    w = k.ops.concatenate([u * 2 + 1, inner(u), inner(inner(v))[:, :2]], axis=-1)
    first = la.Dense(2, name="first")(w)
    second = k.ops.mean(la.Dense(5)(la.Add()([u, v])), axis=1, keepdims=True)
    return k.Model([a, b], [first, second])


def siamese(k: Any) -> Any:
    la = k.layers
    encoder = k.Sequential([k.Input((4,)), la.Dense(5, "relu"), la.UnitNormalization()])
    a, b = k.Input((4,)), k.Input((4,))
    return k.Model([a, b], la.Dot(axes=1)([encoder(a), encoder(b)]))


def recurrent(k: Any) -> Any:
    la = k.layers
    x = k.Input((5,), dtype="int32")
    y = la.Embedding(7, 4, mask_zero=True)(x)
    y = la.Bidirectional(la.LSTM(3, return_sequences=True))(y)
    y = la.MultiHeadAttention(2, 3)(y, y)
    return k.Model(x, la.Dense(2)(la.GRU(3)(y)))


def image(k: Any) -> Any:
    la = k.layers
    x = k.Input((6, 6, 2))
    y = la.Conv2D(4, 3, padding="same", use_bias=False)(x)
    y = la.ReLU()(la.BatchNormalization()(y))
    y = la.Add()([y, la.SeparableConv2D(4, 3, padding="same", activation="relu")(y)])
    return k.Model(x, la.Dense(2, activation="softmax")(la.GlobalAveragePooling2D()(la.MaxPooling2D()(y))))


def transformer(k: Any) -> Any:
    la = k.layers
    x = k.Input((6,), dtype="int32")
    h = la.Embedding(9, 8)(x) + la.Embedding(6, 8)(k.ops.arange(6))
    n = la.LayerNormalization()(h)
    h = h + la.MultiHeadAttention(2, 4)(n, n, use_causal_mask=True)
    h = h + la.Dense(8)(la.Dense(16, activation="gelu")(la.LayerNormalization()(h)))
    return k.Model(x, la.Dense(2)(h))


def frozen(k: Any) -> Any:
    model = k.Sequential([k.Input((4,)), k.layers.Dense(3, "relu", trainable=False), k.layers.Dense(2)])
    return model


@pytest.mark.parametrize("make", [deferred, nested, frozen])
def test_sequential_models(make, tmp_path):
    there_and_back(make, X, Y, tmp_path / "m.keras", optimizer="adam", loss="mse")


def test_functional_models(tmp_path):
    a, b = numbers(8, 4), numbers(8, 4, seed=2)
    path = tmp_path / "m.keras"
    there_and_back(several, [a, b], [Y, Y[:, :1]], path, optimizer="adam", loss=["mse", "mae"], loss_weights=[1, 0.5])
    there_and_back(siamese, [a, b], np.ones((8, 1), np.float32), path, optimizer="sgd", loss="mse")
    there_and_back(recurrent, np.arange(40).reshape(8, 5) % 7, Y, path, optimizer="rmsprop", loss="mse")
    labels = np.arange(8) % 2
    compiled = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    there_and_back(image, numbers(8, 6, 6, 2), labels, path, optimizer="adam", **compiled)


def test_a_transformer(tmp_path):
    there_and_back(transformer, np.arange(48).reshape(8, 6) % 9, None, tmp_path / "m.keras")


def test_a_network_of_keras_s_own(tmp_path):
    theirs = keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, weights=None, classes=3)
    theirs.save(tmp_path / "m.keras")
    ours, x = lamina.load_model(tmp_path / "m.keras"), numbers(2, 32, 32, 3)
    same(ours, theirs, x)
    ours.save(tmp_path / "m.keras")
    same(ours, keras.saving.load_model(tmp_path / "m.keras"), x)
    theirs.save_weights(tmp_path / "w.weights.h5")
    ours.load_weights(tmp_path / "w.weights.h5")


def own_classes(k: Any) -> tuple[type, type]:
    """A layer and a model of a user's, which are the same in both libraries."""

    @k.saving.register_keras_serializable(package="tests")
    class Scale(k.layers.Layer):
        def __init__(self, start: float = 1.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.start = start

        def build(self, input_shape: Any) -> None:
            self.factor = self.add_weight((input_shape[-1],), k.initializers.Constant(self.start), name="factor")

        def call(self, inputs: Any) -> Any:
            return inputs * self.factor

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "start": self.start}

    @k.saving.register_keras_serializable(package="tests")
    class Net(k.Model):
        def __init__(self, width: int = 3, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.width = width
            self.before = [k.layers.Dense(width, "relu"), {"scale": Scale(2.0)}]
            self.zebra = k.layers.Dense(width)  # behind "layers" in the alphabet
            self.head = k.layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            x = self.before[1]["scale"](self.before[0](inputs))
            return self.head(self.zebra(x))

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "width": self.width}

    return Scale, Net


def test_subclassed_models_and_layers_of_one_s_own(tmp_path):
    classes = {k.__name__: own_classes(k) for k in (lamina, keras)}

    def make(k: Any) -> Any:
        model = classes[k.__name__][1](5)
        model(X)
        return model

    there_and_back(make, X, Y, tmp_path / "m.keras", optimizer="adam", loss="mse")

    def layer_inside(k: Any) -> Any:
        x = k.Input((4,))
        return k.Model(x, k.layers.Dense(2)(classes[k.__name__][0](3.0)(x)))

    there_and_back(layer_inside, X, Y, tmp_path / "m.keras", optimizer="adam", loss="mse")


OPTIMIZERS = [
    ("SGD", {}), ("SGD", {"momentum": 0.9, "nesterov": True}), ("Adam", {"amsgrad": True, "clipnorm": 1.0}),
    ("AdamW", {"weight_decay": 0.01}), ("Adamax", {}), ("Nadam", {}), ("Adagrad", {}), ("Adadelta", {}),
    ("RMSprop", {"momentum": 0.9, "centered": True}), ("Ftrl", {}), ("Lion", {}), ("Lamb", {}), ("Adafactor", {}),
    ("Muon", {}), ("Adam", {"use_ema": True, "ema_overwrite_frequency": 2}),
    ("Adam", {"gradient_accumulation_steps": 2}), ("Adam", {"global_clipnorm": 0.5, "weight_decay": 0.1}),
]  # fmt: skip


def dense(k: Any) -> Any:
    return k.Sequential([k.Input((4,)), k.layers.Dense(3, "tanh"), k.layers.Dense(2)])


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_optimizers_go_on(name, options, tmp_path):
    def optimizer(k: Any) -> Any:
        return getattr(k.optimizers, name)(**options)

    there_and_back(dense, X, Y, tmp_path / "m.keras", optimizer=optimizer, loss="mse")


def test_an_optimizer_with_a_schedule_goes_on(tmp_path):
    def optimizer(k: Any) -> Any:
        return k.optimizers.Adam(k.optimizers.schedules.CosineDecay(0.1, 3, warmup_steps=1))

    there_and_back(dense, X, Y, tmp_path / "m.keras", optimizer=optimizer, loss="mse")


def test_a_loss_scale_optimizer_goes_on(tmp_path):
    def optimizer(k: Any) -> Any:
        return k.optimizers.LossScaleOptimizer(k.optimizers.Adam(0.01), dynamic_growth_steps=2)

    there_and_back(dense, X, Y, tmp_path / "m.keras", optimizer=optimizer, loss="mse")


COMPILED = [
    {"loss": lambda k: k.losses.Huber(), "metrics": lambda k: [k.metrics.RootMeanSquaredError(name="r"), "mae"]},
    {"loss": lambda k: k.losses.mean_absolute_error, "metrics": lambda k: [k.losses.mean_squared_error]},
    {"loss": "MeanSquaredError", "metrics": lambda k: [[k.metrics.MeanAbsoluteError(), "mse"]]},
    {
        "loss": lambda k: [k.losses.LogCosh()],
        "weighted_metrics": lambda k: [k.metrics.MeanMetricWrapper(k.metrics.mean_squared_error)],
    },
]


@pytest.mark.parametrize("compiled", COMPILED)
def test_losses_and_metrics_come_back(compiled, tmp_path):
    path = tmp_path / "m.keras"
    there_and_back(dense, X, Y, path, optimizer="adam", **compiled)
    for mine, load in ((lamina, keras.saving.load_model), (keras, lamina.load_model)):
        model = dense(mine)
        model.compile("adam", **{k: v(mine) if callable(v) else v for k, v in compiled.items()})
        model.save(path)
        got, want = load(path).evaluate(X, Y, verbose=0), model.evaluate(X, Y, verbose=0)
        np.testing.assert_allclose(got, want, rtol=1e-5)


def operations(k: Any) -> Any:
    o, a = k.ops, k.Input((4,))
    h = k.layers.Dense(6)(a)
    r = o.reshape(h, (-1, 2, 3))
    q = o.transpose(r, (0, 2, 1))
    s = o.sum(q, axis=-1)
    w = o.einsum("bij,bj->bi", o.stack([s, s * 2, -s], axis=1), s)
    c = o.where(o.clip(w, -1.0, 1.0) > 0, w, 0.1 * w)
    left, right = o.split(h, 2, axis=-1)
    t = o.pad(o.take(o.maximum(left, right), [0, 2], axis=1), [[0, 0], [1, 1]])
    n = o.softmax(o.squeeze(o.expand_dims(o.cast(t, "float32"), 1), 1), axis=-1)
    return k.Model(a, [
        o.exp(c) / (1 + o.abs(c)), n, o.matmul(r, q), o.logsumexp(h, axis=1, keepdims=True), o.norm(h, axis=-1),
        h[:, 1:3], h[..., None], o.concatenate([h, 2.0 - h], axis=1), o.tanh(h) ** 2, o.relu(h), o.power(2.0, h),
        o.one_hot(o.argmax(h, axis=-1), 6), o.max(h, axis=1), o.cumsum(h, axis=1), o.gelu(h), o.swapaxes(r, 1, 2),
    ])  # fmt: skip


def test_operations_of_a_functional_model(tmp_path):
    there_and_back(operations, X, None, tmp_path / "m.keras")


def first_states(k: Any) -> Any:
    """An encoder's states begin a decoder."""
    x, y = k.Input((6, 3), name="x"), k.Input((4, 3), name="y")
    _, h, c = k.layers.LSTM(4, return_state=True)(x)
    decoded = k.layers.LSTM(4, return_sequences=True)(y, initial_state=[h, c])
    return k.Model({"x": x, "y": y}, {"z": k.layers.Dense(2)(decoded)})


def test_states_and_names_of_inputs_and_outputs(tmp_path):
    x, z = {"x": numbers(8, 6, 3), "y": numbers(8, 4, 3)}, {"z": numbers(8, 4, 2)}
    there_and_back(first_states, x, z, tmp_path / "m.keras", optimizer="adam", loss={"z": "mse"})


def test_an_optimizer_of_several_says_that_its_state_is_lost(tmp_path):
    def optimizer(k: Any) -> Any:
        return k.optimizers.MultiOptimizer(k.optimizers.OptimizerMap(k.optimizers.SGD(0.1), {}))

    model = dense(lamina)
    model.compile(optimizer(lamina), "mse")
    with pytest.warns(UserWarning, match="is saved without its MultiOptimizer's state"):
        model.save(tmp_path / "m.keras")


def test_text_descriptions():
    for make in (several, recurrent, image):
        theirs = make(keras)
        ours = lamina.models.model_from_json(theirs.to_json())
        again = keras.models.model_from_json(ours.to_json(indent=1))
        assert [w.shape for w in again.weights] == [tuple(w.shape) for w in theirs.weights]
        assert keras.Model.from_config(ours.get_config()).count_params() == theirs.count_params()
        assert lamina.Model.from_config(theirs.get_config()).count_params() == theirs.count_params()


@pytest.mark.parametrize("make", [nested, several, recurrent, image, siamese])
def test_files_of_keras_2(make, tmp_path):
    theirs = make(keras)
    x = {"several": [X, X], "siamese": [X, X[::-1].copy()], "recurrent": np.arange(40).reshape(8, 5) % 7}
    x = x.get(make.__name__, numbers(8, 6, 6, 2) if make is image else X)
    for layer in theirs.layers:
        layer.trainable = not layer.name.startswith("shared")
    theirs.compile("adam", "mse")
    found = theirs.predict(x, verbose=0)
    y = [a + numbers(*a.shape, seed=3) for a in found] if isinstance(found, list) else found + numbers(*found.shape)
    theirs.fit(x, y, verbose=0, shuffle=False)
    theirs.save(tmp_path / "m.h5")
    ours = lamina.load_model(tmp_path / "m.h5")
    same(ours, theirs, x)
    trained_on(ours, theirs, x, y)
    theirs.save(tmp_path / "m.h5")
    fresh = make(lamina)
    fresh.load_weights(tmp_path / "m.h5")
    same(fresh, theirs, x)


def test_types_of_layers(tmp_path):
    for dtype, tolerance in (("float64", 1e-5), ("mixed_bfloat16", 0.05), ("bfloat16", 0.05), ("mixed_float16", 0.01)):
        x = keras.Input((4,), dtype="float64" if dtype == "float64" else "float32")
        theirs = keras.Model(x, keras.layers.Dense(2, dtype=dtype)(x))
        theirs.save(tmp_path / "m.keras")
        if dtype in ("float64", "mixed_bfloat16"):
            with warnings.catch_warnings():  # of a processor that is slow at bfloat16
                warnings.simplefilter("ignore")
                ours = lamina.load_model(tmp_path / "m.keras")
            assert ours.layers[-1].dtype_policy.name == dtype
        else:
            with pytest.warns(UserWarning, match=f"computes in '{dtype}': here it computes in 'float32'"):
                ours = lamina.load_model(tmp_path / "m.keras")
        same(ours, theirs, X, tolerance)


@many
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 3)), min_size=1, max_size=9))
def test_layers_of_any_graph_are_numbered_as_keras_does(calls):
    """Each call adds two tensors, or applies one of three dense layers of their own or shared."""

    def make(k: Any) -> Any:
        shared = [k.layers.Dense(3) for _ in range(3)]
        inputs = [k.Input((3,)), k.Input((3,))]
        tensors = list(inputs)
        for a, b, kind in calls:
            x = tensors[a % len(tensors)]
            tensors.append(k.layers.Add()([x, tensors[b % len(tensors)]]) if kind == 3 else shared[(kind + b) % 3](x))
        return k.Model(inputs, [tensors[-1], tensors[-1 - calls[0][0] % len(calls)]])

    ours, theirs = make(lamina), make(keras)
    from lamina.models import keras_order
    from lamina.saving.keras_paths import variables

    kinds = [(type(layer).__name__) for layer in theirs.layers]
    assert [type(layer).__name__ for layer in keras_order.layers(ours._graph)] == kinds
    ours.set_weights([np.full(w.shape, i, np.float32) for i, w in enumerate(ours.weights)])
    with_names = dict(zip([id(v) for v in variables(ours)], theirs.weights, strict=True))
    assert len(with_names) == len(theirs.weights)
    for v, w in zip(variables(ours), theirs.weights, strict=True):
        w.assign(v.numpy())
    x = [numbers(2, 3), numbers(2, 3, seed=1)]
    for a, b in zip(parts(ours.predict(x, verbose=0)), parts(theirs.predict(x, verbose=0)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1.0, float(np.abs(b).max())))
