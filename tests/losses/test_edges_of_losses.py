"""Losses at the edges of their options and their formulas: the last value that is right, the first that is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Tensor, losses

Y, P = np.array([[0.0, 1.0, 0.0]]), np.array([[0.2, 0.5, 0.3]])
X = np.array([[0.0, 0.0], [0.0, 1.0], [3.0, 4.0], [0.0, 2.0]])

# (function, its other arguments, option, values that are still right, values that are wrong)
RANGES = [
    ("binary_focal_crossentropy", (Y, P), "gamma", [0.0, 1e-9], [-1e-9]),
    ("categorical_focal_crossentropy", (Y, P), "gamma", [0.0, 1e-9], [-1e-9]),
    ("categorical_focal_crossentropy", (Y, P), "alpha", [0.5, [0.5], [0.5, 1, 2]], [[1.0, 2.0], [[1.0, 2, 3]]]),
    ("categorical_generalized_cross_entropy", ([1], P), "q", [1e-9, 1 - 1e-9], [0, 1, -1e-9, 1 + 1e-9]),
    ("info_nce", ([0, 0, 1, 1], X + 1), "temperature", [1e-9, 2], [0, -1e-9]),
    ("gaussian_nll", ([[1.0]], [[1.0, 1.0]]), "eps", [1e-30, 2], [0, -1e-9]),
    ("quantile", (Y, P), "quantile", [1e-9, 1 - 1e-9], [0.0, 1.0, -1e-9, 1 + 1e-9]),
    ("multi_margin", ([1], P), "p", [1, 2], [0, 3, 1.5]),
    ("categorical_crossentropy", (Y, P), "axis", [1, -1, 0, -2], [2, -3]),
    ("sparse_categorical_crossentropy", ([1], P), "axis", [1, -1], [2, -3]),
    ("triplet", ([0, 0, 1, 1], X), "mining", ["all", "semi_hard", "hard"], ["none", ""]),
    ("triplet", ([0, 0, 1, 1], X + 1), "distance", ["l2", "squared_l2", "cosine"], ["l1", ""]),
]


@pytest.mark.parametrize(("name", "given", "option", "right", "wrong"), RANGES)
def test_an_option_at_both_ends_of_its_range(name, given, option, right, wrong):
    function = getattr(losses, name)
    for value in right:
        assert np.isfinite(function(*given, **{option: value}).numpy()).all()
    for value in wrong:
        with pytest.raises(ValueError, match=option):
            function(*given, **{option: value})


@pytest.mark.parametrize(("name", "least", "most"), [("InfoNCE", 0, None), ("Quantile", 0, 1), ("MultiMargin", 0, 3)])
def test_constructors_look_at_the_same_ends(name, least, most):
    """What its function refuses, a class refuses when it is made."""
    option, step = {"InfoNCE": ("temperature", 1e-9), "Quantile": ("quantile", 1e-9), "MultiMargin": ("p", 1)}[name]
    for end, side in ((least, 1), (most, -1)):
        if end is not None:
            getattr(losses, name)(**{option: end + side * step})
            with pytest.raises(ValueError, match=option):
                getattr(losses, name)(**{option: end})


def test_what_is_too_small_counts_as_a_ten_millionth():
    """Keras's epsilon, 1e-7, in each formula that divides or takes a logarithm."""
    e = 1e-7
    small = np.array([[0.0, 2e-8]])
    ones = np.ones((1, 2))
    close = {"rtol": 1e-9}
    np.testing.assert_allclose(losses.mean_absolute_percentage_error(small, small + 1), [100 / e], **close)
    np.testing.assert_allclose(losses.mean_absolute_percentage_error(-ones, ones), [200], **close)
    wanted = (np.log1p(1.0) - np.log1p(e)) ** 2
    np.testing.assert_allclose(losses.mean_squared_logarithmic_error(small, ones), [wanted], **close)
    np.testing.assert_allclose(losses.mean_squared_logarithmic_error(ones, -small), [wanted], **close)
    np.testing.assert_allclose(losses.kl_divergence(small, ones), [2 * e * np.log(e)], **close)
    np.testing.assert_allclose(losses.kl_divergence(ones, small), [2 * np.log(1 / e)], **close)
    np.testing.assert_allclose(losses.poisson(ones, 0 * ones), [-np.log(e)], **close)
    np.testing.assert_allclose(losses.dice(0 * ones, 0 * ones), 1.0, **close)
    np.testing.assert_allclose(losses.dice(e * ones, e * ones), 1 - 4 * e * e / (4 * e + e), **close)
    np.testing.assert_allclose(losses.tversky(e * ones, ones), 1 - 2 * e / (e + 2 * e + 0.5 * (2 - 2 * e)), **close)
    for wrong, right in ((1.0, 0.0), (0.0, 1.0)):
        np.testing.assert_allclose(losses.binary_crossentropy([[right]], np.array([[wrong]])), [-np.log(e)], **close)
        np.testing.assert_allclose(
            losses.categorical_focal_crossentropy([[right, wrong]], np.array([[wrong, right]]), 1.0, 1.0),
            [-(1 - e) * np.log(e)],
            **close,
        )
    zero = np.zeros((1, 2, 3))
    np.testing.assert_allclose(losses.cosine_embedding([1], zero), [1.0], **close)  # no direction, no likeness


