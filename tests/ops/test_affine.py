"""affine_transform: maps with known results, maps for all images, fill modes, gradients, errors."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers, ops
from lamina.testing import check_gradients

RNG = np.random.default_rng(0)
SHIFT = np.array([1, 0, 1.5, 0, 1, -1, 0, 0], np.float32)  # columns 1.5 to the left, rows 1 down


def test_values():
    x = np.arange(12, dtype=np.float32).reshape(3, 4, 1)
    y = ops.image.affine_transform(x, SHIFT, fill_value=-1).numpy()[..., 0]
    np.testing.assert_array_equal(y, [[-1, -1, -1, -1], [1.5, 2.5, 1, -1], [5.5, 6.5, 3, -1]])
    nearest = ops.image.affine_transform(x, SHIFT, "nearest", fill_value=-1).numpy()[..., 0]
    np.testing.assert_array_equal(nearest[1], [2, 2, -1, -1])  # ties to the even pixel
    rows = {"nearest": [0, 0, 0, 0, 1, 2, 3, 3], "wrap": [1, 2, 3, 0, 1, 2, 3, 0], "mirror": [3, 2, 1, 0, 1, 2, 3, 2],
            "reflect": [2, 1, 0, 0, 1, 2, 3, 3]}  # fmt: skip
    line = np.concatenate([np.arange(4), np.zeros(4)]).reshape(1, 8, 1)[:, :4]
    for mode, want in rows.items():
        got = [
            float(ops.image.affine_transform(line, [1, 0, d - 3, 0, 1, 0, 0, 0], "nearest", mode).numpy()[0, 0, 0])
            for d in range(8)
        ]
        assert got == want, mode


def test_maps_for_each_image_for_all_and_channels_first():
    x = RNG.standard_normal((3, 5, 4, 2))
    maps = np.tile(SHIFT, (3, 1)).astype(np.float64)
    want = ops.image.affine_transform(x, maps).numpy()
    np.testing.assert_array_equal(ops.image.affine_transform(x, SHIFT).numpy(), want)
    np.testing.assert_array_equal(ops.image.affine_transform(x[1], SHIFT).numpy(), want[1])
    first = ops.image.affine_transform(np.moveaxis(x, -1, 1), maps, data_format="channels_first").numpy()
    np.testing.assert_array_equal(np.moveaxis(first, 1, -1), want)


def test_a_projective_map_divides():
    x = np.arange(5, dtype=np.float64).reshape(1, 5, 1)
    y = ops.image.affine_transform(x, [1, 0, 0, 0, 1, 0, 0.25, 0]).numpy()[0, :, 0]
    np.testing.assert_allclose(y, np.arange(5) / (1 + 0.25 * np.arange(5)), rtol=1e-12)
    far = ops.image.affine_transform(x, [np.nan, 0, 0, 0, 1, 0, 0, 0], fill_value=7.0).numpy()
    assert (far == 7).all()
    assert np.isfinite(ops.image.affine_transform(x, [1, 0, 0, 0, 1, 0, -1, 0], fill_mode="reflect").numpy()).all()


@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_gradients(interpolation, fill_mode):
    m = np.array([[0.9, 0.2, 0.4, -0.3, 1.1, 0.7, 0.01, 0.02]])
    check_gradients(
        lambda x: ops.image.affine_transform(x, m, interpolation, fill_mode), RNG.standard_normal((2, 4, 3, 2))
    )


def test_in_a_functional_model():
    inputs = layers.Input((4, 5, 1))
    model = lamina.Model(inputs, ops.image.affine_transform(inputs, SHIFT))
    x = RNG.standard_normal((2, 4, 5, 1)).astype(np.float32)
    np.testing.assert_array_equal(model(x).numpy(), ops.image.affine_transform(x, SHIFT).numpy())


def test_errors():
    x = np.zeros((2, 3, 4, 1), np.float32)
    with pytest.raises(ValueError, match=r"images are \(3,\)"):
        ops.image.affine_transform(np.zeros(3), SHIFT)
    with pytest.raises(ValueError, match=r"transform"):
        ops.image.affine_transform(x, np.zeros((2, 6)))
    with pytest.raises(ValueError, match=r"transform is \(3, 8\), expected \(2, 8\) or \(1, 8\)"):
        ops.image.affine_transform(x, np.zeros((3, 8)))
    with pytest.raises(ValueError, match="interpolation is 'cubic'"):
        ops.image.affine_transform(x, SHIFT, "cubic")
    with pytest.raises(ValueError, match="fill_mode is 'edge'"):
        ops.image.affine_transform(x, SHIFT, fill_mode="edge")
