"""What PyTorch's files hold in other forms: split weights, single tensors by name, flattened images, moments."""

from __future__ import annotations

import pickle
import zipfile

import numpy as np
import pytest

import lamina
from lamina import Input, Model, Sequential, layers, optimizers

RNG = np.random.default_rng(3)


def array(*shape):
    return RNG.standard_normal(shape).astype("float32")


@pytest.mark.parametrize(
    ("lengths", "directions"),
    [("weight_g", "weight_v"), ("parametrizations.weight.original0", "parametrizations.weight.original1")],
)
@pytest.mark.parametrize("dim", [0, 1, None])
def test_weights_that_are_split_into_lengths_and_directions(lengths, directions, dim):
    """torch.nn.utils.weight_norm: w = g v / ||v||, the norm over all axes but ``dim``, over all of them with None."""
    model = Sequential([Input((3,)), layers.Dense(2)])
    v, bias = array(2, 3), array(2)
    axes = (0, 1) if dim is None else 1 - dim
    g = np.abs(array(*({0: (2, 1), 1: (1, 3), None: (1, 1)}[dim])))
    lamina.torch.load_state_dict(model, {"a.bias": bias, f"a.{lengths}": g, f"a.{directions}": v})
    want = g * v / np.sqrt((v.astype(float) ** 2).sum(axes, keepdims=True))
    np.testing.assert_allclose(model.layers[0].kernel.numpy(), want.T, rtol=1e-6)
    np.testing.assert_array_equal(model.layers[0].bias.numpy(), bias)


def test_split_weights_of_a_convolution():
    model = Sequential([Input((5, 5, 3)), layers.Conv2D(4, 2, use_bias=False)])
    v, g = array(4, 3, 2, 2), np.abs(array(4, 1, 1, 1))
    lamina.torch.load_state_dict(model, {"0.weight_g": g, "0.weight_v": v})
    want = g * v / np.sqrt((v.astype(float) ** 2).sum((1, 2, 3), keepdims=True))
    np.testing.assert_allclose(model.layers[0].kernel.numpy(), want.transpose(2, 3, 1, 0), rtol=1e-6)


def test_single_tensors_by_their_names():
    model = Sequential([Input((3,)), layers.Dense(3, name="one"), layers.Dense(3, name="two")])
    state = {"w": array(3, 3), "v": array(3, 3), "a": array(3), "b": array(3)}
    names = {"w": "two/weight", "a": "two/bias", "v": "one/weight", "b": "one/bias"}
    report = lamina.torch.load_state_dict(model, state, names=names)
    assert len(report.loaded) == 4
    one, two = model.layers
    for weight, name in ((two.kernel, "w"), (two.bias, "a"), (one.kernel, "v"), (one.bias, "b")):
        np.testing.assert_array_equal(weight.numpy(), state[name].T, err_msg=name)
    back = lamina.torch.state_dict(model, names=names)
    assert back.keys() == state.keys()
    for name, value in back.items():
        np.testing.assert_array_equal(value, state[name], err_msg=name)


def test_some_tensors_by_their_names_and_others_by_order():
    model = Sequential([Input((3,)), layers.Dense(3, name="one"), layers.Dense(3, name="two")])
    state = {"w": array(3, 3), "fc.weight": array(3, 3), "fc.bias": array(3), "b": array(3)}
    lamina.torch.load_state_dict(model, state, names={"w": "two/weight", "b": "two/bias"})
    one, two = model.layers
    for weight, name in ((two.kernel, "w"), (two.bias, "b"), (one.kernel, "fc.weight"), (one.bias, "fc.bias")):
        np.testing.assert_array_equal(weight.numpy(), state[name].T, err_msg=name)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"w": "one/bias"}, r"'w' does not fit 'one/bias', expected \(3,\)"),
        ({"b": "one/weight"}, r"'b' does not fit 'one/weight', expected \(3, 3\)"),
        ({"c": "one/weight"}, r"'c' does not fit 'one/weight', expected \(3, 3\)"),
        ({"w": ["one/weight", "one/weight"]}, "there is no layer 'one/weight'|'w' does not fit 'one/weight'"),
    ],
)
def test_single_tensors_that_do_not_fit(names, message):
    model = Sequential([Input((3,)), layers.Dense(3, name="one")])
    with pytest.raises(ValueError, match=message):
        lamina.torch.load_state_dict(model, {"w": array(3, 3), "b": array(3)}, names=names)


