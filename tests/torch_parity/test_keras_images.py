"""Bounding boxes, tiled histogram equalization and scaled losses against Keras 3 itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from compare import many
from hypothesis import given
from hypothesis import strategies as st
from keras_live import keras

from lamina import Tensor, layers, optimizers, utils
from lamina.ops.bounding_boxes import FORMATS

theirs = keras.utils.bounding_boxes
ours = utils.bounding_boxes


def numpy(x: Any) -> Any:
    return x.detach().numpy() if hasattr(x, "detach") else np.asarray(x)


def close(got: Any, want: Any) -> None:
    np.testing.assert_allclose(numpy(got), numpy(want), rtol=1e-4, atol=1e-4)


@st.composite
def boxes(draw, batched=None):
    batch = draw(st.booleans()) if batched is None else batched
    n, seed = draw(st.integers(1, 5)), draw(st.integers(0, 999))
    corners = np.random.default_rng(seed).uniform(-20, 120, (*((3,) if batch else ()), n, 2, 2)).astype(np.float32)
    corners.sort(axis=-2)
    return corners.reshape(*corners.shape[:-2], 4)


@many
@given(boxes(), st.sampled_from(FORMATS), st.sampled_from(FORMATS))
def test_convert_format(x, source, target):
    options = {"source": source, "target": target, "height": 90, "width": 70}
    close(ours.convert_format(x, **options), theirs.convert_format(x, **options))


@many
@given(boxes(), st.integers(0, 9))
def test_clip_crop_and_pad(x, seed):
    labels = np.random.default_rng(seed).integers(0, 9, x.shape[:-1])
    got = ours.clip_to_image_size({"boxes": x, "labels": labels}, 60, 80)
    want = theirs.clip_to_image_size({"boxes": x, "labels": labels}, 60, 80)
    close(got["boxes"], want["boxes"])
    np.testing.assert_array_equal(got["labels"], numpy(want["labels"]))
    close(ours.crop(x, 5, 7, 40, 30), theirs.crop(x, 5, 7, 40, 30))
    close(ours.pad(x, 5, 7), theirs.pad(x, 5, 7))


@many
@given(boxes(), boxes(), st.booleans(), st.sampled_from(["xyxy", "xywh", "rel_yxyx"]))
def test_overlaps(a, b, masking, kind):
    options = {"use_masking": masking and a.ndim == b.ndim == 2, "image_shape": (90, 70, 3)}
    a = theirs.convert_format(a, "xyxy", kind, 90, 70).numpy()
    b = theirs.convert_format(b, "xyxy", kind, 90, 70).numpy()
    close(ours.compute_iou(a, b, kind, **options), theirs.compute_iou(a, b, kind, **options))
    if a.shape == b.shape and not kind.startswith("rel"):
        close(ours.compute_ciou(a, b, kind), theirs.compute_ciou(a, b, kind))


@many
@given(boxes(False), st.integers(0, 99), st.sampled_from(["center_xywh", "center_yxhw"]), st.booleans())
def test_deltas(anchors, seed, order, batched):
    rng = np.random.default_rng(seed)
    x = anchors + rng.uniform(0, 3, (*((2,) if batched else ()), *anchors.shape)).astype(np.float32)
    x[..., 2:] += 4
    anchors[..., 2:] += 2
    variance = [0.1, 0.2, 0.3, 0.4]
    args = ("xyxy", "xyxy", order, variance)
    deltas = ours.encode_box_to_deltas(anchors, x, *args)
    close(deltas, theirs.encode_box_to_deltas(anchors, x, *args))
    given_deltas = deltas.numpy()
    close(ours.decode_deltas_to_boxes(anchors, given_deltas, *args),
          theirs.decode_deltas_to_boxes(anchors, keras.ops.convert_to_tensor(given_deltas), *args))  # fmt: skip


@many
@given(boxes(True), st.integers(0, 99))
def test_affine(x, seed):
    rng = np.random.default_rng(seed)
    drawn = [rng.uniform(low, high, 3).astype(np.float32) for low, high in ((-180, 180), (-1, 1), (-1, 1), (0.5, 2))]
    shears = [rng.uniform(-30, 30, 3).astype(np.float32) for _ in range(2)]
    tensors = [keras.ops.convert_to_tensor(a) for a in (*drawn, *shears)]
    want = numpy(theirs.affine_transform(keras.ops.convert_to_tensor(x), *tensors, 60, 80))
    got = ours.affine_transform(x, *drawn, *shears, 60, 80)
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=0.02)


@many
@given(boxes(True), st.sampled_from(["stretch", "pad"]), st.integers(0, 9))
def test_boxes_of_resized_images(x, way, seed):
    """Keras rounds borders to whole pixels of the result; of exact proportions there are none to round."""
    images = np.zeros((3, 40, 60, 1), np.float32)
    labels = np.random.default_rng(seed).integers(0, 9, x.shape[:2])
    options = {"pad_to_aspect_ratio": True} if way == "pad" else {}
    size = (30, 90) if way == "stretch" else (60, 60)
    make = {"height": size[0], "width": size[1], "bounding_box_format": "xyxy", **options}
    data = {"images": images, "bounding_boxes": {"boxes": x, "labels": labels}}
    got = layers.Resizing(**make)(data)["bounding_boxes"]
    want = keras.layers.Resizing(**make)({k: dict(v) if isinstance(v, dict) else v for k, v in data.items()})
    close(got["boxes"], want["bounding_boxes"]["boxes"])
    np.testing.assert_array_equal(got["labels"], numpy(want["bounding_boxes"]["labels"]))


@many
@given(
    st.integers(1, 8), st.integers(1, 8), st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.sampled_from([0, 1, 2, 5]), st.integers(0, 99), st.sampled_from(["channels_last", "channels_first"]),
)  # fmt: skip
def test_tiled_equalization(rows, columns, grid, most, seed, data_format):
    """Whole tiles and whole counts: with PyTorch underneath Keras mirrors borders in another way, and rounds the most
    pixels that a value may count for down."""
    sizes = rows * grid[0], columns * grid[1]
    shape = (2, *sizes, 3) if data_format == "channels_last" else (2, 3, *sizes)
    x = np.random.default_rng(seed).uniform(0, 255, shape).astype(np.float32)
    options = {
        "clip_limit": most * (1 + 1e-6) * 256 / (rows * columns),
        "tile_grid_size": grid,
        "data_format": data_format,
    }
    name = "ContrastLimitedAdaptiveHistogramEqualization"
    want = numpy(getattr(keras.layers, name)(**options)(x))
    got = getattr(layers, name)(**options)(x).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=2e-2)


@many
@given(st.lists(st.sampled_from([1.0, -2.0, 0.5, np.inf, np.nan]), min_size=3, max_size=12), st.integers(1, 4))
def test_scaled_losses(gradients, growth):
    first = np.array([1.0, -2.0, 3.0], np.float32)
    w, v = Tensor(first.copy(), requires_grad=True), keras.Variable(first)
    mine = optimizers.LossScaleOptimizer(optimizers.Adam(0.1), 2.0**10, growth)
    other = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.1), 2.0**10, growth)
    mine.build([w])
    other.build([v])
    for g in gradients:
        scale = float(other.dynamic_scale)
        assert float(mine.dynamic_scale) == scale
        g = np.array([g, 1.0, -1.0], np.float32) * np.float32(scale)
        mine.apply([g])
        other.apply([keras.ops.convert_to_tensor(g)])
        np.testing.assert_allclose(w.numpy(), numpy(v.value), rtol=1e-5, atol=4e-5)  # Keras has 0.999^t in float32
        assert int(mine.iterations) == int(other.iterations)
        assert float(mine.step_counter) == float(other.step_counter)
