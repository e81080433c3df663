"""Histogram equalization of tiles, and images bent by chance."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import capture, layers
from lamina.layers.preprocessing.elastic import _blur

RNG = np.random.default_rng(0)


def by_hand(x, limit, grid):
    """One channel, pixel by pixel, as the method is described."""
    rows, columns = x.shape
    tile = -(-rows // grid[0]), -(-columns // grid[1])
    x = np.pad(x, ((0, tile[0] * grid[0] - rows), (0, tile[1] * grid[1] - columns)), mode="symmetric")
    value = np.clip(x.astype(np.int64), 0, 255)
    tables = np.zeros((*grid, 256))
    for i, j in np.ndindex(grid):
        part = value[i * tile[0] : (i + 1) * tile[0], j * tile[1] : (j + 1) * tile[1]]
        counts = np.bincount(part.ravel(), minlength=256).astype(np.float64)
        if limit > 0:
            clipped = np.minimum(counts, limit * part.size / 256)
            counts = clipped + (counts - clipped).sum() / 256
        below = counts.cumsum()
        rest = part.size - below.min()
        tables[i, j] = np.clip((below - below.min()) * 255 / (rest if rest else 1), 0, 255)
    y = np.zeros(x.shape)
    for r, c in np.ndindex(x.shape):
        at = (r - tile[0] / 2) / tile[0], (c - tile[1] / 2) / tile[1]
        low = [int(np.floor(a)) for a in at]
        for i, j in np.ndindex(2, 2):
            weight = np.prod([1 - abs(a - (b + k)) for a, b, k in zip(at, low, (i, j), strict=True)])
            place = [min(max(b + k, 0), n - 1) for b, k, n in zip(low, (i, j), grid, strict=True)]
            y[r, c] += weight * tables[place[0], place[1], value[r, c]]
    return y[:rows, :columns]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(("shape", "grid", "limit"), [
    ((24, 32), (3, 4), 4.0), ((25, 31), (3, 4), 2.0), ((9, 7), (2, 3), 0), ((3, 5), (4, 4), 40.0),
    ((6, 6), (1, 1), 1.0),
])  # fmt: skip
def test_as_described(shape, grid, limit, data_format):
    x = RNG.uniform(0, 255, (2, *shape, 2)) ** 2 / 255
    layer = layers.ContrastLimitedAdaptiveHistogramEqualization(
        clip_limit=limit, tile_grid_size=grid, data_format=data_format, dtype="float64"
    )
    given = np.moveaxis(x, -1, 1) if data_format == "channels_first" else x
    y = layer(given).numpy()
    np.testing.assert_array_equal(layer(given[0]), y[0])
    y = np.moveaxis(y, 1, -1) if data_format == "channels_first" else y
    for n, c in np.ndindex(2, 2):
        np.testing.assert_allclose(y[n, ..., c], by_hand(x[n, ..., c], limit, grid), rtol=1e-9, atol=1e-9)


def test_tiles_of_one_value():
    """Black stays, anything else is brighter than all the pixels below it."""
    layer = layers.ContrastLimitedAdaptiveHistogramEqualization(clip_limit=0, tile_grid_size=2)
    for value, want in ((0, 0), (1, 255), (255, 255)):
        x = np.full((1, 8, 8, 1), value, np.float32)
        np.testing.assert_array_equal(layer(x), np.full_like(x, want))


def test_range_capture_and_messages():
    x = RNG.uniform(0, 255, (2, 16, 16, 3)).astype(np.float32)
    want = layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=4)(x).numpy()
    unit = layers.ContrastLimitedAdaptiveHistogramEqualization((0, 1), tile_grid_size=4)
    inner = np.floor(x) + 0.5  # scaling must not move a pixel to another value
    want = layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=4)(inner).numpy()
    np.testing.assert_allclose(unit(inner / 255), want / 255, atol=1e-5)
    step = capture(unit)
    for _ in range(3):
        np.testing.assert_array_equal(step(lamina.Tensor(x / 255)), unit(x / 255))
    assert step.reason is None
    assert unit(np.zeros((0, 4, 4, 1), np.float32)).shape == (0, 4, 4, 1)
    again = type(unit).from_config(unit.get_config())
    assert again.get_config() == unit.get_config()
    for options, error, message in (
        ({"tile_grid_size": 0}, ValueError, "tile_grid_size"),
        ({"clip_limit": "a"}, TypeError, "clip_limit must be a number, got 'a'"),
        ({"value_range": 3}, ValueError, "value_range must be two numbers"),
    ):
        with pytest.raises(error, match=message):
            layers.ContrastLimitedAdaptiveHistogramEqualization(**options)


def test_elastic_bends_what_it_chooses():
    x = RNG.uniform(0, 255, (40, 16, 20, 2)).astype(np.float32)
    masks = RNG.integers(0, 3, (40, 16, 20, 1))
    layer = layers.RandomElasticTransform((0.5, 0.5), 0.8, seed=3)
    out = layer({"images": x, "segmentation_masks": masks}, training=True)
    changed = np.array([not np.array_equal(a, b) for a, b in zip(out["images"].numpy(), x, strict=True)])
    assert 8 < changed.sum() < 32
    bent = np.array([not np.array_equal(a, b) for a, b in zip(out["segmentation_masks"].numpy(), masks, strict=True)])
    np.testing.assert_array_equal(bent, changed)
    assert set(np.unique(out["segmentation_masks"])) <= {0, 1, 2}
    np.testing.assert_array_equal(layer(x, training=False), x)
    for kind in ({"factor": 0.0}, {"scale": 0.0}):
        np.testing.assert_array_equal(layers.RandomElasticTransform(**kind)(x, training=True), x)


@pytest.mark.parametrize(("sigma", "reach"), [(0.5, 1), (1.0, 3), (3.0, 9)])
def test_the_bell_around_each_place(sigma, reach):
    apart = np.abs(np.arange(9) - np.arange(9)[:, None])
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    want = np.where(apart <= reach, np.exp(-0.5 * (apart / sigma) ** 2) / weights.sum(), 0)
    np.testing.assert_allclose(_blur(9, sigma), want, rtol=1e-12)


def test_elastic_moves_pixels_by_smooth_shifts():
    """An image of its own coordinates shows where each pixel came from."""
    rows, columns = np.meshgrid(np.arange(60.0), np.arange(60.0), indexing="ij")
    x = np.stack([rows, columns], -1)[None]
    layer = layers.RandomElasticTransform((1, 1), (1, 1), value_range=(-100, 200), seed=1, dtype="float64",
                                          fill_mode="nearest")  # fmt: skip
    drawn = layer.get_random_transformation(x)
    y = layer.transform_images(x, drawn).numpy()
    shift = drawn["shifts"].numpy()
    np.testing.assert_allclose(y, np.clip(x + shift, 0, 59), atol=1e-9)
    # alpha = 6, sigma = 3: white noise of deviation 3, blurred (its deviation becomes 1 / (2 sigma sqrt(pi))), times 6
    assert 0.7 < shift[:, 15:45, 15:45].std() / (6 * 3 / (2 * 3 * np.sqrt(np.pi))) < 1.3
    assert np.abs(np.diff(shift, axis=1)).max() < 0.5 * np.abs(shift).max()


@pytest.mark.parametrize("shape", [(3, 20, 30, 2), (2, 30, 12, 1)])
def test_elastic_shifts_are_blurred_noise(shape):
    """Of a size that grows with the larger side, blurred by a twentieth of the smaller one."""
    layer = layers.RandomElasticTransform((0.2, 0.7), (0.3, 0.9), dtype="float64")
    drawn = layer._draw(shape, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    n, height, width = shape[:3]
    chosen = rng.random(n) < rng.random(n) * 0.5 + 0.2
    strength = rng.random() * 0.6 + 0.3
    sigma = 0.05 * strength * min(height, width)
    noise = rng.standard_normal((n, 2, height, width))
    bells = [_blur(k, sigma) for k in (height, width)]
    want = 0.1 * strength * max(height, width) * sigma * np.einsum("ij,ncjk,lk->nilc", bells[0], noise, bells[1])
    np.testing.assert_array_equal(drawn["chosen"].ravel(), chosen)
    np.testing.assert_allclose(drawn["shifts"], want, rtol=1e-9, atol=1e-12)


def test_values_beyond_the_range_count_as_its_ends():
    layer = layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=2)
    x = RNG.uniform(-60, 330, (1, 8, 8, 1)).astype(np.float32)
    np.testing.assert_array_equal(layer(x), layer(np.clip(x, 0, 255)))


def test_elastic_is_captured_with_new_numbers():
    x = lamina.Tensor(RNG.uniform(0, 255, (3, 8, 8, 1)).astype(np.float32))
    eager, replayed = (layers.RandomElasticTransform(seed=5) for _ in range(2))
    step = capture(lambda t: replayed(t, training=True))
    for _ in range(4):
        np.testing.assert_array_equal(step(x), eager(x, training=True))
    assert step.reason is None
    for options, message in (
        ({"fill_mode": "wrapp"}, "unknown fill_mode of RandomElasticTransform"),
        ({"interpolation": "bicubic"}, "unknown interpolation of RandomElasticTransform"),
        ({"scale": 2}, "scale must be a number or two numbers in"),
    ):
        with pytest.raises(ValueError, match=message):
            layers.RandomElasticTransform(**options)
