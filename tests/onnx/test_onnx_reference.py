"""Nodes with options drawn at random, against onnx's own reference implementation or onnxruntime."""

from __future__ import annotations

import warnings

import numpy as np
import onnx
import pytest
from onnx import helper

from lamina.onnx import backend

reference = pytest.importorskip("onnx.reference")
onnxruntime = pytest.importorskip("onnxruntime")
FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


def by_reference(model, feeds):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return reference.ReferenceEvaluator(model).run(None, feeds)


def by_runtime(model, feeds):
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)


def compared(name, version, given, outputs, *, by=by_reference, tolerance=1e-4, **options):
    """A node's results, ours with and without rewriting and the other library's, are the same; outputs: their types,
    1 for floats, or False for one that is left out."""
    inputs = [f"x{i}" if value is not None else "" for i, value in enumerate(given)]
    feeds = {n: value for n, value in zip(inputs, given, strict=True) if n}
    value = helper.make_tensor_value_info
    known = [value(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for n, v in feeds.items()]
    results = [f"y{i}" if wanted else "" for i, wanted in enumerate(outputs)]
    options = {key: option for key, option in options.items() if option is not None and np.size(option)}
    node = helper.make_node(name, inputs, results, **options)
    graph = helper.make_graph(
        [node], "g", known, [value(n, int(t), None) for n, t in zip(results, outputs, strict=True) if n]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=8)
    want = by(model, feeds)
    for optimize in (True, False):
        got = backend.run_model(model, list(feeds.values()), optimize=optimize)
        for a, b in zip(got, want, strict=True):
            assert a.shape == b.shape, (inputs, options)
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=f"{inputs} {options}")


def drawn(seed):
    """A generator, and what draws arrays of it."""
    rng = np.random.default_rng(seed)
    return rng, lambda *shape: rng.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("seed", range(60))
def test_attention(seed):
    rng, array = drawn(seed)
    batch, kv_heads, groups = rng.integers(1, 4), rng.integers(1, 3), rng.integers(1, 4)
    heads, steps, own, size, wide = kv_heads * groups, *rng.integers(2, 6, 4)
    past = rng.integers(1, 4) if seed % 3 == 1 else 0
    padded = seed % 3 == 2
    keys = own + past
    options = {
        "is_causal": int(rng.integers(2)), "scale": rng.choice([None, 0.3, 1.5]), "softcap": rng.choice([0.0, 0.7]),
        "qk_matmul_output_mode": int(rng.integers(4)),
    }  # fmt: skip
    if not options["qk_matmul_output_mode"]:
        options["softcap"] = 0.0  # of which the reference's products before it hold the numbers behind
    if seed % 2:
        options |= {"left_window_size": int(rng.integers(-1, 3)), "right_window_size": int(rng.integers(-1, 3))}
    shape = [(steps, keys), (1, heads, steps, keys), (batch, 1, steps, keys), (heads, steps, keys), None][seed % 5]
    mask = None if shape is None else array(*shape) if rng.integers(2) else rng.random(shape) < 0.7
    if mask is not None and not past and not padded and rng.integers(2) and keys > 2:
        mask = mask[..., : keys - 1]
    q, k, v = array(batch, heads, steps, size), array(batch, kv_heads, own, size), array(batch, kv_heads, own, wide)
    kept = (array(batch, kv_heads, past, size), array(batch, kv_heads, past, wide)) if past else (None, None)
    if rng.integers(2):
        q, k, v = (x.transpose(0, 2, 1, 3).reshape(batch, x.shape[2], -1) for x in (q, k, v))
        options |= {"q_num_heads": int(heads), "kv_num_heads": int(kv_heads)}
    lengths = rng.integers(1, keys + 1, batch) if padded else None
    wants = (FLOAT, FLOAT, FLOAT, bool(rng.integers(3))) if not padded else (FLOAT,)
    given = [q, k, v, mask, *kept, lengths]
    while given[-1] is None:
        given.pop()
    compared("Attention", 25, given, wants, **options)


@pytest.mark.parametrize("seed", range(24))
def test_rotary_embedding(seed):
    rng, array = drawn(seed)
    batch, heads, steps, half = *rng.integers(1, 4, 2), rng.integers(2, 5), 3
    turned = rng.integers(1, half + 1) if seed % 3 else half
    x = array(batch, heads, steps, 2 * half)
    options = {"interleaved": seed % 2}
    if turned != half or seed % 4 > 1:
        options["rotary_embedding_dim"] = int(2 * turned)
    if rng.integers(2):
        x = x.transpose(0, 2, 1, 3).reshape(batch, steps, -1)
        options["num_heads"] = int(heads)
    if seed % 5:
        given = [x, array(9, turned), array(9, turned), rng.integers(0, 9, (batch, steps))]
    else:
        given = [x, array(batch, steps, turned), array(batch, steps, turned)]
    compared("RotaryEmbedding", 23, given, (FLOAT,), **options)


