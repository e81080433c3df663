"""Which tensors go to which layers, and what is said where they do not."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Input, Model, Sequential, layers, ops
from lamina.torch.tensors import as_array

RNG = np.random.default_rng(0)


def linear(*pairs):
    """A state dict of linear modules: (name, out, in)."""
    state = {}
    for name, n, m in pairs:
        state[f"{name}.weight"] = RNG.standard_normal((n, m)).astype("float32")
        state[f"{name}.bias"] = RNG.standard_normal(n).astype("float32")
    return state


def dense(*units, features=3):
    return Sequential([Input((features,)), *(layers.Dense(n) for n in units)])


class Named(lamina.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = layers.Dense(4), layers.Dense(4)

    def call(self, x):
        return self.second(self.first(x))


def test_names_come_before_order():
    model = Named()
    model(np.zeros((1, 4)))
    state = linear(("second", 4, 4), ("first", 4, 4))
    report = lamina.torch.load_state_dict(model, state)
    assert report.how == "names"
    np.testing.assert_array_equal(model.first.kernel.numpy(), state["first.weight"].T)
    assert list(lamina.torch.state_dict(model)) == ["first.weight", "first.bias", "second.weight", "second.bias"]


def test_names_that_layers_were_given():
    inputs = Input((4,))
    x = layers.Dense(4, name="block.1")(layers.Dense(4, name="block.0")(inputs))
    model = Model(inputs, x)
    state = linear(("block.1", 4, 4), ("block.0", 4, 4))
    assert lamina.torch.load_state_dict(model, state).how == "names"
    np.testing.assert_array_equal(model.get_layer("block.0").kernel.numpy(), state["block.0.weight"].T)


def test_order_of_kinds_and_shapes():
    model = dense(5, 2)
    state = linear(("head", 2, 5), ("body", 5, 3))
    report = lamina.torch.load_state_dict(model, state)
    assert report.how == "order"
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), state["body.weight"].T)
    text = str(report)
    assert "4 weights loaded by order, 2 of them in another layout" in text
    assert "body.weight (5, 3) -> dense" in text
    assert len(report.reshaped) == 2
    assert {id(v) for v in report.variables} == {id(v) for v in model.weights}


def test_a_map_of_names():
    model = dense(3, 3)
    one, two = (layer.name for layer in model.layers)
    state = linear(("a", 3, 3), ("b", 3, 3))
    lamina.torch.load_state_dict(model, state, names={"a": two})
    np.testing.assert_array_equal(model.layers[1].kernel.numpy(), state["a.weight"].T)
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), state["b.weight"].T)
    lamina.torch.load_state_dict(model, state, names={"a": model.layers[0], "b": "dense_1"})
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), state["a.weight"].T)
    back = lamina.torch.state_dict(model, names={"a": one, "b": two})
    assert back.keys() == state.keys()
    for wrong, message in (
        ({"a": "dens"}, "there is no layer 'dens'; did you mean 'dense'"),
        ({"c": one}, f"'c' does not fit '{one}': expected weight"),
    ):
        with pytest.raises(ValueError, match=message):
            lamina.torch.load_state_dict(model, state, names=wrong)
    with pytest.raises(ValueError, match="there is no layer 'dens'"):
        lamina.torch.state_dict(model, names={"a": "dens"})


def test_safetensors_have_no_order(tmp_path):
    path = tmp_path / "m.safetensors"
    lamina.torch.save_safetensors(linear(("decoder", 3, 3), ("encoder", 3, 3)), path)
    model = dense(3, 3)
    with pytest.raises(ValueError, match=r"'decoder' and 'encoder' fit it alike.*no order.*names="):
        lamina.torch.load_state_dict(model, path)
    lamina.torch.load_state_dict(model, path, names={"encoder": "dense"})
    alphabetical = dict(sorted(linear(("decoder", 3, 3), ("encoder", 3, 3)).items()))
    with pytest.raises(ValueError, match="fit it alike"):
        lamina.torch.load_state_dict(model, alphabetical)
    state = linear(*((f"layers.{i}", 3, 3) for i in (10, 9)))
    lamina.torch.save_safetensors(state, path)
    lamina.torch.load_state_dict(model, path)  # numbers are an order
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), state["layers.9.weight"].T)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (linear(("0", 5, 3)), r"dense_1: expected weight \(2, 5\), bias \(2,\)"),
        (linear(("0", 5, 3), ("1", 2, 4)), r"dense_1: '1.weight' is \(2, 4\), expected \(2, 5\)"),
        (linear(("0", 5, 3), ("1", 2, 5), ("2", 2, 2)), r"left over: '2.weight' \(2, 2\), '2.bias' \(2,\)"),
        (
            linear(("fc.a", 5, 3), ("fc.b", 3, 5)),
            r"dense_1: expected weight \(2, 5\), bias \(2,\); the nearest left is 'fc.b.weight' \(3, 5\); left over",
        ),
        ({k: v.astype(int) for k, v in linear(("0", 5, 3), ("1", 2, 5)).items()}, "dtype int64, expected floats"),
        ({"a": np.zeros(3, complex)}, "dtype complex128"),
        ({}, "expected a state dict"),
        ({"lr": 3.0}, "'lr' is a float"),
        ({"a": linear(("0", 5, 3)), "b": linear(("0", 5, 3)), "c": 1}, r"give one of its parts.*\['a'\]"),
        (3, "expected a path"),
    ],
)
def test_what_does_not_fit_is_named(state, message):
    model = dense(5, 2)
    before = model.get_weights()
    with pytest.raises((ValueError, TypeError), match=message):
        lamina.torch.load_state_dict(model, state)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_fits_is_taken_where_that_is_asked_for():
    model = dense(5, 2)
    head = model.layers[1].kernel.numpy().copy()
    state = linear(("0", 5, 3), ("1", 7, 5))
    report = lamina.torch.load_state_dict(model, state, strict=False)
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), state["0.weight"].T)
    np.testing.assert_array_equal(model.layers[1].kernel.numpy(), head)
    assert report.left_over == {"1.weight": (7, 5), "1.bias": (7,)}
    assert list(report.missing) == ["dense_1"]
    assert "1 layer kept their weights" in str(report)
    assert "2 tensors left over" in str(report)


def test_buffers_of_integers_are_left_alone():
    state = linear(("0", 5, 3)) | {"position_ids": np.arange(4)}
    report = lamina.torch.load_state_dict(dense(5), state)
    assert report.left_over == {"position_ids": (4,)}


def test_parts_of_a_state_dict():
    state = {f"module.encoder.{k}": v for k, v in linear(("0", 5, 3)).items()} | {"module.head": np.zeros(3)}
    model = dense(5)
    lamina.torch.load_state_dict(model, state, prefix="encoder")
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), state["module.encoder.0.weight"].T)
    with pytest.raises(ValueError, match=r"no name begins with 'decoder\.'; they begin with module"):
        lamina.torch.load_state_dict(model, state, prefix="decoder")


def test_other_epsilons_are_told():
    model = Sequential([Input((3,)), layers.BatchNormalization()])
    names = ("weight", "bias", "running_mean", "running_var")
    report = lamina.torch.load_state_dict(model, {n: np.ones(3, "float32") for n in names})
    assert "epsilon=0.001, PyTorch's default is 1e-05" in str(report)
    assert lamina.torch.state_dict(model)["0.num_batches_tracked"] == 0


def test_double_biases_are_added():
    layer = layers.LSTM(2)
    layer.build((None, 3, 3))
    state = {"weight_ih_l0": np.ones((8, 3)), "weight_hh_l0": np.ones((8, 2))}
    state |= {"bias_ih_l0": np.arange(8.0), "bias_hh_l0": np.ones(8)}
    lamina.torch.load_state_dict(layer, state)
    assert layer.cell.bias.numpy().tolist() == (np.arange(8.0) + 1).tolist()


def test_gates_of_a_gru_change_their_places():
    layer = layers.GRU(1)
    layer.build((None, 3, 1))
    state = {"weight_ih_l0": [[1.0], [2.0], [3.0]], "weight_hh_l0": [[4.0], [5.0], [6.0]]}
    state |= {"bias_ih_l0": [1.0, 2.0, 3.0], "bias_hh_l0": [4.0, 5.0, 6.0]}
    lamina.torch.load_state_dict(layer, {k: np.array(v) for k, v in state.items()})
    assert layer.cell.kernel.numpy().tolist() == [[2, 1, 3]]  # update, reset, candidate
    assert layer.cell.recurrent_kernel.numpy().tolist() == [[5, 4, 6]]
    assert layer.cell.bias.numpy().tolist() == [[2, 1, 3], [5, 4, 6]]


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (layers.GRU(2, reset_after=False), (None, 3, 3), "reset_after=False has no counterpart"),
        (layers.LSTM(2, use_layer_norm=True), (None, 3, 3), "has a weight .* that PyTorch's LSTMCell has not"),
        (layers.BatchNormalization(renorm=True), (None, 3), "that PyTorch's BatchNorm has not"),
    ],
)
def test_options_without_a_counterpart(layer, shape, message):
    layer.build(shape)
    with pytest.raises(ValueError, match=message):
        lamina.torch.state_dict(layer)


def test_models_that_are_none():
    with pytest.raises(ValueError, match="has no weights yet"):
        lamina.torch.load_state_dict(layers.Dense(2), {"weight": np.zeros((2, 2))})
    with pytest.raises(TypeError, match="expected a model or a layer"):
        lamina.torch.load_state_dict("m.pt", {})


def test_a_module_itself():
    class Module:
        def state_dict(self):
            return linear(("0", 5, 3))

    assert len(lamina.torch.load_state_dict(dense(5), Module()).loaded) == 2
    with pytest.raises(TypeError, match="names must be a dict"):
        lamina.torch.load_state_dict(dense(5), Module(), names=["0"])


def test_two_weights_of_one_name():
    inputs = Input((2,))
    one, two = layers.Dense(2, name="a"), Sequential([layers.Dense(2)], name="b")
    model = Model(inputs, two(one(inputs)))
    assert list(lamina.torch.state_dict(model)) == ["a.weight", "a.bias", "b.0.weight", "b.0.bias"]
    with pytest.raises(ValueError, match=r"two weights 'a\.weight'"):
        lamina.torch.state_dict(model, names={"a": "b/dense"})


def test_the_models_own_load_state_dict_says_what_reads_pytorch():
    with pytest.raises(ValueError, match=r"a state dict of PyTorch is read by lamina\.torch\.load_state_dict"):
        dense(5).load_state_dict(linear(("0", 5, 3)))


def test_capture_and_training_see_what_was_loaded():
    model = dense(2)
    model.compile("sgd", "mse")
    x = np.ones((4, 3), "float32")
    model.predict(x, verbose=0)
    state = linear(("0", 2, 3))
    lamina.torch.load_state_dict(model, state)
    want = x @ state["0.weight"].T + state["0.bias"]
    np.testing.assert_allclose(model.predict(x, verbose=0), want, rtol=1e-6)


def test_the_layers_of_a_call_alone():
    class Shared(lamina.Model):
        def __init__(self):
            super().__init__()
            self.one = layers.Dense(3)
            self.again = self.one

        def call(self, x):
            return ops.relu(self.again(self.one(x)))

    model = Shared()
    model(np.zeros((1, 3)))
    assert list(lamina.torch.state_dict(model)) == ["one.weight", "one.bias"]


def rows_of(weight, *sizes):
    """The rows of PyTorch's weight (out, C * H * W) as those of a kernel of (H, W, C) flattened."""
    channels = sizes[-1]
    return (
        weight.reshape(len(weight), channels, *sizes[:-1])
        .transpose(*range(2, len(sizes) + 1), 1, 0)
        .reshape(-1, len(weight))
    )