def test_huber_and_margins_at_their_corners():
    for delta in (0.5, 1.0, 2.0):
        for e in (0.0, 0.999 * delta, delta, 1.001 * delta, 3 * delta):
            wanted = e * e / 2 if e <= delta else delta * e - delta * delta / 2
            for sign in (-1, 1):
                np.testing.assert_allclose(losses.huber(np.array([[sign * e]]), np.zeros((1, 1)), delta), [wanted])
    for label, score, wanted in ((1, 1.0, 0), (1, 0.5, 0.5), (0, -1.0, 0), (0, -0.5, 0.5), (-1, 1.0, 2), (1, 2.0, 0)):
        np.testing.assert_allclose(losses.hinge([[label]], [[score]]), [wanted])
        np.testing.assert_allclose(losses.squared_hinge([[label]], [[score]]), [wanted**2])
    for scores, wanted in (([2.0, 1.0, 0.0], 0), ([1.0, 1.0, 0.0], 1), ([0.0, 0.5, 2.0], 3), ([-1.0, -3, -3], 2)):
        # the wrong scores are (1 - y) x, so that the right class has a score of 0 among them, as in Keras
        np.testing.assert_allclose(losses.categorical_hinge([[1.0, 0, 0]], [scores]), [wanted])


@pytest.mark.parametrize("mining", ["all", "semi_hard", "hard"])
def test_triplets_of_equal_distances(mining):
    """Anchor 0 has its own at 1, others at 1, 2 and 5: "farther" does not hold at 1, a loss of 0 does not count."""
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 2.0], [3.0, 4.0]])
    labels = np.array([0, 0, 1, 1, 1])
    for margin, wanted in (
        (1.0, {"all": 1.0, "semi_hard": 0.0, "hard": 1.0}),
        (2.0, {"all": 1.5, "semi_hard": 1.0, "hard": 2.0}),
        (4.5, {"all": (4.5 + 3.5 + 0.5) / 3, "semi_hard": 3.5, "hard": 4.5}),
    ):
        assert losses.triplet(labels, x, margin, mining).numpy()[0] == pytest.approx(wanted[mining])


def test_circle_with_references():
    """Each embedding against given ones; the i-th of both is left out unless it is asked for."""
    rng = np.random.default_rng(0)
    x, others = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in rng.standard_normal((2, 4, 3)))
    labels, of_others = np.array([0, 1, 1, 0]), np.array([0, 0, 1, 1])
    for gamma, margin, removed in ((3.0, 0.2, True), (3.0, 0.2, False), (80.0, 0.4, True)):
        wanted = []
        for i in range(4):
            near = far = 0.0
            for j in range(4):
                d = 1 - x[i] @ others[j]
                if labels[i] != of_others[j]:
                    far += np.exp(gamma * max(1 + margin - d, 0) * (1 - margin - d))
                elif not removed or i != j:
                    near += np.exp(gamma * (d + margin) * (d - margin))
            wanted.append(np.log1p(near * far))
        options = {} if gamma == 80 else {"gamma": gamma, "margin": margin, "remove_diagonal": removed}
        np.testing.assert_allclose(losses.circle(labels, x, of_others, others, **options), wanted, rtol=1e-9)