@pytest.mark.parametrize("rule", ["linear", "gated", "delta", "gated_delta"])
@pytest.mark.parametrize("seed", range(6))
def test_linear_attention(rule, seed):
    rng, array = drawn(seed)
    batch, kv_heads, groups, steps, size, wide = 2, *rng.integers(1, 4, 2), *rng.integers(2, 5, 3)
    q, k = array(batch, steps, kv_heads * groups * size), array(batch, steps, kv_heads * size)
    v, state = array(batch, steps, kv_heads * wide), array(batch, kv_heads, size, wide) if seed % 2 else None
    decay = -np.abs(array(batch, steps, kv_heads * (size if seed % 3 == 1 else 1))) if "gated" in rule else None
    beta = np.abs(array(batch, steps, kv_heads if seed % 3 else 1)) if "delta" in rule else None
    options = {"q_num_heads": int(kv_heads * groups), "kv_num_heads": int(kv_heads), "scale": [None, 0.7][seed % 2]}
    given = [q, k, v, state, decay, beta]
    while given[-1] is None:
        given.pop()
    compared("LinearAttention", 27, given, (FLOAT, FLOAT), update_rule=rule, **options)


@pytest.mark.parametrize("activation", ["none", "silu", "swish"])
@pytest.mark.parametrize("taps", [1, 2, 4])
@pytest.mark.parametrize("kept", [False, True])
def test_causal_convolution(activation, taps, kept):
    _, array = drawn(taps)
    x, w, b = array(2, 3, 5), array(3, 1, taps), array(3)
    for given in ([x, w, b, array(2, 3, taps - 1)] if kept else [x, w, b], [x, w]):
        compared("CausalConvWithState", 27, given, (FLOAT, FLOAT), activation=activation)


SCALED = {"LeakyRelu": 1, "ThresholdedRelu": 1, "ScaledTanh": 2, "HardSigmoid": 2, "Elu": 1, "Affine": 2}
ACTIVATIONS = ["Sigmoid", "Tanh", "Relu", "Softsign", "Softplus", *SCALED]


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("seed", range(30))
def test_recurrences(name, seed):
    rng, array = drawn(seed)
    gates, names = {"LSTM": (4, 3), "GRU": (3, 2), "RNN": (1, 1)}[name]
    direction = ["forward", "reverse", "bidirectional"][seed % 3]
    n = 1 + (direction == "bidirectional")
    steps, batch, features, units = rng.integers(2, 5, 4)
    options = {"hidden_size": int(units), "direction": direction}
    if seed % 4 == 1:
        options["activations"] = [str(a) for a in rng.choice(["Sigmoid", "Tanh", "Relu"], n * names)]
    elif seed % 4 > 1:
        given = seed % 8 > 3  # else their defaults count, of those that have some
        known = [a for a in ACTIVATIONS if given or a not in ("ThresholdedRelu", "ScaledTanh", "Affine")]
        options["activations"] = [str(a) for a in rng.choice(known, n * names)]
        if given:
            alphas = [a for a in options["activations"] if a in SCALED]
            options["activation_alpha"] = [float(v) for v in rng.uniform(0.3, 0.9, len(alphas))]
            betas = [a for a in alphas if SCALED[a] > 1]
            options["activation_beta"] = [float(v) for v in rng.uniform(0.3, 0.9, len(betas))]
    if seed % 7 == 3:
        options["clip"] = 0.4
    if name == "GRU":
        options["linear_before_reset"] = int(rng.integers(2))
    w, r = 0.5 * array(n, gates * units, features), 0.5 * array(n, gates * units, units)
    b = 0.5 * array(n, 2 * gates * units) if seed % 5 else None
    lengths = rng.integers(1, steps + 1, batch).astype(np.int32) if rng.integers(2) else None
    given = [array(steps, batch, features), w, r, b, lengths, array(n, batch, units) if rng.integers(2) else None]
    if name == "LSTM":
        given.append(array(n, batch, units) if rng.integers(2) else None)
        if seed % 6 == 5:
            given.append(array(n, 3 * units))
        elif seed % 6 == 4:
            options["input_forget"] = 1
    while given[-1] is None:
        given.pop()
    wants = [True, True, *([True] if name == "LSTM" else [])]
    compared(name, 14, given, wants, by=by_runtime, **options)
    compared(name, 14, given, [False, *wants[1:]], by=by_runtime, **options)


