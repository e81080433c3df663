"""lamina.utils: padding, windows, images, folders as datasets, splits, the bar, names of objects."""

from __future__ import annotations

import os
import wave

import numpy as np
import pytest

import lamina
from lamina import layers, models, utils
from lamina.utils.sounds import read_wav, resampled


def same(got, want):
    np.testing.assert_array_equal(np.asarray(got), want)


def test_pad_sequences():
    x = [[1], [2, 3], [4, 5, 6]]
    got = utils.pad_sequences(x)
    same(got, [[0, 0, 1], [0, 2, 3], [4, 5, 6]])
    assert got.dtype == np.int32
    same(utils.pad_sequences(x, value=-1), [[-1, -1, 1], [-1, 2, 3], [4, 5, 6]])
    same(utils.pad_sequences(x, padding="post"), [[1, 0, 0], [2, 3, 0], [4, 5, 6]])
    same(utils.pad_sequences(x, maxlen=2), [[0, 1], [2, 3], [5, 6]])
    same(utils.pad_sequences(x, maxlen=2, truncating="post"), [[0, 1], [2, 3], [4, 5]])
    same(utils.pad_sequences(x, maxlen=0), np.zeros((3, 0)))
    same(utils.pad_sequences([["a"], ["b", "c"]], dtype=object, value="?"), [["?", "a"], ["b", "c"]])
    vectors = [np.ones((2, 3)), np.zeros((0, 3)), np.ones((1, 3))]
    assert utils.pad_sequences(vectors, dtype="float64", padding="post").sum(axis=(1, 2)).tolist() == [6, 0, 3]
    assert utils.pad_sequences([]).shape == (0, 0)
    for wrong, error, message in (
        ({"padding": "front"}, ValueError, "padding of pad_sequences"),
        ({"truncating": "last"}, ValueError, "truncating of pad_sequences"),
        ({"maxlen": -1}, ValueError, "maxlen must be a non-negative integer"),
        ({"value": "x"}, ValueError, "value 'x' is text"),
    ):
        with pytest.raises(error, match=message):
            utils.pad_sequences(x, **wrong)
    with pytest.raises(TypeError, match="sequence 1 is 3"):
        utils.pad_sequences([[1], 3])
    with pytest.raises(ValueError, match="sequence 1 has elements of shape"):
        utils.pad_sequences([np.ones((1, 2)), np.ones((1, 3))])


