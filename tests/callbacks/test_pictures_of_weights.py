"""How TensorBoard's pictures of weights are laid out: as Keras has them, from 0 to 1."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.callbacks.tensorboard import _as_images


def scaled(x):
    return (x - x.min()) / (x.max() - x.min())


RNG = np.random.default_rng(0)
ROW, WIDE, TALL = RNG.random(5), RNG.random((3, 4)), RNG.random((4, 3))
KERNELS, IMAGES = RNG.random((3, 2, 5)), RNG.random((5, 3, 2, 4))


@pytest.mark.parametrize(
    ("weight", "wanted"),
    [
        (ROW, ROW[None, :, None, None]),  # one pixel a row
        (ROW[None], ROW[None, :, None, None]),
        (WIDE, WIDE[None, :, :, None]),
        (TALL, TALL.T[None, :, :, None]),  # wider than high
        (WIDE[:, :3], WIDE[None, :, :3, None]),
        (WIDE[:, None, :, None], WIDE[None, :, :, None]),
        (KERNELS, KERNELS.transpose(2, 0, 1)[..., None]),  # one a filter
        (IMAGES, IMAGES),
        (IMAGES[..., :3], IMAGES[..., :3]),
    ],
)
def test_weights_as_pictures(weight, wanted):
    np.testing.assert_allclose(_as_images(weight), scaled(wanted))


def test_weights_that_are_no_pictures():
    assert _as_images(RNG.random((5, 3, 2, 2))) is None
    assert _as_images(RNG.random((2, 3, 2, 2, 3))) is None
    assert _as_images(np.float32(3)) is None
    np.testing.assert_array_equal(_as_images(np.full((2, 3), 7.0)), np.zeros((1, 2, 3, 1)))
