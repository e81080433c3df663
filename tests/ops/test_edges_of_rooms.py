"""Operations of the smaller rooms: the last value that is right, the first that is wrong."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import Tensor, ops
from lamina.ops import image

RNG = np.random.default_rng(0)
X = np.arange(6.0).reshape(2, 3)
IMAGE = RNG.random((4, 5, 3))
NAN, INF = float("nan"), float("inf")
LOGITS = np.log([[[0.1, 0.6, 0.3], [0.1, 0.3, 0.6]]])
SIXTEEN = np.arange(16.0)


def padded(x, *widths):
    return np.pad(x, (*widths, (0, 0)))


RIGHT = {
    **{
        f"{name} of {n}": (lambda f=f, n=n: f(n), getattr(np, name)(n))
        for name, f in (("bartlett", ops.bartlett), ("blackman", ops.blackman), ("hamming", ops.hamming),
                        ("hanning", ops.hanning))
        for n in (0, 1, 2, 3)
    },
    "kaiser of one": (lambda: ops.kaiser(1, 2.0), [1]),
    "kaiser of none": (lambda: ops.kaiser(0, 2.0), []),
    "a window of minus one": (lambda: ops.hanning(-1), []),
    "unique, one missing": (lambda: ops.unique([3, 1, 3], size=3), [1, 3, 0]),
    "unique, none missing": (lambda: ops.unique([3, 1, 3], size=2), [1, 3]),
    "unique, one too many": (lambda: ops.unique([3, 1, 3], size=1), [1]),
    "unique, filled": (lambda: ops.unique([3, 1], size=3, fill_value=9), [1, 3, 9]),
    "unique, rows missing": (lambda: ops.unique([[3, 1]], axis=0, size=2), [[3, 1], [0, 0]]),
    "unique, missing counts": (lambda: ops.unique([3, 1], size=3, return_counts=True)[1], [1, 1, 0]),
    "unravel_index of the last": (lambda: np.array([t.numpy() for t in ops.unravel_index([0, 5], (2, 3))]),
                                  np.unravel_index([0, 5], (2, 3))),
    "histogram of one bin": (lambda: ops.histogram([1.0, 2.0], 1)[0], [2]),
    "histogram of one value": (lambda: ops.histogram([1.0, 2.0], 2, (1, 1))[0], np.histogram([1.0, 2.0], 2, (1, 1))[0]),
    "histogram of a range": (lambda: ops.histogram([1.0, 2.0, 5.0], 2, (1, 3))[0], [1, 1]),
    "crop to nothing": (lambda: image.crop_images(IMAGE, 2, 0, 2, 0), IMAGE[2:2]),
    "crop nothing": (lambda: image.crop_images(IMAGE, 0, 0, 0, 0), IMAGE),
    "crop from the end": (lambda: image.crop_images(IMAGE, bottom_cropping=0, right_cropping=0, target_height=4,
                                                    target_width=1), IMAGE[:, 4:]),
    "pad nothing": (lambda: image.pad_images(IMAGE, 0, 0, target_height=4, target_width=5), IMAGE),
    "pad one side": (lambda: image.pad_images(IMAGE, bottom_padding=1, right_padding=0, target_height=5,
                                              target_width=6), padded(IMAGE, (0, 1), (1, 0))),
    "patches of one pixel": (lambda: image.extract_patches(IMAGE, 1), IMAGE),
    "one patch": (lambda: image.extract_patches(IMAGE, (4, 5)), IMAGE.reshape(1, 1, 60)),
    "patches with steps of one": (lambda: image.extract_patches(IMAGE, (4, 3), 1)[0, 1],
                                  IMAGE[:, 1:4].reshape(36)),
    "blur by one pixel": (lambda: image.gaussian_blur(IMAGE, (1, 1), (2.0, 2.0)), IMAGE),
    "coordinates of the last": (lambda: image.map_coordinates(X, [[1.0], [2.0]], 1), [5]),
    "coordinates beyond, constant": (lambda: image.map_coordinates(X, [[1.5], [2.0]], 1, fill_value=9.0), [7]),
    "coordinates beyond, constant, nearest": (
        lambda: image.map_coordinates(X, [[-1.0, 0.0], [0.0, 3.0]], 0, fill_value=9.0), [9, 9]),
    "coordinates beyond, nearest": (lambda: image.map_coordinates(X, [[1.5, -3.0], [2.0, 1.0]], 1, "nearest"), [5, 1]),
    "perspective that stays": (
        lambda: image.perspective_transform(IMAGE, [[0, 0], [4, 0], [0, 3], [4, 3]], [[0, 0], [4, 0], [0, 3], [4, 3]]),
        IMAGE),
    "the best path": (lambda: ops.ctc_decode(LOGITS, [2], "beam_search", beam_width=1, top_paths=1)[0], [[[1, 2]]]),
    "the only path": (lambda: ops.ctc_decode(LOGITS, [2], "beam_search", beam_width=5, top_paths=1)[0], [[[1, 2]]]),
    "one step": (lambda: ops.ctc_decode(LOGITS, [1])[0], [[[1, -1]]]),
    "the last class is the blank": (lambda: ops.ctc_decode(LOGITS, [2], mask_index=2)[0], [[[1, -1]]]),
    "lu_factor of one": (lambda: ops.lu_factor([[3.0]])[0], [[3]]),
    "svd of one": (lambda: ops.svd([[3.0]])[1], [3]),
    "rank of nothing": (lambda: ops.matrix_rank(np.zeros((2, 2))), 0),
    "depth_to_space by one": (lambda: ops.depth_to_space(IMAGE[None], 1), IMAGE[None]),
    "space_to_depth by one": (lambda: ops.space_to_depth(IMAGE[None], 1), IMAGE[None]),
    "sequences of all": (lambda: ops.extract_sequences(SIXTEEN, 16, 1), [SIXTEEN]),
    "sequences of one": (lambda: ops.extract_sequences(SIXTEEN, 1, 5), SIXTEEN[::5, None]),
    "sequences, the last fits": (lambda: ops.extract_sequences(SIXTEEN, 4, 6), [SIXTEEN[:4], SIXTEEN[6:10],
                                                                                SIXTEEN[12:]]),
    "rfft of one": (lambda: ops.rfft([3.0], 1)[0], [3]),
    "rfft cut": (lambda: ops.rfft([3.0, 1.0, 5.0], 2)[0], [4, 2]),
    "rfft with zeros": (lambda: ops.rfft([3.0], 4)[0], [3, 3, 3]),
    "irfft of one": (lambda: ops.irfft((np.array([3.0]), np.array([0.0])), 1), [3]),
    "view of smaller numbers": (lambda: ops.view(np.int16([1, 256]), "uint8"), [1, 0, 0, 1]),
    "view of larger numbers": (lambda: ops.view(np.uint8([1, 0, 0, 1]), "int16"), [1, 256]),
    "correlation of one": (lambda: ops.correlate([2.0], [3.0]), [6]),
    "area under one": (lambda: ops.trapezoid([2.0]), 0),
    "area under two": (lambda: ops.trapezoid([2.0, 4.0]), 3),
    "saturate_cast up": (lambda: ops.saturate_cast([300.0, -5.0, 255.0, 0.0], "uint8"), [255, 0, 255, 0]),
    "saturate_cast of large floats": (
        lambda: ops.saturate_cast(np.float64([1e30, -1e30]), "int64"),
        np.int64([np.nextafter(2.0**63, 0), -(2**63)])),
    "divide_no_nan of infinity": (lambda: ops.divide_no_nan([INF, 1.0, NAN], [1.0, INF, 0.0]), [INF, 0, 0]),
    "scan of one": (lambda: ops.associative_scan(lambda a, b: a + b, np.array([3.0])), [3]),
    "scan of two": (lambda: ops.associative_scan(lambda a, b: a + b, np.array([3.0, 4])), [3, 7]),
    "scan of three": (lambda: ops.associative_scan(lambda a, b: a + b, np.array([3.0, 4, 5])), [3, 7, 12]),
    "scan of many from the end": (
        lambda: ops.associative_scan(lambda a, b: a + b, SIXTEEN[:7], reverse=True), np.cumsum(SIXTEEN[6::-1])[::-1]),
    "fold of single pixels": (
        lambda: ops.fold(np.arange(12.0).reshape(1, 2, 6), (2, 3), 1), np.arange(12.0).reshape(1, 2, 2, 3)),
    "einsum of equal letters": (lambda: ops.einsum("i,i,i,i->i", X[1], X[1], X[1], X[1]), X[1] ** 4),
    "einsum of equal letters to a number": (lambda: ops.einsum("i,i,i,i,i->", X[1], X[1], X[1], X[1], X[1]),
                                            (X[1] ** 5).sum()),
    "einsum of different letters": (lambda: ops.einsum("a,b,c,d->dbca", [1.0, 2], X[1], [5.0], [7.0, 8]),
                                    np.einsum("a,b,c,d->dbca", [1.0, 2], X[1], [5.0], [7.0, 8])),
    "einsum of a chain and letters": (lambda: ops.einsum("ij,jk,k,i,kl->l", X, X.T, [1.0, 2], [3.0, 4], X),
                                      np.einsum("ij,jk,k,i,kl->l", X, X.T, [1.0, 2], [3.0, 4], X)),
    "similarity of images as large as the filter": (lambda: image.ssim(IMAGE, IMAGE, filter_size=4), 1.0),
    "stft of two": (lambda: ops.stft([3.0, 5.0], 2, 2, 2, None)[0], [[8, 2], [8, 2]]),
    "scan of parts of other shapes": (
        lambda: ops.scan(lambda c, xy: (c + ops.sum(xy[0]) * xy[1], c), 1.0, (X, np.array([1.0, 10])))[0], 1 + 3 + 120),
    "map of parts of other shapes": (
        lambda: ops.map(lambda xy: ops.sum(xy[0]) + xy[1], (X, np.array([1.0, 2]))), [4, 14]),
    "scan on another axis": (lambda: ops.associative_scan(lambda a, b: a + b, X, axis=1), np.cumsum(X, 1)),
    "differences of nothing": (lambda: ops.diff(np.zeros((2, 0)), 3), np.zeros((2, 0))),
    "differences of more than all": (lambda: ops.diff(X, 10**9), np.zeros((2, 0))),
    "loop of none": (lambda: ops.fori_loop(2, 2, lambda i, v: v + 1, 5.0), 5),
    "loop of one": (lambda: ops.fori_loop(2, 3, lambda i, v: v + i, 5.0), 7),
    "at most one turn": (lambda: ops.while_loop(lambda i: i < 5, lambda i: (i + 1,), (0,), 1)[0], 1),
    "no turn": (lambda: ops.while_loop(lambda i: i < 5, lambda i: (i + 1,), (0,), 0)[0], 0),
    "grey of one channel": (lambda: image.rgb_to_grayscale(IMAGE[..., :1]), IMAGE[..., :1]),
    "segment products with two zeros": (lambda: ops.segment_prod([0.0, 0, 3], [0, 0, 1], 3), [0, 3, 1]),
}  # fmt: skip

WRONG = {
    "a sequence too short to be mirrored": lambda: ops.stft([1.0], 2, 1, 2),
    "a range that ends before": lambda: ops.histogram([1.0], 2, (1, 0)),
    "a range of one": lambda: ops.histogram([1.0], 2, (1,)),
    "a range without end": lambda: ops.histogram([1.0], 2, (0, INF)),
    "a range without beginning": lambda: ops.histogram([1.0], 2, (-INF, 0)),
    "no bin": lambda: ops.histogram([1.0], 0),
    "crop too much": lambda: image.crop_images(IMAGE, 2, 0, 3, 0),
    "crop below nothing": lambda: image.crop_images(IMAGE, -1, 0, 1, 0),
    "crop below nothing at the end": lambda: image.crop_images(IMAGE, 1, 0, -1, 0),
    "all three": lambda: image.crop_images(IMAGE, 1, 0, 1, 0, 2, 5),
    "pad below nothing": lambda: image.pad_images(IMAGE, 1, 0, target_height=4, target_width=5),
    "patches of nothing": lambda: image.extract_patches(IMAGE, 0),
    "patches of three sizes": lambda: image.extract_patches(IMAGE, (1, 1, 1)),
    "blur by nothing": lambda: image.gaussian_blur(IMAGE, (0, 1)),
    "sigma zero": lambda: image.elastic_transform(IMAGE, sigma=0.0),
    "order two": lambda: image.map_coordinates(X, [[1.0], [2.0]], 2),
    "coordinates without axes": lambda: image.map_coordinates(np.float64(3), [], 1),
    "two points": lambda: image.perspective_transform(IMAGE, X, X),
    "no path": lambda: ops.ctc_decode(LOGITS, [2], "beam_search", beam_width=5, top_paths=0),
    "more paths than beams": lambda: ops.ctc_decode(LOGITS, [2], "beam_search", beam_width=1, top_paths=2),
    "more steps than there are": lambda: ops.ctc_decode(LOGITS, [3]),
    "less than no step": lambda: ops.ctc_decode(LOGITS, [-1]),
    "a blank behind the last": lambda: ops.ctc_decode(LOGITS, [2], mask_index=3),
    "a blank before the first": lambda: ops.ctc_decode(LOGITS, [2], mask_index=-1),
    "greedy with two paths": lambda: ops.ctc_decode(LOGITS, [2], top_paths=2),
    "blocks of nothing": lambda: ops.space_to_depth(IMAGE[None], 0),
    "blocks that do not fit": lambda: ops.space_to_depth(IMAGE[None], 2),
    "channels that do not fit": lambda: ops.depth_to_space(IMAGE[None], 2),
    "sequences of nothing": lambda: ops.extract_sequences(SIXTEEN, 0, 1),
    "sequences of more than there is": lambda: ops.extract_sequences(SIXTEEN, 17, 1),
    "sequences that stay": lambda: ops.extract_sequences(SIXTEEN, 4, 0),
    "a transform of nothing": lambda: ops.rfft(SIXTEEN, 0),
    "frames longer than their transform": lambda: ops.stft(SIXTEEN, 5, 1, 4),
    "frames of nothing": lambda: ops.stft(SIXTEEN, 0, 1, 4),
    "frames that stay": lambda: ops.stft(SIXTEEN, 4, 0, 4),
    "a pair of one": lambda: ops.fft((SIXTEEN,)),
    "a view that does not fit": lambda: ops.view(np.uint8([1, 2, 3]), "int16"),
    "correlation with nothing": lambda: ops.correlate([1.0], []),
    "a matrix that is none": lambda: ops.det([1.0]),
    "a matrix that is not square": lambda: ops.det(X),
    "norm of three axes": lambda: ops.norm(np.zeros((2, 2, 2)), "fro"),
    "no unrolled step": lambda: ops.scan(lambda c, x: (c, x), 0.0, SIXTEEN, unroll=0),
    "two lengths": lambda: ops.scan(lambda c, x: (c, x), 0.0, (SIXTEEN, X)),
    "structural similarity of less than the filter": lambda: image.ssim(IMAGE, IMAGE, filter_size=5),
    "two colours": lambda: image.rgb_to_grayscale(IMAGE[..., :2]),
}


@pytest.mark.parametrize("name", RIGHT)
def test_the_last_that_is_right(name):
    call, wanted = RIGHT[name]
    got, wanted = np.asarray(call()), np.asarray(wanted)
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", WRONG)
def test_the_first_that_is_wrong(name):
    with pytest.raises(ValueError, match=r"\w+: "):
        WRONG[name]()


@pytest.mark.parametrize("batch", [1, 3, 20])
def test_what_counts_as_zero_does_not_depend_on_the_batch(batch):
    """Singular values below eps max(m, n) times the largest are zero: 2.5 eps is for 3 columns, 3.5 eps is not."""
    eps = np.finfo(np.float64).eps
    for part, rank in ((2.5 * eps, 1), (3.5 * eps, 2)):
        a = np.zeros((batch, 2, 3))
        a[:, 0, 0], a[:, 1, 1] = 1.0, part
        inverse = ops.pinv(a).numpy()
        assert (ops.matrix_rank(a).numpy() == rank).all()
        assert ((inverse[:, 1, 1] != 0) == (rank == 2)).all()
    assert ops.lstsq(a[0], np.ones(2)).numpy()[1] == pytest.approx(1 / (3.5 * eps))


def test_gradients_of_products_of_segments():
    """The product of the others, at two zeros nothing; ids beyond the last are left out."""
    data = Tensor(np.array([2.0, 3.0, 0.0, 5.0, 0.0, 0.0, 7.0, 11.0]), requires_grad=True)
    y = ops.segment_prod(data, [0, 0, 1, 1, 2, 2, 3, 9], 4)
    np.testing.assert_array_equal(y, [6, 0, 0, 7])
    y.backward(np.array([1.0, 10.0, 100.0, 1000.0]))
    np.testing.assert_array_equal(data.grad, [3, 2, 50, 0, 0, 0, 1000, 0])


@pytest.mark.parametrize("shape", [(2, 3), (3, 3), (4, 3), (5, 1)])
@pytest.mark.parametrize("full_matrices", [False, True])
def test_shapes_of_singular_vectors(shape, full_matrices):
    x = RNG.standard_normal(shape)
    u, s, vt = ops.svd(x, full_matrices)
    k = min(shape)
    assert (u.shape[-1], vt.shape[0]) == (shape if full_matrices else (k, k))
    np.testing.assert_allclose(u.numpy()[:, :k] * s.numpy() @ vt.numpy()[:k], x, atol=1e-12)


def test_correlations_stay_within_one():
    """Rounding leads beyond it for about every third row."""
    x = RNG.standard_normal((200, 7)).astype(np.float32)
    y = ops.corrcoef(np.concatenate([x, -3 * x])).numpy()
    assert y.max() == 1.0
    assert y.min() == -1.0


@pytest.mark.parametrize("x", [0.0, 1.0, 7.75, 8.0, 30.0, 100.0, 700.0])
def test_the_slope_of_i0_is_i1(x):
    """I_1 by its integral, mean of cos(t) exp(x (cos(t) - 1)), with many more places than it takes."""
    t = Tensor(np.array([x, -x]), requires_grad=True)
    ops.i0(t).backward(np.exp(-np.array([x, x])))
    c = np.cos(np.linspace(0, 2 * np.pi, 4096, endpoint=False))
    wanted = (c * np.exp(x * (c - 1))).mean()
    np.testing.assert_allclose(t.grad, [wanted, -wanted], rtol=1e-10, atol=1e-15)


def test_a_captured_step_forbids_what_it_cannot_repeat():
    """Each operation that NumPy computes says so by its name."""
    for name, call in {
        "unique": ops.unique, "segment_prod": lambda x: ops.segment_prod(x, [0, 0, 1]),
        "matrix_rank": lambda x: ops.matrix_rank(ops.reshape(x, (1, 3))), "i0": ops.i0,
        "pinv": lambda x: ops.pinv(ops.reshape(x, (1, 3))),
    }.items():  # fmt: skip
        with pytest.raises(Exception, match=name):
            lamina.capture(call, strict=True)(np.array([1.0, 2.0, 3.0]))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 5), (5, 2), (4, 4), (3, 7)])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 1), (1, 2), (3, 2), (4, 4)])
def test_proportions_of_resized_images(rows, columns, height, width):
    """The largest part in the middle, or equal borders on both sides, whose proportions are the wanted ones."""
    x = np.random.default_rng(1).random((1, rows, columns, 1))
    h, w = max(1, min(rows, columns * height // width)), max(1, min(columns, rows * width // height))
    top, left = (rows - h) // 2, (columns - w) // 2
    part = x[:, top : top + h, left : left + w]
    got = image.resize(x, (height, width), crop_to_aspect_ratio=True)
    np.testing.assert_array_equal(got, image.resize(part, (height, width)))
    down = (max(rows, columns * height // width) - rows) // 2
    across = (max(columns, rows * width // height) - columns) // 2
    framed = np.pad(x, ((0, 0), (down, down), (across, across), (0, 0)), constant_values=9.0)
    got = image.resize(x, (height, width), pad_to_aspect_ratio=True, fill_value=9.0)
    np.testing.assert_array_equal(got, image.resize(framed, (height, width)))