def test_windows_over_a_series():
    x = np.arange(100)
    make = utils.timeseries_dataset_from_array
    dataset = make(x, None, sequence_length=9, batch_size=5)
    batches = list(dataset)
    assert len(dataset) == len(batches) == 19
    same(np.concatenate(batches), np.lib.stride_tricks.sliding_window_view(x, 9))
    inputs, targets = make(x, 2 * x, 9, sampling_rate=3, sequence_stride=4, start_index=10, end_index=70)[0]
    same(inputs[1], np.arange(14, 41, 3))
    same(targets, 2 * np.arange(10, 10 + 60 - 24, 4))
    shuffled = make(x, x, 5, shuffle=True, seed=3, batch_size=None)
    assert len(shuffled) == 96
    first = [int(y) for _, y in shuffled]
    shuffled.on_epoch_end()
    assert sorted(first) == list(range(96)) != first != [int(y) for _, y in shuffled]
    assert [int(y) for _, y in make(x, x, 5, shuffle=True, seed=3, batch_size=None)] == first
    model = models.Sequential([layers.Input((5,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(make(x / 100, x / 100, 5), epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    for options, message in (
        ({"sequence_length": 0}, "sequence_length must be a positive integer"),
        ({"sequence_length": 200}, "longer than the series of 100"),
        ({"sequence_length": 3, "sampling_rate": 100}, "sampling_rate=100 must be lower"),
        ({"sequence_length": 3, "start_index": 50, "end_index": 20}, "start_index < end_index"),
        ({"sequence_length": 3, "batch_size": 0}, "batch_size must be a positive integer or None"),
        ({"sequence_length": 3, "format": "torch"}, "format of timeseries_dataset"),
    ):
        with pytest.raises(ValueError, match=message):
            make(x, None, **options)
    with pytest.raises(IndexError, match="batch 19 of 19"):
        dataset[19]


def test_images_as_files_and_arrays(tmp_path):
    image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 3)).astype(np.float32)
    path = tmp_path / "a.png"
    utils.save_img(path, pixels, scale=False)
    same(utils.img_to_array(utils.load_img(path)), pixels)
    same(utils.img_to_array(utils.load_img(path), "channels_first"), pixels.transpose(2, 0, 1))
    assert utils.load_img(str(path), "grayscale").mode == "L"
    assert utils.img_to_array(utils.load_img(path, "rgba")).shape == (6, 5, 4)
    assert utils.load_img(path, target_size=(3, 4), interpolation="bicubic").size == (4, 3)
    kept = utils.load_img(path, target_size=(4, 2), keep_aspect_ratio=True)
    want = image.open(path).convert("RGB").resize((2, 4), image.Resampling.NEAREST, box=(1, 0, 4, 6))
    same(kept, np.asarray(want))
    scaled = utils.array_to_img(np.array([[[0.0], [2.0]], [[1.0], [4.0]]]))
    same(scaled, [[0, 127], [63, 255]])
    same(utils.array_to_img(np.full((1, 2, 2), 300.0), "channels_first", scale=False), np.full((2, 2), 300))
    utils.save_img(tmp_path / "b.jpg", np.zeros((4, 4, 4)))
    with pytest.raises(ValueError, match="color_mode of load_img 'rbg': did you mean 'rgb'"):
        utils.load_img(path, "rbg")
    with pytest.raises(TypeError, match="path must be a path or an open file"):
        utils.load_img(3)
    with pytest.raises(ValueError, match="expected one image of three axes"):
        utils.array_to_img(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="expected 1, 3 or 4 channels"):
        utils.array_to_img(np.zeros((2, 2, 2)))
    with pytest.raises(FileNotFoundError):
        utils.load_img(tmp_path / "c.png")


def folder_of(tmp_path, ending, write):
    """Two classes of 3 and 5 files."""
    for name, n in (("cats", 3), ("dogs", 5)):
        (tmp_path / name).mkdir()
        for i in range(n):
            write(str(tmp_path / name / f"{i}{ending}"), name, i)
    return tmp_path


def write_text(path, name, i):
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{name} number {i} é")


def test_text_of_folders(tmp_path, capsys):
    make = utils.text_dataset_from_directory
    folder = folder_of(tmp_path, ".txt", write_text)
    dataset = make(folder, shuffle=False, batch_size=3)
    assert "Found 8 files belonging to 2 classes." in capsys.readouterr().out
    assert dataset.class_names == ["cats", "dogs"]
    text, labels = dataset[1]
    assert text.tolist() == ["dogs number 0 é", "dogs number 1 é", "dogs number 2 é"]
    same(labels, [1, 1, 1])
    assert len(dataset) == 3
    assert [os.path.basename(p) for p in dataset.file_paths[:3]] == ["0.txt", "1.txt", "2.txt"]
    shuffled = make(folder, seed=1, batch_size=8, verbose=False, label_mode="categorical", max_length=4)
    text, labels = shuffled[0]
    assert sorted(text) == ["cats"] * 3 + ["dogs"] * 5 != list(text)
    same(labels.argmax(-1), [t == "dogs" for t in text])
    binary = make(folder, seed=1, batch_size=8, verbose=False, label_mode="binary")[0][1]
    assert binary.shape == (8, 1)
    assert binary.dtype == np.float32
    train, held = make(folder, seed=5, validation_split=0.25, subset="both", verbose=False)
    assert (train.samples, held.samples) == (6, 2)
    assert not set(train.file_paths) & set(held.file_paths)
    again = make(folder, seed=5, validation_split=0.25, subset="validation", verbose=False)
    assert again.file_paths == held.file_paths
    orders = []
    for part in (*make(folder, seed=5, validation_split=0.5, subset="both", verbose=False, batch_size=8), again):
        epochs = [list(part[0][0])]
        for _ in range(5):
            part.on_epoch_end()
            epochs.append(list(part[0][0]))
        orders.append(len({tuple(e) for e in epochs}))
    assert orders[0] > 1  # only what trains is shuffled anew
    assert orders[1:] == [1, 1]
    assert make(folder, labels=None, shuffle=False, verbose=False)[0][0] == "cats number 0 é"
    given = make(folder, labels=[7, 7, 7, 9, 9, 9, 9, 9], shuffle=False, verbose=False, batch_size=8)
    assert given.class_names == ["7", "9"]
    assert make(folder, class_names=["dogs"], shuffle=False, verbose=False).samples == 5
    vectorize = layers.TextVectorization()
    vectorize.adapt(x for x, _ in make(folder, verbose=False))
    assert "number" in vectorize.get_vocabulary()
    for options, message in (
        ({"labels": "guessed"}, "labels of text_dataset_from_directory"),
        ({"labels": [1, 2]}, "there are 2 labels for 8 files"),
        ({"label_mode": "ints"}, "label_mode of text_dataset"),
        ({"class_names": ["birds"]}, "are no subset of the folders"),
        ({"labels": None, "class_names": ["cats"]}, "class_names need labels='inferred'"),
        ({"validation_split": 0.2}, "validation_split and subset must be given together"),
        ({"validation_split": 0.2, "subset": "training"}, "give a seed"),
        ({"validation_split": 1.2, "subset": "training", "seed": 1}, "must be between 0 and 1"),
        ({"validation_split": 0.01, "subset": "validation", "seed": 1}, "leaves no files for validation"),
        ({"label_mode": "binary", "class_names": ["dogs"]}, "needs two classes"),
        ({"max_length": 0}, "max_length must be a positive integer"),
        ({"format": "torch"}, "format of text_dataset_from_directory"),
    ):
        with pytest.raises(ValueError, match=message):
            make(folder, verbose=False, **options)
    with pytest.raises(ValueError, match="there is no folder"):
        make(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"there are no files \.wav"):
        utils.audio_dataset_from_directory(folder)


def test_images_of_folders(tmp_path):
    pytest.importorskip("PIL.Image")
    shapes = {"cats": (4, 6, 3), "dogs": (8, 4, 3)}
    folder = folder_of(
        tmp_path, ".png", lambda path, name, i: utils.save_img(path, np.full(shapes[name], 30 * i), scale=False)
    )
    make = utils.image_dataset_from_directory
    images, labels = make(folder, shuffle=False, image_size=(3, 2), batch_size=8, verbose=False)[0]
    assert images.shape == (8, 3, 2, 3)
    assert images.dtype == np.float32
    same(images[:, 0, 0, 0], [0, 30, 60, 0, 30, 60, 90, 120])
    same(labels, [0] * 3 + [1] * 5)
    first = make(folder, labels=None, image_size=4, data_format="channels_first", color_mode="grayscale", verbose=False)
    assert first[0].shape == (8, 1, 4, 4)
    padded = make(
        folder, shuffle=False, image_size=(6, 6), pad_to_aspect_ratio=True, interpolation="nearest", verbose=False
    )
    same(padded[0][0][1, :, 3, 0], [0, 30, 30, 30, 30, 0])
    cropped = make(folder, shuffle=False, image_size=(2, 2), crop_to_aspect_ratio=True, verbose=False)
    same(cropped[0][0][1], np.full((2, 2, 3), 30))
    for options, message in (({"color_mode": "rbg"}, "did you mean 'rgb'"), ({"image_size": 0}, "image_size must"),
                             ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "exclude each other"),
                             ({"format": "numpy"}, "format of image_dataset"),
                             ({"interpolation": "smooth"}, "interpolation")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            make(folder, verbose=False, **options)
    model = models.Sequential([layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    model.fit(make(folder, image_size=4, label_mode="binary", verbose=False), epochs=2, verbose=0)


def test_files_without_classes_come_folder_by_folder(tmp_path):
    for name in ("b/2.txt", "b/1.txt", "a/c/5.txt", "a/4.txt", "3.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    make = utils.text_dataset_from_directory
    for options in ({"labels": None}, {"label_mode": None}):
        dataset = make(tmp_path, shuffle=False, verbose=False, batch_size=9, **options)
        assert [os.path.relpath(p, tmp_path) for p in dataset.file_paths] == [
            "3.txt", "a/4.txt", "a/c/5.txt", "b/1.txt", "b/2.txt",
        ]  # fmt: skip
        assert dataset.class_names is None
        assert dataset[0].tolist() == ["3.txt", "a/4.txt", "a/c/5.txt", "b/1.txt", "b/2.txt"]
    given = make(tmp_path, labels=[1, 1, 2, 2, 2], label_mode=None, shuffle=False, verbose=False)
    assert given.class_names == ["1", "2"]


def test_sizes_of_files_at_their_edges(tmp_path):
    folder = folder_of(tmp_path, ".txt", write_text)
    make = utils.text_dataset_from_directory
    assert set(make(folder, max_length=1, verbose=False)[0][0]) == {"c", "d"}
    for wrong in (0, -1, 1.5):
        with pytest.raises(ValueError, match="max_length must be"):
            make(folder, max_length=wrong, verbose=False)


def test_sounds_of_two_lengths_and_of_one_sample(tmp_path):
    folder = folder_of(tmp_path, ".wav", write_sound)
    make = utils.audio_dataset_from_directory
    assert make(folder, output_sequence_length=1, verbose=False)[0][0].shape == (8, 1, 1)
    assert make(folder, sampling_rate=1, output_sequence_length=3, verbose=False)[0][0].shape == (8, 3, 1)
    with pytest.raises(ValueError, match="give output_sequence_length"):
        make(folder, shuffle=False, verbose=False, batch_size=2)[0]


@pytest.mark.parametrize("m", [1, 2, 5, 6, 9, 12])
@pytest.mark.parametrize("n", [1, 2, 4, 5, 6, 7, 12, 13])
def test_resampled_sounds_are_scipy_s(m, n):
    signal = pytest.importorskip("scipy.signal")
    sound = np.random.default_rng(0).standard_normal((m, 2)).astype(np.float32)
    np.testing.assert_allclose(resampled(sound, n), signal.resample(sound, n), atol=1e-6)


def test_sounds_of_several_channels_and_of_few_samples(tmp_path):
    for width in (1, 2, 3):
        path = str(tmp_path / "a.wav")
        with wave.open(path, "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(width)
            file.setframerate(8000)
            low = [0] * (width - 1)
            octets = [[128 + 64, 128 - 64] if width == 1 else [*low, 64, *low, 192]] * 3
            file.writeframes(np.array(octets, np.uint8).tobytes())
        sound = read_wav(path)
        np.testing.assert_allclose(sound, [[0.5, -0.5]] * 3)
        assert read_wav(path, 1).shape == (1, 2)  # far fewer a second: one at least


def test_images_of_one_pixel(tmp_path):
    image = pytest.importorskip("PIL.Image")
    folder = folder_of(tmp_path, ".png", lambda path, name, i: image.new("RGB", (3, 2), (i, i, i)).save(path))
    make = utils.image_dataset_from_directory
    assert make(folder, image_size=(1, 1), verbose=False)[0][0].shape == (8, 1, 1, 3)
    for wrong in ((0, 1), (1, 0), (1,), (1, 1, 1), (1.5, 1)):
        with pytest.raises(ValueError, match="image_size must be"):
            make(folder, image_size=wrong, verbose=False)


def write_sound(path, name, i, rate=8000, width=2):
    samples = np.round(np.sin(np.arange(100 + i) * 2 * np.pi * 440 / rate) * 0.5 * 2 ** (8 * width - 1)).astype("<i4")
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(rate)
        octets = samples.view(np.uint8).reshape(-1, 4)
        file.writeframes(((samples + 128).astype(np.uint8) if width == 1 else octets[:, :width]).tobytes())


def test_sounds_of_folders(tmp_path):
    folder = folder_of(tmp_path, ".wav", write_sound)
    make = utils.audio_dataset_from_directory
    sounds, labels = make(folder, shuffle=False, output_sequence_length=102, batch_size=8, verbose=False)[0]
    assert sounds.shape == (8, 102, 1)
    same(labels, [0] * 3 + [1] * 5)
    np.testing.assert_allclose(sounds[0, :100, 0], 0.5 * np.sin(np.arange(100) * 2 * np.pi * 440 / 8000), atol=1e-4)
    same(sounds[0, 100:], 0)
    with pytest.raises(ValueError, match="give output_sequence_length"):
        make(folder, shuffle=False, verbose=False)[0]
    with pytest.raises(ValueError, match="ragged=True is not supported"):
        make(folder, ragged=True)
    with pytest.raises(ValueError, match="sampling_rate must be a positive integer"):
        make(folder, sampling_rate=0)
    half = make(folder, shuffle=False, sampling_rate=4000, output_sequence_length=50, batch_size=1, verbose=False)[0][0]
    want = 0.5 * np.sin(np.arange(50) * 2 * np.pi * 440 / 4000)
    np.testing.assert_allclose(half[0, 5:45, 0], want[5:45], atol=0.05)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_sounds_of_every_width(tmp_path, width):
    write_sound(str(tmp_path / "a.wav"), "", 0, width=width)
    want = 0.5 * np.sin(np.arange(100) * 2 * np.pi * 440 / 8000)
    want = np.round(want * 2.0 ** (8 * width - 1)) / 2.0 ** (8 * width - 1)
    np.testing.assert_allclose(read_wav(str(tmp_path / "a.wav"))[:, 0], want, rtol=1e-6, atol=1e-7)
    (tmp_path / "b.wav").write_bytes(b"RIFF....")
    with pytest.raises(ValueError, match="is no uncompressed wave file"):
        read_wav(str(tmp_path / "b.wav"))


def test_split_dataset():
    x, y = np.arange(20).reshape(10, 2), np.arange(10)
    (xa, ya), (xb, yb) = utils.split_dataset((x, y), left_size=0.8)
    same(ya, np.arange(8))
    same(xb, x[8:])
    same(utils.split_dataset(x, right_size=3)[1], x[7:])
    left, right = utils.split_dataset({"x": x, "y": y}, left_size=3, right_size=4)
    same(left["y"], [0, 1, 2])
    same(right["y"], [3, 4, 5, 6])
    left, right = utils.split_dataset(y, left_size=0.5, shuffle=True, seed=1)
    assert sorted([*left, *right]) == list(range(10)) != [*left, *right]
    same(utils.split_dataset(y, left_size=0.5, shuffle=True, seed=1)[0], left)
    windows = utils.timeseries_dataset_from_array(np.arange(13), np.arange(13), 4, batch_size=3)
    (xa, ya), (xb, yb) = utils.split_dataset(windows, left_size=7)
    assert xa.shape == (7, 4)
    same(np.concatenate([ya, yb]), np.arange(10))
    same(utils.split_dataset([1, 2, 3, 4], left_size=1)[1], [2, 3, 4])
    same(utils.split_dataset(([1, 2, 3], [4, 5, 6]), left_size=1)[1][1], [5, 6])
    for options, message in (({}, "give left_size or right_size"), ({"left_size": 1.5}, "share between 0 and 1"),
                             ({"left_size": 10}, "smaller than 10"), ({"left_size": 6, "right_size": 6}, "would"),
                             ({"left_size": 0.01}, "would be 0 and 10 of 10")):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            utils.split_dataset(y, **options)
    with pytest.raises(TypeError, match="left_size must be an integer, a float or None"):
        utils.split_dataset(y, left_size="half")
    with pytest.raises(TypeError, match="expected arrays or a PyDataset"):
        utils.split_dataset(3, left_size=1)


def test_progbar(capsys):
    bar = utils.Progbar(4, width=4, stateful_metrics=["rate"])
    for i, loss in enumerate([1.0, 2.0, 3.0, 6.0]):
        bar.update(i + 1, [("loss", loss), ("rate", loss)])
    line = capsys.readouterr().out
    assert line.startswith("4/4 ━━━━ ")
    assert line.endswith("/step - loss: 3.0000 - rate: 6.0000\n")
    bar = utils.Progbar(None, verbose=2, stateless_metrics=["a"], unit_name="file")
    bar.add(3, [("a", 1.0), ("b", 1.0)])
    bar.add(1, [("a", 5.0), ("b", 2e-5)])
    bar.update(4, finalize=True)
    assert "/file - a: 2.0000 - b: 2.0000e-05" in capsys.readouterr().out
    utils.Progbar(3, verbose=0).update(3)
    assert not capsys.readouterr().out
    with pytest.raises(ValueError, match="not both"):
        utils.Progbar(3, stateful_metrics=[], stateless_metrics=[])
    with pytest.raises(ValueError, match="target must be"):
        utils.Progbar(-1)
    with pytest.raises(TypeError, match="Progbar: width must be an integer, got 'a'"):
        utils.Progbar(3, width="a")
    with pytest.raises(TypeError, match="Progbar: current must be an integer, got 'a'"):
        utils.Progbar(3).update("a")


def test_names_and_types_of_objects():
    assert utils.standardize_dtype(None) == "float32"
    assert [utils.standardize_dtype(t) for t in (np.float64, "int8", int, float, bool)] == [
        "float64", "int8", "int64", "float32", "bool",
    ]  # fmt: skip
    with pytest.raises(TypeError, match="standardize_dtype: dtype"):
        utils.standardize_dtype("text")
    assert utils.is_keras_tensor(layers.Input((2,)))
    assert not utils.is_keras_tensor(lamina.Tensor([1.0]))

    class Mine(layers.Layer):
        pass

    with pytest.raises(TypeError, match="CustomObjectScope: custom_objects must be a dict or None, got 3"):
        utils.CustomObjectScope(3)
    config = utils.serialize_keras_object(Mine(name="m"))
    with utils.CustomObjectScope({"Mine": Mine}):
        assert utils.get_registered_name(Mine) == "Mine"
        assert utils.get_registered_object("Mine") is Mine
        assert isinstance(utils.deserialize_keras_object(config), Mine)
    assert isinstance(utils.deserialize_keras_object(config, {"Mine": Mine}), Mine)
    with pytest.raises(TypeError, match="custom_objects: expected a dict"):
        utils.deserialize_keras_object(config, "layer")
    assert utils.get_registered_object("Mine") is None
    assert utils.get_registered_object("Dense") is layers.Dense
    utils.clear_session()
    assert layers.Dense(1).name == "dense"
    assert layers.Dense(1).name == "dense_1"
