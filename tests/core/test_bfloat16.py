"""The policy mixed_bfloat16: products of rounded operands, layers, what files keep, and the gate in front of it."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest

import lamina
from lamina import _native, layers, ops, reference
from lamina.core import dtype_policy

MIXED = "mixed_bfloat16"
rounding = pytest.mark.skipif(not _native.has_bfloat16(), reason="the processor cannot multiply bfloat16")


def rounded(x):
    """To bfloat16, to nearest and ties to even, as float32; finite numbers."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def normal(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def leaf(a):
    return lamina.Tensor(a, requires_grad=True)


def exact(a, b):
    return rounded(a).astype(np.float64) @ rounded(b)


def close(got, wanted, terms):
    np.testing.assert_allclose(got, wanted, rtol=0, atol=2e-6 * np.sqrt(terms) * max(1.0, float(np.abs(wanted).max())))


@pytest.fixture
def quiet_policy():
    """The policy for new layers, whether or not this processor is fast at it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lamina.config.set_dtype_policy(MIXED)
        yield
    lamina.config.set_dtype_policy("float32")


# ---- products ----


@rounding
@pytest.mark.parametrize(("m", "k", "n"), [(64, 64, 64), (40, 33, 35), (100, 257, 70), (300, 33, 130), (40, 1700, 48)])
def test_products_are_those_of_rounded_operands(m, k, n):
    a, b, dy = normal(m, k), normal(k, n), normal(m, n, seed=1)
    x, w = leaf(a), leaf(b)
    y = ops.matmul(x, w, bfloat16=True)
    close(y.numpy(), exact(a, b), k)
    assert np.abs(y.numpy() - a @ b).max() > 1e-4  # it is not the product of the operands as they are
    ops.sum(y * dy).backward()
    close(x.grad, exact(dy, b.T), n)
    close(w.grad, exact(a.T, dy), m)


@rounding
def test_the_twins_in_numpy_round_alike():
    x, w, b, dy = normal(40, 33), normal(33, 64), normal(64), normal(40, 64, seed=1)
    y = _native.dense_forward(x, w, b, "tanh", True)
    close(reference.dense_forward(x, w, b, "tanh", True), y, 33)
    found = [[np.empty_like(a) for a in (x, w, b)] for _ in range(2)]
    for room, out in zip((_native, reference), found, strict=True):
        room.dense_backward(x, w, y, dy, "tanh", *out, 0, True)
    for got, wanted, terms in zip(*found, (64, 40, 40), strict=True):
        close(got, wanted, terms)
    close(reference.matmul_forward(x, w, True), _native.matmul_forward(x, w, True), 33)
    found = [[np.empty_like(x), np.empty_like(w)] for _ in range(2)]
    for room, out in zip((_native, reference), found, strict=True):
        room.matmul_backward(x, w, dy, *out, 0, True)
    for got, wanted, terms in zip(*found, (64, 40), strict=True):
        close(got, wanted, terms)


@rounding
@pytest.mark.parametrize("transposed", [(False, False), (True, False), (False, True)])
def test_rounding_is_to_nearest_even_and_keeps_what_is_not_finite(transposed):
    """A product with the identity shows each rounded element."""
    ties = np.array([0x3F808000, 0x3F818000, 0x3F807FFF, 0x3F808001, 0xBF808000, 0x7F7FFFFF, 0], np.uint32)
    values = np.resize(ties.view(np.float32), (64, 64))
    values[3, 5], values[7, 1] = np.inf, -np.inf
    identity = np.eye(64, dtype=np.float32)
    with np.errstate(invalid="ignore"):
        wanted = rounded(values)
    wanted[np.abs(values) > 3.39e38] = np.copysign(np.inf, values[np.abs(values) > 3.39e38])
    finite = np.where(np.isfinite(wanted), values, 1.0).astype(np.float32)
    a = np.asfortranarray(finite) if transposed[0] else finite
    got = ops.matmul(ops.transpose(a.T) if transposed[0] else a, identity, bfloat16=True).numpy()
    np.testing.assert_array_equal(got, rounded(finite))
    b = ops.transpose(np.ascontiguousarray(finite.T)) if transposed[1] else finite
    np.testing.assert_array_equal(ops.matmul(identity, b, bfloat16=True).numpy(), rounded(finite))
    found = ops.matmul(values, identity, bfloat16=True).numpy()  # an infinity times the zeros of the identity is NaN
    rows = ~np.isfinite(wanted).all(1)
    assert np.isnan(found[rows]).any()
    assert np.array_equal(np.isfinite(found).all(1), ~rows)
    values[3, 5] = np.nan
    assert np.isnan(ops.matmul(values, identity, bfloat16=True).numpy()[3]).all()


@rounding
def test_dense_rounds_forward_and_backward():
    x, w, b, dy = normal(48, 70), normal(70, 40), normal(40), normal(48, 40, seed=2)
    tensors = [leaf(t) for t in (x, w, b)]
    y = ops.dense(*tensors, activation="relu", bfloat16=True)
    z = exact(x, w) + b
    close(y.numpy(), np.maximum(z, 0), 70)
    ops.sum(y * dy).backward()
    dz = np.where(y.numpy() > 0, dy, 0).astype(np.float32)
    close(tensors[0].grad, exact(dz, w.T), 40)
    close(tensors[1].grad, exact(x.T, dz), 48)
    np.testing.assert_allclose(tensors[2].grad, dz.sum(0), rtol=1e-5, atol=1e-5)


def test_double_precision_is_untouched():
    a, b = normal(40, 40).astype(np.float64), normal(40, 40, seed=1).astype(np.float64)
    np.testing.assert_array_equal(ops.matmul(a, b, bfloat16=True).numpy(), ops.matmul(a, b).numpy())
    layer = layers.Dense(4, dtype="float64")
    assert (layer.compute_dtype, layer.dtype_policy.name) == ("float64", "float64")


def test_instruction_sets_without_it_compute_in_float32(isa):
    a, b = normal(40, 64), normal(64, 40)
    same = np.array_equal(ops.matmul(a, b, bfloat16=True).numpy(), ops.matmul(a, b).numpy())
    assert same is not _native.has_bfloat16()
    assert isa == "v4" or not _native.has_bfloat16()


# ---- layers ----

MAKERS = {
    "dense": (lambda: layers.Dense(48), (64,)),
    "einsum": (lambda: layers.EinsumDense("abc,cde->abde", (5, 6, 8)), (5, 64)),
    "conv": (lambda: layers.Conv2D(32, 3, strides=2, padding="same"), (12, 12, 16)),
    "conv of a tap": (lambda: layers.Conv2D(32, 1), (6, 6, 32)),
    "conv transpose": (lambda: layers.Conv2DTranspose(32, 3, strides=2), (6, 6, 16)),
    "odd channels": (lambda: layers.Conv1D(32, 4, strides=2), (20, 9)),
    "lstm": (lambda: layers.LSTM(32, return_sequences=True), (6, 20)),
    "projected lstm": (lambda: layers.LSTM(32, proj_size=24), (6, 20)),
    "gru": (lambda: layers.GRU(33), (6, 20)),
    "gru, reset before": (lambda: layers.GRU(32, reset_after=False), (6, 20)),
    "rnn": (lambda: layers.SimpleRNN(32, use_layer_norm=True), (6, 20)),
    "bidirectional": (lambda: layers.Bidirectional(layers.GRU(32)), (6, 20)),
    "attention": (lambda: layers.MultiHeadAttention(2, 24), None),
}


def _gradients(model, *x):
    y = model(*x)
    ops.sum(y * normal(*y.shape, seed=9)).backward()
    found = [np.array(w.grad) for w in model.trainable_weights]
    for w in model.trainable_weights:
        w.grad = None
    return y.numpy(), found


@pytest.mark.parametrize("name", MAKERS)
def test_layers_stay_close_to_float32(name, quiet_policy):
    make, shape = MAKERS[name]
    mixed = make()
    x = [normal(16, *shape)] if shape else [normal(4, 12, 32), normal(4, 12, 32, seed=1)]
    mixed(*x)
    lamina.config.set_dtype_policy("float32")
    plain = make()
    plain(*x)
    plain.set_weights(mixed.get_weights())
    (y, gradients), (y0, gradients0) = _gradients(mixed, *x), _gradients(plain, *x)
    assert y.dtype == np.float32
    assert {w.dtype for w in mixed.weights} == {np.dtype(np.float32)}
    for got, wanted in zip([y, *gradients], [y0, *gradients0], strict=True):
        assert np.abs(got - wanted).max() <= 0.03 * np.abs(wanted).max() + 1e-4
    if _native.fast_bfloat16():
        assert not np.array_equal(y, y0)


@pytest.mark.parametrize("name", MAKERS)
def test_threads_and_captured_steps_give_the_same_bits(name, quiet_policy, threads):
    make, shape = MAKERS[name]
    model = make()
    x = [normal(40, *shape)] if shape else [normal(8, 12, 32), normal(8, 12, 32, seed=1)]
    model(*x)

    before = model.get_weights()
    optimizer = lamina.optimizers.SGD(1e-3)
    optimizer.build(model.trainable_weights)

    def step(*x):
        y = model(*x)
        ops.sum(y * y).backward()
        optimizer.step()
        optimizer.zero_grad()
        return y

    def trained(step):
        model.set_weights(before)
        outputs = [np.array(step(*x)) for _ in range(3)]
        return [*outputs, *model.get_weights()]

    results = []
    for n in (1, 2, 3, 8):
        threads(n)
        results.append(trained(step))
    results.append(trained(lamina.capture(step)))
    for other in results[1:]:
        for got, wanted in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("name", ["m.lamina", "m.keras"])
def test_models_keep_the_policy(quiet_policy, tmp_path, name):
    if name == "m.keras":
        pytest.importorskip("h5py", reason="files of Keras need h5py")
    model = lamina.Sequential([lamina.Input((6, 20)), layers.LSTM(8), layers.Dense(3, dtype="float32")])
    lamina.config.set_dtype_policy("float32")
    assert [layer.dtype_policy.name for layer in model.layers] == [MIXED, "float32"]
    x = normal(4, 6, 20)
    model.save(tmp_path / name)
    again = [lamina.load_model(tmp_path / name)]
    again += [lamina.models.clone_model(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    for other in again:
        lstm = other.layers[0]
        assert (lstm.dtype_policy.name, lstm.dtype_policy.compute_dtype) == (MIXED, "bfloat16")
        assert lstm.compute_dtype == lstm.variable_dtype == lstm.dtype == "float32"  # of arrays
        assert lamina.ops.cast([1, 2], lstm.compute_dtype).dtype == "float32"
        assert lstm.cell.dtype_policy.name == MIXED
        assert other.layers[1].dtype_policy.name == "float32"
        other.set_weights(model.get_weights())
        np.testing.assert_array_equal(other(x).numpy(), model(x).numpy())


def test_a_model_trains_under_the_policy(quiet_policy):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((256, 32)).astype(np.float32)
    y = (x @ rng.standard_normal((32, 4))).argmax(1)
    model = lamina.Sequential([layers.Dense(64, activation="relu"), layers.Dense(4)])
    loss = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(lamina.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=20, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.97


@pytest.mark.parametrize(
    "give",
    [
        MIXED, lamina.DTypePolicy(MIXED), lamina.dtype_policies.get(MIXED),
        {"class_name": "DTypePolicy", "config": {"name": MIXED}},
        lamina.dtype_policies.DTypePolicyMap(MIXED),
        lamina.dtype_policies.deserialize(lamina.dtype_policies.serialize(lamina.DTypePolicy(MIXED))),
    ],
)  # fmt: skip
def test_the_policy_is_given_in_all_ways(give):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = layers.Dense(3, dtype=give)
    assert layer.dtype_policy == lamina.DTypePolicy(MIXED)
    assert layer.get_config()["dtype"] == MIXED
    assert layer._bfloat16 is _native.fast_bfloat16()


# ---- the gate ----

_ONE_LAYER = """
import warnings
with warnings.catch_warnings(record=True) as found:
    warnings.simplefilter("always")
    from lamina import layers
    for _ in range(3):
        layer = layers.Dense(4, dtype="mixed_bfloat16")
print(layer._bfloat16, [str(w.message) for w in found])
"""


def test_a_slow_processor_computes_in_float32_after_one_warning(python):
    out = python(_ONE_LAYER, LAMINA_BFLOAT16="0")
    assert out.startswith("False [\"the policy 'mixed_bfloat16' computes in float32 here: this processor")
    assert out.count("the policy") == 1


def test_an_older_instruction_set_says_so(python):
    out = python(_ONE_LAYER, LAMINA_ISA=_native.host_isas()[0])
    assert out.startswith("False")
    assert "cannot multiply bfloat16" in out
    assert out.count("the policy") == 1


@rounding
def test_the_environment_may_ask_for_it(python):
    assert python(_ONE_LAYER, LAMINA_BFLOAT16="1").strip() == "True []"


def test_the_warning_comes_once(monkeypatch):
    monkeypatch.setattr(_native, "fast_bfloat16", lambda: False)
    dtype_policy._warn_once.cache_clear()
    with pytest.warns(UserWarning, match="computes in float32 here"):
        layers.Dense(2, dtype=MIXED)
    layers.Dense(2, dtype=MIXED)
    dtype_policy._warn_once.cache_clear()