def flattening():
    """A model whose dense layer stands behind a flattened image of 2 x 3 places and 5 channels."""
    image = Input((2, 3, 4))
    x = layers.Conv2D(5, 1, name="conv")(image)
    return Model(image, layers.Dense(2, name="head")(layers.Flatten()(x)))


def test_a_flattened_image_gives_what_pytorch_gives():
    """The numbers of a model with PyTorch's weights are those of PyTorch's modules."""
    model = flattening()
    state = {
        "conv.weight": array(5, 4, 1, 1),
        "conv.bias": array(5),
        "head.weight": array(2, 30),
        "head.bias": array(2),
    }
    lamina.torch.load_state_dict(model, state)
    x = array(3, 2, 3, 4)
    image = np.einsum("nhwc,kc->nkhw", x, state["conv.weight"][:, :, 0, 0]) + state["conv.bias"][:, None, None]
    want = image.reshape(3, -1) @ state["head.weight"].T + state["head.bias"]
    np.testing.assert_allclose(model(x).numpy(), want, rtol=1e-4, atol=1e-5)


def test_moments_of_weights_behind_a_flattened_image():
    model = flattening()
    shapes = {"conv.weight": (5, 4, 1, 1), "conv.bias": (5,), "head.weight": (2, 30), "head.bias": (2,)}
    report = lamina.torch.load_state_dict(model, {name: array(*shape) for name, shape in shapes.items()})
    moments = [np.abs(array(*shape)) for shape in shapes.values()]
    state = {i: {"step": 3, "exp_avg": m, "exp_avg_sq": 2 * m} for i, m in enumerate(moments)}
    optimizer = optimizers.Adam()
    groups = [{"lr": 0.5, "params": [0, 1, 2, 3]}]
    lamina.torch.load_optimizer_state_dict(optimizer, {"state": state, "param_groups": groups}, report)
    head, conv = model.get_layer("head"), model.get_layer("conv")
    kept = optimizer.get_state({"w": head.kernel, "b": head.bias, "k": conv.kernel, "c": conv.bias})
    want = moments[2].reshape(2, 5, 2, 3).transpose(2, 3, 1, 0).reshape(30, 2)
    for slot, factor in (("momentum", 1), ("velocity", 2)):
        np.testing.assert_allclose(kept[f"{slot}/w"], factor * want)
        np.testing.assert_allclose(kept[f"{slot}/k"], factor * moments[0].transpose(2, 3, 1, 0))
        np.testing.assert_allclose(kept[f"{slot}/b"], factor * moments[3])
        np.testing.assert_allclose(kept[f"{slot}/c"], factor * moments[1])


def test_sizes_of_features_that_a_model_does_not_show():
    model = Sequential([Input((12,)), layers.Dense(2, name="head")])
    state = {"head.weight": array(2, 12), "head.bias": array(2)}
    lamina.torch.load_state_dict(model, state, flattened={"head": (2, 3, 2)})
    want = state["head.weight"].reshape(2, 2, 2, 3).transpose(2, 3, 1, 0).reshape(12, 2)
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), want)
    back = lamina.torch.state_dict(model, flattened={"head": (2, 3, 2)})
    np.testing.assert_array_equal(back["head.weight"], state["head.weight"])
    with pytest.raises(ValueError, match="flattened: there is no layer 'body'; known are"):
        lamina.torch.state_dict(model, flattened={"body": (2, 3, 2)})


def attention():
    x = Input((4, 6))
    return Model(x, layers.MultiHeadAttention(2, 3, name="attention")(x, x))


