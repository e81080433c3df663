"""Sequential, functional and subclassed models."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import lamina
from lamina import Input, Model, Sequential, layers, ops, random
from lamina.layers import weights
from lamina.layers.weights import named_layers, named_variables
from lamina.models import clone_model
from lamina.models.summary import layer_counts

rng = np.random.default_rng(0)


def batch(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def test_sequential_with_input():
    model = Sequential([Input((8, 8, 1)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2)])
    assert model.built
    assert model.input_shape == (None, 8, 8, 1)
    assert model.output_shape == (None, 2)
    assert len(model.layers) == 3
    assert model(batch(5, 8, 8, 1)).shape == (5, 2)
    assert list(model.state_dict()) == ["conv2d/kernel", "conv2d/bias", "dense/kernel", "dense/bias"]
    assert model.weights[0].path == f"{model.name}/{model.layers[0].name}/kernel"
    with pytest.raises(ValueError, match="Conv2D 'wide': the kernel covers 9"):
        Sequential([Input((8, 8, 1)), layers.Conv2D(4, 9, name="wide")])


def test_sequential_without_input():
    model = Sequential([layers.Dense(4), layers.Dense(2)], name="late")
    assert not model.built
    with pytest.raises(AttributeError, match="has no output yet"):
        _ = model.output
    assert model(batch(3, 5)).shape == (3, 2)
    assert model.output_shape == (None, 2)
    built = Sequential([layers.Dense(4)])
    built.build((None, 5))
    assert built.count_params() == 24


def test_sequential_changes():
    model = Sequential([Input((5,)), layers.Dense(4), layers.Dense(2)])
    last = model.pop()
    assert model.output_shape == (None, 4)
    model.add(last)
    assert model(batch(2, 5)).shape == (2, 2)
    with pytest.raises(ValueError, match="two layers of the model are named"):
        model.add(layers.Dense(3, name=last.name))
    with pytest.raises(TypeError, match="only layers can be added"):
        model.add(lambda x: x)
    with pytest.raises(ValueError, match="must be the first"):
        model.add(Input((3,)))
    first = Sequential([layers.Dense(3, input_shape=(7,))])
    assert first.built


def test_a_missing_axis_is_mended():
    model = Sequential([Input((1,)), layers.Dense(2)])
    assert model(batch(4)).shape == (4, 2)


def two_inputs():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    shared = layers.Dense(3, activation="tanh", name="shared")
    difference = shared(a) - shared(b)
    distance = difference * difference
    return Model([a, b], [layers.Dense(1, name="score")(distance), distance], name="pair"), shared


def test_functional():
    model, shared = two_inputs()
    x, y = batch(5, 4), batch(5, 4)
    score, distance = model([x, y])
    np.testing.assert_allclose(distance.numpy(), (shared(x).numpy() - shared(y).numpy()) ** 2, rtol=1e-4, atol=1e-6)
    by_name = model({"b": y, "a": x})
    np.testing.assert_array_equal(by_name[0].numpy(), score.numpy())
    assert list(model.state_dict()) == ["shared/kernel", "shared/bias", "score/kernel", "score/bias"]
    assert model.input_names == ["a", "b"]
    assert model.output_names[0] == "score"
    assert model.get_layer("shared") is shared
    with pytest.raises(ValueError, match="did you mean 'shared'"):
        model.get_layer("share")
    with pytest.raises(ValueError, match=r"Model 'pair': expected 2 inputs \(a, b\), got 1"):
        model([x])
    with pytest.raises(ValueError, match="input 'b' is missing"):
        model({"a": x})
    with pytest.raises(ValueError, match=r"input 'b' is \(5, 3\), expected \(None, 4\)"):
        model([x, x[:, :3]])


def test_functional_gradients():
    model, shared = two_inputs()
    x, y = batch(5, 4), batch(5, 4)
    ops.sum(model([x, y])[1]).backward()
    hx, hy = np.tanh(x @ shared.kernel.numpy()), np.tanh(y @ shared.kernel.numpy())
    d = 2 * (hx - hy)
    wanted = x.T @ (d * (1 - hx**2)) - y.T @ (d * (1 - hy**2))
    np.testing.assert_allclose(shared.kernel.grad.numpy(), wanted, rtol=1e-3, atol=1e-4)


def test_functional_structures():
    inputs = {"left": Input((3,)), "right": Input((2,))}
    joined = layers.Concatenate()([inputs["left"], inputs["right"]])
    model = Model(inputs, {"out": layers.Dense(2)(joined), "all": joined})
    result = model({"left": batch(4, 3), "right": batch(4, 2)})
    assert set(result) == {"out", "all"}
    assert result["all"].shape == (4, 5)
    assert model.output_names == ["out", "all"]
    again = clone_model(model)
    again.set_weights(model.get_weights())
    x = {"left": batch(4, 3), "right": batch(4, 2)}
    np.testing.assert_array_equal(again(x)["out"].numpy(), model(x)["out"].numpy())


def test_nested_models_and_features():
    encoder = Sequential([Input((6,)), layers.Dense(5, name="first"), layers.Dense(3)], name="encoder")
    x = Input((6,))
    model = Model(x, layers.Dense(1)(encoder(x) * 2.0))
    assert "encoder/first/kernel" in model.state_dict()
    assert model(batch(2, 6)).shape == (2, 1)
    features = Model(encoder.inputs, encoder.get_layer("first").output)
    np.testing.assert_array_equal(features(np.ones((1, 6))).numpy(), encoder.layers[0](np.ones((1, 6))).numpy())
    middle = Model(encoder.layers[0].output, encoder.output)
    assert middle(batch(2, 5)).shape == (2, 3)
    encoder.trainable = False
    assert len(model.trainable_weights) == 2
    assert len(model.non_trainable_weights) == 4


def test_training_flag_in_a_drawn_model():
    x = Input((50,))
    frozen = Model(x, layers.Dropout(0.5)(x, training=False))
    live = Model(x, layers.Dropout(0.5)(x))
    ones = np.ones((4, 50), np.float32)
    assert (frozen(ones, training=True).numpy() == 1).all()
    assert (live(ones, training=True).numpy() == 0).any()
    assert (live(ones).numpy() == 1).all()


def test_bad_graphs():
    a, b = Input((3,)), Input((3,), name="other")
    y = layers.Add()([a, b])
    with pytest.raises(ValueError, match="depend on Input 'other'"):
        Model(a, y)
    with pytest.raises(TypeError, match="inputs must be symbolic"):
        Model(batch(2, 3), y)
    with pytest.raises(ValueError, match="twice"):
        Model([a, a], y)
    with pytest.raises(ValueError, match=r"two layers of the model are named 'd' \(Dense and Dense\)"):
        Model(a, layers.Dense(2, name="d")(layers.Dense(2, name="d")(a)))
    with pytest.raises(ValueError, match="do not broadcast"):
        layers.Add()([a, Input((4,))])
    layer = layers.Dense(2)
    layer(a)
    with pytest.raises(ValueError, match="wants 3 features last"):
        layer(Input((5,)))
    with pytest.raises(TypeError, match="both inputs and outputs"):
        Model(inputs=a)


class Residual(Model):
    def __init__(self, units=4):
        super().__init__()
        self.inner = [layers.Dense(units, "relu"), layers.Dropout(0.5)]
        self.out = layers.Dense(units)

    def call(self, x, training=False):
        y = x
        for layer in self.inner:
            y = layer(y)
        return x + self.out(y)


def test_subclass():
    model = Residual()
    x = batch(3, 4)
    assert model(x).shape == (3, 4)
    assert list(model.state_dict()) == ["inner/0/kernel", "inner/0/bias", "out/kernel", "out/bias"]
    assert model.layers == [*model.inner, model.out]
    assert (model(x, training=True).numpy() != model(x).numpy()).any()
    built = Residual()
    built.build((None, 4))
    built.set_weights(model.get_weights())
    np.testing.assert_array_equal(built(x).numpy(), model(x).numpy())
    drawn = Input((4,))
    assert Model(drawn, model(drawn))(x).shape == (3, 4)


def test_subclass_with_a_graph():
    class Net(Model):
        def __init__(self, units):
            x = Input((3,))
            super().__init__(x, layers.Dense(units)(x))

    net = Net(2)
    assert net(batch(4, 3)).shape == (4, 2)
    assert Net.from_config(net.get_config()).output_shape == (None, 2)


def test_float64_model():
    model = Sequential([Input((3,), dtype="float64"), layers.Dense(2, dtype="float64")])
    assert model(np.ones((2, 3))).dtype == np.float64
    x = Input((3,), dtype="float64")
    functional = Model(x, layers.Dense(2, dtype="float64")(x))
    x = rng.standard_normal((2, 3))
    wanted = x @ functional.get_weights()[0]
    np.testing.assert_allclose(functional(x).numpy(), wanted, rtol=1e-14)


def test_same_seed_same_model():
    def weights():
        random.seed(11)
        return Sequential([Input((3,)), layers.Dense(4), layers.Dense(2)]).get_weights()

    for a, b in zip(weights(), weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_summary():
    lines: list[str] = []
    model = Sequential([
        Input((20,)), layers.Dense(64, "relu"), layers.Dropout(0.1), layers.Dense(64, "relu"), layers.Dense(2),
    ])  # fmt: skip
    model.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "(None, 64)" in text
    assert "Total params: 5,634" in text
    assert "Layers: 3 = 2 hidden + 1 output" in text
    pair, _ = two_inputs()
    assert layer_counts(pair) == (0, 2)
    pair.layers[2].trainable = False
    lines.clear()
    pair.summary(print_fn=lines.append, show_trainable=True)
    assert any("shared" in line and "a, b" in line and "N" in line for line in lines)
    assert any("Non-trainable params: 15" in line for line in lines)


def test_shared_layer_counts_once():
    model, _ = two_inputs()
    assert model.count_params() == 15 + 4
    assert len(model.weights) == 4


def test_op_layers_are_described():
    x = Input((4, 3))
    y = (x[:, 1:, ..., None] * np.float32(2)).__neg__()
    model = clone_model(Model(x, y))
    data = batch(2, 4, 3)
    np.testing.assert_array_equal(model(data).numpy(), -2 * data[:, 1:, :, None])


def drawn(deep=1):
    x = y = Input((4,))
    for _ in range(deep):
        y = layers.Add()([layers.Dense(4, activation="tanh")(y), y * 0.5])
    return Model(x, layers.Dropout(0.2, seed=1)(y))


COPIED = {
    "sequential": lambda: Sequential([layers.Dense(4), layers.BatchNormalization(), layers.Dropout(0.5)]),
    "drawn": drawn,
    "deep": lambda: drawn(200),
    "subclass": lambda: Blocks(4),
    "touched rows": lambda: Sequential([layers.Embedding(5, 2, sparse=True), layers.Flatten(), layers.Dense(4)]),
}


class Blocks(Model):
    def __init__(self, units):
        super().__init__()
        self.blocks = [layers.Dense(3), Sequential([layers.Dense(units)])]

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


@pytest.mark.parametrize("kind", COPIED)
def test_a_deep_copy_goes_its_own_way_from_the_same_state(kind):
    model, x = COPIED[kind](), np.random.default_rng(0).integers(0, 5, (8, 4)).astype(np.float32)
    model(x)
    model.compile(lamina.optimizers.Adam(0.01), "mse")
    model.fit(x, x, verbose=0)
    twin = copy.deepcopy(model)
    assert [v.path for v in twin.weights] == [v.path for v in model.weights]
    before = model.get_weights()
    twin.fit(x, x, epochs=2, verbose=0, shuffle=False)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.fit(x, x, epochs=2, verbose=0, shuffle=False)
    for a, b in zip(twin.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    owners = [twin, *named_layers(twin).values()]
    assert all(any(v.owner() is owner for owner in owners) for v in twin.weights)


class OwnStep(Model):
    """Drawn with the functional API, as Keras shows models with a train_step of their own."""

    def train_step(self, data):
        return super().train_step(data)


def test_a_functional_model_of_ones_own_class_is_described_by_its_graph(tmp_path):
    x = Input((6,))
    model = OwnStep(x, layers.Dense(2, name="head")(x), name="own")
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.lamina")
    for again in (clone_model(model), lamina.load_model(tmp_path / "m.lamina", {"OwnStep": OwnStep})):
        assert type(again) is OwnStep
        assert again.get_config() == model.get_config()
        assert again.state_dict().keys() == model.state_dict().keys()
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    again.fit(batch(4, 6), batch(4, 2), verbose=0)


def test_weights_are_looked_for_again_only_after_a_change(monkeypatch):
    def fresh(units=2):
        layer = layers.Dense(units)
        layer.build((None, 2))
        return layer

    class Holder(Model):
        def __init__(self):
            super().__init__()
            self.blocks, self.by_name = [fresh()], {"a": [fresh()]}
            self.inner = Sequential([fresh(), fresh()])
            self.head = fresh()

        def call(self, x):
            return x

    model, spare = Holder(), [fresh() for _ in range(4)]
    changes = [
        lambda: model.blocks.append(spare[0]),
        lambda: model.blocks.__setitem__(0, spare[1]),
        lambda: model.by_name["a"].append(spare[2]),
        lambda: model.by_name.update(b=spare[3]),
        lambda: model.inner.add(fresh()),
        model.inner.pop,
        lambda: model.inner.layers[0].add_weight((3,)),
        lambda: setattr(model, "head", fresh(3)),
        lambda: delattr(model, "head"),
        lambda: setattr(model, "extra", lamina.Variable([1.0])),
        model.blocks.clear,
    ]
    whole = Sequential([model])
    for change in changes:
        before = model.weights
        change()
        for each in (model, whole):
            assert [id(v) for v in each.weights] == [id(v) for v in named_variables(each).values()]
            assert each.weights == each.variables
        assert [id(v) for v in before] != [id(v) for v in model.weights]
    model.inner.layers[0].trainable = False
    assert len(whole.trainable_weights) == len(model.weights) - 3
    model.weights.clear()  # a list of the caller's own
    twin = copy.deepcopy(model)
    assert not {id(v) for v in model.weights} & {id(v) for v in twin.weights}
    assert len(twin.weights) == len(model.weights) > 0
    monkeypatch.setattr(weights, "parts", None)
    assert model.weights


def test_another_head_needs_no_other_compile():
    model, x = Sequential([Input((4,)), Sequential([layers.Dense(4), layers.Dense(1)])]), batch(18, 4)
    model.compile("adam", lamina.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    for classes in (3, 9, 2):
        model.layers[0].pop()
        model.layers[0].add(layers.Dense(classes))
        y = np.arange(18) % classes
        model.fit(x, y, verbose=0, validation_data=(x, y))
        right = (model.predict(x, verbose=0).argmax(-1) == y).mean()
        assert model.evaluate(x, y, verbose=0)[1] == pytest.approx(right)
        with pytest.raises(ValueError, match=f"label {classes} at index .* predictions of {classes} classes"):
            model.train_on_batch(x, y + 1)
