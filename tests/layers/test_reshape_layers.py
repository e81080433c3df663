"""Layers that join and move elements: shapes with free sizes, and masks."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import Tensor, layers
from lamina.core.masked_tensor import attach

X = np.arange(12.0, dtype=np.float32).reshape(2, 3, 2)


@pytest.mark.parametrize("m", [None, 1, 3])
@pytest.mark.parametrize("n", [None, 1, 3])
def test_free_and_fixed_sizes_merge(m, n):
    """Size 1 gives way, a size that is known is what a free one must be."""
    wanted = n if m == 1 else m if n == 1 else m or n
    assert layers.Add().compute_output_shape([(2, m), (2, n)]) == (2, wanted)
    assert layers.Add().compute_output_shape([(m, 2), (n, 2), (n, 2)]) == (wanted, 2)
    if {m, n} == {1, 3}:
        with pytest.raises(ValueError, match="only axis 1 may differ"):
            layers.Concatenate().compute_output_shape([(m, 2), (n, 2)])
        return
    concatenated = layers.Concatenate()
    assert concatenated.compute_output_shape([(m, 2), (n, 5)]) == (m or n, 7)
    assert concatenated.compute_output_shape([(4, m), (4, n)]) == (4, None if None in (m, n) else m + n)
    assert layers.Concatenate(0).compute_output_shape([(0, 3), (2, 3)]) == (2, 3)


def test_what_does_not_merge():
    for shapes in ([(2, 3), (2, 4)], [(2, 3), (2, 2)], [(2, 3), (2, 3), (5, 3)]):
        with pytest.raises(ValueError, match="do not broadcast"):
            layers.Add().compute_output_shape(shapes)
        with pytest.raises(ValueError, match=r"broadcast|x\[\d\]"):
            layers.Add()([np.ones(s, np.float32) for s in shapes])
    for kind in (layers.Add, layers.Concatenate):
        with pytest.raises(ValueError, match="the number of axes differs"):
            kind().compute_output_shape([(2, 3), (2, 3, 1)])
    for few in ([], [(2, 3)]):
        with pytest.raises(ValueError, match="at least two shapes"):
            layers.Multiply().compute_output_shape(few)
    with pytest.raises(ValueError, match="expected a list of tensors"):
        layers.Concatenate().compute_output_shape([])
    for axis in (2, -3):
        with pytest.raises(ValueError, match=f"axis={axis} is out of range"):
            layers.Concatenate(axis)([X[0], X[0]])


def test_merges_of_more_than_two():
    a, b, c = X, X[::-1].copy(), np.flip(X, 1).copy()
    stacked = np.stack([a, b, c])
    for kind, wanted in (
        (layers.Add, stacked.sum(0)), (layers.Multiply, stacked.prod(0)), (layers.Average, stacked.mean(0)),
        (layers.Maximum, stacked.max(0)), (layers.Minimum, stacked.min(0)),
    ):  # fmt: skip
        np.testing.assert_allclose(kind()([a, b, c]).numpy(), wanted, rtol=1e-6)
    np.testing.assert_array_equal(layers.Subtract()([a, b]).numpy(), a - b)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
@pytest.mark.parametrize("axes", [2, 3])
def test_masks_of_steps_and_of_elements_are_joined(axis, axes):
    """A step counts where any of its features does; an input without a mask counts everywhere."""
    rng = np.random.default_rng(0)
    first, second = (rng.random((2, 3, 2)[:axes]) < 0.4 for _ in range(2))
    spread = lambda m: np.broadcast_to(m if axes == 3 else m[..., None], X.shape)  # noqa: E731
    for other in (second, None):
        joined = np.concatenate([spread(first), spread(np.ones_like(first) if other is None else other)], axis).any(-1)
        y = layers.Concatenate(axis)([attach(Tensor(X), Tensor(first)),
                                      X if other is None else attach(Tensor(X), Tensor(other))])  # fmt: skip
        np.testing.assert_array_equal(y.mask.numpy(), joined)


def test_flatten():
    for data_format in ("channels_last", "channels_first"):
        layer = layers.Flatten(data_format)
        for shape in ((4,), (4, 3), (4, 3, 2), (4, 3, 2, 5)):
            x = np.arange(np.prod(shape)).reshape(shape)
            turned = np.moveaxis(x, 1, -1) if data_format == "channels_first" and len(shape) > 1 else x
            np.testing.assert_array_equal(layer(x).numpy(), turned.reshape(4, -1))
            assert layer.compute_output_shape((None, *shape[1:])) == (None, x.size // 4)
    assert layers.Flatten().compute_output_shape((3, None, 2)) == (3, None)


def test_free_sizes_of_reshape_and_permute():
    assert layers.Reshape((3, -1)).compute_output_shape((None, 6, 2)) == (None, 3, 4)
    assert layers.Reshape((3, -1)).compute_output_shape((7, None)) == (7, 3, None)
    assert layers.Reshape((2, 3)).compute_output_shape((None, None)) == (None, 2, 3)
    assert layers.Reshape(()).compute_output_shape((5, 1)) == (5,)
    assert layers.Reshape((0, 2)).compute_output_shape((5, 0)) == (5, 0, 2)
    assert layers.Permute((3, 1, 2)).compute_output_shape((None, 4, None, 6)) == (None, 6, 4, None)
    np.testing.assert_array_equal(layers.Permute((2, 1))(X).numpy(), X.swapaxes(1, 2))
    for wrong in ((0, 1), (1, 1), (2,), (1, 3)):
        with pytest.raises(ValueError, match="must be a permutation"):
            layers.Permute(wrong)


@pytest.mark.parametrize("axes", [(1, 1), (2, 1), (1, 2), (-1, -2), (2, 2)])
@pytest.mark.parametrize("normalize", [False, True])
def test_dot_of_matrices(axes, normalize):
    rng = np.random.default_rng(0)
    sizes = [[2, 4, 5], [2, 6, 7]]
    sizes[0][axes[0]] = sizes[1][axes[1]] = 3
    x, y = (rng.standard_normal(s) for s in sizes)
    layer = layers.Dot(axes, normalize=normalize, dtype="float64")
    a, b = np.moveaxis(x, axes[0], -1), np.moveaxis(y, axes[1], -1)
    if normalize:
        a, b = (v / np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
    wanted = np.einsum("nik,njk->nij", a, b)
    np.testing.assert_allclose(layer([x, y]).numpy(), wanted, rtol=1e-9)
    assert layer.compute_output_shape([(None, *s[1:]) for s in sizes]) == (None, *wanted.shape[1:])


def test_dot_of_vectors_and_what_does_not_fit():
    assert layers.Dot(1)([X[:, 0], X[:, 1]]).shape == layers.Dot(1).compute_output_shape([(2, 2), (2, 2)]) == (2, 1)
    assert layers.Dot((1, 2)).compute_output_shape([(None, 2), (None, 3, 2)]) == (None, 3)
    assert layers.Dot((1, 2))([X[:, 0], X]).shape == (2, 3)
    for shapes, message in (
        ([(2, 3), (2, 4)], "axes to sum over differ in size, 3 and 4"),
        ([(2, 3), (1, 3)], "batches differ in size, 2 and 1"),
        ([(2,), (2,)], "does not fit"),
        ([(2, 3)], "expected a list of two tensors"),
        ([(2, 3)] * 3, "expected a list of two tensors"),
    ):
        with pytest.raises(ValueError, match=message):
            layers.Dot(1).compute_output_shape(shapes)
    assert layers.Dot(1).compute_output_shape([(None, 3), (2, None)]) == (None, 1)
    for axes in (0, 2, -2, (1, 0)):
        with pytest.raises(ValueError, match="behind the batch's"):
            layers.Dot(axes).compute_output_shape([(2, 3), (2, 3)])
    for axes in ((1,), (1, 1, 1), 1.0, (1, True), "1"):
        with pytest.raises(ValueError, match="an integer or a pair of them"):
            layers.Dot(axes)


def test_up_sampling_of_volumes_repeats():
    x = np.random.default_rng(0).standard_normal((2, 3, 2, 4, 5))
    want = x.repeat(2, 1).repeat(3, 2).repeat(1, 3)
    np.testing.assert_array_equal(layers.UpSampling3D((2, 3, 1), dtype="float64")(x).numpy(), want)