def test_flattened_images_have_their_channels_first():
    image = Input((2, 3, 4))
    x = layers.Conv2D(5, 1, name="conv")(image)
    flat = layers.BatchNormalization(name="norm")(layers.Flatten()(layers.ReLU()(layers.MaxPooling2D(1)(x))))
    model = Model(image, layers.Dense(2, name="head")(flat))
    norm, head = model.get_layer("norm"), model.get_layer("head")
    norm.gamma.assign(np.arange(30))
    state = lamina.torch.state_dict(model)
    np.testing.assert_array_equal(rows_of(state["head.weight"], 2, 3, 5), head.kernel.numpy())
    np.testing.assert_array_equal(
        state["norm.weight"].reshape(5, 2, 3).transpose(1, 2, 0).reshape(-1), norm.gamma.numpy()
    )
    before = model.get_weights()
    model.set_weights([np.zeros_like(w) for w in before])
    lamina.torch.load_state_dict(model, state)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_images_made_of_features_have_their_channels_first():
    features = Input((4,))
    x = layers.Activation("relu")(layers.Dense(2 * 3 * 5, name="body")(features))
    model = Model(features, layers.Conv2D(2, 1, name="conv")(layers.Reshape((2, 3, 5))(x)))
    body = model.get_layer("body")
    body.bias.assign(np.arange(30))
    state = lamina.torch.state_dict(model)
    back = state["body.weight"].reshape(5, 2, 3, 4).transpose(3, 1, 2, 0).reshape(4, -1)
    np.testing.assert_array_equal(back, body.kernel.numpy())
    np.testing.assert_array_equal(state["body.bias"].reshape(5, 2, 3).transpose(1, 2, 0).reshape(-1), body.bias.numpy())


