"""Datasets of folders: threads, files that cannot be read, folders at their edges, Keras's order."""

from __future__ import annotations

import os
import pickle
import threading

import numpy as np
import pytest

from lamina import layers, models, utils
from lamina.data import Dataset

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path):
    """Images of one colour: 4 cats and 1 dog, an empty class, and what is no image."""
    for name, n in (("cats", 4), ("dogs", 1), ("empty", 0)):
        (tmp_path / name).mkdir()
        for i in range(n):
            Image.new("RGB", (6, 5), (10 * i, 0, 0)).save(tmp_path / name / f"{i}.png")
    (tmp_path / "cats" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def make(folder, **options):
    return utils.image_dataset_from_directory(folder, **{"image_size": (5, 6), "verbose": False} | options)


def test_batches_are_read_by_threads(folder):
    dataset = make(folder, batch_size=2, shuffle=False)
    assert isinstance(dataset, Dataset)
    assert dataset.class_names == ["cats", "dogs", "empty"]
    assert (len(dataset), dataset.cardinality()) == (3, 3)
    names = set()
    before = dataset._reader.load
    dataset._reader.load = lambda path: (names.add(threading.current_thread().name), before(path))[1]
    batches = list(dataset)
    assert [x[:, 0, 0, 0].tolist() for x, _ in batches] == [[0, 10], [20, 30], [0]]
    assert [y.tolist() for _, y in batches] == [[0, 0], [0, 0], [1]]
    assert all(name.startswith("lamina.data") for name in names)
    for _ in dataset:
        break
    assert not [t for t in threading.enumerate() if t.name.startswith("lamina.data")]
    scaled = dataset.map(lambda x, y: (layers.Rescaling(1 / 255)(x), y)).prefetch(2)
    model = models.Sequential([layers.Flatten(), layers.Dense(3)])
    model.compile("sgd", "mse")
    model.fit(make(folder, label_mode="categorical").prefetch(1), epochs=2, verbose=0)
    assert model.predict(scaled, verbose=0).shape == (5, 3)


def test_epochs_have_orders_of_their_own(folder):
    def order(dataset):
        return [int(v) for x, y in dataset for v in x[:, 0, 0, 0] + 100 * y]

    dataset = make(folder, seed=3, batch_size=2)
    first, second, third = order(dataset), order(dataset), order(dataset)
    assert sorted(first) == sorted(second) == sorted(third) == [0, 10, 20, 30, 100]
    assert len({tuple(first), tuple(second), tuple(third)}) > 1
    again = make(folder, seed=3, batch_size=2)
    assert [order(again) for _ in range(3)] == [first, second, third]
    fixed = make(folder, shuffle=False)
    assert order(fixed) == order(fixed) == [0, 10, 20, 30, 100]
    copy = pickle.loads(pickle.dumps(make(folder, shuffle=False)))
    assert order(copy) == [0, 10, 20, 30, 100]


def test_files_that_cannot_be_read(folder):
    (folder / "cats" / "1.png").write_bytes(b"no image")
    whole = (folder / "cats" / "2.png").read_bytes()
    (folder / "cats" / "2.png").write_bytes(whole[:40])
    with pytest.raises(ValueError, match=r"'.*cats.1\.png' cannot be read \(Unid.*unreadable='skip' leaves such files"):
        list(make(folder, shuffle=False))
    with pytest.warns(UserWarning, match=r"'.*cats.[12]\.png' cannot be read .*; it is left out") as told:
        x, y = next(iter(make(folder, shuffle=False, unreadable="skip")))
    assert len(told) == 2
    assert x[:, 0, 0, 0].tolist() == [0, 30, 0]
    assert y.tolist() == [0, 0, 1]
    with pytest.warns(UserWarning, match="it is left out"):
        batches = list(make(folder, shuffle=False, unreadable="skip", batch_size=1, labels=None))
    assert len(batches) == 3  # without the two that would be empty
    with pytest.raises(ValueError, match="unreadable of image_dataset_from_directory"):
        make(folder, unreadable="ignore")
    (folder / "dogs" / "0.png").unlink()
    dataset = make(folder, labels=None, shuffle=False, image_size=(2, 2))
    (folder / "cats" / "0.png").unlink()
    with pytest.raises(ValueError, match=r"0\.png' cannot be read \(FileNotFoundError"):
        list(dataset)
    (folder / "cats" / "a.txt").write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"a\.txt' cannot be read \(UnicodeDecodeError"):
        list(utils.text_dataset_from_directory(folder, verbose=False))


def test_folders_without_images_and_links(tmp_path, folder):
    (tmp_path / "bare").mkdir()
    with pytest.raises(ValueError, match=r"there are no files \.bmp, \.gif, .* in '.*bare'"):
        make(tmp_path / "bare")
    with pytest.raises(ValueError, match="there is no folder"):
        make(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="label_mode='binary' needs two classes"):
        make(folder, label_mode="binary")
    outside = tmp_path / "empty" / "deep"
    try:
        os.symlink(tmp_path / "dogs", outside)
    except OSError:
        pytest.skip("the system has no links")
    assert make(folder).samples == 5
    assert make(folder, follow_links=True).samples == 6


@pytest.mark.parametrize("mode", ["rgb", "rgba", "grayscale"])
def test_colours_and_places_of_channels(folder, mode):
    channels = {"rgb": 3, "rgba": 4, "grayscale": 1}[mode]
    x, _ = next(iter(make(folder, color_mode=mode, data_format="channels_first")))
    assert x.shape == (5, channels, 5, 6)
    x, _ = next(iter(make(folder, color_mode=mode, image_size=(4, 3), crop_to_aspect_ratio=True)))
    assert x.shape == (5, 4, 3, channels)
    assert x.dtype == np.float32


def test_datasets_are_split():
    left, right = utils.split_dataset(Dataset.range(10), 0.7)
    assert [[int(v) for v in part] for part in (left, right)] == [list(range(7)), [7, 8, 9]]
    windows = utils.timeseries_dataset_from_array(np.arange(10), None, 3, batch_size=4)
    assert isinstance(windows, Dataset)
    assert [x.tolist() for x in windows.unbatch().take(2)] == [[0, 1, 2], [1, 2, 3]]


@pytest.mark.parametrize("seed", [0, 1337])
def test_files_are_shuffled_and_divided_as_by_keras(folder, seed):
    pytest.importorskip("keras")
    from keras.src.utils import dataset_utils

    paths, labels, names = dataset_utils.index_directory(
        str(folder), labels="inferred", formats=(".png",), class_names=None, shuffle=True, seed=seed, verbose=False
    )
    ours = make(folder, seed=seed)
    assert ours.file_paths == paths
    assert ours.class_names == names
    for part in ("training", "validation"):
        theirs, _ = dataset_utils.get_training_or_validation_split(paths, labels, 0.4, part)
        assert make(folder, seed=seed, validation_split=0.4, subset=part).file_paths == theirs
