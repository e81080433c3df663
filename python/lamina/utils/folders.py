"""Datasets of files: images, text and sounds in folders that stand for classes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..core.explain import is_index, named
from ..core.generator import numpy_generator
from ..core.output import say
from ..core.suggest import unknown
from ..core.warn import warn
from ..ops.data_format import is_channels_first
from .images import MODES, img_to_array, load_img, pillow
from .samples import Samples, check_batch_size, check_format
from .sounds import read_wav

Array = np.ndarray[Any, np.dtype[Any]]

_IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


class _Files(Samples):
    """Files, each read when its batch is asked for, and their labels."""

    class_names: list[str] | None
    file_paths: list[str]

    def __init__(
        self, what: str, paths: list[str], labels: Array | None, reader: _Reader, batch_size: int | None, shuffle: bool,
        seed: int | None, class_names: list[str] | None, skip: bool,
    ) -> None:  # fmt: skip
        super().__init__(len(paths), batch_size, shuffle, seed, threads=True)
        self.file_paths, self.class_names, self._labels, self._reader = paths, class_names, labels, reader
        self._what, self._skip = what, skip

    def read(self, indices: Array) -> Any:
        items, found = [], []
        for i in indices.tolist():
            try:
                items.append(self._reader.load(self.file_paths[i]))
            except Exception as error:
                told = f"{self._what}: {self.file_paths[i]!r} cannot be read ({type(error).__name__}: {error})"
                if not self._skip:
                    raise ValueError(f"{told}; unreadable='skip' leaves such files out") from error
                warn(f"{told}; it is left out")
                continue
            found.append(i)
        if not items:
            return None
        x = self._reader.join(items)
        return x if self._labels is None else (x, self._labels[found])


class _Reader:
    """How files of a kind become samples, and samples a batch."""

    def load(self, path: str) -> Any:
        """One sample."""
        raise NotImplementedError

    def join(self, items: list[Any]) -> Array:
        """A batch."""
        return np.stack(items)


class _Images(_Reader):
    def __init__(self, mode: str, size: Any, interpolation: str, crop: bool, pad: bool, first: bool) -> None:
        self.mode, self.size, self.interpolation, self.crop, self.pad = mode, size, interpolation, crop, pad
        self.first = first

    def load(self, path: str) -> Array:
        image = load_img(path, self.mode)
        pixels = img_to_array(image, "channels_last", "float32")
        if pixels.shape[:2] == self.size:
            return pixels
        return np.asarray(ops.image.resize(
            pixels, self.size, self.interpolation, crop_to_aspect_ratio=self.crop, pad_to_aspect_ratio=self.pad,
            data_format="channels_last",
        ))  # fmt: skip

    def join(self, items: list[Any]) -> Array:
        images = np.stack(items)
        return np.ascontiguousarray(np.moveaxis(images, -1, 1)) if self.first else images


class _Texts(_Reader):
    def __init__(self, length: int | None) -> None:
        self.length = -1 if length is None else length

    def load(self, path: str) -> str:
        with open(path, encoding="utf-8") as file:
            return file.read(self.length)

    def join(self, items: list[Any]) -> Array:
        text = np.empty(len(items), object)
        text[:] = items
        return text


class _Sounds(_Reader):
    def __init__(self, what: str, rate: int | None, length: int | None) -> None:
        self.what, self.rate, self.length = what, rate, length

    def load(self, path: str) -> Array:
        return read_wav(path, self.rate, self.length)

    def join(self, items: list[Any]) -> Array:
        shapes = {s.shape for s in items}
        if len(shapes) > 1:
            raise ValueError(
                f"{self.what}: sounds of a batch have (samples, channels) {sorted(shapes)}; give output_sequence_length"
            )
        return np.stack(items)


def _walk(folder: str, follow_links: bool, endings: tuple[str, ...]) -> Iterator[str]:
    for root, _, files in sorted(os.walk(folder, followlinks=follow_links), key=lambda item: item[0]):
        yield from (os.path.join(root, name) for name in sorted(files) if name.lower().endswith(endings))


class _Request:
    """What the three functions have in common: which files, their labels, and the parts they are divided into."""

    def __init__(
        self, what: str, directory: Any, labels: Any, label_mode: Any, class_names: Any, batch_size: Any, shuffle: bool,
        seed: Any, validation_split: Any, subset: Any, follow_links: bool, verbose: Any, unreadable: Any,
        endings: tuple[str, ...],
    ) -> None:  # fmt: skip
        self.what, self.batch_size = what, check_batch_size(what, batch_size)
        if unreadable not in ("error", "skip"):
            raise unknown(f"unreadable of {what}", unreadable, ("error", "skip"))
        self.skip = unreadable == "skip"
        self.directory = os.fspath(directory)
        if not os.path.isdir(self.directory):
            raise ValueError(f"{what}: there is no folder {self.directory!r}")
        if label_mode not in ("int", "categorical", "binary", None):
            raise unknown(f"label_mode of {what}", label_mode, ("int", "categorical", "binary"))
        if labels is None:
            label_mode = None
        elif label_mode is None and labels == "inferred":
            labels = None
        self._check_split(validation_split, subset, shuffle, seed)
        self.shuffle, self.seed, self.split, self.subset = shuffle, seed, validation_split, subset
        self.endings = endings
        self._index(labels, class_names, follow_links)
        if label_mode == "binary" and len(self.class_names or ()) != 2:
            raise ValueError(f"{what}: label_mode='binary' needs two classes, found {self.class_names}")
        self.labels = self._encoded(label_mode)
        if verbose:
            of = "" if self.class_names is None else f" belonging to {len(self.class_names)} classes"
            say(f"Found {len(self.paths)} files{of}.")

    def _check_split(self, split: Any, subset: Any, shuffle: bool, seed: Any) -> None:
        if split is not None and not 0 < split < 1:
            raise ValueError(f"{self.what}: validation_split must be between 0 and 1, got {split!r}")
        if subset not in ("training", "validation", "both", None):
            raise unknown(f"subset of {self.what}", subset, ("training", "validation", "both"))
        if (split is None) != (subset is None):
            raise ValueError(f"{self.what}: validation_split and subset must be given together")
        if split is not None and shuffle and seed is None:
            raise ValueError(f"{self.what}: give a seed, so that training and validation share no file")

    def _index(self, labels: Any, class_names: Any, follow_links: bool) -> None:
        """Find the files in the order of their names, or shuffled, and the class of each."""
        names: list[str] | None = None
        if isinstance(labels, str):
            if labels != "inferred":
                raise unknown(f"labels of {self.what}", labels, ("inferred",))
            found = sorted(
                entry.name for entry in os.scandir(self.directory) if entry.is_dir() and not entry.name.startswith(".")
            )
            names = found if class_names is None else list(class_names)
            if not set(names) <= set(found):
                raise ValueError(f"{self.what}: class_names {names} are no subset of the folders {found}")
            folders = [list(_walk(os.path.join(self.directory, n), follow_links, self.endings)) for n in names]
            paths = [path for files in folders for path in files]
            classes: Any = np.repeat(np.arange(len(names)), [len(files) for files in folders])
        else:
            if class_names is not None:
                raise ValueError(f"{self.what}: class_names need labels='inferred'")
            paths, classes = list(_walk(self.directory, follow_links, self.endings)), None
            if labels is not None:
                classes = np.asarray(labels)
                if len(classes) != len(paths):
                    raise ValueError(f"{self.what}: there are {len(classes)} labels for {len(paths)} files")
                names = [str(v) for v in sorted(set(classes.tolist()))]
        if not paths:
            raise ValueError(f"{self.what}: there are no files {', '.join(self.endings)} in {self.directory!r}")
        if self.seed is None and self.shuffle:
            self.seed = int(numpy_generator().integers(2**31))  # 2 and 31 are free: many
        order = np.arange(len(paths))
        if self.shuffle:  # as Keras does, so that a seed divides files as it does there
            np.random.RandomState(self.seed).shuffle(order)
        self.paths = [paths[i] for i in order]
        self.classes = None if classes is None else classes[order].astype(np.int32)
        self.class_names = names

    def _encoded(self, mode: str | None) -> Array | None:
        if mode is None or self.classes is None:
            return None
        if mode == "binary":
            return self.classes.astype(np.float32)[:, None]
        return (
            np.eye(len(self.class_names or ()), dtype=np.float32)[self.classes]
            if mode == "categorical"
            else self.classes
        )

    def datasets(self, reader: _Reader) -> Any:
        """The dataset, or with subset="both" two."""
        if self.subset is None or self.split is None:
            return self._dataset(slice(None), reader, self.shuffle)
        held = int(self.split * len(self.paths))
        parts = {"training": slice(0, len(self.paths) - held), "validation": slice(len(self.paths) - held, None)}
        wanted = ["training", "validation"] if self.subset == "both" else [self.subset]
        made = [self._dataset(parts[name], reader, self.shuffle and name == "training") for name in wanted]
        for name, dataset in zip(wanted, made, strict=True):
            if not dataset.samples:
                raise ValueError(f"{self.what}: validation_split={self.split} leaves no files for {name}")
        return made if self.subset == "both" else made[0]

    def _dataset(self, part: slice, reader: _Reader, shuffle: bool) -> _Files:
        labels = None if self.labels is None else self.labels[part]
        return _Files(
            self.what, self.paths[part], labels, reader, self.batch_size, shuffle, self.seed, self.class_names,
            self.skip,
        )  # fmt: skip


@named("image_dataset_from_directory")
def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: int | Sequence[int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
    *,
    unreadable: str = "error",
) -> Any:
    """Batches of the images of a folder: bmp, gif, jpeg, png, read by threads before their batch is asked for.

    Args:
        color_mode: "rgb", "rgba" or "grayscale".
        image_size: (height, width) that all images get; an integer for both.
        interpolation: how they are resized, as for ``ops.image.resize``.
        crop_to_aspect_ratio: whether the largest part in the middle of the wanted proportions is taken before.
        pad_to_aspect_ratio: whether zeros around it give an image the wanted proportions before.
        data_format: "channels_last" (None: see config) or "channels_first": where the channels shall stand.
        unreadable: "error" stops at a file that cannot be read; "skip" leaves it out, with a warning that names it.

    Returns: a Dataset of float32 images (N, H, W, C) with pixels from 0 to 255, or of (images, labels), with
        ``class_names`` and ``file_paths``; with ``subset="both"`` a list of two.

    Raises:
        ValueError: there are no files, an option is unknown, labels or names do not fit.
        ImportError: Pillow is not installed.

    Example:
        >>> import os
        >>> for name in ("cats/a.png", "dogs/b.png"):
        ...     os.makedirs(os.path.dirname(name))
        ...     utils.save_img(name, np.zeros((4, 4, 3)))
        >>> data = utils.image_dataset_from_directory(".", image_size=(8, 8), shuffle=False, verbose=False)
        >>> images, labels = next(iter(data))
        >>> images.shape, labels.tolist(), data.class_names
        ((2, 8, 8, 3), [0, 1], ['cats', 'dogs'])
    """
    what = "image_dataset_from_directory"
    check_format(what, format)
    if color_mode not in MODES:
        raise unknown(f"color_mode of {what}", color_mode, MODES)
    size: tuple[Any, ...] = (image_size, image_size)
    if isinstance(image_size, (tuple, list)):
        size = tuple(image_size)
    if len(size) != 2 or not all(is_index(n) and n > 0 for n in size):
        raise ValueError(f"{what}: image_size must be (height, width), got {image_size!r}")
    first = is_channels_first(what, data_format)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(f"{what}: crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other")
    pillow(what)
    # An unknown one shows now.
    ops.image.resize(np.zeros((1, 1, 1)), (1, 1), interpolation, data_format="channels_last")  # 1 is free: any image
    request = _Request(
        what, directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset,
        follow_links, verbose, unreadable, _IMAGES,
    )  # fmt: skip

    reader = _Images(color_mode, size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio, first)
    return request.datasets(reader)


@named("text_dataset_from_directory")
def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
    *,
    unreadable: str = "error",
) -> Any:
    """Batches of the text files (.txt, UTF-8) of a folder, read by threads before their batch is asked for.

    Args:
        max_length: characters that are taken of each; None takes all.
        unreadable: "error" stops at a file that cannot be read; "skip" leaves it out, with a warning that names it.

    Returns: a Dataset of arrays of text, or of (text, labels), with ``class_names`` and ``file_paths``; with
        ``subset="both"`` a list of two.

    Raises:
        ValueError: there are no files, an option is unknown, labels or names do not fit.

    Example:
        >>> import os, pathlib
        >>> for name in ("bad/a.txt", "good/b.txt"):
        ...     os.makedirs(os.path.dirname(name))
        ...     n = pathlib.Path(name).write_text("a film")
        >>> data = utils.text_dataset_from_directory(".", shuffle=False, verbose=False)
        >>> texts, labels = next(iter(data))
        >>> texts.tolist(), labels.tolist()
        (['a film', 'a film'], [0, 1])
    """
    what = "text_dataset_from_directory"
    check_format(what, format)
    if max_length is not None and (not is_index(max_length) or max_length < 1):
        raise ValueError(f"{what}: max_length must be a positive integer or None, got {max_length!r}")
    request = _Request(
        what, directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset,
        follow_links, verbose, unreadable, (".txt",),
    )  # fmt: skip

    return request.datasets(_Texts(max_length))


@named("audio_dataset_from_directory")
def audio_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
    *,
    unreadable: str = "error",
) -> Any:
    """Batches of the sounds (.wav, uncompressed) of a folder, read by threads before their batch is asked for.

    Args:
        sampling_rate: samples a second that all sounds get, by Fourier transform; None leaves theirs.
        output_sequence_length: samples of each sound, cut off or padded with zeros; None takes them as they are, and
            all of a batch must be equally long.
        ragged: an option of Keras that is not supported: True is a ValueError.
        unreadable: "error" stops at a file that cannot be read; "skip" leaves it out, with a warning that names it.

    Returns: a Dataset of float32 sounds (N, samples, channels) between -1 and 1, or of (sounds, labels), with
        ``class_names`` and ``file_paths``; with ``subset="both"`` a list of two.

    Raises:
        ValueError: there are no files, an option is unknown, labels or names do not fit.

    Example:
        >>> import os, wave
        >>> for name in ("no/a.wav", "yes/b.wav"):
        ...     os.makedirs(os.path.dirname(name))
        ...     with wave.open(name, "wb") as file:
        ...         file.setparams((1, 2, 8000, 0, "NONE", ""))
        ...         file.writeframes(bytes(2 * 100))
        >>> data = utils.audio_dataset_from_directory(".", shuffle=False, verbose=False)
        >>> sounds, labels = next(iter(data))
        >>> sounds.shape, labels.tolist()
        ((2, 100, 1), [0, 1])
    """
    what = "audio_dataset_from_directory"
    if ragged:
        raise ValueError(f"{what}: ragged=True is not supported; give output_sequence_length")
    for name, number in (("sampling_rate", sampling_rate), ("output_sequence_length", output_sequence_length)):
        if number is not None and (not is_index(number) or number < 1):
            raise ValueError(f"{what}: {name} must be a positive integer or None, got {number!r}")
    request = _Request(
        what, directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset,
        follow_links, verbose, unreadable, (".wav",),
    )  # fmt: skip

    return request.datasets(_Sounds(what, sampling_rate, output_sequence_length))


__all__ = ["audio_dataset_from_directory", "image_dataset_from_directory", "text_dataset_from_directory"]