@pytest.mark.parametrize(
    "kind", ["channels first", "one channel", "one place", "no image", "free size", "dense between"]
)
def test_rows_that_stand_as_they_do_in_pytorch(kind):
    shape = {"one channel": (2, 3, 1), "one place": (1, 1, 5), "free size": (None, 3, 4)}.get(kind, (2, 3, 4))
    given = Input(shape)
    last = "channels_first" if kind == "channels first" else "channels_last"
    filters = 1 if kind == "one channel" else 5
    x = given if kind == "no image" else layers.Conv2D(filters, 1, data_format=last)(given)
    if kind == "dense between":
        x = layers.Dense(3)(x)
    flatten = {"free size": layers.Reshape((30,)), "no image": layers.Reshape((24,))}.get(kind, layers.Flatten())
    model = Model(given, layers.Dense(2, name="head")(flatten(x)))
    expected = model.get_layer("head").kernel.numpy().T
    if kind == "no image":  # the input itself is one
        expected = expected.reshape(2, 2, 3, 4).transpose(0, 3, 1, 2).reshape(2, -1)
    np.testing.assert_array_equal(lamina.torch.state_dict(model)["head.weight"], expected)


class Imitated:
    """As PyTorch's tensors, of which bfloat16 has no counterpart in NumPy."""

    def __init__(self, array, dtype):
        self.array, self.dtype = array, dtype

    def detach(self):
        return self

    cpu = detach

    def float(self):
        return Imitated(self.array.astype(np.float32), "torch.float32")

    def numpy(self):
        assert self.dtype != "torch.bfloat16"
        return self.array


def test_tensors_of_pytorch():
    model = dense(3, 3)
    for dtype, own in (("torch.float64", np.float64), ("torch.float32", np.float32), ("torch.bfloat16", np.float32)):
        state = {name: Imitated(array.astype(own), dtype) for name, array in linear(("a", 3, 3), ("b", 3, 3)).items()}
        assert as_array(state["a.weight"], "a.weight").dtype == own
        lamina.torch.load_state_dict(model, state)
        np.testing.assert_allclose(model.layers[0].kernel.numpy(), state["a.weight"].array.T, rtol=1e-6)
