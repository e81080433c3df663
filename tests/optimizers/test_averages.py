"""Running means of weights (use_ema, SwapEMAWeights), loss_scale_factor, and constraints behind the update."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import callbacks, constraints, layers, optimizers

rng = np.random.default_rng(0)
X = rng.standard_normal((24, 4)).astype(np.float32)
Y = rng.standard_normal((24, 2)).astype(np.float32)


def net(**options):
    lamina.random.seed(0)
    return lamina.Sequential([layers.Input((4,)), layers.Dense(3, "tanh", **options), layers.Dense(2)])


def weights_after_each_step(optimizer, steps=5, eager=False, **options):
    """The weights of a network behind each of so many steps, and the model."""
    model = net(**options)
    model.compile(optimizer, "mse", run_eagerly=eager)
    seen = []
    for i in range(steps):
        model.train_on_batch(X[4 * i : 4 * i + 4], Y[4 * i : 4 * i + 4])
        seen.append([w.copy() for w in model.get_weights()])
    return seen, model


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("name", ["SGD", "Adam", "Lamb"])
def test_running_means_follow_the_weights(name, eager):
    make = getattr(optimizers, name)
    seen, _ = weights_after_each_step(make(0.05))
    optimizer = make(0.05, use_ema=True, ema_momentum=0.8)
    got, model = weights_after_each_step(optimizer, eager=eager)
    for a, b in zip(got[-1], seen[-1], strict=True):
        np.testing.assert_array_equal(a, b)  # training itself is what it was
    want = seen[0]
    for step in seen[1:]:
        want = [np.float32(0.8) * m + np.float32(0.2) * w for m, w in zip(want, step, strict=True)]
    for mean, expected in zip(optimizer._averages.means, want, strict=True):
        np.testing.assert_allclose(mean, expected, rtol=2e-6, atol=1e-7)
    optimizer.finalize_variable_values(model.trainable_weights)
    for w, expected in zip(model.get_weights(), want, strict=True):
        np.testing.assert_allclose(w, expected, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("eager", [False, True])
def test_weights_become_their_means_each_so_many_steps(eager):
    optimizer = optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2)
    seen, _ = weights_after_each_step(optimizer, 4, eager)
    for w, mean in zip(seen[3], optimizer._averages.means, strict=True):
        np.testing.assert_array_equal(w, mean)
    plain, _ = weights_after_each_step(optimizers.SGD(0.05), 2)
    halves = [(a + b) / 2 for a, b in zip(*plain, strict=True)]
    for w, expected in zip(seen[1], halves, strict=True):
        np.testing.assert_allclose(w, expected, rtol=1e-6, atol=1e-7)


def test_fit_ends_with_the_means_and_state_is_saved(tmp_path):
    model = net()
    model.compile(optimizers.Adam(0.01, use_ema=True), "mse")
    model.fit(X, Y, epochs=2, batch_size=8, verbose=0)
    for w, mean in zip(model.get_weights(), model.optimizer._averages.means, strict=True):
        np.testing.assert_array_equal(w, mean)
    model.save(tmp_path / "m.lamina")
    again = lamina.load_model(tmp_path / "m.lamina")
    for mean, kept in zip(again.optimizer._averages.means, model.optimizer._averages.means, strict=True):
        np.testing.assert_array_equal(mean, kept)
    for m in (model, again):
        m.fit(X, Y, epochs=1, batch_size=8, verbose=0, shuffle=False)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_swap_evaluates_the_means(swap_on_epoch):
    class Look(callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.evaluated, self.trained, self.at_epoch_end = [], [], []

        def on_test_batch_end(self, batch, logs=None):
            self.evaluated.append(self.model.get_weights()[0].copy())

        def on_train_batch_end(self, batch, logs=None):
            self.trained.append(self.model.get_weights()[0].copy())

        def on_epoch_end(self, epoch, logs=None):
            self.at_epoch_end.append(self.model.get_weights()[0].copy())

    model, look = net(), Look()
    model.compile(optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5), "mse")
    swap = callbacks.SwapEMAWeights(swap_on_epoch)
    model.fit(X, Y, batch_size=24, epochs=3, validation_data=(X, Y), verbose=0, callbacks=[swap, look])
    mean = look.trained[0]
    for i, w in enumerate(look.trained):
        mean = mean if i == 0 else 0.5 * mean + 0.5 * w
        np.testing.assert_allclose(look.evaluated[i], mean, rtol=1e-6)
        np.testing.assert_allclose(look.at_epoch_end[i], mean if swap_on_epoch else w, rtol=1e-6)
    np.testing.assert_allclose(model.get_weights()[0], mean, rtol=1e-6)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="SwapEMAWeights: the optimizer keeps no running means"):
        model.evaluate(X, Y, verbose=0, callbacks=[swap])


@pytest.mark.parametrize("call", ["evaluate", "predict"])
def test_means_are_swapped_in_for_a_call_and_out_again(call):
    """Of evaluate and predict alone, which leave the weights as they were."""

    class Look(callbacks.Callback):
        seen = None

        def on_test_batch_begin(self, batch, logs=None):
            self.seen = self.model.get_weights()

        on_predict_batch_begin = on_test_batch_begin

    model, look = net(), Look()
    model.compile(optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5), "mse")
    for _ in range(3):
        model.train_on_batch(X, Y)
    before = model.get_weights()
    given = (X, Y) if call == "evaluate" else (X,)
    getattr(model, call)(*given, verbose=0, callbacks=[callbacks.SwapEMAWeights(), look])
    for seen, w, after in zip(look.seen, before, model.get_weights(), strict=True):
        assert not np.array_equal(seen, w)
        np.testing.assert_array_equal(after, w)


def test_an_interrupted_fit_keeps_the_weights_of_training():
    class Stops(callbacks.Callback):
        last = None

        def on_train_batch_end(self, batch, logs=None):
            self.last = self.model.get_weights()

        def on_test_begin(self, logs=None):
            raise KeyboardInterrupt

    model, stops = net(), Stops()
    model.compile(optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5), "mse")
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=16, validation_data=(X, Y), verbose=0,
                  callbacks=[callbacks.SwapEMAWeights(), stops])  # fmt: skip
    for now, last in zip(model.get_weights(), stops.last, strict=True):
        np.testing.assert_array_equal(now, last)


@pytest.mark.parametrize("limit", [{}, {"clipnorm": 0.01}, {"global_clipnorm": 0.01}, {"clipvalue": 0.001}], ids=str)
@pytest.mark.parametrize("name", ["SGD", "Adam", "Lamb"])
def test_scaled_losses_train_alike(name, limit):
    make = getattr(optimizers, name)
    plain, _ = weights_after_each_step(make(0.01, **limit))
    scaled, _ = weights_after_each_step(make(0.01, loss_scale_factor=1024.0, **limit))
    for a, b in zip(plain[-1], scaled[-1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert float(make(loss_scale_factor=8.0).scale_loss(lamina.Tensor(2.0))) == 16.0


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("name", ["SGD", "Adam", "Muon"])
def test_constraints_hold_after_each_step(name, eager):
    optimizer = getattr(optimizers, name)(0.5)
    options = {"kernel_constraint": constraints.MaxNorm(0.3), "bias_constraint": "non_neg"}
    seen, model = weights_after_each_step(optimizer, eager=eager, **options)
    for kernel, bias, *_ in seen:
        assert np.linalg.norm(kernel, axis=0).max() <= 0.3 * (1 + 1e-6)
        assert bias.min() >= 0
    free, _ = weights_after_each_step(getattr(optimizers, name)(0.5), eager=eager)
    assert np.linalg.norm(free[-1][0], axis=0).max() > 0.4
    again = layers.Dense.from_config(model.layers[0].get_config())
    assert again.kernel_constraint.max_value == 0.3
    assert isinstance(again.bias_constraint, constraints.NonNeg)


def test_a_constraint_set_later_counts():
    model = net()
    model.compile(optimizers.SGD(0.1), "mse")
    model.train_on_batch(X, Y)
    model.layers[0].kernel.constraint = lambda w: w * 0.0
    model.train_on_batch(X, Y)
    assert not model.layers[0].kernel.numpy().any()
    model.layers[0].kernel.constraint = lamina.ops.sum
    with pytest.raises(ValueError, match=r"the constraint of .*kernel gave .*, expected a tensor of shape \(4, 3\)"):
        model.train_on_batch(X, Y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ema_momentum": 1.5}, "ema_momentum must be between 0 and 1, got 1.5"),
        ({"ema_overwrite_frequency": 0}, "ema_overwrite_frequency must be an integer >= 1 or None, got 0"),
        ({"loss_scale_factor": 0.0}, "loss_scale_factor must be positive and finite, got 0.0"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        optimizers.SGD(**options)
