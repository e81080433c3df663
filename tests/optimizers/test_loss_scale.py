"""LossScaleOptimizer: scaled losses, steps that are left out, state."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

import lamina
from lamina import Tensor, capture, layers, optimizers, reference
from lamina.optimizers import LossScaleOptimizer

rng = np.random.default_rng(0)
X = rng.standard_normal((24, 4)).astype(np.float32)
Y = rng.standard_normal((24, 2)).astype(np.float32)


def net():
    lamina.random.seed(0)
    return lamina.Sequential([layers.Input((4,)), layers.Dense(3, "tanh"), layers.Dense(2)])


def fitted(optimizer, x=X, eager=False, epochs=2):
    model = net()
    model.compile(optimizer, "mse", run_eagerly=eager)
    model.fit(x, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0)
    return model


INNER = [
    lambda: optimizers.SGD(0.1, momentum=0.9), lambda: optimizers.Adam(0.01, global_clipnorm=0.5),
    lambda: optimizers.AdamW(0.01, use_ema=True), lambda: optimizers.RMSprop(0.01, gradient_accumulation_steps=2),
    lambda: optimizers.Lamb(0.01), lambda: optimizers.Adafactor(0.01),
]  # fmt: skip


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("inner", INNER)
def test_training_is_the_inner_optimizers(inner, eager):
    """A power of two changes no digit of the gradients."""
    want = fitted(inner(), eager=eager)
    with warnings.catch_warnings():  # those without a native rule say that they run eagerly
        warnings.simplefilter("ignore", lamina.CaptureWarning)
        got = fitted(LossScaleOptimizer(inner(), 2.0**15, 4), eager=eager)
    for a, b in zip(got.get_weights(), want.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)
    assert int(got.optimizer.iterations) == int(want.optimizer.iterations)
    assert float(got.optimizer.dynamic_scale) == 2.0**16  # doubled after four of six steps
    assert float(got.optimizer.step_counter) == 2
    assert len(got.optimizer.variables) == len(want.optimizer.variables) + 2


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("inner", INNER)
def test_steps_that_are_not_finite_are_left_out(inner, eager):
    spoiled = np.concatenate([X[:8], np.full((8, 4), np.inf, np.float32), X[16:]])
    model = net()
    optimizer = LossScaleOptimizer(inner(), 8.0, 3)
    model.compile(optimizer, "mse", run_eagerly=eager)
    for at in (0, 8, 16):
        before = [w.copy() for w in model.get_weights()]
        state = optimizer.get_state() if at else {}
        x, y = Tensor(spoiled[at : at + 8]), Tensor(Y[at : at + 8])
        model.zero_grad()
        loss = lamina.losses.MeanSquaredError()(y, model(x, training=True))
        optimizer.build(model.trainable_weights)
        optimizer.scale_loss(loss).backward()
        optimizer.step()
        same = all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
        if at == 8:
            assert same
            after = optimizer.get_state()
            for name, value in state.items():
                if name != "loss_scale":
                    np.testing.assert_array_equal(after[name], value, err_msg=name)
    assert float(optimizer.dynamic_scale) == 4.0
    assert float(optimizer.step_counter) == 1
    assert np.isfinite(np.concatenate([w.ravel() for w in model.get_weights()])).all()


def test_captured_steps_are_left_out_too():
    w = Tensor(np.array([1.0, 2.0], np.float32), requires_grad=True)
    eager_w = Tensor(np.array([1.0, 2.0], np.float32), requires_grad=True)
    found = []
    for leaf, wrap in ((w, capture), (eager_w, lambda f: f)):
        optimizer = LossScaleOptimizer(optimizers.SGD(0.5), 4.0, 2)
        optimizer.build([leaf])

        def step(x, leaf=leaf, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (leaf * x).sum()
            optimizer.scale_loss(loss).backward()
            optimizer.step()
            return loss

        run = wrap(step)
        rows = []
        for x in (1.0, np.nan, 2.0, 3.0, np.inf, 1.0, 1.0, 1.0, 1.0):
            run(Tensor(np.array([x, 1.0], np.float32)))
            rows.append([*leaf.numpy(), float(optimizer.dynamic_scale), float(optimizer.step_counter)])
        found.append(np.array(rows))
        if wrap is capture:
            assert run.reason is None
    np.testing.assert_array_equal(*found)
    np.testing.assert_array_equal(found[0][:, 2], [4, 2, 2, 4, 2, 2, 4, 4, 8])
    np.testing.assert_array_equal(found[0][:, 0], [0.5, 0.5, -0.5, -2, -2, -2.5, -3, -3.5, -4])


def test_native_is_its_twin():
    for dtype in (np.float32, np.float64):
        for bad in (None, np.nan, np.inf, -np.inf):
            for place in (0, 7, 40):
                g = [rng.standard_normal(41).astype(dtype), rng.standard_normal((2, 3)).astype(dtype)]
                if bad is not None:
                    g[0][place] = bad
                results = []
                for module in (lamina._native, reference):
                    out = [np.zeros_like(a) for a in g]
                    on, due, state = np.ones(2, np.bool_), np.ones(1, np.bool_), np.array([24.0, 4.0])
                    group = module.ParameterGroup(out, g, [], on, on, np.ones(1), np.zeros(1, np.int64), None, due)
                    module.unscale_gradients(group, state, 5)
                    results.append([*out, due.copy(), state])
                for a, b in zip(*results, strict=True):
                    np.testing.assert_array_equal(a, b)
                assert results[0][2][0] == (bad is None)
                np.testing.assert_array_equal(results[0][3], [48, 0] if bad is None else [12, 0])


def test_gradients_stay_as_backward_made_them():
    w = Tensor(np.ones(3, np.float32), requires_grad=True)
    optimizer = LossScaleOptimizer(optimizers.SGD(1.0), 16.0)
    optimizer.build([w])
    optimizer.scale_loss(w.sum()).backward()
    optimizer.step()
    np.testing.assert_array_equal(w.grad, np.full(3, 16))
    np.testing.assert_array_equal(w, np.zeros(3))
    optimizer.apply([np.full(3, 32, np.float32)])
    np.testing.assert_array_equal(w, np.full(3, -2))


def test_state_is_saved_and_copied(tmp_path):
    model = fitted(LossScaleOptimizer(optimizers.Adam(0.01), 2.0**10, 4))
    model.save(tmp_path / "m.lamina")
    again, other = lamina.load_model(tmp_path / "m.lamina"), copy.deepcopy(model)
    assert float(again.optimizer.dynamic_scale) == 2.0**11
    assert repr(again.optimizer) == repr(model.optimizer)
    for m in (model, again, other):
        m.fit(X, Y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    for a, b, c in zip(model.get_weights(), again.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    state = model.optimizer.get_state()
    with pytest.raises(ValueError, match="missing 'loss_scale'"):
        model.optimizer.set_state({k: v for k, v in state.items() if k != "loss_scale"})
    with pytest.raises(ValueError, match="the scale nan and its 0"):
        model.optimizer.set_state({**state, "loss_scale": np.array([np.nan, 0])})
    for scale, steps in ((3.0, 1.0), (1e-9, 0.0), (5.0, 2.0**53 - 1)):
        model.optimizer.set_state({**state, "loss_scale": np.array([scale, steps])})
        assert float(model.optimizer.dynamic_scale) == scale
    for damaged in ([0, 0], [np.inf, 0], [1, -1], [1, 2.0**53]):
        with pytest.raises(ValueError, match="steps are damaged"):
            model.optimizer.set_state({**state, "loss_scale": np.array(damaged)})


def test_rate_and_messages():
    inner = optimizers.SGD(0.25, loss_scale_factor=4)
    optimizer = LossScaleOptimizer(inner, name="scaled")
    assert inner.loss_scale_factor is None
    assert float(optimizer.learning_rate) == 0.25
    optimizer.learning_rate = 0.5
    assert float(inner.learning_rate) == 0.5
    again = optimizers.get(optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
    assert again.name == "scaled"
    assert LossScaleOptimizer(optimizers.SGD(), 1e-9, 1).dynamic_growth_steps == 1
    for options, error, message in (
        ({"inner_optimizer": "adam"}, TypeError, "inner_optimizer must be an optimizer of another kind, got 'adam'"),
        ({"inner_optimizer": optimizer}, TypeError, "must be an optimizer of another kind"),
        ({"initial_scale": 0}, ValueError, "initial_scale must be positive and finite, got 0"),
        ({"dynamic_growth_steps": 0}, ValueError, "dynamic_growth_steps must be an integer from 1, got 0"),
        ({"clipnorm": 1.0}, ValueError, "clipnorm is no option of it; give it to the inner optimizer"),
    ):
        with pytest.raises(error, match=message):
            LossScaleOptimizer(**{"inner_optimizer": optimizers.SGD(), **options})
