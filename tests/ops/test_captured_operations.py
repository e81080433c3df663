"""What of the operations without a kernel of their own a captured step repeats, and what keeps it eager, by name."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from lamina import CaptureWarning, Tensor, capture, ops

RNG = np.random.default_rng(0)
REPEATED = {
    **{
        n: getattr(ops, n)
        for n in ("nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "nancumsum")
    },
    **{n: getattr(ops, n) for n in ("nanargmax", "erfc", "erfinv", "sinc", "fabs", "rad2deg", "angle", "corrcoef")},
    **{n: getattr(ops, n) for n in ("fliplr", "flipud", "norm", "view_as_real", "trapezoid")},
    "fmod": lambda x: ops.fmod(x, 0.7),
    "fmax": lambda x: ops.fmax(x, 0.1),
    "allclose": lambda x: ops.allclose(x, x),
    "vsplit": lambda x: ops.vsplit(x, 2)[1],
    "saturate_cast": lambda x: ops.saturate_cast(x * 300, "uint8"),
    "view": lambda x: ops.view(x, "int32"),
    "polar": lambda x: ops.polar(x, x)[1],
    "kron": lambda x: ops.kron(x, x),
    "cdist": lambda x: ops.cdist(x, x * 2),
    "vander": lambda x: ops.vander(x[0]),
    "psnr": lambda x: ops.psnr(x, x * 2, 1.0),
    "extract_sequences": lambda x: ops.extract_sequences(x, 2, 1),
    "scatter_update": lambda x: ops.scatter_update(x, [[0], [1]], x[:2], "add"),
    "norm_of_3": lambda x: ops.norm(x, 3, axis=1),
    "norm_of_matrices": lambda x: ops.norm(x, np.inf, axis=(0, 1)),
    "scan": lambda x: ops.scan(lambda c, r: (c + r, c * r), x[0], x)[1],
    "associative_scan": lambda x: ops.associative_scan(ops.add, x),
    "rearrange": lambda x: ops.rearrange(x, "(a b) c -> c b a", a=2),
    "hsv": lambda x: ops.image.hsv_to_rgb(ops.image.rgb_to_hsv(ops.stack([x, x * x, x / 2], -1))),
    "gaussian_blur": lambda x: ops.image.gaussian_blur(x[..., None]),
    "extract_patches": lambda x: ops.image.extract_patches(x[..., None], 2),
    "crop_images": lambda x: ops.image.crop_images(x[..., None], 1, 1, 0, 1),
    "map_coordinates": lambda x: ops.image.map_coordinates(x, [x[0] * 3, x[1] * 3], 1),
    "scale_and_translate": lambda x: ops.image.scale_and_translate(x, (4, 6), [1.5], [0.2], (1,), "cubic"),
}
EAGER = {
    **{n: getattr(ops, n) for n in ("cholesky", "inv", "det", "slogdet", "logdet", "pinv", "matrix_rank", "qr", "svd")},
    **{n: getattr(ops, n) for n in ("eigh", "eig", "lu_factor", "i0", "unique", "rfft", "nanmedian")},
    "solve": lambda x: ops.solve(x, x),
    "solve_triangular": lambda x: ops.solve_triangular(x, x[0]),
    "lstsq": lambda x: ops.lstsq(x, x),
    "nextafter": lambda x: ops.nextafter(x, 2.0),
    "ldexp": lambda x: ops.ldexp(x, 3),
    "correlate": lambda x: ops.correlate(x[0], x[1]),
    "histogram": lambda x: ops.histogram(x[0]),
    "cholesky_inverse": ops.cholesky_inverse,
    "percentile": lambda x: ops.percentile(x, 30),
    "segment_min": lambda x: ops.segment_min(x, [0, 1, 0, 1], 2),
    "segment_prod": lambda x: ops.segment_prod(x, [0, 1, 0, 1], 2),
    "bitwise_and": lambda x: ops.bitwise_and(ops.cast(x * 9, "int32"), 3),
    "unravel_index": lambda x: ops.unravel_index(ops.cast(x, "int32"), (2, 2)),
}


def matrix():
    a = RNG.uniform(0.1, 0.9, (4, 4)).astype(np.float32)
    return Tensor(a @ a.T / 4 + np.eye(4, dtype=np.float32) / 3)


def flat(result):
    return [t for r in result for t in flat(r)] if isinstance(result, tuple) else [result.numpy()]


@pytest.mark.parametrize("name", REPEATED)
def test_it_is_repeated(name):
    step = capture(REPEATED[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error", CaptureWarning)
        for _ in range(3):
            x = matrix()
            for got, want in zip(flat(step(x)), flat(REPEATED[name](x)), strict=True):
                np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", EAGER)
def test_it_keeps_the_step_eager_and_says_so(name):
    step = capture(EAGER[name])
    x = matrix()
    with pytest.warns(CaptureWarning):
        step(x)
    for _ in range(2):
        x = matrix()
        for got, want in zip(flat(step(x)), flat(EAGER[name](x)), strict=True):
            np.testing.assert_array_equal(got, want)


def test_gradients_are_repeated():
    leaf = matrix()
    leaf.requires_grad = True
    names = (
        *("nanstd", "erfinv", "sinc", "cdist", "extract_sequences", "norm_of_3", "scan", "associative_scan", "hsv"),
        *("extract_patches", "map_coordinates", "scale_and_translate", "gaussian_blur", "kron", "corrcoef"),
    )

    def step(scale):
        leaf.zero_grad()
        total = scale * 0.0
        for name in names:
            total = total + ops.sum(ops.square(REPEATED[name](leaf)))
        (total * scale).backward()

    captured = capture(step)
    for scale in (1.0, 2.0, 0.5):
        step(Tensor(np.float32(scale)))
        want = leaf.grad.numpy().copy()
        with warnings.catch_warnings():
            warnings.simplefilter("error", CaptureWarning)
            captured(Tensor(np.float32(scale)))
        np.testing.assert_array_equal(leaf.grad.numpy(), want)
