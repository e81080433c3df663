"""lamina.utils at the edges of what it takes: the last value that is right, the first that is wrong, all defaults."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import utils

X = np.arange(10)


def windows(*args, **kwargs):
    return list(utils.timeseries_dataset_from_array(*args, **kwargs))


@pytest.mark.parametrize("length", [1, 2, 3, 5])
@pytest.mark.parametrize("rate", [1, 2, 4])
@pytest.mark.parametrize("stride", [1, 3, 9])
@pytest.mark.parametrize(("start", "end"), [(None, None), (0, 10), (1, 10), (0, 9), (3, 8), (9, 10)])
def test_windows_by_their_definition(length, rate, stride, start, end):
    """Those whose last step is before the end, beginning at every stride-th step from the start on."""
    low, high = start or 0, 10 if end is None else end
    starts = [s for s in range(low, high, stride) if s + (length - 1) * rate < high]
    options = {"sequence_stride": stride, "sampling_rate": rate, "start_index": start, "end_index": end}
    if not starts:
        with pytest.raises(ValueError, match="longer than the series"):
            windows(X, None, length, **options)
        return
    (found,) = windows(X, None, length, **options)
    np.testing.assert_array_equal(found, [[s + k * rate for k in range(length)] for s in starts])
    ((_, targets),) = windows(X, 100 + X, length, **options)
    np.testing.assert_array_equal(targets, [100 + s for s in starts])
    few = [s for s in starts if s < low + 2]  # a target for the first steps alone
    ((_, targets),) = windows(X, 100 + X[: low + 2], length, **options)
    np.testing.assert_array_equal(targets, [100 + s for s in few])


@pytest.mark.parametrize(("option", "right", "wrong"), [
    ("sequence_length", [1, 10], [0, -1, 11, 1.0]),
    ("sequence_stride", [1, 9], [0, -1, 10]),
    ("sampling_rate", [1, 9], [0, -1, 10]),
    ("start_index", [0, 9], [-1, 10]),
    ("end_index", [1, 10], [0, 11]),
    ("batch_size", [1, None], [0, -1, 2.0]),
])  # fmt: skip
def test_numbers_of_windows(option, right, wrong):
    for value in right:
        assert windows(**{"data": X, "targets": None, "sequence_length": 1, option: value})
    for value in wrong:
        with pytest.raises(ValueError, match=option if option != "sequence_length" else "sequence|series"):
            windows(**{"data": X, "targets": None, "sequence_length": 1, option: value})


@pytest.mark.parametrize(("kind", "mode", "kept"), [
    ("L", "rgb", "RGB"), ("L", "grayscale", "L"), ("I;16", "grayscale", "I;16"), ("RGB", "grayscale", "L"),
    ("RGB", "rgb", "RGB"), ("RGB", "rgba", "RGBA"), ("RGBA", "rgb", "RGB"), ("L", "rgba", "RGBA"),
])  # fmt: skip
def test_colours_of_files(kind, mode, kept, tmp_path):
    image = pytest.importorskip("PIL.Image")
    image.new(kind, (3, 2)).save(tmp_path / "x.png")
    assert utils.load_img(tmp_path / "x.png", color_mode=mode).mode in (kept, "I" if kept == "I;16" else kept)


@pytest.mark.parametrize("target", [(4, 4), (2, 4), (4, 2), (2, 2), (8, 8)])
def test_images_of_files_take_the_target_s_size(target, tmp_path):
    image = pytest.importorskip("PIL.Image")
    image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(tmp_path / "x.png")
    got = np.asarray(utils.load_img(tmp_path / "x.png", target_size=list(target)))
    assert got.shape == (*target, 3)
    if target == (4, 4):
        np.testing.assert_array_equal(got, np.arange(48).reshape(4, 4, 3))


@pytest.mark.parametrize(("size", "target", "box"), [
    ((9, 4), (4, 4), (2, 0, 6, 4)), ((4, 9), (4, 4), (0, 2, 4, 6)), ((8, 6), (2, 4), (0, 1, 8, 5)),
    ((9, 6), (3, 3), (1, 0, 7, 6)),
])  # fmt: skip
def test_the_middle_of_a_file_s_image(size, target, box, tmp_path):
    """(columns, rows) of the file, (rows, columns) wanted, and the part (left, top, right, bottom) that is kept."""
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    whole = image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), np.uint8))
    whole.save(tmp_path / "x.png")
    got = utils.load_img(tmp_path / "x.png", target_size=target, keep_aspect_ratio=True, interpolation="nearest")
    want = whole.crop(box).resize(target[::-1], image.Resampling.NEAREST)
    np.testing.assert_array_equal(np.asarray(got), np.asarray(want))


def test_batches_of_windows():
    """128 a batch unless it is given, the last one smaller; single ones without a batch axis; indices from the end."""
    many = utils.timeseries_dataset_from_array(np.arange(300), None, 1)
    assert [len(b) for b in many] == [128, 128, 44]
    np.testing.assert_array_equal(many[-1], many[2])
    np.testing.assert_array_equal(many[-3], many[0])
    for beyond in (3, -4):
        with pytest.raises(IndexError, match=f"batch {beyond} of 3"):
            many[beyond]
    alone = utils.timeseries_dataset_from_array(X, X, 2, batch_size=None)
    assert len(alone) == 9
    x, y = alone[8]
    assert (x.tolist(), y) == ([8, 9], 8)


SPLITS = [  # left_size, right_size, how many of 10 samples each part has
    (1, None, 1, 9), (9, None, 9, 1), (None, 1, 9, 1), (None, 9, 1, 9), (0.5, None, 5, 5), (0.1, None, 1, 9),
    (0.9, None, 9, 1), (None, 0.1, 9, 1), (None, 0.26, 7, 3), (3, 7, 3, 7), (0.3, 0.7, 3, 7), (2, 3, 2, 3),
    (4, 0.6, 4, 6),
]  # fmt: skip
NO_SPLITS = [(0, None), (10, None), (None, 0), (None, 10), (-1, None), (0.0, None), (1.0, None), (None, 0.0),
             (None, 1.0),
             (0.04, None), (0.96, None), (None, 0.04), (4, 7), (0.5, 0.6), (None, None), (1.5, None)]  # fmt: skip


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(("left", "right", "first", "second"), SPLITS)
def test_parts_of_a_dataset(left, right, first, second, shuffle):
    a, b = utils.split_dataset(X, left, right, shuffle=shuffle, seed=3)
    assert (len(a), len(b)) == (first, second)
    assert not set(a.tolist()) & set(b.tolist())
    if not shuffle:
        np.testing.assert_array_equal(np.concatenate([a, b]), X[: first + second])


@pytest.mark.parametrize(("left", "right"), NO_SPLITS)
def test_parts_that_a_dataset_does_not_have(left, right):
    with pytest.raises(ValueError, match="split_dataset: "):
        utils.split_dataset(X, left, right)


@pytest.mark.parametrize("maxlen", [None, 0, 1, 2, 3, 4])
@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
def test_rows_of_all_lengths(maxlen, padding, truncating):
    rows = [[], [1], [2, 3], [4, 5, 6]]
    n = 3 if maxlen is None else maxlen
    wanted = []
    for row in rows:
        kept = (row[max(0, len(row) - n) :] if truncating == "pre" else row[:n]) if n else []
        zeros = [0] * (n - len(kept))
        wanted.append(zeros + kept if padding == "pre" else kept + zeros)
    got = utils.pad_sequences(rows, maxlen, padding=padding, truncating=truncating)
    np.testing.assert_array_equal(got, np.reshape(wanted, (4, n)))


def test_class_indices_at_their_ends():
    np.testing.assert_array_equal(utils.to_categorical([0, 2]), np.eye(3)[[0, 2]])
    assert utils.to_categorical([0, 2], 3).shape == (2, 3)
    assert utils.to_categorical([]).shape == (0, 0)
    assert utils.to_categorical([[0], [1]]).shape == (2, 2)
    assert utils.to_categorical([[0, 1]]).shape == (1, 2, 2)
    assert utils.to_categorical([0]).shape == (1, 1)
    assert utils.to_categorical(1, 2).tolist() == [0, 1]
    for wrong, classes in (([-1], None), ([2], 2), ([-1], 2)):
        with pytest.raises(ValueError, match="is outside 0"):
            utils.to_categorical(wrong, classes)


def test_the_type_of_an_image_s_array():
    x = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert utils.img_to_array(x).dtype == np.float32
    for dtype in ("uint8", "float64"):
        np.testing.assert_array_equal(utils.img_to_array(x, dtype=dtype), x.astype(dtype))
        assert utils.img_to_array(x, dtype=dtype).dtype == dtype


def test_a_dataset_of_one_batch_is_split():
    class One(utils.PyDataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return X, 2 * X

    (a, b), (c, d) = utils.split_dataset(One(), 0.7)
    np.testing.assert_array_equal(np.concatenate([a, c]), X)
    np.testing.assert_array_equal(np.concatenate([b, d]), 2 * X)
    assert len(a) == 7


def test_parts_of_a_batch():
    for given in ((1,), (1, 2), (1, 2, 3)):
        assert utils.unpack_x_y_sample_weight(given) == (*given, None, None)[:3]
        assert utils.unpack_x_y_sample_weight(list(given)) == (*given, None, None)[:3]
    assert utils.unpack_x_y_sample_weight(5) == (5, None, None)
    assert utils.pack_x_y_sample_weight(1) == 1
    assert utils.pack_x_y_sample_weight([1]) == ([1],)
    assert utils.pack_x_y_sample_weight(1, 2) == (1, 2)
    assert utils.pack_x_y_sample_weight(1, None, 3) == (1, None, 3)
    for wrong in ((), (1, 2, 3, 4)):
        with pytest.raises(ValueError, match=f"got {len(wrong)} parts"):
            utils.unpack_x_y_sample_weight(wrong)


def test_pairs_at_their_edges():
    """A share of pairs from none to all; two labels, one of which stands twice, are enough; an epoch shows all once."""
    x, y = np.arange(3.0), [0, 0, 1]
    for share, alike in ((0, 0), (1, 8), (0.5, 4), (0.3, 2)):
        _, same = utils.PairSampler(x, y, 8, positive=share)[0]
        assert same.sum() == alike
    for wrong in (-1e-9, 1 + 1e-9):
        with pytest.raises(ValueError, match="positive must be between 0 and 1"):
            utils.PairSampler(x, y, positive=wrong)
    _, same = utils.PairSampler(x, y)[0]
    assert (len(same), same.sum()) == (32, 16)
    (a, _, _), _ = utils.TripletSampler(x, y)[0]
    assert len(a) == 32
    for n, size, batches in ((3, 3, 1), (3, 2, 2), (4, 2, 2), (5, 2, 3)):
        sampler = utils.PairSampler(np.zeros(n), [0, 0, *[1] * (n - 2)], size)
        assert len(sampler) == batches
        np.testing.assert_array_equal(sampler[-1][1], sampler[batches - 1][1])
        for beyond in (batches, -batches - 1):
            with pytest.raises(IndexError, match=f"batch {beyond} of {batches}"):
                sampler[beyond]
    for option in ("batch_size", "batches"):
        assert len(utils.PairSampler(x, y, **{option: 1})[0][1]) == (1 if option == "batch_size" else 32)
        for wrong in (0, -1, 1.0):
            with pytest.raises(ValueError, match=f"{option} must be a positive integer"):
                utils.PairSampler(x, y, **{option: wrong})


def test_every_partner_is_as_likely():
    """Of four samples of one label each other three, of five of other labels each, and none itself."""
    y = np.array([0, 1, 0, 1, 1, 0, 2, 0, 1])
    seen = np.zeros((9, 9))
    for (a, b), _ in utils.PairSampler(np.arange(9), y, 100, batches=200, seed=0):
        np.add.at(seen, (a, b), 1)
    for i in range(9):
        alike, other = (y == y[i]) & (np.arange(9) != i), y != y[i]
        assert seen[i, i] == 0
        for group in (alike, other):
            if group.any():
                share = seen[i, group] / seen[i, group].sum()
                assert abs(share * group.sum() - 1).max() < 0.35


def test_pixels_at_their_ends():
    pytest.importorskip("PIL.Image")

    def pixels(x, **options):
        return np.asarray(utils.array_to_img(np.array(x, float), **options))

    np.testing.assert_array_equal(pixels([[[-1.0], [0.0], [1.0]]]), [[0, 127, 255]])
    np.testing.assert_array_equal(pixels([[[7.0], [7.0]]]), [[0, 0]])
    for largest, dtype in ((255.0, np.uint8), (256.0, np.int32)):
        found = pixels([[[0.0], [largest]]], scale=False)
        assert (found.dtype, found.max()) == (dtype, largest)
    for channels in (1, 3, 4):
        shape = (2, 3) if channels == 1 else (2, 3, channels)
        assert pixels(np.zeros((2, 3, channels))).shape == shape
        assert pixels(np.zeros((channels, 2, 3)), data_format="channels_first").shape == shape
    for channels in (2, 5):
        with pytest.raises(ValueError, match="expected 1, 3 or 4 channels"):
            pixels(np.zeros((2, 3, channels)))


def test_seeds():
    """The same numbers of Python, NumPy and Lamina behind the same seed, of any size."""
    import random

    from lamina import random as own

    for seed in (0, 1, 2**32 - 1, 2**32, 2**40 + 5):
        found = []
        for _ in range(2):
            utils.set_random_seed(seed)
            found.append((random.random(), np.random.rand(), float(own.uniform(()))))  # noqa: NPY002
        assert found[0] == found[1]
    utils.set_random_seed(2**32 + 5)
    first = np.random.rand()  # noqa: NPY002
    utils.set_random_seed(5)
    assert np.random.rand() == first  # noqa: NPY002 (NumPy takes 32 bits)


@pytest.mark.parametrize("size", [None, (2, 3), (3, 2), (2, 2), (4, 3), (1, 1)])
@pytest.mark.parametrize("mode", ["rgb", "rgba", "grayscale"])
def test_sizes_of_images_from_files(size, mode, tmp_path):
    pytest.importorskip("PIL.Image")
    pixels = np.arange(18.0).reshape(2, 3, 3)
    utils.save_img(tmp_path / "a.png", pixels, scale=False)
    for keep in (False, True):
        found = utils.img_to_array(utils.load_img(tmp_path / "a.png", mode, size, keep_aspect_ratio=keep))
        assert found.shape == (*(size or (2, 3)), {"rgb": 3, "rgba": 4, "grayscale": 1}[mode])
        if size in (None, (2, 3)) and mode == "rgb":
            np.testing.assert_array_equal(found, pixels)
    for wrong in ((0, 1), (1, -1), (1,), (1, 1, 1), 3):
        with pytest.raises(ValueError, match="target_size must be"):
            utils.load_img(tmp_path / "a.png", mode, wrong)
