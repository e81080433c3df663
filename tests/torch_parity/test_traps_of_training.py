"""Where losses, optimizers and training of one name differ between Lamina (as Keras) and PyTorch.

The numbers of the tests count the semantic traps of moving code or weights from one library to another.
"""

from __future__ import annotations

import numpy as np
import pytest

import lamina

HALVES = np.array([[0.25, 0.75]], "f4")


def test_36_cross_entropy_takes_probabilities(told):
    """-log 0.75; PyTorch takes logits, and so do both with ``from_logits``."""
    told(
        like_keras=(lambda k: k.losses.SparseCategoricalCrossentropy()(np.array([1]), HALVES), 0.287682),
        torch=(lambda t: t.nn.CrossEntropyLoss()(t.tensor(HALVES), t.tensor([1])), 0.474077),
    )


def test_36_cross_entropy_from_logits(told):
    told(
        like_keras=(
            lambda k: k.losses.SparseCategoricalCrossentropy(from_logits=True)(np.array([1]), 2 * HALVES),
            0.313262,
        ),
        torch=(lambda t: t.nn.CrossEntropyLoss()(t.tensor(2 * HALVES), t.tensor([1])), 0.313262),
    )


def test_36_probabilities_taken_for_logits_are_told():
    loss = lamina.losses.SparseCategoricalCrossentropy(from_logits=True)
    with pytest.warns(UserWarning, match="they are probabilities already"):
        assert loss(np.array([1]), HALVES).item() == pytest.approx(0.474077)


LOGITS = np.array([[0, 0], [0, 0], [0, np.log(3)]], "f4")  # losses log 2, log 2, and log 4 for class 0


def test_37_weights_are_divided_by_the_count(told):
    """(1 log 2 + 1 log 2 + 4 log 4) / 3; PyTorch divides by the sum of the weights, 6."""
    y = np.array([1, 1, 0])
    told(
        like_keras=(
            lambda k: k.losses.SparseCategoricalCrossentropy(from_logits=True)(
                y, LOGITS, sample_weight=np.array([1, 1, 4], "f4")
            ),
            10 * np.log(2) / 3,
        ),
        torch=(
            lambda t: t.nn.CrossEntropyLoss(weight=t.tensor([4.0, 1.0]))(t.tensor(LOGITS), t.tensor(y)),
            10 * np.log(2) / 6,
        ),
    )


def test_37_class_weights_of_fit(told):
    def losses(k):
        model = k.Sequential([k.layers.Input((2,)), k.layers.Dense(2, kernel_initializer="identity")])
        model.compile(k.optimizers.SGD(0.0), k.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model.fit(LOGITS, np.array([1, 1, 0]), class_weight={0: 4.0, 1: 1.0}, verbose=0).history["loss"]

    told(like_keras=(losses, [10 * np.log(2) / 3]))


def test_38_class_that_is_ignored_has_to_be_named(told):
    """PyTorch ignores -100 by itself; both leave it out of the mean."""
    y = np.array([1, -100, 0])
    told(
        like_keras=(
            lambda k: k.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-100)(y, LOGITS),
            1.5 * np.log(2),
        ),
        torch=(lambda t: t.nn.CrossEntropyLoss()(t.tensor(LOGITS), t.tensor(y)), 1.5 * np.log(2)),
    )


def test_38_unnamed_it_is_an_error():
    with pytest.raises((IndexError, ValueError), match="-100"):
        lamina.losses.SparseCategoricalCrossentropy(from_logits=True)(np.array([1, -100, 0]), LOGITS)


def moved(optimizer, gradients, start=0.0):
    """Where a weight is after the optimizer's steps with these gradients."""

    def of_library(k):
        w = k.Variable(np.array([start], "f4")) if hasattr(k, "Variable") else k.layers.Variable([start])
        o = optimizer(k)
        o.build([w])
        for g in gradients:
            o.apply([k.ops.convert_to_tensor(np.array([g], "f4"))], [w])
        return k.ops.convert_to_numpy(w)

    return of_library


def moved_in_torch(optimizer, gradients, start=0.0, rates=()):
    def of_library(torch):
        w = torch.tensor([start], requires_grad=True)
        o = optimizer(torch, [w])
        for i, g in enumerate(gradients):
            if rates:
                o.param_groups[0]["lr"] = rates[i]
            w.grad = torch.tensor([g])
            o.step()
        return w

    return of_library


def test_39_epsilon_of_adam(told):
    """0.001 g / (g + epsilon / sqrt(0.001)), epsilon 1e-7; PyTorch's 1e-8 stands beside the corrected root."""
    told(
        like_keras=(moved(lambda k: k.optimizers.Adam(1.0), [1e-6]), [-0.240253]),
        torch=(moved_in_torch(lambda t, w: t.optim.Adam(w, 1.0), [1e-6]), [-0.990099]),
        rtol=2e-4,
    )