def test_weights_of_the_focal_losses():
    """Lin et al. 2017: alpha for the answer yes, 1 - alpha for no; (1 - p_t)^gamma; 1/4 and 2 unless they are given."""
    p, t = np.array([[0.9, 0.2]]), np.array([[1.0, 0.0]])
    right = np.array([0.9, 0.8])
    each = -((1 - right) ** 2) * np.log(right)
    np.testing.assert_allclose(losses.binary_focal_crossentropy(t, p), [each.mean()])
    balanced = [(0.25 * each[0] + 0.75 * each[1]) / 2]
    np.testing.assert_allclose(losses.binary_focal_crossentropy(t, p, True), balanced)
    np.testing.assert_allclose(losses.categorical_focal_crossentropy(Y, P), [-0.25 * 0.25 * np.log(0.5)])
    smoothed = 0.9 * Y + 0.1 / 3
    wanted = -(0.25 * (1 - P) ** 2 * smoothed * np.log(P)).sum(-1)
    np.testing.assert_allclose(losses.categorical_focal_crossentropy(Y, P, label_smoothing=0.1), wanted)
    logits = np.log(P)
    np.testing.assert_allclose(
        losses.categorical_focal_crossentropy(Y, 1 + logits, label_smoothing=0.1, from_logits=True), wanted
    )


def test_a_margin_is_kept_by_default():
    """The margins of the literature: 1 for distances, 0 for cosines and orders."""
    np.testing.assert_allclose(losses.contrastive([[0], [0], [1]], [[0.75], [1.0], [3.0]]), [0.0625, 0, 9])
    np.testing.assert_allclose(losses.hinge_embedding([[-1], [1]], [[0.75], [0.75]]), [0.25, 0.75])
    np.testing.assert_allclose(losses.margin_ranking([1, 1], [[1.0, 1.0], [1.0, 2.0]]), [0, 1])
    np.testing.assert_allclose(losses.multi_margin([0], [[0.5, 0.0]]), [0.25])
    np.testing.assert_allclose(losses.cosine_embedding([-1], [[[1.0, 0], [1.0, 1.0]]]), [0.5**0.5])
    np.testing.assert_allclose(losses.triplet([0, 0, 1], [[0.0], [1.0], [1.5]]).numpy()[0], 0.5)
    wanted = [np.log(1 + np.exp(-10)), 0]
    np.testing.assert_allclose(losses.info_nce([0, 0, 1], np.array([[1.0, 0], [1, 0], [0, 1]])).numpy()[[0, 2]], wanted)


@pytest.mark.parametrize("q", [0.25, 0.7])
def test_generalized_losses_of_small_probabilities(q):
    """(1 - p^q) / q and its slope -p^(q - 1) down to where p is 0, whose slope is taken as 0."""
    small = np.array([1e-30, 1e-12, 1e-6, 5e-4, 2e-3, 1.0])
    p = Tensor(np.stack([1 - small, small], 1), requires_grad=True)
    y = losses.categorical_generalized_cross_entropy(np.ones(6, int), p, q)
    np.testing.assert_allclose(y, (1 - small**q) / q)
    y.sum().backward()
    np.testing.assert_allclose(p.grad.numpy()[:, 1], -(small ** (q - 1)))
    zero = Tensor(np.array([[1.0, 0.0]]), requires_grad=True)
    losses.categorical_generalized_cross_entropy([1], zero, q).sum().backward()
    assert not zero.grad.numpy().any()


def test_smoothed_targets_by_their_definition():
    """t (1 - s) + s / classes, of two classes for answers of yes and no."""
    for s in (0.0, 0.1, 0.5):
        t = Y * (1 - s) + s / 3
        for name in ("categorical_crossentropy", "categorical_focal_crossentropy"):
            function = getattr(losses, name)
            np.testing.assert_allclose(function(Y, P, label_smoothing=s), function(t, P))
        t = Y * (1 - s) + s / 2
        for name in ("binary_crossentropy", "binary_focal_crossentropy"):
            function = getattr(losses, name)
            np.testing.assert_allclose(function(Y, P, label_smoothing=s), function(t, P))