@pytest.mark.parametrize(
    "parts", [("q_proj", "k_proj", "v_proj"), ("query", "key", "value"), ("qkv",), ("in_proj_weight",)], ids=str
)
def test_attention_by_one_product_or_by_three(parts):
    """The layout that a file has is found by its shapes; ``like`` writes it back."""
    model, reference = attention(), attention()
    weights = [array(6, 6) for _ in range(3)]
    biases = [array(6) for _ in range(3)]
    if parts == ("in_proj_weight",):
        state = {"0.in_proj_weight": np.concatenate(weights), "0.in_proj_bias": np.concatenate(biases)}
    elif len(parts) == 1:
        state = {"0.qkv.weight": np.concatenate(weights), "0.qkv.bias": np.concatenate(biases)}
    else:
        state = {f"0.{p}.weight": w for p, w in zip(parts, weights, strict=True)}
        state = {k: v for p, b in zip(parts, biases, strict=True)
                 for k, v in ((f"0.{p}.weight", state[f"0.{p}.weight"]), (f"0.{p}.bias", b))}  # fmt: skip
    state |= {"0.out_proj.weight": array(6, 6), "0.out_proj.bias": array(6)}
    lamina.torch.load_state_dict(model, state)
    own = [a for w, b in zip(weights, biases, strict=True) for a in (w.T.reshape(6, 2, 3), b.reshape(2, 3))]
    output = state["0.out_proj.weight"].T.reshape(2, 3, 6), state["0.out_proj.bias"]
    reference.set_weights([*own, *output])  # of query, key, value and output
    x = array(2, 4, 6)
    np.testing.assert_allclose(model(x).numpy(), reference(x).numpy(), rtol=1e-5, atol=1e-6)
    back = lamina.torch.state_dict(reference, like=state)
    assert list(back) == list(state)
    for name, value in back.items():
        np.testing.assert_array_equal(value, state[name], err_msg=name)


def test_a_grouped_convolution_of_pytorch_is_a_depthwise_one():
    """Its weight is (channels * multiplier, 1, rows, columns), the multiples of a channel beside each other."""
    model = Sequential([Input((4, 5, 3)), layers.DepthwiseConv2D((2, 3), depth_multiplier=2)])
    state = {"0.weight": array(6, 1, 2, 3), "0.bias": array(6)}
    lamina.torch.load_state_dict(model, state)
    kernel = model.layers[0].weights[0].numpy()
    for channel in range(3):
        for multiple in range(2):
            np.testing.assert_array_equal(kernel[:, :, channel, multiple], state["0.weight"][2 * channel + multiple, 0])
    back = lamina.torch.state_dict(model)
    for name, value in state.items():
        np.testing.assert_array_equal(back[name], value)


@pytest.mark.parametrize("use_bias", [True, False])
def test_a_separable_convolution_is_two(use_bias):
    model = Sequential([Input((4, 5, 3)), layers.SeparableConv2D(4, 2, depth_multiplier=2, use_bias=use_bias)])
    state = {"a.weight": array(6, 1, 2, 2), "b.weight": array(4, 6, 1, 1)}
    state |= {"b.bias": array(4)} if use_bias else {}
    lamina.torch.load_state_dict(model, state)
    depthwise, pointwise, *bias = (w.numpy() for w in model.layers[0].weights)
    np.testing.assert_array_equal(depthwise.transpose(2, 3, 0, 1).reshape(6, 1, 2, 2), state["a.weight"])
    np.testing.assert_array_equal(pointwise.transpose(3, 2, 0, 1), state["b.weight"])
    assert [b.tolist() for b in bias] == ([state["b.bias"].tolist()] if use_bias else [])
    for name, value in lamina.torch.state_dict(model, like=state).items():
        np.testing.assert_array_equal(value, state[name])


@pytest.mark.parametrize("frozen", [None, "ih", "hh"])
def test_moments_of_two_biases_that_are_one_here(frozen):
    """Both have the same gradients, so the same moments; those of a frozen one are zeros."""
    model = Sequential([Input((4, 3)), layers.LSTM(2)])
    shapes = {"weight_ih_l0": (8, 3), "weight_hh_l0": (8, 2), "bias_ih_l0": (8,), "bias_hh_l0": (8,)}
    report = lamina.torch.load_state_dict(model, {f"0.{name}": array(*shape) for name, shape in shapes.items()})
    moment = np.abs(array(8))
    state = {i: {"step": 1, "exp_avg": array(*shape), "exp_avg_sq": np.abs(array(*shape))}
             for i, shape in enumerate(shapes.values())}  # fmt: skip
    for i, name in ((2, "ih"), (3, "hh")):
        state[i] |= {"exp_avg": moment * (name != frozen), "exp_avg_sq": 2 * moment * (name != frozen)}
    optimizer = optimizers.Adam()
    groups = [{"lr": 0.1, "params": [0, 1, 2, 3]}]
    lamina.torch.load_optimizer_state_dict(optimizer, {"state": state, "param_groups": groups}, report)
    kernel, recurrent, bias = model.layers[0].weights
    kept = optimizer.get_state({"k": kernel, "r": recurrent, "b": bias})
    np.testing.assert_allclose(kept["momentum/b"], moment)
    np.testing.assert_allclose(kept["velocity/b"], 2 * moment)
    np.testing.assert_allclose(kept["momentum/k"], state[0]["exp_avg"].T)
    np.testing.assert_allclose(kept["momentum/r"], state[1]["exp_avg"].T)