PLACES = [
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_crop_and_resize",
]
NEAREST = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("seed", range(6))
def test_resize(mode, places, seed):
    rng, array = drawn(seed)
    if places == "tf_crop_and_resize" and mode == "cubic":
        pytest.skip("refused")
    shape = [(1, 2, 4, 5), (2, 5, 3), (1, 3, 1, 4)][seed % 3]
    axes = sorted(int(a) for a in rng.choice(len(shape), rng.integers(1, 3), replace=False))
    crop = places == "tf_crop_and_resize"
    roi = np.concatenate([rng.uniform(-0.2, 0.4, len(axes)), rng.uniform(0.6, 1.2, len(axes))]) if crop else None
    options = {"mode": mode, "coordinate_transformation_mode": places, "axes": axes}
    if crop:
        options["extrapolation_value"] = 7.0
    if mode == "nearest":
        options["nearest_mode"] = NEAREST[rng.integers(4)]
    if mode == "cubic":
        options |= {"cubic_coeff_a": [None, -0.5][seed % 2], "exclude_outside": int(rng.integers(2))}
    sizes = rng.integers(1 if places in ("half_pixel", "asymmetric") else 2, 9, len(axes))
    scales = np.nextafter((sizes / [shape[a] for a in axes]).astype(np.float32), np.float32(99))  # they reach the sizes
    if places in ("half_pixel", "asymmetric"):  # else results depend on how far sizes are from the scale's
        options["keep_aspect_ratio_policy"] = ["stretch", "not_larger", "not_smaller"][seed % 3]
    roi = None if roi is None else roi.astype(np.float32)
    compared("Resize", 19, [array(*shape), roi, None, sizes], [FLOAT], **options)
    options.pop("keep_aspect_ratio_policy", None)
    if (mode, places) != ("nearest", "align_corners"):  # which rounds ties
        compared("Resize", 19, [array(*shape), roi, scales], [FLOAT], **options)


@pytest.mark.parametrize("name", ["AveragePool", "MaxPool", "LpPool"])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_pooling(name, rank, seed):
    rng, array = drawn(seed)
    sizes, window = rng.integers(5, 8, rank), rng.integers(1, 4, rank)
    options = {"kernel_shape": window.tolist(), "ceil_mode": int(seed % 3 == 1)}
    if seed % 4:
        options["strides"] = rng.integers(1, 4, rank).tolist()
    if seed % 4 == 2:
        options |= {"auto_pad": str(rng.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])), "strides": window.tolist()}
    elif seed % 4 == 3:
        options["pads"] = np.concatenate([rng.integers(0, w) for w in (window, window)]).tolist()
    if seed % 5 == 1 and "auto_pad" not in options:  # of which onnxruntime pads as if there were none
        options["dilations"] = rng.integers(1, 3, rank).tolist()
    if name == "AveragePool":
        options["count_include_pad"] = int(rng.integers(2))
    if name == "LpPool":
        options["p"] = [None, 1, 3][seed % 3]
    places = name == "MaxPool" and bool(rng.integers(2))
    x = array(2, 3, *sizes)
    compared(name, 19, [x], [FLOAT, *([INT64] if places else [])], by=by_runtime, **options)


@pytest.mark.parametrize("name", ["Conv", "ConvTranspose"])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_convolution(name, rank, seed):
    rng, array = drawn(seed)
    groups, each, filters = rng.integers(1, 4), rng.integers(1, 3), rng.integers(1, 3)
    sizes, window = rng.integers(5, 8, rank), rng.integers(1, 4, rank)
    options = {"group": int(groups)}
    if seed % 2:
        options["kernel_shape"] = window.tolist()
    if seed % 4:
        options["strides"] = rng.integers(1, 4, rank).tolist()
    if seed % 4 == 2:
        options |= {"auto_pad": str(rng.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])), "strides": window.tolist()}
    elif seed % 4 == 3:
        options["pads"] = np.concatenate([rng.integers(0, w) for w in (window, window)]).tolist()
    if seed % 3 == 1:
        options["dilations"] = rng.integers(1, 3, rank).tolist()
    x, b = array(2, groups * each, *sizes), array(groups * filters) if seed % 2 else None
    if name == "Conv":
        w = array(groups * filters, each, *window)
    else:
        w = array(groups * each, filters, *window)
        if seed % 4 == 1:
            options["output_padding"] = [int(rng.integers(s)) for s in options["strides"]]
        elif seed % 8 == 7:
            del options["pads"]
            apart = options.get("dilations", [1] * rank)
            whole = zip(sizes, options["strides"], window, apart, strict=True)
            options["output_shape"] = [int((n - 1) * s + (w - 1) * d) for n, s, w, d in whole]  # one less
            options["auto_pad"] = str(rng.choice(["SAME_UPPER", "SAME_LOWER"]))
    compared(name, 11, [x, w, *([] if b is None else [b])], [True], by=by_runtime, tolerance=1e-3, **options)
