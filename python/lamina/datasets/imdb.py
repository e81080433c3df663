"""IMDB: reviews of films that liked them or not."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.explain import named
from ..core.rooms import publish
from .npz_file import read_npz
from .sources import GOOGLE, Split, file_of, legacy_random, shuffled
from .word_lists import as_objects, common_words, marked, shorter_than, word_index

_WHAT = "imdb.load_data"
_CHECKSUM = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
_CHECKSUM_OF_WORDS = "bfafd718b763782e994055a2d397834f"


@named(_WHAT)
def load_data(
    path: Any = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Split:
    """Reviews of films as lists of words' indices, and whether they liked it: 25,000 to train on, 25,000 to test.

    A word's index is its rank, 1 for the most frequent, and ``index_from`` more; 0 is free for padding.

    Args:
        path: name of the file in the cache, where it is downloaded to; or, with a folder, the path of a file that is
            read as it is, without running what a pickle in it might say.
        num_words: indices from here on are left out.
        skip_top: indices below are left out.
        maxlen: reviews of as many words or more are left out.
        seed: seed of the order of reviews.
        start_char: index that each review begins with; None for none.
        oov_char: index in place of those left out; None leaves nothing there.
        index_from: what is added to ranks.

    Returns: ``(x_train, y_train), (x_test, y_test)``: arrays (N,) of lists, and labels (N,), 1 for those that liked it.

    Raises:
        ConnectionError: it is not there and cannot be downloaded; the message says where to put it by hand.
        ValueError: no review is shorter than ``maxlen``; the file is another one.
        FileNotFoundError: there is no file at the path.

    Source: Keras 3, keras.datasets.imdb.load_data; A. Maas et al., Learning Word Vectors for Sentiment Analysis (2011).

    Example:
        >>> reviews = np.array([[1, 7, 2], [5]], dtype=object)
        >>> np.savez("own.npz", x_train=reviews, y_train=[1, 0], x_test=reviews, y_test=[1, 0])
        >>> (x_train, y_train), _ = datasets.imdb.load_data("./own.npz", num_words=9)
        >>> [(words, int(label)) for words, label in zip(x_train, y_train)]
        [([1, 4, 2, 5], 1), ([1, 8], 0)]
    """
    file = file_of(_WHAT, path, f"{GOOGLE}imdb.npz", _CHECKSUM)
    x_train, y_train, x_test, y_test = read_npz(_WHAT, file, ("x_train", "y_train", "x_test", "y_test"))
    random, parts = legacy_random(seed), []
    for x, y in (x_train, y_train), (x_test, y_test):
        order = shuffled(len(x), random)
        texts, labels = marked([x[i] for i in order], start_char, index_from), y[order]
        parts.append(shorter_than(_WHAT, maxlen, texts, labels) if maxlen else (texts, labels))
    at = len(parts[0][0])
    texts = common_words(parts[0][0] + parts[1][0], num_words, skip_top, oov_char)
    y = np.concatenate([parts[0][1], parts[1][1]])
    return (as_objects(texts[:at]), y[:at]), (as_objects(texts[at:]), y[at:])


@named("imdb.get_word_index")
def get_word_index(path: Any = "imdb_word_index.json") -> dict[str, int]:
    """The words of the reviews and their ranks, 1 for the most frequent; in the lists they are ``index_from`` more.

    Args:
        path: name of the file in the cache, where it is downloaded to; or, with a folder, the path of a file.

    Raises:
        ConnectionError: it is not there and cannot be downloaded; the message says where to put it by hand.
        ValueError: the file is another one.
        FileNotFoundError: there is no file at the path.

    Source: Keras 3, keras.datasets.imdb.get_word_index.

    Example:
        >>> import pathlib
        >>> _ = pathlib.Path("own.json").write_text('{"the": 1, "film": 2}')
        >>> ranks = datasets.imdb.get_word_index("./own.json")
        >>> words = {rank + 3: word for word, rank in ranks.items()}
        >>> " ".join(words.get(i, "?") for i in [1, 4, 5])
        '? the film'
    """
    what = "imdb.get_word_index"
    return word_index(what, file_of(what, path, f"{GOOGLE}imdb_word_index.json", _CHECKSUM_OF_WORDS))


__all__ = ["get_word_index", "load_data"]

publish(__name__)