def test_moments_of_rows_of_one_matrix():
    model = attention()
    weights, biases = [array(6, 6) for _ in range(3)], [array(6) for _ in range(3)]
    state = {"0.in_proj_weight": np.concatenate(weights), "0.in_proj_bias": np.concatenate(biases)}
    state |= {"0.out_proj.weight": array(6, 6), "0.out_proj.bias": array(6)}
    report = lamina.torch.load_state_dict(model, state)
    moments = {i: {"step": 1, "exp_avg": v, "exp_avg_sq": v**2} for i, v in enumerate(state.values())}
    optimizer = optimizers.Adam()
    groups = [{"lr": 0.1, "params": [0, 1, 2, 3]}]
    lamina.torch.load_optimizer_state_dict(optimizer, {"state": moments, "param_groups": groups}, report)
    kept = optimizer.get_state({str(i): w for i, w in enumerate(model.weights)})
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):  # the weights of query, key and value
        np.testing.assert_allclose(kept[f"momentum/{2 * i}"], w.T.reshape(6, 2, 3))
        np.testing.assert_allclose(kept[f"momentum/{2 * i + 1}"], b.reshape(2, 3))
        np.testing.assert_allclose(kept[f"velocity/{2 * i}"], (w**2).T.reshape(6, 2, 3))


@pytest.mark.parametrize("bias", [True, False])
def test_attention_of_other_features_in_keys_and_values(bias):
    """torch.nn.MultiheadAttention(6, 2, kdim=5, vdim=4): three matrices, and one bias for all."""
    q, k, v = Input((4, 6)), Input((3, 5)), Input((3, 4))
    model = Model([q, k, v], layers.MultiHeadAttention(2, 3, use_bias=bias)(q, v, k))
    shapes = {"q_proj_weight": (6, 6), "k_proj_weight": (6, 5), "v_proj_weight": (6, 4)}
    shapes |= {"in_proj_bias": (18,)} if bias else {}
    shapes |= {"out_proj.weight": (6, 6)} | ({"out_proj.bias": (6,)} if bias else {})
    state = {f"0.{name}": array(*shape) for name, shape in shapes.items()}
    lamina.torch.load_state_dict(model, state)
    kernels = [w.numpy() for w in model.weights if w.ndim == 3]
    for kernel, name in zip(kernels, ("q", "k", "v"), strict=False):
        np.testing.assert_array_equal(kernel.reshape(len(kernel), -1).T, state[f"0.{name}_proj_weight"])
    np.testing.assert_array_equal(kernels[3].reshape(6, 6).T, state["0.out_proj.weight"])
    if bias:
        rows = [w.numpy().reshape(-1) for w in model.weights if w.ndim == 2]
        np.testing.assert_array_equal(np.concatenate(rows), state["0.in_proj_bias"])
    for name, value in lamina.torch.state_dict(model, like=state).items():
        np.testing.assert_array_equal(value, state[name], err_msg=name)


def test_attention_whose_heads_have_other_sizes_has_four_modules():
    """Heads that together are wider than the query are no torch.nn.MultiheadAttention."""
    x = Input((4, 6))
    model = Model(x, layers.MultiHeadAttention(2, 4)(x, x))
    shapes = {"q": (8, 6), "k": (8, 6), "v": (8, 6), "out": (6, 8)}
    state = {f"0.{n}_proj.{part}": array(*(s if part == "weight" else s[:1])) for n, s in shapes.items()
             for part in ("weight", "bias")}  # fmt: skip
    lamina.torch.load_state_dict(model, state)
    for name, value in lamina.torch.state_dict(model, like=state).items():
        np.testing.assert_array_equal(value, state[name], err_msg=name)
    whole = {"0.in_proj_weight": array(24, 6), "0.in_proj_bias": array(24)}
    whole |= {"0.out_proj.weight": array(6, 8), "0.out_proj.bias": array(6)}
    with pytest.raises(ValueError, match="expected"):
        lamina.torch.load_state_dict(model, whole)


