"""Resizing against PyTorch's interpolate and JAX's image.resize (Keras's JAX backend): values and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compare import compare, many, normal, torch
from hypothesis import assume, given
from hypothesis import strategies as st
from keras_live import agree, keras

from lamina import Tensor, ops
from lamina.ops.resize import make_rule, resize_axes

interpolate = torch.nn.functional.interpolate
SIZES = st.integers(1, 12)


def exact_in_float32(n: int, out: int, shift: float) -> bool:
    """Whether PyTorch, which counts nearest pixels in float32, finds those of exact arithmetic."""
    o = np.arange(out)
    theirs = np.floor((o.astype(np.float32) + np.float32(shift)) * np.float32(np.float32(n) / np.float32(out)))
    ours = (o * 2 + int(2 * shift)) * n // (2 * out)
    return bool((np.minimum(theirs, n - 1) == np.minimum(ours, n - 1)).all())


@st.composite
def shapes(draw, ranks=(1, 2, 3)):
    rank = draw(st.sampled_from(ranks))
    most = 7 if rank == 3 else 12
    sizes = [draw(st.integers(1, most)) for _ in range(2 * rank)]
    return (draw(st.integers(1, 3)), *sizes[:rank], draw(st.sampled_from([1, 2, 3, 4, 5, 17]))), tuple(sizes[rank:])


def ours(size: tuple[int, ...], *args: Any, **options: Any):
    return lambda x: resize_axes(x, size, make_rule("resize", *args, **options))


def theirs(size: tuple[int, ...] | None, mode: str, **options: Any):
    return lambda x: interpolate(x.movedim(-1, 1), size, mode=mode, **options).movedim(1, -1)


def reduction(shape: tuple[int, ...], size: tuple[int, ...]) -> int:
    return int(np.prod([1 + 4 * (m // n + n // m) for n, m in zip(shape[1:-1], size, strict=True)]))


@many
@given(shapes(), st.integers(0, 99), st.booleans())
def test_linear(given_shapes, seed, aligned):
    shape, size = given_shapes
    mode = ("linear", "bilinear", "trilinear")[len(size) - 1]
    coordinates = "align_corners" if aligned else None
    compare(
        ours(size, "bilinear", rule="torch", coordinates=coordinates), theirs(size, mode, align_corners=aligned),
        [normal(seed, *shape)], reduction(shape, size),
    )  # fmt: skip


@many
@given(shapes((2,)), st.integers(0, 99), st.booleans())
def test_cubic(given_shapes, seed, aligned):
    shape, size = given_shapes
    coordinates = "align_corners" if aligned else None
    compare(
        ours(size, "bicubic", rule="torch", coordinates=coordinates), theirs(size, "bicubic", align_corners=aligned),
        [normal(seed, *shape)], 16 * reduction(shape, size),
    )  # fmt: skip


@many
@given(shapes((2,)), st.integers(0, 99), st.sampled_from(["bilinear", "bicubic"]))
def test_antialias(given_shapes, seed, mode):
    shape, size = given_shapes
    assume(min(*shape[1:3], *size) > 1)  # PyTorch smooths to and from images of one column wrongly
    compare(
        ours(size, mode, True, rule="torch"), theirs(size, mode, align_corners=False, antialias=True),
        [normal(seed, *shape)], 16 * reduction(shape, size),
    )  # fmt: skip


@many
@given(shapes(), st.integers(0, 99))
def test_area(given_shapes, seed):
    shape, size = given_shapes
    compare(ours(size, "area"), theirs(size, "area"), [normal(seed, *shape)], reduction(shape, size))


@many
@given(shapes(), st.integers(0, 99), st.booleans())
def test_nearest(given_shapes, seed, exact):
    shape, size = given_shapes
    for n, m in zip(shape[1:-1], size, strict=True):
        assume(exact_in_float32(n, m, 0.5 if exact else 0.0))
    rule, mode = ("keras", "nearest-exact") if exact else ("torch", "nearest")
    compare(ours(size, "nearest", rule=rule), theirs(size, mode), [normal(seed, *shape)], reduction(shape, size))


@many
@given(shapes(), st.integers(0, 99), st.data())
def test_scales(given_shapes, seed, data):
    """A scale factor that is no whole number tells where pixels stand, its product with the size how many there are."""
    shape, size = given_shapes
    scales = tuple(data.draw(st.floats(0.4, 3.0)) for _ in size)
    size = tuple(int(np.floor(n * s)) for n, s in zip(shape[1:-1], scales, strict=True))
    assume(min(size) > 0)
    assume(all(n != m for n, m in zip(shape[1:-1], size, strict=True)))  # else PyTorch copies, whatever the scales are
    mode = ("linear", "bilinear", "trilinear")[len(size) - 1]
    with_scales = theirs(None, mode, align_corners=False, scale_factor=scales, recompute_scale_factor=False)
    compare(ours(size, "bilinear", scales=scales), with_scales, [normal(seed, *shape)], reduction(shape, size), slack=4)
    if len(size) == 2:
        with_scales = theirs(None, "bicubic", align_corners=False, scale_factor=scales, recompute_scale_factor=False)
        cubic = ours(size, "bicubic", rule="torch", scales=scales)
        compare(cubic, with_scales, [normal(seed, *shape)], 16 * reduction(shape, size), slack=4)


@many
@given(shapes(), st.integers(0, 99), st.sampled_from(["bilinear", "bicubic", "lanczos3", "lanczos5"]), st.booleans())
def test_jax(given_shapes, seed, method, antialias):
    jax = pytest.importorskip("jax", reason="the comparison with JAX needs it")
    shape, size = given_shapes
    x = normal(seed, *shape)
    with jax.enable_x64(True):
        full = (shape[0], *size, shape[-1])
        want, pull = jax.vjp(lambda a: jax.image.resize(a, full, method, antialias), jax.numpy.asarray(x))
        dy = normal(seed + 1, *full)
        (slope,) = pull(jax.numpy.asarray(dy))
    for dtype, tolerance in ((np.float64, 1e-9), (np.float32, 2e-5)):
        t = Tensor(x.astype(dtype), requires_grad=True)
        y = ours(size, method, antialias)(t)
        y.backward(dy.astype(dtype))
        np.testing.assert_allclose(y.numpy(), want, rtol=tolerance, atol=tolerance * 10)
        np.testing.assert_allclose(t.grad.numpy(), slope, rtol=tolerance, atol=tolerance * 30)


@many
@given(
    st.tuples(SIZES, SIZES, SIZES, SIZES), st.sampled_from(["bilinear", "nearest", "bicubic"]), st.booleans(),
    st.sampled_from([None, "crop", "pad"]), st.sampled_from(["channels_last", "channels_first"]), st.booleans(),
)  # fmt: skip
def test_keras(sizes, interpolation, antialias, fit, data_format, single):
    """Keras with PyTorch underneath takes PyTorch's cubic filter where it does not smooth."""
    h, w, rows, columns = sizes
    shape = (h, w, 3) if data_format == "channels_last" else (3, h, w)
    x = normal(3, *(shape if single else (2, *shape)))
    if interpolation == "nearest":
        assume(fit is None and exact_in_float32(h, rows, 0.5) and exact_in_float32(w, columns, 0.5))
    if antialias:  # as above
        taken = (min(h, w * rows // columns), min(w, h * columns // rows)) if fit == "crop" else (h, w)
        assume(min(*taken, rows, columns) > 1)
    options = {"fill_value": 2.0, "data_format": data_format, "antialias": antialias} | (
        {f"{fit}_to_aspect_ratio": True} if fit else {}
    )

    def resized(o, t):
        cubic = {"rule": "torch"} if o is ops and interpolation == "bicubic" else {}
        return o.image.resize(t, (rows, columns), interpolation, **options, **cubic)

    agree(resized, x, rtol=1e-6)


@many
@given(
    st.sampled_from(["bilinear", "bicubic", "nearest"]), st.tuples(SIZES, SIZES), st.integers(1, 4), st.integers(1, 4)
)
def test_up_sampling(interpolation, sizes, rows, columns):
    from lamina import layers

    x = normal(1, 2, *sizes, 3).astype(np.float32)
    layer = keras.layers.UpSampling2D((rows, columns), interpolation=interpolation)
    want = layer(torch.tensor(x)).numpy()
    if interpolation == "bicubic":
        size = (sizes[0] * rows, sizes[1] * columns)
        got = ops.image.resize(x, size, "bicubic", rule="torch").numpy()
    else:
        got = layers.UpSampling2D.from_config({**layer.get_config(), "dtype": "float32"})(x).numpy()
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