def test_40_weight_decay_of_adam_is_decoupled(told):
    """1 - 0.01 * 0.1; PyTorch adds the decay to the gradient, which Adam makes a whole step."""
    told(
        like_keras=(moved(lambda k: k.optimizers.Adam(0.01, weight_decay=0.1), [0.0], 1.0), [0.999]),
        torch=(moved_in_torch(lambda t, w: t.optim.Adam(w, 0.01, weight_decay=0.1), [0.0], 1.0), [0.99]),
    )


def test_40_default_weight_decay_of_adamw(told):
    told(
        like_keras=(lambda k: k.optimizers.AdamW().weight_decay, 0.004),
        torch=(lambda t: t.optim.AdamW([t.zeros(1)]).defaults["weight_decay"], 0.01),
    )


def test_41_rmsprop(told):
    """Rate 0.001, rho 0.9, epsilon inside of the root: 1e-6 / sqrt(2e-7); PyTorch 0.01, 0.99, outside."""
    told(
        like_keras=(moved(lambda k: k.optimizers.RMSprop(), [1e-3]), [-0.00223607]),
        torch=(moved_in_torch(lambda t, w: t.optim.RMSprop(w), [1e-3]), [-0.09999]),
    )


def test_42_adagrad(told):
    """Sums begin at 0.1, 0.001 / sqrt(1.1); PyTorch's at 0, 0.01 / sqrt(1)."""
    told(
        like_keras=(moved(lambda k: k.optimizers.Adagrad(), [1.0]), [-0.000953463]),
        torch=(moved_in_torch(lambda t, w: t.optim.Adagrad(w), [1.0]), [-0.01]),
    )


def test_43_rate_goes_into_the_momentum(told):
    """Rates 1 and 0.1: -1 - (0.9 * 1 + 0.1); PyTorch -1 - 0.1 * (0.9 + 1)."""
    told(
        like_keras=(
            moved(
                lambda k: k.optimizers.SGD(
                    k.optimizers.schedules.PiecewiseConstantDecay([0], [1.0, 0.1]), momentum=0.9
                ),
                [1.0, 1.0],
            ),
            [-2.0],
        ),
        torch=(
            moved_in_torch(lambda t, w: t.optim.SGD(w, 1.0, momentum=0.9), [1.0, 1.0], rates=(1.0, 0.1)),
            [-1.19],
        ),
    )


def clipped(**option):
    """Two weights after a step of rate 1 with gradients 3 and 4."""

    def of_library(k):
        weights = [k.Variable(np.zeros(1, "f4")) for _ in range(2)]
        optimizer = k.optimizers.SGD(1.0, **option)
        optimizer.build(weights)
        optimizer.apply([k.ops.convert_to_tensor(np.array([g], "f4")) for g in (3, 4)], weights)
        return [float(k.ops.convert_to_numpy(w)[0]) for w in weights]

    return of_library


def test_44_clipnorm_is_of_each_weight(told):
    """Each gradient is made 1 long; PyTorch clips all as one vector of length 5."""

    def theirs(torch):
        weights = [torch.zeros(1, requires_grad=True) for _ in range(2)]
        for w, g in zip(weights, (3.0, 4.0), strict=True):
            w.grad = torch.tensor([g])
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        torch.optim.SGD(weights, 1.0).step()
        return torch.cat(weights)

    told(like_keras=(clipped(clipnorm=1.0), [-1, -1]), torch=(theirs, [-0.6, -0.8]))


def test_44_global_clipnorm_is_of_all(told):
    told(like_keras=(clipped(global_clipnorm=1.0), [-0.6, -0.8]))


@pytest.mark.parametrize(("restored", "kept"), [({}, 4.0), ({"restore_best_weights": True}, 1.0)])
def test_45_early_stopping_keeps_the_last_weights(told, restored, kept):
    """Each step adds 1 to a weight that should be 1: the third without a gain is the last."""

    def last(k):
        dense = k.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        model = k.Sequential([k.layers.Input((1,)), dense])
        model.compile(k.optimizers.SGD(0.5), lambda y, p: -2 * p)
        one = np.ones((1, 1), "f4")
        stop = k.callbacks.EarlyStopping(monitor="away", mode="min", patience=3, **restored)

        class Away(k.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                logs["away"] = abs(float(dense.get_weights()[0][0, 0]) - 1)

        model.fit(one, one, epochs=9, verbose=0, callbacks=[Away(), stop])
        return dense.get_weights()[0][0, 0]

    told(like_keras=(last, kept))
