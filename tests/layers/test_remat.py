"""Activations computed again: the same bits as without, dropout, statistics and shared weights too, in less memory."""

from __future__ import annotations

import copy
import gc

import numpy as np
import pytest

import lamina
from lamina import _native, layers, ops

DRAW = np.random.default_rng(0)


def parts():
    return [
        layers.Dense(16, "gelu"),
        layers.Dropout(0.3, seed=3),
        layers.BatchNormalization(),
        layers.Dense(8, "relu"),
    ]


def stack(recompute):
    return lamina.Sequential([lamina.Input((8,)), lamina.Sequential(parts(), recompute=recompute), layers.Dense(3)])


def frozen_first(recompute):
    model = stack(recompute)
    model.layers[0].layers[0].trainable = False
    return model


def residual(recompute):
    return lamina.Sequential([lamina.Input((8,)), layers.Residual(parts(), recompute=recompute), layers.Dense(3)])


def shared(recompute):
    x = lamina.Input((8,))
    block = lamina.Sequential(parts(), recompute=recompute)
    return lamina.Model(x, layers.Dense(3)(layers.Add()([block(block(x)), x, block(x)])))


def transformer(recompute):
    x = lamina.Input((8,))
    y = layers.Reshape((4, 2))(x)
    y = layers.Dense(8)(y)
    for _ in range(2):
        y = layers.TransformerEncoder(16, 2, dropout=0.2, normalize_first=True, recompute=recompute)(y)
    return lamina.Model(x, layers.Dense(3)(layers.Flatten()(y)))


def recurrent(recompute):
    x = lamina.Input((8,))
    y = layers.Masking()(layers.Reshape((4, 2))(x))
    y = layers.Bidirectional(layers.LSTM(5, return_sequences=True), recompute=recompute)(y)
    sequence, *states = layers.LSTM(4, return_sequences=True, return_state=True, recompute=recompute)(y)
    ends = layers.GlobalAveragePooling1D()(sequence)
    return lamina.Model(x, layers.Dense(3)(layers.Concatenate()([ends, *states])))


def normalized(recompute):
    wrapped = layers.SpectralNormalization(layers.Dense(8), recompute=recompute)
    return lamina.Sequential([lamina.Input((8,)), layers.Dense(8), wrapped, layers.Dense(3)])


def images(recompute):
    body = [layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D()]
    inside = lamina.Sequential(body, recompute=recompute)
    return lamina.Sequential([lamina.Input((8,)), layers.Reshape((2, 4, 1)), inside, layers.Flatten(), layers.Dense(3)])


KINDS = [stack, frozen_first, residual, shared, transformer, recurrent, normalized, images]


def trained(make, recompute, eagerly, steps=3):
    lamina.random.seed(1)
    model = make(recompute) if recompute is not None else make()
    loss = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(lamina.optimizers.SGD(0.1, momentum=0.9), loss, run_eagerly=eagerly)
    draw = np.random.default_rng(2)
    losses = [
        model.train_on_batch(draw.standard_normal((6, 8), dtype="float32"), np.arange(6) % 3) for _ in range(steps)
    ]
    return losses, model.get_weights(), model


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("eagerly", [True, False])
def test_the_bits_are_the_same(make, eagerly):
    losses, weights, _ = trained(make, False, eagerly)
    again, found, model = trained(make, True, eagerly)
    assert again == losses
    for a, b in zip(weights, found, strict=True):
        np.testing.assert_array_equal(a, b)
    if not eagerly:
        assert model._steps["train"].reason is None
        assert len(model._steps["train"].plans) == 1


def operations(model):
    return model._steps["train"].plans[-1].steps


def test_it_is_computed_again_and_kept_no_longer():
    _, _, without = trained(stack, False, False)
    _, _, model = trained(stack, True, False)
    assert operations(model).count("dense_forward") == operations(without).count("dense_forward") + 2
    assert operations(model).count("dropout_forward") == 2
    rows = {(row.layer.split("/")[-1], row.direction) for row in model.profile(np.ones((6, 8)), np.zeros(6)).rows}
    assert (model.layers[0].layers[0].name, "recomputed") in rows


def deep(recompute):
    blocks = [lamina.Sequential([layers.Dense(256, "gelu") for _ in range(4)], recompute=recompute) for _ in range(4)]
    return lamina.Sequential([lamina.Input((256,)), *blocks, layers.Dense(3)])


def peak(recompute, eagerly):
    model = deep(recompute)
    model.compile("sgd", lamina.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=eagerly)
    x, y = np.ones((1024, 256), "float32"), np.zeros(1024, "int64")
    model.build_report = model.memory_report(1024) if not eagerly else None
    gc.collect()
    before = _native.pool_stats()["in_use"]
    _native.pool_reset_peak()
    model.train_on_batch(x, y)
    return _native.pool_stats()["peak"] - before, model.build_report


@pytest.mark.parametrize("eagerly", [True, False])
def test_the_peak_falls(eagerly):
    without, _ = peak(False, eagerly)
    taken, report = peak(True, eagerly)
    one = (
        1024 * 256 * 4
    )  # bytes of a layer's result: 16 of them with what gelu keeps, or those of one block and 4 inputs
    assert without > 16 * one
    assert taken < 0.62 * without
    if report is not None:
        assert report.results + report.scratch == pytest.approx(taken, rel=0.1)


