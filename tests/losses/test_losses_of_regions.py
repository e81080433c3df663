"""Dice and Tversky: closed values, one number or one for each image, what weights and masks leave out, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import losses
from lamina.core.autograd import Tensor
from lamina.core.masked_tensor import attach
from lamina.testing import check_gradients

T = np.array([[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
P = np.array([[0.5, 1.0, 0.5, 0.0], [0.0, 1.0, 0.0, 0.0]])


def test_values():
    np.testing.assert_allclose(losses.dice(T, P, axis=1), [1 - 3 / 4, 1.0], rtol=1e-6)
    assert float(losses.Dice()(T, P)) == pytest.approx(1 - 3 / 6)
    assert float(losses.Dice(axis=1)(T, P)) == pytest.approx(0.625)
    np.testing.assert_allclose(losses.tversky(T, P, 0.2, 0.8, axis=1), [1 - 1.5 / (1.5 + 0.1 + 0.4), 1.0], rtol=1e-6)
    np.testing.assert_allclose(losses.tversky(T, P, axis=[1]), losses.dice(T, P, axis=[1]), rtol=1e-6)
    assert float(losses.Dice()(T * 0, P * 0)) == 1.0
    assert float(losses.Dice()(T, T)) == pytest.approx(0.0, abs=1e-6)


def test_gradients():
    for f in (losses.dice, losses.tversky):
        for axis in (None, 1):
            check_gradients(lambda t, p, f=f, axis=axis: f(t, p, axis=axis), T, P)


@pytest.mark.parametrize("kind", [losses.Dice, losses.Tversky])
def test_what_a_mask_leaves_out_belongs_to_neither_region(kind):
    mask = np.array([[True, True, False, True], [True, True, True, False]])
    t, p = T.copy(), P.copy()
    t[~mask] = p[~mask] = np.nan
    y_pred = Tensor(p, requires_grad=True)
    loss = kind()(t, attach(y_pred, Tensor(mask)))
    loss.backward()
    assert float(loss) == pytest.approx(float(kind()(T * mask, P * mask)))
    assert np.isfinite(y_pred.grad.numpy()).all()
    weighted = kind(axis=1, reduction="none")(T, np.array([P[0], [np.nan] * 4]), np.array([2.0, 0.0]))
    np.testing.assert_allclose(weighted, [2 * float(kind()(T[:1], P[:1])), 0.0])


def test_bad_input():
    with pytest.raises(ValueError, match=r"dice: y_true is \(1, 4\), y_pred \(2, 4\)"):
        losses.Dice()(T[:1], P)
    with pytest.raises(ValueError, match="sample_weight has shape"):
        losses.Dice()(T, P, np.ones(2))
    with pytest.raises(ValueError, match="axis"):
        losses.Tversky(axis=2)(T, P)