PARTS = {
    "self_attn.in_proj_weight": (18, 6), "self_attn.in_proj_bias": (18,), "self_attn.out_proj.weight": (6, 6),
    "self_attn.out_proj.bias": (6,), "linear1.weight": (8, 6), "linear1.bias": (8,), "linear2.weight": (6, 8),
    "linear2.bias": (6,), "norm1.weight": (6,), "norm1.bias": (6,), "norm2.weight": (6,), "norm2.bias": (6,),
}  # fmt: skip
CROSS = {
    "multihead_attn.in_proj_weight": (18, 6), "multihead_attn.in_proj_bias": (18,),
    "multihead_attn.out_proj.weight": (6, 6), "multihead_attn.out_proj.bias": (6,), "norm3.weight": (6,),
    "norm3.bias": (6,),
}  # fmt: skip


def normal(x, weight, bias):
    """torch.nn.functional.layer_norm over the last axis, with PyTorch's epsilon."""
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) * weight + bias


def attended(query, other, state, name, causal=False):
    """torch.nn.MultiheadAttention of two heads, in float64."""
    q, k, v = (
        (x @ w.T + b).reshape(*x.shape[:2], 2, 3)
        for x, w, b in zip(
            (query, other, other), np.split(state[f"{name}.in_proj_weight"], 3),
            np.split(state[f"{name}.in_proj_bias"], 3), strict=True,
        )
    )  # fmt: skip
    scores = np.einsum("nqhd,nkhd->nhqk", q, k) / np.sqrt(3)
    if causal:
        scores = np.where(np.tri(*scores.shape[2:], dtype=bool), scores, -np.inf)
    p = np.exp(scores - scores.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    y = np.einsum("nhqk,nkhd->nqhd", p, v).reshape(query.shape)
    return y @ state[f"{name}.out_proj.weight"].T + state[f"{name}.out_proj.bias"]


def fed(x, state):
    hidden = np.maximum(x @ state["linear1.weight"].T + state["linear1.bias"], 0)
    return hidden @ state["linear2.weight"].T + state["linear2.bias"]


def after(x, state, i):
    return normal(x, state[f"norm{i}.weight"], state[f"norm{i}.bias"])


@pytest.mark.parametrize("kind", ["encoder", "decoder", "decoder alone"])
def test_blocks_of_transformers_give_what_pytorchs_give(kind):
    """TransformerEncoderLayer and TransformerDecoderLayer with norms behind their parts, by hand."""
    state = {name: array(*shape) for name, shape in (PARTS | (CROSS if kind == "decoder" else {})).items()}
    x, memory = array(2, 4, 6), array(2, 5, 6)
    make = layers.TransformerEncoder if kind == "encoder" else layers.TransformerDecoder
    block = make(8, 2, activation="relu", layer_norm_epsilon=1e-5)
    given = (x, memory) if kind == "decoder" else (x,)
    block(*given)
    lamina.torch.load_state_dict(block, state)
    a = after(x + attended(x, x, state, "self_attn", causal=kind != "encoder"), state, 1)
    if kind == "decoder":
        a = after(a + attended(a, memory, state, "multihead_attn"), state, 2)
    want = after(a + fed(a, state), state, 3 if kind == "decoder" else 2)
    np.testing.assert_allclose(block(*given).numpy(), want, rtol=1e-3, atol=1e-4)
    back = lamina.torch.state_dict(block)
    assert back.keys() == state.keys()
    for name, value in back.items():
        np.testing.assert_array_equal(value, state[name], err_msg=name)


@pytest.mark.parametrize(
    "value", [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [1], {"a": (1, 2)}, 5, "text", None, True]
)
@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_any_plain_value_of_a_file(value, protocol, tmp_path):
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as made:
        made.writestr("archive/data.pkl", pickle.dumps(value, protocol))
    assert lamina.torch.load(tmp_path / "m.pt") == value