def test_functions_are_recomputed_with_the_states_they_use():
    def gradients(wrap):
        lamina.random.seed(1)
        hidden, last = layers.Dense(8, "gelu"), layers.Dense(2)
        noise = lamina.random.Generator(5)

        def block(x, scale=2.0):
            y = ops.dropout(hidden(x), 0.5, noise)
            return last(y) * scale, y

        f = wrap(block)
        x = lamina.Tensor(np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4), requires_grad=True)
        f(x)  # makes the weights
        y, inside = f(x, scale=3.0)
        (ops.sum(ops.square(y)) + ops.sum(inside) + ops.sum(x)).backward()
        return [x.grad, *(v.grad for v in hidden.weights), *(v.grad for v in last.weights)], noise.state.copy()

    (expected, state), (found, again) = gradients(lambda f: f), gradients(lamina.remat)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    np.testing.assert_array_equal(state, again)


def test_results_that_are_inputs_and_inputs_that_nothing_uses():
    def f(a, b, c):
        return a, ops.square(a) + b

    for function in (f, lamina.remat(f)):
        a, b, c = (lamina.Tensor([float(v)], requires_grad=True) for v in (2, 3, 5))
        first, second = function(a, b, c)
        (ops.sum(first * 7.0) + ops.sum(second)).backward()
        assert a.grad.item() == 11.0
        assert b.grad.item() == 1.0
        assert c.grad is None or c.grad.item() == 0.0


def test_without_gradients_nothing_is_recorded():
    calls = []
    f = lamina.remat(lambda x: calls.append(1) or ops.square(x))
    with lamina.no_grad():
        assert not f(lamina.Tensor([2.0], requires_grad=True)).requires_grad
    assert f(lamina.Tensor([2.0])).item() == 4.0
    assert len(calls) == 2


def scoped(mode, **options):
    def make():
        with lamina.RematScope(mode, **options):
            inside = [layers.Dense(16, lambda x: ops.square(ops.tanh(x)), name="wide"), layers.Dense(4, name="narrow")]
        return lamina.Sequential([lamina.Input((8,)), *inside, layers.Dense(3, name="out")])

    return make


@pytest.mark.parametrize(
    ("make", "wide", "narrow"),
    [
        (scoped(None), 1, 1),
        (scoped("full"), 2, 2),
        (scoped("larger_than", output_size_threshold=50), 2, 1),
        (scoped("list_of_layers", layer_names=["narrow"]), 1, 2),
        (scoped("activations"), 1, 1),
    ],
)
def test_scopes_say_which_layers_are_recomputed(make, wide, narrow):
    losses, weights, _ = trained(scoped(None), None, False)
    again, found, model = trained(make, None, False)
    assert again == losses
    for a, b in zip(weights, found, strict=True):
        np.testing.assert_array_equal(a, b)
    assert operations(model).count("dense_forward") == wide + narrow + 1
    squares = 2 if wide == 2 or make.__closure__[0].cell_contents == "activations" else 1
    assert sum(name == "unary_forward" for name in operations(model)) == squares


def test_scopes_end_and_nest():
    with lamina.RematScope("full"):
        with lamina.RematScope(None):
            inner = layers.Dense(2)
        outer = layers.Dense(2)
    after = layers.Dense(2)
    assert (inner._remat_mode, after._remat_mode) == (None, None)
    assert outer._remat_mode.kind == "full"


@pytest.mark.parametrize("make", [stack, residual, transformer])
def test_the_option_is_kept(make, tmp_path):
    model = make(True)
    config = model.get_config()
    same = type(model).from_config(config)
    assert same.get_config() == config
    assert [layer.recompute for layer in same.layers] == [layer.recompute for layer in model.layers]
    assert any(layer.recompute for layer in copy.deepcopy(model).layers)
    model.save(tmp_path / "m.lamina")
    assert any(layer.recompute for layer in lamina.load_model(tmp_path / "m.lamina").layers)
    assert "recompute" not in layers.Dense(2).get_config()


def test_it_can_be_set_later():
    lamina.random.seed(1)
    model = stack(False)
    model.compile("sgd", lamina.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = np.ones((6, 8), "float32"), np.zeros(6, "int64")
    model.train_on_batch(x, y)
    model.layers[0].recompute = True
    model.train_on_batch(x, y)
    assert operations(model).count("dense_forward") == 5


def test_bad_uses_are_told():
    with pytest.raises(ValueError, match="unknown mode of RematScope 'ful'"):
        lamina.RematScope("ful")
    with pytest.raises(TypeError, match="remat: expected a function or a layer, got 3"):
        lamina.remat(3)
    block = lamina.Sequential([layers.Dense(4, activity_regularizer="l2")], recompute=True)
    model = lamina.Sequential([lamina.Input((4,)), layers.Dense(4), block])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="a layer inside adds losses, which recomputing would add again"):
        model.train_on_batch(np.ones((2, 4)), np.ones((2, 4)))
